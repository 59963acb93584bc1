//! `sp_getapplock`: named locks of an application, per database.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql>.

use super::database::lock;
use super::write_lock::NotGranted;
use std::collections::HashMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a waiter looks whether its client gave up.
const POLL: Duration = Duration::from_millis(20);

/// Lock modes. `Update` counts as exclusive against itself, the intent modes as their strong forms: coarser, never weaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Any number may share.
    Shared,
    /// One at a time beside `Shared`.
    Update,
    /// Alone.
    Exclusive,
}

/// Who holds a lock: a session or the transaction of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Until released or the session ends.
    Session,
    /// Until the transaction ends.
    Transaction,
}

#[derive(Debug)]
struct Holder {
    session: i32,
    owner: Owner,
    mode: Mode,
}

type Key = (i32, String);

/// See the module.
#[derive(Debug, Default)]
pub struct ApplicationLocks {
    held: Mutex<HashMap<Key, Vec<Holder>>>,
    changed: Condvar,
}

impl ApplicationLocks {
    /// Takes a lock: `Ok(true)` if it had to wait.
    pub fn acquire(
        &self,
        (database, resource): (i32, &str),
        (session, owner, mode): (i32, Owner, Mode),
        timeout: Option<Duration>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<bool, NotGranted> {
        let deadline = timeout.map(|t| Instant::now() + t);
        let key = (database, resource.to_owned());
        let mut held = lock(&self.held);
        let mut waited = false;
        loop {
            let holders = held.entry(key.clone()).or_default();
            if holders.iter().all(|h| h.session == session || compatible(h.mode, mode)) {
                holders.push(Holder { session, owner, mode });
                return Ok(waited);
            }
            waited = true;
            if cancelled() {
                return Err(NotGranted::Cancelled);
            }
            let now = Instant::now();
            if deadline.is_some_and(|d| now >= d) {
                return Err(NotGranted::TimedOut);
            }
            let wait = deadline.map_or(POLL, |d| (d - now).min(POLL));
            held = self.changed.wait_timeout(held, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Gives one back: false if the session does not hold it.
    pub fn release(&self, (database, resource): (i32, &str), session: i32, owner: Owner) -> bool {
        let mut held = lock(&self.held);
        let key = (database, resource.to_owned());
        let Some(holders) = held.get_mut(&key) else { return false };
        let Some(position) = holders.iter().rposition(|h| h.session == session && h.owner == owner) else {
            return false;
        };
        holders.remove(position);
        if holders.is_empty() {
            held.remove(&key);
        }
        self.changed.notify_all();
        true
    }

    /// Gives back everything a session holds, or only what its transaction does.
    pub fn release_all(&self, session: i32, owner: Option<Owner>) {
        let mut held = lock(&self.held);
        if held.is_empty() {
            return;
        }
        held.retain(|_, holders| {
            holders.retain(|h| h.session != session || owner.is_some_and(|o| o != h.owner));
            !holders.is_empty()
        });
        self.changed.notify_all();
    }

    /// The strongest mode a session holds on a resource.
    pub fn mode_of(&self, (database, resource): (i32, &str), session: i32, owner: Owner) -> Option<Mode> {
        let held = lock(&self.held);
        let holders = held.get(&(database, resource.to_owned()))?;
        let mine = holders.iter().filter(|h| h.session == session && h.owner == owner).map(|h| h.mode);
        mine.max_by_key(|m| match m {
            Mode::Shared => 0,
            Mode::Update => 1,
            Mode::Exclusive => 2,
        })
    }
}

fn compatible(a: Mode, b: Mode) -> bool {
    matches!((a, b), (Mode::Shared, Mode::Shared | Mode::Update) | (Mode::Update, Mode::Shared))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_exclusive_lock_keeps_others_out_until_released() {
        let locks = ApplicationLocks::default();
        let never = || false;
        let zero = Some(Duration::ZERO);
        locks.acquire((5, "a"), (51, Owner::Session, Mode::Exclusive), zero, &never).unwrap();
        let refused = locks.acquire((5, "a"), (52, Owner::Session, Mode::Shared), zero, &never);
        assert_eq!(refused.unwrap_err(), NotGranted::TimedOut);
        assert!(locks.acquire((6, "a"), (52, Owner::Session, Mode::Shared), zero, &never).is_ok());
        assert!(locks.release((5, "a"), 51, Owner::Session));
        assert!(!locks.release((5, "a"), 51, Owner::Session));
        assert!(locks.acquire((5, "a"), (52, Owner::Session, Mode::Shared), zero, &never).is_ok());
    }
}
