//! Facts about a database.

use crate::client::Client;
use crate::decode::Fields;
use crate::error::{Error, ErrorKind};
use proto::catalog::DatabaseName;

/// What a database and its server say about themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseFacts {
    /// Names, as they call themselves.
    pub name: DatabaseName,
    /// Major version of the server, e.g. 16 for SQL Server 2022.
    pub server_version: u16,
    /// Edition of the server.
    pub edition: String,
    /// Whether `ALLOW_SNAPSHOT_ISOLATION` is on.
    pub snapshot_isolation: bool,
    /// Whether change data capture is enabled for the database.
    pub cdc_enabled: bool,
}

/// Names and abilities of the database that the client is connected to.
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-databases-transact-sql>,
/// <https://learn.microsoft.com/sql/t-sql/functions/serverproperty-transact-sql>
pub async fn facts(client: &mut Client) -> Result<DatabaseFacts, Error> {
    const WHAT: &str = "asking the database about itself";
    const SQL: &str = "SELECT COALESCE(@@SERVERNAME, CAST(SERVERPROPERTY('ServerName') AS nvarchar(128))), d.name, \
        CAST(SERVERPROPERTY('ProductMajorVersion') AS int), CAST(SERVERPROPERTY('Edition') AS nvarchar(128)), \
        CAST(d.snapshot_isolation_state AS int), d.is_cdc_enabled \
        FROM sys.databases AS d WHERE d.name = DB_NAME()";
    let rows = client.query(WHAT, SQL, &[]).await?;
    let row = rows.into_iter().next().ok_or_else(|| {
        client.error(ErrorKind::Invalid, WHAT, "the database is not listed in sys.databases for this login")
    })?;
    let mut fields = Fields::new(row, client, WHAT);
    let name = DatabaseName { server: fields.text()?, database: fields.text()? };
    let server_version = u16::try_from(fields.integer()?).unwrap_or(u16::MAX);
    Ok(DatabaseFacts {
        name,
        server_version,
        edition: fields.text()?,
        // 1 is ON; 2 and 3 are the transitions
        snapshot_isolation: fields.integer()? == 1,
        cdc_enabled: fields.flag()?,
    })
}
