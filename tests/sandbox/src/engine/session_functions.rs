//! Scalar functions about the session, the server and the catalog, as SQLite functions on the session's connection.
//!
//! Source: <https://learn.microsoft.com/sql/t-sql/functions/metadata-functions-transact-sql> and its neighbours.

use super::database::Identity;
use super::encode::{decode, encode};
use super::meta::SessionFunction;
use super::metadata_functions as metadata;
use super::session_state::SessionShared;
use super::{application_locks, server_views, system_functions as system};
use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::ObjectName;
use crate::tsql::modules::UPDATED;
use crate::types::{Datum, Length, SqlType};
use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::Value;
use std::sync::Arc;

/// A function of the session.
pub(super) struct Function {
    name: &'static str,
    parameters: &'static [SqlType],
    required: usize,
    returns: SqlType,
    run: fn(&SessionShared, &[Datum]) -> Datum,
}

pub(super) const NAME: SqlType = SqlType::NVarChar(Length::N(128));
pub(super) const TEXT: SqlType = SqlType::NVarChar(Length::N(4000));
const LOCK_NAME: SqlType = SqlType::NVarChar(Length::N(255));
const INT: SqlType = SqlType::Int;
/// `numeric(38, 0)`, the type of identity functions.
pub(super) const IDENTITY: SqlType = SqlType::Decimal { precision: 38, scale: 0 };

macro_rules! functions {
    ($(($name:expr, [$($parameter:expr),*], $required:literal, $returns:expr, $run:expr)),* $(,)?) => {
        &[$(Function { name: $name, parameters: &[$($parameter),*], required: $required, returns: $returns, run: $run }),*]
    };
}

const FUNCTIONS: &[Function] = functions![
    ("object_id", [TEXT, NAME], 1, INT, metadata::object_id),
    ("object_name", [INT, INT], 1, NAME, metadata::object_name),
    ("object_schema_name", [INT, INT], 1, NAME, metadata::object_schema_name),
    ("object_definition", [INT], 1, SqlType::NVarChar(Length::Max), metadata::object_definition),
    ("schema_id", [NAME], 0, INT, metadata::schema_id),
    ("schema_name", [INT], 0, NAME, metadata::schema_name),
    ("db_id", [NAME], 0, SqlType::SmallInt, metadata::db_id),
    ("db_name", [INT], 0, NAME, metadata::db_name),
    ("type_id", [NAME], 1, INT, metadata::type_id),
    ("type_name", [INT], 1, NAME, metadata::type_name),
    ("col_name", [INT, INT], 2, NAME, metadata::col_name),
    ("col_length", [TEXT, NAME], 2, SqlType::SmallInt, metadata::col_length),
    ("columnproperty", [INT, NAME, NAME], 3, INT, metadata::column_property),
    ("objectproperty", [INT, NAME], 2, INT, metadata::object_property),
    ("objectpropertyex", [INT, NAME], 2, INT, metadata::object_property),
    ("indexproperty", [INT, NAME, NAME], 3, INT, metadata::index_property),
    ("ident_current", [TEXT], 1, IDENTITY, metadata::ident_current),
    ("ident_seed", [TEXT], 1, IDENTITY, metadata::ident_seed),
    ("ident_incr", [TEXT], 1, IDENTITY, metadata::ident_incr),
    ("serverproperty", [NAME], 1, SqlType::SqlVariant, system::server_property),
    ("databasepropertyex", [NAME, NAME], 2, SqlType::SqlVariant, system::database_property),
    ("connectionproperty", [NAME], 1, SqlType::SqlVariant, system::connection_property),
    ("has_dbaccess", [NAME], 1, INT, system::has_dbaccess),
    ("suser_sname", [SqlType::VarBinary(Length::N(85))], 0, NAME, system::suser_sname),
    ("suser_name", [INT], 0, NAME, system::suser_name),
    ("suser_id", [NAME], 0, INT, system::suser_id),
    ("original_login", [], 0, NAME, |s, _| text(&s.login.name)),
    ("system_user", [], 0, NAME, |s, _| system::acting_name(s)),
    ("user_name", [INT], 0, NAME, system::user_name),
    ("user_id", [NAME], 0, INT, system::user_id),
    ("database_principal_id", [NAME], 0, INT, system::user_id),
    ("current_user", [], 0, NAME, system::user_name),
    ("session_user", [], 0, NAME, system::user_name),
    ("user", [], 0, NAME, system::user_name),
    ("is_member", [NAME], 1, INT, system::is_member),
    ("is_rolemember", [NAME, NAME], 1, INT, system::is_role_member),
    ("is_srvrolemember", [NAME, NAME], 1, INT, system::is_server_role_member),
    ("has_perms_by_name", [TEXT, NAME, NAME, NAME, NAME], 3, INT, system::has_perms_by_name),
    ("host_name", [], 0, NAME, |s, _| text(&s.host_name)),
    ("app_name", [], 0, NAME, |s, _| text(&s.app_name)),
    ("program_name", [], 0, NAME, |s, _| text(&s.app_name)),
    ("xact_state", [], 0, SqlType::SmallInt, |s, _| Datum::SmallInt(s.state().xact_state())),
    ("current_transaction_id", [], 0, SqlType::BigInt, |s, _| Datum::BigInt(s.state().transaction_id as i64)),
    ("rowcount_big", [], 0, SqlType::BigInt, |s, _| Datum::BigInt(s.state().row_count)),
    ("scope_identity", [], 0, IDENTITY, |s, _| identity(s.state().scope_identity.last().copied().flatten())),
    ("context_info", [], 0, SqlType::VarBinary(Length::N(128)), system::context_info),
    ("applock_mode", [NAME, LOCK_NAME, NAME], 3, NAME, application_locks::applock_mode),
    ("applock_test", [NAME, LOCK_NAME, NAME, NAME], 4, SqlType::SmallInt, application_locks::applock_test),
    ("session_context", [NAME], 1, SqlType::SqlVariant, system::session_context),
    ("columns_updated", [], 0, SqlType::VarBinary(Length::N(128)), metadata::columns_updated),
    (UPDATED, [NAME], 1, INT, metadata::updated),
    ("trigger_nestlevel", [INT, NAME, NAME], 0, INT, metadata::trigger_nest_level),
    ("error_number", [], 0, INT, |s, _| caught(s, |e| Datum::Int(e.number))),
    ("error_message", [], 0, TEXT, |s, _| caught(s, |e| text(&e.message))),
    ("error_severity", [], 0, INT, |s, _| caught(s, |e| Datum::Int(i32::from(e.severity)))),
    ("error_state", [], 0, INT, |s, _| caught(s, |e| Datum::Int(i32::from(e.state)))),
    ("error_line", [], 0, INT, |s, _| caught(s, |e| Datum::Int(e.line as i32))),
    ("error_procedure", [], 0, NAME, |s, _| caught(s, |e| {
        if e.procedure.is_empty() { Datum::Null } else { text(&e.procedure) }
    })),
];

/// A text value.
pub(super) fn text(value: &str) -> Datum {
    Datum::String(value.to_owned())
}

/// A property as a `sql_variant`.
fn as_variant(value: Datum) -> Datum {
    let ty = match &value {
        Datum::Int(_) => SqlType::Int,
        Datum::BigInt(_) => SqlType::BigInt,
        _ => NAME,
    };
    super::variant::wrap(value, &ty, None)
}

/// An identity value.
pub(super) fn identity(value: Option<i64>) -> Datum {
    value.map_or(Datum::Null, |v| Datum::Decimal { unscaled: i128::from(v), scale: 0 })
}

fn caught(session: &SessionShared, field: impl Fn(&SqlError) -> Datum) -> Datum {
    session.state().caught.last().map_or(Datum::Null, field)
}

/// Whether a function of the session has this name.
pub fn is_known(name: &str) -> bool {
    FUNCTIONS.iter().any(|f| name.eq_ignore_ascii_case(f.name))
}

/// The function of a name, with its signature for this many arguments.
pub fn find(name: &ObjectName, argument_types: &[SqlType]) -> SqlResult<Option<SessionFunction>> {
    if name.schema.is_some() || name.database.is_some() {
        return Ok(None);
    }
    let Some(function) = FUNCTIONS.iter().find(|f| name.name.eq_ignore_ascii_case(f.name)) else { return Ok(None) };
    let given = argument_types.len();
    if given < function.required || given > function.parameters.len() {
        let (least, most) = (function.required, function.parameters.len());
        let text = if least == most {
            format!("The {} function requires {least} argument(s).", function.name)
        } else {
            format!("The {} function requires {least} to {most} arguments.", function.name)
        };
        return Err(SqlError::new(if least == most { 174 } else { 189 }, text).severity(15));
    }
    Ok(Some(SessionFunction {
        sqlite_name: sqlite_name(function),
        parameters: function.parameters[..given].to_vec(),
        returns: function.returns,
    }))
}

fn sqlite_name(function: &Function) -> String {
    format!("tsql_{}", function.name)
}

/// Registers every function of the session on its connection.
pub fn register(connection: &Connection, session: &Arc<SessionShared>) -> rusqlite::Result<()> {
    for function in FUNCTIONS {
        let session = Arc::clone(session);
        // Within one statement they do not change.
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        connection.create_scalar_function(sqlite_name(function).as_str(), -1, flags, move |context| {
            let mut arguments = Vec::with_capacity(context.len());
            for (index, ty) in function.parameters.iter().enumerate().take(context.len()) {
                arguments.push(decode(context.get_raw(index), ty).map_err(failed)?);
            }
            let result = (function.run)(&session, &arguments);
            let result = if function.returns == SqlType::SqlVariant { as_variant(result) } else { result };
            Ok(encode(&result, &function.returns))
        })?;
    }
    register_identity(connection, session)?;
    let session = Arc::clone(session);
    connection.create_scalar_function(server_views::FUNCTION, 1, FunctionFlags::SQLITE_UTF8, move |context| {
        let name: String = context.get(0)?;
        Ok(server_views::rows(&session, &name))
    })
}

/// Identity counters: see the conventions in [`compiled`](super::compiled).
fn register_identity(connection: &Connection, session: &Arc<SessionShared>) -> rusqlite::Result<()> {
    let owner = Arc::clone(session);
    connection.create_scalar_function("sandbox_next_identity", 1, FunctionFlags::SQLITE_UTF8, move |context| {
        let table: i32 = context.get(0)?;
        let value = with_identity(&owner, table, Identity::take_next).flatten().ok_or_else(|| {
            let ty = with_identity(&owner, table, |identity| identity.type_name).unwrap_or("int");
            let text = format!("Arithmetic overflow error converting IDENTITY to data type {ty}.");
            failed(SqlError::new(8115, text).with_state(1))
        })?;
        owner.state().note_identity(value);
        Ok(value)
    })?;
    let owner = Arc::clone(session);
    connection.create_scalar_function("sandbox_next_rowversion", 1, FunctionFlags::SQLITE_UTF8, move |context| {
        let temporary: bool = context.get(0)?;
        let value = if temporary {
            super::rowversion::TEMPORARY.take_next()
        } else {
            let database = Arc::clone(&owner.state().database);
            database.rowversion().take_next()
        };
        Ok(value.to_be_bytes().to_vec())
    })?;
    let owner = Arc::clone(session);
    connection.create_scalar_function("sandbox_min_active_rowversion", 0, FunctionFlags::SQLITE_UTF8, move |_| {
        let database = Arc::clone(&owner.state().database);
        Ok(database.rowversion().lowest_active().to_be_bytes().to_vec())
    })?;
    let owner = Arc::clone(session);
    let reader = Arc::clone(session);
    connection.create_scalar_function("sandbox_identity_last", 2, FunctionFlags::SQLITE_UTF8, move |context| {
        let stored: Option<i64> = context.get(1)?;
        Ok(with_identity(&reader, context.get(0)?, |identity| identity.last).unwrap_or(stored))
    })?;
    connection.create_scalar_function("sandbox_note_identity", 2, FunctionFlags::SQLITE_UTF8, move |context| {
        let table: i32 = context.get(0)?;
        if let Some(value) = context.get::<Option<i64>>(1)? {
            with_identity(&owner, table, |identity| identity.note(value));
            owner.state().note_identity(value);
        }
        value_of(context, 1)
    })
}

fn value_of(context: &Context<'_>, index: usize) -> rusqlite::Result<Value> {
    context.get(index)
}

/// Runs `f` on the counter of a table; the session loaded it before the statement.
pub(super) fn with_identity<T>(session: &SessionShared, table: i32, f: impl FnOnce(&mut Identity) -> T) -> Option<T> {
    let mut state = session.state();
    if let Some(identity) = state.temporary_identities.get_mut(&table) {
        return Some(f(identity));
    }
    let database = Arc::clone(&state.database);
    drop(state);
    database.identity(table, f)
}

/// A T-SQL error on its way through SQLite.
fn failed(error: SqlError) -> rusqlite::Error {
    rusqlite::Error::UserFunctionError(super::constraint_errors::encode_error(&error).into())
}
