-- Change data capture: who may see and change what
--- setup
EXEC sys.sp_cdc_enable_db;
CREATE TABLE dbo.first_one (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'first_one', @role_name = NULL;
EXEC sys.sp_cdc_drop_job @job_type = N'capture';

--- case: a gating role that is missing is made
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql
CREATE TABLE dbo.gate_new (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'gate_new', @role_name = N'gate_new_role';
GO
SELECT RTRIM(type) FROM sys.database_principals WHERE name = N'gate_new_role'
=> R
SELECT role_name FROM cdc.change_tables WHERE capture_instance = N'dbo_gate_new'
=> gate_new_role

--- case: a gating role that is there is used
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql
CREATE ROLE gate_old_role;
GO
CREATE TABLE dbo.gate_old (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'gate_old', @role_name = N'gate_old_role';
GO
SELECT COUNT(*) FROM sys.database_principals WHERE name = N'gate_old_role'
=> 1
SELECT role_name FROM cdc.change_tables WHERE capture_instance = N'dbo_gate_old'
=> gate_old_role

--- case: blanks at the end of a role's name are cut off
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql
CREATE TABLE dbo.gate_blank (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'gate_blank', @role_name = N'gate_blank_role   ';
GO
SELECT '[' + name + ']' FROM sys.database_principals WHERE name LIKE N'gate_blank_role%'
=> [gate_blank_role]

--- case: a refused table leaves no role behind
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql
CREATE TABLE dbo.no_gate (id int NOT NULL PRIMARY KEY);
GO
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'no_gate', @role_name = N'no_gate_role', @captured_column_list = N'id, nowhere';
=> error 22930 level 16: *
SELECT COUNT(*) FROM sys.database_principals WHERE name = N'no_gate_role'
=> 0

--- case: the user cdc is a member of db_owner
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/known-issues-and-errors-change-data-capture
SELECT COUNT(*) FROM sys.database_role_members AS m JOIN sys.database_principals AS r ON r.principal_id = m.role_principal_id JOIN sys.database_principals AS u ON u.principal_id = m.member_principal_id
WHERE r.name = N'db_owner' AND u.name = N'cdc'
=> 1

--- case: a database is enabled and disabled by sysadmin alone
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-db-transact-sql
CREATE USER owner_1 WITHOUT LOGIN;
ALTER ROLE db_owner ADD MEMBER owner_1;
GO
EXECUTE AS USER = N'owner_1';
EXEC sys.sp_cdc_disable_db;
=> error 22902 level 16: Caller is not authorized to initiate the requested action. * privileges are required.
--- session b
EXECUTE AS USER = N'owner_1';
EXEC sys.sp_cdc_enable_db;
=> error 22902 level 16: *
--- session c
SELECT is_cdc_enabled FROM sys.databases WHERE name = DB_NAME()
=> 1

--- case: members of db_owner enable and disable tables
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql
CREATE USER owner_2 WITHOUT LOGIN;
ALTER ROLE db_owner ADD MEMBER owner_2;
CREATE TABLE dbo.owned (id int NOT NULL PRIMARY KEY);
GO
EXECUTE AS USER = N'owner_2';
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'owned', @role_name = NULL;
REVERT;
GO
SELECT is_tracked_by_cdc FROM sys.tables WHERE name = N'owned'
=> 1
EXECUTE AS USER = N'owner_2';
EXEC sys.sp_cdc_disable_table @source_schema = N'dbo', @source_name = N'owned', @capture_instance = N'all';
REVERT;
GO
SELECT is_tracked_by_cdc FROM sys.tables WHERE name = N'owned'
=> 0

--- case: others do neither
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql
CREATE USER nobody_1 WITHOUT LOGIN;
CREATE TABLE dbo.not_yours (id int NOT NULL PRIMARY KEY);
GO
EXECUTE AS USER = N'nobody_1';
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'not_yours', @role_name = NULL;
=> error 22904 level 16: Caller is not authorized to initiate the requested action. DBO privileges are required.
--- session b
EXECUTE AS USER = N'nobody_1';
EXEC sys.sp_cdc_disable_table @source_schema = N'dbo', @source_name = N'first_one', @capture_instance = N'all';
=> error 22904 level 16: *
--- session c
EXECUTE AS USER = N'nobody_1';
EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'dbo_first_one', @low_water_mark = NULL;
=> error 22904 level 16: *

--- case: others do not touch the jobs
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server#security-model
CREATE USER nobody_2 WITHOUT LOGIN;
GO
EXECUTE AS USER = N'nobody_2';
EXEC sys.sp_cdc_change_job @job_type = N'cleanup', @retention = 5;
=> error 22904 level 16: *
--- session b
EXECUTE AS USER = N'nobody_2';
EXEC sys.sp_cdc_drop_job @job_type = N'cleanup';
=> error 22904 level 16: *
--- session c
EXECUTE AS USER = N'nobody_2';
EXEC sys.sp_cdc_scan;
=> error 21050 level 14: *
--- session d
SELECT retention FROM msdb.dbo.cdc_jobs WHERE database_id = DB_ID() AND job_type = N'cleanup'
=> 4320

--- case: members of the gating role who may read the table see its changes
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-all-changes-capture-instance-transact-sql
CREATE USER reader_1 WITHOUT LOGIN;
CREATE TABLE dbo.gated_1 (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'gated_1', @role_name = N'gated_1_role';
INSERT dbo.gated_1 VALUES (1, 5);
ALTER ROLE db_datareader ADD MEMBER reader_1;
ALTER ROLE gated_1_role ADD MEMBER reader_1;
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
EXECUTE AS USER = N'reader_1';
SELECT __$operation, id, v FROM cdc.fn_cdc_get_all_changes_dbo_gated_1(sys.fn_cdc_get_min_lsn(N'dbo_gated_1'), sys.fn_cdc_get_max_lsn(), N'all')
=> 2|1|5
SELECT __$operation, id, v FROM cdc.fn_cdc_get_net_changes_dbo_gated_1(sys.fn_cdc_get_min_lsn(N'dbo_gated_1'), sys.fn_cdc_get_max_lsn(), N'all')
=> 2|1|5

--- case: who is not in the gating role sees nothing
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-all-changes-capture-instance-transact-sql
CREATE USER reader_2 WITHOUT LOGIN;
CREATE TABLE dbo.gated_2 (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'gated_2', @role_name = N'gated_2_role';
INSERT dbo.gated_2 VALUES (1, 5);
ALTER ROLE db_datareader ADD MEMBER reader_2;
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
EXECUTE AS USER = N'reader_2';
SELECT __$operation, id, v FROM cdc.fn_cdc_get_all_changes_dbo_gated_2(sys.fn_cdc_get_min_lsn(N'dbo_gated_2'), sys.fn_cdc_get_max_lsn(), N'all')
=> error 229 level 14: The SELECT permission was denied on the object 'fn_cdc_get_all_changes_*', database '*', schema 'cdc'.
--- session b
EXECUTE AS USER = N'reader_2';
SELECT __$operation, id, v FROM cdc.fn_cdc_get_net_changes_dbo_gated_2(sys.fn_cdc_get_min_lsn(N'dbo_gated_2'), sys.fn_cdc_get_max_lsn(), N'all')
=> error 229 level 14: The SELECT permission was denied on the object 'fn_cdc_get_net_changes_*', database '*', schema 'cdc'.

--- case: the gating role alone is not enough
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-all-changes-capture-instance-transact-sql
CREATE USER reader_3 WITHOUT LOGIN;
CREATE TABLE dbo.gated_3 (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'gated_3', @role_name = N'gated_3_role';
INSERT dbo.gated_3 VALUES (1, 5);
ALTER ROLE gated_3_role ADD MEMBER reader_3;
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
DECLARE @from binary(10) = sys.fn_cdc_get_min_lsn(N'dbo_gated_3'), @to binary(10) = sys.fn_cdc_get_max_lsn();
EXECUTE AS USER = N'reader_3';
SELECT id FROM cdc.fn_cdc_get_all_changes_dbo_gated_3(@from, @to, N'all')
=> error 229 level 14: The SELECT permission was denied on the object 'fn_cdc_get_all_changes_*', database '*', schema 'cdc'.

--- case: without a gating role it is enough to read the table
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-all-changes-capture-instance-transact-sql
CREATE USER reader_4 WITHOUT LOGIN;
CREATE TABLE dbo.open_4 (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'open_4', @role_name = NULL;
INSERT dbo.open_4 VALUES (1, 5);
ALTER ROLE db_datareader ADD MEMBER reader_4;
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
EXECUTE AS USER = N'reader_4';
SELECT __$operation, id, v FROM cdc.fn_cdc_get_all_changes_dbo_open_4(sys.fn_cdc_get_min_lsn(N'dbo_open_4'), sys.fn_cdc_get_max_lsn(), N'all')
=> 2|1|5

--- case: db_datareader may read every table, db_denydatareader none
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-all-changes-capture-instance-transact-sql
CREATE USER reader_5 WITHOUT LOGIN;
CREATE USER reader_6 WITHOUT LOGIN;
CREATE TABLE dbo.open_5 (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'open_5', @role_name = NULL;
INSERT dbo.open_5 VALUES (1, 5);
ALTER ROLE db_datareader ADD MEMBER reader_5;
ALTER ROLE db_datareader ADD MEMBER reader_6;
ALTER ROLE db_denydatareader ADD MEMBER reader_6;
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
EXECUTE AS USER = N'reader_5';
SELECT __$operation, id, v FROM cdc.fn_cdc_get_all_changes_dbo_open_5(sys.fn_cdc_get_min_lsn(N'dbo_open_5'), sys.fn_cdc_get_max_lsn(), N'all')
=> 2|1|5
--- session b
EXECUTE AS USER = N'reader_6';
SELECT sys.fn_cdc_get_column_ordinal(N'dbo_open_5', N'id')
=> NULL

--- case: members of db_owner need no role
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-all-changes-capture-instance-transact-sql
CREATE USER owner_3 WITHOUT LOGIN;
CREATE TABLE dbo.gated_6 (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'gated_6', @role_name = N'gated_6_role';
INSERT dbo.gated_6 VALUES (1, 5);
ALTER ROLE db_owner ADD MEMBER owner_3;
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
EXECUTE AS USER = N'owner_3';
SELECT __$operation, id, v FROM cdc.fn_cdc_get_all_changes_dbo_gated_6(sys.fn_cdc_get_min_lsn(N'dbo_gated_6'), sys.fn_cdc_get_max_lsn(), N'all')
=> 2|1|5

--- case: a role within the gating role counts
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-all-changes-capture-instance-transact-sql
CREATE USER reader_7 WITHOUT LOGIN;
CREATE TABLE dbo.gated_7 (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'gated_7', @role_name = N'gated_7_role';
CREATE ROLE inner_7;
ALTER ROLE gated_7_role ADD MEMBER inner_7;
ALTER ROLE inner_7 ADD MEMBER reader_7;
ALTER ROLE db_datareader ADD MEMBER inner_7;
INSERT dbo.gated_7 VALUES (1, 5);
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
EXECUTE AS USER = N'reader_7';
SELECT __$operation, id, v FROM cdc.fn_cdc_get_all_changes_dbo_gated_7(sys.fn_cdc_get_min_lsn(N'dbo_gated_7'), sys.fn_cdc_get_max_lsn(), N'all')
=> 2|1|5

--- case: the low end point shows to those who may see the changes
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/sys-fn-cdc-get-min-lsn-transact-sql
CREATE USER reader_8 WITHOUT LOGIN;
CREATE TABLE dbo.gated_8 (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'gated_8', @role_name = N'gated_8_role';
ALTER ROLE db_datareader ADD MEMBER reader_8;
INSERT dbo.gated_8 VALUES (1, 5);
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
EXECUTE AS USER = N'reader_8';
SELECT sys.fn_cdc_get_min_lsn(N'dbo_gated_8'), CASE WHEN sys.fn_cdc_get_max_lsn() > 0x00 THEN 1 ELSE 0 END
=> 0x00000000000000000000|1
REVERT;
ALTER ROLE gated_8_role ADD MEMBER reader_8;
EXECUTE AS USER = N'reader_8';
SELECT CASE WHEN sys.fn_cdc_get_min_lsn(N'dbo_gated_8') > 0x00 THEN 1 ELSE 0 END
=> 1

--- case: ordinals and bits show to those who may see the changes
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/sys-fn-cdc-get-column-ordinal-transact-sql
CREATE USER reader_9 WITHOUT LOGIN;
CREATE TABLE dbo.gated_9 (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'gated_9', @role_name = N'gated_9_role';
GO
SELECT sys.fn_cdc_get_column_ordinal(N'dbo_gated_9', N'v'), sys.fn_cdc_has_column_changed(N'dbo_gated_9', N'v', 0x02)
=> 2|1
EXECUTE AS USER = N'reader_9';
SELECT sys.fn_cdc_get_column_ordinal(N'dbo_gated_9', N'v'), sys.fn_cdc_is_bit_set(2, 0x02)
=> NULL|1

--- case: reports show to those who may see the changes
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-get-captured-columns-transact-sql
CREATE USER reader_10 WITHOUT LOGIN;
CREATE TABLE dbo.gated_10 (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'gated_10', @role_name = N'gated_10_role';
GO
EXECUTE AS USER = N'reader_10';
EXEC sys.sp_cdc_get_captured_columns @capture_instance = N'dbo_gated_10';
=> error 22981 level 16: Object does not exist or access is denied.
--- session b
EXECUTE AS USER = N'reader_10';
EXEC sys.sp_cdc_get_ddl_history @capture_instance = N'dbo_gated_10';
=> error 22981 level 16: Object does not exist or access is denied.
--- session c
EXECUTE AS USER = N'reader_10';
EXEC sys.sp_cdc_help_change_data_capture;
=> (none)

--- case: members of db_ddladmin change captured tables
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server#security-model
CREATE USER ddl_1 WITHOUT LOGIN;
ALTER ROLE db_ddladmin ADD MEMBER ddl_1;
CREATE TABLE dbo.by_ddl (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'by_ddl', @role_name = NULL;
GO
EXECUTE AS USER = N'ddl_1';
ALTER TABLE dbo.by_ddl ADD v int NULL;
REVERT;
GO
INSERT dbo.by_ddl VALUES (1, 2);
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, id FROM cdc.dbo_by_ddl_CT
=> 2|1
