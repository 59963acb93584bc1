//! Bulk loads into an empty table.

use crate::Size;
use crate::orders;
use crate::report::{Report, rounds, timed};
use crate::servers::{Bare, Counter, PASSWORD, Sandbox, run, runtime};
use crate::wire::{Wire, bulk_packets};
use sandbox::session::Session;
use sandbox::types::Datum;

pub fn measure(size: Size, report: &mut Report) {
    let rows: Vec<Vec<Datum>> = (0..size.load as i32).map(orders::row).collect();
    let packets = bulk_packets(&orders::columns(), &rows);
    let sandbox = Sandbox::start();
    let bare = Bare::open();
    let mut session = sandbox.session("bench");
    for table in ["by_engine", "by_wire", "by_tiberius", "tracked"] {
        run(&mut session, &orders::create(table));
    }
    sandbox.track("tracked");
    let address = sandbox.server.local_addr();
    let mut wire = Wire::connect(address, PASSWORD, "bench");
    let mut tracking = Wire::connect(address, PASSWORD, "bench");
    let runtime = runtime();
    let mut client = runtime.block_on(Box::pin(sandbox.tiberius()));
    let loaded = |count: u64| assert_eq!(count, size.load as u64, "rows loaded");

    let [in_bare, in_engine, by_wire, by_tiberius, tracked] = rounds(
        size.rounds,
        [
            Box::new(|| {
                orders::create_bare(&bare.db);
                timed(|| orders::fill_bare(&bare.db, &rows))
            }),
            Box::new(|| {
                run(&mut session, "DELETE FROM by_engine");
                run(&mut session, &orders::insert_bulk("by_engine"));
                let mut source = rows.clone().into_iter();
                let mut counter = Counter::default();
                let time = timed(|| {
                    session
                        .bulk_load(&orders::columns(), &mut || Ok(source.next()), &mut counter)
                        .expect("nobody cancels");
                });
                counter.check();
                loaded(counter.done);
                time
            }),
            Box::new(|| {
                wire.batch("DELETE FROM by_wire");
                timed(|| loaded(wire.load(&orders::insert_bulk("by_wire"), &packets)))
            }),
            Box::new(|| {
                runtime.block_on(Box::pin(async {
                    client
                        .simple_query("DELETE FROM by_tiberius")
                        .await
                        .expect("it runs")
                        .into_results()
                        .await
                        .expect("it ran");
                    let begun = std::time::Instant::now();
                    let mut load = client.bulk_insert("by_tiberius").await.expect("the load begins");
                    for row in &rows {
                        load.send(orders::token_row(row)).await.expect("the server reads");
                    }
                    loaded(load.finalize().await.expect("the load ends").total());
                    begun.elapsed()
                }))
            }),
            Box::new(|| {
                tracking.batch("DELETE FROM tracked");
                timed(|| loaded(tracking.load(&orders::insert_bulk("tracked"), &packets)))
            }),
        ],
    );
    report.part(&format!("bulk load of {} rows into a table with a primary key", size.load));
    report.rate("bare SQLite: prepared INSERT, one transaction", size.load, in_bare, None, None);
    let limit = Some(in_bare);
    report.rate("engine", size.load, in_engine, limit, None);
    report.rate("TDS", size.load, by_wire, limit, Some(0.3));
    report.rate("tiberius", size.load, by_tiberius, limit, None);
    report.rate("TDS, tracked by change data capture (twice the rows written)", size.load, tracked, limit, None);
}
