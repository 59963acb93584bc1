//! What is checked of a module when it is made. Name resolution is deferred for tables that are not there; where they are, columns
//! and variables have to be right.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/stored-procedures/create-a-stored-procedure>,
//! <https://learn.microsoft.com/previous-versions/sql/sql-server-2008-r2/ms190686(v=sql.105)>.

use super::compile::{compile_expr, compile_predicate, compile_query, compile_select_assign};
use super::dml::compile_insert;
use super::dml_change::{compile_delete, compile_update};
use super::dml_merge::compile_merge;
use super::firing::{image_of, is_image};
use super::frame::Frame;
use super::meta::{Scope, SessionFunction, Table};
use super::scope::{StatementScope, invalid_object};
use super::session::SqlSession;
use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::{DeclaredType, Expr, ObjectName, Stmt, StmtKind};
use crate::tsql::modules::{ModuleBody, ModuleDefinition};
use crate::types::{Datum, SqlType};
use std::sync::Arc;

/// Errors of names, numbers of columns and grouping, which do not wait for the module to run.
const SHOWN: &[i32] = &[109, 110, 120, 121, 137, 205, 207, 209, 213, 1011, 1013, 4104, 8120];

impl SqlSession {
    pub(super) fn check_module(&self, definition: &ModuleDefinition) -> SqlResult<()> {
        let (statements, parameters, table) = match &definition.body {
            ModuleBody::Procedure { parameters, statements } => (statements, parameters.as_slice(), None),
            ModuleBody::Trigger { statements, table, updated, .. } => {
                let table = self.find_table(table)?;
                if let Some(column) = updated.iter().find(|c| super::dml::column_index(&table, c).is_err()) {
                    return Err(SqlError::new(207, format!("Invalid column name '{column}'.")));
                }
                (statements, [].as_slice(), Some(table))
            }
            ModuleBody::View { .. } => return Ok(()),
        };
        let mut frame = Frame::default();
        for parameter in parameters.iter().map(|p| self.parameter_of_type(p)).filter(|p| p.table_type.is_none()) {
            frame.declare(&parameter.name, parameter.ty, Datum::Null)?;
        }
        self.declare_all(statements, &mut frame)?;
        let scope = StatementScope { session: self, frame: &frame };
        let scope = CheckScope { scope, table };
        check_all(statements, &scope).map_err(|error| SqlError { procedure: definition.name.name.clone(), ..error })
    }

    fn declare_all(&self, statements: &[Stmt], frame: &mut Frame) -> SqlResult<()> {
        for statement in statements {
            if let StmtKind::Declare(declarations) = &statement.kind {
                for declaration in declarations {
                    let alias = match &declaration.ty {
                        DeclaredType::Scalar(ty) => Some(*ty),
                        DeclaredType::OfType(name) => self.find_alias_type(name).map(|alias| alias.ty),
                        DeclaredType::Table(_) => None,
                    };
                    if let Some(ty) = alias {
                        frame.declare(&declaration.name, ty, Datum::Null)?;
                    }
                }
            }
            blocks(statement, &mut |block| self.declare_all(block, frame))?;
        }
        Ok(())
    }
}

/// Sees permanent tables only: others may be made by the module itself.
struct CheckScope<'a> {
    scope: StatementScope<'a>,
    /// The table of a trigger.
    table: Option<Arc<Table>>,
}

impl Scope for CheckScope<'_> {
    fn table(&self, name: &ObjectName) -> SqlResult<Arc<Table>> {
        if name.name.starts_with(['@', '#']) {
            return Err(invalid_object(name));
        }
        match &self.table {
            Some(table) if is_image(name) => {
                Ok(image_of(table, &name.name.to_ascii_lowercase(), table.sqlite_name.clone()))
            }
            _ => self.scope.table(name),
        }
    }

    fn variable(&self, name: &str) -> Option<SqlType> {
        self.scope.variable(name)
    }

    fn table_function(&self, name: &ObjectName, arguments: &[Expr]) -> SqlResult<Arc<Table>> {
        self.scope.table_function(name, arguments)
    }

    fn session_function(&self, name: &ObjectName, argument_types: &[SqlType]) -> SqlResult<Option<SessionFunction>> {
        self.scope.session_function(name, argument_types)
    }

    fn default_collation(&self) -> String {
        self.scope.default_collation()
    }

    fn sequence(&self, name: &ObjectName) -> SqlResult<super::sequences::Sequence> {
        self.scope.sequence(name)
    }

    fn view(&self, name: &ObjectName) -> SqlResult<Option<Arc<super::modules::Module>>> {
        self.scope.view(name)
    }
}

/// Calls `each` with every block of statements below a statement.
fn blocks<'a>(statement: &'a Stmt, each: &mut dyn FnMut(&'a [Stmt]) -> SqlResult<()>) -> SqlResult<()> {
    match &statement.kind {
        StmtKind::Block(statements) => each(statements),
        StmtKind::If { then, otherwise, .. } => {
            each(std::slice::from_ref(then))?;
            otherwise.iter().try_for_each(|otherwise| each(std::slice::from_ref(otherwise)))
        }
        StmtKind::While { body, .. } => each(std::slice::from_ref(body)),
        StmtKind::TryCatch { body, handler } => {
            each(body)?;
            each(handler)
        }
        _ => Ok(()),
    }
}

fn check_all(statements: &[Stmt], scope: &CheckScope<'_>) -> SqlResult<()> {
    for statement in statements {
        match check(&statement.kind, scope) {
            Err(error) if SHOWN.contains(&error.number) => return Err(error.at_line(statement.line)),
            _ => {}
        }
        blocks(statement, &mut |block| check_all(block, scope))?;
    }
    Ok(())
}

fn check(kind: &StmtKind, scope: &CheckScope<'_>) -> SqlResult<()> {
    match kind {
        StmtKind::Select(query) => compile_query(query, scope).map(drop),
        StmtKind::SelectAssign { assignments, ctes, from, order_by } => {
            compile_select_assign(assignments, ctes, from.as_deref(), order_by, scope).map(drop)
        }
        StmtKind::Insert(insert) => compile_insert(insert, scope, false).map(drop),
        StmtKind::Update(update) => compile_update(update, scope).map(drop),
        StmtKind::Merge(merge) => compile_merge(merge, scope, false).map(drop),
        StmtKind::Delete(delete) => compile_delete(delete, scope).map(drop),
        StmtKind::If { condition, .. } | StmtKind::While { condition, .. } => {
            compile_predicate(condition, scope).map(drop)
        }
        StmtKind::SetVariable { name, value } => {
            if scope.variable(name).is_none() {
                return Err(super::frame::undeclared(name));
            }
            compile_expr(value, scope).map(drop)
        }
        StmtKind::Print(expr) | StmtKind::Return(Some(expr)) => compile_expr(expr, scope).map(drop),
        _ => Ok(()),
    }
}
