//! The crate's error.

use std::io;

/// What went wrong with a snapshot or the working directory. Messages name the file and never hold a row's values.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct WorkDirError {
    /// Kind.
    pub kind: ErrorKind,
    message: String,
    #[source]
    source: Option<io::Error>,
}

/// Kinds of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The location is none that can be used.
    Location,
    /// The storage failed. Trying again later can help.
    Storage,
    /// A file is not what was written: cut, altered, or of a version that this build does not know.
    Damaged,
    /// A value does not fit its column.
    Value,
}

impl WorkDirError {
    /// Whether trying again later can help without anyone doing something about it.
    pub fn is_transient(&self) -> bool {
        use io::ErrorKind::{AlreadyExists, NotFound, PermissionDenied, Unsupported};
        let stays =
            |error: &io::Error| matches!(error.kind(), NotFound | PermissionDenied | AlreadyExists | Unsupported);
        self.kind == ErrorKind::Storage && !self.source.as_ref().is_some_and(stays)
    }

    /// Whether a file or folder is missing.
    pub fn is_not_found(&self) -> bool {
        self.source.as_ref().is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
    }

    pub(crate) fn location(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Location, message: message.into(), source: None }
    }

    /// Says why, too: status and logs show no causes.
    pub(crate) fn storage(message: impl Into<String>, source: io::Error) -> Self {
        let message = format!("{}: {source}", message.into());
        Self { kind: ErrorKind::Storage, message, source: Some(source) }
    }

    pub(crate) fn damaged(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Damaged, message: message.into(), source: None }
    }

    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Value, message: message.into(), source: None }
    }
}
