-- Control of flow: IF, WHILE, RETURN, WAITFOR, variables, dynamic SQL
--- case: IF and ELSE
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/if-else-transact-sql
DECLARE @a int = 5;
IF @a > 3 SELECT 'large' ELSE SELECT 'small';
IF @a > 30 SELECT 'large' ELSE IF @a > 4 SELECT 'medium' ELSE SELECT 'small'
=> large
=> ;
=> medium

--- case: an unknown condition is not met
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/if-else-transact-sql
IF NULL = NULL SELECT 'yes' ELSE SELECT 'no'
=> no

--- case: IF takes one statement or a block
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/begin-end-transact-sql
DECLARE @a int = 0;
IF 1 = 0 SET @a = 1 SET @a = @a + 10;
IF 1 = 1 BEGIN SET @a = @a + 1 SET @a = @a + 1 END;
SELECT @a
=> 12

--- case: WHILE with BREAK and CONTINUE
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/while-transact-sql
DECLARE @i int = 0, @sum int = 0;
WHILE 1 = 1
BEGIN
  SET @i += 1;
  IF @i > 10 BREAK;
  IF @i % 2 = 0 CONTINUE;
  SET @sum += @i;
END;
SELECT @i, @sum
=> 11|25

--- case: BREAK leaves the innermost loop
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/while-transact-sql
DECLARE @i int = 0, @n int = 0;
WHILE @i < 3
BEGIN
  DECLARE @j int = 0;
  WHILE @j < 5 BEGIN SET @j += 1; SET @n += 1; IF @j = 2 BREAK; END;
  SET @i += 1;
END;
SELECT @n
=> 6

--- case: RETURN ends the batch
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/return-transact-sql
SELECT 1;
IF 1 = 1 RETURN;
SELECT 2
=> 1

--- case: DECLARE in a loop does not make the variable anew
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/declare-local-variable-transact-sql
DECLARE @i int = 0;
WHILE @i < 3
BEGIN
  DECLARE @x int;
  SET @x = ISNULL(@x, 0) + 1;
  SET @i += 1;
END;
SELECT @x
=> 3

--- case: a variable is declared once in a batch: error 134
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
DECLARE @a int;
IF 1 = 0 BEGIN DECLARE @A int; END
=> error 134 level 15

--- case: SELECT assigns the last row's value, and nothing when there is none
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/select-local-variable-transact-sql
DECLARE @v int = 5, @w int = 5;
SELECT @v = x.n FROM (VALUES (7)) x (n);
SELECT @w = x.n FROM (VALUES (7)) x (n) WHERE x.n > 100;
SELECT @v, @w, @@ROWCOUNT
=> 7|5|0

--- case: SET from a subquery without rows is NULL
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/set-local-variable-transact-sql
DECLARE @v int = 5;
SET @v = (SELECT x.n FROM (VALUES (7)) x (n) WHERE x.n > 100);
SELECT @v
=> NULL

--- case: compound assignment
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/compound-operators-transact-sql
DECLARE @a int = 10, @s varchar(10) = 'a';
SET @a += 5; SET @a -= 3; SET @a *= 2; SET @a /= 5; SET @a %= 3; SET @s += 'b';
SELECT @a, @s
=> 1|ab

--- case: WAITFOR DELAY waits
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/waitfor-transact-sql
DECLARE @before datetime2 = SYSDATETIME();
WAITFOR DELAY '00:00:00.150';
SELECT CASE WHEN DATEDIFF(millisecond, @before, SYSDATETIME()) >= 140 THEN 'waited' END
=> waited

--- case: PRINT takes an expression
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/print-transact-sql
DECLARE @n int = 3;
PRINT 'n is ' + CAST(@n AS varchar(10));
SELECT 'after'
=> after

--- case: sp_executesql keeps its own variables
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-executesql-transact-sql
DECLARE @x int = 1;
EXEC sp_executesql N'DECLARE @x int = 2; SELECT @x';
SELECT @x
=> 2
=> ;
=> 1

--- case: sp_executesql without a value for a parameter is error 8178
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-executesql-transact-sql
EXEC sp_executesql N'SELECT @a', N'@a int'
=> error 8178 level 16

--- case: sp_executesql needs a text: error 214
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
EXEC sp_executesql 1
=> error 214 level 16

--- case: EXEC of a string sees no variables
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/execute-transact-sql
DECLARE @a int = 1;
EXEC ('SELECT @a')
=> error 137 level 15

--- case: SET in dynamic SQL ends with it
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-statements-transact-sql
EXEC ('SET XACT_ABORT ON; SELECT @@OPTIONS & 16384');
SELECT @@OPTIONS & 16384
=> 16384
=> ;
=> 0

--- case: TRY … CATCH inside a loop
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/try-catch-transact-sql
DECLARE @i int = 0, @failed int = 0;
WHILE @i < 3
BEGIN
  SET @i += 1;
  BEGIN TRY
    IF @i = 2 THROW 50001, 'two', 1;
  END TRY
  BEGIN CATCH
    SET @failed += 1;
    CONTINUE;
  END CATCH;
END;
SELECT @i, @failed
=> 3|1

--- case: CONTEXT_INFO is a value of the session
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-context-info-transact-sql
SET CONTEXT_INFO 0x0102
GO
SELECT SUBSTRING(CONTEXT_INFO(), 1, 2), DATALENGTH(CONTEXT_INFO())
=> 0x0102|128

--- case: SESSION_CONTEXT gives what sp_set_session_context set
--- doc: https://learn.microsoft.com/sql/t-sql/functions/session-context-transact-sql
EXEC sp_set_session_context @key = N'user_id', @value = 4;
EXEC sp_set_session_context N'Name', N'Ann';
SELECT CAST(SESSION_CONTEXT(N'user_id') AS int), CAST(SESSION_CONTEXT(N'name') AS nvarchar(10)), CAST(SESSION_CONTEXT(N'none') AS int)
=> 4|Ann|NULL

--- case: a read-only key cannot be set again: error 15664
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-set-session-context-transact-sql
EXEC sp_set_session_context @key = N'fixed', @value = 1, @read_only = 1
GO
EXEC sp_set_session_context @key = N'fixed', @value = 2
=> error 15664 level 16: Cannot set key 'fixed' in the session context. The key has been set as read_only for this session.
