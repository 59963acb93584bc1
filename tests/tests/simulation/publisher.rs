//! The log reader: its core, between the source's change tables and the network.

use super::network::{ConnectionId, Network, Read};
use super::source::{Source, commits_up_to, database, lsn_of};
use proto::codec::{decode_changes, encode_change};
use proto::message::{ClientMessage, RefusalKind, ServerMessage};
use proto::{Article, Chunk, Lsn, Segment};
use publisher::core::{Input, LogReader, Output, Problem, Source as Table};
use rand::Rng;
use rand::rngs::StdRng;
use sqlserver::change::ChangeRow;
use std::collections::VecDeque;
use uuid::Uuid;

/// Changes in a chunk. The core cuts at a megabyte; it is cut further here, so that some rows are enough for many chunks.
const CHANGES_PER_CHUNK: usize = 25;

#[derive(Debug, Default)]
pub struct Publisher {
    process: Option<Process>,
}

#[derive(Debug)]
struct Process {
    connection: Option<ConnectionId>,
    core: LogReader,
    /// What the core asked of the database.
    asked: Vec<Output>,
    slice: Slice,
    stopped: bool,
}

/// What is left of the slice that the core reads.
#[derive(Debug, Default)]
struct Slice {
    /// Of each article.
    articles: Vec<VecDeque<ChangeRow>>,
    commits: VecDeque<(Lsn, i64)>,
}

impl Publisher {
    pub fn start(&mut self) {
        self.process.get_or_insert_with(|| Process {
            connection: None,
            core: LogReader::new(),
            asked: Vec::new(),
            slice: Slice::default(),
            stopped: false,
        });
    }

    /// SIGKILL.
    pub fn kill(&mut self, network: &mut Network, rng: &mut StdRng) {
        if let Some(connection) = self.process.take().and_then(|process| process.connection) {
            network.cut(connection, rng);
        }
    }

    /// Reads a message, or connects.
    pub fn receive(&mut self, now: u64, network: &mut Network, distributor_runs: bool, rng: &mut StdRng) {
        let Some(process) = &mut self.process else { return };
        let Some(connection) = process.connection else {
            if distributor_runs {
                let connection = network.connect();
                let database = database();
                network.client_sends(connection, ClientMessage::Attach { database, reader: Uuid::nil() });
                process.connection = Some(connection);
            }
            return;
        };
        let input = match network.client_reads(connection) {
            Read::Nothing => return,
            Read::Message(ServerMessage::Attached { epoch, position, position_time, version, articles, unread }) => {
                Input::Attached { epoch, position, position_time, version, articles, unread }
            }
            Read::Message(ServerMessage::Articles { version, articles }) => Input::Articles { version, articles },
            Read::Message(ServerMessage::Durable { lsn }) => Input::Durable(lsn),
            Read::Message(ServerMessage::ArticleAltered(Ok(article))) => Input::Altered(article),
            Read::Message(ServerMessage::Refused(refusal) | ServerMessage::ArticleAltered(Err(refusal))) => {
                // Not found is an article that was dropped while its table was changed.
                let passes = matches!(refusal.kind, RefusalKind::Busy | RefusalKind::Fenced | RefusalKind::NotFound);
                assert!(passes, "{refusal}");
                network.cut(connection, rng);
                Input::Detached
            }
            Read::Message(unexpected) => panic!("nobody sends {unexpected:?} here"),
            Read::Gone => Input::Detached,
        };
        if matches!(input, Input::Detached) {
            process.connection = None;
            process.asked.clear();
        }
        process.feed(input, now, network);
        if process.stopped {
            self.kill(network, rng);
        }
    }

    /// Answers one of the things that the core asked of the database.
    pub fn ask_database(&mut self, now: u64, source: &mut Source, network: &mut Network, rng: &mut StdRng) {
        let Some(process) = &mut self.process else { return };
        if process.asked.is_empty() {
            return;
        }
        let asked = process.asked.swap_remove(rng.random_range(0..process.asked.len()));
        let inspected = asked == Output::Inspect;
        let input = process.answer(asked, source, rng);
        process.feed(input, now, network);
        // What is to be followed late has a place at the next transaction, which may be long in coming.
        let sent = process.core.sent().unwrap_or_default();
        if inspected && !source.unfollowed(process.core.unread(), sent).is_empty() {
            source.mark();
        }
        if process.stopped {
            self.kill(network, rng);
        }
    }
}

impl Process {
    fn feed(&mut self, input: Input, now: u64, network: &mut Network) {
        for output in self.core.handle(input, now as i64) {
            let message = match output {
                Output::Append { epoch, chunks } => {
                    ClientMessage::Append { epoch, chunks: chunks.into_iter().flat_map(cut).collect() }
                }
                Output::Progress { epoch, lsn, committed_at } => ClientMessage::Progress { epoch, lsn, committed_at },
                Output::AlterArticle { epoch, article } => ClientMessage::AlterArticle { epoch, article },
                Output::ArticlesInUse { epoch, version } => ClientMessage::ArticlesInUse { epoch, version },
                // Cleanup goes on to what is durable: past a reader that does not know yet that it is fenced off. Any other one
                // would stop for ever, and what it has to read would never arrive.
                Output::Stop(Problem::Gap { .. }) => {
                    self.stopped = true;
                    continue;
                }
                Output::Stop(problem) => panic!("the log reader stops: {problem}"),
                Output::Inspect | Output::Poll { .. } | Output::Read { .. } | Output::Fetch(_) | Output::Verify => {
                    self.asked.push(output);
                    continue;
                }
            };
            if let Some(connection) = self.connection {
                network.client_sends(connection, message);
            }
        }
    }

    fn answer(&mut self, asked: Output, source: &Source, rng: &mut StdRng) -> Input {
        match asked {
            Output::Inspect => Input::Instances(source.instances()),
            Output::Verify => Input::ChangeTables(source.change_tables()),
            Output::Poll { .. } => Input::Captured(source.max_lsn().map(|lsn| (lsn, 0))),
            Output::Read { after, up_to } => {
                let commits = commits_up_to(after)..commits_up_to(up_to);
                let rows = |article: &Article| source.change_rows(article, after, up_to).into();
                self.slice = Slice {
                    articles: self.core.articles().map(rows).collect(),
                    commits: commits.map(|commit| (lsn_of(commit), commit as i64)).collect(),
                };
                let active = self.slice.articles.iter().enumerate().filter(|(_, rows)| !rows.is_empty());
                let active = active.map(|(article, _)| Table::Article(article)).collect();
                let before = source.unfollowed(self.core.unread(), after);
                Input::Active(active, source.schema_history(after, up_to, before))
            }
            Output::Fetch(table) => {
                let count = rng.random_range(1..40);
                match table {
                    Table::Article(article) => {
                        let rows = take(&mut self.slice.articles[article], count);
                        if rows.is_empty() { Input::End(table) } else { Input::Changes { article, rows } }
                    }
                    Table::Commits => {
                        let rows = take(&mut self.slice.commits, count);
                        if rows.is_empty() { Input::End(table) } else { Input::Commits(rows) }
                    }
                    Table::Markers | Table::Backfill => Input::End(table),
                }
            }
            other => panic!("{other:?} is nothing to ask a database"),
        }
    }
}

fn take<T>(rows: &mut VecDeque<T>, count: usize) -> Vec<T> {
    let count = count.min(rows.len());
    rows.drain(..count).collect()
}

/// Cuts a whole transaction into smaller chunks.
fn cut(chunk: Chunk) -> Vec<Chunk> {
    assert!(chunk.part == 0 && chunk.last, "transactions of the simulation are below the core's own limit");
    let mut chunks = Vec::new();
    let mut segments: Vec<Segment> = Vec::new();
    let mut changes = 0;
    for segment in &chunk.segments {
        for change in decode_changes(&segment.payload) {
            if changes == CHANGES_PER_CHUNK {
                chunks.push(std::mem::take(&mut segments));
                changes = 0;
            }
            if segments.last().is_none_or(|last| last.article != segment.article) {
                segments.push(Segment { article: segment.article, changes: 0, payload: Vec::new() });
            }
            let last = segments.last_mut().expect("one was pushed");
            encode_change(&change.expect("the core's payload can be decoded"), &mut last.payload)
                .expect("it was encoded before");
            last.changes += 1;
            changes += 1;
        }
    }
    chunks.push(segments);
    let count = chunks.len();
    let part = |(part, segments): (usize, Vec<Segment>)| Chunk {
        part: part as u32,
        last: part + 1 == count,
        schema: if part == 0 { chunk.schema.clone() } else { Vec::new() },
        segments,
        ..chunk.clone()
    };
    chunks.into_iter().enumerate().map(part).collect()
}
