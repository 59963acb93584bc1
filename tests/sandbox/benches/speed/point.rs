//! Updates of one row by its key, each a transaction, in tables of growing size.

use crate::Size;
use crate::orders;
use crate::report::{Report, rounds, timed};
use crate::servers::{Bare, Counter, PASSWORD, Sandbox, Tiberius, run, runtime};
use crate::wire::{Wire, bulk_packets};
use sandbox::engine::session::SqlSession;
use sandbox::session::{Param, Session};
use sandbox::types::{Datum, Length, SqlType};

/// Updates of a round.
const UPDATES: i32 = 2_000;
const UPDATE: &str = "UPDATE orders SET customer = @P1 WHERE id = @P2";
/// Distance between the keys of two updates: coprime to the sizes, so that they go all over the table.
const STRIDE: i64 = 7_919;

pub fn measure(size: Size, report: &mut Report) {
    report.part("point update by key, each its own transaction");
    let runtime = runtime();
    let mut rows = 1_000;
    while rows <= size.point {
        let (sandbox, bare) = (Sandbox::start(), Bare::open());
        fill(&sandbox, &bare, rows);
        let mut session = sandbox.session("bench");
        let mut client = runtime.block_on(Box::pin(sandbox.tiberius()));
        let [in_bare, in_engine, by_tiberius] = rounds(
            size.rounds,
            [
                Box::new(|| timed(|| update_bare(&bare, rows))),
                Box::new(|| timed(|| update_in_engine(&mut session, rows))),
                Box::new(|| timed(|| runtime.block_on(Box::pin(update_by_tiberius(&mut client, rows))))),
            ],
        );
        let count = UPDATES as usize;
        report.each(&format!("{rows} rows: bare SQLite"), count, in_bare, None);
        report.each(&format!("{rows} rows: engine"), count, in_engine, Some(in_bare));
        report.each(&format!("{rows} rows: tiberius, one round trip each"), count, by_tiberius, Some(in_bare));
        if rows == 10_000 {
            sandbox.track("orders");
            let time = timed(|| update_in_engine(&mut session, rows));
            report.each(&format!("{rows} rows: engine, tracked by change data capture"), count, time, Some(in_bare));
        }
        rows *= 10;
    }
}

fn fill(sandbox: &Sandbox, bare: &Bare, count: usize) {
    let rows: Vec<Vec<Datum>> = (0..count as i32).map(orders::row).collect();
    run(&mut sandbox.session("bench"), &orders::create("orders"));
    let mut wire = Wire::connect(sandbox.server.local_addr(), PASSWORD, "bench");
    wire.load(&orders::insert_bulk("orders"), &bulk_packets(&orders::columns(), &rows));
    orders::create_bare(&bare.db);
    orders::fill_bare(&bare.db, &rows);
}

/// New values and keys.
fn updates(rows: usize) -> impl Iterator<Item = (i32, i32)> {
    (0..UPDATES).map(move |n| (n, (i64::from(n) * STRIDE % rows as i64) as i32))
}

fn update_bare(bare: &Bare, rows: usize) {
    for (value, id) in updates(rows) {
        let mut update =
            bare.db.prepare_cached("UPDATE orders SET customer = ?1 WHERE id = ?2").expect("SQLite prepares");
        assert_eq!(update.execute((value, id)).expect("SQLite updates"), 1);
    }
}

fn update_in_engine(session: &mut SqlSession, rows: usize) {
    let text = |text: &str| Param {
        name: String::new(),
        ty: SqlType::NVarChar(Length::Max),
        value: Datum::String(text.to_owned()),
        output: false,
    };
    let number =
        |name: &str, value| Param { name: name.to_owned(), ty: SqlType::Int, value: Datum::Int(value), output: false };
    let mut counter = Counter::default();
    for (value, id) in updates(rows) {
        let params = vec![text(UPDATE), text("@P1 int, @P2 int"), number("@P1", value), number("@P2", id)];
        session.rpc("sp_executesql", params, &mut counter).expect("nobody cancels");
    }
    counter.check();
    assert_eq!(counter.done, UPDATES as u64);
}

async fn update_by_tiberius(client: &mut Tiberius, rows: usize) {
    for (value, id) in updates(rows) {
        let done = client.execute(UPDATE, &[&value, &id]).await.expect("it runs");
        assert_eq!(done.total(), 1);
    }
}
