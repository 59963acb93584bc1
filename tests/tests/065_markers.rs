//! Tracer tokens say how long a transaction takes to each subscription, heartbeats keep an idle database's position and latency known, and
//! what is too late is marked.

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use tests::line::{At, Line, succeeded};
use tests::process::{Process, run};
use tests::wait;

/// Two publications of one database, each with a table of its own; a subscription to the first only.
async fn line() -> Line {
    let mut line = Line::start().await;
    line.make_fence().await;
    line.source.run("CREATE TABLE dbo.items (id int NOT NULL PRIMARY KEY, name nvarchar(40) NULL)").await;
    line.publish("q", &["dbo.items"]).await;
    line.replicate(&["dbo.fence"]).await;
    line.drain().await;
    line
}

async fn history(line: &Line, publication: &str) -> Vec<Value> {
    let said = line.publisher_does(&["tracer", "history", "--publication", publication, "--output", "json"]).await;
    serde_json::from_str(&said).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tracer_token_reaches_a_subscription_of_which_nothing_changed_and_tells_how_long_it_took() {
    let line = line().await;
    // Nothing of publication p is in the token's transaction, nor in any beside it.
    line.source.run("INSERT INTO dbo.items VALUES (1, N'one')").await;
    let posted = line.publisher_does(&["tracer", "post", "--publication", "p", "--wait", "--output", "json"]).await;
    let posted: Vec<Value> = serde_json::from_str(&posted).unwrap();
    let token = &posted[0];
    let [arrival] = &token["subscriptions"].as_array().unwrap()[..] else { panic!("{token}") };
    assert_eq!((&arrival["subscription"], &arrival["state"]), (&"s".into(), &"arrived".into()), "{token}");
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{token}"));
    let first = number(&token["distributor_latency"]);
    let (second, total) = (number(&arrival["subscriber_latency"]), number(&arrival["overall_latency"]));
    assert!(first >= 0.0 && second >= 0.0, "{token}");
    assert!((first + second - total).abs() < 0.01, "the whole is the sum of its parts: {token}");
    assert!(total < wait::LIMIT.as_millis() as f64, "{token}");

    assert_eq!(history(&line, "p").await[0], *token, "and that is kept");
    let text = line.publisher_does(&["tracer", "history", "--publication", "p"]).await;
    assert!(text.contains("PUBLISHER TO DISTRIBUTOR") && text.contains(" s  "), "{text}");
    assert!(history(&line, "q").await.is_empty(), "a token belongs to one publication");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_pending_where_it_has_not_come_to_and_arrives_once_the_subscriber_is_back() {
    let mut line = line().await;
    line.subscriber.take().unwrap().terminate().await;
    line.publisher_does(&["tracer", "post", "--publication", "p"]).await;
    let at_distributor = wait::until("the token to be at the distributor", async || {
        let token = history(&line, "p").await.remove(0);
        (token["arrived_at_distributor"] == true).then_some(token)
    })
    .await;
    assert_eq!(at_distributor["subscriptions"][0]["state"], "pending");
    assert_eq!(at_distributor["subscriptions"][0]["overall_latency"], Value::Null);
    let text = line.publisher_does(&["tracer", "history", "--publication", "p"]).await;
    assert!(text.contains("pending"), "{text}");

    // The distributor remembers it across its own death.
    line.publisher.take().unwrap().terminate().await;
    line.distributor.take().unwrap().kill();
    line.start_distributor().await;
    assert_eq!(history(&line, "p").await, [at_distributor]);
    line.start_subscriber();
    wait::until("the token to arrive", async || {
        let token = history(&line, "p").await.remove(0);
        (token["subscriptions"][0]["state"] == "arrived" && token["subscriptions"][0]["overall_latency"].is_f64())
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_nobody_reads_is_pending_and_waiting_for_it_ends_with_an_error() {
    let mut line = line().await;
    line.publisher.take().unwrap().terminate().await;
    let post = ["tracer", "post", "--publication", "p", "--wait", "--wait-limit", "1s"];
    let outcome = line.publisher_tries(&post).await;
    assert_eq!(outcome.status.code(), Some(1), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("pending"), "{}", outcome.stdout);
    assert!(outcome.stderr.contains("has not arrived"), "{}", outcome.stderr);
    let outcome = line.publisher_tries(&["tracer", "post", "--publication", "nothing"]).await;
    assert_eq!(outcome.status.code(), Some(1));
    assert!(outcome.stderr.contains("nothing"), "{}", outcome.stderr);
}

fn reading(line: &Line, heartbeat: &str) -> Process {
    let mut command = line.command("publisher", At::Source);
    command.args(["run", "--heartbeat-interval", heartbeat]);
    Process::start("publisher", command, line.folder())
}

const HEARTBEATS: &str = "SELECT COUNT(*) FROM [replication].marker WHERE kind = 'heartbeat'";

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_move_an_idle_databases_position_and_old_markers_go() {
    let mut line = line().await;
    line.publisher.take().unwrap().terminate().await;
    assert_eq!(line.source.number(HEARTBEATS).await, 0, "a minute without a transaction is not over");
    line.source
        .run(
            // More than one step removes.
            "INSERT INTO [replication].marker (token, kind, posted_at)
             SELECT TOP (1500) NEWID(), 'heartbeat', DATEADD(hour, -25, SYSUTCDATETIME())
             FROM sys.all_columns AS a CROSS JOIN sys.all_columns AS b",
        )
        .await;
    let before = line.status().await["databases"][0]["position"].as_str().unwrap().to_owned();
    line.publisher = Some(reading(&line, "200ms"));
    let status = wait::until("an idle database's position to move on", async || {
        let status = line.status().await;
        let database = &status["databases"][0];
        let moved = database["position"].as_str()? > &*before && line.source.number(HEARTBEATS).await >= 2;
        (moved && database["latency"].is_i64() && status["subscriptions"][0]["latency"].is_i64()).then_some(status)
    })
    .await;
    assert!(status["databases"][0]["latency"].as_i64().unwrap() >= 0, "{status}");
    // Both machines are this one; what the measurement takes counts too.
    assert!(status["databases"][0]["clock_ahead"].as_i64().unwrap().abs() < 30_000_000, "{status}");
    let old = format!("{HEARTBEATS} AND posted_at < DATEADD(day, -1, SYSUTCDATETIME())");
    wait::until("old markers to go", async || (line.source.number(&old).await == 0).then_some(())).await;
    line.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_heartbeats_and_without_the_permission_for_them_the_log_is_read_all_the_same() {
    let mut line = line().await;
    line.publisher.take().unwrap().terminate().await;
    line.publisher = Some(reading(&line, "0s"));
    line.drain().await;
    assert_eq!(line.source.number(HEARTBEATS).await, 0);

    line.publisher.take().unwrap().terminate().await;
    line.source.run("CREATE LOGIN quiet WITH PASSWORD = 'Quiet-Reader-1!'; CREATE USER quiet FOR LOGIN quiet;").await;
    line.source.run("GRANT SELECT ON SCHEMA::dbo TO quiet; GRANT SELECT ON SCHEMA::cdc TO quiet;").await;
    tests::server::write_secret(&line.path("quiet.password"), "Quiet-Reader-1!");
    let mut command = line.command("publisher", At::Source);
    command.args(["run", "--heartbeat-interval", "100ms"]);
    command.env("REPL_LOGIN", "quiet").env("REPL_PASSWORD_FILE", line.path("quiet.password"));
    let publisher = Process::start("publisher", command, line.folder());
    publisher.says("no heartbeats are written").await;
    publisher.says("SCHEMA::[replication] TO [quiet]").await;
    line.publisher = Some(publisher);
    line.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_longer_than_the_threshold_is_marked() {
    let mut line = line().await;
    line.drain().await;
    line.subscriber.take().unwrap().terminate().await;
    line.source.run("INSERT INTO dbo.fence VALUES (NEWID())").await;
    let late = wait::until("the first waiting transaction to be half a second old", async || {
        let mut command = line.command("distributor", At::Source);
        command.args(["status", "--output", "json", "--latency-threshold", "500ms"]);
        let said = succeeded(run("status", command, line.folder()).await);
        let status: Value = serde_json::from_str(&said).unwrap();
        (status["subscriptions"][0]["over_latency_threshold"] == true).then_some(status)
    })
    .await;
    assert!(late["subscriptions"][0]["latency"].as_i64().unwrap() > 500_000, "{late}");
    assert_eq!(late["latency_threshold"], 500_000);
    assert_eq!(line.status().await["latency_threshold"], 30_000_000, "Microsoft's default");
    let mut command = line.command("distributor", At::Source);
    command.args(["status", "--latency-threshold", "500ms"]);
    let text = succeeded(run("status", command, line.folder()).await);
    assert!(text.contains(" s !"), "{text}");
    line.start_subscriber();
    wait::until("the subscription to be in time again", async || {
        (line.status().await["subscriptions"][0]["pending_transactions"] == 0).then_some(())
    })
    .await;
}
