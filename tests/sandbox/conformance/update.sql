-- UPDATE: assignments, FROM, TOP, variables, keys
--- case: every expression sees the row as it was
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u1 (id int PRIMARY KEY, a int, b int);
INSERT dbo.u1 VALUES (1, 10, 20);
GO
UPDATE dbo.u1 SET a = b, b = a;
SELECT * FROM dbo.u1
=> 1|20|10

--- case: compound assignments
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/compound-operators-transact-sql
CREATE TABLE dbo.u2 (id int PRIMARY KEY, a int, s varchar(10));
INSERT dbo.u2 VALUES (1, 10, 'x');
GO
UPDATE dbo.u2 SET a *= 3, s += 'y';
UPDATE dbo.u2 SET a -= 5;
UPDATE dbo.u2 SET a %= 7;
SELECT * FROM dbo.u2
=> 1|4|xy

--- case: DEFAULT and NULL as new values
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u3 (id int PRIMARY KEY, a int DEFAULT 7, b int);
INSERT dbo.u3 VALUES (1, 1, 1);
GO
UPDATE dbo.u3 SET a = DEFAULT, b = DEFAULT;
SELECT * FROM dbo.u3
=> 1|7|NULL

--- case: UPDATE FROM with an alias as target
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u4 (id int PRIMARY KEY, v int);
CREATE TABLE dbo.u4s (id int PRIMARY KEY, v int);
INSERT dbo.u4 VALUES (1, 1), (2, 2), (3, 3);
INSERT dbo.u4s VALUES (2, 20), (3, 30);
GO
UPDATE t SET t.v = s.v FROM dbo.u4 AS t INNER JOIN dbo.u4s AS s ON s.id = t.id WHERE s.id > 2;
SELECT @@ROWCOUNT;
SELECT * FROM dbo.u4 ORDER BY id
=> 1
=> ;
=> 1|1
=> 2|2
=> 3|30

--- case: a row that several source rows match is updated once
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u5 (id int PRIMARY KEY, v int);
INSERT dbo.u5 VALUES (1, 100);
GO
UPDATE t SET v = t.v + s.v FROM dbo.u5 AS t JOIN (VALUES (1, 5), (1, 5)) AS s(id, v) ON s.id = t.id;
SELECT @@ROWCOUNT, v FROM dbo.u5
=> 1|105

--- case: an outer join updates rows without a match as well
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u6 (id int PRIMARY KEY, v int);
INSERT dbo.u6 VALUES (1, 1), (2, 2);
GO
UPDATE t SET v = ISNULL(s.v, -1) FROM dbo.u6 AS t LEFT JOIN (VALUES (2, 22)) AS s(id, v) ON s.id = t.id;
SELECT * FROM dbo.u6 ORDER BY id
=> 1|-1
=> 2|22

--- case: UPDATE TOP (n) changes n rows
--- doc: https://learn.microsoft.com/sql/t-sql/queries/top-transact-sql
CREATE TABLE dbo.u7 (id int PRIMARY KEY, v int);
INSERT dbo.u7 VALUES (1, 0), (2, 0), (3, 0);
GO
UPDATE TOP (2) dbo.u7 SET v = 1;
SELECT @@ROWCOUNT, SUM(v) FROM dbo.u7
=> 2|2

--- case: UPDATE TOP (n) PERCENT rounds up
--- doc: https://learn.microsoft.com/sql/t-sql/queries/top-transact-sql
CREATE TABLE dbo.u8 (id int PRIMARY KEY, v int);
INSERT dbo.u8 VALUES (1, 0), (2, 0), (3, 0);
GO
UPDATE TOP (50) PERCENT dbo.u8 SET v = 1;
SELECT @@ROWCOUNT, SUM(v) FROM dbo.u8
=> 2|2

--- case: UPDATE TOP (n) with a FROM clause
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u9 (id int PRIMARY KEY, v int);
INSERT dbo.u9 VALUES (1, 0), (2, 0), (3, 0);
GO
UPDATE TOP (1) t SET v = s.v FROM dbo.u9 AS t JOIN (VALUES (1, 5), (1, 5), (2, 5)) AS s(id, v) ON s.id = t.id;
SELECT @@ROWCOUNT, SUM(v) FROM dbo.u9
=> 1|5

--- case: a variable takes the new value of a column
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u10 (name varchar(10) PRIMARY KEY, next_value int);
INSERT dbo.u10 VALUES ('a', 5), ('b', 50);
DECLARE @v int;
UPDATE dbo.u10 SET @v = next_value = next_value + 1 WHERE name = 'a';
SELECT @v, next_value FROM dbo.u10 WHERE name = 'a'
=> 6|6

--- case: a variable set from a column takes the value before the update
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u11 (id int PRIMARY KEY, v int);
INSERT dbo.u11 VALUES (1, 5);
DECLARE @old int = 0;
UPDATE dbo.u11 SET @old = v, v = v * 2 WHERE id = 1;
SELECT @old, v FROM dbo.u11
=> 5|10

--- case: no row, no assignment
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u12 (id int PRIMARY KEY, v int);
DECLARE @v int = 3;
UPDATE dbo.u12 SET @v = v = 1;
SELECT @v, @@ROWCOUNT
=> 3|0

--- case: unique keys may move through each other
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u13 (id int PRIMARY KEY, v char(1));
INSERT dbo.u13 VALUES (1, 'a'), (2, 'b'), (3, 'c');
GO
UPDATE dbo.u13 SET id = id + 1;
UPDATE dbo.u13 SET id = CASE id WHEN 2 THEN 4 WHEN 4 THEN 2 ELSE id END;
SELECT * FROM dbo.u13 ORDER BY id
=> 2|c
=> 3|b
=> 4|a

--- case: keys move and ON UPDATE CASCADE follows
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/primary-and-foreign-key-constraints
CREATE TABLE dbo.u14 (id int PRIMARY KEY);
CREATE TABLE dbo.u14c (id int PRIMARY KEY, p int REFERENCES dbo.u14(id) ON UPDATE CASCADE);
INSERT dbo.u14 VALUES (1), (2), (3);
INSERT dbo.u14c VALUES (10, 1), (20, 2), (30, 3);
GO
UPDATE dbo.u14 SET id = id + 1;
SELECT c.id, c.p FROM dbo.u14c AS c JOIN dbo.u14 AS p ON p.id = c.p ORDER BY c.id
=> 10|2
=> 20|3
=> 30|4

--- case: a duplicate key that remains is an error and nothing changes
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u15 (id int CONSTRAINT pk_u15 PRIMARY KEY);
INSERT dbo.u15 VALUES (1), (2), (5);
GO
UPDATE dbo.u15 SET id = id + 1 WHERE id IN (1, 2);
UPDATE dbo.u15 SET id = 5 WHERE id > 2;
=> error 2627 level 14: Violation of PRIMARY KEY constraint 'pk_u15'. Cannot insert duplicate key in object 'dbo.u15'.*
SELECT * FROM dbo.u15 ORDER BY id
=> 2
=> 3
=> 5

--- case: through a common table expression
--- doc: https://learn.microsoft.com/sql/t-sql/queries/with-common-table-expression-transact-sql
CREATE TABLE dbo.u16 (id int PRIMARY KEY, grp int, v int);
INSERT dbo.u16 VALUES (1, 1, 0), (2, 1, 0), (3, 2, 0);
GO
WITH ranked AS (SELECT v, ROW_NUMBER() OVER (PARTITION BY grp ORDER BY id) AS rn FROM dbo.u16)
UPDATE ranked SET v = rn * 10;
SELECT id, v FROM dbo.u16 ORDER BY id
=> 1|10
=> 2|20
=> 3|10

--- case: through a common table expression with TOP and ORDER BY
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u17 (id int PRIMARY KEY, v int);
INSERT dbo.u17 VALUES (1, 0), (2, 0), (3, 0);
GO
WITH last AS (SELECT TOP (2) * FROM dbo.u17 ORDER BY id DESC)
UPDATE last SET v = 9 OUTPUT inserted.id;
SELECT * FROM dbo.u17 ORDER BY id
=> 3
=> 2
=> ;
=> 1|0
=> 2|9
=> 3|9

--- case: through a derived table in FROM
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u18 (id int PRIMARY KEY, v int);
INSERT dbo.u18 VALUES (1, 1), (2, 2);
GO
UPDATE d SET v = v + 100 FROM (SELECT id AS k, v FROM dbo.u18 WHERE id > 1) AS d WHERE d.k < 5;
SELECT * FROM dbo.u18 ORDER BY id
=> 1|1
=> 2|102

--- case: a computed column of a common table expression cannot be set
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u19 (id int PRIMARY KEY, v int);
GO
WITH c AS (SELECT id, v + 1 AS w FROM dbo.u19) UPDATE c SET w = 1
=> error 4406 level 16: Update or insert of view or function 'c' failed because it contains a derived or constant field.

--- case: an identity column cannot be updated
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u20 (id int IDENTITY PRIMARY KEY);
GO
UPDATE dbo.u20 SET id = 1
=> error 8102 level 16: Cannot update identity column 'id'.

--- case: a computed column cannot be updated
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u21 (id int PRIMARY KEY, c AS id + 1);
GO
UPDATE dbo.u21 SET c = 1
=> error 271 level 16: The column "c" cannot be modified because it is either a computed column or is the result of a UNION operator.

--- case: a column is set once
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u22 (id int PRIMARY KEY, v int);
GO
UPDATE dbo.u22 SET v = 1, v = 2
=> error 264 level 16

--- case: NULL into a NOT NULL column
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u23 (id int PRIMARY KEY, v int NOT NULL);
INSERT dbo.u23 VALUES (1, 1);
GO
UPDATE dbo.u23 SET v = NULL
=> error 515 level 16: Cannot insert the value NULL into column 'v', table '*.dbo.u23'; column does not allow nulls. UPDATE fails.

--- case: a self-join sees the table as it was
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u24 (id int PRIMARY KEY, v int);
INSERT dbo.u24 VALUES (1, 1), (2, 2), (3, 3);
GO
UPDATE a SET v = a.v + b.v FROM dbo.u24 AS a JOIN dbo.u24 AS b ON b.id = a.id - 1;
SELECT * FROM dbo.u24 ORDER BY id
=> 1|1
=> 2|3
=> 3|5

--- case: rows that the update moves are not met again
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u25 (id int PRIMARY KEY, salary int);
CREATE INDEX ix_u25 ON dbo.u25 (salary);
INSERT dbo.u25 VALUES (1, 100), (2, 200), (3, 950);
GO
UPDATE dbo.u25 SET salary = salary + 100 WHERE salary < 1000;
SELECT * FROM dbo.u25 ORDER BY id
=> 1|200
=> 2|300
=> 3|1050

--- case: a correlated subquery as new value
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u26 (id int PRIMARY KEY, total int);
CREATE TABLE dbo.u26l (id int, amount int);
INSERT dbo.u26 VALUES (1, 0), (2, 0);
INSERT dbo.u26l VALUES (1, 5), (1, 6);
GO
UPDATE dbo.u26 SET total = (SELECT SUM(l.amount) FROM dbo.u26l AS l WHERE l.id = dbo.u26.id);
SELECT * FROM dbo.u26 ORDER BY id
=> 1|11
=> 2|NULL

--- case: more than one value from a subquery is error 512
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u27 (id int PRIMARY KEY, v int);
INSERT dbo.u27 VALUES (1, 1), (2, 2);
GO
UPDATE dbo.u27 SET v = (SELECT id FROM dbo.u27)
=> error 512 level 16: Subquery returned more than 1 value.*

--- case: WHERE CURRENT OF needs a cursor
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
--- refused: cursors are outside the subset
CREATE TABLE dbo.u28 (id int PRIMARY KEY, v int);
INSERT dbo.u28 VALUES (1, 1);
GO
DECLARE c CURSOR FOR SELECT id FROM dbo.u28 FOR UPDATE OF v;
OPEN c;
FETCH NEXT FROM c;
UPDATE dbo.u28 SET v = 2 WHERE CURRENT OF c;
CLOSE c;
DEALLOCATE c;
=> 1

--- case: a name of the FROM clause that stands twice is ambiguous
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u29 (id int PRIMARY KEY, v int);
GO
UPDATE dbo.u29 SET v = v FROM dbo.u29 AS a JOIN dbo.u29 AS b ON a.id = b.id
=> error 8154 level 16: The table 'dbo.u29' is ambiguous.

--- case: UPDATE with an OPTION clause
--- doc: https://learn.microsoft.com/sql/t-sql/queries/option-clause-transact-sql
CREATE TABLE dbo.u30 (id int PRIMARY KEY, v int);
INSERT dbo.u30 VALUES (1, 1);
GO
UPDATE dbo.u30 SET v = 2 OPTION (RECOMPILE, MAXDOP 1);
SELECT v FROM dbo.u30
=> 2

--- case: a column of another table cannot be set
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u31 (id int PRIMARY KEY, v int);
CREATE TABLE dbo.u31s (id int PRIMARY KEY, v int);
GO
UPDATE t SET s.v = 1 FROM dbo.u31 AS t JOIN dbo.u31s AS s ON s.id = t.id
=> error 4104 level 16: The multi-part identifier "s.v" could not be bound.

--- case: a subquery over the table itself sees no row changed yet
--- doc: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql
CREATE TABLE dbo.u32 (id int PRIMARY KEY, v int);
INSERT dbo.u32 VALUES (1, 1), (2, 2), (3, 3);
UPDATE dbo.u32 SET v = (SELECT SUM(x.v) FROM dbo.u32 AS x WHERE x.id <= dbo.u32.id);
SELECT * FROM dbo.u32 ORDER BY id
=> 1|1
=> 2|3
=> 3|6

--- case: through a view of one table
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-view-transact-sql
CREATE TABLE dbo.u33 (id int PRIMARY KEY, v int, hidden int DEFAULT 0);
INSERT dbo.u33 (id, v) VALUES (1, 1), (2, 2), (3, 3);
GO
CREATE VIEW dbo.u33v AS SELECT id AS k, v AS w, v * 2 AS twice FROM dbo.u33 WHERE id > 1;
GO
UPDATE dbo.u33v SET w = w + 100 WHERE k < 9;
UPDATE x SET w = 7 FROM dbo.u33v AS x WHERE x.k = 3;
DELETE FROM dbo.u33v WHERE k = 2;
SELECT id, v FROM dbo.u33 ORDER BY id;
UPDATE dbo.u33v SET twice = 1
=> 1|1
=> 3|7
=> error 4406 level 16: Update or insert of view or function '*' failed because it contains a derived or constant field.
