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

mod progress;
mod read;
pub(crate) mod views;

pub use progress::Progress;

use crate::publication::of_its_database;
use proto::catalog::{Publication, Request, Response, Snapshot};
use proto::transport::{ConnectOptions, Connection, TransportError};
use proto::{Article, Lsn};
use sqlserver::permission::{self, Securable};
use sqlserver::predicate::Predicate;
use sqlserver::script::{Published, scripts};
use sqlserver::{Client, ServerOptions, catalog, database, design, marker};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use uuid::Uuid;
use views::Views;
use workdir::{ArticleScripts, FinishedArticle, SnapshotWriter, WorkDir, WorkDirError};

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
    /// Sessions that read tables at once, where the database allows snapshot isolation.
    pub sessions: usize,
}

/// An article that is to be read, with everything that is needed for it.
#[derive(Debug, Clone)]
struct Task {
    article: Article,
    /// Whether new columns of its table join it.
    joining: bool,
    predicate: Option<Predicate>,
    scripts: ArticleScripts,
    rows_expected: u64,
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
        let joining = publication.replicate_ddl;
        let tasks = tasks(&mut client, articles, joining, &self.server.login, progress).await?;
        let writer = SnapshotWriter::create(self.work_dir.clone(), id, publication).await?;
        match self.write(&mut client, &writer, id, tasks, facts.snapshot_isolation, progress).await {
            Ok((parts, boundary)) => {
                let parts = parts.into_iter().map(|part| (part, boundary)).collect();
                let snapshot = writer.finish(parts).await?;
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

    async fn write(
        &self,
        client: &mut Client,
        writer: &SnapshotWriter,
        id: Uuid,
        tasks: Vec<Task>,
        snapshot_isolation: bool,
        progress: &Progress,
    ) -> Result<(Vec<FinishedArticle>, Lsn), SnapshotError> {
        let parts = if snapshot_isolation {
            let sessions = self.sessions.clamp(1, tasks.len());
            let views = Views::open(&self.server, client, sessions, &tasks, id).await?;
            progress.say(&format!(
                "{} tables were locked against writes for {:.0} ms to fix the point of the snapshot",
                tasks.len(),
                views.locked_for.as_secs_f64() * 1_000.0
            ));
            read_all(views, writer, tasks, progress).await?
        } else {
            views::lock(client, &tasks, id).await?;
            let mut parts = Vec::with_capacity(tasks.len());
            for task in tasks {
                parts.push(read::article(client, writer, task, progress).await?);
            }
            sqlserver::snapshot::commit(client).await?;
            parts
        };
        let boundary = boundary(client, id, progress).await?;
        Ok((parts, boundary))
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

async fn tasks(
    client: &mut Client,
    articles: Vec<Article>,
    joining: bool,
    login: &str,
    progress: &Progress,
) -> Result<Vec<Task>, SnapshotError> {
    let mut published = Vec::with_capacity(articles.len());
    for article in articles {
        let table = catalog::table(client, &article.source).await?.ok_or_else(|| {
            SnapshotError::Invalid(format!("table {} of the publication does not exist any more", article.source))
        })?;
        let securable = Securable::Object(table.name.clone());
        if let Some(missing) = permission::check(client, "VIEW DEFINITION", &securable).await? {
            return Err(SnapshotError::Invalid(format!(
                "`publisher snapshot` takes a permission that login {login} lacks, to script keys, indexes and constraints of {}: {}. To \
                 give it: {}",
                table.name,
                missing.name(),
                missing.grant(login)
            )));
        }
        let design = design::design(client, table.object_id).await?;
        published.push(Published { article, table, design });
    }
    let objects = design::objects(client).await?;
    let mut tasks = Vec::with_capacity(published.len());
    for this in &published {
        let article = &this.article;
        let predicate = article.filter.as_deref().map(Predicate::parse).transpose().map_err(|why| {
            SnapshotError::Invalid(format!("the filter of article {} cannot be used: {why}", article.source))
        })?;
        let scripts = scripts(this, &published, &objects);
        for left_out in &scripts.left_out {
            progress.say(left_out);
        }
        tasks.push(Task {
            scripts: ArticleScripts { before: scripts.before, after: scripts.after, last: scripts.last },
            rows_expected: catalog::row_count(client, this.table.object_id).await?,
            article: article.clone(),
            joining,
            predicate,
        });
    }
    Ok(tasks)
}

/// Reads all articles, the largest first, each by whichever session is free.
async fn read_all(
    views: Views,
    writer: &SnapshotWriter,
    mut tasks: Vec<Task>,
    progress: &Progress,
) -> Result<Vec<FinishedArticle>, SnapshotError> {
    tasks.sort_by_key(|task| std::cmp::Reverse(task.rows_expected));
    let waiting = Mutex::new(VecDeque::from(tasks));
    let next = || waiting.lock().expect("nothing panics while it is held").pop_front();
    let readers = views.sessions.into_iter().map(|mut session| async move {
        let mut parts = Vec::new();
        while let Some(task) = next() {
            parts.push(read::article(&mut session, writer, task, progress).await?);
        }
        sqlserver::snapshot::commit(&mut session).await?;
        Ok::<_, SnapshotError>(parts)
    });
    let parts = futures::future::try_join_all(readers).await?;
    Ok(parts.into_iter().flatten().collect())
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
