//! Result sets of the procedures that report.

use super::jobs::Job;
use super::visible::{LSN, NAME};
use super::worker::DatabaseCapture;
use crate::engine::catalog::Catalog;
use crate::engine::encode::decode;
use crate::engine::quoting::bracket;
use crate::engine::stop::Exec;
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
pub fn help(connection: &Connection, catalog: &Catalog, table: Option<i32>, sink: &mut dyn Sink) -> Exec<()> {
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
        let Some(entry) = catalog.table_by_id(source) else { continue };
        let mut row = vec![Value::Text(entry.table.schema.clone()), Value::Text(entry.table.name.clone())];
        row.extend(values);
        row.push(names(connection, "$cdc_index_columns", "index_ordinal", object_id)?);
        row.push(names(connection, "$cdc_captured_columns", "column_ordinal", object_id)?);
        rows.push(row);
    }
    send(sink, &shape, &rows)
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
        .flat_map(|(id, database)| database.jobs().into_iter().map(|job| (*id, job)))
        .map(|(id, job)| {
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
                job.threshold
            ])
        })
        .collect();
    serde_json::Value::Array(rows).to_string()
}
