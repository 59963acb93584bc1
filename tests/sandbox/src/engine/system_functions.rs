//! Functions about the server, the database's options, logins and permissions.

use super::catalog::same_name;
use super::logins::SERVER_ROLES;
use super::metadata_functions::{int, string};
use super::session_functions::text;
use super::session_state::SessionShared;
use super::system_variables::PRODUCT_VERSION;
use crate::types::Datum;
use std::sync::atomic::Ordering;

/// `SERVERPROPERTY`: <https://learn.microsoft.com/sql/t-sql/functions/serverproperty-transact-sql>. Values are text or int, which
/// the caller makes a `sql_variant` of.
pub(super) fn server_property(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let Some(property) = string(arguments.first()) else { return Datum::Null };
    let server = &session.server;
    match property.to_ascii_lowercase().as_str() {
        "productversion" => text(PRODUCT_VERSION),
        "productlevel" => text("RTM"),
        "productmajorversion" => text("16"),
        "productminorversion" => text("0"),
        "productbuild" => text("4135"),
        "edition" => text("Developer Edition (64-bit)"),
        "engineedition" => Datum::Int(3),
        "editionid" => Datum::BigInt(-2_117_995_310),
        "servername" | "machinename" | "computernamephysicalnetbios" => text(&server.options.server_name),
        "collation" => text(super::collation::DEFAULT_COLLATION),
        "isclustered"
        | "ishadrenabled"
        | "isfulltextinstalled"
        | "issingleuser"
        | "islocaldb"
        | "isintegratedsecurityonly"
        | "isxtpsupported" => Datum::Int(0),
        "processid" => Datum::Int(std::process::id() as i32),
        "lcid" => Datum::Int(1033),
        "sqlcharset" => Datum::Int(1),
        "sqlsortorder" => Datum::Int(52),
        "resourceversion" => text("16.00.4135"),
        _ => Datum::Null,
    }
}

/// `DATABASEPROPERTYEX`.
pub(super) fn database_property(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let (Some(name), Some(property)) = (string(arguments.first()), string(arguments.get(1))) else {
        return Datum::Null;
    };
    let Some(database) = session.server.database(name) else { return Datum::Null };
    match property.to_ascii_lowercase().as_str() {
        "status" => text("ONLINE"),
        "updateability" => text("READ_WRITE"),
        "useraccess" => text("MULTI_USER"),
        "collation" => text(&database.collation()),
        "recovery" => text(recovery_model(database.recovery_model.load(Ordering::Acquire))),
        "version" => Datum::Int(957),
        "edition" => Datum::Null,
        "isinstandby" | "isautoclose" | "isautoshrink" | "ispublished" | "ismergepublished" | "issubscribed" => {
            Datum::Int(0)
        }
        _ => Datum::Null,
    }
}

/// `recovery_model_desc`.
pub(super) fn recovery_model(model: i64) -> &'static str {
    match model {
        1 => "FULL",
        2 => "BULK_LOGGED",
        _ => "SIMPLE",
    }
}

/// `CONNECTIONPROPERTY`.
pub(super) fn connection_property(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let Some(property) = string(arguments.first()) else { return Datum::Null };
    match property.to_ascii_lowercase().as_str() {
        "net_transport" => text("TCP"),
        "protocol_type" => text("TSQL"),
        "auth_scheme" => text("SQL"),
        "client_net_address" => text(&session.peer),
        _ => Datum::Null,
    }
}

pub(super) fn has_dbaccess(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let Some(name) = string(arguments.first()) else { return Datum::Null };
    session.server.database(name).map_or(Datum::Null, |database| {
        if database.id == session.state().database.id {
            return Datum::Int(1);
        }
        // The catalog of another database is read through a connection of its own.
        let entered =
            database.open().and_then(|c| database.catalog(&c)).is_ok_and(|c| session.may_enter(&c, database.id));
        Datum::Int(i32::from(entered))
    })
}

pub(super) fn suser_sname(session: &SessionShared, arguments: &[Datum]) -> Datum {
    match arguments.first() {
        None => acting_name(session),
        Some(Datum::Binary(sid)) => {
            let logins = session.server.logins();
            logins.iter().find(|l| l.sid == *sid).map_or(Datum::Null, |l| text(&l.name))
        }
        Some(_) => Datum::Null,
    }
}

/// The name of the login that the session acts for; a user without login goes by its security identifier.
pub(super) fn acting_name(session: &SessionShared) -> Datum {
    if let Some(login) = session.acting_login() {
        return text(&login.name);
    }
    let user = session.token().user;
    let state = session.state();
    let sid = state.catalog.principals.by_id(user).and_then(|p| p.sid.clone()).unwrap_or_default();
    let numbers: Vec<String> = sid
        .get(8..)
        .unwrap_or_default()
        .chunks_exact(4)
        .map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]]).to_string())
        .collect();
    text(&format!("S-1-9-{}", numbers.join("-")))
}

pub(super) fn suser_name(session: &SessionShared, arguments: &[Datum]) -> Datum {
    match arguments.first() {
        None => acting_name(session),
        id => {
            let Some(id) = int(id) else { return Datum::Null };
            let logins = session.server.logins();
            let login = logins.iter().find(|l| l.principal_id == id).map(|l| l.name.as_str());
            let role = || SERVER_ROLES.iter().find(|(role, _)| *role == id).map(|(_, name)| *name);
            login.or_else(role).map_or(Datum::Null, text)
        }
    }
}

pub(super) fn suser_id(session: &SessionShared, arguments: &[Datum]) -> Datum {
    match arguments.first() {
        None => session.acting_login().map_or(Datum::Null, |l| Datum::Int(l.principal_id)),
        name => {
            let Some(name) = string(name) else { return Datum::Null };
            let logins = session.server.logins();
            let login = logins.iter().find(|l| same_name(&l.name, name)).map(|l| l.principal_id);
            let role = || SERVER_ROLES.iter().find(|(_, role)| same_name(role, name)).map(|(id, _)| *id);
            login.or_else(role).map_or(Datum::Null, Datum::Int)
        }
    }
}

/// A sysadmin is `dbo` in every database; other logins go by their user's name.
pub(super) fn user_name(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let id = match arguments.first() {
        None => Some(session.token().user),
        id => int(id),
    };
    let state = session.state();
    id.and_then(|id| state.catalog.principals.by_id(id)).map_or(Datum::Null, |p| text(&p.name))
}

pub(super) fn user_id(session: &SessionShared, arguments: &[Datum]) -> Datum {
    match arguments.first() {
        None => Datum::Int(session.token().user),
        name => {
            let state = session.state();
            let found = string(name).and_then(|name| state.catalog.principals.find(name));
            found.map_or(Datum::Null, |p| Datum::Int(p.principal_id))
        }
    }
}

/// `IS_MEMBER`: roles, not what they are allowed.
pub(super) fn is_member(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let Some(role) = string(arguments.first()) else { return Datum::Null };
    if session.state().catalog.principals.find(role).is_none_or(|p| !p.role) {
        return Datum::Null;
    }
    Datum::Int(i32::from(session.is_member(role)))
}

/// `IS_ROLEMEMBER`.
pub(super) fn is_role_member(session: &SessionShared, arguments: &[Datum]) -> Datum {
    if arguments.len() < 2 {
        return is_member(session, arguments);
    }
    let (Some(role), Some(member)) = (string(arguments.first()), string(arguments.get(1))) else { return Datum::Null };
    let principals = std::sync::Arc::clone(&session.state().catalog.principals);
    let (Some(role), Some(member)) = (principals.find(role).filter(|p| p.role), principals.find(member)) else {
        return Datum::Null;
    };
    Datum::Int(i32::from(principals.closure(member.principal_id).contains(&role.principal_id)))
}

pub(super) fn is_server_role_member(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let Some(role) = string(arguments.first()) else { return Datum::Null };
    let login = match arguments.get(1) {
        Some(name) => string(Some(name)).and_then(|name| session.server.login_named(name)),
        None if !session.acts_for_login() => {
            // A user of one database is no member of any role of the server.
            let known = SERVER_ROLES.iter().find(|(_, known)| same_name(known, role));
            return known.map_or(Datum::Null, |(id, _)| Datum::Int(i32::from(*id == SERVER_ROLES[0].0)));
        }
        None => session.acting_login(),
    };
    let Some(login) = login else { return Datum::Null };
    match session.server.is_server_role_member(role, &login) {
        Some(member) => Datum::Int(i32::from(member || session.server.is_sysadmin(&login))),
        None => Datum::Null,
    }
}

pub(super) fn has_perms_by_name(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let Some(permission) = string(arguments.get(2)) else { return Datum::Null };
    let answer = session.has_perms_by_name(string(arguments.first()), string(arguments.get(1)), permission);
    answer.map_or(Datum::Null, |has| Datum::Int(i32::from(has)))
}

/// `SESSION_CONTEXT`: what `sp_set_session_context` gave a key.
pub(super) fn session_context(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let Some(Datum::String(key)) = arguments.first() else { return Datum::Null };
    let state = session.state();
    match state.session_context.get(&super::catalog::fold(key)) {
        Some((value, ty, _)) => super::variant::wrap(value.clone(), ty, None),
        None => Datum::Null,
    }
}

pub(super) fn context_info(session: &SessionShared, _: &[Datum]) -> Datum {
    let state = session.state();
    if state.context_info.is_empty() { Datum::Null } else { Datum::Binary(state.context_info.clone()) }
}
