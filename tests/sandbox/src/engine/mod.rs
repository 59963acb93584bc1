//! The engine: T-SQL over SQLite.
mod aggregates;
pub mod alias_types;
mod alter_column;
mod alter_temporary;
mod application_locks;
mod apply;
pub mod backup;
mod binder;
pub mod bulk;
pub mod calendar;
pub mod catalog;
mod catalog_procedures;
pub mod catalog_store;
mod check_identity;
pub mod clock;
mod clr_types;
pub mod code_page;
pub mod collation;
pub mod compare_key;
pub mod compile;
pub mod compiled;
mod computed;
pub mod configuration;
pub mod constraint_errors;
mod constraint_names;
pub mod convert;
pub mod convert_temporal;
pub mod convert_text;
mod ctes;
mod data_statements;
pub mod database;
pub mod database_access;
pub mod date_parts;
mod ddl;
mod ddl_alter;
mod ddl_constraints;
mod ddl_index;
mod ddl_table;
pub mod decimal;
mod default_text;
mod describe;
pub mod dml;
pub mod dml_change;
pub mod dml_merge;
mod dml_staged;
mod duplicate_keys;
pub mod encode;
mod evaluation;
mod expr;
mod expr_aggregate;
mod expr_arith;
mod expr_call;
mod expr_compare;
mod expr_walk;
pub mod extension;
pub mod firing;
pub mod foreign_keys;
mod format_only;
pub mod frame;
mod from;
pub mod functions;
mod grouping_sets;
pub mod interpreter;
mod json;
pub mod like;
pub mod locks;
pub mod logins;
pub mod meta;
mod metadata_functions;
mod module_check;
mod module_procedures;
mod module_statements;
pub mod modules;
mod moved_keys;
mod order_by;
mod ownership;
pub mod parse_temporal;
mod permissions;
pub mod plans;
pub mod prepared;
mod principal_statements;
pub mod principals;
pub mod procedures;
pub mod quoting;
mod raise;
mod rename;
pub mod rowversion;
mod running;
mod running_assignments;
mod scalar_dates;
mod scalar_functions;
mod scalar_texts;
pub mod scope;
pub mod security;
mod select;
mod sequences;
mod server_permissions;
mod server_principals;
pub mod server_state;
mod server_views;
pub mod session;
mod session_functions;
mod session_locks;
mod session_options;
pub mod session_state;
mod set_operations;
mod snapshot_options;
pub mod sqlite_engine;
mod staged_changes;
mod statements;
pub mod stop;
mod system_functions;
pub mod system_types;
pub mod system_variables;
mod system_views;
mod table_design;
mod table_rebuild;
mod table_text;
pub mod table_types;
mod table_variables;
mod text_calls;
mod top;
pub mod transaction;
mod transaction_access;
pub mod type_rules;
pub mod typed;
mod user_procedures;
pub mod variant;
mod views;
pub mod xml;

pub use sqlite_engine::{EngineOptions, SqliteEngine, Synchronous};

use crate::error::SqlError;

/// The T-SQL error for what SQLite reports outside of a statement's own rows. Names and rows do not occur in it.
pub fn storage_error(error: rusqlite::Error) -> SqlError {
    storage_message(&error)
}

fn storage_message(error: &rusqlite::Error) -> SqlError {
    use rusqlite::ErrorCode;
    let text = error.to_string();
    if let Some(raised) = constraint_errors::decode_error(&text) {
        return raised;
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            SqlError::new(1222, "Lock request time out period exceeded.").with_state(51)
        }
        Some(ErrorCode::DiskFull) => {
            SqlError::new(1105, "Could not allocate space in database because the disk is full.").severity(17)
        }
        _ => SqlError::new(8180, format!("sandbox: storage: {text}")),
    }
}

#[cfg(test)]
mod compiler_tests;
#[cfg(test)]
mod session_tests;
