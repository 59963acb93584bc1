//! How many rows: `TOP`, with `PERCENT` and `WITH TIES`, and the counts of `OFFSET` and `FETCH`.

use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::{Expr, OrderItem, Top};
use crate::types::{Datum, SqlType};

use super::binder::Binder;
use super::order_by::SortKey;
use super::select::{OutputColumn, Plan};
use super::type_rules::{Family, family};
use super::typed::{Shape, Typed, coerce};

impl Binder<'_> {
    fn row_count(&mut self, expr: &Expr) -> SqlResult<String> {
        self.checked_count(expr, "ts_row_count", 0)
    }

    /// A number of rows; `check` is the SQLite function that makes sure of it at run time.
    pub fn checked_count(&mut self, expr: &Expr, check: &str, least: i64) -> SqlResult<String> {
        let count = self.value(expr)?;
        if matches!(family(&count.ty), Family::Decimal | Family::Float | Family::Money) && !is_whole(&count) {
            return Err(SqlError::new(
                1060,
                "The number of rows provided for a TOP or FETCH clauses row count parameter must be an integer.",
            )
            .severity(15));
        }
        let count = coerce(count, &SqlType::BigInt)?;
        match constant_count(&count) {
            Some(count) if count >= least => Ok(count.to_string()),
            _ => Ok(format!("{check}({})", count.sql)),
        }
    }

    /// `TOP (n)` as a limit, in statements other than `SELECT`.
    pub fn top(&mut self, top: &Top) -> SqlResult<String> {
        if top.percent {
            return Err(SqlError::unsupported("TOP … PERCENT in this place"));
        }
        if top.with_ties {
            return Err(ties_without_order());
        }
        Ok(format!(" LIMIT {}", self.row_count(&top.count)?))
    }

    /// `TOP (n) [PERCENT]` of a number of rows.
    pub fn limit(&mut self, top: &Top, total: &str) -> SqlResult<String> {
        if !top.percent {
            return self.top(top);
        }
        Ok(format!(" LIMIT {}", self.percent(top, total)?))
    }

    /// How many rows `TOP (n) PERCENT` means.
    fn percent(&mut self, top: &Top, total: &str) -> SqlResult<String> {
        let count = self.value(&top.count)?;
        let count = coerce(count, &SqlType::Float)?;
        Ok(format!("ts_percent_rows({}, {total})", count.sql))
    }

    /// `TOP … PERCENT` and `WITH TIES`: the rows are numbered or ranked in their order.
    pub fn ranked(&mut self, mut plan: Plan, top: &Top, order_by: &[OrderItem]) -> SqlResult<Plan> {
        if top.with_ties && order_by.is_empty() {
            return Err(ties_without_order());
        }
        let keys = self.sort_keys(order_by, &plan)?;
        if plan.distinct {
            let positions: Vec<_> = keys.iter().map(|key| (key.position, key.descending)).collect();
            plan.order_by.clear();
            let plan = self.as_derived(plan);
            let keys = positions
                .into_iter()
                .filter_map(|(position, descending)| {
                    let value = plan.outputs[position?].value.clone();
                    Some(SortKey { position, value, descending })
                })
                .collect();
            return self.rank_rows(plan, top, keys);
        }
        self.rank_rows(plan, top, keys)
    }

    /// An entry of `ORDER BY` as SQLite text.
    pub fn sorted(&self, key: &SortKey) -> SqlResult<String> {
        Ok(format!("{}{}", self.collated(&key.value)?, if key.descending { " DESC" } else { "" }))
    }

    fn rank_rows(&mut self, mut plan: Plan, top: &Top, keys: Vec<SortKey>) -> SqlResult<Plan> {
        plan.order_by.clear();
        let sorted: Vec<String> = keys.iter().map(|key| self.sorted(key)).collect::<SqlResult<_>>()?;
        let order = if sorted.is_empty() { String::new() } else { format!("ORDER BY {}", sorted.join(", ")) };
        let width = plan.items.len();
        let rank = if top.with_ties { "RANK()" } else { "ROW_NUMBER()" };
        plan.items.push(format!("{rank} OVER ({order})"));
        plan.items.push("COUNT(*) OVER ()".to_owned());
        let alias = self.fresh_alias();
        let wanted = if top.percent {
            self.percent(top, &format!("{alias}.c{}", width + 2))?
        } else {
            self.row_count(&top.count)?
        };
        let columns = plan.source_columns(&alias, &[]);
        let inner = plan.render();
        let outputs: Vec<OutputColumn> = plan
            .outputs
            .into_iter()
            .zip(columns)
            .map(|(output, column)| OutputColumn { value: column.value, ..output })
            .collect();
        let rank = format!("{alias}.c{}", width + 1);
        Ok(Plan {
            items: outputs.iter().map(|output| output.value.sql.clone()).collect(),
            outputs,
            distinct: false,
            tail: format!(" FROM ({inner}) AS {alias} WHERE {rank} <= {wanted}"),
            order_by: if sorted.is_empty() { String::new() } else { format!(" ORDER BY {rank}") },
            limit: String::new(),
            at_most_one_row: false,
            row_of: None,
        })
    }
}

/// A decimal literal without a fraction: an integer that is too long for `int`.
fn is_whole(value: &Typed) -> bool {
    matches!(value.shape, Shape::Constant(Datum::Decimal { scale: 0, .. }))
}

/// Error 1062.
fn ties_without_order() -> SqlError {
    SqlError::new(1062, "The TOP N WITH TIES clause is not allowed without a corresponding ORDER BY clause.")
        .severity(15)
}

/// The value of a constant row count, where it is one.
pub(super) fn constant_count(value: &Typed) -> Option<i64> {
    match value.shape {
        Shape::Constant(Datum::Int(v)) => Some(i64::from(v)),
        Shape::Constant(Datum::BigInt(v)) => Some(v),
        _ => None,
    }
}
