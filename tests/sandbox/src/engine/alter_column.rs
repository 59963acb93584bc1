//! ALTER TABLE … ALTER COLUMN.
//!
//! Source: <https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql#alter-column>.

use super::catalog::TableEntry;
use super::collation;
use super::compile;
use super::database::Identity;
use super::ddl_alter::mentions_name;
use super::encode::widens;
use super::frame::Frame;
use super::meta::Column;
use super::session::SqlSession;
use super::stop::Exec;
use super::system_types::{facets, is_character, is_wide_text, stored_type_id};
use super::table_design::can_be_identity;
use super::table_rebuild::null_not_allowed;
use super::type_rules::{Family, family};
use crate::error::SqlError;
use crate::tsql::ast::ColumnDef;
use crate::types::{Length, SqlType};
use rusqlite::params;
use std::sync::Arc;

/// A column as it is to be.
pub(super) struct Altered {
    position: usize,
    column: Column,
}

impl SqlSession {
    pub(super) fn alter_column(&mut self, entry: &Arc<TableEntry>, def: &ColumnDef) -> Exec<()> {
        let altered = self.altered_column(entry, def)?;
        let id = entry.table.object_id;
        let (position, column) = (altered.position, &altered.column);
        let sparse: bool = self.connection.query_row(
            r#"SELECT is_sparse FROM db."$columns" WHERE object_id = ?1 AND column_id = ?2"#,
            [id, entry.column_ids[position]],
            |r| r.get(0),
        )?;
        if sparse || def.sparse {
            return Err(SqlError::unsupported("ALTER COLUMN of or to a sparse column").into());
        }
        let old = &entry.table.columns[position];
        let f = facets(&column.ty);
        self.connection.execute(
            r#"UPDATE db."$columns" SET type_id = ?3, max_length = ?4, precision = ?5, scale = ?6, is_nullable = ?7, collation = ?8, user_type_id = ?9
               WHERE object_id = ?1 AND column_id = ?2"#,
            params![
                id,
                entry.column_ids[position],
                stored_type_id(&column.ty, def.declared),
                f.max_length,
                f.precision,
                f.scale,
                column.nullable,
                column.collation,
                def.declared.map(|ids| ids.user_type_id)
            ],
        )?;
        if let Some(identity) = column.identity.is_some().then(|| Identity::of(column, None)).flatten() {
            self.database().identity(id, |known| {
                known.range = identity.range;
                known.type_name = identity.type_name;
            });
        }
        if widens(&old.ty, &column.ty) && old.collation == column.collation {
            self.rewrite_table(id)?;
            // The guard against equal NULLs depends on which columns can be NULL.
            let entry = self.entry(id)?;
            for index in entry.indexes.iter().filter(|i| i.unique && i.key.iter().any(|k| k.0 == position)) {
                self.drop_index_storage(&entry, index)?;
                self.create_index_storage(&entry, index)?;
            }
            return Ok(());
        }
        let values = self.values_with(entry, &altered)?;
        self.rebuild_permanent(entry, &values)
    }

    /// Rebuilds a table of the catalog, whose rows describe it as it is to be. What older rows were given is stored in each then.
    pub(super) fn rebuild_permanent(&mut self, before: &TableEntry, values: &[(usize, String)]) -> Exec<()> {
        let id = before.table.object_id;
        self.connection.execute(r#"UPDATE db."$columns" SET filler = NULL WHERE object_id = ?1"#, [id])?;
        self.table_changed(id)?;
        let after = self.entry(id)?;
        self.rebuild_table(before, &after, values)
    }

    /// The same of a temporary table: its entry after the change.
    pub(super) fn alter_temporary_column(&mut self, entry: &TableEntry, def: &ColumnDef) -> Exec<TableEntry> {
        let altered = self.altered_column(entry, def)?;
        let values = self.values_with(entry, &altered)?;
        let mut after = entry.clone();
        Arc::make_mut(&mut after.table).columns[altered.position] = altered.column;
        self.rebuild_table(entry, &after, &values)?;
        Ok(after)
    }

    /// What fills the columns of a table after one was altered.
    fn values_with(&self, entry: &TableEntry, altered: &Altered) -> Exec<Vec<(usize, String)>> {
        let frame = Frame::default();
        let mut values = stored_columns(entry);
        let converted = compile::column_as_to_sqlite(
            altered.position,
            &entry.table,
            &altered.column.ty,
            &self.empty_scope(&frame),
        )?;
        if let Some(value) = values.iter_mut().find(|(position, _)| *position == altered.position) {
            value.1 = converted;
        }
        Ok(values)
    }

    /// Checks what is asked for: errors 4924, 4928, 5074 with 4922, 515, 2749.
    fn altered_column(&mut self, entry: &TableEntry, def: &ColumnDef) -> Exec<Altered> {
        let Some(position) = entry.find(&def.name) else {
            let text = format!(
                "ALTER TABLE ALTER COLUMN failed because column '{}' does not exist in table '{}'.",
                def.name, entry.table.name
            );
            return Err(SqlError::new(4924, text).into());
        };
        let old = &entry.table.columns[position];
        let ty = def.ty.unwrap_or(old.ty);
        if let Some(fixed) = unalterable(old, &ty) {
            let text = format!("Cannot alter column '{}' because it is '{fixed}'.", old.name);
            return Err(SqlError::new(4928, text).into());
        }
        if old.ty != ty && (matches!(family(&old.ty), Family::Clr | Family::Json) || family(&ty) == Family::Clr) {
            let (from, to) = (type_word(&old.ty), type_word(&ty));
            return Err(SqlError::unsupported(format!("ALTER COLUMN from {from} to {to}")).into());
        }
        let collation = match &def.collation {
            Some(name) if is_character(&ty) => Some(collation::for_column(name, is_wide_text(&ty))?),
            Some(_) => {
                let text = format!("Expression type {} is invalid for COLLATE clause.", type_word(&ty));
                return Err(SqlError::new(447, text).with_state(0).into());
            }
            None => is_character(&ty).then(collation::default_name),
        };
        let nullable = def.nullable.unwrap_or(old.identity.is_none());
        if old.identity.is_some() && (nullable || !can_be_identity(&ty)) {
            let text = format!(
                "Identity column '{}' must be of data type int, bigint, smallint, tinyint, or decimal or numeric with a scale of 0, \
                 unencrypted, and constrained to be nonnullable.",
                old.name
            );
            return Err(SqlError::new(2749, text).with_state(2).into());
        }
        let column = Column { ty, nullable, collation, ..old.clone() };
        self.refuse_alter_dependents(entry, position, &column)?;
        if !nullable && old.nullable {
            let sql =
                format!("SELECT EXISTS (SELECT 1 FROM {} WHERE {} IS NULL)", entry.table.sqlite_name, old.sqlite_name);
            if self.connection.query_row(&sql, [], |r| r.get(0))? {
                return Err(null_not_allowed(entry, &old.name).into());
            }
        }
        Ok(Altered { position, column })
    }

    /// Errors 5074 and 4922.
    fn refuse_alter_dependents(&mut self, entry: &TableEntry, position: usize, new: &Column) -> Exec<()> {
        let old = &entry.table.columns[position];
        let dependents = self.alter_dependents(entry, position, new);
        if dependents.is_empty() {
            return Ok(());
        }
        self.accessed(&dependents, "ALTER", &old.name)
    }

    fn alter_dependents(&self, entry: &TableEntry, position: usize, new: &Column) -> Vec<(&'static str, String)> {
        let old = &entry.table.columns[position];
        let column_id = entry.column_ids[position];
        let retyped = old.ty != new.ty || old.collation != new.collation;
        let longer = only_longer(&old.ty, &new.ty) && old.collation == new.collation;
        let to_not_null = old.nullable && !new.nullable;
        let to_null = !old.nullable && new.nullable;
        let mut found = Vec::new();
        if !(retyped || to_not_null || to_null) {
            return found;
        }
        let catalog = self.catalog();
        let mentions = |text: &str| mentions_name(text, &old.name);
        for index in &entry.indexes {
            let in_key = index.key.iter().any(|k| k.0 == position);
            let filtered = index.filter.as_deref().is_some_and(mentions);
            let keeps = if index.primary_key { retyped || to_null } else { retyped && !longer || to_not_null };
            if in_key && keeps || filtered && retyped {
                found.push((if index.constraint_id.is_some() { "object" } else { "index" }, index.name.clone()));
            }
            if in_key && retyped {
                let keys = catalog.references_to(entry.table.object_id);
                found.extend(
                    keys.filter(|(_, key)| key.key_index_id == index.index_id).map(|(_, k)| ("object", k.name.clone())),
                );
            }
        }
        if retyped {
            let keys = entry.foreign_keys.iter().filter(|f| f.columns.iter().any(|c| c.0 == column_id));
            found.extend(keys.map(|f| ("object", f.name.clone())));
        }
        if retyped && !longer {
            let checks = entry.checks.iter().filter(|c| mentions(&c.definition));
            found.extend(checks.map(|c| ("object", c.name.clone())));
        }
        if std::mem::discriminant(&old.ty) != std::mem::discriminant(&new.ty) {
            let defaults = entry.defaults.iter().filter(|d| d.column_id == column_id);
            found.extend(defaults.map(|d| ("object", d.name.clone())));
        }
        let computed = entry.table.columns.iter().filter(|c| c.computed.as_deref().is_some_and(mentions));
        found.extend(computed.map(|c| ("column", c.name.clone())));
        found
    }

    /// Error 4922, after a 5074 for each object that is in the way.
    pub(super) fn accessed(&mut self, dependents: &[(&'static str, String)], verb: &str, column: &str) -> Exec<()> {
        for (kind, name) in dependents {
            let text = format!("The {kind} '{name}' is dependent on column '{column}'.");
            self.preceding.push(SqlError::new(5074, text));
        }
        let text = format!("ALTER TABLE {verb} COLUMN {column} failed because one or more objects access this column.");
        Err(SqlError::new(4922, text).with_state(9).into())
    }
}

/// Every stored column with itself as its value.
pub(super) fn stored_columns(entry: &TableEntry) -> Vec<(usize, String)> {
    let columns = entry.table.columns.iter().enumerate().filter(|(_, c)| c.computed.is_none());
    columns.map(|(position, c)| (position, c.sqlite_name.clone())).collect()
}

/// What keeps a column's type from being changed.
fn unalterable(column: &Column, to: &SqlType) -> Option<&'static str> {
    match (&column.ty, to) {
        _ if column.computed.is_some() => Some("COMPUTED"),
        (SqlType::RowVersion, _) | (_, SqlType::RowVersion) => Some("timestamp"),
        (SqlType::Text, _) => Some("text"),
        (SqlType::NText, _) => Some("ntext"),
        (SqlType::Image, _) => Some("image"),
        _ => None,
    }
}

fn type_word(ty: &SqlType) -> String {
    super::system_types::type_name(ty).to_owned()
}

/// Whether a type is another of variable length, made longer.
fn only_longer(from: &SqlType, to: &SqlType) -> bool {
    let longer = |a: &Length, b: &Length| match (a, b) {
        (Length::N(a), Length::N(b)) => a <= b,
        _ => false,
    };
    match (from, to) {
        (SqlType::VarChar(a), SqlType::VarChar(b))
        | (SqlType::NVarChar(a), SqlType::NVarChar(b))
        | (SqlType::VarBinary(a), SqlType::VarBinary(b)) => longer(a, b),
        _ => false,
    }
}
