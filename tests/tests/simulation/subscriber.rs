//! The subscriber: its core, over a database with transactions. After each commit the database is compared with what the publisher
//! had at the position that it says.

use super::network::{ConnectionId, Network, Read};
use super::source::{Rows, Source, TABLES, apply, commits_up_to, key_of, print_of, table_of};
use proto::catalog::SubscriptionState;
use proto::message::{ClientMessage, Report, ServerMessage};
use proto::{Article, ArticleId, Change, Chunk, KeyRange, Lsn, Row, SchemaChange, TableChange, Value};
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::VecDeque;
use std::sync::Arc;
use subscriber::core::Articles;
use subscriber::core::decode::each_change;
use subscriber::core::net::{Compactor, NetChanges};
use subscriber::core::parts::Part;
use subscriber::core::stream::{Input, Limits, Output, Stream};

/// Small, so that batches close and transactions go in pieces for every reason.
const LIMITS: Limits = Limits { changes: 60, bytes: 4_000, millis: 200, move_millis: 300 };

/// The subscription database's content: as committed, or with an open transaction.
#[derive(Debug, Clone)]
struct Content {
    tables: [Rows; TABLES],
    prints: [u64; TABLES],
    position: Lsn,
    definitions: Vec<Article>,
    /// What the snapshot had of each, and up to where.
    parts: Vec<(ArticleId, Part)>,
}

#[derive(Debug)]
pub struct Subscriber {
    name: String,
    committed: Content,
    process: Option<Process>,
    pub commits: usize,
}

#[derive(Debug)]
struct Process {
    connection: Option<ConnectionId>,
    subscribed: bool,
    stream: Stream,
    /// Delivered, not yet taken by the core.
    inbox: VecDeque<ServerMessage>,
    /// What the core asked for and has not been answered.
    outstanding: Option<Output>,
    /// The open database transaction.
    transaction: Option<Content>,
}

impl Subscriber {
    /// A subscription of these tables, initialised from a snapshot that was taken before the first commit.
    pub fn new(name: &str, tables: &[usize], articles: &[Article], source: &Source) -> Self {
        let mut content = Content {
            tables: Default::default(),
            prints: [0; TABLES],
            position: Lsn::ZERO,
            definitions: tables.iter().map(|table| articles[*table].clone()).collect(),
            parts: Vec::new(),
        };
        for table in tables {
            content.tables[*table] = source.published(*table);
            content.prints[*table] = source.print_after(source.commits(), *table, |_| true);
            content.parts.push((articles[*table].id, Part { range: KeyRange::ALL, boundary: Lsn::ZERO }));
        }
        Self { name: name.to_owned(), committed: content, process: None, commits: 0 }
    }

    /// Takes a table's rows from a value of the first key column on again, as a later part of the snapshot: it contains everything up to
    /// now, and streaming it begins there.
    pub fn snapshot_again(&mut self, table: usize, from: i32, articles: &[Article], source: &Source) {
        assert!(self.process.is_none(), "parts of a snapshot are loaded before the stream begins");
        let content = &mut self.committed;
        let rows = &mut content.tables[table];
        rows.retain(|key, _| key[0] < from);
        rows.extend(source.published(table).into_iter().filter(|(key, _)| key[0] >= from));
        content.prints[table] = rows.values().fold(0, |print, row| print ^ print_of(table, row));
        let boundary = source.commits().checked_sub(1).map_or(Lsn::ZERO, super::source::lsn_of);
        let (article, bound) = (articles[table].id, Some(Value::I32(from)));
        for (_, part) in content.parts.iter_mut().filter(|(id, part)| *id == article && part.range.upper.is_none()) {
            part.range.upper = bound.clone();
        }
        let later = Part { range: KeyRange { lower: bound, upper: None }, boundary };
        content.parts.push((article, later));
    }

    pub fn position(&self) -> Lsn {
        self.committed.position
    }

    pub fn start(&mut self) {
        if self.process.is_none() {
            self.process = Some(Process {
                connection: None,
                subscribed: false,
                stream: self.new_stream(),
                inbox: VecDeque::new(),
                outstanding: None,
                transaction: None,
            });
        }
    }

    fn new_stream(&self) -> Stream {
        let articles: Articles = self.committed.definitions.iter().cloned().collect();
        Stream::new(self.committed.position, self.committed.parts.iter().cloned().collect(), &articles, LIMITS)
    }

    /// SIGKILL. What was being committed either was or was not.
    pub fn kill(&mut self, now: u64, network: &mut Network, source: &Source, rng: &mut StdRng) {
        if rng.random_bool(0.5) {
            self.carry_out(now, network, source);
        }
        if let Some(connection) = self.process.take().and_then(|process| process.connection) {
            network.cut(connection, rng);
        }
    }

    /// The database refuses, as in a deadlock: the role begins anew from what is committed.
    pub fn fail(&mut self, network: &mut Network, rng: &mut StdRng) {
        let stream = self.new_stream();
        let Some(process) = &mut self.process else { return };
        process.transaction = None;
        process.outstanding = None;
        process.inbox.clear();
        process.stream = stream;
        process.subscribed = false;
        if let Some(connection) = process.connection.take() {
            network.cut(connection, rng);
        }
    }

    /// Reads from the network and lets the core take what has come, as long as it wants more.
    pub fn receive(&mut self, now: u64, network: &mut Network, distributor_runs: bool) {
        let Some(process) = &mut self.process else { return };
        let Some(connection) = process.connection else {
            // What was being done is finished before the stream is asked for again.
            if distributor_runs && process.outstanding.is_none() && process.stream.is_idle() {
                let connection = network.connect();
                let (subscription, position) = (self.name.clone(), process.stream.position());
                let articles = self.committed.definitions.iter().map(|article| article.id).collect();
                network.client_sends(connection, ClientMessage::Subscribe { subscription, position, articles });
                process.connection = Some(connection);
            }
            return;
        };
        let input = match process.inbox.pop_front() {
            Some(ServerMessage::Deliver { chunks }) => {
                let mut chunks = VecDeque::from(chunks);
                let chunk = chunks.pop_front();
                if !chunks.is_empty() {
                    process.inbox.push_front(ServerMessage::Deliver { chunks: chunks.into() });
                }
                chunk.map(Input::Chunk)
            }
            Some(ServerMessage::CaughtUp { lsn }) => Some(Input::CaughtUp(lsn)),
            Some(ServerMessage::Subscribed { .. }) => {
                process.subscribed = true;
                None
            }
            Some(ServerMessage::Refused(_)) => Some(Input::Lost),
            Some(_) => None,
            None if !process.stream.wants_more() => None,
            None => match network.client_reads(connection) {
                Read::Message(message) => {
                    process.inbox.push_back(message);
                    None
                }
                Read::Nothing if process.subscribed => Some(Input::Drained),
                Read::Nothing => None,
                Read::Gone => Some(Input::Lost),
            },
        };
        let Some(input) = input else { return };
        if matches!(input, Input::Lost) {
            process.connection = None;
            process.subscribed = false;
            process.inbox.clear();
        }
        self.feed(now, input, network);
    }

    /// Time passes.
    pub fn tick(&mut self, now: u64, network: &mut Network) {
        if self.process.is_some() {
            self.feed(now, Input::Tick, network);
        }
    }

    fn feed(&mut self, now: u64, input: Input, network: &mut Network) {
        let Some(process) = &mut self.process else { return };
        let outputs = process.stream.handle(now, input).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        for output in outputs {
            if output.wants_answer() {
                assert!(process.outstanding.is_none(), "the core asks for a second thing before the first is done");
                process.outstanding = Some(output);
            } else if let (Output::Report { position, transactions, changes }, Some(connection)) =
                (output, process.connection)
            {
                let (subscription, position) = (self.name.clone(), Some(position));
                let state = SubscriptionState::Active;
                let (error, tracers) = (None, Vec::new());
                let report = Report {
                    subscription,
                    state,
                    position,
                    transactions,
                    changes,
                    error,
                    loading: Vec::new(),
                    tracers,
                    sent_at: 0,
                };
                network.client_sends(connection, ClientMessage::Report(report));
            }
        }
    }

    /// Carries out what the core asked for.
    pub fn carry_out(&mut self, now: u64, network: &mut Network, source: &Source) {
        let Some(process) = &mut self.process else { return };
        let Some(output) = process.outstanding.take() else { return };
        match output {
            Output::Batch { chunks, position } => {
                assert!(process.transaction.is_none(), "a batch begins inside an open transaction");
                let mut content = self.committed.clone();
                assert!(chunks.iter().all(|chunk| chunk.schema.is_empty()), "a batch changes no schema");
                apply_net(&mut content, &chunks);
                content.position = position;
                self.commit(content, source);
            }
            Output::Part { chunks, first } => {
                assert_eq!(first, process.transaction.is_none(), "the first piece begins the transaction, and only it");
                let mut content = process.transaction.take().unwrap_or_else(|| self.committed.clone());
                assert!(
                    chunks.iter().skip(1).all(|chunk| chunk.schema.is_empty()),
                    "a piece begins with a schema change"
                );
                chunks[0].schema.iter().for_each(|change| content.alter(change));
                apply_net(&mut content, &chunks);
                process.transaction = Some(content);
            }
            Output::Commit { position } => {
                let mut content = process.transaction.take().expect("a commit ends an open transaction");
                content.position = position;
                self.commit(content, source);
            }
            Output::Rollback => process.transaction = None,
            Output::Move { position } => {
                assert!(process.transaction.is_none(), "the position moves inside an open transaction");
                let mut content = self.committed.clone();
                content.position = position;
                self.commit(content, source);
            }
            Output::Report { .. } => {}
        }
        self.feed(now, Input::Done, network);
    }

    /// What is visible from here on must be what the publisher had after the last transaction up to the position.
    fn commit(&mut self, content: Content, source: &Source) {
        assert!(content.position > self.committed.position, "the position of {} goes back", self.name);
        self.committed = content;
        self.commits += 1;
        self.check(source);
    }

    pub fn check(&self, source: &Source) {
        let present = |article: &&Article| !self.committed.definitions.iter().any(|d| d.supersedes == Some(article.id));
        for article in self.committed.definitions.iter().filter(present) {
            let table = table_of(article);
            for (_, part) in self.committed.parts.iter().filter(|(id, _)| *id == article.id) {
                let holds = |key: i32| part.range.contains(&Value::I32(key)).expect("keys are ordered");
                let rows = self.committed.tables[table].iter().filter(|(key, _)| holds(key[0]));
                let commits = commits_up_to(part.boundary.max(self.committed.position));
                assert_eq!(
                    rows.fold(0, |print, (_, row)| print ^ print_of(table, row)),
                    source.print_after(commits, table, holds),
                    "table {table}, {}, of {} at {} is not what the publisher had after {commits} commits",
                    part.range,
                    self.name,
                    self.committed.position
                );
            }
            let counted = self.committed.tables[table].values().fold(0, |print, row| print ^ print_of(table, row));
            assert_eq!(counted, self.committed.prints[table], "the simulation's own fingerprint is wrong");
        }
    }
}

impl Content {
    /// Carries out a schema change of a table.
    fn alter(&mut self, change: &SchemaChange) {
        let table = table_of(&change.article);
        let superseded = change.article.supersedes.expect("it supersedes one");
        for step in &change.changes {
            match step {
                TableChange::DropColumn { name } if name == "note" => {
                    let rows = std::mem::take(&mut self.tables[table]);
                    self.tables[table] =
                        rows.into_iter().map(|(key, row)| (key, row[..row.len() - 1].to_vec())).collect();
                    self.prints[table] = self.tables[table].values().fold(0, |print, row| print ^ print_of(table, row));
                }
                TableChange::AlterColumn { name } if name == "note" => {}
                other => panic!("nobody did {other:?}"),
            }
        }
        let before = self.parts.iter().filter(|(id, _)| *id == superseded);
        let now: Vec<_> = before.map(|(_, part)| (change.article.id, part.clone())).collect();
        self.parts.extend(now);
        self.definitions.push(change.article.clone());
    }
}

/// Applies the net changes of some chunks: each must fit what is there.
fn apply_net(content: &mut Content, chunks: &[Chunk]) {
    let definitions: Articles = content.definitions.iter().cloned().collect();
    let mut compactor = Compactor::default();
    for chunk in chunks {
        let add = |article: &Arc<Article>, change: Change| compactor.add(article, change, chunk.lsn);
        each_change(chunk, &definitions, add).expect("the changes fit their articles");
    }
    for NetChanges { article, deleted, moved, updated, replaced, inserted } in compactor.finish() {
        let table = table_of(&article);
        let (rows, print) = (&mut content.tables[table], &mut content.prints[table]);
        // All at once: rows may exchange their keys.
        let leaving: Vec<Row> = moved
            .iter()
            .map(|(key, new_key)| {
                let mut row = rows[&key_of(key)].clone();
                row[..new_key.len()].clone_from_slice(new_key);
                row
            })
            .collect();
        let mut change = |change| apply(table, &change, rows, print);
        deleted.into_iter().for_each(|key| change(Change::Delete(key)));
        moved.into_iter().for_each(|(key, _)| change(Change::Delete(key)));
        leaving.into_iter().for_each(|row| change(Change::Insert(row)));
        for row in replaced {
            let key: Row = article.key().into_iter().map(|column| row[column].clone()).collect();
            change(Change::Delete(key));
            change(Change::Insert(row));
        }
        updated.into_iter().for_each(|update| change(Change::Update { key: update.key, changed: update.changed }));
        inserted.into_iter().for_each(|row| change(Change::Insert(row)));
    }
}
