-- Temporary tables: scope, names, constraints, identity, indexes
--- case: a temporary table belongs to its session
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-table-transact-sql#temporary-tables
CREATE TABLE #own (id int);
INSERT #own VALUES (1)
GO
SELECT id FROM #own
=> 1
--- session b
SELECT id FROM #own
=> error 208 level 16: Invalid object name '#own'.
--- session b
CREATE TABLE #own (id int);
INSERT #own VALUES (2);
SELECT id FROM #own
=> 2

--- case: a second one of the name in the same scope is error 2714
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-table-transact-sql#temporary-tables
CREATE TABLE #twice (id int)
GO
CREATE TABLE #twice (id int)
=> error 2714 level 16: There is already an object named '#twice' in the database.

--- case: constraints, defaults and identity of a temporary table
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-table-transact-sql#temporary-tables
CREATE TABLE #full (id int IDENTITY(5, 5) PRIMARY KEY, n int CHECK (n > 0), v varchar(5) NOT NULL DEFAULT 'x', UNIQUE (n))
GO
INSERT #full (n) VALUES (1), (2);
SELECT id, n, v FROM #full ORDER BY id;
SELECT CAST(SCOPE_IDENTITY() AS int)
=> 5|1|x
=> 10|2|x
=> ;
=> 10
INSERT #full (n) VALUES (0)
=> error 547
INSERT #full (n) VALUES (2)
=> error 2627
INSERT #full (n, v) VALUES (3, NULL)
=> error 515

--- case: SELECT INTO makes a temporary table
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-into-clause-transact-sql
SELECT id, v INTO #into FROM (VALUES (1, 'a'), (2, 'b')) x (id, v);
SELECT @@ROWCOUNT;
SELECT id, v FROM #into ORDER BY id
=> 2
=> ;
=> 1|a
=> 2|b
SELECT 1 AS a INTO #into
=> error 2714

--- case: DROP TABLE of temporary tables
--- doc: https://learn.microsoft.com/sql/t-sql/statements/drop-table-transact-sql
CREATE TABLE #gone (id int)
GO
DROP TABLE #gone
GO
SELECT * FROM #gone
=> error 208
DROP TABLE IF EXISTS #gone
GO
DROP TABLE #gone
=> error 3701 level 11

--- case: TRUNCATE starts the identity over
--- doc: https://learn.microsoft.com/sql/t-sql/statements/truncate-table-transact-sql
CREATE TABLE #cut (id int IDENTITY, v int);
INSERT #cut (v) VALUES (1), (2);
TRUNCATE TABLE #cut;
INSERT #cut (v) VALUES (3);
SELECT id, v FROM #cut
=> 1|3

--- case: OBJECT_ID finds a temporary table through tempdb
--- doc: https://learn.microsoft.com/sql/t-sql/functions/object-id-transact-sql
CREATE TABLE #found (id int)
GO
SELECT CASE WHEN OBJECT_ID('tempdb..#found') IS NOT NULL THEN 'there' END, OBJECT_ID('tempdb..#not_found')
=> there|NULL

--- case: a temporary table of dynamic SQL is gone with it
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-table-transact-sql#temporary-tables
EXEC ('CREATE TABLE #dynamic (id int); INSERT #dynamic VALUES (3); SELECT id FROM #dynamic')
=> 3
SELECT id FROM #dynamic
=> error 208

--- case: dynamic SQL sees the tables around it
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/execute-transact-sql
CREATE TABLE #around (id int)
GO
EXEC ('INSERT #around VALUES (8)');
EXEC sp_executesql N'INSERT #around VALUES (@p)', N'@p int', @p = 9;
SELECT id FROM #around ORDER BY id
=> 8
=> 9

--- case: a rollback takes the rows of a temporary table back, and the table if it is younger
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/rollback-transaction-transact-sql
CREATE TABLE #rows (id int)
GO
BEGIN TRAN;
INSERT #rows VALUES (1);
CREATE TABLE #young (id int);
ROLLBACK;
SELECT COUNT(*) FROM #rows
=> 0
SELECT * FROM #young
=> error 208

--- case: an index on a temporary table
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-index-transact-sql
CREATE TABLE #indexed (id int, n int)
GO
CREATE UNIQUE INDEX ix ON #indexed (n)
GO
INSERT #indexed VALUES (1, 1), (2, 1)
=> error 2601

--- case: a table variable is not known to dynamic SQL
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/table-transact-sql
DECLARE @t TABLE (id int);
EXEC ('SELECT * FROM @t')
=> error 1087 level 15: Must declare the table variable "@t".

--- case: table variables have keys, checks, defaults and identity
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/table-transact-sql
DECLARE @t TABLE (id int IDENTITY PRIMARY KEY, n int NOT NULL DEFAULT 7, c char(1) CHECK (c <> 'x'));
INSERT @t (c) VALUES ('a'), ('b');
UPDATE @t SET n = n + 1 WHERE c = 'b';
SELECT id, n, c FROM @t ORDER BY id
=> 1|7|a
=> 2|8|b
DECLARE @t TABLE (c char(1) CHECK (c <> 'x'));
INSERT @t VALUES ('x')
=> error 547

--- case: a table variable is new in every batch
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/table-transact-sql
DECLARE @t TABLE (id int);
INSERT @t VALUES (1);
SELECT COUNT(*) FROM @t
=> 1
SELECT COUNT(*) FROM @t
=> error 1087

--- case: a global temporary table
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-table-transact-sql#temporary-tables
--- refused: tables of one session only
CREATE TABLE ##global (id int)
