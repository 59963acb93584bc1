//! What the shops do while the database moves: orders, deliveries, price changes, cancellations, each one transaction over
//! several tables; now and then one is rolled back.

use super::database::{DATABASE, SIZE};
use crate::client::{Connection, Server, SqlError};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What the workload has done so far.
#[derive(Default)]
pub struct Tally {
    /// Committed transactions.
    pub committed: AtomicU64,
    /// Transactions that were rolled back on purpose.
    pub rolled_back: AtomicU64,
    /// Orders taken.
    pub orders: AtomicU64,
    /// Orders cancelled.
    pub cancellations: AtomicU64,
    /// Price changes.
    pub price_changes: AtomicU64,
    /// Deliveries and counts.
    pub movements: AtomicU64,
    /// When each order committed, in order of their ids, for the latency.
    pub commits: Mutex<VecDeque<(i32, Instant)>>,
}

/// A running workload.
pub struct Workload {
    tally: Arc<Tally>,
    stop: Arc<AtomicBool>,
    tills: Vec<tokio::task::JoinHandle<Result<(), SqlError>>>,
}

impl Workload {
    /// Starts some tills, each with its own connection, that together run about `per_second` transactions a second.
    pub fn start(server: &Server, tills: u64, per_second: u64) -> Self {
        let tally = Arc::new(Tally::default());
        let stop = Arc::new(AtomicBool::new(false));
        let pause = Duration::from_micros(1_000_000 * tills / per_second.max(1));
        let tills = (0..tills)
            .map(|seed| {
                let (server, tally, stop) = (server.clone(), tally.clone(), stop.clone());
                tokio::spawn(async move { till(&server, seed, pause, &tally, &stop).await })
            })
            .collect();
        Self { tally, stop, tills }
    }

    /// What it has done.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// Whether a till ended by itself, which only an error makes it do.
    pub fn has_failed(&self) -> bool {
        self.tills.iter().any(tokio::task::JoinHandle::is_finished)
    }

    /// Stops it after the transactions under way.
    pub async fn stop(self) -> Result<Arc<Tally>, SqlError> {
        self.stop.store(true, Ordering::Relaxed);
        for till in self.tills {
            till.await.expect("a till does not panic")?;
        }
        Ok(self.tally)
    }
}

async fn till(server: &Server, seed: u64, pause: Duration, tally: &Tally, stop: &AtomicBool) -> Result<(), SqlError> {
    let mut db = server.connect(DATABASE).await?;
    let mut rng = StdRng::seed_from_u64(seed);
    let mut ticker = tokio::time::interval(pause);
    ticker.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !stop.load(Ordering::Relaxed) {
        ticker.tick().await;
        match rng.random_range(0..100) {
            0..60 => order(&mut db, &mut rng, tally).await?,
            60..75 => movement(&mut db, &mut rng, tally).await?,
            75..85 => price_change(&mut db, &mut rng, tally).await?,
            85..97 => cancellation(&mut db, &mut rng, tally).await?,
            _ => change_of_mind(&mut db, &mut rng, tally).await?,
        }
    }
    Ok(())
}

const ORDER: &str = "SET XACT_ABORT ON; SET NOCOUNT ON;
BEGIN TRANSACTION;
INSERT INTO sales.orders (customer_id, store_id, status, total) VALUES (@P1, @P2, 'new', 0);
DECLARE @order int = SCOPE_IDENTITY();
INSERT INTO sales.order_lines (order_id, line_no, product_id, quantity, unit_price)
    SELECT @order, v.line_no, p.product_id, v.quantity, p.price
    FROM (VALUES (1, @P3, @P4), (2, @P5, @P6), (3, @P7, @P8)) AS v (line_no, product_id, quantity)
    JOIN catalog.products AS p ON p.product_id = v.product_id
    WHERE v.line_no <= @P9;
UPDATE sales.orders SET total = (SELECT SUM(quantity * unit_price) FROM sales.order_lines WHERE order_id = @order)
    WHERE order_id = @order;
UPDATE s SET quantity = s.quantity - l.quantity
    FROM retail.stock AS s JOIN sales.order_lines AS l ON l.product_id = s.product_id
    WHERE l.order_id = @order AND s.store_id = @P2;
INSERT INTO retail.stock_movements (store_id, product_id, delta, reason)
    SELECT @P2, product_id, -quantity, 'sale' FROM sales.order_lines WHERE order_id = @order;
UPDATE retail.customers SET loyalty_points = loyalty_points + 10 WHERE customer_id = @P1;
COMMIT TRANSACTION;
SELECT @order;";

async fn order(db: &mut Connection, rng: &mut StdRng, tally: &Tally) -> Result<(), SqlError> {
    let (customer, store) = (rng.random_range(1..=SIZE.customers), rng.random_range(1..=SIZE.stores));
    let first = rng.random_range(1..=SIZE.products - 2);
    let quantity: [i32; 3] = rng.random();
    let quantity = quantity.map(|q| q.rem_euclid(5) + 1);
    let lines: i32 = rng.random_range(1..=3);
    let rows = db
        .query(
            ORDER,
            &[&customer, &store, &first, &quantity[0], &(first + 1), &quantity[1], &(first + 2), &quantity[2], &lines],
        )
        .await?;
    let committed = Instant::now();
    if let Some(id) = rows.first().and_then(|row| row.get::<i32, _>(0)) {
        tally.commits.lock().expect("no holder panics").push_back((id, committed));
    }
    tally.orders.fetch_add(1, Ordering::Relaxed);
    tally.committed.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

async fn movement(db: &mut Connection, rng: &mut StdRng, tally: &Tally) -> Result<(), SqlError> {
    let (store, product) = (rng.random_range(1..=SIZE.stores), rng.random_range(1..=SIZE.products));
    let delta: i32 = rng.random_range(1..200);
    let reason = if rng.random_bool(0.3) { "count" } else { "delivery" };
    db.query(
        "SET XACT_ABORT ON; SET NOCOUNT ON;
         BEGIN TRANSACTION;
         UPDATE retail.stock SET quantity = quantity + @P3 WHERE store_id = @P1 AND product_id = @P2;
         INSERT INTO retail.stock_movements (store_id, product_id, delta, reason) VALUES (@P1, @P2, @P3, @P4);
         COMMIT TRANSACTION;",
        &[&store, &product, &delta, &reason],
    )
    .await?;
    tally.movements.fetch_add(1, Ordering::Relaxed);
    tally.committed.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

async fn price_change(db: &mut Connection, rng: &mut StdRng, tally: &Tally) -> Result<(), SqlError> {
    let product = rng.random_range(1..=SIZE.products);
    let percent: i32 = rng.random_range(80..125);
    db.query(
        "SET XACT_ABORT ON; SET NOCOUNT ON;
         BEGIN TRANSACTION;
         DECLARE @old decimal(19,4), @new decimal(19,4);
         SELECT @old = price FROM catalog.products WHERE product_id = @P1;
         SET @new = CAST(@old * @P2 / 100 + 0.01 AS decimal(19,2));
         UPDATE catalog.products SET price = @new, on_sale = CASE WHEN @new < @old THEN 1 ELSE 0 END, changed_at = SYSUTCDATETIME()
             WHERE product_id = @P1;
         INSERT INTO sales.price_changes (product_id, old_price, new_price) VALUES (@P1, @old, @new);
         COMMIT TRANSACTION;",
        &[&product, &percent],
    )
    .await?;
    tally.price_changes.fetch_add(1, Ordering::Relaxed);
    tally.committed.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

async fn cancellation(db: &mut Connection, rng: &mut StdRng, tally: &Tally) -> Result<(), SqlError> {
    let rows = db.run("SELECT MAX(order_id) FROM sales.orders WHERE status = 'new'").await?;
    let Some(newest) = rows.first().and_then(|row| row.get::<i32, _>(0)) else { return Ok(()) };
    let order = rng.random_range((newest - 50).max(1)..=newest);
    db.query(
        "SET XACT_ABORT ON; SET NOCOUNT ON;
         BEGIN TRANSACTION;
         UPDATE s SET quantity = s.quantity + l.quantity
             FROM retail.stock AS s
             JOIN sales.order_lines AS l ON l.product_id = s.product_id
             JOIN sales.orders AS o ON o.order_id = l.order_id AND o.store_id = s.store_id
             WHERE l.order_id = @P1;
         INSERT INTO retail.stock_movements (store_id, product_id, delta, reason)
             SELECT o.store_id, l.product_id, l.quantity, 'cancelled'
             FROM sales.order_lines AS l JOIN sales.orders AS o ON o.order_id = l.order_id WHERE l.order_id = @P1;
         DELETE FROM sales.order_lines WHERE order_id = @P1;
         UPDATE sales.orders SET status = 'cancelled', total = 0 WHERE order_id = @P1;
         COMMIT TRANSACTION;",
        &[&order],
    )
    .await?;
    tally.cancellations.fetch_add(1, Ordering::Relaxed);
    tally.committed.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

async fn change_of_mind(db: &mut Connection, rng: &mut StdRng, tally: &Tally) -> Result<(), SqlError> {
    let customer = rng.random_range(1..=SIZE.customers);
    db.query(
        "SET NOCOUNT ON;
         BEGIN TRANSACTION;
         INSERT INTO sales.orders (customer_id, store_id, status, total) VALUES (@P1, 1, 'undone', 0);
         UPDATE retail.customers SET loyalty_points = -1 WHERE customer_id = @P1;
         ROLLBACK TRANSACTION;",
        &[&customer],
    )
    .await?;
    tally.rolled_back.fetch_add(1, Ordering::Relaxed);
    Ok(())
}
