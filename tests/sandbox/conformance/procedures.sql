-- Stored procedures: parameters, status, errors, scope
--- case: a procedure runs with positional and named arguments
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/execute-transact-sql
CREATE PROCEDURE dbo.p_args @a int, @b varchar(10) AS SELECT @a AS a, @b AS b
GO
EXEC dbo.p_args 1, 'x'
=> 1|x
EXECUTE dbo.p_args @b = 'y', @a = 2
=> 2|y
EXEC p_args 3, @b = 'z'
=> 3|z

--- case: a parameter with a default may be left out, and DEFAULT stands for it
--- doc: https://learn.microsoft.com/sql/relational-databases/stored-procedures/specify-parameters
CREATE PROCEDURE dbo.p_defaults @a int = 7, @b nvarchar(10) = N'none', @c int = NULL AS SELECT @a, @b, @c
GO
EXEC dbo.p_defaults
=> 7|none|NULL
EXEC dbo.p_defaults 1
=> 1|none|NULL
EXEC dbo.p_defaults DEFAULT, N'x', 3
=> 7|x|3
EXEC dbo.p_defaults @c = 5, @a = DEFAULT
=> 7|none|5

--- case: a parameter without a default that is not given is error 201
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
CREATE PROCEDURE dbo.p_expects @a int, @b int AS SELECT @a, @b
GO
EXEC dbo.p_expects 1
=> error 201 level 16: Procedure or function 'p_expects' expects parameter '@b', which was not supplied.

--- case: DEFAULT for a parameter without one is error 201
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/execute-transact-sql
CREATE PROCEDURE dbo.p_no_default @a int AS SELECT @a
GO
EXEC dbo.p_no_default DEFAULT
=> error 201 level 16

--- case: too many arguments are error 8144
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
CREATE PROCEDURE dbo.p_one @a int AS SELECT @a
GO
EXEC dbo.p_one 1, 2
=> error 8144 level 16: Procedure or function p_one has too many arguments specified.

--- case: an argument of another name is error 8145
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
CREATE PROCEDURE dbo.p_named @a int AS SELECT @a
GO
EXEC dbo.p_named @other = 1
=> error 8145 level 16: @other is not a parameter for procedure p_named.

--- case: arguments for a procedure without parameters are error 8146
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
CREATE PROCEDURE dbo.p_none AS SELECT 1
GO
EXEC dbo.p_none 1
=> error 8146 level 16: Procedure p_none has no parameters and arguments were supplied.

--- case: an argument given twice is error 8143
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
CREATE PROCEDURE dbo.p_twice @a int, @b int = 0 AS SELECT @a
GO
EXEC dbo.p_twice 1, @a = 2
=> error 8143 level 16

--- case: a procedure that is not there is error 2812
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-2812-database-engine-error
EXEC dbo.p_missing
=> error 2812 level 16: Could not find stored procedure 'dbo.p_missing'.

--- case: a positional argument after a named one is error 119
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
EXEC dbo.p_whatever @a = 1, 2
=> error 119 level 15: Must pass parameter number 2 and subsequent parameters as '@name = value'. After the form '@name = value' has been used, all subsequent parameters must be passed in the form '@name = value'.

--- case: OUTPUT on a constant is error 179
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
EXEC dbo.p_whatever 1 OUTPUT
=> error 179 level 15: Cannot use the OUTPUT option when passing a constant to a stored procedure.

--- case: an output parameter comes back only where the call says OUTPUT
--- doc: https://learn.microsoft.com/sql/relational-databases/stored-procedures/return-data-from-a-stored-procedure
CREATE PROCEDURE dbo.p_out @in int, @out int OUTPUT AS SET @out = @in * 2
GO
DECLARE @a int = 1, @b int = 1;
EXEC dbo.p_out 21, @a OUTPUT;
EXEC dbo.p_out 21, @b;
SELECT @a, @b
=> 42|1

--- case: an output parameter can be passed by name and holds what was passed in
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/execute-transact-sql
CREATE PROCEDURE dbo.p_inout @x int = 0 OUTPUT AS SET @x += 1
GO
DECLARE @v int = 41;
EXEC dbo.p_inout @x = @v OUTPUT;
SELECT @v
=> 42

--- case: OUTPUT for a parameter that is not one is error 8162
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
CREATE PROCEDURE dbo.p_in @x int AS SELECT @x
GO
DECLARE @v int = 1;
EXEC dbo.p_in @v OUTPUT
=> error 8162 level 16

--- case: the return status is 0 unless RETURN says otherwise
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/return-transact-sql
CREATE PROCEDURE dbo.p_status @s int = NULL AS
IF @s IS NOT NULL RETURN @s;
SELECT 'went on'
GO
DECLARE @rc int = -1;
EXEC @rc = dbo.p_status;
SELECT @rc
=> went on
=> ;
=> 0
DECLARE @rc int;
EXEC @rc = dbo.p_status 5;
SELECT @rc
=> 5

--- case: a value that does not convert to the parameter's type is error 8114
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
CREATE PROCEDURE dbo.p_int @a int AS SELECT @a
GO
EXEC dbo.p_int 'abc'
=> error 8114 level 16: Error converting data type varchar to int.

--- case: a longer string is cut to the parameter's length
--- doc: https://learn.microsoft.com/sql/relational-databases/stored-procedures/specify-parameters
CREATE PROCEDURE dbo.p_cut @a varchar(3) AS SELECT @a
GO
EXEC dbo.p_cut 'abcdef'
=> abc

--- case: CREATE of a procedure that is there is error 2714, CREATE OR ALTER replaces it
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-procedure-transact-sql
CREATE PROCEDURE dbo.p_again AS SELECT 1
GO
CREATE PROCEDURE dbo.p_again AS SELECT 2
=> error 2714 level 16: There is already an object named 'p_again' in the database.
CREATE OR ALTER PROCEDURE dbo.p_again AS SELECT 3
GO
EXEC dbo.p_again
=> 3
ALTER PROC dbo.p_again AS SELECT 4
GO
EXEC dbo.p_again
=> 4

--- case: ALTER of a procedure that is not there is error 208
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-procedure-transact-sql
ALTER PROCEDURE dbo.p_nothing AS SELECT 1
=> error 208 level 16: Invalid object name 'dbo.p_nothing'.

--- case: ALTER of an object of another kind is error 2010
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-2000-to-2999
CREATE TABLE dbo.t_2010 (id int)
GO
ALTER PROCEDURE dbo.t_2010 AS SELECT 1
=> error 2010 level 16: Cannot perform alter on 'dbo.t_2010' because it is an incompatible object type.

--- case: DROP PROCEDURE, with and without IF EXISTS
--- doc: https://learn.microsoft.com/sql/t-sql/statements/drop-procedure-transact-sql
CREATE PROCEDURE dbo.p_gone AS SELECT 1
GO
DROP PROCEDURE dbo.p_gone
GO
DROP PROCEDURE dbo.p_gone
=> error 3701 level 11: Cannot drop the procedure 'dbo.p_gone', because it does not exist or you do not have permission.
DROP PROCEDURE IF EXISTS dbo.p_gone
GO
EXEC dbo.p_gone
=> error 2812

--- case: DROP PROCEDURE of a table is error 3705
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-3000-to-3999
CREATE TABLE dbo.t_3705 (id int)
GO
DROP PROCEDURE dbo.t_3705
=> error 3705 level 16: Cannot use DROP PROCEDURE with 'dbo.t_3705' because 'dbo.t_3705' is a table. Use DROP TABLE.

--- case: CREATE PROCEDURE has a batch of its own: error 111
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
SELECT 1;
CREATE PROCEDURE dbo.p_second AS SELECT 1
=> error 111 level 15: 'CREATE/ALTER PROCEDURE' must be the first statement in a query batch.

--- case: a syntax error shows when the procedure is made
--- doc: https://learn.microsoft.com/sql/relational-databases/stored-procedures/create-a-stored-procedure
CREATE PROCEDURE dbo.p_syntax AS SELEC 1 FROM
=> error 102
SELECT OBJECT_ID('dbo.p_syntax')
=> NULL

--- case: names of tables are resolved when the procedure runs
--- doc: https://learn.microsoft.com/previous-versions/sql/sql-server-2008-r2/ms190686(v=sql.105)
CREATE PROCEDURE dbo.p_deferred AS SELECT a FROM dbo.t_deferred
GO
EXEC dbo.p_deferred
=> error 208 level 16: Invalid object name 'dbo.t_deferred'.
CREATE TABLE dbo.t_deferred (a int);
INSERT dbo.t_deferred VALUES (9);
GO
EXEC dbo.p_deferred
=> 9

--- case: a column that an existing table does not have is an error when the procedure is made
--- doc: https://learn.microsoft.com/previous-versions/sql/sql-server-2008-r2/ms190686(v=sql.105)
CREATE TABLE dbo.t_columns (a int)
GO
CREATE PROCEDURE dbo.p_columns AS SELECT b FROM dbo.t_columns
=> error 207 level 16: Invalid column name 'b'.

--- case: a variable that is not declared is an error when the procedure is made
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
CREATE PROCEDURE dbo.p_undeclared @a int AS SET @b = @a
=> error 137 level 15

--- case: a parameter's name is declared once: error 134
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
CREATE PROCEDURE dbo.p_declared @a int AS DECLARE @a int
=> error 134 level 15

--- case: USE is not allowed in a procedure
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/use-transact-sql
CREATE PROCEDURE dbo.p_use AS USE master
=> error 154 level 15: a USE database statement is not allowed in a procedure, function or trigger.

--- case: a procedure calls another, and itself up to 32 levels deep
--- doc: https://learn.microsoft.com/sql/relational-databases/stored-procedures/create-a-stored-procedure
CREATE PROCEDURE dbo.p_factorial @n bigint, @f bigint OUTPUT AS
BEGIN
  IF @n <= 1 BEGIN SET @f = 1; RETURN; END;
  DECLARE @m bigint = @n - 1;
  EXEC dbo.p_factorial @m, @f OUTPUT;
  SET @f = @f * @n;
END
GO
DECLARE @f bigint;
EXEC dbo.p_factorial 10, @f OUTPUT;
SELECT @f
=> 3628800
CREATE PROCEDURE dbo.p_endless AS EXEC dbo.p_endless
GO
EXEC dbo.p_endless
=> error 217 level 16: Maximum stored procedure, function, trigger, or view nesting level exceeded (limit 32).

--- case: @@NESTLEVEL counts the procedures around
--- doc: https://learn.microsoft.com/sql/t-sql/functions/nestlevel-transact-sql
CREATE PROCEDURE dbo.p_inner_level AS SELECT @@NESTLEVEL
GO
CREATE PROCEDURE dbo.p_outer_level AS SELECT @@NESTLEVEL; EXEC dbo.p_inner_level
GO
SELECT @@NESTLEVEL
=> 0
EXEC dbo.p_outer_level
=> 1
=> ;
=> 2

--- case: SET options of a procedure end with it
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-statements-transact-sql
CREATE PROCEDURE dbo.p_options AS SET XACT_ABORT ON; SET LOCK_TIMEOUT 1234; SELECT @@LOCK_TIMEOUT, @@OPTIONS & 16384
GO
EXEC dbo.p_options;
SELECT @@LOCK_TIMEOUT, @@OPTIONS & 16384
=> 1234|16384
=> ;
=> -1|0

--- case: variables of a procedure are its own
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/variables-transact-sql
CREATE PROCEDURE dbo.p_own AS DECLARE @v int = 2; SELECT @v
GO
DECLARE @v int = 1;
EXEC dbo.p_own;
SELECT @v
=> 2
=> ;
=> 1

--- case: a temporary table of a procedure is seen by those it calls and gone after it
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-table-transact-sql#temporary-tables
CREATE PROCEDURE dbo.p_reads_temp AS SELECT a FROM #made
GO
CREATE PROCEDURE dbo.p_makes_temp AS
CREATE TABLE #made (a int);
INSERT #made VALUES (5);
EXEC dbo.p_reads_temp
GO
EXEC dbo.p_makes_temp
=> 5
SELECT OBJECT_ID('tempdb..#made')
=> NULL
EXEC dbo.p_reads_temp
=> error 208 level 16: Invalid object name '#made'.

--- case: a procedure may make a temporary table of the name that its caller has
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-table-transact-sql#temporary-tables
CREATE PROCEDURE dbo.p_shadows AS
CREATE TABLE #t (a int);
INSERT #t VALUES (2);
SELECT a FROM #t
GO
CREATE TABLE #t (a int);
INSERT #t VALUES (1);
EXEC dbo.p_shadows;
SELECT a FROM #t
=> 2
=> ;
=> 1

--- case: EXEC takes the procedure's name from a variable
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/execute-transact-sql
CREATE PROCEDURE dbo.p_by_name @a int AS SELECT @a + 1
GO
DECLARE @p nvarchar(100) = N'dbo.p_by_name', @rc int;
EXEC @rc = @p 41;
EXEC @p @a = 1
=> 42
=> ;
=> 2

--- case: INSERT … EXEC takes the rows of every result set
--- doc: https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql
CREATE TABLE dbo.t_exec (a int, b varchar(5))
GO
CREATE PROCEDURE dbo.p_rows AS SELECT 1, 'a'; SELECT 2, 'b'
GO
INSERT dbo.t_exec EXEC dbo.p_rows;
SELECT @@ROWCOUNT;
SELECT a, b FROM dbo.t_exec ORDER BY a
=> 2
=> ;
=> 1|a
=> 2|b
INSERT dbo.t_exec (b, a) EXEC ('SELECT ''c'', 3');
SELECT a, b FROM dbo.t_exec WHERE a = 3
=> 3|c

--- case: INSERT … EXEC does not nest: error 8164
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
CREATE TABLE dbo.t_nested (a int)
GO
CREATE PROCEDURE dbo.p_collects AS DECLARE @t TABLE (a int); INSERT @t EXEC ('SELECT 1'); SELECT a FROM @t
GO
INSERT dbo.t_nested EXEC dbo.p_collects
=> error 8164 level 16: An INSERT EXEC statement cannot be nested.

--- case: INSERT … EXEC with another number of columns is error 213
--- doc: https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql
CREATE TABLE dbo.t_213 (a int)
GO
INSERT dbo.t_213 EXEC ('SELECT 1, 2')
=> error 213 level 16

--- case: ROLLBACK inside of INSERT … EXEC is error 3915
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-3000-to-3999
CREATE TABLE dbo.t_3915 (a int)
GO
INSERT dbo.t_3915 EXEC ('ROLLBACK TRANSACTION')
=> error 3915 level 16: Cannot use the ROLLBACK statement within an INSERT-EXEC statement.

--- case: a procedure that leaves a transaction open is told by message 266
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-266-database-engine-error
CREATE PROCEDURE dbo.p_begins AS BEGIN TRANSACTION
GO
EXEC dbo.p_begins
=> error 266 level 16: Transaction count after EXECUTE indicates a mismatching number of BEGIN and COMMIT statements. Previous count = 0, current count = 1.

--- case: an error in a procedure ends its statement, and the procedure goes on
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-xact-abort-transact-sql
CREATE TABLE dbo.t_goes_on (id int PRIMARY KEY)
GO
CREATE PROCEDURE dbo.p_goes_on AS
INSERT dbo.t_goes_on VALUES (1);
INSERT dbo.t_goes_on VALUES (1);
INSERT dbo.t_goes_on VALUES (2)
GO
EXEC dbo.p_goes_on
=> error 2627
SELECT id FROM dbo.t_goes_on ORDER BY id
=> 1
=> 2

--- case: ERROR_PROCEDURE and ERROR_LINE say where it happened
--- doc: https://learn.microsoft.com/sql/t-sql/functions/error-procedure-transact-sql
CREATE PROCEDURE dbo.p_fails AS
-- the second line
SELECT 1 / 0
GO
BEGIN TRY
  EXEC dbo.p_fails;
END TRY
BEGIN CATCH
  SELECT ERROR_NUMBER(), ERROR_LINE(), CASE WHEN ERROR_PROCEDURE() LIKE '%p_fails' THEN 'p_fails' END;
END CATCH
=> (none)
=> ;
=> 8134|3|p_fails

--- case: a missing table inside a called procedure can be caught by its caller
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/try-catch-transact-sql
CREATE PROCEDURE dbo.p_208 AS SELECT * FROM dbo.no_such_table
GO
BEGIN TRY
  EXEC dbo.p_208;
END TRY
BEGIN CATCH
  SELECT ERROR_NUMBER();
END CATCH
=> 208

--- case: THROW in a procedure reaches the caller's CATCH
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/throw-transact-sql
CREATE PROCEDURE dbo.p_throws AS THROW 50123, 'from inside', 3
GO
BEGIN TRY
  EXEC dbo.p_throws;
  SELECT 'not reached';
END TRY
BEGIN CATCH
  SELECT ERROR_NUMBER(), ERROR_MESSAGE(), ERROR_STATE();
END CATCH
=> 50123|from inside|3

--- case: the text of a procedure is kept as it was written
--- doc: https://learn.microsoft.com/sql/t-sql/functions/object-definition-transact-sql
CREATE PROCEDURE dbo.p_text AS SELECT 1 AS one
GO
SELECT OBJECT_DEFINITION(OBJECT_ID('dbo.p_text')), (SELECT definition FROM sys.sql_modules WHERE object_id = OBJECT_ID('dbo.p_text'))
=> CREATE PROCEDURE dbo.p_text AS SELECT 1 AS one|CREATE PROCEDURE dbo.p_text AS SELECT 1 AS one
EXEC sp_helptext 'dbo.p_text'
=> CREATE PROCEDURE dbo.p_text AS SELECT 1 AS one

--- case: sp_helptext of what is not there is error 15009
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-helptext-transact-sql
EXEC sp_helptext 'dbo.p_no_text'
=> error 15009 level 16

--- case: sys.procedures and sys.objects show a procedure
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-procedures-transact-sql
CREATE PROCEDURE dbo.p_shown @a int AS SELECT @a
GO
SELECT p.name, RTRIM(p.type), p.type_desc, RTRIM(o.type) FROM sys.procedures p JOIN sys.objects o ON o.object_id = p.object_id WHERE p.name = 'p_shown'
=> p_shown|P|SQL_STORED_PROCEDURE|P
SELECT OBJECTPROPERTY(OBJECT_ID('dbo.p_shown'), 'IsProcedure'), OBJECT_NAME(OBJECT_ID('dbo.p_shown', 'P'))
=> 1|p_shown

--- case: sys.parameters has a row a parameter
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-parameters-transact-sql
CREATE PROCEDURE dbo.p_parameters @a int, @b nvarchar(20) = N'x', @c decimal(9, 2) OUTPUT AS SET @c = 1
GO
SELECT parameter_id, name, TYPE_NAME(user_type_id), max_length, precision, scale, is_output
FROM sys.parameters WHERE object_id = OBJECT_ID('dbo.p_parameters') ORDER BY parameter_id
=> 1|@a|int|4|10|0|0
=> 2|@b|nvarchar|40|0|0|0
=> 3|@c|decimal|5|9|2|1

--- case: @@PROCID is the procedure that runs
--- doc: https://learn.microsoft.com/sql/t-sql/functions/procid-transact-sql
CREATE PROCEDURE dbo.p_procid AS SELECT OBJECT_NAME(@@PROCID)
GO
EXEC dbo.p_procid
=> p_procid

--- case: options that change no result are taken
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-procedure-transact-sql
CREATE PROCEDURE dbo.p_with (@a int) WITH RECOMPILE, EXECUTE AS CALLER AS SELECT @a
GO
EXEC dbo.p_with 4 WITH RECOMPILE
=> 4

--- case: a procedure whose text is hidden
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-procedure-transact-sql
--- refused: the text is kept as it is
CREATE PROCEDURE dbo.p_hidden WITH ENCRYPTION AS SELECT 1

--- case: numbered procedures
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-procedure-transact-sql
--- refused: a deprecated way to group procedures
CREATE PROCEDURE dbo.p_numbered;1 AS SELECT 1

--- case: a procedure in another schema is found by its two-part name only
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/execute-transact-sql
CREATE SCHEMA other
GO
CREATE PROCEDURE other.p_elsewhere AS SELECT 'other'
GO
EXEC other.p_elsewhere
=> other
EXEC p_elsewhere
=> error 2812

--- case: SCOPE_IDENTITY does not see what a called procedure inserts, @@IDENTITY does
--- doc: https://learn.microsoft.com/sql/t-sql/functions/scope-identity-transact-sql
CREATE TABLE dbo.t_scope (id int IDENTITY(10, 1), v int)
GO
CREATE PROCEDURE dbo.p_scope AS INSERT dbo.t_scope (v) VALUES (1)
GO
EXEC dbo.p_scope;
SELECT CAST(SCOPE_IDENTITY() AS int), CAST(@@IDENTITY AS int)
=> NULL|10

--- case: sp_executesql runs with parameters and gives back output
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-executesql-transact-sql
DECLARE @n int;
EXEC sp_executesql N'SELECT @n = @a + @b', N'@a int, @b int, @n int OUTPUT', @a = 1, @b = 2, @n = @n OUTPUT;
SELECT @n
=> 3

--- case: a procedure's transaction commits and rolls back with its caller's
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/begin-transaction-transact-sql
CREATE TABLE dbo.t_tran (id int)
GO
CREATE PROCEDURE dbo.p_tran AS BEGIN TRAN; INSERT dbo.t_tran VALUES (1); COMMIT
GO
BEGIN TRAN;
EXEC dbo.p_tran;
SELECT @@TRANCOUNT;
ROLLBACK;
SELECT COUNT(*) FROM dbo.t_tran
=> 1
=> ;
=> 0

--- case: replication's insert procedure puts its parameters into the table
--- doc: https://learn.microsoft.com/sql/relational-databases/replication/transactional/transactional-articles-specify-how-changes-are-propagated
CREATE TABLE dbo.orders (id int NOT NULL PRIMARY KEY, customer nvarchar(20) NULL, amount decimal(9, 2) NULL)
GO
CREATE PROCEDURE [dbo].[sp_MSins_dboorders] @c1 int, @c2 nvarchar(20), @c3 decimal(9, 2)
AS
BEGIN
  INSERT INTO [dbo].[orders] ([id], [customer], [amount]) VALUES (@c1, @c2, @c3)
END
GO
EXEC [dbo].[sp_MSins_dboorders] 1, N'Ann', 10.50;
EXEC dbo.sp_MSins_dboorders 2, NULL, NULL;
SELECT id, customer, amount FROM dbo.orders ORDER BY id
=> 1|Ann|10.50
=> 2|NULL|NULL

--- case: replication's update procedure writes the columns whose bits are set
--- doc: https://learn.microsoft.com/sql/relational-databases/replication/transactional/transactional-articles-specify-how-changes-are-propagated
CREATE TABLE dbo.stock (id int NOT NULL PRIMARY KEY, name nvarchar(20) NULL, n int NULL);
INSERT dbo.stock VALUES (1, N'nut', 5), (2, N'bolt', 6)
GO
CREATE PROCEDURE dbo.sp_MSreplraiserror @errorid int, @param1 sysname = NULL AS
IF @errorid = 20598 RAISERROR('The row was not found at the Subscriber when applying the replicated command.', 16, 1)
GO
CREATE PROCEDURE [dbo].[sp_MSupd_dbostock] @c1 int = NULL, @c2 nvarchar(20) = NULL, @c3 int = NULL, @pkc1 int = NULL, @bitmap binary(1)
AS
BEGIN
  DECLARE @primarykey_text nvarchar(100) = ''
  IF (SUBSTRING(@bitmap, 1, 1) & 1 = 1)
  BEGIN
    UPDATE [dbo].[stock] SET
      [id] = CASE SUBSTRING(@bitmap, 1, 1) & 1 WHEN 1 THEN @c1 ELSE [id] END,
      [name] = CASE SUBSTRING(@bitmap, 1, 1) & 2 WHEN 2 THEN @c2 ELSE [name] END,
      [n] = CASE SUBSTRING(@bitmap, 1, 1) & 4 WHEN 4 THEN @c3 ELSE [n] END
    WHERE [id] = @pkc1
    IF @@ROWCOUNT = 0
      EXEC dbo.sp_MSreplraiserror 20598
  END
  ELSE
  BEGIN
    UPDATE [dbo].[stock] SET
      [name] = CASE SUBSTRING(@bitmap, 1, 1) & 2 WHEN 2 THEN @c2 ELSE [name] END,
      [n] = CASE SUBSTRING(@bitmap, 1, 1) & 4 WHEN 4 THEN @c3 ELSE [n] END
    WHERE [id] = @pkc1
    IF @@ROWCOUNT = 0
    BEGIN
      SET @primarykey_text = @primarykey_text + '[id] = ' + CONVERT(nvarchar(100), @pkc1)
      EXEC dbo.sp_MSreplraiserror @errorid = 20598, @param1 = @primarykey_text
    END
  END
END
GO
EXEC dbo.sp_MSupd_dbostock DEFAULT, N'screw', DEFAULT, 1, 0x02;
EXEC dbo.sp_MSupd_dbostock @c1 = 3, @c3 = NULL, @pkc1 = 2, @bitmap = 0x05;
SELECT id, name, n FROM dbo.stock ORDER BY id
=> 1|screw|5
=> 3|bolt|NULL
EXEC dbo.sp_MSupd_dbostock DEFAULT, N'x', DEFAULT, 99, 0x02
=> error 50000 level 16: The row was not found at the Subscriber when applying the replicated command.

--- case: replication's delete procedure tells of a row that is not there
--- doc: https://learn.microsoft.com/sql/relational-databases/replication/transactional/transactional-articles-specify-how-changes-are-propagated
CREATE TABLE dbo.deletes (id int NOT NULL PRIMARY KEY);
INSERT dbo.deletes VALUES (1)
GO
CREATE PROCEDURE dbo.sp_MSdel_dbodeletes @pkc1 int AS
BEGIN
  DELETE [dbo].[deletes] WHERE [id] = @pkc1
  IF @@ROWCOUNT = 0
    RAISERROR(N'row %d is missing', 16, 1, @pkc1)
END
GO
EXEC dbo.sp_MSdel_dbodeletes 1
GO
EXEC dbo.sp_MSdel_dbodeletes 1
=> error 50000 level 16: row 1 is missing

--- case: a procedure sees a table as it is, also after columns were added
--- doc: https://learn.microsoft.com/sql/relational-databases/stored-procedures/recompile-a-stored-procedure
CREATE TABLE dbo.t_grows (a int);
INSERT dbo.t_grows VALUES (1)
GO
CREATE PROCEDURE dbo.p_grows AS SELECT * FROM dbo.t_grows
GO
EXEC dbo.p_grows
=> 1
ALTER TABLE dbo.t_grows ADD b int NULL
GO
EXEC dbo.p_grows
=> 1|NULL

--- case: a table and a procedure share the names of a schema
--- doc: https://learn.microsoft.com/sql/relational-databases/databases/database-identifiers
CREATE TABLE dbo.shared_name (a int)
GO
CREATE PROCEDURE dbo.shared_name AS SELECT 1
=> error 2714
