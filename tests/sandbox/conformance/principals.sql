-- Principals: logins, users, roles and who is a member of what
--- case: a role is made and shown
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-role-transact-sql
CREATE ROLE p_readers;
SELECT name, CAST(type AS varchar(2)), type_desc, is_fixed_role, USER_NAME(owning_principal_id) FROM sys.database_principals WHERE name = 'p_readers'
=> p_readers|'R '|DATABASE_ROLE|0|dbo

--- case: the fixed roles are there
--- doc: https://learn.microsoft.com/sql/relational-databases/security/authentication-access/database-level-roles
SELECT name, principal_id FROM sys.database_principals WHERE is_fixed_role = 1 ORDER BY principal_id
=> db_owner|16384
=> db_accessadmin|16385
=> db_securityadmin|16386
=> db_ddladmin|16387
=> db_backupoperator|16389
=> db_datareader|16390
=> db_datawriter|16391
=> db_denydatareader|16392
=> db_denydatawriter|16393

--- case: dbo and guest are users of every database
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-database-principals-transact-sql
SELECT name, principal_id, type_desc, default_schema_name FROM sys.database_principals WHERE name IN ('dbo', 'guest', 'public', 'sys') ORDER BY principal_id
=> public|0|DATABASE_ROLE|NULL
=> dbo|1|SQL_USER|dbo
=> guest|2|SQL_USER|guest
=> sys|4|SQL_USER|NULL

--- case: a role's name is taken
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-15000-to-15999
CREATE ROLE p_twice;
GO
CREATE ROLE p_twice
=> error 15023 level 16: User, group, or role 'p_twice' already exists in the current database.

--- case: a role that does not exist cannot be dropped
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-15000-to-15999
DROP ROLE p_missing
=> error 15151 level 16: Cannot drop the role 'p_missing', because it does not exist or you do not have permission.

--- case: DROP ROLE IF EXISTS of none
--- doc: https://learn.microsoft.com/sql/t-sql/statements/drop-role-transact-sql
DROP ROLE IF EXISTS p_missing;
SELECT 1
=> 1

--- case: a role with members cannot be dropped
--- doc: https://learn.microsoft.com/sql/t-sql/statements/drop-role-transact-sql
CREATE ROLE p_full;
CREATE USER p_member WITHOUT LOGIN;
ALTER ROLE p_full ADD MEMBER p_member;
GO
DROP ROLE p_full
=> error 15144 level 16: The role has members. It must be empty before it can be dropped.
ALTER ROLE p_full DROP MEMBER p_member;
DROP ROLE p_full;
SELECT DATABASE_PRINCIPAL_ID('p_full')
=> NULL

--- case: a fixed role cannot be dropped
--- doc: https://learn.microsoft.com/sql/t-sql/statements/drop-role-transact-sql
DROP ROLE db_datareader
=> error 15150 level 16: Cannot drop the role 'db_datareader'.

--- case: membership through another role counts
--- doc: https://learn.microsoft.com/sql/t-sql/functions/is-rolemember-transact-sql
CREATE ROLE p_outer;
CREATE ROLE p_inner;
CREATE USER p_nested WITHOUT LOGIN;
ALTER ROLE p_outer ADD MEMBER p_inner;
ALTER ROLE p_inner ADD MEMBER p_nested;
SELECT IS_ROLEMEMBER('p_outer', 'p_nested'), IS_ROLEMEMBER('p_inner', 'p_nested'), IS_ROLEMEMBER('p_inner', 'p_outer'), IS_ROLEMEMBER('nothing', 'p_nested')
=> 1|1|0|NULL

--- case: a role cannot be a member of itself
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-15000-to-15999
CREATE ROLE p_circle_a;
CREATE ROLE p_circle_b;
ALTER ROLE p_circle_a ADD MEMBER p_circle_b;
GO
ALTER ROLE p_circle_b ADD MEMBER p_circle_a
=> error 15413 level 16: Cannot make a role a member of itself.

--- case: dbo cannot be added to a role
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-15000-to-15999
ALTER ROLE db_datareader ADD MEMBER dbo
=> error 15405 level 16: Cannot use the special principal 'dbo'.

--- case: everybody is a member of public, and stays one
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-15000-to-15999
ALTER ROLE [public] ADD MEMBER guest
=> error 15081 level 16: Membership of the public role cannot be changed.

--- case: a member that does not exist
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-15000-to-15999
ALTER ROLE db_datareader ADD MEMBER p_nobody
=> error 15151 level 16: Cannot add the principal 'p_nobody', because it does not exist or you do not have permission.

--- case: a role to be altered that does not exist
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-15000-to-15999
ALTER ROLE p_nothing ADD MEMBER guest
=> error 15151 level 16: Cannot alter the role 'p_nothing', because it does not exist or you do not have permission.

--- case: adding a member twice changes nothing
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-role-transact-sql
CREATE ROLE p_again;
CREATE USER p_again_user WITHOUT LOGIN;
ALTER ROLE p_again ADD MEMBER p_again_user;
ALTER ROLE p_again ADD MEMBER p_again_user;
SELECT COUNT(*) FROM sys.database_role_members WHERE role_principal_id = DATABASE_PRINCIPAL_ID('p_again')
=> 1

--- case: a role is renamed
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-role-transact-sql
CREATE ROLE p_before;
ALTER ROLE p_before WITH NAME = p_after;
SELECT COUNT(*) FROM sys.database_principals WHERE name = 'p_before';
SELECT COUNT(*) FROM sys.database_principals WHERE name = 'p_after'
=> 0
=> ;
=> 1

--- case: sp_addrolemember and sp_droprolemember
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-addrolemember-transact-sql
CREATE ROLE p_proc;
CREATE USER p_proc_user WITHOUT LOGIN;
EXEC sp_addrolemember 'p_proc', 'p_proc_user';
SELECT IS_ROLEMEMBER('p_proc', 'p_proc_user')
=> 1
EXEC sp_droprolemember @rolename = N'p_proc', @membername = N'p_proc_user';
SELECT IS_ROLEMEMBER('p_proc', 'p_proc_user')
=> 0

--- case: what a transaction did to roles is rolled back
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/rollback-transaction-transact-sql
BEGIN TRANSACTION;
CREATE ROLE p_undone;
CREATE USER p_undone_user WITHOUT LOGIN;
ALTER ROLE p_undone ADD MEMBER p_undone_user;
ROLLBACK;
SELECT COUNT(*) FROM sys.database_principals WHERE name LIKE 'p[_]undone%'
=> 0

--- case: a user without login
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-user-transact-sql
CREATE USER p_loner WITHOUT LOGIN;
SELECT type_desc, default_schema_name, authentication_type_desc, DATALENGTH(sid) FROM sys.database_principals WHERE name = 'p_loner'
=> SQL_USER|dbo|NONE|28

--- case: a user needs a login that exists
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-15000-to-15999
CREATE USER p_x FOR LOGIN no_such_login_here
=> error 15007 level 16: 'no_such_login_here' is not a valid login or you do not have permission.

--- case: dbo cannot be dropped
--- doc: https://learn.microsoft.com/sql/t-sql/statements/drop-user-transact-sql
DROP USER dbo
=> error 15150 level 16: Cannot drop the user 'dbo'.

--- case: a user that does not exist cannot be dropped
--- doc: https://learn.microsoft.com/sql/t-sql/statements/drop-user-transact-sql
DROP USER p_missing
=> error 15151 level 16: Cannot drop the user 'p_missing', because it does not exist or you do not have permission.
DROP USER IF EXISTS p_missing;
SELECT 1
=> 1

--- case: who owns a schema cannot be dropped
--- doc: https://learn.microsoft.com/sql/t-sql/statements/drop-user-transact-sql
CREATE USER p_owner WITHOUT LOGIN;
GO
CREATE SCHEMA p_owned AUTHORIZATION p_owner;
GO
DROP USER p_owner
=> error 15138 level 16: The database principal owns a schema in the database, and cannot be dropped.
ALTER AUTHORIZATION ON SCHEMA::p_owned TO dbo;
DROP USER p_owner;
SELECT USER_NAME(principal_id) FROM sys.schemas WHERE name = 'p_owned'
=> dbo

--- case: a login enters a database as its user only
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-4060-database-engine-error
--- database: own
CREATE LOGIN [{login}] WITH PASSWORD = '{password}', CHECK_POLICY = OFF;
CREATE USER p_enters FOR LOGIN [{login}];
GO
--- session r login
SELECT USER_NAME(), CURRENT_USER, CAST(CASE WHEN SUSER_SNAME() = ORIGINAL_LOGIN() THEN 1 ELSE 0 END AS int), IS_SRVROLEMEMBER('sysadmin'), IS_MEMBER('db_owner'), IS_MEMBER('public')
=> p_enters|p_enters|1|0|0|1

--- case: a login has one user in a database
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-15000-to-15999
--- database: own
CREATE LOGIN [{login}] WITH PASSWORD = '{password}', CHECK_POLICY = OFF;
CREATE USER p_first FOR LOGIN [{login}];
GO
CREATE USER p_second FOR LOGIN [{login}]
=> error 15063 level 16: The login already has an account under a different user name.

--- case: a login exists already
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-15000-to-15999
--- database: own
CREATE LOGIN [{login}] WITH PASSWORD = '{password}', CHECK_POLICY = OFF;
GO
CREATE LOGIN [{login}] WITH PASSWORD = '{password}', CHECK_POLICY = OFF
=> error 15025 level 16: The server principal '*' already exists.

--- case: a login is disabled and dropped
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-login-transact-sql
--- database: own
CREATE LOGIN [{login}] WITH PASSWORD = '{password}', CHECK_POLICY = OFF;
ALTER LOGIN [{login}] DISABLE;
SELECT is_disabled, type_desc, default_database_name FROM sys.server_principals WHERE name = '{login}'
=> 1|SQL_LOGIN|master
ALTER LOGIN [{login}] ENABLE;
SELECT is_disabled FROM sys.sql_logins WHERE name = '{login}'
=> 0
DROP LOGIN [{login}];
SELECT COUNT(*) FROM sys.server_principals WHERE name = '{login}'
=> 0

--- case: a login that does not exist cannot be dropped
--- doc: https://learn.microsoft.com/sql/t-sql/statements/drop-login-transact-sql
DROP LOGIN no_such_login_here
=> error 15151 level 16: Cannot drop the login 'no_such_login_here', because it does not exist or you do not have permission.

--- case: a login that does not exist cannot be altered
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-login-transact-sql
ALTER LOGIN no_such_login_here DISABLE
=> error 15151 level 16: Cannot alter the login 'no_such_login_here', because it does not exist or you do not have permission.

--- case: server roles
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-server-role-transact-sql
--- database: own
CREATE LOGIN [{login}] WITH PASSWORD = '{password}', CHECK_POLICY = OFF;
SELECT IS_SRVROLEMEMBER('sysadmin', '{login}'), IS_SRVROLEMEMBER('public', '{login}'), IS_SRVROLEMEMBER('nothing', '{login}')
=> 0|1|NULL
ALTER SERVER ROLE sysadmin ADD MEMBER [{login}];
SELECT IS_SRVROLEMEMBER('sysadmin', '{login}');
SELECT r.name FROM sys.server_role_members m JOIN sys.server_principals r ON r.principal_id = m.role_principal_id JOIN sys.server_principals l ON l.principal_id = m.member_principal_id WHERE l.name = '{login}'
=> 1
=> ;
=> sysadmin
--- session r login
SELECT USER_NAME(), IS_SRVROLEMEMBER('sysadmin')
=> dbo|1

--- case: a server role that does not exist
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-addsrvrolemember-transact-sql
EXEC sp_addsrvrolemember 'sa', 'no_such_role'
=> error 15402: 'no_such_role' is not a fixed server role.

--- case: only administrators make logins
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-login-transact-sql
--- database: own
CREATE LOGIN [{login}] WITH PASSWORD = '{password}', CHECK_POLICY = OFF;
CREATE USER [{login}] FOR LOGIN [{login}];
GO
--- session r login
CREATE LOGIN some_other_login WITH PASSWORD = 'Abcdef-123456'
=> error 15247 level 16: User does not have permission to perform this action.

--- case: who is not an owner makes no users and no roles
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-role-transact-sql
--- database: own
CREATE LOGIN [{login}] WITH PASSWORD = '{password}', CHECK_POLICY = OFF;
CREATE USER [{login}] FOR LOGIN [{login}];
GO
--- session r login
CREATE ROLE p_denied
=> error 15247 level 16: User does not have permission to perform this action.
CREATE USER p_denied WITHOUT LOGIN
=> error 15247 level 16: User does not have permission to perform this action.
ALTER ROLE db_owner ADD MEMBER [{login}]
=> error 15151 level 16: Cannot alter the role 'db_owner', because it does not exist or you do not have permission.
--- session a
ALTER ROLE db_owner ADD MEMBER [{login}];
GO
--- session r login
CREATE ROLE p_allowed;
SELECT IS_MEMBER('db_owner'), IS_ROLEMEMBER('db_owner'), IS_MEMBER('p_allowed'), IS_MEMBER('no_role')
=> 1|1|0|NULL

--- case: another database is closed to who has no user there
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-916-database-engine-error
--- database: own
CREATE LOGIN [{login}] WITH PASSWORD = '{password}', CHECK_POLICY = OFF;
CREATE USER p_visitor FOR LOGIN [{login}];
GO
--- session r login
SELECT HAS_DBACCESS(DB_NAME()), HAS_DBACCESS('master'), HAS_DBACCESS('no_such_database')
=> 1|1|NULL

--- case: EXECUTE AS USER and REVERT
--- doc: https://learn.microsoft.com/sql/t-sql/statements/execute-as-transact-sql
CREATE USER p_acted WITHOUT LOGIN;
GO
EXECUTE AS USER = 'p_acted';
SELECT USER_NAME(), CURRENT_USER, IS_MEMBER('db_owner'), IS_SRVROLEMEMBER('sysadmin');
REVERT;
SELECT USER_NAME()
=> p_acted|p_acted|0|0
=> ;
=> dbo

--- case: EXECUTE AS of an inner batch ends with it
--- doc: https://learn.microsoft.com/sql/t-sql/statements/execute-as-clause-transact-sql
CREATE USER p_inner_context WITHOUT LOGIN;
GO
EXEC ('EXECUTE AS USER = ''p_inner_context''; SELECT USER_NAME()');
SELECT USER_NAME()
=> p_inner_context
=> ;
=> dbo

--- case: EXECUTE AS contexts nest
--- doc: https://learn.microsoft.com/sql/t-sql/statements/revert-transact-sql
CREATE USER p_outer_context WITHOUT LOGIN;
CREATE USER p_deep_context WITHOUT LOGIN;
ALTER ROLE db_owner ADD MEMBER p_outer_context;
GO
EXECUTE AS USER = 'p_outer_context';
EXECUTE AS USER = 'p_deep_context';
SELECT USER_NAME();
REVERT;
SELECT USER_NAME();
REVERT;
SELECT USER_NAME()
=> p_deep_context
=> ;
=> p_outer_context
=> ;
=> dbo

--- case: EXECUTE AS a user who does not exist
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-15517-database-engine-error
EXECUTE AS USER = 'p_nobody'
=> error 15517 level 16: Cannot execute as the database principal because the principal "p_nobody" does not exist, this type of principal cannot be impersonated, or you do not have permission.

--- case: EXECUTE AS a login that does not exist
--- doc: https://learn.microsoft.com/sql/t-sql/statements/execute-as-transact-sql
EXECUTE AS LOGIN = 'no_such_login_here'
=> error 15406 level 16: Cannot execute as the server principal because the principal "no_such_login_here" does not exist, this type of principal cannot be impersonated, or you do not have permission.

--- case: EXECUTE AS LOGIN
--- doc: https://learn.microsoft.com/sql/t-sql/statements/execute-as-transact-sql
--- database: own
CREATE LOGIN [{login}] WITH PASSWORD = '{password}', CHECK_POLICY = OFF;
CREATE USER p_as_login FOR LOGIN [{login}];
GO
EXECUTE AS LOGIN = '{login}';
SELECT USER_NAME(), CAST(CASE WHEN SUSER_SNAME() = '{login}' THEN 1 ELSE 0 END AS int), CAST(CASE WHEN ORIGINAL_LOGIN() = '{login}' THEN 1 ELSE 0 END AS int), IS_SRVROLEMEMBER('sysadmin');
REVERT;
SELECT USER_NAME()
=> p_as_login|1|0|0
=> ;
=> dbo

--- case: names and ids of principals
--- doc: https://learn.microsoft.com/sql/t-sql/functions/database-principal-id-transact-sql
SELECT DATABASE_PRINCIPAL_ID('db_owner'), DATABASE_PRINCIPAL_ID('nobody_at_all'), USER_NAME(1), USER_NAME(16390), USER_ID('guest'), USER_NAME(9999)
=> 16384|NULL|dbo|db_datareader|2|NULL

--- case: a user is renamed
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-user-transact-sql
CREATE USER p_old_name WITHOUT LOGIN;
ALTER USER p_old_name WITH NAME = p_new_name;
SELECT COUNT(*) FROM sys.database_principals WHERE name = 'p_new_name'
=> 1

--- case: a schema other than dbo is not searched for unqualified names
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-user-transact-sql
--- refused: unqualified names are looked up in dbo only
CREATE USER p_elsewhere WITHOUT LOGIN WITH DEFAULT_SCHEMA = guest;
SELECT default_schema_name FROM sys.database_principals WHERE name = 'p_elsewhere'
=> guest

--- case: server roles of one's own
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-server-role-transact-sql
--- refused: only the fixed server roles are there
CREATE SERVER ROLE p_server_role;
DROP SERVER ROLE p_server_role;
SELECT 1
=> 1
