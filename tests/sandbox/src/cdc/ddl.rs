//! What becomes of capture instances when their table changes.
//!
//! An instance goes on capturing the columns it was made with: a new column is ignored, a dropped one is NULL from then on, and a
//! wider type is taken over. Every change is recorded in `cdc.ddl_history`.
//! <https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server#handling-changes-to-source-tables>

use super::instance::{Instance, unique_columns};
use super::lsn::Lsn;
use super::triggers::{Capture, CapturedColumn};
use super::visible::SCHEMA;
use crate::engine::catalog::{Catalog, TableEntry};
use crate::engine::clock::now_datetime;
use crate::engine::session::SqlSession;
use crate::engine::storage_error;
use crate::engine::system_types::{facets, type_name};
use crate::error::SqlResult;
use rusqlite::{Connection, params};

/// SQLite's columns of a change table before the captured ones.
const LEADING_COLUMNS: usize = 5;

/// The table is about to change: its triggers name columns that may go.
pub fn about_to_change(connection: &Connection, instance: &Instance) -> SqlResult<()> {
    Capture::drop_triggers(instance.object_id, connection).map_err(storage_error)
}

/// The table changed: captures what is left of the columns and records the statement.
pub fn changed(session: &SqlSession, instance: &Instance, source: &TableEntry, text: &str, lsn: Lsn) -> SqlResult<()> {
    let connection = &session.connection;
    let retyped = follow_types(connection, &session.catalog(), instance, source).map_err(storage_error)?;
    renew(session, instance, source)?;
    connection
        .execute(
            r#"INSERT INTO db."$cdc_ddl_history" VALUES (?1, ?2, ?3, ?4, ?5, ?6)"#,
            params![source.table.object_id, instance.object_id, retyped, text, lsn.to_bytes(), now_datetime()],
        )
        .map_err(storage_error)?;
    Ok(())
}

/// Makes an instance's triggers anew for the table as it is now.
pub fn renew(session: &SqlSession, instance: &Instance, source: &TableEntry) -> SqlResult<()> {
    let connection = &session.connection;
    let columns = captured_columns(connection, &session.catalog(), instance, source).map_err(storage_error)?;
    let capture = Capture {
        object_id: instance.object_id,
        source: source.storage.clone(),
        view: format!("{SCHEMA}.{}_CT", instance.name),
        columns,
        unique_columns: unique_columns(source),
    };
    capture.renew_triggers(connection).map_err(storage_error)
}

/// Ids and names of the captured columns, by ordinal.
fn captured_ids(connection: &Connection, instance: &Instance) -> rusqlite::Result<Vec<(i32, String)>> {
    let mut statement = connection.prepare_cached(
        r#"SELECT column_id, column_name FROM db."$cdc_captured_columns" WHERE object_id = ?1 ORDER BY column_ordinal"#,
    )?;
    statement.query_map([instance.object_id], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn captured_columns(
    connection: &Connection,
    catalog: &Catalog,
    instance: &Instance,
    source: &TableEntry,
) -> rusqlite::Result<Vec<CapturedColumn>> {
    let change_table = catalog.table_by_id(instance.object_id);
    let ids = captured_ids(connection, instance)?;
    Ok(ids
        .into_iter()
        .enumerate()
        .filter_map(|(ordinal, (id, name))| {
            let shown = change_table?.table.columns.get(LEADING_COLUMNS + ordinal)?;
            let column = source.position(id).map(|at| &source.table.columns[at]);
            Some(CapturedColumn {
                name,
                ty: shown.ty,
                collation: shown.collation.clone(),
                source: column.filter(|column| column.computed.is_none()).map(|column| column.name.clone()),
            })
        })
        .collect())
}

/// Takes over the types of captured columns; whether one changed.
fn follow_types(
    connection: &Connection,
    catalog: &Catalog,
    instance: &Instance,
    source: &TableEntry,
) -> rusqlite::Result<bool> {
    let Some(change_table) = catalog.table_by_id(instance.object_id) else { return Ok(false) };
    let mut changed = false;
    for (ordinal, (id, _)) in captured_ids(connection, instance)?.into_iter().enumerate() {
        let Some(at) = source.position(id) else { continue };
        let ty = source.table.columns[at].ty;
        if change_table.table.columns.get(LEADING_COLUMNS + ordinal).is_none_or(|shown| shown.ty == ty) {
            continue;
        }
        changed = true;
        let facets = facets(&ty);
        connection.execute(
            r#"UPDATE db."$columns" SET type_id = ?3, max_length = ?4, precision = ?5, scale = ?6
               WHERE object_id = ?1 AND column_id = ?2"#,
            params![
                instance.object_id,
                change_table.column_ids[LEADING_COLUMNS + ordinal],
                facets.type_id,
                facets.max_length,
                facets.precision,
                facets.scale
            ],
        )?;
        connection.execute(
            r#"UPDATE db."$cdc_captured_columns" SET column_type = ?3 WHERE object_id = ?1 AND column_ordinal = ?2"#,
            params![instance.object_id, ordinal as i64 + 1, type_name(&ty)],
        )?;
    }
    Ok(changed)
}
