//! `INSERT BULK`.

use super::recorder::{Client, Recorder, TestServer};
use crate::session::Session;
use crate::types::Datum;

fn load(client: &mut Client, statement: &str, rows: Vec<Vec<Datum>>) -> Recorder {
    client.ok(statement);
    let columns = client.session.bulk_columns().unwrap();
    let mut rows = rows.into_iter();
    let mut recorder = Recorder::default();
    client.session.bulk_load(&columns, &mut || Ok(rows.next()), &mut recorder).unwrap();
    recorder
}

#[test]
fn rows_are_loaded_with_identity_and_defaults() {
    let server = TestServer::new();
    let mut c = server.shop();
    c.ok("CREATE TABLE t (id int IDENTITY PRIMARY KEY, v nvarchar(20) NOT NULL, n int NOT NULL DEFAULT (5))");
    let rows = (0..1000).map(|i| vec![Datum::String(format!("row {i}")), Datum::Null]).collect();
    let r = load(&mut c, "INSERT BULK t ([v] nvarchar(20), [n] int)", rows);
    assert_eq!((r.errors(), r.done), (vec![], vec![Some(1000)]));
    assert_eq!(c.rows("SELECT COUNT(*), MAX(id), SUM(n) FROM t"), [["1000", "1000", "5000"]]);
    let r = load(
        &mut c,
        "INSERT BULK t ([id] int, [v] nvarchar(20), [n] int)",
        vec![vec![Datum::Int(5000), Datum::String("last".into()), Datum::Int(1)]],
    );
    assert!(r.errors().is_empty());
    assert_eq!(c.value("SELECT MAX(id) FROM t"), "5000");
}

#[test]
fn a_row_that_breaks_a_constraint_undoes_the_load() {
    let server = TestServer::new();
    let mut c = server.shop();
    c.ok("CREATE TABLE t (a int PRIMARY KEY, b nvarchar(3) NOT NULL)");
    let row = |a: i32, b: Option<&str>| vec![Datum::Int(a), b.map_or(Datum::Null, |b| Datum::String(b.into()))];
    let statement = "INSERT BULK t ([a] int, [b] nvarchar(3))";
    assert_eq!(load(&mut c, statement, vec![row(1, Some("x")), row(1, Some("y"))]).errors(), [2627]);
    assert_eq!(load(&mut c, statement, vec![row(1, Some("x")), row(2, None)]).errors(), [515]);
    assert_eq!(c.value("SELECT COUNT(*) FROM t"), "0");
    assert!(load(&mut c, statement, vec![row(1, Some("x"))]).errors().is_empty());
}

#[test]
fn constraints_that_would_not_be_trusted_any_more_refuse_a_load() {
    let server = TestServer::new();
    let mut c = server.shop();
    c.ok("CREATE TABLE t (a int PRIMARY KEY CHECK (a > 0)); CREATE TABLE u (a int PRIMARY KEY REFERENCES t (a))");
    for table in ["t", "u"] {
        assert_eq!(c.error(&format!("INSERT BULK {table} ([a] int)")).number, 50000);
    }
    let statement = "INSERT BULK t ([a] int) WITH (CHECK_CONSTRAINTS)";
    assert_eq!(load(&mut c, statement, vec![vec![Datum::Int(0)]]).errors(), [547]);
    assert!(load(&mut c, statement, vec![vec![Datum::Int(1)]]).errors().is_empty());
}

#[test]
fn a_hundred_thousand_rows_load_quickly() {
    let server = TestServer::new();
    let mut c = server.shop();
    c.ok("CREATE TABLE t (a int PRIMARY KEY, b nvarchar(40) NOT NULL, c decimal(18,4) NOT NULL, d datetime2 NULL)");
    let rows = (0..100_000)
        .map(|i| {
            vec![
                Datum::Int(i),
                Datum::String(format!("name of row {i}")),
                Datum::Decimal { unscaled: i128::from(i) * 10_000, scale: 4 },
                Datum::DateTime2 { days: 738_000, ticks: 1 },
            ]
        })
        .collect();
    let started = std::time::Instant::now();
    let r = load(&mut c, "INSERT BULK t ([a] int, [b] nvarchar(40), [c] decimal(18,4), [d] datetime2(7))", rows);
    assert!(r.errors().is_empty());
    // About a second when optimised; the bound leaves room for a busy machine.
    assert!(started.elapsed() < std::time::Duration::from_secs(120), "{:?}", started.elapsed());
    println!("100,000 rows in {:?}", started.elapsed());
    let started = std::time::Instant::now();
    for i in 0..1000 {
        let (r, _) =
            c.execute("UPDATE t SET b = N'x' WHERE a = @a", "@a int", vec![super::recorder::int_param("@a", i * 7)]);
        assert_eq!(r.done, [Some(1)]);
    }
    println!("1,000 updates by key in {:?}", started.elapsed());
    let started = std::time::Instant::now();
    for i in 0..1000 {
        c.execute("SELECT b FROM t WHERE a = @a", "@a int", vec![super::recorder::int_param("@a", i * 7)]);
    }
    println!("1,000 reads by key in {:?}", started.elapsed());
    let started = std::time::Instant::now();
    assert_eq!(c.ok("SELECT * FROM t").rows.len(), 100_000);
    println!("scan in {:?}", started.elapsed());
}

#[test]
fn a_load_that_fails_leaves_no_captured_change_either() {
    let server = TestServer::new();
    let mut c = server.shop();
    c.ok("EXEC sys.sp_cdc_enable_db; CREATE TABLE t (a int NOT NULL PRIMARY KEY, b int NOT NULL)");
    c.ok("EXEC sys.sp_cdc_enable_table N'dbo', N't', @role_name = NULL; EXEC sys.sp_cdc_stop_job");
    let row = |a: i32| vec![Datum::Int(a), Datum::Int(0)];
    let statement = "INSERT BULK t ([a] int, [b] int)";
    assert_eq!(load(&mut c, statement, vec![row(1), row(2), row(1)]).errors(), [2627]);
    c.ok("BEGIN TRAN; INSERT INTO t VALUES (7, 7)");
    assert_eq!(load(&mut c, statement, vec![row(1), row(2), row(7), row(3)]).errors(), [2627]);
    assert!(load(&mut c, statement, vec![row(8), row(9)]).errors().is_empty());
    c.ok("COMMIT; EXEC sys.sp_cdc_scan");
    assert_eq!(c.rows("SELECT a FROM t ORDER BY a"), [["7"], ["8"], ["9"]]);
    assert_eq!(c.rows("SELECT a FROM cdc.dbo_t_CT ORDER BY a"), [["7"], ["8"], ["9"]]);
}
