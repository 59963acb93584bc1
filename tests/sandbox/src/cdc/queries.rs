//! What CDC adds to FROM: `cdc.fn_cdc_get_all_changes_…`, its sibling for net changes, and the tables of `msdb` about jobs. All are SQLite queries in place of a table's
//! name, so they read in the view of the statement that they stand in.
//!
//! <https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-all-changes-capture-instance-transact-sql>

use super::functions::wrong_number_of_arguments;
use super::lsn::Lsn;
use super::visible::{SCHEMA, VisibleColumn};
use super::{instance, net_changes};
use crate::engine::catalog::Catalog;
use crate::engine::functions::raise;
use crate::engine::meta::{Column, Table};
use crate::engine::storage_error;
use crate::error::SqlResult;
use crate::tsql::ast::ObjectName;
use crate::types::{Length, SqlType};
use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use std::sync::Arc;

/// What the names of its functions begin with.
pub const ALL_CHANGES: &str = "fn_cdc_get_all_changes_";
/// The same for net changes.
pub const NET_CHANGES: &str = "fn_cdc_get_net_changes_";
/// Columns of net changes before the captured ones.
const NET_METADATA: usize = 3;

/// Registers what the queries call.
pub fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("sandbox_cdc_range", 6, flags, check_range)
}

/// `sandbox_cdc_range(from, to, low, high, option, is_net)`: true, or error 313 for arguments that are NULL, unknown or outside
/// of what the capture instance holds.
fn check_range(context: &Context<'_>) -> rusqlite::Result<bool> {
    let lsn = |index| match context.get_raw(index) {
        ValueRef::Blob(bytes) => Lsn::from_bytes(bytes),
        _ => None,
    };
    let option: Option<String> = context.get(4)?;
    let is_net: bool = context.get(5)?;
    let options: &[&str] =
        if is_net { &["all", "all with mask", "all with merge"] } else { &["all", "all update old"] };
    let known = option.is_some_and(|option| options.iter().any(|name| option.trim().eq_ignore_ascii_case(name)));
    let inside = match (lsn(0), lsn(1), lsn(2), lsn(3)) {
        (Some(from), Some(to), Some(low), Some(high)) => low <= from && from <= to && to <= high,
        _ => false,
    };
    if known && inside {
        return Ok(true);
    }
    // SQL Server says it with the same words: its functions call one of this name, without arguments.
    let prefix = if is_net { NET_CHANGES } else { ALL_CHANGES };
    Err(raise(wrong_number_of_arguments(&format!("cdc.{prefix} ... "), false)))
}

/// A query function of a capture instance.
pub struct Function<'a> {
    /// SQLite's name of the change table that clients see.
    pub change_table: &'a str,
    /// Its `object_id`.
    pub object_id: i32,
    /// Of net changes.
    pub is_net: bool,
}

/// The rows between the LSNs `{0}` and `{1}`, as a SQLite query that fails as [`check_range`] says, even where there are none: the
/// outer loop of its join checks.
pub fn rows(function: &Function<'_>) -> String {
    format!(
        r#"(WITH "$ok"("$ok") AS MATERIALIZED (
              SELECT sandbox_cdc_gate(role_name, source_object_id, capture_instance, {is_net})
                 AND sandbox_cdc_range({{0}}, {{1}}, start_lsn, (SELECT captured_lsn FROM db."$cdc_state"), {{2}}, {is_net})
              FROM db."$cdc_change_tables" WHERE object_id = {id})
            SELECT c.* FROM "$ok" CROSS JOIN {change_table} AS c WHERE "$ok" AND c."__$start_lsn" BETWEEN {{0}} AND {{1}})"#,
        id = function.object_id,
        is_net = i32::from(function.is_net),
        change_table = function.change_table,
    )
}

/// A table-valued function of the schema `cdc`.
pub fn table_function(
    connection: &Connection,
    catalog: &Catalog,
    name: &ObjectName,
    arguments: usize,
) -> SqlResult<Option<Arc<Table>>> {
    let in_cdc = name.schema.as_deref().is_some_and(|schema| schema.eq_ignore_ascii_case(SCHEMA));
    let lower = name.name.to_ascii_lowercase();
    let is_net = lower.starts_with(NET_CHANGES);
    if !in_cdc || !(is_net || lower.starts_with(ALL_CHANGES)) {
        return Ok(None);
    }
    let prefix = if is_net { NET_CHANGES } else { ALL_CHANGES };
    let Some(entry) = catalog.table(SCHEMA, &format!("{}_CT", &name.name[prefix.len()..])) else { return Ok(None) };
    let object_id = entry.table.object_id;
    let key = if is_net { instance::net_key(connection, object_id).map_err(storage_error)? } else { Vec::new() };
    if is_net && key.is_empty() {
        return Ok(None);
    }
    if arguments != 3 {
        return Err(wrong_number_of_arguments(&format!("cdc.{}", name.name), arguments > 3));
    }
    let function = Function { change_table: &entry.table.sqlite_name, object_id, is_net };
    let hidden: &[&str] =
        if is_net { &["__$end_lsn", "__$seqval", "__$command_id"] } else { &["__$end_lsn", "__$command_id"] };
    let columns: Vec<Column> =
        entry.table.columns.iter().filter(|column| !hidden.contains(&column.name.as_str())).cloned().collect();
    let list: Vec<&str> = columns.iter().map(|column| column.sqlite_name.as_str()).collect();
    let query = if is_net {
        net_changes::query(&function, &list[NET_METADATA..], &key)
    } else {
        format!(
            r#"(SELECT {list} FROM {rows}
                WHERE "__$operation" <> 3 OR lower(trim({{2}})) = 'all update old')"#,
            list = list.join(", "),
            rows = rows(&function),
        )
    };
    Ok(Some(table("cdc", name, catalog, query, columns)))
}

/// A table of `msdb` and what of a job it shows: column, type, and the place in what [`jobs_as_json`](super::reports::jobs_as_json)
/// says of a job, or an expression.
type JobsTable = (&'static str, &'static [(&'static str, SqlType, &'static str)]);

const NAME: SqlType = SqlType::NVarChar(Length::N(128));

/// <https://learn.microsoft.com/sql/relational-databases/system-tables/dbo-cdc-jobs-transact-sql>,
/// <https://learn.microsoft.com/sql/relational-databases/system-tables/dbo-sysjobs-transact-sql>,
/// <https://learn.microsoft.com/sql/relational-databases/system-tables/dbo-sysjobactivity-transact-sql>
const JOBS_TABLES: &[JobsTable] = &[
    (
        "cdc_jobs",
        &[
            ("database_id", SqlType::Int, "value ->> 0"),
            ("job_type", SqlType::NVarChar(Length::N(20)), "value ->> 1"),
            ("job_id", SqlType::UniqueIdentifier, "unhex(value ->> 2)"),
            ("maxtrans", SqlType::Int, "value ->> 3"),
            ("maxscans", SqlType::Int, "value ->> 4"),
            ("continuous", SqlType::Bit, "value ->> 5"),
            ("pollinginterval", SqlType::BigInt, "value ->> 6"),
            ("retention", SqlType::BigInt, "value ->> 7"),
            ("threshold", SqlType::BigInt, "value ->> 8"),
        ],
    ),
    (
        "sysjobs",
        &[
            ("job_id", SqlType::UniqueIdentifier, "unhex(value ->> 2)"),
            ("originating_server_id", SqlType::Int, "0"),
            ("name", NAME, "value ->> 9"),
            ("enabled", SqlType::TinyInt, "1"),
        ],
    ),
    (
        "sysjobactivity",
        &[
            ("session_id", SqlType::Int, "1"),
            ("job_id", SqlType::UniqueIdentifier, "unhex(value ->> 2)"),
            ("run_requested_date", SqlType::DateTime, "value ->> 10"),
            ("start_execution_date", SqlType::DateTime, "value ->> 10"),
            ("stop_execution_date", SqlType::DateTime, "value ->> 11"),
        ],
    ),
];

/// The tables of `msdb` about the jobs of change data capture, from whatever database.
pub fn msdb_table(catalog: &Catalog, name: &ObjectName) -> Option<Arc<Table>> {
    let is =
        |part: &Option<String>, expected: &str| part.as_deref().is_some_and(|part| part.eq_ignore_ascii_case(expected));
    let in_msdb = match &name.database {
        Some(_) => is(&name.database, "msdb"),
        None => catalog.database.eq_ignore_ascii_case("msdb"),
    };
    let in_dbo = name.schema.is_none() || is(&name.schema, "dbo");
    if !(in_msdb && in_dbo) {
        return None;
    }
    let (_, columns) = JOBS_TABLES.iter().find(|(table, _)| table.eq_ignore_ascii_case(&name.name))?;
    let list: Vec<String> = columns.iter().map(|(name, _, expr)| format!("{expr} AS {name}")).collect();
    let query = format!("(SELECT {} FROM json_each(sandbox_cdc_jobs()))", list.join(", "));
    let columns = columns.iter().map(|(name, ty, _)| VisibleColumn::new(name, *ty, true).into_column()).collect();
    Some(table("msdb", name, catalog, query, columns))
}

fn table(schema: &str, name: &ObjectName, catalog: &Catalog, query: String, columns: Vec<Column>) -> Arc<Table> {
    Arc::new(Table {
        database: catalog.database.clone(),
        schema: schema.to_owned(),
        name: name.name.clone(),
        object_id: 0,
        sqlite_name: query,
        writable: false,
        columns,
        primary_key: Vec::new(),
    })
}
