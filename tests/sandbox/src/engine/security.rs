//! Who a session acts as: its login, the user it is in the current database, the roles of that user.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/security/authentication-access/principals-database-engine>,
//! <https://learn.microsoft.com/sql/t-sql/statements/execute-as-transact-sql>.

use super::catalog::Catalog;
use super::logins::Login;
use super::principals::{DB_OWNER, DBO, GUEST};
use super::session::SqlSession;
use super::session_state::{SessionShared, State};
use super::stop::Exec;
use crate::error::SqlError;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Databases up to this id are the system's; everybody may enter them.
pub const LAST_SYSTEM_DATABASE: i32 = 4;

/// A context that `EXECUTE AS` entered.
#[derive(Debug, Clone)]
pub struct Impersonation {
    /// The login; a user without login has none.
    pub login: Option<Login>,
    /// The user, when it was a user that was named.
    pub user: Option<i32>,
    /// Database it was entered in.
    pub database: i32,
}

/// What a session may be asked about its security context; see [`SessionShared::token`].
#[derive(Debug, Clone)]
pub struct Token {
    /// Acts for a member of `sysadmin`.
    pub sysadmin: bool,
    /// The user in the current database.
    pub user: i32,
    /// The user, its roles and `public`.
    pub principals: BTreeSet<i32>,
}

impl Token {
    /// May do everything in the database: `dbo`, or a member of `db_owner`.
    pub fn owns_database(&self) -> bool {
        self.sysadmin || self.user == DBO || self.principals.contains(&DB_OWNER)
    }
}

/// A token with what it was made from.
#[derive(Debug, Clone)]
pub struct KnownToken {
    catalog: u64,
    logins: u64,
    token: Arc<Token>,
}

impl SessionShared {
    /// The login that the session acts for; none for a user without login.
    pub fn acting_login(&self) -> Option<Login> {
        match self.state().impersonations.last() {
            Some(impersonation) => impersonation.login.clone(),
            None => Some(self.login.clone()),
        }
    }

    /// Whether it acts for a whole login, not for a user of one database.
    pub fn acts_for_login(&self) -> bool {
        self.state().impersonations.last().is_none_or(|impersonation| impersonation.user.is_none())
    }

    /// The session's security context in the current database.
    pub fn token(&self) -> Arc<Token> {
        let logins = self.server.logins_version();
        let mut state = self.state();
        if let Some(known) = &state.token
            && known.catalog == state.catalog.version
            && known.logins == logins
        {
            return Arc::clone(&known.token);
        }
        let token = Arc::new(self.make_token(&state));
        state.token = Some(KnownToken { catalog: state.catalog.version, logins, token: Arc::clone(&token) });
        token
    }

    fn make_token(&self, state: &State) -> Token {
        let principals = &state.catalog.principals;
        let login = match state.impersonations.last() {
            Some(Impersonation { user: Some(user), database, .. }) => {
                let user = if *database == state.database.id { *user } else { GUEST };
                return Token { sysadmin: false, user, principals: principals.closure(user) };
            }
            Some(impersonation) => impersonation.login.as_ref(),
            None => Some(&self.login),
        };
        let sysadmin = login.is_some_and(|l| self.server.is_sysadmin(l));
        let system = state.database.id <= LAST_SYSTEM_DATABASE;
        let user = login.and_then(|login| principals.user_of(login, sysadmin, system)).unwrap_or(GUEST);
        Token { sysadmin, user, principals: principals.closure(user) }
    }

    /// Whether the session's user is a member of a role of the current database, directly or through another role. `dbo` is a
    /// member of `db_owner` only.
    pub fn is_member(&self, role: &str) -> bool {
        let token = self.token();
        let state = self.state();
        state.catalog.principals.find(role).is_some_and(|p| p.role && token.principals.contains(&p.principal_id))
    }

    /// Whether the session may do everything in the current database: a sysadmin, `dbo`, or a member of `db_owner`.
    pub fn is_db_owner(&self) -> bool {
        self.token().owns_database()
    }

    /// Whether the session acts for a member of `sysadmin`.
    pub fn is_sysadmin(&self) -> bool {
        self.token().sysadmin
    }

    /// Whether a login may enter a database whose catalog this is.
    pub fn may_enter(&self, catalog: &Catalog, database: i32) -> bool {
        let system = database <= LAST_SYSTEM_DATABASE;
        // A user of one database is nobody in the others.
        let Some(login) = self.acting_login().filter(|_| self.acts_for_login()) else { return system };
        catalog.principals.user_of(&login, self.server.is_sysadmin(&login), system).is_some()
    }
}

impl SqlSession {
    /// See [`SessionShared::is_member`].
    pub fn is_member(&self, role: &str) -> bool {
        self.shared.is_member(role)
    }

    /// See [`SessionShared::is_db_owner`].
    pub fn is_db_owner(&self) -> bool {
        self.shared.is_db_owner()
    }

    /// See [`SessionShared::is_sysadmin`].
    pub fn is_sysadmin(&self) -> bool {
        self.shared.is_sysadmin()
    }

    /// `EXECUTE AS LOGIN|USER`. A context that a procedure or an inner batch enters ends with it.
    pub(super) fn execute_as(&mut self, login: bool, name: &str) -> Exec<()> {
        let class = if login { "server" } else { "database" };
        let denied = || {
            let number = if login { 15406 } else { 15517 };
            let text = format!(
                "Cannot execute as the {class} principal because the principal \"{name}\" does not exist, this type of principal cannot \
                 be impersonated, or you do not have permission."
            );
            SqlError::new(number, text)
        };
        self.refresh_catalog()?;
        let database = self.database().id;
        let impersonation = if login {
            let found = self.server().login_named(name).filter(|l| !l.disabled).ok_or_else(denied)?;
            let own = self.shared.acting_login().is_some_and(|l| l.principal_id == found.principal_id);
            if !(own || self.is_sysadmin()) {
                return Err(denied().into());
            }
            Impersonation { login: Some(found), user: None, database }
        } else {
            let catalog = self.catalog();
            let user = catalog.principals.find(name).filter(|p| !p.role && !matches!(p.principal_id, 3 | 4));
            let user = user.ok_or_else(denied)?;
            if !(self.is_db_owner() || self.shared.token().user == user.principal_id) {
                return Err(denied().into());
            }
            let login = self.server().logins().into_iter().find(|l| Some(&l.sid) == user.sid.as_ref());
            Impersonation { login, user: Some(user.principal_id), database }
        };
        let mut state = self.shared.state();
        state.impersonations.push(impersonation);
        state.token = None;
        Ok(())
    }

    /// `REVERT`: back to the context before the last `EXECUTE AS` of this batch or procedure; nothing without one.
    pub(super) fn revert(&mut self) -> Exec<()> {
        let mut state = self.shared.state();
        if state.impersonations.len() <= self.impersonation_floor {
            return Ok(());
        }
        let here = state.database.id;
        if state.impersonations.last().is_some_and(|i| i.database != here) {
            let text = "The current security context cannot be reverted. Please switch to the original database where 'Execute As' \
                        was called and try it again.";
            return Err(SqlError::new(15199, text).into());
        }
        state.impersonations.pop();
        state.token = None;
        Ok(())
    }

    /// Enters a batch or procedure that has its own `EXECUTE AS` contexts; what [`leave_contexts`](Self::leave_contexts) wants.
    pub(super) fn enter_contexts(&mut self) -> usize {
        std::mem::replace(&mut self.impersonation_floor, self.shared.state().impersonations.len())
    }

    /// Leaves it: the contexts it entered end.
    pub(super) fn leave_contexts(&mut self, outer_floor: usize) {
        let mut state = self.shared.state();
        if state.impersonations.len() > self.impersonation_floor {
            state.impersonations.truncate(self.impersonation_floor);
            state.token = None;
        }
        drop(state);
        self.impersonation_floor = outer_floor;
    }
}
