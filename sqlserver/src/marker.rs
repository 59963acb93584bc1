//! The marker table in the publication database: rows whose commit LSN arrives through change data capture, for snapshot
//! boundaries, tracer tokens and heartbeats.

use crate::cdc::change_table;
use crate::client::{Client, RowStream};
use crate::decode::Fields;
use crate::error::{Error, ErrorKind};
use proto::{Lsn, Marker, MarkerKind, Row, TableName, Value};
use uuid::Uuid;

/// Capture instance of the marker table.
pub const CAPTURE_INSTANCE: &str = "replication_marker";

/// `replication.marker`.
pub fn table_name() -> TableName {
    TableName { schema: "replication".to_owned(), table: "marker".to_owned() }
}

/// Makes schema and table where they are missing.
/// <https://learn.microsoft.com/sql/t-sql/statements/create-schema-transact-sql>,
/// <https://learn.microsoft.com/sql/t-sql/statements/create-table-transact-sql>
pub async fn create(client: &mut Client) -> Result<(), Error> {
    const WHAT: &str = "making the marker table replication.marker";
    // A schema can only be made by the first statement of a batch, hence EXEC.
    const SCHEMA: &str = "IF SCHEMA_ID(N'replication') IS NULL EXEC (N'CREATE SCHEMA [replication]')";
    const TABLE: &str = "IF OBJECT_ID(N'[replication].marker') IS NULL CREATE TABLE [replication].marker (\
        id bigint IDENTITY(1, 1) NOT NULL CONSTRAINT pk_marker PRIMARY KEY, token uniqueidentifier NOT NULL, \
        kind varchar(16) NOT NULL, \
        posted_at datetime2(7) NOT NULL CONSTRAINT df_marker_posted_at DEFAULT SYSUTCDATETIME())";
    client.batch(WHAT, SCHEMA).await?;
    client.batch(WHAT, TABLE).await
}

/// Writes a marker, within the transaction that is open, if any.
/// <https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql>
pub async fn insert(client: &mut Client, marker: Marker) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO [replication].marker (token, kind) VALUES (@P1, @P2)";
    client.execute("writing a marker", SQL, &[marker.token.into(), kind_name(marker.kind).into()]).await?;
    Ok(())
}

/// Removes markers that were written more than a day ago: what is needed of them has long been captured. In steps, so that no statement
/// locks many.
/// <https://learn.microsoft.com/sql/t-sql/statements/delete-transact-sql>
pub async fn remove_old(client: &mut Client) -> Result<(), Error> {
    const STEP: u64 = 1_000;
    const SQL: &str =
        "DELETE TOP (1000) FROM [replication].marker WHERE posted_at < DATEADD(day, -1, SYSUTCDATETIME())";
    while client.execute("removing old markers", SQL, &[]).await?.iter().sum::<u64>() >= STEP {}
    Ok(())
}

/// Whether a marker's transaction has committed, and the marker was not removed since.
/// <https://learn.microsoft.com/sql/t-sql/queries/select-transact-sql>
pub async fn is_there(client: &mut Client, token: Uuid) -> Result<bool, Error> {
    const SQL: &str = "SELECT 1 FROM [replication].marker WHERE token = @P1";
    Ok(!client.query("looking for a marker", SQL, &[token.into()]).await?.is_empty())
}

/// Commit LSN of the transaction that wrote a marker, once it has been captured.
/// <https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql>
pub async fn commit_lsn(client: &mut Client, token: Uuid) -> Result<Option<Lsn>, Error> {
    const WHAT: &str = "looking for a marker in the captured log";
    let sql = format!(
        "SELECT [__$start_lsn] FROM {} WHERE token = @P1 AND [__$operation] = 2",
        change_table(CAPTURE_INSTANCE)
    );
    let rows = client.query(WHAT, &sql, &[token.into()]).await?;
    rows.into_iter().next().map(|row| Fields::new(row, client, WHAT).lsn()).transpose()
}

/// The same, with when that transaction ended, in microseconds since 1970-01-01 in the server's local time.
/// <https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-lsn-time-mapping-transact-sql>
pub async fn commit(client: &mut Client, token: Uuid) -> Result<Option<(Lsn, i64)>, Error> {
    const WHAT: &str = "looking for a marker in the captured log";
    let sql = format!(
        "SELECT m.start_lsn, m.tran_end_time FROM {} AS t JOIN cdc.lsn_time_mapping AS m ON m.start_lsn = t.[__$start_lsn] \
         WHERE t.token = @P1 AND t.[__$operation] = 2",
        change_table(CAPTURE_INSTANCE)
    );
    let Some(row) = client.query(WHAT, &sql, &[token.into()]).await?.into_iter().next() else { return Ok(None) };
    let unfit = || client.error(ErrorKind::Type, WHAT, "cdc.lsn_time_mapping is not as documented");
    crate::change::decode_commit(row).ok_or_else(unfit).map(Some)
}

/// Markers written by transactions in `(after, up_to]`, in commit order, each with its commit LSN. Decode with [`decode`].
/// <https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql>
pub async fn stream<'a>(client: &'a mut Client, after: Lsn, up_to: Lsn) -> Result<RowStream<'a>, Error> {
    let sql = format!(
        "SELECT [__$start_lsn], token, kind FROM {} WHERE [__$operation] = 2 \
         AND [__$start_lsn] > CAST(@P1 AS binary(10)) AND [__$start_lsn] <= CAST(@P2 AS binary(10)) \
         ORDER BY [__$start_lsn], [__$command_id], [__$seqval]",
        change_table(CAPTURE_INSTANCE)
    );
    client.stream("reading markers", &sql, &[after.into(), up_to.into()]).await
}

/// The markers of changed row filters that transactions in `(after, up_to]` wrote, in commit order: commit LSN, when that ended in
/// microseconds since 1970-01-01 in the server's local time, and token.
/// <https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-lsn-time-mapping-transact-sql>
pub async fn filters(client: &mut Client, after: Lsn, up_to: Lsn) -> Result<Vec<(Lsn, i64, Uuid)>, Error> {
    const WHAT: &str = "looking for markers of changed filters";
    let sql = format!(
        "SELECT m.start_lsn, m.tran_end_time, t.token FROM {} AS t JOIN cdc.lsn_time_mapping AS m ON m.start_lsn = t.[__$start_lsn] \
         WHERE t.[__$operation] = 2 AND t.kind = 'filter' AND t.[__$start_lsn] > CAST(@P1 AS binary(10)) \
         AND t.[__$start_lsn] <= CAST(@P2 AS binary(10)) ORDER BY t.[__$start_lsn], t.[__$command_id], t.[__$seqval]",
        change_table(CAPTURE_INSTANCE)
    );
    let mut found = Vec::new();
    for row in client.query(WHAT, &sql, &[after.into(), up_to.into()]).await? {
        let unfit = || client.error(ErrorKind::Type, WHAT, "the marker table is not as this version made it");
        let [lsn, time, token] = <[Value; 3]>::try_from(row).map_err(|_| unfit())?;
        let (lsn, committed_at) = crate::change::decode_commit(vec![lsn, time]).ok_or_else(unfit)?;
        let Value::Guid(token) = token else { return Err(unfit()) };
        found.push((lsn, committed_at, Uuid::from_bytes(token)));
    }
    Ok(found)
}

/// A row of [`stream`]. A kind that this version does not know is `None`.
pub fn decode(row: Row) -> Result<(Lsn, Option<Marker>), ErrorKind> {
    let [Value::Bytes(lsn), Value::Guid(token), Value::String(kind)] = &row[..] else { return Err(ErrorKind::Type) };
    let lsn = Lsn::try_from(&lsn[..]).map_err(|_| ErrorKind::Type)?;
    let kind = match kind.as_str() {
        "snapshot" => MarkerKind::Snapshot,
        "tracer" => MarkerKind::Tracer,
        "heartbeat" => MarkerKind::Heartbeat,
        "filter" => MarkerKind::Filter,
        _ => return Ok((lsn, None)),
    };
    Ok((lsn, Some(Marker { kind, token: Uuid::from_bytes(*token) })))
}

fn kind_name(kind: MarkerKind) -> &'static str {
    match kind {
        MarkerKind::Snapshot => "snapshot",
        MarkerKind::Tracer => "tracer",
        MarkerKind::Heartbeat => "heartbeat",
        MarkerKind::Filter => "filter",
    }
}
