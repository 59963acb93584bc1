-- char, varchar, nchar, nvarchar: padding, truncation, code page, surrogate pairs, functions
--- case: char pads, varchar keeps trailing spaces
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-ansi-padding-transact-sql
CREATE TABLE dbo.t1 (c char(5) NULL, v varchar(5), n nchar(3), w nvarchar(3));
INSERT dbo.t1 VALUES ('ab', 'ab ', N'a', N'a ');
SELECT '[' + c + ']', '[' + v + ']', '[' + n + ']', '[' + w + ']', DATALENGTH(c), DATALENGTH(v), DATALENGTH(n), DATALENGTH(w), LEN(c), LEN(v) FROM dbo.t1
=> [ab   ]|[ab ]|[a  ]|[a ]|5|3|6|4|2|2

--- case: ANSI_PADDING OFF
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-ansi-padding-transact-sql
--- refused: ANSI_PADDING OFF is deprecated
SET ANSI_PADDING OFF

--- case: a text too long for its column is error 2628
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-2628-database-engine-error
CREATE TABLE dbo.t2 (v varchar(3));
GO
INSERT dbo.t2 VALUES ('abcd')
=> error 2628 level 16: String or binary data would be truncated in table '*t2', column 'v'. Truncated value: 'abc'.

--- case: spaces past the end of a column go without error
--- doc: https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql
CREATE TABLE dbo.t3 (v varchar(3), c char(2));
INSERT dbo.t3 VALUES ('abc   ', 'ab   ');
SELECT '[' + v + ']', '[' + c + ']' FROM dbo.t3
=> [abc]|[ab]

--- case: a variable cuts what is too long
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/char-and-varchar-transact-sql
DECLARE @v varchar(3) = 'abcdef', @n nvarchar(2) = N'abc';
SELECT @v, @n
=> abc|ab

--- case: a length is 1 when declared and 30 when cast
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/char-and-varchar-transact-sql
DECLARE @v varchar = 'abc', @long varchar(40) = 'This is a very long string that goes past 30';
SELECT @v, DATALENGTH(CAST(@long AS varchar)), DATALENGTH(CAST('a' AS char)), DATALENGTH(CONVERT(nchar, 'a'))
=> a|30|30|60

--- case: the empty string is not NULL
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/char-and-varchar-transact-sql
SELECT CASE WHEN '' IS NULL THEN 'null' ELSE 'not null' END, LEN(''), DATALENGTH(''), DATALENGTH(CAST('' AS char(3)))
=> not null|0|0|3

--- case: characters that the code page lacks
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql
SELECT CAST(N'中文' AS varchar(10)), CAST(N'€ Š œ' AS varchar(10)), CAST(CAST(N'Aé中' AS varchar(10)) AS nvarchar(10))
=> ??|€ Š œ|Aé?

--- case: a literal without N loses what the code page lacks
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/constants-transact-sql
SELECT 'é中', N'é中'
=> é?|é中

--- case: a character beyond the basic plane counts twice
--- doc: https://learn.microsoft.com/sql/t-sql/functions/len-transact-sql
SELECT LEN(N'a😀b'), DATALENGTH(N'a😀b'), CHARINDEX(N'b', N'a😀b'), SUBSTRING(N'a😀b', 2, 2)
=> 4|8|4|😀

--- case: UNICODE gives the first code unit
--- doc: https://learn.microsoft.com/sql/t-sql/functions/unicode-transact-sql
SELECT UNICODE(N'😀'), UNICODE(N'A'), NCHAR(8364), NCHAR(65536)
=> 55357|65|€|NULL

--- case: a surrogate pair cut in two
--- doc: https://learn.microsoft.com/sql/relational-databases/collations/collation-and-unicode-support#supplementary-characters
--- refused: half of a surrogate pair
SELECT DATALENGTH(SUBSTRING(N'a😀b', 1, 2))
=> 4

--- case: a surrogate pair cut in two by a conversion
--- doc: https://learn.microsoft.com/sql/relational-databases/collations/collation-and-unicode-support#supplementary-characters
--- refused: half of a surrogate pair
SELECT DATALENGTH(CAST(N'a😀b' AS nvarchar(2)))
=> 4

--- case: a supplementary character is two characters of a code page
--- doc: https://learn.microsoft.com/sql/relational-databases/collations/collation-and-unicode-support#supplementary-characters
SELECT CAST(N'a😀b' AS varchar(10))
=> a??b

--- case: NULL and concatenation
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/string-concatenation-transact-sql
SELECT 'a' + NULL, CONCAT('a', NULL, 'b'), CONCAT_WS(',', 'a', NULL, 'b')
=> NULL|ab|a,b

--- case: a concatenation that is not max stops at 8000 bytes
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/string-concatenation-transact-sql
SELECT LEN(REPLICATE('a', 5000) + REPLICATE('b', 5000)), LEN(CAST(REPLICATE('a', 5000) AS varchar(max)) + REPLICATE('b', 5000)), LEN(REPLICATE(N'a', 3000) + REPLICATE(N'b', 3000))
=> 8000|10000|4000

--- case: REPLICATE stops at 8000 bytes
--- doc: https://learn.microsoft.com/sql/t-sql/functions/replicate-transact-sql
SELECT LEN(REPLICATE('a', 9000)), LEN(REPLICATE(CAST('a' AS varchar(max)), 9000)), DATALENGTH(REPLICATE(N'a', 5000))
=> 8000|9000|8000

--- case: LEFT, RIGHT and SUBSTRING past the ends
--- doc: https://learn.microsoft.com/sql/t-sql/functions/substring-transact-sql
SELECT LEFT('abc', 5), RIGHT('abc', 2), SUBSTRING('abcdef', 0, 3), SUBSTRING('abcdef', -1, 4), SUBSTRING('abc', 5, 2), SUBSTRING('abc', 2, 100)
=> abc|bc|ab|ab|''|bc

--- case: a negative length is error 537
--- doc: https://learn.microsoft.com/sql/t-sql/functions/substring-transact-sql
SELECT SUBSTRING('abc', 1, -1)
=> error 537 level 16: Invalid length parameter passed to the LEFT or SUBSTRING function.

--- case: a negative length of LEFT is error 537
--- doc: https://learn.microsoft.com/sql/t-sql/functions/left-transact-sql
DECLARE @n int = -1;
SELECT LEFT('abc', @n)
=> error 537 level 16: Invalid length parameter passed to the LEFT or SUBSTRING function.

--- case: STUFF
--- doc: https://learn.microsoft.com/sql/t-sql/functions/stuff-transact-sql
SELECT STUFF('abcdef', 2, 3, 'ijklmn'), STUFF('abc', 1, 0, 'x'), STUFF('abc', 4, 1, 'x'), STUFF('abc', 0, 1, 'x'), STUFF('abc', 2, 10, NULL)
=> aijklmnef|xabc|NULL|NULL|a

--- case: REPLACE and CHARINDEX follow the collation
--- doc: https://learn.microsoft.com/sql/t-sql/functions/replace-transact-sql
SELECT REPLACE('abcABC', 'B', 'x'), REPLACE('abcABC' COLLATE Latin1_General_CS_AS, 'B', 'x'), CHARINDEX('C', 'abc'), CHARINDEX('z', 'abc'), CHARINDEX('a', 'aba', 2)
=> axcAxC|abcAxC|3|0|3

--- case: PATINDEX
--- doc: https://learn.microsoft.com/sql/t-sql/functions/patindex-transact-sql
SELECT PATINDEX('%ter%', 'interesting data'), PATINDEX('%[0-9]%', 'abc5'), PATINDEX('abc', 'xabc'), PATINDEX('%x%', NULL)
=> 3|4|0|NULL

--- case: LTRIM, RTRIM, TRIM
--- doc: https://learn.microsoft.com/sql/t-sql/functions/trim-transact-sql
SELECT '[' + LTRIM('  a ') + ']', '[' + RTRIM('  a ') + ']', '[' + TRIM('  a ') + ']'
=> [a ]|[  a]|[a]

--- case: UPPER, LOWER, REVERSE
--- doc: https://learn.microsoft.com/sql/t-sql/functions/upper-transact-sql
SELECT UPPER('straße é'), LOWER('ÀB'), REVERSE('abc')
=> STRAßE É|àb|cba

--- case: ASCII and CHAR speak code page 1252
--- doc: https://learn.microsoft.com/sql/t-sql/functions/ascii-transact-sql
SELECT ASCII('€'), CHAR(128), CHAR(65), CHAR(256), ASCII('')
=> 128|€|A|NULL|NULL

--- case: QUOTENAME
--- doc: https://learn.microsoft.com/sql/t-sql/functions/quotename-transact-sql
SELECT QUOTENAME('abc[]def'), QUOTENAME('a"b', '"'), QUOTENAME('a', 'x')
=> [abc[]]def]|"a""b"|NULL

--- case: SPACE
--- doc: https://learn.microsoft.com/sql/t-sql/functions/space-transact-sql
SELECT DATALENGTH(SPACE(5)), SPACE(-1)
=> 5|NULL

--- case: the length of nvarchar
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/nchar-and-nvarchar-transact-sql
CREATE TABLE dbo.t4 (n nvarchar(4001))
=> error 2717 level 16: The size (4001) given to the * exceeds the maximum allowed (4000).

--- case: text columns in sys.columns
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-columns-transact-sql
CREATE TABLE dbo.t5 (c char(10), v varchar(20), vm varchar(max), n nchar(10), w nvarchar(20), wm nvarchar(max));
SELECT name, TYPE_NAME(user_type_id), max_length, precision, scale, collation_name, is_ansi_padded FROM sys.columns WHERE object_id = OBJECT_ID('dbo.t5') ORDER BY column_id
=> c|char|10|0|0|SQL_Latin1_General_CP1_CI_AS|1
=> v|varchar|20|0|0|SQL_Latin1_General_CP1_CI_AS|1
=> vm|varchar|-1|0|0|SQL_Latin1_General_CP1_CI_AS|1
=> n|nchar|20|0|0|SQL_Latin1_General_CP1_CI_AS|1
=> w|nvarchar|40|0|0|SQL_Latin1_General_CP1_CI_AS|1
=> wm|nvarchar|-1|0|0|SQL_Latin1_General_CP1_CI_AS|1

--- case: text columns in INFORMATION_SCHEMA.COLUMNS
--- doc: https://learn.microsoft.com/sql/relational-databases/system-information-schema-views/columns-transact-sql
CREATE TABLE dbo.t6 (c char(10), w nvarchar(20), wm nvarchar(max), b varbinary(5), t text);
SELECT COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, CHARACTER_OCTET_LENGTH FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 't6' ORDER BY ORDINAL_POSITION
=> c|char|10|10
=> w|nvarchar|20|40
=> wm|nvarchar|-1|-1
=> b|varbinary|5|5
=> t|text|2147483647|2147483647

--- case: COL_LENGTH and COLUMNPROPERTY of text
--- doc: https://learn.microsoft.com/sql/t-sql/functions/columnproperty-transact-sql
CREATE TABLE dbo.t7 (w nvarchar(20), d decimal(9, 3));
SELECT COL_LENGTH('dbo.t7', 'w'), COLUMNPROPERTY(OBJECT_ID('dbo.t7'), 'w', 'PRECISION'), COLUMNPROPERTY(OBJECT_ID('dbo.t7'), 'd', 'PRECISION'), COLUMNPROPERTY(OBJECT_ID('dbo.t7'), 'd', 'Scale'), COLUMNPROPERTY(OBJECT_ID('dbo.t7'), 'w', 'charmaxlen'), COLUMNPROPERTY(OBJECT_ID('dbo.t7'), 'w', 'AllowsNull')
=> 40|20|9|3|20|1
