//! DDL and constraints with SQL Server's errors.

use super::recorder::TestServer;

#[test]
fn keys_and_checks_refuse_with_the_constraint_named() {
    let server = TestServer::new();
    let mut c = server.shop();
    c.ok("CREATE TABLE dbo.Customer (Id int NOT NULL CONSTRAINT PK_Customer PRIMARY KEY, Email nvarchar(100) NULL
              CONSTRAINT UQ_Customer_Email UNIQUE, Age int NULL CONSTRAINT CK_Customer_Age CHECK (Age >= 0), Since date NOT NULL
              CONSTRAINT DF_Since DEFAULT ('2020-01-01'))");
    c.ok("INSERT Customer (Id, Email, Age) VALUES (1, 'a@x', 30)");
    let e = c.error("INSERT Customer (Id, Email) VALUES (1, 'b@x')");
    assert_eq!(e.number, 2627);
    assert!(e.message.contains("PRIMARY KEY constraint 'PK_Customer'") && e.message.contains("'dbo.Customer'"), "{e}");
    let e = c.error("INSERT Customer (Id, Email) VALUES (2, 'A@X')");
    assert!(e.number == 2627 && e.message.contains("UNIQUE KEY constraint 'UQ_Customer_Email'"), "{e}");
    c.ok("INSERT Customer (Id, Email) VALUES (2, NULL)");
    let e = c.error("INSERT Customer (Id, Email) VALUES (3, NULL)");
    assert!(e.number == 2627 && e.message.contains("UQ_Customer_Email"), "NULLs are equal in a unique constraint: {e}");
    let e = c.error("INSERT Customer (Id, Email, Age) VALUES (3, 'c@x', -1)");
    assert_eq!(
        e.message,
        "The INSERT statement conflicted with the CHECK constraint \"CK_Customer_Age\". The conflict occurred in database \"shop\", \
         table \"dbo.Customer\", column 'Age'."
    );
    let e = c.error("INSERT Customer (Email) VALUES ('d@x')");
    assert!(e.number == 515 && e.message.contains("column 'Id', table 'shop.dbo.Customer'"), "{e}");
    assert_eq!(c.value("SELECT CONVERT(varchar(10), Since, 23) FROM Customer WHERE Id = 1"), "2020-01-01");
    c.ok("CREATE UNIQUE INDEX IX_Age ON Customer (Age) WHERE Age IS NOT NULL");
    let e = c.error("INSERT Customer (Id, Email, Age) VALUES (4, 'e@x', 30)");
    assert!(e.number == 2601 && e.message.contains("IX_Age"), "{e}");
}

#[test]
fn foreign_keys_are_enforced_and_named() {
    let server = TestServer::new();
    let mut c = server.shop();
    c.ok("CREATE TABLE P (Id int PRIMARY KEY); CREATE TABLE Q (Id int PRIMARY KEY);
          CREATE TABLE C (Id int PRIMARY KEY, P int NULL CONSTRAINT FK_C_P REFERENCES P(Id),
              Q int NULL CONSTRAINT FK_C_Q FOREIGN KEY REFERENCES Q(Id) ON DELETE CASCADE);
          INSERT P VALUES (1); INSERT Q VALUES (1); INSERT C VALUES (1, 1, 1)");
    let e = c.error("INSERT C VALUES (2, 9, 1)");
    assert_eq!(e.number, 547);
    assert_eq!(
        e.message,
        "The INSERT statement conflicted with the FOREIGN KEY constraint \"FK_C_P\". The conflict occurred in database \"shop\", table \
         \"dbo.P\", column 'Id'."
    );
    assert!(c.error("UPDATE C SET Q = 8").message.contains("\"FK_C_Q\""));
    let e = c.error("DELETE P");
    assert!(e.message.starts_with("The DELETE statement conflicted with the REFERENCE constraint \"FK_C_P\""), "{e}");
    c.ok("DELETE Q");
    assert_eq!(c.value("SELECT COUNT(*) FROM C"), "0");
    assert_eq!(c.error("DROP TABLE P").number, 3726);
    assert_eq!(c.error("TRUNCATE TABLE P").number, 4712);
    assert_eq!(c.run("CREATE TABLE D (P nvarchar(5) REFERENCES P(Id))").errors(), [1778, 1750]);
    assert_eq!(c.run("CREATE TABLE D (P int REFERENCES nowhere(Id))").errors(), [1767, 1750]);
}

#[test]
fn a_disabled_foreign_key_lets_orphans_in_until_it_is_checked_again() {
    let server = TestServer::new();
    let mut c = server.shop();
    c.ok("CREATE TABLE P (Id int PRIMARY KEY); CREATE TABLE C (P int CONSTRAINT FK_C_P REFERENCES P(Id));
          ALTER TABLE C NOCHECK CONSTRAINT FK_C_P; INSERT C VALUES (1)");
    assert_eq!(c.rows("SELECT is_disabled, is_not_trusted FROM sys.foreign_keys"), [["1", "1"]]);
    assert_eq!(c.error("ALTER TABLE C WITH CHECK CHECK CONSTRAINT FK_C_P").number, 547);
    c.ok("ALTER TABLE C CHECK CONSTRAINT FK_C_P");
    assert_eq!(c.error("INSERT C VALUES (2)").number, 547);
    c.ok("INSERT P VALUES (1); ALTER TABLE C WITH CHECK CHECK CONSTRAINT ALL");
    assert_eq!(c.rows("SELECT is_disabled, is_not_trusted FROM sys.foreign_keys"), [["0", "0"]]);
}

#[test]
fn alter_table_adds_and_drops_columns_and_constraints() {
    let server = TestServer::new();
    let mut c = server.shop();
    c.ok("CREATE TABLE t (a int NOT NULL); INSERT t VALUES (1), (2)");
    c.ok("ALTER TABLE t ADD b int NULL, d int NOT NULL CONSTRAINT DF_d DEFAULT (7)");
    c.ok("INSERT t (a) VALUES (3)");
    assert_eq!(
        c.rows("SELECT a, b, d FROM t ORDER BY a"),
        [["1", "NULL", "7"], ["2", "NULL", "7"], ["3", "NULL", "7"]]
    );
    assert_eq!(c.error("ALTER TABLE t ADD e int NOT NULL").number, 4901);
    c.ok("ALTER TABLE t ADD CONSTRAINT PK_t PRIMARY KEY (a)");
    assert_eq!(c.error("INSERT t (a) VALUES (1)").number, 2627);
    assert_eq!(c.error("ALTER TABLE t ADD CONSTRAINT CK_t CHECK (a < 3)").number, 547);
    c.ok("ALTER TABLE t ADD CONSTRAINT CK_t CHECK (a < 100)");
    assert_eq!(c.error("INSERT t (a) VALUES (100)").number, 547);
    c.ok("ALTER TABLE t DROP CONSTRAINT CK_t; INSERT t (a) VALUES (100)");
    assert_eq!(c.run("ALTER TABLE t DROP COLUMN d").errors(), [5074, 4922]);
    c.ok("ALTER TABLE t DROP CONSTRAINT DF_d; ALTER TABLE t DROP COLUMN b");
    assert_eq!(c.error("INSERT t (a) VALUES (5)").number, 515);
    c.ok("ALTER TABLE t ALTER COLUMN d bigint NULL; INSERT t (a) VALUES (5)");
    assert_eq!(c.rows("SELECT * FROM t WHERE a IN (3, 5) ORDER BY a"), [["3", "7"], ["5", "NULL"]]);
    assert_eq!(c.error("CREATE TABLE t (a int)").number, 2714);
    assert_eq!(c.error("CREATE TABLE nowhere.t (a int)").number, 2760);
}

#[test]
fn computed_columns_are_computed() {
    let server = TestServer::new();
    let mut c = server.shop();
    c.ok(
        "CREATE TABLE t (q int NOT NULL, p decimal(10,2) NOT NULL, total AS (q * p)); INSERT t (q, p) VALUES (3, 2.5)",
    );
    assert_eq!(c.value("SELECT total FROM t"), "750e-2");
    assert_eq!(c.rows("SELECT definition FROM sys.computed_columns"), [["([q]*[p])"]]);
}

#[test]
fn another_session_sees_ddl_at_once() {
    let server = TestServer::new();
    let (mut a, mut b) = (server.shop(), server.shop());
    assert_eq!(b.error("SELECT * FROM t").number, 208);
    a.ok("CREATE TABLE t (a int); INSERT t VALUES (1)");
    assert_eq!(b.rows("SELECT * FROM t"), [["1"]]);
    a.ok("ALTER TABLE t ADD b int NULL");
    assert_eq!(b.rows("SELECT * FROM t"), [["1", "NULL"]]);
    b.ok("DROP TABLE t; CREATE TABLE t (x nvarchar(5)); INSERT t VALUES (N'n')");
    assert_eq!(a.rows("SELECT * FROM t"), [["n"]]);
}

#[test]
fn databases_are_apart_and_dropped_only_when_unused() {
    let server = TestServer::new();
    let mut a = server.shop();
    a.ok("CREATE DATABASE other; CREATE TABLE t (a int)");
    let b = server.login("other");
    assert_eq!(a.error("DROP DATABASE other").number, 3702);
    drop(b);
    a.ok("USE other");
    assert_eq!(a.error("SELECT * FROM t").number, 208);
    assert_eq!(a.value("SELECT DB_NAME()"), "other");
    a.ok("USE shop; DROP DATABASE other");
    assert_eq!(a.error("USE other").number, 911);
    assert_eq!(a.error("CREATE DATABASE shop").number, 1801);
    assert_eq!(a.error("BEGIN TRAN; CREATE DATABASE x").number, 226);
}
