//! What the tests of change data capture ask of a database.
#![allow(clippy::unwrap_used, dead_code)]

use super::server::{Connection, LIMIT, exec, text};

/// Enables CDC with a capture job that scans all the time.
pub async fn enable(db: &mut Connection) {
    exec(db, "EXEC sys.sp_cdc_enable_db").await;
    exec(db, "CREATE TABLE markers (id int NOT NULL PRIMARY KEY)").await;
    enable_table(db, "markers").await;
    exec(db, "EXEC sys.sp_cdc_change_job @job_type = N'capture', @pollinginterval = 0").await;
    exec(db, "EXEC sys.sp_cdc_stop_job; EXEC sys.sp_cdc_start_job").await;
}

/// Enables a table of `dbo`.
pub async fn enable_table(db: &mut Connection, table: &str) {
    exec(
        db,
        &format!("EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'{table}', @role_name = NULL"),
    )
    .await;
}

/// Waits until everything committed so far is captured: a row of its own, behind it, shows.
pub async fn wait_for_capture(db: &mut Connection) {
    let id = text(db, "INSERT INTO markers OUTPUT inserted.id SELECT COALESCE(MAX(id), 0) + 1 FROM markers").await;
    wait_until(db, &format!("SELECT COUNT(*) FROM cdc.dbo_markers_CT WHERE id = {id}"), "1").await;
}

/// Waits until a query answers as expected.
pub async fn wait_until(db: &mut Connection, sql: &str, expected: &str) {
    let deadline = tokio::time::Instant::now() + LIMIT;
    let mut last = String::new();
    while tokio::time::Instant::now() < deadline {
        last = text(db, sql).await;
        if last == expected {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("{sql}: {last} is not {expected} within the limit");
}

async fn rows(db: &mut Connection, table: &str, head: &str, columns: &str) -> Vec<String> {
    let sql = format!(
        "SELECT {head}, {columns} FROM cdc.dbo_{table}_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation"
    );
    exec(db, &sql).await.into_iter().map(|row| row.join("|")).collect()
}

/// Rows of a table's changes in order: operation, mask, values.
pub async fn changes(db: &mut Connection, table: &str, columns: &str) -> Vec<String> {
    let rows = rows(db, table, "__$operation, __$update_mask", columns).await;
    rows.iter().map(|row| row.replacen('|', " ", 2)).collect()
}

/// Rows of a table's changes in order: operation, values.
pub async fn captured(db: &mut Connection, table: &str, columns: &str) -> Vec<String> {
    let rows = rows(db, table, "__$operation", columns).await;
    rows.iter().map(|row| row.replacen('|', " ", 1)).collect()
}
