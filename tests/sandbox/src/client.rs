//! An ordinary client of a server, as an application would use it: for the demo and the tests, which do not trust the
//! product's own connections to judge the product.

use std::time::Duration;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, Row, ToSql, TokenRow};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

/// What went wrong, with the statement's beginning.
#[derive(Debug, thiserror::Error)]
#[error("{server}: {source} (in: {statement})")]
pub struct SqlError {
    server: String,
    statement: String,
    #[source]
    source: tiberius::error::Error,
}

/// How to reach a server.
#[derive(Clone)]
pub struct Server {
    /// What it is called in errors.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// SQL login.
    pub login: String,
    /// Its password.
    pub password: String,
    /// Whether to encrypt more than the login.
    pub encrypt: bool,
}

/// A connection.
pub struct Connection {
    server: String,
    client: Client<Compat<TcpStream>>,
}

impl Server {
    /// A sandbox on this machine, as `sa`.
    pub fn sandbox(name: &str, port: u16, password: &str) -> Self {
        let (name, password) = (name.to_owned(), password.to_owned());
        Self { name, host: "127.0.0.1".to_owned(), port, login: "sa".to_owned(), password, encrypt: false }
    }

    /// The server of `TEST_SQLSERVER_URL`, `mssql://login[:password]@host[:port]`; the password may stand in
    /// `TEST_SQLSERVER_PASSWORD` instead. `None` when it is not set.
    ///
    /// # Panics
    /// When it is set to something else.
    pub fn from_environment() -> Option<Self> {
        let url = std::env::var("TEST_SQLSERVER_URL").ok().filter(|url| !url.is_empty())?;
        let rest = url.strip_prefix("mssql://").expect("TEST_SQLSERVER_URL starts with mssql://");
        let rest = rest.split(['/', '?']).next().expect("a split has a first part");
        let (user, host) = rest.rsplit_once('@').expect("TEST_SQLSERVER_URL names a login before an @");
        let (login, password) = match user.split_once(':') {
            Some((login, password)) => (login, password.to_owned()),
            None => (user, std::env::var("TEST_SQLSERVER_PASSWORD").expect("TEST_SQLSERVER_PASSWORD is set")),
        };
        let (host, port) = match host.split_once(':') {
            Some((host, port)) => (host, port.parse().expect("the port is a number")),
            None => (host, 1433),
        };
        let (host, login) = (host.to_owned(), login.to_owned());
        Some(Self { name: "real".to_owned(), host, port, login, password, encrypt: true })
    }

    /// Connects to a database.
    pub async fn connect(&self, database: &str) -> Result<Connection, SqlError> {
        let error =
            |source| SqlError { server: self.name.clone(), statement: format!("connect to {database}"), source };
        let mut config = Config::new();
        config.host(&self.host);
        config.port(self.port);
        config.database(database);
        config.authentication(AuthMethod::sql_server(&self.login, &self.password));
        config.encryption(if self.encrypt { EncryptionLevel::Required } else { EncryptionLevel::Off });
        config.trust_cert();
        config.command_timeout(Some(Duration::from_secs(300)));
        let stream = TcpStream::connect(config.get_addr()).await.map_err(|e| error(e.into()))?;
        stream.set_nodelay(true).map_err(|e| error(e.into()))?;
        let client = Box::pin(Client::connect(config, stream.compat_write())).await.map_err(error)?;
        Ok(Connection { server: self.name.clone(), client })
    }
}

impl Connection {
    /// Runs a batch and reads everything it answers.
    pub async fn run(&mut self, sql: &str) -> Result<Vec<Row>, SqlError> {
        let server = self.server.as_str();
        let error = |source| failed(server, sql, source);
        let results = self.client.simple_query(sql).await.map_err(error)?.into_results().await.map_err(error)?;
        Ok(results.into_iter().flatten().collect())
    }

    /// Runs a parameterised statement and reads everything it answers.
    pub async fn query(&mut self, sql: &str, parameters: &[&dyn ToSql]) -> Result<Vec<Row>, SqlError> {
        let server = self.server.as_str();
        let error = |source| failed(server, sql, source);
        let results = self.client.query(sql, parameters).await.map_err(error)?.into_results().await.map_err(error)?;
        Ok(results.into_iter().flatten().collect())
    }

    /// Loads rows into all columns of a table, as a bulk copy.
    pub async fn load(&mut self, table: &str, rows: Vec<TokenRow<'static>>) -> Result<u64, SqlError> {
        let server = self.server.as_str();
        let error = |source| failed(server, table, source);
        let mut load = self.client.bulk_insert(table).await.map_err(error)?;
        for row in rows {
            load.send(row).await.map_err(error)?;
        }
        Ok(load.finalize().await.map_err(error)?.total())
    }

    /// Streams the rows of one query.
    pub async fn stream(
        &mut self,
        sql: &str,
    ) -> Result<futures::stream::BoxStream<'_, tiberius::Result<Row>>, SqlError> {
        let server = self.server.as_str();
        let error = |source| failed(server, sql, source);
        Ok(self.client.simple_query(sql).await.map_err(error)?.into_row_stream())
    }

    /// Wraps an error of a [`Connection::stream`].
    pub fn stream_failed(server: &str, sql: &str, source: tiberius::error::Error) -> SqlError {
        failed(server, sql, source)
    }
}

fn failed(server: &str, sql: &str, source: tiberius::error::Error) -> SqlError {
    let statement: String = sql.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(80).collect();
    SqlError { server: server.to_owned(), statement, source }
}

impl SqlError {
    /// Number of the server's error, if the server raised it.
    pub fn number(&self) -> Option<u32> {
        self.source.code()
    }
}
