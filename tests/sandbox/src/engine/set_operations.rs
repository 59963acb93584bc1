//! `UNION`, `EXCEPT`, `INTERSECT` and `VALUES`.

use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::{Expr, SetExpr, SetOp};
use crate::types::SqlType;

use super::binder::Binder;
use super::select::{OutputColumn, Plan, unequal_columns};
use super::type_rules::is_text;
use super::typed::{Collation, Shape, Typed, coerce, shared_collation, shared_type};

/// Most terms of a compound query in SQLite.
const MAX_TERMS: usize = 500;

/// The terms of a chain of `UNION ALL`, which needs no nesting however long it is.
pub(super) fn union_terms(body: &SetExpr) -> Vec<&SetExpr> {
    let mut terms = Vec::new();
    let mut rest = body;
    while let SetExpr::SetOp { op: SetOp::Union, all: true, left, right } = rest {
        terms.push(&**right);
        rest = left;
    }
    terms.push(rest);
    terms.reverse();
    terms
}

impl Binder<'_> {
    pub fn set_expr(&mut self, body: &SetExpr) -> SqlResult<Plan> {
        match body {
            SetExpr::Select(select) => self.select(select, &[]),
            SetExpr::Query(query) => self.subquery(query),
            SetExpr::Values(rows) => self.values(rows),
            SetExpr::SetOp { op: SetOp::Union, all: true, .. } => {
                self.set_operation(SetOp::Union, true, &union_terms(body))
            }
            SetExpr::SetOp { op, all, left, right } => self.set_operation(*op, *all, &[left, right]),
        }
    }

    pub fn set_operation(&mut self, op: SetOp, all: bool, terms: &[&SetExpr]) -> SqlResult<Plan> {
        if all && op != SetOp::Union {
            return Err(SqlError::unsupported("EXCEPT ALL and INTERSECT ALL"));
        }
        let mut plans = Vec::with_capacity(terms.len());
        if terms.iter().skip(1).any(|term| term.first_select().is_some_and(|select| select.into.is_some())) {
            return Err(SqlError::new(
                196,
                "SELECT INTO must be the first query in a statement containing a UNION, INTERSECT or EXCEPT operator.",
            )
            .severity(15));
        }
        for term in terms {
            let plan = self.set_expr(term)?;
            plans.push(if plan.is_ordered_or_limited() { self.as_derived(plan) } else { plan });
        }
        let width = plans[0].outputs.len();
        if plans.iter().any(|plan| plan.outputs.len() != width) {
            return Err(unequal_columns());
        }
        let alias = self.fresh_alias();
        let mut outputs = Vec::with_capacity(width);
        for i in 0..width {
            let values: Vec<Typed> = plans.iter().map(|plan| plan.outputs[i].value.clone()).collect();
            let ty = shared_type(&values).unwrap_or(SqlType::Int);
            let mut collation = if is_text(&ty) { values[0].collation.clone() } else { Collation::Default };
            for pair in values.windows(2).filter(|_| is_text(&ty)) {
                let left = pair[0].clone().with_collation(collation);
                collation = shared_collation(&left, &pair[1]);
            }
            let nullable = values.iter().any(|value| value.nullable);
            for (plan, value) in plans.iter_mut().zip(values) {
                let converted = coerce(value, &ty)?.with_collation(collation.clone());
                let sql = if all {
                    converted.sql
                } else {
                    self.collated(&Typed { shape: Shape::Other, ..converted }).map_err(|_| {
                        let ty = super::type_rules::type_name(&ty);
                        SqlError::new(
                            5335,
                            format!("The data type {ty} cannot be used as an operand to the UNION, INTERSECT or EXCEPT operators because it is not comparable."),
                        )
                    })?
                };
                plan.items[i] = sql;
            }
            outputs.push(OutputColumn {
                name: plans[0].outputs[i].name.clone(),
                value: Typed::new(format!("{alias}.c{}", i + 1), ty, nullable).with_collation(collation),
                identity: false,
                computed: false,
            });
        }
        let word = match (op, all) {
            (SetOp::Union, true) => "UNION ALL",
            (SetOp::Union, false) => "UNION",
            (SetOp::Except, _) => "EXCEPT",
            (SetOp::Intersect, _) => "INTERSECT",
        };
        let texts: Vec<String> = plans.iter().map(Plan::render).collect();
        let texts = texts.join(&format!(" {word} "));
        Ok(Plan {
            items: outputs.iter().map(|o| o.value.sql.clone()).collect(),
            outputs,
            distinct: false,
            tail: format!(" FROM ({texts}) AS {alias}"),
            order_by: String::new(),
            limit: String::new(),
            at_most_one_row: false,
            row_of: None,
        })
    }

    /// `VALUES (…), (…)`: every column takes the type that its values share.
    fn values(&mut self, rows: &[Vec<Expr>]) -> SqlResult<Plan> {
        let mut compiled: Vec<Vec<Typed>> = Vec::with_capacity(rows.len());
        for row in rows {
            let mut values = Vec::with_capacity(row.len());
            for expr in row {
                values.push(self.value(expr)?);
            }
            if compiled.first().is_some_and(|first| first.len() != values.len()) {
                return Err(SqlError::new(
                    10709,
                    "The number of columns for each row in a table value constructor must be the same.",
                ));
            }
            compiled.push(values);
        }
        let width = compiled.first().map_or(0, Vec::len);
        let alias = self.fresh_alias();
        let mut outputs = Vec::with_capacity(width);
        for i in 0..width {
            let ty = shared_type(compiled.iter().map(|row| &row[i])).unwrap_or(SqlType::Int);
            let nullable = compiled.iter().any(|row| row[i].nullable);
            let collation = compiled
                .iter()
                .map(|row| row[i].clone())
                .reduce(|a, b| {
                    let collation = shared_collation(&a, &b);
                    b.with_collation(collation)
                })
                .map_or(Collation::Default, |e| e.collation);
            for row in &mut compiled {
                let value = std::mem::replace(&mut row[i], Typed::null());
                row[i] = coerce(value, &ty)?;
            }
            outputs.push(OutputColumn {
                name: String::new(),
                value: Typed::new(format!("{alias}.column{}", i + 1), ty, nullable).with_collation(if is_text(&ty) {
                    collation
                } else {
                    Collation::Default
                }),
                identity: false,
                computed: false,
            });
        }
        // SQLite's VALUES cannot name columns of an outer query, its SELECT can.
        let fixed = |e: &Typed| !matches!(e.shape, Shape::Column | Shape::Other) || e.sql.starts_with('?');
        let correlated = compiled.len() < MAX_TERMS && !compiled.iter().flatten().all(fixed);
        let rows: Vec<String> = compiled
            .iter()
            .map(|row| {
                let named = |(i, e): (usize, &Typed)| format!("{} AS column{}", e.sql, i + 1);
                let values: Vec<String> = if correlated {
                    row.iter().enumerate().map(named).collect()
                } else {
                    row.iter().map(|e| e.sql.clone()).collect()
                };
                if correlated { format!("SELECT {}", values.join(", ")) } else { format!("({})", values.join(", ")) }
            })
            .collect();
        let texts = if correlated { rows.join(" UNION ALL ") } else { format!("VALUES {}", rows.join(", ")) };
        Ok(Plan {
            items: outputs.iter().map(|o| o.value.sql.clone()).collect(),
            outputs,
            distinct: false,
            tail: format!(" FROM ({texts}) AS {alias}"),
            order_by: String::new(),
            limit: String::new(),
            at_most_one_row: rows.len() <= 1,
            row_of: None,
        })
    }
}
