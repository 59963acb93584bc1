//! The subscription database's tables while they are made and loaded.

use crate::client::Client;
use crate::error::Error;
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

/// Deletes all rows of a table, in transactions of bounded size. Not by TRUNCATE, which foreign keys forbid.
pub async fn empty(client: &mut Client, table: &TableName) -> Result<(), Error> {
    let sql = format!("DELETE TOP (100000) FROM {}; SELECT @@ROWCOUNT;", quote::table(table));
    let what = format!("emptying {table}");
    loop {
        let rows = client.query(&what, &sql, &[]).await?;
        if crate::apply::count(client, &what, &rows)? == 0 {
            return Ok(());
        }
    }
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
