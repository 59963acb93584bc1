//! Schema changes of a published table arrive in their place between the rows before and after them, under load, whoever dies
//! meanwhile; and stop with instructions where they cannot be carried out.

#![allow(clippy::unwrap_used)]

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tests::line::Line;
use tests::server::TestDatabase;
use tests::wait;
use tests::workload::Workload;
use tokio::task::JoinHandle;

/// Rows of `dbo.item` that transactions move amounts between, each with this amount at first.
const ROWS: i64 = 30;
const AMOUNT: i64 = 1_000;

const ITEMS: &str = "SELECT * FROM dbo.item ORDER BY id";

/// Columns with all that is said of them, by name: their order at the subscriber is that in which they came.
const COLUMNS: &str = "SELECT c.name, t.name, c.max_length, c.precision, c.scale, c.is_nullable, c.collation_name
    FROM sys.columns AS c JOIN sys.types AS t ON t.user_type_id = c.user_type_id
    WHERE c.object_id = OBJECT_ID('dbo.item') ORDER BY c.name";

async fn line() -> Line {
    let mut line = Line::start_on_sandboxes().await;
    line.make_fence().await;
    line.source
        .run(
            "CREATE TABLE dbo.item (id int NOT NULL PRIMARY KEY, amount int NOT NULL, gone varchar(10) NULL, note varchar(20) NULL,
                 also_gone int NULL)",
        )
        .await;
    let rows: Vec<String> = (1..=ROWS).map(|id| format!("({id}, {AMOUNT}, 'x', 'first', {id})")).collect();
    line.source.run(&format!("INSERT INTO dbo.item VALUES {}", rows.join(", "))).await;
    line.replicate(&["dbo.item", "dbo.fence"]).await;
    line.drain().await;
    line
}

/// Writers that move amounts between rows, make rows and take them away again, and name no column that may go.
fn writers(database: &TestDatabase, seed: u64) -> Workload {
    Workload::start(database, 2, |task| {
        let mut rng = StdRng::seed_from_u64(seed * 10 + task);
        move || {
            let (from, to) = (rng.random_range(1..=ROWS), rng.random_range(1..=ROWS));
            let (some, new) = (rng.random_range(1..50), 100 + task * 1_000 + rng.random_range(0..30));
            format!(
                "SET XACT_ABORT ON; BEGIN TRAN;
                 UPDATE dbo.item SET amount = amount - {some} WHERE id = {from};
                 DELETE FROM dbo.item WHERE id = {new} AND amount = 0;
                 INSERT INTO dbo.item (id, amount, note) SELECT {new}, 0, 'n{some}' WHERE {some} % 2 = 0;
                 UPDATE dbo.item SET amount = amount + {some}, note = 'from {from}' WHERE id = {to};
                 COMMIT;"
            )
        }
    })
}

/// Looks at the subscriber all the while: no transaction is seen in part, so the amounts always add up.
struct Watcher {
    stop: Arc<AtomicBool>,
    task: JoinHandle<u64>,
}

impl Watcher {
    fn start(database: &TestDatabase) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (server, name, stopped) = (database.server.clone(), database.name.clone(), stop.clone());
        let task = tokio::spawn(async move {
            let mut db = server.connect(&name).await.unwrap();
            let mut looks = 0;
            while !stopped.load(Ordering::Relaxed) {
                let sql = "SELECT SUM(CAST(amount AS bigint)) FROM dbo.item WITH (TABLOCK, HOLDLOCK)";
                let rows = db.run(sql).await.unwrap_or_else(|e| panic!("the watcher failed: {e}"));
                assert_eq!(rows[0].get::<i64, _>(0), Some(ROWS * AMOUNT), "amounts were made or lost");
                looks += 1;
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            looks
        });
        Self { stop, task }
    }

    async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        assert!(self.task.await.unwrap() > 0);
    }
}

async fn assert_equal(line: &Line) {
    line.drain().await;
    assert!(line.assert_equal(ITEMS).await >= ROWS as u64);
    line.assert_equal(COLUMNS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_go_and_take_wider_types_under_load() {
    let line = line().await;
    let (writers, watcher) = (writers(&line.source, 1), Watcher::start(&line.target));
    for statement in [
        "ALTER TABLE dbo.item DROP COLUMN gone",
        "ALTER TABLE dbo.item ALTER COLUMN amount bigint NOT NULL",
        "ALTER TABLE dbo.item ALTER COLUMN note varchar(100)",
        "ALTER TABLE [dbo].[item] DROP COLUMN [also_gone]",
    ] {
        writers.makes(20).await;
        line.source.run(statement).await;
    }
    writers.makes(20).await;
    writers.stop().await;
    // What only the new types hold arrives.
    line.source.run("UPDATE dbo.item SET note = REPLICATE('w', 60), amount = 5000000000 WHERE id = 1").await;
    line.source.run("UPDATE dbo.item SET amount = amount - 5000000000 + 1000 WHERE id = 1").await;
    let sum = line.source.number("SELECT SUM(amount) FROM dbo.item").await;
    line.source.run(&format!("UPDATE dbo.item SET amount = amount + {} WHERE id = 2", ROWS * AMOUNT - sum)).await;
    watcher_free_end(line, watcher).await;
}

/// Ends the watcher before rows are compared that it does not know of.
async fn watcher_free_end(line: Line, watcher: Watcher) {
    watcher.stop().await;
    assert_equal(&line).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_schema_changes_of_one_transaction_arrive_with_its_rows() {
    let line = line().await;
    let writers = writers(&line.source, 2);
    writers.makes(20).await;
    line.source
        .run(
            "SET XACT_ABORT ON; BEGIN TRAN;
             UPDATE dbo.item SET note = 'before';
             ALTER TABLE dbo.item DROP COLUMN gone, also_gone;
             ALTER TABLE dbo.item ALTER COLUMN note varchar(100);
             UPDATE dbo.item SET note = note + REPLICATE('.', 50) WHERE id <= 10;
             DELETE FROM dbo.item WHERE id >= 100;
             ALTER TABLE dbo.item ALTER COLUMN amount bigint NOT NULL;
             COMMIT;",
        )
        .await;
    writers.makes(20).await;
    writers.stop().await;
    assert_equal(&line).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn schema_changes_that_are_not_replicated_leave_the_subscribers_table_alone() {
    let line = line().await;
    line.publisher_does(&["publication", "set", "--publication", "p", "--replicate-ddl", "off"]).await;
    line.source.run("ALTER TABLE dbo.item ALTER COLUMN note varchar(100)").await;
    line.source.run("ALTER TABLE dbo.item DROP COLUMN gone").await;
    line.source
        .run("UPDATE dbo.item SET note = 'later' WHERE id = 2; INSERT INTO dbo.item VALUES (50, 0, 'new', 1);")
        .await;
    line.drain().await;
    line.assert_equal("SELECT id, amount, note, also_gone FROM dbo.item ORDER BY id").await;
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.item WHERE gone = 'x'").await, ROWS);
    let length =
        "SELECT CAST(max_length AS int) FROM sys.columns WHERE object_id = OBJECT_ID('dbo.item') AND name = 'note'";
    assert_eq!(line.target.number(length).await, 20);
}

/// Arms a fault of the subscriber's next write to the table that a new definition is recorded in: in the middle of the switch, the
/// table is changed and its rows are not.
async fn arm(line: &Line, at: &str, action: &str) -> i64 {
    let object = if at == "write" { ", @object = N'subscription_part'" } else { "" };
    line.target
        .number(&format!(
            "EXEC sys.sp_sandbox_fault @at = N'{at}', @action = N'{action}', @application = N'replication subscriber'{object}"
        ))
        .await
}

async fn happened(line: &Line, fault: i64) {
    line.target.happened(fault).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_that_dies_in_the_middle_of_a_switch_does_it_again() {
    let mut line = line().await;
    let writers = writers(&line.source, 3);
    // Killed while it waits for an answer in the middle; its connection broken there; chosen as a deadlock's victim.
    for (statement, action) in [
        ("ALTER TABLE dbo.item DROP COLUMN gone", "stall"),
        ("ALTER TABLE dbo.item ALTER COLUMN amount bigint NOT NULL", "disconnect"),
        ("ALTER TABLE dbo.item DROP COLUMN also_gone", "error', @number = N'1205"),
    ] {
        writers.makes(10).await;
        let fault = arm(&line, "write", action).await;
        line.source.run(statement).await;
        happened(&line, fault).await;
        if action == "stall" {
            line.subscriber.take().unwrap().kill();
            line.target.run("EXEC sys.sp_sandbox_clear_faults").await;
            line.start_subscriber();
        }
        writers.makes(10).await;
    }
    writers.stop().await;
    assert_equal(&line).await;
    assert_eq!(
        line.target.number("SELECT COUNT(*) FROM [replication].subscription_part").await,
        5,
        "each definition is recorded once: two of the snapshot, three of the changes"
    );
}

/// Kills one of the roles and starts it again.
async fn kill_one(line: &mut Line, rng: &mut StdRng) {
    match rng.random_range(0..3) {
        0 => {
            line.publisher.take().unwrap().kill();
            line.start_publisher();
        }
        1 => {
            line.distributor.take().unwrap().kill();
            line.start_distributor().await;
        }
        _ => {
            line.subscriber.take().unwrap().kill();
            line.start_subscriber();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_role_may_be_killed_while_schemas_change() {
    let mut line = line().await;
    let mut rng = StdRng::seed_from_u64(35);
    let (writers, watcher) = (writers(&line.source, 4), Watcher::start(&line.target));
    let mut length = 20;
    for round in 0..8 {
        writers.makes(5).await;
        let statement = match round {
            2 => "ALTER TABLE dbo.item DROP COLUMN gone".to_owned(),
            5 => "ALTER TABLE dbo.item ALTER COLUMN amount bigint NOT NULL".to_owned(),
            _ => {
                length += 10;
                format!("ALTER TABLE dbo.item ALTER COLUMN note varchar({length})")
            }
        };
        line.source.run(&statement).await;
        for _ in 0..2 {
            // Whatever is on its way at that moment.
            tokio::time::sleep(std::time::Duration::from_millis(rng.random_range(0..120))).await;
            kill_one(&mut line, &mut rng).await;
        }
    }
    writers.makes(10).await;
    writers.stop().await;
    line.drain().await;
    watcher.stop().await;
    assert_equal(&line).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_cannot_follow_stops_the_subscription_until_it_is_mended() {
    let mut line = line().await;
    line.target.run("CREATE INDEX own ON dbo.item (gone)").await;
    line.source.run("UPDATE dbo.item SET note = 'before' WHERE id = 1").await;
    line.source.run("ALTER TABLE dbo.item DROP COLUMN gone").await;
    line.source.run("UPDATE dbo.item SET note = 'after' WHERE id = 2").await;
    let ended = line.subscriber.take().unwrap().ended().await;
    assert!(!ended.status.success());
    for part in ["dbo.item", "column gone", "5074", "position", "DROP COLUMN gone", "start the subscriber again"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    wait::until("the distributor to be told", async || {
        (line.status().await["subscriptions"][0]["state"] == "failed").then_some(())
    })
    .await;
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.item WHERE note = 'before'").await, 1);
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.item WHERE note = 'after'").await, 0);
    line.target.run("DROP INDEX own ON dbo.item").await;
    line.start_subscriber();
    assert_equal(&line).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_from_before_a_schema_change_can_still_be_used() {
    let mut line = line().await;
    line.source.run("ALTER TABLE dbo.item DROP COLUMN gone").await;
    line.source.run("UPDATE dbo.item SET note = 'after the snapshot' WHERE id = 7").await;
    line.drain().await;
    // The database is emptied and subscribed anew, from the snapshot that has the column still.
    line.subscriber.take().unwrap().kill();
    line.subscriber_does(&["subscription", "drop", "--subscription", "s"]).await;
    line.target.run("DROP TABLE dbo.item; DROP TABLE dbo.fence;").await;
    line.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", "p"]).await;
    line.start_subscriber();
    wait::until("the table to be loaded", async || {
        let mut db = line.target.connect().await;
        let rows = db.run("SELECT COUNT(*) FROM sys.tables WHERE name = 'fence'").await.ok()?;
        (rows[0].get::<i32, _>(0)? == 1).then_some(())
    })
    .await;
    assert_equal(&line).await;
}

/// The statements that add columns, of every way in which rows that are there get a value.
const ADDED: [&str; 4] = [
    "ALTER TABLE dbo.item ADD extra bigint NULL",
    "ALTER TABLE dbo.item ADD flag smallint NOT NULL CONSTRAINT DF_item_flag DEFAULT (7)",
    "ALTER TABLE dbo.item ADD long_note nvarchar(max) NULL",
    "ALTER TABLE dbo.item ADD token uniqueidentifier NOT NULL CONSTRAINT DF_item_token DEFAULT (NEWID())",
];

/// Columns of the article, as the publisher lists them.
async fn columns_published(line: &Line) -> usize {
    let articles = line.publisher_does(&["article", "list", "--publication", "p", "--output", "json"]).await;
    let articles: serde_json::Value = serde_json::from_str(&articles).unwrap();
    let item = articles.as_array().unwrap().iter().find(|a| a.to_string().contains("item")).unwrap();
    item["columns"].as_array().map_or(0, Vec::len)
}

/// Waits for new columns: they join at a place of their own, shortly after the statement, which a row committed meanwhile may overtake.
async fn columns_joined(line: &Line) {
    let count = "SELECT COUNT(*) FROM sys.columns WHERE object_id = OBJECT_ID(N'dbo.item')";
    let all = line.source.number(count).await;
    wait::until("all columns to join", async || (line.target.number(count).await == all).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_columns_arrive_with_their_values_under_load() {
    let line = line().await;
    let (writers, watcher) = (writers(&line.source, 5), Watcher::start(&line.target));
    for statement in ADDED {
        writers.makes(10).await;
        line.source.run(statement).await;
        writers.makes(10).await;
    }
    // Values that only the new columns can hold, for rows from before and since.
    line.source
        .run("UPDATE dbo.item SET extra = CAST(id AS bigint) * 10000000000, long_note = REPLICATE(CAST(N'ł' AS nvarchar(max)), 9000) WHERE id % 2 = 0")
        .await;
    line.source.run("INSERT INTO dbo.item (id, amount, flag) VALUES (60, 0, 9)").await;
    writers.makes(10).await;
    writers.stop().await;
    columns_joined(&line).await;
    line.drain().await;
    watcher.stop().await;
    assert_equal(&line).await;
    assert_eq!(
        line.target
            .number("SELECT COUNT(*) FROM dbo.item WHERE id <= 30 AND extra = CAST(id AS bigint) * 10000000000")
            .await,
        15
    );
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.item WHERE flag = 7 AND id <= 30").await, ROWS);
    assert!(columns_published(&line).await >= 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_role_may_be_killed_while_columns_come() {
    let mut line = line().await;
    let mut rng = StdRng::seed_from_u64(351);
    let (writers, watcher) = (writers(&line.source, 6), Watcher::start(&line.target));
    for statement in ADDED {
        writers.makes(5).await;
        line.source.run(statement).await;
        for _ in 0..2 {
            // Whatever is on its way at that moment.
            tokio::time::sleep(std::time::Duration::from_millis(rng.random_range(0..250))).await;
            kill_one(&mut line, &mut rng).await;
        }
    }
    writers.makes(10).await;
    writers.stop().await;
    columns_joined(&line).await;
    line.drain().await;
    watcher.stop().await;
    assert_equal(&line).await;
}
