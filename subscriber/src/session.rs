//! One subscription from its connections to their end.
//!
//! The loop only moves data: messages from the distributor and answers of the worker go into [`core::stream`](crate::core::stream), its
//! outputs to the worker. The worker applies one output at a time while the loop receives what follows, within bounds.

use crate::apply::Applier;
use crate::core::Articles;
use crate::core::stream::{Input, Limits, Output, Stream};
use crate::distributor::Distributor;
use crate::error::{Error, ErrorKind};
use crate::initialise::{self, Loading};
use futures::FutureExt;
use proto::catalog::{DatabaseName, SubscriptionState};
use proto::message::{ClientMessage, Report, ServerMessage};
use proto::snapshot::SnapshotToLoad;
use proto::transport::{ConnectOptions, Connection, Receiver, Sender};
use proto::{ArticleId, Lsn};
use sqlserver::state::{PartState, Stage, SubscriptionRow};
use sqlserver::{Client, ServerOptions, state};
use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, watch};
use workdir::Credentials;

/// How often the time is told to the stream.
const TICK: Duration = Duration::from_millis(100);
/// How often the distributor is asked for a snapshot that is not there yet.
const SNAPSHOT_POLL: Duration = Duration::from_secs(2);
/// How often waiting is mentioned.
const SAY_EVERY: Duration = Duration::from_secs(10);
/// For what is being applied when the process is asked to end.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// How both sides are reached and how much is applied at once.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The subscription database.
    pub server: ServerOptions,
    /// The distributor.
    pub distributor: ConnectOptions,
    /// The snapshots.
    pub snapshots: SnapshotAccess,
    /// Size of batches.
    pub limits: Limits,
    /// Connections to the subscription database over which a snapshot is loaded at once.
    pub load_sessions: usize,
}

/// How snapshots are reached.
#[derive(Debug, Clone, Default)]
pub struct SnapshotAccess {
    /// The working directory as a URL, if it is another one here than at the publisher.
    pub working_directory: Option<String>,
    /// How to get in.
    pub credentials: Credentials,
}

/// When a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// When the process is asked to end.
    Stopped,
    /// When everything is applied that the distributor had at its start.
    CaughtUp {
        /// Wait for a snapshot that has not been made yet, instead of failing.
        wait_for_snapshot: bool,
    },
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The process was asked to.
    Stopped,
    /// Everything there was is applied.
    CaughtUp,
}

/// Runs a subscription until its end or an error. `stop` becomes true when the process is asked to end; `progressed` is called
/// once both sides are connected.
pub async fn session(
    settings: &Settings,
    subscription: &str,
    until: Until,
    stop: &mut watch::Receiver<bool>,
    progressed: impl FnOnce(),
) -> Result<Ended, Error> {
    let mut client = Client::connect(&settings.server).await?;
    if !state::lock(&mut client, subscription).await? {
        let message = format!("another process runs subscription {subscription} at {}", client.place());
        return Err(Error::new(ErrorKind::Transient, message));
    }
    sqlserver::session::for_replication(&mut client, subscription).await?;
    let mut row = read_state(&mut client, subscription).await?;
    let prepared = prepare(settings, &mut client, &mut row, until, stop).await;
    let target = match prepared {
        Ok(Some(target)) => target,
        Ok(None) => return Ok(Ended::Stopped),
        Err(error) => {
            if !error.is_transient() {
                tell_failure(settings, &row, &error).await;
            }
            return Err(error);
        }
    };
    let position = row.position.ok_or_else(|| {
        Error::invalid(format!("the state of subscription {subscription} is active, but it has no position"))
    })?;
    let boundaries: HashMap<ArticleId, Lsn> = state::parts(&mut client, &row.subscription)
        .await?
        .into_iter()
        .map(|part| (part.article, part.boundary))
        .collect();
    let held = boundaries.keys().copied().collect();
    let (sender, receiver, articles) = subscribe(settings, &row, position, held).await?;
    let mut limits = settings.limits;
    if until != Until::Stopped {
        limits.move_millis = 0;
    }
    let stream = Stream::new(position, boundaries, &articles, limits);
    let applier = Box::pin(Applier::open(client, &row.subscription, articles)).await?;
    progressed();
    tracing::info!(subscription = row.subscription, publication = row.publication, %position, "applying");
    let mut flow = Flow::new(row.subscription.clone(), stream, applier, sender.clone(), receiver);
    let ended = flow.run(until, target, stop).await;
    if let Err(error) = &ended
        && !error.is_transient()
    {
        let (transactions, changes) = flow.stream.applied();
        let report = Report { transactions, changes, ..failure(&row, Some(flow.stream.position()), error) };
        // The connection may be what failed.
        let _ = sender.send(&ClientMessage::Report(report)).await;
    }
    let _ = sender.shutdown().await;
    ended
}

async fn read_state(client: &mut Client, subscription: &str) -> Result<SubscriptionRow, Error> {
    state::read(client, subscription).await?.ok_or_else(|| {
        let place = client.place();
        Error::invalid(format!(
            "subscription {subscription} does not exist at {place}; `subscriber subscription add` makes it"
        ))
    })
}

/// Initialises the subscription if need be, and finds out up to where it is to run. None if the process is asked to end.
async fn prepare(
    settings: &Settings,
    client: &mut Client,
    row: &mut SubscriptionRow,
    until: Until,
    stop: &mut watch::Receiver<bool>,
) -> Result<Option<Option<Lsn>>, Error> {
    let mut distributor = Distributor::connect(&settings.distributor).await?;
    if matches!(row.stage, Stage::Uninitialized | Stage::Initializing) {
        let Some(snapshots) = wait_for_snapshots(&mut distributor, row, until, stop).await? else { return Ok(None) };
        let report = Report { state: SubscriptionState::Initializing, ..report(row, None) };
        Distributor::connect(&settings.distributor).await?.report(report.clone()).await?;
        let loading = Loading::default();
        let load = Box::pin(initialise::load(client, settings, row, &snapshots, &loading));
        tokio::select! {
            loaded = initialise::reporting(settings, &report, &loading, load) => loaded?,
            () = stopped(stop) => return Ok(None),
        }
        join(client, &row.subscription).await?;
        *row = read_state(client, &row.subscription).await?;
    }
    if row.stage == Stage::Synchronizing {
        Box::pin(initialise::scripts(client, settings, row)).await?;
        state::complete(client, &row.subscription).await?;
        *row = read_state(client, &row.subscription).await?;
        tracing::info!(subscription = row.subscription, position = ?row.position, "initialised");
        // It may have taken longer than a connection may be silent.
        distributor = Distributor::connect(&settings.distributor).await?;
    }
    if until == Until::Stopped {
        return Ok(Some(None));
    }
    let database = DatabaseName { server: row.publication_server.clone(), database: row.publication_database.clone() };
    let status = distributor.status().await?;
    Ok(Some(status.databases.into_iter().find(|d| d.database == database).and_then(|d| d.position)))
}

/// Lets the stream begin where the loaded parts end.
async fn join(client: &mut Client, subscription: &str) -> Result<(), Error> {
    let mut boundaries: HashMap<ArticleId, Lsn> = HashMap::new();
    for part in state::parts(client, subscription).await?.iter().filter(|part| part.state == PartState::Loaded) {
        if *boundaries.entry(part.article).or_insert(part.boundary) != part.boundary {
            return Err(Error::invalid(format!(
                "the parts of article {} in its snapshot do not have one boundary; make a new snapshot",
                part.article
            )));
        }
    }
    let position = boundaries.values().min().copied();
    let position = position
        .ok_or_else(|| Error::invalid(format!("the publication of subscription {subscription} has no articles")))?;
    Ok(state::join(client, subscription, position, None).await?)
}

async fn wait_for_snapshots(
    distributor: &mut Distributor,
    row: &SubscriptionRow,
    until: Until,
    stop: &mut watch::Receiver<bool>,
) -> Result<Option<Vec<SnapshotToLoad>>, Error> {
    let mut said: Option<Instant> = None;
    loop {
        if let Some(snapshots) = distributor.latest_snapshots(&row.publication, Vec::new()).await? {
            return Ok(Some(snapshots));
        }
        let (subscription, publication) = (&row.subscription, &row.publication);
        if until == (Until::CaughtUp { wait_for_snapshot: false }) {
            return Err(Error::invalid(format!(
                "subscription {subscription} cannot be initialised: publication {publication} has no snapshot from which the \
                 queue can go on; make one with `publisher snapshot --publication {publication}`"
            )));
        }
        if said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            said = Some(Instant::now());
            tracing::warn!(subscription, publication, "waiting for a snapshot; `publisher snapshot` makes one");
        }
        tokio::select! {
            () = tokio::time::sleep(SNAPSHOT_POLL) => {}
            () = stopped(stop) => return Ok(None),
        }
    }
}

/// Completes when the process is asked to end.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        // Nobody is left who could ask.
        std::future::pending::<()>().await;
    }
}

async fn subscribe(
    settings: &Settings,
    row: &SubscriptionRow,
    position: Lsn,
    held: Vec<ArticleId>,
) -> Result<(Sender<ClientMessage>, Receiver<ServerMessage>, Articles), Error> {
    let connection = Connection::connect(&settings.distributor).await?;
    let address = connection.address().to_owned();
    let (sender, mut receiver) = connection.into_split();
    sender.send(&ClientMessage::Subscribe { subscription: row.subscription.clone(), position, articles: held }).await?;
    sender.flush().await?;
    match receiver.next().await? {
        ServerMessage::Subscribed { articles } => Ok((sender, receiver, articles.into_iter().collect())),
        ServerMessage::Refused(refusal) | ServerMessage::Response(Err(refusal)) => {
            Err(proto::transport::TransportError::Refused { address, refusal }.into())
        }
        _ => {
            Err(Error::new(ErrorKind::Stream, format!("the distributor at {address} did not answer the subscription")))
        }
    }
}

fn report(row: &SubscriptionRow, position: Option<Lsn>) -> Report {
    Report {
        subscription: row.subscription.clone(),
        state: SubscriptionState::Active,
        position,
        transactions: 0,
        changes: 0,
        error: None,
        loading: Vec::new(),
        tracers: Vec::new(),
        sent_at: utc_now(),
    }
}

/// Now, microseconds since 1970-01-01 UTC.
pub(crate) fn utc_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}

fn failure(row: &SubscriptionRow, position: Option<Lsn>, error: &Error) -> Report {
    Report { state: SubscriptionState::Failed, error: Some(error.to_string()), ..report(row, position) }
}

/// Tells the distributor about a failure outside of the stream, as far as it can be told.
async fn tell_failure(settings: &Settings, row: &SubscriptionRow, error: &Error) {
    let told = match Distributor::connect(&settings.distributor).await {
        Ok(distributor) => distributor.report(failure(row, row.position, error)).await,
        Err(error) => Err(error),
    };
    if let Err(error) = told {
        tracing::warn!(subscription = row.subscription, %error, "the distributor could not be told of the failure");
    }
}

/// The moving parts of a stream.
struct Flow {
    subscription: String,
    stream: Stream,
    sender: Sender<ClientMessage>,
    receiver: Receiver<ServerMessage>,
    work: mpsc::Sender<Output>,
    answers: mpsc::Receiver<Result<(), Error>>,
    began: Instant,
    /// First LSN up to which everything was delivered.
    caught_up: Option<Lsn>,
}

impl Flow {
    fn new(
        subscription: String,
        stream: Stream,
        applier: Applier,
        sender: Sender<ClientMessage>,
        receiver: Receiver<ServerMessage>,
    ) -> Self {
        let (work, outputs) = mpsc::channel(1);
        let (answer, answers) = mpsc::channel(1);
        tokio::spawn(carry_out(applier, outputs, answer));
        Self { subscription, stream, sender, receiver, work, answers, began: Instant::now(), caught_up: None }
    }

    async fn run(
        &mut self,
        until: Until,
        target: Option<Lsn>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Ended, Error> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let position = self.stream.position();
            let reached = |lsn: Lsn| position >= lsn;
            if until != Until::Stopped && (target.is_some_and(reached) || self.caught_up.is_some_and(reached)) {
                return self.end(Ended::CaughtUp).await;
            }
            let wants_more = self.stream.wants_more();
            tokio::select! {
                answer = self.answers.recv() => self.answered(answer).await?,
                message = self.receiver.next(), if wants_more => match message {
                    Ok(message) => self.receive(message).await?,
                    Err(error) => {
                        // What is being applied commits or fails by itself.
                        self.end(Ended::Stopped).await?;
                        return Err(error.into());
                    }
                },
                _ = tick.tick() => self.take(Input::Tick).await?,
                () = stopped(stop) => return self.end(Ended::Stopped).await,
            }
        }
    }

    /// A message, and all that have arrived behind it.
    async fn receive(&mut self, message: ServerMessage) -> Result<(), Error> {
        self.message(message).await?;
        while self.stream.wants_more() {
            if let Ok(answer) = self.answers.try_recv() {
                self.answered(Some(answer)).await?;
            }
            match self.receiver.next().now_or_never() {
                Some(message) => self.message(message?).await?,
                None => return self.take(Input::Drained).await,
            }
        }
        Ok(())
    }

    async fn message(&mut self, message: ServerMessage) -> Result<(), Error> {
        match message {
            ServerMessage::Deliver { chunks } => {
                for chunk in chunks {
                    self.take(Input::Chunk(chunk)).await?;
                }
                Ok(())
            }
            ServerMessage::CaughtUp { lsn } => {
                self.caught_up.get_or_insert(lsn);
                self.take(Input::CaughtUp(lsn)).await
            }
            ServerMessage::Refused(refusal) => {
                let address = "distributor".to_owned();
                Err(proto::transport::TransportError::Refused { address, refusal }.into())
            }
            ServerMessage::SnapshotReady | ServerMessage::Ping => Ok(()),
            _ => Err(Error::new(
                ErrorKind::Stream,
                "the distributor sent what does not belong into a subscription's stream",
            )),
        }
    }

    async fn answered(&mut self, answer: Option<Result<(), Error>>) -> Result<(), Error> {
        match answer {
            Some(Ok(())) => self.take(Input::Done).await,
            Some(Err(error)) => Err(error),
            None => Err(Error::new(ErrorKind::Transient, "applying ended abnormally")),
        }
    }

    async fn take(&mut self, input: Input) -> Result<(), Error> {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        for output in self.stream.handle(now, input)? {
            match output {
                Output::Report { position, transactions, changes } => {
                    let now = utc_now();
                    let tracers = self.stream.arrived_tracers().into_iter().map(|token| (token, now)).collect();
                    let report = Report {
                        subscription: self.subscription.clone(),
                        state: SubscriptionState::Active,
                        position: Some(position),
                        transactions,
                        changes,
                        error: None,
                        loading: Vec::new(),
                        tracers,
                        sent_at: now,
                    };
                    // A connection that is gone shows where it is received from.
                    if self.sender.send(&ClientMessage::Report(report)).await.is_ok() {
                        let _ = self.sender.flush().await;
                    }
                }
                work => {
                    // One output is outstanding at most, so there is room. A worker that is gone shows in its answers.
                    let _ = self.work.send(work).await;
                }
            }
        }
        Ok(())
    }

    /// Waits for what is being applied and undoes what cannot be finished.
    async fn end(&mut self, ended: Ended) -> Result<Ended, Error> {
        self.take(Input::Lost).await?;
        while !self.stream.is_idle() {
            let answer = tokio::time::timeout(STOP_LIMIT, self.answers.recv()).await.map_err(|_| {
                Error::new(
                    ErrorKind::Transient,
                    format!("a batch took longer than {STOP_LIMIT:?} to end and was given up"),
                )
            })?;
            self.answered(answer).await?;
        }
        Ok(ended)
    }
}

/// The worker: carries out one output after the other, until one fails.
async fn carry_out(
    mut applier: Applier,
    mut outputs: mpsc::Receiver<Output>,
    answers: mpsc::Sender<Result<(), Error>>,
) {
    while let Some(output) = outputs.recv().await {
        let done = match output {
            Output::Batch { chunks, position } => Box::pin(applier.batch(&chunks, position)).await,
            Output::Part { chunks, first } => Box::pin(applier.part(&chunks, first)).await,
            Output::Commit { position } => applier.commit(position).await,
            Output::Rollback => applier.rollback().await,
            Output::Move { position } => applier.move_to(position).await,
            Output::Report { .. } => Ok(()),
        };
        let failed = done.is_err();
        if answers.send(done).await.is_err() || failed {
            return;
        }
    }
}
