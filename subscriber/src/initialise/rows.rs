//! The rows of one part on their way from its file into its table, in the transaction that is open.

use crate::error::{Error, ErrorKind};
use cli::progress::{Part, Table};
use proto::{ArticleId, Row};
use sqlserver::apply::Target;
use sqlserver::load::Way;
use sqlserver::{Client, load, schema, staging, switch};
use std::sync::Arc;
use std::time::Duration;
use workdir::{RowReader, SnapshotReader};

/// Rows and bytes of one staged slice: what a part's load holds in memory.
const SLICE_ROWS: usize = 10_000;
const SLICE_BYTES: usize = 8 << 20;
/// Rows after which the progress of a bulk load is noted.
const NOTED_ROWS: u64 = 500;
/// For this long no row may go anywhere before the attempt is given up: a bulk load has no limit of its own while rows are sent.
const STALLED: Duration = Duration::from_secs(600);

/// A part that waits.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) article: ArticleId,
    pub(super) number: u32,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) way: Way,
    pub(super) target: Arc<Target>,
    /// Counts what is loaded of the table.
    pub(super) count: Table,
    pub(super) reader: Arc<SnapshotReader>,
}

/// Loads the rows of a part.
pub(super) async fn load(client: &mut Client, part: &Waiting, progress: &mut Part) -> Result<(), Error> {
    let rows = part.reader.part(part.article, part.number)?;
    match part.way {
        Way::Straight => straight(client, &part.target, rows, progress).await,
        Way::Staged => staged(client, &part.target, rows, progress).await,
    }
}

/// Hands the rows of a file to a bulk load.
struct Feed<'a> {
    rows: RowReader,
    progress: &'a mut Part,
    /// Rows handed over since the bulk load began, and how many of them are noted.
    sent: u64,
    noted: u64,
    /// Why the bulk load came to its end.
    end: End,
}

enum End {
    /// Not yet.
    None,
    File,
    /// A row that a bulk load cannot carry.
    Large(Row),
    Failed(Error),
}

impl Feed<'_> {
    async fn next(&mut self) -> Option<Row> {
        let row = tokio::time::timeout(STALLED, self.rows.next()).await;
        self.end = match row {
            Ok(Ok(Some(row))) if load::fits(&row) => {
                self.sent += 1;
                if self.sent - self.noted >= NOTED_ROWS {
                    self.note();
                }
                return Some(row);
            }
            Ok(Ok(Some(row))) => End::Large(row),
            Ok(Ok(None)) => End::File,
            Ok(Err(error)) => End::Failed(error.into()),
            Err(_) => {
                End::Failed(Error::new(ErrorKind::Transient, format!("the snapshot gave no row for {STALLED:?}")))
            }
        };
        self.note();
        None
    }

    fn note(&mut self) {
        self.progress.add(self.sent - self.noted, self.rows.bytes());
        self.noted = self.sent;
    }
}

async fn straight(client: &mut Client, target: &Target, rows: RowReader, progress: &mut Part) -> Result<(), Error> {
    let mut feed = Feed { rows, progress, sent: 0, noted: 0, end: End::None };
    loop {
        (feed.sent, feed.noted) = (0, 0);
        let stream = futures::stream::unfold(&mut feed, async |feed| feed.next().await.map(|row| (row, feed)));
        let loaded = load::straight(client, target, stream).await?;
        match std::mem::replace(&mut feed.end, End::None) {
            End::Failed(error) => return Err(error),
            _ if loaded != feed.sent => return Err(lost(target, loaded, feed.sent)),
            End::Large(row) => {
                let loaded = load::one(client, target, row).await?;
                if loaded != 1 {
                    return Err(lost(target, loaded, 1));
                }
                feed.progress.add(1, feed.rows.bytes());
            }
            End::File | End::None => return Ok(()),
        }
    }
}

async fn staged(client: &mut Client, target: &Target, mut rows: RowReader, progress: &mut Part) -> Result<(), Error> {
    staging::begin_load(client, target).await?;
    // What is loaded was written long ago: triggers that are there already have nothing to do with it.
    let triggers = schema::disable_triggers(client, target.name()).await?;
    loop {
        let slice = next_slice(&mut rows).await?;
        if slice.is_empty() {
            break;
        }
        let expected = slice.len() as u64;
        let loaded = staging::load(client, target, slice).await?;
        if loaded != expected {
            return Err(lost(target, loaded, expected));
        }
        progress.add(loaded, rows.bytes());
    }
    schema::enable_triggers(client, target.name(), &triggers).await?;
    Ok(staging::end_load(client, target).await?)
}

fn lost(target: &Target, loaded: u64, expected: u64) -> Error {
    let message = format!("{loaded} rows of {expected} arrived in table {}", switch::own(target.name()));
    Error::new(ErrorKind::Row, message)
}

async fn next_slice(rows: &mut RowReader) -> Result<Vec<Row>, Error> {
    let (mut slice, mut bytes) = (Vec::new(), 0);
    while slice.len() < SLICE_ROWS && bytes < SLICE_BYTES {
        let Some(row) = rows.next().await? else { break };
        bytes += row.iter().map(|value| size_of_val(value) + value.heap_size()).sum::<usize>();
        slice.push(row);
    }
    Ok(slice)
}
