//! A row that cannot be applied stops the subscription and is named; nothing of its batch stays, and the position does not move.
#![allow(clippy::unwrap_used)]

mod apply;

use apply::{Database, delete, insert, int, lsn, move_key, text, update};
use sqlserver::state;
use subscriber::ErrorKind;

/// Below and above the size from which rows go through a staging table.
const SIZES: [i32; 2] = [3, 3_000];

const TABLES: [&str; 2] = [
    "CREATE TABLE parents (id int NOT NULL PRIMARY KEY, v nvarchar(10) NULL)",
    "CREATE TABLE children (id int NOT NULL PRIMARY KEY, parent int NOT NULL REFERENCES parents (id))",
];

async fn filled(size: i32) -> Database {
    let database = Database::new(&TABLES).await;
    let changes: Vec<_> = (0..size).map(|n| ("parents", insert([int(n), text("x")]))).collect();
    database.applier().await.batch(&[database.transaction(1, &changes)], lsn(1)).await.unwrap();
    database
}

#[tokio::test]
async fn a_row_missing_at_the_subscriber_is_named_with_table_key_and_position() {
    for size in SIZES {
        let database = filled(size).await;
        database.rows("DELETE FROM parents WHERE id = 1; SELECT 1").await;
        let updates: Vec<_> = (0..size).map(|n| ("parents", update([int(n)], [(1, text("y"))]))).collect();
        let deletes: Vec<_> = (0..size).map(|n| ("parents", delete([int(n)]))).collect();
        let moves: Vec<_> = (0..size).map(|n| ("parents", move_key([int(n)], [int(n + 10_000)], []))).collect();
        for changes in [updates, deletes, moves] {
            let mut applier = database.applier().await;
            let error = applier.batch(&[database.transaction(2, &changes)], lsn(2)).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Row);
            let message = error.to_string();
            for part in ["dbo.parents", "id = 1;", &lsn(2).to_string(), "not there"] {
                assert!(message.contains(part), "{part}: {message}");
            }
            assert!(!error.without_values().contains("id = 1"));
            applier.rollback().await.unwrap();
            assert_eq!(database.rows("SELECT COUNT(*) FROM parents WHERE v = 'x'").await, [[int(size - 1)]]);
            assert_eq!(database.position().await, lsn(1));
        }
    }
}

#[tokio::test]
async fn a_row_that_is_there_already_is_named() {
    for size in SIZES {
        let database = filled(1).await;
        let changes: Vec<_> = (0..size).rev().map(|n| ("parents", insert([int(n), text("y")]))).collect();
        let error = database.applier().await.batch(&[database.transaction(2, &changes)], lsn(2)).await.unwrap_err();
        assert!(error.to_string().contains("id = 0;") && error.to_string().contains("2627"), "{error}");
        assert_eq!(database.rows("SELECT COUNT(*) FROM parents").await, [[int(1)]]);
    }
}

#[tokio::test]
async fn a_row_that_a_foreign_key_refuses_is_named() {
    let database = filled(1).await;
    let changes = [("children", insert([int(1), int(0)])), ("children", insert([int(2), int(9)]))];
    let error = database.applier().await.batch(&[database.transaction(2, &changes)], lsn(2)).await.unwrap_err();
    assert!(error.to_string().contains("dbo.children") && error.to_string().contains("id = 2;"), "{error}");
    assert!(error.to_string().contains("547"), "{error}");
}

#[tokio::test]
async fn a_failing_piece_of_a_large_transaction_is_named_and_undone() {
    let database = filled(10).await;
    let mut applier = database.applier().await;
    applier.part(&[database.transaction(2, &[("parents", delete([int(0)]))])], true).await.unwrap();
    let error = applier.part(&[database.transaction(2, &[("parents", delete([int(99)]))])], false).await.unwrap_err();
    assert!(error.to_string().contains("id = 99;"), "{error}");
    drop(applier);
    assert_eq!(database.rows("SELECT COUNT(*) FROM parents").await, [[int(10)]]);
}

#[tokio::test]
async fn histories_that_no_order_of_sets_serves_are_applied_one_by_one() {
    const TREE: &str = "CREATE TABLE tree (id int NOT NULL PRIMARY KEY, parent int NULL REFERENCES tree (id))";
    let database = Database::new(&[TREE]).await;
    let mut applier = database.applier().await;
    let first = [("tree", insert([int(1), proto::Value::Null]))];
    applier.batch(&[database.transaction(1, &first)], lsn(1)).await.unwrap();
    // Moved under a row that is inserted in the same batch, whereas updates go before inserts within a table.
    let moved = [("tree", insert([int(2), proto::Value::Null])), ("tree", update([int(1)], [(1, int(2))]))];
    applier.batch(&[database.transaction(2, &moved)], lsn(2)).await.unwrap();
    assert_eq!(database.rows("SELECT parent FROM tree WHERE id = 1").await, [[int(2)]]);
    assert_eq!(database.position().await, lsn(2));
}

#[tokio::test]
async fn a_state_row_that_somebody_removed_stops_the_subscription() {
    let database = filled(1).await;
    database.rows("DELETE FROM [replication].subscription_state; SELECT 1").await;
    let changes = [("parents", insert([int(5), text("y")]))];
    let error = database.applier().await.batch(&[database.transaction(2, &changes)], lsn(2)).await.unwrap_err();
    assert!(error.to_string().contains("replication.subscription_state"), "{error}");
    assert_eq!(database.rows("SELECT COUNT(*) FROM parents").await, [[int(1)]]);
}

#[tokio::test]
async fn one_process_runs_a_subscription_at_a_time() {
    let database = filled(1).await;
    let mut first = database.client().await;
    assert!(state::lock(&mut first, "Sales").await.unwrap());
    let mut second = database.client().await;
    assert!(!state::lock(&mut second, "sales").await.unwrap());
    assert!(state::lock(&mut second, "other").await.unwrap());
    // One that has just died may hold it for a moment: its end is waited for.
    let taken = async { while !state::lock(&mut second, "sales").await.unwrap() {} };
    let ended = async {
        let waiting = "SELECT COUNT(*) FROM sys.dm_exec_requests WHERE blocking_session_id <> 0";
        while database.rows(waiting).await != [[int(1)]] {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        drop(first);
    };
    let both = async { tokio::join!(taken, ended) };
    tokio::time::timeout(std::time::Duration::from_secs(60), both).await.expect("it waits, and has it in the end");
}
