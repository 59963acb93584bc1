//! Making a table anew under its rows: for changes that SQLite cannot make to the text of a table alone.
//!
//! The rows are copied into a second table, which then takes the first one's place in SQLite's schema: the two change their root
//! pages and texts, and what is left of the first is dropped under the second's name. Unlike dropping and renaming, that neither
//! fires the actions of foreign keys nor touches the texts of tables that refer to it.

use super::catalog::TableEntry;
use super::catalog_store::foreign_key_storage;
use super::frame::Frame;
use super::quoting::quote;
use super::scope::TEMPORARY_DATABASE;
use super::session::SqlSession;
use super::stop::Exec;
use super::table_text;
use crate::error::SqlError;
use rusqlite::params;

/// SQLite's name of the second table while there are two.
const SECOND: &str = "$rebuilt";

impl SqlSession {
    /// Gives a table the shape of `after`, whose rows are those of `before` with `values` as its stored columns: a position in
    /// `after` and a SQLite expression over the columns of `before`. Indexes are made anew.
    pub(super) fn rebuild_table(
        &mut self,
        before: &TableEntry,
        after: &TableEntry,
        values: &[(usize, String)],
    ) -> Exec<()> {
        let database = if before.table.database == TEMPORARY_DATABASE { "temp" } else { "db" };
        for index in &before.indexes {
            self.drop_index_storage(before, index)?;
        }
        for key in &before.foreign_keys {
            let name = quote(&foreign_key_storage(key.object_id));
            self.connection.execute_batch(&format!("DROP INDEX IF EXISTS {database}.{name}"))?;
        }
        let frame = Frame::default();
        // Constraints that are not trusted do not hold for the rows that are there.
        let bare = TableEntry {
            storage: SECOND.to_owned(),
            foreign_keys: Vec::new(),
            checks: Vec::new(),
            ..TableEntry::clone(after)
        };
        let bare = table_text::create(&bare, &self.catalog(), &self.empty_scope(&frame))?;
        self.connection.execute_batch(&format!("CREATE TABLE {database}.{bare}"))?;
        let columns: Vec<&str> = values.iter().map(|(p, _)| after.table.columns[*p].sqlite_name.as_str()).collect();
        let expressions: Vec<&str> = values.iter().map(|(_, sql)| sql.as_str()).collect();
        let copy = format!(
            "INSERT INTO {database}.{}({}) SELECT {} FROM {}",
            quote(SECOND),
            columns.join(", "),
            expressions.join(", "),
            before.table.sqlite_name
        );
        self.connection.execute(&copy, []).map_err(|error| self.rebuild_error(&error, after))?;
        let text = table_text::create(after, &self.catalog(), &self.empty_scope(&frame))?;
        self.swap_tables(database, &before.storage, &format!("CREATE TABLE {text}"))?;
        self.connection.execute_batch(&format!("DROP TABLE {database}.{}", quote(SECOND)))?;
        for index in &after.indexes {
            self.create_index_storage(after, index)?;
        }
        if database == "db" {
            self.create_foreign_key_indexes(after)?;
        }
        Ok(())
    }

    /// The error of the copy: what a row cannot be converted to, or a NULL where none may be.
    fn rebuild_error(&self, error: &rusqlite::Error, after: &TableEntry) -> super::stop::Stop {
        let text = error.to_string();
        if let Some(column) = text.strip_prefix(&format!("NOT NULL constraint failed: {SECOND}.")) {
            return null_not_allowed(after, column).into();
        }
        self.statement_error(error, Some(super::compiled::DmlKind::Update))
    }

    fn swap_tables(&mut self, database: &str, storage: &str, text: &str) -> Exec<()> {
        let root = |name: &str| -> rusqlite::Result<i64> {
            let sql = format!("SELECT rootpage FROM {database}.sqlite_schema WHERE type = 'table' AND name = ?1");
            self.connection.query_row(&sql, [name], |r| r.get(0))
        };
        let (first, second) = (root(storage)?, root(SECOND)?);
        let version: i64 = self.connection.query_row(&format!("PRAGMA {database}.schema_version"), [], |r| r.get(0))?;
        let placeholder = format!("CREATE TABLE {}(a)", quote(SECOND));
        self.connection.execute_batch("PRAGMA writable_schema = ON")?;
        let update =
            format!("UPDATE {database}.sqlite_schema SET rootpage = ?2, sql = ?3 WHERE type = 'table' AND name = ?1");
        let swapped = self
            .connection
            .execute(&update, params![storage, second, text])
            .and_then(|_| self.connection.execute(&update, params![SECOND, first, placeholder]))
            .and_then(|_| {
                self.connection.execute_batch(&format!("PRAGMA {database}.schema_version = {}", version + 1))
            });
        self.connection.execute_batch("PRAGMA writable_schema = RESET")?;
        swapped?;
        Ok(())
    }
}

/// Error 515 of an ALTER TABLE.
pub(super) fn null_not_allowed(entry: &TableEntry, column: &str) -> SqlError {
    let text = format!(
        "Cannot insert the value NULL into column '{column}', table '{}.{}'; column does not allow nulls. UPDATE fails.",
        entry.table.database,
        entry.full_name()
    );
    SqlError::new(515, text).with_state(2)
}
