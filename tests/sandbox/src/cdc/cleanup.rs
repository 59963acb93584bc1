//! Deleting old changes.
//!
//! <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-cleanup-change-table-transact-sql>

use super::instance::{self, Instance};
use super::lsn::Lsn;
use super::{errors, store};
use crate::engine::quoting::quote;
use crate::error::SqlResult;
use rusqlite::{Connection, params};

/// `datetime` units in a minute.
const TICKS_PER_MINUTE: i64 = 300 * 60;

/// Raises the low end point of an instance to `low` and deletes what lies below it.
pub fn raise_low_end(connection: &Connection, instance: &Instance, low: Lsn) -> rusqlite::Result<()> {
    let low = low.max(instance.start);
    connection.execute(
        r#"UPDATE db."$cdc_change_tables" SET start_lsn = ?2 WHERE object_id = ?1"#,
        params![instance.object_id, low.to_bytes()],
    )?;
    connection.execute(
        &format!(r#"DELETE FROM db.{} WHERE "__$start_lsn" < ?1"#, quote(&format!("$cdc:{}", instance.object_id))),
        [low.to_bytes()],
    )?;
    trim(connection)
}

/// Forgets transactions of the log that lie below every instance.
fn trim(connection: &Connection) -> rusqlite::Result<()> {
    if let Some(low) = instance::all(connection)?.iter().map(|instance| instance.start).min() {
        store::trim_log(connection, low)?;
    }
    Ok(())
}

/// A new low end point as it was asked for, and the first captured commit of the same time; error 22964 if it is no captured
/// commit.
pub fn low_water_mark(connection: &Connection, low: &[u8]) -> rusqlite::Result<SqlResult<(Lsn, Lsn)>> {
    let shown = || format!("0x{}", low.iter().map(|byte| format!("{byte:02X}")).collect::<String>());
    let Some(lsn) = Lsn::from_bytes(low) else { return Ok(Err(errors::not_a_commit(&shown()))) };
    let first: Option<Vec<u8>> = connection.query_row(
        r#"SELECT min(start_lsn) FROM db."cdc.lsn_time_mapping"
           WHERE tran_end_time = (SELECT tran_end_time FROM db."cdc.lsn_time_mapping" WHERE start_lsn = ?1)"#,
        [lsn.to_bytes()],
        |row| row.get(0),
    )?;
    let first = first.and_then(|bytes| Lsn::from_bytes(&bytes));
    Ok(first.map(|first| (lsn, first)).ok_or_else(|| errors::not_a_commit(&shown())))
}

/// What the cleanup job does: raises every low end point to the first commit within the retention.
pub fn run(connection: &Connection, retention_minutes: i64, now: i64) -> rusqlite::Result<()> {
    let oldest = now - retention_minutes.saturating_mul(TICKS_PER_MINUTE);
    let low: Option<Vec<u8>> = connection.query_row(
        r#"SELECT coalesce((SELECT min(start_lsn) FROM db."cdc.lsn_time_mapping" WHERE tran_end_time >= ?1),
                           (SELECT max(start_lsn) FROM db."cdc.lsn_time_mapping"))"#,
        [oldest],
        |row| row.get(0),
    )?;
    let Some(low) = low.and_then(|bytes| Lsn::from_bytes(&bytes)) else { return Ok(()) };
    for instance in instance::all(connection)? {
        if instance.start < low {
            raise_low_end(connection, &instance, low)?;
        }
    }
    Ok(())
}
