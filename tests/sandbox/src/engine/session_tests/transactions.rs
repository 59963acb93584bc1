//! Transactions, isolation and locks.

use super::recorder::TestServer;
use crate::session::{Session, TransactionChange, TransactionRequest};

#[test]
fn a_transaction_is_seen_by_others_when_it_commits() {
    let server = TestServer::new();
    let mut a = server.shop();
    a.ok("ALTER DATABASE shop SET READ_COMMITTED_SNAPSHOT ON");
    let mut b = server.shop();
    a.ok("CREATE TABLE t (a int)");
    let r = a.ok("BEGIN TRAN; INSERT t VALUES (1)");
    assert!(matches!(r.changes[..], [TransactionChange::Began(d)] if d != 0));
    assert_eq!(a.value("SELECT COUNT(*) FROM t"), "1");
    assert_eq!(b.value("SELECT COUNT(*) FROM t"), "0");
    let r = a.ok("COMMIT");
    assert!(matches!(r.changes[..], [TransactionChange::Committed(_)]));
    assert_eq!(b.value("SELECT COUNT(*) FROM t"), "1");
}

#[test]
fn nesting_counts_and_rollback_takes_everything_back() {
    let server = TestServer::new();
    let mut a = server.shop();
    a.ok("CREATE TABLE t (a int)");
    assert_eq!(a.value("BEGIN TRAN; BEGIN TRAN; INSERT t VALUES (1); COMMIT; SELECT @@TRANCOUNT"), "1");
    a.ok("CREATE TABLE u (a int); CREATE TABLE #x (a int); ROLLBACK");
    assert_eq!(a.value("SELECT COUNT(*) FROM t"), "0");
    assert_eq!(a.error("SELECT * FROM u").number, 208);
    assert_eq!(a.error("SELECT * FROM #x").number, 208);
    assert_eq!(a.error("COMMIT").number, 3902);
    assert_eq!(a.error("ROLLBACK").number, 3903);
}

#[test]
fn a_savepoint_takes_back_what_came_after_it() {
    let server = TestServer::new();
    let mut a = server.shop();
    a.ok("CREATE TABLE t (a int); BEGIN TRAN; INSERT t VALUES (1); SAVE TRAN s; INSERT t VALUES (2); ROLLBACK TRAN s; COMMIT");
    assert_eq!(a.rows("SELECT a FROM t"), [["1"]]);
}

#[test]
fn a_failed_statement_leaves_nothing_and_xact_abort_takes_the_rest() {
    let server = TestServer::new();
    let mut a = server.shop();
    a.ok("CREATE TABLE t (a int PRIMARY KEY)");
    let r = a.run("BEGIN TRAN; INSERT t VALUES (1); INSERT t VALUES (2), (1); COMMIT");
    assert_eq!(r.errors(), [2627]);
    assert_eq!(a.rows("SELECT a FROM t"), [["1"]]);
    let r =
        a.run("SET XACT_ABORT ON; BEGIN TRAN; INSERT t VALUES (3); INSERT t VALUES (1); INSERT t VALUES (4); COMMIT");
    assert_eq!(r.errors(), [2627]);
    assert_eq!(a.rows("SELECT a, @@TRANCOUNT FROM t"), [["1", "0"]]);
}

#[test]
fn an_error_under_xact_abort_dooms_a_transaction_in_try() {
    let server = TestServer::new();
    let mut a = server.shop();
    a.ok("CREATE TABLE t (a int PRIMARY KEY); INSERT t VALUES (1); SET XACT_ABORT ON");
    let sql = "BEGIN TRY BEGIN TRAN; INSERT t VALUES (2); INSERT t VALUES (1); COMMIT END TRY
               BEGIN CATCH SELECT XACT_STATE(); IF XACT_STATE() <> 0 ROLLBACK END CATCH";
    assert_eq!(a.value(sql), "-1");
    assert_eq!(a.rows("SELECT a FROM t"), [["1"]]);
    let r = a.run("BEGIN TRY BEGIN TRAN; INSERT t VALUES (1) END TRY BEGIN CATCH INSERT t VALUES (9) END CATCH");
    assert_eq!(r.errors(), [3930]);
    assert_eq!(a.rows("SELECT @@TRANCOUNT"), [["0"]]);
    let r = a.run("BEGIN TRY BEGIN TRAN; INSERT t VALUES (1) END TRY BEGIN CATCH SELECT 1 END CATCH");
    assert_eq!(r.errors(), [3998]);
}

#[test]
fn a_second_writer_waits_and_times_out() {
    let server = TestServer::new();
    let (mut a, mut b) = (server.shop(), server.shop());
    a.ok("CREATE TABLE t (a int); BEGIN TRAN; INSERT t VALUES (1)");
    assert_eq!(b.error("SET LOCK_TIMEOUT 50; INSERT t VALUES (2)").number, 1222);
    assert_eq!(b.error("SET LOCK_TIMEOUT 0; BEGIN TRAN; SELECT * FROM t WITH (TABLOCK, HOLDLOCK)").number, 1222);
    b.ok("ROLLBACK; SET LOCK_TIMEOUT -1");
    let waiter = std::thread::spawn(move || {
        b.ok("INSERT t VALUES (2)");
        b
    });
    a.ok("COMMIT");
    waiter.join().unwrap();
    assert_eq!(a.value("SELECT COUNT(*) FROM t"), "2");
}

#[test]
fn a_lock_hint_in_a_transaction_keeps_writers_out_until_its_end() {
    let server = TestServer::new();
    let (mut a, mut b) = (server.shop(), server.shop());
    a.ok("CREATE TABLE t (a int); BEGIN TRAN; SELECT COUNT(*) FROM t WITH (TABLOCK, HOLDLOCK)");
    assert_eq!(b.error("SET LOCK_TIMEOUT 20; INSERT t VALUES (2)").number, 1222);
    a.ok("COMMIT");
    b.ok("INSERT t VALUES (2)");
}

#[test]
fn a_snapshot_stays_as_it_was_at_its_first_read() {
    let server = TestServer::new();
    let (mut a, mut b) = (server.shop(), server.shop());
    a.ok("CREATE TABLE t (a int); INSERT t VALUES (1)");
    assert_eq!(b.error("SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; SELECT * FROM t").number, 3952);
    b.run("IF @@TRANCOUNT > 0 ROLLBACK");
    a.ok("ALTER DATABASE shop SET ALLOW_SNAPSHOT_ISOLATION ON");
    assert_eq!(b.value("SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; SELECT COUNT(*) FROM t"), "1");
    a.ok("INSERT t VALUES (2)");
    assert_eq!(b.value("SELECT COUNT(*) FROM t"), "1");
    b.ok("SELECT * INTO #copy FROM t");
    assert_eq!(b.error("INSERT t VALUES (3)").number, 3960);
    assert_eq!(b.value("SELECT @@TRANCOUNT"), "0");
    assert_eq!(b.value("SELECT COUNT(*) FROM t"), "2");
}

#[test]
fn transaction_requests_of_the_client_work_like_statements() {
    let server = TestServer::new();
    let mut a = server.shop();
    a.ok("CREATE TABLE t (a int)");
    let mut sink = super::recorder::Recorder::default();
    a.session.transaction(TransactionRequest::Begin { isolation: 0, name: String::new() }, &mut sink).unwrap();
    a.ok("INSERT t VALUES (1)");
    a.session.transaction(TransactionRequest::Save { name: "s".into() }, &mut sink).unwrap();
    a.ok("INSERT t VALUES (2)");
    a.session.transaction(TransactionRequest::Rollback { name: "s".into(), begin_new: None }, &mut sink).unwrap();
    a.session.transaction(TransactionRequest::Commit { begin_new: None }, &mut sink).unwrap();
    assert_eq!(sink.messages, []);
    assert_eq!(a.value("SELECT SUM(a) FROM t"), "1");
}

#[test]
fn application_locks_are_exclusive_between_sessions() {
    let server = TestServer::new();
    let (mut a, mut b) = (server.shop(), server.shop());
    let get =
        "DECLARE @r int; EXEC @r = sp_getapplock @Resource = 'reader', @LockMode = 'Exclusive', @LockOwner = 'Session',
               @LockTimeout = 0; SELECT @r";
    assert_eq!(a.value(get), "0");
    assert_eq!(b.value(get), "-1");
    a.ok("EXEC sp_releaseapplock @Resource = 'reader', @LockOwner = 'Session'");
    assert_eq!(b.value(get), "0");
    drop(b);
    assert_eq!(a.value(get), "0");
}

#[test]
fn a_session_that_ends_rolls_back_and_lets_go() {
    let server = TestServer::new();
    let (mut a, mut b) = (server.shop(), server.shop());
    a.ok("CREATE TABLE t (a int); BEGIN TRAN; INSERT t VALUES (1)");
    drop(a);
    b.ok("SET LOCK_TIMEOUT 5000; INSERT t VALUES (2)");
    assert_eq!(b.value("SELECT COUNT(*) FROM t"), "1");
}

#[test]
fn a_snapshot_keeps_the_catalog_of_its_view_to_itself() {
    let server = TestServer::new();
    let (mut a, mut b) = (server.shop(), server.shop());
    a.ok("CREATE TABLE t (a int); INSERT t VALUES (1); ALTER DATABASE shop SET ALLOW_SNAPSHOT_ISOLATION ON");
    b.ok("SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; SELECT * FROM t");
    a.ok("ALTER TABLE t ADD b int NULL; CREATE TABLE u (a int)");
    assert_eq!(b.rows("SELECT * FROM t"), [["1"]]);
    let mut c = server.shop();
    assert_eq!(c.rows("SELECT * FROM t"), [["1", "NULL"]]);
    b.ok("COMMIT");
    assert_eq!(b.rows("SELECT * FROM t"), [["1", "NULL"]]);
    assert_eq!(b.value("SELECT COUNT(*) FROM u"), "0");
}

#[test]
fn transactions_of_many_sessions_are_serialised() {
    let server = TestServer::new();
    let mut a = server.shop();
    a.ok("CREATE TABLE account (id int PRIMARY KEY, amount int NOT NULL); INSERT account VALUES (1, 0), (2, 0)");
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let mut c = server.shop();
            std::thread::spawn(move || {
                for _ in 0..50 {
                    c.ok("BEGIN TRAN; UPDATE account SET amount += 1 WHERE id = 1; UPDATE account SET amount -= 1 WHERE id = 2; COMMIT");
                }
            })
        })
        .collect();
    for _ in 0..50 {
        assert_eq!(a.value("SELECT SUM(amount) FROM account"), "0");
    }
    for worker in workers {
        worker.join().unwrap();
    }
    assert_eq!(a.rows("SELECT amount FROM account ORDER BY id"), [["200"], ["-200"]]);
}
