//! Where change data capture attaches to the engine. The engine knows nothing of CDC but these points.

use super::database::Database;
use super::meta::{SessionFunction, Table};
use super::procedures::Argument;
use super::server_state::Server;
use super::session::SqlSession;
use super::stop::Exec;
use crate::error::SqlResult;
use crate::session::Sink;
use crate::tsql::ast::{Expr, ObjectName};
use crate::types::SqlType;
use rusqlite::Connection;
use std::sync::Arc;

/// A change of a database's objects that was made in the current transaction.
#[derive(Debug, Clone)]
pub struct DdlEvent<'a> {
    /// What happened.
    pub kind: DdlKind,
    /// The table concerned.
    pub table: &'a Arc<super::catalog::TableEntry>,
    /// The statement's text.
    pub text: &'a str,
}

/// Kinds of [`DdlEvent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DdlKind {
    /// About to be dropped; its rows are still there.
    DropTable,
    /// `ALTER TABLE` is about to be done; the entry is the table before it.
    BeforeAlterTable,
    /// `ALTER TABLE` was done; the entry is the table after it.
    AlterTable,
    /// `CREATE INDEX` or `DROP INDEX` was done; the entry is the table after it.
    IndexesChanged,
    /// The column of this `column_id` is about to be renamed to the event's text; the entry is the table before it. An error
    /// refuses it.
    BeforeRenameColumn(i32),
    /// The column of this `column_id` was renamed; the entry is the table after it.
    RenamedColumn(i32),
}

/// See the module. Every method has a default that does nothing.
#[allow(unused_variables)]
pub trait Extension: Send + Sync {
    /// A session's connection is open: register SQLite functions.
    fn register(&self, session: &SqlSession) -> SqlResult<()> {
        Ok(())
    }

    /// A database was opened or created: start its background work.
    fn database_opened(&self, server: &Arc<Server>, database: &Arc<Database>) {}

    /// A database is about to be replaced by a backup, which a connection has open: keeps there what a restore leaves as it is.
    fn database_restoring(&self, database: &Database, backup: &Connection) -> SqlResult<()> {
        Ok(())
    }

    /// A database is about to be dropped, or the server ends: stop its background work and close its connections.
    fn database_closing(&self, database: &Database) {}

    /// Runs a procedure; `None` if it is not one of the extension's. Returns its status.
    fn procedure(
        &self,
        session: &mut SqlSession,
        name: &ObjectName,
        arguments: &mut Vec<Argument>,
        sink: &mut dyn Sink,
    ) -> Option<Exec<i32>> {
        None
    }

    /// A table or view that the catalog does not have.
    fn table(&self, session: &SqlSession, name: &ObjectName) -> SqlResult<Option<Arc<Table>>> {
        Ok(None)
    }

    /// A table-valued function.
    fn table_function(
        &self,
        session: &SqlSession,
        name: &ObjectName,
        arguments: &[Expr],
    ) -> SqlResult<Option<Arc<Table>>> {
        Ok(None)
    }

    /// A scalar function, registered on the connection by [`Extension::register`].
    fn session_function(&self, name: &ObjectName, argument_types: &[SqlType]) -> SqlResult<Option<SessionFunction>> {
        Ok(None)
    }

    /// The session's SQLite write transaction has just begun; the write lock is held until its end.
    fn after_begin_write(&self, session: &SqlSession) -> SqlResult<()> {
        Ok(())
    }

    /// A data-modification statement is about to run in the write transaction.
    fn before_statement(&self, session: &SqlSession) -> SqlResult<()> {
        Ok(())
    }

    /// About to commit the write transaction.
    fn before_commit(&self, session: &SqlSession) -> SqlResult<()> {
        Ok(())
    }

    /// The write transaction committed; the write lock is still held.
    fn after_commit(&self, session: &SqlSession) {}

    /// The write transaction was rolled back.
    fn after_rollback(&self, session: &SqlSession) {}

    /// `sys.databases.is_cdc_enabled`.
    fn is_cdc_enabled(&self, database: &Database) -> bool {
        false
    }

    /// Whether the log of a database holds what is not captured yet: `sys.databases.log_reuse_wait`.
    fn awaits_capture(&self, database: &Database) -> bool {
        false
    }

    /// A table changes.
    fn on_ddl(&self, session: &SqlSession, event: &DdlEvent<'_>) -> SqlResult<()> {
        Ok(())
    }
}

/// No extension.
#[derive(Debug, Default)]
pub struct NoExtension;

impl Extension for NoExtension {}
