//! What `status` shows.

use super::state::{Database, State, lock, now};
use crate::core::subscriptions::fold;
use crate::log::{LogError, LogView, Place};
use crate::queue::{Committed, record};
use proto::Lsn;
use proto::catalog::{DatabaseStatus, PublicationKind, Snapshot, Status, SubscriptionStatus};
use proto::message::{Refusal, RefusalKind};
use std::sync::Arc;

pub(super) async fn collect(state: &Arc<State>) -> Result<Status, Refusal> {
    let (publications, subscriptions, snapshots) = state
        .read(|contents| {
            let mut publications = Vec::new();
            for publication in contents.publications()? {
                let articles = contents.articles_of(&publication.name)?.len() as u32;
                publications.push((publication, articles));
            }
            Ok((publications, contents.subscriptions()?, contents.snapshots()?))
        })
        .await?;

    let mut databases = Vec::new();
    for database in state.databases() {
        let of = publications
            .iter()
            .filter(|(p, _)| state.database(&p.database).is_some_and(|d| Arc::ptr_eq(&d, &database)));
        let of = of.map(|(p, articles)| (p.name.clone(), *articles)).collect();
        databases.push(database_status(&database, of));
    }

    let mut shown = Vec::new();
    for entry in subscriptions {
        let name = entry.subscription.name.clone();
        let Some(progress) = state.with_subscriptions(|s| s.get(&name).cloned()) else { continue };
        let publication = publications.iter().find(|(p, _)| p.name == entry.subscription.publication);
        let refreshed = publication.is_some_and(|(p, _)| p.kind == PublicationKind::Snapshot);
        let there = snapshots.iter().find(|s| refreshed && Some(s.id) == progress.snapshot);
        let rows_of = there.map(|snapshot| snapshot.created_at);
        // What is not read from the log has no position in it.
        let publication = publication.filter(|(p, _)| p.kind == PublicationKind::Transactional);
        let database = publication.and_then(|(p, _)| state.database(&p.database));
        let after = progress.position.or(progress.keep_after);
        let (pending_bytes, pending_transactions, latency) = match database {
            Some(database) => {
                let reported = progress.position.zip(progress.reported_at);
                // It has been loaded and nothing has come since: how old the snapshot is, is no latency.
                let of = |s: &&Snapshot| fold(&s.publication) == fold(&entry.subscription.publication);
                let mut boundaries = snapshots.iter().filter(of).flat_map(|s| &s.boundaries);
                let loaded = boundaries.any(|(_, boundary)| Some(*boundary) == progress.position);
                state.blocking(move |_| pending(&database, after, reported, loaded)).await?
            }
            None => (0, 0, None),
        };
        shown.push(SubscriptionStatus {
            subscription: entry.subscription,
            state: progress.state,
            connected: progress.stream.map(|(_, peer)| peer),
            position: progress.position,
            rows_of,
            reported_at: progress.reported_at,
            pending_bytes,
            pending_transactions,
            latency,
            transactions: progress.transactions,
            changes: progress.changes,
            error: progress.error,
            loading: progress.loading,
        });
    }

    let path = state.directory.path().to_owned();
    let disk_free = state.blocking(move |_| Ok(fs4::available_space(path).unwrap_or(0))).await?;
    let paused = state.databases().iter().find_map(|d| d.queue.committed().borrow().paused.clone());
    Ok(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        now: now(),
        disk_free,
        paused,
        databases,
        subscriptions: shown,
        snapshots: state.snapshots.all(),
    })
}

fn database_status(database: &Database, publications: Vec<(String, u32)>) -> DatabaseStatus {
    let committed = database.queue.committed().borrow().clone();
    let extents = database.queue.view().extents();
    DatabaseStatus {
        database: database.name.clone(),
        publications,
        log_reader: database.log_reader.borrow().as_ref().map(|reader| (reader.peer.clone(), reader.since)),
        log_reader_error: lock(&database.log_reader_error).clone(),
        position: committed.lsn,
        last_commit: committed.last_commit,
        latency: database_latency(database, &committed),
        clock_ahead: database.with_clock(|clock| clock.ahead()),
        transactions: committed.transactions,
        changes: committed.changes,
        bytes: extents.iter().map(|e| e.bytes).sum(),
        segments: extents.len() as u32,
        oldest: database.queue.view().first_key().map(record::lsn),
    }
}

/// From the publisher's commit to this queue, of the newest that came; while nobody reads the log, the age of that commit.
fn database_latency(database: &Database, committed: &Committed) -> Option<i64> {
    let attached = database.log_reader.borrow().is_some();
    let at = if attached { committed.durable_at? } else { now() };
    Some(at - database.commit_time(committed.position_time?, at)?)
}

/// Bytes and transactions in the queue after a position, and the subscription's latency: while transactions wait, the age of the first
/// of them; otherwise, from the commit of what it reported last to that report, unless that came with a snapshot.
fn pending(
    database: &Database,
    after: Option<Lsn>,
    reported: Option<(Lsn, i64)>,
    loaded: bool,
) -> Result<(u64, u64, Option<i64>), Refusal> {
    let committed = database.queue.committed().borrow().clone();
    let view = database.queue.view();
    let internal = |error: LogError| Refusal::new(RefusalKind::Internal, error.to_string());
    let place = match view.reader().seek_after(after.map(record::key), committed.offset) {
        Ok(place) => place,
        // Expired: all that is left comes after it.
        Err(LogError::Gone) => view.start(),
        Err(error) => return Err(internal(error)),
    };
    let transactions = committed.units.saturating_sub(place.units);
    let latency = match reported {
        Some((position, _)) if transactions > 0 => {
            let first = commit_time_after(&*view, record::key(position), committed.offset).map_err(internal)?;
            first.and_then(|committed_at| Some(now() - database.commit_time(committed_at, now())?))
        }
        Some((position, at)) if !loaded => {
            let last = commit_time_at(&*view, record::key(position), committed.offset).map_err(internal)?;
            last.and_then(|committed_at| Some(at - database.commit_time(committed_at, at)?))
        }
        _ => None,
    };
    Ok((committed.offset.saturating_sub(place.offset), transactions, latency))
}

/// Commit time of the first transaction after a key; `None` where the queue does not have it (any more).
fn commit_time_after(view: &dyn LogView, key: u128, limit: u64) -> Result<Option<i64>, LogError> {
    let mut reader = view.reader();
    if !found(reader.seek_after(Some(key), limit))? {
        return Ok(None);
    }
    while let Some(head) = reader.next(limit)? {
        if let Ok(record::Head::Chunk { committed_at, .. }) = record::head(&head) {
            return Ok(Some(committed_at));
        }
    }
    Ok(None)
}

/// Commit time of the transaction or progress with a key; `None` where the queue does not have it (any more).
fn commit_time_at(view: &dyn LogView, key: u128, limit: u64) -> Result<Option<i64>, LogError> {
    let mut reader = view.reader();
    if !found(reader.seek_after(key.checked_sub(1), limit))? {
        return Ok(None);
    }
    let head = reader.next(limit)?.filter(|head| head.key == key);
    Ok(head.and_then(|head| record::head(&head).ok()).map(|head| match head {
        record::Head::Chunk { committed_at, .. } | record::Head::Progress { committed_at } => committed_at,
    }))
}

fn found(sought: Result<Place, LogError>) -> Result<bool, LogError> {
    match sought {
        Ok(_) => Ok(true),
        Err(LogError::Gone) => Ok(false),
        Err(error) => Err(error),
    }
}
