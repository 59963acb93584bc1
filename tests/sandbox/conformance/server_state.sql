-- What is asked about the server: options, services, jobs, and the permissions to see its state
--- setup
CREATE LOGIN {login} WITH PASSWORD = '{password}';
CREATE USER {login} FOR LOGIN {login};

--- case: an option with the value that is set and the one in use
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-configurations-transact-sql
SELECT name, CAST(value_in_use AS int), CAST(minimum AS int), CAST(maximum AS int), is_dynamic, is_advanced FROM sys.configurations WHERE configuration_id = 1536
=> max text repl size (B)|65536|-1|2147483647|1|0

--- case: the services that run
--- doc: https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/sys-dm-server-services-transact-sql
SELECT COUNT(*) FROM sys.dm_server_services WHERE servicename LIKE N'SQL Server%' AND status = 4 AND status_desc = N'Running'
=> 2

--- case: the capture job among the jobs of the agent
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/dbo-sysjobactivity-transact-sql
--- database: own
EXEC sys.sp_cdc_enable_db;
CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N't', @role_name = NULL;
GO
--- session a until
SELECT j.enabled, CASE WHEN a.start_execution_date IS NULL THEN 0 ELSE 1 END, CASE WHEN a.stop_execution_date IS NULL THEN 1 ELSE 0 END
  FROM msdb.dbo.sysjobs j JOIN msdb.dbo.sysjobactivity a ON a.job_id = j.job_id WHERE j.name = N'cdc.{db}_capture'
=> 1|1|1
--- session a
EXEC sys.sp_cdc_stop_job @job_type = N'capture'
GO
--- session a until
SELECT CASE WHEN a.stop_execution_date >= a.start_execution_date THEN 1 ELSE 0 END
  FROM msdb.dbo.sysjobs j JOIN msdb.dbo.sysjobactivity a ON a.job_id = j.job_id WHERE j.name = N'cdc.{db}_capture'
=> 1
--- session a
SELECT COUNT(*) FROM msdb.dbo.cdc_jobs c JOIN msdb.dbo.sysjobs j ON j.job_id = c.job_id WHERE c.database_id = DB_ID()
=> 2

--- case: who may read the agent's tables
--- doc: https://learn.microsoft.com/sql/relational-databases/system-tables/dbo-cdc-jobs-transact-sql
--- session r login
SELECT COUNT(*) FROM msdb.dbo.cdc_jobs
=> error 229 level 14: The SELECT permission was denied on the object 'cdc_jobs', database 'msdb', schema 'dbo'.
--- session a
USE msdb;
CREATE USER {login} FOR LOGIN {login};
ALTER ROLE db_datareader ADD MEMBER {login}
GO
--- session r
SELECT COUNT(*) FROM msdb.dbo.cdc_jobs WHERE database_id < 0
=> 0
--- session a
DROP USER {login}

--- case: seeing the server's state takes a permission
--- doc: https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/system-dynamic-management-views#permissions
--- session r login
SELECT COUNT(*) FROM sys.dm_server_services
=> error 300 level 14: VIEW SERVER SECURITY STATE permission was denied on object 'server', database 'master'.
SELECT COUNT(*) FROM sys.dm_tran_locks
=> error 300 level 14: VIEW SERVER PERFORMANCE STATE permission was denied on object 'server', database 'master'.
SELECT CASE WHEN MIN(session_id) = @@SPID AND MAX(session_id) = @@SPID THEN 1 ELSE 0 END FROM sys.dm_exec_sessions WHERE is_user_process = 1
=> 1
SELECT HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE')
=> 0
--- session a
GRANT VIEW SERVER STATE TO {login}
=> error 4621 level 16: Permissions at the server scope can only be granted when the current database is master
USE master;
GRANT VIEW SERVER STATE TO {login}
GO
--- session r
SELECT COUNT(*) FROM sys.dm_server_services;
SELECT HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE'), HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE'), HAS_PERMS_BY_NAME(NULL, NULL, 'ALTER ANY LOGIN');
SELECT CASE WHEN COUNT(*) > 1 THEN 1 ELSE 0 END FROM sys.dm_exec_sessions WHERE is_user_process = 1
=> 2
=> ;
=> 1|1|0
=> ;
=> 1
--- session a
SELECT permission_name, state_desc FROM sys.server_permissions p JOIN sys.server_principals l ON l.principal_id = p.grantee_principal_id WHERE l.name = N'{login}' AND permission_name <> N'CONNECT SQL';
REVOKE VIEW SERVER STATE FROM {login}
=> VIEW SERVER STATE|GRANT
--- session r
SELECT COUNT(*) FROM sys.dm_server_services
=> error 300

--- case: seeing what scans found takes a permission on the database
--- doc: https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/change-data-capture-sys-dm-cdc-log-scan-sessions
--- session r login
SELECT COUNT(*) FROM sys.dm_cdc_log_scan_sessions WHERE session_id < 0
=> error 262 level 14: VIEW DATABASE PERFORMANCE STATE permission denied in database '*'.
--- session a
GRANT VIEW DATABASE STATE TO {login}
GO
--- session r
SELECT COUNT(*) FROM sys.dm_cdc_log_scan_sessions WHERE session_id < 0
=> 0
