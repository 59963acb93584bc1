//! The captured log, as the reader sees it: how far it goes, which tables changed, and their rows as batches.

use super::pool::Pool;
use crate::capture;
use crate::core::Source;
use crate::error::{Error, ErrorKind};
use crate::publication::now;
use proto::message::ClientMessage;
use proto::{Article, Lsn, Marker, MarkerKind};
use sqlserver::cdc::{self, CaptureInstance};
use sqlserver::change::{self, ChangeRow, Operation, Place};
use sqlserver::history::{self, ChangeTable, History};
use sqlserver::predicate::Predicate;
use sqlserver::{Client, RowStream, ServerOptions, database, marker};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use uuid::Uuid;

/// Rows of a batch.
const BATCH_ROWS: usize = 1_024;
/// Bytes of a batch, beyond the rows' fixed parts.
const BATCH_BYTES: usize = 256 << 10;
/// Batches of a source that wait to be merged.
const BATCHES_AHEAD: usize = 3;
/// Connections that read a slice.
const CONNECTIONS: usize = 8;
/// Rows of all pages together, when there are more tables than connections and they are read page by page.
const PAGE_ROWS: usize = 20_000;

/// An article with its filter checked.
#[derive(Debug, Clone)]
pub(super) struct Published {
    pub article: Article,
    pub predicate: Option<Predicate>,
}

impl Published {
    pub fn new(article: &Article) -> Result<Self, Error> {
        let predicate = article.filter.as_deref().map(Predicate::parse).transpose().map_err(|why| {
            Error::invalid(format!("the filter of {} that the distributor has cannot be used: {why}", article.source))
        })?;
        Ok(Self { article: article.clone(), predicate })
    }
}

/// Some rows of a source.
#[derive(Debug)]
pub(super) enum Batch {
    Changes(Vec<ChangeRow>),
    Markers(Vec<(Lsn, Option<Marker>)>),
    Commits(Vec<(Lsn, i64)>),
    Backfill(super::extension::Changes),
    End,
}

/// The log of a database.
#[derive(Debug)]
pub(super) struct Log {
    client: Client,
    pool: Arc<Pool>,
}

impl Log {
    /// Connects.
    pub async fn open(options: &ServerOptions) -> Result<Self, Error> {
        let client = Client::connect(options).await?;
        Ok(Self { client, pool: Arc::new(Pool::new(options.clone(), CONNECTIONS)) })
    }

    /// What the database says about itself.
    pub async fn facts(&mut self) -> Result<database::DatabaseFacts, Error> {
        Ok(database::facts(&mut self.client).await?)
    }

    /// Warns about a capture job that slows replication down, or is missing, unless this process is its `substitute`.
    pub async fn warn_about_capture(&mut self, substitute: bool) -> Result<(), Error> {
        if substitute || !self.facts().await?.cdc_enabled {
            return Ok(());
        }
        capture::warn(&mut self.client).await
    }

    /// The server's clock against this machine's, for the distributor.
    pub async fn clock(&mut self, epoch: u64) -> Result<ClientMessage, Error> {
        let before = now();
        let clock = database::clock(&mut self.client).await?;
        let sent_at = now();
        let middle = before + (sent_at - before) / 2;
        let (local_ahead, utc_ahead) = (clock.local - middle, clock.utc - middle);
        Ok(ClientMessage::Clock { epoch, sent_at, local_ahead, utc_ahead, uncertainty: (sent_at - before) / 2 })
    }

    /// Writes a heartbeat. The error is the server's own, for whoever asks what permission is missing.
    pub async fn beat(&mut self) -> Result<(), sqlserver::Error> {
        marker::insert(&mut self.client, Marker { kind: MarkerKind::Heartbeat, token: Uuid::new_v4() }).await
    }

    /// Removes old markers.
    pub async fn remove_old_markers(&mut self) -> Result<(), sqlserver::Error> {
        marker::remove_old(&mut self.client).await
    }

    /// The capture instances, and what the log knows of a position in it; nothing where change data capture is not enabled (any more).
    pub async fn inspect(&mut self, position: Option<Lsn>) -> Result<(Option<History>, Vec<CaptureInstance>), Error> {
        if !self.facts().await?.cdc_enabled {
            return Ok((None, Vec::new()));
        }
        let history = match position {
            Some(position) => Some(history::at(&mut self.client, position).await.map_err(dropped)?),
            None => None,
        };
        Ok((history, cdc::capture_instances(&mut self.client).await.map_err(dropped)?))
    }

    /// How far the log is captured, and when that was committed.
    pub async fn captured(&mut self) -> Result<Option<(Lsn, i64)>, Error> {
        cdc::captured(&mut self.client).await.map_err(dropped)
    }

    /// The change tables as they stand.
    pub async fn change_tables(&mut self) -> Result<Vec<ChangeTable>, Error> {
        history::change_tables(&mut self.client).await.map_err(dropped)
    }

    /// For questions beside the reading.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Finds out which sources have rows in `(after, up_to]`, how the change tables stand after that, and begins to read.
    pub async fn read(
        &mut self,
        articles: &Arc<Vec<Published>>,
        after: Lsn,
        up_to: Lsn,
    ) -> Result<(Vec<Source>, Vec<ChangeTable>, Slice), Error> {
        let mut instances: Vec<&str> = articles.iter().map(|p| p.article.capture.instance.as_str()).collect();
        instances.push(marker::CAPTURE_INSTANCE);
        let (active, tables) = cdc::active(&mut self.client, &instances, after, up_to).await.map_err(dropped)?;
        let sources: Vec<Source> =
            active.into_iter().map(|i| if i < articles.len() { Source::Article(i) } else { Source::Markers }).collect();
        let mut slice = Slice { batches: HashMap::new(), tasks: JoinSet::new() };
        if !sources.is_empty() {
            // Of the connections, the commits and the markers take one each.
            let paged = sources.len() + 2 > CONNECTIONS;
            let page = paged.then(|| (PAGE_ROWS / sources.len()).clamp(20, 1_000) as u32);
            for source in sources.iter().copied().chain([Source::Commits]) {
                let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
                slice.batches.insert(source, receiver);
                let task = Task { pool: self.pool.clone(), articles: articles.clone(), source, after, up_to, page };
                slice.tasks.spawn(task.run(sender));
            }
        }
        Ok((sources, tables, slice))
    }
}

/// A slice that is being read. Dropped, it stops.
#[derive(Debug)]
pub(super) struct Slice {
    batches: HashMap<Source, mpsc::Receiver<Result<Batch, Error>>>,
    tasks: JoinSet<()>,
}

impl Slice {
    /// The next batch of a source; [`Batch::End`] once and again at its end.
    pub async fn next(&mut self, source: Source) -> Result<Batch, Error> {
        let Some(batches) = self.batches.get_mut(&source) else { return Ok(Batch::End) };
        match batches.recv().await {
            Some(Ok(Batch::End)) => {
                self.batches.remove(&source);
                Ok(Batch::End)
            }
            Some(batch) => batch,
            None => Err(Error::new(ErrorKind::Transient, "a reader of the log ended before its end")),
        }
    }
}

/// Reads one source of a slice.
struct Task {
    pool: Arc<Pool>,
    articles: Arc<Vec<Published>>,
    source: Source,
    after: Lsn,
    up_to: Lsn,
    page: Option<u32>,
}

type Batches = mpsc::Sender<Result<Batch, Error>>;

impl Task {
    async fn run(self, batches: Batches) {
        let end = Box::pin(self.read(&batches)).await;
        // Nobody listens when the slice was given up.
        let _ = batches.send(end.map(|()| Batch::End)).await;
    }

    async fn read(&self, batches: &Batches) -> Result<(), Error> {
        match self.source {
            Source::Article(i) => match self.page {
                Some(rows) => self.article_by_pages(&self.articles[i], rows, batches).await,
                None => self.article(&self.articles[i], batches).await,
            },
            Source::Markers => self.markers(batches).await,
            Source::Commits => self.commits(batches).await,
            // That is not in the log.
            Source::Backfill => Ok(()),
        }
    }

    async fn article(&self, published: &Published, batches: &Batches) -> Result<(), Error> {
        let Published { article, predicate } = published;
        let mut client = self.pool.take().await?;
        let mut rows =
            change::stream(&mut client, article, predicate.as_ref(), self.after, self.up_to).await.map_err(dropped)?;
        let mut batch = Gathering::default();
        while let Some(row) = rows.next().await.map_err(dropped)? {
            let row = decode(row, article)?;
            let bytes = row.values.iter().map(proto::Value::heap_size).sum();
            if let Some(full) = batch.add(row, bytes)
                && batches.send(Ok(Batch::Changes(full))).await.is_err()
            {
                return Ok(());
            }
        }
        drop(rows);
        client.give_back();
        send_rest(batches, batch.rows, Batch::Changes).await;
        Ok(())
    }

    /// With more tables than connections, none may keep its connection while it waits to be merged.
    async fn article_by_pages(&self, published: &Published, page: u32, batches: &Batches) -> Result<(), Error> {
        let Published { article, predicate } = published;
        let mut after = Place { lsn: self.after, command: i32::MAX, sequence: Lsn::MAX, operation: Operation::After };
        loop {
            let mut client = self.pool.take().await?;
            let mut rows = change::page(&mut client, article, predicate.as_ref(), after, self.up_to, page)
                .await
                .map_err(dropped)?;
            let mut changes = Vec::new();
            while let Some(row) = rows.next().await.map_err(dropped)? {
                changes.push(decode(row, article)?);
            }
            drop(rows);
            client.give_back();
            let last_page = changes.len() < page as usize;
            if let Some(last) = changes.last() {
                after = last.place;
            }
            if batches.send(Ok(Batch::Changes(changes))).await.is_err() || last_page {
                return Ok(());
            }
        }
    }

    async fn markers(&self, batches: &Batches) -> Result<(), Error> {
        let mut client = self.pool.take().await?;
        let rows = marker::stream(&mut client, self.after, self.up_to).await?;
        let decode = |row| marker::decode(row).ok();
        relay(rows, decode, batches, Batch::Markers, "the marker table is not as this version made it").await?;
        client.give_back();
        Ok(())
    }

    async fn commits(&self, batches: &Batches) -> Result<(), Error> {
        let mut client = self.pool.take().await?;
        let rows = change::commits(&mut client, self.after, self.up_to).await?;
        relay(rows, change::decode_commit, batches, Batch::Commits, "cdc.lsn_time_mapping is not as documented")
            .await?;
        client.give_back();
        Ok(())
    }
}

async fn relay<T>(
    mut rows: RowStream<'_>,
    decode: impl Fn(proto::Row) -> Option<T> + Send,
    batches: &Batches,
    batch_of: fn(Vec<T>) -> Batch,
    unfit: &str,
) -> Result<(), Error> {
    let mut batch = Gathering::default();
    while let Some(row) = rows.next().await? {
        let row = decode(row).ok_or_else(|| Error::new(ErrorKind::Problem, unfit))?;
        if let Some(full) = batch.add(row, 0)
            && batches.send(Ok(batch_of(full))).await.is_err()
        {
            return Ok(());
        }
    }
    send_rest(batches, batch.rows, batch_of).await;
    Ok(())
}

async fn send_rest<T>(batches: &Batches, rest: Vec<T>, batch_of: fn(Vec<T>) -> Batch) {
    if !rest.is_empty() {
        // Nobody listens when the slice was given up.
        let _ = batches.send(Ok(batch_of(rest))).await;
    }
}

/// A batch in the making.
struct Gathering<T> {
    rows: Vec<T>,
    bytes: usize,
}

impl<T> Default for Gathering<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), bytes: 0 }
    }
}

impl<T> Gathering<T> {
    /// Adds a row; gives the batch if it is full with it.
    fn add(&mut self, row: T, bytes: usize) -> Option<Vec<T>> {
        self.rows.push(row);
        self.bytes += bytes;
        let full = self.rows.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES;
        full.then(|| {
            self.bytes = 0;
            std::mem::take(&mut self.rows)
        })
    }
}

fn decode(row: proto::Row, article: &Article) -> Result<ChangeRow, Error> {
    change::decode(row, article).map_err(|why| {
        Error::new(
            ErrorKind::Problem,
            format!(
                "the change table of {} cannot be read: {why}. Drop and add the article, then take a new snapshot",
                article.source
            ),
        )
    })
}

/// A change table that is not there may be that of an article that was just dropped: after attaching anew, the articles are as they
/// are now, and if it is still one of them, it is reported as gone.
pub(super) fn dropped(error: sqlserver::Error) -> Error {
    const INVALID_OBJECT: u32 = 208;
    if error.number() == Some(INVALID_OBJECT) {
        return Error::because(ErrorKind::Transient, error.to_string(), error);
    }
    error.into()
}
