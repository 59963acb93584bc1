//! The role's error, and whether trying again can help.

use crate::core::CoreError;
use proto::message::RefusalKind;
use proto::transport::TransportError;
use std::error::Error as StdError;
use std::fmt;

/// Kinds of failures; the retry decision follows from the kind alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// It passes by itself: a connection, a deadlock, a server that restarts, a subscription that another process runs.
    Transient,
    /// A row is missing, or the database refuses one.
    Row,
    /// A table cannot be changed as the publisher's was.
    Schema,
    /// The stream contradicts itself or the subscription.
    Stream,
    /// The queue no longer has what is needed: initialise again.
    Expired,
    /// What was asked for cannot be done.
    Invalid,
}

/// A failure: its kind, what happened and what to do, and the error behind it.
#[derive(Debug)]
pub struct Error {
    /// Kind.
    pub kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Without an error behind it.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// That something asked for cannot be done.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// With the error behind it.
    pub fn because(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self { kind, message: message.into(), source: Some(source.into()) }
    }

    /// For logs: what the database or we say of a row may hold its values.
    pub fn without_values(&self) -> &str {
        match self.kind {
            ErrorKind::Row => "a row could not be applied (the error at the end of the process names it)",
            _ => &self.message,
        }
    }

    /// Whether the same can succeed when tried again.
    pub fn is_transient(&self) -> bool {
        self.kind == ErrorKind::Transient
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}

impl From<sqlserver::Error> for Error {
    fn from(error: sqlserver::Error) -> Self {
        let kind = if error.is_transient() { ErrorKind::Transient } else { ErrorKind::Invalid };
        Self::because(kind, error.to_string(), error)
    }
}

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Self {
        let kind = match error.refusal().map(|refusal| refusal.kind) {
            Some(RefusalKind::Expired) => ErrorKind::Expired,
            _ if error.is_transient() => ErrorKind::Transient,
            _ => ErrorKind::Invalid,
        };
        Self::because(kind, error.to_string(), error)
    }
}

impl From<workdir::WorkDirError> for Error {
    fn from(error: workdir::WorkDirError) -> Self {
        let kind = if error.is_transient() { ErrorKind::Transient } else { ErrorKind::Invalid };
        Self::because(kind, error.to_string(), error)
    }
}

impl From<CoreError> for Error {
    fn from(error: CoreError) -> Self {
        Self::because(ErrorKind::Stream, error.to_string(), error)
    }
}

impl From<cli::CliError> for Error {
    fn from(error: cli::CliError) -> Self {
        Self::because(ErrorKind::Invalid, error.to_string(), error)
    }
}
