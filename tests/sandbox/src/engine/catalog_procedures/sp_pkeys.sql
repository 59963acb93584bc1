SELECT TABLE_QUALIFIER = CAST(DB_NAME() AS nvarchar(128)), TABLE_OWNER = CAST(s.name AS nvarchar(128)), TABLE_NAME = CAST(t.name AS nvarchar(128)),
       COLUMN_NAME = CAST(c.name AS nvarchar(128)), KEY_SEQ = CAST(ic.key_ordinal AS smallint), PK_NAME = CAST(k.name AS nvarchar(128))
FROM sys.key_constraints k
JOIN sys.tables t ON t.object_id = k.parent_object_id
JOIN sys.schemas s ON s.schema_id = t.schema_id
JOIN sys.index_columns ic ON ic.object_id = k.parent_object_id AND ic.index_id = k.unique_index_id
JOIN sys.columns c ON c.object_id = ic.object_id AND c.column_id = ic.column_id
WHERE k.type = 'PK' AND t.object_id = OBJECT_ID(COALESCE(QUOTENAME(@table_owner) + N'.', N'') + QUOTENAME(@table_name))
ORDER BY TABLE_QUALIFIER, TABLE_OWNER, TABLE_NAME, KEY_SEQ
