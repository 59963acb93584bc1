//! Change data capture on the engine, with the names, shapes and lag of SQL Server's.
//!
//! * [`triggers`]: SQLite triggers on a tracked table write its changes into the change tables' storage, in the transaction that
//!   makes them, under the LSN that its commit will have: there is one writer per database, so transactions commit in the
//!   order in which they began to write.
//! * [`store`]: the log and how much of it clients can see; [`visible`]: the tables of the schema `cdc` in the catalog.
//! * [`worker`]: the capture job, which lets committed transactions show; [`jobs`]: its settings; [`cleanup`]; [`scan_history`].
//! * [`procedures`], [`functions`] and [`queries`]: what T-SQL calls; [`instance`]: capture instances; [`ddl`]: what becomes of
//!   them when their table changes.
//!
//! [`ChangeDataCapture`] plugs all of it into the engine through [`Extension`].

pub mod cleanup;
pub mod ddl;
pub mod errors;
pub mod functions;
pub mod instance;
pub mod jobs;
pub mod lsn;
mod net_changes;
pub mod parameters;
mod permissions;
pub mod procedures;
pub mod queries;
pub mod reports;
pub mod row_functions;
pub mod scan_history;
mod scanning;
pub mod store;
pub mod triggers;
pub mod visible;
pub mod worker;
mod worker_faults;

use crate::engine::catalog::same_name;
use crate::engine::clock::now_datetime;
use crate::engine::database::{Database, lock};
use crate::engine::extension::{DdlEvent, DdlKind, Extension};
use crate::engine::meta::{SessionFunction, Table};
use crate::engine::procedures::Argument;
use crate::engine::server_state::Server;
use crate::engine::session::SqlSession;
use crate::engine::stop::Exec;
use crate::engine::storage_error;
use crate::error::SqlResult;
use crate::session::Sink;
use crate::tsql::ast::{Expr, ObjectName};
use crate::types::SqlType;
use row_functions::Recording;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use worker::DatabaseCapture;

/// The databases of a server, by id.
type Databases = Arc<Mutex<BTreeMap<i32, Arc<DatabaseCapture>>>>;

/// Change data capture of a server.
#[derive(Debug, Default)]
pub struct ChangeDataCapture {
    databases: Databases,
    recordings: Mutex<BTreeMap<i32, Weak<Recording>>>,
}

impl ChangeDataCapture {
    /// The CDC of a session's current database.
    fn capture(&self, session: &SqlSession) -> Option<Arc<DatabaseCapture>> {
        lock(&self.databases).get(&session.database().id).cloned()
    }

    /// What a session's triggers read.
    fn recording(&self, session: &SqlSession) -> Option<Arc<Recording>> {
        lock(&self.recordings).get(&session.shared.id).and_then(Weak::upgrade)
    }
}

impl Extension for ChangeDataCapture {
    fn register(&self, session: &SqlSession) -> SqlResult<()> {
        let recording = Arc::new(Recording::default());
        let databases = Arc::clone(&self.databases);
        let run = || -> rusqlite::Result<()> {
            row_functions::register(&session.connection, &recording)?;
            let server = Arc::clone(session.server());
            row_functions::register_large(&session.connection, move |bytes| {
                server.configuration.check_large_value(bytes)
            })?;
            functions::register(&session.connection)?;
            queries::register(&session.connection)?;
            net_changes::register(&session.connection)?;
            permissions::register(&session.connection, &session.shared)?;
            let scanned = Arc::clone(&databases);
            session.connection.create_scalar_function(
                scan_history::FUNCTION,
                2,
                FunctionFlags::SQLITE_UTF8,
                move |context| {
                    let (database, view): (String, String) = (context.get(0)?, context.get(1)?);
                    let databases = lock(&scanned);
                    let capture = databases.values().find(|capture| same_name(capture.database(), &database));
                    Ok(capture.map_or_else(|| "[]".to_owned(), |capture| capture.history_as_json(&view)))
                },
            )?;
            session.connection.create_scalar_function("sandbox_cdc_jobs", 0, FunctionFlags::SQLITE_UTF8, move |_| {
                Ok(reports::jobs_as_json(&lock(&databases)))
            })
        };
        run().map_err(storage_error)?;
        let mut recordings = lock(&self.recordings);
        recordings.retain(|_, recording| recording.strong_count() > 0);
        recordings.insert(session.shared.id, Arc::downgrade(&recording));
        Ok(())
    }

    fn database_opened(&self, _server: &Arc<Server>, database: &Arc<Database>) {
        match DatabaseCapture::open(database) {
            Ok(capture) => {
                lock(&self.databases).insert(database.id, capture);
            }
            Err(error) => tracing::error!(database = %database.name, number = error.number, "CDC could not be opened"),
        }
    }

    fn database_restoring(&self, database: &Database, backup: &Connection) -> SqlResult<()> {
        // The jobs are msdb's, which a restore of another database does not touch.
        let now = lock(&self.databases).get(&database.id).map(|capture| capture.jobs()).unwrap_or_default();
        let keep = || -> rusqlite::Result<()> {
            store::create(backup)?;
            backup.execute_batch(r#"DELETE FROM db."$cdc_jobs""#)?;
            now.iter().try_for_each(|job| job.store(backup))
        };
        keep().map_err(storage_error)
    }

    fn database_closing(&self, database: &Database) {
        let capture = lock(&self.databases).remove(&database.id);
        if let Some(capture) = capture {
            capture.stop();
        }
    }

    fn is_cdc_enabled(&self, database: &Database) -> bool {
        lock(&self.databases).get(&database.id).is_some_and(|capture| capture.progress().enabled)
    }

    fn procedure(
        &self,
        session: &mut SqlSession,
        name: &ObjectName,
        arguments: &mut Vec<Argument>,
        sink: &mut dyn Sink,
    ) -> Option<Exec<i32>> {
        procedures::run(self, session, name, arguments, sink)
    }

    fn awaits_capture(&self, database: &Database) -> bool {
        lock(&self.databases).get(&database.id).is_some_and(|capture| {
            let progress = capture.progress();
            progress.enabled && progress.captured < progress.last
        })
    }

    fn table(&self, session: &SqlSession, name: &ObjectName) -> SqlResult<Option<Arc<Table>>> {
        let catalog = session.catalog();
        let in_sys = name.schema.as_deref().is_some_and(|schema| schema.eq_ignore_ascii_case("sys"));
        let here = name.database.as_deref().is_none_or(|other| same_name(other, &catalog.database));
        if in_sys && here {
            let view = scan_history::view(&catalog.database, &name.name);
            if view.is_some() {
                session.require_in_database("VIEW DATABASE PERFORMANCE STATE")?;
            }
            return Ok(view);
        }
        let table = queries::msdb_table(&catalog, name);
        if table.is_some() && !session.may_read_in("msdb", "dbo") {
            return Err(errors::not_in_msdb(&name.name));
        }
        Ok(table)
    }

    fn table_function(
        &self,
        session: &SqlSession,
        name: &ObjectName,
        arguments: &[Expr],
    ) -> SqlResult<Option<Arc<Table>>> {
        queries::table_function(&session.connection, &session.catalog(), name, arguments.len())
    }

    fn session_function(&self, name: &ObjectName, argument_types: &[SqlType]) -> SqlResult<Option<SessionFunction>> {
        functions::find(name, argument_types.len())
    }

    fn after_begin_write(&self, session: &SqlSession) -> SqlResult<()> {
        if let (Some(capture), Some(recording)) = (self.capture(session), self.recording(session)) {
            recording.begin(capture.progress().next_transaction, now_datetime());
        }
        Ok(())
    }

    fn before_statement(&self, session: &SqlSession) -> SqlResult<()> {
        if let Some(recording) = self.recording(session) {
            recording.next_command();
        }
        Ok(())
    }

    fn before_commit(&self, session: &SqlSession) -> SqlResult<()> {
        let (Some(capture), Some(recording)) = (self.capture(session), self.recording(session)) else { return Ok(()) };
        let Some(logged) = recording.logged() else { return Ok(()) };
        // Commit times follow commit order even when the clock is set back.
        let ended = now_datetime().max(capture.progress().last_time);
        recording.set_ended(ended);
        let logged = store::Logged { begun: logged.begun.min(ended), ended, ..logged };
        store::log_transaction(&session.connection, &logged, false).map_err(storage_error)
    }

    fn after_commit(&self, session: &SqlSession) {
        let (Some(capture), Some(recording)) = (self.capture(session), self.recording(session)) else { return };
        if let Some(logged) = recording.logged() {
            capture.committed(logged.transaction, logged.ended);
        }
        if recording.take_settings_changed()
            && let Err(error) = capture.settings_changed(&session.connection)
        {
            tracing::error!(number = error.number, "the settings of CDC could not be read");
        }
        recording.end();
    }

    fn after_rollback(&self, session: &SqlSession) {
        if let Some(recording) = self.recording(session) {
            recording.end();
        }
    }

    fn on_ddl(&self, session: &SqlSession, event: &DdlEvent<'_>) -> SqlResult<()> {
        let table = event.table.table.object_id;
        let instances = instance::of_table(&session.connection, table)?;
        let Some(recording) = self.recording(session).filter(|_| !instances.is_empty()) else { return Ok(()) };
        let changes_table = matches!(event.kind, DdlKind::DropTable | DdlKind::BeforeAlterTable);
        if changes_table && !(session.is_db_owner() || session.is_member("db_ddladmin")) {
            return Err(errors::not_ddl_admin());
        }
        let name = || event.table.full_name();
        for instance in &instances {
            match event.kind {
                DdlKind::DropTable => instance::disable(&session.connection, instance)?,
                DdlKind::BeforeAlterTable => {
                    recording.remember(&event.table.table.columns);
                    ddl::about_to_change(&session.connection, instance)?;
                }
                DdlKind::AlterTable => {
                    if let Some(index) = ddl::lost_index(&session.connection, instance, event.table)? {
                        return Err(errors::constraint_in_use(&index, &name()));
                    }
                    let columns = &event.table.table.columns;
                    let recorded = ddl::changed_columns(&recording.remembered(), columns, event.text)
                        .then(|| (event.text, recording.commit_lsn()));
                    if recorded.is_some() {
                        recording.schema_changed();
                    }
                    ddl::changed(session, instance, event.table, recorded)?;
                }
                DdlKind::BeforeRenameColumn(column) => {
                    if let Some(captured) = ddl::captured_name(&session.connection, instance, column)? {
                        return Err(errors::replicated_column(&captured));
                    }
                    ddl::about_to_change(&session.connection, instance)?;
                }
                DdlKind::RenamedColumn(_) => ddl::renew(session, instance, event.table)?,
                DdlKind::IndexesChanged => {
                    if let Some(index) = ddl::lost_index(&session.connection, instance, event.table)? {
                        return Err(errors::index_in_use(&index, &name()));
                    }
                    ddl::renew(session, instance, event.table)?;
                }
            }
        }
        Ok(())
    }
}
