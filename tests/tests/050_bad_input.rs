//! What is wrong is said clearly, by an error or a visible wait, and nothing is lost by it.

#![allow(clippy::unwrap_used)]

use std::process::Command;
use tests::line::{At, Line, succeeded};
use tests::process::{Outcome, Process, run};
use tests::server::write_secret;
use tests::{programs, wait};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Asserts that a command failed, with exit code 1 and a message that has all of this in it.
fn fails_naming(outcome: &Outcome, expected: &[&str]) {
    assert_eq!(outcome.status.code(), Some(1), "{}{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stderr.contains("error: "), "{}", outcome.stderr);
    for part in expected {
        assert!(outcome.stderr.contains(part), "`{part}` is not in: {}", outcome.stderr);
    }
}

async fn with_table() -> Line {
    let line = Line::start().await;
    line.make_fence().await;
    line.source
        .run(
            "CREATE TABLE dbo.items (id int NOT NULL PRIMARY KEY, name nvarchar(40) NULL);
             CREATE TABLE dbo.keyless (id int NOT NULL, name nvarchar(40) NULL);
             INSERT INTO dbo.items VALUES (1, N'one');",
        )
        .await;
    line.publisher_does(&["publication", "add", "--publication", "p"]).await;
    line
}

async fn article_add(line: &Line, table: &str, more: &[&str]) -> Outcome {
    let mut arguments = vec!["article", "add", "--publication", "p", "--table", table];
    arguments.extend(more);
    line.publisher_tries(&arguments).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_article_that_cannot_be_published_is_refused_by_name_and_leaves_nothing_behind() {
    let line = with_table().await;
    fails_naming(&article_add(&line, "dbo.nothing", &[]).await, &["dbo.nothing"]);
    fails_naming(&article_add(&line, "dbo.keyless", &[]).await, &["dbo.keyless", "primary key"]);
    fails_naming(&article_add(&line, "dbo.items", &["--filter", "id >"]).await, &["filter"]);
    fails_naming(&article_add(&line, "dbo.items", &["--filter", "colour = 'red'"]).await, &["filter", "colour"]);
    let escape = "id = 1); DROP TABLE dbo.items; --";
    fails_naming(&article_add(&line, "dbo.items", &["--filter", escape]).await, &["filter"]);
    fails_naming(&article_add(&line, "dbo.items", &["--columns", "id,colour"]).await, &["colour"]);
    fails_naming(&article_add(&line, "dbo.items", &["--columns", "name"]).await, &["id"]);
    let other = ["article", "add", "--publication", "other", "--table", "dbo.items"];
    fails_naming(&line.publisher_tries(&other).await, &["other"]);

    assert_eq!(line.source.number("SELECT COUNT(*) FROM dbo.items").await, 1, "a filter is only ever asked about");
    let articles = line.publisher_does(&["article", "list", "--publication", "p", "--output", "json"]).await;
    assert_eq!(articles.trim(), "[]");
    succeeded(article_add(&line, "dbo.items", &["--filter", "id > 0"]).await);
    fails_naming(&article_add(&line, "dbo.items", &[]).await, &["dbo.items"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_cannot_be_replicated_is_named_and_may_be_left_out() {
    let line = with_table().await;
    line.source
        .run(
            "CREATE TABLE dbo.odd (id int NOT NULL PRIMARY KEY, name nvarchar(40) NULL, letters AS LEN(name));
             CREATE TABLE dbo.odder (a int NOT NULL, b AS a + 1 PERSISTED NOT NULL PRIMARY KEY);
             CREATE TABLE dbo.large (id int NOT NULL PRIMARY KEY, note xml NULL);",
        )
        .await;
    let refused = article_add(&line, "dbo.odd", &["--columns", "id,letters"]).await;
    fails_naming(&refused, &["dbo.odd", "letters", "computed from name, which is not published"]);
    fails_naming(&article_add(&line, "dbo.odder", &[]).await, &["dbo.odder", "column b", "primary key"]);
    fails_naming(&article_add(&line, "dbo.large", &["--filter", "id > 1"]).await, &["dbo.large", "note xml", "filter"]);
    fails_naming(&article_add(&line, "dbo.odd", &["--filter", "letters > 1"]).await, &["dbo.odd", "letters", "filter"]);
    let tracked = "SELECT COUNT(*) FROM sys.tables WHERE is_tracked_by_cdc = 1 AND name IN ('odd', 'odder', 'large')";
    assert_eq!(line.source.number(tracked).await, 0, "a refused article leaves its table as it was");
    succeeded(article_add(&line, "dbo.odd", &["--columns", "id"]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_from_everything_else_and_never_shown() {
    let line = with_table().await;
    let wrong = line.path("wrong.password");
    write_secret(&wrong, "Not-The-Password-1!");
    for (setting, expected) in
        [("REPL_PASSWORD_FILE", &line.source.server.login), ("REPL_DISTRIBUTOR_PASSWORD_FILE", &"admin".to_owned())]
    {
        let mut command = line.command("publisher", At::Source);
        command.args(["publication", "add", "--publication", "q"]).env(setting, &wrong);
        let outcome = run("wrong-password", command, line.folder()).await;
        fails_naming(&outcome, &[expected]);
        assert!(!outcome.stderr.contains("Not-The-Password"), "{}", outcome.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_and_a_distributor_that_cannot_be_reached_are_named() {
    let line = with_table().await;
    // Nobody listens on port 1.
    for (setting, address) in [("REPL_SERVER", "127.0.0.1,1"), ("REPL_DISTRIBUTOR", "127.0.0.1:1")] {
        let mut command = line.command("publisher", At::Source);
        command.args(["publication", "add", "--publication", "q"]).env(setting, address);
        let outcome = run("unreachable", command, line.folder()).await;
        fails_naming(&outcome, &["127.0.0.1"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_distributor_that_is_down_is_waited_for_visibly() {
    let mut line = with_table().await;
    line.replicate_as("q", &["dbo.items", "dbo.fence"]).await;
    line.drain().await;

    line.distributor.take().unwrap().terminate().await;
    line.source.run("INSERT INTO dbo.items VALUES (2, N'while it was down')").await;
    let address = line.address.clone();
    line.publisher.as_ref().unwrap().says(&address).await;
    line.subscriber.as_ref().unwrap().says(&address).await;
    line.start_distributor().await;
    line.drain().await;
    assert_eq!(line.assert_equal("SELECT * FROM dbo.items ORDER BY id").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_the_port_ends_only_its_own_connection() {
    let mut line = with_table().await;
    line.replicate_as("q", &["dbo.items", "dbo.fence"]).await;
    let garbage: [&[u8]; 4] = [b"GET / HTTP/1.1\r\n\r\n", &[0xFF; 4096], &[0; 64], &[0x16, 3, 1, 0xFF, 0xFF]];
    for bytes in garbage {
        let mut stream = TcpStream::connect(&line.address).await.unwrap();
        // The distributor may hang up while it is being written to.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let read = tokio::time::timeout(wait::LIMIT, stream.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "the distributor keeps a connection of garbage");
        line.source.run(&format!("UPDATE dbo.items SET name = N'{}' WHERE id = 1", bytes.len())).await;
    }
    line.drain().await;
    assert_eq!(line.assert_equal("SELECT * FROM dbo.items ORDER BY id").await, 1);
    assert!(line.distributor.as_ref().unwrap().is_running());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_log_reader_of_a_database_waits_until_the_first_has_ended() {
    let mut line = with_table().await;
    line.replicate_as("q", &["dbo.items", "dbo.fence"]).await;
    line.drain().await;

    let mut command = line.command("publisher", At::Source);
    command.arg("run");
    let second = Process::start("second-publisher", command, line.folder());
    second.says("attached").await;
    line.source.run("INSERT INTO dbo.items VALUES (2, N'by the first')").await;
    line.drain().await;
    assert!(second.is_running() && line.publisher.as_ref().unwrap().is_running());

    line.publisher.take().unwrap().terminate().await;
    line.source.run("INSERT INTO dbo.items VALUES (3, N'by the second')").await;
    line.drain().await;
    assert_eq!(line.assert_equal("SELECT * FROM dbo.items ORDER BY id").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_of_the_queue_is_shown_and_waited_for_and_nothing_is_lost() {
    let mut line = with_table().await;
    line.replicate_as("q", &["dbo.items", "dbo.fence"]).await;
    line.drain().await;

    // A limit to the size of its files stands in for a full disk: writes fail, and go on once it is lifted.
    let limit = |id: u32, bytes: &str| {
        let set =
            Command::new("prlimit").args(["--pid", &id.to_string(), &format!("--fsize={bytes}:unlimited")]).status();
        assert!(set.expect("prlimit is part of util-linux").success());
    };
    line.distributor.take().unwrap().terminate().await;
    let mut command = Command::new("sh");
    // Without the trap the first write beyond the limit would end the process.
    command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]).arg(programs::path("distributor"));
    command.arg("run").arg("--data-dir").arg(line.path("queue")).args(["--listen", &line.address]);
    let distributor = Process::start("full-distributor", command, line.folder());
    distributor.line("listening on ").await;
    let id = distributor.id();
    line.distributor = Some(distributor);
    line.drain().await;
    limit(id, "200000");
    for batch in 1..=10 {
        let rows: Vec<String> = (0..900).map(|n| format!("({}, N'{}')", batch * 1000 + n, "x".repeat(40))).collect();
        line.source.run(&format!("INSERT INTO dbo.items VALUES {}", rows.join(", "))).await;
    }
    wait::until("the status to say that the queue is paused", async || {
        line.status().await["paused"].is_string().then_some(())
    })
    .await;
    assert!(line.distributor.as_ref().unwrap().is_running());
    limit(id, "unlimited");
    line.drain().await;
    assert_eq!(line.assert_equal("SELECT * FROM dbo.items ORDER BY id").await, 9001);
    assert!(line.status().await["paused"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_is_refused_by_the_name_of_its_file() {
    let mut line = with_table().await;
    line.publish("q", &["dbo.items", "dbo.fence"]).await;
    line.start_publisher();
    line.publisher_does(&["snapshot", "--publication", "q"]).await;
    let folder = std::fs::read_dir(line.path("snapshots")).unwrap().next().unwrap().unwrap().path();
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let data = files.into_iter().find(|path| path.to_string_lossy().ends_with("items.001.bcp")).unwrap();
    let mut bytes = std::fs::read(&data).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&data, bytes).unwrap();
    line.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", "q"]).await;
    let outcome = tokio::time::timeout(wait::LIMIT, line.subscriber_tries(&["run", "--once"])).await;
    fails_naming(&outcome.expect("a damaged file is not tried again and again"), &["items.001.bcp"]);
    let tables =
        "SELECT COUNT(*) FROM sys.tables AS t JOIN sys.partitions AS p ON p.object_id = t.object_id AND p.index_id < 2
                  WHERE t.name = 'items' AND p.rows > 0";
    assert_eq!(line.target.number(tables).await, 0, "nothing of it was loaded");
}
