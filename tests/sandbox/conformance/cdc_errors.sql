-- Change data capture: what the procedures refuse, with numbers and texts
--- setup
EXEC sys.sp_cdc_enable_db;
CREATE TABLE dbo.first_one (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'first_one', @role_name = NULL;
EXEC sys.sp_cdc_drop_job @job_type = N'capture';

--- case: @role_name must be given, if only as NULL
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql
CREATE TABLE dbo.no_role (id int NOT NULL PRIMARY KEY);
GO
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'no_role';
=> error 201 level 16: Procedure or function 'sp_cdc_enable_table' expects parameter '@role_name', which was not supplied.

--- case: @role_name must not be empty
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
CREATE TABLE dbo.empty_role (id int NOT NULL PRIMARY KEY);
GO
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'empty_role', @role_name = N'';
=> error 22907 level 16: Parameter @role_name cannot be empty. Specify a value for @role_name and retry the operation. Supply null as the value if no role is to be used to gate access to captured change data.

--- case: a parameter that does not exist
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'first_one', @role_name = NULL, @colour = N'red';
=> error 8145 level 16: @colour is not a parameter for procedure sp_cdc_enable_table.

--- case: too many arguments
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
EXEC sys.sp_cdc_help_change_data_capture N'dbo', N'first_one', N'more';
=> error 8144 level 16: Procedure or function sp_cdc_help_change_data_capture has too many arguments specified.

--- case: @source_schema and @source_name must not be NULL
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
EXEC sys.sp_cdc_enable_table @source_schema = NULL, @source_name = N'first_one', @role_name = NULL;
=> error 22963 level 16: Parameter '*' cannot be null or empty. Specify a value for the named parameter and retry the operation.
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = NULL, @role_name = NULL;
=> error 22963 level 16: Parameter '*' cannot be null or empty. Specify a value for the named parameter and retry the operation.

--- case: the source table must exist
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'missing', @role_name = NULL;
=> error 22931 level 16: Source table 'dbo.missing' does not exist in the current database. Ensure that the correct database context is set. Specify a valid schema and table name for the database.

--- case: a temporary table is none of the database's
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
CREATE TABLE #temporary (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'#temporary', @role_name = NULL;
=> error 22931 level 16: *

--- case: tables of the schema cdc cannot be enabled
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
EXEC sys.sp_cdc_enable_table @source_schema = N'cdc', @source_name = N'change_tables', @role_name = NULL;
=> error 22974 level 16: Tables contained in the cdc schema cannot be enabled for Change Data Capture.

--- case: names of instances are unique in the database
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
CREATE TABLE dbo.same_name (id int NOT NULL PRIMARY KEY);
GO
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'same_name', @role_name = NULL, @capture_instance = N'dbo_first_one';
=> error 22926 level 16: Could not create a capture instance because the capture instance name 'dbo_first_one' already exists in the current database. Specify an explicit unique name for the parameter @capture_instance.

--- case: the second instance of a table needs a name of its own
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'first_one', @role_name = NULL;
=> error 22926 level 16: *'dbo_first_one'*

--- case: an instance's name has at most 100 characters
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
CREATE TABLE dbo.long_name (id int NOT NULL PRIMARY KEY);
DECLARE @hundred sysname = REPLICATE(N'n', 100);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'long_name', @role_name = NULL, @capture_instance = @hundred;
GO
SELECT LEN(capture_instance) FROM cdc.change_tables WHERE source_object_id = OBJECT_ID(N'dbo.long_name')
=> 100
DECLARE @more sysname = REPLICATE(N'n', 101);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'long_name', @role_name = NULL, @capture_instance = @more;
=> error 22927 level 16: Capture instance name '*' exceeds the length limit of 100 characters. Specify a name that satisfies the length constraint.

--- case: a derived name that is too long is refused too
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql
CREATE TABLE dbo.a_table_whose_name_is_so_long_that_together_with_its_schema_it_makes_more_than_a_hundred_characters (id int NOT NULL PRIMARY KEY);
GO
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'a_table_whose_name_is_so_long_that_together_with_its_schema_it_makes_more_than_a_hundred_characters', @role_name = NULL;
=> error 22927 level 16: *

--- case: the named index must be one of the table's
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
CREATE TABLE dbo.no_index (id int NOT NULL PRIMARY KEY);
GO
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'no_index', @role_name = NULL, @index_name = N'nowhere';
=> error 22928 level 16: Index name 'nowhere' is not an index for table 'dbo.no_index'. Specify a valid index name for the table.

--- case: the named index must be unique
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
CREATE TABLE dbo.not_unique (id int NOT NULL PRIMARY KEY, v int NOT NULL);
CREATE INDEX by_v ON dbo.not_unique (v);
GO
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'not_unique', @role_name = NULL, @index_name = N'by_v';
=> error 22929 level 16: Index 'by_v' must be either a primary key or a unique index for table 'dbo.not_unique'. Specify an index that meets at least one of these requirements.

--- case: columns of the named index must not allow NULL
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
CREATE TABLE dbo.nullable_key (id int NOT NULL PRIMARY KEY, v int NULL);
CREATE UNIQUE INDEX by_v ON dbo.nullable_key (v);
GO
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'nullable_key', @role_name = NULL, @index_name = N'by_v', @supports_net_changes = 1;
=> error 22838 level 16: All columns of a CDC unique index must be defined as NOT NULL. Index 'by_v' selected as the CDC unique index for source table 'dbo.nullable_key' does not meet this requirement. Define all columns of the selected index as NOT NULL or select another unique index as the CDC index and resubmit the request.

--- case: net changes need a primary key or a unique index
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
CREATE TABLE dbo.no_key (id int NOT NULL);
GO
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'no_key', @role_name = NULL, @supports_net_changes = 1;
=> error 22939 level 16: The parameter @supports_net_changes is set to 1, but the source table does not have a primary key defined and no alternate unique index has been specified.

--- case: net changes need every column of the key
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
CREATE TABLE dbo.half_key (a int NOT NULL, b int NOT NULL, v int NULL, PRIMARY KEY (a, b));
GO
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'half_key', @role_name = NULL, @supports_net_changes = 1, @captured_column_list = N'a, v';
=> error 22943 level 16: Columns used to uniquely identify a row for net change tracking must be included in the list of captured columns. Add either the primary key columns of the source table, or the columns defined for the index specified in the parameter @index_name to the list of captured columns and retry the operation.

--- case: net changes go by at most 14 columns
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
CREATE TABLE dbo.wide_key (
    a int NOT NULL, b int NOT NULL, c int NOT NULL, d int NOT NULL, e int NOT NULL, f int NOT NULL, g int NOT NULL, h int NOT NULL,
    i int NOT NULL, j int NOT NULL, k int NOT NULL, l int NOT NULL, m int NOT NULL, n int NOT NULL, o int NOT NULL,
    CONSTRAINT wide_pk PRIMARY KEY (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o));
GO
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'wide_key', @role_name = NULL, @supports_net_changes = 1;
=> error 22865 level 16: The number of columns in the index 'wide_pk', used as the unique row identifier to support net changes for table 'dbo'.'wide_key', exceeds the limit of 14 columns. *
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'wide_key', @role_name = NULL, @supports_net_changes = 0;

--- case: listed columns must be the table's
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
CREATE TABLE dbo.bad_column (id int NOT NULL PRIMARY KEY);
GO
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'bad_column', @role_name = NULL, @captured_column_list = N'id, nowhere';
=> error 22930 level 16: Could not locate 'nowhere' as a column of source table 'dbo.bad_column'. Specify a valid column name.

--- case: quotes in the list of columns must be closed
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
CREATE TABLE dbo.open_quote (id int NOT NULL PRIMARY KEY);
GO
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'open_quote', @role_name = NULL, @captured_column_list = N'[id';
=> error 22965 level 16: A quoted column in the column list is not properly terminated. Verify that columns are correctly delimited and retry the operation. For more information, see 'Delimited Identifiers' in Books Online.

--- case: names that change tables need cannot be captured
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
CREATE TABLE dbo.reserved (id int NOT NULL PRIMARY KEY, [__$operation] int NULL);
GO
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'reserved', @role_name = NULL;
=> error 22975 level 16: Source table '*' contains one of the following reserved column names: __$start_lsn, __$end_lsn, __$seqval, __$operation, and __$update_mask. To enable Change Data Capture for this table, specify a captured column list and ensure that these columns are excluded from the list.
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'reserved', @role_name = NULL, @captured_column_list = N'id';

--- case: the filegroup must exist
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
CREATE TABLE dbo.bad_group (id int NOT NULL PRIMARY KEY);
GO
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'bad_group', @role_name = NULL, @filegroup_name = N'nowhere';
=> error 22973 level 16: The specified filegroup 'nowhere' is not a valid filegroup for database '*'. Specify a valid existing filegroup or create the named filegroup, and retry the operation.

--- case: a refused table stays as it was
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql
CREATE TABLE dbo.untouched (id int NOT NULL PRIMARY KEY);
GO
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'untouched', @role_name = N'role_of_untouched', @captured_column_list = N'id, nowhere';
=> error 22930 level 16: *
SELECT is_tracked_by_cdc FROM sys.tables WHERE name = N'untouched'
=> 0
SELECT COUNT(*) FROM sys.tables WHERE name = N'dbo_untouched_CT'
=> 0

--- case: a table that is not enabled cannot be disabled
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
CREATE TABLE dbo.never_on (id int NOT NULL PRIMARY KEY);
GO
EXEC sys.sp_cdc_disable_table @source_schema = N'dbo', @source_name = N'never_on', @capture_instance = N'all';
=> error 22985 level 16: Change data capture has not been enabled for source table 'dbo.never_on'. Specify the name of a table enabled for Change Data Capture. To report on the tables enabled for Change Data Capture, query the is_tracked_by_cdc column in the sys.tables catalog view.

--- case: an instance that the table does not have cannot be disabled
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
EXEC sys.sp_cdc_disable_table @source_schema = N'dbo', @source_name = N'first_one', @capture_instance = N'other';
=> error 22960 level 16: Change data capture instance 'other' has not been enabled for the source table 'dbo.first_one'. Use sys.sp_cdc_help_change_data_capture to verify the capture instance name and retry the operation.

--- case: the instance to disable must be named
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-disable-table-transact-sql
EXEC sys.sp_cdc_disable_table @source_schema = N'dbo', @source_name = N'first_one';
=> error 201 level 16: Procedure or function 'sp_cdc_disable_table' expects parameter '@capture_instance', which was not supplied.
EXEC sys.sp_cdc_disable_table @source_schema = N'dbo', @source_name = N'first_one', @capture_instance = NULL;
=> error 22963 level 16: *

--- case: the table to disable must exist
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
EXEC sys.sp_cdc_disable_table @source_schema = N'dbo', @source_name = N'missing', @capture_instance = N'all';
=> error 22931 level 16: Source table 'dbo.missing' does not exist in the current database. *

--- case: help needs both names or neither
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
EXEC sys.sp_cdc_help_change_data_capture @source_schema = N'dbo';
=> error 22972 level 16: When calling stored procedure [sys].sp_cdc_help_change_data capture, if either @source_schema or @source_name is non-null and non-empty, the other parameter must also be non-null and non-empty.
EXEC sys.sp_cdc_help_change_data_capture @source_name = N'first_one';
=> error 22972 level 16: *

--- case: help on a table that is not enabled
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
CREATE TABLE dbo.not_on (id int NOT NULL PRIMARY KEY);
GO
EXEC sys.sp_cdc_help_change_data_capture @source_schema = N'dbo', @source_name = N'not_on';
=> error 22985 level 16: Change data capture has not been enabled for source table 'dbo.not_on'. *

--- case: reports on an instance that is not there
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-get-captured-columns-transact-sql
EXEC sys.sp_cdc_get_captured_columns @capture_instance = N'nowhere';
=> error 22981 level 16: Object does not exist or access is denied.

--- case: cleaning up where nothing is enabled
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
--- database: own
EXEC sys.sp_cdc_disable_db;
GO
EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'dbo_first_one', @low_water_mark = NULL;
=> error 22910 level 16: The cleanup request for database '*' failed.  The database is not enabled for Change Data Capture.

--- case: cleaning up needs a positive threshold
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'dbo_first_one', @low_water_mark = NULL, @threshold = 0;
=> error 22850 level 16: The threshold value specified for the Change Data Capture cleanup process must be greater than 0. *

--- case: cleaning up goes by a captured commit
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-cleanup-change-table-transact-sql
EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'dbo_first_one', @low_water_mark = 0x00000000000000000001;
=> error 22964 level 16: LSN *, specified as the new low end point for change table cleanup must represent the start_lsn value of a current entry in the cdc.lsn_time_mapping table. Choose an LSN value that satisfies this requirement.

--- case: jobs of a database that is not enabled
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999
--- database: own
EXEC sys.sp_cdc_disable_db;
GO
EXEC sys.sp_cdc_help_jobs;
=> error 22901 level 16: *
EXEC sys.sp_cdc_change_job @job_type = N'capture', @maxtrans = 10;
=> error 22901 level 16: *
EXEC sys.sp_cdc_add_job @job_type = N'capture';
=> error 22901 level 16: *
EXEC sys.sp_cdc_scan;
=> error 22901 level 16: *

--- case: net changes of an instance without them are no object
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-net-changes-capture-instance-transact-sql
CREATE TABLE dbo.no_net (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'no_net', @role_name = NULL, @supports_net_changes = 0;
GO
SELECT id FROM cdc.fn_cdc_get_net_changes_dbo_no_net(sys.fn_cdc_get_min_lsn(N'dbo_no_net'), sys.fn_cdc_get_max_lsn(), N'all')
=> error 208 level 16: Invalid object name 'cdc.fn_cdc_get_net_changes_dbo_no_net'.

--- case: changes of an instance that is not there are no object
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-all-changes-capture-instance-transact-sql
SELECT 1 FROM cdc.fn_cdc_get_all_changes_dbo_nowhere(0x01, 0x02, N'all')
=> error 208 level 16: Invalid object name 'cdc.fn_cdc_get_all_changes_dbo_nowhere'.

--- case: a wrapper of the query functions is not generated
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-generate-wrapper-function-transact-sql
--- refused: the wrapper is a function in T-SQL that nobody here calls
CREATE TABLE #wrappers (function_name nvarchar(145), create_script nvarchar(max));
INSERT #wrappers EXEC sys.sp_cdc_generate_wrapper_function @capture_instance = N'dbo_first_one';
SELECT function_name FROM #wrappers ORDER BY function_name
=> fn_all_changes_dbo_first_one
=> fn_net_changes_dbo_first_one

--- case: the log reader's own procedures are left to the capture job
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-repldone-transact-sql
--- refused: a wrong call loses changes; nobody but the capture job has to call them
EXEC sp_repldone @xactid = NULL, @xact_seqno = NULL, @numtrans = 0, @time = 0, @reset = 1;
GO
SELECT 1
=> 1
