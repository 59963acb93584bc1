//! Subscriptions whose tables and rows are there already, by the sync types of `sp_addsubscription`
//! (<https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-addsubscription-transact-sql>).

#![allow(clippy::unwrap_used)]

use proto::Lsn;
use tests::line::Line;
use tests::shop::{self, CONTENTS, TABLES};
use tests::wait;

const TABLES_AT_TARGET: &str = "CREATE TABLE dbo.fence (id uniqueidentifier NOT NULL PRIMARY KEY);
    CREATE TABLE dbo.orders (id int NOT NULL PRIMARY KEY, total decimal(19,4) NOT NULL, state varchar(10) NOT NULL);
    CREATE TABLE dbo.lines (order_id int NOT NULL REFERENCES dbo.orders (id), line_no int NOT NULL,
        amount decimal(19,4) NOT NULL, note nvarchar(200) NULL, PRIMARY KEY (order_id, line_no));
    CREATE TABLE dbo.accounts (id int NOT NULL PRIMARY KEY, balance bigint NOT NULL);";

/// The shop, published, its log being read; updates of lines go to a procedure that replication makes.
async fn published() -> Line {
    let mut line = Line::start().await;
    shop::make(&line).await;
    line.publish("p", &["dbo.orders", "dbo.accounts", "dbo.fence"]).await;
    line.publisher_does(&["article", "add", "--publication", "p", "--table", "dbo.lines", "--upd-cmd", "SCALL"]).await;
    line.start_publisher();
    line
}

/// Copies the rows of the source as they are now, which is not written to; gives the LSN of the last commit among them.
async fn copy(line: &Line) -> Lsn {
    // What commits last tells how far the log must have been read for all of it to have been.
    line.source.run(&format!("INSERT INTO dbo.fence (id) VALUES ('{}')", uuid::Uuid::new_v4())).await;
    let mut source = line.source.connect().await;
    const INSTANCE: &str =
        "SELECT capture_instance FROM cdc.change_tables WHERE source_object_id = OBJECT_ID(N'dbo.fence')";
    let instance = source.run(INSTANCE).await.unwrap()[0].get::<&str, _>(0).unwrap().to_owned();
    let last = format!(
        "SELECT MAX([__$start_lsn]) FROM cdc.[{instance}_CT] WHERE (SELECT COUNT(*) FROM cdc.[{instance}_CT]) = (SELECT COUNT(*) FROM dbo.fence)"
    );
    let lsn = wait::until("the last commit to be captured", async || {
        let rows = source.run(&last).await.unwrap();
        rows.first()?.get::<&[u8], _>(0).map(|bytes| Lsn::try_from(bytes).unwrap())
    })
    .await;
    line.target.run(TABLES_AT_TARGET).await;
    for table in TABLES.into_iter().chain(["dbo.fence"]) {
        let columns = match table {
            "dbo.orders" => ["id", "total", "state"].as_slice(),
            "dbo.lines" => &["order_id", "line_no", "amount", "note"],
            "dbo.accounts" => &["id", "balance"],
            _ => &["id"],
        };
        let quoted = |column: &&str| format!("'''' + REPLACE(CAST([{column}] AS nvarchar(300)), '''', '''''') + ''''");
        let texts: Vec<String> = columns.iter().map(|c| format!("ISNULL({}, 'NULL')", quoted(c))).collect();
        let rows = source.run(&format!("SELECT {} FROM {table}", texts.join(" + ', ' + "))).await.unwrap();
        let rows: Vec<&str> = rows.iter().map(|row| row.get::<&str, _>(0).unwrap()).collect();
        for some in rows.chunks(200) {
            line.target.run(&format!("INSERT INTO {table} VALUES ({})", some.join("), ("))).await;
        }
    }
    lsn
}

async fn is_read_up_to(line: &Line, lsn: Lsn) {
    wait::until("the log to be read", async || {
        let status = line.status().await;
        let read: Lsn = status["databases"][0]["position"].as_str()?.parse().unwrap();
        (read >= lsn).then_some(())
    })
    .await;
}

const ADD: [&str; 6] = ["subscription", "add", "--subscription", "s", "--publication", "p"];

/// Adds the subscription with these flags; gives what it says when it is refused.
async fn refused(line: &Line, flags: &[&str]) -> String {
    let outcome = line.subscriber_tries(&[ADD.as_slice(), flags].concat()).await;
    assert!(!outcome.status.success(), "{}", outcome.stdout);
    outcome.stderr
}

#[tokio::test(flavor = "multi_thread")]
async fn replication_support_only_delivers_what_commits_from_now_on() {
    let mut line = published().await;
    let lsn = copy(&line).await;
    is_read_up_to(&line, lsn).await;
    line.subscriber_does(&[ADD.as_slice(), &["--sync-type", "replication-support-only"]].concat()).await;
    assert_eq!(line.status().await["subscriptions"][0]["state"], "active");
    let workload = shop::work(&line.source, 94, 2);
    line.start_subscriber();
    workload.makes(60).await;
    workload.stop().await;
    line.drain().await;
    for sql in CONTENTS {
        line.assert_equal(sql).await;
    }
    const MADE: &str = "SELECT COUNT(*) FROM sys.procedures WHERE name = N'sp_MSupd_dbolines'";
    assert_eq!(line.target.number(MADE).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn initialize_from_lsn_delivers_what_committed_after_it() {
    let mut line = published().await;
    let before = shop::work(&line.source, 95, 1);
    before.makes(20).await;
    before.stop().await;
    let lsn = copy(&line).await;
    // The publisher goes on before anybody subscribes.
    let workload = shop::work(&line.source, 96, 2);
    workload.makes(40).await;
    is_read_up_to(&line, lsn).await;
    let binary = format!("0x{:020X}", u128::from(lsn));
    line.subscriber_does(
        &[ADD.as_slice(), &["--sync-type", "initialize-from-lsn", "--subscription-lsn", &binary]].concat(),
    )
    .await;
    line.start_subscriber();
    workload.makes(20).await;
    workload.stop().await;
    line.drain().await;
    for sql in CONTENTS {
        line.assert_equal(sql).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_and_says_why() {
    let line = published().await;
    let from = |lsn: &'static str| ["--sync-type", "initialize-from-lsn", "--subscription-lsn", lsn];
    is_read_up_to(&line, Lsn::ZERO).await;
    let said = refused(&line, &["--sync-type", "replication-support-only"]).await;
    assert!(said.contains("table dbo.") && said.contains("does not exist"), "{said}");
    line.target.run(TABLES_AT_TARGET).await;
    line.target.run("ALTER TABLE dbo.accounts DROP COLUMN balance").await;
    let said = refused(&line, &["--sync-type", "replication-support-only"]).await;
    assert!(said.contains("dbo.accounts") && said.contains("no column balance"), "{said}");
    line.target.run("ALTER TABLE dbo.accounts ADD balance bigint NOT NULL").await;
    let said = refused(&line, &from("0xFFFFFFFF000000010001")).await;
    assert!(said.contains("has been read up to"), "{said}");
    let said = refused(&line, &from("00000000:00000000:0001")).await;
    assert!(said.contains("00000000:00000000:0001") && said.contains("are read only from"), "{said}");
    let said = refused(&line, &from("2A:D48:1")).await;
    assert!(said.contains("is not an LSN"), "{said}");
    let said = refused(&line, &["--sync-type", "initialize-from-lsn"]).await;
    assert!(said.contains("--subscription-lsn"), "{said}");
    let said = refused(&line, &["--subscription-lsn", "0000002A:00000D48:0001"]).await;
    assert!(said.contains("initialize-from-lsn alone"), "{said}");
    let status = line.status().await;
    assert_eq!(
        status["subscriptions"].as_array().map(Vec::len),
        Some(0),
        "nothing is left of what was refused: {status}"
    );
    assert_eq!(line.target.number("SELECT COUNT(*) FROM [replication].subscription_state").await, 0);
    line.subscriber_does(&[ADD.as_slice(), &["--sync-type", "replication-support-only"]].concat()).await;
}
