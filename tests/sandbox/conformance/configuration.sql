-- Server configuration: max text repl size and what it does to captured tables
--- case: a large value beyond the configured size cannot be written once its table is captured
--- doc: https://learn.microsoft.com/sql/database-engine/configure-windows/configure-the-max-text-repl-size-server-configuration-option
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-7000-to-7999
--- database: own
EXEC sp_configure N'max text repl size (B)', 65536;
RECONFIGURE;
EXEC sys.sp_cdc_enable_db;
CREATE TABLE dbo.large (id int NOT NULL PRIMARY KEY, v varchar(max) NULL, n nvarchar(max) NULL, b varbinary(max) NULL, s varchar(8000) NULL);
INSERT dbo.large (id, v) VALUES (1, REPLICATE(CAST('x' AS varchar(max)), 65537));
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'large', @role_name = NULL;
GO
INSERT dbo.large (id, v) VALUES (2, REPLICATE(CAST('x' AS varchar(max)), 65537));
=> error 7139 level 16: Length of LOB data (65537) to be replicated exceeds configured maximum 65536. Use the stored procedure sp_configure *
INSERT dbo.large (id, v) VALUES (3, REPLICATE(CAST('x' AS varchar(max)), 65536));
SELECT id, DATALENGTH(v) FROM dbo.large ORDER BY id
=> 1|65537
=> 3|65536
UPDATE dbo.large SET n = REPLICATE(CAST(N'x' AS nvarchar(max)), 32769) WHERE id = 3;
=> error 7139: Length of LOB data (65538) *
UPDATE dbo.large SET b = CAST(REPLICATE(CAST('x' AS varchar(max)), 65537) AS varbinary(max)) WHERE id = 3;
=> error 7139: Length of LOB data (65537) *
-- A large value that an update does not touch is not written again.
UPDATE dbo.large SET s = 'y' WHERE id = 1;
SELECT s, DATALENGTH(v) FROM dbo.large WHERE id = 1
=> y|65537

--- case: another size is in force after RECONFIGURE, and no limit is -1
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-configure-transact-sql
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/reconfigure-transact-sql
--- database: own
EXEC sp_configure N'max text repl size (B)', 65536;
RECONFIGURE;
EXEC sys.sp_cdc_enable_db;
CREATE TABLE dbo.large (id int NOT NULL PRIMARY KEY, v varchar(max) NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'large', @role_name = NULL;
EXEC sp_configure N'max text repl size (B)', -1;
GO
INSERT dbo.large VALUES (1, REPLICATE(CAST('x' AS varchar(max)), 70000));
=> error 7139
EXEC sp_configure N'max text repl size (B)'
=> max text repl size (B)|-1|2147483647|-1|65536
RECONFIGURE
INSERT dbo.large VALUES (1, REPLICATE(CAST('x' AS varchar(max)), 70000));
EXEC sp_configure N'max text repl'
=> max text repl size (B)|-1|2147483647|-1|-1
EXEC sp_configure N'max text repl size (B)', 65536;
RECONFIGURE WITH OVERRIDE;
GO
EXEC sp_configure N'max text repl size (B)', -2
=> error 15129 level 16: '-2' is not a valid value for configuration option 'max text repl size (B)'.

--- case: only who may alter settings changes them
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-configure-transact-sql
CREATE LOGIN [{login}] WITH PASSWORD = '{password}';
CREATE USER [{login}] FOR LOGIN [{login}];
GO
--- session r login
EXEC sp_configure N'max text repl size (B)', -1
=> error 15247 level 16: User does not have permission to perform this action.
RECONFIGURE
=> error 5812 level 14
