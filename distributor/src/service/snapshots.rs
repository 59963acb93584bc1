//! Requests about snapshots, and what is told of those that are being taken.

use super::requests::{change, database_of};
use super::state::{Database, State, lock, now};
use crate::catalog::{Contents, PendingSnapshot, plan};
use crate::core::subscriptions::fold;
use proto::catalog::{DatabaseName, PublicationKind, Response, Snapshot};
use proto::message::{Refusal, RefusalKind};
use proto::snapshot::SnapshotProgress;
use proto::{ArticleId, Lsn, TableName};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

/// For an attached log reader to take up new articles.
const ARTICLES_IN_USE: Duration = Duration::from_secs(30);
/// Most tables of a snapshot whose progress is kept: more than a publication has articles.
const MAX_TABLES: usize = u16::MAX as usize;

/// What is known of snapshots beside the catalog.
pub(super) struct Snapshots {
    /// Moves on with each that is registered.
    registered: watch::Sender<u64>,
    /// How far those are that are being taken, or were when they failed.
    progress: Mutex<BTreeMap<Uuid, SnapshotProgress>>,
}

impl Snapshots {
    /// As a catalog has them.
    pub(super) fn begun(pending: &[PendingSnapshot]) -> Self {
        let snapshots = Self { registered: watch::Sender::new(0), progress: Mutex::default() };
        pending.iter().for_each(|pending| snapshots.one_begun(pending, pending.begun_at));
        snapshots
    }

    /// Changes whenever one is registered.
    pub(super) fn registered(&self) -> watch::Receiver<u64> {
        self.registered.subscribe()
    }

    pub(super) fn one_registered(&self) {
        self.registered.send_modify(|count| *count += 1);
    }

    /// One is begun, or goes on: what is known of earlier ones of its publication that failed is of no interest any more.
    pub(super) fn one_begun(&self, pending: &PendingSnapshot, now: i64) {
        let mut all = lock(&self.progress);
        all.retain(|_, other| other.error.is_none() || fold(&other.publication) != fold(&pending.publication));
        let progress = SnapshotProgress {
            snapshot: pending.snapshot,
            publication: pending.publication.clone(),
            begun_at: now,
            reported_at: now,
            tables: Vec::new(),
            error: None,
        };
        all.insert(pending.snapshot, progress);
    }

    /// One is registered or given up; one that failed is still shown.
    pub(super) fn ended(&self, snapshot: Uuid) {
        lock(&self.progress).retain(|id, progress| *id != snapshot || progress.error.is_some());
    }

    /// One cannot go on.
    pub(super) fn failed(&self, pending: &PendingSnapshot, error: &str, now: i64) {
        let mut all = lock(&self.progress);
        let progress = all.entry(pending.snapshot).or_insert_with(|| SnapshotProgress {
            snapshot: pending.snapshot,
            publication: pending.publication.clone(),
            begun_at: pending.begun_at,
            reported_at: now,
            tables: Vec::new(),
            error: None,
        });
        progress.error = Some(error.to_owned());
    }

    /// All, by publication.
    pub(super) fn all(&self) -> Vec<SnapshotProgress> {
        let mut all: Vec<_> = lock(&self.progress).values().cloned().collect();
        all.sort_by(|a, b| (&a.publication, a.begun_at).cmp(&(&b.publication, b.begun_at)));
        all
    }

    fn reported(&self, mut progress: SnapshotProgress, now: i64) -> Result<(), Refusal> {
        let id = progress.snapshot;
        match lock(&self.progress).get_mut(&id) {
            Some(known) => {
                progress.publication.clone_from(&known.publication);
                progress.begun_at = known.begun_at;
                progress.reported_at = now;
                progress.tables.truncate(MAX_TABLES);
                *known = progress;
                Ok(())
            }
            None => {
                let message = format!("snapshot {id} is not being taken (any more); take it again");
                Err(Refusal::new(RefusalKind::NotFound, message))
            }
        }
    }
}

pub(super) async fn begin(
    state: &Arc<State>,
    publication: String,
    snapshot: Uuid,
    tables: Option<Vec<TableName>>,
) -> Result<Response, Refusal> {
    let wanted = tables.clone();
    let database = database_of(state, &publication).await?;
    let end = database.queue.committed().borrow().lsn;
    let ask = move |contents: Contents<'_>| {
        Ok(plan::snapshot_asked(contents, &publication, snapshot, wanted.as_deref(), end))
    };
    let asked = state.read(ask).await??;
    if asked.publication.kind == PublicationKind::Transactional {
        articles_in_use(&database, asked.version).await?;
    }
    let plan = move |contents: Contents<'_>| {
        // Not sooner: nothing may be dropped between here and when it is kept.
        let end = database.queue.committed().borrow().lsn;
        plan::snapshot_begin(contents, &asked, snapshot, tables.as_deref(), end, now())
    };
    change(state, plan).await
}

/// Waits until the log reader, if one is attached, reads with this version of the articles.
pub(super) async fn articles_in_use(database: &Database, version: u64) -> Result<(), Refusal> {
    let mut log_reader = database.log_reader.subscribe();
    let in_use = log_reader.wait_for(|slot| slot.as_ref().is_none_or(|reader| reader.in_use >= Some(version)));
    if tokio::time::timeout(ARTICLES_IN_USE, in_use).await.is_ok() {
        return Ok(());
    }
    let message = format!(
        "the log reader of {} has not taken up the publication's articles within {} s; try again, or look at its log",
        database.name,
        ARTICLES_IN_USE.as_secs()
    );
    Err(Refusal::new(RefusalKind::Busy, message))
}

pub(super) fn progress(state: &State, progress: SnapshotProgress) -> Result<Response, Refusal> {
    state.snapshots.reported(progress, now())?;
    Ok(Response::Done)
}

pub(super) async fn register(state: &Arc<State>, snapshot: Snapshot) -> Result<Response, Refusal> {
    let database = database_of(state, &snapshot.publication).await?;
    change(state, move |contents| plan::snapshot_register(contents, snapshot.clone(), database.kept_after())).await
}

pub(super) async fn abandon(state: &Arc<State>, snapshot: Uuid) -> Result<Response, Refusal> {
    change(state, move |contents| plan::snapshot_abandon(contents, snapshot)).await
}

pub(super) async fn list(state: &Arc<State>, publication: Option<String>) -> Result<Response, Refusal> {
    subscriptions_are_written(state).await?;
    let starts = queue_starts(state);
    let retention = i64::try_from(state.options.snapshot_retention.as_micros()).unwrap_or(i64::MAX);
    let ask = move |contents: Contents<'_>| {
        Ok(plan::snapshot_list(contents, publication.as_deref(), |name| starts(name), retention, now()))
    };
    Ok(Response::Snapshots(state.read(ask).await??))
}

pub(super) async fn forget(state: &Arc<State>, snapshot: Uuid) -> Result<Response, Refusal> {
    subscriptions_are_written(state).await?;
    let starts = queue_starts(state);
    change(state, move |contents| plan::snapshot_forget(contents, snapshot, |name| starts(name))).await
}

pub(super) async fn latest(state: &Arc<State>, publication: String, has: Vec<ArticleId>) -> Result<Response, Refusal> {
    let database = database_of(state, &publication).await?;
    let kept_after = database.kept_after();
    let ask = move |contents: Contents<'_>| Ok(plan::snapshot_latest(contents, &publication, &has, kept_after));
    Ok(Response::SnapshotsToLoad(state.read(ask).await??))
}

/// What the catalog says of the subscriptions is how they stand now.
async fn subscriptions_are_written(state: &Arc<State>) -> Result<(), Refusal> {
    state.blocking(|state| Ok(state.persist_subscriptions()?)).await
}

/// Where the queues of the databases begin.
fn queue_starts(state: &State) -> impl Fn(&DatabaseName) -> Option<Lsn> + Send + 'static {
    let key = |name: &DatabaseName| (fold(&name.server), fold(&name.database));
    let starts: HashMap<_, _> = state.databases().iter().map(|d| (key(&d.name), d.kept_after())).collect();
    move |name| starts.get(&key(name)).copied().flatten()
}
