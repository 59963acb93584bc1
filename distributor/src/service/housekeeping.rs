//! What happens from time to time: positions go to disk, and what nobody needs goes away.

use super::state::{Database, State, now};
use crate::catalog::plan;
use crate::core::retention::{self, Holder, Limits, Need, Piece};
use crate::core::subscriptions::expired;
use crate::log::Extent;
use crate::queue::record;
use proto::Lsn;
use proto::message::Refusal;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// Why a snapshot is given up.
const GIVEN_UP: &str =
    "it took longer than the maximum retention: the queue has not all that follows it; take it again";
/// Between two rounds.
const EVERY: Duration = Duration::from_secs(5);

pub(super) async fn run(state: Arc<State>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(refusal) = round(&state).await {
            tracing::warn!(%refusal, "positions could not be written down; nothing is dropped from the queues meanwhile");
        }
    }
}

async fn round(state: &Arc<State>) -> Result<(), Refusal> {
    // First: what is dropped below must be below positions that a restart knows as well.
    state.blocking(|state| Ok(state.persist_subscriptions()?)).await?;
    state.blocking(|state| Ok(state.remove_replaced_queues()?)).await?;
    for database in state.databases() {
        // Before anything else: what is begun from here on needs nothing of what was there until now.
        let extents = database.queue.view().extents();
        let (name, kept_after) = (database.name.clone(), database.kept_after());
        let loads = state.read(move |contents| Ok(plan::loads(contents, &name, kept_after))).await??;
        // After what the catalog says: a subscription that goes back for an article which it lacked until now says so here first.
        let mut needs: Vec<Need> =
            state.with_subscriptions(|s| loads.subscriptions.iter().filter_map(|name| s.need(name)).collect());
        needs.extend(loads.needs);
        let decision = retention::decide(&pieces(&extents), &needs, limits(state), now());
        for holder in &decision.expire {
            let need = needs.iter().find(|need| need.holder == *holder);
            expire(state, &database, holder, need.and_then(|need| need.after).unwrap_or_default()).await?;
        }
        if !decision.expire.is_empty() {
            state.blocking(|state| Ok(state.persist_subscriptions()?)).await?;
        }
        if let Some(last) = decision.drop.checked_sub(1).and_then(|index| extents.get(index)) {
            tracing::info!(database = %database.name, segments = decision.drop, "dropping what is no longer needed");
            // The queue's thread ends with the process only.
            let _ = database.queue.drop_before(last.end.offset).await;
        }
        let (name, kept_after) = (database.name.clone(), database.kept_after());
        super::requests::change(state, move |contents| plan::retire(contents, &name, kept_after)).await?;
    }
    Ok(())
}

fn limits(state: &State) -> Limits {
    let micros = |d: Duration| i64::try_from(d.as_micros()).unwrap_or(i64::MAX);
    Limits { min: micros(state.options.min_retention), max: micros(state.options.max_retention) }
}

/// All but the newest, which is being written.
fn pieces(extents: &[Extent]) -> Vec<Piece> {
    let finished = extents.split_last().map_or(&[][..], |(_, finished)| finished);
    let piece = |e: &Extent| Piece { last: e.end.key.map(record::lsn).unwrap_or_default(), written_at: e.written_at };
    finished.iter().map(piece).collect()
}

/// What was kept for somebody until now goes.
async fn expire(state: &Arc<State>, database: &Database, holder: &Holder, after: Lsn) -> Result<(), Refusal> {
    match holder {
        Holder::Subscription(name) => {
            let queue_end = database.queue.committed().borrow().lsn.unwrap_or_default();
            tracing::warn!(
                subscription = name,
                position = %after,
                "the subscription is further behind than the maximum retention: it is expired and must be initialised again"
            );
            if let Some(stream) = state.with_subscriptions(|subscriptions| subscriptions.expire(name)) {
                state.end_stream(stream, expired(name, after, queue_end));
            }
        }
        Holder::Load(name) => tracing::warn!(
            subscription = name,
            boundary = %after,
            "the snapshot with articles that the subscription lacks is older than the maximum retention: they need a new one"
        ),
        Holder::Snapshot(id) => {
            tracing::warn!(
                snapshot = %id,
                begun_after = %after,
                "the snapshot takes longer than the maximum retention: it is given up and must be taken again"
            );
            let id = *id;
            if let Some(pending) = state.read(move |contents| contents.pending_snapshot(id)).await? {
                super::requests::change(state, move |contents| plan::snapshot_abandon(contents, id)).await?;
                state.snapshots.failed(&pending, GIVEN_UP, now());
            }
        }
    }
    Ok(())
}
