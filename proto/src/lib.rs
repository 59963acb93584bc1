//! What crosses the wire between the roles and what the distributor stores.
//!
//! A committed transaction of the publication database travels as one or more [`Chunk`]s. The publisher encodes the row
//! changes of a chunk once, article by article, into opaque payloads ([`change`]); the distributor stores and forwards
//! them without looking inside; the subscriber decodes them with the [`article::Article`] they name.
//!
//! - [`lsn`], [`value`], [`change`], [`article`], [`chunk`]: the data.
//! - [`snapshot`]: parts of articles as of positions, and how far they are.
//! - [`message`]: the conversation, [`catalog`]: the administrative part of it.
//! - [`codec`]: frames, lengths, checksums, bincode. The only place that encodes or decodes.
//! - [`transport`]: TLS, handshake and login over tokio TCP.
#![forbid(unsafe_code)]

pub mod article;
pub mod catalog;
pub mod change;
pub mod chunk;
pub mod codec;
pub mod lsn;
pub mod message;
pub mod options;
pub mod schema;
pub mod snapshot;
pub mod transport;
pub mod value;

pub use article::{Article, ArticleId, Capture, Column, ColumnType, ComputedColumn, Identity, TableName};
pub use change::{Change, Row};
pub use chunk::{Chunk, Marker, MarkerKind, Segment};
pub use lsn::Lsn;
pub use options::{ArticleOptions, CallFormat, Command, PreCreation, SchemaOptions};
pub use schema::{Constraint, Rule, SchemaChange, TableChange};
pub use snapshot::{KeyRange, SnapshotProgress, TableProgress};
pub use value::Value;
