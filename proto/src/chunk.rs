//! Chunks: the pieces in which committed transactions travel and are stored.

use crate::article::ArticleId;
use crate::lsn::Lsn;
use crate::schema::SchemaChange;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Payload bytes after which the publisher closes a chunk (one row may exceed it).
pub const CHUNK_TARGET_BYTES: usize = 1 << 20;

/// A piece of one committed transaction. All chunks of a transaction follow each other, numbered from 0, and the last one
/// says so; transactions follow each other in commit order, so `(lsn, part)` only ever grows within a publication database.
/// A transaction whose last chunk is missing never happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Commit LSN (`__$start_lsn`).
    pub lsn: Lsn,
    /// Number of this chunk within its transaction, from 0.
    pub part: u32,
    /// Whether it ends the transaction.
    pub last: bool,
    /// Commit time at the publisher, microseconds since 1970-01-01 in the server's local time (`lsn_time_mapping.tran_end_time`).
    pub committed_at: i64,
    /// When the log reader read it, microseconds since 1970-01-01 UTC by its own clock.
    pub read_at: i64,
    /// A marker row that the transaction wrote. Only in the last chunk.
    pub marker: Option<Marker>,
    /// Schema changes, which come before the segments. Each names a definition that the distributor already knows.
    pub schema: Vec<SchemaChange>,
    /// Runs of changes, in the order in which the transaction made them.
    pub segments: Vec<Segment>,
}

impl Chunk {
    /// Bytes of row payload in it.
    pub fn payload_bytes(&self) -> usize {
        self.segments.iter().map(|s| s.payload.len()).sum()
    }

    /// Number of row changes in it.
    pub fn changes(&self) -> u64 {
        self.segments.iter().map(|s| u64::from(s.changes)).sum()
    }
}

/// A run of changes of one article within a chunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The article's definition the payload was encoded with.
    pub article: ArticleId,
    /// Number of changes in the payload.
    pub changes: u32,
    /// The changes, each as [`crate::codec::encode_change`] writes it, one after the other.
    pub payload: Vec<u8>,
}

/// A row of the publication database's marker table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// What it is for.
    pub kind: MarkerKind,
    /// Its identity, made by whoever wrote it.
    pub token: Uuid,
}

/// What a marker is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MarkerKind {
    /// The boundary between a snapshot and the stream.
    Snapshot,
    /// A tracer token.
    Tracer,
    /// Keeps the position of an idle database moving.
    Heartbeat,
    /// From here on an article has another row filter: [`crate::catalog::FilterChange`] says which.
    Filter,
}
