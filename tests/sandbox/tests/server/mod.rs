//! A sandbox server over a temporary folder, and a client's few verbs.
#![allow(clippy::unwrap_used, dead_code)]

use futures::TryStreamExt;
use sandbox::engine::{EngineOptions, SqliteEngine};
use sandbox::server::{InProcess, ServerOptions, TlsMode, start_in_process};
use std::path::Path;
use std::time::Duration;
use tiberius::{AuthMethod, Client, ColumnData, Config, EncryptionLevel, QueryItem, ToSql};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

pub type Connection = Client<Compat<TcpStream>>;

/// Longest that a test waits for anything.
pub const LIMIT: Duration = Duration::from_secs(120);

pub const PASSWORD: &str = "Pa55 word!";

/// A running server; its databases go with it.
pub struct Server {
    running: InProcess,
    _folder: Option<tempfile::TempDir>,
}

/// Starts a server with an empty database `shop`.
pub async fn start() -> Server {
    let folder = tempfile::tempdir().unwrap();
    let server = Server { running: run(folder.path()), _folder: Some(folder) };
    exec(&mut server.connect("master").await, "CREATE DATABASE shop").await;
    server
}

/// Starts a server over the databases in a folder.
pub fn start_in(folder: &Path) -> Server {
    Server { running: run(folder), _folder: None }
}

fn run(folder: &Path) -> InProcess {
    let engine = SqliteEngine::open(folder, EngineOptions::new(PASSWORD)).unwrap();
    start_in_process(engine, ServerOptions { tls: TlsMode::Off, ..ServerOptions::default() }).unwrap()
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> std::net::SocketAddr {
        self.running.local_addr()
    }

    /// Logs in as `sa`.
    pub async fn try_connect(&self, database: &str, password: &str) -> tiberius::Result<Connection> {
        self.connect_as(("sa", password), "tests", database).await
    }

    /// Logs in with a login and its password, as an application.
    pub async fn connect_as(
        &self,
        (login, password): (&str, &str),
        application: &str,
        database: &str,
    ) -> tiberius::Result<Connection> {
        let mut config = Config::new();
        config.application_name(application);
        config.host("127.0.0.1");
        config.port(self.running.local_addr().port());
        config.authentication(AuthMethod::sql_server(login, password));
        config.encryption(EncryptionLevel::NotSupported);
        config.database(database);
        let stream = TcpStream::connect(config.get_addr()).await?;
        stream.set_nodelay(true)?;
        let connecting = Box::pin(Client::connect(config, stream.compat_write()));
        tokio::time::timeout(LIMIT, connecting).await.expect("login within the limit")
    }

    /// Logs in to a database.
    pub async fn connect(&self, database: &str) -> Connection {
        self.try_connect(database, PASSWORD).await.unwrap()
    }

    /// Logs in to `shop`.
    pub async fn shop(&self) -> Connection {
        self.connect("shop").await
    }
}

async fn limited<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LIMIT, Box::pin(work)).await {
        Ok(done) => done,
        Err(_) => panic!("no answer within the limit: {what}"),
    }
}

/// Runs a batch; all its results, each row as text.
pub async fn try_exec(client: &mut Connection, sql: &str) -> tiberius::Result<Vec<Vec<String>>> {
    limited(sql, async {
        let mut stream = client.simple_query(sql).await?;
        let mut rows = Vec::new();
        while let Some(item) = stream.try_next().await? {
            if let QueryItem::Row(row) = item {
                rows.push(row.cells().map(|(_, data)| show(data)).collect());
            }
        }
        Ok(rows)
    })
    .await
}

/// The same, where it has to succeed.
pub async fn exec(client: &mut Connection, sql: &str) -> Vec<Vec<String>> {
    match try_exec(client, sql).await {
        Ok(rows) => rows,
        Err(error) => panic!("{error}\nin: {sql}"),
    }
}

/// Rows of a batch, `|` between columns and `;` between rows.
pub async fn text(client: &mut Connection, sql: &str) -> String {
    exec(client, sql).await.iter().map(|row| row.join("|")).collect::<Vec<_>>().join(";")
}

/// The number of the error that a batch must end with.
pub async fn error(client: &mut Connection, sql: &str) -> u32 {
    match try_exec(client, sql).await {
        Ok(rows) => panic!("no error but {rows:?}\nin: {sql}"),
        Err(error) => error.code().unwrap_or_else(|| panic!("{error}\nin: {sql}")),
    }
}

/// Rows of a parameterised statement, as [`text`].
pub async fn query(client: &mut Connection, sql: &str, params: &[&dyn ToSql]) -> tiberius::Result<String> {
    limited(sql, async {
        let rows = client.query(sql, params).await?.into_first_result().await?;
        let rows = rows.iter().map(|row| row.cells().map(|(_, data)| show(data)).collect::<Vec<_>>().join("|"));
        Ok(rows.collect::<Vec<_>>().join(";"))
    })
    .await
}

/// A value as text, `NULL` for NULL.
pub fn show(data: &ColumnData<'_>) -> String {
    fn text<T: ToString>(value: &Option<T>) -> String {
        value.as_ref().map_or_else(|| "NULL".into(), T::to_string)
    }
    match data {
        ColumnData::U8(value) => text(value),
        ColumnData::I16(value) => text(value),
        ColumnData::I32(value) => text(value),
        ColumnData::I64(value) => text(value),
        ColumnData::F32(value) => text(value),
        ColumnData::F64(value) => text(value),
        ColumnData::Bit(value) => text(&value.map(u8::from)),
        ColumnData::String(value) => text(value),
        ColumnData::Guid(value) => text(value),
        ColumnData::Binary(value) => value
            .as_ref()
            .map_or_else(|| "NULL".into(), |bytes| bytes.iter().map(|byte| format!("{byte:02X}")).collect()),
        ColumnData::Numeric(value) => text(value),
        other => format!("{other:?}"),
    }
}
