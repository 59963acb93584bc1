//! The value of a duplicate key, which SQLite does not tell: what an `INSERT` would have stored is computed again, beside the table,
//! and the first row that clashes is looked for.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-2627-database-engine-error>.

use super::catalog::{Index, TableEntry};
use super::compiled::{Compiled, CompiledDml, DmlKind, NewRows};
use super::encode::{decode, sqlite_type};
use super::frame::Frame;
use super::quoting::quote;
use super::scope::TEMPORARY_DATABASE;
use super::session::SqlSession;
use super::stop::Exec;
use crate::error::SqlError;
use crate::types::{Datum, Length, SqlType};
use std::sync::Arc;

/// The table that holds the new rows while one is looked for.
const ROWS: &str = "temp.\"$duplicates\"";

impl SqlSession {
    /// Completes error 2601 or 2627 of an `INSERT` by the value of the key.
    pub(super) fn with_duplicate_value(&self, error: SqlError, dml: &CompiledDml, frame: &Frame) -> SqlError {
        let Some(entry) = self.duplicate_entry(dml) else { return error };
        let Some(index) = entry.indexes.iter().find(|i| i.unique && error.message.contains(&format!("'{}'", i.name)))
        else {
            return error;
        };
        let value =
            if dml.kind == DmlKind::Insert { self.inserted_duplicate(dml, &entry, index, frame) } else { Ok(None) };
        match value {
            Ok(Some(value)) => {
                SqlError { message: format!("{} The duplicate key value is {value}.", error.message), ..error }
            }
            _ => error,
        }
    }

    fn duplicate_entry(&self, dml: &CompiledDml) -> Option<Arc<TableEntry>> {
        if dml.target.database == TEMPORARY_DATABASE {
            let state = self.shared.state();
            let mut known = state.temporary.values().map(|t| &t.entry);
            return known.find(|t| t.table.object_id == dml.target.object_id).cloned();
        }
        self.catalog().table_by_id(dml.target.object_id).cloned()
    }

    /// The rows that an `INSERT` would store, put into a table without keys; the first one whose key is there already.
    fn inserted_duplicate(
        &self,
        dml: &CompiledDml,
        entry: &TableEntry,
        index: &Index,
        frame: &Frame,
    ) -> Exec<Option<String>> {
        let into = format!("INSERT INTO {}", dml.target.sqlite_name);
        let Some(at) = dml.statement.sql.find(&into) else { return Ok(None) };
        // The statement's own numbers, defaults and the like may differ in a second run; keys that hold one are left alone.
        if index.key.iter().any(|&(p, _)| {
            entry.table.columns[p].identity.is_some() && dml.statement.sql.contains("sandbox_next_identity")
        }) {
            return Ok(None);
        }
        let columns: Vec<String> = entry
            .table
            .columns
            .iter()
            .filter(|c| c.computed.is_none())
            .map(|c| format!("{} {}", c.sqlite_name, sqlite_type(&c.ty, c.collation.as_deref())))
            .collect();
        self.connection.execute_batch(&format!(
            "DROP TABLE IF EXISTS {ROWS}; CREATE TEMP TABLE \"$duplicates\"({})",
            columns.join(", ")
        ))?;
        let mut sql = dml.statement.sql.clone();
        sql.replace_range(at..at + into.len(), &format!("INSERT INTO {ROWS}"));
        let again = Compiled { sql, ..dml.statement.clone() };
        let found = self.run_discarding(&again, frame).and_then(|()| self.first_clash(entry, index));
        self.connection.execute_batch(&format!("DROP TABLE {ROWS}"))?;
        found
    }

    fn first_clash(&self, entry: &TableEntry, index: &Index) -> Exec<Option<String>> {
        let key: Vec<&super::meta::Column> = index.key.iter().map(|&(p, _)| &entry.table.columns[p]).collect();
        if key.iter().any(|c| c.computed.is_some()) {
            return Ok(None);
        }
        let filter = match &index.filter {
            Some(text) => {
                let frame = Frame::default();
                let expr = crate::tsql::parse_expr(text)?;
                super::compile::check_to_sqlite(&expr, &entry.table, &self.empty_scope(&frame))?
            }
            None => "1".to_owned(),
        };
        let rows = format!("(SELECT rowid AS \"$row\", * FROM {ROWS} WHERE {filter})");
        let names: Vec<String> = key.iter().map(|c| format!("n.{}", c.sqlite_name)).collect();
        let same = |other: &str| {
            let parts: Vec<String> = key.iter().map(|c| format!("{other}.{0} IS n.{0}", c.sqlite_name)).collect();
            parts.join(" AND ")
        };
        let sql = format!(
            "SELECT {} FROM {rows} AS n WHERE EXISTS (SELECT 1 FROM (SELECT * FROM {} WHERE {filter}) AS t WHERE {}) OR EXISTS \
             (SELECT 1 FROM {rows} AS o WHERE o.\"$row\" < n.\"$row\" AND {}) ORDER BY n.\"$row\" LIMIT 1",
            names.join(", "),
            entry.table.sqlite_name,
            same("t"),
            same("o")
        );
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let mut values = Vec::with_capacity(key.len());
        for (position, column) in key.iter().enumerate() {
            values.push(shown(&decode(row.get_ref(position)?, &column.ty)?, &column.ty)?);
        }
        Ok(Some(format!("({})", values.join(", "))))
    }

    /// Completes the error of an `UPDATE`, whose new rows lie in a table of their own.
    pub(super) fn with_updated_value(&self, error: SqlError, dml: &CompiledDml, rows: &NewRows) -> SqlError {
        let Some(entry) = self.duplicate_entry(dml) else { return error };
        let index = entry.indexes.iter().find(|i| i.unique && error.message.contains(&format!("'{}'", i.name)));
        match index.map(|index| self.updated_clash(&entry, index, rows)) {
            Some(Ok(Some(value))) => {
                SqlError { message: format!("{} The duplicate key value is {value}.", error.message), ..error }
            }
            _ => error,
        }
    }

    fn updated_clash(&self, entry: &TableEntry, index: &Index, rows: &NewRows) -> Exec<Option<String>> {
        if index.filter.is_some() || index.key.iter().any(|(p, _)| !rows.stored.contains(p)) {
            return Ok(None);
        }
        let names: Vec<String> = index.key.iter().map(|(p, _)| format!("n.{}", NewRows::new_value(*p))).collect();
        let same = |other: &dyn Fn(usize) -> String| {
            let parts: Vec<String> =
                index.key.iter().map(|(p, _)| format!("{} IS n.{}", other(*p), NewRows::new_value(*p))).collect();
            parts.join(" AND ")
        };
        let (source, row_id) = (&rows.source, rows.row_id);
        let sql = format!(
            "SELECT {} FROM {source} AS n WHERE EXISTS (SELECT 1 FROM {} AS t WHERE t.{row_id} <> n.row_id AND {}) OR EXISTS \
             (SELECT 1 FROM {source} AS o WHERE o.row_id < n.row_id AND {}) ORDER BY n.row_id LIMIT 1",
            names.join(", "),
            entry.table.sqlite_name,
            same(&|p| format!("t.{}", entry.table.columns[p].sqlite_name)),
            same(&|p| format!("o.{}", NewRows::new_value(p)))
        );
        let mut statement = self.connection.prepare(&sql)?;
        let mut found = statement.query([])?;
        let Some(row) = found.next()? else { return Ok(None) };
        let mut values = Vec::with_capacity(index.key.len());
        for (position, (p, _)) in index.key.iter().enumerate() {
            let ty = &entry.table.columns[*p].ty;
            values.push(shown(&decode(row.get_ref(position)?, ty)?, ty)?);
        }
        Ok(Some(format!("({})", values.join(", "))))
    }

    /// The value of a key that rows of a table share, for error 1505.
    pub(super) fn shared_key(&self, entry: &TableEntry, index: &Index) -> Option<String> {
        let key: Vec<&super::meta::Column> = index.key.iter().map(|&(p, _)| &entry.table.columns[p]).collect();
        let names: Vec<&str> = key.iter().map(|c| c.sqlite_name.as_str()).collect();
        let names = names.join(", ");
        if index.filter.is_some() {
            return None;
        }
        let database = if entry.table.database == TEMPORARY_DATABASE { "temp" } else { "db" };
        let sql = format!(
            "SELECT {names} FROM {database}.{} GROUP BY {names} HAVING count(*) > 1 ORDER BY {names} LIMIT 1",
            quote(&entry.storage)
        );
        let mut statement = self.connection.prepare(&sql).ok()?;
        let mut rows = statement.query([]).ok()?;
        let row = rows.next().ok()??;
        let mut values = Vec::new();
        for (position, column) in key.iter().enumerate() {
            values.push(shown(&decode(row.get_ref(position).ok()?, &column.ty).ok()?, &column.ty).ok()?);
        }
        Some(format!("({})", values.join(", ")))
    }
}

/// A value as the messages show it.
fn shown(value: &Datum, ty: &SqlType) -> Exec<String> {
    if *value == Datum::Null {
        return Ok("<NULL>".to_owned());
    }
    let text = super::convert::convert(value, ty, &SqlType::NVarChar(Length::N(4000)), None)?;
    Ok(match text {
        Datum::String(text) => text,
        _ => String::new(),
    })
}
