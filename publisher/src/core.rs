//! The log reader's core: what it reads next, how the rows of many change tables become transactions, what it may send.
//!
//! It has no clock, socket or database. [`LogReader::handle`] takes one [`Input`] and returns the [`Output`]s that follow from it;
//! the loop around it ([`crate::reader`]) carries them out, and a simulation can do so instead.
//!
//! ```text
//! Attached ─▶ Inspect ─Instances▶ Poll ─Captured▶ Read ─Active▶ Fetch ─Changes, Markers, Commits, End▶ Append … Progress ─▶ Poll …
//! ```
//!
//! What holds at every moment:
//! - `sent ≤ captured`: only what capture has completed is read, so a slice `(sent, captured]` holds whole transactions of all
//!   tables.
//! - Nothing goes out before its completeness is certain: rows are read, then [`Output::Verify`] asks whether the change tables are still the
//!   same and begin early enough, and only then are they sent. See [`gap`] for why that order is right.
//! - Transactions go out in commit order, each once after every `Attached`, and with their parts in order.
//! - The articles change only between slices, so that one transaction is read with one set of them. A slice that holds a schema
//!   change is cut before it, see [`switch`]. What was changed of a table before an article of it was taken up, see [`late`].
//! - After a [`Problem`] nothing more comes out.

mod article;
pub mod constraints;
mod exchange;
mod extension;
mod filter;
mod gap;
mod late;
mod merge;
mod problem;
mod schema;
mod switch;
mod transaction;

use self::article::Translator;
use self::merge::{Merge, Next};
use self::transaction::OpenTransaction;
pub use exchange::{Input, Output, Source};
pub use extension::{Backfill, Extension, Given, joins};
pub use filter::FilterSwitch;
pub use problem::Problem;
use proto::{Article, ArticleId, Chunk, Lsn, MarkerKind};
pub use schema::{Earlier, History as SchemaHistory, Statement};
use sqlserver::cdc::CaptureInstance;
use sqlserver::history::{ChangeTable, History};
use std::collections::VecDeque;

/// Bytes of whole transactions that may be on their way to the distributor's disk. Reading goes on while they are.
pub const WINDOW: usize = 32 << 20;
/// Bytes that are read of a slice before it is verified that they are complete; at its end that is done anyway.
const VERIFY_BYTES: usize = 4 << 20;

/// The log reader.
#[derive(Debug, Default)]
pub struct LogReader {
    epoch: u64,
    phase: Phase,
    /// Everything up to here was sent, or had nothing for us.
    sent: Option<Lsn>,
    /// The last position that is a transaction or mark of the log, with its time.
    known: Option<gap::Known>,
    /// Capture is behind that.
    behind: Option<gap::Behind>,
    /// What the log was found to know of it, until the capture instances are there too.
    history: Option<History>,
    articles: Vec<Translator>,
    /// Goes up when the articles change.
    generation: u64,
    /// Articles of which nothing was read so far, in use or pending: see [`late`].
    unread: Vec<ArticleId>,
    /// Definitions that were made since attaching.
    altered: Vec<Article>,
    /// What the server said last.
    instances: Vec<CaptureInstance>,
    /// The slice ends before a schema change.
    halt: Option<Box<switch::Halt>>,
    /// New columns that join articles at a place to come.
    planned: Option<Box<Extension>>,
    /// What is to be sent of them.
    backfill: Vec<Backfill>,
    /// A schema change whose definitions are registered.
    due: Option<switch::Due>,
    /// Articles to use once the slice is over, with their version, and whether the distributor waits to hear so.
    pending: Option<Pending>,
    /// Whole transactions that were sent and are not durable: LSN and bytes.
    in_flight: VecDeque<(Lsn, usize)>,
    in_flight_bytes: usize,
    open_bytes: usize,
    /// Fetches held back while the window is full.
    held: Vec<Source>,
    idle: u32,
}

#[derive(Debug)]
struct Pending {
    version: u64,
    articles: Vec<Article>,
    announce: bool,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Detached,
    Inspecting,
    Polling,
    /// The sources of the slice are being found out.
    Opening {
        up_to: Lsn,
        committed_at: i64,
        /// The change tables were checked after that.
        verified: bool,
    },
    Reading(Box<Slice>),
    /// New definitions are being registered.
    Altering(Box<switch::Altering>),
    Stopped,
}

#[derive(Debug)]
struct Slice {
    up_to: Lsn,
    committed_at: i64,
    merge: Merge,
    open: Option<OpenTransaction>,
    /// The last transaction that went out.
    last: Option<Lsn>,
    /// Complete as far as it is read, which is yet to be verified.
    unverified: Vec<Chunk>,
    unverified_bytes: usize,
    /// Of these it is being asked for so many.
    verifying: Option<usize>,
    /// Everything of it is read.
    ended: bool,
    /// Nothing has to be verified any more: there was nothing to read, and that was checked.
    verified: bool,
}

impl Slice {
    fn new(up_to: Lsn, committed_at: i64, merge: Merge, verified: bool) -> Self {
        Self {
            up_to,
            committed_at,
            merge,
            open: None,
            last: None,
            unverified: Vec::new(),
            unverified_bytes: 0,
            verifying: None,
            ended: false,
            verified,
        }
    }
}

impl LogReader {
    /// A reader that is not attached.
    pub fn new() -> Self {
        Self::default()
    }

    /// The articles in use, whose indices [`Source::Article`] and [`Input::Changes`] speak of.
    pub fn articles(&self) -> impl Iterator<Item = &Article> {
        self.articles.iter().map(Translator::article)
    }

    /// Number that goes up whenever [`LogReader::articles`] gives others than before.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whose values [`Source::Backfill`] is to give.
    pub fn backfill(&self) -> &[Backfill] {
        &self.backfill
    }

    /// The last position that a transaction of the log has, or a mark of idle time: what [`Input::History`] is to be about.
    pub fn known(&self) -> Option<Lsn> {
        self.known.map(|(lsn, _)| lsn)
    }

    /// Whether capture has gone back behind what was read, and may come there again.
    pub fn is_behind(&self) -> bool {
        self.behind.is_some()
    }

    /// Everything up to here was sent.
    pub fn sent(&self) -> Option<Lsn> {
        self.sent
    }

    /// Takes an input; `now` is microseconds since 1970-01-01 UTC.
    pub fn handle(&mut self, input: Input, now: i64) -> Vec<Output> {
        let mut outputs = Vec::new();
        if let Err(problem) = self.step(input, now, &mut outputs) {
            self.phase = Phase::Stopped;
            outputs.push(Output::Stop(problem));
        }
        outputs
    }

    fn step(&mut self, input: Input, now: i64, outputs: &mut Vec<Output>) -> Result<(), Problem> {
        if matches!(self.phase, Phase::Stopped) {
            return Ok(());
        }
        match input {
            Input::Attached { epoch, position, position_time, version, articles, unread } => {
                let known = position.map(|position| (position, position_time));
                *self = Self { epoch, sent: position, known, unread, ..Self::default() };
                self.pending = Some(Pending { version, articles, announce: false });
                self.inspect(outputs);
            }
            Input::Detached => *self = Self::default(),
            Input::Articles { version, articles } => {
                self.told(&articles);
                self.pending = Some(Pending { version, articles, announce: true });
                if matches!(self.phase, Phase::Polling) {
                    self.inspect(outputs);
                }
            }
            Input::Instances(instances) => self.instances(&instances, now, outputs)?,
            Input::History(history) => self.history = Some(history),
            Input::ChangeTables(tables) => self.change_tables(&tables, outputs)?,
            Input::Captured(captured) => {
                if matches!(self.phase, Phase::Polling) {
                    self.captured(captured, now, outputs)?;
                }
            }
            Input::Active(active, history) => {
                if self.halts(&history, outputs)? {
                    return Ok(());
                }
                if let Phase::Opening { up_to, committed_at, verified } = self.phase {
                    let due = self.due.take();
                    let verified = verified && active.is_empty() && due.is_none();
                    let merge = Merge::new(self.articles.len(), &active, due);
                    self.phase = Phase::Reading(Box::new(Slice::new(up_to, committed_at, merge, verified)));
                    self.advance(now, outputs)?;
                }
            }
            Input::Changes { article, rows } => {
                if let (Phase::Reading(slice), Some(translator)) = (&mut self.phase, self.articles.get_mut(article)) {
                    slice.merge.changes(article, translator, rows)?;
                    self.advance(now, outputs)?;
                }
            }
            Input::Markers(rows) => {
                if let Phase::Reading(slice) = &mut self.phase {
                    slice.merge.markers(rows);
                    self.advance(now, outputs)?;
                }
            }
            Input::Commits(rows) => {
                if let Phase::Reading(slice) = &mut self.phase {
                    slice.merge.commits(rows);
                    self.advance(now, outputs)?;
                }
            }
            Input::Planned(extension) => self.planned = Some(extension),
            Input::Backfill(rows) => {
                if let Phase::Reading(slice) = &mut self.phase {
                    slice.merge.backfill(rows);
                    self.advance(now, outputs)?;
                }
            }
            Input::End(source) => {
                if let Phase::Reading(slice) = &mut self.phase {
                    if let Source::Article(i) = source {
                        self.articles.get(i).map_or(Ok(()), Translator::end)?;
                    }
                    slice.merge.end(source);
                    self.advance(now, outputs)?;
                }
            }
            Input::Altered(article) => self.registered(*article, outputs)?,
            Input::Durable(lsn) => self.durable(lsn, outputs),
        }
        Ok(())
    }

    fn inspect(&mut self, outputs: &mut Vec<Output>) {
        self.phase = Phase::Inspecting;
        outputs.push(Output::Inspect);
    }

    fn poll(&mut self, outputs: &mut Vec<Output>) {
        self.phase = Phase::Polling;
        outputs.push(Output::Poll { idle: self.idle });
    }

    /// Puts pending articles to use and checks that none of them has lost changes.
    fn instances(&mut self, instances: &[CaptureInstance], now: i64, outputs: &mut Vec<Output>) -> Result<(), Problem> {
        let inspecting = matches!(self.phase, Phase::Inspecting);
        self.instances = instances.to_vec();
        match self.pending.take() {
            Some(pending) if inspecting => {
                let articles = switch::brought_up_to_date(pending.articles, &self.altered);
                if self.sent.is_none() {
                    self.sent = articles.iter().map(|a| a.capture.start_lsn).min();
                }
                self.generation += 1;
                self.articles =
                    articles.into_iter().map(|article| translator(article, instances)).collect::<Result<_, _>>()?;
                if pending.announce {
                    outputs.push(Output::ArticlesInUse { epoch: self.epoch, version: pending.version });
                }
            }
            other => self.pending = other,
        }
        gap::check_instances(self.articles.iter().map(Translator::article), self.sent.unwrap_or_default(), instances)?;
        if let (Some(known), Some(history)) = (self.known, self.history.take()) {
            self.behind = gap::check_history(self.articles(), known, &history, now)?;
        }
        if inspecting {
            self.poll(outputs);
        }
        Ok(())
    }

    fn captured(&mut self, captured: Option<(Lsn, i64)>, now: i64, outputs: &mut Vec<Output>) -> Result<(), Problem> {
        if let Some(known) = self.known {
            let before = self.behind;
            self.behind = gap::watch(self.articles(), known, captured.map(|(lsn, _)| lsn), before, now)?;
            if before.is_some() && self.behind.is_none() {
                // It has come to our position again: now it shows whether that is still the same one.
                self.inspect(outputs);
                return Ok(());
            }
        }
        match (captured, self.sent) {
            (Some((captured, committed_at)), Some(sent)) if captured > sent && !self.articles.is_empty() => {
                self.idle = 0;
                self.phase = Phase::Opening { up_to: captured, committed_at, verified: false };
                outputs.push(Output::Read { after: sent, up_to: captured });
            }
            _ => {
                self.idle = self.idle.saturating_add(1);
                self.poll(outputs);
            }
        }
        Ok(())
    }

    /// Merges as far as it goes, has verified what is complete, asks for what is missing.
    fn advance(&mut self, now: i64, outputs: &mut Vec<Output>) -> Result<(), Problem> {
        let Phase::Reading(slice) = &mut self.phase else { return Ok(()) };
        let mut chunks = Vec::new();
        let ended = loop {
            let next = slice.merge.next();
            let (lsn, committed_at) = match &next {
                Next::Change { lsn, committed_at, .. }
                | Next::Marker { lsn, committed_at, .. }
                | Next::Schema { lsn, committed_at, .. } => (*lsn, *committed_at),
                Next::Dry => break false,
                Next::End => {
                    chunks.extend(slice.open.take().and_then(|open| open.finish(now)));
                    break true;
                }
            };
            if slice.open.as_ref().is_some_and(|open| open.lsn != lsn) {
                chunks.extend(slice.open.take().and_then(|open| open.finish(now)));
            }
            let open = slice.open.get_or_insert_with(|| OpenTransaction::new(lsn, committed_at));
            match next {
                Next::Change { article, change, .. } => {
                    chunks.extend(open.push(self.articles[article].article(), &change, now)?);
                }
                Next::Schema { changes, .. } => chunks.extend(open.change_schema(changes, now)),
                Next::Marker { marker: Some(marker), .. } if is_told(marker.kind) => open.mark(marker),
                _ => {}
            }
        };
        let asked = slice.merge.asked();
        slice.unverified_bytes += chunks.iter().map(Chunk::payload_bytes).sum::<usize>();
        slice.unverified.extend(chunks);
        if ended {
            slice.ended = true;
        } else {
            self.held.extend(asked);
        }
        self.verify(outputs)?;
        self.release(outputs);
        Ok(())
    }

    /// Has verified what is read, if it is much or all.
    fn verify(&mut self, outputs: &mut Vec<Output>) -> Result<(), Problem> {
        let Phase::Reading(slice) = &mut self.phase else { return Ok(()) };
        if slice.ended && slice.verified {
            return self.end_slice(outputs);
        }
        if slice.verifying.is_none() && (slice.ended || slice.unverified_bytes >= VERIFY_BYTES) {
            slice.verifying = Some(slice.unverified.len());
            outputs.push(Output::Verify);
        }
        Ok(())
    }

    /// Checks that no article has lost changes since its position, and sends what is verified by that.
    fn change_tables(&mut self, tables: &[ChangeTable], outputs: &mut Vec<Output>) -> Result<(), Problem> {
        let articles = self.articles.iter().map(Translator::article);
        let sent = self.sent.unwrap_or_default();
        match &mut self.phase {
            Phase::Opening { verified, .. } => {
                gap::check_tables(articles, sent, tables)?;
                *verified = true;
            }
            Phase::Reading(slice) => {
                let Some(count) = slice.verifying.take() else { return Ok(()) };
                // What went out before is complete, whatever cleanup has done since.
                gap::check_tables(articles, slice.last.unwrap_or(sent), tables)?;
                let chunks: Vec<Chunk> = slice.unverified.drain(..count).collect();
                slice.unverified_bytes = slice.unverified.iter().map(Chunk::payload_bytes).sum();
                slice.last = chunks.last().map(|chunk| chunk.lsn).or(slice.last);
                slice.verified = slice.ended && slice.unverified.is_empty();
                self.send(chunks, outputs);
                self.verify(outputs)?;
                self.release(outputs);
            }
            _ => {}
        }
        Ok(())
    }

    fn end_slice(&mut self, outputs: &mut Vec<Output>) -> Result<(), Problem> {
        let Phase::Reading(slice) = &self.phase else { return Ok(()) };
        let (lsn, committed_at) = (slice.up_to, slice.committed_at);
        if let Some(halt) = self.halt.take() {
            // It ends where no transaction does, so that is no position to tell anybody.
            self.sent = Some(lsn);
            return self.alter(*halt, outputs);
        }
        if slice.last != Some(lsn) {
            outputs.push(Output::Progress { epoch: self.epoch, lsn, committed_at });
        }
        self.sent = Some(lsn);
        self.known = Some((lsn, Some(committed_at)));
        if self.pending.is_some() {
            self.inspect(outputs)
        } else {
            self.poll(outputs)
        }
        Ok(())
    }

    fn send(&mut self, chunks: Vec<Chunk>, outputs: &mut Vec<Output>) {
        if chunks.is_empty() {
            return;
        }
        for chunk in &chunks {
            self.open_bytes += chunk.payload_bytes();
            // What is not whole cannot become durable, so it must not fill the window; the network holds it back.
            if chunk.last {
                self.in_flight.push_back((chunk.lsn, self.open_bytes));
                self.in_flight_bytes += self.open_bytes;
                self.open_bytes = 0;
            }
        }
        outputs.push(Output::Append { epoch: self.epoch, chunks });
    }

    fn durable(&mut self, lsn: Lsn, outputs: &mut Vec<Output>) {
        while let Some((_, bytes)) = self.in_flight.front().filter(|(sent, _)| *sent <= lsn) {
            self.in_flight_bytes -= bytes;
            self.in_flight.pop_front();
        }
        self.release(outputs);
    }

    fn release(&mut self, outputs: &mut Vec<Output>) {
        let unverified = if let Phase::Reading(slice) = &self.phase { slice.unverified_bytes } else { 0 };
        if self.in_flight_bytes + unverified <= WINDOW {
            outputs.extend(self.held.drain(..).map(Output::Fetch));
        }
    }
}

/// Whether it matters to others that a transaction has a marker of this kind.
fn is_told(kind: MarkerKind) -> bool {
    matches!(kind, MarkerKind::Snapshot | MarkerKind::Tracer)
}

fn translator(article: Article, instances: &[CaptureInstance]) -> Result<Translator, Problem> {
    let instance = gap::find(&article, instances)?;
    let ordinals = article.columns.iter().map(|column| {
        instance.ordinal(&column.name).ok_or_else(|| Problem::NotCaptured {
            table: article.source.clone(),
            capture_instance: article.capture.instance.clone(),
            column: column.name.clone(),
        })
    });
    let ordinals = ordinals.collect::<Result<_, _>>()?;
    Ok(Translator::new(article, ordinals))
}

#[cfg(test)]
#[path = "core/tests.rs"]
mod tests;

#[cfg(test)]
#[path = "core/switch_tests.rs"]
mod switch_tests;
