-- Databases
--- case: a database is made and dropped
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-database-transact-sql
CREATE DATABASE [{db}_x];
SELECT state_desc, user_access_desc, is_read_only FROM sys.databases WHERE name = '{db}_x';
DROP DATABASE [{db}_x];
SELECT DB_ID('{db}_x')
=> ONLINE|MULTI_USER|0
=> ;
=> NULL

--- case: its name is taken
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-1000-to-1999
CREATE DATABASE [{db}]
=> error 1801 level 16: Database '*' already exists. Choose a different database name.

--- case: a database that does not exist cannot be dropped
--- doc: https://learn.microsoft.com/sql/t-sql/statements/drop-database-transact-sql
DROP DATABASE no_such_database
=> error 3701 level 11: Cannot drop the database 'no_such_database', because it does not exist or you do not have permission.
DROP DATABASE IF EXISTS no_such_database;
SELECT 1
=> 1

--- case: a database in use cannot be dropped
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-3000-to-3999
DROP DATABASE [{db}]
=> error 3702 level 16: Cannot drop database "*" because it is currently in use.

--- case: a system database cannot be dropped
--- doc: https://learn.microsoft.com/sql/t-sql/statements/drop-database-transact-sql
DROP DATABASE master
=> error 3708 level 16

--- case: not inside a transaction
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
BEGIN TRANSACTION;
GO
CREATE DATABASE [{db}_y]
=> error 226 level 16: CREATE DATABASE statement not allowed within multi-statement transaction.

--- case: the recovery model
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-database-transact-sql-set-options
--- database: own
ALTER DATABASE CURRENT SET RECOVERY SIMPLE;
SELECT recovery_model_desc, CAST(DATABASEPROPERTYEX(DB_NAME(), 'Recovery') AS nvarchar(20)) FROM sys.databases WHERE name = DB_NAME()
=> SIMPLE|SIMPLE

--- case: a database that does not exist cannot be altered
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-5000-to-5999
ALTER DATABASE no_such_database SET RECOVERY SIMPLE
=> error 5011 level 14: User does not have permission to alter database 'no_such_database', the database does not exist, or the database is not in a state that allows access checks.

--- case: USE of a database that does not exist
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
USE no_such_database
=> error 911 level 16: Database 'no_such_database' does not exist. Make sure that the name is entered correctly.

--- case: what a server says of itself
--- doc: https://learn.microsoft.com/sql/t-sql/functions/serverproperty-transact-sql
SELECT CAST(SERVERPROPERTY('EngineEdition') AS int), CASE WHEN CAST(SERVERPROPERTY('ProductMajorVersion') AS int) >= 13 THEN 1 END, CAST(SERVERPROPERTY('nonsense') AS nvarchar(10))
=> 3|1|NULL

--- case: a read-only database
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-database-transact-sql-set-options
--- refused: databases are always writable
--- database: own
ALTER DATABASE CURRENT SET READ_ONLY;
CREATE TABLE dbo.x (id int)
=> error 3906

--- case: a database is renamed
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-database-transact-sql
--- refused: databases keep their names
--- database: own
ALTER DATABASE CURRENT MODIFY NAME = [{db}_renamed];
ALTER DATABASE CURRENT MODIFY NAME = [{db}];
SELECT 1
=> 1
