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

/// What a server's clock says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// UTC, microseconds since 1970-01-01.
    pub utc: i64,
    /// Local time, in which `cdc.lsn_time_mapping` has its times, likewise.
    pub local: i64,
}

/// The server's clock.
/// <https://learn.microsoft.com/sql/t-sql/functions/sysutcdatetime-transact-sql>,
/// <https://learn.microsoft.com/sql/t-sql/functions/datepart-transact-sql>
pub async fn clock(client: &mut Client) -> Result<Clock, Error> {
    const WHAT: &str = "asking for the server's clock";
    // The difference in seconds fits an int until 2088; DATEDIFF_BIG would do without a base, at some servers.
    const SQL: &str = "DECLARE @now datetimeoffset(7) = SYSDATETIMEOFFSET(); DECLARE @utc datetime2(7) = SWITCHOFFSET(@now, 0); \
        SELECT CAST(DATEDIFF(second, CAST('2020-01-01' AS datetime2(7)), @utc) AS bigint), DATEPART(microsecond, @utc), \
        DATEPART(tzoffset, @now)";
    const SECONDS_1970_TO_2020: i64 = 1_577_836_800;
    let row = client.query(WHAT, SQL, &[]).await?.into_iter().next().unwrap_or_default();
    let mut fields = Fields::new(row, client, WHAT);
    let utc = (fields.integer()? + SECONDS_1970_TO_2020) * 1_000_000 + fields.integer()?;
    Ok(Clock { utc, local: utc + fields.integer()? * 60_000_000 })
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
