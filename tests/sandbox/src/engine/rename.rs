//! `sp_rename` and ALTER SCHEMA … TRANSFER.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-rename-transact-sql>. Definitions of views and
//! procedures go on saying the old name, as on a real server.

use super::catalog::{Object, TableEntry, same_name};
use super::ddl_alter::mentions_name;
use super::extension::{DdlEvent, DdlKind};
use super::metadata_functions::split_name;
use super::procedures::{Argument, text_argument};
use super::scope::written;
use super::session::SqlSession;
use super::stop::Exec;
use super::transaction::Writes;
use crate::error::SqlError;
use crate::session::Sink;
use crate::tsql::ast::ObjectName;
use rusqlite::params;
use std::sync::Arc;

/// Kinds of objects that can be renamed.
const RENAMED: &[&str] = &["U", "PK", "UQ", "F", "C", "D"];

impl SqlSession {
    /// `sp_rename @objname, @newname, @objtype`.
    pub(super) fn sp_rename(&mut self, arguments: &[Argument], sink: &mut dyn Sink) -> Exec<i32> {
        let given = text_argument(arguments, "@objname", 0).unwrap_or_default();
        let new_name = text_argument(arguments, "@newname", 1).filter(|name| !name.is_empty());
        let kind = text_argument(arguments, "@objtype", 2);
        let Some(new_name) = new_name else {
            let text = "Error: The input parameter '@newname' is not allowed to be null.";
            return Err(SqlError::new(15223, text).severity(11).into());
        };
        let upper = kind.as_deref().map(str::to_ascii_uppercase);
        self.refresh_catalog()?;
        match upper.as_deref() {
            Some("COLUMN") => self.rename_column(&given, &new_name, sink)?,
            Some("INDEX") => self.rename_index(&given, &new_name, sink)?,
            None | Some("OBJECT") => match self.rename_object(&given, &new_name, sink)? {
                true => {}
                // Without a type a name of two parts may be a column's or an index's.
                false if kind.is_none() && self.column_named(&given).is_some() => {
                    self.rename_column(&given, &new_name, sink)?;
                }
                false if kind.is_none() && self.index_named(&given).is_some() => {
                    self.rename_index(&given, &new_name, sink)?;
                }
                false => return Err(self.no_item(&given, kind.as_deref()).into()),
            },
            Some("DATABASE" | "USERDATATYPE" | "STATISTICS") => {
                return Err(SqlError::unsupported(format!("sp_rename of a {}", kind.unwrap_or_default())).into());
            }
            Some(_) => {
                let text = format!("Error: Explicit @objtype '{}' is unrecognized.", kind.unwrap_or_default());
                return Err(SqlError::new(15249, text).severity(11).into());
            }
        }
        let caution = "Caution: Changing any part of an object name could break scripts and stored procedures.";
        sink.message(&SqlError::new(15477, caution).severity(10))?;
        Ok(0)
    }

    fn no_item(&self, given: &str, kind: Option<&str>) -> SqlError {
        let text = format!(
            "No item by the name of '{given}' could be found in the current database '{}', given that @itemtype was input as '{}'.",
            self.database().name,
            kind.unwrap_or("(null)")
        );
        SqlError::new(15225, text).severity(11)
    }

    /// Renames a table or constraint; false if there is none of that name.
    fn rename_object(&mut self, given: &str, new_name: &str, sink: &mut dyn Sink) -> Exec<bool> {
        let Some((database, schema, name)) = split_name(given) else { return Ok(false) };
        if database.is_some_and(|d| !same_name(&d, &self.database().name)) {
            return Ok(false);
        }
        let catalog = self.catalog();
        let Some(object) = catalog.object(schema.as_deref().unwrap_or("dbo"), &name).cloned() else { return Ok(false) };
        if !RENAMED.contains(&object.kind.as_str()) {
            return Err(SqlError::unsupported("sp_rename of a module, type, sequence or synonym").into());
        }
        let schema = catalog.schema_name(object.schema_id).unwrap_or_default().to_owned();
        if catalog.object(&schema, new_name).is_some_and(|other| other.object_id != object.object_id) {
            return Err(in_use(new_name, "object").into());
        }
        let wants = self.ddl_want(Some(&schema), &object.name);
        self.write_with(wants, Writes::Database, sink, |s, _| {
            let owner = if object.kind == "U" { object.object_id } else { object.parent_object_id };
            let entry = s.entry(owner)?;
            s.may_alter_object(owner, given)?;
            if object.kind == "U" && !s.bound_modules(owner).is_empty() {
                return Err(has_dependents(given).into());
            }
            s.store_object_name(&object, &entry, new_name)?;
            s.touch(owner)?;
            s.catalog_changed()?;
            if object.kind == "C" {
                s.rewrite_table(owner)?;
            }
            Ok(true)
        })
    }

    fn store_object_name(&mut self, object: &Object, entry: &TableEntry, new_name: &str) -> Exec<()> {
        // A table goes on lying where it lies.
        let storage = (object.kind == "U").then_some(entry.storage.as_str());
        self.connection.execute(
            r#"UPDATE db."$objects" SET name = ?2, storage = ifnull(?3, storage) WHERE object_id = ?1"#,
            params![object.object_id, new_name, storage],
        )?;
        self.connection.execute(
            r#"UPDATE db."$indexes" SET name = ?2, is_system_named = 0 WHERE constraint_id = ?1"#,
            params![object.object_id, new_name],
        )?;
        for table in ["$defaults", "$checks", "$foreign_keys"] {
            let sql = format!(r#"UPDATE db."{table}" SET is_system_named = 0 WHERE object_id = ?1"#);
            self.connection.execute(&sql, [object.object_id])?;
        }
        Ok(())
    }

    /// The table and what follows its name.
    fn part_named(&self, given: &str) -> Option<(Arc<TableEntry>, String)> {
        let (schema, table, part) = split_name(given)?;
        let catalog = self.catalog();
        let entry = catalog.table(schema.as_deref().unwrap_or("dbo"), &table?)?;
        Some((Arc::clone(entry), part))
    }

    /// The lock on the table of a column or index.
    fn part_wants(&self, given: &str) -> Vec<super::locks::Want> {
        let entry = self.part_named(given).map(|(entry, _)| entry);
        entry.map(|entry| self.ddl_want(Some(&entry.table.schema), &entry.table.name)).unwrap_or_default()
    }

    fn column_named(&self, given: &str) -> Option<(Arc<TableEntry>, usize)> {
        let (entry, name) = self.part_named(given)?;
        let position = entry.find(&name)?;
        Some((entry, position))
    }

    fn index_named(&self, given: &str) -> Option<(Arc<TableEntry>, i32)> {
        let (entry, name) = self.part_named(given)?;
        let index = entry.indexes.iter().find(|i| same_name(&i.name, &name))?.index_id;
        Some((entry, index))
    }

    fn rename_column(&mut self, given: &str, new_name: &str, sink: &mut dyn Sink) -> Exec<()> {
        let wants = self.part_wants(given);
        self.write_with(wants, Writes::Database, sink, |s, _| {
            let (entry, position) = s.column_named(given).ok_or_else(|| ambiguous("COLUMN"))?;
            let id = entry.table.object_id;
            s.may_alter_object(id, given)?;
            let old = entry.table.columns[position].name.clone();
            if entry.find(new_name).is_some_and(|other| other != position) {
                return Err(in_use(new_name, "COLUMN").into());
            }
            let enforced = |text: &str| mentions_name(text, &old);
            let participates = entry.checks.iter().any(|c| enforced(&c.definition))
                || entry.table.columns.iter().any(|c| c.computed.as_deref().is_some_and(enforced))
                || entry.indexes.iter().any(|i| i.filter.as_deref().is_some_and(enforced));
            if participates || s.bound_modules(id).iter().any(|view| enforced(&view.definition)) {
                return Err(has_dependents(given).into());
            }
            let column_id = entry.column_ids[position];
            let server = Arc::clone(s.server());
            let before = DdlEvent { kind: DdlKind::BeforeRenameColumn(column_id), table: &entry, text: new_name };
            server.extension.on_ddl(s, &before)?;
            for index in entry.indexes.iter().filter(|i| i.key.iter().any(|k| k.0 == position)) {
                s.drop_index_storage(&entry, index)?;
            }
            for key in &entry.foreign_keys {
                let name = super::quoting::quote(&super::catalog_store::foreign_key_storage(key.object_id));
                s.connection.execute_batch(&format!("DROP INDEX IF EXISTS db.{name}"))?;
            }
            s.connection.execute(
                r#"UPDATE db."$columns" SET name = ?3 WHERE object_id = ?1 AND column_id = ?2"#,
                params![id, column_id, new_name],
            )?;
            s.touch(id)?;
            s.rewrite_table(id)?;
            let children: Vec<i32> =
                s.catalog().references_to(id).map(|(child, _)| child.table.object_id).filter(|c| *c != id).collect();
            for child in children {
                s.rewrite_table(child)?;
            }
            let after = s.entry(id)?;
            for index in after.indexes.iter().filter(|i| i.key.iter().any(|k| k.0 == position)) {
                s.create_index_storage(&after, index)?;
            }
            s.create_foreign_key_indexes(&after)?;
            let renamed = DdlEvent { kind: DdlKind::RenamedColumn(column_id), table: &after, text: new_name };
            server.extension.on_ddl(s, &renamed)?;
            Ok(())
        })
    }

    fn rename_index(&mut self, given: &str, new_name: &str, sink: &mut dyn Sink) -> Exec<()> {
        let wants = self.part_wants(given);
        self.write_with(wants, Writes::Database, sink, |s, _| {
            let (entry, index_id) = s.index_named(given).ok_or_else(|| ambiguous("INDEX"))?;
            let id = entry.table.object_id;
            s.may_alter_object(id, given)?;
            if entry.indexes.iter().any(|i| i.index_id != index_id && same_name(&i.name, new_name)) {
                return Err(in_use(new_name, "INDEX").into());
            }
            let constraint = entry.indexes.iter().find(|i| i.index_id == index_id).and_then(|i| i.constraint_id);
            s.connection.execute(
                r#"UPDATE db."$indexes" SET name = ?3, is_system_named = 0 WHERE object_id = ?1 AND index_id = ?2"#,
                params![id, index_id, new_name],
            )?;
            if let Some(constraint) = constraint {
                if s.catalog().object(&entry.table.schema, new_name).is_some_and(|o| o.object_id != constraint) {
                    return Err(in_use(new_name, "object").into());
                }
                s.connection.execute(
                    r#"UPDATE db."$objects" SET name = ?2 WHERE object_id = ?1"#,
                    params![constraint, new_name],
                )?;
            }
            s.table_changed(id)?;
            s.indexes_changed(id)
        })
    }

    /// `ALTER SCHEMA schema TRANSFER object`.
    pub(super) fn transfer(&mut self, schema: &str, name: &ObjectName, sink: &mut dyn Sink) -> Exec<()> {
        let wants = self.ddl_want(name.schema.as_deref(), &name.name);
        self.write_with(wants, Writes::Database, sink, |s, _| {
            let catalog = s.catalog();
            let missing = || {
                let text = format!(
                    "Cannot find the object '{}', because it does not exist or you do not have permission.",
                    written(name)
                );
                SqlError::new(15151, text)
            };
            let target = catalog.schema(schema).ok_or_else(|| {
                let text = format!(
                    "Cannot alter the schema '{schema}', because it does not exist or you do not have permission."
                );
                SqlError::new(15151, text)
            })?;
            let object = catalog.object(name.schema.as_deref().unwrap_or("dbo"), &name.name).ok_or_else(missing)?;
            if object.kind != "U" {
                return Err(SqlError::unsupported("ALTER SCHEMA … TRANSFER of anything but a table").into());
            }
            let entry = s.entry(object.object_id)?;
            if entry.tracked_by_cdc {
                return Err(SqlError::unsupported("ALTER SCHEMA … TRANSFER of a table that CDC captures").into());
            }
            s.may_alter_object(object.object_id, &written(name))?;
            if target.schema_id == object.schema_id {
                return Ok(());
            }
            if !s.bound_modules(object.object_id).is_empty() {
                let what = "ALTER SCHEMA … TRANSFER of a table that a schema-bound view reads";
                return Err(SqlError::unsupported(what).into());
            }
            if catalog.object(&target.name, &object.name).is_some() {
                let text =
                    format!("There is already an object named '{}' in the schema '{}'.", object.name, target.name);
                return Err(SqlError::new(15530, text).into());
            }
            s.connection.execute(
                r#"UPDATE db."$objects" SET schema_id = ?2, storage = CASE WHEN object_id = ?1 THEN ?3 ELSE storage END
                   WHERE ?1 IN (object_id, parent_object_id)"#,
                params![object.object_id, target.schema_id, entry.storage],
            )?;
            // What was granted on an object does not follow it.
            s.connection
                .execute(r#"DELETE FROM db."$permissions" WHERE class = 1 AND major_id = ?1"#, [object.object_id])?;
            s.touch(object.object_id)?;
            s.catalog_changed()?;
            Ok(())
        })
    }
}

fn ambiguous(kind: &str) -> SqlError {
    let text = format!("Either the parameter @objname is ambiguous or the claimed @objtype ({kind}) is wrong.");
    SqlError::new(15248, text).severity(11)
}

fn in_use(name: &str, kind: &str) -> SqlError {
    let text = format!(
        "Error: The new name '{name}' is already in use as a {kind} name and would cause a duplicate that is not permitted."
    );
    SqlError::new(15335, text).severity(11)
}

/// Error 15336: what is bound to an object has its name.
fn has_dependents(given: &str) -> SqlError {
    let text = format!("Object '{given}' cannot be renamed because the object participates in enforced dependencies.");
    SqlError::new(15336, text)
}
