//! Cleanup: snapshots that nobody needs go, and what interrupted agents and removals have left.
//!
//! Whose a folder of the working directory is, its plan or manifest says: the publication with its database and the time when it was added.
//! Only those of this one publication are touched, and only while the lock is held that keeps its snapshot agents away. What goes is
//!
//! - a snapshot that the distributor calls removable: first the distributor forgets it, so that nobody is sent there, then its folder goes.
//!   One of an earlier publication of this name goes in the other order: nobody can be sent there, and what the distributor has forgotten
//!   would not be known for its own any more;
//! - a folder with a whole snapshot that the distributor does not know: it was forgotten, and the removal interrupted;
//! - one that was never finished, or finished and never registered, and begun longer ago than it is to be gone on with.
//!
//! A folder that says nothing of itself, having neither plan nor manifest, may be one that another publication's agent has just made: it
//! stays.

use super::conversation::Conversation;
use super::{SnapshotAgent, SnapshotError, lock};
use crate::error::Error;
use crate::publication::{self, now, of_its_database};
use proto::catalog::{Publication, Snapshot};
use proto::transport::ConnectOptions;
use sqlserver::{Client, ServerOptions, database};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use workdir::{Folder, Plan, WorkDir, discard, folder};

/// How long an unfinished snapshot is kept to be gone on with, unless set.
pub const UNFINISHED_RETENTION: Duration = Duration::from_secs(24 * 3_600);
/// The first cleanup of a log reader comes after this long, if not earlier.
const FIRST_AFTER: Duration = Duration::from_secs(60);

/// What is cleaned up, and where.
#[derive(Debug, Clone)]
pub struct Cleanup {
    /// The distributor that knows the snapshots.
    pub distributor: ConnectOptions,
    /// The working directory that they lie in.
    pub work_dir: Arc<dyn WorkDir>,
    /// How long an unfinished snapshot is kept, from when it was begun.
    pub unfinished_retention: Duration,
}

impl Cleanup {
    /// Cleans up the snapshots of a publication; also of one that was dropped, as far as the distributor knows them. Says what goes, and what
    /// stays for a reason that somebody should know; gives how many went.
    pub async fn of_publication(
        &self,
        server: &ServerOptions,
        name: &str,
        say: &mut (dyn FnMut(&str) + Send),
    ) -> Result<usize, Error> {
        let mut client = Client::connect(server).await?;
        if let Some(publication) = self.conversation().publication(name).await? {
            let facts = database::facts(&mut client).await?;
            of_its_database(&publication, &facts).map_err(Error::invalid)?;
        }
        lock(&mut client, name).await?;
        Ok(self.alone(name, say).await?)
    }

    /// Cleans up again and again after all publications of the server's database. What fails is a warning in the log, and tried again.
    pub async fn again_and_again(&self, server: &ServerOptions, every: Duration) -> Infallible {
        let mut pause = every.min(FIRST_AFTER);
        loop {
            tokio::time::sleep(pause).await;
            pause = every;
            if let Err(error) = self.of_database(server).await {
                warn(&error);
            }
        }
    }

    async fn of_database(&self, server: &ServerOptions) -> Result<(), Error> {
        let publications = publication::list(&self.distributor).await?;
        let facts = database::facts(&mut Client::connect(server).await?).await?;
        for publication in publications.into_iter().filter(|publication| publication.database == facts.name) {
            // A lock is held as long as its connection.
            let mut client = Client::connect(server).await?;
            if !sqlserver::snapshot::lock(&mut client, &publication.name).await? {
                tracing::debug!(
                    publication = publication.name,
                    "a snapshot is being taken, which cleans up at its end"
                );
                continue;
            }
            let say = &mut |text: &str| tracing::info!("cleanup of publication {}: {text}", publication.name);
            if let Err(error) = self.alone(&publication.name, say).await {
                warn(&error);
            }
        }
        Ok(())
    }

    /// Cleans up, while no snapshot agent of the publication can be at work.
    async fn alone(&self, name: &str, say: &mut (dyn FnMut(&str) + Send)) -> Result<usize, SnapshotError> {
        // In this order: what is registered meanwhile is not taken for forgotten.
        let there: BTreeSet<Uuid> = workdir::folders(&*self.work_dir).await?.into_iter().collect();
        let publication = self.conversation().publication(name).await?;
        let listed = self.conversation().snapshots(name).await?;
        let (mut removed, mut failed) = (0, None);
        for snapshot in listed.iter().filter(|listed| listed.removable).map(|listed| &listed.snapshot) {
            let went = self.listed_goes(snapshot, publication.as_ref(), &there, say).await;
            removed += usize::from(or_next(went, &mut failed)?);
        }
        let Some(publication) = publication else { return failed.map_or(Ok(removed), Err) };
        let known: BTreeSet<Uuid> = listed.iter().map(|listed| listed.snapshot.id).collect();
        for id in there.difference(&known) {
            let went = self.unknown_goes(*id, &publication, say).await;
            removed += usize::from(or_next(went, &mut failed)?);
        }
        failed.map_or(Ok(removed), Err)
    }

    async fn listed_goes(
        &self,
        snapshot: &Snapshot,
        publication: Option<&Publication>,
        there: &BTreeSet<Uuid>,
        say: &mut (dyn FnMut(&str) + Send),
    ) -> Result<bool, SnapshotError> {
        let Snapshot { id, location, .. } = snapshot;
        let is_here = there.contains(id);
        if !is_here && *location != self.work_dir.location(*id) {
            say(&format!(
                "snapshot {id} may go, but it is not in this working directory: it lies at {location}. To remove it, name its own with \
                 --working-directory"
            ));
            return Ok(false);
        }
        if publication.is_none_or(|publication| snapshot.created_at < publication.created_at) {
            discard(&*self.work_dir, *id).await?;
        }
        // Somebody may need it by now.
        if !self.conversation().forget(*id).await? {
            return Ok(false);
        }
        discard(&*self.work_dir, *id).await?;
        let taken = cli::time::format(snapshot.created_at);
        say(&if is_here {
            format!("removed snapshot {id} of {taken}: {} rows, {}", snapshot.rows, cli::size::format(snapshot.bytes))
        } else {
            format!("snapshot {id} of {taken}, whose files are gone, is not listed any more")
        });
        Ok(true)
    }

    /// Whether a folder goes that is of no snapshot that the distributor knows.
    async fn unknown_goes(
        &self,
        id: Uuid,
        publication: &Publication,
        say: &mut (dyn FnMut(&str) + Send),
    ) -> Result<bool, SnapshotError> {
        let found = match folder(&*self.work_dir, id).await {
            Ok(found) => found,
            // It may be another's.
            Err(error) => {
                tracing::warn!(%error, "whose a folder of the working directory is cannot be told; it is left alone");
                return Ok(false);
            }
        };
        let said = match found {
            Folder::Snapshot(of) if of.is_same(publication) => {
                format!("removed snapshot {id}, which the distributor does not know")
            }
            Folder::Unfinished(plan) if plan.publication.is_same(publication) && self.is_old(&plan) => {
                self.conversation().give_up(id).await?;
                format!("removed the unfinished snapshot {id}, begun {}", cli::time::format(plan.begun_at))
            }
            Folder::Snapshot(_) | Folder::Unfinished(_) => return Ok(false),
            Folder::Nothing => {
                tracing::debug!(
                    folder = self.work_dir.location(id),
                    "a folder says nothing of itself; it is left alone"
                );
                return Ok(false);
            }
            Folder::Unreadable(why) => {
                tracing::warn!("a folder of the working directory is left alone: {why}");
                return Ok(false);
            }
        };
        discard(&*self.work_dir, id).await?;
        say(&said);
        Ok(true)
    }

    fn is_old(&self, plan: &Plan) -> bool {
        let retention = i64::try_from(self.unfinished_retention.as_micros()).unwrap_or(i64::MAX);
        plan.begun_at.saturating_add(retention) <= now()
    }

    fn conversation(&self) -> Conversation<'_> {
        Conversation(&self.distributor)
    }
}

/// A folder that cannot be removed keeps no other: the first of such errors is told at the end, those after it at once.
fn or_next(went: Result<bool, SnapshotError>, failed: &mut Option<SnapshotError>) -> Result<bool, SnapshotError> {
    match went {
        Err(error @ SnapshotError::WorkDir(_)) => {
            match failed {
                None => *failed = Some(error),
                Some(_) => tracing::warn!("another snapshot cannot be removed: {error}"),
            }
            Ok(false)
        }
        went => went,
    }
}

/// What comes at the end of a snapshot, whose agent holds the lock. The snapshot is there whether or not this fails.
pub(super) async fn after_snapshot(agent: &SnapshotAgent, publication: &str) {
    let cleanup = Cleanup {
        distributor: agent.distributor.clone(),
        work_dir: Arc::clone(&agent.work_dir),
        unfinished_retention: UNFINISHED_RETENTION,
    };
    if let Err(error) = cleanup.alone(publication, &mut |text| tracing::info!("{text}")).await {
        tracing::warn!(
            "the snapshot is taken, but the cleanup of older ones failed: {error}. To try it again: publisher snapshot cleanup"
        );
    }
}

fn warn(error: &dyn std::error::Error) {
    tracing::warn!(
        "cleanup of snapshots failed: {error}; it is tried again. To see whether it works now: publisher snapshot cleanup"
    );
}
