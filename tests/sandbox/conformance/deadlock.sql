-- Deadlocks: how they are broken, and who gives way
--- case: two that keep shared locks and then write are a deadlock; the one of lower priority is its victim
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-deadlocks-guide
CREATE TABLE dl1 (id int PRIMARY KEY, v int); INSERT dl1 VALUES (1, 0);
GO
BEGIN TRAN; SELECT v FROM dl1 WITH (HOLDLOCK) WHERE id = 1;
=> 0
--- session b
SET DEADLOCK_PRIORITY LOW; BEGIN TRAN; SELECT v FROM dl1 WITH (HOLDLOCK) WHERE id = 1;
=> 0
--- session a blocks
UPDATE dl1 SET v = v + 1 WHERE id = 1;
--- session b
UPDATE dl1 SET v = v + 10 WHERE id = 1;
=> error 1205 level 13: Transaction (Process ID *) was deadlocked on lock resources with another process and has been chosen as the deadlock victim. Rerun the transaction.
SELECT @@TRANCOUNT;
=> 0
--- session a resumes

--- session a
COMMIT; SELECT v FROM dl1;
=> 1

--- case: the victim may be the one that waits already
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-deadlock-priority-transact-sql
CREATE TABLE dl2 (id int PRIMARY KEY, v int); INSERT dl2 VALUES (1, 0);
GO
SET DEADLOCK_PRIORITY LOW; BEGIN TRAN; SELECT v FROM dl2 WITH (HOLDLOCK) WHERE id = 1;
=> 0
--- session b
BEGIN TRAN; SELECT v FROM dl2 WITH (HOLDLOCK) WHERE id = 1;
=> 0
--- session a blocks
UPDATE dl2 SET v = v + 1 WHERE id = 1;
--- session b
UPDATE dl2 SET v = v + 10 WHERE id = 1; COMMIT; SELECT v FROM dl2;
=> 10
--- session a resumes
=> error 1205 level 13: Transaction (Process ID *) was deadlocked on lock resources with another process *

--- case: DEADLOCK_PRIORITY as a number
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-deadlock-priority-transact-sql
CREATE TABLE dl3 (id int PRIMARY KEY, v int); INSERT dl3 VALUES (1, 0);
GO
SET DEADLOCK_PRIORITY -3; BEGIN TRAN; SELECT v FROM dl3 WITH (HOLDLOCK) WHERE id = 1;
=> 0
--- session b
SET DEADLOCK_PRIORITY -4; BEGIN TRAN; SELECT v FROM dl3 WITH (HOLDLOCK) WHERE id = 1;
=> 0
--- session a blocks
UPDATE dl3 SET v = v + 1 WHERE id = 1;
--- session b
UPDATE dl3 SET v = v + 10 WHERE id = 1;
=> error 1205 level 13
--- session a resumes

--- session a
COMMIT;

--- case: DEADLOCK_PRIORITY from a variable
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-deadlock-priority-transact-sql
CREATE TABLE dl4 (id int PRIMARY KEY, v int); INSERT dl4 VALUES (1, 0);
GO
DECLARE @high int = 7; SET DEADLOCK_PRIORITY @high; BEGIN TRAN; SELECT v FROM dl4 WITH (HOLDLOCK) WHERE id = 1;
=> 0
--- session b
SET DEADLOCK_PRIORITY HIGH; BEGIN TRAN; SELECT v FROM dl4 WITH (HOLDLOCK) WHERE id = 1;
=> 0
--- session a blocks
UPDATE dl4 SET v = v + 1 WHERE id = 1;
--- session b
UPDATE dl4 SET v = v + 10 WHERE id = 1;
=> error 1205 level 13
--- session a resumes

--- session a
COMMIT;

--- case: at the same priority the cheaper transaction is the victim
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-deadlocks-guide
CREATE TABLE dl5 (id int PRIMARY KEY, v int); CREATE TABLE dl5big (id int IDENTITY, filler char(1000) NOT NULL DEFAULT 'x'); INSERT dl5 VALUES (1, 0);
GO
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; BEGIN TRAN; SELECT v FROM dl5 WHERE id = 1;
=> 0
--- session b
BEGIN TRAN; SELECT v FROM dl5 WITH (HOLDLOCK) WHERE id = 1;
=> 0
INSERT dl5big (filler) SELECT 'y' FROM (VALUES (1),(2),(3),(4),(5)) a(n) CROSS JOIN (VALUES (1),(2),(3),(4),(5)) b(n);
--- session a blocks
UPDATE dl5 SET v = v + 1 WHERE id = 1;
--- session b
UPDATE dl5 SET v = v + 10 WHERE id = 1; COMMIT; SELECT v FROM dl5;
=> 10
--- session a resumes
=> error 1205 level 13

--- case: a deadlock ends the batch
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-1205-database-engine-error
CREATE TABLE dl6 (id int PRIMARY KEY, v int); CREATE TABLE dl6log (n int); INSERT dl6 VALUES (1, 0);
GO
BEGIN TRAN; SELECT v FROM dl6 WITH (HOLDLOCK) WHERE id = 1;
=> 0
--- session b
SET DEADLOCK_PRIORITY LOW; BEGIN TRAN; SELECT v FROM dl6 WITH (HOLDLOCK) WHERE id = 1;
=> 0
--- session a blocks
UPDATE dl6 SET v = v + 1 WHERE id = 1;
--- session b
UPDATE dl6 SET v = v + 10 WHERE id = 1; INSERT dl6log VALUES (1);
=> error 1205 level 13
SELECT COUNT(*) FROM dl6log;
=> 0
--- session a resumes

--- session a
COMMIT;

--- case: a deadlock can be caught; the transaction must be rolled back then
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/try-catch-transact-sql
CREATE TABLE dl7 (id int PRIMARY KEY, v int); INSERT dl7 VALUES (1, 0);
GO
BEGIN TRAN; SELECT v FROM dl7 WITH (HOLDLOCK) WHERE id = 1;
=> 0
--- session b
SET DEADLOCK_PRIORITY LOW; BEGIN TRAN; SELECT v FROM dl7 WITH (HOLDLOCK) WHERE id = 1;
=> 0
--- session a blocks
UPDATE dl7 SET v = v + 1 WHERE id = 1;
--- session b
BEGIN TRY UPDATE dl7 SET v = v + 10 WHERE id = 1 END TRY
BEGIN CATCH SELECT ERROR_NUMBER(), ERROR_SEVERITY(), XACT_STATE(); IF XACT_STATE() <> 0 ROLLBACK; SELECT @@TRANCOUNT END CATCH;
=> 1205|13|-1
=> ;
=> 0
--- session a resumes

--- session a
COMMIT;

--- case: a victim that tries again succeeds
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-deadlocks-guide
CREATE TABLE dl8 (id int PRIMARY KEY, v int); INSERT dl8 VALUES (1, 0);
GO
BEGIN TRAN; SELECT v FROM dl8 WITH (HOLDLOCK) WHERE id = 1;
=> 0
--- session b
SET DEADLOCK_PRIORITY LOW; BEGIN TRAN; SELECT v FROM dl8 WITH (HOLDLOCK) WHERE id = 1;
=> 0
--- session a blocks
UPDATE dl8 SET v = v + 1 WHERE id = 1;
--- session b
UPDATE dl8 SET v = v + 10 WHERE id = 1;
=> error 1205 level 13
--- session a resumes

--- session a
COMMIT;
--- session b
BEGIN TRAN; SELECT v FROM dl8 WITH (UPDLOCK, HOLDLOCK) WHERE id = 1; UPDATE dl8 SET v = v + 10 WHERE id = 1; COMMIT; SELECT v FROM dl8;
=> 1
=> ;
=> 11

--- case: UPDLOCK in place of a shared lock avoids the deadlock
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
CREATE TABLE dl9 (id int PRIMARY KEY, v int); INSERT dl9 VALUES (1, 0);
GO
BEGIN TRAN; SELECT v FROM dl9 WITH (UPDLOCK, HOLDLOCK) WHERE id = 1;
=> 0
--- session b blocks
BEGIN TRAN; SELECT v FROM dl9 WITH (UPDLOCK, HOLDLOCK) WHERE id = 1; UPDATE dl9 SET v = v + 10 WHERE id = 1; COMMIT;
--- session a
UPDATE dl9 SET v = v + 1 WHERE id = 1; COMMIT;
GO
--- session b resumes
=> 1
--- session a
SELECT v FROM dl9;
=> 11

--- case: application locks take part in deadlocks
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql
DECLARE @r int; BEGIN TRAN; EXEC @r = sp_getapplock 'dl-one', 'Exclusive'; SELECT @r;
=> 0
--- session b
SET DEADLOCK_PRIORITY LOW; DECLARE @r int; BEGIN TRAN; EXEC @r = sp_getapplock 'dl-two', 'Exclusive'; SELECT @r;
=> 0
--- session a blocks
DECLARE @r int; EXEC @r = sp_getapplock 'dl-two', 'Exclusive'; SELECT @r;
--- session b
DECLARE @r int; EXEC @r = sp_getapplock 'dl-one', 'Exclusive'; SELECT @r;
=> -3
IF @@TRANCOUNT > 0 ROLLBACK;
GO
--- session a resumes
=> 1
--- session a
COMMIT;

--- case: a table and an application lock can be a deadlock together
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-deadlocks-guide
CREATE TABLE dl10 (id int PRIMARY KEY, v int); INSERT dl10 VALUES (1, 0);
GO
BEGIN TRAN; UPDATE dl10 SET v = 1 WHERE id = 1;
GO
--- session b
SET DEADLOCK_PRIORITY LOW; DECLARE @r int; BEGIN TRAN; EXEC @r = sp_getapplock 'dl-three', 'Exclusive'; SELECT @r;
=> 0
--- session a blocks
DECLARE @r int; EXEC @r = sp_getapplock 'dl-three', 'Exclusive'; SELECT @r;
--- session b
SELECT v FROM dl10 WHERE id = 1;
=> error 1205 level 13
--- session a resumes
=> 1
--- session a
COMMIT;

--- case: the words of DEADLOCK_PRIORITY stand for numbers
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-deadlock-priority-transact-sql
SELECT CAST(deadlock_priority AS int) FROM sys.dm_exec_requests WHERE session_id = @@SPID;
=> 0
SET DEADLOCK_PRIORITY HIGH; SELECT CAST(deadlock_priority AS int) FROM sys.dm_exec_requests WHERE session_id = @@SPID;
=> 5
SET DEADLOCK_PRIORITY LOW; SELECT CAST(deadlock_priority AS int) FROM sys.dm_exec_requests WHERE session_id = @@SPID;
=> -5
SET DEADLOCK_PRIORITY NORMAL; SELECT CAST(deadlock_priority AS int) FROM sys.dm_exec_requests WHERE session_id = @@SPID;
=> 0
