//! Principals of a database, as its catalog holds them: users, roles, who is a member of what, who may do what.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/security/authentication-access/database-level-roles>.

use super::catalog::same_name;
use super::logins::Login;
use rusqlite::Connection;
use std::collections::BTreeSet;

/// `principal_id` of `public`.
pub const PUBLIC: i32 = 0;
/// `principal_id` of `dbo`.
pub const DBO: i32 = 1;
/// `principal_id` of `guest`.
pub const GUEST: i32 = 2;
/// `principal_id` of `db_owner`, the first of the fixed roles.
pub const DB_OWNER: i32 = 16384;

/// The fixed database roles with their ids; each has a schema of its name and id.
pub const FIXED_ROLES: &[(i32, &str)] = &[
    (DB_OWNER, "db_owner"),
    (16385, "db_accessadmin"),
    (16386, "db_securityadmin"),
    (16387, "db_ddladmin"),
    (16389, "db_backupoperator"),
    (16390, "db_datareader"),
    (16391, "db_datawriter"),
    (16392, "db_denydatareader"),
    (16393, "db_denydatawriter"),
];

/// A user or role.
#[derive(Debug, Clone)]
pub struct Principal {
    /// `principal_id`.
    pub principal_id: i32,
    /// Name.
    pub name: String,
    /// A role, else a user.
    pub role: bool,
    /// Security identifier; a user's is its login's.
    pub sid: Option<Vec<u8>>,
    /// `default_schema_name`.
    pub default_schema: Option<String>,
    /// `owning_principal_id` of a role.
    pub owner: Option<i32>,
}

impl Principal {
    /// One of the roles that every database has.
    pub fn is_fixed_role(&self) -> bool {
        self.role && self.principal_id >= DB_OWNER
    }
}

/// A row of `sys.database_permissions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// 0 database, 1 object, 3 schema, 4 principal.
    pub class: i32,
    /// The securable's id.
    pub major_id: i32,
    /// Who.
    pub grantee: i32,
    /// `type`: four characters at most, not padded.
    pub kind: String,
    /// `D`eny, `G`rant, grant `W`ith grant option.
    pub state: String,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Principals {
    /// By id.
    pub principals: Vec<Principal>,
    /// Role and member.
    pub members: Vec<(i32, i32)>,
    /// What was granted and denied.
    pub permissions: Vec<Permission>,
}

impl Principals {
    /// Reads them from the attached database.
    pub fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut statement = connection.prepare_cached(
            r#"SELECT principal_id, name, type, sid, default_schema, owner FROM db."$principals" ORDER BY principal_id"#,
        )?;
        let principals = statement.query_map([], |r| {
            Ok(Principal {
                principal_id: r.get(0)?,
                name: r.get(1)?,
                role: r.get::<_, String>(2)? == "R",
                sid: r.get(3)?,
                default_schema: r.get(4)?,
                owner: r.get(5)?,
            })
        })?;
        let principals = principals.collect::<rusqlite::Result<_>>()?;
        let mut statement =
            connection.prepare_cached(r#"SELECT role_id, member_id FROM db."$role_members" ORDER BY 1, 2"#)?;
        let members = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
        let mut statement =
            connection.prepare_cached(r#"SELECT class, major_id, grantee, type, state FROM db."$permissions""#)?;
        let permissions = statement.query_map([], |r| {
            Ok(Permission {
                class: r.get(0)?,
                major_id: r.get(1)?,
                grantee: r.get(2)?,
                kind: r.get(3)?,
                state: r.get(4)?,
            })
        })?;
        let permissions = permissions.collect::<rusqlite::Result<_>>()?;
        Ok(Self { principals, members, permissions })
    }

    /// A principal by name.
    pub fn find(&self, name: &str) -> Option<&Principal> {
        self.principals.iter().find(|p| same_name(&p.name, name))
    }

    /// A principal by id.
    pub fn by_id(&self, id: i32) -> Option<&Principal> {
        self.principals.iter().find(|p| p.principal_id == id)
    }

    /// The user that a login is in this database; `None` if it may not enter. `guest` is at home in the system databases only.
    pub fn user_of(&self, login: &Login, sysadmin: bool, system_database: bool) -> Option<i32> {
        if sysadmin {
            return Some(DBO);
        }
        let own = self.principals.iter().find(|p| !p.role && p.sid.as_deref() == Some(&login.sid));
        let own = own.map(|p| p.principal_id).filter(|&id| id == DBO || self.may_connect(id));
        own.or_else(|| system_database.then_some(GUEST))
    }

    /// Whether a user was granted CONNECT, as each is when it is made.
    fn may_connect(&self, user: i32) -> bool {
        let connect = self.permissions.iter().filter(|p| p.class == 0 && p.kind == "CO" && p.grantee == user);
        connect.fold(false, |_, p| p.state != "D")
    }

    /// A principal with every role it is a member of, directly or through other roles, and `public`.
    pub fn closure(&self, principal: i32) -> BTreeSet<i32> {
        let mut all = BTreeSet::from([principal, PUBLIC]);
        loop {
            let before = all.len();
            for (role, member) in &self.members {
                if all.contains(member) {
                    all.insert(*role);
                }
            }
            if all.len() == before {
                return all;
            }
        }
    }
}
