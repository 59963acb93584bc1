//! `sp_prepare`, `sp_execute`, `sp_prepexec`, `sp_prepexecrpc`, `sp_unprepare`: statements and calls kept under a handle.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-prepare-transact-sql>.

use super::frame::Frame;
use super::plans::Batch;
use super::procedures::{Argument, integer_argument};
use super::session::{SqlSession, procedure_name};
use super::stop::Exec;
use crate::error::SqlError;
use crate::session::Sink;
use crate::tsql::ast::ObjectName;
use crate::types::{Datum, SqlType};
use std::collections::HashMap;
use std::sync::Arc;

/// The prepared statements of a session.
#[derive(Debug, Default)]
pub struct Prepared {
    statements: HashMap<i32, Kept>,
    last: i32,
}

/// What a handle stands for.
#[derive(Debug, Clone)]
enum Kept {
    /// A batch with parameters.
    Batch(Arc<Batch>),
    /// A call of a procedure.
    Call(ObjectName),
}

impl Prepared {
    fn add(&mut self, kept: Kept) -> i32 {
        self.last += 1;
        self.statements.insert(self.last, kept);
        self.last
    }
}

impl SqlSession {
    /// `sp_prepare @handle OUTPUT, @params, @stmt [, @options]`.
    pub(super) fn sp_prepare(&mut self, arguments: &mut [Argument]) -> Exec<()> {
        let text = |position: usize| match arguments.get(position).map(|a| &a.value) {
            Some(Datum::String(text)) => text.clone(),
            _ => String::new(),
        };
        let batch = self.plans.batch(&text(1), &text(2))?;
        self.keep(Kept::Batch(batch), arguments);
        Ok(())
    }

    /// Gives something a handle, the first argument.
    fn keep(&mut self, kept: Kept, arguments: &mut [Argument]) {
        let handle = self.prepared.add(kept);
        if let Some(argument) = arguments.first_mut() {
            argument.ty = SqlType::Int;
            argument.value = Datum::Int(handle);
        }
    }

    /// `sp_prepexec @handle OUTPUT, @params, @stmt, values…`.
    pub(super) fn sp_prepexec(&mut self, arguments: &mut [Argument], sink: &mut dyn Sink) -> Exec<i32> {
        self.sp_prepare(arguments)?;
        self.execute_kept(self.prepared.last, arguments, 3, sink)
    }

    /// `sp_prepexecrpc @handle OUTPUT, @procedure, values…`: what ODBC makes of `{CALL procedure(?)}`.
    pub(super) fn sp_prepexecrpc(&mut self, arguments: &mut [Argument], sink: &mut dyn Sink) -> Exec<i32> {
        let name = match arguments.get(1).map(|a| &a.value) {
            Some(Datum::String(name)) => procedure_name(name),
            _ => return Err(SqlError::unsupported("sp_prepexecrpc without a procedure's name").into()),
        };
        self.keep(Kept::Call(name), arguments);
        self.execute_kept(self.prepared.last, arguments, 2, sink)
    }

    /// `sp_execute @handle, values…`.
    pub(super) fn sp_execute(&mut self, arguments: &mut [Argument], sink: &mut dyn Sink) -> Exec<i32> {
        let handle = self.handle(arguments)?;
        self.execute_kept(handle, arguments, 1, sink)
    }

    /// Executes what has a handle; its values are the arguments from `first` on.
    fn execute_kept(
        &mut self,
        handle: i32,
        arguments: &mut [Argument],
        first: usize,
        sink: &mut dyn Sink,
    ) -> Exec<i32> {
        let kept = self.prepared.statements.get(&handle).cloned().ok_or_else(|| no_such(handle))?;
        let values = arguments.get_mut(first..).unwrap_or_default();
        match kept {
            Kept::Batch(batch) => self.run_with_parameters(&batch, values, sink),
            Kept::Call(name) => {
                let mut passed = values.to_vec();
                let status = self.call(&name, &mut passed, &mut Frame::default(), sink)?;
                for (value, left) in values.iter_mut().zip(passed) {
                    *value = left;
                }
                Ok(status)
            }
        }
    }

    /// `sp_unprepare @handle`.
    pub(super) fn sp_unprepare(&mut self, arguments: &[Argument]) -> Exec<()> {
        let handle = self.handle(arguments)?;
        match self.prepared.statements.remove(&handle) {
            Some(_) => Ok(()),
            None => Err(no_such(handle).into()),
        }
    }

    fn handle(&self, arguments: &[Argument]) -> Exec<i32> {
        let handle = integer_argument(arguments, "@handle", 0)?.unwrap_or(0);
        Ok(handle.try_into().unwrap_or(0))
    }
}

/// Error 8179.
fn no_such(handle: i32) -> SqlError {
    SqlError::new(8179, format!("Could not find prepared statement with handle {handle}.")).with_state(2)
}
