//! Loading the rows: parts of tables, several at once.
//!
//! A part is one transaction, which also says that it is `loaded`; only at the file's end is its checksum known, so nothing is committed
//! before. What passes by itself (a deadlock, a connection that breaks) is tried again part by part.

use super::rows::{self, Waiting};
use super::sources::Source;
use super::tables;
use crate::error::{Error, ErrorKind};
use crate::retry::Retry;
use crate::session::Settings;
use cli::progress::{self, Amount, Table, Tables};
use proto::{ArticleId, TableName};
use sqlserver::load::Way;
use sqlserver::state::PartState;
use sqlserver::{Client, ServerOptions, load, schema, session, state, switch};
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::{JoinError, JoinSet};

/// How often a part is tried before the whole load is given up, to be tried again from where it is.
const ATTEMPTS: u32 = 6;

/// Parts that are loaded one after the other.
type Lane = Vec<Waiting>;

/// Loads the parts that wait. `sources` have referenced tables first.
pub(super) async fn load(
    client: &mut Client,
    settings: &Settings,
    subscription: &str,
    sources: &[Source],
    loading: &Tables,
) -> Result<(), Error> {
    let known = state::parts(client, subscription).await?;
    let is_loaded = |article: ArticleId, number: u32| {
        known.iter().any(|p| p.article == article && p.number == number && p.state != PartState::Waiting)
    };
    let mut lanes: Vec<Lane> = Vec::new();
    let mut counts = Vec::new();
    for source in sources {
        let (id, target) = (source.article.id, Arc::new(tables::target(client, &source.article).await?));
        let way = load::way(client, &source.article, &target).await?;
        let files = &source.reader.article(id)?.data;
        let data = || (1..).zip(files);
        let (there, missing): (Vec<_>, Vec<_>) = data().partition(|(number, _)| is_loaded(id, *number));
        let before = Amount {
            rows: there.iter().map(|(_, data)| data.rows).sum(),
            bytes: there.iter().map(|(_, data)| data.bytes).sum(),
        };
        let rows = data().map(|(_, data)| data.rows).sum();
        let count = Table::new(switch::own(target.name()), rows, before, missing.len());
        counts.push(count.clone());
        let waiting = missing.into_iter().map(|(number, data)| Waiting {
            article: id,
            number,
            rows: data.rows,
            bytes: data.bytes,
            way,
            target: Arc::clone(&target),
            count: count.clone(),
            reader: Arc::clone(&source.reader),
        });
        // To keep triggers from firing for inserted rows, they are disabled, which takes the table for itself.
        if way == Way::Staged && schema::has_triggers(client, target.name()).await? {
            lanes.push(waiting.collect());
        } else {
            lanes.extend(waiting.map(|part| vec![part]));
        }
    }
    lanes.retain(|lane| !lane.is_empty());
    // Where foreign keys are enforced already, referenced rows must be there first.
    let names: BTreeSet<&TableName> = sources.iter().map(|source| &source.article.destination).collect();
    let keys = tables::foreign_keys(client).await?;
    if keys.iter().any(|key| names.contains(&key.child) && names.contains(&key.parent)) {
        lanes = vec![lanes.into_iter().flatten().collect()];
    }
    // What takes long is begun first.
    lanes.sort_by_key(|lane| std::cmp::Reverse(lane.iter().map(|part| part.bytes).sum::<u64>()));
    loading.begin(counts);
    let sessions = settings.load_sessions.max(1).min(lanes.len());
    let lanes = Arc::new(Mutex::new(VecDeque::from(lanes)));
    let mut loads: JoinSet<Result<(), Error>> = JoinSet::new();
    for _ in 0..sessions {
        let session = Session { server: settings.server.clone(), subscription: subscription.to_owned(), client: None };
        loads.spawn(session.load(Arc::clone(&lanes)));
    }
    // The first failure ends the others, whose transactions are rolled back.
    let loaded = async {
        while let Some(load) = loads.join_next().await {
            load.unwrap_or_else(|ended: JoinError| {
                Err(Error::because(ErrorKind::Invalid, "loading a table ended abnormally", ended))
            })?;
        }
        Ok(())
    };
    progress::follow(loading, "loaded", loaded).await
}

/// One connection at a time, which takes one lane after the other.
struct Session {
    server: ServerOptions,
    subscription: String,
    client: Option<Client>,
}

impl Session {
    async fn load(mut self, lanes: Arc<Mutex<VecDeque<Lane>>>) -> Result<(), Error> {
        let next = || lanes.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        while let Some(lane) = next() {
            for part in lane {
                self.part(&part).await?;
            }
        }
        Ok(())
    }

    /// Loads a part, in several attempts if need be.
    async fn part(&mut self, part: &Waiting) -> Result<(), Error> {
        let mut retry = Retry::default();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let error = match self.attempt(part).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            // With the connection goes the transaction and the staging table.
            self.client = None;
            let wait = retry.after(&error).filter(|_| attempts < ATTEMPTS);
            let Some(wait) = wait else {
                // The end of an attempt that was cut off may have been carried out after we looked: then its rows were in the way.
                if !error.is_transient() && self.is_loaded(part).await.unwrap_or(false) {
                    continue;
                }
                return Err(error);
            };
            let table = switch::own(part.target.name());
            tracing::warn!(%table, part = part.number, error = error.without_values(), retry_in = ?wait, "loading is tried again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt(&mut self, part: &Waiting) -> Result<(), Error> {
        let mut progress = part.count.part();
        // A commit whose answer was lost.
        if self.is_loaded(part).await? {
            progress.add(part.rows, part.bytes);
            progress.done();
            return Ok(());
        }
        let subscription = self.subscription.clone();
        let client = self.connected().await?;
        state::begin(client).await?;
        rows::load(client, part, &mut progress).await?;
        state::part_loaded(client, &subscription, part.article, part.number).await?;
        state::commit(client).await?;
        progress.done();
        Ok(())
    }

    async fn is_loaded(&mut self, part: &Waiting) -> Result<bool, Error> {
        let subscription = self.subscription.clone();
        let client = self.connected().await?;
        let state = state::part_state(client, &subscription, part.article, part.number).await?;
        Ok(state.is_some_and(|state| state != PartState::Waiting))
    }

    async fn connected(&mut self) -> Result<&mut Client, Error> {
        if self.client.as_ref().is_none_or(|client| !client.is_usable()) {
            let mut client = Client::connect(&self.server).await?;
            session::for_replication(&mut client, &self.subscription).await?;
            return Ok(self.client.insert(client));
        }
        self.client.as_mut().ok_or_else(|| Error::new(ErrorKind::Transient, "the connection is gone"))
    }
}
