//! What goes into the log reader and what comes out of it.

#[cfg(doc)]
use super::LogReader;
use super::{Extension, Problem, SchemaHistory};
use proto::{Article, ArticleId, Change, Chunk, Lsn, Marker};
use sqlserver::cdc::CaptureInstance;
use sqlserver::change::ChangeRow;
use sqlserver::history::{ChangeTable, History};

/// One of the streams of rows that make up a slice of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// Change table of the article with this index in the present set.
    Article(usize),
    /// The marker table's change table.
    Markers,
    /// Values of new columns: [`LogReader::backfill`] says of which.
    Backfill,
    /// `cdc.lsn_time_mapping`.
    Commits,
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// The distributor took this reader on.
    Attached {
        /// Goes with every message.
        epoch: u64,
        /// Everything up to here is durable there.
        position: Option<Lsn>,
        /// Commit time there.
        position_time: Option<i64>,
        /// Version of the articles.
        version: u64,
        /// Articles of all publications of the database.
        articles: Vec<Article>,
        /// Those of them of which nothing was read so far.
        unread: Vec<ArticleId>,
    },
    /// The connection to the distributor is gone; the next input is `Attached`.
    Detached,
    /// The articles changed.
    Articles {
        /// Their version.
        version: u64,
        /// Articles of all publications of the database.
        articles: Vec<Article>,
    },
    /// The capture instances of the database: the answer to [`Output::Inspect`], or unasked from time to time.
    Instances(Vec<CaptureInstance>),
    /// How far the log is captured, and when that was committed: the answer to [`Output::Poll`].
    Captured(Option<(Lsn, i64)>),
    /// What the log knows of [`LogReader::known`]: comes before the answer to [`Output::Inspect`].
    History(History),
    /// The change tables: the answer to [`Output::Verify`]. Also before [`Input::Active`], if they were asked for after that.
    ChangeTables(Vec<ChangeTable>),
    /// Which of the sources have rows in the slice, and what changed of schemas in it: the answer to [`Output::Read`].
    Active(Vec<Source>, SchemaHistory),
    /// The next rows of an article, in order.
    Changes {
        /// Index of the article.
        article: usize,
        /// The rows.
        rows: Vec<ChangeRow>,
    },
    /// The next markers, in order; kinds that this version does not know are `None`.
    Markers(Vec<(Lsn, Option<Marker>)>),
    /// The next commits with their times, in order.
    Commits(Vec<(Lsn, i64)>),
    /// New columns of a table join its articles at a marker, which is captured: before [`Input::Captured`].
    Planned(Box<Extension>),
    /// The next values of new columns, each with the index of the article.
    Backfill(Vec<(usize, Change)>),
    /// A source has no more rows in this slice.
    End(Source),
    /// The distributor has a definition durably and gave it its id: the answer to [`Output::AlterArticle`].
    Altered(Box<Article>),
    /// Everything up to here is durable at the distributor.
    Durable(Lsn),
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Ask for the capture instances.
    Inspect,
    /// Ask how far the log is captured, after a pause.
    Poll {
        /// Polls before this one without anything new: the longer, the longer may the pause be.
        idle: u32,
    },
    /// Begin a slice: find out which sources have rows in it. The slice before is over.
    Read {
        /// Transactions after this one.
        after: Lsn,
        /// Up to this one.
        up_to: Lsn,
    },
    /// Get more of a source of the slice.
    Fetch(Source),
    /// Ask for the change tables, over the connection that answered [`Output::Inspect`].
    Verify,
    /// Send chunks.
    Append {
        /// Of the attachment.
        epoch: u64,
        /// In order.
        chunks: Vec<Chunk>,
    },
    /// Send that everything up to here was sent.
    Progress {
        /// Of the attachment.
        epoch: u64,
        /// Up to here.
        lsn: Lsn,
        /// When that was committed.
        committed_at: i64,
    },
    /// Send a new definition of an article.
    AlterArticle {
        /// Of the attachment.
        epoch: u64,
        /// The definition.
        article: Box<Article>,
    },
    /// Send that these articles are in use.
    ArticlesInUse {
        /// Of the attachment.
        epoch: u64,
        /// Their version.
        version: u64,
    },
    /// Stop: this needs somebody.
    Stop(Problem),
}
