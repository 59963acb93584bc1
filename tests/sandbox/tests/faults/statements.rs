//! Statements that fail.

use super::server::{error, exec, text, try_exec};
use super::{Setting, UNCHANGED, is_broken};
use tiberius::error::Error;

#[tokio::test]
async fn a_deadlock_victim_loses_its_transaction_and_its_batch() {
    let mut setting = Setting::new().await;
    let fault = setting.arm("@at = N'write', @action = N'error', @number = 1205, @after = 1").await;
    let mut victim = setting.victim().await;
    // Writing to temporary tables is nothing to wait for.
    exec(&mut victim, "CREATE TABLE #s (id int); INSERT INTO #s VALUES (1); BEGIN TRAN; UPDATE t SET v = 0").await;
    let failed = try_exec(&mut victim, "DELETE FROM t; INSERT INTO t VALUES (9, 9)").await.unwrap_err();
    let Error::Server(token) = failed else { panic!("{failed}") };
    assert_eq!((token.code(), token.class(), token.state()), (1205, 13, 51));
    let id = text(&mut victim, "SELECT @@SPID").await;
    assert!(
        token.message().starts_with(&format!("Transaction (Process ID {id}) was deadlocked")),
        "{}",
        token.message()
    );
    assert_eq!(text(&mut victim, "SELECT @@TRANCOUNT, XACT_STATE()").await, "0|0");
    assert_eq!(setting.rows().await, UNCHANGED);
    setting.happened(&fault).await;
    exec(&mut victim, "BEGIN TRAN; UPDATE t SET v = 0; DELETE FROM t WHERE id > 1; COMMIT").await;
    assert_eq!(setting.rows().await, "1|0");
}

#[tokio::test]
async fn a_deadlock_that_is_caught_dooms_the_transaction() {
    let mut setting = Setting::new().await;
    setting.arm("@at = N'write', @action = N'error', @number = 1205").await;
    let caught = text(
        &mut setting.victim().await,
        "BEGIN TRY BEGIN TRAN; UPDATE t SET v = 0; END TRY
         BEGIN CATCH SELECT ERROR_NUMBER(), ERROR_SEVERITY(), XACT_STATE(); ROLLBACK; END CATCH",
    )
    .await;
    assert_eq!(caught, "1205|13|-1");
    assert_eq!(setting.rows().await, UNCHANGED);
}

#[tokio::test]
async fn an_error_waits_for_a_statement_that_touches_its_table() {
    let mut setting = Setting::new().await;
    exec(&mut setting.admin, "CREATE TABLE u (id int PRIMARY KEY)").await;
    let mut victim = setting.victim().await;
    for sql in [
        "SELECT * FROM u",
        "SELECT t.id FROM t JOIN u ON u.id = t.id",
        "INSERT INTO u VALUES (1)",
        "UPDATE t SET v = 0 WHERE id IN (SELECT id FROM u)",
        "DELETE FROM [dbo].[u]",
        "DECLARE @n int; SELECT @n = COUNT(*) FROM u",
        "IF EXISTS (SELECT * FROM u) SELECT 1",
        "INSERT INTO t SELECT id, id FROM u",
    ] {
        setting.arm("@at = N'statement', @action = N'error', @number = 1222, @object = N'dbo.u'").await;
        assert_eq!(text(&mut victim, "SELECT COUNT(*) FROM t").await, "3");
        assert_eq!(error(&mut victim, sql).await, 1222, "{sql}");
        exec(&mut victim, sql).await;
        exec(&mut victim, "DELETE FROM u").await;
    }
}

#[tokio::test]
async fn an_error_of_severity_20_is_the_last_word_of_its_connection() {
    let mut setting = Setting::new().await;
    for (number, severity) in [(40501, 20), (10928, 20), (40197, 17)] {
        setting.arm(&format!("@at = N'statement', @action = N'error', @number = {number}")).await;
        let mut victim = setting.victim().await;
        let failed = try_exec(&mut victim, "SELECT * FROM t").await.unwrap_err();
        let Error::Server(token) = failed else { panic!("{failed}") };
        assert_eq!((token.code(), token.class()), (number, severity));
        assert_eq!(is_broken(&try_exec(&mut victim, "SELECT 1").await), severity >= 20, "{number}");
    }
}

#[tokio::test]
async fn an_error_says_what_it_is_told_to() {
    let mut setting = Setting::new().await;
    setting
        .arm("@at = N'row', @action = N'error', @number = 50123, @severity = 14, @state = 7, @message = N'own', @after = 1")
        .await;
    let mut victim = setting.victim().await;
    let failed = try_exec(&mut victim, "SELECT id FROM t").await.unwrap_err();
    let Error::Server(token) = failed else { panic!("{failed}") };
    assert_eq!((token.code(), token.class(), token.state(), token.message()), (50123, 14, 7, "own"));
    assert_eq!(text(&mut victim, "SELECT COUNT(*) FROM t").await, "3");
}

#[tokio::test]
async fn a_session_that_arms_a_fault_is_not_hit_unless_it_names_itself() {
    let mut setting = Setting::new().await;
    setting.arm_any("@at = N'statement', @action = N'error', @number = 1222, @object = N't'").await;
    assert_eq!(setting.rows().await, UNCHANGED);
    setting
        .arm_any("@at = N'statement', @action = N'error', @number = 8645, @object = N't', @session_id = @@SPID")
        .await;
    assert_eq!(error(&mut setting.admin, "SELECT * FROM t").await, 8645);
    assert_eq!(error(&mut setting.server.shop().await, "SELECT * FROM t").await, 1222);
}
