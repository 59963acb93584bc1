//! Common table expressions, recursive ones too.

use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::{Cte, Query, SetExpr, SetOp};

use super::binder::{Binder, CteEntry, Recursion, SourceColumn};
use super::select::{check_column_names, unequal_columns};

impl Binder<'_> {
    /// Compiles `WITH` definitions into the statement's prefix.
    pub fn bind_ctes(&mut self, ctes: &[Cte]) -> SqlResult<()> {
        for cte in ctes {
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
            let (name, more) = (&cte.name, if cte.columns.len() > columns { "fewer" } else { "more" });
            Err(SqlError::new(8158, format!("'{name}' has {more} columns than were specified in the column list.")))
        };
        let entry =
            |columns: Vec<SourceColumn>| CteEntry { name: cte.name.clone(), sqlite_name: sqlite_name.clone(), columns };
        if let SetExpr::SetOp { op: SetOp::Union, all: true, left, right } = &cte.query.body
            && mentions(right, &cte.name)
        {
            return self.bind_recursive_cte(cte, left, right, &sqlite_name);
        }
        let plan = self.subquery(&cte.query)?;
        named(plan.outputs.len())?;
        check_column_names(&plan, &cte.columns, &cte.name)?;
        self.cte_texts.push(format!("{sqlite_name} AS ({})", plan.render()));
        let columns = plan.source_columns("", &cte.columns);
        self.ctes.push(entry(columns));
        Ok(())
    }

    /// `anchor UNION ALL recursive part`; more levels than `MAXRECURSION` are error 530.
    fn bind_recursive_cte(&mut self, cte: &Cte, left: &SetExpr, right: &SetExpr, sqlite_name: &str) -> SqlResult<()> {
        let body = |body: &SetExpr| Query {
            ctes: Vec::new(),
            body: body.clone(),
            order_by: Vec::new(),
            offset: None,
            fetch: None,
            options: Vec::new(),
        };
        let mut anchor = self.subquery(&body(left))?;
        let mut columns = anchor.source_columns("", &cte.columns);
        columns.iter_mut().for_each(|column| column.value.nullable = true);
        check_column_names(&anchor, &cte.columns, &cte.name)?;
        self.ctes.push(CteEntry { name: cte.name.clone(), sqlite_name: sqlite_name.to_owned(), columns });
        self.recursion = Some(Recursion { sqlite_name: sqlite_name.to_owned(), alias: None });
        let recursive = self.subquery(&body(right));
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
        let mut names: Vec<String> = (1..=anchor.outputs.len()).map(|i| format!("c{i}")).collect();
        names.push("depth".to_owned());
        anchor.items.push("0".to_owned());
        recursive.items.push(format!("ts_depth({alias}.depth, {})", self.max_recursion));
        self.cte_texts.push(format!(
            "{sqlite_name}({}) AS ({} UNION ALL {})",
            names.join(", "),
            anchor.render(),
            recursive.render()
        ));
        Ok(())
    }
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
