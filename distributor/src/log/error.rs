//! What can go wrong with a log.

use std::io;
use std::path::{Path, PathBuf};

/// Why a log could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The system said no.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A file is not what was written.
    #[error("{} is damaged at byte {offset}: {why}; restore it, or move the queue away and initialise the subscriptions again", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// What was asked for has been dropped.
    #[error("what comes after this position is no longer in the queue")]
    Gone,
    /// Cannot be stored.
    #[error("a record of {bytes} bytes is too large to be stored")]
    TooLarge {
        /// Its size.
        bytes: u64,
    },
}

impl LogError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
