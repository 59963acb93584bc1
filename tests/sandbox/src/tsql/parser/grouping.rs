//! GROUP BY: expressions, ROLLUP, CUBE and GROUPING SETS, which all come down to a list of sets of expressions.
//!
//! <https://learn.microsoft.com/sql/t-sql/queries/select-group-by-transact-sql>

use super::{Parser, syntax_error};
use crate::error::SqlResult;
use crate::tsql::ast::{Expr, Select};

/// Most grouping sets that a `GROUP BY` may come down to.
const MAX_SETS: usize = 256;

/// Places of expressions in [`Select::group_by`].
type Set = Vec<usize>;

impl Parser<'_> {
    /// After `GROUP BY`.
    pub(super) fn group_by(&mut self, select: &mut Select) -> SqlResult<()> {
        if self.is("ALL") {
            return self.unsupported("GROUP BY ALL");
        }
        let mut keys = Vec::new();
        let mut sets: Vec<Set> = vec![Vec::new()];
        let mut plain = true;
        loop {
            let element = match self.grouping_element(&mut keys)? {
                Some(element) => {
                    plain = false;
                    element
                }
                None => vec![self.grouping_expression(&mut keys)?],
            };
            sets = self.product(&sets, &element)?;
            if !self.eat(",") {
                break;
            }
        }
        if plain && self.is("WITH") && (self.is_at(1, "ROLLUP") || self.is_at(1, "CUBE")) {
            let parts: Vec<Set> = (0..keys.len()).map(|place| vec![place]).collect();
            let rollup = self.is_at(1, "ROLLUP");
            self.at += 2;
            sets = if rollup { rolled_up(&parts) } else { self.cube(&parts)? };
            plain = false;
        }
        select.group_by = keys;
        if !plain {
            select.grouping_sets = sets;
        }
        Ok(())
    }

    /// `ROLLUP (…)`, `CUBE (…)`, `GROUPING SETS (…)` or `()`; `None` for an expression.
    fn grouping_element(&mut self, keys: &mut Vec<Expr>) -> SqlResult<Option<Vec<Set>>> {
        if self.is("(") && self.is_at(1, ")") {
            self.at += 2;
            return Ok(Some(vec![Vec::new()]));
        }
        if self.is_at(1, "(") && (self.is("ROLLUP") || self.is("CUBE")) {
            let rollup = self.is("ROLLUP");
            self.at += 1;
            let parts = self.in_parentheses(|parser| parser.grouping_part(keys))?;
            return Ok(Some(if rollup { rolled_up(&parts) } else { self.cube(&parts)? }));
        }
        if self.eat_words(&["GROUPING", "SETS"]) {
            let nested = self.in_parentheses(|parser| {
                Ok(match parser.grouping_element(keys)? {
                    Some(sets) => sets,
                    None => vec![parser.grouping_part(keys)?],
                })
            })?;
            return Ok(Some(nested.concat()));
        }
        Ok(None)
    }

    /// `expr` or `(expr, expr)`.
    fn grouping_part(&mut self, keys: &mut Vec<Expr>) -> SqlResult<Set> {
        let start = (self.at, keys.len());
        if self.is("(")
            && let Ok(parts) = self.in_parentheses(|parser| parser.grouping_expression(keys))
            && (self.is(",") || self.is(")"))
        {
            return Ok(parts.concat());
        }
        self.at = start.0;
        keys.truncate(start.1);
        self.grouping_expression(keys)
    }

    fn grouping_expression(&mut self, keys: &mut Vec<Expr>) -> SqlResult<Set> {
        let expr = self.expr()?;
        let place = keys.iter().position(|known| *known == expr).unwrap_or_else(|| {
            keys.push(expr);
            keys.len() - 1
        });
        Ok(vec![place])
    }

    fn product(&self, left: &[Set], right: &[Set]) -> SqlResult<Vec<Set>> {
        self.limit_sets(left.len().saturating_mul(right.len()))?;
        Ok(left.iter().flat_map(|a| right.iter().map(move |b| joined(a, b))).collect())
    }

    fn cube(&self, parts: &[Set]) -> SqlResult<Vec<Set>> {
        self.limit_sets(1_usize.checked_shl(parts.len() as u32).unwrap_or(usize::MAX))?;
        Ok((0..1_usize << parts.len())
            .rev()
            .map(|mask| {
                let taken = parts.iter().enumerate().filter(|(n, _)| mask & (1 << n) != 0);
                taken.fold(Vec::new(), |set, (_, part)| joined(&set, part))
            })
            .collect())
    }

    fn limit_sets(&self, count: usize) -> SqlResult<()> {
        if count > MAX_SETS {
            let message = "Too many grouping sets. The maximum number is 4096.";
            return Err(syntax_error(10703, message.to_owned(), self.line()));
        }
        Ok(())
    }
}

fn joined(a: &[usize], b: &[usize]) -> Set {
    let mut set = a.to_vec();
    set.extend(b.iter().filter(|place| !a.contains(place)));
    set
}

fn rolled_up(parts: &[Set]) -> Vec<Set> {
    (0..=parts.len()).rev().map(|n| parts[..n].iter().fold(Vec::new(), |set, part| joined(&set, part))).collect()
}
