-- Window functions
--- setup
CREATE TABLE dbo.sale (id int PRIMARY KEY, region char(1), amount int NULL);
INSERT dbo.sale VALUES (1, 'n', 10), (2, 'n', 30), (3, 's', 20), (4, 'n', 30), (5, 's', 5), (6, 's', NULL);

--- case: ROW_NUMBER, RANK and DENSE_RANK
--- doc: https://learn.microsoft.com/sql/t-sql/functions/ranking-functions-transact-sql
SELECT id, ROW_NUMBER() OVER (ORDER BY amount DESC, id), RANK() OVER (ORDER BY amount DESC), DENSE_RANK() OVER (ORDER BY amount DESC) FROM dbo.sale ORDER BY id
=> 1|4|4|3
=> 2|1|1|1
=> 3|3|3|2
=> 4|2|1|1
=> 5|5|5|4
=> 6|6|6|5

--- case: PARTITION BY starts over
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-over-clause-transact-sql
SELECT id, ROW_NUMBER() OVER (PARTITION BY region ORDER BY id DESC) AS n FROM dbo.sale ORDER BY id
=> 1|3
=> 2|2
=> 3|3
=> 4|1
=> 5|2
=> 6|1

--- case: NTILE gives the first groups one row more
--- doc: https://learn.microsoft.com/sql/t-sql/functions/ntile-transact-sql
SELECT id, NTILE(4) OVER (ORDER BY id) FROM dbo.sale ORDER BY id
=> 1|1
=> 2|1
=> 3|2
=> 4|2
=> 5|3
=> 6|4

--- case: NTILE wants a positive number
--- doc: https://learn.microsoft.com/sql/t-sql/functions/ntile-transact-sql
SELECT NTILE(0) OVER (ORDER BY id) FROM dbo.sale
=> error 4116 level 16: The function 'ntile' takes only a positive int or bigint expression as its input.

--- case: LAG and LEAD with offset and default
--- doc: https://learn.microsoft.com/sql/t-sql/functions/lag-transact-sql
SELECT id, LAG(amount) OVER (ORDER BY id), LEAD(amount, 2, -1) OVER (ORDER BY id), LAG(amount, 1, 0) OVER (PARTITION BY region ORDER BY id) FROM dbo.sale ORDER BY id
=> 1|NULL|20|0
=> 2|10|30|10
=> 3|30|5|0
=> 4|20|NULL|30
=> 5|30|-1|20
=> 6|5|-1|5

--- case: FIRST_VALUE and LAST_VALUE look at their frame
--- doc: https://learn.microsoft.com/sql/t-sql/functions/last-value-transact-sql
SELECT id, FIRST_VALUE(id) OVER (PARTITION BY region ORDER BY id), LAST_VALUE(id) OVER (PARTITION BY region ORDER BY id), LAST_VALUE(id) OVER (PARTITION BY region ORDER BY id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) FROM dbo.sale WHERE id < 5 ORDER BY id
=> 1|1|1|4
=> 2|1|2|4
=> 3|3|3|3
=> 4|1|4|4

--- case: PERCENT_RANK and CUME_DIST
--- doc: https://learn.microsoft.com/sql/t-sql/functions/percent-rank-transact-sql
SELECT id, PERCENT_RANK() OVER (ORDER BY amount), ROUND(CUME_DIST() OVER (ORDER BY amount), 4) FROM dbo.sale WHERE region = 'n' ORDER BY id
=> 1|0.0|0.3333
=> 2|0.5|1.0
=> 4|0.5|1.0

--- case: an aggregate over all rows and over a partition
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-over-clause-transact-sql
SELECT id, SUM(amount) OVER (), COUNT(*) OVER (PARTITION BY region), COUNT(amount) OVER (PARTITION BY region), MAX(amount) OVER (PARTITION BY region), AVG(amount) OVER (PARTITION BY region) FROM dbo.sale ORDER BY id
=> 1|95|3|3|30|23
=> 2|95|3|3|30|23
=> 3|95|3|2|20|12
=> 4|95|3|3|30|23
=> 5|95|3|2|20|12
=> 6|95|3|2|20|12

--- case: a running total takes equal rows together unless it counts ROWS
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-over-clause-transact-sql
SELECT id, SUM(amount) OVER (ORDER BY amount), SUM(amount) OVER (ORDER BY amount, id ROWS UNBOUNDED PRECEDING) FROM dbo.sale WHERE region = 'n' ORDER BY id
=> 1|10|10
=> 2|70|40
=> 4|70|70

--- case: a sliding frame
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-over-clause-transact-sql
SELECT id, SUM(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING), COUNT(*) OVER (ORDER BY id ROWS 2 PRECEDING), MIN(id) OVER (ORDER BY id ROWS BETWEEN 2 FOLLOWING AND 3 FOLLOWING) FROM dbo.sale ORDER BY id
=> 1|3|1|3
=> 2|6|2|4
=> 3|9|3|5
=> 4|12|3|6
=> 5|15|3|NULL
=> 6|11|3|NULL

--- case: RANGE with a number is error 4194
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-over-clause-transact-sql
SELECT SUM(id) OVER (ORDER BY id RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) FROM dbo.sale
=> error 4194 level 16: RANGE is only supported with UNBOUNDED and CURRENT ROW window frame delimiters.

--- case: a frame needs an order
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-over-clause-transact-sql
SELECT SUM(id) OVER (ROWS UNBOUNDED PRECEDING) FROM dbo.sale
=> error 10756 level 15: Window frame with ROWS or RANGE must have an ORDER BY clause.

--- case: ranking functions have no frame
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-over-clause-transact-sql
SELECT ROW_NUMBER() OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) FROM dbo.sale
=> error 10752 level 15: The function 'ROW_NUMBER' may not have a window frame.

--- case: they stand in the select list and in ORDER BY only
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-over-clause-transact-sql
SELECT id FROM dbo.sale WHERE ROW_NUMBER() OVER (ORDER BY id) = 1
=> error 4108 level 15: Windowed functions can only appear in the SELECT or ORDER BY clauses.
SELECT region FROM dbo.sale GROUP BY region, ROW_NUMBER() OVER (ORDER BY region)
=> error 4108 level 15: Windowed functions can only appear in the SELECT or ORDER BY clauses.
SELECT id FROM dbo.sale ORDER BY ROW_NUMBER() OVER (ORDER BY id DESC) OFFSET 5 ROWS
=> 1

--- case: one inside another is error 4109
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-over-clause-transact-sql
SELECT SUM(ROW_NUMBER() OVER (ORDER BY id)) OVER () FROM dbo.sale
=> error 4109 level 15: Windowed functions cannot be used in the context of another windowed function or aggregate.

--- case: ranking needs OVER, and an order in it
--- doc: https://learn.microsoft.com/sql/t-sql/functions/row-number-transact-sql
SELECT ROW_NUMBER() FROM dbo.sale
=> error 10753 level 15: The function 'ROW_NUMBER' must have an OVER clause.
SELECT ROW_NUMBER() OVER (PARTITION BY region) FROM dbo.sale
=> error 4112 level 15: The function 'ROW_NUMBER' must have an OVER clause with ORDER BY.
SELECT ROW_NUMBER() OVER (ORDER BY 1) FROM dbo.sale
=> error 5308 level 16: Windowed functions, aggregates and NEXT VALUE FOR functions do not support integer indices as ORDER BY clause expressions.

--- case: DISTINCT is not allowed with OVER
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-over-clause-transact-sql
SELECT COUNT(DISTINCT region) OVER () FROM dbo.sale
=> error 10759 level 15: Use of DISTINCT is not allowed with the OVER clause.

--- case: an order by a constant subquery numbers in any order
--- doc: https://learn.microsoft.com/sql/t-sql/functions/row-number-transact-sql
SELECT MAX(n) FROM (SELECT ROW_NUMBER() OVER (ORDER BY (SELECT NULL)) AS n FROM dbo.sale) AS x
=> 6

--- case: over the groups of a grouped query
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-over-clause-transact-sql
SELECT region, SUM(amount), RANK() OVER (ORDER BY SUM(amount) DESC), SUM(SUM(amount)) OVER () FROM dbo.sale GROUP BY region ORDER BY region
=> n|70|1|95
=> s|25|2|95

--- case: their types
--- doc: https://learn.microsoft.com/sql/t-sql/functions/ranking-functions-transact-sql
SELECT TOP (0) ROW_NUMBER() OVER (ORDER BY id) AS r, SUM(amount) OVER () AS s, COUNT(*) OVER () AS c, PERCENT_RANK() OVER (ORDER BY id) AS p INTO dbo.sale_types FROM dbo.sale;
SELECT c.name, t.name FROM sys.columns AS c JOIN sys.types AS t ON t.user_type_id = c.user_type_id WHERE c.object_id = OBJECT_ID('dbo.sale_types') ORDER BY c.column_id
=> r|bigint
=> s|int
=> c|int
=> p|float
