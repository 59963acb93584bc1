//! Transactions: T-SQL's nesting, savepoints and isolation levels on SQLite's single writer.
//!
//! A T-SQL transaction does not open a SQLite one until it has to:
//!
//! * Reads run as single statements and see what is committed when they start, until the transaction writes; the locks of
//!   [`session_locks`](super::session_locks) keep what must not change from changing.
//! * The first write, or a hint that announces one (`UPDLOCK`, `XLOCK`), takes the database's SQLite write transaction, which
//!   lasts to the end. Nobody else can commit in between.
//! * SNAPSHOT begins a SQLite read transaction at the first access, which fixes its view. Writing in it is refused with error
//!   3960 when anybody has committed to the database since: SQL Server looks at rows, this is coarser.
//!
//! What statements make a transaction open is in [`transaction_access`](super::transaction_access).

use super::clock::now_datetime;
use super::locks::Span;
use super::session::SqlSession;
use super::session_state::{Isolation, TemporaryTables};
use super::stop::Exec;
use crate::error::SqlError;
use crate::faults::Point;
use crate::session::{Sink, TransactionChange, TransactionRequest};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What of SQLite a transaction has opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Open {
    /// Nothing yet.
    Nothing,
    /// A read transaction: the view is fixed.
    Read,
    /// A write transaction, under the write lock.
    Write,
}

/// The transaction a session is in: one of T-SQL, or that of a single statement outside of any.
#[derive(Debug)]
pub struct Transaction {
    /// What the client sends with its requests.
    pub descriptor: u64,
    /// Name of the outermost `BEGIN TRAN`.
    pub name: Option<String>,
    /// What of SQLite it has opened.
    pub open: Open,
    /// It changed the catalog.
    pub catalog_dirty: bool,
    /// That of one statement which runs others: T-SQL sees it, the client does not.
    pub(super) enclosing: bool,
    /// Tables truncated in it: their identity counters started over, which a rollback takes back.
    pub(super) truncated: Vec<i32>,
    /// The level under which it first accessed data.
    pub(super) started_as: Option<Isolation>,
    /// SQLite's count of changed rows when it began.
    pub(super) changes_before: u64,
    temporary_before: Arc<TemporaryTables>,
    savepoints: Vec<Savepoint>,
    next_savepoint: u32,
}

#[derive(Debug)]
struct Savepoint {
    name: String,
    sqlite_name: String,
    temporary: Arc<TemporaryTables>,
}

/// What a statement is about to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    /// Temporary tables only.
    Temporary,
    /// The current database.
    Database,
}

impl SqlSession {
    pub(super) fn new_transaction(&self, name: Option<String>) -> Transaction {
        let state = self.shared.state();
        Transaction {
            descriptor: self.shared.server.next_transaction(),
            name,
            open: Open::Nothing,
            catalog_dirty: false,
            enclosing: false,
            truncated: Vec::new(),
            started_as: None,
            changes_before: self.connection.total_changes(),
            temporary_before: Arc::clone(&state.temporary),
            savepoints: Vec::new(),
            next_savepoint: 0,
        }
    }

    /// Runs a SQLite statement that every change needs; it is compiled once.
    pub(super) fn run_often(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.raw_execute().map(|_| ())
    }

    /// `BEGIN TRANSACTION`.
    pub fn begin(&mut self, name: Option<String>, sink: &mut dyn Sink) -> Exec<()> {
        let count = self.shared.state().tran_count;
        if count == 0 {
            let transaction = self.new_transaction(name);
            let descriptor = transaction.descriptor;
            self.transaction = Some(transaction);
            let mut state = self.shared.state();
            state.doomed = false;
            state.transaction_id = descriptor;
            state.transaction_began = now_datetime();
            state.tran_count = 1;
            drop(state);
            sink.transaction_changed(TransactionChange::Began(descriptor))?;
        } else {
            self.shared.state().tran_count = count + 1;
        }
        Ok(())
    }

    /// `COMMIT`.
    pub fn commit(&mut self, sink: &mut dyn Sink) -> Exec<()> {
        let (count, doomed) = {
            let state = self.shared.state();
            (state.tran_count, state.doomed)
        };
        if self.insert_exec.is_some_and(|outer| count <= outer) {
            let text = "Cannot use the COMMIT statement within an INSERT-EXEC statement unless BEGIN TRANSACTION is used first.";
            return Err(SqlError::new(3916, text).into());
        }
        match count {
            0 => {
                let text = "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.";
                return Err(SqlError::new(3902, text).into());
            }
            _ if doomed => {
                let text = "The current transaction cannot be committed and cannot support operations that write to the log \
                            file. Roll back the transaction.";
                return Err(SqlError::new(3930, text).into());
            }
            1 => {}
            _ => {
                self.shared.state().tran_count = count - 1;
                return Ok(());
            }
        }
        let (descriptor, enclosing) = self.transaction.as_ref().map_or((0, false), |t| (t.descriptor, t.enclosing));
        match self.commit_open() {
            Ok(()) => {
                self.end_transaction();
                if !enclosing {
                    sink.transaction_changed(TransactionChange::Committed(descriptor))?;
                }
                Ok(())
            }
            Err(error) => {
                self.roll_back_and_tell(sink)?;
                Err(error)
            }
        }
    }

    /// `ROLLBACK`, to a savepoint when `name` is one.
    pub fn roll_back(&mut self, name: Option<&str>, sink: &mut dyn Sink) -> Exec<()> {
        if self.insert_exec.is_some() {
            let text = "Cannot use the ROLLBACK statement within an INSERT-EXEC statement.";
            return Err(SqlError::new(3915, text).into());
        }
        let Some(transaction) = self.transaction.as_ref() else {
            let text = "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.";
            return Err(SqlError::new(3903, text).into());
        };
        if let Some(name) = name.filter(|n| !n.is_empty()) {
            if let Some(position) = transaction.savepoints.iter().rposition(|s| s.name.eq_ignore_ascii_case(name)) {
                return self.roll_back_to(position);
            }
            if !transaction.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(name)) {
                let text = format!("Cannot roll back {name}. No transaction or savepoint of that name was found.");
                return Err(SqlError::new(6401, text).into());
            }
        }
        self.roll_back_and_tell(sink)
    }

    fn roll_back_to(&mut self, position: usize) -> Exec<()> {
        if self.shared.state().doomed {
            let text = "The current transaction cannot be committed and cannot be rolled back to a savepoint. Roll back the \
                        entire transaction.";
            return Err(SqlError::new(3931, text).into());
        }
        let Some(transaction) = self.transaction.as_mut() else { return Ok(()) };
        transaction.savepoints.truncate(position + 1);
        let savepoint = &transaction.savepoints[position];
        let rollback = format!("ROLLBACK TO {}", savepoint.sqlite_name);
        let temporary = Arc::clone(&savepoint.temporary);
        let dirty = transaction.catalog_dirty;
        self.keeping_table_variables(|s| s.connection.execute_batch(&rollback))?;
        self.restore_identities();
        self.restore_temporary(temporary);
        if dirty {
            self.catalog_changed()?;
        }
        Ok(())
    }

    /// `SAVE TRANSACTION`.
    pub fn save(&mut self, name: &str) -> Exec<()> {
        if self.shared.state().tran_count == 0 {
            return Err(SqlError::new(628, "Cannot issue SAVE TRANSACTION when there is no active transaction.").into());
        }
        self.refuse_doomed()?;
        if self.isolation_of_transaction() == Isolation::Snapshot {
            self.open_read()?;
        } else {
            self.open_write(Vec::new())?;
        }
        let temporary = Arc::clone(&self.shared.state().temporary);
        let Some(transaction) = self.transaction.as_mut() else { return Ok(()) };
        let sqlite_name = format!("\"s{}\"", transaction.next_savepoint);
        self.connection.execute_batch(&format!("SAVEPOINT {sqlite_name}"))?;
        transaction.next_savepoint += 1;
        transaction.savepoints.push(Savepoint { name: name.to_owned(), sqlite_name, temporary });
        Ok(())
    }

    /// A transaction-manager request.
    pub(super) fn transaction_request(&mut self, request: TransactionRequest, sink: &mut dyn Sink) -> Exec<()> {
        let named = |name: String| Some(name).filter(|n| !n.is_empty());
        match request {
            TransactionRequest::Begin { isolation, name } => self.begin_at(isolation, named(name), sink),
            TransactionRequest::Commit { begin_new } => {
                self.commit(sink)?;
                begin_new.map_or(Ok(()), |isolation| self.begin_at(isolation, None, sink))
            }
            TransactionRequest::Rollback { name, begin_new } => {
                self.roll_back(named(name).as_deref(), sink)?;
                begin_new.map_or(Ok(()), |isolation| self.begin_at(isolation, None, sink))
            }
            TransactionRequest::Save { name } => self.save(&name),
        }
    }

    /// Begins a transaction at an isolation level, which stays the session's; 0 leaves it as it is.
    fn begin_at(&mut self, isolation: u8, name: Option<String>, sink: &mut dyn Sink) -> Exec<()> {
        if let Some(isolation) = Isolation::from_number(isolation) {
            self.shared.state().options.isolation = isolation;
        }
        self.begin(name, sink)
    }

    /// Rolls back whatever is open, without a word; what the client has to be told.
    pub(super) fn roll_back_all(&mut self) -> Option<TransactionChange> {
        let transaction = self.transaction.as_ref()?;
        let (descriptor, enclosing) = (transaction.descriptor, transaction.enclosing);
        let told = self.shared.state().tran_count > 0 && !enclosing;
        let (open, dirty) = (transaction.open, transaction.catalog_dirty);
        let temporary = Arc::clone(&transaction.temporary_before);
        if open != Open::Nothing && !self.connection.is_autocommit() {
            let rolled_back = self.keeping_table_variables(|s| s.connection.execute_batch("ROLLBACK"));
            if let Err(error) = rolled_back {
                tracing::warn!(%error, "a rollback failed");
            }
        }
        self.restore_identities();
        if open != Open::Nothing {
            self.restore_temporary(temporary);
        }
        if open == Open::Write {
            let server = Arc::clone(self.server());
            server.extension.after_rollback(self);
        }
        self.end_transaction();
        if dirty {
            let database = self.database();
            match database.catalog(&self.connection) {
                Ok(catalog) => self.shared.state().catalog = catalog,
                Err(error) => tracing::warn!(%error, "the catalog could not be read after a rollback"),
            }
        }
        told.then_some(TransactionChange::RolledBack(descriptor))
    }

    /// Rolls back whatever is open and tells the client.
    pub(super) fn roll_back_and_tell(&mut self, sink: &mut dyn Sink) -> Exec<()> {
        if let Some(change) = self.roll_back_all() {
            sink.transaction_changed(change)?;
        }
        Ok(())
    }

    /// SQLite has rolled the transaction back by itself (it does so when interrupted in a write, or when the disk is full).
    pub(super) fn lost_transaction(&self) -> bool {
        self.transaction.as_ref().is_some_and(|t| t.open != Open::Nothing) && self.connection.is_autocommit()
    }

    /// Counters of tables that were truncated are read again from the catalog, which was rolled back.
    pub(super) fn restore_identities(&mut self) {
        self.captures_unknown();
        let truncated = self.transaction.as_ref().map(|t| t.truncated.clone()).unwrap_or_default();
        let database = self.database();
        for table in truncated {
            database.forget_identity(table);
        }
    }

    pub(super) fn end_transaction(&mut self) {
        let Some(transaction) = self.transaction.take() else { return };
        if transaction.open == Open::Write {
            self.database().rowversion().settle();
        }
        drop(transaction);
        let mut state = self.shared.state();
        state.tran_count = 0;
        state.doomed = false;
        state.transaction_id = 0;
        drop(state);
        self.shared.server.locks.release(self.shared.id, &[Span::Statement, Span::Transaction]);
    }

    /// Commits what of SQLite is open.
    pub(super) fn commit_open(&mut self) -> Exec<()> {
        let Some(transaction) = self.transaction.as_ref() else { return Ok(()) };
        let (open, dirty) = (transaction.open, transaction.catalog_dirty);
        if open == Open::Write {
            self.pass(Point::BeforeCommit)?;
            let server = Arc::clone(self.server());
            server.extension.before_commit(self)?;
            self.store_identities()?;
        }
        if open != Open::Nothing {
            self.run_often("COMMIT")?;
        }
        if open == Open::Write {
            let database = self.database();
            if dirty {
                database.schema_changed();
                if let Some(transaction) = &mut self.transaction {
                    transaction.catalog_dirty = false;
                }
                self.refresh_catalog()?;
            }
            database.commits.fetch_add(1, Ordering::AcqRel);
            let server = Arc::clone(self.server());
            server.extension.after_commit(self);
            // It is durable: a broken connection is noticed by whoever tells the client so.
            let _ = self.pass(Point::AfterCommit);
        }
        Ok(())
    }

    fn store_identities(&self) -> rusqlite::Result<()> {
        self.database().rowversion().store(&self.connection)?;
        let dirty = self.database().take_dirty_identities();
        if dirty.is_empty() {
            return Ok(());
        }
        let mut statement = self.connection.prepare_cached(
            r#"UPDATE db."$columns" SET identity_last = ?2 WHERE object_id = ?1 AND identity_seed IS NOT NULL"#,
        )?;
        let mut sequences =
            self.connection.prepare_cached(r#"UPDATE db."$sequences" SET last = ?2 WHERE object_id = ?1"#)?;
        for counter in dirty {
            // An object has one counter: that of its identity column, or its own if it is a sequence.
            if statement.execute(counter)? == 0 {
                sequences.execute(counter)?;
            }
        }
        Ok(())
    }

    /// The level that governs the next statement.
    pub(super) fn isolation_of_transaction(&self) -> Isolation {
        self.shared.state().options.isolation
    }

    /// Error 3930 in a transaction that can only be rolled back.
    pub(super) fn refuse_doomed(&self) -> Exec<()> {
        if self.shared.state().doomed {
            let text = "The current transaction cannot be committed and cannot support operations that write to the log file. \
                        Roll back the transaction.";
            return Err(SqlError::new(3930, text).into());
        }
        Ok(())
    }

    /// Error 3964: this DDL in a SNAPSHOT transaction.
    pub(super) fn refuse_in_snapshot(&self) -> Exec<()> {
        if self.isolation_of_transaction() == Isolation::Snapshot && self.shared.state().tran_count > 0 {
            let text = "Transaction failed because this DDL statement is not allowed inside a snapshot isolation transaction. Since \
                        metadata is not versioned, a metadata change can lead to inconsistency if mixed within snapshot isolation.";
            return Err(SqlError::new(3964, text).into());
        }
        Ok(())
    }

    /// Makes the statement's transaction one that the statements which it runs see: `@@TRANCOUNT` is 1 in them.
    pub(super) fn enclose(&mut self) {
        let mut state = self.shared.state();
        if state.tran_count > 0 {
            return;
        }
        state.tran_count = 1;
        state.doomed = false;
        drop(state);
        if let Some(transaction) = &mut self.transaction {
            transaction.enclosing = true;
        }
    }
}
