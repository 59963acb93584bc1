-- binary and varbinary
--- case: binary pads with zeros, varbinary does not
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/binary-and-varbinary-transact-sql
CREATE TABLE dbo.b1 (a binary(4), b varbinary(4));
INSERT dbo.b1 VALUES (0x12, 0x12), (0x, 0x), (NULL, NULL);
SELECT a, b, DATALENGTH(a), DATALENGTH(b) FROM dbo.b1 ORDER BY DATALENGTH(b)
=> NULL|NULL|NULL|NULL
=> 0x00000000|0x|4|0
=> 0x12000000|0x12|4|1

--- case: a binary too long for its column
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/binary-and-varbinary-transact-sql
CREATE TABLE dbo.b2 (b varbinary(2));
GO
INSERT dbo.b2 VALUES (0x010203)
=> error 2628 level 16: String or binary data would be truncated in table '*b2', column 'b'. Truncated value: *

--- case: a conversion cuts a binary on the right
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/binary-and-varbinary-transact-sql
SELECT CAST(0x010203 AS binary(2)), CAST(0x010203 AS varbinary(2)), CAST(0x01 AS binary(3))
=> 0x0102|0x0102|0x010000

--- case: an integer becomes its bytes, cut or padded on the left
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/binary-and-varbinary-transact-sql
SELECT CAST(123456 AS binary(4)), CAST(123456 AS binary(2)), CAST(123456 AS binary(6)), CAST(CAST(1 AS bigint) AS varbinary(20)), CAST(CAST(255 AS tinyint) AS varbinary(4))
=> 0x0001E240|0xE240|0x00000001E240|0x0000000000000001|0xFF

--- case: a binary becomes an integer
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/binary-and-varbinary-transact-sql
SELECT CAST(0x0001E240 AS int), CAST(0xFFFFFFFF AS int), CAST(0x01 AS int), CAST(0x AS int)
=> 123456|-1|1|0

--- case: text becomes its bytes
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/binary-and-varbinary-transact-sql
SELECT CAST('Abc' AS varbinary(10)), CAST(N'Abc' AS varbinary(10)), CAST('é€' AS varbinary(10)), CAST('a' AS binary(3))
=> 0x416263|0x410062006300|0xE980|0x610000

--- case: bytes become text
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#binary-styles
SELECT CAST(0x4E616d65 AS varchar(10)), CAST(0x4E0061006D006500 AS nvarchar(10)), CAST(0xE980 AS varchar(10))
=> Name|Name|é€

--- case: binary styles 1 and 2
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#binary-styles
SELECT CONVERT(char(8), 0x4E616d65, 0), CONVERT(char(8), 0x4E616d65, 1), CONVERT(char(8), 0x4E616d65, 2), CONVERT(binary(8), 'Name', 0), CONVERT(binary(4), '0x4E616D65', 1), CONVERT(binary(4), '4E616D65', 2)
=> 'Name    '|0x4E616D|4E616D65|0x4E616D6500000000|0x4E616D65|0x4E616D65

--- case: an odd number of hexadecimal digits is error 8114
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#binary-styles
SELECT CONVERT(varbinary(10), '0x123', 1)
=> error 8114 level 16: Error converting data type varchar to varbinary.

--- case: text to binary is not implicit
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#implicit-conversions
DECLARE @b varbinary(10) = 'abc'
=> error 257 level 16: Implicit conversion from data type varchar to varbinary is not allowed. Use the CONVERT function to run this query.

--- case: binaries compare byte by byte, zeros at the end do not count
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/comparison-operators-transact-sql
SELECT CASE WHEN 0x0102 < 0x0103 THEN 1 ELSE 0 END, CASE WHEN 0x01 < 0x0001 THEN 1 ELSE 0 END, CASE WHEN CAST(0x01 AS binary(4)) = 0x01 THEN 1 ELSE 0 END
=> 1|0|1

--- case: binaries concatenate
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/string-concatenation-transact-sql
SELECT 0x01 + 0x0203, SUBSTRING(0x01020304, 2, 2), LEN(0x010000), DATALENGTH(0x010000)
=> 0x010203|0x0203|3|3

--- case: an odd literal has a zero in front
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/constants-transact-sql
SELECT 0xABC, DATALENGTH(0x)
=> 0x0ABC|0

--- case: a binary without a length is one byte declared, 30 cast
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/binary-and-varbinary-transact-sql
DECLARE @b binary = 0x0102;
SELECT @b, DATALENGTH(CAST(0x01 AS binary))
=> 0x01|30

--- case: more than 8000 bytes
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/binary-and-varbinary-transact-sql
CREATE TABLE dbo.b3 (b varbinary(8001))
=> error 131 level 15: The size (8001) given to the *

--- case: binary and float do not convert
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#implicit-conversions
SELECT CAST(0x01 AS float)
=> error 529 level 16: Explicit conversion from data type varbinary to float is not allowed.

--- case: ten megabytes of binary
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/binary-and-varbinary-transact-sql
CREATE TABLE dbo.b4 (id int PRIMARY KEY, b varbinary(max), t varchar(max), n nvarchar(max));
DECLARE @t varchar(max) = REPLICATE(CAST('0123456789' AS varchar(max)), 1048576);
INSERT dbo.b4 VALUES (1, CAST(@t AS varbinary(max)), @t, CAST(@t AS nvarchar(max)));
SELECT DATALENGTH(b), DATALENGTH(t), DATALENGTH(n), SUBSTRING(b, 10485751, 10), RIGHT(t, 3), LEN(n) FROM dbo.b4
=> 10485760|10485760|20971520|0x30313233343536373839|789|10485760

--- case: binary keys pad
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/binary-and-varbinary-transact-sql
CREATE TABLE dbo.b5 (b binary(4) PRIMARY KEY);
INSERT dbo.b5 VALUES (0x01);
GO
INSERT dbo.b5 VALUES (0x0100)
=> error 2627 level 14: Violation of PRIMARY KEY constraint *

--- case: a hash of bytes
--- doc: https://learn.microsoft.com/sql/t-sql/functions/hashbytes-transact-sql
SELECT HASHBYTES('SHA2_256', 'abc')
=> 0xBA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD
