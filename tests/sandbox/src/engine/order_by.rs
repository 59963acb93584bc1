//! `ORDER BY`: ordinals, aliases and expressions.

use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::{Expr, Literal, OrderItem};

use super::binder::Binder;
use super::select::Plan;
use super::typed::{Shape, Typed};

/// An entry of `ORDER BY`, compiled.
pub(super) struct SortKey {
    /// The result column that it is.
    pub position: Option<usize>,
    pub value: Typed,
    pub descending: bool,
}

impl Binder<'_> {
    /// `ORDER BY` of a plain select: ordinal, alias, or any expression over the sources.
    pub fn order_by_select(&mut self, items: &[OrderItem], plan: &Plan) -> SqlResult<String> {
        let mut keys = Vec::with_capacity(items.len());
        for key in self.sort_keys(items, plan)? {
            let text = match key.position {
                Some(position) => self.ordinal(position, plan)?,
                None => self.collated(&key.value)?,
            };
            keys.push(format!("{text}{}", if key.descending { " DESC" } else { "" }));
        }
        Ok(format!(" ORDER BY {}", keys.join(", ")))
    }

    /// The same taken apart.
    pub fn sort_keys(&mut self, items: &[OrderItem], plan: &Plan) -> SqlResult<Vec<SortKey>> {
        let mut keys: Vec<SortKey> = Vec::with_capacity(items.len());
        for item in items {
            let key = match output_position(&item.expr, plan)? {
                Some(position) => (Some(position), plan.outputs[position].value.clone()),
                None => {
                    let value = self.value(&item.expr)?;
                    match plan.outputs.iter().position(|o| o.value.sql == value.sql) {
                        Some(position) => (Some(position), value),
                        None if plan.distinct => {
                            return Err(SqlError::new(
                                145,
                                "ORDER BY items must appear in the select list if SELECT DISTINCT is specified.",
                            )
                            .severity(15));
                        }
                        None if matches!(value.shape, Shape::Constant(_)) => {
                            return Err(SqlError::new(
                                408,
                                format!(
                                    "A constant expression was encountered in the ORDER BY list, position {}.",
                                    keys.len() + 1
                                ),
                            ));
                        }
                        None => (None, value),
                    }
                }
            };
            let again = |seen: &SortKey| {
                (key.0.is_some() && seen.position == key.0 && key.1.shape != Shape::Other)
                    || (key.1.shape == Shape::Column && seen.value.sql == key.1.sql)
            };
            if keys.iter().any(again) {
                return Err(SqlError::new(
                    169,
                    "A column has been specified more than once in the order by list. Columns in the order by list must be unique.",
                )
                .severity(15));
            }
            keys.push(SortKey { position: key.0, value: key.1, descending: item.descending });
        }
        Ok(keys)
    }

    /// `ORDER BY` over a set operation: result columns only.
    pub fn order_by_outputs(&mut self, items: &[OrderItem], plan: &Plan) -> SqlResult<String> {
        if items.is_empty() {
            return Ok(String::new());
        }
        let mut keys = Vec::with_capacity(items.len());
        for item in items {
            let position = output_position(&item.expr, plan)?.ok_or_else(|| match &item.expr {
                Expr::Column(parts) if parts.len() == 1 => {
                    SqlError::new(207, format!("Invalid column name '{}'.", parts[0]))
                }
                _ => SqlError::new(
                    104,
                    "ORDER BY items must appear in the select list if the statement contains a UNION, INTERSECT or EXCEPT operator.",
                ),
            })?;
            keys.push(format!("{}{}", self.ordinal(position, plan)?, if item.descending { " DESC" } else { "" }));
        }
        Ok(format!(" ORDER BY {}", keys.join(", ")))
    }

    /// A result column by its place.
    fn ordinal(&self, position: usize, plan: &Plan) -> SqlResult<String> {
        let value = &plan.outputs[position].value;
        let place = Typed { sql: (position + 1).to_string(), ..value.clone() };
        self.collated(&place)
    }
}

/// The result column that an `ORDER BY` item names by ordinal or alias.
pub(super) fn output_position(expr: &Expr, plan: &Plan) -> SqlResult<Option<usize>> {
    match expr {
        Expr::Literal(Literal::Integer(text)) => match text.parse::<usize>() {
            Ok(n) if (1..=plan.outputs.len()).contains(&n) => Ok(Some(n - 1)),
            _ => Err(SqlError::new(
                108,
                format!(
                    "The ORDER BY position number {text} is out of range of the number of items in the select list."
                ),
            )
            .severity(15)),
        },
        Expr::Column(parts) => match parts.as_slice() {
            [name] => {
                let mut named = plan.outputs.iter().enumerate().filter(|(_, o)| o.name.eq_ignore_ascii_case(name));
                let first = named.next().map(|(position, _)| position);
                match named.next() {
                    Some(_) => Err(SqlError::new(209, format!("Ambiguous column name '{name}'."))),
                    None => Ok(first),
                }
            }
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}
