SELECT colid = c.column_id,
       c.name,
       tds_collation = CASE WHEN c.collation_name IS NOT NULL THEN CAST(0x0904D00034 AS binary(5)) END,
       collation = c.collation_name
FROM sys.all_columns c
WHERE c.object_id = OBJECT_ID(@object)
ORDER BY c.column_id
