-- Lock hints, lock timeouts, waits and what the views show of them
--- case: TABLOCK with HOLDLOCK is shared by readers and keeps writers out
--- doc: https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table
CREATE TABLE lck1 (id int PRIMARY KEY); INSERT lck1 VALUES (1);
GO
BEGIN TRAN; SELECT COUNT(*) FROM lck1 WITH (TABLOCK, HOLDLOCK);
=> 1
--- session b
BEGIN TRAN; SELECT COUNT(*) FROM lck1 WITH (TABLOCK, HOLDLOCK); COMMIT;
=> 1
--- session c blocks
INSERT lck1 VALUES (2);
--- session a
COMMIT;
GO
--- session c resumes

--- session a
SELECT COUNT(*) FROM lck1;
=> 2

--- case: who holds shared locks on tables can write to another one
--- doc: https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table
CREATE TABLE lck2 (id int PRIMARY KEY); CREATE TABLE lck2m (id int PRIMARY KEY); INSERT lck2 VALUES (1);
GO
BEGIN TRAN; SELECT TOP (1) 1 FROM lck2 WITH (TABLOCK, HOLDLOCK);
=> 1
--- session b blocks
INSERT lck2 VALUES (2);
--- session a
INSERT lck2m VALUES (1);
GO
--- session c
SELECT COUNT(*) FROM lck2m WITH (NOLOCK) WHERE id = 99;
=> 0
--- session a
COMMIT;
GO
--- session b resumes

--- case: TABLOCK without HOLDLOCK does not outlive its statement
--- doc: https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table
CREATE TABLE lck3 (id int PRIMARY KEY); INSERT lck3 VALUES (1);
GO
BEGIN TRAN; SELECT COUNT(*) FROM lck3 WITH (TABLOCK);
=> 1
--- session b
INSERT lck3 VALUES (2);
--- session a
COMMIT;

--- case: TABLOCK waits for a writer
--- doc: https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table
CREATE TABLE lck4 (id int PRIMARY KEY); INSERT lck4 VALUES (1);
GO
BEGIN TRAN; INSERT lck4 VALUES (2);
GO
--- session b blocks
SELECT COUNT(*) FROM lck4 WITH (TABLOCK);
--- session a
COMMIT;
GO
--- session b resumes
=> 2

--- case: two UPDLOCK readers of a row exclude each other
--- doc: https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table
CREATE TABLE lck5 (id int PRIMARY KEY, v int); INSERT lck5 VALUES (1, 10);
GO
BEGIN TRAN; SELECT v FROM lck5 WITH (UPDLOCK) WHERE id = 1;
=> 10
--- session b blocks
BEGIN TRAN; SELECT v FROM lck5 WITH (UPDLOCK) WHERE id = 1;
--- session a
UPDATE lck5 SET v = v + 1 WHERE id = 1; COMMIT;
GO
--- session b resumes
=> 11
--- session b
UPDATE lck5 SET v = v + 1 WHERE id = 1; COMMIT; SELECT v FROM lck5;
=> 12

--- case: a plain reader does not wait for UPDLOCK
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
CREATE TABLE lck6 (id int PRIMARY KEY, v int); INSERT lck6 VALUES (1, 10);
GO
BEGIN TRAN; SELECT v FROM lck6 WITH (UPDLOCK) WHERE id = 1;
=> 10
--- session b
SELECT v FROM lck6 WHERE id = 1;
=> 10
BEGIN TRAN; SELECT v FROM lck6 WITH (HOLDLOCK) WHERE id = 1; COMMIT;
=> 10
--- session a
COMMIT;

--- case: a writer waits for UPDLOCK
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
CREATE TABLE lck7 (id int PRIMARY KEY, v int); INSERT lck7 VALUES (1, 10);
GO
BEGIN TRAN; SELECT v FROM lck7 WITH (UPDLOCK) WHERE id = 1;
=> 10
--- session b blocks
UPDATE lck7 SET v = 0 WHERE id = 1;
--- session a
COMMIT;
GO
--- session b resumes

--- case: TABLOCKX keeps readers out to the end of the transaction
--- doc: https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table
CREATE TABLE lck8 (id int PRIMARY KEY); INSERT lck8 VALUES (1);
GO
BEGIN TRAN; SELECT COUNT(*) FROM lck8 WITH (TABLOCKX);
=> 1
--- session b blocks
SELECT COUNT(*) FROM lck8;
--- session a
COMMIT;
GO
--- session b resumes
=> 1

--- case: XLOCK with TABLOCK keeps readers out to the end of the transaction
--- doc: https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table
CREATE TABLE lck9 (id int PRIMARY KEY); INSERT lck9 VALUES (1);
GO
BEGIN TRAN; SELECT COUNT(*) FROM lck9 WITH (XLOCK, TABLOCK);
=> 1
--- session b blocks
SELECT COUNT(*) FROM lck9;
--- session a
ROLLBACK;
GO
--- session b resumes
=> 1

--- case: HOLDLOCK outside of a transaction ends with its statement
--- doc: https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table
CREATE TABLE lck10 (id int PRIMARY KEY); INSERT lck10 VALUES (1);
GO
SELECT COUNT(*) FROM lck10 WITH (TABLOCKX, HOLDLOCK);
=> 1
--- session b
INSERT lck10 VALUES (2); SELECT COUNT(*) FROM lck10;
=> 2

--- case: NOLOCK does not wait for a writer
--- doc: https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table
CREATE TABLE lck11 (id int PRIMARY KEY, v int); INSERT lck11 VALUES (1, 10);
GO
BEGIN TRAN; UPDATE lck11 SET v = 20 WHERE id = 1;
GO
--- session b
SELECT COUNT(*) FROM lck11 WITH (NOLOCK) WHERE id = 1;
=> 1
SELECT COUNT(*) FROM lck11 WITH (READUNCOMMITTED) WHERE id = 1;
=> 1
SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED; SELECT COUNT(*) FROM lck11 WHERE id = 1;
=> 1
--- session a
COMMIT;

--- case: the hint REPEATABLEREAD keeps its locks
--- doc: https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table
CREATE TABLE lck12 (id int PRIMARY KEY, v int); INSERT lck12 VALUES (1, 10);
GO
BEGIN TRAN; SELECT v FROM lck12 WITH (REPEATABLEREAD) WHERE id = 1;
=> 10
--- session b blocks
DELETE lck12 WHERE id = 1;
--- session a
COMMIT;
GO
--- session b resumes

--- case: the hint READCOMMITTED in a SERIALIZABLE transaction keeps no locks
--- doc: https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table
CREATE TABLE lck13 (id int PRIMARY KEY, v int); INSERT lck13 VALUES (1, 10);
GO
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; BEGIN TRAN; SELECT v FROM lck13 WITH (READCOMMITTED);
=> 10
--- session b
UPDATE lck13 SET v = 11;
--- session a
COMMIT;

--- case: NOLOCK on the target of a change is an error
--- doc: https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table
CREATE TABLE lck14 (id int PRIMARY KEY, v int);
GO
UPDATE lck14 WITH (NOLOCK) SET v = 1;
=> error 1065 level 15: The NOLOCK and READUNCOMMITTED lock hints are not allowed for target tables of INSERT, UPDATE, DELETE or MERGE statements.

--- case: hints that contradict each other are an error
--- doc: https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table
CREATE TABLE lck15 (id int PRIMARY KEY, v int);
GO
SELECT v FROM lck15 WITH (NOLOCK, HOLDLOCK);
=> error 1047 level 15: Conflicting locking hints are specified.
SELECT v FROM lck15 WITH (NOLOCK, XLOCK);
=> error 1047 level 15: Conflicting locking hints are specified.

--- case: a word that is no hint is an error
--- doc: https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table
CREATE TABLE lck16 (id int PRIMARY KEY, v int);
GO
SELECT v FROM lck16 WITH (NOSUCHHINT);
=> error 321 level 15: "NOSUCHHINT" is not a recognized table hints option. *

--- case: READPAST skips rows that are locked
--- doc: https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table
--- refused: locks are of tables, so there are no rows to skip
CREATE TABLE lck17 (id int PRIMARY KEY, v int); INSERT lck17 VALUES (1, 1), (2, 2);
GO
BEGIN TRAN; UPDATE lck17 SET v = 5 WHERE id = 1;
GO
--- session b
SELECT id FROM lck17 WITH (READPAST, ROWLOCK);
=> 2

--- case: LOCK_TIMEOUT 0 does not wait at all
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-lock-timeout-transact-sql
CREATE TABLE lck18 (id int PRIMARY KEY, v int); INSERT lck18 VALUES (1, 1);
GO
BEGIN TRAN; UPDATE lck18 SET v = 2 WHERE id = 1;
GO
--- session b
SET LOCK_TIMEOUT 0; SELECT v FROM lck18 WHERE id = 1;
=> error 1222 level 16 state 51: Lock request time out period exceeded.
UPDATE lck18 SET v = 3 WHERE id = 1;
=> error 1222 level 16 state 51: Lock request time out period exceeded.
--- session a
COMMIT;

--- case: LOCK_TIMEOUT ends a wait
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-lock-timeout-transact-sql
CREATE TABLE lck19 (id int PRIMARY KEY, v int); INSERT lck19 VALUES (1, 1);
GO
BEGIN TRAN; UPDATE lck19 SET v = 2 WHERE id = 1;
GO
--- session b
SET LOCK_TIMEOUT 100; SELECT v FROM lck19 WHERE id = 1;
=> error 1222 level 16 state 51: Lock request time out period exceeded.
--- session a
COMMIT;

--- case: a lock timeout ends the statement, not the batch nor the transaction
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-lock-timeout-transact-sql
CREATE TABLE lck20 (id int PRIMARY KEY, v int); INSERT lck20 VALUES (1, 1);
GO
BEGIN TRAN; SELECT v FROM lck20 WITH (TABLOCKX);
=> 1
--- session b
SET LOCK_TIMEOUT 0; BEGIN TRAN; UPDATE lck20 SET v = 2 WHERE id = 1; SELECT 'went on', @@ERROR, @@TRANCOUNT; COMMIT;
=> went on|1222|1
=> error 1222 level 16 state 51: Lock request time out period exceeded.
--- session a
COMMIT;

--- case: after a lock timeout the transaction is still there
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-lock-timeout-transact-sql
CREATE TABLE lck21 (id int PRIMARY KEY, v int); INSERT lck21 VALUES (1, 1);
GO
BEGIN TRAN; UPDATE lck21 SET v = 2 WHERE id = 1;
GO
--- session b
SET LOCK_TIMEOUT 0; BEGIN TRAN; SELECT v FROM lck21 WHERE id = 1;
=> error 1222
SELECT @@TRANCOUNT, XACT_STATE(); ROLLBACK;
=> 1|1
--- session a
COMMIT;

--- case: a lock timeout under XACT_ABORT takes the transaction along
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-xact-abort-transact-sql
CREATE TABLE lck22 (id int PRIMARY KEY, v int); INSERT lck22 VALUES (1, 1);
GO
BEGIN TRAN; UPDATE lck22 SET v = 2 WHERE id = 1;
GO
--- session b
SET XACT_ABORT ON; SET LOCK_TIMEOUT 0; BEGIN TRAN; SELECT v FROM lck22 WHERE id = 1;
=> error 1222
SELECT @@TRANCOUNT;
=> 0
--- session a
COMMIT;

--- case: a lock timeout can be caught
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-lock-timeout-transact-sql
CREATE TABLE lck23 (id int PRIMARY KEY, v int); INSERT lck23 VALUES (1, 1);
GO
BEGIN TRAN; UPDATE lck23 SET v = 2 WHERE id = 1;
GO
--- session b
SET LOCK_TIMEOUT 0;
BEGIN TRY UPDATE lck23 SET v = 9 WHERE id = 1 END TRY
BEGIN CATCH SELECT ERROR_NUMBER(), ERROR_SEVERITY(), ERROR_STATE(), XACT_STATE() END CATCH;
=> 1222|16|51|0
--- session a
COMMIT;

--- case: LOCK_TIMEOUT is -1 at first and shown by @@LOCK_TIMEOUT
--- doc: https://learn.microsoft.com/sql/t-sql/functions/lock-timeout-transact-sql
SELECT @@LOCK_TIMEOUT;
=> -1
SET LOCK_TIMEOUT 1800; SELECT @@LOCK_TIMEOUT;
=> 1800
SET LOCK_TIMEOUT -1; SELECT @@LOCK_TIMEOUT;
=> -1

--- case: NOWAIT ends with a lock timeout at once
--- doc: https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table
CREATE TABLE lck24 (id int PRIMARY KEY, v int); INSERT lck24 VALUES (1, 1);
GO
BEGIN TRAN; UPDATE lck24 SET v = 2 WHERE id = 1;
GO
--- session b
SELECT v FROM lck24 WITH (NOWAIT) WHERE id = 1;
=> error 1222 level 16 state 51: Lock request time out period exceeded.
--- session a
COMMIT;
GO
--- session b
SELECT v FROM lck24 WITH (NOWAIT) WHERE id = 1;
=> 2

--- case: a request that waits is shown as suspended, with who it waits for
--- doc: https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/sys-dm-exec-requests-transact-sql
CREATE TABLE lck25 (id int PRIMARY KEY, v int); INSERT lck25 VALUES (1, 1); CREATE TABLE lck25id (who char(1), spid int);
GO
INSERT lck25id VALUES ('a', @@SPID);
GO
--- session b
INSERT lck25id VALUES ('b', @@SPID);
--- session a
BEGIN TRAN; UPDATE lck25 SET v = 2 WHERE id = 1;
GO
--- session b blocks
SELECT v FROM lck25 WHERE id = 1;
--- session c
SELECT r.status, r.command, r.wait_type, CASE WHEN r.blocking_session_id = a.spid THEN 'a' END,
       CASE WHEN r.database_id = DB_ID() THEN 'here' END, CAST(r.transaction_isolation_level AS int)
FROM sys.dm_exec_requests r JOIN lck25id b ON b.spid = r.session_id AND b.who = 'b' CROSS JOIN lck25id a WHERE a.who = 'a';
=> suspended|SELECT|LCK_M_S|a|here|2
SELECT w.wait_type, CASE WHEN w.blocking_session_id = a.spid THEN 'a' END
FROM sys.dm_os_waiting_tasks w JOIN lck25id b ON b.spid = w.session_id AND b.who = 'b' CROSS JOIN lck25id a WHERE a.who = 'a';
=> LCK_M_S|a
--- session a
COMMIT;
GO
--- session b resumes
=> 2

--- case: a request that runs is shown with its session and transaction
--- doc: https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/sys-dm-exec-requests-transact-sql
SELECT status, command, CAST(blocking_session_id AS int), open_transaction_count FROM sys.dm_exec_requests WHERE session_id = @@SPID;
=> running|SELECT|0|0
BEGIN TRAN; SELECT open_transaction_count FROM sys.dm_exec_requests WHERE session_id = @@SPID; COMMIT;
=> 1

--- case: a table lock is shown with its mode
--- doc: https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/sys-dm-tran-locks-transact-sql
CREATE TABLE lck26 (id int PRIMARY KEY); INSERT lck26 VALUES (1);
GO
BEGIN TRAN; SELECT COUNT(*) FROM lck26 WITH (TABLOCK, HOLDLOCK);
=> 1
SELECT resource_type, request_mode, request_type, request_status FROM sys.dm_tran_locks
WHERE request_session_id = @@SPID AND resource_type = 'OBJECT' AND resource_associated_entity_id = OBJECT_ID('lck26');
=> OBJECT|S|LOCK|GRANT
COMMIT; SELECT COUNT(*) FROM sys.dm_tran_locks WHERE request_session_id = @@SPID AND resource_type = 'OBJECT' AND resource_associated_entity_id = OBJECT_ID('lck26');
=> 0

--- case: an open transaction is shown
--- doc: https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/sys-dm-tran-session-transactions-transact-sql
CREATE TABLE lck27 (id int PRIMARY KEY);
GO
BEGIN TRAN; INSERT lck27 VALUES (1);
SELECT s.is_user_transaction, s.open_transaction_count, t.transaction_type, t.transaction_state
FROM sys.dm_tran_session_transactions s JOIN sys.dm_tran_active_transactions t ON t.transaction_id = s.transaction_id WHERE s.session_id = @@SPID;
=> 1|1|1|2
COMMIT; SELECT COUNT(*) FROM sys.dm_tran_session_transactions WHERE session_id = @@SPID;
=> 0

--- case: who came first is served first
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
CREATE TABLE lck28 (id int PRIMARY KEY, v varchar(10)); INSERT lck28 VALUES (1, '');
GO
BEGIN TRAN; UPDATE lck28 SET v = v + 'a' WHERE id = 1;
GO
--- session b blocks
UPDATE lck28 SET v = v + 'b' WHERE id = 1;
--- session c blocks
UPDATE lck28 SET v = v + 'c' WHERE id = 1;
--- session a
COMMIT;
GO
--- session b resumes

--- session c resumes

--- session a
SELECT v FROM lck28;
=> abc

--- case: a reader waits behind a writer that waits
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
CREATE TABLE lck29 (id int PRIMARY KEY, v int); INSERT lck29 VALUES (1, 1);
GO
BEGIN TRAN; SELECT v FROM lck29 WITH (TABLOCK, HOLDLOCK);
=> 1
--- session b blocks
UPDATE lck29 SET v = 2 WHERE id = 1;
--- session c blocks
BEGIN TRAN; SELECT v FROM lck29 WITH (TABLOCK, HOLDLOCK);
--- session a
COMMIT;
GO
--- session b resumes

--- session c resumes
=> 2
--- session c
COMMIT;

--- case: a rollback lets go
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/rollback-transaction-transact-sql
CREATE TABLE lck30 (id int PRIMARY KEY);
GO
BEGIN TRAN; INSERT lck30 VALUES (1);
GO
--- session b blocks
INSERT lck30 VALUES (1);
--- session a
ROLLBACK;
GO
--- session b resumes

--- session b
SELECT id FROM lck30;
=> 1

--- case: a key that another transaction inserts is waited for, then taken
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
CREATE TABLE lck31 (id int CONSTRAINT lck31pk PRIMARY KEY);
GO
BEGIN TRAN; INSERT lck31 VALUES (1);
GO
--- session b blocks
INSERT lck31 VALUES (1);
--- session a
COMMIT;
GO
--- session b resumes
=> error 2627 level 14: Violation of PRIMARY KEY constraint 'lck31pk'. Cannot insert duplicate key in object 'dbo.lck31'.*
