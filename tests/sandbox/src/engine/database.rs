//! A database: its file, options, identity counters and the catalog that sessions share.

use super::catalog::Catalog;
use super::catalog_store::{self, ATTACHED};
use super::clock::now_datetime;
use super::collation::DEFAULT_COLLATION;
use super::database_access::Access;
use super::locks::LockManager;
use super::meta::Column;
use super::rowversion::Counter;
use super::{EngineOptions, storage_error};
use crate::error::SqlResult;
use crate::faults::Faults;
use crate::types::SqlType;
use rusqlite::Connection;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// How long SQLite itself waits for a lock that the engine's own lock does not cover (opening, checkpointing).
const BUSY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);
/// Pages of cache for the database and for temporary tables, in KiB (negative: SQLite's convention for KiB).
const CACHE_KIB: i64 = -16_384;
/// What the write-ahead log is cut back to once it is checkpointed.
const MAX_LOG_BYTES: i64 = 64 << 20;
/// Compiled SQLite statements kept by a connection.
const STATEMENT_CACHE: usize = 256;

/// Setting under which a database's collation is kept.
const COLLATION: &str = "collation";

/// The state of one identity column.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    /// First value.
    pub seed: i64,
    /// Step.
    pub increment: i64,
    /// Last value given out; `None` before the first.
    pub last: Option<i64>,
    /// Name of the column's type.
    pub type_name: &'static str,
    /// Smallest and largest value of the column's type.
    pub range: (i64, i64),
    /// Not yet written to the catalog.
    pub dirty: bool,
}

impl Identity {
    /// The counter of a column; none without the property.
    pub fn of(column: &Column, last: Option<i64>) -> Option<Self> {
        let (seed, increment) = column.identity?;
        let range = match column.ty {
            SqlType::TinyInt => (0, i64::from(u8::MAX)),
            SqlType::SmallInt => (i64::from(i16::MIN), i64::from(i16::MAX)),
            SqlType::Int => (i64::from(i32::MIN), i64::from(i32::MAX)),
            SqlType::Decimal { precision, .. } if precision <= 18 => {
                let limit = 10_i64.pow(u32::from(precision)) - 1;
                (-limit, limit)
            }
            _ => (i64::MIN, i64::MAX),
        };
        let type_name = super::type_rules::type_name(&column.ty);
        Some(Self { seed, increment, last, type_name, range, dirty: false })
    }

    /// Takes the next value. Like SQL Server's, it is not given back by a rollback.
    pub fn take_next(&mut self) -> Option<i64> {
        let value = match self.last {
            None => self.seed,
            Some(last) => last.checked_add(self.increment)?,
        };
        if value < self.range.0 || value > self.range.1 {
            return None;
        }
        self.last = Some(value);
        self.dirty = true;
        Some(value)
    }

    /// An explicit value was inserted: the counter moves on if it is past it.
    pub fn note(&mut self, value: i64) {
        let beyond = match self.last {
            None => true,
            Some(last) if self.increment >= 0 => value > last,
            Some(last) => value < last,
        };
        if beyond {
            self.last = Some(value);
            self.dirty = true;
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Database {
    /// `database_id`.
    pub id: i32,
    /// Name.
    pub name: String,
    /// The SQLite file.
    pub path: PathBuf,
    /// `create_date`, encoded as `datetime`.
    pub create_date: i64,
    /// The locks of the server that it is in.
    pub locks: Arc<LockManager>,
    /// `ALLOW_SNAPSHOT_ISOLATION`.
    pub allow_snapshot: AtomicBool,
    /// `ALLOW_SNAPSHOT_ISOLATION` is about to change, once the transactions that are open are over.
    pub snapshot_changes: AtomicBool,
    /// `READ_COMMITTED_SNAPSHOT`: READ COMMITTED reads versions in place of waiting for writers.
    pub read_committed_snapshot: AtomicBool,
    /// Who may be in it.
    pub access: Access,
    /// Counts commits that wrote, for whoever waits on changes.
    pub commits: AtomicU64,
    /// `RECURSIVE_TRIGGERS`.
    pub recursive_triggers: AtomicBool,
    /// `compatibility_level` and the like are constants; the recovery model can be set without effect.
    pub recovery_model: AtomicI64,
    /// Faults that tests ask for.
    pub faults: Arc<Faults>,
    owner: Mutex<Vec<u8>>,
    schema_version: AtomicU64,
    catalog: Mutex<Option<Arc<Catalog>>>,
    identities: Mutex<HashMap<i32, Identity>>,
    rowversion: Counter,
    synchronous: &'static str,
    collation: OnceLock<Arc<str>>,
}

impl Database {
    /// Describes a database whose file exists or is about to.
    pub fn new(id: i32, name: &str, path: &Path, create_date: i64, options: &EngineOptions) -> Self {
        Self {
            id,
            name: name.to_owned(),
            path: path.to_owned(),
            create_date,
            locks: Arc::default(),
            allow_snapshot: AtomicBool::new(false),
            snapshot_changes: AtomicBool::new(false),
            read_committed_snapshot: AtomicBool::new(false),
            access: Access::default(),
            commits: AtomicU64::new(0),
            recursive_triggers: AtomicBool::new(false),
            recovery_model: AtomicI64::new(1),
            faults: Arc::clone(&options.faults),
            owner: Mutex::new(vec![1]),
            schema_version: AtomicU64::new(next_version()),
            catalog: Mutex::new(None),
            identities: Mutex::default(),
            rowversion: Counter::new(0),
            synchronous: options.synchronous.pragma(),
            collation: OnceLock::new(),
        }
    }

    /// The same with the locks of its server.
    pub fn with_locks(self, locks: &Arc<LockManager>) -> Self {
        Self { locks: Arc::clone(locks), ..self }
    }

    /// Its default collation.
    pub fn collation(&self) -> Arc<str> {
        let read = || {
            let stored = self.open().and_then(|c| catalog_store::text_setting(&c, COLLATION).map_err(storage_error));
            stored.ok().flatten().unwrap_or_else(|| DEFAULT_COLLATION.to_owned()).into()
        };
        Arc::clone(self.collation.get_or_init(read))
    }

    /// Gives a new database its collation.
    pub(super) fn set_collation(&self, name: &str) -> SqlResult<()> {
        catalog_store::set_text_setting(&self.open()?, COLLATION, name).map_err(storage_error)
    }

    /// `owner_sid`.
    pub fn owner(&self) -> Vec<u8> {
        lock(&self.owner).clone()
    }

    /// Notes who owns it; the catalog's `dbo` says so as well.
    pub(super) fn set_owner(&self, sid: &[u8]) {
        *lock(&self.owner) = sid.to_vec();
    }

    /// Makes the file with an empty catalog unless it is there.
    pub fn create_file(&self) -> SqlResult<()> {
        if self.path.exists() {
            return Ok(());
        }
        let connection = self.open()?;
        let make = || -> rusqlite::Result<()> {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            catalog_store::create(&connection, now_datetime())?;
            connection.execute_batch("COMMIT")
        };
        make().map_err(storage_error)
    }

    /// A new connection with this database attached as [`ATTACHED`], with the compiler's functions and collations.
    pub fn open(&self) -> SqlResult<Connection> {
        let connection = Connection::open_in_memory().map_err(storage_error)?;
        prepare_connection(&connection).map_err(storage_error)?;
        self.attach(&connection)?;
        Ok(connection)
    }

    /// Attaches the database to a connection that has none.
    pub fn attach(&self, connection: &Connection) -> SqlResult<()> {
        let path = self.path.to_string_lossy();
        let run = || -> rusqlite::Result<()> {
            connection.execute(&format!("ATTACH DATABASE ?1 AS {ATTACHED}"), [path.as_ref()])?;
            connection.query_row(&format!("PRAGMA {ATTACHED}.journal_mode = WAL"), [], |_| Ok(()))?;
            connection.execute_batch(&format!(
                "PRAGMA {ATTACHED}.synchronous = {}; PRAGMA {ATTACHED}.cache_size = {CACHE_KIB}; PRAGMA temp.cache_size = {CACHE_KIB}; \
                 PRAGMA {ATTACHED}.journal_size_limit = {MAX_LOG_BYTES};",
                self.synchronous
            ))
        };
        run().map_err(storage_error)
    }

    /// The committed catalog, read through a connection that is outside of any transaction of its own unless cached.
    pub fn catalog(&self, connection: &Connection) -> SqlResult<Arc<Catalog>> {
        let version = self.schema_version.load(Ordering::Acquire);
        if let Some(catalog) = lock(&self.catalog).as_ref().filter(|c| c.version == version) {
            return Ok(Arc::clone(catalog));
        }
        loop {
            let version = self.schema_version.load(Ordering::Acquire);
            let catalog = Arc::new(self.load(connection, version)?);
            if self.schema_version.load(Ordering::Acquire) == version {
                *lock(&self.catalog) = Some(Arc::clone(&catalog));
                return Ok(catalog);
            }
        }
    }

    /// Reads the catalog in one view of the database.
    fn load(&self, connection: &Connection, version: u64) -> SqlResult<Catalog> {
        let recursive = catalog_store::setting(connection, super::firing::RECURSIVE).map_err(storage_error)?;
        self.recursive_triggers.store(recursive == Some(1), Ordering::Release);
        if !connection.is_autocommit() {
            return Catalog::load(connection, &self.name, version);
        }
        connection.execute_batch("BEGIN DEFERRED").map_err(storage_error)?;
        let catalog = Catalog::load(connection, &self.name, version);
        connection.execute_batch("COMMIT").map_err(storage_error)?;
        catalog
    }

    /// Version of the committed catalog.
    pub fn schema_version(&self) -> u64 {
        self.schema_version.load(Ordering::Acquire)
    }

    /// A transaction with DDL committed: everybody reads the catalog anew.
    pub fn schema_changed(&self) {
        self.schema_version.store(next_version(), Ordering::Release);
    }

    /// Runs `f` on the state of a table's identity column, if it is known.
    pub fn identity<T>(&self, table: i32, f: impl FnOnce(&mut Identity) -> T) -> Option<T> {
        lock(&self.identities).get_mut(&table).map(f)
    }

    /// Starts the counter of a table unless it is known.
    pub fn start_identity(&self, table: i32, identity: Identity) {
        lock(&self.identities).entry(table).or_insert(identity);
    }

    /// Whether an identity column was used since the database was opened.
    pub fn knows_identity(&self, table: i32) -> bool {
        lock(&self.identities).contains_key(&table)
    }

    /// The last value of an identity column that has not been used since the database was opened.
    pub fn stored_identity(&self, table: i32) -> Option<i64> {
        let connection = self.open().ok()?;
        let sql = r#"SELECT identity_last FROM db."$columns" WHERE object_id = ?1 AND identity_seed IS NOT NULL"#;
        connection.query_row(sql, [table], |r| r.get(0)).ok().flatten()
    }

    /// Forgets a table's counter: it was dropped, truncated or re-made.
    pub fn forget_identity(&self, table: i32) {
        lock(&self.identities).remove(&table);
    }

    /// The counter of `rowversion` columns.
    pub fn rowversion(&self) -> &Counter {
        self.rowversion.load(|| self.open().ok());
        &self.rowversion
    }

    /// Takes the counters that have to be written to the catalog.
    pub fn take_dirty_identities(&self) -> Vec<(i32, i64)> {
        let mut dirty = Vec::new();
        for (&table, identity) in lock(&self.identities).iter_mut() {
            if let (true, Some(last)) = (identity.dirty, identity.last) {
                identity.dirty = false;
                dirty.push((table, last));
            }
        }
        dirty
    }
}

/// A number no other catalog has.
pub fn next_version() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Locks a mutex whose data is valid at any moment, whoever panicked.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn prepare_connection(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    connection
        .execute_batch("PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = OFF; PRAGMA trusted_schema = ON;")?;
    super::functions::register(connection)
}
