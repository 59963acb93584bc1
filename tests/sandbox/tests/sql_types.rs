//! Every type's values come back as they were written, however they were written.
#![allow(clippy::unwrap_used)]

mod server;

use server::{exec, start, text};
use tiberius::numeric::Numeric;
use tiberius::time::{Date, DateTime, DateTime2, DateTimeOffset, SmallDateTime, Time};
use tiberius::{ColumnData, TokenRow, Uuid};

/// Column type, literal, value as the client reads it.
fn samples() -> Vec<(&'static str, &'static str, ColumnData<'static>)> {
    fn string(text: &str) -> ColumnData<'static> {
        ColumnData::String(Some(text.to_owned().into()))
    }
    fn binary(bytes: &[u8]) -> ColumnData<'static> {
        ColumnData::Binary(Some(bytes.to_vec().into()))
    }
    let numeric = |value, scale| ColumnData::Numeric(Some(Numeric::new_with_scale(value, scale)));
    // 2024-02-29 in days since 0001-01-01, and 12:34:56.1234567 in 100 ns.
    let (day, ticks) = (738_944, 452_961_234_567);
    let datetime2 = DateTime2::new(Date::new(day), Time::new(ticks, 7));
    vec![
        ("bit", "1", ColumnData::Bit(Some(true))),
        ("tinyint", "255", ColumnData::U8(Some(255))),
        ("smallint", "-32768", ColumnData::I16(Some(i16::MIN))),
        ("int", "-2147483648", ColumnData::I32(Some(i32::MIN))),
        ("bigint", "-9223372036854775808", ColumnData::I64(Some(i64::MIN))),
        ("decimal(5,2)", "-999.99", numeric(-99_999, 2)),
        ("decimal(38,0)", "99999999999999999999999999999999999999", numeric(10i128.pow(38) - 1, 0)),
        (
            "numeric(38,10)",
            "-1234567890123456789012345678.0123456789",
            numeric(-12_345_678_901_234_567_890_123_456_780_123_456_789, 10),
        ),
        ("money", "-922337203685477.5808", ColumnData::F64(Some(-922_337_203_685_477.6))),
        ("smallmoney", "12.3456", ColumnData::F64(Some(12.3456))),
        ("real", "1.5e-30", ColumnData::F32(Some(1.5e-30))),
        ("float", "0.1", ColumnData::F64(Some(0.1))),
        ("char(5)", "'ab'", string("ab   ")),
        ("varchar(10)", "'Grüße '", string("Grüße ")),
        ("varchar(max)", "'x'", string("x")),
        ("nchar(4)", "N'中'", string("中   ")),
        ("nvarchar(10)", "N'žluť 𝄞'", string("žluť 𝄞")),
        ("nvarchar(10)", "N''", string("")),
        ("nvarchar(max)", "N'y'", string("y")),
        ("binary(3)", "0xAB", binary(&[0xAB, 0, 0])),
        ("varbinary(10)", "0x00FF", binary(&[0, 255])),
        ("varbinary(max)", "0x", binary(&[])),
        ("date", "'2024-02-29'", ColumnData::Date(Some(Date::new(day)))),
        ("time(7)", "'12:34:56.1234567'", ColumnData::Time(Some(Time::new(ticks, 7)))),
        ("time(0)", "'12:34:56'", ColumnData::Time(Some(Time::new(45_296, 0)))),
        ("datetime", "'2024-02-29T12:34:56.123'", ColumnData::DateTime(Some(DateTime::new(45_349, 13_588_837)))),
        ("smalldatetime", "'2024-02-29T12:34:00'", ColumnData::SmallDateTime(Some(SmallDateTime::new(45_349, 754)))),
        ("datetime2(7)", "'2024-02-29T12:34:56.1234567'", ColumnData::DateTime2(Some(datetime2))),
        (
            "datetime2(3)",
            "'2024-02-29T12:34:56.123'",
            ColumnData::DateTime2(Some(DateTime2::new(Date::new(day), Time::new(45_296_123, 3)))),
        ),
        (
            "datetimeoffset(7)",
            "'2024-02-29T14:34:56.1234567+02:00'",
            ColumnData::DateTimeOffset(Some(DateTimeOffset::new(datetime2, 120))),
        ),
        (
            "uniqueidentifier",
            "'6F9619FF-8B86-D011-B42D-00C04FC964FF'",
            ColumnData::Guid(Some(Uuid::parse_str("6F9619FF-8B86-D011-B42D-00C04FC964FF").unwrap())),
        ),
    ]
}

fn table_of(samples: &[(&str, &str, ColumnData<'static>)], name: &str) -> String {
    let columns: Vec<_> = samples.iter().enumerate().map(|(at, (ty, ..))| format!("c{at} {ty} NULL")).collect();
    format!("CREATE TABLE {name} (id int NOT NULL PRIMARY KEY, {})", columns.join(", "))
}

#[tokio::test]
async fn literals_read_back_as_the_value_written() {
    let server = start().await;
    let mut db = server.shop().await;
    let samples = samples();
    exec(&mut db, &table_of(&samples, "t")).await;
    let literals: Vec<_> = samples.iter().map(|(_, literal, _)| *literal).collect();
    exec(&mut db, &format!("INSERT INTO t VALUES (1, {})", literals.join(", "))).await;
    exec(&mut db, &format!("INSERT INTO t VALUES (2, {})", vec!["NULL"; samples.len()].join(", "))).await;
    let rows = db.simple_query("SELECT * FROM t ORDER BY id").await.unwrap().into_first_result().await.unwrap();
    for ((ty, literal, expected), (_, actual)) in samples.iter().zip(rows[0].cells().skip(1)) {
        assert_eq!(actual, expected, "{ty} {literal}");
    }
    assert!(rows[1].cells().skip(1).all(|(_, data)| format!("{data:?}").ends_with("(None)")));
}

#[tokio::test]
async fn parameters_read_back_and_find_their_row() {
    let server = start().await;
    let mut db = server.shop().await;
    for (at, (ty, _, value)) in samples().into_iter().enumerate() {
        if ty.ends_with("money") {
            continue;
        }
        exec(&mut db, &format!("CREATE TABLE p{at} (id int NOT NULL PRIMARY KEY, v {ty} NULL)")).await;
        db.execute(format!("INSERT INTO p{at} VALUES (1, @P1)"), &[&value])
            .await
            .unwrap_or_else(|e| panic!("{ty}: {e}"));
        let row =
            db.query(format!("SELECT v FROM p{at} WHERE v = @P1"), &[&value]).await.unwrap().into_row().await.unwrap();
        let row = row.unwrap_or_else(|| panic!("{ty}: not found by its own value"));
        assert_eq!(row.cells().next().unwrap().1, &value, "{ty}");
    }
}

#[tokio::test]
async fn bulk_loads_read_back_equal() {
    let server = start().await;
    let mut db = server.shop().await;
    // What the client cannot send faithfully in a bulk load: money, smalldatetime (declared datetime), times of other scales than 7.
    let samples: Vec<_> = samples()
        .into_iter()
        .filter(|(ty, ..)| !ty.ends_with("money") && *ty != "smalldatetime" && *ty != "time(0)")
        .collect();
    exec(&mut db, &table_of(&samples, "t")).await;
    let mut load = db.bulk_insert("t").await.unwrap();
    for id in 0..3 {
        let mut row = TokenRow::new();
        row.push(ColumnData::I32(Some(id)));
        for (_, _, value) in &samples {
            row.push(value.clone());
        }
        load.send(row).await.unwrap();
    }
    assert_eq!(load.finalize().await.unwrap().total(), 3);
    let rows = db.simple_query("SELECT * FROM t ORDER BY id").await.unwrap().into_first_result().await.unwrap();
    assert_eq!(rows.len(), 3);
    for row in rows {
        for ((ty, _, expected), (_, actual)) in samples.iter().zip(row.cells().skip(1)) {
            assert_eq!(actual, expected, "{ty}");
        }
    }
}

#[tokio::test]
async fn comparisons_follow_the_types_not_their_storage() {
    let server = start().await;
    let mut db = server.shop().await;
    let yes = |condition: &str| format!("SELECT CASE WHEN {condition} THEN 'yes' ELSE 'no' END");
    for condition in [
        "CAST(9 AS decimal(38,0)) < CAST(10 AS decimal(38,0))",
        "CAST(-1.5 AS decimal(9,2)) < CAST(-1.25 AS decimal(18,4))",
        "CAST(1.10 AS decimal(9,2)) = CAST(1.1 AS decimal(9,1))",
        "'abc' = 'ABC  '",
        "N'a' < N'B'",
        "CAST('2024-01-31' AS date) < CAST('2024-02-01' AS date)",
        "CAST('2024-01-01T12:00:00+02:00' AS datetimeoffset) = CAST('2024-01-01T10:00:00+00:00' AS datetimeoffset)",
        "CAST(0x01 AS varbinary(5)) < CAST(0x02 AS varbinary(5))",
        "CAST(1 AS bit) = 1",
        "CAST(2 AS tinyint) < CAST(10 AS bigint)",
        "CAST('9' AS int) < 10",
        "1 = '1'",
    ] {
        assert_eq!(text(&mut db, &yes(condition)).await, "yes", "{condition}");
    }
}

#[tokio::test]
async fn xml_and_the_deprecated_large_types_are_parameters_and_results() {
    let server = start().await;
    let mut db = server.shop().await;
    exec(
        &mut db,
        "CREATE TABLE l (id int NOT NULL PRIMARY KEY, x xml NULL, t text NULL, n ntext NULL, i image NULL, rv rowversion)",
    )
    .await;
    let xml = |text: &str| ColumnData::Xml(Some(std::borrow::Cow::Owned(tiberius::xml::XmlData::new(text))));
    let words = ColumnData::String(Some("Grüße".into()));
    let bytes = ColumnData::Binary(Some(vec![1, 2, 3].into()));
    let insert = "INSERT INTO l (id, x, t, n, i) VALUES (@P1, @P2, @P3, @P3, @P4)";
    let nothing = ColumnData::String(None);
    db.execute(insert, &[&1, &xml("<a  b='é'></a>"), &words, &bytes]).await.unwrap();
    db.execute(insert, &[&2, &nothing, &nothing, &ColumnData::Binary(None)]).await.unwrap();
    let rows = db.simple_query("SELECT x, t, n, i, rv FROM l ORDER BY id").await.unwrap();
    let rows = rows.into_first_result().await.unwrap();
    let cells: Vec<&ColumnData<'static>> = rows[0].cells().map(|(_, data)| data).collect();
    assert_eq!(cells[..4], [&xml("<a b=\"é\"/>"), &words, &words, &bytes]);
    assert!(matches!(cells[4], ColumnData::Binary(Some(version)) if version.len() == 8));
    assert!(rows[1].cells().take(4).all(|(_, data)| format!("{data:?}").ends_with("(None)")));
    let refused = db.execute(insert, &[&3, &xml("<a>"), &words, &bytes]).await.unwrap_err();
    assert_eq!(refused.code(), Some(9400));
}

/// The client decodes by the collation that the column's metadata names.
#[tokio::test]
async fn text_of_another_code_page_reaches_the_client_as_it_is() {
    for (collation, sample) in [
        ("Cyrillic_General_CI_AS", "Жук и ёж €"),
        ("Polish_100_BIN2", "Zażółć gęślą jaźń"),
        ("Greek_BIN2", "Ξεσκεπάζω"),
        ("Turkish_BIN2", "İğne ıslak"),
        ("Hebrew_BIN2", "שלום"),
        ("Thai_BIN2", "สวัสดี"),
    ] {
        let server = start().await;
        let mut db = server.connect("master").await;
        exec(&mut db, &format!("CREATE DATABASE other COLLATE {collation}")).await;
        let mut db = server.connect("other").await;
        exec(&mut db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY, v varchar(40), w varchar(max))").await;
        exec(&mut db, &format!("INSERT t VALUES (1, N'{sample}', N'{sample}')")).await;
        assert_eq!(
            text(&mut db, "SELECT v, w, CAST(v AS nvarchar(40)) FROM t").await,
            format!("{sample}|{sample}|{sample}")
        );
        let bytes = format!("SELECT CASE WHEN DATALENGTH(v) = LEN(N'{sample}') THEN 1 ELSE 0 END FROM t");
        assert_eq!(text(&mut db, &bytes).await, "1", "a byte a character");
    }
}
