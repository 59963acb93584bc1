//! Changing tables of the subscription database as the publisher's were changed.
//!
//! Each statement takes names and definitions apart, as typed values; names are quoted, and an expression must be one that cannot get out
//! of its place ([`crate::predicate::expression`]).

use crate::client::Client;
use crate::decode::Fields;
use crate::error::{Error, ErrorKind};
use crate::predicate::{Predicate, alias, expression};
use crate::{quote, script};
use proto::schema::DefaultConstraint;
use proto::{Column, ComputedColumn, TableName};

/// Adds a column. Rows that are there get the default if the column cannot hold NULL, and NULL otherwise.
/// <https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql#add>,
/// <https://learn.microsoft.com/sql/t-sql/statements/alter-table-column-definition-transact-sql>
pub async fn add_column(
    client: &mut Client,
    table: &TableName,
    column: &Column,
    default: Option<&DefaultConstraint>,
) -> Result<(), Error> {
    let what = format!("adding column {} to {table}", column.name);
    let mut sql = format!("ALTER TABLE {} ADD {}", quote::table(table), script::column_definition(column));
    if let Some(DefaultConstraint { name, definition }) = default {
        let definition = checked(client, &what, definition)?;
        sql.push_str(&format!(" CONSTRAINT {} DEFAULT {definition}", quote::identifier(name)));
    }
    client.batch(&what, &sql).await
}

/// Adds a computed column.
/// <https://learn.microsoft.com/sql/t-sql/statements/alter-table-computed-column-definition-transact-sql>
pub async fn add_computed_column(client: &mut Client, table: &TableName, column: &ComputedColumn) -> Result<(), Error> {
    let what = format!("adding computed column {} to {table}", column.name);
    checked(client, &what, &column.definition)?;
    let sql = format!("ALTER TABLE {} ADD {}", quote::table(table), script::computed_definition(column));
    client.batch(&what, &sql).await
}

/// Gives a column another type, collation and nullability; what is not said in the statement would be the database's default.
/// <https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql#alter-column>
pub async fn alter_column(client: &mut Client, table: &TableName, column: &Column) -> Result<(), Error> {
    let what = format!("altering column {} of {table}", column.name);
    // Unlike in a new column's definition, the word stands at the end.
    let sparse = if column.sparse { " SPARSE" } else { "" };
    let definition = script::column_definition(&Column { sparse: false, ..column.clone() });
    let sql = format!("ALTER TABLE {} ALTER COLUMN {definition}{sparse}", quote::table(table));
    client.batch(&what, &sql).await
}

/// Drops a column.
/// <https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql#drop>
pub async fn drop_column(client: &mut Client, table: &TableName, column: &str) -> Result<(), Error> {
    let sql = format!("ALTER TABLE {} DROP COLUMN {}", quote::table(table), quote::identifier(column));
    client.batch(&format!("dropping column {column} of {table}"), &sql).await
}

/// Adds a constraint; rows that are there are checked, unless it is to be `unchecked`.
/// <https://learn.microsoft.com/sql/t-sql/statements/alter-table-table-constraint-transact-sql>
pub async fn add_constraint(
    client: &mut Client,
    table: &TableName,
    name: &str,
    definition: &str,
    unchecked: bool,
) -> Result<(), Error> {
    let what = format!("adding constraint {name} to {table}");
    let definition = checked(client, &what, definition)?;
    let words = if unchecked { "WITH NOCHECK " } else { "" };
    let (table, name) = (quote::table(table), quote::identifier(name));
    client.batch(&what, &format!("ALTER TABLE {table} {words}ADD CONSTRAINT {name} {definition}")).await
}

/// Drops a constraint.
/// <https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql#drop>
pub async fn drop_constraint(client: &mut Client, table: &TableName, name: &str) -> Result<(), Error> {
    let sql = format!("ALTER TABLE {} DROP CONSTRAINT {}", quote::table(table), quote::identifier(name));
    client.batch(&format!("dropping constraint {name} of {table}"), &sql).await
}

/// Whether a table (by its `object_id`) has a constraint of this name.
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-objects-transact-sql>
pub async fn has_constraint(client: &mut Client, table: i32, name: &str) -> Result<bool, Error> {
    const WHAT: &str = "looking for a constraint";
    const SQL: &str = "SELECT 1 FROM sys.objects AS o WHERE o.parent_object_id = @P1 AND o.name = @P2 \
        AND o.type IN ('C', 'D', 'F', 'PK', 'UQ')";
    Ok(!client.query(WHAT, SQL, &[table.into(), name.into()]).await?.is_empty())
}

/// The default and check constraints of one column alone: they keep it from being dropped.
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-default-constraints-transact-sql>,
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-check-constraints-transact-sql>
pub async fn constraints_of_column(client: &mut Client, table: i32, column: &str) -> Result<Vec<String>, Error> {
    const WHAT: &str = "asking for a column's constraints";
    const SQL: &str = "SELECT d.name FROM sys.default_constraints AS d \
        JOIN sys.columns AS c ON c.object_id = d.parent_object_id AND c.column_id = d.parent_column_id \
        WHERE d.parent_object_id = @P1 AND c.name = @P2 \
        UNION ALL SELECT k.name FROM sys.check_constraints AS k \
        JOIN sys.columns AS c ON c.object_id = k.parent_object_id AND c.column_id = k.parent_column_id \
        WHERE k.parent_object_id = @P1 AND c.name = @P2";
    let mut names = Vec::new();
    for row in client.query(WHAT, SQL, &[table.into(), column.into()]).await? {
        names.push(Fields::new(row, client, WHAT).text()?);
    }
    Ok(names)
}

/// Deletes the rows for which a filter, written for the table `source`, is not true; gives their number.
/// <https://learn.microsoft.com/sql/t-sql/statements/delete-transact-sql>
pub async fn delete_rows_outside(
    client: &mut Client,
    table: &TableName,
    source: &TableName,
    filter: &Predicate,
) -> Result<u64, Error> {
    let what = format!("deleting rows outside of the filter from {table}");
    let alias = alias(source);
    let sql = format!(
        "DELETE {alias} FROM {} AS {alias} WHERE CASE WHEN ({}) THEN 1 ELSE 0 END = 0; SELECT @@ROWCOUNT;",
        quote::table(table),
        filter.text()
    );
    let counts = client.query(&what, &sql, &[]).await?;
    crate::apply::count(client, &what, &counts)
}

fn checked<'a>(client: &Client, what: &str, text: &'a str) -> Result<&'a str, Error> {
    expression(text).map_err(|why| client.error(ErrorKind::Invalid, what, format!("{text} cannot be used: {why}")))
}
