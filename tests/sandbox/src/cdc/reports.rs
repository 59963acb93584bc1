//! Result sets of the procedures that report.

use super::instance::Instance;
use super::jobs::{Job, JobType};
use super::permissions;
use super::visible::{LSN, NAME};
use super::worker::DatabaseCapture;
use crate::engine::catalog::Catalog;
use crate::engine::encode::decode;
use crate::engine::quoting::bracket;
use crate::engine::session::SqlSession;
use crate::engine::stop::Exec;
use crate::engine::system_types::facets;
use crate::session::{ColumnMeta, Sink};
use crate::types::{Datum, Length, SqlType};
use rusqlite::Connection;
use rusqlite::types::{Value, ValueRef};
use std::collections::BTreeMap;
use std::sync::Arc;

fn columns(columns: &[(&str, SqlType)]) -> Vec<ColumnMeta> {
    columns
        .iter()
        .map(|(name, ty)| ColumnMeta {
            name: (*name).to_owned(),
            ty: *ty,
            nullable: true,
            identity: false,
            computed: false,
        })
        .collect()
}

/// Sends a result set of storage-encoded values.
fn send(sink: &mut dyn Sink, shape: &[(&str, SqlType)], rows: &[Vec<Value>]) -> Exec<()> {
    sink.columns(&columns(shape))?;
    for row in rows {
        let row: Vec<Datum> = row
            .iter()
            .zip(shape)
            .map(|(value, (_, ty))| decode(ValueRef::from(value), ty))
            .collect::<Result<_, _>>()?;
        sink.row(&row)?;
    }
    sink.statement_done(Some(rows.len() as u64), true)?;
    Ok(())
}

/// `sys.sp_cdc_help_change_data_capture`:
/// <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-help-change-data-capture-transact-sql>.
pub fn help(session: &SqlSession, catalog: &Catalog, table: Option<i32>, sink: &mut dyn Sink) -> Exec<()> {
    let connection = &session.connection;
    let max = SqlType::NVarChar(Length::Max);
    let shape = [
        ("source_schema", NAME),
        ("source_table", NAME),
        ("capture_instance", NAME),
        ("object_id", SqlType::Int),
        ("source_object_id", SqlType::Int),
        ("start_lsn", LSN),
        ("end_lsn", LSN),
        ("supports_net_changes", SqlType::Bit),
        ("has_drop_pending", SqlType::Bit),
        ("role_name", NAME),
        ("index_name", NAME),
        ("filegroup_name", NAME),
        ("create_date", SqlType::DateTime),
        ("index_column_list", max),
        ("captured_column_list", max),
    ];
    let mut statement = connection.prepare_cached(
        r#"SELECT capture_instance, object_id, source_object_id, start_lsn, end_lsn, supports_net_changes, has_drop_pending,
                  role_name, index_name, filegroup_name, create_date
           FROM db."$cdc_change_tables" WHERE ?1 IS NULL OR source_object_id = ?1 ORDER BY source_object_id, object_id"#,
    )?;
    let found: Vec<Vec<Value>> =
        statement.query_map([table], |row| (0..11).map(|index| row.get(index)).collect())?.collect::<Result<_, _>>()?;
    let mut rows = Vec::with_capacity(found.len());
    for values in found {
        let (Value::Integer(object_id), Value::Integer(source)) = (&values[1], &values[2]) else { continue };
        let (object_id, source) = (*object_id as i32, *source as i32);
        let role = if let Value::Text(role) = &values[7] { Some(role.as_str()) } else { None };
        if permissions::check(&session.shared, role, source).is_err() {
            continue;
        }
        let Some(entry) = catalog.table_by_id(source) else { continue };
        let mut row = vec![Value::Text(entry.table.schema.clone()), Value::Text(entry.table.name.clone())];
        row.extend(values);
        row.push(names(connection, "$cdc_index_columns", "index_ordinal", object_id)?);
        row.push(names(connection, "$cdc_captured_columns", "column_ordinal", object_id)?);
        rows.push(row);
    }
    send(sink, &shape, &rows)
}

/// `sys.sp_cdc_get_captured_columns`:
/// <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-get-captured-columns-transact-sql>.
pub fn captured_columns(
    connection: &Connection,
    catalog: &Catalog,
    instance: &Instance,
    sink: &mut dyn Sink,
) -> Exec<()> {
    let shape = [
        ("source_schema", NAME),
        ("source_table", NAME),
        ("capture_instance", NAME),
        ("column_name", NAME),
        ("column_id", SqlType::Int),
        ("column_ordinal", SqlType::Int),
        ("data_type", NAME),
        ("character_maximum_length", SqlType::Int),
        ("numeric_precision", SqlType::TinyInt),
        ("numeric_precision_radix", SqlType::SmallInt),
        ("numeric_scale", SqlType::Int),
        ("datetime_precision", SqlType::SmallInt),
    ];
    let source = source_of(catalog, instance);
    let change_table = catalog.table_by_id(instance.object_id);
    let mut statement = connection.prepare_cached(
        r#"SELECT column_name, column_id, column_ordinal, column_type FROM db."$cdc_captured_columns"
           WHERE object_id = ?1 ORDER BY column_ordinal"#,
    )?;
    let columns: Vec<Vec<Value>> = statement
        .query_map([instance.object_id], |row| (0..4).map(|index| row.get(index)).collect())?
        .collect::<Result<_, _>>()?;
    let mut rows = Vec::with_capacity(columns.len());
    for column in columns {
        let mut row = source.clone();
        let shown = match &column[0] {
            Value::Text(name) => change_table.and_then(|table| table.find(name).map(|at| table.table.columns[at].ty)),
            _ => None,
        };
        row.extend(column);
        row.extend(shown.map_or_else(|| vec![Value::Null; 5], |ty| type_facets(&ty)));
        rows.push(row);
    }
    send(sink, &shape, &rows)
}

/// `sys.sp_cdc_get_ddl_history`:
/// <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-get-ddl-history-transact-sql>.
pub fn ddl_history(connection: &Connection, catalog: &Catalog, instance: &Instance, sink: &mut dyn Sink) -> Exec<()> {
    let shape = [
        ("source_schema", NAME),
        ("source_table", NAME),
        ("capture_instance", NAME),
        ("required_column_update", SqlType::Bit),
        ("ddl_command", SqlType::NVarChar(Length::Max)),
        ("ddl_lsn", LSN),
        ("ddl_time", SqlType::DateTime),
    ];
    let source = source_of(catalog, instance);
    let mut statement = connection.prepare_cached(
        r#"SELECT required_column_update, ddl_command, ddl_lsn, ddl_time FROM db."cdc.ddl_history"
           WHERE object_id = ?1 ORDER BY ddl_lsn"#,
    )?;
    let found: Vec<Vec<Value>> = statement
        .query_map([instance.object_id], |row| (0..4).map(|index| row.get(index)).collect())?
        .collect::<Result<_, _>>()?;
    let rows: Vec<Vec<Value>> = found.into_iter().map(|row| source.iter().cloned().chain(row).collect()).collect();
    send(sink, &shape, &rows)
}

/// Schema and name of an instance's table, and the instance's name.
fn source_of(catalog: &Catalog, instance: &Instance) -> Vec<Value> {
    let text = |text: &str| Value::Text(text.to_owned());
    let source = catalog.table_by_id(instance.source_object_id);
    let mut row = source.map_or_else(
        || vec![Value::Null, Value::Null],
        |source| vec![text(&source.table.schema), text(&source.table.name)],
    );
    row.push(text(&instance.name));
    row
}

/// Length, precision, radix, scale and precision of the time, as `INFORMATION_SCHEMA.COLUMNS` shows them.
fn type_facets(ty: &SqlType) -> Vec<Value> {
    let mut row = vec![Value::Null; 5];
    let mut set = |at: usize, value: i64| row[at] = Value::Integer(value);
    let length = |length: &Length| match length {
        Length::N(n) => i64::from(*n),
        Length::Max => -1,
    };
    match ty {
        SqlType::Char(n) | SqlType::NChar(n) | SqlType::Binary(n) => set(0, i64::from(*n)),
        SqlType::VarChar(n) | SqlType::NVarChar(n) | SqlType::VarBinary(n) => set(0, length(n)),
        SqlType::Real | SqlType::Float => {
            set(1, i64::from(facets(ty).precision));
            set(2, 2);
        }
        // As long as can be, in characters or bytes.
        SqlType::Text | SqlType::Image => set(0, i64::from(i32::MAX)),
        SqlType::NText => set(0, i64::from(i32::MAX / 2)),
        SqlType::Xml => set(0, -1),
        SqlType::TinyInt
        | SqlType::SmallInt
        | SqlType::Int
        | SqlType::BigInt
        | SqlType::Decimal { .. }
        | SqlType::Money
        | SqlType::SmallMoney => {
            set(1, i64::from(facets(ty).precision));
            set(2, 10);
            set(3, i64::from(facets(ty).scale));
        }
        SqlType::Date | SqlType::SmallDateTime => set(4, 0),
        SqlType::DateTime => set(4, 3),
        SqlType::Time(n) | SqlType::DateTime2(n) | SqlType::DateTimeOffset(n) => set(4, i64::from(*n)),
        _ => {}
    }
    row
}

/// Column names in brackets, with commas between.
fn names(connection: &Connection, table: &str, order: &str, object_id: i32) -> rusqlite::Result<Value> {
    let sql = format!(r#"SELECT column_name FROM db."{table}" WHERE object_id = ?1 ORDER BY {order}"#);
    let names: Vec<String> =
        connection.prepare_cached(&sql)?.query_map([object_id], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let quoted: Vec<String> = names.iter().map(|name| bracket(name)).collect();
    Ok(if quoted.is_empty() { Value::Null } else { Value::Text(quoted.join(", ")) })
}

/// `sys.sp_cdc_help_jobs`:
/// <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-help-jobs-transact-sql>.
pub fn help_jobs(jobs: &[Job], database: &str, sink: &mut dyn Sink) -> Exec<()> {
    let shape = [
        ("job_id", SqlType::UniqueIdentifier),
        ("job_type", SqlType::NVarChar(Length::N(20))),
        ("job_name", NAME),
        ("maxtrans", SqlType::Int),
        ("maxscans", SqlType::Int),
        ("continuous", SqlType::Bit),
        ("pollinginterval", SqlType::BigInt),
        ("retention", SqlType::BigInt),
        ("threshold", SqlType::BigInt),
    ];
    let rows: Vec<Vec<Value>> = jobs
        .iter()
        .map(|job| {
            vec![
                Value::Blob(job.job_id.clone()),
                Value::Text(job.job_type.name().to_owned()),
                Value::Text(job.job_name(database)),
                Value::Integer(job.max_transactions),
                Value::Integer(job.max_scans),
                Value::Integer(i64::from(job.continuous)),
                Value::Integer(job.polling_interval),
                Value::Integer(job.retention),
                Value::Integer(job.threshold),
            ]
        })
        .collect();
    send(sink, &shape, &rows)
}

/// The rows of `msdb.dbo.cdc_jobs` as a JSON array of arrays, in the order of its columns.
pub fn jobs_as_json(databases: &BTreeMap<i32, Arc<DatabaseCapture>>) -> String {
    let rows: Vec<serde_json::Value> = databases
        .iter()
        .flat_map(|(id, database)| database.jobs().into_iter().map(move |job| (*id, database, job)))
        .map(|(id, database, job)| {
            let [began, ended] = if job.job_type == JobType::Capture { database.capture_times() } else { [None; 2] };
            let job_id: String = job.job_id.iter().map(|byte| format!("{byte:02x}")).collect();
            serde_json::json!([
                id,
                job.job_type.name(),
                job_id,
                job.max_transactions,
                job.max_scans,
                i64::from(job.continuous),
                job.polling_interval,
                job.retention,
                job.threshold,
                job.job_name(database.database()),
                began,
                ended
            ])
        })
        .collect();
    serde_json::Value::Array(rows).to_string()
}
