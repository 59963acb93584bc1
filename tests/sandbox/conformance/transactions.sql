-- Transactions: nesting, savepoints, rollback, implicit ones
--- case: nested transactions count and only the outer COMMIT commits
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/begin-transaction-transact-sql
CREATE TABLE tr1 (id int PRIMARY KEY);
GO
BEGIN TRAN; BEGIN TRAN; INSERT tr1 VALUES (1); SELECT @@TRANCOUNT; COMMIT; SELECT @@TRANCOUNT; ROLLBACK; SELECT @@TRANCOUNT, COUNT(*) FROM tr1;
=> 2
=> ;
=> 1
=> ;
=> 0|0

--- case: ROLLBACK ends all levels of nesting
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/rollback-transaction-transact-sql
BEGIN TRAN; BEGIN TRAN; BEGIN TRAN; ROLLBACK; SELECT @@TRANCOUNT;
=> 0

--- case: COMMIT without a transaction is an error
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/commit-transaction-transact-sql
COMMIT;
=> error 3902 level 16: The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.

--- case: ROLLBACK without a transaction is an error
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/rollback-transaction-transact-sql
ROLLBACK;
=> error 3903 level 16: The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.

--- case: a savepoint takes back what came after it and keeps the transaction
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/save-transaction-transact-sql
CREATE TABLE tr2 (id int PRIMARY KEY);
GO
BEGIN TRAN; INSERT tr2 VALUES (1); SAVE TRAN here; INSERT tr2 VALUES (2); ROLLBACK TRAN here; SELECT @@TRANCOUNT; INSERT tr2 VALUES (3); COMMIT;
=> 1
SELECT id FROM tr2 ORDER BY id;
=> 1
=> 3

--- case: a savepoint can be rolled back to again
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/save-transaction-transact-sql
CREATE TABLE tr3 (id int PRIMARY KEY);
GO
BEGIN TRAN; SAVE TRAN s; INSERT tr3 VALUES (1); ROLLBACK TRAN s; INSERT tr3 VALUES (2); ROLLBACK TRAN s; INSERT tr3 VALUES (3); COMMIT; SELECT id FROM tr3;
=> 3

--- case: a savepoint's name may be used twice; ROLLBACK goes to the latest
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/save-transaction-transact-sql
CREATE TABLE tr4 (id int PRIMARY KEY);
GO
BEGIN TRAN; SAVE TRAN s; INSERT tr4 VALUES (1); SAVE TRAN s; INSERT tr4 VALUES (2); ROLLBACK TRAN s; COMMIT; SELECT id FROM tr4;
=> 1

--- case: SAVE TRANSACTION needs a transaction
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/save-transaction-transact-sql
SAVE TRAN s;
=> error 628 level 16: Cannot issue SAVE TRANSACTION when there is no active transaction.

--- case: a name that is neither the transaction's nor a savepoint's is an error
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/rollback-transaction-transact-sql
BEGIN TRAN outermost; ROLLBACK TRAN nosuch;
=> error 6401 level 16: Cannot roll back nosuch. No transaction or savepoint of that name was found.
SELECT @@TRANCOUNT; ROLLBACK TRAN outermost; SELECT @@TRANCOUNT;
=> 1
=> ;
=> 0

--- case: only the outermost transaction's name can be rolled back to
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/begin-transaction-transact-sql
BEGIN TRAN outermost; BEGIN TRAN inside; ROLLBACK TRAN inside;
=> error 6401 level 16
ROLLBACK;

--- case: the name after COMMIT does not matter
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/commit-transaction-transact-sql
BEGIN TRAN one; BEGIN TRAN two; COMMIT TRAN one; SELECT @@TRANCOUNT; COMMIT TRAN two; SELECT @@TRANCOUNT;
=> 1
=> ;
=> 0

--- case: COMMIT WORK and ROLLBACK WORK
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/commit-work-transact-sql
BEGIN TRAN; COMMIT WORK; BEGIN TRAN; ROLLBACK WORK; SELECT @@TRANCOUNT;
=> 0

--- case: a transaction's name can come from a variable
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/begin-transaction-transact-sql
--- refused: names of transactions are words
DECLARE @name varchar(32) = 'named'; BEGIN TRAN @name; SELECT @@TRANCOUNT; COMMIT TRAN @name; SELECT @@TRANCOUNT;
=> 1
=> ;
=> 0

--- case: DDL is rolled back
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/rollback-transaction-transact-sql
BEGIN TRAN; CREATE TABLE tr5 (id int); INSERT tr5 VALUES (1); ROLLBACK; SELECT OBJECT_ID('tr5');
=> NULL

--- case: a dropped table is there again after a rollback
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/rollback-transaction-transact-sql
CREATE TABLE tr6 (id int); INSERT tr6 VALUES (1);
GO
BEGIN TRAN; DROP TABLE tr6; ROLLBACK; SELECT id FROM tr6;
=> 1

--- case: TRUNCATE is rolled back
--- doc: https://learn.microsoft.com/sql/t-sql/statements/truncate-table-transact-sql
CREATE TABLE tr7 (id int); INSERT tr7 VALUES (1), (2);
GO
BEGIN TRAN; TRUNCATE TABLE tr7; SELECT COUNT(*) FROM tr7; ROLLBACK; SELECT COUNT(*) FROM tr7;
=> 0
=> ;
=> 2

--- case: a temporary table created in a transaction goes with its rollback
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/rollback-transaction-transact-sql
BEGIN TRAN; CREATE TABLE #tr8 (id int); INSERT #tr8 VALUES (1); ROLLBACK;
GO
SELECT id FROM #tr8;
=> error 208 level 16: Invalid object name '#tr8'.

--- case: rows of a temporary table are rolled back
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/rollback-transaction-transact-sql
CREATE TABLE #tr9 (id int); BEGIN TRAN; INSERT #tr9 VALUES (1); ROLLBACK; SELECT COUNT(*) FROM #tr9;
=> 0

--- case: rows of a table variable are not rolled back
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/table-transact-sql
DECLARE @t table (id int); BEGIN TRAN; INSERT @t VALUES (1); ROLLBACK; SELECT COUNT(*) FROM @t;
=> 1

--- case: variables are not rolled back
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/rollback-transaction-transact-sql
DECLARE @v int = 1; BEGIN TRAN; SET @v = 2; ROLLBACK; SELECT @v;
=> 2

--- case: an identity value is used up by a rollback
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-table-transact-sql-identity-property
CREATE TABLE tr10 (id int IDENTITY, v int);
GO
BEGIN TRAN; INSERT tr10 (v) VALUES (1); ROLLBACK; INSERT tr10 (v) VALUES (2); SELECT id, v FROM tr10;
=> 2|2

--- case: XACT_STATE tells of no, a good and a doomed transaction
--- doc: https://learn.microsoft.com/sql/t-sql/functions/xact-state-transact-sql
SELECT XACT_STATE(); BEGIN TRAN; SELECT XACT_STATE(); COMMIT;
=> 0
=> ;
=> 1
SET XACT_ABORT ON; BEGIN TRAN; BEGIN TRY DECLARE @z int = 1 / 0 END TRY BEGIN CATCH SELECT XACT_STATE(); ROLLBACK END CATCH;
=> -1

--- case: a doomed transaction cannot write
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/try-catch-transact-sql
CREATE TABLE tr11 (id int PRIMARY KEY);
GO
SET XACT_ABORT ON; BEGIN TRAN;
BEGIN TRY INSERT tr11 VALUES (1); INSERT tr11 VALUES (1) END TRY
BEGIN CATCH INSERT tr11 VALUES (2) END CATCH;
=> error 3930 level 16: The current transaction cannot be committed and cannot support operations that write to the log file. Roll back the transaction.
SELECT @@TRANCOUNT, COUNT(*) FROM tr11;
=> 0|0

--- case: a doomed transaction can read
--- doc: https://learn.microsoft.com/sql/t-sql/functions/xact-state-transact-sql
CREATE TABLE tr12 (id int PRIMARY KEY);
GO
SET XACT_ABORT ON; BEGIN TRAN;
BEGIN TRY INSERT tr12 VALUES (1); INSERT tr12 VALUES (1) END TRY
BEGIN CATCH SELECT COUNT(*) FROM tr12; ROLLBACK; SELECT COUNT(*) FROM tr12 END CATCH;
=> 1
=> ;
=> 0

--- case: a doomed transaction cannot be committed
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/try-catch-transact-sql
SET XACT_ABORT ON; BEGIN TRAN; BEGIN TRY DECLARE @z int = 1 / 0 END TRY BEGIN CATCH COMMIT END CATCH;
=> error 3930 level 16

--- case: a doomed transaction is rolled back at the end of the batch
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/try-catch-transact-sql
SET XACT_ABORT ON; BEGIN TRAN; BEGIN TRY DECLARE @z int = 1 / 0 END TRY BEGIN CATCH SELECT 'caught' END CATCH;
=> caught
=> error 3998 level 16: Uncommittable transaction is detected at the end of the batch. The transaction is rolled back.
SELECT @@TRANCOUNT;
=> 0

--- case: a transaction stays open from one batch to the next
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/begin-transaction-transact-sql
BEGIN TRAN;
GO
SELECT @@TRANCOUNT;
=> 1
ROLLBACK;

--- case: IMPLICIT_TRANSACTIONS begins one at a statement that needs it
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-implicit-transactions-transact-sql
CREATE TABLE tr13 (id int);
GO
SET IMPLICIT_TRANSACTIONS ON; SELECT @@TRANCOUNT;
=> 0
INSERT tr13 VALUES (1); SELECT @@TRANCOUNT; ROLLBACK; SELECT @@TRANCOUNT;
=> 1
=> ;
=> 0
SET IMPLICIT_TRANSACTIONS OFF; SELECT COUNT(*) FROM tr13;
=> 0

--- case: under IMPLICIT_TRANSACTIONS a query of a table begins a transaction too
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-implicit-transactions-transact-sql
CREATE TABLE tr14 (id int);
GO
SET IMPLICIT_TRANSACTIONS ON; SELECT COUNT(*) FROM tr14; SELECT @@TRANCOUNT; COMMIT;
=> 0
=> ;
=> 1

--- case: CREATE DATABASE is not allowed in a transaction
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-database-transact-sql
BEGIN TRAN; CREATE DATABASE tr15_never;
=> error 226 level 16: CREATE DATABASE statement not allowed within multi-statement transaction.
IF @@TRANCOUNT > 0 ROLLBACK;

--- case: ALTER DATABASE is not allowed in a transaction
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-database-transact-sql
BEGIN TRAN; ALTER DATABASE CURRENT SET RECOVERY SIMPLE;
=> error 226 level 16: ALTER DATABASE statement not allowed within multi-statement transaction.
IF @@TRANCOUNT > 0 ROLLBACK;

--- case: a batch of EXEC that leaves a transaction open is told of
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
EXEC ('BEGIN TRAN');
=> error 266 level 16 state 2: Transaction count after EXECUTE indicates a mismatching number of BEGIN and COMMIT statements. Previous count = 0, current count = 1.
SELECT @@TRANCOUNT; ROLLBACK;
=> 1

--- case: KILL of a session that there is not
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/kill-transact-sql
KILL 32000;
=> error 6106 level 16: Process ID 32000 is not an active process ID.

--- case: KILL of the own session
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/kill-transact-sql
DECLARE @kill varchar(20) = 'KILL ' + CAST(@@SPID AS varchar(10)); EXEC (@kill);
=> error 6104 level 16: Cannot use KILL to kill your own process.
