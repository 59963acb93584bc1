//! Table variables are not part of transactions: a rollback leaves their rows alone. SQLite's temporary tables are, so their rows
//! are put aside around a rollback and put back after it.

use super::catalog::TableEntry;
use super::session::SqlSession;
use rusqlite::params_from_iter;
use rusqlite::types::Value;
use std::sync::Arc;

/// The rows of a table variable, and the texts that make it anew.
struct Kept {
    table: Arc<TableEntry>,
    texts: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl SqlSession {
    /// Runs a rollback that the table variables of the running batches do not take part in.
    pub(super) fn keeping_table_variables(
        &mut self,
        roll_back: impl FnOnce(&mut Self) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let tables = self.table_variables.clone();
        let kept = tables.iter().map(|table| self.put_aside(table)).collect::<rusqlite::Result<Vec<_>>>()?;
        roll_back(self)?;
        for table in kept {
            self.put_back(&table)?;
        }
        Ok(())
    }

    fn put_aside(&self, table: &Arc<TableEntry>) -> rusqlite::Result<Kept> {
        let stored = stored_columns(table);
        let mut statement = self
            .connection
            .prepare("SELECT sql FROM temp.sqlite_schema WHERE tbl_name = ?1 AND sql IS NOT NULL ORDER BY rowid")?;
        let texts = statement.query_map([&table.storage], |r| r.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
        let select = format!("SELECT {} FROM {}", stored.join(", "), table.table.sqlite_name);
        let mut statement = self.connection.prepare(&select)?;
        let rows = statement.query_map([], |r| (0..stored.len()).map(|i| r.get(i)).collect())?;
        Ok(Kept { table: Arc::clone(table), texts, rows: rows.collect::<rusqlite::Result<_>>()? })
    }

    fn put_back(&self, kept: &Kept) -> rusqlite::Result<()> {
        let name = &kept.table.table.sqlite_name;
        self.connection.execute_batch(&format!("DROP TABLE IF EXISTS {name}"))?;
        for text in &kept.texts {
            // SQLite keeps the text without the schema it belongs to.
            let text = match text.strip_prefix("CREATE TABLE ") {
                Some(rest) => format!("CREATE TEMP TABLE {rest}"),
                None => text.replacen("INDEX ", "INDEX temp.", 1),
            };
            self.connection.execute_batch(&text)?;
        }
        let stored = stored_columns(&kept.table);
        let marks = vec!["?"; stored.len()].join(", ");
        let mut insert =
            self.connection.prepare(&format!("INSERT INTO {name}({}) VALUES ({marks})", stored.join(", ")))?;
        for row in &kept.rows {
            insert.execute(params_from_iter(row))?;
        }
        Ok(())
    }
}

/// SQLite's names of the columns that hold values.
fn stored_columns(table: &TableEntry) -> Vec<&str> {
    let columns = table.table.columns.iter().filter(|c| c.computed.is_none());
    columns.map(|c| c.sqlite_name.as_str()).collect()
}
