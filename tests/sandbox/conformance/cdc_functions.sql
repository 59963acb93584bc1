-- Change data capture: its functions
--- setup
EXEC sys.sp_cdc_enable_db;
CREATE TABLE dbo.first_one (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'first_one', @role_name = NULL;
EXEC sys.sp_cdc_drop_job @job_type = N'capture';

--- case: the maximum is that of the captured transactions
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/sys-fn-cdc-get-max-lsn-transact-sql
CREATE TABLE dbo.maximum (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'maximum', @role_name = NULL;
GO
INSERT dbo.maximum VALUES (1);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT CASE WHEN sys.fn_cdc_get_max_lsn() = (SELECT MAX(start_lsn) FROM cdc.lsn_time_mapping) THEN 1 ELSE 0 END, DATALENGTH(sys.fn_cdc_get_max_lsn())
=> 1|10
SELECT CASE WHEN sys.fn_cdc_get_max_lsn() >= (SELECT MAX(__$start_lsn) FROM cdc.dbo_maximum_CT) THEN 1 ELSE 0 END
=> 1

--- case: the minimum is the low end point of the instance
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/sys-fn-cdc-get-min-lsn-transact-sql
CREATE TABLE dbo.minimum (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'minimum', @role_name = NULL;
GO
INSERT dbo.minimum VALUES (1);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT CASE WHEN sys.fn_cdc_get_min_lsn(N'dbo_minimum') = start_lsn THEN 1 ELSE 0 END, CASE WHEN sys.fn_cdc_get_min_lsn(N'DBO_MINIMUM') = start_lsn THEN 1 ELSE 0 END
FROM cdc.change_tables WHERE capture_instance = N'dbo_minimum'
=> 1|1
SELECT CASE WHEN sys.fn_cdc_get_min_lsn(N'dbo_minimum') <= MIN(__$start_lsn) THEN 1 ELSE 0 END FROM cdc.dbo_minimum_CT
=> 1

--- case: an instance that is not there has the minimum zero
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/sys-fn-cdc-get-min-lsn-transact-sql
SELECT sys.fn_cdc_get_min_lsn(N'nowhere')
=> 0x00000000000000000000

--- case: LSNs are counted up and down over all their bytes
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/sys-fn-cdc-increment-lsn-transact-sql
SELECT sys.fn_cdc_increment_lsn(0x00000026000005F00003), sys.fn_cdc_increment_lsn(0x000000000000000000FF), sys.fn_cdc_increment_lsn(0x00000026FFFFFFFFFFFF)
=> 0x00000026000005F00004|0x00000000000000000100|0x00000027000000000000
SELECT sys.fn_cdc_decrement_lsn(0x00000026000005F00003), sys.fn_cdc_decrement_lsn(0x00000000000000000100), sys.fn_cdc_decrement_lsn(0x00000027000000000000)
=> 0x00000026000005F00002|0x000000000000000000FF|0x00000026FFFFFFFFFFFF
SELECT sys.fn_cdc_decrement_lsn(sys.fn_cdc_increment_lsn(0x00000026000005F00003))
=> 0x00000026000005F00003

--- case: an LSN maps to the time of its commit
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/sys-fn-cdc-map-lsn-to-time-transact-sql
CREATE TABLE dbo.to_time (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'to_time', @role_name = NULL;
GO
INSERT dbo.to_time VALUES (1);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT CASE WHEN sys.fn_cdc_map_lsn_to_time(c.__$start_lsn) = m.tran_end_time THEN 1 ELSE 0 END FROM cdc.dbo_to_time_CT AS c JOIN cdc.lsn_time_mapping AS m ON m.start_lsn = c.__$start_lsn
=> 1
SELECT sys.fn_cdc_map_lsn_to_time(0x00000000000000000001)
=> NULL

--- case: a time maps to the LSN next to it, by four operators
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/sys-fn-cdc-map-time-to-lsn-transact-sql
CREATE TABLE dbo.to_lsn (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'to_lsn', @role_name = NULL;
GO
INSERT dbo.to_lsn VALUES (1);
WAITFOR DELAY '00:00:00.050';
INSERT dbo.to_lsn VALUES (2);
WAITFOR DELAY '00:00:00.050';
INSERT dbo.to_lsn VALUES (3);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
DECLARE @a binary(10) = (SELECT __$start_lsn FROM cdc.dbo_to_lsn_CT WHERE id = 1), @b binary(10) = (SELECT __$start_lsn FROM cdc.dbo_to_lsn_CT WHERE id = 2), @c binary(10) = (SELECT __$start_lsn FROM cdc.dbo_to_lsn_CT WHERE id = 3);
DECLARE @time datetime = sys.fn_cdc_map_lsn_to_time(@b);
SELECT CASE WHEN sys.fn_cdc_map_time_to_lsn('largest less than', @time) = @a THEN 1 ELSE 0 END,
    CASE WHEN sys.fn_cdc_map_time_to_lsn('largest less than or equal', @time) = @b THEN 1 ELSE 0 END,
    CASE WHEN sys.fn_cdc_map_time_to_lsn('smallest greater than', @time) = @c THEN 1 ELSE 0 END,
    CASE WHEN sys.fn_cdc_map_time_to_lsn('smallest greater than or equal', @time) = @b THEN 1 ELSE 0 END
=> 1|1|1|1

--- case: times before and after everything map to the ends or to nothing
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/sys-fn-cdc-map-time-to-lsn-transact-sql
CREATE TABLE dbo.ends_of_time (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'ends_of_time', @role_name = NULL;
GO
INSERT dbo.ends_of_time VALUES (1);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT sys.fn_cdc_map_time_to_lsn('largest less than', '2001-01-01'), sys.fn_cdc_map_time_to_lsn('largest less than or equal', '2001-01-01'),
    CASE WHEN sys.fn_cdc_map_time_to_lsn('smallest greater than', '2001-01-01') = (SELECT MIN(start_lsn) FROM cdc.lsn_time_mapping) THEN 1 ELSE 0 END,
    CASE WHEN sys.fn_cdc_map_time_to_lsn('largest less than or equal', '2199-01-01') = sys.fn_cdc_get_max_lsn() THEN 1 ELSE 0 END,
    sys.fn_cdc_map_time_to_lsn('smallest greater than or equal', '2199-01-01')
=> NULL|NULL|1|1|NULL

--- case: bits of a mask are counted from the last byte
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/sys-fn-cdc-is-bit-set-transact-sql
SELECT sys.fn_cdc_is_bit_set(1, 0x01), sys.fn_cdc_is_bit_set(2, 0x01), sys.fn_cdc_is_bit_set(3, 0x04), sys.fn_cdc_is_bit_set(8, 0x80)
=> 1|0|1|1
SELECT sys.fn_cdc_is_bit_set(1, 0x0100), sys.fn_cdc_is_bit_set(9, 0x0100), sys.fn_cdc_is_bit_set(16, 0x8000), sys.fn_cdc_is_bit_set(17, 0x010000)
=> 0|1|1|1

--- case: the ordinal of a column is that of the instance
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/sys-fn-cdc-get-column-ordinal-transact-sql
CREATE TABLE dbo.ordinal (a int NULL, id int NOT NULL PRIMARY KEY, b int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'ordinal', @role_name = NULL, @captured_column_list = N'id, b';
GO
SELECT sys.fn_cdc_get_column_ordinal(N'dbo_ordinal', N'id'), sys.fn_cdc_get_column_ordinal(N'dbo_ordinal', N'B'), sys.fn_cdc_get_column_ordinal(N'dbo_ordinal', N'a'), sys.fn_cdc_get_column_ordinal(N'nowhere', N'id')
=> 1|2|NULL|NULL

--- case: whether a column changed is told by the mask
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/sys-fn-cdc-has-column-changed-transact-sql
CREATE TABLE dbo.has_changed (id int NOT NULL PRIMARY KEY, a int NULL, b int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'has_changed', @role_name = NULL;
GO
INSERT dbo.has_changed VALUES (1, 1, 1);
GO
UPDATE dbo.has_changed SET b = 2;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, sys.fn_cdc_has_column_changed(N'dbo_has_changed', N'a', __$update_mask), sys.fn_cdc_has_column_changed(N'dbo_has_changed', N'b', __$update_mask),
    sys.fn_cdc_is_bit_set(sys.fn_cdc_get_column_ordinal(N'dbo_has_changed', N'b'), __$update_mask) FROM cdc.dbo_has_changed_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|1|1|1
=> 3|0|1|1
=> 4|0|1|1

--- case: all changes leave out the rows before updates, unless they are asked for
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-all-changes-capture-instance-transact-sql
CREATE TABLE dbo.every (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'every', @role_name = NULL;
GO
INSERT dbo.every VALUES (1, 1);
GO
UPDATE dbo.every SET v = 2;
GO
DELETE dbo.every;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, v FROM cdc.fn_cdc_get_all_changes_dbo_every(sys.fn_cdc_get_min_lsn(N'dbo_every'), sys.fn_cdc_get_max_lsn(), N'all') ORDER BY __$start_lsn, __$seqval, __$operation
=> 2|0x03|1|1
=> 4|0x02|1|2
=> 1|0x03|1|2
SELECT __$operation, __$update_mask, id, v FROM cdc.fn_cdc_get_all_changes_dbo_every(sys.fn_cdc_get_min_lsn(N'dbo_every'), sys.fn_cdc_get_max_lsn(), N'all update old') ORDER BY __$start_lsn, __$seqval, __$operation
=> 2|0x03|1|1
=> 3|0x02|1|1
=> 4|0x02|1|2
=> 1|0x03|1|2

--- case: all changes are those from one LSN to another, both included
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-all-changes-capture-instance-transact-sql
CREATE TABLE dbo.ranged (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'ranged', @role_name = NULL;
GO
INSERT dbo.ranged VALUES (1);
GO
INSERT dbo.ranged VALUES (2);
GO
INSERT dbo.ranged VALUES (3);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
DECLARE @a binary(10) = (SELECT __$start_lsn FROM cdc.dbo_ranged_CT WHERE id = 1), @b binary(10) = (SELECT __$start_lsn FROM cdc.dbo_ranged_CT WHERE id = 2);
SELECT id FROM cdc.fn_cdc_get_all_changes_dbo_ranged(@a, @b, N'all') ORDER BY id;
SELECT id FROM cdc.fn_cdc_get_all_changes_dbo_ranged(@b, @b, N'all');
SELECT id FROM cdc.fn_cdc_get_all_changes_dbo_ranged(sys.fn_cdc_increment_lsn(@a), sys.fn_cdc_get_max_lsn(), N'all') ORDER BY id
=> 1
=> 2
=> ;
=> 2
=> ;
=> 2
=> 3

--- case: all changes of nothing are no rows
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-all-changes-capture-instance-transact-sql
CREATE TABLE dbo.nothing (id int NOT NULL PRIMARY KEY);
CREATE TABLE dbo.something (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'nothing', @role_name = NULL;
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'something', @role_name = NULL;
GO
INSERT dbo.something VALUES (1);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT id FROM cdc.fn_cdc_get_all_changes_dbo_nothing(sys.fn_cdc_get_min_lsn(N'dbo_nothing'), sys.fn_cdc_get_max_lsn(), N'all')
=> (none)

--- case: all changes have no column of commands
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-all-changes-capture-instance-transact-sql
CREATE TABLE dbo.columns_of_all (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'columns_of_all', @role_name = NULL;
GO
INSERT dbo.columns_of_all VALUES (1);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT DATALENGTH(__$start_lsn), DATALENGTH(__$seqval), __$operation, __$update_mask, id FROM cdc.fn_cdc_get_all_changes_dbo_columns_of_all(sys.fn_cdc_get_min_lsn(N'dbo_columns_of_all'), sys.fn_cdc_get_max_lsn(), N'all')
=> 10|10|2|0x01|1
SELECT __$command_id FROM cdc.fn_cdc_get_all_changes_dbo_columns_of_all(sys.fn_cdc_get_min_lsn(N'dbo_columns_of_all'), sys.fn_cdc_get_max_lsn(), N'all')
=> error 207 level 16: Invalid column name '__$command_id'.
SELECT __$end_lsn FROM cdc.fn_cdc_get_all_changes_dbo_columns_of_all(sys.fn_cdc_get_min_lsn(N'dbo_columns_of_all'), sys.fn_cdc_get_max_lsn(), N'all')
=> error 207 level 16: Invalid column name '__$end_lsn'.

--- case: LSNs outside of the timeline, in the wrong order or NULL, and unknown options are refused
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/sys-fn-cdc-increment-lsn-transact-sql
CREATE TABLE dbo.a_bad (id int NOT NULL PRIMARY KEY);
CREATE TABLE dbo.a_later (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'a_bad', @role_name = NULL;
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'a_later', @role_name = NULL;
GO
INSERT dbo.a_bad VALUES (1);
GO
INSERT dbo.a_later VALUES (1);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT id FROM cdc.fn_cdc_get_all_changes_dbo_a_bad(sys.fn_cdc_decrement_lsn(sys.fn_cdc_get_min_lsn(N'dbo_a_bad')), sys.fn_cdc_get_max_lsn(), N'all')
=> error 313 level 16 state 3: An insufficient number of arguments were supplied for the procedure or function cdc.fn_cdc_get_all_changes_ ... .
SELECT id FROM cdc.fn_cdc_get_all_changes_dbo_a_bad(sys.fn_cdc_get_min_lsn(N'dbo_a_bad'), sys.fn_cdc_increment_lsn(sys.fn_cdc_get_max_lsn()), N'all')
=> error 313 level 16 state 3: An insufficient number of arguments were supplied for the procedure or function cdc.fn_cdc_get_all_changes_ ... .
SELECT id FROM cdc.fn_cdc_get_all_changes_dbo_a_bad(sys.fn_cdc_get_max_lsn(), sys.fn_cdc_get_min_lsn(N'dbo_a_bad'), N'all')
=> error 313 level 16 state 3: An insufficient number of arguments were supplied for the procedure or function cdc.fn_cdc_get_all_changes_ ... .
SELECT id FROM cdc.fn_cdc_get_all_changes_dbo_a_bad(NULL, sys.fn_cdc_get_max_lsn(), N'all')
=> error 313 level 16 state 3: An insufficient number of arguments were supplied for the procedure or function cdc.fn_cdc_get_all_changes_ ... .
SELECT id FROM cdc.fn_cdc_get_all_changes_dbo_a_bad(sys.fn_cdc_get_min_lsn(N'nowhere'), sys.fn_cdc_get_max_lsn(), N'all')
=> error 313 level 16 state 3: An insufficient number of arguments were supplied for the procedure or function cdc.fn_cdc_get_all_changes_ ... .
SELECT id FROM cdc.fn_cdc_get_all_changes_dbo_a_bad(sys.fn_cdc_get_min_lsn(N'dbo_a_bad'), sys.fn_cdc_get_max_lsn(), N'all with mask')
=> error 313 level 16 state 3: An insufficient number of arguments were supplied for the procedure or function cdc.fn_cdc_get_all_changes_ ... .

--- case: a refused range can be caught
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/sys-fn-cdc-increment-lsn-transact-sql
CREATE TABLE dbo.caught (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'caught', @role_name = NULL;
GO
INSERT dbo.caught VALUES (1);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
BEGIN TRY
    SELECT id FROM cdc.fn_cdc_get_all_changes_dbo_caught(0x01, sys.fn_cdc_get_max_lsn(), N'all') AS c WHERE id < 0;
END TRY
BEGIN CATCH
    SELECT ERROR_NUMBER();
END CATCH
=> (none)
=> ;
=> 313

--- case: nothing is captured beyond the maximum
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.complete (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'complete', @role_name = NULL;
GO
INSERT dbo.complete VALUES (1);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
INSERT dbo.complete VALUES (2);
GO
SELECT COUNT(*) FROM cdc.dbo_complete_CT WHERE __$start_lsn > sys.fn_cdc_get_max_lsn()
=> 0
SELECT COUNT(*) FROM cdc.dbo_complete_CT
=> 1

--- case: functions can stand wherever an expression can
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/change-data-capture-functions-transact-sql
CREATE TABLE dbo.anywhere (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'anywhere', @role_name = NULL;
GO
INSERT dbo.anywhere VALUES (1, 1), (2, 2);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT SUM(v), MAX(id) FROM cdc.fn_cdc_get_all_changes_dbo_anywhere(sys.fn_cdc_get_min_lsn(N'dbo_anywhere'), sys.fn_cdc_get_max_lsn(), N'all') WHERE __$start_lsn <= sys.fn_cdc_get_max_lsn() GROUP BY __$operation HAVING COUNT(*) = 2
=> 3|2
SELECT a.id, b.id FROM cdc.fn_cdc_get_all_changes_dbo_anywhere(sys.fn_cdc_get_min_lsn(N'dbo_anywhere'), sys.fn_cdc_get_max_lsn(), N'all') AS a JOIN cdc.fn_cdc_get_net_changes_dbo_anywhere(sys.fn_cdc_get_min_lsn(N'dbo_anywhere'), sys.fn_cdc_get_max_lsn(), N'all') AS b ON b.id = a.id ORDER BY a.id
=> 1|1
=> 2|2

--- case: too few arguments
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
SELECT sys.fn_cdc_get_min_lsn()
=> error 313 level 16: An insufficient number of arguments were supplied for the procedure or function sys.fn_cdc_get_min_lsn.
SELECT 1 FROM cdc.fn_cdc_get_all_changes_dbo_first_one(0x01, 0x02)
=> error 313 level 16: An insufficient number of arguments were supplied for the procedure or function cdc.fn_cdc_get_all_changes_dbo_first_one.

--- case: too many arguments
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
SELECT sys.fn_cdc_get_max_lsn(1)
=> error 8144 level 16: Procedure or function sys.fn_cdc_get_max_lsn has too many arguments specified.
SELECT 1 FROM cdc.fn_cdc_get_all_changes_dbo_first_one(0x01, 0x02, N'all', 4)
=> error 8144 level 16: Procedure or function cdc.fn_cdc_get_all_changes_dbo_first_one has too many arguments specified.
