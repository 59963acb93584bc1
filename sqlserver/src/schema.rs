//! The subscription database's tables while they are made and loaded.

use crate::client::Client;
use crate::decode::Fields;
use crate::error::Error;
use crate::predicate::{Predicate, alias};
use crate::quote;
use proto::TableName;

/// Runs a script of the snapshot: batches separated by lines that hold only `GO`, as Microsoft's tools separate them
/// (<https://learn.microsoft.com/sql/t-sql/language-elements/sql-server-utilities-statements-go>).
pub async fn run_script(client: &mut Client, what: &str, script: &str) -> Result<(), Error> {
    for batch in batches(script) {
        client.batch(what, &batch).await?;
    }
    Ok(())
}

fn batches(script: &str) -> Vec<String> {
    let mut batches = vec![String::new()];
    for line in script.lines() {
        if line.trim().eq_ignore_ascii_case("GO") {
            batches.push(String::new());
        } else if let Some(batch) = batches.last_mut() {
            batch.push_str(line);
            batch.push('\n');
        }
    }
    batches.retain(|batch| !batch.trim().is_empty());
    batches
}

/// Whether a table holds any row.
pub async fn has_rows(client: &mut Client, table: &TableName) -> Result<bool, Error> {
    let sql = format!("SELECT TOP (1) 1 FROM {}", quote::table(table));
    Ok(!client.query(&format!("looking into {table}"), &sql, &[]).await?.is_empty())
}

/// Deletes all rows of a table. Not by TRUNCATE, which foreign keys forbid.
pub async fn empty(client: &mut Client, table: &TableName) -> Result<(), Error> {
    let sql = format!("DELETE TOP (100000) FROM {}; SELECT @@ROWCOUNT;", quote::table(table));
    delete(client, table, &format!("emptying {table}"), &sql).await
}

/// Deletes the rows of a table for which a filter is true. The filter may qualify its columns by the name of the table it was written
/// for.
/// <https://learn.microsoft.com/sql/t-sql/statements/delete-transact-sql>
pub async fn delete_rows(
    client: &mut Client,
    table: &TableName,
    written_for: &TableName,
    filter: &Predicate,
) -> Result<(), Error> {
    let alias = alias(written_for);
    let sql = format!(
        "DELETE TOP (100000) FROM {alias} FROM {} AS {alias} WHERE ({}); SELECT @@ROWCOUNT;",
        quote::table(table),
        filter.text()
    );
    delete(client, table, &format!("deleting the rows of {table} that the article's filter selects"), &sql).await
}

/// Repeats a statement until it deletes nothing more, in transactions of bounded size, or in one where triggers must be kept from firing.
async fn delete(client: &mut Client, table: &TableName, what: &str, sql: &str) -> Result<(), Error> {
    crate::state::begin(client).await?;
    let triggers = disable_triggers(client, table).await?;
    if triggers.is_empty() {
        crate::state::rollback(client).await?;
    }
    loop {
        let rows = client.query(what, sql, &[]).await?;
        if crate::apply::count(client, what, &rows)? == 0 {
            break;
        }
    }
    if !triggers.is_empty() {
        enable_triggers(client, table, &triggers).await?;
        crate::state::commit(client).await?;
    }
    Ok(())
}

/// Whether a table has triggers that are enabled.
pub async fn has_triggers(client: &mut Client, table: &TableName) -> Result<bool, Error> {
    Ok(!enabled_triggers(client, table).await?.is_empty())
}

/// Disables the triggers of a table that are enabled, and gives their names. In a transaction, so that they come back whatever happens.
pub async fn disable_triggers(client: &mut Client, table: &TableName) -> Result<Vec<String>, Error> {
    let triggers = enabled_triggers(client, table).await?;
    switch_triggers(client, table, "DISABLE", &triggers).await?;
    Ok(triggers)
}

/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-triggers-transact-sql>
async fn enabled_triggers(client: &mut Client, table: &TableName) -> Result<Vec<String>, Error> {
    const WHAT: &str = "asking for a table's triggers";
    const SQL: &str = "SELECT name FROM sys.triggers WHERE parent_id = OBJECT_ID(@P1) AND is_disabled = 0";
    let name = quote::table(table);
    let mut triggers = Vec::new();
    for row in client.query(WHAT, SQL, &[(&*name).into()]).await? {
        triggers.push(Fields::new(row, client, WHAT).text()?);
    }
    Ok(triggers)
}

/// Enables triggers of a table.
pub async fn enable_triggers(client: &mut Client, table: &TableName, triggers: &[String]) -> Result<(), Error> {
    switch_triggers(client, table, "ENABLE", triggers).await
}

/// <https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql>
async fn switch_triggers(client: &mut Client, table: &TableName, word: &str, triggers: &[String]) -> Result<(), Error> {
    if triggers.is_empty() {
        return Ok(());
    }
    let sql = format!("ALTER TABLE {} {word} TRIGGER {}", quote::table(table), quote::list(triggers));
    client.batch(&format!("switching the triggers of {table}"), &sql).await
}

/// Drops a table.
/// <https://learn.microsoft.com/sql/t-sql/statements/drop-table-transact-sql>
pub async fn drop_table(client: &mut Client, table: &TableName) -> Result<(), Error> {
    client.batch(&format!("dropping {table}"), &format!("DROP TABLE {}", quote::table(table))).await
}

/// Removes all rows of a table, to which no foreign key may refer.
/// <https://learn.microsoft.com/sql/t-sql/statements/truncate-table-transact-sql>
pub async fn truncate(client: &mut Client, table: &TableName) -> Result<(), Error> {
    client.batch(&format!("truncating {table}"), &format!("TRUNCATE TABLE {}", quote::table(table))).await
}

#[cfg(test)]
mod tests {
    use super::batches;

    #[test]
    fn scripts_are_cut_at_lines_of_go() {
        assert_eq!(batches("a\nb\nGO\n\n go \nc\n"), ["a\nb\n", "c\n"]);
        assert_eq!(batches("-- GO on\n"), ["-- GO on\n"]);
    }
}
