//! Constraints hold, and each violation has SQL Server's own number and leaves nothing behind.
#![allow(clippy::unwrap_used)]

mod server;

use server::{Connection, Server, error, exec, start, text};

async fn shop() -> (Server, Connection) {
    let server = start().await;
    let mut db = server.shop().await;
    exec(
        &mut db,
        "CREATE TABLE dbo.product (id int NOT NULL CONSTRAINT pk_product PRIMARY KEY, code nvarchar(20) NOT NULL, \
           price decimal(9,2) NOT NULL CONSTRAINT ck_price CHECK (price >= 0), CONSTRAINT uq_code UNIQUE (code)); \
         CREATE TABLE dbo.line (id int IDENTITY(1,1) NOT NULL PRIMARY KEY, product int NULL \
           CONSTRAINT fk_product REFERENCES dbo.product (id), amount tinyint NOT NULL DEFAULT 1, note varchar(5) NULL); \
         CREATE UNIQUE INDEX ux_note ON dbo.line (note) WHERE note IS NOT NULL; \
         INSERT INTO dbo.product VALUES (1, N'ball', 9.50), (2, N'bat', 20)",
    )
    .await;
    (server, db)
}

#[tokio::test]
async fn violations_have_their_numbers_and_leave_nothing() {
    let (_server, mut db) = shop().await;
    for (sql, number) in [
        ("INSERT INTO product VALUES (3, N'cap', 1), (1, N'dup', 1)", 2627),
        ("INSERT INTO product VALUES (3, N'cap', 1), (4, N'BALL', 1)", 2627),
        ("UPDATE product SET id = 1", 2627),
        ("INSERT INTO product VALUES (3, N'cap', 1), (4, NULL, 1)", 515),
        ("INSERT INTO product VALUES (3, N'cap', -1)", 547),
        ("INSERT INTO line (product) VALUES (1), (99)", 547),
        ("INSERT INTO line (product, note) VALUES (1, 'longer')", 2628),
        ("INSERT INTO line (product, amount) VALUES (1, 256)", 220),
        ("INSERT INTO line (id, product) VALUES (1, 1)", 544),
        ("INSERT INTO line (product, note) VALUES (1, 'a'), (2, 'A')", 2601),
        ("INSERT INTO product VALUES (5, N'x', 12345678.5)", 8115),
    ] {
        assert_eq!(error(&mut db, sql).await, number, "{sql}");
        assert_eq!(
            text(&mut db, "SELECT (SELECT COUNT(*) FROM product), (SELECT COUNT(*) FROM line)").await,
            "2|0",
            "{sql}"
        );
    }
}

#[tokio::test]
async fn a_referenced_row_stays() {
    let (_server, mut db) = shop().await;
    exec(&mut db, "INSERT INTO line (product) VALUES (1)").await;
    assert_eq!(error(&mut db, "DELETE FROM product WHERE id = 1").await, 547);
    assert_eq!(error(&mut db, "UPDATE product SET id = 7 WHERE id = 1").await, 547);
    assert_eq!(error(&mut db, "DROP TABLE product").await, 3726);
    exec(&mut db, "DELETE FROM line; DELETE FROM product WHERE id = 1").await;
    assert_eq!(text(&mut db, "SELECT id FROM product").await, "2");
}

#[tokio::test]
async fn identity_counts_and_takes_explicit_values_when_told() {
    let (_server, mut db) = shop().await;
    assert_eq!(
        text(&mut db, "INSERT INTO line (product) VALUES (1), (2); SELECT CAST(SCOPE_IDENTITY() AS int)").await,
        "2"
    );
    exec(
        &mut db,
        "SET IDENTITY_INSERT line ON; INSERT INTO line (id, product) VALUES (10, 1); SET IDENTITY_INSERT line OFF",
    )
    .await;
    assert_eq!(
        text(&mut db, "INSERT INTO line (product) OUTPUT inserted.id, inserted.amount VALUES (1)").await,
        "11|1"
    );
}

#[tokio::test]
async fn unique_values_may_move_through_each_other() {
    let (_server, mut db) = shop().await;
    let rows = "SELECT id, code FROM product ORDER BY id";
    exec(&mut db, "INSERT INTO product VALUES (3, N'cap', 1)").await;
    assert_eq!(text(&mut db, "UPDATE product SET id = id + 1; SELECT @@ROWCOUNT").await, "3");
    assert_eq!(text(&mut db, rows).await, "2|ball;3|bat;4|cap");
    exec(&mut db, "UPDATE product SET id = CASE id WHEN 2 THEN 4 WHEN 4 THEN 2 ELSE id END").await;
    assert_eq!(text(&mut db, rows).await, "2|cap;3|bat;4|ball");
    exec(
        &mut db,
        "UPDATE p SET code = o.code FROM product p JOIN (VALUES (2, 3), (3, 4), (4, 2)) AS v (a, b) ON v.a = p.id \
         JOIN product o ON o.id = v.b",
    )
    .await;
    assert_eq!(text(&mut db, rows).await, "2|bat;3|ball;4|cap");
    let mut output =
        exec(&mut db, "DECLARE @by int = 1, @tag int = 7; UPDATE product SET id = id + @by OUTPUT inserted.id, @tag")
            .await;
    output.sort();
    assert_eq!(output, [["3", "7"], ["4", "7"], ["5", "7"]]);
    assert_eq!(
        text(
            &mut db,
            "DECLARE @moved TABLE (id int NOT NULL PRIMARY KEY); INSERT INTO @moved VALUES (1), (2); \
             UPDATE @moved SET id = id + 1; \
             UPDATE product SET id = CASE id WHEN 3 THEN 5 WHEN 5 THEN 3 ELSE id END OUTPUT inserted.id + 10 INTO @moved; \
             SELECT id FROM @moved ORDER BY id",
        )
        .await,
        "2;3;13;14;15"
    );
    exec(&mut db, "INSERT INTO line (note) VALUES ('a'), ('b'), (NULL)").await;
    exec(&mut db, "UPDATE line SET note = CASE note WHEN 'a' THEN 'b' WHEN 'b' THEN NULL ELSE 'a' END").await;
    assert_eq!(text(&mut db, "SELECT id, note FROM line ORDER BY id").await, "1|b;2|NULL;3|a");
}

#[tokio::test]
async fn moved_keys_are_checked_when_the_statement_is_over() {
    let (_server, mut db) = shop().await;
    exec(&mut db, "INSERT INTO product VALUES (3, N'cap', 1); INSERT INTO line (product) VALUES (2), (3)").await;
    let everything = "SELECT id, code, price FROM product ORDER BY id";
    let before = text(&mut db, everything).await;
    for (sql, number) in [
        ("UPDATE product SET id = CASE id WHEN 3 THEN 2 ELSE id + 1 END", 2627),
        ("UPDATE product SET id = id + 2", 547),
        ("UPDATE product SET id = 6 - id, price = -1", 547),
        ("UPDATE product SET id = 4 - id, code = NULL", 515),
        ("UPDATE product SET id = 2 WHERE id = 1", 2627),
    ] {
        assert_eq!(error(&mut db, sql).await, number, "{sql}");
        assert_eq!(error(&mut db, &format!("BEGIN TRANSACTION; {sql}")).await, number, "{sql}");
        exec(&mut db, "COMMIT").await;
        assert_eq!(text(&mut db, everything).await, before, "{sql}");
    }
    exec(&mut db, "BEGIN TRANSACTION; UPDATE product SET id = id + 1; UPDATE product SET id = 6 - id; COMMIT").await;
    assert_eq!(text(&mut db, "SELECT id, code FROM product ORDER BY id").await, "2|cap;3|bat;4|ball");
    assert_eq!(error(&mut db, "INSERT INTO line (product) VALUES (1)").await, 547, "foreign keys hold as before");
    assert_eq!(error(&mut db, "DELETE FROM product WHERE id = 2").await, 547);
}

#[tokio::test]
async fn keys_move_within_a_table_that_refers_to_itself_and_in_order_under_a_cascade() {
    let (_server, mut db) = shop().await;
    exec(
        &mut db,
        "CREATE TABLE node (id int NOT NULL PRIMARY KEY, parent int NULL REFERENCES node (id)); \
         INSERT INTO node VALUES (1, NULL), (2, 1), (3, 2); UPDATE node SET id = id + 1, parent = parent + 1",
    )
    .await;
    assert_eq!(text(&mut db, "SELECT id, parent FROM node ORDER BY id").await, "2|NULL;3|2;4|3");
    assert_eq!(error(&mut db, "UPDATE node SET id = id + 1").await, 547);
    exec(
        &mut db,
        "CREATE TABLE owner (id int NOT NULL PRIMARY KEY); \
         CREATE TABLE pet (id int NOT NULL PRIMARY KEY, owner int NOT NULL REFERENCES owner (id) ON DELETE CASCADE); \
         INSERT INTO owner VALUES (1), (2); INSERT INTO pet VALUES (1, 1)",
    )
    .await;
    assert_eq!(error(&mut db, "UPDATE owner SET id = id + 1").await, 547);
    assert_eq!(error(&mut db, "UPDATE owner SET id = 1 WHERE id = 2").await, 2627);
    assert_eq!(text(&mut db, "SELECT id, owner FROM pet").await, "1|1");
    exec(&mut db, "UPDATE pet SET owner = 2; UPDATE owner SET id = id + 1").await;
    assert_eq!(text(&mut db, "SELECT id FROM owner ORDER BY id").await, "2;3");
    assert_eq!(error(&mut db, "UPDATE owner SET id = 5 - id").await, 50_000);
    assert_eq!(text(&mut db, "SELECT id, owner FROM pet").await, "1|2");
}

#[tokio::test]
async fn unique_values_move_whatever_shape_the_update_has() {
    let (_server, mut db) = shop().await;
    exec(&mut db, "CREATE TABLE seat (place int NOT NULL PRIMARY KEY, guest nvarchar(10) NULL, twice AS place * 2)")
        .await;
    exec(&mut db, "INSERT INTO seat VALUES (1, N'a'), (2, N'b'), (3, N'c'); CREATE UNIQUE INDEX ux ON seat (twice)")
        .await;
    for (sql, after) in [
        ("UPDATE TOP (9) seat SET place = 4 - place WHERE place <> 2", "1|c|2;2|b|4;3|a|6"),
        (
            "UPDATE s SET place = COALESCE(v.b, s.place) FROM seat s LEFT JOIN (VALUES (1, 2), (2, 1)) AS v (a, b) ON v.a = s.place",
            "1|b|2;2|c|4;3|a|6",
        ),
        (
            "WITH v AS (SELECT place AS a, place % 3 + 1 AS b FROM seat) \
             UPDATE s SET place = v.b, guest = UPPER(guest) FROM seat s JOIN v ON v.a = s.place",
            "1|A|2;2|B|4;3|C|6",
        ),
    ] {
        exec(&mut db, sql).await;
        assert_eq!(text(&mut db, "SELECT place, guest, twice FROM seat ORDER BY place").await, after, "{sql}");
    }
}
