//! The write lock of a database: one T-SQL transaction writes at a time, in the order they asked.
//!
//! SQL Server locks rows; one lock per database is coarser, never weaker. SQLite has a single writer anyway, but its own
//! busy handler is neither fair nor can it tell a lock timeout (error 1222) from a cancelled request.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often a waiter looks whether its client gave up.
const POLL: Duration = Duration::from_millis(20);

/// A fair (first come, first served) mutual exclusion.
#[derive(Debug, Default)]
pub struct WriteLock {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    held: bool,
    next_ticket: u64,
    waiting: VecDeque<u64>,
}

/// Why a lock was not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotGranted {
    /// The time given was over: error 1222.
    TimedOut,
    /// The client cancelled.
    Cancelled,
}

/// Holds the lock until dropped.
#[derive(Debug)]
pub struct WriteGuard {
    lock: Arc<WriteLock>,
}

impl WriteLock {
    /// Waits for the lock, at most `timeout` (`None`: without end), until `cancelled` says true.
    pub fn acquire(
        self: &Arc<Self>,
        timeout: Option<Duration>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<WriteGuard, NotGranted> {
        let deadline = timeout.map(|t| Instant::now() + t);
        let mut state = self.lock_state();
        if !state.held && state.waiting.is_empty() {
            state.held = true;
            return Ok(WriteGuard { lock: Arc::clone(self) });
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waiting.push_back(ticket);
        loop {
            if !state.held && state.waiting.front() == Some(&ticket) {
                state.waiting.pop_front();
                state.held = true;
                return Ok(WriteGuard { lock: Arc::clone(self) });
            }
            let now = Instant::now();
            let failure = if cancelled() {
                Some(NotGranted::Cancelled)
            } else if deadline.is_some_and(|d| now >= d) {
                Some(NotGranted::TimedOut)
            } else {
                None
            };
            if let Some(failure) = failure {
                state.waiting.retain(|&t| t != ticket);
                self.changed.notify_all();
                return Err(failure);
            }
            let wait = deadline.map_or(POLL, |d| (d - now).min(POLL));
            state = self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for WriteGuard {
    fn drop(&mut self) {
        self.lock.lock_state().held = false;
        self.lock.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_waiter_gets_the_lock_when_the_holder_lets_go() {
        let lock = Arc::new(WriteLock::default());
        let held = lock.acquire(None, &|| false).unwrap();
        let other = Arc::clone(&lock);
        let waiter = std::thread::spawn(move || other.acquire(Some(Duration::from_secs(10)), &|| false).is_ok());
        drop(held);
        assert!(waiter.join().unwrap());
    }

    #[test]
    fn waiting_ends_at_the_timeout_and_on_cancellation() {
        let lock = Arc::new(WriteLock::default());
        let _held = lock.acquire(None, &|| false).unwrap();
        assert_eq!(lock.acquire(Some(Duration::ZERO), &|| false).unwrap_err(), NotGranted::TimedOut);
        assert_eq!(lock.acquire(None, &|| true).unwrap_err(), NotGranted::Cancelled);
    }
}
