//! `SELECT @list = @list + column FROM … ORDER BY …`: an assignment that reads its own variable, row after row.
//!
//! Microsoft promises no order of evaluation for it
//! (<https://learn.microsoft.com/sql/t-sql/language-elements/select-local-variable-transact-sql>); Microsoft's own bulk-copy
//! clients rely on one evaluation per row in the order of ORDER BY, and that is what happens here.

use super::compile::{compile_expr_as, compile_running_source};
use super::expr_aggregate::is_aggregate;
use super::expr_walk;
use super::frame::{Frame, undeclared};
use super::plans::{Batch, statement_node};
use super::running::decode_row;
use super::scope::StatementScope;
use super::session::SqlSession;
use super::stop::Exec;
use crate::session::Sink;
use crate::tsql::ast::{Cte, Expr, OrderItem, Select, Stmt};
use crate::types::Datum;

/// `SELECT @a = …`: assignments, common table expressions, the query and its order.
pub(super) type Assignments<'a> = (&'a [(String, Expr)], &'a [Cte], Option<&'a Select>, &'a [OrderItem]);

/// Whether a `SELECT` accumulates over rows: an assignment reads its own variable, and none that of another.
pub(super) fn accumulates((assignments, _, from, _): Assignments<'_>) -> bool {
    let Some(from) = from else { return false };
    let reads = |expr: &Expr, name: &str| {
        expr_walk::any(expr, &|part| matches!(part, Expr::Variable(read) if read.eq_ignore_ascii_case(name)))
    };
    let plain = !from.distinct && from.group_by.is_empty() && from.having.is_none();
    let by_row = |expr: &Expr| !expr_walk::any(expr, &|part| looks_beyond_the_row(part));
    let own = |(at, (_, expr)): (usize, &(String, Expr))| {
        assignments.iter().enumerate().all(|(other, (name, _))| other == at || !reads(expr, name))
    };
    plain
        && assignments.iter().any(|(name, expr)| reads(expr, name))
        && assignments.iter().all(|(_, expr)| by_row(expr))
        && assignments.iter().enumerate().all(own)
}

fn looks_beyond_the_row(expr: &Expr) -> bool {
    match expr {
        query if expr_walk::is_query(query) => true,
        Expr::Call { name, over, .. } => over.is_some() || is_aggregate(&name.name.to_ascii_uppercase()),
        _ => false,
    }
}

impl SqlSession {
    /// Runs a `SELECT` that [`accumulates`].
    pub(super) fn accumulate(
        &mut self,
        batch: &Batch,
        statement: &Stmt,
        (assignments, ctes, from, order_by): Assignments<'_>,
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        let Some(from) = from else { return Ok(()) };
        let mut rewritten = assignments.to_vec();
        let mut columns: Vec<Expr> = Vec::new();
        for (_, expr) in &mut rewritten {
            expr_walk::replace(expr, &mut |part| match part {
                Expr::Column(_) => {
                    let at = columns.iter().position(|c| c == part).unwrap_or_else(|| {
                        columns.push(part.clone());
                        columns.len() - 1
                    });
                    Some(Expr::Variable(stand_in(at)))
                }
                _ => None,
            });
        }
        let node = statement_node(statement);
        let compile = |scope: &StatementScope<'_>| compile_running_source(&columns, ctes, from, order_by, scope);
        let source = self.query_plan(batch, node, frame, &compile)?;
        self.pass_statement(&source.reads, None)?;
        self.begin_implicit(!source.reads.is_empty(), sink)?;
        let source = self.ready_to_read(source, batch, node, frame, &compile)?;
        let mut rows = Vec::new();
        self.for_each_row(&source, frame, None, None, &mut |row| {
            let mut values = Vec::new();
            decode_row(row, &source, &mut values)?;
            rows.push(values);
            Ok(())
        })?;

        let mut row_frame = Frame::default();
        for (at, _) in columns.iter().enumerate() {
            row_frame.declare(&stand_in(at), source.columns[at].ty, Datum::Null)?;
        }
        let mut steps = Vec::new();
        for (name, expr) in &rewritten {
            for read in expr_walk::variables(expr).into_iter().chain([name.clone()]) {
                if let (None, Some(variable)) = (row_frame.variable(&read), frame.variable(&read)) {
                    row_frame.declare(&read, variable.ty, variable.value.clone())?;
                }
            }
            let ty = frame.variable(name).ok_or_else(|| undeclared(name))?.ty;
            steps.push((name, compile_expr_as(expr, &ty, &StatementScope { session: self, frame: &row_frame })?));
        }
        for values in &rows {
            for (at, value) in values.iter().take(columns.len()).enumerate() {
                row_frame.set(&stand_in(at), value.clone())?;
            }
            for (name, step) in &steps {
                let mut values = Vec::new();
                self.for_each_row(step, &row_frame, None, None, &mut |row| decode_row(row, step, &mut values))?;
                let value = values.into_iter().next().unwrap_or(Datum::Null);
                row_frame.set(name, value.clone())?;
                frame.set(name, value)?;
            }
            if sink.is_cancelled() {
                return Err(super::stop::Stop::Cancelled);
            }
        }
        self.finished(rows.len() as i64);
        Ok(())
    }
}

/// The variable that holds a column's value; no name in T-SQL has a blank.
fn stand_in(column: usize) -> String {
    format!("@ {column}")
}
