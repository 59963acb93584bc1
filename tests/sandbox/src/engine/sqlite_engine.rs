//! The engine as the wire sees it.

use super::extension::Extension;
use super::server_state::Server;
use super::session::SqlSession;
use crate::cdc::ChangeDataCapture;
use crate::error::SqlResult;
use crate::faults::Faults;
use crate::session::{Engine, LoginRequest, Session};
use std::path::Path;
use std::sync::Arc;

/// What a server is opened with.
#[derive(Clone)]
pub struct EngineOptions {
    /// Password of `sa`.
    pub sa_password: String,
    /// `@@SERVERNAME`.
    pub server_name: String,
    /// How hard a commit is pushed to disk.
    pub synchronous: Synchronous,
    /// Faults that tests ask for; a server has its own.
    pub faults: Arc<Faults>,
}

impl EngineOptions {
    /// The usual options.
    pub fn new(sa_password: impl Into<String>) -> Self {
        Self {
            sa_password: sa_password.into(),
            server_name: "SANDBOX".to_owned(),
            synchronous: Synchronous::Normal,
            faults: Arc::default(),
        }
    }
}

/// SQLite's `synchronous` setting: <https://www.sqlite.org/pragma.html#pragma_synchronous>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Synchronous {
    /// Never synced: a crash of the machine may damage the database.
    Off,
    /// Consistent after a crash of the machine, which may lose the last commits.
    #[default]
    Normal,
    /// Every commit is synced.
    Full,
}

impl Synchronous {
    pub(super) fn pragma(self) -> &'static str {
        match self {
            Synchronous::Off => "OFF",
            Synchronous::Normal => "NORMAL",
            Synchronous::Full => "FULL",
        }
    }
}

/// A server whose databases are SQLite files in a directory.
#[derive(Debug)]
pub struct SqliteEngine {
    server: Arc<Server>,
}

impl SqliteEngine {
    /// Opens the server in `directory`, or makes one, with change data capture.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn open(directory: &Path, options: EngineOptions) -> SqlResult<Arc<Self>> {
        Self::open_with(directory, options, Arc::new(ChangeDataCapture::default()))
    }

    /// The same with another extension.
    ///
    /// # Errors
    /// As [`SqliteEngine::open`].
    pub fn open_with(directory: &Path, options: EngineOptions, extension: Arc<dyn Extension>) -> SqlResult<Arc<Self>> {
        Ok(Arc::new(Self { server: Server::open(directory, options, extension)? }))
    }

    /// The server behind it.
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// Logs in, for callers that need more than a [`Session`].
    ///
    /// # Errors
    /// 18456 and 4060.
    pub fn open_session(&self, request: &LoginRequest) -> SqlResult<SqlSession> {
        SqlSession::login(&self.server, request)
    }
}

impl Drop for SqliteEngine {
    fn drop(&mut self) {
        self.server.close();
    }
}

impl Engine for SqliteEngine {
    fn login(&self, request: &LoginRequest) -> SqlResult<Box<dyn Session>> {
        Ok(Box::new(self.open_session(request)?))
    }
}
