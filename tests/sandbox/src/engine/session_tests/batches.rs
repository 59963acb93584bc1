//! Batches, control flow, errors, procedures, temporary tables.

use super::recorder::{Recorder, TestServer, int_param, text_param};
use crate::session::{LoginRequest, Param, Session};
use crate::types::{Datum, SqlType};

#[test]
fn a_session_creates_fills_changes_and_reads_a_table() {
    let server = TestServer::new();
    let mut c = server.shop();
    c.ok(
        "CREATE TABLE dbo.Product (Id int NOT NULL PRIMARY KEY, Name nvarchar(50) NOT NULL, Price decimal(10,2) NULL)",
    );
    let r = c.ok("INSERT INTO Product (Id, Name, Price) VALUES (1, N'ball', 9.5), (2, N'bat', 20), (3, N'net', NULL)");
    assert_eq!(r.done, [Some(3)]);
    assert_eq!(c.rows("SELECT Id, Name, Price FROM dbo.Product WHERE Name = N'BALL'"), [["1", "ball", "950e-2"]]);
    assert_eq!(c.ok("UPDATE Product SET Price = Price * 2 WHERE Id <= 2").done, [Some(2)]);
    assert_eq!(c.ok("DELETE FROM Product WHERE Id = 3").done, [Some(1)]);
    assert_eq!(c.rows("SELECT Id, Price FROM Product ORDER BY Id DESC"), [["2", "4000e-2"], ["1", "1900e-2"]]);
    assert_eq!(c.value("SELECT COUNT(*) FROM Product"), "2");
}

#[test]
fn logins_are_checked() {
    let server = TestServer::new();
    let wrong = LoginRequest { user: "sa".into(), password: "nope".into(), ..LoginRequest::default() };
    assert_eq!(server.engine.open_session(&wrong).err().unwrap().number, 18456);
    let nowhere = LoginRequest {
        user: "sa".into(),
        password: super::recorder::PASSWORD.into(),
        database: "nowhere".into(),
        ..LoginRequest::default()
    };
    assert_eq!(server.engine.open_session(&nowhere).err().unwrap().number, 4060);
    let mut c = server.login("master");
    c.ok("CREATE LOGIN reader WITH PASSWORD = 'Reader pass 1'");
    let reader = |database: &str| LoginRequest {
        user: "reader".into(),
        password: "Reader pass 1".into(),
        database: database.into(),
        ..LoginRequest::default()
    };
    assert_eq!(server.engine.open_session(&reader("shop")).err().unwrap().number, 4060);
    c.ok("USE shop; CREATE USER reader FOR LOGIN reader");
    assert!(server.engine.open_session(&reader("shop")).is_ok());
}

#[test]
fn control_flow_and_variables_work() {
    let server = TestServer::new();
    let mut c = server.shop();
    let sql = "DECLARE @i int = 0, @s int = 0;
        WHILE @i < 10 BEGIN SET @i = @i + 1; IF @i = 3 CONTINUE; IF @i > 5 BREAK; SET @s += @i END
        IF @s = 12 SELECT @s AS total ELSE SELECT -1";
    assert_eq!(c.value(sql), "12");
    assert_eq!(c.value("DECLARE @n nvarchar(3) = N'abcdef'; SELECT @n"), "abc");
    let r = c.ok("PRINT N'hello'; RETURN; SELECT 1");
    assert_eq!(r.messages[0].message, "hello");
    assert!(r.rows.is_empty());
}

#[test]
fn an_error_ends_its_statement_and_a_catch_block_sees_it() {
    let server = TestServer::new();
    let mut c = server.shop();
    let r = c.run("SELECT 1/0; SELECT @@ERROR; SELECT 2");
    assert_eq!(r.errors(), [8134]);
    assert_eq!(r.rows.last().unwrap(), &[Datum::Int(2)]);
    assert_eq!(r.rows[r.rows.len() - 2], [Datum::Int(8134)]);
    let caught = c.rows(
        "BEGIN TRY SELECT 1/0 END TRY BEGIN CATCH SELECT ERROR_NUMBER(), ERROR_SEVERITY(), ERROR_LINE(), XACT_STATE() END CATCH",
    );
    assert_eq!(caught.last().unwrap(), &["8134", "16", "1", "0"]);
    let r = c.run("BEGIN TRY THROW 50010, N'mine', 3 END TRY BEGIN CATCH THROW END CATCH; SELECT 1");
    assert_eq!((r.errors(), r.messages[0].message.as_str(), r.messages[0].state), (vec![50010], "mine", 3));
    assert!(r.rows.is_empty(), "THROW ends the batch");
    let r = c.run("RAISERROR(N'%s is %d', 16, 1, N'it', 7); SELECT 1");
    assert_eq!((r.errors(), r.messages[0].message.as_str(), r.rows.len()), (vec![50000], "it is 7", 1));
    assert_eq!(c.error("SELECT * FROM nowhere; SELECT 1").number, 208);
    assert_eq!(c.error("SELECT 1; SELECT FROM t").number, 156);
}

#[test]
fn nocount_silences_counts_only() {
    let server = TestServer::new();
    let mut c = server.shop();
    c.ok("CREATE TABLE t (a int); SET NOCOUNT ON");
    assert_eq!(c.ok("INSERT t VALUES (1), (2)").done, [None]);
    assert_eq!(c.value("INSERT t VALUES (3), (4); SELECT @@ROWCOUNT"), "2");
}

#[test]
fn sp_executesql_takes_parameters_and_returns_outputs() {
    let server = TestServer::new();
    let mut c = server.shop();
    let (r, _) = c.execute("SELECT @a + @b", "@a int, @b int", vec![int_param("@a", 2), int_param("@b", 3)]);
    assert_eq!(r.rows, [[Datum::Int(5)]]);
    let out = Param { name: "@x".into(), ty: SqlType::Int, value: Datum::Null, output: true };
    let (r, outcome) = c.execute("SET @x = 42", "@x int OUTPUT", vec![out]);
    assert!(r.errors().is_empty());
    assert_eq!(outcome.outputs[0].value, Datum::Int(42));
    assert_eq!(
        c.value("DECLARE @o int; EXEC sp_executesql N'SET @p = 7', N'@p int OUTPUT', @p = @o OUTPUT; SELECT @o"),
        "7"
    );
    let (r, _) = c.execute("SELECT @a", "@a int", vec![]);
    assert_eq!(r.errors(), [8178]);
    let (r, _) = c.execute("BEGIN TRAN", "", vec![]);
    assert_eq!(r.errors(), [266]);
    assert_eq!(c.value("SELECT @@TRANCOUNT"), "1");
}

#[test]
fn prepared_statements_run_by_handle() {
    let server = TestServer::new();
    let mut c = server.shop();
    let handle = Param { name: String::new(), ty: SqlType::Int, value: Datum::Null, output: true };
    let (_, outcome) = c.rpc("sp_prepare", vec![handle, text_param("@a int"), text_param("SELECT @a * 2")]);
    let Datum::Int(handle) = outcome.outputs[0].value else { panic!("no handle") };
    let (r, _) = c.rpc("sp_execute", vec![int_param("", handle), int_param("", 21)]);
    assert_eq!(r.rows, [[Datum::Int(42)]]);
    c.rpc("sp_unprepare", vec![int_param("", handle)]);
    let (r, _) = c.rpc("sp_execute", vec![int_param("", handle), int_param("", 21)]);
    assert_eq!(r.errors(), [8179]);
    assert_eq!(c.rpc("no_such_procedure", vec![]).0.errors(), [2812]);
}

#[test]
fn temporary_tables_belong_to_the_session_and_the_level() {
    let server = TestServer::new();
    let (mut a, mut b) = (server.shop(), server.shop());
    a.ok("CREATE TABLE #t (a int PRIMARY KEY); INSERT #t VALUES (1)");
    b.ok("CREATE TABLE #t (x nvarchar(10)); INSERT #t VALUES (N'other')");
    assert_eq!(a.value("SELECT a FROM #t"), "1");
    assert_eq!(b.value("SELECT x FROM #t"), "other");
    assert_eq!(a.error("INSERT #t VALUES (1)").number, 2627);
    assert_eq!(a.value("SELECT CASE WHEN OBJECT_ID('tempdb..#t') IS NULL THEN 0 ELSE 1 END"), "1");
    let (r, _) = a.execute("CREATE TABLE #inner (a int); INSERT #inner VALUES (5); SELECT a FROM #inner", "", vec![]);
    assert_eq!(r.rows, [[Datum::Int(5)]]);
    assert_eq!(a.error("SELECT * FROM #inner").number, 208);
    a.ok("SELECT * INTO #copy FROM #t");
    assert_eq!(a.value("SELECT COUNT(*) FROM #copy"), "1");
    a.session.reset();
    assert_eq!(a.error("SELECT * FROM #t").number, 208);
    assert_eq!(a.value("DECLARE @t TABLE (a int); INSERT @t VALUES (1), (2); SELECT SUM(a) FROM @t"), "3");
}

#[test]
fn identity_values_are_generated_and_reported() {
    let server = TestServer::new();
    let mut c = server.shop();
    c.ok("CREATE TABLE t (id int IDENTITY(10, 5) PRIMARY KEY, v int)");
    assert_eq!(
        c.rows("INSERT t (v) VALUES (1), (2); SELECT SCOPE_IDENTITY(), @@IDENTITY, IDENT_CURRENT('t')"),
        [["15", "15", "15"]]
    );
    assert_eq!(c.error("INSERT t (id, v) VALUES (1, 1)").number, 544);
    assert_eq!(c.error("INSERT t VALUES (1, 1)").number, 8101);
    c.ok("SET IDENTITY_INSERT t ON; INSERT t (id, v) VALUES (100, 3); SET IDENTITY_INSERT t OFF; INSERT t (v) VALUES (4)");
    assert_eq!(c.rows("SELECT id FROM t ORDER BY id"), [["10"], ["15"], ["100"], ["105"]]);
    c.ok("BEGIN TRAN; INSERT t (v) VALUES (5); ROLLBACK; INSERT t (v) VALUES (6)");
    assert_eq!(c.value("SELECT MAX(id) FROM t"), "115");
    assert_eq!(c.value("SELECT last_value FROM sys.identity_columns"), "115");
    c.ok("TRUNCATE TABLE t; INSERT t (v) VALUES (1)");
    assert_eq!(c.value("SELECT id FROM t"), "10");
}

#[test]
fn an_attention_ends_a_long_statement_and_the_session_goes_on() {
    let server = TestServer::new();
    let mut c = server.shop();
    c.ok("CREATE TABLE n (a int); INSERT n VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10)");
    let mut recorder = Recorder::default();
    let flag = std::sync::Arc::clone(&recorder.cancel);
    let started = std::time::Instant::now();
    let killer = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(100));
        flag.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let long = "SELECT COUNT(*) FROM n a, n b, n c, n d, n e, n f, n g, n h, n i, n j, n k";
    assert!(c.session.batch(long, &mut recorder).is_err());
    killer.join().unwrap();
    assert!(started.elapsed() < std::time::Duration::from_secs(120));
    assert_eq!(c.value("SELECT 1"), "1");
}

#[test]
fn insert_exec_stores_what_a_procedure_returns() {
    let server = TestServer::new();
    let mut c = server.shop();
    c.ok("CREATE TABLE #r (a int, b nvarchar(10)); INSERT INTO #r EXEC sp_executesql N'SELECT 1, N''x'' UNION ALL SELECT 2, N''y'''");
    assert_eq!(c.rows("SELECT a, b FROM #r ORDER BY a"), [["1", "x"], ["2", "y"]]);
}

#[test]
fn a_rollback_leaves_the_rows_of_a_table_variable() {
    let server = TestServer::new();
    let mut c = server.shop();
    c.ok("CREATE TABLE t (a int)");
    let sql = "BEGIN TRAN; DECLARE @t TABLE (a int PRIMARY KEY, b nvarchar(5)); INSERT t OUTPUT inserted.a, N'x' INTO @t VALUES (1), (2);
               ROLLBACK; SELECT COUNT(*), MAX(b), (SELECT COUNT(*) FROM t) FROM @t";
    assert_eq!(c.rows(sql), [["2", "x", "0"]]);
    let sql = "DECLARE @t TABLE (a int); BEGIN TRAN; SAVE TRAN s; INSERT t VALUES (1); INSERT @t VALUES (7); ROLLBACK TRAN s; COMMIT;
               SELECT a, (SELECT COUNT(*) FROM t) FROM @t";
    assert_eq!(c.rows(sql), [["7", "0"]]);
}

#[test]
fn textsize_cuts_large_values_only() {
    let server = TestServer::new();
    let mut c = server.shop();
    let sql = "SET TEXTSIZE 6; SELECT CAST(N'abcdef' AS nvarchar(max)), CAST('abcdefgh' AS varchar(max)), N'abcdef'";
    assert_eq!(c.rows(sql), [["abc", "abcdef", "abcdef"]]);
}

#[test]
fn an_error_in_dynamic_sql_ends_that_sql_and_is_caught_outside() {
    let server = TestServer::new();
    let mut c = server.shop();
    let r = c.run("EXEC('SELECT * FROM nowhere; SELECT 1'); SELECT 2");
    assert_eq!((r.errors(), r.rows.last()), (vec![208], Some(&vec![Datum::Int(2)])));
    assert_eq!(r.rows.len(), 1);
    assert_eq!(c.value("BEGIN TRY EXEC('SELECT FROM x') END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH"), "156");
    assert_eq!(
        c.value(
            "BEGIN TRY EXEC sp_executesql N'SELECT * FROM nowhere' END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH"
        ),
        "208"
    );
    let r = c.run("BEGIN TRY SELECT * FROM nowhere END TRY BEGIN CATCH SELECT 1 END CATCH");
    assert_eq!((r.errors(), r.rows.len()), (vec![208], 0));
    assert_eq!(c.error("DECLARE @a int; SELECT 1; DECLARE @A int").number, 134);
}

#[test]
fn an_identity_that_is_used_up_is_an_error() {
    let server = TestServer::new();
    let mut c = server.shop();
    c.ok("CREATE TABLE t (a tinyint IDENTITY(254, 1), b int); INSERT t VALUES (1), (2)");
    assert_eq!(c.error("INSERT t VALUES (3)").number, 8115);
    assert_eq!(c.rows("SELECT a FROM t"), [["254"], ["255"]]);
}

#[test]
fn a_rolled_back_truncate_gives_the_identity_counter_back() {
    let server = TestServer::new();
    let mut c = server.shop();
    c.ok("CREATE TABLE t (id int IDENTITY PRIMARY KEY, v int); INSERT t VALUES (1), (2), (3)");
    c.ok("BEGIN TRAN; TRUNCATE TABLE t; INSERT t VALUES (4); ROLLBACK; INSERT t VALUES (5)");
    assert_eq!(c.value("SELECT MAX(id) FROM t"), "4");
    c.ok("BEGIN TRAN; CREATE TABLE u (id int IDENTITY, v int); INSERT u VALUES (1); ROLLBACK");
    c.ok("CREATE TABLE u (id int IDENTITY, v int); INSERT u VALUES (1)");
    assert_eq!(c.value("SELECT id FROM u"), "1");
    c.ok("INSERT t (v) OUTPUT inserted.v INTO u (v) VALUES (9)");
    assert_eq!(c.value("SELECT MAX(id) FROM u"), "2");
}
