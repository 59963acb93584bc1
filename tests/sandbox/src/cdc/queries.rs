//! What CDC adds to FROM: `cdc.fn_cdc_get_all_changes_…` and `msdb.dbo.cdc_jobs`. Both are SQLite queries in place of a table's
//! name, so they read in the view of the statement that they stand in.
//!
//! <https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-all-changes-capture-instance-transact-sql>

use super::functions::wrong_number_of_arguments;
use super::lsn::Lsn;
use super::visible::{LSN, SCHEMA};
use crate::engine::catalog::Catalog;
use crate::engine::functions::raise;
use crate::engine::meta::{Column, Table};
use crate::engine::quoting::{literal, quote};
use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::ObjectName;
use crate::types::{Length, SqlType};
use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use std::sync::Arc;

const ALL_CHANGES: &str = "fn_cdc_get_all_changes_";
const NET_CHANGES: &str = "fn_cdc_get_net_changes_";

/// Registers what the queries call.
pub fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("sandbox_cdc_range", 6, flags, check_range)
}

/// `sandbox_cdc_range(from, to, low, high, filter, function)`: true, or error 313 for arguments that are NULL, unknown or
/// outside of what the capture instance holds.
fn check_range(context: &Context<'_>) -> rusqlite::Result<bool> {
    let lsn = |index| match context.get_raw(index) {
        ValueRef::Blob(bytes) => Lsn::from_bytes(bytes),
        _ => None,
    };
    let filter: Option<String> = context.get(4)?;
    let known = filter.is_some_and(|filter| {
        ["all", "all update old"].iter().any(|name| filter.trim_end().eq_ignore_ascii_case(name))
    });
    let inside = match (lsn(0), lsn(1), lsn(2), lsn(3)) {
        (Some(from), Some(to), Some(low), Some(high)) => low <= from && from <= to && to <= high,
        _ => false,
    };
    if known && inside {
        return Ok(true);
    }
    let function: String = context.get(5)?;
    // SQL Server has no better message for a range outside of the change table's validity interval either.
    Err(raise(wrong_number_of_arguments(&function, false)))
}

/// A table-valued function of the schema `cdc`.
pub fn table_function(catalog: &Catalog, name: &ObjectName, arguments: usize) -> SqlResult<Option<Arc<Table>>> {
    let in_cdc = name.schema.as_deref().is_some_and(|schema| schema.eq_ignore_ascii_case(SCHEMA));
    if !in_cdc {
        return Ok(None);
    }
    let lower = name.name.to_ascii_lowercase();
    if lower.starts_with(NET_CHANGES) {
        return Err(SqlError::unsupported("cdc.fn_cdc_get_net_changes_…"));
    }
    if !lower.starts_with(ALL_CHANGES) {
        return Ok(None);
    }
    let instance = &name.name[ALL_CHANGES.len()..];
    let Some(entry) = catalog.table(SCHEMA, &format!("{instance}_CT")) else { return Ok(None) };
    let function = format!("cdc.{}", name.name);
    if arguments != 3 {
        return Err(wrong_number_of_arguments(&format!("{function} ... "), arguments > 3));
    }
    let columns: Vec<Column> = entry
        .table
        .columns
        .iter()
        .filter(|column| !matches!(column.name.as_str(), "__$end_lsn" | "__$command_id"))
        .cloned()
        .collect();
    let list: Vec<&str> = columns.iter().map(|column| column.sqlite_name.as_str()).collect();
    let change_table = entry.table.sqlite_name.as_str();
    let query = format!(
        r#"(SELECT {list} FROM {change_table}
            WHERE sandbox_cdc_range({{0}}, {{1}},
                (SELECT start_lsn FROM db."$cdc_change_tables" WHERE object_id = {id}),
                (SELECT captured_lsn FROM db."$cdc_state"), {{2}}, {function})
            AND "__$start_lsn" BETWEEN {{0}} AND {{1}}
            AND ("__$operation" <> 3 OR lower(rtrim({{2}})) = 'all update old'))"#,
        list = list.join(", "),
        id = entry.table.object_id,
        function = literal(&format!("{function} ... ")),
    );
    Ok(Some(table("cdc", name, catalog, query, columns)))
}

/// `msdb.dbo.cdc_jobs`, from whatever database.
pub fn jobs_table(catalog: &Catalog, name: &ObjectName) -> Option<Arc<Table>> {
    let is =
        |part: &Option<String>, expected: &str| part.as_deref().is_some_and(|part| part.eq_ignore_ascii_case(expected));
    let in_msdb = match &name.database {
        Some(_) => is(&name.database, "msdb"),
        None => catalog.database.eq_ignore_ascii_case("msdb"),
    };
    let in_dbo = name.schema.is_none() || is(&name.schema, "dbo");
    if !(in_msdb && in_dbo && name.name.eq_ignore_ascii_case("cdc_jobs")) {
        return None;
    }
    let columns = [
        ("database_id", SqlType::Int),
        ("job_type", SqlType::NVarChar(Length::N(20))),
        ("job_id", SqlType::UniqueIdentifier),
        ("maxtrans", SqlType::Int),
        ("maxscans", SqlType::Int),
        ("continuous", SqlType::Bit),
        ("pollinginterval", SqlType::BigInt),
        ("retention", SqlType::BigInt),
        ("threshold", SqlType::BigInt),
    ];
    let list: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(at, (name, ty))| match ty {
            SqlType::UniqueIdentifier => format!("unhex(value ->> {at}) AS {name}"),
            _ => format!("value ->> {at} AS {name}"),
        })
        .collect();
    let query = format!("(SELECT {} FROM json_each(sandbox_cdc_jobs()))", list.join(", "));
    let columns = columns.iter().map(|(name, ty)| column(name, *ty)).collect();
    Some(table("msdb", name, catalog, query, columns))
}

fn column(name: &str, ty: SqlType) -> Column {
    Column {
        name: name.to_owned(),
        ty,
        nullable: ty != LSN,
        identity: None,
        collation: None,
        default: None,
        computed: None,
        sqlite_name: quote(name),
    }
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
