//! Staging tables: rows on their way into a table, bulk-loaded into a temporary table and converted on the way on.
//!
//! The temporary table has columns `c0`, `c1` … of types that bulk load carries exactly ([`value::bulk_type`]); the statement that
//! reads it converts them to the target's. It has a primary key where the target is joined with it: without one, the server scans
//! the whole target for a handful of rows.
//! <https://learn.microsoft.com/sql/t-sql/statements/create-table-transact-sql#temporary-tables>

use crate::apply::{Kind, Operation, Target, TargetColumn, collation_name, count, counted};
use crate::client::{Client, MAX_PARAMETERS, Parameter};
use crate::error::{Error, ErrorKind};
use crate::{quote, value, variant};
use proto::{ColumnType, Row, Value};
use std::fmt::Write;

const TABLE: &str = "#staging";
/// Rows of one `INSERT … VALUES`
/// (<https://learn.microsoft.com/sql/t-sql/queries/table-value-constructor-transact-sql#limitations-and-restrictions>).
const ROWS_INSERTED: usize = 1000;

/// Carries out an operation through a staging table and returns the number of rows touched.
pub async fn by_staging(client: &mut Client, target: &Target, operation: Operation) -> Result<u64, Error> {
    let columns: Vec<&TargetColumn> = operation.columns(target).into_iter().map(|i| &target.columns[i]).collect();
    let keys = if operation.kind == Kind::Insert { 0 } else { target.key().len() };
    let what = format!("staging rows for {}", target.name());
    let statement = operation.statement(target, &format!("{TABLE} AS v"));
    let sql = counted(target, &operation, &statement);
    let types: Vec<ColumnType> = columns.iter().map(|column| column.column_type).collect();
    client.batch(&what, &create_table(TABLE, &columns, keys)).await?;
    fill(client, &what, &types, operation.rows).await?;
    let counts = client.query(&what, &sql, &[]).await?;
    let touched = count(client, &what, &counts)?;
    client.batch(&what, &format!("DROP TABLE {TABLE};")).await?;
    Ok(touched)
}

/// Loads rows (all columns of the article) into a table through a staging table and returns their number. For many calls over
/// one table: the staging table is made by [`begin_load`] and dropped by [`end_load`].
pub async fn load(client: &mut Client, target: &Target, rows: Vec<Row>) -> Result<u64, Error> {
    let what = format!("loading {}", target.name());
    let operation = Operation { kind: Kind::Insert, set: Vec::new(), rows: Vec::new() };
    let types: Vec<ColumnType> = target.columns.iter().map(|column| column.column_type).collect();
    fill(client, &what, &types, rows).await?;
    let statement = operation.statement(target, &format!("{TABLE} AS v"));
    let counts = client.query(&what, &counted(target, &operation, &statement), &[]).await?;
    let loaded = count(client, &what, &counts)?;
    client.batch(&what, &format!("TRUNCATE TABLE {TABLE};")).await?;
    Ok(loaded)
}

/// Puts rows into the staging table: by bulk load, but for rows with a value that the client cannot bulk-load, which go by a
/// statement each, and for tables with a column that it cannot, whose rows go many in a statement.
/// <https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql>
async fn fill(client: &mut Client, what: &str, types: &[ColumnType], rows: Vec<Row>) -> Result<(), Error> {
    let (small, large): (Vec<Row>, Vec<Row>) =
        rows.into_iter().partition(|row| row.iter().all(value::can_be_bulk_loaded));
    for row in &large {
        insert(client, what, types, std::slice::from_ref(row)).await?;
    }
    if !types.iter().copied().all(value::has_bulk_type) {
        for rows in small.chunks((MAX_PARAMETERS / types.len().max(1)).clamp(1, ROWS_INSERTED)) {
            insert(client, what, types, rows).await?;
        }
        return Ok(());
    }
    if !small.is_empty() {
        client.bulk_load(what, TABLE, types, futures::stream::iter(small)).await?;
    }
    Ok(())
}

/// Puts rows into the staging table by a statement with their values as parameters.
async fn insert(client: &mut Client, what: &str, types: &[ColumnType], rows: &[Row]) -> Result<(), Error> {
    let mut sql = format!("INSERT INTO {TABLE} VALUES ");
    let mut parameters: Vec<Parameter<'_>> = Vec::with_capacity(rows.len() * types.len());
    for (r, row) in rows.iter().enumerate() {
        sql.push_str(if r == 0 { "(" } else { ", (" });
        for (i, (value, ty)) in row.iter().zip(types).enumerate() {
            if i > 0 {
                sql.push_str(", ");
            }
            let parameter = format!("@P{}", parameters.len() + 1);
            // All values of a column must be of one type, so NULL and text of another length must not decide it.
            match (ty, value) {
                (ColumnType::SqlVariant, Value::String(text)) => {
                    let held = variant::parse(text).map_err(|why| client.error(ErrorKind::Type, what, why))?;
                    parameters.push(Parameter::held(&held));
                    sql.push_str(&held.cast(&parameter));
                }
                (ty, value) => {
                    parameters.push(Parameter::typed(value, *ty));
                    let _ = write!(sql, "CAST({parameter} AS {})", value::bulk_type(*ty));
                }
            }
        }
        sql.push(')');
    }
    client.execute(what, &sql, &parameters).await.map(|_| ())
}

/// Makes the staging table that [`load`] uses.
pub async fn begin_load(client: &mut Client, target: &Target) -> Result<(), Error> {
    let columns: Vec<&TargetColumn> = target.columns.iter().collect();
    client.batch(&format!("loading {}", target.name()), &create_table(TABLE, &columns, 0)).await
}

/// Drops the staging table of [`begin_load`].
pub async fn end_load(client: &mut Client, target: &Target) -> Result<(), Error> {
    client.batch(&format!("loading {}", target.name()), &format!("DROP TABLE {TABLE};")).await
}

fn create_table(name: &str, columns: &[&TargetColumn], keys: usize) -> String {
    let column = |(i, column): (usize, &&TargetColumn)| {
        let ty = value::bulk_type(column.column_type);
        let collate = match &column.collation {
            Some(collation) => format!(" COLLATE {}", collation_name(collation)),
            None => String::new(),
        };
        format!("c{i} {ty}{collate} {}", if i < keys { "NOT NULL" } else { "NULL" })
    };
    let mut definitions: Vec<String> = columns.iter().enumerate().map(column).collect();
    if keys > 0 {
        definitions.push(format!("PRIMARY KEY ({})", quote::list((0..keys).map(|i| format!("c{i}")))));
    }
    format!("CREATE TABLE {name} ({});", definitions.join(", "))
}
