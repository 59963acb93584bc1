-- Change data capture: net changes
--- setup
EXEC sys.sp_cdc_enable_db;
CREATE TABLE dbo.first_one (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'first_one', @role_name = NULL;
EXEC sys.sp_cdc_drop_job @job_type = N'capture';

--- case: a single insert is an insert
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-net-changes-capture-instance-transact-sql
CREATE TABLE dbo.n_ins (id int NOT NULL PRIMARY KEY, v int NULL, w int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'n_ins', @role_name = NULL;
GO
INSERT dbo.n_ins VALUES (1, 1, 1)
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_ins(sys.fn_cdc_get_min_lsn(N'dbo_n_ins'), sys.fn_cdc_get_max_lsn(), N'all') ORDER BY id
=> 2|NULL|1|1|1
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_ins(sys.fn_cdc_get_min_lsn(N'dbo_n_ins'), sys.fn_cdc_get_max_lsn(), N'all with mask') ORDER BY id
=> 2|NULL|1|1|1
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_ins(sys.fn_cdc_get_min_lsn(N'dbo_n_ins'), sys.fn_cdc_get_max_lsn(), N'all with merge') ORDER BY id
=> 5|NULL|1|1|1

--- case: a single update is an update; only the mask option tells which columns
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-net-changes-capture-instance-transact-sql
CREATE TABLE dbo.n_upd (id int NOT NULL PRIMARY KEY, v int NULL, w int NULL);
INSERT dbo.n_upd VALUES (1, 1, 1);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'n_upd', @role_name = NULL;
GO
UPDATE dbo.n_upd SET v = 2
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_upd(sys.fn_cdc_get_min_lsn(N'dbo_n_upd'), sys.fn_cdc_get_max_lsn(), N'all') ORDER BY id
=> 4|NULL|1|2|1
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_upd(sys.fn_cdc_get_min_lsn(N'dbo_n_upd'), sys.fn_cdc_get_max_lsn(), N'all with mask') ORDER BY id
=> 4|0x02|1|2|1
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_upd(sys.fn_cdc_get_min_lsn(N'dbo_n_upd'), sys.fn_cdc_get_max_lsn(), N'all with merge') ORDER BY id
=> 5|NULL|1|2|1

--- case: a single delete is a delete
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-net-changes-capture-instance-transact-sql
CREATE TABLE dbo.n_del (id int NOT NULL PRIMARY KEY, v int NULL, w int NULL);
INSERT dbo.n_del VALUES (1, 1, 1);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'n_del', @role_name = NULL;
GO
DELETE dbo.n_del
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_del(sys.fn_cdc_get_min_lsn(N'dbo_n_del'), sys.fn_cdc_get_max_lsn(), N'all') ORDER BY id
=> 1|NULL|1|1|1
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_del(sys.fn_cdc_get_min_lsn(N'dbo_n_del'), sys.fn_cdc_get_max_lsn(), N'all with mask') ORDER BY id
=> 1|NULL|1|1|1
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_del(sys.fn_cdc_get_min_lsn(N'dbo_n_del'), sys.fn_cdc_get_max_lsn(), N'all with merge') ORDER BY id
=> 1|NULL|1|1|1

--- case: an insert and updates are an insert with the last values
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-net-changes-capture-instance-transact-sql
CREATE TABLE dbo.n_insupd (id int NOT NULL PRIMARY KEY, v int NULL, w int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'n_insupd', @role_name = NULL;
GO
INSERT dbo.n_insupd VALUES (1, 1, 1)
GO
UPDATE dbo.n_insupd SET v = 2
GO
UPDATE dbo.n_insupd SET w = 3
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_insupd(sys.fn_cdc_get_min_lsn(N'dbo_n_insupd'), sys.fn_cdc_get_max_lsn(), N'all') ORDER BY id
=> 2|NULL|1|2|3
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_insupd(sys.fn_cdc_get_min_lsn(N'dbo_n_insupd'), sys.fn_cdc_get_max_lsn(), N'all with mask') ORDER BY id
=> 2|NULL|1|2|3
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_insupd(sys.fn_cdc_get_min_lsn(N'dbo_n_insupd'), sys.fn_cdc_get_max_lsn(), N'all with merge') ORDER BY id
=> 5|NULL|1|2|3

--- case: an insert and a delete are nothing
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-net-changes-capture-instance-transact-sql
CREATE TABLE dbo.n_insdel (id int NOT NULL PRIMARY KEY, v int NULL, w int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'n_insdel', @role_name = NULL;
GO
INSERT dbo.n_insdel VALUES (1, 1, 1)
GO
UPDATE dbo.n_insdel SET v = 2
GO
DELETE dbo.n_insdel
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_insdel(sys.fn_cdc_get_min_lsn(N'dbo_n_insdel'), sys.fn_cdc_get_max_lsn(), N'all') ORDER BY id
=> (none)
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_insdel(sys.fn_cdc_get_min_lsn(N'dbo_n_insdel'), sys.fn_cdc_get_max_lsn(), N'all with mask') ORDER BY id
=> (none)
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_insdel(sys.fn_cdc_get_min_lsn(N'dbo_n_insdel'), sys.fn_cdc_get_max_lsn(), N'all with merge') ORDER BY id
=> (none)

--- case: updates are one update, with the bits of all of them
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-net-changes-capture-instance-transact-sql
CREATE TABLE dbo.n_upds (id int NOT NULL PRIMARY KEY, v int NULL, w int NULL);
INSERT dbo.n_upds VALUES (1, 1, 1);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'n_upds', @role_name = NULL;
GO
UPDATE dbo.n_upds SET v = 2
GO
UPDATE dbo.n_upds SET w = 3
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_upds(sys.fn_cdc_get_min_lsn(N'dbo_n_upds'), sys.fn_cdc_get_max_lsn(), N'all') ORDER BY id
=> 4|NULL|1|2|3
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_upds(sys.fn_cdc_get_min_lsn(N'dbo_n_upds'), sys.fn_cdc_get_max_lsn(), N'all with mask') ORDER BY id
=> 4|0x06|1|2|3
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_upds(sys.fn_cdc_get_min_lsn(N'dbo_n_upds'), sys.fn_cdc_get_max_lsn(), N'all with merge') ORDER BY id
=> 5|NULL|1|2|3

--- case: updates and a delete are a delete
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-net-changes-capture-instance-transact-sql
CREATE TABLE dbo.n_upddel (id int NOT NULL PRIMARY KEY, v int NULL, w int NULL);
INSERT dbo.n_upddel VALUES (1, 1, 1);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'n_upddel', @role_name = NULL;
GO
UPDATE dbo.n_upddel SET v = 2
GO
DELETE dbo.n_upddel
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_upddel(sys.fn_cdc_get_min_lsn(N'dbo_n_upddel'), sys.fn_cdc_get_max_lsn(), N'all') ORDER BY id
=> 1|NULL|1|2|1
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_upddel(sys.fn_cdc_get_min_lsn(N'dbo_n_upddel'), sys.fn_cdc_get_max_lsn(), N'all with mask') ORDER BY id
=> 1|NULL|1|2|1
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_upddel(sys.fn_cdc_get_min_lsn(N'dbo_n_upddel'), sys.fn_cdc_get_max_lsn(), N'all with merge') ORDER BY id
=> 1|NULL|1|2|1

--- case: a delete and an insert of the same key are an update
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-net-changes-capture-instance-transact-sql
CREATE TABLE dbo.n_delins (id int NOT NULL PRIMARY KEY, v int NULL, w int NULL);
INSERT dbo.n_delins VALUES (1, 1, 1);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'n_delins', @role_name = NULL;
GO
DELETE dbo.n_delins
GO
INSERT dbo.n_delins VALUES (1, 5, 6)
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_delins(sys.fn_cdc_get_min_lsn(N'dbo_n_delins'), sys.fn_cdc_get_max_lsn(), N'all') ORDER BY id
=> 4|NULL|1|5|6
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_delins(sys.fn_cdc_get_min_lsn(N'dbo_n_delins'), sys.fn_cdc_get_max_lsn(), N'all with mask') ORDER BY id
=> 4|0x07|1|5|6
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_delins(sys.fn_cdc_get_min_lsn(N'dbo_n_delins'), sys.fn_cdc_get_max_lsn(), N'all with merge') ORDER BY id
=> 5|NULL|1|5|6

--- case: a delete, an insert and a delete are a delete
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-net-changes-capture-instance-transact-sql
CREATE TABLE dbo.n_didi (id int NOT NULL PRIMARY KEY, v int NULL, w int NULL);
INSERT dbo.n_didi VALUES (1, 1, 1);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'n_didi', @role_name = NULL;
GO
DELETE dbo.n_didi
GO
INSERT dbo.n_didi VALUES (1, 5, 6)
GO
DELETE dbo.n_didi
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, id FROM cdc.fn_cdc_get_net_changes_dbo_n_didi(sys.fn_cdc_get_min_lsn(N'dbo_n_didi'), sys.fn_cdc_get_max_lsn(), N'all') ORDER BY id
=> 1|1
SELECT __$operation, id FROM cdc.fn_cdc_get_net_changes_dbo_n_didi(sys.fn_cdc_get_min_lsn(N'dbo_n_didi'), sys.fn_cdc_get_max_lsn(), N'all with mask') ORDER BY id
=> 1|1
SELECT __$operation, id FROM cdc.fn_cdc_get_net_changes_dbo_n_didi(sys.fn_cdc_get_min_lsn(N'dbo_n_didi'), sys.fn_cdc_get_max_lsn(), N'all with merge') ORDER BY id
=> 1|1

--- case: an insert, a delete and an insert are an insert
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-net-changes-capture-instance-transact-sql
CREATE TABLE dbo.n_idi (id int NOT NULL PRIMARY KEY, v int NULL, w int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'n_idi', @role_name = NULL;
GO
INSERT dbo.n_idi VALUES (1, 1, 1)
GO
DELETE dbo.n_idi
GO
INSERT dbo.n_idi VALUES (1, 2, 2)
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_idi(sys.fn_cdc_get_min_lsn(N'dbo_n_idi'), sys.fn_cdc_get_max_lsn(), N'all') ORDER BY id
=> 2|NULL|1|2|2
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_idi(sys.fn_cdc_get_min_lsn(N'dbo_n_idi'), sys.fn_cdc_get_max_lsn(), N'all with merge') ORDER BY id
=> 5|NULL|1|2|2

--- case: a change of the key is a delete of the old one and an insert of the new one
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-net-changes-capture-instance-transact-sql
CREATE TABLE dbo.n_key (id int NOT NULL PRIMARY KEY, v int NULL, w int NULL);
INSERT dbo.n_key VALUES (1, 1, 1);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'n_key', @role_name = NULL;
GO
UPDATE dbo.n_key SET id = 2
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_key(sys.fn_cdc_get_min_lsn(N'dbo_n_key'), sys.fn_cdc_get_max_lsn(), N'all') ORDER BY id
=> 1|NULL|1|1|1
=> 2|NULL|2|1|1
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_key(sys.fn_cdc_get_min_lsn(N'dbo_n_key'), sys.fn_cdc_get_max_lsn(), N'all with mask') ORDER BY id
=> 1|NULL|1|1|1
=> 2|NULL|2|1|1
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_key(sys.fn_cdc_get_min_lsn(N'dbo_n_key'), sys.fn_cdc_get_max_lsn(), N'all with merge') ORDER BY id
=> 1|NULL|1|1|1
=> 5|NULL|2|1|1

--- case: rows are told apart by their keys
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-net-changes-capture-instance-transact-sql
CREATE TABLE dbo.n_rows (id int NOT NULL PRIMARY KEY, v int NULL, w int NULL);
INSERT dbo.n_rows VALUES (1, 1, 1), (2, 2, 2);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'n_rows', @role_name = NULL;
GO
INSERT dbo.n_rows VALUES (3, 3, 3)
GO
UPDATE dbo.n_rows SET v = 9 WHERE id = 1
GO
DELETE dbo.n_rows WHERE id = 2
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_rows(sys.fn_cdc_get_min_lsn(N'dbo_n_rows'), sys.fn_cdc_get_max_lsn(), N'all') ORDER BY id
=> 4|NULL|1|9|1
=> 1|NULL|2|2|2
=> 2|NULL|3|3|3
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_rows(sys.fn_cdc_get_min_lsn(N'dbo_n_rows'), sys.fn_cdc_get_max_lsn(), N'all with mask') ORDER BY id
=> 4|0x02|1|9|1
=> 1|NULL|2|2|2
=> 2|NULL|3|3|3
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_rows(sys.fn_cdc_get_min_lsn(N'dbo_n_rows'), sys.fn_cdc_get_max_lsn(), N'all with merge') ORDER BY id
=> 5|NULL|1|9|1
=> 1|NULL|2|2|2
=> 5|NULL|3|3|3

--- case: an update back to the first value is an update still
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-net-changes-capture-instance-transact-sql
CREATE TABLE dbo.n_back (id int NOT NULL PRIMARY KEY, v int NULL, w int NULL);
INSERT dbo.n_back VALUES (1, 1, 1);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'n_back', @role_name = NULL;
GO
UPDATE dbo.n_back SET v = 2
GO
UPDATE dbo.n_back SET v = 1
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_back(sys.fn_cdc_get_min_lsn(N'dbo_n_back'), sys.fn_cdc_get_max_lsn(), N'all') ORDER BY id
=> 4|NULL|1|1|1
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_back(sys.fn_cdc_get_min_lsn(N'dbo_n_back'), sys.fn_cdc_get_max_lsn(), N'all with mask') ORDER BY id
=> 4|0x02|1|1|1

--- case: changes within one transaction add up as well
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-net-changes-capture-instance-transact-sql
CREATE TABLE dbo.n_tran (id int NOT NULL PRIMARY KEY, v int NULL, w int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'n_tran', @role_name = NULL;
GO
BEGIN TRANSACTION; INSERT dbo.n_tran VALUES (1, 1, 1); UPDATE dbo.n_tran SET v = 2; INSERT dbo.n_tran VALUES (2, 2, 2); DELETE dbo.n_tran WHERE id = 2; COMMIT
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, __$update_mask, id, v, w FROM cdc.fn_cdc_get_net_changes_dbo_n_tran(sys.fn_cdc_get_min_lsn(N'dbo_n_tran'), sys.fn_cdc_get_max_lsn(), N'all') ORDER BY id
=> 2|NULL|1|2|1

--- case: keys of several columns are compared whole
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-net-changes-capture-instance-transact-sql
CREATE TABLE dbo.n_two (a int NOT NULL, b int NOT NULL, v int NULL, PRIMARY KEY (a, b));
INSERT dbo.n_two VALUES (1, 1, 1), (1, 2, 2);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'n_two', @role_name = NULL;
GO
UPDATE dbo.n_two SET v = 5 WHERE a = 1 AND b = 1
GO
DELETE dbo.n_two WHERE a = 1 AND b = 2
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, a, b, v FROM cdc.fn_cdc_get_net_changes_dbo_n_two(sys.fn_cdc_get_min_lsn(N'dbo_n_two'), sys.fn_cdc_get_max_lsn(), N'all') ORDER BY a, b
=> 4|1|1|5
=> 1|1|2|2

--- case: an instance goes by the index that it was given
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-net-changes-capture-instance-transact-sql
CREATE TABLE dbo.n_index (id int NOT NULL PRIMARY KEY, code int NOT NULL, v int NULL, CONSTRAINT n_code UNIQUE (code));
INSERT dbo.n_index VALUES (1, 10, 1);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'n_index', @role_name = NULL, @index_name = N'n_code', @supports_net_changes = 1;
GO
UPDATE dbo.n_index SET id = 2
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, id, code, v FROM cdc.fn_cdc_get_net_changes_dbo_n_index(sys.fn_cdc_get_min_lsn(N'dbo_n_index'), sys.fn_cdc_get_max_lsn(), N'all') 
=> 4|2|10|1

--- case: only what lies between the LSNs counts
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-net-changes-capture-instance-transact-sql
CREATE TABLE dbo.n_range (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'n_range', @role_name = NULL;
GO
INSERT dbo.n_range VALUES (1, 1);
GO
UPDATE dbo.n_range SET v = 2;
GO
DELETE dbo.n_range;
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
DECLARE @insert binary(10) = (SELECT __$start_lsn FROM cdc.dbo_n_range_CT WHERE __$operation = 2), @update binary(10) = (SELECT __$start_lsn FROM cdc.dbo_n_range_CT WHERE __$operation = 4),
    @delete binary(10) = (SELECT __$start_lsn FROM cdc.dbo_n_range_CT WHERE __$operation = 1);
SELECT 'insert', __$operation, v FROM cdc.fn_cdc_get_net_changes_dbo_n_range(@insert, @insert, N'all');
SELECT 'to update', __$operation, v FROM cdc.fn_cdc_get_net_changes_dbo_n_range(@insert, @update, N'all');
SELECT 'update', __$operation, v FROM cdc.fn_cdc_get_net_changes_dbo_n_range(@update, @update, N'all');
SELECT 'from update', __$operation, v FROM cdc.fn_cdc_get_net_changes_dbo_n_range(@update, @delete, N'all');
SELECT 'all', __$operation, v FROM cdc.fn_cdc_get_net_changes_dbo_n_range(@insert, @delete, N'all')
=> insert|2|1
=> ;
=> to update|2|2
=> ;
=> update|4|2
=> ;
=> from update|1|2
=> ;
=> (none)

--- case: the LSN is that of the last change of the row
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-net-changes-capture-instance-transact-sql
CREATE TABLE dbo.n_lsn (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'n_lsn', @role_name = NULL;
GO
INSERT dbo.n_lsn VALUES (1, 1);
GO
UPDATE dbo.n_lsn SET v = 2;
GO
INSERT dbo.n_lsn VALUES (2, 2);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT n.id, c.__$operation FROM cdc.fn_cdc_get_net_changes_dbo_n_lsn(sys.fn_cdc_get_min_lsn(N'dbo_n_lsn'), sys.fn_cdc_get_max_lsn(), N'all') AS n
JOIN cdc.dbo_n_lsn_CT AS c ON c.__$start_lsn = n.__$start_lsn AND c.__$operation <> 3 ORDER BY n.id
=> 1|4
=> 2|2

--- case: net changes have the LSN, the operation, the mask and the captured columns
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-net-changes-capture-instance-transact-sql
CREATE TABLE dbo.n_shape (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'n_shape', @role_name = NULL;
GO
INSERT dbo.n_shape VALUES (1, 1);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT v.__$start_lsn, v.__$operation, v.__$update_mask, v.id, v.v INTO #shape FROM cdc.fn_cdc_get_net_changes_dbo_n_shape(sys.fn_cdc_get_min_lsn(N'dbo_n_shape'), sys.fn_cdc_get_max_lsn(), N'all') AS v;
SELECT __$operation, __$update_mask, id, v FROM #shape
=> 2|NULL|1|1
SELECT __$seqval FROM cdc.fn_cdc_get_net_changes_dbo_n_shape(sys.fn_cdc_get_min_lsn(N'dbo_n_shape'), sys.fn_cdc_get_max_lsn(), N'all')
=> error 207 level 16: Invalid column name '__$seqval'.
SELECT __$command_id FROM cdc.fn_cdc_get_net_changes_dbo_n_shape(sys.fn_cdc_get_min_lsn(N'dbo_n_shape'), sys.fn_cdc_get_max_lsn(), N'all')
=> error 207 level 16: Invalid column name '__$command_id'.

--- case: LSNs outside of the timeline, in the wrong order or NULL, and unknown options are refused
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/sys-fn-cdc-increment-lsn-transact-sql
CREATE TABLE dbo.n_bad (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'n_bad', @role_name = NULL;
GO
INSERT dbo.n_bad VALUES (1, 1);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT id FROM cdc.fn_cdc_get_net_changes_dbo_n_bad(sys.fn_cdc_decrement_lsn(sys.fn_cdc_get_min_lsn(N'dbo_n_bad')), sys.fn_cdc_get_max_lsn(), N'all')
=> error 313 level 16 state 3: An insufficient number of arguments were supplied for the procedure or function cdc.fn_cdc_get_net_changes_ ... .
SELECT id FROM cdc.fn_cdc_get_net_changes_dbo_n_bad(sys.fn_cdc_get_min_lsn(N'dbo_n_bad'), sys.fn_cdc_increment_lsn(sys.fn_cdc_get_max_lsn()), N'all')
=> error 313 level 16 state 3: An insufficient number of arguments were supplied for the procedure or function cdc.fn_cdc_get_net_changes_ ... .
SELECT id FROM cdc.fn_cdc_get_net_changes_dbo_n_bad(sys.fn_cdc_get_max_lsn(), sys.fn_cdc_get_min_lsn(N'dbo_n_bad'), N'all')
=> error 313 level 16 state 3: An insufficient number of arguments were supplied for the procedure or function cdc.fn_cdc_get_net_changes_ ... .
SELECT id FROM cdc.fn_cdc_get_net_changes_dbo_n_bad(NULL, sys.fn_cdc_get_max_lsn(), N'all')
=> error 313 level 16 state 3: An insufficient number of arguments were supplied for the procedure or function cdc.fn_cdc_get_net_changes_ ... .
SELECT id FROM cdc.fn_cdc_get_net_changes_dbo_n_bad(sys.fn_cdc_get_min_lsn(N'dbo_n_bad'), sys.fn_cdc_get_max_lsn(), N'all update old')
=> error 313 level 16 state 3: An insufficient number of arguments were supplied for the procedure or function cdc.fn_cdc_get_net_changes_ ... .
SELECT id FROM cdc.fn_cdc_get_net_changes_dbo_n_bad(sys.fn_cdc_get_min_lsn(N'dbo_n_bad'), sys.fn_cdc_get_max_lsn(), NULL)
=> error 313 level 16 state 3: An insufficient number of arguments were supplied for the procedure or function cdc.fn_cdc_get_net_changes_ ... .

--- case: options are read without regard to case and outer blanks
--- doc: https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-net-changes-capture-instance-transact-sql
CREATE TABLE dbo.n_option (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'n_option', @role_name = NULL;
GO
INSERT dbo.n_option VALUES (1, 1);
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, id FROM cdc.fn_cdc_get_net_changes_dbo_n_option(sys.fn_cdc_get_min_lsn(N'dbo_n_option'), sys.fn_cdc_get_max_lsn(), N' All With Merge ')
=> 5|1
