//! `subscriber run`: the subscriptions of a database, each until it fails or the process is asked to end.

use crate::error::Error;
use crate::retry::Retry;
use crate::session::{Ended, Settings, Until, session, stopped};
use sqlserver::{Client, state};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// Without a pause.
    Continuous,
    /// What there is, again and again after this time.
    Every(Duration),
    /// What there is, once.
    Once,
}

/// How often the database is looked at for subscriptions that were added.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Runs the named subscriptions of the database, or all, then also those that are added meanwhile. Ends when all have ended; the first
/// failure of any is the result. One that fails does not stop the others.
pub async fn run(
    settings: Settings,
    names: &[String],
    schedule: Schedule,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Error> {
    let mut running: JoinSet<Result<(), Error>> = JoinSet::new();
    let mut known = BTreeSet::new();
    for name in subscriptions(&settings, names, schedule, stop.clone()).await? {
        known.insert(name.to_lowercase());
        running.spawn(subscription(settings.clone(), name, schedule, stop.clone()));
    }
    let takes_up = names.is_empty() && schedule != Schedule::Once;
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut result = Ok(());
    while !running.is_empty() {
        tokio::select! {
            Some(ended) = running.join_next() => {
                let ended = ended.unwrap_or_else(|panicked| {
                    Err(Error::invalid(format!("a subscription ended abnormally: {panicked}")))
                });
                if let Err(error) = ended {
                    if !running.is_empty() {
                        tracing::error!("a subscription failed, others go on: {}", error.without_values());
                    }
                    if result.is_ok() {
                        result = Err(error);
                    }
                }
            }
            _ = look.tick(), if takes_up && !*stop.borrow() => {
                let listed = tokio::select! {
                    listed = list(&settings) => listed,
                    () = stopped(&mut stop) => continue,
                };
                // A database that cannot be asked is the subscriptions' own trouble.
                for name in listed.unwrap_or_default() {
                    if known.insert(name.to_lowercase()) {
                        tracing::info!(subscription = name, "was added");
                        running.spawn(subscription(settings.clone(), name, schedule, stop.clone()));
                    }
                }
            }
        }
    }
    result
}

/// The names of all of the database, as it spells them.
async fn list(settings: &Settings) -> Result<Vec<String>, Error> {
    let mut client = Client::connect(&settings.server).await?;
    Ok(state::list(&mut client).await?.into_iter().map(|row| row.subscription).collect())
}

/// The names of those that are to be run.
async fn subscriptions(
    settings: &Settings,
    names: &[String],
    schedule: Schedule,
    mut stop: watch::Receiver<bool>,
) -> Result<Vec<String>, Error> {
    let mut retry = Retry::default();
    let there: Vec<String> = loop {
        match list(settings).await {
            Ok(names) => break names,
            Err(error) => {
                if schedule == Schedule::Once {
                    return Err(error);
                }
                let Some(wait) = retry.after(&error) else { return Err(error) };
                tracing::warn!(%error, retry_in = ?wait, "the subscription database cannot be asked");
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = stopped(&mut stop) => return Ok(Vec::new()),
                }
            }
        }
    };
    let place = settings.server.place();
    if there.is_empty() {
        return Err(Error::invalid(format!("{place} has no subscription; `subscriber subscription add` makes one")));
    }
    if names.is_empty() {
        return Ok(there);
    }
    let find = |name: &String| {
        let found = there.iter().find(|other| other.to_lowercase() == name.to_lowercase()).cloned();
        found.ok_or_else(|| {
            Error::invalid(format!("{place} has no subscription {name}; there are {}", there.join(", ")))
        })
    };
    names.iter().map(find).collect()
}

async fn subscription(
    settings: Settings,
    name: String,
    schedule: Schedule,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Error> {
    let until = match schedule {
        Schedule::Continuous => Until::Stopped,
        Schedule::Every(_) => Until::CaughtUp { wait_for_snapshot: true },
        Schedule::Once => Until::CaughtUp { wait_for_snapshot: false },
    };
    let mut retry = Retry::default();
    // `--once` is for schedulers that try again themselves: it does not wait for a side that is down for long.
    let mut patience = 5;
    loop {
        let ended = Box::pin(session(&settings, &name, until, &mut stop, || retry.succeeded())).await;
        let wait = match (ended, schedule) {
            (Ok(Ended::Stopped), _) | (Ok(Ended::CaughtUp), Schedule::Once) => return Ok(()),
            (Ok(Ended::CaughtUp), Schedule::Every(pause)) => {
                tracing::info!(subscription = name, next_in = ?pause, "caught up");
                pause
            }
            (Ok(Ended::CaughtUp), Schedule::Continuous) => Duration::ZERO,
            (Err(error), _) => {
                let Some(wait) = retry.after(&error) else { return Err(error) };
                patience -= 1;
                if schedule == Schedule::Once && patience == 0 {
                    return Err(error);
                }
                tracing::warn!(subscription = name, %error, retry_in = ?wait, "interrupted; trying again");
                wait
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stopped(&mut stop) => return Ok(()),
        }
    }
}
