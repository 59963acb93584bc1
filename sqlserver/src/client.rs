//! Connections: statements, streams of rows, bulk loads.

use crate::error::{Error, ErrorKind};
use crate::value;
use crate::variant::Held;
use futures::{Stream, StreamExt};
use proto::{ColumnType, Lsn, Row, Value};
use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use tiberius::{AuthMethod, ColumnData, Config, EncryptionLevel, QueryItem, SqlBulkCopyOption, TokenRow};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};
use uuid::Uuid;
use zeroize::Zeroizing;

type Connection = tiberius::Client<Compat<TcpStream>>;

/// Largest packet that TDS allows; fewest round trips and calls for streams of rows.
const PACKET_SIZE: u32 = 32_767;
/// A gateway may name another address, and that one once more.
const MAX_REDIRECTS: usize = 2;

/// How to reach a server, and as whom.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Database to connect to.
    pub database: String,
    /// SQL Server login.
    pub login: String,
    /// Its password.
    pub password: Zeroizing<String>,
    /// What is encrypted.
    pub encryption: Encryption,
    /// Accept any certificate.
    pub trust_server_certificate: bool,
    /// PEM file of certificate authorities to trust besides the system's.
    pub server_ca: Option<PathBuf>,
    /// Shown by the server in `sys.dm_exec_sessions.program_name`.
    pub application_name: String,
    /// Limit for reaching the server, and another one for the handshake.
    pub connect_timeout: Duration,
    /// Longest silence of the server while it executes a statement; `None` waits for ever.
    pub command_timeout: Option<Duration>,
}

/// What of a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// Everything, or there is no connection.
    Required,
    /// The login only.
    LoginOnly,
    /// Nothing.
    Off,
}

impl ServerOptions {
    /// The same with another limit for statements.
    pub fn with_command_timeout(&self, command_timeout: Option<Duration>) -> Self {
        Self { command_timeout, ..self.clone() }
    }

    /// The same server, another database.
    pub fn with_database(&self, database: &str) -> Self {
        Self { database: database.to_owned(), ..self.clone() }
    }

    /// `host,port/database`, for messages.
    pub fn place(&self) -> String {
        format!("{},{}/{}", self.host, self.port, self.database)
    }

    fn config(&self, host: &str, port: u16) -> Result<Config, Error> {
        let mut config = Config::new();
        config.host(host);
        config.port(port);
        config.database(&self.database);
        config.application_name(&self.application_name);
        config.authentication(AuthMethod::sql_server(&self.login, self.password.as_str()));
        config.packet_size(PACKET_SIZE);
        config.handshake_timeout(Some(self.connect_timeout));
        config.command_timeout(self.command_timeout);
        config.encryption(match self.encryption {
            Encryption::Required => EncryptionLevel::Required,
            Encryption::LoginOnly => EncryptionLevel::Off,
            Encryption::Off => EncryptionLevel::NotSupported,
        });
        if self.trust_server_certificate {
            config.trust_cert();
        } else if let Some(path) = &self.server_ca {
            let bundle = std::fs::read(path).map_err(|error| {
                let what = format!("reading the certificate authorities in {}", path.display());
                Error::new(ErrorKind::Tls, what, self.place(), error.to_string())
            })?;
            config.trust_cert_ca_bundle(bundle);
        }
        Ok(config)
    }
}

/// One connection. After an error that leaves it in the middle of something, and after a future or stream of it was dropped
/// unfinished, it is no longer [usable](Client::is_usable) and every call fails with [`ErrorKind::ConnectionLost`].
#[derive(Debug)]
pub struct Client {
    connection: Connection,
    place: String,
    usable: bool,
}

impl Client {
    /// Connects and logs in.
    pub async fn connect(options: &ServerOptions) -> Result<Self, Error> {
        let place = options.place();
        let (mut host, mut port) = (options.host.clone(), options.port);
        for _ in 0..=MAX_REDIRECTS {
            let config = options.config(&host, port)?;
            let unreachable = |message: String| Error::new(ErrorKind::Connect, "connecting", &place, message);
            let tcp = tokio::time::timeout(options.connect_timeout, TcpStream::connect((host.as_str(), port)))
                .await
                .map_err(|_| unreachable(format!("no answer within {:?}", options.connect_timeout)))?
                .map_err(|error| unreachable(error.to_string()))?;
            tcp.set_nodelay(true).map_err(|error| unreachable(error.to_string()))?;
            match Box::pin(tiberius::Client::connect(config, tcp.compat_write())).await {
                Ok(connection) => return Ok(Self { connection, place, usable: true }),
                Err(tiberius::error::Error::Routing { host: other, port: at }) => (host, port) = (other, at),
                Err(error) => return Err(login_error(error, options)),
            }
        }
        Err(Error::new(ErrorKind::Connect, "connecting", place, "the server keeps naming other addresses"))
    }

    /// Whether it can take a statement.
    pub fn is_usable(&self) -> bool {
        self.usable
    }

    /// `host,port/database`, for messages.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// An error about this server that the server itself did not raise. `what` is what was attempted.
    pub fn error(&self, kind: ErrorKind, what: &str, message: impl Into<String>) -> Error {
        Error::new(kind, what, &self.place, message)
    }

    fn check_usable(&self, what: &str) -> Result<(), Error> {
        if self.usable {
            Ok(())
        } else {
            Err(self.error(ErrorKind::ConnectionLost, what, "the connection was left unusable"))
        }
    }

    /// Runs a batch and discards its results. Unlike [`Client::execute`] it is not a scope of its own: temporary tables that it
    /// makes, settings and transactions stay. `what` says in errors what was attempted, e.g. "committing".
    pub async fn batch(&mut self, what: &str, sql: &str) -> Result<(), Error> {
        let mut rows = self.stream(what, sql, &[]).await?;
        while rows.next().await?.is_some() {}
        Ok(())
    }

    /// Runs a parameterised statement (`sp_executesql`; parameters are `@P1`, `@P2` …, at most [`MAX_PARAMETERS`]) and returns the
    /// numbers of rows that its statements affected.
    pub async fn execute(&mut self, what: &str, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<u64>, Error> {
        self.check_usable(what)?;
        self.usable = false;
        match Box::pin(bind(sql, parameters).execute(&mut self.connection)).await {
            Ok(done) => {
                self.usable = true;
                Ok(done.rows_affected().to_vec())
            }
            Err(error) => {
                self.usable = leaves_usable(&error);
                Err(Error::from_client(error, what, &self.place))
            }
        }
    }

    /// Runs a query and returns all rows of all its results. Without parameters it is a plain batch, like [`Client::batch`].
    pub async fn query(&mut self, what: &str, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, Error> {
        let mut stream = self.stream(what, sql, parameters).await?;
        let mut rows = Vec::new();
        while let Some(row) = stream.next().await? {
            rows.push(row);
        }
        Ok(rows)
    }

    /// Runs a query and returns its rows one by one. The connection is usable again once the end has been read.
    pub async fn stream<'a>(
        &'a mut self,
        what: &'a str,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<RowStream<'a>, Error> {
        self.check_usable(what)?;
        self.usable = false;
        let Self { connection, place, usable } = self;
        let started = if parameters.is_empty() {
            Box::pin(connection.simple_query(sql)).await
        } else {
            Box::pin(bind(sql, parameters).query(connection)).await
        };
        match started {
            Ok(rows) => Ok(RowStream { rows, place, what, usable }),
            Err(error) => {
                *usable = leaves_usable(&error);
                Err(Error::from_client(error, what, &*place))
            }
        }
    }

    /// Bulk-loads rows into all columns of `table` (quoted already, e.g. by [`crate::quote::table`]) and returns their number.
    /// `types` are those of the values, in the order of the table's columns, which themselves must have the types that
    /// [`value::bulk_type`] says. NULLs stay NULL and identity values are taken as sent.
    pub async fn bulk_load(
        &mut self,
        what: &str,
        table: &str,
        types: &[ColumnType],
        rows: impl Stream<Item = Row> + Send,
    ) -> Result<u64, Error> {
        let types: Vec<_> = types.iter().map(|values| (*values, value::bulk_type(*values))).collect();
        self.bulk(what, table, &["*"], &types, rows).await
    }

    /// Bulk-loads rows into columns of `table` (quoted already) and returns how many the server says have arrived.
    pub(crate) async fn bulk_load_columns(
        &mut self,
        what: &str,
        table: &str,
        columns: &[BulkColumn],
        rows: impl Stream<Item = Row> + Send,
    ) -> Result<u64, Error> {
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let types: Vec<_> = columns.iter().map(|column| (column.values, column.loaded_as)).collect();
        self.bulk(what, table, &names, &types, rows).await
    }

    async fn bulk(
        &mut self,
        what: &str,
        table: &str,
        columns: &[&str],
        types: &[(ColumnType, ColumnType)],
        rows: impl Stream<Item = Row> + Send,
    ) -> Result<u64, Error> {
        self.check_usable(what)?;
        self.usable = false;
        match Box::pin(bulk_load(&mut self.connection, table, columns, types, rows)).await {
            Ok(rows) => {
                self.usable = true;
                Ok(rows)
            }
            Err(BulkError::Client(error)) => {
                self.usable = leaves_usable(&error);
                Err(Error::from_client(error, what, &self.place))
            }
            Err(BulkError::Row(message)) => Err(self.error(ErrorKind::Type, what, message)),
        }
    }
}

/// A column that rows are bulk-loaded into.
#[derive(Debug)]
pub(crate) struct BulkColumn {
    /// Name, quoted.
    pub(crate) name: String,
    /// Type of the values.
    pub(crate) values: ColumnType,
    /// Type of the column.
    pub(crate) loaded_as: ColumnType,
}

enum BulkError {
    Client(tiberius::error::Error),
    Row(String),
}

impl From<tiberius::error::Error> for BulkError {
    fn from(error: tiberius::error::Error) -> Self {
        Self::Client(error)
    }
}

async fn bulk_load(
    connection: &mut Connection,
    table: &str,
    columns: &[&str],
    types: &[(ColumnType, ColumnType)],
    rows: impl Stream<Item = Row> + Send,
) -> Result<u64, BulkError> {
    let options = SqlBulkCopyOption::KeepIdentity | SqlBulkCopyOption::KeepNulls;
    let mut load = connection.bulk_insert_with_options(table, columns, options, &[]).await?;
    let mut rows = std::pin::pin!(rows);
    while let Some(row) = rows.next().await {
        if row.len() != types.len() {
            return Err(BulkError::Row(format!(
                "a row of {} values for {} columns of {table}",
                row.len(),
                types.len()
            )));
        }
        let mut sent = TokenRow::with_capacity(row.len());
        for (i, (value, (column_type, loaded_as))) in row.into_iter().zip(types).enumerate() {
            let unfit = || BulkError::Row(format!("the value of column {} of {table} is not {column_type}", i + 1));
            sent.push(value::to_bulk(value, *column_type, *loaded_as).ok_or_else(unfit)?);
        }
        load.send(sent).await?;
    }
    Ok(load.finalize().await?.total())
}

fn bind<'a>(sql: &'a str, parameters: &'a [Parameter<'_>]) -> tiberius::Query<'a> {
    let mut query = tiberius::Query::new(sql);
    query.bind_iter(parameters.iter().map(|parameter| parameter.0.clone()));
    query
}

/// Rows of a query, one by one.
pub struct RowStream<'a> {
    rows: tiberius::QueryStream<'a>,
    place: &'a str,
    what: &'a str,
    usable: &'a mut bool,
}

impl RowStream<'_> {
    /// The next row; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Row>, Error> {
        loop {
            match self.rows.next().await {
                Some(Ok(QueryItem::Row(row))) => return self.decode(row).map(Some),
                Some(Ok(QueryItem::Metadata(_))) => {}
                Some(Err(error)) => {
                    *self.usable = leaves_usable(&error);
                    return Err(Error::from_client(error, self.what, self.place));
                }
                None => {
                    *self.usable = true;
                    return Ok(None);
                }
            }
        }
    }

    fn decode(&self, row: tiberius::Row) -> Result<Row, Error> {
        let mut values = Vec::with_capacity(row.len());
        for (i, data) in row.into_iter().enumerate() {
            values.push(value::from_wire(data).map_err(|unhandled| {
                let message = format!("column {} of the result is {}, which is not handled", i + 1, unhandled.0);
                Error::new(ErrorKind::Type, self.what, self.place, message)
            })?);
        }
        Ok(values)
    }
}

impl fmt::Debug for RowStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowStream").field("what", &self.what).field("place", &self.place).finish_non_exhaustive()
    }
}

/// Parameters that fit one statement: the server takes 2,100, and two go to `sp_executesql` itself.
pub const MAX_PARAMETERS: usize = 2_098;

/// A parameter of a statement.
#[derive(Debug, Clone)]
pub struct Parameter<'a>(ColumnData<'a>);

impl<'a> Parameter<'a> {
    /// A value for a column of this type: as [`From<&Value>`](Parameter), but NULL has the column's type too (an untyped one does
    /// not convert to the binary types).
    pub fn typed(value: &'a Value, column_type: ColumnType) -> Self {
        match value {
            Value::Null => Self(value::null(column_type)),
            value => Self(value::to_parameter(value)),
        }
    }
}

impl<'a> Parameter<'a> {
    /// What a `sql_variant` is cast from.
    pub(crate) fn held(held: &Held<'a>) -> Self {
        Self(held.parameter())
    }
}

impl<'a> From<&'a Value> for Parameter<'a> {
    fn from(value: &'a Value) -> Self {
        Self(value::to_parameter(value))
    }
}

impl<'a> From<&'a str> for Parameter<'a> {
    fn from(text: &'a str) -> Self {
        Self(ColumnData::String(Some(Cow::Borrowed(text))))
    }
}

impl<'a> From<Option<&'a str>> for Parameter<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self(ColumnData::String(text.map(Cow::Borrowed)))
    }
}

impl From<i32> for Parameter<'_> {
    fn from(number: i32) -> Self {
        Self(ColumnData::I32(Some(number)))
    }
}

impl From<i64> for Parameter<'_> {
    fn from(number: i64) -> Self {
        Self(ColumnData::I64(Some(number)))
    }
}

impl From<Option<i32>> for Parameter<'_> {
    fn from(number: Option<i32>) -> Self {
        Self(ColumnData::I32(number))
    }
}

impl From<Option<i64>> for Parameter<'_> {
    fn from(number: Option<i64>) -> Self {
        Self(ColumnData::I64(number))
    }
}

impl From<Option<bool>> for Parameter<'_> {
    fn from(flag: Option<bool>) -> Self {
        Self(ColumnData::Bit(flag))
    }
}

impl From<Lsn> for Parameter<'_> {
    fn from(lsn: Lsn) -> Self {
        Self(ColumnData::Binary(Some(Cow::Owned(lsn.to_bytes().to_vec()))))
    }
}

impl From<Option<Lsn>> for Parameter<'_> {
    fn from(lsn: Option<Lsn>) -> Self {
        Self(ColumnData::Binary(lsn.map(|lsn| Cow::Owned(lsn.to_bytes().to_vec()))))
    }
}

impl From<Uuid> for Parameter<'_> {
    fn from(uuid: Uuid) -> Self {
        Self(ColumnData::Guid(Some(uuid)))
    }
}

impl From<Option<Uuid>> for Parameter<'_> {
    fn from(uuid: Option<Uuid>) -> Self {
        Self(ColumnData::Guid(uuid))
    }
}

/// Whether a connection can go on after this error: only errors that the server itself reported leave it in step, and of those
/// the fatal ones (severity 20 and above) close it
/// (<https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-error-severities>).
fn leaves_usable(error: &tiberius::error::Error) -> bool {
    matches!(error, tiberius::error::Error::Server(token) if token.class() < 20)
}

fn login_error(error: tiberius::error::Error, options: &ServerOptions) -> Error {
    let what = format!("logging in as {}", options.login);
    let mut error = Error::from_client(error, what, options.place());
    // An `Io` error in the handshake is a server that is not ready, or something that is not a SQL Server.
    if matches!(error.kind, ErrorKind::ConnectionLost) {
        error.kind = ErrorKind::Connect;
    }
    if matches!(error.kind, ErrorKind::Tls) { error.advised(CERTIFICATE_ADVICE) } else { error }
}

/// What a user can do about a certificate that is not trusted. A server to which nobody gave a certificate makes one for itself
/// (<https://learn.microsoft.com/sql/database-engine/configure-windows/certificate-requirements>).
const CERTIFICATE_ADVICE: &str = "Name its certificate, or the authority that signed it, by `server-ca`; to connect unverified within a \
                                  network that is safe, set `trust-server-certificate`";
