//! Chunks and progress as records of the log.

use crate::log::{Record, RecordHead};
use proto::codec::{self, CodecError};
use proto::{ArticleId, Chunk, Lsn, Marker, SchemaChange, Segment};
use serde::{Deserialize, Serialize};

/// A record's head: everything of it but the rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Head {
    /// A chunk without its payloads.
    Chunk {
        /// [`Chunk::part`].
        part: u32,
        /// [`Chunk::committed_at`].
        committed_at: i64,
        /// [`Chunk::read_at`].
        read_at: i64,
        /// [`Chunk::marker`].
        marker: Option<Marker>,
        /// [`Chunk::schema`].
        schema: Vec<SchemaChange>,
        /// Its segments, in the order of their payloads.
        segments: Vec<SegmentHead>,
    },
    /// Everything up to the record's LSN has been read.
    Progress {
        /// When that was committed.
        committed_at: i64,
    },
}

/// A segment without its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentHead {
    /// [`Segment::article`].
    pub article: ArticleId,
    /// [`Segment::changes`].
    pub changes: u32,
    /// Bytes of its payload.
    pub length: u32,
    /// CRC-32 of its payload.
    pub crc: u32,
}

/// The key of an LSN's records.
pub fn key(lsn: Lsn) -> u128 {
    lsn.into()
}

/// The LSN of a record's key. The key of a record that was written from an LSN always is one.
pub fn lsn(key: u128) -> Lsn {
    Lsn::try_from(key).unwrap_or(Lsn::MAX)
}

/// A chunk's record.
pub fn chunk(chunk: Chunk) -> Result<Record, CodecError> {
    let segments = chunk
        .segments
        .iter()
        .map(|segment| SegmentHead {
            article: segment.article,
            changes: segment.changes,
            length: segment.payload.len() as u32,
            crc: crc32fast::hash(&segment.payload),
        })
        .collect();
    let head = Head::Chunk {
        part: chunk.part,
        committed_at: chunk.committed_at,
        read_at: chunk.read_at,
        marker: chunk.marker,
        schema: chunk.schema,
        segments,
    };
    Ok(Record {
        key: key(chunk.lsn),
        ends_unit: chunk.last,
        counts: true,
        head: codec::encode(&head)?,
        payload: chunk.segments.into_iter().map(|segment: Segment| segment.payload).collect(),
    })
}

/// The record of progress.
pub fn progress(lsn: Lsn, committed_at: i64) -> Result<Record, CodecError> {
    let head = codec::encode(&Head::Progress { committed_at })?;
    Ok(Record { key: key(lsn), ends_unit: true, counts: false, head, payload: Vec::new() })
}

/// What a record's head says.
pub fn head(record: &RecordHead) -> Result<Head, CodecError> {
    codec::decode(&record.head)
}
