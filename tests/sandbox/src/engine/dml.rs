//! `INSERT`, `UPDATE` and `DELETE`.

use std::sync::Arc;

use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::{Expr, Insert, InsertSource, ObjectName, Output, SelectItem};
use crate::types::SqlType;

use super::binder::{Binder, Frame, Source};
use super::compile::default_to_sqlite;
use super::compiled::{Compiled, CompiledDml, DmlKind, OutputInto};
use super::meta::{Column, Scope, Table};
use super::select::{OutputColumn, Plan};
use super::sequences::refuse_second_value;
use super::typed::{Typed, assign, coerce, shared_type};

/// Most rows that the `VALUES` of an `INSERT` may have.
const MAX_ROW_VALUES: usize = 1000;

/// Compiles an `INSERT`; `identity_insert` says that `IDENTITY_INSERT` is on for the target.
pub fn compile_insert(insert: &Insert, scope: &dyn Scope, identity_insert: bool) -> SqlResult<CompiledDml> {
    let mut binder = Binder::new(scope);
    let target = writable(scope.table(&insert.target)?)?;
    binder.hints(&insert.hints)?;
    if let InsertSource::Query(query) = &insert.source {
        binder.query_options(&query.options)?;
    }
    binder.bind_ctes(&insert.ctes)?;
    let columns = insert_columns(
        &target,
        &insert.columns,
        identity_insert,
        matches!(insert.source, InsertSource::DefaultValues),
    )?;
    let row = RowMaker { table: &target, columns: &columns, scope };
    let names = row.column_names();
    if insert.top.is_some() && !matches!(insert.source, InsertSource::Query(_)) {
        return Err(SqlError::unsupported("INSERT TOP … VALUES"));
    }
    let body = match &insert.source {
        InsertSource::DefaultValues => {
            let extra = row.extra_values()?;
            if extra.is_empty() { "DEFAULT VALUES".to_owned() } else { format!("VALUES ({})", extra.join(", ")) }
        }
        InsertSource::Values(rows) => {
            if rows.len() > MAX_ROW_VALUES {
                return Err(SqlError::new(
                    10738,
                    "The number of row value expressions in the INSERT statement exceeds the maximum allowed number of 1000 row values.",
                )
                .severity(15));
            }
            if rows.iter().any(|values| values.len() != rows[0].len()) {
                return Err(SqlError::new(
                    10709,
                    "The number of columns for each row in a table value constructor must be the same.",
                ));
            }
            for values in rows {
                check_count(values.len(), columns.len(), insert.columns.is_empty(), false)?;
            }
            format!("VALUES {}", inserted_rows(&mut binder, rows, &row)?.join(", "))
        }
        InsertSource::Query(query) => {
            let mut plan = binder.query(query)?;
            if let Some(top) = &insert.top {
                plan = binder.as_derived(plan);
                plan.limit = binder.top(top)?;
            }
            check_count(plan.outputs.len(), columns.len(), insert.columns.is_empty(), true)?;
            insert_from_plan(&mut binder, plan, &row)?
        }
        InsertSource::Exec(_) | InsertSource::ExecString(_) => {
            return Err(SqlError::unsupported("INSERT … EXEC in this place"));
        }
    };
    let output = output_clause(&mut binder, insert.output.as_ref(), vec![image("inserted", &target)], scope)?;
    let list = if names.is_empty() { String::new() } else { format!("({})", names.join(", ")) };
    let sql = format!("{}INSERT INTO {}{list} {body}{}", binder.with_prefix(), target.sqlite_name, output.returning());
    let statement = output.describe(binder.finish(sql));
    Ok(CompiledDml {
        kind: DmlKind::Insert,
        target,
        through: None,
        statement,
        output_into: output.into,
        staged: None,
        new_rows: None,
    })
}

/// Rows of `VALUES`. Several rows are a table value constructor: a column's values first take the type that they share.
fn inserted_rows(binder: &mut Binder<'_>, rows: &[Vec<Option<Expr>>], row: &RowMaker<'_>) -> SqlResult<Vec<String>> {
    let mut compiled: Vec<Vec<Option<Typed>>> = Vec::with_capacity(rows.len());
    for values in rows {
        // Every row takes a value of its own.
        binder.sequences.clear();
        let mut items = Vec::with_capacity(values.len());
        for value in values {
            items.push(value.as_ref().map(|expr| binder.value(expr)).transpose()?);
        }
        let defaults = row.columns.iter().zip(values).filter(|(_, value)| value.is_none());
        row.check_sequences(&binder.sequences, &defaults.map(|(&index, _)| index).collect::<Vec<_>>())?;
        compiled.push(items);
    }
    let extra = row.extra_values()?;
    let shared: Vec<Option<SqlType>> =
        (0..row.columns.len()).map(|i| shared_type(compiled.iter().filter_map(|items| items[i].as_ref()))).collect();
    let mut texts = Vec::with_capacity(compiled.len());
    for items in compiled {
        let mut stored = Vec::with_capacity(items.len() + extra.len());
        for ((item, ty), &index) in items.into_iter().zip(&shared).zip(row.columns) {
            stored.push(match (item, ty) {
                (Some(value), Some(ty)) => row.stored(coerce(value, ty)?, index)?,
                (Some(value), None) => row.stored(value, index)?,
                (None, _) => row.default_value(index)?,
            });
        }
        stored.extend(extra.iter().cloned());
        texts.push(format!("({})", stored.join(", ")));
    }
    Ok(texts)
}

/// An `INSERT` whose parameters `?1…?n` are the given columns' values in storage encoding; defaults and identity values are
/// filled in for the others.
pub fn insert_rows(
    table: &Arc<Table>,
    columns: &[usize],
    scope: &dyn Scope,
    identity_insert: bool,
) -> SqlResult<Compiled> {
    let target = writable(table.clone())?;
    check_identity(&target, columns, identity_insert)?;
    let row = RowMaker { table: &target, columns, scope };
    let mut values = Vec::new();
    for (i, &index) in columns.iter().enumerate() {
        let column = &target.columns[index];
        values.push(row.stored(Typed::new(format!("?{}", i + 1), column.ty, true), index)?);
    }
    values.extend(row.extra_values()?);
    let sql =
        format!("INSERT INTO {}({}) VALUES ({})", target.sqlite_name, row.column_names().join(", "), values.join(", "));
    Ok(Compiled { sql, ..Compiled::default() })
}

/// Error 259 for system tables, 4406 for views.
pub(super) fn writable(table: Arc<Table>) -> SqlResult<Arc<Table>> {
    if table.writable {
        Ok(table)
    } else if table.name.starts_with('@') {
        let text = format!("The table-valued parameter \"{}\" is READONLY and cannot be modified.", table.name);
        Err(SqlError::new(10700, text))
    } else if table.database == super::scope::TEMPORARY_DATABASE {
        Err(SqlError::new(286, "The logical tables INSERTED and DELETED cannot be updated."))
    } else {
        Err(SqlError::new(259, "Ad hoc updates to system catalogs are not allowed."))
    }
}

/// The columns that an `INSERT` supplies.
pub(super) fn insert_columns(
    table: &Table,
    named: &[String],
    identity_insert: bool,
    none: bool,
) -> SqlResult<Vec<usize>> {
    if none {
        return Ok(Vec::new());
    }
    if named.is_empty() {
        if identity_insert && table.columns.iter().any(|column| column.identity.is_some()) {
            return Err(SqlError::new(
                8101,
                format!(
                    "An explicit value for the identity column in table '{}' can only be specified when a column list is used and IDENTITY_INSERT is ON.",
                    table.name
                ),
            ));
        }
        return Ok((0..table.columns.len())
            .filter(|&i| table.columns[i].computed.is_none() && table.columns[i].identity.is_none())
            .collect());
    }
    let mut columns = Vec::with_capacity(named.len());
    for name in named {
        let index = column_index(table, name)?;
        if columns.contains(&index) {
            return Err(SqlError::new(
                264,
                format!(
                    "The column name '{name}' is specified more than once in the SET clause or column list of an INSERT. A column cannot be assigned more than one value in the same clause. Modify the clause to make sure that a column is updated only once. If this statement updates or inserts columns into a view, column aliasing can conceal the duplication in your code."
                ),
            ));
        }
        columns.push(index);
    }
    check_identity(table, &columns, identity_insert)?;
    Ok(columns)
}

fn check_identity(table: &Table, columns: &[usize], identity_insert: bool) -> SqlResult<()> {
    if let Some(&computed) = columns.iter().find(|&&i| table.columns[i].computed.is_some()) {
        return Err(not_modifiable(&table.columns[computed].name));
    }
    let Some(identity) = table.columns.iter().position(|column| column.identity.is_some()) else { return Ok(()) };
    match (columns.contains(&identity), identity_insert) {
        (true, false) => Err(SqlError::new(
            544,
            format!(
                "Cannot insert explicit value for identity column in table '{}' when IDENTITY_INSERT is set to OFF.",
                table.name
            ),
        )),
        (false, true) => Err(SqlError::new(
            545,
            format!(
                "Explicit value must be specified for identity column in table '{}' either when IDENTITY_INSERT is set to ON or when a replication user is inserting into a NOT FOR REPLICATION identity column.",
                table.name
            ),
        )),
        _ => Ok(()),
    }
}

/// Error 271.
pub(super) fn not_modifiable(column: &str) -> SqlError {
    SqlError::new(
        271,
        format!(
            "The column \"{column}\" cannot be modified because it is either a computed column or is the result of a UNION operator."
        ),
    )
}

/// A column by name: error 207.
pub(super) fn column_index(table: &Table, name: &str) -> SqlResult<usize> {
    table
        .columns
        .iter()
        .position(|column| column.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| SqlError::new(207, format!("Invalid column name '{name}'.")))
}

pub(super) fn check_count(supplied: usize, wanted: usize, unnamed: bool, query: bool) -> SqlResult<()> {
    if supplied == wanted {
        return Ok(());
    }
    if unnamed {
        return Err(SqlError::new(213, "Column name or number of supplied values does not match table definition."));
    }
    let (number, text) = match (query, supplied > wanted) {
        (false, true) => (
            110,
            "There are fewer columns in the INSERT statement than values specified in the VALUES clause. The number of values in the VALUES clause must match the number of columns specified in the INSERT statement.",
        ),
        (false, false) => (
            109,
            "There are more columns in the INSERT statement than values specified in the VALUES clause. The number of values in the VALUES clause must match the number of columns specified in the INSERT statement.",
        ),
        (true, true) => (
            121,
            "The select list for the INSERT statement contains more items than the insert list. The number of SELECT values must match the number of INSERT columns.",
        ),
        (true, false) => (
            120,
            "The select list for the INSERT statement contains fewer items than the insert list. The number of SELECT values must match the number of INSERT columns.",
        ),
    };
    Err(SqlError::new(number, text).severity(15))
}

/// Turns supplied values into stored rows: conversion, defaults, identity.
pub(super) struct RowMaker<'a> {
    pub table: &'a Arc<Table>,
    pub columns: &'a [usize],
    pub scope: &'a dyn Scope,
}

impl RowMaker<'_> {
    /// Columns that no value was supplied for. They are all written, NULL where there is no default: what SQLite would put there
    /// by itself belongs to rows that are older than the column.
    fn extra_columns(&self) -> impl Iterator<Item = &Column> {
        self.table
            .columns
            .iter()
            .enumerate()
            .filter(|(i, column)| !self.columns.contains(i) && column.computed.is_none())
            .map(|(_, column)| column)
    }

    fn column_names(&self) -> Vec<&str> {
        let supplied = self.columns.iter().map(|&i| self.table.columns[i].sqlite_name.as_str());
        supplied.chain(self.extra_columns().map(|column| column.sqlite_name.as_str())).collect()
    }

    fn extra_values(&self) -> SqlResult<Vec<String>> {
        self.check_sequences(&[], &[])?;
        self.extra_columns()
            .map(|column| match (&column.identity, &column.default) {
                _ if column.ty == SqlType::RowVersion => Ok(super::rowversion::next(self.table)),
                (Some(_), _) => Ok(format!("sandbox_next_identity({})", self.table.object_id)),
                (None, Some(text)) => default_to_sqlite(text, column, self.scope),
                (None, None) => Ok("NULL".to_owned()),
            })
            .collect()
    }

    /// Refuses a row that takes several values of one sequence: those in `taken` by what is supplied, others by the DEFAULTs of
    /// columns that are left out or given as the keyword `DEFAULT`.
    pub fn check_sequences(&self, taken: &[i32], keywords: &[usize]) -> SqlResult<()> {
        let given = keywords.iter().map(|&index| &self.table.columns[index]);
        let defaults = self.extra_columns().chain(given).filter(|column| column.identity.is_none());
        refuse_second_value(taken, defaults.filter_map(|column| column.default.as_deref()), self.scope)
    }

    /// A supplied value as the column stores it.
    pub fn stored(&self, value: Typed, index: usize) -> SqlResult<String> {
        let column = &self.table.columns[index];
        if column.ty == SqlType::RowVersion {
            if value.is_null() {
                return Err(SqlError::unsupported("NULL given to a rowversion column (DEFAULT is)"));
            }
            return Err(SqlError::new(
                273,
                "Cannot insert an explicit value into a timestamp column. Use INSERT with a column list to exclude the timestamp column, or insert a DEFAULT into the timestamp column.",
            ));
        }
        let stored = assign(value, &column.ty, &full_name(self.table), &column.name)?.sql;
        Ok(if column.identity.is_some() {
            format!("sandbox_note_identity({}, {stored})", self.table.object_id)
        } else {
            stored
        })
    }

    /// What the keyword `DEFAULT` stands for.
    pub fn default_value(&self, index: usize) -> SqlResult<String> {
        let column = &self.table.columns[index];
        match &column.default {
            _ if column.ty == SqlType::RowVersion => Ok(super::rowversion::next(self.table)),
            _ if column.identity.is_some() => {
                Err(SqlError::new(339, "DEFAULT or NULL are not allowed as explicit identity values."))
            }
            Some(text) => default_to_sqlite(text, column, self.scope),
            None => Ok("NULL".to_owned()),
        }
    }
}

/// `database.schema.table`, as messages name a table.
pub(super) fn full_name(table: &Table) -> String {
    format!("{}.{}.{}", table.database, table.schema, table.name)
}

fn insert_from_plan(binder: &mut Binder<'_>, plan: Plan, row: &RowMaker<'_>) -> SqlResult<String> {
    // Conversions inside DISTINCT would change what is distinct, and an ordinal in ORDER BY would sort converted values.
    let mut plan = binder.detached(plan);
    row.check_sequences(&binder.sequences, &[])?;
    for (i, &index) in row.columns.iter().enumerate() {
        let stored = row.stored(plan.outputs[i].value.clone(), index)?;
        plan.replace_output(i, stored);
    }
    for extra in row.extra_values()? {
        plan.add_item(extra);
    }
    Ok(plan.render())
}

/// A compiled `OUTPUT` clause.
#[derive(Default)]
pub(super) struct OutputClause {
    /// SQLite texts: what `INTO` takes, then what the client gets.
    pub items: Vec<String>,
    /// What the client gets.
    pub columns: Vec<OutputColumn>,
    pub into: Option<OutputInto>,
}

impl OutputClause {
    /// The items with names, or nothing.
    pub fn list(&self) -> String {
        let items: Vec<String> =
            self.items.iter().enumerate().map(|(i, item)| format!("{item} AS c{}", i + 1)).collect();
        items.join(", ")
    }

    /// `RETURNING …`, or nothing.
    pub fn returning(&self) -> String {
        if self.items.is_empty() { String::new() } else { format!(" RETURNING {}", self.list()) }
    }

    /// A statement with the columns that the client gets.
    pub fn describe(&self, statement: Compiled) -> Compiled {
        let columns = self
            .columns
            .iter()
            .map(|output| crate::session::ColumnMeta {
                name: output.name.clone(),
                ty: output.value.ty,
                nullable: output.value.nullable,
                identity: output.identity,
                computed: output.computed,
            })
            .collect();
        Compiled { columns, ..statement }
    }
}

/// `inserted` or `deleted` as the statement's own rows.
pub(super) fn image(name: &str, table: &Arc<Table>) -> Source {
    Source { qualified_only: true, ..Source::of_table(table, "", Some(name)) }
}

/// Compiles `OUTPUT` over the sources that it may name.
pub(super) fn output_clause(
    binder: &mut Binder<'_>,
    output: Option<&Output>,
    sources: Vec<Source>,
    scope: &dyn Scope,
) -> SqlResult<OutputClause> {
    let Some(output) = output else { return Ok(OutputClause::default()) };
    if output.items.iter().chain(&output.returned).any(|item| *item == SelectItem::Star) {
        return Err(SqlError::new(102, "Incorrect syntax near '*'.").severity(15));
    }
    for item in output.items.iter().chain(&output.returned) {
        check_output_item(item)?;
    }
    let frames = std::mem::take(&mut binder.frames);
    binder.frames.push(Frame { sources, ..Frame::default() });
    let first = binder.select_items(&output.items);
    let second = binder.select_items(&output.returned);
    binder.frames = frames;
    let (first, second) = (first?, second?);
    let items = first.iter().chain(&second).map(|output| output.value.sql.clone()).collect();
    Ok(match &output.into {
        None => OutputClause { items, columns: first, into: None },
        Some((name, columns)) => {
            let into = Some(output_into(name, columns, &first, scope)?);
            OutputClause { items, columns: second, into }
        }
    })
}

/// Errors 10705 and 158.
fn check_output_item(item: &SelectItem) -> SqlResult<()> {
    let SelectItem::Expr { expr, .. } = item else { return Ok(()) };
    if super::expr_walk::any(expr, &super::expr_walk::is_query) {
        return Err(SqlError::new(10705, "Subqueries are not allowed in the OUTPUT clause.").severity(15));
    }
    if super::expr_aggregate::contains_aggregate(expr) {
        return Err(SqlError::new(158, "An aggregate may not appear in the OUTPUT clause.").severity(15));
    }
    Ok(())
}

/// True if `OUTPUT` names something else than this image of the statement's rows.
pub(super) fn outputs_more_than(output: Option<&Output>, image: &str) -> bool {
    let Some(output) = output else { return false };
    output.items.iter().chain(&output.returned).any(|item| match item {
        SelectItem::Star => false,
        SelectItem::QualifiedStar(name) => !name.name.eq_ignore_ascii_case(image),
        SelectItem::Expr { expr, .. } => super::expr_walk::any(expr, &|part| match part {
            Expr::Column(parts) => parts.len() > 1 && !parts[0].eq_ignore_ascii_case(image),
            _ => false,
        }),
    })
}

fn output_into(
    name: &ObjectName,
    named: &[String],
    outputs: &[OutputColumn],
    scope: &dyn Scope,
) -> SqlResult<OutputInto> {
    let target = writable(scope.table(name)?)?;
    let columns = insert_columns(&target, named, false, false)?;
    check_count(outputs.len(), columns.len(), named.is_empty(), true)?;
    let row = RowMaker { table: &target, columns: &columns, scope };
    let mut values = Vec::new();
    for (i, (output, &index)) in outputs.iter().zip(&columns).enumerate() {
        let value = Typed::new(format!("?{}", i + 1), output.value.ty, true);
        values.push(row.stored(value, index)?);
    }
    values.extend(row.extra_values()?);
    let sql =
        format!("INSERT INTO {}({}) VALUES ({})", target.sqlite_name, row.column_names().join(", "), values.join(", "));
    Ok(OutputInto { sql, target, width: outputs.len() })
}
