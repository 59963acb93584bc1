//! The variables of a batch, of `sp_executesql`, or of a prepared statement.

use super::catalog::{TableEntry, fold};
use super::meta::Table;
use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::ObjectName;
use crate::types::{Datum, SqlType};
use std::collections::HashMap;
use std::sync::Arc;

/// A scalar variable.
#[derive(Debug, Clone)]
pub struct Variable {
    /// Type.
    pub ty: SqlType,
    /// Value, which fits the type.
    pub value: Datum,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Frame {
    variables: HashMap<String, Variable>,
    tables: HashMap<String, Arc<TableEntry>>,
    /// Table variables of the caller that it lets this frame read.
    lent: HashMap<String, Arc<TableEntry>>,
    /// `inserted` and `deleted` of a trigger.
    images: Option<[Arc<Table>; 2]>,
}

impl Frame {
    /// Declares a variable; error 134 if it is there.
    pub fn declare(&mut self, name: &str, ty: SqlType, value: Datum) -> SqlResult<()> {
        // A DECLARE inside a loop runs again: T-SQL scopes variables to the batch and the parser's tree has no second one.
        self.variables.insert(fold(name), Variable { ty, value });
        Ok(())
    }

    /// A variable by name.
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        match self.variables.get(name) {
            Some(variable) => Some(variable),
            None => self.variables.get(&fold(name)),
        }
    }

    /// Sets a variable; error 137 if it was not declared.
    pub fn set(&mut self, name: &str, value: Datum) -> SqlResult<()> {
        match self.variables.get_mut(&fold(name)) {
            Some(variable) => {
                variable.value = value;
                Ok(())
            }
            None => Err(undeclared(name)),
        }
    }

    /// Declares a table variable.
    pub fn declare_table(&mut self, name: &str, entry: Arc<TableEntry>) -> Option<Arc<TableEntry>> {
        self.tables.insert(fold(name), entry)
    }

    /// A table variable by name.
    pub fn table(&self, name: &str) -> Option<&Arc<TableEntry>> {
        let name = fold(name);
        self.tables.get(&name).or_else(|| self.lent.get(&name))
    }

    /// Lets the frame read a table variable of another one under a name of its own.
    pub fn lend(&mut self, name: &str, entry: Arc<TableEntry>) {
        self.lent.insert(fold(name), entry);
    }

    /// Gives the frame of a trigger its `inserted` and `deleted`.
    pub fn set_images(&mut self, inserted: Arc<Table>, deleted: Arc<Table>) {
        self.images = Some([inserted, deleted]);
    }

    /// `inserted` or `deleted`, in a trigger.
    pub fn image(&self, name: &ObjectName) -> Option<Arc<Table>> {
        let images = self.images.as_ref()?;
        if !super::firing::is_image(name) {
            return None;
        }
        Some(Arc::clone(&images[usize::from(name.name.eq_ignore_ascii_case("deleted"))]))
    }

    /// Every table variable of its own.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<TableEntry>> {
        self.tables.values()
    }
}

/// Error 137, or the refusal of a system variable that SQL Server has.
pub fn undeclared(name: &str) -> SqlError {
    if crate::tsql::outside::is_variable(name) {
        return SqlError::unsupported(name);
    }
    SqlError::new(137, format!("Must declare the scalar variable \"{name}\".")).severity(15).with_state(2)
}
