//! What an update changes arrives, and nothing else of the row is written.

#![allow(clippy::unwrap_used)]

use tests::line::Line;
use tests::wait;

/// A line with one table, its rows and the fence.
async fn with(table: &str) -> Line {
    let mut line = Line::start().await;
    line.make_fence().await;
    line.source.run(table).await;
    line.replicate(&["dbo.t", "dbo.fence"]).await;
    line.drain().await;
    line
}

const ALL: &str = "SELECT * FROM dbo.t ORDER BY id";

/// Row changes that the distributor has taken.
async fn changes_taken(line: &Line) -> u64 {
    let status = line.status().await;
    status["databases"][0]["changes"].as_u64().expect("status says so")
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_columns_that_changed_are_written() {
    let line = with(
        "CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY, a int NULL, b int NULL, body nvarchar(max) NULL);
         WITH n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 1000)
         INSERT INTO dbo.t SELECT id, 0, 0, N'text ' + CAST(id AS nvarchar(10)) FROM n OPTION (MAXRECURSION 1000);",
    )
    .await;
    // What the subscriber holds in the columns that no update touches is its own, and must survive.
    line.target.run("UPDATE dbo.t SET b = id, body = N'own'").await;
    // A few rows go as parameters, many by a staging table.
    line.source.run("UPDATE dbo.t SET a = 5, b = b, body = body WHERE id <= 10").await;
    line.drain().await;
    line.source.run("UPDATE dbo.t SET a = id WHERE id > 10").await;
    line.drain().await;
    let kept =
        "SELECT COUNT(*) FROM dbo.t WHERE a = CASE WHEN id <= 10 THEN 5 ELSE id END AND b = id AND body = N'own'";
    assert_eq!(line.target.number(kept).await, 1000);
    // Two statements of one transaction on one row touch two columns: these, and not the third.
    line.source
        .run("BEGIN TRAN; UPDATE dbo.t SET a = -1 WHERE id = 7; UPDATE dbo.t SET body = NULL WHERE id = 7; COMMIT;")
        .await;
    line.drain().await;
    assert_eq!(
        line.target.number("SELECT COUNT(*) FROM dbo.t WHERE id = 7 AND a = -1 AND b = 7 AND body IS NULL").await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn large_values_that_an_update_leaves_alone_never_become_null() {
    let line = with(
        "CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY, code int NOT NULL UNIQUE, title nvarchar(50) NOT NULL,
             body nvarchar(max) NOT NULL, image varbinary(max) NULL);
         INSERT INTO dbo.t VALUES (1, 1, N'one', REPLICATE(CAST(N'b' AS nvarchar(max)), 20000), 0x01),
             (2, 2, N'two', N'short', CAST(REPLICATE(CAST('i' AS varchar(max)), 20000) AS varbinary(max))), (3, 3, N'three', N'', NULL);",
    )
    .await;
    // Another column, the key, a unique column, one large column of two, and all of it in one transaction with what came before.
    for change in [
        "UPDATE dbo.t SET title = N'renamed'",
        "UPDATE dbo.t SET id = id + 10",
        "UPDATE dbo.t SET code = 4 - code",
        "UPDATE dbo.t SET image = 0xFF WHERE id = 11",
        "BEGIN TRAN; UPDATE dbo.t SET title = N'again'; UPDATE dbo.t SET id = 24 - id; UPDATE dbo.t SET code = code + 100;
         UPDATE dbo.t SET body = N'new' WHERE id = 11; UPDATE dbo.t SET title = N'last' WHERE id = 12; COMMIT;",
    ] {
        line.source.run(change).await;
        line.drain().await;
        assert_eq!(line.assert_equal(ALL).await, 3);
    }
    assert_eq!(line.target.number("SELECT LEN(body) FROM dbo.t WHERE id = 13").await, 20_000);
    assert_eq!(line.target.number("SELECT DATALENGTH(image) FROM dbo.t WHERE id = 12").await, 20_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_change_pass_round_and_are_taken_again_within_one_transaction() {
    let line = with(
        "CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY, name nvarchar(20) NOT NULL, note nvarchar(max) NULL);
         INSERT INTO dbo.t VALUES (1, N'one', N'n1'), (2, N'two', N'n2'), (3, N'three', N'n3'), (4, N'four', NULL);",
    )
    .await;
    for change in [
        // One statement, and the same by way of a key that nobody has.
        "UPDATE dbo.t SET id = CASE id WHEN 1 THEN 2 WHEN 2 THEN 1 ELSE id END",
        "BEGIN TRAN; UPDATE dbo.t SET id = 99 WHERE id = 1; UPDATE dbo.t SET id = 1 WHERE id = 2; UPDATE dbo.t SET id = 2 WHERE id = 99; COMMIT;",
        // A chain, and all keys one on.
        "UPDATE dbo.t SET id = id + 1",
        "BEGIN TRAN; UPDATE dbo.t SET id = 50 WHERE id = 5; UPDATE dbo.t SET name = N'moved' WHERE id = 50; UPDATE dbo.t SET id = 5 WHERE id = 4;
         UPDATE dbo.t SET id = 4 WHERE id = 3; DELETE FROM dbo.t WHERE id = 2; UPDATE dbo.t SET id = 2 WHERE id = 50; COMMIT;",
        // There and back again, which leaves only the other change.
        "BEGIN TRAN; UPDATE dbo.t SET id = 77 WHERE id = 4; UPDATE dbo.t SET note = N'way' WHERE id = 77; UPDATE dbo.t SET id = 4 WHERE id = 77; COMMIT;",
        // The key of a row that goes is taken by another, and its own by a new one.
        "BEGIN TRAN; DELETE FROM dbo.t WHERE id = 4; UPDATE dbo.t SET id = 4 WHERE id = 5; INSERT INTO dbo.t VALUES (5, N'new', N'n'); COMMIT;",
    ] {
        line.source.run(change).await;
        line.drain().await;
        line.assert_equal(ALL).await;
    }
    assert_eq!(line.assert_equal(ALL).await, 3);
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.t WHERE id = 2 AND name = N'moved'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn unique_values_swap_and_pass_along_chains_of_rows() {
    let line = with(
        "CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY, code varchar(10) NOT NULL, place int NULL, note nvarchar(20) NULL);
         CREATE UNIQUE INDEX code ON dbo.t (code);
         CREATE UNIQUE INDEX place ON dbo.t (place) WHERE place IS NOT NULL;
         INSERT INTO dbo.t VALUES (1, 'a', 1, N''), (2, 'b', 2, N''), (3, 'c', NULL, N''), (4, 'd', 4, N'');",
    )
    .await;
    let unique = "SELECT COUNT(*) FROM sys.indexes WHERE object_id = OBJECT_ID('dbo.t') AND is_unique = 1";
    assert_eq!(line.target.number(unique).await, 3, "the subscriber keeps them too");
    for change in [
        "UPDATE dbo.t SET code = CASE id WHEN 1 THEN 'b' WHEN 2 THEN 'a' ELSE code END",
        "UPDATE dbo.t SET code = CASE id WHEN 1 THEN 'c' WHEN 2 THEN 'd' WHEN 3 THEN 'a' ELSE 'b' END, note = CONCAT(note, id)",
        // By three statements, other columns changed on the way by some of them.
        "BEGIN TRAN; UPDATE dbo.t SET code = 'x' WHERE id = 1; UPDATE dbo.t SET code = 'c', note = N'c' WHERE id = 2;
         UPDATE dbo.t SET code = 'd' WHERE id = 1; COMMIT;",
        // NULLs are not unique here; a value is freed and taken.
        "BEGIN TRAN; UPDATE dbo.t SET place = NULL WHERE id = 1; UPDATE dbo.t SET place = 1 WHERE id = 3; COMMIT;",
        "UPDATE dbo.t SET place = CASE id WHEN 2 THEN 4 WHEN 4 THEN 2 ELSE place END WHERE place IS NOT NULL",
        // Freed by a row that goes, taken by one that comes and by one that stays.
        "BEGIN TRAN; DELETE FROM dbo.t WHERE id = 4; UPDATE dbo.t SET code = 'b' WHERE id = 3; INSERT INTO dbo.t VALUES (5, 'a', 2, N'new'); COMMIT;",
    ] {
        line.source.run(change).await;
        line.drain().await;
        assert_eq!(line.assert_equal(ALL).await, 4, "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_changed_many_times_in_one_transaction_arrives_as_it_is_in_the_end() {
    let line = with(
        "CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY, n int NOT NULL, s nvarchar(50) NULL, body nvarchar(max) NULL);
         INSERT INTO dbo.t VALUES (1, 0, N'', N'kept'), (2, 0, NULL, NULL);",
    )
    .await;
    line.source
        .run(
            "BEGIN TRAN;
             DECLARE @i int = 0;
             WHILE @i < 2000
             BEGIN
                 SET @i = @i + 1;
                 UPDATE dbo.t SET n = n + 1 WHERE id = 1;
                 IF @i % 10 = 0 UPDATE dbo.t SET s = CONCAT(N'at ', @i) WHERE id = 1;
                 IF @i % 500 = 0
                 BEGIN
                     DELETE FROM dbo.t WHERE id = 2;
                     INSERT INTO dbo.t VALUES (2, @i, N'again', NULL);
                     UPDATE dbo.t SET body = N'given later' WHERE id = 2;
                 END;
             END;
             COMMIT;",
        )
        .await;
    line.drain().await;
    assert_eq!(line.assert_equal(ALL).await, 2);
    let end = "SELECT COUNT(*) FROM dbo.t WHERE (id = 1 AND n = 2000 AND s = N'at 2000' AND body = N'kept')
        OR (id = 2 AND n = 2000 AND body = N'given later')";
    assert_eq!(line.target.number(end).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_of_no_published_column_sends_nothing() {
    let mut line = Line::start().await;
    line.make_fence().await;
    line.source
        .run(
            "CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY, shown nvarchar(20) NULL, inner_note nvarchar(20) NULL, secret nvarchar(max) NULL);
             INSERT INTO dbo.t VALUES (1, N'a', N'x', N's'), (2, N'b', N'y', NULL);",
        )
        .await;
    line.publish("p", &["dbo.fence"]).await;
    line.publisher_does(&["article", "add", "--publication", "p", "--table", "dbo.t", "--columns", "id,shown"]).await;
    line.start_publisher();
    line.publisher_does(&["snapshot", "--publication", "p"]).await;
    line.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", "p"]).await;
    line.start_subscriber();
    line.drain().await;
    let before = changes_taken(&line).await;
    line.source.run("UPDATE dbo.t SET inner_note = N'changed', secret = N'changed'").await;
    line.source.run("UPDATE dbo.t SET shown = shown, inner_note = NULL").await;
    line.drain().await;
    assert_eq!(changes_taken(&line).await - before, 1, "the fence's row alone");
    // One that touches a published column as well sends that column.
    line.source.run("UPDATE dbo.t SET shown = N'c', inner_note = N'z' WHERE id = 2").await;
    line.drain().await;
    wait::until("the distributor to count it", async || (changes_taken(&line).await - before == 3).then_some(())).await;
    line.assert_agrees("SELECT id, shown FROM dbo.t ORDER BY id", ALL).await;
}
