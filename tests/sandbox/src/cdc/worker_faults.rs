//! Faults on request of the capture job.

use super::lsn::Lsn;
use crate::engine::database::Database;
use crate::engine::storage_error;
use crate::error::SqlResult;
use crate::faults::{Effect, Passer, Point, pause};
use rusqlite::Connection;

/// What becomes of a scan that has something to capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scan {
    /// It takes this many transactions at most.
    UpTo(u64),
    /// The job ends instead, by this fault.
    End(i64),
}

/// The capture job is about to take up to `limit` transactions after `captured`.
pub fn before_scan(
    database: &Database,
    (connection, captured): (&Connection, Lsn),
    limit: u64,
    stopped: &dyn Fn() -> bool,
) -> SqlResult<Scan> {
    let passer = Passer { session: None, database: &database.name, tables: &[] };
    match database.faults.pass(Point::Capture, &passer) {
        Some(Effect::Error(error)) => Err(error),
        Some(Effect::Stop(fault)) => Ok(Scan::End(fault)),
        Some(Effect::Delay(delay)) => {
            pause(delay, stopped);
            Ok(Scan::UpTo(limit))
        }
        Some(Effect::Lag(commits)) => {
            let pending = pending(connection, captured).map_err(storage_error)?;
            Ok(Scan::UpTo(limit.min(pending.saturating_sub(commits))))
        }
        _ => Ok(Scan::UpTo(limit)),
    }
}

/// Transactions of the log that do not show yet.
fn pending(connection: &Connection, captured: Lsn) -> rusqlite::Result<u64> {
    connection
        .prepare_cached(r#"SELECT count(*) FROM db."$cdc_log" WHERE start_lsn > ?1"#)?
        .query_row([captured.to_bytes()], |row| row.get::<_, i64>(0))
        .map(i64::unsigned_abs)
}
