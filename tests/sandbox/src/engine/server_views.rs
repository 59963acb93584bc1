//! Views over the whole server, computed when a statement reads them: a SQLite function returns the rows as JSON, which
//! [`system_views`](super::system_views) takes apart again.

use super::session_state::SessionShared;
use super::system_functions::recovery_model;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

/// Name of the SQLite function.
pub const FUNCTION: &str = "sandbox_server_view";

/// The rows of a view as a JSON array of arrays; binary values are hexadecimal text.
pub fn rows(session: &SessionShared, view: &str) -> String {
    let rows: Vec<Value> = match view {
        "databases" => databases(session),
        "sessions" => sessions(session, false),
        "transactions" => sessions(session, true),
        "logins" => logins(session),
        _ => Vec::new(),
    };
    Value::Array(rows).to_string()
}

fn databases(session: &SessionShared) -> Vec<Value> {
    let cdc = session.server.extension.clone();
    let row = |d: &std::sync::Arc<super::database::Database>| {
        let recovery = d.recovery_model.load(Ordering::Acquire);
        json!([
            d.id,
            d.name,
            d.create_date,
            i32::from(d.allow_snapshot.load(Ordering::Acquire)),
            i32::from(d.read_committed_snapshot.load(Ordering::Acquire)),
            recovery,
            recovery_model(recovery),
            i32::from(cdc.is_cdc_enabled(d)),
        ])
    };
    session.server.databases().iter().map(row).collect()
}

fn sessions(session: &SessionShared, in_transaction: bool) -> Vec<Value> {
    let row = |s: std::sync::Arc<SessionShared>| {
        let state = s.state();
        if in_transaction && state.tran_count == 0 {
            return None;
        }
        Some(json!([
            s.id,
            s.login_time,
            s.host_name,
            s.app_name,
            s.login.name,
            if state.running { "running" } else { "sleeping" },
            state.database.id,
            state.tran_count,
            state.options.isolation.number(),
            state.options.lock_timeout,
            state.row_count,
            s.peer,
            hex(&s.login.sid),
            state.transaction_id,
        ]))
    };
    session.server.sessions().into_iter().filter_map(row).collect()
}

fn logins(session: &SessionShared) -> Vec<Value> {
    let row = |l: super::logins::Login| json!([l.principal_id, l.name, hex(&l.sid), l.create_date]);
    session.server.logins().into_iter().map(row).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect()
}
