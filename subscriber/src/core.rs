//! The subscriber's pure core: no clock, socket or database inside, so that the same code runs in production and in simulations.
//!
//! - [`stream`]: takes the chunks as the distributor delivers them, checks that nothing is missing, and groups whole transactions
//!   into batches; says when the position may move.
//! - [`parts`]: what the snapshot contains of each article and up to where, and what of a change its parts still need.
//! - [`joining`]: which articles are streamed, where the stream goes on once more are loaded, and which loads go on.
//! - [`decode`]: a chunk's segments as changes, checked against their article.
//! - [`net`]: compacts changes to the net change per key and table.
//! - [`plan`]: in which order the net changes of several tables are applied so that foreign keys hold at each statement.

pub mod decode;
pub mod joining;
pub mod net;
pub mod parts;
pub mod plan;
pub mod stream;

#[cfg(test)]
mod net_tests;
#[cfg(test)]
mod parts_tests;
#[cfg(test)]
mod stream_tests;

use proto::{Article, ArticleId, Lsn};
use std::collections::HashMap;
use std::sync::Arc;

/// Definitions of a subscription's articles, also of retired ones that are still in the queue.
#[derive(Debug, Clone, Default)]
pub struct Articles(HashMap<ArticleId, Arc<Article>>);

impl Articles {
    /// The definition with this id.
    pub fn get(&self, id: ArticleId) -> Option<&Arc<Article>> {
        self.0.get(&id)
    }

    /// A definition that a schema change brought.
    pub fn learn(&mut self, article: Article) {
        self.0.insert(article.id, Arc::new(article));
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Article>> {
        self.0.values()
    }
}

impl FromIterator<Article> for Articles {
    fn from_iter<I: IntoIterator<Item = Article>>(articles: I) -> Self {
        Self(articles.into_iter().map(|a| (a.id, Arc::new(a))).collect())
    }
}

/// What the distributor delivered contradicts itself or the definitions: replication must not go on by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoreError {
    /// Chunks are missing, doubled or out of order.
    #[error("the distributor's stream is broken at {lsn}, part {part}: {detail}; nothing of it was applied")]
    OutOfOrder {
        /// Where.
        lsn: Lsn,
        /// Chunk of the transaction.
        part: u32,
        /// What was expected.
        detail: String,
    },
    /// A change of an article that the subscription was not initialised with.
    #[error(
        "article {article} has changes at {lsn} but was not part of the snapshot that this subscription was initialised from; \
         make a new snapshot, then drop and add the subscription"
    )]
    UnknownArticle {
        /// The article's id, or its table where known.
        article: String,
        /// Where.
        lsn: Lsn,
    },
    /// A column came into a table that the snapshot holds as of later, but without the column.
    #[error(
        "table {table} got a column at {lsn}, and the snapshot that this subscription was initialised from was taken after that \
         without the column; make a new snapshot, then drop and add the subscription"
    )]
    SnapshotTooLate {
        /// The publisher's table.
        table: String,
        /// Where.
        lsn: Lsn,
    },
    /// A change that falls between the positions of a snapshot's parts, and which they cannot take.
    #[error(
        "a change of table {table} at {lsn}, key column(s) {key_columns}, {detail}; make a new snapshot, then drop and add the subscription"
    )]
    PartsApart {
        /// The publisher's table.
        table: String,
        /// Names of the key columns.
        key_columns: String,
        /// Where.
        lsn: Lsn,
        /// What it does.
        detail: String,
    },
    /// A change that does not fit its article's definition.
    #[error("a change of table {table} at {lsn} cannot be used: {detail}")]
    Malformed {
        /// Destination table.
        table: String,
        /// Where.
        lsn: Lsn,
        /// Why.
        detail: String,
    },
    /// A change that cannot follow the ones before it, such as an update of a row just deleted.
    #[error("table {table}: {detail} at {lsn}, key column(s) {key_columns}; the stream contradicts itself")]
    Contradiction {
        /// Destination table.
        table: String,
        /// Names of the key columns.
        key_columns: String,
        /// Where.
        lsn: Lsn,
        /// What follows what.
        detail: String,
    },
}
