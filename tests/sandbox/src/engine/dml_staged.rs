//! `UPDATE` and `DELETE` whose rows are computed into a temporary table before anything is changed.
//!
//! That is how `OUTPUT` gets at the old image of an updated row and at the columns of the `FROM` clause, how `TOP` counts target
//! rows, how variables get the values of the last row, and how rows are changed through a common table expression.

use std::sync::Arc;

use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::{Delete, Expr, ObjectName, Output, SelectItem, TableRef, Top, Update, VariableValue};

use super::binder::{Binder, Frame, RowOrigin, Source};
use super::compiled::{Compiled, CompiledDml, DmlKind, NewRows, Staged};
use super::dml::{column_index, output_clause, writable};
use super::dml_change::{assigned_values, bind_target, check_qualifiers, find_target, row_id_name, where_clause};
use super::expr_walk;
use super::meta::{Scope, Table};
use super::typed::{Shape, Typed, coerce};

/// SQLite alias of the temporary table where output is read.
const STAGING: &str = "s";
/// SQLite alias of the target where output is read.
const TARGET: &str = "t";

/// The columns of the temporary table, with what each is filled with.
#[derive(Default)]
pub(super) struct Columns {
    pub names: Vec<String>,
    pub values: Vec<String>,
}

impl Columns {
    pub fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.names.push(name.into());
        self.values.push(value.into());
    }

    /// The whole old row.
    pub fn add_old_row(&mut self, table: &Table, alias: &str) {
        for (position, column) in table.columns.iter().enumerate() {
            self.add(NewRows::old_value(position), format!("{alias}.{}", column.sqlite_name));
        }
    }

    /// The new row: old values but where something is assigned.
    pub fn add_new_row(&mut self, table: &Table, alias: &str, assignments: &[(usize, String)]) {
        for position in stored_columns(table) {
            let assigned = assignments.iter().find(|(assigned, _)| *assigned == position);
            let old = || format!("{alias}.{}", table.columns[position].sqlite_name);
            self.add(NewRows::new_value(position), assigned.map_or_else(old, |(_, value)| value.clone()));
        }
    }

    /// The columns of a table source.
    pub fn add_source(&mut self, number: usize, source: &Source) {
        for (position, column) in source.columns.iter().enumerate() {
            self.add(source_column(number, position), column.value.sql.clone());
        }
    }

    /// `INSERT … SELECT` into the temporary table.
    pub fn fill(&self, verb: &str, prefix: &str, (row_id, action): (&str, u8), rest: &str) -> String {
        let names: String = self.names.iter().map(|name| format!(", {name}")).collect();
        let values: String = self.values.iter().map(|value| format!(", {value}")).collect();
        format!("{prefix}{verb} INTO {}(row_id, action{names}) SELECT {row_id}, {action}{values}{rest}", Staged::TABLE)
    }
}

/// The temporary table's name for a column of a table source.
pub(super) fn source_column(source: usize, column: usize) -> String {
    format!("x{source}_{column}")
}

/// Positions of the columns that are not computed.
pub(super) fn stored_columns(table: &Table) -> impl Iterator<Item = usize> + '_ {
    (0..table.columns.len()).filter(|&position| table.columns[position].computed.is_none())
}

/// A table source as the temporary table holds it.
pub(super) fn staged_source(number: usize, source: &Source) -> Source {
    let mut staged = source.clone();
    for (position, column) in staged.columns.iter_mut().enumerate() {
        column.value.sql = format!("{STAGING}.{}", source_column(number, position));
        column.value.shape = Shape::Other;
    }
    Source { table: None, rows: None, ..staged }
}

/// `deleted` as the temporary table holds it.
pub(super) fn deleted_image(table: &Arc<Table>) -> Source {
    let mut image = Source::of_table(table, STAGING, Some("deleted"));
    for (position, column) in image.columns.iter_mut().enumerate() {
        column.value.sql = format!("{STAGING}.{}", NewRows::old_value(position));
        column.value.shape = Shape::Other;
    }
    Source { qualified_only: true, ..image }
}

/// `inserted` as the target holds it once it is changed.
pub(super) fn inserted_image(table: &Arc<Table>) -> Source {
    Source { qualified_only: true, ..Source::of_table(table, TARGET, Some("inserted")) }
}

/// Reads the output of the rows in the temporary table.
pub(super) fn output_query(items: &str, table: &Table) -> String {
    let row_id = row_id_name(table);
    format!(
        "SELECT {items} FROM {} AS {STAGING} LEFT JOIN {} AS {TARGET} ON {TARGET}.{row_id} = {STAGING}.row_id ORDER BY {STAGING}.seq",
        Staged::TABLE,
        table.sqlite_name
    )
}

/// The rows of the temporary table that are updated, for [`NewRows`].
pub(super) fn updated_rows(table: &Table, assigned: Vec<usize>) -> NewRows {
    NewRows {
        source: format!("(SELECT * FROM {} WHERE action = {})", Staged::TABLE, Staged::UPDATE),
        row_id: row_id_name(table),
        names: Vec::new(),
        stored: stored_columns(table).collect(),
        assigned,
        fill: String::new(),
        output: None,
    }
}

/// `TOP` of a statement whose rows are in the temporary table.
pub(super) fn staged_limit(binder: &mut Binder<'_>, top: Option<&Top>) -> SqlResult<Option<String>> {
    let Some(top) = top else { return Ok(None) };
    let staging = Staged::TABLE;
    let limit = binder.limit(top, &format!("(SELECT COUNT(*) FROM {staging})"))?;
    Ok(Some(format!("DELETE FROM {staging} WHERE seq NOT IN (SELECT seq FROM {staging} ORDER BY seq{limit})")))
}

/// Where the changed rows come from.
struct Rows {
    table: Arc<Table>,
    /// SQLite alias of the table itself.
    alias: String,
    /// The `FROM` clause.
    from: String,
    /// Place of the source that stands for the target.
    source: usize,
    /// The query through which the table is changed.
    through: Option<RowOrigin>,
}

impl Rows {
    fn bind(binder: &mut Binder<'_>, name: &ObjectName, from: &[TableRef], scope: &dyn Scope) -> SqlResult<Self> {
        binder.frames.push(Frame::default());
        if binder.changed_through.is_some() {
            return Self::bind_through(binder, name, from);
        }
        let target = find_target(name, from, scope)?;
        binder.note_read(&target.table);
        let (from, alias) = bind_target(binder, &target, from)?;
        let source = binder.frame().sources.iter().position(|source| source.alias == alias).unwrap_or_default();
        Ok(Self { table: target.table, alias, from, source, through: None })
    }

    fn view(&self) -> Option<i32> {
        self.through.as_ref().and_then(|origin| origin.view)
    }

    fn bind_through(binder: &mut Binder<'_>, name: &ObjectName, from: &[TableRef]) -> SqlResult<Self> {
        let alone = [TableRef::Table { name: name.clone(), alias: None, hints: Vec::new() }];
        let mut from = binder.bind_from(if from.is_empty() { &alone } else { from })?;
        let sources = &binder.frame().sources;
        let found = sources.iter().enumerate().find(|(_, source)| source.exposed.eq_ignore_ascii_case(&name.name));
        let Some((source, origin)) = found.and_then(|(at, source)| Some((at, source.rows.clone()?))) else {
            return Err(SqlError::unsupported(
                "UPDATE or DELETE through a query that is not one of a single table's rows",
            ));
        };
        let table = writable(origin.table.clone())?;
        binder.note_read_by(&table, origin.view);
        let alias = binder.fresh_alias();
        from.push_str(&format!(
            " JOIN {} AS {alias} ON {alias}.{} = {}",
            table.sqlite_name,
            row_id_name(&table),
            origin.row_id
        ));
        Ok(Self { table, alias, from, source, through: Some(origin) })
    }

    fn row_id(&self) -> String {
        format!("{}.{}", self.alias, row_id_name(&self.table))
    }

    /// The filter of the rows: outer joins may find none.
    fn filter(&self, binder: &mut Binder<'_>, selection: Option<&Expr>) -> SqlResult<String> {
        where_clause(binder, vec![format!("{} IS NOT NULL", self.row_id())], selection)
    }

    /// Position in the table of a column by the name that the statement sees: errors 207 and 4406.
    fn column(&self, binder: &mut Binder<'_>, name: &str) -> SqlResult<usize> {
        let Some(origin) = &self.through else { return column_index(&self.table, name) };
        let source = &binder.frame().sources[self.source];
        let at = source.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name));
        let at = at.ok_or_else(|| SqlError::new(207, format!("Invalid column name '{name}'.")))?;
        origin.columns[at].ok_or_else(|| {
            SqlError::new(
                4406,
                format!(
                    "Update or insert of view or function '{}' failed because it contains a derived or constant field.",
                    source.exposed
                ),
            )
        })
    }

    /// The sources that `OUTPUT` may name, all but `inserted` under the temporary table's names, which are added to `columns`.
    fn output_sources(
        &self,
        binder: &mut Binder<'_>,
        output: &Output,
        columns: &mut Columns,
        updates: bool,
    ) -> SqlResult<Vec<Source>> {
        let sources = binder.frame().sources.clone();
        let mut offered = Vec::new();
        for (number, source) in sources.iter().enumerate() {
            if number == self.source && self.through.is_none() {
                continue;
            }
            columns.add_source(number, source);
            if number != self.source {
                offered.push(staged_source(number, source));
            }
        }
        let (mut deleted, mut inserted) = (deleted_image(&self.table), inserted_image(&self.table));
        if let Some(origin) = &self.through {
            self.show_through(&sources[self.source], origin, &mut deleted, &mut inserted);
            let partly = inserted.columns.len() < deleted.columns.len();
            if updates && partly && names_all_inserted(output) {
                return Err(SqlError::unsupported("OUTPUT inserted.* through a query with computed columns"));
            }
        }
        offered.push(deleted);
        if updates {
            offered.push(inserted);
        }
        Ok(offered)
    }

    /// Gives the images the columns of the query through which rows are changed.
    fn show_through(&self, source: &Source, origin: &RowOrigin, deleted: &mut Source, inserted: &mut Source) {
        let staged = staged_source(self.source, source);
        let (old, new) = (std::mem::take(&mut deleted.columns), std::mem::take(&mut inserted.columns));
        for (at, column) in staged.columns.into_iter().enumerate() {
            match origin.columns[at] {
                Some(position) => {
                    let named = |image: &super::binder::SourceColumn| super::binder::SourceColumn {
                        name: column.name.clone(),
                        ..image.clone()
                    };
                    deleted.columns.push(named(&old[position]));
                    inserted.columns.push(named(&new[position]));
                }
                None => deleted.columns.push(column),
            }
        }
    }
}

fn names_all_inserted(output: &Output) -> bool {
    let all = |item: &SelectItem| matches!(item, SelectItem::QualifiedStar(name) if name.name.eq_ignore_ascii_case("inserted"));
    output.items.iter().chain(&output.returned).any(all)
}

/// Compiles an `UPDATE` by way of the temporary table. Its CTEs are bound.
pub(super) fn stage_update(mut binder: Binder<'_>, update: &Update, scope: &dyn Scope) -> SqlResult<CompiledDml> {
    let running = reads_own_variables(update)?;
    let rows = Rows::bind(&mut binder, &update.target, &update.from, scope)?;
    let through = rows.view();
    let table = rows.table.clone();
    check_qualifiers(&update.assignments, &[&update.target.name, &table.name])?;
    let mut positions = Vec::new();
    for (name, _) in &update.assignments {
        positions.push((name.name.clone(), rows.column(&mut binder, &name.name)?));
    }
    let find = |name: &str| {
        let found = positions.iter().find(|(known, _)| known == name);
        found.map(|(_, position)| *position).ok_or_else(|| SqlError::new(207, format!("Invalid column name '{name}'.")))
    };
    let set = assigned_values(&mut binder, &update.assignments, &table, &find, scope)?;
    let mut columns = Columns::default();
    columns.add_new_row(&table, &rows.alias, &set);
    columns.add_old_row(&table, &rows.alias);
    let variables = variables(&mut binder, update, &set, &table, &mut columns)?;
    let filter = rows.filter(&mut binder, update.selection.as_ref())?;
    let limit = staged_limit(&mut binder, update.top.as_ref())?;
    let sources = match &update.output {
        Some(output) => rows.output_sources(&mut binder, output, &mut columns, true)?,
        None => Vec::new(),
    };
    let output = output_clause(&mut binder, update.output.as_ref(), sources, scope)?;
    let rest = format!("{}{filter}", rows.from);
    let fill = columns.fill("INSERT OR IGNORE", &binder.with_prefix(), (&rows.row_id(), Staged::UPDATE), &rest);
    let sql = if output.items.is_empty() { String::new() } else { output_query(&output.list(), &table) };
    let statement = output.describe(binder.finish(sql));
    let variables = variables.map(|(names, read)| (names, Compiled { variables: statement.variables.clone(), ..read }));
    let assigned = set.into_iter().map(|(position, _)| position).collect();
    let staged = Staged {
        columns: columns.names,
        fills: vec![fill],
        limit,
        deletes: false,
        update: Some(updated_rows(&table, assigned)),
        insert: None,
        variables,
        running,
        row_id: row_id_name(&table),
    };
    Ok(CompiledDml {
        kind: DmlKind::Update,
        target: table,
        through,
        statement,
        output_into: output.into,
        staged: Some(staged),
        new_rows: None,
    })
}

/// Compiles a `DELETE` by way of the temporary table. Its CTEs are bound.
pub(super) fn stage_delete(mut binder: Binder<'_>, delete: &Delete, scope: &dyn Scope) -> SqlResult<CompiledDml> {
    let rows = Rows::bind(&mut binder, &delete.target, &delete.from, scope)?;
    let through = rows.view();
    let table = rows.table.clone();
    let mut columns = Columns::default();
    columns.add_old_row(&table, &rows.alias);
    let filter = rows.filter(&mut binder, delete.selection.as_ref())?;
    let limit = staged_limit(&mut binder, delete.top.as_ref())?;
    let sources = match &delete.output {
        Some(output) => rows.output_sources(&mut binder, output, &mut columns, false)?,
        None => Vec::new(),
    };
    let output = output_clause(&mut binder, delete.output.as_ref(), sources, scope)?;
    let rest = format!("{}{filter}", rows.from);
    let fill = columns.fill("INSERT OR IGNORE", &binder.with_prefix(), (&rows.row_id(), Staged::DELETE), &rest);
    let sql = if output.items.is_empty() { String::new() } else { output_query(&output.list(), &table) };
    let statement = output.describe(binder.finish(sql));
    let staged = Staged {
        columns: columns.names,
        fills: vec![fill],
        limit,
        deletes: true,
        update: None,
        insert: None,
        variables: None,
        running: false,
        row_id: row_id_name(&table),
    };
    Ok(CompiledDml {
        kind: DmlKind::Delete,
        target: table,
        through,
        statement,
        output_into: output.into,
        staged: Some(staged),
        new_rows: None,
    })
}

/// Whether a variable's new value depends on its old one. Other uses of a variable that the same statement sets are refused: they
/// would have to change from row to row.
fn reads_own_variables(update: &Update) -> SqlResult<bool> {
    let reads = |expr: &Expr, name: &str| {
        expr_walk::any(expr, &|part| matches!(part, Expr::Variable(read) if read.eq_ignore_ascii_case(name)))
    };
    let mut running = false;
    for (name, _) in &update.variables {
        for (other, value) in &update.variables {
            if let VariableValue::Expr(expr) = value
                && reads(expr, name)
            {
                if !other.eq_ignore_ascii_case(name) {
                    return Err(SqlError::unsupported(format!("UPDATE that sets {name} and reads it")));
                }
                running = true;
            }
        }
        for (place, (_, expr)) in update.assignments.iter().enumerate() {
            if expr.as_ref().is_some_and(|expr| reads(expr, name)) {
                let own = |(other, value): &(String, VariableValue)| {
                    other.eq_ignore_ascii_case(name) && *value == VariableValue::Assignment(place)
                };
                if !update.variables.iter().any(own) {
                    return Err(SqlError::unsupported(format!("UPDATE that sets {name} and reads it")));
                }
                running = true;
            }
        }
    }
    Ok(running)
}

/// What reads the variables' values of the last row; their expressions are added to `columns`.
fn variables(
    binder: &mut Binder<'_>,
    update: &Update,
    set: &[(usize, String)],
    table: &Table,
    columns: &mut Columns,
) -> SqlResult<Option<(Vec<String>, Compiled)>> {
    if update.variables.is_empty() {
        return Ok(None);
    }
    let (mut names, mut items, mut metas) = (Vec::new(), Vec::new(), Vec::new());
    for (number, (name, value)) in update.variables.iter().enumerate() {
        let ty = binder.variable(name)?.ty;
        let value = match value {
            VariableValue::Expr(expr) => {
                let value = coerce(binder.value(expr)?, &ty)?;
                let column = format!("v{number}");
                columns.add(column.clone(), value.sql);
                column
            }
            VariableValue::Assignment(place) => {
                let position = set[*place].0;
                let new = Typed::new(NewRows::new_value(position), table.columns[position].ty, true);
                coerce(new, &ty)?.sql
            }
        };
        items.push(format!("{value} AS c{}", number + 1));
        metas.push(crate::session::ColumnMeta {
            name: String::new(),
            ty,
            nullable: true,
            identity: false,
            computed: false,
        });
        names.push(name.clone());
    }
    let sql = format!("SELECT {} FROM {} ORDER BY seq DESC LIMIT 1", items.join(", "), Staged::TABLE);
    Ok(Some((names, Compiled { sql, columns: metas, ..Compiled::default() })))
}
