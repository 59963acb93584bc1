-- Backup, restore and single-user mode

--- case: a database goes back to its backup, identities included
--- doc: https://learn.microsoft.com/sql/t-sql/statements/restore-statements-transact-sql
--- database: own
CREATE TABLE dbo.went_back (id int IDENTITY(1, 1) PRIMARY KEY, v int NOT NULL);
INSERT INTO dbo.went_back VALUES (10), (20);
BACKUP DATABASE [{db}] TO DISK = N'{db}.bak' WITH INIT, FORMAT;
GO
INSERT INTO dbo.went_back VALUES (30), (40);
CREATE TABLE dbo.came_later (id int);
GO
USE master;
ALTER DATABASE [{db}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE;
RESTORE DATABASE [{db}] FROM DISK = N'{db}.bak' WITH REPLACE, RECOVERY;
ALTER DATABASE [{db}] SET MULTI_USER;
USE [{db}];
GO
INSERT INTO dbo.went_back VALUES (50);
SELECT id, v FROM dbo.went_back ORDER BY id;
=> 1|10
=> 2|20
=> 3|50
SELECT OBJECT_ID(N'dbo.came_later');
=> NULL

--- case: a database that somebody is in is not restored
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-3000-to-3999
--- database: own
BACKUP DATABASE [{db}] TO DISK = N'{db}.bak' WITH INIT, FORMAT;
GO
RESTORE DATABASE [{db}] FROM DISK = N'{db}.bak' WITH REPLACE;
=> error 3102 level 16: RESTORE cannot process database '*' because it is in use by this session. It is recommended that the master database be used when performing this operation.
--- session b
SELECT 1;
=> 1
--- session a
USE master;
RESTORE DATABASE [{db}] FROM DISK = N'{db}.bak' WITH REPLACE;
=> error 3101 level 16: Exclusive access could not be obtained because the database is in use.

--- case: not within a transaction
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-3000-to-3999
BEGIN TRANSACTION;
BACKUP DATABASE [{db}] TO DISK = N'{db}.bak' WITH INIT, FORMAT;
=> error 3021 level 16: Cannot perform a backup or restore operation within a transaction.

--- case: a database that is not there
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
BACKUP DATABASE never_made TO DISK = N'never_made.bak';
=> error 911 level 16: Database 'never_made' does not exist. Make sure that the name is entered correctly.

--- case: a backup that is not there
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-3000-to-3999
--- database: own
USE master;
RESTORE DATABASE [{db}] FROM DISK = N'never made.bak' WITH REPLACE;
=> error 3201 level 16: Cannot open backup device '*'. Operating system error 2*

--- case: single-user mode shows, and ends
--- doc: https://learn.microsoft.com/sql/relational-databases/databases/set-a-database-to-single-user-mode
--- database: own
ALTER DATABASE [{db}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE;
GO
SELECT user_access, user_access_desc FROM sys.databases WHERE name = N'{db}';
=> 1|SINGLE_USER
ALTER DATABASE [{db}] SET MULTI_USER;
GO
SELECT user_access, user_access_desc FROM sys.databases WHERE name = N'{db}';
=> 0|MULTI_USER

--- case: single-user mode does not wait for others when told not to
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-database-transact-sql-set-options
--- database: own
--- session b
SELECT 1;
=> 1
--- session a
ALTER DATABASE [{db}] SET SINGLE_USER WITH NO_WAIT;
=> error 5070 level 16: Database state cannot be changed while other users are using the database '*'
