-- DELETE: FROM, cascades, TOP
--- case: everything, or what a condition holds for
--- doc: https://learn.microsoft.com/sql/t-sql/statements/delete-transact-sql
CREATE TABLE dbo.d1 (id int PRIMARY KEY, v int NULL);
INSERT dbo.d1 VALUES (1, 1), (2, NULL), (3, 3);
DELETE FROM dbo.d1 WHERE v <> 1;
SELECT @@ROWCOUNT, COUNT(*) FROM dbo.d1;
DELETE dbo.d1;
SELECT @@ROWCOUNT, COUNT(*) FROM dbo.d1
=> 1|2
=> ;
=> 2|0

--- case: DELETE alias FROM a join
--- doc: https://learn.microsoft.com/sql/t-sql/statements/delete-transact-sql
CREATE TABLE dbo.d2 (id int PRIMARY KEY);
CREATE TABLE dbo.d2s (id int);
INSERT dbo.d2 VALUES (1), (2), (3);
INSERT dbo.d2s VALUES (1), (1), (3);
GO
DELETE t FROM dbo.d2 AS t INNER JOIN dbo.d2s AS s ON s.id = t.id;
SELECT @@ROWCOUNT;
SELECT id FROM dbo.d2
=> 2
=> ;
=> 2

--- case: DELETE FROM table FROM table, without an alias
--- doc: https://learn.microsoft.com/sql/t-sql/statements/delete-transact-sql
CREATE TABLE dbo.d3 (id int PRIMARY KEY);
INSERT dbo.d3 VALUES (1), (2);
GO
DELETE FROM dbo.d3 FROM dbo.d3 AS a JOIN (VALUES (2)) AS s(id) ON s.id = a.id;
SELECT id FROM dbo.d3
=> 1

--- case: rows without a partner
--- doc: https://learn.microsoft.com/sql/t-sql/statements/delete-transact-sql
CREATE TABLE dbo.d4 (id int PRIMARY KEY);
INSERT dbo.d4 VALUES (1), (2), (3);
GO
DELETE t FROM dbo.d4 AS t LEFT JOIN (VALUES (2)) AS s(id) ON s.id = t.id WHERE s.id IS NULL;
SELECT id FROM dbo.d4
=> 2

--- case: ON DELETE CASCADE goes through levels
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/primary-and-foreign-key-constraints
CREATE TABLE dbo.d5 (id int PRIMARY KEY);
CREATE TABLE dbo.d5a (id int PRIMARY KEY, p int REFERENCES dbo.d5(id) ON DELETE CASCADE);
CREATE TABLE dbo.d5b (id int PRIMARY KEY, p int REFERENCES dbo.d5a(id) ON DELETE CASCADE);
INSERT dbo.d5 VALUES (1), (2);
INSERT dbo.d5a VALUES (10, 1), (20, 2);
INSERT dbo.d5b VALUES (100, 10), (200, 20);
GO
DELETE dbo.d5 WHERE id = 1;
SELECT @@ROWCOUNT;
SELECT a.id, b.id FROM dbo.d5a AS a JOIN dbo.d5b AS b ON b.p = a.id
=> 1
=> ;
=> 20|200

--- case: ON DELETE SET NULL
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/primary-and-foreign-key-constraints
CREATE TABLE dbo.d6 (id int PRIMARY KEY);
CREATE TABLE dbo.d6c (id int PRIMARY KEY, p int NULL REFERENCES dbo.d6(id) ON DELETE SET NULL);
INSERT dbo.d6 VALUES (1), (2);
INSERT dbo.d6c VALUES (10, 1), (20, 2);
GO
DELETE dbo.d6 WHERE id = 1;
SELECT id, p FROM dbo.d6c ORDER BY id
=> 10|NULL
=> 20|2

--- case: a row that others refer to stays
--- doc: https://learn.microsoft.com/sql/t-sql/statements/delete-transact-sql
CREATE TABLE dbo.d7 (id int PRIMARY KEY);
CREATE TABLE dbo.d7c (id int PRIMARY KEY, p int CONSTRAINT fk_d7 REFERENCES dbo.d7(id));
INSERT dbo.d7 VALUES (1), (2);
INSERT dbo.d7c VALUES (10, 2);
GO
DELETE dbo.d7
=> error 547 level 16: The DELETE statement conflicted with the REFERENCE constraint "fk_d7". The conflict occurred in database "*", table "dbo.d7c", column 'p'.
SELECT COUNT(*) FROM dbo.d7
=> 2

--- case: rows that refer to each other go together
--- doc: https://learn.microsoft.com/sql/t-sql/statements/delete-transact-sql
CREATE TABLE dbo.d8 (id int PRIMARY KEY, parent int REFERENCES dbo.d8(id));
INSERT dbo.d8 VALUES (1, NULL), (2, 1), (3, 2);
GO
DELETE dbo.d8 WHERE id < 4;
SELECT COUNT(*) FROM dbo.d8
=> 0

--- case: a subquery over the table itself sees it whole
--- doc: https://learn.microsoft.com/sql/t-sql/statements/delete-transact-sql
CREATE TABLE dbo.d9 (id int PRIMARY KEY, grp int);
INSERT dbo.d9 VALUES (1, 1), (2, 1), (3, 2);
GO
DELETE t FROM dbo.d9 AS t WHERE EXISTS (SELECT 1 FROM dbo.d9 AS o WHERE o.grp = t.grp AND o.id <> t.id);
SELECT id FROM dbo.d9
=> 3

--- case: the identity counter goes on after a DELETE
--- doc: https://learn.microsoft.com/sql/t-sql/statements/delete-transact-sql
CREATE TABLE dbo.d10 (id int IDENTITY PRIMARY KEY, v int);
INSERT dbo.d10 (v) VALUES (1), (2);
DELETE dbo.d10;
INSERT dbo.d10 (v) VALUES (3);
SELECT id FROM dbo.d10
=> 3

--- case: a table variable and a temporary table
--- doc: https://learn.microsoft.com/sql/t-sql/statements/delete-transact-sql
DECLARE @t table (id int);
CREATE TABLE #t (id int);
INSERT @t VALUES (1), (2);
INSERT #t VALUES (2), (3);
DELETE t FROM #t AS t JOIN @t AS v ON v.id = t.id;
DELETE @t WHERE id = 1;
SELECT (SELECT MIN(id) FROM @t), (SELECT MIN(id) FROM #t)
=> 2|3

--- case: a catalog view cannot be written
--- doc: https://learn.microsoft.com/sql/t-sql/statements/delete-transact-sql
DELETE sys.objects
=> error 259 level 16: Ad hoc updates to system catalogs are not allowed.

--- case: a table that does not exist
--- doc: https://learn.microsoft.com/sql/t-sql/statements/delete-transact-sql
DELETE dbo.nowhere
=> error 208 level 16: Invalid object name 'dbo.nowhere'.
