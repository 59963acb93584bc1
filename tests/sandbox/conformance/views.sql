-- Views: definition, names of columns, what they see
--- case: a view stands for its query
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-view-transact-sql
CREATE TABLE dbo.v1_t (id int, v varchar(5));
INSERT dbo.v1_t VALUES (1, 'a'), (2, 'b'), (3, NULL)
GO
CREATE VIEW dbo.v1 AS SELECT id, v FROM dbo.v1_t WHERE v IS NOT NULL
GO
SELECT * FROM dbo.v1 ORDER BY id
=> 1|a
=> 2|b
INSERT dbo.v1_t VALUES (4, 'd');
SELECT v1.id, dbo.v1.v FROM dbo.v1 WHERE id > 2
=> 4|d

--- case: a view has the column names given
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-view-transact-sql
CREATE VIEW dbo.v2 (a, b) AS SELECT 1, 'x'
GO
SELECT b, a FROM dbo.v2 x
=> x|1
SELECT name, column_id, TYPE_NAME(user_type_id) FROM sys.columns WHERE object_id = OBJECT_ID('dbo.v2') ORDER BY column_id
=> a|1|int
=> b|2|varchar

--- case: a view of views, joined and grouped
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-view-transact-sql
CREATE TABLE dbo.v3_t (id int, n int);
INSERT dbo.v3_t VALUES (1, 10), (1, 20), (2, 5)
GO
CREATE VIEW dbo.v3_sums AS SELECT id, SUM(n) AS total, COUNT(*) AS rows FROM dbo.v3_t GROUP BY id
GO
CREATE VIEW dbo.v3_large AS SELECT id, total FROM dbo.v3_sums WHERE total > 9
GO
SELECT l.id, l.total, s.rows FROM dbo.v3_large l JOIN dbo.v3_sums s ON s.id = l.id
=> 1|30|2

--- case: a view with a common table expression does not see those of the statement
--- doc: https://learn.microsoft.com/sql/t-sql/queries/with-common-table-expression-transact-sql
CREATE TABLE dbo.v4_t (id int);
INSERT dbo.v4_t VALUES (1), (2)
GO
CREATE VIEW dbo.v4 AS WITH c AS (SELECT id * 10 AS id FROM dbo.v4_t) SELECT id FROM c
GO
WITH v4_t AS (SELECT 99 AS id), c AS (SELECT 77 AS id) SELECT v.id, c.id FROM dbo.v4 v CROSS JOIN c ORDER BY v.id
=> 10|77
=> 20|77

--- case: a column without a name is error 4511
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-4000-to-4999
CREATE VIEW dbo.v5 AS SELECT 1
=> error 4511 level 16: Create View or Function failed because no column name was specified for column 1.

--- case: two columns of one name are error 4506
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-4000-to-4999
CREATE VIEW dbo.v6 AS SELECT 1 AS a, 2 AS A
=> error 4506 level 16

--- case: more columns than names are error 8158, fewer 8159
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
CREATE VIEW dbo.v7 (a) AS SELECT 1, 2
=> error 8158 level 16
CREATE VIEW dbo.v7 (a, b, c) AS SELECT 1, 2
=> error 8159 level 16

--- case: ORDER BY alone is error 1033
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-view-transact-sql
CREATE VIEW dbo.v8 AS SELECT name FROM sys.objects ORDER BY name
=> error 1033 level 15

--- case: a temporary table in a view is error 4508
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-4000-to-4999
CREATE TABLE #v9 (id int)
GO
CREATE VIEW dbo.v9 AS SELECT id FROM #v9
=> error 4508 level 16

--- case: a table that is not there is an error when the view is made
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-view-transact-sql
CREATE VIEW dbo.v10 AS SELECT id FROM dbo.v10_none
=> error 208 level 16: Invalid object name 'dbo.v10_none'.

--- case: ALTER VIEW and CREATE OR ALTER VIEW
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-view-transact-sql
CREATE VIEW dbo.v11 AS SELECT 1 AS a
GO
ALTER VIEW dbo.v11 AS SELECT 2 AS a, 3 AS b
GO
SELECT * FROM dbo.v11
=> 2|3
CREATE OR ALTER VIEW dbo.v11 AS SELECT 'x' AS c
GO
SELECT * FROM dbo.v11
=> x

--- case: DROP VIEW, and DROP TABLE of a view is error 3705
--- doc: https://learn.microsoft.com/sql/t-sql/statements/drop-view-transact-sql
CREATE VIEW dbo.v12 AS SELECT 1 AS a
GO
DROP TABLE dbo.v12
=> error 3705 level 16: Cannot use DROP TABLE with 'dbo.v12' because 'dbo.v12' is a view. Use DROP VIEW.
DROP VIEW dbo.v12
GO
SELECT a FROM dbo.v12
=> error 208
DROP VIEW dbo.v12
=> error 3701 level 11: Cannot drop the view 'dbo.v12', because it does not exist or you do not have permission.
DROP VIEW IF EXISTS dbo.v12

--- case: sys.views and sys.sql_modules show a view
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-views-transact-sql
CREATE VIEW dbo.v13 AS SELECT 1 AS a
GO
SELECT v.name, v.type_desc, m.definition, m.is_schema_bound FROM sys.views v JOIN sys.sql_modules m ON m.object_id = v.object_id WHERE v.name = 'v13'
=> v13|VIEW|CREATE VIEW dbo.v13 AS SELECT 1 AS a|0
SELECT OBJECTPROPERTY(OBJECT_ID('dbo.v13'), 'IsView'), OBJECT_ID('dbo.v13', 'U')
=> 1|NULL

--- case: a schema-bound view keeps its table from being dropped
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-view-transact-sql
CREATE TABLE dbo.v14_t (id int)
GO
CREATE VIEW dbo.v14 WITH SCHEMABINDING AS SELECT id FROM dbo.v14_t
GO
DROP TABLE dbo.v14_t
=> error 3729 level 16: Cannot DROP TABLE 'dbo.v14_t' because it is being referenced by object 'v14'.
DROP VIEW dbo.v14
GO
DROP TABLE dbo.v14_t

--- case: schema binding asks for two-part names and named columns
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-view-transact-sql
CREATE TABLE dbo.v15_t (id int)
GO
CREATE VIEW dbo.v15 WITH SCHEMABINDING AS SELECT id FROM v15_t
=> error 4512 level 16
CREATE VIEW dbo.v15 WITH SCHEMABINDING AS SELECT * FROM dbo.v15_t
=> error 1054 level 15

--- case: a view in UPDATE … FROM and in a procedure
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.v16_t (id int, v int);
INSERT dbo.v16_t VALUES (1, 0), (2, 0)
GO
CREATE VIEW dbo.v16 AS SELECT id, id * 100 AS w FROM dbo.v16_t
GO
CREATE PROCEDURE dbo.v16_p AS UPDATE t SET v = x.w FROM dbo.v16_t t JOIN dbo.v16 x ON x.id = t.id
GO
EXEC dbo.v16_p;
SELECT id, v FROM dbo.v16_t ORDER BY id
=> 1|100
=> 2|200

--- case: CREATE VIEW has a batch of its own: error 111
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-view-transact-sql
SELECT 1;
CREATE VIEW dbo.v17 AS SELECT 1 AS a
=> error 111 level 15: 'CREATE VIEW' must be the first statement in a query batch.

--- case: an update through a view
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-view-transact-sql
--- refused: views are read only
CREATE TABLE dbo.v18_t (id int)
GO
CREATE VIEW dbo.v18 AS SELECT id FROM dbo.v18_t
GO
INSERT dbo.v18 VALUES (1)
