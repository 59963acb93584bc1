//! The demo's own connection to the two servers: an ordinary client, as an application would use it.

use std::time::Duration;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, Row, ToSql};
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

/// A server of the demo.
#[derive(Clone)]
pub struct Server {
    /// What the demo calls it.
    pub name: &'static str,
    /// TCP port on loopback.
    pub port: u16,
    /// Password of `sa`.
    pub password: String,
}

/// A connection.
pub struct Connection {
    server: &'static str,
    client: Client<Compat<TcpStream>>,
}

impl Server {
    /// Connects to a database.
    pub async fn connect(&self, database: &str) -> Result<Connection, SqlError> {
        let error =
            |source| SqlError { server: self.name.to_owned(), statement: format!("connect to {database}"), source };
        let mut config = Config::new();
        config.host("127.0.0.1");
        config.port(self.port);
        config.database(database);
        config.authentication(AuthMethod::sql_server("sa", &self.password));
        config.encryption(EncryptionLevel::Off);
        config.trust_cert();
        config.command_timeout(Some(Duration::from_secs(60)));
        let stream = TcpStream::connect(config.get_addr()).await.map_err(|e| error(e.into()))?;
        stream.set_nodelay(true).map_err(|e| error(e.into()))?;
        let client = Client::connect(config, stream.compat_write()).await.map_err(error)?;
        Ok(Connection { server: self.name, client })
    }
}

impl Connection {
    /// Runs a batch and reads everything it answers.
    pub async fn run(&mut self, sql: &str) -> Result<Vec<Row>, SqlError> {
        let server = self.server;
        let error = |source| failed(server, sql, source);
        let results = self.client.simple_query(sql).await.map_err(error)?.into_results().await.map_err(error)?;
        Ok(results.into_iter().flatten().collect())
    }

    /// Runs a parameterised statement and reads everything it answers.
    pub async fn query(&mut self, sql: &str, parameters: &[&dyn ToSql]) -> Result<Vec<Row>, SqlError> {
        let server = self.server;
        let error = |source| failed(server, sql, source);
        let results = self.client.query(sql, parameters).await.map_err(error)?.into_results().await.map_err(error)?;
        Ok(results.into_iter().flatten().collect())
    }

    /// Streams the rows of one query.
    pub async fn stream(&mut self, sql: &str) -> Result<futures::stream::BoxStream<'_, tiberius::Result<Row>>, SqlError> {
        let server = self.server;
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
