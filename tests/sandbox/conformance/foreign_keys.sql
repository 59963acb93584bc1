-- Foreign keys
--- case: a child without parent
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-547-database-engine-error
CREATE TABLE dbo.p1 (id int PRIMARY KEY);
CREATE TABLE dbo.f1 (id int PRIMARY KEY, p int CONSTRAINT fk_f1 REFERENCES dbo.p1 (id));
GO
INSERT dbo.f1 VALUES (1, 1)
=> error 547 level 16 state 0: The INSERT statement conflicted with the FOREIGN KEY constraint "fk_f1". The conflict occurred in database "*", table "dbo.p1", column 'id'.
INSERT dbo.f1 VALUES (1, NULL);
SELECT COUNT(*) FROM dbo.f1
=> 1

--- case: a parent with children
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-547-database-engine-error
CREATE TABLE dbo.p2 (id int PRIMARY KEY);
CREATE TABLE dbo.f2 (id int PRIMARY KEY, p int CONSTRAINT fk_f2 REFERENCES dbo.p2 (id));
INSERT dbo.p2 VALUES (1);
INSERT dbo.f2 VALUES (1, 1);
GO
DELETE dbo.p2
=> error 547 level 16: The DELETE statement conflicted with the REFERENCE constraint "fk_f2". The conflict occurred in database "*", table "dbo.f2", column 'p'.

--- case: a key of the table itself
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-547-database-engine-error
CREATE TABLE dbo.f3 (id int PRIMARY KEY, p int CONSTRAINT fk_f3 REFERENCES dbo.f3 (id));
INSERT dbo.f3 VALUES (1, 1);
GO
INSERT dbo.f3 VALUES (2, 9)
=> error 547 level 16: The INSERT statement conflicted with the FOREIGN KEY SAME TABLE constraint "fk_f3". The conflict occurred in database "*", table "dbo.f3", column 'id'.

--- case: ON DELETE CASCADE
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/primary-and-foreign-key-constraints
CREATE TABLE dbo.p4 (id int PRIMARY KEY);
CREATE TABLE dbo.f4 (id int PRIMARY KEY, p int REFERENCES dbo.p4 (id) ON DELETE CASCADE ON UPDATE CASCADE);
INSERT dbo.p4 VALUES (1), (2);
INSERT dbo.f4 VALUES (1, 1), (2, 2);
DELETE dbo.p4 WHERE id = 1;
UPDATE dbo.p4 SET id = 5;
SELECT id, p FROM dbo.f4
=> 2|5

--- case: ON DELETE SET NULL
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/primary-and-foreign-key-constraints
CREATE TABLE dbo.p5 (id int PRIMARY KEY);
CREATE TABLE dbo.f5 (id int PRIMARY KEY, p int NULL REFERENCES dbo.p5 (id) ON DELETE SET NULL);
INSERT dbo.p5 VALUES (1);
INSERT dbo.f5 VALUES (1, 1);
DELETE dbo.p5;
SELECT id, p FROM dbo.f5
=> 1|NULL

--- case: a table that does not exist
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-1000-to-1999
CREATE TABLE dbo.f6 (id int PRIMARY KEY, p int CONSTRAINT fk_f6 REFERENCES dbo.no_such_table (id))
=> error 1767 level 16: Foreign key 'fk_f6' references invalid table 'dbo.no_such_table'.

--- case: columns that are no key
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-1000-to-1999
CREATE TABLE dbo.p7 (id int PRIMARY KEY, v int);
GO
CREATE TABLE dbo.f7 (id int PRIMARY KEY, p int CONSTRAINT fk_f7 REFERENCES dbo.p7 (v))
=> error 1776 level 16: There are no primary or candidate keys in the referenced table 'dbo.p7' that match the referencing column list in the foreign key 'fk_f7'.

--- case: types that differ
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-1000-to-1999
CREATE TABLE dbo.p8 (id int PRIMARY KEY);
GO
CREATE TABLE dbo.f8 (id int PRIMARY KEY, p bigint CONSTRAINT fk_f8 REFERENCES dbo.p8 (id))
=> error 1778 level 16: Column 'dbo.p8.id' is not the same data type as referencing column 'f8.p' in foreign key 'fk_f8'.

--- case: a column that does not exist
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-1000-to-1999
CREATE TABLE dbo.p9 (id int PRIMARY KEY);
GO
CREATE TABLE dbo.f9 (id int PRIMARY KEY, p int, CONSTRAINT fk_f9 FOREIGN KEY (nothing) REFERENCES dbo.p9 (id))
=> error 1769 level 16: Foreign key 'fk_f9' references invalid column 'nothing' in referencing table 'f9'.

--- case: a column of the parent that does not exist
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-1000-to-1999
CREATE TABLE dbo.p10 (id int PRIMARY KEY);
GO
CREATE TABLE dbo.f10 (id int PRIMARY KEY, p int CONSTRAINT fk_f10 REFERENCES dbo.p10 (nothing))
=> error 1770 level 16: Foreign key 'fk_f10' references invalid column 'nothing' in referenced table 'dbo.p10'.

--- case: two paths of cascades to one table
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-1785-database-engine-error
CREATE TABLE dbo.p11 (id int PRIMARY KEY);
CREATE TABLE dbo.m11 (id int PRIMARY KEY, p int REFERENCES dbo.p11 ON DELETE CASCADE);
GO
CREATE TABLE dbo.f11 (id int PRIMARY KEY, p int REFERENCES dbo.p11 ON DELETE CASCADE, m int CONSTRAINT fk_f11 REFERENCES dbo.m11 ON DELETE CASCADE)
=> error 1785 level 16: Introducing FOREIGN KEY constraint 'fk_f11' on table 'f11' may cause cycles or multiple cascade paths. Specify ON DELETE NO ACTION or ON UPDATE NO ACTION, or modify other FOREIGN KEY constraints.

--- case: a cascade back to the table itself
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-1785-database-engine-error
CREATE TABLE dbo.f12 (id int PRIMARY KEY, p int CONSTRAINT fk_f12 REFERENCES dbo.f12 ON DELETE CASCADE)
=> error 1785 level 16: Introducing FOREIGN KEY constraint 'fk_f12' on table 'f12' may cause cycles or multiple cascade paths. *

--- case: adding a key that rows break
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql
CREATE TABLE dbo.p13 (id int PRIMARY KEY);
CREATE TABLE dbo.f13 (id int PRIMARY KEY, p int);
INSERT dbo.f13 VALUES (1, 1);
GO
ALTER TABLE dbo.f13 ADD CONSTRAINT fk_f13 FOREIGN KEY (p) REFERENCES dbo.p13 (id)
=> error 547 level 16: The ALTER TABLE statement conflicted with the FOREIGN KEY constraint "fk_f13". *
ALTER TABLE dbo.f13 WITH NOCHECK ADD CONSTRAINT fk_f13 FOREIGN KEY (p) REFERENCES dbo.p13 (id);
SELECT is_not_trusted, is_disabled FROM sys.foreign_keys WHERE name = 'fk_f13'
=> 1|0

--- case: a disabled key checks nothing
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/disable-foreign-key-constraints-with-insert-and-update-statements
CREATE TABLE dbo.p14 (id int PRIMARY KEY);
CREATE TABLE dbo.f14 (id int PRIMARY KEY, p int CONSTRAINT fk_f14 REFERENCES dbo.p14);
ALTER TABLE dbo.f14 NOCHECK CONSTRAINT fk_f14;
INSERT dbo.f14 VALUES (1, 1);
SELECT is_not_trusted, is_disabled FROM sys.foreign_keys WHERE name = 'fk_f14'
=> 1|1

--- case: a table that is referred to cannot be dropped
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-3000-to-3999
CREATE TABLE dbo.p15 (id int PRIMARY KEY);
CREATE TABLE dbo.f15 (id int PRIMARY KEY, p int REFERENCES dbo.p15);
GO
DROP TABLE dbo.p15
=> error 3726 level 16: Could not drop object 'dbo.p15' because it is referenced by a FOREIGN KEY constraint.
DROP TABLE dbo.f15, dbo.p15;
SELECT OBJECT_ID('dbo.p15')
=> NULL

--- case: a key that is referred to cannot be dropped
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-3000-to-3999
CREATE TABLE dbo.p16 (id int CONSTRAINT pk_p16 PRIMARY KEY);
CREATE TABLE dbo.f16 (id int PRIMARY KEY, p int CONSTRAINT fk_f16 REFERENCES dbo.p16);
GO
ALTER TABLE dbo.p16 DROP CONSTRAINT pk_p16
=> error 3725 level 16: The constraint 'pk_p16' is being referenced by table 'f16', foreign key constraint 'fk_f16'.

--- case: keys as the catalog shows them
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-foreign-keys-transact-sql
CREATE TABLE dbo.p17 (a int, b int, PRIMARY KEY (a, b));
CREATE TABLE dbo.f17 (id int PRIMARY KEY, x int, y int, CONSTRAINT fk_f17 FOREIGN KEY (x, y) REFERENCES dbo.p17 (a, b) ON DELETE CASCADE ON UPDATE NO ACTION);
SELECT name, delete_referential_action_desc, update_referential_action_desc, is_system_named FROM sys.foreign_keys WHERE parent_object_id = OBJECT_ID('dbo.f17');
SELECT constraint_column_id, COL_NAME(parent_object_id, parent_column_id), COL_NAME(referenced_object_id, referenced_column_id) FROM sys.foreign_key_columns WHERE parent_object_id = OBJECT_ID('dbo.f17') ORDER BY constraint_column_id
=> fk_f17|CASCADE|NO_ACTION|0
=> ;
=> 1|x|a
=> 2|y|b

--- case: the second error of a key that fails
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-1000-to-1999
CREATE TABLE dbo.p18 (id int PRIMARY KEY, v int);
GO
BEGIN TRY
    CREATE TABLE dbo.f18 (id int PRIMARY KEY, p int CONSTRAINT fk_f18 REFERENCES dbo.p18 (v));
END TRY
BEGIN CATCH
    SELECT ERROR_NUMBER();
END CATCH;
SELECT OBJECT_ID('dbo.f18')
=> 1750
=> ;
=> NULL

--- case: SET DEFAULT
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/primary-and-foreign-key-constraints
--- refused: ON DELETE SET DEFAULT
CREATE TABLE dbo.p19 (id int PRIMARY KEY);
CREATE TABLE dbo.f19 (id int PRIMARY KEY, p int DEFAULT 0 REFERENCES dbo.p19 ON DELETE SET DEFAULT);
INSERT dbo.p19 VALUES (0), (1);
INSERT dbo.f19 VALUES (1, 1);
DELETE dbo.p19 WHERE id = 1;
SELECT p FROM dbo.f19
=> 0
