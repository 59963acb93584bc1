-- xml, rowversion, sql_variant, text/ntext/image, uniqueidentifier, bit
--- case: xml comes back as its information, not its letters
--- doc: https://learn.microsoft.com/sql/relational-databases/xml/create-instances-of-xml-data
CREATE TABLE dbo.x1 (id int PRIMARY KEY, x xml NULL);
INSERT dbo.x1 VALUES (1, N'<root>          <child/>         </root>'), (2, NULL), (3, '<a b=''1''></a>');
SELECT id, CONVERT(nvarchar(100), x) FROM dbo.x1 ORDER BY id
=> 1|<root><child/></root>
=> 2|NULL
=> 3|<a b="1"/>

--- case: xml keeps white space under xml:space
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#xml-styles
SELECT CONVERT(nvarchar(100), CONVERT(xml, N'<root xml:space="preserve">  <child> </child>  </root>')), CONVERT(nvarchar(100), CONVERT(xml, N'<a> </a>'))
=> <root xml:space="preserve">  <child> </child>  </root>|<a/>

--- case: xml keeps white space under style 1
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#xml-styles
--- refused: how it is shown is not documented
SELECT DATALENGTH(CONVERT(nvarchar(100), CONVERT(xml, N'<root>  <child/>  </root>', 1)))
=> *

--- case: an xml declaration does not stay
--- doc: https://learn.microsoft.com/sql/t-sql/xml/xml-transact-sql
SELECT CAST(CAST('<?xml version="1.0" encoding="utf-8"?><a>1</a>' AS xml) AS nvarchar(50))
=> <a>1</a>

--- case: a Unicode text cannot declare an 8-bit encoding
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-9000-to-9999
SELECT CAST(N'<?xml version="1.0" encoding="utf-8"?><a>1</a>' AS xml)
=> error 9402 level 16: XML parsing: line 1, character *, unable to switch the encoding

--- case: an end tag that does not match is error 9436
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-9000-to-9999
SELECT CAST('<a></b>' AS xml)
=> error 9436 level 16: XML parsing: line 1, character *, end tag does not match start tag

--- case: an element that does not end is error 9400
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-9000-to-9999
SELECT CAST('<a><b>' AS xml)
=> error 9400 level 16: XML parsing: line 1, character *, unexpected end of input

--- case: an attribute without quotes is error 9413
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-9000-to-9999
SELECT CAST('<a b=1/>' AS xml)
=> error 9413 level 16: XML parsing: line 1, character *, A string literal was expected

--- case: a duplicate attribute is error 9437
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-9000-to-9999
SELECT CAST('<a b="1" b="2"/>' AS xml)
=> error 9437 level 16: XML parsing: line 1, character *, duplicate attribute

--- case: an undeclared entity is error 9448
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-9000-to-9999
SELECT CAST('<a>&nbsp;</a>' AS xml)
=> error 9448 level 16: XML parsing: line 1, character *, well formed check: undeclared entity

--- case: an undeclared prefix is error 9459
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-9000-to-9999
SELECT CAST('<p:a/>' AS xml)
=> error 9459 level 16: XML parsing: line 1, character *, undeclared prefix

--- case: a DOCTYPE is error 6359
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#xml-styles
SELECT CAST('<!DOCTYPE a [<!ENTITY e "1">]><a/>' AS xml)
=> error 6359 level 16: Parsing XML with internal subset DTDs not allowed. Use CONVERT with style option 2 to enable limited internal subset DTD support.

--- case: fragments and an empty text are xml
--- doc: https://learn.microsoft.com/sql/t-sql/xml/xml-transact-sql
SELECT CAST(CAST('<a/><b/>' AS xml) AS varchar(20)), CAST(CAST('text' AS xml) AS varchar(20)), CAST(CAST('' AS xml) AS varchar(20))
=> <a/><b/>|text|''

--- case: CDATA becomes escaped text
--- doc: https://learn.microsoft.com/sql/relational-databases/xml/xml-data-type-and-columns-sql-server
SELECT CAST(CAST('<a><![CDATA[1 < 2 & 3]]></a>' AS xml) AS varchar(50))
=> <a>1 &lt; 2 &amp; 3</a>

--- case: comments and processing instructions stay
--- doc: https://learn.microsoft.com/sql/relational-databases/xml/xml-data-type-and-columns-sql-server
SELECT CAST(CAST('<a><!-- c --><?p i?></a>' AS xml) AS varchar(50))
=> <a><!-- c --><?p i?></a>

--- case: xml does not compare with xml
--- doc: https://learn.microsoft.com/sql/t-sql/xml/xml-transact-sql
CREATE TABLE dbo.x2 (a xml, b xml);
SELECT 1 FROM dbo.x2 WHERE a = b
=> error 305 level 16: The XML data type cannot be compared or sorted, except when using the IS NULL operator.

--- case: xml does not sort
--- doc: https://learn.microsoft.com/sql/t-sql/xml/xml-transact-sql
CREATE TABLE dbo.x3 (a xml);
SELECT 1 FROM dbo.x3 ORDER BY a
=> error 305 level 16: The XML data type cannot be compared or sorted, except when using the IS NULL operator.

--- case: xml does not group
--- doc: https://learn.microsoft.com/sql/t-sql/xml/xml-transact-sql
CREATE TABLE dbo.x4 (a xml);
SELECT COUNT(*) FROM dbo.x4 GROUP BY a
=> error 305 level 16: The XML data type cannot be compared or sorted, except when using the IS NULL operator.

--- case: xml is not distinct
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
CREATE TABLE dbo.x5 (a xml);
SELECT DISTINCT a FROM dbo.x5
=> error 421 level 16: The xml data type cannot be selected as DISTINCT because it is not comparable.

--- case: xml is no key
--- doc: https://learn.microsoft.com/sql/t-sql/xml/xml-transact-sql
CREATE TABLE dbo.x6 (a xml NOT NULL PRIMARY KEY)
=> error 1919 level 16: Column 'a' in table '*x6' is of a type that is invalid for use as a key column in an index.

--- case: xml converts to text only explicitly
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#implicit-conversions
DECLARE @x xml = '<a/>';
DECLARE @s nvarchar(20) = @x
=> error 257 level 16: Implicit conversion from data type xml to nvarchar is not allowed. Use the CONVERT function to run this query.

--- case: xml does not convert to int
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#implicit-conversions
DECLARE @x xml = '<a/>';
SELECT CAST(@x AS int)
=> error 529 level 16: Explicit conversion from data type xml to int is not allowed.

--- case: a target too small for the xml is an error
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-6000-to-6999
SELECT CAST(CAST('<abc/>' AS xml) AS varchar(3))
=> error 6354 level 16: Target string size is too small to represent the XML instance

--- case: xml as a result
--- doc: https://learn.microsoft.com/sql/t-sql/xml/xml-transact-sql
DECLARE @x xml = N'<a>žluť</a>';
SELECT @x
=> <a>žluť</a>

--- case: xml is checked when it is inserted, and nothing stays
--- doc: https://learn.microsoft.com/sql/t-sql/xml/xml-transact-sql
CREATE TABLE dbo.x7 (id int IDENTITY PRIMARY KEY, a xml);
GO
INSERT dbo.x7 (a) SELECT v FROM (VALUES ('<a/>'), ('<b>')) t(v);
=> error 9400 level 16: XML parsing: line 1, character *, unexpected end of input
SELECT COUNT(*) FROM dbo.x7
=> 0

--- case: xml methods
--- doc: https://learn.microsoft.com/sql/t-sql/xml/xml-data-type-methods
--- refused: XQuery
DECLARE @x xml = '<a b="1"/>';
SELECT @x.value('(/a/@b)[1]', 'int')
=> 1

--- case: typed xml
--- doc: https://learn.microsoft.com/sql/t-sql/xml/xml-transact-sql
--- refused: XML schema collections
CREATE TABLE dbo.x8 (x xml(dbo.missing_collection))
=> error *

--- case: xml in sys.columns
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-columns-transact-sql
CREATE TABLE dbo.x9 (x xml);
SELECT system_type_id, user_type_id, max_length, precision, scale, collation_name, is_nullable, is_xml_document, xml_collection_id FROM sys.columns WHERE object_id = OBJECT_ID('dbo.x9')
=> 241|241|-1|0|0|NULL|1|0|0

--- case: a rowversion changes with every update of its row, and only of its row
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/rowversion-transact-sql
CREATE TABLE dbo.rv1 (id int PRIMARY KEY, v int, rv rowversion);
INSERT dbo.rv1 (id, v) VALUES (1, 10), (2, 20);
GO
DECLARE @one binary(8) = (SELECT rv FROM dbo.rv1 WHERE id = 1), @two binary(8) = (SELECT rv FROM dbo.rv1 WHERE id = 2);
UPDATE dbo.rv1 SET v = v WHERE id = 1;
SELECT CASE WHEN rv > @one AND rv > @two THEN 'changed' ELSE 'same' END FROM dbo.rv1 WHERE id = 1;
SELECT CASE WHEN rv = @two THEN 'same' ELSE 'changed' END FROM dbo.rv1 WHERE id = 2
=> changed
=> ;
=> same

--- case: rowversions of one database are different in every table
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/rowversion-transact-sql
CREATE TABLE dbo.rv2a (id int, rv rowversion);
CREATE TABLE dbo.rv2b (id int, rv rowversion);
INSERT dbo.rv2a (id) VALUES (1);
INSERT dbo.rv2b (id) VALUES (1);
SELECT COUNT(*) FROM dbo.rv2a a JOIN dbo.rv2b b ON a.rv < b.rv
=> 1

--- case: @@DBTS is the last rowversion
--- doc: https://learn.microsoft.com/sql/t-sql/functions/dbts-transact-sql
--- database: own
CREATE TABLE dbo.rv3 (id int, rv rowversion);
INSERT dbo.rv3 (id) VALUES (1);
SELECT CASE WHEN rv = @@DBTS THEN 1 ELSE 0 END, DATALENGTH(@@DBTS) FROM dbo.rv3
=> 1|8

--- case: MIN_ACTIVE_ROWVERSION is one more than @@DBTS where no transaction is open
--- doc: https://learn.microsoft.com/sql/t-sql/functions/min-active-rowversion-transact-sql
--- database: own
CREATE TABLE dbo.rv4 (id int, rv rowversion);
INSERT dbo.rv4 (id) VALUES (1);
GO
SELECT CAST(MIN_ACTIVE_ROWVERSION() AS bigint) - CAST(@@DBTS AS bigint)
=> 1

--- case: MIN_ACTIVE_ROWVERSION stays at the first value of an open transaction
--- doc: https://learn.microsoft.com/sql/t-sql/functions/min-active-rowversion-transact-sql
--- database: own
CREATE TABLE dbo.rv5 (id int, rv rowversion);
INSERT dbo.rv5 (id) VALUES (1);
GO
BEGIN TRANSACTION;
INSERT dbo.rv5 (id) VALUES (2);
INSERT dbo.rv5 (id) VALUES (3);
GO
--- session b
SELECT CAST(@@DBTS AS bigint) - CAST(MIN_ACTIVE_ROWVERSION() AS bigint)
=> 1
--- session a
COMMIT

--- case: a rowversion cannot be inserted
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
CREATE TABLE dbo.rv6 (id int, rv rowversion);
GO
INSERT dbo.rv6 (id, rv) VALUES (1, 0x01)
=> error 273 level 16: Cannot insert an explicit value into a timestamp column. Use INSERT with a column list to exclude the timestamp column, or insert a DEFAULT into the timestamp column.

--- case: a rowversion takes DEFAULT
--- doc: https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql
CREATE TABLE dbo.rv7 (id int, rv rowversion);
INSERT dbo.rv7 VALUES (1, DEFAULT);
SELECT id, DATALENGTH(rv) FROM dbo.rv7
=> 1|8

--- case: a rowversion cannot be updated
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
CREATE TABLE dbo.rv8 (id int, rv rowversion);
GO
UPDATE dbo.rv8 SET rv = 0x01
=> error 272 level 16: Cannot update a timestamp column.

--- case: a table has one rowversion column
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/rowversion-transact-sql
CREATE TABLE dbo.rv9 (a rowversion, b timestamp)
=> error 2738 level 16: A table can only have one timestamp column. Because table 'rv9' already has one, the column 'b' cannot be added.

--- case: ALTER TABLE adds no second rowversion column
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/rowversion-transact-sql
CREATE TABLE dbo.rv10 (a rowversion);
GO
ALTER TABLE dbo.rv10 ADD b rowversion
=> error 2738 level 16: A table can only have one timestamp column. Because table 'rv10' already has one, the column 'b' cannot be added.

--- case: a rowversion column that is added numbers the rows that are there
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql
CREATE TABLE dbo.rv11 (id int);
INSERT dbo.rv11 VALUES (1), (2);
GO
ALTER TABLE dbo.rv11 ADD rv rowversion
GO
SELECT COUNT(DISTINCT rv), COUNT(*) FROM dbo.rv11 WHERE rv IS NOT NULL
=> 2|2

--- case: rowversion in sys.columns is a timestamp that is not NULL
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/rowversion-transact-sql
CREATE TABLE dbo.rv12 (a rowversion);
SELECT c.system_type_id, c.user_type_id, c.max_length, c.is_nullable, t.name FROM sys.columns c JOIN sys.types t ON t.user_type_id = c.user_type_id WHERE c.object_id = OBJECT_ID('dbo.rv12')
=> 189|189|8|0|timestamp

--- case: a timestamp column may go without a name
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/rowversion-transact-sql
CREATE TABLE dbo.rv13 (id int PRIMARY KEY, timestamp);
SELECT name FROM sys.columns WHERE object_id = OBJECT_ID('dbo.rv13') AND system_type_id = 189
=> timestamp

--- case: a rowversion converts to bigint and binary
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#implicit-conversions
SELECT CAST(CAST(2001 AS rowversion) AS bigint), CAST(CAST(2001 AS rowversion) AS binary(8))
=> 2001|0x00000000000007D1

--- case: the last rowversion of a transaction that was rolled back is not used again
--- doc: https://learn.microsoft.com/sql/t-sql/functions/dbts-transact-sql
--- database: own
CREATE TABLE dbo.rv14 (id int, rv rowversion);
GO
DECLARE @before bigint = CAST(@@DBTS AS bigint);
BEGIN TRANSACTION;
INSERT dbo.rv14 (id) VALUES (1);
ROLLBACK;
INSERT dbo.rv14 (id) VALUES (2);
SELECT CASE WHEN CAST(rv AS bigint) >= @before + 1 THEN 'greater' ELSE 'not greater' END, COUNT(*) OVER () FROM dbo.rv14
=> greater|1

--- case: a rowversion of a temporary table
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/rowversion-transact-sql
CREATE TABLE #rv15 (id int, rv rowversion);
INSERT #rv15 (id) VALUES (1), (2);
SELECT COUNT(DISTINCT rv) FROM #rv15
=> 2

--- case: the base type of a sql_variant is decimal where it was declared so
--- doc: https://learn.microsoft.com/sql/t-sql/functions/sql-variant-property-transact-sql
CREATE TABLE dbo.v1b (a sql_variant, b int);
INSERT dbo.v1b VALUES (CAST(46279.1 AS decimal(8, 2)), 1689);
SELECT CAST(SQL_VARIANT_PROPERTY(a, 'BaseType') AS varchar(20)) FROM dbo.v1b WHERE b = 1689
=> decimal

--- case: the base type of a sql_variant is numeric where it was declared so
--- doc: https://learn.microsoft.com/sql/t-sql/functions/sql-variant-property-transact-sql
SELECT CAST(SQL_VARIANT_PROPERTY(CAST(46279.1 AS numeric(8, 2)), 'BaseType') AS varchar(20))
=> numeric

--- case: the base type of a sql_variant that comes from a column
--- doc: https://learn.microsoft.com/sql/t-sql/functions/sql-variant-property-transact-sql
--- refused: decimal and numeric are told apart in CAST only
CREATE TABLE dbo.v1c (d decimal(8, 2));
INSERT dbo.v1c VALUES (1.5);
SELECT CAST(SQL_VARIANT_PROPERTY(d, 'BaseType') AS varchar(20)) FROM dbo.v1c
=> decimal

--- case: sql_variant keeps precision and scale
--- doc: https://learn.microsoft.com/sql/t-sql/functions/sql-variant-property-transact-sql
CREATE TABLE dbo.v1 (a sql_variant, b int);
INSERT dbo.v1 VALUES (CAST(46279.1 AS decimal(8, 2)), 1689);
SELECT CAST(SQL_VARIANT_PROPERTY(a, 'Precision') AS int), CAST(SQL_VARIANT_PROPERTY(a, 'Scale') AS int), CAST(a AS decimal(8, 2)) FROM dbo.v1 WHERE b = 1689
=> 8|2|46279.10

--- case: properties of a character sql_variant
--- doc: https://learn.microsoft.com/sql/t-sql/functions/sql-variant-property-transact-sql
DECLARE @v sql_variant = CAST('abc' AS varchar(10));
SELECT CAST(SQL_VARIANT_PROPERTY(@v, 'BaseType') AS varchar(20)), CAST(SQL_VARIANT_PROPERTY(@v, 'MaxLength') AS int), CAST(SQL_VARIANT_PROPERTY(@v, 'Collation') AS varchar(60))
=> varchar|10|SQL_Latin1_General_CP1_CI_AS

--- case: properties of numbers and times in a sql_variant
--- doc: https://learn.microsoft.com/sql/t-sql/functions/sql-variant-property-transact-sql
DECLARE @i sql_variant = 5, @m sql_variant = CAST(1 AS money), @d sql_variant = CAST('2020-01-02' AS datetime);
SELECT CAST(SQL_VARIANT_PROPERTY(@i, 'BaseType') AS varchar(20)), CAST(SQL_VARIANT_PROPERTY(@i, 'Precision') AS int), CAST(SQL_VARIANT_PROPERTY(@i, 'TotalBytes') AS int),
       CAST(SQL_VARIANT_PROPERTY(@m, 'Precision') AS int), CAST(SQL_VARIANT_PROPERTY(@m, 'Scale') AS int), CAST(SQL_VARIANT_PROPERTY(@d, 'Scale') AS int), CAST(SQL_VARIANT_PROPERTY(@d, 'MaxLength') AS int)
=> int|10|6|19|4|3|8

--- case: a property that does not exist is NULL
--- doc: https://learn.microsoft.com/sql/t-sql/functions/sql-variant-property-transact-sql
DECLARE @v sql_variant = 1;
SELECT CAST(SQL_VARIANT_PROPERTY(@v, 'Colour') AS varchar(20)), CAST(SQL_VARIANT_PROPERTY(NULL, 'BaseType') AS varchar(20))
=> NULL|NULL

--- case: a sql_variant converts explicitly only
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/sql-variant-transact-sql
DECLARE @v sql_variant = 1;
DECLARE @i int = @v
=> error 257 level 16: Implicit conversion from data type sql_variant to int is not allowed. Use the CONVERT function to run this query.

--- case: a sql_variant converts to (max) types, which it cannot hold
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#implicit-conversions
DECLARE @t sql_variant = N'text', @b sql_variant = CAST(0x0102 AS varbinary(5));
SELECT CAST(@t AS nvarchar(max)), CONVERT(varchar(max), @t), CAST(@b AS varbinary(max))
=> text|text|0x0102

--- case: a sql_variant is no operand of arithmetic
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/sql-variant-transact-sql
DECLARE @v sql_variant = 1;
SELECT CAST(@v + 1 AS int)
=> error 8117 level 16: Operand data type sql_variant is invalid for add operator.

--- case: sql_variants of one family compare by value
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/sql-variant-transact-sql
DECLARE @a sql_variant = CAST(1 AS int), @b sql_variant = CAST(1.0 AS decimal(5, 1)), @c sql_variant = CAST(2 AS bigint);
SELECT CASE WHEN @a = @b THEN 'equal' ELSE 'different' END, CASE WHEN @a < @c THEN 'less' ELSE 'not less' END
=> equal|less

--- case: sql_variants of different families compare by family
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/sql-variant-transact-sql
CREATE TABLE dbo.v2 (v sql_variant);
INSERT dbo.v2 VALUES (CAST('zzz' AS varchar(10)));
INSERT dbo.v2 VALUES (CAST(1 AS int));
INSERT dbo.v2 VALUES (CAST(0.5 AS float));
INSERT dbo.v2 VALUES (CAST('1900-01-01' AS datetime));
INSERT dbo.v2 VALUES (CAST(0xFF AS varbinary(5)));
SELECT CAST(SQL_VARIANT_PROPERTY(v, 'BaseType') AS varchar(20)) FROM dbo.v2 ORDER BY v
=> varbinary
=> varchar
=> int
=> float
=> datetime

--- case: a text and a number in a sql_variant are never equal
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/sql-variant-transact-sql
DECLARE @a sql_variant = '123', @b sql_variant = 111;
SELECT CASE WHEN @a > @b THEN 'greater' WHEN @a = @b THEN 'equal' ELSE 'less' END
=> less

--- case: sql_variant as a key
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/sql-variant-transact-sql
CREATE TABLE dbo.v3 (v sql_variant PRIMARY KEY);
INSERT dbo.v3 VALUES (1);
INSERT dbo.v3 VALUES ('1');
GO
INSERT dbo.v3 VALUES (CAST(1.00 AS decimal(10, 2)))
=> error 2627 level 14: Violation of PRIMARY KEY constraint *

--- case: sql_variant does not take (max) types
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/sql-variant-transact-sql
DECLARE @m varchar(max) = 'a';
DECLARE @v sql_variant = @m
=> error 206 level 16: Operand type clash: varchar(max) is incompatible with sql_variant

--- case: sql_variant does not take xml
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/sql-variant-transact-sql
DECLARE @m xml = '<a/>';
DECLARE @v sql_variant = @m
=> error 206 level 16: Operand type clash: xml is incompatible with sql_variant

--- case: DATALENGTH of a sql_variant is that of its value
--- doc: https://learn.microsoft.com/sql/t-sql/functions/datalength-transact-sql
DECLARE @a sql_variant = CAST(1 AS int), @b sql_variant = N'abc';
SELECT DATALENGTH(@a), DATALENGTH(@b)
=> 4|6

--- case: sql_variant in a table and NULL
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/sql-variant-transact-sql
CREATE TABLE dbo.v4 (id int, v sql_variant NULL);
INSERT dbo.v4 VALUES (1, NULL), (2, CAST('2020-01-02T03:04:05' AS datetime2(0)));
SELECT id, CONVERT(varchar(30), v, 120) FROM dbo.v4 ORDER BY id
=> 1|NULL
=> 2|2020-01-02 03:04:05

--- case: sql_variant in sys.columns
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-columns-transact-sql
CREATE TABLE dbo.v5 (v sql_variant);
SELECT system_type_id, user_type_id, max_length, precision, scale, collation_name FROM sys.columns WHERE object_id = OBJECT_ID('dbo.v5')
=> 98|98|8016|0|0|NULL

--- case: text, ntext and image hold their values
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/ntext-text-and-image-transact-sql
CREATE TABLE dbo.lob1 (id int PRIMARY KEY, t text, n ntext, i image);
INSERT dbo.lob1 VALUES (1, 'abc', N'žluť', 0x0102), (2, NULL, NULL, NULL), (3, '', N'', 0x);
SELECT id, t, n, DATALENGTH(t), DATALENGTH(n), DATALENGTH(i) FROM dbo.lob1 ORDER BY id
=> 1|abc|žluť|3|8|2
=> 2|NULL|NULL|NULL|NULL|NULL
=> 3|''|''|0|0|0

--- case: text does not compare
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/ntext-text-and-image-transact-sql
CREATE TABLE dbo.lob2 (t text);
SELECT 1 FROM dbo.lob2 WHERE t = 'a'
=> error 402 level 16: The data types text and varchar are incompatible in the equal to operator.

--- case: text does not sort
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
CREATE TABLE dbo.lob3 (t text);
SELECT 1 FROM dbo.lob3 ORDER BY t
=> error 306 level 16: The text, ntext, and image data types cannot be compared or sorted, except when using IS NULL or LIKE operator.

--- case: text does not group
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
CREATE TABLE dbo.lob4 (t ntext);
SELECT COUNT(*) FROM dbo.lob4 GROUP BY t
=> error 306 level 16: The text, ntext, and image data types cannot be compared or sorted, except when using IS NULL or LIKE operator.

--- case: text with LIKE, IS NULL, SUBSTRING, PATINDEX and CONVERT
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/ntext-text-and-image-transact-sql
CREATE TABLE dbo.lob5 (id int, t text);
INSERT dbo.lob5 VALUES (1, 'hello world'), (2, NULL);
SELECT id, SUBSTRING(t, 7, 5), PATINDEX('%wor%', t), CONVERT(varchar(5), t) FROM dbo.lob5 WHERE t LIKE 'hello%';
SELECT id FROM dbo.lob5 WHERE t IS NULL
=> 1|world|7|hello
=> ;
=> 2

--- case: text is no argument of LEN
--- doc: https://learn.microsoft.com/sql/t-sql/functions/len-transact-sql
CREATE TABLE dbo.lob6 (t text);
SELECT LEN(t) FROM dbo.lob6
=> error 8116 level 16: Argument data type text is invalid for argument 1 of len function.

--- case: no local variable is a text
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/ntext-text-and-image-transact-sql
DECLARE @t text
=> error 2739 level 16: The text, ntext, and image data types are invalid for local variables.

--- case: text does not concatenate
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/string-concatenation-transact-sql
CREATE TABLE dbo.lob7 (t text);
SELECT t + 'a' FROM dbo.lob7
=> error 402 level 16: The data types text and varchar are incompatible in the add operator.

--- case: text is not distinct
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
CREATE TABLE dbo.lob8 (t text);
SELECT DISTINCT t FROM dbo.lob8
=> error 421 level 16: The text data type cannot be selected as DISTINCT because it is not comparable.

--- case: text has no maximum
--- doc: https://learn.microsoft.com/sql/t-sql/functions/max-transact-sql
CREATE TABLE dbo.lob9 (t text);
SELECT MAX(t) FROM dbo.lob9
=> error 8117 level 16: Operand data type text is invalid for max operator.

--- case: text is no key
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-index-transact-sql
CREATE TABLE dbo.lob10 (t text);
GO
CREATE INDEX ix ON dbo.lob10 (t)
=> error 1919 level 16: Column 't' in table 'dbo.lob10' is of a type that is invalid for use as a key column in an index.

--- case: text, ntext and image in sys.columns
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-columns-transact-sql
CREATE TABLE dbo.lob11 (t text, n ntext, i image);
SELECT name, system_type_id, max_length, collation_name FROM sys.columns WHERE object_id = OBJECT_ID('dbo.lob11') ORDER BY column_id
=> t|35|16|SQL_Latin1_General_CP1_CI_AS
=> n|99|16|SQL_Latin1_General_CP1_CI_AS
=> i|34|16|NULL

--- case: text does not convert to int
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#implicit-conversions
CREATE TABLE dbo.lob12 (t text);
SELECT CAST(t AS int) FROM dbo.lob12
=> error 529 level 16: Explicit conversion from data type text to int is not allowed.

--- case: a text updated
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/ntext-text-and-image-transact-sql
CREATE TABLE dbo.lob13 (id int PRIMARY KEY, t text);
INSERT dbo.lob13 VALUES (1, 'a');
UPDATE dbo.lob13 SET t = REPLICATE(CAST('x' AS varchar(max)), 100000) WHERE id = 1;
SELECT DATALENGTH(t) FROM dbo.lob13
=> 100000

--- case: text pointers
--- doc: https://learn.microsoft.com/sql/t-sql/functions/text-and-image-functions-textptr-transact-sql
--- refused: text pointers
CREATE TABLE dbo.lob14 (t text);
INSERT dbo.lob14 VALUES ('a');
SELECT DATALENGTH(TEXTPTR(t)) FROM dbo.lob14
=> 16

--- case: uniqueidentifier compares by its last group first
--- doc: https://learn.microsoft.com/sql/connect/ado-net/sql/compare-guid-uniqueidentifier-values
CREATE TABLE dbo.u1 (id int, g uniqueidentifier);
INSERT dbo.u1 VALUES (1, '3AAAAAAA-BBBB-CCCC-DDDD-2EEEEEEEEEEE'), (2, '2AAAAAAA-BBBB-CCCC-DDDD-1EEEEEEEEEEE'), (3, '1AAAAAAA-BBBB-CCCC-DDDD-3EEEEEEEEEEE');
SELECT id FROM dbo.u1 ORDER BY g
=> 2
=> 1
=> 3

--- case: a text that is no uniqueidentifier
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/uniqueidentifier-transact-sql
SELECT CAST('not a guid' AS uniqueidentifier)
=> error 8169 level 16: Conversion failed when converting from a character string to uniqueidentifier.

--- case: what is past the 36th character of a uniqueidentifier does not count
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/uniqueidentifier-transact-sql
DECLARE @ID nvarchar(max) = N'0E984725-C51C-4BF4-9960-E1C80E27ABA0wrong';
SELECT CONVERT(uniqueidentifier, @ID)
=> 0E984725-C51C-4BF4-9960-E1C80E27ABA0

--- case: a uniqueidentifier as text is 36 characters in upper case
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/uniqueidentifier-transact-sql
DECLARE @g uniqueidentifier = '6f9619ff-8b86-d011-b42d-00c04fc964ff';
SELECT CAST(@g AS char(36)), LEN(@g)
=> 6F9619FF-8B86-D011-B42D-00C04FC964FF|36

--- case: too little room for a uniqueidentifier
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/uniqueidentifier-transact-sql
DECLARE @g uniqueidentifier = NEWID();
SELECT CONVERT(char(10), @g)
=> error 8170 level 16: Insufficient result space to convert uniqueidentifier value to char.

--- case: bytes of a uniqueidentifier
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/uniqueidentifier-transact-sql
SELECT CAST(CAST('6F9619FF-8B86-D011-B42D-00C04FC964FF' AS uniqueidentifier) AS binary(16))
=> 0xFF19966F868B11D0B42D00C04FC964FF

--- case: a uniqueidentifier does not convert to int
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#implicit-conversions
DECLARE @g uniqueidentifier = NEWID();
SELECT CAST(@g AS int)
=> error 529 level 16: Explicit conversion from data type uniqueidentifier to int is not allowed.

--- case: bit takes TRUE and FALSE
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/bit-transact-sql
SELECT CAST('TRUE' AS bit), CAST('false' AS bit), CAST('tRuE' AS bit)
=> 1|0|1

--- case: any number but zero is bit 1
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/bit-transact-sql
SELECT CAST(-5 AS bit), CAST(0.4 AS bit), CAST(0 AS bit), CAST(0x00 AS bit), CAST(NULL AS bit)
=> 1|1|0|0|NULL

--- case: another word is no bit
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/bit-transact-sql
SELECT CAST('yes' AS bit)
=> error 245 level 16: Conversion failed when converting the varchar value 'yes' to data type bit.

--- case: bits do not add
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/add-transact-sql
SELECT CAST(1 AS bit) + CAST(1 AS bit)
=> error 8117 level 16: Operand data type bit is invalid for add operator.

--- case: a bit beside an int adds as an int
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/data-type-precedence-transact-sql
SELECT CAST(1 AS bit) + 1, ~CAST(1 AS bit)
=> 2|0

--- case: SERVERPROPERTY is a sql_variant
--- doc: https://learn.microsoft.com/sql/t-sql/functions/serverproperty-transact-sql
SELECT CAST(SQL_VARIANT_PROPERTY(SERVERPROPERTY('EngineEdition'), 'BaseType') AS varchar(20)), CAST(SQL_VARIANT_PROPERTY(SERVERPROPERTY('ProductVersion'), 'BaseType') AS varchar(20)), CAST(SERVERPROPERTY('NoSuchProperty') AS varchar(20))
=> int|nvarchar|NULL

--- case: sys.identity_columns shows values of the column's type
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-identity-columns-transact-sql
CREATE TABLE dbo.v6 (id smallint IDENTITY(3, 4));
SELECT CAST(SQL_VARIANT_PROPERTY(seed_value, 'BaseType') AS varchar(20)), CAST(seed_value AS int), CAST(last_value AS int) FROM sys.identity_columns WHERE object_id = OBJECT_ID('dbo.v6')
=> smallint|3|NULL

--- case: change data capture of rowversion, text, xml and sql_variant
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
--- database: own
CREATE TABLE dbo.ct1 (id int PRIMARY KEY, rv rowversion, t text, x xml, v sql_variant, s int SPARSE NULL);
EXEC sys.sp_cdc_enable_db;
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'ct1', @role_name = NULL;
INSERT dbo.ct1 (id, t, x, v) VALUES (1, 'abc', '<a></a>', CAST(5 AS int));
UPDATE dbo.ct1 SET s = 7 WHERE id = 1;
DELETE dbo.ct1 WHERE id = 1
--- session a until
SELECT __$operation, DATALENGTH(rv), CAST(t AS varchar(10)), CAST(x AS varchar(10)), CAST(v AS int), s FROM cdc.dbo_ct1_CT ORDER BY __$start_lsn, __$seqval, __$operation
=> 2|8|abc|<a/>|5|NULL
=> 3|8|NULL|NULL|5|NULL
=> 4|8|NULL|NULL|5|7
=> 1|8|NULL|<a/>|5|7
SELECT c.name, TYPE_NAME(c.system_type_id), c.max_length FROM sys.columns c WHERE c.object_id = OBJECT_ID('cdc.dbo_ct1_CT') AND c.name IN ('rv', 't', 'x', 'v') ORDER BY c.column_id
=> rv|binary|8
=> t|text|16
=> x|xml|-1
=> v|sql_variant|8016
