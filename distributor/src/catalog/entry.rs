//! What the catalog holds.

use super::CatalogError;
use super::index::IndexChange;
use crate::core::subscriptions::fold;
use proto::catalog::{DatabaseName, FilterChange, LoginRole, Publication, Snapshot, Subscription, SubscriptionState};
use proto::{Article, ArticleId, Lsn, TableName, codec};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A thing in the catalog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Entry {
    /// A publication.
    Publication(Publication),
    /// An article.
    Article(Box<Article>),
    /// A subscription.
    Subscription(SubscriptionEntry),
    /// A snapshot.
    Snapshot(Snapshot),
    /// A login.
    Login(LoginEntry),
    /// A publication database.
    Database(DatabaseEntry),
    /// The numbers given out.
    Sequences(Sequences),
    /// A tracer token.
    Tracer(TracerEntry),
    /// A change of a row filter that is under way.
    FilterChange(FilterChange),
    /// A snapshot that is being taken.
    PendingSnapshot(PendingSnapshot),
    /// From where an article is read.
    ReadAfter(ReadAfter),
}

/// From where in the log an article that was added is read: all its changes after this are in the queue, or were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadAfter {
    /// Its first definition.
    pub article: ArticleId,
    /// What the log reader had read when it took it up; `None` at the very beginning, when the log is read from where it is captured.
    pub after: Option<Lsn>,
}

/// A snapshot that was begun and is neither registered nor given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingSnapshot {
    /// Identity.
    pub snapshot: Uuid,
    /// Publication.
    pub publication: String,
    /// Tables at the publisher that it is of; `None` for those of all articles.
    pub tables: Option<Vec<TableName>>,
    /// The queue after this is kept for it: its end when the snapshot was first begun. `None` for everything, and of no meaning where
    /// the publication is not read from the log.
    pub keep_after: Option<Lsn>,
    /// When it was first begun, microseconds since 1970-01-01 UTC by this machine's clock.
    pub begun_at: i64,
}

/// A tracer token. Times are microseconds since 1970-01-01 UTC by this machine's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracerEntry {
    /// Itself.
    pub token: Uuid,
    /// Publication.
    pub publication: String,
    /// When it was announced.
    pub posted_at: i64,
    /// Its transaction, once it is in the queue.
    pub lsn: Option<Lsn>,
    /// When it was committed at the publisher, as far as is known.
    pub publisher_commit: Option<i64>,
    /// When it became durable here.
    pub distributor_commit: Option<i64>,
    /// When it was committed at each subscription.
    pub arrivals: Vec<(String, i64)>,
}

/// A subscription with what must outlive the process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubscriptionEntry {
    /// Itself.
    pub subscription: Subscription,
    /// How it stood.
    pub state: SubscriptionState,
    /// Its last position known.
    pub position: Option<Lsn>,
    /// Everything after this is needed.
    pub keep_after: Option<Lsn>,
    /// The definitions that it has, as it said when it was last streamed. Any definition of an article's lineage stands for the article.
    pub articles: Vec<ArticleId>,
}

/// A login.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct LoginEntry {
    /// Name.
    pub name: String,
    /// Argon2id hash in PHC form.
    pub hash: String,
    /// What it may do.
    pub role: LoginRole,
}

impl std::fmt::Debug for LoginEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginEntry").field("name", &self.name).field("role", &self.role).finish_non_exhaustive()
    }
}

/// A publication database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatabaseEntry {
    /// Itself.
    pub database: DatabaseName,
    /// Number of its queue's directory.
    pub id: u32,
    /// Epoch of its last log reader.
    pub epoch: u64,
    /// Version of its articles; moves on with every change of any of them.
    pub articles_version: u64,
}

/// The last numbers given out; none is given twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequences {
    /// Of an article.
    pub article: u32,
    /// Of a database.
    pub database: u32,
}

/// Names an entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Key {
    /// By name.
    Publication(String),
    /// By id.
    Article(ArticleId),
    /// By name.
    Subscription(String),
    /// By id.
    Snapshot(Uuid),
    /// By name.
    Login(String),
    /// By name.
    Database(DatabaseName),
    /// The only one.
    Sequences,
    /// By token.
    Tracer(Uuid),
    /// By publication and table: an article has one.
    FilterChange(String, TableName),
    /// By the snapshot's id.
    PendingSnapshot(Uuid),
    /// By the article's first definition.
    ReadAfter(ArticleId),
}

/// A change of the catalog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// Adds or replaces.
    Put(Entry),
    /// Removes.
    Delete(Key),
}

/// First byte of an index key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Publication = 1,
    Article,
    Subscription,
    Snapshot,
    Login,
    Database,
    Sequences,
    Tracer,
    FilterChange,
    PendingSnapshot,
    ReadAfter,
}

impl Entry {
    /// Its key.
    pub fn key(&self) -> Key {
        match self {
            Self::Publication(p) => Key::Publication(p.name.clone()),
            Self::Article(a) => Key::Article(a.id),
            Self::Subscription(s) => Key::Subscription(s.subscription.name.clone()),
            Self::Snapshot(s) => Key::Snapshot(s.id),
            Self::Login(l) => Key::Login(l.name.clone()),
            Self::Database(d) => Key::Database(d.database.clone()),
            Self::Sequences(_) => Key::Sequences,
            Self::Tracer(t) => Key::Tracer(t.token),
            Self::FilterChange(c) => Key::FilterChange(c.publication.clone(), c.source.clone()),
            Self::PendingSnapshot(s) => Key::PendingSnapshot(s.snapshot),
            Self::ReadAfter(r) => Key::ReadAfter(r.article),
        }
    }
}

impl Key {
    /// As the index stores it: the same for names that differ in case only.
    pub(super) fn index_key(&self) -> Vec<u8> {
        let (table, key) = match self {
            Self::Publication(name) => (Table::Publication, fold(name).into_bytes()),
            Self::Article(id) => (Table::Article, id.0.to_be_bytes().to_vec()),
            Self::Subscription(name) => (Table::Subscription, fold(name).into_bytes()),
            Self::Snapshot(id) => (Table::Snapshot, id.as_bytes().to_vec()),
            Self::Login(name) => (Table::Login, fold(name).into_bytes()),
            Self::Database(name) => {
                (Table::Database, [fold(&name.server), fold(&name.database)].join("\0").into_bytes())
            }
            Self::Sequences => (Table::Sequences, Vec::new()),
            Self::Tracer(token) => (Table::Tracer, token.as_bytes().to_vec()),
            Self::FilterChange(publication, source) => {
                let names = [publication, &source.schema, &source.table].map(|name| fold(name));
                (Table::FilterChange, names.join("\0").into_bytes())
            }
            Self::PendingSnapshot(id) => (Table::PendingSnapshot, id.as_bytes().to_vec()),
            Self::ReadAfter(id) => (Table::ReadAfter, id.0.to_be_bytes().to_vec()),
        };
        let mut bytes = vec![table as u8];
        bytes.extend(key);
        bytes
    }
}

pub(super) fn index_changes(changes: &[Change]) -> Result<Vec<IndexChange>, CatalogError> {
    let index_change = |change: &Change| {
        Ok(match change {
            Change::Put(entry) => (entry.key().index_key(), Some(codec::encode(entry)?)),
            Change::Delete(key) => (key.index_key(), None),
        })
    };
    changes.iter().map(index_change).collect()
}
