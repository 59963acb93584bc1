-- ALTER TABLE: columns added, altered and dropped
--- case: a nullable column is NULL in the rows that are there
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql
CREATE TABLE dbo.a1 (id int PRIMARY KEY);
INSERT dbo.a1 VALUES (1);
ALTER TABLE dbo.a1 ADD v varchar(10) NULL, w int NULL;
SELECT id, v, w FROM dbo.a1
=> 1|NULL|NULL

--- case: a default fills the rows that are there when the column is NOT NULL
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql
CREATE TABLE dbo.a2 (id int PRIMARY KEY);
INSERT dbo.a2 VALUES (1);
ALTER TABLE dbo.a2 ADD v int NOT NULL CONSTRAINT df_a2 DEFAULT 7;
SELECT id, v FROM dbo.a2
=> 1|7

--- case: a default does not fill a nullable column without WITH VALUES
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql#with-values
CREATE TABLE dbo.a3 (id int PRIMARY KEY);
INSERT dbo.a3 VALUES (1);
ALTER TABLE dbo.a3 ADD v int NULL DEFAULT 7;
ALTER TABLE dbo.a3 ADD w int NULL DEFAULT 8 WITH VALUES;
SELECT id, v, w FROM dbo.a3
=> 1|NULL|8

--- case: NOT NULL without default cannot be added to a table with rows
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-4000-to-4999
CREATE TABLE dbo.a4 (id int PRIMARY KEY);
INSERT dbo.a4 VALUES (1);
GO
ALTER TABLE dbo.a4 ADD v int NOT NULL
=> error 4901 level 16: ALTER TABLE only allows columns to be added that can contain nulls, or have a DEFAULT definition specified, *

--- case: NOT NULL without default can be added to an empty table
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql
CREATE TABLE dbo.a5 (id int PRIMARY KEY);
ALTER TABLE dbo.a5 ADD v int NOT NULL;
SELECT COLUMNPROPERTY(OBJECT_ID('dbo.a5'), 'v', 'AllowsNull')
=> 0

--- case: each row gets its own NEWID
--- doc: https://learn.microsoft.com/sql/t-sql/functions/newid-transact-sql
CREATE TABLE dbo.a6 (id int PRIMARY KEY);
INSERT dbo.a6 VALUES (1), (2), (3);
ALTER TABLE dbo.a6 ADD g uniqueidentifier NOT NULL DEFAULT NEWID();
SELECT COUNT(DISTINCT g) FROM dbo.a6
=> 3

--- case: an identity column numbers the rows that are there
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql
CREATE TABLE dbo.a7 (v int);
INSERT dbo.a7 VALUES (1), (2), (3);
ALTER TABLE dbo.a7 ADD id int IDENTITY(10, 5) NOT NULL;
SELECT MIN(id), MAX(id), COUNT(DISTINCT id) FROM dbo.a7;
INSERT dbo.a7 (v) VALUES (4);
SELECT id FROM dbo.a7 WHERE v = 4
=> 10|20|3
=> ;
=> 25

--- case: a computed column is added
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/specify-computed-columns-in-a-table
CREATE TABLE dbo.a8 (a int, b int);
INSERT dbo.a8 VALUES (2, 3);
ALTER TABLE dbo.a8 ADD c AS a * b, d AS a + b PERSISTED;
SELECT c, d FROM dbo.a8
=> 6|5

--- case: a column's name is taken
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-2000-to-2999
CREATE TABLE dbo.a9 (id int);
GO
ALTER TABLE dbo.a9 ADD ID int
=> error 2705 level 16: Column names in each table must be unique. Column name 'ID' in table 'dbo.a9' is specified more than once.

--- case: a table that does not exist
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-4000-to-4999
ALTER TABLE dbo.no_such_table ADD v int
=> error 4902 level 16: Cannot find the object "dbo.no_such_table" because it does not exist or you do not have permissions.

--- case: a column is dropped
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql#drop-column
CREATE TABLE dbo.b1 (id int PRIMARY KEY, a int, b int, c int);
INSERT dbo.b1 VALUES (1, 2, 3, 4);
ALTER TABLE dbo.b1 DROP COLUMN a, c;
SELECT * FROM dbo.b1;
SELECT name, column_id FROM sys.columns WHERE object_id = OBJECT_ID('dbo.b1') ORDER BY column_id
=> 1|3
=> ;
=> id|1
=> b|3

--- case: a new column does not get the id of a dropped one in between
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-columns-transact-sql
CREATE TABLE dbo.b2 (a int, b int, c int);
ALTER TABLE dbo.b2 DROP COLUMN b;
ALTER TABLE dbo.b2 ADD d int;
SELECT name, column_id FROM sys.columns WHERE object_id = OBJECT_ID('dbo.b2') ORDER BY column_id
=> a|1
=> c|3
=> d|4

--- case: a column that does not exist cannot be dropped
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-4000-to-4999
CREATE TABLE dbo.b3 (a int, b int);
GO
ALTER TABLE dbo.b3 DROP COLUMN z
=> error 4924 level 16: ALTER TABLE DROP COLUMN failed because column 'z' does not exist in table 'b3'.
ALTER TABLE dbo.b3 DROP COLUMN IF EXISTS z;
SELECT 1
=> 1

--- case: the last column stays
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-4000-to-4999
CREATE TABLE dbo.b4 (a int);
GO
ALTER TABLE dbo.b4 DROP COLUMN a
=> error 4923 level 16: ALTER TABLE DROP COLUMN failed because 'a' is the only data column in table 'b4'. A table must have at least one data column.

--- case: a column with a default constraint cannot be dropped
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-5000-to-5999
CREATE TABLE dbo.b5 (a int, b int CONSTRAINT df_b5 DEFAULT 1);
GO
ALTER TABLE dbo.b5 DROP COLUMN b
=> error 5074 level 16: The object 'df_b5' is dependent on column 'b'.

--- case: a column in an index cannot be dropped
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-5000-to-5999
CREATE TABLE dbo.b6 (a int, b int);
CREATE INDEX ix_b6 ON dbo.b6 (b);
GO
ALTER TABLE dbo.b6 DROP COLUMN b
=> error 5074 level 16: The index 'ix_b6' is dependent on column 'b'.

--- case: an included column cannot be dropped
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-5000-to-5999
CREATE TABLE dbo.b7 (a int, b int);
CREATE INDEX ix_b7 ON dbo.b7 (a) INCLUDE (b);
GO
ALTER TABLE dbo.b7 DROP COLUMN b
=> error 5074 level 16: The index 'ix_b7' is dependent on column 'b'.

--- case: a column of the primary key cannot be dropped
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-5000-to-5999
CREATE TABLE dbo.b8 (a int NOT NULL CONSTRAINT pk_b8 PRIMARY KEY, b int);
GO
ALTER TABLE dbo.b8 DROP COLUMN a
=> error 5074 level 16: The object 'pk_b8' is dependent on column 'a'.

--- case: a column that a computed column needs cannot be dropped
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-5000-to-5999
CREATE TABLE dbo.b9 (a int, b int, c AS b + 1);
GO
ALTER TABLE dbo.b9 DROP COLUMN b
=> error 5074 level 16: The column 'c' is dependent on column 'b'.

--- case: inside TRY the second of the two errors is caught
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/try-catch-transact-sql
CREATE TABLE dbo.b10 (a int, b int CONSTRAINT df_b10 DEFAULT 1);
GO
BEGIN TRY
    ALTER TABLE dbo.b10 DROP COLUMN b;
END TRY
BEGIN CATCH
    SELECT ERROR_NUMBER(), ERROR_MESSAGE();
END CATCH
=> 4922|ALTER TABLE DROP COLUMN b failed because one or more objects access this column.

--- case: a type is widened
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql#alter-column
CREATE TABLE dbo.c1 (id int PRIMARY KEY, v int NOT NULL);
INSERT dbo.c1 VALUES (1, 2147483647);
ALTER TABLE dbo.c1 ALTER COLUMN v bigint NOT NULL;
UPDATE dbo.c1 SET v = v + 1;
SELECT v FROM dbo.c1
=> 2147483648

--- case: a type is narrowed when every value fits
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql#alter-column
CREATE TABLE dbo.c2 (id int PRIMARY KEY, v bigint NOT NULL);
INSERT dbo.c2 VALUES (1, 200);
ALTER TABLE dbo.c2 ALTER COLUMN v tinyint NOT NULL;
SELECT v, TYPE_NAME(system_type_id) FROM dbo.c2 JOIN sys.columns ON object_id = OBJECT_ID('dbo.c2') AND name = 'v'
=> 200|tinyint

--- case: a value that does not fit keeps the type as it is
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-8115-database-engine-error
CREATE TABLE dbo.c3 (id int PRIMARY KEY, v int NOT NULL);
INSERT dbo.c3 VALUES (1, 300);
GO
ALTER TABLE dbo.c3 ALTER COLUMN v tinyint NOT NULL
=> error 220
SELECT TYPE_NAME(system_type_id) FROM sys.columns WHERE object_id = OBJECT_ID('dbo.c3') AND name = 'v'
=> int

--- case: text becomes a number
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql#alter-column
CREATE TABLE dbo.c4 (id int PRIMARY KEY, v varchar(20));
INSERT dbo.c4 VALUES (1, '42'), (2, NULL);
ALTER TABLE dbo.c4 ALTER COLUMN v int;
SELECT id, v + 1 FROM dbo.c4 ORDER BY id
=> 1|43
=> 2|NULL

--- case: text that is no number
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-245-database-engine-error
CREATE TABLE dbo.c5 (id int PRIMARY KEY, v varchar(20));
INSERT dbo.c5 VALUES (1, 'x');
GO
ALTER TABLE dbo.c5 ALTER COLUMN v int
=> error 245 level 16: Conversion failed when converting the varchar value 'x' to data type int.

--- case: a number becomes text
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql#alter-column
CREATE TABLE dbo.c6 (id int PRIMARY KEY, v int);
INSERT dbo.c6 VALUES (1, 42);
ALTER TABLE dbo.c6 ALTER COLUMN v nvarchar(10);
SELECT v + N'!' FROM dbo.c6
=> 42!

--- case: a string that is too long is not cut
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-8152-database-engine-error
CREATE TABLE dbo.c7 (id int PRIMARY KEY, v varchar(20));
INSERT dbo.c7 VALUES (1, 'abcdef');
GO
BEGIN TRY
    ALTER TABLE dbo.c7 ALTER COLUMN v varchar(3);
END TRY
BEGIN CATCH
    SELECT CASE WHEN ERROR_NUMBER() IN (8152, 2628) THEN 'cut' END;
END CATCH;
SELECT v FROM dbo.c7
=> cut
=> ;
=> abcdef

--- case: types that cannot be converted
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#implicit-conversions
CREATE TABLE dbo.c8 (id int PRIMARY KEY, v date);
GO
ALTER TABLE dbo.c8 ALTER COLUMN v int
=> error 206 level 16: Operand type clash: date is incompatible with int

--- case: datetime2 becomes date
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql#alter-column
CREATE TABLE dbo.c9 (id int PRIMARY KEY, v datetime2(7));
INSERT dbo.c9 VALUES (1, '2024-02-29T23:59:59.9999999');
ALTER TABLE dbo.c9 ALTER COLUMN v date;
SELECT CAST(v AS varchar(30)) FROM dbo.c9
=> 2024-02-29

--- case: a decimal's scale grows
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql#alter-column
CREATE TABLE dbo.c10 (id int PRIMARY KEY, v decimal(5, 1) NOT NULL);
INSERT dbo.c10 VALUES (1, 12.3);
ALTER TABLE dbo.c10 ALTER COLUMN v decimal(30, 4) NOT NULL;
SELECT v FROM dbo.c10
=> 12.3000

--- case: NULL becomes NOT NULL unless a row is NULL
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-515-database-engine-error
CREATE TABLE dbo.c11 (id int PRIMARY KEY, v int NULL);
INSERT dbo.c11 VALUES (1, NULL);
GO
ALTER TABLE dbo.c11 ALTER COLUMN v int NOT NULL
=> error 515 level 16: Cannot insert the value NULL into column 'v', table '*.dbo.c11'; column does not allow nulls. UPDATE fails.
UPDATE dbo.c11 SET v = 0;
ALTER TABLE dbo.c11 ALTER COLUMN v int NOT NULL;
SELECT is_nullable FROM sys.columns WHERE object_id = OBJECT_ID('dbo.c11') AND name = 'v'
=> 0

--- case: a column without NULL or NOT NULL becomes nullable
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql#alter-column
CREATE TABLE dbo.c12 (id int PRIMARY KEY, v int NOT NULL);
ALTER TABLE dbo.c12 ALTER COLUMN v bigint;
SELECT is_nullable FROM sys.columns WHERE object_id = OBJECT_ID('dbo.c12') AND name = 'v'
=> 1

--- case: another collation
--- doc: https://learn.microsoft.com/sql/relational-databases/collations/set-or-change-the-column-collation
CREATE TABLE dbo.c13 (id int PRIMARY KEY, v varchar(10) COLLATE Latin1_General_CI_AS NOT NULL);
INSERT dbo.c13 VALUES (1, 'abc'), (2, 'ABC');
ALTER TABLE dbo.c13 ALTER COLUMN v varchar(10) COLLATE Latin1_General_BIN2 NOT NULL;
SELECT id FROM dbo.c13 WHERE v = 'abc';
SELECT collation_name FROM sys.columns WHERE object_id = OBJECT_ID('dbo.c13') AND name = 'v'
=> 1
=> ;
=> Latin1_General_BIN2

--- case: a computed column cannot be altered
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-4000-to-4999
CREATE TABLE dbo.c14 (a int, b AS a + 1);
GO
ALTER TABLE dbo.c14 ALTER COLUMN b int
=> error 4928 level 16: Cannot alter column 'b' because it is 'COMPUTED'.

--- case: a column that does not exist cannot be altered
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-4000-to-4999
CREATE TABLE dbo.c15 (a int);
GO
ALTER TABLE dbo.c15 ALTER COLUMN b int
=> error 4924 level 16: ALTER TABLE ALTER COLUMN failed because column 'b' does not exist in table 'c15'.

--- case: a column of the primary key cannot change its type
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-5000-to-5999
CREATE TABLE dbo.c16 (a int NOT NULL CONSTRAINT pk_c16 PRIMARY KEY);
GO
ALTER TABLE dbo.c16 ALTER COLUMN a bigint NOT NULL
=> error 5074 level 16: The object 'pk_c16' is dependent on column 'a'.

--- case: an indexed column may only become longer
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql#alter-column
CREATE TABLE dbo.c17 (id int PRIMARY KEY, v varchar(10), n int);
CREATE INDEX ix_c17 ON dbo.c17 (v);
CREATE INDEX ix_c17_n ON dbo.c17 (n);
ALTER TABLE dbo.c17 ALTER COLUMN v varchar(20);
GO
ALTER TABLE dbo.c17 ALTER COLUMN n bigint
=> error 5074 level 16: The index 'ix_c17_n' is dependent on column 'n'.
ALTER TABLE dbo.c17 ALTER COLUMN v varchar(5)
=> error 5074 level 16: The index 'ix_c17' is dependent on column 'v'.

--- case: a column with a default keeps its kind of type
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql#alter-column
CREATE TABLE dbo.c18 (id int PRIMARY KEY, v varchar(10) CONSTRAINT df_c18 DEFAULT 'x');
ALTER TABLE dbo.c18 ALTER COLUMN v varchar(30);
GO
ALTER TABLE dbo.c18 ALTER COLUMN v int
=> error 5074 level 16: The object 'df_c18' is dependent on column 'v'.

--- case: a column with a CHECK constraint keeps its type
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-5000-to-5999
CREATE TABLE dbo.c19 (id int PRIMARY KEY, v int CONSTRAINT ck_c19 CHECK (v > 0));
GO
ALTER TABLE dbo.c19 ALTER COLUMN v bigint
=> error 5074 level 16: The object 'ck_c19' is dependent on column 'v'.

--- case: an identity column grows and goes on counting
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql#alter-column
CREATE TABLE dbo.c20 (id smallint IDENTITY(32766, 1) NOT NULL, v int);
INSERT dbo.c20 (v) VALUES (1), (2);
ALTER TABLE dbo.c20 ALTER COLUMN id int NOT NULL;
INSERT dbo.c20 (v) VALUES (3);
SELECT id FROM dbo.c20 WHERE v = 3
=> 32768

--- case: what an ALTER TABLE did is rolled back
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/rollback-transaction-transact-sql
CREATE TABLE dbo.d1 (id int PRIMARY KEY, v varchar(10) NOT NULL);
INSERT dbo.d1 VALUES (1, '5');
BEGIN TRANSACTION;
ALTER TABLE dbo.d1 ALTER COLUMN v int NOT NULL;
ALTER TABLE dbo.d1 ADD w int NOT NULL DEFAULT 3;
INSERT dbo.d1 VALUES (2, 6, 7);
SELECT id, v + w FROM dbo.d1 ORDER BY id;
ROLLBACK;
SELECT id, v + 'x' FROM dbo.d1
=> 1|8
=> 2|13
=> ;
=> 1|5x

--- case: to a savepoint as well
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/save-transaction-transact-sql
CREATE TABLE dbo.d2 (id int PRIMARY KEY, v varchar(10) NOT NULL);
INSERT dbo.d2 VALUES (1, '5');
BEGIN TRANSACTION;
INSERT dbo.d2 VALUES (2, '6');
SAVE TRANSACTION here;
ALTER TABLE dbo.d2 ALTER COLUMN v int NOT NULL;
ROLLBACK TRANSACTION here;
INSERT dbo.d2 VALUES (3, 'x');
COMMIT;
SELECT id, v FROM dbo.d2 ORDER BY id
=> 1|5
=> 2|6
=> 3|x

--- case: other sessions see the table as it is now
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql
CREATE TABLE dbo.d3 (id int PRIMARY KEY, v varchar(10) NOT NULL);
INSERT dbo.d3 VALUES (1, '5');
GO
--- session b
SELECT v + '!' FROM dbo.d3
=> 5!
--- session a
ALTER TABLE dbo.d3 ALTER COLUMN v int NOT NULL;
GO
--- session b
SELECT v + 1 FROM dbo.d3
=> 6

--- case: keys that refer to an altered table still hold
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/primary-and-foreign-key-constraints
CREATE TABLE dbo.d4 (id int PRIMARY KEY, v varchar(10) NOT NULL);
CREATE TABLE dbo.d4_child (id int PRIMARY KEY, parent int CONSTRAINT fk_d4 REFERENCES dbo.d4 ON DELETE CASCADE);
INSERT dbo.d4 VALUES (1, '5'), (2, '6');
INSERT dbo.d4_child VALUES (1, 1), (2, 2);
ALTER TABLE dbo.d4 ALTER COLUMN v int NOT NULL;
SELECT COUNT(*) FROM dbo.d4_child
=> 2
INSERT dbo.d4_child VALUES (3, 9)
=> error 547 level 16: The INSERT statement conflicted with the FOREIGN KEY constraint "fk_d4". *
DELETE dbo.d4 WHERE id = 1;
SELECT id FROM dbo.d4_child
=> 2

--- case: a temporary table gets and loses columns
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql
CREATE TABLE #t (id int NOT NULL, v varchar(10) NULL);
INSERT #t VALUES (1, '7');
ALTER TABLE #t ADD w int NULL, x int NOT NULL DEFAULT 4;
ALTER TABLE #t ALTER COLUMN v int NULL;
GO
SELECT id, v + 1, w, x FROM #t
=> 1|8|NULL|4
ALTER TABLE #t DROP COLUMN w;
GO
SELECT * FROM #t
=> 1|7|4

--- case: a temporary table gets a primary key
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql
CREATE TABLE #k (id int NOT NULL, v int NULL);
INSERT #k VALUES (1, 1);
ALTER TABLE #k ADD PRIMARY KEY (id);
GO
INSERT #k VALUES (1, 2)
=> error 2627 level 14: Violation of PRIMARY KEY constraint *

--- case: SWITCH
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql
--- refused: partitions are not there
CREATE TABLE dbo.e1 (id int NOT NULL);
CREATE TABLE dbo.e2 (id int NOT NULL);
INSERT dbo.e1 VALUES (1);
ALTER TABLE dbo.e1 SWITCH TO dbo.e2;
SELECT COUNT(*) FROM dbo.e2
=> 1

--- case: a column of sequence values for the rows that are there
--- doc: https://learn.microsoft.com/sql/t-sql/functions/next-value-for-transact-sql
--- refused: existing rows would each take a value of the sequence
CREATE SEQUENCE dbo.c90_s START WITH 1
GO
CREATE TABLE dbo.c90 (id int PRIMARY KEY);
INSERT dbo.c90 VALUES (1);
ALTER TABLE dbo.c90 ADD v int NOT NULL DEFAULT NEXT VALUE FOR dbo.c90_s

--- case: the names of numeric and sysname are kept by ALTER COLUMN
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-types-transact-sql
CREATE TABLE dbo.c91 (a int, b varchar(5));
ALTER TABLE dbo.c91 ALTER COLUMN a numeric(9, 0);
ALTER TABLE dbo.c91 ALTER COLUMN b sysname NOT NULL;
SELECT c.name, t.name FROM sys.columns c JOIN sys.types t ON t.user_type_id = c.user_type_id
WHERE c.object_id = OBJECT_ID('dbo.c91') ORDER BY c.column_id
=> a|numeric
=> b|sysname
ALTER TABLE dbo.c91 ALTER COLUMN a decimal(9, 0);
ALTER TABLE dbo.c91 ALTER COLUMN b nvarchar(10);
SELECT c.name, t.name FROM sys.columns c JOIN sys.types t ON t.user_type_id = c.user_type_id
WHERE c.object_id = OBJECT_ID('dbo.c91') ORDER BY c.column_id
=> a|decimal
=> b|nvarchar

--- case: two columns of one name in a table variable
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-2000-to-2999
DECLARE @t TABLE (a int, a int)
=> error 2705 level 16: Column names in each table must be unique. Column name 'a' in table '@t' is specified more than once.

--- case: a sparse column is altered
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/use-sparse-columns
--- refused: sparse columns as the subject of ALTER COLUMN
CREATE TABLE dbo.c92 (id int PRIMARY KEY, a int SPARSE NULL);
ALTER TABLE dbo.c92 ALTER COLUMN a bigint NULL

--- case: a second identity column by ALTER TABLE
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-2000-to-2999
CREATE TABLE dbo.m1 (id int IDENTITY);
ALTER TABLE dbo.m1 ADD b int IDENTITY
=> error 2744 level 16: Multiple identity columns specified for table 'm1'. Only one identity column per table is allowed.

--- case: the rules of computed columns hold for ALTER TABLE ADD; their nullability
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/specify-computed-columns-in-a-table
CREATE TABLE dbo.m2 (a int NOT NULL, b AS a + 1, c AS a, d AS ISNULL(a + 1, 0));
ALTER TABLE dbo.m2 ADD e AS b + 1
=> error 1759 level 16: Computed column 'b' in table 'm2' is not allowed to be used in another computed-column definition.
ALTER TABLE dbo.m2 ADD e AS GETDATE() PERSISTED
=> error 4936 level 16: Computed column 'e' in table 'm2' cannot be persisted because the column is non-deterministic.
ALTER TABLE dbo.m2 ADD f AS a PERSISTED NOT NULL, g AS a * 2 PERSISTED;
SELECT name, is_nullable, is_computed FROM sys.columns WHERE object_id = OBJECT_ID('dbo.m2') ORDER BY column_id
=> a|0|0
=> b|1|1
=> c|0|1
=> d|0|1
=> f|0|1
=> g|1|1

--- case: an index over a computed column that is not deterministic
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/specify-computed-columns-in-a-table
CREATE TABLE dbo.m3 (a int NOT NULL, b AS GETDATE(), INDEX i (b))
=> error 2729 level 16: *
CREATE TABLE dbo.m3b (a int NOT NULL, b AS GETDATE());
CREATE INDEX i ON dbo.m3b (b)
=> error 2729 level 16: *

--- case: an identity column overflows at the range of its new type
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql
CREATE TABLE dbo.m4 (id tinyint IDENTITY(254, 1), v int);
INSERT dbo.m4 VALUES (1), (2);
INSERT dbo.m4 VALUES (3)
=> error 8115 level 16: Arithmetic overflow error converting IDENTITY to data type tinyint.
ALTER TABLE dbo.m4 ALTER COLUMN id smallint NOT NULL;
DBCC CHECKIDENT ('dbo.m4', RESEED, 32767) WITH NO_INFOMSGS;
INSERT dbo.m4 VALUES (3)
=> error 8115 level 16: Arithmetic overflow error converting IDENTITY to data type smallint.

--- case: what a table is made anew for leaves the other columns as they were
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql
CREATE TABLE dbo.m5 (id int PRIMARY KEY, a int SPARSE NULL, n numeric(5,1), s sysname, v varchar(5), x int);
INSERT dbo.m5 VALUES (1, 2, 3.5, 's', '7', 9);
ALTER TABLE dbo.m5 DROP COLUMN x;
ALTER TABLE dbo.m5 ALTER COLUMN v int;
SELECT id, a, n, s, v FROM dbo.m5
=> 1|2|3.5|s|7
SELECT c.name, t.name, c.is_sparse FROM sys.columns c JOIN sys.types t ON t.user_type_id = c.user_type_id WHERE c.object_id = OBJECT_ID('dbo.m5') ORDER BY c.column_id
=> id|int|0
=> a|int|1
=> n|numeric|0
=> s|sysname|0
=> v|int|0

--- case: ALTER TABLE ADD of a second rowversion column, and of a default of another type
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/rowversion-transact-sql
CREATE TABLE dbo.m6 (id int, r rowversion);
ALTER TABLE dbo.m6 ADD r2 rowversion
=> error 2738 level 16: *
ALTER TABLE dbo.m6 ADD x int NOT NULL DEFAULT NEWID()
=> error 206 level 16: Operand type clash: uniqueidentifier is incompatible with int

--- case: computed columns and defaults of a temporary table
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql
CREATE TABLE #m7 (id int, a int)
INSERT #m7 VALUES (1, 2);
ALTER TABLE #m7 ADD b AS a + 1, c int NOT NULL DEFAULT 5;
ALTER TABLE #m7 ADD a int
=> error 2705 level 16: Column names in each table must be unique. Column name 'a' in table '#m7' is specified more than once.
SELECT * FROM #m7
=> 1|2|3|5

--- case: a DEFAULT of a sequence outlives the changes of its table
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql
CREATE SEQUENCE dbo.m8s START WITH 1
GO
CREATE TABLE dbo.m8 (id int PRIMARY KEY, a int NOT NULL DEFAULT NEXT VALUE FOR dbo.m8s, b varchar(5), x int);
INSERT dbo.m8 (id, b) VALUES (1, '1');
ALTER TABLE dbo.m8 ALTER COLUMN b int;
ALTER TABLE dbo.m8 DROP COLUMN x;
INSERT dbo.m8 (id, b) VALUES (2, 5);
SELECT id, a, b FROM dbo.m8 ORDER BY id
=> 1|1|1
=> 2|2|5
EXEC sp_rename 'dbo.m8.b', 'c', 'COLUMN'
SELECT c FROM dbo.m8 WHERE id = 2
=> 5
