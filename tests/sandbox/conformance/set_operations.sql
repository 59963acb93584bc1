-- UNION, EXCEPT, INTERSECT
--- case: UNION takes duplicates away, UNION ALL keeps them
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/set-operators-union-transact-sql
SELECT 1 AS a UNION SELECT 2 UNION SELECT 1 ORDER BY a;
SELECT 1 AS a UNION ALL SELECT 2 UNION ALL SELECT 1 ORDER BY a
=> 1
=> 2
=> ;
=> 1
=> 1
=> 2

--- case: EXCEPT and INTERSECT are distinct and take NULLs as equal
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/set-operators-except-and-intersect-transact-sql
SELECT v FROM (VALUES (1), (1), (2), (NULL)) AS t(v) EXCEPT SELECT 2;
SELECT v FROM (VALUES (1), (1), (2), (NULL)) AS t(v) INTERSECT SELECT v FROM (VALUES (NULL), (1), (3)) AS u(v)
=> NULL
=> 1
=> ;
=> NULL
=> 1

--- case: INTERSECT binds tighter, the others go from left to right
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/set-operators-except-and-intersect-transact-sql
SELECT 1 AS a UNION SELECT 2 INTERSECT SELECT 3 ORDER BY a;
SELECT 1 AS a UNION SELECT 2 EXCEPT SELECT 1;
SELECT 1 AS a EXCEPT (SELECT 2 UNION SELECT 1)
=> 1
=> ;
=> 2
=> ;
=> (none)

--- case: UNION ALL after UNION keeps its duplicates
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/set-operators-union-transact-sql
SELECT COUNT(*) FROM (SELECT 1 AS a UNION SELECT 1 UNION ALL SELECT 1) AS x;
SELECT COUNT(*) FROM (SELECT 1 AS a UNION ALL SELECT 1 UNION SELECT 1) AS x
=> 2
=> ;
=> 1

--- case: columns take the type of highest precedence
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/set-operators-union-transact-sql
SELECT 1 AS a UNION ALL SELECT 2.5 ORDER BY a;
DECLARE @t table (v int);
INSERT @t SELECT 1 UNION ALL SELECT 'x'
=> 1.0
=> 2.5
=> error 245 level 16: Conversion failed when converting the varchar value 'x' to data type int.

--- case: names come from the first query
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/set-operators-union-transact-sql
SELECT x.a FROM (SELECT 1 AS a UNION ALL SELECT 2 AS b) AS x ORDER BY x.a
=> 1
=> 2

--- case: an unequal number of columns is error 205
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/set-operators-union-transact-sql
SELECT 1 UNION SELECT 1, 2
=> error 205 level 16: All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of expressions in their target lists.

--- case: ORDER BY an expression that is not selected is error 104
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-order-by-clause-transact-sql
SELECT 1 AS a UNION SELECT 2 ORDER BY a + 1
=> error 104 level 16: ORDER BY items must appear in the select list if the statement contains a UNION, INTERSECT or EXCEPT operator.

--- case: text is compared by its collation
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/set-operators-union-transact-sql
SELECT COUNT(*) FROM (SELECT 'a' AS v UNION SELECT 'A' UNION SELECT 'b') AS x;
SELECT COUNT(*) FROM (SELECT 'a' COLLATE Latin1_General_BIN AS v UNION SELECT 'A') AS x
=> 2
=> ;
=> 2

--- case: INTO stands in the first query
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-into-clause-transact-sql
SELECT 1 AS a INTO dbo.union_into UNION ALL SELECT 2;
SELECT a FROM dbo.union_into ORDER BY a
=> 1
=> 2
SELECT 1 AS a UNION ALL SELECT 2 INTO dbo.union_into2
=> error 196 level 15: SELECT INTO must be the first query in a statement containing a UNION, INTERSECT or EXCEPT operator.

--- case: in a subquery and in EXISTS
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/set-operators-except-and-intersect-transact-sql
SELECT CASE WHEN EXISTS (SELECT 1 INTERSECT SELECT 1) THEN 'same' ELSE 'other' END, CASE WHEN EXISTS (SELECT NULL INTERSECT SELECT NULL) THEN 'same' ELSE 'other' END, CASE WHEN 2 IN (SELECT 1 UNION SELECT 2) THEN 'in' END
=> same|same|in

--- case: grouping and aggregates in the terms
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/set-operators-union-transact-sql
SELECT 'n' AS what, COUNT(*) AS v FROM (VALUES (1), (2)) AS t(a) UNION ALL SELECT 's', SUM(a) FROM (VALUES (1), (2)) AS t(a) ORDER BY what
=> n|2
=> s|3

--- case: EXCEPT and INTERSECT have no ALL
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/set-operators-except-and-intersect-transact-sql
SELECT 1 EXCEPT ALL SELECT 1
=> error 324 level 15: The 'ALL' version of the EXCEPT operator is not supported.
SELECT 1 INTERSECT ALL SELECT 1
=> error 324 level 15: The 'ALL' version of the INTERSECT operator is not supported.
