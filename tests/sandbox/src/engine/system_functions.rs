//! Functions about the server, the database's options, logins and permissions.
//!
//! The sandbox has no permission system below the login: a user of a database may do everything in it.

use super::catalog::same_name;
use super::metadata_functions::{int, string};
use super::session_functions::text;
use super::session_state::SessionShared;
use super::system_variables::PRODUCT_VERSION;
use crate::types::Datum;
use std::sync::atomic::Ordering;

/// `SERVERPROPERTY`: <https://learn.microsoft.com/sql/t-sql/functions/serverproperty-transact-sql>. Values are text, which is what
/// the function's `sql_variant` is cast to.
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
        "engineedition" => text("3"),
        "editionid" => text("-2117995310"),
        "servername" | "machinename" | "computernamephysicalnetbios" => text(&server.options.server_name),
        "collation" => text(super::collation::DEFAULT_COLLATION),
        "isclustered"
        | "ishadrenabled"
        | "isfulltextinstalled"
        | "issingleuser"
        | "islocaldb"
        | "isintegratedsecurityonly"
        | "isxtpsupported" => text("0"),
        "processid" => text(&std::process::id().to_string()),
        "lcid" => text("1033"),
        "sqlcharset" => text("1"),
        "sqlsortorder" => text("52"),
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
        "collation" => text(super::collation::DEFAULT_COLLATION),
        "recovery" => text(recovery_model(database.recovery_model.load(Ordering::Acquire))),
        "version" => text("957"),
        "edition" => Datum::Null,
        "isinstandby" | "isautoclose" | "isautoshrink" | "ispublished" | "ismergepublished" | "issubscribed" => {
            text("0")
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
        let here = database.id == session.state().database.id;
        Datum::Int(i32::from(session.login.is_sysadmin() || here || database.id <= 4))
    })
}

pub(super) fn suser_sname(session: &SessionShared, arguments: &[Datum]) -> Datum {
    match arguments.first() {
        None => text(&session.login.name),
        Some(Datum::Binary(sid)) => {
            let logins = session.server.logins();
            logins.iter().find(|l| l.sid == *sid).map_or(Datum::Null, |l| text(&l.name))
        }
        Some(_) => Datum::Null,
    }
}

pub(super) fn suser_name(session: &SessionShared, arguments: &[Datum]) -> Datum {
    match arguments.first() {
        None => text(&session.login.name),
        id => {
            let id = int(id);
            let logins = session.server.logins();
            logins.iter().find(|l| Some(l.principal_id) == id).map_or(Datum::Null, |l| text(&l.name))
        }
    }
}

pub(super) fn suser_id(session: &SessionShared, arguments: &[Datum]) -> Datum {
    match arguments.first() {
        None => Datum::Int(session.login.principal_id),
        name => {
            let Some(name) = string(name) else { return Datum::Null };
            let logins = session.server.logins();
            logins.iter().find(|l| same_name(&l.name, name)).map_or(Datum::Null, |l| Datum::Int(l.principal_id))
        }
    }
}

/// A sysadmin is `dbo` in every database; other logins go by their own name.
pub(super) fn user_name(session: &SessionShared, arguments: &[Datum]) -> Datum {
    match arguments.first() {
        None if session.login.is_sysadmin() => text("dbo"),
        None => text(&session.login.name),
        Some(Datum::Int(0)) => text("public"),
        Some(Datum::Int(1)) => text("dbo"),
        Some(Datum::Int(2)) => text("guest"),
        Some(Datum::Int(3)) => text("INFORMATION_SCHEMA"),
        Some(Datum::Int(4)) => text("sys"),
        Some(_) => Datum::Null,
    }
}

pub(super) fn user_id(session: &SessionShared, arguments: &[Datum]) -> Datum {
    match arguments.first() {
        None if session.login.is_sysadmin() => Datum::Int(1),
        Some(Datum::String(name)) => match name.to_ascii_lowercase().as_str() {
            "public" => Datum::Int(0),
            "dbo" => Datum::Int(1),
            "guest" => Datum::Int(2),
            "information_schema" => Datum::Int(3),
            "sys" => Datum::Int(4),
            _ => Datum::Null,
        },
        _ => Datum::Null,
    }
}

/// `IS_MEMBER`, `IS_ROLEMEMBER`.
pub(super) fn is_member(_: &SessionShared, arguments: &[Datum]) -> Datum {
    match string(arguments.first()).map(str::to_ascii_lowercase).as_deref() {
        Some("public" | "db_owner" | "db_datareader" | "db_datawriter" | "db_ddladmin") => Datum::Int(1),
        Some("db_denydatareader" | "db_denydatawriter") => Datum::Int(0),
        _ => Datum::Null,
    }
}

pub(super) fn is_server_role_member(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let login = match string(arguments.get(1)) {
        Some(name) => session.server.logins().into_iter().find(|l| same_name(&l.name, name)),
        None => Some(session.login.clone()),
    };
    let Some(login) = login else { return Datum::Null };
    match string(arguments.first()).map(str::to_ascii_lowercase).as_deref() {
        Some("public") => Datum::Int(1),
        Some(
            "sysadmin" | "serveradmin" | "securityadmin" | "processadmin" | "setupadmin" | "bulkadmin" | "diskadmin"
            | "dbcreator",
        ) => Datum::Int(i32::from(login.is_sysadmin())),
        _ => Datum::Null,
    }
}

pub(super) fn has_perms_by_name(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let class = string(arguments.get(1)).map(str::to_ascii_lowercase);
    let on_server = matches!(class.as_deref(), Some("server" | "login" | "endpoint"))
        || (arguments.first() == Some(&Datum::Null) && class.is_none());
    Datum::Int(i32::from(session.login.is_sysadmin() || !on_server))
}

pub(super) fn context_info(session: &SessionShared, _: &[Datum]) -> Datum {
    let state = session.state();
    if state.context_info.is_empty() { Datum::Null } else { Datum::Binary(state.context_info.clone()) }
}
