//! The snapshot agent: every article's rows as of one commit, without stopping the workload.
//!
//! The hand-over from snapshot to stream must neither lose nor repeat a change. A transaction A takes shared locks on all
//! tables of the publication and writes a marker row. While A holds them nothing can change in these tables, and the sessions
//! B1…Bn each start a `SNAPSHOT` transaction and read once, which fixes what they see. Then A commits and the workload goes on, after
//! milliseconds. What the B sessions see is exactly what had committed before A; the marker, captured like any other
//! change, tells A's commit LSN. So the stream goes on after that LSN: what committed before it is in the files, what commits
//! after it is not.
//!
//! Where the database does not allow snapshot isolation, A itself reads the tables and holds its locks to the end.

mod attempt;
pub mod cleanup;
mod conversation;
mod plan;
mod ranges;
mod read;
mod resume;
pub mod schedule;
pub(crate) mod views;

pub use views::ATTEMPTS as LOCK_ATTEMPTS;

use attempt::Attempt;
use conversation::{Conversation, Registered};
use plan::Task;
use proto::TableName;
use proto::catalog::{PublicationKind, Snapshot};
use proto::transport::{ConnectOptions, TransportError};
use sqlserver::{Client, ServerOptions};
use std::sync::Arc;
use std::time::Duration;
use workdir::{Compression, SnapshotWriter, Unfinished, WorkDir, WorkDirError, discard, unfinished};

/// How long the capture job may take to get to the marker. Its default pause is five seconds; it may have a backlog.
pub(crate) const CAPTURE_LIMIT: Duration = Duration::from_secs(600);

/// Why a snapshot could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The publication server failed or refused.
    #[error("{0}")]
    Server(#[from] sqlserver::Error),
    /// The working directory failed.
    #[error(transparent)]
    WorkDir(#[from] WorkDirError),
    /// The distributor failed or refused.
    #[error(transparent)]
    Distributor(#[from] TransportError),
    /// What was asked for makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// It could not be taken to its end; what is finished of it is kept.
    #[error("{source}\nwhat is finished of the snapshot is kept: `publisher snapshot` goes on with it")]
    Unfinished {
        /// Why.
        source: Box<SnapshotError>,
    },
}

/// What a snapshot is taken of, and where it goes.
#[derive(Debug)]
pub struct SnapshotAgent {
    /// The publication server.
    pub server: ServerOptions,
    /// The distributor.
    pub distributor: ConnectOptions,
    /// The working directory.
    pub work_dir: Arc<dyn WorkDir>,
    /// Sessions that read at once, where the database allows snapshot isolation.
    pub sessions: usize,
    /// Rows that a data file holds at most, about.
    pub rows_per_file: u64,
    /// How its data files are compressed.
    pub compression: Compression,
    /// Attempts to lock the tables.
    pub lock_attempts: u32,
    /// Discard an unfinished snapshot rather than go on with it.
    pub restart: bool,
}

impl SnapshotAgent {
    /// Takes a snapshot of a publication, or of the articles of some of its tables, and makes it known to the distributor. Goes on with one
    /// that is not finished, if there is one.
    pub async fn take(&self, publication: &str, tables: Option<&[TableName]>) -> Result<Snapshot, SnapshotError> {
        let distributor = Conversation(&self.distributor);
        let mut client = Client::connect(&self.server.with_command_timeout(None)).await?;
        lock(&mut client, publication).await?;
        let snapshot = self.take_alone(distributor, &mut client, publication, tables).await?;
        cleanup::after_snapshot(self, publication).await;
        Ok(snapshot)
    }

    /// The same, while no other agent can.
    async fn take_alone(
        &self,
        distributor: Conversation<'_>,
        client: &mut Client,
        publication: &str,
        tables: Option<&[TableName]>,
    ) -> Result<Snapshot, SnapshotError> {
        let mut found = match distributor.publication(publication).await? {
            Some(publication) => unfinished(&*self.work_dir, &publication).await?,
            // The distributor says so when one is begun.
            None => Vec::new(),
        };
        found.retain(|old| same_tables(old.plan.tables.as_deref(), tables));
        if let Some(snapshot) = self.register_found(distributor, &mut found).await? {
            return Ok(snapshot);
        }
        let mut found = found.into_iter();
        let newest = if self.restart { None } else { found.next() };
        for old in found {
            self.give_up(distributor, &old).await?;
            tracing::info!("the unfinished snapshot {} is discarded", old.plan.id);
        }
        let attempt = Attempt::begin(self, client, publication, tables, newest).await?;
        let id = attempt.id();
        let snapshot = Box::pin(attempt.carry_out(client)).await?;
        let writer = SnapshotWriter::resume(self.work_dir.clone(), id);
        match distributor.register(&snapshot).await? {
            Registered::Yes => {
                writer.registered().await?;
                Ok(snapshot)
            }
            Registered::No(why) => {
                distributor.abandon(id).await;
                writer.abandon().await?;
                Err(why)
            }
        }
    }

    /// Registers snapshots that were finished by an agent which then died; gives the newest unless a new one is asked for, or nothing
    /// brings its rows up to date. What is refused, since the queue has not all that follows it or an article has changed, is removed.
    async fn register_found(
        &self,
        distributor: Conversation<'_>,
        found: &mut Vec<Unfinished>,
    ) -> Result<Option<Snapshot>, SnapshotError> {
        let mut newest = None;
        let known = match found.first() {
            Some(old) => distributor.snapshots(&old.plan.publication.name).await?,
            None => Vec::new(),
        };
        let is_known = |old: &Unfinished| known.iter().any(|listed| listed.snapshot.id == old.plan.id);
        // The storage has lost what was written last. It is not to be gone on with; cleanup removes it once it is not current any more.
        for old in found.extract_if(.., |old| !old.has_manifest && is_known(old)) {
            tracing::warn!("the snapshot {} was registered, but its manifest is gone; a new one is taken", old.plan.id);
        }
        for old in found.extract_if(.., |old| old.has_manifest) {
            let writer = SnapshotWriter::resume(self.work_dir.clone(), old.plan.id);
            // Its agent died when the plan was all that was left to remove. What has become of it since is not looked at here.
            if is_known(&old) {
                writer.registered().await?;
                tracing::info!("the snapshot {} was registered before; a new one is taken", old.plan.id);
                continue;
            }
            let snapshot = writer.finished().await?;
            match distributor.register(&snapshot).await? {
                Registered::Yes => {
                    writer.registered().await?;
                    tracing::info!("the snapshot {} was finished before; it is registered now", snapshot.id);
                    if old.plan.publication.kind == PublicationKind::Transactional {
                        newest.get_or_insert(snapshot);
                    }
                }
                Registered::No(why) => {
                    tracing::warn!("the snapshot {}, finished before, is discarded: {why}", snapshot.id);
                    writer.abandon().await?;
                }
            }
        }
        Ok(newest.filter(|_| !self.restart))
    }

    async fn give_up(&self, distributor: Conversation<'_>, old: &Unfinished) -> Result<(), SnapshotError> {
        distributor.abandon(old.plan.id).await;
        Ok(discard(&*self.work_dir, old.plan.id).await?)
    }
}

/// Takes the lock that keeps other agents from a publication, for as long as the connection lasts.
async fn lock(client: &mut Client, publication: &str) -> Result<(), SnapshotError> {
    if sqlserver::snapshot::lock(client, publication).await? {
        return Ok(());
    }
    Err(SnapshotError::Invalid(format!(
        "a snapshot of publication {publication} is being taken already, by another process (its session at {} holds the application lock \
         replication.snapshot.{}); wait for it, or end it",
        client.place(),
        publication.to_lowercase()
    )))
}

/// Whether two snapshots are of the same articles, by what was asked for.
fn same_tables(a: Option<&[TableName]>, b: Option<&[TableName]>) -> bool {
    let names = |tables: &[TableName]| {
        tables.iter().map(|table| table.to_string().to_lowercase()).collect::<std::collections::BTreeSet<_>>()
    };
    a.map(names) == b.map(names)
}
