//! `distributor status`.

use super::progress::{self, UnderWay};
use super::{Outcome, connect};
use clap::Args;
use cli::output::{Table, print, print_json};
use cli::progress::Figures;
use cli::{DistributorArgs, OutputArgs, size};
use proto::catalog::{Request, Response, Status, SubscriptionStatus};
use proto::snapshot::TableProgress;
use std::fmt::Write;
use std::time::Duration;

/// Between two looks of `--watch`.
const EVERY: Duration = Duration::from_secs(2);
/// Clears the terminal and goes to its top.
const CLEAR: &str = "\x1b[H\x1b[2J";

#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    output: OutputArgs,
    /// Look again every two seconds until interrupted
    #[arg(long)]
    watch: bool,
    /// Latency over which a database or subscription is marked
    #[arg(long, default_value = "30s", value_parser = cli::duration::parse, value_name = "DURATION")]
    latency_threshold: Duration,
    #[command(flatten)]
    distributor: DistributorArgs,
}

pub(super) async fn run(args: StatusArgs) -> Outcome {
    let threshold = i64::try_from(args.latency_threshold.as_micros()).unwrap_or(i64::MAX);
    let mut connection = connect(&args.distributor).await?;
    loop {
        let Response::Status(status) = connection.request(Request::Status).await? else {
            return Err("the distributor answered something else".into());
        };
        if args.output.is_json() {
            print_json(&json(&status, threshold)?)?;
        } else {
            if args.watch {
                print(CLEAR)?;
            }
            print(text(&status, threshold))?;
        }
        if !args.watch {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = cli::shutdown_signal() => return Ok(()),
        }
    }
}

/// The status with a mark on what is over the threshold (microseconds), and with the figures of tables.
fn json(status: &Status, threshold: i64) -> Result<serde_json::Value, serde_json::Error> {
    let mut value = serde_json::to_value(status)?;
    for part in ["databases", "subscriptions"] {
        for entry in value[part].as_array_mut().into_iter().flatten() {
            let over = is_over(entry["latency"].as_i64(), threshold);
            entry["over_latency_threshold"] = over.into();
        }
    }
    for (i, snapshot) in status.snapshots.iter().enumerate() {
        let shown = &mut value["snapshots"][i];
        shown["tables"] = figures(&snapshot.tables)?;
        shown["total"] = serde_json::to_value(Figures::total(&snapshot.tables))?;
    }
    for (i, subscription) in status.subscriptions.iter().enumerate() {
        let shown = &mut value["subscriptions"][i];
        shown["loading"] = figures(&subscription.loading)?;
        shown["loading_total"] = serde_json::to_value(Figures::total(&subscription.loading))?;
    }
    value["latency_threshold"] = threshold.into();
    Ok(value)
}

/// Tables with what they say and what follows from it.
fn figures(tables: &[TableProgress]) -> Result<serde_json::Value, serde_json::Error> {
    let tables = tables.iter().map(|table| {
        let mut value = serde_json::to_value(Figures::of(table))?;
        value["table"] = table.table.to_string().into();
        value["elapsed"] = table.elapsed.into();
        Ok(value)
    });
    tables.collect()
}

fn is_over(latency: Option<i64>, threshold: i64) -> bool {
    latency.is_some_and(|latency| latency > threshold)
}

fn text(status: &Status, threshold: i64) -> String {
    let mut text = format!("distributor {}, {} free\n", status.version, size::format(status.disk_free));
    if let Some(reason) = &status.paused {
        // Writing to a String cannot fail; the same below.
        let _ = writeln!(text, "PAUSED: {reason}");
    }
    let _ = write!(text, "\n{}", databases(status, threshold));
    let _ = write!(text, "\n{}", subscriptions(status, threshold));
    if !status.snapshots.is_empty() {
        let snapshots = status.snapshots.iter().map(|snapshot| UnderWay {
            name: &snapshot.publication,
            tables: &snapshot.tables,
            age: status.now - snapshot.reported_at,
        });
        let _ = write!(text, "\n{}", progress::table("SNAPSHOT OF", snapshots));
    }
    let loading = || status.subscriptions.iter().filter(|s| !s.loading.is_empty());
    if loading().next().is_some() {
        let loading = loading().map(|s| UnderWay {
            name: &s.subscription.name,
            tables: &s.loading,
            age: status.now - s.reported_at.unwrap_or(status.now),
        });
        let _ = write!(text, "\n{}", progress::table("LOADING", loading));
    }
    for shown in &status.databases {
        if let Some((error, at)) = &shown.log_reader_error {
            let ago = age(status.now - at);
            let _ = writeln!(text, "\n{}: the log reader stopped {ago} ago: {error}", shown.database);
        }
    }
    for shown in &status.snapshots {
        if let Some(error) = &shown.error {
            let ago = age(status.now - shown.reported_at);
            let _ = writeln!(text, "\n{}: snapshot {} stopped {ago} ago: {error}", shown.publication, shown.snapshot);
        }
    }
    for shown in &status.subscriptions {
        if let Some(error) = &shown.error {
            let _ = writeln!(text, "\n{}: {error}", shown.subscription.name);
        }
    }
    text
}

fn databases(status: &Status, threshold: i64) -> Table {
    let mut table = Table::new([
        "DATABASE",
        "PUBLICATIONS (ARTICLES)",
        "LOG READER",
        "POSITION",
        "TRANSACTIONS",
        "CHANGES",
        "LATENCY",
        "SERVER'S CLOCK",
        "QUEUE",
    ]);
    for shown in &status.databases {
        let publications: Vec<_> = shown.publications.iter().map(|(name, n)| format!("{name} ({n})")).collect();
        let reader = match &shown.log_reader {
            Some((peer, since)) => format!("{peer}, {}", age(status.now - since)),
            None if shown.log_reader_error.is_some() => "stopped".to_owned(),
            None => "not attached".to_owned(),
        };
        table.row([
            shown.database.to_string(),
            publications.join(", "),
            reader,
            shown.position.map_or("-".to_owned(), |lsn| lsn.to_string()),
            shown.transactions.to_string(),
            shown.changes.to_string(),
            latency(shown.latency, threshold),
            shown.clock_ahead.map_or("-".to_owned(), clock),
            format!("{} in {} file(s)", size::format(shown.bytes), shown.segments),
        ]);
    }
    table
}

fn subscriptions(status: &Status, threshold: i64) -> Table {
    let mut table = Table::new([
        "SUBSCRIPTION",
        "PUBLICATION",
        "TO",
        "STATE",
        "CONNECTED",
        "POSITION",
        "REPORTED",
        "PENDING",
        "LATENCY",
        "TRANSACTIONS",
        "CHANGES",
    ]);
    for shown in &status.subscriptions {
        table.row([
            shown.subscription.name.clone(),
            shown.subscription.publication.clone(),
            shown.subscription.database.to_string(),
            format!("{:?}", shown.state).to_lowercase(),
            shown.connected.clone().unwrap_or_else(|| "no".to_owned()),
            position(shown),
            shown.reported_at.map_or("-".to_owned(), |at| format!("{} ago", age(status.now - at))),
            pending(shown),
            latency(shown.latency, threshold),
            shown.transactions.to_string(),
            shown.changes.to_string(),
        ]);
    }
    table
}

/// Of rows that come with snapshots alone, how old they are.
fn position(shown: &SubscriptionStatus) -> String {
    match (shown.position, shown.rows_of) {
        (Some(lsn), _) => lsn.to_string(),
        (None, Some(taken_at)) => format!("rows of {}", cli::time::format(taken_at)),
        (None, None) => "-".to_owned(),
    }
}

fn pending(shown: &SubscriptionStatus) -> String {
    format!("{} ({})", shown.pending_transactions, size::format(shown.pending_bytes))
}

fn latency(latency: Option<i64>, threshold: i64) -> String {
    match latency {
        None => "-".to_owned(),
        Some(micros) if is_over(latency, threshold) => format!("{} !", seconds(micros)),
        Some(micros) => seconds(micros),
    }
}

fn seconds(micros: i64) -> String {
    format!("{:.1} s", micros as f64 / 1e6)
}

/// How far another clock is ahead.
fn clock(ahead: i64) -> String {
    let tenths = (ahead as f64 / 1e5).round() / 10.0;
    if tenths == 0.0 { "0.0 s".to_owned() } else { format!("{tenths:+.1} s") }
}

/// A duration in microseconds, to the largest unit that fits.
pub(super) fn age(micros: i64) -> String {
    let seconds = micros.max(0) / 1_000_000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::{json, text};
    use proto::catalog::{
        DatabaseName, DatabaseStatus, Status, Subscription, SubscriptionState, SubscriptionStatus, SyncType,
    };
    use proto::snapshot::{SnapshotProgress, TableProgress};
    use proto::{Lsn, TableName};
    use uuid::Uuid;

    /// A table of 1,000 rows that takes ten seconds so far.
    fn table(name: &str, rows: u64) -> TableProgress {
        let table = TableName { schema: "sales".to_owned(), table: name.to_owned() };
        TableProgress {
            table,
            rows,
            rows_expected: 1_000,
            bytes: rows * 10,
            rows_before: 0,
            bytes_before: 0,
            elapsed: 10_000_000,
            done: false,
        }
    }

    #[test]
    fn everything_that_needs_attention_is_shown() {
        let database = DatabaseName { server: "SQL1".to_owned(), database: "Retail".to_owned() };
        let status = Status {
            version: "1.0".to_owned(),
            now: 100_000_000,
            disk_free: 5 << 30,
            paused: Some("no space left".to_owned()),
            databases: vec![DatabaseStatus {
                database: database.clone(),
                publications: vec![("sports".to_owned(), 3)],
                log_reader: None,
                log_reader_error: Some(("the log of SQL1/Retail has a gap".to_owned(), 40_000_000)),
                position: Some(Lsn::new(1, 2, 3)),
                last_commit: None,
                latency: Some(2_000_000),
                clock_ahead: Some(-7_340_000),
                transactions: 7,
                changes: 8,
                bytes: 4096,
                segments: 1,
                oldest: None,
            }],
            subscriptions: vec![SubscriptionStatus {
                subscription: Subscription {
                    name: "cloud".to_owned(),
                    publication: "sports".to_owned(),
                    database,
                    sync: SyncType::Automatic,
                    created_at: 0,
                },
                state: SubscriptionState::Failed,
                connected: None,
                position: None,
                rows_of: None,
                reported_at: Some(40_000_000),
                pending_bytes: 2048,
                pending_transactions: 5,
                latency: Some(31_000_000),
                transactions: 0,
                changes: 0,
                error: Some("a key is there twice".to_owned()),
                loading: vec![table("orders", 500)],
            }],
            snapshots: vec![SnapshotProgress {
                snapshot: Uuid::nil(),
                publication: "sports".to_owned(),
                begun_at: 0,
                reported_at: 90_000_000,
                tables: vec![table("stock", 250)],
                error: Some("the disk is full".to_owned()),
            }],
        };
        let marked = json(&status, 30_000_000).expect("a status can be written as JSON");
        assert_eq!(marked["subscriptions"][0]["over_latency_threshold"], true);
        assert_eq!(marked["databases"][0]["over_latency_threshold"], false);
        assert_eq!(marked["subscriptions"][0]["loading"][0]["table"], "sales.orders");
        assert_eq!(marked["subscriptions"][0]["loading_total"]["rows_per_second"], 50.0);
        assert_eq!(marked["snapshots"][0]["total"]["seconds_left"], 30);
        let shown = text(&status, 30_000_000);
        for expected in [
            "5.0 GiB free",
            "PAUSED: no space left",
            "SQL1/Retail",
            "sports (3)",
            "stopped  ",
            "SQL1/Retail: the log reader stopped 1 min ago: the log of SQL1/Retail has a gap",
            "SNAPSHOT OF",
            "sales.stock",
            "25 %",
            "sports: snapshot 00000000-0000-0000-0000-000000000000 stopped 10 s ago: the disk is full",
            "LOADING",
            "sales.orders",
            "50 %",
            "0 of 1 done",
            "00000001:00000002:0003",
            "failed",
            "1 min ago",
            "5 (2.0 KiB)",
            "31.0 s !",
            "2.0 s  ",
            "-7.3 s",
            "cloud: a key is there twice",
        ] {
            assert!(shown.contains(expected), "{expected}:\n{shown}");
        }
    }
}
