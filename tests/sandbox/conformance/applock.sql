-- Application locks: sp_getapplock and what belongs to it
--- case: a lock is granted, and given back
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql
DECLARE @r int; EXEC @r = sp_getapplock @Resource = 'al1', @LockMode = 'Exclusive', @LockOwner = 'Session'; SELECT @r;
=> 0
DECLARE @r int; EXEC @r = sp_releaseapplock @Resource = 'al1', @LockOwner = 'Session'; SELECT @r;
=> 0

--- case: a lock that another session holds is not granted without waiting
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql
EXEC sp_getapplock 'al2', 'Exclusive', 'Session';
GO
--- session b
DECLARE @r int; EXEC @r = sp_getapplock 'al2', 'Exclusive', 'Session', 0; SELECT @r;
=> -1
DECLARE @r int; EXEC @r = sp_getapplock 'al2', 'Shared', 'Session', 0; SELECT @r;
=> -1

--- case: a lock is granted after waiting
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql
EXEC sp_getapplock 'al3', 'Exclusive', 'Session';
GO
--- session b blocks
DECLARE @r int; EXEC @r = sp_getapplock 'al3', 'Exclusive', 'Session'; SELECT @r;
--- session a
EXEC sp_releaseapplock 'al3', 'Session';
GO
--- session b resumes
=> 1

--- case: shared locks are shared and keep an exclusive one out
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql
EXEC sp_getapplock 'al4', 'Shared', 'Session';
GO
--- session b
DECLARE @r int; EXEC @r = sp_getapplock 'al4', 'Shared', 'Session', 0; SELECT @r;
=> 0
--- session c
DECLARE @r int; EXEC @r = sp_getapplock 'al4', 'Exclusive', 'Session', 0; SELECT @r;
=> -1

--- case: intent locks go together, but not with shared or exclusive ones
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
EXEC sp_getapplock 'al5', 'IntentExclusive', 'Session';
GO
--- session b
DECLARE @r int; EXEC @r = sp_getapplock 'al5', 'IntentExclusive', 'Session', 0; SELECT @r;
=> 0
DECLARE @r int; EXEC @r = sp_getapplock 'al5', 'IntentShared', 'Session', 0; SELECT @r;
=> 0
DECLARE @r int; EXEC @r = sp_getapplock 'al5', 'Shared', 'Session', 0; SELECT @r;
=> -1
DECLARE @r int; EXEC @r = sp_getapplock 'al5', 'Exclusive', 'Session', 0; SELECT @r;
=> -1

--- case: an update lock goes with shared ones, not with another update lock
--- doc: https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide
EXEC sp_getapplock 'al6', 'Update', 'Session';
GO
--- session b
DECLARE @r int; EXEC @r = sp_getapplock 'al6', 'Shared', 'Session', 0; SELECT @r;
=> 0
DECLARE @r int; EXEC @r = sp_getapplock 'al6', 'Update', 'Session', 0; SELECT @r;
=> -1

--- case: a lock of a transaction ends with it
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql
BEGIN TRAN; EXEC sp_getapplock 'al7', 'Exclusive';
GO
--- session b
SELECT APPLOCK_TEST('public', 'al7', 'Exclusive', 'Session');
=> 0
--- session a
COMMIT;
GO
--- session b
SELECT APPLOCK_TEST('public', 'al7', 'Exclusive', 'Session');
=> 1

--- case: a lock of a transaction ends when it is rolled back
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql
BEGIN TRAN; EXEC sp_getapplock 'al8', 'Exclusive'; ROLLBACK; SELECT APPLOCK_MODE('public', 'al8', 'Transaction');
=> NoLock

--- case: a lock of the session outlives the transaction
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql
BEGIN TRAN; EXEC sp_getapplock 'al9', 'Exclusive', 'Session'; ROLLBACK; SELECT APPLOCK_MODE('public', 'al9', 'Session');
=> Exclusive

--- case: a lock of a transaction needs one
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql
EXEC sp_getapplock 'al10', 'Exclusive';
=> error 3918 level 16

--- case: APPLOCK_MODE tells what is held
--- doc: https://learn.microsoft.com/sql/t-sql/functions/applock-mode-transact-sql
SELECT APPLOCK_MODE('public', 'al11', 'Session');
=> NoLock
EXEC sp_getapplock 'al11', 'Shared', 'Session'; SELECT APPLOCK_MODE('public', 'al11', 'Session');
=> Shared
EXEC sp_getapplock 'al11', 'Exclusive', 'Session'; SELECT APPLOCK_MODE('public', 'al11', 'Session');
=> Exclusive
BEGIN TRAN; EXEC sp_getapplock 'al11b', 'IntentShared'; SELECT APPLOCK_MODE('public', 'al11b', 'Transaction'), APPLOCK_MODE('public', 'al11b', 'Session'); COMMIT;
=> IntentShared|NoLock

--- case: APPLOCK_TEST tells what could be had
--- doc: https://learn.microsoft.com/sql/t-sql/functions/applock-test-transact-sql
EXEC sp_getapplock 'al12', 'Shared', 'Session';
GO
--- session b
SELECT APPLOCK_TEST('public', 'al12', 'Shared', 'Session'), APPLOCK_TEST('public', 'al12', 'Exclusive', 'Session');
=> 1|0
--- session a
SELECT APPLOCK_TEST('public', 'al12', 'Exclusive', 'Session');
=> 1

--- case: a lock taken twice is given back twice
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-releaseapplock-transact-sql
EXEC sp_getapplock 'al13', 'Exclusive', 'Session'; EXEC sp_getapplock 'al13', 'Exclusive', 'Session'; EXEC sp_releaseapplock 'al13', 'Session';
GO
--- session b
SELECT APPLOCK_TEST('public', 'al13', 'Exclusive', 'Session');
=> 0
--- session a
EXEC sp_releaseapplock 'al13', 'Session';
GO
--- session b
SELECT APPLOCK_TEST('public', 'al13', 'Exclusive', 'Session');
=> 1

--- case: giving back what is not held is an error
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-releaseapplock-transact-sql
EXEC sp_releaseapplock @Resource = 'al14', @LockOwner = 'Session';
=> error 1223 level 16: Cannot release the application lock (Database Principal: 'public', Resource: 'al14') because it is not currently held.

--- case: names are told apart by case
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql
EXEC sp_getapplock 'al15', 'Exclusive', 'Session';
GO
--- session b
DECLARE @r int; EXEC @r = sp_getapplock 'AL15', 'Exclusive', 'Session', 0; SELECT @r;
=> 0

--- case: a wait ends at its own timeout
--- doc: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql
DECLARE @r int; EXEC @r = sp_getapplock 'al16', 'Shared', 'Session', 100; SELECT @r;
=> 0
--- session b
DECLARE @r int; EXEC @r = sp_getapplock 'al16', 'Exclusive', 'Session', 100; SELECT @r;
=> -1

--- case: a session's locks are shown
--- doc: https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/sys-dm-tran-locks-transact-sql
EXEC sp_getapplock 'al17', 'Exclusive', 'Session';
GO
SELECT resource_type, request_mode, request_status, request_owner_type FROM sys.dm_tran_locks WHERE request_session_id = @@SPID AND resource_type = 'APPLICATION';
=> APPLICATION|X|GRANT|SESSION
