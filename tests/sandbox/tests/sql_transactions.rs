//! Transactions: atomic, isolated, and as SQL Server counts them.
#![allow(clippy::unwrap_used)]

mod raw;
mod server;

use raw::Raw;
use server::{LIMIT, error, exec, start, text};

#[tokio::test]
async fn what_is_rolled_back_was_never_there() {
    let server = start().await;
    let mut db = server.shop().await;
    exec(&mut db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY, v int)").await;
    exec(&mut db, "INSERT INTO t VALUES (1, 1)").await;
    exec(&mut db, "BEGIN TRANSACTION; INSERT INTO t VALUES (2, 2); UPDATE t SET v = 9; DELETE FROM t WHERE id = 1")
        .await;
    assert_eq!(text(&mut db, "SELECT @@TRANCOUNT, id, v FROM t").await, "1|2|9");
    exec(&mut db, "ROLLBACK").await;
    assert_eq!(text(&mut db, "SELECT @@TRANCOUNT, id, v FROM t").await, "0|1|1");
}

#[tokio::test]
async fn nested_begins_count_and_only_the_outer_commit_commits() {
    let server = start().await;
    let mut db = server.shop().await;
    exec(&mut db, "ALTER DATABASE shop SET READ_COMMITTED_SNAPSHOT ON").await;
    let mut other = server.shop().await;
    exec(&mut db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY)").await;
    exec(&mut db, "BEGIN TRAN; BEGIN TRAN; INSERT INTO t VALUES (1); COMMIT").await;
    assert_eq!(text(&mut db, "SELECT @@TRANCOUNT").await, "1");
    assert_eq!(text(&mut other, "SELECT COUNT(*) FROM t").await, "0");
    exec(&mut db, "COMMIT TRAN").await;
    assert_eq!(text(&mut other, "SELECT COUNT(*) FROM t").await, "1");
    assert_eq!(error(&mut db, "COMMIT").await, 3902);
    assert_eq!(error(&mut db, "ROLLBACK").await, 3903);
}

#[tokio::test]
async fn transaction_manager_requests_and_batch_text_are_the_same_transaction() {
    let server = start().await;
    let mut db = server.shop().await;
    exec(&mut db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY)").await;
    db.begin_transaction().await.unwrap();
    exec(&mut db, "INSERT INTO t VALUES (1)").await;
    assert_eq!(text(&mut db, "SELECT @@TRANCOUNT").await, "1");
    db.rollback_transaction().await.unwrap();
    db.begin_transaction().await.unwrap();
    exec(&mut db, "INSERT INTO t VALUES (2)").await;
    exec(&mut db, "SAVE TRANSACTION here; INSERT INTO t VALUES (3); ROLLBACK TRANSACTION here").await;
    db.commit_transaction().await.unwrap();
    assert_eq!(text(&mut db, "SELECT @@TRANCOUNT, id FROM t").await, "0|2");
    exec(&mut db, "BEGIN TRAN; INSERT INTO t VALUES (4)").await;
    db.commit_transaction().await.unwrap();
    db.begin_transaction().await.unwrap();
    exec(&mut db, "INSERT INTO t VALUES (5); COMMIT").await;
    assert_eq!(text(&mut db, "SELECT id FROM t ORDER BY id").await, "2;4;5");
}

#[tokio::test]
async fn readers_of_row_versions_see_the_last_commit_and_never_wait_for_a_writer() {
    let server = start().await;
    let mut writer = server.shop().await;
    exec(&mut writer, "ALTER DATABASE shop SET READ_COMMITTED_SNAPSHOT ON").await;
    let mut reader = server.shop().await;
    exec(&mut writer, "CREATE TABLE t (id int NOT NULL PRIMARY KEY, v int); INSERT INTO t VALUES (1, 10)").await;
    exec(&mut writer, "BEGIN TRAN; UPDATE t SET v = 20").await;
    assert_eq!(text(&mut reader, "SELECT v FROM t").await, "10");
    assert_eq!(text(&mut writer, "SELECT v FROM t").await, "20");
    exec(&mut writer, "COMMIT").await;
    assert_eq!(text(&mut reader, "SELECT v FROM t").await, "20");
}

#[tokio::test]
async fn without_row_versions_readers_wait_for_a_writer_and_then_see_what_it_did() {
    let server = start().await;
    let mut writer = server.shop().await;
    let mut reader = server.shop().await;
    exec(&mut writer, "CREATE TABLE t (id int NOT NULL PRIMARY KEY, v int); INSERT INTO t VALUES (1, 10)").await;
    exec(&mut writer, "BEGIN TRAN; UPDATE t SET v = 20").await;
    assert_eq!(error(&mut reader, "SET LOCK_TIMEOUT 0; SELECT v FROM t").await, 1222);
    let waiting = tokio::spawn(async move { text(&mut reader, "SET LOCK_TIMEOUT -1; SELECT v FROM t").await });
    exec(&mut writer, "UPDATE t SET v = 30; COMMIT").await;
    assert_eq!(tokio::time::timeout(LIMIT, waiting).await.unwrap().unwrap(), "30");
}

#[tokio::test]
async fn a_snapshot_transaction_sees_one_state_throughout() {
    let server = start().await;
    let mut writer = server.shop().await;
    let mut reader = server.shop().await;
    exec(&mut writer, "CREATE TABLE t (id int NOT NULL PRIMARY KEY, v int); INSERT INTO t VALUES (1, 10)").await;
    let begin = "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; SELECT v FROM t";
    assert_eq!(error(&mut reader, begin).await, 3952);
    exec(&mut writer, "ALTER DATABASE shop SET ALLOW_SNAPSHOT_ISOLATION ON").await;
    let mut reader = server.shop().await;
    assert_eq!(text(&mut reader, begin).await, "10");
    exec(&mut writer, "UPDATE t SET v = 20; INSERT INTO t VALUES (2, 20)").await;
    assert_eq!(text(&mut reader, "SELECT v FROM t").await, "10");
    assert_eq!(error(&mut reader, "UPDATE t SET v = 30 WHERE id = 1").await, 3960);
    exec(&mut reader, "IF @@TRANCOUNT > 0 ROLLBACK").await;
    assert_eq!(text(&mut reader, "SELECT SUM(v) FROM t").await, "40");
}

#[tokio::test]
async fn a_second_writer_waits_for_the_first_and_then_goes_on() {
    let server = start().await;
    let mut first = server.shop().await;
    let mut second = server.shop().await;
    exec(&mut first, "CREATE TABLE t (id int NOT NULL PRIMARY KEY, v int); INSERT INTO t VALUES (1, 10)").await;
    exec(&mut first, "BEGIN TRAN; UPDATE t SET v = v + 1").await;
    assert_eq!(error(&mut second, "SET LOCK_TIMEOUT 50; UPDATE t SET v = v * 2").await, 1222);
    let waiting = tokio::spawn(async move {
        exec(&mut second, "SET LOCK_TIMEOUT -1; UPDATE t SET v = v * 2").await;
        second
    });
    exec(&mut first, "UPDATE t SET v = v + 1; COMMIT").await;
    let mut second = tokio::time::timeout(LIMIT, waiting).await.unwrap().unwrap();
    assert_eq!(text(&mut second, "SELECT v FROM t").await, "24");
}

#[tokio::test]
async fn an_attention_ends_a_wait_for_a_lock() {
    let server = start().await;
    let mut first = server.shop().await;
    let mut second = Raw::connect(server.address(), server::PASSWORD, "shop").await;
    exec(&mut first, "CREATE TABLE t (id int NOT NULL PRIMARY KEY); BEGIN TRAN; INSERT INTO t VALUES (1)").await;
    second.batch("INSERT INTO t VALUES (2)").await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    second.attention().await;
    raw::expect_cancelled(&mut second).await;
    exec(&mut first, "COMMIT").await;
    assert_eq!(text(&mut first, "SELECT id FROM t").await, "1");
}

#[tokio::test]
async fn a_client_that_leaves_rolls_back_and_frees_its_locks() {
    let server = start().await;
    let mut first = server.shop().await;
    let mut second = server.shop().await;
    exec(&mut first, "CREATE TABLE t (id int NOT NULL PRIMARY KEY)").await;
    exec(&mut first, "BEGIN TRAN; INSERT INTO t VALUES (1)").await;
    drop(first);
    exec(&mut second, "INSERT INTO t VALUES (2)").await;
    assert_eq!(text(&mut second, "SELECT id FROM t").await, "2");
}

#[tokio::test]
async fn an_error_undoes_its_statement_or_with_xact_abort_the_transaction() {
    let server = start().await;
    let mut db = server.shop().await;
    exec(&mut db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY)").await;
    exec(&mut db, "BEGIN TRAN; INSERT INTO t VALUES (1)").await;
    assert_eq!(error(&mut db, "INSERT INTO t VALUES (2), (3), (1)").await, 2627);
    assert_eq!(text(&mut db, "SELECT @@TRANCOUNT, COUNT(*) FROM t").await, "1|1");
    exec(&mut db, "COMMIT").await;
    assert_eq!(error(&mut db, "SET XACT_ABORT ON; BEGIN TRAN; INSERT INTO t VALUES (2); INSERT INTO t VALUES (1); INSERT INTO t VALUES (3); COMMIT").await, 2627);
    assert_eq!(text(&mut db, "SELECT @@TRANCOUNT, COUNT(*) FROM t").await, "0|1");
}

#[tokio::test]
async fn a_catch_block_sees_the_error_and_can_roll_back() {
    let server = start().await;
    let mut db = server.shop().await;
    exec(&mut db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY); INSERT INTO t VALUES (1)").await;
    let batch = "BEGIN TRY BEGIN TRAN; INSERT INTO t VALUES (2); INSERT INTO t VALUES (1); COMMIT; END TRY \
         BEGIN CATCH IF @@TRANCOUNT > 0 ROLLBACK; SELECT ERROR_NUMBER(), @@TRANCOUNT; END CATCH";
    assert_eq!(text(&mut db, batch).await, "2627|0");
    assert_eq!(text(&mut db, "SELECT COUNT(*) FROM t").await, "1");
    assert_eq!(error(&mut db, "BEGIN TRY SELECT 1/0 END TRY BEGIN CATCH THROW END CATCH").await, 8134);
}
