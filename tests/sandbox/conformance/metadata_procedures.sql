-- What clients ask before they run a statement: FMTONLY, sp_describe_…, catalog procedures
--- setup
CREATE TABLE dbo.meta_parent (id int NOT NULL CONSTRAINT pk_meta_parent PRIMARY KEY, name nvarchar(20) NULL);
CREATE TABLE dbo.meta_child (a int NOT NULL, b date NOT NULL, parent int NULL CONSTRAINT fk_meta_child REFERENCES dbo.meta_parent (id) ON DELETE CASCADE, price decimal(9, 2) NULL, CONSTRAINT pk_meta_child PRIMARY KEY (b, a));
INSERT dbo.meta_parent VALUES (1, N'one');

--- case: FMTONLY answers a query with its columns and no rows
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-fmtonly-transact-sql
SET FMTONLY ON;
SELECT id, name FROM dbo.meta_parent;
SET FMTONLY OFF;
SELECT id, name FROM dbo.meta_parent;
=> (none)
=> ;
=> 1|one

--- case: an error of compilation is one under FMTONLY too
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-fmtonly-transact-sql
SET FMTONLY ON;
SELECT missing FROM dbo.meta_parent;
=> error 207

--- case: the primary key's columns come in the order of the key
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-pkeys-transact-sql
CREATE TABLE #keys (q sysname, o sysname, t sysname, c sysname, seq smallint, pk sysname);
INSERT #keys EXEC sp_pkeys @table_name = N'meta_child';
SELECT o, t, c, seq, pk FROM #keys ORDER BY seq;
=> dbo|meta_child|b|1|pk_meta_child
=> dbo|meta_child|a|2|pk_meta_child

--- case: a foreign key with its rules: 0 is CASCADE, 1 NO ACTION
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-fkeys-transact-sql
CREATE TABLE #keys (pq sysname, po sysname, pt sysname, pc sysname, fq sysname, fo sysname, ft sysname, fc sysname, seq smallint, on_update smallint, on_delete smallint, fk sysname, pk sysname, deferrability smallint);
INSERT #keys EXEC sp_fkeys @pktable_name = N'meta_parent';
SELECT po, pt, pc, fo, ft, fc, seq, on_update, on_delete, fk, pk FROM #keys;
=> dbo|meta_parent|id|dbo|meta_child|parent|1|1|0|fk_meta_child|pk_meta_parent

--- case: tables by pattern
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-tables-transact-sql
CREATE TABLE #found (q sysname NULL, o sysname NULL, t sysname NULL, kind varchar(32) NULL, remarks varchar(254) NULL);
INSERT #found EXEC sp_tables @table_name = N'meta%', @table_owner = N'dbo', @table_type = N'''TABLE''';
SELECT o, t, kind, remarks FROM #found ORDER BY t;
=> dbo|meta_child|TABLE|NULL
=> dbo|meta_parent|TABLE|NULL

--- case: another database's tables are not asked for here
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-15000-to-15999
EXEC sp_pkeys @table_name = N'meta_child', @table_qualifier = N'elsewhere';
=> error 15250 level 16: The database name component of the object qualifier must be the name of the current database.

--- case: undeclared parameters have the types of the columns they go into
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-describe-undeclared-parameters-transact-sql
CREATE TABLE #described (ordinal int, name sysname, type_id int, type_name nvarchar(256), max_length smallint, precision tinyint, scale tinyint, user_type_id int, user_type_database sysname NULL, user_type_schema sysname NULL, user_type_name sysname NULL, assembly nvarchar(4000), xml_id int, xml_database sysname NULL, xml_schema sysname NULL, xml_name sysname NULL, is_xml bit, is_case_sensitive bit, is_fixed_clr bit, is_input bit, is_output bit, formal sysname NULL, tds_type_id int, tds_length int);
INSERT #described EXEC sp_describe_undeclared_parameters @tsql = N'UPDATE dbo.meta_child SET price = @price, parent = @parent WHERE b = @b';
SELECT ordinal, name, type_name, max_length, precision, scale, is_input, is_output FROM #described ORDER BY ordinal;
=> 1|@price|decimal(9,2)|5|9|2|1|0
=> 2|@parent|int|4|10|0|1|0
=> 3|@b|date|3|10|0|1|0

--- case: a SELECT that adds to its variable goes over the rows in their order
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/select-local-variable-transact-sql
DECLARE @names nvarchar(max);
SELECT @names = COALESCE(@names + N', ', N'') + QUOTENAME(name) FROM sys.all_columns WHERE object_id = OBJECT_ID('dbo.meta_child') ORDER BY column_id;
SELECT @names;
=> [a], [b], [parent], [price]
