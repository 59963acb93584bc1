-- Change data capture: which rows a change makes, with which masks and in which order
--- setup
EXEC sys.sp_cdc_enable_db;
CREATE TABLE dbo.first_one (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'first_one', @role_name = NULL;
EXEC sys.sp_cdc_drop_job @job_type = N'capture';

--- case: an insert is one row with all bits set
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.ins (id int NOT NULL PRIMARY KEY, name nvarchar(20) NULL, price decimal(9, 2) NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'ins', @role_name = NULL;
GO
INSERT dbo.ins VALUES (1, N'one', 1.50)
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, name, price FROM cdc.dbo_ins_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|0x07|1|one|1.50

--- case: an update is the row before and the row after, with the bits of what changed
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.upd (id int NOT NULL PRIMARY KEY, name nvarchar(20) NULL, price decimal(9, 2) NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'upd', @role_name = NULL;
GO
INSERT dbo.upd VALUES (1, N'one', 1.50)
GO
UPDATE dbo.upd SET price = 2.50
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, name, price FROM cdc.dbo_upd_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|0x07|1|one|1.50
=> 3|0x04|1|one|1.50
=> 4|0x04|1|one|2.50

--- case: an update of several columns sets several bits
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.upd2 (id int NOT NULL PRIMARY KEY, name nvarchar(20) NULL, price decimal(9, 2) NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'upd2', @role_name = NULL;
GO
INSERT dbo.upd2 VALUES (1, N'one', 1.50)
GO
UPDATE dbo.upd2 SET name = N'uno', price = 2.50
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, name, price FROM cdc.dbo_upd2_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|0x07|one|1.50
=> 3|0x06|one|1.50
=> 4|0x06|uno|2.50

--- case: only what has another value than before counts as changed
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.upd3 (id int NOT NULL PRIMARY KEY, name nvarchar(20) NULL, price decimal(9, 2) NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'upd3', @role_name = NULL;
GO
INSERT dbo.upd3 VALUES (1, N'one', 1.50)
GO
UPDATE dbo.upd3 SET name = N'one', price = 3.50
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, name, price FROM cdc.dbo_upd3_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|0x07|one|1.50
=> 3|0x04|one|1.50
=> 4|0x04|one|3.50

--- case: a delete is one row with all bits set and the last values
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.del (id int NOT NULL PRIMARY KEY, name nvarchar(20) NULL, price decimal(9, 2) NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'del', @role_name = NULL;
GO
INSERT dbo.del VALUES (1, N'one', 1.50)
GO
DELETE dbo.del
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, name, price FROM cdc.dbo_del_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|0x07|1|one|1.50
=> 1|0x07|1|one|1.50

--- case: the bit of the first column is the lowest of the last byte
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/sys-fn-cdc-is-bit-set-transact-sql
CREATE TABLE dbo.wide9 (c1 int NOT NULL PRIMARY KEY, c2 int NULL, c3 int NULL, c4 int NULL, c5 int NULL, c6 int NULL, c7 int NULL, c8 int NULL, c9 int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'wide9', @role_name = NULL;
GO
INSERT dbo.wide9 (c1) VALUES (1)
GO
UPDATE dbo.wide9 SET c2 = 1
GO
UPDATE dbo.wide9 SET c8 = 1
GO
UPDATE dbo.wide9 SET c9 = 1
GO
UPDATE dbo.wide9 SET c2 = 2, c9 = 2
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask FROM cdc.dbo_wide9_CT WHERE __$operation <> 3 ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|0x01FF
=> 4|0x0002
=> 4|0x0080
=> 4|0x0100
=> 4|0x0102

--- case: masks have a byte for each eight columns
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/sys-fn-cdc-is-bit-set-transact-sql
CREATE TABLE dbo.wide17 (c1 int NOT NULL PRIMARY KEY, c2 int NULL, c3 int NULL, c4 int NULL, c5 int NULL, c6 int NULL, c7 int NULL, c8 int NULL, c9 int NULL, c10 int NULL, c11 int NULL, c12 int NULL, c13 int NULL, c14 int NULL, c15 int NULL, c16 int NULL, c17 int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'wide17', @role_name = NULL;
GO
INSERT dbo.wide17 (c1) VALUES (1)
GO
UPDATE dbo.wide17 SET c17 = 1
GO
UPDATE dbo.wide17 SET c3 = 1, c11 = 1
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask FROM cdc.dbo_wide17_CT WHERE __$operation <> 3 ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|0x01FFFF
=> 4|0x010000
=> 4|0x000404

--- case: bits go by the ordinals of the instance, not by the columns of the table
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.ordinals (a int NULL, id int NOT NULL PRIMARY KEY, b int NULL, c int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'ordinals', @role_name = NULL, @captured_column_list = N'id, c';
GO
INSERT dbo.ordinals VALUES (1, 2, 3, 4);
GO
UPDATE dbo.ordinals SET c = 5;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, c FROM cdc.dbo_ordinals_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|0x03|2|4
=> 3|0x02|2|4
=> 4|0x02|2|5

--- case: an update of columns that are not captured leaves no row
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.not_listed (id int NOT NULL PRIMARY KEY, a int NULL, b int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'not_listed', @role_name = NULL, @captured_column_list = N'id, a';
GO
INSERT dbo.not_listed VALUES (1, 1, 1);
GO
UPDATE dbo.not_listed SET b = 2;
GO
UPDATE dbo.not_listed SET a = 2, b = 3;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, a FROM cdc.dbo_not_listed_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|0x03|1|1
=> 3|0x02|1|1
=> 4|0x02|1|2

--- case: an update that changes no value leaves no row
--- doc: https://www.sql.kiwi/2010/08/the-impact-of-update-statements-that-dont-change-data/
CREATE TABLE dbo.noop (id int NOT NULL PRIMARY KEY, name nvarchar(20) NULL, price decimal(9, 2) NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'noop', @role_name = NULL;
GO
INSERT dbo.noop VALUES (1, N'one', 1.50)
GO
UPDATE dbo.noop SET price = price
GO
UPDATE dbo.noop SET name = N'one', price = 1.50
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, id FROM cdc.dbo_noop_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|1

--- case: NULL is a value like others to the mask
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.nulls (id int NOT NULL PRIMARY KEY, name nvarchar(20) NULL, price decimal(9, 2) NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'nulls', @role_name = NULL;
GO
INSERT dbo.nulls VALUES (1, NULL, 1.50)
GO
UPDATE dbo.nulls SET name = N'one', price = NULL
GO
UPDATE dbo.nulls SET name = NULL
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, name, price FROM cdc.dbo_nulls_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|0x07|NULL|1.50
=> 3|0x06|NULL|1.50
=> 4|0x06|one|NULL
=> 3|0x02|one|NULL
=> 4|0x02|NULL|NULL

--- case: letters of another case are another value, whatever the collation
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.cases (id int NOT NULL PRIMARY KEY, name nvarchar(20) NULL, price decimal(9, 2) NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'cases', @role_name = NULL;
GO
INSERT dbo.cases VALUES (1, N'one', NULL)
GO
UPDATE dbo.cases SET name = N'ONE'
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, name FROM cdc.dbo_cases_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|0x07|one
=> 3|0x02|one
=> 4|0x02|ONE

--- case: __$end_lsn is always NULL
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.ends (id int NOT NULL PRIMARY KEY, name nvarchar(20) NULL, price decimal(9, 2) NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'ends', @role_name = NULL;
GO
INSERT dbo.ends VALUES (1, NULL, NULL)
GO
UPDATE dbo.ends SET price = 1
GO
DELETE dbo.ends
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT COUNT(*), COUNT(__$end_lsn) FROM cdc.dbo_ends_CT 
=> 4|0

--- case: every row of a statement has its images side by side
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.many (id int NOT NULL PRIMARY KEY, name nvarchar(20) NULL, price decimal(9, 2) NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'many', @role_name = NULL;
GO
INSERT dbo.many VALUES (1, N'a', 1), (2, N'b', 2)
GO
UPDATE dbo.many SET price = price + 10
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, COUNT(*), COUNT(DISTINCT __$start_lsn), COUNT(DISTINCT __$seqval) FROM cdc.dbo_many_CT GROUP BY __$operation ORDER BY __$operation
=> 2|2|1|2
=> 3|2|1|2
=> 4|2|1|2
SELECT COUNT(*) FROM cdc.dbo_many_CT AS o JOIN cdc.dbo_many_CT AS n ON n.__$start_lsn = o.__$start_lsn AND n.__$seqval = o.__$seqval AND n.__$operation = 4
WHERE o.__$operation = 3 AND o.id = n.id AND o.price + 10 = n.price AND o.__$command_id = n.__$command_id
=> 2

--- case: all changes of a transaction, over all tables, share the LSN of its commit
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.left_one (id int NOT NULL PRIMARY KEY, v int NULL);
CREATE TABLE dbo.right_one (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'left_one', @role_name = NULL;
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'right_one', @role_name = NULL;
GO
BEGIN TRANSACTION;
INSERT dbo.left_one VALUES (1, 1);
INSERT dbo.right_one VALUES (1, 1);
UPDATE dbo.left_one SET v = 2;
DELETE dbo.right_one;
COMMIT;
GO
INSERT dbo.right_one VALUES (2, 2);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT COUNT(DISTINCT l) FROM (SELECT __$start_lsn AS l FROM cdc.dbo_left_one_CT UNION ALL SELECT __$start_lsn FROM cdc.dbo_right_one_CT WHERE id = 1) AS x
=> 1
SELECT CASE WHEN MAX(l.__$start_lsn) < MAX(r.__$start_lsn) THEN 1 ELSE 0 END FROM cdc.dbo_left_one_CT AS l CROSS JOIN cdc.dbo_right_one_CT AS r
=> 1

--- case: within a transaction the commands stand in the order of the statements
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.ordered_a (id int NOT NULL PRIMARY KEY, v int NULL);
CREATE TABLE dbo.ordered_b (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'ordered_a', @role_name = NULL;
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'ordered_b', @role_name = NULL;
GO
BEGIN TRANSACTION;
INSERT dbo.ordered_a VALUES (1, 1);
INSERT dbo.ordered_b VALUES (1, 1);
UPDATE dbo.ordered_a SET v = 2;
UPDATE dbo.ordered_b SET v = 3;
DELETE dbo.ordered_a;
COMMIT;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT t, o, v FROM (SELECT 'a' AS t, __$command_id AS c, __$seqval AS s, __$operation AS o, v FROM cdc.dbo_ordered_a_CT
    UNION ALL SELECT 'b', __$command_id, __$seqval, __$operation, v FROM cdc.dbo_ordered_b_CT) AS x ORDER BY c, s, o
=> a|2|1
=> b|2|1
=> a|3|1
=> a|4|2
=> b|3|1
=> b|4|3
=> a|1|2

--- case: what is rolled back is not captured
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.rolled (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'rolled', @role_name = NULL;
GO
BEGIN TRANSACTION; INSERT dbo.rolled VALUES (1); ROLLBACK
GO
INSERT dbo.rolled VALUES (2)
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, id FROM cdc.dbo_rolled_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|2

--- case: what is rolled back to a savepoint is not captured
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.saved (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'saved', @role_name = NULL;
GO
BEGIN TRANSACTION; INSERT dbo.saved VALUES (1); SAVE TRANSACTION s; INSERT dbo.saved VALUES (2); DELETE dbo.saved WHERE id = 1; ROLLBACK TRANSACTION s; INSERT dbo.saved VALUES (3); COMMIT
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, id FROM cdc.dbo_saved_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|1
=> 2|3

--- case: a statement that fails leaves no row
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.failing (id int NOT NULL PRIMARY KEY, v int NOT NULL CHECK (v > 0));
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'failing', @role_name = NULL;
GO
INSERT dbo.failing VALUES (1, 1);
GO
BEGIN TRANSACTION;
INSERT dbo.failing VALUES (2, 2);
GO
INSERT dbo.failing VALUES (3, 3), (1, 1);
=> error 2627 level 14: *
UPDATE dbo.failing SET v = v - 1;
=> error 547 level 16: *
COMMIT;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, id, v FROM cdc.dbo_failing_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|1|1
=> 2|2|2

--- case: what is not committed is not captured yet
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.pending (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'pending', @role_name = NULL;
GO
BEGIN TRANSACTION;
INSERT dbo.pending VALUES (1);
GO
COMMIT;
GO
SELECT COUNT(*) FROM cdc.dbo_pending_CT
=> 0
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT COUNT(*) FROM cdc.dbo_pending_CT
=> 1

--- case: rows from before the table was enabled are not captured, their changes are
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.old_rows (id int NOT NULL PRIMARY KEY, v int NULL);
INSERT dbo.old_rows VALUES (1, 1), (2, 2);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'old_rows', @role_name = NULL;
GO
UPDATE dbo.old_rows SET v = 5 WHERE id = 2;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, v FROM cdc.dbo_old_rows_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 3|0x02|2|2
=> 4|0x02|2|5

--- case: a change of the primary key is a delete and an insert
--- doc: https://learn.microsoft.com/troubleshoot/sql/database-engine/replication/update-statements-replicated-as-delete-insert-pairs
CREATE TABLE dbo.moved (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'moved', @role_name = NULL;
GO
INSERT dbo.moved VALUES (1, 5)
GO
UPDATE dbo.moved SET id = 2
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, v FROM cdc.dbo_moved_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|0x03|1|5
=> 1|0x03|1|5
=> 2|0x03|2|5

--- case: a change of a unique column is a delete and an insert
--- doc: https://learn.microsoft.com/troubleshoot/sql/database-engine/replication/update-statements-replicated-as-delete-insert-pairs
CREATE TABLE dbo.uniq (id int NOT NULL PRIMARY KEY, code int NOT NULL UNIQUE, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'uniq', @role_name = NULL;
GO
INSERT dbo.uniq VALUES (1, 10, 5)
GO
UPDATE dbo.uniq SET code = 11
GO
UPDATE dbo.uniq SET v = 6
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, code, v FROM cdc.dbo_uniq_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|0x07|1|10|5
=> 1|0x07|1|10|5
=> 2|0x07|1|11|5
=> 3|0x04|1|11|5
=> 4|0x04|1|11|6

--- case: a change of the clustered key is a delete and an insert, unique or not
--- doc: https://learn.microsoft.com/troubleshoot/sql/database-engine/replication/update-statements-replicated-as-delete-insert-pairs
CREATE TABLE dbo.by_cluster (id int NOT NULL PRIMARY KEY NONCLUSTERED, region int NOT NULL, v int NULL);
CREATE CLUSTERED INDEX by_region ON dbo.by_cluster (region);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'by_cluster', @role_name = NULL;
GO
INSERT dbo.by_cluster VALUES (1, 10, 5)
GO
UPDATE dbo.by_cluster SET region = 11
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, region, v FROM cdc.dbo_by_cluster_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|0x07|1|10|5
=> 1|0x07|1|10|5
=> 2|0x07|1|11|5

--- case: a column of an index that is not unique is updated in its place
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.plain_index (id int NOT NULL PRIMARY KEY, v int NULL);
CREATE INDEX by_v ON dbo.plain_index (v);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'plain_index', @role_name = NULL;
GO
INSERT dbo.plain_index VALUES (1, 5)
GO
UPDATE dbo.plain_index SET v = 6
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, v FROM cdc.dbo_plain_index_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|0x03|1|5
=> 3|0x02|1|5
=> 4|0x02|1|6

--- case: keys of many rows that move are as many deletes and inserts of one transaction
--- doc: https://learn.microsoft.com/troubleshoot/sql/database-engine/replication/update-statements-replicated-as-delete-insert-pairs
CREATE TABLE dbo.moving (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'moving', @role_name = NULL;
GO
INSERT dbo.moving VALUES (1, 10), (2, 20), (3, 30)
GO
UPDATE dbo.moving SET id = id + 100
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, id, v FROM cdc.dbo_moving_CT ORDER BY __$operation, id
=> 1|1|10
=> 1|2|20
=> 1|3|30
=> 2|1|10
=> 2|2|20
=> 2|3|30
=> 2|101|10
=> 2|102|20
=> 2|103|30
SELECT COUNT(DISTINCT __$start_lsn) FROM cdc.dbo_moving_CT WHERE __$operation = 1 OR id > 100
=> 1

--- case: a key and other columns change at once
--- doc: https://learn.microsoft.com/troubleshoot/sql/database-engine/replication/update-statements-replicated-as-delete-insert-pairs
CREATE TABLE dbo.both (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'both', @role_name = NULL;
GO
INSERT dbo.both VALUES (1, 10)
GO
UPDATE dbo.both SET id = 2, v = 20
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, v FROM cdc.dbo_both_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|0x03|1|10
=> 1|0x03|1|10
=> 2|0x03|2|20

--- case: large values are there in inserts and deletes
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.lob1 (id int NOT NULL PRIMARY KEY, v int NULL, a varchar(max) NULL, b nvarchar(max) NULL, c varbinary(max) NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'lob1', @role_name = NULL;
GO
INSERT dbo.lob1 VALUES (1, 1, 'a', N'b', 0x0C)
GO
DELETE dbo.lob1
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, a, b, c FROM cdc.dbo_lob1_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|a|b|0x0C
=> 1|a|b|0x0C

--- case: large values are NULL before an update that does not change them
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.lob2 (id int NOT NULL PRIMARY KEY, v int NULL, a varchar(max) NULL, b nvarchar(max) NULL, c varbinary(max) NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'lob2', @role_name = NULL;
GO
INSERT dbo.lob2 VALUES (1, 1, 'a', N'b', 0x0C)
GO
UPDATE dbo.lob2 SET v = 2
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, v, a, b, c FROM cdc.dbo_lob2_CT WHERE __$operation = 3
=> 3|0x02|1|NULL|NULL|NULL

--- case: large values that an update changes are in both rows, the others are not
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.lob3 (id int NOT NULL PRIMARY KEY, v int NULL, a varchar(max) NULL, b nvarchar(max) NULL, c varbinary(max) NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'lob3', @role_name = NULL;
GO
INSERT dbo.lob3 VALUES (1, 1, 'a', N'b', 0x0C)
GO
UPDATE dbo.lob3 SET b = N'bb'
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, b FROM cdc.dbo_lob3_CT WHERE __$operation > 2 ORDER BY __$operation
=> 3|0x08|b
=> 4|0x08|bb
SELECT a, c FROM cdc.dbo_lob3_CT WHERE __$operation = 3
=> NULL|NULL

--- case: a change of the key carries the large values along
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.lob4 (id int NOT NULL PRIMARY KEY, v int NULL, a varchar(max) NULL, b nvarchar(max) NULL, c varbinary(max) NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'lob4', @role_name = NULL;
GO
INSERT dbo.lob4 VALUES (1, 1, 'a', N'b', 0x0C)
GO
UPDATE dbo.lob4 SET id = 2
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, id, a, b, c FROM cdc.dbo_lob4_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|1|a|b|0x0C
=> 1|1|a|b|0x0C
=> 2|2|a|b|0x0C

--- case: a large value that becomes NULL shows in the mask
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.lob5 (id int NOT NULL PRIMARY KEY, v int NULL, a varchar(max) NULL, b nvarchar(max) NULL, c varbinary(max) NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'lob5', @role_name = NULL;
GO
INSERT dbo.lob5 VALUES (1, 1, 'a', NULL, NULL)
GO
UPDATE dbo.lob5 SET a = NULL
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, a FROM cdc.dbo_lob5_CT WHERE __$operation > 2 ORDER BY __$operation
=> 3|0x04|a
=> 4|0x04|NULL

--- case: computed columns are always NULL, stored or not
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.computed (id int NOT NULL PRIMARY KEY, v int NULL, twice AS v * 2, thrice AS v * 3 PERSISTED);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'computed', @role_name = NULL;
GO
INSERT dbo.computed (id, v) VALUES (1, 1)
GO
UPDATE dbo.computed SET v = 2
GO
DELETE dbo.computed
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, id, v, twice, thrice FROM cdc.dbo_computed_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|1|1|NULL|NULL
=> 3|1|1|NULL|NULL
=> 4|1|2|NULL|NULL
=> 1|1|2|NULL|NULL

--- case: identity values are captured
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.ident (id int IDENTITY(10, 5) NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'ident', @role_name = NULL;
GO
INSERT dbo.ident (v) VALUES (1)
GO
INSERT dbo.ident (v) VALUES (2)
GO
SET IDENTITY_INSERT dbo.ident ON; INSERT dbo.ident (id, v) VALUES (99, 3); SET IDENTITY_INSERT dbo.ident OFF
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, id, v FROM cdc.dbo_ident_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|10|1
=> 2|15|2
=> 2|99|3

--- case: default values are captured
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.defaults (id int NOT NULL PRIMARY KEY, v int NOT NULL DEFAULT 7, s varchar(5) NULL DEFAULT 'x');
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'defaults', @role_name = NULL;
GO
INSERT dbo.defaults (id) VALUES (1)
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, id, v, s FROM cdc.dbo_defaults_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|1|7|x

--- case: a table without a key is captured row by row
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.heap (v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'heap', @role_name = NULL;
GO
INSERT dbo.heap VALUES (1), (1)
GO
UPDATE dbo.heap SET v = 2
GO
DELETE dbo.heap
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, v, COUNT(*) FROM cdc.dbo_heap_CT GROUP BY __$operation, __$update_mask, v ORDER BY __$operation
=> 1|0x01|2|2
=> 2|0x01|1|2
=> 3|0x01|1|2
=> 4|0x01|2|2

--- case: every type is captured with the value that was written
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.every_type (id int NOT NULL PRIMARY KEY, a bit, b tinyint, c smallint, d bigint, e decimal(38, 10), f money, g float, h real, i char(5), j varchar(10), k nchar(5), l binary(4), m varbinary(8),
    n date, o time(3), p datetime, q datetime2(7), r datetimeoffset(2), s uniqueidentifier, u smalldatetime, w smallmoney);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'every_type', @role_name = NULL;
GO
INSERT dbo.every_type VALUES (1, 1, 255, -5, 9000000000, 12345678901234567890.0123456789, $12.3456, 1.5, 0.25, 'ab', 'cd', N'ef', 0x0102, 0x03, '2024-02-29', '12:34:56.789', '2024-02-29T01:02:03.997',
    '2024-02-29T01:02:03.1234567', '2024-02-29T01:02:03.12+02:00', '6F9619FF-8B86-D011-B42D-00C04FC964FF', '2024-02-29T01:02:00', -1.5);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT a, b, c, d, e, f, g, h, w FROM cdc.dbo_every_type_CT
=> 1|255|-5|9000000000|12345678901234567890.0123456789|12.3456|1.5|0.25|-1.5
SELECT i, j, k, l, m FROM cdc.dbo_every_type_CT
=> 'ab   '|cd|'ef   '|0x01020000|0x03
SELECT n, o, p, q, r, u, s FROM cdc.dbo_every_type_CT
=> 2024-02-29|12:34:56.789|2024-02-29 01:02:03.997|2024-02-29 01:02:03.1234567|2024-02-29 01:02:03.12 +02:00|2024-02-29 01:02:00|6F9619FF-8B86-D011-B42D-00C04FC964FF

--- case: characters beyond the basic plane are captured
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.emoji (id int NOT NULL PRIMARY KEY, v nvarchar(20) NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'emoji', @role_name = NULL;
GO
INSERT dbo.emoji VALUES (1, N'a😀ż');
GO
UPDATE dbo.emoji SET v = N'😀😀';
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, v FROM cdc.dbo_emoji_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|a😀ż
=> 3|a😀ż
=> 4|😀😀

--- case: text, ntext and image are NULL before an update and in a delete
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.texts (id int NOT NULL PRIMARY KEY, v int NULL, a text NULL, b ntext NULL, c image NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'texts', @role_name = NULL;
GO
INSERT dbo.texts VALUES (1, 1, 'a', N'b', 0x0C)
GO
UPDATE dbo.texts SET a = 'aa'
GO
DELETE dbo.texts
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, CAST(a AS varchar(max)), CAST(b AS nvarchar(max)), CAST(c AS varbinary(max)) FROM cdc.dbo_texts_CT WHERE __$operation <> 4 ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|0x1F|1|a|b|0x0C
=> 3|0x04|1|NULL|NULL|NULL
=> 1|0x1F|1|NULL|NULL|NULL
SELECT CAST(a AS varchar(max)) FROM cdc.dbo_texts_CT WHERE __$operation = 4
=> aa

--- case: xml is captured as it is
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.xmls (id int NOT NULL PRIMARY KEY, v int NULL, x xml NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'xmls', @role_name = NULL;
GO
INSERT dbo.xmls VALUES (1, 1, N'<a/>')
GO
UPDATE dbo.xmls SET x = N'<b/>'
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, CAST(x AS nvarchar(max)) FROM cdc.dbo_xmls_CT WHERE __$operation <> 3 ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|0x07|<a/>
=> 4|0x04|<b/>

--- case: a rowversion is captured as binary(8), and changes with its row
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
CREATE TABLE dbo.versions (id int NOT NULL PRIMARY KEY, v int NULL, r rowversion);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'versions', @role_name = NULL;
GO
INSERT dbo.versions (id, v) VALUES (1, 1);
GO
UPDATE dbo.versions SET v = 2;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, v FROM cdc.dbo_versions_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|0x07|1|1
=> 3|0x06|1|1
=> 4|0x06|1|2
SELECT CASE WHEN n.r = t.r THEN 1 ELSE 0 END, CASE WHEN o.r < n.r THEN 1 ELSE 0 END FROM dbo.versions AS t JOIN cdc.dbo_versions_CT AS n ON n.__$operation = 4 JOIN cdc.dbo_versions_CT AS o ON o.__$operation = 3
=> 1|1
SELECT TYPE_NAME(system_type_id), max_length FROM sys.columns WHERE object_id = OBJECT_ID(N'cdc.dbo_versions_CT') AND name = N'r'
=> binary|8

--- case: sql_variant is captured with its value
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.variants (id int NOT NULL PRIMARY KEY, v sql_variant NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'variants', @role_name = NULL;
GO
INSERT dbo.variants VALUES (1, 5)
GO
INSERT dbo.variants VALUES (2, N'text')
GO
UPDATE dbo.variants SET v = CAST(1.50 AS decimal(5, 2)) WHERE id = 1
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, CAST(v AS nvarchar(20)), CAST(SQL_VARIANT_PROPERTY(v, 'BaseType') AS nvarchar(20)) FROM cdc.dbo_variants_CT WHERE __$operation <> 4 ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|0x03|1|5|int
=> 2|0x03|2|text|nvarchar
=> 3|0x02|1|5|int
SELECT __$update_mask, id, CAST(v AS nvarchar(20)), CAST(SQL_VARIANT_PROPERTY(v, 'Precision') AS int), CAST(SQL_VARIANT_PROPERTY(v, 'Scale') AS int) FROM cdc.dbo_variants_CT WHERE __$operation = 4
=> 0x02|1|1.50|5|2

--- case: MERGE is captured as what it did, in one transaction
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.merged (id int NOT NULL PRIMARY KEY, v int NULL);
INSERT dbo.merged VALUES (1, 1), (2, 2);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'merged', @role_name = NULL;
GO
MERGE dbo.merged AS t USING (VALUES (2, 20), (3, 30)) AS s (id, v) ON t.id = s.id
WHEN MATCHED THEN UPDATE SET v = s.v
WHEN NOT MATCHED BY TARGET THEN INSERT (id, v) VALUES (s.id, s.v)
WHEN NOT MATCHED BY SOURCE THEN DELETE;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, v FROM cdc.dbo_merged_CT ORDER BY id, __$operation
=> 1|0x03|1|1
=> 3|0x02|2|2
=> 4|0x02|2|20
=> 2|0x03|3|30
SELECT COUNT(DISTINCT __$start_lsn) FROM cdc.dbo_merged_CT
=> 1

--- case: what a trigger writes belongs to the transaction that fired it
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.fired (id int NOT NULL PRIMARY KEY, v int NULL);
CREATE TABLE dbo.log_of_fired (id int IDENTITY(1, 1) NOT NULL PRIMARY KEY, source int NOT NULL, what varchar(10) NOT NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'fired', @role_name = NULL;
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'log_of_fired', @role_name = NULL;
GO
CREATE TRIGGER dbo.fired_changed ON dbo.fired AFTER INSERT, UPDATE AS
BEGIN
    INSERT dbo.log_of_fired (source, what) SELECT id, CASE WHEN EXISTS (SELECT 1 FROM deleted) THEN 'update' ELSE 'insert' END FROM inserted;
END
GO
INSERT dbo.fired VALUES (7, 1);
GO
UPDATE dbo.fired SET v = 2;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT f.__$operation, f.v, l.__$operation, l.source, l.what FROM cdc.dbo_fired_CT AS f JOIN cdc.dbo_log_of_fired_CT AS l ON l.__$start_lsn = f.__$start_lsn WHERE f.__$operation <> 3 ORDER BY f.__$start_lsn
=> 2|1|2|7|insert
=> 4|2|2|7|update

--- case: what a trigger rolls back is not captured
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.guarded (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'guarded', @role_name = NULL;
GO
CREATE TRIGGER dbo.guarded_insert ON dbo.guarded AFTER INSERT AS
IF EXISTS (SELECT 1 FROM inserted WHERE id < 0) ROLLBACK TRANSACTION;
GO
INSERT dbo.guarded VALUES (1);
GO
INSERT dbo.guarded VALUES (-1);
=> error 3609 level 16: *
INSERT dbo.guarded VALUES (2);
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, id FROM cdc.dbo_guarded_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|1
=> 2|2

--- case: deletes by a cascade belong to the transaction that caused them
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.parent (id int NOT NULL PRIMARY KEY);
CREATE TABLE dbo.child (id int NOT NULL PRIMARY KEY, parent int NULL REFERENCES dbo.parent (id) ON DELETE CASCADE);
INSERT dbo.parent VALUES (1), (2);
INSERT dbo.child VALUES (10, 1), (11, 1), (20, 2);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'parent', @role_name = NULL;
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'child', @role_name = NULL;
GO
DELETE dbo.parent WHERE id = 1;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT p.__$operation, p.id, c.__$operation, c.id, c.parent FROM cdc.dbo_parent_CT AS p JOIN cdc.dbo_child_CT AS c ON c.__$start_lsn = p.__$start_lsn ORDER BY c.id
=> 1|1|1|10|1
=> 1|1|1|11|1
SELECT COUNT(*) FROM cdc.dbo_child_CT
=> 2

--- case: a cascade that sets NULL is an update of the child
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.owner (id int NOT NULL PRIMARY KEY);
CREATE TABLE dbo.pet (id int NOT NULL PRIMARY KEY, owner int NULL REFERENCES dbo.owner (id) ON DELETE SET NULL);
INSERT dbo.owner VALUES (1);
INSERT dbo.pet VALUES (10, 1);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'pet', @role_name = NULL;
GO
DELETE dbo.owner;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, owner FROM cdc.dbo_pet_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 3|0x02|10|1
=> 4|0x02|10|NULL

--- case: updates and deletes with a join are captured for the target alone
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.target (id int NOT NULL PRIMARY KEY, v int NULL);
CREATE TABLE dbo.source (id int NOT NULL PRIMARY KEY, v int NULL);
INSERT dbo.target VALUES (1, 1), (2, 2), (3, 3);
INSERT dbo.source VALUES (1, 10), (3, 30);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'target', @role_name = NULL;
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'source', @role_name = NULL;
GO
UPDATE t SET v = s.v FROM dbo.target AS t JOIN dbo.source AS s ON s.id = t.id;
GO
DELETE t FROM dbo.target AS t JOIN dbo.source AS s ON s.id = t.id WHERE s.id = 3;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, id, v FROM cdc.dbo_target_CT ORDER BY __$start_lsn, id, __$operation
=> 3|1|1
=> 4|1|10
=> 3|3|3
=> 4|3|30
=> 1|3|30
SELECT COUNT(*) FROM cdc.dbo_source_CT
=> 0

--- case: INSERT … SELECT is captured as one transaction
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.copied (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'copied', @role_name = NULL;
GO
INSERT dbo.copied SELECT n.v FROM (VALUES (1), (2), (3), (4)) AS n (v) WHERE n.v > 1;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT COUNT(*), COUNT(DISTINCT __$start_lsn), COUNT(DISTINCT __$seqval), MIN(id), MAX(id) FROM cdc.dbo_copied_CT
=> 3|1|3|2|4

--- case: a row that is inserted, changed and deleted in one transaction shows every step
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.steps (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'steps', @role_name = NULL;
GO
BEGIN TRANSACTION;
INSERT dbo.steps VALUES (1, 1);
UPDATE dbo.steps SET v = 2;
UPDATE dbo.steps SET v = 3;
DELETE dbo.steps;
COMMIT;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, v FROM cdc.dbo_steps_CT ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation
=> 2|1
=> 3|1
=> 4|2
=> 3|2
=> 4|3
=> 1|3

--- case: both instances of a table hold a change under the same LSN
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
CREATE TABLE dbo.doubled (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'doubled', @role_name = NULL;
GO
INSERT dbo.doubled VALUES (1, 1);
GO
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'doubled', @role_name = NULL, @capture_instance = N'doubled_2';
GO
INSERT dbo.doubled VALUES (2, 2);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT a.id, b.id FROM cdc.dbo_doubled_CT AS a LEFT JOIN cdc.doubled_2_CT AS b ON b.__$start_lsn = a.__$start_lsn AND b.__$operation = a.__$operation ORDER BY a.id
=> 1|NULL
=> 2|2
SELECT CASE WHEN sys.fn_cdc_get_min_lsn(N'doubled_2') > (SELECT MIN(__$start_lsn) FROM cdc.dbo_doubled_CT) THEN 1 ELSE 0 END,
    CASE WHEN sys.fn_cdc_get_min_lsn(N'doubled_2') < (SELECT MAX(__$start_lsn) FROM cdc.dbo_doubled_CT) THEN 1 ELSE 0 END
=> 1|1
