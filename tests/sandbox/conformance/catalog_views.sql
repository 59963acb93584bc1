-- Catalog views and functions about objects
--- case: sys.tables
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-tables-transact-sql
CREATE TABLE dbo.v1 (id int PRIMARY KEY);
SELECT name, SCHEMA_NAME(schema_id), CAST(type AS varchar(2)) + '.', type_desc, is_ms_shipped, is_tracked_by_cdc, max_column_id_used FROM sys.tables WHERE name = 'v1'
=> v1|dbo|U .|USER_TABLE|0|0|1

--- case: sys.columns
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-columns-transact-sql
CREATE TABLE dbo.v2 (a int IDENTITY NOT NULL, b nvarchar(20) NULL, c decimal(9, 3) NOT NULL, d varchar(max), f datetime2(3));
SELECT name, TYPE_NAME(system_type_id), max_length, precision, scale, is_nullable, is_identity, is_computed FROM sys.columns WHERE object_id = OBJECT_ID('dbo.v2') ORDER BY column_id
=> a|int|4|10|0|0|1|0
=> b|nvarchar|40|0|0|1|0|0
=> c|decimal|5|9|3|0|0|0
=> d|varchar|-1|0|0|1|0|0
=> f|datetime2|7|23|3|1|0|0

--- case: sys.identity_columns
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-identity-columns-transact-sql
CREATE TABLE dbo.v3 (id int IDENTITY(3, 4), v int);
INSERT dbo.v3 (v) VALUES (1), (2);
SELECT CAST(seed_value AS int), CAST(increment_value AS int), CAST(last_value AS int) FROM sys.identity_columns WHERE object_id = OBJECT_ID('dbo.v3')
=> 3|4|7

--- case: sys.computed_columns
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-computed-columns-transact-sql
CREATE TABLE dbo.v4 (a int, b AS a PERSISTED, c AS a);
SELECT name, is_persisted FROM sys.computed_columns WHERE object_id = OBJECT_ID('dbo.v4') ORDER BY column_id
=> b|1
=> c|0

--- case: rows of a table
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-partitions-transact-sql
CREATE TABLE dbo.v5 (id int PRIMARY KEY);
INSERT dbo.v5 VALUES (1), (2), (3);
SELECT SUM(rows) FROM sys.partitions WHERE object_id = OBJECT_ID('dbo.v5') AND index_id IN (0, 1);
SELECT SUM(row_count) FROM sys.dm_db_partition_stats WHERE object_id = OBJECT_ID('dbo.v5') AND index_id IN (0, 1)
=> 3
=> ;
=> 3

--- case: sys.key_constraints
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-key-constraints-transact-sql
CREATE TABLE dbo.v6 (id int CONSTRAINT pk_v6 PRIMARY KEY, v int CONSTRAINT uq_v6 UNIQUE);
SELECT name, CAST(type AS char(2)), type_desc, unique_index_id FROM sys.key_constraints WHERE parent_object_id = OBJECT_ID('dbo.v6') ORDER BY name
=> pk_v6|PK|PRIMARY_KEY_CONSTRAINT|1
=> uq_v6|UQ|UNIQUE_CONSTRAINT|2

--- case: names that are made up
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/create-primary-keys
CREATE TABLE dbo.v7 (id int PRIMARY KEY, v int DEFAULT 1, w int CHECK (w > 0), x int UNIQUE);
SELECT CASE WHEN name LIKE 'PK[_][_]v7[_][_]%' THEN 'PK' WHEN name LIKE 'DF[_][_]v7[_][_]v[_][_]%' THEN 'DF' WHEN name LIKE 'CK[_][_]v7[_][_]w[_][_]%' THEN 'CK' WHEN name LIKE 'UQ[_][_]v7[_][_]%' THEN 'UQ' ELSE name END AS n FROM sys.objects WHERE parent_object_id = OBJECT_ID('dbo.v7') ORDER BY n
=> CK
=> DF
=> PK
=> UQ

--- case: OBJECT_ID with a type
--- doc: https://learn.microsoft.com/sql/t-sql/functions/object-id-transact-sql
CREATE TABLE dbo.v8 (id int CONSTRAINT pk_v8 PRIMARY KEY);
SELECT CASE WHEN OBJECT_ID('dbo.v8', 'U') = OBJECT_ID('[dbo].[v8]') THEN 1 END, OBJECT_ID('dbo.v8', 'V'), CASE WHEN OBJECT_ID('dbo.pk_v8', 'PK') IS NOT NULL THEN 1 END, OBJECT_ID('nothing')
=> 1|NULL|1|NULL

--- case: OBJECT_NAME and OBJECT_SCHEMA_NAME
--- doc: https://learn.microsoft.com/sql/t-sql/functions/object-name-transact-sql
CREATE TABLE dbo.v9 (id int);
SELECT OBJECT_NAME(OBJECT_ID('dbo.v9')), OBJECT_SCHEMA_NAME(OBJECT_ID('dbo.v9')), OBJECT_NAME(-1)
=> v9|dbo|NULL

--- case: OBJECTPROPERTY
--- doc: https://learn.microsoft.com/sql/t-sql/functions/objectproperty-transact-sql
CREATE TABLE dbo.v10 (id int IDENTITY CONSTRAINT pk_v10 PRIMARY KEY, v int DEFAULT 1);
SELECT OBJECTPROPERTY(OBJECT_ID('dbo.v10'), 'IsTable'), OBJECTPROPERTY(OBJECT_ID('dbo.v10'), 'IsView'), OBJECTPROPERTY(OBJECT_ID('dbo.v10'), 'TableHasPrimaryKey'), OBJECTPROPERTY(OBJECT_ID('dbo.v10'), 'TableHasIdentity'), OBJECTPROPERTY(OBJECT_ID('dbo.v10'), 'TableHasForeignKey'), OBJECTPROPERTY(OBJECT_ID('dbo.pk_v10'), 'IsPrimaryKey'), OBJECTPROPERTY(OBJECT_ID('dbo.v10'), 'Nonsense'), OBJECTPROPERTY(-5, 'IsTable')
=> 1|0|1|1|0|1|NULL|NULL

--- case: COLUMNPROPERTY, COL_NAME and COL_LENGTH
--- doc: https://learn.microsoft.com/sql/t-sql/functions/columnproperty-transact-sql
CREATE TABLE dbo.v11 (id int IDENTITY NOT NULL, v nvarchar(20) NULL, w AS 1);
SELECT COLUMNPROPERTY(OBJECT_ID('dbo.v11'), 'id', 'IsIdentity'), COLUMNPROPERTY(OBJECT_ID('dbo.v11'), 'v', 'AllowsNull'), COLUMNPROPERTY(OBJECT_ID('dbo.v11'), 'w', 'IsComputed'), COLUMNPROPERTY(OBJECT_ID('dbo.v11'), 'v', 'ColumnId'), COL_NAME(OBJECT_ID('dbo.v11'), 2), COL_LENGTH('dbo.v11', 'v'), COL_LENGTH('dbo.v11', 'nothing')
=> 1|1|1|2|v|40|NULL

--- case: names of types
--- doc: https://learn.microsoft.com/sql/t-sql/functions/type-name-transact-sql
SELECT TYPE_NAME(56), TYPE_ID('nvarchar'), TYPE_NAME(99999), TYPE_ID('nothing')
=> int|231|NULL|NULL

--- case: schemas by name and id
--- doc: https://learn.microsoft.com/sql/t-sql/functions/schema-id-transact-sql
SELECT SCHEMA_ID('dbo'), SCHEMA_NAME(1), SCHEMA_ID('nothing'), SCHEMA_NAME(4)
=> 1|dbo|NULL|sys

--- case: databases by name and id
--- doc: https://learn.microsoft.com/sql/t-sql/functions/db-id-transact-sql
SELECT DB_ID('master'), DB_NAME(1), DB_ID('nothing'), CASE WHEN DB_NAME(DB_ID()) = DB_NAME() THEN 1 END
=> 1|master|NULL|1

--- case: a view that does not exist
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
SELECT * FROM sys.no_such_view
=> error 208 level 16: Invalid object name 'sys.no_such_view'.
