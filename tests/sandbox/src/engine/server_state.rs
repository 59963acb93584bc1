//! The server: its databases, logins, sessions and locks.

use super::catalog_store::ATTACHED;
use super::clock::now_datetime;
use super::configuration::Configuration;
use super::database::{Database, lock};
use super::extension::Extension;
use super::locks::LockManager;
use super::logins::{self, Login};
use super::quoting::quote;
use super::session_state::SessionShared;
use super::{EngineOptions, storage_error};
use crate::error::{SqlError, SqlResult};
use crate::faults::counts::Counts;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// Databases every server has, with their ids.
const SYSTEM_DATABASES: &[(i32, &str)] = &[(1, "master"), (2, "tempdb"), (3, "model"), (4, "msdb")];
/// The first `session_id` of a user session.
const FIRST_SESSION: i32 = 51;

/// See the module.
pub struct Server {
    /// Options it was opened with.
    pub options: EngineOptions,
    /// Change data capture.
    pub extension: Arc<dyn Extension>,
    /// Who may read and write what.
    pub locks: Arc<LockManager>,
    /// What applications have asked for.
    pub counts: Counts,
    /// `sp_configure`.
    pub configuration: Configuration,
    /// When it was opened, as `datetime`.
    pub started: i64,
    pub(super) directory: PathBuf,
    databases: Mutex<BTreeMap<String, Arc<Database>>>,
    logins: Mutex<Vec<Login>>,
    /// Server role and member.
    role_members: Mutex<Vec<(i32, i32)>>,
    logins_version: AtomicU64,
    master: Mutex<Connection>,
    sessions: Mutex<BTreeMap<i32, Arc<SessionShared>>>,
    next_transaction: AtomicU64,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl Server {
    /// Opens or makes the server that lies in `directory`.
    pub fn open(directory: &Path, options: EngineOptions, extension: Arc<dyn Extension>) -> SqlResult<Arc<Self>> {
        std::fs::create_dir_all(directory)
            .map_err(|e| SqlError::new(5123, format!("CREATE FILE encountered operating system error {e}.")))?;
        let master_file = Database::new(1, "master", &directory.join("master.db"), now_datetime(), &options);
        master_file.create_file()?;
        let master = master_file.open()?;
        let logins = open_logins(&master, &options).map_err(storage_error)?;
        let role_members = logins::load_members(&master).map_err(storage_error)?;
        let configuration = Configuration::load(&master).map_err(storage_error)?;
        let locks = Arc::<LockManager>::default();
        let databases = open_databases(&master, directory, &options, &locks)?;
        let server = Arc::new(Self {
            options,
            extension,
            locks,
            counts: Counts::default(),
            configuration,
            started: now_datetime(),
            directory: directory.to_owned(),
            databases: Mutex::new(databases),
            logins: Mutex::new(logins),
            role_members: Mutex::new(role_members),
            logins_version: AtomicU64::new(1),
            master: Mutex::new(master),
            sessions: Mutex::default(),
            next_transaction: AtomicU64::new(1),
        });
        for database in server.databases() {
            server.extension.database_opened(&server, &database);
        }
        Ok(server)
    }

    /// Keeps a setting of the server.
    pub(super) fn keep_setting(&self, name: &str, value: i64) -> rusqlite::Result<()> {
        super::catalog_store::set_setting(&lock(&self.master), name, value)
    }

    /// A database by name.
    pub fn database(&self, name: &str) -> Option<Arc<Database>> {
        lock(&self.databases).get(&name.to_lowercase()).cloned()
    }

    /// A database by id.
    pub fn database_by_id(&self, id: i32) -> Option<Arc<Database>> {
        lock(&self.databases).values().find(|d| d.id == id).cloned()
    }

    /// Every database, by id.
    pub fn databases(&self) -> Vec<Arc<Database>> {
        let mut databases: Vec<_> = lock(&self.databases).values().cloned().collect();
        databases.sort_by_key(|d| d.id);
        databases
    }

    /// `CREATE DATABASE`.
    pub fn create_database(self: &Arc<Self>, name: &str, owner: &[u8], collation: &str) -> SqlResult<Arc<Database>> {
        let master = lock(&self.master);
        if self.database(name).is_some() {
            return Err(SqlError::new(
                1801,
                format!("Database '{name}' already exists. Choose a different database name."),
            )
            .severity(16));
        }
        let id = (5..).find(|&id| self.database_by_id(id).is_none()).unwrap_or(i32::MAX);
        let path = self.directory.join(format!("database_{id}.db"));
        remove_files(&path);
        let database = Arc::new(Database::new(id, name, &path, now_datetime(), &self.options).with_locks(&self.locks));
        database.create_file()?;
        database.set_collation(collation)?;
        database.set_owner(owner);
        database
            .open()?
            .execute(r#"UPDATE db."$principals" SET sid = ?1 WHERE principal_id = 1"#, [owner])
            .map_err(storage_error)?;
        master
            .execute(
                r#"INSERT INTO db."$databases" VALUES (?1, ?2, ?3, ?4, 0, 0, 1, ?5)"#,
                params![id, name, file_name(&path), database.create_date, owner],
            )
            .map_err(storage_error)?;
        lock(&self.databases).insert(name.to_lowercase(), Arc::clone(&database));
        drop(master);
        self.extension.database_opened(self, &database);
        Ok(database)
    }

    /// `DROP DATABASE`; error 3702 while a session uses it.
    pub fn drop_database(&self, name: &str) -> SqlResult<()> {
        let master = lock(&self.master);
        let Some(database) = self.database(name) else {
            return Err(SqlError::new(
                3701,
                format!("Cannot drop the database '{name}', because it does not exist or you do not have permission."),
            )
            .severity(11));
        };
        if database.id <= 4 {
            return Err(SqlError::new(
                3708,
                format!("Cannot drop the database '{name}' because it is a system database."),
            ));
        }
        let mut databases = lock(&self.databases);
        if database.access.sessions() > 0 {
            return Err(SqlError::new(
                3702,
                format!("Cannot drop database \"{name}\" because it is currently in use."),
            ));
        }
        databases.remove(&name.to_lowercase());
        drop(databases);
        self.extension.database_closing(&database);
        master
            .execute(r#"DELETE FROM db."$databases" WHERE database_id = ?1"#, [database.id])
            .map_err(storage_error)?;
        remove_files(&database.path);
        Ok(())
    }

    /// Takes another description of a database that was restored.
    pub(super) fn replace_database(&self, database: &Arc<Database>) {
        lock(&self.databases).insert(database.name.to_lowercase(), Arc::clone(database));
    }

    /// Stores a database's options after one changed.
    pub fn store_options(&self, database: &Database) -> SqlResult<()> {
        lock(&self.master)
            .execute(
                r#"UPDATE db."$databases" SET snapshot = ?2, rcsi = ?3, recovery = ?4 WHERE database_id = ?1"#,
                params![
                    database.id,
                    database.allow_snapshot.load(Ordering::Acquire),
                    database.read_committed_snapshot.load(Ordering::Acquire),
                    database.recovery_model.load(Ordering::Acquire),
                ],
            )
            .map_err(storage_error)?;
        Ok(())
    }

    /// Every login.
    pub fn logins(&self) -> Vec<Login> {
        lock(&self.logins).clone()
    }

    /// The logins with the connection to `master` they are kept through. Whoever changes them says so by
    /// [`logins_changed`](Self::logins_changed).
    pub(super) fn logins_mut(&self) -> (MutexGuard<'_, Connection>, MutexGuard<'_, Vec<Login>>) {
        (lock(&self.master), lock(&self.logins))
    }

    /// The members of server roles.
    pub(super) fn role_members_mut(&self) -> MutexGuard<'_, Vec<(i32, i32)>> {
        lock(&self.role_members)
    }

    /// Changes whenever a login or a server role does.
    pub fn logins_version(&self) -> u64 {
        self.logins_version.load(Ordering::Acquire)
    }

    pub(super) fn logins_changed(&self) {
        self.logins_version.fetch_add(1, Ordering::AcqRel);
    }

    /// Registers a session and gives it the smallest id that is free.
    pub fn register(&self, session: impl FnOnce(i32) -> Arc<SessionShared>) -> Arc<SessionShared> {
        let mut sessions = lock(&self.sessions);
        let id = (FIRST_SESSION..).find(|id| !sessions.contains_key(id)).unwrap_or(i32::MAX);
        let session = session(id);
        sessions.insert(id, Arc::clone(&session));
        session
    }

    /// Forgets a session.
    pub fn unregister(&self, id: i32) {
        lock(&self.sessions).remove(&id);
    }

    /// The sessions there are.
    pub fn sessions(&self) -> Vec<Arc<SessionShared>> {
        lock(&self.sessions).values().cloned().collect()
    }

    /// A transaction descriptor or id that was never given before.
    pub fn next_transaction(&self) -> u64 {
        self.next_transaction.fetch_add(1, Ordering::Relaxed)
    }

    /// The connection to `master` that server-wide state is kept through.
    pub fn master(&self) -> MutexGuard<'_, Connection> {
        lock(&self.master)
    }

    /// Stops the background work of every database.
    pub fn close(&self) {
        for database in self.databases() {
            self.extension.database_closing(&database);
        }
    }
}

fn open_logins(master: &Connection, options: &EngineOptions) -> rusqlite::Result<Vec<Login>> {
    let mut logins = logins::load(master)?;
    match logins.iter_mut().find(|l| l.principal_id == 1) {
        Some(sa) if sa.accepts(&options.sa_password) => {}
        Some(sa) => {
            *sa = Login::new(1, "sa", &options.sa_password, sa.create_date);
            sa.store(master)?;
        }
        None => {
            let sa = Login::new(1, "sa", &options.sa_password, now_datetime());
            sa.store(master)?;
            logins.push(sa);
        }
    }
    Ok(logins)
}

fn open_databases(
    master: &Connection,
    directory: &Path,
    options: &EngineOptions,
    locks: &Arc<LockManager>,
) -> SqlResult<BTreeMap<String, Arc<Database>>> {
    list_databases(master)
        .map_err(storage_error)?
        .into_iter()
        .map(|row| {
            let path = directory.join(&row.file);
            let database = Database::new(row.id, &row.name, &path, row.create_date, options).with_locks(locks);
            database.create_file()?;
            database.allow_snapshot.store(row.snapshot, Ordering::Release);
            database.read_committed_snapshot.store(row.rcsi, Ordering::Release);
            database.recovery_model.store(row.recovery, Ordering::Release);
            database.set_owner(&row.owner);
            Ok((row.name.to_lowercase(), Arc::new(database)))
        })
        .collect()
}

struct DatabaseRow {
    id: i32,
    name: String,
    file: String,
    create_date: i64,
    snapshot: bool,
    rcsi: bool,
    recovery: i64,
    owner: Vec<u8>,
}

fn list_databases(master: &Connection) -> rusqlite::Result<Vec<DatabaseRow>> {
    master.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS {ATTACHED}.{}(database_id INTEGER PRIMARY KEY, name TEXT NOT NULL, file TEXT NOT NULL,
         create_date INT NOT NULL, snapshot INT NOT NULL, rcsi INT NOT NULL, recovery INT NOT NULL,
         owner BLOB NOT NULL)",
        quote("$databases")
    ))?;
    for (id, name) in SYSTEM_DATABASES {
        master.execute(
            r#"INSERT OR IGNORE INTO db."$databases" VALUES (?1, ?2, ?3, ?4, ?5, 0, 3, x'01')"#,
            params![id, name, format!("{name}.db"), now_datetime(), *id == 1 || *id == 4],
        )?;
    }
    let mut statement = master.prepare(
        r#"SELECT database_id, name, file, create_date, snapshot, rcsi, recovery, owner FROM db."$databases" ORDER BY database_id"#,
    )?;
    let rows = statement.query_map([], |r| {
        Ok(DatabaseRow {
            id: r.get(0)?,
            name: r.get(1)?,
            file: r.get(2)?,
            create_date: r.get(3)?,
            snapshot: r.get(4)?,
            rcsi: r.get(5)?,
            recovery: r.get(6)?,
            owner: r.get(7)?,
        })
    })?;
    rows.collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Removes a database's file and what SQLite keeps beside it. A file that is not there is no error.
pub(super) fn remove_files(path: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let _ = std::fs::remove_file(PathBuf::from(name));
    }
}
