//! The procedures `sys.sp_cdc_…`, and one that no real server has: `sys.sp_sandbox_skip_lsns` lets the log go on further ahead, as it
//! does on a secondary that took over, or where a database was attached with another log.
//!
//! <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/change-data-capture-stored-procedures-transact-sql>

use super::instance::{self, Instance, Request};
use super::jobs::{self, Job, JobChange, JobType};
use super::parameters::Need::{Optional, Required};
use super::parameters::{Parameter, Values};
use super::row_functions::Recording;
use super::worker::DatabaseCapture;
use super::{ChangeDataCapture, cleanup, errors, reports, scanning, store, visible};
use crate::engine::catalog::same_name;
use crate::engine::clock::now_datetime;
use crate::engine::procedures::Argument;
use crate::engine::session::SqlSession;
use crate::engine::stop::{Exec, Stop};
use crate::engine::transaction::Writes;
use crate::error::{SqlError, SqlResult};
use crate::session::Sink;
use crate::tsql::ast::ObjectName;
use crate::types::{Datum, SqlType};
use std::sync::Arc;

/// Databases up to this id are SQL Server's own.
const LAST_SYSTEM_DATABASE: i32 = 4;

/// Every procedure with its parameters.
const PROCEDURES: &[(&str, &[Parameter])] = &[
    ("sp_cdc_enable_db", &[]),
    ("sp_cdc_disable_db", &[]),
    (
        "sp_cdc_enable_table",
        &[
            ("@source_schema", Required),
            ("@source_name", Required),
            ("@capture_instance", Optional),
            ("@supports_net_changes", Optional),
            ("@role_name", Required),
            ("@index_name", Optional),
            ("@captured_column_list", Optional),
            ("@filegroup_name", Optional),
            ("@allow_partition_switch", Optional),
        ],
    ),
    (
        "sp_cdc_disable_table",
        &[("@source_schema", Required), ("@source_name", Required), ("@capture_instance", Required)],
    ),
    ("sp_cdc_help_change_data_capture", &[("@source_schema", Optional), ("@source_name", Optional)]),
    ("sp_cdc_help_jobs", &[]),
    (
        "sp_cdc_change_job",
        &[
            ("@job_type", Optional),
            ("@maxtrans", Optional),
            ("@maxscans", Optional),
            ("@continuous", Optional),
            ("@pollinginterval", Optional),
            ("@retention", Optional),
            ("@threshold", Optional),
        ],
    ),
    (
        "sp_cdc_add_job",
        &[
            ("@job_type", Required),
            ("@start_job", Optional),
            ("@maxtrans", Optional),
            ("@maxscans", Optional),
            ("@continuous", Optional),
            ("@pollinginterval", Optional),
            ("@retention", Optional),
            ("@threshold", Optional),
        ],
    ),
    ("sp_cdc_drop_job", &[("@job_type", Required)]),
    ("sp_cdc_start_job", &[("@job_type", Optional)]),
    ("sp_cdc_stop_job", &[("@job_type", Optional)]),
    (
        "sp_cdc_cleanup_change_table",
        &[
            ("@capture_instance", Required),
            ("@low_water_mark", Required),
            ("@threshold", Optional),
            ("@fCleanupFailed", Optional),
        ],
    ),
    (
        "sp_cdc_scan",
        &[
            ("@maxtrans", Optional),
            ("@maxscans", Optional),
            ("@continuous", Optional),
            ("@pollinginterval", Optional),
            ("@is_from_job", Optional),
        ],
    ),
    ("sp_cdc_get_captured_columns", &[("@capture_instance", Required)]),
    ("sp_cdc_get_ddl_history", &[("@capture_instance", Required)]),
    (SKIP_LSNS, &[("@transactions", Required)]),
];

/// See the module.
const SKIP_LSNS: &str = "sp_sandbox_skip_lsns";
/// Most transactions that one call skips: a thousandth of what LSNs can count.
const MOST_SKIPPED: i64 = 1 << 30;

/// Procedures of transactional replication, which reads the same log: nobody but the capture job has to call them.
const LOG_READER: &[&str] =
    &["sp_repldone", "sp_replflush", "sp_replcmds", "sp_repltrans", "sp_replshowcmds", "sp_replcounters"];

/// Runs a procedure, if the name is one of CDC's.
pub fn run(
    cdc: &ChangeDataCapture,
    session: &mut SqlSession,
    name: &ObjectName,
    arguments: &mut [Argument],
    sink: &mut dyn Sink,
) -> Option<Exec<i32>> {
    let in_sys = name.schema.as_deref().is_none_or(|schema| schema.eq_ignore_ascii_case("sys"));
    if in_sys && LOG_READER.iter().any(|procedure| procedure.eq_ignore_ascii_case(&name.name)) {
        return Some(Err(SqlError::unsupported(format!("sys.{}", name.name)).into()));
    }
    let lower = name.name.to_ascii_lowercase();
    if !in_sys || !(lower.starts_with("sp_cdc_") || lower == SKIP_LSNS) {
        return None;
    }
    let elsewhere = name.database.as_deref().is_some_and(|other| !other.eq_ignore_ascii_case(&session.database().name));
    if elsewhere {
        return Some(Err(SqlError::unsupported("procedures of another database").into()));
    }
    let Some((procedure, parameters)) = PROCEDURES.iter().find(|entry| entry.0.eq_ignore_ascii_case(&name.name)) else {
        return Some(Err(SqlError::unsupported(format!("sys.{}", name.name)).into()));
    };
    let given: Vec<_> = arguments.iter().map(|argument| (argument.name.as_str(), argument.value.clone())).collect();
    let result = Values::bind(procedure, parameters, &given).map_err(Stop::from).and_then(|values| {
        let call = Call::new(cdc, session, procedure)?;
        call.run(session, &values, sink)
    });
    if result.is_ok() {
        tell_cleaned_up(procedure, arguments);
    }
    Some(result.map_err(|stop| match stop {
        Stop::Error(error) => Stop::Error(SqlError { procedure: (*procedure).to_owned(), ..error }),
        other => other,
    }))
}

/// Sets `@fCleanupFailed`, the only output that these procedures have: a cleanup that fails is an error here.
fn tell_cleaned_up(procedure: &str, arguments: &mut [Argument]) {
    const POSITION: usize = 3;
    if procedure != "sp_cdc_cleanup_change_table" {
        return;
    }
    let is_it = |argument: &Argument, position: usize| {
        argument.name.eq_ignore_ascii_case("@fCleanupFailed") || argument.name.is_empty() && position == POSITION
    };
    for (position, argument) in arguments.iter_mut().enumerate() {
        if argument.output && is_it(argument, position) {
            (argument.ty, argument.value) = (SqlType::Bit, Datum::Bit(false));
        }
    }
}

/// A call under way.
pub struct Call {
    procedure: &'static str,
    /// CDC of the current database.
    pub capture: Arc<DatabaseCapture>,
    recording: Arc<Recording>,
    database: String,
    database_id: i32,
}

impl Call {
    fn new(cdc: &ChangeDataCapture, session: &SqlSession, procedure: &'static str) -> SqlResult<Self> {
        let database = session.database();
        let unknown = || errors::not_enabled(&database.name);
        Ok(Self {
            procedure,
            capture: cdc.capture(session).ok_or_else(unknown)?,
            recording: cdc.recording(session).ok_or_else(unknown)?,
            database: database.name.clone(),
            database_id: database.id,
        })
    }

    fn run(&self, session: &mut SqlSession, values: &Values, sink: &mut dyn Sink) -> Exec<i32> {
        session.refresh_catalog()?;
        self.check_caller(session)?;
        if self.procedure == "sp_cdc_enable_db" {
            return self.enable_database(session, sink);
        }
        if !self.check_enabled(session, sink)? {
            return Ok(0);
        }
        match self.procedure {
            "sp_cdc_disable_db" => self.disable_database(session, sink)?,
            "sp_cdc_enable_table" => self.enable_table(session, values, sink)?,
            "sp_cdc_disable_table" => self.disable_table(session, values, sink)?,
            "sp_cdc_help_change_data_capture" => help(session, values, sink)?,
            "sp_cdc_help_jobs" => reports::help_jobs(&jobs::all(&session.connection)?, &self.database, sink)?,
            "sp_cdc_change_job" => self.change_job(session, values, sink)?,
            "sp_cdc_add_job" => self.add_job(session, values, sink)?,
            "sp_cdc_drop_job" => self.drop_job(session, values, sink)?,
            "sp_cdc_start_job" => self.start_job(session, values, sink)?,
            "sp_cdc_stop_job" => self.stop_job(values)?,
            "sp_cdc_cleanup_change_table" => self.clean_up_table(session, values, sink)?,
            "sp_cdc_scan" => scanning::run(self, session, values, sink)?,
            SKIP_LSNS => self.skip_lsns(session, values, sink)?,
            "sp_cdc_get_captured_columns" => {
                let instance = Self::instance(session, values)?;
                reports::captured_columns(&session.connection, &session.catalog(), &instance, sink)?;
            }
            "sp_cdc_get_ddl_history" => {
                let instance = Self::instance(session, values)?;
                reports::ddl_history(&session.connection, &session.catalog(), &instance, sink)?;
            }
            other => return Err(SqlError::unsupported(other).into()),
        }
        Ok(0)
    }

    /// Errors 22902, 22904 and 21050: who may call what.
    fn check_caller(&self, session: &SqlSession) -> Exec<()> {
        let refusal = match self.procedure {
            "sp_cdc_enable_db" | "sp_cdc_disable_db" | SKIP_LSNS => (!session.is_sysadmin()).then(errors::not_sysadmin),
            "sp_cdc_help_change_data_capture" | "sp_cdc_get_captured_columns" | "sp_cdc_get_ddl_history" => None,
            "sp_cdc_scan" => (!session.is_db_owner()).then(errors::not_log_reader),
            _ => (!session.is_db_owner()).then(errors::not_owner),
        };
        refusal.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Whether the database is enabled; if not it is an error, except where there is only nothing to disable.
    fn check_enabled(&self, session: &SqlSession, sink: &mut dyn Sink) -> Exec<bool> {
        if store::progress(&session.connection)?.enabled {
            return Ok(true);
        }
        match self.procedure {
            "sp_cdc_disable_db" => {
                sink.message(&errors::not_enabled(&self.database).severity(10))?;
                Ok(false)
            }
            "sp_cdc_cleanup_change_table" => Err(errors::cleanup_not_enabled(&self.database).into()),
            _ => Err(errors::not_enabled(&self.database).into()),
        }
    }

    /// Runs a change of the settings in the session's transaction, or one of its own.
    pub fn write(
        &self,
        session: &mut SqlSession,
        sink: &mut dyn Sink,
        change: impl FnOnce(&mut SqlSession) -> Exec<()>,
    ) -> Exec<()> {
        session.write(Writes::Database, sink, |session, _| {
            change(session)?;
            self.recording.change_settings();
            Ok(())
        })
    }

    /// The instance that `@capture_instance` names; error 22981 if there is none.
    fn instance(session: &SqlSession, values: &Values) -> Exec<Instance> {
        let wanted = values.text("@capture_instance")?.unwrap_or_default();
        let found = instance::all(&session.connection)?.into_iter().find(|instance| same_name(&instance.name, &wanted));
        Ok(found.filter(|instance| instance.is_visible_to(session)).ok_or_else(errors::hidden)?)
    }

    fn enable_database(&self, session: &mut SqlSession, sink: &mut dyn Sink) -> Exec<i32> {
        if self.database_id <= LAST_SYSTEM_DATABASE {
            return Err(errors::system_database(&self.database).into());
        }
        if store::progress(&session.connection)?.enabled {
            sink.message(&errors::already_enabled(&self.database))?;
            return Ok(0);
        }
        self.write(session, sink, |session| {
            if visible::name_is_taken(&session.connection)? {
                return Err(errors::name_taken(&self.database).into());
            }
            visible::create(&session.connection, now_datetime())?;
            store::set_enabled(&session.connection, true)?;
            session.catalog_changed()?;
            Ok(())
        })?;
        Ok(0)
    }

    /// The next transaction has an LSN that lies so many transactions further on.
    fn skip_lsns(&self, session: &mut SqlSession, values: &Values, sink: &mut dyn Sink) -> Exec<()> {
        let wanted = values.integer("@transactions")?.filter(|count| (1..=MOST_SKIPPED).contains(count));
        let count = wanted.ok_or_else(|| {
            SqlError::new(50_000, format!("sandbox: @transactions has to be from 1 to {MOST_SKIPPED}."))
        })?;
        self.write(session, sink, |session| Ok(store::skip(&session.connection, count)?))
    }

    fn disable_database(&self, session: &mut SqlSession, sink: &mut dyn Sink) -> Exec<()> {
        self.write(session, sink, |session| {
            for instance in instance::all(&session.connection)? {
                instance::disable(&session.connection, &instance)?;
            }
            visible::remove(&session.connection)?;
            store::set_enabled(&session.connection, false)?;
            session.catalog_changed()?;
            Ok(())
        })
    }

    fn enable_table(&self, session: &mut SqlSession, values: &Values, sink: &mut dyn Sink) -> Exec<()> {
        let required = |name| -> SqlResult<String> {
            values.text(name)?.filter(|text| !text.is_empty()).ok_or_else(|| errors::empty_parameter(name))
        };
        let optional = |name| -> SqlResult<Option<String>> { Ok(values.text(name)?.filter(|text| !text.is_empty())) };
        let request = Request {
            schema: required("@source_schema")?,
            table: required("@source_name")?,
            instance: optional("@capture_instance")?,
            net_changes: values.bit("@supports_net_changes")?,
            role: values.text("@role_name")?.map(|role| role.trim_end().to_owned()),
            index: optional("@index_name")?,
            columns: optional("@captured_column_list")?,
            filegroup: optional("@filegroup_name")?,
        };
        if request.role.as_deref().is_some_and(str::is_empty) {
            return Err(errors::empty_role().into());
        }
        let mut started = Vec::new();
        self.write(session, sink, |session| {
            // The transaction itself goes into the log: the instance begins with it.
            self.recording.keep();
            let first = instance::all(&session.connection)?.is_empty();
            let start = self.recording.commit_lsn();
            instance::enable(&session.connection, &session.catalog(), &request, start, now_datetime())?;
            for job_type in [JobType::Capture, JobType::Cleanup] {
                if first && jobs::find(&session.connection, job_type)?.is_none() {
                    Job::new(job_type).store(&session.connection)?;
                    started.push(job_type);
                }
            }
            session.catalog_changed()?;
            Ok(())
        })?;
        for job_type in started {
            let text = format!("Job 'cdc.{}_{}' started successfully.", self.database, job_type.name());
            sink.message(&SqlError::new(0, text).severity(0))?;
        }
        if values.bit("@allow_partition_switch")? == Some(false) {
            sink.message(&errors::switch_ignored())?;
        }
        Ok(())
    }

    fn disable_table(&self, session: &mut SqlSession, values: &Values, sink: &mut dyn Sink) -> Exec<()> {
        let required = |name| -> SqlResult<String> {
            values.text(name)?.filter(|text| !text.is_empty()).ok_or_else(|| errors::empty_parameter(name))
        };
        let (schema, table) = (required("@source_schema")?, required("@source_name")?);
        let wanted = required("@capture_instance")?;
        let full_name = format!("{schema}.{table}");
        self.write(session, sink, |session| {
            let catalog = session.catalog();
            let source = catalog.table(&schema, &table).ok_or_else(|| errors::no_such_table(&full_name))?;
            let mut instances = instance::of_table(&session.connection, source.table.object_id)?;
            if instances.is_empty() {
                return Err(errors::table_not_enabled(&full_name).into());
            }
            if !wanted.eq_ignore_ascii_case("all") {
                instances.retain(|instance| same_name(&instance.name, &wanted));
            }
            if instances.is_empty() {
                return Err(errors::no_such_instance(&wanted, &full_name).into());
            }
            for instance in &instances {
                instance::disable(&session.connection, instance)?;
            }
            session.catalog_changed()?;
            Ok(())
        })
    }

    fn change_job(&self, session: &mut SqlSession, values: &Values, sink: &mut dyn Sink) -> Exec<()> {
        let job_type = JobType::parse(values.text("@job_type")?.as_deref().unwrap_or("capture"))?;
        let change = job_change(values)?;
        self.write(session, sink, |session| {
            let found = jobs::find(&session.connection, job_type)?;
            let mut job = found.ok_or_else(|| errors::no_such_job(job_type.name()))?;
            change.apply(&mut job)?;
            job.store(&session.connection)?;
            Ok(())
        })
    }

    fn add_job(&self, session: &mut SqlSession, values: &Values, sink: &mut dyn Sink) -> Exec<()> {
        let job_type = JobType::parse(&values.text("@job_type")?.unwrap_or_default())?;
        let change = job_change(values)?;
        let continuous = change.continuous != Some(false);
        self.capture.hold(job_type == JobType::Capture && values.bit("@start_job")? == Some(false));
        let added = self.write(session, sink, |session| {
            if jobs::find(&session.connection, job_type)?.is_some() {
                let name = Job::new(job_type).job_name(&self.database);
                return Err(SqlError::new(14261, format!("The specified @name ('{name}') already exists.")).into());
            }
            let mut job = Job::new(job_type);
            change.apply(&mut job)?;
            if !continuous && change.polling_interval.is_none() {
                job.polling_interval = 0;
            }
            job.store(&session.connection)?;
            Ok(())
        });
        if added.is_err() {
            self.capture.hold(false);
        }
        added
    }

    fn drop_job(&self, session: &mut SqlSession, values: &Values, sink: &mut dyn Sink) -> Exec<()> {
        let job_type = JobType::parse(&values.text("@job_type")?.unwrap_or_default())?;
        self.write(session, sink, |session| {
            if jobs::remove(&session.connection, job_type)? {
                Ok(())
            } else {
                Err(errors::no_such_job(job_type.name()).into())
            }
        })
    }

    fn start_job(&self, session: &mut SqlSession, values: &Values, sink: &mut dyn Sink) -> Exec<()> {
        let job_type = JobType::parse(values.text("@job_type")?.as_deref().unwrap_or("capture"))?;
        let found = jobs::find(&session.connection, job_type)?;
        let job = found.ok_or_else(|| errors::no_such_job(job_type.name()))?;
        match job_type {
            JobType::Capture if self.capture.start_if_defined(&session.connection)? => Ok(()),
            JobType::Capture => {
                Err(agent_refused("run", &job.job_name(&self.database), "the job is already running").into())
            }
            // It runs here and now instead of in the background.
            JobType::Cleanup => self.write(session, sink, |session| {
                cleanup::run(&session.connection, job.retention, now_datetime())?;
                Ok(())
            }),
        }
    }

    fn stop_job(&self, values: &Values) -> Exec<()> {
        let job_type = JobType::parse(values.text("@job_type")?.as_deref().unwrap_or("capture"))?;
        if job_type == JobType::Capture && self.capture.stop() {
            return Ok(());
        }
        let name = Job::new(job_type).job_name(&self.database);
        Err(agent_refused("stop", &name, "the job is not currently running").into())
    }

    fn clean_up_table(&self, session: &mut SqlSession, values: &Values, sink: &mut dyn Sink) -> Exec<()> {
        let wanted = values.text("@capture_instance")?.unwrap_or_default();
        let low = values.binary("@low_water_mark")?;
        if values.integer("@threshold")?.is_some_and(|threshold| threshold <= 0) {
            return Err(errors::bad_threshold().into());
        }
        self.write(session, sink, |session| {
            let connection = &session.connection;
            let mark = match &low {
                Some(low) => Some(cleanup::low_water_mark(connection, low)??),
                None => None,
            };
            let instance = instance::all(connection)?
                .into_iter()
                .find(|instance| same_name(&instance.name, &wanted))
                .ok_or_else(|| errors::unknown_instance(&wanted, &self.database))?;
            let Some((low, adjusted)) = mark else {
                cleanup::raise_low_end(connection, &instance, instance.start)?;
                return Ok(());
            };
            let high = store::progress(connection)?.captured;
            if low < instance.start || low > high {
                let [shown, from, to] = [low, instance.start, high].map(|lsn| lsn.to_string());
                return Err(errors::outside_timeline(&shown, &instance.name, &from, &to).into());
            }
            cleanup::raise_low_end(connection, &instance, adjusted)?;
            Ok(())
        })
    }
}

fn job_change(values: &Values) -> SqlResult<JobChange> {
    Ok(JobChange {
        max_transactions: values.integer("@maxtrans")?,
        max_scans: values.integer("@maxscans")?,
        continuous: values.bit("@continuous")?,
        polling_interval: values.integer("@pollinginterval")?,
        retention: values.integer("@retention")?,
        threshold: values.integer("@threshold")?,
    })
}

/// Error 22022 of SQL Server Agent.
fn agent_refused(action: &str, job: &str, why: &str) -> SqlError {
    SqlError::new(22022, format!("SQLServerAgent Error: Request to {action} job {job} refused because {why}."))
}

fn help(session: &mut SqlSession, values: &Values, sink: &mut dyn Sink) -> Exec<()> {
    let part = |name| -> SqlResult<Option<String>> { Ok(values.text(name)?.filter(|text| !text.is_empty())) };
    let catalog = session.catalog();
    let table = match (part("@source_schema")?, part("@source_name")?) {
        (None, None) => None,
        (Some(schema), Some(table)) => {
            let full_name = format!("{schema}.{table}");
            let entry = catalog.table(&schema, &table).ok_or_else(|| errors::no_such_table(&full_name))?;
            if !entry.tracked_by_cdc {
                return Err(errors::table_not_enabled(&full_name).into());
            }
            if instance::of_table(&session.connection, entry.table.object_id)?.iter().all(|i| !i.is_visible_to(session))
            {
                return Err(errors::hidden().into());
            }
            Some(entry.table.object_id)
        }
        _ => return Err(errors::half_a_name().into()),
    };
    reports::help(session, &catalog, table, sink)
}
