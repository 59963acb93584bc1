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
use crate::error::{SqlError, SqlResult};
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
            s.may_alter_object(entry.table.object_id, &written(name))?;
            let entry = if create.drop_existing { s.drop_existing(&entry, create)? } else { entry };
            let (index, include) = new_index(&entry, create)?;
            s.store_index(&entry, &index, &include, false)?;
            s.create_index_storage(&entry, &index)?;
            s.touch(entry.table.object_id)?;
            s.table_changed(entry.table.object_id)?;
            s.indexes_changed(entry.table.object_id)
        })
    }

    /// Tells the extension that a table's indexes are others now.
    pub(super) fn indexes_changed(&self, table: i32) -> Exec<()> {
        let entry = self.entry(table)?;
        let server = Arc::clone(self.server());
        server.extension.on_ddl(self, &DdlEvent { kind: DdlKind::IndexesChanged, table: &entry, text: "" })?;
        Ok(())
    }

    /// `DROP_EXISTING`: takes away the index that the new one stands for; error 7999 if there is none.
    fn drop_existing(&mut self, entry: &Arc<TableEntry>, create: &CreateIndex) -> Exec<Arc<TableEntry>> {
        let Some(index) = entry.indexes.iter().find(|i| same_name(&i.name, &create.name)) else {
            let text = format!("Could not find any index named '{}' for table '{}'.", create.name, entry.full_name());
            return Err(SqlError::new(7999, text).with_state(9).into());
        };
        if index.constraint_id.is_some() {
            return Err(SqlError::unsupported("DROP_EXISTING of the index of a constraint").into());
        }
        self.refuse_if_referenced(entry, index)?;
        self.remove_index(entry, index)?;
        Ok(self.entry(entry.table.object_id)?)
    }

    /// Indexes that were written inside CREATE TABLE.
    pub(super) fn add_inline_indexes(&mut self, table: i32, design: &super::table_design::Design) -> Exec<()> {
        for create in &design.indexes {
            let entry = self.entry(table)?;
            let (index, include) = new_index(&entry, create)?;
            self.store_index(&entry, &index, &include, false)?;
            self.table_changed(table)?;
        }
        Ok(())
    }

    /// `ALTER INDEX … REBUILD`, `REORGANIZE`: how indexes lie in storage shows in no result, but they have to be there.
    /// It needs the table for itself, as on a real server where it is not ONLINE.
    pub(super) fn rebuild_index(&mut self, name: Option<&str>, table: &ObjectName, sink: &mut dyn Sink) -> Exec<()> {
        if table.name.starts_with('#') {
            let entry = self.shared.state().temporary(&table.name).cloned();
            return self.check_rebuilt(entry, name, table);
        }
        self.refuse_in_snapshot()?;
        let wants = self.ddl_want(table.schema.as_deref(), &table.name);
        self.write_with(wants, Writes::Database, sink, |s, _| {
            let entry = s.catalog().table(table.schema.as_deref().unwrap_or("dbo"), &table.name).cloned();
            s.check_rebuilt(entry, name, table)
        })
    }

    fn check_rebuilt(&self, found: Option<Arc<TableEntry>>, name: Option<&str>, table: &ObjectName) -> Exec<()> {
        let entry = found.ok_or_else(|| not_found(table))?;
        self.may_alter_object(entry.table.object_id, &written(table))?;
        if let Some(name) = name
            && !entry.indexes.iter().any(|i| same_name(&i.name, name))
        {
            let text = format!("Cannot find index '{name}' because it does not exist or you do not have permissions.");
            return Err(SqlError::new(2727, text).severity(11).into());
        }
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

    pub(super) fn replace_temporary(&self, name: &str, entry: TableEntry) {
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
            s.may_alter_object(entry.table.object_id, &written(table))?;
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
pub(super) fn new_index(entry: &TableEntry, create: &CreateIndex) -> SqlResult<(Index, Vec<usize>)> {
    if entry.indexes.iter().any(|i| same_name(&i.name, &create.name)) {
        let text = format!(
            "The operation failed because an index or statistics with name '{}' already exists on table '{}'.",
            create.name,
            entry.full_name()
        );
        return Err(SqlError::new(1913, text));
    }
    if let Some(clustered) = entry.indexes.iter().find(|i| create.clustered && i.index_id == 1) {
        let text = format!(
            "Cannot create more than one clustered index on table '{}'. Drop the existing clustered index '{}' before creating another.",
            entry.full_name(),
            clustered.name
        );
        return Err(SqlError::new(1902, text).with_state(3));
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
        if index.key.iter().any(|k| k.0 == position) || included.contains(&position) {
            let text =
                format!("Cannot use duplicate column names in index. Column name '{name}' listed more than once.");
            return Err(SqlError::new(1909, text));
        }
        included.push(position);
    }
    Ok((index, included))
}
