//! Server logins. Passwords are kept as salted SHA-512, as SQL Server keeps them.

use super::quoting::quote;
use rusqlite::{Connection, params};
use sha2::{Digest, Sha512};

/// A SQL login.
#[derive(Clone)]
pub struct Login {
    /// `principal_id`.
    pub principal_id: i32,
    /// Name.
    pub name: String,
    /// Security identifier.
    pub sid: Vec<u8>,
    /// Salt of the hash.
    salt: Vec<u8>,
    /// Hash of salt and password.
    hash: Vec<u8>,
    /// When it was made, as `datetime`.
    pub create_date: i64,
    /// `is_disabled`.
    pub disabled: bool,
    /// `default_database_name`.
    pub default_database: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("principal_id", &self.principal_id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Login {
    /// A login with a new salt.
    pub fn new(principal_id: i32, name: &str, password: &str, create_date: i64) -> Self {
        let salt = uuid::Uuid::new_v4().as_bytes().to_vec();
        let sid = if principal_id == 1 { vec![1] } else { uuid::Uuid::new_v4().as_bytes().to_vec() };
        Self {
            principal_id,
            name: name.to_owned(),
            sid,
            hash: digest(&salt, password),
            salt,
            create_date,
            disabled: false,
            default_database: "master".to_owned(),
        }
    }

    /// Gives it another password.
    pub fn set_password(&mut self, password: &str) {
        self.salt = uuid::Uuid::new_v4().as_bytes().to_vec();
        self.hash = digest(&self.salt, password);
    }

    /// Whether the password is the login's.
    pub fn accepts(&self, password: &str) -> bool {
        let given = digest(&self.salt, password);
        given.iter().zip(&self.hash).fold(given.len() ^ self.hash.len(), |d, (a, b)| d | usize::from(a ^ b)) == 0
    }

    /// Stores it in `master`, attached as `db`.
    pub fn store(&self, master: &Connection) -> rusqlite::Result<()> {
        master.execute(
            &format!("INSERT OR REPLACE INTO db.{} VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", quote(TABLE)),
            params![
                self.principal_id,
                self.name,
                self.sid,
                self.salt,
                self.hash,
                self.create_date,
                self.disabled,
                self.default_database
            ],
        )?;
        Ok(())
    }

    /// Removes it from `master`, attached as `db`.
    pub fn delete(&self, master: &Connection) -> rusqlite::Result<()> {
        master.execute(&format!("DELETE FROM db.{} WHERE principal_id = ?1", quote(TABLE)), [self.principal_id])?;
        master.execute(&format!("DELETE FROM db.{} WHERE member_id = ?1", quote(MEMBERS)), [self.principal_id])?;
        make_permissions(master)?;
        master.execute(&format!("DELETE FROM db.{} WHERE grantee = ?1", quote(PERMISSIONS)), [self.principal_id])?;
        Ok(())
    }
}

const TABLE: &str = "$logins";
const MEMBERS: &str = "$server_role_members";
/// Table of the permissions of the server.
const PERMISSIONS: &str = "$server_permissions";

/// The fixed server roles with their ids.
pub const SERVER_ROLES: &[(i32, &str)] = &[
    (2, "public"),
    (3, "sysadmin"),
    (4, "securityadmin"),
    (5, "serveradmin"),
    (6, "setupadmin"),
    (7, "processadmin"),
    (8, "diskadmin"),
    (9, "dbcreator"),
    (10, "bulkadmin"),
];
/// `principal_id` of the role `sysadmin`.
pub const SYSADMIN: i32 = 3;
/// `principal_id` of `sa`.
pub const SA: i32 = 1;

/// Reads who is a member of which server role; makes their table if it is not there.
pub fn load_members(master: &Connection) -> rusqlite::Result<Vec<(i32, i32)>> {
    master.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS db.{0}(role_id INT NOT NULL, member_id INT NOT NULL, PRIMARY KEY(role_id, member_id)) WITHOUT ROWID;
         INSERT OR IGNORE INTO db.{0} VALUES ({SYSADMIN}, {SA})",
        quote(MEMBERS)
    ))?;
    let mut statement =
        master.prepare(&format!("SELECT role_id, member_id FROM db.{} ORDER BY 1, 2", quote(MEMBERS)))?;
    let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?;
    rows.collect()
}

/// Permissions of the server: grantee, name, `G` or `D`. Makes their table if it is not there.
pub fn permissions(master: &Connection) -> rusqlite::Result<Vec<(i32, String, String)>> {
    make_permissions(master)?;
    let sql = format!("SELECT grantee, permission, state FROM db.{} ORDER BY 1, 2", quote(PERMISSIONS));
    let mut statement = master.prepare_cached(&sql)?;
    statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?.collect()
}

fn make_permissions(master: &Connection) -> rusqlite::Result<()> {
    master.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS db.{}(grantee INT NOT NULL, permission TEXT NOT NULL, state TEXT NOT NULL,
         PRIMARY KEY(grantee, permission)) WITHOUT ROWID",
        quote(PERMISSIONS)
    ))
}

/// Gives a login a permission, denies it, or takes away either.
pub fn change_permission(
    master: &Connection,
    grantee: i32,
    permission: &str,
    state: Option<&str>,
) -> rusqlite::Result<()> {
    make_permissions(master)?;
    let table = quote(PERMISSIONS);
    master.execute(
        &format!("DELETE FROM db.{table} WHERE grantee = ?1 AND permission = ?2"),
        params![grantee, permission],
    )?;
    if let Some(state) = state {
        master.execute(&format!("INSERT INTO db.{table} VALUES (?1, ?2, ?3)"), params![grantee, permission, state])?;
    }
    Ok(())
}

/// Adds or removes a member of a server role.
pub fn change_member(master: &Connection, role: i32, member: i32, add: bool) -> rusqlite::Result<()> {
    let sql = if add {
        format!("INSERT OR IGNORE INTO db.{} VALUES (?1, ?2)", quote(MEMBERS))
    } else {
        format!("DELETE FROM db.{} WHERE role_id = ?1 AND member_id = ?2", quote(MEMBERS))
    };
    master.execute(&sql, [role, member])?;
    Ok(())
}

/// Reads the logins of `master`, attached as `db`; makes their table if it is not there.
pub fn load(master: &Connection) -> rusqlite::Result<Vec<Login>> {
    master.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS db.{}(principal_id INTEGER PRIMARY KEY, name TEXT NOT NULL, sid BLOB NOT NULL,
         salt BLOB NOT NULL, hash BLOB NOT NULL, create_date INT NOT NULL, disabled INT NOT NULL, default_database TEXT NOT NULL)",
        quote(TABLE)
    ))?;
    let mut statement = master.prepare(&format!("SELECT * FROM db.{} ORDER BY principal_id", quote(TABLE)))?;
    let rows = statement.query_map([], |r| {
        Ok(Login {
            principal_id: r.get(0)?,
            name: r.get(1)?,
            sid: r.get(2)?,
            salt: r.get(3)?,
            hash: r.get(4)?,
            create_date: r.get(5)?,
            disabled: r.get(6)?,
            default_database: r.get(7)?,
        })
    })?;
    rows.collect()
}

fn digest(salt: &[u8], password: &str) -> Vec<u8> {
    let mut hasher = Sha512::new();
    for unit in password.encode_utf16() {
        hasher.update(unit.to_le_bytes());
    }
    hasher.update(salt);
    hasher.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_is_accepted() {
        let login = Login::new(5, "reader", "Correct horse 1", 0);
        assert!(login.accepts("Correct horse 1"));
        assert!(!login.accepts("correct horse 1"));
        assert!(!login.accepts(""));
    }
}
