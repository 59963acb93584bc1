//! What takes minutes (`cargo bench -p tests -- --long`): one transaction of ten million rows, and a million tiny ones that a log reader
//! finds when it comes back; each through the whole line of processes, with what each role's memory came to.

use crate::report::{Report, rate};
use std::time::{Duration, Instant};
use tests::line::Line;
use tests::process::Process;
use tests::wait;

/// Rows of the large transaction.
const ROWS: u64 = 10_000_000;
/// Rows of one of its statements.
const STATEMENT: u64 = 100_000;
/// Tiny transactions.
const TRANSACTIONS: u64 = 1_000_000;
/// Tiny transactions committed by one batch.
const BATCH: u64 = 20_000;
/// For everything to arrive.
const LIMIT: Duration = Duration::from_secs(3_600);
/// Ten digits, as a derived table.
const DIGITS: &str = "(VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9))";

/// Measures; all numbers are divided by `fraction`, for a shorter try.
pub async fn measure(report: &mut Report, fraction: u64) {
    large_transaction(report, ROWS / fraction).await;
    tiny_transactions(report, TRANSACTIONS / fraction).await;
}

async fn large_transaction(report: &mut Report, rows: u64) {
    let mut line = Line::start().await;
    line.make_fence().await;
    line.source
        .run("CREATE TABLE dbo.big (id int NOT NULL PRIMARY KEY, amount decimal(19,4) NOT NULL, note varchar(30) NULL)")
        .await;
    line.replicate(&["dbo.big", "dbo.fence"]).await;
    line.drain().await;
    let mut source = line.source.connect().await;
    source.run("BEGIN TRANSACTION").await.expect("a transaction can begin");
    let started = Instant::now();
    for first in (0..rows).step_by(usize::try_from(STATEMENT).expect("it is small")) {
        let sql = format!(
            "INSERT INTO dbo.big SELECT {first} + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d, a.d + 0.25, 'one of many'
             FROM {DIGITS} AS a(d) CROSS JOIN {DIGITS} AS b(d) CROSS JOIN {DIGITS} AS c(d) CROSS JOIN {DIGITS} AS e(d)
             CROSS JOIN {DIGITS} AS f(d)"
        );
        source.run(&sql).await.expect("rows can be inserted");
    }
    let written = started.elapsed();
    source.run("COMMIT").await.expect("it can commit");
    let started = Instant::now();
    let last = rows.next_multiple_of(STATEMENT) - 1;
    arrived(&line, &format!("SELECT COUNT(*) FROM dbo.big WHERE id = {last}")).await;
    let time = started.elapsed();
    let rows = rows.next_multiple_of(STATEMENT);
    let name = format!("{rows} rows in one transaction, end to end");
    report.speed(&name, "rows", rate(rows, time), rate(rows, written), 0.5);
    memory(report, &line);
}

async fn tiny_transactions(report: &mut Report, transactions: u64) {
    let mut line = Line::start().await;
    line.make_fence().await;
    line.source.run("CREATE TABLE dbo.tiny (id int NOT NULL PRIMARY KEY, n int NOT NULL)").await;
    line.replicate(&["dbo.tiny", "dbo.fence"]).await;
    line.drain().await;
    line.publisher.take().expect("it runs").terminate().await;
    let mut source = line.source.connect().await;
    let started = Instant::now();
    for first in (0..transactions).step_by(usize::try_from(BATCH).expect("it is small")) {
        let sql = format!(
            "SET NOCOUNT ON; DECLARE @i int = {first};
             WHILE @i < {first} + {BATCH} BEGIN INSERT INTO dbo.tiny VALUES (@i, 1); SET @i = @i + 1; END"
        );
        source.run(&sql).await.expect("rows can be inserted");
    }
    let written = started.elapsed();
    let transactions = transactions.next_multiple_of(BATCH);
    wait::until_within(LIMIT, "the transactions to be captured", async || {
        let sql = format!("SELECT COUNT(*) FROM cdc.replication_dbo_tiny_CT WHERE id = {}", transactions - 1);
        (line.source.number(&sql).await == 1).then_some(())
    })
    .await;

    // The log reader comes back.
    let newest = source.run("SELECT sys.fn_cdc_get_max_lsn()").await.expect("it can be asked");
    let newest: &[u8] = newest.first().and_then(|row| row.get(0)).expect("something is captured");
    let newest = proto::Lsn::try_from(newest).expect("it is an LSN").to_string();
    let started = Instant::now();
    line.start_publisher();
    wait::until_within(LIMIT, "the queue to have everything", async || {
        (line.status().await["databases"][0]["position"].as_str()? >= newest.as_str()).then_some(())
    })
    .await;
    let queued = started.elapsed();
    arrived(&line, &format!("SELECT COUNT(*) FROM dbo.tiny WHERE id = {}", transactions - 1)).await;
    let time = started.elapsed();
    let speed = |time| rate(transactions, time);
    let queue = format!("{transactions} tiny transactions into the queue");
    report.speed(&queue, "tx", speed(queued), speed(written), 1.0);
    report.speed("the same, end to end", "tx", speed(time), speed(written), 1.0);
    memory(report, &line);
}

async fn arrived(line: &Line, sql: &str) {
    wait::until_within(LIMIT, "the last row to arrive", async || (line.target.number(sql).await == 1).then_some(()))
        .await;
}

fn memory(report: &mut Report, line: &Line) {
    for (role, process) in
        [("publisher", &line.publisher), ("distributor", &line.distributor), ("subscriber", &line.subscriber)]
    {
        let peak = process.as_ref().and_then(Process::peak_memory).unwrap_or_default();
        report.figure(&format!("  peak memory of the {role}"), format!("{} MiB", peak / 1024), "goal: < 256 MiB");
    }
}
