//! An `UPDATE` whose unique values move through each other.
//!
//! SQL Server checks uniqueness when the statement is over, so `SET id = id + 1` succeeds; SQLite checks each row as it changes
//! it. When an `UPDATE` fails on a duplicate key it is therefore done again in another way: the new rows are computed into a
//! temporary table, then the old ones are deleted and the new ones inserted under their row ids. Foreign keys are put off
//! meanwhile and checked at the end. The caller's savepoint undoes everything if that fails too.
//!
//! Where changes are captured, a row that keeps the values of its unique columns is updated in its place: only key changes are
//! a delete and an insert
//! (<https://learn.microsoft.com/troubleshoot/sql/database-engine/replication/update-statements-replicated-as-delete-insert-pairs>).

use super::catalog::{Catalog, ForeignKey, TableEntry};
use super::compiled::{Compiled, CompiledDml, DmlKind, NewRows};
use super::foreign_keys::conflict;
use super::frame::Frame;
use super::meta::Table;
use super::scope::TEMPORARY_DATABASE;
use super::session::SqlSession;
use super::stop::{Exec, Stop};
use crate::error::SqlError;
use std::sync::Arc;

/// A foreign key with its child and parent.
pub(super) type Key<'a> = (&'a Arc<TableEntry>, &'a Arc<TableEntry>, &'a ForeignKey);

/// Whether an error is that of a duplicate key.
pub fn is_duplicate(error: &SqlError) -> bool {
    matches!(error.number, 2601 | 2627)
}

impl SqlSession {
    /// Does an `UPDATE` again that failed on a duplicate key and left nothing behind; how many rows it changed. `None`: the key
    /// is a duplicate indeed.
    pub(super) fn replace_rows(&self, dml: &CompiledDml, rows: &NewRows, frame: &Frame) -> Exec<Option<u64>> {
        let table = &dml.target;
        let columns: Vec<&str> = rows.names.iter().skip(1).map(String::as_str).collect();
        self.connection.execute_batch(&format!(
            "CREATE TABLE {}(row_id INTEGER PRIMARY KEY, {})",
            NewRows::TABLE,
            columns.join(", ")
        ))?;
        let fill = Compiled { sql: rows.fill.clone(), ..dml.statement.clone() };
        let count = self.change(&fill, frame, (DmlKind::Update, table))?;
        // One row alone meets only rows that stay as they are.
        if count < 2 {
            return Ok(None);
        }
        self.moving_rows(|| self.place_rows(table, rows))?;
        Ok(Some(count))
    }

    /// Puts the new rows that the temporary table holds in the place of the old ones.
    pub(super) fn place_rows(&self, table: &Table, rows: &NewRows) -> Exec<()> {
        let catalog = self.catalog();
        let entry = catalog.table_by_id(table.object_id).filter(|_| table.database != TEMPORARY_DATABASE);
        let Some(entry) = entry else { return self.swap(table, rows, None) };
        let (own, references) = foreign_keys(&catalog, entry);
        if references.iter().any(|(_, _, key)| key.on_delete != 0 || key.on_update != 0) {
            return self.move_in_order(&catalog.database, table, rows, &own, &references);
        }
        let in_place = entry.tracked_by_cdc.then(|| unmoved(entry, rows));
        if own.is_empty() && references.is_empty() {
            return self.swap(table, rows, in_place.as_deref());
        }
        self.connection.execute_batch("PRAGMA defer_foreign_keys = ON")?;
        let done = self
            .swap(table, rows, in_place.as_deref())
            .and_then(|()| self.check_foreign_keys(&catalog.database, rows, &own, &references));
        self.connection.execute_batch("PRAGMA defer_foreign_keys = OFF")?;
        done
    }

    /// Cascading foreign keys follow updates, not what is deleted and inserted again: the rows are updated one by one, each as soon
    /// as its new key is free. Keys that change places with each other never are.
    fn move_in_order(
        &self,
        database: &str,
        table: &Table,
        rows: &NewRows,
        own: &[Key<'_>],
        references: &[Key<'_>],
    ) -> Exec<()> {
        let refused = || {
            let what =
                "an UPDATE of several rows that swaps key values, of a table that cascading foreign keys refer to";
            Err(SqlError::unsupported(what).into())
        };
        if own.iter().any(|(_, parent, _)| parent.table.object_id == table.object_id) {
            return refused();
        }
        // Keys without a cascade are checked when all rows have moved.
        self.connection.execute_batch("PRAGMA defer_foreign_keys = ON")?;
        let kept: Vec<Key<'_>> = references.iter().filter(|(_, _, key)| key.on_update == 0).copied().collect();
        let moved = self.move_rows(table, rows).and_then(|moved| {
            if moved { self.check_foreign_keys(database, rows, own, &kept) } else { Ok(()) }.map(|()| moved)
        });
        self.connection.execute_batch("PRAGMA defer_foreign_keys = OFF")?;
        if moved? { Ok(()) } else { self.refuse_swap(table, rows, refused) }
    }

    /// Updates each row as soon as its new key is free; false if some never are.
    fn move_rows(&self, table: &Table, rows: &NewRows) -> Exec<bool> {
        let (target, source, row_id) = (&table.sqlite_name, &rows.source, rows.row_id);
        let set: Vec<String> = rows
            .assigned
            .iter()
            .map(|&at| format!("{} = s.{}", table.columns[at].sqlite_name, NewRows::new_value(at)))
            .collect();
        let mut update = self.connection.prepare(&format!(
            "UPDATE {target} AS t SET {} FROM {source} AS s WHERE t.{row_id} = ?1 AND s.row_id = ?1",
            set.join(", ")
        ))?;
        let mut waiting: Vec<i64> = self
            .connection
            .prepare(&format!("SELECT row_id FROM {source} ORDER BY 1"))?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut blocked = Vec::new();
            // A chain of moves is done at once in one of the two directions.
            for id in waiting.into_iter().rev() {
                match update.execute([id]) {
                    Ok(_) => {}
                    Err(error) => match self.statement_error(&error, Some(DmlKind::Update)) {
                        Stop::Error(error) if is_duplicate(&error) => blocked.push(id),
                        other => return Err(other),
                    },
                }
            }
            if blocked.len() == before {
                return Ok(false);
            }
            waiting = blocked;
        }
        Ok(true)
    }

    /// Rows that cannot move: either their keys change places, or one of them meets a row that stays, error 2627.
    fn refuse_swap(&self, table: &Table, rows: &NewRows, refused: impl Fn() -> Exec<()>) -> Exec<()> {
        self.connection.execute_batch("PRAGMA defer_foreign_keys = ON")?;
        let swapped = self.swap(table, rows, None);
        self.connection.execute_batch("PRAGMA defer_foreign_keys = OFF")?;
        match swapped {
            Err(Stop::Error(error)) if is_duplicate(&error) => Err(error.into()),
            _ => refused(),
        }
    }

    /// Drops the temporary table of [`replace_rows`](Self::replace_rows), which the statement's `OUTPUT` may read first.
    pub(super) fn forget_new_rows(&self) -> Exec<()> {
        Ok(self.connection.execute_batch(&format!("DROP TABLE {}", NewRows::TABLE))?)
    }

    /// Puts the new rows in the place of the old ones; those for which `in_place` holds are updated.
    fn swap(&self, table: &Table, rows: &NewRows, in_place: Option<&str>) -> Exec<()> {
        let (target, staging, row_id) = (&table.sqlite_name, &rows.source, rows.row_id);
        let gone = in_place.map_or_else(String::new, |in_place| format!(" WHERE NOT ({in_place})"));
        self.run_part(&format!("DELETE FROM {target} WHERE {row_id} IN (SELECT row_id FROM {staging}{gone})"))?;
        if let Some(in_place) = in_place {
            let set: Vec<String> = rows
                .assigned
                .iter()
                .map(|&at| format!("{} = s.{}", table.columns[at].sqlite_name, NewRows::new_value(at)))
                .collect();
            let updated = self.run_part(&format!(
                "UPDATE {target} AS t SET {} FROM {staging} AS s WHERE t.{row_id} = s.row_id AND {in_place}",
                set.join(", ")
            ));
            match updated {
                Err(Stop::Error(error)) if is_duplicate(&error) => {
                    let what = "an UPDATE of captured rows that meets existing values of a filtered or computed key";
                    return Err(SqlError::unsupported(what).into());
                }
                other => other?,
            }
        }
        let names: Vec<&str> = rows.stored.iter().map(|&at| table.columns[at].sqlite_name.as_str()).collect();
        let values: Vec<String> = rows.stored.iter().map(|&at| NewRows::new_value(at)).collect();
        self.run_part(&format!(
            "INSERT INTO {target}({row_id}, {}) SELECT row_id, {} FROM {staging}{gone} ORDER BY row_id",
            names.join(", "),
            values.join(", ")
        ))
    }

    fn run_part(&self, sql: &str) -> Exec<()> {
        match self.connection.execute(sql, []) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.statement_error(&error, Some(DmlKind::Update))),
        }
    }

    /// Error 547 if a changed row has no parent, or a row that referred to a changed one has none any more.
    fn check_foreign_keys(&self, database: &str, rows: &NewRows, own: &[Key<'_>], references: &[Key<'_>]) -> Exec<()> {
        let word = DmlKind::Update.word();
        let assigned = |entry: &TableEntry, column_id: i32| {
            entry.position(column_id).filter(|position| rows.assigned.contains(position))
        };
        let changed = format!("c.{} = s.row_id", rows.row_id);
        for (child, parent, key) in own {
            let touched = key.columns.iter().any(|(column, _)| assigned(child, *column).is_some());
            if touched && self.has_orphans_among(child, parent, key, Some((&rows.source, &changed)))? {
                return Err(conflict(word, database, key, (child, parent), true).into());
            }
        }
        for (child, parent, key) in references {
            if !key.columns.iter().any(|(_, column)| assigned(parent, *column).is_some()) {
                continue;
            }
            let referred: Vec<String> = key
                .columns
                .iter()
                .filter_map(|(from, to)| {
                    let column = &child.table.columns[child.position(*from)?].sqlite_name;
                    let position = parent.position(*to)?;
                    let old = match assigned(parent, *to) {
                        Some(position) => NewRows::old_value(position),
                        None => NewRows::new_value(position),
                    };
                    Some(format!("c.{column} = s.{old}"))
                })
                .collect();
            if self.has_orphans_among(child, parent, key, Some((&rows.source, &referred.join(" AND "))))? {
                return Err(conflict(word, database, key, (child, parent), false).into());
            }
        }
        Ok(())
    }
}

/// The enabled foreign keys of a table and those that refer to it.
pub(super) fn foreign_keys<'a>(catalog: &'a Catalog, entry: &'a Arc<TableEntry>) -> (Vec<Key<'a>>, Vec<Key<'a>>) {
    let own = entry
        .foreign_keys
        .iter()
        .filter(|key| !key.disabled)
        .filter_map(|key| Some((entry, catalog.table_by_id(key.referenced_object_id)?, key)))
        .collect();
    let references = catalog
        .references_to(entry.table.object_id)
        .filter(|(_, key)| !key.disabled)
        .map(|(child, key)| (child, entry, key))
        .collect();
    (own, references)
}

/// Whether a row of the temporary table keeps its unique values, bit by bit.
fn unmoved(entry: &TableEntry, rows: &NewRows) -> String {
    let unique = |position: usize| {
        entry.indexes.iter().any(|index| index.unique && index.key.iter().any(|(at, _)| *at == position))
    };
    let same: Vec<String> = rows
        .assigned
        .iter()
        .filter(|&&at| unique(at))
        .map(|&at| format!("{} COLLATE BINARY IS {}", NewRows::old_value(at), NewRows::new_value(at)))
        .collect();
    if same.is_empty() { "1".to_owned() } else { same.join(" AND ") }
}
