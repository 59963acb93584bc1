//! Who may be in a database: many, one session alone (`SINGLE_USER`), or nobody while it is restored.
//!
//! <https://learn.microsoft.com/sql/relational-databases/databases/set-a-database-to-single-user-mode>

use super::database::lock;
use crate::error::{SqlError, SqlResult};
use std::sync::Mutex;

/// See the module.
#[derive(Debug, Default)]
pub struct Access {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sessions: usize,
    single_user: bool,
    closed: bool,
}

impl Access {
    /// A session makes the database its current one. Error 924 when somebody is alone in it, 927 while it is restored.
    pub fn enter(&self, name: &str) -> SqlResult<()> {
        let mut state = lock(&self.state);
        if state.closed {
            let text = format!("Database '{name}' cannot be opened. It is in the middle of a restore.");
            return Err(SqlError::new(927, text).severity(14).with_state(2));
        }
        if state.single_user && state.sessions > 0 {
            let text = format!("Database '{name}' is already open and can only have one user at a time.");
            return Err(SqlError::new(924, text).severity(14));
        }
        state.sessions += 1;
        Ok(())
    }

    /// A session leaves it.
    pub fn leave(&self) {
        let mut state = lock(&self.state);
        state.sessions = state.sessions.saturating_sub(1);
    }

    /// Sessions whose current database it is.
    pub fn sessions(&self) -> usize {
        lock(&self.state).sessions
    }

    /// Lets only one session in, or many again. It drives nobody out.
    pub fn set_single_user(&self, single_user: bool) {
        lock(&self.state).single_user = single_user;
    }

    /// Lets only one session in if no more than `own` are; whether that is so.
    pub fn take_alone(&self, own: usize) -> bool {
        let mut state = lock(&self.state);
        let alone = state.sessions <= own;
        state.single_user |= alone;
        alone
    }

    /// Whether only one session may be in it.
    pub fn is_single_user(&self) -> bool {
        lock(&self.state).single_user
    }

    /// Lets nobody in from now on; false if somebody is.
    pub fn close(&self) -> bool {
        let mut state = lock(&self.state);
        state.closed |= state.sessions == 0;
        state.sessions == 0
    }

    /// Lets sessions in again.
    pub fn reopen(&self) {
        lock(&self.state).closed = false;
    }
}
