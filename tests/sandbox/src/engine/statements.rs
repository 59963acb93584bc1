//! Dispatch of the statements that are not control flow.

use super::frame::Frame;
use super::plans::Batch;
use super::session::SqlSession;
use super::stop::{Exec, Stop};
use super::type_rules::{Family, family};
use crate::error::SqlError;
use crate::session::Sink;
use crate::tsql::ast::{Declaration, DeclaredType, InsertSource, Stmt, StmtKind};
use crate::types::{Datum, SqlType};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often WAITFOR looks whether the client gave up.
const WAIT_POLL: Duration = Duration::from_millis(20);

impl SqlSession {
    pub(super) fn execute_simple(
        &mut self,
        batch: &Arc<Batch>,
        statement: &Stmt,
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        self.shared.state().command = command(&statement.kind);
        self.shared.count.note_statement();
        match &statement.kind {
            StmtKind::Select(query) => self.select(batch, statement, query, frame, sink),
            StmtKind::SelectAssign { assignments, ctes, from, order_by } => {
                self.select_assign(batch, statement, (assignments, ctes, from.as_deref(), order_by), frame, sink)
            }
            StmtKind::Insert(insert) => match &insert.source {
                InsertSource::Exec(exec) => self.insert_exec(batch, insert, exec, frame, sink),
                InsertSource::ExecString(text) => self.insert_exec_string(batch, insert, text, frame, sink),
                _ => self.insert(batch, statement, insert, frame, sink),
            },
            StmtKind::Update(update) => self.update(batch, statement, update, frame, sink),
            StmtKind::Merge(merge) => self.merge(batch, statement, merge, frame, sink),
            StmtKind::Delete(delete) => self.delete(batch, statement, delete, frame, sink),
            StmtKind::Declare(declarations) => self.declare(batch, declarations, frame, sink),
            StmtKind::SetVariable { name, value } => {
                let ty = frame.variable(name).ok_or_else(|| super::frame::undeclared(name))?.ty;
                let value = self.scalar_as(batch, value, &ty, frame)?;
                frame.set(name, value)?;
                self.finished(1);
                Ok(())
            }
            StmtKind::SetOption { names, value } => self.set_option(batch, names, value, frame),
            StmtKind::SetIdentityInsert { table, on } => self.set_identity_insert(table, *on),
            StmtKind::Begin(name) => self.counted(0, |s| s.begin(name.clone(), sink)),
            StmtKind::Commit => self.counted(0, |s| s.commit(sink)),
            StmtKind::Rollback(name) => self.counted(0, |s| s.roll_back(name.as_deref(), sink)),
            StmtKind::Save(name) => self.counted(0, |s| s.save(name)),
            StmtKind::Exec(exec) => self.exec(batch, exec, frame, sink),
            StmtKind::ExecString(expr) => self.exec_string(batch, expr, frame, sink),
            StmtKind::Print(expr) => {
                let text = self.text_of(batch, expr, frame)?.unwrap_or_else(|| " ".to_owned());
                self.finished(0);
                let message = self.in_module(SqlError::new(0, text).severity(0).at_line(statement.line));
                sink.message(&message)?;
                Ok(())
            }
            StmtKind::RaisError { message, severity, state, arguments } => {
                self.raise_error(batch, (message, severity, state), arguments, statement.line, frame, sink)
            }
            StmtKind::Throw(arguments) => self.throw(batch, arguments.as_ref(), frame),
            StmtKind::WaitForDelay(expr) => self.wait_for(batch, expr, frame, sink),
            StmtKind::Kill(id) => self.counted(0, |s| s.kill(*id)),
            StmtKind::Use(name) => self.counted(0, |s| s.use_database(name, sink)),
            StmtKind::InsertBulk { table, columns, options } => self.begin_load(table, columns, options),
            StmtKind::Security(statement) if statement.is_session_only() => {
                self.counted(0, |s| s.security_statement(statement, sink))
            }
            StmtKind::Reconfigure => self.counted(0, Self::reconfigure),
            StmtKind::NoOp => self.counted(0, |_| Ok(())),
            _ => self.execute_ddl(batch, statement, sink),
        }
    }

    /// Runs a statement that leaves this `@@ROWCOUNT`.
    fn counted(&mut self, rows: i64, run: impl FnOnce(&mut Self) -> Exec<()>) -> Exec<()> {
        run(self)?;
        self.finished(rows);
        Ok(())
    }

    fn declare(
        &mut self,
        batch: &Arc<Batch>,
        declarations: &[Declaration],
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        for declaration in declarations {
            match &declaration.ty {
                DeclaredType::Scalar(ty) => self.declare_scalar(batch, declaration, ty, frame)?,
                DeclaredType::OfType(ty) => {
                    self.refresh_catalog()?;
                    match self.find_alias_type(ty) {
                        Some(alias) => self.declare_scalar(batch, declaration, &alias.ty, frame)?,
                        None if declaration.value.is_some() => return Err(super::table_types::unknown_type(ty).into()),
                        None => self.declare_of_type(&declaration.name, ty, frame, sink)?,
                    }
                }
                DeclaredType::Table(elements) => self.declare_table(&declaration.name, elements, frame, sink)?,
            }
        }
        Ok(())
    }

    fn declare_scalar(
        &mut self,
        batch: &Arc<Batch>,
        declaration: &Declaration,
        ty: &SqlType,
        frame: &mut Frame,
    ) -> Exec<()> {
        if family(ty) == Family::Lob {
            let text = "The text, ntext, and image data types are invalid for local variables.";
            return Err(SqlError::new(2739, text).into());
        }
        if declaration.value.is_some() || frame.variable(&declaration.name).is_none() {
            frame.declare(&declaration.name, *ty, Datum::Null)?;
        }
        if let Some(value) = &declaration.value {
            let value = self.scalar_as(batch, value, ty, frame)?;
            frame.set(&declaration.name, value)?;
            self.finished(1);
        }
        Ok(())
    }

    fn wait_for(
        &mut self,
        batch: &Arc<Batch>,
        expr: &crate::tsql::ast::Expr,
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        const TICKS_PER_MICROSECOND: u64 = 10;
        let Datum::Time(ticks) = self.scalar_as(batch, expr, &SqlType::Time(7), frame)? else {
            return Err(SqlError::new(148, "Incorrect time syntax in time string used with WAITFOR.")
                .severity(15)
                .into());
        };
        let end = Instant::now() + Duration::from_micros(ticks / TICKS_PER_MICROSECOND);
        loop {
            if sink.is_cancelled() {
                return Err(Stop::Cancelled);
            }
            let now = Instant::now();
            if now >= end {
                self.finished(0);
                return Ok(());
            }
            std::thread::sleep((end - now).min(WAIT_POLL));
        }
    }

    /// `IMPLICIT_TRANSACTIONS`: a statement that touches data begins a transaction.
    pub(super) fn begin_implicit(&mut self, touches_data: bool, sink: &mut dyn Sink) -> Exec<()> {
        let wanted = {
            let state = self.shared.state();
            touches_data && state.options.implicit_transactions && state.tran_count == 0
        };
        if wanted { self.begin(None, sink) } else { Ok(()) }
    }
}

/// `command` of `sys.dm_exec_requests`.
fn command(kind: &StmtKind) -> &'static str {
    match kind {
        StmtKind::Select(_) | StmtKind::SelectAssign { .. } => "SELECT",
        StmtKind::Insert(_) => "INSERT",
        StmtKind::Update(_) => "UPDATE",
        StmtKind::Delete(_) => "DELETE",
        StmtKind::Begin(_) => "BEGIN TRANSACTION",
        StmtKind::Commit => "COMMIT TRANSACTION",
        StmtKind::Rollback(_) => "ROLLBACK TRANSACTION",
        StmtKind::Save(_) => "SAVE TRANSACTION",
        StmtKind::Exec(_) | StmtKind::ExecString(_) => "EXECUTE",
        StmtKind::WaitForDelay(_) => "WAITFOR",
        StmtKind::InsertBulk { .. } => "BULK INSERT",
        StmtKind::CreateTable(_) => "CREATE TABLE",
        StmtKind::AlterTable { .. } => "ALTER TABLE",
        StmtKind::DropTable { .. } => "DROP TABLE",
        StmtKind::Truncate(_) => "TRUNCATE TABLE",
        StmtKind::CreateIndex(_) => "CREATE INDEX",
        StmtKind::DropIndex { .. } => "DROP INDEX",
        StmtKind::CreateDatabase { .. } => "CREATE DATABASE",
        StmtKind::DropDatabase { .. } => "DROP DATABASE",
        StmtKind::AlterDatabase { .. } => "ALTER DATABASE",
        StmtKind::Kill(_) => "KILL",
        _ => "SET",
    }
}
