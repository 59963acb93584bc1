//! What `check` asks of a server and a database beyond [`crate::database`].

use crate::client::Client;
use crate::decode::Fields;
use crate::error::{Error, ErrorKind};

/// A server's product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// `ProductVersion`, e.g. `13.0.4001.0`.
    pub version: String,
    /// `Edition`, e.g. `Standard Edition (64-bit)`.
    pub edition: String,
    /// `EngineEdition`: 2 Standard and Web, 3 Enterprise and Developer, 4 Express, 5 Azure SQL Database, 8 Managed Instance.
    pub engine_edition: i64,
}

impl Product {
    /// Why change data capture is not to be had there, if it is not.
    /// <https://learn.microsoft.com/sql/sql-server/editions-and-components-of-sql-server-2022>,
    /// <https://learn.microsoft.com/sql/sql-server/editions-and-components-of-sql-server-2016>
    pub fn unfit(&self) -> Option<String> {
        const SQL_SERVER_2016: u64 = 13;
        /// SQL Server 2016 SP1 gave Standard edition what only Enterprise had.
        const SP1: u64 = 4001;
        const STANDARD: i64 = 2;
        const EXPRESS: i64 = 4;
        const AZURE_SQL_DATABASE: i64 = 5;
        const MANAGED_INSTANCE: i64 = 8;
        let mut parts = self.version.split('.').map(|part| part.parse::<u64>().unwrap_or(0));
        let (major, _, build) = (parts.next()?, parts.next(), parts.next().unwrap_or(0));
        let edition = &self.edition;
        match self.engine_edition {
            MANAGED_INSTANCE => None,
            AZURE_SQL_DATABASE => Some("Azure SQL Database is not supported; Azure SQL Managed Instance is".to_owned()),
            _ if major < SQL_SERVER_2016 => Some(format!("SQL Server 2016 or later is needed, not {}", self.version)),
            EXPRESS => Some(format!("{edition} has no change data capture; Standard, Enterprise and Developer have")),
            STANDARD if edition.starts_with("Web") => {
                Some(format!("{edition} has no change data capture; Standard, Enterprise and Developer have"))
            }
            STANDARD if major == SQL_SERVER_2016 && build < SP1 => {
                Some(format!("{edition} has change data capture from SQL Server 2016 SP1 on: install the service pack"))
            }
            _ => None,
        }
    }
}

/// The server's product.
/// <https://learn.microsoft.com/sql/t-sql/functions/serverproperty-transact-sql>
pub async fn product(client: &mut Client) -> Result<Product, Error> {
    const WHAT: &str = "asking for the server's version";
    const SQL: &str = "SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)), \
        CAST(SERVERPROPERTY('Edition') AS nvarchar(128)), CAST(SERVERPROPERTY('EngineEdition') AS int)";
    let row = client.query(WHAT, SQL, &[]).await?.into_iter().next().unwrap_or_default();
    let mut fields = Fields::new(row, client, WHAT);
    Ok(Product { version: fields.text()?, edition: fields.text()?, engine_edition: fields.integer()? })
}

/// What keeps the database's log from being reused; `NOTHING`, or `REPLICATION` while capture has not read it.
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-databases-transact-sql>
pub async fn log_reuse_wait(client: &mut Client) -> Result<String, Error> {
    const WHAT: &str = "asking what the log waits for";
    const SQL: &str = "SELECT log_reuse_wait_desc FROM sys.databases WHERE name = DB_NAME()";
    let row = client.query(WHAT, SQL, &[]).await?.into_iter().next().unwrap_or_default();
    Fields::new(row, client, WHAT).text()
}

/// Bytes of the longest large value that can be written to a captured table; −1 for no limit. `None` where the server does not show it.
/// <https://learn.microsoft.com/sql/database-engine/configure-windows/configure-the-max-text-repl-size-server-configuration-option>,
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-configurations-transact-sql>
pub async fn max_text_repl_size(client: &mut Client) -> Result<Option<i64>, Error> {
    const WHAT: &str = "asking for max text repl size";
    const SQL: &str = "SELECT CAST(value_in_use AS int) FROM sys.configurations WHERE name = N'max text repl size (B)'";
    let row = client.query(WHAT, SQL, &[]).await?.into_iter().next();
    row.map(|row| Fields::new(row, client, WHAT).integer()).transpose()
}

/// Whether SQL Server Agent runs the database's capture job; `None` where the login may not see that in `msdb`.
/// <https://learn.microsoft.com/sql/relational-databases/system-tables/dbo-sysjobactivity-transact-sql>
pub async fn capture_job_runs(client: &mut Client) -> Result<Option<bool>, Error> {
    const WHAT: &str = "asking whether the capture job runs";
    // Each start of the agent begins a session of its own; the newest counts.
    const SQL: &str = "SELECT TOP (1) CASE WHEN a.start_execution_date IS NOT NULL AND a.stop_execution_date IS NULL THEN 1 ELSE 0 END \
        FROM msdb.dbo.cdc_jobs AS j JOIN msdb.dbo.sysjobactivity AS a ON a.job_id = j.job_id \
        WHERE j.database_id = DB_ID() AND j.job_type = N'capture' ORDER BY a.session_id DESC";
    match client.query(WHAT, SQL, &[]).await {
        Ok(rows) => match rows.into_iter().next() {
            Some(row) => Ok(Some(Fields::new(row, client, WHAT).flag()?)),
            None => Ok(Some(false)),
        },
        // SELECT was denied (229), or the login has no user in msdb (916).
        Err(error) if matches!(error.kind, ErrorKind::Server { number: 229 | 916, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::Product;

    #[test]
    fn products_without_change_data_capture_are_told_from_those_with_it() {
        let product = |version: &str, edition: &str, engine_edition| Product {
            version: version.to_owned(),
            edition: edition.to_owned(),
            engine_edition,
        };
        for fit in [
            product("13.0.4001.0", "Standard Edition (64-bit)", 2),
            product("13.0.1601.5", "Enterprise Edition (64-bit)", 3),
            product("16.0.4135.4", "Developer Edition (64-bit)", 3),
            product("12.0.2000.8", "SQL Azure", 8),
        ] {
            assert_eq!(fit.unfit(), None, "{fit:?}");
        }
        for (unfit, why) in [
            (product("13.0.1601.5", "Standard Edition (64-bit)", 2), "SP1"),
            (product("16.0.4135.4", "Express Edition (64-bit)", 4), "Express"),
            (product("15.0.2000.5", "Web Edition (64-bit)", 2), "Web"),
            (product("12.0.2000.8", "Enterprise Edition (64-bit)", 3), "2016"),
            (product("12.0.2000.8", "SQL Azure", 5), "Managed Instance"),
        ] {
            assert!(unfit.unfit().is_some_and(|said| said.contains(why)), "{unfit:?}");
        }
    }
}
