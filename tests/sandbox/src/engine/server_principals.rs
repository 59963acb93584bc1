//! Logins and server roles: who may log in, and what the server knows of them.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/security/authentication-access/server-level-roles>.

use super::catalog::same_name;
use super::clock::now_datetime;
use super::logins::{self, Login, SA, SERVER_ROLES, SYSADMIN};
use super::server_state::Server;
use super::storage_error;
use crate::error::{SqlError, SqlResult};

/// The first `principal_id` of a login that was created.
const FIRST_LOGIN: i32 = 257;

impl Server {
    /// Checks a login and its password.
    pub fn authenticate(&self, name: &str, password: &str) -> SqlResult<Login> {
        let login = self.login_named(name).filter(|l| l.accepts(password)).ok_or_else(|| login_failed(name))?;
        if login.disabled {
            let text = format!("Login failed for user '{}'. Reason: The account is disabled.", login.name);
            return Err(SqlError::new(18470, text).severity(14));
        }
        Ok(login)
    }

    /// A login by name.
    pub fn login_named(&self, name: &str) -> Option<Login> {
        self.logins().into_iter().find(|l| same_name(&l.name, name))
    }

    /// Whether a login is a member of `sysadmin`.
    pub fn is_sysadmin(&self, login: &Login) -> bool {
        self.role_members_mut().contains(&(SYSADMIN, login.principal_id))
    }

    /// Whether a login is a member of a server role; `None` if there is no such role. Everybody is a member of `public`.
    pub fn is_server_role_member(&self, role: &str, login: &Login) -> Option<bool> {
        let (id, _) = SERVER_ROLES.iter().find(|(_, name)| same_name(name, role))?;
        Some(*id == SERVER_ROLES[0].0 || self.role_members_mut().contains(&(*id, login.principal_id)))
    }

    /// Server roles and their members.
    pub fn server_role_members(&self) -> Vec<(i32, i32)> {
        self.role_members_mut().clone()
    }

    /// `CREATE LOGIN`.
    pub fn create_login(
        &self,
        name: &str,
        password: &str,
        default_database: Option<&str>,
        sid: Option<Vec<u8>>,
    ) -> SqlResult<()> {
        let (master, mut logins) = self.logins_mut();
        let taken = SERVER_ROLES.iter().any(|(_, role)| same_name(role, name));
        if taken || logins.iter().any(|l| same_name(&l.name, name)) {
            return Err(SqlError::new(15025, format!("The server principal '{name}' already exists.")));
        }
        if let Some(sid) = &sid {
            if sid.len() != 16 {
                return Err(SqlError::new(15419, "Supplied parameter sid should be binary(16)."));
            }
            if logins.iter().any(|l| l.sid == *sid) {
                let text = "Supplied parameter sid is in use.";
                return Err(SqlError::new(15433, text));
            }
        }
        let id = logins.iter().map(|l| l.principal_id + 1).max().unwrap_or(FIRST_LOGIN).max(FIRST_LOGIN);
        let mut login = Login::new(id, name, password, now_datetime());
        if let Some(database) = default_database {
            login.default_database = database.to_owned();
        }
        if let Some(sid) = sid {
            login.sid = sid;
        }
        login.store(&master).map_err(storage_error)?;
        logins.push(login);
        self.logins_changed();
        Ok(())
    }

    /// `ALTER LOGIN`: stores a login that was changed.
    pub fn replace_login(&self, login: Login) -> SqlResult<()> {
        let (master, mut logins) = self.logins_mut();
        let clash = |l: &&Login| l.principal_id != login.principal_id && same_name(&l.name, &login.name);
        if logins.iter().find(clash).is_some() {
            return Err(SqlError::new(15025, format!("The server principal '{}' already exists.", login.name)));
        }
        login.store(&master).map_err(storage_error)?;
        if let Some(place) = logins.iter_mut().find(|l| l.principal_id == login.principal_id) {
            *place = login;
        }
        self.logins_changed();
        Ok(())
    }

    /// `DROP LOGIN`.
    pub fn drop_login(&self, name: &str) -> SqlResult<()> {
        let login = self.login_named(name).ok_or_else(|| {
            SqlError::new(
                15151,
                format!("Cannot drop the login '{name}', because it does not exist or you do not have permission."),
            )
        })?;
        if login.principal_id == SA {
            return Err(SqlError::new(15405, format!("Cannot use the special principal '{}'.", login.name)));
        }
        if self.sessions().iter().any(|s| s.login.principal_id == login.principal_id) {
            let text = format!("Could not drop login '{}' as the user is currently logged in.", login.name);
            return Err(SqlError::new(15434, text));
        }
        if self.databases().iter().any(|d| d.owner() == login.sid) {
            let text = format!(
                "Login '{}' owns one or more database(s). Change the owner of the database(s) before dropping the login.",
                login.name
            );
            return Err(SqlError::new(15174, text));
        }
        let (master, mut logins) = self.logins_mut();
        login.delete(&master).map_err(storage_error)?;
        logins.retain(|l| l.principal_id != login.principal_id);
        self.role_members_mut().retain(|(_, member)| *member != login.principal_id);
        self.logins_changed();
        Ok(())
    }

    /// `ALTER SERVER ROLE … ADD|DROP MEMBER`.
    pub fn change_server_role(&self, role: i32, member: i32, add: bool) -> SqlResult<()> {
        let (master, _logins) = self.logins_mut();
        logins::change_member(&master, role, member, add).map_err(storage_error)?;
        let mut members = self.role_members_mut();
        members.retain(|pair| *pair != (role, member));
        if add {
            members.push((role, member));
            members.sort_unstable();
        }
        drop(members);
        self.logins_changed();
        Ok(())
    }

    /// Gives a database to a login.
    pub fn store_owner(&self, database: &super::database::Database, sid: &[u8]) -> SqlResult<()> {
        self.master()
            .execute(
                r#"UPDATE db."$databases" SET owner = ?2 WHERE database_id = ?1"#,
                rusqlite::params![database.id, sid],
            )
            .map_err(storage_error)?;
        database.set_owner(sid);
        Ok(())
    }
}

/// Error 18456. The text names the login only, as SQL Server's does.
fn login_failed(name: &str) -> SqlError {
    SqlError::new(18456, format!("Login failed for user '{name}'.")).severity(14)
}
