//! Common table expressions, recursive ones too.

use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::{Cte, JoinKind, Query, SelectItem, SetExpr, SetOp, TableRef};

use super::binder::{Binder, CteEntry, Recursion};
use super::expr_aggregate::contains_aggregate;
use super::select::{Plan, check_column_names, unequal_columns};
use super::set_operations::union_terms;

impl Binder<'_> {
    /// Compiles `WITH` definitions into the statement's prefix.
    pub fn bind_ctes(&mut self, ctes: &[Cte]) -> SqlResult<()> {
        for (place, cte) in ctes.iter().enumerate() {
            if ctes[..place].iter().any(|earlier| earlier.name.eq_ignore_ascii_case(&cte.name)) {
                return Err(SqlError::new(
                    239,
                    format!("Duplicate common table expression name '{}' was specified.", cte.name),
                ));
            }
            let frames = std::mem::take(&mut self.frames);
            let bound = self.bind_cte(cte);
            self.frames = frames;
            bound?;
        }
        Ok(())
    }

    fn bind_cte(&mut self, cte: &Cte) -> SqlResult<()> {
        let sqlite_name = format!("cte{}", self.fresh_alias());
        let named = |columns: usize| -> SqlResult<()> {
            if cte.columns.is_empty() || cte.columns.len() == columns {
                return Ok(());
            }
            let name = &cte.name;
            let (number, more) = if cte.columns.len() > columns { (8159, "fewer") } else { (8158, "more") };
            Err(SqlError::new(number, format!("'{name}' has {more} columns than were specified in the column list.")))
        };
        let terms = union_terms(&cte.query.body);
        if terms.len() > 1
            && let Some(first) = terms.iter().position(|term| mentions(term, &cte.name))
        {
            return self.bind_recursive_cte(cte, &terms[..first], &terms[first..], &sqlite_name);
        }
        if mentions(&cte.query.body, &cte.name) {
            return Err(SqlError::new(
                252,
                format!(
                    "Recursive common table expression '{}' does not contain a top-level UNION ALL operator.",
                    cte.name
                ),
            ));
        }
        let mut plan = self.subquery(&cte.query)?;
        let rows = if self.changes_through(&cte.name) { plan.expose_rows() } else { None };
        named(plan.outputs.len())?;
        check_column_names(&plan, &cte.columns, &cte.name)?;
        self.cte_texts.push(format!("{sqlite_name} AS ({})", plan.render()));
        let columns = plan.source_columns("", &cte.columns);
        self.ctes.push(CteEntry { name: cte.name.clone(), sqlite_name, columns, rows });
        Ok(())
    }

    /// `anchors UNION ALL recursive parts`; more levels than `MAXRECURSION` are error 530.
    fn bind_recursive_cte(
        &mut self,
        cte: &Cte,
        anchors: &[&SetExpr],
        parts: &[&SetExpr],
        sqlite_name: &str,
    ) -> SqlResult<()> {
        let name = &cte.name;
        if anchors.is_empty() {
            return Err(SqlError::new(246, format!("No anchor member was specified for recursive query \"{name}\".")));
        }
        if parts.iter().any(|part| !mentions(part, name)) {
            return Err(SqlError::new(247, format!("An anchor member was found in the recursive query \"{name}\".")));
        }
        for part in parts {
            check_recursive_part(part, name)?;
        }
        let mut anchor = if let [one] = anchors {
            self.subquery(&plain_query((*one).clone()))?
        } else {
            self.set_operation(SetOp::Union, true, anchors)?
        };
        let mut columns = anchor.source_columns("", &cte.columns);
        columns.iter_mut().for_each(|column| column.value.nullable = true);
        check_column_names(&anchor, &cte.columns, name)?;
        let entry = CteEntry { name: name.clone(), sqlite_name: sqlite_name.to_owned(), columns, rows: None };
        self.ctes.push(entry);
        let mut texts = Vec::with_capacity(parts.len() + 1);
        anchor.items.push("0".to_owned());
        texts.push(anchor.render());
        for part in parts {
            texts.push(self.recursive_part(cte, part, &anchor, sqlite_name)?);
        }
        let mut names: Vec<String> = (1..=anchor.outputs.len()).map(|i| format!("c{i}")).collect();
        names.push("depth".to_owned());
        self.cte_texts.push(format!("{sqlite_name}({}) AS ({})", names.join(", "), texts.join(" UNION ALL ")));
        Ok(())
    }

    fn recursive_part(&mut self, cte: &Cte, part: &SetExpr, anchor: &Plan, sqlite_name: &str) -> SqlResult<String> {
        self.recursion = Some(Recursion { sqlite_name: sqlite_name.to_owned(), alias: None });
        let recursive = self.subquery(&plain_query(part.clone()));
        let alias = self.recursion.take().and_then(|recursion| recursion.alias);
        let mut recursive = recursive?;
        if recursive.outputs.len() != anchor.outputs.len() {
            return Err(unequal_columns());
        }
        for (i, (first, second)) in anchor.outputs.iter().zip(&recursive.outputs).enumerate() {
            if first.value.ty != second.value.ty && !second.value.is_null() {
                let column = cte.columns.get(i).unwrap_or(&first.name);
                return Err(SqlError::new(
                    240,
                    format!(
                        "Types don't match between the anchor and the recursive part in column \"{column}\" of recursive query \"{}\".",
                        cte.name
                    ),
                ));
            }
        }
        let Some(alias) = alias else {
            return Err(SqlError::unsupported("a recursive CTE that reads itself in a subquery"));
        };
        recursive.items.push(format!("ts_depth({alias}.depth, {})", self.max_recursion));
        Ok(recursive.render())
    }
}

/// A query of a body alone.
fn plain_query(body: SetExpr) -> Query {
    Query { ctes: Vec::new(), body, order_by: Vec::new(), offset: None, fetch: None, options: Vec::new() }
}

/// What a recursive part may not hold:
/// <https://learn.microsoft.com/sql/t-sql/queries/with-common-table-expression-transact-sql>.
fn check_recursive_part(part: &SetExpr, name: &str) -> SqlResult<()> {
    let SetExpr::Select(select) = part else { return Ok(()) };
    let refuse = |number: i32, what: &str| {
        let text = format!("{what} not allowed in the recursive part of a recursive common table expression '{name}'.");
        Err(SqlError::new(number, text))
    };
    if select.distinct {
        return refuse(460, "DISTINCT operator is");
    }
    if select.top.is_some() {
        return refuse(461, "The TOP or OFFSET operator is");
    }
    let aggregates = select.items.iter().any(|item| match item {
        SelectItem::Expr { expr, .. } => contains_aggregate(expr),
        _ => false,
    });
    if !select.group_by.is_empty() || select.having.is_some() || aggregates {
        return refuse(467, "GROUP BY, HAVING, or aggregate functions are");
    }
    if select.from.iter().any(|table| on_nullable_side(table, name)) {
        return refuse(462, "Outer join is");
    }
    Ok(())
}

/// True if an outer join may leave the name's row out.
fn on_nullable_side(table: &TableRef, name: &str) -> bool {
    let TableRef::Join { kind, left, right, .. } = table else { return false };
    let reads = super::from::reads;
    match kind {
        JoinKind::Left | JoinKind::OuterApply if reads(right, name) => return true,
        JoinKind::Right if reads(left, name) => return true,
        JoinKind::Full if reads(left, name) || reads(right, name) => return true,
        _ => {}
    }
    on_nullable_side(left, name) || on_nullable_side(right, name)
}

/// True if a query body reads from the name.
fn mentions(body: &SetExpr, name: &str) -> bool {
    match body {
        SetExpr::Select(select) => select.from.iter().any(|table| super::from::reads(table, name)),
        SetExpr::Query(query) => mentions(&query.body, name),
        SetExpr::SetOp { left, right, .. } => mentions(left, name) || mentions(right, name),
        SetExpr::Values(_) => false,
    }
}
