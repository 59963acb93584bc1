//! A sandbox, and bare SQLite with the settings that the sandbox gives it.

use rusqlite::Connection;
use sandbox::engine::session::SqlSession;
use sandbox::engine::{EngineOptions, SqliteEngine};
use sandbox::error::SqlError;
use sandbox::server::{InProcess, ServerOptions, TlsMode, start_in_process};
use sandbox::session::{Cancelled, ColumnMeta, LoginRequest, Session, Sink, TransactionChange};
use sandbox::types::Datum;
use std::sync::Arc;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

pub const PASSWORD: &str = "Bench 1 password";

pub type Tiberius = Client<Compat<TcpStream>>;

/// A sandbox with a database `bench`.
pub struct Sandbox {
    pub engine: Arc<SqliteEngine>,
    pub server: InProcess,
    _folder: tempfile::TempDir,
}

impl Sandbox {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let engine = SqliteEngine::open(folder.path(), EngineOptions::new(PASSWORD)).expect("the engine opens");
        let options = ServerOptions { tls: TlsMode::Off, ..ServerOptions::default() };
        let server = start_in_process(engine.clone(), options).expect("the server listens");
        let sandbox = Self { engine, server, _folder: folder };
        run(&mut sandbox.session("master"), "CREATE DATABASE bench");
        sandbox
    }

    /// A session in this process.
    pub fn session(&self, database: &str) -> SqlSession {
        let request = LoginRequest {
            user: "sa".to_owned(),
            password: PASSWORD.to_owned(),
            database: database.to_owned(),
            ..LoginRequest::default()
        };
        self.engine.open_session(&request).expect("sa may log in")
    }

    /// A connection of the client library.
    pub async fn tiberius(&self) -> Tiberius {
        let mut config = Config::new();
        config.host("127.0.0.1");
        config.port(self.server.local_addr().port());
        config.authentication(AuthMethod::sql_server("sa", PASSWORD));
        config.encryption(EncryptionLevel::NotSupported);
        config.database("bench");
        let stream = TcpStream::connect(config.get_addr()).await.expect("the server accepts");
        stream.set_nodelay(true).expect("a socket option");
        Box::pin(Client::connect(config, stream.compat_write())).await.expect("sa may log in")
    }

    /// Enables change data capture, and for a table. The capture job is stopped: its work is not the writer's.
    pub fn track(&self, table: &str) {
        let mut session = self.session("bench");
        run(
            &mut session,
            &format!(
                "EXEC sys.sp_cdc_enable_db; EXEC sys.sp_cdc_enable_table N'dbo', N'{table}', @role_name = NULL; \
                 EXEC sys.sp_cdc_stop_job"
            ),
        );
    }
}

/// Runs a batch that must succeed; how many rows it returned or changed.
pub fn run(session: &mut SqlSession, sql: &str) -> u64 {
    let mut sink = Counter::default();
    session.batch(sql, &mut sink).expect("nobody cancels");
    sink.check();
    sink.rows
}

/// A client that counts.
#[derive(Default)]
pub struct Counter {
    pub rows: u64,
    pub done: u64,
    error: Option<SqlError>,
}

impl Counter {
    /// That nothing failed.
    pub fn check(&self) {
        assert!(self.error.is_none(), "{:?}", self.error);
    }
}

impl Sink for Counter {
    fn columns(&mut self, _: &[ColumnMeta]) -> Result<(), Cancelled> {
        Ok(())
    }
    fn row(&mut self, row: &[Datum]) -> Result<(), Cancelled> {
        std::hint::black_box(row);
        self.rows += 1;
        Ok(())
    }
    fn statement_done(&mut self, rows: Option<u64>, _: bool) -> Result<(), Cancelled> {
        self.done += rows.unwrap_or(0);
        Ok(())
    }
    fn message(&mut self, message: &SqlError) -> Result<(), Cancelled> {
        if message.severity > 10 {
            self.error = Some(message.clone());
        }
        Ok(())
    }
    fn database_changed(&mut self, _: &str, _: &str) -> Result<(), Cancelled> {
        Ok(())
    }
    fn transaction_changed(&mut self, _: TransactionChange) -> Result<(), Cancelled> {
        Ok(())
    }
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Bare SQLite in a file of its own.
pub struct Bare {
    pub db: Connection,
    _folder: tempfile::TempDir,
}

impl Bare {
    pub fn open() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let db = Connection::open(folder.path().join("bare.db")).expect("SQLite opens");
        db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).expect("SQLite has a log");
        db.execute_batch(
            "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384; PRAGMA journal_size_limit = 67108864",
        )
        .expect("SQLite takes settings");
        Self { db, _folder: folder }
    }
}

/// A runtime for the client library.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}
