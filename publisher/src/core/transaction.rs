//! Building transactions: changes in, chunks out.

use super::problem::Problem;
use proto::chunk::CHUNK_TARGET_BYTES;
use proto::codec::{MAX_FRAME, encode_change};
use proto::{Article, Change, Chunk, Lsn, Marker, SchemaChange, Segment};

/// Longest payload of a single change: what a frame can carry, less room for the message around it.
const MAX_CHANGE: usize = MAX_FRAME - CHUNK_TARGET_BYTES - (64 << 10);

/// A transaction of which not everything has been read.
#[derive(Debug)]
pub(super) struct OpenTransaction {
    /// Its commit LSN.
    pub lsn: Lsn,
    committed_at: i64,
    part: u32,
    segments: Vec<Segment>,
    bytes: usize,
    marker: Option<Marker>,
    schema: Vec<SchemaChange>,
}

impl OpenTransaction {
    pub fn new(lsn: Lsn, committed_at: i64) -> Self {
        Self { lsn, committed_at, part: 0, segments: Vec::new(), bytes: 0, marker: None, schema: Vec::new() }
    }

    /// Appends a change; gives the chunk that was full before it, if it was.
    pub fn push(&mut self, article: &Article, change: &Change, now: i64) -> Result<Option<Chunk>, Problem> {
        let full = (self.bytes >= CHUNK_TARGET_BYTES).then(|| self.cut(false, now));
        let id = article.id;
        let segment = match self.segments.last_mut() {
            Some(segment) if segment.article == id => segment,
            _ => {
                self.segments.push(Segment { article: id, changes: 0, payload: Vec::new() });
                self.segments.last_mut().expect("one was pushed")
            }
        };
        let before = segment.payload.len();
        let problem = |why: String| Problem::Change { table: article.source.clone(), lsn: self.lsn, why };
        encode_change(change, &mut segment.payload).map_err(|error| problem(error.to_string()))?;
        segment.changes += 1;
        let length = segment.payload.len() - before;
        if length > MAX_CHANGE {
            return Err(problem(format!("its row is {length} bytes long; {MAX_CHANGE} can be transported")));
        }
        self.bytes += length;
        Ok(full)
    }

    /// Puts schema changes before what follows; gives the chunk that was before them, if anything was.
    pub fn change_schema(&mut self, changes: Vec<SchemaChange>, now: i64) -> Option<Chunk> {
        let before = (!self.segments.is_empty()).then(|| self.cut(false, now));
        self.schema.extend(changes);
        before
    }

    /// Notes a marker row.
    pub fn mark(&mut self, marker: Marker) {
        self.marker = Some(marker);
    }

    /// The last chunk; none if there was nothing at all in it.
    pub fn finish(mut self, now: i64) -> Option<Chunk> {
        let empty = self.part == 0 && self.segments.is_empty() && self.marker.is_none() && self.schema.is_empty();
        (!empty).then(|| self.cut(true, now))
    }

    fn cut(&mut self, last: bool, now: i64) -> Chunk {
        let chunk = Chunk {
            lsn: self.lsn,
            part: self.part,
            last,
            committed_at: self.committed_at,
            read_at: now,
            marker: if last { self.marker } else { None },
            schema: std::mem::take(&mut self.schema),
            segments: std::mem::take(&mut self.segments),
        };
        self.part += 1;
        self.bytes = 0;
        chunk
    }
}
