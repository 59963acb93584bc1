-- Permissions: GRANT, DENY, REVOKE and what they let a user do
--- case: a user may do nothing that was not granted
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
CREATE TABLE dbo.g1 (id int PRIMARY KEY, v int);
INSERT dbo.g1 VALUES (1, 1);
CREATE USER u_g1 WITHOUT LOGIN;
GO
EXECUTE AS USER = 'u_g1';
GO
SELECT id FROM dbo.g1
=> error 229 level 14 state 5: The SELECT permission was denied on the object 'g1', database '*', schema 'dbo'.
INSERT dbo.g1 VALUES (2, 2)
=> error 229 level 14 state 5: The INSERT permission was denied on the object 'g1', database '*', schema 'dbo'.
UPDATE dbo.g1 SET v = 2
=> error 229 level 14 state 5: The UPDATE permission was denied on the object 'g1', database '*', schema 'dbo'.
DELETE dbo.g1
=> error 229 level 14 state 5: The DELETE permission was denied on the object 'g1', database '*', schema 'dbo'.
REVERT;
SELECT COUNT(*) FROM dbo.g1
=> 1

--- case: SELECT is granted and revoked
--- doc: https://learn.microsoft.com/sql/t-sql/statements/grant-object-permissions-transact-sql
CREATE TABLE dbo.g2 (id int PRIMARY KEY);
INSERT dbo.g2 VALUES (1);
CREATE USER u_g2 WITHOUT LOGIN;
GRANT SELECT ON dbo.g2 TO u_g2;
GO
EXECUTE AS USER = 'u_g2';
SELECT id FROM dbo.g2;
REVERT;
=> 1
REVOKE SELECT ON dbo.g2 FROM u_g2;
GO
EXECUTE AS USER = 'u_g2';
SELECT id FROM dbo.g2
=> error 229

--- case: DENY outweighs GRANT to a role
--- doc: https://learn.microsoft.com/sql/t-sql/statements/deny-object-permissions-transact-sql
CREATE TABLE dbo.g3 (id int PRIMARY KEY);
CREATE USER u_g3 WITHOUT LOGIN;
CREATE ROLE r_g3;
ALTER ROLE r_g3 ADD MEMBER u_g3;
GRANT SELECT ON dbo.g3 TO u_g3;
DENY SELECT ON dbo.g3 TO r_g3;
GO
EXECUTE AS USER = 'u_g3';
SELECT id FROM dbo.g3
=> error 229

--- case: a role's permission is its members'
--- doc: https://learn.microsoft.com/sql/t-sql/statements/grant-object-permissions-transact-sql
CREATE TABLE dbo.g4 (id int PRIMARY KEY);
INSERT dbo.g4 VALUES (4);
CREATE USER u_g4 WITHOUT LOGIN;
CREATE ROLE r_g4;
ALTER ROLE r_g4 ADD MEMBER u_g4;
GRANT SELECT ON OBJECT::dbo.g4 TO r_g4;
GO
EXECUTE AS USER = 'u_g4';
SELECT id FROM dbo.g4
=> 4

--- case: a permission on a schema is one on what is in it
--- doc: https://learn.microsoft.com/sql/t-sql/statements/grant-schema-permissions-transact-sql
CREATE SCHEMA g5;
GO
CREATE TABLE g5.t (id int PRIMARY KEY);
INSERT g5.t VALUES (5);
CREATE USER u_g5 WITHOUT LOGIN;
GRANT SELECT, INSERT ON SCHEMA::g5 TO u_g5;
GO
EXECUTE AS USER = 'u_g5';
INSERT g5.t VALUES (6);
SELECT id FROM g5.t ORDER BY id
=> 5
=> 6
DELETE g5.t
=> error 229

--- case: a permission on the database is one on everything in it
--- doc: https://learn.microsoft.com/sql/t-sql/statements/grant-database-permissions-transact-sql
CREATE TABLE dbo.g6 (id int PRIMARY KEY);
INSERT dbo.g6 VALUES (6);
CREATE USER u_g6 WITHOUT LOGIN;
GRANT SELECT TO u_g6;
GO
EXECUTE AS USER = 'u_g6';
SELECT id FROM dbo.g6
=> 6

--- case: what public may, everybody may
--- doc: https://learn.microsoft.com/sql/relational-databases/security/authentication-access/database-level-roles
CREATE TABLE dbo.g7 (id int PRIMARY KEY);
INSERT dbo.g7 VALUES (7);
CREATE USER u_g7 WITHOUT LOGIN;
GRANT SELECT ON dbo.g7 TO public;
GO
EXECUTE AS USER = 'u_g7';
SELECT id FROM dbo.g7
=> 7

--- case: db_datareader reads, db_datawriter writes
--- doc: https://learn.microsoft.com/sql/relational-databases/security/authentication-access/database-level-roles
CREATE TABLE dbo.g8 (id int PRIMARY KEY, v int);
INSERT dbo.g8 VALUES (8, 1);
CREATE USER u_g8r WITHOUT LOGIN;
CREATE USER u_g8w WITHOUT LOGIN;
ALTER ROLE db_datareader ADD MEMBER u_g8r;
ALTER ROLE db_datawriter ADD MEMBER u_g8w;
GO
EXECUTE AS USER = 'u_g8r';
SELECT id FROM dbo.g8;
REVERT;
=> 8
EXECUTE AS USER = 'u_g8w';
INSERT dbo.g8 VALUES (9, 1);
UPDATE dbo.g8 SET v = 3;
REVERT;
SELECT COUNT(*) FROM dbo.g8 WHERE v = 3
=> 2
EXECUTE AS USER = 'u_g8r';
DELETE dbo.g8
=> error 229
REVERT;
EXECUTE AS USER = 'u_g8w';
SELECT id FROM dbo.g8
=> error 229

--- case: db_denydatareader outweighs a GRANT
--- doc: https://learn.microsoft.com/sql/relational-databases/security/authentication-access/database-level-roles
CREATE TABLE dbo.g9 (id int PRIMARY KEY);
CREATE USER u_g9 WITHOUT LOGIN;
GRANT SELECT ON dbo.g9 TO u_g9;
ALTER ROLE db_denydatareader ADD MEMBER u_g9;
GO
EXECUTE AS USER = 'u_g9';
SELECT id FROM dbo.g9
=> error 229

--- case: CONTROL is everything
--- doc: https://learn.microsoft.com/sql/relational-databases/security/permissions-database-engine
CREATE TABLE dbo.g10 (id int PRIMARY KEY);
CREATE USER u_g10 WITHOUT LOGIN;
GRANT CONTROL ON dbo.g10 TO u_g10;
GO
EXECUTE AS USER = 'u_g10';
INSERT dbo.g10 VALUES (1);
SELECT id FROM dbo.g10;
=> 1
ALTER TABLE dbo.g10 ADD v int NULL;
DROP TABLE dbo.g10;
REVERT;
SELECT OBJECT_ID('dbo.g10')
=> NULL

--- case: CREATE TABLE has to be granted
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-262-database-engine-error
CREATE USER u_g11 WITHOUT LOGIN;
GO
EXECUTE AS USER = 'u_g11';
CREATE TABLE dbo.g11 (id int)
=> error 262 level 14 state 1: CREATE TABLE permission denied in database '*'.

--- case: and ALTER on the schema
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-table-transact-sql#permissions-1
CREATE USER u_g12 WITHOUT LOGIN;
GRANT CREATE TABLE TO u_g12;
GO
EXECUTE AS USER = 'u_g12';
CREATE TABLE dbo.g12 (id int)
=> error 2760 level 16: The specified schema name "dbo" either does not exist or you do not have permission to use it.
REVERT;
GRANT ALTER ON SCHEMA::dbo TO u_g12;
GO
EXECUTE AS USER = 'u_g12';
CREATE TABLE dbo.g12 (id int);
REVERT;
SELECT COUNT(*) FROM dbo.g12
=> 0

--- case: db_ddladmin makes tables and does not read them
--- doc: https://learn.microsoft.com/sql/relational-databases/security/authentication-access/database-level-roles
CREATE USER u_g13 WITHOUT LOGIN;
ALTER ROLE db_ddladmin ADD MEMBER u_g13;
GO
EXECUTE AS USER = 'u_g13';
CREATE TABLE dbo.g13 (id int NOT NULL);
ALTER TABLE dbo.g13 ADD v int NULL;
CREATE INDEX ix_g13 ON dbo.g13 (v);
GO
SELECT id FROM dbo.g13
=> error 229

--- case: a temporary table needs no permission
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-table-transact-sql#permissions-1
CREATE USER u_g14 WITHOUT LOGIN;
GO
EXECUTE AS USER = 'u_g14';
CREATE TABLE #g14 (id int PRIMARY KEY);
INSERT #g14 VALUES (1);
SELECT id FROM #g14
=> 1

--- case: a table that may not be dropped
--- doc: https://learn.microsoft.com/sql/t-sql/statements/drop-table-transact-sql
CREATE TABLE dbo.g15 (id int PRIMARY KEY);
CREATE USER u_g15 WITHOUT LOGIN;
GRANT SELECT ON dbo.g15 TO u_g15;
GO
EXECUTE AS USER = 'u_g15';
DROP TABLE dbo.g15
=> error 3701 level 11: Cannot drop the table '*g15', because it does not exist or you do not have permission.

--- case: a table that may not be altered
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql#permissions
CREATE TABLE dbo.g16 (id int PRIMARY KEY);
CREATE USER u_g16 WITHOUT LOGIN;
GRANT SELECT ON dbo.g16 TO u_g16;
GO
EXECUTE AS USER = 'u_g16';
ALTER TABLE dbo.g16 ADD v int NULL
=> error 1088 level 16: Cannot find the object "*g16" because it does not exist or you do not have permissions.
TRUNCATE TABLE dbo.g16
=> error 1088 level 16: Cannot find the object "*g16" because it does not exist or you do not have permissions.

--- case: who owns a schema owns what is in it
--- doc: https://learn.microsoft.com/sql/relational-databases/security/authentication-access/ownership-and-user-schema-separation
CREATE USER u_g17 WITHOUT LOGIN;
GO
CREATE SCHEMA g17 AUTHORIZATION u_g17;
GO
CREATE TABLE g17.t (id int PRIMARY KEY);
DENY SELECT ON g17.t TO public;
GO
EXECUTE AS USER = 'u_g17';
INSERT g17.t VALUES (17);
SELECT id FROM g17.t
=> 17

--- case: the owner of the database is not denied anything
--- doc: https://learn.microsoft.com/sql/t-sql/statements/deny-transact-sql
CREATE TABLE dbo.g18 (id int PRIMARY KEY);
INSERT dbo.g18 VALUES (18);
DENY SELECT ON dbo.g18 TO public;
GO
SELECT id FROM dbo.g18
=> 18

--- case: permissions are shown
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-database-permissions-transact-sql
CREATE TABLE dbo.g19 (id int PRIMARY KEY);
CREATE USER u_g19 WITHOUT LOGIN;
GRANT SELECT ON dbo.g19 TO u_g19;
DENY DELETE ON dbo.g19 TO u_g19;
GRANT UPDATE ON dbo.g19 TO u_g19 WITH GRANT OPTION;
SELECT class_desc, minor_id, permission_name, state_desc, USER_NAME(grantor_principal_id) FROM sys.database_permissions WHERE major_id = OBJECT_ID('dbo.g19') ORDER BY permission_name
=> OBJECT_OR_COLUMN|0|DELETE|DENY|dbo
=> OBJECT_OR_COLUMN|0|SELECT|GRANT|dbo
=> OBJECT_OR_COLUMN|0|UPDATE|GRANT_WITH_GRANT_OPTION|dbo

--- case: a new user may connect
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-user-transact-sql
CREATE USER u_g20 WITHOUT LOGIN;
SELECT class_desc, permission_name, state_desc FROM sys.database_permissions WHERE grantee_principal_id = USER_ID('u_g20')
=> DATABASE|CONNECT|GRANT

--- case: what was granted on an object goes with it
--- doc: https://learn.microsoft.com/sql/t-sql/statements/drop-table-transact-sql
CREATE TABLE dbo.g21 (id int PRIMARY KEY);
CREATE USER u_g21 WITHOUT LOGIN;
GRANT SELECT ON dbo.g21 TO u_g21;
DROP TABLE dbo.g21;
SELECT COUNT(*) FROM sys.database_permissions WHERE grantee_principal_id = USER_ID('u_g21') AND class = 1
=> 0

--- case: GRANT to nobody
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-15000-to-15999
CREATE TABLE dbo.g22 (id int PRIMARY KEY);
GO
GRANT SELECT ON dbo.g22 TO no_such_user
=> error 15151 level 16: Cannot find the user 'no_such_user', because it does not exist or you do not have permission.

--- case: GRANT on nothing
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-15000-to-15999
GRANT SELECT ON dbo.no_such_table TO public
=> error 15151 level 16: Cannot find the object 'no_such_table', because it does not exist or you do not have permission.

--- case: WITH GRANT OPTION passes a permission on, and is revoked with CASCADE
--- doc: https://learn.microsoft.com/sql/t-sql/statements/grant-transact-sql
CREATE TABLE dbo.g23 (id int PRIMARY KEY);
CREATE USER u_g23 WITHOUT LOGIN;
CREATE USER u_g23b WITHOUT LOGIN;
GRANT SELECT ON dbo.g23 TO u_g23 WITH GRANT OPTION;
GO
EXECUTE AS USER = 'u_g23';
GRANT SELECT ON dbo.g23 TO u_g23b;
REVERT;
EXECUTE AS USER = 'u_g23b';
SELECT COUNT(*) FROM dbo.g23;
REVERT;
=> 0
REVOKE SELECT ON dbo.g23 FROM u_g23
=> error 4611 level 16: To revoke or deny grantable privileges, specify the CASCADE option.

--- case: who may not grant does not find the object
--- doc: https://learn.microsoft.com/sql/t-sql/statements/grant-transact-sql
CREATE TABLE dbo.g24 (id int PRIMARY KEY);
CREATE USER u_g24 WITHOUT LOGIN;
GO
EXECUTE AS USER = 'u_g24';
GRANT SELECT ON dbo.g24 TO public
=> error 15151 level 16: Cannot find the object 'g24', because it does not exist or you do not have permission.

--- case: HAS_PERMS_BY_NAME
--- doc: https://learn.microsoft.com/sql/t-sql/functions/has-perms-by-name-transact-sql
CREATE TABLE dbo.g25 (id int PRIMARY KEY);
CREATE USER u_g25 WITHOUT LOGIN;
GRANT SELECT ON dbo.g25 TO u_g25;
GO
EXECUTE AS USER = 'u_g25';
SELECT HAS_PERMS_BY_NAME('dbo.g25', 'OBJECT', 'SELECT'), HAS_PERMS_BY_NAME('dbo.g25', 'OBJECT', 'DELETE'), HAS_PERMS_BY_NAME('dbo.g25', 'OBJECT', 'NONSENSE'), HAS_PERMS_BY_NAME('dbo', 'SCHEMA', 'ALTER'), HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'CONTROL'), HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE');
REVERT;
SELECT HAS_PERMS_BY_NAME('dbo.g25', 'OBJECT', 'DELETE'), HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'ANY'), HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE')
=> 1|0|NULL|0|0|0
=> ;
=> 1|1|1

--- case: an INSERT that reads needs SELECT where it reads
--- doc: https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql#permissions
CREATE TABLE dbo.g26 (id int PRIMARY KEY);
CREATE TABLE dbo.g26_from (id int PRIMARY KEY);
CREATE USER u_g26 WITHOUT LOGIN;
GRANT INSERT ON dbo.g26 TO u_g26;
GO
EXECUTE AS USER = 'u_g26';
INSERT dbo.g26 VALUES (1);
GO
INSERT dbo.g26 SELECT id FROM dbo.g26_from
=> error 229 level 14: The SELECT permission was denied on the object 'g26_from', database '*', schema 'dbo'.

--- case: columns have no permissions of their own
--- doc: https://learn.microsoft.com/sql/t-sql/statements/grant-object-permissions-transact-sql
--- refused: permissions are on whole objects
CREATE TABLE dbo.g27 (id int PRIMARY KEY, v int);
CREATE USER u_g27 WITHOUT LOGIN;
GRANT SELECT (id) ON dbo.g27 TO u_g27;
EXECUTE AS USER = 'u_g27';
SELECT COUNT(id) FROM dbo.g27
=> 0

--- case: members of db_owner may alter the database, others not
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-database-transact-sql
CREATE USER u_g28 WITHOUT LOGIN;
GO
EXECUTE AS USER = 'u_g28';
GO
ALTER DATABASE CURRENT SET RECOVERY SIMPLE
=> error 5011 level 14

--- case: a catalog view is everybody's
--- doc: https://learn.microsoft.com/sql/relational-databases/security/metadata-visibility-configuration
CREATE TABLE dbo.g29 (id int PRIMARY KEY);
CREATE USER u_g29 WITHOUT LOGIN;
GRANT SELECT ON dbo.g29 TO u_g29;
GO
EXECUTE AS USER = 'u_g29';
SELECT name FROM sys.tables WHERE name = 'g29'
=> g29

--- case: a procedure does what its caller may not
--- doc: https://learn.microsoft.com/sql/relational-databases/tutorial-ownership-chains-and-context-switching
CREATE TABLE dbo.g30 (id int PRIMARY KEY);
INSERT dbo.g30 VALUES (30);
CREATE USER u_g30 WITHOUT LOGIN;
GO
CREATE PROCEDURE dbo.read_g30 AS SELECT id FROM dbo.g30;
GO
EXECUTE AS USER = 'u_g30';
GO
EXEC dbo.read_g30
=> error 229 level 14: The EXECUTE permission was denied on the object 'read_g30', database '*', schema 'dbo'.
REVERT;
GRANT EXECUTE ON dbo.read_g30 TO u_g30;
GO
EXECUTE AS USER = 'u_g30';
GO
EXEC dbo.read_g30
=> 30
SELECT id FROM dbo.g30
=> error 229

--- case: a view shows what its reader may not read
--- doc: https://learn.microsoft.com/sql/relational-databases/tutorial-ownership-chains-and-context-switching
CREATE TABLE dbo.g31 (id int PRIMARY KEY);
INSERT dbo.g31 VALUES (31);
CREATE USER u_g31 WITHOUT LOGIN;
GO
CREATE VIEW dbo.show_g31 AS SELECT id FROM dbo.g31;
GO
GRANT SELECT ON dbo.show_g31 TO u_g31;
GO
EXECUTE AS USER = 'u_g31';
SELECT id FROM dbo.show_g31
=> 31
SELECT id FROM dbo.g31
=> error 229
