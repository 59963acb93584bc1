-- hierarchyid, geometry, geography and json
--- case: hierarchyid keeps its bytes and compares in depth-first order
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/hierarchyid-data-type-method-reference
CREATE TABLE tree (id int NOT NULL PRIMARY KEY, h hierarchyid NULL);
INSERT tree VALUES (1, CAST(0x58 AS hierarchyid)), (2, CONVERT(hierarchyid, 0x5AC0)), (3, CAST(0x AS hierarchyid)), (4, NULL), (5, CAST(0x68 AS hierarchyid));
SELECT id, CAST(h AS varbinary(892)), DATALENGTH(h) FROM tree ORDER BY h, id;
SELECT id FROM tree WHERE h = CAST(0x58 AS hierarchyid) OR h IS NULL ORDER BY id;
SELECT a.id, b.id FROM tree a JOIN tree b ON b.h > a.h WHERE a.id = 2
=> 4|NULL|NULL
=> 3|0x|0
=> 1|0x58|1
=> 2|0x5AC0|2
=> 5|0x68|1
=> ;
=> 1
=> 4
=> ;
=> 2|5

--- case: hierarchyid as a key
--- doc: https://learn.microsoft.com/sql/relational-databases/hierarchical-data-sql-server
CREATE TABLE nodes (h hierarchyid NOT NULL PRIMARY KEY, v int);
INSERT nodes VALUES (CAST(0x58 AS hierarchyid), 1), (CAST(0x68 AS hierarchyid), 2);
UPDATE nodes SET v = 3 WHERE h = CAST(0x68 AS hierarchyid);
SELECT CAST(h AS varbinary(10)), v FROM nodes ORDER BY h
=> 0x58|1
=> 0x68|3
INSERT nodes VALUES (CAST(0x58 AS hierarchyid), 4)
=> error 2627

--- case: shapes keep their bytes
--- doc: https://learn.microsoft.com/sql/relational-databases/spatial/spatial-data-types-overview
CREATE TABLE places (id int NOT NULL PRIMARY KEY, g geography NULL, m geometry NULL);
INSERT places VALUES (1, CAST(0xE6100000010C00000000000000000000000000000000 AS geography), CAST(0x00000000010C000000000000F03F0000000000000040 AS geometry)), (2, NULL, NULL);
UPDATE places SET m = CAST(0x000000000104000000000000000001000000FFFFFFFFFFFFFFFF07 AS geometry) WHERE id = 2;
DECLARE @g geography = (SELECT g FROM places WHERE id = 1);
SELECT id, CAST(g AS varbinary(max)), CAST(m AS varbinary(max)), CAST(@g AS varbinary(4)) FROM places ORDER BY id
=> 1|0xE6100000010C00000000000000000000000000000000|0x00000000010C000000000000F03F0000000000000040|0xE6100000
=> 2|NULL|0x000000000104000000000000000001000000FFFFFFFFFFFFFFFF07|0xE6100000

--- case: shapes cannot be compared
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
CREATE TABLE shapes (g geometry);
SELECT 1 FROM shapes WHERE g = g
=> error 403 level 16: Invalid operator for data type. Operator equals equal to, type equals geometry.

--- case: shapes and documents are no keys of an index
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-1000-to-1999
CREATE TABLE unkeyed (id int, j json);
CREATE INDEX i ON unkeyed (j)
=> error 1919

--- case: one type of shape is not the other
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql
DECLARE @g geometry;
SELECT CAST(@g AS geography)
=> error 529

--- case: types in the catalog
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-types-transact-sql
CREATE TABLE cataloged (h hierarchyid, m geometry, g geography, j json);
SELECT c.name, t.name, c.system_type_id, c.user_type_id, c.max_length, t.is_assembly_type, t.is_user_defined FROM sys.columns c
  JOIN sys.types t ON t.user_type_id = c.user_type_id WHERE c.object_id = OBJECT_ID('cataloged') ORDER BY c.column_id;
SELECT DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 'cataloged' ORDER BY ORDINAL_POSITION
=> h|hierarchyid|240|128|892|1|0
=> m|geometry|240|129|-1|1|0
=> g|geography|240|130|-1|1|0
=> j|json|244|244|-1|0|0
=> ;
=> hierarchyid
=> geometry
=> geography
=> json

--- case: json is checked, and text again by CAST only
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/json-data-type
CREATE TABLE docs (id int NOT NULL PRIMARY KEY, j json NOT NULL DEFAULT '{}');
INSERT docs VALUES (1, N'{"a":[1,2],"b":"é"}'), (2, '[]');
INSERT docs (id) VALUES (3);
DECLARE @j json = N'{"c":null}';
INSERT docs VALUES (4, @j);
SELECT id, CAST(j AS nvarchar(max)), CONVERT(varchar(5), j) FROM docs ORDER BY id
=> 1|{"a":[1,2],"b":"é"}|{"a":
=> 2|[]|[]
=> 3|{}|{}
=> 4|{"c":null}|{"c":
INSERT docs VALUES (5, '{"a"}')
=> error 13609
DECLARE @t nvarchar(max) = (SELECT j FROM docs WHERE id = 1)
=> error 257

--- case: what json does not become
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/json-data-type#conversion
CREATE TABLE notjson (j json);
SELECT CAST(j AS varbinary(max)) FROM notjson
=> error 529
SELECT CAST(j AS sql_variant) FROM notjson
=> error 529

--- case: text becomes json by ALTER COLUMN
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/json-data-type#conversion
CREATE TABLE turned (id int, j nvarchar(max));
INSERT turned VALUES (1, N'{"a": 1}');
ALTER TABLE turned ALTER COLUMN j json;
SELECT CAST(j AS nvarchar(max)) FROM turned
=> {"a":1}

--- case: change data capture of these types
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
--- database: own
EXEC sys.sp_cdc_enable_db;
CREATE TABLE dbo.captured (id int NOT NULL PRIMARY KEY, h hierarchyid, g geography, j json);
EXEC sys.sp_cdc_enable_table @source_schema = 'dbo', @source_name = 'captured', @role_name = NULL;
EXEC sys.sp_cdc_drop_job @job_type = N'capture';
GO
INSERT dbo.captured VALUES (1, CAST(0x58 AS hierarchyid), CAST(0xE6100000010C00000000000000000000000000000000 AS geography), '{"a":1}')
GO
UPDATE dbo.captured SET h = CAST(0x68 AS hierarchyid), j = '{"a":2}' WHERE id = 1
GO
DELETE dbo.captured
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT __$operation, CAST(h AS varbinary(10)), CAST(j AS nvarchar(20)), __$update_mask FROM cdc.dbo_captured_CT
 WHERE __$operation IN (1, 2, 4) ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation;
SELECT CAST(g AS varbinary(4)) FROM cdc.dbo_captured_CT WHERE __$operation IN (1, 2);
SELECT column_name, column_type FROM cdc.captured_columns ORDER BY column_ordinal
=> 2|0x58|{"a":1}|0x0F
=> 4|0x68|{"a":2}|0x0A
=> 1|0x68|{"a":2}|0x0F
=> ;
=> 0xE6100000
=> 0xE6100000
=> ;
=> id|int
=> h|hierarchyid
=> g|geography
=> j|json

--- case: methods of hierarchyid
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/hierarchyid-data-type-method-reference
--- refused: methods
CREATE TABLE pathed (h hierarchyid);
INSERT pathed VALUES (CAST(0x58 AS hierarchyid));
SELECT p.h.ToString() FROM pathed p
=> /1/

--- case: properties of geography
--- doc: https://learn.microsoft.com/sql/t-sql/spatial-geography/lat-geography-data-type
--- refused: methods and properties
CREATE TABLE located (g geography);
INSERT located VALUES (CAST(0xE6100000010C00000000000000000000000000000000 AS geography));
SELECT g.Lat FROM located
=> 0

--- case: a path as text
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/hierarchyid-data-type-method-reference
--- refused: conversion between hierarchyid and text
SELECT CAST(CAST('/1/' AS hierarchyid) AS varbinary(10))
=> 0x58
