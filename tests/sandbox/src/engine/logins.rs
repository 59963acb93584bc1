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
}

impl Login {
    /// A login with a new salt.
    pub fn new(principal_id: i32, name: &str, password: &str, create_date: i64) -> Self {
        let salt = uuid::Uuid::new_v4().as_bytes().to_vec();
        let sid = if principal_id == 1 { vec![1] } else { uuid::Uuid::new_v4().as_bytes().to_vec() };
        Self { principal_id, name: name.to_owned(), sid, hash: digest(&salt, password), salt, create_date }
    }

    /// Whether the password is the login's.
    pub fn accepts(&self, password: &str) -> bool {
        let given = digest(&self.salt, password);
        given.iter().zip(&self.hash).fold(given.len() ^ self.hash.len(), |d, (a, b)| d | usize::from(a ^ b)) == 0
    }

    /// Member of `sysadmin`.
    pub fn is_sysadmin(&self) -> bool {
        self.principal_id == 1
    }

    /// Stores it in `master`, attached as `db`.
    pub fn store(&self, master: &Connection) -> rusqlite::Result<()> {
        master.execute(
            &format!("INSERT OR REPLACE INTO db.{} VALUES (?1, ?2, ?3, ?4, ?5, ?6)", quote(TABLE)),
            params![self.principal_id, self.name, self.sid, self.salt, self.hash, self.create_date],
        )?;
        Ok(())
    }
}

const TABLE: &str = "$logins";

/// Reads the logins of `master`, attached as `db`; makes their table if it is not there.
pub fn load(master: &Connection) -> rusqlite::Result<Vec<Login>> {
    master.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS db.{}(principal_id INTEGER PRIMARY KEY, name TEXT NOT NULL, sid BLOB NOT NULL,
         salt BLOB NOT NULL, hash BLOB NOT NULL, create_date INT NOT NULL)",
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
