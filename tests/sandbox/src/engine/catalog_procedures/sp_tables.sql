IF @table_qualifier = N'%' AND @table_owner = N'' AND @table_name = N''
    SELECT TABLE_QUALIFIER = CAST(name AS nvarchar(128)), TABLE_OWNER = CAST(NULL AS nvarchar(128)), TABLE_NAME = CAST(NULL AS nvarchar(128)),
           TABLE_TYPE = CAST(NULL AS varchar(32)), REMARKS = CAST(NULL AS varchar(254))
    FROM sys.databases
    ORDER BY TABLE_QUALIFIER
ELSE IF @table_qualifier = N'' AND @table_owner = N'%' AND @table_name = N''
    SELECT TABLE_QUALIFIER = CAST(NULL AS nvarchar(128)), TABLE_OWNER = CAST(name AS nvarchar(128)), TABLE_NAME = CAST(NULL AS nvarchar(128)),
           TABLE_TYPE = CAST(NULL AS varchar(32)), REMARKS = CAST(NULL AS varchar(254))
    FROM sys.schemas
    ORDER BY TABLE_OWNER
ELSE IF @table_qualifier = N'' AND @table_owner = N'' AND @table_name = N'' AND @table_type = '%'
    SELECT TABLE_QUALIFIER = CAST(NULL AS nvarchar(128)), TABLE_OWNER = CAST(NULL AS nvarchar(128)), TABLE_NAME = CAST(NULL AS nvarchar(128)),
           TABLE_TYPE = CAST(kind AS varchar(32)), REMARKS = CAST(NULL AS varchar(254))
    FROM (VALUES ('SYSTEM TABLE'), ('TABLE'), ('VIEW')) kinds(kind)
    ORDER BY TABLE_TYPE
ELSE
    SELECT TABLE_QUALIFIER = CAST(DB_NAME() AS nvarchar(128)), TABLE_OWNER = CAST(s.name AS nvarchar(128)), TABLE_NAME = CAST(o.name AS nvarchar(128)),
           TABLE_TYPE = CAST(CASE o.type WHEN 'U' THEN 'TABLE' ELSE 'VIEW' END AS varchar(32)), REMARKS = CAST(NULL AS varchar(254))
    FROM sys.all_objects o JOIN sys.schemas s ON s.schema_id = o.schema_id
    WHERE o.type IN ('U', 'V')
      AND (@table_name IS NULL OR @fUsePattern = 1 AND o.name LIKE @table_name OR o.name = @table_name)
      AND (@table_owner IS NULL OR @fUsePattern = 1 AND s.name LIKE @table_owner OR s.name = @table_owner)
      AND (@table_type IS NULL OR CHARINDEX('''' + CASE o.type WHEN 'U' THEN 'TABLE' ELSE 'VIEW' END + '''', @table_type) > 0)
    ORDER BY TABLE_TYPE, TABLE_QUALIFIER, TABLE_OWNER, TABLE_NAME
