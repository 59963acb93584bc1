//! Row filters and column filters: the subscriber has exactly the rows and columns that the article says, also as rows
//! enter and leave the filter.

#![allow(clippy::unwrap_used)]

use tests::line::Line;

const PUBLISHED: &str = "SELECT id, region, amount FROM dbo.sales WHERE region = 'north' AND amount >= 10 ORDER BY id";
const ARRIVED: &str = "SELECT * FROM dbo.sales_north ORDER BY id";

async fn filtered() -> Line {
    let mut line = Line::start().await;
    line.make_fence().await;
    line.source
        .run(
            "CREATE TABLE dbo.sales (id int NOT NULL PRIMARY KEY, region varchar(10) NULL, amount int NOT NULL, secret nvarchar(40) NULL);
             INSERT INTO dbo.sales VALUES (1, 'north', 10, N'a'), (2, 'south', 50, N'b'), (3, 'north', 5, N'c'), (4, NULL, 99, N'd'),
                 (5, 'NORTH', 70, N'e');",
        )
        .await;
    line.publish("p", &["dbo.fence"]).await;
    line.publisher_does(&[
        "article",
        "add",
        "--publication",
        "p",
        "--table",
        "dbo.sales",
        "--columns",
        "id,region,amount",
        "--filter",
        "region = 'north' AND amount >= 10",
        "--dest-table",
        "dbo.sales_north",
    ])
    .await;
    line.start_publisher();
    line.publisher_does(&["snapshot", "--publication", "p"]).await;
    line.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", "p"]).await;
    line.start_subscriber();
    line.drain().await;
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn the_snapshot_holds_only_the_rows_and_columns_of_the_article() {
    let line = filtered().await;
    assert_eq!(line.assert_agrees(PUBLISHED, ARRIVED).await, 2);
    assert_eq!(
        line.target.number("SELECT COUNT(*) FROM sys.columns WHERE object_id = OBJECT_ID('dbo.sales_north')").await,
        3
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_enter_the_filter_appear_and_rows_that_leave_it_disappear() {
    let line = filtered().await;
    // enters by one column, by the other, and by both
    line.source.run("UPDATE dbo.sales SET amount = 10 WHERE id = 3").await;
    line.source.run("UPDATE dbo.sales SET region = 'north' WHERE id = 4").await;
    line.drain().await;
    assert_eq!(line.assert_agrees(PUBLISHED, ARRIVED).await, 4);
    // leaves by becoming NULL, by the amount, and by deletion
    line.source
        .run("UPDATE dbo.sales SET region = NULL WHERE id = 1; UPDATE dbo.sales SET amount = 9 WHERE id = 5;")
        .await;
    line.source.run("DELETE FROM dbo.sales WHERE id = 3").await;
    line.drain().await;
    assert_eq!(line.assert_agrees(PUBLISHED, ARRIVED).await, 1);
    // in and out within one transaction, and rows that never were inside
    line.source
        .run(
            "BEGIN TRAN; UPDATE dbo.sales SET region = 'north' WHERE id = 2; UPDATE dbo.sales SET region = 'south' WHERE id = 2; COMMIT;
             INSERT INTO dbo.sales VALUES (6, 'south', 100, NULL), (7, 'north', 9, NULL), (8, 'north', 11, NULL);
             UPDATE dbo.sales SET amount = amount + 1;
             DELETE FROM dbo.sales WHERE id = 6;",
        )
        .await;
    line.drain().await;
    assert_eq!(line.assert_agrees(PUBLISHED, ARRIVED).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_of_columns_that_are_not_published_sends_nothing() {
    let line = filtered().await;
    let before = line.status().await["databases"][0]["changes"].as_u64().expect("status counts changes");
    line.source.run("UPDATE dbo.sales SET secret = N'other'").await;
    line.drain().await;
    let after = line.status().await["databases"][0]["changes"].as_u64().expect("status counts changes");
    assert_eq!(after - before, 1, "only the fence's own row");
    assert_eq!(line.assert_agrees(PUBLISHED, ARRIVED).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_changes_its_key_while_it_enters_or_leaves_the_filter_is_there_once_or_not_at_all() {
    let line = filtered().await;
    line.source.run("UPDATE dbo.sales SET id = 30, amount = 30 WHERE id = 3").await;
    line.source.run("UPDATE dbo.sales SET id = 10, amount = 1 WHERE id = 1").await;
    line.source.run("UPDATE dbo.sales SET id = 50 WHERE id = 5").await;
    line.drain().await;
    assert_eq!(line.assert_agrees(PUBLISHED, ARRIVED).await, 2);
}
