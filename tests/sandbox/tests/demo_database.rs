//! The demo's database can be made on the sandbox, with and without capture its shops can work on it, and their books balance.

#![allow(clippy::unwrap_used)]

use sandbox::cdc::ChangeDataCapture;
use sandbox::client::Server;
use sandbox::demo::database::{self, TABLES};
use sandbox::demo::workload::Workload;
use sandbox::engine::{EngineOptions, SqliteEngine};
use sandbox::server::{Certificate, ServerOptions, TlsMode, start_in_process};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread")]
async fn the_shops_work_and_their_books_balance() {
    let folder = tempfile::tempdir().unwrap();
    let engine = SqliteEngine::open_with(
        folder.path(),
        EngineOptions::new("Demo-Pw-1!"),
        Arc::new(ChangeDataCapture::default()),
    )
    .unwrap();
    let certificate = Some(Certificate::generate(&[]).unwrap());
    let options = ServerOptions { tls: TlsMode::On, certificate, ..ServerOptions::default() };
    let running = start_in_process(engine, options).unwrap();
    let server = Server::sandbox("demo", running.local_addr().port(), "Demo-Pw-1!");
    let mut master = server.connect("master").await.unwrap();
    let mut db = database::create(&mut master, async |name| server.connect(name).await).await.unwrap();
    db.run("EXEC sys.sp_cdc_enable_db").await.unwrap();
    for table in TABLES {
        let (schema, name) = table.name.split_once('.').unwrap();
        let enable = format!(
            "EXEC sys.sp_cdc_enable_table @source_schema = N'{schema}', @source_name = N'{name}', @role_name = NULL"
        );
        db.run(&enable).await.unwrap();
    }

    let workload = Workload::start(&server, 3, 1_000);
    let enough = async {
        while workload.tally().committed.load(Ordering::Relaxed) < 300 {
            assert!(!workload.has_failed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let reached = tokio::time::timeout(LIMIT, enough).await;
    let tally = workload.stop().await.unwrap();
    reached.expect("300 transactions within the limit");

    let rows = db
        .run(
            "SELECT COUNT(*),
                 (SELECT COUNT(*) FROM sales.orders AS o
                  WHERE o.total <> ISNULL((SELECT SUM(l.quantity * l.unit_price) FROM sales.order_lines AS l WHERE l.order_id = o.order_id), 0)),
                 (SELECT COUNT(*) FROM sales.orders WHERE status = 'undone')
             FROM sales.orders",
        )
        .await
        .unwrap();
    let orders = u64::try_from(rows[0].get::<i32, _>(0).unwrap()).unwrap();
    assert_eq!(orders, tally.orders.load(Ordering::Relaxed));
    assert_eq!(rows[0].get::<i32, _>(1), Some(0), "orders whose total is not the sum of their lines");
    assert_eq!(rows[0].get::<i32, _>(2), Some(0), "orders that were rolled back");
}
