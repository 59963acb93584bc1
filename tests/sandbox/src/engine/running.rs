//! Compiled statements: found or made, bound to their variables, run, their rows decoded and streamed.

use super::compiled::{Compiled, CompiledDml, DmlKind};
use super::constraint_errors::to_sql_error;
use super::constraint_names::CatalogNames;
use super::convert_text::cut_utf16;
use super::encode::{decode_into, encode};
use super::frame::{Frame, undeclared};
use super::meta::Table;
use super::plans::{Basis, Batch, Plan};
use super::scope::{StatementScope, TEMPORARY_DATABASE};
use super::session::SqlSession;
use super::stop::{Exec, Stop};
use super::system_variables;
use crate::error::{SqlError, SqlResult};
use crate::faults::Point;
use crate::session::{ColumnMeta, Sink};
use crate::types::{Datum, Length, SqlType};
use rusqlite::{CachedStatement, Row};
use std::sync::Arc;

/// `sys` and the views over SQLite's catalog tables: reading them takes no locks.
const SYSTEM_SCHEMA: &str = "sys";

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

    pub(super) fn dml_plan(
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
    pub(super) fn stream(&self, compiled: &Compiled, frame: &Frame, sink: &mut dyn Sink) -> Exec<u64> {
        sink.columns(&compiled.columns)?;
        self.stream_rows(compiled, frame, (None, None), sink)
    }

    /// Streams the rows of a result set whose columns the client knows.
    pub(super) fn stream_rows(
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
pub(super) fn decode_row_from(row: &Row<'_>, first: usize, compiled: &Compiled, values: &mut Vec<Datum>) -> Exec<()> {
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
