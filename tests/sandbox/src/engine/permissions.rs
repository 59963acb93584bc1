//! Who may do what: GRANT, DENY, REVOKE, and the checks before a statement.
//!
//! `dbo` and the owner of an object may do everything with it, whatever is denied. Otherwise a DENY outweighs every GRANT, on the
//! object, its schema or the database, to the user, one of its roles or `public`. The catalog views show everything to everybody:
//! metadata visibility is not kept apart here.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/security/permissions-database-engine>,
//! <https://learn.microsoft.com/sql/relational-databases/tutorial-ownership-chains-and-context-switching>.

use super::catalog::{Catalog, same_name};
use super::compiled::CompiledDml;
use super::expr_walk::any;
use super::ownership::Named;
use super::principal_statements::cannot;
use super::principals::{DBO, Principal};
use super::security::{LAST_SYSTEM_DATABASE, Token};
use super::session::SqlSession;
use super::session_state::SessionShared;
use super::stop::Exec;
use super::transaction::Writes;
use crate::error::{SqlError, SqlResult};
use crate::session::Sink;
use crate::tsql::ast::{Expr, MergeAction, ObjectName, StmtKind};
use crate::tsql::security::{PermissionStatement, PermissionVerb, Securable};
use rusqlite::params;

/// Classes of securables, as `sys.database_permissions` numbers them.
pub const DATABASE: i32 = 0;
/// See [`DATABASE`].
pub const OBJECT: i32 = 1;
/// See [`DATABASE`].
pub const SCHEMA: i32 = 3;
/// See [`DATABASE`].
pub const PRINCIPAL: i32 = 4;

/// A permission: its name, its `type`, and the classes that it can be granted on.
type Known = (&'static str, &'static str, &'static [i32]);

/// The permissions of a database, by name.
const PERMISSIONS: &[Known] = &[
    ("SELECT", "SL", &[DATABASE, OBJECT, SCHEMA]),
    ("INSERT", "IN", &[DATABASE, OBJECT, SCHEMA]),
    ("UPDATE", "UP", &[DATABASE, OBJECT, SCHEMA]),
    ("DELETE", "DL", &[DATABASE, OBJECT, SCHEMA]),
    ("EXECUTE", "EX", &[DATABASE, OBJECT, SCHEMA]),
    ("REFERENCES", "RF", &[DATABASE, OBJECT, SCHEMA]),
    ("ALTER", "AL", &[DATABASE, OBJECT, SCHEMA, PRINCIPAL]),
    ("CONTROL", "CL", &[DATABASE, OBJECT, SCHEMA, PRINCIPAL]),
    ("TAKE OWNERSHIP", "TO", &[DATABASE, OBJECT, SCHEMA]),
    ("VIEW DEFINITION", "VW", &[DATABASE, OBJECT, SCHEMA, PRINCIPAL]),
    ("VIEW CHANGE TRACKING", "VWCT", &[OBJECT, SCHEMA]),
    ("CREATE SEQUENCE", "CRSO", &[SCHEMA]),
    ("IMPERSONATE", "IM", &[PRINCIPAL]),
    ("CONNECT", "CO", &[DATABASE]),
    ("CREATE TABLE", "CRTB", &[DATABASE]),
    ("CREATE VIEW", "CRVW", &[DATABASE]),
    ("CREATE PROCEDURE", "CRPR", &[DATABASE]),
    ("CREATE FUNCTION", "CRFN", &[DATABASE]),
    ("CREATE SCHEMA", "CRSM", &[DATABASE]),
    ("CREATE ROLE", "CRRL", &[DATABASE]),
    ("CREATE TYPE", "CRTY", &[DATABASE]),
    ("CREATE SYNONYM", "CRSN", &[DATABASE]),
    ("ALTER ANY USER", "ALUS", &[DATABASE]),
    ("ALTER ANY ROLE", "ALRL", &[DATABASE]),
    ("ALTER ANY SCHEMA", "ALSM", &[DATABASE]),
    ("BACKUP DATABASE", "BADB", &[DATABASE]),
    ("BACKUP LOG", "BALO", &[DATABASE]),
    ("CHECKPOINT", "CP", &[DATABASE]),
    ("SHOWPLAN", "SPLN", &[DATABASE]),
    ("VIEW DATABASE STATE", "VWDS", &[DATABASE]),
    ("VIEW DATABASE PERFORMANCE STATE", "VDP", &[DATABASE]),
];

/// Permissions of a server; which can be granted here says [`server_permissions`](super::server_permissions).
const SERVER_PERMISSIONS: &[&str] = &[
    "CONTROL SERVER",
    "VIEW SERVER STATE",
    "VIEW SERVER PERFORMANCE STATE",
    "VIEW SERVER SECURITY STATE",
    "VIEW ANY DEFINITION",
    "VIEW ANY DATABASE",
    "ALTER ANY LOGIN",
    "ALTER ANY DATABASE",
    "CREATE ANY DATABASE",
    "ALTER SERVER STATE",
    "ALTER SETTINGS",
    "ALTER TRACE",
    "CONNECT SQL",
    "SHUTDOWN",
    "IMPERSONATE ANY LOGIN",
    "ADMINISTER BULK OPERATIONS",
];

fn known(name: &str) -> Option<&'static Known> {
    PERMISSIONS.iter().find(|(known, _, _)| known.eq_ignore_ascii_case(name))
}

/// A securable of the current database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    class: i32,
    id: i32,
}

impl Target {
    /// The database.
    pub const DATABASE: Self = Self { class: DATABASE, id: 0 };

    /// A table, view, procedure or the like.
    pub fn object(id: i32) -> Self {
        Self { class: OBJECT, id }
    }

    /// A schema.
    pub fn schema(id: i32) -> Self {
        Self { class: SCHEMA, id }
    }

    /// Itself and what it lies in, with their owners.
    fn scopes(self, catalog: &Catalog) -> Vec<(Self, Option<i32>)> {
        let mut scopes = Vec::with_capacity(3);
        let schema = match self.class {
            OBJECT => {
                let schema = catalog.object_by_id(self.id).map(|o| o.schema_id);
                scopes.push((self, None));
                schema
            }
            SCHEMA => Some(self.id),
            PRINCIPAL => {
                let owner = catalog.principals.by_id(self.id).and_then(|p| p.owner);
                scopes.push((self, owner));
                None
            }
            _ => None,
        };
        if let Some(schema) = schema {
            let owner = catalog.schemas.iter().find(|s| s.schema_id == schema).map(|s| s.owner);
            scopes.push((Self::schema(schema), owner));
        }
        scopes.push((Self::DATABASE, None));
        scopes
    }
}

/// Whether a security context has a permission on a securable. What the fixed roles have is on
/// <https://learn.microsoft.com/previous-versions/sql/sql-server-2008/ms189612(v=sql.100)>.
pub fn allows(token: &Token, catalog: &Catalog, permission: &str, target: Target) -> bool {
    let Some((name, kind, _)) = known(permission) else { return token.sysadmin };
    if token.sysadmin || token.user == DBO {
        return true;
    }
    let scopes = target.scopes(catalog);
    if scopes.iter().any(|(_, owner)| owner.is_some_and(|owner| token.principals.contains(&owner))) {
        return true;
    }
    let concerns = |p: &&super::principals::Permission| {
        token.principals.contains(&p.grantee)
            && scopes.iter().any(|(scope, _)| scope.class == p.class && scope.id == p.major_id)
    };
    let mut granted = token.owns_database();
    for permission in catalog.principals.permissions.iter().filter(concerns) {
        let denied = permission.state == "D";
        if denied && (permission.kind == *kind || permission.kind == "CL") {
            return false;
        }
        granted |= !denied && implies(&permission.kind, kind);
    }
    let member = |role: &str| {
        catalog.principals.find(role).is_some_and(|p| p.is_fixed_role() && token.principals.contains(&p.principal_id))
    };
    let writes = matches!(*kind, "IN" | "UP" | "DL");
    if (*kind == "SL" && member("db_denydatareader")) || (writes && member("db_denydatawriter")) {
        return false;
    }
    granted
        || (*kind == "SL" && member("db_datareader"))
        || (writes && member("db_datawriter"))
        || ((name.starts_with("CREATE ") && !matches!(*kind, "CRRL") || matches!(*kind, "AL" | "RF" | "ALSM"))
            && target.class != PRINCIPAL
            && member("db_ddladmin"))
        || (matches!(*kind, "CRRL" | "ALRL" | "VW") && member("db_securityadmin"))
        || (*kind == "ALUS" && member("db_accessadmin"))
        || (matches!(*kind, "BADB" | "BALO" | "CP") && member("db_backupoperator"))
}

/// Whether who has one permission has another one as well.
fn implies(has: &str, wants: &str) -> bool {
    has == wants
        || has == "CL"
        || (has == "VWDS" && wants == "VDP")
        || (has == "AL" && (wants.starts_with("CR") || matches!(wants, "ALUS" | "ALRL" | "ALSM" | "CP")))
}

impl SessionShared {
    /// Whether the session has a permission on a securable of the current database.
    pub fn has_permission(&self, permission: &str, target: Target) -> bool {
        let token = self.token();
        let catalog = std::sync::Arc::clone(&self.state().catalog);
        allows(&token, &catalog, permission, target)
    }

    /// `HAS_PERMS_BY_NAME`: `None` when the question makes no sense.
    pub fn has_perms_by_name(&self, securable: Option<&str>, class: Option<&str>, permission: &str) -> Option<bool> {
        let token = self.token();
        let (catalog, database) = {
            let state = self.state();
            (std::sync::Arc::clone(&state.catalog), std::sync::Arc::clone(&state.database))
        };
        let any = permission.eq_ignore_ascii_case("ANY");
        let on = |target: Target| {
            if any {
                let of_class = PERMISSIONS.iter().filter(|(_, _, classes)| classes.contains(&target.class));
                return Some(of_class.into_iter().any(|(name, _, _)| allows(&token, &catalog, name, target)));
            }
            known(permission).filter(|(_, _, classes)| classes.contains(&target.class))?;
            Some(allows(&token, &catalog, permission, target))
        };
        match (securable, class.map(str::to_ascii_uppercase).as_deref()) {
            (None, None | Some("SERVER")) => {
                let is_known = any || SERVER_PERMISSIONS.iter().any(|p| p.eq_ignore_ascii_case(permission));
                let everybody = ["VIEW ANY DATABASE", "CONNECT SQL", "ANY"];
                is_known.then(|| {
                    self.has_server_permission(permission)
                        || everybody.iter().any(|p| p.eq_ignore_ascii_case(permission))
                })
            }
            (None, Some(_)) => None,
            (Some(name), Some("DATABASE")) => {
                same_name(name.trim_matches(['[', ']']), &database.name).then_some(())?;
                on(Target::DATABASE)
            }
            (Some(name), Some("SCHEMA")) => {
                on(Target::schema(catalog.schema(name.trim_matches(['[', ']']))?.schema_id))
            }
            (Some(name), Some("OBJECT")) => {
                let (_, schema, name) = super::metadata_functions::split_name(name)?;
                on(Target::object(catalog.object(schema.as_deref().unwrap_or("dbo"), &name)?.object_id))
            }
            (Some(name), Some("USER" | "ROLE")) => {
                let principal = catalog.principals.find(name.trim_matches(['[', ']']))?;
                on(Target { class: PRINCIPAL, id: principal.principal_id })
            }
            _ => None,
        }
    }
}

impl SqlSession {
    /// Error 229 unless the session may do something with an object.
    pub(super) fn require(&self, permission: &str, object: i32) -> SqlResult<()> {
        if self.shared.has_permission(permission, Target::object(object)) {
            return Ok(());
        }
        let catalog = self.catalog();
        let found = catalog.object_by_id(object);
        let name = found.map(|o| o.name.clone()).unwrap_or_default();
        let schema = found.and_then(|o| catalog.schema_name(o.schema_id)).unwrap_or_default();
        let text = format!(
            "The {permission} permission was denied on the object '{name}', database '{}', schema '{schema}'.",
            catalog.database
        );
        Err(SqlError::new(229, text).severity(14).with_state(5))
    }

    /// Error 229 unless the session may read what a statement names.
    pub(super) fn require_reads(&self, named: impl IntoIterator<Item = Named>) -> SqlResult<()> {
        if self.may_everything() {
            return Ok(());
        }
        let catalog = self.catalog();
        for named in named {
            if catalog.object_by_id(named.object).is_some() && !self.reaches(named) {
                self.require("SELECT", named.object)?;
            }
        }
        Ok(())
    }

    /// Error 229 unless the session may change rows of a table in this way.
    pub(super) fn require_write(&self, permission: &str, table: &super::meta::Table) -> SqlResult<()> {
        self.require_named(permission, Named { object: table.object_id, view: None })
    }

    fn require_named(&self, permission: &str, named: Named) -> SqlResult<()> {
        if self.may_everything() || self.catalog().object_by_id(named.object).is_none() || self.reaches(named) {
            return Ok(());
        }
        self.require(permission, named.object)
    }

    /// Error 229 unless the session may do what a data modification does: write its target, and read what it reads.
    pub(super) fn require_modification(&self, statement: &StmtKind, dml: &CompiledDml) -> SqlResult<()> {
        if self.may_everything() {
            return Ok(());
        }
        // What the statement names as its target: a table, or a view of one.
        let target = Named { object: dml.through.unwrap_or(dml.target.object_id), view: None };
        let reads_target = match statement {
            // Its target is among what it reads only where it reads it.
            StmtKind::Insert(insert) => {
                if insert.output.is_some() {
                    self.require_reads([target])?;
                }
                true
            }
            StmtKind::Update(update) => {
                let column = |part: &Expr| matches!(part, Expr::Column(_));
                update.selection.is_some()
                    || !update.from.is_empty()
                    || update.output.is_some()
                    || update.assignments.iter().filter_map(|(_, value)| value.as_ref()).any(|e| any(e, &column))
            }
            StmtKind::Delete(delete) => {
                delete.selection.is_some() || !delete.from.is_empty() || delete.output.is_some()
            }
            _ => true,
        };
        self.require_reads(dml.statement.named.iter().copied().filter(|&named| named != target || reads_target))?;
        match statement {
            StmtKind::Merge(merge) => {
                for clause in &merge.clauses {
                    let permission = match clause.action {
                        MergeAction::Update(_) => "UPDATE",
                        MergeAction::Delete => "DELETE",
                        MergeAction::Insert { .. } => "INSERT",
                    };
                    self.require_write(permission, &dml.target)?;
                }
            }
            _ => {
                self.require_named(dml.kind.word(), target)?;
                self.require_named(dml.kind.word(), Named { object: dml.target.object_id, view: dml.through })?;
            }
        }
        match &dml.output_into {
            Some(output) => self.require_write("INSERT", &output.target),
            None => Ok(()),
        }
    }

    /// A context that nothing can be denied to.
    fn may_everything(&self) -> bool {
        let token = self.shared.token();
        token.sysadmin || token.user == DBO
    }

    /// Error 229 unless the session may call a procedure.
    pub(super) fn require_execute(&self, procedure: i32) -> SqlResult<()> {
        self.require_named("EXECUTE", Named { object: procedure, view: None })
    }

    /// Error 262 unless the session has a permission on the database.
    pub fn require_in_database(&self, permission: &str) -> SqlResult<()> {
        if self.shared.has_permission(permission, Target::DATABASE) {
            return Ok(());
        }
        let text = format!("{permission} permission denied in database '{}'.", self.database().name);
        Err(SqlError::new(262, text).severity(14))
    }

    /// Whether the session may read every table of a schema in another database.
    pub fn may_read_in(&self, database: &str, schema: &str) -> bool {
        if self.is_sysadmin() {
            return true;
        }
        let Some(found) = self.server().database(database) else { return false };
        let Some(catalog) = found.open().ok().and_then(|connection| found.catalog(&connection).ok()) else {
            return false;
        };
        let Some(login) = self.shared.acting_login().filter(|_| self.shared.acts_for_login()) else { return false };
        let Some(user) = catalog.principals.user_of(&login, false, found.id <= LAST_SYSTEM_DATABASE) else {
            return false;
        };
        let token = Token { sysadmin: false, user, principals: catalog.principals.closure(user) };
        catalog.schema(schema).is_some_and(|s| allows(&token, &catalog, "SELECT", Target::schema(s.schema_id)))
    }

    /// What creating an object in a schema takes: errors 262 and 2760.
    pub(super) fn require_create(&self, permission: &str, schema_id: i32) -> SqlResult<()> {
        if self.may_everything() {
            return Ok(());
        }
        self.require_in_database(permission)?;
        if self.shared.has_permission("ALTER", Target::schema(schema_id)) {
            return Ok(());
        }
        let catalog = self.catalog();
        let text = format!(
            "The specified schema name \"{}\" either does not exist or you do not have permission to use it.",
            catalog.schema_name(schema_id).unwrap_or_default()
        );
        Err(SqlError::new(2760, text))
    }

    /// Error 1088 unless the session may alter an object.
    pub(super) fn may_alter_object(&self, object: i32, written: &str) -> SqlResult<()> {
        if object < 0 || self.shared.has_permission("ALTER", Target::object(object)) {
            return Ok(());
        }
        let text =
            format!("Cannot find the object \"{written}\" because it does not exist or you do not have permissions.");
        Err(SqlError::new(1088, text).with_state(13))
    }

    /// Whether the session may drop an object: who may alter its schema, or controls it.
    pub(super) fn may_drop(&self, object: i32) -> bool {
        let catalog = self.catalog();
        let schema = catalog.object_by_id(object).map(|o| o.schema_id);
        self.shared.has_permission("CONTROL", Target::object(object))
            || schema.is_some_and(|schema| self.shared.has_permission("ALTER", Target::schema(schema)))
    }

    /// `GRANT`, `DENY`, `REVOKE`.
    pub(super) fn change_permissions(&mut self, statement: &PermissionStatement, sink: &mut dyn Sink) -> Exec<()> {
        if statement.permissions.iter().any(|permission| SERVER_PERMISSIONS.contains(&permission.as_str())) {
            return self.change_server_permissions(statement);
        }
        self.write(Writes::Database, sink, |s, _| {
            let target = s.target_of(statement.securable.as_ref())?;
            let mut permissions: Vec<&Known> = Vec::new();
            for name in &statement.permissions {
                permissions.extend(s.permissions_named(name, target)?);
            }
            for name in &statement.principals {
                let grantee = s.grantee(name)?;
                for permission in &permissions {
                    s.require_grant(permission.0, target, statement.securable.as_ref())?;
                    s.change_permission(statement, permission, target, grantee.principal_id)?;
                }
            }
            s.catalog_changed()?;
            Ok(())
        })
    }

    fn target_of(&self, securable: Option<&Securable>) -> Exec<Target> {
        let catalog = self.catalog();
        Ok(match securable {
            None => Target::DATABASE,
            Some(Securable::Object(name)) => {
                let found = catalog.object(name.schema.as_deref().unwrap_or("dbo"), &name.name);
                Target::object(found.ok_or_else(|| no_object(name))?.object_id)
            }
            Some(Securable::Schema(name)) => {
                Target::schema(catalog.schema(name).ok_or_else(|| cannot("find", "schema", name))?.schema_id)
            }
            Some(Securable::Database(name)) => {
                if !same_name(name, &catalog.database) {
                    return Err(cannot("find", "database", name).into());
                }
                Target::DATABASE
            }
            Some(Securable::User(name)) => self.principal_target(name, "user", false)?,
            Some(Securable::Role(name)) => self.principal_target(name, "role", true)?,
            Some(Securable::Login(_)) => return Err(SqlError::unsupported("permissions on a login").into()),
        })
    }

    fn principal_target(&self, name: &str, kind: &str, role: bool) -> SqlResult<Target> {
        let catalog = self.catalog();
        let found = catalog.principals.find(name).filter(|p| p.role == role);
        let found = found.ok_or_else(|| cannot("find", kind, name))?;
        Ok(Target { class: PRINCIPAL, id: found.principal_id })
    }

    fn permissions_named(&self, name: &str, target: Target) -> Exec<Vec<&'static Known>> {
        if name == "ALL" {
            let kinds: &[&str] = match target.class {
                DATABASE => &["BADB", "BALO", "CRTB", "CRVW", "CRPR", "CRFN"],
                OBJECT if self.catalog().object_by_id(target.id).is_some_and(|o| o.kind.trim() == "P") => &["EX"],
                OBJECT => &["SL", "IN", "UP", "DL", "RF"],
                _ => return Err(SqlError::unsupported("ALL of anything but a database or an object").into()),
            };
            return Ok(PERMISSIONS.iter().filter(|(_, kind, _)| kinds.contains(kind)).collect());
        }
        match known(name) {
            Some(known) if known.2.contains(&target.class) => Ok(vec![known]),
            Some(_) => {
                let text = format!("Granted or revoked privilege {name} is not compatible with object.");
                Err(SqlError::new(4606, text).into())
            }
            None => Err(SqlError::unsupported(format!("the permission {name}")).into()),
        }
    }

    fn grantee(&self, name: &str) -> Exec<Principal> {
        let catalog = self.catalog();
        let found = catalog.principals.find(name).ok_or_else(|| cannot("find", "user", name))?;
        if matches!(found.principal_id, DBO | 3 | 4) || found.is_fixed_role() {
            let text = "Cannot grant, deny, or revoke permissions to sa, dbo, entity owner, information_schema, sys, or yourself.";
            return Err(SqlError::new(15151, text).with_state(1).into());
        }
        Ok(found.clone())
    }

    /// Who may pass a permission on: who controls the securable, has the permission WITH GRANT OPTION, or `db_securityadmin`.
    fn require_grant(&self, permission: &str, target: Target, securable: Option<&Securable>) -> Exec<()> {
        let token = self.shared.token();
        let catalog = self.catalog();
        let kind = known(permission).map(|k| k.1).unwrap_or_default();
        let with_option = catalog.principals.permissions.iter().any(|p| {
            p.state == "W"
                && p.kind == kind
                && token.principals.contains(&p.grantee)
                && (p.class, p.major_id) == (target.class, target.id)
        });
        if with_option || self.is_member("db_securityadmin") || allows(&token, &catalog, "CONTROL", target) {
            return Ok(());
        }
        Err(match securable {
            Some(Securable::Object(name)) => no_object(name),
            Some(Securable::Schema(name)) => cannot("find", "schema", name),
            Some(Securable::User(name)) => cannot("find", "user", name),
            Some(Securable::Role(name)) => cannot("find", "role", name),
            _ => SqlError::new(4613, "Grantor does not have GRANT permission."),
        }
        .into())
    }

    fn change_permission(
        &self,
        statement: &PermissionStatement,
        (name, kind, _): &Known,
        target: Target,
        grantee: i32,
    ) -> Exec<()> {
        let state: Option<String> = {
            use rusqlite::OptionalExtension as _;
            let sql = r#"SELECT state FROM db."$permissions" WHERE class = ?1 AND major_id = ?2 AND grantee = ?3 AND type = ?4"#;
            let key = params![target.class, target.id, grantee, kind];
            self.connection.query_row(sql, key, |r| r.get(0)).optional()?
        };
        let grantable = state.as_deref() == Some("W");
        if grantable && statement.verb != PermissionVerb::Grant && !statement.cascade {
            let text = "To revoke or deny grantable privileges, specify the CASCADE option.";
            return Err(SqlError::new(4611, text).into());
        }
        let new = match statement.verb {
            PermissionVerb::Grant if statement.grant_option || grantable => Some("W"),
            PermissionVerb::Grant => Some("G"),
            PermissionVerb::Deny => Some("D"),
            PermissionVerb::Revoke if statement.grant_option => state.as_deref().map(|_| "G"),
            PermissionVerb::Revoke => None,
        };
        match new {
            Some(state) => self.connection.execute(
                r#"INSERT OR REPLACE INTO db."$permissions"(class, major_id, grantee, grantor, type, permission_name, state)
                   VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6)"#,
                params![target.class, target.id, grantee, kind, name, state],
            )?,
            None => self.connection.execute(
                r#"DELETE FROM db."$permissions" WHERE class = ?1 AND major_id = ?2 AND grantee = ?3 AND type = ?4"#,
                params![target.class, target.id, grantee, kind],
            )?,
        };
        Ok(())
    }
}

fn no_object(name: &ObjectName) -> SqlError {
    cannot("find", "object", &name.name)
}
