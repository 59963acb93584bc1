//! `publisher capture show|set`.

use crate::capture::{self, Shown};
use crate::error::Error;
use crate::settings;
use clap::{Args, Subcommand};
use cli::output::{Table, print, print_json};
use cli::{OutputArgs, ServerArgs};
use sqlserver::capture_job::Change;
use std::fmt::Write;
use std::time::Duration;

/// What to do with the capture job.
#[derive(Debug, Subcommand)]
pub enum CaptureAction {
    /// Show the settings of the capture and cleanup jobs, the last scans, and what slows replication down
    Show {
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
        #[command(flatten)]
        #[allow(missing_docs)]
        output: OutputArgs,
    },
    /// Change settings; the capture job is started anew, so that they are in force
    Set {
        #[command(flatten)]
        #[allow(missing_docs)]
        change: ChangeArgs,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
}

/// What is given is changed.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct ChangeArgs {
    /// Pause between two cycles of scans: whole seconds, less than a day
    #[arg(long, value_parser = seconds, value_name = "DURATION")]
    polling_interval: Option<i64>,
    /// Transactions of one scan, at the most
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..), value_name = "NUMBER")]
    maxtrans: Option<i32>,
    /// Scans of one cycle, at the most
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..), value_name = "NUMBER")]
    maxscans: Option<i32>,
    /// Go on until stopped, or end after one cycle
    #[arg(long, value_name = "true|false")]
    continuous: Option<bool>,
    /// How long changes are kept in the change tables: whole minutes
    #[arg(long, value_parser = minutes, value_name = "DURATION")]
    retention: Option<i64>,
    /// Rows that the cleanup job deletes by one statement
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..), value_name = "NUMBER")]
    threshold: Option<i64>,
}

fn whole(text: &str, unit: Duration, name: &str) -> Result<i64, String> {
    let duration = cli::duration::parse(text)?;
    let (millis, unit) = (duration.as_millis(), unit.as_millis());
    let number = millis.is_multiple_of(unit).then(|| i64::try_from(millis / unit).ok()).flatten();
    number.ok_or_else(|| format!("`{text}` is not a whole number of {name}"))
}

fn seconds(text: &str) -> Result<i64, String> {
    const DAY: i64 = 86_400;
    match whole(text, Duration::from_secs(1), "seconds")? {
        seconds if seconds < DAY => Ok(seconds),
        _ => Err(format!("`{text}` is not less than a day")),
    }
}

fn minutes(text: &str) -> Result<i64, String> {
    // A hundred years.
    const MOST: i64 = 52_594_800;
    match whole(text, Duration::from_secs(60), "minutes")? {
        minutes if (1..=MOST).contains(&minutes) => Ok(minutes),
        _ => Err(format!("`{text}` is not between a minute and 100 years")),
    }
}

impl From<ChangeArgs> for Change {
    fn from(args: ChangeArgs) -> Self {
        Self {
            max_transactions: args.maxtrans,
            max_scans: args.maxscans,
            continuous: args.continuous,
            polling_interval: args.polling_interval,
            retention: args.retention,
            threshold: args.threshold,
        }
    }
}

/// Carries it out.
pub async fn run(action: CaptureAction) -> Result<(), Error> {
    match action {
        CaptureAction::Show { server, output } => {
            let shown = capture::show(&settings::server(&server)?).await?;
            if output.is_json() { print_json(&shown)? } else { print(text(&shown))? }
        }
        CaptureAction::Set { change, server } => {
            let server = settings::server(&server)?;
            let mut said = Ok(());
            capture::set(&server, &change.into(), &mut |text| said = print(format_args!("{text}\n"))).await?;
            said?;
        }
    }
    Ok(())
}

fn text(shown: &Shown) -> String {
    // Writing to a String cannot fail; the same below.
    let mut text = format!("database {}\n\n", shown.database);
    if let Some(job) = &shown.capture {
        let ceiling = job.ceiling.map_or("no limit".to_owned(), |limit| format!("{limit} transactions/s at the most"));
        let _ = writeln!(
            text,
            "capture job {}: maxtrans {}, maxscans {}, continuous {}, pollinginterval {} s: {ceiling}",
            job.job, job.maxtrans, job.maxscans, job.continuous, job.pollinginterval
        );
    }
    if let Some(job) = &shown.cleanup {
        let _ =
            writeln!(text, "cleanup job {}: retention {} minutes, threshold {}", job.job, job.retention, job.threshold);
    }
    match &shown.scans {
        Some(scans) if !scans.is_empty() => {
            let mut table =
                Table::new(["SCAN AT", "SECONDS", "TRANSACTIONS", "CHANGES", "LATENCY (S)", "EMPTY SCANS", "ERRORS"]);
            for scan in scans {
                let numbers =
                    [scan.duration, scan.transactions, scan.changes, scan.latency, scan.empty_scans, scan.errors];
                table.row(std::iter::once(scan.began.clone()).chain(numbers.map(|number| number.to_string())));
            }
            let _ = write!(text, "\n{table}");
        }
        Some(_) => text.push_str("\nno scan since the server started\n"),
        None => text.push_str("\nthe last scans are not shown: the login lacks VIEW DATABASE STATE\n"),
    }
    for warning in &shown.warnings {
        let _ = writeln!(text, "\nwarning: {warning}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{minutes, seconds};

    #[test]
    fn pauses_are_whole_seconds_and_retention_is_whole_minutes() {
        assert_eq!(seconds("1m30s"), Ok(90));
        assert_eq!(seconds("0s"), Ok(0));
        assert_eq!(minutes("3d"), Ok(4320));
        for refused in [seconds("500ms"), seconds("1d"), minutes("30s"), minutes("0h"), seconds("x")] {
            assert!(refused.is_err());
        }
    }
}
