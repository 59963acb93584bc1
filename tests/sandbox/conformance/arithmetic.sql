-- Arithmetic: result types, overflow, division
--- case: integer division truncates toward zero
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/divide-transact-sql
SELECT 7 / 2, -7 / 2, 7 % -2
=> 3|-3|1

--- case: division by zero is error 8134
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999
SELECT 1 / 0
=> error 8134 level 16: Divide by zero error encountered.

--- case: a decimal quotient has the documented precision and scale
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/precision-scale-and-length-transact-sql
SELECT CAST(10 AS decimal(5, 2)) / CAST(3 AS decimal(3, 1))
=> 3.333333

--- case: a waiting writer gets its turn
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
CREATE TABLE dbo.turn (id int PRIMARY KEY, v int NOT NULL);
INSERT dbo.turn VALUES (1, 0);
GO
BEGIN TRANSACTION;
UPDATE dbo.turn SET v = v + 1 WHERE id = 1;
--- session b starts
UPDATE dbo.turn SET v = v + 10 WHERE id = 1;
--- session a
COMMIT;
--- session b resumes
--- session a
SELECT v FROM dbo.turn
=> 11
