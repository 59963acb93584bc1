//! Table sources and joins.

use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::{JoinKind, ObjectName, SetExpr, TableRef};

use super::binder::{Binder, RowOrigin, Source, read_hints};
use super::meta::fill_template;
use super::select::{Plan, check_column_names};

impl Binder<'_> {
    /// `FROM a, b, …`; empty text without sources. The sources join the innermost frame.
    pub fn bind_from(&mut self, tables: &[TableRef]) -> SqlResult<String> {
        if tables.is_empty() {
            return Ok(String::new());
        }
        self.frame().inner_only = inner_only(tables);
        let mut parts = Vec::with_capacity(tables.len());
        for table in tables {
            let text = self.table_ref(table)?;
            let nested = matches!(table, TableRef::Join { .. }) && !parts.is_empty();
            parts.push(if nested { format!("({text})") } else { text });
        }
        Ok(format!(" FROM {}", parts.join(", ")))
    }

    /// One table source as SQLite text.
    pub fn table_ref(&mut self, table: &TableRef) -> SqlResult<String> {
        match table {
            TableRef::Table { name, alias, hints } => {
                let hinted = !hints.is_empty();
                let hints = read_hints(hints)?;
                if let Some(text) = self.cte_source(name, alias.as_deref())? {
                    return Ok(text);
                }
                if let Some(text) = self.view_source(name, alias.as_deref())? {
                    if hinted {
                        return Err(SqlError::unsupported("table hints on a view"));
                    }
                    return Ok(text);
                }
                let table = self.read_table(name)?;
                self.note_hints(&table, hints);
                let sqlite_alias = self.fresh_alias();
                let text = format!("{} AS {sqlite_alias}", table.sqlite_name);
                let shown = alias.clone().unwrap_or_else(|| super::scope::written(name));
                self.add_source(Source { shown, ..Source::of_table(&table, &sqlite_alias, alias.as_deref()) })?;
                Ok(text)
            }
            TableRef::Variable { name, alias } => {
                let name = ObjectName { name: name.clone(), ..ObjectName::default() };
                let table = self.read_table(&name)?;
                let sqlite_alias = self.fresh_alias();
                let text = format!("{} AS {sqlite_alias}", table.sqlite_name);
                self.add_source(Source::of_table(&table, &sqlite_alias, Some(alias.as_deref().unwrap_or(&name.name))))?;
                Ok(text)
            }
            TableRef::Function { name, arguments, alias } => {
                let table = self.scope.table_function(name, arguments)?;
                self.note_read(&table);
                let mut texts = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    texts.push(self.value(argument)?.sql);
                }
                let sqlite_alias = self.fresh_alias();
                let text = format!("{} AS {sqlite_alias}", fill_template(&table.sqlite_name, &texts));
                let exposed = alias.as_deref().unwrap_or(&name.name);
                self.add_source(Source::of_table(&table, &sqlite_alias, Some(exposed)))?;
                Ok(text)
            }
            TableRef::Derived { query, alias, columns } => {
                // A derived table does not see its siblings.
                let hidden = std::mem::take(&mut self.frame().sources);
                let plan = self.subquery(query);
                self.frame().sources = hidden;
                let mut plan = plan?;
                check_derived_columns(&plan, columns, alias)?;
                let sqlite_alias = self.fresh_alias();
                let rows = if self.changes_through(alias) { plan.expose_rows() } else { None };
                let rows = rows.map(|rows| RowOrigin { row_id: format!("{sqlite_alias}.{}", rows.row_id), ..rows });
                let text = format!("({}) AS {sqlite_alias}", plan.render());
                let columns = plan.source_columns(&sqlite_alias, columns);
                let small = matches!(query.body, SetExpr::Values(_));
                self.add_source(Source { small, rows, ..Source::of_rows(alias, sqlite_alias, columns) })?;
                Ok(text)
            }
            TableRef::Join { kind: kind @ (JoinKind::CrossApply | JoinKind::OuterApply), left, right, .. } => {
                self.apply(left, right, *kind == JoinKind::OuterApply)
            }
            TableRef::Join { kind, left, right, on } => {
                let first = self.frame().sources.len();
                let left_text = self.table_ref(left)?;
                let middle = self.frame().sources.len();
                let right_text = match **right {
                    TableRef::Join { .. } => format!("({})", self.table_ref(right)?),
                    _ => self.table_ref(right)?,
                };
                let last = self.frame().sources.len();
                let word = match kind {
                    JoinKind::Inner => "INNER JOIN",
                    JoinKind::Left => "LEFT JOIN",
                    JoinKind::Right => "RIGHT JOIN",
                    JoinKind::Full => "FULL JOIN",
                    // SQLite's CROSS JOIN would also fix the order of the loops.
                    JoinKind::Cross | JoinKind::CrossApply | JoinKind::OuterApply => "JOIN",
                };
                let on = match on {
                    Some(on) => format!(" ON {}", self.predicate(on)?),
                    None => String::new(),
                };
                let optional = match kind {
                    JoinKind::Left => middle..last,
                    JoinKind::Right => first..middle,
                    JoinKind::Full => first..last,
                    _ => 0..0,
                };
                for source in &mut self.frame().sources[optional] {
                    source.columns.iter_mut().for_each(|column| column.value.nullable = true);
                }
                Ok(format!("{left_text} {word} {right_text}{on}"))
            }
        }
    }

    /// A CTE by a bare name.
    fn cte_source(&mut self, name: &ObjectName, alias: Option<&str>) -> SqlResult<Option<String>> {
        if name.schema.is_some() || name.database.is_some() {
            return Ok(None);
        }
        let Some(entry) = self.ctes.iter().rev().find(|cte| cte.name.eq_ignore_ascii_case(&name.name)).cloned() else {
            return Ok(None);
        };
        let sqlite_alias = self.fresh_alias();
        if let Some(recursion) = self.recursion.as_mut().filter(|r| r.sqlite_name == entry.sqlite_name)
            && recursion.alias.replace(sqlite_alias.clone()).is_some()
        {
            return Err(SqlError::new(
                253,
                format!(
                    "Recursive member of a common table expression '{}' has multiple recursive references.",
                    name.name
                ),
            ));
        }
        let mut columns = entry.columns;
        for (i, column) in columns.iter_mut().enumerate() {
            column.value.sql = format!("{sqlite_alias}.c{}", i + 1);
        }
        let text = format!("{} AS {sqlite_alias}", entry.sqlite_name);
        let rows = entry.rows.map(|rows| RowOrigin { row_id: format!("{sqlite_alias}.{}", rows.row_id), ..rows });
        let exposed = alias.unwrap_or(&name.name);
        self.add_source(Source { rows, ..Source::of_rows(exposed, sqlite_alias, columns) })?;
        Ok(Some(text))
    }

    /// Adds a source to the innermost frame; error 1012 or 1011 for a name used twice.
    pub fn add_source(&mut self, source: Source) -> SqlResult<()> {
        let clash = self.frame().sources.iter().find(|seen| {
            seen.exposed.eq_ignore_ascii_case(&source.exposed)
                && match (&seen.schema, &source.schema) {
                    (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
                    (None, None) => true,
                    _ => false,
                }
        });
        if let Some(seen) = clash {
            let (name, first, second) = (&source.exposed, &seen.shown, &source.shown);
            return Err(if source.schema.is_none() {
                SqlError::new(
                    1011,
                    format!("The correlation name '{name}' is specified multiple times in a FROM clause."),
                )
                .severity(15)
            } else {
                SqlError::new(
                    1013,
                    format!("The objects \"{first}\" and \"{second}\" in the FROM clause have the same exposed names. Use correlation names to distinguish them."),
                )
                .severity(15)
            });
        }
        self.frame().sources.push(source);
        Ok(())
    }
}

/// Errors 8158, 8155 and 8156: a derived table's columns have names, as many as are listed.
pub(super) fn check_derived_columns(plan: &Plan, columns: &[String], alias: &str) -> SqlResult<()> {
    if !columns.is_empty() && columns.len() != plan.outputs.len() {
        let (number, more) = if columns.len() > plan.outputs.len() { (8159, "fewer") } else { (8158, "more") };
        return Err(SqlError::new(
            number,
            format!("'{alias}' has {more} columns than were specified in the column list."),
        ));
    }
    check_column_names(plan, columns, alias)
}

/// True if a `FROM` clause holds inner and cross joins only.
pub(super) fn inner_only(tables: &[TableRef]) -> bool {
    tables.iter().all(|table| match table {
        TableRef::Join { kind: JoinKind::Inner | JoinKind::Cross, left, right, .. } => {
            inner_only(std::slice::from_ref(left)) && inner_only(std::slice::from_ref(right))
        }
        TableRef::Join { .. } => false,
        _ => true,
    })
}

/// True if a table source reads from the name.
pub(super) fn reads(table: &TableRef, wanted: &str) -> bool {
    match table {
        TableRef::Table { name, .. } => name.schema.is_none() && name.name.eq_ignore_ascii_case(wanted),
        TableRef::Join { left, right, .. } => reads(left, wanted) || reads(right, wanted),
        TableRef::Derived { .. } | TableRef::Variable { .. } | TableRef::Function { .. } => false,
    }
}
