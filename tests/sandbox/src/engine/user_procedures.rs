//! Calls of procedures that users made.
//!
//! Source: <https://learn.microsoft.com/sql/t-sql/language-elements/execute-transact-sql>.

use super::catalog::same_name;
use super::frame::Frame;
use super::modules::{Module, Running};
use super::plans::Batch;
use super::procedures::Argument;
use super::session::SqlSession;
use super::stop::{Exec, Stop};
use crate::error::{SqlError, SqlResult};
use crate::session::Sink;
use crate::tsql::ParameterDeclaration;
use crate::tsql::ast::ObjectName;
use std::sync::Arc;

impl SqlSession {
    /// A procedure of the current database by name.
    pub(super) fn find_procedure(&mut self, name: &ObjectName) -> SqlResult<Option<Arc<Module>>> {
        self.refresh_catalog()?;
        let catalog = self.catalog();
        if name.database.as_deref().is_some_and(|database| !same_name(database, &catalog.database)) {
            return Ok(None);
        }
        let object = catalog.object(name.schema.as_deref().unwrap_or("dbo"), &name.name);
        Ok(object
            .filter(|object| object.kind == "P")
            .and_then(|object| catalog.modules.get(&object.object_id))
            .cloned())
    }

    /// Runs a procedure; its return status. An error that ends it but not its caller is [`Stop::ScopeAborted`].
    pub(super) fn call_module(
        &mut self,
        module: &Arc<Module>,
        arguments: &mut [Argument],
        sink: &mut dyn Sink,
    ) -> Exec<i32> {
        let parsed = module.parsed()?;
        let batch = &parsed.batch;
        let of_call = |error: SqlError| SqlError { procedure: module.name.clone(), line: 0, ..error };
        let slots = match_arguments(&module.name, &batch.parameters, arguments).map_err(of_call)?;
        let mut frame = Frame::default();
        for (parameter, slot) in batch.parameters.iter().zip(&slots) {
            let given = slot.map(|slot| &arguments[slot]).filter(|argument| !argument.default);
            match self.bind_parameter(batch, module, parameter, given, &mut frame, sink) {
                Err(Stop::Error(error)) => return Err(of_call(error).into()),
                other => other?,
            }
        }
        let before = self.shared.state().tran_count;
        let running = Running { object_id: module.object_id, name: module.name.clone(), fired: None };
        let status = self.run_module(running, batch, &mut frame, sink)?;
        for (parameter, slot) in batch.parameters.iter().zip(&slots) {
            let Some(argument) = slot.and_then(|slot| arguments.get_mut(slot)).filter(|a| a.output) else { continue };
            if let Some(variable) = frame.variable(&parameter.name) {
                argument.value = variable.value.clone();
                argument.ty = variable.ty;
            }
        }
        self.check_transaction_count(before, sink)?;
        Ok(status)
    }

    /// Runs the statements of a module; its return status, which is negative when errors were met and none was given.
    pub(super) fn run_module(
        &mut self,
        running: Running,
        batch: &Arc<Batch>,
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<i32> {
        const BEST: i32 = 10;
        let outer = std::mem::take(&mut self.worst_severity);
        let module = running.object_id;
        self.shared.state().modules.push(running);
        let result = self.owned(module, |s| s.run_scope(batch, frame, sink));
        self.shared.state().modules.pop();
        let worst = i32::from(std::mem::replace(&mut self.worst_severity, outer));
        let without_status = if worst > BEST { BEST - worst } else { 0 };
        result.map(|status| status.unwrap_or(without_status))
    }

    fn bind_parameter(
        &mut self,
        batch: &Arc<Batch>,
        module: &Module,
        parameter: &ParameterDeclaration,
        given: Option<&Argument>,
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        let parameter = &*self.parameter_of_type(parameter);
        if let Some(name) = &parameter.table_type {
            return self.bind_table_parameter(name, parameter, given, frame, sink);
        }
        let value = match (given, &parameter.default) {
            (Some(argument), _) if argument.table.is_some() => {
                let text = format!("Operand type clash: table is incompatible with {}", type_word(&parameter.ty));
                return Err(SqlError::new(206, text).with_state(2).into());
            }
            (Some(argument), _) if argument.ty == parameter.ty => argument.value.clone(),
            (Some(argument), _) => super::convert::convert(&argument.value, &argument.ty, &parameter.ty, None)
                .map_err(|error| of_argument(error, argument, parameter))?,
            (None, Some(default)) => self.scalar_as(batch, default, &parameter.ty, &mut Frame::default())?,
            (None, None) => {
                let text = format!(
                    "Procedure or function '{}' expects parameter '{}', which was not supplied.",
                    module.name, parameter.name
                );
                return Err(SqlError::new(201, text).with_state(4).into());
            }
        };
        frame.declare(&parameter.name, parameter.ty, value)?;
        Ok(())
    }
}

fn type_word(ty: &crate::types::SqlType) -> String {
    super::type_rules::type_name(ty).to_string()
}

/// Values that do not fit a parameter have one error, whatever their conversion's own would be.
fn of_argument(error: SqlError, argument: &Argument, parameter: &ParameterDeclaration) -> SqlError {
    match error.number {
        241 | 242 | 244 | 245 | 248 | 295 | 8114 | 8169 => {
            let text =
                format!("Error converting data type {} to {}.", type_word(&argument.ty), type_word(&parameter.ty));
            SqlError::new(8114, text).with_state(5)
        }
        _ => error,
    }
}

/// The argument of each parameter: errors 8146, 8144, 8145, 8143 and 8162.
fn match_arguments(
    name: &str,
    parameters: &[ParameterDeclaration],
    arguments: &[Argument],
) -> SqlResult<Vec<Option<usize>>> {
    if parameters.is_empty() && !arguments.is_empty() {
        let text = format!("Procedure {name} has no parameters and arguments were supplied.");
        return Err(SqlError::new(8146, text).with_state(2));
    }
    let mut slots = vec![None; parameters.len()];
    for (position, argument) in arguments.iter().enumerate() {
        let parameter = if argument.name.is_empty() {
            if position >= parameters.len() {
                let text = format!("Procedure or function {name} has too many arguments specified.");
                return Err(SqlError::new(8144, text).with_state(2));
            }
            position
        } else {
            parameters.iter().position(|p| same_name(&p.name, &argument.name)).ok_or_else(|| {
                SqlError::new(8145, format!("{} is not a parameter for procedure {name}.", argument.name)).with_state(2)
            })?
        };
        if slots[parameter].replace(position).is_some() {
            let text = format!("Parameter '{}' was supplied multiple times.", parameters[parameter].name);
            return Err(SqlError::new(8143, text));
        }
        if argument.output && !parameters[parameter].output {
            let text = format!(
                "The formal parameter \"{}\" was not declared as an OUTPUT parameter, but the actual parameter passed in requested \
                 output.",
                parameters[parameter].name
            );
            return Err(SqlError::new(8162, text).with_state(2));
        }
    }
    Ok(slots)
}
