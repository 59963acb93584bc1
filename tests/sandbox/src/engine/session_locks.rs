//! What locks a session takes for its statements.

use super::locks::{Asker, NotGranted, Want};
use super::session::SqlSession;
use super::stop::{Exec, Stop};
use crate::error::SqlError;
use crate::session::Sink;
use std::time::Duration;

impl SqlSession {
    /// How the session asks for locks now.
    pub(super) fn asker(&self) -> Asker {
        let (timeout, priority) = {
            let options = &self.shared.state().options;
            (u64::try_from(options.lock_timeout).ok().map(Duration::from_millis), options.deadlock_priority)
        };
        let changes = self.connection.total_changes();
        let cost = self.transaction.as_ref().map_or(0, |t| changes.saturating_sub(t.changes_before));
        Asker { owner: self.shared.id, timeout, priority, cost }
    }

    /// Takes locks, or waits for them; true after a wait.
    pub(super) fn lock(&self, wants: &[Want], sink: &dyn Sink) -> Exec<bool> {
        let cancelled = || sink.is_cancelled();
        self.server().locks.acquire(&self.asker(), wants, &cancelled).map_err(|failure| match failure {
            NotGranted::Cancelled => Stop::Cancelled,
            NotGranted::TimedOut => lock_timeout().into(),
            NotGranted::Deadlock => {
                let text = format!(
                    "Transaction (Process ID {}) was deadlocked on lock resources with another process and has been chosen as the \
                     deadlock victim. Rerun the transaction.",
                    self.shared.id
                );
                SqlError::new(1205, text).severity(13).with_state(51).into()
            }
        })
    }
}

/// Error 1222.
pub(super) fn lock_timeout() -> SqlError {
    SqlError::new(1222, "Lock request time out period exceeded.").with_state(51)
}
