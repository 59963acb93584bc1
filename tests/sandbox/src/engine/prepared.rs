//! `sp_prepare`, `sp_execute`, `sp_prepexec`, `sp_unprepare`: statements kept under a handle.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-prepare-transact-sql>.

use super::plans::Batch;
use super::procedures::{Argument, integer_argument};
use super::session::SqlSession;
use super::stop::Exec;
use crate::error::SqlError;
use crate::session::Sink;
use crate::types::{Datum, SqlType};
use std::collections::HashMap;
use std::sync::Arc;

/// The prepared statements of a session.
#[derive(Debug, Default)]
pub struct Prepared {
    statements: HashMap<i32, Arc<Batch>>,
    last: i32,
}

impl Prepared {
    fn add(&mut self, batch: Arc<Batch>) -> i32 {
        self.last += 1;
        self.statements.insert(self.last, batch);
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
        let handle = self.prepared.add(batch);
        if let Some(argument) = arguments.first_mut() {
            argument.ty = SqlType::Int;
            argument.value = Datum::Int(handle);
        }
        Ok(())
    }

    /// `sp_prepexec @handle OUTPUT, @params, @stmt, values…`.
    pub(super) fn sp_prepexec(&mut self, arguments: &mut [Argument], sink: &mut dyn Sink) -> Exec<i32> {
        self.sp_prepare(arguments)?;
        let batch = self.prepared.statements.get(&self.prepared.last).cloned();
        match batch {
            Some(batch) => self.run_with_parameters(&batch, arguments.get_mut(3..).unwrap_or_default(), sink),
            None => Ok(0),
        }
    }

    /// `sp_execute @handle, values…`.
    pub(super) fn sp_execute(&mut self, arguments: &mut [Argument], sink: &mut dyn Sink) -> Exec<i32> {
        let handle = self.handle(arguments)?;
        let batch = self.prepared.statements.get(&handle).cloned().ok_or_else(|| no_such(handle))?;
        self.run_with_parameters(&batch, arguments.get_mut(1..).unwrap_or_default(), sink)
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
