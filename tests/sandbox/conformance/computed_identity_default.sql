-- Computed columns, IDENTITY, DEFAULT, sparse columns, sysname and numeric in the catalog
--- case: a computed column follows its row
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/specify-computed-columns-in-a-table
CREATE TABLE dbo.k1 (id int PRIMARY KEY, qty int, price money, total AS qty * price, twice AS (qty * 2) PERSISTED);
INSERT dbo.k1 (id, qty, price) VALUES (1, 2, 1.5), (2, NULL, 3);
UPDATE dbo.k1 SET qty = 3 WHERE id = 1;
SELECT id, CAST(total AS decimal(10, 2)), twice FROM dbo.k1 ORDER BY id
=> 1|4.50|6
=> 2|NULL|NULL

--- case: a computed column cannot be inserted
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/specify-computed-columns-in-a-table
CREATE TABLE dbo.k2 (a int, b AS a + 1);
GO
INSERT dbo.k2 (a, b) VALUES (1, 2)
=> error 271 level 16: The column "b" cannot be modified because it is either a computed column or is the result of a UNION operator.

--- case: a computed column cannot be updated
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/specify-computed-columns-in-a-table
CREATE TABLE dbo.k3 (a int, b AS a + 1);
GO
UPDATE dbo.k3 SET b = 2
=> error 271 level 16: The column "b" cannot be modified because it is either a computed column or is the result of a UNION operator.

--- case: an INSERT without a column list leaves computed and identity columns out
--- doc: https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql
CREATE TABLE dbo.k4 (id int IDENTITY, a int, b AS a + 1);
INSERT dbo.k4 VALUES (5);
SELECT id, a, b FROM dbo.k4
=> 1|5|6

--- case: a computed column does not use another
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-1000-to-1999
CREATE TABLE dbo.k5 (a int, b AS a + 1, c AS b + 1)
=> error 1759 level 16: Computed column 'b' in table 'k5' is not allowed to be used in another computed-column definition.

--- case: what is not deterministic is not persisted
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-4000-to-4999
CREATE TABLE dbo.k6 (a int, b AS GETDATE() PERSISTED)
=> error 4936 level 16: Computed column 'b' in table 'k6' cannot be persisted because the column is non-deterministic.

--- case: what is not deterministic is no key
--- doc: https://learn.microsoft.com/sql/relational-databases/indexes/indexes-on-computed-columns
CREATE TABLE dbo.k7 (a int, b AS GETDATE());
GO
CREATE INDEX ix ON dbo.k7 (b)
=> error 2729 level 16: Column 'b' in table 'dbo.k7' cannot be used in an index or statistics or as a partition key because it is non-deterministic.

--- case: a unique index over a computed column
--- doc: https://learn.microsoft.com/sql/relational-databases/indexes/indexes-on-computed-columns
CREATE TABLE dbo.k8 (a int, b AS a % 10);
CREATE UNIQUE INDEX ix ON dbo.k8 (b);
INSERT dbo.k8 (a) VALUES (1);
GO
INSERT dbo.k8 (a) VALUES (11)
=> error 2601 level 14: Cannot insert duplicate key row in object 'dbo.k8' with unique index 'ix'.*

--- case: a primary key over a persisted computed column
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-table-transact-sql
CREATE TABLE dbo.k9 (a int NOT NULL, b AS ISNULL(a * 2, 0) PERSISTED NOT NULL PRIMARY KEY);
INSERT dbo.k9 (a) VALUES (1), (2);
SELECT b FROM dbo.k9 ORDER BY b
=> 2
=> 4

--- case: NOT NULL needs a persisted computed column
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
CREATE TABLE dbo.k10 (a int NOT NULL, b AS a + 1 NOT NULL)
=> error 8183 level 16: Only UNIQUE or PRIMARY KEY constraints can be created on computed columns, while CHECK, FOREIGN KEY, and NOT NULL constraints require that computed columns be persisted.

--- case: sys.computed_columns
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-computed-columns-transact-sql
CREATE TABLE dbo.k11 (a int NOT NULL, b AS a + 1, c AS (a * 2) PERSISTED);
SELECT name, definition, is_persisted, is_computed FROM sys.computed_columns WHERE object_id = OBJECT_ID('dbo.k11') ORDER BY column_id;
SELECT name, is_computed, TYPE_NAME(user_type_id) FROM sys.columns WHERE object_id = OBJECT_ID('dbo.k11') ORDER BY column_id
=> b|([a]+(1))|0|1
=> c|([a]*(2))|1|1
=> ;
=> a|0|int
=> b|1|int
=> c|1|int

--- case: the type of a computed column is that of its expression
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/specify-computed-columns-in-a-table
CREATE TABLE dbo.k12 (a varchar(10), b varchar(5), d decimal(5, 2), ab AS a + b, dd AS d * d, u AS UPPER(a));
SELECT name, TYPE_NAME(user_type_id), max_length, precision, scale FROM sys.columns WHERE object_id = OBJECT_ID('dbo.k12') AND is_computed = 1 ORDER BY column_id
=> ab|varchar|15|0|0
=> dd|decimal|9|11|4
=> u|varchar|10|0|0

--- case: a computed column that is added sees the rows that are there
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql
CREATE TABLE dbo.k13 (a int);
INSERT dbo.k13 VALUES (1), (2);
GO
ALTER TABLE dbo.k13 ADD b AS a * 10
GO
SELECT a, b FROM dbo.k13 WHERE b > 10
=> 2|20

--- case: a computed column in WHERE, ORDER BY and GROUP BY
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/specify-computed-columns-in-a-table
CREATE TABLE dbo.k14 (a int, parity AS a % 2);
INSERT dbo.k14 (a) VALUES (1), (2), (3);
SELECT parity, COUNT(*) FROM dbo.k14 GROUP BY parity ORDER BY parity
=> 0|1
=> 1|2

--- case: a computed column has no subquery
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-1000-to-1999
CREATE TABLE dbo.k15 (a int, b AS (SELECT 1))
=> error 1046 level 15: Subqueries are not allowed in this context. Only scalar expressions are allowed.

--- case: identity counts from its seed by its increment
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-table-transact-sql-identity-property
CREATE TABLE dbo.n1 (id int IDENTITY(100, 10), a int);
INSERT dbo.n1 (a) VALUES (1), (2), (3);
SELECT id FROM dbo.n1 ORDER BY a
=> 100
=> 110
=> 120

--- case: identity counts down
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-table-transact-sql-identity-property
CREATE TABLE dbo.n2 (id smallint IDENTITY(-1, -1), a int);
INSERT dbo.n2 (a) VALUES (1), (2);
SELECT id FROM dbo.n2 ORDER BY a
=> -1
=> -2

--- case: an explicit identity value is error 544
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-identity-insert-transact-sql
CREATE TABLE dbo.n3 (id int IDENTITY, a int);
GO
INSERT dbo.n3 (id, a) VALUES (1, 1)
=> error 544 level 16: Cannot insert explicit value for identity column in table 'n3' when IDENTITY_INSERT is set to OFF.

--- case: IDENTITY_INSERT takes explicit values, and the counter goes on from the largest
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-identity-insert-transact-sql
CREATE TABLE dbo.n4 (id int IDENTITY, a int);
SET IDENTITY_INSERT dbo.n4 ON;
INSERT dbo.n4 (id, a) VALUES (50, 1);
INSERT dbo.n4 (id, a) VALUES (10, 2);
SET IDENTITY_INSERT dbo.n4 OFF;
INSERT dbo.n4 (a) VALUES (3);
SELECT id FROM dbo.n4 ORDER BY a
=> 50
=> 10
=> 51

--- case: IDENTITY_INSERT of one table at a time
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-identity-insert-transact-sql
CREATE TABLE dbo.n5 (id int IDENTITY);
CREATE TABLE dbo.n6 (id int IDENTITY);
SET IDENTITY_INSERT dbo.n5 ON;
GO
SET IDENTITY_INSERT dbo.n6 ON
=> error 8107 level 16: IDENTITY_INSERT is already ON for table '*n5'. Cannot perform SET operation for table '*n6'.

--- case: with IDENTITY_INSERT a value is needed
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
CREATE TABLE dbo.n7 (id int IDENTITY, a int);
SET IDENTITY_INSERT dbo.n7 ON;
INSERT dbo.n7 (a) VALUES (1)
=> error 545 level 16: Explicit value must be specified for identity column in table 'n7' either when IDENTITY_INSERT is set to ON or when a replication user is inserting into a NOT FOR REPLICATION identity column.

--- case: an identity column cannot be updated
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
CREATE TABLE dbo.n8 (id int IDENTITY, a int);
GO
UPDATE dbo.n8 SET id = 2
=> error 8102 level 16: Cannot update identity column 'id'.

--- case: a table has one identity column
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-2000-to-2999
CREATE TABLE dbo.n9 (a int IDENTITY, b int IDENTITY)
=> error 2744 level 16: Multiple identity columns specified for table 'n9'. Only one identity column per table is allowed.

--- case: an identity column is a whole number
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-2000-to-2999
CREATE TABLE dbo.n10 (a varchar(5) IDENTITY)
=> error 2749 level 16: Identity column 'a' must be of data type int, bigint, smallint, tinyint, or decimal or numeric with a scale of 0, unencrypted, and constrained to be nonnullable.

--- case: SCOPE_IDENTITY, @@IDENTITY and IDENT_CURRENT
--- doc: https://learn.microsoft.com/sql/t-sql/functions/scope-identity-transact-sql
CREATE TABLE dbo.n11 (id int IDENTITY(7, 1), a int);
GO
SELECT IDENT_CURRENT('dbo.n11'), IDENT_SEED('dbo.n11'), IDENT_INCR('dbo.n11');
INSERT dbo.n11 (a) VALUES (1), (2);
SELECT SCOPE_IDENTITY(), @@IDENTITY, IDENT_CURRENT('dbo.n11')
=> 7|7|1
=> ;
=> 8|8|8

--- case: a rollback does not give identity values back
--- doc: https://learn.microsoft.com/sql/t-sql/functions/scope-identity-transact-sql
CREATE TABLE dbo.n12 (id int IDENTITY, a int);
BEGIN TRANSACTION;
INSERT dbo.n12 (a) VALUES (1);
ROLLBACK;
INSERT dbo.n12 (a) VALUES (2);
SELECT id FROM dbo.n12
=> 2

--- case: TRUNCATE starts the counter over, DELETE does not
--- doc: https://learn.microsoft.com/sql/t-sql/statements/truncate-table-transact-sql
CREATE TABLE dbo.n13 (id int IDENTITY, a int);
INSERT dbo.n13 (a) VALUES (1), (2);
DELETE dbo.n13;
INSERT dbo.n13 (a) VALUES (3);
SELECT id FROM dbo.n13;
TRUNCATE TABLE dbo.n13;
INSERT dbo.n13 (a) VALUES (4);
SELECT id FROM dbo.n13
=> 3
=> ;
=> 1

--- case: an identity column that is full is error 8115
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
CREATE TABLE dbo.n14 (id tinyint IDENTITY(255, 1), a int);
INSERT dbo.n14 (a) VALUES (1);
GO
INSERT dbo.n14 (a) VALUES (2)
=> error 8115 level 16: Arithmetic overflow error converting IDENTITY to data type tinyint.

--- case: DBCC CHECKIDENT reseeds
--- doc: https://learn.microsoft.com/sql/t-sql/database-console-commands/dbcc-checkident-transact-sql
CREATE TABLE dbo.n15 (id int IDENTITY, a int);
INSERT dbo.n15 (a) VALUES (1), (2);
DBCC CHECKIDENT ('dbo.n15', RESEED, 30) WITH NO_INFOMSGS;
INSERT dbo.n15 (a) VALUES (3);
SELECT id FROM dbo.n15 WHERE a = 3
=> 31

--- case: DBCC CHECKIDENT of a table that never had a row starts at the value
--- doc: https://learn.microsoft.com/sql/t-sql/database-console-commands/dbcc-checkident-transact-sql
CREATE TABLE dbo.n16 (id int IDENTITY, a int);
DBCC CHECKIDENT ('dbo.n16', RESEED, 30);
INSERT dbo.n16 (a) VALUES (1);
SELECT id FROM dbo.n16
=> 30

--- case: DBCC CHECKIDENT corrects a counter that is behind
--- doc: https://learn.microsoft.com/sql/t-sql/database-console-commands/dbcc-checkident-transact-sql
CREATE TABLE dbo.n17 (id int IDENTITY, a int);
INSERT dbo.n17 (a) VALUES (1), (2), (3);
DBCC CHECKIDENT ('dbo.n17', RESEED, 1);
DBCC CHECKIDENT ('dbo.n17');
INSERT dbo.n17 (a) VALUES (4);
SELECT id FROM dbo.n17 WHERE a = 4
=> 4

--- case: DBCC CHECKIDENT of a table without an identity column
--- doc: https://learn.microsoft.com/sql/t-sql/database-console-commands/dbcc-checkident-transact-sql
CREATE TABLE dbo.n18 (a int);
DBCC CHECKIDENT ('dbo.n18')
=> error 7997 level 16: 'dbo.n18' does not contain an identity column.

--- case: sys.identity_columns
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-identity-columns-transact-sql
CREATE TABLE dbo.n19 (id bigint IDENTITY(5, 2) NOT FOR REPLICATION, a int);
INSERT dbo.n19 (a) VALUES (1), (2);
SELECT name, CAST(seed_value AS bigint), CAST(increment_value AS bigint), CAST(last_value AS bigint), is_not_for_replication, is_identity, is_nullable FROM sys.identity_columns WHERE object_id = OBJECT_ID('dbo.n19')
=> id|5|2|7|1|1|0

--- case: an identity column that is added numbers the rows that are there
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql
CREATE TABLE dbo.n20 (a int);
INSERT dbo.n20 VALUES (1), (2), (3);
GO
ALTER TABLE dbo.n20 ADD id int IDENTITY(10, 1)
GO
SELECT MIN(id), MAX(id), COUNT(DISTINCT id) FROM dbo.n20;
INSERT dbo.n20 (a) VALUES (4);
SELECT id FROM dbo.n20 WHERE a = 4
=> 10|12|3
=> ;
=> 13

--- case: DEFAULT VALUES
--- doc: https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql
CREATE TABLE dbo.f1 (id int IDENTITY, a int DEFAULT 5, b varchar(10) DEFAULT 'x', c int);
INSERT dbo.f1 DEFAULT VALUES;
SELECT id, a, b, c FROM dbo.f1
=> 1|5|x|NULL

--- case: the keyword DEFAULT
--- doc: https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql
CREATE TABLE dbo.f2 (a int DEFAULT 5, b int);
INSERT dbo.f2 (a, b) VALUES (DEFAULT, DEFAULT), (1, 2), (NULL, 3);
UPDATE dbo.f2 SET a = DEFAULT WHERE b = 2;
SELECT a, b FROM dbo.f2 ORDER BY b
=> 5|NULL
=> 5|2
=> NULL|3

--- case: sys.default_constraints
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-default-constraints-transact-sql
CREATE TABLE dbo.f3 (a int CONSTRAINT df_f3_a DEFAULT (1 + 1), b varchar(10) DEFAULT 'it''s', c datetime DEFAULT GETDATE(), d int DEFAULT -1);
SELECT definition FROM sys.default_constraints WHERE parent_object_id = OBJECT_ID('dbo.f3') ORDER BY parent_column_id;
SELECT is_system_named FROM sys.default_constraints WHERE name = 'df_f3_a';
SELECT COUNT(*) FROM sys.default_constraints WHERE parent_object_id = OBJECT_ID('dbo.f3') AND is_system_named = 1
=> ((1)+(1))
=> ('it''s')
=> (getdate())
=> ((-1))
=> ;
=> 0
=> ;
=> 3

--- case: a default on an identity column is error 1754
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-1000-to-1999
CREATE TABLE dbo.f4 (a int IDENTITY DEFAULT 5)
=> error 1754 level 16: Defaults cannot be created on columns with an IDENTITY attribute. Table 'f4', column 'a'.

--- case: a second default is error 1781
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-1000-to-1999
CREATE TABLE dbo.f5 (a int DEFAULT 5);
GO
ALTER TABLE dbo.f5 ADD DEFAULT 6 FOR a
=> error 1781 level 16: Column already has a DEFAULT bound to it.

--- case: a default that does not fit fails where it is used
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-table-transact-sql
CREATE TABLE dbo.f6 (a tinyint DEFAULT 300, b int);
GO
INSERT dbo.f6 (b) VALUES (1)
=> error 220 level 16: Arithmetic overflow error for data type tinyint, value = 300.

--- case: WITH VALUES fills a nullable column that is added
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql
CREATE TABLE dbo.f7 (a int);
INSERT dbo.f7 VALUES (1);
GO
ALTER TABLE dbo.f7 ADD b int NULL DEFAULT 5, c int NOT NULL DEFAULT 6
GO
SELECT a, b, c FROM dbo.f7
=> 1|NULL|6

--- case: a named default can be dropped
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql
CREATE TABLE dbo.f8 (a int CONSTRAINT df_f8 DEFAULT 5, b int);
ALTER TABLE dbo.f8 DROP CONSTRAINT df_f8;
INSERT dbo.f8 (b) VALUES (1);
SELECT a FROM dbo.f8
=> NULL

--- case: a sparse column
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/use-sparse-columns
CREATE TABLE dbo.s1 (id int PRIMARY KEY, a int SPARSE NULL, b varchar(10) SPARSE);
INSERT dbo.s1 VALUES (1, NULL, 'x'), (2, 5, NULL);
SELECT id, a, b FROM dbo.s1 ORDER BY id;
SELECT name, is_sparse, is_column_set FROM sys.columns WHERE object_id = OBJECT_ID('dbo.s1') ORDER BY column_id
=> 1|NULL|x
=> 2|5|NULL
=> ;
=> id|0|0
=> a|1|0
=> b|1|0

--- case: COLUMNPROPERTY tells which columns are sparse
--- doc: https://learn.microsoft.com/sql/t-sql/functions/columnproperty-transact-sql
CREATE TABLE dbo.s1b (id int PRIMARY KEY, a int SPARSE NULL, b varchar(10) NULL);
SELECT COLUMNPROPERTY(OBJECT_ID('dbo.s1b'), 'id', 'IsSparse'), COLUMNPROPERTY(OBJECT_ID('dbo.s1b'), 'a', 'IsSparse'), COLUMNPROPERTY(OBJECT_ID('dbo.s1b'), 'b', 'IsSparse')
=> 0|1|0
ALTER TABLE dbo.s1b ADD c int SPARSE
GO
SELECT COLUMNPROPERTY(OBJECT_ID('dbo.s1b'), 'c', 'IsSparse')
=> 1

--- case: a sparse column is nullable
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/use-sparse-columns
CREATE TABLE dbo.s2 (id int PRIMARY KEY, a int SPARSE NOT NULL)
=> error 1731 level 16: Cannot create the sparse column 'a' in the table 's2' because an option or data type specified is not valid. *

--- case: a sparse column is no text
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/use-sparse-columns
CREATE TABLE dbo.s3 (id int PRIMARY KEY, a text SPARSE NULL)
=> error 1731 level 16: Cannot create the sparse column 'a' in the table 's3' because an option or data type specified is not valid. *

--- case: column sets
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/use-column-sets
--- refused: column sets
CREATE TABLE dbo.s4 (id int PRIMARY KEY, a int SPARSE NULL, cs xml COLUMN_SET FOR ALL_SPARSE_COLUMNS)

--- case: sysname is an nvarchar(128) that is not NULL
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-types-transact-sql
CREATE TABLE dbo.y1 (a sysname, b sysname NULL);
SELECT name, system_type_id, user_type_id, max_length, is_nullable FROM sys.columns WHERE object_id = OBJECT_ID('dbo.y1') ORDER BY column_id
=> a|231|256|256|0
=> b|231|256|256|1

--- case: numeric and decimal are told apart in the catalog
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/decimal-and-numeric-transact-sql
CREATE TABLE dbo.y2 (a numeric(5, 2), b decimal(5, 2));
SELECT name, system_type_id, user_type_id, max_length, precision, scale FROM sys.columns WHERE object_id = OBJECT_ID('dbo.y2') ORDER BY column_id;
SELECT DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 'y2' ORDER BY ORDINAL_POSITION
=> a|108|108|5|5|2
=> b|106|106|5|5|2
=> ;
=> numeric
=> decimal

--- case: sys.types has every system type
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-types-transact-sql
SELECT COUNT(*) FROM sys.types WHERE is_user_defined = 0 AND name IN ('image', 'text', 'uniqueidentifier', 'date', 'time', 'datetime2', 'datetimeoffset', 'tinyint', 'smallint', 'int', 'smalldatetime', 'real', 'money', 'datetime', 'float', 'sql_variant', 'ntext', 'bit', 'decimal', 'numeric', 'smallmoney', 'bigint', 'hierarchyid', 'geometry', 'geography', 'varbinary', 'varchar', 'binary', 'char', 'timestamp', 'nvarchar', 'nchar', 'xml', 'sysname')
=> 34

--- case: TYPE_NAME and TYPE_ID
--- doc: https://learn.microsoft.com/sql/t-sql/functions/type-name-transact-sql
SELECT TYPE_NAME(36), TYPE_NAME(241), TYPE_NAME(189), TYPE_ID('datetime'), TYPE_ID('nosuchtype')
=> uniqueidentifier|xml|timestamp|61|NULL
