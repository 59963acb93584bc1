//! `ROLLUP`, `CUBE` and `GROUPING SETS`: a grouped query for each set, all their rows together.

use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::{OrderItem, Select, SelectItem};

use super::binder::{Binder, Frame};
use super::order_by::SortKey;
use super::select::{OutputColumn, Plan};
use super::typed::Shape;

impl Binder<'_> {
    /// `ROLLUP`, `CUBE` and `GROUPING SETS`: a grouped query for each set, all their rows together.
    pub fn grouping_sets(&mut self, select: &Select, order_by: &[OrderItem]) -> SqlResult<Plan> {
        let bare = Select { top: None, distinct: false, ..select.clone() };
        let mut plans: Vec<Plan> = Vec::with_capacity(select.grouping_sets.len());
        let mut sorted: Vec<SortKey> = Vec::new();
        for set in &select.grouping_sets {
            self.frames.push(Frame::default());
            let plan = self.select_in_frame(&bare, &[], Some(set)).and_then(|mut plan| {
                sorted = self.grouped_sort_keys(select, order_by, &plan)?;
                let hidden = sorted.iter().filter(|key| key.position.is_none());
                plan.items.extend(hidden.map(|key| key.value.sql.clone()));
                Ok(plan)
            });
            self.frames.pop();
            plans.push(plan?);
        }
        let alias = self.fresh_alias();
        let columns = plans[0].source_columns(&alias, &[]);
        let outputs: Vec<OutputColumn> = plans[0]
            .outputs
            .iter()
            .zip(columns)
            .map(|(output, mut column)| {
                column.value.nullable |= select.grouping_sets.len() > 1;
                OutputColumn { value: column.value, ..output.clone() }
            })
            .collect();
        let texts: Vec<String> = plans.iter().map(Plan::render).collect();
        let mut plan = Plan {
            items: outputs.iter().map(|output| output.value.sql.clone()).collect(),
            outputs,
            distinct: select.distinct,
            tail: format!(" FROM ({}) AS {alias}", texts.join(" UNION ALL ")),
            order_by: String::new(),
            limit: String::new(),
            at_most_one_row: false,
            row_of: None,
        };
        let mut hidden = plan.outputs.len();
        for key in &mut sorted {
            let place = key.position.unwrap_or_else(|| {
                hidden += 1;
                hidden - 1
            });
            key.value.sql = format!("{alias}.c{}", place + 1);
            key.value.shape = Shape::Other;
        }
        if select.distinct {
            if sorted.iter().any(|key| key.position.is_none()) {
                return Err(SqlError::unsupported("SELECT DISTINCT over grouping sets in another order"));
            }
            plan.items =
                plan.outputs.iter().map(|output| self.distinct_item(&output.value)).collect::<SqlResult<_>>()?;
        }
        if let Some(top) = &select.top {
            if top.percent || top.with_ties {
                return Err(SqlError::unsupported("TOP … PERCENT and WITH TIES over grouping sets"));
            }
            plan.limit = self.top(top)?;
        }
        let keys: Vec<String> = sorted.iter().map(|key| self.sorted(key)).collect::<SqlResult<_>>()?;
        if !keys.is_empty() {
            plan.order_by = format!(" ORDER BY {}", keys.join(", "));
        }
        Ok(plan)
    }

    /// The order of a query over grouping sets. What is the same expression has not the same text in each of them.
    fn grouped_sort_keys(&mut self, select: &Select, order_by: &[OrderItem], plan: &Plan) -> SqlResult<Vec<SortKey>> {
        let plain = select.items.iter().all(|item| matches!(item, SelectItem::Expr { .. }));
        let mut keys = Vec::with_capacity(order_by.len());
        for item in order_by {
            let written = || {
                let same =
                    |selected: &SelectItem| matches!(selected, SelectItem::Expr { expr, .. } if *expr == item.expr);
                select.items.iter().position(same).filter(|_| plain)
            };
            let position = super::order_by::output_position(&item.expr, plan)?.or_else(written);
            let value = match position {
                Some(position) => plan.outputs[position].value.clone(),
                None => self.value(&item.expr)?,
            };
            keys.push(SortKey { position, value, descending: item.descending });
        }
        Ok(keys)
    }
}
