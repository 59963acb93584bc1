//! The lock manager: who may read and write what, who waits for whom, and who has to give way.
//!
//! Locks are of tables, of names that applications choose (`sp_getapplock`), and of the single SQLite write transaction that a
//! database can have ([`Resource::Writer`]). SQL Server locks rows as well; a table in their place is coarser, never weaker.
//!
//! * A request names everything that a statement needs, and is granted as a whole or waits without having got any of it. So a
//!   statement that waits for a table does not keep the write transaction from others, nor the other way round.
//! * Who asks first is served first, except that nobody waits behind somebody who waits for them: the queue itself never
//!   makes a deadlock ([`State::is_free`](state::State::is_free)).
//! * A cycle of sessions that wait for what the others hold is found when its last wait begins. The victim is the one of the
//!   lowest `DEADLOCK_PRIORITY`, then the one that has changed least, then the one that closed the cycle.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide>,
//! <https://learn.microsoft.com/sql/relational-databases/sql-server-deadlocks-guide>.

mod mode;
mod state;

pub use mode::Mode;
pub use state::{Grant, Wait};

use super::database::lock;
use state::State;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a waiter looks whether its client gave up.
const POLL: Duration = Duration::from_millis(20);
/// `DEADLOCK_PRIORITY` of work that no session does: above all of theirs.
const BACKGROUND_PRIORITY: i32 = 11;

/// What is locked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Resource {
    /// The SQLite write transaction of a database, by `database_id`.
    Writer(i32),
    /// An object of a database, by their ids.
    Object(i32, i32),
    /// A name in a database, for a principal of it.
    Application(i32, Arc<str>),
}

impl Resource {
    /// The database it is in.
    pub fn database(&self) -> i32 {
        match self {
            Resource::Writer(database) | Resource::Object(database, _) | Resource::Application(database, _) => {
                *database
            }
        }
    }
}

/// How long a lock is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Span {
    /// Not at all: it must only be free at the moment that the request is granted.
    Moment,
    /// To the end of the statement.
    Statement,
    /// To the end of the transaction.
    Transaction,
    /// Until it is released or the session ends.
    Session,
}

/// A lock that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// Of what.
    pub resource: Resource,
    /// Mode.
    pub mode: Mode,
    /// How long.
    pub span: Span,
    /// Error 1222 rather than waiting for it.
    pub no_wait: bool,
}

impl Want {
    /// A lock that may be waited for.
    pub fn new(resource: Resource, mode: Mode, span: Span) -> Self {
        Self { resource, mode, span, no_wait: false }
    }
}

/// Who asks, and how.
#[derive(Debug, Clone, Copy)]
pub struct Asker {
    /// `@@SPID`; negative for work of the server's own.
    pub owner: i32,
    /// Longest wait; `None` is without end.
    pub timeout: Option<Duration>,
    /// `DEADLOCK_PRIORITY`.
    pub priority: i32,
    /// What rolling back would cost: the rows changed.
    pub cost: u64,
}

/// Why a lock was not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotGranted {
    /// The time given was over: error 1222.
    TimedOut,
    /// The client cancelled.
    Cancelled,
    /// Chosen as a deadlock's victim: error 1205.
    Deadlock,
}

/// See the module.
#[derive(Debug, Default)]
pub struct LockManager {
    state: Mutex<State>,
    changed: Condvar,
}

impl LockManager {
    /// Takes all of `wants`, or waits for them; `Ok(true)` after a wait.
    pub fn acquire(&self, asker: &Asker, wants: &[Want], cancelled: &dyn Fn() -> bool) -> Result<bool, NotGranted> {
        let mut state = lock(&self.state);
        if state.is_free(asker.owner, wants, None) {
            state.take(asker.owner, wants);
            return Ok(false);
        }
        if asker.timeout == Some(Duration::ZERO) || state.must_not_wait(asker.owner, wants) {
            return Err(NotGranted::TimedOut);
        }
        let deadline = asker.timeout.map(|timeout| Instant::now() + timeout);
        let ticket = state.wait(asker, wants);
        state.settle();
        state.break_deadlocks(asker.owner);
        self.changed.notify_all();
        loop {
            if let Some(outcome) = state.outcome(ticket) {
                return outcome.map(|()| true);
            }
            let now = Instant::now();
            let failure = if cancelled() {
                Some(NotGranted::Cancelled)
            } else if deadline.is_some_and(|deadline| now >= deadline) {
                Some(NotGranted::TimedOut)
            } else {
                None
            };
            if let Some(failure) = failure {
                state.give_up(ticket);
                state.settle();
                self.changed.notify_all();
                return Err(failure);
            }
            let pause = deadline.map_or(POLL, |deadline| (deadline - now).min(POLL));
            state = self.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether the locks could be had now.
    pub fn is_free(&self, owner: i32, wants: &[Want]) -> bool {
        lock(&self.state).is_free(owner, wants, None)
    }

    /// Gives back what an owner holds for these spans.
    pub fn release(&self, owner: i32, spans: &[Span]) {
        let mut state = lock(&self.state);
        if state.release(owner, |_, span| spans.contains(&span)) && state.anybody_waits() {
            state.settle();
            self.changed.notify_all();
        }
    }

    /// Gives back one lock of a resource, the last that was taken: false if the owner holds none for that span.
    pub fn release_one(&self, owner: i32, resource: &Resource, span: Span) -> bool {
        let mut state = lock(&self.state);
        if !state.release_one(owner, resource, span) {
            return false;
        }
        state.settle();
        self.changed.notify_all();
        true
    }

    /// Modes that an owner holds on a resource for a span.
    pub fn modes(&self, owner: i32, resource: &Resource, span: Span) -> Vec<Mode> {
        lock(&self.state).modes(owner, resource, span)
    }

    /// Every lock that is held.
    pub fn grants(&self) -> Vec<Grant> {
        lock(&self.state).grants()
    }

    /// Everybody who waits.
    pub fn waits(&self) -> Vec<Wait> {
        lock(&self.state).waits()
    }

    /// The write transaction of a database, for work of the server's own; `None` when it was given up.
    pub fn background_writer(self: &Arc<Self>, database: i32, cancelled: &dyn Fn() -> bool) -> Option<BackgroundLock> {
        static NEXT: AtomicI32 = AtomicI32::new(-1);
        let owner = NEXT.fetch_sub(1, Ordering::Relaxed);
        let asker = Asker { owner, timeout: None, priority: BACKGROUND_PRIORITY, cost: u64::MAX };
        let want = Want::new(Resource::Writer(database), Mode::Exclusive, Span::Transaction);
        self.acquire(&asker, &[want], cancelled).ok()?;
        Some(BackgroundLock { locks: Arc::clone(self), owner })
    }
}

/// Locks of work that no session does, until dropped.
#[derive(Debug)]
pub struct BackgroundLock {
    locks: Arc<LockManager>,
    owner: i32,
}

impl Drop for BackgroundLock {
    fn drop(&mut self) {
        self.locks.release(self.owner, &[Span::Transaction]);
    }
}

#[cfg(test)]
mod tests;
