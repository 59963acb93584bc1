-- Errors: what they end, and what TRY, THROW and RAISERROR make of them
--- case: a constraint error ends the statement; the batch goes on
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-xact-abort-transact-sql
CREATE TABLE eh1 (id int PRIMARY KEY);
GO
INSERT eh1 VALUES (1); INSERT eh1 VALUES (1); INSERT eh1 VALUES (2);
=> error 2627 level 14
SELECT id FROM eh1 ORDER BY id;
=> 1
=> 2

--- case: a constraint error leaves nothing of its statement
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
CREATE TABLE eh2 (id int PRIMARY KEY); INSERT eh2 VALUES (5);
GO
INSERT eh2 VALUES (1), (2), (5), (6);
=> error 2627 level 14
SELECT id FROM eh2;
=> 5

--- case: an UPDATE that breaks a CHECK at one row changes none
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
CREATE TABLE eh3 (id int PRIMARY KEY, v int CONSTRAINT eh3v CHECK (v < 10)); INSERT eh3 VALUES (1, 1), (2, 8), (3, 3);
GO
UPDATE eh3 SET v = v + 5;
=> error 547 level 16: The UPDATE statement conflicted with the CHECK constraint "eh3v". The conflict occurred in database "*", table "dbo.eh3", column 'v'.
SELECT v FROM eh3 ORDER BY id;
=> 1
=> 8
=> 3

--- case: a conversion error at one row leaves nothing of an INSERT from a query
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
CREATE TABLE eh4s (id int PRIMARY KEY, t varchar(10)); CREATE TABLE eh4 (v int); INSERT eh4s VALUES (1, '1'), (2, 'two');
GO
INSERT eh4 SELECT CAST(t AS int) FROM eh4s;
=> error 245 level 16: Conversion failed when converting the varchar value 'two' to data type int.
SELECT COUNT(*) FROM eh4;
=> 0

--- case: @@ERROR is that of the statement before
--- doc: https://learn.microsoft.com/sql/t-sql/functions/error-transact-sql
CREATE TABLE eh5 (id int PRIMARY KEY, e int); CREATE TABLE eh5log (e int);
GO
INSERT eh5 (id) VALUES (1); INSERT eh5 (id) VALUES (1); INSERT eh5log VALUES (@@ERROR); INSERT eh5log VALUES (@@ERROR);
=> error 2627 level 14
SELECT e FROM eh5log ORDER BY e;
=> 0
=> 2627

--- case: dividing by zero ends the statement only
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-xact-abort-transact-sql
CREATE TABLE eh6 (v int);
GO
BEGIN TRAN; INSERT eh6 VALUES (1 / 0); INSERT eh6 VALUES (2); COMMIT;
=> error 8134 level 16: Divide by zero error encountered.
SELECT v FROM eh6;
=> 2

--- case: a failed conversion ends the batch and rolls the transaction back
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-error-severities
CREATE TABLE eh7 (v int);
GO
BEGIN TRAN; INSERT eh7 VALUES (1); SELECT CAST('x' AS int); INSERT eh7 VALUES (2); COMMIT;
=> error 245 level 16
SELECT @@TRANCOUNT, COUNT(*) FROM eh7;
=> 0|0

--- case: a table that does not exist ends the batch and keeps the transaction
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/try-catch-transact-sql
CREATE TABLE eh8 (v int);
GO
BEGIN TRAN; INSERT eh8 VALUES (1); SELECT * FROM eh8_nosuch; INSERT eh8 VALUES (2);
=> error 208 level 16: Invalid object name 'eh8_nosuch'.
SELECT @@TRANCOUNT, COUNT(*) FROM eh8; ROLLBACK;
=> 1|1

--- case: XACT_ABORT takes the transaction and the batch along
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-xact-abort-transact-sql
CREATE TABLE eh9 (id int PRIMARY KEY);
GO
SET XACT_ABORT ON; BEGIN TRAN; INSERT eh9 VALUES (1); INSERT eh9 VALUES (1); INSERT eh9 VALUES (2); COMMIT;
=> error 2627 level 14
SELECT @@TRANCOUNT, COUNT(*) FROM eh9;
=> 0|0

--- case: XACT_ABORT ends a batch without a transaction too
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-xact-abort-transact-sql
CREATE TABLE eh10 (id int PRIMARY KEY);
GO
SET XACT_ABORT ON; INSERT eh10 VALUES (1); INSERT eh10 VALUES (1); INSERT eh10 VALUES (2);
=> error 2627 level 14
SELECT id FROM eh10;
=> 1

--- case: RAISERROR does not heed XACT_ABORT
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/throw-transact-sql
CREATE TABLE eh11 (id int PRIMARY KEY);
GO
SET XACT_ABORT ON; BEGIN TRAN; INSERT eh11 VALUES (1); RAISERROR ('no reason', 16, 1); INSERT eh11 VALUES (2); COMMIT;
=> error 50000 level 16 state 1: no reason
SELECT COUNT(*) FROM eh11;
=> 2

--- case: THROW heeds XACT_ABORT
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/throw-transact-sql
CREATE TABLE eh12 (id int PRIMARY KEY);
GO
SET XACT_ABORT ON; BEGIN TRAN; INSERT eh12 VALUES (1); THROW 50001, 'no reason', 7; INSERT eh12 VALUES (2);
=> error 50001 level 16 state 7: no reason
SELECT @@TRANCOUNT, COUNT(*) FROM eh12;
=> 0|0

--- case: THROW ends the batch
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/throw-transact-sql
CREATE TABLE eh13 (id int PRIMARY KEY);
GO
INSERT eh13 VALUES (1); THROW 50001, 'no reason', 1; INSERT eh13 VALUES (2);
=> error 50001 level 16 state 1: no reason
SELECT COUNT(*) FROM eh13;
=> 1

--- case: THROW takes variables
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/throw-transact-sql
DECLARE @n int = 60000, @m nvarchar(100) = N'from a variable', @s int = 3; THROW @n, @m, @s;
=> error 60000 level 16 state 3: from a variable

--- case: the number of a THROW is 50000 or more
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/throw-transact-sql
THROW 49999, 'too small', 1;
=> error 35100 level 16: Error number 49999 in the THROW statement is outside the valid range. Specify an error number in the valid range of 50000 to 2147483647.

--- case: RAISERROR fills in its arguments
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/raiserror-transact-sql
RAISERROR ('row %d of %s, %5d|%-5d|%05d, %x', 16, 4, 7, 'orders', 42, 42, 42, 255);
=> error 50000 level 16 state 4: row 7 of orders,    42|42   |00042, ff

--- case: RAISERROR of severity 10 and less is no error
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/raiserror-transact-sql
RAISERROR ('just so you know', 10, 1); SELECT @@ERROR;
=> 0

--- case: RAISERROR sets @@ERROR to 50000
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/raiserror-transact-sql
CREATE TABLE eh14 (e int);
GO
RAISERROR ('oh', 11, 1); INSERT eh14 VALUES (@@ERROR);
=> error 50000 level 11 state 1: oh
SELECT e FROM eh14;
=> 50000

--- case: RAISERROR of severity 11 and more goes to CATCH
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/try-catch-transact-sql
BEGIN TRY RAISERROR ('ten', 10, 1); RAISERROR ('eleven', 11, 5); SELECT 'not here' END TRY
BEGIN CATCH SELECT ERROR_NUMBER(), ERROR_SEVERITY(), ERROR_STATE(), ERROR_MESSAGE() END CATCH;
=> 50000|11|5|eleven

--- case: CATCH sees the error's number, severity, state, line and message
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/try-catch-transact-sql
BEGIN TRY
  DECLARE @z int = 1 / 0
END TRY
BEGIN CATCH
  SELECT ERROR_NUMBER(), ERROR_SEVERITY(), ERROR_STATE(), ERROR_LINE(), ERROR_PROCEDURE(), ERROR_MESSAGE()
END CATCH;
=> 8134|16|1|2|NULL|Divide by zero error encountered.

--- case: outside of CATCH there is no error to see
--- doc: https://learn.microsoft.com/sql/t-sql/functions/error-number-transact-sql
BEGIN TRY DECLARE @z int = 1 / 0 END TRY BEGIN CATCH DECLARE @x int END CATCH; SELECT ERROR_NUMBER(), ERROR_MESSAGE();
=> NULL|NULL

--- case: without an error CATCH is passed over
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/try-catch-transact-sql
BEGIN TRY SELECT 1 END TRY BEGIN CATCH SELECT 2 END CATCH; SELECT 3;
=> 1
=> ;
=> 3

--- case: an error in CATCH goes further out
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/try-catch-transact-sql
BEGIN TRY
  BEGIN TRY RAISERROR ('first', 16, 1) END TRY BEGIN CATCH RAISERROR ('second', 16, 1) END CATCH
END TRY
BEGIN CATCH SELECT ERROR_MESSAGE() END CATCH;
=> second

--- case: after an inner CATCH the outer one sees its own error again
--- doc: https://learn.microsoft.com/sql/t-sql/functions/error-message-transact-sql
BEGIN TRY RAISERROR ('outer', 16, 1) END TRY
BEGIN CATCH
  BEGIN TRY RAISERROR ('inner', 16, 1) END TRY BEGIN CATCH SELECT ERROR_MESSAGE() END CATCH;
  SELECT ERROR_MESSAGE()
END CATCH;
=> inner
=> ;
=> outer

--- case: THROW in CATCH raises the error again
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/throw-transact-sql
CREATE TABLE eh15 (id int PRIMARY KEY); INSERT eh15 VALUES (1);
GO
BEGIN TRY INSERT eh15 VALUES (1) END TRY BEGIN CATCH THROW END CATCH;
=> error 2627 level 14

--- case: THROW without arguments outside of CATCH is an error
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/throw-transact-sql
THROW;
=> error 10704 level 15

--- case: a table that does not exist is not caught at the same level
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/try-catch-transact-sql
BEGIN TRY SELECT * FROM eh16_nosuch END TRY BEGIN CATCH SELECT 'caught' END CATCH;
=> error 208 level 16

--- case: a table that does not exist is caught around EXEC
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/try-catch-transact-sql
BEGIN TRY EXEC ('SELECT * FROM eh17_nosuch') END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH;
=> 208

--- case: a syntax error is caught around EXEC
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/try-catch-transact-sql
BEGIN TRY EXEC ('SELECT FROM WHERE') END TRY BEGIN CATCH SELECT ERROR_SEVERITY() END CATCH;
=> 15

--- case: an error that is caught leaves the transaction as it is
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/try-catch-transact-sql
CREATE TABLE eh18 (id int PRIMARY KEY);
GO
BEGIN TRAN; INSERT eh18 VALUES (1);
BEGIN TRY INSERT eh18 VALUES (1) END TRY BEGIN CATCH SELECT XACT_STATE(), @@TRANCOUNT END CATCH;
INSERT eh18 VALUES (2); COMMIT; SELECT COUNT(*) FROM eh18;
=> 1|1
=> ;
=> 2

--- case: a conversion error that is caught dooms the transaction
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/try-catch-transact-sql
BEGIN TRAN;
BEGIN TRY DECLARE @z int = CAST('x' AS int) END TRY BEGIN CATCH SELECT ERROR_NUMBER(), XACT_STATE(); ROLLBACK END CATCH;
=> 245|-1

--- case: @@ERROR in CATCH is the error's
--- doc: https://learn.microsoft.com/sql/t-sql/functions/error-transact-sql
BEGIN TRY RAISERROR ('oh', 16, 1) END TRY BEGIN CATCH SELECT @@ERROR, @@ERROR END CATCH;
=> 50000|50000

--- case: @@ROWCOUNT after statements of each kind
--- doc: https://learn.microsoft.com/sql/t-sql/functions/rowcount-transact-sql
CREATE TABLE eh19 (id int);
GO
INSERT eh19 VALUES (1), (2), (3); SELECT @@ROWCOUNT;
=> 3
UPDATE eh19 SET id = id + 1 WHERE id > 1; SELECT @@ROWCOUNT;
=> 2
DELETE eh19 WHERE id = 99; SELECT @@ROWCOUNT;
=> 0
DECLARE @v int; SET @v = 5; SELECT @@ROWCOUNT;
=> 1
INSERT eh19 VALUES (7), (8); SET NOCOUNT ON; SELECT @@ROWCOUNT;
=> 0
INSERT eh19 VALUES (9), (10); SELECT @@ROWCOUNT;
=> 2

--- case: @@ROWCOUNT of a statement that fails is 0
--- doc: https://learn.microsoft.com/sql/t-sql/functions/rowcount-transact-sql
CREATE TABLE eh20 (id int PRIMARY KEY); CREATE TABLE eh20log (n int); INSERT eh20 VALUES (1);
GO
INSERT eh20 VALUES (2), (1); INSERT eh20log VALUES (@@ROWCOUNT);
=> error 2627 level 14
SELECT n FROM eh20log;
=> 0

--- case: RETURN in CATCH ends the batch
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/return-transact-sql
BEGIN TRY SELECT CAST(1 AS int); RAISERROR ('oh', 16, 1) END TRY BEGIN CATCH SELECT 2; RETURN END CATCH; SELECT 3;
=> 1
=> ;
=> 2

--- case: NOT NULL names the column and the table
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
CREATE TABLE eh21 (id int NOT NULL);
GO
INSERT eh21 VALUES (NULL);
=> error 515 level 16: Cannot insert the value NULL into column 'id', table '*.dbo.eh21'; column does not allow nulls. INSERT fails.
