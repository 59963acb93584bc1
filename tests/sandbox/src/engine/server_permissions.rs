//! Permissions of the server: who may see its state. They are granted to logins, in `master`.
//!
//! Of those that a real server has, these act here: what the views over sessions, locks and services ask for. The others can be asked
//! for by `HAS_PERMS_BY_NAME`, and belong to `sysadmin`.
//!
//! Source: <https://learn.microsoft.com/sql/t-sql/statements/grant-server-permissions-transact-sql>,
//! <https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/system-dynamic-management-views#permissions>.

use super::catalog::same_name;
use super::logins::{self, Login};
use super::principal_statements::cannot;
use super::server_state::Server;
use super::session::SqlSession;
use super::session_state::SessionShared;
use super::stop::Exec;
use super::storage_error;
use crate::error::{SqlError, SqlResult};
use crate::tsql::security::{PermissionStatement, PermissionVerb};

/// What most views over the server's state ask for since SQL Server 2022.
pub const VIEW_PERFORMANCE: &str = "VIEW SERVER PERFORMANCE STATE";
/// What those over its services ask for.
const VIEW_SECURITY: &str = "VIEW SERVER SECURITY STATE";
/// Implies both.
const VIEW_STATE: &str = "VIEW SERVER STATE";

/// Views over the server that show nothing without a permission; `dm_exec_sessions` and `dm_exec_requests` show one's own.
const GUARDED: &[(&str, &str)] = &[
    ("dm_exec_connections", VIEW_SECURITY),
    ("dm_server_services", VIEW_SECURITY),
    ("dm_tran_session_transactions", VIEW_PERFORMANCE),
    ("dm_tran_active_transactions", VIEW_PERFORMANCE),
    ("dm_tran_locks", VIEW_PERFORMANCE),
    ("dm_os_waiting_tasks", VIEW_PERFORMANCE),
];

/// Those that can be granted here.
fn grantable(name: &str) -> Option<&'static str> {
    [VIEW_STATE, VIEW_PERFORMANCE, VIEW_SECURITY].into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

impl Server {
    /// Grantee, name and state (`G` or `D`) of each.
    pub fn server_permissions(&self) -> Vec<(i32, String, String)> {
        logins::permissions(&self.master()).unwrap_or_default()
    }

    /// Whether a login has a permission: a DENY outweighs a GRANT, of the permission or of what implies it.
    fn grants(&self, login: &Login, permission: &str) -> bool {
        let implies = |held: &str| held.eq_ignore_ascii_case(permission) || held == VIEW_STATE;
        let held: Vec<_> = self
            .server_permissions()
            .into_iter()
            .filter(|(grantee, name, _)| *grantee == login.principal_id && implies(name))
            .collect();
        !held.is_empty() && held.iter().all(|(_, _, state)| state == "G")
    }
}

impl SessionShared {
    /// Whether the session acts for a login that has a permission on the server.
    pub fn has_server_permission(&self, permission: &str) -> bool {
        self.token().sysadmin
            || (self.acts_for_login()
                && grantable(permission).is_some()
                && self.acting_login().is_some_and(|login| self.server.grants(&login, permission)))
    }
}

impl SqlSession {
    /// Error 300 for a view over the server that the session may not read.
    pub(super) fn require_server_view(&self, name: &str) -> SqlResult<()> {
        let needed = GUARDED.iter().find(|(view, _)| same_name(view, name));
        match needed {
            Some((_, permission)) if !self.shared.has_server_permission(permission) => {
                let text = format!("{permission} permission was denied on object 'server', database 'master'.");
                Err(SqlError::new(300, text).severity(14))
            }
            _ => Ok(()),
        }
    }

    /// `GRANT`, `DENY` and `REVOKE` of permissions of the server: errors 4621, 15151, 15247.
    pub(super) fn change_server_permissions(&self, statement: &PermissionStatement) -> Exec<()> {
        let mut names = Vec::new();
        for name in &statement.permissions {
            let known = grantable(name).filter(|_| statement.securable.is_none() && !statement.grant_option);
            names.push(known.ok_or_else(|| SqlError::unsupported(format!("the permission {name} in this place")))?);
        }
        if self.database().id != 1 {
            let text = "Permissions at the server scope can only be granted when the current database is master";
            return Err(SqlError::new(4621, text).into());
        }
        if !self.is_sysadmin() {
            return Err(SqlError::new(4613, "Grantor does not have GRANT permission.").into());
        }
        for principal in &statement.principals {
            let login = self.server().login_named(principal).ok_or_else(|| cannot("find", "login", principal))?;
            let state = match statement.verb {
                PermissionVerb::Grant => Some("G"),
                PermissionVerb::Deny => Some("D"),
                PermissionVerb::Revoke => None,
            };
            for name in &names {
                logins::change_permission(&self.server().master(), login.principal_id, name, state)
                    .map_err(storage_error)?;
            }
        }
        Ok(())
    }
}
