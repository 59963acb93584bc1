-- SELECT: lists, aliases, ordering, INTO, variables, literals
--- setup
CREATE TABLE dbo.item (id int PRIMARY KEY, name nvarchar(20) NULL, price decimal(10, 2) NOT NULL, grp char(1) NULL);
INSERT dbo.item VALUES (1, N'pen', 1.50, 'a'), (2, N'Ink', 10.00, 'b'), (3, NULL, 0.00, 'a'), (4, N'pad', 1.50, NULL);

--- case: ORDER BY an alias, an ordinal and an expression that is not selected
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-order-by-clause-transact-sql
SELECT id, price * 2 AS twice FROM dbo.item ORDER BY twice DESC, 1 DESC;
SELECT id FROM dbo.item WHERE name IS NOT NULL ORDER BY UPPER(name)
=> 2|20.00
=> 4|3.00
=> 1|3.00
=> 3|0.00
=> ;
=> 2
=> 4
=> 1

--- case: DISTINCT takes NULLs as one value and trailing spaces as none
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-transact-sql
SELECT DISTINCT grp FROM dbo.item ORDER BY grp;
SELECT COUNT(*) FROM (SELECT DISTINCT v FROM (VALUES ('x'), ('x '), ('X')) AS t(v)) AS d
=> NULL
=> a
=> b
=> ;
=> 1

--- case: aliases by AS, by = and as a string
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-clause-transact-sql
SELECT a.one + a.two + a.three FROM (SELECT 1 AS one, two = 2, 3 AS 'three') AS a
=> 6

--- case: t.* of one of several tables
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-clause-transact-sql
SELECT i.*, n.k FROM dbo.item AS i CROSS JOIN (VALUES (7)) AS n(k) WHERE i.id = 2
=> 2|Ink|10.00|b|7

--- case: a query without FROM
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-transact-sql
SELECT 1 AS a, 'x' WHERE 1 = 1;
SELECT 1 WHERE 1 = 0
=> 1|x
=> ;
=> (none)

--- case: SELECT INTO makes a table of the result's types
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-into-clause-transact-sql
SELECT id, name, price * 2 AS twice, CAST(NULL AS datetime) AS d INTO dbo.item_copy FROM dbo.item;
SELECT c.name, t.name FROM sys.columns AS c JOIN sys.types AS t ON t.user_type_id = c.user_type_id
WHERE c.object_id = OBJECT_ID('dbo.item_copy') ORDER BY c.column_id
=> id|int
=> name|nvarchar
=> twice|decimal
=> d|datetime

--- case: SELECT INTO keeps the identity property of a column
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-into-clause-transact-sql
CREATE TABLE dbo.with_id (id int IDENTITY(5, 5), v int);
INSERT dbo.with_id (v) VALUES (1), (2);
SELECT * INTO dbo.with_id2 FROM dbo.with_id;
INSERT dbo.with_id2 (v) VALUES (3);
SELECT id, v FROM dbo.with_id2 ORDER BY id
=> 5|1
=> 10|2
=> 15|3

--- case: SELECT INTO of an expression or a join has no identity
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-into-clause-transact-sql
CREATE TABLE dbo.with_id3 (id int IDENTITY(1, 1), v int);
SELECT a.id INTO dbo.with_id4 FROM dbo.with_id3 AS a JOIN dbo.with_id3 AS b ON a.id = b.id;
SELECT id + 0 AS id INTO dbo.with_id5 FROM dbo.with_id3;
SELECT COLUMNPROPERTY(OBJECT_ID('dbo.with_id4'), 'id', 'IsIdentity'), COLUMNPROPERTY(OBJECT_ID('dbo.with_id5'), 'id', 'IsIdentity')
=> 0|0

--- case: SELECT INTO a table that exists is error 2714
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-into-clause-transact-sql
SELECT 1 AS a INTO dbo.item
=> error 2714 level 16: There is already an object named 'item' in the database.

--- case: SELECT INTO needs a name for each column
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-into-clause-transact-sql
SELECT 1 INTO dbo.nameless
=> error 1038 level 15

--- case: a variable takes the last row, and keeps its value without rows
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/select-local-variable-transact-sql
DECLARE @a int = -1, @n nvarchar(20);
SELECT @a = id, @n = name FROM dbo.item WHERE id < 3 ORDER BY id;
SELECT @a, @n;
SELECT @a = id FROM dbo.item WHERE id = 99;
SELECT @a;
SET @a = (SELECT id FROM dbo.item WHERE id = 99);
SELECT @a
=> 2|Ink
=> ;
=> 2
=> ;
=> NULL

--- case: variables from a common table expression
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/select-local-variable-transact-sql
DECLARE @n int;
WITH c AS (SELECT COUNT(*) AS n FROM dbo.item) SELECT @n = n FROM c;
SELECT @n
=> 4

--- case: assignment and retrieval do not mix
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/select-local-variable-transact-sql
DECLARE @a int;
SELECT @a = id, name FROM dbo.item
=> error 141 level 15: A SELECT statement that assigns a value to a variable must not be combined with data-retrieval operations.

--- case: CASE takes the first condition that holds and the type that all results share
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/case-transact-sql
SELECT CASE WHEN 1 = 1 THEN 1 WHEN 1 = 1 THEN 2 END, CASE 2 WHEN 1 THEN 'a' WHEN 2 THEN 'b' ELSE 'c' END, CASE WHEN 1 = 0 THEN 1 ELSE 2.5 END, CASE NULL WHEN NULL THEN 'null' ELSE 'else' END
=> 1|b|2.5|else

--- case: CASE does not compute what it does not choose
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/case-transact-sql
SELECT id, CASE WHEN price = 0 THEN NULL ELSE 10 / price END FROM dbo.item WHERE id IN (2, 3) ORDER BY id
=> 2|1.00000000000
=> 3|NULL

--- case: CASE of a number and a text converts the text
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/case-transact-sql
SELECT CASE WHEN id = 1 THEN id ELSE 'x' END FROM dbo.item WHERE id = 2
=> error 245 level 16: Conversion failed when converting the varchar value 'x' to data type int.

--- case: CASE of NULLs only has no type
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/case-transact-sql
SELECT CASE WHEN 1 = 1 THEN NULL ELSE NULL END
=> error 8133 level 16: At least one of the result expressions in a CASE specification must be an expression other than the NULL constant.

--- case: IIF and CHOOSE
--- doc: https://learn.microsoft.com/sql/t-sql/functions/logical-functions-choose-transact-sql
SELECT IIF(2 > 1, 'yes', 'no'), IIF(NULL > 1, 'yes', 'no'), CHOOSE(2, 'a', 'b', 'c'), CHOOSE(4, 'a', 'b', 'c'), CHOOSE(2.9, 'a', 'b', 'c')
=> yes|no|b|NULL|b

--- case: COALESCE and NULLIF
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/coalesce-transact-sql
SELECT COALESCE(NULL, NULL, 3, 4), COALESCE(NULL, 1, 2.5), NULLIF(4, 4), NULLIF(4, 7), NULLIF('a', 'A')
=> 3|1.0|NULL|4|NULL

--- case: ISNULL has the type of its first argument, COALESCE that of all
--- doc: https://learn.microsoft.com/sql/t-sql/functions/isnull-transact-sql
DECLARE @s varchar(3) = NULL;
SELECT ISNULL(@s, 'abcdef'), COALESCE(@s, 'abcdef')
=> abc|abcdef

--- case: ISNULL of the literal NULL
--- doc: https://learn.microsoft.com/sql/t-sql/functions/isnull-transact-sql
SELECT ISNULL(NULL, 'x'), ISNULL(NULL, NULL)
=> x|NULL

--- case: operators of higher precedence first, then from left to right
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/operator-precedence-transact-sql
SELECT 2 + 3 * 4, (2 + 3) * 4, 10 - 4 - 3, 100 / 10 * 2, -2 * 3, 1 + 2 | 4, 6 & 3 + 1, 5 ^ 1
=> 14|20|3|20|-6|7|3|4

--- case: NOT before AND before OR
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/operator-precedence-transact-sql
SELECT CASE WHEN 1 = 1 OR 1 = 0 AND 1 = 0 THEN 'or' ELSE 'and' END, CASE WHEN NOT 1 = 0 AND 1 = 0 THEN 'a' ELSE 'b' END
=> or|b

--- case: integers divide to integers, the remainder has the dividend's sign
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/modulo-transact-sql
SELECT 5 / 2, 5 / 2.0, -5 / 2, -5 % 3, 5 % -3
=> 2|2.500000|-2|-2|2

--- case: LIKE with wildcards, sets and ranges
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/like-transact-sql
SELECT v FROM (VALUES ('cat'), ('cut'), ('c_t'), ('coat'), ('c%t'), ('Cot')) AS t(v) WHERE v LIKE 'c[a-o]t' ORDER BY v;
SELECT v FROM (VALUES ('cat'), ('c%t'), ('cut')) AS t(v) WHERE v LIKE 'c[^a]t' ORDER BY v;
SELECT v FROM (VALUES ('cat'), ('c_t')) AS t(v) WHERE v LIKE 'c[_]t'
=> cat
=> Cot
=> ;
=> c%t
=> cut
=> ;
=> c_t

--- case: LIKE with ESCAPE
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/like-transact-sql
SELECT v FROM (VALUES ('50%'), ('500'), ('50x')) AS t(v) WHERE v LIKE '50!%' ESCAPE '!'
=> 50%

--- case: BETWEEN includes both ends and is empty when they are reversed
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/between-transact-sql
SELECT id FROM dbo.item WHERE id BETWEEN 2 AND 3 ORDER BY id;
SELECT id FROM dbo.item WHERE id BETWEEN 3 AND 2;
SELECT id FROM dbo.item WHERE id NOT BETWEEN 2 AND 3 ORDER BY id
=> 2
=> 3
=> ;
=> (none)
=> ;
=> 1
=> 4

--- case: strings join with +, NULL makes NULL, CONCAT takes it as empty
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/string-concatenation-transact-sql
SELECT 'a' + 'b', 'a' + NULL, CONCAT('a', NULL, 1)
=> ab|NULL|a1

--- case: query hints that change no result
--- doc: https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-query
SELECT COUNT(*) FROM dbo.item WITH (NOLOCK) OPTION (RECOMPILE, MAXDOP 2, FAST 10, OPTIMIZE FOR UNKNOWN)
=> 4

--- case: names with spaces and reserved words stand in brackets
--- doc: https://learn.microsoft.com/sql/relational-databases/databases/database-identifiers
CREATE TABLE dbo.[order details] ([select] int, [a]]b] int);
INSERT dbo.[order details] VALUES (1, 2);
SELECT [select], d.[a]]b] FROM dbo.[order details] AS d
=> 1|2

--- case: @@ROWCOUNT counts the rows of the statement before
--- doc: https://learn.microsoft.com/sql/t-sql/functions/rowcount-transact-sql
SELECT id FROM dbo.item WHERE id > 2 ORDER BY id;
SELECT @@ROWCOUNT
=> 3
=> 4
=> ;
=> 2

--- case: FOR JSON
--- doc: https://learn.microsoft.com/sql/relational-databases/json/format-query-results-as-json-with-for-json-sql-server
--- refused: JSON and XML results are outside the subset
SELECT 1 AS a FOR JSON PATH
=> [{"a":1}]

--- case: the catalog joins like any table
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-columns-transact-sql
SELECT t.name, COUNT(*) FROM sys.tables AS t JOIN sys.columns AS c ON c.object_id = t.object_id WHERE t.name = 'item' GROUP BY t.name
=> item|4

--- case: a name with its database
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/transact-sql-syntax-conventions-transact-sql
SELECT COUNT(*) FROM {db}.dbo.item;
SELECT {db}.dbo.item.id FROM {db}.dbo.item WHERE id = 1
=> 4
=> ;
=> 1
