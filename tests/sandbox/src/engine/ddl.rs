//! Dispatch of DDL, and the statements about databases, schemas, logins and users.

use super::catalog_store;
use super::clock::now_datetime;
use super::ddl_table::cannot_drop;
use super::plans::Batch;
use super::session::SqlSession;
use super::stop::{Exec, Stop};
use super::transaction::Writes;
use crate::error::SqlError;
use crate::session::Sink;
use crate::tsql::ast::{OtherUsers, Stmt, StmtKind};
use rusqlite::params;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Number and state of the error for a constraint whose name another object has.
pub(super) const CONSTRAINT_NAME_TAKEN: (i32, u8) = (2714, 5);

impl SqlSession {
    pub(super) fn execute_ddl(&mut self, batch: &Arc<Batch>, statement: &Stmt, sink: &mut dyn Sink) -> Exec<()> {
        self.refresh_catalog()?;
        self.forget_captures()?;
        self.begin_implicit(true, sink)?;
        match &statement.kind {
            StmtKind::CreateTable(create) => {
                let created = self.create_table(create, sink);
                self.after_constraint_error(created)?;
            }
            StmtKind::AlterTable { table, action } => {
                let altered = self.alter_table(table, action, &statement_text(batch, statement), sink);
                self.after_constraint_error(altered)?;
            }
            StmtKind::DropTable { names, if_exists } => {
                self.drop_tables(names, *if_exists, &statement_text(batch, statement), sink)?;
            }
            StmtKind::Truncate(name) => self.truncate(name, sink)?,
            StmtKind::CreateIndex(create) => self.create_index(create, sink)?,
            StmtKind::DropIndex { indexes, if_exists } => {
                for (name, table) in indexes {
                    self.drop_index(name, table, *if_exists, sink)?;
                }
            }
            StmtKind::RebuildIndex { name, table } => self.rebuild_index(name.as_deref(), table, sink)?,
            StmtKind::TransferObject { schema, name } => self.transfer(schema, name, sink)?,
            StmtKind::CreateSchema { name, owner } => self.create_schema(name, owner.as_deref(), sink)?,
            StmtKind::DropSchema { name, if_exists } => self.drop_schema(name, *if_exists, sink)?,
            StmtKind::CreateDatabase { name, collation } => self.create_database(name, collation.as_deref())?,
            StmtKind::DropDatabase { names, if_exists } => self.drop_databases(names, *if_exists)?,
            StmtKind::AlterDatabase { name, option, value, .. } if option == "RECURSIVE_TRIGGERS" => {
                self.set_recursive_triggers(name.as_deref(), value.as_deref() == Some("ON"), sink)?;
            }
            StmtKind::AlterDatabase { name, option, value, others } => {
                self.alter_database(name.as_deref(), option, value.as_deref(), *others)?;
            }
            StmtKind::Backup { database, file, overwrite } => return self.backup(database, file, *overwrite, sink),
            StmtKind::Restore { database, file, replace } => return self.restore(database, file, *replace, sink),
            StmtKind::Security(statement) => self.security_statement(statement, sink)?,
            StmtKind::Module(statement) => self.module_statement(statement, sink)?,
            StmtKind::CheckIdentity { table, action, quiet } => self.check_identity(table, *action, *quiet, sink)?,
            other => return Err(SqlError::unsupported(format!("{} here", kind_name(other))).into()),
        }
        self.finished(0);
        sink.statement_done(None, false)?;
        Ok(())
    }

    /// Error 1750 follows the one that tells why a constraint cannot be made.
    fn after_constraint_error(&mut self, result: Exec<()>) -> Exec<()> {
        match result {
            Err(Stop::Error(error)) if is_constraint_error(&error) => {
                self.preceding.push(error);
                let text = "Could not create constraint or index. See previous errors.";
                Err(SqlError::new(1750, text).with_state(if is_duplicate_name(&self.preceding) { 1 } else { 0 }).into())
            }
            other => other,
        }
    }

    /// Error 226: statements that cannot be taken back.
    pub(super) fn refuse_in_transaction(&self, what: &str) -> Exec<()> {
        if self.shared.state().tran_count > 0 {
            let text = format!("{what} statement not allowed within multi-statement transaction.");
            return Err(SqlError::new(226, text).with_state(6).into());
        }
        Ok(())
    }

    fn create_database(&mut self, name: &str, collation: Option<&str>) -> Exec<()> {
        self.refuse_in_transaction("CREATE DATABASE")?;
        if !self.has_server_role("dbcreator") {
            let text = "CREATE DATABASE permission denied in database 'master'.";
            return Err(SqlError::new(262, text).severity(14).into());
        }
        let collation = collation.unwrap_or(super::collation::DEFAULT_COLLATION);
        super::collation::rules(collation)?;
        let server = Arc::clone(self.server());
        let owner = self.shared.acting_login().map(|l| l.sid).unwrap_or_default();
        server.create_database(name, &owner, collation)?;
        Ok(())
    }

    fn drop_databases(&mut self, names: &[String], if_exists: bool) -> Exec<()> {
        self.refuse_in_transaction("DROP DATABASE")?;
        for name in names {
            if if_exists && self.server().database(name).is_none() {
                continue;
            }
            self.require_database_owner(name)?;
            self.server().drop_database(name)?;
        }
        Ok(())
    }

    /// Error 3701: only who owns a database may drop it.
    fn require_database_owner(&self, name: &str) -> Exec<()> {
        let Some(database) = self.server().database(name) else { return Ok(()) };
        let owns =
            self.shared.acts_for_login() && self.shared.acting_login().is_some_and(|l| l.sid == database.owner());
        let member = database.id == self.database().id && self.is_db_owner();
        if owns || member || self.has_server_role("dbcreator") {
            return Ok(());
        }
        let text =
            format!("Cannot drop the database '{name}', because it does not exist or you do not have permission.");
        Err(SqlError::new(3701, text).severity(11).into())
    }

    /// Error 5011: only who owns a database may alter it.
    fn require_alter_database(&self, database: &super::database::Database) -> Exec<()> {
        let owns =
            self.shared.acts_for_login() && self.shared.acting_login().is_some_and(|l| l.sid == database.owner());
        let here = database.id == self.database().id
            && self.shared.has_permission("ALTER", super::permissions::Target::DATABASE);
        if owns || here || self.has_server_role("dbcreator") {
            return Ok(());
        }
        let text = format!(
            "User does not have permission to alter database '{}', the database does not exist, or the database is not in a state that \
             allows access checks.",
            database.name
        );
        Err(SqlError::new(5011, text).severity(14).with_state(5).into())
    }

    /// `ALTER DATABASE … SET`.
    fn alter_database(
        &mut self,
        name: Option<&str>,
        option: &str,
        value: Option<&str>,
        others: OtherUsers,
    ) -> Exec<()> {
        self.refuse_in_transaction("ALTER DATABASE")?;
        let database = match name {
            Some(name) => self.server().database(name).ok_or_else(|| {
                let text = format!(
                    "User does not have permission to alter database '{name}', the database does not exist, or the \
                                    database is not in a state that allows access checks."
                );
                SqlError::new(5011, text).severity(14).with_state(5)
            })?,
            None => self.database(),
        };
        self.require_alter_database(&database)?;
        let value = value.unwrap_or_default().to_ascii_uppercase();
        let on = match value.as_str() {
            "ON" => Some(true),
            "OFF" => Some(false),
            _ => None,
        };
        let refused = || SqlError::unsupported(format!("ALTER DATABASE SET {option} {value}"));
        match (option.to_ascii_uppercase().as_str(), on) {
            ("ALLOW_SNAPSHOT_ISOLATION", Some(on)) => self.allow_snapshot(&database, on)?,
            ("READ_COMMITTED_SNAPSHOT", Some(on)) => self.set_row_versions(&database, on, others)?,
            ("RECOVERY", None) => {
                let model = match value.as_str() {
                    "FULL" => 1,
                    "BULK_LOGGED" => 2,
                    "SIMPLE" => 3,
                    _ => return Err(refused().into()),
                };
                database.recovery_model.store(model, Ordering::Release);
            }
            ("SINGLE_USER", _) => self.make_single_user(&database, others)?,
            ("MULTI_USER", _) => database.access.set_single_user(false),
            ("READ_WRITE" | "ONLINE", _) => {}
            _ => return Err(refused().into()),
        }
        self.server().store_options(&database)?;
        Ok(())
    }

    fn create_schema(&mut self, name: &str, owner: Option<&str>, sink: &mut dyn Sink) -> Exec<()> {
        self.write(Writes::Database, sink, |s, _| {
            s.require_in_database("CREATE SCHEMA")?;
            if s.catalog().schema(name).is_some() {
                return Err(super::ddl_table::already_there(name).into());
            }
            let owner = match owner {
                Some(owner) => s.owner_named(owner)?,
                None => s.shared.token().user,
            };
            // Schemas of users start at 5, those of the fixed roles have the roles' ids.
            s.connection.execute(
                r#"INSERT INTO db."$schemas"
                   SELECT max(max(CASE WHEN schema_id < 16384 THEN schema_id END), 4) + 1, ?1, ?2 FROM db."$schemas""#,
                params![name, owner],
            )?;
            s.catalog_changed()?;
            Ok(())
        })
    }

    fn drop_schema(&mut self, name: &str, if_exists: bool, sink: &mut dyn Sink) -> Exec<()> {
        self.write(Writes::Database, sink, |s, _| {
            let catalog = s.catalog();
            let Some(schema) = catalog.schema(name).filter(|schema| (5..16384).contains(&schema.schema_id)) else {
                return if if_exists { Ok(()) } else { Err(cannot_drop("schema", name).into()) };
            };
            if !s.shared.has_permission("CONTROL", super::permissions::Target::schema(schema.schema_id)) {
                let text = format!(
                    "Cannot drop the schema '{name}', because it does not exist or you do not have permission."
                );
                return Err(SqlError::new(15151, text).into());
            }
            if let Some(object) = catalog.objects().find(|o| o.schema_id == schema.schema_id && o.parent_object_id == 0)
            {
                let text =
                    format!("Cannot drop schema '{name}' because it is being referenced by object '{}'.", object.name);
                return Err(SqlError::new(3729, text).into());
            }
            s.connection.execute(r#"DELETE FROM db."$schemas" WHERE schema_id = ?1"#, [schema.schema_id])?;
            s.catalog_changed()?;
            Ok(())
        })
    }

    /// Marks a table as changed now.
    pub(super) fn touch(&self, table: i32) -> Exec<()> {
        self.connection.execute(
            r#"UPDATE db."$objects" SET modify_date = ?2 WHERE object_id = ?1"#,
            params![table, now_datetime()],
        )?;
        Ok(())
    }

    /// Rewrites SQLite's text of a table after its catalog rows changed.
    pub(super) fn rewrite_table(&mut self, table: i32) -> Exec<()> {
        self.table_changed(table)?;
        let entry = self.entry(table)?;
        let frame = super::frame::Frame::default();
        let text = super::table_text::create(&entry, &self.catalog(), &self.empty_scope(&frame))?;
        catalog_store::replace_table_text(&self.connection, &entry.storage, &format!("CREATE TABLE {text}"))?;
        Ok(())
    }
}

/// Whether it is the making of a constraint that failed, not the table's.
fn is_constraint_error(error: &SqlError) -> bool {
    matches!(error.number, 1505 | 1767 | 1769 | 1770 | 1773 | 1776 | 1778 | 1779 | 1781 | 1785 | 8111 | 8139)
        || error.number == CONSTRAINT_NAME_TAKEN.0 && error.state == CONSTRAINT_NAME_TAKEN.1
}

fn is_duplicate_name(errors: &[SqlError]) -> bool {
    errors.iter().any(|error| error.number == CONSTRAINT_NAME_TAKEN.0)
}

/// The lines of a statement, from its first to the next statement's.
fn statement_text(batch: &Batch, statement: &Stmt) -> String {
    let next = batch.statements.iter().map(|s| s.line).filter(|&line| line > statement.line).min();
    let first = statement.line.saturating_sub(1) as usize;
    let count = next.map_or(usize::MAX, |next| (next - statement.line) as usize);
    batch.text.lines().skip(first).take(count).collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn kind_name(kind: &StmtKind) -> String {
    let debug = format!("{kind:?}");
    debug.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_owned()
}
