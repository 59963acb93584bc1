//! CREATE, ALTER and DROP of procedures, triggers and views.
//!
//! Source: <https://learn.microsoft.com/sql/t-sql/statements/create-procedure-transact-sql>,
//! <https://learn.microsoft.com/sql/t-sql/statements/create-trigger-transact-sql>,
//! <https://learn.microsoft.com/sql/t-sql/statements/create-view-transact-sql>.

use super::catalog::{Object, TableEntry};
use super::catalog_store::{self, NewColumn, NewObject};
use super::clock::now_datetime;
use super::compile::compile_view;
use super::compiled::Compiled;
use super::ddl_table::{already_there, cannot_drop};
use super::frame::Frame;
use super::modules;
use super::scope::{invalid_object, written};
use super::session::SqlSession;
use super::stop::Exec;
use super::system_types::facets;
use super::transaction::Writes;
use crate::error::{SqlError, SqlResult};
use crate::session::Sink;
use crate::tsql::ParameterDeclaration;
use crate::tsql::ast::{ObjectName, Query, SelectItem, SetExpr, TableRef};
use crate::tsql::modules::{ModuleBody, ModuleDefinition, ModuleKind, ModuleStatement, TriggerEvent, Verb};
use rusqlite::params;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// User type ids of table types lie from here on.
const NO_TYPE: i32 = 0;

impl SqlSession {
    /// Runs a statement about modules and their kin.
    pub(super) fn module_statement(&mut self, statement: &ModuleStatement, sink: &mut dyn Sink) -> Exec<()> {
        match statement {
            ModuleStatement::Define(definition) => {
                self.write(Writes::Database, sink, |s, _| s.define_module(definition))
            }
            ModuleStatement::Drop { kind, names, if_exists } => {
                for name in names {
                    self.write(Writes::Database, sink, |s, _| s.drop_module(*kind, name, *if_exists))?;
                }
                Ok(())
            }
            ModuleStatement::SwitchTriggers { names, table, enable } => {
                self.write(Writes::Database, sink, |s, _| s.switch_triggers(names, table, *enable))
            }
            ModuleStatement::CreateTableType { .. }
            | ModuleStatement::CreateAliasType { .. }
            | ModuleStatement::DropType { .. } => self.type_statement(statement, sink),
            ModuleStatement::CreateSequence { .. }
            | ModuleStatement::AlterSequence { .. }
            | ModuleStatement::DropSequences { .. } => self.sequence_statement(statement, sink),
        }
    }

    fn define_module(&mut self, definition: &ModuleDefinition) -> Exec<()> {
        let kind = definition.body.kind();
        // What the text says is what will run.
        modules::parse(&definition.text)?;
        let schema_id = self.schema_for(&definition.name)?;
        let catalog = self.catalog();
        let schema = catalog.schema_name(schema_id).unwrap_or_default();
        let existing = catalog.object(schema, &definition.name.name).cloned();
        let existing = settle_verb(definition, kind, existing)?;
        let parent = match &definition.body {
            ModuleBody::Trigger { table, .. } => self.trigger_table(definition, table, existing.as_ref())?,
            _ => 0,
        };
        if let ModuleBody::Procedure { parameters, .. } = &definition.body {
            for (parameter, name) in parameters.iter().filter_map(|p| Some((p, p.table_type.as_ref()?))) {
                if parameter.readonly || self.find_alias_type(name).is_none() {
                    self.table_type_id(parameter, name)?;
                }
            }
        }
        self.check_module(definition)?;
        let view = match &definition.body {
            ModuleBody::View { columns, schema_bound, query } => {
                Some(self.check_view(&definition.name, columns, *schema_bound, query)?)
            }
            _ => None,
        };
        let id = match existing {
            Some(object) => {
                let id = object.object_id;
                self.touch(id)?;
                self.connection.execute(r#"DELETE FROM db."$columns" WHERE object_id = ?1"#, [id])?;
                self.connection.execute(r#"DELETE FROM db."$parameters" WHERE object_id = ?1"#, [id])?;
                self.connection.execute(r#"DELETE FROM db."$trigger_events" WHERE object_id = ?1"#, [id])?;
                id
            }
            None => {
                let now = now_datetime();
                let name = &definition.name.name;
                let object = NewObject { name, schema_id, parent, kind: kind.object_type(), now };
                catalog_store::insert_object(&self.connection, &object)?
            }
        };
        let bound_to = view.as_ref().and_then(|view| view.bound_to.as_deref());
        modules::store(&self.connection, id, &definition.text, bound_to)?;
        match &definition.body {
            ModuleBody::Procedure { parameters, .. } => self.store_parameters(id, parameters)?,
            ModuleBody::Trigger { events, not_for_replication, .. } => {
                self.store_trigger(id, events, *not_for_replication)?;
            }
            ModuleBody::View { .. } => {}
        }
        if let Some(view) = &view {
            self.store_view_columns(id, view)?;
        }
        self.table_changed(id)?;
        Ok(())
    }

    fn store_parameters(&self, id: i32, parameters: &[ParameterDeclaration]) -> Exec<()> {
        for (parameter, number) in parameters.iter().zip(1..) {
            let alias = parameter.table_type.as_ref().filter(|_| !parameter.readonly);
            let alias = alias.and_then(|name| self.find_alias_type(name));
            let parameter = &*self.parameter_of_type(parameter);
            let f = facets(&parameter.ty);
            let (type_id, user_type, length) = match (&parameter.table_type, alias) {
                (Some(name), _) => (243, self.table_type_id(parameter, name)?, -1),
                (None, Some(alias)) => (alias.system_type_id, alias.user_type_id, f.max_length),
                (None, None) => (f.type_id, NO_TYPE, f.max_length),
            };
            self.connection.execute(
                r#"INSERT INTO db."$parameters" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"#,
                params![
                    id,
                    number,
                    parameter.name,
                    type_id,
                    if user_type == NO_TYPE { i32::from(type_id) } else { user_type },
                    length,
                    f.precision,
                    f.scale,
                    parameter.output,
                    parameter.table_type.is_some()
                ],
            )?;
        }
        Ok(())
    }

    fn store_trigger(&self, id: i32, events: &[TriggerEvent], not_for_replication: bool) -> Exec<()> {
        for event in events {
            self.connection.execute(
                r#"INSERT INTO db."$trigger_events"(object_id, type) VALUES (?1, ?2)"#,
                params![id, *event as u8],
            )?;
        }
        self.connection.execute(
            r#"UPDATE db."$modules" SET is_nfr = ?2 WHERE object_id = ?1"#,
            params![id, not_for_replication],
        )?;
        Ok(())
    }

    fn store_view_columns(&self, id: i32, view: &CheckedView) -> Exec<()> {
        let columns = view.compiled.columns.iter().zip(&view.compiled.collations).zip(&view.names);
        for (((column, collation), name), column_id) in columns.zip(1..) {
            let stored = NewColumn {
                name,
                column_id,
                user_type_id: None,
                sparse: false,
                facets: facets(&column.ty),
                collation: collation.as_deref(),
                nullable: column.nullable,
                identity: None,
                identity_nfr: false,
                computed: None,
                filler: None,
            };
            catalog_store::insert_column(&self.connection, id, &stored)?;
        }
        Ok(())
    }

    /// The table of a trigger that is to be made.
    fn trigger_table(
        &self,
        definition: &ModuleDefinition,
        table: &ObjectName,
        existing: Option<&Object>,
    ) -> SqlResult<i32> {
        if table.name.starts_with('#') {
            return Err(SqlError::unsupported("triggers on temporary tables"));
        }
        let catalog = self.catalog();
        let schema = table.schema.as_deref().unwrap_or("dbo");
        if catalog.object(schema, &table.name).is_some_and(|object| object.kind == "V") {
            return Err(SqlError::unsupported("triggers on views"));
        }
        let Some(entry) = catalog.table(schema, &table.name).filter(|entry| entry.table.writable) else {
            let text = format!("The object '{}' does not exist or is invalid for this operation.", written(table));
            return Err(SqlError::new(8197, text).with_state(4));
        };
        let own = definition.name.schema.as_deref().unwrap_or("dbo");
        if !super::catalog::same_name(own, &entry.table.schema) {
            let verb = if existing.is_some() { "alter" } else { "create" };
            let text = format!(
                "Cannot {verb} trigger '{}' because its schema is different from the schema of the target table or view.",
                written(&definition.name)
            );
            return Err(SqlError::new(2103, text));
        }
        if let Some(object) = existing {
            if object.parent_object_id != entry.table.object_id {
                let text = format!(
                    "Cannot alter trigger '{}' on '{}' because this trigger does not belong to this object.",
                    definition.name.name,
                    written(table)
                );
                return Err(SqlError::new(2113, text));
            }
            let disabled = |m: &Arc<modules::Module>| m.trigger.as_ref().is_some_and(|t| t.disabled);
            if catalog.modules.get(&object.object_id).is_some_and(disabled) {
                return Err(SqlError::unsupported("ALTER of a disabled trigger"));
            }
        }
        Ok(entry.table.object_id)
    }

    fn check_view(
        &self,
        name: &ObjectName,
        columns: &[String],
        schema_bound: bool,
        query: &Query,
    ) -> SqlResult<CheckedView> {
        let mut tables = Vec::new();
        collect_tables(&query.body, &mut tables);
        if tables.iter().any(|table| table.name.starts_with('#')) {
            let text = "Views or functions are not allowed on temporary tables. Table names that begin with '#' denote temporary tables.";
            return Err(SqlError::new(4508, text));
        }
        let frame = Frame::default();
        let compiled = compile_view(query, &self.empty_scope(&frame))?;
        if compiled.into.is_some() {
            return Err(SqlError::new(156, "Incorrect syntax near the keyword 'INTO'.").severity(15));
        }
        let names = view_columns(name, columns, &compiled)?;
        let bound_to = if schema_bound {
            check_bindable(name, query, &tables)?;
            let ids: Vec<String> = compiled.reads.iter().map(|table| table.object_id.to_string()).collect();
            Some(ids.join(","))
        } else {
            None
        };
        Ok(CheckedView { compiled, names, bound_to })
    }

    fn drop_module(&mut self, kind: ModuleKind, name: &ObjectName, if_exists: bool) -> Exec<()> {
        let catalog = self.catalog();
        let schema = name.schema.as_deref().unwrap_or("dbo");
        let shown = written(name);
        let Some(object) = catalog.object(schema, &name.name).cloned() else {
            let word = kind.word().to_ascii_lowercase();
            return if if_exists { Ok(()) } else { Err(cannot_drop(&word, &shown).into()) };
        };
        if object.kind != kind.object_type() {
            return Err(wrong_drop(kind.word(), &shown, &object.kind).into());
        }
        let id = object.object_id;
        self.refuse_bound(id, &format!("DROP {}", kind.word()), &shown)?;
        catalog_store::delete_object(&self.connection, id)?;
        self.table_changed(id)?;
        Ok(())
    }

    fn switch_triggers(&mut self, names: &[ObjectName], table: &ObjectName, enable: bool) -> Exec<()> {
        let catalog = self.catalog();
        let schema = table.schema.as_deref().unwrap_or("dbo");
        let Some(entry) = catalog.table(schema, &table.name).cloned() else {
            return Err(super::session_options::not_found(table).into());
        };
        let of_table: Vec<_> = catalog.modules.values().filter(|m| m.parent == entry.table.object_id).collect();
        let mut chosen = Vec::new();
        if names.is_empty() {
            chosen.extend(of_table.iter().map(|module| module.object_id));
        }
        for name in names {
            let found = of_table.iter().find(|module| super::catalog::same_name(&module.name, &name.name));
            chosen.push(found.ok_or_else(|| super::session_options::not_found(name))?.object_id);
        }
        for id in chosen {
            self.connection
                .execute(r#"UPDATE db."$modules" SET is_disabled = ?2 WHERE object_id = ?1"#, params![id, !enable])?;
        }
        self.table_changed(entry.table.object_id)?;
        Ok(())
    }

    /// `ALTER DATABASE … SET RECURSIVE_TRIGGERS`.
    pub(super) fn set_recursive_triggers(&mut self, database: Option<&str>, on: bool, sink: &mut dyn Sink) -> Exec<()> {
        self.refuse_in_transaction("ALTER DATABASE")?;
        let current = self.database();
        if database.is_some_and(|name| !super::catalog::same_name(name, &current.name)) {
            return Err(SqlError::unsupported("RECURSIVE_TRIGGERS of a database other than the current one").into());
        }
        self.write(Writes::Database, sink, |s, _| {
            Ok(catalog_store::set_setting(&s.connection, super::firing::RECURSIVE, i64::from(on))?)
        })?;
        current.recursive_triggers.store(on, Ordering::Release);
        Ok(())
    }

    /// Error 3729: a schema-bound view reads from it.
    pub(super) fn refuse_bound(&self, object: i32, verb: &str, name: &str) -> SqlResult<()> {
        let catalog = self.catalog();
        match catalog.modules.values().find(|module| module.bound_to.contains(&object)) {
            None => Ok(()),
            Some(module) => {
                let text =
                    format!("Cannot {verb} '{name}' because it is being referenced by object '{}'.", module.name);
                Err(SqlError::new(3729, text))
            }
        }
    }

    /// Schema-bound views that read from a table.
    pub(super) fn bound_modules(&self, table: i32) -> Vec<Arc<modules::Module>> {
        let catalog = self.catalog();
        catalog.modules.values().filter(|module| module.bound_to.contains(&table)).cloned().collect()
    }

    /// Error 5074 for a table that a schema-bound view reads from: its columns cannot go or change.
    pub(super) fn refuse_bound_columns(&self, entry: &TableEntry) -> SqlResult<()> {
        let catalog = self.catalog();
        let id = entry.table.object_id;
        match catalog.modules.values().find(|module| module.bound_to.contains(&id)) {
            None => Ok(()),
            Some(_) => Err(SqlError::unsupported("changing columns of a table that a schema-bound view reads")),
        }
    }
}

/// A view that can be stored.
struct CheckedView {
    compiled: Compiled,
    names: Vec<String>,
    bound_to: Option<String>,
}

/// Whether the verb suits what is there: errors 2714, 208 and 2010.
fn settle_verb(definition: &ModuleDefinition, kind: ModuleKind, existing: Option<Object>) -> SqlResult<Option<Object>> {
    match (definition.verb, existing) {
        (Verb::Create, Some(object)) => {
            Err(already_there(&object.name).with_state(if kind == ModuleKind::Trigger { 2 } else { 3 }))
        }
        (Verb::Alter, None) => Err(invalid_object(&definition.name).with_state(6)),
        (_, Some(object)) if object.kind != kind.object_type() => {
            let text = format!(
                "Cannot perform alter on '{}' because it is an incompatible object type.",
                written(&definition.name)
            );
            Err(SqlError::new(2010, text))
        }
        (_, existing) => Ok(existing),
    }
}

/// Error 3705.
pub(super) fn wrong_drop(word: &str, name: &str, kind: &str) -> SqlError {
    let (what, right) = match kind {
        "U" => ("table", "TABLE"),
        "V" => ("view", "VIEW"),
        "P" => ("procedure", "PROCEDURE"),
        "TR" => ("trigger", "TRIGGER"),
        "SO" => ("sequence object", "SEQUENCE"),
        _ => ("constraint", "CONSTRAINT"),
    };
    SqlError::new(3705, format!("Cannot use DROP {word} with '{name}' because '{name}' is a {what}. Use DROP {right}."))
}

/// The names of a view's columns: errors 8158, 8159, 4511 and 4506.
fn view_columns(name: &ObjectName, given: &[String], compiled: &Compiled) -> SqlResult<Vec<String>> {
    let view = &name.name;
    let found = compiled.columns.len();
    if !given.is_empty() && given.len() != found {
        let (number, more) = if found > given.len() { (8158, "more") } else { (8159, "fewer") };
        let text = format!("'{view}' has {more} columns than were specified in the column list.");
        return Err(SqlError::new(number, text));
    }
    let mut names: Vec<String> = Vec::with_capacity(found);
    for (position, column) in compiled.columns.iter().enumerate() {
        let name = given.get(position).unwrap_or(&column.name).clone();
        if name.is_empty() {
            let text = format!(
                "Create View or Function failed because no column name was specified for column {}.",
                position + 1
            );
            return Err(SqlError::new(4511, text));
        }
        if names.iter().any(|other| super::catalog::same_name(other, &name)) {
            let text = format!(
                "Column names in each view or function must be unique. Column name '{name}' in view or function '{view}' is \
                 specified more than once."
            );
            return Err(SqlError::new(4506, text));
        }
        names.push(name);
    }
    Ok(names)
}

/// Schema binding asks for two-part names and for columns by their names.
fn check_bindable(name: &ObjectName, query: &Query, tables: &[ObjectName]) -> SqlResult<()> {
    if stars(&query.body) {
        return Err(SqlError::new(1054, "Syntax '*' is not allowed in schema-bound objects.").severity(15));
    }
    let is_cte = |table: &ObjectName| query.ctes.iter().any(|cte| super::catalog::same_name(&cte.name, &table.name));
    if let Some(table) =
        tables.iter().find(|table| table.database.is_some() || (table.schema.is_none() && !is_cte(table)))
    {
        let text = format!(
            "Cannot schema bind view '{}' because name '{}' is invalid for schema binding. Names must be in two-part format and an \
             object cannot reference itself.",
            written(name),
            written(table)
        );
        return Err(SqlError::new(4512, text).with_state(3));
    }
    Ok(())
}

fn stars(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => {
            select.items.iter().any(|item| matches!(item, SelectItem::Star | SelectItem::QualifiedStar(_)))
        }
        SetExpr::Query(query) => stars(&query.body),
        SetExpr::SetOp { left, right, .. } => stars(left) || stars(right),
        SetExpr::Values(_) => false,
    }
}

/// The tables that a query's FROM clauses name.
fn collect_tables(body: &SetExpr, tables: &mut Vec<ObjectName>) {
    match body {
        SetExpr::Select(select) => select.from.iter().for_each(|source| collect_sources(source, tables)),
        SetExpr::Query(query) => collect_tables(&query.body, tables),
        SetExpr::SetOp { left, right, .. } => {
            collect_tables(left, tables);
            collect_tables(right, tables);
        }
        SetExpr::Values(_) => {}
    }
}

fn collect_sources(source: &TableRef, tables: &mut Vec<ObjectName>) {
    match source {
        TableRef::Table { name, .. } => tables.push(name.clone()),
        TableRef::Derived { query, .. } => collect_tables(&query.body, tables),
        TableRef::Join { left, right, .. } => {
            collect_sources(left, tables);
            collect_sources(right, tables);
        }
        TableRef::Variable { .. } | TableRef::Function { .. } => {}
    }
}
