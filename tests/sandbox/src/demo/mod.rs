//! The demo: a sports retail database moves from one server to another while its shops stay open.
//!
//! Everything in it is real but the two SQL Servers, which are sandboxes: the roles are the product's own programs, set up
//! with the commands that a user would type, talking over TLS.

pub mod database;
mod migration;
mod probe;
mod processes;
pub mod workload;

use crate::compare::{Comparison, Side, compare};
use database::{DATABASE, TABLES};
use migration::Migration;
use probe::LatencyProbe;
use std::cell::Cell;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use workload::Workload;

/// Arguments of the demo.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoArgs {
    /// Seconds the workload runs beside the replication
    #[arg(long, default_value_t = 30)]
    pub seconds: u64,
    /// Transactions a second that the shops try to make
    #[arg(long, default_value_t = 200)]
    pub rate: u64,
    /// Leave everything running at the end, until Ctrl-C, and say how to connect
    #[arg(long)]
    pub keep: bool,
    /// Folder for databases, queue, snapshots and logs; must not exist. A temporary one, removed at the end, if not given
    #[arg(long)]
    pub folder: Option<PathBuf>,
}

/// Why the demo could not go on.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct DemoError {
    message: String,
}

impl DemoError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl From<crate::client::SqlError> for DemoError {
    fn from(error: crate::client::SqlError) -> Self {
        Self::new(error.to_string())
    }
}

/// How long the queue may take to drain once the workload has stopped.
const DRAIN_LIMIT: Duration = Duration::from_secs(120);
/// Connections that the workload uses.
const TILLS: u64 = 4;

/// Runs the demo; true when both sides agreed. Ctrl-C ends it early; all processes and the temporary folder go either way.
pub async fn run(args: DemoArgs) -> Result<bool, DemoError> {
    let programs = processes::Programs::find_or_build().await?;
    let temporary;
    let folder = match &args.folder {
        Some(folder) => {
            std::fs::create_dir(folder).map_err(|e| DemoError::new(format!("{}: {e}", folder.display())))?;
            folder.clone()
        }
        None => {
            temporary = tempfile::Builder::new()
                .prefix("replication-demo-")
                .tempdir()
                .map_err(|e| DemoError::new(format!("cannot make a temporary folder: {e}")))?;
            temporary.path().to_owned()
        }
    };
    let interrupted = tokio::signal::ctrl_c();
    let verdict = Cell::new(None);
    tokio::select! {
        result = migrate(&args, programs, folder, &verdict) => result,
        _ = interrupted => {
            println!("\neverything that the demo started is being ended");
            verdict.get().ok_or_else(|| DemoError::new("the demo was interrupted before its verdict"))
        }
    }
}

async fn migrate(
    args: &DemoArgs,
    programs: processes::Programs,
    folder: PathBuf,
    verdict: &Cell<Option<bool>>,
) -> Result<bool, DemoError> {
    let mut migration = Migration::prepare(programs, folder).await?;
    step("the shops open: orders, deliveries, price changes and cancellations, while everything below happens");
    let workload = Workload::start(&migration.on_premises, TILLS, args.rate);
    migration.publish().await?;
    migration.subscribe().await?;
    let agreed = watch(args, &mut migration, workload).await?;
    verdict.set(Some(agreed));
    if args.keep {
        migration.invite();
        migration.stay().await;
    }
    migration.stop().await;
    Ok(agreed)
}

async fn watch(args: &DemoArgs, migration: &mut Migration, workload: Workload) -> Result<bool, DemoError> {
    step("waiting for the first orders at the managed instance");
    migration.wait_until_active().await?;
    let probe = LatencyProbe::start(&migration.managed, workload.tally());
    step(&format!("replicating for {} s", args.seconds));
    progress(args, migration, &workload, &probe).await?;
    let (latency, samples) = probe.percentiles(0);

    step("the shops close; waiting until the last transaction has arrived");
    let tally = workload.stop().await?;
    let closed = Instant::now();
    migration.wait_until_drained(DRAIN_LIMIT).await?;
    println!("  drained {:.1} s after the last commit", closed.elapsed().as_secs_f64());
    probe.stop().await?;

    step("comparing every table, row by row and value by value");
    let mut agreed = true;
    let mut rows = 0;
    for table in TABLES {
        let Comparison { rows: compared, differences } = compare_table(migration, table).await?;
        rows += compared;
        println!(
            "  {:<24} {compared:>9} rows   {}",
            table.name,
            if differences.is_empty() { "equal" } else { "DIFFERENT" }
        );
        for difference in &differences {
            println!("      {difference}");
        }
        agreed &= differences.is_empty() && compared > 0;
    }
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
    println!();
    println!(
        "  {} transactions committed ({} orders, {} cancellations, {} price changes, {} stock movements), {} rolled back",
        count(&tally.committed),
        count(&tally.orders),
        count(&tally.cancellations),
        count(&tally.price_changes),
        count(&tally.movements),
        count(&tally.rolled_back),
    );
    if let Some((p50, p99)) = latency {
        println!("  commit to visible: p50 {} ms, p99 {} ms over {samples} orders", p50.as_millis(), p99.as_millis());
    }
    for (name, now, peak) in migration.memory() {
        println!("  memory of the {name}: {now} MiB, at most {peak} MiB");
    }
    println!();
    if agreed {
        println!("VERDICT: both sides agree: {} tables, {rows} rows, no order lost.", TABLES.len());
    } else {
        println!("VERDICT: the two sides DIFFER, see above.");
    }
    Ok(agreed)
}

async fn compare_table(migration: &Migration, table: &database::DemoTable) -> Result<Comparison, DemoError> {
    let columns = if table.columns.is_empty() { "*" } else { table.columns };
    let filter = if table.filter.is_empty() { String::new() } else { format!(" WHERE {}", table.filter) };
    let published = format!("SELECT {columns} FROM {}{filter} ORDER BY {}", table.name, table.key);
    let arrived = format!("SELECT {columns} FROM {} ORDER BY {}", table.name, table.key);
    let publisher = Side { server: &migration.on_premises, database: DATABASE, sql: &published };
    let subscriber = Side { server: &migration.managed, database: DATABASE, sql: &arrived };
    Ok(compare(publisher, subscriber).await?)
}

async fn progress(
    args: &DemoArgs,
    migration: &mut Migration,
    workload: &Workload,
    probe: &LatencyProbe,
) -> Result<(), DemoError> {
    let terminal = std::io::stdout().is_terminal();
    let (mut committed_before, mut samples_before) = (workload_committed(workload), 0);
    let mut applied_before = migration.status().await?.applied;
    let started = Instant::now();
    let mut ticker = tokio::time::interval(Duration::from_secs(1));
    ticker.tick().await;
    let mut last = Instant::now();
    while started.elapsed() < Duration::from_secs(args.seconds) {
        ticker.tick().await;
        migration.check()?;
        if workload.has_failed() {
            break;
        }
        let elapsed = last.elapsed().as_secs_f64();
        if !terminal && elapsed < 4.5 {
            continue;
        }
        last = Instant::now();
        let status = migration.status().await?;
        let committed = workload_committed(workload);
        let (latency, samples) = probe.percentiles(samples_before);
        let latency = latency.map_or_else(String::new, |(p50, p99)| {
            format!("latency p50 {:>4} ms p99 {:>4} ms", p50.as_millis(), p99.as_millis())
        });
        let line = format!(
            "  {:>3} s  committed {:>5.0} tx/s  applied {:>5.0} tx/s  queue {:>5} tx  {latency}",
            started.elapsed().as_secs(),
            (committed - committed_before) as f64 / elapsed,
            status.applied.saturating_sub(applied_before) as f64 / elapsed,
            status.pending,
        );
        if terminal {
            print!("\r{line}\x1b[K");
            // Progress that cannot be shown is no reason to stop.
            let _ = std::io::stdout().flush();
        } else {
            println!("{line}");
        }
        (committed_before, applied_before, samples_before) = (committed, status.applied, samples);
    }
    if terminal {
        println!();
    }
    Ok(())
}

fn workload_committed(workload: &Workload) -> u64 {
    workload.tally().committed.load(std::sync::atomic::Ordering::Relaxed)
}

fn step(what: &str) {
    println!("\n▶ {what}");
}
