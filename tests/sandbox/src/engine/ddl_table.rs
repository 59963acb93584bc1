//! CREATE TABLE, DROP TABLE, TRUNCATE; permanent and temporary.

use super::catalog::{Check, Default as DefaultConstraint, Index, TableEntry, fold};
use super::catalog_store::{self, NewColumn, NewObject};
use super::clock::now_datetime;
use super::compiled::Compiled;
use super::database::Identity;
use super::extension::{DdlEvent, DdlKind};
use super::frame::Frame;
use super::locks::Mode;
use super::meta::{Column, Table};
use super::quoting::quote;
use super::scope::{StatementScope, TEMPORARY_DATABASE, written};
use super::session::SqlSession;
use super::session_functions::with_identity;
use super::session_state::Temporary;
use super::stop::Exec;
use super::system_types::{Facets, facets, stored_type_id};
use super::table_design::{Design, constraint_name, in_tempdb, key_positions, of_table};
use super::transaction::Writes;
use super::{alias_types, table_text};
use crate::error::{SqlError, SqlResult};
use crate::session::Sink;
use crate::tsql::ast::{CreateTable, ObjectName, TableElement};
use rusqlite::params;
use std::sync::Arc;

/// `object_id`s of temporary tables count down from here.
const FIRST_TEMPORARY_ID: i32 = -1_000_000;

impl SqlSession {
    /// `CREATE TABLE`.
    pub(super) fn create_table(&mut self, create: &CreateTable, sink: &mut dyn Sink) -> Exec<()> {
        if create.name.name.starts_with('#') {
            alias_types::refuse_in_temporary(&create.elements)?;
        }
        self.refresh_catalog()?;
        let resolved = self.elements_of_types(&create.elements)?;
        let elements = if create.name.name.starts_with('#') { in_tempdb(&resolved)? } else { resolved };
        let elements = &*elements;
        let mut design = Design::read(elements).map_err(|e| of_table(e, &written(&create.name), &create.name.name))?;
        design.settle_keys(&create.name.name, elements)?;
        if create.name.name.starts_with('#') {
            return self.write(Writes::Temporary, sink, |s, _| {
                s.create_temporary(&create.name.name, design, Frame::default()).map(|_| ())
            });
        }
        self.write(Writes::Database, sink, |s, _| s.create_permanent(&create.name, design).map(|_| ()))
    }

    /// Makes a permanent table inside a write transaction.
    pub(super) fn create_permanent(&mut self, name: &ObjectName, mut design: Design) -> Exec<Arc<TableEntry>> {
        let schema_id = self.schema_for(name)?;
        self.require_create("CREATE TABLE", schema_id)?;
        self.refuse_existing(name, schema_id)?;
        let now = now_datetime();
        self.type_computed(&mut design, &name.name)?;
        let object = NewObject { name: &name.name, schema_id, parent: 0, kind: "U", now };
        let id = catalog_store::insert_object(&self.connection, &object)?;
        self.choose_storage(id, schema_id, &name.name)?;
        // The id may be that of a table whose creation was rolled back.
        self.database().forget_identity(id);
        self.add_columns(id, 1, &design, schema_id, &name.name)?;
        self.table_changed(id)?;
        self.add_keys(id, &design)?;
        self.add_checks(id, &design, true)?;
        self.add_foreign_keys(id, &design, true)?;
        self.table_changed(id)?;
        self.add_inline_indexes(id, &design)?;
        let entry = self.entry(id)?;
        self.validate_defaults(&entry)?;
        let text = table_text::create(&entry, &self.catalog(), &self.empty_scope(&Frame::default()))?;
        self.connection.execute_batch(&format!("CREATE TABLE db.{text}"))?;
        for index in &entry.indexes {
            self.create_index_storage(&entry, index)?;
        }
        self.create_foreign_key_indexes(&entry)?;
        Ok(entry)
    }

    /// A table that was renamed goes on lying under its old name; a new one of that name then lies elsewhere.
    fn choose_storage(&self, id: i32, schema_id: i32, name: &str) -> Exec<()> {
        let catalog = self.catalog();
        let usual = format!("{}.{name}", catalog.schema_name(schema_id).unwrap_or_default());
        if catalog.tables().iter().any(|t| super::catalog::same_name(&t.storage, &usual)) {
            self.connection.execute(
                r#"UPDATE db."$objects" SET storage = ?2 WHERE object_id = ?1"#,
                params![id, format!("{usual}:{id}")],
            )?;
        }
        Ok(())
    }

    pub(super) fn empty_scope<'a>(&'a self, frame: &'a Frame) -> StatementScope<'a> {
        StatementScope { session: self, frame }
    }

    /// The entry of a table by its id.
    pub(super) fn entry(&self, id: i32) -> SqlResult<Arc<TableEntry>> {
        self.catalog().table_by_id(id).cloned().ok_or_else(|| SqlError::new(208, format!("Invalid object id {id}.")))
    }

    fn type_computed(&self, design: &mut Design, name: &str) -> SqlResult<()> {
        let columns = design.columns.iter().map(|c| c.column.clone()).collect();
        let table = plain_table(&self.database().name, "dbo", name, columns);
        design.type_computed(&table, &self.empty_scope(&Frame::default()))
    }

    /// Compiles every DEFAULT, so that a wrong one is refused now.
    fn validate_defaults(&self, entry: &TableEntry) -> SqlResult<()> {
        let frame = Frame::default();
        let scope = self.empty_scope(&frame);
        for column in &entry.table.columns {
            if let Some(text) = &column.default {
                super::compile::default_to_sqlite(text, column, &scope)?;
            }
        }
        Ok(())
    }

    /// The schema a new object goes to; error 2760 if there is none.
    pub(super) fn schema_for(&self, name: &ObjectName) -> SqlResult<i32> {
        let catalog = self.catalog();
        if name.database.as_deref().is_some_and(|d| !super::catalog::same_name(d, &catalog.database)) {
            return Err(SqlError::unsupported(format!("creating objects in another database ({})", written(name))));
        }
        let schema = name.schema.as_deref().unwrap_or("dbo");
        match catalog.schema(schema) {
            Some(found) if !matches!(found.name.as_str(), "sys" | "INFORMATION_SCHEMA") => Ok(found.schema_id),
            _ => {
                let text = format!(
                    "The specified schema name \"{schema}\" either does not exist or you do not have permission to use it."
                );
                Err(SqlError::new(2760, text))
            }
        }
    }

    fn refuse_existing(&self, name: &ObjectName, schema_id: i32) -> SqlResult<()> {
        let catalog = self.catalog();
        let schema = catalog.schema_name(schema_id).unwrap_or_default();
        if catalog.object(schema, &name.name).is_some() {
            return Err(already_there(&name.name));
        }
        Ok(())
    }

    /// Stores columns with their DEFAULT constraints, from this `column_id` on.
    pub(super) fn add_columns(
        &self,
        table: i32,
        first: i32,
        design: &Design,
        schema_id: i32,
        table_name: &str,
    ) -> Exec<()> {
        for (column, column_id) in design.columns.iter().zip(first..) {
            let c = &column.column;
            let stored = NewColumn {
                name: &c.name,
                column_id,
                facets: Facets { type_id: stored_type_id(&c.ty, column.declared), ..facets(&c.ty) },
                user_type_id: column.declared.map(|ids| ids.user_type_id),
                sparse: column.sparse,
                collation: c.collation.as_deref(),
                nullable: c.nullable,
                identity: c.identity,
                identity_nfr: column.identity_nfr,
                computed: c.computed.as_deref().map(|text| (text, column.persisted)),
                filler: None,
            };
            catalog_store::insert_column(&self.connection, table, &stored)?;
            if let Some(definition) = &c.default {
                let given = column.default_name.as_deref();
                self.add_default(table, (column_id, &c.name), given, definition, (schema_id, table_name))?;
            }
        }
        Ok(())
    }

    /// Stores a DEFAULT constraint.
    pub(super) fn add_default(
        &self,
        table: i32,
        (column_id, column): (i32, &str),
        given: Option<&str>,
        definition: &str,
        (schema_id, table_name): (i32, &str),
    ) -> Exec<()> {
        let id = self.add_constraint_object(table, given, ("D", "DF"), (table_name, Some(column)), schema_id)?;
        self.connection.execute(
            r#"INSERT INTO db."$defaults" VALUES (?1, ?2, ?3, ?4, ?5)"#,
            params![id, table, column_id, definition, given.is_none()],
        )?;
        Ok(())
    }

    /// Adds a constraint to `sys.objects` under the name given, or one made up; error 2714 if it is taken.
    pub(super) fn add_constraint_object(
        &self,
        table: i32,
        given: Option<&str>,
        (kind, prefix): (&str, &str),
        (table_name, column): (&str, Option<&str>),
        schema_id: i32,
    ) -> Exec<i32> {
        if let Some(name) = given {
            let taken: bool = self.connection.query_row(
                r#"SELECT EXISTS (SELECT 1 FROM db."$objects" WHERE schema_id = ?1 AND name = ?2 COLLATE NOCASE)"#,
                params![schema_id, name],
                |r| r.get(0),
            )?;
            if taken {
                return Err(already_there(name).with_state(super::ddl::CONSTRAINT_NAME_TAKEN.1).into());
            }
        }
        let now = now_datetime();
        let object = NewObject { name: given.unwrap_or_default(), schema_id, parent: table, kind, now };
        let id = catalog_store::insert_object(&self.connection, &object)?;
        if given.is_none() {
            let name = constraint_name(None, prefix, table_name, column, id);
            self.connection.execute(r#"UPDATE db."$objects" SET name = ?2 WHERE object_id = ?1"#, params![id, name])?;
        }
        Ok(id)
    }

    /// Makes a temporary table of the session, or (`@name`) a table variable.
    pub(super) fn create_temporary(&mut self, name: &str, mut design: Design, frame: Frame) -> Exec<Arc<TableEntry>> {
        if name.starts_with("##") {
            return Err(SqlError::unsupported("global temporary tables").into());
        }
        // A procedure may make a table of the name that its caller has.
        let here = self.shared.state().temporary.get(&fold(name)).is_some_and(|t| t.level == self.level);
        if name.starts_with('#') && here {
            return Err(already_there(name).into());
        }
        self.next_temporary += 1;
        let storage = format!("{name}:{}", self.next_temporary);
        let object_id = FIRST_TEMPORARY_ID - self.next_temporary as i32;
        self.type_computed(&mut design, name)?;
        let columns: Vec<Column> = design.columns.iter().map(|c| c.column.clone()).collect();
        let mut table = plain_table(TEMPORARY_DATABASE, "dbo", name, columns);
        table.object_id = object_id;
        table.sqlite_name = format!("temp.{}", quote(&storage));
        let entry = temporary_entry(table, storage, &design)?;
        let text = table_text::create(&entry, &self.catalog(), &self.empty_scope(&frame))?;
        self.connection.execute_batch(&format!("CREATE TABLE temp.{text}"))?;
        for index in &entry.indexes {
            self.create_index_storage(&entry, index)?;
        }
        let entry = Arc::new(entry);
        let mut state = self.shared.state();
        if let Some(identity) = entry.table.columns.iter().find_map(|c| Identity::of(c, None)) {
            state.temporary_identities.insert(object_id, identity);
        }
        state.temporary_version += 1;
        if name.starts_with('#') {
            let tables = Arc::make_mut(&mut state.temporary);
            let hidden = tables.remove(&fold(name)).map(Box::new);
            tables.insert(fold(name), Temporary { entry: Arc::clone(&entry), level: self.level, hidden });
        }
        Ok(entry)
    }

    /// `DECLARE @t TABLE (…)`.
    pub(super) fn declare_table(
        &mut self,
        name: &str,
        elements: &[TableElement],
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        if frame.table(name).is_some() {
            return Ok(());
        }
        let elements = &*self.elements_of_types(elements)?;
        let mut design = Design::read(elements).map_err(|e| of_table(e, name, name))?;
        design.settle_keys(name, elements)?;
        if !design.foreign_keys.is_empty() {
            return Err(SqlError::new(156, "Incorrect syntax near the keyword 'FOREIGN'.").severity(15).into());
        }
        let entry = self.write(Writes::Temporary, sink, |s, _| s.create_temporary(name, design, Frame::default()))?;
        self.table_variables.push(Arc::clone(&entry));
        frame.declare_table(name, entry);
        Ok(())
    }

    /// The target of `SELECT … INTO`: columns named and typed like the query's.
    pub(super) fn create_table_for(&mut self, name: &ObjectName, compiled: &Compiled) -> Exec<Arc<Table>> {
        let mut design = Design::default();
        for (position, (column, collation)) in compiled.columns.iter().zip(&compiled.collations).enumerate() {
            if column.name.is_empty() {
                let text = format!(
                    "An object or column name is missing or empty. For SELECT INTO statements, verify each column has a name. For other \
                     statements, look for empty alias names. Aliases defined as \"\" or [] are not allowed. Change the alias to a valid \
                     name. Column {}.",
                    position + 1
                );
                return Err(SqlError::new(1038, text).severity(15).with_state(5).into());
            }
            if design.columns.iter().any(|c| super::catalog::same_name(&c.column.name, &column.name)) {
                let text = format!(
                    "Column names in each table must be unique. Column name '{}' in table '{}' is specified more than once.",
                    column.name, name.name
                );
                return Err(SqlError::new(2705, text).with_state(3).into());
            }
            let identity = column.identity.then(|| self.identity_of(compiled, &column.name));
            design.columns.push(super::table_design::DesignColumn {
                column: Column {
                    name: column.name.clone(),
                    ty: column.ty,
                    nullable: column.nullable && !column.identity,
                    identity,
                    collation: collation.clone(),
                    default: None,
                    computed: None,
                    sqlite_name: quote(&column.name),
                },
                identity_nfr: false,
                default_name: None,
                persisted: false,
                declared: None,
                sparse: false,
                with_values: false,
            });
        }
        let entry = if name.name.starts_with('#') {
            self.create_temporary(&name.name, design, Frame::default())?
        } else {
            self.create_permanent(name, design)?
        };
        Ok(Arc::clone(&entry.table))
    }

    /// Seed and increment of an identity column that a query passes on.
    fn identity_of(&self, compiled: &Compiled, name: &str) -> (i64, i64) {
        let columns = compiled.reads.iter().flat_map(|t| &t.columns);
        columns.filter(|c| super::catalog::same_name(&c.name, name)).find_map(|c| c.identity).unwrap_or((1, 1))
    }

    /// After rows with explicit identity values were copied in: the counter goes on from the largest.
    pub(super) fn note_copied_identity(&mut self, table: &Arc<Table>) -> Exec<()> {
        let Some(column) = table.columns.iter().find(|c| c.identity.is_some()) else { return Ok(()) };
        let (_, increment) = column.identity.unwrap_or((1, 1));
        let extreme = if increment >= 0 { "max" } else { "min" };
        let sql = format!("SELECT {extreme}({}) FROM {}", column.sqlite_name, table.sqlite_name);
        let last: Option<i64> = self.connection.query_row(&sql, [], |r| r.get(0))?;
        if let Some(last) = last {
            self.load_identity(table)?;
            with_identity(&self.shared, table.object_id, |identity| identity.note(last));
        }
        Ok(())
    }

    /// Reads the counter of a table's identity column, if it has one, before a statement uses it.
    pub(super) fn load_identity(&self, table: &Arc<Table>) -> Exec<()> {
        if table.database == TEMPORARY_DATABASE {
            return Ok(());
        }
        let Some(column) = table.columns.iter().find(|c| c.identity.is_some()) else { return Ok(()) };
        let database = self.database();
        if database.knows_identity(table.object_id) {
            return Ok(());
        }
        let last: Option<i64> = self.connection.query_row(
            r#"SELECT identity_last FROM db."$columns" WHERE object_id = ?1 AND identity_seed IS NOT NULL"#,
            [table.object_id],
            |r| r.get(0),
        )?;
        if let Some(identity) = Identity::of(column, last) {
            database.start_identity(table.object_id, identity);
        }
        Ok(())
    }

    /// `DROP TABLE`.
    pub(super) fn drop_tables(
        &mut self,
        names: &[ObjectName],
        if_exists: bool,
        text: &str,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        for name in names {
            if name.name.starts_with('#') {
                let found = self.shared.state().temporary(&name.name).cloned();
                match found {
                    Some(entry) => self.write(Writes::Temporary, sink, |s, _| s.drop_temporary(&name.name, &entry))?,
                    None if if_exists => {}
                    None => return Err(cannot_drop("table", &written(name)).into()),
                }
                continue;
            }
            let wants = self.ddl_want(name.schema.as_deref(), &name.name);
            self.write_with(wants, Writes::Database, sink, |s, _| s.drop_table(name, if_exists, text))?;
        }
        Ok(())
    }

    /// Drops one permanent table inside a write transaction.
    pub(super) fn drop_table(&mut self, name: &ObjectName, if_exists: bool, text: &str) -> Exec<()> {
        let catalog = self.catalog();
        let Some(entry) = catalog.table(name.schema.as_deref().unwrap_or("dbo"), &name.name).cloned() else {
            if let Some(other) = catalog.object(name.schema.as_deref().unwrap_or("dbo"), &name.name) {
                return Err(super::module_statements::wrong_drop("TABLE", &written(name), &other.kind).into());
            }
            return if if_exists { Ok(()) } else { Err(cannot_drop("table", &written(name)).into()) };
        };
        let id = entry.table.object_id;
        if !self.may_drop(id) {
            return Err(cannot_drop("table", &written(name)).into());
        }
        self.refuse_bound(id, "DROP TABLE", &written(name))?;
        if catalog.references_to(id).any(|(child, _)| child.table.object_id != id) {
            let text = format!(
                "Could not drop object '{}' because it is referenced by a FOREIGN KEY constraint.",
                written(name)
            );
            return Err(SqlError::new(3726, text).into());
        }
        let server = Arc::clone(self.server());
        server.extension.on_ddl(self, &DdlEvent { kind: DdlKind::DropTable, table: &entry, text })?;
        self.connection.execute_batch(&format!("DROP TABLE {}", entry.table.sqlite_name))?;
        catalog_store::delete_object(&self.connection, id)?;
        self.database().forget_identity(id);
        self.table_changed(id)?;
        Ok(())
    }

    fn drop_temporary(&mut self, name: &str, entry: &TableEntry) -> Exec<()> {
        self.connection.execute_batch(&format!("DROP TABLE {}", entry.table.sqlite_name))?;
        let mut state = self.shared.state();
        let tables = Arc::make_mut(&mut state.temporary);
        if let Some(hidden) = tables.remove(&fold(name)).and_then(|table| table.hidden) {
            tables.insert(fold(name), *hidden);
        }
        state.temporary_version += 1;
        Ok(())
    }

    /// Drops the temporary tables created deeper than a level.
    pub(super) fn drop_temporary_above(&mut self, level: u32) {
        let tables: Vec<(String, Arc<TableEntry>)> = {
            let state = self.shared.state();
            let deeper = state.temporary.iter().filter(|(_, t)| t.level > level);
            deeper.map(|(name, t)| (name.clone(), Arc::clone(&t.entry))).collect()
        };
        let more = !tables.is_empty();
        for (name, entry) in tables {
            if let Err(stop) = self.drop_temporary(&name, &entry) {
                tracing::warn!(?stop, "a temporary table could not be dropped");
                return;
            }
        }
        // Those may have hidden others of levels that end as well.
        if more {
            self.drop_temporary_above(level);
        }
    }

    /// A rollback took temporary tables back to what they were.
    pub(super) fn restore_temporary(&mut self, before: Arc<super::session_state::TemporaryTables>) {
        let mut state = self.shared.state();
        if !Arc::ptr_eq(&state.temporary, &before) {
            state.temporary = before;
            state.temporary_version += 1;
        }
    }

    /// `TRUNCATE TABLE`.
    pub(super) fn truncate(&mut self, name: &ObjectName, sink: &mut dyn Sink) -> Exec<()> {
        let table = self.find_table(name).map_err(|error| match error.number {
            208 => {
                let text = format!(
                    "Cannot find the object \"{}\" because it does not exist or you do not have permissions.",
                    written(name)
                );
                SqlError::new(4701, text)
            }
            _ => error,
        })?;
        let writes = if table.database == TEMPORARY_DATABASE { Writes::Temporary } else { Writes::Database };
        let wants = self.table_want(&table, Mode::SchemaModification);
        self.write_with(wants, writes, sink, |s, _| s.truncate_table(&table))
    }

    fn truncate_table(&mut self, table: &Arc<Table>) -> Exec<()> {
        let catalog = self.catalog();
        let id = table.object_id;
        self.may_alter_object(id, &table.name)?;
        let full = format!("{}.{}", table.schema, table.name);
        if catalog.references_to(id).any(|(child, key)| child.table.object_id != id && !key.disabled) {
            let text =
                format!("Cannot truncate table '{full}' because it is being referenced by a FOREIGN KEY constraint.");
            return Err(SqlError::new(4712, text).into());
        }
        if catalog.table_by_id(id).is_some_and(|t| t.tracked_by_cdc) {
            let text = format!(
                "Cannot truncate table '{full}' because it is published for replication or enabled for Change Data Capture."
            );
            return Err(SqlError::new(4711, text).into());
        }
        if !table.writable {
            return Err(SqlError::unsupported(format!("TRUNCATE of {full}")).into());
        }
        self.connection.execute_batch(&format!("DELETE FROM {}", table.sqlite_name))?;
        with_identity(&self.shared, id, |identity| identity.last = None);
        if let Some(transaction) = &mut self.transaction {
            transaction.truncated.push(id);
        }
        if table.database != TEMPORARY_DATABASE {
            self.connection.execute(r#"UPDATE db."$columns" SET identity_last = NULL WHERE object_id = ?1"#, [id])?;
        }
        Ok(())
    }
}

/// A table that only the compiler needs.
fn plain_table(database: &str, schema: &str, name: &str, columns: Vec<Column>) -> Table {
    Table {
        database: database.to_owned(),
        schema: schema.to_owned(),
        name: name.to_owned(),
        object_id: 0,
        sqlite_name: quote(name),
        writable: true,
        columns,
        primary_key: Vec::new(),
    }
}

/// The entry of a temporary table, which has no catalog rows. SQL Server ignores its foreign keys as well.
fn temporary_entry(mut table: Table, storage: String, design: &Design) -> SqlResult<TableEntry> {
    let id = table.object_id;
    let mut indexes: Vec<Index> = Vec::new();
    for key in &design.keys {
        let prefix = if key.primary { "PK" } else { "UQ" };
        let name = constraint_name(key.name.as_deref(), prefix, &table.name, None, id);
        indexes.push(Index {
            index_id: if key.clustered { 1 } else { 2 + indexes.len() as i32 },
            key: key_positions(&table, &key.columns, &name)?,
            name,
            unique: true,
            primary_key: key.primary,
            constraint_id: Some(id),
            filter: None,
        });
    }
    if let Some(primary) = indexes.iter().find(|i| i.primary_key) {
        table.primary_key = primary.key.iter().map(|k| k.0).collect();
    }
    let checks = temporary_checks(&table, design);
    let count = table.columns.len();
    let mut entry = TableEntry {
        schema_id: 1,
        storage,
        column_ids: (1..=count as i32).collect(),
        sparse: Vec::new(),
        fillers: vec![None; count],
        indexes,
        foreign_keys: Vec::new(),
        checks,
        defaults: Vec::<DefaultConstraint>::new(),
        tracked_by_cdc: false,
        table: Arc::new(table),
    };
    for create in &design.indexes {
        let (index, _) = super::ddl_index::new_index(&entry, create)?;
        entry.indexes.push(index);
    }
    Ok(entry)
}

fn temporary_checks(table: &Table, design: &Design) -> Vec<Check> {
    let id = table.object_id;
    let made = design.checks.iter().map(|check| Check {
        object_id: id,
        name: constraint_name(check.name.as_deref(), "CK", &table.name, check.column.as_deref(), id),
        definition: check.text.clone(),
        disabled: false,
        column: check.column.clone(),
    });
    made.collect()
}

/// Adds the keys and CHECK constraints of a design to a temporary table.
pub(super) fn add_temporary_keys(entry: &mut TableEntry, design: &Design) -> SqlResult<()> {
    for key in &design.keys {
        let prefix = if key.primary { "PK" } else { "UQ" };
        let name = constraint_name(key.name.as_deref(), prefix, &entry.table.name, None, entry.table.object_id);
        let positions = key_positions(&entry.table, &key.columns, &name)?;
        super::ddl_constraints::check_primary(entry, key, &positions)?;
        let clustered = key.clustered && !entry.indexes.iter().any(|i| i.index_id == 1);
        let index = Index {
            index_id: super::ddl_constraints::next_index_id(entry, clustered),
            key: positions,
            name,
            unique: true,
            primary_key: key.primary,
            constraint_id: Some(entry.table.object_id),
            filter: None,
        };
        if key.primary {
            Arc::make_mut(&mut entry.table).primary_key = index.key.iter().map(|k| k.0).collect();
        }
        entry.indexes.push(index);
    }
    let checks = temporary_checks(&entry.table, design);
    entry.checks.extend(checks);
    Ok(())
}

/// Error 2714.
pub(super) fn already_there(name: &str) -> SqlError {
    SqlError::new(2714, format!("There is already an object named '{name}' in the database.")).with_state(6)
}

/// Error 3701.
pub(super) fn cannot_drop(kind: &str, name: &str) -> SqlError {
    let text = format!("Cannot drop the {kind} '{name}', because it does not exist or you do not have permission.");
    SqlError::new(3701, text).severity(11).with_state(5)
}
