//! The calls themselves.

use super::Setting;
use super::server::{error, exec, text, try_exec};

#[tokio::test]
async fn only_an_administrator_may_call_them() {
    let mut setting = Setting::new().await;
    exec(&mut setting.admin, "CREATE LOGIN reader WITH PASSWORD = 'Reader 1!'; CREATE USER reader").await;
    let mut reader = setting.server.connect_as(("reader", "Reader 1!"), "app", "shop").await.unwrap();
    for call in [
        "sp_sandbox_fault N'row', N'stall'",
        "sp_sandbox_faults",
        "sp_sandbox_wait_for_fault 1",
        "sp_sandbox_clear_faults",
        "sp_sandbox_disconnect",
        "sp_sandbox_statements",
        "sp_sandbox_clear_statements",
    ] {
        assert_eq!(error(&mut reader, &format!("EXEC sys.{call}")).await, 15247, "{call}");
    }
    assert_eq!(exec(&mut setting.admin, "EXEC sp_sandbox_faults").await.len(), 0);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let mut setting = Setting::new().await;
    for (arguments, number) in [
        ("@at = N'row'", 201),
        ("@at = N'nowhere', @action = N'stall'", 50_000),
        ("@at = N'row', @action = N'nothing'", 50_000),
        ("@at = N'row', @action = N'lag', @commits = 1", 50_000),
        ("@at = N'capture', @action = N'disconnect'", 50_000),
        ("@at = N'after_commit', @action = N'error', @number = 1205", 50_000),
        ("@at = N'row', @action = N'delay'", 50_000),
        ("@at = N'row', @action = N'stall', @delay_ms = 1", 50_000),
        ("@at = N'row', @action = N'error'", 50_000),
        ("@at = N'row', @action = N'error', @number = 1222, @severity = 10", 50_000),
        ("@at = N'row', @action = N'stall', @after = -1", 50_000),
        ("@at = N'row', @action = N'stall', @object = N't'", 50_000),
        ("@at = N'row', @action = N'stall', @what = 1", 8145),
    ] {
        assert_eq!(
            error(&mut setting.admin, &format!("EXEC sys.sp_sandbox_fault {arguments}")).await,
            number,
            "{arguments}"
        );
    }
    assert_eq!(error(&mut setting.admin, "EXEC sys.sp_sandbox_nothing").await, 2812);
    assert_eq!(error(&mut setting.admin, "EXEC sys.sp_sandbox_clear_faults 7").await, 50_000);
    assert_eq!(error(&mut setting.admin, "EXEC sys.sp_sandbox_wait_for_fault 7").await, 50_000);
}

#[tokio::test]
async fn the_list_tells_how_often_a_fault_happened() {
    let mut setting = Setting::new().await;
    setting.arm("@at = N'row', @action = N'error', @number = 1222, @after = 4, @times = 2").await;
    let mut victim = setting.victim().await;
    assert_eq!(text(&mut victim, "SELECT id FROM t").await, "1;2;3");
    assert!(try_exec(&mut victim, "SELECT id FROM t").await.is_err());
    let list = text(&mut setting.admin, "EXEC sys.sp_sandbox_faults").await;
    assert_eq!(list, "1|row|error|victim|NULL|NULL|NULL|NULL|4|1|2|1222|5|1|1");
    let late = "EXEC sys.sp_sandbox_wait_for_fault @fault_id = 1, @times = 2, @timeout_ms = 20";
    assert_eq!(error(&mut setting.admin, late).await, 50_000);
    assert!(try_exec(&mut victim, "SELECT id FROM t").await.is_err());
    exec(&mut setting.admin, late).await;
    assert_eq!(text(&mut victim, "SELECT id FROM t").await, "1;2;3", "it is used up");
    exec(&mut setting.admin, "EXEC sys.sp_sandbox_clear_faults 1").await;
    assert_eq!(text(&mut setting.admin, "EXEC sys.sp_sandbox_faults").await, "");
}

#[tokio::test]
async fn statements_are_counted_for_each_application() {
    let mut setting = Setting::new().await;
    let counts = "EXEC sys.sp_sandbox_statements @application = N'VICTIM'";
    let mut victim = setting.victim().await;
    exec(&mut setting.admin, "EXEC sys.sp_sandbox_clear_statements N'victim'").await;
    exec(&mut victim, "SELECT id FROM t; SELECT 1").await;
    assert_eq!(text(&mut setting.admin, counts).await, "victim|1|2|1", "a batch of two");
    exec(&mut victim, "IF EXISTS (SELECT 1 FROM t) UPDATE t SET v = 1 WHERE id IN (SELECT id FROM t)").await;
    assert_eq!(text(&mut setting.admin, counts).await, "victim|2|3|3", "a condition is no statement but reads a table");
    exec(&mut setting.admin, "CREATE PROCEDURE p AS SELECT id FROM t; SELECT v FROM t").await;
    assert_eq!(text(&mut setting.admin, counts).await, "victim|2|3|3", "others do not count");
    exec(&mut victim, "EXEC p").await;
    assert_eq!(text(&mut setting.admin, counts).await, "victim|3|6|5", "the call and what it runs");
    exec(&mut setting.admin, "EXEC sys.sp_sandbox_clear_statements").await;
    assert_eq!(text(&mut setting.admin, counts).await, "victim|0|0|0");
}
