-- Common table expressions
--- setup
CREATE TABLE dbo.staff (id int PRIMARY KEY, boss int NULL, name varchar(10));
INSERT dbo.staff VALUES (1, NULL, 'eve'), (2, 1, 'bob'), (3, 1, 'cid'), (4, 2, 'dan');

--- case: a later one sees an earlier one, and one may be read twice
--- doc: https://learn.microsoft.com/sql/t-sql/queries/with-common-table-expression-transact-sql
WITH a AS (SELECT id, boss FROM dbo.staff), b (n) AS (SELECT COUNT(*) FROM a)
SELECT x.id, b.n FROM a AS x JOIN a AS y ON y.id = x.boss CROSS JOIN b ORDER BY x.id
=> 2|4
=> 3|4
=> 4|4

--- case: a recursive one walks a tree
--- doc: https://learn.microsoft.com/sql/t-sql/queries/with-common-table-expression-transact-sql
WITH tree AS (
  SELECT id, name, 0 AS depth FROM dbo.staff WHERE boss IS NULL
  UNION ALL
  SELECT s.id, s.name, t.depth + 1 FROM dbo.staff AS s JOIN tree AS t ON s.boss = t.id)
SELECT name, depth FROM tree ORDER BY depth, name
=> eve|0
=> bob|1
=> cid|1
=> dan|2

--- case: a recursion of more than 100 levels is error 530
--- doc: https://learn.microsoft.com/sql/t-sql/queries/with-common-table-expression-transact-sql
WITH n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT COUNT(*) FROM n
=> error 530 level 16: The statement terminated. The maximum recursion 100 has been exhausted before statement completion.

--- case: MAXRECURSION sets the limit, 0 takes it away
--- doc: https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-query
WITH n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT COUNT(*) FROM n OPTION (MAXRECURSION 0);
WITH n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT MAX(i) FROM n OPTION (MAXRECURSION 4)
=> 1000
=> ;
=> 5

--- case: the recursive part's types are those of the anchor
--- doc: https://learn.microsoft.com/sql/t-sql/queries/with-common-table-expression-transact-sql
WITH n AS (SELECT 'a' AS s UNION ALL SELECT s + 'b' FROM n WHERE LEN(s) < 3) SELECT * FROM n
=> error 240 level 16: Types don't match between the anchor and the recursive part in column "s" of recursive query "n".

--- case: a recursive reference needs UNION ALL
--- doc: https://learn.microsoft.com/sql/t-sql/queries/with-common-table-expression-transact-sql
WITH n AS (SELECT 1 AS i UNION SELECT i + 1 FROM n WHERE i < 3) SELECT * FROM n
=> error 252 level 16: Recursive common table expression 'n' does not contain a top-level UNION ALL operator.

--- case: what the recursive part may not hold
--- doc: https://learn.microsoft.com/sql/t-sql/queries/with-common-table-expression-transact-sql
WITH n AS (SELECT 1 AS i UNION ALL SELECT DISTINCT i + 1 FROM n WHERE i < 3) SELECT * FROM n
=> error 460 level 16: DISTINCT operator is not allowed in the recursive part of a recursive common table expression 'n'.
WITH n AS (SELECT 1 AS i UNION ALL SELECT TOP (1) i + 1 FROM n WHERE i < 3) SELECT * FROM n
=> error 461 level 16: The TOP or OFFSET operator is not allowed in the recursive part of a recursive common table expression 'n'.
WITH n AS (SELECT 1 AS i UNION ALL SELECT MAX(i) + 1 FROM n WHERE i < 3) SELECT * FROM n
=> error 467 level 16: GROUP BY, HAVING, or aggregate functions are not allowed in the recursive part of a recursive common table expression 'n'.
WITH n AS (SELECT 1 AS i UNION ALL SELECT s.id FROM dbo.staff AS s LEFT JOIN n ON n.i = s.boss) SELECT * FROM n
=> error 462 level 16: Outer join is not allowed in the recursive part of a recursive common table expression 'n'.

--- case: in front of INSERT
--- doc: https://learn.microsoft.com/sql/t-sql/queries/with-common-table-expression-transact-sql
CREATE TABLE dbo.cte_in (id int);
WITH s AS (SELECT id FROM dbo.staff WHERE id > 2) INSERT INTO dbo.cte_in SELECT id FROM s;
SELECT id FROM dbo.cte_in ORDER BY id
=> 3
=> 4

--- case: in front of UPDATE … FROM and DELETE … FROM
--- doc: https://learn.microsoft.com/sql/t-sql/queries/with-common-table-expression-transact-sql
CREATE TABLE dbo.cte_up (id int PRIMARY KEY, v int);
INSERT dbo.cte_up VALUES (1, 0), (2, 0), (3, 0);
WITH s AS (SELECT 2 AS id, 9 AS v) UPDATE t SET v = s.v FROM dbo.cte_up AS t JOIN s ON s.id = t.id;
WITH s AS (SELECT 3 AS id) DELETE t FROM dbo.cte_up AS t JOIN s ON s.id = t.id;
SELECT * FROM dbo.cte_up ORDER BY id
=> 1|0
=> 2|9

--- case: duplicates go by the row numbers of a common table expression
--- doc: https://learn.microsoft.com/sql/t-sql/statements/delete-transact-sql
CREATE TABLE dbo.cte_dup (id int IDENTITY, k int, v char(1));
INSERT dbo.cte_dup (k, v) VALUES (1, 'a'), (1, 'b'), (2, 'c'), (1, 'd');
WITH d AS (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY id) AS rn FROM dbo.cte_dup)
DELETE FROM d WHERE rn > 1;
SELECT @@ROWCOUNT;
SELECT k, v FROM dbo.cte_dup ORDER BY id
=> 2
=> ;
=> 1|a
=> 2|c

--- case: DELETE through one, with OUTPUT of its columns
--- doc: https://learn.microsoft.com/sql/t-sql/queries/output-clause-transact-sql
CREATE TABLE dbo.cte_out (id int PRIMARY KEY, v int);
INSERT dbo.cte_out VALUES (1, 1), (2, 2);
WITH d AS (SELECT id AS k, v * 10 AS tenfold FROM dbo.cte_out) DELETE FROM d OUTPUT deleted.k, deleted.tenfold WHERE k = 2
=> 2|20

--- case: the statement before needs a semicolon
--- doc: https://learn.microsoft.com/sql/t-sql/queries/with-common-table-expression-transact-sql
SELECT 1 WITH c AS (SELECT 2 AS a) SELECT a FROM c
=> error 319 level 15: Incorrect syntax near the keyword 'with'.*

--- case: a name twice is error 239
--- doc: https://learn.microsoft.com/sql/t-sql/queries/with-common-table-expression-transact-sql
WITH c AS (SELECT 1 AS a), c AS (SELECT 2 AS a) SELECT * FROM c
=> error 239 level 16: Duplicate common table expression name 'c' was specified.

--- case: a column without a name is error 8155
--- doc: https://learn.microsoft.com/sql/t-sql/queries/with-common-table-expression-transact-sql
WITH c AS (SELECT 1) SELECT * FROM c
=> error 8155 level 16: No column name was specified for column 1 of 'c'.

--- case: a join cannot be deleted from through one
--- doc: https://learn.microsoft.com/sql/t-sql/statements/delete-transact-sql
--- refused: rows are changed only through a query of one table
WITH c AS (SELECT a.id FROM dbo.staff AS a JOIN dbo.staff AS b ON b.id = a.boss) DELETE FROM c
=> error 4405 level 16: View or function 'c' is not updatable because the modification affects multiple base tables.

--- case: several anchors and several recursive parts
--- doc: https://learn.microsoft.com/sql/t-sql/queries/with-common-table-expression-transact-sql
WITH r AS (SELECT 1 AS n UNION ALL SELECT 100 UNION ALL SELECT n + 1 FROM r WHERE n < 3 UNION ALL SELECT n + 10 FROM r WHERE n < 2)
SELECT n FROM r ORDER BY n
=> 1
=> 2
=> 3
=> 11
=> 100

--- case: a recursive query without an anchor
--- doc: https://learn.microsoft.com/sql/t-sql/queries/with-common-table-expression-transact-sql
WITH r AS (SELECT n + 1 AS n FROM r UNION ALL SELECT n FROM r) SELECT * FROM r
=> error 246 level 16: No anchor member was specified for recursive query "r".
