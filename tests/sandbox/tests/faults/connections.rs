//! Connections that break, stall and crawl.

use super::server::{LIMIT, error, exec, text, try_exec};
use super::{Setting, UNCHANGED, is_broken};
use futures::TryStreamExt;
use std::time::{Duration, Instant};
use tiberius::{ColumnData, QueryItem, TokenRow};

/// Rows of a result, and whether it ended before its end.
async fn read_rows(victim: &mut super::Connection, sql: &str) -> (usize, bool) {
    let mut rows = 0;
    let mut stream = match victim.simple_query(sql).await {
        Ok(stream) => stream,
        Err(error) => return (0, error.code().is_none()),
    };
    loop {
        match stream.try_next().await {
            Ok(Some(QueryItem::Row(_))) => rows += 1,
            Ok(Some(_)) => {}
            Ok(None) => return (rows, false),
            Err(error) => return (rows, error.code().is_none()),
        }
    }
}

/// Many rows, of some ten bytes each.
const LONG: &str = "SELECT a.id FROM t a, t b, t c, t d, t e, t f, t g, t h, t i";
const LONG_ROWS: usize = 19_683;

#[tokio::test]
async fn a_connection_breaks_after_so_many_packets_of_a_result() {
    let mut setting = Setting::new().await;
    let mut victim = setting.victim().await;
    assert_eq!(read_rows(&mut victim, LONG).await, (LONG_ROWS, false));
    let fault = setting.arm("@at = N'packet_sent', @action = N'disconnect', @after = 3").await;
    let (rows, broken) = read_rows(&mut victim, LONG).await;
    // Three packets of 4,096 bytes, each row being five bytes.
    assert!(broken && (2_000..2_600).contains(&rows), "{rows}");
    setting.happened(&fault).await;
    assert!(is_broken(&try_exec(&mut victim, "SELECT 1").await));
}

#[tokio::test]
async fn a_connection_breaks_after_so_many_packets_of_requests() {
    let mut setting = Setting::new().await;
    let mut victim = setting.victim().await;
    setting.arm("@at = N'packet_received', @action = N'disconnect', @after = 2").await;
    exec(&mut victim, "INSERT INTO t VALUES (4, 40)").await;
    exec(&mut victim, "DELETE FROM t WHERE id = 4").await;
    assert!(is_broken(&try_exec(&mut victim, "DELETE FROM t").await));
    assert_eq!(setting.rows().await, UNCHANGED);
}

#[tokio::test]
async fn a_request_is_lost_or_its_response_is() {
    let mut setting = Setting::new().await;
    for (point, expected) in [("request", UNCHANGED), ("response", "1|0;2|0;3|0")] {
        setting.arm(&format!("@at = N'{point}', @action = N'disconnect'")).await;
        let mut victim = setting.victim().await;
        assert!(is_broken(&victim.execute("UPDATE t SET v = @P1", &[&0i32]).await), "{point}");
        assert_eq!(setting.rows().await, expected, "{point}");
        exec(&mut setting.admin, "UPDATE t SET v = id * 10").await;
    }
}

#[tokio::test]
async fn a_connection_breaks_in_the_middle_of_a_bulk_load_which_leaves_nothing() {
    let mut setting = Setting::new().await;
    let fault = setting.arm("@at = N'bulk_row', @action = N'disconnect', @after = 5000").await;
    let mut victim = setting.victim().await;
    let mut load = victim.bulk_insert("t").await.unwrap();
    let mut failed = false;
    for id in 100..200_000 {
        let mut row = TokenRow::new();
        row.push(ColumnData::I32(Some(id)));
        row.push(ColumnData::I32(Some(0)));
        if load.send(row).await.is_err() {
            failed = true;
            break;
        }
    }
    if !failed {
        assert!(is_broken(&load.finalize().await));
    }
    setting.happened(&fault).await;
    exec(&mut setting.admin, "UPDATE t SET v = v").await;
    assert_eq!(setting.rows().await, UNCHANGED);
}

#[tokio::test]
async fn a_stalled_connection_is_silent_until_the_fault_is_cleared() {
    let mut setting = Setting::new().await;
    for point in ["request", "response", "row", "packet_sent", "before_commit", "after_commit"] {
        let mut victim = setting.victim().await;
        let fault = setting.arm(&format!("@at = N'{point}', @action = N'stall'")).await;
        let working =
            tokio::spawn(async move { exec(&mut victim, "UPDATE t SET v = v + 1; SELECT COUNT(*) FROM t").await });
        setting.happened(&fault).await;
        assert!(!working.is_finished(), "{point}");
        exec(&mut setting.admin, &format!("EXEC sys.sp_sandbox_clear_faults @fault_id = {fault}")).await;
        assert_eq!(tokio::time::timeout(LIMIT, working).await.unwrap().unwrap(), [["3"]], "{point}");
    }
    assert_eq!(setting.rows().await, "1|16;2|26;3|36");
}

#[tokio::test]
async fn a_client_that_gives_a_stalled_connection_up_leaves_nothing() {
    let mut setting = Setting::new().await;
    let fault = setting.arm("@at = N'before_commit', @action = N'stall'").await;
    let mut victim = setting.victim().await;
    let giving_up = tokio::time::timeout(Duration::from_millis(200), try_exec(&mut victim, "DELETE FROM t"));
    assert!(Box::pin(giving_up).await.is_err());
    setting.happened(&fault).await;
    drop(victim);
    exec(&mut setting.admin, "UPDATE t SET v = v").await;
    assert_eq!(setting.rows().await, UNCHANGED);
}

#[tokio::test]
async fn reads_and_commits_can_be_slow() {
    let mut setting = Setting::new().await;
    let mut victim = setting.victim().await;
    setting.arm("@at = N'row', @action = N'delay', @delay_ms = 30, @every = 81, @times = 0").await;
    let begun = Instant::now();
    assert_eq!(text(&mut victim, "SELECT COUNT(*) FROM t").await, "3");
    let (rows, broken) = read_rows(&mut victim, "SELECT a.id FROM t a, t b, t c, t d, t e, t f").await;
    assert_eq!((rows, broken), (729, false));
    assert!(begun.elapsed() >= Duration::from_millis(270), "nine times 30 ms: {:?}", begun.elapsed());
    setting.arm("@at = N'before_commit', @action = N'delay', @delay_ms = 120").await;
    let begun = Instant::now();
    exec(&mut victim, "UPDATE t SET v = 0").await;
    assert!(begun.elapsed() >= Duration::from_millis(120), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_failover_breaks_every_connection_at_once_and_refuses_logins_for_a_while() {
    let mut setting = Setting::new().await;
    exec(&mut setting.admin, "CREATE DATABASE other").await;
    let mut elsewhere = setting.server.connect("other").await;
    let (mut one, mut two) = (setting.victim().await, setting.victim().await);
    exec(&mut one, "BEGIN TRAN; DELETE FROM t").await;
    setting.arm("@at = N'login', @action = N'error', @number = 40613, @times = 2").await;
    assert_eq!(text(&mut setting.admin, "EXEC sys.sp_sandbox_disconnect @database = N'shop'").await, "2");
    assert_eq!(setting.rows().await, UNCHANGED, "the transactions are rolled back by then");
    assert!(is_broken(&try_exec(&mut one, "COMMIT").await) && is_broken(&try_exec(&mut two, "SELECT 1").await));
    for _ in 0..2 {
        let refused = setting.server.connect_as(("sa", "Pa55 word!"), super::VICTIM, "shop").await;
        assert_eq!(refused.err().and_then(|error| error.code()), Some(40613));
    }
    let mut back = setting.victim().await;
    exec(&mut back, "SELECT 1").await;
    assert_eq!(error(&mut elsewhere, "SELECT * FROM t").await, 208, "other databases go on");
    assert_eq!(text(&mut setting.admin, "EXEC sys.sp_sandbox_disconnect").await, "2");
    for client in [&mut back, &mut elsewhere] {
        assert!(is_broken(&try_exec(client, "SELECT 1").await));
    }
}
