-- sp_rename and ALTER SCHEMA TRANSFER
--- case: a table is renamed
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-rename-transact-sql
CREATE TABLE dbo.r1 (id int PRIMARY KEY);
INSERT dbo.r1 VALUES (1);
EXEC sp_rename 'dbo.r1', 'r1_new';
SELECT id FROM dbo.r1_new;
SELECT OBJECT_ID('dbo.r1'), OBJECT_NAME(OBJECT_ID('dbo.r1_new'))
=> 1
=> ;
=> NULL|r1_new

--- case: the old name is free for another table
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-rename-transact-sql
CREATE TABLE dbo.r2 (id int PRIMARY KEY);
INSERT dbo.r2 VALUES (1);
EXEC sp_rename 'dbo.r2', 'r2_old';
CREATE TABLE dbo.r2 (id int PRIMARY KEY, v int);
INSERT dbo.r2 VALUES (5, 6);
SELECT id FROM dbo.r2_old;
SELECT id, v FROM dbo.r2;
DROP TABLE dbo.r2_old;
SELECT COUNT(*) FROM dbo.r2
=> 1
=> ;
=> 5|6
=> ;
=> 1

--- case: a column is renamed
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-rename-transact-sql
CREATE TABLE dbo.r3 (id int PRIMARY KEY, a int NOT NULL, b int NULL);
CREATE INDEX ix_r3 ON dbo.r3 (a);
INSERT dbo.r3 VALUES (1, 2, 3);
EXEC sp_rename 'dbo.r3.a', 'c', 'COLUMN';
SELECT c, b FROM dbo.r3 WHERE c = 2;
SELECT name, column_id FROM sys.columns WHERE object_id = OBJECT_ID('dbo.r3') ORDER BY column_id
=> 2|3
=> ;
=> id|1
=> c|2
=> b|3

--- case: the new name is taken as it is written
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-rename-transact-sql
CREATE TABLE dbo.r4 (id int PRIMARY KEY, a int);
EXEC sp_rename '[dbo].[r4].[a]', 'a b', 'COLUMN';
SELECT name FROM sys.columns WHERE object_id = OBJECT_ID('dbo.r4') AND column_id = 2
=> a b

--- case: a key of another table still refers to a renamed column
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-rename-transact-sql
CREATE TABLE dbo.r5 (id int NOT NULL CONSTRAINT pk_r5 PRIMARY KEY);
CREATE TABLE dbo.r5_child (id int PRIMARY KEY, parent int CONSTRAINT fk_r5 REFERENCES dbo.r5);
INSERT dbo.r5 VALUES (1);
EXEC sp_rename 'dbo.r5.id', 'nr', 'COLUMN';
EXEC sp_rename 'dbo.r5_child.parent', 'up', 'COLUMN';
INSERT dbo.r5_child VALUES (1, 1);
GO
INSERT dbo.r5_child (id, up) VALUES (2, 2)
=> error 547 level 16: The INSERT statement conflicted with the FOREIGN KEY constraint "fk_r5". The conflict occurred in database "*", table "dbo.r5", column 'nr'.

--- case: a column that does not exist
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-rename-transact-sql
CREATE TABLE dbo.r6 (id int PRIMARY KEY);
GO
EXEC sp_rename 'dbo.r6.nothing', 'x', 'COLUMN'
=> error 15248 level 11: Either the parameter @objname is ambiguous or the claimed @objtype (COLUMN) is wrong.

--- case: a table that does not exist
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-rename-transact-sql
EXEC sp_rename 'dbo.no_such_table', 'x'
=> error 15225 level 11: No item by the name of 'dbo.no_such_table' could be found in the current database '*', given that @itemtype was input as '(null)'.

--- case: a name that is taken by another object
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-rename-transact-sql
CREATE TABLE dbo.r7 (id int PRIMARY KEY);
CREATE TABLE dbo.r8 (id int PRIMARY KEY);
GO
EXEC sp_rename 'dbo.r7', 'r8'
=> error 15335 level 11: Error: The new name 'r8' is already in use as a * name and would cause a duplicate that is not permitted.

--- case: a name that is taken by another column
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-rename-transact-sql
CREATE TABLE dbo.r9 (id int PRIMARY KEY, a int);
GO
EXEC sp_rename 'dbo.r9.a', 'id', 'COLUMN'
=> error 15335 level 11: Error: The new name 'id' is already in use as a COLUMN name and would cause a duplicate that is not permitted.

--- case: a column with a CHECK constraint cannot be renamed
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-15000-to-15999
CREATE TABLE dbo.r10 (id int PRIMARY KEY, a int CONSTRAINT ck_r10 CHECK (a > 0));
GO
EXEC sp_rename 'dbo.r10.a', 'b', 'COLUMN'
=> error 15336 level 16: Object 'dbo.r10.a' cannot be renamed because the object participates in enforced dependencies.

--- case: an index is renamed
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-rename-transact-sql
CREATE TABLE dbo.r11 (id int PRIMARY KEY, a int);
CREATE UNIQUE INDEX ix_r11 ON dbo.r11 (a);
INSERT dbo.r11 VALUES (1, 1);
EXEC sp_rename 'dbo.r11.ix_r11', 'ux_r11', 'INDEX';
GO
INSERT dbo.r11 VALUES (2, 1)
=> error 2601 level 14: Cannot insert duplicate key row in object 'dbo.r11' with unique index 'ux_r11'. *

--- case: a constraint is renamed
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-rename-transact-sql
CREATE TABLE dbo.r12 (id int NOT NULL CONSTRAINT pk_r12 PRIMARY KEY, a int CONSTRAINT ck_r12 CHECK (a > 0));
EXEC sp_rename 'dbo.pk_r12', 'pk_r12_new', 'OBJECT';
EXEC sp_rename 'dbo.ck_r12', 'ck_r12_new';
SELECT name FROM sys.indexes WHERE object_id = OBJECT_ID('dbo.r12');
SELECT name FROM sys.key_constraints WHERE parent_object_id = OBJECT_ID('dbo.r12')
=> pk_r12_new
=> ;
=> pk_r12_new
INSERT dbo.r12 VALUES (1, -1)
=> error 547 level 16: The INSERT statement conflicted with the CHECK constraint "ck_r12_new". *

--- case: a type of item that is none
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-rename-transact-sql
CREATE TABLE dbo.r13 (id int PRIMARY KEY);
GO
EXEC sp_rename 'dbo.r13', 'x', 'TABLE'
=> error 15249

--- case: a renamed table after ROLLBACK
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/rollback-transaction-transact-sql
CREATE TABLE dbo.r14 (id int PRIMARY KEY, a int);
BEGIN TRANSACTION;
EXEC sp_rename 'dbo.r14.a', 'b', 'COLUMN';
EXEC sp_rename 'dbo.r14', 'r14_new';
ROLLBACK;
SELECT COUNT(a) FROM dbo.r14
=> 0

--- case: a table moves to another schema
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-schema-transact-sql
CREATE SCHEMA r_other;
GO
CREATE TABLE dbo.r15 (id int NOT NULL CONSTRAINT pk_r15 PRIMARY KEY);
INSERT dbo.r15 VALUES (1);
ALTER SCHEMA r_other TRANSFER dbo.r15;
SELECT id FROM r_other.r15;
SELECT OBJECT_SCHEMA_NAME(OBJECT_ID('r_other.r15')), OBJECT_SCHEMA_NAME(OBJECT_ID('r_other.pk_r15')), OBJECT_ID('dbo.r15')
=> 1
=> ;
=> r_other|r_other|NULL

--- case: a schema that does not exist
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-schema-transact-sql
CREATE TABLE dbo.r16 (id int);
GO
ALTER SCHEMA no_such_schema TRANSFER dbo.r16
=> error 15151 level 16: Cannot alter the schema 'no_such_schema', because it does not exist or you do not have permission.

--- case: an object to transfer that does not exist
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-schema-transact-sql
ALTER SCHEMA dbo TRANSFER dbo.no_such_table
=> error 15151 level 16: Cannot find the object '*no_such_table', because it does not exist or you do not have permission.

--- case: what a schema-bound view reads keeps its name
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-view-transact-sql
CREATE TABLE dbo.m9 (id int PRIMARY KEY, a int, b int);
GO
CREATE VIEW dbo.m9v WITH SCHEMABINDING AS SELECT id, a FROM dbo.m9;
GO
EXEC sp_rename 'dbo.m9.a', 'c', 'COLUMN'
=> error 15336
EXEC sp_rename 'dbo.m9', 'm9n'
=> error 15336
SELECT name FROM sys.columns WHERE object_id = OBJECT_ID('dbo.m9') ORDER BY column_id
=> id
=> a
=> b
EXEC sp_rename 'dbo.m9.b', 'c', 'COLUMN'
SELECT c FROM dbo.m9
=> (none)
