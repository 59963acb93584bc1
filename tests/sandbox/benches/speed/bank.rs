//! Eight writers move money between accounts while readers add it up.

use crate::Size;
use crate::report::{Report, timed};
use crate::servers::{Bare, Sandbox, Tiberius, run, runtime};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const WRITERS: usize = 8;
const READERS: usize = 2;
const ACCOUNTS: i32 = 100;
const BALANCE: i64 = 1_000;

/// One transfer; both updates or none.
const TRANSFER: &str = "SET XACT_ABORT ON; BEGIN TRAN; \
    UPDATE accounts SET balance = balance - @P1 WHERE id = @P2; \
    UPDATE accounts SET balance = balance + @P1 WHERE id = @P3; COMMIT";

pub fn measure(size: Size, report: &mut Report) {
    let sandbox = Arc::new(Sandbox::start());
    let mut session = sandbox.session("bench");
    run(&mut session, "CREATE TABLE accounts (id int NOT NULL PRIMARY KEY, balance bigint NOT NULL)");
    for id in 0..ACCOUNTS {
        run(&mut session, &format!("INSERT INTO accounts VALUES ({id}, {BALANCE})"));
    }
    let transfers = WRITERS * size.transfers;
    let in_bare = bare(transfers);
    let (retries, checks) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let runtime = runtime();
    let time = timed(|| runtime.block_on(Box::pin(contend(&sandbox, size.transfers, &retries, &checks))));
    runtime.block_on(Box::pin(async { check(&mut sandbox.tiberius().await).await }));
    report.part(&format!("bank: {WRITERS} writers, {transfers} transfers, {READERS} readers"));
    report.rate("bare SQLite: one writer, no reader", transfers, in_bare, None, None);
    report.rate("tiberius, 8 connections at once", transfers, time, Some(in_bare), None);
    report.note(&format!(
        "the sum held in all {} looks meanwhile and in the end; {} transfers were repeated after error 1205",
        checks.load(Ordering::Relaxed),
        retries.load(Ordering::Relaxed)
    ));
}

async fn contend(sandbox: &Arc<Sandbox>, transfers: usize, retries: &Arc<AtomicU64>, checks: &Arc<AtomicU64>) {
    let over = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (sandbox, retries) = (sandbox.clone(), retries.clone());
            tokio::spawn(Box::pin(
                async move { write(&mut sandbox.tiberius().await, writer, transfers, &retries).await },
            ))
        })
        .collect();
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let (sandbox, over, checks) = (sandbox.clone(), over.clone(), checks.clone());
            tokio::spawn(Box::pin(async move {
                let mut client = sandbox.tiberius().await;
                while !over.load(Ordering::Acquire) {
                    check(&mut client).await;
                    checks.fetch_add(1, Ordering::Relaxed);
                }
            }))
        })
        .collect();
    for writer in writers {
        writer.await.expect("a writer ends");
    }
    over.store(true, Ordering::Release);
    for reader in readers {
        reader.await.expect("a reader ends");
    }
}

async fn write(client: &mut Tiberius, writer: usize, transfers: usize, retries: &AtomicU64) {
    /// What a deadlock's victim is told.
    const DEADLOCK: u32 = 1205;
    for n in 0..transfers {
        let (amount, from, to) = transfer(writer * transfers + n);
        loop {
            match client.execute(TRANSFER, &[&amount, &from, &to]).await {
                Ok(_) => break,
                Err(error) if error.code() == Some(DEADLOCK) => {
                    retries.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Amount and accounts of a transfer.
fn transfer(n: usize) -> (i64, i32, i32) {
    let spread = n.wrapping_mul(2_654_435_761) >> 7;
    let from = (spread % ACCOUNTS as usize) as i32;
    let to = (from + 1 + (spread / 128 % (ACCOUNTS as usize - 1)) as i32) % ACCOUNTS;
    ((spread % 50) as i64, from, to)
}

async fn check(client: &mut Tiberius) {
    let row = client.simple_query("SELECT SUM(balance) FROM accounts").await.expect("it runs");
    let row = row.into_row().await.expect("it ran").expect("a sum");
    assert_eq!(row.get::<i64, _>(0), Some(i64::from(ACCOUNTS) * BALANCE), "money came or went");
}

fn bare(transfers: usize) -> std::time::Duration {
    let bare = Bare::open();
    bare.db.execute_batch("CREATE TABLE accounts(id INTEGER PRIMARY KEY, balance INTEGER NOT NULL)").expect("a table");
    for id in 0..ACCOUNTS {
        bare.db.execute("INSERT INTO accounts VALUES (?1, ?2)", (id, BALANCE)).expect("a row");
    }
    let update = "UPDATE accounts SET balance = balance + ?1 WHERE id = ?2";
    timed(|| {
        for n in 0..transfers {
            let (amount, from, to) = transfer(n);
            bare.db.execute_batch("BEGIN IMMEDIATE").expect("SQLite begins");
            bare.db.prepare_cached(update).and_then(|mut s| s.execute((-amount, from))).expect("SQLite updates");
            bare.db.prepare_cached(update).and_then(|mut s| s.execute((amount, to))).expect("SQLite updates");
            bare.db.execute_batch("COMMIT").expect("SQLite commits");
        }
    })
}
