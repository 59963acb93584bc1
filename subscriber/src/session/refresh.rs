//! A subscription to a publication of type snapshot: all tables anew with each snapshot, and nothing in between.

use super::reports::{self, tell_failure};
use super::{Ended, SAY_EVERY, Settings, Until, connected, read_state, stopped};
use crate::distributor::Distributor;
use crate::error::Error;
use crate::initialise;
use cli::progress::Tables;
use proto::catalog::SubscriptionState;
use proto::snapshot::SnapshotToLoad;
use sqlserver::Client;
use sqlserver::state::{Stage, SubscriptionRow};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use workdir::WorkDirError;

/// How often the distributor is asked for a newer snapshot.
const POLL: Duration = Duration::from_secs(5);

/// Loads the newest snapshot if it is not the one that is there, and each that follows. `progressed` is called whenever the distributor
/// has answered.
pub(super) async fn run(
    settings: &Settings,
    client: &mut Client,
    distributor: Distributor,
    subscription: &str,
    until: Until,
    stop: &mut watch::Receiver<bool>,
    progressed: &mut impl FnMut(),
) -> Result<Ended, Error> {
    let mut at_hand = Some(distributor);
    let mut said: Option<Instant> = None;
    loop {
        let row = read_state(client, subscription).await?;
        let mut distributor = connected(settings, &mut at_hand).await?;
        let newest = newest(&mut distributor, &row).await?;
        progressed();
        let there = row.stage == Stage::Active;
        match newest {
            Some(newest) if !(there && row.snapshot == Some(newest.snapshot.id)) => {
                // Nobody would listen to it while the load lasts.
                drop(distributor);
                let done = tokio::select! {
                    done = Box::pin(refresh(settings, client, &row, &newest)) => done,
                    // What is loaded counts the next time.
                    () = stopped(stop) => return Ok(Ended::Stopped),
                };
                match done {
                    Err(error) if is_gone(&error) && !is_newest(settings, &row, &newest).await? => {
                        tracing::warn!(subscription, snapshot = %newest.snapshot.id, %error, "the snapshot was removed while it was loaded; there is a newer one");
                    }
                    Err(error) => {
                        if !error.is_transient() {
                            tell_failure(settings, &row, &error).await;
                        }
                        return Err(error);
                    }
                    Ok(()) => {}
                }
                continue;
            }
            None if !there && until == (Until::CaughtUp { wait_for_snapshot: false }) => {
                return Err(Error::invalid(format!(
                    "subscription {subscription} cannot be initialised: publication {0} has no snapshot; make one with `publisher \
                     snapshot --publication {0}`",
                    row.publication
                )));
            }
            _ if there && until != Until::Stopped => return Ok(Ended::CaughtUp),
            _ => {}
        }
        if !there && said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            said = Some(Instant::now());
            let publication = row.publication.as_str();
            tracing::warn!(subscription, publication, "waiting for a snapshot; `publisher snapshot` makes one");
        }
        // Nothing that is new: it shows that somebody is there.
        distributor.tell(reports::report(&row)).await?;
        at_hand = Some(distributor);
        tokio::select! {
            () = tokio::time::sleep(POLL) => {}
            () = stopped(stop) => return Ok(Ended::Stopped),
        }
    }
}

async fn newest(distributor: &mut Distributor, row: &SubscriptionRow) -> Result<Option<SnapshotToLoad>, Error> {
    let found = distributor.latest_snapshots(&row.publication, Vec::new()).await?;
    Ok(found.unwrap_or_default().into_iter().next())
}

/// Whether a file of the snapshot is missing.
fn is_gone(error: &Error) -> bool {
    let error = std::error::Error::source(error).and_then(|error| error.downcast_ref::<WorkDirError>());
    error.is_some_and(WorkDirError::is_not_found)
}

async fn is_newest(settings: &Settings, row: &SubscriptionRow, snapshot: &SnapshotToLoad) -> Result<bool, Error> {
    let mut distributor = Distributor::connect(&settings.distributor).await?;
    let newest = newest(&mut distributor, row).await?;
    Ok(newest.is_some_and(|newest| newest.snapshot.id == snapshot.snapshot.id))
}

async fn refresh(
    settings: &Settings,
    client: &mut Client,
    row: &SubscriptionRow,
    snapshot: &SnapshotToLoad,
) -> Result<(), Error> {
    let loading = Tables::default();
    let mut report = reports::report(row);
    if row.stage != Stage::Active {
        // Without rows of its own yet, and with them all the snapshots that it may be loading are kept.
        report.state = SubscriptionState::Initializing;
    }
    Distributor::connect(&settings.distributor).await?.report(report.clone()).await?;
    let work = initialise::refresh(client, settings, row, snapshot, &loading);
    initialise::reporting(settings, &report, &loading, work).await?;
    let row = read_state(client, &row.subscription).await?;
    Distributor::connect(&settings.distributor).await?.report(reports::report(&row)).await
}
