//! Constraints that are made and dropped after the snapshot, and renamed tables: the subscriber follows while rows are written, none of
//! which it may stop at, whoever dies meanwhile.

#![allow(clippy::unwrap_used)]

use tests::line::Line;
use tests::server::TestDatabase;
use tests::wait;
use tests::workload::Workload;

/// Rows of `dbo.item` that are written to.
const ROWS: i64 = 20;

/// All constraints with what they say.
const CONSTRAINTS: &str = "SELECT name, definition, CAST(is_not_trusted AS int) AS u FROM sys.check_constraints
     UNION ALL SELECT name, definition, 0 FROM sys.default_constraints WHERE parent_object_id = OBJECT_ID('dbo.item')
     UNION ALL SELECT name, OBJECT_NAME(referenced_object_id), CAST(is_not_trusted AS int) FROM sys.foreign_keys
     UNION ALL SELECT name, type, 0 FROM sys.key_constraints WHERE type = 'UQ'
     ORDER BY 1";

/// The log reader, as the server knows it.
const LOG_READER: &str = concat!("replication publisher ", env!("CARGO_PKG_VERSION"));

async fn line() -> Line {
    let mut line = Line::start_on_sandboxes().await;
    line.make_fence().await;
    line.source
        .run(
            "CREATE TABLE dbo.kind (id int NOT NULL PRIMARY KEY, code int NULL);
             CREATE TABLE dbo.item (id int NOT NULL PRIMARY KEY, amount int NOT NULL, kind int NULL, code int NULL, note varchar(30) NULL,
                 CONSTRAINT ck_first CHECK (amount > -1000000000));
             INSERT INTO dbo.kind VALUES (1, 10), (2, 20);",
        )
        .await;
    let rows: Vec<String> = (1..=ROWS).map(|id| format!("({id}, 1000, 1, 10, 'first')")).collect();
    line.source.run(&format!("INSERT INTO dbo.item VALUES {}", rows.join(", "))).await;
    // The referring table before the one that it refers to.
    line.replicate(&["dbo.item", "dbo.kind", "dbo.fence"]).await;
    line.drain().await;
    line
}

/// Writes rows that no constraint of these tests forbids.
fn writer(database: &TestDatabase) -> Workload {
    Workload::start(database, 1, |_| {
        let mut numbers = 0i64..;
        move || {
            let n = numbers.next().unwrap();
            let (from, to, new) = (n * 7 % ROWS + 1, n * 11 % ROWS + 1, 1_000 + n % 30);
            format!(
                "SET XACT_ABORT ON; BEGIN TRAN;
                 UPDATE dbo.item SET amount = amount - 1, note = 'n{n}' WHERE id = {from};
                 DELETE FROM dbo.item WHERE id = {new};
                 INSERT INTO dbo.item (id, amount, kind, code) VALUES ({new}, 0, 2, 20);
                 UPDATE dbo.item SET amount = amount + 1, kind = {n} % 2 + 1 WHERE id = {to};
                 COMMIT;"
            )
        }
    })
}

async fn has(database: &TestDatabase, constraint: &str) -> bool {
    database
        .number(&format!("SELECT COUNT(*) FROM sys.objects WHERE name = '{constraint}' AND parent_object_id <> 0"))
        .await
        == 1
}

async fn arrived(line: &mut Line, constraint: &str) {
    wait::until(&format!("constraint {constraint} to arrive"), async || {
        has(&line.target, constraint).await.then_some(())
    })
    .await;
    assert!(line.subscriber.as_ref().unwrap().is_running());
}

async fn refused(line: &Line, sql: &str) {
    let mut source = line.source.connect().await;
    let error = source.run(sql).await.unwrap_err().to_string();
    assert!(error.contains("constraint"), "{error}");
}

async fn assert_equal(line: &Line) {
    line.drain().await;
    line.assert_equal("SELECT * FROM dbo.item ORDER BY id").await;
    line.assert_equal("SELECT * FROM dbo.kind ORDER BY id").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn constraints_come_and_go_between_the_rows_that_they_forbid() {
    let mut line = line().await;
    let writer = writer(&line.source);
    // What each forbids, and how that is mended before it is made.
    let cases = [
        ("ck", "CHECK (note <> 'bad')", "INSERT INTO dbo.item VALUES (501, 0, 1, 10, 'bad')"),
        ("fk", "FOREIGN KEY (kind) REFERENCES dbo.kind (id)", "INSERT INTO dbo.item VALUES (502, 0, 99, 10, 'x')"),
        ("uq", "UNIQUE (note, id, amount)", ""),
        ("df", "DEFAULT ('none') FOR note", ""),
    ];
    for (name, definition, forbidden) in cases {
        writer.makes(5).await;
        if !forbidden.is_empty() {
            // Rows from before that break it.
            line.source.run(forbidden).await;
            line.source.run("DELETE FROM dbo.item WHERE id BETWEEN 500 AND 510").await;
        }
        line.source.run(&format!("ALTER TABLE dbo.item ADD CONSTRAINT {name} {definition}")).await;
        if !forbidden.is_empty() {
            refused(&line, forbidden).await;
        }
        writer.makes(5).await;
        arrived(&mut line, name).await;
    }
    line.drain().await;
    line.assert_equal(CONSTRAINTS).await;
    for (name, _, forbidden) in cases {
        writer.makes(5).await;
        line.source.run(&format!("ALTER TABLE dbo.item DROP CONSTRAINT {name}; {forbidden}")).await;
    }
    // One that the snapshot made, too.
    line.source
        .run("ALTER TABLE dbo.item DROP CONSTRAINT ck_first; UPDATE dbo.item SET amount = -2000000000 WHERE id = 501")
        .await;
    writer.makes(5).await;
    line.drain().await;
    for (name, ..) in cases {
        assert!(!has(&line.target, name).await, "{name} is still there");
    }
    writer.stop().await;
    assert_equal(&line).await;
    assert_eq!(
        line.target.number("SELECT COUNT(*) FROM dbo.item WHERE note = 'bad' AND amount = -2000000000").await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_and_what_refers_to_it_come_and_go_together_and_changes_are_both() {
    let mut line = line().await;
    let writer = writer(&line.source);
    writer.makes(5).await;
    line.source
        .run(
            "BEGIN TRAN; ALTER TABLE dbo.kind ADD CONSTRAINT uq_code UNIQUE (code);
             ALTER TABLE dbo.item ADD CONSTRAINT fk_code FOREIGN KEY (code) REFERENCES dbo.kind (code); COMMIT;",
        )
        .await;
    arrived(&mut line, "fk_code").await;
    assert!(has(&line.target, "uq_code").await);
    writer.makes(5).await;
    line.source
        .run(
            "SET XACT_ABORT ON; BEGIN TRAN; ALTER TABLE dbo.item DROP CONSTRAINT fk_code; ALTER TABLE dbo.kind DROP CONSTRAINT uq_code;
             INSERT INTO dbo.kind VALUES (3, 10); UPDATE dbo.item SET code = 77 WHERE id = 3; COMMIT;",
        )
        .await;
    line.drain().await;
    assert!(!has(&line.target, "uq_code").await && !has(&line.target, "fk_code").await);
    // The same name with another meaning; one with rows that contradict it; one that is switched off and on.
    line.source.run("ALTER TABLE dbo.item ADD CONSTRAINT ck CHECK (code < 100)").await;
    line.source.run("ALTER TABLE dbo.item WITH NOCHECK ADD CONSTRAINT ck_lax CHECK (code < 50)").await;
    line.source.run("ALTER TABLE dbo.item ADD CONSTRAINT df DEFAULT (1) FOR code").await;
    for name in ["ck", "ck_lax", "df"] {
        arrived(&mut line, name).await;
    }
    line.source
        .run(
            "ALTER TABLE dbo.item DROP CONSTRAINT ck; ALTER TABLE dbo.item DROP CONSTRAINT df;
             ALTER TABLE dbo.item NOCHECK CONSTRAINT ck_lax; UPDATE dbo.item SET code = 105 WHERE id = 4;
             ALTER TABLE dbo.item ADD CONSTRAINT ck CHECK (code < 200);
             ALTER TABLE dbo.item ADD CONSTRAINT df DEFAULT (2) FOR code;",
        )
        .await;
    line.drain().await;
    assert!(!has(&line.target, "ck_lax").await, "what is switched off forbids nothing there");
    line.source.run("ALTER TABLE dbo.item CHECK CONSTRAINT ck_lax").await;
    for name in ["ck", "ck_lax", "df"] {
        arrived(&mut line, name).await;
    }
    writer.stop().await;
    line.drain().await;
    line.assert_equal(CONSTRAINTS).await;
    assert_equal(&line).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_columns_bring_their_constraints() {
    let mut line = line().await;
    let writer = writer(&line.source);
    writer.makes(5).await;
    line.source
        .run(
            "ALTER TABLE dbo.item ADD flag int NOT NULL CONSTRAINT df_flag DEFAULT (3) CONSTRAINT ck_flag CHECK (flag < 5),
                 parent int NULL CONSTRAINT fk_parent REFERENCES dbo.kind (id)",
        )
        .await;
    writer.makes(5).await;
    for name in ["df_flag", "ck_flag", "fk_parent"] {
        arrived(&mut line, name).await;
    }
    line.source.run("ALTER TABLE dbo.item DROP CONSTRAINT ck_flag; UPDATE dbo.item SET flag = 9 WHERE id = 1").await;
    writer.stop().await;
    assert_equal(&line).await;
    line.assert_equal(CONSTRAINTS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn constraints_that_are_not_replicated_stay_at_the_publisher() {
    let mut line = line().await;
    line.publisher_does(&["publication", "set", "--publication", "p", "--replicate-ddl", "off"]).await;
    line.source.run("ALTER TABLE dbo.item ADD CONSTRAINT ck CHECK (code < 100)").await;
    // The log reader writes a marker once it has seen it, and nothing more once the article has it.
    let markers = "SELECT COUNT(*) FROM [replication].marker WHERE kind = 'heartbeat'";
    line.drain().await;
    wait::until("the log reader to see it", async || (line.source.number(markers).await > 0).then_some(())).await;
    line.drain().await;
    assert!(!has(&line.target, "ck").await);
    line.publisher_does(&["publication", "set", "--publication", "p", "--replicate-ddl", "on"]).await;
    line.source.run("ALTER TABLE dbo.item ADD CONSTRAINT df DEFAULT (1) FOR code").await;
    line.drain().await;
    arrived(&mut line, "df").await;
    assert!(!has(&line.target, "ck").await, "what was left out is not made later");
    assert_equal(&line).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_reader_killed_at_any_statement_finds_constraints_again() {
    let mut line = line().await;
    let writer = writer(&line.source);
    let (mut hit, mut dropped) = (0, String::new());
    for n in (0..80).step_by(4) {
        writer.makes(2).await;
        let mut admin = line.source.connect().await;
        admin
            .run(&format!(
                "EXEC sys.sp_sandbox_fault @at = N'statement', @action = N'stall', @application = N'{LOG_READER}', @after = {n}"
            ))
            .await
            .unwrap();
        let name = format!("ck_{n}");
        line.source
            .run(&format!("{dropped} ALTER TABLE dbo.item ADD CONSTRAINT {name} CHECK (amount <> {n} + 5000)"))
            .await;
        let mut stalled = false;
        wait::until("the log reader to stall or to come over it", async || {
            let faults = admin.run("EXEC sys.sp_sandbox_faults").await.unwrap();
            stalled = faults.iter().any(|row| row.get::<i64, _>("fired").unwrap_or(0) > 0);
            (stalled || has(&line.target, &name).await).then_some(())
        })
        .await;
        if stalled {
            hit += 1;
            line.publisher.take().unwrap().kill();
        }
        admin.run("EXEC sys.sp_sandbox_clear_faults").await.unwrap();
        if stalled {
            line.start_publisher();
        }
        arrived(&mut line, &name).await;
        dropped = format!("ALTER TABLE dbo.item DROP CONSTRAINT {name};");
        if !stalled {
            break;
        }
    }
    writer.stop().await;
    line.drain().await;
    println!("killed at {hit} statements");
    assert!(hit > 5, "it was killed at {hit} statements only");
    line.assert_equal(CONSTRAINTS).await;
    assert_equal(&line).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_reader_that_dies_between_seeing_a_constraint_and_its_marker_sees_it_again() {
    let mut line = line().await;
    let fault = line
        .source
        .number(&format!(
            "EXEC sys.sp_sandbox_fault @at = N'write', @action = N'stall', @object = N'marker', @application = N'{LOG_READER}'"
        ))
        .await;
    line.source.run("ALTER TABLE dbo.item ADD CONSTRAINT ck CHECK (code < 100)").await;
    line.source.run("UPDATE dbo.item SET note = 'seen' WHERE id = 1").await;
    line.source.happened(fault).await;
    line.publisher.take().unwrap().kill();
    line.source.run("EXEC sys.sp_sandbox_clear_faults").await;
    // Gone before anybody came to it again, and there anew.
    line.source.run("ALTER TABLE dbo.item DROP CONSTRAINT ck; UPDATE dbo.item SET code = 105 WHERE id = 1").await;
    line.source.run("ALTER TABLE dbo.item ADD CONSTRAINT ck CHECK (code < 200)").await;
    line.start_publisher();
    arrived(&mut line, "ck").await;
    assert_equal(&line).await;
    line.assert_equal(CONSTRAINTS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_table_goes_on_under_its_name_at_the_subscriber() {
    let mut line = line().await;
    line.source.run("UPDATE dbo.item SET note = 'before' WHERE id = 1; EXEC sp_rename 'dbo.item', 'thing'").await;
    line.source.run("UPDATE dbo.thing SET note = 'after' WHERE id = 2").await;
    line.source.run("ALTER TABLE dbo.thing DROP COLUMN code").await;
    line.source.run("ALTER TABLE dbo.thing ADD CONSTRAINT ck CHECK (note <> 'bad')").await;
    line.drain().await;
    arrived(&mut line, "ck").await;
    line.assert_agrees("SELECT * FROM dbo.thing ORDER BY id", "SELECT * FROM dbo.item ORDER BY id").await;
    let listed = line.publisher_does(&["article", "list", "--publication", "p"]).await;
    assert!(listed.contains("dbo.thing"), "{listed}");
    // A snapshot of it is of the new name, for the table as it was called.
    line.publisher_does(&["snapshot", "--publication", "p"]).await;
    line.subscriber.take().unwrap().kill();
    line.subscriber_does(&["subscription", "drop", "--subscription", "s"]).await;
    line.target.run("DROP TABLE dbo.item; DROP TABLE dbo.kind; DROP TABLE dbo.fence;").await;
    line.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", "p"]).await;
    line.start_subscriber();
    line.source.run("UPDATE dbo.thing SET note = 'anew' WHERE id = 3").await;
    line.drain().await;
    line.assert_agrees("SELECT * FROM dbo.thing ORDER BY id", "SELECT * FROM dbo.item ORDER BY id").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_calls_a_renamed_table_by_its_old_name_stops_with_instructions_and_others_go_on() {
    let mut line = Line::start_on_sandboxes().await;
    line.make_fence().await;
    line.source
        .run(
            "CREATE TABLE dbo.plain (id int NOT NULL PRIMARY KEY, amount int NOT NULL);
             CREATE TABLE dbo.named (id int NOT NULL PRIMARY KEY, amount int NOT NULL);",
        )
        .await;
    line.publish("p", &["dbo.fence"]).await;
    for (table, filter) in [("dbo.plain", "amount > 5"), ("dbo.named", "named.amount > 5")] {
        let add = ["article", "add", "--publication", "p", "--table", table, "--filter", filter];
        line.publisher_does(&add).await;
    }
    line.start_publisher();
    line.publisher_does(&["snapshot", "--publication", "p"]).await;
    line.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", "p"]).await;
    line.start_subscriber();
    line.source.run("EXEC sp_rename 'dbo.plain', 'other'").await;
    line.source.run("INSERT INTO dbo.other VALUES (1, 1), (2, 10); INSERT INTO dbo.named VALUES (1, 1), (2, 10)").await;
    line.drain().await;
    line.assert_agrees("SELECT * FROM dbo.other WHERE amount > 5", "SELECT * FROM dbo.plain").await;
    line.assert_agrees("SELECT * FROM dbo.named WHERE amount > 5", "SELECT * FROM dbo.named").await;
    line.source.run("EXEC sp_rename 'dbo.named', 'called'; INSERT INTO dbo.called VALUES (3, 10)").await;
    let ended = line.publisher.take().unwrap().ended().await;
    assert!(!ended.status.success());
    for part in ["dbo.named", "called dbo.called now", "filter", "give it back that name"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    // Doing what it says helps.
    line.source.run("EXEC sp_rename 'dbo.called', 'named'").await;
    line.start_publisher();
    line.drain().await;
    line.assert_agrees("SELECT * FROM dbo.named WHERE amount > 5 ORDER BY id", "SELECT * FROM dbo.named ORDER BY id")
        .await;
}
