//! ALTER TABLE.
//!
//! SQLite can change the text of a table without touching its rows (see
//! [`replace_table_text`](super::catalog_store::replace_table_text)); what goes beyond that is refused.

use super::catalog::{Check, ForeignKey, TableEntry, same_name};
use super::compile;
use super::extension::{DdlEvent, DdlKind};
use super::frame::Frame;
use super::quoting::{literal, quote};
use super::scope::written;
use super::session::SqlSession;
use super::stop::Exec;
use super::table_design::{Design, of_table};
use super::transaction::Writes;
use crate::error::SqlError;
use crate::session::Sink;
use crate::tsql::ast::{AlterTable, Expr, ObjectName};
use crate::types::SqlType;
use rusqlite::params;
use rusqlite::types::Value;
use std::sync::Arc;

impl SqlSession {
    pub(super) fn alter_table(
        &mut self,
        name: &ObjectName,
        action: &AlterTable,
        text: &str,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        if name.name.starts_with('#') {
            return self.alter_temporary(name, action, sink);
        }
        self.refuse_in_snapshot()?;
        let wants = self.ddl_want(name.schema.as_deref(), &name.name);
        self.write_with(wants, Writes::Database, sink, |s, _| {
            let catalog = s.catalog();
            let entry = catalog
                .table(name.schema.as_deref().unwrap_or("dbo"), &name.name)
                .cloned()
                .ok_or_else(|| cannot_find(name))?;
            let id = entry.table.object_id;
            s.may_alter_object(id, &written(name))?;
            if matches!(action, AlterTable::DropColumns { .. } | AlterTable::AlterColumn(_)) {
                s.refuse_bound_columns(&entry)?;
            }
            let named = |error| of_table(error, &entry.full_name(), &entry.table.name);
            let server = Arc::clone(s.server());
            server.extension.on_ddl(s, &DdlEvent { kind: DdlKind::BeforeAlterTable, table: &entry, text })?;
            match action {
                AlterTable::Add { elements, with_nocheck } => {
                    let elements = s.elements_of_types(elements)?;
                    s.alter_add(&entry, &Design::read(&elements).map_err(named)?, *with_nocheck)?
                }
                AlterTable::DropColumns { names, if_exists } => s.drop_columns(&entry, names, *if_exists)?,
                AlterTable::DropConstraints { names, if_exists } => s.drop_constraints(&entry, names, *if_exists)?,
                AlterTable::AlterColumn(def) => s.alter_column(&entry, &s.column_of_type(def)?)?,
                AlterTable::CheckConstraint { names, enable, with_check } => {
                    s.switch_constraints(&entry, names, *enable, *with_check)?;
                }
            }
            s.touch(id)?;
            s.table_changed(id)?;
            let entry = s.entry(id)?;
            server.extension.on_ddl(s, &DdlEvent { kind: DdlKind::AlterTable, table: &entry, text })?;
            Ok(())
        })
    }

    fn alter_add(&mut self, entry: &Arc<TableEntry>, design: &Design, with_nocheck: bool) -> Exec<()> {
        design.check_rowversion(&entry.table.name, Some(&entry.table))?;
        design.check_one_identity(&entry.table)?;
        let versioned = design.columns.iter().any(|c| c.column.ty == SqlType::RowVersion);
        if versioned && entry.foreign_keys.iter().any(|f| f.on_delete > 1 || f.on_update > 0) {
            let what = "foreign keys that change rows of a table with a rowversion column";
            return Err(SqlError::unsupported(what).into());
        }
        let id = entry.table.object_id;
        let before: Vec<i32> = entry.foreign_keys.iter().map(|f| f.object_id).collect();
        self.add_new_columns(entry, design)?;
        self.table_changed(id)?;
        let current = self.entry(id)?;
        for default in &design.defaults {
            let position = current.find(&default.column).ok_or_else(|| {
                let text = format!(
                    "Column '{}' in table '{}' is invalid for creating a default constraint.",
                    default.column, entry.table.name
                );
                SqlError::new(1752, text)
            })?;
            let column = &current.table.columns[position];
            if column.default.is_some() || column.identity.is_some() {
                return Err(SqlError::new(1781, "Column already has a DEFAULT bound to it.").into());
            }
            let frame = Frame::default();
            compile::default_to_sqlite(&default.text, column, &self.empty_scope(&frame))?;
            let owner = (entry.schema_id, entry.table.name.as_str());
            let column = (current.column_ids[position], column.name.as_str());
            self.add_default(id, column, default.name.as_deref(), &default.text, owner)?;
        }
        self.add_keys(id, design)?;
        self.add_checks(id, design, !with_nocheck)?;
        self.add_foreign_keys(id, design, !with_nocheck)?;
        self.rewrite_table(id)?;
        let current = self.entry(id)?;
        self.number_rows(&current, design)?;
        for index in current.indexes.iter().filter(|i| !entry.indexes.iter().any(|o| o.index_id == i.index_id)) {
            self.create_index_storage(&current, index)?;
        }
        self.create_foreign_key_indexes(&current)?;
        if !with_nocheck {
            for check in current.checks.iter().filter(|c| !entry.checks.iter().any(|o| o.object_id == c.object_id)) {
                self.verify_check(&current, check)?;
            }
            for key in current.foreign_keys.iter().filter(|f| !before.contains(&f.object_id)) {
                self.verify_foreign_key(&current, key, "ALTER TABLE")?;
            }
        }
        Ok(())
    }

    fn add_new_columns(&mut self, entry: &Arc<TableEntry>, design: &Design) -> Exec<()> {
        if design.columns.is_empty() {
            return Ok(());
        }
        let mut design = design.clone();
        let mut columns = entry.table.columns.clone();
        for column in &design.columns {
            if columns.iter().any(|c| same_name(&c.name, &column.column.name)) {
                return Err(not_unique(&column.column.name, &entry.full_name()).into());
            }
            columns.push(column.column.clone());
        }
        let frame = Frame::default();
        let table = super::table_design::with_columns(entry, columns);
        design.type_computed(&table, &self.empty_scope(&frame))?;
        let id = entry.table.object_id;
        let first = super::catalog_store::last_column_id(&self.connection, id)? + 1;
        self.add_columns(id, first, &design, entry.schema_id, &entry.table.name)?;
        for column in design.columns.iter().map(|c| &c.column) {
            if let Some(default) = &column.default {
                compile::default_to_sqlite(default, column, &self.empty_scope(&frame))?;
            }
        }
        let has_rows: bool = self.connection.query_row(
            &format!("SELECT EXISTS (SELECT 1 FROM {})", entry.table.sqlite_name),
            [],
            |r| r.get(0),
        )?;
        if !has_rows {
            return Ok(());
        }
        let mut differing: Vec<(i32, String)> = Vec::new();
        for (column, column_id) in design.columns.iter().zip(first..) {
            let c = &column.column;
            if (c.nullable && !column.with_values) || c.computed.is_some() || is_numbered(c) {
                continue;
            }
            let Some(default) = &c.default else {
                if c.nullable {
                    continue;
                }
                return Err(cannot_add(&c.name, &entry.table.name).into());
            };
            if super::sequences::takes_value_in(default) {
                return Err(SqlError::unsupported("adding a column of sequence values to a table with rows").into());
            }
            let sql = compile::default_to_sqlite(default, c, &self.empty_scope(&frame))?;
            if differs_by_row(default)? {
                differing.push((column_id, sql));
                continue;
            }
            let value: Value = self
                .connection
                .query_row(&format!("SELECT {sql}"), [], |r| r.get(0))
                .map_err(super::stop::Stop::from)?;
            self.connection.execute(
                r#"UPDATE db."$columns" SET filler = ?3 WHERE object_id = ?1 AND column_id = ?2"#,
                params![id, column_id, sqlite_literal(&value)],
            )?;
        }
        if !differing.is_empty() {
            // Once with what is the same for all rows, then each row with its own.
            self.table_changed(id)?;
            let after = self.entry(id)?;
            let mut values = super::alter_column::stored_columns(entry);
            for (position, column_id) in after.column_ids.iter().enumerate().skip(entry.table.columns.len()) {
                let own = differing.iter().find(|(differs, _)| differs == column_id).map(|(_, sql)| sql.clone());
                // Numbers come later.
                let number = match &after.table.columns[position] {
                    c if c.ty == SqlType::RowVersion => Some("x'0000000000000000'".to_owned()),
                    c => c.identity.map(|_| "0".to_owned()),
                };
                if let Some(sql) = own.or(number).or_else(|| after.fillers[position].clone()) {
                    values.push((position, sql));
                }
            }
            self.rebuild_permanent(entry, &values)?;
        }
        Ok(())
    }

    /// Gives the rows that are there values of new identity and `rowversion` columns.
    fn number_rows(&mut self, entry: &Arc<TableEntry>, design: &Design) -> Exec<()> {
        self.load_identity(&entry.table)?;
        for column in design.columns.iter().map(|c| &c.column).filter(|c| is_numbered(c)) {
            let value = match column.identity {
                Some(_) => format!("sandbox_next_identity({})", entry.table.object_id),
                None => super::rowversion::next(&entry.table),
            };
            let sql = format!("UPDATE {} SET {} = {value}", entry.table.sqlite_name, column.sqlite_name);
            self.connection.execute(&sql, [])?;
        }
        Ok(())
    }

    fn drop_columns(&mut self, entry: &Arc<TableEntry>, names: &[String], if_exists: bool) -> Exec<()> {
        let id = entry.table.object_id;
        let dropped = self.columns_to_drop(entry, names, if_exists)?;
        if dropped.is_empty() {
            return Ok(());
        }
        super::catalog_store::keep_last_column_id(&self.connection, id)?;
        for &position in &dropped {
            let column_id = entry.column_ids[position];
            self.connection.execute(
                r#"DELETE FROM db."$columns" WHERE object_id = ?1 AND column_id = ?2"#,
                params![id, column_id],
            )?;
            if entry.table.columns[position].identity.is_some() {
                self.database().forget_identity(id);
            }
        }
        self.rebuild_permanent(entry, &values_without(entry, &dropped))
    }

    /// Checks what is asked for: errors 4924, 4923, 5074 with 4922.
    pub(super) fn columns_to_drop(
        &mut self,
        entry: &TableEntry,
        names: &[String],
        if_exists: bool,
    ) -> Exec<Vec<usize>> {
        let mut dropped = Vec::new();
        for name in names {
            let Some(position) = entry.find(name) else {
                if if_exists {
                    continue;
                }
                let text = format!(
                    "ALTER TABLE DROP COLUMN failed because column '{name}' does not exist in table '{}'.",
                    entry.table.name
                );
                return Err(SqlError::new(4924, text).into());
            };
            let dependents = self.dependents(entry, position);
            if !dependents.is_empty() {
                self.accessed(&dependents, "DROP", name)?;
            }
            dropped.push(position);
            if dropped.len() == entry.table.columns.len() {
                let text = format!(
                    "ALTER TABLE DROP COLUMN failed because '{name}' is the only data column in table '{}'. A table must have at least one \
                     data column.",
                    entry.table.name
                );
                return Err(SqlError::new(4923, text).into());
            }
        }
        Ok(dropped)
    }

    /// What keeps a column from being dropped.
    fn dependents(&self, entry: &TableEntry, position: usize) -> Vec<(&'static str, String)> {
        let column_id = entry.column_ids[position];
        let name = &entry.table.columns[position].name;
        let mentions = |text: &str| mentions_name(text, name);
        let mut found = Vec::new();
        for index in &entry.indexes {
            let included = self.includes(entry.table.object_id, index.index_id, column_id);
            let filtered = index.filter.as_deref().is_some_and(mentions);
            if index.key.iter().any(|k| k.0 == position) || filtered || included {
                found.push((if index.constraint_id.is_some() { "object" } else { "index" }, index.name.clone()));
            }
        }
        let defaults = entry.defaults.iter().filter(|d| d.column_id == column_id);
        found.extend(defaults.map(|d| ("object", d.name.clone())));
        let keys = entry.foreign_keys.iter().filter(|f| f.columns.iter().any(|c| c.0 == column_id));
        found.extend(keys.map(|f| ("object", f.name.clone())));
        let catalog = self.catalog();
        let references = catalog.references_to(entry.table.object_id);
        let referring = references.filter(|(_, f)| f.columns.iter().any(|c| c.1 == column_id));
        found.extend(referring.map(|(_, f)| ("object", f.name.clone())));
        found.extend(entry.checks.iter().filter(|c| mentions(&c.definition)).map(|c| ("object", c.name.clone())));
        let computed = entry.table.columns.iter().filter(|c| c.computed.as_deref().is_some_and(mentions));
        found.extend(computed.map(|c| ("column", c.name.clone())));
        found
    }

    /// Whether an index of the catalog includes a column beside its key.
    fn includes(&self, table: i32, index: i32, column: i32) -> bool {
        let sql = r#"SELECT EXISTS (SELECT 1 FROM db."$index_columns"
                     WHERE object_id = ?1 AND index_id = ?2 AND column_id = ?3 AND is_included = 1)"#;
        self.connection.query_row(sql, [table, index, column], |r| r.get(0)).unwrap_or(false)
    }

    fn drop_constraints(&mut self, entry: &Arc<TableEntry>, names: &[String], if_exists: bool) -> Exec<()> {
        let id = entry.table.object_id;
        for name in names {
            let catalog = self.catalog();
            let object = catalog.objects().find(|o| o.parent_object_id == id && same_name(&o.name, name));
            let Some(object) = object else {
                if if_exists {
                    continue;
                }
                return Err(SqlError::new(3728, format!("'{name}' is not a constraint.")).into());
            };
            let entry = self.entry(id)?;
            if let Some(index) = entry.indexes.iter().find(|i| i.constraint_id == Some(object.object_id)) {
                self.refuse_if_referenced(&entry, index)?;
                self.remove_index(&entry, index)?;
            }
            let storage = quote(&super::catalog_store::foreign_key_storage(object.object_id));
            super::catalog_store::delete_object(&self.connection, object.object_id)?;
            self.rewrite_table(id)?;
            self.connection.execute_batch(&format!("DROP INDEX IF EXISTS db.{storage}"))?;
        }
        Ok(())
    }

    fn switch_constraints(
        &mut self,
        entry: &Arc<TableEntry>,
        names: &[String],
        enable: bool,
        with_check: bool,
    ) -> Exec<()> {
        let id = entry.table.object_id;
        let all = names.is_empty() || names.iter().any(|n| n.eq_ignore_ascii_case("ALL"));
        let named = |name: &str| all || names.iter().any(|n| same_name(n, name));
        for name in names.iter().filter(|_| !all) {
            let known = entry.checks.iter().any(|c| same_name(&c.name, name))
                || entry.foreign_keys.iter().any(|f| same_name(&f.name, name));
            if !known {
                let text = format!("Constraint '{name}' does not exist.");
                return Err(SqlError::new(4917, text).into());
            }
        }
        let checks: Vec<i32> = entry.checks.iter().filter(|c| named(&c.name)).map(|c| c.object_id).collect();
        let keys: Vec<i32> = entry.foreign_keys.iter().filter(|f| named(&f.name)).map(|f| f.object_id).collect();
        let trusted = enable && with_check;
        for (table, ids) in [("$checks", &checks), ("$foreign_keys", &keys)] {
            for constraint in ids {
                self.connection.execute(
                    &format!(
                        "UPDATE db.{} SET is_disabled = ?2, is_not_trusted = ?3 WHERE object_id = ?1",
                        quote(table)
                    ),
                    params![constraint, !enable, !trusted],
                )?;
            }
        }
        self.rewrite_table(id)?;
        if trusted {
            let entry = self.entry(id)?;
            for check in entry.checks.iter().filter(|c| checks.contains(&c.object_id)) {
                self.verify_check(&entry, check)?;
            }
            for key in entry.foreign_keys.iter().filter(|f| keys.contains(&f.object_id)) {
                self.verify_foreign_key(&entry, key, "ALTER TABLE")?;
            }
        }
        Ok(())
    }

    /// Error 547 if a row breaks a CHECK constraint.
    pub(super) fn verify_check(&self, entry: &TableEntry, check: &Check) -> Exec<()> {
        let frame = Frame::default();
        let expr = crate::tsql::parse_expr(&check.definition)?;
        let sql = compile::check_to_sqlite(&expr, &entry.table, &self.empty_scope(&frame))?;
        let broken: bool = self.connection.query_row(
            &format!("SELECT EXISTS (SELECT 1 FROM {} WHERE NOT ({sql}))", entry.table.sqlite_name),
            [],
            |r| r.get(0),
        )?;
        if broken {
            let text = format!(
                "The ALTER TABLE statement conflicted with the CHECK constraint \"{}\". The conflict occurred in {}.",
                check.name,
                check.place(entry)
            );
            return Err(SqlError::new(547, text).with_state(0).into());
        }
        Ok(())
    }

    /// Error 547 if a row has no parent.
    pub(super) fn verify_foreign_key(&self, entry: &TableEntry, key: &ForeignKey, statement: &str) -> Exec<()> {
        let catalog = self.catalog();
        let Some(parent) = catalog.table_by_id(key.referenced_object_id) else { return Ok(()) };
        if self.has_orphans(entry, parent, key)? {
            return Err(super::foreign_keys::conflict(statement, &catalog.database, key, (entry, parent), true).into());
        }
        Ok(())
    }
}

/// A column whose values the server makes.
fn is_numbered(column: &super::meta::Column) -> bool {
    column.identity.is_some() || column.ty == SqlType::RowVersion
}

/// What fills a table that loses columns: its stored columns at their new positions.
pub(super) fn values_without(entry: &TableEntry, dropped: &[usize]) -> Vec<(usize, String)> {
    let kept = (0..entry.table.columns.len()).filter(|position| !dropped.contains(position));
    kept.enumerate()
        .filter(|(_, old)| entry.table.columns[*old].computed.is_none())
        .map(|(new, old)| (new, entry.table.columns[old].sqlite_name.clone()))
        .collect()
}

/// Whether a DEFAULT has another value in each row.
fn differs_by_row(default: &str) -> Exec<bool> {
    let expr = crate::tsql::parse_expr(default)?;
    Ok(super::expr_walk::any(&expr, &|part| match part {
        Expr::Call { name, .. } => ["newid", "newsequentialid"].iter().any(|f| name.name.eq_ignore_ascii_case(f)),
        _ => false,
    }))
}

/// A value as SQLite text.
fn sqlite_literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(v) => v.to_string(),
        Value::Real(v) => format!("{v:?}"),
        Value::Text(v) => literal(v),
        Value::Blob(v) => format!("x'{}'", v.iter().map(|b| format!("{b:02x}")).collect::<String>()),
    }
}

/// Whether a definition names a column, as a word or in brackets.
pub(super) fn mentions_name(text: &str, name: &str) -> bool {
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '@' | '#' | '$');
    text.match_indices(&name).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let after = text[at + found.len()..].chars().next();
        !before.is_some_and(word) && !after.is_some_and(word)
    })
}

/// Error 2705.
pub(super) fn not_unique(column: &str, table: &str) -> SqlError {
    let text = format!(
        "Column names in each table must be unique. Column name '{column}' in table '{table}' is specified more than once."
    );
    SqlError::new(2705, text).with_state(4)
}

/// Error 4901.
pub(super) fn cannot_add(column: &str, table: &str) -> SqlError {
    let text = format!(
        "ALTER TABLE only allows columns to be added that can contain nulls, or have a DEFAULT definition specified, or the column being \
         added is an identity or timestamp column, or alternatively if none of the previous conditions are satisfied the table must be \
         empty to allow addition of this column. Column '{column}' cannot be added to non-empty table '{table}' because it does not \
         satisfy these conditions."
    );
    SqlError::new(4901, text)
}

/// Error 4902.
pub(super) fn cannot_find(name: &ObjectName) -> SqlError {
    let text = format!(
        "Cannot find the object \"{}\" because it does not exist or you do not have permissions.",
        written(name)
    );
    SqlError::new(4902, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_mentioned_as_a_whole_word_only() {
        assert!(mentions_name("([Qty]>(0))", "qty"));
        assert!(!mentions_name("([QtyMax]>(0))", "qty"));
    }
}
