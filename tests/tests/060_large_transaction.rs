//! A transaction much larger than a chunk passes through every role in bounded memory and becomes visible as a whole.

#![allow(clippy::unwrap_used)]

use tests::line::Line;
use tests::wait;

/// Rows changed by the one transaction, with about 400 bytes each: some 60 chunks.
const ROWS: i64 = 150_000;
/// Most memory that a role may have had, in KiB: the promise, whatever the size of a transaction.
const MEMORY: u64 = 256 << 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_large_transaction_arrives_whole_and_no_role_holds_it_in_memory() {
    let mut line = Line::start().await;
    line.make_fence().await;
    line.source
        .run(
            "CREATE TABLE dbo.big (id int NOT NULL PRIMARY KEY, batch int NOT NULL, filling char(200) NOT NULL, note nvarchar(100) NULL);
             CREATE TABLE dbo.total (id int NOT NULL PRIMARY KEY, rows_inserted int NOT NULL);
             INSERT INTO dbo.total VALUES (1, 0);",
        )
        .await;
    line.replicate(&["dbo.big", "dbo.total", "dbo.fence"]).await;
    line.drain().await;

    let mut source = line.source.connect().await;
    source.run("BEGIN TRAN").await.unwrap();
    let mut id = 0;
    while id < ROWS {
        let rows: Vec<String> =
            (id..id + 500).map(|id| format!("({id}, {}, 'filling', N'note of row {id}')", id / 500)).collect();
        source.run(&format!("INSERT INTO dbo.big VALUES {}", rows.join(", "))).await.unwrap();
        id += 500;
    }
    source.run(&format!("UPDATE dbo.total SET rows_inserted = {ROWS}; COMMIT;")).await.unwrap();

    // Whenever one looks, all of it is there or nothing.
    let mut target = line.target.connect().await;
    wait::until_within(4 * wait::LIMIT, "the large transaction to arrive", async || {
        let rows =
            target.run("SELECT (SELECT COUNT(*) FROM dbo.big), (SELECT rows_inserted FROM dbo.total)").await.unwrap();
        let (big, total): (i32, i32) = (rows[0].get(0).unwrap(), rows[0].get(1).unwrap());
        assert_eq!(big, total, "a transaction is visible in part");
        (i64::from(total) == ROWS).then_some(())
    })
    .await;
    line.drain().await;
    assert_eq!(line.assert_equal("SELECT * FROM dbo.big ORDER BY id").await, ROWS as u64);
    for (role, process) in
        [("publisher", &line.publisher), ("distributor", &line.distributor), ("subscriber", &line.subscriber)]
    {
        let Some(peak) = process.as_ref().unwrap().peak_memory() else { continue };
        println!("{role}: {} MiB at most", peak >> 10);
        assert!(peak < MEMORY, "{role} had {peak} KiB");
    }
}
