//! System procedures about modules and the session.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-helptext-transact-sql>,
//! <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-settriggerorder-transact-sql>.

use super::metadata_functions::split_name;
use super::procedures::{Argument, argument, integer_argument, text_argument};
use super::session::SqlSession;
use super::stop::Exec;
use super::transaction::Writes;
use crate::error::SqlError;
use crate::session::{ColumnMeta, Sink};
use crate::tsql::ast::ObjectName;
use crate::types::{Datum, Length, SqlType};

/// Longest piece of text in a row of `sp_helptext`.
const HELPTEXT_WIDTH: usize = 255;

impl SqlSession {
    /// Runs one of these procedures; `None` if the name is none of theirs.
    pub(super) fn module_procedure(
        &mut self,
        name: &ObjectName,
        arguments: &mut [Argument],
        sink: &mut dyn Sink,
    ) -> Option<Exec<i32>> {
        match name.name.to_ascii_lowercase().as_str() {
            "sp_helptext" => Some(self.sp_helptext(arguments, sink)),
            "sp_set_session_context" => Some(self.sp_set_session_context(arguments)),
            "sp_sequence_get_range" => Some(self.sp_sequence_get_range(arguments)),
            "sp_settriggerorder" => Some(self.sp_settriggerorder(arguments, sink)),
            "sp_depends" | "sp_refreshview" | "sp_refreshsqlmodule" | "sp_recompile" | "sp_procoption" => {
                Some(Err(SqlError::unsupported(&name.name).into()))
            }
            _ => None,
        }
    }

    /// `sp_set_session_context @key, @value [, @read_only]`.
    fn sp_set_session_context(&mut self, arguments: &[Argument]) -> Exec<i32> {
        let Some(key) = text_argument(arguments, "@key", 0) else {
            let text = "The parameters supplied for the procedure \"sp_set_session_context\" are not valid.";
            return Err(SqlError::new(15666, text).into());
        };
        let Some(value) = argument(arguments, "@value", 1) else {
            let text =
                "Procedure or function 'sp_set_session_context' expects parameter '@value', which was not supplied.";
            return Err(SqlError::new(201, text).with_state(4).into());
        };
        let read_only = integer_argument(arguments, "@read_only", 2)?.unwrap_or(0) != 0;
        let mut state = self.shared.state();
        let folded = super::catalog::fold(&key);
        if state.session_context.get(&folded).is_some_and(|(_, _, read_only)| *read_only) {
            let text = format!(
                "Cannot set key '{key}' in the session context. The key has been set as read_only for this session."
            );
            return Err(SqlError::new(15664, text).into());
        }
        state.session_context.insert(folded, (value.value.clone(), value.ty, read_only));
        Ok(0)
    }

    /// `sp_helptext @objname`: the text of a module, a line a row.
    fn sp_helptext(&mut self, arguments: &[Argument], sink: &mut dyn Sink) -> Exec<i32> {
        let written = text_argument(arguments, "@objname", 0).unwrap_or_default();
        if text_argument(arguments, "@columnname", 1).is_some() {
            return Err(SqlError::unsupported("sp_helptext of a column").into());
        }
        self.refresh_catalog()?;
        let catalog = self.catalog();
        let object = split_name(&written)
            .and_then(|(_, schema, name)| catalog.object(schema.as_deref().unwrap_or("dbo"), &name).cloned());
        let Some(object) = object else {
            let text = format!(
                "The object '{written}' does not exist in database '{}' or is invalid for this operation.",
                catalog.database
            );
            return Err(SqlError { procedure: "sp_helptext".to_owned(), ..SqlError::new(15009, text) }.into());
        };
        let Some(module) = catalog.modules.get(&object.object_id) else {
            let text = format!("There is no text for object '{written}'.");
            return Err(SqlError { procedure: "sp_helptext".to_owned(), ..SqlError::new(15197, text) }.into());
        };
        let ty = SqlType::NVarChar(Length::N(HELPTEXT_WIDTH as u16));
        let column = ColumnMeta { name: "Text".to_owned(), ty, nullable: true, identity: false, computed: false };
        sink.columns(&[column])?;
        let mut rows = 0;
        for line in module.definition.split_inclusive('\n') {
            let characters: Vec<char> = line.chars().collect();
            for piece in characters.chunks(HELPTEXT_WIDTH) {
                sink.row(&[Datum::String(piece.iter().collect())])?;
                rows += 1;
            }
        }
        sink.statement_done(Some(rows), true)?;
        Ok(0)
    }

    /// `sp_settriggerorder @triggername, @order, @stmttype`.
    fn sp_settriggerorder(&mut self, arguments: &[Argument], sink: &mut dyn Sink) -> Exec<i32> {
        let text = |name: &str, position: usize| text_argument(arguments, name, position).unwrap_or_default();
        let (written, order, event) = (text("@triggername", 0), text("@order", 1), text("@stmttype", 2));
        let invalid = || {
            let text = "An invalid parameter or option was specified for procedure 'sys.sp_settriggerorder'.";
            SqlError::new(15600, text).severity(15)
        };
        let event = match event.to_ascii_uppercase().as_str() {
            "INSERT" => 1,
            "UPDATE" => 2,
            "DELETE" => 3,
            _ => return Err(invalid().into()),
        };
        let column = match order.to_ascii_lowercase().as_str() {
            "first" => Some("is_first"),
            "last" => Some("is_last"),
            "none" => None,
            _ => return Err(invalid().into()),
        };
        self.refresh_catalog()?;
        let catalog = self.catalog();
        let module = split_name(&written)
            .and_then(|(_, schema, name)| catalog.object(schema.as_deref().unwrap_or("dbo"), &name))
            .and_then(|object| {
                catalog.modules.get(&object.object_id).filter(|module| module.trigger.is_some()).cloned()
            });
        let Some(module) = module else {
            let text = format!("The object '{written}' does not exist or is invalid for this operation.");
            return Err(SqlError::new(15165, text).into());
        };
        if !module.trigger.as_ref().is_some_and(|t| t.events.iter().any(|(number, _, _)| *number == event)) {
            let text = format!("The '{written}' trigger is not for '{}' statements.", text("@stmttype", 2));
            return Err(SqlError::new(15125, text).into());
        }
        self.write(Writes::Database, sink, |s, _| {
            s.connection.execute(
                r#"UPDATE db."$trigger_events" SET is_first = 0, is_last = 0 WHERE object_id = ?1 AND type = ?2"#,
                (module.object_id, event),
            )?;
            if let Some(column) = column {
                let other = catalog.modules.values().find(|other| {
                    let placed = |t: &super::modules::Trigger| {
                        t.events.iter().any(|(number, first, last)| {
                            *number == event && if column == "is_first" { *first } else { *last }
                        })
                    };
                    other.parent == module.parent
                        && other.object_id != module.object_id
                        && other.trigger.as_ref().is_some_and(placed)
                });
                if let Some(other) = other {
                    let text = format!(
                        "There already exists a '{order}' trigger for '{}'. ({})",
                        text("@stmttype", 2),
                        other.name
                    );
                    return Err(SqlError::new(15130, text).into());
                }
                s.connection.execute(
                    &format!(r#"UPDATE db."$trigger_events" SET {column} = 1 WHERE object_id = ?1 AND type = ?2"#),
                    (module.object_id, event),
                )?;
            }
            s.table_changed(module.object_id).map_err(Into::into)
        })?;
        Ok(0)
    }
}
