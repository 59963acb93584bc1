//! ALTER TABLE of a temporary table, which has no catalog but its entry.

use super::alias_types::refuse_in_temporary;
use super::catalog::{TableEntry, same_name};
use super::compile;
use super::ddl_alter::{cannot_add, cannot_find, not_unique, values_without};
use super::frame::Frame;
use super::session::SqlSession;
use super::stop::Exec;
use super::table_design::in_tempdb;
use super::table_design::{Design, of_table};
use super::transaction::Writes;
use crate::error::SqlError;
use crate::session::Sink;
use crate::tsql::ast::{AlterTable, ObjectName};
use std::sync::Arc;

impl SqlSession {
    pub(super) fn alter_temporary(&mut self, name: &ObjectName, action: &AlterTable, sink: &mut dyn Sink) -> Exec<()> {
        let found = self.shared.state().temporary(&name.name).cloned();
        let entry = found.ok_or_else(|| cannot_find(name))?;
        self.write(Writes::Temporary, sink, |s, _| {
            let after = match action {
                AlterTable::Add { elements, .. } => {
                    refuse_in_temporary(elements)?;
                    let elements = &*in_tempdb(elements)?;
                    let named = |error| of_table(error, &name.name, &name.name);
                    s.add_to_temporary(&entry, Design::read(elements).map_err(named)?)?
                }
                AlterTable::DropColumns { names, if_exists } => {
                    let dropped = s.columns_to_drop(&entry, names, *if_exists)?;
                    s.drop_temporary_columns(&entry, &dropped)?
                }
                AlterTable::AlterColumn(def) if def.named_type.is_some() => {
                    return Err(SqlError::unsupported("a temporary table's column of an alias type").into());
                }
                AlterTable::AlterColumn(def) => s.alter_temporary_column(&entry, def)?,
                AlterTable::DropConstraints { names, if_exists } => {
                    s.drop_temporary_constraints(&entry, names, *if_exists)?
                }
                AlterTable::CheckConstraint { .. } => {
                    return Err(SqlError::unsupported("CHECK and NOCHECK CONSTRAINT of a temporary table").into());
                }
            };
            s.replace_temporary(&name.name, after);
            Ok(())
        })
    }

    fn add_to_temporary(&mut self, entry: &TableEntry, mut design: Design) -> Exec<TableEntry> {
        if !design.foreign_keys.is_empty() || !design.defaults.is_empty() {
            return Err(SqlError::unsupported("ALTER TABLE ADD of such a constraint to a temporary table").into());
        }
        let mut columns = entry.table.columns.clone();
        for column in &design.columns {
            if columns.iter().any(|c| same_name(&c.name, &column.column.name)) {
                return Err(not_unique(&column.column.name, &entry.table.name).into());
            }
            if column.column.identity.is_some() {
                return Err(SqlError::unsupported("ALTER TABLE ADD of an identity column to a temporary table").into());
            }
            columns.push(column.column.clone());
        }
        let frame = Frame::default();
        let table = super::table_design::with_columns(entry, columns);
        design.type_computed(&table, &self.empty_scope(&frame))?;
        let mut values = super::alter_column::stored_columns(entry);
        let mut after = entry.clone();
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {})", entry.table.sqlite_name);
        let has_rows: bool = self.connection.query_row(&sql, [], |r| r.get(0))?;
        for column in &design.columns {
            let c = &column.column;
            let position = after.table.columns.len();
            match &c.default {
                Some(default) if !c.nullable || column.with_values => {
                    values.push((position, compile::default_to_sqlite(default, c, &self.empty_scope(&frame))?));
                }
                None if !c.nullable && has_rows && c.computed.is_none() => {
                    return Err(cannot_add(&c.name, &entry.table.name).into());
                }
                _ => {}
            }
            Arc::make_mut(&mut after.table).columns.push(c.clone());
            after.column_ids.push(after.column_ids.iter().max().copied().unwrap_or(0) + 1);
            after.fillers.push(None);
        }
        super::ddl_table::add_temporary_keys(&mut after, &design)?;
        self.rebuild_table(entry, &after, &values)?;
        for check in after.checks.iter().skip(entry.checks.len()) {
            self.verify_check(&after, check)?;
        }
        Ok(after)
    }

    fn drop_temporary_columns(&mut self, entry: &TableEntry, dropped: &[usize]) -> Exec<TableEntry> {
        let mut after = entry.clone();
        let mut keep = (0..entry.table.columns.len()).map(|position| !dropped.contains(&position));
        Arc::make_mut(&mut after.table).columns.retain(|_| keep.next().unwrap_or(true));
        let kept: Vec<usize> = (0..entry.table.columns.len()).filter(|p| !dropped.contains(p)).collect();
        after.column_ids = kept.iter().map(|&p| entry.column_ids[p]).collect();
        after.fillers = kept.iter().map(|&p| entry.fillers[p].clone()).collect();
        let moved = |position: usize| kept.iter().position(|&p| p == position).unwrap_or(position);
        for index in &mut after.indexes {
            for key in &mut index.key {
                key.0 = moved(key.0);
            }
        }
        for key in &mut Arc::make_mut(&mut after.table).primary_key {
            *key = moved(*key);
        }
        self.rebuild_table(entry, &after, &values_without(entry, dropped))?;
        Ok(after)
    }

    fn drop_temporary_constraints(
        &mut self,
        entry: &TableEntry,
        names: &[String],
        if_exists: bool,
    ) -> Exec<TableEntry> {
        let mut after = entry.clone();
        for name in names {
            let before = (after.indexes.len(), after.checks.len());
            after.indexes.retain(|i| i.constraint_id.is_none() || !same_name(&i.name, name));
            after.checks.retain(|c| !same_name(&c.name, name));
            if before == (after.indexes.len(), after.checks.len()) && !if_exists {
                return Err(SqlError::new(3728, format!("'{name}' is not a constraint.")).into());
            }
        }
        if !after.indexes.iter().any(|i| i.primary_key) {
            Arc::make_mut(&mut after.table).primary_key.clear();
        }
        self.rebuild_table(entry, &after, &super::alter_column::stored_columns(entry))?;
        Ok(after)
    }
}
