//! The settings of the capture and cleanup jobs.
//!
//! <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-change-job-transact-sql>

use super::errors;
use crate::error::SqlResult;
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Which job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobType {
    /// Reads the log.
    Capture,
    /// Deletes old changes.
    Cleanup,
}

impl JobType {
    /// By its name; error 22992.
    pub fn parse(name: &str) -> SqlResult<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "capture" => Ok(Self::Capture),
            "cleanup" => Ok(Self::Cleanup),
            _ => Err(errors::bad_job_type(name)),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Cleanup => "cleanup",
        }
    }
}

/// A row of `msdb.dbo.cdc_jobs`; what is not of its type is `None` there and 0 here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Which.
    pub job_type: JobType,
    /// As `uniqueidentifier` is stored.
    pub job_id: Vec<u8>,
    /// Transactions of a scan.
    pub max_transactions: i64,
    /// Scans of a cycle.
    pub max_scans: i64,
    /// Runs until it is stopped.
    pub continuous: bool,
    /// Seconds between cycles.
    pub polling_interval: i64,
    /// Minutes that changes are kept.
    pub retention: i64,
    /// Rows deleted by one statement.
    pub threshold: i64,
}

impl Job {
    /// A job with the documented defaults.
    pub fn new(job_type: JobType) -> Self {
        let job_id = uuid::Uuid::new_v4().as_bytes().to_vec();
        let nothing = Self {
            job_type,
            job_id,
            max_transactions: 0,
            max_scans: 0,
            continuous: false,
            polling_interval: 0,
            retention: 0,
            threshold: 0,
        };
        match job_type {
            JobType::Capture => {
                Self { max_transactions: 500, max_scans: 10, continuous: true, polling_interval: 5, ..nothing }
            }
            JobType::Cleanup => Self { retention: 4320, threshold: 5000, ..nothing },
        }
    }

    /// Its name in SQL Server Agent.
    pub fn job_name(&self, database: &str) -> String {
        format!("cdc.{database}_{}", self.job_type.name())
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let job_type: String = row.get(0)?;
        let number = |index| row.get::<_, Option<i64>>(index).map(Option::unwrap_or_default);
        Ok(Self {
            job_type: if job_type == "cleanup" { JobType::Cleanup } else { JobType::Capture },
            job_id: row.get(1)?,
            max_transactions: number(2)?,
            max_scans: number(3)?,
            continuous: number(4)? != 0,
            polling_interval: number(5)?,
            retention: number(6)?,
            threshold: number(7)?,
        })
    }

    /// Writes it.
    pub fn store(&self, connection: &Connection) -> rusqlite::Result<()> {
        let capture = self.job_type == JobType::Capture;
        connection.execute(
            r#"INSERT OR REPLACE INTO db."$cdc_jobs" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"#,
            params![
                self.job_type.name(),
                self.job_id,
                self.max_transactions,
                self.max_scans,
                self.continuous,
                self.polling_interval,
                if capture { 0 } else { self.retention },
                if capture { 0 } else { self.threshold },
            ],
        )?;
        Ok(())
    }
}

/// The jobs of the database.
pub fn all(connection: &Connection) -> rusqlite::Result<Vec<Job>> {
    let mut statement = connection.prepare_cached(
        r#"SELECT job_type, job_id, maxtrans, maxscans, continuous, pollinginterval, retention, threshold FROM db."$cdc_jobs"
           ORDER BY job_type"#,
    )?;
    statement.query_map([], Job::read)?.collect()
}

/// One job.
pub fn find(connection: &Connection, job_type: JobType) -> rusqlite::Result<Option<Job>> {
    connection
        .query_row(
            r#"SELECT job_type, job_id, maxtrans, maxscans, continuous, pollinginterval, retention, threshold
               FROM db."$cdc_jobs" WHERE job_type = ?1"#,
            [job_type.name()],
            Job::read,
        )
        .optional()
}

/// Removes a job; false if there was none.
pub fn remove(connection: &Connection, job_type: JobType) -> rusqlite::Result<bool> {
    Ok(connection.execute(r#"DELETE FROM db."$cdc_jobs" WHERE job_type = ?1"#, [job_type.name()])? > 0)
}

/// New values for a job; `None` leaves one as it is.
#[derive(Debug, Clone, Default)]
pub struct JobChange {
    /// `@maxtrans`.
    pub max_transactions: Option<i64>,
    /// `@maxscans`.
    pub max_scans: Option<i64>,
    /// `@continuous`.
    pub continuous: Option<bool>,
    /// `@pollinginterval`.
    pub polling_interval: Option<i64>,
    /// `@retention`.
    pub retention: Option<i64>,
    /// `@threshold`.
    pub threshold: Option<i64>,
}

impl JobChange {
    /// Checks the values and puts them into a job.
    pub fn apply(&self, job: &mut Job) -> SqlResult<()> {
        match job.job_type {
            JobType::Capture if self.retention.is_some() || self.threshold.is_some() => {
                return Err(errors::retention_of_capture());
            }
            JobType::Cleanup
                if self.max_transactions.is_some()
                    || self.max_scans.is_some()
                    || self.continuous.is_some()
                    || self.polling_interval.is_some() =>
            {
                return Err(errors::capture_setting_of_cleanup());
            }
            _ => {}
        }
        if self.polling_interval.is_some_and(|n| !(0..86_400).contains(&n)) {
            return Err(errors::bad_polling_interval());
        }
        if self.retention.is_some_and(|n| !(1..=52_594_800).contains(&n)) {
            return Err(errors::bad_retention());
        }
        if self.threshold.is_some_and(|n| n <= 0) {
            return Err(errors::bad_threshold());
        }
        if self.max_transactions.is_some_and(|n| n <= 0) {
            return Err(errors::bad_max_transactions());
        }
        if self.max_scans.is_some_and(|n| n <= 0) {
            return Err(errors::bad_max_scans());
        }
        job.max_transactions = self.max_transactions.unwrap_or(job.max_transactions);
        job.max_scans = self.max_scans.unwrap_or(job.max_scans);
        job.continuous = self.continuous.unwrap_or(job.continuous);
        job.polling_interval = self.polling_interval.unwrap_or(job.polling_interval);
        job.retention = self.retention.unwrap_or(job.retention);
        job.threshold = self.threshold.unwrap_or(job.threshold);
        Ok(())
    }
}
