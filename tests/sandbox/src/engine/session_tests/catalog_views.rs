//! Catalog views and metadata functions.

use super::recorder::TestServer;

#[test]
fn catalog_views_describe_what_was_created() {
    let server = TestServer::new();
    let mut c = server.shop();
    c.ok("CREATE SCHEMA sales; CREATE TABLE sales.Orders (Id bigint IDENTITY(1,1) NOT NULL CONSTRAINT PK_Orders PRIMARY KEY,
              Code nvarchar(20) NOT NULL, Total decimal(19,4) NULL CONSTRAINT DF_Total DEFAULT (0), At datetime2(3) NOT NULL);
          CREATE INDEX IX_Code ON sales.Orders (Code DESC) INCLUDE (Total)");
    assert_eq!(
        c.rows(
            "SELECT c.name, t.name, c.max_length, c.precision, c.scale, c.is_nullable, c.is_identity FROM sys.columns c
             JOIN sys.types t ON t.user_type_id = c.user_type_id WHERE c.object_id = OBJECT_ID('sales.Orders') ORDER BY c.column_id"
        ),
        [
            ["Id", "bigint", "8", "19", "0", "0", "1"],
            ["Code", "nvarchar", "40", "0", "0", "0", "0"],
            ["Total", "decimal", "9", "19", "4", "1", "0"],
            ["At", "datetime2", "7", "23", "3", "0", "0"],
        ]
    );
    assert_eq!(
        c.rows("SELECT s.name, t.name, t.type, t.is_tracked_by_cdc FROM sys.tables t JOIN sys.schemas s ON s.schema_id = t.schema_id"),
        [["sales", "Orders", "U ", "0"]]
    );
    assert_eq!(
        c.rows("SELECT name, index_id, type_desc, is_primary_key, is_unique FROM sys.indexes WHERE object_id = OBJECT_ID('sales.Orders') ORDER BY index_id"),
        [["PK_Orders", "1", "CLUSTERED", "1", "1"], ["IX_Code", "2", "NONCLUSTERED", "0", "0"]]
    );
    assert_eq!(
        c.rows("SELECT COL_NAME(object_id, column_id), key_ordinal, is_descending_key, is_included_column FROM sys.index_columns WHERE index_id = 2 ORDER BY index_column_id"),
        [["Code", "1", "1", "0"], ["Total", "0", "0", "1"]]
    );
    assert_eq!(c.rows("SELECT name, definition FROM sys.default_constraints"), [["DF_Total", "((0))"]]);
    assert_eq!(c.rows("SELECT name, type, unique_index_id FROM sys.key_constraints"), [["PK_Orders", "PK", "1"]]);
    c.ok("INSERT sales.Orders (Code, At) VALUES (N'a', '2024-01-01'), (N'b', '2024-01-02')");
    assert_eq!(
        c.value("SELECT SUM(rows) FROM sys.partitions WHERE object_id = OBJECT_ID(N'[sales].[Orders]') AND index_id IN (0, 1)"),
        "2"
    );
    assert_eq!(
        c.value("SELECT OBJECT_SCHEMA_NAME(OBJECT_ID('sales.Orders')) + '.' + OBJECT_NAME(OBJECT_ID('sales.Orders'))"),
        "sales.Orders"
    );
    assert_eq!(c.value("SELECT COL_LENGTH('sales.Orders', 'Code')"), "40");
    assert_eq!(c.rows("SELECT TABLE_SCHEMA, TABLE_NAME FROM INFORMATION_SCHEMA.TABLES"), [["sales", "Orders"]]);
    assert_eq!(c.value("SELECT COUNT(*) FROM sys.triggers"), "0");
}

#[test]
fn server_views_show_databases_and_sessions() {
    let server = TestServer::new();
    let mut c = server.shop();
    assert_eq!(
        c.rows("SELECT name, is_read_committed_snapshot_on, snapshot_isolation_state, is_cdc_enabled FROM sys.databases WHERE database_id > 4"),
        [["shop", "0", "0", "0"]]
    );
    c.ok("ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON");
    assert_eq!(c.value("SELECT snapshot_isolation_state_desc FROM master.sys.databases WHERE name = DB_NAME()"), "ON");
    assert_eq!(
        c.value("SELECT COUNT(*) FROM sys.dm_exec_sessions WHERE session_id = @@SPID AND login_name = SUSER_SNAME()"),
        "1"
    );
    assert_eq!(c.value("SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(20))"), "16.0.4135.4");
    assert_eq!(c.value("SELECT IS_SRVROLEMEMBER('sysadmin')"), "1");
    assert_eq!(c.value("SELECT DB_ID()"), "5");
}

#[test]
fn many_tables_are_created_and_counted_quickly() {
    let server = TestServer::new();
    let mut c = server.shop();
    let started = std::time::Instant::now();
    for i in 0..300 {
        c.ok(&format!("CREATE TABLE t{i} (id int PRIMARY KEY, a nvarchar(20) NULL, b int NOT NULL DEFAULT (0)); INSERT t{i} (id) VALUES (1)"));
    }
    let created = started.elapsed();
    assert_eq!(
        c.value(
            "SELECT SUM(rows) FROM sys.partitions p JOIN sys.tables t ON t.object_id = p.object_id WHERE index_id < 2"
        ),
        "300"
    );
    let mut other = server.shop();
    assert_eq!(other.value("SELECT COUNT(*) FROM sys.columns"), "900");
    // A few milliseconds each; the bound leaves room for a busy machine.
    assert!(created < std::time::Duration::from_secs(240), "{created:?}");
    println!("300 tables in {created:?}");
}
