-- Change data capture: enabling and disabling databases and tables
--- setup
EXEC sys.sp_cdc_enable_db;
CREATE TABLE dbo.first_one (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'first_one', @role_name = NULL;
EXEC sys.sp_cdc_drop_job @job_type = N'capture';

--- case: an enabled database says so and has a schema and a user of its own
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-db-transact-sql
SELECT is_cdc_enabled FROM sys.databases WHERE name = DB_NAME()
=> 1
SELECT COUNT(*) FROM sys.schemas WHERE name = N'cdc'
=> 1
SELECT RTRIM(type) FROM sys.database_principals WHERE name = N'cdc'
=> S

--- case: enabling a database again is a message, not an error
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
EXEC sys.sp_cdc_enable_db;
GO
SELECT is_cdc_enabled FROM sys.databases WHERE name = DB_NAME()
=> 1

--- case: enabling makes the tables of the schema cdc
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/change-data-capture-tables-transact-sql
SELECT t.name, t.is_ms_shipped FROM sys.tables AS t JOIN sys.schemas AS s ON s.schema_id = t.schema_id
WHERE s.name = N'cdc' AND t.name IN (N'change_tables', N'captured_columns', N'index_columns', N'ddl_history', N'lsn_time_mapping')
ORDER BY t.name
=> captured_columns|1
=> change_tables|1
=> ddl_history|1
=> index_columns|1
=> lsn_time_mapping|1

--- case: a system database cannot be enabled
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
USE master;
EXEC sys.sp_cdc_enable_db;
=> error 22989 level 16: Could not enable Change Data Capture for database 'master'. Change data capture is not supported on system databases, or on a distribution database.

--- case: disabling a database removes the schema, its tables, the jobs and the marks of its tables
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-disable-db-transact-sql
--- database: own
CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N't', @role_name = NULL;
INSERT dbo.t VALUES (1);
GO
EXEC sys.sp_cdc_disable_db;
GO
SELECT is_cdc_enabled FROM sys.databases WHERE name = DB_NAME()
=> 0
SELECT COUNT(*) FROM sys.schemas WHERE name = N'cdc'
=> 0
SELECT COUNT(*) FROM sys.database_principals WHERE name = N'cdc'
=> 0
SELECT COUNT(*) FROM sys.tables WHERE name = N'change_tables' OR name = N'dbo_t_CT'
=> 0
SELECT COUNT(*) FROM sys.tables WHERE is_tracked_by_cdc = 1
=> 0
SELECT COUNT(*) FROM msdb.dbo.cdc_jobs WHERE database_id = DB_ID()
=> 0
SELECT id FROM dbo.t
=> 1

--- case: a disabled database can be enabled again and knows nothing of before
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/enable-and-disable-change-data-capture-sql-server
--- database: own
EXEC sys.sp_cdc_disable_db;
EXEC sys.sp_cdc_enable_db;
GO
SELECT COUNT(*) FROM cdc.change_tables
=> 0
SELECT COUNT(*) FROM cdc.lsn_time_mapping
=> 0
SELECT sys.fn_cdc_get_max_lsn()
=> NULL

--- case: disabling a database that is not enabled is a message, not an error
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-disable-db-transact-sql
--- database: own
EXEC sys.sp_cdc_disable_db;
EXEC sys.sp_cdc_disable_db;
GO
SELECT is_cdc_enabled FROM sys.databases WHERE name = DB_NAME()
=> 0

--- case: a schema cdc is in the way of enabling a database
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/known-issues-and-errors-change-data-capture
--- database: own
EXEC sys.sp_cdc_disable_db;
GO
CREATE SCHEMA cdc
GO
EXEC sys.sp_cdc_enable_db;
=> error 22906 level 16: The database '*' cannot be enabled for Change Data Capture because a database user named 'cdc' or a schema named 'cdc' already exists in the current database. These objects are required exclusively by Change Data Capture. Drop or rename the user or schema and retry the operation.

--- case: a user cdc is in the way of enabling a database
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/known-issues-and-errors-change-data-capture
--- database: own
EXEC sys.sp_cdc_disable_db;
GO
CREATE USER cdc WITHOUT LOGIN;
GO
EXEC sys.sp_cdc_enable_db;
=> error 22906 level 16: *
DROP USER cdc;
EXEC sys.sp_cdc_enable_db;

--- case: once the schema cdc is dropped the database can be enabled
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/known-issues-and-errors-change-data-capture
--- database: own
EXEC sys.sp_cdc_disable_db;
GO
CREATE SCHEMA cdc
GO
DROP SCHEMA cdc
GO
EXEC sys.sp_cdc_enable_db;
GO
SELECT is_cdc_enabled FROM sys.databases WHERE name = DB_NAME()
=> 1

--- case: a table of a database that is not enabled cannot be enabled
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql
--- database: own
EXEC sys.sp_cdc_disable_db;
CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY);
GO
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N't', @role_name = NULL;
=> error 22901 level 16: The database '*' is not enabled for Change Data Capture. Ensure that the correct database context is set and retry the operation. To report on the databases enabled for Change Data Capture, query the is_cdc_enabled column in the sys.databases catalog view.

--- case: enabling a table marks it and names the instance after schema and table
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql
CREATE TABLE dbo.named (id int NOT NULL PRIMARY KEY, v int NULL);
GO
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'named', @role_name = NULL;
GO
SELECT is_tracked_by_cdc FROM sys.tables WHERE name = N'named'
=> 1
SELECT capture_instance FROM cdc.change_tables WHERE source_object_id = OBJECT_ID(N'dbo.named')
=> dbo_named
SELECT COUNT(*) FROM cdc.dbo_named_CT
=> 0

--- case: a table of another schema gives its instance that schema's name
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql
CREATE SCHEMA sales
GO
CREATE TABLE sales.orders (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'sales', @source_name = N'orders', @role_name = NULL;
GO
SELECT COUNT(*) FROM cdc.sales_orders_CT
=> 0

--- case: an instance can be given a name
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql
CREATE TABLE dbo.given (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'given', @role_name = NULL, @capture_instance = N'My_Instance';
GO
SELECT COUNT(*) FROM cdc.My_Instance_CT
=> 0
SELECT COUNT(*) FROM cdc.change_tables WHERE capture_instance = N'My_Instance'
=> 1

--- case: blanks at the end of an instance's name are cut off
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql
CREATE TABLE dbo.blanks (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'blanks', @role_name = NULL, @capture_instance = N'with_blanks   ';
GO
SELECT '[' + capture_instance + ']' FROM cdc.change_tables WHERE source_object_id = OBJECT_ID(N'dbo.blanks')
=> [with_blanks]

--- case: the parameters can be given by position
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql
CREATE TABLE dbo.by_position (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table N'dbo', N'by_position', N'positional', 0, NULL;
GO
SELECT capture_instance, supports_net_changes, role_name FROM cdc.change_tables WHERE source_object_id = OBJECT_ID(N'dbo.by_position')
=> positional|0|NULL

--- case: a table has at most two instances
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
CREATE TABLE dbo.twice (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'twice', @role_name = NULL;
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'twice', @role_name = NULL, @capture_instance = N'twice_2';
GO
SELECT capture_instance FROM cdc.change_tables WHERE source_object_id = OBJECT_ID(N'dbo.twice') ORDER BY capture_instance
=> dbo_twice
=> twice_2
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'twice', @role_name = NULL, @capture_instance = N'twice_3';
=> error 22962 level 16: Two capture instances already exist for source table 'dbo.twice'. A table can have at most two capture instances. If the current tracking options are not appropriate, disable change tracking for the obsolete instance by using sys.sp_cdc_disable_table and retry the operation.

--- case: one of two instances is disabled, the other goes on
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-disable-table-transact-sql
CREATE TABLE dbo.pair (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'pair', @role_name = NULL;
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'pair', @role_name = NULL, @capture_instance = N'pair_2';
EXEC sys.sp_cdc_disable_table @source_schema = N'dbo', @source_name = N'pair', @capture_instance = N'dbo_pair';
GO
SELECT t.is_tracked_by_cdc, c.capture_instance FROM sys.tables AS t JOIN cdc.change_tables AS c ON c.source_object_id = t.object_id
WHERE t.name = N'pair'
=> 1|pair_2
SELECT COUNT(*) FROM cdc.dbo_pair_CT
=> error 208 level 16: Invalid object name 'cdc.dbo_pair_CT'.
INSERT dbo.pair VALUES (1);
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT id FROM cdc.pair_2_CT
=> 1

--- case: all instances of a table are disabled at once
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-disable-table-transact-sql
CREATE TABLE dbo.both_gone (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'both_gone', @role_name = NULL;
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'both_gone', @role_name = NULL, @capture_instance = N'both_gone_2';
EXEC sys.sp_cdc_disable_table @source_schema = N'dbo', @source_name = N'both_gone', @capture_instance = N'all';
GO
SELECT is_tracked_by_cdc FROM sys.tables WHERE name = N'both_gone'
=> 0
SELECT COUNT(*) FROM cdc.change_tables WHERE source_object_id = OBJECT_ID(N'dbo.both_gone')
=> 0
SELECT COUNT(*) FROM cdc.captured_columns AS c WHERE NOT EXISTS (SELECT 1 FROM cdc.change_tables AS t WHERE t.object_id = c.object_id)
=> 0
SELECT COUNT(*) FROM cdc.index_columns AS c WHERE NOT EXISTS (SELECT 1 FROM cdc.change_tables AS t WHERE t.object_id = c.object_id)
=> 0

--- case: a disabled table is changed freely and can be enabled again
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-disable-table-transact-sql
CREATE TABLE dbo.again (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'again', @role_name = NULL;
INSERT dbo.again VALUES (1);
EXEC sys.sp_cdc_disable_table @source_schema = N'dbo', @source_name = N'again', @capture_instance = N'dbo_again';
TRUNCATE TABLE dbo.again;
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'again', @role_name = NULL;
INSERT dbo.again VALUES (2);
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, id FROM cdc.dbo_again_CT
=> 2|2

--- case: dropping a table drops its instances
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.dropped (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'dropped', @role_name = NULL;
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'dropped', @role_name = NULL, @capture_instance = N'dropped_2';
DROP TABLE dbo.dropped;
GO
SELECT COUNT(*) FROM cdc.change_tables WHERE capture_instance IN (N'dbo_dropped', N'dropped_2')
=> 0
SELECT COUNT(*) FROM sys.tables WHERE name IN (N'dbo_dropped_CT', N'dropped_2_CT')
=> 0

--- case: enabling a table in a transaction that is rolled back leaves nothing
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql
CREATE TABLE dbo.undone (id int NOT NULL PRIMARY KEY);
GO
BEGIN TRANSACTION;
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'undone', @role_name = NULL;
ROLLBACK;
GO
SELECT is_tracked_by_cdc FROM sys.tables WHERE name = N'undone'
=> 0
SELECT COUNT(*) FROM cdc.change_tables WHERE capture_instance = N'dbo_undone'
=> 0

--- case: net changes are supported by default where the table has a primary key
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql
CREATE TABLE dbo.keyed (id int NOT NULL PRIMARY KEY);
CREATE TABLE dbo.keyless (id int NOT NULL);
CREATE TABLE dbo.declined (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'keyed', @role_name = NULL;
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'keyless', @role_name = NULL;
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'declined', @role_name = NULL, @supports_net_changes = 0;
GO
SELECT capture_instance, supports_net_changes FROM cdc.change_tables
WHERE capture_instance IN (N'dbo_keyed', N'dbo_keyless', N'dbo_declined') ORDER BY capture_instance
=> dbo_declined|0
=> dbo_keyed|1
=> dbo_keyless|0

--- case: an index that is named takes precedence over the primary key
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql
CREATE TABLE dbo.by_index (id int NOT NULL PRIMARY KEY, code varchar(10) NOT NULL, region int NOT NULL);
CREATE UNIQUE INDEX by_code ON dbo.by_index (region, code);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'by_index', @role_name = NULL, @index_name = N'by_code', @supports_net_changes = 1;
GO
SELECT index_name, supports_net_changes FROM cdc.change_tables WHERE capture_instance = N'dbo_by_index'
=> by_code|1
SELECT i.column_name, i.index_ordinal, i.column_id FROM cdc.index_columns AS i JOIN cdc.change_tables AS t ON t.object_id = i.object_id
WHERE t.capture_instance = N'dbo_by_index' ORDER BY i.index_ordinal
=> region|1|3
=> code|2|2

--- case: only listed columns are captured
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql
CREATE TABLE dbo.some_columns (id int NOT NULL PRIMARY KEY, a int NULL, b varchar(10) NULL, c date NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'some_columns', @role_name = NULL, @captured_column_list = N'id, b';
GO
SELECT c.column_name, c.column_id, c.column_type, c.column_ordinal, c.is_computed FROM cdc.captured_columns AS c
JOIN cdc.change_tables AS t ON t.object_id = c.object_id WHERE t.capture_instance = N'dbo_some_columns' ORDER BY c.column_ordinal
=> id|1|int|1|0
=> b|3|varchar|2|0
INSERT dbo.some_columns VALUES (1, 2, 'x', '2024-01-02');
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, b FROM cdc.dbo_some_columns_CT
=> 2|0x03|1|x

--- case: listed columns can be quoted either way
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql
CREATE TABLE dbo.quoted (id int NOT NULL PRIMARY KEY, [a,b] int NULL, [c d] int NULL, e int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'quoted', @role_name = NULL, @captured_column_list = N'id, [a,b], "c d"';
GO
SELECT c.column_name FROM cdc.captured_columns AS c JOIN cdc.change_tables AS t ON t.object_id = c.object_id
WHERE t.capture_instance = N'dbo_quoted' ORDER BY c.column_ordinal
=> id
=> a,b
=> c d

--- case: two instances of a table capture different columns
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.two_views (id int NOT NULL PRIMARY KEY, a int NULL, b int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'two_views', @role_name = NULL, @captured_column_list = N'id, a';
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'two_views', @role_name = NULL, @capture_instance = N'two_views_b', @captured_column_list = N'id, b';
INSERT dbo.two_views VALUES (1, 10, 20);
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT x.id, x.a, y.id, y.b FROM cdc.dbo_two_views_CT AS x JOIN cdc.two_views_b_CT AS y ON y.__$start_lsn = x.__$start_lsn
=> 1|10|1|20

--- case: the filegroup of the change table is recorded
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql
CREATE TABLE dbo.grouped (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'grouped', @role_name = NULL, @filegroup_name = N'PRIMARY';
GO
SELECT filegroup_name FROM cdc.change_tables WHERE capture_instance = N'dbo_grouped'
=> PRIMARY

--- case: a table without partitions always allows their switching, whatever is asked
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-change-tables-transact-sql
CREATE TABLE dbo.whole (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'whole', @role_name = NULL, @allow_partition_switch = 0;
GO
SELECT partition_switch FROM cdc.change_tables WHERE capture_instance = N'dbo_whole'
=> 1

--- case: the first enabled table brings the jobs
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql
--- database: own
EXEC sys.sp_cdc_disable_db;
EXEC sys.sp_cdc_enable_db;
CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY);
GO
SELECT COUNT(*) FROM msdb.dbo.cdc_jobs WHERE database_id = DB_ID()
=> 0
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N't', @role_name = NULL;
GO
SELECT job_type FROM msdb.dbo.cdc_jobs WHERE database_id = DB_ID() ORDER BY job_type
=> capture
=> cleanup

--- case: an enabled database can be dropped
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/enable-and-disable-change-data-capture-sql-server
--- database: own
CREATE DATABASE [{db}_2];
GO
USE [{db}_2];
EXEC sys.sp_cdc_enable_db;
CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N't', @role_name = NULL;
EXEC sys.sp_cdc_drop_job @job_type = N'capture';
GO
USE [{db}];
DROP DATABASE [{db}_2];
GO
SELECT COUNT(*) FROM sys.databases WHERE name = N'{db}_2'
=> 0

--- case: a table cannot be truncated while it is captured
--- doc: https://learn.microsoft.com/sql/t-sql/statements/truncate-table-transact-sql
CREATE TABLE dbo.no_truncate (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'no_truncate', @role_name = NULL;
INSERT dbo.no_truncate VALUES (1);
GO
TRUNCATE TABLE dbo.no_truncate
=> error 4711 level 16: Cannot truncate table 'dbo.no_truncate' because it is published for replication or enabled for Change Data Capture.
SELECT COUNT(*) FROM dbo.no_truncate
=> 1
