//! Why the execution of a statement ends early.

use crate::error::SqlError;
use crate::session::Cancelled;

/// See the module.
#[derive(Debug)]
pub enum Stop {
    /// A T-SQL error that has just happened; the statement it happened in gives it a line and decides what follows.
    Error(SqlError),
    /// An error on its way to the TRY block that catches it. Errors of name resolution are not caught at the level they
    /// happen at, only further out.
    Raised {
        /// The error, with its line.
        error: SqlError,
        /// The level whose TRY blocks do not see it.
        uncaught_at: Option<u32>,
    },
    /// The batch or procedure that runs is over, its caller goes on; the client has been told why. The error's number is its
    /// return status.
    ScopeAborted(i32),
    /// Everything that runs is over; the client has been told why.
    BatchAborted,
    /// The client cancelled.
    Cancelled,
}

/// Result of whatever executes.
pub type Exec<T> = Result<T, Stop>;

impl From<SqlError> for Stop {
    fn from(error: SqlError) -> Self {
        Self::Error(error)
    }
}

impl From<Cancelled> for Stop {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) {
            return Self::Cancelled;
        }
        Self::Error(super::storage_error(error))
    }
}
