//! The procedures `sys.sp_sandbox_…`, for members of `sysadmin`:
//!
//! ```sql
//! -- Arms a fault; a row with its number.
//! EXEC sys.sp_sandbox_fault @at = N'after_commit', @action = N'disconnect', @application = N'subscriber', @after = 3, @times = 1;
//! -- Every fault with how often its point was passed and how often it happened.
//! EXEC sys.sp_sandbox_faults;
//! -- Returns when it has happened; error 50000 when the time is over.
//! EXEC sys.sp_sandbox_wait_for_fault @fault_id = 1, @times = 1, @timeout_ms = 10000;
//! -- Forgets one, or all.
//! EXEC sys.sp_sandbox_clear_faults @fault_id = 1;
//! -- Breaks every other connection, or those that match, at once: what a restart or failover looks like. A row with their number.
//! EXEC sys.sp_sandbox_disconnect @database = N'shop';
//! -- What each application, or one, has asked for so far: requests, statements, statements that touched tables; then counts anew.
//! EXEC sys.sp_sandbox_statements @application = N'publisher';
//! EXEC sys.sp_sandbox_clear_statements @application = N'publisher';
//! ```

use super::known_errors::Wanted;
use super::{Action, Armed, Fault, Filter, Point, pause};
use crate::cdc::parameters::Need::{Optional, Required};
use crate::cdc::parameters::{Parameter, Values};
use crate::engine::catalog::same_name;
use crate::engine::procedures::Argument;
use crate::engine::session::SqlSession;
use crate::engine::session_state::SessionShared;
use crate::engine::stop::{Exec, Stop};
use crate::error::{SqlError, SqlResult};
use crate::session::{ColumnMeta, Sink};
use crate::tsql::ast::ObjectName;
use crate::types::{Datum, Length, SqlType};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest wait for a fault unless the call says.
const WAIT: Duration = Duration::from_secs(120);
/// Longest wait for sessions that were disconnected to end.
const END_OF_SESSIONS: Duration = Duration::from_secs(30);

const PROCEDURES: &[(&str, &[Parameter])] = &[
    (
        "sp_sandbox_fault",
        &[
            ("@at", Required),
            ("@action", Required),
            ("@application", Optional),
            ("@login", Optional),
            ("@database", Optional),
            ("@session_id", Optional),
            ("@object", Optional),
            ("@after", Optional),
            ("@every", Optional),
            ("@times", Optional),
            ("@number", Optional),
            ("@severity", Optional),
            ("@state", Optional),
            ("@message", Optional),
            ("@delay_ms", Optional),
            ("@commits", Optional),
        ],
    ),
    ("sp_sandbox_faults", &[]),
    ("sp_sandbox_wait_for_fault", &[("@fault_id", Required), ("@times", Optional), ("@timeout_ms", Optional)]),
    ("sp_sandbox_clear_faults", &[("@fault_id", Optional)]),
    (
        "sp_sandbox_disconnect",
        &[("@application", Optional), ("@login", Optional), ("@database", Optional), ("@session_id", Optional)],
    ),
    ("sp_sandbox_statements", &[("@application", Optional)]),
    ("sp_sandbox_clear_statements", &[("@application", Optional)]),
];

/// Runs a procedure, if the name is one of these.
pub fn run(
    session: &mut SqlSession,
    name: &ObjectName,
    arguments: &[Argument],
    sink: &mut dyn Sink,
) -> Option<Exec<i32>> {
    let in_sys = name.schema.as_deref().is_none_or(|schema| schema.eq_ignore_ascii_case("sys"));
    let (procedure, parameters) =
        PROCEDURES.iter().find(|(known, _)| in_sys && known.eq_ignore_ascii_case(&name.name))?;
    let given: Vec<_> = arguments.iter().map(|argument| (argument.name.as_str(), argument.value.clone())).collect();
    let ran = authorised(session)
        .and_then(|()| Values::bind(procedure, parameters, &given))
        .map_err(Stop::from)
        .and_then(|values| match *procedure {
            "sp_sandbox_fault" => arm(session, &values, sink),
            "sp_sandbox_faults" => list(session, sink),
            "sp_sandbox_wait_for_fault" => wait(session, &values, sink),
            "sp_sandbox_clear_faults" => clear(session, &values),
            "sp_sandbox_statements" => list_counts(session, &values, sink),
            "sp_sandbox_clear_statements" => {
                session.shared.server.counts.clear(values.text("@application")?.as_deref());
                Ok(())
            }
            _ => disconnect(session, &values, sink),
        });
    Some(ran.map(|()| 0))
}

fn authorised(session: &SqlSession) -> SqlResult<()> {
    if session.is_sysadmin() {
        Ok(())
    } else {
        Err(SqlError::new(15247, "User does not have permission to perform this action."))
    }
}

/// An argument that is not one of a procedure's values.
fn bad_value(parameter: &str, expected: &str) -> SqlError {
    SqlError::new(50_000, format!("sandbox: {parameter} has to be {expected}."))
}

fn arm(session: &SqlSession, values: &Values, sink: &mut dyn Sink) -> Exec<()> {
    let fault = fault(session, values)?;
    let id = session.shared.server.options.faults.arm(fault);
    one_row(sink, &[("fault_id", SqlType::BigInt)], &[Datum::BigInt(id)])
}

fn fault(session: &SqlSession, values: &Values) -> SqlResult<Fault> {
    let names = |all: Vec<&str>| format!("one of {}", all.join(", "));
    let point = values.text("@at")?.and_then(|name| Point::parse(&name));
    let point = point.ok_or_else(|| bad_value("@at", &names(Point::ALL.iter().map(|p| p.name()).collect())))?;
    let action = values.text("@action")?.and_then(|name| Action::parse(&name));
    let action = action.ok_or_else(|| bad_value("@action", &names(Action::ALL.iter().map(|a| a.name()).collect())))?;
    if !action.fits(point) {
        let fitting: Vec<_> = Action::ALL.iter().filter(|action| action.fits(point)).map(|a| a.name()).collect();
        return Err(bad_value("@action", &format!("{} at {}", names(fitting), point.name())));
    }
    let count = |name, otherwise| -> SqlResult<u64> {
        match values.integer(name)? {
            None => Ok(otherwise),
            Some(value) => u64::try_from(value).map_err(|_| bad_value(name, "0 or more")),
        }
    };
    let object = values.text("@object")?;
    if object.is_some() && !matches!(point, Point::Statement | Point::Write) {
        return Err(bad_value("@object", "left out, but at statement and write"));
    }
    // What lasts until it is cleared is not used up by happening.
    let times = count("@times", u64::from(action != Action::Lag))?;
    Ok(Fault {
        point,
        action,
        filter: Filter { object, armed_by: Arc::downgrade(&session.shared), ..filter(values)? },
        after: count("@after", 0)?,
        every: count("@every", 1)?.max(1),
        times,
        delay: Duration::from_millis(needed("@delay_ms", action == Action::Delay, values)?),
        commits: needed("@commits", action == Action::Lag, values)?,
        error: wanted_error(action == Action::Error, values)?,
    })
}

fn filter(values: &Values) -> SqlResult<Filter> {
    let session_id = match values.integer("@session_id")? {
        None => None,
        Some(id) => Some(i32::try_from(id).map_err(|_| bad_value("@session_id", "a session's number"))?),
    };
    Ok(Filter {
        database: values.text("@database")?,
        application: values.text("@application")?,
        login: values.text("@login")?,
        session_id,
        ..Filter::default()
    })
}

/// A number that an action needs and no other takes.
fn needed(name: &'static str, is_needed: bool, values: &Values) -> SqlResult<u64> {
    match (values.integer(name)?, is_needed) {
        (None, false) => Ok(0),
        (Some(value), true) => u64::try_from(value).map_err(|_| bad_value(name, "0 or more")),
        (None, true) => Err(bad_value(name, "given with this action")),
        (Some(_), false) => Err(bad_value(name, "left out with this action")),
    }
}

fn wanted_error(is_error: bool, values: &Values) -> SqlResult<Wanted> {
    const SEVERITIES: std::ops::RangeInclusive<i64> = 11..=25;
    let number = needed("@number", is_error, values)?;
    if is_error && !(1..=2_147_483_647).contains(&number) {
        return Err(bad_value("@number", "the number of an error"));
    }
    let byte = |name, range: std::ops::RangeInclusive<i64>| -> SqlResult<Option<u8>> {
        match values.integer(name)? {
            None => Ok(None),
            Some(value) if is_error && range.contains(&value) => Ok(Some(value as u8)),
            Some(_) => Err(bad_value(name, &format!("from {} to {}, with an error", range.start(), range.end()))),
        }
    };
    Ok(Wanted {
        number: number as i32,
        severity: byte("@severity", SEVERITIES)?,
        state: byte("@state", 0..=255)?,
        message: values.text("@message")?,
    })
}

fn wait(session: &SqlSession, values: &Values, sink: &mut dyn Sink) -> Exec<()> {
    let id = values.integer("@fault_id")?.unwrap_or(0);
    let times = values.integer("@times")?.unwrap_or(1).max(1).unsigned_abs();
    let limit = values.integer("@timeout_ms")?.map_or(WAIT, |ms| Duration::from_millis(ms.max(0).unsigned_abs()));
    let faults = &session.shared.server.options.faults;
    let happened = faults.wait_until_fired(id, times, limit, &|| sink.is_cancelled());
    if sink.is_cancelled() {
        return Err(Stop::Cancelled);
    }
    match happened {
        Some(true) => Ok(()),
        Some(false) => {
            Err(SqlError::new(50_000, format!("sandbox: fault {id} has not happened {times} times in time.")).into())
        }
        None => Err(no_such_fault(id).into()),
    }
}

fn no_such_fault(id: i64) -> SqlError {
    SqlError::new(50_000, format!("sandbox: there is no fault {id}."))
}

fn clear(session: &SqlSession, values: &Values) -> Exec<()> {
    let id = values.integer("@fault_id")?;
    let cleared = session.shared.server.options.faults.clear(id);
    match id {
        Some(id) if cleared == 0 => Err(no_such_fault(id).into()),
        _ => Ok(()),
    }
}

fn disconnect(session: &SqlSession, values: &Values, sink: &mut dyn Sink) -> Exec<()> {
    let filter = filter(values)?;
    let count = break_connections(session, &|other| {
        let same = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|name| same_name(name, found));
        filter.session_id.is_none_or(|id| id == other.id)
            && same(&filter.application, &other.app_name)
            && same(&filter.login, &other.login.name)
            && same(&filter.database, &other.state().database.name)
    })?;
    one_row(sink, &[("disconnected", SqlType::Int)], &[Datum::Int(count as i32)])
}

/// Breaks the connections of other sessions and waits until those have ended, so that they hold nothing any more; how many.
pub(crate) fn break_connections(session: &SqlSession, hit: &dyn Fn(&SessionShared) -> bool) -> Exec<usize> {
    let server = &session.shared.server;
    let own = |other: &Arc<SessionShared>| Arc::ptr_eq(other, &session.shared);
    let hit: Vec<_> = server.sessions().into_iter().filter(|other| !own(other) && hit(other)).collect();
    hit.iter().for_each(|other| other.line.cut());
    let deadline = Instant::now() + END_OF_SESSIONS;
    while server.sessions().iter().any(|left| hit.iter().any(|other| Arc::ptr_eq(left, other))) {
        if Instant::now() >= deadline {
            return Err(SqlError::new(50_000, "sandbox: sessions that were disconnected do not end.").into());
        }
        pause(super::POLL, &|| session.shared.line.is_gone());
        if session.shared.line.is_gone() {
            return Err(Stop::Cancelled);
        }
    }
    Ok(hit.len())
}

const TEXT: SqlType = SqlType::NVarChar(Length::N(128));

fn list(session: &SqlSession, sink: &mut dyn Sink) -> Exec<()> {
    let shape = [
        ("fault_id", SqlType::BigInt),
        ("at", TEXT),
        ("action", TEXT),
        ("application", TEXT),
        ("login", TEXT),
        ("database", TEXT),
        ("session_id", SqlType::Int),
        ("object", TEXT),
        ("after", SqlType::BigInt),
        ("every", SqlType::BigInt),
        ("times", SqlType::BigInt),
        ("number", SqlType::Int),
        ("passed", SqlType::BigInt),
        ("fired", SqlType::BigInt),
        ("is_live", SqlType::Bit),
    ];
    let rows: Vec<_> = session.shared.server.options.faults.list().iter().map(listed).collect();
    sink.columns(&columns(&shape))?;
    for row in &rows {
        sink.row(row)?;
    }
    sink.statement_done(Some(rows.len() as u64), true)?;
    Ok(())
}

fn listed(armed: &Armed) -> Vec<Datum> {
    let Fault { point, action, filter, after, every, times, error, .. } = &armed.fault;
    let text = |text: &Option<String>| text.clone().map_or(Datum::Null, Datum::String);
    let number = |number: u64| Datum::BigInt(number as i64);
    vec![
        Datum::BigInt(armed.id),
        Datum::String(point.name().to_owned()),
        Datum::String(action.name().to_owned()),
        text(&filter.application),
        text(&filter.login),
        text(&filter.database),
        filter.session_id.map_or(Datum::Null, Datum::Int),
        text(&filter.object),
        number(*after),
        number(*every),
        number(*times),
        if *action == Action::Error { Datum::Int(error.number) } else { Datum::Null },
        number(armed.passed),
        number(armed.fired),
        Datum::Bit(armed.is_live()),
    ]
}

fn list_counts(session: &SqlSession, values: &Values, sink: &mut dyn Sink) -> Exec<()> {
    let shape = [
        ("application", TEXT),
        ("requests", SqlType::BigInt),
        ("statements", SqlType::BigInt),
        ("table_statements", SqlType::BigInt),
    ];
    let rows = session.shared.server.counts.list(values.text("@application")?.as_deref());
    sink.columns(&columns(&shape))?;
    for (application, count) in &rows {
        let figures = count.figures().map(|figure| Datum::BigInt(figure as i64));
        let row: Vec<_> = std::iter::once(Datum::String(application.clone())).chain(figures).collect();
        sink.row(&row)?;
    }
    sink.statement_done(Some(rows.len() as u64), true)?;
    Ok(())
}

fn columns(shape: &[(&str, SqlType)]) -> Vec<ColumnMeta> {
    let column = |&(name, ty): &(&str, SqlType)| ColumnMeta {
        name: name.to_owned(),
        ty,
        nullable: true,
        identity: false,
        computed: false,
    };
    shape.iter().map(column).collect()
}

fn one_row(sink: &mut dyn Sink, shape: &[(&str, SqlType)], row: &[Datum]) -> Exec<()> {
    sink.columns(&columns(shape))?;
    sink.row(row)?;
    sink.statement_done(Some(1), true)?;
    Ok(())
}
