//! Where the names of a statement are looked up: variables, temporary tables, the catalog, system views, CDC.

use super::catalog::same_name;
use super::frame::Frame;
use super::meta::{Scope, SessionFunction, Table};
use super::modules::Module;
use super::session::SqlSession;
use super::{session_functions, system_variables, system_views};
use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::{Expr, ObjectName};
use crate::tsql::outside;
use crate::types::SqlType;
use std::sync::Arc;

/// [`Table::database`] of temporary tables and table variables.
pub const TEMPORARY_DATABASE: &str = "tempdb";

/// See the module.
pub struct StatementScope<'a> {
    /// The session.
    pub session: &'a SqlSession,
    /// Variables.
    pub frame: &'a Frame,
}

impl Scope for StatementScope<'_> {
    fn table(&self, name: &ObjectName) -> SqlResult<Arc<Table>> {
        if name.name.starts_with('@') {
            return self.frame.table(&name.name).map(|t| Arc::clone(&t.table)).ok_or_else(|| {
                SqlError::new(1087, format!("Must declare the table variable \"{}\".", name.name))
                    .severity(15)
                    .with_state(2)
            });
        }
        if let Some(image) = self.frame.image(name) {
            return Ok(image);
        }
        self.session.find_table(name)
    }

    fn view(&self, name: &ObjectName) -> SqlResult<Option<Arc<Module>>> {
        if name.name.starts_with(['@', '#']) || self.frame.image(name).is_some() {
            return Ok(None);
        }
        Ok(self.session.find_view(name))
    }

    fn sequence(&self, name: &ObjectName) -> SqlResult<super::sequences::Sequence> {
        self.session.find_sequence(name)
    }

    fn variable(&self, name: &str) -> Option<SqlType> {
        if name.starts_with("@@") {
            return system_variables::type_of(name);
        }
        self.frame.variable(name).map(|v| v.ty)
    }

    fn table_function(&self, name: &ObjectName, arguments: &[Expr]) -> SqlResult<Arc<Table>> {
        let extension = Arc::clone(&self.session.server().extension);
        match extension.table_function(self.session, name, arguments)? {
            Some(table) => Ok(table),
            None => Err(invalid_object(name)),
        }
    }

    fn session_function(&self, name: &ObjectName, argument_types: &[SqlType]) -> SqlResult<Option<SessionFunction>> {
        if let Some(function) = session_functions::find(name, argument_types)? {
            return Ok(Some(function));
        }
        self.session.server().extension.session_function(name, argument_types)
    }

    fn default_collation(&self) -> String {
        super::collation::default_name()
    }
}

impl SqlSession {
    /// A table or view by name; error 208 if there is none.
    pub fn find_table(&self, name: &ObjectName) -> SqlResult<Arc<Table>> {
        if name.name.starts_with('#') {
            let found = self.shared.state().temporary(&name.name).map(|t| Arc::clone(&t.table));
            return found.ok_or_else(|| invalid_object(name));
        }
        let catalog = self.catalog();
        let elsewhere = name.database.as_deref().filter(|d| !same_name(d, &catalog.database));
        if let Some(database) = elsewhere {
            return self.find_elsewhere(database, name);
        }
        let schema = name.schema.as_deref().unwrap_or("dbo");
        if let Some(entry) = catalog.table(schema, &name.name) {
            return Ok(Arc::clone(&entry.table));
        }
        if self.find_view(name).is_some() {
            return Err(SqlError::unsupported(format!(
                "the view {} in this place: views can be read only",
                written(name)
            )));
        }
        if let Some(view) = system_views::find(schema, &name.name, &catalog) {
            self.require_server_view(&view.name)?;
            return Ok(view);
        }
        let extension = Arc::clone(&self.server().extension);
        match extension.table(self, name)? {
            Some(table) => Ok(table),
            None => Err(invalid_object(name)),
        }
    }

    /// A view that a user made, by name.
    fn find_view(&self, name: &ObjectName) -> Option<Arc<Module>> {
        let catalog = self.catalog();
        if name.database.as_deref().is_some_and(|database| !same_name(database, &catalog.database)) {
            return None;
        }
        let object = catalog.object(name.schema.as_deref().unwrap_or("dbo"), &name.name)?;
        (object.kind == "V").then(|| catalog.modules.get(&object.object_id).cloned()).flatten()
    }

    /// Views over the whole server are the same in every database.
    fn find_elsewhere(&self, database: &str, name: &ObjectName) -> SqlResult<Arc<Table>> {
        if self.server().database(database).is_none() {
            return Err(invalid_object(name));
        }
        let schema = name.schema.as_deref().unwrap_or("dbo");
        let view = system_views::find(schema, &name.name, &self.catalog());
        if let Some(view) = view.filter(|_| system_views::is_server_view(schema, &name.name)) {
            self.require_server_view(&view.name)?;
            return Ok(view);
        }
        let extension = Arc::clone(&self.server().extension);
        match extension.table(self, name)? {
            Some(table) => Ok(table),
            None => Err(SqlError::unsupported(format!("names of another database ({}) in a statement", written(name)))),
        }
    }
}

/// A name as it was written.
pub fn written(name: &ObjectName) -> String {
    match (&name.database, &name.schema) {
        (Some(d), Some(s)) => format!("{d}.{s}.{}", name.name),
        (Some(d), None) => format!("{d}..{}", name.name),
        (None, Some(s)) => format!("{s}.{}", name.name),
        (None, None) => name.name.clone(),
    }
}

/// Error 208, or the refusal of what SQL Server has under that name.
pub fn invalid_object(name: &ObjectName) -> SqlError {
    let exists_there = match &name.schema {
        Some(schema) => outside::is_system_object(schema, &name.name),
        None => {
            outside::is_function(&name.name)
                || outside::is_system_object("sys", &name.name) && name.name.starts_with("sys")
        }
    };
    if exists_there {
        return SqlError::unsupported(written(name));
    }
    SqlError::new(208, format!("Invalid object name '{}'.", written(name)))
}
