-- OUTPUT: images, INTO, columns of other tables
--- case: an INSERT returns what was stored
--- doc: https://learn.microsoft.com/sql/t-sql/queries/output-clause-transact-sql
CREATE TABLE dbo.o1 (id int IDENTITY(1, 1), name varchar(10) DEFAULT 'anon', twice AS id * 2);
GO
INSERT dbo.o1 (name) OUTPUT inserted.id, inserted.name, inserted.twice VALUES ('x'), (DEFAULT)
=> 1|x|2
=> 2|anon|4

--- case: an UPDATE returns the old and the new image
--- doc: https://learn.microsoft.com/sql/t-sql/queries/output-clause-transact-sql
CREATE TABLE dbo.o2 (id int PRIMARY KEY, v int);
INSERT dbo.o2 VALUES (1, 10), (2, 20);
GO
UPDATE dbo.o2 SET v = v + 1 OUTPUT deleted.v, inserted.v, inserted.v - deleted.v AS d WHERE id = 2
=> 20|21|1

--- case: deleted.* of an UPDATE holds every column as it was
--- doc: https://learn.microsoft.com/sql/t-sql/queries/output-clause-transact-sql
CREATE TABLE dbo.o3 (id int PRIMARY KEY, a varchar(5), b AS a + '!');
INSERT dbo.o3 (id, a) VALUES (1, 'x');
GO
UPDATE dbo.o3 SET id = 7, a = 'y' OUTPUT deleted.*, inserted.*
=> 1|x|x!|7|y|y!

--- case: an UPDATE returns columns of its FROM clause
--- doc: https://learn.microsoft.com/sql/t-sql/queries/output-clause-transact-sql
CREATE TABLE dbo.o4 (id int PRIMARY KEY, v int);
CREATE TABLE dbo.o4s (id int, v int, why varchar(10));
INSERT dbo.o4 VALUES (1, 10), (2, 20);
INSERT dbo.o4s VALUES (2, 25, 'sale');
GO
UPDATE t SET v = s.v OUTPUT inserted.id, deleted.v, inserted.v, s.why FROM dbo.o4 AS t JOIN dbo.o4s AS s ON s.id = t.id
=> 2|20|25|sale

--- case: a DELETE returns columns of its FROM clause
--- doc: https://learn.microsoft.com/sql/t-sql/queries/output-clause-transact-sql
CREATE TABLE dbo.o5 (id int PRIMARY KEY, v int);
INSERT dbo.o5 VALUES (1, 10), (2, 20);
GO
DELETE t OUTPUT deleted.id, deleted.v, s.why FROM dbo.o5 AS t JOIN (VALUES (1, 'old')) AS s(id, why) ON s.id = t.id
=> 1|10|old

--- case: OUTPUT INTO a table variable returns nothing to the client
--- doc: https://learn.microsoft.com/sql/t-sql/queries/output-clause-transact-sql
CREATE TABLE dbo.o6 (id int PRIMARY KEY, v int);
INSERT dbo.o6 VALUES (1, 10), (2, 20);
DECLARE @log table (id int, old_v int, new_v int);
UPDATE dbo.o6 SET v = 0 OUTPUT inserted.id, deleted.v, inserted.v INTO @log;
SELECT * FROM @log ORDER BY id
=> 1|10|0
=> 2|20|0

--- case: OUTPUT INTO and a second OUTPUT to the client
--- doc: https://learn.microsoft.com/sql/t-sql/queries/output-clause-transact-sql
CREATE TABLE dbo.o7 (id int PRIMARY KEY, v int);
INSERT dbo.o7 VALUES (1, 10);
DECLARE @log table (id int);
DELETE dbo.o7 OUTPUT deleted.id INTO @log OUTPUT deleted.v AS gone;
SELECT * FROM @log;
=> 10
=> ;
=> 1

--- case: OUTPUT INTO with a column list
--- doc: https://learn.microsoft.com/sql/t-sql/queries/output-clause-transact-sql
CREATE TABLE dbo.o8 (id int PRIMARY KEY);
CREATE TABLE dbo.o8log (n int IDENTITY, what varchar(10) DEFAULT 'ins', id int);
INSERT dbo.o8 (id) OUTPUT inserted.id INTO dbo.o8log (id) VALUES (5), (6);
SELECT what, id FROM dbo.o8log ORDER BY id
=> ins|5
=> ins|6

--- case: a column of the rows without its prefix is not found
--- doc: https://learn.microsoft.com/sql/t-sql/queries/output-clause-transact-sql
CREATE TABLE dbo.o9 (id int PRIMARY KEY);
GO
INSERT dbo.o9 OUTPUT id VALUES (1)
=> error 207 level 16: Invalid column name 'id'.

--- case: an INSERT has no deleted image
--- doc: https://learn.microsoft.com/sql/t-sql/queries/output-clause-transact-sql
CREATE TABLE dbo.o10 (id int PRIMARY KEY);
GO
INSERT dbo.o10 OUTPUT deleted.id VALUES (1)
=> error 4104 level 16: The multi-part identifier "deleted.id" could not be bound.

--- case: what OUTPUT INTO fills takes no part in foreign keys
--- doc: https://learn.microsoft.com/sql/t-sql/queries/output-clause-transact-sql
CREATE TABLE dbo.o11 (id int PRIMARY KEY);
CREATE TABLE dbo.o11c (id int CONSTRAINT fk_o11 REFERENCES dbo.o11(id));
CREATE TABLE dbo.o11x (id int);
GO
INSERT dbo.o11x OUTPUT inserted.id INTO dbo.o11c VALUES (1)
=> error 332 level 16: The target table 'dbo.o11c' of the OUTPUT INTO clause cannot be on either side of a (primary key, foreign key) relationship. Found reference constraint 'fk_o11'.

--- case: what OUTPUT INTO fills has no CHECK constraints
--- doc: https://learn.microsoft.com/sql/t-sql/queries/output-clause-transact-sql
CREATE TABLE dbo.o12 (id int);
CREATE TABLE dbo.o12c (id int CONSTRAINT ck_o12 CHECK (id > 0));
GO
INSERT dbo.o12 OUTPUT inserted.id INTO dbo.o12c VALUES (1)
=> error 333 level 16: The target table 'dbo.o12c' of the OUTPUT INTO clause cannot have any enabled check constraints or any enabled rules. Found check constraint or rule 'ck_o12'.

--- case: expressions over the images
--- doc: https://learn.microsoft.com/sql/t-sql/queries/output-clause-transact-sql
CREATE TABLE dbo.o13 (id int PRIMARY KEY, name varchar(10));
INSERT dbo.o13 VALUES (1, 'Ann');
GO
UPDATE dbo.o13 SET name = 'ANN' OUTPUT CASE WHEN inserted.name = deleted.name THEN 'same' ELSE 'other' END, UPPER(deleted.name) + '/' + LOWER(inserted.name)
=> same|ANN/ann

--- case: OUTPUT of a failed statement leaves nothing in its target
--- doc: https://learn.microsoft.com/sql/t-sql/queries/output-clause-transact-sql
CREATE TABLE dbo.o14 (id int PRIMARY KEY);
CREATE TABLE dbo.o14log (id int);
INSERT dbo.o14 VALUES (2);
GO
INSERT dbo.o14 OUTPUT inserted.id INTO dbo.o14log VALUES (1), (2)
=> error 2627
SELECT COUNT(*) FROM dbo.o14log
=> 0

--- case: a key that moves shows its old and its new value
--- doc: https://learn.microsoft.com/sql/t-sql/queries/output-clause-transact-sql
CREATE TABLE dbo.o15 (id int PRIMARY KEY);
CREATE TABLE #o15 (o int, n int);
INSERT dbo.o15 VALUES (1), (2), (3);
UPDATE dbo.o15 SET id = id + 1 OUTPUT deleted.id, inserted.id INTO #o15;
SELECT * FROM #o15 ORDER BY o
=> 1|2
=> 2|3
=> 3|4

--- case: rows of an INSERT … SELECT
--- doc: https://learn.microsoft.com/sql/t-sql/queries/output-clause-transact-sql
CREATE TABLE dbo.o16 (id int PRIMARY KEY, v varchar(5));
GO
INSERT INTO dbo.o16 (id, v) OUTPUT inserted.id AS n, inserted.v SELECT 3, 'c'
=> 3|c

--- case: the rows of a nested statement as a table
--- doc: https://learn.microsoft.com/sql/t-sql/queries/output-clause-transact-sql
--- refused: data modification inside FROM is outside the subset
CREATE TABLE dbo.o17 (id int PRIMARY KEY);
CREATE TABLE dbo.o17log (id int);
INSERT dbo.o17 VALUES (1), (2);
GO
INSERT dbo.o17log SELECT id FROM (DELETE dbo.o17 OUTPUT deleted.id WHERE id = 2) AS d;
SELECT * FROM dbo.o17log
=> 2

--- case: neither subqueries nor aggregates
--- doc: https://learn.microsoft.com/sql/t-sql/queries/output-clause-transact-sql
CREATE TABLE dbo.o18 (id int PRIMARY KEY);
GO
DELETE dbo.o18 OUTPUT (SELECT 1)
=> error 10705 level 15: Subqueries are not allowed in the OUTPUT clause.
DELETE dbo.o18 OUTPUT MAX(deleted.id)
=> error 158 level 15: An aggregate may not appear in the OUTPUT clause.
