//! Tracer tokens: from their announcement over the queue to the subscriptions, with the times of each.

use super::requests;
use super::state::State;
use crate::catalog::{TracerEntry, plan};
use crate::queue::TracerSeen;
use proto::catalog::{Response, TracerArrival, TracerToken};
use proto::message::{Refusal, Report};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Writes down when tokens became durable in a queue.
pub(super) async fn run(state: Arc<State>, mut seen: mpsc::UnboundedReceiver<TracerSeen>) {
    while let Some(tracer) = seen.recv().await {
        let database = state.database(&tracer.database);
        let publisher_commit = database.and_then(|d| d.commit_time(tracer.committed_at, tracer.durable_at));
        let (token, lsn, durable_at) = (tracer.token, tracer.lsn, tracer.durable_at);
        let plan = move |contents: crate::catalog::Contents<'_>| {
            plan::tracer_seen(contents, token, lsn, publisher_commit, durable_at)
        };
        if let Err(refusal) = requests::change(&state, plan).await {
            tracing::warn!(%token, %refusal, "when a tracer token arrived could not be written down");
        }
    }
}

/// Writes down which tokens a subscriber reports to have committed. How long ago that was comes from its own clock, so that a difference
/// to this one does not matter.
pub(super) async fn arrived(state: &Arc<State>, report: &Report, now: i64) {
    if report.tracers.is_empty() {
        return;
    }
    let at = |committed: i64| now - report.sent_at.saturating_sub(committed).max(0);
    let arrived: Vec<_> = report.tracers.iter().map(|(token, committed)| (*token, at(*committed))).collect();
    let subscription = report.subscription.clone();
    let plan = move |contents: crate::catalog::Contents<'_>| plan::tracers_arrived(contents, &subscription, &arrived);
    if let Err(refusal) = requests::change(state, plan).await {
        tracing::warn!(subscription = report.subscription, %refusal, "arrived tracer tokens could not be written down");
    }
}

/// The tokens of a publication, with where they are now.
pub(super) async fn history(state: &Arc<State>, publication: String) -> Result<Response, Refusal> {
    let name = publication.clone();
    let found = state
        .read(move |contents| match contents.publication(&name)? {
            Some(p) => Ok(Some((contents.tracers_of(&p.name)?, contents.subscriptions_to(&p.name)?))),
            None => Ok(None),
        })
        .await?;
    let (tracers, subscriptions) = found.ok_or_else(|| requests::no_publication(&publication))?;
    let positions: Vec<_> = state.with_subscriptions(|known| {
        let position = |name: &str| known.get(name).and_then(|progress| progress.position);
        subscriptions.iter().map(|s| (s.subscription.clone(), position(&s.subscription.name))).collect()
    });
    let shown = |entry: TracerEntry| {
        let arrival = |(subscription, position): &(proto::catalog::Subscription, Option<proto::Lsn>)| {
            let at = entry.arrivals.iter().find(|(name, _)| *name == subscription.name).map(|(_, at)| *at);
            // It may have been initialised after the token, or its report may have been lost.
            let passed = at.is_some() || entry.lsn.is_some_and(|lsn| *position >= Some(lsn));
            TracerArrival { subscription: subscription.name.clone(), subscriber_commit: at, passed }
        };
        TracerToken {
            token: entry.token,
            publication: entry.publication.clone(),
            posted_at: entry.posted_at,
            publisher_commit: entry.publisher_commit,
            distributor_commit: entry.distributor_commit,
            subscriptions: positions.iter().map(arrival).collect(),
        }
    };
    Ok(Response::TracerHistory(tracers.into_iter().map(shown).collect()))
}
