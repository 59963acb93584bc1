//! What becomes of capture instances when their table changes.
//!
//! An instance goes on capturing the columns it was made with: a new column is ignored, a dropped one is NULL from then on, and a
//! wider type is taken over. Every change of the columns is recorded in `cdc.ddl_history`.
//! <https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server#handling-changes-to-source-tables>

use super::instance::{Instance, moving_columns};
use super::lsn::Lsn;
use super::triggers::{Capture, CapturedColumn};
use super::visible::SCHEMA;
use crate::engine::catalog::{Catalog, TableEntry, same_name};
use crate::engine::clock::now_datetime;
use crate::engine::convert::{Allowed, allowed};
use crate::engine::encode::widens;
use crate::engine::meta::Column;
use crate::engine::quoting::literal;
use crate::engine::session::SqlSession;
use crate::engine::storage_error;
use crate::engine::system_types::{facets, type_name};
use crate::engine::type_rules::type_code;
use crate::error::{SqlError, SqlResult};
use crate::types::SqlType;
use rusqlite::{Connection, OptionalExtension, params};

/// SQLite's columns of a change table before the captured ones.
const LEADING_COLUMNS: usize = 5;

/// The table is about to change: its triggers name columns that may go.
pub fn about_to_change(connection: &Connection, instance: &Instance) -> SqlResult<()> {
    Capture::drop_triggers(instance.object_id, connection).map_err(storage_error)
}

/// Whether an `ALTER TABLE` changed the structure of the columns, and not constraints alone.
pub fn changed_columns(before: &[Column], after: &[Column], text: &str) -> bool {
    let shape = |columns: &[Column]| -> Vec<_> {
        columns
            .iter()
            .map(|column| (column.name.clone(), column.ty, column.nullable, column.collation.clone()))
            .collect()
    };
    // An ALTER COLUMN that changes nothing is one still.
    shape(before) != shape(after)
        || text.to_ascii_uppercase().split_whitespace().collect::<Vec<_>>().windows(2).any(|w| w == ["ALTER", "COLUMN"])
}

/// The table changed: captures what is left of the columns, and records the statement if it changed them.
pub fn changed(
    session: &SqlSession,
    instance: &Instance,
    source: &TableEntry,
    recorded: Option<(&str, Lsn)>,
) -> SqlResult<()> {
    let connection = &session.connection;
    let retyped = follow_types(connection, &session.catalog(), instance, source)?;
    let capture = capture(session, instance, source).map_err(storage_error)?;
    if !retyped.is_empty() {
        capture.store_anew(&retyped, connection).map_err(|_| does_not_fit())?;
    }
    capture.renew_triggers(connection).map_err(storage_error)?;
    let Some((text, lsn)) = recorded else { return Ok(()) };
    connection
        .execute(
            r#"INSERT INTO db."$cdc_ddl_history" VALUES (?1, ?2, ?3, ?4, ?5, ?6)"#,
            params![
                source.table.object_id,
                instance.object_id,
                !retyped.is_empty(),
                text,
                lsn.to_bytes(),
                now_datetime()
            ],
        )
        .map_err(storage_error)?;
    Ok(())
}

/// The index that an instance with net changes goes by, if the table does not have it any more.
pub fn lost_index(connection: &Connection, instance: &Instance, source: &TableEntry) -> SqlResult<Option<String>> {
    let name: Option<String> = connection
        .prepare_cached(
            r#"SELECT index_name FROM db."$cdc_change_tables" WHERE object_id = ?1 AND supports_net_changes"#,
        )
        .and_then(|mut statement| statement.query_row([instance.object_id], |row| row.get(0)).optional())
        .map_err(storage_error)?
        .flatten();
    Ok(name.filter(|name| !source.indexes.iter().any(|index| same_name(&index.name, name))))
}

/// Makes an instance's triggers anew for the table as it is now.
pub fn renew(session: &SqlSession, instance: &Instance, source: &TableEntry) -> SqlResult<()> {
    let capture = capture(session, instance, source).map_err(storage_error)?;
    capture.renew_triggers(&session.connection).map_err(storage_error)
}

/// What an instance captures of the table as it is now.
fn capture(session: &SqlSession, instance: &Instance, source: &TableEntry) -> rusqlite::Result<Capture> {
    Ok(Capture {
        object_id: instance.object_id,
        source: source.storage.clone(),
        view: format!("{SCHEMA}.{}_CT", instance.name),
        columns: captured_columns(&session.connection, &session.catalog(), instance, source)?,
        moving_columns: moving_columns(source),
    })
}

/// The name of a column if the instance captures it.
pub fn captured_name(connection: &Connection, instance: &Instance, column_id: i32) -> SqlResult<Option<String>> {
    let ids = captured_ids(connection, instance).map_err(storage_error)?;
    Ok(ids.into_iter().find(|(id, _)| *id == column_id).map(|(_, name)| name))
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
                ty: column.map_or(shown.ty, |column| CapturedColumn::type_of(&column.ty)),
                collation: column.map_or(&shown.collation, |column| &column.collation).clone(),
                source: column.filter(|column| column.computed.is_none()).map(|column| column.name.clone()),
            })
        })
        .collect())
}

/// Takes over types and collations of captured columns; the ordinals of those that changed, with what makes the old values ones of
/// the new type.
fn follow_types(
    connection: &Connection,
    catalog: &Catalog,
    instance: &Instance,
    source: &TableEntry,
) -> SqlResult<Vec<(usize, String)>> {
    let Some(change_table) = catalog.table_by_id(instance.object_id) else { return Ok(Vec::new()) };
    let mut changed = Vec::new();
    for (ordinal, (id, _)) in captured_ids(connection, instance).map_err(storage_error)?.into_iter().enumerate() {
        let Some(at) = source.position(id) else { continue };
        let column = &source.table.columns[at];
        let ty = CapturedColumn::type_of(&column.ty);
        let Some(shown) = change_table.table.columns.get(LEADING_COLUMNS + ordinal) else { continue };
        if shown.ty == ty && shown.collation == column.collation {
            continue;
        }
        let kept = shown.ty == ty || widens(&shown.ty, &ty);
        let value = if kept { shown.sqlite_name.clone() } else { converted(shown, &ty, &change_table.table.name)? };
        changed.push((ordinal, value));
        let place = (ordinal, change_table.column_ids[LEADING_COLUMNS + ordinal]);
        set_type(connection, instance, place, (&ty, column.collation.as_deref())).map_err(storage_error)?;
    }
    Ok(changed)
}

/// Gives a captured column another type.
fn set_type(
    connection: &Connection,
    instance: &Instance,
    (ordinal, column_id): (usize, i32),
    (ty, collation): (&SqlType, Option<&str>),
) -> rusqlite::Result<()> {
    let facets = facets(ty);
    connection.execute(
        r#"UPDATE db."$columns" SET type_id = ?3, max_length = ?4, precision = ?5, scale = ?6, collation = ?7
           WHERE object_id = ?1 AND column_id = ?2"#,
        params![
            instance.object_id,
            column_id,
            facets.type_id,
            facets.max_length,
            facets.precision,
            facets.scale,
            collation
        ],
    )?;
    connection.execute(
        r#"UPDATE db."$cdc_captured_columns" SET column_type = ?3 WHERE object_id = ?1 AND column_ordinal = ?2"#,
        params![instance.object_id, ordinal as i64 + 1, type_name(ty)],
    )?;
    Ok(())
}

/// A SQLite expression for a column's value as one of another type, an error where it does not fit.
fn converted(column: &Column, to: &SqlType, table: &str) -> SqlResult<String> {
    if allowed(&column.ty, to) != Allowed::Implicit {
        return Err(does_not_fit());
    }
    Ok(format!(
        "ts_assign({}, {}, {}, {}, {})",
        column.sqlite_name,
        type_code(&column.ty),
        type_code(to),
        literal(table),
        literal(&column.name)
    ))
}

/// A real server alters the change table when it comes to the statement in the log, and its scans fail where that does not go.
fn does_not_fit() -> SqlError {
    SqlError::unsupported(
        "ALTER COLUMN of a captured column to a type that does not hold every value of the change table",
    )
}
