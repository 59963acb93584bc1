//! One attempt at a snapshot: begun anew, or going on with what an earlier one has finished.

use super::conversation::{Begun, Conversation};
use super::read::{self, Piece, Read, Reading};
use super::resume::{self, Kept};
use super::views::{self, Patience, Views};
use super::{CAPTURE_LIMIT, SnapshotAgent, SnapshotError, Task, plan};
use crate::publication::{now, of_its_database};
use cli::output::count;
use cli::progress::{self, Table, Tables};
use proto::catalog::{PublicationKind, Snapshot};
use proto::{Lsn, TableName};
use sqlserver::{Client, database, marker};
use std::pin::{Pin, pin};
use std::time::Duration;
use tokio::time::timeout;
use uuid::Uuid;
use workdir::{FinishedPart, Plan, Remains, SnapshotWriter, Unfinished};

/// Pause between two looks for the marker.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// After this long without the marker, the user is told what is being waited for.
const SAY_AFTER: Duration = Duration::from_secs(15);

/// A snapshot that is being taken.
pub(super) struct Attempt<'a> {
    agent: &'a SnapshotAgent,
    distributor: Conversation<'a>,
    writer: SnapshotWriter,
    plan: Plan,
    begun: Begun,
    /// Of each of the articles, what is there from an earlier attempt.
    kept: Vec<Option<Kept>>,
    facts: database::DatabaseFacts,
}

impl<'a> Attempt<'a> {
    /// Begins one; with an unfinished snapshot, goes on with it if anything of it is of use, and removes it otherwise.
    pub async fn begin(
        agent: &'a SnapshotAgent,
        client: &mut Client,
        publication: &str,
        tables: Option<&[TableName]>,
        unfinished: Option<Unfinished>,
    ) -> Result<Self, SnapshotError> {
        let distributor = Conversation(&agent.distributor);
        let facts = database::facts(client).await?;
        if let Some(old) = unfinished {
            let begun = distributor.begin(publication, old.plan.id, tables).await?;
            of_its_database(&begun.publication, &facts).map_err(SnapshotError::Invalid)?;
            let writer =
                SnapshotWriter::resume(agent.work_dir.clone(), old.plan.id).with_compression(agent.compression);
            let kept = match begun.publication.kind {
                PublicationKind::Transactional => {
                    let mut remains = old.remains(&*agent.work_dir).await?;
                    find_boundaries(client, &writer, &mut remains).await?;
                    resume::kept(&old.plan, &remains, &begun.articles, begun.kept_after)
                }
                // All its tables are to be of one moment.
                PublicationKind::Snapshot => Vec::new(),
            };
            if kept.iter().any(Option::is_some) {
                tracing::info!("{}", going_on(&old, &kept));
                return Ok(Self { agent, distributor, writer, plan: old.plan, begun, kept, facts });
            }
            agent.give_up(distributor, &old).await?;
            tracing::info!("nothing of the unfinished snapshot {} can be used; a new one is begun", old.plan.id);
        }
        let id = Uuid::new_v4();
        let begun = distributor.begin(publication, id, tables).await?;
        let plan = Plan::new(id, begun.publication.clone(), tables.map(<[TableName]>::to_vec), now());
        let begins = async {
            of_its_database(&begun.publication, &facts).map_err(SnapshotError::Invalid)?;
            let writer = SnapshotWriter::create(agent.work_dir.clone(), id).await?.with_compression(agent.compression);
            // It says already whose folder this is.
            writer.plan(&plan).await?;
            Ok(writer)
        };
        let writer = match begins.await {
            Ok(writer) => writer,
            Err(error) => {
                distributor.abandon(id).await;
                return Err(error);
            }
        };
        let kept = vec![None; begun.articles.len()];
        Ok(Self { agent, distributor, writer, plan, begun, kept, facts })
    }

    /// The snapshot's id.
    pub fn id(&self) -> Uuid {
        self.plan.id
    }

    /// Takes it to its end, which is its manifest. After an error what is finished is kept; if nothing is, nothing is left.
    pub async fn carry_out(mut self, client: &mut Client) -> Result<Snapshot, SnapshotError> {
        let error = match self.work(client).await {
            Ok(snapshot) => return Ok(snapshot),
            Err(error) => error,
        };
        if matches!(error, SnapshotError::Unfinished { .. }) {
            return Err(error);
        }
        if self.kept.iter().any(Option::is_some) {
            return Err(SnapshotError::Unfinished { source: Box::new(error) });
        }
        self.distributor.abandon(self.plan.id).await;
        if let Err(leftover) = self.writer.abandon().await {
            tracing::warn!(snapshot = %self.plan.id, error = %leftover, "the folder of the failed snapshot could not be removed");
        }
        Err(error)
    }

    async fn work(&mut self, client: &mut Client) -> Result<Snapshot, SnapshotError> {
        let tasks = self.prepare(client).await?;
        let of = |task: &Task| {
            let left = task.kept.iter().filter(|part| part.is_none()).count();
            Table::new(task.files.article.source.clone(), task.rows_expected, resume::amount(&task.kept), left)
        };
        let (tables, counts) = (Tables::default(), tasks.iter().map(of).collect::<Vec<_>>());
        tables.begin(counts.clone());
        let (id, name) = (self.plan.id, &self.begun.publication.name);
        let reading = self.distributor.report(id, name, &tables, self.read(client, &tasks, &counts));
        let (view, read) = match progress::follow(&tables, "read", reading).await {
            // A view without snapshot isolation goes with its transaction, and with it all that was read in it.
            Err(error) if tables.any_part_done() && self.facts.snapshot_isolation => {
                return Err(SnapshotError::Unfinished { source: Box::new(error) });
            }
            done => done?,
        };
        let mut articles: Vec<_> = tasks.into_iter().map(|task| (task.files, task.kept)).collect();
        for (piece, part) in read {
            articles[piece.task].1[piece.part] = Some((part, view));
        }
        let whole = |parts: Vec<Option<(FinishedPart, Lsn)>>| parts.into_iter().flatten().collect();
        let articles = articles.into_iter().map(|(files, parts)| (files, whole(parts))).collect();
        let finished = self.writer.finish(self.begun.publication.clone(), articles).await;
        finished.map_err(|error| SnapshotError::Unfinished { source: Box::new(error.into()) })
    }

    /// Clears away what is not kept, writes the scripts of what is new, and then the plan.
    async fn prepare(&mut self, client: &mut Client) -> Result<Vec<Task>, SnapshotError> {
        let kept: Vec<_> = self
            .kept
            .iter()
            .flatten()
            .map(|kept| {
                let parts = kept.parts.iter().enumerate();
                (&kept.files, parts.filter_map(|(i, part)| Some((i, &part.as_ref()?.0))).collect())
            })
            .collect();
        self.writer.retain(&kept).await?;
        let others = self.others().await?;
        let planned = plan::plan(self.agent, client, &self.begun, &self.kept, &others).await?;
        let mut number = self.kept.iter().flatten().map(|kept| kept.files.number).max().unwrap_or(0);
        let mut tasks = Vec::with_capacity(planned.len());
        for planned in planned {
            let task = planned.write(&self.writer, number + 1, self.begun.publication.replicate_ddl).await?;
            number = number.max(task.files.number);
            tasks.push(task);
        }
        self.plan.articles = tasks.iter().map(|task| task.files.clone()).collect();
        self.writer.plan(&self.plan).await?;
        Ok(tasks)
    }

    /// The publication's articles that the snapshot is not of.
    async fn others(&self) -> Result<Vec<proto::Article>, SnapshotError> {
        if self.plan.tables.is_none() {
            return Ok(Vec::new());
        }
        let mut articles = self.distributor.articles(&self.begun.publication.name).await?;
        articles.retain(|article| !self.begun.articles.iter().any(|ours| ours.id == article.id));
        Ok(articles)
    }

    /// Reads the parts that are missing in a new view, and finds out its boundary.
    async fn read(
        &self,
        client: &mut Client,
        tasks: &[Task],
        counts: &[Table],
    ) -> Result<(Lsn, Vec<Read>), SnapshotError> {
        let missing = |(task, this): (usize, &Task)| {
            let parts = this.kept.iter().enumerate().filter(|(_, part)| part.is_none());
            parts.map(move |(part, _)| Piece { task, part }).collect::<Vec<_>>()
        };
        let pieces: Vec<Piece> = tasks.iter().enumerate().flat_map(missing).collect();
        let to_read: Vec<&Task> = tasks.iter().filter(|task| task.is_to_read()).collect();
        if pieces.is_empty() {
            return Ok((Lsn::ZERO, Vec::new()));
        }
        let sessions = if self.facts.snapshot_isolation { self.agent.sessions.clamp(1, pieces.len()) } else { 1 };
        self.say_beginning(&to_read, pieces.len(), sessions);
        let view = Uuid::new_v4();
        let reading = Reading { writer: &self.writer, tasks, counts, view };
        let patience = Patience { attempts: self.agent.lock_attempts, say: &|text| tracing::warn!("{text}") };
        let marker = (self.begun.publication.kind == PublicationKind::Transactional).then_some(view);
        if !self.facts.snapshot_isolation {
            views::lock(client, &to_read, marker, &patience).await?;
            let mut done = Vec::with_capacity(pieces.len());
            for piece in pieces {
                done.push((piece, read::part(client, piece, reading).await?));
            }
            sqlserver::snapshot::commit(client).await?;
            let boundary = pin!(self.boundary(client, view));
            return Ok((within_limit(boundary).await?, done));
        }
        let views = Views::open(&self.agent.server, client, sessions, &to_read, marker, &patience).await?;
        tracing::info!(
            "locked {} against writes for {:.0} ms to fix the point of the snapshot",
            count(to_read.len(), "table"),
            views.locked_for.as_secs_f64() * 1_000.0
        );
        // The boundary is written down as soon as it is known: what is read then outlives this process.
        let mut boundary = pin!(self.boundary(client, view));
        let mut reads = pin!(read::all(views.sessions, pieces, reading));
        let mut known = None;
        let read = loop {
            tokio::select! {
                read = &mut reads => break read?,
                lsn = &mut boundary, if known.is_none() => known = Some(lsn?),
            }
        };
        let boundary = match known {
            Some(boundary) => boundary,
            None => within_limit(boundary).await?,
        };
        Ok((boundary, read))
    }

    fn say_beginning(&self, tasks: &[&Task], pieces: usize, sessions: usize) {
        if !self.facts.snapshot_isolation {
            tracing::warn!(
                "database {} does not allow snapshot isolation: writers of {} wait until the snapshot is done. To avoid \
                 that: ALTER DATABASE [{}] SET ALLOW_SNAPSHOT_ISOLATION ON",
                self.facts.name,
                count(tasks.len(), "table"),
                self.facts.name.database
            );
        }
        tracing::info!(
            "snapshot {} of publication {}: {} with about {} rows, in {}, {sessions} at once",
            self.plan.id,
            self.begun.publication.name,
            count(tasks.len(), "table"),
            tasks.iter().map(|task| task.rows_expected).sum::<u64>(),
            count(pieces, "part")
        );
    }

    /// Waits until the marker has been captured, for as long as it takes; its commit LSN is the boundary.
    async fn boundary(&self, client: &mut Client, view: Uuid) -> Result<Lsn, SnapshotError> {
        let boundary = match self.begun.publication.kind {
            PublicationKind::Transactional => captured(client, view).await?,
            PublicationKind::Snapshot => Lsn::ZERO,
        };
        self.writer.view(view, boundary).await?;
        Ok(boundary)
    }
}

/// Says what is there of an unfinished snapshot.
fn going_on(old: &Unfinished, kept: &[Option<Kept>]) -> String {
    let parts = || kept.iter().flatten().flat_map(|kept| kept.parts.iter().flatten());
    format!(
        "going on with the unfinished snapshot {}: {} of its data files, with {} rows, are there",
        old.plan.id,
        parts().count(),
        parts().map(|(part, _)| part.rows).sum::<u64>()
    )
}

/// Finds the boundaries of views that are not written down: the markers that committed are in the change table, or will be.
async fn find_boundaries(
    client: &mut Client,
    writer: &SnapshotWriter,
    remains: &mut Remains,
) -> Result<(), SnapshotError> {
    for view in resume::unknown_views(remains) {
        let boundary = match marker::commit_lsn(client, view).await? {
            Some(boundary) => boundary,
            None if marker::is_there(client, view).await? => {
                let captured = pin!(captured(client, view));
                within_limit(captured).await?
            }
            // Its transaction was rolled back, or this is long ago.
            None => continue,
        };
        writer.view(view, boundary).await?;
        remains.views.insert(view, boundary);
    }
    Ok(())
}

/// Looks for a marker in the captured log until it is there.
async fn captured(client: &mut Client, view: Uuid) -> Result<Lsn, SnapshotError> {
    loop {
        if let Some(lsn) = marker::commit_lsn(client, view).await? {
            return Ok(lsn);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Waits for the capture job as long as it may take.
async fn within_limit(
    mut boundary: Pin<&mut impl Future<Output = Result<Lsn, SnapshotError>>>,
) -> Result<Lsn, SnapshotError> {
    if let Ok(boundary) = timeout(SAY_AFTER, &mut boundary).await {
        return boundary;
    }
    tracing::info!("waiting for the capture job to read the marker of the snapshot from the log");
    timeout(CAPTURE_LIMIT, boundary).await.unwrap_or_else(|_| {
        Err(SnapshotError::Invalid(format!(
            "the capture job has not read the marker of the snapshot for {} s; see whether it runs: EXEC sys.sp_cdc_help_jobs, \
             SELECT * FROM sys.dm_cdc_errors. Then take the snapshot again",
            CAPTURE_LIMIT.as_secs()
        )))
    })
}
