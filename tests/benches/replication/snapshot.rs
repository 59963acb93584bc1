//! A snapshot of TPC-H's tables out of one database and into another: the snapshot agent against as many sessions of the same client library
//! that read the same rows and forget them; the subscriber's load against one session that bulk-loads the same rows from memory.

use crate::report::{Report, rate};
use crate::tpch::{TABLES, Table};
use futures::TryStreamExt;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tests::line::{At, Line};
use tests::process::Process;
use tests::server::TestDatabase;
use tests::wait;

/// Sessions that read at once: as many as the agent has unless told otherwise.
const SESSIONS: usize = 4;
/// How often a process is looked at: what its time is known to.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The most memory that a role may take.
const MEMORY: &str = "limit 256 MiB";

/// Measures at a scale factor of TPC-H, the best of so many rounds.
pub async fn measure(report: &mut Report, scale: f64, rounds: u32) {
    let line = Line::start().await;
    let mut rows = 0;
    for table in &TABLES {
        line.source.run(&table.definition(table.name)).await;
        rows += load(&line.source, table, table.name, scale).await.0;
    }
    line.publish("tpch", &TABLES.map(|table| table.name)).await;
    let (mut bare_read, mut out, mut bare_load, mut into) =
        (Duration::MAX, Duration::MAX, Duration::MAX, Duration::MAX);
    let (mut agent, mut subscriber) = (0, 0);
    for _ in 0..rounds {
        bare_read = bare_read.min(read(&line.source, rows).await);
        let mut command = line.command("publisher", At::Source);
        command.args(["snapshot", "--publication", "tpch", "--snapshot-sessions", &SESSIONS.to_string()]);
        let (time, memory) = watch(Process::start("publisher-snapshot", command, line.folder())).await;
        (out, agent) = (out.min(time), agent.max(memory));

        bare_load = bare_load.min(bare(&line.target, scale, rows).await);
        let subscription = ["subscription", "add", "--subscription", "tpch", "--publication", "tpch"];
        line.subscriber_does(&subscription).await;
        let mut command = line.command("subscriber", At::Target);
        // The log reader does not run, so that nothing comes after the snapshot.
        command.args(["run", "--once"]);
        let (time, memory) = watch(Process::start("subscriber", command, line.folder())).await;
        (into, subscriber) = (into.min(time), subscriber.max(memory));
        let mut arrived = 0;
        for table in &TABLES {
            arrived += line.target.number(&format!("SELECT COUNT_BIG(*) FROM {}", table.name)).await;
        }
        assert_eq!(arrived, i64::try_from(rows).expect("it is small"), "what is measured is done");
        line.subscriber_does(&["subscription", "drop", "--subscription", "tpch"]).await;
        for table in &TABLES {
            line.target.run(&format!("DROP TABLE {}", table.name)).await;
        }
    }
    report.speed("snapshot out, vs bare read", "rows", rate(rows, out), rate(rows, bare_read), 0.7);
    let bytes = data_files(&line) / u64::from(rounds);
    report.figure("the same, in bytes of data files", format!("{:.1} MB/s", rate(bytes, out) / 1e6), "");
    report.speed("snapshot in, vs bare bulk load", "rows", rate(rows, into), rate(rows, bare_load), 0.7);
    report.figure("the same, in bytes of data files", format!("{:.1} MB/s", rate(bytes, into) / 1e6), "");
    report.figure("memory of the snapshot agent", format!("{} MiB", agent >> 10), MEMORY);
    report.figure("memory of the subscriber", format!("{} MiB", subscriber >> 10), MEMORY);
}

/// Loads all rows of a table, made slice by slice; their number, and how long the loading itself took.
async fn load(database: &TestDatabase, table: &Table, name: &str, scale: f64) -> (u64, Duration) {
    let mut connection = database.connect().await;
    let (mut rows, mut time) = (0, Duration::ZERO);
    for number in 1..=table.slices(scale) {
        let slice = table.slice(scale, number);
        let started = Instant::now();
        rows += connection.load(name, slice).await.expect("the rows can be loaded");
        time += started.elapsed();
    }
    (rows, time)
}

/// Loads everything into tables with the same keys.
async fn bare(database: &TestDatabase, scale: f64, rows: u64) -> Duration {
    let (mut loaded, mut time) = (0, Duration::ZERO);
    for table in &TABLES {
        database.run(&table.definition("dbo.bare")).await;
        let (rows, took) = load(database, table, "dbo.bare", scale).await;
        (loaded, time) = (loaded + rows, time + took);
        database.run("DROP TABLE dbo.bare").await;
    }
    assert_eq!(loaded, rows, "what is measured is done");
    time
}

/// Reads everything by several sessions, the largest tables in ranges of their keys.
async fn read(database: &TestDatabase, rows: u64) -> Duration {
    let mut queries = VecDeque::new();
    for table in &TABLES {
        let key = table.first_key();
        let bound = |of: &str| format!("SELECT CAST({of}({key}) AS bigint) FROM {}", table.name);
        let (first, last) = (database.number(&bound("MIN")).await, database.number(&bound("MAX")).await);
        let step = (last - first) / i64::try_from(SESSIONS).expect("it is small") + 1;
        for from in (first..=last).step_by(usize::try_from(step).expect("keys ascend")) {
            queries.push_back(format!(
                "SELECT * FROM {} WHERE {key} >= {from} AND {key} < {}",
                table.name,
                from + step
            ));
        }
    }
    let queries = Mutex::new(queries);
    let next = || queries.lock().expect("nothing panics while it is held").pop_front();
    let mut connections = Vec::new();
    for _ in 0..SESSIONS {
        connections.push(database.connect().await);
    }
    let started = Instant::now();
    let sessions = connections.into_iter().map(|mut connection| async move {
        let mut read = 0;
        while let Some(query) = next() {
            let mut stream = connection.stream(&query).await.expect("it can be read");
            while let Some(row) = stream.try_next().await.expect("it can be read") {
                std::hint::black_box(row);
                read += 1;
            }
        }
        read
    });
    let read: u64 = futures::future::join_all(sessions).await.into_iter().sum();
    assert_eq!(read, rows, "what is measured is done");
    started.elapsed()
}

/// How long a process runs, and the most memory it had meanwhile, in KiB.
async fn watch(process: Process) -> (Duration, u64) {
    let started = Instant::now();
    let mut memory = 0;
    while process.is_running() {
        memory = process.peak_memory().unwrap_or(0).max(memory);
        assert!(started.elapsed() < 20 * wait::LIMIT, "it does not end");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let time = started.elapsed();
    tests::line::succeeded(process.ended().await);
    (time, memory)
}

/// Bytes of all data files of all snapshots.
fn data_files(line: &Line) -> u64 {
    let mut bytes = 0;
    for snapshot in std::fs::read_dir(line.path("snapshots")).expect("it is there").flatten() {
        for file in std::fs::read_dir(snapshot.path()).into_iter().flatten().flatten() {
            if file.file_name().to_string_lossy().contains(".bcp") {
                bytes += file.metadata().map_or(0, |metadata| metadata.len());
            }
        }
    }
    bytes
}
