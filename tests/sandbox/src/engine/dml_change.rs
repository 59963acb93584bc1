//! `UPDATE` and `DELETE`, with and without a `FROM` clause.
//!
//! Without one they are SQLite's own statements. An `UPDATE … FROM` of inner joins becomes SQLite's `UPDATE … FROM`, whose loops
//! the planner orders and which changes a row once however many source rows match it, as SQL Server does. Everything else goes by
//! the set of row ids that the join finds.

use std::sync::Arc;

use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::{Cte, Delete, Expr, ObjectName, TableRef, Top, Update};
use crate::types::SqlType;

use super::binder::{Binder, Frame, Source};
use super::compile::default_to_sqlite;
use super::compiled::{CompiledDml, DmlKind, NewRows};
use super::dml::{column_index, full_name, image, not_modifiable, output_clause, outputs_more_than, writable};
use super::dml_staged::{stage_delete, stage_update};
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
pub(super) struct Target {
    pub table: Arc<Table>,
    /// Name by which the `FROM` clause knows it, if it is there.
    pub exposed: Option<String>,
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
    binder.changed_through = changed_through(&update.target, &update.from, &update.ctes, scope)?;
    binder.bind_ctes(&update.ctes)?;
    let limited = update.top.as_ref().is_some_and(|top| top.percent || !update.from.is_empty());
    // SQLite computes new values row by row, so that a subquery would see the rows that are changed already.
    let asks = update.assignments.iter().filter_map(|(_, expr)| expr.as_ref());
    let asks = asks.into_iter().any(|expr| super::expr_walk::any(expr, &super::expr_walk::is_query));
    if binder.changed_through.is_some()
        || asks
        || limited
        || !update.variables.is_empty()
        || outputs_more_than(update.output.as_ref(), "inserted")
    {
        return stage_update(binder, update, scope);
    }
    let target = find_target(&update.target, &update.from, scope)?;
    let table = target.table.clone();
    let exposed = target.exposed.as_deref().unwrap_or(&table.name);
    check_qualifiers(&update.assignments, &[&update.target.name, exposed, &table.name])?;
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
    let output = output_clause(&mut binder, update.output.as_ref(), vec![image("inserted", &table)], scope)?;
    let returning = output.returning();
    let new_rows = changes.new_rows(&table, &prefix, &returning);
    let statement = output.describe(binder.finish(format!("{prefix}{}{returning}", changes.statement(&table))));
    Ok(CompiledDml {
        kind: DmlKind::Update,
        target: table,
        through: None,
        statement,
        output_into: output.into,
        staged: None,
        new_rows: Some(new_rows),
    })
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
            source: staging.to_owned(),
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
    binder.changed_through = changed_through(&delete.target, &delete.from, &delete.ctes, scope)?;
    binder.bind_ctes(&delete.ctes)?;
    let percent = delete.top.as_ref().is_some_and(|top| top.percent);
    if binder.changed_through.is_some() || percent || outputs_more_than(delete.output.as_ref(), "deleted") {
        return stage_delete(binder, delete, scope);
    }
    let target = find_target(&delete.target, &delete.from, scope)?;
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
    let output = output_clause(&mut binder, delete.output.as_ref(), vec![image("deleted", &table)], scope)?;
    let sql = format!("{}{body}{}", binder.with_prefix(), output.returning());
    let statement = output.describe(binder.finish(sql));
    Ok(CompiledDml {
        kind: DmlKind::Delete,
        target: table,
        through: None,
        statement,
        output_into: output.into,
        staged: None,
        new_rows: None,
    })
}

/// The name of the row id that no column hides.
pub(super) fn row_id_name(table: &Table) -> &'static str {
    ["rowid", "_rowid_", "oid"]
        .into_iter()
        .find(|name| !table.columns.iter().any(|column| column.name.eq_ignore_ascii_case(name)))
        .unwrap_or("rowid")
}

/// The target by alias or name in `FROM`, else as a table.
pub(super) fn find_target(name: &ObjectName, from: &[TableRef], scope: &dyn Scope) -> SqlResult<Target> {
    let mut leaves = Vec::new();
    from.iter().for_each(|table| collect_leaves(table, &mut leaves));
    if name.schema.is_none() && name.database.is_none() {
        for (table, alias) in &leaves {
            if alias.as_ref().is_some_and(|alias| alias.eq_ignore_ascii_case(&name.name)) {
                let table = writable(scope.table(table)?)?;
                return Ok(Target { table, exposed: Some(name.name.clone()) });
            }
        }
    }
    let table = writable(scope.table(name)?)?;
    // A table named again in FROM without an alias is the same one.
    let mut exposed = None;
    let mut aliases = 0;
    for (other, alias) in &leaves {
        if other.name.eq_ignore_ascii_case(&name.name)
            && scope.table(other).is_ok_and(|t| t.sqlite_name == table.sqlite_name)
        {
            match alias {
                None => exposed = Some(other.name.clone()),
                Some(alias) => {
                    aliases += 1;
                    exposed = exposed.or_else(|| Some(alias.clone()));
                }
            }
        }
    }
    let named = leaves.iter().any(|(_, alias)| alias.is_none() && exposed.is_some());
    if aliases > 1 && !named {
        return Err(SqlError::new(8154, format!("The table '{}' is ambiguous.", super::scope::written(name))));
    }
    Ok(Target { table, exposed })
}

/// The view, common table expression or derived table that the target's name stands for.
fn changed_through(name: &ObjectName, from: &[TableRef], ctes: &[Cte], scope: &dyn Scope) -> SqlResult<Option<String>> {
    if let Some(found) = changed_query(name, from, ctes) {
        return Ok(Some(found));
    }
    let mut leaves = Vec::new();
    from.iter().for_each(|table| collect_leaves(table, &mut leaves));
    let aliased = leaves.into_iter().find(|(_, alias)| {
        name.schema.is_none() && alias.as_ref().is_some_and(|alias| alias.eq_ignore_ascii_case(&name.name))
    });
    let view = match aliased {
        Some((table, _)) => scope.view(&table)?,
        None => scope.view(name)?,
    };
    Ok(view.map(|_| name.name.clone()))
}

fn changed_query(name: &ObjectName, from: &[TableRef], ctes: &[Cte]) -> Option<String> {
    if name.schema.is_some() || name.database.is_some() {
        return None;
    }
    let cte = |wanted: &str| ctes.iter().find(|cte| cte.name.eq_ignore_ascii_case(wanted)).map(|cte| cte.name.clone());
    fn derived(table: &TableRef, wanted: &str) -> Option<String> {
        match table {
            TableRef::Derived { alias, .. } => alias.eq_ignore_ascii_case(wanted).then(|| alias.clone()),
            TableRef::Join { left, right, .. } => derived(left, wanted).or_else(|| derived(right, wanted)),
            _ => None,
        }
    }
    let mut leaves = Vec::new();
    from.iter().for_each(|table| collect_leaves(table, &mut leaves));
    let aliased = leaves.iter().find(|(_, alias)| alias.as_ref().is_some_and(|a| a.eq_ignore_ascii_case(&name.name)));
    match aliased {
        Some((table, _)) if table.schema.is_none() && table.database.is_none() => cte(&table.name),
        Some(_) => None,
        None => from.iter().find_map(|table| derived(table, &name.name)).or_else(|| cte(&name.name)),
    }
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

pub(super) fn where_clause(
    binder: &mut Binder<'_>,
    mut conditions: Vec<String>,
    selection: Option<&Expr>,
) -> SqlResult<String> {
    if let Some(selection) = selection {
        conditions.push(binder.predicate(selection)?);
    }
    Ok(if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) })
}

fn assignments(
    binder: &mut Binder<'_>,
    update: &Update,
    table: &Arc<Table>,
    scope: &dyn Scope,
) -> SqlResult<Vec<(usize, String)>> {
    binder.assigning = true;
    let assigned = assigned_values(binder, &update.assignments, table, &|name| column_index(table, name), scope);
    binder.assigning = false;
    assigned
}

/// Error 4104: a `SET` list names columns of the target only.
pub(super) fn check_qualifiers(assignments: &[(ObjectName, Option<Expr>)], targets: &[&str]) -> SqlResult<()> {
    let stranger = |name: &&ObjectName| {
        name.schema.as_ref().is_some_and(|table| !targets.iter().any(|target| target.eq_ignore_ascii_case(table)))
    };
    match assignments.iter().map(|(name, _)| name).find(stranger) {
        None => Ok(()),
        Some(name) => {
            let shown = super::scope::written(name);
            Err(SqlError::new(4104, format!("The multi-part identifier \"{shown}\" could not be bound.")))
        }
    }
}

/// Column position and stored value of each assignment.
pub(super) fn assigned_values(
    binder: &mut Binder<'_>,
    assignments: &[(ObjectName, Option<Expr>)],
    table: &Arc<Table>,
    find: &dyn Fn(&str) -> SqlResult<usize>,
    scope: &dyn Scope,
) -> SqlResult<Vec<(usize, String)>> {
    let (mut seen, mut defaults) = (Vec::new(), Vec::new());
    let mut result = Vec::with_capacity(assignments.len());
    for (name, expr) in assignments {
        let index = find(&name.name)?;
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
                Some(text) => {
                    defaults.push(text.as_str());
                    default_to_sqlite(text, column, scope)?
                }
                None => "NULL".to_owned(),
            },
        };
        result.push((index, stored));
    }
    super::sequences::refuse_second_value(&binder.sequences, defaults, scope)?;
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
pub(super) fn target_alias(binder: &mut Binder<'_>, target: &Target) -> SqlResult<String> {
    let exposed = target.exposed.clone().unwrap_or_else(|| target.table.name.clone());
    binder
        .frame()
        .sources
        .iter()
        .find(|source| source.exposed.eq_ignore_ascii_case(&exposed) && source.table.is_some())
        .map(|source| source.alias.clone())
        .ok_or_else(|| SqlError::unsupported("a target that its FROM clause does not name, with outer joins"))
}

/// Binds the target with the `FROM` clause: the whole `FROM` text, and the target's SQLite alias in it.
pub(super) fn bind_target(binder: &mut Binder<'_>, target: &Target, from: &[TableRef]) -> SqlResult<(String, String)> {
    if target.exposed.is_some() {
        let text = binder.bind_from(from)?;
        return Ok((text, target_alias(binder, target)?));
    }
    let alias = binder.fresh_alias();
    binder.add_source(Source::of_table(&target.table, &alias, None))?;
    let rest = binder.bind_from(from)?;
    let rest = rest.strip_prefix(" FROM ").map_or_else(String::new, |rest| format!(", {rest}"));
    Ok((format!(" FROM {} AS {alias}{rest}", target.table.sqlite_name), alias))
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
    let (text, alias) = bind_target(binder, target, from)?;
    let filter = where_clause(binder, Vec::new(), selection)?;
    let row_id = row_id_name(table);
    let (distinct, limit) = match top {
        Some(top) => ("DISTINCT ", binder.top(top)?),
        None => ("", String::new()),
    };
    Ok(format!("SELECT {distinct}{alias}.{row_id}{text}{filter}{limit}"))
}
