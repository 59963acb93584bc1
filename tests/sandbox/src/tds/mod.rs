//! The server side of TDS 7.4, as pure functions over bytes; sockets and threads are in [`crate::server`].
//!
//! Source of every layout here: [MS-TDS], <https://learn.microsoft.com/openspecs/windows_protocols/ms-tds/>; comments give
//! its section numbers.
//!
//! What comes in is never trusted: a length is checked against the bytes that are there before anything is allocated, and
//! a value against its type's range before it becomes a [`Datum`](crate::types::Datum).

pub mod bulk;
pub mod cursor;
pub mod login;
pub mod packet;
pub mod prelogin;
pub mod request;
pub mod rpc;
pub mod text;
pub mod token;
pub mod type_info;
pub mod value;

use crate::error::SqlError;

/// Why bytes from a client could not be read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WireError {
    /// The bytes end before the structure does. In a complete message that is malformed; in a stream, more may come.
    #[error("the TDS message ends in the middle of {0}")]
    Truncated(&'static str),
    /// The bytes contradict the protocol.
    #[error("malformed TDS message: {0}")]
    Malformed(String),
    /// Well-formed, but refused: the client gets this error and the connection goes on.
    #[error(transparent)]
    Refused(#[from] SqlError),
}

impl WireError {
    /// Contradicts the protocol.
    pub fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed(what.into())
    }

    /// As the T-SQL error that the client sees.
    ///
    /// 4002: <https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-4000-to-4999>.
    pub fn into_sql(self) -> SqlError {
        match self {
            Self::Refused(error) => error,
            other => SqlError::new(
                4002,
                format!("The incoming tabular data stream (TDS) protocol stream is incorrect. {other}"),
            )
            .severity(20),
        }
    }
}

/// Result of reading bytes from a client.
pub type WireResult<T> = Result<T, WireError>;
