//! `publisher run --drive-capture`: reading the log into the change tables without a capture job.
//!
//! Where SQL Server Agent cannot run (Express-like hosts, containers without it), nobody calls `sys.sp_cdc_scan`; then this does, on a
//! connection of its own, for as long as this log reader is the attached one.

use super::pause;
use crate::error::{Error, ErrorKind};
use sqlserver::capture_job::{self, ALREADY_SCANNING, Jobs};
use sqlserver::{Client, ServerOptions, cdc};
use std::convert::Infallible;
use std::time::Duration;

/// Transactions of one scan: more than the job's default, since nothing is waited for in between.
const MAX_TRANSACTIONS: i32 = 5_000;
/// Scans of one call.
const MAX_SCANS: i32 = 10;
/// How long another session's scan may go on where no job is defined: one of this process' own earlier connections.
const OTHERS_LIMIT: Duration = Duration::from_secs(30);
/// Pause between two attempts while another session scans.
const OTHERS_RETRY: Duration = Duration::from_millis(250);

/// Scans again and again: at once after one that found something, with growing pauses up to `interval` otherwise.
pub(super) async fn drive(options: &ServerOptions, interval: Duration) -> Result<Infallible, Error> {
    // A scan of a long backlog says nothing for as long as it takes.
    let mut client = Client::connect(&options.with_command_timeout(None)).await?;
    let jobs = capture_job::jobs(&mut client).await?;
    if let Some(job) = &jobs.capture {
        tracing::warn!(
            "there is a capture job, {}: while it runs, --drive-capture cannot; drop it (EXEC sys.sp_cdc_drop_job @job_type = \
             N'capture') or leave --drive-capture out",
            job.name
        );
    }
    tracing::info!("driving change data capture: the log is read by this process, not by a capture job");
    let mut idle = 0;
    let mut captured = cdc::captured(&mut client).await?;
    let mut refused: Option<tokio::time::Instant> = None;
    loop {
        match capture_job::scan(&mut client, MAX_TRANSACTIONS, MAX_SCANS).await {
            Ok(()) => refused = None,
            Err(error) if error.number() == Some(ALREADY_SCANNING) => {
                let since = *refused.get_or_insert_with(tokio::time::Instant::now);
                if jobs.capture.is_some() || since.elapsed() > OTHERS_LIMIT {
                    return Err(driven_already(&client, &jobs, error));
                }
                tokio::time::sleep(OTHERS_RETRY).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        let now = cdc::captured(&mut client).await?;
        idle = if now == captured { idle + 1 } else { 0 };
        captured = now;
        tokio::time::sleep(pause(idle, interval)).await;
    }
}

fn driven_already(client: &Client, jobs: &Jobs, error: sqlserver::Error) -> Error {
    let who = match &jobs.capture {
        Some(job) => format!(
            "its capture job {} runs. Leave --drive-capture out, or drop the job: EXEC sys.sp_cdc_drop_job @job_type = N'capture'",
            job.name
        ),
        None => {
            "another session does so, and no capture job is defined; end that session (sys.dm_exec_sessions), or leave \
                 --drive-capture out"
                .to_owned()
        }
    };
    let message = format!(
        "--drive-capture cannot read the log of {} into the change tables: {who} ({})",
        client.place(),
        error.message()
    );
    Error::because(ErrorKind::Refused, message, error)
}
