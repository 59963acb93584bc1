//! A table that joins a publication in use: a snapshot of it alone brings its rows. They are loaded beside the stream of the others, which
//! never stops, and put in at a commit; killed at any moment, the subscriber goes on. A load that fails stops nothing else and is seen.

#![allow(clippy::unwrap_used)]

use proto::ArticleId;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sandbox::client::Connection;
use sandbox::compare::{Side, compare};
use std::collections::BTreeSet;
use std::path::PathBuf;
use tests::line::{At, Line, succeeded};
use tests::process::{Process, run};
use tests::server::TestDatabase;
use tests::shop::{self, CONTENTS, TABLES};
use tests::wait;
use tests::workload::Workload;
use workdir::{Credentials, SnapshotReader};

/// The subscriber's name at the server.
const SUBSCRIBER: &str = "replication subscriber";
/// The table that joins. It refers to one that is published.
const TABLE: &str = "dbo.[spare parts]";
const PARTS: &str = "SELECT * FROM dbo.[spare parts] ORDER BY id";
const ROWS: i32 = 400;

/// A publication of the shop in use, and [`TABLE`] beside it.
async fn in_use() -> Line {
    let mut line = Line::start_on_sandboxes().await;
    shop::make(&line).await;
    line.source
        .run(
            "CREATE TABLE dbo.[spare parts] (id int NOT NULL CONSTRAINT PK_parts PRIMARY KEY, code varchar(20) NOT NULL, amount int NOT NULL,
                 account int NOT NULL CONSTRAINT FK_parts_account REFERENCES dbo.accounts (id));
             CREATE UNIQUE INDEX IX_parts_code ON dbo.[spare parts] (code);
             CREATE INDEX IX_parts_amount ON dbo.[spare parts] (amount)",
        )
        .await;
    let rows: Vec<String> = (1..=ROWS).map(|id| format!("({id}, 'code {id}', {}, {})", id % 7, 1 + id % 50)).collect();
    line.source.run(&format!("INSERT INTO {TABLE} VALUES {}", rows.join(", "))).await;
    let tables: Vec<&str> = TABLES.into_iter().chain(["dbo.fence"]).collect();
    line.replicate(&tables).await;
    line.drain().await;
    line
}

/// Changes rows of the table that joins at random: new ones, other values and keys, deletes.
fn change_parts(line: &Line, seed: u64) -> Workload {
    Workload::start(&line.source, 1, move |_| {
        let (mut rng, mut next) = (StdRng::seed_from_u64(seed), ROWS);
        move || {
            let some = rng.random_range(1..=next);
            match rng.random_range(0..4) {
                0 => {
                    next += 1;
                    format!("INSERT INTO {TABLE} VALUES ({next}, 'code {next}', 1, 1)")
                }
                1 => format!("UPDATE {TABLE} SET amount = amount + 1 WHERE id BETWEEN {some} AND {some} + 5"),
                2 => {
                    next += 1;
                    format!("UPDATE {TABLE} SET id = {next}, code = 'code {next}' WHERE id = {some}")
                }
                _ => format!("DELETE FROM {TABLE} WHERE id = {some}"),
            }
        }
    })
}

/// Adds the article; without a working directory, which leaves its snapshot to a command of its own. Gives what was said.
async fn add_article(line: &Line) -> String {
    let mut command = line.command("publisher", At::Source);
    command.env_remove("REPL_WORKING_DIRECTORY");
    command.args(["article", "add", "--publication", "p", "--table", TABLE]);
    succeeded(run("article-add", command, line.folder()).await)
}

async fn snapshot(line: &Line) {
    line.publisher_does(&["snapshot", "--publication", "p"]).await;
}

/// The folders of snapshots.
fn folders(line: &Line) -> BTreeSet<PathBuf> {
    std::fs::read_dir(line.path("snapshots")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

async fn number(db: &mut Connection, sql: &str) -> i64 {
    db.run(sql).await.unwrap()[0].get(0).unwrap()
}

/// The subscriber's next statements that touch an object hang, after so many others, until the faults are cleared.
async fn stall(database: &TestDatabase, object: &str, after: u32) -> i64 {
    let sql = format!(
        "EXEC sys.sp_sandbox_fault @at = N'statement', @application = N'{SUBSCRIBER}', @object = N'{object}', @action = N'stall', \
         @after = {after}"
    );
    number(&mut database.connect().await, &sql).await
}

async fn has_happened(database: &TestDatabase, fault: i64) -> bool {
    let faults = database.connect().await.run("EXEC sys.sp_sandbox_faults").await.unwrap();
    let ours = faults.iter().find(|row| row.get::<i64, _>("fault_id") == Some(fault)).unwrap();
    ours.get::<i64, _>("fired").unwrap() > 0
}

async fn happens(database: &TestDatabase, fault: i64) {
    wait::until("the subscriber to be stalled", async || has_happened(database, fault).await.then_some(())).await;
}

async fn clear(database: &TestDatabase) {
    database.run("EXEC sys.sp_sandbox_clear_faults").await;
}

/// What `status` says of a subscription.
async fn subscription(line: &Line, name: &str) -> serde_json::Value {
    let status = line.status().await;
    let all = status["subscriptions"].as_array().unwrap();
    all.iter().find(|s| s["subscription"]["name"] == name).unwrap().clone()
}

/// Waits until the subscription `s` is active with the new table.
async fn complete(line: &Line, name: &str, database: &TestDatabase) {
    wait::until("the subscription to be active with the new table", async || {
        const STATE: &str = "SELECT COUNT(*) FROM [replication].subscription_state AS s WHERE s.state = 'active' AND EXISTS ( \
            SELECT * FROM [replication].subscription_part AS p WHERE p.state = 'complete' AND p.subscription = s.subscription AND \
            p.article = (SELECT MAX(article) FROM [replication].subscription_part))";
        let rows = database.connect().await.run(STATE).await.ok()?;
        let there = rows.first()?.get::<i32, _>(0)? == 1;
        let table = "SELECT COUNT(*) FROM sys.tables WHERE name = 'spare parts'";
        (there && database.number(table).await == 1).then_some(())
    })
    .await;
    wait::until("status to say so", async || (subscription(line, name).await["state"] == "active").then_some(())).await;
}

async fn equal(line: &Line, database: &TestDatabase, sql: &str) {
    wait::until(&format!("`{sql}` to be the same at {}", database.server.name), async || {
        let left = Side { server: &line.source.server, database: &line.source.name, sql };
        let right = Side { server: &database.server, database: &database.name, sql };
        let result = compare(left, right).await.ok()?;
        (result.differences.is_empty() && result.rows > 0).then_some(())
    })
    .await;
}

async fn all_equal(line: &Line, database: &TestDatabase) {
    for sql in CONTENTS.into_iter().chain([PARTS]) {
        equal(line, database, sql).await;
    }
    for made in [
        "SELECT name FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.[spare parts]') ORDER BY name",
        "SELECT name FROM sys.foreign_keys WHERE parent_object_id = OBJECT_ID(N'dbo.[spare parts]')",
    ] {
        equal(line, database, made).await;
    }
}

async fn subscribe(line: &Line, database: &TestDatabase, name: &str) -> Process {
    let mut add = line.command_for("subscriber", database);
    add.args(["subscription", "add", "--subscription", name, "--publication", "p"]);
    succeeded(run("subscription-add", add, line.folder()).await);
    let mut command = line.command_for("subscriber", database);
    command.args(["run", "--continuous"]);
    Process::start(&format!("subscriber-{name}"), command, line.folder())
}

#[tokio::test(flavor = "multi_thread")]
async fn its_snapshot_is_taken_with_it_and_of_it_alone() {
    let line = in_use().await;
    let before = folders(&line);
    let writer = change_parts(&line, 92);
    writer.makes(20).await;
    let said = line.publisher_does(&["article", "add", "--publication", "p", "--table", TABLE]).await;
    assert!(said.contains("article dbo.spare parts added to publication p"), "{said}");
    assert!(said.contains("of publication p: 1 article, "), "{said}");
    let new: Vec<PathBuf> = folders(&line).difference(&before).cloned().collect();
    assert_eq!(new.len(), 1, "{new:?}");
    let location = format!("file://{}", new[0].display());
    let reader = SnapshotReader::open(&location, &Credentials::default()).await.unwrap();
    let articles = &reader.manifest().articles;
    assert_eq!(articles.iter().map(|a| a.article.source.table.as_str()).collect::<Vec<_>>(), ["spare parts"]);
    let id: ArticleId = articles[0].article.id;
    // What it refers to is published, though not in this snapshot.
    let last = reader.last_script(id).await.unwrap();
    assert!(last.contains("FK_parts_account") && last.contains("[dbo].[accounts]"), "{last}");
    writer.makes(20).await;
    writer.stop().await;
    all_equal(&line, &line.target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_working_directory_the_command_that_brings_it_is_told() {
    let line = in_use().await;
    let said = add_article(&line).await;
    let told = "publisher snapshot --publication p --article '[dbo].[spare parts]' --working-directory URL";
    assert!(said.contains("subscription s get its rows") && said.contains(told), "{said}");
    assert_eq!(folders(&line).len(), 1);
    let said = line.publisher_does(&["snapshot", "--publication", "p", "--article", "[dbo].[spare parts]"]).await;
    assert!(said.contains(&format!("of publication p: 1 article, {ROWS} rows")), "{said}");
    let unknown = line.publisher_tries(&["snapshot", "--publication", "p", "--article", "dbo.unknown"]).await;
    assert!(!unknown.status.success());
    assert!(unknown.stderr.contains("has no article of dbo.unknown"), "{}", unknown.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_table_is_loaded_while_the_others_go_on_at_every_subscriber() {
    let line = in_use().await;
    // Another one, from the same snapshot, while the publication is in use.
    let workload = shop::work(&line.source, 93, 2);
    let second = TestDatabase::start_sandbox("SECOND", line.folder()).await;
    let _second = subscribe(&line, &second, "t").await;
    let writer = change_parts(&line, 93);
    add_article(&line).await;
    let fault = stall(&line.target, "spare parts", 0).await;
    snapshot(&line).await;
    happens(&line.target, fault).await;
    // It is being loaded, and cannot go on. What commits now arrives all the same, again and again.
    for _ in 0..3 {
        writer.makes(10).await;
        line.drain().await;
    }
    assert_eq!(subscription(&line, "s").await["state"], "active", "the others are as they were");
    const LOADED: &str =
        "SELECT COUNT(*) FROM [replication].subscription_part WHERE state IN ('streamed', 'complete') AND article > 4";
    assert_eq!(line.target.number(LOADED).await, 0);
    clear(&line.target).await;
    complete(&line, "s", &line.target).await;
    complete(&line, "t", &second).await;
    // It is replicated like the others from here on.
    writer.makes(20).await;
    writer.stop().await;
    workload.stop().await;
    for database in [&line.target, &second] {
        all_equal(&line, database).await;
    }
    // One that is new now gets all of it at once.
    let third = TestDatabase::start_sandbox("THIRD", line.folder()).await;
    let _third = subscribe(&line, &third, "u").await;
    complete(&line, "u", &third).await;
    all_equal(&line, &third).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_killed_at_any_moment_of_it_goes_on() {
    let mut line = in_use().await;
    let workload = shop::work(&line.source, 94, 1);
    let writer = change_parts(&line, 94);
    add_article(&line).await;
    let mut kills = 0;
    // Statements that begin the load, carry the rows, and say how far the parts are; those of the stream's start are among the last.
    let moments = [
        ("subscription_load", 0),
        ("subscription_load", 2),
        ("spare parts", 0),
        ("spare parts", 2),
        ("spare parts", 4),
    ]
    .into_iter()
    .chain((0..9).map(|after| ("subscription_part", after)));
    let mut snapshotted = false;
    for (object, after) in moments {
        line.subscriber.take().unwrap().kill();
        clear(&line.target).await;
        let fault = stall(&line.target, object, after).await;
        line.start_subscriber();
        if !std::mem::replace(&mut snapshotted, true) {
            snapshot(&line).await;
        }
        // Past the last moment there is nothing left to be killed in.
        let over = wait::until("the subscriber to be stalled, or done", async || {
            if has_happened(&line.target, fault).await {
                return Some(false);
            }
            // What is stalled by now may have locked it.
            const DONE: &str = "SET LOCK_TIMEOUT 0; SELECT COUNT(*) FROM [replication].subscription_part WHERE state = 'complete' \
                AND article > 4";
            let rows = line.target.connect().await.run(DONE).await.unwrap_or_default();
            (rows.first()?.get::<i32, _>(0)? > 0).then_some(true)
        })
        .await;
        if over {
            break;
        }
        kills += 1;
        writer.makes(3).await;
    }
    println!("killed {kills} times");
    assert!(kills >= 5, "it was over after {kills} kills");
    clear(&line.target).await;
    line.subscriber.take().unwrap().kill();
    line.start_subscriber();
    complete(&line, "s", &line.target).await;
    writer.stop().await;
    workload.stop().await;
    line.drain().await;
    all_equal(&line, &line.target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_table_that_cannot_be_loaded_stops_nothing_else_and_is_seen() {
    let mut line = in_use().await;
    line.target
        .run(&format!("CREATE TABLE {TABLE} (id int NOT NULL PRIMARY KEY); INSERT INTO {TABLE} VALUES (1)"))
        .await;
    add_article(&line).await;
    snapshot(&line).await;
    wait::until("status to show the error", async || {
        let subscription = subscription(&line, "s").await;
        (subscription["error"].as_str().is_some_and(|e| e.contains("dbo.spare parts"))).then_some(())
    })
    .await;
    let workload = shop::work(&line.source, 95, 1);
    workload.makes(10).await;
    line.drain().await;
    let shown = subscription(&line, "s").await;
    assert_eq!(shown["state"], "active");
    assert!(shown["error"].as_str().is_some_and(|e| e.contains("holds rows")), "{shown}");
    // A run that is to catch up brings the others up to date, and fails.
    line.subscriber.take().unwrap().kill();
    workload.makes(10).await;
    workload.stop().await;
    let outcome = line.subscriber_tries(&["run", "--once"]).await;
    assert_eq!(outcome.status.code(), Some(1), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("dbo.spare parts"), "{}", outcome.stderr);
    for sql in CONTENTS {
        line.assert_equal(sql).await;
    }
    line.target.run(&format!("DROP TABLE {TABLE}")).await;
    line.subscriber_does(&["run", "--once"]).await;
    line.assert_equal(PARTS).await;
    complete(&line, "s", &line.target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_subscriber_takes_up_subscriptions_that_are_added() {
    let line = in_use().await;
    line.publish("q", &[TABLE]).await;
    line.publisher_does(&["snapshot", "--publication", "q"]).await;
    let mut add = line.command("subscriber", At::Target);
    add.args(["subscription", "add", "--subscription", "late", "--publication", "q"]);
    succeeded(run("subscription-add", add, line.folder()).await);
    equal(&line, &line.target, PARTS).await;
    assert!(line.subscriber.as_ref().unwrap().is_running());
}
