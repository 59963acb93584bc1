-- Joins and APPLY
--- setup
CREATE TABLE dbo.dept (id int PRIMARY KEY, name varchar(10));
CREATE TABLE dbo.emp (id int PRIMARY KEY, dept int NULL, name varchar(10), pay int);
INSERT dbo.dept VALUES (1, 'dev'), (2, 'ops'), (3, 'hr');
INSERT dbo.emp VALUES (1, 1, 'ann', 10), (2, 1, 'bob', 30), (3, 2, 'cid', 20), (4, NULL, 'dan', 5);

--- case: INNER JOIN keeps pairs
--- doc: https://learn.microsoft.com/sql/relational-databases/performance/joins
SELECT d.name, e.name FROM dbo.dept AS d INNER JOIN dbo.emp AS e ON e.dept = d.id ORDER BY e.id
=> dev|ann
=> dev|bob
=> ops|cid

--- case: LEFT, RIGHT and FULL keep what has no partner
--- doc: https://learn.microsoft.com/sql/t-sql/queries/from-transact-sql
SELECT d.id, e.id FROM dbo.dept AS d LEFT JOIN dbo.emp AS e ON e.dept = d.id ORDER BY d.id, e.id;
SELECT d.id, e.id FROM dbo.dept AS d RIGHT OUTER JOIN dbo.emp AS e ON e.dept = d.id ORDER BY e.id;
SELECT d.id, e.id FROM dbo.dept AS d FULL JOIN dbo.emp AS e ON e.dept = d.id WHERE d.id IS NULL OR e.id IS NULL ORDER BY d.id
=> 1|1
=> 1|2
=> 2|3
=> 3|NULL
=> ;
=> 1|1
=> 1|2
=> 2|3
=> NULL|4
=> ;
=> NULL|4
=> 3|NULL

--- case: a condition in ON is not one in WHERE
--- doc: https://learn.microsoft.com/sql/t-sql/queries/from-transact-sql
SELECT d.id, e.id FROM dbo.dept AS d LEFT JOIN dbo.emp AS e ON e.dept = d.id AND e.pay > 15 ORDER BY d.id;
SELECT d.id, e.id FROM dbo.dept AS d LEFT JOIN dbo.emp AS e ON e.dept = d.id WHERE e.pay > 15 ORDER BY d.id
=> 1|2
=> 2|3
=> 3|NULL
=> ;
=> 1|2
=> 2|3

--- case: CROSS JOIN and the comma give every pair
--- doc: https://learn.microsoft.com/sql/t-sql/queries/from-transact-sql
SELECT COUNT(*) FROM dbo.dept CROSS JOIN dbo.emp;
SELECT COUNT(*) FROM dbo.dept, dbo.emp WHERE dbo.emp.dept = dbo.dept.id
=> 12
=> ;
=> 3

--- case: ON clauses may follow nested joins
--- doc: https://learn.microsoft.com/sql/t-sql/queries/from-transact-sql
SELECT d.id, e.id, f.id FROM dbo.dept AS d LEFT JOIN dbo.emp AS e JOIN dbo.emp AS f ON f.pay > e.pay AND f.dept = e.dept ON e.dept = d.id ORDER BY d.id
=> 1|1|2
=> 2|NULL|NULL
=> 3|NULL|NULL

--- case: a join in parentheses
--- doc: https://learn.microsoft.com/sql/t-sql/queries/from-transact-sql
SELECT d.id, e.id FROM dbo.dept AS d LEFT JOIN (dbo.emp AS e INNER JOIN dbo.dept AS x ON x.id = e.dept AND x.name = 'ops') ON e.dept = d.id ORDER BY d.id
=> 1|NULL
=> 2|3
=> 3|NULL

--- case: join hints change no result
--- doc: https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-join
SELECT COUNT(*) FROM dbo.dept AS d INNER HASH JOIN dbo.emp AS e ON e.dept = d.id
=> 3

--- case: CROSS APPLY with a correlated TOP
--- doc: https://learn.microsoft.com/sql/t-sql/queries/from-transact-sql
SELECT d.name, best.name, best.pay FROM dbo.dept AS d CROSS APPLY (SELECT TOP (1) e.name, e.pay FROM dbo.emp AS e WHERE e.dept = d.id ORDER BY e.pay DESC) AS best ORDER BY d.id
=> dev|bob|30
=> ops|cid|20

--- case: OUTER APPLY keeps rows for which the query is empty
--- doc: https://learn.microsoft.com/sql/t-sql/queries/from-transact-sql
SELECT d.name, best.name FROM dbo.dept AS d OUTER APPLY (SELECT TOP (1) e.name FROM dbo.emp AS e WHERE e.dept = d.id ORDER BY e.pay DESC) AS best ORDER BY d.id
=> dev|bob
=> ops|cid
=> hr|NULL

--- case: CROSS APPLY (VALUES …) turns columns into rows
--- doc: https://learn.microsoft.com/sql/t-sql/queries/from-transact-sql
SELECT e.id, v.what, v.value FROM dbo.emp AS e CROSS APPLY (VALUES ('name', e.name), ('dept', CAST(e.dept AS varchar(5)))) AS v(what, value) WHERE e.id IN (1, 4) ORDER BY e.id, v.what
=> 1|dept|1
=> 1|name|ann
=> 4|dept|NULL
=> 4|name|dan

--- case: APPLY of an expression gives it a name, and a later APPLY may use it
--- doc: https://learn.microsoft.com/sql/t-sql/queries/from-transact-sql
SELECT e.id, b.doubled, c.more FROM dbo.emp AS e CROSS APPLY (SELECT e.pay * 2 AS doubled) AS b CROSS APPLY (SELECT b.doubled + 1 AS more) AS c WHERE c.more > 40 ORDER BY e.id
=> 2|60|61
=> 3|40|41

--- case: APPLY of an aggregate always has a row
--- doc: https://learn.microsoft.com/sql/t-sql/queries/from-transact-sql
SELECT d.id, s.n, s.total FROM dbo.dept AS d CROSS APPLY (SELECT COUNT(*) AS n, SUM(e.pay) AS total FROM dbo.emp AS e WHERE e.dept = d.id) AS s ORDER BY d.id
=> 1|2|40
=> 2|1|20
=> 3|0|NULL

--- case: values keep their types through APPLY
--- doc: https://learn.microsoft.com/sql/t-sql/queries/from-transact-sql
CREATE TABLE dbo.typed (id int PRIMARY KEY, d decimal(30, 3), f float, b varbinary(4), t datetime2(3), g uniqueidentifier, s nvarchar(10));
INSERT dbo.typed VALUES (1, 12345678901234567890.125, 0.1, 0x00FF, '2020-02-29 12:34:56.789', '6F9619FF-8B86-D011-B42D-00C04FC964FF', N'é"\');
SELECT a.d, a.f, a.b, a.t, a.g, a.s FROM dbo.typed AS t CROSS APPLY (SELECT x.* FROM dbo.typed AS x WHERE x.id = t.id AND x.s = t.s) AS a
=> 12345678901234567890.125|0.1|0x00FF|2020-02-29 12:34:56.789|6F9619FF-8B86-D011-B42D-00C04FC964FF|é"\\

--- case: a derived table does not see its neighbours
--- doc: https://learn.microsoft.com/sql/t-sql/queries/from-transact-sql
SELECT * FROM dbo.dept AS d JOIN (SELECT id FROM dbo.emp WHERE dept = d.id) AS x ON 1 = 1
=> error 4104 level 16: The multi-part identifier "d.id" could not be bound.

--- case: a name that two tables have is ambiguous
--- doc: https://learn.microsoft.com/sql/t-sql/queries/from-transact-sql
SELECT name FROM dbo.dept AS d JOIN dbo.emp AS e ON e.dept = d.id
=> error 209 level 16: Ambiguous column name 'name'.

--- case: a table stands twice under one name
--- doc: https://learn.microsoft.com/sql/t-sql/queries/from-transact-sql
SELECT 1 FROM dbo.dept JOIN dbo.dept ON 1 = 1
=> error 1013 level 15: The objects "dbo.dept" and "dbo.dept" in the FROM clause have the same exposed names. Use correlation names to distinguish them.

--- case: an alias hides the table's name
--- doc: https://learn.microsoft.com/sql/t-sql/queries/from-transact-sql
SELECT dbo.dept.id FROM dbo.dept AS d
=> error 4104 level 16: The multi-part identifier "dbo.dept.id" could not be bound.

--- case: a derived table's columns need names, each once
--- doc: https://learn.microsoft.com/sql/t-sql/queries/from-transact-sql
SELECT * FROM (SELECT 1, 2 AS b) AS x
=> error 8155 level 16: No column name was specified for column 1 of 'x'.
SELECT * FROM (SELECT 1 AS a, 2 AS a) AS x
=> error 8156 level 16: The column 'a' was specified multiple times for 'x'.
SELECT * FROM (SELECT 1, 2) AS x(a)
=> error 8158 level 16: 'x' has more columns than were specified in the column list.
SELECT * FROM (SELECT 1) AS x(a, b)
=> error 8159 level 16: 'x' has fewer columns than were specified in the column list.

--- case: PIVOT
--- doc: https://learn.microsoft.com/sql/t-sql/queries/from-using-pivot-and-unpivot
--- refused: PIVOT and UNPIVOT are outside the subset
SELECT [1], [2] FROM (SELECT dept, pay FROM dbo.emp) AS s PIVOT (SUM(pay) FOR dept IN ([1], [2])) AS p
=> 40|20
