//! The capture and cleanup jobs of change data capture: their settings, what the last scans found, and scanning without a job.

use crate::client::Client;
use crate::decode::Fields;
use crate::error::{Error, ErrorKind};

/// A scan, or a job, is active already (22903).
pub const ALREADY_SCANNING: u32 = 22903;
/// SQL Server Agent refused what was asked of a job (22022): it runs already, does not run, or the agent itself does not.
pub const AGENT_REFUSED: u32 = 22022;

/// The jobs of a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Jobs {
    /// Reads the log into the change tables; absent where transactional replication, or somebody by hand, does so instead.
    pub capture: Option<CaptureJob>,
    /// Deletes old rows from the change tables.
    pub cleanup: Option<CleanupJob>,
}

/// The capture job's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureJob {
    /// Its name at SQL Server Agent.
    pub name: String,
    /// Transactions of one scan, at the most.
    pub max_transactions: i64,
    /// Scans of one cycle, at the most.
    pub max_scans: i64,
    /// Goes on until it is stopped, instead of ending after one cycle.
    pub continuous: bool,
    /// Seconds between two cycles.
    pub polling_interval: i64,
}

impl CaptureJob {
    /// Transactions a second that it cannot exceed, however fast the server is; `None` where it does not pause between cycles.
    pub fn ceiling(&self) -> Option<i64> {
        let cycle = self.max_transactions.saturating_mul(self.max_scans);
        (self.polling_interval > 0).then(|| cycle / self.polling_interval)
    }
}

/// The cleanup job's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CleanupJob {
    /// Its name at SQL Server Agent.
    pub name: String,
    /// Minutes for which changes are kept.
    pub retention: i64,
    /// Rows deleted by one statement.
    pub threshold: i64,
}

/// What is to be changed of the jobs; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// [`CaptureJob::max_transactions`].
    pub max_transactions: Option<i32>,
    /// [`CaptureJob::max_scans`].
    pub max_scans: Option<i32>,
    /// [`CaptureJob::continuous`].
    pub continuous: Option<bool>,
    /// [`CaptureJob::polling_interval`].
    pub polling_interval: Option<i64>,
    /// [`CleanupJob::retention`].
    pub retention: Option<i64>,
    /// [`CleanupJob::threshold`].
    pub threshold: Option<i64>,
}

impl Change {
    /// Whether it is about the capture job.
    pub fn of_capture(&self) -> bool {
        self.max_transactions.is_some()
            || self.max_scans.is_some()
            || self.continuous.is_some()
            || self.polling_interval.is_some()
    }

    /// Whether it is about the cleanup job.
    pub fn of_cleanup(&self) -> bool {
        self.retention.is_some() || self.threshold.is_some()
    }
}

/// A scan session of the log: one scan that found transactions, or a run of scans that found none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanSession {
    /// When it began, by the server's local time.
    pub began: String,
    /// Seconds that it took.
    pub duration: i64,
    /// Transactions that it captured.
    pub transactions: i64,
    /// Row changes that it captured.
    pub changes: i64,
    /// Seconds between the last captured transaction's commit and the end of the scan; 0 where it found none.
    pub latency: i64,
    /// Scans that found nothing.
    pub empty_scans: i64,
    /// Errors met.
    pub errors: i64,
}

/// The jobs with their settings. Needs membership in `db_owner`.
/// <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-help-jobs-transact-sql>
pub async fn jobs(client: &mut Client) -> Result<Jobs, Error> {
    const WHAT: &str = "asking for the capture job";
    let mut jobs = Jobs::default();
    for row in client.query(WHAT, "EXEC sys.sp_cdc_help_jobs", &[]).await? {
        let mut fields = Fields::new(row, client, WHAT);
        let _id = fields.uuid()?;
        let kind = fields.text()?;
        let name = fields.text()?;
        let mut number = || fields.optional_integer().map(Option::unwrap_or_default);
        let (max_transactions, max_scans, continuous) = (number()?, number()?, number()? != 0);
        let (polling_interval, retention, threshold) = (number()?, number()?, number()?);
        match kind.as_str() {
            "capture" => {
                jobs.capture = Some(CaptureJob { name, max_transactions, max_scans, continuous, polling_interval });
            }
            "cleanup" => jobs.cleanup = Some(CleanupJob { name, retention, threshold }),
            _ => {}
        }
    }
    Ok(jobs)
}

/// Changes the jobs' settings; they are in force once the job has been stopped and started again. Needs membership in `db_owner`.
/// <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-change-job-transact-sql>
pub async fn change(client: &mut Client, change: &Change) -> Result<(), Error> {
    // NULL leaves a setting as it is.
    const CAPTURE: &str = "EXEC sys.sp_cdc_change_job @job_type = N'capture', @maxtrans = @P1, @maxscans = @P2, \
        @continuous = @P3, @pollinginterval = @P4";
    const CLEANUP: &str = "EXEC sys.sp_cdc_change_job @job_type = N'cleanup', @retention = @P1, @threshold = @P2";
    if change.of_capture() {
        let parameters = [
            change.max_transactions.into(),
            change.max_scans.into(),
            change.continuous.into(),
            change.polling_interval.into(),
        ];
        client.execute("changing the capture job", CAPTURE, &parameters).await?;
    }
    if change.of_cleanup() {
        let parameters = [change.retention.into(), change.threshold.into()];
        client.execute("changing the cleanup job", CLEANUP, &parameters).await?;
    }
    Ok(())
}

/// Stops the capture job; error [`AGENT_REFUSED`] if it does not run. Needs membership in `db_owner`.
/// <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-stop-job-transact-sql>
pub async fn stop(client: &mut Client) -> Result<(), Error> {
    client.batch("stopping the capture job", "EXEC sys.sp_cdc_stop_job @job_type = N'capture'").await
}

/// Starts the capture job; error [`AGENT_REFUSED`] if it runs already, or SQL Server Agent does not. Needs membership in `db_owner`.
/// <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-start-job-transact-sql>
pub async fn start(client: &mut Client) -> Result<(), Error> {
    client.batch("starting the capture job", "EXEC sys.sp_cdc_start_job @job_type = N'capture'").await
}

/// The last scan sessions, the newest first. Needs VIEW DATABASE STATE, from SQL Server 2022 on VIEW DATABASE PERFORMANCE STATE.
/// <https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/change-data-capture-sys-dm-cdc-log-scan-sessions>
pub async fn scan_sessions(client: &mut Client) -> Result<Vec<ScanSession>, Error> {
    const WHAT: &str = "asking for the last scans of the log";
    // Session 0 is the sum of all.
    const SQL: &str = "SELECT TOP (10) CONVERT(nvarchar(30), start_time, 120), CAST(duration AS bigint), \
        CAST(tran_count AS bigint), CAST(command_count AS bigint), CAST(latency AS bigint), CAST(empty_scan_count AS bigint), \
        CAST(error_count AS bigint) FROM sys.dm_cdc_log_scan_sessions WHERE session_id <> 0 ORDER BY session_id DESC";
    let rows = client.query(WHAT, SQL, &[]).await?;
    let mut sessions = Vec::with_capacity(rows.len());
    for row in rows {
        let mut fields = Fields::new(row, client, WHAT);
        let began = fields.text()?;
        let mut number = || fields.optional_integer().map(Option::unwrap_or_default);
        sessions.push(ScanSession {
            began,
            duration: number()?,
            transactions: number()?,
            changes: number()?,
            latency: number()?,
            empty_scans: number()?,
            errors: number()?,
        });
    }
    Ok(sessions)
}

/// Reads the log into the change tables, as the capture job does, until it is drained or `max_scans` scans of `max_transactions` each
/// are done. Error [`ALREADY_SCANNING`] while a job, or another session, does so. Needs membership in `db_owner`.
/// <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-scan-transact-sql>
pub async fn scan(client: &mut Client, max_transactions: i32, max_scans: i32) -> Result<(), Error> {
    const SQL: &str = "EXEC sys.sp_cdc_scan @maxtrans = @P1, @maxscans = @P2, @continuous = 0, @pollinginterval = 0";
    client.execute("reading the log into the change tables", SQL, &[max_transactions.into(), max_scans.into()]).await?;
    Ok(())
}

/// Whether an error says that the login may not ask.
pub fn is_denied(error: &Error) -> bool {
    /// Object, function, statement and database permissions, and CDC's own.
    const DENIED: [u32; 7] = [229, 230, 262, 297, 300, 22902, 22904];
    matches!(error.kind, ErrorKind::Server { number, .. } if DENIED.contains(&number))
}

#[cfg(test)]
mod tests {
    use super::CaptureJob;

    #[test]
    fn the_ceiling_is_that_of_a_cycle_and_its_pause() {
        let mut job = CaptureJob {
            name: "cdc.shop_capture".to_owned(),
            max_transactions: 500,
            max_scans: 10,
            continuous: true,
            polling_interval: 5,
        };
        assert_eq!(job.ceiling(), Some(1_000), "the defaults");
        job.polling_interval = 0;
        assert_eq!(job.ceiling(), None);
    }
}
