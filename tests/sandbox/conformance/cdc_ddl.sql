-- Change data capture: what becomes of instances when their table changes
--- setup
EXEC sys.sp_cdc_enable_db;
CREATE TABLE dbo.first_one (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'first_one', @role_name = NULL;
EXEC sys.sp_cdc_drop_job @job_type = N'capture';

--- case: a new column is not captured, but recorded
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.grown (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'grown', @role_name = NULL;
GO
INSERT dbo.grown VALUES (1, 1);
GO
ALTER TABLE dbo.grown ADD extra int NULL;
GO
INSERT dbo.grown VALUES (2, 2, 3);
GO
UPDATE dbo.grown SET extra = 4 WHERE id = 1;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, v FROM cdc.dbo_grown_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|0x03|1|1
=> 2|0x03|2|2
SELECT COUNT(*) FROM sys.columns WHERE object_id = OBJECT_ID(N'cdc.dbo_grown_CT') AND name = N'extra'
=> 0
SELECT OBJECT_NAME(source_object_id), OBJECT_NAME(object_id), required_column_update, CASE WHEN ddl_command LIKE N'ALTER TABLE dbo.grown ADD extra int NULL%' THEN 1 ELSE 0 END FROM cdc.ddl_history WHERE source_object_id = OBJECT_ID(N'dbo.grown')
=> grown|dbo_grown_CT|0|1

--- case: a dropped column is NULL from then on, the others keep their bits
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.shrunk (id int NOT NULL PRIMARY KEY, gone int NULL, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'shrunk', @role_name = NULL;
GO
INSERT dbo.shrunk VALUES (1, 10, 100);
GO
ALTER TABLE dbo.shrunk DROP COLUMN gone;
GO
UPDATE dbo.shrunk SET v = 101;
GO
INSERT dbo.shrunk VALUES (2, 200);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, id, gone, v FROM cdc.dbo_shrunk_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|1|10|100
=> 3|1|NULL|100
=> 4|1|NULL|101
=> 2|2|NULL|200
SELECT __$update_mask FROM cdc.dbo_shrunk_CT WHERE __$operation = 4
=> 0x04
SELECT required_column_update FROM cdc.ddl_history WHERE source_object_id = OBJECT_ID(N'dbo.shrunk')
=> 0

--- case: a column that is dropped and added again is another one
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.reborn (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'reborn', @role_name = NULL;
GO
ALTER TABLE dbo.reborn DROP COLUMN v;
GO
ALTER TABLE dbo.reborn ADD v int NULL;
GO
INSERT dbo.reborn VALUES (1, 5);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, id, v FROM cdc.dbo_reborn_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|1|NULL
SELECT COUNT(*) FROM cdc.ddl_history WHERE source_object_id = OBJECT_ID(N'dbo.reborn')
=> 2

--- case: another type is taken over by the change table
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-ddl-history-transact-sql
CREATE TABLE dbo.retyped (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'retyped', @role_name = NULL;
GO
INSERT dbo.retyped VALUES (1, 1);
GO
ALTER TABLE dbo.retyped ALTER COLUMN v bigint NULL;
GO
INSERT dbo.retyped VALUES (2, 9000000000);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT id, v FROM cdc.dbo_retyped_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 1|1
=> 2|9000000000
SELECT TYPE_NAME(system_type_id) FROM sys.columns WHERE object_id = OBJECT_ID(N'cdc.dbo_retyped_CT') AND name = N'v'
=> bigint
SELECT c.column_type FROM cdc.captured_columns AS c JOIN cdc.change_tables AS t ON t.object_id = c.object_id WHERE t.capture_instance = N'dbo_retyped' AND c.column_name = N'v'
=> bigint
SELECT required_column_update FROM cdc.ddl_history WHERE source_object_id = OBJECT_ID(N'dbo.retyped')
=> 1

--- case: a greater length is taken over by the change table
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-ddl-history-transact-sql
CREATE TABLE dbo.longer (id int NOT NULL PRIMARY KEY, v varchar(5) NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'longer', @role_name = NULL;
GO
INSERT dbo.longer VALUES (1, 'short');
GO
ALTER TABLE dbo.longer ALTER COLUMN v varchar(50) NULL;
GO
UPDATE dbo.longer SET v = 'much longer than before';
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, v FROM cdc.dbo_longer_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|short
=> 3|short
=> 4|much longer than before
SELECT max_length FROM sys.columns WHERE object_id = OBJECT_ID(N'cdc.dbo_longer_CT') AND name = N'v'
=> 50

--- case: a column that becomes large is left out of updates from then on
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-ddl-history-transact-sql
CREATE TABLE dbo.became_large (id int NOT NULL PRIMARY KEY, v int NULL, a varchar(20) NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'became_large', @role_name = NULL;
GO
INSERT dbo.became_large VALUES (1, 1, 'a');
GO
ALTER TABLE dbo.became_large ALTER COLUMN a varchar(max) NULL;
GO
UPDATE dbo.became_large SET v = 2;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, a FROM cdc.dbo_became_large_CT WHERE __$operation <> 4 ORDER BY __$start_lsn
=> 2|a
=> 3|NULL
SELECT max_length FROM sys.columns WHERE object_id = OBJECT_ID(N'cdc.dbo_became_large_CT') AND name = N'a'
=> -1

--- case: a column becomes nvarchar
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-ddl-history-transact-sql
CREATE TABLE dbo.became_wide (id int NOT NULL PRIMARY KEY, v varchar(10) NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'became_wide', @role_name = NULL;
GO
INSERT dbo.became_wide VALUES (1, 'abc');
GO
ALTER TABLE dbo.became_wide ALTER COLUMN v nvarchar(20) NULL;
GO
UPDATE dbo.became_wide SET v = N'ż☃';
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, v FROM cdc.dbo_became_wide_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|abc
=> 3|abc
=> 4|ż☃
SELECT TYPE_NAME(system_type_id), max_length FROM sys.columns WHERE object_id = OBJECT_ID(N'cdc.dbo_became_wide_CT') AND name = N'v'
=> nvarchar|40

--- case: another type of a column that is not captured needs no change
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-ddl-history-transact-sql
CREATE TABLE dbo.uncaptured (id int NOT NULL PRIMARY KEY, a int NULL, b int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'uncaptured', @role_name = NULL, @captured_column_list = N'id, a';
GO
ALTER TABLE dbo.uncaptured ALTER COLUMN b bigint NULL;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT required_column_update FROM cdc.ddl_history WHERE source_object_id = OBJECT_ID(N'dbo.uncaptured')
=> 0

--- case: constraints are none of the history
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-ddl-history-transact-sql
CREATE TABLE dbo.constrained (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'constrained', @role_name = NULL;
GO
ALTER TABLE dbo.constrained ADD CONSTRAINT constrained_v CHECK (v > 0);
GO
ALTER TABLE dbo.constrained NOCHECK CONSTRAINT constrained_v;
GO
ALTER TABLE dbo.constrained DROP CONSTRAINT constrained_v;
GO
INSERT dbo.constrained VALUES (1, 1);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT COUNT(*) FROM cdc.ddl_history WHERE source_object_id = OBJECT_ID(N'dbo.constrained')
=> 0
SELECT id, v FROM cdc.dbo_constrained_CT
=> 1|1

--- case: the history has its place between the changes
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-ddl-history-transact-sql
CREATE TABLE dbo.placed (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'placed', @role_name = NULL;
GO
INSERT dbo.placed VALUES (1);
GO
ALTER TABLE dbo.placed ADD v int NULL;
GO
INSERT dbo.placed VALUES (2, 2);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT c.id, CASE WHEN c.__$start_lsn < h.ddl_lsn THEN 'before' ELSE 'after' END FROM cdc.dbo_placed_CT AS c CROSS JOIN cdc.ddl_history AS h WHERE h.source_object_id = OBJECT_ID(N'dbo.placed') ORDER BY c.id
=> 1|before
=> 2|after

--- case: the history is reported by a procedure
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-get-ddl-history-transact-sql
CREATE TABLE dbo.reported (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'reported', @role_name = NULL;
GO
ALTER TABLE dbo.reported ADD a int NULL;
GO
ALTER TABLE dbo.reported ADD b int NULL;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
CREATE TABLE #history (source_schema sysname, source_table sysname, capture_instance sysname, required_column_update bit, ddl_command nvarchar(max), ddl_lsn binary(10), ddl_time datetime);
INSERT #history EXEC sys.sp_cdc_get_ddl_history @capture_instance = N'dbo_reported';
SELECT source_schema, source_table, capture_instance, required_column_update, CASE WHEN ddl_command LIKE N'%ADD a%' THEN 'a' WHEN ddl_command LIKE N'%ADD b%' THEN 'b' END,
    CASE WHEN ddl_time BETWEEN DATEADD(minute, -10, GETDATE()) AND DATEADD(minute, 1, GETDATE()) THEN 1 ELSE 0 END FROM #history ORDER BY ddl_lsn
=> dbo|reported|dbo_reported|0|a|1
=> dbo|reported|dbo_reported|0|b|1

--- case: each instance has the history
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-ddl-history-transact-sql
CREATE TABLE dbo.two_of_them (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'two_of_them', @role_name = NULL;
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'two_of_them', @role_name = NULL, @capture_instance = N'two_of_them_2';
GO
ALTER TABLE dbo.two_of_them ADD v int NULL;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT OBJECT_NAME(object_id) FROM cdc.ddl_history WHERE source_object_id = OBJECT_ID(N'dbo.two_of_them') ORDER BY 1
=> dbo_two_of_them_CT
=> two_of_them_2_CT
SELECT COUNT(DISTINCT ddl_lsn) FROM cdc.ddl_history WHERE source_object_id = OBJECT_ID(N'dbo.two_of_them')
=> 1

--- case: a second instance captures the new columns, the first one goes on
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.evolved (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'evolved', @role_name = NULL;
GO
INSERT dbo.evolved VALUES (1);
GO
ALTER TABLE dbo.evolved ADD v int NULL;
GO
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'evolved', @role_name = NULL, @capture_instance = N'evolved_2';
GO
INSERT dbo.evolved VALUES (2, 20);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT id FROM cdc.dbo_evolved_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 1
=> 2
SELECT id, v FROM cdc.evolved_2_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|20
SELECT COUNT(*) FROM cdc.ddl_history WHERE object_id = OBJECT_ID(N'cdc.evolved_2_CT')
=> 0

--- case: disabling an instance drops its history
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-disable-table-transact-sql
CREATE TABLE dbo.forgotten (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'forgotten', @role_name = NULL;
GO
ALTER TABLE dbo.forgotten ADD v int NULL;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT COUNT(*) FROM cdc.ddl_history WHERE source_object_id = OBJECT_ID(N'dbo.forgotten')
=> 1
EXEC sys.sp_cdc_disable_table @source_schema = N'dbo', @source_name = N'forgotten', @capture_instance = N'all';
GO
SELECT COUNT(*) FROM cdc.ddl_history WHERE source_object_id = OBJECT_ID(N'dbo.forgotten')
=> 0

--- case: a change of the table that is rolled back leaves neither history nor damage
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.regretted (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'regretted', @role_name = NULL;
GO
BEGIN TRANSACTION;
ALTER TABLE dbo.regretted DROP COLUMN v;
ROLLBACK;
GO
INSERT dbo.regretted VALUES (1, 5);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT id, v FROM cdc.dbo_regretted_CT
=> 1|5
SELECT COUNT(*) FROM cdc.ddl_history WHERE source_object_id = OBJECT_ID(N'dbo.regretted')
=> 0

--- case: changes before and after a change of the table, in one transaction
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.mixed (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'mixed', @role_name = NULL;
GO
BEGIN TRANSACTION;
INSERT dbo.mixed VALUES (1, 1);
ALTER TABLE dbo.mixed ADD w int NULL;
INSERT dbo.mixed (id, v) VALUES (2, 2);
COMMIT;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, id, v FROM cdc.dbo_mixed_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|1|1
=> 2|2|2

--- case: the constraint that net changes go by cannot be dropped
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
CREATE TABLE dbo.held (id int NOT NULL CONSTRAINT held_pk PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'held', @role_name = NULL, @supports_net_changes = 1;
GO
ALTER TABLE dbo.held DROP CONSTRAINT held_pk;
=> error 22979 level 16: The unique index 'held_pk' on table '*' is used by Change Data Capture. The constraint using this index cannot be dropped or disabled.
EXEC sys.sp_cdc_disable_table @source_schema = N'dbo', @source_name = N'held', @capture_instance = N'all';
ALTER TABLE dbo.held DROP CONSTRAINT held_pk;

--- case: the index that net changes go by cannot be dropped
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
CREATE TABLE dbo.kept (id int NOT NULL, v int NULL);
CREATE UNIQUE INDEX kept_id ON dbo.kept (id);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'kept', @role_name = NULL, @index_name = N'kept_id', @supports_net_changes = 1;
GO
DROP INDEX kept_id ON dbo.kept;
=> error 22983 level 16: The unique index 'kept_id' on source table '*' is used by Change Data Capture. To alter or drop the index, you must first disable Change Data Capture on the table.
INSERT dbo.kept VALUES (1, 1);
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT id, v FROM cdc.dbo_kept_CT
=> 1|1

--- case: other indexes come and go
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.other_index (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'other_index', @role_name = NULL;
GO
CREATE INDEX by_v ON dbo.other_index (v);
GO
INSERT dbo.other_index VALUES (1, 1);
GO
DROP INDEX by_v ON dbo.other_index;
GO
UPDATE dbo.other_index SET v = 2;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, v FROM cdc.dbo_other_index_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|1
=> 3|1
=> 4|2
SELECT COUNT(*) FROM cdc.ddl_history WHERE source_object_id = OBJECT_ID(N'dbo.other_index')
=> 0

--- case: captured columns stay those of the instance, whatever the table has
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-get-captured-columns-transact-sql
CREATE TABLE dbo.constant (id int NOT NULL PRIMARY KEY, a int NULL, b int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'constant', @role_name = NULL;
GO
ALTER TABLE dbo.constant DROP COLUMN a;
GO
ALTER TABLE dbo.constant ADD c int NULL;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT c.column_name, c.column_id, c.column_ordinal FROM cdc.captured_columns AS c JOIN cdc.change_tables AS t ON t.object_id = c.object_id WHERE t.capture_instance = N'dbo_constant' ORDER BY c.column_ordinal
=> id|1|1
=> a|2|2
=> b|3|3

--- case: a renamed table goes on being captured
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-rename-transact-sql
CREATE TABLE dbo.old_name (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'old_name', @role_name = NULL;
GO
INSERT dbo.old_name VALUES (1, 1);
GO
EXEC sp_rename N'dbo.old_name', N'new_name';
GO
INSERT dbo.new_name VALUES (2, 2);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT id, v FROM cdc.dbo_old_name_CT ORDER BY id;
SELECT OBJECT_NAME(source_object_id), capture_instance FROM cdc.change_tables WHERE capture_instance = N'dbo_old_name'
=> 1|1
=> 2|2
=> ;
=> new_name|dbo_old_name

--- case: a captured column cannot be renamed, another one can
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-4000-to-4999
CREATE TABLE dbo.named (id int NOT NULL PRIMARY KEY, a int NULL, b int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'named', @role_name = NULL, @captured_column_list = N'id, a';
GO
EXEC sp_rename N'dbo.named.a', N'c', N'COLUMN'
=> error 4928
EXEC sp_rename N'dbo.named.b', N'c', N'COLUMN'
GO
INSERT dbo.named VALUES (1, 2, 3)
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT id, a FROM cdc.dbo_named_CT
=> 1|2

--- case: a table that is dropped takes its instances along
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/administer-and-monitor-change-data-capture-sql-server
CREATE TABLE dbo.gone (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'gone', @role_name = NULL;
GO
INSERT dbo.gone VALUES (1);
GO
DROP TABLE dbo.gone;
GO
SELECT COUNT(*) FROM cdc.change_tables WHERE capture_instance = N'dbo_gone';
SELECT OBJECT_ID(N'cdc.dbo_gone_CT')
=> 0
=> ;
=> NULL
CREATE TABLE dbo.gone (id int NOT NULL PRIMARY KEY, again int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'gone', @role_name = NULL;
GO
INSERT dbo.gone VALUES (2, 2);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT id, again FROM cdc.dbo_gone_CT
=> 2|2

--- case: a column's change of type and changes of rows, in one transaction
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server#handling-changes-to-source-tables
CREATE TABLE dbo.mixed_type (id int NOT NULL PRIMARY KEY, v int NULL, w int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'mixed_type', @role_name = NULL;
GO
BEGIN TRANSACTION;
INSERT dbo.mixed_type VALUES (1, 1, 1);
ALTER TABLE dbo.mixed_type ALTER COLUMN v bigint NULL;
UPDATE dbo.mixed_type SET v = 9000000000;
ALTER TABLE dbo.mixed_type DROP COLUMN w;
INSERT dbo.mixed_type VALUES (2, 2);
COMMIT;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, id, v, w FROM cdc.dbo_mixed_type_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation;
SELECT COUNT(*), COUNT(DISTINCT h.ddl_lsn), COUNT(DISTINCT c.__$start_lsn), MIN(CASE WHEN h.ddl_lsn = c.__$start_lsn THEN 1 ELSE 0 END)
  FROM cdc.ddl_history h CROSS JOIN (SELECT DISTINCT __$start_lsn FROM cdc.dbo_mixed_type_CT) c WHERE h.source_object_id = OBJECT_ID(N'dbo.mixed_type')
=> 2|1|1|1
=> 3|1|1|1
=> 4|1|9000000000|1
=> 2|2|2|NULL
=> ;
=> 2|1|1|1

--- case: a narrower type that every captured value fits
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/known-issues-and-errors-change-data-capture#ddl-changes-to-source-tables
CREATE TABLE dbo.narrowed (id int NOT NULL PRIMARY KEY, v bigint NULL, w nvarchar(50) NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'narrowed', @role_name = NULL;
GO
INSERT dbo.narrowed VALUES (1, 100, N'short');
GO
ALTER TABLE dbo.narrowed ALTER COLUMN v smallint NULL;
GO
ALTER TABLE dbo.narrowed ALTER COLUMN w varchar(5) NULL;
GO
INSERT dbo.narrowed VALUES (2, 200, 'other');
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT id, v, w FROM cdc.dbo_narrowed_CT ORDER BY id;
SELECT name, TYPE_NAME(system_type_id), max_length FROM sys.columns WHERE object_id = OBJECT_ID(N'cdc.dbo_narrowed_CT') AND name IN (N'v', N'w') ORDER BY name;
SELECT required_column_update FROM cdc.ddl_history WHERE source_object_id = OBJECT_ID(N'dbo.narrowed')
=> 1|100|short
=> 2|200|other
=> ;
=> v|smallint|2
=> w|varchar|5
=> ;
=> 1
=> 1

--- case: a narrower type that a captured value does not fit ends in failing scans
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/known-issues-and-errors-change-data-capture#ddl-changes-to-source-tables
--- refused: an ALTER COLUMN that the change table cannot follow
CREATE TABLE dbo.too_narrow (id int NOT NULL PRIMARY KEY, w nvarchar(50) NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'too_narrow', @role_name = NULL;
GO
INSERT dbo.too_narrow VALUES (1, N'longer than five');
UPDATE dbo.too_narrow SET w = N'short'
GO
ALTER TABLE dbo.too_narrow ALTER COLUMN w nvarchar(5) NULL
