//! A database that is restored to an older backup.

use super::capture::{captured, enable, enable_table, wait_for_capture, wait_until};
use super::server::{LIMIT, PASSWORD, error, exec, start_in, text, try_exec};
use super::{Setting, UNCHANGED, is_broken};
use std::cell::Cell;

const BACKUP: &str = "BACKUP DATABASE shop TO DISK = N'shop.bak'";
const RESTORE: &str = "RESTORE DATABASE shop FROM DISK = N'shop.bak' WITH REPLACE";

#[tokio::test]
async fn rows_identities_objects_and_options_go_back() {
    let mut setting = Setting::new().await;
    let mut master = setting.server.connect("master").await;
    exec(&mut setting.admin, "CREATE TABLE n (id int IDENTITY PRIMARY KEY, x int); INSERT INTO n VALUES (0), (0)")
        .await;
    exec(&mut setting.admin, "ALTER DATABASE shop SET ALLOW_SNAPSHOT_ISOLATION ON").await;
    exec(&mut setting.admin, BACKUP).await;
    exec(&mut setting.admin, "INSERT INTO n VALUES (0), (0); DELETE FROM t; CREATE TABLE later (id int)").await;
    exec(&mut setting.admin, "ALTER TABLE n ADD y int; ALTER DATABASE shop SET ALLOW_SNAPSHOT_ISOLATION OFF").await;
    assert_eq!(error(&mut master, RESTORE).await, 3101, "somebody is in it");
    assert_eq!(setting.rows().await, "");
    exec(&mut master, "ALTER DATABASE shop SET SINGLE_USER WITH ROLLBACK IMMEDIATE").await;
    assert!(is_broken(&try_exec(&mut setting.admin, "SELECT 1").await));
    exec(&mut master, RESTORE).await;
    setting.admin = setting.server.shop().await;
    let db = &mut setting.admin;
    assert_eq!(text(db, "INSERT INTO n OUTPUT inserted.* VALUES (7)").await, "3|7");
    assert_eq!(error(db, "SELECT * FROM later").await, 208);
    let state = "SELECT snapshot_isolation_state, user_access_desc FROM sys.databases WHERE name = 'shop'";
    assert_eq!(text(db, state).await, "1|MULTI_USER");
    assert_eq!(setting.rows().await, UNCHANGED);
    // A session that had been in it before, and went elsewhere, finds the restored one.
    exec(&mut master, "USE shop; INSERT INTO t VALUES (4, 40); USE master").await;
    assert_eq!(setting.rows().await, format!("{UNCHANGED};4|40"));
}

#[tokio::test]
async fn change_data_capture_goes_back_with_its_lsns_but_not_its_jobs() {
    let mut setting = Setting::new().await;
    let mut master = setting.server.connect("master").await;
    enable(&mut setting.admin).await;
    enable_table(&mut setting.admin, "t").await;
    exec(&mut setting.admin, "INSERT INTO t VALUES (4, 40)").await;
    wait_for_capture(&mut setting.admin).await;
    let max = "SELECT sys.fn_cdc_get_max_lsn()";
    let at_backup = text(&mut setting.admin, max).await;
    exec(&mut setting.admin, BACKUP).await;
    exec(&mut setting.admin, "EXEC sys.sp_cdc_change_job @job_type = N'cleanup', @retention = 77").await;
    exec(&mut setting.admin, "INSERT INTO t VALUES (5, 50)").await;
    wait_for_capture(&mut setting.admin).await;
    let lost = text(&mut setting.admin, "SELECT __$start_lsn FROM cdc.dbo_t_CT WHERE id = 5").await;
    assert!(lost > at_backup);
    exec(&mut master, "ALTER DATABASE shop SET SINGLE_USER WITH ROLLBACK IMMEDIATE").await;
    exec(&mut master, &format!("{RESTORE}, KEEP_CDC, RECOVERY, STATS = 10")).await;
    setting.admin = setting.server.shop().await;
    assert_eq!(text(&mut setting.admin, max).await, at_backup);
    assert_eq!(captured(&mut setting.admin, "t", "id").await, ["2 4"]);
    // The capture job goes on, and gives LSNs again that other changes had.
    exec(&mut setting.admin, "INSERT INTO t VALUES (6, 60)").await;
    wait_for_capture(&mut setting.admin).await;
    assert_eq!(captured(&mut setting.admin, "t", "id").await, ["2 4", "2 6"]);
    assert_eq!(text(&mut setting.admin, "SELECT __$start_lsn FROM cdc.dbo_t_CT WHERE id = 6").await, lost);
    let retention = "SELECT retention FROM msdb.dbo.cdc_jobs WHERE job_type = 'cleanup'";
    assert_eq!(text(&mut setting.admin, retention).await, "77");
}

#[tokio::test]
async fn whoever_gets_in_first_finds_change_data_capture_as_it_was() {
    let mut setting = Setting::new().await;
    let mut master = setting.server.connect("master").await;
    enable(&mut setting.admin).await;
    exec(&mut setting.admin, BACKUP).await;
    let (looks, restored) = (Cell::new(0), Cell::new(false));
    let looking = async {
        while !restored.get() {
            let Ok(mut db) = setting.server.try_connect("shop", PASSWORD).await else { continue };
            // It may be driven out at once.
            let looked = try_exec(&mut db, "SELECT is_cdc_enabled FROM sys.databases WHERE name = 'shop'").await;
            if let Ok(enabled) = looked {
                assert_eq!(enabled, [["1"]]);
                looks.set(looks.get() + 1);
            }
        }
    };
    let restoring = async {
        for _ in 0..30 {
            let before = looks.get();
            let alone = "ALTER DATABASE shop SET SINGLE_USER WITH ROLLBACK IMMEDIATE";
            while let Err(error) = try_exec(&mut master, &format!("{alone}; {RESTORE}")).await {
                assert_eq!(error.code(), Some(3101), "somebody came in between: {error}");
            }
            while looks.get() == before {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        }
        restored.set(true);
    };
    tokio::time::timeout(LIMIT, async { tokio::join!(looking, restoring) }).await.unwrap();
}

#[tokio::test]
async fn a_backup_holds_what_is_committed_and_outlives_the_server() {
    let folder = tempfile::tempdir().unwrap();
    {
        let server = start_in(folder.path());
        let mut writer = server.connect("master").await;
        exec(&mut writer, "CREATE DATABASE shop; USE shop; CREATE TABLE t (id int); INSERT INTO t VALUES (1)").await;
        exec(&mut writer, "BEGIN TRAN; INSERT INTO t VALUES (2)").await;
        let mut other = server.connect("master").await;
        exec(&mut other, BACKUP).await;
        exec(&mut writer, "COMMIT").await;
        assert!(try_exec(&mut other, BACKUP).await.unwrap_err().to_string().contains("not supported"));
        assert_eq!(error(&mut writer, BACKUP).await, 50_000);
    }
    let server = start_in(folder.path());
    let mut master = server.connect("master").await;
    assert_eq!(text(&mut server.shop().await, "SELECT COUNT(*) FROM t").await, "2");
    let inside = "SELECT COUNT(*) FROM sys.dm_exec_sessions WHERE database_id = DB_ID('shop')";
    wait_until(&mut master, inside, "0").await;
    exec(&mut master, RESTORE).await;
    assert_eq!(text(&mut server.shop().await, "SELECT COUNT(*) FROM t").await, "1");
    exec(&mut master, &format!("{BACKUP} WITH INIT, NAME = N'x'")).await;
}

#[tokio::test]
async fn what_cannot_be_backed_up_or_restored_has_its_error() {
    let mut setting = Setting::new().await;
    let mut master = setting.server.connect("master").await;
    for (sql, number) in [
        ("BACKUP DATABASE nothing TO DISK = 'x'", 911),
        ("BEGIN TRAN; BACKUP DATABASE shop TO DISK = 'x'", 3021),
        ("ROLLBACK; RESTORE DATABASE shop FROM DISK = 'missing' WITH REPLACE", 3201),
        ("BACKUP DATABASE shop TO DISK = '../x'", 50_000),
        ("BACKUP DATABASE shop TO DISK = '/tmp/x'", 50_000),
        ("RESTORE DATABASE shop FROM DISK = 'x' WITH NORECOVERY", 50_000),
        ("BACKUP DATABASE shop TO URL = 'x'", 50_000),
        ("ALTER DATABASE shop SET SINGLE_USER WITH NO_WAIT", 5070),
    ] {
        assert_eq!(error(&mut master, sql).await, number, "{sql}");
    }
    exec(&mut master, BACKUP).await;
    assert_eq!(error(&mut master, "RESTORE DATABASE shop FROM DISK = N'shop.bak'").await, 3159);
    assert_eq!(error(&mut setting.admin, RESTORE).await, 3102);
    exec(&mut setting.admin, "CREATE LOGIN reader WITH PASSWORD = 'Reader 1!'; CREATE USER reader").await;
    let mut reader = setting.server.connect_as(("reader", "Reader 1!"), "app", "shop").await.unwrap();
    assert_eq!(error(&mut reader, BACKUP).await, 262);
    assert_eq!(error(&mut reader, RESTORE).await, 3110);
}

#[tokio::test]
async fn a_single_user_is_alone() {
    let mut setting = Setting::new().await;
    let mut other = setting.server.shop().await;
    let mut master = setting.server.connect("master").await;
    exec(&mut setting.admin, "ALTER DATABASE shop SET SINGLE_USER WITH ROLLBACK IMMEDIATE").await;
    assert!(is_broken(&try_exec(&mut other, "SELECT 1").await));
    assert_eq!(setting.server.try_connect("shop", "Pa55 word!").await.unwrap_err().code(), Some(924));
    assert_eq!(error(&mut master, "USE shop").await, 924);
    let state = "SELECT user_access, user_access_desc FROM sys.databases WHERE name = 'shop'";
    assert_eq!(text(&mut master, state).await, "1|SINGLE_USER");
    exec(&mut setting.admin, "ALTER DATABASE shop SET MULTI_USER").await;
    exec(&mut master, "USE shop").await;
}

#[tokio::test]
async fn a_single_user_waits_for_the_others_to_leave() {
    let setting = Setting::new().await;
    let mut other = setting.server.shop().await;
    let mut master = setting.server.connect("master").await;
    let mut admin = setting.admin;
    let waiting = tokio::spawn(async move {
        exec(&mut admin, "ALTER DATABASE shop SET SINGLE_USER").await;
        admin
    });
    let runs = "SELECT COUNT(*) FROM sys.dm_exec_requests WHERE command = 'ALTER DATABASE'";
    wait_until(&mut master, runs, "1").await;
    let state = "SELECT user_access_desc FROM sys.databases WHERE name = 'shop'";
    assert_eq!(text(&mut master, state).await, "MULTI_USER");
    assert_eq!(text(&mut other, "SELECT COUNT(*) FROM t").await, "3");
    assert!(!waiting.is_finished(), "somebody is still in it");
    exec(&mut other, "USE master").await;
    let mut admin = tokio::time::timeout(LIMIT, waiting).await.unwrap().unwrap();
    assert_eq!(text(&mut admin, state).await, "SINGLE_USER");
    assert_eq!(error(&mut other, "USE shop").await, 924);
}

#[tokio::test]
async fn the_log_goes_on_elsewhere_on_request() {
    let mut setting = Setting::new().await;
    let db = &mut setting.admin;
    assert_eq!(error(db, "EXEC sys.sp_sandbox_skip_lsns 10").await, 22_901, "without change data capture");
    enable(db).await;
    enable_table(db, "t").await;
    exec(db, "INSERT INTO t VALUES (4, 40)").await;
    assert_eq!(error(db, "EXEC sys.sp_sandbox_skip_lsns 0").await, 50_000);
    exec(db, "EXEC sys.sp_sandbox_skip_lsns @transactions = 1000").await;
    exec(db, "INSERT INTO t VALUES (5, 50)").await;
    wait_for_capture(db).await;
    assert_eq!(captured(db, "t", "id").await, ["2 4", "2 5"]);
    // The number of a transaction is what the upper half of its LSN counts.
    let number =
        |id: i32| format!("(SELECT CAST(SUBSTRING(__$start_lsn, 1, 5) AS bigint) FROM cdc.dbo_t_CT WHERE id = {id})");
    let apart = format!("SELECT CASE WHEN {} - {} BETWEEN 1001 AND 1010 THEN 1 ELSE 0 END", number(5), number(4));
    assert_eq!(text(db, &apart).await, "1");
    exec(db, "CREATE LOGIN reader WITH PASSWORD = 'Reader 1!'; CREATE USER reader").await;
    let mut reader = setting.server.connect_as(("reader", "Reader 1!"), "app", "shop").await.unwrap();
    assert_eq!(error(&mut reader, "EXEC sys.sp_sandbox_skip_lsns 10").await, 22_902);
}
