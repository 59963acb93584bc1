-- TOP, OFFSET and FETCH
--- setup
CREATE TABLE dbo.scores (id int PRIMARY KEY, name varchar(10), score int);
INSERT dbo.scores VALUES (1, 'a', 50), (2, 'b', 40), (3, 'c', 40), (4, 'd', 30), (5, 'e', NULL);

--- case: TOP takes the first rows of the order
--- doc: https://learn.microsoft.com/sql/t-sql/queries/top-transact-sql
SELECT TOP (2) id FROM dbo.scores ORDER BY score DESC, id
=> 1
=> 2

--- case: NULL sorts before every value
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-order-by-clause-transact-sql
SELECT TOP 2 id FROM dbo.scores ORDER BY score, id
=> 5
=> 4

--- case: WITH TIES adds the rows that equal the last one
--- doc: https://learn.microsoft.com/sql/t-sql/queries/top-transact-sql
SELECT TOP (2) WITH TIES id FROM dbo.scores ORDER BY score DESC
=> 1
=> 2
=> 3

--- case: PERCENT rounds up to a whole row
--- doc: https://learn.microsoft.com/sql/t-sql/queries/top-transact-sql
SELECT TOP (21) PERCENT id FROM dbo.scores ORDER BY id
=> 1
=> 2

--- case: PERCENT WITH TIES
--- doc: https://learn.microsoft.com/sql/t-sql/queries/top-transact-sql
SELECT TOP (40) PERCENT WITH TIES name FROM dbo.scores ORDER BY score DESC
=> a
=> b
=> c

--- case: WITH TIES needs ORDER BY
--- doc: https://learn.microsoft.com/sql/t-sql/queries/top-transact-sql
SELECT TOP (2) WITH TIES id FROM dbo.scores
=> error 1062 level 15: The TOP N WITH TIES clause is not allowed without a corresponding ORDER BY clause.

--- case: a percentage lies between 0 and 100
--- doc: https://learn.microsoft.com/sql/t-sql/queries/top-transact-sql
SELECT TOP (101) PERCENT id FROM dbo.scores ORDER BY id
=> error 1031 level 15: Percent values must be between 0 and 100.

--- case: TOP takes a variable and an expression
--- doc: https://learn.microsoft.com/sql/t-sql/queries/top-transact-sql
DECLARE @n int = 1;
SELECT TOP (@n + 1) id FROM dbo.scores ORDER BY id
=> 1
=> 2

--- case: TOP 0 gives no rows
--- doc: https://learn.microsoft.com/sql/t-sql/queries/top-transact-sql
SELECT TOP (0) id FROM dbo.scores
=> (none)

--- case: OFFSET skips, FETCH limits
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-order-by-clause-transact-sql
SELECT id FROM dbo.scores ORDER BY id OFFSET 1 ROWS FETCH NEXT 2 ROWS ONLY
=> 2
=> 3

--- case: OFFSET alone gives the rest
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-order-by-clause-transact-sql
DECLARE @skip int = 3;
SELECT id FROM dbo.scores ORDER BY id OFFSET @skip ROWS
=> 4
=> 5

--- case: OFFSET beyond the end gives nothing
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-order-by-clause-transact-sql
SELECT id FROM dbo.scores ORDER BY id OFFSET 10 ROWS FETCH FIRST 1 ROW ONLY
=> (none)

--- case: TOP and OFFSET exclude each other
--- doc: https://learn.microsoft.com/sql/t-sql/queries/top-transact-sql
SELECT TOP (1) id FROM dbo.scores ORDER BY id OFFSET 1 ROWS
=> error 10741 level 15: A TOP can not be used in the same query or sub-query as a OFFSET.

--- case: FETCH of no rows is an error
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-order-by-clause-transact-sql
SELECT id FROM dbo.scores ORDER BY id OFFSET 0 ROWS FETCH NEXT 0 ROWS ONLY
=> error 10744 level 15: The number of rows provided for a FETCH clause must be greater then zero.

--- case: a negative OFFSET is an error
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-order-by-clause-transact-sql
SELECT id FROM dbo.scores ORDER BY id OFFSET -1 ROWS
=> error 10742 level 15: The offset specified in a OFFSET clause may not be negative.

--- case: OFFSET over a set operation
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-order-by-clause-transact-sql
SELECT id FROM dbo.scores WHERE id < 3 UNION ALL SELECT id + 10 FROM dbo.scores WHERE id < 3 ORDER BY id OFFSET 1 ROWS FETCH NEXT 2 ROWS ONLY
=> 2
=> 11

--- case: TOP with DISTINCT counts distinct rows
--- doc: https://learn.microsoft.com/sql/t-sql/queries/top-transact-sql
SELECT DISTINCT TOP (2) score FROM dbo.scores WHERE score IS NOT NULL ORDER BY score DESC
=> 50
=> 40

--- case: TOP of a grouped query
--- doc: https://learn.microsoft.com/sql/t-sql/queries/top-transact-sql
SELECT TOP (1) WITH TIES COUNT(*) AS n FROM dbo.scores GROUP BY score ORDER BY COUNT(*) DESC
=> 2

--- case: a term of a set operation has its own TOP
--- doc: https://learn.microsoft.com/sql/t-sql/queries/top-transact-sql
SELECT id FROM (SELECT TOP (1) id FROM dbo.scores ORDER BY id DESC) AS a UNION ALL SELECT 0 ORDER BY id
=> 0
=> 5

--- case: INSERT TOP (n) takes n rows
--- doc: https://learn.microsoft.com/sql/t-sql/queries/top-transact-sql
CREATE TABLE dbo.top_in (id int);
INSERT TOP (2) INTO dbo.top_in SELECT id FROM dbo.scores;
SELECT COUNT(*) FROM dbo.top_in
=> 2

--- case: DELETE TOP (n) and TOP (n) PERCENT
--- doc: https://learn.microsoft.com/sql/t-sql/queries/top-transact-sql
CREATE TABLE dbo.top_del (id int);
INSERT dbo.top_del VALUES (1), (2), (3), (4), (5);
DELETE TOP (2) FROM dbo.top_del;
DELETE TOP (50) PERCENT FROM dbo.top_del;
SELECT @@ROWCOUNT, COUNT(*) FROM dbo.top_del
=> 2|1
