//! Reads parts of articles into their files.

use super::{SnapshotError, Task};
use cli::progress::Table;
use sqlserver::Client;
use sqlserver::snapshot::rows;
use std::collections::VecDeque;
use std::sync::Mutex;
use uuid::Uuid;
use workdir::{FinishedPart, SnapshotWriter};

/// Rows between two steps of the figures.
const STEP: u64 = 1_000;

/// A part that is to be read: its article's place among the tasks, and its own among the article's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Piece {
    pub task: usize,
    pub part: usize,
}

/// What reads and where it goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    pub writer: &'a SnapshotWriter,
    pub tasks: &'a [Task],
    /// Of each of the tasks.
    pub counts: &'a [Table],
    /// The token of the view's marker.
    pub view: Uuid,
}

/// A piece that was read.
pub(super) type Read = (Piece, FinishedPart);

/// Reads pieces, the largest first, each by whichever session is free.
pub(super) async fn all(
    sessions: Vec<Client>,
    mut pieces: Vec<Piece>,
    reading: Reading<'_>,
) -> Result<Vec<Read>, SnapshotError> {
    pieces.sort_by_key(|piece| std::cmp::Reverse(reading.tasks[piece.task].rows_a_part()));
    let waiting = Mutex::new(VecDeque::from(pieces));
    // Nothing panics while it is held.
    let next = || waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop_front();
    let readers = sessions.into_iter().map(|mut session| async move {
        let mut done = Vec::new();
        while let Some(piece) = next() {
            done.push((piece, part(&mut session, piece, reading).await?));
        }
        sqlserver::snapshot::commit(&mut session).await?;
        Ok::<_, SnapshotError>(done)
    });
    let done = futures::future::try_join_all(readers).await?;
    Ok(done.into_iter().flatten().collect())
}

/// Reads a part by a session that sees what the snapshot is of.
pub(super) async fn part(
    session: &mut Client,
    piece: Piece,
    reading: Reading<'_>,
) -> Result<FinishedPart, SnapshotError> {
    let task = &reading.tasks[piece.task];
    let mut progress = reading.counts[piece.task].part();
    let mut file = reading.writer.part(&task.files, piece.part, reading.view).await?;
    let range = &task.files.parts[piece.part];
    let mut stream = rows(session, &task.files.article, task.predicate.as_ref(), range).await?;
    let mut counted = 0;
    while let Some(row) = stream.next().await? {
        file.push(&row).await?;
        if file.rows() - counted == STEP {
            progress.add(STEP, file.bytes());
            counted = file.rows();
        }
    }
    let part = file.finish().await?;
    progress.add(part.rows - counted, part.bytes);
    progress.done();
    Ok(part)
}
