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
    assert_eq!(text(&mut db, "INSERT INTO line (product) VALUES (1), (2); SELECT CAST(SCOPE_IDENTITY() AS int)").await, "2");
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
