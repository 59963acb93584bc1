//! What it takes for new columns of a table to join its articles: a second capture instance, and the values at a marker.

use crate::cdc::CaptureInstance;
use crate::client::{Client, RowStream};
use crate::decode::Fields;
use crate::error::{Error, ErrorKind};
use crate::predicate::{Predicate, alias};
use crate::quote;
use crate::value::select_expression;
use proto::schema::DefaultConstraint;
use proto::{Article, Column, TableName, Value};
use std::collections::BTreeMap;
use std::time::Duration;

/// Locks are waited for no longer than this from now on.
/// <https://learn.microsoft.com/sql/t-sql/statements/set-lock-timeout-transact-sql>
pub async fn be_patient(client: &mut Client, patience: Duration) -> Result<(), Error> {
    client.batch("limiting waits for locks", &format!("SET LOCK_TIMEOUT {}", patience.as_millis())).await
}

/// `object_id`s of the captured tables with columns that one of their capture instances does not have.
/// <https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-captured-columns-transact-sql>
pub async fn grown_tables(client: &mut Client) -> Result<Vec<i32>, Error> {
    const WHAT: &str = "looking for columns that are not captured";
    const SQL: &str = "SELECT DISTINCT t.source_object_id FROM cdc.change_tables AS t \
        JOIN sys.columns AS c ON c.object_id = t.source_object_id \
        WHERE NOT EXISTS (SELECT 1 FROM cdc.captured_columns AS k WHERE k.object_id = t.object_id AND k.column_id = c.column_id)";
    let rows = client.query(WHAT, SQL, &[]).await?;
    rows.into_iter().map(|row| Ok(Fields::new(row, client, WHAT).integer()? as i32)).collect()
}

/// Whether an instance has all columns that its table has now, each the same one and not one that was dropped and added again.
/// <https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-captured-columns-transact-sql>
pub async fn captures_all(client: &mut Client, instance: &CaptureInstance) -> Result<bool, Error> {
    const SQL: &str = "SELECT TOP (1) 1 FROM sys.columns AS c WHERE c.object_id = @P1 AND NOT EXISTS \
        (SELECT 1 FROM cdc.captured_columns AS k WHERE k.object_id = @P2 AND k.column_id = c.column_id)";
    let parameters = [instance.source_object_id.into(), instance.change_table.into()];
    Ok(client.query("asking which columns are captured", SQL, &parameters).await?.is_empty())
}

/// What a table is called now; `None` if it is gone.
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-tables-transact-sql>
pub async fn table_name(client: &mut Client, object_id: i32) -> Result<Option<TableName>, Error> {
    const WHAT: &str = "asking for a table's name";
    const SQL: &str = "SELECT s.name, t.name FROM sys.tables AS t JOIN sys.schemas AS s ON s.schema_id = t.schema_id \
        WHERE t.object_id = @P1";
    let Some(row) = client.query(WHAT, SQL, &[object_id.into()]).await?.into_iter().next() else { return Ok(None) };
    let mut fields = Fields::new(row, client, WHAT);
    Ok(Some(TableName { schema: fields.text()?, table: fields.text()? }))
}

/// A table's default constraints by column.
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-default-constraints-transact-sql>
pub async fn defaults(client: &mut Client, object_id: i32) -> Result<BTreeMap<String, DefaultConstraint>, Error> {
    const WHAT: &str = "asking for a table's defaults";
    const SQL: &str = "SELECT c.name, d.name, d.definition FROM sys.default_constraints AS d \
        JOIN sys.columns AS c ON c.object_id = d.parent_object_id AND c.column_id = d.parent_column_id \
        WHERE d.parent_object_id = @P1 AND d.definition IS NOT NULL";
    let mut defaults = BTreeMap::new();
    for row in client.query(WHAT, SQL, &[object_id.into()]).await? {
        let mut fields = Fields::new(row, client, WHAT);
        defaults.insert(fields.text()?, DefaultConstraint { name: fields.text()?, definition: fields.text()? });
    }
    Ok(defaults)
}

/// What a default gives a column; `None` if it is not the same for every row and at any time.
/// <https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql>
pub async fn constant(client: &mut Client, definition: &str, column: &Column) -> Result<Option<Value>, Error> {
    const WHAT: &str = "asking what a default gives";
    if !crate::ddl::is_constant(definition) {
        return Ok(None);
    }
    // Named like the column, which is how its values are read everywhere.
    let sql = format!(
        "SELECT {} FROM (SELECT CAST({definition} AS {}) AS {}) AS d",
        select_expression(column),
        column.column_type,
        quote::identifier(&column.name)
    );
    let row = client.query(WHAT, &sql, &[]).await?.into_iter().next();
    let value = row.and_then(|mut row| row.pop());
    Ok(Some(value.ok_or_else(|| client.error(ErrorKind::Type, WHAT, "no answer"))?))
}

/// The key and some columns of an article's rows, with those only in which one of the columns is not NULL, if so wanted.
/// <https://learn.microsoft.com/sql/t-sql/queries/select-transact-sql>
pub async fn values<'a>(
    client: &'a mut Client,
    table: &TableName,
    article: &Article,
    predicate: Option<&Predicate>,
    columns: &[usize],
    not_null: bool,
) -> Result<RowStream<'a>, Error> {
    let wanted = article.key().into_iter().chain(columns.iter().copied()).map(|i| &article.columns[i]);
    let wanted: Vec<String> = wanted.map(select_expression).collect();
    let mut conditions: Vec<String> = predicate.map(|p| format!("({})", p.text())).into_iter().collect();
    if not_null {
        let any: Vec<String> =
            columns.iter().map(|i| format!("{} IS NOT NULL", quote::identifier(&article.columns[*i].name))).collect();
        conditions.push(format!("({})", any.join(" OR ")));
    }
    let conditions = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    let sql =
        format!("SELECT {} FROM {} AS {}{conditions}", wanted.join(", "), quote::table(table), alias(&article.source));
    client.stream("reading new columns", &sql, &[]).await
}
