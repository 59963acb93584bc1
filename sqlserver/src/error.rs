//! What can go wrong with a server, and whether trying again can help.

use std::fmt;

/// A failure at a SQL Server: its kind, what was attempted where, and the server's own words.
#[derive(Debug, thiserror::Error)]
#[error("{what} at {place}: {message}")]
pub struct Error {
    /// Kind, from which the retry decision follows.
    pub kind: ErrorKind,
    what: String,
    place: String,
    message: String,
}

/// Kinds of failures. Numbers are those of `sys.messages`
/// (<https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The server cannot be reached.
    Connect,
    /// TLS could not be agreed on or the certificate is not trusted.
    Tls,
    /// Login refused (18456 and its like).
    Login,
    /// The database does not exist or the login may not use it (4060).
    NoDatabase,
    /// No answer within the time given.
    Timeout,
    /// Chosen as a deadlock's victim (1205).
    Deadlock,
    /// A lock was not granted in time (1222).
    LockTimeout,
    /// A snapshot transaction met a change made since it began (3960).
    SnapshotConflict,
    /// The connection broke, or was left in the middle of something.
    ConnectionLost,
    /// The server is up but cannot serve now (failover, throttling).
    Unavailable,
    /// The server refused a statement.
    Server {
        /// Error number.
        number: u32,
        /// Severity.
        severity: u8,
        /// State.
        state: u8,
    },
    /// A value or column has a type that is not handled, or another one than was said.
    Type,
    /// The question makes no sense for this server, e.g. a table that does not exist.
    Invalid,
}

/// Errors that a server, failover group or gateway gives while it cannot serve for a moment
/// (<https://learn.microsoft.com/azure/azure-sql/database/troubleshoot-common-errors-issues>), or for as long as somebody restores the
/// database (<https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999>).
const UNAVAILABLE: [u32; 19] =
    [233, 596, 921, 922, 924, 926, 927, 983, 4221, 6005, 10928, 10929, 10936, 40143, 40197, 40501, 40540, 40613, 49918];
const LOGIN: [u32; 7] = [18401, 18452, 18456, 18470, 18486, 18487, 18488];

impl Error {
    pub(crate) fn new(
        kind: ErrorKind,
        what: impl Into<String>,
        place: impl fmt::Display,
        message: impl Into<String>,
    ) -> Self {
        Self { kind, what: what.into(), place: place.to_string(), message: message.into() }
    }

    pub(crate) fn from_client(
        error: tiberius::error::Error,
        what: impl Into<String>,
        place: impl fmt::Display,
    ) -> Self {
        use tiberius::error::{Error as E, IoErrorKind};
        let (kind, message) = match &error {
            E::Server(token) => (
                kind_of_number(token.code(), token.class(), token.state()),
                format!("error {}: {}", token.code(), token.message()),
            ),
            E::Io { kind: IoErrorKind::TimedOut, .. } => (ErrorKind::Timeout, "no answer in the time given".to_owned()),
            E::Io { message, .. } => (ErrorKind::ConnectionLost, without_code(message).to_owned()),
            E::Tls(message) => (ErrorKind::Tls, without_code(message).to_owned()),
            E::Protocol(_) | E::Routing { .. } => (ErrorKind::ConnectionLost, error.to_string()),
            _ => (ErrorKind::Type, error.to_string()),
        };
        Self { kind, what: what.into(), place: place.to_string(), message }
    }

    /// The same with what to do about it.
    pub fn advised(self, advice: &str) -> Self {
        Self { message: format!("{}. {advice}", self.message()), ..self }
    }

    /// Whether the same can succeed when tried again on a new connection.
    pub fn is_transient(&self) -> bool {
        use ErrorKind::*;
        match self.kind {
            Connect | Timeout | Deadlock | LockTimeout | SnapshotConflict | ConnectionLost | Unavailable => true,
            Tls | Login | NoDatabase | Server { .. } | Type | Invalid => false,
        }
    }

    /// The server's error number, if it is one.
    pub fn number(&self) -> Option<u32> {
        match self.kind {
            ErrorKind::Server { number, .. } => Some(number),
            ErrorKind::Deadlock => Some(1205),
            ErrorKind::LockTimeout => Some(1222),
            ErrorKind::SnapshotConflict => Some(3960),
            ErrorKind::NoDatabase => Some(4060),
            _ => None,
        }
    }

    /// What the server or the client library said, without what was attempted and where, and without a full stop at its end: it stands
    /// within sentences.
    pub fn message(&self) -> &str {
        self.message.strip_suffix('.').unwrap_or(&self.message)
    }
}

/// The client library's words without what it advises to programmers.
fn without_code(message: &str) -> &str {
    let message = message.trim_start_matches("An error occurred during the attempt of performing I/O: ");
    let end = [" To connect anyway", ": https://docs.rs/"].iter().filter_map(|advice| message.find(advice)).min();
    message[..end.unwrap_or(message.len())].trim_end()
}

fn kind_of_number(number: u32, severity: u8, state: u8) -> ErrorKind {
    match number {
        1205 => ErrorKind::Deadlock,
        1222 => ErrorKind::LockTimeout,
        3960 => ErrorKind::SnapshotConflict,
        4060 => ErrorKind::NoDatabase,
        _ if LOGIN.contains(&number) => ErrorKind::Login,
        _ if UNAVAILABLE.contains(&number) => ErrorKind::Unavailable,
        _ => ErrorKind::Server { number, severity, state },
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, ErrorKind, kind_of_number};

    #[test]
    fn what_can_pass_is_told_from_what_cannot() {
        let transient =
            |number| Error::new(kind_of_number(number, 16, 1), "reading", "sql1/Sports", "…").is_transient();
        for number in [1205, 1222, 3960, 927, 40613] {
            assert!(transient(number), "{number}");
        }
        for number in [18456, 4060, 547, 2627, 8152, 208] {
            assert!(!transient(number), "{number}");
        }
    }

    #[test]
    fn what_the_client_library_tells_programmers_is_left_out() {
        let said = "the server's certificate was rejected during the TLS handshake: UnknownIssuer. To connect anyway you can: (1) …";
        let error =
            Error::from_client(tiberius::error::Error::Tls(said.to_owned()), "logging in as sa", "sql1,1433/Sports");
        assert_eq!(error.message(), "the server's certificate was rejected during the TLS handshake: UnknownIssuer");
        let said = "An error occurred during the attempt of performing I/O: peer closed connection without sending TLS close_notify: \
                    https://docs.rs/rustls/latest/rustls/manual/_03_howto/index.html#unexpected-eof";
        let lost =
            tiberius::error::Error::Io { kind: tiberius::error::IoErrorKind::UnexpectedEof, message: said.to_owned() };
        let error = Error::from_client(lost, "reading", "sql1,1433/Sports");
        assert_eq!(error.message(), "peer closed connection without sending TLS close_notify");
    }

    #[test]
    fn an_error_says_what_where_and_why() {
        let error = Error::new(ErrorKind::Connect, "connecting", "sql1,1433/Sports", "connection refused");
        assert_eq!(error.to_string(), "connecting at sql1,1433/Sports: connection refused");
        let said = Error::new(ErrorKind::Connect, "reading", "sql1", "error 8144: Too many arguments.");
        assert_eq!(said.message(), "error 8144: Too many arguments");
    }
}
