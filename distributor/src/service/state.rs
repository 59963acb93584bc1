//! What the connections share.

use super::data_directory::DataDirectory;
use super::server::Options;
use super::snapshots::Snapshots;
use crate::catalog::{Catalog, Change, Contents, DatabaseEntry, Entry, Planned, SubscriptionEntry};
use crate::core::clock::ServerClock;
use crate::core::subscriptions::{Progress, StreamId, Subscriptions, fold};
use crate::error::DistributorError;
use crate::queue::writer::TracerSender;
use crate::queue::{Queue, TracerSeen, record};
use proto::Lsn;
use proto::catalog::{DatabaseName, Response};
use proto::message::{Refusal, RefusalKind};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

/// Everything.
pub(super) struct State {
    pub(super) options: Options,
    pub(super) directory: DataDirectory,
    catalog: Mutex<Catalog>,
    databases: Mutex<HashMap<(String, String), Arc<Database>>>,
    subscriptions: Mutex<Subscriptions>,
    /// How to end the streams.
    streams: Mutex<HashMap<StreamId, oneshot::Sender<Refusal>>>,
    next_stream: AtomicU64,
    /// What is told of snapshots.
    pub(super) snapshots: Snapshots,
    tracers: TracerSender,
    tracers_seen: Mutex<Option<mpsc::UnboundedReceiver<TracerSeen>>>,
}

/// A publication database with its queue.
pub(super) struct Database {
    pub(super) name: DatabaseName,
    pub(super) queue: Queue,
    /// Number of its queue's directory.
    queue_id: u32,
    /// Another queue took this one's place.
    pub(super) replaced: watch::Sender<bool>,
    /// Version of its articles.
    pub(super) articles_version: watch::Sender<u64>,
    /// Its log reader.
    pub(super) log_reader: watch::Sender<Option<LogReader>>,
    /// Why the last one stopped, and when; forgotten when the next one attaches.
    pub(super) log_reader_error: Mutex<Option<(String, i64)>>,
    /// Its server's clock.
    pub(super) clock: Mutex<ServerClock>,
}

/// An attached log reader.
#[derive(Debug, Clone)]
pub(super) struct LogReader {
    pub(super) reader: Uuid,
    pub(super) peer: String,
    pub(super) since: i64,
    /// Version of the articles it reads with; `None` before it has any.
    pub(super) in_use: Option<u64>,
    /// Set when the same process has come back over another connection.
    pub(super) superseded: bool,
}

impl Database {
    /// Where the queue begins: what comes after is there.
    pub(super) fn kept_after(&self) -> Option<Lsn> {
        self.queue.view().start().key.map(record::lsn)
    }

    /// What a commit time is by this machine's clock, if what was committed was here `at` this time.
    pub(super) fn commit_time(&self, committed_at: i64, at: i64) -> Option<i64> {
        self.with_clock(|clock| clock.commit_time(committed_at, at))
    }

    pub(super) fn with_clock<T>(&self, use_it: impl FnOnce(&mut ServerClock) -> T) -> T {
        use_it(&mut lock(&self.clock))
    }
}

impl State {
    /// Opens catalog and queues. Blocks.
    pub(super) fn open(directory: DataDirectory, options: Options) -> Result<Self, DistributorError> {
        let mut catalog = Catalog::open(&directory.catalog())?;
        let (databases, entries, pending) =
            catalog.read(|c| Ok((c.databases()?, c.subscriptions()?, c.pending_snapshots()?)))?;
        let mut subscriptions = Subscriptions::new();
        for entry in &entries {
            subscriptions.add(&entry.subscription.name, stored_progress(entry));
        }
        let (tracers, seen) = mpsc::unbounded_channel();
        let state = Self {
            options,
            directory,
            catalog: Mutex::new(catalog),
            databases: Mutex::default(),
            subscriptions: Mutex::new(subscriptions),
            streams: Mutex::default(),
            next_stream: AtomicU64::new(1),
            snapshots: Snapshots::begun(&pending),
            tracers,
            tracers_seen: Mutex::new(Some(seen)),
        };
        for entry in &databases {
            state.open_database(entry)?;
        }
        Ok(state)
    }

    /// Opens a database's queue, once; in the place of an earlier one, if that was given up for it. Blocks.
    pub(super) fn open_database(&self, entry: &DatabaseEntry) -> Result<(), DistributorError> {
        let mut databases = lock(&self.databases);
        let key = database_key(&entry.database);
        if databases.get(&key).is_some_and(|open| open.queue_id == entry.id) {
            return Ok(());
        }
        let log = (self.options.open_log)(&self.directory.queue(entry.id), self.options.segment_size)?;
        let database = Database {
            name: entry.database.clone(),
            queue: Queue::start(&entry.database, log, entry.epoch, self.tracers.clone())?,
            queue_id: entry.id,
            replaced: watch::Sender::new(false),
            articles_version: watch::Sender::new(entry.articles_version),
            log_reader: watch::Sender::new(None),
            log_reader_error: Mutex::default(),
            clock: Mutex::default(),
        };
        if let Some(earlier) = databases.insert(key, Arc::new(database)) {
            tracing::info!(database = %earlier.name, "the queue begins anew");
            earlier.queue.stop();
            earlier.replaced.send_replace(true);
        }
        Ok(())
    }

    /// Removes the directories of queues that were given up. Blocks.
    pub(super) fn remove_replaced_queues(&self) -> Result<(), crate::catalog::CatalogError> {
        // Listed first: a directory that is there now was in the catalog before.
        let there = self.directory.queues();
        let databases = lock(&self.catalog).read(|contents| contents.databases())?;
        for number in there.into_iter().filter(|number| databases.iter().all(|entry| entry.id != *number)) {
            let path = self.directory.queue(number);
            if let Err(error) = std::fs::remove_dir_all(&path) {
                tracing::warn!(path = %path.display(), %error, "a queue that was given up cannot be removed; tried again later");
            }
        }
        Ok(())
    }

    /// The tracer tokens that become durable; once.
    pub(super) fn tracers_seen(&self) -> Option<mpsc::UnboundedReceiver<TracerSeen>> {
        lock(&self.tracers_seen).take()
    }

    pub(super) fn database(&self, name: &DatabaseName) -> Option<Arc<Database>> {
        lock(&self.databases).get(&database_key(name)).cloned()
    }

    pub(super) fn databases(&self) -> Vec<Arc<Database>> {
        let mut databases: Vec<_> = lock(&self.databases).values().cloned().collect();
        databases.sort_by(|a, b| a.name.cmp(&b.name));
        databases
    }

    /// Lets go of the queues, so that their threads end.
    pub(super) fn take_databases(&self) -> Vec<Arc<Database>> {
        lock(&self.databases).drain().map(|(_, database)| database).collect()
    }

    /// Asks the catalog, off the network's threads.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        ask: impl Fn(Contents<'_>) -> Result<T, crate::catalog::CatalogError> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.blocking(move |state| Ok(lock(&state.catalog).read(ask)?)).await
    }

    /// Plans a change by what the catalog holds and makes it, with nothing in between. `and_then` sees the changes once they are
    /// durable, before anyone else changes the catalog.
    pub(super) async fn change(
        self: &Arc<Self>,
        plan: impl Fn(Contents<'_>) -> Result<Planned, Refusal> + Send + 'static,
        and_then: impl FnOnce(&Self, &[Change]) -> Result<(), DistributorError> + Send + 'static,
    ) -> Result<Response, Refusal> {
        self.blocking(move |state| {
            let mut catalog = lock(&state.catalog);
            let planned = catalog.read(|contents| Ok(plan(contents)))??;
            catalog.change(planned.changes.clone())?;
            and_then(state, &planned.changes).map_err(internal)?;
            Ok(planned.response)
        })
        .await
    }

    /// Raises a database's epoch, durably. Blocks.
    pub(super) async fn next_epoch(self: &Arc<Self>, database: &DatabaseName) -> Result<u64, Refusal> {
        let database = database.clone();
        self.blocking(move |state| {
            let mut catalog = lock(&state.catalog);
            let entry = catalog.read(|contents| contents.database(&database))?;
            let mut entry =
                entry.ok_or_else(|| Refusal::new(RefusalKind::NotFound, format!("{database} is not known")))?;
            entry.epoch += 1;
            let epoch = entry.epoch;
            catalog.change(vec![Change::Put(Entry::Database(entry))])?;
            Ok(epoch)
        })
        .await
    }

    /// Writes the subscriptions' positions and states down, as far as they changed. Blocks.
    pub(super) fn persist_subscriptions(&self) -> Result<(), crate::catalog::CatalogError> {
        let mut catalog = lock(&self.catalog);
        let stored = catalog.read(|contents| contents.subscriptions())?;
        let changes = self.with_subscriptions(|subscriptions| {
            let changed = stored.into_iter().filter_map(|mut entry| {
                let progress = subscriptions.get(&entry.subscription.name)?;
                let now = (progress.state, progress.position, progress.keep_after);
                let changed = now != (entry.state, entry.position, entry.keep_after);
                (entry.state, entry.position, entry.keep_after) = now;
                changed.then_some(Change::Put(Entry::Subscription(entry)))
            });
            changed.collect()
        });
        catalog.change(changes)
    }

    pub(super) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let state = self.clone();
        match tokio::task::spawn_blocking(move || work(&state)).await {
            Ok(result) => result,
            Err(error) => Err(Refusal::new(RefusalKind::Internal, format!("the distributor failed: {error}"))),
        }
    }

    pub(super) fn with_subscriptions<T>(&self, use_them: impl FnOnce(&mut Subscriptions) -> T) -> T {
        use_them(&mut lock(&self.subscriptions))
    }

    /// A number for a connection that will stream, and how it hears that it must end.
    pub(super) fn open_stream(&self) -> (StreamId, oneshot::Receiver<Refusal>) {
        let id = self.next_stream.fetch_add(1, Ordering::Relaxed);
        let (end, ended) = oneshot::channel();
        lock(&self.streams).insert(id, end);
        (id, ended)
    }

    pub(super) fn close_stream(&self, id: StreamId) {
        lock(&self.streams).remove(&id);
        self.with_subscriptions(|subscriptions| subscriptions.closed(id));
    }

    /// Ends a stream from this side.
    pub(super) fn end_stream(&self, id: StreamId, why: Refusal) {
        if let Some(end) = lock(&self.streams).remove(&id) {
            // Already ended otherwise.
            let _ = end.send(why);
        }
    }
}

pub(super) fn stored_progress(entry: &SubscriptionEntry) -> Progress {
    Progress::new(entry.state, entry.position, entry.keep_after)
}

pub(super) fn internal(error: DistributorError) -> Refusal {
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Refusal::new(RefusalKind::Internal, format!("{error}{cause}"))
}

/// Now, microseconds since 1970-01-01 UTC.
pub(super) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as i64)
}

fn database_key(name: &DatabaseName) -> (String, String) {
    (fold(&name.server), fold(&name.database))
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
