-- Table types and table-valued parameters
--- case: a variable of a table type
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-type-transact-sql
CREATE TYPE dbo.ids AS TABLE (id int NOT NULL PRIMARY KEY, v varchar(10) DEFAULT 'none')
GO
DECLARE @t dbo.ids;
INSERT @t (id) VALUES (1), (2);
INSERT @t VALUES (3, 'c');
SELECT id, v FROM @t ORDER BY id
=> 1|none
=> 2|none
=> 3|c

--- case: constraints of the type hold
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-type-transact-sql
CREATE TYPE dbo.checked AS TABLE (id int PRIMARY KEY, n int CHECK (n > 0))
GO
DECLARE @t dbo.checked;
INSERT @t VALUES (1, 1), (1, 2)
=> error 2627
DECLARE @t dbo.checked;
INSERT @t VALUES (1, 0)
=> error 547

--- case: a procedure reads a table-valued parameter
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/use-table-valued-parameters-database-engine
CREATE TYPE dbo.numbers AS TABLE (n int)
GO
CREATE PROCEDURE dbo.sum_of @numbers dbo.numbers READONLY, @factor int = 1 AS SELECT SUM(n) * @factor FROM @numbers
GO
DECLARE @mine dbo.numbers;
INSERT @mine VALUES (1), (2), (3);
EXEC dbo.sum_of @mine;
EXEC dbo.sum_of @numbers = @mine, @factor = 10
=> 6
=> ;
=> 60

--- case: a table-valued parameter that is not given is empty
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/use-table-valued-parameters-database-engine
CREATE TYPE dbo.numbers2 AS TABLE (n int)
GO
CREATE PROCEDURE dbo.count_of @numbers dbo.numbers2 READONLY AS SELECT COUNT(*) FROM @numbers
GO
EXEC dbo.count_of
=> 0

--- case: changing a table-valued parameter is error 10700
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/use-table-valued-parameters-database-engine
CREATE TYPE dbo.numbers3 AS TABLE (n int)
GO
CREATE PROCEDURE dbo.changes @numbers dbo.numbers3 READONLY AS DELETE @numbers
GO
DECLARE @t dbo.numbers3;
EXEC dbo.changes @t
=> error 10700 level 16: The table-valued parameter "@numbers" is READONLY and cannot be modified.

--- case: a parameter of a table type must be READONLY: error 352
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
CREATE TYPE dbo.numbers4 AS TABLE (n int)
GO
CREATE PROCEDURE dbo.writable @numbers dbo.numbers4 AS SELECT 1
=> error 352 level 15: The table-valued parameter "@numbers" must be declared with the READONLY option.

--- case: READONLY is for table types only: error 346
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
CREATE PROCEDURE dbo.scalar_readonly @n int READONLY AS SELECT @n
=> error 346 level 15: The parameter "@n" can not be declared READONLY since it is not a table-valued parameter.

--- case: a variable of another type is error 206
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
CREATE TYPE dbo.numbers5 AS TABLE (n int)
GO
CREATE PROCEDURE dbo.takes5 @numbers dbo.numbers5 READONLY AS SELECT COUNT(*) FROM @numbers
GO
EXEC dbo.takes5 1
=> error 206 level 16: Operand type clash: int is incompatible with numbers5

--- case: sp_executesql takes a table-valued parameter
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-executesql-transact-sql
CREATE TYPE dbo.numbers6 AS TABLE (n int)
GO
DECLARE @t dbo.numbers6;
INSERT @t VALUES (7);
EXEC sp_executesql N'SELECT n FROM @p', N'@p dbo.numbers6 READONLY', @p = @t
=> 7

--- case: sys.table_types shows a type
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-table-types-transact-sql
CREATE TYPE dbo.shown AS TABLE (a int NOT NULL, b nvarchar(5) NULL)
GO
SELECT t.name, SCHEMA_NAME(t.schema_id), t.is_user_defined, t.is_table_type, c.name, TYPE_NAME(c.user_type_id)
FROM sys.table_types t JOIN sys.columns c ON c.object_id = t.type_table_object_id WHERE t.name = 'shown' ORDER BY c.column_id
=> shown|dbo|1|1|a|int
=> shown|dbo|1|1|b|nvarchar

--- case: a type that is there is error 219
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
CREATE TYPE dbo.twice AS TABLE (a int)
GO
CREATE TYPE dbo.twice AS TABLE (a int)
=> error 219 level 16: The type 'dbo.twice' already exists, or you do not have permission to create it.

--- case: DROP TYPE, and a type in use is error 3732
--- doc: https://learn.microsoft.com/sql/t-sql/statements/drop-type-transact-sql
CREATE TYPE dbo.used AS TABLE (a int)
GO
CREATE PROCEDURE dbo.uses_it @t dbo.used READONLY AS SELECT 1
GO
DROP TYPE dbo.used
=> error 3732 level 16
DROP PROCEDURE dbo.uses_it
GO
DROP TYPE dbo.used
GO
DECLARE @t dbo.used
=> error 2715 level 16
DROP TYPE IF EXISTS dbo.used

--- case: a rollback leaves the rows of a table variable alone
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/table-transact-sql
CREATE TYPE dbo.kept AS TABLE (n int)
GO
DECLARE @t dbo.kept;
BEGIN TRAN;
INSERT @t VALUES (1);
ROLLBACK;
SELECT n FROM @t
=> 1
