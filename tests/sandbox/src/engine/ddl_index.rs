//! CREATE INDEX and DROP INDEX.

use super::catalog::{Index, TableEntry, same_name};
use super::ddl_constraints::next_index_id;
use super::default_text::parenthesised;
use super::extension::{DdlEvent, DdlKind};
use super::scope::written;
use super::session::SqlSession;
use super::session_options::not_found;
use super::stop::Exec;
use super::table_design::key_positions;
use super::transaction::Writes;
use crate::error::SqlError;
use crate::session::Sink;
use crate::tsql::ast::{CreateIndex, ObjectName};
use std::sync::Arc;

impl SqlSession {
    pub(super) fn create_index(&mut self, create: &CreateIndex, sink: &mut dyn Sink) -> Exec<()> {
        if create.table.name.starts_with('#') {
            return self.write(Writes::Temporary, sink, |s, _| s.create_temporary_index(create));
        }
        self.refuse_in_snapshot()?;
        let wants = self.ddl_want(create.table.schema.as_deref(), &create.table.name);
        self.write_with(wants, Writes::Database, sink, |s, _| {
            let name = &create.table;
            let catalog = s.catalog();
            let entry = catalog
                .table(name.schema.as_deref().unwrap_or("dbo"), &name.name)
                .cloned()
                .ok_or_else(|| not_found(name))?;
            let (index, include) = new_index(&entry, create)?;
            s.store_index(&entry, &index, &include, false)?;
            s.create_index_storage(&entry, &index)?;
            s.touch(entry.table.object_id)?;
            s.table_changed(entry.table.object_id)?;
            s.indexes_changed(entry.table.object_id)
        })
    }

    /// Tells the extension that a table's indexes are others now.
    fn indexes_changed(&self, table: i32) -> Exec<()> {
        let entry = self.entry(table)?;
        let server = Arc::clone(self.server());
        server.extension.on_ddl(self, &DdlEvent { kind: DdlKind::IndexesChanged, table: &entry, text: "" })?;
        Ok(())
    }

    fn create_temporary_index(&mut self, create: &CreateIndex) -> Exec<()> {
        let found = self.shared.state().temporary(&create.table.name).cloned();
        let entry = found.ok_or_else(|| not_found(&create.table))?;
        let (index, _) = new_index(&entry, create)?;
        self.create_index_storage(&entry, &index)?;
        let mut changed = TableEntry::clone(&entry);
        changed.indexes.push(index);
        self.replace_temporary(&create.table.name, changed);
        Ok(())
    }

    fn replace_temporary(&self, name: &str, entry: TableEntry) {
        let mut state = self.shared.state();
        if let Some(temporary) = Arc::make_mut(&mut state.temporary).get_mut(&super::catalog::fold(name)) {
            temporary.entry = Arc::new(entry);
        }
        state.temporary_version += 1;
    }

    pub(super) fn drop_index(
        &mut self,
        name: &str,
        table: &ObjectName,
        if_exists: bool,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        let full = format!("{}.{name}", written(table));
        let missing = || super::ddl_table::cannot_drop("index", &full);
        if table.name.starts_with('#') {
            let found = self.shared.state().temporary(&table.name).cloned();
            let entry = found.ok_or_else(missing)?;
            return self.write(Writes::Temporary, sink, |s, _| {
                let Some(index) = entry.indexes.iter().find(|i| same_name(&i.name, name)) else {
                    return if if_exists { Ok(()) } else { Err(missing().into()) };
                };
                s.drop_index_storage(&entry, index)?;
                let mut changed = TableEntry::clone(&entry);
                changed.indexes.retain(|i| !same_name(&i.name, name));
                s.replace_temporary(&table.name, changed);
                Ok(())
            });
        }
        self.refuse_in_snapshot()?;
        let wants = self.ddl_want(table.schema.as_deref(), &table.name);
        self.write_with(wants, Writes::Database, sink, |s, _| {
            let catalog = s.catalog();
            let entry = catalog.table(table.schema.as_deref().unwrap_or("dbo"), &table.name).cloned();
            let index = entry.as_ref().and_then(|e| e.indexes.iter().find(|i| same_name(&i.name, name)));
            let (Some(entry), Some(index)) = (entry.as_ref(), index) else {
                return if if_exists { Ok(()) } else { Err(missing().into()) };
            };
            if index.constraint_id.is_some() {
                let kind = if index.primary_key { "PRIMARY KEY" } else { "UNIQUE KEY" };
                let text = format!("An explicit DROP INDEX is not allowed on index '{full}'. It is being used for {kind} constraint enforcement.");
                return Err(SqlError::new(3723, text).with_state(4).into());
            }
            s.refuse_if_referenced(entry, index)?;
            s.remove_index(entry, index)?;
            s.indexes_changed(entry.table.object_id)
        })
    }

    /// Error 3725 for a key that a foreign key relies on.
    pub(super) fn refuse_if_referenced(&self, entry: &TableEntry, index: &Index) -> Exec<()> {
        let catalog = self.catalog();
        let id = entry.table.object_id;
        if let Some((child, key)) = catalog.references_to(id).find(|(_, key)| key.key_index_id == index.index_id) {
            let text = format!(
                "The constraint '{}' is being referenced by table '{}', foreign key constraint '{}'.",
                index.name, child.table.name, key.name
            );
            return Err(SqlError::new(3725, text).with_state(0).into());
        }
        Ok(())
    }

    /// Drops an index from storage and catalog.
    pub(super) fn remove_index(&mut self, entry: &TableEntry, index: &Index) -> Exec<()> {
        let id = entry.table.object_id;
        self.drop_index_storage(entry, index)?;
        for table in ["$indexes", "$index_columns"] {
            self.connection.execute(
                &format!("DELETE FROM db.{} WHERE object_id = ?1 AND index_id = ?2", super::quoting::quote(table)),
                (id, index.index_id),
            )?;
        }
        self.touch(id)?;
        self.table_changed(id)?;
        let entry = self.entry(id)?;
        self.create_foreign_key_indexes(&entry)
    }
}

/// The index that is asked for, and the positions of its included columns.
fn new_index(entry: &TableEntry, create: &CreateIndex) -> Exec<(Index, Vec<usize>)> {
    if entry.indexes.iter().any(|i| same_name(&i.name, &create.name)) {
        let text = format!(
            "The operation failed because an index or statistics with name '{}' already exists on table '{}'.",
            create.name,
            entry.full_name()
        );
        return Err(SqlError::new(1913, text).into());
    }
    if let Some(clustered) = entry.indexes.iter().find(|i| create.clustered && i.index_id == 1) {
        let text = format!(
            "Cannot create more than one clustered index on table '{}'. Drop the existing clustered index '{}' before creating another.",
            entry.full_name(),
            clustered.name
        );
        return Err(SqlError::new(1902, text).with_state(3).into());
    }
    let include: Vec<(String, bool)> = create.include.iter().map(|c| (c.clone(), false)).collect();
    let index = Index {
        index_id: next_index_id(entry, create.clustered),
        name: create.name.clone(),
        unique: create.unique,
        primary_key: false,
        constraint_id: None,
        key: key_positions(&entry.table, &create.columns, &create.name)?,
        filter: create.filter.as_ref().map(|(_, text)| parenthesised(text)),
    };
    let mut included = Vec::new();
    for (name, _) in &include {
        let position = entry.find(name).ok_or_else(|| {
            SqlError::new(1911, format!("Column name '{name}' does not exist in the target table or view."))
        })?;
        included.push(position);
    }
    Ok((index, included))
}
