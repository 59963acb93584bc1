//! Queries and data modification. How a compiled statement runs is in [`running`](super::running).

use super::compile::{compile_query, compile_select_assign};
use super::compiled::{Compiled, CompiledDml, DmlKind};
use super::dml::compile_insert;
use super::dml_change::{compile_delete, compile_update};
use super::dml_merge::compile_merge;
use super::frame::Frame;
use super::meta::Table;
use super::moved_keys::is_duplicate;
use super::plans::{Batch, statement_node};
use super::running::{decode_row, decode_row_from};
use super::running_assignments::{self, Assignments};
use super::scope::{StatementScope, TEMPORARY_DATABASE};
use super::session::SqlSession;
use super::stop::{Exec, Stop};
use super::transaction::Writes;
use crate::error::{SqlError, SqlResult};
use crate::session::Sink;
use crate::tsql::ast::{Delete, Insert, InsertSource, Merge, ObjectName, Stmt, Update};
use crate::tsql::modules::TriggerEvent;
use crate::types::Datum;
use rusqlite::types::ToSqlOutput;
use std::sync::Arc;

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
