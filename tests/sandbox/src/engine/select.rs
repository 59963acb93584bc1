//! Queries: select lists, grouping, ordering, limits, set operations and common table expressions.

use crate::error::{SqlError, SqlResult};
use crate::session::ColumnMeta;
use crate::tsql::ast::{Expr, Literal, OrderItem, Query, Select, SelectItem, SetExpr, TableRef};

use super::binder::{Binder, Clause, Frame, Grouping, RowOrigin, SourceColumn};
use super::dml_change::row_id_name;
use super::expr_aggregate::contains_aggregate;
use super::meta::{Column, Table};
use super::typed::{Collation, Shape, Typed, cast};
use std::sync::Arc;

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
    pub items: Vec<String>,
    pub distinct: bool,
    /// `FROM …` to `HAVING …`, or a whole compound as `FROM (…)`.
    pub tail: String,
    pub order_by: String,
    pub limit: String,
    /// A `SELECT` without a source, or with only aggregates.
    pub at_most_one_row: bool,
    /// SQLite alias of the one table whose rows it shows one by one.
    pub row_of: Option<(String, Arc<Table>)>,
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

    /// Adds the row id of the table that it shows row by row; `None` if it is not such a query.
    pub fn expose_rows(&mut self) -> Option<RowOrigin> {
        let (alias, table) = self.row_of.clone()?;
        let columns = self
            .outputs
            .iter()
            .map(|output| {
                let of_table = |column: &Column| output.value.sql == format!("{alias}.{}", column.sqlite_name);
                table.columns.iter().position(of_table)
            })
            .collect();
        self.items.push(format!("{alias}.{}", row_id_name(&table)));
        Some(RowOrigin { table, row_id: format!("c{}", self.items.len()), columns, view: None })
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
        if query.body.first_select().is_some_and(|select| select.into.is_some()) && !self.frames.is_empty() {
            return Err(SqlError::new(156, "Incorrect syntax near the keyword 'INTO'.").severity(15));
        }
        self.nested += 1;
        let plan = self.query(query);
        self.nested -= 1;
        plan
    }

    /// Takes note of a statement's query hints, before anything that they apply to is bound.
    pub fn query_options(&mut self, options: &[String]) -> SqlResult<()> {
        for option in options {
            if let Some(levels) = check_query_option(option)? {
                self.max_recursion = levels;
            }
        }
        Ok(())
    }

    /// A query with everything around its body.
    pub fn query(&mut self, query: &Query) -> SqlResult<Plan> {
        self.query_options(&query.options)?;
        let visible = self.ctes.len();
        self.bind_ctes(&query.ctes)?;
        let plan = self.query_body(query);
        self.ctes.truncate(visible);
        self.check_sequence_query(query)?;
        plan
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
            if !plan.limit.is_empty() || has_top(&query.body) {
                return Err(SqlError::new(10741, "A TOP can not be used in the same query or sub-query as a OFFSET.")
                    .severity(15));
            }
            let offset = self.checked_count(offset, "ts_offset_count", 0)?;
            let fetch = match &query.fetch {
                Some(fetch) => self.checked_count(fetch, "ts_fetch_count", 1)?,
                None => "-1".to_owned(),
            };
            plan.limit = format!(" LIMIT {fetch} OFFSET {offset}");
            plan.at_most_one_row = false;
        }
        Ok(plan)
    }

    /// The plan in a form whose result columns can be converted without changing its rows or their order.
    pub fn detached(&mut self, plan: Plan) -> Plan {
        if plan.distinct || plan.is_ordered_or_limited() { self.as_derived(plan) } else { plan }
    }

    /// Wraps a plan as a derived table with the same columns.
    pub fn as_derived(&mut self, plan: Plan) -> Plan {
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
            row_of: None,
        }
    }

    /// One `SELECT` block with the `ORDER BY` that may refer to its sources.
    pub fn select(&mut self, select: &Select, order_by: &[OrderItem]) -> SqlResult<Plan> {
        if !select.grouping_sets.is_empty() {
            return self.grouping_sets(select, order_by);
        }
        self.frames.push(Frame::default());
        let plan = self.select_in_frame(select, order_by, None);
        self.frames.pop();
        plan
    }

    /// `set` says which of the `GROUP BY` expressions this is grouped by, if not all.
    pub fn select_in_frame(
        &mut self,
        select: &Select,
        order_by: &[OrderItem],
        set: Option<&Vec<usize>>,
    ) -> SqlResult<Plan> {
        let mut tail = self.bind_from(&select.from)?;
        if let Some(selection) = &select.selection {
            tail.push_str(&format!(" WHERE {}", self.predicate(selection)?));
        }
        let in_items = select.items.iter().any(|item| match item {
            SelectItem::Expr { expr, .. } => contains_aggregate(expr),
            _ => false,
        });
        let in_order = order_by.iter().any(|item| contains_aggregate(&item.expr));
        let grouped = !select.group_by.is_empty() || select.having.is_some() || in_items || in_order;
        for expr in &select.group_by {
            check_grouping_expression(expr)?;
        }
        if grouped {
            let mut grouping = Grouping::default();
            let mut keys = Vec::new();
            for (place, expr) in select.group_by.iter().enumerate() {
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
                if set.is_some_and(|set| !set.contains(&place)) {
                    let null = cast(Typed::null(), &key.ty, None).with_collation(key.collation);
                    grouping.absent.push((key.sql, Typed { shape: Shape::Other, ..null }));
                    continue;
                }
                keys.push(self.collated(&key)?);
                grouping.keys.push(key.sql);
            }
            if !keys.is_empty() {
                tail.push_str(&format!(" GROUP BY {}", keys.join(", ")));
            } else if !select.group_by.is_empty() && !in_items {
                // Nothing else tells SQLite that all rows are one group.
                tail.push_str(" GROUP BY NULL");
            }
            self.frame().grouping = Some(grouping);
        }
        self.frame().aggregates_allowed = true;
        if let Some(having) = &select.having {
            self.set_clause(Clause::Having);
            let having = self.predicate(having);
            self.set_clause(Clause::SelectList);
            let having = having?;
            // Without aggregates SQLite needs to be told that all rows are one group.
            let aggregates = in_items || select.having.as_ref().is_some_and(contains_aggregate);
            if select.group_by.is_empty() && !aggregates {
                tail.push_str(" GROUP BY NULL");
            }
            tail.push_str(&format!(" HAVING {having}"));
        }
        self.frame().windows_allowed = true;
        let outputs = self.select_items(&select.items)?;
        let items: Vec<String> = outputs
            .iter()
            .map(|o| if select.distinct { self.distinct_item(&o.value) } else { Ok(o.value.sql.clone()) })
            .collect::<SqlResult<_>>()?;
        let mut plan = Plan {
            outputs,
            items,
            distinct: select.distinct,
            tail,
            order_by: String::new(),
            limit: String::new(),
            at_most_one_row: select.group_by.is_empty() && (grouped || select.from.is_empty()),
            row_of: None,
        };
        if !grouped
            && !select.distinct
            && matches!(select.from.as_slice(), [TableRef::Table { .. } | TableRef::Variable { .. }])
        {
            let source = self.frame().sources.first().cloned();
            plan.row_of = source.and_then(|source| Some((source.alias, source.table?)));
        }
        if select.into.is_some()
            && (grouped || !matches!(select.from.as_slice(), [one] if !matches!(one, TableRef::Join { .. })))
        {
            // Only a plain query of one table hands on the identity property.
            plan.outputs.iter_mut().for_each(|output| output.identity = false);
        }
        if !order_by.is_empty() {
            self.set_clause(Clause::OrderBy);
            let order = self.order_by_select(order_by, &plan);
            self.set_clause(Clause::SelectList);
            plan.order_by = order?;
        }
        if let Some(top) = &select.top {
            if top.percent || top.with_ties {
                return self.ranked(plan, top, order_by);
            }
            plan.limit = self.top(top)?;
            plan.at_most_one_row |= matches!(&top.count, Expr::Literal(Literal::Integer(n)) if n == "1" || n == "0");
        }
        Ok(plan)
    }

    /// A result column of `SELECT DISTINCT`; error 421 for types that do not compare.
    pub fn distinct_item(&self, value: &Typed) -> SqlResult<String> {
        self.collated(value).map_err(|_| {
            let ty = super::type_rules::type_name(&value.ty);
            SqlError::new(
                421,
                format!("The {ty} data type cannot be selected as DISTINCT because it is not comparable."),
            )
        })
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
                SqlError::new(
                    107,
                    format!(
                        "The column prefix '{name}' does not match with a table name or alias name used in the query."
                    ),
                )
                .severity(15)
            });
        }
        let mut outputs = Vec::new();
        for column in sources.iter().flat_map(|source| &source.columns) {
            let grouping = self.frame().grouping.clone();
            if grouping.is_some_and(|g| !g.keys.contains(&column.value.sql)) {
                return self.column(std::slice::from_ref(&column.name)).map(|_| Vec::new());
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
            return Err(SqlError::new(
                8155,
                format!("No column name was specified for column {} of '{table}'.", i + 1),
            ));
        }
        let folded = name.to_lowercase();
        if seen.contains(&folded) {
            return Err(SqlError::new(
                8156,
                format!("The column '{name}' was specified multiple times for '{table}'."),
            ));
        }
        seen.push(folded);
    }
    Ok(())
}

/// Error 144.
fn check_grouping_expression(expr: &Expr) -> SqlResult<()> {
    if super::expr_walk::any(expr, &super::expr_walk::is_query) || contains_aggregate(expr) {
        return Err(SqlError::new(
            144,
            "Cannot use an aggregate or a subquery in an expression used for the group by list of a GROUP BY clause.",
        )
        .severity(15));
    }
    Ok(())
}

/// Error 205.
pub(super) fn unequal_columns() -> SqlError {
    SqlError::new(
        205,
        "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of expressions in their target lists.",
    )
}

/// Query hints that change nothing here pass; others are refused. `MAXRECURSION` gives its levels.
fn check_query_option(option: &str) -> SqlResult<Option<u32>> {
    let upper = option.to_ascii_uppercase();
    let harmless = [
        "RECOMPILE",
        "MAXDOP",
        "LOOP JOIN",
        "HASH JOIN",
        "MERGE JOIN",
        "FORCE ORDER",
        "OPTIMIZE",
        "FAST",
        "KEEP PLAN",
        "KEEPFIXED PLAN",
        "HASH GROUP",
        "ORDER GROUP",
        "CONCAT UNION",
        "HASH UNION",
        "MERGE UNION",
        "QUERYTRACEON",
        "LABEL",
    ];
    if let Some(levels) = upper.strip_prefix("MAXRECURSION").and_then(|rest| rest.trim().parse().ok()) {
        return Ok(Some(levels));
    }
    if harmless.iter().any(|known| upper.starts_with(known)) {
        return Ok(None);
    }
    Err(SqlError::unsupported(format!("query hint {option}")))
}
