//! EXEC, and the system procedures.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/system-stored-procedures-transact-sql>.

use super::catalog_procedures;
use super::frame::Frame;
use super::plans::Batch;
use super::session::SqlSession;
use super::stop::{Exec, Stop};
use super::transaction::Writes;
use crate::error::{SqlError, SqlResult};
use crate::session::{Param, Sink};
use crate::tsql::ast::{Exec as ExecStatement, Expr, Insert, ObjectName};
use crate::types::{Datum, Length, SqlType};
use std::sync::Arc;

/// An argument of a procedure call.
#[derive(Debug, Clone)]
pub struct Argument {
    /// Name with its `@`, or empty.
    pub name: String,
    /// Type.
    pub ty: SqlType,
    /// Value; after the call that of an output argument.
    pub value: Datum,
    /// Written back.
    pub output: bool,
    /// The word DEFAULT.
    pub default: bool,
    /// A table variable.
    pub table: Option<Arc<super::catalog::TableEntry>>,
}

impl From<Param> for Argument {
    fn from(param: Param) -> Self {
        // Some clients send the parameters of the system procedures without their `@`.
        let bare = !param.name.is_empty() && !param.name.starts_with('@');
        let name = if bare { format!("@{}", param.name) } else { param.name };
        Self { name, ty: param.ty, value: param.value, output: param.output, default: false, table: None }
    }
}

impl Argument {
    /// As the wire wants it.
    pub fn into_param(self) -> Param {
        Param { name: self.name, ty: self.ty, value: self.value, output: self.output }
    }
}

/// Looks an argument up by name, else by position among those without a name.
pub fn argument<'a>(arguments: &'a [Argument], name: &str, position: usize) -> Option<&'a Argument> {
    arguments
        .iter()
        .find(|a| a.name.trim_start_matches('@').eq_ignore_ascii_case(name.trim_start_matches('@')))
        .or_else(|| arguments.get(position).filter(|a| a.name.is_empty()))
}

/// A text argument.
pub fn text_argument(arguments: &[Argument], name: &str, position: usize) -> Option<String> {
    match argument(arguments, name, position).map(|a| &a.value) {
        Some(Datum::String(text)) => Some(text.clone()),
        _ => None,
    }
}

/// An integer argument, converted.
pub fn integer_argument(arguments: &[Argument], name: &str, position: usize) -> SqlResult<Option<i64>> {
    let Some(argument) = argument(arguments, name, position) else { return Ok(None) };
    match super::convert::convert(&argument.value, &argument.ty, &SqlType::BigInt, None)? {
        Datum::BigInt(value) => Ok(Some(value)),
        _ => Ok(None),
    }
}

impl SqlSession {
    /// `EXEC procedure`.
    pub(super) fn exec(
        &mut self,
        batch: &Arc<Batch>,
        exec: &ExecStatement,
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        let mut arguments = Vec::new();
        let mut targets = Vec::new();
        for given in &exec.arguments {
            let name = given.name.clone().unwrap_or_default();
            let Some(value) = &given.value else {
                let (ty, value) = (SqlType::Int, Datum::Null);
                arguments.push(Argument { name, ty, value, output: false, default: true, table: None });
                continue;
            };
            if let Expr::Variable(variable) = value
                && let Some(table) = frame.table(variable)
            {
                let (ty, value, table) = (SqlType::Int, Datum::Null, Some(Arc::clone(table)));
                arguments.push(Argument { name, ty, value, output: given.output, default: false, table });
                continue;
            }
            let (value, ty) = match value {
                // An identifier as an argument is a string.
                Expr::Column(parts) if parts.len() == 1 => (
                    Datum::String(parts[0].clone()),
                    SqlType::NVarChar(Length::N(parts[0].chars().count().clamp(1, 4000) as u16)),
                ),
                value => self.scalar(batch, value, frame)?,
            };
            if let (true, Some(Expr::Variable(variable))) = (given.output, &given.value) {
                targets.push((arguments.len(), variable.clone()));
            }
            arguments.push(Argument { name, ty, value, output: given.output, default: false, table: None });
        }
        let procedure = self.procedure_of(&exec.procedure, frame)?;
        // The client is told of the procedures that its batch executes, not of those that they execute in turn.
        let told = self.level == 1;
        if told {
            sink.procedure_started();
        }
        let called = self.call(&procedure, &mut arguments, frame, sink);
        if told {
            sink.procedure_done(called.as_ref().ok().copied())?;
        }
        let status = match called {
            // A procedure that was left in the middle returns nothing.
            Err(Stop::ScopeAborted(_)) => return Ok(()),
            other => other?,
        };
        for (position, variable) in targets {
            let argument = &arguments[position];
            let ty = frame.variable(&variable).ok_or_else(|| super::frame::undeclared(&variable))?.ty;
            let value = super::convert::convert(&argument.value, &argument.ty, &ty, None)?;
            frame.set(&variable, value)?;
        }
        if let Some(variable) = &exec.return_into {
            let ty = frame.variable(variable).ok_or_else(|| super::frame::undeclared(variable))?.ty;
            frame.set(variable, super::convert::convert(&Datum::Int(status), &SqlType::Int, &ty, None)?)?;
        }
        Ok(())
    }

    /// The procedure that `EXEC` names, perhaps by a variable.
    fn procedure_of(&self, written: &ObjectName, frame: &Frame) -> SqlResult<ObjectName> {
        if !written.name.starts_with('@') {
            return Ok(written.clone());
        }
        let variable = frame.variable(&written.name).ok_or_else(|| super::frame::undeclared(&written.name))?;
        match &variable.value {
            Datum::String(name) => Ok(super::session::procedure_name(name.trim_end())),
            Datum::Null => Ok(ObjectName::default()),
            _ => Err(SqlError::unsupported("EXEC of a variable that holds no string")),
        }
    }

    /// `EXEC('…')`.
    pub(super) fn exec_string(
        &mut self,
        batch: &Arc<Batch>,
        expr: &Expr,
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        let text = self.text_of(batch, expr, frame)?.unwrap_or_default();
        let inner = match self.inner_batch("", &text, sink) {
            Err(Stop::ScopeAborted(_)) => return Ok(()),
            other => other?,
        };
        let before = self.shared.state().tran_count;
        self.unowned(|s| s.run_level(&inner, &mut Frame::default(), sink))?;
        self.check_transaction_count(before, sink)
    }

    /// A remote procedure call: errors end it here.
    pub(super) fn call_top(
        &mut self,
        name: &ObjectName,
        arguments: &mut Vec<Argument>,
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<i32> {
        match self.call(name, arguments, frame, sink) {
            Err(Stop::Error(error)) => {
                self.failed(error, false, sink)?;
                Err(Stop::BatchAborted)
            }
            other => other,
        }
    }

    /// Calls a procedure; its return status.
    pub(super) fn call(
        &mut self,
        name: &ObjectName,
        arguments: &mut Vec<Argument>,
        _frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<i32> {
        match name.name.to_ascii_lowercase().as_str() {
            "sp_executesql" => self.sp_executesql(arguments, sink),
            "sp_prepare" => self.sp_prepare(arguments).map(|()| 0),
            "sp_execute" => self.sp_execute(arguments, sink),
            "sp_prepexecrpc" => self.sp_prepexecrpc(arguments, sink),
            "sp_prepexec" => self.sp_prepexec(arguments, sink),
            "sp_unprepare" => self.sp_unprepare(arguments).map(|()| 0),
            "sp_getapplock" => self.sp_getapplock(arguments, sink),
            "sp_configure" => self.sp_configure(arguments, sink),
            "sp_releaseapplock" => self.sp_releaseapplock(arguments),
            "sp_reset_connection" => {
                use crate::session::Session;
                self.reset();
                Ok(0)
            }
            "sp_describe_undeclared_parameters" => self.sp_describe_undeclared_parameters(arguments, sink).map(|()| 0),
            "sp_describe_first_result_set" => self.sp_describe_first_result_set(arguments, sink).map(|()| 0),
            system if catalog_procedures::knows(system) => self.catalog_procedure(system, arguments, sink),
            other => {
                if other == "sp_rename" {
                    return self.sp_rename(arguments, sink);
                }
                if let Some(result) = self.principal_procedure(other, arguments, sink) {
                    return result.map(|()| 0);
                }
                if let Some(result) = crate::faults::procedures::run(self, name, arguments, sink) {
                    return result;
                }
                if let Some(result) = self.module_procedure(name, arguments, sink) {
                    return result;
                }
                if let Some(module) = self.find_procedure(name)? {
                    self.require_execute(module.object_id)?;
                    return self.call_module(&module, arguments, sink);
                }
                let server = Arc::clone(self.server());
                match server.extension.procedure(self, name, arguments, sink) {
                    Some(result) => result,
                    None if crate::tsql::outside::is_procedure(&name.name) => {
                        Err(SqlError::unsupported(format!("procedure {}", name.name)).into())
                    }
                    None => {
                        let text = format!("Could not find stored procedure '{}'.", super::scope::written(name));
                        Err(SqlError::new(2812, text).with_state(62).into())
                    }
                }
            }
        }
    }

    /// `sp_executesql @stmt, @params, @param1 = …`.
    fn sp_executesql(&mut self, arguments: &mut [Argument], sink: &mut dyn Sink) -> Exec<i32> {
        let statement = text_argument(arguments, "@stmt", 0).or_else(|| text_argument(arguments, "@statement", 0));
        let Some(statement) = statement else {
            let text = "Procedure expects parameter '@statement' of type 'ntext/nchar/nvarchar'.";
            return Err(SqlError::new(214, text).with_state(2).into());
        };
        let declared = match arguments.get(1).map(|a| &a.value) {
            Some(Datum::String(text)) => text.clone(),
            _ => String::new(),
        };
        let batch = match self.inner_batch(&declared, &statement, sink) {
            Err(Stop::ScopeAborted(status)) => return Ok(status),
            other => other?,
        };
        let values = arguments.get_mut(2..).unwrap_or_default();
        self.run_with_parameters(&batch, values, sink)
    }

    /// Runs a batch with values for its declared parameters, and writes output parameters back.
    pub(super) fn run_with_parameters(
        &mut self,
        batch: &Arc<Batch>,
        values: &mut [Argument],
        sink: &mut dyn Sink,
    ) -> Exec<i32> {
        let mut frame = Frame::default();
        let mut slots = vec![None; values.len()];
        for (position, parameter) in batch.parameters.iter().enumerate() {
            let named = values.iter().position(|v| v.name.eq_ignore_ascii_case(&parameter.name));
            let slot = named.or_else(|| values.get(position).filter(|v| v.name.is_empty()).map(|_| position));
            let parameter = &*self.parameter_of_type(parameter);
            if let Some(name) = &parameter.table_type {
                let given = slot.map(|slot| values[slot].clone());
                if let Some(slot) = slot {
                    slots[slot] = Some(parameter.name.clone());
                }
                self.bind_table_parameter(name, parameter, given.as_ref(), &mut frame, sink)?;
                continue;
            }
            let value = match slot {
                Some(slot) => {
                    slots[slot] = Some(parameter.name.clone());
                    let value = &values[slot];
                    if value.ty == parameter.ty {
                        value.value.clone()
                    } else {
                        super::convert::convert(&value.value, &value.ty, &parameter.ty, None)?
                    }
                }
                None => match &parameter.default {
                    Some(default) => {
                        let mut empty = Frame::default();
                        self.scalar_as(batch, default, &parameter.ty, &mut empty)?
                    }
                    None => {
                        let text = format!(
                            "The parameterized query '{}' expects the parameter '{}', which was not supplied.",
                            shortened(&batch.text),
                            parameter.name
                        );
                        return Err(SqlError::new(8178, text).into());
                    }
                },
            };
            frame.declare(&parameter.name, parameter.ty, value)?;
        }
        if let Some(position) = slots.iter().position(Option::is_none) {
            let name = &values[position].name;
            return Err(if name.is_empty() {
                SqlError::new(8144, "Procedure or function has too many arguments specified.").into()
            } else {
                SqlError::new(8145, format!("{name} is not a parameter for procedure sp_executesql.")).into()
            });
        }
        let before = self.shared.state().tran_count;
        let status = self.unowned(|s| s.run_level(batch, &mut frame, sink))?;
        for (value, name) in values.iter_mut().zip(&slots) {
            let variable = name.as_deref().filter(|_| value.output).and_then(|name| frame.variable(name));
            if let Some(variable) = variable {
                value.value = variable.value.clone();
                value.ty = variable.ty;
            }
        }
        self.check_transaction_count(before, sink)?;
        Ok(status)
    }

    /// Error 266: a procedure left another number of transactions open than it found.
    pub(super) fn check_transaction_count(&mut self, before: u32, sink: &mut dyn Sink) -> Exec<()> {
        let (now, xact_abort) = {
            let state = self.shared.state();
            (state.tran_count, state.options.xact_abort)
        };
        if now == before || xact_abort {
            return Ok(());
        }
        let text = format!(
            "Transaction count after EXECUTE indicates a mismatching number of BEGIN and COMMIT statements. Previous count = {before}, \
             current count = {now}."
        );
        let error = SqlError::new(266, text).with_state(2);
        if self.try_levels.is_empty() {
            self.shared.state().error = error.number;
            sink.message(&error)?;
            return Ok(());
        }
        Err(Stop::Raised { error, uncaught_at: None })
    }

    /// `INSERT … EXEC`.
    pub(super) fn insert_exec(
        &mut self,
        batch: &Arc<Batch>,
        insert: &Insert,
        exec: &ExecStatement,
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        self.collect_and_insert(insert, frame, sink, |session, frame, sink| session.exec(batch, exec, frame, sink))
    }

    /// `INSERT … EXEC('…')`.
    pub(super) fn insert_exec_string(
        &mut self,
        batch: &Arc<Batch>,
        insert: &Insert,
        text: &Expr,
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        self.collect_and_insert(insert, frame, sink, |session, frame, sink| {
            session.exec_string(batch, text, frame, sink)
        })
    }

    /// Runs what returns rows and inserts them, as one statement.
    fn collect_and_insert(
        &mut self,
        insert: &Insert,
        frame: &mut Frame,
        sink: &mut dyn Sink,
        run: impl FnOnce(&mut Self, &mut Frame, &mut dyn Sink) -> Exec<()>,
    ) -> Exec<()> {
        if self.insert_exec.is_some() {
            return Err(SqlError::new(8164, "An INSERT EXEC statement cannot be nested.").into());
        }
        self.begin_implicit(true, sink)?;
        let count = self.write(Writes::Database, sink, |session, sink| {
            session.enclose();
            session.insert_exec = Some(session.shared.state().tran_count);
            let mut rows = CollectedRows { sink, rows: Vec::new(), types: Vec::new() };
            let ran = run(session, frame, &mut rows);
            session.insert_exec = None;
            let (rows, types) = (rows.rows, rows.types);
            ran?;
            session.insert_collected(insert, (&rows, &types), frame, sink)
        })?;
        self.done(count, false, sink)
    }
}

/// Collects a procedure's rows; everything else goes on to the client.
struct CollectedRows<'a> {
    sink: &'a mut dyn Sink,
    rows: Vec<Vec<Datum>>,
    types: Vec<SqlType>,
}

impl Sink for CollectedRows<'_> {
    fn columns(&mut self, columns: &[crate::session::ColumnMeta]) -> Result<(), crate::session::Cancelled> {
        self.types = columns.iter().map(|c| c.ty).collect();
        Ok(())
    }
    fn row(&mut self, row: &[Datum]) -> Result<(), crate::session::Cancelled> {
        self.rows.push(row.to_vec());
        Ok(())
    }
    fn statement_done(&mut self, rows: Option<u64>, is_select: bool) -> Result<(), crate::session::Cancelled> {
        if is_select { Ok(()) } else { self.sink.statement_done(rows, false) }
    }
    fn message(&mut self, message: &SqlError) -> Result<(), crate::session::Cancelled> {
        self.sink.message(message)
    }
    fn database_changed(&mut self, from: &str, to: &str) -> Result<(), crate::session::Cancelled> {
        self.sink.database_changed(from, to)
    }
    fn transaction_changed(
        &mut self,
        change: crate::session::TransactionChange,
    ) -> Result<(), crate::session::Cancelled> {
        self.sink.transaction_changed(change)
    }
    fn is_cancelled(&self) -> bool {
        self.sink.is_cancelled()
    }
    fn cancellation(&self) -> Option<Arc<std::sync::atomic::AtomicBool>> {
        self.sink.cancellation()
    }
}

/// The start of a statement, for a message.
fn shortened(text: &str) -> String {
    const SHOWN: usize = 100;
    let text = text.trim();
    if text.chars().count() <= SHOWN { text.to_owned() } else { text.chars().take(SHOWN).collect::<String>() + "..." }
}
