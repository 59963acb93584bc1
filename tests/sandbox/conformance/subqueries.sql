-- Subqueries: scalar, IN, EXISTS, ANY, ALL, correlated
--- setup
CREATE TABLE dbo.p (id int PRIMARY KEY, v int NULL);
CREATE TABLE dbo.q (id int PRIMARY KEY, p int NULL, w int NULL);
INSERT dbo.p VALUES (1, 10), (2, 20), (3, NULL);
INSERT dbo.q VALUES (1, 1, 5), (2, 1, 15), (3, 2, 25), (4, NULL, NULL);

--- case: a scalar subquery without a row is NULL
--- doc: https://learn.microsoft.com/sql/relational-databases/performance/subqueries
SELECT p.id, (SELECT MAX(q.w) FROM dbo.q AS q WHERE q.p = p.id) AS top_w FROM dbo.p AS p ORDER BY p.id
=> 1|15
=> 2|25
=> 3|NULL

--- case: more than one value is error 512
--- doc: https://learn.microsoft.com/sql/relational-databases/performance/subqueries
SELECT p.id FROM dbo.p AS p WHERE p.id = (SELECT q.p FROM dbo.q AS q WHERE q.p = 1)
=> error 512 level 16: Subquery returned more than 1 value. This is not permitted when the subquery follows =, !=, <, <= , >, >= or when the subquery is used as an expression.

--- case: a subquery as an expression has one column
--- doc: https://learn.microsoft.com/sql/relational-databases/performance/subqueries
SELECT (SELECT id, v FROM dbo.p WHERE id = 1)
=> error 116 level 16: Only one expression can be specified in the select list when the subquery is not introduced with EXISTS.

--- case: IN and NOT IN
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/in-transact-sql
SELECT id FROM dbo.p WHERE id IN (SELECT p FROM dbo.q) ORDER BY id;
SELECT id FROM dbo.p WHERE id NOT IN (SELECT p FROM dbo.q WHERE p IS NOT NULL)
=> 1
=> 2
=> ;
=> 3

--- case: NOT IN a set with NULL is never true
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/in-transact-sql
SELECT id FROM dbo.p WHERE id NOT IN (SELECT p FROM dbo.q)
=> (none)

--- case: EXISTS and NOT EXISTS
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/exists-transact-sql
SELECT id FROM dbo.p AS p WHERE EXISTS (SELECT * FROM dbo.q WHERE q.p = p.id AND q.w > 20);
SELECT id FROM dbo.p AS p WHERE NOT EXISTS (SELECT NULL FROM dbo.q WHERE q.p = p.id);
SELECT CASE WHEN EXISTS (SELECT NULL) THEN 'a row' ELSE 'none' END
=> 2
=> ;
=> 3
=> ;
=> a row

--- case: > ALL of a set, and of no set at all
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/all-transact-sql
SELECT id FROM dbo.q WHERE w > ALL (SELECT v FROM dbo.p WHERE v IS NOT NULL);
SELECT COUNT(*) FROM dbo.q WHERE w > ALL (SELECT v FROM dbo.p WHERE id = 99)
=> 3
=> ;
=> 4

--- case: > ANY, = SOME and <> ALL
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/some-any-transact-sql
SELECT id FROM dbo.q WHERE w > ANY (SELECT v FROM dbo.p) ORDER BY id;
SELECT id FROM dbo.p WHERE id = SOME (SELECT p FROM dbo.q) ORDER BY id;
SELECT id FROM dbo.p WHERE id <> ALL (SELECT p FROM dbo.q WHERE p IS NOT NULL)
=> 2
=> 3
=> ;
=> 1
=> 2
=> ;
=> 3

--- case: a NULL in the set makes ALL unknown unless a value refutes it
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/all-transact-sql
SELECT CASE WHEN 30 > ALL (SELECT v FROM dbo.p) THEN 'true' WHEN NOT 30 > ALL (SELECT v FROM dbo.p) THEN 'false' ELSE 'unknown' END,
       CASE WHEN 15 > ALL (SELECT v FROM dbo.p) THEN 'true' WHEN NOT 15 > ALL (SELECT v FROM dbo.p) THEN 'false' ELSE 'unknown' END,
       CASE WHEN 5 < ANY (SELECT v FROM dbo.p) THEN 'true' ELSE 'no' END
=> unknown|false|true

--- case: a column that only the outer query has is the outer query's
--- doc: https://learn.microsoft.com/sql/relational-databases/performance/subqueries
SELECT id FROM dbo.p WHERE v IN (SELECT v FROM dbo.q) ORDER BY id
=> 1
=> 2

--- case: subqueries nest and see every level
--- doc: https://learn.microsoft.com/sql/relational-databases/performance/subqueries
SELECT p.id FROM dbo.p AS p WHERE EXISTS (SELECT 1 FROM dbo.q AS q WHERE q.p = p.id AND q.w = (SELECT MAX(x.w) FROM dbo.q AS x WHERE x.p = p.id AND x.w < p.v))
=> 1

--- case: a subquery in HAVING and in ORDER BY
--- doc: https://learn.microsoft.com/sql/relational-databases/performance/subqueries
SELECT p, SUM(w) AS s FROM dbo.q WHERE p IS NOT NULL GROUP BY p HAVING SUM(w) > (SELECT MIN(v) FROM dbo.p) ORDER BY (SELECT v FROM dbo.p WHERE id = q.p) DESC
=> 2|25
=> 1|20

--- case: ORDER BY inside a subquery needs TOP
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-order-by-clause-transact-sql
SELECT id FROM (SELECT id FROM dbo.p ORDER BY id) AS x
=> error 1033 level 15: The ORDER BY clause is invalid in views, inline functions, derived tables, subqueries, and common table expressions, unless TOP, OFFSET or FOR XML is also specified.

--- case: VALUES as a derived table takes the type that its rows share
--- doc: https://learn.microsoft.com/sql/t-sql/queries/table-value-constructor-transact-sql
SELECT v FROM (VALUES (1), (2.5), (NULL)) AS t(v) ORDER BY v
=> NULL
=> 1.0
=> 2.5

--- case: rows of VALUES have the same number of columns
--- doc: https://learn.microsoft.com/sql/t-sql/queries/table-value-constructor-transact-sql
SELECT * FROM (VALUES (1, 2), (3)) AS t(a, b)
=> error 10709 level 16: The number of columns for each row in a table value constructor must be the same.

--- case: IN with a list converts to the type of highest precedence
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/in-transact-sql
SELECT id FROM dbo.p WHERE id IN ('1', 2) ORDER BY id
=> 1
=> 2
