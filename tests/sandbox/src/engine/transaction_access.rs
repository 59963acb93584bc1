//! What statements make their transaction open: locks, SQLite's read and write transactions, the view of a snapshot.
//!
//! A writing statement runs in a SQLite savepoint, so one that fails leaves nothing behind.

use super::catalog_store::ATTACHED;
use super::database::Database;
use super::locks::{Mode, Resource, Span, Want};
use super::session::SqlSession;
use super::session_locks::Wants;
use super::session_state::Isolation;
use super::stop::{Exec, Stop};
use super::transaction::{Open, Writes};
use crate::error::SqlError;
use crate::session::Sink;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Savepoint around a statement.
const STATEMENT: &str = "\"$statement\"";
const BEGIN_STATEMENT: &str = "SAVEPOINT \"$statement\"";
const END_STATEMENT: &str = "RELEASE \"$statement\"";

impl SqlSession {
    /// A statement is about to access the current database: errors 3952 and 3951, for a database that does not allow snapshots
    /// and a transaction that did not start as one.
    fn note_access(&mut self) -> Exec<()> {
        let isolation = self.isolation_of_transaction();
        let started_as = self.transaction.as_mut().map(|t| *t.started_as.get_or_insert(isolation));
        if isolation != Isolation::Snapshot {
            let fixed = self.transaction.as_ref().is_some_and(|t| t.open == Open::Read);
            if started_as == Some(Isolation::Snapshot) && fixed {
                return Err(
                    SqlError::unsupported("another isolation level in a transaction that started as SNAPSHOT").into()
                );
            }
            return Ok(());
        }
        let database = self.database();
        if database.snapshot_state() == super::snapshot_options::IN_TRANSITION_TO_ON {
            let text = format!(
                "Snapshot isolation transaction failed to start in database '{}' because the ALTER DATABASE command which enables \
                 snapshot isolation for this database has not finished yet. The database is in transition to pending ON state. You must \
                 wait until the ALTER DATABASE Command completes successfully.",
                database.name
            );
            return Err(SqlError::new(3956, text).into());
        }
        if !database.allow_snapshot.load(Ordering::Acquire) {
            let text = format!(
                "Snapshot isolation transaction failed accessing database '{}' because snapshot isolation is not allowed in this \
                 database. Use ALTER DATABASE to allow snapshot isolation.",
                database.name
            );
            return Err(SqlError::new(3952, text).into());
        }
        if started_as.is_some_and(|level| level != Isolation::Snapshot) {
            let text = format!(
                "Transaction failed in database '{}' because the statement was run under snapshot isolation but the transaction did \
                 not start in snapshot isolation. You cannot change the isolation level of the transaction to snapshot after the \
                 transaction has started unless the transaction was originally started under snapshot isolation level.",
                database.name
            );
            return Err(SqlError::new(3951, text).into());
        }
        Ok(())
    }

    /// Makes ready for a statement that reads the current database; true if anything may have changed in the meantime.
    pub(super) fn open_for_reading(&mut self, wants: Wants) -> Exec<bool> {
        self.note_access()?;
        let before = self.basis();
        let mut waited = false;
        if self.shared.state().tran_count == 0 {
            waited = self.lock(&wants.tables)?;
        } else if wants.writer {
            self.open_write(wants.tables)?;
        } else {
            waited = self.lock(&wants.tables)?;
            if self.isolation_of_transaction() == Isolation::Snapshot {
                self.open_read()?;
            }
        }
        if waited {
            self.refresh_catalog()?;
        }
        Ok(self.basis() != before)
    }

    /// Begins the SQLite read transaction that fixes the view of a SNAPSHOT transaction.
    pub(super) fn open_read(&mut self) -> Exec<()> {
        let Some(transaction) = self.transaction.as_mut() else { return Ok(()) };
        if transaction.open == Open::Nothing {
            self.connection.execute_batch("BEGIN DEFERRED")?;
            transaction.open = Open::Read;
            // SQLite fixes the view at the first read, not at BEGIN.
            self.connection.query_row(&format!("SELECT 1 FROM {ATTACHED}.sqlite_schema LIMIT 1"), [], |_| Ok(()))?;
            let current = self.database().schema_version();
            if self.shared.state().catalog.version != current {
                self.read_own_catalog()?;
            }
        }
        Ok(())
    }

    /// Takes locks and, unless the transaction has it, the SQLite write transaction: begins it, or raises a read transaction
    /// to it.
    pub(super) fn open_write(&mut self, mut wants: Vec<Want>) -> Exec<()> {
        let Some(transaction) = self.transaction.as_ref() else { return Ok(()) };
        let open = transaction.open;
        if open == Open::Write {
            return self.lock(&wants).map(|_| ());
        }
        let database = self.database();
        wants.push(Want::new(Resource::Writer(database.id), Mode::Exclusive, Span::Transaction));
        self.lock(&wants)?;
        let begun = match open {
            Open::Nothing => self.run_often("BEGIN IMMEDIATE"),
            // Starts SQLite's write transaction without changing anything.
            _ => self.connection.execute_batch(r#"DELETE FROM db."$settings" WHERE 0"#),
        };
        if let Err(error) = begun {
            return Err(self.begin_failed(&error, &wants, &database));
        }
        if let Some(transaction) = self.transaction.as_mut() {
            transaction.open = Open::Write;
        }
        if open == Open::Nothing {
            self.refresh_catalog()?;
        }
        let server = Arc::clone(self.server());
        server.extension.after_begin_write(self)?;
        Ok(())
    }

    /// Error 3960 when somebody has committed since the view was fixed. SQL Server looks at the row that is written; here it is
    /// the database.
    fn begin_failed(&self, error: &rusqlite::Error, wants: &[Want], database: &Database) -> Stop {
        if error.sqlite_error().is_none_or(|e| e.extended_code != rusqlite::ffi::SQLITE_BUSY_SNAPSHOT) {
            return storage_error_stop(error);
        }
        let catalog = self.catalog();
        let table = wants.iter().rev().find_map(|want| match want {
            Want { resource: Resource::Object(_, id), .. } => catalog.table_by_id(*id),
            _ => None,
        });
        let text = format!(
            "Snapshot isolation transaction aborted due to update conflict. You cannot use snapshot isolation to access table '{}' \
             directly or indirectly in database '{}' to update, delete, or insert the row that has been modified or deleted by \
             another transaction. Retry the transaction or change the isolation level for the update/delete statement.",
            table.map(|table| table.full_name()).unwrap_or_default(),
            database.name
        );
        SqlError::new(3960, text).with_state(2).into()
    }

    /// Runs a writing statement so that it happens as a whole or not at all.
    pub(crate) fn write<T>(
        &mut self,
        writes: Writes,
        sink: &mut dyn Sink,
        run: impl FnOnce(&mut Self, &mut dyn Sink) -> Exec<T>,
    ) -> Exec<T> {
        self.write_with(Vec::new(), writes, sink, run)
    }

    /// The same with the locks that it needs.
    pub(crate) fn write_with<T>(
        &mut self,
        wants: Vec<Want>,
        writes: Writes,
        sink: &mut dyn Sink,
        run: impl FnOnce(&mut Self, &mut dyn Sink) -> Exec<T>,
    ) -> Exec<T> {
        self.refuse_doomed()?;
        if writes == Writes::Database || !wants.is_empty() {
            self.note_access()?;
        }
        if self.shared.state().tran_count == 0 {
            return self.write_alone(wants, writes, sink, run);
        }
        match writes {
            Writes::Temporary if self.isolation_of_transaction() == Isolation::Snapshot => {
                self.lock(&wants)?;
                self.open_read()?;
            }
            _ => self.open_write(wants)?,
        }
        self.run_often(BEGIN_STATEMENT)?;
        let temporary = Arc::clone(&self.shared.state().temporary);
        let descriptor = self.transaction.as_ref().map(|t| t.descriptor);
        let result = run(self, sink);
        if self.lost_transaction() {
            self.roll_back_and_tell(sink)?;
            return result;
        }
        // A trigger, or what INSERT … EXEC ran, has ended the transaction, and with it the savepoint.
        if self.transaction.as_ref().map(|t| t.descriptor) != descriptor {
            return result;
        }
        match result {
            Ok(value) => {
                self.run_often(END_STATEMENT)?;
                Ok(value)
            }
            Err(stop) => {
                self.connection.execute_batch(&format!("ROLLBACK TO {STATEMENT}; RELEASE {STATEMENT}"))?;
                self.restore_identities();
                self.restore_temporary(temporary);
                if self.transaction.as_ref().is_some_and(|t| t.catalog_dirty) {
                    self.catalog_changed()?;
                }
                Err(stop)
            }
        }
    }

    /// A writing statement outside of any transaction is one.
    fn write_alone<T>(
        &mut self,
        wants: Vec<Want>,
        writes: Writes,
        sink: &mut dyn Sink,
        run: impl FnOnce(&mut Self, &mut dyn Sink) -> Exec<T>,
    ) -> Exec<T> {
        self.transaction = Some(self.new_transaction(None));
        let opened = match writes {
            Writes::Database => self.open_write(wants),
            Writes::Temporary => self.lock(&wants).and_then(|_| self.open_temporary()),
        };
        let descriptor = self.transaction.as_ref().map(|t| t.descriptor);
        let result = opened.and_then(|()| run(self, sink));
        if self.transaction.as_ref().map(|t| t.descriptor) != descriptor {
            return result;
        }
        match result.and_then(|value| self.commit_open().map(|()| value)) {
            Ok(value) => {
                self.end_transaction();
                Ok(value)
            }
            Err(stop) => {
                self.roll_back_all();
                Err(stop)
            }
        }
    }

    fn open_temporary(&mut self) -> Exec<()> {
        self.connection.execute_batch("BEGIN DEFERRED")?;
        if let Some(transaction) = self.transaction.as_mut() {
            transaction.open = Open::Read;
        }
        Ok(())
    }
}

fn storage_error_stop(error: &rusqlite::Error) -> Stop {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::OperationInterrupted) => Stop::Cancelled,
        _ => Stop::Error(super::storage_message(error)),
    }
}
