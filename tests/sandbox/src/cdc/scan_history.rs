//! What the scans of a database found: `sys.dm_cdc_log_scan_sessions` and `sys.dm_cdc_errors`.
//!
//! A session is a scan that found transactions, or a row of scans that found none.
//! <https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/change-data-capture-sys-dm-cdc-log-scan-sessions>

use super::lsn::Lsn;
use super::store::Captured;
use super::visible::VisibleColumn;
use crate::engine::meta::{Column, Table};
use crate::engine::quoting::{literal, quote};
use crate::error::SqlError;
use crate::types::{Length, SqlType};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;

/// Sessions that are remembered.
const KEPT: usize = 32;
/// `datetime` units in a second.
const TICKS_PER_SECOND: i64 = 300;
/// The phase in which a scan that fails does so: the last one, which writes the change tables.
const LAST_PHASE: i64 = 7;

/// A session, or the sum of all.
#[derive(Debug, Clone, Default)]
struct ScanSession {
    id: i64,
    began: i64,
    ended: i64,
    from: Lsn,
    found: Captured,
    errors: i64,
    empty_scans: i64,
    failed: i64,
    latency: i64,
    duration: i64,
}

/// The sessions of a database since the server started.
#[derive(Debug, Default)]
pub struct ScanHistory {
    sessions: VecDeque<ScanSession>,
    errors: VecDeque<Value>,
    sum: ScanSession,
}

impl ScanHistory {
    /// A scan that lasted from `began` to `ended` is over; `None` if it found nothing.
    pub fn scanned(&mut self, from: Lsn, found: Option<Captured>, began: i64, ended: i64) {
        let Some(found) = found.filter(|found| found.transactions > 0) else {
            return self.scanned_in_vain(from, began, ended);
        };
        let latency = (ended - found.last_time).max(0) / TICKS_PER_SECOND;
        let duration = (ended - began).max(0) / TICKS_PER_SECOND;
        let session = ScanSession { id: 0, began, ended, from, found, latency, duration, ..ScanSession::default() };
        let sum = &mut self.sum;
        sum.found = Captured {
            first_begin: if sum.found.transactions == 0 { found.first_begin } else { sum.found.first_begin },
            transactions: sum.found.transactions + found.transactions,
            commands: sum.found.commands + found.commands,
            schema_changes: sum.found.schema_changes + found.schema_changes,
            ..found
        };
        sum.duration += duration;
        sum.latency = if latency == 0 { sum.latency } else { latency };
        self.push(session);
    }

    fn scanned_in_vain(&mut self, from: Lsn, began: i64, ended: i64) {
        match self.sessions.back_mut().filter(|last| last.empty_scans > 0) {
            Some(last) => {
                last.empty_scans += 1;
                last.ended = ended;
                self.sum.ended = ended;
            }
            None => self.push(ScanSession { began, ended, from, empty_scans: 1, ..ScanSession::default() }),
        }
    }

    /// A scan failed.
    pub fn failed(&mut self, from: Lsn, error: &SqlError, began: i64, ended: i64) {
        self.push(ScanSession { began, ended, from, errors: 1, failed: 1, ..ScanSession::default() });
        self.sum.errors += 1;
        self.sum.failed += 1;
        let id = self.sum.id;
        self.errors.push_back(json!([
            id,
            LAST_PHASE,
            ended,
            error.number,
            error.severity,
            error.state,
            error.message,
            from.log_text(),
            from.log_text(),
            from.log_text(),
        ]));
        if self.errors.len() > KEPT {
            self.errors.pop_front();
        }
    }

    fn push(&mut self, session: ScanSession) {
        let sum = &mut self.sum;
        // The sum's own number is 0 where it shows; here it counts the sessions.
        sum.id += 1;
        if sum.began == 0 {
            sum.began = session.began;
        }
        sum.ended = session.ended;
        sum.from = session.from;
        self.sessions.push_back(ScanSession { id: self.sum.id, ..session });
        if self.sessions.len() > KEPT {
            self.sessions.pop_front();
        }
    }

    /// The rows of `sys.dm_cdc_log_scan_sessions` as a JSON array of arrays.
    pub fn sessions_as_json(&self) -> String {
        if self.sessions.is_empty() {
            return "[]".to_owned();
        }
        let sum = ScanSession {
            id: 0,
            empty_scans: self.sessions.back().map_or(0, |last| last.empty_scans),
            ..self.sum.clone()
        };
        let rows = std::iter::once(&sum).chain(&self.sessions).map(ScanSession::row).collect();
        Value::Array(rows).to_string()
    }

    /// The rows of `sys.dm_cdc_errors`.
    pub fn errors_as_json(&self) -> String {
        Value::Array(self.errors.iter().cloned().collect()).to_string()
    }
}

impl ScanSession {
    fn row(&self) -> Value {
        let zero = "00000000:00000000:0000";
        let found = self.found.transactions > 0;
        let lsn = |lsn: Lsn| if found { lsn.log_text() } else { zero.to_owned() };
        let time = found.then_some(self.found.last_time);
        let is_sum = self.id == 0;
        let upto = self.found.upto.max(self.from).log_text();
        json!([
            self.id,
            self.began,
            self.ended,
            self.duration,
            if is_sum { "Aggregate" } else { "Done" },
            self.errors,
            self.from.log_text(),
            if is_sum { zero } else { upto.as_str() },
            upto,
            self.found.transactions,
            lsn(self.found.upto),
            time,
            self.found.commands + 2 * self.found.transactions,
            self.found.schema_changes,
            self.found.commands,
            lsn(self.found.first_begin),
            lsn(self.found.upto),
            time,
            self.latency,
            self.empty_scans,
            self.failed,
        ])
    }
}

const LSN_TEXT: SqlType = SqlType::NVarChar(Length::N(23));

const SESSION_COLUMNS: &[(&str, SqlType)] = &[
    ("session_id", SqlType::Int),
    ("start_time", SqlType::DateTime),
    ("end_time", SqlType::DateTime),
    ("duration", SqlType::BigInt),
    ("scan_phase", SqlType::NVarChar(Length::N(200))),
    ("error_count", SqlType::Int),
    ("start_lsn", LSN_TEXT),
    ("current_lsn", LSN_TEXT),
    ("end_lsn", LSN_TEXT),
    ("tran_count", SqlType::BigInt),
    ("last_commit_lsn", LSN_TEXT),
    ("last_commit_time", SqlType::DateTime),
    ("log_record_count", SqlType::BigInt),
    ("schema_change_count", SqlType::Int),
    ("command_count", SqlType::BigInt),
    ("first_begin_cdc_lsn", LSN_TEXT),
    ("last_commit_cdc_lsn", LSN_TEXT),
    ("last_commit_cdc_time", SqlType::DateTime),
    ("latency", SqlType::Int),
    ("empty_scan_count", SqlType::Int),
    ("failed_sessions_count", SqlType::Int),
];

const ERROR_COLUMNS: &[(&str, SqlType)] = &[
    ("session_id", SqlType::Int),
    ("phase_number", SqlType::Int),
    ("entry_time", SqlType::DateTime),
    ("error_number", SqlType::Int),
    ("error_severity", SqlType::Int),
    ("error_state", SqlType::Int),
    ("error_message", SqlType::NVarChar(Length::N(1024))),
    ("start_lsn", LSN_TEXT),
    ("begin_lsn", LSN_TEXT),
    ("sequence_value", LSN_TEXT),
];

/// The SQLite function that the views read: `(database, view)`.
pub const FUNCTION: &str = "sandbox_cdc_scans";

/// `sys.dm_cdc_log_scan_sessions` and `sys.dm_cdc_errors` of a database; `None` for another name.
pub fn view(database: &str, name: &str) -> Option<Arc<Table>> {
    let (name, columns) = match name.to_ascii_lowercase().as_str() {
        "dm_cdc_log_scan_sessions" => ("dm_cdc_log_scan_sessions", SESSION_COLUMNS),
        "dm_cdc_errors" => ("dm_cdc_errors", ERROR_COLUMNS),
        _ => return None,
    };
    let list: Vec<String> =
        columns.iter().enumerate().map(|(at, (name, _))| format!("value ->> {at} AS {}", quote(name))).collect();
    let query = format!("(SELECT {} FROM json_each({FUNCTION}({}, '{name}')))", list.join(", "), literal(database));
    let columns: Vec<Column> =
        columns.iter().map(|(name, ty)| VisibleColumn::new(name, *ty, true).into_column()).collect();
    Some(Arc::new(Table {
        database: database.to_owned(),
        schema: "sys".to_owned(),
        name: name.to_owned(),
        object_id: 0,
        sqlite_name: query,
        writable: false,
        columns,
        primary_key: Vec::new(),
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn found(transactions: u64, last_time: i64) -> Captured {
        Captured {
            upto: Lsn::commit(9000),
            first_begin: Lsn::begin(8999),
            transactions,
            commands: 5,
            schema_changes: 0,
            last_time,
        }
    }

    fn rows(history: &ScanHistory) -> Vec<Vec<Value>> {
        serde_json::from_str(&history.sessions_as_json()).unwrap()
    }

    #[test]
    fn scans_in_vain_are_one_session_and_the_sum_keeps_the_last_latency() {
        let mut history = ScanHistory::default();
        assert!(rows(&history).is_empty());
        history.scanned(Lsn::ZERO, Some(found(2, 300)), 600, 1200);
        history.scanned(Lsn::commit(9000), None, 1300, 1301);
        history.scanned(Lsn::commit(9000), None, 1400, 1401);
        history.scanned(Lsn::commit(9000), Some(found(1, 1500)), 1500, 1510);
        let rows = rows(&history);
        let column = |at: usize| rows.iter().map(|row| row[at].as_i64().unwrap()).collect::<Vec<_>>();
        assert_eq!(column(0), [0, 1, 2, 3], "sessions");
        assert_eq!(column(9), [3, 2, 0, 1], "transactions");
        assert_eq!(column(14), [10, 5, 0, 5], "commands");
        assert_eq!(column(18), [3, 3, 0, 0], "latency");
        assert_eq!(column(19), [0, 0, 2, 0], "scans in vain");
        assert_eq!(rows[0][4], "Aggregate");
    }

    #[test]
    fn a_failure_is_a_session_with_an_error() {
        let mut history = ScanHistory::default();
        history.failed(Lsn::ZERO, &SqlError::new(1105, "full").severity(17), 300, 600);
        let rows = rows(&history);
        assert_eq!((rows[1][5].as_i64(), rows[1][20].as_i64()), (Some(1), Some(1)));
        let errors: Vec<Vec<Value>> = serde_json::from_str(&history.errors_as_json()).unwrap();
        assert_eq!((errors[0][0].as_i64(), errors[0][3].as_i64()), (Some(1), Some(1105)));
        for _ in 0..2 * KEPT {
            history.failed(Lsn::ZERO, &SqlError::new(1105, "full"), 300, 600);
        }
        assert_eq!(serde_json::from_str::<Vec<Value>>(&history.errors_as_json()).unwrap().len(), KEPT);
    }
}
