//! Sessions that all see the database as of one commit.

use super::{SnapshotError, Task};
use crate::core::constraints;
use proto::{Article, Marker, MarkerKind, TableName};
use sqlserver::{Client, Error, ServerOptions, catalog, constraint, marker, snapshot};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How long each lock is waited for. While it is, new writers queue up behind it, so it must be short.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// Attempts to get all locks, unless others are asked for.
pub const ATTEMPTS: u32 = 30;
/// Pause between attempts, in which those who waited go first.
const PAUSE: Duration = Duration::from_secs(1);

/// How long is waited for locks, and who is told of it.
pub(crate) struct Patience<'a> {
    /// Attempts to get all locks.
    pub attempts: u32,
    /// Told which lock is waited for.
    pub say: &'a (dyn Fn(&str) + Sync),
}

/// Sessions in `SNAPSHOT` transactions that see exactly what had committed before the marker's transaction.
pub(super) struct Views {
    /// The sessions.
    pub sessions: Vec<Client>,
    /// How long the tables were locked.
    pub locked_for: Duration,
}

impl Views {
    /// Opens `count` sessions; `client` is the one that locks, and the marker, if there is to be one, gets this token.
    pub async fn open(
        server: &ServerOptions,
        client: &mut Client,
        count: usize,
        tasks: &[&Task],
        token: Option<Uuid>,
        patience: &Patience<'_>,
    ) -> Result<Self, SnapshotError> {
        let server = server.with_command_timeout(None);
        let mut sessions = Vec::with_capacity(count);
        for _ in 0..count {
            sessions.push(Client::connect(&server).await?);
        }
        lock(client, tasks, token, patience).await?;
        let locked = Instant::now();
        let table = tasks.first().filter(|_| token.is_none()).map(|task| &task.files.article.source);
        let begun = futures::future::try_join_all(sessions.iter_mut().map(|s| snapshot::begin_view(s, table))).await;
        if let Err(error) = begun {
            snapshot::rollback(client).await?;
            return Err(error.into());
        }
        snapshot::commit(client).await?;
        Ok(Self { sessions, locked_for: locked.elapsed() })
    }
}

/// Begins a transaction that holds shared locks on all tables and has written the marker with this token, if there is to be one.
pub(super) async fn lock(
    client: &mut Client,
    tasks: &[&Task],
    token: Option<Uuid>,
    patience: &Patience<'_>,
) -> Result<(), SnapshotError> {
    let tables: Vec<&TableName> = tasks.iter().map(|task| &task.files.article.source).collect();
    let marker = token.map(|token| Marker { kind: MarkerKind::Snapshot, token });
    lock_tables(client, &tables, marker, patience).await?;
    // No statement can change the tables while they are locked.
    let constrained = constraint::constraints(client).await?;
    for task in tasks {
        let columns = differs(client, &task.files.article, task.joining).await?;
        // Without a log reader nothing else has to fit.
        let now = constrained.get(&task.files.article.capture.source).filter(|_| token.is_some());
        if let Some(what) = columns.or_else(|| constraints::differs(&task.files.article, now?)) {
            snapshot::rollback(client).await?;
            return Err(SnapshotError::Invalid(format!(
                "{what} of {} changed, and the log reader has not come to that yet, so the snapshot would not fit what follows. Take it \
                 again in a moment, with the log reader running (`publisher run`)",
                task.files.article.source
            )));
        }
    }
    Ok(())
}

/// Begins a transaction that holds shared locks on tables and, if one is given, has written a marker. Tried again for as long as others
/// are in the way.
///
/// A writer that holds a lock we wait for, and comes to wait for one that we hold, makes a deadlock; where transactions write to the tables
/// in an order of their own all the time, every attempt would end so. Hence the table (or the marker) that an attempt failed at is the first
/// of the next: it is waited for while nothing else is held, and who comes later waits for it before touching the others.
pub(crate) async fn lock_tables(
    client: &mut Client,
    tables: &[&TableName],
    marker: Option<Marker>,
    patience: &Patience<'_>,
) -> Result<(), Error> {
    let marker = marker.map(Step::Marker);
    let mut order: Vec<Step<'_>> = tables.iter().map(|table| Step::Lock(table)).chain(marker).collect();
    let mut attempt = 1;
    loop {
        let (failed, error) = match try_lock(client, &order).await {
            Ok(()) => return Ok(()),
            Err(failure) => failure,
        };
        if !error.is_transient() || !client.is_usable() {
            return Err(error);
        }
        snapshot::rollback(client).await?;
        if attempt >= patience.attempts {
            return Err(error.advised(&format!(
                "The tables could not be locked in {attempt} attempts, each of up to {} s a table: see whose transaction holds a lock there \
                 (SELECT * FROM sys.dm_tran_locks), and try again once it has ended",
                LOCK_PATIENCE.as_secs()
            )));
        }
        (patience.say)(&format!(
            "the tables could not be locked; trying again ({attempt} of {} attempts): {error}",
            patience.attempts
        ));
        if let Some(failed) = failed {
            order[..=failed].rotate_right(1);
        }
        tokio::time::sleep(PAUSE).await;
        attempt += 1;
    }
}

/// What an attempt consists of; in any order, since all of it takes effect where the transaction commits.
enum Step<'a> {
    Lock(&'a TableName),
    Marker(Marker),
}

/// Takes the steps in this order; which of them it failed at, if it was one.
async fn try_lock(client: &mut Client, order: &[Step<'_>]) -> Result<(), (Option<usize>, Error)> {
    snapshot::begin_locking(client, LOCK_PATIENCE).await.map_err(|error| (None, error))?;
    for (at, step) in order.iter().enumerate() {
        let done = match step {
            Step::Lock(table) => snapshot::lock_table(client, table).await,
            Step::Marker(marker) => marker::insert(client, *marker).await,
        };
        done.map_err(|error| (Some(at), error))?;
    }
    Ok(())
}

/// A column of which the table is not as the article's definition has it; `joining` says whether new columns are to join it.
pub(crate) async fn differs(client: &mut Client, article: &Article, joining: bool) -> Result<Option<String>, Error> {
    let now = catalog::columns(client, article.capture.source).await?;
    for column in &article.columns {
        let same = now.iter().any(|c| {
            c.name == column.name && c.column_type.as_ref() == Ok(&column.column_type) && c.nullable == column.nullable
        });
        if !same {
            return Ok(Some(format!("column {}", column.name)));
        }
    }
    let joins = article.all_columns && joining;
    let known =
        |name: &str| article.columns.iter().any(|c| c.name == name) || article.computed.iter().any(|c| c.name == name);
    Ok(now.iter().find(|c| joins && !known(&c.name)).map(|c| format!("column {}", c.name)))
}
