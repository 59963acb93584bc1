//! The row filter of a live article changes at one place in the log: the rows that it leaves out vanish there, and every change since is
//! judged by it; under load, whoever dies meanwhile. Where rows would have to be sent, nothing changes and it is said what is needed.

#![allow(clippy::unwrap_used)]

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tests::line::{At, Line, succeeded};
use tests::process::{Outcome, Process};
use tests::server::TestDatabase;
use tests::wait;
use tests::workload::Workload;

/// The filter at first.
const FIRST: &str = "amount >= 10";
const NORTH: &str = "amount >= 10 AND region = 'north'";
const ARRIVED: &str = "SELECT * FROM dbo.sales ORDER BY id";

fn selected(filter: &str) -> String {
    format!("SELECT * FROM dbo.sales WHERE {filter} ORDER BY id")
}

/// Rows 1 to 60 that writers change, and 1001 to 1008 that nobody touches.
async fn filtered() -> Line {
    let mut line = Line::start_on_sandboxes().await;
    line.make_fence().await;
    line.source
        .run("CREATE TABLE dbo.sales (id int NOT NULL PRIMARY KEY, region varchar(10) NULL, amount int NOT NULL, note nvarchar(40) NULL)")
        .await;
    let regions = ["'north'", "'south'", "NULL", "'NORTH'"];
    let row = |id: i64| format!("({id}, {}, {}, N'first')", regions[(id % 4) as usize], 1_000 + id);
    let rows: Vec<String> = (1..=60).chain(1_001..=1_008).map(row).collect();
    line.source.run(&format!("INSERT INTO dbo.sales VALUES {}, (2000, 'north', 9, N'out')", rows.join(", "))).await;
    line.publish("p", &["dbo.fence"]).await;
    line.publisher_does(&["article", "add", "--publication", "p", "--table", "dbo.sales", "--filter", FIRST]).await;
    line.start_publisher();
    line.publisher_does(&["snapshot", "--publication", "p"]).await;
    line.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", "p"]).await;
    line.start_subscriber();
    line.drain().await;
    line
}

const SET: [&str; 6] = ["article", "set", "--publication", "p", "--table", "dbo.sales"];

async fn set(line: &Line, filter: &str) -> Outcome {
    line.publisher_tries(&[&SET[..], &["--filter", filter]].concat()).await
}

/// The same, while something else is done.
fn setting(line: &Line, filter: &str) -> Process {
    let mut command = line.command("publisher", At::Source);
    command.args(SET).args(["--filter", filter]);
    Process::start("publisher-article-set", command, line.folder())
}

/// The filter as it is listed.
async fn listed(line: &Line) -> Option<String> {
    let articles = line.publisher_does(&["article", "list", "--publication", "p", "--output", "json"]).await;
    let articles: serde_json::Value = serde_json::from_str(&articles).unwrap();
    let sales = articles.as_array().unwrap().iter().find(|a| a["table"] == "dbo.sales").unwrap();
    sales["filter"].as_str().map(str::to_owned)
}

/// Rows at the subscriber that a filter does not select.
async fn outside(line: &Line, filter: &str) -> i64 {
    line.target.number(&format!("SELECT COUNT(*) FROM dbo.sales WHERE CASE WHEN {filter} THEN 1 ELSE 0 END = 0")).await
}

/// Two writers by whom rows come, go, and pass in and out of filters, by amount and by region.
fn writers(database: &TestDatabase, seed: u64) -> Workload {
    Workload::start(database, 2, |task| {
        let mut rng = StdRng::seed_from_u64(seed * 10 + task);
        move || {
            // Each writer has rows of its own, so that none waits for the other.
            let mut row = || 2 * rng.random_range(0..30) + 1 + task as i64;
            let (a, b, c, d) = (row(), row(), row(), row());
            let (amount, new) = (rng.random_range(0..40), 100 + 2 * rng.random_range(0..20) + task as i64);
            let region = ["'north'", "'south'", "NULL"][rng.random_range(0..3)];
            format!(
                "SET XACT_ABORT ON; BEGIN TRAN;
                 UPDATE dbo.sales SET amount = {amount} WHERE id = {a};
                 UPDATE dbo.sales SET region = {region}, note = N'moved' WHERE id = {b};
                 DELETE FROM dbo.sales WHERE id = {new};
                 INSERT INTO dbo.sales SELECT {new}, {region}, {amount}, N'new' WHERE {amount} % 3 > 0;
                 UPDATE dbo.sales SET amount = amount + 1 WHERE id IN ({c}, {d});
                 COMMIT;"
            )
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrower_filter_takes_rows_away_at_one_place_and_holds_from_there_on_under_load() {
    let mut line = filtered().await;
    assert_eq!(outside(&line, NORTH).await, 34);
    let writers = writers(&line.source, 1);
    writers.makes(20).await;
    let said = succeeded(set(&line, NORTH).await);
    assert!(said.contains("in force from position"), "{said}");
    assert_eq!(listed(&line).await.as_deref(), Some(NORTH));
    line.drain().await;
    for _ in 0..5 {
        assert_eq!(outside(&line, NORTH).await, 0, "what passes now is judged by the new filter");
        writers.makes(10).await;
    }
    writers.stop().await;
    line.drain().await;
    assert!(line.assert_agrees(&selected(NORTH), ARRIVED).await >= 4);
    // In and out since, one by one: the region, the amount, NULL.
    for change in [
        "UPDATE dbo.sales SET region = 'north' WHERE id = 1001",
        "UPDATE dbo.sales SET region = NULL WHERE id = 1004",
        "UPDATE dbo.sales SET amount = 9 WHERE id = 1008",
        "DELETE FROM dbo.sales WHERE id = 1005",
        "UPDATE dbo.sales SET id = 1010, region = 'north' WHERE id = 1006",
    ] {
        line.source.run(change).await;
    }
    line.drain().await;
    line.assert_agrees(&selected(NORTH), ARRIVED).await;
    // A snapshot from before the change is still of use, and so is one of after it.
    for _ in 0..2 {
        line.subscriber.take().unwrap().kill();
        line.subscriber_does(&["subscription", "drop", "--subscription", "s"]).await;
        line.target.run("DROP TABLE dbo.sales; DROP TABLE dbo.fence;").await;
        line.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", "p"]).await;
        line.start_subscriber();
        wait::until("the tables to be loaded", async || {
            let mut db = line.target.connect().await;
            let rows = db.run("SELECT COUNT(*) FROM sys.tables WHERE name IN ('fence', 'sales')").await.ok()?;
            (rows[0].get::<i32, _>(0)? == 2).then_some(())
        })
        .await;
        line.drain().await;
        line.assert_agrees(&selected(NORTH), ARRIVED).await;
        line.publisher_does(&["snapshot", "--publication", "p"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_with_rows_that_the_subscribers_lack_is_refused_and_nothing_changes() {
    let line = filtered().await;
    for (filter, rows) in
        [("amount >= 9", "1 row of dbo.sales"), ("amount < 10 OR region IS NULL", "1 row of dbo.sales")]
    {
        let refused = set(&line, filter).await;
        assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
        for part in [rows, "dbo.sales", "nothing was changed", "article drop", "new snapshot"] {
            assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
        }
    }
    let refused = line.publisher_tries(&[&SET[..], &["--no-filter"]].concat()).await;
    assert!(!refused.status.success() && refused.stderr.contains("1 row of dbo.sales"), "{}", refused.stderr);
    assert_eq!(listed(&line).await.as_deref(), Some(FIRST));
    assert_eq!(line.source.number("SELECT COUNT(*) FROM [replication].marker WHERE kind = 'filter'").await, 0);
    // Nothing is left of it that would keep a snapshot from being taken.
    line.publisher_does(&["snapshot", "--publication", "p"]).await;

    // The same filters are taken where no row enters.
    line.source.run("UPDATE dbo.sales SET amount = 10 WHERE id = 2000").await;
    succeeded(set(&line, "amount >= 5").await);
    line.source.run("INSERT INTO dbo.sales VALUES (2001, NULL, 7, N'wider'), (2002, NULL, 4, N'out')").await;
    line.source.run("UPDATE dbo.sales SET amount = 6 WHERE id = 2000").await;
    line.drain().await;
    assert!(line.assert_agrees(&selected("amount >= 5"), ARRIVED).await >= 70);
    line.source.run("DELETE FROM dbo.sales WHERE amount < 5").await;
    succeeded(line.publisher_tries(&[&SET[..], &["--no-filter"]].concat()).await);
    assert_eq!(listed(&line).await, None);
    line.source.run("INSERT INTO dbo.sales VALUES (2002, NULL, 1, N'all')").await;
    line.drain().await;
    line.assert_equal(ARRIVED).await;
    let same = succeeded(line.publisher_tries(&[&SET[..], &["--no-filter"]].concat()).await);
    assert!(same.contains("that already"), "{same}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_cannot_be_is_refused_with_the_reason() {
    let line = filtered().await;
    line.source.run("CREATE TABLE dbo.part (id int NOT NULL PRIMARY KEY, a int NULL, secret int NULL)").await;
    line.publisher_does(&["publication", "add", "--publication", "q"]).await;
    let add = ["article", "add", "--publication", "q", "--table", "dbo.part", "--columns", "id,a"];
    line.publisher_does(&add).await;
    for (publication, table, filter, why) in [
        ("p", "dbo.sales", "colour = 1", "colour"),
        ("p", "dbo.sales", "amount > (SELECT 1)", "SELECT"),
        ("p", "dbo.nowhere", "amount > 1", "no article of table dbo.nowhere"),
        ("r", "dbo.sales", "amount > 1", "no publication r"),
        ("q", "dbo.part", "secret = 1", "secret, which is not published"),
    ] {
        let refused = line
            .publisher_tries(&["article", "set", "--publication", publication, "--table", table, "--filter", filter])
            .await;
        assert_eq!(refused.status.code(), Some(1), "{filter}: {}", refused.stderr);
        assert!(refused.stderr.contains(why), "{why}: {}", refused.stderr);
    }
    for usage in [&[][..], &["--filter", "amount > 1", "--no-filter"][..]] {
        let refused = line.publisher_tries(&[&SET[..], usage].concat()).await;
        assert_eq!(refused.status.code(), Some(2), "{usage:?}: {}", refused.stderr);
    }
    assert_eq!(listed(&line).await.as_deref(), Some(FIRST));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_reader_that_is_away_carries_the_change_out_when_it_comes_back() {
    let mut line = filtered().await;
    line.publisher.take().unwrap().kill();
    wait::until("the log reader to be missed", async || {
        line.status().await["databases"][0]["log_reader"].is_null().then_some(())
    })
    .await;
    let setting = setting(&line, NORTH);
    wait::until("the marker to be written", async || {
        let markers = "SELECT COUNT(*) FROM [replication].marker WHERE kind = 'filter'";
        (line.source.number(markers).await == 1).then_some(())
    })
    .await;
    assert!(setting.stdout().contains("no log reader"), "{}", setting.stdout());
    // Changes after the place where the filter changes, which is not known to anybody yet.
    line.source.run("UPDATE dbo.sales SET region = 'north' WHERE id = 1001").await;
    line.source.run("UPDATE dbo.sales SET region = 'south' WHERE id = 1004").await;
    let refused = line.publisher_tries(&["snapshot", "--publication", "p"]).await;
    assert!(!refused.status.success() && refused.stderr.contains("is being changed"), "{}", refused.stderr);
    assert_eq!(listed(&line).await.as_deref(), Some(FIRST));
    // Whoever asked for it need not be there any more.
    setting.kill();
    line.start_publisher();
    line.drain().await;
    assert_eq!(listed(&line).await.as_deref(), Some(NORTH));
    line.assert_agrees(&selected(NORTH), ARRIVED).await;
    line.publisher_does(&["snapshot", "--publication", "p"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marker_whose_change_was_taken_back_or_replaced_does_nothing() {
    let mut line = filtered().await;
    line.publisher.take().unwrap().kill();
    let markers = async |wanted: i64| {
        wait::until("the marker to be written", async || {
            let markers = "SELECT COUNT(*) FROM [replication].marker WHERE kind = 'filter'";
            (line.source.number(markers).await == wanted).then_some(())
        })
        .await;
    };
    let first = setting(&line, NORTH);
    markers(1).await;
    first.kill();
    // Back to what it is: the first change is not wanted any more.
    let same = succeeded(set(&line, FIRST).await);
    assert!(same.contains("that already"), "{same}");
    let second = setting(&line, "amount >= 20");
    markers(2).await;
    let third = setting(&line, "amount >= 1002");
    markers(3).await;
    line.start_publisher();
    let (second, third) = (second.ended().await, third.ended().await);
    assert_eq!(second.status.code(), Some(1), "{}", second.stdout);
    assert!(second.stderr.contains("another change of the article came between"), "{}", second.stderr);
    succeeded(third);
    line.drain().await;
    assert_eq!(line.assert_agrees(&selected("amount >= 1002"), ARRIVED).await, 67);
    assert_eq!(
        line.target.number("SELECT COUNT(*) FROM [replication].subscription_part").await,
        3,
        "two of the snapshot, one of the only change"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn log_reader_and_subscriber_may_be_killed_while_filters_change() {
    let mut line = filtered().await;
    let mut rng = StdRng::seed_from_u64(22);
    let writers = writers(&line.source, 2);
    let mut last = String::new();
    for round in 1..=6 {
        writers.makes(5).await;
        last = format!("amount >= {}", 10 + round);
        let setting = setting(&line, &last);
        for _ in 0..2 {
            // Whatever is on its way at that moment.
            tokio::time::sleep(std::time::Duration::from_millis(rng.random_range(0..300))).await;
            if rng.random_range(0..4) == 0 {
                line.subscriber.take().unwrap().kill();
                line.start_subscriber();
            } else {
                line.publisher.take().unwrap().kill();
                line.start_publisher();
            }
        }
        succeeded(setting.ended().await);
        assert_eq!(listed(&line).await.as_ref(), Some(&last));
    }
    writers.makes(10).await;
    writers.stop().await;
    line.drain().await;
    line.assert_agrees(&selected(&last), ARRIVED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_key_that_forbids_it_stops_the_subscription_until_it_is_mended() {
    let mut line = filtered().await;
    line.target
        .run(
            "CREATE TABLE dbo.own (id int NOT NULL PRIMARY KEY, sale int NOT NULL CONSTRAINT fk_own FOREIGN KEY REFERENCES dbo.sales (id));
             INSERT INTO dbo.own VALUES (1, 1001);",
        )
        .await;
    succeeded(set(&line, NORTH).await);
    let ended = line.subscriber.take().unwrap().ended().await;
    assert!(!ended.status.success());
    for part in ["the new row filter", "dbo.sales", "fk_own", "position", NORTH, "start the subscriber again"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.sales").await, 68, "nothing of it was applied");
    line.target.run("DELETE FROM dbo.own").await;
    line.start_subscriber();
    line.drain().await;
    line.assert_agrees(&selected(NORTH), ARRIVED).await;
}
