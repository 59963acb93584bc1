-- AFTER triggers: inserted and deleted, order, nesting, errors, transactions
--- case: an insert trigger reads the new rows as a set
--- doc: https://learn.microsoft.com/sql/relational-databases/triggers/use-the-inserted-and-deleted-tables
CREATE TABLE dbo.a1 (id int PRIMARY KEY, v varchar(10));
CREATE TABLE dbo.a1_log (id int, v varchar(10))
GO
CREATE TRIGGER dbo.a1_insert ON dbo.a1 AFTER INSERT AS
INSERT dbo.a1_log SELECT id, v FROM inserted
GO
INSERT dbo.a1 VALUES (1, 'a'), (2, 'b');
INSERT dbo.a1 SELECT id + 10, v FROM dbo.a1;
SELECT id, v FROM dbo.a1_log ORDER BY id
=> 1|a
=> 2|b
=> 11|a
=> 12|b

--- case: an update trigger reads old and new rows
--- doc: https://learn.microsoft.com/sql/relational-databases/triggers/use-the-inserted-and-deleted-tables
CREATE TABLE dbo.a2 (id int PRIMARY KEY, v int);
INSERT dbo.a2 VALUES (1, 10), (2, 20), (3, 30);
CREATE TABLE dbo.a2_log (id int, old int, new int)
GO
CREATE TRIGGER dbo.a2_update ON dbo.a2 FOR UPDATE AS
INSERT dbo.a2_log SELECT i.id, d.v, i.v FROM inserted i JOIN deleted d ON d.id = i.id
GO
UPDATE dbo.a2 SET v = v + 1 WHERE id <= 2;
SELECT id, old, new FROM dbo.a2_log ORDER BY id
=> 1|10|11
=> 2|20|21

--- case: a delete trigger reads the rows that went
--- doc: https://learn.microsoft.com/sql/relational-databases/triggers/use-the-inserted-and-deleted-tables
CREATE TABLE dbo.a3 (id int PRIMARY KEY);
INSERT dbo.a3 VALUES (1), (2), (3);
CREATE TABLE dbo.a3_log (gone int, come int)
GO
CREATE TRIGGER dbo.a3_delete ON dbo.a3 AFTER DELETE AS
INSERT dbo.a3_log SELECT (SELECT COUNT(*) FROM deleted), (SELECT COUNT(*) FROM inserted)
GO
DELETE dbo.a3 WHERE id > 1;
SELECT gone, come FROM dbo.a3_log
=> 2|0

--- case: one trigger for all three statements
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-trigger-transact-sql
CREATE TABLE dbo.a4 (id int PRIMARY KEY);
CREATE TABLE dbo.a4_log (n int IDENTITY, what varchar(10))
GO
CREATE TRIGGER dbo.a4_all ON dbo.a4 AFTER INSERT, UPDATE, DELETE AS
INSERT dbo.a4_log (what) SELECT CASE WHEN EXISTS (SELECT * FROM inserted) AND EXISTS (SELECT * FROM deleted) THEN 'update'
  WHEN EXISTS (SELECT * FROM inserted) THEN 'insert' WHEN EXISTS (SELECT * FROM deleted) THEN 'delete' ELSE 'nothing' END
GO
INSERT dbo.a4 VALUES (1);
UPDATE dbo.a4 SET id = 2;
DELETE dbo.a4;
DELETE dbo.a4;
SELECT what FROM dbo.a4_log ORDER BY n
=> insert
=> update
=> delete
=> nothing

--- case: a trigger fires once a statement, also when no row was changed
--- doc: https://learn.microsoft.com/sql/relational-databases/triggers/create-dml-triggers-to-handle-multiple-rows-of-data
CREATE TABLE dbo.a5 (id int PRIMARY KEY);
INSERT dbo.a5 VALUES (1), (2);
CREATE TABLE dbo.a5_log (n int)
GO
CREATE TRIGGER dbo.a5_update ON dbo.a5 AFTER UPDATE AS
INSERT dbo.a5_log SELECT COUNT(*) FROM inserted
GO
UPDATE dbo.a5 SET id = id + 10;
UPDATE dbo.a5 SET id = 0 WHERE id = -1;
SELECT n FROM dbo.a5_log ORDER BY n
=> 0
=> 2

--- case: @@ROWCOUNT in a trigger is that of the statement, and after it too
--- doc: https://learn.microsoft.com/sql/t-sql/functions/rowcount-transact-sql
CREATE TABLE dbo.a6 (id int);
CREATE TABLE dbo.a6_log (n int)
GO
CREATE TRIGGER dbo.a6_insert ON dbo.a6 AFTER INSERT AS
DECLARE @n int = @@ROWCOUNT;
INSERT dbo.a6_log VALUES (@n)
GO
INSERT dbo.a6 VALUES (1), (2), (3);
SELECT @@ROWCOUNT, (SELECT n FROM dbo.a6_log)
=> 3|3

--- case: UPDATE(column) tells which columns the statement assigned
--- doc: https://learn.microsoft.com/sql/t-sql/functions/update-trigger-functions-transact-sql
CREATE TABLE dbo.a7 (id int PRIMARY KEY, a int, b int);
CREATE TABLE dbo.a7_log (n int IDENTITY, a bit, b bit)
GO
CREATE TRIGGER dbo.a7_change ON dbo.a7 AFTER INSERT, UPDATE AS
INSERT dbo.a7_log (a, b) SELECT CASE WHEN UPDATE(a) THEN 1 ELSE 0 END, CASE WHEN UPDATE(b) THEN 1 ELSE 0 END
GO
INSERT dbo.a7 (id, a) VALUES (1, 1);
UPDATE dbo.a7 SET a = 2;
UPDATE dbo.a7 SET b = b;
SELECT a, b FROM dbo.a7_log ORDER BY n
=> 1|1
=> 1|0
=> 0|1

--- case: IF UPDATE(column) AND … decides
--- doc: https://learn.microsoft.com/sql/t-sql/functions/update-trigger-functions-transact-sql
CREATE TABLE dbo.a8 (id int PRIMARY KEY, state int, city int);
INSERT dbo.a8 VALUES (1, 1, 1)
GO
CREATE TRIGGER dbo.a8_update ON dbo.a8 AFTER UPDATE AS
IF (UPDATE(state) OR UPDATE(city)) AND NOT UPDATE(id) SELECT 'address' ELSE SELECT 'other'
GO
UPDATE dbo.a8 SET city = 2
=> address
UPDATE dbo.a8 SET id = 2, city = 3
=> other

--- case: COLUMNS_UPDATED has a bit a column
--- doc: https://learn.microsoft.com/sql/t-sql/functions/columns-updated-transact-sql
CREATE TABLE dbo.a9 (c1 int PRIMARY KEY, c2 int, c3 int, c4 int, c5 int, c6 int, c7 int, c8 int, c9 int);
INSERT dbo.a9 (c1) VALUES (1)
GO
CREATE TRIGGER dbo.a9_update ON dbo.a9 AFTER UPDATE AS SELECT CAST(COLUMNS_UPDATED() AS varbinary(8))
GO
UPDATE dbo.a9 SET c2 = 1, c3 = 1, c9 = 1
=> 0x0601

--- case: UPDATE() of a column that is not there is error 207
--- doc: https://learn.microsoft.com/sql/t-sql/functions/update-trigger-functions-transact-sql
CREATE TABLE dbo.a10 (id int)
GO
CREATE TRIGGER dbo.a10_t ON dbo.a10 AFTER UPDATE AS IF UPDATE(nope) SELECT 1
=> error 207 level 16

--- case: a trigger runs in the transaction of its statement
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-trigger-transact-sql
CREATE TABLE dbo.b1 (id int);
CREATE TABLE dbo.b1_log (n int)
GO
CREATE TRIGGER dbo.b1_t ON dbo.b1 AFTER INSERT AS INSERT dbo.b1_log VALUES (@@TRANCOUNT)
GO
INSERT dbo.b1 VALUES (1);
BEGIN TRAN;
INSERT dbo.b1 VALUES (2);
ROLLBACK;
SELECT n FROM dbo.b1_log;
SELECT @@TRANCOUNT
=> 1
=> ;
=> 0

--- case: ROLLBACK in a trigger undoes the statement, the trigger goes on, the batch ends with error 3609
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/rollback-transaction-transact-sql
CREATE TABLE dbo.b2 (id int);
CREATE TABLE dbo.b2_log (what varchar(20))
GO
CREATE TRIGGER dbo.b2_t ON dbo.b2 AFTER INSERT AS
IF EXISTS (SELECT * FROM inserted WHERE id < 0)
BEGIN
  ROLLBACK TRANSACTION;
  INSERT dbo.b2_log VALUES ('after rollback');
END
GO
INSERT dbo.b2 VALUES (1);
INSERT dbo.b2 VALUES (-1);
INSERT dbo.b2 VALUES (2)
=> error 3609 level 16 state 1: The transaction ended in the trigger. The batch has been aborted.
SELECT id FROM dbo.b2;
SELECT what FROM dbo.b2_log;
SELECT @@TRANCOUNT
=> 1
=> ;
=> after rollback
=> ;
=> 0

--- case: ROLLBACK in a trigger rolls back everything since the outermost BEGIN TRANSACTION
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/rollback-transaction-transact-sql
CREATE TABLE dbo.b3 (id int)
GO
CREATE TRIGGER dbo.b3_t ON dbo.b3 AFTER INSERT AS IF EXISTS (SELECT * FROM inserted WHERE id < 0) ROLLBACK
GO
BEGIN TRAN;
INSERT dbo.b3 VALUES (1);
INSERT dbo.b3 VALUES (-1);
COMMIT
=> error 3609
SELECT COUNT(*), @@TRANCOUNT FROM dbo.b3
=> 0|0

--- case: error 3609 can be caught
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/try-catch-transact-sql
CREATE TABLE dbo.b4 (id int)
GO
CREATE TRIGGER dbo.b4_t ON dbo.b4 AFTER INSERT AS ROLLBACK
GO
BEGIN TRY
  INSERT dbo.b4 VALUES (1);
END TRY
BEGIN CATCH
  SELECT ERROR_NUMBER(), @@TRANCOUNT, XACT_STATE();
END CATCH
=> 3609|0|0

--- case: an error in a trigger undoes the statement and ends the batch
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-xact-abort-transact-sql
CREATE TABLE dbo.b5 (id int);
CREATE TABLE dbo.b5_log (id int PRIMARY KEY)
GO
CREATE TRIGGER dbo.b5_t ON dbo.b5 AFTER INSERT AS INSERT dbo.b5_log VALUES (1)
GO
INSERT dbo.b5 VALUES (1)
GO
INSERT dbo.b5 VALUES (2);
INSERT dbo.b5 VALUES (3)
=> error 2627
SELECT id FROM dbo.b5
=> 1

--- case: an error in a trigger rolls the whole transaction back: XACT_ABORT is on in triggers
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-xact-abort-transact-sql
CREATE TABLE dbo.b6 (id int)
GO
CREATE TRIGGER dbo.b6_t ON dbo.b6 AFTER INSERT AS IF EXISTS (SELECT * FROM inserted WHERE id = 0) INSERT dbo.b6 SELECT 1 / id FROM inserted
GO
BEGIN TRAN;
INSERT dbo.b6 VALUES (1);
INSERT dbo.b6 VALUES (0)
=> error 8134
SELECT COUNT(*), @@TRANCOUNT FROM dbo.b6
=> 0|0

--- case: an error in a trigger that the caller catches leaves the transaction to be rolled back
--- doc: https://learn.microsoft.com/sql/t-sql/functions/xact-state-transact-sql
CREATE TABLE dbo.b7 (id int)
GO
CREATE TRIGGER dbo.b7_t ON dbo.b7 AFTER INSERT AS DECLARE @x int = 1 / 0
GO
BEGIN TRAN;
BEGIN TRY
  INSERT dbo.b7 VALUES (1);
END TRY
BEGIN CATCH
  SELECT ERROR_NUMBER(), XACT_STATE(), @@TRANCOUNT;
  ROLLBACK;
END CATCH
=> 8134|-1|1

--- case: RAISERROR alone does not undo the statement
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/raiserror-transact-sql
CREATE TABLE dbo.b8 (id int)
GO
CREATE TRIGGER dbo.b8_t ON dbo.b8 AFTER INSERT AS RAISERROR('careful', 16, 1)
GO
INSERT dbo.b8 VALUES (1)
=> error 50000 level 16: careful
SELECT id FROM dbo.b8
=> 1

--- case: THROW in a trigger undoes the statement
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/throw-transact-sql
CREATE TABLE dbo.b9 (id int)
GO
CREATE TRIGGER dbo.b9_t ON dbo.b9 AFTER INSERT AS THROW 50001, 'no', 1
GO
INSERT dbo.b9 VALUES (1)
=> error 50001 level 16: no
SELECT COUNT(*) FROM dbo.b9
=> 0

--- case: RAISERROR and ROLLBACK: the message, then the end of the batch
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-trigger-transact-sql
CREATE TABLE dbo.b10 (id int)
GO
CREATE TRIGGER dbo.b10_t ON dbo.b10 AFTER INSERT AS BEGIN RAISERROR('not allowed', 16, 1); ROLLBACK TRANSACTION; END
GO
INSERT dbo.b10 VALUES (1)
=> error 50000 level 16: not allowed
SELECT COUNT(*) FROM dbo.b10
=> 0

--- case: a constraint is checked before the trigger fires
--- doc: https://learn.microsoft.com/sql/relational-databases/triggers/dml-triggers
CREATE TABLE dbo.b11 (id int CHECK (id > 0));
CREATE TABLE dbo.b11_log (n int)
GO
CREATE TRIGGER dbo.b11_t ON dbo.b11 AFTER INSERT AS INSERT dbo.b11_log VALUES (1)
GO
INSERT dbo.b11 VALUES (0)
=> error 547
SELECT COUNT(*) FROM dbo.b11_log
=> 0

--- case: a trigger's change fires the triggers of the other table
--- doc: https://learn.microsoft.com/sql/relational-databases/triggers/create-nested-triggers
CREATE TABLE dbo.c1 (id int);
CREATE TABLE dbo.c1_next (id int);
CREATE TABLE dbo.c1_last (id int, level int)
GO
CREATE TRIGGER dbo.c1_t ON dbo.c1 AFTER INSERT AS INSERT dbo.c1_next SELECT id * 10 FROM inserted
GO
CREATE TRIGGER dbo.c1_next_t ON dbo.c1_next AFTER INSERT AS INSERT dbo.c1_last SELECT id + 1, TRIGGER_NESTLEVEL() FROM inserted
GO
INSERT dbo.c1 VALUES (1), (2);
SELECT id, level FROM dbo.c1_last ORDER BY id
=> 11|2
=> 21|2

--- case: the outer trigger's inserted is its own again after the inner one
--- doc: https://learn.microsoft.com/sql/relational-databases/triggers/create-nested-triggers
CREATE TABLE dbo.c2 (id int);
CREATE TABLE dbo.c2_log (id int)
GO
CREATE TRIGGER dbo.c2_t ON dbo.c2 AFTER INSERT AS
INSERT dbo.c2_log SELECT id + 100 FROM inserted;
INSERT dbo.c2_log SELECT id FROM inserted
GO
CREATE TRIGGER dbo.c2_log_t ON dbo.c2_log AFTER INSERT AS
UPDATE dbo.c2_log SET id = id + 1000 WHERE id IN (SELECT id FROM inserted)
GO
INSERT dbo.c2 VALUES (1);
SELECT id FROM dbo.c2_log ORDER BY id
=> 1001
=> 1101

--- case: a trigger does not fire itself: RECURSIVE_TRIGGERS is off
--- doc: https://learn.microsoft.com/sql/relational-databases/triggers/create-nested-triggers#recursive-triggers
CREATE TABLE dbo.c3 (id int, n int);
INSERT dbo.c3 VALUES (1, 0)
GO
CREATE TRIGGER dbo.c3_t ON dbo.c3 AFTER UPDATE AS UPDATE dbo.c3 SET n = n + 1 WHERE id IN (SELECT id FROM inserted)
GO
UPDATE dbo.c3 SET n = 10;
SELECT n FROM dbo.c3
=> 11

--- case: with RECURSIVE_TRIGGERS on it does
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-database-transact-sql-set-options
--- database: own
ALTER DATABASE CURRENT SET RECURSIVE_TRIGGERS ON
GO
CREATE TABLE dbo.c4 (n int)
GO
CREATE TRIGGER dbo.c4_t ON dbo.c4 AFTER UPDATE AS IF EXISTS (SELECT * FROM inserted WHERE n < 5) UPDATE dbo.c4 SET n = n + 1
GO
INSERT dbo.c4 VALUES (0);
UPDATE dbo.c4 SET n = 1;
SELECT n FROM dbo.c4
=> 5

--- case: two tables whose triggers change each other end at level 32
--- doc: https://learn.microsoft.com/sql/relational-databases/triggers/create-nested-triggers
CREATE TABLE dbo.c5 (n int);
CREATE TABLE dbo.c6 (n int)
GO
CREATE TRIGGER dbo.c5_t ON dbo.c5 AFTER INSERT AS INSERT dbo.c6 SELECT n + 1 FROM inserted
GO
CREATE TRIGGER dbo.c6_t ON dbo.c6 AFTER INSERT AS INSERT dbo.c5 SELECT n + 1 FROM inserted
GO
INSERT dbo.c5 VALUES (0)
=> error 217 level 16
SELECT COUNT(*) FROM dbo.c5
=> 0

--- case: the first and the last trigger are told by sp_settriggerorder
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-settriggerorder-transact-sql
CREATE TABLE dbo.d1 (id int);
CREATE TABLE dbo.d1_log (n int IDENTITY, who varchar(10))
GO
CREATE TRIGGER dbo.d1_x ON dbo.d1 AFTER INSERT AS INSERT dbo.d1_log (who) VALUES ('x')
GO
CREATE TRIGGER dbo.d1_y ON dbo.d1 AFTER INSERT AS INSERT dbo.d1_log (who) VALUES ('y')
GO
CREATE TRIGGER dbo.d1_z ON dbo.d1 AFTER INSERT AS INSERT dbo.d1_log (who) VALUES ('z')
GO
EXEC sp_settriggerorder @triggername = 'dbo.d1_z', @order = 'First', @stmttype = 'INSERT';
EXEC sp_settriggerorder @triggername = 'dbo.d1_x', @order = 'Last', @stmttype = 'INSERT'
GO
INSERT dbo.d1 VALUES (1);
SELECT who FROM dbo.d1_log ORDER BY n
=> z
=> y
=> x
SELECT OBJECT_NAME(object_id), is_first, is_last FROM sys.trigger_events WHERE OBJECT_NAME(object_id) LIKE 'd1[_]%' ORDER BY 1
=> d1_x|0|1
=> d1_y|0|0
=> d1_z|1|0

--- case: a disabled trigger does not fire until it is enabled
--- doc: https://learn.microsoft.com/sql/t-sql/statements/disable-trigger-transact-sql
CREATE TABLE dbo.e1 (id int);
CREATE TABLE dbo.e1_log (id int)
GO
CREATE TRIGGER dbo.e1_t ON dbo.e1 AFTER INSERT AS INSERT dbo.e1_log SELECT id FROM inserted
GO
DISABLE TRIGGER dbo.e1_t ON dbo.e1;
INSERT dbo.e1 VALUES (1);
ENABLE TRIGGER dbo.e1_t ON dbo.e1;
INSERT dbo.e1 VALUES (2);
ALTER TABLE dbo.e1 DISABLE TRIGGER ALL;
INSERT dbo.e1 VALUES (3);
ALTER TABLE dbo.e1 ENABLE TRIGGER e1_t;
INSERT dbo.e1 VALUES (4);
SELECT id FROM dbo.e1_log ORDER BY id
=> 2
=> 4

--- case: sys.triggers shows what a trigger is
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-triggers-transact-sql
CREATE TABLE dbo.e2 (id int)
GO
CREATE TRIGGER dbo.e2_t ON dbo.e2 AFTER INSERT, DELETE NOT FOR REPLICATION AS SET NOCOUNT ON
GO
DISABLE TRIGGER dbo.e2_t ON dbo.e2
GO
SELECT name, OBJECT_NAME(parent_id), type, type_desc, parent_class_desc, is_disabled, is_not_for_replication, is_instead_of_trigger FROM sys.triggers WHERE name = 'e2_t'
=> e2_t|e2|TR|SQL_TRIGGER|OBJECT_OR_COLUMN|1|1|0
SELECT type_desc FROM sys.trigger_events WHERE object_id = OBJECT_ID('dbo.e2_t') ORDER BY type
=> INSERT
=> DELETE
SELECT OBJECTPROPERTY(OBJECT_ID('dbo.e2_t'), 'ExecIsTriggerDisabled'), OBJECTPROPERTY(OBJECT_ID('dbo.e2_t'), 'ExecIsInsertTrigger'), OBJECTPROPERTY(OBJECT_ID('dbo.e2_t'), 'ExecIsUpdateTrigger'), OBJECTPROPERTY(OBJECT_ID('dbo.e2'), 'TableHasDeleteTrigger')
=> 1|1|0|1

--- case: ALTER TRIGGER changes text and events
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-trigger-transact-sql
CREATE TABLE dbo.e3 (id int)
GO
CREATE TRIGGER dbo.e3_t ON dbo.e3 AFTER INSERT AS SELECT 'one'
GO
INSERT dbo.e3 VALUES (1)
=> one
ALTER TRIGGER dbo.e3_t ON dbo.e3 AFTER UPDATE AS SELECT 'two'
GO
INSERT dbo.e3 VALUES (2)
GO
UPDATE dbo.e3 SET id = 3
=> two
SELECT OBJECT_DEFINITION(OBJECT_ID('dbo.e3_t'))
=> CREATE TRIGGER dbo.e3_t ON dbo.e3 AFTER UPDATE AS SELECT 'two'

--- case: DROP TRIGGER, and DROP TABLE takes its triggers along
--- doc: https://learn.microsoft.com/sql/t-sql/statements/drop-trigger-transact-sql
CREATE TABLE dbo.e4 (id int)
GO
CREATE TRIGGER dbo.e4_a ON dbo.e4 AFTER INSERT AS SELECT 'a'
GO
CREATE TRIGGER dbo.e4_b ON dbo.e4 AFTER INSERT AS SELECT 'b'
GO
DROP TRIGGER dbo.e4_a
GO
INSERT dbo.e4 VALUES (1)
=> b
DROP TRIGGER dbo.e4_a
=> error 3701 level 11: Cannot drop the trigger 'dbo.e4_a', because it does not exist or you do not have permission.
DROP TABLE dbo.e4
GO
SELECT COUNT(*) FROM sys.triggers WHERE name LIKE 'e4%'
=> 0

--- case: a trigger on a table that is not there is error 8197
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
CREATE TRIGGER dbo.e5_t ON dbo.no_such_table AFTER INSERT AS SELECT 1
=> error 8197 level 16: The object 'dbo.no_such_table' does not exist or is invalid for this operation.

--- case: OUTPUT without INTO is error 334 where a trigger is enabled
--- doc: https://learn.microsoft.com/sql/t-sql/queries/output-clause-transact-sql
CREATE TABLE dbo.f1 (id int)
GO
CREATE TRIGGER dbo.f1_t ON dbo.f1 AFTER INSERT AS SET NOCOUNT ON
GO
INSERT dbo.f1 OUTPUT inserted.id VALUES (1)
=> error 334 level 16: The target table *f1' of the DML statement cannot have any enabled triggers if the statement contains an OUTPUT clause without INTO clause.
DECLARE @t TABLE (id int);
INSERT dbo.f1 OUTPUT inserted.id INTO @t VALUES (2);
SELECT id FROM @t
=> 2
DELETE dbo.f1 OUTPUT deleted.id
=> 2

--- case: cascading deletes fire the children's triggers
--- doc: https://learn.microsoft.com/sql/relational-databases/tables/primary-and-foreign-key-constraints
CREATE TABLE dbo.g1 (id int PRIMARY KEY);
CREATE TABLE dbo.g1_child (id int PRIMARY KEY, parent int REFERENCES dbo.g1 (id) ON DELETE CASCADE);
CREATE TABLE dbo.g1_log (n int IDENTITY, who varchar(10), rows int);
INSERT dbo.g1 VALUES (1), (2), (3);
INSERT dbo.g1_child VALUES (10, 1), (11, 1), (12, 2)
GO
CREATE TRIGGER dbo.g1_t ON dbo.g1 AFTER DELETE AS INSERT dbo.g1_log (who, rows) SELECT 'parent', COUNT(*) FROM deleted
GO
CREATE TRIGGER dbo.g1_child_t ON dbo.g1_child AFTER DELETE AS INSERT dbo.g1_log (who, rows) SELECT 'child', COUNT(*) FROM deleted
GO
DELETE dbo.g1 WHERE id < 3;
SELECT who, rows FROM dbo.g1_log ORDER BY who
=> child|3
=> parent|2
DELETE dbo.g1 WHERE id = 3;
SELECT who, rows FROM dbo.g1_log WHERE n > 2
=> parent|1

--- case: TRUNCATE TABLE fires no trigger
--- doc: https://learn.microsoft.com/sql/t-sql/statements/truncate-table-transact-sql
CREATE TABLE dbo.g2 (id int);
INSERT dbo.g2 VALUES (1)
GO
CREATE TRIGGER dbo.g2_t ON dbo.g2 AFTER DELETE AS SELECT 'fired'
GO
TRUNCATE TABLE dbo.g2
GO
DELETE dbo.g2
=> fired

--- case: inserted and deleted cannot be changed
--- doc: https://learn.microsoft.com/sql/relational-databases/triggers/use-the-inserted-and-deleted-tables
CREATE TABLE dbo.h1 (id int)
GO
CREATE TRIGGER dbo.h1_t ON dbo.h1 AFTER INSERT AS DELETE inserted
GO
INSERT dbo.h1 VALUES (1)
=> error 286 level 16: The logical tables INSERTED and DELETED cannot be updated.

--- case: inserted is not seen by dynamic SQL
--- doc: https://learn.microsoft.com/sql/relational-databases/triggers/use-the-inserted-and-deleted-tables
CREATE TABLE dbo.h2 (id int)
GO
CREATE TRIGGER dbo.h2_t ON dbo.h2 AFTER INSERT AS EXEC ('SELECT id FROM inserted')
GO
INSERT dbo.h2 VALUES (1)
=> error 208 level 16: Invalid object name 'inserted'.

--- case: a trigger calls a procedure, and SCOPE_IDENTITY stays the statement's
--- doc: https://learn.microsoft.com/sql/t-sql/functions/scope-identity-transact-sql
CREATE TABLE dbo.h3 (id int IDENTITY(1, 1), v int);
CREATE TABLE dbo.h3_log (id int IDENTITY(500, 1), v int)
GO
CREATE PROCEDURE dbo.h3_p @v int AS INSERT dbo.h3_log (v) VALUES (@v)
GO
CREATE TRIGGER dbo.h3_t ON dbo.h3 AFTER INSERT AS DECLARE @v int; SELECT @v = MAX(v) FROM inserted; EXEC dbo.h3_p @v
GO
INSERT dbo.h3 (v) VALUES (7);
SELECT CAST(SCOPE_IDENTITY() AS int), CAST(@@IDENTITY AS int), (SELECT v FROM dbo.h3_log)
=> 1|500|7

--- case: keys that move through each other come as updated rows
--- doc: https://learn.microsoft.com/sql/relational-databases/triggers/use-the-inserted-and-deleted-tables
CREATE TABLE dbo.h4 (id int PRIMARY KEY, v char(1));
INSERT dbo.h4 VALUES (1, 'a'), (2, 'b'), (3, 'c');
CREATE TABLE dbo.h4_log (gone int, come int)
GO
CREATE TRIGGER dbo.h4_t ON dbo.h4 AFTER UPDATE AS
INSERT dbo.h4_log SELECT d.id, i.id FROM inserted i JOIN deleted d ON d.v = i.v
GO
UPDATE dbo.h4 SET id = id + 1;
SELECT gone, come FROM dbo.h4_log ORDER BY gone
=> 1|2
=> 2|3
=> 3|4

--- case: ROLLBACK in a trigger leaves its table variables alone
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/table-transact-sql
CREATE TABLE dbo.h5 (id int);
CREATE TABLE dbo.h5_log (id int)
GO
CREATE TRIGGER dbo.h5_t ON dbo.h5 AFTER INSERT AS
DECLARE @kept TABLE (id int);
INSERT @kept SELECT id FROM inserted;
ROLLBACK;
INSERT dbo.h5_log SELECT id FROM @kept
GO
INSERT dbo.h5 VALUES (4), (5)
=> error 3609
SELECT id FROM dbo.h5_log ORDER BY id
=> 4
=> 5

--- case: a trigger sees columns that were added to its table later
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-trigger-transact-sql
CREATE TABLE dbo.h6 (id int)
GO
CREATE TRIGGER dbo.h6_t ON dbo.h6 AFTER INSERT AS SELECT * FROM inserted
GO
INSERT dbo.h6 VALUES (1)
=> 1
ALTER TABLE dbo.h6 ADD b int NULL
GO
INSERT dbo.h6 VALUES (2, 20)
=> 2|20
ALTER TABLE dbo.h6 DROP COLUMN b
GO
INSERT dbo.h6 VALUES (3)
=> 3

--- case: a TRY in a trigger that hides an error does not save the transaction: error 3616
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-3000-to-3999
CREATE TABLE dbo.h7 (id int)
GO
CREATE TRIGGER dbo.h7_t ON dbo.h7 AFTER INSERT AS BEGIN TRY DECLARE @x int = 1 / 0; END TRY BEGIN CATCH SET @x = 0; END CATCH
GO
INSERT dbo.h7 VALUES (1)
=> error 3616
SELECT COUNT(*) FROM dbo.h7
=> 0

--- case: a trigger's rows of a computed column are computed
--- doc: https://learn.microsoft.com/sql/relational-databases/triggers/use-the-inserted-and-deleted-tables
CREATE TABLE dbo.h8 (a int, b AS a * 2)
GO
CREATE TRIGGER dbo.h8_t ON dbo.h8 AFTER INSERT AS SELECT a, b FROM inserted
GO
INSERT dbo.h8 (a) VALUES (4)
=> 4|8

--- case: INSTEAD OF triggers
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-trigger-transact-sql
--- refused: only AFTER triggers
CREATE TABLE dbo.i1 (id int)
GO
CREATE TRIGGER dbo.i1_t ON dbo.i1 INSTEAD OF INSERT AS SELECT 1

--- case: MERGE fires the triggers of each of its actions once, with the rows of the action
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.m1 (id int PRIMARY KEY, v int);
INSERT dbo.m1 VALUES (1, 1), (2, 2), (3, 3);
CREATE TABLE dbo.m1_log (what varchar(10), come int, gone int)
GO
CREATE TRIGGER dbo.m1_i ON dbo.m1 AFTER INSERT AS INSERT dbo.m1_log SELECT 'insert', (SELECT SUM(v) FROM inserted), (SELECT SUM(v) FROM deleted)
GO
CREATE TRIGGER dbo.m1_u ON dbo.m1 AFTER UPDATE AS INSERT dbo.m1_log SELECT 'update', (SELECT SUM(v) FROM inserted), (SELECT SUM(v) FROM deleted)
GO
CREATE TRIGGER dbo.m1_d ON dbo.m1 AFTER DELETE AS INSERT dbo.m1_log SELECT 'delete', (SELECT SUM(v) FROM inserted), (SELECT SUM(v) FROM deleted)
GO
MERGE dbo.m1 AS t USING (VALUES (1, 100), (2, 200), (9, 900)) AS s (id, v) ON s.id = t.id
WHEN MATCHED THEN UPDATE SET v = s.v
WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.v)
WHEN NOT MATCHED BY SOURCE THEN DELETE;
SELECT what, come, gone FROM dbo.m1_log ORDER BY what
=> delete|NULL|3
=> insert|900|NULL
=> update|300|3

--- case: keys that a MERGE moves through each other are updated rows, not deleted and inserted ones
--- doc: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql
CREATE TABLE dbo.mk (id int PRIMARY KEY, k int UNIQUE);
CREATE TABLE dbo.mk_log (what varchar(3), gone int, come int);
INSERT dbo.mk VALUES (1, 1), (2, 2), (3, 3);
GO
CREATE TRIGGER dbo.mk_u ON dbo.mk AFTER UPDATE AS
INSERT dbo.mk_log SELECT 'upd', d.k, i.k FROM inserted AS i JOIN deleted AS d ON d.id = i.id
GO
CREATE TRIGGER dbo.mk_d ON dbo.mk AFTER DELETE AS
INSERT dbo.mk_log SELECT 'del', d.k, NULL FROM deleted AS d
GO
CREATE TRIGGER dbo.mk_i ON dbo.mk AFTER INSERT AS
INSERT dbo.mk_log SELECT 'ins', NULL, i.k FROM inserted AS i
GO
MERGE dbo.mk AS t USING (VALUES (1, 2), (2, 1), (9, 9)) AS s(id, k) ON t.id = s.id
WHEN MATCHED THEN UPDATE SET k = s.k
WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.k)
WHEN NOT MATCHED BY SOURCE THEN DELETE;
SELECT what, gone, come FROM dbo.mk_log ORDER BY what, come
=> del|3|NULL
=> ins|NULL|9
=> upd|2|1
=> upd|1|2

--- case: what a trigger changes is captured in the transaction of its statement
--- doc: https://learn.microsoft.com/sql/relational-databases/track-changes/about-change-data-capture-sql-server
--- database: own
EXEC sys.sp_cdc_enable_db
GO
CREATE TABLE dbo.source (id int NOT NULL PRIMARY KEY, v int NULL);
CREATE TABLE dbo.copy (id int NOT NULL PRIMARY KEY, v int NULL);
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'source', @role_name = NULL;
EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'copy', @role_name = NULL
GO
EXEC sys.sp_cdc_drop_job @job_type = N'capture'
GO
CREATE TRIGGER dbo.source_t ON dbo.source AFTER INSERT AS INSERT dbo.copy SELECT id, v * 2 FROM inserted
GO
INSERT dbo.source VALUES (1, 10), (2, 20)
GO
--- session a until
EXEC sys.sp_cdc_scan;
--- session a
SELECT c.__$operation, c.id, c.v, CASE WHEN c.__$start_lsn = s.__$start_lsn THEN 'same' END
FROM cdc.dbo_copy_CT c JOIN cdc.dbo_source_CT s ON s.id = c.id ORDER BY c.id
=> 2|1|20|same
=> 2|2|40|same
SELECT CASE WHEN MIN(c.__$seqval) > (SELECT MAX(s.__$seqval) FROM cdc.dbo_source_CT s) THEN 'after' END FROM cdc.dbo_copy_CT c
=> after
