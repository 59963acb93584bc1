//! `SET FMTONLY ON`: a client asks what columns a query has without running it.
//!
//! Source: <https://learn.microsoft.com/sql/t-sql/statements/set-fmtonly-transact-sql>. Queries answer with their columns and no
//! rows; what only prepares or ends this goes on as usual. Other statements, which the server would walk through without
//! effect, are refused.

use super::compile::compile_query;
use super::frame::Frame;
use super::plans::{Batch, statement_node};
use super::scope::StatementScope;
use super::session::SqlSession;
use super::stop::Exec;
use crate::error::SqlError;
use crate::session::Sink;
use crate::tsql::ast::{DeclaredType, Stmt, StmtKind};

impl SqlSession {
    /// A statement while `FMTONLY` is on: true if it is done, false if it runs as it would otherwise.
    pub(super) fn only_format(
        &mut self,
        batch: &Batch,
        statement: &Stmt,
        frame: &Frame,
        sink: &mut dyn Sink,
    ) -> Exec<bool> {
        match &statement.kind {
            StmtKind::Select(query) => {
                let compile = |scope: &StatementScope<'_>| compile_query(query, scope);
                let compiled = self.query_plan(batch, statement_node(statement), frame, &compile)?;
                if compiled.into.is_some() {
                    return Err(refused());
                }
                sink.columns(&compiled.columns)?;
                self.done(0, true, sink)?;
                Ok(true)
            }
            StmtKind::Exec(exec) if !exec.procedure.name.eq_ignore_ascii_case("sp_executesql") => Err(refused()),
            StmtKind::Declare(declarations)
                if declarations.iter().any(|d| d.value.is_some() || matches!(d.ty, DeclaredType::Table(_))) =>
            {
                Err(refused())
            }
            StmtKind::SetOption { .. }
            | StmtKind::Exec(_)
            | StmtKind::ExecString(_)
            | StmtKind::Block(_)
            | StmtKind::Declare(_)
            | StmtKind::Use(_)
            | StmtKind::NoOp => Ok(false),
            _ => Err(refused()),
        }
    }
}

fn refused() -> super::stop::Stop {
    SqlError::unsupported("anything but queries while FMTONLY is ON").into()
}
