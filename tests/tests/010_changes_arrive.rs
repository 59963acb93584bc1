//! What commits at the publisher arrives at the subscriber: every kind of change, as whole transactions, value for value.

#![allow(clippy::unwrap_used)]

use tests::line::Line;

const ORDERS: &str = "SELECT * FROM dbo.orders ORDER BY id";
const LINES: &str = "SELECT * FROM dbo.lines ORDER BY order_id, line_no";

async fn shop() -> Line {
    let mut line = Line::start().await;
    line.make_fence().await;
    line.source
        .run(
            "CREATE TABLE dbo.orders (id int NOT NULL PRIMARY KEY, customer nvarchar(40) NULL, total decimal(19,4) NOT NULL);
             CREATE TABLE dbo.lines (order_id int NOT NULL REFERENCES dbo.orders (id), line_no int NOT NULL, sku varchar(20) NOT NULL,
                 amount decimal(19,4) NOT NULL, PRIMARY KEY (order_id, line_no));
             INSERT INTO dbo.orders VALUES (1, N'before the snapshot', 10), (2, NULL, 20), (3, N'third', 30);
             INSERT INTO dbo.lines VALUES (1, 1, 'A', 10), (2, 1, 'B', 20), (3, 1, 'C', 30);",
        )
        .await;
    line.replicate(&["dbo.orders", "dbo.lines", "dbo.fence"]).await;
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_the_snapshot_and_inserts_updates_and_deletes_after_it_arrive() {
    let line = shop().await;
    line.drain().await;
    assert_eq!(line.assert_equal(ORDERS).await, 3);

    line.source.run("INSERT INTO dbo.orders VALUES (4, N'fourth', 40)").await;
    line.source.run("UPDATE dbo.orders SET total = 21, customer = N'known now' WHERE id = 2").await;
    line.source.run("DELETE FROM dbo.lines WHERE order_id = 3; DELETE FROM dbo.orders WHERE id = 3;").await;
    line.drain().await;
    assert_eq!(line.assert_equal(ORDERS).await, 3);
    assert_eq!(line.assert_equal(LINES).await, 2);
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.orders WHERE id = 2 AND total = 21").await, 1);
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.orders WHERE id = 3").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_key_arrives_as_the_new_row_without_the_old_one() {
    let line = shop().await;
    line.source.run("DELETE FROM dbo.lines; UPDATE dbo.orders SET id = id + 100;").await;
    line.source.run("UPDATE dbo.orders SET id = CASE id WHEN 101 THEN 102 WHEN 102 THEN 101 ELSE id END").await;
    line.drain().await;
    assert_eq!(line.assert_equal(ORDERS).await, 3);
    assert_eq!(line.target.number("SELECT MIN(id) FROM dbo.orders").await, 101);
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.orders WHERE id = 102 AND total = 10").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_over_several_tables_with_many_changes_of_one_row_arrives_as_its_outcome() {
    let line = shop().await;
    line.source
        .run(
            "BEGIN TRANSACTION;
             INSERT INTO dbo.orders VALUES (10, N'a', 0);
             INSERT INTO dbo.lines VALUES (10, 1, 'X', 1), (10, 2, 'Y', 2);
             UPDATE dbo.orders SET total = 3 WHERE id = 10;
             UPDATE dbo.orders SET customer = N'b' WHERE id = 10;
             DELETE FROM dbo.lines WHERE order_id = 10 AND line_no = 1;
             INSERT INTO dbo.lines VALUES (10, 1, 'Z', 5);
             UPDATE dbo.lines SET amount = amount * 2 WHERE order_id = 10;
             DELETE FROM dbo.lines WHERE order_id = 1; DELETE FROM dbo.orders WHERE id = 1;
             INSERT INTO dbo.orders VALUES (1, N'came back', 1);
             INSERT INTO dbo.orders VALUES (11, N'never was', 1); DELETE FROM dbo.orders WHERE id = 11;
             COMMIT;",
        )
        .await;
    line.drain().await;
    assert_eq!(line.assert_equal(ORDERS).await, 4);
    assert_eq!(line.assert_equal(LINES).await, 4);
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.orders WHERE id = 1 AND customer = N'came back'").await, 1);
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.lines WHERE order_id = 10 AND amount IN (10, 4)").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rolled_back_whole_or_to_a_savepoint_never_arrives() {
    let line = shop().await;
    line.source.run("BEGIN TRAN; DELETE FROM dbo.lines; DELETE FROM dbo.orders; ROLLBACK;").await;
    line.source
        .run(
            "BEGIN TRAN; INSERT INTO dbo.orders VALUES (20, N'stays', 1); SAVE TRAN a;
             INSERT INTO dbo.orders VALUES (21, N'goes', 1); UPDATE dbo.orders SET total = -1; ROLLBACK TRAN a; COMMIT;",
        )
        .await;
    line.drain().await;
    assert_eq!(line.assert_equal(ORDERS).await, 4);
    assert_eq!(line.assert_equal(LINES).await, 3);
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.orders WHERE id = 21 OR total < 0").await, 0);
}

const EVERY_TYPE: &str = "id int NOT NULL PRIMARY KEY, c_bit bit NULL, c_tinyint tinyint NULL, c_smallint smallint NULL, c_int int NULL,
    c_bigint bigint NULL, c_decimal decimal(38,10) NULL, c_small_decimal decimal(9,2) NULL, c_money money NULL, c_smallmoney smallmoney NULL,
    c_float float NULL, c_real real NULL, c_char char(8) NULL, c_nchar nchar(8) NULL, c_varchar varchar(50) NULL, c_nvarchar nvarchar(50) NULL,
    c_varchar_max varchar(max) NULL, c_nvarchar_max nvarchar(max) NULL, c_binary binary(8) NULL, c_varbinary varbinary(50) NULL,
    c_varbinary_max varbinary(max) NULL, c_date date NULL, c_time time(7) NULL, c_time0 time(0) NULL, c_datetime datetime NULL,
    c_smalldatetime smalldatetime NULL, c_datetime2 datetime2(7) NULL, c_datetime2_3 datetime2(3) NULL, c_datetimeoffset datetimeoffset(7) NULL,
    c_datetimeoffset_0 datetimeoffset(0) NULL, c_guid uniqueidentifier NULL";

/// Rows with the ends of each type's range, from the types' documentation
/// (<https://learn.microsoft.com/sql/t-sql/data-types/data-types-transact-sql>).
const EXTREMES: &str = "
    (1, 0, 0, -32768, -2147483648, -9223372036854775808, -9999999999999999999999999999.9999999999, -9999999.99,
     -922337203685477.5808, -214748.3648, -1.79E+308, -3.4E+38, '', N'', '', N'', '', N'', 0x, 0x, 0x, '0001-01-01', '00:00:00',
     '00:00:00', '1753-01-01T00:00:00.000', '1900-01-01T00:00:00', '0001-01-01T00:00:00', '0001-01-01T00:00:00',
     '0001-01-01T00:00:00+00:00', '0001-01-02T00:00:00-14:00', '00000000-0000-0000-0000-000000000000'),
    (2, 1, 255, 32767, 2147483647, 9223372036854775807, 9999999999999999999999999999.9999999999, 9999999.99,
     922337203685477.5807, 214748.3647, 1.79E+308, 3.4E+38, '12345678', N'ÄÖÜß東京ab', 'it''s', N'snow ☃ and 😀', REPLICATE('v', 5000),
     REPLICATE(N'ü', 3000), 0xFFFFFFFFFFFFFFFF, 0x00FF00, 0xDEADBEEF, '9999-12-31', '23:59:59.9999999', '23:59:59',
     '9999-12-31T23:59:59.997', '2079-06-06T23:59:00', '9999-12-31T23:59:59.9999999', '9999-12-31T23:59:59.999',
     '9999-12-31T23:59:59.9999999+00:00', '2024-02-29T12:00:00+13:30', 'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF'),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)";

#[tokio::test(flavor = "multi_thread")]
async fn every_type_keeps_its_value_in_the_snapshot_and_in_the_stream() {
    let mut line = Line::start().await;
    line.make_fence().await;
    line.source.run(&format!("CREATE TABLE dbo.types ({EVERY_TYPE})")).await;
    line.source.run(&format!("INSERT INTO dbo.types VALUES {EXTREMES}")).await;
    line.replicate(&["dbo.types", "dbo.fence"]).await;
    line.drain().await;
    let all = "SELECT * FROM dbo.types ORDER BY id";
    assert_eq!(line.assert_equal(all).await, 3);

    // The same rows once more by the stream, then each moved onto another's key by updates of all other columns.
    line.source.run(&format!("DELETE FROM dbo.types; INSERT INTO dbo.types VALUES {EXTREMES};")).await;
    line.drain().await;
    assert_eq!(line.assert_equal(all).await, 3);
    let columns: Vec<&str> =
        EVERY_TYPE.split("c_").skip(1).map(|c| c.split_whitespace().next().expect("a column has a name")).collect();
    let assignments: Vec<String> = columns.iter().map(|c| format!("c_{c} = o.c_{c}")).collect();
    let assignments = assignments.join(", ");
    line.source
        .run(&format!("UPDATE t SET {assignments} FROM dbo.types AS t JOIN dbo.types AS o ON o.id = t.id % 3 + 1"))
        .await;
    line.drain().await;
    assert_eq!(line.assert_equal(all).await, 3);
    assert_eq!(
        line.target.number("SELECT COUNT(*) FROM dbo.types WHERE id = 2 AND c_int IS NULL AND c_guid IS NULL").await,
        1
    );
    assert_eq!(
        line.target.number("SELECT COUNT(*) FROM dbo.types WHERE id = 1 AND LEN(c_varchar_max) = 5000").await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_leaves_a_large_value_alone_does_not_lose_it() {
    let mut line = Line::start().await;
    line.make_fence().await;
    line.source
        .run(
            "CREATE TABLE dbo.pages (id int NOT NULL PRIMARY KEY, title nvarchar(50) NOT NULL, body nvarchar(max) NULL);
             INSERT INTO dbo.pages VALUES (1, N'one', REPLICATE(CAST(N'long ' AS nvarchar(max)), 1500)), (2, N'two', N'short');",
        )
        .await;
    line.replicate(&["dbo.pages", "dbo.fence"]).await;
    line.source.run("UPDATE dbo.pages SET title = N'renamed'").await;
    line.source.run("UPDATE dbo.pages SET body = NULL WHERE id = 2").await;
    line.drain().await;
    assert_eq!(line.assert_equal("SELECT * FROM dbo.pages ORDER BY id").await, 2);
    assert_eq!(line.target.number("SELECT LEN(body) FROM dbo.pages WHERE id = 1").await, 7499);
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.pages WHERE body IS NULL AND title = N'renamed'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_megabytes_arrive_whole_by_the_snapshot_and_by_the_stream() {
    let mut line = Line::start().await;
    // A server that captures changes takes no values over 64 KiB unless told to (error 7139).
    line.source.run("EXEC sp_configure 'max text repl size (B)', -1").await;
    line.source.run("RECONFIGURE").await;
    line.make_fence().await;
    let value = |letter: char, length: u32| format!("REPLICATE(CAST(N'{letter}' AS nvarchar(max)), {length})");
    let blob = |byte: &str, length: u32| {
        format!("CAST(REPLICATE(CAST('{byte}' AS varchar(max)), {length}) AS varbinary(max))")
    };
    line.source
        .run(&format!(
            "CREATE TABLE dbo.files (id int NOT NULL PRIMARY KEY, content nvarchar(max) NULL, image varbinary(max) NULL, plain varchar(max) NULL);
             INSERT INTO dbo.files VALUES (1, {}, {}, 'x'), (2, N'', 0x, '');",
            value('ü', 300_000),
            blob("a", 2_000_000),
        ))
        .await;
    line.replicate(&["dbo.files", "dbo.fence"]).await;
    line.drain().await;
    let all = "SELECT * FROM dbo.files ORDER BY id";
    assert_eq!(line.assert_equal(all).await, 2);
    line.source
        .run(&format!(
            "INSERT INTO dbo.files VALUES (3, {}, {}, REPLICATE(CAST('p' AS varchar(max)), 100000));
             UPDATE dbo.files SET content = {}, image = {} WHERE id = 2;
             UPDATE dbo.files SET plain = 'only this' WHERE id = 1;",
            value('☃', 400_000),
            blob("b", 3_000_000),
            value('n', 70_000),
            blob("c", 70_000),
        ))
        .await;
    line.drain().await;
    assert_eq!(line.assert_equal(all).await, 3);
    assert_eq!(line.target.number("SELECT DATALENGTH(image) FROM dbo.files WHERE id = 3").await, 3_000_000);
    assert_eq!(line.target.number("SELECT LEN(content) FROM dbo.files WHERE id = 1").await, 300_000);
    // Many such rows in one transaction; then by way of a staging table, large and small ones mixed.
    line.source
        .run(&format!(
            "WITH n (id) AS (SELECT 10 UNION ALL SELECT id + 1 FROM n WHERE id < 309)
             INSERT INTO dbo.files SELECT id, {}, NULL, NULL FROM n OPTION (MAXRECURSION 1000);",
            value('m', 40_000)
        ))
        .await;
    line.drain().await;
    assert_eq!(line.assert_equal(all).await, 303);
    line.source
        .run(&format!(
            "WITH n (id) AS (SELECT 0 UNION ALL SELECT id + 1 FROM n WHERE id < 19)
             INSERT INTO dbo.files SELECT 1000 + a.id * 20 + b.id, CASE WHEN b.id = 7 THEN {} ELSE N'small' END, NULL, NULL
             FROM n AS a CROSS JOIN n AS b;",
            value('l', 50_000)
        ))
        .await;
    line.drain().await;
    assert_eq!(line.assert_equal(all).await, 703);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_foreign_keys_and_unique_constraints_do_at_the_publisher_arrives() {
    let mut line = Line::start().await;
    line.make_fence().await;
    line.source
        .run(
            "CREATE TABLE dbo.sections (id int NOT NULL PRIMARY KEY, parent_id int NULL REFERENCES dbo.sections (id), name nvarchar(40) NOT NULL);
             CREATE TABLE dbo.shelves (id int IDENTITY(10, 5) NOT NULL PRIMARY KEY, section_id int NOT NULL REFERENCES dbo.sections (id) ON DELETE CASCADE,
                 code varchar(10) NOT NULL UNIQUE);
             CREATE TABLE dbo.tags (id int NOT NULL PRIMARY KEY, label varchar(10) NOT NULL UNIQUE);
             CREATE TABLE dbo.tagged (tag_id int NOT NULL REFERENCES dbo.tags (id), shelf int NOT NULL, PRIMARY KEY (tag_id, shelf));
             INSERT INTO dbo.sections VALUES (1, NULL, N'root'), (2, 1, N'left'), (3, 1, N'right'), (4, 2, N'leaf');
             INSERT INTO dbo.shelves (section_id, code) VALUES (2, 'a'), (3, 'b'), (4, 'c'), (4, 'd');
             INSERT INTO dbo.tags VALUES (1, 'x'), (2, 'y'), (3, 'z');
             INSERT INTO dbo.tagged VALUES (1, 10), (2, 10), (3, 15);",
        )
        .await;
    line.replicate(&["dbo.sections", "dbo.shelves", "dbo.tags", "dbo.tagged", "dbo.fence"]).await;
    line.drain().await;
    assert_eq!(line.target.number("SELECT COUNT(*) FROM sys.foreign_keys").await, 3, "the subscriber keeps them too");

    // A cascade, a subtree moved below a new node and its old parent deleted, values passed round under their references.
    line.source.run("DELETE FROM dbo.sections WHERE id = 4").await;
    line.source
        .run(
            "BEGIN TRAN;
             INSERT INTO dbo.sections VALUES (5, NULL, N'new root');
             UPDATE dbo.sections SET parent_id = 5 WHERE parent_id = 1;
             DELETE FROM dbo.sections WHERE id = 1;
             UPDATE dbo.shelves SET section_id = 5 WHERE code = 'a';
             DELETE FROM dbo.sections WHERE id = 2;
             COMMIT;",
        )
        .await;
    line.source.run("UPDATE dbo.tags SET label = CASE id WHEN 1 THEN 'y' WHEN 2 THEN 'z' ELSE 'x' END").await;
    line.source.run("BEGIN TRAN; DELETE FROM dbo.shelves WHERE code = 'b'; INSERT INTO dbo.shelves (section_id, code) VALUES (3, 'b'); COMMIT;").await;
    line.drain().await;
    assert_eq!(line.assert_equal("SELECT * FROM dbo.sections ORDER BY id").await, 2);
    assert_eq!(line.assert_equal("SELECT * FROM dbo.shelves ORDER BY id").await, 2);
    assert_eq!(line.assert_equal("SELECT * FROM dbo.tags ORDER BY id").await, 3);
    assert_eq!(line.assert_equal("SELECT * FROM dbo.tagged ORDER BY tag_id, shelf").await, 3);
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.shelves WHERE code = 'b' AND id > 25").await, 1);
}
