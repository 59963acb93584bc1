//! `MERGE`: each clause finds its rows, and only then are they deleted, updated and inserted.
//!
//! A clause is a query of its own over what it is about: source joined to target, source without target, target without source.
//! The temporary table takes a target row once, so that a second match is error 8672.

use std::sync::Arc;

use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::{Merge, MergeAction, MergeClause, MergeWhen};
use crate::types::{Length, SqlType};

use super::binder::{Binder, Frame, Source, SourceColumn};
use super::compile::default_to_sqlite;
use super::compiled::{CompiledDml, DmlKind, NewRows, Staged};
use super::dml::{RowMaker, check_count, column_index, insert_columns, output_clause, writable};
use super::dml_change::{assigned_values, check_qualifiers, row_id_name};
use super::dml_staged::{
    Columns, deleted_image, inserted_image, output_query, source_column, staged_limit, staged_source, stored_columns,
    updated_rows,
};
use super::meta::{Scope, Table};
use super::sequences::takes_value;
use super::typed::Typed;

/// Error 11742.
fn refuse_sequences<'e>(mut values: impl Iterator<Item = &'e crate::tsql::ast::Expr>) -> SqlResult<()> {
    if values.any(takes_value) {
        let text = "NEXT VALUE FOR function can only be used with MERGE if it is defined within a default constraint on the target table \
                    for insert actions.";
        return Err(SqlError::new(11742, text).severity(15));
    }
    Ok(())
}

/// A statement that is being compiled.
struct Merging<'a> {
    merge: &'a Merge,
    table: Arc<Table>,
    scope: &'a dyn Scope,
    identity_insert: bool,
    /// Columns that any clause updates.
    assigned: Vec<usize>,
    /// The identity column is given by the `INSERT` clause.
    identity_given: bool,
}

/// The texts of a clause's query.
struct Bound {
    /// `FROM … WHERE …`, before the clause's own condition.
    rows: String,
    /// SQLite alias of the target; `None` where there is none.
    target: Option<String>,
    /// The sources of `USING`, where there are any.
    sources: Vec<Source>,
}

/// Compiles a `MERGE`; `identity_insert` says that `IDENTITY_INSERT` is on for the target.
pub fn compile_merge(merge: &Merge, scope: &dyn Scope, identity_insert: bool) -> SqlResult<CompiledDml> {
    let mut binder = Binder::new(scope);
    binder.query_options(&merge.options)?;
    let table = writable(scope.table(&merge.target)?)?;
    binder.hints(&merge.hints)?;
    binder.bind_ctes(&merge.ctes)?;
    binder.note_read(&table);
    let mut merging =
        Merging { merge, table: table.clone(), scope, identity_insert, assigned: Vec::new(), identity_given: false };
    let mut names: Vec<String> = Vec::new();
    let mut fills = Vec::new();
    let mut sources = Vec::new();
    for (number, clause) in merge.clauses.iter().enumerate() {
        let (columns, fill, bound) = merging.clause(&mut binder, number, clause)?;
        fills.push(fill);
        for name in columns.names {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if sources.is_empty() {
            sources = bound;
        }
    }
    if sources.is_empty() && merge.output.is_some() {
        sources = merging.bind(&mut binder, MergeWhen::Matched)?.sources;
        for (number, source) in sources.iter().enumerate() {
            names.extend((0..source.columns.len()).map(|column| source_column(number, column)));
        }
    }
    let limit = staged_limit(&mut binder, merge.top.as_ref())?;
    let output = output_clause(&mut binder, merge.output.as_ref(), merging.output_sources(&sources), scope)?;
    let sql = if output.items.is_empty() { String::new() } else { output_query(&output.list(), &table) };
    let prefix = binder.with_prefix();
    let statement = output.describe(binder.finish(sql));
    let has = |wanted: fn(&MergeAction) -> bool| merge.clauses.iter().any(|clause| wanted(&clause.action));
    let updates = has(|action| matches!(action, MergeAction::Update(_)));
    let inserts = has(|action| matches!(action, MergeAction::Insert { .. }));
    let staged = Staged {
        columns: names,
        fills: fills.into_iter().map(|fill| format!("{prefix}{fill}")).collect(),
        limit,
        deletes: has(|action| *action == MergeAction::Delete),
        update: updates.then(|| updated_rows(&table, merging.assigned.clone())),
        insert: inserts.then(|| merging.insertion()),
        variables: None,
        running: false,
        row_id: row_id_name(&table),
    };
    Ok(CompiledDml {
        kind: DmlKind::Merge,
        target: table,
        through: None,
        statement,
        output_into: output.into,
        staged: Some(staged),
        new_rows: None,
    })
}

impl Merging<'_> {
    /// A clause: the columns it fills, the statement that does, and the sources as it knows them.
    fn clause(
        &mut self,
        binder: &mut Binder<'_>,
        number: usize,
        clause: &MergeClause,
    ) -> SqlResult<(Columns, String, Vec<Source>)> {
        let bound = self.bind(binder, clause.when)?;
        let outside = |error: SqlError| out_of_scope(error, clause.when);
        let mut conditions = String::new();
        // What an earlier clause takes is not this one's.
        for earlier in self.merge.clauses[..number].iter().filter(|earlier| earlier.when == clause.when) {
            if let Some(condition) = &earlier.condition {
                conditions.push_str(&format!(" AND {} IS NOT TRUE", binder.predicate(condition).map_err(outside)?));
            }
        }
        if let Some(condition) = &clause.condition {
            conditions.push_str(&format!(" AND {}", binder.predicate(condition).map_err(outside)?));
        }
        let mut columns = Columns::default();
        let row_id = bound.target.as_ref().map(|alias| format!("{alias}.{}", row_id_name(&self.table)));
        let action = match (&clause.action, &bound.target) {
            (MergeAction::Update(assignments), Some(alias)) => {
                let table = &self.table;
                let find = |name: &str| column_index(table, name);
                let exposed = self.merge.alias.as_deref().unwrap_or(&table.name);
                check_qualifiers(assignments, &[exposed])?;
                refuse_sequences(assignments.iter().filter_map(|(_, expr)| expr.as_ref()))?;
                let set = assigned_values(binder, assignments, table, &find, self.scope).map_err(outside)?;
                columns.add_new_row(table, alias, &set);
                columns.add_old_row(table, alias);
                for (position, _) in set {
                    if !self.assigned.contains(&position) {
                        self.assigned.push(position);
                    }
                }
                Staged::UPDATE
            }
            (MergeAction::Insert { columns: named, values }, _) => {
                self.new_row(binder, named, values.as_deref(), &mut columns).map_err(outside)?;
                Staged::INSERT
            }
            (_, alias) => {
                columns.add_old_row(&self.table, alias.as_deref().unwrap_or_default());
                Staged::DELETE
            }
        };
        if self.merge.output.is_some() {
            for (number, source) in bound.sources.iter().enumerate() {
                columns.add_source(number, source);
            }
        }
        let rest = format!("{}{conditions}", bound.rows);
        let fill = columns.fill("INSERT", "", (row_id.as_deref().unwrap_or("NULL"), action), &rest);
        binder.frames.pop();
        Ok((columns, fill, bound.sources))
    }

    /// Binds what a kind of clause is about, in a frame that is left for its expressions.
    fn bind(&self, binder: &mut Binder<'_>, when: MergeWhen) -> SqlResult<Bound> {
        binder.frames.push(Frame::default());
        // Without a match it is the source that is searched for each target row.
        binder.frame().inner_only = when != MergeWhen::NotMatchedBySource;
        let exposed = self.merge.alias.as_deref();
        let alias = binder.fresh_alias();
        let target = format!("{} AS {alias}", self.table.sqlite_name);
        let using = binder.table_ref(&self.merge.source)?;
        let sources = binder.frame().sources.clone();
        let image = Source::of_table(&self.table, &alias, exposed);
        let same = |source: &Source| {
            source.exposed.eq_ignore_ascii_case(&image.exposed) && source.schema.is_some() == image.schema.is_some()
        };
        if sources.iter().any(same) {
            return Err(SqlError::new(
                5318,
                "In a MERGE statement, the source and target cannot have the same name or alias. Use different aliases for the source and target to ensure that they have unique names in the MERGE statement.",
            )
            .severity(15));
        }
        binder.frame().sources.push(image.clone());
        let on = binder.predicate(&self.merge.on)?;
        Ok(match when {
            MergeWhen::Matched => {
                Bound { rows: format!(" FROM {using} JOIN {target} ON {on} WHERE 1"), target: Some(alias), sources }
            }
            MergeWhen::NotMatchedByTarget => {
                binder.frame().sources.clone_from(&sources);
                let rows = format!(" FROM {using} WHERE NOT EXISTS (SELECT 1 FROM {target} WHERE {on})");
                Bound { rows, target: None, sources }
            }
            MergeWhen::NotMatchedBySource => {
                binder.frame().sources = vec![image];
                let rows = format!(" FROM {target} WHERE NOT EXISTS (SELECT 1 FROM {using} WHERE {on})");
                Bound { rows, target: Some(alias), sources: Vec::new() }
            }
        })
    }

    /// The values of an inserted row.
    fn new_row(
        &mut self,
        binder: &mut Binder<'_>,
        named: &[String],
        values: Option<&[Option<crate::tsql::ast::Expr>]>,
        columns: &mut Columns,
    ) -> SqlResult<()> {
        let table = self.table.clone();
        let supplied = insert_columns(&table, named, self.identity_insert, values.is_none())?;
        let values = values.unwrap_or_default();
        check_count(values.len(), supplied.len(), named.is_empty(), false)?;
        refuse_sequences(values.iter().flatten())?;
        let maker = RowMaker { table: &table, columns: &supplied, scope: self.scope };
        for position in stored_columns(&table) {
            let column = &table.columns[position];
            let given = supplied.iter().position(|&at| at == position).map(|at| &values[at]);
            let value = match given {
                Some(Some(expr)) => {
                    self.identity_given |= column.identity.is_some();
                    let value = binder.value(expr)?;
                    maker.stored(value, position)?
                }
                Some(None) => maker.default_value(position)?,
                None => match &column.default {
                    _ if column.ty == SqlType::RowVersion => super::rowversion::next(&table),
                    _ if column.identity.is_some() => "NULL".to_owned(),
                    Some(text) => default_to_sqlite(text, column, self.scope)?,
                    None => "NULL".to_owned(),
                },
            };
            columns.add(NewRows::new_value(position), value);
        }
        let defaults = supplied.iter().zip(values).filter(|(_, value)| value.is_none());
        maker.check_sequences(&[], &defaults.map(|(&index, _)| index).collect::<Vec<_>>())
    }

    /// Inserts the rows that are to be inserted.
    fn insertion(&self) -> String {
        let table = &self.table;
        let (mut names, mut values) = (vec![row_id_name(table).to_owned()], vec!["row_id".to_owned()]);
        for position in stored_columns(table) {
            let column = &table.columns[position];
            names.push(column.sqlite_name.clone());
            values.push(if column.identity.is_some() && !self.identity_given {
                format!("sandbox_next_identity({})", table.object_id)
            } else {
                NewRows::new_value(position)
            });
        }
        format!(
            "INSERT INTO {}({}) SELECT {} FROM {} WHERE action = {} ORDER BY seq",
            table.sqlite_name,
            names.join(", "),
            values.join(", "),
            Staged::TABLE,
            Staged::INSERT
        )
    }

    /// What `OUTPUT` may name.
    fn output_sources(&self, sources: &[Source]) -> Vec<Source> {
        let mut offered = vec![deleted_image(&self.table), inserted_image(&self.table)];
        offered.extend(sources.iter().enumerate().map(|(number, source)| staged_source(number, source)));
        // Any of them is missing for some action.
        for column in offered.iter_mut().flat_map(|source| &mut source.columns) {
            column.value.nullable = true;
        }
        let word = format!(
            "CASE s.action WHEN {} THEN 'UPDATE' WHEN {} THEN 'DELETE' ELSE 'INSERT' END",
            Staged::UPDATE,
            Staged::DELETE
        );
        let action = SourceColumn {
            name: "$action".to_owned(),
            value: Typed::new(format!("({word})"), SqlType::NVarChar(Length::N(10)), false),
            identity: false,
            computed: false,
        };
        offered.push(Source::of_rows("", String::new(), vec![action]));
        offered
    }
}

/// Errors 5333 and 5334: a clause names a column that its rows do not have.
fn out_of_scope(error: SqlError, when: MergeWhen) -> SqlError {
    let name = |prefix: &str, suffix: &str| {
        error.message.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix)).map(str::to_owned)
    };
    let bound = match error.number {
        4104 => name("The multi-part identifier \"", "\" could not be bound."),
        _ => None,
    };
    let (number, side, clause) = match when {
        MergeWhen::Matched => return error,
        MergeWhen::NotMatchedByTarget => (5333, "source", "WHEN NOT MATCHED"),
        MergeWhen::NotMatchedBySource => (5334, "target", "WHEN NOT MATCHED BY SOURCE"),
    };
    match bound {
        Some(name) => SqlError::new(
            number,
            format!(
                "The identifier '{name}' cannot be bound. Only {side} columns and columns in the clause scope are allowed in the '{clause}' clause of a MERGE statement."
            ),
        )
        .severity(15),
        None => error,
    }
}
