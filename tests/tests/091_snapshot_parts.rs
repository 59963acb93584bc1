//! Large tables are read in ranges of keys by several sessions, each range into a file of its own, and every row is in one of them.

#![allow(clippy::unwrap_used)]

use proto::{Article, Capture, Column, ColumnType, KeyRange, TableName, Value};
use sqlserver::snapshot;
use tests::line::Line;

/// Rows of each table.
const ROWS: u64 = 400;

/// How a table is to be cut.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cut {
    /// By values, into parts of about the same width.
    Values,
    /// By every n-th key: into parts of the same number of rows.
    Keys,
    /// The same, by columns whose order only the server knows: of what keys a part has, nobody else is told.
    ServersKeys,
    /// Not at all.
    No,
}

/// Columns of keys as a table declares them, each with expressions over `n`, from 1 to [`ROWS`], that make values of it in no order.
const KEYS: [(&str, &str, Cut); 22] = [
    ("k int", "n * 7 - 1500", Cut::Values),
    ("k bigint", "CAST(n AS bigint) * 10000000000 - 2000000000000", Cut::Values),
    ("k smallint", "n - 200", Cut::Values),
    ("k decimal(38, 10)", "CAST(n AS decimal(38, 10)) / 7 - 20", Cut::Values),
    ("k money", "CAST(n AS money) / 10 - 20", Cut::Values),
    ("k smallmoney", "CAST(n AS smallmoney) / 10 - 20", Cut::Values),
    ("k date", "DATEADD(day, n, CAST('1999-06-01' AS date))", Cut::Values),
    ("k time(2)", "DATEADD(minute, 3 * n, CAST('00:00:00.25' AS time(2)))", Cut::Values),
    ("k datetime", "DATEADD(hour, 30 * n, CAST('1899-09-01T01:00:00' AS datetime))", Cut::Values),
    ("k smalldatetime", "DATEADD(hour, 30 * n, CAST('2001-01-01T00:01:00' AS smalldatetime))", Cut::Values),
    ("k datetime2(3)", "DATEADD(millisecond, 77 * n, CAST('2020-02-28T23:59:59.9' AS datetime2(3)))", Cut::Values),
    (
        "k datetimeoffset(7)",
        "DATEADD(minute, 11 * n, CAST('2020-02-28T23:59:59.9 +05:30' AS datetimeoffset(7)))",
        Cut::Values,
    ),
    ("k uniqueidentifier", "NEWID()", Cut::Values),
    ("k int; l int", "n * 1000, n", Cut::Values),
    // Only the server knows the order of these, in which case does not count.
    ("k varchar(20)", "CONCAT(CASE n % 2 WHEN 0 THEN 'key ' ELSE 'KEY ' END, n)", Cut::ServersKeys),
    ("k nchar(9); l date", "CONCAT(N'Größe ', n % 3), DATEADD(day, n, CAST('1999-06-01' AS date))", Cut::ServersKeys),
    ("k float", "CAST(n AS float) / 8", Cut::ServersKeys),
    ("k varbinary(9)", "CAST(n * 1000003 % 256 * 65536 + n AS varbinary(9))", Cut::ServersKeys),
    // Stores with many rows each, and one with nearly all.
    ("k tinyint; l int", "n % 3, n * 7 - 1500", Cut::Keys),
    (
        "k int; l int; m varchar(9)",
        "CASE n WHEN 9 THEN 1 WHEN 99 THEN 5 ELSE 3 END, n % 2, CONCAT('m', n)",
        Cut::ServersKeys,
    ),
    ("k varchar(20) COLLATE Latin1_General_BIN2", "CONCAT('key ', n)", Cut::ServersKeys),
    // What reaches the server as another value, a text, cannot be compared with what is there.
    ("k sql_variant", "CAST(n AS sql_variant)", Cut::No),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_row_is_in_one_part_whatever_its_key_is() {
    let mut line = Line::start().await;
    line.make_fence().await;
    line.source.run("CREATE TABLE dbo.n (n int NOT NULL PRIMARY KEY)").await;
    line.source.run("INSERT INTO dbo.n VALUES (1)").await;
    for step in [1, 2, 4, 8, 16, 32, 64, 128, 256] {
        let insert = format!("INSERT INTO dbo.n SELECT n + {step} FROM dbo.n WHERE n + {step} <= {ROWS}");
        line.source.run(&insert).await;
    }
    let mut tables = vec!["dbo.fence".to_owned()];
    for (i, (key, value, _)) in KEYS.iter().enumerate() {
        let table = format!("dbo.t{i:02}");
        let columns: Vec<&str> = key.split("; ").filter_map(|column| column.split(' ').next()).collect();
        let key = key.replace("; ", " NOT NULL, ");
        let create = format!(
            "CREATE TABLE {table} ({key} NOT NULL, n int NOT NULL, note varchar(20), PRIMARY KEY ({}))",
            columns.join(", ")
        );
        line.source.run(&create).await;
        line.source.run(&format!("INSERT INTO {table} SELECT {value}, n, CONCAT('row ', n) FROM dbo.n")).await;
        tables.push(table);
    }
    let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
    line.publish("p", &tables).await;
    // Numbers far from all others do not gather these in one part.
    line.source.run("CREATE TABLE dbo.far (k int NOT NULL PRIMARY KEY, note varchar(20))").await;
    let far = "CASE n WHEN 1 THEN -5 WHEN 2 THEN 99999999 WHEN 3 THEN 2147483647 ELSE n END";
    line.source.run(&format!("INSERT INTO dbo.far SELECT {far}, CONCAT('row ', n) FROM dbo.n")).await;
    line.publisher_does(&["article", "add", "--publication", "p", "--table", "dbo.far"]).await;
    // A filter holds in every part.
    line.source.run("CREATE TABLE dbo.filtered (k int NOT NULL PRIMARY KEY, note varchar(20))").await;
    line.source.run("INSERT INTO dbo.filtered SELECT n, CONCAT('row ', n) FROM dbo.n").await;
    let add = ["article", "add", "--publication", "p", "--table", "dbo.filtered", "--filter", "k % 2 = 0 OR k < 3"];
    line.publisher_does(&add).await;
    line.start_publisher();
    line.publisher_does(&["snapshot", "--publication", "p", "--rows-per-file", "50", "--snapshot-sessions", "3"]).await;

    let manifest = manifest(&line);
    let none = serde_json::json!([]);
    for article in manifest["articles"].as_array().unwrap() {
        let table = article["article"]["source"]["table"].as_str().unwrap();
        let parts = article["data"].as_array().unwrap();
        let rows: u64 = parts.iter().map(|part| part["rows"].as_u64().unwrap()).sum();
        let (expected, cut) = match table {
            "fence" => (0, Cut::No),
            "filtered" => (ROWS / 2 + 1, Cut::Values),
            "far" => (ROWS, Cut::Values),
            _ => (ROWS, KEYS[table[1..].parse::<usize>().unwrap()].2),
        };
        assert_eq!((rows, parts.len() > 1), (expected, cut != Cut::No), "{table}: {parts:?}");
        if cut != Cut::No {
            assert!(parts.len() <= 8, "{table} is in {} parts", parts.len());
            assert!(parts.iter().all(|part| part["rows"] != 0), "{table}: {parts:?}");
            if table == "far" {
                assert!(parts.iter().all(|part| part["rows"].as_u64() <= Some(ROWS / 6)), "{parts:?}");
            }
            if cut != Cut::Values {
                assert!(parts.iter().all(|part| part["rows"] == 50), "{table}: {parts:?}");
            }
            for pair in parts.windows(2) {
                let (upper, lower) = (&pair[0]["range"]["upper"], &pair[1]["range"]["lower"]);
                assert_eq!((upper, *upper == none), (lower, cut == Cut::ServersKeys), "{table}: {parts:?}");
            }
            assert_eq!((&parts[0]["range"]["lower"], &parts[parts.len() - 1]["range"]["upper"]), (&none, &none));
        }
    }

    line.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", "p"]).await;
    line.start_subscriber();
    line.drain().await;
    for table in tables[1..].iter().chain(&["dbo.far"]) {
        line.assert_equal(&format!("SELECT * FROM {table} ORDER BY 1, 2")).await;
    }
    line.assert_agrees(
        "SELECT * FROM dbo.filtered WHERE k % 2 = 0 OR k < 3 ORDER BY k",
        "SELECT * FROM dbo.filtered ORDER BY k",
    )
    .await;
}

/// The manifest of the snapshot that there is.
fn manifest(line: &Line) -> serde_json::Value {
    let folders: Vec<_> =
        std::fs::read_dir(line.path("snapshots")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(folders.len(), 1);
    serde_json::from_slice(&std::fs::read(folders[0].join("manifest.json")).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_move_while_keys_are_looked_at_do_not_end_the_snapshot() {
    let line = Line::start_on_sandboxes().await;
    line.source.run("CREATE TABLE dbo.t (k varchar(20) NOT NULL PRIMARY KEY)").await;
    line.source.run("INSERT INTO dbo.t VALUES ('a'), ('b'), ('c'), ('d'), ('e')").await;
    let key = Column { nullable: false, key_ordinal: Some(0), ..Column::new("k", ColumnType::NVarChar(Some(20))) };
    let table = TableName { schema: "dbo".into(), table: "t".into() };
    let article = Article::new("p", table, vec![key.clone()], Capture::default());
    let mut client = line.source_client().await;
    // https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-601-database-engine-error
    let arm = |times: u32| {
        format!(
            "EXEC sys.sp_sandbox_fault @at = N'statement', @action = N'error', @number = 601, @severity = 12, @session_id = @@SPID, \
             @message = N'Could not continue scan with NOLOCK due to data movement.', @times = {times}"
        )
    };
    let text = |key: &str| Value::String(key.into());
    client.query("arming a fault", &arm(3), &[]).await.unwrap();
    let cuts = snapshot::key_cuts(&mut client, &article, None, 2).await.unwrap();
    assert_eq!(cuts, [vec![text("c")], vec![text("e")]]);
    client.query("arming a fault", &arm(3), &[]).await.unwrap();
    let bounds = snapshot::key_bounds(&mut client, &article.source, &key, &KeyRange::ALL).await.unwrap();
    assert_eq!(bounds, Some((text("a"), text("e"))));
    // Not for ever.
    client.query("arming a fault", &arm(100), &[]).await.unwrap();
    let error = snapshot::key_cuts(&mut client, &article, None, 2).await.unwrap_err();
    assert_eq!(error.number(), Some(601));
}
