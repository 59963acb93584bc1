//! Several publications of one database and several subscribers, each with its own position.

#![allow(clippy::unwrap_used)]

use sandbox::compare::{Side, compare};
use tests::line::Line;
use tests::process::{Process, run};
use tests::server::TestDatabase;
use tests::shop::{self, CONTENTS};
use tests::wait;

async fn subscribe(line: &Line, database: &TestDatabase, subscription: &str, publication: &str) {
    let mut add = line.command_for("subscriber", database);
    add.args(["subscription", "add", "--subscription", subscription, "--publication", publication]);
    tests::line::succeeded(run("subscription-add", add, line.folder()).await);
}

fn start(line: &Line, database: &TestDatabase) -> Process {
    let mut command = line.command_for("subscriber", database);
    command.args(["run", "--continuous"]);
    Process::start(&format!("subscriber-{}", database.server.name), command, line.folder())
}

/// Waits until a query gives the same at the source and at a subscriber.
async fn equal(line: &Line, database: &TestDatabase, sql: &str) {
    wait::until(&format!("`{sql}` to be the same at {}", database.server.name), async || {
        let left = Side { server: &line.source.server, database: &line.source.name, sql };
        let right = Side { server: &database.server, database: &database.name, sql };
        let result = compare(left, right).await.ok()?;
        (result.differences.is_empty() && result.rows > 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_publications_reach_two_subscribers_each_at_its_own_pace() {
    let mut line = Line::start().await;
    shop::make(&line).await;
    let second = TestDatabase::start("SECOND", line.folder()).await;
    line.publish("orders", &["dbo.orders", "dbo.lines"]).await;
    line.publish("money", &["dbo.accounts", "dbo.fence"]).await;
    line.start_publisher();
    line.publisher_does(&["snapshot", "--publication", "orders"]).await;
    line.publisher_does(&["snapshot", "--publication", "money"]).await;
    // the first subscriber takes both publications, the second takes both as well, in another order of events
    for (publication, subscription) in [("orders", "first-orders"), ("money", "first-money")] {
        subscribe(&line, &line.target, subscription, publication).await;
    }
    line.start_subscriber();
    subscribe(&line, &second, "second-money", "money").await;
    let workload = shop::work(&line.source, 30, 2);
    let process = start(&line, &second);
    workload.makes(50).await;
    // one subscriber is away while the other goes on
    line.subscriber.take().unwrap().kill();
    workload.makes(50).await;
    subscribe(&line, &second, "second-orders", "orders").await;
    process.kill();
    let process = start(&line, &second);
    workload.makes(20).await;
    workload.stop().await;
    for table in CONTENTS {
        equal(&line, &second, table).await;
    }
    let status = line.status().await;
    let pending = |name: &str| {
        let subscriptions = status["subscriptions"].as_array().expect("status lists subscriptions");
        let found = subscriptions.iter().find(|s| s["subscription"]["name"] == name);
        found.and_then(|s| s["pending_transactions"].as_u64()).expect("status counts what waits")
    };
    assert!(pending("first-orders") > 0, "the stopped subscriber's share still waits in the queue");
    line.start_subscriber();
    for table in CONTENTS {
        equal(&line, &line.target, table).await;
    }
    process.kill();
}

/// What a failure asks for, to drop the subscription and to add it again, takes effect while the subscriber goes on with others.
#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_failed_and_was_added_again_is_taken_up_while_the_others_run() {
    let mut line = Line::start().await;
    for table in ["fine", "lost"] {
        line.source.run(&format!("CREATE TABLE dbo.{table} (id int NOT NULL PRIMARY KEY, v int NOT NULL); INSERT INTO dbo.{table} VALUES (1, 1)")).await;
        line.publish(table, &[&format!("dbo.{table}")]).await;
        subscribe(&line, &line.target, table, table).await;
    }
    line.start_publisher();
    for publication in ["fine", "lost"] {
        line.publisher_does(&["snapshot", "--publication", publication]).await;
    }
    line.start_subscriber();
    equal(&line, &line.target, "SELECT * FROM dbo.lost").await;
    equal(&line, &line.target, "SELECT * FROM dbo.fine").await;
    line.target.run("DELETE FROM dbo.lost").await;
    line.source.run("UPDATE dbo.lost SET v = 2").await;
    line.subscriber.as_ref().unwrap().says("others go on").await;
    line.subscriber_does(&["subscription", "drop", "--subscription", "lost"]).await;
    subscribe(&line, &line.target, "lost", "lost").await;
    line.publisher_does(&["snapshot", "--publication", "lost"]).await;
    equal(&line, &line.target, "SELECT * FROM dbo.lost").await;
    line.source.run("UPDATE dbo.lost SET v = 3; UPDATE dbo.fine SET v = 3;").await;
    equal(&line, &line.target, "SELECT * FROM dbo.lost").await;
    equal(&line, &line.target, "SELECT * FROM dbo.fine").await;
    // What it said of the earlier one is settled.
    let ended = line.subscriber.take().unwrap().terminate().await;
    assert!(ended.status.success(), "{}", ended.stderr);
}
