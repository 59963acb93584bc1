//! The seam between the wire ([`crate::tds`]) and the engine ([`crate::engine`]).
//!
//! A connection owns one [`Session`] and runs it on a blocking thread; what a request produces goes out through a [`Sink`]
//! as it is produced, so a result of any size passes in bounded memory.

use crate::error::{SqlError, SqlResult};
use crate::faults::Line;
use crate::types::{Datum, SqlType};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A column of a result set.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnMeta {
    /// Name, empty for an unnamed expression.
    pub name: String,
    /// Type.
    pub ty: SqlType,
    /// Can hold NULL.
    pub nullable: bool,
    /// Is an identity column.
    pub identity: bool,
    /// Is a computed column.
    pub computed: bool,
}

/// The client went away or sent an attention: stop producing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client cancelled the request")]
pub struct Cancelled;

/// Receives what a request produces, in order.
pub trait Sink {
    /// A result set starts.
    fn columns(&mut self, columns: &[ColumnMeta]) -> Result<(), Cancelled>;
    /// A row of the current result set; values fit the columns' types.
    fn row(&mut self, row: &[Datum]) -> Result<(), Cancelled>;
    /// A statement is done; `rows` is its count unless NOCOUNT is on. `is_select` when it had a result set.
    fn statement_done(&mut self, rows: Option<u64>, is_select: bool) -> Result<(), Cancelled>;
    /// An error (severity > 10) or a message (≤ 10).
    fn message(&mut self, message: &SqlError) -> Result<(), Cancelled>;
    /// The session changed its database.
    fn database_changed(&mut self, from: &str, to: &str) -> Result<(), Cancelled>;
    /// A transaction began (`Some(descriptor)`) or ended; the client must send the descriptor with its requests.
    fn transaction_changed(&mut self, change: TransactionChange) -> Result<(), Cancelled>;
    /// A batch begins to execute a procedure; until [`Sink::procedure_done`], statements are the procedure's.
    fn procedure_started(&mut self) {}
    /// The procedure ended, with its return status unless an error ended it.
    fn procedure_done(&mut self, _status: Option<i32>) -> Result<(), Cancelled> {
        Ok(())
    }
    /// True once the client sent an attention; long loops ask now and then.
    fn is_cancelled(&self) -> bool;
    /// The flag behind [`Sink::is_cancelled`], for work that runs inside SQLite and cannot hold the sink: set once the client
    /// sent an attention or went away.
    fn cancellation(&self) -> Option<Arc<AtomicBool>> {
        None
    }
}

/// A change of the transaction a connection is in; descriptors are never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionChange {
    /// Began with this descriptor.
    Began(u64),
    /// Committed.
    Committed(u64),
    /// Rolled back.
    RolledBack(u64),
}

/// A parameter of a remote procedure call.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// Name with its `@`, or empty for a positional one.
    pub name: String,
    /// Declared type.
    pub ty: SqlType,
    /// Value.
    pub value: Datum,
    /// Passed by reference: its final value is returned.
    pub output: bool,
}

/// What a procedure call leaves behind.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RpcOutcome {
    /// Return status.
    pub status: i32,
    /// Output parameters in order.
    pub outputs: Vec<Param>,
}

/// A transaction-manager request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransactionRequest {
    /// Begin, with the isolation level of MS-TDS 2.2.6.9 (0 = unchanged, 1 read uncommitted, 2 read committed, 3 repeatable
    /// read, 4 serializable, 5 snapshot).
    Begin {
        /// The level's number.
        isolation: u8,
        /// Name of the transaction, or empty.
        name: String,
    },
    /// Commit.
    Commit {
        /// Begin a new one right after, at this isolation level.
        begin_new: Option<u8>,
    },
    /// Roll back.
    Rollback {
        /// Savepoint to roll back to, or empty for the whole transaction.
        name: String,
        /// Begin a new one right after, at this isolation level.
        begin_new: Option<u8>,
    },
    /// Savepoint.
    Save {
        /// Its name.
        name: String,
    },
}

/// One logged-in session of the engine. Errors that the client sees go through the [`Sink`]; `Err` from these calls
/// means the request was cancelled, and the transaction state is as SQL Server leaves it after an attention.
pub trait Session: Send {
    /// Runs a batch.
    fn batch(&mut self, sql: &str, sink: &mut dyn Sink) -> Result<(), Cancelled>;
    /// Runs a procedure by name: `sp_executesql`, `sp_prepare`, `sp_execute`, `sp_prepexec`, `sp_unprepare`, `sp_describe…`,
    /// system or user procedures.
    fn rpc(&mut self, procedure: &str, params: Vec<Param>, sink: &mut dyn Sink) -> Result<RpcOutcome, Cancelled>;
    /// Runs a transaction-manager request.
    fn transaction(&mut self, request: TransactionRequest, sink: &mut dyn Sink) -> Result<(), Cancelled>;
    /// The bulk load that the last batch (`INSERT BULK`) opened, if it did: the columns the client named, in its order.
    fn bulk_columns(&self) -> Option<Vec<ColumnMeta>>;
    /// Loads rows of that bulk load as they arrive; `Ok(None)` ends it. Row count on success. Constraint errors undo the whole load.
    fn bulk_load(
        &mut self,
        columns: &[ColumnMeta],
        rows: &mut dyn FnMut() -> SqlResult<Option<Vec<Datum>>>,
        sink: &mut dyn Sink,
    ) -> Result<(), Cancelled>;
    /// Rolls back and clears session state (`sp_reset_connection`, or the connection ended).
    fn reset(&mut self);
}

/// Opens sessions.
pub trait Engine: Send + Sync {
    /// Logs in. Error 18456 for a wrong login or password, 4060 for a database that cannot be opened.
    fn login(&self, login: &LoginRequest) -> SqlResult<Box<dyn Session>>;
}

/// What a client logs in with.
#[derive(Clone, Default)]
pub struct LoginRequest {
    /// SQL login.
    pub user: String,
    /// Password.
    pub password: String,
    /// Database, empty for the login's default (`master`).
    pub database: String,
    /// `HOST_NAME()`.
    pub host_name: String,
    /// `APP_NAME()`.
    pub app_name: String,
    /// Peer address, for `sys.dm_exec_connections`.
    pub peer: String,
    /// The connection, for what has to break it.
    pub line: Arc<Line>,
}
