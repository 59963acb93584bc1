//! The database options that turn row versions on, and KILL: what waits for other sessions or ends them.
//!
//! Source: <https://learn.microsoft.com/sql/t-sql/statements/alter-database-transact-sql-set-options>,
//! <https://learn.microsoft.com/sql/t-sql/language-elements/kill-transact-sql>.

use super::database::Database;
use super::session::SqlSession;
use super::stop::{Exec, Stop};
use crate::error::SqlError;
use crate::faults::procedures::break_connections;
use crate::tsql::ast::OtherUsers;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// `snapshot_isolation_state` while the transactions that are open are waited for.
pub(super) const IN_TRANSITION_TO_ON: i32 = 2;
/// How often a condition that only other sessions can bring about is looked at.
const POLL: Duration = Duration::from_millis(10);

impl Database {
    /// `snapshot_isolation_state` of `sys.databases`: 0 off, 1 on, 2 and 3 on the way to on and off.
    pub(super) fn snapshot_state(&self) -> i32 {
        match (self.allow_snapshot.load(Ordering::Acquire), self.snapshot_changes.load(Ordering::Acquire)) {
            (false, false) => 0,
            (true, false) => 1,
            (false, true) => IN_TRANSITION_TO_ON,
            (true, true) => 3,
        }
    }
}

impl SqlSession {
    /// `ALLOW_SNAPSHOT_ISOLATION`: waits until the transactions that are open in the database are over.
    pub(super) fn allow_snapshot(&self, database: &Arc<Database>, on: bool) -> Exec<()> {
        if database.allow_snapshot.load(Ordering::Acquire) == on {
            return Ok(());
        }
        let open = || -> Vec<u64> {
            let sessions = self.server().sessions();
            let transaction = |s: &Arc<super::session_state::SessionShared>| {
                let state = s.state();
                (state.database.id == database.id && state.tran_count > 0).then_some(state.transaction_id)
            };
            sessions.iter().filter_map(transaction).collect()
        };
        database.snapshot_changes.store(true, Ordering::Release);
        let earlier = open();
        let waited = self.wait_until(&|| {
            let now = open();
            !earlier.iter().any(|transaction| now.contains(transaction))
        });
        if waited.is_ok() {
            database.allow_snapshot.store(on, Ordering::Release);
        }
        database.snapshot_changes.store(false, Ordering::Release);
        waited
    }

    /// `READ_COMMITTED_SNAPSHOT`: needs to be alone in the database.
    pub(super) fn set_row_versions(&self, database: &Arc<Database>, on: bool, others: OtherUsers) -> Exec<()> {
        if database.read_committed_snapshot.load(Ordering::Acquire) == on {
            return Ok(());
        }
        let own = usize::from(self.database().id == database.id);
        let alone = || database.access.sessions() <= own;
        if others == OtherUsers::End {
            break_connections(self, &|other| other.state().database.id == database.id)?;
        }
        self.wait_until_alone(database, others, &alone)?;
        database.read_committed_snapshot.store(on, Ordering::Release);
        Ok(())
    }

    /// Waits until a session is `alone` in a database: without an end, or with `NO_WAIT` not at all, which is error 5070.
    pub(super) fn wait_until_alone(
        &self,
        database: &Database,
        others: OtherUsers,
        alone: &dyn Fn() -> bool,
    ) -> Exec<()> {
        if others == OtherUsers::Fail {
            if alone() {
                return Ok(());
            }
            let text = format!(
                "Database state cannot be changed while other users are using the database '{}'",
                database.name
            );
            return Err(SqlError::new(5070, text).with_state(2).into());
        }
        self.wait_until(alone)
    }

    /// `KILL`: ends another session; its transaction is rolled back.
    pub(super) fn kill(&self, id: i64) -> Exec<()> {
        if !self.is_sysadmin() {
            return Err(SqlError::new(6102, "User does not have permission to use the KILL statement.")
                .severity(14)
                .into());
        }
        if self.shared.state().tran_count > 0 {
            return Err(SqlError::new(6115, "KILL command cannot be used inside user transactions.").into());
        }
        if !(1..=i64::from(i16::MAX)).contains(&id) {
            return Err(SqlError::new(6101, format!("Session ID {id} is not valid.")).into());
        }
        if id == i64::from(self.shared.id) {
            return Err(SqlError::new(6104, "Cannot use KILL to kill your own process.").into());
        }
        let sessions = self.server().sessions();
        let Some(session) = sessions.iter().find(|session| i64::from(session.id) == id) else {
            return Err(SqlError::new(6106, format!("Process ID {id} is not an active process ID.")).into());
        };
        session.line.cut();
        Ok(())
    }

    /// Waits until something holds, or the client cancels.
    fn wait_until(&self, holds: &dyn Fn() -> bool) -> Exec<()> {
        while !holds() {
            if self.is_cancelled() {
                return Err(Stop::Cancelled);
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}
