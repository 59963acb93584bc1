//! The stream of a subscription: chunks in, database transactions out.
//!
//! Whole transactions are gathered into one batch as long as more of them wait and the limits allow; a batch ends at a commit
//! boundary of the publisher. While one batch is applied, the next is gathered. A transaction that does not fit into the memory
//! budget is handed out piece by piece: its pieces are applied inside one open database transaction, which commits with its end.
//!
//! A transaction that changes a table's schema is a barrier: what came before is applied before it, and it has a database transaction of its
//! own, in pieces. A chunk with a schema change begins a piece, so that the rows before it meet the table as it was, and its
//! own rows meet the table as it is then.
//!
//! At most one output of those that want an answer ([`Output::wants_answer`]) is outstanding; [`Input::Done`] answers it.

use super::parts::Parts;
use super::{Articles, CoreError};
use proto::{Article, ArticleId, Chunk, Lsn, Marker, MarkerKind, SchemaChange, TableChange};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use uuid::Uuid;

/// When a batch is closed.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Row changes.
    pub changes: u64,
    /// Bytes of payload; also the size from which an unfinished transaction is applied piece by piece.
    pub bytes: usize,
    /// Milliseconds since its first transaction arrived, while more keep coming.
    pub millis: u64,
    /// Milliseconds for which a position that moves without changes may stay unwritten.
    pub move_millis: u64,
}

impl Default for Limits {
    /// 50,000 changes, 6 MiB, 200 ms, 1 s. Decoded, compacted and on their way to the server, 6 MiB become some 100 MiB at the most,
    /// measured with transactions of millions of small rows; 16 MiB became 290.
    fn default() -> Self {
        Self { changes: 50_000, bytes: 6 << 20, millis: 200, move_millis: 1_000 }
    }
}

/// What happens to the stream.
#[derive(Debug)]
pub enum Input {
    /// The next chunk.
    Chunk(Chunk),
    /// Everything up to here was delivered, and no transaction is open.
    CaughtUp(Lsn),
    /// Nothing more waits to be received at this moment.
    Drained,
    /// The outstanding output was carried out.
    Done,
    /// Time passed.
    Tick,
    /// The connection to the distributor is lost. What has not been handed out is forgotten; it comes again.
    Lost,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// Apply these whole transactions and move the position, in one database transaction.
    Batch {
        /// Chunks of whole transactions, in order.
        chunks: Vec<Chunk>,
        /// The last one's LSN.
        position: Lsn,
    },
    /// Apply a piece of a transaction that is large, or changes a table's schema, and leave the database transaction open.
    Part {
        /// Chunks of one transaction, in order. Only the first may have schema changes.
        chunks: Vec<Chunk>,
        /// Begin the database transaction.
        first: bool,
    },
    /// Move the position and commit the open database transaction.
    Commit {
        /// The transaction's LSN.
        position: Lsn,
    },
    /// Roll the open database transaction back.
    Rollback,
    /// Move the position: nothing changed up to there.
    Move {
        /// Up to here, inclusive.
        position: Lsn,
    },
    /// Tell the distributor.
    Report {
        /// Everything up to here is applied and durable.
        position: Lsn,
        /// Transactions applied since the stream began.
        transactions: u64,
        /// Row changes applied since the stream began.
        changes: u64,
    },
}

impl Output {
    /// Whether [`Input::Done`] must answer it.
    pub fn wants_answer(&self) -> bool {
        !matches!(self, Self::Report { .. })
    }
}

/// Work that is complete and waits to be handed out.
#[derive(Debug)]
struct Ready {
    output: Output,
    bytes: usize,
    transactions: u64,
    changes: u64,
}

/// Whole transactions that wait for company.
#[derive(Debug, Default)]
struct Gathered {
    chunks: Vec<Chunk>,
    bytes: usize,
    transactions: u64,
    changes: u64,
    since: u64,
    /// Destination table (as a number) and the one definition that the batch holds of it.
    definitions: HashMap<usize, ArticleId>,
}

/// The transaction whose end has not arrived.
#[derive(Debug)]
struct Open {
    lsn: Lsn,
    next_part: u32,
    chunks: Vec<Chunk>,
    bytes: usize,
    changes: u64,
    /// Pieces of it were handed out.
    in_pieces: bool,
    /// It changes a table's schema.
    barrier: bool,
}

/// State of a subscription's stream.
///
/// Invariant: `position ≤ every LSN in outstanding ≤ ready ≤ gathered ≤ open`, and all of them `≤ received`.
#[derive(Debug)]
pub struct Stream {
    limits: Limits,
    /// What the snapshot contains of each article, and up to where.
    parts: Parts,
    /// The latest of their boundaries.
    last_boundary: Lsn,
    /// Every definition that is known.
    articles: Articles,
    /// Destination tables, as numbers.
    tables: HashMap<(String, String), usize>,
    destinations: HashMap<ArticleId, usize>,
    position: Lsn,
    received: Lsn,
    /// Up to here there is nothing beyond what is gathered or handed out.
    caught_up: Lsn,
    moved_at: u64,
    /// The stream was lost inside a transaction that is applied in pieces.
    rollback_due: bool,
    drained: bool,
    open: Option<Open>,
    gathered: Gathered,
    ready: VecDeque<Ready>,
    outstanding: Option<Outstanding>,
    transactions: u64,
    changes: u64,
    /// Tracer tokens that were received, with their transactions.
    tracers: VecDeque<(Lsn, Uuid)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Outstanding {
    /// Where the position is when it is done; `None` while a database transaction stays open.
    position: Option<Lsn>,
    /// A database transaction is open when it is done.
    leaves_open: bool,
    transactions: u64,
    changes: u64,
}

impl Stream {
    /// A stream that goes on after `position`, of articles of which the snapshot contains these `parts`.
    pub fn new(position: Lsn, mut parts: Parts, articles: &Articles, limits: Limits) -> Self {
        parts.inherit(articles);
        let mut stream = Self {
            limits,
            last_boundary: parts.last_of_all(),
            parts,
            articles: articles.clone(),
            tables: HashMap::new(),
            destinations: HashMap::new(),
            position,
            received: position,
            caught_up: position,
            moved_at: 0,
            rollback_due: false,
            drained: false,
            open: None,
            gathered: Gathered::default(),
            ready: VecDeque::new(),
            outstanding: None,
            transactions: 0,
            changes: 0,
            tracers: VecDeque::new(),
        };
        articles.iter().for_each(|article| stream.know(article));
        stream
    }

    fn know(&mut self, article: &Article) {
        let name = (article.destination.schema.to_lowercase(), article.destination.table.to_lowercase());
        let next = self.tables.len();
        self.destinations.insert(article.id, *self.tables.entry(name).or_insert(next));
    }

    /// The tracer tokens whose transactions are applied and durable, each once.
    pub fn arrived_tracers(&mut self) -> Vec<Uuid> {
        let arrived = self.tracers.iter().take_while(|(lsn, _)| *lsn <= self.position).count();
        self.tracers.drain(..arrived).map(|(_, token)| token).collect()
    }

    /// The definitions that the subscription has, as the distributor is told when it is asked what is lacking: of each article the last
    /// one. Earlier ones, which may be retired there, say nothing beside it.
    pub fn has(&self) -> Vec<ArticleId> {
        let had: Vec<&Arc<Article>> = self.articles.iter().filter(|article| self.parts.has(article.id)).collect();
        let superseded: HashSet<ArticleId> = had.iter().filter_map(|article| article.supersedes).collect();
        had.iter().map(|article| article.id).filter(|id| !superseded.contains(id)).collect()
    }

    /// Everything up to here is applied and durable.
    pub fn position(&self) -> Lsn {
        self.position
    }

    /// The latest boundary of the snapshot's parts: with the position there or behind it, all tables are as the publisher was at one
    /// moment; before it, they are not.
    pub fn last_boundary(&self) -> Lsn {
        self.last_boundary
    }

    /// Transactions and row changes applied since the stream began.
    pub fn applied(&self) -> (u64, u64) {
        (self.transactions, self.changes)
    }

    /// Whether another chunk may be received: what waits stays within about twice the limit of a batch.
    pub fn wants_more(&self) -> bool {
        let open = self.open.as_ref().map_or(0, |open| open.bytes);
        let ready: usize = self.ready.iter().map(|r| r.bytes).sum();
        self.gathered.bytes + open + ready < 2 * self.limits.bytes
    }

    /// Whether nothing is outstanding and no database transaction has been left open.
    pub fn is_idle(&self) -> bool {
        self.outstanding.is_none() && !self.rollback_due
    }

    /// Takes what happened at `now` (milliseconds from any fixed point) and says what is to be done.
    pub fn handle(&mut self, now: u64, input: Input) -> Result<Vec<Output>, CoreError> {
        let mut outputs = Vec::new();
        match input {
            Input::Chunk(chunk) => {
                self.drained = false;
                self.take(now, chunk)?;
            }
            Input::CaughtUp(lsn) => self.take_caught_up(lsn)?,
            Input::Drained => self.drained = true,
            Input::Tick => {}
            Input::Done => outputs.extend(self.done(now)),
            Input::Lost => self.lost(),
        }
        outputs.extend(self.release(now));
        Ok(outputs)
    }

    fn take(&mut self, now: u64, mut chunk: Chunk) -> Result<(), CoreError> {
        let expected = match &self.open {
            Some(open) if chunk.lsn == open.lsn && chunk.part == open.next_part => None,
            Some(open) => Some(format!("expected {}, part {}", open.lsn, open.next_part)),
            None if chunk.lsn > self.received && chunk.part == 0 => None,
            None => Some(format!("expected part 0 of a transaction after {}", self.received)),
        };
        if let Some(detail) = expected {
            return Err(CoreError::OutOfOrder { lsn: chunk.lsn, part: chunk.part, detail });
        }
        self.drop_contained(&mut chunk)?;
        if let Some(Marker { kind: MarkerKind::Tracer, token }) = chunk.marker {
            self.tracers.push_back((chunk.lsn, token));
        }
        let open = self.open.get_or_insert_with(|| Open {
            lsn: chunk.lsn,
            next_part: 0,
            chunks: Vec::new(),
            bytes: 0,
            changes: 0,
            in_pieces: false,
            barrier: false,
        });
        let last = chunk.last;
        open.next_part += 1;
        if !chunk.schema.is_empty() {
            open.barrier = true;
            if open.chunks.is_empty() { self.close_batch() } else { self.hand_out_piece() }
        }
        let Some(open) = self.open.as_mut() else { return Ok(()) };
        if !chunk.segments.is_empty() || !chunk.schema.is_empty() {
            open.bytes += chunk.payload_bytes();
            open.changes += chunk.changes();
            open.chunks.push(chunk);
        }
        if last {
            self.end_transaction(now);
        } else if open.bytes >= self.limits.bytes {
            self.hand_out_piece();
        }
        Ok(())
    }

    /// Takes out what the snapshot contains already, and learns of new definitions.
    fn drop_contained(&mut self, chunk: &mut Chunk) -> Result<(), CoreError> {
        let lsn = chunk.lsn;
        let mut schema = Vec::with_capacity(chunk.schema.len());
        for change in std::mem::take(&mut chunk.schema) {
            if self.takes_force(&change, lsn)? {
                schema.push(change);
            }
        }
        chunk.schema = schema;
        for segment in std::mem::take(&mut chunk.segments) {
            let id = segment.article;
            let article = self.articles.get(id).filter(|_| self.parts.has(id)).ok_or_else(|| self.unknown(id, lsn))?;
            chunk.segments.extend(self.parts.rest(article, segment, lsn)?);
        }
        Ok(())
    }

    fn unknown(&self, id: ArticleId, lsn: Lsn) -> CoreError {
        let article =
            self.articles.get(id).map_or_else(|| id.to_string(), |article| format!("{id} ({})", article.source));
        CoreError::UnknownArticle { article, lsn }
    }

    /// Whether a schema change is to be carried out: not if the snapshot was taken under its definition.
    fn takes_force(&mut self, change: &SchemaChange, lsn: Lsn) -> Result<bool, CoreError> {
        let article = &change.article;
        if self.parts.last(article.id).is_some_and(|boundary| lsn <= boundary) {
            return Ok(false);
        }
        let before = article.supersedes.unwrap_or(article.id);
        let boundary = self.parts.last(before).ok_or_else(|| self.unknown(before, lsn))?;
        let lacks = change.changes.iter().any(|change| matches!(change, TableChange::AddColumn { .. }));
        if lsn <= boundary && lacks {
            return Err(CoreError::SnapshotTooLate { table: article.source.to_string(), lsn });
        }
        self.know(article);
        self.articles.learn(article.clone());
        // Also where the snapshot is from: the new definition goes on where the one before it stood.
        self.parts.share(article.id, before);
        Ok(true)
    }

    fn end_transaction(&mut self, now: u64) {
        let Some(open) = self.open.take() else { return };
        self.received = open.lsn;
        if open.in_pieces || open.barrier {
            if !open.chunks.is_empty() {
                let output = Output::Part { chunks: open.chunks, first: !open.in_pieces };
                self.ready.push_back(Ready { output, bytes: open.bytes, transactions: 0, changes: open.changes });
            }
            let output = Output::Commit { position: open.lsn };
            self.ready.push_back(Ready { output, bytes: 0, transactions: 1, changes: 0 });
            return;
        }
        if open.chunks.is_empty() {
            self.caught_up = open.lsn;
            return;
        }
        let definitions = self.definitions(&open.chunks);
        let mixes = definitions.iter().any(|(table, id)| self.gathered.definitions.get(table).is_some_and(|d| d != id));
        if mixes {
            self.close_batch();
        }
        let gathered = &mut self.gathered;
        if gathered.chunks.is_empty() {
            gathered.since = now;
        }
        gathered.definitions.extend(definitions);
        gathered.chunks.extend(open.chunks);
        gathered.bytes += open.bytes;
        gathered.changes += open.changes;
        gathered.transactions += 1;
        if gathered.bytes >= self.limits.bytes || gathered.changes >= self.limits.changes {
            self.close_batch();
        }
    }

    /// The definition that each destination table's changes are encoded with. Changes under an older and a newer definition of one
    /// table must not be compacted together.
    fn definitions(&self, chunks: &[Chunk]) -> HashMap<usize, ArticleId> {
        let segments = chunks.iter().flat_map(|c| &c.segments);
        segments.filter_map(|s| Some((*self.destinations.get(&s.article)?, s.article))).collect()
    }

    fn hand_out_piece(&mut self) {
        self.close_batch();
        let Some(open) = self.open.as_mut() else { return };
        let chunks = std::mem::take(&mut open.chunks);
        let output = Output::Part { chunks, first: !open.in_pieces };
        open.in_pieces = true;
        let (bytes, changes) = (std::mem::take(&mut open.bytes), std::mem::take(&mut open.changes));
        self.ready.push_back(Ready { output, bytes, transactions: 0, changes });
    }

    fn close_batch(&mut self) {
        let gathered = std::mem::take(&mut self.gathered);
        if let Some(last) = gathered.chunks.last() {
            let position = last.lsn;
            self.ready.push_back(Ready {
                output: Output::Batch { chunks: gathered.chunks, position },
                bytes: gathered.bytes,
                transactions: gathered.transactions,
                changes: gathered.changes,
            });
        }
    }

    fn take_caught_up(&mut self, lsn: Lsn) -> Result<(), CoreError> {
        if let Some(open) = &self.open {
            let detail = format!("caught up while part {} of this transaction is missing", open.next_part);
            return Err(CoreError::OutOfOrder { lsn: open.lsn, part: open.next_part, detail });
        }
        if lsn < self.received {
            let detail = format!("caught up at {lsn}, which lies before it");
            return Err(CoreError::OutOfOrder { lsn: self.received, part: 0, detail });
        }
        self.received = lsn;
        self.caught_up = lsn;
        Ok(())
    }

    fn done(&mut self, now: u64) -> Option<Output> {
        let done = self.outstanding.take()?;
        self.transactions += done.transactions;
        self.changes += done.changes;
        self.position = done.position?;
        self.moved_at = now;
        Some(Output::Report { position: self.position, transactions: self.transactions, changes: self.changes })
    }

    /// The next output, if none is outstanding and it is time for one.
    fn release(&mut self, now: u64) -> Option<Output> {
        if self.outstanding.is_some() {
            return None;
        }
        if std::mem::take(&mut self.rollback_due) {
            self.outstanding = Some(Outstanding::default());
            return Some(Output::Rollback);
        }
        if self.ready.is_empty() && (self.drained || now.saturating_sub(self.gathered.since) >= self.limits.millis) {
            self.close_batch();
        }
        if let Some(ready) = self.ready.pop_front() {
            let position = match &ready.output {
                Output::Batch { position, .. } | Output::Commit { position } => Some(*position),
                _ => None,
            };
            self.outstanding = Some(Outstanding {
                position,
                leaves_open: matches!(ready.output, Output::Part { .. }),
                transactions: ready.transactions,
                changes: ready.changes,
            });
            return Some(ready.output);
        }
        let nothing_between = self.gathered.chunks.is_empty() && self.open.as_ref().is_none_or(|open| !open.in_pieces);
        // A tracer token has arrived once the position is at it, and measures how long that takes.
        let traced = self.tracers.front().is_some_and(|(lsn, _)| *lsn <= self.caught_up);
        // So does the end of what is not of one moment, which others wait for.
        let together = self.position < self.last_boundary && self.caught_up >= self.last_boundary;
        let due = traced || together || now.saturating_sub(self.moved_at) >= self.limits.move_millis;
        if nothing_between && self.caught_up > self.position && due {
            let position = self.caught_up;
            self.outstanding = Some(Outstanding { position: Some(position), ..Outstanding::default() });
            return Some(Output::Move { position });
        }
        None
    }

    fn lost(&mut self) {
        // The database transaction of a large one is open if its first piece was handed out and its commit was not.
        let handed_out = self.outstanding.is_some_and(|o| o.leaves_open);
        let between_pieces = self.outstanding.is_none()
            && match self.ready.front() {
                Some(next) => matches!(next.output, Output::Part { first: false, .. } | Output::Commit { .. }),
                None => self.open.as_ref().is_some_and(|open| open.in_pieces),
            };
        self.rollback_due |= handed_out || between_pieces;
        // What is handed out and commits by itself stays; its answer still moves the position.
        let resumed = self.outstanding.and_then(|o| o.position).unwrap_or(self.position);
        self.open = None;
        self.gathered = Gathered::default();
        self.ready.clear();
        self.received = resumed;
        self.caught_up = resumed;
        self.tracers.retain(|(lsn, _)| *lsn <= resumed);
        self.drained = false;
    }
}
