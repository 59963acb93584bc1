//! Change data capture: enabling it and asking what it has.

use crate::client::Client;
use crate::decode::Fields;
use crate::error::{Error, ErrorKind};
use crate::history::{self, ChangeTable};
use crate::quote;
use proto::{Capture, Lsn, TableName, Value};

/// A capture instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureInstance {
    /// Name; its change table is `cdc.<name>_CT`.
    pub name: String,
    /// `object_id` of its change table: one that was made anew under the same name has another.
    pub change_table: i32,
    /// `object_id` of the table it captures.
    pub source_object_id: i32,
    /// Its changes are there from here on: where capture began, or how far cleanup has come.
    pub start_lsn: Lsn,
    /// Captured columns with their ordinals in the change table (from 1), which are their bits in the update mask.
    pub columns: Vec<(String, u16)>,
}

impl CaptureInstance {
    /// As an article that is read from it has it.
    pub fn as_capture(&self) -> Capture {
        Capture {
            instance: self.name.clone(),
            change_table: self.change_table,
            source: self.source_object_id,
            start_lsn: self.start_lsn,
        }
    }

    /// Ordinal of a captured column.
    pub fn ordinal(&self, column: &str) -> Option<u16> {
        self.columns.iter().find(|(name, _)| name == column).map(|(_, ordinal)| *ordinal)
    }
}

/// Enables change data capture for the database; needs `sysadmin` (`db_owner` on Azure SQL).
/// <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-db-transact-sql>
pub async fn enable_database(client: &mut Client) -> Result<(), Error> {
    client.batch("enabling change data capture for the database", "EXEC sys.sp_cdc_enable_db").await
}

/// Makes a capture instance of all columns of a table; needs `db_owner`.
/// <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql>
pub async fn enable_table(client: &mut Client, table: &TableName, capture_instance: &str) -> Result<(), Error> {
    let sql = format!(
        "EXEC sys.sp_cdc_enable_table @source_schema = {}, @source_name = {}, @role_name = NULL, \
         @capture_instance = {}, @supports_net_changes = 0",
        quote::literal(&table.schema),
        quote::literal(&table.table),
        quote::literal(capture_instance)
    );
    client.batch(&format!("enabling change data capture for {table}"), &sql).await
}

/// Drops a capture instance.
/// <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-disable-table-transact-sql>
pub async fn disable_table(client: &mut Client, table: &TableName, capture_instance: &str) -> Result<(), Error> {
    let sql = format!(
        "EXEC sys.sp_cdc_disable_table @source_schema = {}, @source_name = {}, @capture_instance = {}",
        quote::literal(&table.schema),
        quote::literal(&table.table),
        quote::literal(capture_instance)
    );
    client.batch(&format!("disabling change data capture for {table}"), &sql).await
}

/// All capture instances of the database with their captured columns. Change data capture must be enabled.
/// <https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-change-tables-transact-sql>,
/// <https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-captured-columns-transact-sql>
pub async fn capture_instances(client: &mut Client) -> Result<Vec<CaptureInstance>, Error> {
    const WHAT: &str = "asking for the capture instances";
    const SQL: &str = "SELECT t.capture_instance, t.object_id, t.source_object_id, t.start_lsn, c.column_name, \
        CAST(c.column_ordinal AS int) FROM cdc.change_tables AS t \
        JOIN cdc.captured_columns AS c ON c.object_id = t.object_id \
        WHERE t.start_lsn IS NOT NULL ORDER BY t.capture_instance, c.column_ordinal";
    let rows = client.query(WHAT, SQL, &[]).await?;
    let mut instances: Vec<CaptureInstance> = Vec::new();
    for row in rows {
        let mut fields = Fields::new(row, client, WHAT);
        let name = fields.text()?;
        let change_table = fields.integer()? as i32;
        let source_object_id = fields.integer()? as i32;
        let start_lsn = fields.lsn()?;
        let column = fields.text()?;
        let ordinal = u16::try_from(fields.integer()?)
            .map_err(|_| client.error(ErrorKind::Type, WHAT, "a column's ordinal is out of range"))?;
        match instances.last_mut() {
            Some(instance) if instance.name == name => instance.columns.push((column, ordinal)),
            _ => {
                let columns = vec![(column, ordinal)];
                instances.push(CaptureInstance { name, change_table, source_object_id, start_lsn, columns });
            }
        }
    }
    Ok(instances)
}

/// How far capture has come: everything committed up to here is in the change tables, and when that transaction ended, in
/// microseconds since 1970-01-01 in the server's local time. `None` before the first capture. It is what `sys.fn_cdc_get_max_lsn` gives, the
/// newest row of `cdc.lsn_time_mapping`, with its time.
/// <https://learn.microsoft.com/sql/relational-databases/system-functions/sys-fn-cdc-get-max-lsn-transact-sql>,
/// <https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-lsn-time-mapping-transact-sql>
pub async fn captured(client: &mut Client) -> Result<Option<(Lsn, i64)>, Error> {
    const WHAT: &str = "asking how far the log is captured";
    const SQL: &str = "SELECT TOP (1) start_lsn, tran_end_time FROM cdc.lsn_time_mapping ORDER BY start_lsn DESC";
    let Some(row) = client.query(WHAT, SQL, &[]).await?.into_iter().next() else { return Ok(None) };
    let captured = crate::change::decode_commit(row)
        .ok_or_else(|| client.error(ErrorKind::Type, WHAT, "cdc.lsn_time_mapping is not as documented"))?;
    Ok(Some(captured).filter(|(lsn, _)| *lsn != Lsn::ZERO))
}

/// The first transaction of the captured log after a place, with when it ended.
/// <https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-lsn-time-mapping-transact-sql>
pub async fn first_after(client: &mut Client, after: Lsn) -> Result<Option<(Lsn, i64)>, Error> {
    const WHAT: &str = "asking for the next transaction";
    const SQL: &str = "SELECT TOP (1) start_lsn, tran_end_time FROM cdc.lsn_time_mapping \
        WHERE start_lsn > CAST(@P1 AS binary(10)) ORDER BY start_lsn";
    let Some(row) = client.query(WHAT, SQL, &[after.into()]).await?.into_iter().next() else { return Ok(None) };
    let unfit = || client.error(ErrorKind::Type, WHAT, "cdc.lsn_time_mapping is not as documented");
    crate::change::decode_commit(row).ok_or_else(unfit).map(Some)
}

/// Change tables that one statement asks.
const TABLES_OF_A_STATEMENT: usize = 50;

/// Which of the change tables have rows of transactions in `(after, up_to]`, as indices into `instances`, and all change tables as they
/// stand after that: one batch, however many there are.
/// <https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql>,
/// <https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-change-tables-transact-sql>
pub async fn active(
    client: &mut Client,
    instances: &[&str],
    after: Lsn,
    up_to: Lsn,
) -> Result<(Vec<usize>, Vec<ChangeTable>), Error> {
    const WHAT: &str = "asking which tables changed";
    if instances.is_empty() {
        return Ok((Vec::new(), history::change_tables(client).await?));
    }
    let questions: Vec<String> = instances
        .iter()
        .enumerate()
        .map(|(i, instance)| {
            format!(
                "SELECT {i} WHERE EXISTS (SELECT 1 FROM {} WHERE [__$start_lsn] > CAST(@P1 AS binary(10)) \
                 AND [__$start_lsn] <= CAST(@P2 AS binary(10)))",
                change_table(instance)
            )
        })
        .collect();
    // Error 191 where too many are one statement.
    let statements: Vec<String> =
        questions.chunks(TABLES_OF_A_STATEMENT).map(|some| some.join(" UNION ALL ")).collect();
    let sql = format!("{}; {}", statements.join("; "), history::CHANGE_TABLES);
    let (mut active, mut tables) = (Vec::new(), Vec::new());
    for row in client.query(WHAT, &sql, &[after.into(), up_to.into()]).await? {
        if row.len() == 2 {
            tables.push(history::change_table(row, client, WHAT)?);
            continue;
        }
        let index = Fields::new(row, client, WHAT).integer()?;
        active.push(usize::try_from(index).map_err(|_| client.error(ErrorKind::Type, WHAT, "an index below 0"))?);
    }
    active.sort_unstable();
    Ok((active, tables))
}

/// A statement that changed the columns of a captured table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DdlRecord {
    /// `object_id` of the table.
    pub source_object_id: i32,
    /// `ddl_lsn`: its place in the log, where perhaps nothing is captured.
    pub ddl_lsn: Lsn,
    /// The first transaction of the captured log that is not before it: its own, if that is in `cdc.lsn_time_mapping`.
    pub lsn: Lsn,
    /// When that ended, microseconds since 1970-01-01 in the server's local time.
    pub committed_at: i64,
    /// `ddl_command`.
    pub statement: String,
}

/// What changed the columns of captured tables in `(after, up_to]`, in order, once each however many instances a table has. `up_to` is not
/// beyond what is captured: the capture process writes the history when it reads such a statement from the log.
/// <https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-ddl-history-transact-sql>
pub async fn ddl_history(client: &mut Client, after: Lsn, up_to: Lsn) -> Result<Vec<DdlRecord>, Error> {
    const WHAT: &str = "looking for schema changes";
    const SQL: &str = "SELECT h.source_object_id, m.start_lsn, m.tran_end_time, h.ddl_command, h.ddl_lsn, h.ddl_time \
        FROM cdc.ddl_history AS h \
        CROSS APPLY (SELECT TOP (1) t.start_lsn, t.tran_end_time FROM cdc.lsn_time_mapping AS t \
            WHERE t.start_lsn >= h.ddl_lsn ORDER BY t.start_lsn) AS m \
        WHERE h.ddl_lsn > CAST(@P1 AS binary(10)) AND h.ddl_lsn <= CAST(@P2 AS binary(10)) \
        ORDER BY h.ddl_lsn, h.ddl_time, h.object_id";
    let mut records: Vec<DdlRecord> = Vec::new();
    for row in client.query(WHAT, SQL, &[after.into(), up_to.into()]).await? {
        let unfit = || client.error(ErrorKind::Type, WHAT, "cdc.ddl_history is not as documented");
        let [source, lsn, time, statement, ddl_lsn, _] = <[Value; 6]>::try_from(row).map_err(|_| unfit())?;
        let (lsn, committed_at) = crate::change::decode_commit(vec![lsn, time]).ok_or_else(unfit)?;
        let (Value::I32(source_object_id), Value::String(statement)) = (source, statement) else { return Err(unfit()) };
        let Value::Bytes(ddl_lsn) = ddl_lsn else { return Err(unfit()) };
        let ddl_lsn = Lsn::try_from(&ddl_lsn[..]).map_err(|_| unfit())?;
        let record = DdlRecord { source_object_id, ddl_lsn, lsn, committed_at, statement };
        // Each of a table's instances has a row of its own for the statement.
        if !records.contains(&record) {
            records.push(record);
        }
    }
    Ok(records)
}

/// Whether a capture job is defined for the database. A job that is defined may still not run: that shows only in the log not
/// getting captured. Fails where the login may not read `msdb`.
/// <https://learn.microsoft.com/sql/relational-databases/system-tables/dbo-cdc-jobs-transact-sql>
pub async fn has_capture_job(client: &mut Client) -> Result<bool, Error> {
    const SQL: &str = "SELECT 1 FROM msdb.dbo.cdc_jobs WHERE database_id = DB_ID() AND job_type = N'capture'";
    Ok(!client.query("looking for the capture job", SQL, &[]).await?.is_empty())
}

/// `[cdc].[<instance>_CT]`.
pub(crate) fn change_table(capture_instance: &str) -> String {
    quote::table(&TableName { schema: "cdc".to_owned(), table: format!("{capture_instance}_CT") })
}
