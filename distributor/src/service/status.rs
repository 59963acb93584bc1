//! What `status` shows.

use super::state::{Database, State, now};
use crate::log::LogError;
use crate::queue::record;
use proto::Lsn;
use proto::catalog::{DatabaseStatus, Status, SubscriptionStatus};
use proto::message::{Refusal, RefusalKind};
use std::sync::Arc;

pub(super) async fn collect(state: &Arc<State>) -> Result<Status, Refusal> {
    let (publications, subscriptions) = state
        .read(|contents| {
            let mut publications = Vec::new();
            for publication in contents.publications()? {
                let articles = contents.articles_of(&publication.name)?.len() as u32;
                publications.push((publication, articles));
            }
            Ok((publications, contents.subscriptions()?))
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
        let database = publication.and_then(|(p, _)| state.database(&p.database));
        let after = progress.position.or(progress.keep_after);
        let (pending_bytes, pending_transactions) = match database {
            Some(database) => state.blocking(move |_| pending(&database, after)).await?,
            None => (0, 0),
        };
        shown.push(SubscriptionStatus {
            subscription: entry.subscription,
            state: progress.state,
            connected: progress.stream.map(|(_, peer)| peer),
            position: progress.position,
            reported_at: progress.reported_at,
            pending_bytes,
            pending_transactions,
            transactions: progress.transactions,
            changes: progress.changes,
            error: progress.error,
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
    })
}

fn database_status(database: &Database, publications: Vec<(String, u32)>) -> DatabaseStatus {
    let committed = database.queue.committed().borrow().clone();
    let extents = database.queue.view().extents();
    DatabaseStatus {
        database: database.name.clone(),
        publications,
        log_reader: database.log_reader.borrow().as_ref().map(|reader| (reader.peer.clone(), reader.since)),
        position: committed.lsn,
        last_commit: committed.last_commit,
        transactions: committed.transactions,
        changes: committed.changes,
        bytes: extents.iter().map(|e| e.bytes).sum(),
        segments: extents.len() as u32,
        oldest: database.queue.view().first_key().map(record::lsn),
    }
}

/// Bytes and transactions in the queue after a position.
fn pending(database: &Database, after: Option<Lsn>) -> Result<(u64, u64), Refusal> {
    let committed = database.queue.committed().borrow().clone();
    let view = database.queue.view();
    let place = match view.reader().seek_after(after.map(record::key), committed.offset) {
        Ok(place) => place,
        // Expired: all that is left comes after it.
        Err(LogError::Gone) => view.start(),
        Err(error) => return Err(Refusal::new(RefusalKind::Internal, error.to_string())),
    };
    Ok((committed.offset.saturating_sub(place.offset), committed.units.saturating_sub(place.units)))
}
