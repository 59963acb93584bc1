//! A publication of type snapshot: all rows anew with each snapshot, without change data capture, and readers at the subscriber see all of
//! one refresh or all of another.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use tests::line::{At, Line, succeeded};
use tests::process::{Process, run};
use tests::unanswered::Way;
use tests::wait;

const ROWS: i64 = 3_000;
const SUBSCRIBER: &str = "replication subscriber";

/// Two tables at the publisher, the child half as long.
async fn line() -> Line {
    let line = Line::start_on_sandboxes().await;
    line.source
        .run(&format!(
            "CREATE TABLE dbo.product (id int NOT NULL CONSTRAINT PK_product PRIMARY KEY, refresh int NOT NULL, name nvarchar(40) NULL);
             CREATE INDEX IX_product_refresh ON dbo.product (refresh);
             CREATE TABLE dbo.price (id int NOT NULL CONSTRAINT PK_price PRIMARY KEY CONSTRAINT FK_price_product FOREIGN KEY
                 REFERENCES dbo.product (id), refresh int NOT NULL, amount decimal(9, 2) NOT NULL);
             WITH digits AS (SELECT d FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) AS v (d))
             INSERT INTO dbo.product (id, refresh, name)
                 SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 1, 0, N'ball'
                 FROM digits AS a CROSS JOIN digits AS b CROSS JOIN digits AS c CROSS JOIN digits AS e
                 WHERE a.d + 10 * b.d + 100 * c.d + 1000 * e.d < {ROWS};
             INSERT INTO dbo.price SELECT id, refresh, 9.99 FROM dbo.product WHERE id % 2 = 0;"
        ))
        .await;
    line.publisher_does(&["publication", "add", "--publication", "p", "--type", "snapshot"]).await;
    for table in ["dbo.product", "dbo.price"] {
        let said = line.publisher_does(&["article", "add", "--publication", "p", "--table", table]).await;
        assert!(said.contains("3 columns, with each snapshot"), "{said}");
    }
    line.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", "p"]).await;
    line
}

/// How often a fault has happened since they were last cleared.
async fn fired(line: &Line) -> i64 {
    let rows = line.target.connect().await.run("EXEC sys.sp_sandbox_faults").await.unwrap();
    rows.iter().map(|row| row.get::<i64, _>("fired").unwrap_or(0)).sum()
}

const SNAPSHOT: [&str; 5] = ["snapshot", "--publication", "p", "--rows-per-file", "500"];

async fn assert_equal(line: &Line) {
    for table in ["product", "price"] {
        line.assert_equal(&format!("SELECT * FROM dbo.{table} ORDER BY id")).await;
    }
}

/// At the subscriber: rows, lowest and highest refresh of a table.
async fn seen(client: &mut sqlserver::Client, table: &str) -> [i64; 3] {
    let sql =
        format!("SELECT COUNT_BIG(*), CAST(MIN(refresh) AS bigint), CAST(MAX(refresh) AS bigint) FROM dbo.{table}");
    let rows = client.query("looking", &sql, &[]).await.unwrap();
    let number = |value: &proto::Value| match value {
        proto::Value::I64(n) => *n,
        other => panic!("{other:?}"),
    };
    [number(&rows[0][0]), number(&rows[0][1]), number(&rows[0][2])]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refresh_is_seen_whole_or_not_at_all() {
    let mut line = line().await;
    let captured = "SELECT COUNT(*) FROM sys.databases WHERE name = DB_NAME() AND is_cdc_enabled = 1";
    assert_eq!(line.source.number(captured).await, 0, "nothing is captured for such a publication");
    line.publisher_does(&SNAPSHOT).await;
    line.subscriber_does(&["run", "--once"]).await;
    assert_equal(&line).await;
    let made = "SELECT COUNT(*) FROM sys.indexes WHERE name IN ('PK_product', 'PK_price', 'IX_product_refresh')";
    assert_eq!(line.target.number(made).await, 3);
    let keys = "SELECT COUNT(*) FROM sys.foreign_keys WHERE name = 'FK_price_product' AND parent_object_id = OBJECT_ID('dbo.price') \
                AND referenced_object_id = OBJECT_ID('dbo.product')";
    assert_eq!(line.target.number(keys).await, 1);
    line.target.run("CREATE ROLE shops; GRANT SELECT ON dbo.product TO shops;").await;

    let done = Arc::new(AtomicBool::new(false));
    let last = Arc::new([AtomicI64::new(0), AtomicI64::new(0)]);
    let mut readers = tokio::task::JoinSet::new();
    for (i, (table, rows)) in [("product", ROWS), ("price", ROWS / 2)].into_iter().enumerate() {
        let (mut client, done, last) = (line.target.client().await, done.clone(), last.clone());
        readers.spawn(async move {
            while !done.load(Ordering::Relaxed) {
                let [count, first, latest] = seen(&mut client, table).await;
                assert_eq!(count, rows, "{table} was seen with another number of rows");
                assert_eq!(first, latest, "{table} was seen with rows of two refreshes");
                assert!(latest >= last[i].load(Ordering::Relaxed), "{table} went back");
                last[i].store(latest, Ordering::Relaxed);
            }
        });
    }
    line.start_subscriber();
    for refresh in 1..=3 {
        let sql = format!("UPDATE dbo.product SET refresh = {refresh}; UPDATE dbo.price SET refresh = {refresh};");
        line.source.run(&sql).await;
        line.publisher_does(&SNAPSHOT).await;
        wait::until("both tables are those of the new snapshot", async || {
            last.iter().all(|seen| seen.load(Ordering::Relaxed) == refresh).then_some(())
        })
        .await;
    }
    done.store(true, Ordering::Relaxed);
    while let Some(reader) = readers.join_next().await {
        reader.unwrap();
    }
    // Status says which rows are there, and again and again that somebody looks for newer ones.
    let snapshots = line.publisher_does(&["snapshot", "list", "--output", "json"]).await;
    let snapshots: serde_json::Value = serde_json::from_str(&snapshots).unwrap();
    let newest = snapshots.as_array().unwrap().iter().map(|s| s["created_at"].as_i64().unwrap()).max().unwrap();
    let reported = async || {
        let shown = &line.status().await["subscriptions"][0];
        (shown["rows_of"] == newest).then(|| shown["reported_at"].as_i64().unwrap())
    };
    let then = wait::until("the newest snapshot shows in status", reported).await;
    wait::until("the subscriber reports although nothing is new", async || reported().await.filter(|at| *at > then))
        .await;
    line.subscriber.take().unwrap().terminate().await;
    assert_equal(&line).await;
    assert_eq!(line.target.number(made).await, 3);
    assert_eq!(line.target.number(keys).await, 1);
    let granted =
        "SELECT COUNT(*) FROM sys.database_permissions WHERE major_id = OBJECT_ID('dbo.product') AND class = 1";
    assert_eq!(line.target.number(granted).await, 1, "what was granted stays");
    let left = "SELECT COUNT(*) FROM sys.tables AS t JOIN sys.schemas AS s ON s.schema_id = t.schema_id \
                WHERE s.name LIKE 'replication.new.%'";
    assert_eq!(line.target.number(left).await, 0, "nothing waits any more");
    // Nothing newer: there is nothing to do.
    line.subscriber_does(&["run", "--once"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_table_comes_as_it_is_with_the_next_snapshot() {
    let line = line().await;
    line.publisher_does(&SNAPSHOT).await;
    line.subscriber_does(&["run", "--once"]).await;
    line.source.run("ALTER TABLE dbo.product ADD colour varchar(10) NULL;").await;
    line.source
        .run("UPDATE dbo.product SET colour = 'red', refresh = 1 WHERE id < 10; DELETE FROM dbo.price WHERE id > 100;")
        .await;
    line.publisher_does(&SNAPSHOT).await;
    line.subscriber_does(&["run", "--once"]).await;
    assert_equal(&line).await;
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.product WHERE colour = 'red'").await, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_is_killed_goes_on_and_the_old_rows_stay_until_then() {
    let mut line = line().await;
    line.publisher_does(&SNAPSHOT).await;
    line.subscriber_does(&["run", "--once"]).await;
    line.source.run("UPDATE dbo.product SET refresh = 1; UPDATE dbo.price SET refresh = 1;").await;
    line.publisher_does(&SNAPSHOT).await;
    let mut hit = 0;
    for n in (0..).step_by(7) {
        let arm = format!(
            "EXEC sys.sp_sandbox_fault @at = N'statement', @action = N'stall', @application = N'{SUBSCRIBER}', @after = {n}"
        );
        line.target.number(&arm).await;
        line.start_subscriber();
        let mut stalled = false;
        wait::until("the subscriber to stall or to be done", async || {
            stalled = fired(&line).await > 0;
            // A table that is about to be replaced is locked.
            let refreshed = "SET LOCK_TIMEOUT 0; SELECT MIN(refresh) FROM dbo.price";
            let rows = line.target.connect().await.run(refreshed).await.unwrap_or_default();
            let done = rows.first().is_some_and(|row| row.get::<i32, _>(0) == Some(1));
            (stalled || done).then_some(())
        })
        .await;
        line.subscriber.take().unwrap().kill();
        line.target.run("EXEC sys.sp_sandbox_clear_faults").await;
        if !stalled {
            break;
        }
        hit += 1;
        // The old rows, all of them, or, past the switch, the new ones.
        let mut client = line.target.client().await;
        for (table, rows) in [("product", ROWS), ("price", ROWS / 2)] {
            let [count, first, last] = seen(&mut client, table).await;
            assert_eq!((count, first), (rows, last), "{table} after kill {hit}");
        }
    }
    assert!(hit >= 5, "it was killed {hit} times only");
    line.subscriber_does(&["run", "--once"]).await;
    assert_equal(&line).await;
}

/// Starts the subscriber, which stalls in the middle of its load.
async fn start_stalling(line: &mut Line) {
    stall(line).await;
    line.start_subscriber();
}

/// Lets the next load stall in the middle.
async fn stall(line: &Line) {
    let arm = format!(
        "EXEC sys.sp_sandbox_fault @at = N'bulk_row', @action = N'stall', @application = N'{SUBSCRIBER}', @after = 600"
    );
    line.target.number(&arm).await;
}

/// While new tables wait under names of ours, people are told of them by the names that they will have.
#[tokio::test(flavor = "multi_thread")]
async fn tables_that_wait_are_shown_by_their_own_names() {
    let mut line = line().await;
    line.publisher_does(&SNAPSHOT).await;
    start_stalling(&mut line).await;
    let loading = wait::until("tables to be loaded", async || {
        let loading = line.status().await["subscriptions"][0]["loading"].clone();
        loading[0]["rows"].as_u64().is_some_and(|rows| rows > 0).then_some(loading)
    })
    .await;
    let tables: Vec<_> = loading.as_array().unwrap().iter().map(|table| table["table"].as_str().unwrap()).collect();
    assert_eq!(tables.len(), 2);
    assert!(tables.contains(&"dbo.product") && tables.contains(&"dbo.price"), "{tables:?}");
    line.target.run("EXEC sys.sp_sandbox_clear_faults").await;
    line.subscriber.as_ref().unwrap().says("loaded dbo.product: 3000 rows, ").await;
    line.subscriber.as_ref().unwrap().says("refreshed").await;
    let said = line.subscriber.take().unwrap().terminate().await.stderr;
    assert!(said.contains("loaded dbo.price: 1500 rows, ") && !said.contains("replication.new"), "{said}");
    assert_equal(&line).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_brings_the_rows_of_now_also_after_one_that_was_killed_when_all_was_read() {
    let line = line().await;
    let way = Way::open().await;
    let mut command = line.command("publisher", At::Source);
    command.env("REPL_DISTRIBUTOR", way.address.to_string()).args(SNAPSHOT);
    let agent = Process::start("publisher-snapshot", command, line.folder());
    let is_whole = async || {
        let mut folders = std::fs::read_dir(line.path("snapshots")).unwrap();
        folders.any(|folder| folder.unwrap().path().join("manifest.json").exists())
    };
    let unanswered = way.pass_until(&line, is_whole).await;
    agent.kill();
    drop(unanswered);
    line.source.run("UPDATE dbo.product SET refresh = 1; UPDATE dbo.price SET refresh = 1;").await;
    line.publisher_does(&SNAPSHOT).await;
    line.subscriber_does(&["run", "--once"]).await;
    assert_equal(&line).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_such_a_publication_cannot_have_is_refused() {
    let line = line().await;
    line.source.run("CREATE TABLE dbo.other (id int NOT NULL PRIMARY KEY)").await;
    for (arguments, why) in [
        (vec!["tracer", "post", "--publication", "p"], "type snapshot"),
        (vec!["article", "set", "--publication", "p", "--table", "dbo.price", "--filter", "id > 1"], "type snapshot"),
        (vec!["snapshot", "--publication", "p", "--cron", "60 * * * *"], "five fields"),
        (vec!["snapshot", "--publication", "p", "--cron", "0 2 * * *", "--every", "1h"], "cannot be used with"),
        (vec!["snapshot", "--publication", "p", "--every", "0s"], "longer than 0"),
        (vec!["snapshot", "--publication", "p", "--article", "dbo.price"], "without --article"),
        (
            vec!["article", "add", "--publication", "p", "--table", "dbo.other", "--schema-options", "all"],
            "all,-user-triggers",
        ),
    ] {
        let outcome = line.publisher_tries(&arguments).await;
        assert!(!outcome.status.success() && outcome.stderr.contains(why), "{arguments:?}: {outcome:?}");
    }
    let add =
        ["subscription", "add", "--subscription", "t", "--publication", "p", "--sync-type", "replication-support-only"];
    let outcome = line.subscriber_tries(&add).await;
    assert!(!outcome.status.success() && outcome.stderr.contains("snapshot"), "{outcome:?}");
    // A table with rows of somebody else is not replaced unasked.
    line.target.run("CREATE TABLE dbo.price (id int NOT NULL PRIMARY KEY); INSERT INTO dbo.price VALUES (1);").await;
    line.publisher_does(&SNAPSHOT).await;
    let outcome = line.subscriber_tries(&["run", "--once"]).await;
    assert!(!outcome.status.success() && outcome.stderr.contains("dbo.price"), "{outcome:?}");
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.price").await, 1);
    // A foreign key of a table that is not published holds the old one in its place.
    line.target.run("DROP TABLE dbo.price;").await;
    line.subscriber_does(&["run", "--once"]).await;
    line.target.run("CREATE TABLE dbo.stock (id int NOT NULL PRIMARY KEY REFERENCES dbo.product (id));").await;
    line.publisher_does(&SNAPSHOT).await;
    let outcome = line.subscriber_tries(&["run", "--once"]).await;
    assert!(!outcome.status.success() && outcome.stderr.contains("drop that foreign key"), "{outcome:?}");
    assert_equal(&line).await;
    line.target.run("DROP TABLE dbo.stock;").await;
    line.subscriber_does(&["run", "--once"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_takes_one_snapshot_after_the_other() {
    let line = line().await;
    let mut command = line.command("publisher", At::Source);
    command.args(SNAPSHOT).args(["--every", "100ms"]);
    let agent = Process::start("scheduled", command, line.folder());
    agent.line("snapshot ").await;
    let folders = || std::fs::read_dir(line.path("snapshots")).map_or(0, Iterator::count);
    wait::until("three snapshots", async || (folders() >= 3).then_some(())).await;
    assert!(agent.is_running());
    agent.terminate().await;
    succeeded(
        run(
            "once",
            {
                let mut c = line.command("subscriber", At::Target);
                c.args(["run", "--once"]);
                c
            },
            line.folder(),
        )
        .await,
    );
    assert_equal(&line).await;
}

/// Its schema need not be there, and tables that were there before are only replaced where the article says so, whenever it was added.
#[tokio::test(flavor = "multi_thread")]
async fn new_tables_come_into_schemas_that_are_missing_and_not_in_the_place_of_somebody_elses() {
    let line = line().await;
    line.source.run("EXEC(N'CREATE SCHEMA [price lists]')").await;
    line.source.run("CREATE TABLE [price lists].winter (id int NOT NULL PRIMARY KEY); INSERT INTO [price lists].winter VALUES (1);").await;
    line.publisher_does(&["article", "add", "--publication", "p", "--table", "[price lists].winter"]).await;
    line.publisher_does(&SNAPSHOT).await;
    line.subscriber_does(&["run", "--once"]).await;
    assert_equal(&line).await;
    line.assert_equal("SELECT * FROM [price lists].winter").await;
    // Now the subscription is active, and an article comes whose table is somebody else's.
    line.target.run("CREATE TABLE dbo.late (id int NOT NULL PRIMARY KEY); INSERT INTO dbo.late VALUES (77);").await;
    line.source.run("CREATE TABLE dbo.late (id int NOT NULL PRIMARY KEY); INSERT INTO dbo.late VALUES (1);").await;
    line.source.run("UPDATE dbo.product SET refresh = 1;").await;
    line.publisher_does(&["article", "add", "--publication", "p", "--table", "dbo.late"]).await;
    line.publisher_does(&SNAPSHOT).await;
    for _ in 0..2 {
        let outcome = line.subscriber_tries(&["run", "--once"]).await;
        assert!(!outcome.status.success() && outcome.stderr.contains("dbo.late"), "{outcome:?}");
        assert_eq!(line.target.number("SELECT id FROM dbo.late").await, 77);
        assert_eq!(line.target.number("SELECT MAX(refresh) FROM dbo.product").await, 0);
    }
    line.target.run("DROP TABLE dbo.late;").await;
    line.subscriber_does(&["run", "--once"]).await;
    assert_equal(&line).await;
    line.assert_equal("SELECT * FROM dbo.late").await;
    // From now on that is one of the subscription's own.
    line.source.run("INSERT INTO dbo.late VALUES (2);").await;
    line.publisher_does(&SNAPSHOT).await;
    line.subscriber_does(&["run", "--once"]).await;
    line.assert_equal("SELECT * FROM dbo.late ORDER BY id").await;
}

/// A foreign key that is switched off holds its tables as one that is on does.
#[tokio::test(flavor = "multi_thread")]
async fn tables_with_disabled_foreign_keys_are_replaced_again_and_again() {
    let line = line().await;
    line.source.run("ALTER TABLE dbo.price NOCHECK CONSTRAINT FK_price_product").await;
    for refresh in 0..3 {
        line.source.run(&format!("UPDATE dbo.product SET refresh = {refresh}")).await;
        line.publisher_does(&SNAPSHOT).await;
        line.subscriber_does(&["run", "--once"]).await;
        assert_equal(&line).await;
        let off = "SELECT COUNT(*) FROM sys.foreign_keys WHERE name = 'FK_price_product' AND is_disabled = 1";
        assert_eq!(line.target.number(off).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_is_dropped_in_the_middle_of_a_load_leaves_no_tables_that_wait() {
    let mut line = line().await;
    line.publisher_does(&SNAPSHOT).await;
    start_stalling(&mut line).await;
    wait::until("the load to stall", async || (fired(&line).await > 0).then_some(())).await;
    line.subscriber.take().unwrap().kill();
    line.target.run("EXEC sys.sp_sandbox_clear_faults").await;
    let left = "SELECT COUNT(*) FROM sys.tables AS t JOIN sys.schemas AS s ON s.schema_id = t.schema_id \
                WHERE s.name LIKE 'replication.new.%'";
    assert_eq!(line.target.number(left).await, 2);
    line.subscriber_does(&["subscription", "drop", "--subscription", "s"]).await;
    assert_eq!(line.target.number(left).await, 0);
}

/// Where snapshots come faster than they are loaded, and nobody keeps those that have been followed by others.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_goes_while_it_is_loaded_stops_nothing() {
    let mut line = line().await;
    line.distributor.take().unwrap().terminate().await;
    line.start_distributor_with(&["--snapshot-retention", "0s"]).await;
    line.publisher_does(&SNAPSHOT).await;
    let folder = line.path("snapshots");
    let folders = || names(&folder);
    // The first load keeps its snapshot.
    start_stalling(&mut line).await;
    wait::until("the load to stall", async || (fired(&line).await > 0).then_some(())).await;
    let first = folders();
    assert_eq!(line.status().await["subscriptions"][0]["state"], "initializing");
    line.publisher_does(&SNAPSHOT).await;
    assert!(folders().is_superset(&first) && folders().len() == 2);
    line.target.run("EXEC sys.sp_sandbox_clear_faults").await;
    let refreshed = |refresh: i64| {
        format!("SELECT COUNT(*) FROM dbo.price WHERE refresh = {refresh} HAVING COUNT(*) = {}", ROWS / 2)
    };
    line.subscriber.as_ref().unwrap().says("refreshed").await;
    // A later one goes, and the newest is loaded.
    stall(&line).await;
    line.source.run("UPDATE dbo.product SET refresh = 1; UPDATE dbo.price SET refresh = 1;").await;
    line.publisher_does(&SNAPSHOT).await;
    wait::until("the load to stall", async || (fired(&line).await > 0).then_some(())).await;
    let loading = folders();
    line.source.run("UPDATE dbo.product SET refresh = 2; UPDATE dbo.price SET refresh = 2;").await;
    line.publisher_does(&SNAPSHOT).await;
    assert!(folders().is_disjoint(&loading));
    line.target.run("EXEC sys.sp_sandbox_clear_faults").await;
    wait::until("the newest rows", async || {
        let rows = line.target.connect().await.run(&refreshed(2)).await.unwrap_or_default();
        (!rows.is_empty()).then_some(())
    })
    .await;
    assert_equal(&line).await;
    line.subscriber.take().unwrap().terminate().await;
}

fn names(folder: &Path) -> BTreeSet<String> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
