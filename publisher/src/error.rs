//! The crate's error.

use crate::snapshot::SnapshotError;
use proto::message::RefusalKind;
use proto::transport::TransportError;
use std::error::Error as StdError;

/// A failure of the publisher: kind, what happened, and what was behind it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// Kind; the retry decision follows from it.
    pub kind: ErrorKind,
    message: String,
    #[source]
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Kinds of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Something that passes: a connection lost, a deadlock, a server that is down. Trying again can help.
    Transient,
    /// Another log reader is attached.
    Busy,
    /// A newer log reader took over.
    Fenced,
    /// Changes are lost or cannot be passed on.
    Problem,
    /// Asked for something that cannot be: a table, column, filter or publication.
    Invalid,
    /// Refused by server or distributor, in a way that trying again does not change.
    Refused,
    /// The working directory.
    WorkingDirectory,
}

impl Error {
    /// Without a cause.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// Asked for something that cannot be.
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
}

impl From<sqlserver::Error> for Error {
    fn from(error: sqlserver::Error) -> Self {
        let kind = if error.is_transient() { ErrorKind::Transient } else { ErrorKind::Refused };
        Self::because(kind, error.to_string(), error)
    }
}

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Self {
        let kind = match error.refusal().map(|refusal| refusal.kind) {
            Some(RefusalKind::Busy) => ErrorKind::Busy,
            Some(RefusalKind::Fenced) => ErrorKind::Fenced,
            Some(RefusalKind::NotFound | RefusalKind::Exists | RefusalKind::Invalid) => ErrorKind::Invalid,
            _ if error.is_transient() => ErrorKind::Transient,
            _ => ErrorKind::Refused,
        };
        Self::because(kind, error.to_string(), error)
    }
}

impl From<workdir::WorkDirError> for Error {
    fn from(error: workdir::WorkDirError) -> Self {
        let kind = if error.is_transient() { ErrorKind::Transient } else { ErrorKind::WorkingDirectory };
        Self::because(kind, error.to_string(), error)
    }
}

impl From<SnapshotError> for Error {
    fn from(error: SnapshotError) -> Self {
        let kind = kind_of(&error);
        Self::because(kind, error.to_string(), error)
    }
}

fn kind_of(error: &SnapshotError) -> ErrorKind {
    match error {
        SnapshotError::Server(error) if error.is_transient() => ErrorKind::Transient,
        SnapshotError::WorkDir(error) if error.is_transient() => ErrorKind::Transient,
        SnapshotError::Distributor(error) if error.is_transient() => ErrorKind::Transient,
        SnapshotError::Server(_) | SnapshotError::Distributor(_) => ErrorKind::Refused,
        SnapshotError::WorkDir(_) => ErrorKind::WorkingDirectory,
        SnapshotError::Invalid(_) => ErrorKind::Invalid,
        SnapshotError::Unfinished { source } => kind_of(source),
    }
}

impl From<cli::CliError> for Error {
    fn from(error: cli::CliError) -> Self {
        Self::because(ErrorKind::Invalid, error.to_string(), error)
    }
}
