//! `UPDATE` and `DELETE`, with and without a `FROM` clause.
//!
//! Without one they are SQLite's own statements. An `UPDATE … FROM` of inner joins becomes SQLite's `UPDATE … FROM`, whose loops
//! the planner orders and which changes a row once however many source rows match it, as SQL Server does. Everything else goes by
//! the set of row ids that the join finds.

use std::sync::Arc;

use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::{Delete, Expr, ObjectName, TableRef, Top, Update};
use crate::types::SqlType;

use super::binder::{Binder, Frame, Source};
use super::compile::default_to_sqlite;
use super::compiled::{CompiledDml, DmlKind, NewRows};
use super::dml::{column_index, full_name, not_modifiable, output_clause, with_outputs, writable};
use super::from::inner_only;
use super::meta::{Scope, Table};
use super::typed::assign;

/// A `FROM` tree of inner joins, taken apart.
#[derive(Default)]
struct Flat {
    /// Source texts other than the target's.
    sources: Vec<String>,
    /// `ON` conditions.
    conditions: Vec<String>,
    /// The target was met.
    found: bool,
}

/// The target of an `UPDATE` or `DELETE`.
struct Target {
    table: Arc<Table>,
    /// Name by which the `FROM` clause knows it, if it is there.
    exposed: Option<String>,
}

/// An `UPDATE` taken apart.
struct Changes {
    /// SQLite alias of the target.
    alias: String,
    /// Position and new stored value of each assigned column.
    assignments: Vec<(usize, String)>,
    /// Source texts other than the target's.
    sources: Vec<String>,
    /// The `WHERE` clause, or empty.
    filter: String,
}

/// Compiles an `UPDATE`.
pub fn compile_update(update: &Update, scope: &dyn Scope) -> SqlResult<CompiledDml> {
    let mut binder = Binder::new(scope);
    binder.hints(&update.hints)?;
    binder.bind_ctes(&update.ctes)?;
    let target = find_target(&binder, &update.target, &update.from, scope)?;
    let table = target.table.clone();
    binder.note_read(&table);
    binder.frames.push(Frame::default());
    let changes = if inner_only(&update.from) && update.top.is_none() {
        update_from_inner_joins(&mut binder, update, &target, scope)?
    } else if update.from.is_empty() {
        update_top(&mut binder, update, &target, scope)?
    } else {
        update_by_row_id(&mut binder, update, &target, scope)?
    };
    let prefix = binder.with_prefix();
    let (returning, outputs, output_into) =
        output_clause(&mut binder, update.output.as_ref(), &[("inserted", &table)], scope)?;
    let new_rows = changes.new_rows(&table, &prefix, &returning);
    let statement = with_outputs(binder.finish(format!("{prefix}{}{returning}", changes.statement(&table))), &outputs);
    Ok(CompiledDml { kind: DmlKind::Update, target: table, statement, output_into, new_rows: Some(new_rows) })
}

impl Changes {
    /// The `UPDATE` itself.
    fn statement(&self, table: &Table) -> String {
        let set: Vec<String> = self
            .assignments
            .iter()
            .map(|(position, value)| format!("{} = {value}", table.columns[*position].sqlite_name))
            .collect();
        let from = if self.sources.is_empty() { String::new() } else { format!(" FROM {}", self.sources.join(", ")) };
        format!("UPDATE {} AS {} SET {}{from}{}", table.sqlite_name, self.alias, set.join(", "), self.filter)
    }

    /// The same change as rows to put in the place of the old ones.
    fn new_rows(&self, table: &Table, prefix: &str, returning: &str) -> NewRows {
        let stored: Vec<usize> = (0..table.columns.len()).filter(|&i| table.columns[i].computed.is_none()).collect();
        let assigned: Vec<usize> = self.assignments.iter().map(|(position, _)| *position).collect();
        let row_id = row_id_name(table);
        let alias = &self.alias;
        let old = |position: usize| format!("{alias}.{}", table.columns[position].sqlite_name);
        let mut names = vec!["row_id".to_owned()];
        let mut values = vec![format!("{alias}.{row_id}")];
        for &position in &stored {
            let assignment = self.assignments.iter().find(|(assigned, _)| *assigned == position);
            names.push(NewRows::new_value(position));
            values.push(assignment.map_or_else(|| old(position), |(_, value)| value.clone()));
        }
        for &position in &assigned {
            names.push(NewRows::old_value(position));
            values.push(old(position));
        }
        let mut sources = vec![format!("{} AS {alias}", table.sqlite_name)];
        sources.extend(self.sources.iter().cloned());
        let (staging, target) = (NewRows::TABLE, &table.sqlite_name);
        NewRows {
            row_id,
            // A row that several source rows match is changed once.
            fill: format!(
                "{prefix}INSERT OR IGNORE INTO {staging}({}) SELECT {} FROM {}{}",
                names.join(", "),
                values.join(", "),
                sources.join(", "),
                self.filter
            ),
            output: returning
                .strip_prefix(" RETURNING ")
                .map(|items| format!("SELECT {items} FROM {target} WHERE {row_id} IN (SELECT row_id FROM {staging})")),
            names,
            stored,
            assigned,
        }
    }
}

/// Compiles a `DELETE`.
pub fn compile_delete(delete: &Delete, scope: &dyn Scope) -> SqlResult<CompiledDml> {
    let mut binder = Binder::new(scope);
    binder.hints(&delete.hints)?;
    binder.bind_ctes(&delete.ctes)?;
    let target = find_target(&binder, &delete.target, &delete.from, scope)?;
    let table = target.table.clone();
    binder.note_read(&table);
    binder.frames.push(Frame::default());
    let body = if delete.from.is_empty() && delete.top.is_none() {
        let alias = binder.fresh_alias();
        binder.add_source(Source::of_table(&table, &alias, None))?;
        let filter = where_clause(&mut binder, Vec::new(), delete.selection.as_ref())?;
        format!("DELETE FROM {} AS {alias}{filter}", table.sqlite_name)
    } else {
        let found =
            matching_row_ids(&mut binder, &target, &delete.from, delete.selection.as_ref(), delete.top.as_ref())?;
        let outer = binder.fresh_alias();
        let row_id = row_id_name(&table);
        format!("DELETE FROM {} AS {outer} WHERE {outer}.{row_id} IN ({found})", table.sqlite_name)
    };
    let (returning, outputs, output_into) =
        output_clause(&mut binder, delete.output.as_ref(), &[("deleted", &table)], scope)?;
    let sql = format!("{}{body}{returning}", binder.with_prefix());
    let statement = with_outputs(binder.finish(sql), &outputs);
    Ok(CompiledDml { kind: DmlKind::Delete, target: table, statement, output_into, new_rows: None })
}

/// The name of the row id that no column hides.
fn row_id_name(table: &Table) -> &'static str {
    ["rowid", "_rowid_", "oid"]
        .into_iter()
        .find(|name| !table.columns.iter().any(|column| column.name.eq_ignore_ascii_case(name)))
        .unwrap_or("rowid")
}

/// The target by alias or name in `FROM`, else as a table.
fn find_target(binder: &Binder<'_>, name: &ObjectName, from: &[TableRef], scope: &dyn Scope) -> SqlResult<Target> {
    let mut leaves = Vec::new();
    from.iter().for_each(|table| collect_leaves(table, &mut leaves));
    if name.schema.is_none() && name.database.is_none() {
        for (table, alias) in &leaves {
            if alias.as_ref().is_some_and(|alias| alias.eq_ignore_ascii_case(&name.name)) {
                let table = writable(scope.table(table)?)?;
                return Ok(Target { table, exposed: Some(name.name.clone()) });
            }
        }
        if binder.ctes.iter().any(|cte| cte.name.eq_ignore_ascii_case(&name.name)) {
            return Err(SqlError::unsupported("UPDATE or DELETE through a common table expression"));
        }
    }
    let table = writable(scope.table(name)?)?;
    // A table named again in FROM without an alias is the same one.
    let mut exposed = None;
    for (other, alias) in &leaves {
        if other.name.eq_ignore_ascii_case(&name.name)
            && scope.table(other).is_ok_and(|t| t.sqlite_name == table.sqlite_name)
        {
            match alias {
                None => exposed = Some(other.name.clone()),
                Some(alias) if exposed.is_none() => exposed = Some(alias.clone()),
                Some(_) => {}
            }
        }
    }
    Ok(Target { table, exposed })
}

fn collect_leaves(table: &TableRef, leaves: &mut Vec<(ObjectName, Option<String>)>) {
    match table {
        TableRef::Table { name, alias, .. } => leaves.push((name.clone(), alias.clone())),
        TableRef::Variable { name, alias } => {
            leaves.push((ObjectName { name: name.clone(), ..ObjectName::default() }, alias.clone()));
        }
        TableRef::Join { left, right, .. } => {
            collect_leaves(left, leaves);
            collect_leaves(right, leaves);
        }
        TableRef::Derived { .. } | TableRef::Function { .. } => {}
    }
}

/// True if a leaf of the `FROM` tree is the target.
fn is_target(table: &TableRef, exposed: Option<&str>) -> bool {
    let Some(exposed) = exposed else { return false };
    match table {
        TableRef::Table { name, alias, .. } => alias.as_ref().unwrap_or(&name.name).eq_ignore_ascii_case(exposed),
        TableRef::Variable { name, alias } => alias.as_ref().unwrap_or(name).eq_ignore_ascii_case(exposed),
        _ => false,
    }
}

impl Flat {
    /// Binds the sources in their order; the target under its own alias.
    fn bind(&mut self, binder: &mut Binder<'_>, table: &TableRef, target: &Target, alias: &str) -> SqlResult<()> {
        if is_target(table, target.exposed.as_deref()) && !self.found {
            self.found = true;
            if let TableRef::Table { hints, .. } = table {
                binder.hints(hints)?;
            }
            return binder.add_source(Source::of_table(&target.table, alias, target.exposed.as_deref()));
        }
        match table {
            TableRef::Join { left, right, on, .. } => {
                self.bind(binder, left, target, alias)?;
                self.bind(binder, right, target, alias)?;
                if let Some(on) = on {
                    self.conditions.push(binder.predicate(on)?);
                }
            }
            leaf => self.sources.push(binder.table_ref(leaf)?),
        }
        Ok(())
    }
}

fn where_clause(binder: &mut Binder<'_>, mut conditions: Vec<String>, selection: Option<&Expr>) -> SqlResult<String> {
    if let Some(selection) = selection {
        conditions.push(binder.predicate(selection)?);
    }
    Ok(if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) })
}

/// Column position and stored value of each assignment.
fn assignments(
    binder: &mut Binder<'_>,
    update: &Update,
    table: &Arc<Table>,
    scope: &dyn Scope,
) -> SqlResult<Vec<(usize, String)>> {
    let mut seen = Vec::new();
    let mut result = Vec::with_capacity(update.assignments.len());
    for (name, expr) in &update.assignments {
        if name.name.starts_with('@') {
            return Err(SqlError::unsupported("UPDATE that assigns a variable"));
        }
        let index = column_index(table, &name.name)?;
        let column = &table.columns[index];
        if seen.contains(&index) {
            return Err(SqlError::new(
                264,
                format!(
                    "The column name '{}' is specified more than once in the SET clause or column list of an INSERT. A column cannot be assigned more than one value in the same clause. Modify the clause to make sure that a column is updated only once. If this statement updates or inserts columns into a view, column aliasing can conceal the duplication in your code.",
                    column.name
                ),
            ));
        }
        seen.push(index);
        if column.identity.is_some() {
            return Err(SqlError::new(8102, format!("Cannot update identity column '{}'.", column.name)));
        }
        if column.computed.is_some() {
            return Err(not_modifiable(&column.name));
        }
        if column.ty == SqlType::RowVersion {
            return Err(SqlError::new(272, "Cannot update a timestamp column."));
        }
        let stored = match expr {
            Some(expr) => {
                let value = binder.value(expr)?;
                assign(value, &column.ty, &full_name(table), &column.name)?.sql
            }
            None => match &column.default {
                Some(text) => default_to_sqlite(text, column, scope)?,
                None => "NULL".to_owned(),
            },
        };
        result.push((index, stored));
    }
    if let Some(version) = table.columns.iter().position(|column| column.ty == SqlType::RowVersion) {
        result.push((version, super::rowversion::next(table)));
    }
    Ok(result)
}

fn update_from_inner_joins(
    binder: &mut Binder<'_>,
    update: &Update,
    target: &Target,
    scope: &dyn Scope,
) -> SqlResult<Changes> {
    let alias = binder.fresh_alias();
    let mut flat = Flat::default();
    binder.frame().inner_only = true;
    if target.exposed.is_none() {
        binder.add_source(Source::of_table(&target.table, &alias, None))?;
    }
    for table in &update.from {
        flat.bind(binder, table, target, &alias)?;
    }
    let assignments = assignments(binder, update, &target.table, scope)?;
    let filter = where_clause(binder, flat.conditions, update.selection.as_ref())?;
    Ok(Changes { alias, assignments, sources: flat.sources, filter })
}

/// `UPDATE TOP (n)` of one table.
fn update_top(binder: &mut Binder<'_>, update: &Update, target: &Target, scope: &dyn Scope) -> SqlResult<Changes> {
    let table = &target.table;
    let found = matching_row_ids(binder, target, &[], update.selection.as_ref(), update.top.as_ref())?;
    binder.frame().sources.clear();
    let alias = binder.fresh_alias();
    binder.add_source(Source::of_table(table, &alias, None))?;
    let assignments = assignments(binder, update, table, scope)?;
    let filter = format!(" WHERE {alias}.{} IN ({found})", row_id_name(table));
    Ok(Changes { alias, assignments, sources: Vec::new(), filter })
}

/// `UPDATE … FROM` with outer joins: the join computes row ids and new values.
fn update_by_row_id(
    binder: &mut Binder<'_>,
    update: &Update,
    target: &Target,
    scope: &dyn Scope,
) -> SqlResult<Changes> {
    if update.top.is_some() {
        return Err(SqlError::unsupported("UPDATE TOP with a FROM clause"));
    }
    let table = &target.table;
    let from = binder.bind_from(&update.from)?;
    let inner = target_alias(binder, target)?;
    let set = assignments(binder, update, table, scope)?;
    let filter =
        where_clause(binder, vec![format!("{inner}.{} IS NOT NULL", row_id_name(table))], update.selection.as_ref())?;
    let (outer, join) = (binder.fresh_alias(), binder.fresh_alias());
    let row_id = row_id_name(table);
    let values: Vec<String> = set.iter().enumerate().map(|(i, (_, value))| format!("{value} AS c{}", i + 1)).collect();
    let source = format!("(SELECT {inner}.{row_id} AS target_row, {}{from}{filter}) AS {join}", values.join(", "));
    let assignments =
        set.into_iter().enumerate().map(|(i, (position, _))| (position, format!("{join}.c{}", i + 1))).collect();
    let filter = format!(" WHERE {outer}.{row_id} = {join}.target_row");
    Ok(Changes { alias: outer, assignments, sources: vec![source], filter })
}

/// SQLite alias under which the `FROM` clause holds the target.
fn target_alias(binder: &mut Binder<'_>, target: &Target) -> SqlResult<String> {
    let exposed = target.exposed.clone().unwrap_or_else(|| target.table.name.clone());
    binder
        .frame()
        .sources
        .iter()
        .find(|source| source.exposed.eq_ignore_ascii_case(&exposed) && source.table.is_some())
        .map(|source| source.alias.clone())
        .ok_or_else(|| SqlError::unsupported("a target that its FROM clause does not name, with outer joins"))
}

/// `SELECT rowid FROM … WHERE …` over the target's rows that a statement changes.
fn matching_row_ids(
    binder: &mut Binder<'_>,
    target: &Target,
    from: &[TableRef],
    selection: Option<&Expr>,
    top: Option<&Top>,
) -> SqlResult<String> {
    let table = &target.table;
    let (text, alias) = if target.exposed.is_none() {
        let alias = binder.fresh_alias();
        binder.add_source(Source::of_table(table, &alias, None))?;
        let rest = binder.bind_from(from)?;
        let rest = rest.strip_prefix(" FROM ").map_or_else(String::new, |rest| format!(", {rest}"));
        (format!(" FROM {} AS {alias}{rest}", table.sqlite_name), alias)
    } else {
        let text = binder.bind_from(from)?;
        (text, target_alias(binder, target)?)
    };
    let filter = where_clause(binder, Vec::new(), selection)?;
    let row_id = row_id_name(table);
    let (distinct, limit) = match top {
        Some(top) => ("DISTINCT ", binder.top(top)?),
        None => ("", String::new()),
    };
    Ok(format!("SELECT {distinct}{alias}.{row_id}{text}{filter}{limit}"))
}
