//! Queries and data modification: compiled plans bound, run and streamed.

use super::compile::{compile_expr, compile_expr_as, compile_predicate, compile_query, compile_select_assign};
use super::compiled::{Compiled, CompiledDml, DmlKind};
use super::constraint_errors::to_sql_error;
use super::constraint_names::CatalogNames;
use super::convert_text::cut_utf16;
use super::dml::compile_insert;
use super::dml_change::{compile_delete, compile_update};
use super::dml_merge::compile_merge;
use super::encode::{decode_into, encode};
use super::frame::{Frame, undeclared};
use super::meta::Table;
use super::moved_keys::is_duplicate;
use super::plans::{Basis, Batch, Plan, expression_node, statement_node};
use super::running_assignments::{self, Assignments};
use super::scope::{StatementScope, TEMPORARY_DATABASE};
use super::session::SqlSession;
use super::stop::{Exec, Stop};
use super::system_variables;
use super::transaction::Writes;
use crate::error::{SqlError, SqlResult};
use crate::faults::Point;
use crate::session::{ColumnMeta, Sink};
use crate::tsql::ast::{Delete, Expr, Insert, InsertSource, Merge, ObjectName, Stmt, Update};
use crate::tsql::modules::TriggerEvent;
use crate::types::{Datum, Length, SqlType};
use rusqlite::types::ToSqlOutput;
use rusqlite::{CachedStatement, Row};
use std::sync::Arc;

/// `sys` and the views over SQLite's catalog tables: reading them takes no locks.
const SYSTEM_SCHEMA: &str = "sys";

/// What a data modification did.
pub(super) struct Modified {
    /// Rows.
    pub count: u64,
    /// It returned a result set.
    pub returned_rows: bool,
    /// Variables it sets.
    pub assigned: Vec<(String, Datum)>,
}

impl SqlSession {
    /// What plans that are compiled now depend on.
    pub(super) fn basis(&self) -> Basis {
        let state = self.shared.state();
        Basis {
            catalog: state.catalog.version,
            temporary: state.temporary_version,
            identity_insert: state.options.identity_insert,
        }
    }

    pub(super) fn query_plan(
        &mut self,
        batch: &Batch,
        node: usize,
        frame: &Frame,
        compile: &dyn Fn(&StatementScope<'_>) -> SqlResult<Compiled>,
    ) -> Exec<Arc<Compiled>> {
        self.refresh_catalog()?;
        let basis = self.basis();
        if let Some(Plan::Query(compiled)) = self.plans.get(batch, node, basis) {
            return Ok(compiled);
        }
        let compiled = Arc::new(self.compiled(frame, compile)?);
        self.plans.put(batch, node, self.basis(), &Plan::Query(Arc::clone(&compiled)));
        Ok(compiled)
    }

    fn dml_plan(
        &mut self,
        batch: &Batch,
        node: usize,
        frame: &Frame,
        compile: &dyn Fn(&StatementScope<'_>) -> SqlResult<CompiledDml>,
    ) -> Exec<Arc<CompiledDml>> {
        self.refresh_catalog()?;
        let basis = self.basis();
        if let Some(Plan::Dml(compiled)) = self.plans.get(batch, node, basis) {
            return Ok(compiled);
        }
        let compiled = Arc::new(self.compiled(frame, compile)?);
        self.plans.put(batch, node, self.basis(), &Plan::Dml(Arc::clone(&compiled)));
        Ok(compiled)
    }

    /// Compiles a statement. A name that does not resolve may be made by another transaction that is not over: then that is
    /// waited for.
    fn compiled<T>(&mut self, frame: &Frame, compile: &dyn Fn(&StatementScope<'_>) -> SqlResult<T>) -> Exec<T> {
        loop {
            match compile(&StatementScope { session: self, frame }) {
                Err(error) if is_unresolved(&error) => {
                    if !self.wait_for_catalog()? {
                        return Err(error.into());
                    }
                    self.refresh_catalog()?;
                }
                other => return Ok(other?),
            }
        }
    }

    /// A statement whose parameters are bound.
    fn bound(&self, compiled: &Compiled, frame: &Frame) -> Exec<CachedStatement<'_>> {
        let mut statement =
            self.connection.prepare_cached(&compiled.sql).map_err(|e| self.statement_error(&e, None))?;
        // A part of a statement may leave out its last parameters.
        let parameters = statement.parameter_count();
        for (index, (name, ty)) in compiled.variables.iter().enumerate().take(parameters) {
            let value = if name.starts_with("@@") {
                encode(&system_variables::value_of(self, name).ok_or_else(|| undeclared(name))?, ty)
            } else {
                let variable = frame.variable(name).ok_or_else(|| undeclared(name))?;
                if variable.ty == *ty {
                    encode(&variable.value, ty)
                } else {
                    encode(&super::convert::convert(&variable.value, &variable.ty, ty, None)?, ty)
                }
            };
            statement.raw_bind_parameter(index + 1, value)?;
        }
        Ok(statement)
    }

    /// The T-SQL error for what SQLite reports of a statement.
    pub(super) fn statement_error(&self, error: &rusqlite::Error, kind: Option<DmlKind>) -> Stop {
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) {
            return Stop::Cancelled;
        }
        Stop::Error(to_sql_error(error, kind, &CatalogNames { session: self }))
    }

    /// Runs a compiled query; `each` gets every row.
    pub(super) fn for_each_row(
        &self,
        compiled: &Compiled,
        frame: &Frame,
        kind: Option<DmlKind>,
        target: Option<&Arc<Table>>,
        each: &mut dyn FnMut(&Row<'_>) -> Exec<()>,
    ) -> Exec<u64> {
        let mut statement = self.bound(compiled, frame)?;
        let mut rows = statement.raw_query();
        let mut count = 0;
        loop {
            match rows.next() {
                Ok(Some(row)) => {
                    each(row)?;
                    count += 1;
                }
                Ok(None) => return Ok(count),
                Err(error) => {
                    drop(rows);
                    drop(statement);
                    return match (kind, target) {
                        (Some(kind), Some(target)) if is_foreign_key(&error) => {
                            Err(self.broken_foreign_key(compiled, frame, (kind, target))?.into())
                        }
                        _ => Err(self.statement_error(&error, kind)),
                    };
                }
            }
        }
    }

    /// Runs a compiled query and streams its result set.
    fn stream(&self, compiled: &Compiled, frame: &Frame, sink: &mut dyn Sink) -> Exec<u64> {
        sink.columns(&compiled.columns)?;
        self.stream_rows(compiled, frame, (None, None), sink)
    }

    /// Streams the rows of a result set whose columns the client knows.
    fn stream_rows(
        &self,
        compiled: &Compiled,
        frame: &Frame,
        (kind, target): (Option<DmlKind>, Option<&Arc<Table>>),
        sink: &mut dyn Sink,
    ) -> Exec<u64> {
        let text_size = self.shared.state().options.text_size;
        let mut values = Vec::with_capacity(compiled.columns.len());
        let armed = self.is_armed(Point::Row);
        self.for_each_row(compiled, frame, kind, target, &mut |row| {
            decode_row(row, compiled, &mut values)?;
            if text_size != i32::MAX {
                cut_large(&mut values, &compiled.columns, text_size as usize);
            }
            if armed {
                self.pass(Point::Row)?;
            }
            sink.row(&values)?;
            Ok(())
        })
    }

    /// Takes the locks of a query and opens what its isolation level asks for. DDL of others may have come between: then it is
    /// compiled again.
    pub(super) fn ready_to_read(
        &mut self,
        mut compiled: Arc<Compiled>,
        batch: &Batch,
        node: usize,
        frame: &Frame,
        compile: &dyn Fn(&StatementScope<'_>) -> SqlResult<Compiled>,
    ) -> Exec<Arc<Compiled>> {
        self.require_reads(compiled.named.iter().copied())?;
        let reads_rows = |compiled: &Compiled| {
            compiled.reads.iter().any(|t| t.database != TEMPORARY_DATABASE && t.schema != SYSTEM_SCHEMA)
        };
        while reads_rows(&compiled) {
            let wants = self.read_wants(&compiled, None);
            let changed = self.open_for_reading(wants)?;
            if !changed && self.connection.prepare_cached(&compiled.sql).is_ok() {
                break;
            }
            compiled = self.query_plan(batch, node, frame, compile)?;
            if !changed {
                break;
            }
        }
        Ok(compiled)
    }

    /// `SELECT`.
    pub(super) fn select(
        &mut self,
        batch: &Batch,
        statement: &Stmt,
        query: &crate::tsql::ast::Query,
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        let node = statement_node(statement);
        let compile = |scope: &StatementScope<'_>| compile_query(query, scope);
        let compiled = self.query_plan(batch, node, frame, &compile)?;
        self.pass_statement(&compiled.reads, None)?;
        if compiled.into.is_some() {
            return self.select_into(&compiled, frame, sink);
        }
        self.begin_implicit(!compiled.reads.is_empty(), sink)?;
        let compiled = self.ready_to_read(compiled, batch, node, frame, &compile)?;
        let count = self.stream(&compiled, frame, sink)?;
        self.done(count, true, sink)
    }

    /// Tells the client that a statement which counts rows is done.
    pub(super) fn done(&mut self, count: u64, is_select: bool, sink: &mut dyn Sink) -> Exec<()> {
        self.finished(count as i64);
        let counted = !self.shared.state().options.no_count;
        sink.statement_done(counted.then_some(count), is_select)?;
        Ok(())
    }

    fn select_into(&mut self, compiled: &Arc<Compiled>, frame: &mut Frame, sink: &mut dyn Sink) -> Exec<()> {
        let Some(target) = compiled.into.clone() else { return Ok(()) };
        self.begin_implicit(true, sink)?;
        let writes = if target.name.starts_with('#') { Writes::Temporary } else { Writes::Database };
        let wants = self.read_wants(compiled, None).tables;
        let count = self.write_with(wants, writes, sink, |session, _| {
            let table = session.create_table_for(&target, compiled)?;
            let columns: Vec<&str> = table.columns.iter().map(|c| c.sqlite_name.as_str()).collect();
            let filling = Compiled {
                sql: format!("INSERT INTO {}({}) {}", table.sqlite_name, columns.join(", "), compiled.sql),
                ..Compiled::clone(compiled)
            };
            let count = session.change(&filling, frame, (DmlKind::Insert, &table))?;
            session.note_copied_identity(&table)?;
            Ok(count)
        })?;
        self.done(count, false, sink)
    }

    /// Runs a compiled data modification that returns no rows; how many rows it changed.
    pub(super) fn change(
        &self,
        compiled: &Compiled,
        frame: &Frame,
        (kind, target): (DmlKind, &Arc<Table>),
    ) -> Exec<u64> {
        let mut statement = self.bound(compiled, frame)?;
        match statement.raw_execute() {
            Ok(changed) => Ok(changed as u64),
            Err(error) if is_foreign_key(&error) => {
                drop(statement);
                Err(self.broken_foreign_key(compiled, frame, (kind, target))?.into())
            }
            Err(error) => Err(self.statement_error(&error, Some(kind))),
        }
    }

    /// Runs a compiled statement that returns no rows; its error is SQLite's own.
    pub(super) fn run_bound(&self, compiled: &Compiled, frame: &Frame) -> Result<usize, Result<rusqlite::Error, Stop>> {
        let mut statement = self.bound(compiled, frame).map_err(Err)?;
        statement.raw_execute().map_err(Ok)
    }

    /// The last row of a compiled query.
    pub(super) fn read_rows(&self, compiled: &Compiled, frame: &Frame, values: &mut Vec<Datum>) -> Exec<u64> {
        self.for_each_row(compiled, frame, None, None, &mut |row| decode_row(row, compiled, values))
    }

    /// Runs a compiled statement for its effect, whatever rows it returns.
    pub(super) fn run_discarding(&self, compiled: &Compiled, frame: &Frame) -> Exec<()> {
        self.for_each_row(compiled, frame, None, None, &mut |_| Ok(())).map(|_| ())
    }

    /// The error for a row that could not be inserted on its own.
    pub(super) fn row_failed(&self, error: &rusqlite::Error, kind: DmlKind, target: &Arc<Table>) -> Exec<Stop> {
        if is_foreign_key(error) {
            return Ok(self.broken_foreign_key(&Compiled::default(), &Frame::default(), (kind, target))?.into());
        }
        Ok(self.statement_error(error, Some(kind)))
    }

    /// `SELECT @a = …`.
    pub(super) fn select_assign(
        &mut self,
        batch: &Batch,
        statement: &Stmt,
        select: Assignments<'_>,
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        if running_assignments::accumulates(select) {
            return self.accumulate(batch, statement, select, frame, sink);
        }
        let (assignments, ctes, from, order_by) = select;
        let node = statement_node(statement);
        let compile = |scope: &StatementScope<'_>| compile_select_assign(assignments, ctes, from, order_by, scope);
        let compiled = self.query_plan(batch, node, frame, &compile)?;
        self.pass_statement(&compiled.reads, None)?;
        self.begin_implicit(!compiled.reads.is_empty(), sink)?;
        let compiled = self.ready_to_read(compiled, batch, node, frame, &compile)?;
        let mut last = Vec::new();
        let count =
            self.for_each_row(&compiled, frame, None, None, &mut |row| decode_row(row, &compiled, &mut last))?;
        if count > 0 {
            for ((name, _), value) in assignments.iter().zip(last) {
                frame.set(name, value)?;
            }
        }
        self.finished(count as i64);
        Ok(())
    }

    /// `INSERT`, except from a procedure.
    pub(super) fn insert(
        &mut self,
        batch: &Batch,
        statement: &Stmt,
        insert: &Insert,
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        self.check_identity_insert(insert, frame)?;
        let explicit_for = self.shared.state().options.identity_insert;
        let compile = |scope: &StatementScope<'_>| {
            let explicit = explicit_for.is_some_and(|id| table_id(scope, &insert.target) == Some(id));
            compile_insert(insert, scope, explicit)
        };
        self.modify(batch, statement, &compile, frame, sink)
    }

    /// `UPDATE`.
    pub(super) fn update(
        &mut self,
        batch: &Batch,
        statement: &Stmt,
        update: &Update,
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        self.modify(batch, statement, &|scope| compile_update(update, scope), frame, sink)
    }

    /// `DELETE`.
    pub(super) fn delete(
        &mut self,
        batch: &Batch,
        statement: &Stmt,
        delete: &Delete,
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        self.modify(batch, statement, &|scope| compile_delete(delete, scope), frame, sink)
    }

    /// `MERGE`.
    pub(super) fn merge(
        &mut self,
        batch: &Batch,
        statement: &Stmt,
        merge: &Merge,
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        let explicit_for = self.shared.state().options.identity_insert;
        let compile = |scope: &StatementScope<'_>| {
            let explicit = explicit_for.is_some_and(|id| table_id(scope, &merge.target) == Some(id));
            compile_merge(merge, scope, explicit)
        };
        self.modify(batch, statement, &compile, frame, sink)
    }

    fn modify(
        &mut self,
        batch: &Batch,
        statement: &Stmt,
        compile: &dyn Fn(&StatementScope<'_>) -> SqlResult<CompiledDml>,
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        let node = statement_node(statement);
        let dml = self.dml_plan(batch, node, frame, compile)?;
        self.pass_statement(&dml.statement.reads, Some(&dml.target))?;
        self.require_modification(&statement.kind, &dml)?;
        self.begin_implicit(true, sink)?;
        let temporary = |table: &Table| table.database == TEMPORARY_DATABASE;
        let only_temporary =
            temporary(&dml.target) && dml.output_into.as_ref().is_none_or(|output| temporary(&output.target));
        let writes = if only_temporary { Writes::Temporary } else { Writes::Database };
        let variables = &*frame;
        let wants = self.write_wants(&dml);
        let modified = self.write_with(wants, writes, sink, |session, sink| {
            // Others' DDL may have come between compiling and getting the locks.
            let now = session.dml_plan(batch, node, variables, compile)?;
            if !Arc::ptr_eq(&dml, &now) {
                let wants = session.write_wants(&now);
                session.lock(&wants)?;
            }
            session.run_modification(&now, variables, sink)
        })?;
        for (name, value) in modified.assigned {
            frame.set(&name, value)?;
        }
        self.done(modified.count, modified.returned_rows, sink)
    }

    /// Changes rows, then runs the triggers that this fires.
    fn run_modification(&mut self, dml: &CompiledDml, frame: &Frame, sink: &mut dyn Sink) -> Exec<Modified> {
        let staged = dml.staged.as_ref();
        let events: Vec<TriggerEvent> = match (dml.kind, staged) {
            (DmlKind::Insert, _) => vec![TriggerEvent::Insert],
            (DmlKind::Update, _) => vec![TriggerEvent::Update],
            (DmlKind::Delete, _) => vec![TriggerEvent::Delete],
            (DmlKind::Merge, staged) => [
                (TriggerEvent::Insert, staged.is_some_and(|s| s.insert.is_some())),
                (TriggerEvent::Update, staged.is_some_and(|s| s.update.is_some())),
                (TriggerEvent::Delete, staged.is_some_and(|s| s.deletes)),
            ]
            .into_iter()
            .filter_map(|(event, there)| there.then_some(event))
            .collect(),
        };
        let rows = staged.and_then(|s| s.update.as_ref()).or(dml.new_rows.as_ref());
        let assigned = rows.map_or(&[][..], |rows| &rows.assigned);
        let firing = self.begin_firing(&dml.target, &events, assigned)?;
        let allowed = match (&firing, &dml.output_into) {
            (_, Some(output)) => self.refuse_output_into(&output.target),
            _ => Ok(()),
        };
        let allowed = match &firing {
            Some(firing) if !dml.statement.columns.is_empty() => allowed.and_then(|()| firing.refuse_output()),
            _ => allowed,
        };
        let result = allowed.map_err(Stop::from).and_then(|()| self.change_rows(dml, frame, sink));
        self.end_capture();
        let modified = result?;
        self.fire(firing, modified.count, sink)?;
        Ok(modified)
    }

    fn change_rows(&mut self, dml: &CompiledDml, frame: &Frame, sink: &mut dyn Sink) -> Exec<Modified> {
        self.before_rows(&dml.target)?;
        if let Some(output) = &dml.output_into {
            self.check_output_target(&output.target)?;
            self.before_rows(&output.target)?;
        }
        let returned_rows = !dml.statement.columns.is_empty();
        if returned_rows {
            sink.columns(&dml.statement.columns)?;
        }
        if let Some(staged) = &dml.staged {
            return self.run_staged(dml, staged, frame, sink);
        }
        let mut began = false;
        let result = self.run_output(dml, &dml.statement, frame, &mut began, sink);
        let result = match result {
            Err(Stop::Error(error)) if dml.new_rows.is_none() && is_duplicate(&error) => {
                return Err(self.with_duplicate_value(error, dml, frame).into());
            }
            other => other,
        };
        let count = match (result, &dml.new_rows) {
            (Err(Stop::Error(error)), Some(rows)) if !began && is_duplicate(&error) => {
                let count = match self.replace_rows(dml, rows, frame) {
                    Ok(Some(count)) => count,
                    Ok(None) => return Err(self.with_updated_value(error, dml, rows).into()),
                    Err(Stop::Error(error)) if is_duplicate(&error) => {
                        return Err(self.with_updated_value(error, dml, rows).into());
                    }
                    Err(stop) => return Err(stop),
                };
                if let Some(sql) = &rows.output {
                    self.run_output(
                        dml,
                        &Compiled { sql: sql.clone(), ..dml.statement.clone() },
                        frame,
                        &mut began,
                        sink,
                    )?;
                }
                self.forget_new_rows()?;
                count
            }
            (result, _) => result?,
        };
        Ok(Modified { count, returned_rows, assigned: Vec::new() })
    }

    /// Errors 332 and 333: what `OUTPUT … INTO` fills has no foreign keys on either side and no CHECK constraints.
    fn check_output_target(&self, table: &Table) -> Exec<()> {
        if table.database == TEMPORARY_DATABASE {
            return Ok(());
        }
        let catalog = self.catalog();
        let Some(entry) = catalog.table_by_id(table.object_id) else { return Ok(()) };
        let key =
            entry.foreign_keys.first().or_else(|| catalog.references_to(table.object_id).next().map(|(_, key)| key));
        let name = format!("{}.{}", table.schema, table.name);
        if let Some(key) = key {
            let text = format!(
                "The target table '{name}' of the OUTPUT INTO clause cannot be on either side of a (primary key, foreign key) \
                 relationship. Found reference constraint '{}'.",
                key.name
            );
            return Err(SqlError::new(332, text).into());
        }
        if let Some(check) = entry.checks.iter().find(|check| !check.disabled) {
            let text = format!(
                "The target table '{name}' of the OUTPUT INTO clause cannot have any enabled check constraints or any enabled rules. \
                 Found check constraint or rule '{}'.",
                check.name
            );
            return Err(SqlError::new(333, text).into());
        }
        Ok(())
    }

    /// Runs a compiled data modification, or what reads its output afterwards; `began` tells that it had changed all its rows
    /// and began to store their output.
    pub(super) fn run_output(
        &self,
        dml: &CompiledDml,
        statement: &Compiled,
        frame: &Frame,
        began: &mut bool,
        sink: &mut dyn Sink,
    ) -> Exec<u64> {
        let subject = (Some(dml.kind), Some(&dml.target));
        match &dml.output_into {
            None if statement.columns.is_empty() => self.change(statement, frame, (dml.kind, &dml.target)),
            None => self.stream_rows(statement, frame, subject, sink),
            Some(output) => {
                let mut insert = self.connection.prepare_cached(&output.sql)?;
                let width = output.width;
                let mut values = Vec::new();
                self.for_each_row(statement, frame, subject.0, subject.1, &mut |row| {
                    *began = true;
                    for column in 0..width {
                        insert.raw_bind_parameter(column + 1, ToSqlOutput::Borrowed(row.get_ref(column)?))?;
                    }
                    insert.raw_execute().map_err(|error| self.statement_error(&error, Some(DmlKind::Insert)))?;
                    if !statement.columns.is_empty() {
                        decode_row_from(row, width, statement, &mut values)?;
                        sink.row(&values)?;
                    }
                    Ok(())
                })
            }
        }
    }

    /// A condition; NULL is false.
    pub(super) fn predicate(&mut self, batch: &Batch, condition: &Expr, frame: &mut Frame) -> Exec<bool> {
        let compile = |scope: &StatementScope<'_>| compile_predicate(condition, scope);
        let compiled = self.planned(batch, expression_node(condition), frame, &compile)?;
        let mut holds = false;
        self.for_each_row(&compiled, frame, None, None, &mut |row| {
            holds = row.get::<_, Option<i64>>(0)?.is_some_and(|v| v != 0);
            Ok(())
        })?;
        Ok(holds)
    }

    /// The value of an expression, converted to a type.
    pub(super) fn scalar_as(&mut self, batch: &Batch, expr: &Expr, ty: &SqlType, frame: &mut Frame) -> Exec<Datum> {
        let compile = |scope: &StatementScope<'_>| compile_expr_as(expr, ty, scope);
        let compiled = self.planned(batch, expression_node(expr), frame, &compile)?;
        Ok(self.single(&compiled, frame)?.0)
    }

    /// The value of an expression with its own type.
    pub(super) fn scalar(&mut self, batch: &Batch, expr: &Expr, frame: &mut Frame) -> Exec<(Datum, SqlType)> {
        let compile = |scope: &StatementScope<'_>| compile_expr(expr, scope);
        let compiled = self.planned(batch, expression_node(expr), frame, &compile)?;
        self.single(&compiled, frame)
    }

    /// The plan of an expression, ready to be evaluated.
    fn planned(
        &mut self,
        batch: &Batch,
        node: usize,
        frame: &Frame,
        compile: &dyn Fn(&StatementScope<'_>) -> SqlResult<Compiled>,
    ) -> Exec<Arc<Compiled>> {
        let compiled = self.query_plan(batch, node, frame, compile)?;
        self.pass_statement(&compiled.reads, None)?;
        self.ready_to_read(compiled, batch, node, frame, compile)
    }

    fn single(&mut self, compiled: &Compiled, frame: &Frame) -> Exec<(Datum, SqlType)> {
        let mut values = Vec::new();
        self.for_each_row(compiled, frame, None, None, &mut |row| decode_row(row, compiled, &mut values))?;
        let ty = compiled.columns.first().map_or(SqlType::Int, |c| c.ty);
        Ok((values.into_iter().next().unwrap_or(Datum::Null), ty))
    }

    /// A value as text, for PRINT and messages.
    pub(super) fn text_of(&mut self, batch: &Batch, expr: &Expr, frame: &mut Frame) -> Exec<Option<String>> {
        let ty = SqlType::NVarChar(Length::Max);
        match self.scalar_as(batch, expr, &ty, frame)? {
            Datum::String(text) => Ok(Some(text)),
            _ => Ok(None),
        }
    }

    /// Error 8101: a value for the identity column without naming it. The compiler checks inserts that name their columns.
    fn check_identity_insert(&self, insert: &Insert, frame: &Frame) -> Exec<()> {
        let InsertSource::Values(rows) = &insert.source else { return Ok(()) };
        if !insert.columns.is_empty() {
            return Ok(());
        }
        let scope = StatementScope { session: self, frame };
        let Ok(table) = super::meta::Scope::table(&scope, &insert.target) else { return Ok(()) };
        let insertable = table.columns.iter().filter(|c| c.computed.is_none()).count();
        if table.columns.iter().any(|c| c.identity.is_some()) && rows.first().map(Vec::len) == Some(insertable) {
            let text = format!(
                "An explicit value for the identity column in table '{}' can only be specified when a column list is used and \
                 IDENTITY_INSERT is ON.",
                super::scope::written(&insert.target)
            );
            return Err(SqlError::new(8101, text).into());
        }
        Ok(())
    }
}

fn table_id(scope: &StatementScope<'_>, name: &ObjectName) -> Option<i32> {
    super::meta::Scope::table(scope, name).ok().map(|t| t.object_id)
}

/// Cuts the values of `(max)` columns to `TEXTSIZE` bytes.
fn cut_large(values: &mut [Datum], columns: &[ColumnMeta], bytes: usize) {
    for (value, column) in values.iter_mut().zip(columns) {
        match (value, column.ty) {
            (Datum::String(text), SqlType::NVarChar(Length::Max)) => *text = cut_utf16(text, bytes / 2),
            (Datum::String(text), SqlType::VarChar(Length::Max)) => *text = text.chars().take(bytes).collect(),
            (Datum::Binary(data), SqlType::VarBinary(Length::Max)) => data.truncate(bytes),
            _ => {}
        }
    }
}

/// Decodes a row into `values`, which keep the memory of the texts before.
pub(super) fn decode_row(row: &Row<'_>, compiled: &Compiled, values: &mut Vec<Datum>) -> Exec<()> {
    decode_row_from(row, 0, compiled, values)
}

/// The same for columns that begin at some place of the row.
fn decode_row_from(row: &Row<'_>, first: usize, compiled: &Compiled, values: &mut Vec<Datum>) -> Exec<()> {
    values.resize(compiled.columns.len(), Datum::Null);
    for (index, (column, value)) in compiled.columns.iter().zip(values).enumerate() {
        decode_into(row.get_ref(first + index)?, &column.ty, value)?;
    }
    Ok(())
}

fn is_foreign_key(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|e| e.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY)
}

/// A name that may yet be made.
fn is_unresolved(error: &SqlError) -> bool {
    matches!(error.number, 207 | 208)
}
