//! Table types, and the table-valued parameters of procedures.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/tables/use-table-valued-parameters-database-engine>.

use super::catalog::{TableEntry, same_name};
use super::catalog_store::{self, NewObject};
use super::clock::now_datetime;
use super::frame::Frame;
use super::meta::Table;
use super::procedures::Argument;
use super::scope::written;
use super::session::SqlSession;
use super::stop::Exec;
use super::table_design::{Design, of_table};
use super::transaction::Writes;
use crate::error::{SqlError, SqlResult};
use crate::session::Sink;
use crate::tsql::ast::{ObjectName, StmtKind, TableElement};
use crate::tsql::modules::ModuleStatement;
use crate::tsql::{ParameterDeclaration, parse_batch, parse_type};
use rusqlite::{Connection, params};
use std::sync::Arc;

/// The first `user_type_id` of a type that a user makes.
pub(super) const FIRST_USER_TYPE: i32 = 257;
/// Schema of the objects behind table types.
const SYS_SCHEMA: i32 = 4;

/// A table type.
#[derive(Debug, Clone)]
pub struct TableType {
    /// `user_type_id`.
    pub user_type_id: i32,
    /// `schema_id`.
    pub schema_id: i32,
    /// Name.
    pub name: String,
    /// The object that has its columns.
    pub object_id: i32,
    /// The statement that made it.
    pub definition: String,
}

/// Reads the table types of a database.
pub fn load(connection: &Connection) -> rusqlite::Result<Vec<TableType>> {
    let mut statement = connection
        .prepare_cached(r#"SELECT user_type_id, schema_id, name, object_id, definition FROM db."$table_types""#)?;
    let rows = statement.query_map([], |r| {
        Ok(TableType {
            user_type_id: r.get(0)?,
            schema_id: r.get(1)?,
            name: r.get(2)?,
            object_id: r.get(3)?,
            definition: r.get(4)?,
        })
    })?;
    rows.collect()
}

/// Error 2715.
pub(super) fn unknown_type(name: &ObjectName) -> SqlError {
    let text = format!("Column, parameter, or variable #1: Cannot find data type {}.", written(name));
    SqlError::new(2715, text).with_state(3)
}

/// Error 3732.
pub(super) fn still_used(written: &str, user: &str) -> SqlError {
    let text = format!(
        "Cannot drop type '{written}' because it is being referenced by object '{user}'. There may be other objects that reference \
         this type."
    );
    SqlError::new(3732, text)
}

impl SqlSession {
    /// Error 219 for a name that a type has.
    pub(super) fn refuse_existing_type(&self, name: &ObjectName) -> SqlResult<()> {
        let system = name.schema.is_none() && parse_type(&name.name).is_ok();
        if !system && self.find_table_type(name).is_none() && self.find_alias_type(name).is_none() {
            return Ok(());
        }
        let schema = Some(name.schema.clone().unwrap_or_else(|| "dbo".to_owned()));
        let text = format!(
            "The type '{}' already exists, or you do not have permission to create it.",
            written(&ObjectName { schema, ..name.clone() })
        );
        Err(SqlError::new(219, text))
    }

    fn find_table_type(&self, name: &ObjectName) -> Option<TableType> {
        let catalog = self.catalog();
        let schema = catalog.schema(name.schema.as_deref().unwrap_or("dbo"))?.schema_id;
        catalog.table_types.iter().find(|ty| ty.schema_id == schema && same_name(&ty.name, &name.name)).cloned()
    }

    /// The `user_type_id` of a parameter's table type.
    pub(super) fn table_type_id(&self, parameter: &ParameterDeclaration, name: &ObjectName) -> SqlResult<i32> {
        let Some(found) = self.find_table_type(name) else {
            if name.schema.is_none() && parse_type(&name.name).is_ok() {
                let text = format!(
                    "The parameter \"{}\" can not be declared READONLY since it is not a table-valued parameter.",
                    parameter.name
                );
                return Err(SqlError::new(346, text).severity(15));
            }
            return Err(unknown_type(name));
        };
        if !parameter.readonly {
            let text =
                format!("The table-valued parameter \"{}\" must be declared with the READONLY option.", parameter.name);
            return Err(SqlError::new(352, text).severity(15));
        }
        Ok(found.user_type_id)
    }

    pub(super) fn create_table_type(
        &mut self,
        name: &ObjectName,
        elements: &[TableElement],
        definition: &str,
    ) -> Exec<()> {
        let schema_id = self.schema_for(name)?;
        self.refuse_existing_type(name)?;
        let elements = &*self.elements_of_types(elements)?;
        let mut design = Design::read(elements).map_err(|e| of_table(e, &name.name, &name.name))?;
        design.settle_keys(&name.name, elements)?;
        if !design.foreign_keys.is_empty() {
            return Err(SqlError::new(1789, "Foreign keys are not allowed in table types.").severity(15).into());
        }
        let now = now_datetime();
        let object = NewObject { name: &name.name, schema_id: SYS_SCHEMA, parent: 0, kind: "TT", now };
        let id = catalog_store::insert_object(&self.connection, &object)?;
        self.connection.execute(
            r#"UPDATE db."$objects" SET name = ?2 WHERE object_id = ?1"#,
            params![id, format!("TT_{}_{id:08X}", name.name)],
        )?;
        self.add_columns(id, 1, &design, SYS_SCHEMA, &name.name)?;
        self.connection.execute(
            r#"INSERT INTO db."$table_types"(user_type_id, schema_id, name, object_id, definition)
               SELECT max(?1, 1 + ifnull((SELECT max(user_type_id) FROM db."$table_types"), 0),
                          1 + ifnull((SELECT max(user_type_id) FROM db."$alias_types"), 0)), ?2, ?3, ?4, ?5"#,
            params![FIRST_USER_TYPE, schema_id, name.name, id, definition],
        )?;
        self.table_changed(id)?;
        Ok(())
    }

    pub(super) fn drop_type(&mut self, name: &ObjectName, if_exists: bool) -> Exec<()> {
        if let Some(alias) = self.find_alias_type(name) {
            return self.drop_alias_type(&alias, &written(name));
        }
        let Some(found) = self.find_table_type(name) else {
            if if_exists {
                return Ok(());
            }
            let text = format!(
                "Cannot drop the type '{}', because it does not exist or you do not have permission.",
                written(name)
            );
            return Err(SqlError::new(3701, text).severity(11).with_state(5).into());
        };
        let used: Option<String> = self.connection.query_row(
            r#"SELECT (SELECT o.name FROM db."$parameters" p JOIN db."$objects" o ON o.object_id = p.object_id WHERE p.user_type_id = ?1)"#,
            [found.user_type_id],
            |r| r.get(0),
        )?;
        if let Some(user) = used {
            return Err(still_used(&written(name), &user).into());
        }
        self.connection.execute(r#"DELETE FROM db."$table_types" WHERE user_type_id = ?1"#, [found.user_type_id])?;
        catalog_store::delete_object(&self.connection, found.object_id)?;
        self.table_changed(found.object_id)?;
        Ok(())
    }

    /// `DECLARE @t type`, where the type is one of tables; one that has an initial value is no table.
    pub(super) fn declare_of_type(
        &mut self,
        name: &str,
        ty: &ObjectName,
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        if frame.table(name).is_some() {
            return Ok(());
        }
        self.refresh_catalog()?;
        let found = self.find_table_type(ty).ok_or_else(|| unknown_type(ty))?;
        let statement = parse_batch(&found.definition)?.pop().map(|statement| statement.kind);
        let Some(StmtKind::Module(statement)) = statement else { return Err(unknown_type(ty).into()) };
        let ModuleStatement::CreateTableType { elements, .. } = *statement else { return Err(unknown_type(ty).into()) };
        self.declare_table(name, &elements, frame, sink)?;
        if let Some(entry) = frame.table(name) {
            self.table_variable_types.insert(entry.table.object_id, found.user_type_id);
        }
        Ok(())
    }

    /// Gives a table-valued parameter its rows: those of the caller's variable, read only.
    pub(super) fn bind_table_parameter(
        &mut self,
        type_name: &ObjectName,
        parameter: &ParameterDeclaration,
        given: Option<&Argument>,
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        let found = self.find_table_type(type_name).ok_or_else(|| unknown_type(type_name))?;
        let entry = match given {
            None => {
                let mut own = Frame::default();
                self.declare_of_type(&parameter.name, type_name, &mut own, sink)?;
                own.table(&parameter.name).cloned()
            }
            Some(argument) => {
                let ty = argument.table.as_ref().and_then(|t| self.table_variable_types.get(&t.table.object_id));
                if ty != Some(&found.user_type_id) {
                    let what = match &argument.table {
                        Some(_) => "table".to_owned(),
                        None => super::type_rules::type_name(&argument.ty).to_string(),
                    };
                    let text = format!("Operand type clash: {what} is incompatible with {}", found.name);
                    return Err(SqlError::new(206, text).with_state(2).into());
                }
                argument.table.clone()
            }
        };
        if let Some(entry) = entry {
            let table = Table { writable: false, name: parameter.name.clone(), ..Table::clone(&entry.table) };
            frame.lend(&parameter.name, Arc::new(TableEntry { table: Arc::new(table), ..TableEntry::clone(&entry) }));
        }
        Ok(())
    }

    /// `CREATE TYPE` and `DROP TYPE`.
    pub(super) fn type_statement(&mut self, statement: &ModuleStatement, sink: &mut dyn Sink) -> Exec<()> {
        self.write(Writes::Database, sink, |s, _| match statement {
            ModuleStatement::CreateTableType { name, elements, text } => s.create_table_type(name, elements, text),
            ModuleStatement::CreateAliasType { name, ty, declared, nullable } => {
                s.create_alias_type(name, ty, *declared, *nullable)
            }
            ModuleStatement::DropType { name, if_exists } => s.drop_type(name, *if_exists),
            _ => Ok(()),
        })
    }
}
