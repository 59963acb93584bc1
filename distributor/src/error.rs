//! The crate's error.

use crate::catalog::CatalogError;
use crate::log::LogError;
use std::error::Error;

/// What kind of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// A setting, a file's place or its content is not as it should be.
    Configuration,
    /// Another process has the data directory.
    InUse,
    /// The queue or the catalog cannot be read or written.
    Storage,
    /// The network.
    Network,
}

/// Why the distributor cannot start or go on: what kind, what happened, what to do, and the error behind it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct DistributorError {
    kind: ErrorKind,
    message: String,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl DistributorError {
    /// Without an error behind it.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// With the error behind it.
    pub fn because(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { kind, message: message.into(), source: Some(source.into()) }
    }

    /// Its kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl From<LogError> for DistributorError {
    fn from(error: LogError) -> Self {
        Self::because(ErrorKind::Storage, "the queue cannot be used", error)
    }
}

impl From<CatalogError> for DistributorError {
    fn from(error: CatalogError) -> Self {
        Self::because(ErrorKind::Storage, "the catalog cannot be used", error)
    }
}
