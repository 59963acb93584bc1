-- SNAPSHOT isolation: one view for a transaction, and conflicts of updates
--- setup
ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON;

--- case: a snapshot does not wait for a writer and sees what was committed when it began
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-transaction-isolation-level-transact-sql
CREATE TABLE sn1 (id int PRIMARY KEY, v int); INSERT sn1 VALUES (1, 10);
GO
BEGIN TRAN; UPDATE sn1 SET v = 20;
GO
--- session b
SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; SELECT v FROM sn1;
=> 10
--- session a
COMMIT;
GO
--- session b
SELECT v FROM sn1;
=> 10
COMMIT; SELECT v FROM sn1;
=> 20

--- case: a snapshot sees no rows that were inserted or deleted since
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-transaction-isolation-level-transact-sql
CREATE TABLE sn2 (id int PRIMARY KEY); INSERT sn2 VALUES (1), (2);
GO
SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; SELECT COUNT(*) FROM sn2;
=> 2
--- session b
DELETE sn2 WHERE id = 1; INSERT sn2 VALUES (3), (4);
--- session a
SELECT id FROM sn2 ORDER BY id;
=> 1
=> 2
COMMIT; SELECT id FROM sn2 ORDER BY id;
=> 2
=> 3
=> 4

--- case: a snapshot begins at the first access to data, not at BEGIN TRANSACTION
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
CREATE TABLE sn3 (id int PRIMARY KEY, v int); INSERT sn3 VALUES (1, 10);
GO
SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN;
GO
--- session b
UPDATE sn3 SET v = 20;
--- session a
SELECT v FROM sn3; COMMIT;
=> 20

--- case: a snapshot is of the whole database
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
CREATE TABLE sn4a (id int PRIMARY KEY, v int); CREATE TABLE sn4b (id int PRIMARY KEY, v int); INSERT sn4a VALUES (1, 1); INSERT sn4b VALUES (1, 1);
GO
SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; SELECT v FROM sn4a;
=> 1
--- session b
UPDATE sn4b SET v = 2;
--- session a
SELECT v FROM sn4b; COMMIT;
=> 1

--- case: a snapshot sees its own changes
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-transaction-isolation-level-transact-sql
CREATE TABLE sn5 (id int PRIMARY KEY, v int); INSERT sn5 VALUES (1, 10);
GO
SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; UPDATE sn5 SET v = v + 1; SELECT v FROM sn5; ROLLBACK; SELECT v FROM sn5;
=> 11
=> ;
=> 10

--- case: updating a row that somebody has changed since is a conflict and takes the transaction along
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
CREATE TABLE sn6 (id int PRIMARY KEY, v int); INSERT sn6 VALUES (1, 10);
GO
SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; SELECT v FROM sn6;
=> 10
--- session b
UPDATE sn6 SET v = 20;
--- session a
UPDATE sn6 SET v = 30 WHERE id = 1;
=> error 3960 level 16: Snapshot isolation transaction aborted due to update conflict. You cannot use snapshot isolation to access table 'dbo.sn6' directly or indirectly in database '*' to update, delete, or insert the row that has been modified or deleted by another transaction. Retry the transaction or change the isolation level for the update/delete statement.
SELECT @@TRANCOUNT;
=> 0
SELECT v FROM sn6;
=> 20

--- case: deleting a row that somebody has changed since is a conflict
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
CREATE TABLE sn7 (id int PRIMARY KEY, v int); INSERT sn7 VALUES (1, 10);
GO
SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; SELECT v FROM sn7;
=> 10
--- session b
UPDATE sn7 SET v = 20;
--- session a
DELETE sn7 WHERE id = 1;
=> error 3960 level 16

--- case: a writer waits for the row's writer and conflicts when that one commits
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
CREATE TABLE sn8 (id int PRIMARY KEY, v int); INSERT sn8 VALUES (1, 10);
GO
BEGIN TRAN; UPDATE sn8 SET v = 20;
GO
--- session b
SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; SELECT v FROM sn8;
=> 10
--- session b blocks
UPDATE sn8 SET v = v + 1 WHERE id = 1;
--- session a
COMMIT;
GO
--- session b resumes
=> error 3960 level 16

--- case: a writer waits for the row's writer and goes on when that one rolls back
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
CREATE TABLE sn9 (id int PRIMARY KEY, v int); INSERT sn9 VALUES (1, 10);
GO
BEGIN TRAN; UPDATE sn9 SET v = 20;
GO
--- session b
SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; SELECT v FROM sn9;
=> 10
--- session b blocks
UPDATE sn9 SET v = v + 1 WHERE id = 1;
--- session a
ROLLBACK;
GO
--- session b resumes

--- session b
COMMIT; SELECT v FROM sn9;
=> 11

--- case: a conflict can be caught; the transaction must be rolled back then
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/try-catch-transact-sql
CREATE TABLE sn10 (id int PRIMARY KEY, v int); INSERT sn10 VALUES (1, 10);
GO
SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; SELECT v FROM sn10;
=> 10
--- session b
UPDATE sn10 SET v = 20;
--- session a
BEGIN TRY UPDATE sn10 SET v = 30 WHERE id = 1 END TRY
BEGIN CATCH SELECT ERROR_NUMBER(), XACT_STATE(); ROLLBACK END CATCH;
=> 3960|-1
SELECT @@TRANCOUNT, v FROM sn10;
=> 0|20

--- case: a statement under SNAPSHOT outside of a transaction does not conflict
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
CREATE TABLE sn11 (id int PRIMARY KEY, v int); INSERT sn11 VALUES (1, 10);
GO
SET TRANSACTION ISOLATION LEVEL SNAPSHOT; SELECT v FROM sn11;
=> 10
--- session b
UPDATE sn11 SET v = 20;
--- session a
UPDATE sn11 SET v = v + 1; SELECT v FROM sn11;
=> 21

--- case: without ALLOW_SNAPSHOT_ISOLATION a snapshot transaction fails at its first access
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-transaction-isolation-level-transact-sql
--- database: own
ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION OFF;
GO
CREATE TABLE t (id int);
GO
SET TRANSACTION ISOLATION LEVEL SNAPSHOT; SELECT id FROM t;
=> error 3952 level 16: Snapshot isolation transaction failed accessing database '*' because snapshot isolation is not allowed in this database. Use ALTER DATABASE to allow snapshot isolation.

--- case: a transaction that started otherwise cannot become a snapshot
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-transaction-isolation-level-transact-sql
CREATE TABLE sn12 (id int PRIMARY KEY); INSERT sn12 VALUES (1);
GO
BEGIN TRAN; SELECT id FROM sn12; SET TRANSACTION ISOLATION LEVEL SNAPSHOT; SELECT id FROM sn12;
=> 1
=> error 3951 level 16: Transaction failed in database '*' because the statement was run under snapshot isolation but the transaction did not start in snapshot isolation. You cannot change the isolation level of the transaction to snapshot after the transaction has started unless the transaction was originally started under snapshot isolation level.
SELECT @@TRANCOUNT;
=> 0

--- case: a transaction that has accessed nothing yet can become a snapshot
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-transaction-isolation-level-transact-sql
CREATE TABLE sn13 (id int PRIMARY KEY); INSERT sn13 VALUES (1);
GO
BEGIN TRAN; SET TRANSACTION ISOLATION LEVEL SNAPSHOT; SELECT id FROM sn13; COMMIT;
=> 1

--- case: a snapshot transaction can go to another level and back
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-transaction-isolation-level-transact-sql
--- refused: SQLite fixes the view of the whole transaction
CREATE TABLE sn14 (id int PRIMARY KEY, v int); INSERT sn14 VALUES (1, 10);
GO
SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; SELECT v FROM sn14;
=> 10
--- session b
UPDATE sn14 SET v = 20;
--- session a
SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT v FROM sn14;
=> 20

--- case: ALTER TABLE is not allowed in a snapshot transaction
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-transaction-isolation-level-transact-sql
CREATE TABLE sn15 (id int PRIMARY KEY); INSERT sn15 VALUES (1);
GO
SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; ALTER TABLE sn15 ADD x int;
=> error 3964 level 16: Transaction failed because this DDL statement is not allowed inside a snapshot isolation transaction. Since metadata is not versioned, a metadata change can lead to inconsistency if mixed within snapshot isolation.

--- case: CREATE INDEX is not allowed in a snapshot transaction
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-transaction-isolation-level-transact-sql
CREATE TABLE sn16 (id int PRIMARY KEY, v int);
GO
SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; CREATE INDEX sn16v ON sn16 (v);
=> error 3964 level 16

--- case: ALTER INDEX is not allowed in a snapshot transaction
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-transaction-isolation-level-transact-sql
CREATE TABLE sn16b (id int CONSTRAINT sn16bk PRIMARY KEY);
GO
SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; ALTER INDEX sn16bk ON sn16b REBUILD;
=> error 3964 level 16

--- case: DDL under SNAPSHOT outside of a transaction is allowed
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-transaction-isolation-level-transact-sql
CREATE TABLE sn17 (id int PRIMARY KEY);
GO
SET TRANSACTION ISOLATION LEVEL SNAPSHOT; ALTER TABLE sn17 ADD x int;
GO
INSERT sn17 VALUES (1, 2); SELECT id, x FROM sn17;
=> 1|2

--- case: savepoints work in a snapshot
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/save-transaction-transact-sql
CREATE TABLE sn18 (id int PRIMARY KEY, v int); INSERT sn18 VALUES (1, 10);
GO
SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; UPDATE sn18 SET v = 11; SAVE TRAN s; UPDATE sn18 SET v = 12; ROLLBACK TRAN s; SELECT v FROM sn18; COMMIT;
=> 11

--- case: several snapshots that begin while tables are locked see the same
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
CREATE TABLE sn19a (id int PRIMARY KEY); CREATE TABLE sn19b (id int PRIMARY KEY); CREATE TABLE sn19m (id int); INSERT sn19a VALUES (1); INSERT sn19b VALUES (1);
GO
BEGIN TRAN; SELECT TOP (1) 1 FROM sn19a WITH (TABLOCK, HOLDLOCK); SELECT TOP (1) 1 FROM sn19b WITH (TABLOCK, HOLDLOCK); INSERT sn19m VALUES (1);
=> 1
=> ;
=> 1
--- session b
SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; SELECT COUNT(*) FROM sn19m;
=> 0
--- session c
SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; SELECT COUNT(*) FROM sn19m;
=> 0
--- session d blocks
INSERT sn19a VALUES (2);
--- session a
COMMIT;
GO
--- session d resumes

--- session b
SELECT (SELECT COUNT(*) FROM sn19a), (SELECT COUNT(*) FROM sn19b), (SELECT COUNT(*) FROM sn19m); COMMIT;
=> 1|1|0
--- session c
SELECT (SELECT COUNT(*) FROM sn19a), (SELECT COUNT(*) FROM sn19b), (SELECT COUNT(*) FROM sn19m); COMMIT;
=> 1|1|0

--- case: ALLOW_SNAPSHOT_ISOLATION waits for the transactions that are open
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-database-transact-sql-set-options
--- database: own
ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION OFF;
GO
CREATE TABLE t (id int);
GO
BEGIN TRAN; INSERT t VALUES (1);
GO
--- session b starts
ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON;
--- session c until
SELECT snapshot_isolation_state_desc FROM sys.databases WHERE name = DB_NAME();
=> IN_TRANSITION_TO_ON
--- session a
COMMIT;
GO
--- session b resumes

--- session c
SELECT snapshot_isolation_state_desc FROM sys.databases WHERE name = DB_NAME();
=> ON
