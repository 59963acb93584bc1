-- INSERT: columns, defaults, identity, errors
--- case: without a column list every column but identity and computed ones
--- doc: https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql
CREATE TABLE dbo.i1 (id int IDENTITY(1, 1), a int, b AS a + 1, c varchar(5));
INSERT dbo.i1 VALUES (1, 'x');
INSERT INTO dbo.i1 SELECT 2, 'y';
SELECT id, a, b, c FROM dbo.i1 ORDER BY id
=> 1|1|2|x
=> 2|2|3|y

--- case: columns in another order, DEFAULT, and DEFAULT VALUES
--- doc: https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql
CREATE TABLE dbo.i2 (a int DEFAULT 7, b varchar(5) NULL, c int NOT NULL DEFAULT 1);
INSERT dbo.i2 (c, a) VALUES (5, DEFAULT);
INSERT dbo.i2 DEFAULT VALUES;
SELECT * FROM dbo.i2 ORDER BY c
=> 7|NULL|1
=> 7|NULL|5

--- case: more values than columns is error 110, fewer 109
--- doc: https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql
CREATE TABLE dbo.i3 (a int, b int);
GO
INSERT dbo.i3 (a) VALUES (1, 2)
=> error 110 level 15: There are fewer columns in the INSERT statement than values specified in the VALUES clause.*
INSERT dbo.i3 (a, b) VALUES (1)
=> error 109 level 15: There are more columns in the INSERT statement than values specified in the VALUES clause.*

--- case: a select list of the wrong length is error 120 or 121
--- doc: https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql
CREATE TABLE dbo.i4 (a int, b int);
GO
INSERT dbo.i4 (a, b) SELECT 1
=> error 120 level 15: The select list for the INSERT statement contains fewer items than the insert list.*
INSERT dbo.i4 (a) SELECT 1, 2
=> error 121 level 15: The select list for the INSERT statement contains more items than the insert list.*

--- case: without a column list the number must fit the table: error 213
--- doc: https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql
CREATE TABLE dbo.i5 (a int, b int);
GO
INSERT dbo.i5 VALUES (1)
=> error 213 level 16: Column name or number of supplied values does not match table definition.
INSERT dbo.i5 SELECT 1, 2, 3
=> error 213 level 16: Column name or number of supplied values does not match table definition.

--- case: rows of VALUES with different numbers of columns
--- doc: https://learn.microsoft.com/sql/t-sql/queries/table-value-constructor-transact-sql
CREATE TABLE dbo.i6 (a int, b int);
GO
INSERT dbo.i6 (a, b) VALUES (1, 2), (3)
=> error 10709 level 16: The number of columns for each row in a table value constructor must be the same.

--- case: an explicit identity value needs IDENTITY_INSERT
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-identity-insert-transact-sql
CREATE TABLE dbo.i7 (id int IDENTITY, v int);
GO
INSERT dbo.i7 (id, v) VALUES (5, 1)
=> error 544 level 16: Cannot insert explicit value for identity column in table 'i7' when IDENTITY_INSERT is set to OFF.
INSERT dbo.i7 VALUES (5, 1)
=> error 8101 level 16: An explicit value for the identity column in table 'dbo.i7' can only be specified when a column list is used and IDENTITY_INSERT is ON.
SET IDENTITY_INSERT dbo.i7 ON;
INSERT dbo.i7 (v) VALUES (1)
=> error 545 level 16: Explicit value must be specified for identity column in table 'i7' either when IDENTITY_INSERT is set to ON or when a replication user is inserting into a NOT FOR REPLICATION identity column.

--- case: an explicit identity value moves the counter
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-identity-insert-transact-sql
CREATE TABLE dbo.i8 (id int IDENTITY, v int);
SET IDENTITY_INSERT dbo.i8 ON;
INSERT dbo.i8 (id, v) VALUES (50, 1);
SET IDENTITY_INSERT dbo.i8 OFF;
INSERT dbo.i8 (v) VALUES (2);
SELECT id FROM dbo.i8 ORDER BY id
=> 50
=> 51

--- case: a computed column takes no value
--- doc: https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql
CREATE TABLE dbo.i9 (a int, b AS a + 1);
GO
INSERT dbo.i9 (a, b) VALUES (1, 2)
=> error 271 level 16: The column "b" cannot be modified because it is either a computed column or is the result of a UNION operator.

--- case: NULL into NOT NULL is error 515
--- doc: https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql
CREATE TABLE dbo.i10 (a int NOT NULL, b int);
GO
INSERT dbo.i10 (b) VALUES (1)
=> error 515 level 16: Cannot insert the value NULL into column 'a', table '*.dbo.i10'; column does not allow nulls. INSERT fails.

--- case: a column that does not exist, and one that stands twice
--- doc: https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql
CREATE TABLE dbo.i11 (a int, b int);
GO
INSERT dbo.i11 (a, c) VALUES (1, 2)
=> error 207 level 16: Invalid column name 'c'.
INSERT dbo.i11 (a, a) VALUES (1, 2)
=> error 264 level 16

--- case: a failed row leaves none of the others
--- doc: https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql
CREATE TABLE dbo.i12 (a int CHECK (a < 10));
GO
INSERT dbo.i12 VALUES (1), (20), (3)
=> error 547
SELECT COUNT(*) FROM dbo.i12
=> 0

--- case: rows from the table itself do not feed on themselves
--- doc: https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql
CREATE TABLE dbo.i13 (a int);
INSERT dbo.i13 VALUES (1), (2);
INSERT dbo.i13 SELECT a + 10 FROM dbo.i13;
SELECT COUNT(*) FROM dbo.i13
=> 4

--- case: values of several rows share their type
--- doc: https://learn.microsoft.com/sql/t-sql/queries/table-value-constructor-transact-sql
CREATE TABLE dbo.i14 (v varchar(10));
INSERT dbo.i14 VALUES (1), (2.5);
SELECT v FROM dbo.i14 ORDER BY v;
INSERT dbo.i14 VALUES ('x'), (1)
=> 1.0
=> 2.5
=> error 245

--- case: more than 1000 rows in VALUES is error 10738
--- doc: https://learn.microsoft.com/sql/t-sql/queries/table-value-constructor-transact-sql
CREATE TABLE dbo.i15 (v int);
DECLARE @sql nvarchar(max) = N'INSERT dbo.i15 VALUES (1)' + REPLICATE(CAST(N',(1)' AS nvarchar(max)), 1000);
EXEC sp_executesql @sql
=> error 10738 level 15: The number of row value expressions in the INSERT statement exceeds the maximum allowed number of 1000 row values.

--- case: 1000 rows pass
--- doc: https://learn.microsoft.com/sql/t-sql/queries/table-value-constructor-transact-sql
CREATE TABLE dbo.i16 (v int);
DECLARE @sql nvarchar(max) = N'INSERT dbo.i16 VALUES (1)' + REPLICATE(CAST(N',(1)' AS nvarchar(max)), 999);
EXEC sp_executesql @sql;
SELECT COUNT(*) FROM dbo.i16
=> 1000

--- case: text that does not fit is an error that names column and value
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-8152-database-engine-error
CREATE TABLE dbo.i17 (v varchar(3));
GO
INSERT dbo.i17 VALUES ('abcd')
=> error 2628 level 16: String or binary data would be truncated in table '*.dbo.i17', column 'v'. Truncated value: 'abc'.

--- case: SCOPE_IDENTITY and @@IDENTITY
--- doc: https://learn.microsoft.com/sql/t-sql/functions/scope-identity-transact-sql
CREATE TABLE dbo.i18 (id int IDENTITY(7, 1), v int);
INSERT dbo.i18 (v) VALUES (1), (2);
SELECT SCOPE_IDENTITY(), @@IDENTITY, IDENT_CURRENT('dbo.i18')
=> 8|8|8

--- case: from a subquery, a set operation and an ordered query
--- doc: https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql
CREATE TABLE dbo.i19 (id int IDENTITY, v int);
INSERT dbo.i19 (v) SELECT 3 UNION ALL SELECT 1 UNION ALL SELECT 2 ORDER BY 1;
INSERT dbo.i19 (v) VALUES ((SELECT MAX(v) FROM dbo.i19) + 1);
SELECT id, v FROM dbo.i19 ORDER BY id
=> 1|1
=> 2|2
=> 3|3
=> 4|4
