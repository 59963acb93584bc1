-- MERGE: clauses, conditions, output, errors
--- case: matched rows are updated and the others inserted
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.m1 (id int PRIMARY KEY, name varchar(10), qty int);
CREATE TABLE dbo.m1s (id int PRIMARY KEY, name varchar(10), qty int);
INSERT dbo.m1 VALUES (1, 'a', 1), (2, 'b', 2);
INSERT dbo.m1s VALUES (2, 'B', 20), (3, 'c', 30);
GO
MERGE dbo.m1 AS t USING dbo.m1s AS s ON t.id = s.id
WHEN MATCHED THEN UPDATE SET name = s.name, qty = t.qty + s.qty
WHEN NOT MATCHED THEN INSERT (id, name, qty) VALUES (s.id, s.name, s.qty);
SELECT @@ROWCOUNT;
SELECT * FROM dbo.m1 ORDER BY id
=> 2
=> ;
=> 1|a|1
=> 2|B|22
=> 3|c|30

--- case: rows without a source are deleted by WHEN NOT MATCHED BY SOURCE
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.m2 (id int PRIMARY KEY, v int);
INSERT dbo.m2 VALUES (1, 1), (2, 2), (3, 3);
GO
MERGE INTO dbo.m2 AS t USING (VALUES (2, 20), (4, 40)) AS s(id, v) ON t.id = s.id
WHEN MATCHED THEN UPDATE SET v = s.v
WHEN NOT MATCHED BY TARGET THEN INSERT VALUES (s.id, s.v)
WHEN NOT MATCHED BY SOURCE THEN DELETE;
SELECT * FROM dbo.m2 ORDER BY id
=> 2|20
=> 4|40

--- case: two WHEN MATCHED clauses: the first one whose condition holds
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.m3 (id int PRIMARY KEY, qty int);
INSERT dbo.m3 VALUES (1, 5), (2, 9), (3, 7);
GO
MERGE dbo.m3 AS t USING (VALUES (1, 5), (2, 4)) AS s(id, sold) ON t.id = s.id
WHEN MATCHED AND t.qty - s.sold <= 0 THEN DELETE
WHEN MATCHED THEN UPDATE SET t.qty = t.qty - s.sold;
SELECT * FROM dbo.m3 ORDER BY id
=> 2|5
=> 3|7

--- case: an unknown condition takes no row
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.m4 (id int PRIMARY KEY, v int);
INSERT dbo.m4 VALUES (1, NULL), (2, 2);
GO
MERGE dbo.m4 AS t USING (VALUES (1), (2)) AS s(id) ON t.id = s.id
WHEN MATCHED AND t.v > 1 THEN DELETE
WHEN MATCHED THEN UPDATE SET v = 0;
SELECT * FROM dbo.m4 ORDER BY id
=> 1|0

--- case: two WHEN NOT MATCHED BY SOURCE clauses
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.m5 (id int PRIMARY KEY, v int);
INSERT dbo.m5 VALUES (1, 1), (2, 2), (3, 3);
GO
MERGE dbo.m5 AS t USING (SELECT 1 AS id) AS s ON t.id = s.id
WHEN NOT MATCHED BY SOURCE AND t.v > 2 THEN DELETE
WHEN NOT MATCHED BY SOURCE THEN UPDATE SET v = t.v * 10;
SELECT * FROM dbo.m5 ORDER BY id
=> 1|1
=> 2|20

--- case: OUTPUT tells the action and shows both images and the source
--- doc: https://learn.microsoft.com/sql/t-sql/queries/output-clause-transact-sql
CREATE TABLE dbo.m6 (id int PRIMARY KEY, v int);
CREATE TABLE #o6 (act nvarchar(10), new_id int, new_v int, old_id int, old_v int, src int);
INSERT dbo.m6 VALUES (1, 1), (2, 2);
MERGE dbo.m6 AS t USING (VALUES (2, 20), (3, 30)) AS s(id, v) ON t.id = s.id
WHEN MATCHED THEN UPDATE SET v = s.v
WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, s.v)
WHEN NOT MATCHED BY SOURCE THEN DELETE
OUTPUT $action, inserted.id, inserted.v, deleted.id, deleted.v, s.v INTO #o6;
SELECT * FROM #o6 ORDER BY act
=> DELETE|NULL|NULL|1|1|NULL
=> INSERT|3|30|NULL|NULL|30
=> UPDATE|2|20|2|2|20

--- case: OUTPUT returns its rows to the client
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.m7 (id int PRIMARY KEY, v int);
INSERT dbo.m7 VALUES (1, 1);
GO
MERGE dbo.m7 AS t USING (VALUES (1, 5)) AS s(id, v) ON t.id = s.id
WHEN MATCHED THEN UPDATE SET v = s.v
OUTPUT $action AS what, deleted.*, inserted.*;
=> UPDATE|1|1|1|5

--- case: generated identity values come back with their source rows
--- doc: https://learn.microsoft.com/sql/t-sql/queries/output-clause-transact-sql
CREATE TABLE dbo.m8 (id int IDENTITY(10, 10) PRIMARY KEY, name varchar(10));
GO
MERGE dbo.m8 AS t USING (VALUES ('x', 7)) AS s(name, tag) ON 1 = 0
WHEN NOT MATCHED THEN INSERT (name) VALUES (s.name)
OUTPUT inserted.id, inserted.name, s.tag;
SELECT SCOPE_IDENTITY();
=> 10|x|7
=> ;
=> 10

--- case: a target row that matches twice is error 8672 and nothing happens
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.m9 (id int PRIMARY KEY, v int);
INSERT dbo.m9 VALUES (1, 1);
GO
MERGE dbo.m9 AS t USING (VALUES (1, 2), (1, 3), (5, 5)) AS s(id, v) ON t.id = s.id
WHEN MATCHED THEN UPDATE SET v = s.v
WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.v);
=> error 8672 level 16: The MERGE statement attempted to UPDATE or DELETE the same row more than once. *
SELECT * FROM dbo.m9
=> 1|1

--- case: without a semicolon it is error 10713
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.m10 (id int PRIMARY KEY);
GO
MERGE dbo.m10 AS t USING (VALUES (1)) AS s(id) ON t.id = s.id WHEN NOT MATCHED THEN INSERT VALUES (s.id)
=> error 10713 level 15: A MERGE statement must be terminated by a semi-colon (;).

--- case: the same action twice for matched rows is error 10714
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.m11 (id int PRIMARY KEY, v int);
GO
MERGE dbo.m11 AS t USING (VALUES (1)) AS s(id) ON t.id = s.id
WHEN MATCHED AND t.v = 1 THEN UPDATE SET v = 2
WHEN MATCHED THEN UPDATE SET v = 3;
=> error 10714 level 15: An action of type 'WHEN MATCHED' cannot appear more than once in a 'UPDATE' clause of a MERGE statement.

--- case: a condition after a clause without one is error 5324
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.m12 (id int PRIMARY KEY, v int);
GO
MERGE dbo.m12 AS t USING (VALUES (1)) AS s(id) ON t.id = s.id
WHEN MATCHED THEN UPDATE SET v = 3
WHEN MATCHED AND t.v = 1 THEN DELETE;
=> error 5324 level 15: In a MERGE statement, a 'WHEN MATCHED' clause with a search condition cannot appear after a 'WHEN MATCHED' clause with no search condition.

--- case: keys may move through each other, uniqueness holds at the end
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.m13 (id int PRIMARY KEY, k int UNIQUE);
INSERT dbo.m13 VALUES (1, 1), (2, 2), (3, 3);
GO
MERGE dbo.m13 AS t USING (VALUES (1, 2), (2, 1), (9, 3)) AS s(id, k) ON t.id = s.id
WHEN MATCHED THEN UPDATE SET k = s.k
WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.k)
WHEN NOT MATCHED BY SOURCE THEN DELETE;
SELECT * FROM dbo.m13 ORDER BY id
=> 1|2
=> 2|1
=> 9|3

--- case: a duplicate that remains undoes the whole statement
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.m14 (id int PRIMARY KEY, k int CONSTRAINT uq_m14 UNIQUE);
INSERT dbo.m14 VALUES (1, 1), (2, 2);
GO
MERGE dbo.m14 AS t USING (VALUES (1, 5), (3, 2)) AS s(id, k) ON t.id = s.id
WHEN MATCHED THEN UPDATE SET k = s.k
WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.k);
=> error 2627 level 14: Violation of UNIQUE KEY constraint 'uq_m14'. Cannot insert duplicate key in object 'dbo.m14'.*
SELECT * FROM dbo.m14 ORDER BY id
=> 1|1
=> 2|2

--- case: a foreign key's error names the MERGE statement
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.m15p (id int PRIMARY KEY);
CREATE TABLE dbo.m15 (id int PRIMARY KEY, p int CONSTRAINT fk_m15 REFERENCES dbo.m15p(id));
GO
MERGE dbo.m15 AS t USING (VALUES (1, 1)) AS s(id, p) ON t.id = s.id
WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.p);
=> error 547 level 16: The MERGE statement conflicted with the FOREIGN KEY constraint "fk_m15". The conflict occurred in database "*", table "dbo.m15p", column 'id'.

--- case: defaults, DEFAULT VALUES and a CTE as source
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.m16 (id int NOT NULL DEFAULT 42, v varchar(5) DEFAULT 'none');
GO
WITH s AS (SELECT 1 AS id)
MERGE dbo.m16 AS t USING s ON t.id = s.id WHEN NOT MATCHED THEN INSERT DEFAULT VALUES;
WITH s AS (SELECT 2 AS id)
MERGE dbo.m16 AS t USING s ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, DEFAULT);
SELECT * FROM dbo.m16 ORDER BY id
=> 2|none
=> 42|none

--- case: TOP counts the rows that get an action
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.m17 (id int PRIMARY KEY);
INSERT dbo.m17 VALUES (1);
GO
MERGE TOP (2) dbo.m17 AS t USING (VALUES (1), (2), (3), (4)) AS s(id) ON t.id = s.id
WHEN NOT MATCHED THEN INSERT VALUES (s.id);
SELECT @@ROWCOUNT, COUNT(*) FROM dbo.m17
=> 2|3

--- case: a subquery and a joined source
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.m18 (id int PRIMARY KEY, total int);
CREATE TABLE dbo.m18a (id int, d int);
CREATE TABLE dbo.m18b (id int, q int);
INSERT dbo.m18 VALUES (1, 0);
INSERT dbo.m18a VALUES (1, 1), (2, 2);
INSERT dbo.m18b VALUES (1, 5), (1, 6), (2, 7);
GO
MERGE dbo.m18 AS t
USING (SELECT a.id, SUM(b.q) AS q FROM dbo.m18a AS a JOIN dbo.m18b AS b ON b.id = a.id GROUP BY a.id) AS s ON t.id = s.id
WHEN MATCHED THEN UPDATE SET total = s.q
WHEN NOT MATCHED THEN INSERT (id, total) VALUES (s.id, s.q);
SELECT * FROM dbo.m18 ORDER BY id
=> 1|11
=> 2|7

--- case: HOLDLOCK on the target and a compound assignment
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.m19 (id int PRIMARY KEY, n int);
INSERT dbo.m19 VALUES (1, 1);
GO
MERGE dbo.m19 WITH (HOLDLOCK) AS t USING (SELECT 1 AS id) AS s ON t.id = s.id
WHEN MATCHED THEN UPDATE SET n += 4
WHEN NOT MATCHED THEN INSERT VALUES (s.id, 1);
SELECT * FROM dbo.m19
=> 1|5

--- case: a table variable is a target, and ON decides what is matched
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
DECLARE @t table (id int, v int);
INSERT @t VALUES (1, 1), (2, 2);
MERGE @t AS t USING (VALUES (1, 9), (2, 9)) AS s(id, v) ON t.id = s.id AND t.v = 2
WHEN MATCHED THEN UPDATE SET v = s.v
WHEN NOT MATCHED THEN INSERT VALUES (s.id + 10, s.v);
SELECT * FROM @t ORDER BY id
=> 1|1
=> 2|9
=> 11|9

--- case: an action that changes nothing else than what it names
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.m20 (id int PRIMARY KEY, a int, b AS a * 2);
INSERT dbo.m20 (id, a) VALUES (1, 1);
GO
MERGE dbo.m20 AS t USING (VALUES (1, 3), (2, 4)) AS s(id, a) ON t.id = s.id
WHEN MATCHED THEN UPDATE SET a = s.a
WHEN NOT MATCHED THEN INSERT (id, a) VALUES (s.id, s.a)
OUTPUT inserted.id, inserted.b, deleted.b;
=> 1|6|2
=> 2|8|NULL

--- case: a rowversion column takes a new value with each action
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/rowversion-transact-sql
CREATE TABLE dbo.m22 (id int PRIMARY KEY, v int, rv rowversion);
INSERT dbo.m22 (id, v) VALUES (1, 1), (2, 2);
DECLARE @before binary(8) = @@DBTS;
MERGE dbo.m22 AS t USING (VALUES (1, 9), (3, 9)) AS s(id, v) ON t.id = s.id
WHEN MATCHED THEN UPDATE SET v = s.v
WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, s.v);
SELECT id, CASE WHEN rv > @before THEN 'new' ELSE 'old' END FROM dbo.m22 ORDER BY id
=> 1|new
=> 2|old
=> 3|new

--- case: rows may refer to rows that the same statement inserts
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.m21 (id int PRIMARY KEY, parent int REFERENCES dbo.m21(id));
INSERT dbo.m21 VALUES (1, NULL);
GO
MERGE dbo.m21 AS t USING (VALUES (1, 2), (2, NULL)) AS s(id, parent) ON t.id = s.id
WHEN MATCHED THEN UPDATE SET parent = s.parent
WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.parent);
SELECT * FROM dbo.m21 ORDER BY id
=> 1|2
=> 2|NULL

--- case: an inserted row has no target columns
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.m23 (id int PRIMARY KEY);
GO
MERGE dbo.m23 AS t USING (VALUES (1)) AS s(id) ON s.id = t.id WHEN NOT MATCHED THEN INSERT (id) VALUES (t.id);
=> error 5333 level 15: The identifier 't.id' cannot be bound. Only source columns and columns in the clause scope are allowed in the 'WHEN NOT MATCHED' clause of a MERGE statement.

--- case: a row without a source has no source columns
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.m24 (id int PRIMARY KEY);
GO
MERGE dbo.m24 AS t USING (VALUES (1)) AS s(id) ON s.id = t.id WHEN NOT MATCHED BY SOURCE AND s.id > 1 THEN DELETE;
=> error 5334 level 15: The identifier 's.id' cannot be bound. Only target columns and columns in the clause scope are allowed in the 'WHEN NOT MATCHED BY SOURCE' clause of a MERGE statement.

--- case: source and target need different names
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.m25 (id int PRIMARY KEY);
GO
MERGE dbo.m25 USING dbo.m25 ON 1 = 1 WHEN MATCHED THEN DELETE;
=> error 5318 level 15

--- case: inside a transaction that rolls back
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.m26 (id int PRIMARY KEY, v int);
INSERT dbo.m26 VALUES (1, 1), (2, 2);
BEGIN TRANSACTION;
MERGE dbo.m26 AS t USING (VALUES (1, 5), (3, 5)) AS s(id, v) ON s.id = t.id
WHEN MATCHED THEN UPDATE SET v = s.v
WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.v)
WHEN NOT MATCHED BY SOURCE THEN DELETE;
ROLLBACK;
SELECT * FROM dbo.m26 ORDER BY id
=> 1|1
=> 2|2
