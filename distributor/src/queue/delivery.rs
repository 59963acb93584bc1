//! Reading a queue for one subscription.

use super::record::{self, Head};
use crate::core::subscriptions::overtakes;
use crate::log::{LogError, LogReader, LogView};
use proto::{Article, ArticleId, Chunk, Lsn, MarkerKind, SchemaChange, Segment};
use std::collections::BTreeSet;

/// Bytes of rows after which a batch is delivered.
const BATCH_BYTES: usize = 1 << 20;
/// Chunks after which a batch is delivered.
const BATCH_CHUNKS: usize = 1024;
/// Bytes of the queue that are passed over before the subscriber is told how far it is.
const SKIP_BYTES: u64 = 16 << 20;

/// A subscription's place in the queue and its articles.
///
/// Transactions are renumbered: chunks that hold nothing for the subscription are left out, and the others still count from 0. A
/// transaction of which the subscriber got a part always gets its end, be it empty; so does one with a tracer token.
pub struct Delivery {
    reader: Box<dyn LogReader>,
    articles: BTreeSet<ArticleId>,
    /// Number of the next chunk of the transaction that is being read.
    next_part: u32,
    /// Everything up to here is delivered.
    complete: Lsn,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("offset", &self.reader.offset())
            .field("complete", &self.complete)
            .finish_non_exhaustive()
    }
}

/// What was read at a time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Chunks to deliver.
    pub chunks: Vec<Chunk>,
    /// After them, everything up to here is delivered; `None` in the middle of a transaction.
    pub complete: Option<Lsn>,
    /// Whether everything up to the limit has been read.
    pub drained: bool,
    /// The subscription cannot go on: see [`overtakes`].
    pub overtaken: Option<Box<Article>>,
}

impl Delivery {
    /// From what comes after a position. Blocks.
    pub fn start(
        view: &dyn LogView,
        articles: impl IntoIterator<Item = ArticleId>,
        position: Lsn,
        limit: u64,
    ) -> Result<Self, LogError> {
        let mut reader = view.reader();
        reader.seek_after(Some(record::key(position)), limit)?;
        Ok(Self { reader, articles: articles.into_iter().collect(), next_part: 0, complete: position })
    }

    /// Reads on, up to the limit, which is [`super::Committed::offset`]. Blocks.
    pub fn read(&mut self, limit: u64) -> Result<Batch, LogError> {
        let mut batch = Batch::default();
        let (mut bytes, from) = (0, self.reader.offset());
        loop {
            let full = bytes >= BATCH_BYTES || batch.chunks.len() >= BATCH_CHUNKS;
            if full || self.reader.offset() - from >= SKIP_BYTES {
                break;
            }
            let Some(record) = self.reader.next(limit)? else {
                batch.drained = true;
                break;
            };
            let lsn = record::lsn(record.key);
            let head = record::head(&record).map_err(|error| LogError::Io {
                action: "decode a record of",
                path: "the queue".into(),
                source: std::io::Error::other(error),
            })?;
            // Possible after a snapshot that is ahead of the log reader.
            if lsn <= self.complete {
                batch.overtaken = self.overtaken(head);
                if batch.overtaken.is_some() {
                    break;
                }
                continue;
            }
            if let Head::Chunk { committed_at, read_at, marker, schema, segments, .. } = head {
                let schema = self.follow(schema);
                let segments = self.cut(&segments)?;
                let tracer = marker.is_some_and(|marker| marker.kind == MarkerKind::Tracer);
                let empty = schema.is_empty() && segments.is_empty();
                if !empty || (record.ends_unit && (self.next_part > 0 || tracer)) {
                    let last = record.ends_unit;
                    let chunk =
                        Chunk { lsn, part: self.next_part, last, committed_at, read_at, marker, schema, segments };
                    bytes += chunk.payload_bytes();
                    batch.chunks.push(chunk);
                    self.next_part += 1;
                }
            }
            if record.ends_unit {
                self.next_part = 0;
                self.complete = lsn;
            }
        }
        batch.complete = (self.next_part == 0).then_some(self.complete);
        Ok(batch)
    }

    /// A definition in what is not delivered any more that the subscription would have to have.
    fn overtaken(&self, head: Head) -> Option<Box<Article>> {
        let Head::Chunk { schema, .. } = head else { return None };
        let mut definitions = schema.into_iter().map(|change| change.article);
        definitions.find(|a| overtakes(a, |id| self.articles.contains(&id), self.complete)).map(Box::new)
    }

    /// The schema changes of the subscription's articles, whose new definitions are among them from here on.
    fn follow(&mut self, mut changes: Vec<SchemaChange>) -> Vec<SchemaChange> {
        changes.retain(|change| {
            let superseded = change.article.supersedes.is_some_and(|id| self.articles.contains(&id));
            superseded && self.articles.insert(change.article.id) || self.articles.contains(&change.article.id)
        });
        changes
    }

    /// The segments of the subscription's articles; the payloads of others are not read.
    fn cut(&mut self, heads: &[record::SegmentHead]) -> Result<Vec<Segment>, LogError> {
        let mut segments = Vec::new();
        let mut at = 0u32;
        for head in heads {
            let end = at.saturating_add(head.length);
            if self.articles.contains(&head.article) {
                let payload = self.reader.payload(at..end)?;
                if crc32fast::hash(&payload) != head.crc {
                    return Err(LogError::Damaged {
                        path: "the queue".into(),
                        offset: self.reader.offset(),
                        why: "the checksum of a record's rows is wrong",
                    });
                }
                segments.push(Segment { article: head.article, changes: head.changes, payload });
            }
            at = end;
        }
        Ok(segments)
    }
}
