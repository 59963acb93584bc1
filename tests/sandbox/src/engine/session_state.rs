//! What a session knows, shared with the SQLite functions registered on its connection and with the views over sessions.

use super::catalog::{Catalog, TableEntry, fold};
use super::database::{Database, Identity, lock};
use super::logins::Login;
use super::modules::Running;
use super::security::{Impersonation, KnownToken};
use super::server_state::Server;
use crate::error::SqlError;
use crate::faults::Line;
use crate::faults::counts::Count;
use crate::types::{Datum, SqlType};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

/// A session as other parts of the server see it.
pub struct SessionShared {
    /// `@@SPID`.
    pub id: i32,
    /// The server.
    pub server: Arc<Server>,
    /// Who logged in.
    pub login: Login,
    /// `HOST_NAME()`.
    pub host_name: String,
    /// `APP_NAME()`.
    pub app_name: String,
    /// Peer address.
    pub peer: String,
    /// When it logged in, as `datetime`.
    pub login_time: i64,
    /// The connection it is served on.
    pub line: Arc<Line>,
    /// What its application has asked for.
    pub count: Arc<Count>,
    state: Mutex<State>,
}

impl SessionShared {
    /// A session that starts in a state.
    pub fn new(
        id: i32,
        server: &Arc<Server>,
        login: Login,
        (client, line): ([&str; 3], &Arc<Line>),
        login_time: i64,
        state: State,
    ) -> Self {
        Self {
            id,
            server: Arc::clone(server),
            login,
            host_name: client[0].to_owned(),
            app_name: client[1].to_owned(),
            peer: client[2].to_owned(),
            login_time,
            line: Arc::clone(line),
            count: server.counts.of(client[1]),
            state: Mutex::new(state),
        }
    }

    /// The state. Never hold it while SQLite runs: the functions registered on the connection take it.
    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Tables of the session alone, by their folded name.
pub type TemporaryTables = BTreeMap<String, Temporary>;

/// A temporary table.
#[derive(Debug, Clone)]
pub struct Temporary {
    /// The table.
    pub entry: Arc<TableEntry>,
    /// Nesting level it was created at; it is dropped when that level is left.
    pub level: u32,
    /// The table of the same name that a level further out has.
    pub hidden: Option<Box<Temporary>>,
}

/// See the module.
#[derive(Debug)]
pub struct State {
    /// Current database.
    pub database: Arc<Database>,
    /// Its catalog, as the current transaction sees it.
    pub catalog: Arc<Catalog>,
    /// Temporary tables.
    pub temporary: Arc<TemporaryTables>,
    /// Changes whenever `temporary` does.
    pub temporary_version: u64,
    /// Counters of temporary tables' identity columns.
    pub temporary_identities: HashMap<i32, Identity>,
    /// `@@ROWCOUNT`.
    pub row_count: i64,
    /// `@@ERROR`.
    pub error: i32,
    /// `@@TRANCOUNT`.
    pub tran_count: u32,
    /// The transaction can only be rolled back.
    pub doomed: bool,
    /// `@@IDENTITY`.
    pub identity: Option<i64>,
    /// `SCOPE_IDENTITY()` of each nesting level.
    pub scope_identity: Vec<Option<i64>>,
    /// Errors being handled by CATCH blocks, innermost last.
    pub caught: Vec<SqlError>,
    /// `SET` options.
    pub options: Options,
    /// `CURRENT_TRANSACTION_ID()`, 0 outside.
    pub transaction_id: u64,
    /// `CONTEXT_INFO()`.
    pub context_info: Vec<u8>,
    /// `SESSION_CONTEXT()`: values with their types, and whether they can be set again.
    pub session_context: HashMap<String, (Datum, SqlType, bool)>,
    /// Procedures and triggers that run, the innermost last.
    pub modules: Vec<Running>,
    /// Tables whose changed rows are kept for triggers, with the number to keep them under.
    pub captured: HashMap<i32, i64>,
    /// Rows that are deleted and inserted now are updated ones.
    pub moving_rows: bool,
    /// Running a request, for `sys.dm_exec_sessions`.
    pub running: bool,
    /// The statement that runs, for `sys.dm_exec_requests`.
    pub command: &'static str,
    /// When the request began, as `datetime`.
    pub request_began: i64,
    /// When the transaction began, as `datetime`.
    pub transaction_began: i64,
    /// Contexts that `EXECUTE AS` entered, innermost last.
    pub impersonations: Vec<Impersonation>,
    /// The security context, once it was asked for.
    pub token: Option<KnownToken>,
}

impl State {
    /// A fresh state in a database.
    pub fn new(database: Arc<Database>, catalog: Arc<Catalog>) -> Self {
        Self {
            database,
            catalog,
            temporary: Arc::default(),
            temporary_version: 0,
            temporary_identities: HashMap::new(),
            row_count: 0,
            error: 0,
            tran_count: 0,
            doomed: false,
            identity: None,
            scope_identity: vec![None],
            caught: Vec::new(),
            options: Options::default(),
            transaction_id: 0,
            context_info: Vec::new(),
            session_context: HashMap::new(),
            modules: Vec::new(),
            captured: HashMap::new(),
            moving_rows: false,
            running: false,
            command: "",
            request_began: 0,
            transaction_began: 0,
            impersonations: Vec::new(),
            token: None,
        }
    }

    /// A temporary table by name.
    pub fn temporary(&self, name: &str) -> Option<&Arc<TableEntry>> {
        self.temporary.get(&fold(name)).map(|t| &t.entry)
    }

    /// `XACT_STATE()`.
    pub fn xact_state(&self) -> i16 {
        match (self.tran_count, self.doomed) {
            (0, _) => 0,
            (_, true) => -1,
            (_, false) => 1,
        }
    }

    /// A value was generated for an identity column, or inserted explicitly.
    pub fn note_identity(&mut self, value: i64) {
        self.identity = Some(value);
        if let Some(scope) = self.scope_identity.last_mut() {
            *scope = Some(value);
        }
    }
}

/// Isolation levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// `READ UNCOMMITTED`; reads committed data.
    ReadUncommitted,
    /// `READ COMMITTED`, versioned.
    #[default]
    ReadCommitted,
    /// `REPEATABLE READ`.
    RepeatableRead,
    /// `SERIALIZABLE`.
    Serializable,
    /// `SNAPSHOT`.
    Snapshot,
}

impl Isolation {
    /// `transaction_isolation_level` of `sys.dm_exec_sessions`.
    pub fn number(self) -> i16 {
        match self {
            Isolation::ReadUncommitted => 1,
            Isolation::ReadCommitted => 2,
            Isolation::RepeatableRead => 3,
            Isolation::Serializable => 4,
            Isolation::Snapshot => 5,
        }
    }

    /// The level of a transaction-manager request; `None` for unchanged.
    pub fn from_number(number: u8) -> Option<Self> {
        [
            Isolation::ReadUncommitted,
            Isolation::ReadCommitted,
            Isolation::RepeatableRead,
            Isolation::Serializable,
            Isolation::Snapshot,
        ]
        .into_iter()
        .find(|i| i.number() == i16::from(number))
    }
}

/// `SET` options that have an effect.
#[derive(Debug, Clone)]
pub struct Options {
    /// `NOCOUNT`.
    pub no_count: bool,
    /// `XACT_ABORT`.
    pub xact_abort: bool,
    /// `IMPLICIT_TRANSACTIONS`.
    pub implicit_transactions: bool,
    /// `TRANSACTION ISOLATION LEVEL`.
    pub isolation: Isolation,
    /// `LOCK_TIMEOUT` in milliseconds, −1 to wait without end.
    pub lock_timeout: i32,
    /// `object_id` of the table whose `IDENTITY_INSERT` is on.
    pub identity_insert: Option<i32>,
    /// `DATEFIRST`.
    pub date_first: u8,
    /// `TEXTSIZE`.
    pub text_size: i32,
    /// `FMTONLY`.
    pub format_only: bool,
    /// `DEADLOCK_PRIORITY`, −10 to 10.
    pub deadlock_priority: i32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            no_count: false,
            xact_abort: false,
            implicit_transactions: false,
            isolation: Isolation::ReadCommitted,
            lock_timeout: -1,
            identity_insert: None,
            date_first: 7,
            text_size: i32::MAX,
            format_only: false,
            deadlock_priority: 0,
        }
    }
}

/// A session that may have ended.
pub type WeakSession = Weak<SessionShared>;
