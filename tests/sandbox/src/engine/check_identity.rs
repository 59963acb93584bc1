//! `DBCC CHECKIDENT`: <https://learn.microsoft.com/sql/t-sql/database-console-commands/dbcc-checkident-transact-sql>.

use super::meta::Table;
use super::scope::{TEMPORARY_DATABASE, written};
use super::session::SqlSession;
use super::session_functions::with_identity;
use super::stop::Exec;
use super::transaction::Writes;
use crate::error::SqlError;
use crate::session::Sink;
use crate::tsql::ast::{CheckIdentity, ObjectName};
use std::sync::Arc;

impl SqlSession {
    /// Tells the counter of an identity column, corrects it or sets it.
    pub(super) fn check_identity(
        &mut self,
        name: &ObjectName,
        action: CheckIdentity,
        quiet: bool,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        let shown = written(name);
        let table = self.find_table(name).map_err(|error| match error.number {
            208 => {
                let text =
                    format!("Cannot find a table or object with the name \"{shown}\". Check the system catalog.");
                SqlError::new(2501, text).with_state(45)
            }
            _ => error,
        })?;
        if !table.columns.iter().any(|c| c.identity.is_some()) {
            return Err(SqlError::new(7997, format!("'{shown}' does not contain an identity column.")).into());
        }
        let writes = if table.database == TEMPORARY_DATABASE { Writes::Temporary } else { Writes::Database };
        let (before, column) = self.write(writes, sink, |s, _| s.move_counter(&table, action))?;
        if quiet {
            return Ok(());
        }
        let shown = |value: Option<i64>| value.map_or_else(|| "NULL".to_owned(), |v| v.to_string());
        let column = match action {
            CheckIdentity::Set(_) => String::new(),
            _ => format!(", current column value '{}'", shown(column)),
        };
        let text = format!("Checking identity information: current identity value '{}'{column}.", shown(before));
        sink.message(&SqlError::new(7998, text).severity(10))?;
        let text = "DBCC execution completed. If DBCC printed error messages, contact your system administrator.";
        sink.message(&SqlError::new(2528, text).severity(10))?;
        Ok(())
    }

    /// Moves the counter; what it and the column's largest value were.
    fn move_counter(&mut self, table: &Arc<Table>, action: CheckIdentity) -> Exec<(Option<i64>, Option<i64>)> {
        self.load_identity(table)?;
        let mut largest: Option<i64> = None;
        for column in table.columns.iter().filter(|c| c.identity.is_some()) {
            let extreme = if column.identity.is_some_and(|(_, increment)| increment < 0) { "min" } else { "max" };
            let sql = format!("SELECT {extreme}({}) FROM {}", column.sqlite_name, table.sqlite_name);
            largest = self.connection.query_row(&sql, [], |r| r.get(0))?;
        }
        let before = with_identity(&self.shared, table.object_id, |counter| {
            let before = counter.last;
            match (action, largest) {
                (CheckIdentity::Set(value), _) => {
                    // The next row of a table that never had one takes the value itself.
                    counter.last = Some(if before.is_none() { value.saturating_sub(counter.increment) } else { value });
                    counter.dirty = true;
                }
                (CheckIdentity::Correct, Some(largest)) => counter.note(largest),
                _ => {}
            }
            before
        });
        Ok((before.flatten(), largest))
    }
}
