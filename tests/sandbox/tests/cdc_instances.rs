//! Change data capture: enabling and disabling, what happens to capture instances when their table changes, the errors.
#![allow(clippy::unwrap_used)]

mod capture;
mod server;

use capture::{captured, changes, enable, enable_table, wait_for_capture, wait_until};
use server::{error, exec, start, start_in, text};

const TABLE: &str = "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @role_name = NULL, @source_name = N't'";

#[tokio::test]
async fn enabling_shows_in_the_catalog_and_disabling_leaves_nothing() {
    let server = start().await;
    let mut db = server.shop().await;
    let enabled = "SELECT is_cdc_enabled FROM sys.databases WHERE name = 'shop'";
    assert_eq!(text(&mut db, enabled).await, "0");
    exec(&mut db, "EXEC sys.sp_cdc_enable_db").await;
    assert_eq!(text(&mut db, enabled).await, "1");
    exec(&mut db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY, [odd name] int NULL)").await;
    exec(&mut db, &format!("{TABLE}, @captured_column_list = N'[odd name], id', @supports_net_changes = 1")).await;
    assert_eq!(text(&mut db, "SELECT is_tracked_by_cdc FROM sys.tables WHERE name = 't'").await, "1");
    assert_eq!(
        text(
            &mut db,
            "SELECT t.capture_instance, t.supports_net_changes, c.column_name, c.column_ordinal, c.column_type \
            FROM cdc.change_tables t JOIN cdc.captured_columns c ON c.object_id = t.object_id ORDER BY c.column_ordinal"
        )
        .await,
        "dbo_t|1|id|1|int;dbo_t|1|odd name|2|int"
    );
    assert_eq!(text(&mut db, "SELECT column_name, index_ordinal FROM cdc.index_columns").await, "id|1");
    let help = exec(&mut db, "EXEC sys.sp_cdc_help_change_data_capture N'dbo', N't'").await;
    assert_eq!((help[0][0].as_str(), help[0][1].as_str(), help[0][14].as_str()), ("dbo", "t", "[id], [odd name]"));
    assert_eq!(
        text(&mut db, "SELECT name FROM sys.columns WHERE object_id = OBJECT_ID('cdc.dbo_t_CT') ORDER BY column_id")
            .await,
        "__$start_lsn;__$end_lsn;__$seqval;__$operation;__$update_mask;id;odd name;__$command_id"
    );
    exec(&mut db, "EXEC sys.sp_cdc_disable_table N'dbo', N't', N'all'").await;
    assert_eq!(text(&mut db, "SELECT is_tracked_by_cdc FROM sys.tables WHERE name = 't'").await, "0");
    assert_eq!(error(&mut db, "SELECT * FROM cdc.dbo_t_CT").await, 208);
    exec(&mut db, "INSERT INTO t VALUES (1, 1)").await;
    exec(&mut db, "EXEC sys.sp_cdc_disable_db").await;
    assert_eq!(text(&mut db, enabled).await, "0");
    assert_eq!(error(&mut db, "SELECT * FROM cdc.change_tables").await, 208);
    exec(&mut db, "EXEC sys.sp_cdc_enable_db").await;
    exec(&mut db, TABLE).await;
}

#[tokio::test]
async fn what_cannot_be_enabled_is_refused_with_its_number() {
    let server = start().await;
    let mut db = server.shop().await;
    exec(&mut db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY, v int NULL)").await;
    exec(&mut db, "CREATE TABLE heap (v int NULL)").await;
    assert_eq!(error(&mut db, TABLE).await, 22901);
    exec(&mut db, "EXEC sys.sp_cdc_enable_db").await;
    let heap = TABLE.replace("N't'", "N'heap'");
    assert_eq!(error(&mut db, &TABLE.replace("N't'", "N'missing'")).await, 22931);
    assert_eq!(error(&mut db, &format!("{TABLE}, @captured_column_list = N'id, w'")).await, 22930);
    assert_eq!(error(&mut db, &format!("{TABLE}, @captured_column_list = N'[id'")).await, 22965);
    assert_eq!(error(&mut db, &format!("{TABLE}, @index_name = N'none'")).await, 22928);
    assert_eq!(error(&mut db, &format!("{heap}, @supports_net_changes = 1")).await, 22939);
    assert_eq!(error(&mut db, &format!("{TABLE}, @captured_column_list = N'v'")).await, 22943);
    assert_eq!(error(&mut db, &format!("{TABLE}, @filegroup_name = N'other'")).await, 22973);
    assert_eq!(error(&mut db, "EXEC sys.sp_cdc_enable_table N'dbo', N't'").await, 201);
    assert_eq!(error(&mut db, &TABLE.replace("N'dbo'", "N'cdc'")).await, 22974);
    exec(&mut db, &heap).await;
    exec(&mut db, TABLE).await;
    assert_eq!(error(&mut db, TABLE).await, 22926);
    exec(&mut db, &format!("{TABLE}, @capture_instance = N'second'")).await;
    assert_eq!(error(&mut db, &format!("{TABLE}, @capture_instance = N'third'")).await, 22962);
    assert_eq!(error(&mut db, "EXEC sys.sp_cdc_disable_table N'dbo', N't', N'third'").await, 22960);
    assert_eq!(error(&mut db, "EXEC sys.sp_cdc_change_job N'capture', @pollinginterval = -1").await, 22990);
    assert_eq!(error(&mut db, "EXEC sys.sp_cdc_change_job N'capture', @retention = 5").await, 22995);
    assert_eq!(error(&mut db, "EXEC sys.sp_cdc_change_job N'other'").await, 22992);
    assert_eq!(error(&mut db, "TRUNCATE TABLE t").await, 4711);
    assert_eq!(error(&mut server.connect("master").await, "EXEC sys.sp_cdc_enable_db").await, 22989);
}

#[tokio::test]
async fn enabling_that_is_rolled_back_never_was() {
    let server = start().await;
    let mut db = server.shop().await;
    exec(&mut db, "EXEC sys.sp_cdc_enable_db").await;
    exec(&mut db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY)").await;
    exec(&mut db, &format!("BEGIN TRANSACTION; {TABLE}; ROLLBACK")).await;
    assert_eq!(text(&mut db, "SELECT COUNT(*) FROM cdc.change_tables").await, "0");
    assert_eq!(text(&mut db, "SELECT COUNT(*) FROM msdb.dbo.cdc_jobs").await, "0");
    exec(&mut db, "INSERT INTO t VALUES (1)").await;
    exec(&mut db, TABLE).await;
    assert_eq!(
        text(
            &mut db,
            "SELECT job_type, maxtrans, pollinginterval, retention FROM msdb.dbo.cdc_jobs \
            WHERE database_id = DB_ID() ORDER BY job_type"
        )
        .await,
        "capture|500|5|0;cleanup|0|0|4320"
    );
}

#[tokio::test]
async fn a_second_instance_sees_what_comes_after_it_and_the_first_goes_on() {
    let server = start().await;
    let mut db = server.shop().await;
    enable(&mut db).await;
    exec(&mut db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY, v int NULL)").await;
    exec(&mut db, TABLE).await;
    exec(&mut db, "INSERT INTO t VALUES (1, 1)").await;
    exec(&mut db, "ALTER TABLE t ADD w int NULL").await;
    exec(&mut db, "INSERT INTO t VALUES (2, 2, 2)").await;
    exec(&mut db, &format!("{TABLE}, @capture_instance = N'dbo_t2'")).await;
    exec(&mut db, "UPDATE t SET w = 9 WHERE id = 2").await;
    exec(&mut db, "INSERT INTO t VALUES (3, 3, 3)").await;
    wait_for_capture(&mut db).await;
    assert_eq!(captured(&mut db, "t", "id, v").await, ["2 1|1", "2 2|2", "2 3|3"], "w is not captured here");
    assert_eq!(changes(&mut db, "t2", "id, v, w").await, ["3 04 2|2|2", "4 04 2|2|9", "2 07 3|3|3"]);
    assert_eq!(
        text(
            &mut db,
            "SELECT CASE WHEN sys.fn_cdc_get_min_lsn('dbo_t2') > sys.fn_cdc_get_min_lsn('dbo_t') THEN 1 ELSE 0 END, \
            CASE WHEN sys.fn_cdc_get_min_lsn('dbo_t2') < MIN(__$start_lsn) THEN 1 ELSE 0 END FROM cdc.dbo_t2_CT"
        )
        .await,
        "1|1"
    );
}

#[tokio::test]
async fn ddl_is_recorded_and_a_dropped_column_is_null_from_then_on() {
    let server = start().await;
    let mut db = server.shop().await;
    enable(&mut db).await;
    exec(&mut db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY, v int NULL, s varchar(10) NULL)").await;
    exec(&mut db, TABLE).await;
    exec(&mut db, "INSERT INTO t VALUES (1, 1, 'a')").await;
    exec(&mut db, "ALTER TABLE t ALTER COLUMN s varchar(20) NULL").await;
    exec(&mut db, "ALTER TABLE t DROP COLUMN v").await;
    exec(&mut db, "INSERT INTO t VALUES (2, 'abcdefghijklmnop')").await;
    wait_for_capture(&mut db).await;
    assert_eq!(captured(&mut db, "t", "id, v, s").await, ["2 1|1|a", "2 2|NULL|abcdefghijklmnop"]);
    assert_eq!(
        text(&mut db, "SELECT required_column_update, ddl_command FROM cdc.ddl_history ORDER BY ddl_lsn").await,
        "1|ALTER TABLE t ALTER COLUMN s varchar(20) NULL;0|ALTER TABLE t DROP COLUMN v"
    );
    let max_length = "SELECT max_length FROM sys.columns WHERE object_id = OBJECT_ID('cdc.dbo_t_CT') AND name = 's'";
    assert_eq!(text(&mut db, max_length).await, "20");
    exec(&mut db, "DROP TABLE t").await;
    assert_eq!(text(&mut db, "SELECT COUNT(*) FROM cdc.change_tables WHERE capture_instance = 'dbo_t'").await, "0");
}

#[tokio::test]
async fn changes_show_only_once_the_capture_job_has_scanned() {
    let server = start().await;
    let mut db = server.shop().await;
    enable(&mut db).await;
    exec(&mut db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY)").await;
    enable_table(&mut db, "t").await;
    wait_for_capture(&mut db).await;
    exec(&mut db, "EXEC sys.sp_cdc_stop_job @job_type = N'capture'").await;
    assert_eq!(error(&mut db, "EXEC sys.sp_cdc_stop_job").await, 22022);
    let before = text(&mut db, "SELECT sys.fn_cdc_get_max_lsn()").await;
    exec(&mut db, "INSERT INTO t VALUES (1)").await;
    exec(&mut db, "INSERT INTO t VALUES (2)").await;
    assert_eq!(text(&mut db, "SELECT sys.fn_cdc_get_max_lsn()").await, before);
    assert_eq!(text(&mut db, "SELECT COUNT(*) FROM cdc.dbo_t_CT").await, "0");
    exec(&mut db, "EXEC sys.sp_cdc_scan @maxtrans = 1, @maxscans = 1").await;
    assert_eq!(text(&mut db, "SELECT id FROM cdc.dbo_t_CT").await, "1", "a scan takes maxtrans transactions");
    assert_eq!(
        text(&mut db, "SELECT COUNT(*) FROM cdc.dbo_t_CT WHERE __$start_lsn = sys.fn_cdc_get_max_lsn()").await,
        "1"
    );
    exec(&mut db, "EXEC sys.sp_cdc_start_job").await;
    assert_eq!(error(&mut db, "EXEC sys.sp_cdc_start_job").await, 22022);
    assert_eq!(error(&mut db, "EXEC sys.sp_cdc_scan").await, 22903);
    wait_until(&mut db, "SELECT COUNT(*) FROM cdc.dbo_t_CT", "2").await;
}

#[tokio::test]
async fn all_changes_are_asked_for_between_lsns_and_refused_outside_of_what_is_there() {
    let server = start().await;
    let mut db = server.shop().await;
    enable(&mut db).await;
    exec(&mut db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY, v int NOT NULL)").await;
    enable_table(&mut db, "t").await;
    exec(&mut db, "INSERT INTO t VALUES (1, 1)").await;
    exec(&mut db, "UPDATE t SET v = 2").await;
    wait_for_capture(&mut db).await;
    let ask = |filter: &str, from: &str| {
        format!(
            "DECLARE @from binary(10) = {from}, @to binary(10) = sys.fn_cdc_get_max_lsn(); \
             SELECT __$operation, id, v FROM cdc.fn_cdc_get_all_changes_dbo_t(@from, @to, N'{filter}') ORDER BY __$start_lsn, 1"
        )
    };
    let low = "sys.fn_cdc_get_min_lsn(N'dbo_t')";
    assert_eq!(text(&mut db, &ask("all", low)).await, "2|1|1;4|1|2");
    assert_eq!(text(&mut db, &ask("all update old", low)).await, "2|1|1;3|1|1;4|1|2");
    assert_eq!(error(&mut db, &ask("all", "sys.fn_cdc_decrement_lsn(sys.fn_cdc_get_min_lsn(N'dbo_t'))")).await, 313);
    assert_eq!(error(&mut db, &ask("some", low)).await, 313);
    let next = "SELECT sys.fn_cdc_increment_lsn(0x000000200000FFFFFFFF), sys.fn_cdc_get_min_lsn('none')";
    assert_eq!(text(&mut db, next).await, "00000020000100000000|00000000000000000000");
}

#[tokio::test]
async fn lsns_map_to_commit_times_and_back() {
    let server = start().await;
    let mut db = server.shop().await;
    enable(&mut db).await;
    exec(&mut db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY)").await;
    enable_table(&mut db, "t").await;
    exec(&mut db, "INSERT INTO t VALUES (1)").await;
    wait_for_capture(&mut db).await;
    let sql = "DECLARE @lsn binary(10) = (SELECT MIN(__$start_lsn) FROM cdc.dbo_t_CT); \
        DECLARE @time datetime = sys.fn_cdc_map_lsn_to_time(@lsn); \
        SELECT CASE WHEN @lsn <= sys.fn_cdc_map_time_to_lsn('largest less than or equal', @time) THEN 1 ELSE 0 END, \
               CASE WHEN @lsn >= sys.fn_cdc_map_time_to_lsn('smallest greater than or equal', @time) THEN 1 ELSE 0 END, \
               CASE WHEN @lsn > sys.fn_cdc_map_time_to_lsn('largest less than', @time) THEN 1 ELSE 0 END, \
               ABS(DATEDIFF(second, @time, GETDATE())) / 60";
    assert_eq!(text(&mut db, sql).await, "1|1|1|0");
}

#[tokio::test]
async fn cleanup_raises_the_low_end_point_and_deletes_what_is_below() {
    let server = start().await;
    let mut db = server.shop().await;
    enable(&mut db).await;
    exec(&mut db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY)").await;
    enable_table(&mut db, "t").await;
    for id in 1..=3 {
        exec(&mut db, &format!("INSERT INTO t VALUES ({id}); WAITFOR DELAY '00:00:00.020'")).await;
    }
    wait_for_capture(&mut db).await;
    exec(
        &mut db,
        "DECLARE @low binary(10) = (SELECT __$start_lsn FROM cdc.dbo_t_CT WHERE id = 3); \
         EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'dbo_t', @low_water_mark = @low",
    )
    .await;
    assert_eq!(text(&mut db, "SELECT id FROM cdc.dbo_t_CT").await, "3");
    let low = "SELECT COUNT(*) FROM cdc.change_tables t JOIN cdc.dbo_t_CT c ON c.__$start_lsn = t.start_lsn \
        WHERE t.capture_instance = 'dbo_t' AND sys.fn_cdc_get_min_lsn('dbo_t') = t.start_lsn";
    assert_eq!(text(&mut db, low).await, "1");
    let unknown = "EXEC sys.sp_cdc_cleanup_change_table N'dbo_t', 0xFFFFFFFFFFFFFFFFFFFF";
    assert_eq!(error(&mut db, unknown).await, 22964);
}

#[tokio::test]
async fn lsns_go_on_rising_after_a_restart_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let server = start_in(folder.path());
    exec(&mut server.connect("master").await, "CREATE DATABASE shop").await;
    let mut db = server.shop().await;
    enable(&mut db).await;
    exec(&mut db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY)").await;
    enable_table(&mut db, "t").await;
    exec(&mut db, "INSERT INTO t VALUES (1)").await;
    wait_for_capture(&mut db).await;
    exec(&mut db, "EXEC sys.sp_cdc_stop_job").await;
    exec(&mut db, "INSERT INTO t VALUES (2)").await;
    drop(db);
    drop(server);
    let server = start_in(folder.path());
    let mut db = server.shop().await;
    exec(&mut db, "INSERT INTO t VALUES (3)").await;
    wait_for_capture(&mut db).await;
    assert_eq!(captured(&mut db, "t", "id").await, ["2 1", "2 2", "2 3"]);
    assert_eq!(text(&mut db, "SELECT COUNT(DISTINCT __$start_lsn) FROM cdc.dbo_t_CT").await, "3");
}

#[tokio::test]
async fn a_snapshot_transaction_never_sees_a_maximum_beyond_its_change_tables() {
    let server = start().await;
    exec(&mut server.connect("master").await, "ALTER DATABASE shop SET ALLOW_SNAPSHOT_ISOLATION ON").await;
    let mut db = server.shop().await;
    let mut reader = server.shop().await;
    enable(&mut db).await;
    exec(&mut db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY)").await;
    enable_table(&mut db, "t").await;
    exec(&mut db, "INSERT INTO t VALUES (1)").await;
    wait_for_capture(&mut db).await;
    exec(&mut reader, "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION").await;
    let state = "SELECT sys.fn_cdc_get_max_lsn(), (SELECT COUNT(*) FROM cdc.dbo_t_CT), COUNT(*) FROM t";
    let before = text(&mut reader, state).await;
    exec(&mut db, "INSERT INTO t VALUES (2)").await;
    wait_for_capture(&mut db).await;
    assert_eq!(text(&mut reader, state).await, before);
    exec(&mut reader, "COMMIT").await;
    assert_ne!(text(&mut reader, state).await, before);
}
