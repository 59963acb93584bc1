//! A table that joins a publication in use: a snapshot of it alone brings its rows. They are loaded beside the stream of the others, which
//! never stops, and put in at a commit; killed at any moment, the subscriber goes on. A load that fails stops nothing else and is seen. What is
//! changed of the table while it is being added is in its snapshot and in what follows.

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
use tests::unanswered::Way;
use tests::wait;
use tests::workload::Workload;
use workdir::{Credentials, SnapshotReader};

/// The subscriber's name at the server.
const SUBSCRIBER: &str = "replication subscriber";
/// The log reader's.
const LOG_READER: &str = concat!("replication publisher ", env!("CARGO_PKG_VERSION"));
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

/// What is done to a table `{}` while its article is added, and to its rows once it is replicated.
const ALTERED: [(&str, &str, &str); 5] = [
    (
        "added",
        "ALTER TABLE {} ADD extra nvarchar(30) NULL CONSTRAINT df_added DEFAULT (N'ż')",
        "UPDATE {} SET extra = N'ź' + code WHERE id % 2 = 0; INSERT INTO {} (id, code) VALUES (50, 'c')",
    ),
    (
        "dropped",
        "ALTER TABLE {} DROP COLUMN gone",
        "UPDATE {} SET code = 'later'; INSERT INTO {} VALUES (50, 'new', 1)",
    ),
    (
        "wider",
        "ALTER TABLE {} ALTER COLUMN code nvarchar(60) NOT NULL",
        "UPDATE {} SET code = REPLICATE(N'ł', 60) WHERE id < 9; INSERT INTO {} VALUES (50, N'ń', 1, NULL)",
    ),
    // No subscriber could follow this.
    ("other", "ALTER TABLE {} ALTER COLUMN amount varchar(9) NULL", "UPDATE {} SET amount = 'a' + amount"),
    // The column of the same name is another one, which the capture instance does not have.
    (
        "again",
        "ALTER TABLE {} DROP COLUMN gone; ALTER TABLE {} ADD gone varchar(10) NULL",
        "UPDATE {} SET gone = code WHERE id % 2 = 0",
    ),
];

/// A publication in use, and tables that are to join it.
async fn with_late_tables(names: impl Iterator<Item = String>) -> Line {
    let mut line = Line::start_on_sandboxes().await;
    line.make_fence().await;
    for name in names {
        let rows: Vec<String> = (1..=20).map(|id| format!("({id}, 'code {id}', {id}, 'x')")).collect();
        line.source
            .run(&format!(
                "CREATE TABLE {name} (id int NOT NULL PRIMARY KEY, code varchar(20) NOT NULL, amount int NULL, gone varchar(10) NULL);
                 INSERT INTO {name} VALUES {}",
                rows.join(", ")
            ))
            .await;
    }
    line.replicate(&["dbo.fence"]).await;
    line.drain().await;
    line
}

/// Where `article add` is held up.
#[derive(Debug, Clone, Copy, PartialEq)]
enum HeldUpAt {
    /// It has looked at the table, which is not captured yet.
    Looked,
    /// It has the definition, and is about to tell it to the distributor.
    Defined,
}

/// Adds the article of a table; in the middle of that the table is altered, and the log reader comes over it.
async fn add_while_altered(line: &mut Line, held_up: HeldUpAt, table: &str, statement: &str, read_on: bool) {
    let way = Way::open().await;
    let mut command = line.command("publisher", At::Source);
    command.env("REPL_DISTRIBUTOR", way.address.to_string()).env_remove("REPL_WORKING_DIRECTORY");
    command.args(["article", "add", "--publication", "p", "--table", table]);
    // It asks for the publication, for its articles, and to add the article.
    let (number, instances) = if held_up == HeldUpAt::Looked { (2, 0) } else { (3, 1) };
    let mut held = way.hold_up(line, number);
    let adding = Process::start("article-add", command, line.folder());
    held.is_here().await;
    let captured = format!("SELECT COUNT(*) FROM cdc.change_tables WHERE source_object_id = OBJECT_ID(N'{table}')");
    assert_eq!(line.source.number(&captured).await, instances);
    for statement in statement.replace("{}", table).split("; ") {
        line.source.run(statement).await;
    }
    line.drain().await;
    if !read_on {
        line.publisher.take().unwrap().kill();
    }
    held.goes_on();
    succeeded(adding.ended().await);
}

/// Takes a snapshot as soon as one can be had, which is shortly after the log reader has taken up the article.
async fn snapshot_soon(line: &Line, table: &str) {
    wait::until(&format!("a snapshot of {table}"), async || {
        let taken = line.publisher_tries(&["snapshot", "--publication", "p", "--article", table]).await;
        if let Some(publisher) = &line.publisher {
            publisher.assert_sound();
        }
        taken.status.success().then_some(())
    })
    .await;
}

/// The rows and columns of a table.
async fn same_everywhere(line: &Line, table: &str) {
    equal(line, &line.target, &format!("SELECT * FROM {table} ORDER BY id")).await;
    let columns = format!(
        "SELECT c.name, t.name, c.max_length, c.is_nullable FROM sys.columns AS c JOIN sys.types AS t ON t.user_type_id = c.user_type_id
         WHERE c.object_id = OBJECT_ID(N'{table}') ORDER BY c.column_id"
    );
    equal(line, &line.target, &columns).await;
}

/// Tables that are altered while their articles are added are replicated as they are, then and later.
async fn altered_while_added(held_up: HeldUpAt, read_on: bool) {
    let name = |what: &str| format!("dbo.{what}");
    let mut line = with_late_tables(ALTERED.iter().map(|(what, ..)| name(what))).await;
    for (what, statement, _) in ALTERED {
        add_while_altered(&mut line, held_up, &name(what), statement, read_on).await;
        if !read_on {
            line.start_publisher();
        }
        snapshot_soon(&line, &name(what)).await;
        same_everywhere(&line, &name(what)).await;
    }
    for (what, _, later) in ALTERED {
        line.source.run(&later.replace("{}", &name(what))).await;
        line.source.run(&format!("ALTER TABLE {} ALTER COLUMN code nvarchar(90) NOT NULL", name(what))).await;
        line.source.run(&format!("UPDATE {} SET code = code + REPLICATE(N'ó', 30) WHERE id = 1", name(what))).await;
    }
    line.drain().await;
    for (what, ..) in ALTERED {
        same_everywhere(&line, &name(what)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_altered_before_its_capture_begins_is_replicated_as_it_is() {
    altered_while_added(HeldUpAt::Looked, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_altered_before_the_log_reader_takes_up_its_article_is_replicated_as_it_is() {
    altered_while_added(HeldUpAt::Defined, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_reader_that_starts_where_it_has_read_over_such_a_change_follows_it() {
    altered_while_added(HeldUpAt::Defined, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_reader_killed_at_any_statement_follows_what_was_altered_before() {
    const STATEMENT: &str = "ALTER TABLE {} DROP COLUMN gone; ALTER TABLE {} ALTER COLUMN amount varchar(9) NULL";
    let places = (0..60).step_by(6);
    let name = |n: u32| format!("dbo.late_{n}");
    let mut line = with_late_tables(places.clone().map(name)).await;
    let mut hit = 0;
    for n in places {
        add_while_altered(&mut line, HeldUpAt::Defined, &name(n), STATEMENT, false).await;
        let sql = format!(
            "EXEC sys.sp_sandbox_fault @at = N'statement', @action = N'stall', @application = N'{LOG_READER}', @after = {n}"
        );
        let fault = number(&mut line.source.connect().await, &sql).await;
        line.start_publisher();
        happens(&line.source, fault).await;
        hit += 1;
        line.publisher.take().unwrap().kill();
        clear(&line.source).await;
        line.start_publisher();
        snapshot_soon(&line, &name(n)).await;
        line.source.run(&format!("UPDATE {} SET amount = 'a' + amount, code = 'later'", name(n))).await;
        same_everywhere(&line, &name(n)).await;
    }
    println!("killed at {hit} statements");
}
