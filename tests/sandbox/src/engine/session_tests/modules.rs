//! Procedures by remote call, triggers and bulk loads, triggers and the session's database.

use super::recorder::{Client, Recorder, TestServer, int_param};
use crate::session::{Param, Session};
use crate::types::{Datum, SqlType};

fn load(client: &mut Client, options: &str) -> Recorder {
    client.ok(&format!("INSERT BULK t ([id] int) {options}"));
    let columns = client.session.bulk_columns().unwrap();
    let mut rows = vec![vec![Datum::Int(1)], vec![Datum::Int(2)]].into_iter();
    let mut recorder = Recorder::default();
    client.session.bulk_load(&columns, &mut || Ok(rows.next()), &mut recorder).unwrap();
    recorder
}

#[test]
fn a_remote_call_of_a_procedure_gives_status_and_output() {
    let server = TestServer::new();
    let mut c = server.shop();
    c.ok("CREATE PROCEDURE dbo.p @a int, @b int = 10, @sum int OUTPUT AS SET @sum = @a + @b; SELECT @a; RETURN 3");
    let out = |name: &str| Param { name: name.into(), ty: SqlType::Int, value: Datum::Null, output: true };
    let (r, outcome) = c.rpc("dbo.p", vec![int_param("@a", 5), out("@sum")]);
    assert_eq!((r.errors(), r.rows), (vec![], vec![vec![Datum::Int(5)]]));
    assert_eq!((outcome.status, &outcome.outputs[0].value), (3, &Datum::Int(15)));
    let (_, outcome) = c.rpc("[dbo].[p]", vec![int_param("", 1), int_param("", 2), out("")]);
    assert_eq!(outcome.outputs[0].value, Datum::Int(3));
    let (r, _) = c.rpc("dbo.p", vec![int_param("@a", 5)]);
    assert_eq!(r.errors(), [201]);
    let (r, _) = c.rpc("dbo.q", vec![]);
    assert_eq!(r.errors(), [2812]);
}

#[test]
fn a_bulk_load_fires_triggers_when_it_is_asked_to() {
    let server = TestServer::new();
    let mut c = server.shop();
    c.ok("CREATE TABLE t (id int); CREATE TABLE log (n int)");
    c.ok("CREATE TRIGGER tr ON t AFTER INSERT AS INSERT log SELECT COUNT(*) FROM inserted");
    assert!(load(&mut c, "").errors().is_empty());
    assert_eq!(c.value("SELECT COUNT(*) FROM log"), "0");
    assert!(load(&mut c, "WITH (FIRE_TRIGGERS)").errors().is_empty());
    assert_eq!(c.rows("SELECT n FROM log"), [["2"]]);
    assert_eq!(c.value("SELECT COUNT(*) FROM t"), "4");
}

#[test]
fn triggers_fire_after_the_session_was_elsewhere_and_after_others_changed_the_table() {
    let server = TestServer::new();
    let (mut a, mut b) = (server.shop(), server.shop());
    a.ok("CREATE TABLE t (id int, v int NULL); CREATE TABLE log (n int)");
    a.ok("CREATE TRIGGER tr ON t AFTER INSERT AS INSERT log SELECT COUNT(*) FROM inserted");
    a.ok("INSERT t VALUES (1, 1)");
    a.ok("USE master; USE shop");
    a.ok("INSERT t VALUES (2, 2), (3, 3)");
    b.ok("ALTER TABLE t DROP COLUMN v");
    a.ok("INSERT t VALUES (4)");
    a.ok("BEGIN TRAN; INSERT t VALUES (5); ROLLBACK; INSERT t VALUES (6), (7), (8)");
    assert_eq!(a.rows("SELECT n FROM log ORDER BY n"), [["1"], ["1"], ["2"], ["3"]]);
    b.ok("DROP TRIGGER tr; ALTER TABLE t ADD w int NULL");
    a.ok("INSERT t VALUES (9, 9)");
    assert_eq!(a.value("SELECT COUNT(*) FROM log"), "4");
}
