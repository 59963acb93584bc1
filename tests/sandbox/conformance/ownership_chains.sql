-- Ownership chains: what a module may do that its caller may not

--- case: a DENY on the table does not count in a chain
--- doc: https://learn.microsoft.com/sql/relational-databases/tutorial-ownership-chains-and-context-switching
CREATE TABLE dbo.o1 (id int PRIMARY KEY);
INSERT dbo.o1 VALUES (1);
CREATE USER u_o1 WITHOUT LOGIN;
GO
CREATE PROCEDURE dbo.read_o1 AS SELECT id FROM dbo.o1;
GO
GRANT EXECUTE ON dbo.read_o1 TO u_o1;
DENY SELECT ON dbo.o1 TO u_o1;
GO
EXECUTE AS USER = 'u_o1';
GO
EXEC dbo.read_o1
=> 1

--- case: EXEC of a string breaks the chain
--- doc: https://learn.microsoft.com/dotnet/framework/data/adonet/sql/writing-secure-dynamic-sql-in-sql-server
CREATE TABLE dbo.o2 (id int PRIMARY KEY);
INSERT dbo.o2 VALUES (2);
CREATE USER u_o2 WITHOUT LOGIN;
GO
CREATE PROCEDURE dbo.read_o2 AS EXEC ('SELECT id FROM dbo.o2');
GO
GRANT EXECUTE ON dbo.read_o2 TO u_o2;
GO
EXECUTE AS USER = 'u_o2';
GO
EXEC dbo.read_o2
=> error 229 level 14: The SELECT permission was denied on the object 'o2', database '*', schema 'dbo'.
REVERT;
GRANT SELECT ON dbo.o2 TO u_o2;
GO
EXECUTE AS USER = 'u_o2';
GO
EXEC dbo.read_o2
=> 2

--- case: sp_executesql breaks the chain
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-executesql-transact-sql
CREATE TABLE dbo.o3 (id int PRIMARY KEY);
INSERT dbo.o3 VALUES (3);
CREATE USER u_o3 WITHOUT LOGIN;
GO
CREATE PROCEDURE dbo.write_o3 @id int AS EXEC sp_executesql N'DELETE dbo.o3', N'@id int', @id;
GO
GRANT EXECUTE ON dbo.write_o3 TO u_o3;
GO
EXECUTE AS USER = 'u_o3';
GO
EXEC dbo.write_o3 3
=> error 229 level 14: The DELETE permission was denied on the object 'o3', database '*', schema 'dbo'.
REVERT;
SELECT id FROM dbo.o3
=> 3

--- case: a procedure that a string calls has a chain of its own
--- doc: https://learn.microsoft.com/dotnet/framework/data/adonet/sql/writing-secure-dynamic-sql-in-sql-server
CREATE TABLE dbo.o4 (id int PRIMARY KEY);
INSERT dbo.o4 VALUES (4);
CREATE USER u_o4 WITHOUT LOGIN;
GO
CREATE PROCEDURE dbo.inner_o4 AS SELECT id FROM dbo.o4;
GO
CREATE PROCEDURE dbo.outer_o4 AS EXEC ('EXEC dbo.inner_o4');
GO
GRANT EXECUTE ON dbo.outer_o4 TO u_o4;
GO
EXECUTE AS USER = 'u_o4';
GO
EXEC dbo.outer_o4
=> error 229 level 14: The EXECUTE permission was denied on the object 'inner_o4', database '*', schema 'dbo'.
REVERT;
GRANT EXECUTE ON dbo.inner_o4 TO u_o4;
GO
EXECUTE AS USER = 'u_o4';
GO
EXEC dbo.outer_o4
=> 4

--- case: a procedure calls another one of its owner
--- doc: https://learn.microsoft.com/sql/relational-databases/tutorial-ownership-chains-and-context-switching
CREATE TABLE dbo.o5 (id int PRIMARY KEY);
INSERT dbo.o5 VALUES (5);
CREATE USER u_o5 WITHOUT LOGIN;
GO
CREATE PROCEDURE dbo.inner_o5 AS SELECT id FROM dbo.o5;
GO
CREATE PROCEDURE dbo.outer_o5 AS EXEC dbo.inner_o5;
GO
GRANT EXECUTE ON dbo.outer_o5 TO u_o5;
GO
EXECUTE AS USER = 'u_o5';
GO
EXEC dbo.outer_o5
=> 5

--- case: a table of another owner is checked
--- doc: https://learn.microsoft.com/sql/relational-databases/tutorial-ownership-chains-and-context-switching
CREATE USER owner_o6 WITHOUT LOGIN;
CREATE USER u_o6 WITHOUT LOGIN;
GO
CREATE SCHEMA s_o6 AUTHORIZATION owner_o6;
GO
CREATE TABLE s_o6.t (id int PRIMARY KEY);
INSERT s_o6.t VALUES (6);
GO
CREATE PROCEDURE dbo.read_o6 AS SELECT id FROM s_o6.t;
GO
GRANT EXECUTE ON dbo.read_o6 TO u_o6;
GO
EXECUTE AS USER = 'u_o6';
GO
EXEC dbo.read_o6
=> error 229 level 14: The SELECT permission was denied on the object 't', database '*', schema 's_o6'.
REVERT;
GRANT SELECT ON s_o6.t TO u_o6;
GO
EXECUTE AS USER = 'u_o6';
GO
EXEC dbo.read_o6
=> 6

--- case: what another one owns is checked for its writes as well
--- doc: https://learn.microsoft.com/sql/relational-databases/tutorial-ownership-chains-and-context-switching
CREATE USER owner_o7 WITHOUT LOGIN;
CREATE USER u_o7 WITHOUT LOGIN;
GO
CREATE SCHEMA s_o7 AUTHORIZATION owner_o7;
GO
CREATE TABLE s_o7.t (id int PRIMARY KEY);
GO
CREATE PROCEDURE dbo.write_o7 AS INSERT s_o7.t VALUES (7);
GO
GRANT EXECUTE ON dbo.write_o7 TO u_o7;
GO
EXECUTE AS USER = 'u_o7';
GO
EXEC dbo.write_o7
=> error 229 level 14: The INSERT permission was denied on the object 't', database '*', schema 's_o7'.
REVERT;
GO
CREATE PROCEDURE s_o7.own AS INSERT s_o7.t VALUES (7);
GO
GRANT EXECUTE ON s_o7.own TO u_o7;
GO
EXECUTE AS USER = 'u_o7';
GO
EXEC s_o7.own;
REVERT;
SELECT id FROM s_o7.t
=> 7

--- case: a view of another owner's table
--- doc: https://learn.microsoft.com/sql/relational-databases/tutorial-ownership-chains-and-context-switching
CREATE USER owner_o8 WITHOUT LOGIN;
CREATE USER u_o8 WITHOUT LOGIN;
GO
CREATE SCHEMA s_o8 AUTHORIZATION owner_o8;
GO
CREATE TABLE s_o8.t (id int PRIMARY KEY);
INSERT s_o8.t VALUES (8);
GO
CREATE VIEW dbo.show_o8 AS SELECT id FROM s_o8.t;
GO
GRANT SELECT ON dbo.show_o8 TO u_o8;
GO
EXECUTE AS USER = 'u_o8';
SELECT id FROM dbo.show_o8
=> error 229 level 14: The SELECT permission was denied on the object 't', database '*', schema 's_o8'.
REVERT;
GRANT SELECT ON s_o8.t TO u_o8;
EXECUTE AS USER = 'u_o8';
SELECT id FROM dbo.show_o8
=> 8

--- case: rows are changed through a view by who may change the view
--- doc: https://learn.microsoft.com/sql/relational-databases/tutorial-ownership-chains-and-context-switching
CREATE TABLE dbo.o9 (id int PRIMARY KEY, v int);
INSERT dbo.o9 VALUES (1, 9), (2, 9);
CREATE USER u_o9 WITHOUT LOGIN;
GO
CREATE VIEW dbo.show_o9 AS SELECT id, v FROM dbo.o9;
GO
EXECUTE AS USER = 'u_o9';
UPDATE dbo.show_o9 SET v = 10
=> error 229 level 14: The UPDATE permission was denied on the object 'show_o9', database '*', schema 'dbo'.
REVERT;
GRANT SELECT, UPDATE, DELETE ON dbo.show_o9 TO u_o9;
EXECUTE AS USER = 'u_o9';
UPDATE dbo.show_o9 SET v = 10 WHERE id = 1;
DELETE dbo.show_o9 WHERE id = 2;
SELECT id, v FROM dbo.show_o9
=> 1|10
UPDATE dbo.o9 SET v = 11
=> error 229 level 14: The UPDATE permission was denied on the object 'o9', database '*', schema 'dbo'.

--- case: a trigger writes what its user may not
--- doc: https://learn.microsoft.com/sql/relational-databases/tutorial-ownership-chains-and-context-switching
CREATE TABLE dbo.o10 (id int PRIMARY KEY);
CREATE TABLE dbo.o10_log (id int);
CREATE USER u_o10 WITHOUT LOGIN;
GRANT INSERT ON dbo.o10 TO u_o10;
GO
CREATE TRIGGER dbo.log_o10 ON dbo.o10 AFTER INSERT AS INSERT dbo.o10_log SELECT id FROM inserted;
GO
EXECUTE AS USER = 'u_o10';
INSERT dbo.o10 VALUES (10);
REVERT;
SELECT id FROM dbo.o10_log
=> 10

--- case: and not what another one owns
--- doc: https://learn.microsoft.com/sql/relational-databases/tutorial-ownership-chains-and-context-switching
CREATE USER owner_o11 WITHOUT LOGIN;
CREATE USER u_o11 WITHOUT LOGIN;
CREATE TABLE dbo.o11 (id int PRIMARY KEY);
GRANT INSERT ON dbo.o11 TO u_o11;
GO
CREATE SCHEMA s_o11 AUTHORIZATION owner_o11;
GO
CREATE TABLE s_o11.log (id int);
GO
CREATE TRIGGER dbo.log_o11 ON dbo.o11 AFTER INSERT AS INSERT s_o11.log SELECT id FROM inserted;
GO
EXECUTE AS USER = 'u_o11';
INSERT dbo.o11 VALUES (11)
=> error 229 level 14: The INSERT permission was denied on the object 'log', database '*', schema 's_o11'.

--- case: DDL is checked in a procedure too
--- doc: https://learn.microsoft.com/sql/relational-databases/stored-procedures/customizing-permissions-with-impersonation-in-sql-server
CREATE TABLE dbo.o12 (id int PRIMARY KEY);
CREATE USER u_o12 WITHOUT LOGIN;
GO
CREATE PROCEDURE dbo.make_o12 AS CREATE TABLE dbo.o12_new (id int);
GO
CREATE PROCEDURE dbo.truncate_o12 AS TRUNCATE TABLE dbo.o12;
GO
GRANT EXECUTE ON dbo.make_o12 TO u_o12;
GRANT EXECUTE ON dbo.truncate_o12 TO u_o12;
GO
EXECUTE AS USER = 'u_o12';
GO
EXEC dbo.make_o12
=> error 262 level 14: CREATE TABLE permission denied in database '*'.
EXEC dbo.truncate_o12
=> error 1088 level 16: Cannot find the object "*o12" because it does not exist or you do not have permissions.

--- case: an INSERT from its own target reads it
--- doc: https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql#permissions
CREATE TABLE dbo.o13 (id int);
INSERT dbo.o13 VALUES (13);
CREATE USER u_o13 WITHOUT LOGIN;
GRANT INSERT ON dbo.o13 TO u_o13;
EXECUTE AS USER = 'u_o13';
INSERT dbo.o13 VALUES (14);
INSERT dbo.o13 SELECT id FROM dbo.o13
=> error 229 level 14: The SELECT permission was denied on the object 'o13', database '*', schema 'dbo'.

--- case: INSERT … EXEC needs INSERT on its target
--- doc: https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql#permissions
CREATE TABLE dbo.o14 (id int);
CREATE USER u_o14 WITHOUT LOGIN;
EXECUTE AS USER = 'u_o14';
INSERT dbo.o14 EXEC ('SELECT 14')
=> error 229 level 14: The INSERT permission was denied on the object 'o14', database '*', schema 'dbo'.
REVERT;
SELECT COUNT(*) FROM dbo.o14
=> 0

--- case: a condition and an assigned value read as well
--- doc: https://learn.microsoft.com/sql/t-sql/queries/select-transact-sql#permissions
CREATE TABLE dbo.o15 (id int);
CREATE USER u_o15 WITHOUT LOGIN;
EXECUTE AS USER = 'u_o15';
IF EXISTS (SELECT 1 FROM dbo.o15) SELECT 1
=> error 229 level 14: The SELECT permission was denied on the object 'o15', database '*', schema 'dbo'.
DECLARE @n int = (SELECT COUNT(*) FROM dbo.o15)
=> error 229 level 14: The SELECT permission was denied on the object 'o15', database '*', schema 'dbo'.
