//! Conditions and expressions outside of queries: what IF, SET, PRINT and arguments are made of.

use super::compile::{compile_expr, compile_expr_as, compile_predicate};
use super::compiled::Compiled;
use super::frame::Frame;
use super::plans::{Batch, expression_node};
use super::running::decode_row;
use super::scope::StatementScope;
use super::session::SqlSession;
use super::stop::Exec;
use crate::error::SqlResult;
use crate::tsql::ast::Expr;
use crate::types::{Datum, Length, SqlType};
use std::sync::Arc;

impl SqlSession {
    /// A condition; NULL is false.
    pub(super) fn predicate(&mut self, batch: &Batch, condition: &Expr, frame: &mut Frame) -> Exec<bool> {
        let compile = |scope: &StatementScope<'_>| compile_predicate(condition, scope);
        let compiled = self.planned(batch, expression_node(condition), frame, &compile)?;
        let mut holds = false;
        self.for_each_row(&compiled, frame, None, None, &mut |row| {
            holds = row.get::<_, Option<i64>>(0)?.is_some_and(|v| v != 0);
            Ok(())
        })?;
        Ok(holds)
    }

    /// The value of an expression, converted to a type.
    pub(super) fn scalar_as(&mut self, batch: &Batch, expr: &Expr, ty: &SqlType, frame: &mut Frame) -> Exec<Datum> {
        let compile = |scope: &StatementScope<'_>| compile_expr_as(expr, ty, scope);
        let compiled = self.planned(batch, expression_node(expr), frame, &compile)?;
        Ok(self.single(&compiled, frame)?.0)
    }

    /// The value of an expression with its own type.
    pub(super) fn scalar(&mut self, batch: &Batch, expr: &Expr, frame: &mut Frame) -> Exec<(Datum, SqlType)> {
        let compile = |scope: &StatementScope<'_>| compile_expr(expr, scope);
        let compiled = self.planned(batch, expression_node(expr), frame, &compile)?;
        self.single(&compiled, frame)
    }

    /// The plan of an expression, ready to be evaluated.
    fn planned(
        &mut self,
        batch: &Batch,
        node: usize,
        frame: &Frame,
        compile: &dyn Fn(&StatementScope<'_>) -> SqlResult<Compiled>,
    ) -> Exec<Arc<Compiled>> {
        let compiled = self.query_plan(batch, node, frame, compile)?;
        self.pass_statement(&compiled.reads, None)?;
        self.ready_to_read(compiled, batch, node, frame, compile)
    }

    fn single(&mut self, compiled: &Compiled, frame: &Frame) -> Exec<(Datum, SqlType)> {
        let mut values = Vec::new();
        self.for_each_row(compiled, frame, None, None, &mut |row| decode_row(row, compiled, &mut values))?;
        let ty = compiled.columns.first().map_or(SqlType::Int, |c| c.ty);
        Ok((values.into_iter().next().unwrap_or(Datum::Null), ty))
    }

    /// A value as text, for PRINT and messages.
    pub(super) fn text_of(&mut self, batch: &Batch, expr: &Expr, frame: &mut Frame) -> Exec<Option<String>> {
        let ty = SqlType::NVarChar(Length::Max);
        match self.scalar_as(batch, expr, &ty, frame)? {
            Datum::String(text) => Ok(Some(text)),
            _ => Ok(None),
        }
    }
}
