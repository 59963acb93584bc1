-- NULL and three-valued logic
--- case: a comparison with NULL is neither true nor false
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/null-and-unknown-transact-sql
SELECT CASE WHEN NULL = NULL THEN 1 ELSE 0 END, CASE WHEN NULL <> NULL THEN 1 ELSE 0 END, CASE WHEN NOT (1 = NULL) THEN 1 ELSE 0 END, CASE WHEN NULL IS NULL THEN 1 ELSE 0 END
=> 0|0|0|1

--- case: AND and OR with unknown
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/and-transact-sql
SELECT CASE WHEN 1 = NULL AND 1 = 0 THEN 't' WHEN NOT (1 = NULL AND 1 = 0) THEN 'f' ELSE 'u' END,
       CASE WHEN 1 = NULL AND 1 = 1 THEN 't' WHEN NOT (1 = NULL AND 1 = 1) THEN 'f' ELSE 'u' END,
       CASE WHEN 1 = NULL OR 1 = 1 THEN 't' WHEN NOT (1 = NULL OR 1 = 1) THEN 'f' ELSE 'u' END,
       CASE WHEN 1 = NULL OR 1 = 0 THEN 't' WHEN NOT (1 = NULL OR 1 = 0) THEN 'f' ELSE 'u' END
=> f|u|t|u

--- case: IN and NOT IN with NULL in the list
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/in-transact-sql
SELECT CASE WHEN 1 IN (1, NULL) THEN 't' ELSE 'no' END, CASE WHEN 2 IN (1, NULL) THEN 't' ELSE 'no' END, CASE WHEN 2 NOT IN (1, NULL) THEN 't' ELSE 'no' END
=> t|no|no

--- case: BETWEEN and LIKE with NULL
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/between-transact-sql
SELECT CASE WHEN 5 BETWEEN NULL AND 3 THEN 't' WHEN 5 NOT BETWEEN NULL AND 3 THEN 'f' ELSE 'u' END, CASE WHEN 'a' LIKE NULL THEN 't' WHEN 'a' NOT LIKE NULL THEN 'f' ELSE 'u' END
=> f|u

--- case: a WHERE clause keeps only what is true, a CHECK refuses only what is false
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/unique-constraints-and-check-constraints
CREATE TABLE dbo.n1 (id int PRIMARY KEY, v int NULL CHECK (v > 0));
INSERT dbo.n1 VALUES (1, NULL), (2, 5);
SELECT id FROM dbo.n1 WHERE v > 0;
INSERT dbo.n1 VALUES (3, -1)
=> 2
=> error 547

--- case: a unique constraint takes one NULL
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/unique-constraints-and-check-constraints
CREATE TABLE dbo.n2 (v int NULL UNIQUE);
INSERT dbo.n2 VALUES (NULL);
INSERT dbo.n2 VALUES (NULL)
=> error 2627

--- case: a filtered unique index leaves NULLs alone
--- doc: https://learn.microsoft.com/sql/relational-databases/indexes/create-filtered-indexes
CREATE TABLE dbo.n3 (v int NULL);
CREATE UNIQUE INDEX ux_n3 ON dbo.n3 (v) WHERE v IS NOT NULL;
INSERT dbo.n3 VALUES (NULL), (NULL), (1);
SELECT COUNT(*) FROM dbo.n3
=> 3

--- case: a foreign key with NULL refers to nothing
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/primary-and-foreign-key-constraints
CREATE TABLE dbo.n4 (id int PRIMARY KEY);
CREATE TABLE dbo.n4c (p int NULL REFERENCES dbo.n4(id));
INSERT dbo.n4c VALUES (NULL);
SELECT COUNT(*) FROM dbo.n4c
=> 1

--- case: joins do not match NULLs
--- doc: https://learn.microsoft.com/sql/relational-databases/performance/joins
SELECT COUNT(*) FROM (VALUES (1), (NULL)) AS a(v) JOIN (VALUES (1), (NULL)) AS b(v) ON a.v = b.v
=> 1

--- case: arithmetic and functions with NULL
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/null-and-unknown-transact-sql
SELECT 1 + NULL, NULL / 0, LEN(NULL), UPPER(NULL), ABS(NULL), COALESCE(NULL, 'x')
=> NULL|NULL|NULL|NULL|NULL|x

--- case: ISNULL against COALESCE in NULL comparisons
--- doc: https://learn.microsoft.com/sql/t-sql/functions/isnull-transact-sql
SELECT id FROM (VALUES (1, NULL), (2, 0), (3, 5)) AS t(id, v) WHERE ISNULL(v, 0) = 0 ORDER BY id
=> 1
=> 2

--- case: a simple CASE does not find NULL
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/case-transact-sql
SELECT CASE v WHEN NULL THEN 'null' ELSE 'other' END, CASE WHEN v IS NULL THEN 'null' ELSE 'other' END FROM (VALUES (CAST(NULL AS int))) AS t(v)
=> other|null

--- case: DISTINCT, GROUP BY and UNION take NULLs as equal, ORDER BY puts them first
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-transact-sql
SELECT v, COUNT(*) FROM (VALUES (NULL), (2), (NULL), (1)) AS t(v) GROUP BY v ORDER BY v;
SELECT v FROM (VALUES (NULL), (2), (1)) AS t(v) ORDER BY v DESC
=> NULL|2
=> 1|1
=> 2|1
=> ;
=> 2
=> 1
=> NULL

--- case: the empty string is not NULL
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/null-and-unknown-transact-sql
SELECT CASE WHEN '' IS NULL THEN 'null' ELSE 'empty' END, LEN(''), '' + 'x'
=> empty|0|x

--- case: IS DISTINCT FROM came with SQL Server 2022
--- doc: https://learn.microsoft.com/sql/t-sql/queries/is-distinct-from-transact-sql
--- refused: the sandbox is a server of 2016 to 2019
SELECT CASE WHEN NULL IS NOT DISTINCT FROM NULL THEN 'same' END
=> same
