-- Indexes
--- case: a unique index over rows that are not
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-1505-database-engine-error
CREATE TABLE dbo.i1 (id int, v varchar(10));
INSERT dbo.i1 VALUES (1, 'a'), (2, 'a');
GO
CREATE UNIQUE INDEX ux_i1 ON dbo.i1 (v)
=> error 1505 level 16 state 1: The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the object name 'dbo.i1' and the index name 'ux_i1'. The duplicate key value is (a).

--- case: an index's name is taken on the table
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-1000-to-1999
CREATE TABLE dbo.i2 (id int, v int);
CREATE INDEX ix_i2 ON dbo.i2 (v);
GO
CREATE INDEX ix_i2 ON dbo.i2 (id)
=> error 1913 level 16: The operation failed because an index or statistics with name 'ix_i2' already exists on table 'dbo.i2'.

--- case: the same name on another table
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-index-transact-sql
CREATE TABLE dbo.i3 (id int);
CREATE TABLE dbo.i4 (id int);
CREATE INDEX ix_same ON dbo.i3 (id);
CREATE INDEX ix_same ON dbo.i4 (id);
SELECT COUNT(*) FROM sys.indexes WHERE name = 'ix_same'
=> 2

--- case: one clustered index a table
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-1000-to-1999
CREATE TABLE dbo.i5 (id int NOT NULL CONSTRAINT pk_i5 PRIMARY KEY, v int);
GO
CREATE CLUSTERED INDEX cx_i5 ON dbo.i5 (v)
=> error 1902 level 16: Cannot create more than one clustered index on table 'dbo.i5'. Drop the existing clustered index 'pk_i5' before creating another.

--- case: a nonclustered primary key beside a clustered index
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-index-transact-sql
CREATE TABLE dbo.i6 (id int NOT NULL CONSTRAINT pk_i6 PRIMARY KEY NONCLUSTERED, v int);
CREATE CLUSTERED INDEX cx_i6 ON dbo.i6 (v);
SELECT name, index_id, type_desc, is_primary_key FROM sys.indexes WHERE object_id = OBJECT_ID('dbo.i6') ORDER BY index_id
=> cx_i6|1|CLUSTERED|0
=> pk_i6|2|NONCLUSTERED|1

--- case: a heap is index 0
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-indexes-transact-sql
CREATE TABLE dbo.i7 (id int);
SELECT name, index_id, type, type_desc FROM sys.indexes WHERE object_id = OBJECT_ID('dbo.i7')
=> NULL|0|0|HEAP

--- case: key and included columns
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-index-columns-transact-sql
CREATE TABLE dbo.i8 (a int, b int, c int, d int);
CREATE INDEX ix_i8 ON dbo.i8 (b DESC, a) INCLUDE (d);
SELECT COL_NAME(object_id, column_id), key_ordinal, is_descending_key, is_included_column FROM sys.index_columns WHERE object_id = OBJECT_ID('dbo.i8') ORDER BY index_column_id
=> b|1|1|0
=> a|2|0|0
=> d|0|0|1

--- case: a filtered unique index
--- doc: https://learn.microsoft.com/sql/relational-databases/indexes/create-filtered-indexes
CREATE TABLE dbo.i9 (id int PRIMARY KEY, v int NULL);
CREATE UNIQUE INDEX ux_i9 ON dbo.i9 (v) WHERE v IS NOT NULL;
INSERT dbo.i9 VALUES (1, NULL), (2, NULL), (3, 5);
SELECT has_filter FROM sys.indexes WHERE name = 'ux_i9'
=> 1
INSERT dbo.i9 VALUES (4, 5)
=> error 2601 level 14: Cannot insert duplicate key row in object 'dbo.i9' with unique index 'ux_i9'. *

--- case: a unique index takes one NULL
--- doc: https://learn.microsoft.com/sql/relational-databases/indexes/create-unique-indexes
CREATE TABLE dbo.i10 (id int PRIMARY KEY, v int NULL);
CREATE UNIQUE INDEX ux_i10 ON dbo.i10 (v);
INSERT dbo.i10 VALUES (1, NULL);
GO
INSERT dbo.i10 VALUES (2, NULL)
=> error 2601 level 14

--- case: a column that does not exist
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-1000-to-1999
CREATE TABLE dbo.i11 (id int);
GO
CREATE INDEX ix_i11 ON dbo.i11 (nothing)
=> error 1911 level 16: Column name 'nothing' does not exist in the target table or view.

--- case: a column twice
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-1000-to-1999
CREATE TABLE dbo.i12 (id int);
GO
CREATE INDEX ix_i12 ON dbo.i12 (id, id)
=> error 1909 level 16

--- case: a column of a large type
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-1000-to-1999
CREATE TABLE dbo.i13 (v varchar(max));
GO
CREATE INDEX ix_i13 ON dbo.i13 (v)
=> error 1919 level 16: Column 'v' in table 'dbo.i13' is of a type that is invalid for use as a key column in an index.

--- case: a table that does not exist
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-1000-to-1999
CREATE INDEX ix_nothing ON dbo.no_such_table (v)
=> error 1088 level 16: Cannot find the object "dbo.no_such_table" because it does not exist or you do not have permissions.

--- case: an index is dropped, in the new and in the old way
--- doc: https://learn.microsoft.com/sql/t-sql/statements/drop-index-transact-sql
CREATE TABLE dbo.i14 (a int, b int, c int);
CREATE INDEX ix_a ON dbo.i14 (a);
CREATE INDEX ix_b ON dbo.i14 (b);
CREATE INDEX ix_c ON dbo.i14 (c);
DROP INDEX ix_a ON dbo.i14, ix_b ON dbo.i14;
DROP INDEX i14.ix_c;
SELECT COUNT(*) FROM sys.indexes WHERE object_id = OBJECT_ID('dbo.i14') AND index_id > 0
=> 0

--- case: an index that does not exist
--- doc: https://learn.microsoft.com/sql/t-sql/statements/drop-index-transact-sql
CREATE TABLE dbo.i15 (a int);
GO
DROP INDEX ix_none ON dbo.i15
=> error 3701 level 11: Cannot drop the index 'dbo.i15.ix_none', because it does not exist or you do not have permission.
DROP INDEX IF EXISTS ix_none ON dbo.i15;
SELECT 1
=> 1

--- case: the index of a constraint cannot be dropped
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-3000-to-3999
CREATE TABLE dbo.i16 (id int NOT NULL CONSTRAINT pk_i16 PRIMARY KEY);
GO
DROP INDEX pk_i16 ON dbo.i16
=> error 3723 level 16: An explicit DROP INDEX is not allowed on index 'dbo.i16.pk_i16'. It is being used for PRIMARY KEY constraint enforcement.

--- case: DROP_EXISTING
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-index-transact-sql
CREATE TABLE dbo.i17 (a int, b int);
CREATE INDEX ix_i17 ON dbo.i17 (a);
CREATE INDEX ix_i17 ON dbo.i17 (b) WITH (DROP_EXISTING = ON);
SELECT COL_NAME(object_id, column_id) FROM sys.index_columns WHERE object_id = OBJECT_ID('dbo.i17')
=> b

--- case: DROP_EXISTING of nothing
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-7000-to-7999
CREATE TABLE dbo.i18 (a int);
GO
CREATE INDEX ix_i18 ON dbo.i18 (a) WITH (DROP_EXISTING = ON)
=> error 7999 level 16: Could not find any index named 'ix_i18' for table '*i18'.

--- case: indexes inside CREATE TABLE
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-table-transact-sql
CREATE TABLE dbo.i19 (id int PRIMARY KEY, a int INDEX ix_i19a, b int, INDEX ix_i19b UNIQUE (b, a));
SELECT name, is_unique, is_primary_key FROM sys.indexes WHERE object_id = OBJECT_ID('dbo.i19') AND is_primary_key = 0 ORDER BY name
=> ix_i19a|0|0
=> ix_i19b|1|0
INSERT dbo.i19 VALUES (1, 1, 1);
INSERT dbo.i19 VALUES (2, 1, 1)
=> error 2601 level 14: Cannot insert duplicate key row in object 'dbo.i19' with unique index 'ix_i19b'. The duplicate key value is (1, 1).

--- case: REBUILD and REORGANIZE
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-index-transact-sql
CREATE TABLE dbo.i20 (a int);
CREATE INDEX ix_i20 ON dbo.i20 (a);
ALTER INDEX ix_i20 ON dbo.i20 REBUILD;
ALTER INDEX ALL ON dbo.i20 REORGANIZE;
SELECT is_disabled FROM sys.indexes WHERE name = 'ix_i20'
=> 0

--- case: an index that is disabled
--- doc: https://learn.microsoft.com/sql/relational-databases/indexes/disable-indexes-and-constraints
--- refused: indexes cannot be disabled
CREATE TABLE dbo.i21 (a int);
CREATE INDEX ix_i21 ON dbo.i21 (a);
ALTER INDEX ix_i21 ON dbo.i21 DISABLE;
SELECT is_disabled FROM sys.indexes WHERE name = 'ix_i21'
=> 1

--- case: IGNORE_DUP_KEY
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-index-transact-sql
--- refused: duplicates are always errors
CREATE TABLE dbo.i22 (a int);
CREATE UNIQUE INDEX ux_i22 ON dbo.i22 (a) WITH (IGNORE_DUP_KEY = ON);
INSERT dbo.i22 VALUES (1);
INSERT dbo.i22 VALUES (1);
SELECT COUNT(*) FROM dbo.i22
=> 1

--- case: properties of an index
--- doc: https://learn.microsoft.com/sql/t-sql/functions/indexproperty-transact-sql
CREATE TABLE dbo.i23 (id int NOT NULL CONSTRAINT pk_i23 PRIMARY KEY, a int);
CREATE INDEX ix_i23 ON dbo.i23 (a);
SELECT INDEXPROPERTY(OBJECT_ID('dbo.i23'), 'pk_i23', 'IsClustered'), INDEXPROPERTY(OBJECT_ID('dbo.i23'), 'pk_i23', 'IsUnique'), INDEXPROPERTY(OBJECT_ID('dbo.i23'), 'ix_i23', 'IsUnique'), INDEXPROPERTY(OBJECT_ID('dbo.i23'), 'nothing', 'IsUnique')
=> 1|1|0|NULL

--- case: an index after ROLLBACK
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/rollback-transaction-transact-sql
CREATE TABLE dbo.i24 (a int);
BEGIN TRANSACTION;
CREATE UNIQUE INDEX ux_i24 ON dbo.i24 (a);
ROLLBACK;
INSERT dbo.i24 VALUES (1), (1);
SELECT COUNT(*) FROM sys.indexes WHERE name = 'ux_i24'
=> 0
