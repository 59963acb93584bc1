-- Comparison: precedence, NULL, types that do not go together
--- case: NULL is neither equal nor unequal
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/null-and-unknown-transact-sql
SELECT CASE WHEN NULL = NULL THEN 1 ELSE 0 END, CASE WHEN NOT (NULL = NULL) THEN 1 ELSE 0 END, CASE WHEN NULL IS NULL THEN 1 ELSE 0 END, CASE WHEN 1 <> NULL THEN 1 ELSE 0 END
=> 0|0|1|0

--- case: NULL in a list
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/in-transact-sql
SELECT CASE WHEN 1 NOT IN (2, NULL) THEN 1 ELSE 0 END, CASE WHEN 1 IN (1, NULL) THEN 1 ELSE 0 END
=> 0|1

--- case: a number and a text compare as numbers
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/data-type-precedence-transact-sql
SELECT CASE WHEN 10 > '9' THEN 1 ELSE 0 END, CASE WHEN '010' = 10 THEN 1 ELSE 0 END, CASE WHEN '10' > '9' THEN 1 ELSE 0 END
=> 1|1|0

--- case: a number and a text that is none
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/data-type-precedence-transact-sql
SELECT CASE WHEN 10 = 'x' THEN 1 ELSE 0 END
=> error 245 level 16: Conversion failed when converting the varchar value 'x' to data type int.

--- case: a date and a text compare as dates
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/data-type-precedence-transact-sql
SELECT CASE WHEN CAST('2020-01-02' AS date) > '20200101' THEN 1 ELSE 0 END, CASE WHEN CAST('2020-01-02' AS date) = CAST('2020-01-02T00:00:00' AS datetime) THEN 1 ELSE 0 END
=> 1|1

--- case: a float and a decimal compare as floats
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/data-type-precedence-transact-sql
SELECT CASE WHEN CAST(0.5 AS float) = 0.5 THEN 1 ELSE 0 END, CASE WHEN CAST(1 AS real) = 1 THEN 1 ELSE 0 END
=> 1|1

--- case: varchar and nvarchar compare as nvarchar
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/data-type-precedence-transact-sql
SELECT CASE WHEN 'abc' = N'ABC' THEN 1 ELSE 0 END, CASE WHEN CAST('é' AS varchar(1)) = N'é' THEN 1 ELSE 0 END
=> 1|1

--- case: char and varchar compare without their padding
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/string-comparison-assignment
SELECT CASE WHEN CAST('a' AS char(10)) = CAST('a' AS varchar(3)) THEN 1 ELSE 0 END
=> 1

--- case: a date and an int do not compare
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#implicit-conversions
SELECT CASE WHEN CAST('2020-01-02' AS date) = 1 THEN 1 ELSE 0 END
=> error 206 level 16: Operand type clash: *

--- case: a date and a time do not compare
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#implicit-conversions
SELECT CASE WHEN CAST('2020-01-02' AS date) = CAST('10:00' AS time) THEN 1 ELSE 0 END
=> error 402 level 16: The data types date and time are incompatible in the equal to operator.

--- case: a uniqueidentifier and a text compare as uniqueidentifiers
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/uniqueidentifier-transact-sql
DECLARE @g uniqueidentifier = '6F9619FF-8B86-D011-B42D-00C04FC964FF';
SELECT CASE WHEN @g = '6f9619ff-8b86-d011-b42d-00c04fc964ff' THEN 1 ELSE 0 END
=> 1

--- case: a uniqueidentifier and an int do not compare
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#implicit-conversions
SELECT CASE WHEN NEWID() = 1 THEN 1 ELSE 0 END
=> error 206 level 16: Operand type clash: *

--- case: an int and a binary compare as ints
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/data-type-precedence-transact-sql
SELECT CASE WHEN 1 = 0x01 THEN 1 ELSE 0 END, CASE WHEN 255 = 0xFF THEN 1 ELSE 0 END
=> 1|1

--- case: image does not compare
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/ntext-text-and-image-transact-sql
CREATE TABLE dbo.cp1 (i image);
SELECT 1 FROM dbo.cp1 WHERE i = 0x01
=> error 402 level 16: The data types image and varbinary are incompatible in the equal to operator.

--- case: NULL sorts first
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-order-by-clause-transact-sql
SELECT v FROM (VALUES (2), (NULL), (1)) t(v) ORDER BY v
=> NULL
=> 1
=> 2

--- case: a unique key takes one NULL
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/unique-constraints-and-check-constraints
CREATE TABLE dbo.cp2 (v int UNIQUE);
INSERT dbo.cp2 VALUES (NULL);
GO
INSERT dbo.cp2 VALUES (NULL)
=> error 2627 level 14: Violation of UNIQUE KEY constraint *

--- case: NULLs are one group and one distinct value
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-group-by-transact-sql
SELECT COUNT(*) FROM (SELECT DISTINCT v FROM (VALUES (1), (NULL), (NULL)) t(v)) d;
SELECT COUNT(*), COUNT(v) FROM (VALUES (1), (NULL), (NULL)) t(v) GROUP BY v ORDER BY 1
=> 2
=> ;
=> 1|1
=> 2|0

--- case: decimals of other scales find a key
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/data-type-precedence-transact-sql
CREATE TABLE dbo.cp3 (d decimal(10, 2) PRIMARY KEY);
INSERT dbo.cp3 VALUES (1.50), (2), (3.25);
SELECT d FROM dbo.cp3 WHERE d = 1.5;
SELECT d FROM dbo.cp3 WHERE d >= 1.501 ORDER BY d;
SELECT COUNT(*) FROM dbo.cp3 WHERE d = 2
=> 1.50
=> ;
=> 2.00
=> 3.25
=> ;
=> 1

--- case: BETWEEN is inclusive and takes the higher type
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/between-transact-sql
SELECT CASE WHEN 5 BETWEEN 5 AND 5 THEN 1 ELSE 0 END, CASE WHEN 5 BETWEEN 4.5 AND '6' THEN 1 ELSE 0 END, CASE WHEN 5 BETWEEN 6 AND 4 THEN 1 ELSE 0 END
=> 1|1|0

--- case: NULLIF
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/nullif-transact-sql
SELECT NULLIF(1, 1), NULLIF(1, 2), NULLIF('a', 'A ')
=> NULL|1|NULL

--- case: datetimes compare by their stored value
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/datetime-transact-sql
SELECT CASE WHEN CAST('2020-01-01T00:00:00.001' AS datetime) = CAST('2020-01-01T00:00:00' AS datetime) THEN 1 ELSE 0 END, CASE WHEN CAST('2020-01-01T00:00:00.002' AS datetime) = CAST('2020-01-01T00:00:00.003' AS datetime) THEN 1 ELSE 0 END
=> 1|1

--- case: a time and a datetime do compare
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/data-type-precedence-transact-sql
SELECT CASE WHEN CAST('1900-01-01T10:00:00' AS datetime2) = CAST('10:00' AS time) THEN 1 ELSE 0 END
=> 1
