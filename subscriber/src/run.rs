//! `subscriber run`: the subscriptions of a database, each until it fails or the process is asked to end.

use crate::distributor::Distributor;
use crate::error::Error;
use crate::retry::Retry;
use crate::session::{Ended, Settings, Until, session, stopped};
use sqlserver::{Client, state};
use std::collections::{BTreeMap, BTreeSet};
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

/// For the distributor to say when subscriptions were added.
const ASKING: Duration = Duration::from_secs(5);

/// Runs the named subscriptions of the database, or all, then also those that are added meanwhile. Ends when all have ended; the first
/// failure of any is the result. One that fails does not stop the others.
pub async fn run(
    settings: Settings,
    names: &[String],
    schedule: Schedule,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Error> {
    let mut running: JoinSet<(String, Result<(), Error>)> = JoinSet::new();
    let mut known = BTreeSet::new();
    let begin = |running: &mut JoinSet<_>, name: String, stop: watch::Receiver<bool>| {
        let settings = settings.clone();
        running.spawn(async move {
            let ended = subscription(settings, name.clone(), schedule, stop).await;
            (name, ended)
        });
    };
    for name in subscriptions(&settings, names, schedule, stop.clone()).await? {
        known.insert(name.to_lowercase());
        begin(&mut running, name, stop.clone());
    }
    let takes_up = names.is_empty() && schedule != Schedule::Once;
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failures: Vec<Failure> = Vec::new();
    while !running.is_empty() {
        tokio::select! {
            Some(ended) = running.join_next() => {
                let (name, ended) = ended.unwrap_or_else(|panicked| {
                    (String::new(), Err(Error::invalid(format!("a subscription ended abnormally: {panicked}"))))
                });
                if let Err(error) = ended {
                    if !running.is_empty() {
                        tracing::error!("a subscription failed, others go on: {}", error.without_values());
                    }
                    let added = added(&settings).await.get(&name.to_lowercase()).copied();
                    failures.push(Failure { name, added, error });
                }
            }
            _ = look.tick(), if takes_up && !*stop.borrow() => {
                let look = async {
                    let added = if failures.is_empty() { BTreeMap::new() } else { added(&settings).await };
                    // A database that cannot be asked is the subscriptions' own trouble.
                    (list(&settings).await.unwrap_or_default(), added)
                };
                let (listed, added) = tokio::select! {
                    looked = look => looked,
                    () = stopped(&mut stop) => continue,
                };
                for name in listed {
                    let lower = name.to_lowercase();
                    // One that failed may have been dropped and added again since.
                    let failed = failures.len();
                    failures.retain(|failure| !failure.is_of_earlier(&lower, added.get(&lower).copied()));
                    if known.insert(lower) || failures.len() < failed {
                        tracing::info!(subscription = name, "was added");
                        begin(&mut running, name, stop.clone());
                    }
                }
            }
        }
    }
    failures.into_iter().next().map_or(Ok(()), |failure| Err(failure.error))
}

/// A subscription that ended with an error.
struct Failure {
    name: String,
    /// When it was added, as far as that could be asked.
    added: Option<i64>,
    error: Error,
}

impl Failure {
    /// Whether it is of an earlier subscription than the one that has this name, in lower case, and was added then.
    fn is_of_earlier(&self, lower: &str, added: Option<i64>) -> bool {
        self.name.to_lowercase() == lower && self.added.is_some_and(|before| added.is_some_and(|now| now > before))
    }
}

/// When the distributor's subscriptions were added, by their names in lower case; nothing where it cannot be asked.
async fn added(settings: &Settings) -> BTreeMap<String, i64> {
    let ask = async { Distributor::connect(&settings.distributor).await?.subscriptions().await };
    let subscriptions = tokio::time::timeout(ASKING, ask).await.unwrap_or_else(|_| Ok(Vec::new())).unwrap_or_default();
    subscriptions.into_iter().map(|subscription| (subscription.name.to_lowercase(), subscription.created_at)).collect()
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
