//! Statements about logins, users and roles.
//!
//! Source: <https://learn.microsoft.com/sql/t-sql/statements/create-role-transact-sql> and its neighbours.

use super::catalog::same_name;
use super::clock::now_datetime;
use super::logins::{SA, SERVER_ROLES};
use super::permissions::Target;
use super::principals::{DBO, GUEST, PUBLIC, Principal};
use super::procedures::{Argument, text_argument};
use super::session::SqlSession;
use super::stop::Exec;
use super::transaction::Writes;
use crate::error::SqlError;
use crate::session::Sink;
use crate::tsql::security::{LoginChange, RoleChange, Securable, SecurityStatement, UserLogin};
use rusqlite::params;

/// Error 15151: a principal that is not there, or that may not be touched.
pub(super) fn cannot(verb: &str, kind: &str, name: &str) -> SqlError {
    SqlError::new(
        15151,
        format!("Cannot {verb} the {kind} '{name}', because it does not exist or you do not have permission."),
    )
}

/// Error 15247.
pub(super) fn no_permission() -> SqlError {
    SqlError::new(15247, "User does not have permission to perform this action.")
}

fn special(name: &str) -> SqlError {
    SqlError::new(15405, format!("Cannot use the special principal '{name}'."))
}

impl SqlSession {
    pub(super) fn security_statement(&mut self, statement: &SecurityStatement, sink: &mut dyn Sink) -> Exec<()> {
        match statement {
            SecurityStatement::CreateLogin { name, password, default_database, sid } => {
                self.require_server_role("securityadmin")?;
                self.server().create_login(name, password, default_database.as_deref(), sid.clone())?;
                Ok(())
            }
            SecurityStatement::AlterLogin { name, change } => self.alter_login(name, change),
            SecurityStatement::DropLogin(name) => {
                if !self.has_server_role("securityadmin") {
                    return Err(cannot("drop", "login", name).into());
                }
                self.server().drop_login(name)?;
                Ok(())
            }
            SecurityStatement::CreateUser { name, login, default_schema } => {
                self.refuse_other_schema(default_schema.as_deref())?;
                self.create_user(name, login, sink)
            }
            SecurityStatement::AlterUser { name, new_name, default_schema, login } => {
                self.refuse_other_schema(default_schema.as_deref())?;
                self.alter_user(name, new_name.as_deref(), login.as_deref(), sink)
            }
            SecurityStatement::DropUser { name, if_exists } => self.drop_principal("user", name, *if_exists, sink),
            SecurityStatement::CreateRole { name, owner } => self.create_role(name, owner.as_deref(), sink),
            SecurityStatement::AlterRole { name, change } => self.alter_role(name, change, sink),
            SecurityStatement::DropRole { name, if_exists } => self.drop_principal("role", name, *if_exists, sink),
            SecurityStatement::AlterServerRole { name, change } => self.alter_server_role(name, change),
            SecurityStatement::ExecuteAs { login, name } => self.execute_as(*login, name),
            SecurityStatement::Revert => self.revert(),
            SecurityStatement::AlterAuthorization { securable, owner } => {
                self.alter_authorization(securable, owner.as_deref(), sink)
            }
            SecurityStatement::Permission(statement) => self.change_permissions(statement, sink),
        }
    }

    /// Unqualified names are looked up in `dbo` only.
    fn refuse_other_schema(&self, schema: Option<&str>) -> Exec<()> {
        match schema.filter(|s| !same_name(s, "dbo")) {
            Some(_) => Err(SqlError::unsupported("a DEFAULT_SCHEMA other than dbo").into()),
            None => Ok(()),
        }
    }

    /// Whether the session acts for a member of a fixed server role, or of `sysadmin`.
    pub(super) fn has_server_role(&self, role: &str) -> bool {
        let member = |login| self.server().is_server_role_member(role, &login) == Some(true);
        self.is_sysadmin() || (self.shared.acts_for_login() && self.shared.acting_login().is_some_and(member))
    }

    pub(super) fn require_server_role(&self, role: &str) -> Exec<()> {
        if self.has_server_role(role) { Ok(()) } else { Err(no_permission().into()) }
    }

    /// Whether the session owns the database or its user is a member of one of these roles.
    pub(super) fn has_role(&self, roles: &[&str]) -> bool {
        self.is_db_owner() || roles.iter().any(|role| self.is_member(role))
    }

    fn alter_login(&mut self, name: &str, change: &LoginChange) -> Exec<()> {
        let denied = || cannot("alter", "login", name);
        let mut login = self.server().login_named(name).ok_or_else(denied)?;
        let own = self.shared.acting_login().is_some_and(|l| l.principal_id == login.principal_id);
        let administrator = self.has_server_role("securityadmin");
        match change {
            LoginChange::Enabled(enabled) => {
                if !administrator {
                    return Err(denied().into());
                }
                login.disabled = !enabled;
            }
            LoginChange::Options { password, old_password, default_database, new_name } => {
                if !(administrator || own) {
                    return Err(denied().into());
                }
                if let Some(password) = password {
                    let known = old_password.as_deref().map(|old| login.accepts(old));
                    if known == Some(false) || known.is_none() && !administrator {
                        return Err(denied().into());
                    }
                    login.set_password(password);
                }
                if let Some(database) = default_database {
                    login.default_database.clone_from(database);
                }
                if let Some(new_name) = new_name {
                    login.name.clone_from(new_name);
                }
            }
        }
        self.server().replace_login(login)?;
        Ok(())
    }

    /// Error 15023: the name of a user or role is taken.
    fn refuse_taken_principal(&self, name: &str) -> Exec<()> {
        if self.catalog().principals.find(name).is_some() {
            let text = format!("User, group, or role '{name}' already exists in the current database.");
            return Err(SqlError::new(15023, text).into());
        }
        Ok(())
    }

    fn insert_principal(&mut self, name: &str, role: bool, sid: Option<&[u8]>, owner: Option<i32>) -> Exec<()> {
        self.connection.execute(
            r#"INSERT INTO db."$principals"(principal_id, name, type, create_date, sid, default_schema, owner)
               SELECT max(max(CASE WHEN principal_id < 16384 THEN principal_id END), 4) + 1, ?1, ?2, ?3, ?4, ?5, ?6
               FROM db."$principals""#,
            params![name, if role { "R" } else { "S" }, now_datetime(), sid, (!role).then_some("dbo"), owner],
        )?;
        self.catalog_changed()?;
        Ok(())
    }

    fn create_user(&mut self, name: &str, login: &UserLogin, sink: &mut dyn Sink) -> Exec<()> {
        if !self.shared.has_permission("ALTER ANY USER", Target::DATABASE) {
            return Err(no_permission().into());
        }
        let sid = match login {
            UserLogin::Without => {
                // S-1-9-3 and four numbers: an identifier that no login can have.
                let mut sid = vec![1, 5, 0, 0, 0, 0, 0, 9, 3, 0, 0, 0];
                sid.extend_from_slice(uuid::Uuid::new_v4().as_bytes());
                sid
            }
            UserLogin::SameName => self.login_sid(name)?,
            UserLogin::Login(login) => self.login_sid(login)?,
        };
        self.write(Writes::Database, sink, |s, _| {
            s.refuse_taken_principal(name)?;
            s.refuse_second_user(&sid)?;
            s.insert_principal(name, false, Some(&sid), None)?;
            s.connection.execute(
                r#"INSERT INTO db."$permissions"(class, major_id, grantee, grantor, type, permission_name, state)
                   SELECT 0, 0, principal_id, 1, 'CO', 'CONNECT', 'G' FROM db."$principals" WHERE name = ?1 COLLATE NOCASE"#,
                [name],
            )?;
            s.catalog_changed()?;
            Ok(())
        })
    }

    fn login_sid(&self, login: &str) -> Exec<Vec<u8>> {
        let found = self.server().login_named(login).ok_or_else(|| {
            SqlError::new(15007, format!("'{login}' is not a valid login or you do not have permission."))
        })?;
        if found.principal_id == SA {
            return Err(special(&found.name).into());
        }
        Ok(found.sid)
    }

    fn refuse_second_user(&self, sid: &[u8]) -> Exec<()> {
        if self.catalog().principals.principals.iter().any(|p| p.sid.as_deref() == Some(sid)) {
            return Err(SqlError::new(15063, "The login already has an account under a different user name.").into());
        }
        Ok(())
    }

    fn alter_user(&mut self, name: &str, new_name: Option<&str>, login: Option<&str>, sink: &mut dyn Sink) -> Exec<()> {
        let sid = login.map(|login| self.login_sid(login)).transpose()?;
        self.write(Writes::Database, sink, |s, _| {
            let user = s.catalog().principals.find(name).filter(|p| !p.role && p.principal_id > 4).cloned();
            let user = user.filter(|_| s.has_role(&["db_accessadmin"])).ok_or_else(|| cannot("alter", "user", name))?;
            if let Some(new_name) = new_name {
                s.rename_principal(&user, new_name)?;
            }
            if let Some(sid) = sid {
                if user.sid.as_deref() != Some(&sid) {
                    s.refuse_second_user(&sid)?;
                }
                s.connection.execute(
                    r#"UPDATE db."$principals" SET sid = ?2, modify_date = ?3 WHERE principal_id = ?1"#,
                    params![user.principal_id, sid, now_datetime()],
                )?;
                s.catalog_changed()?;
            }
            Ok(())
        })
    }

    fn rename_principal(&mut self, principal: &Principal, new_name: &str) -> Exec<()> {
        if !same_name(&principal.name, new_name) {
            self.refuse_taken_principal(new_name)?;
        }
        self.connection.execute(
            r#"UPDATE db."$principals" SET name = ?2, modify_date = ?3 WHERE principal_id = ?1"#,
            params![principal.principal_id, new_name, now_datetime()],
        )?;
        self.catalog_changed()?;
        Ok(())
    }

    fn create_role(&mut self, name: &str, owner: Option<&str>, sink: &mut dyn Sink) -> Exec<()> {
        if !self.shared.has_permission("CREATE ROLE", Target::DATABASE) {
            return Err(no_permission().into());
        }
        self.write(Writes::Database, sink, |s, _| {
            s.refuse_taken_principal(name)?;
            let owner = match owner {
                Some(owner) => s.owner_named(owner)?,
                None => s.shared.token().user,
            };
            s.insert_principal(name, true, None, Some(owner))
        })
    }

    /// The principal that something is to belong to; error 15151.
    pub(super) fn owner_named(&self, name: &str) -> Exec<i32> {
        let found = self.catalog().principals.find(name).map(|p| p.principal_id);
        Ok(found.ok_or_else(|| cannot("find", "principal", name))?)
    }

    fn alter_role(&mut self, name: &str, change: &RoleChange, sink: &mut dyn Sink) -> Exec<()> {
        self.write(Writes::Database, sink, |s, _| {
            let role = s.catalog().principals.find(name).filter(|p| p.role).cloned();
            let role = role.filter(|role| s.may_alter_role(role)).ok_or_else(|| cannot("alter", "role", name))?;
            if role.principal_id == PUBLIC {
                return Err(SqlError::new(15081, "Membership of the public role cannot be changed.").into());
            }
            match change {
                RoleChange::Add(member) => s.add_role_member(&role, member),
                RoleChange::Drop(member) => s.drop_role_member(&role, member),
                RoleChange::Rename(new_name) => {
                    if role.is_fixed_role() {
                        return Err(SqlError::new(15150, format!("Cannot alter the role '{}'.", role.name)).into());
                    }
                    s.rename_principal(&role, new_name)
                }
            }
        })
    }

    /// Members of fixed roles are for the owners of the database to choose; those of other roles also for their owner and
    /// `db_securityadmin`.
    fn may_alter_role(&self, role: &Principal) -> bool {
        let owns = role.owner.is_some_and(|owner| self.shared.token().principals.contains(&owner));
        self.is_db_owner() || !role.is_fixed_role() && (owns || self.is_member("db_securityadmin"))
    }

    fn add_role_member(&mut self, role: &Principal, member: &str) -> Exec<()> {
        let catalog = self.catalog();
        let found = catalog.principals.find(member).ok_or_else(|| cannot("add", "principal", member))?;
        if matches!(found.principal_id, PUBLIC..=4) && found.principal_id != GUEST {
            return Err(special(&found.name).into());
        }
        if catalog.principals.closure(role.principal_id).contains(&found.principal_id) {
            return Err(SqlError::new(15413, "Cannot make a role a member of itself.").into());
        }
        self.connection.execute(
            r#"INSERT OR IGNORE INTO db."$role_members" VALUES (?1, ?2)"#,
            [role.principal_id, found.principal_id],
        )?;
        self.catalog_changed()?;
        Ok(())
    }

    fn drop_role_member(&mut self, role: &Principal, member: &str) -> Exec<()> {
        let catalog = self.catalog();
        let found = catalog.principals.find(member).ok_or_else(|| cannot("drop", "principal", member))?;
        if found.principal_id == DBO {
            return Err(special(&found.name).into());
        }
        self.connection.execute(
            r#"DELETE FROM db."$role_members" WHERE role_id = ?1 AND member_id = ?2"#,
            [role.principal_id, found.principal_id],
        )?;
        self.catalog_changed()?;
        Ok(())
    }

    fn drop_principal(&mut self, kind: &str, name: &str, if_exists: bool, sink: &mut dyn Sink) -> Exec<()> {
        self.write(Writes::Database, sink, |s, _| {
            let catalog = s.catalog();
            let found = catalog.principals.find(name).filter(|p| p.role == (kind == "role"));
            let Some(found) = found else {
                return if if_exists { Ok(()) } else { Err(cannot("drop", kind, name).into()) };
            };
            let allowed = if found.role { s.may_alter_role(found) } else { s.has_role(&["db_accessadmin"]) };
            if !allowed {
                return Err(cannot("drop", kind, name).into());
            }
            if found.principal_id == GUEST {
                let text = "User 'guest' cannot be dropped, it can only be disabled. The user is already disabled in the current \
                            database.";
                return Err(SqlError::new(15539, text).into());
            }
            if found.principal_id <= 4 || found.is_fixed_role() {
                return Err(SqlError::new(15150, format!("Cannot drop the {kind} '{}'.", found.name)).into());
            }
            let id = found.principal_id;
            if catalog.schemas.iter().any(|schema| schema.owner == id) {
                let text = "The database principal owns a schema in the database, and cannot be dropped.";
                return Err(SqlError::new(15138, text).into());
            }
            if catalog.principals.principals.iter().any(|p| p.owner == Some(id)) {
                let text = "The database principal owns a database role and cannot be dropped.";
                return Err(SqlError::new(15421, text).into());
            }
            if found.role && catalog.principals.members.iter().any(|(role, _)| *role == id) {
                let text = "The role has members. It must be empty before it can be dropped.";
                return Err(SqlError::new(15144, text).into());
            }
            for sql in [
                r#"DELETE FROM db."$permissions" WHERE grantee = ?1 OR class = 4 AND major_id = ?1"#,
                r#"DELETE FROM db."$role_members" WHERE member_id = ?1"#,
                r#"DELETE FROM db."$principals" WHERE principal_id = ?1"#,
            ] {
                s.connection.execute(sql, [id])?;
            }
            s.catalog_changed()?;
            Ok(())
        })
    }

    fn alter_server_role(&mut self, name: &str, change: &RoleChange) -> Exec<()> {
        let (member, add) = match change {
            RoleChange::Add(member) => (member, true),
            RoleChange::Drop(member) => (member, false),
            RoleChange::Rename(_) => {
                return Err(SqlError::new(15150, format!("Cannot alter the server role '{name}'.")).into());
            }
        };
        let role = SERVER_ROLES.iter().find(|(_, role)| same_name(role, name));
        let (id, role) = role.copied().ok_or_else(|| cannot("alter", "server role", name))?;
        if !self.has_server_role(role) {
            return Err(cannot("alter", "server role", name).into());
        }
        if id == SERVER_ROLES[0].0 {
            return Err(SqlError::new(15081, "Membership of the public role cannot be changed.").into());
        }
        let verb = if add { "add" } else { "drop" };
        let login = self.server().login_named(member).ok_or_else(|| cannot(verb, "server principal", member))?;
        if login.principal_id == SA {
            return Err(special(&login.name).into());
        }
        self.server().change_server_role(id, login.principal_id, add)?;
        Ok(())
    }

    /// `ALTER AUTHORIZATION` of a database, a schema or a role.
    fn alter_authorization(&mut self, securable: &Securable, owner: Option<&str>, sink: &mut dyn Sink) -> Exec<()> {
        let Some(owner) = owner else {
            return Err(SqlError::unsupported("ALTER AUTHORIZATION … TO SCHEMA OWNER").into());
        };
        match securable {
            Securable::Database(name) => self.change_database_owner(name, owner, sink),
            Securable::Schema(name) => self.write(Writes::Database, sink, |s, _| {
                let found = s.catalog().schema(name).filter(|_| s.is_db_owner()).map(|schema| schema.schema_id);
                let id = found.ok_or_else(|| cannot("find", "schema", name))?;
                let owner = s.owner_named(owner)?;
                s.connection
                    .execute(r#"UPDATE db."$schemas" SET principal_id = ?2 WHERE schema_id = ?1"#, [id, owner])?;
                s.catalog_changed()?;
                Ok(())
            }),
            Securable::Role(name) => self.write(Writes::Database, sink, |s, _| {
                let role = s.catalog().principals.find(name).filter(|p| p.role && !p.is_fixed_role()).cloned();
                let role = role.filter(|_| s.is_db_owner()).ok_or_else(|| cannot("find", "role", name))?;
                let owner = s.owner_named(owner)?;
                s.connection.execute(
                    r#"UPDATE db."$principals" SET owner = ?2 WHERE principal_id = ?1"#,
                    [role.principal_id, owner],
                )?;
                s.catalog_changed()?;
                Ok(())
            }),
            _ => Err(SqlError::unsupported("ALTER AUTHORIZATION of this").into()),
        }
    }

    fn change_database_owner(&mut self, name: &str, owner: &str, sink: &mut dyn Sink) -> Exec<()> {
        let database = self.server().database(name).ok_or_else(|| cannot("find", "database", name))?;
        if database.id != self.database().id {
            return Err(SqlError::unsupported("ALTER AUTHORIZATION of another database").into());
        }
        if !self.is_sysadmin() {
            return Err(no_permission().into());
        }
        let login = self.server().login_named(owner).ok_or_else(|| cannot("find", "principal", owner))?;
        self.write(Writes::Database, sink, |s, _| {
            let user = s.catalog().principals.principals.iter().find(|p| p.sid.as_deref() == Some(&login.sid)).cloned();
            if user.is_some_and(|user| user.principal_id != DBO) {
                let text = "The proposed new database owner is already a user or aliased in the database.";
                return Err(SqlError::new(15110, text).into());
            }
            s.connection
                .execute(r#"UPDATE db."$principals" SET sid = ?1 WHERE principal_id = 1"#, params![login.sid])?;
            s.catalog_changed()?;
            Ok(())
        })?;
        self.server().store_owner(&database, &login.sid)?;
        Ok(())
    }

    /// The system procedures about members of roles; `None` for any other.
    pub(super) fn principal_procedure(
        &mut self,
        name: &str,
        arguments: &[Argument],
        sink: &mut dyn Sink,
    ) -> Option<Exec<()>> {
        let given = |parameter: &str, position| text_argument(arguments, parameter, position).unwrap_or_default();
        let result = match name {
            "sp_addrolemember" | "sp_droprolemember" => {
                let (role, member) = (given("@rolename", 0), given("@membername", 1));
                self.check_role_names(&role, &member).and_then(|()| {
                    let change =
                        if name == "sp_addrolemember" { RoleChange::Add(member) } else { RoleChange::Drop(member) };
                    self.alter_role(&role, &change, sink)
                })
            }
            "sp_addsrvrolemember" | "sp_dropsrvrolemember" => {
                let (login, role) = (given("@loginame", 0), given("@rolename", 1));
                if !SERVER_ROLES.iter().any(|(_, known)| same_name(known, &role)) {
                    let text = format!("'{role}' is not a fixed server role.");
                    return Some(Err(SqlError::new(15402, text).severity(11).into()));
                }
                let change =
                    if name == "sp_addsrvrolemember" { RoleChange::Add(login) } else { RoleChange::Drop(login) };
                self.alter_server_role(&role, &change)
            }
            "sp_addrole" => {
                let owner = text_argument(arguments, "@ownername", 1);
                self.create_role(&given("@rolename", 0), owner.as_deref(), sink)
            }
            "sp_droprole" => self.drop_principal("role", &given("@rolename", 0), false, sink),
            "sp_changedbowner" => {
                let database = self.database().name.clone();
                self.change_database_owner(&database, &given("@loginame", 0), sink)
            }
            _ => return None,
        };
        Some(result)
    }

    fn check_role_names(&mut self, role: &str, member: &str) -> Exec<()> {
        self.refresh_catalog()?;
        let catalog = self.catalog();
        if catalog.principals.find(role).is_none_or(|p| !p.role) {
            let text = format!("The role '{role}' does not exist in the current database.");
            return Err(SqlError::new(15014, text).into());
        }
        if catalog.principals.find(member).is_none() {
            let text = format!("User or role '{member}' does not exist in this database.");
            return Err(SqlError::new(15410, text).severity(11).into());
        }
        Ok(())
    }
}
