//! A snapshot is loaded by parts, several at once; interrupted at any moment, it goes on where it was, and every row is there once.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use tests::line::{At, Line, succeeded};
use tests::process::{Outcome, Process};
use tests::wait;

const SUBSCRIBER: &str = "replication subscriber";
/// Rows of `dbo.big`, in files of as many each.
const ROWS: i64 = 2_900;
const FILES: i64 = 10;
const ROWS_OF_FILE: i64 = ROWS / FILES;
const BIG: &str = "SELECT * FROM dbo.big ORDER BY id";
const CHILD: &str = "SELECT * FROM dbo.child ORDER BY id";

/// A published table in many parts, and one that refers to it, has an identity column and an index.
async fn line() -> Line {
    let mut line = Line::start_on_sandboxes().await;
    line.make_fence().await;
    line.source
        .run(
            "CREATE TABLE dbo.big (id int NOT NULL PRIMARY KEY, name varchar(40) NOT NULL, note nvarchar(60) NULL,
                 amount decimal(18,4) NOT NULL CONSTRAINT ck_amount CHECK (amount >= 0), at datetime2(3) NOT NULL);
             CREATE TABLE dbo.child (id int IDENTITY(1, 3) NOT NULL PRIMARY KEY, big int NOT NULL
                 CONSTRAINT fk_big REFERENCES dbo.big (id), price money NULL);
             CREATE INDEX ix_name ON dbo.big (name);",
        )
        .await;
    fill(&line, 1).await;
    line.source.run("INSERT INTO dbo.child (big, price) SELECT id, id / 8.0 FROM dbo.big WHERE id % 29 = 0").await;
    line.publish("p", &["dbo.fence", "dbo.big", "dbo.child"]).await;
    line.start_publisher();
    snapshot(&line).await;
    line.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", "p"]).await;
    line
}

/// Rows from `first` on.
async fn fill(line: &Line, first: i64) {
    let row = |id: i64| {
        let note = if id % 7 == 0 { "NULL".to_owned() } else { format!("N'größe {id} 👟'") };
        format!("({id}, 'naïve {id}', {note}, {id}.0{}, DATEADD(millisecond, {id} * 37, '2024-02-29'))", id % 10)
    };
    for ids in (first..first + ROWS).collect::<Vec<_>>().chunks(500) {
        let rows: Vec<String> = ids.iter().map(|id| row(*id)).collect();
        line.source.run(&format!("INSERT INTO dbo.big VALUES {}", rows.join(", "))).await;
    }
}

async fn snapshot(line: &Line) {
    line.publisher_does(&["snapshot", "--publication", "p", "--rows-per-file", "290"]).await;
}

async fn load(line: &Line, more: &[&str]) -> Outcome {
    let arguments: Vec<&str> = ["run", "--once"].into_iter().chain(more.iter().copied()).collect();
    line.subscriber_tries(&arguments).await
}

/// The data files of `dbo.big`, in the order of their parts.
fn files(line: &Line) -> Vec<PathBuf> {
    let newest = std::fs::read_dir(line.path("snapshots")).unwrap().map(|entry| entry.unwrap().path());
    let newest =
        newest.max_by_key(|folder| folder.join("manifest.json").metadata().unwrap().modified().unwrap()).unwrap();
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(newest.join("manifest.json")).unwrap()).unwrap();
    let articles = manifest["articles"].as_array().unwrap();
    let big = articles.iter().find(|article| article["article"]["source"]["table"] == "big").unwrap();
    let names = big["data"].as_array().unwrap().iter().map(|part| newest.join(part["file"]["name"].as_str().unwrap()));
    let files: Vec<PathBuf> = names.collect();
    assert_eq!(files.len() as i64, FILES);
    files
}

/// The file that one connection loads last of `dbo.big`: the smallest.
fn last(files: &[PathBuf]) -> &PathBuf {
    files.iter().rev().min_by_key(|file| file.metadata().unwrap().len()).unwrap()
}

/// Everything of the publication is there once, with what the scripts make, and changes arrive.
async fn assert_complete(line: &mut Line) {
    if line.subscriber.is_none() {
        line.start_subscriber();
    }
    line.source.run("UPDATE dbo.big SET note = N'changed' WHERE id % 100 = 1").await;
    line.drain().await;
    assert!(line.assert_equal(BIG).await > 0);
    assert!(line.assert_equal(CHILD).await > 0);
    for made in [
        "SELECT COUNT(*) FROM sys.indexes WHERE name = 'ix_name' AND object_id = OBJECT_ID('dbo.big')",
        "SELECT COUNT(*) FROM sys.foreign_keys WHERE name = 'fk_big' AND is_not_trusted = 0",
        "SELECT COUNT(*) FROM sys.check_constraints WHERE name = 'ck_amount' AND is_not_trusted = 0",
        "SELECT COUNT(*) FROM sys.identity_columns WHERE object_id = OBJECT_ID('dbo.child')",
    ] {
        assert_eq!(line.target.number(made).await, 1, "{made}");
    }
    let left = "SELECT COUNT(*) FROM [replication].subscription_load";
    assert_eq!(line.target.number(left).await, 0, "no load is under way");
    let part = "SELECT COUNT(*) FROM [replication].subscription_part WHERE state <> 'complete'";
    assert_eq!(line.target.number(part).await, 0);
}

async fn arm(line: &Line, fault: &str) -> i64 {
    line.target.number(&format!("EXEC sys.sp_sandbox_fault @application = N'{SUBSCRIBER}', {fault}")).await
}

async fn happened(line: &Line, fault: i64) {
    line.target.happened(fault).await;
}

async fn clear(line: &Line) {
    line.target.run("EXEC sys.sp_sandbox_clear_faults").await;
}

/// How often any fault has happened.
async fn fired(line: &Line) -> i64 {
    let rows = line.target.connect().await.run("EXEC sys.sp_sandbox_faults").await.unwrap();
    rows.iter().map(|row| row.get::<i64, _>("fired").unwrap_or(0)).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_one_table_are_loaded_over_several_connections() {
    let mut line = line().await;
    // The first part that is about to be committed waits; the others are begun meanwhile.
    let fault = arm(&line, "@at = N'write', @action = N'stall', @object = N'big'").await;
    let mut command = line.command("subscriber", At::Target);
    command.args(["run", "--continuous", "--load-sessions", "3"]);
    line.subscriber = Some(Process::start("subscriber", command, line.folder()));
    happened(&line, fault).await;
    // One that holds the subscription's lock, and three that load.
    let sessions = format!("SELECT COUNT(*) FROM sys.dm_exec_sessions WHERE program_name = '{SUBSCRIBER}'");
    wait::until("three connections that load", async || (line.target.number(&sessions).await == 4).then_some(())).await;
    clear(&line).await;
    assert_complete(&mut line).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_is_killed_at_any_statement_goes_on() {
    let mut line = line().await;
    let (mut hit, mut loaded) = (0, Vec::new());
    // One that is about to commit keeps the others from writing, so that only some parts are there.
    let statements = (0..54).step_by(6).map(|n| ("statement", n));
    for (at, n) in statements.chain([1, 2, 3].into_iter().cycle().map(|n| ("before_commit", n))) {
        let before = fired(&line).await;
        arm(&line, &format!("@at = N'{at}', @action = N'stall', @after = {n}")).await;
        line.start_subscriber();
        let mut stalled = false;
        wait::until("the subscriber to stall or to be done", async || {
            stalled = fired(&line).await > before;
            // What stalls may have locked it.
            let state = "SET LOCK_TIMEOUT 0; SELECT state FROM [replication].subscription_state";
            let rows = line.target.connect().await.run(state).await.unwrap_or_default();
            let active = rows.first().is_some_and(|row| row.get::<&str, _>(0) == Some("active"));
            (stalled || active).then_some(())
        })
        .await;
        if !stalled {
            clear(&line).await;
            break;
        }
        hit += 1;
        line.subscriber.take().unwrap().kill();
        clear(&line).await;
        loaded.push(
            line.target.number("SELECT COUNT(*) FROM [replication].subscription_part WHERE state <> 'waiting'").await,
        );
    }
    println!("killed {hit} times; parts that were there: {loaded:?}");
    assert!(hit >= 6, "it was killed {hit} times only");
    assert!(loaded.is_sorted(), "what is loaded stays: {loaded:?}");
    assert!(loaded.iter().any(|loaded| (1..FILES).contains(loaded)), "it was killed in the middle: {loaded:?}");
    assert_complete(&mut line).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_named_and_mended_the_load_goes_on_from_there() {
    let mut line = line().await;
    let files = files(&line);
    let damaged = last(&files);
    let whole = std::fs::read(damaged).unwrap();
    let mut bytes = whole.clone();
    // Within the name of a row, so that it still is one.
    let at = bytes.windows(6).rposition(|word| word == b"n\0a\0\xEF\0").unwrap();
    bytes[at] = b'x';
    std::fs::write(damaged, &bytes).unwrap();

    let outcome = load(&line, &["--load-sessions", "1"]).await;
    let name = damaged.file_name().unwrap().to_str().unwrap();
    assert_eq!(outcome.status.code(), Some(1), "{}", outcome.stderr);
    assert!(outcome.stderr.contains(name) && outcome.stderr.contains("damaged"), "{}", outcome.stderr);
    let failed = wait::until("the distributor to be told", async || {
        let subscription = line.status().await["subscriptions"][0].clone();
        (subscription["state"] == "failed").then_some(subscription)
    })
    .await;
    assert!(failed["error"].as_str().unwrap().contains(name), "{failed}");
    let state = "SELECT COUNT(*) FROM [replication].subscription_state WHERE state = 'initializing'";
    assert_eq!(line.target.number(state).await, 1);
    let loaded = "SELECT COUNT(*) FROM [replication].subscription_part WHERE state = 'loaded'";
    assert!(line.target.number(loaded).await >= FILES - 1);
    let rows = line.target.number("SELECT COUNT(*) FROM dbo.big").await;
    assert_eq!(rows, ROWS - ROWS_OF_FILE, "nothing of the damaged file is there");

    // What is there is not read again.
    for file in &files {
        std::fs::write(file, b"").unwrap();
    }
    std::fs::write(damaged, &whole).unwrap();
    succeeded(load(&line, &[]).await);
    assert_complete(&mut line).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_snapshot_takes_the_place_of_one_that_is_half_loaded() {
    let mut line = line().await;
    std::fs::write(last(&files(&line)), b"").unwrap();
    assert_eq!(load(&line, &["--load-sessions", "1"]).await.status.code(), Some(1));
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.big").await, ROWS - ROWS_OF_FILE);

    line.source.run("DELETE FROM dbo.child; DELETE FROM dbo.big WHERE id <= 600;").await;
    fill(&line, ROWS + 1).await;
    line.source.run("DELETE FROM dbo.big WHERE id > 2 * 2900 - 600").await;
    line.source.run("INSERT INTO dbo.child (big, price) SELECT id, NULL FROM dbo.big WHERE id % 31 = 0").await;
    snapshot(&line).await;
    // Killed once it has begun anew, before anything is loaded, it goes on with the newer one.
    let fault = arm(&line, "@at = N'write', @action = N'stall', @object = N'big', @after = 2").await;
    line.start_subscriber();
    happened(&line, fault).await;
    line.subscriber.take().unwrap().kill();
    clear(&line).await;
    succeeded(load(&line, &[]).await);
    assert_complete(&mut line).await;
}

/// Files of a folder and of those in it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let copied = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &copied);
        } else {
            std::fs::copy(entry.path(), copied).unwrap();
        }
    }
}

/// The older snapshot is the newest again once the distributor is restored from a backup. By then the tables that were half loaded from it may
/// have been emptied for the newer one, and are not taken for half loaded.
#[tokio::test(flavor = "multi_thread")]
async fn the_older_snapshot_offered_again_is_loaded_from_its_beginning_if_the_tables_were_emptied() {
    let mut line = line().await;
    let damaged = last(&files(&line)).clone();
    let whole = std::fs::read(&damaged).unwrap();
    std::fs::write(&damaged, b"").unwrap();
    assert_eq!(load(&line, &["--load-sessions", "1"]).await.status.code(), Some(1));
    std::fs::write(&damaged, &whole).unwrap();
    line.publisher.take().unwrap().kill();
    line.distributor.take().unwrap().kill();
    let (queue, backup) = (line.path("queue"), line.path("backup"));
    copy(&queue, &backup);
    line.start_distributor().await;
    line.start_publisher();
    snapshot(&line).await;

    // The first statement asks what was being loaded; the next, with the tables emptied, is to record what is loaded now.
    let fault = arm(&line, "@at = N'statement', @action = N'stall', @object = N'subscription_load', @after = 1").await;
    line.start_subscriber();
    happened(&line, fault).await;
    line.subscriber.take().unwrap().kill();
    clear(&line).await;
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.big").await, 0, "the tables are emptied");
    const LOADS: &str = "SELECT COUNT(DISTINCT snapshot_id) FROM [replication].subscription_load";
    assert_eq!(line.target.number(LOADS).await, 1);

    line.publisher.take().unwrap().kill();
    line.distributor.take().unwrap().kill();
    std::fs::remove_dir_all(&queue).unwrap();
    std::fs::rename(&backup, &queue).unwrap();
    line.start_distributor().await;
    line.start_publisher();
    succeeded(load(&line, &[]).await);
    assert_complete(&mut line).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_by_itself_is_tried_again_part_by_part() {
    let mut line = line().await;
    arm(
        &line,
        "@at = N'write', @action = N'error', @number = N'1205', @object = N'big', @after = 1, @every = 3, @times = 3",
    )
    .await;
    arm(&line, "@at = N'write', @action = N'error', @number = N'1222', @object = N'child', @times = 2").await;
    arm(&line, "@at = N'bulk_row', @action = N'disconnect', @after = 700, @times = 1").await;
    // A commit that is carried out, and nobody is told.
    arm(&line, "@at = N'after_commit', @action = N'disconnect', @after = 4, @every = 3, @times = 2").await;
    succeeded(load(&line, &[]).await);
    let fired = fired(&line).await;
    assert_eq!(fired, 8, "every fault has happened");
    clear(&line).await;
    assert_complete(&mut line).await;
}

/// Every type that is loaded straight into its table, with and without NULL, and values that a bulk load cannot carry among the others.
#[tokio::test(flavor = "multi_thread")]
async fn values_that_are_loaded_straight_arrive_exactly() {
    const TYPES: [(&str, &str, &str); 22] = [
        ("bit", "1", "0"),
        ("tinyint", "255", "0"),
        ("smallint", "-32768", "32767"),
        ("int", "-2147483648", "2147483647"),
        ("bigint", "-9223372036854775808", "9223372036854775807"),
        ("decimal(38,0)", "-99999999999999999999999999999999999999", "1"),
        ("decimal(19,4)", "922337203685477.5807", "-0.0001"),
        ("numeric(5,5)", "0.99999", "-0.00001"),
        ("real", "1.17549435E-38", "-3.4028235E38"),
        ("float", "2.2250738585072014E-308", "0.1"),
        ("date", "'0001-01-01'", "'9999-12-31'"),
        ("datetime", "'1753-01-01T00:00:00.003'", "'9999-12-31T23:59:59.997'"),
        ("datetime2(7)", "'9999-12-31T23:59:59.9999999'", "'0001-01-01'"),
        ("datetime2(3)", "'2024-02-29T00:00:00.003'", "'2024-02-29T23:59:59.999'"),
        ("datetime2(0)", "'2024-02-29T23:59:59'", "'2024-02-29T00:00:01'"),
        ("time(7)", "'23:59:59.9999999'", "'00:00'"),
        ("datetimeoffset(7)", "'2024-02-29T23:59:59.9999999 -14:00'", "'2024-02-29T00:00:00 +05:30'"),
        ("uniqueidentifier", "'00112233-4455-6677-8899-AABBCCDDEEFF'", "'FFEEDDCC-BBAA-9988-7766-554433221100'"),
        ("char(6)", "'a€ÿ'", "''"),
        ("varchar(30)", "'naïve €‰ ÿ  '", "''"),
        ("nvarchar(30)", "N'größe 👟 Ж '", "N''"),
        ("varbinary(8)", "0x00FF00", "0x"),
    ];
    let mut line = Line::start().await;
    line.make_fence().await;
    let column = |(i, (ty, _, _)): (usize, &(&str, &str, &str))| format!("r{i} {ty} NOT NULL, n{i} {ty} NULL");
    let columns: Vec<String> = TYPES.iter().enumerate().map(column).collect();
    let create = format!(
        "CREATE TABLE dbo.straight (id bigint IDENTITY(100, -1) NOT NULL PRIMARY KEY, {}, b binary(5) NOT NULL, v varchar(max) NULL,
             w nvarchar(max) NULL, x varbinary(max) NULL, twice AS id * 2, sum AS id + 1 PERSISTED)",
        columns.join(", ")
    );
    line.source.run(&create).await;
    let tail = ", 0x0102030405, REPLICATE(CAST('é' AS varchar(max)), 9000), N'w', 0x";
    let long = ", 0x01, NULL, REPLICATE(CAST(N'Ж' AS nvarchar(max)), 40000), CAST(REPLICATE(CAST('x' AS varchar(max)), 70000) AS varbinary(max))";
    let row = |pick: fn(&(&'static str, &'static str, &'static str)) -> (&'static str, &'static str), tail: &str| {
        let values = TYPES.iter().map(|ty| format!("{}, {}", pick(ty).0, pick(ty).1)).collect::<Vec<_>>();
        format!("INSERT INTO dbo.straight SELECT {}{tail};", values.join(", "))
    };
    let mut rows = String::new();
    for _ in 0..3 {
        rows += &row(|(_, a, b)| (a, b), tail);
        rows += &row(|(_, _, b)| (b, "NULL"), long);
        rows += &row(|(_, a, _)| (a, "NULL"), ", 0x00, NULL, NULL, NULL");
    }
    line.source.run(&rows).await;
    line.replicate(&["dbo.fence", "dbo.straight"]).await;
    line.drain().await;
    assert_eq!(line.assert_equal("SELECT * FROM dbo.straight ORDER BY id").await, 9);
    for n in ["LEN(v)", "DATALENGTH(w)", "DATALENGTH(x)", "DATALENGTH(r18)", "DATALENGTH(r19)"] {
        line.assert_equal(&format!("SELECT id, {n} FROM dbo.straight ORDER BY id")).await;
    }
}

/// Tables that were there before, empty, with constraints and triggers of their own.
#[tokio::test(flavor = "multi_thread")]
async fn tables_that_were_there_keep_their_constraints_trusted_and_their_triggers_silent() {
    let mut line = line().await;
    line.target
        .run(
            "CREATE TABLE dbo.seen (what varchar(20) NOT NULL);
             CREATE TABLE dbo.big (id int NOT NULL PRIMARY KEY, name varchar(40) NOT NULL, note nvarchar(60) NULL,
                 amount decimal(18,4) NOT NULL CONSTRAINT ck_amount CHECK (amount >= 0), at datetime2(3) NOT NULL);
             CREATE TABLE dbo.child (id int IDENTITY(1, 3) NOT NULL PRIMARY KEY, big int NOT NULL
                 CONSTRAINT fk_big REFERENCES dbo.big (id), price money NULL);",
        )
        .await;
    for table in ["big", "child", "fence"] {
        if table == "fence" {
            line.target.run("CREATE TABLE dbo.fence (id uniqueidentifier NOT NULL PRIMARY KEY)").await;
        }
        let trigger = format!(
            "CREATE TRIGGER dbo.tr_{table} ON dbo.{table} AFTER INSERT AS INSERT INTO dbo.seen VALUES ('{table}')"
        );
        line.target.run(&trigger).await;
    }
    line.source.run("INSERT INTO dbo.fence VALUES (NEWID())").await;
    snapshot(&line).await;
    succeeded(load(&line, &[]).await);
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.seen").await, 0, "no trigger fires for the snapshot");
    let enabled = "SELECT COUNT(*) FROM sys.triggers WHERE is_disabled = 0 AND name LIKE 'tr[_]%'";
    assert_eq!(line.target.number(enabled).await, 3, "they are enabled as before");
    assert_complete(&mut line).await;
    assert!(
        line.target.number("SELECT COUNT(*) FROM dbo.seen WHERE what = 'fence'").await > 0,
        "and fire for what follows"
    );
}

/// The process ends, and what it was loading is taken back by the server, when it is asked to stop.
#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_is_asked_to_stop_ends_at_once_and_goes_on_later() {
    let mut line = line().await;
    let fault = arm(&line, "@at = N'bulk_row', @action = N'delay', @delay_ms = 3600000, @after = 500").await;
    line.start_subscriber();
    happened(&line, fault).await;
    let outcome = line.subscriber.take().unwrap().terminate().await;
    assert!(outcome.status.success(), "{}", outcome.stderr);
    clear(&line).await;
    assert_complete(&mut line).await;
}
