-- Constraints: what they refuse, what they are called, when they are trusted
--- case: a primary key's violation names the key
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-2627-database-engine-error
CREATE TABLE dbo.k1 (a int NOT NULL, b varchar(10) NOT NULL, CONSTRAINT pk_k1 PRIMARY KEY (a, b));
INSERT dbo.k1 VALUES (1, 'abc');
GO
INSERT dbo.k1 VALUES (1, 'abc')
=> error 2627 level 14 state 1: Violation of PRIMARY KEY constraint 'pk_k1'. Cannot insert duplicate key in object 'dbo.k1'. The duplicate key value is (1, abc).

--- case: a unique constraint's violation with NULL
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-2627-database-engine-error
CREATE TABLE dbo.k2 (id int PRIMARY KEY, v int NULL CONSTRAINT uq_k2 UNIQUE);
INSERT dbo.k2 VALUES (1, NULL);
GO
INSERT dbo.k2 VALUES (2, NULL)
=> error 2627 level 14: Violation of UNIQUE KEY constraint 'uq_k2'. Cannot insert duplicate key in object 'dbo.k2'. The duplicate key value is (<NULL>).

--- case: a unique index's violation
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-2601-database-engine-error
CREATE TABLE dbo.k3 (id int PRIMARY KEY, v int);
CREATE UNIQUE INDEX ux_k3 ON dbo.k3 (v);
INSERT dbo.k3 VALUES (1, 5);
GO
INSERT dbo.k3 VALUES (2, 5)
=> error 2601 level 14: Cannot insert duplicate key row in object 'dbo.k3' with unique index 'ux_k3'. The duplicate key value is (5).

--- case: rows of one INSERT that clash with each other
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-2627-database-engine-error
CREATE TABLE dbo.k4 (id int CONSTRAINT pk_k4 PRIMARY KEY);
GO
INSERT dbo.k4 SELECT v FROM (VALUES (1), (2), (2)) AS x(v)
=> error 2627 level 14: Violation of PRIMARY KEY constraint 'pk_k4'. Cannot insert duplicate key in object 'dbo.k4'. The duplicate key value is (2).
SELECT COUNT(*) FROM dbo.k4
=> 0

--- case: an UPDATE that makes a duplicate
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-2627-database-engine-error
CREATE TABLE dbo.k5 (id int CONSTRAINT pk_k5 PRIMARY KEY, v int);
INSERT dbo.k5 VALUES (1, 1), (2, 2);
GO
UPDATE dbo.k5 SET id = 1 WHERE id = 2
=> error 2627 level 14: Violation of PRIMARY KEY constraint 'pk_k5'. Cannot insert duplicate key in object 'dbo.k5'. The duplicate key value is (1).

--- case: a CHECK constraint at a column
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-547-database-engine-error
CREATE TABLE dbo.k6 (id int PRIMARY KEY, v int CONSTRAINT ck_k6 CHECK (v > 0));
GO
INSERT dbo.k6 VALUES (1, 0)
=> error 547 level 16 state 0: The INSERT statement conflicted with the CHECK constraint "ck_k6". The conflict occurred in database "*", table "dbo.k6", column 'v'.
INSERT dbo.k6 VALUES (1, NULL);
SELECT COUNT(*) FROM dbo.k6
=> 1

--- case: a CHECK constraint of the table
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-547-database-engine-error
CREATE TABLE dbo.k7 (a int, b int, CONSTRAINT ck_k7 CHECK (a < b));
INSERT dbo.k7 VALUES (1, 2);
GO
UPDATE dbo.k7 SET a = 3
=> error 547 level 16: The UPDATE statement conflicted with the CHECK constraint "ck_k7". The conflict occurred in database "*", table "dbo.k7".

--- case: adding a CHECK constraint that rows break
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql
CREATE TABLE dbo.k8 (id int PRIMARY KEY, v int);
INSERT dbo.k8 VALUES (1, -1);
GO
ALTER TABLE dbo.k8 ADD CONSTRAINT ck_k8 CHECK (v > 0)
=> error 547 level 16: The ALTER TABLE statement conflicted with the CHECK constraint "ck_k8". *
ALTER TABLE dbo.k8 WITH NOCHECK ADD CONSTRAINT ck_k8 CHECK (v > 0);
SELECT is_not_trusted, is_disabled FROM sys.check_constraints WHERE name = 'ck_k8'
=> 1|0
INSERT dbo.k8 VALUES (2, -2)
=> error 547

--- case: a disabled constraint checks nothing and is not trusted afterwards
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/disable-check-constraints-with-insert-and-update-statements
CREATE TABLE dbo.k9 (id int PRIMARY KEY, v int CONSTRAINT ck_k9 CHECK (v > 0));
ALTER TABLE dbo.k9 NOCHECK CONSTRAINT ck_k9;
INSERT dbo.k9 VALUES (1, -1);
SELECT is_not_trusted, is_disabled FROM sys.check_constraints WHERE name = 'ck_k9';
ALTER TABLE dbo.k9 CHECK CONSTRAINT ck_k9;
SELECT is_not_trusted, is_disabled FROM sys.check_constraints WHERE name = 'ck_k9'
=> 1|1
=> ;
=> 1|0
ALTER TABLE dbo.k9 WITH CHECK CHECK CONSTRAINT ALL
=> error 547 level 16: The ALTER TABLE statement conflicted with the CHECK constraint "ck_k9". *
DELETE dbo.k9;
ALTER TABLE dbo.k9 WITH CHECK CHECK CONSTRAINT ALL;
SELECT is_not_trusted, is_disabled FROM sys.check_constraints WHERE name = 'ck_k9'
=> 0|0

--- case: a constraint that does not exist
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-4000-to-4999
CREATE TABLE dbo.k10 (id int PRIMARY KEY);
GO
ALTER TABLE dbo.k10 NOCHECK CONSTRAINT nothing
=> error 4917 level 16: Constraint 'nothing' does not exist.
ALTER TABLE dbo.k10 DROP CONSTRAINT nothing
=> error 3728 level 16: 'nothing' is not a constraint.
ALTER TABLE dbo.k10 DROP CONSTRAINT IF EXISTS nothing;
SELECT 1
=> 1

--- case: a constraint's name is taken
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-2000-to-2999
CREATE TABLE dbo.k11 (id int CONSTRAINT pk_k11 PRIMARY KEY);
GO
CREATE TABLE dbo.k12 (id int CONSTRAINT pk_k11 PRIMARY KEY)
=> error 2714 level 16: There is already an object named 'pk_k11' in the database.

--- case: a table has one primary key
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-1000-to-1999
CREATE TABLE dbo.k13 (id int PRIMARY KEY, v int NOT NULL);
GO
ALTER TABLE dbo.k13 ADD PRIMARY KEY (v)
=> error 1779 level 16: Table 'k13' already has a primary key defined on it.

--- case: a primary key is NOT NULL
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
CREATE TABLE dbo.k14 (v int NULL);
GO
ALTER TABLE dbo.k14 ADD PRIMARY KEY (v)
=> error 8111 level 16: Cannot define PRIMARY KEY constraint on nullable column in table 'k14'.

--- case: the second error of a constraint that fails
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-1000-to-1999
CREATE TABLE dbo.k15 (v int NULL);
GO
BEGIN TRY
    ALTER TABLE dbo.k15 ADD PRIMARY KEY (v);
END TRY
BEGIN CATCH
    SELECT ERROR_NUMBER(), ERROR_MESSAGE();
END CATCH
=> 1750|Could not create constraint or index. See previous errors.

--- case: rows that are not unique
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-1505-database-engine-error
CREATE TABLE dbo.k16 (id int NOT NULL);
INSERT dbo.k16 VALUES (7), (7);
GO
ALTER TABLE dbo.k16 ADD CONSTRAINT pk_k16 PRIMARY KEY (id)
=> error 1505 level 16: The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the object name 'dbo.k16' and the index name 'pk_k16'. The duplicate key value is (7).

--- case: a column has one default
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-1000-to-1999
CREATE TABLE dbo.k17 (id int PRIMARY KEY, v int DEFAULT 1);
GO
ALTER TABLE dbo.k17 ADD CONSTRAINT df_k17 DEFAULT 2 FOR v
=> error 1781 level 16: Column already has a DEFAULT bound to it.

--- case: a default is added and dropped
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql
CREATE TABLE dbo.k18 (id int PRIMARY KEY, v int);
ALTER TABLE dbo.k18 ADD CONSTRAINT df_k18 DEFAULT 5 FOR v;
INSERT dbo.k18 (id) VALUES (1);
ALTER TABLE dbo.k18 DROP CONSTRAINT df_k18;
INSERT dbo.k18 (id) VALUES (2);
SELECT id, v FROM dbo.k18 ORDER BY id
=> 1|5
=> 2|NULL

--- case: definitions as they are shown
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-default-constraints-transact-sql
CREATE TABLE dbo.k19 (id int PRIMARY KEY, v int CONSTRAINT df_k19 DEFAULT 5, w varchar(5) CONSTRAINT df_k19w DEFAULT 'x');
SELECT name, definition, is_system_named FROM sys.default_constraints WHERE parent_object_id = OBJECT_ID('dbo.k19') ORDER BY name
=> df_k19|((5))|0
=> df_k19w|('x')|0

--- case: two columns of one name
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-2000-to-2999
CREATE TABLE dbo.k20 (a int, A int)
=> error 2705 level 16: Column names in each table must be unique. Column name 'A' in table 'dbo.k20' is specified more than once.

--- case: a table that is there already
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-2000-to-2999
CREATE TABLE dbo.k21 (a int);
GO
CREATE TABLE dbo.k21 (a int)
=> error 2714 level 16: There is already an object named 'k21' in the database.

--- case: NOT FOR REPLICATION is remembered
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-check-constraints-transact-sql
CREATE TABLE dbo.k22 (id int IDENTITY NOT FOR REPLICATION PRIMARY KEY, v int CONSTRAINT ck_k22 CHECK NOT FOR REPLICATION (v > 0));
SELECT is_not_for_replication FROM sys.check_constraints WHERE name = 'ck_k22';
SELECT is_not_for_replication FROM sys.identity_columns WHERE object_id = OBJECT_ID('dbo.k22')
=> 1
=> ;
=> 1
