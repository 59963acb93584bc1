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

mod figures;
mod plan;
mod progress;
mod ranges;
mod read;
pub(crate) mod views;

pub use progress::Progress;

use crate::publication::of_its_database;
use figures::{Figures, TableFigures};
use plan::{Planned, Task};
use proto::catalog::{Publication, Request, Response, Snapshot};
use proto::transport::{ConnectOptions, Connection, TransportError};
use proto::{Article, Lsn};
use read::{Piece, Reading};
use sqlserver::{Client, ServerOptions, database, marker};
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;
use views::Views;
use workdir::{Compression, SnapshotWriter, WorkDir, WorkDirError};

/// How long the capture job may take to get to the marker. Its default pause is five seconds; it may have a backlog.
pub(crate) const CAPTURE_LIMIT: Duration = Duration::from_secs(600);
/// Pause between two looks for the marker.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// After this long without the marker, the user is told what is being waited for.
const SAY_AFTER: Duration = Duration::from_secs(15);

/// Why a snapshot could not be taken. Nothing of it is left behind.
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
}

impl SnapshotAgent {
    /// Takes a snapshot of a publication and makes it known to the distributor.
    pub async fn take(&self, publication: &str, progress: &Progress) -> Result<Snapshot, SnapshotError> {
        let mut distributor = Connection::connect(&self.distributor).await?;
        let id = Uuid::new_v4();
        let (publication, articles) = begin(&mut distributor, publication, id).await?;
        let mut client = Client::connect(&self.server.with_command_timeout(None)).await?;
        let facts = database::facts(&mut client).await?;
        of_its_database(&publication, &facts).map_err(SnapshotError::Invalid)?;
        if !facts.snapshot_isolation {
            progress.say(&format!(
                "database {} does not allow snapshot isolation: writers of the {} tables wait until the snapshot is done. To avoid \
                 that: ALTER DATABASE [{}] SET ALLOW_SNAPSHOT_ISOLATION ON",
                facts.name,
                articles.len(),
                facts.name.database
            ));
        }
        let planned = plan::plan(self, &mut client, articles, progress).await?;
        let writer = SnapshotWriter::create(self.work_dir.clone(), id).await?.with_compression(self.compression);
        match self.write(&mut client, &writer, id, &publication, planned, facts.snapshot_isolation, progress).await {
            Ok(snapshot) => {
                // A connection that has been silent while the tables were read may be gone by now.
                let mut distributor = Connection::connect(&self.distributor).await?;
                distributor.request(Request::SnapshotRegister(snapshot.clone())).await?;
                Ok(snapshot)
            }
            Err(error) => {
                if let Err(leftover) = writer.abandon().await {
                    tracing::warn!(snapshot = %id, error = %leftover, "the folder of the failed snapshot could not be removed");
                }
                Err(error)
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    async fn write(
        &self,
        client: &mut Client,
        writer: &SnapshotWriter,
        id: Uuid,
        publication: &Publication,
        planned: Vec<Planned>,
        snapshot_isolation: bool,
        progress: &Progress,
    ) -> Result<Snapshot, SnapshotError> {
        let mut tasks = Vec::with_capacity(planned.len());
        for (index, planned) in planned.into_iter().enumerate() {
            tasks.push(planned.write(writer, index + 1, publication.replicate_ddl).await?);
        }
        let of = |task: &Task| {
            TableFigures::new(task.files.article.source.clone(), task.rows_expected, task.files.parts.len())
        };
        let figures = Figures::new(tasks.iter().map(of));
        let pieces: Vec<Piece> = (0..tasks.len())
            .flat_map(|task| (0..tasks[task].files.parts.len()).map(move |part| Piece { task, part }))
            .collect();
        let reading = Reading { writer, tasks: &tasks, figures: &figures };
        let read = if snapshot_isolation {
            let sessions = self.sessions.clamp(1, pieces.len());
            let views = Views::open(&self.server, client, sessions, &tasks, id).await?;
            progress.say(&format!(
                "{} tables were locked against writes for {:.0} ms to fix the point of the snapshot",
                tasks.len(),
                views.locked_for.as_secs_f64() * 1_000.0
            ));
            progress.follow(&figures, read::all(views.sessions, pieces, reading)).await?
        } else {
            views::lock(client, &tasks, id).await?;
            let mut done = Vec::with_capacity(pieces.len());
            let one_by_one = async {
                for piece in pieces {
                    done.push((piece, read::part(client, piece, reading).await?));
                }
                Ok::<_, SnapshotError>(())
            };
            progress.follow(&figures, one_by_one).await?;
            sqlserver::snapshot::commit(client).await?;
            done
        };
        let boundary = boundary(client, id, progress).await?;
        let mut articles: Vec<_> = tasks.into_iter().map(|task| (task.files, Vec::new())).collect();
        let mut read = read;
        read.sort_by_key(|(piece, _)| *piece);
        for (piece, part) in read {
            articles[piece.task].1.push((part, boundary));
        }
        Ok(writer.finish(publication.clone(), articles).await?)
    }
}

async fn begin(
    distributor: &mut Connection,
    publication: &str,
    id: Uuid,
) -> Result<(Publication, Vec<Article>), SnapshotError> {
    let request = Request::SnapshotBegin { publication: publication.to_owned(), snapshot: id, articles: None };
    let (publication, articles) = match distributor.request(request).await? {
        Response::SnapshotBegun { publication, articles, .. } => (publication, articles),
        other => return Err(SnapshotError::Invalid(format!("the distributor gave an unexpected answer: {other:?}"))),
    };
    if articles.is_empty() {
        return Err(SnapshotError::Invalid(format!(
            "publication {} has no articles; add one with `publisher article add`",
            publication.name
        )));
    }
    Ok((publication, articles))
}

/// Waits until the marker has been captured; its commit LSN is the boundary.
async fn boundary(client: &mut Client, id: Uuid, progress: &Progress) -> Result<Lsn, SnapshotError> {
    let started = Instant::now();
    let mut said = false;
    loop {
        if let Some(lsn) = marker::commit_lsn(client, id).await? {
            return Ok(lsn);
        }
        if started.elapsed() > CAPTURE_LIMIT {
            return Err(SnapshotError::Invalid(format!(
                "the capture job at {} has not read the marker of the snapshot for {} s; see whether it runs: EXEC \
                 sys.sp_cdc_help_jobs, SELECT * FROM sys.dm_cdc_errors. Then take the snapshot again",
                client.place(),
                CAPTURE_LIMIT.as_secs()
            )));
        }
        if !said && started.elapsed() > SAY_AFTER {
            progress.say("waiting for the capture job to read the marker of the snapshot from the log");
            said = true;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
