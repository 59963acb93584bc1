//! The batch interpreter: control flow, and what an error does to the statement, the batch and the transaction.
//!
//! Source for the latter: <https://learn.microsoft.com/sql/t-sql/statements/set-xact-abort-transact-sql>,
//! <https://learn.microsoft.com/sql/t-sql/language-elements/try-catch-transact-sql>.

use super::frame::Frame;
use super::plans::Batch;
use super::session::SqlSession;
use super::stop::{Exec, Stop};
use crate::error::SqlError;
use crate::session::Sink;
use crate::tsql::ast::{Stmt, StmtKind};
use crate::types::Datum;
use std::sync::Arc;

/// Deepest nesting of batches, `sp_executesql` and procedures (error 217).
const MAX_LEVEL: u32 = 32;

/// Where control goes after a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// To the next statement.
    Next,
    /// Out of the loop.
    Break,
    /// To the loop's condition.
    Continue,
    /// Out of the batch or procedure, with a status if one was given.
    Return(Option<i32>),
}

impl SqlSession {
    /// Runs a batch as a client sends it.
    pub(super) fn run_batch(&mut self, sql: &str, sink: &mut dyn Sink) -> Exec<()> {
        let batch = self.plans.batch("", sql)?;
        let mut frame = Frame::default();
        self.run_level(&batch, &mut frame, sink).map(|_| ())
    }

    /// Runs a batch one level deeper; what it created for itself is gone afterwards.
    pub(super) fn run_level(&mut self, batch: &Arc<Batch>, frame: &mut Frame, sink: &mut dyn Sink) -> Exec<i32> {
        match self.run_scope(batch, frame, sink) {
            Ok(status) => Ok(status.unwrap_or(0)),
            Err(Stop::ScopeAborted(status)) => Ok(status),
            Err(stop) => Err(stop),
        }
    }

    /// The same, with the status only if one was given.
    pub(super) fn run_scope(
        &mut self,
        batch: &Arc<Batch>,
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<Option<i32>> {
        if self.level >= MAX_LEVEL {
            let text = "Maximum stored procedure, function, trigger, or view nesting level exceeded (limit 32).";
            return Err(SqlError::new(217, text).into());
        }
        self.level += 1;
        // The session's own batches share one scope, which SCOPE_IDENTITY() carries over from one to the next.
        let own_scope = self.level > 1;
        // SET options go back to what they were when a procedure, a trigger or dynamic SQL is left.
        let options = {
            let mut state = self.shared.state();
            if own_scope {
                state.scope_identity.push(None);
            }
            own_scope.then(|| state.options.clone())
        };
        let outer_floor = own_scope.then(|| self.enter_contexts());
        let result = self.run_block(batch, &batch.statements, frame, sink);
        self.level -= 1;
        if let Some(floor) = outer_floor {
            self.leave_contexts(floor);
        }
        if let Some(options) = options {
            let mut state = self.shared.state();
            state.scope_identity.pop();
            state.options = options;
        }
        let tables: Vec<_> = frame.tables().map(|t| t.table.sqlite_name.clone()).collect();
        for table in tables {
            if self.connection.execute_batch(&format!("DROP TABLE IF EXISTS {table}")).is_err() {
                tracing::warn!("a table variable could not be dropped");
            }
        }
        if self.level > 0 {
            self.drop_temporary_above(self.level);
        }
        match result {
            Ok(Flow::Return(status)) => Ok(status),
            Ok(_) => Ok(None),
            Err(stop) => Err(stop),
        }
    }

    /// The batch of a text that a statement runs. An error in it happens one level deeper, where a TRY around the statement
    /// catches it.
    pub(super) fn inner_batch(&mut self, parameters: &str, text: &str, sink: &mut dyn Sink) -> Exec<Arc<Batch>> {
        match self.plans.batch(parameters, text) {
            Ok(batch) => Ok(batch),
            Err(error) => {
                let number = error.number;
                self.level += 1;
                let failed = self.failed(error, false, sink);
                self.level -= 1;
                failed?;
                Err(Stop::ScopeAborted(number))
            }
        }
    }

    /// Runs statements in order.
    pub(super) fn run_block(
        &mut self,
        batch: &Arc<Batch>,
        statements: &[Stmt],
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<Flow> {
        for statement in statements {
            let flow = self.run_statement(batch, statement, frame, sink)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn run_statement(
        &mut self,
        batch: &Arc<Batch>,
        statement: &Stmt,
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<Flow> {
        if sink.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        let executed = self.execute(batch, statement, frame, sink);
        self.release_statement_locks();
        match executed {
            Err(Stop::Error(error)) => {
                let placed = error.line != 1 && !error.procedure.is_empty();
                let error = if placed { error } else { self.in_module(error.at_line(statement.line)) };
                self.failed(error, matches!(statement.kind, StmtKind::Throw(_)), sink)?;
                Ok(Flow::Next)
            }
            other => other,
        }
    }

    fn execute(&mut self, batch: &Arc<Batch>, statement: &Stmt, frame: &mut Frame, sink: &mut dyn Sink) -> Exec<Flow> {
        if self.shared.state().options.format_only && self.only_format(batch, statement, frame, sink)? {
            return Ok(Flow::Next);
        }
        match &statement.kind {
            StmtKind::Block(statements) => return self.run_block(batch, statements, frame, sink),
            StmtKind::If { condition, then, otherwise } => {
                let holds = self.predicate(batch, condition, frame)?;
                self.finished(0);
                return match otherwise {
                    _ if holds => self.run_statement(batch, then, frame, sink),
                    Some(otherwise) => self.run_statement(batch, otherwise, frame, sink),
                    None => Ok(Flow::Next),
                };
            }
            StmtKind::While { condition, body } => {
                while self.predicate(batch, condition, frame)? {
                    self.finished(0);
                    match self.run_statement(batch, body, frame, sink)? {
                        Flow::Next | Flow::Continue => {}
                        Flow::Break => break,
                        Flow::Return(status) => return Ok(Flow::Return(status)),
                    }
                }
                return Ok(Flow::Next);
            }
            StmtKind::Break => return Ok(Flow::Break),
            StmtKind::Continue => return Ok(Flow::Continue),
            StmtKind::Return(value) => {
                let status = match value {
                    Some(value) => match self.scalar_as(batch, value, &crate::types::SqlType::Int, frame)? {
                        Datum::Int(status) => Some(status),
                        _ => Some(0),
                    },
                    None => None,
                };
                return Ok(Flow::Return(status));
            }
            StmtKind::TryCatch { body, handler } => return self.try_catch(batch, body, handler, frame, sink),
            _ => self.execute_simple(batch, statement, frame, sink)?,
        }
        Ok(Flow::Next)
    }

    /// A statement is done without error.
    pub(super) fn finished(&mut self, rows: i64) {
        let mut state = self.shared.state();
        state.row_count = rows;
        state.error = 0;
    }

    fn try_catch(
        &mut self,
        batch: &Arc<Batch>,
        body: &[Stmt],
        handler: &[Stmt],
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<Flow> {
        self.try_levels.push(self.level);
        let result = self.run_block(batch, body, frame, sink);
        self.try_levels.pop();
        match result {
            Err(Stop::Raised { error, uncaught_at }) if uncaught_at != Some(self.level) => {
                let mut state = self.shared.state();
                state.error = error.number;
                state.caught.push(error);
                drop(state);
                let handled = self.run_block(batch, handler, frame, sink);
                self.shared.state().caught.pop();
                handled
            }
            other => other,
        }
    }

    /// An error or message of the statement that runs, with the name of the module it stands in.
    pub(super) fn in_module(&self, error: SqlError) -> SqlError {
        if !error.procedure.is_empty() {
            return error;
        }
        let procedure = self.shared.state().modules.last().map(|module| module.name.clone());
        SqlError { procedure: procedure.unwrap_or_default(), ..error }
    }

    /// What an error does beyond ending its statement: `Ok` when the batch goes on.
    pub(super) fn failed(&mut self, error: SqlError, thrown: bool, sink: &mut dyn Sink) -> Exec<()> {
        let (xact_abort, in_transaction) = {
            let mut state = self.shared.state();
            state.error = error.number;
            state.row_count = 0;
            (state.options.xact_abort, state.tran_count > 0)
        };
        if error.severity <= 10 {
            sink.message(&error)?;
            return Ok(());
        }
        let class = classify(&error);
        let number = error.number;
        let uncaught_at = (class == Class::NameResolution).then_some(self.level);
        let caught = self.try_levels.iter().any(|&level| Some(level) != uncaught_at);
        let ends_transaction = xact_abort || class == Class::EndsTransaction;
        if caught {
            if in_transaction && ends_transaction {
                self.shared.state().doomed = true;
            }
            self.preceding.clear();
            return Err(Stop::Raised { error, uncaught_at });
        }
        for first in std::mem::take(&mut self.preceding) {
            sink.message(&first.at_line(error.line))?;
        }
        sink.message(&error)?;
        self.worst_severity = self.worst_severity.max(error.severity);
        if in_transaction && ends_transaction {
            self.roll_back_and_tell(sink)?;
        }
        match class {
            _ if ends_transaction || thrown => Err(Stop::BatchAborted),
            Class::EndsStatement => Ok(()),
            Class::NameResolution => Err(Stop::ScopeAborted(number)),
            Class::EndsBatch | Class::EndsTransaction => Err(Stop::BatchAborted),
        }
    }
}

/// How far an error reaches with XACT_ABORT off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// The statement.
    EndsStatement,
    /// The batch.
    EndsBatch,
    /// The batch or procedure but not its caller, and a TRY of the same level does not see it.
    NameResolution,
    /// The batch and its transaction.
    EndsTransaction,
}

fn classify(error: &SqlError) -> Class {
    match error.number {
        // Names that do not resolve, and other faults of compilation.
        102 | 137 | 156 | 206 | 207 | 208 | 209 | 4104 | 8120 | 8155 | 8156 | 1087 | 1011 | 1013 | 4121 | 195 | 213
        | 8144 => Class::NameResolution,
        // Conversion errors, update conflicts, deadlocks.
        3616 | 241 | 242 | 244 | 245 | 248 | 295 | 8114 | 1205 | 3951 | 3952 | 3956 | 3960 | 3961 | 3964 => {
            Class::EndsTransaction
        }
        217 | 3609 | 3930 | 3931 | 911 | 916 => Class::EndsBatch,
        50_000 if error.message.starts_with("sandbox: not supported") => Class::NameResolution,
        _ if error.severity >= 19 => Class::EndsTransaction,
        _ => Class::EndsStatement,
    }
}
