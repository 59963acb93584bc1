//! Runs the modifications that compute their rows into a temporary table first.
//!
//! Rows are deleted before others are updated, and those before others are inserted: so a unique value that the statement gives
//! up is free for another row of it, as SQL Server's check at the end of the statement wants it.

use super::compiled::{Compiled, CompiledDml, DmlKind, NewRows, Staged};
use super::data_statements::Modified;
use super::foreign_keys::conflict;
use super::frame::Frame;
use super::moved_keys::{foreign_keys, is_duplicate};
use super::scope::TEMPORARY_DATABASE;
use super::session::SqlSession;
use super::stop::{Exec, Stop};
use crate::error::SqlError;
use crate::session::Sink;

impl SqlSession {
    /// Runs a [`Staged`] modification.
    pub(super) fn run_staged(
        &mut self,
        dml: &CompiledDml,
        staged: &Staged,
        frame: &Frame,
        sink: &mut dyn Sink,
    ) -> Exec<Modified> {
        let count = self.stage(dml, staged, frame)?;
        if staged.running && count > 1 {
            return Err(SqlError::unsupported("UPDATE of several rows that sets a variable from its own value").into());
        }
        if count > 0 {
            self.apply(dml, staged, frame)?;
        }
        let returned_rows = !dml.statement.columns.is_empty();
        if !dml.statement.sql.is_empty() {
            self.run_output(dml, &dml.statement, frame, &mut false, sink)?;
        }
        let mut assigned = Vec::new();
        if let Some((names, read)) = &staged.variables {
            let mut values = Vec::new();
            self.read_rows(read, frame, &mut values)?;
            assigned = names.iter().cloned().zip(values).collect();
        }
        self.connection.execute_batch(&format!("DROP TABLE {}", Staged::TABLE))?;
        Ok(Modified { count, returned_rows, assigned })
    }

    /// Fills the temporary table; how many rows are to be changed.
    fn stage(&self, dml: &CompiledDml, staged: &Staged, frame: &Frame) -> Exec<u64> {
        let table = Staged::TABLE;
        let columns: String = staged.columns.iter().map(|name| format!(", {name}")).collect();
        self.connection.execute_batch(&format!(
            "CREATE TABLE {table}(seq INTEGER PRIMARY KEY, row_id INTEGER UNIQUE, action INTEGER NOT NULL{columns})"
        ))?;
        for fill in staged.fills.iter().chain(&staged.limit) {
            match self.run_bound(&Compiled { sql: fill.clone(), ..dml.statement.clone() }, frame) {
                Ok(_) => {}
                Err(Ok(error)) if error.to_string().contains("$changes.row_id") => {
                    return Err(SqlError::new(
                        8672,
                        "The MERGE statement attempted to UPDATE or DELETE the same row more than once. This happens when a target \
                         row matches more than one source row. A MERGE statement cannot UPDATE/DELETE the same row of the target \
                         table multiple times. Refine the ON clause to ensure a target row matches at most one source row, or use \
                         the GROUP BY clause to group the source rows.",
                    )
                    .into());
                }
                Err(Ok(error)) => return Err(self.statement_error(&error, Some(dml.kind))),
                Err(Err(stop)) => return Err(stop),
            }
        }
        Ok(self.connection.query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get::<_, i64>(0))? as u64)
    }

    /// Changes the target.
    fn apply(&mut self, dml: &CompiledDml, staged: &Staged, frame: &Frame) -> Exec<()> {
        let target = &dml.target.sqlite_name;
        if staged.insert.is_some() {
            // Before anything is deleted, so that no row takes the id of one that is gone.
            self.connection.execute_batch(&format!(
                "UPDATE {} SET row_id = (SELECT ifnull(max({}), 0) FROM {target}) + seq WHERE action = {}",
                Staged::TABLE,
                staged.row_id,
                Staged::INSERT
            ))?;
        }
        if dml.kind == DmlKind::Merge && self.refers_to_itself(dml) {
            return self.apply_deferred(dml, staged, frame);
        }
        self.apply_parts(dml, staged, frame)
    }

    fn apply_parts(&self, dml: &CompiledDml, staged: &Staged, frame: &Frame) -> Exec<()> {
        let target = &dml.target.sqlite_name;
        if staged.deletes {
            let sql = format!(
                "DELETE FROM {target} WHERE {} IN (SELECT row_id FROM {} WHERE action = {})",
                staged.row_id,
                Staged::TABLE,
                Staged::DELETE
            );
            self.part(dml, DmlKind::Delete, sql, frame)?;
        }
        if let Some(rows) = staged.update.as_ref().filter(|rows| !rows.assigned.is_empty()) {
            let set: Vec<String> = rows
                .assigned
                .iter()
                .map(|&at| format!("{} = s.{}", dml.target.columns[at].sqlite_name, NewRows::new_value(at)))
                .collect();
            let sql = format!(
                "UPDATE {target} AS t SET {} FROM {} AS s WHERE t.{} = +s.row_id AND s.action = {}",
                set.join(", "),
                Staged::TABLE,
                staged.row_id,
                Staged::UPDATE
            );
            match self.part(dml, DmlKind::Update, sql, frame) {
                Err(Stop::Error(error)) if is_duplicate(&error) => {
                    self.moving_rows(|| self.place_rows(&dml.target, rows))
                        .map_err(|stop| renamed(stop, dml.kind, DmlKind::Update))?;
                }
                other => other?,
            }
        }
        match &staged.insert {
            Some(sql) => self.part(dml, DmlKind::Insert, sql.clone(), frame),
            None => Ok(()),
        }
    }

    /// A part of the statement; constraint errors name the whole.
    fn part(&self, dml: &CompiledDml, kind: DmlKind, sql: String, frame: &Frame) -> Exec<()> {
        let part = Compiled { sql, ..Compiled::default() };
        self.change(&part, frame, (kind, &dml.target)).map(|_| ()).map_err(|stop| renamed(stop, dml.kind, kind))
    }

    fn refers_to_itself(&self, dml: &CompiledDml) -> bool {
        let id = dml.target.object_id;
        dml.target.database != TEMPORARY_DATABASE
            && self.catalog().table_by_id(id).is_some_and(|entry| {
                entry.foreign_keys.iter().any(|key| key.referenced_object_id == id && !key.disabled)
            })
    }

    /// Rows of one action may refer to rows of another: foreign keys are checked when all is done.
    fn apply_deferred(&self, dml: &CompiledDml, staged: &Staged, frame: &Frame) -> Exec<()> {
        self.connection.execute_batch("PRAGMA defer_foreign_keys = ON")?;
        let done = self.apply_parts(dml, staged, frame).and_then(|()| {
            let catalog = self.catalog();
            let Some(entry) = catalog.table_by_id(dml.target.object_id) else { return Ok(()) };
            let (own, references) = foreign_keys(&catalog, entry);
            for (keys, from_child) in [(own, true), (references, false)] {
                for (child, parent, key) in keys {
                    if self.has_orphans(child, parent, key)? {
                        let word = dml.kind.word();
                        return Err(conflict(word, &catalog.database, key, (child, parent), from_child).into());
                    }
                }
            }
            Ok(())
        });
        self.connection.execute_batch("PRAGMA defer_foreign_keys = OFF")?;
        done
    }
}

/// A constraint's error names the statement, not the part of it that met the constraint.
fn renamed(stop: Stop, whole: DmlKind, part: DmlKind) -> Stop {
    match stop {
        Stop::Error(mut error) if error.number == 547 && whole != part => {
            let (from, to) = (format!("The {} statement", part.word()), format!("The {} statement", whole.word()));
            error.message = error.message.replacen(&from, &to, 1);
            Stop::Error(error)
        }
        other => other,
    }
}
