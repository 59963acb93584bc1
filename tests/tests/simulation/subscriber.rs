//! The subscriber: its cores, over a database with transactions. After each commit the database is compared with what the publisher had
//! at the positions that it says.

use super::agent::WorkDir;
use super::database::Database;
use super::loader::{Loaded, Loader};
use super::network::{ConnectionId, Network, Read};
use super::source::Source;
use proto::catalog::SubscriptionState;
use proto::message::{ClientMessage, Refusal, RefusalKind, Report, ServerMessage};
use proto::{ArticleId, Lsn};
use rand::Rng;
use rand::rngs::StdRng;
use sqlserver::state::{PartState, Stage};
use std::collections::VecDeque;
use subscriber::core::Articles;
use subscriber::core::joining;
use subscriber::core::stream::{Input, Limits, Output, Stream};

/// Small, so that batches close and transactions go in pieces for every reason.
const LIMITS: Limits = Limits { changes: 60, bytes: 4_000, millis: 200, move_millis: 300 };

#[derive(Debug)]
pub struct Subscriber {
    pub name: String,
    pub publication: String,
    committed: Database,
    process: Option<Process>,
    pub commits: usize,
    /// It must be dropped and added: an article was loaded under a definition that is none any more where the stream begins.
    pub overtaken: bool,
    /// Beside a stream, one step in so many is one of the load; while it is not active, three are done at all.
    late: u32,
    /// Articles that came beside the stream.
    pub joined: usize,
    /// Times when the stream went back to what they had not got.
    pub went_back: usize,
    /// Times when a load that had been begun was begun anew from another snapshot.
    pub replaced: usize,
    /// Times when it became active after it had been `synchronizing`.
    pub completed: usize,
}

#[derive(Debug)]
enum Process {
    /// Looks at the state to see what is to be done.
    Prepare,
    /// Loads what it begins with.
    Load(Loader),
    Subscribe(ConnectionId),
    Stream(Box<Flow>),
}

/// A stream, and what is loaded beside it.
#[derive(Debug)]
struct Flow {
    connection: Option<ConnectionId>,
    /// The stage in which it began.
    stage: Stage,
    stream: Stream,
    definitions: Articles,
    /// Delivered, not yet taken by the core.
    inbox: VecDeque<ServerMessage>,
    /// What the core asked for and has not been answered.
    outstanding: Option<Output>,
    /// The open database transaction.
    transaction: Option<Database>,
    late: Option<Loader>,
    /// A snapshot was registered after that had begun.
    again: bool,
    /// It is to end, once nothing is outstanding.
    ends: Option<Ends>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    Loaded,
    Otherwise,
}

impl Subscriber {
    pub fn new(name: &str, publication: &str, late: u32) -> Self {
        Self {
            name: name.to_owned(),
            publication: publication.to_owned(),
            committed: Database::new(),
            process: None,
            commits: 0,
            overtaken: false,
            late,
            joined: 0,
            went_back: 0,
            replaced: 0,
            completed: 0,
        }
    }

    pub fn start(&mut self) {
        self.process.get_or_insert(Process::Prepare);
    }

    /// The subscription is dropped, and its tables.
    pub fn drop_all(&mut self, network: &mut Network, rng: &mut StdRng) {
        self.end(network, rng);
        self.committed = Database::new();
        self.overtaken = false;
    }

    /// From where on the queue is needed.
    pub fn needs_after(&self) -> Option<Lsn> {
        self.committed.needs_after()
    }

    /// Whether it is in the middle of a load.
    pub fn is_loading(&self) -> bool {
        match &self.process {
            Some(Process::Load(loader)) => loader.is_loading(),
            Some(Process::Stream(flow)) => flow.late.as_ref().is_some_and(Loader::is_loading),
            _ => false,
        }
    }

    /// Whether its database has a load that is not finished.
    pub fn is_loaded_in_part(&self) -> bool {
        self.committed.parts.iter().any(|part| part.state == PartState::Waiting)
    }

    /// Whether it is active, with these tables, and has everything up to a position.
    pub fn is_at(&self, last: Option<Lsn>, tables: &[usize]) -> bool {
        let database = &self.committed;
        database.stage == Stage::Active && database.position >= last && database.streamed() == tables
    }

    /// SIGKILL. What was being committed either was or was not.
    pub fn kill(&mut self, now: u64, network: &mut Network, source: &Source, rng: &mut StdRng) {
        if rng.random_bool(0.5) {
            self.carry_out(now, network, source);
        }
        self.end(network, rng);
    }

    fn end(&mut self, network: &mut Network, rng: &mut StdRng) {
        match self.process.take() {
            Some(Process::Load(loader)) => loader.end(network, rng),
            Some(Process::Subscribe(connection)) => network.cut(connection, rng),
            Some(Process::Stream(flow)) => flow.end(network, rng),
            Some(Process::Prepare) | None => {}
        }
    }

    /// The database refuses, as in a deadlock: the session begins anew from what is committed.
    pub fn fail(&mut self, network: &mut Network, rng: &mut StdRng) {
        if self.process.is_some() {
            self.end(network, rng);
            self.start();
        }
    }

    /// Prepares, loads, or receives.
    pub fn step(
        &mut self,
        now: u64,
        network: &mut Network,
        source: &Source,
        work_dir: &WorkDir,
        distributor_runs: bool,
        rng: &mut StdRng,
    ) {
        match &mut self.process {
            None => {}
            Some(Process::Prepare) => self.prepare(network, source, work_dir, distributor_runs),
            Some(_) if self.committed.stage != Stage::Active && !rng.random_ratio(3, self.late) => {}
            Some(Process::Load(loader)) => {
                if loader.has_found() && !self.announced(network, distributor_runs) {
                    return;
                }
                let Some(Process::Load(loader)) = &mut self.process else { return };
                self.replaced += usize::from(loader.replaces());
                let databases = &mut [&mut self.committed];
                let loaded = loader.step(true, databases, work_dir, network, distributor_runs, rng);
                self.committed.check(&self.name, source);
                match loaded {
                    None => {}
                    Some(Loaded::Articles) => {
                        self.join(None, source);
                        self.process = Some(Process::Prepare);
                    }
                    Some(Loaded::Nothing | Loaded::Failed) => self.process = Some(Process::Prepare),
                    Some(Loaded::Outdated) => panic!("what has nothing is refused for what it has"),
                }
            }
            Some(Process::Subscribe(connection)) => {
                let connection = *connection;
                match network.client_reads(connection) {
                    Read::Nothing => {}
                    Read::Message(ServerMessage::Subscribed { articles }) => {
                        let definitions = articles.into_iter().collect();
                        self.begin_stream(connection, definitions, network);
                    }
                    Read::Message(ServerMessage::Refused(refusal)) => {
                        network.cut(connection, rng);
                        self.process = Some(Process::Prepare);
                        self.overtaken |= is_overtaken(&refusal);
                    }
                    Read::Gone => self.process = Some(Process::Prepare),
                    Read::Message(unexpected) => panic!("nobody sends {unexpected:?} here"),
                }
            }
            Some(Process::Stream(flow)) => {
                if flow.late.is_some() && rng.random_ratio(1, self.late) {
                    self.load_late(now, network, source, work_dir, distributor_runs, rng);
                } else {
                    self.receive(now, network, source);
                }
            }
        }
    }

    /// Tells the distributor that it is initialised now; nobody answers. False while it cannot be told.
    fn announced(&mut self, network: &mut Network, distributor_runs: bool) -> bool {
        if distributor_runs {
            let connection = network.connect();
            let report = self.report(SubscriptionState::Initializing, None);
            network.client_sends(connection, ClientMessage::Report(report));
            network.close(connection);
        }
        distributor_runs
    }

    fn prepare(&mut self, network: &mut Network, source: &Source, work_dir: &WorkDir, distributor_runs: bool) {
        let database = &mut self.committed;
        match (database.stage, database.position) {
            (Stage::Uninitialized | Stage::Initializing, _) => {
                self.process = Some(Process::Load(Loader::new(&self.publication, Vec::new())));
            }
            (stage, position) if joining::is_together(stage, position, &database.parts) => {
                let streamed = |id: ArticleId| {
                    database.parts.iter().any(|part| part.article == id && part.state == PartState::Streamed)
                };
                let scripts = database.loads.iter().filter(|load| streamed(load.article));
                for load in scripts {
                    let kept = work_dir.folders.contains_key(&load.snapshot);
                    assert!(kept, "snapshot {} is gone, whose scripts {} has not run", load.snapshot, self.name);
                }
                database.complete();
                self.completed += 1;
                self.committed.check(&self.name, source);
            }
            (_, Some(position)) if distributor_runs => {
                let connection = network.connect();
                let (articles, _) = joining::streamed(&database.parts);
                let subscription = self.name.clone();
                network.client_sends(connection, ClientMessage::Subscribe { subscription, position, articles });
                self.process = Some(Process::Subscribe(connection));
            }
            (_, Some(_)) => {}
            (stage, None) => panic!("{} is {} without a position", self.name, stage.name()),
        }
    }

    fn begin_stream(&mut self, connection: ConnectionId, definitions: Articles, network: &mut Network) {
        let (_, parts) = joining::streamed(&self.committed.parts);
        let position = self.committed.position.expect("it subscribed with one");
        let stage = self.committed.stage;
        let stream = Stream::new(position, parts, &definitions, LIMITS);
        let late = Some(Loader::new(&self.publication, stream.has()));
        let flow = Flow {
            connection: Some(connection),
            stage,
            stream,
            definitions,
            inbox: VecDeque::new(),
            outstanding: None,
            transaction: None,
            late,
            again: false,
            ends: None,
        };
        self.process = Some(Process::Stream(Box::new(flow)));
        let report = self.report(state_of(stage), Some(position));
        network.client_sends(connection, ClientMessage::Report(report));
    }

    /// One step of the load beside the stream.
    fn load_late(
        &mut self,
        now: u64,
        network: &mut Network,
        source: &Source,
        work_dir: &WorkDir,
        distributor_runs: bool,
        rng: &mut StdRng,
    ) {
        let Some(Process::Stream(flow)) = &mut self.process else { return };
        let Some(late) = &mut flow.late else { return };
        self.replaced += usize::from(late.replaces());
        let mut databases = vec![&mut self.committed];
        databases.extend(&mut flow.transaction);
        let loaded = late.step(false, &mut databases, work_dir, network, distributor_runs, rng);
        self.committed.check(&self.name, source);
        let (publication, has) = (&self.publication, flow.stream.has());
        if loaded == Some(Loaded::Outdated) {
            assert_ne!(late.has(), has, "it is refused for what it has");
        }
        match loaded {
            None => {}
            Some(Loaded::Articles) => {
                flow.late = None;
                flow.ends = Some(Ends::Loaded);
                self.feed(now, Input::Lost, network);
            }
            Some(Loaded::Nothing) => {
                flow.late = std::mem::take(&mut flow.again).then(|| Loader::new(publication, has));
            }
            Some(Loaded::Failed | Loaded::Outdated) => flow.late = Some(Loader::new(publication, has)),
        }
    }

    /// Reads from the network and lets the core take what has come, as long as it wants more.
    fn receive(&mut self, now: u64, network: &mut Network, source: &Source) {
        let Some(Process::Stream(flow)) = &mut self.process else { return };
        if let Some(ends) = flow.ends {
            if flow.outstanding.is_none() && flow.stream.is_idle() {
                self.end_stream(ends, network, source);
            }
            return;
        }
        let Some(connection) = flow.connection else { return };
        let input = match flow.inbox.pop_front() {
            Some(ServerMessage::Deliver { chunks }) => {
                let mut chunks = VecDeque::from(chunks);
                let chunk = chunks.pop_front();
                if !chunks.is_empty() {
                    flow.inbox.push_front(ServerMessage::Deliver { chunks: chunks.into() });
                }
                chunk.map(Input::Chunk)
            }
            Some(ServerMessage::CaughtUp { lsn }) => Some(Input::CaughtUp(lsn)),
            Some(ServerMessage::SnapshotReady) => {
                flow.again = flow.late.is_some();
                let (publication, has) = (&self.publication, flow.stream.has());
                flow.late.get_or_insert_with(|| Loader::new(publication, has));
                None
            }
            Some(ServerMessage::Refused(refusal)) => {
                self.overtaken |= is_overtaken(&refusal);
                Some(Input::Lost)
            }
            Some(unexpected) => panic!("nobody sends {unexpected:?} here"),
            None if !flow.stream.wants_more() => None,
            None => match network.client_reads(connection) {
                Read::Message(message) => {
                    flow.inbox.push_back(message);
                    None
                }
                Read::Nothing => Some(Input::Drained),
                Read::Gone => Some(Input::Lost),
            },
        };
        let Some(input) = input else { return };
        if matches!(input, Input::Lost) {
            flow.ends = Some(Ends::Otherwise);
        }
        self.feed(now, input, network);
    }

    /// What follows once a stream has ended.
    fn end_stream(&mut self, ends: Ends, network: &mut Network, source: &Source) {
        let Some(Process::Stream(flow)) = self.process.replace(Process::Prepare) else { return };
        assert!(flow.transaction.is_none(), "a stream that has ended leaves a transaction open");
        flow.connection.into_iter().for_each(|connection| network.close(connection));
        flow.late.into_iter().for_each(|late| late.close(network));
        if ends == Ends::Loaded {
            self.joined += 1;
            self.join(Some(flow.stream.position()), source);
        }
    }

    fn join(&mut self, applied: Option<Lsn>, source: &Source) {
        let position = joining::goes_on_at(&self.committed.parts, applied).expect("something is loaded");
        self.went_back += usize::from(applied.is_some_and(|applied| position < applied));
        self.committed.join(position, applied);
        self.committed.check(&self.name, source);
    }

    /// Time passes.
    pub fn tick(&mut self, now: u64, network: &mut Network) {
        if matches!(&self.process, Some(Process::Stream(flow)) if flow.ends.is_none()) {
            self.feed(now, Input::Tick, network);
        }
    }

    fn feed(&mut self, now: u64, input: Input, network: &mut Network) {
        let Some(Process::Stream(flow)) = &mut self.process else { return };
        let outputs = flow.stream.handle(now, input).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let mut reports = Vec::new();
        for output in outputs {
            match output {
                Output::Report { position, .. } => reports.push(position),
                output => {
                    assert!(flow.outstanding.is_none(), "the core asks for a second thing before the first is done");
                    flow.outstanding = Some(output);
                }
            }
        }
        let together = flow.stage == Stage::Synchronizing && flow.stream.position() >= flow.stream.last_boundary();
        if together && flow.ends.is_none() {
            flow.ends = Some(Ends::Otherwise);
            self.feed(now, Input::Lost, network);
        }
        let Some(Process::Stream(flow)) = &self.process else { return };
        for position in reports {
            let report = self.report(state_of(flow.stage), Some(position));
            flow.connection.into_iter().for_each(|id| network.client_sends(id, ClientMessage::Report(report.clone())));
        }
    }

    fn report(&self, state: SubscriptionState, position: Option<Lsn>) -> Report {
        Report {
            subscription: self.name.clone(),
            state,
            position,
            snapshot: None,
            transactions: 0,
            changes: 0,
            error: None,
            loading: Vec::new(),
            tracers: Vec::new(),
            sent_at: 0,
        }
    }

    /// Carries out what the core asked for.
    pub fn carry_out(&mut self, now: u64, network: &mut Network, source: &Source) {
        let Some(Process::Stream(flow)) = &mut self.process else { return };
        let Some(output) = flow.outstanding.take() else { return };
        match output {
            Output::Batch { chunks, position } => {
                assert!(flow.transaction.is_none(), "a batch begins inside an open transaction");
                assert!(chunks.iter().all(|chunk| chunk.schema.is_empty()), "a batch changes no schema");
                let mut database = self.committed.clone();
                database.apply_net(&chunks, &flow.definitions);
                self.commit(database, position, source);
            }
            Output::Part { chunks, first } => {
                assert_eq!(first, flow.transaction.is_none(), "the first piece begins the transaction, and only it");
                let mut database = flow.transaction.take().unwrap_or_else(|| self.committed.clone());
                let alone = chunks.iter().skip(1).all(|chunk| chunk.schema.is_empty());
                assert!(alone, "a piece begins with a schema change");
                for change in &chunks[0].schema {
                    database.alter(change);
                    flow.definitions.learn(change.article.clone());
                }
                database.apply_net(&chunks, &flow.definitions);
                flow.transaction = Some(database);
            }
            Output::Commit { position } => {
                let database = flow.transaction.take().expect("a commit ends an open transaction");
                self.commit(database, position, source);
            }
            Output::Rollback => flow.transaction = None,
            Output::Move { position } => {
                assert!(flow.transaction.is_none(), "the position moves inside an open transaction");
                self.commit(self.committed.clone(), position, source);
            }
            Output::Report { .. } => {}
        }
        self.feed(now, Input::Done, network);
    }

    /// What is visible from here on must be what the publisher had after the last transaction up to the position.
    fn commit(&mut self, mut database: Database, position: Lsn, source: &Source) {
        assert!(Some(position) > self.committed.position, "the position of {} goes back", self.name);
        database.position = Some(position);
        self.committed = database;
        self.commits += 1;
        self.check(source);
    }

    pub fn check(&self, source: &Source) {
        self.committed.check(&self.name, source);
    }
}

impl Flow {
    fn end(self, network: &mut Network, rng: &mut StdRng) {
        if let Some(late) = self.late {
            late.end(network, rng);
        }
        if let Some(connection) = self.connection {
            network.cut(connection, rng);
        }
    }
}

/// Whether it is the one refusal that does not pass by itself.
fn is_overtaken(refusal: &Refusal) -> bool {
    let overtaken = refusal.message.contains("before the log reader had come to that change");
    assert!(overtaken || refusal.kind != RefusalKind::Expired, "{refusal}");
    overtaken
}

fn state_of(stage: Stage) -> SubscriptionState {
    match stage {
        Stage::Uninitialized => SubscriptionState::Uninitialized,
        Stage::Initializing => SubscriptionState::Initializing,
        Stage::Synchronizing => SubscriptionState::Synchronizing,
        Stage::Active => SubscriptionState::Active,
    }
}
