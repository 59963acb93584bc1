//! Errors with SQL Server's own numbers.

/// A T-SQL error or message as it crosses the wire.
///
/// Numbers and texts: <https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors>.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("Msg {number}, Level {severity}, State {state}, Line {line}: {message}")]
pub struct SqlError {
    /// Error number (`sys.messages.message_id`).
    pub number: i32,
    /// Severity 0–25; 10 and below is information.
    pub severity: u8,
    /// State.
    pub state: u8,
    /// Message text.
    pub message: String,
    /// Procedure it was raised in, or empty.
    pub procedure: String,
    /// Line in the batch or procedure, from 1.
    pub line: u32,
}

impl SqlError {
    /// An error of severity 16, state 1.
    pub fn new(number: i32, message: impl Into<String>) -> Self {
        Self { number, severity: 16, state: 1, message: message.into(), procedure: String::new(), line: 1 }
    }

    /// The same with another severity.
    #[must_use]
    pub fn severity(mut self, severity: u8) -> Self {
        self.severity = severity;
        self
    }

    /// The same with another state.
    #[must_use]
    pub fn with_state(mut self, state: u8) -> Self {
        self.state = state;
        self
    }

    /// The same with a line.
    #[must_use]
    pub fn at_line(mut self, line: u32) -> Self {
        self.line = line;
        self
    }

    /// Valid T-SQL that the sandbox leaves out: error 40517-like refusal under a number of our own, so that it is never
    /// mistaken for an answer. The text always starts with `sandbox: not supported:`.
    pub fn unsupported(what: impl std::fmt::Display) -> Self {
        Self::new(50_000, format!("sandbox: not supported: {what}"))
    }
}

/// Result of everything that can raise a T-SQL error.
pub type SqlResult<T> = Result<T, SqlError>;
