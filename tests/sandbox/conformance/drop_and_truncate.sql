-- DROP TABLE, TRUNCATE TABLE, schemas
--- case: a table that does not exist
--- doc: https://learn.microsoft.com/sql/t-sql/statements/drop-table-transact-sql
DROP TABLE dbo.no_such_table
=> error 3701 level 11 state 5: Cannot drop the table 'dbo.no_such_table', because it does not exist or you do not have permission.
DROP TABLE IF EXISTS dbo.no_such_table;
SELECT 1
=> 1

--- case: several tables at once
--- doc: https://learn.microsoft.com/sql/t-sql/statements/drop-table-transact-sql
CREATE TABLE dbo.t1 (id int);
CREATE TABLE dbo.t2 (id int);
DROP TABLE dbo.t1, dbo.t2;
SELECT OBJECT_ID('dbo.t1'), OBJECT_ID('dbo.t2')
=> NULL|NULL

--- case: a dropped table comes back with ROLLBACK
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/rollback-transaction-transact-sql
CREATE TABLE dbo.t3 (id int PRIMARY KEY);
INSERT dbo.t3 VALUES (1);
BEGIN TRANSACTION;
DROP TABLE dbo.t3;
CREATE TABLE dbo.t3 (other varchar(5));
ROLLBACK;
SELECT id FROM dbo.t3
=> 1

--- case: TRUNCATE starts an identity over
--- doc: https://learn.microsoft.com/sql/t-sql/statements/truncate-table-transact-sql
CREATE TABLE dbo.t4 (id int IDENTITY(5, 2), v int);
INSERT dbo.t4 (v) VALUES (1), (2);
TRUNCATE TABLE dbo.t4;
INSERT dbo.t4 (v) VALUES (3);
SELECT id, v FROM dbo.t4
=> 5|3

--- case: DELETE does not
--- doc: https://learn.microsoft.com/sql/t-sql/statements/truncate-table-transact-sql
CREATE TABLE dbo.t5 (id int IDENTITY(5, 2), v int);
INSERT dbo.t5 (v) VALUES (1), (2);
DELETE dbo.t5;
INSERT dbo.t5 (v) VALUES (3);
SELECT id, v FROM dbo.t5
=> 9|3

--- case: TRUNCATE of a table that a key refers to
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-4000-to-4999
CREATE TABLE dbo.t6 (id int PRIMARY KEY);
CREATE TABLE dbo.t6_child (id int PRIMARY KEY, p int REFERENCES dbo.t6);
GO
TRUNCATE TABLE dbo.t6
=> error 4712 level 16: Cannot truncate table 'dbo.t6' because it is being referenced by a FOREIGN KEY constraint.

--- case: TRUNCATE of a table that refers to itself only
--- doc: https://learn.microsoft.com/sql/t-sql/statements/truncate-table-transact-sql
CREATE TABLE dbo.t7 (id int PRIMARY KEY, p int REFERENCES dbo.t7);
INSERT dbo.t7 VALUES (1, 1);
TRUNCATE TABLE dbo.t7;
SELECT COUNT(*) FROM dbo.t7
=> 0

--- case: TRUNCATE of a table that does not exist
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-4000-to-4999
TRUNCATE TABLE dbo.no_such_table
=> error 4701 level 16: Cannot find the object "*no_such_table" because it does not exist or you do not have permissions.

--- case: TRUNCATE is rolled back
--- doc: https://learn.microsoft.com/sql/t-sql/statements/truncate-table-transact-sql
CREATE TABLE dbo.t8 (id int IDENTITY, v int);
INSERT dbo.t8 (v) VALUES (1), (2);
BEGIN TRANSACTION;
TRUNCATE TABLE dbo.t8;
ROLLBACK;
SELECT COUNT(*) FROM dbo.t8
=> 2

--- case: partitions of a table
--- doc: https://learn.microsoft.com/sql/t-sql/statements/truncate-table-transact-sql
--- refused: partitions are not there
CREATE PARTITION FUNCTION pf (int) AS RANGE LEFT FOR VALUES (10);
CREATE PARTITION SCHEME ps AS PARTITION pf ALL TO ([PRIMARY]);
CREATE TABLE dbo.t9 (id int) ON ps (id);
INSERT dbo.t9 VALUES (1), (11);
TRUNCATE TABLE dbo.t9 WITH (PARTITIONS (1));
SELECT COUNT(*) FROM dbo.t9
=> 1

--- case: a schema with objects cannot be dropped
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-3000-to-3999
CREATE SCHEMA t10;
GO
CREATE TABLE t10.t (id int);
GO
DROP SCHEMA t10
=> error 3729 level 16: Cannot drop schema 't10' because it is being referenced by object 't'.
DROP TABLE t10.t;
DROP SCHEMA t10;
SELECT SCHEMA_ID('t10')
=> NULL

--- case: a schema that exists
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-2000-to-2999
CREATE SCHEMA t11;
GO
BEGIN TRY
    EXEC ('CREATE SCHEMA t11');
END TRY
BEGIN CATCH
    SELECT CASE WHEN ERROR_NUMBER() IN (2714, 2759) THEN 'taken' END;
END CATCH
=> taken

--- case: a schema that does not exist
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-2000-to-2999
CREATE TABLE no_such_schema.t (id int)
=> error 2760 level 16: The specified schema name "no_such_schema" either does not exist or you do not have permission to use it.

--- case: schemas and their owners
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/schemas-catalog-views-sys-schemas
SELECT name, schema_id, USER_NAME(principal_id) FROM sys.schemas WHERE name IN ('dbo', 'sys', 'guest', 'INFORMATION_SCHEMA', 'db_owner') ORDER BY schema_id
=> dbo|1|dbo
=> guest|2|guest
=> INFORMATION_SCHEMA|3|INFORMATION_SCHEMA
=> sys|4|sys
=> db_owner|16384|db_owner
