//! Administration: publications, articles, subscriptions, snapshots, logins, status.

use crate::article::{Article, ArticleId, TableName};
use crate::lsn::Lsn;
use crate::snapshot::{ListedSnapshot, SnapshotProgress, SnapshotToLoad, TableProgress};
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// Names a database as the distributor knows it: what `@@SERVERNAME` and `DB_NAME()` say, not how it is reached.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DatabaseName {
    /// `@@SERVERNAME`.
    pub server: String,
    /// `DB_NAME()`.
    pub database: String,
}

impl fmt::Display for DatabaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.server, self.database)
    }
}

/// A publication: a named set of articles of one database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// Name, unique at the distributor without regard to case.
    pub name: String,
    /// What replication it is for.
    pub kind: PublicationKind,
    /// Publication database.
    pub database: DatabaseName,
    /// Major version of the publisher's server (`SERVERPROPERTY('ProductMajorVersion')`).
    pub server_version: u16,
    /// Schema changes of its tables are carried out at the subscribers too (`@replicate_ddl`).
    pub replicate_ddl: bool,
    /// Microseconds since 1970-01-01 UTC.
    pub created_at: i64,
}

impl Publication {
    /// Whether this is that publication, whatever was set of it since: not another of its name that was dropped, or is at another
    /// distributor.
    pub fn is_same(&self, other: &Self) -> bool {
        let identity = |p: &Self| (p.name.to_lowercase(), p.database.clone(), p.created_at);
        identity(self) == identity(other)
    }
}

/// How a publication's changes get to its subscriptions (`@repl_freq` of `sp_addpublication`,
/// <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-addpublication-transact-sql>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PublicationKind {
    /// A snapshot at first, then every transaction, in order.
    #[default]
    Transactional,
    /// All rows anew each time that a snapshot is taken; nothing is read from the log.
    Snapshot,
}

/// How a new subscription gets its first rows (`@sync_type` of `sp_addsubscription`,
/// <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-addsubscription-transact-sql>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SyncType {
    /// From a snapshot: tables and rows.
    #[default]
    Automatic,
    /// Tables and rows are there and equal to the publisher's; what commits from now on is delivered.
    ReplicationSupportOnly,
    /// Tables and rows are there as of this position; what comes after it is delivered.
    InitializeFromLsn(Lsn),
}

/// A subscription of one database to one publication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Name, unique at the distributor without regard to case.
    pub name: String,
    /// Publication.
    pub publication: String,
    /// Subscription database.
    pub database: DatabaseName,
    /// How it gets its first rows.
    pub sync: SyncType,
    /// Microseconds since 1970-01-01 UTC.
    pub created_at: i64,
}

/// A change of an article's row filter that is under way: it takes effect at the [`crate::MarkerKind::Filter`] marker with its token, if
/// there ever is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterChange {
    /// Identity.
    pub token: Uuid,
    /// Publication.
    pub publication: String,
    /// The article's table at the publisher.
    pub source: TableName,
    /// The filter that it is to take the place of: with another one in force at the marker, nothing happens.
    pub before: Option<String>,
    /// The new one; `None` for all rows.
    pub filter: Option<String>,
}

/// A finished snapshot in the working directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Identity, also its folder's name.
    pub id: Uuid,
    /// Publication it is of.
    pub publication: String,
    /// Folder as a URL, e.g. `file:///srv/repldata/<id>`.
    pub location: String,
    /// Articles with the LSNs up to which their changes are contained: the stream applies to them what comes after. An article whose
    /// parts have several boundaries is there with each. None in snapshots of a [`PublicationKind::Snapshot`] publication, whose articles are
    /// all there with [`Lsn::ZERO`].
    pub boundaries: Vec<(ArticleId, Lsn)>,
    /// Rows over all articles.
    pub rows: u64,
    /// Bytes over all data files.
    pub bytes: u64,
    /// Microseconds since 1970-01-01 UTC.
    pub created_at: i64,
}

/// What a login may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoginRole {
    /// Everything, and the logins themselves.
    Admin,
    /// Publications, articles, snapshots, and the log reader.
    Publisher,
    /// Subscriptions and their streams.
    Subscriber,
    /// Only to look.
    Monitor,
}

/// Administrative requests; each is answered by one [`Response`] or an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Request {
    PublicationAdd(Publication),
    PublicationList,
    /// Holds for schema changes that the log reader comes to afterwards.
    PublicationSet {
        name: String,
        replicate_ddl: bool,
    },
    /// Refused while it has subscriptions.
    PublicationDrop {
        name: String,
    },
    /// The distributor gives the id. Subscriptions that there are get the article from a snapshot with it.
    ArticleAdd(Box<Article>),
    /// All articles, or those of one publication.
    ArticleList {
        publication: Option<String>,
    },
    /// Refused while the publication has subscriptions.
    ArticleDrop {
        publication: String,
        source: TableName,
    },
    /// Comes before its marker, and takes the place of an earlier one of the same article. Refused unless its `before` is in force.
    FilterChangeAdd(FilterChange),
    /// It does nothing from now on, if it has done nothing yet.
    FilterChangeDrop {
        token: Uuid,
    },
    /// Those of a database.
    FilterChangeList {
        database: DatabaseName,
    },
    SubscriptionAdd(Subscription),
    SubscriptionList,
    SubscriptionDrop {
        name: String,
    },
    /// A snapshot is about to be taken, or goes on. The queue after its present end, or after where it was when the snapshot was first
    /// begun, is kept for it until it is registered or abandoned. Answered once every attached log reader of the publication's database
    /// reads with the present articles, so that a marker written afterwards comes after the point from which they are all read.
    SnapshotBegin {
        publication: String,
        snapshot: Uuid,
        /// Tables at the publisher that it is of; `None` for those of all articles.
        articles: Option<Vec<TableName>>,
    },
    /// How far a snapshot has come. Refused as not found once it was given up, as where another one was begun in its place.
    SnapshotProgress(SnapshotProgress),
    /// A snapshot that was begun is finished. May be repeated.
    SnapshotRegister(Snapshot),
    /// A snapshot that was begun is given up: nothing is kept for it any more.
    SnapshotAbandon {
        snapshot: Uuid,
    },
    /// The snapshots of a publication, or all.
    SnapshotList {
        publication: Option<String>,
    },
    /// The files of a snapshot are about to be removed: nobody is told of it from now on. Refused while somebody needs it.
    SnapshotForget {
        snapshot: Uuid,
    },
    /// The fewest, newest snapshots that together hold a publication's articles, but for those that the asker `has`, and from which the
    /// queue can still go on. Of a [`PublicationKind::Snapshot`] publication the newest one with all articles, whatever the asker has.
    SnapshotLatest {
        publication: String,
        has: Vec<ArticleId>,
    },
    /// A tracer token is about to be written to the marker table.
    TracerPost {
        publication: String,
        token: Uuid,
    },
    /// The tracer tokens of a publication, the newest first.
    TracerHistory {
        publication: String,
    },
    LoginAdd {
        name: String,
        password: String,
        role: LoginRole,
    },
    LoginList,
    LoginDrop {
        name: String,
    },
    Status,
}

/// Answers to [`Request`]s.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Response {
    Done,
    Publications(Vec<Publication>),
    ArticleAdded(ArticleId),
    Articles(Vec<Article>),
    FilterChanges(Vec<FilterChange>),
    Subscriptions(Vec<Subscription>),
    /// To `SnapshotBegin`.
    SnapshotBegun {
        publication: Publication,
        articles: Vec<Article>,
        /// The queue has what comes after; parts of an earlier attempt with a boundary before it are of no use any more.
        kept_after: Option<Lsn>,
    },
    /// To `SubscriptionAdd`.
    SubscriptionAdded {
        /// Where it begins, if not with a snapshot.
        position: Option<Lsn>,
        /// The publication's articles.
        articles: Vec<Article>,
    },
    /// To `SnapshotLatest`: `None` where nothing can be loaded yet, and an empty list where nothing is to be loaded. Who has nothing gets
    /// all articles, and `None` while one of them is in no snapshot that can be used; who has some gets those of the others that are in
    /// one.
    SnapshotsToLoad(Option<Vec<SnapshotToLoad>>),
    Snapshots(Vec<ListedSnapshot>),
    TracerHistory(Vec<TracerToken>),
    Logins(Vec<(String, LoginRole)>),
    Status(Box<Status>),
}

/// What the distributor knows of everything it serves. Times are microseconds since 1970-01-01 UTC by the distributor's clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Distributor's version.
    pub version: String,
    /// Now.
    pub now: i64,
    /// Free bytes on the volume of the queue.
    pub disk_free: u64,
    /// Set while the queue cannot take more: why.
    pub paused: Option<String>,
    /// One entry a publication database.
    pub databases: Vec<DatabaseStatus>,
    /// One entry a subscription.
    pub subscriptions: Vec<SubscriptionStatus>,
    /// Snapshots that are being taken, or failed and were not begun again.
    pub snapshots: Vec<SnapshotProgress>,
}

/// A publication database's queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatabaseStatus {
    /// Which.
    pub database: DatabaseName,
    /// Publications with their number of articles.
    pub publications: Vec<(String, u32)>,
    /// The attached log reader: where it connected from, since when.
    pub log_reader: Option<(String, i64)>,
    /// Why the last log reader stopped, if it said so and none has attached since, and when.
    pub log_reader_error: Option<(String, i64)>,
    /// Everything committed up to here is durable in the queue.
    pub position: Option<Lsn>,
    /// Commit time of the newest transaction in the queue (publisher's clock, see [`crate::Chunk::committed_at`]).
    pub last_commit: Option<i64>,
    /// Microseconds between the commit of what is at `position` and its being durable here; while no log reader is attached, the age of that
    /// commit. `None` while that is not known.
    pub latency: Option<i64>,
    /// How far the publication server's clock is ahead of the distributor's, microseconds; `None` before it was measured.
    pub clock_ahead: Option<i64>,
    /// Transactions taken since the distributor started.
    pub transactions: u64,
    /// Row changes taken since the distributor started.
    pub changes: u64,
    /// Bytes of the queue on disk.
    pub bytes: u64,
    /// Segment files.
    pub segments: u32,
    /// LSN of the oldest transaction still kept.
    pub oldest: Option<Lsn>,
}

/// A subscription's progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubscriptionStatus {
    /// Which.
    pub subscription: Subscription,
    /// How it stands.
    pub state: SubscriptionState,
    /// Where the subscriber is connected from.
    pub connected: Option<String>,
    /// Last position that the subscriber reported as applied. A hint: the truth is in the subscription database.
    pub position: Option<Lsn>,
    /// Of a publication of type snapshot: when the one was taken that the subscriber's rows are of, microseconds since 1970-01-01 UTC.
    pub rows_of: Option<i64>,
    /// When it was reported.
    pub reported_at: Option<i64>,
    /// Bytes in the queue after that position.
    pub pending_bytes: u64,
    /// Transactions in the queue after that position.
    pub pending_transactions: u64,
    /// Microseconds between commits at the publisher and at the subscriber: of the last position reported, or, while transactions
    /// wait, the age of the first of them. `None` while that is not known.
    pub latency: Option<i64>,
    /// Transactions applied, as reported since the subscriber connected.
    pub transactions: u64,
    /// Row changes applied, as reported since the subscriber connected.
    pub changes: u64,
    /// Last error the subscriber reported.
    pub error: Option<String>,
    /// The tables that it loads.
    pub loading: Vec<TableProgress>,
}

/// How a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubscriptionState {
    /// Waits for its snapshot.
    Uninitialized,
    /// Loads its snapshot.
    Initializing,
    /// Applies transactions to what it loaded, parts of which are of different positions, until all are of one.
    Synchronizing,
    /// Applies transactions.
    Active,
    /// Stopped by an error.
    Failed,
    /// Behind what the queue still keeps: must be initialised again.
    Expired,
}

/// A tracer token and how far it has come. Times are microseconds since 1970-01-01 UTC by the distributor's clock, to which those of other
/// machines were converted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracerToken {
    /// Identity.
    pub token: Uuid,
    /// Publication that it was posted to.
    pub publication: String,
    /// When it was announced, just before it was written.
    pub posted_at: i64,
    /// When it was committed at the publisher; `None` before it arrived at the distributor, and where the difference of the clocks is not
    /// known.
    pub publisher_commit: Option<i64>,
    /// When it was durable at the distributor.
    pub distributor_commit: Option<i64>,
    /// One entry a subscription.
    pub subscriptions: Vec<TracerArrival>,
}

/// A tracer token's arrival at a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracerArrival {
    /// Subscription.
    pub subscription: String,
    /// When the database transaction with it was committed there; `None` while it is pending.
    pub subscriber_commit: Option<i64>,
    /// Whether the subscription is past it; without a time where it was initialised after the token, or its report was lost.
    pub passed: bool,
}

impl TracerToken {
    /// Microseconds from the publisher to the distributor, as `distributor_latency` of `sp_helptracertokenhistory`
    /// (<https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-helptracertokenhistory-transact-sql>).
    pub fn distributor_latency(&self) -> Option<i64> {
        Some(self.distributor_commit? - self.publisher_commit?)
    }

    /// Microseconds from the distributor to a subscription, as `subscriber_latency`.
    pub fn subscriber_latency(&self, arrival: &TracerArrival) -> Option<i64> {
        Some(arrival.subscriber_commit? - self.distributor_commit?)
    }

    /// Microseconds from the publisher to a subscription, as `overall_latency`.
    pub fn overall_latency(&self, arrival: &TracerArrival) -> Option<i64> {
        Some(arrival.subscriber_commit? - self.publisher_commit?)
    }
}

#[cfg(test)]
mod tests {
    use super::{DatabaseName, Publication, PublicationKind};

    #[test]
    fn a_publication_is_the_same_by_name_database_and_the_time_when_it_was_added() {
        let publication = |name: &str, server: &str, database: &str, created_at| Publication {
            name: name.into(),
            kind: PublicationKind::Transactional,
            database: DatabaseName { server: server.into(), database: database.into() },
            server_version: 16,
            replicate_ddl: true,
            created_at,
        };
        let ours = publication("p", "s", "d", 1);
        let upgraded = Publication { server_version: 17, replicate_ddl: false, ..publication("P", "s", "d", 1) };
        assert!(ours.is_same(&ours) && upgraded.is_same(&ours));
        let others = [("q", "s", "d", 1), ("p", "t", "d", 1), ("p", "s", "e", 1), ("p", "s", "d", 2)];
        for other in others.map(|(name, server, database, created_at)| publication(name, server, database, created_at))
        {
            assert!(!other.is_same(&ours), "{other:?}");
        }
    }
}
