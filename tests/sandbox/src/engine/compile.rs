//! Entry points of the query compiler for queries and expressions.

use crate::error::{SqlError, SqlResult};
use crate::session::ColumnMeta;
use crate::tsql::ast::{Cte, Expr, Literal, OrderItem, Query, Select, SelectItem};
use crate::types::SqlType;

use super::binder::{Binder, Frame, Source};
use super::compiled::Compiled;
use super::expr_walk;
use super::frame::undeclared;
use super::meta::{Column, Scope, Table};
use super::select::Plan;
use super::system_types::is_character;
use super::typed::{self, Typed, coerce};

/// Compiles a query.
pub fn compile_query(query: &Query, scope: &dyn Scope) -> SqlResult<Compiled> {
    let mut binder = Binder::new(scope);
    let plan = binder.query(query)?;
    let mut compiled = finish(binder, &plan);
    compiled.into = query.body.first_select().and_then(|select| select.into.clone());
    Ok(compiled)
}

/// Compiles the query of a view.
pub fn compile_view(query: &Query, scope: &dyn Scope) -> SqlResult<Compiled> {
    let mut binder = Binder::new(scope);
    let plan = binder.subquery(query)?;
    let mut compiled = finish(binder, &plan);
    compiled.into = query.body.first_select().and_then(|select| select.into.clone());
    Ok(compiled)
}

/// Compiles `SELECT @a = …, @b = … [FROM …]`: a column per assignment, of the variable's type. The last row wins.
pub fn compile_select_assign(
    assignments: &[(String, Expr)],
    ctes: &[Cte],
    from: Option<&Select>,
    order_by: &[OrderItem],
    scope: &dyn Scope,
) -> SqlResult<Compiled> {
    let mut binder = Binder::new(scope);
    binder.bind_ctes(ctes)?;
    let mut select = from.cloned().unwrap_or_default();
    select.items = assignments.iter().map(|(_, expr)| SelectItem::Expr { expr: expr.clone(), alias: None }).collect();
    let mut plan = binder.select(&select, order_by)?;
    refuse_running_assignments(assignments, plan.at_most_one_row)?;
    for (i, (name, _)) in assignments.iter().enumerate() {
        let ty = scope.variable(name).ok_or_else(|| undeclared(name))?;
        let converted = coerce(plan.outputs[i].value.clone(), &ty)?;
        plan.replace_output(i, converted.sql.clone());
        plan.outputs[i].value = converted;
    }
    Ok(finish(binder, &plan))
}

/// Compiles the rows that a `SELECT @a = @a + …` goes over: the columns that its expressions read.
pub fn compile_running_source(
    columns: &[Expr],
    ctes: &[Cte],
    from: &Select,
    order_by: &[OrderItem],
    scope: &dyn Scope,
) -> SqlResult<Compiled> {
    let mut binder = Binder::new(scope);
    binder.bind_ctes(ctes)?;
    let mut select = from.clone();
    let one = [Expr::Literal(Literal::Integer("1".to_owned()))];
    let columns = if columns.is_empty() { &one } else { columns };
    select.items = columns.iter().map(|expr| SelectItem::Expr { expr: expr.clone(), alias: None }).collect();
    let plan = binder.select(&select, order_by)?;
    let compiled = finish(binder, &plan);
    let default = scope.default_collation();
    match compiled.collations.iter().flatten().find(|collation| !collation.eq_ignore_ascii_case(&default)) {
        Some(other) => {
            Err(SqlError::unsupported(format!("SELECT that accumulates over a column with collation {other}")))
        }
        None => Ok(compiled),
    }
}

/// A variable that is read after it was set in the same statement would have to change from row to row.
fn refuse_running_assignments(assignments: &[(String, Expr)], single_row: bool) -> SqlResult<()> {
    for (i, (_, expr)) in assignments.iter().enumerate() {
        let set_before = if single_row { &assignments[..i] } else { assignments };
        let reads = |name: &str| {
            expr_walk::any(expr, &|part| matches!(part, Expr::Variable(read) if read.eq_ignore_ascii_case(name)))
        };
        if let Some((name, _)) = set_before.iter().find(|(name, _)| reads(name)) {
            return Err(SqlError::unsupported(format!("SELECT that sets {name} and reads it row by row")));
        }
    }
    Ok(())
}

/// Compiles a scalar expression to a query of one row and one column.
pub fn compile_expr(expr: &Expr, scope: &dyn Scope) -> SqlResult<Compiled> {
    single(scope, |binder| binder.value(expr))
}

/// The same, converted implicitly to `ty`: `SET`, `DECLARE`, procedure arguments.
pub fn compile_expr_as(expr: &Expr, ty: &SqlType, scope: &dyn Scope) -> SqlResult<Compiled> {
    single(scope, |binder| coerce(binder.value(expr)?, ty))
}

/// Compiles a condition to a query of one row and one bit column; NULL is unknown.
pub fn compile_predicate(expr: &Expr, scope: &dyn Scope) -> SqlResult<Compiled> {
    single(scope, |binder| Ok(Typed::new(binder.predicate(expr)?, SqlType::Bit, true)))
}

fn single(scope: &dyn Scope, compile: impl FnOnce(&mut Binder<'_>) -> SqlResult<Typed>) -> SqlResult<Compiled> {
    let mut binder = Binder::new(scope);
    let value = compile(&mut binder)?;
    let column =
        ColumnMeta { name: String::new(), ty: value.ty, nullable: value.nullable, identity: false, computed: false };
    let sql = format!("{}SELECT {} AS c1", binder.with_prefix(), value.sql);
    let collation = value.collation_name().map(str::to_owned);
    Ok(Compiled { columns: vec![column], collations: vec![collation], ..binder.finish(sql) })
}

fn finish(binder: Binder<'_>, plan: &Plan) -> Compiled {
    let sql = format!("{}{}", binder.with_prefix(), plan.render());
    let collations = plan
        .outputs
        .iter()
        .map(|output| {
            let e = &output.value;
            is_character(&e.ty).then(|| binder.collation_of(e))
        })
        .collect();
    Compiled { columns: plan.column_metas(), collations, ..binder.finish(sql) }
}

/// A binder that sees one table's columns by their bare names, as constraints and computed columns do.
fn over_table<'s>(table: &Table, scope: &'s dyn Scope) -> Binder<'s> {
    let mut binder = Binder::new(scope);
    let source = Source::of_table(&std::sync::Arc::new(table.clone()), "", None);
    binder.frames.push(Frame { sources: vec![source], ..Frame::default() });
    binder
}

fn refuse_subqueries(expr: &Expr) -> SqlResult<()> {
    let query = |part: &Expr| {
        matches!(part, Expr::Subquery(_) | Expr::Exists(_) | Expr::InQuery { .. } | Expr::Quantified { .. })
    };
    if expr_walk::any(expr, &query) {
        return Err(SqlError::new(
            1046,
            "Subqueries are not allowed in this context. Only scalar expressions are allowed.",
        )
        .severity(15));
    }
    if expr_walk::any(expr, &|part| matches!(part, Expr::Variable(_))) {
        return Err(SqlError::new(112, "Variables are not allowed in this statement.").severity(15));
    }
    Ok(())
}

/// The condition of a `CHECK` constraint or filtered index as a SQLite expression over the table's bare column names.
pub fn check_to_sqlite(expr: &Expr, table: &Table, scope: &dyn Scope) -> SqlResult<String> {
    refuse_subqueries(expr)?;
    over_table(table, scope).predicate(expr)
}

/// A computed column as a SQLite expression for `GENERATED ALWAYS AS`, with its type and whether it can be NULL.
pub fn computed_to_sqlite(expr: &Expr, table: &Table, scope: &dyn Scope) -> SqlResult<(String, SqlType, bool)> {
    refuse_subqueries(expr)?;
    let value = over_table(table, scope).value(expr)?;
    Ok((value.sql, value.ty, value.nullable))
}

/// A column of a table converted to another type as if it were stored in such a column.
pub fn column_as_to_sqlite(position: usize, table: &Table, to: &SqlType, scope: &dyn Scope) -> SqlResult<String> {
    let name = &table.columns[position].name;
    let value = over_table(table, scope).value(&Expr::Column(vec![name.clone()]))?;
    Ok(typed::assign(value, to, &super::dml::full_name(table), name)?.sql)
}

/// A column's `DEFAULT`, given as T-SQL text, as a SQLite expression of the column's encoding.
pub fn default_to_sqlite(text: &str, column: &Column, scope: &dyn Scope) -> SqlResult<String> {
    let expr = crate::tsql::parse_expr(text)?;
    default_expr_to_sqlite(&expr, column, scope)
}

/// The same from its syntax tree, for checking a definition.
pub fn default_expr_to_sqlite(expr: &Expr, column: &Column, scope: &dyn Scope) -> SqlResult<String> {
    refuse_subqueries(expr)?;
    let value = Binder::new(scope).value(expr)?;
    Ok(typed::assign(value, &column.ty, "", &column.name)?.sql)
}
