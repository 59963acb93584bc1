-- Valid T-SQL that the sandbox leaves out. Each statement, parted from the next by an empty line, must be refused with error 50000
-- (`sandbox: not supported: …`), change nothing, and leave its session usable. What comes into the subset leaves this list.

--- temporal tables https://learn.microsoft.com/sql/relational-databases/tables/temporal-tables
CREATE TABLE dbo.x (id int PRIMARY KEY, a datetime2 GENERATED ALWAYS AS ROW START NOT NULL, b datetime2 GENERATED ALWAYS AS ROW END NOT NULL, PERIOD FOR SYSTEM_TIME (a, b)) WITH (SYSTEM_VERSIONING = ON)

ALTER TABLE dbo.t SET (SYSTEM_VERSIONING = OFF)

ALTER TABLE dbo.t ADD PERIOD FOR SYSTEM_TIME (a, b)

ALTER TABLE dbo.t DROP PERIOD FOR SYSTEM_TIME

SELECT * FROM dbo.t FOR SYSTEM_TIME AS OF '2020-01-01'

SELECT * FROM dbo.t FOR SYSTEM_TIME ALL

SELECT * FROM dbo.t FOR SYSTEM_TIME BETWEEN '2020-01-01' AND '2021-01-01'

--- graph tables https://learn.microsoft.com/sql/relational-databases/graphs/sql-graph-overview
CREATE TABLE dbo.x (id int) AS NODE

CREATE TABLE dbo.x (id int) AS EDGE

--- partitions https://learn.microsoft.com/sql/relational-databases/partitions/partitioned-tables-and-indexes
CREATE PARTITION FUNCTION pf (int) AS RANGE LEFT FOR VALUES (1, 100)

CREATE PARTITION SCHEME ps AS PARTITION pf ALL TO ([PRIMARY])

ALTER PARTITION FUNCTION pf () SPLIT RANGE (500)

DROP PARTITION FUNCTION pf

DROP PARTITION SCHEME ps

CREATE TABLE dbo.x (id int) ON ps (id)

ALTER TABLE dbo.t SWITCH TO dbo.u

ALTER TABLE dbo.t SWITCH PARTITION 1 TO dbo.u PARTITION 1

TRUNCATE TABLE dbo.t WITH (PARTITIONS (1, 2))

SELECT $PARTITION.pf(1)

--- columnstore, in-memory and special indexes https://learn.microsoft.com/sql/t-sql/statements/create-columnstore-index-transact-sql
CREATE CLUSTERED COLUMNSTORE INDEX i ON dbo.u

CREATE NONCLUSTERED COLUMNSTORE INDEX i ON dbo.t (v)

CREATE COLUMNSTORE INDEX i ON dbo.t (v)

CREATE XML INDEX i ON dbo.t (v) USING XML INDEX p FOR PATH

CREATE PRIMARY XML INDEX i ON dbo.t (v)

CREATE SELECTIVE XML INDEX i ON dbo.t (v) FOR (p = '/a/b')

CREATE SPATIAL INDEX i ON dbo.t (v)

CREATE FULLTEXT INDEX ON dbo.t (v) KEY INDEX i

CREATE FULLTEXT CATALOG c AS DEFAULT

DROP FULLTEXT INDEX ON dbo.t

CREATE TABLE dbo.x (id int NOT NULL PRIMARY KEY NONCLUSTERED) WITH (MEMORY_OPTIMIZED = ON)

--- files and storage https://learn.microsoft.com/sql/t-sql/statements/alter-database-transact-sql-file-and-filegroup-options
CREATE TABLE dbo.x (id uniqueidentifier ROWGUIDCOL NOT NULL UNIQUE, f varbinary(max) FILESTREAM)

CREATE TABLE dbo.x AS FILETABLE

ALTER DATABASE CURRENT ADD FILEGROUP g

ALTER DATABASE CURRENT ADD FILE (NAME = f, FILENAME = 'f.ndf')

ALTER DATABASE CURRENT MODIFY FILE (NAME = f, SIZE = 10MB)

ALTER DATABASE CURRENT REMOVE FILE f

CREATE DATABASE y ON PRIMARY (NAME = y, FILENAME = 'y.mdf')

CREATE DATABASE y AS SNAPSHOT OF x

CREATE DATABASE y CONTAINMENT = PARTIAL

CREATE DATABASE y ON (FILENAME = 'y.mdf') FOR ATTACH

ALTER DATABASE CURRENT SET CONTAINMENT = PARTIAL

--- options of a database https://learn.microsoft.com/sql/t-sql/statements/alter-database-transact-sql-set-options
ALTER DATABASE CURRENT SET QUERY_STORE = ON

ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 2 DAYS)

ALTER DATABASE CURRENT SET DELAYED_DURABILITY = FORCED

ALTER DATABASE CURRENT SET ENCRYPTION ON

ALTER DATABASE CURRENT SET PARTNER = 'TCP://host.example.com:5022'

ALTER DATABASE CURRENT SET HADR AVAILABILITY GROUP = ag

ALTER DATABASE CURRENT SET ACCELERATED_DATABASE_RECOVERY = ON

ALTER DATABASE SCOPED CONFIGURATION SET MAXDOP = 1

ALTER DATABASE SCOPED CONFIGURATION CLEAR PROCEDURE_CACHE

--- change tracking https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-tracking-sql-server
ALTER TABLE dbo.t ENABLE CHANGE_TRACKING

ALTER TABLE dbo.t DISABLE CHANGE_TRACKING

SELECT * FROM CHANGETABLE(CHANGES dbo.t, 0) AS c

SELECT CHANGE_TRACKING_CURRENT_VERSION()

SELECT CHANGE_TRACKING_MIN_VALID_VERSION(1)

WITH CHANGE_TRACKING_CONTEXT (0x01) UPDATE dbo.t SET v = 'x'

--- XML https://learn.microsoft.com/sql/t-sql/xml/xml-transact-sql
SELECT * FROM dbo.t FOR XML AUTO

SELECT * FROM dbo.t FOR XML RAW, ROOT('r')

SELECT * FROM dbo.t FOR XML PATH('row'), TYPE

SELECT (SELECT v FROM dbo.t FOR XML PATH(''))

DECLARE @x xml = N'<a/>'; SELECT @x.value('(/a)[1]', 'int')

DECLARE @x xml = N'<a/>'; SELECT @x.query('/a')

DECLARE @x xml = N'<a/>'; SELECT @x.exist('/a')

DECLARE @x xml = N'<a/>'; SET @x.modify('delete /a')

DECLARE @x xml = N'<a/>'; SELECT n.query('.') FROM @x.nodes('/a') AS r(n)

CREATE XML SCHEMA COLLECTION c AS N'<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema"/>'

DROP XML SCHEMA COLLECTION c

WITH XMLNAMESPACES ('urn:x' AS x) SELECT 1

SELECT * FROM OPENXML(1, '/r') WITH (id int)

EXEC sp_xml_preparedocument NULL, N'<a/>'

EXEC sp_xml_removedocument 1

--- JSON https://learn.microsoft.com/sql/relational-databases/json/json-data-sql-server
SELECT * FROM dbo.t FOR JSON PATH

SELECT * FROM dbo.t FOR JSON AUTO, WITHOUT_ARRAY_WRAPPER

SELECT JSON_VALUE(N'{"a":1}', '$.a')

SELECT JSON_QUERY(N'{"a":1}', '$')

SELECT JSON_MODIFY(N'{"a":1}', '$.a', 2)

SELECT ISJSON(N'{}')

SELECT * FROM OPENJSON(N'[1]')

SELECT * FROM OPENJSON(N'[1]') WITH (a int '$')

SELECT * FROM dbo.t FOR BROWSE

--- CLR types and methods https://learn.microsoft.com/sql/relational-databases/user-defined-type-requirements
SELECT hierarchyid::GetRoot()

SELECT geography::Point(1, 2, 4326)

SELECT CAST('/1/' AS hierarchyid)

SELECT CAST(0x00 AS geometry)

SELECT x.g.STAsText() FROM (SELECT CAST(NULL AS geometry) AS g) x

SELECT x.h.ToString() FROM (SELECT CAST(0x58 AS hierarchyid) AS h) x

SELECT x.g.STSrid FROM (SELECT CAST(NULL AS geography) AS g) x

DECLARE @h hierarchyid = 0x58

DECLARE @v varbinary(10) = CAST(0x58 AS hierarchyid)

DECLARE @j json = '{}'; SELECT 1 WHERE @j = @j

DECLARE @j json = '{}'; SELECT DATALENGTH(@j)

DECLARE @j json = '{}'; SELECT 1 FROM (SELECT @j AS j) x ORDER BY j

SELECT CAST('1e3' AS json)

CREATE TABLE dbo.x (id int, h hierarchyid SPARSE NULL)

CREATE ASSEMBLY a FROM 0x4D5A WITH PERMISSION_SET = SAFE

DROP ASSEMBLY a

CREATE AGGREGATE dbo.a (@v int) RETURNS int EXTERNAL NAME asm.cls

CREATE TYPE dbo.ty EXTERNAL NAME asm.cls

CREATE PROCEDURE dbo.p AS EXTERNAL NAME asm.cls.m

CREATE TABLE dbo.x (v vector(3))

--- rowset functions and linked servers https://learn.microsoft.com/sql/t-sql/functions/rowset-functions-transact-sql
SELECT * FROM OPENROWSET(BULK 'c:\f.txt', SINGLE_CLOB) AS f

SELECT * FROM OPENROWSET('MSOLEDBSQL', 'Server=s;', 'SELECT 1')

SELECT * FROM OPENQUERY(s, 'SELECT 1')

SELECT * FROM OPENDATASOURCE('MSOLEDBSQL', 'Server=s;').d.dbo.t

SELECT * FROM s.d.dbo.t

INSERT INTO OPENQUERY(s, 'SELECT 1') VALUES (1)

EXEC ('SELECT 1') AT s

EXEC sp_addlinkedserver N's'

EXEC sp_linkedservers

BULK INSERT dbo.t FROM 'c:\f.txt'

CREATE EXTERNAL TABLE dbo.x (id int) WITH (LOCATION = '/x', DATA_SOURCE = d)

CREATE EXTERNAL DATA SOURCE d WITH (LOCATION = 'https://host.example.com')

CREATE EXTERNAL FILE FORMAT f WITH (FORMAT_TYPE = DELIMITEDTEXT)

SELECT * FROM CONTAINSTABLE(dbo.t, v, 'x') AS k

SELECT * FROM FREETEXTTABLE(dbo.t, v, 'x') AS k

SELECT * FROM dbo.t WHERE CONTAINS(v, 'x')

SELECT * FROM dbo.t WHERE FREETEXT(v, 'x')

SELECT * FROM PREDICT(MODEL = @m, DATA = dbo.t AS d) WITH (s float) AS p

SELECT * FROM dbo.t TABLESAMPLE (10 PERCENT)

SELECT * FROM sys.dm_exec_sql_text(0x01)

SELECT * FROM sys.dm_db_index_physical_stats(DB_ID(), NULL, NULL, NULL, NULL)

SELECT * FROM sys.fn_dblog(NULL, NULL)

SELECT * FROM sys.fn_trace_gettable('c:\t.trc', 1)

SELECT * FROM sys.fn_get_audit_file('c:\*', NULL, NULL)

SELECT * FROM sys.fn_xe_file_target_read_file('c:\*', NULL, NULL, NULL)

--- cursors that change or scroll https://learn.microsoft.com/sql/t-sql/language-elements/declare-cursor-transact-sql
DECLARE c CURSOR SCROLL DYNAMIC FOR SELECT id FROM dbo.t

DECLARE c CURSOR KEYSET FOR SELECT id FROM dbo.t FOR UPDATE OF v

DECLARE @c CURSOR; SET @c = CURSOR FOR SELECT 1

UPDATE dbo.t SET v = 'x' WHERE CURRENT OF c

DELETE dbo.t WHERE CURRENT OF c

--- queries https://learn.microsoft.com/sql/t-sql/queries/select-transact-sql
SELECT id FROM dbo.t GROUP BY ALL id

SELECT v, COUNT(*) FROM dbo.t WITH (READPAST) GROUP BY v

SELECT * FROM dbo.t OPTION (USE PLAN N'<x/>')

SELECT SUM(id) OVER w FROM dbo.t WINDOW w AS (PARTITION BY v)

SELECT FIRST_VALUE(v) IGNORE NULLS OVER (ORDER BY id) FROM dbo.t

SELECT * FROM dbo.t WHERE v IS DISTINCT FROM 'x'

SELECT GREATEST(1, 2)

SELECT LEAST(1, 2)

SELECT DATETRUNC(month, GETDATE())

SELECT DATE_BUCKET(week, 1, GETDATE())

SELECT value FROM GENERATE_SERIES(1, 10)

SELECT APPROX_COUNT_DISTINCT(id) FROM dbo.t

SELECT PARSE('1' AS int USING 'en-US')

SELECT TRY_PARSE('1' AS int)

SELECT SOUNDEX('a')

SELECT DIFFERENCE('a', 'b')

SELECT FORMATMESSAGE(14088, 'x')

SELECT COMPRESS('a')

SELECT DECOMPRESS(0x00)

SELECT BINARY_CHECKSUM('a')

SELECT CERTENCODED(1)

SELECT ENCRYPTBYPASSPHRASE('a', 'b')

SELECT DECRYPTBYPASSPHRASE('a', 0x00)

SELECT PWDENCRYPT('x')

SELECT PWDCOMPARE('x', 0x00)

SELECT CRYPT_GEN_RANDOM(8)

SELECT SIGNBYCERT(CERT_ID('c'), 'x', 'p')

SELECT KEY_GUID('k')

SELECT SUBSTRING('a', 1, 1) COLLATE Japanese_CI_AS

SELECT CAST(SYSDATETIMEOFFSET() AS datetimeoffset) AT TIME ZONE 'Central European Standard Time'

SELECT FILE_NAME(1)

SELECT FILEPROPERTY('f', 'SpaceUsed')

SELECT FILEGROUP_NAME(1)

SELECT STATS_DATE(1, 1)

SELECT FULLTEXTSERVICEPROPERTY('IsFulltextInstalled')

SELECT EVENTDATA()

SELECT GETANSINULL()

SELECT DEGREES(1)

SELECT RADIANS(180)

SELECT PARSENAME('a.b', 1)

SELECT @@FETCH_STATUS

SELECT @@CPU_BUSY, @@IO_BUSY

SELECT @@PACK_RECEIVED

SELECT CURSOR_STATUS('variable', '@c')

SELECT TEXTPTR(v) FROM dbo.t

READTEXT dbo.t.v 0x00 0 10

WRITETEXT dbo.t.v 0x00 'x'

UPDATETEXT dbo.t.v 0x00 0 0 'x'

--- modules https://learn.microsoft.com/sql/t-sql/statements/create-trigger-transact-sql
CREATE TRIGGER tr ON dbo.t INSTEAD OF INSERT AS SELECT 1

CREATE TRIGGER tr ON DATABASE FOR CREATE_TABLE AS SELECT 1

CREATE TRIGGER tr ON ALL SERVER FOR LOGON AS SELECT 1

DISABLE TRIGGER tr ON DATABASE

ENABLE TRIGGER ALL ON ALL SERVER

CREATE PROCEDURE dbo.p;2 AS SELECT 1

CREATE PROCEDURE dbo.p WITH ENCRYPTION AS SELECT 1

CREATE PROCEDURE dbo.p WITH NATIVE_COMPILATION, SCHEMABINDING AS BEGIN ATOMIC WITH (TRANSACTION ISOLATION LEVEL = SNAPSHOT, LANGUAGE = N'English') SELECT 1 END

CREATE PROCEDURE dbo.p FOR REPLICATION AS SELECT 1

EXEC dbo.p;2

EXEC sp_executesql N'SELECT 1' WITH RESULT SETS ((a int))

CREATE SYNONYM dbo.s FOR dbo.t

DROP SYNONYM dbo.s

CREATE RULE dbo.r AS @v > 1

CREATE DEFAULT dbo.d AS 1

EXEC sp_bindrule 'dbo.r', 't.id'

EXEC sp_bindefault 'dbo.d', 't.id'

EXEC sp_depends 'dbo.t'

EXEC sp_recompile 'dbo.t'

EXEC sp_refreshview 'dbo.t'

EXEC sp_addmessage 50001, 16, N'x'

EXEC sp_addtype 'ty', 'int'

CREATE EVENT NOTIFICATION n ON DATABASE FOR CREATE_TABLE TO SERVICE 's', 'current database'

--- transactions and sessions https://learn.microsoft.com/sql/t-sql/language-elements/begin-distributed-transaction-transact-sql
BEGIN DISTRIBUTED TRANSACTION

BEGIN TRANSACTION x WITH MARK 'm'

WAITFOR TIME '23:59'

WAITFOR (RECEIVE * FROM q), TIMEOUT 10

SET ROWCOUNT 10

SET PARSEONLY ON

SET SHOWPLAN_ALL ON

SET SHOWPLAN_XML ON

SET STATISTICS XML ON

SET REMOTE_PROC_TRANSACTIONS ON

SET OFFSETS SELECT ON

SET DATEFIRST 3

SET ANSI_NULLS OFF

SET QUOTED_IDENTIFIER OFF

SET CONCAT_NULL_YIELDS_NULL OFF

SET ANSI_PADDING OFF

SET ANSI_WARNINGS OFF

SET ARITHABORT OFF; SET ANSI_WARNINGS OFF

SET NUMERIC_ROUNDABORT ON

SET CONTEXT_INFO @nothing.value('x', 'int')

SETUSER 'dbo'

EXEC sp_bindsession 'x'

EXEC sp_getbindtoken NULL

--- service broker https://learn.microsoft.com/sql/database-engine/configure-windows/sql-server-service-broker
CREATE MESSAGE TYPE m VALIDATION = NONE

CREATE CONTRACT c (m SENT BY ANY)

CREATE QUEUE dbo.q

CREATE SERVICE s ON QUEUE dbo.q

CREATE ROUTE r WITH ADDRESS = 'LOCAL'

DECLARE @h uniqueidentifier; BEGIN DIALOG CONVERSATION @h FROM SERVICE s TO SERVICE 't'

RECEIVE TOP (1) * FROM dbo.q

SEND ON CONVERSATION 'x' ('y')

END CONVERSATION 'x'

GET CONVERSATION GROUP @g FROM dbo.q

MOVE CONVERSATION 'x' TO 'y'

--- security objects https://learn.microsoft.com/sql/relational-databases/security/securing-sql-server
CREATE CERTIFICATE c WITH SUBJECT = 'x'

CREATE ASYMMETRIC KEY k WITH ALGORITHM = RSA_2048

CREATE SYMMETRIC KEY k WITH ALGORITHM = AES_256 ENCRYPTION BY PASSWORD = 'x'

OPEN SYMMETRIC KEY k DECRYPTION BY PASSWORD = 'x'

CLOSE ALL SYMMETRIC KEYS

CREATE MASTER KEY ENCRYPTION BY PASSWORD = 'Pa55 word!'

OPEN MASTER KEY DECRYPTION BY PASSWORD = 'x'

BACKUP MASTER KEY TO FILE = 'f' ENCRYPTION BY PASSWORD = 'x'

BACKUP CERTIFICATE c TO FILE = 'f'

CREATE CREDENTIAL c WITH IDENTITY = 'x'

CREATE DATABASE SCOPED CREDENTIAL c WITH IDENTITY = 'x'

CREATE DATABASE ENCRYPTION KEY WITH ALGORITHM = AES_256 ENCRYPTION BY SERVER CERTIFICATE c

CREATE COLUMN MASTER KEY k WITH (KEY_STORE_PROVIDER_NAME = 'x', KEY_PATH = 'y')

CREATE COLUMN ENCRYPTION KEY k WITH VALUES (COLUMN_MASTER_KEY = m, ALGORITHM = 'RSA_OAEP', ENCRYPTED_VALUE = 0x01)

CREATE SECURITY POLICY p ADD FILTER PREDICATE dbo.f(id) ON dbo.t

CREATE SERVER AUDIT a TO APPLICATION_LOG

CREATE DATABASE AUDIT SPECIFICATION s FOR SERVER AUDIT a

CREATE APPLICATION ROLE r WITH PASSWORD = 'Pa55 word!'

CREATE LOGIN [dom\u] FROM WINDOWS

CREATE TABLE dbo.x (v varchar(10) MASKED WITH (FUNCTION = 'default()'))

CREATE TABLE dbo.x (v varchar(10) COLLATE Latin1_General_BIN2 ENCRYPTED WITH (COLUMN_ENCRYPTION_KEY = k, ENCRYPTION_TYPE = DETERMINISTIC, ALGORITHM = 'AEAD_AES_256_CBC_HMAC_SHA_256'))

ADD SIGNATURE TO dbo.p BY CERTIFICATE c

ADD SENSITIVITY CLASSIFICATION TO dbo.t.v WITH (LABEL = 'x')

GRANT SELECT ON dbo.t (v) TO public

GRANT CONNECT ON ENDPOINT::e TO public

--- administration https://learn.microsoft.com/sql/t-sql/statements/statements
CREATE ENDPOINT e STATE = STARTED AS TCP (LISTENER_PORT = 5022) FOR TSQL ()

CREATE AVAILABILITY GROUP ag FOR DATABASE x REPLICA ON N'r' WITH (ENDPOINT_URL = N'TCP://host.example.com:5022', AVAILABILITY_MODE = ASYNCHRONOUS_COMMIT, FAILOVER_MODE = MANUAL)

ALTER AVAILABILITY GROUP ag FAILOVER

CREATE EVENT SESSION s ON SERVER ADD EVENT sqlserver.lock_deadlock

ALTER EVENT SESSION s ON SERVER STATE = START

CREATE RESOURCE POOL p

CREATE WORKLOAD GROUP g

ALTER RESOURCE GOVERNOR RECONFIGURE

ALTER SERVER CONFIGURATION SET PROCESS AFFINITY CPU = AUTO

CREATE STATISTICS s ON dbo.t (v) WITH FULLSCAN, INCREMENTAL = ON

UPDATE STATISTICS dbo.t WITH FULLSCAN

EXEC sp_configure 'show advanced options', 1

SHUTDOWN WITH NOWAIT

BACKUP LOG x TO DISK = 'nul'

RESTORE LOG x FROM DISK = 'f'

RESTORE VERIFYONLY FROM DISK = 'f'

DBCC CHECKDB

DBCC CHECKTABLE ('dbo.t')

DBCC SHRINKDATABASE (0)

DBCC SHRINKFILE (1, 10)

DBCC OPENTRAN

DBCC DROPCLEANBUFFERS

DBCC SHOW_STATISTICS ('dbo.t', 's')

DBCC PAGE (1, 1, 1)

DBCC TRACEON (1222, -1)

DBCC LOGINFO

EXEC xp_cmdshell 'dir'

EXEC xp_readerrorlog

EXEC xp_fixeddrives

EXEC sp_OACreate 'x', NULL

EXEC sp_send_dbmail @subject = 'x'

EXEC sp_who2

EXEC sp_lock

EXEC sp_updatestats

EXEC sp_createstats

EXEC sp_helpdb

EXEC sp_attach_db 'x', 'y'

EXEC sp_detach_db 'x'

EXEC sp_dboption 'x', 'single user', 'true'

EXEC sp_changeobjectowner 'dbo.t', 'dbo'

EXEC sp_addumpdevice 'disk', 'd', 'f'

EXEC sp_trace_create NULL, 0, N'f'

EXEC sp_create_plan_guide N'g', N'SELECT 1', N'SQL', NULL, NULL, N'OPTION (MAXDOP 1)'

EXEC sp_tableoption 'dbo.t', 'text in row', 'ON'

EXEC sp_indexoption 'dbo.t', 'AllowRowLocks', 1

EXEC sp_estimate_data_compression_savings 'dbo', 't', NULL, NULL, 'PAGE'

EXEC sp_execute_external_script @language = N'R', @script = N'x'

EXEC sp_invoke_external_rest_endpoint @url = N'https://host.example.com'

EXEC msdb.dbo.sp_add_job @job_name = N'j'

EXEC msdb.dbo.sp_start_job @job_name = N'j'

EXEC msdb.dbo.sp_help_job

--- replication of the server's own https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/replication-stored-procedures-transact-sql
EXEC sp_replicationdboption @dbname = N'x', @optname = N'publish', @value = N'true'

EXEC sp_addpublication @publication = N'p'

EXEC sp_addarticle @publication = N'p', @article = N'a', @source_object = N't'

EXEC sp_addsubscription @publication = N'p', @subscriber = N's'

EXEC sp_adddistributor @distributor = N'd'

EXEC sp_adddistributiondb @database = N'distribution'

EXEC sp_repldone NULL, NULL, 0, 0, 1

EXEC sp_replcmds

EXEC sp_repltrans

EXEC sp_replcounters

EXEC sp_replshowcmds

EXEC sp_replflush

EXEC sp_posttracertoken @publication = N'p'

EXEC sys.sp_cdc_generate_wrapper_function

--- system views https://learn.microsoft.com/sql/relational-databases/system-catalog-views/catalog-views-transact-sql
SELECT * FROM sys.assemblies

SELECT * FROM sys.availability_groups

SELECT * FROM sys.certificates

SELECT * FROM sys.column_store_row_groups

SELECT * FROM sys.dm_db_index_usage_stats

SELECT * FROM sys.dm_exec_cached_plans

SELECT * FROM sys.dm_exec_query_stats

SELECT * FROM sys.dm_hadr_database_replica_states

SELECT * FROM sys.dm_io_virtual_file_stats(NULL, NULL)

SELECT * FROM sys.dm_os_performance_counters

SELECT * FROM sys.dm_os_sys_info

SELECT * FROM sys.dm_os_wait_stats

SELECT * FROM sys.dm_tran_version_store

SELECT * FROM sys.endpoints

SELECT * FROM sys.event_notifications

SELECT * FROM sys.fulltext_indexes

SELECT * FROM sys.messages

SELECT * FROM sys.partition_functions

SELECT * FROM sys.plan_guides

SELECT * FROM sys.query_store_query

SELECT * FROM sys.resource_governor_workload_groups

SELECT * FROM sys.security_policies

SELECT * FROM sys.server_audits

SELECT * FROM sys.service_queues

SELECT * FROM sys.spatial_indexes

SELECT * FROM sys.symmetric_keys

SELECT * FROM sys.trace_flags

SELECT * FROM sys.xml_schema_collections

SELECT * FROM INFORMATION_SCHEMA.DOMAINS

SELECT * FROM INFORMATION_SCHEMA.COLUMN_PRIVILEGES

--- Permissions of the server https://learn.microsoft.com/sql/t-sql/statements/grant-server-permissions-transact-sql
GRANT ALTER ANY LOGIN TO sa

GRANT CONTROL SERVER TO sa

DENY VIEW ANY DATABASE TO sa

GRANT VIEW SERVER STATE TO sa WITH GRANT OPTION

--- Code pages https://learn.microsoft.com/sql/relational-databases/collations/collation-and-unicode-support
CREATE TABLE dbo.x (v varchar(10) COLLATE Cyrillic_General_CI_AS)

ALTER TABLE dbo.t ALTER COLUMN v varchar(100) COLLATE Greek_BIN2

SELECT v COLLATE Thai_BIN2 FROM dbo.t

CREATE DATABASE y COLLATE Japanese_CI_AS

CREATE DATABASE y COLLATE Polish_CI_AS

CREATE DATABASE y COLLATE Latin1_General_100_BIN2_UTF8

ALTER DATABASE CURRENT COLLATE Cyrillic_General_CI_AS
