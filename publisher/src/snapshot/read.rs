//! Reads one article into its files.

use super::{Progress, SnapshotError, Task};
use sqlserver::Client;
use sqlserver::snapshot::rows;
use workdir::{FinishedArticle, SnapshotWriter};

/// Rows between two steps of the progress.
const STEP: u64 = 1_000;

/// Reads an article by a session that sees what the snapshot is of.
pub(super) async fn article(
    session: &mut Client,
    writer: &SnapshotWriter,
    task: Task,
    progress: &Progress,
) -> Result<FinishedArticle, SnapshotError> {
    let bar = progress.table(&task.article.source, task.rows_expected);
    let mut article = writer.article(task.article.clone(), &task.scripts).await?;
    let mut stream = rows(session, &task.article, task.predicate.as_ref()).await?;
    while let Some(row) = stream.next().await? {
        article.push(&row).await?;
        if article.rows() % STEP == 0 {
            bar.at(article.rows());
        }
    }
    let part = article.finish().await?;
    bar.done(part.rows(), part.bytes());
    Ok(part)
}
