//! Who may see captured changes.
//!
//! Members of `sysadmin` and `db_owner` may; others need SELECT on the source table, and membership in the gating role where the
//! instance has one.
//! <https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server#security-requirements>

use super::queries::{ALL_CHANGES, NET_CHANGES};
use crate::engine::catalog::{Catalog, TableEntry};
use crate::engine::functions::raise;
use crate::engine::session_state::SessionShared;
use crate::error::SqlError;
use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use std::collections::BTreeSet;
use std::sync::Arc;

/// `principal_id` of `db_datareader` and `db_denydatareader`.
const READER: i32 = 16390;
const DENIED_READER: i32 = 16392;
/// Codes of the permissions SELECT and CONTROL, each of which lets somebody read.
const READING: [&str; 2] = ["SL", "CL"];

/// Why somebody may not see the changes of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Not a member of the gating role.
    Role,
    /// No SELECT on the source table.
    Source,
}

/// Whether a session may see the changes of an instance with this role and source table.
pub fn check(session: &SessionShared, role: Option<&str>, source: i32) -> Result<(), Refusal> {
    if session.is_db_owner() {
        return Ok(());
    }
    if role.is_some_and(|role| !session.is_member(role)) {
        return Err(Refusal::Role);
    }
    let principals = session.token().principals.clone();
    let catalog = Arc::clone(&session.state().catalog);
    match catalog.table_by_id(source) {
        Some(table) if may_read(&catalog, &principals, table) => Ok(()),
        _ => Err(Refusal::Source),
    }
}

/// Whether one of these principals was granted SELECT on a table, its schema or the database, and none was denied it.
fn may_read(catalog: &Catalog, principals: &BTreeSet<i32>, table: &TableEntry) -> bool {
    let about: Vec<bool> = catalog
        .principals
        .permissions
        .iter()
        .filter(|permission| {
            let securable = match permission.class {
                0 => true,
                1 => permission.major_id == table.table.object_id,
                3 => permission.major_id == table.schema_id,
                _ => false,
            };
            securable && principals.contains(&permission.grantee) && READING.contains(&permission.kind.trim_end())
        })
        .map(|permission| permission.state.starts_with('D'))
        .collect();
    let denied = principals.contains(&DENIED_READER) || about.contains(&true);
    !denied && (principals.contains(&READER) || about.contains(&false))
}

/// Registers what the templates of functions and queries call.
pub fn register(connection: &Connection, session: &Arc<SessionShared>) -> rusqlite::Result<()> {
    let shared = Arc::clone(session);
    // `sandbox_cdc_may(role, source)`: whether the session may see the changes.
    connection.create_scalar_function("sandbox_cdc_may", 2, FunctionFlags::SQLITE_UTF8, move |context| {
        Ok(asked(&shared, context)?.is_ok())
    })?;
    let shared = Arc::clone(session);
    // `sandbox_cdc_gate(role, source, instance, is_net)`: true, or error 229.
    connection.create_scalar_function("sandbox_cdc_gate", 4, FunctionFlags::SQLITE_UTF8, move |context| {
        let Err(refusal) = asked(&shared, context)? else { return Ok(true) };
        let (instance, is_net): (String, bool) = (context.get(2)?, context.get(3)?);
        let prefix = if is_net { NET_CHANGES } else { ALL_CHANGES };
        // The functions themselves are granted to the role; they find out about the source table, and call one that nobody may.
        let function = if refusal == Refusal::Role { format!("{prefix}{instance}") } else { format!("{prefix}...") };
        Err(raise(denied(&function, &shared.state().database.name)))
    })
}

fn asked(session: &SessionShared, context: &Context<'_>) -> rusqlite::Result<Result<(), Refusal>> {
    let role: Option<String> = context.get(0)?;
    Ok(check(session, role.as_deref(), context.get(1)?))
}

fn denied(function: &str, database: &str) -> SqlError {
    let text =
        format!("The SELECT permission was denied on the object '{function}', database '{database}', schema 'cdc'.");
    SqlError::new(229, text).severity(14).with_state(5)
}
