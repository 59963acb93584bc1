//! Tables that others take the places of at once: readers never see one that is empty, half full or missing.
#![allow(clippy::unwrap_used)]

#[path = "apply/mod.rs"]
mod apply;

use apply::{Database, SUBSCRIPTION};
use proto::{TableName, Value};
use sqlserver::{Client, ErrorKind, state, switch};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(20);
const ROWS: i64 = 500;

fn table(name: &str) -> TableName {
    TableName { schema: "dbo".to_owned(), table: name.to_owned() }
}

fn tables() -> [TableName; 2] {
    [table("price"), table("product")]
}

async fn shop() -> Arc<Database> {
    let database = Database::new(&[
        "CREATE TABLE product (id int NOT NULL CONSTRAINT PK_product PRIMARY KEY, refresh int NOT NULL)",
        "CREATE TABLE price (id int NOT NULL CONSTRAINT PK_price PRIMARY KEY, refresh int NOT NULL, \
         CONSTRAINT FK_price_product FOREIGN KEY (id) REFERENCES product (id))",
    ])
    .await;
    let mut client = database.client().await;
    client.batch("making the schema of the new tables", "CREATE SCHEMA [replication.new.dbo]").await.unwrap();
    make(&mut client, 0).await;
    switch::switch(&mut client, &tables(), SUBSCRIPTION, Uuid::new_v4(), PATIENCE).await.unwrap();
    Arc::new(database)
}

/// Makes the tables of a refresh beside those that are in use, with the same names of constraints.
async fn make(client: &mut Client, refresh: u32) {
    let sql = format!(
        "CREATE TABLE [replication.new.dbo].product (id int NOT NULL CONSTRAINT PK_product PRIMARY KEY, refresh int NOT NULL); \
         CREATE TABLE [replication.new.dbo].price (id int NOT NULL CONSTRAINT PK_price PRIMARY KEY, refresh int NOT NULL); \
         INSERT INTO [replication.new.dbo].product (id, refresh) SELECT TOP ({ROWS}) ROW_NUMBER() OVER (ORDER BY (SELECT 1)), {refresh} \
         FROM sys.all_columns AS a CROSS JOIN sys.all_columns AS b; \
         INSERT INTO [replication.new.dbo].price (id, refresh) SELECT id, refresh FROM [replication.new.dbo].product; \
         ALTER TABLE [replication.new.dbo].price ADD CONSTRAINT FK_price_product FOREIGN KEY (id) \
         REFERENCES [replication.new.dbo].product (id)"
    );
    client.batch("making the new tables", &sql).await.unwrap();
}

async fn numbers(client: &mut Client, sql: &str) -> Vec<i64> {
    let rows = client.query("asking", sql, &[]).await.unwrap();
    let number = |value: &Value| match value {
        Value::I32(n) => i64::from(*n),
        Value::I64(n) => *n,
        other => panic!("{other:?} is not a number"),
    };
    rows[0].iter().map(number).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_see_all_rows_of_one_refresh() {
    let database = shop().await;
    let done = Arc::new(AtomicBool::new(false));
    let reads = Arc::new(AtomicU64::new(0));
    let mut readers = tokio::task::JoinSet::new();
    for name in ["product", "price"] {
        let (database, done, reads) = (database.clone(), done.clone(), reads.clone());
        readers.spawn(async move {
            let mut client = database.client().await;
            let sql = format!("SELECT COUNT(*), MIN(refresh), MAX(refresh) FROM dbo.{name}");
            let mut last = 0;
            while !done.load(Ordering::Relaxed) {
                let seen = numbers(&mut client, &sql).await;
                assert_eq!(seen[0], ROWS, "{name} was seen with another number of rows");
                assert_eq!(seen[1], seen[2], "{name} was seen with rows of two refreshes");
                assert!(seen[1] >= last, "{name} went back");
                last = seen[1];
                reads.fetch_add(1, Ordering::Relaxed);
            }
            last
        });
    }
    let mut client = database.client().await;
    for refresh in 1..=10 {
        make(&mut client, refresh).await;
        let snapshot = Uuid::new_v4();
        let before = reads.load(Ordering::Relaxed);
        switch::switch(&mut client, &tables(), SUBSCRIPTION, snapshot, PATIENCE).await.unwrap();
        let row = state::read(&mut client, SUBSCRIPTION).await.unwrap().unwrap();
        assert_eq!(row.snapshot, Some(snapshot));
        // Each is seen by somebody.
        tokio::time::timeout(PATIENCE, async {
            while reads.load(Ordering::Relaxed) < before + 4 {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("the readers go on");
    }
    done.store(true, Ordering::Relaxed);
    while let Some(last) = readers.join_next().await {
        assert!(last.unwrap() >= 9);
    }
    let keys = "SELECT COUNT(*) FROM sys.foreign_keys WHERE name = 'FK_price_product' AND parent_object_id = OBJECT_ID('dbo.price') \
                AND referenced_object_id = OBJECT_ID('dbo.product')";
    assert_eq!(numbers(&mut client, keys).await, [1]);
    let keys = "SELECT COUNT(*) FROM sys.key_constraints WHERE name IN ('PK_price', 'PK_product')";
    assert_eq!(numbers(&mut client, keys).await, [2]);
}

#[tokio::test]
async fn a_table_in_use_keeps_its_place() {
    let database = shop().await;
    let mut reader = database.client().await;
    reader.batch("reading", "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; BEGIN TRANSACTION").await.unwrap();
    assert_eq!(numbers(&mut reader, "SELECT COUNT(*) FROM dbo.product").await, [ROWS]);
    let mut client = database.client().await;
    make(&mut client, 1).await;
    let patience = Duration::from_millis(50);
    let error = switch::switch(&mut client, &tables(), SUBSCRIPTION, Uuid::new_v4(), patience).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::LockTimeout, "{error}");
    assert_eq!(numbers(&mut reader, "SELECT COUNT(*), MAX(refresh) FROM dbo.product").await, [ROWS, 0]);
    reader.batch("ending", "COMMIT").await.unwrap();
    // The dropped foreign key is back.
    let keys = "SELECT COUNT(*) FROM sys.foreign_keys WHERE parent_object_id = OBJECT_ID('dbo.price')";
    assert_eq!(numbers(&mut client, keys).await, [1]);
    switch::switch(&mut client, &tables(), SUBSCRIPTION, Uuid::new_v4(), PATIENCE).await.unwrap();
    assert_eq!(numbers(&mut reader, "SELECT COUNT(*), MAX(refresh) FROM dbo.product").await, [ROWS, 1]);
}

#[tokio::test]
async fn a_table_that_another_one_refers_to_keeps_its_place() {
    let database = shop().await;
    let mut client = database.client().await;
    let sql = "CREATE TABLE stock (id int NOT NULL PRIMARY KEY REFERENCES product (id))";
    client.batch("making a table that refers", sql).await.unwrap();
    make(&mut client, 1).await;
    let error = switch::switch(&mut client, &tables(), SUBSCRIPTION, Uuid::new_v4(), PATIENCE).await.unwrap_err();
    // "Could not drop object … because it is referenced by a FOREIGN KEY constraint."
    assert_eq!(error.number(), Some(3726), "{error}");
    assert_eq!(numbers(&mut client, "SELECT COUNT(*), MAX(refresh) FROM dbo.price").await, [ROWS, 0]);
}

#[tokio::test]
async fn what_was_granted_on_a_table_is_granted_on_the_one_that_takes_its_place() {
    let database = shop().await;
    let mut client = database.client().await;
    for sql in [
        "CREATE ROLE shops",
        "CREATE ROLE auditors",
        "GRANT SELECT ON dbo.product TO shops WITH GRANT OPTION",
        "DENY UPDATE ON dbo.product TO auditors",
        "GRANT SELECT ON dbo.price TO auditors",
    ] {
        client.batch("granting", sql).await.unwrap();
    }
    let sql = "SELECT OBJECT_NAME(p.major_id), u.name, p.permission_name, p.state FROM sys.database_permissions AS p \
               JOIN sys.database_principals AS u ON u.principal_id = p.grantee_principal_id WHERE p.class = 1 \
               AND u.name IN ('shops', 'auditors') ORDER BY 1, 2, 3";
    let before = client.query("asking", sql, &[]).await.unwrap();
    assert_eq!(before.len(), 3);
    make(&mut client, 1).await;
    switch::switch(&mut client, &tables(), SUBSCRIPTION, Uuid::new_v4(), PATIENCE).await.unwrap();
    assert_eq!(client.query("asking", sql, &[]).await.unwrap(), before);
}
