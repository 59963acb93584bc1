//! Queries: select lists, grouping, ordering, limits, set operations and common table expressions.

use crate::error::{SqlError, SqlResult};
use crate::session::ColumnMeta;
use crate::tsql::ast::{Cte, Expr, Literal, OrderItem, Query, Select, SelectItem, SetExpr, SetOp, Top};
use crate::types::{Datum, SqlType};

use super::binder::{Binder, CteEntry, Frame, Grouping, Recursion, SourceColumn};
use super::expr_aggregate::contains_aggregate;
use super::type_rules::is_text;
use super::typed::{Collation, Shape, Typed, coerce, shared_collation, shared_type};

/// A result column of a query.
#[derive(Debug, Clone)]
pub(super) struct OutputColumn {
    pub name: String,
    pub value: Typed,
    pub identity: bool,
    pub computed: bool,
}

/// A compiled query whose result columns can still be converted.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub outputs: Vec<OutputColumn>,
    /// SQLite text of each result column.
    items: Vec<String>,
    distinct: bool,
    /// `FROM …` to `HAVING …`, or a whole compound as `FROM (…)`.
    tail: String,
    order_by: String,
    limit: String,
    /// A `SELECT` without a source, or with only aggregates.
    pub at_most_one_row: bool,
}

impl Plan {
    /// SQLite text with result columns `c1`, `c2`, ….
    pub fn render(&self) -> String {
        let items: Vec<String> =
            self.items.iter().enumerate().map(|(i, item)| format!("{item} AS c{}", i + 1)).collect();
        let distinct = if self.distinct { "DISTINCT " } else { "" };
        format!("SELECT {distinct}{}{}{}{}", items.join(", "), self.tail, self.order_by, self.limit)
    }

    /// Puts another expression in place of a result column.
    pub fn replace_output(&mut self, index: usize, sql: String) {
        self.items[index] = sql;
    }

    /// Adds a column that is not a result of the query.
    pub fn add_item(&mut self, sql: String) {
        self.items.push(sql);
    }

    /// True if the rows come in a required order or are cut off.
    pub fn is_ordered_or_limited(&self) -> bool {
        !self.order_by.is_empty() || !self.limit.is_empty()
    }

    /// Column descriptions for the client.
    pub fn column_metas(&self) -> Vec<ColumnMeta> {
        self.outputs
            .iter()
            .map(|output| ColumnMeta {
                name: output.name.clone(),
                ty: output.value.ty,
                nullable: output.value.nullable,
                identity: output.identity,
                computed: output.computed,
            })
            .collect()
    }

    /// The columns as a table source of this alias offers them.
    pub fn source_columns(&self, alias: &str, names: &[String]) -> Vec<SourceColumn> {
        self.outputs
            .iter()
            .enumerate()
            .map(|(i, output)| SourceColumn {
                name: names.get(i).unwrap_or(&output.name).clone(),
                value: Typed {
                    sql: format!("{alias}.c{}", i + 1),
                    shape: Shape::Other,
                    collation: match &output.value.collation {
                        Collation::Explicit(name) => Collation::Implicit(name.clone()),
                        other => other.clone(),
                    },
                    ..output.value.clone()
                },
                identity: output.identity,
                computed: output.computed,
            })
            .collect()
    }
}

impl Binder<'_> {
    /// A query nested in another: its CTEs are not allowed, its `ORDER BY` needs a limit.
    pub fn subquery(&mut self, query: &Query) -> SqlResult<Plan> {
        if !query.order_by.is_empty() && query.offset.is_none() && !has_top(&query.body) {
            return Err(SqlError::new(
                1033,
                "The ORDER BY clause is invalid in views, inline functions, derived tables, subqueries, and common table expressions, unless TOP, OFFSET or FOR XML is also specified.",
            )
            .severity(15));
        }
        self.query(query)
    }

    /// A query with everything around its body.
    pub fn query(&mut self, query: &Query) -> SqlResult<Plan> {
        for option in &query.options {
            if let Some(levels) = check_query_option(option)? {
                self.max_recursion = levels;
            }
        }
        let visible = self.ctes.len();
        self.bind_ctes(&query.ctes)?;
        let plan = self.query_body(query);
        self.ctes.truncate(visible);
        plan
    }

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
        let entry = |columns: Vec<SourceColumn>| CteEntry { name: cte.name.clone(), sqlite_name: sqlite_name.clone(), columns };
        let plan = if let SetExpr::SetOp { op: SetOp::Union, all: true, left, right } = &cte.query.body {
            if mentions(right, &cte.name) {
                return self.bind_recursive_cte(cte, left, right, &sqlite_name);
            }
            self.subquery(&cte.query)?
        } else {
            self.subquery(&cte.query)?
        };
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

    fn query_body(&mut self, query: &Query) -> SqlResult<Plan> {
        let mut plan = match &query.body {
            SetExpr::Select(select) => self.select(select, &query.order_by)?,
            SetExpr::Query(inner) => {
                let plan = self.query(inner)?;
                if query.order_by.is_empty() && query.offset.is_none() {
                    return Ok(plan);
                }
                let mut plan = self.as_derived(plan);
                plan.order_by = self.order_by_outputs(&query.order_by, &plan)?;
                plan
            }
            other => {
                let mut plan = self.set_expr(other)?;
                plan.order_by = self.order_by_outputs(&query.order_by, &plan)?;
                plan
            }
        };
        if let Some(offset) = &query.offset {
            if !plan.limit.is_empty() {
                return Err(SqlError::new(10741, "A TOP can not be used in the same query or sub-query as a OFFSET.").severity(15));
            }
            let offset = self.row_count(offset)?;
            let fetch = match &query.fetch {
                Some(fetch) => self.row_count(fetch)?,
                None => "-1".to_owned(),
            };
            plan.limit = format!(" LIMIT {fetch} OFFSET {offset}");
            plan.at_most_one_row = false;
        }
        Ok(plan)
    }

    fn row_count(&mut self, expr: &Expr) -> SqlResult<String> {
        let count = self.value(expr)?;
        let count = coerce(count, &SqlType::BigInt)?;
        match constant_count(&count) {
            Some(count) if count >= 0 => Ok(count.to_string()),
            _ => Ok(format!("ts_row_count({})", count.sql)),
        }
    }

    /// The plan in a form whose result columns can be converted without changing its rows or their order.
    pub fn detached(&mut self, plan: Plan) -> Plan {
        if plan.distinct || plan.is_ordered_or_limited() { self.as_derived(plan) } else { plan }
    }

    /// Wraps a plan as a derived table with the same columns.
    fn as_derived(&mut self, plan: Plan) -> Plan {
        let alias = self.fresh_alias();
        let columns = plan.source_columns(&alias, &[]);
        let outputs: Vec<OutputColumn> = plan
            .outputs
            .iter()
            .zip(columns)
            .map(|(output, column)| OutputColumn { value: column.value, ..output.clone() })
            .collect();
        Plan {
            items: outputs.iter().map(|o| o.value.sql.clone()).collect(),
            outputs,
            distinct: false,
            tail: format!(" FROM ({}) AS {alias}", plan.render()),
            order_by: String::new(),
            limit: String::new(),
            at_most_one_row: plan.at_most_one_row,
        }
    }

    fn set_expr(&mut self, body: &SetExpr) -> SqlResult<Plan> {
        match body {
            SetExpr::Select(select) => self.select(select, &[]),
            SetExpr::Query(query) => self.subquery(query),
            SetExpr::Values(rows) => self.values(rows),
            SetExpr::SetOp { op, all, left, right } => self.set_operation(*op, *all, left, right),
        }
    }

    fn set_operation(&mut self, op: SetOp, all: bool, left: &SetExpr, right: &SetExpr) -> SqlResult<Plan> {
        if all && op != SetOp::Union {
            return Err(SqlError::unsupported("EXCEPT ALL and INTERSECT ALL"));
        }
        let mut left = self.set_expr(left)?;
        let mut right = self.set_expr(right)?;
        if left.outputs.len() != right.outputs.len() {
            return Err(unequal_columns());
        }
        if left.is_ordered_or_limited() {
            left = self.as_derived(left);
        }
        if right.is_ordered_or_limited() {
            right = self.as_derived(right);
        }
        let alias = self.fresh_alias();
        let mut outputs = Vec::with_capacity(left.outputs.len());
        for i in 0..left.outputs.len() {
            let (a, b) = (left.outputs[i].value.clone(), right.outputs[i].value.clone());
            let ty = shared_type([&a, &b]).unwrap_or(SqlType::Int);
            let collation = if is_text(&ty) { shared_collation(&a, &b) } else { Collation::Default };
            let nullable = a.nullable || b.nullable;
            for (plan, e) in [(&mut left, a), (&mut right, b)] {
                let converted = coerce(e, &ty)?.with_collation(collation.clone());
                let sql = if all { converted.sql } else { self.collated(&Typed { shape: Shape::Other, ..converted }) };
                plan.items[i] = sql;
            }
            outputs.push(OutputColumn {
                name: left.outputs[i].name.clone(),
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
        Ok(Plan {
            items: outputs.iter().map(|o| o.value.sql.clone()).collect(),
            outputs,
            distinct: false,
            tail: format!(" FROM ({} {word} {}) AS {alias}", left.render(), right.render()),
            order_by: String::new(),
            limit: String::new(),
            at_most_one_row: false,
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
                value: Typed::new(format!("{alias}.column{}", i + 1), ty, nullable)
                    .with_collation(if is_text(&ty) { collation } else { Collation::Default }),
                identity: false,
                computed: false,
            });
        }
        let rows: Vec<String> = compiled
            .iter()
            .map(|row| {
                let values: Vec<&str> = row.iter().map(|e| e.sql.as_str()).collect();
                format!("({})", values.join(", "))
            })
            .collect();
        Ok(Plan {
            items: outputs.iter().map(|o| o.value.sql.clone()).collect(),
            outputs,
            distinct: false,
            tail: format!(" FROM (VALUES {}) AS {alias}", rows.join(", ")),
            order_by: String::new(),
            limit: String::new(),
            at_most_one_row: rows.len() <= 1,
        })
    }

    /// One `SELECT` block with the `ORDER BY` that may refer to its sources.
    pub fn select(&mut self, select: &Select, order_by: &[OrderItem]) -> SqlResult<Plan> {
        self.frames.push(Frame::default());
        let plan = self.select_in_frame(select, order_by);
        self.frames.pop();
        plan
    }

    fn select_in_frame(&mut self, select: &Select, order_by: &[OrderItem]) -> SqlResult<Plan> {
        let mut tail = self.from_clause(&select.from)?;
        if let Some(selection) = &select.selection {
            tail.push_str(&format!(" WHERE {}", self.predicate(selection)?));
        }
        let in_items = select.items.iter().any(|item| match item {
            SelectItem::Expr { expr, .. } => contains_aggregate(expr),
            _ => false,
        });
        let in_order = order_by.iter().any(|item| contains_aggregate(&item.expr));
        let grouped = !select.group_by.is_empty() || select.having.is_some() || in_items || in_order;
        if grouped {
            let mut grouping = Grouping::default();
            let mut keys = Vec::new();
            for expr in &select.group_by {
                if matches!(expr, Expr::Literal(_)) {
                    return Err(SqlError::new(
                        164,
                        "Each GROUP BY expression must contain at least one column that is not an outer reference.",
                    )
                    .severity(15));
                }
                let mark = self.next_alias_mark();
                let key = self.value(expr)?;
                self.restore_alias_mark(mark);
                keys.push(self.collated(&key));
                grouping.keys.push(key.sql);
            }
            if !keys.is_empty() {
                tail.push_str(&format!(" GROUP BY {}", keys.join(", ")));
            }
            self.frame().grouping = Some(grouping);
        }
        self.frame().aggregates_allowed = true;
        if let Some(having) = &select.having {
            let having = self.predicate(having)?;
            // SQLite wants GROUP BY before HAVING; grouping by a constant of no ordinal meaning is one group or none.
            if select.group_by.is_empty() {
                tail.push_str(" GROUP BY NULL");
            }
            tail.push_str(&format!(" HAVING {having}"));
        }
        self.frame().windows_allowed = true;
        let outputs = self.select_items(&select.items)?;
        let items: Vec<String> = outputs
            .iter()
            .map(|o| if select.distinct { self.collated(&o.value) } else { o.value.sql.clone() })
            .collect();
        let mut plan = Plan {
            outputs,
            items,
            distinct: select.distinct,
            tail,
            order_by: String::new(),
            limit: String::new(),
            at_most_one_row: select.group_by.is_empty() && (grouped || select.from.is_empty()),
        };
        if !order_by.is_empty() {
            plan.order_by = self.order_by_select(order_by, &plan)?;
        }
        if let Some(top) = &select.top {
            plan.limit = self.top(top)?;
            plan.at_most_one_row |= matches!(&top.count, Expr::Literal(Literal::Integer(n)) if n == "1" || n == "0");
        }
        Ok(plan)
    }

    /// `TOP (n)` as a limit.
    pub fn top(&mut self, top: &Top) -> SqlResult<String> {
        if top.percent || top.with_ties {
            return Err(SqlError::unsupported("TOP … PERCENT and WITH TIES"));
        }
        Ok(format!(" LIMIT {}", self.row_count(&top.count)?))
    }

    /// Expands a select list.
    pub fn select_items(&mut self, items: &[SelectItem]) -> SqlResult<Vec<OutputColumn>> {
        let mut outputs = Vec::new();
        for item in items {
            match item {
                SelectItem::Star => {
                    let columns = self.star(&[])?;
                    outputs.extend(columns);
                }
                SelectItem::QualifiedStar(name) => {
                    let mut qualifier = Vec::new();
                    qualifier.extend(name.schema.clone());
                    qualifier.push(name.name.clone());
                    let columns = self.star(&qualifier)?;
                    outputs.extend(columns);
                }
                SelectItem::Expr { expr, alias } => {
                    let value = self.value(expr)?;
                    let written = match expr {
                        Expr::Column(parts) => parts.last().cloned(),
                        _ => None,
                    };
                    let (identity, computed) = self.column_flags(expr);
                    outputs.push(OutputColumn {
                        name: alias.clone().or(written).unwrap_or_default(),
                        value,
                        identity,
                        computed,
                    });
                }
            }
        }
        Ok(outputs)
    }

    /// Whether an expression is just an identity or computed column.
    fn column_flags(&self, expr: &Expr) -> (bool, bool) {
        let Expr::Column(parts) = expr else { return (false, false) };
        let Some((name, qualifier)) = parts.split_last() else { return (false, false) };
        let Some(frame) = self.frames.last() else { return (false, false) };
        frame
            .sources
            .iter()
            .filter(|source| source.answers_to(qualifier))
            .flat_map(|source| &source.columns)
            .find(|column| column.name.eq_ignore_ascii_case(name))
            .map_or((false, false), |column| (column.identity, column.computed))
    }

    fn star(&mut self, qualifier: &[String]) -> SqlResult<Vec<OutputColumn>> {
        let frame = self.frame();
        let sources: Vec<_> = frame.sources.iter().filter(|source| source.answers_to(qualifier)).cloned().collect();
        if sources.is_empty() {
            return Err(if qualifier.is_empty() {
                SqlError::new(263, "Must specify table to select from.")
            } else {
                let name = qualifier.join(".");
                SqlError::new(107, format!("The column prefix '{name}' does not match with a table name or alias name used in the query."))
                    .severity(15)
            });
        }
        let mut outputs = Vec::new();
        for column in sources.iter().flat_map(|source| &source.columns) {
            let grouping = self.frame().grouping.clone();
            if grouping.is_some_and(|g| !g.keys.contains(&column.value.sql)) {
                return self.column(&[column.name.clone()]).map(|_| Vec::new());
            }
            outputs.push(OutputColumn {
                name: column.name.clone(),
                value: column.value.clone(),
                identity: column.identity,
                computed: column.computed,
            });
        }
        Ok(outputs)
    }

    /// `ORDER BY` of a plain select: ordinal, alias, or any expression over the sources.
    fn order_by_select(&mut self, items: &[OrderItem], plan: &Plan) -> SqlResult<String> {
        let mut keys = Vec::with_capacity(items.len());
        for item in items {
            let by_output = output_position(&item.expr, plan)?;
            let key = match by_output {
                Some(position) => self.ordinal(position, plan),
                None => {
                    let value = self.value(&item.expr)?;
                    let position = plan.outputs.iter().position(|o| o.value.sql == value.sql);
                    match position {
                        Some(position) => self.ordinal(position, plan),
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
                                format!("A constant expression was encountered in the ORDER BY list, position {}.", keys.len() + 1),
                            ));
                        }
                        None => self.collated(&value),
                    }
                }
            };
            keys.push(format!("{key}{}", if item.descending { " DESC" } else { "" }));
        }
        Ok(format!(" ORDER BY {}", keys.join(", ")))
    }

    /// `ORDER BY` over a set operation: result columns only.
    fn order_by_outputs(&mut self, items: &[OrderItem], plan: &Plan) -> SqlResult<String> {
        if items.is_empty() {
            return Ok(String::new());
        }
        let mut keys = Vec::with_capacity(items.len());
        for item in items {
            let position = output_position(&item.expr, plan)?.ok_or_else(|| {
                SqlError::new(
                    104,
                    "ORDER BY items must appear in the select list if the statement contains a UNION, INTERSECT or EXCEPT operator.",
                )
            })?;
            keys.push(format!("{}{}", self.ordinal(position, plan), if item.descending { " DESC" } else { "" }));
        }
        Ok(format!(" ORDER BY {}", keys.join(", ")))
    }

    /// A result column by its place.
    fn ordinal(&self, position: usize, plan: &Plan) -> String {
        let value = &plan.outputs[position].value;
        let place = Typed { sql: (position + 1).to_string(), ..value.clone() };
        self.collated(&place)
    }
}

/// The result column that an `ORDER BY` item names by ordinal or alias.
fn output_position(expr: &Expr, plan: &Plan) -> SqlResult<Option<usize>> {
    match expr {
        Expr::Literal(Literal::Integer(text)) => match text.parse::<usize>() {
            Ok(n) if (1..=plan.outputs.len()).contains(&n) => Ok(Some(n - 1)),
            _ => Err(SqlError::new(
                108,
                format!("The ORDER BY position number {text} is out of range of the number of items in the select list."),
            )
            .severity(15)),
        },
        Expr::Column(parts) => match parts.as_slice() {
            [name] => Ok(plan.outputs.iter().position(|o| o.name.eq_ignore_ascii_case(name))),
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

fn has_top(body: &SetExpr) -> bool {
    matches!(body, SetExpr::Select(select) if select.top.is_some())
}

/// Columns of a derived table or CTE need names, each once.
pub(super) fn check_column_names(plan: &Plan, names: &[String], table: &str) -> SqlResult<()> {
    let mut seen: Vec<String> = Vec::new();
    for (i, output) in plan.outputs.iter().enumerate() {
        let name = names.get(i).unwrap_or(&output.name);
        if name.is_empty() {
            return Err(SqlError::new(8155, format!("No column name was specified for column {} of '{table}'.", i + 1)));
        }
        let folded = name.to_lowercase();
        if seen.contains(&folded) {
            return Err(SqlError::new(8156, format!("The column '{name}' was specified multiple times for '{table}'.")));
        }
        seen.push(folded);
    }
    Ok(())
}

fn unequal_columns() -> SqlError {
    SqlError::new(
        205,
        "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of expressions in their target lists.",
    )
}

/// Query hints that change nothing here pass; others are refused. `MAXRECURSION` gives its levels.
fn check_query_option(option: &str) -> SqlResult<Option<u32>> {
    let upper = option.to_ascii_uppercase();
    let harmless = [
        "RECOMPILE", "MAXDOP", "LOOP JOIN", "HASH JOIN", "MERGE JOIN", "FORCE ORDER", "OPTIMIZE", "FAST", "KEEP PLAN",
        "KEEPFIXED PLAN", "HASH GROUP", "ORDER GROUP", "CONCAT UNION", "HASH UNION", "MERGE UNION", "QUERYTRACEON", "LABEL",
    ];
    if let Some(levels) = upper.strip_prefix("MAXRECURSION").and_then(|rest| rest.trim().parse().ok()) {
        return Ok(Some(levels));
    }
    if harmless.iter().any(|known| upper.starts_with(known)) {
        return Ok(None);
    }
    Err(SqlError::unsupported(format!("query hint {option}")))
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

/// The value of a constant row count, where it is one.
pub(super) fn constant_count(value: &Typed) -> Option<i64> {
    match value.shape {
        Shape::Constant(Datum::Int(v)) => Some(i64::from(v)),
        Shape::Constant(Datum::BigInt(v)) => Some(v),
        _ => None,
    }
}
