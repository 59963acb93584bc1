//! Permissions: which one an error says is missing, the statement that grants it, and asking for them beforehand.

use crate::client::Client;
use crate::decode::Fields;
use crate::error::{Error, ErrorKind};
use crate::quote;
use std::error::Error as StdError;

/// Something that a login lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// A permission in the database: on an object or schema of it (quoted already), or on itself.
    Permission {
        /// Its name, e.g. SELECT.
        permission: String,
        /// `[schema].[object]` or `SCHEMA::[schema]`; `None` for the database.
        on: Option<String>,
    },
    /// A permission of the server.
    ServerPermission(String),
    /// Membership in a fixed role of the database.
    DatabaseRole(&'static str),
    /// Membership in a fixed role of the server.
    ServerRole(&'static str),
    /// A user in the database.
    User,
}

impl Missing {
    /// What an error of the server says is missing; `None` if it is about something else. By the error's number, and the names in
    /// its text in English; where the text cannot be read, that of the server has to do.
    /// <https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors>
    pub fn of(error: &Error) -> Option<Self> {
        let number = match error.kind {
            ErrorKind::Server { number, .. } => number,
            // 4060: the login has no user there, or there is no such database.
            ErrorKind::NoDatabase => return Some(Self::User),
            _ => return None,
        };
        let text = error.message();
        match number {
            229 | 230 | 300 => on_object(text),
            262 => {
                let permission = between(text, "", " permission ")?;
                let permission = permission.rsplit(": ").next()?.trim().to_owned();
                Some(Self::Permission { permission, on: None })
            }
            297 if text.contains("VIEW SERVER") => Some(Self::ServerPermission("VIEW SERVER STATE".to_owned())),
            916 => Some(Self::User),
            1088 | 4902 | 3701 | 15151 => {
                let object = quoted_part(text)?;
                Some(Self::Permission { permission: "ALTER".to_owned(), on: Some(bracketed(object)) })
            }
            2760 => {
                let schema = quoted_part(text)?;
                Some(Self::Permission { permission: "ALTER".to_owned(), on: Some(schema_securable(schema)) })
            }
            22902 => Some(Self::ServerRole("sysadmin")),
            22904 | 21050 => Some(Self::DatabaseRole("db_owner")),
            _ => None,
        }
    }

    /// What it is, for people.
    pub fn name(&self) -> String {
        match self {
            Self::Permission { permission, on: Some(on) } => format!("{permission} on {on}"),
            Self::Permission { permission, on: None } => format!("{permission} in the database"),
            Self::ServerPermission(permission) => format!("{permission} at the server"),
            Self::DatabaseRole(role) => format!("membership in the database role {role}"),
            Self::ServerRole(role) => format!("membership in the server role {role}"),
            Self::User => "a user in the database".to_owned(),
        }
    }

    /// The statement that gives it to a login whose user has the same name.
    pub fn grant(&self, login: &str) -> String {
        let user = quote::identifier(login);
        match self {
            Self::Permission { permission, on: Some(on) } => format!("GRANT {permission} ON {on} TO {user}"),
            Self::Permission { permission, on: None } | Self::ServerPermission(permission) => {
                format!("GRANT {permission} TO {user}")
            }
            Self::DatabaseRole(role) => format!("ALTER ROLE {role} ADD MEMBER {user}"),
            Self::ServerRole(role) => format!("ALTER SERVER ROLE {role} ADD MEMBER {user}"),
            Self::User => format!("CREATE USER {user} FOR LOGIN {user}"),
        }
    }
}

/// What an error, or one behind it, says is missing, with the statement that gives it, for whoever ran `command` with `login`.
pub fn explain(error: &(dyn StdError + 'static), command: &str, login: &str) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(missing) = error.downcast_ref::<Error>().and_then(Missing::of) {
            if missing == Missing::User {
                return Some(format!(
                    "there is no such database, or login {login} has no user in it, which `{command}` takes. To make one there: {}; all \
                     that the command takes stands in README.md under \"Permissions\"",
                    missing.grant(login)
                ));
            }
            return Some(format!(
                "`{command}` takes a permission that login {login} lacks: {}. To give it: {}; all that the command takes stands \
                 in README.md under \"Permissions\"",
                missing.name(),
                missing.grant(login)
            ));
        }
        cause = error.source();
    }
    None
}

/// What a permission is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Securable {
    /// The database itself.
    Database,
    /// A schema, by name.
    Schema(String),
    /// A table, view or procedure.
    Object(proto::TableName),
}

impl Securable {
    fn on(&self) -> Option<String> {
        match self {
            Self::Database => None,
            Self::Schema(name) => Some(schema_securable(name)),
            Self::Object(name) => Some(quote::table(name)),
        }
    }
}

/// Asks whether the login has a permission. A securable that does not exist, or that the login cannot see at all, is one that it
/// lacks.
/// <https://learn.microsoft.com/sql/t-sql/functions/has-perms-by-name-transact-sql>
pub async fn check(client: &mut Client, permission: &str, securable: &Securable) -> Result<Option<Missing>, Error> {
    const WHAT: &str = "asking for a permission";
    const DATABASE: &str = "SELECT HAS_PERMS_BY_NAME(DB_NAME(), N'DATABASE', @P1)";
    const SCHEMA: &str = "SELECT HAS_PERMS_BY_NAME(@P2, N'SCHEMA', @P1)";
    const OBJECT: &str = "SELECT HAS_PERMS_BY_NAME(@P2, N'OBJECT', @P1)";
    let name;
    let rows = match securable {
        Securable::Database => client.query(WHAT, DATABASE, &[permission.into()]).await?,
        Securable::Schema(schema) => {
            name = quote::identifier(schema);
            client.query(WHAT, SCHEMA, &[permission.into(), (&*name).into()]).await?
        }
        Securable::Object(object) => {
            name = quote::table(object);
            client.query(WHAT, OBJECT, &[permission.into(), (&*name).into()]).await?
        }
    };
    let row = rows.into_iter().next().unwrap_or_default();
    let has = Fields::new(row, client, WHAT).optional_integer()? == Some(1);
    Ok((!has).then(|| Missing::Permission { permission: permission.to_owned(), on: securable.on() }))
}

/// Whether the login is a member of a role of the database; `dbo` and members of `sysadmin` are of `db_owner`.
/// <https://learn.microsoft.com/sql/t-sql/functions/is-rolemember-transact-sql>
pub async fn is_role_member(client: &mut Client, role: &str) -> Result<bool, Error> {
    const WHAT: &str = "asking for the login's roles";
    let rows = client.query(WHAT, "SELECT IS_ROLEMEMBER(@P1)", &[role.into()]).await?;
    let row = rows.into_iter().next().unwrap_or_default();
    Ok(Fields::new(row, client, WHAT).optional_integer()? == Some(1))
}

/// Whether the login is a member of `sysadmin`.
/// <https://learn.microsoft.com/sql/t-sql/functions/is-srvrolemember-transact-sql>
pub async fn is_sysadmin(client: &mut Client) -> Result<bool, Error> {
    const WHAT: &str = "asking for the login's server roles";
    let rows = client.query(WHAT, "SELECT IS_SRVROLEMEMBER(N'sysadmin')", &[]).await?;
    let row = rows.into_iter().next().unwrap_or_default();
    Ok(Fields::new(row, client, WHAT).optional_integer()? == Some(1))
}

/// `The SELECT permission was denied on the object 'x', database 'd', schema 's'.`, or on a column of it.
fn on_object(text: &str) -> Option<Missing> {
    let permission = between(text, "The ", " permission was denied")
        .or_else(|| between(text, "", " permission was denied").and_then(|t| t.rsplit(": ").next()))?;
    let object = between(text, "object '", "'")?;
    if object == "server" {
        return Some(Missing::ServerPermission(permission.trim().to_owned()));
    }
    let on = match between(text, "schema '", "'") {
        // Of these schemas all is needed, and what is in them changes.
        Some(schema @ ("cdc" | "replication")) => schema_securable(schema),
        Some(schema) => format!("{}.{}", quote::identifier(schema), quote::identifier(object)),
        None => bracketed(object),
    };
    Some(Missing::Permission { permission: permission.trim().to_owned(), on: Some(on) })
}

fn schema_securable(schema: &str) -> String {
    format!("SCHEMA::{}", quote::identifier(schema))
}

/// A name as an error's text writes it, perhaps of several parts.
fn bracketed(object: &str) -> String {
    let part = |part: &str| quote::identifier(part.trim_matches(['[', ']']));
    object.split('.').map(part).collect::<Vec<_>>().join(".")
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let start = text.find(before)? + before.len();
    let end = start + text[start..].find(after)?;
    Some(&text[start..end])
}

fn quoted_part(text: &str) -> Option<&str> {
    between(text, "\"", "\"").or_else(|| between(text, "'", "'"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Missing, explain};
    use crate::error::{Error, ErrorKind};

    fn error(number: u32, text: &str) -> Error {
        let kind = ErrorKind::Server { number, severity: 14, state: 5 };
        Error::new(kind, "reading", "sql1,1433/shop", format!("error {number}: {text}"))
    }

    #[test]
    fn the_grant_is_the_one_that_the_error_asks_for() {
        for (number, text, grant) in [
            (
                229,
                "The SELECT permission was denied on the object 'orders', database 'shop', schema 'sales'.",
                "GRANT SELECT ON [sales].[orders] TO [repl]",
            ),
            (
                229,
                "The SELECT permission was denied on the object 'replication_dbo_t_CT', database 'shop', schema 'cdc'.",
                "GRANT SELECT ON SCHEMA::[cdc] TO [repl]",
            ),
            (
                230,
                "The SELECT permission was denied on the column 'c' of the object 'o', database 'shop', schema 'd]bo'.",
                "GRANT SELECT ON [d]]bo].[o] TO [repl]",
            ),
            (262, "CREATE TABLE permission denied in database 'shop'.", "GRANT CREATE TABLE TO [repl]"),
            (262, "VIEW DATABASE STATE permission denied in database 'shop'.", "GRANT VIEW DATABASE STATE TO [repl]"),
            (
                300,
                "VIEW SERVER STATE permission was denied on object 'server', database 'master'.",
                "GRANT VIEW SERVER STATE TO [repl]",
            ),
            (
                1088,
                "Cannot find the object \"dbo.t\" because it does not exist or you do not have permissions.",
                "GRANT ALTER ON [dbo].[t] TO [repl]",
            ),
            (
                2760,
                "The specified schema name \"sales\" either does not exist or you do not have permission to use it.",
                "GRANT ALTER ON SCHEMA::[sales] TO [repl]",
            ),
            (
                22904,
                "Caller is not authorized to initiate the requested action. DBO privileges are required.",
                "ALTER ROLE db_owner ADD MEMBER [repl]",
            ),
            (
                22902,
                "Caller is not authorized to initiate the requested action. System administrator privileges are required.",
                "ALTER SERVER ROLE sysadmin ADD MEMBER [repl]",
            ),
        ] {
            let missing = Missing::of(&error(number, text)).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(missing.grant("repl"), grant, "{text}");
        }
    }

    #[test]
    fn other_errors_are_not_about_permissions() {
        assert_eq!(Missing::of(&error(208, "Invalid object name 'x'.")), None);
        assert_eq!(Missing::of(&Error::new(ErrorKind::Timeout, "reading", "sql1", "no answer")), None);
    }

    #[test]
    fn the_command_and_the_login_are_named() {
        let denied =
            error(229, "The INSERT permission was denied on the object 'marker', database 'd', schema 'replication'.");
        let said = explain(&denied, "publisher snapshot", "repl").unwrap();
        for part in ["`publisher snapshot`", "login repl", "GRANT INSERT ON SCHEMA::[replication] TO [repl]"] {
            assert!(said.contains(part), "{said}");
        }
    }
}
