//! Commits that fail, and commits whose outcome the client does not learn.

use super::server::{Connection, exec, text, try_exec};
use super::{Setting, UNCHANGED, is_broken};
use tiberius::{ColumnData, TokenRow};

/// The ways to commit: each sets v of row 1 to 11.
async fn change_row_1(way: &str, victim: &mut Connection) -> bool {
    const CHANGE: &str = "UPDATE t SET v = 11 WHERE id = 1";
    match way {
        "autocommit" => is_broken(&try_exec(victim, CHANGE).await),
        "call" => is_broken(&victim.execute("UPDATE t SET v = @P1 WHERE id = 1", &[&11i32]).await),
        "batch" => is_broken(&try_exec(victim, &format!("BEGIN TRAN; {CHANGE}; COMMIT; DELETE FROM t")).await),
        "statement" => {
            exec(victim, &format!("BEGIN TRAN; {CHANGE}")).await;
            is_broken(&try_exec(victim, "COMMIT").await)
        }
        "request" => {
            victim.begin_transaction().await.unwrap();
            exec(victim, CHANGE).await;
            is_broken(&victim.commit_transaction().await)
        }
        other => panic!("{other}"),
    }
}

const WAYS: [&str; 5] = ["autocommit", "call", "batch", "statement", "request"];

#[tokio::test]
async fn a_connection_that_breaks_before_the_commit_took_effect_leaves_nothing() {
    let mut setting = Setting::new().await;
    for way in WAYS {
        let fault = setting.arm("@at = N'before_commit', @action = N'disconnect'").await;
        let mut victim = setting.victim().await;
        assert!(change_row_1(way, &mut victim).await, "{way}: the client is told something");
        setting.happened(&fault).await;
        assert!(is_broken(&try_exec(&mut victim, "SELECT 1").await), "{way}");
        // The lock of the one that failed is free again.
        exec(&mut setting.admin, "UPDATE t SET v = v").await;
        assert_eq!(setting.rows().await, UNCHANGED, "{way}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_commit_took_effect_leaves_all_of_it() {
    let mut setting = Setting::new().await;
    for way in WAYS {
        let fault = setting.arm("@at = N'after_commit', @action = N'disconnect'").await;
        let mut victim = setting.victim().await;
        assert!(change_row_1(way, &mut victim).await, "{way}: the client is told something");
        setting.happened(&fault).await;
        assert_eq!(setting.rows().await, "1|11;2|20;3|30", "{way}: what follows the commit is not run");
        exec(&mut setting.admin, "UPDATE t SET v = 10 WHERE id = 1").await;
    }
}

#[tokio::test]
async fn a_bulk_load_is_in_doubt_like_any_other_commit() {
    let mut setting = Setting::new().await;
    for (point, expected) in [("before_commit", UNCHANGED), ("after_commit", "1|10;2|20;3|30;4|40")] {
        setting.arm(&format!("@at = N'{point}', @action = N'disconnect'")).await;
        let mut victim = setting.victim().await;
        let mut load = victim.bulk_insert("t").await.unwrap();
        let mut row = TokenRow::new();
        row.push(ColumnData::I32(Some(4)));
        row.push(ColumnData::I32(Some(40)));
        load.send(row).await.unwrap();
        assert!(is_broken(&load.finalize().await), "{point}");
        exec(&mut setting.admin, "UPDATE t SET v = v").await;
        assert_eq!(setting.rows().await, expected, "{point}");
    }
}

#[tokio::test]
async fn only_the_chosen_commit_of_the_chosen_session_fails() {
    let mut setting = Setting::new().await;
    setting.arm("@at = N'before_commit', @action = N'disconnect', @after = 2").await;
    let mut other = setting.server.shop().await;
    let mut victim = setting.victim().await;
    for id in [4, 5] {
        exec(&mut other, &format!("INSERT INTO t VALUES ({id}0, 0)")).await;
        exec(&mut victim, &format!("INSERT INTO t VALUES ({id}, 0)")).await;
        // Reading is no commit.
        exec(&mut victim, "SELECT * FROM t").await;
    }
    assert!(is_broken(&try_exec(&mut victim, "INSERT INTO t VALUES (6, 0)").await));
    exec(&mut other, "INSERT INTO t VALUES (60, 0)").await;
    exec(&mut setting.victim().await, "INSERT INTO t VALUES (7, 0)").await;
    let ids = text(&mut setting.admin, "SELECT id FROM t WHERE id > 3 ORDER BY id").await;
    assert_eq!(ids, "4;5;7;40;50;60");
}

#[tokio::test]
async fn a_commit_that_the_server_refuses_is_rolled_back() {
    let mut setting = Setting::new().await;
    setting.arm("@at = N'before_commit', @action = N'error', @number = 9002, @times = 2").await;
    let mut victim = setting.victim().await;
    exec(&mut victim, "BEGIN TRAN; DELETE FROM t").await;
    let error = try_exec(&mut victim, "COMMIT").await.unwrap_err();
    let tiberius::error::Error::Server(token) = error else { panic!("{error}") };
    assert_eq!((token.code(), token.class()), (9002, 17));
    assert_eq!(token.message(), "The transaction log for database 'shop' is full due to 'LOG_BACKUP'.");
    assert_eq!(text(&mut victim, "SELECT @@TRANCOUNT").await, "0");
    assert_eq!(try_exec(&mut victim, "DELETE FROM t").await.unwrap_err().code(), Some(9002));
    assert_eq!(setting.rows().await, UNCHANGED);
    exec(&mut victim, "DELETE FROM t").await;
}
