//! `BACKUP DATABASE` and `RESTORE DATABASE`: a database goes back to where it was, with its LSNs, identities and settings.
//!
//! A backup is one SQLite file in a folder of the server's own; its name is all that a client chooses. What a restore does not bring
//! back is what SQL Server keeps elsewhere: logins (`master`) and the jobs of change data capture (`msdb`). Only the same database of
//! the same server is restored, so change data capture stays enabled, with or without `KEEP_CDC`:
//! <https://learn.microsoft.com/sql/relational-databases/track-changes/change-data-capture-and-other-sql-server-features>.
//!
//! Sources: <https://learn.microsoft.com/sql/t-sql/statements/backup-transact-sql>,
//! <https://learn.microsoft.com/sql/t-sql/statements/restore-statements-transact-sql>.

use super::catalog_store::ATTACHED;
use super::database::Database;
use super::server_state::Server;
use super::session::SqlSession;
use super::stop::Exec;
use super::storage_error;
use crate::error::{SqlError, SqlResult};
use crate::faults::procedures::break_connections;
use crate::session::Sink;
use crate::tsql::ast::OtherUsers;
use rusqlite::{Connection, params};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Folder of the backups in the server's.
const FOLDER: &str = "backups";
/// `recovery_model` in which the log is not kept.
const SIMPLE: i64 = 3;

impl SqlSession {
    /// `BACKUP DATABASE … TO DISK`.
    pub(super) fn backup(&mut self, name: &str, file: &str, overwrite: bool, sink: &mut dyn Sink) -> Exec<()> {
        let done = self.backup_checked(name, file, overwrite);
        self.ended_abnormally("BACKUP", done, sink)
    }

    /// `RESTORE DATABASE … FROM DISK`.
    pub(super) fn restore(&mut self, name: &str, file: &str, replace: bool, sink: &mut dyn Sink) -> Exec<()> {
        let done = self.restore_checked(name, file, replace);
        self.ended_abnormally("RESTORE", done, sink)
    }

    /// Error 3013 follows whatever it was.
    fn ended_abnormally(&mut self, what: &str, done: SqlResult<()>, sink: &mut dyn Sink) -> Exec<()> {
        let Err(error) = done else {
            self.finished(0);
            sink.statement_done(None, false)?;
            return Ok(());
        };
        if error.message.starts_with("sandbox:") {
            return Err(error.into());
        }
        self.failed(error, false, sink)?;
        Err(SqlError::new(3013, format!("{what} DATABASE is terminating abnormally.")).into())
    }

    /// `ALTER DATABASE … SET SINGLE_USER`: with `ROLLBACK IMMEDIATE` the others' connections are broken; else their end is waited for,
    /// or is there an error (see [`SqlSession::wait_until_alone`]).
    pub(super) fn make_single_user(&self, database: &Arc<Database>, others: OtherUsers) -> Exec<()> {
        if others == OtherUsers::End {
            database.access.set_single_user(true);
            break_connections(self, &|other| other.state().database.id == database.id)?;
            return Ok(());
        }
        let own = usize::from(self.database().id == database.id);
        self.wait_until_alone(database, others, &|| database.access.take_alone(own))
    }

    fn backup_checked(&self, name: &str, file: &str, overwrite: bool) -> SqlResult<()> {
        self.refuse_in_user_transaction()?;
        let database = self.server().database(name).ok_or_else(|| no_database(name))?;
        if !self.is_sysadmin() {
            let text = format!("BACKUP DATABASE permission denied in database '{name}'.");
            return Err(SqlError::new(262, text).severity(14));
        }
        let path = self.server().backup_path(file)?;
        if path.exists() && !overwrite {
            return Err(SqlError::unsupported("BACKUP to a file that exists, without INIT or FORMAT"));
        }
        write_backup(&database, &path)
    }

    fn restore_checked(&self, name: &str, file: &str, replace: bool) -> SqlResult<()> {
        self.refuse_in_user_transaction()?;
        if !self.is_sysadmin() {
            let text = format!("User does not have permission to RESTORE database '{name}'.");
            return Err(SqlError::new(3110, text).severity(14));
        }
        let server = self.server();
        let path = server.backup_path(file)?;
        if !path.exists() {
            let text = format!(
                "Cannot open backup device '{file}'. Operating system error 2(The system cannot find the file specified.)."
            );
            return Err(SqlError::new(3201, text).with_state(2));
        }
        let backup = Backup::read(&path, file)?;
        let Some(database) = server.database(name) else {
            return Err(SqlError::unsupported("RESTORE of a database that is not there"));
        };
        if !backup.database.eq_ignore_ascii_case(name) || database.id <= 4 {
            return Err(SqlError::unsupported("RESTORE of a backup of another database, or of a system database"));
        }
        if !replace && database.recovery_model.load(Ordering::Acquire) != SIMPLE {
            let text = format!(
                "The tail of the log for the database \"{name}\" has not been backed up. Use BACKUP LOG WITH NORECOVERY to backup the \
                 log if it contains work you do not want to lose. Use the WITH REPLACE or WITH STOPAT clause of the RESTORE statement to \
                 just overwrite the contents of the log."
            );
            return Err(SqlError::new(3159, text));
        }
        if self.database().id == database.id {
            let text = format!(
                "RESTORE cannot process database '{name}' because it is in use by this session. It is recommended that the master \
                 database be used when performing this operation."
            );
            return Err(SqlError::new(3102, text));
        }
        server.restore_database(&database, &backup)
    }

    fn refuse_in_user_transaction(&self) -> SqlResult<()> {
        if self.shared.state().tran_count > 0 {
            return Err(SqlError::new(3021, "Cannot perform a backup or restore operation within a transaction."));
        }
        Ok(())
    }
}

fn no_database(name: &str) -> SqlError {
    SqlError::new(911, format!("Database '{name}' does not exist. Make sure that the name is entered correctly."))
}

fn disk_error(error: &std::io::Error) -> SqlError {
    SqlError::new(3201, format!("Cannot open backup device. Operating system error {error}."))
}

/// Copies what is committed in a database into a file.
fn write_backup(database: &Database, path: &Path) -> SqlResult<()> {
    let partial = path.with_extension("partial");
    remove_if_there(&partial)?;
    let run = |connection: &Connection| -> rusqlite::Result<()> {
        connection.execute(&format!("VACUUM {ATTACHED} INTO ?1"), [partial.to_string_lossy()])?;
        let copy = Connection::open(&partial)?;
        copy.execute_batch(
            r#"CREATE TABLE "$backup"(name TEXT NOT NULL, snapshot INT NOT NULL, rcsi INT NOT NULL, recovery INT NOT NULL)"#,
        )?;
        copy.execute(
            r#"INSERT INTO "$backup" VALUES (?1, ?2, ?3, ?4)"#,
            params![
                database.name,
                database.allow_snapshot.load(Ordering::Acquire),
                database.read_committed_snapshot.load(Ordering::Acquire),
                database.recovery_model.load(Ordering::Acquire),
            ],
        )?;
        Ok(())
    };
    run(&database.open()?).map_err(storage_error)?;
    std::fs::rename(&partial, path).map_err(|error| disk_error(&error))
}

fn remove_if_there(path: &Path) -> SqlResult<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(disk_error(&error)),
        _ => Ok(()),
    }
}

/// A backup file and the settings that are in it.
#[derive(Debug)]
pub struct Backup {
    /// The file.
    pub path: PathBuf,
    /// Database that it is of.
    pub database: String,
    /// `ALLOW_SNAPSHOT_ISOLATION`.
    pub allow_snapshot: bool,
    /// `READ_COMMITTED_SNAPSHOT`.
    pub read_committed_snapshot: bool,
    /// `recovery_model`.
    pub recovery_model: i64,
}

impl Backup {
    /// Reads a backup's settings; error 3241 if it is none.
    fn read(path: &Path, file: &str) -> SqlResult<Self> {
        let read = || -> rusqlite::Result<Self> {
            let connection = Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            connection.query_row(r#"SELECT name, snapshot, rcsi, recovery FROM "$backup""#, [], |row| {
                Ok(Self {
                    path: path.to_owned(),
                    database: row.get(0)?,
                    allow_snapshot: row.get(1)?,
                    read_committed_snapshot: row.get(2)?,
                    recovery_model: row.get(3)?,
                })
            })
        };
        read().map_err(|_| {
            let text = format!(
                "The media family on device '{file}' is incorrectly formed. SQL Server cannot process this media family."
            );
            SqlError::new(3241, text)
        })
    }
}

impl Server {
    /// Where a backup lies: only a plain name in the server's own folder.
    fn backup_path(&self, file: &str) -> SqlResult<PathBuf> {
        let plain = !file.is_empty()
            && file.len() <= 200
            && !file.starts_with('.')
            && !file.contains(['/', '\\', ':'])
            && !file.chars().any(char::is_control);
        if !plain {
            return Err(SqlError::unsupported("BACKUP and RESTORE of anything but a plain file name"));
        }
        let folder = self.directory.join(FOLDER);
        std::fs::create_dir_all(&folder).map_err(|error| disk_error(&error))?;
        Ok(folder.join(file))
    }

    /// Puts a database back to what it was; error 3101 while anybody is in it.
    fn restore_database(self: &Arc<Self>, database: &Arc<Database>, backup: &Backup) -> SqlResult<()> {
        if !database.access.close() {
            let text = "Exclusive access could not be obtained because the database is in use.";
            return Err(SqlError::new(3101, text));
        }
        let restored = self.prepare_restored(database, backup).and_then(|file| {
            self.extension.database_closing(database);
            self.swap_in(database, &file, backup)
        });
        if restored.is_err() {
            database.access.reopen();
        }
        restored
    }

    /// Copies the backup beside the database, with what a restore leaves as it is now.
    fn prepare_restored(&self, database: &Database, backup: &Backup) -> SqlResult<PathBuf> {
        let path = database.path.with_extension("restoring");
        std::fs::copy(&backup.path, &path).map_err(|error| disk_error(&error))?;
        let restored = Database::new(database.id, &database.name, &path, database.create_date, &self.options);
        let connection = restored.open()?;
        connection.execute_batch(r#"DROP TABLE db."$backup""#).map_err(storage_error)?;
        self.extension.database_restoring(database, &connection)?;
        Ok(path)
    }

    fn swap_in(self: &Arc<Self>, database: &Arc<Database>, file: &Path, backup: &Backup) -> SqlResult<()> {
        super::server_state::remove_files(&database.path);
        let moved = std::fs::rename(file, &database.path).map_err(|error| disk_error(&error));
        // Nothing that is remembered of the database holds any more: counters, catalog, who may be in it.
        let fresh = Database::new(database.id, &database.name, &database.path, database.create_date, &self.options)
            .with_locks(&self.locks);
        fresh.allow_snapshot.store(backup.allow_snapshot, Ordering::Release);
        fresh.read_committed_snapshot.store(backup.read_committed_snapshot, Ordering::Release);
        fresh.recovery_model.store(backup.recovery_model, Ordering::Release);
        fresh.set_owner(&database.owner());
        let fresh = Arc::new(fresh);
        // Whoever gets in finds all of it.
        self.extension.database_opened(self, &fresh);
        self.replace_database(&fresh);
        moved?;
        self.store_options(&fresh)
    }
}
