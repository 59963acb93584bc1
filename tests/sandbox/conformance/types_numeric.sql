-- bit, integers, decimal, money, float, real: extremes, overflow, literals, arithmetic
--- case: integers hold their extremes
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/int-bigint-smallint-and-tinyint-transact-sql
CREATE TABLE dbo.i1 (a tinyint, b smallint, c int, d bigint);
INSERT dbo.i1 VALUES (0, -32768, -2147483648, -9223372036854775808), (255, 32767, 2147483647, 9223372036854775807), (NULL, NULL, NULL, NULL);
SELECT * FROM dbo.i1 ORDER BY d
=> NULL|NULL|NULL|NULL
=> 0|-32768|-2147483648|-9223372036854775808
=> 255|32767|2147483647|9223372036854775807

--- case: one more than a tinyint is error 220
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
DECLARE @t tinyint = 256
=> error 220 level 16: Arithmetic overflow error for data type tinyint, value = 256.

--- case: a negative number is no tinyint
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
SELECT CAST(-1 AS tinyint)
=> error 220 level 16: Arithmetic overflow error for data type tinyint, value = -1.

--- case: one more than a smallint is error 220
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
SELECT CAST(32768 AS smallint)
=> error 220 level 16: Arithmetic overflow error for data type smallint, value = 32768.

--- case: a bigint that is no int is error 8115
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
DECLARE @b bigint = 2147483648;
SELECT CAST(@b AS int)
=> error 8115 level 16: Arithmetic overflow error converting expression to data type int.

--- case: a sum of ints that is none is error 8115
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/add-transact-sql
SELECT 2147483647 + 1
=> error 8115 level 16: Arithmetic overflow error converting expression to data type int.

--- case: a product of bigints that is none is error 8115
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/multiply-transact-sql
DECLARE @b bigint = 9223372036854775807;
SELECT @b * 2
=> error 8115 level 16: Arithmetic overflow error converting expression to data type bigint.

--- case: an integer constant past the range of int is a decimal
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/int-bigint-smallint-and-tinyint-transact-sql
SELECT CAST(SQL_VARIANT_PROPERTY(2147483647, 'BaseType') AS varchar(20)), CAST(SQL_VARIANT_PROPERTY(2147483648, 'Precision') AS int), CAST(SQL_VARIANT_PROPERTY(2147483648, 'Scale') AS int)
=> int|10|0

--- case: half of a constant past the range of int has a fraction
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/int-bigint-smallint-and-tinyint-transact-sql
SELECT 2147483647 / 2 AS Result1, 2147483649 / 2 AS Result2
=> 1073741823|1073741824.500000

--- case: types of decimal and float constants
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/constants-transact-sql
SELECT CAST(SQL_VARIANT_PROPERTY(12.345, 'Precision') AS int), CAST(SQL_VARIANT_PROPERTY(12.345, 'Scale') AS int), CAST(SQL_VARIANT_PROPERTY(1e0, 'BaseType') AS varchar(20)), CAST(SQL_VARIANT_PROPERTY($1, 'BaseType') AS varchar(20))
=> 5|3|float|money

--- case: a decimal holds 38 digits
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/decimal-and-numeric-transact-sql
CREATE TABLE dbo.d1 (d decimal(38, 0), e decimal(38, 38), f decimal(18, 18));
INSERT dbo.d1 VALUES (99999999999999999999999999999999999999, 0.99999999999999999999999999999999999999, -0.999999999999999999);
SELECT d, e, f FROM dbo.d1
=> 99999999999999999999999999999999999999|0.99999999999999999999999999999999999999|-0.999999999999999999

--- case: a decimal without facets is decimal(18, 0)
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/decimal-and-numeric-transact-sql
SELECT CAST(1.5 AS decimal), CAST(-1.5 AS decimal), CAST(2.4999 AS decimal)
=> 2|-2|2

--- case: precision over 38 is error 2750
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-2000-to-2999
CREATE TABLE dbo.d2 (d decimal(39, 0))
=> error 2750 level 16: Column or parameter #1: Specified column precision 39 is greater than the maximum precision of 38.

--- case: a decimal too large for its target is error 8115
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
SELECT CAST(123.45 AS decimal(4, 2))
=> error 8115 level 16: Arithmetic overflow error converting numeric to data type numeric.

--- case: an int too large for a decimal is error 8115
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
SELECT CAST(1000 AS decimal(3, 0))
=> error 8115 level 16: Arithmetic overflow error converting int to data type numeric.

--- case: conversion between decimals rounds, to an integer truncates
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#truncating-and-rounding-results
SELECT CAST(10.6496 AS int), CAST(-10.6496 AS int), CAST(10.6496 AS numeric(10, 0)), CAST(-10.6496 AS numeric(10, 0)), CAST(10.5 AS decimal(3, 0)), CAST(10.449 AS decimal(5, 2))
=> 10|-10|11|-11|11|10.45

--- case: float truncates to an integer, rounds to a decimal
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#truncating-and-rounding-results
SELECT CAST(CAST(10.9 AS float) AS int), CAST(CAST(-10.9 AS float) AS int), CAST(CAST(10.25 AS float) AS decimal(4, 1)), CAST(CAST(-0.75 AS float) AS decimal(4, 1))
=> 10|-10|10.3|-0.8

--- case: money rounds to an integer
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#truncating-and-rounding-results
SELECT CAST($10.5 AS int), CAST($10.4999 AS int), CAST(-$10.5 AS int)
=> 11|10|-11

--- case: a sum of decimals has one digit more
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/precision-scale-and-length-transact-sql
SELECT CAST(SQL_VARIANT_PROPERTY(CAST(1 AS decimal(5, 2)) + CAST(1 AS decimal(8, 4)), 'Precision') AS int), CAST(SQL_VARIANT_PROPERTY(CAST(1 AS decimal(5, 2)) + CAST(1 AS decimal(8, 4)), 'Scale') AS int)
=> 9|4

--- case: a product of decimals adds precisions and scales
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/precision-scale-and-length-transact-sql
SELECT CAST(SQL_VARIANT_PROPERTY(CAST(1 AS decimal(5, 2)) * CAST(1 AS decimal(8, 4)), 'Precision') AS int), CAST(SQL_VARIANT_PROPERTY(CAST(1 AS decimal(5, 2)) * CAST(1 AS decimal(8, 4)), 'Scale') AS int)
=> 14|6

--- case: a product past 38 digits keeps six of the fraction
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/precision-scale-and-length-transact-sql
SELECT CAST(0.0000009000 AS decimal(30, 10)) * CAST(1.0000000000 AS decimal(30, 10)) AS [decimal 38,6], CAST(0.0000009000 AS decimal(30, 20)) * CAST(1.0000000000 AS decimal(30, 20)) AS [decimal 38,17]
=> 0.000001|0.00000090000000000

--- case: a product of decimal(30, 20) keeps scale 17
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/precision-scale-and-length-transact-sql
SELECT CAST(SQL_VARIANT_PROPERTY(CAST(1 AS decimal(38, 10)) * CAST(1 AS decimal(38, 10)), 'Scale') AS int), CAST(SQL_VARIANT_PROPERTY(CAST(1 AS decimal(30, 20)) * CAST(1 AS decimal(30, 20)), 'Scale') AS int)
=> 6|17

--- case: a quotient past 38 digits keeps at least six of the fraction
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/precision-scale-and-length-transact-sql
SELECT CAST(1 AS decimal(38, 4)) / CAST(3 AS decimal(38, 4))
=> 0.333333

--- case: a sum that needs 39 digits is error 8115
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/precision-scale-and-length-transact-sql
DECLARE @d decimal(38, 0) = 99999999999999999999999999999999999999;
SELECT @d + 1
=> error 8115 level 16: Arithmetic overflow error converting expression to data type numeric.

--- case: the remainder of decimals keeps the dividend's sign
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/modulo-transact-sql
SELECT 5.5 % 2, -5.5 % 2, 38 % 5, -38 % 5
=> 1.5|-1.5|3|-3

--- case: decimals of different scales compare by value
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/data-type-precedence-transact-sql
SELECT CASE WHEN CAST(1.50 AS decimal(5, 2)) = CAST(1.5 AS decimal(38, 20)) THEN 1 ELSE 0 END, CASE WHEN CAST(2 AS int) > CAST(1.9999 AS decimal(10, 4)) THEN 1 ELSE 0 END
=> 1|1

--- case: money holds its extremes
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/money-and-smallmoney-transact-sql
CREATE TABLE dbo.m1 (id int, m money, s smallmoney);
INSERT dbo.m1 VALUES (1, -922337203685477.5808, -214748.3648), (2, 922337203685477.5807, 214748.3647);
SELECT CAST(m AS decimal(19, 4)), CAST(s AS decimal(10, 4)) FROM dbo.m1 ORDER BY id
=> -922337203685477.5808|-214748.3648
=> 922337203685477.5807|214748.3647

--- case: one ten-thousandth more than money is error 8115
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
SELECT CAST(922337203685477.5808 AS money)
=> error 8115 level 16: Arithmetic overflow error converting numeric to data type money.

--- case: money keeps four digits of a quotient, truncated
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/money-and-smallmoney-transact-sql
SELECT CAST($1 / $3 AS decimal(19, 4)), CAST($2 / $3 AS decimal(19, 4))
=> 0.3333|0.6666

--- case: money rounds what it is given
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#truncating-and-rounding-results
SELECT CAST(CAST(10.3496847 AS money) AS decimal(19, 4))
=> 10.3497

--- case: money as text
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#money-and-smallmoney-styles
SELECT CONVERT(varchar(30), CAST(4235.98 AS money)), CONVERT(varchar(30), CAST(3510.92 AS money), 1), CONVERT(varchar(30), CAST(4235.9819 AS money), 2), CONVERT(varchar(30), CAST(4235.9819 AS money), 126), CONVERT(varchar(30), CAST(-1234567.891 AS money), 1)
=> 4235.98|3,510.92|4235.9819|4235.9819|-1,234,567.89

--- case: text as money
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/money-and-smallmoney-transact-sql
SELECT CAST(CAST('$1,234.56' AS money) AS decimal(19, 4)), CAST(CAST('-12.5' AS money) AS decimal(19, 4))
=> 1234.5600|-12.5000

--- case: a text that is no money is error 235
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
SELECT CAST('12x' AS money)
=> error 235 level 16: Cannot convert a char value to money. The char value has incorrect syntax.

--- case: float holds its extremes
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/float-and-real-transact-sql
CREATE TABLE dbo.f1 (f float, r real);
INSERT dbo.f1 VALUES (1.79E308, 3.40E38), (-1.79E308, -3.40E38), (2.23E-308, 1.18E-38), (0, 0);
SELECT COUNT(*) FROM dbo.f1 WHERE f = 1.79E308 OR f = -1.79E308 OR f = 2.23E-308 OR f = 0
=> 4

--- case: float(24) is real, float(25) is float
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/float-and-real-transact-sql
CREATE TABLE dbo.f2 (a float(24), b float(25), c float, d real, e double precision);
SELECT TYPE_NAME(system_type_id), max_length, precision FROM sys.columns WHERE object_id = OBJECT_ID('dbo.f2') ORDER BY column_id
=> real|4|24
=> float|8|53
=> float|8|53
=> real|4|24
=> float|8|53

--- case: a float too large for int is error 232
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
SELECT CAST(CAST(3e9 AS float) AS int)
=> error 232 level 16: Arithmetic overflow error for type int, value = 3000000000.000000.

--- case: a float literal out of range is error 168
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
SELECT 1e309
=> error 168 level 15: The floating point value '1e309' is out of the range of computer representation (8 bytes).

--- case: float as text
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#float-and-real-styles
SELECT CONVERT(varchar(40), CAST(123456789.123 AS float)), CONVERT(varchar(40), CAST(0.00001 AS float)), CONVERT(varchar(40), CAST(1.5 AS float)), CONVERT(varchar(40), CAST(100000 AS float)), CONVERT(varchar(40), CAST(0 AS float))
=> 1.23457e+008|1e-005|1.5|100000|0

--- case: float as text with styles
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#float-and-real-styles
SELECT CONVERT(varchar(40), CAST(1.5 AS float), 1), CONVERT(varchar(40), CAST(1.5 AS float), 2), CONVERT(varchar(40), CAST(0.1 AS float), 3)
=> 1.5000000e+000|1.500000000000000e+000|1.0000000000000001e-001

--- case: a sum of float and decimal is a float
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/data-type-precedence-transact-sql
SELECT CAST(SQL_VARIANT_PROPERTY(1e0 + 1.5, 'BaseType') AS varchar(20)), CAST(SQL_VARIANT_PROPERTY($1 + 1, 'BaseType') AS varchar(20)), CAST(SQL_VARIANT_PROPERTY(CAST(1 AS bigint) + 1, 'BaseType') AS varchar(20)), CAST(SQL_VARIANT_PROPERTY(CAST(1 AS tinyint) + CAST(1 AS smallint), 'BaseType') AS varchar(20))
=> float|money|bigint|smallint

--- case: a float does not take the modulo
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/modulo-transact-sql
SELECT CAST(1 AS float) % 2
=> error 402 level 16: The data types float and int are incompatible in the modulo operator.

--- case: bits of integers
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/bitwise-operators-transact-sql
SELECT 170 & 75, 170 | 75, 170 ^ 75, ~170, ~CAST(170 AS tinyint)
=> 10|235|225|-171|85

--- case: ROUND rounds and truncates
--- doc: https://learn.microsoft.com/sql/t-sql/functions/round-transact-sql
SELECT ROUND(123.9994, 3), ROUND(123.9995, 3), ROUND(123.4545, 2), ROUND(123.45, -2), ROUND(150.75, 0), ROUND(150.75, 0, 1)
=> 123.9990|124.0000|123.4500|100.00|151.00|150.00

--- case: a number that rounds out of its own precision is error 8115
--- doc: https://learn.microsoft.com/sql/t-sql/functions/round-transact-sql
SELECT ROUND(748.58, -3)
=> error 8115 level 16: Arithmetic overflow error converting expression to data type numeric.

--- case: an average of ints is an int
--- doc: https://learn.microsoft.com/sql/t-sql/functions/avg-transact-sql
SELECT AVG(v), AVG(CAST(v AS decimal(5, 1))), SUM(v) FROM (VALUES (1), (2), (2)) t(v)
=> 1|1.666666|5

--- case: a sum of ints that is no int is error 8115
--- doc: https://learn.microsoft.com/sql/t-sql/functions/sum-transact-sql
SELECT SUM(v) FROM (VALUES (2147483647), (1)) t(v)
=> error 8115 level 16: Arithmetic overflow error converting expression to data type int.

--- case: division of a decimal by zero
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
SELECT 1.5 / 0
=> error 8134 level 16: Divide by zero error encountered.

--- case: CEILING and FLOOR
--- doc: https://learn.microsoft.com/sql/t-sql/functions/ceiling-transact-sql
SELECT CEILING(123.45), CEILING(-123.45), FLOOR(123.45), FLOOR(-123.45)
=> 124|-123|123|-124

--- case: the smallest int has no absolute value
--- doc: https://learn.microsoft.com/sql/t-sql/functions/abs-transact-sql
DECLARE @i int = -2147483648;
SELECT ABS(@i)
=> error 8115 level 16: Arithmetic overflow error converting expression to data type int.
