-- Isolation levels: what a reader sees, and what it waits for
--- case: READ COMMITTED waits for a writer and sees what it committed
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-transaction-isolation-level-transact-sql
CREATE TABLE iso1 (id int PRIMARY KEY, v int); INSERT iso1 VALUES (1, 10);
GO
BEGIN TRAN; UPDATE iso1 SET v = 20 WHERE id = 1;
GO
--- session b blocks
SELECT v FROM iso1 WHERE id = 1;
--- session a
COMMIT;
GO
--- session b resumes
=> 20

--- case: READ COMMITTED waits for a writer and sees the old row when it rolls back
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-transaction-isolation-level-transact-sql
CREATE TABLE iso2 (id int PRIMARY KEY, v int); INSERT iso2 VALUES (1, 10);
GO
BEGIN TRAN; UPDATE iso2 SET v = 20 WHERE id = 1;
GO
--- session b blocks
SELECT v FROM iso2 WHERE id = 1;
--- session a
ROLLBACK;
GO
--- session b resumes
=> 10

--- case: READ COMMITTED waits for an uncommitted insert
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-transaction-isolation-level-transact-sql
CREATE TABLE iso3 (id int PRIMARY KEY);
GO
BEGIN TRAN; INSERT iso3 VALUES (7);
GO
--- session b blocks
SELECT COUNT(*) FROM iso3;
--- session a
COMMIT;
GO
--- session b resumes
=> 1

--- case: READ COMMITTED waits for an uncommitted delete
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-transaction-isolation-level-transact-sql
CREATE TABLE iso4 (id int PRIMARY KEY); INSERT iso4 VALUES (1), (2);
GO
BEGIN TRAN; DELETE iso4 WHERE id = 2;
GO
--- session b blocks
SELECT COUNT(*) FROM iso4;
--- session a
ROLLBACK;
GO
--- session b resumes
=> 2

--- case: READ COMMITTED lets what was read change before it is read again
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-transaction-isolation-level-transact-sql
CREATE TABLE iso5 (id int PRIMARY KEY, v int); INSERT iso5 VALUES (1, 10);
GO
BEGIN TRAN; SELECT v FROM iso5;
=> 10
--- session b
UPDATE iso5 SET v = 11;
--- session a
SELECT v FROM iso5; COMMIT;
=> 11

--- case: REPEATABLE READ keeps what was read from changing
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-transaction-isolation-level-transact-sql
CREATE TABLE iso6 (id int PRIMARY KEY, v int); INSERT iso6 VALUES (1, 10);
GO
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; BEGIN TRAN; SELECT v FROM iso6;
=> 10
--- session b blocks
UPDATE iso6 SET v = 11 WHERE id = 1;
--- session a
SELECT v FROM iso6;
=> 10
COMMIT;
GO
--- session b resumes

--- session b
SELECT v FROM iso6;
=> 11

--- case: SERIALIZABLE keeps rows from appearing in a range
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-transaction-isolation-level-transact-sql
CREATE TABLE iso7 (id int PRIMARY KEY, v int); INSERT iso7 VALUES (1, 10), (5, 50);
GO
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; BEGIN TRAN; SELECT COUNT(*) FROM iso7 WHERE id BETWEEN 1 AND 5;
=> 2
--- session b blocks
INSERT iso7 VALUES (3, 30);
--- session a
SELECT COUNT(*) FROM iso7 WHERE id BETWEEN 1 AND 5;
=> 2
COMMIT;
GO
--- session b resumes

--- case: two SERIALIZABLE readers do not wait for each other
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
CREATE TABLE iso8 (id int PRIMARY KEY); INSERT iso8 VALUES (1);
GO
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; BEGIN TRAN; SELECT COUNT(*) FROM iso8;
=> 1
--- session b
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; BEGIN TRAN; SELECT COUNT(*) FROM iso8; COMMIT;
=> 1
--- session a
COMMIT;

--- case: readers of READ COMMITTED do not wait for readers that keep their locks
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
CREATE TABLE iso9 (id int PRIMARY KEY); INSERT iso9 VALUES (1);
GO
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; BEGIN TRAN; SELECT COUNT(*) FROM iso9;
=> 1
--- session b
SELECT COUNT(*) FROM iso9;
=> 1
--- session a
COMMIT;

--- case: the level stays set for the session and is shown
--- doc: https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/sys-dm-exec-sessions-transact-sql
SELECT CAST(transaction_isolation_level AS int) FROM sys.dm_exec_sessions WHERE session_id = @@SPID;
=> 2
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;
SELECT CAST(transaction_isolation_level AS int) FROM sys.dm_exec_sessions WHERE session_id = @@SPID;
=> 4
SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED;
SELECT CAST(transaction_isolation_level AS int) FROM sys.dm_exec_sessions WHERE session_id = @@SPID;
=> 1
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
SELECT CAST(transaction_isolation_level AS int) FROM sys.dm_exec_sessions WHERE session_id = @@SPID;
=> 3
SET TRANSACTION ISOLATION LEVEL SNAPSHOT;
SELECT CAST(transaction_isolation_level AS int) FROM sys.dm_exec_sessions WHERE session_id = @@SPID;
=> 5

--- case: READ_COMMITTED_SNAPSHOT and ALLOW_SNAPSHOT_ISOLATION are off in a new database
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-database-transact-sql-set-options
--- database: own
SELECT is_read_committed_snapshot_on, snapshot_isolation_state, snapshot_isolation_state_desc FROM sys.databases WHERE name = DB_NAME();
=> 0|0|OFF

--- case: with READ_COMMITTED_SNAPSHOT readers see the last commit and do not wait
--- doc: https://learn.microsoft.com/sql/t-sql/statements/alter-database-transact-sql-set-options
--- database: own
ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK IMMEDIATE;
GO
SELECT is_read_committed_snapshot_on FROM sys.databases WHERE name = DB_NAME();
=> 1
CREATE TABLE t (id int PRIMARY KEY, v int); INSERT t VALUES (1, 10);
GO
BEGIN TRAN; UPDATE t SET v = 20;
GO
--- session b
SELECT v FROM t;
=> 10
--- session a
COMMIT;
GO
--- session b
SELECT v FROM t;
=> 20

--- case: with READ_COMMITTED_SNAPSHOT each statement has a view of its own
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
--- database: own
ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK IMMEDIATE;
GO
CREATE TABLE t (id int PRIMARY KEY, v int); INSERT t VALUES (1, 10);
GO
BEGIN TRAN; SELECT v FROM t;
=> 10
--- session b
UPDATE t SET v = 11;
--- session a
SELECT v FROM t; COMMIT;
=> 11

--- case: with READ_COMMITTED_SNAPSHOT a writer still waits for a writer of the same row
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
--- database: own
ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK IMMEDIATE;
GO
CREATE TABLE t (id int PRIMARY KEY, v int); INSERT t VALUES (1, 10);
GO
BEGIN TRAN; UPDATE t SET v = v + 1;
GO
--- session b blocks
UPDATE t SET v = v * 2;
--- session a
COMMIT;
GO
--- session b resumes

--- session b
SELECT v FROM t;
=> 22

--- case: with READ_COMMITTED_SNAPSHOT the hint READCOMMITTEDLOCK waits for a writer
--- doc: https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table
--- database: own
ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK IMMEDIATE;
GO
CREATE TABLE t (id int PRIMARY KEY, v int); INSERT t VALUES (1, 10);
GO
BEGIN TRAN; UPDATE t SET v = 20;
GO
--- session b blocks
SELECT v FROM t WITH (READCOMMITTEDLOCK);
--- session a
COMMIT;
GO
--- session b resumes
=> 20

--- case: with READ_COMMITTED_SNAPSHOT a REPEATABLE READ reader waits for a writer
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-transaction-isolation-level-transact-sql
--- database: own
ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK IMMEDIATE;
GO
CREATE TABLE t (id int PRIMARY KEY, v int); INSERT t VALUES (1, 10);
GO
BEGIN TRAN; UPDATE t SET v = 20;
GO
--- session b blocks
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT v FROM t;
--- session a
ROLLBACK;
GO
--- session b resumes
=> 10

--- case: a SELECT that joins waits for the writer of any of its tables
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-transaction-isolation-level-transact-sql
CREATE TABLE iso10a (id int PRIMARY KEY, v int); CREATE TABLE iso10b (id int PRIMARY KEY, v int);
INSERT iso10a VALUES (1, 1); INSERT iso10b VALUES (1, 2);
GO
BEGIN TRAN; UPDATE iso10b SET v = 3;
GO
--- session b blocks
SELECT a.v, b.v FROM iso10a a JOIN iso10b b ON b.id = a.id;
--- session a
COMMIT;
GO
--- session b resumes
=> 1|3

--- case: an INSERT from a query waits for the writer of what it reads
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-transaction-isolation-level-transact-sql
CREATE TABLE iso11a (id int PRIMARY KEY); CREATE TABLE iso11b (id int PRIMARY KEY);
GO
BEGIN TRAN; INSERT iso11a VALUES (1);
GO
--- session b blocks
INSERT iso11b SELECT id FROM iso11a;
--- session a
COMMIT;
GO
--- session b resumes

--- session b
SELECT id FROM iso11b;
=> 1

--- case: the condition of IF waits for a writer
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-transaction-isolation-level-transact-sql
CREATE TABLE iso12 (id int PRIMARY KEY);
GO
BEGIN TRAN; INSERT iso12 VALUES (1);
GO
--- session b blocks
IF EXISTS (SELECT * FROM iso12) SELECT 'some' ELSE SELECT 'none';
--- session a
COMMIT;
GO
--- session b resumes
=> some

--- case: a table that another transaction is creating is waited for
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
BEGIN TRAN; CREATE TABLE iso13 (id int); INSERT iso13 VALUES (5);
GO
--- session b blocks
SELECT id FROM iso13;
--- session a
COMMIT;
GO
--- session b resumes
=> 5

--- case: a table that another transaction is altering is waited for, even by NOLOCK
--- doc: https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table
CREATE TABLE iso14 (id int); INSERT iso14 VALUES (1);
GO
BEGIN TRAN; ALTER TABLE iso14 ADD x int NOT NULL DEFAULT 4 WITH VALUES;
GO
--- session b blocks
SELECT * FROM iso14 WITH (NOLOCK);
--- session a
COMMIT;
GO
--- session b resumes
=> 1|4

--- case: DDL waits for a transaction that wrote the table
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
CREATE TABLE iso15 (id int); INSERT iso15 VALUES (1);
GO
BEGIN TRAN; INSERT iso15 VALUES (2);
GO
--- session b blocks
DROP TABLE iso15;
--- session a
SELECT COUNT(*) FROM iso15; COMMIT;
=> 2
--- session b resumes

--- case: DDL waits for a reader that keeps its locks
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
CREATE TABLE iso16 (id int); INSERT iso16 VALUES (1);
GO
BEGIN TRAN; SELECT COUNT(*) FROM iso16 WITH (HOLDLOCK);
=> 1
--- session b blocks
TRUNCATE TABLE iso16;
--- session a
COMMIT;
GO
--- session b resumes

--- session b
SELECT COUNT(*) FROM iso16;
=> 0
