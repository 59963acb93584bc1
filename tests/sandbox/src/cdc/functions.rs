//! The functions of CDC in T-SQL.
//!
//! Those that read tables are templates of SQLite expressions, so that they see what their statement sees: in a snapshot
//! transaction, too, `sys.fn_cdc_get_max_lsn()` never promises more than the change tables show.
//!
//! <https://learn.microsoft.com/sql/relational-databases/system-functions/change-data-capture-functions-transact-sql>

use super::lsn::Lsn;
use super::visible::{LSN, NAME};
use crate::engine::meta::SessionFunction;
use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::ObjectName;
use crate::types::{Length, SqlType};
use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;

const MASK: SqlType = SqlType::VarBinary(Length::N(128));

/// Registers what the templates call.
pub fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("sandbox_cdc_increment", 1, flags, |context| step(context, Lsn::next))?;
    connection.create_scalar_function("sandbox_cdc_decrement", 1, flags, |context| step(context, Lsn::previous))?;
    connection.create_scalar_function("sandbox_cdc_is_bit_set", 2, flags, is_bit_set)
}

fn step(context: &Context<'_>, step: fn(Lsn) -> Lsn) -> rusqlite::Result<Option<Vec<u8>>> {
    let lsn = match context.get_raw(0) {
        ValueRef::Blob(bytes) => Lsn::from_bytes(bytes),
        _ => None,
    };
    Ok(lsn.map(|lsn| step(lsn).to_bytes().to_vec()))
}

/// Ordinal 1 is the lowest bit of the last byte.
fn is_bit_set(context: &Context<'_>) -> rusqlite::Result<Option<bool>> {
    let (ValueRef::Integer(position), ValueRef::Blob(mask)) = (context.get_raw(0), context.get_raw(1)) else {
        return Ok(None);
    };
    let Some(bit) = usize::try_from(position - 1).ok() else { return Ok(Some(false)) };
    let byte = mask.len().checked_sub(bit / 8 + 1).map_or(0, |at| mask[at]);
    Ok(Some(byte >> (bit % 8) & 1 == 1))
}

const MAX_LSN: &str = r#"(SELECT captured_lsn FROM db."$cdc_state" WHERE captured_lsn > zeroblob(10))"#;

const MIN_LSN: &str = r#"(coalesce((SELECT start_lsn FROM db."$cdc_change_tables" WHERE lower(capture_instance) = lower({0})
    AND sandbox_cdc_may(role_name, source_object_id)), zeroblob(10)))"#;

const ORDINAL: &str = r#"(SELECT c.column_ordinal FROM db."$cdc_captured_columns" c JOIN db."$cdc_change_tables" t USING (object_id)
    WHERE lower(t.capture_instance) = lower({0}) AND lower(c.column_name) = lower({1})
    AND sandbox_cdc_may(t.role_name, t.source_object_id))"#;

const LSN_TO_TIME: &str = r#"(SELECT tran_end_time FROM db."cdc.lsn_time_mapping" WHERE start_lsn = {0})"#;

const TIME_TO_LSN: &str = r#"(CASE lower({0})
    WHEN 'largest less than' THEN (SELECT max(start_lsn) FROM db."cdc.lsn_time_mapping" WHERE tran_end_time < {1})
    WHEN 'largest less than or equal' THEN (SELECT max(start_lsn) FROM db."cdc.lsn_time_mapping" WHERE tran_end_time <= {1})
    WHEN 'smallest greater than' THEN (SELECT min(start_lsn) FROM db."cdc.lsn_time_mapping" WHERE tran_end_time > {1})
    WHEN 'smallest greater than or equal' THEN (SELECT min(start_lsn) FROM db."cdc.lsn_time_mapping" WHERE tran_end_time >= {1})
    END)"#;

/// A scalar function by name, if it is one of CDC's.
pub fn find(name: &ObjectName, arguments: usize) -> SqlResult<Option<SessionFunction>> {
    let is_sys = name.schema.as_deref().is_some_and(|schema| schema.eq_ignore_ascii_case("sys"));
    if !is_sys {
        return Ok(None);
    }
    let lower = name.name.to_ascii_lowercase();
    let (text, parameters, returns) = match lower.as_str() {
        "fn_cdc_get_max_lsn" => (MAX_LSN.to_owned(), vec![], LSN),
        "fn_cdc_get_min_lsn" => (MIN_LSN.to_owned(), vec![NAME], LSN),
        "fn_cdc_increment_lsn" => ("sandbox_cdc_increment".to_owned(), vec![LSN], LSN),
        "fn_cdc_decrement_lsn" => ("sandbox_cdc_decrement".to_owned(), vec![LSN], LSN),
        "fn_cdc_is_bit_set" => ("sandbox_cdc_is_bit_set".to_owned(), vec![SqlType::Int, MASK], SqlType::Bit),
        "fn_cdc_get_column_ordinal" => (ORDINAL.to_owned(), vec![NAME, NAME], SqlType::Int),
        "fn_cdc_has_column_changed" => {
            (format!("(sandbox_cdc_is_bit_set({ORDINAL}, {{2}}))"), vec![NAME, NAME, MASK], SqlType::Bit)
        }
        "fn_cdc_map_lsn_to_time" => (LSN_TO_TIME.to_owned(), vec![LSN], SqlType::DateTime),
        "fn_cdc_map_time_to_lsn" => {
            (TIME_TO_LSN.to_owned(), vec![SqlType::NVarChar(Length::N(30)), SqlType::DateTime], LSN)
        }
        _ => return Ok(None),
    };
    if parameters.len() != arguments {
        return Err(wrong_number_of_arguments(&format!("sys.{lower}"), arguments > parameters.len()));
    }
    Ok(Some(SessionFunction { sqlite_name: text, parameters, returns }))
}

/// Errors 313 and 8144.
pub fn wrong_number_of_arguments(function: &str, too_many: bool) -> SqlError {
    if too_many {
        return SqlError::new(8144, format!("Procedure or function {function} has too many arguments specified."));
    }
    let text = format!("An insufficient number of arguments were supplied for the procedure or function {function}.");
    SqlError::new(313, text).with_state(3)
}
