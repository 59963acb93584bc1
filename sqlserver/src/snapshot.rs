//! Consistent reads of whole tables at a known point of the log: shared locks, snapshot transactions, and the reads.

mod keys;

pub use keys::{key_bounds, key_cuts};

use crate::client::{Client, RowStream};
use crate::error::{Error, ErrorKind};
use crate::predicate::{Predicate, alias};
use crate::value::select_expression;
use crate::{quote, session};
use proto::{Article, Column, KeyRange, TableName, Value};
use std::time::Duration;

/// Takes the lock that keeps a second snapshot agent from a publication; it is held until the connection ends. False if another one
/// holds it.
pub async fn lock(client: &mut Client, publication: &str) -> Result<bool, Error> {
    let resource = format!("replication.snapshot.{}", publication.to_lowercase());
    session::lock(client, "locking the publication for a snapshot", &resource).await
}

/// Starts a transaction in which locks are waited for no longer than this.
/// <https://learn.microsoft.com/sql/t-sql/statements/set-lock-timeout-transact-sql>
pub async fn begin_locking(client: &mut Client, patience: Duration) -> Result<(), Error> {
    let sql = format!(
        "SET XACT_ABORT ON; SET LOCK_TIMEOUT {}; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN TRANSACTION",
        patience.as_millis()
    );
    client.batch("beginning the transaction that holds the locks", &sql).await
}

/// Takes a shared lock on a table to the end of the transaction: its readers go on, its writers wait. A row is asked for since
/// a query that cannot return any need not touch the table.
/// <https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table>
pub async fn lock_table(client: &mut Client, table: &TableName) -> Result<(), Error> {
    let sql = format!("SELECT TOP (1) 1 FROM {} WITH (TABLOCK, HOLDLOCK)", quote::table(table));
    client.batch(&format!("locking {table}"), &sql).await
}

/// Starts a snapshot transaction and reads once, from this table or else from that of the markers, which fixes what it sees.
/// <https://learn.microsoft.com/sql/t-sql/statements/set-transaction-isolation-level-transact-sql>
pub async fn begin_view(client: &mut Client, table: Option<&TableName>) -> Result<(), Error> {
    const WHAT: &str = "beginning a snapshot transaction";
    client.batch(WHAT, "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION").await?;
    match table {
        Some(table) => client.batch(WHAT, &format!("SELECT TOP (1) 1 FROM {}", quote::table(table))).await,
        None => client.batch(WHAT, "SELECT TOP (1) id FROM [replication].marker").await,
    }
}

/// <https://learn.microsoft.com/sql/t-sql/language-elements/commit-transaction-transact-sql>
pub async fn commit(client: &mut Client) -> Result<(), Error> {
    client.batch("committing", "COMMIT TRANSACTION").await
}

/// <https://learn.microsoft.com/sql/t-sql/language-elements/rollback-transaction-transact-sql>
pub async fn rollback(client: &mut Client) -> Result<(), Error> {
    client.batch("rolling back", "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION").await
}

/// How many rows of an article's table a new filter has that the old one does not have; `None` is every row.
/// <https://learn.microsoft.com/sql/t-sql/functions/count-big-transact-sql>
pub async fn rows_entering(
    client: &mut Client,
    source: &TableName,
    old: &Predicate,
    new: Option<&Predicate>,
) -> Result<u64, Error> {
    let what = format!("counting the rows of {source} that enter the filter");
    // A filter that is neither true nor false leaves the row out.
    let mut sql = format!(
        "SELECT COUNT_BIG(*) FROM {} AS {} WHERE CASE WHEN ({}) THEN 1 ELSE 0 END = 0",
        quote::table(source),
        alias(source),
        old.text()
    );
    if let Some(new) = new {
        sql.push_str(&format!(" AND ({})", new.text()));
    }
    let rows = client.query(&what, &sql, &[]).await?;
    let unfit = || client.error(ErrorKind::Type, &what, "the server did not say how many");
    match rows.first().map(Vec::as_slice) {
        Some([Value::I64(count)]) => u64::try_from(*count).map_err(|_| unfit()),
        _ => Err(unfit()),
    }
}

/// The rows of a part of an article: its columns, in their order, of the rows for which the filter is true and whose key is in the range.
/// <https://learn.microsoft.com/sql/t-sql/queries/select-transact-sql>
pub async fn rows<'a>(
    client: &'a mut Client,
    article: &Article,
    predicate: Option<&Predicate>,
    range: &KeyRange,
) -> Result<RowStream<'a>, Error> {
    let columns: Vec<String> = article.columns.iter().map(select_expression).collect();
    let select =
        format!("SELECT {} FROM {} AS {}", columns.join(", "), quote::table(&article.source), alias(&article.source));
    let key: Vec<&Column> = article.key().into_iter().map(|i| &article.columns[i]).collect();
    let mut parameters = Vec::new();
    let mut selects = Vec::new();
    for seek in keys::seeks(range) {
        let mut conditions: Vec<String> = predicate.map(|p| format!("({})", p.text())).into_iter().collect();
        conditions.extend(keys::conditions(&key, &seek, &mut parameters));
        selects.push(match conditions.is_empty() {
            true => select.clone(),
            false => format!("{select} WHERE {}", conditions.join(" AND ")),
        });
    }
    if selects.is_empty() {
        selects.push(format!("{select} WHERE 1 = 0"));
    }
    client.stream("reading a table for the snapshot", &selects.join(" UNION ALL "), &parameters).await
}
