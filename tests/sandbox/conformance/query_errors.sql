-- Errors of queries: numbers, levels, texts
--- setup
CREATE TABLE dbo.e (id int PRIMARY KEY, name varchar(10), d date);

--- case: a table that does not exist
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-208-database-engine-error
SELECT * FROM dbo.missing
=> error 208 level 16: Invalid object name 'dbo.missing'.

--- case: a column that does not exist
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-207-database-engine-error
SELECT nope FROM dbo.e
=> error 207 level 16: Invalid column name 'nope'.
SELECT e.nope FROM dbo.e AS e
=> error 207 level 16: Invalid column name 'nope'.

--- case: a prefix that does not exist
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-4104-database-engine-error
SELECT x.id FROM dbo.e AS e
=> error 4104 level 16: The multi-part identifier "x.id" could not be bound.
SELECT x.* FROM dbo.e AS e
=> error 107 level 15: The column prefix 'x' does not match with a table name or alias name used in the query.

--- case: a variable that is not declared
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors
SELECT @nope
=> error 137 level 15: Must declare the scalar variable "@nope".
SELECT * FROM @nope
=> error 1087 level 15: Must declare the table variable "@nope".

--- case: a function that does not exist
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors
SELECT nosuch(1)
=> error 195 level 15: 'nosuch' is not a recognized built-in function name.
SELECT dbo.nosuch(1)
=> error 4121 level 16: Cannot find either column "dbo" or the user-defined function or aggregate "dbo.nosuch", or the name is ambiguous.

--- case: * needs a table
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors
SELECT *
=> error 263 level 16: Must specify table to select from.

--- case: syntax errors
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors
SELECT id, FROM dbo.e
=> error 156 level 15: Incorrect syntax near the keyword 'FROM'.
SELECT 'open
=> error 105 level 15: Unclosed quotation mark after the character string 'open*

--- case: ORDER BY an ordinal that is not there
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-order-by-clause-transact-sql
SELECT id FROM dbo.e ORDER BY 2
=> error 108 level 15: The ORDER BY position number 2 is out of range of the number of items in the select list.

--- case: ORDER BY a column twice
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-order-by-clause-transact-sql
SELECT id FROM dbo.e ORDER BY id, id
=> error 169 level 15: A column has been specified more than once in the order by list. Columns in the order by list must be unique.

--- case: DISTINCT orders by what it selects
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-order-by-clause-transact-sql
SELECT DISTINCT name FROM dbo.e ORDER BY id
=> error 145 level 15: ORDER BY items must appear in the select list if SELECT DISTINCT is specified.

--- case: an ORDER BY constant
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-order-by-clause-transact-sql
SELECT id FROM dbo.e ORDER BY 'x'
=> error 408 level 16: A constant expression was encountered in the ORDER BY list, position 1.

--- case: a condition is no value and a value no condition
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors
SELECT id FROM dbo.e WHERE id
=> error 4145 level 15

--- case: types that do not go together
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/data-type-conversion-database-engine
SELECT d + 1 FROM dbo.e
=> error 206 level 16: Operand type clash: date is incompatible with int
SELECT CAST(d AS int) FROM dbo.e
=> error 529 level 16: Explicit conversion from data type date to int is not allowed.

--- case: arithmetic on text that is no number
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/data-type-conversion-database-engine
SELECT 1 + 'x'
=> error 245 level 16: Conversion failed when converting the varchar value 'x' to data type int.

--- case: the wrong number of arguments
--- doc: https://learn.microsoft.com/sql/t-sql/functions/len-transact-sql
SELECT LEN('a', 'b')
=> error 174 level 15: The len function requires 1 argument(s).

--- case: two collations in one comparison
--- doc: https://learn.microsoft.com/sql/t-sql/statements/collation-precedence-transact-sql
CREATE TABLE dbo.e2 (a varchar(5) COLLATE Latin1_General_BIN, b varchar(5) COLLATE SQL_Latin1_General_CP1_CI_AS);
GO
SELECT 1 FROM dbo.e2 WHERE a = b
=> error 468 level 16: Cannot resolve the collation conflict between "*" and "*" in the equal to operation.

--- case: an aggregate of an outer and an inner column
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
SELECT (SELECT SUM(o.id + i.id) FROM dbo.e AS i) FROM dbo.e AS o
=> error 8124 level 16: Multiple columns are specified in an aggregated expression containing an outer reference. If an expression being aggregated contains an outer reference, then that outer reference must be the only column referenced in the expression.

--- case: nothing runs of a batch that does not parse
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/sql-server-utilities-statements-go
CREATE TABLE dbo.e3 (id int);
GO
INSERT dbo.e3 VALUES (1);
SELEC 2
=> error 102
SELECT COUNT(*) FROM dbo.e3
=> 0

--- case: a table that comes later in the batch is looked for when its statement runs
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-208-database-engine-error
SELECT 1;
SELECT * FROM dbo.not_yet
=> 1
=> error 208 level 16: Invalid object name 'dbo.not_yet'.

--- case: division by zero in a row
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-arithabort-transact-sql
SELECT 10 / v FROM (VALUES (0)) AS t(v)
=> error 8134 level 16: Divide by zero error encountered.

--- case: names of four parts need a linked server, names of five are none
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/transact-sql-syntax-conventions-transact-sql
SELECT * FROM a.b.c.d.e
=> error 117 level 15: The object name 'a.b.c.d.e' contains more than the maximum number of prefixes. The maximum is 3.

--- case: ORDER BY a name that two result columns have
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-order-by-clause-transact-sql
SELECT id AS x, name AS x FROM dbo.e ORDER BY x
=> error 209 level 16: Ambiguous column name 'x'.

--- case: ORDER BY over a union knows the names of its result only
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-order-by-clause-transact-sql
SELECT id AS a FROM dbo.e UNION SELECT id AS b FROM dbo.e ORDER BY b
=> error 207 level 16: Invalid column name 'b'.
