//! A subscription to a publication of type snapshot: all tables anew with each snapshot, and nothing in between.

use super::reports::{report, tell_failure};
use super::{Ended, SAY_EVERY, Settings, Until, connected, read_state, stopped};
use crate::distributor::Distributor;
use crate::error::Error;
use crate::initialise;
use cli::progress::Tables;
use proto::snapshot::SnapshotToLoad;
use sqlserver::Client;
use sqlserver::state::{Stage, SubscriptionRow};
use std::time::{Duration, Instant};
use tokio::sync::watch;

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
                tokio::select! {
                    done = Box::pin(refresh(settings, client, &row, &newest)) => done?,
                    // What is loaded counts the next time.
                    () = stopped(stop) => return Ok(Ended::Stopped),
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
        distributor.tell(report(&row)).await?;
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

async fn refresh(
    settings: &Settings,
    client: &mut Client,
    row: &SubscriptionRow,
    snapshot: &SnapshotToLoad,
) -> Result<(), Error> {
    let loading = Tables::default();
    let work = initialise::refresh(client, settings, row, snapshot, &loading);
    let done = initialise::reporting(settings, &report(row), &loading, work).await;
    match &done {
        Ok(()) => {
            let row = read_state(client, &row.subscription).await?;
            Distributor::connect(&settings.distributor).await?.report(report(&row)).await?;
        }
        Err(error) if !error.is_transient() => tell_failure(settings, row, error).await,
        Err(_) => {}
    }
    done
}
