//! Money moved between accounts by many at once, at every isolation level, is neither lost nor made.
#![allow(clippy::unwrap_used)]

mod server;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use server::{Connection, LIMIT, error, exec, start, text, try_exec};

const ACCOUNTS: i32 = 4;
const BALANCE: i64 = 1_000;
const WRITERS: u64 = 8;
const TRANSFERS: u32 = 15;
const READS: u32 = 15;
/// Errors after which the documentation says to try again.
const TRY_AGAIN: [u32; 2] = [1205, 3960];

/// Reads two balances, and writes what it has computed of them: without locks that hold, one of two such transfers is lost.
fn transfer(level: &str, hint: &str, from: i32, to: i32, amount: i64) -> String {
    format!(
        "SET TRANSACTION ISOLATION LEVEL {level}; DECLARE @from bigint, @to bigint; BEGIN TRAN;
         SELECT @from = balance FROM accounts {hint} WHERE id = {from};
         SELECT @to = balance FROM accounts {hint} WHERE id = {to};
         UPDATE accounts SET balance = @from - {amount} WHERE id = {from};
         UPDATE accounts SET balance = @to + {amount} WHERE id = {to};
         INSERT log (amount) VALUES ({amount}); COMMIT"
    )
}

async fn write(mut db: Connection, number: u64) {
    let mut random = StdRng::seed_from_u64(number);
    let levels =
        [("READ COMMITTED", "WITH (UPDLOCK)"), ("REPEATABLE READ", ""), ("SERIALIZABLE", ""), ("SNAPSHOT", "")];
    let (level, hint) = levels[number as usize % levels.len()];
    for _ in 0..TRANSFERS {
        let from = random.random_range(1..=ACCOUNTS);
        let to = from % ACCOUNTS + 1;
        let sql = transfer(level, hint, from, to, random.random_range(1..100));
        loop {
            match try_exec(&mut db, &sql).await {
                Ok(_) => break,
                Err(error) if error.code().is_some_and(|code| TRY_AGAIN.contains(&code)) => {
                    assert_eq!(text(&mut db, "SELECT @@TRANCOUNT").await, "0", "the victim's transaction is over");
                }
                Err(other) => panic!("{level}: {other}"),
            }
        }
    }
}

async fn read(mut db: Connection, level: &str) {
    let sum = (i64::from(ACCOUNTS) * BALANCE).to_string();
    let repeatable = !matches!(level, "READ UNCOMMITTED" | "READ COMMITTED");
    exec(&mut db, &format!("SET TRANSACTION ISOLATION LEVEL {level}")).await;
    for _ in 0..READS {
        let first =
            text(&mut db, "BEGIN TRAN; SELECT SUM(balance) FROM accounts; SELECT balance FROM accounts ORDER BY id")
                .await;
        let second = text(&mut db, "SELECT balance FROM accounts ORDER BY id; COMMIT").await;
        let (total, balances) = first.split_once(';').unwrap();
        assert_eq!(total, sum, "{level}");
        if repeatable {
            assert_eq!(balances, second, "{level}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_of_eight_writers_keep_the_sum_that_readers_of_every_level_see() {
    let server = start().await;
    let mut db = server.shop().await;
    exec(&mut db, "ALTER DATABASE shop SET ALLOW_SNAPSHOT_ISOLATION ON").await;
    exec(
        &mut db,
        "CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL); CREATE TABLE log (amount bigint)",
    )
    .await;
    for id in 1..=ACCOUNTS {
        exec(&mut db, &format!("INSERT accounts VALUES ({id}, {BALANCE})")).await;
    }
    let mut work = Vec::new();
    for number in 0..WRITERS {
        work.push(tokio::spawn(write(server.shop().await, number)));
    }
    for level in ["READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "SNAPSHOT"] {
        work.push(tokio::spawn(read(server.shop().await, level)));
    }
    for task in work {
        tokio::time::timeout(10 * LIMIT, task).await.expect("nobody waits for ever").unwrap();
    }
    let expected = format!("{}|{}", i64::from(ACCOUNTS) * BALANCE, WRITERS * u64::from(TRANSFERS));
    assert_eq!(text(&mut db, "SELECT SUM(balance), (SELECT COUNT(*) FROM log) FROM accounts").await, expected);
    assert_eq!(text(&mut db, "SELECT COUNT(*) FROM sys.dm_tran_locks WHERE request_session_id <> @@SPID").await, "0");
}

#[tokio::test]
async fn kill_ends_another_session_and_rolls_its_transaction_back() {
    let server = start().await;
    let mut db = server.shop().await;
    let mut other = server.shop().await;
    exec(&mut db, "CREATE TABLE t (id int)").await;
    let spid = text(&mut other, "SELECT @@SPID").await;
    exec(&mut other, "BEGIN TRAN; INSERT t VALUES (1)").await;
    exec(&mut db, &format!("KILL {spid}")).await;
    assert_eq!(text(&mut db, "SELECT COUNT(*) FROM t").await, "0");
    assert!(try_exec(&mut other, "SELECT 1").await.is_err());
    assert_eq!(error(&mut db, "KILL 32000").await, 6106);
    let own = text(&mut db, "SELECT @@SPID").await;
    assert_eq!(error(&mut db, &format!("KILL {own}")).await, 6104);
}
