//! Views over the whole server, computed when a statement reads them: a SQLite function returns the rows as JSON, which
//! [`system_views`](super::system_views) takes apart again.

use super::locks::{Mode, Resource, Span};
use super::server_permissions::VIEW_PERFORMANCE;
use super::session_state::SessionShared;
use super::system_functions::recovery_model;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// Name of the SQLite function.
pub const FUNCTION: &str = "sandbox_server_view";

/// The rows of a view as a JSON array of arrays; binary values are hexadecimal text.
pub fn rows(session: &SessionShared, view: &str) -> String {
    let rows: Vec<Value> = match view {
        "databases" => databases(session),
        "configurations" => session.server.configuration.rows(),
        "services" => services(),
        "server_permissions" => session.server.server_permissions().into_iter().map(|p| json!(p)).collect(),
        "sessions" => sessions(session, false),
        "transactions" => sessions(session, true),
        "requests" => requests(session),
        "locks" => locks(session),
        "waits" => waits(session),
        "logins" => logins(session),
        "server_principals" => server_principals(session),
        "server_role_members" => {
            session.server.server_role_members().into_iter().map(|(role, member)| json!([role, member])).collect()
        }
        _ => Vec::new(),
    };
    Value::Array(rows).to_string()
}

/// The server and its agent, which carries out the jobs of change data capture: as a real server, a default instance.
fn services() -> Vec<Value> {
    ["SQL Server (MSSQLSERVER)", "SQL Server Agent (MSSQLSERVER)"]
        .map(|name| json!([name, std::process::id()]))
        .to_vec()
}

fn databases(session: &SessionShared) -> Vec<Value> {
    let cdc = session.server.extension.clone();
    let row = |d: &std::sync::Arc<super::database::Database>| {
        let recovery = d.recovery_model.load(Ordering::Acquire);
        json!([
            d.id,
            d.name,
            d.create_date,
            d.snapshot_state(),
            i32::from(d.read_committed_snapshot.load(Ordering::Acquire)),
            recovery,
            recovery_model(recovery),
            i32::from(cdc.is_cdc_enabled(d)),
            i32::from(d.access.is_single_user()),
            i32::from(cdc.awaits_capture(d)),
            hex(&d.owner()),
            i32::from(d.recursive_triggers.load(Ordering::Acquire)),
            &*d.collation(),
        ])
    };
    session.server.databases().iter().map(row).collect()
}

fn sessions(session: &SessionShared, in_transaction: bool) -> Vec<Value> {
    let all = session.has_server_permission(VIEW_PERFORMANCE);
    let row = |s: std::sync::Arc<SessionShared>| {
        let state = s.state();
        // Everybody sees his own session.
        if (in_transaction && state.tran_count == 0) || !(all || s.id == session.id) {
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
            state.transaction_began,
            i32::from(state.doomed),
        ]))
    };
    session.server.sessions().into_iter().filter_map(row).collect()
}

/// Requests that run; one that waits for a lock is suspended.
fn requests(session: &SessionShared) -> Vec<Value> {
    let all = session.has_server_permission(VIEW_PERFORMANCE);
    let waits = session.server.locks.waits();
    let now = super::clock::now_datetime();
    let row = |s: std::sync::Arc<SessionShared>| {
        let state = s.state();
        let wait = waits.iter().find(|wait| wait.owner == s.id);
        (state.running && (all || s.id == session.id)).then(|| {
            json!([
                s.id,
                state.request_began,
                if wait.is_some() { "suspended" } else { "running" },
                state.command,
                state.database.id,
                // Work of the server's own is no session that could be named.
                wait.map_or(0, |wait| wait.blocker.max(0)),
                wait.map(|wait| wait.mode.wait_type()),
                wait.map_or(0, |wait| wait.since.elapsed().as_millis() as i64),
                wait.map_or_else(String::new, |wait| place(&wait.resource)),
                state.tran_count,
                state.transaction_id,
                state.options.isolation.number(),
                state.options.lock_timeout,
                state.options.deadlock_priority,
                state.row_count,
                (now - state.request_began).max(0) * 1_000 / 300,
            ])
        })
    };
    session.server.sessions().into_iter().filter_map(row).collect()
}

/// A resource as `wait_resource` writes it.
fn place(resource: &Resource) -> String {
    match resource {
        Resource::Writer(database) => format!("DATABASE: {database}:0"),
        Resource::Object(database, object) => format!("OBJECT: {database}:{object}:0"),
        Resource::Application(database, name) => format!("APPLICATION: {database}:0:[{}]", shown(name)),
    }
}

/// What is shown of an application lock's name: its first 32 characters.
fn shown(name: &str) -> String {
    let (_, name) = name.split_once(':').unwrap_or(("", name));
    name.chars().take(32).collect()
}

/// Locks that are held, then those that are waited for. The write transaction is no lock that SQL Server has.
fn locks(session: &SessionShared) -> Vec<Value> {
    let transactions: BTreeMap<i32, u64> =
        session.server.sessions().into_iter().map(|s| (s.id, s.state().transaction_id)).collect();
    let row = |resource: &Resource, owner: i32, mode: Mode, status: &str, span: Span| {
        let (kind, description, entity) = match resource {
            // Neither is the mark of who has changed the catalog.
            Resource::Writer(_) | Resource::Object(_, 0) => return None,
            Resource::Object(_, object) => ("OBJECT", String::new(), *object),
            Resource::Application(_, name) => ("APPLICATION", format!("0:[{}]", shown(name)), 0),
        };
        let owner_type = if span == Span::Session { "SESSION" } else { "TRANSACTION" };
        let transaction = transactions.get(&owner).copied().unwrap_or_default();
        (owner > 0).then(|| {
            json!([kind, resource.database(), description, entity, mode.name(), status, owner, owner_type, transaction])
        })
    };
    let locks = &session.server.locks;
    let held = locks.grants().into_iter().filter_map(|g| row(&g.resource, g.owner, g.mode, "GRANT", g.span));
    let waited = locks.waits().into_iter().filter_map(|w| row(&w.resource, w.owner, w.mode, "WAIT", Span::Transaction));
    held.chain(waited).collect()
}

fn waits(session: &SessionShared) -> Vec<Value> {
    let row = |wait: super::locks::Wait| {
        json!([
            wait.owner,
            wait.since.elapsed().as_millis() as i64,
            wait.mode.wait_type(),
            (wait.blocker > 0).then_some(wait.blocker),
            place(&wait.resource),
        ])
    };
    session.server.locks.waits().into_iter().filter(|wait| wait.owner > 0).map(row).collect()
}

fn logins(session: &SessionShared) -> Vec<Value> {
    let row = |l: super::logins::Login| {
        json!([
            l.principal_id,
            l.name,
            hex(&l.sid),
            l.create_date,
            "S ",
            "SQL_LOGIN",
            i32::from(l.disabled),
            l.default_database,
            Value::Null,
            0
        ])
    };
    session.server.logins().into_iter().map(row).collect()
}

/// Logins and the fixed server roles.
fn server_principals(session: &SessionShared) -> Vec<Value> {
    let started = session.server.started;
    let role = |(id, name): &(i32, &str)| {
        // `public` is no role that could be altered.
        json!([id, name, format!("{id:02X}"), started, "R ", "SERVER_ROLE", 0, Value::Null, 1, i32::from(*id != 2)])
    };
    let mut rows = logins(session);
    rows.extend(super::logins::SERVER_ROLES.iter().map(role));
    rows
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect()
}
