//! The subscriber against a bare bulk load of the same rows, and against changing them row by row.

#[path = "../../tests/apply/mod.rs"]
mod database;

use crate::report::{Report, rate};
use database::{Database, int, text, update};
use proto::{Change, ColumnType, Row, Value};
use sqlserver::Parameter;
use std::time::{Duration, Instant};

const ROWS: i32 = 100_000;
/// Rows a transaction.
const TRANSACTION: i32 = 100;
/// Transactions a batch: 50,000 changes, where the session closes a batch by default.
const BATCH: usize = 500;
const ROW_BY_ROW: i32 = 4_000;
const TABLE: &str =
    "(id int NOT NULL PRIMARY KEY, customer bigint NOT NULL, name nvarchar(60) NULL, amount decimal(19,4) NOT NULL)";
const TYPES: [ColumnType; 4] = [
    ColumnType::Int,
    ColumnType::BigInt,
    ColumnType::NVarChar(Some(60)),
    ColumnType::Decimal { precision: 19, scale: 4 },
];

/// Measures inserts and updates.
pub async fn measure(report: &mut Report) {
    let (mut load, mut inserts, mut updates, mut single) = (Duration::MAX, Duration::MAX, Duration::MAX, Duration::MAX);
    for _ in 0..3 {
        let database =
            Database::new(&[&format!("CREATE TABLE target {TABLE}"), &format!("CREATE TABLE bare {TABLE}")]).await;
        load = load.min(bulk_load(&database).await);
        let mut applier = database.applier().await;
        inserts = inserts.min(apply(&database, &mut applier, 1, |id| Change::Insert(row(id))).await);
        updates = updates.min(
            apply(&database, &mut applier, 2, |id| update([int(id)], [(1, Value::I64(1)), (2, text("changed"))])).await,
        );
        single = single.min(row_by_row(&database).await);
        let count = database.rows("SELECT COUNT(*) FROM target WHERE customer = 1").await;
        assert_eq!(count, [[int(ROWS)]], "what is measured is done");
    }
    let (rows, few) = (u64::try_from(ROWS).expect("positive"), u64::try_from(ROW_BY_ROW).expect("positive"));
    report.speed("apply of inserts, vs bare bulk load", "rows", rate(rows, inserts), rate(rows, load), 0.4);
    report.speed("apply of updates, vs row by row", "rows", rate(rows, updates), rate(few, single), 10.0);
}

fn row(id: i32) -> Row {
    let amount = Value::Decimal { unscaled: i128::from(id) * 12_345, scale: 4 };
    vec![int(id), Value::I64(i64::from(id) * 1_000), text(&format!("customer of order {id}")), amount]
}

async fn bulk_load(database: &Database) -> Duration {
    let mut client = database.client().await;
    let started = Instant::now();
    let rows = futures::stream::iter((0..ROWS).map(row));
    client.bulk_load("loading", "bare", &TYPES, rows).await.expect("the rows can be loaded");
    started.elapsed()
}

/// Applies a change of every row, as the session would: batches of whole transactions.
async fn apply(
    database: &Database,
    applier: &mut subscriber::apply::Applier,
    round: u32,
    change: impl Fn(i32) -> Change,
) -> Duration {
    let transactions: Vec<_> = (0..ROWS / TRANSACTION)
        .map(|n| {
            let changes: Vec<_> = (n * TRANSACTION..(n + 1) * TRANSACTION).map(|id| ("target", change(id))).collect();
            database.transaction(round * 1_000_000 + u32::try_from(n).expect("positive"), &changes)
        })
        .collect();
    let started = Instant::now();
    for batch in transactions.chunks(BATCH) {
        let last = batch.last().expect("chunks are not empty").lsn;
        applier.batch(batch, last).await.expect("the batch can be applied");
    }
    started.elapsed()
}

/// What a naive subscriber does: a parameterised statement a row, in transactions of the same size.
async fn row_by_row(database: &Database) -> Duration {
    const UPDATE: &str = "UPDATE target SET customer = @P2, name = @P3 WHERE id = @P1";
    let mut client = database.client().await;
    let started = Instant::now();
    for id in 0..ROW_BY_ROW {
        if id % TRANSACTION == 0 {
            client.batch("beginning", "BEGIN TRANSACTION").await.expect("it can begin");
        }
        let values = [int(id), Value::I64(1), text("changed")];
        let parameters: Vec<Parameter<'_>> =
            values.iter().zip(TYPES).map(|(value, column_type)| Parameter::typed(value, column_type)).collect();
        client.execute("changing", UPDATE, &parameters).await.expect("the row can be changed");
        if id % TRANSACTION == TRANSACTION - 1 {
            client.batch("committing", "COMMIT TRANSACTION").await.expect("it can commit");
        }
    }
    started.elapsed()
}
