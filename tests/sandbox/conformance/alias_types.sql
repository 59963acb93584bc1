-- Alias types
--- case: columns, variables and parameters of an alias type
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-type-transact-sql
CREATE TYPE dbo.ssn FROM varchar(11) NOT NULL
GO
CREATE TABLE dbo.people (id int NOT NULL PRIMARY KEY, number dbo.ssn, other ssn NULL DEFAULT 'none');
INSERT dbo.people (id, number) VALUES (1, '123-45-6789');
DECLARE @number dbo.ssn = '12345678901234', @copy ssn;
SET @copy = @number;
SELECT number, other, @number, @copy FROM dbo.people
=> 123-45-6789|none|12345678901|12345678901
INSERT dbo.people (id) VALUES (2)
=> error 515

--- case: a value that is too long for the type behind the alias
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-type-transact-sql
CREATE TYPE dbo.code FROM char(3)
GO
CREATE TABLE dbo.coded (c dbo.code);
INSERT dbo.coded VALUES ('abcd')
=> error 2628

--- case: sys.types and sys.columns
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-types-transact-sql
CREATE TYPE dbo.price FROM numeric(9, 2) NOT NULL
GO
CREATE TYPE dbo.note FROM nvarchar(50)
GO
CREATE TABLE dbo.priced (id int, p dbo.price, n dbo.note);
SELECT t.name, s.name, t.system_type_id, t.max_length, t.precision, t.scale, t.is_nullable, t.is_user_defined, t.is_assembly_type, t.is_table_type,
       CASE WHEN t.user_type_id > 256 THEN 1 ELSE 0 END, CASE WHEN t.collation_name IS NULL THEN 0 ELSE 1 END
  FROM sys.types t JOIN sys.schemas s ON s.schema_id = t.schema_id WHERE t.name IN ('price', 'note') ORDER BY t.name;
SELECT c.name, c.system_type_id, t.name, b.name, c.max_length, c.precision, c.scale, c.is_nullable FROM sys.columns c
  JOIN sys.types t ON t.user_type_id = c.user_type_id JOIN sys.types b ON b.user_type_id = c.system_type_id
 WHERE c.object_id = OBJECT_ID('dbo.priced') ORDER BY c.column_id;
SELECT TYPE_NAME(TYPE_ID('dbo.price')), TYPE_ID('nosuch'), DATA_TYPE, DOMAIN_SCHEMA, DOMAIN_NAME FROM INFORMATION_SCHEMA.COLUMNS
 WHERE TABLE_NAME = 'priced' AND COLUMN_NAME = 'p'
=> note|dbo|231|100|0|0|1|1|0|0|1|1
=> price|dbo|108|5|9|2|0|1|0|0|1|0
=> ;
=> id|56|int|int|4|10|0|1
=> p|108|price|numeric|5|9|2|0
=> n|231|note|nvarchar|100|0|0|1
=> ;
=> price|NULL|numeric|dbo|price

--- case: a procedure's parameters
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-procedure-transact-sql
CREATE TYPE dbo.quantity FROM smallint
GO
CREATE PROCEDURE dbo.twice @n dbo.quantity = 4, @out dbo.quantity OUTPUT AS SET @out = @n * 2
GO
DECLARE @twice smallint;
EXEC dbo.twice @out = @twice OUTPUT;
SELECT @twice;
EXEC dbo.twice 8, @twice OUTPUT;
SELECT @twice;
SELECT TYPE_NAME(user_type_id), TYPE_NAME(system_type_id) FROM sys.parameters WHERE object_id = OBJECT_ID('dbo.twice') ORDER BY parameter_id;
EXEC sp_executesql N'SELECT @q + 1', N'@q dbo.quantity', @q = 41
=> 8
=> ;
=> 16
=> ;
=> quantity|smallint
=> quantity|smallint
=> ;
=> 42
EXEC dbo.twice 'x', NULL
=> error 8114

--- case: ALTER TABLE with an alias type
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql
CREATE TYPE dbo.big FROM bigint NOT NULL
GO
CREATE TABLE dbo.altered (id int NOT NULL, v int NULL);
INSERT dbo.altered VALUES (1, 2);
ALTER TABLE dbo.altered ALTER COLUMN v dbo.big NULL;
ALTER TABLE dbo.altered ADD w dbo.big NOT NULL DEFAULT 7;
SELECT * FROM dbo.altered;
SELECT name, TYPE_NAME(user_type_id), is_nullable FROM sys.columns WHERE object_id = OBJECT_ID('dbo.altered') AND column_id > 1 ORDER BY column_id
=> 1|2|7
=> ;
=> v|big|1
=> w|big|0

--- case: table variables and table types may have columns of an alias type
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/table-transact-sql
CREATE TYPE dbo.tag FROM varchar(5)
GO
CREATE TYPE dbo.tags AS TABLE (t dbo.tag)
GO
DECLARE @a TABLE (t dbo.tag), @b dbo.tags;
INSERT @a VALUES ('x');
INSERT @b SELECT t FROM @a;
SELECT t FROM @b
=> x

--- case: a temporary table is in another database: error 2715
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-table-transact-sql#temporary-tables
CREATE TYPE dbo.local FROM int
GO
CREATE TABLE #t (a dbo.local)
=> error 2715

--- case: no conversion to an alias type: error 243
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql
CREATE TYPE whole FROM int
GO
SELECT CAST(1 AS whole)
=> error 243 level 16: Type whole is not a defined system type.

--- case: a name that is taken: error 219
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-type-transact-sql
CREATE TYPE dbo.twofold FROM int
GO
CREATE TYPE dbo.twofold FROM bigint
=> error 219 level 16: The type 'dbo.twofold' already exists, or you do not have permission to create it.

--- case: a type in use is not dropped: error 3732
--- doc: https://learn.microsoft.com/sql/t-sql/statements/drop-type-transact-sql
CREATE TYPE dbo.used FROM int
GO
CREATE TABLE dbo.user_of (a dbo.used);
DROP TYPE dbo.used
=> error 3732 level 16: Cannot drop type 'dbo.used' because it is being referenced by object 'user_of'. There may be other objects that reference this type.
DROP TABLE dbo.user_of;
DROP TYPE dbo.used;
DROP TYPE IF EXISTS dbo.used;
SELECT TYPE_ID('dbo.used')
=> NULL
DECLARE @v dbo.used
=> error 2715

--- case: a type that is made and rolled back is gone
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/rollback-transaction-transact-sql
BEGIN TRANSACTION;
CREATE TYPE dbo.gone FROM int;
ROLLBACK;
SELECT COUNT(*) FROM sys.types WHERE name = 'gone'
=> 0
