//! The crate's error.

use std::error::Error;

/// A setting, a file or a terminal that is not as it should be: what, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct CliError {
    message: String,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl CliError {
    /// Without a cause.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// With the error behind it.
    pub fn because(message: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { message: message.into(), source: Some(source.into()) }
    }
}
