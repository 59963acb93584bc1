//! A session: one SQLite connection, its state, and the entry points that the wire calls.

use super::catalog::{Catalog, TableEntry};
use super::catalog_store::ATTACHED;
use super::clock::now_datetime;
use super::database::{Database, lock};
use super::frame::Frame;
use super::locks::Span;
use super::plans::Plans;
use super::procedures::Argument;
use super::security::LAST_SYSTEM_DATABASE;
use super::server_state::Server;
use super::session_functions;
use super::session_state::{SessionShared, State};
use super::stop::{Exec, Stop};
use super::transaction::{Open, Transaction};
use super::{bulk::PendingLoad, prepared::Prepared, storage_error};
use crate::error::{SqlError, SqlResult};
use crate::faults::Point;
use crate::session::{Cancelled, ColumnMeta, LoginRequest, Param, RpcOutcome, Session, Sink, TransactionRequest};
use crate::tsql::ast::ObjectName;
use crate::types::Datum;
use rusqlite::Connection;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// SQLite instructions between two looks at the cancellation flag.
const PROGRESS_INSTRUCTIONS: i32 = 20_000;

/// The flag of the request that runs now.
type CancelSlot = Arc<Mutex<Option<Arc<AtomicBool>>>>;

/// See the module.
pub struct SqlSession {
    /// What others may see of it.
    pub shared: Arc<SessionShared>,
    /// Its connection; `main` is empty, the current database is attached.
    pub connection: Connection,
    pub(super) transaction: Option<Transaction>,
    pub(super) plans: Plans,
    pub(super) prepared: Prepared,
    pub(super) pending_load: Option<PendingLoad>,
    /// Levels of the TRY blocks around the statement that runs.
    pub(super) try_levels: Vec<u32>,
    /// Table variables of the batches that run; a rollback does not touch their rows.
    pub(super) table_variables: Vec<Arc<TableEntry>>,
    /// `user_type_id`s of those that were declared with a table type, by `object_id`.
    pub(super) table_variable_types: std::collections::HashMap<i32, i32>,
    /// Nesting of batches, `sp_executesql` and procedures.
    pub(super) level: u32,
    /// Owner of the module that runs: see [`ownership`](super::ownership).
    pub(super) chain_owner: Option<i32>,
    /// Severity of the worst error that the module which runs has met and gone on from.
    pub(super) worst_severity: u8,
    /// Transactions open when the INSERT … EXEC that runs began.
    pub(super) insert_exec: Option<u32>,
    /// Where the rows that statements change are kept for triggers.
    pub(super) firings: super::firing::Firings,
    /// Numbers for SQLite names of temporary tables.
    pub(super) next_temporary: u32,
    /// Errors that the statement's own error is to follow: some failures tell of the cause first.
    pub(super) preceding: Vec<SqlError>,
    /// Contexts of `EXECUTE AS` below this one belong to an outer batch or procedure.
    pub(super) impersonation_floor: usize,
    /// The database it logged in to.
    home: i32,
    /// Locks were taken that end with the statement.
    pub(super) has_statement_locks: Cell<bool>,
    pub(super) cancel: CancelSlot,
}

impl SqlSession {
    /// Logs in.
    pub fn login(server: &Arc<Server>, request: &LoginRequest) -> SqlResult<Self> {
        let login = server.authenticate(&request.user, &request.password)?;
        let name = if request.database.is_empty() { &login.default_database } else { &request.database };
        let name = name.clone();
        let cannot_open = || {
            SqlError::new(4060, format!("Cannot open database \"{name}\" requested by the login. The login failed."))
                .severity(11)
        };
        let database = server.database(&name).ok_or_else(cannot_open)?;
        let inside = Inside::enter(&database)?;
        let connection = database.open()?;
        let catalog = database.catalog(&connection)?;
        let system = database.id <= LAST_SYSTEM_DATABASE;
        if catalog.principals.user_of(&login, server.is_sysadmin(&login), system).is_none() {
            return Err(cannot_open());
        }
        inside.stay();
        let shared = server.register(|id| {
            let client = [request.host_name.as_str(), request.app_name.as_str(), request.peer.as_str()];
            let state = State::new(Arc::clone(&database), catalog);
            Arc::new(SessionShared::new(id, server, login, (client, &request.line), now_datetime(), state))
        });
        request.line.attach(&shared);
        let mut session = Self {
            shared,
            connection,
            transaction: None,
            plans: Plans::default(),
            prepared: Prepared::default(),
            pending_load: None,
            try_levels: Vec::new(),
            table_variables: Vec::new(),
            table_variable_types: std::collections::HashMap::new(),
            level: 0,
            chain_owner: None,
            worst_severity: 0,
            insert_exec: None,
            firings: super::firing::Firings::default(),
            next_temporary: 0,
            preceding: Vec::new(),
            impersonation_floor: 0,
            home: database.id,
            has_statement_locks: Cell::new(false),
            cancel: CancelSlot::default(),
        };
        session_functions::register(&session.connection, &session.shared).map_err(storage_error)?;
        super::sequences::register(&session.connection, &session.shared).map_err(storage_error)?;
        super::firing::register(&session.connection, &session.shared).map_err(storage_error)?;
        session.watch_cancellation().map_err(storage_error)?;
        server.extension.register(&session)?;
        match session.pass(Point::Login) {
            Err(Stop::Error(error)) => Err(error),
            // Of a connection that is broken nobody hears more.
            Err(_) => Err(cannot_open()),
            Ok(()) => Ok(session),
        }
    }

    /// The server.
    pub fn server(&self) -> &Arc<Server> {
        &self.shared.server
    }

    /// The current database.
    pub fn database(&self) -> Arc<Database> {
        Arc::clone(&self.shared.state().database)
    }

    /// The catalog as the current transaction sees it.
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.shared.state().catalog)
    }

    fn watch_cancellation(&mut self) -> rusqlite::Result<()> {
        let slot = Arc::clone(&self.cancel);
        self.connection.progress_handler(
            PROGRESS_INSTRUCTIONS,
            Some(move || lock(&slot).as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed))),
        )
    }

    /// Brings the catalog up to what is committed, unless the transaction has its own.
    pub fn refresh_catalog(&mut self) -> SqlResult<()> {
        // A snapshot keeps the catalog of its view.
        if self.transaction.as_ref().is_some_and(|t| t.catalog_dirty || t.open == Open::Read) {
            return Ok(());
        }
        let (database, version) = {
            let state = self.shared.state();
            (Arc::clone(&state.database), state.catalog.version)
        };
        if database.schema_version() != version {
            let catalog = database.catalog(&self.connection)?;
            self.shared.state().catalog = catalog;
        }
        Ok(())
    }

    /// DDL ran in the current transaction: read the catalog anew, for this session only until it commits.
    pub fn catalog_changed(&mut self) -> SqlResult<()> {
        self.read_own_catalog()?;
        self.note_ddl()
    }

    /// The same when the DDL was about one table.
    pub fn table_changed(&mut self, table: i32) -> SqlResult<()> {
        let catalog = self.catalog().reload(&self.connection, table, super::database::next_version())?;
        self.shared.state().catalog = Arc::new(catalog);
        self.note_ddl()
    }

    /// Reads the catalog in the view of the current transaction.
    pub(super) fn read_own_catalog(&mut self) -> SqlResult<()> {
        let catalog = Catalog::load(&self.connection, &self.database().name, super::database::next_version())?;
        self.shared.state().catalog = Arc::new(catalog);
        Ok(())
    }

    fn note_ddl(&mut self) -> SqlResult<()> {
        let first = self.transaction.as_mut().is_some_and(|t| !std::mem::replace(&mut t.catalog_dirty, true));
        // Nobody else can have it: they would have to hold the write transaction.
        match if first { self.lock_catalog() } else { Ok(()) } {
            Err(Stop::Error(error)) => Err(error),
            _ => Ok(()),
        }
    }

    /// `USE`.
    pub fn use_database(&mut self, name: &str, sink: &mut dyn Sink) -> Exec<()> {
        let from = self.database();
        let Some(to) = self.server().database(name) else {
            return Err(SqlError::new(
                911,
                format!("Database '{name}' does not exist. Make sure that the name is entered correctly."),
            )
            .into());
        };
        if to.id != from.id {
            if self.transaction.is_some() {
                return Err(SqlError::unsupported("USE of another database inside a transaction").into());
            }
            self.switch(&from, &to)?;
        }
        sink.database_changed(&from.name, &to.name)?;
        Ok(())
    }

    fn switch(&mut self, from: &Arc<Database>, to: &Arc<Database>) -> SqlResult<()> {
        self.forget_firings()?;
        let inside = Inside::enter(to)?;
        self.connection.execute_batch(&format!("DETACH DATABASE {ATTACHED}")).map_err(storage_error)?;
        let attached = to.attach(&self.connection).and_then(|()| to.catalog(&self.connection));
        let denied = || {
            SqlError::new(
                916,
                format!(
                    "The server principal \"{}\" is not able to access the database \"{}\" under the current security context.",
                    self.shared.acting_login().map(|l| l.name).unwrap_or_default(),
                    to.name
                ),
            )
            .severity(14)
        };
        let result = match attached {
            Ok(catalog) if !self.shared.may_enter(&catalog, to.id) => Err(denied()),
            other => other,
        };
        match result {
            Ok(catalog) => {
                let mut state = self.shared.state();
                state.database = Arc::clone(to);
                state.catalog = catalog;
                drop(state);
                super::collation::enter(&to.collation());
                inside.stay();
                from.access.leave();
                Ok(())
            }
            Err(error) => {
                // It may or may not have come as far as attaching.
                let _ = self.connection.execute_batch(&format!("DETACH DATABASE {ATTACHED}"));
                from.attach(&self.connection)?;
                Err(error)
            }
        }
    }

    /// Runs what a client asked for, and tells it of an error that nothing caught.
    fn request<T>(
        &mut self,
        sink: &mut dyn Sink,
        run: impl FnOnce(&mut Self, &mut dyn Sink) -> Exec<T>,
    ) -> Result<Option<T>, Cancelled> {
        *lock(&self.cancel) = sink.cancellation();
        self.shared.count.note_request();
        super::collation::enter(&self.database().collation());
        {
            let mut state = self.shared.state();
            state.running = true;
            state.command = "";
            state.request_began = now_datetime();
        }
        self.try_levels.clear();
        let outcome = run(self, sink);
        self.release_statement_locks();
        *lock(&self.cancel) = None;
        self.level = 0;
        self.table_variables.clear();
        self.table_variable_types.clear();
        self.insert_exec = None;
        self.shared.state().modules.clear();
        self.chain_owner = None;
        let outcome = match outcome {
            Ok(value) => Ok(Some(value)),
            Err(Stop::BatchAborted | Stop::ScopeAborted(_)) => Ok(None),
            Err(Stop::Error(error) | Stop::Raised { error, .. }) => {
                self.shared.state().error = error.number;
                sink.message(&error).map(|()| None)
            }
            Err(Stop::Cancelled) => Err(Cancelled),
        };
        let ended = self.end_of_request(outcome.is_err(), sink);
        self.shared.state().running = false;
        match (outcome, ended) {
            (Err(cancelled), _) | (_, Err(cancelled)) => Err(cancelled),
            (Ok(value), Ok(())) => Ok(value),
        }
    }

    /// A doomed transaction does not outlive its batch, nor does any transaction an attention under XACT_ABORT.
    fn end_of_request(&mut self, cancelled: bool, sink: &mut dyn Sink) -> Result<(), Cancelled> {
        let (doomed, abort) = {
            let state = self.shared.state();
            (state.doomed && state.tran_count > 0, state.options.xact_abort && state.tran_count > 0)
        };
        self.shared.state().caught.clear();
        if self.lost_transaction() || doomed || (cancelled && abort) {
            let change = self.roll_back_all();
            if let Some(change) = change {
                sink.transaction_changed(change)?;
            }
            if doomed && !cancelled {
                let text =
                    "Uncommittable transaction is detected at the end of the batch. The transaction is rolled back.";
                sink.message(&SqlError::new(3998, text))?;
            }
        }
        Ok(())
    }

    /// Clears what belongs to the session: transaction, temporary tables, locks, options.
    fn clear(&mut self) {
        self.roll_back_all();
        self.drop_temporary_above(0);
        self.prepared = Prepared::default();
        self.pending_load = None;
        self.impersonation_floor = 0;
        self.server().locks.release(self.shared.id, &[Span::Statement, Span::Transaction, Span::Session]);
        let mut state = self.shared.state();
        let fresh = State::new(Arc::clone(&state.database), Arc::clone(&state.catalog));
        let temporary_version = state.temporary_version;
        *state = fresh;
        state.temporary_version = temporary_version + 1;
    }
}

impl Session for SqlSession {
    fn batch(&mut self, sql: &str, sink: &mut dyn Sink) -> Result<(), Cancelled> {
        self.pending_load = None;
        self.request(sink, |session, sink| session.run_batch(sql, sink)).map(|_| ())
    }

    fn rpc(&mut self, procedure: &str, params: Vec<Param>, sink: &mut dyn Sink) -> Result<RpcOutcome, Cancelled> {
        self.pending_load = None;
        let name = procedure_name(procedure);
        let mut arguments: Vec<Argument> = params.into_iter().map(Argument::from).collect();
        let outcome = self.request(sink, |session, sink| {
            // What a procedure makes for itself goes with it, as if it had been called from a batch.
            session.level = 1;
            let mut frame = Frame::default();
            session.call_top(&name, &mut arguments, &mut frame, sink)
        })?;
        let Some(status) = outcome else {
            return Ok(RpcOutcome { status: -6, outputs: Vec::new() });
        };
        let outputs = arguments.into_iter().filter(|a| a.output).map(Argument::into_param).collect();
        Ok(RpcOutcome { status, outputs })
    }

    fn transaction(&mut self, request: TransactionRequest, sink: &mut dyn Sink) -> Result<(), Cancelled> {
        self.request(sink, |session, sink| session.transaction_request(request, sink)).map(|_| ())
    }

    fn bulk_columns(&self) -> Option<Vec<ColumnMeta>> {
        self.pending_load.as_ref().map(PendingLoad::client_columns)
    }

    fn bulk_load(
        &mut self,
        columns: &[ColumnMeta],
        rows: &mut dyn FnMut() -> SqlResult<Option<Vec<Datum>>>,
        sink: &mut dyn Sink,
    ) -> Result<(), Cancelled> {
        self.request(sink, |session, sink| session.load(columns, rows, sink)).map(|_| ())
    }

    fn reset(&mut self) {
        self.clear();
        let (from, home) = (self.database(), self.server().database_by_id(self.home));
        if let Some(home) = home.filter(|home| from.id != home.id) {
            // On failure the session stays in a database it can use.
            if let Err(error) = self.switch(&from, &home) {
                tracing::warn!(number = error.number, "a session could not go back to its first database");
            }
        }
    }
}

impl Drop for SqlSession {
    fn drop(&mut self) {
        self.clear();
        self.database().access.leave();
        self.shared.server.unregister(self.shared.id);
    }
}

/// A session that is about to be in a database; it leaves again unless it [stays](Inside::stay).
struct Inside(Option<Arc<Database>>);

impl Inside {
    fn enter(database: &Arc<Database>) -> SqlResult<Self> {
        database.access.enter(&database.name)?;
        Ok(Self(Some(Arc::clone(database))))
    }

    fn stay(mut self) {
        self.0 = None;
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Some(database) = self.0.take() {
            database.access.leave();
        }
    }
}

/// A procedure's name as a client writes it in a remote procedure call: up to four parts, perhaps in brackets.
pub(super) fn procedure_name(text: &str) -> ObjectName {
    let mut parts: Vec<String> = Vec::new();
    let mut current = String::new();
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '[' if !quoted && current.is_empty() => quoted = true,
            ']' if quoted && chars.peek() == Some(&']') => {
                current.push(']');
                chars.next();
            }
            ']' if quoted => quoted = false,
            '.' if !quoted => parts.push(std::mem::take(&mut current)),
            c => current.push(c),
        }
    }
    parts.push(current);
    let name = parts.pop().unwrap_or_default();
    let some = |part: Option<String>| part.filter(|p| !p.is_empty());
    let schema = some(parts.pop());
    ObjectName { database: some(parts.pop()), schema, name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn procedure_names_may_be_qualified_and_bracketed() {
        let name = procedure_name("msdb.sys.[sp_x]]y]");
        assert_eq!(name.database.as_deref(), Some("msdb"));
        assert_eq!(name.schema.as_deref(), Some("sys"));
        assert_eq!(name.name, "sp_x]y");
        assert_eq!(procedure_name("sp_executesql").name, "sp_executesql");
    }
}
