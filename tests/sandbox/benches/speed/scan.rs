//! Reading a whole table.

use crate::Size;
use crate::orders;
use crate::report::{Report, rounds, timed};
use crate::servers::{Bare, PASSWORD, Sandbox, run, runtime};
use crate::wire::{Wire, bulk_packets};
use futures::TryStreamExt;
use rusqlite::types::ValueRef;
use sandbox::types::Datum;
use tiberius::QueryItem;

const QUERY: &str = "SELECT id, customer, name, amount, placed, note FROM orders";

pub fn measure(size: Size, report: &mut Report) {
    let rows: Vec<Vec<Datum>> = (0..size.scan as i32).map(orders::row).collect();
    let sandbox = Sandbox::start();
    let bare = Bare::open();
    let mut session = sandbox.session("bench");
    run(&mut session, &orders::create("orders"));
    let mut wire = Wire::connect(sandbox.server.local_addr(), PASSWORD, "bench");
    wire.load(&orders::insert_bulk("orders"), &bulk_packets(&orders::columns(), &rows));
    orders::create_bare(&bare.db);
    orders::fill_bare(&bare.db, &rows);
    drop(rows);
    let runtime = runtime();
    let mut client = runtime.block_on(Box::pin(sandbox.tiberius()));
    let all = size.scan as u64;

    let [in_bare, in_engine, by_wire, by_tiberius] = rounds(
        size.rounds,
        [
            Box::new(|| timed(|| assert_eq!(step(&bare.db), all))),
            Box::new(|| timed(|| assert_eq!(run(&mut session, QUERY), all))),
            Box::new(|| timed(|| assert_eq!(wire.batch(QUERY), all))),
            Box::new(|| {
                timed(|| {
                    let found = runtime.block_on(Box::pin(async {
                        let mut found = 0;
                        let mut stream = client.simple_query(QUERY).await.expect("it runs");
                        while let Some(item) = stream.try_next().await.expect("it runs") {
                            found += u64::from(matches!(item, QueryItem::Row(_)));
                        }
                        found
                    }));
                    assert_eq!(found, all);
                })
            }),
        ],
    );
    report.part(&format!("scan of {} rows", size.scan));
    report.rate("bare SQLite: step, look at every value", size.scan, in_bare, None, None);
    let limit = Some(in_bare);
    report.rate("engine", size.scan, in_engine, limit, None);
    report.rate("TDS", size.scan, by_wire, limit, Some(0.3));
    report.rate("tiberius", size.scan, by_tiberius, limit, None);
}

/// Steps through the table and looks at every value; the number of rows.
fn step(db: &rusqlite::Connection) -> u64 {
    let mut statement = db.prepare_cached(QUERY).expect("SQLite prepares");
    let width = statement.column_count();
    let mut rows = statement.raw_query();
    let (mut count, mut bytes) = (0, 0);
    while let Some(row) = rows.next().expect("SQLite steps") {
        for column in 0..width {
            bytes += match row.get_ref(column).expect("the column is there") {
                ValueRef::Null => 0,
                ValueRef::Integer(value) => value as usize & 1,
                ValueRef::Real(_) => 8,
                ValueRef::Text(text) | ValueRef::Blob(text) => text.len(),
            };
        }
        count += 1;
    }
    std::hint::black_box(bytes);
    count
}
