-- Aggregates and grouping
--- setup
CREATE TABLE dbo.g (id int PRIMARY KEY, a char(1) NULL, b int NULL, v int NULL);
INSERT dbo.g VALUES (1, 'x', 1, 10), (2, 'x', 2, 20), (3, 'y', 1, NULL), (4, 'y', 1, 30), (5, NULL, 2, 20);

--- case: aggregates skip NULL, COUNT(*) does not
--- doc: https://learn.microsoft.com/sql/t-sql/functions/aggregate-functions-transact-sql
SELECT COUNT(*), COUNT(v), COUNT(DISTINCT v), SUM(v), AVG(v), MIN(v), MAX(v), SUM(DISTINCT v), AVG(DISTINCT v) FROM dbo.g
=> 5|4|3|80|20|10|30|60|20

--- case: over no rows only COUNT has a value
--- doc: https://learn.microsoft.com/sql/t-sql/functions/aggregate-functions-transact-sql
SELECT COUNT(*), COUNT_BIG(v), SUM(v), AVG(v), MAX(v) FROM dbo.g WHERE id > 99
=> 0|0|NULL|NULL|NULL

--- case: no rows, no groups
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-group-by-transact-sql
SELECT a, COUNT(*) FROM dbo.g WHERE id > 99 GROUP BY a
=> (none)

--- case: NULL is a group
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-group-by-transact-sql
SELECT a, COUNT(*), SUM(v) FROM dbo.g GROUP BY a ORDER BY a
=> NULL|1|20
=> x|2|30
=> y|2|30

--- case: by an expression
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-group-by-transact-sql
SELECT id % 2, COUNT(*) FROM dbo.g GROUP BY id % 2 ORDER BY id % 2
=> 0|2
=> 1|3

--- case: HAVING takes groups
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-having-transact-sql
SELECT b, COUNT(*) FROM dbo.g GROUP BY b HAVING COUNT(*) > 2;
SELECT SUM(v) FROM dbo.g HAVING COUNT(*) > 99
=> 1|3
=> ;
=> (none)

--- case: text groups without regard to case
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-group-by-transact-sql
SELECT COUNT(*) FROM (SELECT v FROM (VALUES ('a'), ('A'), ('b')) AS t(v) GROUP BY v) AS x
=> 2

--- case: the average of integers is an integer, of decimals a decimal of at least six places
--- doc: https://learn.microsoft.com/sql/t-sql/functions/avg-transact-sql
SELECT AVG(x), AVG(CAST(x AS decimal(5, 2))), ROUND(AVG(CAST(x AS float)), 6) FROM (VALUES (1), (2), (2)) AS t(x)
=> 1|1.666666|1.666667

--- case: a sum that leaves int is error 8115
--- doc: https://learn.microsoft.com/sql/t-sql/functions/sum-transact-sql
SELECT SUM(x) FROM (VALUES (2147483647), (1)) AS t(x)
=> error 8115 level 16: Arithmetic overflow error converting expression to data type int.

--- case: deviation and variance
--- doc: https://learn.microsoft.com/sql/t-sql/functions/stdev-transact-sql
SELECT ROUND(STDEV(x), 6), ROUND(STDEVP(x), 6), ROUND(VAR(x), 6), ROUND(VARP(x), 6) FROM (VALUES (2), (4), (4), (4), (5), (5), (7), (9)) AS t(x)
=> 2.13809|2.0|4.571429|4.0

--- case: the deviation of one value
--- doc: https://learn.microsoft.com/sql/t-sql/functions/stdev-transact-sql
SELECT STDEV(x), STDEVP(x), VAR(DISTINCT x) FROM (VALUES (7), (7)) AS t(x) WHERE x = 7;
SELECT STDEV(x), STDEVP(x) FROM (VALUES (7)) AS t(x)
=> 0.0|0.0|NULL
=> ;
=> NULL|0.0

--- case: CHECKSUM_AGG does not depend on the order
--- doc: https://learn.microsoft.com/sql/t-sql/functions/checksum-agg-transact-sql
--- refused: how the checksum is computed is not documented
SELECT CASE WHEN (SELECT CHECKSUM_AGG(x) FROM (VALUES (1), (2), (3)) AS t(x)) = (SELECT CHECKSUM_AGG(x) FROM (VALUES (3), (1), (2)) AS t(x)) THEN 'same' END
=> same

--- case: MIN and MAX of text, dates and decimals
--- doc: https://learn.microsoft.com/sql/t-sql/functions/max-transact-sql
SELECT MIN(s), MAX(s), MAX(d), MIN(n) FROM (VALUES ('b', CAST('2020-01-02' AS date), 1.5), ('A', '2020-01-01', 10.25)) AS t(s, d, n)
=> A|b|2020-01-02|1.50

--- case: ROLLUP adds subtotals and a total
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-group-by-transact-sql
SELECT a, b, COUNT(*), GROUPING(a), GROUPING(b) FROM dbo.g WHERE a IS NOT NULL GROUP BY ROLLUP (a, b) ORDER BY GROUPING(a), a, GROUPING(b), b
=> x|1|1|0|0
=> x|2|1|0|0
=> x|NULL|2|0|1
=> y|1|2|0|0
=> y|NULL|2|0|1
=> NULL|NULL|4|1|1

--- case: CUBE adds every combination
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-group-by-transact-sql
SELECT a, b, SUM(v), GROUPING_ID(a, b) AS gid FROM dbo.g WHERE a IS NOT NULL GROUP BY CUBE (a, b) ORDER BY gid, a, b
=> x|1|10|0
=> x|2|20|0
=> y|1|30|0
=> x|NULL|30|1
=> y|NULL|30|1
=> NULL|1|40|2
=> NULL|2|20|2
=> NULL|NULL|60|3

--- case: GROUPING SETS are what is listed
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-group-by-transact-sql
SELECT a, b, COUNT(*) FROM dbo.g WHERE a IS NOT NULL GROUP BY GROUPING SETS ((a), (b), ()) ORDER BY GROUPING(a), a, GROUPING(b), b
=> x|NULL|2
=> y|NULL|2
=> NULL|1|3
=> NULL|2|1
=> NULL|NULL|4

--- case: WITH ROLLUP, and HAVING over its rows
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-group-by-transact-sql
SELECT b, SUM(v) AS s FROM dbo.g GROUP BY b WITH ROLLUP HAVING GROUPING(b) = 1 OR b = 2 ORDER BY s
=> 2|40
=> NULL|80

--- case: GROUPING wants a grouping expression
--- doc: https://learn.microsoft.com/sql/t-sql/functions/grouping-transact-sql
SELECT GROUPING(v) FROM dbo.g GROUP BY a
=> error 8161 level 16: Argument 1 of the GROUPING function does not match any of the expressions in the GROUP BY clause.

--- case: a column that is neither grouped nor aggregated is error 8120
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-group-by-transact-sql
SELECT a, v FROM dbo.g GROUP BY a
=> error 8120 level 16: Column 'dbo.g.v' is invalid in the select list because it is not contained in either an aggregate function or the GROUP BY clause.

--- case: in HAVING it is error 8121, in ORDER BY 8127
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-having-transact-sql
SELECT a FROM dbo.g GROUP BY a HAVING v > 1
=> error 8121 level 16: Column 'dbo.g.v' is invalid in the HAVING clause because it is not contained in either an aggregate function or the GROUP BY clause.
SELECT a FROM dbo.g GROUP BY a ORDER BY v
=> error 8127 level 16: Column "dbo.g.v" is invalid in the ORDER BY clause because it is not contained in either an aggregate function or the GROUP BY clause.

--- case: an aggregate in WHERE is error 147
--- doc: https://learn.microsoft.com/sql/t-sql/queries/where-transact-sql
SELECT a FROM dbo.g WHERE SUM(v) > 1
=> error 147 level 15: An aggregate may not appear in the WHERE clause unless it is in a subquery contained in a HAVING clause or a select list, and the column being aggregated is an outer reference.

--- case: an aggregate of an aggregate is error 130
--- doc: https://learn.microsoft.com/sql/t-sql/functions/aggregate-functions-transact-sql
SELECT SUM(MAX(v)) FROM dbo.g GROUP BY a
=> error 130 level 16: Cannot perform an aggregate function on an expression containing an aggregate or a subquery.
SELECT SUM((SELECT 1)) FROM dbo.g
=> error 130 level 16: Cannot perform an aggregate function on an expression containing an aggregate or a subquery.

--- case: GROUP BY an ordinal or a constant is error 164
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-group-by-transact-sql
SELECT a FROM dbo.g GROUP BY 1
=> error 164 level 15: Each GROUP BY expression must contain at least one column that is not an outer reference.

--- case: a subquery cannot be grouped by
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-group-by-transact-sql
SELECT COUNT(*) FROM dbo.g GROUP BY (SELECT 1)
=> error 144 level 15: Cannot use an aggregate or a subquery in an expression used for the group by list of a GROUP BY clause.
SELECT COUNT(*) FROM dbo.g GROUP BY SUM(v)
=> error 144 level 15: Cannot use an aggregate or a subquery in an expression used for the group by list of a GROUP BY clause.

--- case: bit cannot be summed
--- doc: https://learn.microsoft.com/sql/t-sql/functions/sum-transact-sql
SELECT SUM(CAST(1 AS bit))
=> error 8117 level 16: Operand data type bit is invalid for sum operator.
