//! A workload with invariants that hold at every commit, and a reader that checks them at the subscriber all the while.
//!
//! - An order's total is the sum of its lines (two tables, always changed in one transaction).
//! - Transfers between accounts move money, but never make or lose any.

use crate::line::Line;
use crate::server::TestDatabase;
use crate::wait;
use crate::workload::Workload;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sandbox::client::{Connection, Server, SqlError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Tables of the shop, parents first.
pub const TABLES: [&str; 3] = ["dbo.orders", "dbo.lines", "dbo.accounts"];

/// Queries that give each table whole and in order.
pub const CONTENTS: [&str; 3] = [
    "SELECT * FROM dbo.orders ORDER BY id",
    "SELECT * FROM dbo.lines ORDER BY order_id, line_no",
    "SELECT * FROM dbo.accounts ORDER BY id",
];

const ACCOUNTS: i32 = 50;
const MONEY_EACH: i64 = 1_000;
const ORDERS_AT_START: i32 = 200;

/// Makes the tables with their first rows, and the fence.
pub async fn make(line: &Line) {
    line.make_fence().await;
    line.source
        .run(
            "CREATE TABLE dbo.orders (id int NOT NULL PRIMARY KEY, total decimal(19,4) NOT NULL, state varchar(10) NOT NULL);
             CREATE TABLE dbo.lines (order_id int NOT NULL REFERENCES dbo.orders (id), line_no int NOT NULL,
                 amount decimal(19,4) NOT NULL, note nvarchar(200) NULL, PRIMARY KEY (order_id, line_no));
             CREATE TABLE dbo.accounts (id int NOT NULL PRIMARY KEY, balance bigint NOT NULL);",
        )
        .await;
    let accounts: Vec<String> = (1..=ACCOUNTS).map(|id| format!("({id}, {MONEY_EACH})")).collect();
    line.source.run(&format!("INSERT INTO dbo.accounts VALUES {}", accounts.join(", "))).await;
    let orders: Vec<String> = (1..=ORDERS_AT_START).map(|id| format!("({id}, 30, 'new')")).collect();
    let lines: Vec<String> =
        (1..=ORDERS_AT_START).map(|id| format!("({id}, 1, 10, NULL), ({id}, 2, 20, N'two')")).collect();
    line.source
        .run(&format!(
            "INSERT INTO dbo.orders VALUES {}; INSERT INTO dbo.lines VALUES {};",
            orders.join(", "),
            lines.join(", ")
        ))
        .await;
}

/// Starts `tasks` connections that make random transactions, the same ones for the same seed.
pub fn work(database: &TestDatabase, seed: u64, tasks: u64) -> Workload {
    Workload::run(tasks, |task, turn| {
        let (server, name) = (database.server.clone(), database.name.clone());
        async move {
            let mut db = server.connect(&name).await?;
            let mut rng = StdRng::seed_from_u64(seed * 1_000 + task);
            let mut next_order = newest_order(&mut db, task).await?;
            while turn.goes_on() {
                transaction(&mut db, &mut rng, &mut next_order).await?;
                turn.committed();
                tokio::time::sleep(Duration::from_millis(rng.random_range(1..10))).await;
            }
            Ok(())
        }
    })
}

/// Each task takes its orders' ids from a million of its own, going on where an earlier workload ended.
async fn newest_order(db: &mut Connection, task: u64) -> Result<i32, SqlError> {
    let base = 1_000_000 * (i32::try_from(task).unwrap_or_default() + 1);
    let newest = "SELECT MAX(id) FROM dbo.orders WHERE id BETWEEN @P1 AND @P1 + 999999";
    let rows = db.query(newest, &[&base]).await?;
    Ok(rows.first().and_then(|row| row.get::<i32, _>(0)).unwrap_or(base))
}

async fn transaction(db: &mut Connection, rng: &mut StdRng, next_order: &mut i32) -> Result<(), SqlError> {
    match rng.random_range(0..100) {
        0..40 => transfer(db, rng).await,
        40..65 => {
            *next_order += 1;
            order(db, rng, *next_order).await
        }
        65..80 => change_order(db, rng, *next_order).await,
        80..88 => cancel(db, rng, *next_order).await,
        88..94 => rename(db, rng, *next_order).await,
        _ => undone(db, rng).await,
    }
}

async fn transfer(db: &mut Connection, rng: &mut StdRng) -> Result<(), SqlError> {
    let (from, to) = (rng.random_range(1..=ACCOUNTS), rng.random_range(1..=ACCOUNTS));
    let amount: i64 = rng.random_range(1..100);
    db.query(
        "SET XACT_ABORT ON; BEGIN TRAN;
         UPDATE dbo.accounts SET balance = balance - @P3 WHERE id = @P1;
         UPDATE dbo.accounts SET balance = balance + @P3 WHERE id = @P2;
         COMMIT;",
        &[&from, &to, &amount],
    )
    .await
    .map(|_| ())
}

async fn order(db: &mut Connection, rng: &mut StdRng, id: i32) -> Result<(), SqlError> {
    let lines: i32 = rng.random_range(1..6);
    let rows: Vec<String> =
        (1..=lines).map(|line| format!("({id}, {line}, {}.5, N'line {line}')", rng.random_range(1..500))).collect();
    db.run(&format!(
        "SET XACT_ABORT ON; BEGIN TRAN;
         INSERT INTO dbo.orders VALUES ({id}, 0, 'new');
         INSERT INTO dbo.lines VALUES {};
         UPDATE dbo.orders SET total = (SELECT SUM(amount) FROM dbo.lines WHERE order_id = {id}) WHERE id = {id};
         COMMIT;",
        rows.join(", ")
    ))
    .await
    .map(|_| ())
}

fn some_order(rng: &mut StdRng, newest: i32) -> i32 {
    if newest % 1_000_000 == 0 || rng.random_bool(0.5) {
        rng.random_range(1..=ORDERS_AT_START)
    } else {
        rng.random_range((newest - newest % 1_000_000 + 1).max(newest - 30)..=newest)
    }
}

async fn change_order(db: &mut Connection, rng: &mut StdRng, newest: i32) -> Result<(), SqlError> {
    let (id, more) = (some_order(rng, newest), rng.random_range(1..50));
    db.query(
        "SET XACT_ABORT ON; BEGIN TRAN;
         UPDATE dbo.lines SET amount = amount + @P2, note = N'changed' WHERE order_id = @P1;
         UPDATE dbo.orders SET state = 'changed', total = ISNULL((SELECT SUM(amount) FROM dbo.lines WHERE order_id = @P1), 0) WHERE id = @P1;
         COMMIT;",
        &[&id, &more],
    )
    .await
    .map(|_| ())
}

async fn cancel(db: &mut Connection, rng: &mut StdRng, newest: i32) -> Result<(), SqlError> {
    let id = some_order(rng, newest);
    db.query(
        "SET XACT_ABORT ON; BEGIN TRAN;
         DELETE FROM dbo.lines WHERE order_id = @P1;
         DELETE FROM dbo.orders WHERE id = @P1;
         COMMIT;",
        &[&id],
    )
    .await
    .map(|_| ())
}

async fn rename(db: &mut Connection, rng: &mut StdRng, newest: i32) -> Result<(), SqlError> {
    let (id, line) = (some_order(rng, newest), rng.random_range(100..200));
    db.query(
        "SET XACT_ABORT ON; BEGIN TRAN;
         UPDATE dbo.lines SET line_no = line_no + @P2 WHERE order_id = @P1 AND line_no < 100;
         COMMIT;",
        &[&id, &line],
    )
    .await
    .map(|_| ())
}

async fn undone(db: &mut Connection, rng: &mut StdRng) -> Result<(), SqlError> {
    let account = rng.random_range(1..=ACCOUNTS);
    db.query(
        "BEGIN TRAN;
         UPDATE dbo.accounts SET balance = balance + 1000000 WHERE id = @P1;
         UPDATE dbo.orders SET total = -1;
         ROLLBACK;",
        &[&account],
    )
    .await
    .map(|_| ())
}

/// Reads the invariants at the subscriber in a loop.
pub struct Watcher {
    stop: Arc<AtomicBool>,
    looks: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

/// Orders whose total is not the sum of their lines; all the money; lines without an order.
const INVARIANTS: &str = "
SET TRANSACTION ISOLATION LEVEL SNAPSHOT;
BEGIN TRANSACTION;
SELECT
    (SELECT COUNT(*) FROM dbo.orders AS o
     WHERE o.total <> ISNULL((SELECT SUM(l.amount) FROM dbo.lines AS l WHERE l.order_id = o.id), 0)),
    (SELECT SUM(balance) FROM dbo.accounts),
    (SELECT COUNT(*) FROM dbo.lines AS l WHERE NOT EXISTS (SELECT * FROM dbo.orders AS o WHERE o.id = l.order_id));
COMMIT;";

impl Watcher {
    /// Starts to look, which needs an initialised subscription.
    pub fn start(database: &TestDatabase) -> Self {
        let (stop, looks) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (server, name) = (database.server.clone(), database.name.clone());
        let task = tokio::spawn(watch(server, name, stop.clone(), looks.clone()));
        Self { stop, looks, task }
    }

    /// Stops looking, after at least one more look.
    ///
    /// # Panics
    /// When an invariant was ever broken.
    pub async fn stop(self) -> u64 {
        let enough = self.looks.load(Ordering::Relaxed) + 1;
        wait::until("one more look", async || {
            (self.task.is_finished() || self.looks.load(Ordering::Relaxed) >= enough).then_some(())
        })
        .await;
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("every invariant holds at the subscriber");
        self.looks.load(Ordering::Relaxed)
    }
}

async fn watch(server: Server, database: String, stop: Arc<AtomicBool>, looks: Arc<AtomicU64>) {
    let mut db = server.connect(&database).await.expect("the subscriber's server takes connections");
    while !stop.load(Ordering::Relaxed) {
        let rows = db.run(INVARIANTS).await.unwrap_or_else(|e| panic!("{e}"));
        let row = rows.first().expect("the query gives a row");
        let (torn, orphans) = (row.get::<i32, _>(0), row.get::<i32, _>(2));
        assert_eq!(torn, Some(0), "orders whose total is not the sum of their lines");
        assert_eq!(orphans, Some(0), "lines without an order");
        let money = row.get::<i64, _>(1);
        assert_eq!(money, Some(i64::from(ACCOUNTS) * MONEY_EACH), "money was made or lost");
        looks.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
