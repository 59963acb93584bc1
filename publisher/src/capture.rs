//! The capture job of the publication database: what it allows, and changing that.

use crate::error::{Error, ErrorKind};
use serde::Serialize;
use sqlserver::capture_job::{self, AGENT_REFUSED, CaptureJob, Change, CleanupJob, Jobs, ScanSession};
use sqlserver::{Client, ServerOptions, database};
use std::time::{Duration, Instant};

/// Transactions a second below which the job's settings are worth a warning; the defaults allow 1,000.
const LOW_CEILING: i64 = 5_000;
/// How long the job may take to stop after it was told to.
const RESTART_LIMIT: Duration = Duration::from_secs(60);
/// Pause between two attempts to start it.
const RETRY_EVERY: Duration = Duration::from_millis(200);

/// The jobs as they are shown.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// `server/database`.
    pub database: String,
    /// The capture job.
    pub capture: Option<ShownCapture>,
    /// The cleanup job.
    pub cleanup: Option<ShownCleanup>,
    /// The last scans, the newest first; `None` where the login may not see them.
    pub scans: Option<Vec<ShownScan>>,
    /// What of this slows replication down or breaks it.
    pub warnings: Vec<String>,
}

/// The capture job as it is shown.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct ShownCapture {
    pub job: String,
    pub maxtrans: i64,
    pub maxscans: i64,
    pub continuous: bool,
    /// Seconds.
    pub pollinginterval: i64,
    /// Transactions a second; `None` without a limit.
    pub ceiling: Option<i64>,
}

/// The cleanup job as it is shown.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct ShownCleanup {
    pub job: String,
    /// Minutes.
    pub retention: i64,
    pub threshold: i64,
}

/// A scan session as it is shown.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct ShownScan {
    pub began: String,
    /// Seconds.
    pub duration: i64,
    pub transactions: i64,
    pub changes: i64,
    /// Seconds.
    pub latency: i64,
    pub empty_scans: i64,
    pub errors: i64,
}

/// Asks the server for everything about the jobs.
pub async fn show(server: &ServerOptions) -> Result<Shown, Error> {
    let mut client = Client::connect(server).await?;
    let facts = database::facts(&mut client).await?;
    if !facts.cdc_enabled {
        return Err(not_enabled(&facts.name.to_string()));
    }
    let jobs = capture_job::jobs(&mut client).await?;
    let scans = match capture_job::scan_sessions(&mut client).await {
        Ok(scans) => Some(scans),
        Err(error) if capture_job::is_denied(&error) => None,
        Err(error) => return Err(error.into()),
    };
    let warnings = warnings(&jobs, scans.as_deref().unwrap_or_default());
    Ok(Shown {
        database: facts.name.to_string(),
        capture: jobs.capture.map(ShownCapture::from),
        cleanup: jobs.cleanup.map(ShownCleanup::from),
        scans: scans.map(|scans| scans.into_iter().map(ShownScan::from).collect()),
        warnings,
    })
}

/// Changes the jobs' settings and, where they are the capture job's, starts it anew so that they are in force. `say` is told what was
/// done.
pub async fn set(server: &ServerOptions, change: &Change, say: &mut (dyn FnMut(&str) + Send)) -> Result<(), Error> {
    let mut client = Client::connect(server).await?;
    let facts = database::facts(&mut client).await?;
    if !facts.cdc_enabled {
        return Err(not_enabled(&facts.name.to_string()));
    }
    capture_job::change(&mut client, change).await?;
    say("settings changed");
    if change.of_capture() {
        restart(&mut client).await?;
        say("capture job started anew: the settings are in force");
    }
    Ok(())
}

/// Stops the job, if it runs, and starts it.
async fn restart(client: &mut Client) -> Result<(), Error> {
    match capture_job::stop(client).await {
        // It does not run.
        Err(error) if error.number() == Some(AGENT_REFUSED) => {}
        stopped => stopped?,
    }
    // It stops a while after it was told so, and cannot be started meanwhile.
    let asked = Instant::now();
    loop {
        match capture_job::start(client).await {
            Ok(()) => return Ok(()),
            Err(error) if error.number() == Some(AGENT_REFUSED) && asked.elapsed() < RESTART_LIMIT => {
                tokio::time::sleep(RETRY_EVERY).await;
            }
            Err(error) => {
                let message = format!(
                    "the settings are changed, but the capture job could not be started anew, so they are not in force: {}. Is SQL \
                     Server Agent running? Then: EXEC sys.sp_cdc_start_job @job_type = N'capture'",
                    error.message()
                );
                return Err(Error::because(ErrorKind::Refused, message, error));
            }
        }
    }
}

/// What of the jobs' settings slows replication down or breaks it.
pub fn warnings(jobs: &Jobs, scans: &[ScanSession]) -> Vec<String> {
    let Some(job) = &jobs.capture else {
        return vec![
            "there is no capture job, so no change is captured unless something else does so: EXEC sys.sp_cdc_add_job \
             @job_type = N'capture', or `publisher run --drive-capture`"
                .to_owned(),
        ];
    };
    let mut warnings = Vec::new();
    if !job.continuous {
        warnings.push(
            "the capture job ends after one cycle; changes are captured only when it is started again: `publisher capture set \
             --continuous true`"
                .to_owned(),
        );
    }
    if let Some(ceiling) = job.ceiling().filter(|ceiling| *ceiling < LOW_CEILING) {
        let full = scans.iter().filter(|scan| scan.transactions >= job.max_transactions).count();
        let evidence = match full {
            0 => String::new(),
            full => format!(" {full} of the last {} scans took as much as they may.", scans.len()),
        };
        warnings.push(format!(
            "the capture job takes at most {ceiling} transactions a second ({} x {} every {} s) and adds up to {} s to the \
             latency.{evidence} `publisher capture set --polling-interval 1s --maxtrans 5000` lifts that",
            job.max_transactions, job.max_scans, job.polling_interval, job.polling_interval
        ));
    }
    warnings
}

/// Warnings for the log of `publisher run`; none where the login may not see the job.
pub(crate) async fn warn(client: &mut Client) -> Result<(), Error> {
    match capture_job::jobs(client).await {
        Ok(jobs) => {
            for warning in warnings(&jobs, &[]) {
                tracing::warn!("{warning}");
            }
            Ok(())
        }
        Err(error) if error.is_transient() => Err(error.into()),
        Err(error) => {
            tracing::debug!("the capture job's settings are not known: {error}");
            Ok(())
        }
    }
}

fn not_enabled(database: &str) -> Error {
    Error::invalid(format!(
        "change data capture is not enabled for {database}, so it has no jobs; `publisher article add` enables it"
    ))
}

impl From<CaptureJob> for ShownCapture {
    fn from(job: CaptureJob) -> Self {
        Self {
            ceiling: job.ceiling(),
            job: job.name,
            maxtrans: job.max_transactions,
            maxscans: job.max_scans,
            continuous: job.continuous,
            pollinginterval: job.polling_interval,
        }
    }
}

impl From<CleanupJob> for ShownCleanup {
    fn from(job: CleanupJob) -> Self {
        Self { job: job.name, retention: job.retention, threshold: job.threshold }
    }
}

impl From<ScanSession> for ShownScan {
    fn from(scan: ScanSession) -> Self {
        Self {
            began: scan.began,
            duration: scan.duration,
            transactions: scan.transactions,
            changes: scan.changes,
            latency: scan.latency,
            empty_scans: scan.empty_scans,
            errors: scan.errors,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::warnings;
    use sqlserver::capture_job::{CaptureJob, Jobs, ScanSession};

    fn jobs(polling_interval: i64, continuous: bool) -> Jobs {
        let name = "cdc.shop_capture".to_owned();
        let capture = CaptureJob { name, max_transactions: 500, max_scans: 10, continuous, polling_interval };
        Jobs { capture: Some(capture), cleanup: None }
    }

    #[test]
    fn the_defaults_are_warned_about_and_a_job_without_pauses_is_not() {
        let full = ScanSession {
            began: String::new(),
            duration: 1,
            transactions: 500,
            changes: 500,
            latency: 9,
            empty_scans: 0,
            errors: 0,
        };
        let said = warnings(&jobs(5, true), &[full.clone(), full]).join(" ");
        assert!(said.contains("1000 transactions a second") && said.contains("2 of the last 2 scans"), "{said}");
        assert!(warnings(&jobs(0, true), &[]).is_empty());
    }

    #[test]
    fn no_job_and_a_job_that_ends_are_warned_about() {
        assert!(warnings(&Jobs::default(), &[])[0].contains("--drive-capture"));
        assert!(warnings(&jobs(0, false), &[])[0].contains("--continuous true"));
    }
}
