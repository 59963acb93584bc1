//! From commit to visible at the subscriber, through the whole line of processes, at a moderate load; and what each role's memory
//! came to.

use crate::report::Report;
use sandbox::client::Connection;
use std::time::{Duration, Instant};
use tests::line::Line;

/// Transactions measured, one after the other, and the pause between them.
const TRANSACTIONS: i32 = 300;
const PAUSE: Duration = Duration::from_millis(20);
const LIMIT: Duration = Duration::from_secs(30);

/// Measures.
pub async fn measure(report: &mut Report) {
    let mut line = Line::start().await;
    line.make_fence().await;
    line.source.run("CREATE TABLE dbo.orders (id int NOT NULL PRIMARY KEY, total decimal(19,4) NOT NULL)").await;
    line.replicate(&["dbo.orders", "dbo.fence"]).await;
    line.drain().await;
    let instance = line.source.connect().await.run("SELECT capture_instance FROM cdc.change_tables AS t JOIN sys.tables AS s ON s.object_id = t.source_object_id WHERE s.name = 'orders'").await.expect("capture is on");
    let instance = instance.first().and_then(|row| row.get::<&str, _>(0)).expect("it has a name").to_owned();
    let (mut source, mut captured, mut target) =
        (line.source.connect().await, line.source.connect().await, line.target.connect().await);
    let (mut capture, mut total, mut beyond) = (Vec::new(), Vec::new(), Vec::new());
    for id in 1..=TRANSACTIONS {
        source.run(&format!("INSERT INTO dbo.orders VALUES ({id}, {id})")).await.expect("a row can be inserted");
        let committed = Instant::now();
        let in_change_table = format!("SELECT 1 FROM cdc.[{instance}_CT] WHERE id = {id}");
        let in_table = format!("SELECT 1 FROM dbo.orders WHERE id = {id}");
        let (at_capture, at_target) =
            tokio::join!(seen(&mut captured, &in_change_table, committed), seen(&mut target, &in_table, committed));
        capture.push(at_capture);
        total.push(at_target);
        beyond.push(at_target.saturating_sub(at_capture));
        tokio::time::sleep(PAUSE).await;
    }
    for (what, samples, limit) in [
        ("commit to captured", &mut capture, "the server's own"),
        ("commit to visible", &mut total, ""),
        ("commit to visible, beyond capture", &mut beyond, "goal: p50 < 150 ms"),
    ] {
        samples.sort_unstable();
        let at = |percent: usize| samples[samples.len() * percent / 100].as_secs_f64() * 1_000.0;
        report.figure(what, format!("p50 {:.0} p99 {:.0} ms", at(50), at(99)), limit);
    }
    for (role, process) in
        [("publisher", &line.publisher), ("distributor", &line.distributor), ("subscriber", &line.subscriber)]
    {
        let peak = process.as_ref().and_then(tests::process::Process::peak_memory).unwrap_or_default();
        report.figure(&format!("peak memory of the {role}"), format!("{} MiB", peak / 1024), "goal: < 256 MiB");
    }
}

async fn seen(connection: &mut Connection, sql: &str, since: Instant) -> Duration {
    loop {
        let rows = connection.run(sql).await.expect("it can be asked");
        if !rows.is_empty() {
            return since.elapsed();
        }
        assert!(since.elapsed() < LIMIT, "waited in vain for {sql}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
