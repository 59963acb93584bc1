-- Conversions: implicit and explicit, errors, TRY_, result types
--- case: text to int
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql
SELECT CAST(' 42 ' AS int), CAST('-42' AS int), CAST('+42' AS int), CAST('' AS int)
=> 42|-42|42|0

--- case: a text that is no int is error 245
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
SELECT CAST('1.5' AS int)
=> error 245 level 16: Conversion failed when converting the varchar value '1.5' to data type int.

--- case: an nvarchar that is no int is named as such
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
SELECT CAST(N'abc' AS int)
=> error 245 level 16: Conversion failed when converting the nvarchar value 'abc' to data type int.

--- case: a text that is no bigint is error 8114
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
SELECT CAST('abc' AS bigint)
=> error 8114 level 16: Error converting data type varchar to bigint.

--- case: a text that is no decimal is error 8114
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
SELECT CAST('abc' AS decimal(5, 2))
=> error 8114 level 16: Error converting data type varchar to numeric.

--- case: a text with an exponent is a float, no decimal
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql
SELECT CAST('1e3' AS float)
=> 1000.0
SELECT CAST('1e3' AS decimal(10, 2))
=> error 8114 level 16: Error converting data type varchar to numeric.

--- case: a text past the range of int is error 248
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
SELECT CAST('3000000000' AS int)
=> error 248 level 16: The conversion of the varchar value '3000000000' overflowed an int column.

--- case: a text past the range of tinyint is error 244
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
SELECT CAST('300' AS tinyint)
=> error 244 level 16: The conversion of the varchar value '300' overflowed an INT1 column. Use a larger integer column.

--- case: a text past the range of smallint is error 244
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
SELECT CAST('40000' AS smallint)
=> error 244 level 16: The conversion of the varchar value '40000' overflowed an INT2 column. Use a larger integer column.

--- case: an int that does not fit a text is a star
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#truncating-and-rounding-results
SELECT CAST(12345 AS varchar(3)), CAST(12345 AS char(3))
=> *|'*  '

--- case: an int that does not fit an nvarchar is error 8115
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#truncating-and-rounding-results
SELECT CAST(12345 AS nvarchar(3))
=> error 8115 level 16: Arithmetic overflow error converting expression to data type nvarchar.

--- case: a decimal that does not fit a text is error 8115
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#truncating-and-rounding-results
SELECT CAST(123.45 AS varchar(3))
=> error 8115 level 16: Arithmetic overflow error converting numeric to data type varchar.

--- case: a money that does not fit a text is error 234
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#truncating-and-rounding-results
SELECT CAST($123.45 AS varchar(3))
=> error 234 level 16: There is insufficient result space to convert a money value to varchar.

--- case: a number and a text add as numbers
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/data-type-precedence-transact-sql
SELECT 1 + '2', '3' * 2, 1.5 + '2'
=> 3|6|3.5

--- case: a number and a text that is none
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/string-concatenation-transact-sql
SELECT 'value: ' + 5
=> error 245 level 16: Conversion failed when converting the varchar value 'value: ' to data type int.

--- case: datetime to int is explicit only
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#implicit-conversions
DECLARE @d datetime = '2020-01-01';
DECLARE @i int = @d
=> error 257 level 16: Implicit conversion from data type datetime to int is not allowed. Use the CONVERT function to run this query.

--- case: datetime2 to int is not allowed
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#implicit-conversions
SELECT CAST(CAST('2020-01-01' AS datetime2) AS int)
=> error 529 level 16: Explicit conversion from data type datetime2 to int is not allowed.

--- case: int to uniqueidentifier clashes
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#implicit-conversions
DECLARE @g uniqueidentifier = 1
=> error 206 level 16: Operand type clash: int is incompatible with uniqueidentifier

--- case: int to date clashes
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#implicit-conversions
DECLARE @d date = 1
=> error 206 level 16: Operand type clash: int is incompatible with date

--- case: image does not take an int
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#implicit-conversions
CREATE TABLE dbo.cv1 (i image);
GO
INSERT dbo.cv1 VALUES (5)
=> error 206 level 16: Operand type clash: int is incompatible with image

--- case: TRY_CAST and TRY_CONVERT give NULL
--- doc: https://learn.microsoft.com/sql/t-sql/functions/try-cast-transact-sql
SELECT TRY_CAST('abc' AS int), TRY_CAST('12' AS int), TRY_CONVERT(date, '2020-13-01'), TRY_CONVERT(tinyint, 256), TRY_CAST('<a>' AS xml)
=> NULL|12|NULL|NULL|NULL

--- case: TRY_CAST of a conversion that does not exist is an error
--- doc: https://learn.microsoft.com/sql/t-sql/functions/try-cast-transact-sql
SELECT TRY_CAST(4 AS xml)
=> error 529 level 16: Explicit conversion from data type int to xml is not allowed.

--- case: PARSE
--- doc: https://learn.microsoft.com/sql/t-sql/functions/parse-transact-sql
--- refused: .NET cultures
SELECT PARSE('12' AS int)
=> 12

--- case: ISNULL takes the first type, COALESCE the higher
--- doc: https://learn.microsoft.com/sql/t-sql/functions/isnull-transact-sql
DECLARE @v varchar(2) = NULL;
SELECT ISNULL(@v, 'abcdef'), COALESCE(@v, 'abcdef'), ISNULL(CAST(NULL AS int), 1.9)
=> ab|abcdef|1

--- case: ISNULL of a literal NULL has the replacement's type
--- doc: https://learn.microsoft.com/sql/t-sql/functions/isnull-transact-sql
SELECT ISNULL(NULL, 'abc'), CAST(SQL_VARIANT_PROPERTY(ISNULL(NULL, 5), 'BaseType') AS varchar(20))
=> abc|int

--- case: CASE takes the type of the highest precedence
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/case-transact-sql
SELECT CAST(SQL_VARIANT_PROPERTY(CASE WHEN 1 = 1 THEN 1 ELSE 2.5 END, 'Scale') AS int), CASE WHEN 1 = 1 THEN 1 ELSE 2.5 END
=> 1|1.0

--- case: CASE of a text and an int fails on the text
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/case-transact-sql
SELECT CASE WHEN 1 = 1 THEN 'a' ELSE 1 END
=> error 245 level 16: Conversion failed when converting the varchar value 'a' to data type int.

--- case: CASE of NULLs alone is error 8133
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
SELECT CASE WHEN 1 = 1 THEN NULL ELSE NULL END
=> error 8133 level 16: At least one of the result expressions in a CASE specification must be an expression other than the NULL constant.

--- case: UNION takes the type of the highest precedence
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/set-operators-union-transact-sql
SELECT v FROM (SELECT 1 AS v UNION ALL SELECT 2.5) t ORDER BY v
=> 1.0
=> 2.5

--- case: UNION of an int and a text that is none
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/set-operators-union-transact-sql
SELECT COUNT(*) FROM (SELECT 1 AS v UNION ALL SELECT 'a') t WHERE v > 0
=> error 245 level 16: Conversion failed when converting the varchar value 'a' to data type int.

--- case: NULL converts to every type
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql
SELECT CAST(NULL AS int), CAST(NULL AS xml), CAST(NULL AS uniqueidentifier), CAST(NULL AS datetime2(3)), CAST(NULL AS varbinary(max))
=> NULL|NULL|NULL|NULL|NULL

--- case: an unknown type is error 243
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
SELECT CAST(1 AS nosuchtype)
=> error 243 level 16: Type nosuchtype is not a defined system type.

--- case: a length on a type that has none is error 2716
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-2000-to-2999
CREATE TABLE dbo.cv2 (a int(4))
=> error 2716 level 16: Column, parameter, or variable #1: Cannot specify a column width on data type int.

--- case: a bit becomes 0 and 1 in text
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/bit-transact-sql
SELECT CAST(CAST(1 AS bit) AS varchar(5)), CAST(CAST(0 AS bit) AS char(2)), CAST(CAST(1 AS bit) AS int)
=> 1|'0 '|1

--- case: decimal as text keeps its scale
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql
SELECT CAST(1.50 AS varchar(10)), CAST(CAST(5 AS decimal(5, 2)) AS varchar(10)), CAST(-0.5 AS varchar(10)), CAST(.5 AS varchar(10))
=> 1.50|5.00|-0.5|0.5

--- case: an int column takes a text that is a number
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#implicit-conversions
CREATE TABLE dbo.cv3 (i int, d decimal(5, 1), b bit, t time(0));
INSERT dbo.cv3 VALUES ('7', '1.26', 'true', '10:11:12');
SELECT i, d, b, CONVERT(varchar(8), t) FROM dbo.cv3
=> 7|1.3|1|10:11:12

--- case: a column's value that does not convert leaves nothing of the statement
--- doc: https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql
CREATE TABLE dbo.cv4 (i tinyint);
GO
INSERT dbo.cv4 SELECT v FROM (VALUES (1), (2), (300)) t(v)
=> error 220 level 16: Arithmetic overflow error for data type tinyint, value = 300.
SELECT COUNT(*) FROM dbo.cv4
=> 0
