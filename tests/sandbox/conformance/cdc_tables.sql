-- Change data capture: the tables of the schema cdc and the procedures that report on them
--- setup
EXEC sys.sp_cdc_enable_db;
CREATE TABLE dbo.first_one (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'first_one', @role_name = NULL;
EXEC sys.sp_cdc_drop_job @job_type = N'capture';

--- case: change_tables has its documented columns
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-change-tables-transact-sql
SELECT c.name, TYPE_NAME(c.system_type_id), c.max_length FROM sys.columns AS c
WHERE c.object_id = OBJECT_ID(N'cdc.change_tables') AND c.name <> N'masking_function' ORDER BY c.column_id
=> object_id|int|4
=> version|int|4
=> source_object_id|int|4
=> capture_instance|nvarchar|256
=> start_lsn|binary|10
=> end_lsn|binary|10
=> supports_net_changes|bit|1
=> has_drop_pending|bit|1
=> role_name|nvarchar|256
=> index_name|nvarchar|256
=> filegroup_name|nvarchar|256
=> create_date|datetime|8
=> partition_switch|bit|1

--- case: captured_columns has its documented columns
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-captured-columns-transact-sql
SELECT c.name, TYPE_NAME(c.system_type_id), c.max_length FROM sys.columns AS c
WHERE c.object_id = OBJECT_ID(N'cdc.captured_columns') AND c.name <> N'masking_function' ORDER BY c.column_id
=> object_id|int|4
=> column_name|nvarchar|256
=> column_id|int|4
=> column_type|nvarchar|256
=> column_ordinal|int|4
=> is_computed|bit|1

--- case: index_columns has its documented columns
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-index-columns-transact-sql
SELECT c.name, TYPE_NAME(c.system_type_id), c.max_length FROM sys.columns AS c
WHERE c.object_id = OBJECT_ID(N'cdc.index_columns') AND c.name <> N'masking_function' ORDER BY c.column_id
=> object_id|int|4
=> column_name|nvarchar|256
=> index_ordinal|tinyint|1
=> column_id|int|4

--- case: ddl_history has its documented columns
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-ddl-history-transact-sql
SELECT c.name, TYPE_NAME(c.system_type_id), c.max_length FROM sys.columns AS c
WHERE c.object_id = OBJECT_ID(N'cdc.ddl_history') AND c.name <> N'masking_function' ORDER BY c.column_id
=> source_object_id|int|4
=> object_id|int|4
=> required_column_update|bit|1
=> ddl_command|nvarchar|-1
=> ddl_lsn|binary|10
=> ddl_time|datetime|8

--- case: lsn_time_mapping has its documented columns
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-lsn-time-mapping-transact-sql
SELECT c.name, TYPE_NAME(c.system_type_id), c.max_length FROM sys.columns AS c
WHERE c.object_id = OBJECT_ID(N'cdc.lsn_time_mapping') AND c.name <> N'masking_function' ORDER BY c.column_id
=> start_lsn|binary|10
=> tran_begin_time|datetime|8
=> tran_end_time|datetime|8
=> tran_id|varbinary|10
=> tran_begin_lsn|binary|10

--- case: a change table has five columns, the captured ones and the command
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.shape (id int NOT NULL PRIMARY KEY, name nvarchar(20) NOT NULL, price decimal(9, 2) NULL, big varchar(max) NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'shape', @role_name = NULL;
GO
SELECT name, TYPE_NAME(system_type_id), max_length, precision, scale, is_nullable FROM sys.columns WHERE object_id = OBJECT_ID(N'cdc.dbo_shape_CT') ORDER BY column_id
=> __$start_lsn|binary|10|0|0|0
=> __$end_lsn|binary|10|0|0|1
=> __$seqval|binary|10|0|0|0
=> __$operation|int|4|10|0|0
=> __$update_mask|varbinary|128|0|0|1
=> id|int|4|10|0|1
=> name|nvarchar|40|0|0|1
=> price|decimal|5|9|2|1
=> big|varchar|-1|0|0|1
=> __$command_id|int|4|10|0|1

--- case: a change table keeps collations, but neither identity nor computation nor defaults
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.plain (id int IDENTITY(1, 1) NOT NULL PRIMARY KEY, v int NULL DEFAULT 5, twice AS v * 2, s varchar(10) COLLATE Latin1_General_BIN2 NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'plain', @role_name = NULL;
GO
SELECT name, TYPE_NAME(system_type_id), is_identity, is_computed, default_object_id, collation_name FROM sys.columns
WHERE object_id = OBJECT_ID(N'cdc.dbo_plain_CT') AND name NOT LIKE N'[_][_]$%' ORDER BY column_id
=> id|int|0|0|0|NULL
=> v|int|0|0|0|NULL
=> twice|int|0|0|0|NULL
=> s|varchar|0|0|0|Latin1_General_BIN2

--- case: a change table is ordered by commit, command, sequence and operation; net changes bring an index of the key
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.indexed (id int NOT NULL PRIMARY KEY, v int NULL);
CREATE TABLE dbo.unkeyed (id int NOT NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'indexed', @role_name = NULL;
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'unkeyed', @role_name = NULL;
GO
SELECT name, type_desc, is_unique, is_primary_key FROM sys.indexes WHERE object_id = OBJECT_ID(N'cdc.dbo_indexed_CT') ORDER BY index_id
=> dbo_indexed_CT_clustered_idx|CLUSTERED|1|0
=> dbo_indexed_CT_idx|NONCLUSTERED|1|0
SELECT c.name FROM sys.index_columns AS i JOIN sys.columns AS c ON c.object_id = i.object_id AND c.column_id = i.column_id
WHERE i.object_id = OBJECT_ID(N'cdc.dbo_indexed_CT') AND i.index_id = 1 ORDER BY i.key_ordinal
=> __$start_lsn
=> __$command_id
=> __$seqval
=> __$operation
SELECT COUNT(*) FROM sys.indexes WHERE object_id = OBJECT_ID(N'cdc.dbo_unkeyed_CT')
=> 1

--- case: an instance has a function of all changes and perhaps one of net changes
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql
CREATE TABLE dbo.with_net (id int NOT NULL PRIMARY KEY);
CREATE TABLE dbo.without_net (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'with_net', @role_name = NULL;
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'without_net', @role_name = NULL, @supports_net_changes = 0;
GO
SELECT name, RTRIM(type), type_desc FROM sys.objects WHERE schema_id = SCHEMA_ID(N'cdc') AND name LIKE N'fn%with%net' ORDER BY name
=> fn_cdc_get_all_changes_dbo_with_net|IF|SQL_INLINE_TABLE_VALUED_FUNCTION
=> fn_cdc_get_all_changes_dbo_without_net|IF|SQL_INLINE_TABLE_VALUED_FUNCTION
=> fn_cdc_get_net_changes_dbo_with_net|IF|SQL_INLINE_TABLE_VALUED_FUNCTION
SELECT CASE WHEN OBJECT_ID(N'cdc.fn_cdc_get_all_changes_dbo_without_net') IS NULL THEN 0 ELSE 1 END, CASE WHEN OBJECT_ID(N'cdc.fn_cdc_get_net_changes_dbo_without_net') IS NULL THEN 0 ELSE 1 END
=> 1|0
EXEC sys.sp_cdc_disable_table @source_schema = N'dbo', @source_name = N'with_net', @capture_instance = N'all';
GO
SELECT COUNT(*) FROM sys.objects WHERE schema_id = SCHEMA_ID(N'cdc') AND name LIKE N'fn_cdc_get%dbo_with_net'
=> 0

--- case: change_tables says what an instance is
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-change-tables-transact-sql
CREATE TABLE dbo.described (id int NOT NULL CONSTRAINT described_pk PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'described', @role_name = NULL;
GO
SELECT OBJECT_NAME(object_id), OBJECT_NAME(source_object_id), capture_instance, end_lsn, supports_net_changes, role_name, index_name, filegroup_name, partition_switch
FROM cdc.change_tables WHERE capture_instance = N'dbo_described'
=> dbo_described_CT|described|dbo_described|NULL|1|NULL|described_pk|NULL|1
SELECT CASE WHEN create_date BETWEEN DATEADD(minute, -10, GETDATE()) AND DATEADD(minute, 1, GETDATE()) THEN 1 ELSE 0 END FROM cdc.change_tables WHERE capture_instance = N'dbo_described'
=> 1

--- case: captured_columns has the types and marks computed columns
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-captured-columns-transact-sql
CREATE TABLE dbo.typed (id bigint NOT NULL PRIMARY KEY, a decimal(9, 2) NULL, b nvarchar(50) NULL, c varbinary(max) NULL, d datetime2(3) NULL, e AS id + 1);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'typed', @role_name = NULL;
GO
SELECT c.column_name, c.column_id, c.column_type, c.column_ordinal, c.is_computed FROM cdc.captured_columns AS c
JOIN cdc.change_tables AS t ON t.object_id = c.object_id WHERE t.capture_instance = N'dbo_typed' ORDER BY c.column_ordinal
=> id|1|bigint|1|0
=> a|2|decimal|2|0
=> b|3|nvarchar|3|0
=> c|4|varbinary|4|0
=> d|5|datetime2|5|0
=> e|6|bigint|6|1

--- case: index_columns has the primary key in its order
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-index-columns-transact-sql
CREATE TABLE dbo.two_keys (a int NOT NULL, b int NOT NULL, v int NULL, PRIMARY KEY (b, a));
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'two_keys', @role_name = NULL;
GO
SELECT i.column_name, i.index_ordinal, i.column_id FROM cdc.index_columns AS i JOIN cdc.change_tables AS t ON t.object_id = i.object_id
WHERE t.capture_instance = N'dbo_two_keys' ORDER BY i.index_ordinal
=> b|1|2
=> a|2|1

--- case: a table without a key has no index columns
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-index-columns-transact-sql
CREATE TABLE dbo.no_keys (a int NOT NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'no_keys', @role_name = NULL;
GO
SELECT index_name FROM cdc.change_tables WHERE capture_instance = N'dbo_no_keys'
=> NULL
SELECT COUNT(*) FROM cdc.index_columns AS i JOIN cdc.change_tables AS t ON t.object_id = i.object_id WHERE t.capture_instance = N'dbo_no_keys'
=> 0

--- case: lsn_time_mapping has a row for each captured transaction
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-lsn-time-mapping-transact-sql
CREATE TABLE dbo.mapped (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'mapped', @role_name = NULL;
GO
INSERT dbo.mapped VALUES (1);
GO
BEGIN TRANSACTION;
INSERT dbo.mapped VALUES (2);
INSERT dbo.mapped VALUES (3);
COMMIT;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT COUNT(DISTINCT m.start_lsn), COUNT(*) FROM cdc.dbo_mapped_CT AS c JOIN cdc.lsn_time_mapping AS m ON m.start_lsn = c.__$start_lsn
=> 2|3
SELECT COUNT(*) FROM cdc.dbo_mapped_CT AS c JOIN cdc.lsn_time_mapping AS m ON m.start_lsn = c.__$start_lsn
WHERE m.tran_begin_time <= m.tran_end_time AND m.tran_begin_lsn < m.start_lsn AND m.tran_id <> 0x00
AND c.__$seqval BETWEEN m.tran_begin_lsn AND m.start_lsn AND m.tran_end_time BETWEEN DATEADD(minute, -10, GETDATE()) AND DATEADD(minute, 1, GETDATE())
=> 3

--- case: commit times rise with the LSNs
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-lsn-time-mapping-transact-sql
CREATE TABLE dbo.rising (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'rising', @role_name = NULL;
GO
INSERT dbo.rising VALUES (1);
GO
INSERT dbo.rising VALUES (2);
GO
INSERT dbo.rising VALUES (3);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT COUNT(*) FROM cdc.lsn_time_mapping AS a JOIN cdc.lsn_time_mapping AS b ON b.start_lsn > a.start_lsn AND b.tran_end_time < a.tran_end_time
=> 0
SELECT id FROM cdc.dbo_rising_CT ORDER BY __$start_lsn
=> 1
=> 2
=> 3

--- case: help tells of one table
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-help-change-data-capture-transact-sql
CREATE TABLE dbo.helped (id int NOT NULL CONSTRAINT helped_pk PRIMARY KEY, v int NULL, w int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'helped', @role_name = NULL, @captured_column_list = N'id, v';
CREATE TABLE #help (source_schema sysname, source_table sysname, capture_instance sysname, object_id int, source_object_id int, start_lsn binary(10) NULL, end_lsn binary(10) NULL,
    supports_net_changes bit, has_drop_pending bit NULL, role_name sysname NULL, index_name sysname NULL, filegroup_name sysname NULL, create_date datetime, index_column_list nvarchar(max) NULL, captured_column_list nvarchar(max) NULL);
INSERT #help EXEC sys.sp_cdc_help_change_data_capture @source_schema = N'dbo', @source_name = N'helped';
SELECT source_schema, source_table, capture_instance, OBJECT_NAME(object_id), OBJECT_NAME(source_object_id), supports_net_changes, role_name, index_name, filegroup_name, index_column_list, captured_column_list FROM #help
=> dbo|helped|dbo_helped|dbo_helped_CT|helped|1|NULL|helped_pk|NULL|[id]|[id], [v]

--- case: help tells of all tables, a row an instance
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-help-change-data-capture-transact-sql
--- database: own
CREATE TABLE dbo.a (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'a', @role_name = NULL;
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'a', @role_name = NULL, @capture_instance = N'a_2';
CREATE TABLE #help (source_schema sysname, source_table sysname, capture_instance sysname, object_id int, source_object_id int, start_lsn binary(10) NULL, end_lsn binary(10) NULL,
    supports_net_changes bit, has_drop_pending bit NULL, role_name sysname NULL, index_name sysname NULL, filegroup_name sysname NULL, create_date datetime, index_column_list nvarchar(max) NULL, captured_column_list nvarchar(max) NULL);
INSERT #help EXEC sys.sp_cdc_help_change_data_capture;
SELECT source_table, capture_instance FROM #help ORDER BY source_table, capture_instance
=> a|a_2
=> a|dbo_a
=> first_one|dbo_first_one

--- case: captured columns are reported with the facets of their types
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-get-captured-columns-transact-sql
CREATE TABLE dbo.facets (id int NOT NULL PRIMARY KEY, a decimal(9, 2) NULL, b nvarchar(50) NULL, c varchar(max) NULL, d datetime2(3) NULL, e float NULL, f bit NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'facets', @role_name = NULL;
CREATE TABLE #columns (source_schema sysname, source_table sysname, capture_instance sysname, column_name sysname, column_id int, column_ordinal int, data_type sysname,
    character_maximum_length int NULL, numeric_precision tinyint NULL, numeric_precision_radix smallint NULL, numeric_scale int NULL, datetime_precision smallint NULL);
INSERT #columns EXEC sys.sp_cdc_get_captured_columns @capture_instance = N'dbo_facets';
SELECT source_schema, source_table, capture_instance, column_name, column_id, column_ordinal, data_type FROM #columns ORDER BY column_ordinal
=> dbo|facets|dbo_facets|id|1|1|int
=> dbo|facets|dbo_facets|a|2|2|decimal
=> dbo|facets|dbo_facets|b|3|3|nvarchar
=> dbo|facets|dbo_facets|c|4|4|varchar
=> dbo|facets|dbo_facets|d|5|5|datetime2
=> dbo|facets|dbo_facets|e|6|6|float
=> dbo|facets|dbo_facets|f|7|7|bit
SELECT column_name, character_maximum_length, numeric_precision, numeric_precision_radix, numeric_scale, datetime_precision FROM #columns ORDER BY column_ordinal
=> id|NULL|10|10|0|NULL
=> a|NULL|9|10|2|NULL
=> b|50|NULL|NULL|NULL|NULL
=> c|-1|NULL|NULL|NULL|NULL
=> d|NULL|NULL|NULL|NULL|3
=> e|NULL|53|2|NULL|NULL
=> f|NULL|NULL|NULL|NULL|NULL
