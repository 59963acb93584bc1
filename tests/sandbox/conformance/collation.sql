-- Collations: case, accents, binary, precedence, trailing spaces, sort order
--- case: the default collation ignores case but not accents
--- doc: https://learn.microsoft.com/sql/relational-databases/collations/collation-and-unicode-support
SELECT CASE WHEN 'ABC' = 'abc' THEN 1 ELSE 0 END, CASE WHEN 'cafe' = 'café' THEN 1 ELSE 0 END, CASE WHEN 'É' = 'é' THEN 1 ELSE 0 END
=> 1|0|1

--- case: trailing spaces do not count in comparison
--- doc: https://support.microsoft.com/help/316626
SELECT CASE WHEN 'abc' = 'abc   ' THEN 1 ELSE 0 END, CASE WHEN N'' = N'  ' THEN 1 ELSE 0 END, CASE WHEN ' abc' = 'abc' THEN 1 ELSE 0 END
=> 1|1|0

--- case: trailing spaces count in a LIKE pattern
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/like-transact-sql
SELECT CASE WHEN 'abc ' LIKE 'abc' THEN 1 ELSE 0 END, CASE WHEN 'abc' LIKE 'abc ' THEN 1 ELSE 0 END, CASE WHEN N'abc ' LIKE N'abc' THEN 1 ELSE 0 END, CASE WHEN 'abc ' LIKE 'abc%' THEN 1 ELSE 0 END
=> 1|0|0|1

--- case: trailing spaces do not count in a unique key
--- doc: https://support.microsoft.com/help/316626
CREATE TABLE dbo.c1 (v varchar(10) PRIMARY KEY);
INSERT dbo.c1 VALUES ('a');
GO
INSERT dbo.c1 VALUES ('A  ')
=> error 2627 level 14: Violation of PRIMARY KEY constraint *

--- case: a case-sensitive collation tells case apart
--- doc: https://learn.microsoft.com/sql/t-sql/statements/windows-collation-name-transact-sql
CREATE TABLE dbo.c2 (v varchar(10) COLLATE Latin1_General_CS_AS PRIMARY KEY);
INSERT dbo.c2 VALUES ('a'), ('A'), ('á');
SELECT COUNT(*) FROM dbo.c2 WHERE v = 'A'
=> 1

--- case: an accent-insensitive collation
--- doc: https://learn.microsoft.com/sql/t-sql/statements/windows-collation-name-transact-sql
SELECT CASE WHEN 'cafe' = 'CAFÉ' COLLATE Latin1_General_CI_AI THEN 1 ELSE 0 END, CASE WHEN 'cafe' = 'CAFÉ' COLLATE Latin1_General_CS_AI THEN 1 ELSE 0 END
=> 1|0

--- case: a binary collation compares code points
--- doc: https://learn.microsoft.com/sql/relational-databases/collations/collation-and-unicode-support#Binary-collations
CREATE TABLE dbo.c3 (v nvarchar(10) COLLATE Latin1_General_100_BIN2);
INSERT dbo.c3 VALUES (N'a'), (N'B'), (N'_'), (N'1'), (N'é'), (N'Z');
SELECT v FROM dbo.c3 ORDER BY v
=> 1
=> B
=> Z
=> _
=> a
=> é

--- case: the default collation sorts letters without case
--- doc: https://learn.microsoft.com/sql/relational-databases/collations/collation-and-unicode-support
CREATE TABLE dbo.c4 (v nvarchar(10));
INSERT dbo.c4 VALUES (N'b'), (N'A'), (N'C'), (N'a1'), (N'1'), (N'_');
SELECT v FROM dbo.c4 ORDER BY v
=> _
=> 1
=> A
=> a1
=> b
=> C

--- case: two columns of different collations do not compare
--- doc: https://learn.microsoft.com/sql/t-sql/statements/collation-precedence-transact-sql
CREATE TABLE dbo.c5 (a varchar(10) COLLATE Latin1_General_CI_AS, b varchar(10) COLLATE Latin1_General_CS_AS);
SELECT 1 FROM dbo.c5 WHERE a = b
=> error 468 level 16: Cannot resolve the collation conflict between "Latin1_General_CS_AS" and "Latin1_General_CI_AS" in the equal to operation.

--- case: an explicit collation decides
--- doc: https://learn.microsoft.com/sql/t-sql/statements/collation-precedence-transact-sql
CREATE TABLE dbo.c6 (a varchar(10) COLLATE Latin1_General_CI_AS, b varchar(10) COLLATE Latin1_General_CS_AS);
INSERT dbo.c6 VALUES ('x', 'X');
SELECT COUNT(*) FROM dbo.c6 WHERE a = b COLLATE Latin1_General_CI_AS;
SELECT COUNT(*) FROM dbo.c6 WHERE a = b COLLATE Latin1_General_CS_AS
=> 1
=> ;
=> 0

--- case: a literal takes the column's collation
--- doc: https://learn.microsoft.com/sql/t-sql/statements/collation-precedence-transact-sql
CREATE TABLE dbo.c7 (a varchar(10) COLLATE Latin1_General_CS_AS);
INSERT dbo.c7 VALUES ('x');
SELECT COUNT(*) FROM dbo.c7 WHERE a = 'X'
=> 0

--- case: two explicit collations are an error
--- doc: https://learn.microsoft.com/sql/t-sql/statements/collation-precedence-transact-sql
SELECT CASE WHEN 'a' COLLATE Latin1_General_CI_AS = 'A' COLLATE Latin1_General_CS_AS THEN 1 ELSE 0 END
=> error 468 level 16: Cannot resolve the collation conflict between "Latin1_General_CS_AS" and "Latin1_General_CI_AS" in the equal to operation.

--- case: an unknown collation is error 448
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
SELECT 'a' COLLATE Klingon_CI_AS
=> error 448 level 16: Invalid collation 'Klingon_CI_AS'.

--- case: COLLATE is for characters
--- doc: https://learn.microsoft.com/sql/t-sql/statements/collations
SELECT 1 COLLATE Latin1_General_CI_AS
=> error 447 level 16: Expression type int is invalid for COLLATE clause.

--- case: GROUP BY and DISTINCT follow the collation
--- doc: https://learn.microsoft.com/sql/relational-databases/collations/collation-and-unicode-support
CREATE TABLE dbo.c8 (a varchar(10));
INSERT dbo.c8 VALUES ('a'), ('A'), ('a '), ('b');
SELECT COUNT(*) FROM (SELECT DISTINCT a FROM dbo.c8) t;
SELECT COUNT(*) FROM dbo.c8 GROUP BY a ORDER BY 1;
SELECT COUNT(DISTINCT a COLLATE Latin1_General_CS_AS) FROM dbo.c8
=> 2
=> ;
=> 1
=> 3
=> ;
=> 3

--- case: LIKE follows the collation
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/like-transact-sql
SELECT CASE WHEN 'ABC' LIKE 'a%' THEN 1 ELSE 0 END, CASE WHEN 'ABC' COLLATE Latin1_General_CS_AS LIKE 'a%' THEN 1 ELSE 0 END, CASE WHEN 'é' LIKE 'e' COLLATE Latin1_General_CI_AI THEN 1 ELSE 0 END
=> 1|0|1

--- case: LIKE with sets, ranges, escape
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/like-transact-sql
SELECT CASE WHEN 'b' LIKE '[a-c]' THEN 1 ELSE 0 END, CASE WHEN 'd' LIKE '[^a-c]' THEN 1 ELSE 0 END, CASE WHEN '50%' LIKE '50!%' ESCAPE '!' THEN 1 ELSE 0 END, CASE WHEN '50x' LIKE '50!%' ESCAPE '!' THEN 1 ELSE 0 END, CASE WHEN 'a_c' LIKE 'a[_]c' THEN 1 ELSE 0 END
=> 1|1|1|0|1

--- case: a column's own collation in sys.columns
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-columns-transact-sql
CREATE TABLE dbo.c9 (a varchar(10) COLLATE Latin1_General_BIN2, b int);
SELECT name, collation_name FROM sys.columns WHERE object_id = OBJECT_ID('dbo.c9') ORDER BY column_id
=> a|Latin1_General_BIN2
=> b|NULL

--- case: a binary collation and case in a join
--- doc: https://learn.microsoft.com/sql/relational-databases/collations/collation-and-unicode-support#Binary-collations
CREATE TABLE dbo.c10 (a varchar(10) COLLATE Latin1_General_BIN2);
CREATE TABLE dbo.c11 (a varchar(10) COLLATE Latin1_General_BIN2);
INSERT dbo.c10 VALUES ('a'), ('B');
INSERT dbo.c11 VALUES ('A'), ('B');
SELECT x.a FROM dbo.c10 x JOIN dbo.c11 y ON x.a = y.a
=> B

--- case: collations of other code pages
--- doc: https://learn.microsoft.com/sql/t-sql/statements/windows-collation-name-transact-sql
--- refused: code pages other than 1252
CREATE TABLE dbo.c12 (a varchar(10) COLLATE Cyrillic_General_CI_AS)

--- case: UTF-8 collations
--- doc: https://learn.microsoft.com/sql/relational-databases/collations/collation-and-unicode-support#utf8
--- refused: UTF-8 collations
CREATE TABLE dbo.c13 (a varchar(10) COLLATE Latin1_General_100_CI_AS_SC_UTF8)

--- case: collations that count a supplementary character once
--- doc: https://learn.microsoft.com/sql/relational-databases/collations/collation-and-unicode-support#supplementary-characters
--- refused: _SC collations
SELECT LEN(N'a😀' COLLATE Latin1_General_100_CI_AS_SC)
=> 2

--- case: collations that tell width or kana apart
--- doc: https://learn.microsoft.com/sql/t-sql/statements/windows-collation-name-transact-sql
--- refused: width and kana sensitivity
SELECT CASE WHEN N'a' = N'ａ' COLLATE Latin1_General_CI_AS_WS THEN 1 ELSE 0 END
=> 0

--- case: MIN and MAX follow the collation
--- doc: https://learn.microsoft.com/sql/t-sql/functions/min-transact-sql
CREATE TABLE dbo.c14 (a varchar(10), b varchar(10) COLLATE Latin1_General_BIN2);
INSERT dbo.c14 VALUES ('b', 'b'), ('A', 'A'), ('C', 'C');
SELECT MIN(a), MAX(a), MIN(b), MAX(b) FROM dbo.c14
=> A|C|A|b

--- case: IN and BETWEEN follow the collation
--- doc: https://learn.microsoft.com/sql/relational-databases/collations/collation-and-unicode-support
SELECT CASE WHEN 'B' IN ('a', 'b') THEN 1 ELSE 0 END, CASE WHEN 'b' BETWEEN 'A' AND 'C' THEN 1 ELSE 0 END
=> 1|1

--- case: names compare without case
--- doc: https://learn.microsoft.com/sql/relational-databases/databases/database-identifiers
CREATE TABLE dbo.C15 (Aa int);
INSERT dbo.c15 (aA) VALUES (1);
SELECT AA FROM DBO.C15
=> 1
