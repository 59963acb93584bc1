//! Large tables are read in ranges of keys by several sessions, each range into a file of its own, and every row is in one of them.

#![allow(clippy::unwrap_used)]

use tests::line::Line;

/// Rows of each table.
const ROWS: u64 = 400;

/// Types of first key columns, each with an expression over `n`, from 1 to [`ROWS`], that makes values of it in no order; and whether
/// such a table is cut.
const KEYS: [(&str, &str, bool); 15] = [
    ("int", "n * 7 - 1500", true),
    ("bigint", "CAST(n AS bigint) * 10000000000 - 2000000000000", true),
    ("smallint", "n - 200", true),
    ("decimal(38, 10)", "CAST(n AS decimal(38, 10)) / 7 - 20", true),
    ("money", "CAST(n AS money) / 10 - 20", true),
    ("smallmoney", "CAST(n AS smallmoney) / 10 - 20", true),
    ("date", "DATEADD(day, n, CAST('1999-06-01' AS date))", true),
    ("time(2)", "DATEADD(minute, 3 * n, CAST('00:00:00.25' AS time(2)))", true),
    ("datetime", "DATEADD(hour, 30 * n, CAST('1899-09-01T01:00:00' AS datetime))", true),
    ("smalldatetime", "DATEADD(hour, 30 * n, CAST('2001-01-01T00:01:00' AS smalldatetime))", true),
    ("datetime2(3)", "DATEADD(millisecond, 77 * n, CAST('2020-02-28T23:59:59.9' AS datetime2(3)))", true),
    ("datetimeoffset(7)", "DATEADD(minute, 11 * n, CAST('2020-02-28T23:59:59.9 +05:30' AS datetimeoffset(7)))", true),
    ("uniqueidentifier", "NEWID()", true),
    ("varchar(20)", "CONCAT('key ', n)", false),
    ("float", "CAST(n AS float) / 8", false),
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
        let create =
            format!("CREATE TABLE {table} (k {key} NOT NULL, n int NOT NULL, note varchar(20), PRIMARY KEY (k, n))");
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
    for article in manifest["articles"].as_array().unwrap() {
        let table = article["article"]["source"]["table"].as_str().unwrap();
        let parts = article["data"].as_array().unwrap();
        let rows: u64 = parts.iter().map(|part| part["rows"].as_u64().unwrap()).sum();
        let expected = match table {
            "fence" => (0, false),
            "filtered" => (ROWS / 2 + 1, true),
            "far" => (ROWS, true),
            _ => (ROWS, KEYS[table[1..].parse::<usize>().unwrap()].2),
        };
        assert_eq!((rows, parts.len() > 1), expected, "{table}: {parts:?}");
        if expected.1 {
            assert!(parts.len() <= 8, "{table} is in {} parts", parts.len());
            assert!(parts.iter().all(|part| part["rows"] != 0), "{table}: {parts:?}");
            if table == "far" {
                assert!(parts.iter().all(|part| part["rows"].as_u64() <= Some(ROWS / 6)), "{parts:?}");
            }
            assert_eq!((&parts[0]["range"]["lower"], &parts[parts.len() - 1]["range"]["upper"]), (&NULL, &NULL));
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

const NULL: serde_json::Value = serde_json::Value::Null;

/// The manifest of the snapshot that there is.
fn manifest(line: &Line) -> serde_json::Value {
    let folders: Vec<_> =
        std::fs::read_dir(line.path("snapshots")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(folders.len(), 1);
    serde_json::from_slice(&std::fs::read(folders[0].join("manifest.json")).unwrap()).unwrap()
}
