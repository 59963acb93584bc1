//! The conversation between the distributor and its clients. One TCP connection carries one client: administrative requests, or
//! a log reader's stream, or a subscription's stream.
//!
//! ```text
//! client                                     distributor
//!   Hello ───────────────────────────────────▶
//!   ◀──────────────────────────── Welcome | Refused
//! administration:
//!   Request ─────────────────────────────────▶
//!   ◀──────────────────────────────────── Response
//! log reader:
//!   Attach ──────────────────────────────────▶
//!   ◀────────────────── Attached{epoch, position, articles} | Refused{Busy}
//!   Append, Append, Progress … ──────────────▶
//!   ◀──────────────────────────── Durable{lsn} …
//!   ◀──────────────────────────── Articles{version}   (someone added an article)
//!   ArticlesInUse{version} ──────────────────▶
//!   AlterArticle{article} ───────────────────▶   (a table's schema changed)
//!   ◀──────────────────── ArticleAltered{article}
//! subscription:
//!   Subscribe{position, articles} ───────────▶
//!   ◀──────────────── Subscribed{articles} | Refused
//!   ◀──────────────── Deliver, Deliver, CaughtUp{lsn} …
//!   ◀──────────────────────────── SnapshotReady       (someone snapshotted an article that was added)
//!   Report{position} ────────────────────────▶
//! both sides send Ping when they have been silent for a while; a peer silent for longer is gone.
//! ```

use crate::article::{Article, ArticleId};
use crate::catalog::{DatabaseName, Request, Response, SubscriptionState};
use crate::chunk::Chunk;
use crate::lsn::Lsn;
use crate::snapshot::TableProgress;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Version of the protocol that this build speaks. A distributor serves clients of its own version and older ones it knows.
pub const PROTOCOL_VERSION: u16 = 5;
/// First bytes of the conversation, in [`Hello::magic`].
pub const MAGIC: [u8; 8] = *b"SQLREPL1";
/// Silence after which a side sends a ping.
pub const PING_AFTER: std::time::Duration = std::time::Duration::from_secs(5);
/// Silence after which the other side counts as gone.
pub const SILENCE_LIMIT: std::time::Duration = std::time::Duration::from_secs(30);

/// What a client opens with. Its encoding never changes.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// [`PROTOCOL_VERSION`] of the client.
    pub protocol: u16,
    /// Client's software version.
    pub software: String,
    /// Who connects, for `status` and logs, e.g. `publisher@host`.
    pub client: String,
    /// Login.
    pub login: String,
    /// Password; only ever sent inside TLS, or in the clear where both sides were told so.
    pub password: String,
}

impl std::fmt::Debug for Hello {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hello")
            .field("protocol", &self.protocol)
            .field("software", &self.software)
            .field("client", &self.client)
            .field("login", &self.login)
            .finish_non_exhaustive()
    }
}

/// From a client to the distributor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ClientMessage {
    /// First message.
    Hello(Hello),
    /// Administration.
    Request(Box<Request>),
    /// Become the log reader of a publication database.
    Attach {
        /// Which.
        database: DatabaseName,
        /// This process.
        reader: Uuid,
    },
    /// Chunks in order.
    Append {
        /// From [`ServerMessage::Attached`].
        epoch: u64,
        /// The chunks.
        chunks: Vec<Chunk>,
    },
    /// Everything committed up to `lsn` has been read and sent; a transaction must not be open.
    Progress {
        /// From [`ServerMessage::Attached`].
        epoch: u64,
        /// Up to here, inclusive.
        lsn: Lsn,
        /// `cdc.lsn_time_mapping.tran_end_time` at `lsn`, as [`Chunk::committed_at`] has it.
        committed_at: i64,
    },
    /// Give an article a new definition: [`Article::supersedes`] and [`Article::since`] are set, the id is 0. To be sent before a
    /// chunk that uses it; answered by [`ServerMessage::ArticleAltered`].
    AlterArticle {
        /// From [`ServerMessage::Attached`].
        epoch: u64,
        /// The definition.
        article: Box<Article>,
    },
    /// What the publication server's clock says, so that commit times can be compared with the distributor's clock. Sent at the
    /// beginning and from time to time.
    Clock {
        /// From [`ServerMessage::Attached`].
        epoch: u64,
        /// The log reader's clock when it sends this, microseconds since 1970-01-01 UTC.
        sent_at: i64,
        /// The server's local time less the log reader's UTC, microseconds.
        local_ahead: i64,
        /// The server's UTC less the log reader's UTC, microseconds.
        utc_ahead: i64,
        /// By how much these two may be wrong.
        uncertainty: i64,
    },
    /// The log reader reads with this version of the articles from its next transaction on.
    ArticlesInUse {
        /// From [`ServerMessage::Attached`].
        epoch: u64,
        /// From [`ServerMessage::Articles`].
        version: u64,
    },
    /// Stream a subscription.
    Subscribe {
        /// Its name.
        subscription: String,
        /// Everything up to here is applied.
        position: Lsn,
        /// The definitions that it has; others are not delivered before a schema change brings them.
        articles: Vec<ArticleId>,
    },
    /// The log reader stops, for a reason that trying again does not help against.
    Stopped {
        /// From [`ServerMessage::Attached`].
        epoch: u64,
        /// Why, and what to do.
        error: String,
    },
    /// How a subscription stands.
    Report(Report),
    /// Nothing to say.
    Ping,
}

/// A subscriber's report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Subscription.
    pub subscription: String,
    /// State.
    pub state: SubscriptionState,
    /// Applied up to here.
    pub position: Option<Lsn>,
    /// The snapshot that it was, or is being, initialised from.
    pub snapshot: Option<Uuid>,
    /// Transactions since the connection began.
    pub transactions: u64,
    /// Changes since the connection began.
    pub changes: u64,
    /// Why it stopped.
    pub error: Option<String>,
    /// The tables that it loads.
    pub loading: Vec<TableProgress>,
    /// Tracer tokens that were committed since the last report, each with when (microseconds since 1970-01-01 UTC, subscriber's
    /// clock).
    pub tracers: Vec<(Uuid, i64)>,
    /// The same clock when the report was sent, which tells how long ago that was.
    pub sent_at: i64,
}

/// From the distributor to a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ServerMessage {
    /// Answer to `Hello`.
    Welcome {
        /// Distributor's protocol version.
        protocol: u16,
        /// Distributor's software version.
        software: String,
    },
    /// The last thing this connection says.
    Refused(Refusal),
    /// Answer to `Request`.
    Response(Result<Response, Refusal>),
    /// Answer to `Attach`.
    Attached {
        /// Fences off earlier log readers.
        epoch: u64,
        /// Everything up to here is durable; `None` at the very beginning.
        position: Option<Lsn>,
        /// Commit time at the position, as the chunk or progress there carried it; together with the position it tells this
        /// database's history from another's.
        position_time: Option<i64>,
        /// Version of `articles`.
        version: u64,
        /// Articles of all publications of the database.
        articles: Vec<Article>,
        /// Those of them of which nothing was read so far: what was changed of their tables up to the position no log reader has followed.
        unread: Vec<ArticleId>,
    },
    /// The articles changed: use these from the next transaction on and say so.
    Articles {
        /// Version of `articles`.
        version: u64,
        /// Articles of all publications of the database.
        articles: Vec<Article>,
    },
    /// Answer to `AlterArticle`: the definition with its id, durable in the catalog. It counts as soon as the queue is durable up to
    /// [`Article::since`]; should another log reader attach before, it is forgotten.
    ArticleAltered(Result<Box<Article>, Refusal>),
    /// Everything up to here is on disk.
    Durable {
        /// Up to here, inclusive.
        lsn: Lsn,
    },
    /// The queue cannot take more for now; what was sent is kept and nothing is lost.
    Paused {
        /// Why, e.g. `no space left on /var/lib/distributor`.
        reason: String,
    },
    /// The queue goes on.
    Resumed,
    /// Answer to `Subscribe`.
    Subscribed {
        /// Definitions of the publication's articles, also of retired ones that are still in the queue.
        articles: Vec<Article>,
    },
    /// Chunks in order, cut down to the subscription's articles. A transaction without any is left out.
    Deliver {
        /// The chunks.
        chunks: Vec<Chunk>,
    },
    /// Everything up to here has been delivered; no transaction is open.
    CaughtUp {
        /// Up to here, inclusive.
        lsn: Lsn,
    },
    /// There are snapshots with articles that the subscription does not have.
    SnapshotReady,
    /// Nothing to say.
    Ping,
}

/// A refusal: what kind, what happened, what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Kind, which decides whether trying again can help.
    pub kind: RefusalKind,
    /// What happened and what to do next.
    pub message: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(kind: RefusalKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// Kinds of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefusalKind {
    /// Version not served.
    Version,
    /// Login failed, or the login may not do this.
    Denied,
    /// Does not exist.
    NotFound,
    /// Exists already.
    Exists,
    /// In use by another; trying again later can help.
    Busy,
    /// Asked wrongly.
    Invalid,
    /// A newer log reader took over.
    Fenced,
    /// The position is no longer in the queue: initialise again.
    Expired,
    /// The distributor failed; trying again later can help.
    Internal,
}
