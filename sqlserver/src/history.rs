//! Whether the captured log is still the one that was read before: its change tables, and the transactions that it knows.

use crate::change::decode_commit;
use crate::client::Client;
use crate::decode::Fields;
use crate::error::{Error, ErrorKind};
use proto::{Lsn, Row};

/// A change table as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeTable {
    /// Its `object_id`. A change table that is made anew under the same name has another.
    pub object_id: i32,
    /// Its changes are there from here on: where capture began, or how far cleanup has come. Cleanup moves it before it deletes
    /// (<https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-cleanup-change-table-transact-sql>),
    /// so whatever was read before it was asked for is complete from here on.
    pub start_lsn: Lsn,
}

/// The statement that asks for all change tables, for batches that have others before it.
pub(crate) const CHANGE_TABLES: &str = "SELECT object_id, start_lsn FROM cdc.change_tables WHERE start_lsn IS NOT NULL";

/// All change tables of the database. Change data capture must be enabled.
/// <https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-change-tables-transact-sql>
pub async fn change_tables(client: &mut Client) -> Result<Vec<ChangeTable>, Error> {
    const WHAT: &str = "asking where the change tables begin";
    let rows = client.query(WHAT, CHANGE_TABLES, &[]).await?;
    rows.into_iter().map(|row| change_table(row, client, WHAT)).collect()
}

/// A row of [`CHANGE_TABLES`].
pub(crate) fn change_table(row: Row, client: &Client, what: &str) -> Result<ChangeTable, Error> {
    let mut fields = Fields::new(row, client, what);
    Ok(ChangeTable { object_id: fields.integer()? as i32, start_lsn: fields.lsn()? })
}

/// What the log knows of a position in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct History {
    /// When the transaction there ended, as [`crate::cdc::captured`] has it; `None` if there is none.
    pub committed_at: Option<i64>,
    /// The oldest transaction that the log still knows.
    pub first: Option<Lsn>,
    /// The newest.
    pub last: Option<Lsn>,
}

/// Looks a position up. Each captured transaction has a row until cleanup has passed it, and so has each mark of an idle time. Change
/// data capture must be enabled.
/// <https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-lsn-time-mapping-transact-sql>
pub async fn at(client: &mut Client, position: Lsn) -> Result<History, Error> {
    const WHAT: &str = "looking a position up in the captured log";
    // In this order: a row that cleanup removes in between lies below the first one then.
    const SQL: &str = "SELECT start_lsn, tran_end_time FROM cdc.lsn_time_mapping WHERE start_lsn = CAST(@P1 AS binary(10)); \
        SELECT MIN(start_lsn), MAX(start_lsn), 0 FROM cdc.lsn_time_mapping;";
    let mut history = History::default();
    for row in client.query(WHAT, SQL, &[position.into()]).await? {
        if row.len() == 2 {
            let commit = decode_commit(row)
                .ok_or_else(|| client.error(ErrorKind::Type, WHAT, "cdc.lsn_time_mapping is not as documented"))?;
            history.committed_at = Some(commit.1);
        } else {
            let mut fields = Fields::new(row, client, WHAT);
            (history.first, history.last) = (fields.optional_lsn()?, fields.optional_lsn()?);
        }
    }
    Ok(history)
}
