//! One subscription from its connections to their end.
//!
//! What is to be done follows from its state in the database, so a session that ended at any moment is gone on with by the next:
//!
//! | state | what happens |
//! |---|---|
//! | `uninitialized`, `initializing` | the snapshot is waited for and loaded; the stream begins at its earliest boundary |
//! | `synchronizing` | the stream is applied up to the last boundary; there, at a commit boundary, the snapshot's scripts make indexes, constraints and triggers |
//! | `active` | the stream is applied |
//!
//! With one boundary there is nothing to catch up, and the scripts run right after the load. Articles that joined the publication later are
//! loaded beside the stream ([`late`]); then that ends at a commit boundary, and begins again at the earliest boundary of all, what the
//! other articles have already being left out. Until the last boundary the subscription is `synchronizing` again.

mod flow;
mod late;
mod refresh;
mod reports;

pub(crate) use reports::utc_now;

use crate::apply::Applier;
use crate::core::joining;
use crate::core::stream::{Limits, Stream};
use crate::distributor::Distributor;
use crate::error::{Error, ErrorKind};
use crate::initialise;
use cli::progress::Tables;
use flow::{Flow, Paused};
use late::Late;
use proto::Lsn;
use proto::catalog::{DatabaseName, PublicationKind, SubscriptionState};
use proto::message::Report;
use proto::snapshot::SnapshotToLoad;
use proto::transport::ConnectOptions;
use sqlserver::state::{PartState, Stage, SubscriptionRow};
use sqlserver::{Client, ServerOptions, state};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use workdir::Credentials;

/// How often the distributor is asked for a snapshot that is not there yet.
const SNAPSHOT_POLL: Duration = Duration::from_secs(2);
/// How often waiting is mentioned.
const SAY_EVERY: Duration = Duration::from_secs(10);

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
/// whenever both sides are connected.
pub async fn session(
    settings: &Settings,
    subscription: &str,
    until: Until,
    stop: &mut watch::Receiver<bool>,
    mut progressed: impl FnMut(),
) -> Result<Ended, Error> {
    let mut client = connect_beside(settings, subscription).await?;
    if !state::lock(&mut client, subscription).await? {
        let message = format!("another process runs subscription {subscription} at {}", client.place());
        return Err(Error::new(ErrorKind::Transient, message));
    }
    let row = read_state(&mut client, subscription).await?;
    let mut distributor = Distributor::connect(&settings.distributor).await?;
    if distributor.publication(&row.publication).await?.kind == PublicationKind::Snapshot {
        let refreshing = refresh::run(settings, &mut client, distributor, subscription, until, stop, &mut progressed);
        return Box::pin(refreshing).await;
    }
    // What follows goes over the same connection, unless something comes between that takes long.
    let mut at_hand = Some(distributor);
    let mut target = None;
    loop {
        let mut row = read_state(&mut client, subscription).await?;
        let prepared = Box::pin(prepare(settings, &mut client, &mut at_hand, &mut row, until, stop)).await;
        match prepared {
            Ok(true) => {}
            Ok(false) => return Ok(Ended::Stopped),
            Err(error) => {
                if !error.is_transient() {
                    reports::tell_failure(settings, &row, &error).await;
                }
                return Err(error);
            }
        }
        let mut distributor = connected(settings, &mut at_hand).await?;
        if until != Until::Stopped && target.is_none() {
            target = target_of(&mut distributor, &row).await?;
        }
        let mut flow = Box::pin(open(settings, client, distributor, &row, until)).await?;
        progressed();
        let paused = match flow.run(until, target, stop).await {
            Ok(paused) => paused,
            Err(error) => {
                flow.failed(&error).await;
                return Err(error);
            }
        };
        let position = flow.stream.position();
        let (back, unloaded) = flow.close().await?;
        client = back;
        match (paused, unloaded) {
            (Paused::Stopped, _) => return Ok(Ended::Stopped),
            (Paused::CaughtUp, None) => return Ok(Ended::CaughtUp),
            (Paused::CaughtUp, Some(error)) => return Err(error),
            (Paused::Loaded, _) => join(&mut client, &row.subscription, Some(position)).await?,
            (Paused::Together, _) => {}
        }
    }
}

/// A connection to the subscription database that says that it is for replication.
async fn connect_beside(settings: &Settings, subscription: &str) -> Result<Client, Error> {
    let mut client = Client::connect(&settings.server).await?;
    sqlserver::session::for_replication(&mut client, subscription).await?;
    Ok(client)
}

/// The connection to the distributor that is at hand, or a new one.
async fn connected(settings: &Settings, at_hand: &mut Option<Distributor>) -> Result<Distributor, Error> {
    match at_hand.take() {
        Some(distributor) => Ok(distributor),
        None => Distributor::connect(&settings.distributor).await,
    }
}

async fn read_state(client: &mut Client, subscription: &str) -> Result<SubscriptionRow, Error> {
    state::read(client, subscription).await?.ok_or_else(|| {
        let place = client.place();
        Error::invalid(format!(
            "subscription {subscription} does not exist at {place}; `subscriber subscription add` makes it"
        ))
    })
}

/// Brings the subscription to where its stream can go on, and `row` with it. False if the process is asked to end.
async fn prepare(
    settings: &Settings,
    client: &mut Client,
    at_hand: &mut Option<Distributor>,
    row: &mut SubscriptionRow,
    until: Until,
    stop: &mut watch::Receiver<bool>,
) -> Result<bool, Error> {
    if matches!(row.stage, Stage::Uninitialized | Stage::Initializing) {
        let mut distributor = connected(settings, at_hand).await?;
        if wait_for_snapshots(&mut distributor, row, until, stop).await?.is_none() {
            return Ok(false);
        }
        let report = Report { state: SubscriptionState::Initializing, position: None, ..reports::report(row) };
        distributor.tell(report.clone()).await?;
        // Only from now on all snapshots are kept: that of a moment ago may have given way to a newer one.
        let Some(snapshots) = wait_for_snapshots(&mut distributor, row, until, stop).await? else { return Ok(false) };
        drop(distributor);
        let loading = Tables::default();
        let load = Box::pin(initialise::load(client, settings, row, &snapshots, &loading));
        tokio::select! {
            loaded = initialise::reporting(settings, &report, &loading, load) => loaded?,
            // What is loaded counts the next time.
            () = stopped(stop) => return Ok(false),
        }
        join(client, &row.subscription, None).await?;
        *row = read_state(client, &row.subscription).await?;
    }
    if joining::is_together(row.stage, row.position, &state::parts(client, &row.subscription).await?) {
        *at_hand = None;
        Box::pin(initialise::scripts(client, settings, row, PartState::Streamed)).await?;
        state::complete(client, &row.subscription).await?;
        *row = read_state(client, &row.subscription).await?;
        let position = row.position.map(tracing::field::display);
        tracing::info!(
            subscription = row.subscription,
            position,
            "all articles are as the publisher was at one moment"
        );
    }
    Ok(true)
}

/// Lets the stream go on with the parts that are loaded, from their earliest boundary on or from where it is `applied` up to.
async fn join(client: &mut Client, subscription: &str, applied: Option<Lsn>) -> Result<(), Error> {
    let parts = state::parts(client, subscription).await?;
    let position = joining::goes_on_at(&parts, applied)
        .ok_or_else(|| Error::invalid(format!("the publication of subscription {subscription} has no articles")))?;
    tracing::info!(subscription, %position, applied = applied.map(tracing::field::display), "loaded");
    Ok(state::join(client, subscription, position, applied).await?)
}

/// Up to where the distributor has the publication now.
async fn target_of(distributor: &mut Distributor, row: &SubscriptionRow) -> Result<Option<Lsn>, Error> {
    let database = DatabaseName { server: row.publication_server.clone(), database: row.publication_database.clone() };
    let status = distributor.status().await?;
    Ok(status.databases.into_iter().find(|d| d.database == database).and_then(|d| d.position))
}

/// Asks for the stream from where the subscription is, with the articles that it has.
async fn open(
    settings: &Settings,
    mut client: Client,
    distributor: Distributor,
    row: &SubscriptionRow,
    until: Until,
) -> Result<Flow, Error> {
    let position = row.position.ok_or_else(|| {
        let (subscription, stage) = (&row.subscription, row.stage.name());
        Error::invalid(format!("the state of subscription {subscription} is {stage}, but it has no position"))
    })?;
    let (has, parts) = joining::streamed(&state::parts(&mut client, &row.subscription).await?);
    let (directions, articles) = distributor.subscribe(row.subscription.clone(), position, has).await?;
    let mut limits = settings.limits;
    if until != Until::Stopped {
        limits.move_millis = 0;
    }
    let stream = Stream::new(position, parts, &articles, limits);
    // Made anew with each stream: scripts and loads change the tables between them.
    let applier = Box::pin(Applier::open(client, &row.subscription, articles)).await?;
    tracing::info!(
        subscription = row.subscription, publication = row.publication, %position, state = row.stage.name(), "applying"
    );
    let late = Late::new(settings, row, stream.has(), until == Until::Stopped);
    Ok(Flow::new(row.clone(), stream, applier, directions, late))
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
