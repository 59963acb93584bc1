//! Bulk loads through the engine.
#![allow(clippy::unwrap_used)]

mod server;

use server::{Connection, error, exec, start, text};
use tiberius::{ColumnData, TokenRow};

async fn load(db: &mut Connection, table: &str, ids: impl Iterator<Item = i32>) -> tiberius::Result<u64> {
    let mut load = db.bulk_insert(table).await?;
    for id in ids {
        let mut row = TokenRow::new();
        row.push(ColumnData::I32(Some(id)));
        row.push(ColumnData::String(Some(format!("row {id}").into())));
        load.send(row).await?;
    }
    Ok(load.finalize().await?.total())
}

#[tokio::test]
async fn a_load_is_all_or_nothing_and_joins_the_transaction() {
    let server = start().await;
    let mut db = server.shop().await;
    exec(&mut db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY, v nvarchar(20) NULL)").await;
    assert_eq!(load(&mut db, "t", 0..1000).await.unwrap(), 1000);
    let duplicate = (1000..2000).chain([5]).chain(2000..3000);
    assert_eq!(load(&mut db, "t", duplicate).await.unwrap_err().code(), Some(2627));
    assert_eq!(text(&mut db, "SELECT COUNT(*), MAX(id) FROM t").await, "1000|999");
    exec(&mut db, "BEGIN TRAN").await;
    assert_eq!(load(&mut db, "t", 5000..6000).await.unwrap(), 1000);
    assert_eq!(text(&mut db, "SELECT COUNT(*) FROM t").await, "2000");
    exec(&mut db, "ROLLBACK").await;
    assert_eq!(text(&mut db, "SELECT COUNT(*) FROM t").await, "1000");
}

#[tokio::test]
async fn a_load_goes_into_a_temporary_table_with_identity_and_computed_columns_left_out() {
    let server = start().await;
    let mut db = server.shop().await;
    exec(
        &mut db,
        "CREATE TABLE #s (n int IDENTITY(1,1) PRIMARY KEY, id int NOT NULL, v nvarchar(20) NULL, twice AS id * 2)",
    )
    .await;
    assert_eq!(load(&mut db, "#s", 10..13).await.unwrap(), 3);
    assert_eq!(
        text(&mut db, "SELECT n, id, v, twice FROM #s ORDER BY n").await,
        "1|10|row 10|20;2|11|row 11|22;3|12|row 12|24"
    );
}

#[tokio::test]
async fn a_load_into_nothing_is_an_error() {
    let server = start().await;
    let mut db = server.shop().await;
    assert_eq!(load(&mut db, "nothing", 0..1).await.unwrap_err().code(), Some(208));
    assert_eq!(error(&mut db, "INSERT BULK nothing ([id] int)").await, 208);
    assert_eq!(text(&mut db, "SELECT 1").await, "1");
}
