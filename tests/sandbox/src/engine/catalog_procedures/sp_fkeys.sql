SELECT PKTABLE_QUALIFIER = CAST(DB_NAME() AS nvarchar(128)), PKTABLE_OWNER = CAST(ps.name AS nvarchar(128)), PKTABLE_NAME = CAST(p.name AS nvarchar(128)),
       PKCOLUMN_NAME = CAST(pc.name AS nvarchar(128)), FKTABLE_QUALIFIER = CAST(DB_NAME() AS nvarchar(128)), FKTABLE_OWNER = CAST(fs.name AS nvarchar(128)),
       FKTABLE_NAME = CAST(f.name AS nvarchar(128)), FKCOLUMN_NAME = CAST(fc.name AS nvarchar(128)), KEY_SEQ = CAST(kc.constraint_column_id AS smallint),
       UPDATE_RULE = CAST(CASE k.update_referential_action WHEN 0 THEN 1 WHEN 1 THEN 0 ELSE k.update_referential_action END AS smallint),
       DELETE_RULE = CAST(CASE k.delete_referential_action WHEN 0 THEN 1 WHEN 1 THEN 0 ELSE k.delete_referential_action END AS smallint),
       FK_NAME = CAST(k.name AS nvarchar(128)), PK_NAME = CAST(i.name AS nvarchar(128)), DEFERRABILITY = CAST(7 AS smallint)
FROM sys.foreign_keys k
JOIN sys.foreign_key_columns kc ON kc.constraint_object_id = k.object_id
JOIN sys.tables p ON p.object_id = k.referenced_object_id
JOIN sys.schemas ps ON ps.schema_id = p.schema_id
JOIN sys.columns pc ON pc.object_id = p.object_id AND pc.column_id = kc.referenced_column_id
JOIN sys.tables f ON f.object_id = k.parent_object_id
JOIN sys.schemas fs ON fs.schema_id = f.schema_id
JOIN sys.columns fc ON fc.object_id = f.object_id AND fc.column_id = kc.parent_column_id
JOIN sys.indexes i ON i.object_id = p.object_id AND i.index_id = k.key_index_id
WHERE (@pktable_name IS NULL OR p.object_id = OBJECT_ID(COALESCE(QUOTENAME(@pktable_owner) + N'.', N'') + QUOTENAME(@pktable_name)))
  AND (@fktable_name IS NULL OR f.object_id = OBJECT_ID(COALESCE(QUOTENAME(@fktable_owner) + N'.', N'') + QUOTENAME(@fktable_name)))
ORDER BY FKTABLE_QUALIFIER, FKTABLE_OWNER, FKTABLE_NAME, KEY_SEQ
