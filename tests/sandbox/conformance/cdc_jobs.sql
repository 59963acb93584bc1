-- Change data capture: capture and cleanup jobs, scans by hand, cleaning up
--- setup
EXEC sys.sp_cdc_enable_db;
CREATE TABLE dbo.first_one (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'first_one', @role_name = NULL;
EXEC sys.sp_cdc_drop_job @job_type = N'capture';

--- case: added jobs have the documented defaults
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-add-job-transact-sql
--- database: own
EXEC sys.sp_cdc_drop_job @job_type = N'cleanup';
EXEC sys.sp_cdc_add_job @job_type = N'capture', @start_job = 0;
EXEC sys.sp_cdc_add_job @job_type = N'cleanup', @start_job = 0;
GO
SELECT job_type, maxtrans, maxscans, [continuous], pollinginterval, retention, threshold FROM msdb.dbo.cdc_jobs WHERE database_id = DB_ID() ORDER BY job_type
=> capture|500|10|1|5|0|0
=> cleanup|0|0|0|0|4320|5000

--- case: the jobs of a database are reported with their names
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-help-jobs-transact-sql
--- database: own
EXEC sys.sp_cdc_add_job @job_type = N'capture', @start_job = 0;
CREATE TABLE #jobs (job_id uniqueidentifier, job_type nvarchar(20), job_name sysname, maxtrans int, maxscans int, [continuous] bit, pollinginterval bigint, retention bigint, threshold bigint);
INSERT #jobs EXEC sys.sp_cdc_help_jobs;
SELECT job_type, CASE WHEN job_name = N'cdc.' + DB_NAME() + N'_' + job_type THEN 1 ELSE 0 END, maxtrans, maxscans, [continuous], pollinginterval, retention FROM #jobs ORDER BY job_type
=> capture|1|500|10|1|5|0
=> cleanup|1|0|0|0|0|4320
SELECT COUNT(*) FROM #jobs AS j JOIN msdb.dbo.cdc_jobs AS c ON c.job_id = j.job_id AND c.database_id = DB_ID()
=> 2

--- case: the capture job is changed where values are given
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-change-job-transact-sql
--- database: own
EXEC sys.sp_cdc_add_job @job_type = N'capture', @start_job = 0;
EXEC sys.sp_cdc_change_job @job_type = N'capture', @maxtrans = 200, @pollinginterval = 1;
GO
SELECT job_type, maxtrans, maxscans, [continuous], pollinginterval, retention, threshold FROM msdb.dbo.cdc_jobs WHERE database_id = DB_ID() AND job_type = N'capture' ORDER BY job_type
=> capture|200|10|1|1|0|0
EXEC sys.sp_cdc_change_job @maxscans = 3, @continuous = 0;
GO
SELECT job_type, maxtrans, maxscans, [continuous], pollinginterval, retention, threshold FROM msdb.dbo.cdc_jobs WHERE database_id = DB_ID() AND job_type = N'capture' ORDER BY job_type
=> capture|200|3|0|1|0|0

--- case: the cleanup job is changed where values are given
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-change-job-transact-sql
--- database: own
EXEC sys.sp_cdc_change_job @job_type = N'cleanup', @retention = 60;
GO
SELECT retention FROM msdb.dbo.cdc_jobs WHERE database_id = DB_ID() AND job_type = N'cleanup'
=> 60
EXEC sys.sp_cdc_change_job @job_type = N'cleanup', @threshold = 100;
GO
SELECT retention, threshold FROM msdb.dbo.cdc_jobs WHERE database_id = DB_ID() AND job_type = N'cleanup'
=> 60|100

--- case: the limits themselves are allowed
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-change-job-transact-sql
--- database: own
EXEC sys.sp_cdc_add_job @job_type = N'capture', @start_job = 0;
EXEC sys.sp_cdc_change_job @job_type = N'capture', @maxtrans = 1, @maxscans = 1, @pollinginterval = 86399;
EXEC sys.sp_cdc_change_job @job_type = N'capture', @pollinginterval = 0;
EXEC sys.sp_cdc_change_job @job_type = N'cleanup', @retention = 52594800, @threshold = 1;
EXEC sys.sp_cdc_change_job @job_type = N'cleanup', @retention = 1;

--- case: an unknown type of job
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
EXEC sys.sp_cdc_change_job @job_type = N'other';
=> error 22992 level 16: The specified @job_type, other, is not supported. The value specified for the parameter @job_type must be N'capture' to indicate a capture job, or N'cleanup' to indicate a cleanup job.

--- case: adding a capture job: transactions of a scan
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
EXEC sys.sp_cdc_add_job @job_type = N'capture', @start_job = 0, @maxtrans = 0;
=> error 22991 level 16: The value specified for the parameter @maxtrans must be greater than 0.

--- case: adding a capture job: scans of a cycle
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
EXEC sys.sp_cdc_add_job @job_type = N'capture', @start_job = 0, @maxscans = 0;
=> error 22970 level 16: The value for parameter @maxscans specified for the Change Data Capture job must be greater than 0.

--- case: adding a capture job: a pause below zero
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
EXEC sys.sp_cdc_add_job @job_type = N'capture', @start_job = 0, @pollinginterval = -1;
=> error 22990 level 16: *@pollinginterval*

--- case: adding a capture job: a pause of a day
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
EXEC sys.sp_cdc_add_job @job_type = N'capture', @start_job = 0, @pollinginterval = 86400;
=> error 22990 level 16: *@pollinginterval*

--- case: adding a capture job: a retention for the capture job
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
EXEC sys.sp_cdc_add_job @job_type = N'capture', @start_job = 0, @retention = 5;
=> error 22995 level 16: A value for the parameter @retention cannot be specified when the job type is 'capture'. Specify NULL for the parameter, or omit the parameter from the statement.

--- case: adding a capture job: a threshold for the capture job
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
EXEC sys.sp_cdc_add_job @job_type = N'capture', @start_job = 0, @threshold = 5;
=> error 22995 level 16: *

--- case: changing the cleanup job: no retention
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
EXEC sys.sp_cdc_change_job @job_type = N'cleanup', @retention = 0;
=> error 22994 level 16: The retention value specified for the Change Data Capture cleanup process must be greater than 0 and less than or equal to 52594800. *

--- case: changing the cleanup job: too long a retention
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
EXEC sys.sp_cdc_change_job @job_type = N'cleanup', @retention = 52594801;
=> error 22994 level 16: *

--- case: changing the cleanup job: no threshold
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
EXEC sys.sp_cdc_change_job @job_type = N'cleanup', @threshold = 0;
=> error 22850 level 16: The threshold value specified for the Change Data Capture cleanup process must be greater than 0. *

--- case: changing the cleanup job: settings of the capture job
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
EXEC sys.sp_cdc_change_job @job_type = N'cleanup', @maxtrans = 5;
=> error 22996 level 16: When adding or modifying the CDC cleanup job, @pollinginterval, @maxtrans, @maxscans, and @continuous may not be assigned non-null values.

--- case: changing the cleanup job: a pause
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
EXEC sys.sp_cdc_change_job @job_type = N'cleanup', @pollinginterval = 5;
=> error 22996 level 16: *

--- case: a job that is not there cannot be changed
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
EXEC sys.sp_cdc_change_job @job_type = N'capture', @maxtrans = 5;
=> error 22997 level 16: The Change Data Capture 'capture' job does not exist in the system table 'msdb.dbo.cdc_jobs'. Use the stored procedure 'sys.sp_cdc_add_job' to add the Change Data Capture job.

--- case: a job that does not go on forever has no pause
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-add-job-transact-sql
--- database: own
EXEC sys.sp_cdc_add_job @job_type = N'capture', @start_job = 0, @continuous = 0;
GO
SELECT [continuous], pollinginterval FROM msdb.dbo.cdc_jobs WHERE database_id = DB_ID() AND job_type = N'capture'
=> 0|0

--- case: a dropped job is gone
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-drop-job-transact-sql
--- database: own
EXEC sys.sp_cdc_drop_job @job_type = N'cleanup';
GO
SELECT COUNT(*) FROM msdb.dbo.cdc_jobs WHERE database_id = DB_ID()
=> 0

--- case: a running capture job captures by itself
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
--- database: own
CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N't', @role_name = NULL;
EXEC sys.sp_cdc_add_job @job_type = N'capture', @pollinginterval = 1;
INSERT dbo.t VALUES (1);
--- session a until
SELECT id FROM cdc.dbo_t_CT
=> 1

--- case: while the capture job runs nobody scans by hand
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
--- database: own
EXEC sys.sp_cdc_add_job @job_type = N'capture', @pollinginterval = 0;
--- session a until
EXEC sys.sp_cdc_scan;
=> error 22903 level 16: Another connection *is already running 'sp_replcmds' for Change Data Capture in the current database.
--- session a
EXEC sys.sp_cdc_stop_job @job_type = N'capture';
--- session a until
EXEC sys.sp_cdc_scan;

--- case: what changes while the capture job is stopped waits in the log, and is not lost
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/administer-and-monitor-change-data-capture-sql-server
--- database: own
CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N't', @role_name = NULL;
EXEC sys.sp_cdc_add_job @job_type = N'capture', @start_job = 0, @pollinginterval = 1;
INSERT dbo.t VALUES (1);
INSERT dbo.t VALUES (2);
GO
SELECT COUNT(*) FROM cdc.dbo_t_CT
=> 0
EXEC sys.sp_cdc_start_job @job_type = N'capture';
--- session a until
SELECT COUNT(*) FROM cdc.dbo_t_CT
=> 2

--- case: a job that does not run cannot be stopped
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-stop-job-transact-sql
--- database: own
EXEC sys.sp_cdc_add_job @job_type = N'capture', @start_job = 0;
GO
EXEC sys.sp_cdc_stop_job @job_type = N'capture';
=> error 22022 level 16: *refused because the job is not currently running.

--- case: the log of a database waits for the capture
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-databases-transact-sql
--- database: own
CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N't', @role_name = NULL;
INSERT dbo.t VALUES (1);
--- session a until
CHECKPOINT;
SELECT log_reuse_wait, log_reuse_wait_desc FROM sys.databases WHERE name = DB_NAME()
=> 6|REPLICATION
--- session a until
EXEC sys.sp_cdc_scan;
--- session a until
CHECKPOINT;
SELECT CASE WHEN log_reuse_wait_desc = N'REPLICATION' THEN 1 ELSE 0 END FROM sys.databases WHERE name = DB_NAME()
=> 0

--- case: a scan takes no more transactions than it may
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-scan-transact-sql
CREATE TABLE dbo.limited (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'limited', @role_name = NULL;
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
INSERT dbo.limited VALUES (1);
INSERT dbo.limited VALUES (2);
INSERT dbo.limited VALUES (3);
GO
EXEC sys.sp_cdc_scan @maxtrans = 1, @maxscans = 2;
GO
SELECT COUNT(*) FROM cdc.dbo_limited_CT
=> 2
SELECT COUNT(*) FROM cdc.dbo_limited_CT WHERE __$start_lsn = sys.fn_cdc_get_max_lsn() AND id = 2
=> 1
EXEC sys.sp_cdc_scan;
GO
SELECT COUNT(*) FROM cdc.dbo_limited_CT
=> 3

--- case: a scan by hand: neither once nor forever
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-scan-transact-sql
EXEC sys.sp_cdc_scan @continuous = 2;
=> error 22998 level 16: The value specified for the parameter @continuous must be 0 or 1.

--- case: a scan by hand: a pause where there is one round only
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-scan-transact-sql
EXEC sys.sp_cdc_scan @pollinginterval = 5;
=> error 22999 level 16: The value specified for the parameter @pollinginterval must be null or 0 when the stored procedure 'sys.sp_cdc_scan' is not being run in continuous mode.

--- case: a scan by hand: too long a pause
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-scan-transact-sql
EXEC sys.sp_cdc_scan @continuous = 1, @pollinginterval = 86400;
=> error 22990 level 16: *

--- case: a scan by hand: no transactions
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-scan-transact-sql
EXEC sys.sp_cdc_scan @maxtrans = 0;
=> error 22991 level 16: *

--- case: a scan by hand: no transactions, said by NULL
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-scan-transact-sql
EXEC sys.sp_cdc_scan @maxtrans = NULL;
=> error 22991 level 16: *

--- case: a scan by hand: no scans
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-scan-transact-sql
EXEC sys.sp_cdc_scan @maxscans = -1;
=> error 22970 level 16: *

--- case: scans tell what they found
--- doc: https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/change-data-capture-sys-dm-cdc-log-scan-sessions
--- database: own
CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N't', @role_name = NULL;
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
INSERT dbo.t VALUES (1);
INSERT dbo.t VALUES (2), (3);
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT TOP (1) tran_count, error_count, scan_phase, schema_change_count, empty_scan_count, failed_sessions_count, CASE WHEN command_count >= 3 THEN 1 ELSE 0 END, CASE WHEN end_time >= start_time AND duration >= 0 AND latency BETWEEN 0 AND 600 THEN 1 ELSE 0 END,
    CASE WHEN last_commit_cdc_time BETWEEN DATEADD(minute, -10, GETDATE()) AND DATEADD(minute, 1, GETDATE()) THEN 1 ELSE 0 END, CASE WHEN last_commit_cdc_lsn LIKE N'________:________:____' THEN 1 ELSE 0 END
FROM sys.dm_cdc_log_scan_sessions WHERE session_id <> 0 AND tran_count > 0 ORDER BY session_id DESC
=> 2|0|Done|0|0|0|1|1|1|1
SELECT scan_phase, CASE WHEN tran_count >= 2 THEN 1 ELSE 0 END FROM sys.dm_cdc_log_scan_sessions WHERE session_id = 0
=> Aggregate|1
SELECT COUNT(*) FROM sys.dm_cdc_errors
=> 0

--- case: scans that find nothing are counted
--- doc: https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/change-data-capture-sys-dm-cdc-log-scan-sessions
--- database: own
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
EXEC sys.sp_cdc_scan;
GO
EXEC sys.sp_cdc_scan;
GO
SELECT TOP (1) tran_count, CASE WHEN empty_scan_count >= 2 THEN 1 ELSE 0 END FROM sys.dm_cdc_log_scan_sessions ORDER BY session_id DESC
=> 0|1

--- case: scans of another database are its own
--- doc: https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/change-data-capture-sys-dm-cdc-log-scan-sessions
USE master;
SELECT COUNT(*) FROM sys.dm_cdc_log_scan_sessions
=> 0

--- case: cleaning up deletes what is below and raises the low end point
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-cleanup-change-table-transact-sql
CREATE TABLE dbo.cleaned (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'cleaned', @role_name = NULL;
INSERT dbo.cleaned VALUES (1);
WAITFOR DELAY '00:00:00.050';
INSERT dbo.cleaned VALUES (2);
WAITFOR DELAY '00:00:00.050';
INSERT dbo.cleaned VALUES (3);
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
DECLARE @mark binary(10) = (SELECT __$start_lsn FROM cdc.dbo_cleaned_CT WHERE id = 2);
EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'dbo_cleaned', @low_water_mark = @mark;
GO
SELECT id FROM cdc.dbo_cleaned_CT ORDER BY id
=> 2
=> 3
SELECT CASE WHEN sys.fn_cdc_get_min_lsn(N'dbo_cleaned') = (SELECT MIN(__$start_lsn) FROM cdc.dbo_cleaned_CT) THEN 1 ELSE 0 END
=> 1

--- case: cleaning up tells whether it failed (newer versions)
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-cleanup-change-table-transact-sql
CREATE TABLE dbo.told (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'told', @role_name = NULL;
INSERT dbo.told VALUES (1);
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
DECLARE @mark binary(10) = (SELECT __$start_lsn FROM cdc.dbo_told_CT), @failed bit = 1;
EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'dbo_told', @low_water_mark = @mark, @threshold = 100, @fCleanupFailed = @failed OUTPUT;
SELECT @failed
=> 0

--- case: a low end point never goes back
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-cleanup-change-table-transact-sql
CREATE TABLE dbo.one_way (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'one_way', @role_name = NULL;
INSERT dbo.one_way VALUES (1);
WAITFOR DELAY '00:00:00.050';
INSERT dbo.one_way VALUES (2);
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
DECLARE @old binary(10) = (SELECT __$start_lsn FROM cdc.dbo_one_way_CT WHERE id = 1), @mark binary(10) = (SELECT __$start_lsn FROM cdc.dbo_one_way_CT WHERE id = 2);
EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'dbo_one_way', @low_water_mark = @mark;
EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'dbo_one_way', @low_water_mark = @old;
=> error 22957 level 16: LSN 0x*, specified as the new low end point for the change table associated with capture instance 'dbo_one_way', is not within the Change Data Capture timeline [0x*, 0x*].

--- case: entries of the log are kept while some instance needs them
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-cleanup-change-table-transact-sql
--- database: own
CREATE TABLE dbo.early (id int NOT NULL PRIMARY KEY);
CREATE TABLE dbo.late (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'early', @role_name = NULL;
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'late', @role_name = NULL;
EXEC sys.sp_cdc_disable_table @source_schema = N'dbo', @source_name = N'first_one', @capture_instance = N'all';
INSERT dbo.early VALUES (1);
WAITFOR DELAY '00:00:00.050';
INSERT dbo.late VALUES (1);
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
DECLARE @mark binary(10) = (SELECT __$start_lsn FROM cdc.dbo_late_CT), @early binary(10) = (SELECT __$start_lsn FROM cdc.dbo_early_CT);
EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'dbo_late', @low_water_mark = @mark;
SELECT COUNT(*) FROM cdc.lsn_time_mapping WHERE start_lsn = @early;
EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'dbo_early', @low_water_mark = @mark;
SELECT COUNT(*) FROM cdc.lsn_time_mapping WHERE start_lsn = @early;
SELECT COUNT(*) FROM cdc.dbo_early_CT
=> 1
=> ;
=> 0
=> ;
=> 0

--- case: a query below the raised low end point is refused
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-cleanup-change-table-transact-sql
CREATE TABLE dbo.below (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'below', @role_name = NULL;
INSERT dbo.below VALUES (1);
WAITFOR DELAY '00:00:00.050';
INSERT dbo.below VALUES (2);
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
DECLARE @old binary(10) = sys.fn_cdc_get_min_lsn(N'dbo_below'), @mark binary(10) = (SELECT __$start_lsn FROM cdc.dbo_below_CT WHERE id = 2);
EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'dbo_below', @low_water_mark = @mark;
SELECT id FROM cdc.fn_cdc_get_all_changes_dbo_below(@old, sys.fn_cdc_get_max_lsn(), N'all')
=> error 313 level 16: *

--- case: without a mark cleaning up leaves the low end point
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-cleanup-change-table-transact-sql
CREATE TABLE dbo.no_mark (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'no_mark', @role_name = NULL;
INSERT dbo.no_mark VALUES (1);
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
DECLARE @before binary(10) = sys.fn_cdc_get_min_lsn(N'dbo_no_mark');
EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'dbo_no_mark', @low_water_mark = NULL;
SELECT CASE WHEN sys.fn_cdc_get_min_lsn(N'dbo_no_mark') = @before THEN 1 ELSE 0 END;
SELECT COUNT(*) FROM cdc.dbo_no_mark_CT
=> 1
=> ;
=> 1

--- case: the cleanup job keeps what is young enough
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/administer-and-monitor-change-data-capture-sql-server
CREATE TABLE dbo.young (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'young', @role_name = NULL;
INSERT dbo.young VALUES (1);
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
EXEC sys.sp_cdc_start_job @job_type = N'cleanup';
GO
SELECT COUNT(*) FROM cdc.dbo_young_CT
=> 1
