-- Databases of other code pages than 1252
--- case: char and varchar hold the characters of the database's code page
--- doc: https://learn.microsoft.com/sql/relational-databases/collations/collation-and-unicode-support
CREATE DATABASE [{db}_ru] COLLATE Cyrillic_General_CI_AS
GO
USE [{db}_ru];
CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY, v varchar(10), c char(3), n nvarchar(10))
GO
INSERT dbo.t VALUES (1, 'Жук', 'ёж', N'Жук'), (2, N'жаба', N'€', N'жаба');
SELECT v, c + '.', CAST(v AS varbinary(10)), DATALENGTH(v), ASCII(v) FROM dbo.t ORDER BY v;
SELECT id FROM dbo.t WHERE v = 'ЖУК';
SELECT CHAR(198), CAST(0xE6F3EA AS varchar(3)), CAST(N'中' AS varchar(3));
SELECT CAST(N'ж' COLLATE DATABASE_DEFAULT AS varbinary(4)), DATABASEPROPERTYEX(DB_NAME(), 'Collation')
=> жаба|€  .|0xE6E0E1E0|4|230
=> Жук|ёж .|0xC6F3EA|3|198
=> ;
=> 1
=> ;
=> Ж|жук|?
=> ;
=> 0x3604|Cyrillic_General_CI_AS
SELECT name, collation_name FROM sys.columns WHERE object_id = OBJECT_ID('dbo.t') AND collation_name IS NOT NULL ORDER BY column_id;
SELECT collation_name FROM sys.databases WHERE database_id = DB_ID()
=> v|Cyrillic_General_CI_AS
=> c|Cyrillic_General_CI_AS
=> n|Cyrillic_General_CI_AS
=> ;
=> Cyrillic_General_CI_AS
USE [{db}]
GO
SELECT CAST(N'Жук' AS varchar(5))
=> ???
DROP DATABASE [{db}_ru]
GO

--- case: a binary collation of another code page
--- doc: https://learn.microsoft.com/sql/t-sql/statements/windows-collation-name-transact-sql
CREATE DATABASE [{db}_pl] COLLATE Polish_BIN2
GO
USE [{db}_pl];
DECLARE @v varchar(10) = N'Łódź';
SELECT @v, CAST(@v AS varbinary(10)), CASE WHEN @v = N'łódź' THEN 1 ELSE 0 END
=> Łódź|0xA3F3649F|0
USE [{db}];
DROP DATABASE [{db}_pl]

--- case: temporary tables have the collation of tempdb
--- doc: https://learn.microsoft.com/sql/relational-databases/databases/contained-database-collations#non-contained-databases
CREATE DATABASE [{db}_tmp] COLLATE Cyrillic_General_CI_AS
GO
USE [{db}_tmp];
CREATE TABLE dbo.t (n nvarchar(10));
CREATE TABLE #t (n nvarchar(10));
CREATE TABLE #d (n nvarchar(10) COLLATE DATABASE_DEFAULT, v varchar(10) COLLATE DATABASE_DEFAULT);
INSERT dbo.t VALUES (N'ж');
INSERT #t VALUES (N'Ж');
INSERT #d VALUES (N'Ж', N'Ж');
SELECT COUNT(*) FROM dbo.t JOIN #t ON t.n = #t.n
=> error 468
SELECT COUNT(*) FROM dbo.t JOIN #d ON t.n = #d.n AND t.n = #d.v
=> 1
USE [{db}];
DROP DATABASE [{db}_tmp]

--- case: a temporary table's varchar in the code page of tempdb
--- doc: https://learn.microsoft.com/sql/relational-databases/databases/contained-database-collations#non-contained-databases
--- refused: text of two code pages in one session
CREATE DATABASE [{db}_tmp2] COLLATE Cyrillic_General_CI_AS
GO
USE [{db}_tmp2];
CREATE TABLE #t (v varchar(10));
INSERT #t VALUES (N'Ж');
SELECT v FROM #t
=> ?

--- case: change data capture of the database's code page
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/known-issues-and-errors-change-data-capture#collation-differences
CREATE DATABASE [{db}_cdc] COLLATE Cyrillic_General_CI_AS
GO
USE [{db}_cdc];
EXEC sys.sp_cdc_enable_db;
CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY, v varchar(10));
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N't', @role_name = NULL;
EXEC sys.sp_cdc_drop_job @job_type = N'capture'
GO
INSERT dbo.t VALUES (1, N'Жук')
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT id, v, CAST(v AS varbinary(10)) FROM cdc.dbo_t_CT
=> 1|Жук|0xC6F3EA
USE [{db}];
DROP DATABASE [{db}_cdc]

--- case: an unknown collation
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-database-transact-sql
CREATE DATABASE [{db}_none] COLLATE Klingon_CI_AS
=> error 448
