//! A capture job that ends, fails and lags behind.

use super::Setting;
use super::capture::{captured, enable, enable_table, wait_for_capture, wait_until};
use super::server::{exec, text};

async fn with_capture() -> Setting {
    let mut setting = Setting::new().await;
    enable(&mut setting.admin).await;
    enable_table(&mut setting.admin, "t").await;
    wait_for_capture(&mut setting.admin).await;
    setting
}

#[tokio::test]
async fn a_job_that_ends_captures_nothing_until_it_is_started() {
    let mut setting = with_capture().await;
    let fault = setting.arm_any("@at = N'capture', @action = N'stop', @database = N'shop'").await;
    exec(&mut setting.admin, "INSERT INTO t VALUES (4, 40)").await;
    setting.happened(&fault).await;
    assert_eq!(captured(&mut setting.admin, "t", "id").await, Vec::<String>::new());
    // The fault has happened when the job has ended.
    exec(&mut setting.admin, "EXEC sys.sp_cdc_start_job").await;
    wait_for_capture(&mut setting.admin).await;
    assert_eq!(captured(&mut setting.admin, "t", "id").await, ["2 4"]);
}

#[tokio::test]
async fn a_job_that_fails_goes_on_where_it_was() {
    let mut setting = with_capture().await;
    let fault = setting.arm_any("@at = N'capture', @action = N'error', @number = 9002, @times = 3").await;
    exec(&mut setting.admin, "INSERT INTO t VALUES (4, 40)").await;
    exec(&mut setting.admin, &format!("EXEC sys.sp_sandbox_wait_for_fault @fault_id = {fault}, @times = 3")).await;
    wait_for_capture(&mut setting.admin).await;
    assert_eq!(captured(&mut setting.admin, "t", "id").await, ["2 4"]);
    let errors = "SELECT error_number, error_severity, error_message FROM sys.dm_cdc_errors";
    let full = "9002|17|The transaction log for database 'shop' is full due to 'LOG_BACKUP'.";
    assert_eq!(text(&mut setting.admin, errors).await, [full; 3].join(";"));
}

#[tokio::test]
async fn a_job_that_lags_holds_the_newest_commits_back() {
    let mut setting = with_capture().await;
    let fault = setting.arm_any("@at = N'capture', @action = N'lag', @commits = 2").await;
    for id in 4..9 {
        exec(&mut setting.admin, &format!("INSERT INTO t VALUES ({id}, 0)")).await;
    }
    wait_until(&mut setting.admin, "SELECT COUNT(*), MAX(id) FROM cdc.dbo_t_CT", "3|6").await;
    // Cycles later it is still so.
    exec(&mut setting.admin, &format!("EXEC sys.sp_sandbox_wait_for_fault @fault_id = {fault}, @times = 10")).await;
    assert_eq!(text(&mut setting.admin, "SELECT COUNT(*), MAX(id) FROM cdc.dbo_t_CT").await, "3|6");
    exec(&mut setting.admin, "EXEC sys.sp_sandbox_clear_faults").await;
    wait_until(&mut setting.admin, "SELECT COUNT(*), MAX(id) FROM cdc.dbo_t_CT", "5|8").await;
}
