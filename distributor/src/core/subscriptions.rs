//! Who streams which subscription and how far each is.
//!
//! A subscription's position here is what its subscriber last said, for retention and display; the truth stands in the subscription
//! database. What it *needs* is kept in the queue: everything after its position or, before it has one, after the place at which
//! it was made or its snapshot was taken.

use super::retention::{Holder, Need};
use proto::catalog::SubscriptionState;
use proto::message::{Refusal, RefusalKind, Report};
use proto::snapshot::TableProgress;
use proto::{Article, ArticleId, Lsn};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Names a connection that streams, for as long as the process lives.
pub type StreamId = u64;

/// What is known of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// How it stands.
    pub state: SubscriptionState,
    /// Last position reported.
    pub position: Option<Lsn>,
    /// Everything after this is needed; once there is a position, they are the same.
    pub keep_after: Option<Lsn>,
    /// The snapshot that it was, or is being, initialised from.
    pub snapshot: Option<Uuid>,
    /// When it was reported, microseconds by the caller's clock.
    pub reported_at: Option<i64>,
    /// The connection that streams it.
    pub stream: Option<(StreamId, String)>,
    /// Transactions applied since that connection began.
    pub transactions: u64,
    /// Changes applied since that connection began.
    pub changes: u64,
    /// Last error.
    pub error: Option<String>,
    /// The tables that it loads.
    pub loading: Vec<TableProgress>,
}

impl Progress {
    /// Of a subscription that was just made, or as it was stored.
    pub fn new(state: SubscriptionState, position: Option<Lsn>, keep_after: Option<Lsn>) -> Self {
        Self {
            state,
            position,
            keep_after,
            snapshot: None,
            reported_at: None,
            stream: None,
            transactions: 0,
            changes: 0,
            error: None,
            loading: Vec::new(),
        }
    }
}

/// The subscriptions of one distributor. Names are compared without regard to case.
#[derive(Debug, Clone, Default)]
pub struct Subscriptions {
    all: BTreeMap<String, Progress>,
}

impl Subscriptions {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn add(&mut self, name: &str, progress: Progress) {
        self.all.insert(fold(name), progress);
    }

    /// Forgets one; the connection that streams it, if any, is to be ended.
    pub fn remove(&mut self, name: &str) -> Option<StreamId> {
        self.all.remove(&fold(name)).and_then(|progress| progress.stream).map(|(stream, _)| stream)
    }

    /// What is known of one.
    pub fn get(&self, name: &str) -> Option<&Progress> {
        self.all.get(&fold(name))
    }

    /// A connection wants to stream one from a position, which is before the last one reported where it goes back to what an article
    /// that it has loaded since is yet to get. `kept_after` is where the queue begins.
    ///
    /// Whether its articles are all of one position it says first of all in its stream. Until then it counts as synchronizing: it may have
    /// just loaded some, and the snapshot's scripts are yet to be run.
    pub fn subscribe(
        &mut self,
        name: &str,
        stream: StreamId,
        peer: &str,
        position: Lsn,
        kept_after: Option<Lsn>,
    ) -> Result<(), Refusal> {
        let progress = self.all.get_mut(&fold(name)).ok_or_else(|| unknown(name))?;
        if let Some((_, other)) = &progress.stream {
            let message = format!("subscription `{name}` is being streamed to {other} already; end that one first");
            return Err(Refusal::new(RefusalKind::Busy, message));
        }
        if kept_after > Some(position) {
            // A request that was long on its way says nothing about what it needs: of a subscriber that has come further since, or of
            // an earlier subscription of this name, where this one never had a position.
            if progress.position.is_some_and(|known| known <= position) {
                progress.state = SubscriptionState::Expired;
            }
            let refusal = expired(name, position, kept_after.unwrap_or_default());
            // It is shown all the same: the subscription database may have been taken back to an earlier time.
            progress.error = Some(refusal.message.clone());
            return Err(refusal);
        }
        progress.stream = Some((stream, peer.to_owned()));
        progress.position = Some(position);
        progress.keep_after = Some(position);
        progress.state = SubscriptionState::Synchronizing;
        progress.error = None;
        progress.transactions = 0;
        progress.changes = 0;
        Ok(())
    }

    /// A connection that streamed has ended.
    pub fn closed(&mut self, stream: StreamId) {
        for progress in self.all.values_mut() {
            progress.stream.take_if(|(id, _)| *id == stream);
        }
    }

    /// A subscriber reports, over the connection that streams or, while there is none, over another. `kept_after` is where the queue
    /// begins: what a subscription that starts over needs.
    pub fn report(
        &mut self,
        report: Report,
        stream: Option<StreamId>,
        kept_after: Option<Lsn>,
        now: i64,
    ) -> Result<(), Refusal> {
        let name = &report.subscription;
        let progress = self.all.get_mut(&fold(name)).ok_or_else(|| unknown(name))?;
        if progress.stream.as_ref().map(|(id, _)| *id) != stream {
            let message =
                format!("subscription `{name}` is reported on by the connection that streams it, not by this one");
            return Err(Refusal::new(RefusalKind::Busy, message));
        }
        let starts_over = matches!(report.state, SubscriptionState::Initializing | SubscriptionState::Uninitialized);
        if starts_over && progress.state == SubscriptionState::Expired {
            progress.keep_after = kept_after;
        }
        if !starts_over && report.position.is_some() {
            progress.keep_after = report.position;
        }
        // Only a new initialisation or a successful start of a stream ends this state.
        if progress.state != SubscriptionState::Expired || starts_over {
            progress.state = report.state;
        }
        progress.position = report.position;
        progress.snapshot = report.snapshot;
        progress.transactions = report.transactions;
        progress.changes = report.changes;
        progress.error = report.error;
        progress.loading = report.loading;
        progress.reported_at = Some(now);
        Ok(())
    }

    /// Retention went past what a subscription needs; the connection that streams it, if any, is to be ended.
    pub fn expire(&mut self, name: &str) -> Option<StreamId> {
        let progress = self.all.get_mut(&fold(name))?;
        progress.state = SubscriptionState::Expired;
        progress.stream.take().map(|(stream, _)| stream)
    }

    /// What one needs of the queue; an expired one needs nothing.
    pub fn need(&self, name: &str) -> Option<Need> {
        let progress = self.get(name)?;
        (progress.state != SubscriptionState::Expired)
            .then(|| Need { holder: Holder::Subscription(name.to_owned()), after: progress.keep_after })
    }
}

/// How names are compared.
pub fn fold(name: &str) -> String {
    name.to_lowercase()
}

fn unknown(name: &str) -> Refusal {
    let message = format!("there is no subscription `{name}`; `subscriber subscription add` makes one");
    Refusal::new(RefusalKind::NotFound, message)
}

/// The refusal of a position that the queue no longer has.
pub fn expired(name: &str, position: Lsn, kept_after: Lsn) -> Refusal {
    let message = format!(
        "subscription `{name}` is at {position}, but the queue begins after {kept_after}: what comes between is gone. Initialise it \
         again: drop and add the subscription, with a new snapshot"
    );
    Refusal::new(RefusalKind::Expired, message)
}

/// Whether a definition had taken the place of one that a subscription has before its position, and it does not have this one: then nothing
/// of what follows would be for it.
///
/// It may be loaded from a snapshot that was ahead of the log reader, which found out later that the table had been changed before that.
pub fn overtakes(definition: &Article, has: impl Fn(ArticleId) -> bool, position: Lsn) -> bool {
    let passed = definition.since.is_some_and(|since| since <= position);
    passed && definition.supersedes.is_some_and(&has) && !has(definition.id)
}

/// The refusal that follows from it.
pub fn overtaken(name: &str, definition: &Article, position: Lsn) -> Refusal {
    let message = format!(
        "subscription `{name}` is at {position} and has {} as it was defined before {}: the snapshot that it was loaded from was taken \
         before the log reader had come to that change of the table. Make a new snapshot, then drop and add the subscription",
        definition.source,
        definition.since.unwrap_or_default()
    );
    Refusal::new(RefusalKind::Expired, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const A: Lsn = Lsn::new(1, 0, 0);
    const B: Lsn = Lsn::new(2, 0, 0);

    fn one() -> Subscriptions {
        let mut subscriptions = Subscriptions::new();
        subscriptions.add("Sales", Progress::new(SubscriptionState::Uninitialized, None, Some(A)));
        subscriptions
    }

    fn report(state: SubscriptionState, position: Option<Lsn>) -> Report {
        Report {
            subscription: "sales".to_owned(),
            state,
            position,
            snapshot: None,
            transactions: 1,
            changes: 2,
            error: None,
            loading: vec![],
            tracers: vec![],
            sent_at: 0,
        }
    }

    #[test]
    fn a_second_stream_of_a_subscription_is_refused_until_the_first_has_ended() {
        let mut subscriptions = one();
        subscriptions.subscribe("SALES", 1, "first", A, None).unwrap();
        let refusal = subscriptions.subscribe("sales", 2, "second", A, None).unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::Busy);
        assert!(refusal.message.contains("first"));
        subscriptions.closed(1);
        subscriptions.subscribe("sales", 2, "second", A, None).unwrap();
    }

    #[test]
    fn a_request_from_before_what_was_reported_is_refused_and_expires_nothing() {
        let mut subscriptions = one();
        subscriptions.subscribe("sales", 1, "peer", B, Some(A)).unwrap();
        subscriptions.closed(1);
        // From a connection that was given up long ago; the queue has gone on meanwhile.
        let refusal = subscriptions.subscribe("sales", 2, "peer", A, Some(B)).unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::Expired);
        assert_eq!(subscriptions.need("sales").unwrap().after, Some(B));
        assert_eq!(subscriptions.get("sales").unwrap().error, Some(refusal.message));
        subscriptions.subscribe("sales", 3, "peer", B, Some(B)).unwrap();
        assert_eq!(subscriptions.get("sales").unwrap().error, None);
    }

    #[test]
    fn a_position_before_the_queues_start_is_expired_and_shown_as_such() {
        let mut subscriptions = one();
        let refused = |subscriptions: &mut Subscriptions| {
            let refusal = subscriptions.subscribe("sales", 1, "peer", A, Some(B)).unwrap_err();
            assert_eq!(refusal.kind, RefusalKind::Expired);
            subscriptions.get("sales").unwrap().state
        };
        // It has no position yet: that is an earlier subscription of its name, and it needs what it needs.
        assert_eq!(refused(&mut subscriptions), SubscriptionState::Uninitialized);
        assert_eq!(subscriptions.need("sales").unwrap().after, Some(A));
        subscriptions.report(report(SubscriptionState::Active, Some(A)), None, None, 4).unwrap();
        assert_eq!(refused(&mut subscriptions), SubscriptionState::Expired);
        assert_eq!(subscriptions.need("sales"), None);
        // Initialising it again makes it need the queue again.
        subscriptions.report(report(SubscriptionState::Initializing, None), None, Some(B), 5).unwrap();
        assert_eq!(subscriptions.need("sales").unwrap().after, Some(B));
    }

    #[test]
    fn what_a_new_subscription_needs_is_kept_until_it_has_a_position() {
        let mut subscriptions = one();
        subscriptions.report(report(SubscriptionState::Initializing, None), None, None, 5).unwrap();
        assert_eq!(subscriptions.need("sales").unwrap().after, Some(A));
        subscriptions.subscribe("sales", 1, "peer", B, Some(A)).unwrap();
        assert_eq!(subscriptions.need("sales").unwrap().after, Some(B));
    }

    #[test]
    fn a_stream_that_begins_counts_as_synchronizing_until_it_says_more() {
        use SubscriptionState::{Active, Expired, Failed, Initializing, Synchronizing, Uninitialized};
        for (stream, state) in (1..).zip([Uninitialized, Initializing, Synchronizing, Active, Expired, Failed]) {
            let mut subscriptions = Subscriptions::new();
            subscriptions.add("sales", Progress::new(state, Some(B), Some(B)));
            // Also from an active one: it may have loaded an article since.
            subscriptions.subscribe("sales", stream, "peer", A, None).unwrap();
            assert_eq!(subscriptions.get("sales").unwrap().state, Synchronizing, "{state:?}");
            subscriptions.report(report(Active, Some(A)), Some(stream), None, 5).unwrap();
            assert_eq!(subscriptions.get("sales").unwrap().state, Active);
        }
    }

    #[test]
    fn only_the_streaming_connection_reports() {
        let mut subscriptions = one();
        subscriptions.subscribe("sales", 7, "peer", A, None).unwrap();
        let stranger = report(SubscriptionState::Active, Some(Lsn::MAX));
        assert_eq!(subscriptions.report(stranger.clone(), None, None, 5).unwrap_err().kind, RefusalKind::Busy);
        subscriptions.report(report(SubscriptionState::Active, Some(B)), Some(7), None, 6).unwrap();
        assert_eq!(subscriptions.get("sales").unwrap().position, Some(B));
    }
}
