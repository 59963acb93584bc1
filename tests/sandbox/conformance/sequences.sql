-- Sequences: values, limits, options, what a transaction does not take back
--- case: values count up from the start by the increment
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-sequence-transact-sql
CREATE SEQUENCE dbo.s1 AS int START WITH 10 INCREMENT BY 5
GO
SELECT NEXT VALUE FOR dbo.s1
=> 10
SELECT NEXT VALUE FOR dbo.s1 AS v
=> 15
DECLARE @v int;
SET @v = NEXT VALUE FOR dbo.s1;
SELECT @v
=> 20

--- case: without options it is a bigint that starts at the smallest value
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-sequence-transact-sql
CREATE SEQUENCE dbo.s2
GO
SELECT NEXT VALUE FOR dbo.s2
=> -9223372036854775808
SELECT TYPE_NAME(system_type_id), CAST(start_value AS bigint), CAST(increment AS bigint), CAST(minimum_value AS bigint), CAST(maximum_value AS bigint), is_cycling, is_cached FROM sys.sequences WHERE name = 's2'
=> bigint|-9223372036854775808|1|-9223372036854775808|9223372036854775807|0|1

--- case: a descending sequence starts at its largest value
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-sequence-transact-sql
CREATE SEQUENCE dbo.s3 AS tinyint INCREMENT BY -1
GO
SELECT NEXT VALUE FOR dbo.s3
=> 255
SELECT NEXT VALUE FOR dbo.s3
=> 254

--- case: a used-up sequence is error 11728
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-11000-to-12999
CREATE SEQUENCE dbo.s4 AS int START WITH 1 MAXVALUE 2 MINVALUE 1
GO
SELECT NEXT VALUE FOR dbo.s4
GO
SELECT NEXT VALUE FOR dbo.s4
GO
SELECT NEXT VALUE FOR dbo.s4
=> error 11728 level 16: The sequence object 's4' has reached its minimum or maximum value. Restart the sequence object to allow new values to be generated.

--- case: a cycling sequence goes on at its minimum, not at its start
--- doc: https://learn.microsoft.com/sql/t-sql/statements/create-sequence-transact-sql
CREATE SEQUENCE dbo.s5 AS int START WITH 2 MINVALUE 1 MAXVALUE 3 CYCLE
GO
CREATE TABLE dbo.s5_t (n int IDENTITY, v int)
GO
INSERT dbo.s5_t (v) VALUES (NEXT VALUE FOR dbo.s5);
INSERT dbo.s5_t (v) VALUES (NEXT VALUE FOR dbo.s5);
INSERT dbo.s5_t (v) VALUES (NEXT VALUE FOR dbo.s5);
SELECT v FROM dbo.s5_t ORDER BY n
=> 2
=> 3
=> 1

--- case: INSERT … SELECT takes a value a row
--- doc: https://learn.microsoft.com/sql/t-sql/functions/next-value-for-transact-sql
CREATE SEQUENCE dbo.s6 START WITH 1
GO
CREATE TABLE dbo.s6_t (id int, v varchar(5));
INSERT dbo.s6_t SELECT NEXT VALUE FOR dbo.s6, v FROM (VALUES ('a'), ('b'), ('c')) x (v);
SELECT COUNT(DISTINCT id), MIN(id), MAX(id) FROM dbo.s6_t
=> 3|1|3
INSERT dbo.s6_t VALUES (NEXT VALUE FOR dbo.s6, 'd');
SELECT id FROM dbo.s6_t WHERE v = 'd'
=> 4

--- case: a DEFAULT takes its value from a sequence
--- doc: https://learn.microsoft.com/sql/t-sql/functions/next-value-for-transact-sql
CREATE SEQUENCE dbo.s7 AS int START WITH 100
GO
CREATE TABLE dbo.s7_t (id int NOT NULL DEFAULT (NEXT VALUE FOR dbo.s7), v int);
INSERT dbo.s7_t (v) VALUES (1), (2);
INSERT dbo.s7_t DEFAULT VALUES;
SELECT id, v FROM dbo.s7_t ORDER BY id
=> 100|1
=> 101|2
=> 102|NULL
DROP SEQUENCE dbo.s7
=> error 3729 level 16

--- case: a rollback does not give values back
--- doc: https://learn.microsoft.com/sql/relational-databases/sequence-numbers/sequence-numbers
CREATE SEQUENCE dbo.s8 AS int START WITH 1
GO
BEGIN TRAN;
SELECT NEXT VALUE FOR dbo.s8;
ROLLBACK;
SELECT NEXT VALUE FOR dbo.s8
=> 1
=> ;
=> 2

--- case: UPDATE takes a value a row
--- doc: https://learn.microsoft.com/sql/t-sql/functions/next-value-for-transact-sql
CREATE SEQUENCE dbo.s9 AS int START WITH 1
GO
CREATE TABLE dbo.s9_t (id int, v int);
INSERT dbo.s9_t VALUES (1, 0), (2, 0);
UPDATE dbo.s9_t SET v = NEXT VALUE FOR dbo.s9;
SELECT COUNT(DISTINCT v), SUM(v) FROM dbo.s9_t
=> 2|3

--- case: ALTER SEQUENCE RESTART starts over
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-sequence-transact-sql
CREATE SEQUENCE dbo.s10 AS int START WITH 5
GO
SELECT NEXT VALUE FOR dbo.s10
=> 5
ALTER SEQUENCE dbo.s10 RESTART
GO
SELECT NEXT VALUE FOR dbo.s10
=> 5
ALTER SEQUENCE dbo.s10 RESTART WITH 50 INCREMENT BY 10
GO
SELECT NEXT VALUE FOR dbo.s10
=> 50
SELECT NEXT VALUE FOR dbo.s10
=> 60

--- case: current_value is the last value given out
--- doc: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-sequences-transact-sql
CREATE SEQUENCE dbo.s11 AS int START WITH 3
GO
SELECT CAST(current_value AS int) FROM sys.sequences WHERE name = 's11'
=> 3
SELECT NEXT VALUE FOR dbo.s11
GO
SELECT NEXT VALUE FOR dbo.s11
GO
SELECT CAST(current_value AS int) FROM sys.sequences WHERE name = 's11'
=> 4

--- case: sp_sequence_get_range takes several values at once
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-sequence-get-range-transact-sql
CREATE SEQUENCE dbo.s12 AS int START WITH 1
GO
DECLARE @first sql_variant, @last sql_variant;
EXEC sys.sp_sequence_get_range @sequence_name = N'dbo.s12', @range_size = 10, @range_first_value = @first OUTPUT, @range_last_value = @last OUTPUT;
SELECT CAST(@first AS int), CAST(@last AS int)
=> 1|10
SELECT NEXT VALUE FOR dbo.s12
=> 11

--- case: a range that does not fit is error 11732
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-sequence-get-range-transact-sql
CREATE SEQUENCE dbo.s13 AS tinyint START WITH 250
GO
DECLARE @first sql_variant;
EXEC sys.sp_sequence_get_range @sequence_name = N'dbo.s13', @range_size = 10, @range_first_value = @first OUTPUT
=> error 11732 level 16

--- case: an increment of zero is error 11700
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-11000-to-12999
CREATE SEQUENCE dbo.s14 INCREMENT BY 0
=> error 11700 level 16

--- case: a start outside of the limits is error 11703
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-11000-to-12999
CREATE SEQUENCE dbo.s15 AS int START WITH 0 MINVALUE 1
=> error 11703 level 16

--- case: a minimum that is not below the maximum is error 11705
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-11000-to-12999
CREATE SEQUENCE dbo.s16 AS int MINVALUE 5 MAXVALUE 5
=> error 11705 level 16

--- case: a type that is no integer is error 11702
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-11000-to-12999
CREATE SEQUENCE dbo.s17 AS varchar(10)
=> error 11702 level 16

--- case: NEXT VALUE FOR in a WHERE clause is error 11720
--- doc: https://learn.microsoft.com/sql/t-sql/functions/next-value-for-transact-sql
CREATE SEQUENCE dbo.s18 AS int START WITH 1
GO
SELECT 1 FROM sys.objects WHERE object_id = NEXT VALUE FOR dbo.s18
=> error 11720 level 15

--- case: NEXT VALUE FOR in a subquery is error 11719
--- doc: https://learn.microsoft.com/sql/t-sql/functions/next-value-for-transact-sql
CREATE SEQUENCE dbo.s19 AS int START WITH 1
GO
SELECT (SELECT NEXT VALUE FOR dbo.s19)
=> error 11719 level 15

--- case: NEXT VALUE FOR with DISTINCT is error 11721, with ORDER BY 11723, in CASE 11741
--- doc: https://learn.microsoft.com/sql/t-sql/functions/next-value-for-transact-sql
CREATE SEQUENCE dbo.s20 AS int START WITH 1
GO
SELECT DISTINCT NEXT VALUE FOR dbo.s20
=> error 11721 level 15
SELECT NEXT VALUE FOR dbo.s20, name FROM sys.objects ORDER BY name
=> error 11723 level 15
SELECT CASE WHEN 1 = 1 THEN NEXT VALUE FOR dbo.s20 ELSE 0 END
=> error 11741 level 15

--- case: a sequence that is not there is error 208, another object 11726
--- doc: https://learn.microsoft.com/sql/t-sql/functions/next-value-for-transact-sql
CREATE TABLE dbo.s21_t (id int)
GO
SELECT NEXT VALUE FOR dbo.s21_none
=> error 208 level 16: Invalid object name 'dbo.s21_none'.
SELECT NEXT VALUE FOR dbo.s21_t
=> error 11726 level 16

--- case: DROP SEQUENCE, with and without IF EXISTS
--- doc: https://learn.microsoft.com/sql/t-sql/statements/drop-sequence-transact-sql
CREATE SEQUENCE dbo.s22
GO
SELECT RTRIM(type), type_desc FROM sys.objects WHERE name = 's22'
=> SO|SEQUENCE_OBJECT
DROP SEQUENCE dbo.s22
GO
DROP SEQUENCE dbo.s22
=> error 3701 level 11
DROP SEQUENCE IF EXISTS dbo.s22

--- case: NEXT VALUE FOR … OVER
--- doc: https://learn.microsoft.com/sql/t-sql/functions/next-value-for-transact-sql
--- refused: values in an order
CREATE SEQUENCE dbo.s23 AS int START WITH 1
GO
SELECT NEXT VALUE FOR dbo.s23 OVER (ORDER BY v) FROM (VALUES (1)) x (v)
=> 1

--- case: all references to one sequence have the same value within a row
--- doc: https://learn.microsoft.com/sql/t-sql/functions/next-value-for-transact-sql
--- refused: several references to one sequence in a row
CREATE SEQUENCE dbo.s24 AS int START WITH 1
GO
SELECT NEXT VALUE FOR dbo.s24, NEXT VALUE FOR dbo.s24
=> 1|1

--- case: a value given next to a DEFAULT of the same sequence is the same
--- doc: https://learn.microsoft.com/sql/t-sql/functions/next-value-for-transact-sql
--- refused: several references to one sequence in a row
CREATE SEQUENCE dbo.s25 AS int START WITH 1
GO
CREATE TABLE dbo.s25_t (a int, b int NOT NULL DEFAULT (NEXT VALUE FOR dbo.s25));
INSERT dbo.s25_t (a) VALUES (NEXT VALUE FOR dbo.s25);
SELECT a, b FROM dbo.s25_t
=> 1|1

--- case: a value given next to the keyword DEFAULT of the same sequence is the same
--- doc: https://learn.microsoft.com/sql/t-sql/functions/next-value-for-transact-sql
--- refused: several references to one sequence in a row
CREATE SEQUENCE dbo.s26 AS int START WITH 1
GO
CREATE TABLE dbo.s26_t (a int, b int NOT NULL DEFAULT (NEXT VALUE FOR dbo.s26));
INSERT dbo.s26_t (a, b) VALUES (NEXT VALUE FOR dbo.s26, DEFAULT);
SELECT a, b FROM dbo.s26_t
=> 1|1

--- case: a value selected next to a DEFAULT of the same sequence is the same
--- doc: https://learn.microsoft.com/sql/t-sql/functions/next-value-for-transact-sql
--- refused: several references to one sequence in a row
CREATE SEQUENCE dbo.s27 AS int START WITH 1
GO
CREATE TABLE dbo.s27_t (a int, b int NOT NULL DEFAULT (NEXT VALUE FOR dbo.s27));
INSERT dbo.s27_t (a) SELECT NEXT VALUE FOR dbo.s27 FROM (VALUES (1), (2)) x (v);
SELECT a, b FROM dbo.s27_t ORDER BY a
=> 1|1
=> 2|2

--- case: an UPDATE of two columns from one sequence gives both the same value
--- doc: https://learn.microsoft.com/sql/t-sql/functions/next-value-for-transact-sql
--- refused: several references to one sequence in a row
CREATE SEQUENCE dbo.s28 AS int START WITH 1
GO
CREATE TABLE dbo.s28_t (a int, b int DEFAULT (NEXT VALUE FOR dbo.s28));
INSERT dbo.s28_t VALUES (0, 0);
UPDATE dbo.s28_t SET a = NEXT VALUE FOR dbo.s28, b = DEFAULT;
SELECT a, b FROM dbo.s28_t
=> 1|1

--- case: a MERGE takes values of a sequence only by DEFAULTs of the rows it inserts
--- doc: https://learn.microsoft.com/sql/t-sql/functions/next-value-for-transact-sql
CREATE SEQUENCE dbo.s29 AS int START WITH 1
GO
CREATE TABLE dbo.s29_t (id int, a int, b int NOT NULL DEFAULT (NEXT VALUE FOR dbo.s29));
MERGE dbo.s29_t AS t USING (VALUES (1)) AS s(id) ON t.id = s.id
WHEN NOT MATCHED THEN INSERT (id, a) VALUES (s.id, NEXT VALUE FOR dbo.s29);
=> error 11742 level 15: NEXT VALUE FOR function can only be used with MERGE if it is defined within a default constraint *
MERGE dbo.s29_t AS t USING (VALUES (1)) AS s(id) ON t.id = s.id
WHEN MATCHED THEN UPDATE SET a = NEXT VALUE FOR dbo.s29;
=> error 11742 level 15
MERGE dbo.s29_t AS t USING (VALUES (1)) AS s(id) ON t.id = s.id
WHEN NOT MATCHED THEN INSERT (id, a, b) VALUES (s.id, 7, DEFAULT);
SELECT id, a, b FROM dbo.s29_t
=> 1|7|1

--- case: a MERGE that inserts two DEFAULTs of the same sequence gives both the same value
--- doc: https://learn.microsoft.com/sql/t-sql/functions/next-value-for-transact-sql
--- refused: several references to one sequence in a row
CREATE SEQUENCE dbo.s33 AS int START WITH 1
GO
CREATE TABLE dbo.s33_t (id int, a int DEFAULT (NEXT VALUE FOR dbo.s33), b int DEFAULT (NEXT VALUE FOR dbo.s33));
MERGE dbo.s33_t AS t USING (VALUES (1)) AS s(id) ON t.id = s.id
WHEN NOT MATCHED THEN INSERT (id, a) VALUES (s.id, DEFAULT);
SELECT id, a, b FROM dbo.s33_t
=> 1|1|1

--- case: different sequences go together in a row
--- doc: https://learn.microsoft.com/sql/t-sql/functions/next-value-for-transact-sql
CREATE SEQUENCE dbo.s30 AS int START WITH 1;
CREATE SEQUENCE dbo.s31 AS int START WITH 100;
CREATE SEQUENCE dbo.s32 AS int START WITH 500
GO
CREATE TABLE dbo.s30_t (a int, b int DEFAULT (NEXT VALUE FOR dbo.s31), c int DEFAULT (NEXT VALUE FOR dbo.s32));
INSERT dbo.s30_t (a) VALUES (NEXT VALUE FOR dbo.s30), (NEXT VALUE FOR dbo.s30);
INSERT dbo.s30_t (a, b, c) VALUES (NEXT VALUE FOR dbo.s30, DEFAULT, 0);
SELECT a, b, c FROM dbo.s30_t ORDER BY a
=> 1|100|500
=> 2|101|501
=> 3|102|0
