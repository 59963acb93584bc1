//! `INSERT BULK`: rows that arrive as a stream of values.
//!
//! Source: <https://learn.microsoft.com/sql/t-sql/statements/bulk-insert-transact-sql>,
//! <https://learn.microsoft.com/openspecs/windows_protocols/ms-tds/5ee52ecd-2baf-4bb2-b7fa-3e5e7f6d3ba1>. Without `CHECK_CONSTRAINTS`, the
//! server would not check the table's checks and foreign keys and trust them no longer: that is refused where there are any.

use super::compiled::DmlKind;
use super::convert;
use super::dml::insert_rows;
use super::encode::encode;
use super::frame::Frame;
use super::locks::Mode;
use super::meta::Table;
use super::scope::{StatementScope, TEMPORARY_DATABASE};
use super::session::SqlSession;
use super::stop::{Exec, Stop};
use super::transaction::Writes;
use crate::error::{SqlError, SqlResult};
use crate::faults::Point;
use crate::session::{ColumnMeta, Sink};
use crate::tsql::ast::{BulkColumn, Insert, ObjectName};
use crate::tsql::modules::TriggerEvent;
use crate::types::{Datum, SqlType};
use rusqlite::CachedStatement;
use std::borrow::Cow;
use std::sync::Arc;

/// Rows between two looks whether the client gave up.
const CANCEL_CHECK_ROWS: u64 = 1024;

/// A bulk load whose rows are to come.
#[derive(Debug, Clone)]
pub struct PendingLoad {
    target: ObjectName,
    columns: Vec<BulkColumn>,
    keep_nulls: bool,
    fire_triggers: bool,
}

impl PendingLoad {
    /// The columns in the client's order.
    pub(super) fn client_columns(&self) -> Vec<ColumnMeta> {
        let column = |c: &BulkColumn| ColumnMeta {
            name: c.name.clone(),
            ty: c.ty,
            nullable: true,
            identity: false,
            computed: false,
        };
        self.columns.iter().map(column).collect()
    }
}

impl SqlSession {
    /// `INSERT BULK`: checks the target and remembers it until the rows come.
    pub(super) fn begin_load(&mut self, target: &ObjectName, columns: &[BulkColumn], options: &[String]) -> Exec<()> {
        self.refresh_catalog()?;
        let table = self.find_table(target)?;
        self.require_write("INSERT", &table)?;
        let mut keep_nulls = false;
        let mut fire_triggers = false;
        let mut check_constraints = false;
        for option in options {
            let upper = option.to_ascii_uppercase();
            match upper.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default() {
                "KEEP_NULLS" => keep_nulls = true,
                "FIRE_TRIGGERS" => fire_triggers = true,
                "CHECK_CONSTRAINTS" => check_constraints = true,
                "TABLOCK" | "ROWS_PER_BATCH" | "KILOBYTES_PER_BATCH" | "ORDER" | "" => {}
                _ => return Err(SqlError::unsupported(format!("INSERT BULK with {option}")).into()),
            }
        }
        for column in columns {
            position(&table, &column.name)?;
        }
        if !table.writable {
            return Err(SqlError::unsupported(format!("INSERT BULK into {}.{}", table.schema, table.name)).into());
        }
        let catalog = self.catalog();
        let entry = catalog.table_by_id(table.object_id).filter(|_| table.database != TEMPORARY_DATABASE);
        let constrained = entry.is_some_and(|entry| !entry.checks.is_empty() || !entry.foreign_keys.is_empty());
        if constrained && !check_constraints {
            let what = "INSERT BULK without CHECK_CONSTRAINTS into a table with checks or foreign keys";
            return Err(SqlError::unsupported(what).into());
        }
        self.pending_load =
            Some(PendingLoad { target: target.clone(), columns: columns.to_vec(), keep_nulls, fire_triggers });
        Ok(())
    }

    /// Loads the rows of the pending bulk load.
    pub(super) fn load(
        &mut self,
        columns: &[ColumnMeta],
        rows: &mut dyn FnMut() -> SqlResult<Option<Vec<Datum>>>,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        let Some(pending) = self.pending_load.take() else {
            return Err(
                SqlError::new(4022, "Bulk load data was expected but not sent. The batch will be terminated.").into()
            );
        };
        let outcome = self.load_pending(&pending, columns, rows, sink);
        match outcome {
            Ok(count) => self.done(count, false, sink),
            Err(Stop::Error(error)) => {
                self.failed(error, false, sink)?;
                Ok(())
            }
            Err(other) => Err(other),
        }
    }

    fn load_pending(
        &mut self,
        pending: &PendingLoad,
        columns: &[ColumnMeta],
        rows: &mut dyn FnMut() -> SqlResult<Option<Vec<Datum>>>,
        sink: &mut dyn Sink,
    ) -> Exec<u64> {
        self.refresh_catalog()?;
        self.begin_implicit(true, sink)?;
        let table = self.find_table(&pending.target)?;
        self.pass_statement(&[], Some(&table))?;
        let writes = if table.database == TEMPORARY_DATABASE { Writes::Temporary } else { Writes::Database };
        let wants = self.table_want(&table, Mode::Exclusive);
        self.write_with(wants, writes, sink, |session, sink| {
            let table = session.find_table(&pending.target)?;
            session.before_rows(&table)?;
            let types: Vec<SqlType> = columns.iter().map(|c| c.ty).collect();
            let named: Vec<usize> =
                pending.columns.iter().map(|c| position(&table, &c.name)).collect::<SqlResult<_>>()?;
            if named.len() != types.len() {
                let text = "Bulk load: the column count of the rows differs from that of the INSERT BULK statement.";
                return Err(SqlError::new(4815, text).into());
            }
            let events: &[TriggerEvent] = if pending.fire_triggers { &[TriggerEvent::Insert] } else { &[] };
            let firing = session.begin_firing(&table, events, &[])?;
            // A client that wants the server to number the rows leaves the identity column out; there is no option for it.
            let numbered = named.iter().any(|&at| table.columns[at].identity.is_some());
            let mut load = Load::new(session, &table, &types, &named, numbered, pending.keep_nulls);
            let loaded = load.insert_all(rows, sink);
            drop(load);
            session.end_capture();
            let count = loaded?;
            session.fire(firing, count, sink)?;
            Ok(count)
        })
    }

    /// What comes before rows are written to a table.
    pub(super) fn before_rows(&mut self, table: &Arc<Table>) -> Exec<()> {
        self.pass_write(table)?;
        if table.database != TEMPORARY_DATABASE {
            let server = Arc::clone(self.server());
            server.extension.before_statement(self)?;
        }
        self.load_identity(table)
    }

    /// Inserts rows that a procedure returned.
    pub(super) fn insert_collected(
        &mut self,
        insert: &Insert,
        (rows, types): (&[Vec<Datum>], &[SqlType]),
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<u64> {
        if insert.output.is_some() {
            return Err(SqlError::unsupported("INSERT … OUTPUT … EXEC").into());
        }
        let scope = StatementScope { session: self, frame };
        let table = super::meta::Scope::table(&scope, &insert.target)?;
        self.require_write("INSERT", &table)?;
        let explicit = self.shared.state().options.identity_insert == Some(table.object_id);
        let named: Vec<usize> = if insert.columns.is_empty() {
            let insertable =
                table.columns.iter().enumerate().filter(|(_, c)| c.computed.is_none() && c.identity.is_none());
            insertable.map(|(position, _)| position).collect()
        } else {
            insert.columns.iter().map(|c| position(&table, c)).collect::<SqlResult<_>>()?
        };
        if !rows.is_empty() && named.len() != types.len() {
            return Err(SqlError::new(
                213,
                "Column name or number of supplied values does not match table definition.",
            )
            .into());
        }
        let writes = if table.database == TEMPORARY_DATABASE { Writes::Temporary } else { Writes::Database };
        let wants = self.table_want(&table, Mode::Exclusive);
        self.write_with(wants, writes, sink, |session, sink| {
            session.before_rows(&table)?;
            let firing = session.begin_firing(&table, &[TriggerEvent::Insert], &[])?;
            let mut load = Load::new(session, &table, types, &named, explicit, true);
            let loaded = rows.iter().try_for_each(|row| load.insert(row));
            drop(load);
            session.end_capture();
            loaded?;
            session.fire(firing, rows.len() as u64, sink)?;
            Ok(rows.len() as u64)
        })
    }
}

/// Rows on their way into a table.
struct Load<'a> {
    session: &'a SqlSession,
    table: &'a Arc<Table>,
    types: &'a [SqlType],
    named: &'a [usize],
    keep_identity: bool,
    keep_nulls: bool,
    full_name: String,
    /// Statements by the columns they are given (as positions in a row): those left out get their DEFAULT.
    statements: Vec<(Vec<usize>, CachedStatement<'a>)>,
    usual: Vec<usize>,
}

impl<'a> Load<'a> {
    fn new(
        session: &'a SqlSession,
        table: &'a Arc<Table>,
        types: &'a [SqlType],
        named: &'a [usize],
        keep_identity: bool,
        keep_nulls: bool,
    ) -> Self {
        let taken = |&at: &usize| {
            let column = &table.columns[named[at]];
            column.computed.is_none() && (keep_identity || column.identity.is_none())
        };
        let usual = (0..named.len()).filter(taken).collect();
        let full_name = format!("{}.{}.{}", session.database().name, table.schema, table.name);
        Self { session, table, types, named, keep_identity, keep_nulls, full_name, statements: Vec::new(), usual }
    }

    fn insert_all(
        &mut self,
        rows: &mut dyn FnMut() -> SqlResult<Option<Vec<Datum>>>,
        sink: &mut dyn Sink,
    ) -> Exec<u64> {
        let mut count = 0;
        let armed = self.session.is_armed(Point::BulkRow);
        while let Some(row) = rows()? {
            self.insert(&row)?;
            count += 1;
            if armed {
                self.session.pass(Point::BulkRow)?;
            }
            if count % CANCEL_CHECK_ROWS == 0 && sink.is_cancelled() {
                return Err(Stop::Cancelled);
            }
        }
        Ok(count)
    }

    fn insert(&mut self, row: &[Datum]) -> Exec<()> {
        let way = self.way_of(row)?;
        let (given, statement) = &mut self.statements[way];
        for (index, &at) in given.iter().enumerate() {
            let column = &self.table.columns[self.named[at]];
            let value = &row[at];
            if self.types[at] == column.ty {
                bind(statement, index + 1, value, &column.ty)?;
            } else {
                let value = convert::assign(value, &self.types[at], &column.ty, &self.full_name, &column.name)?;
                bind(statement, index + 1, &value, &column.ty)?;
            }
        }
        match statement.raw_execute() {
            Ok(_) => Ok(()),
            Err(error) => Err(self.session.row_failed(&error, DmlKind::Insert, self.table)?),
        }
    }

    /// Position of the statement that a row is inserted by.
    fn way_of(&mut self, row: &[Datum]) -> Exec<usize> {
        let defaulted =
            |at: &usize| matches!(row[*at], Datum::Null) && self.table.columns[self.named[*at]].default.is_some();
        let given: Cow<'_, [usize]> = if !self.keep_nulls && self.usual.iter().any(defaulted) {
            self.usual.iter().copied().filter(|at| !defaulted(at)).collect()
        } else {
            Cow::Borrowed(&self.usual)
        };
        if let Some(way) = self.statements.iter().position(|(known, _)| known[..] == *given) {
            return Ok(way);
        }
        let statement = self.prepare(&given)?;
        let given = given.into_owned();
        self.statements.push((given, statement));
        Ok(self.statements.len() - 1)
    }

    fn prepare(&self, given: &[usize]) -> Exec<CachedStatement<'a>> {
        let frame = Frame::default();
        let scope = StatementScope { session: self.session, frame: &frame };
        let columns: Vec<usize> = given.iter().map(|&at| self.named[at]).collect();
        let compiled = insert_rows(self.table, &columns, &scope, self.keep_identity)?;
        // A row that fails takes the whole load back, so SQLite need not be able to take back the row alone: with triggers (those of
        // change data capture) that would cost a copy of every page that each row changes.
        let sql = compiled.sql.replacen("INSERT INTO", "INSERT OR FAIL INTO", 1);
        Ok(self.session.connection.prepare_cached(&sql)?)
    }
}

/// Binds a value of a column; texts and bytes as they are, without a copy of them in between.
fn bind(statement: &mut CachedStatement<'_>, index: usize, value: &Datum, ty: &SqlType) -> rusqlite::Result<()> {
    match (value, ty) {
        (Datum::String(text), SqlType::Char(_) | SqlType::VarChar(_) | SqlType::NChar(_) | SqlType::NVarChar(_)) => {
            statement.raw_bind_parameter(index, text.as_str())
        }
        (Datum::Binary(bytes), SqlType::Binary(_) | SqlType::VarBinary(_)) => {
            statement.raw_bind_parameter(index, bytes.as_slice())
        }
        _ => statement.raw_bind_parameter(index, encode(value, ty)),
    }
}

/// Position of a column in a table; error 207.
fn position(table: &Table, name: &str) -> SqlResult<usize> {
    let found = table.columns.iter().position(|c| super::catalog::same_name(&c.name, name));
    found.ok_or_else(|| SqlError::new(207, format!("Invalid column name '{name}'.")))
}
