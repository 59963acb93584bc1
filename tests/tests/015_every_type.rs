//! A value that was written is the value that arrives: every type and every extreme, by the snapshot and by the stream, inserted,
//! updated and deleted, in batches that go as parameters and in batches that are bulk-loaded.
//!
//! Where no page is named, ranges are those of <https://learn.microsoft.com/sql/t-sql/data-types/data-types-transact-sql>.

#![allow(clippy::unwrap_used)]

use tests::line::Line;

/// A column: its name, its declaration, values as T-SQL writes them, and what is compared of it (`{}` is the column).
struct Kind {
    name: &'static str,
    declared: &'static str,
    shown: &'static str,
    values: &'static [&'static str],
}

/// Compared as it is read.
const AS_IT_IS: &str = "{}";
/// Compared by its bytes, as a text in any code page.
const BYTES: &str = "CAST({} AS varbinary(max))";
/// Every `float` and `real` has a text of its own in this style
/// (<https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#float-and-real-styles>).
const LOSSLESS: &str = "CONVERT(nvarchar(64), {}, 3)";
/// Types that convert to bytes only by way of a `(max)` type.
const TEXT_BYTES: &str = "CAST(CAST({} AS nvarchar(max)) AS varbinary(max))";

const fn kind(
    name: &'static str,
    declared: &'static str,
    shown: &'static str,
    values: &'static [&'static str],
) -> Kind {
    Kind { name, declared, shown, values }
}

const NUMBERS: &[Kind] = &[
    kind("c_bit", "bit", AS_IT_IS, &["0", "1"]),
    kind("c_tinyint", "tinyint", AS_IT_IS, &["0", "255"]),
    kind("c_smallint", "smallint", AS_IT_IS, &["-32768", "32767"]),
    kind("c_int", "int", AS_IT_IS, &["-2147483648", "2147483647", "0"]),
    kind("c_bigint", "bigint", AS_IT_IS, &["-9223372036854775808", "9223372036854775807", "0"]),
    kind(
        "c_decimal_38_0",
        "decimal(38,0)",
        AS_IT_IS,
        &["99999999999999999999999999999999999999", "-99999999999999999999999999999999999999", "0"],
    ),
    kind(
        "c_decimal_38_10",
        "decimal(38,10)",
        AS_IT_IS,
        &["9999999999999999999999999999.9999999999", "-9999999999999999999999999999.9999999999", "0.0000000001"],
    ),
    kind(
        "c_decimal_38_38",
        "decimal(38,38)",
        AS_IT_IS,
        &[
            "0.99999999999999999999999999999999999999",
            "-0.99999999999999999999999999999999999999",
            "0.00000000000000000000000000000000000001",
        ],
    ),
    kind("c_numeric", "numeric(1,0)", AS_IT_IS, &["-9", "9", "0"]),
    kind("c_money", "money", "CAST({} AS decimal(19,4))", &["-922337203685477.5808", "922337203685477.5807", "0.0001"]),
    kind("c_smallmoney", "smallmoney", "CAST({} AS decimal(19,4))", &["-214748.3648", "214748.3647", "-0.0001"]),
    kind("c_real", "real", LOSSLESS, &["-3.40282347E+38", "1.17549435E-38", "CAST(0.1 AS real)", "16777217", "0"]),
    kind(
        "c_float",
        "float",
        LOSSLESS,
        &["-1.7976931348623157E+308", "2.2250738585072014E-308", "0.1E0", "0", "-1E0 * 0E0"],
    ),
];

const TIMES: &[Kind] = &[
    kind("c_date", "date", AS_IT_IS, &["'0001-01-01'", "'9999-12-31'", "'2024-02-29'"]),
    kind("c_time_0", "time(0)", AS_IT_IS, &["'00:00:00'", "'23:59:59'"]),
    kind("c_time_3", "time(3)", AS_IT_IS, &["'00:00:00.001'", "'23:59:59.999'"]),
    kind("c_time_7", "time(7)", AS_IT_IS, &["'00:00:00.0000001'", "'23:59:59.9999999'"]),
    kind("c_smalldatetime", "smalldatetime", AS_IT_IS, &["'1900-01-01T00:00:00'", "'2079-06-06T23:59:00'"]),
    kind(
        "c_datetime",
        "datetime",
        AS_IT_IS,
        &["'1753-01-01T00:00:00.000'", "'9999-12-31T23:59:59.997'", "'2024-01-01T00:00:00.003'"],
    ),
    kind("c_datetime2_0", "datetime2(0)", AS_IT_IS, &["'0001-01-01T00:00:00'", "'9999-12-31T23:59:59'"]),
    kind(
        "c_datetime2_7",
        "datetime2(7)",
        AS_IT_IS,
        &["'0001-01-01T00:00:00.0000001'", "'9999-12-31T23:59:59.9999999'"],
    ),
    // The offset is kept, not only the instant: the last two are the same instant.
    kind(
        "c_offset_0",
        "datetimeoffset(0)",
        "CONVERT(nvarchar(40), {}, 121)",
        &[
            "'0001-01-01T14:00:00 +14:00'",
            "'9999-12-31T09:59:59 -14:00'",
            "'2024-01-01T12:00:00 +05:45'",
            "'2024-01-01T06:15:00 +00:00'",
        ],
    ),
    kind(
        "c_offset_7",
        "datetimeoffset(7)",
        "CONVERT(nvarchar(40), {}, 121)",
        &[
            "'0001-01-01T00:00:00.0000001 +00:00'",
            "'9999-12-31T23:59:59.9999999 +00:00'",
            "'2024-06-30T23:59:59.9999999 -00:01'",
        ],
    ),
];

const TEXTS: &[Kind] = &[
    kind("c_char", "char(10)", BYTES, &["''", "'a'", "'0123456789'", "'äöü€ß'", "' a '"]),
    kind("c_varchar", "varchar(50)", BYTES, &["''", "'trailing  '", "'ÿŸ€'", "CHAR(0) + 'a' + CHAR(13) + CHAR(10)"]),
    kind("c_varchar_bin", "varchar(20) COLLATE Latin1_General_BIN2", BYTES, &["'a'", "'A'", "CHAR(129) + CHAR(157)"]),
    kind("c_varchar_max", "varchar(max)", BYTES, &["''", "'é€'", "REPLICATE('0', 100)"]),
    kind("c_nchar", "nchar(10)", BYTES, &["N''", "N'žluť'", "N'👟👟👟👟👟'"]),
    kind("c_nvarchar", "nvarchar(50)", BYTES, &["N''", "N'日本語 '", "N'𝄞 and e' + NCHAR(769)", "NCHAR(0) + N'a'"]),
    kind("c_nvarchar_cs", "nvarchar(20) COLLATE Latin1_General_CS_AS", BYTES, &["N'a'", "N'A'"]),
    kind("c_nvarchar_max", "nvarchar(max)", BYTES, &["N''", "N'ab👟'"]),
    kind(
        "c_guid",
        "uniqueidentifier",
        AS_IT_IS,
        &[
            "'00000000-0000-0000-0000-000000000000'",
            "'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF'",
            "'00112233-4455-6677-8899-AABBCCDDEEFF'",
        ],
    ),
    kind("c_binary", "binary(5)", AS_IT_IS, &["0x", "0x0102030405", "0xFFFFFFFFFF"]),
    kind("c_varbinary", "varbinary(20)", AS_IT_IS, &["0x", "0x00", "0x0100", "0xFF00FF"]),
    kind("c_varbinary_max", "varbinary(max)", AS_IT_IS, &["0x", "0x00", "0x0100"]),
];

/// The bytes are those of MS-SSCLRT: a point, an empty collection, a line with Z and M, another spatial reference.
/// `json` is of SQL Server 2025 (<https://learn.microsoft.com/sql/t-sql/data-types/json-data-type>).
const NEWER: &[Kind] = &[
    kind(
        "c_hierarchyid",
        "hierarchyid",
        "CAST({} AS varbinary(892))",
        &["CAST(0x AS hierarchyid)", "CAST(0x58 AS hierarchyid)", "CAST(0x5AC0 AS hierarchyid)"],
    ),
    kind(
        "c_geometry",
        "geometry",
        "CAST({} AS varbinary(max))",
        &[
            "CAST(0x00000000010C000000000000F03F0000000000000040 AS geometry)",
            "CAST(0x000000000104000000000000000001000000FFFFFFFFFFFFFFFF07 AS geometry)",
            "CAST(0x11270000010C000000000000F03F00000000000000C0 AS geometry)",
        ],
    ),
    kind(
        "c_geography",
        "geography",
        "CAST({} AS varbinary(max))",
        &[
            "CAST(0xE6100000010C00000000000000000000000000000000 AS geography)",
            "CAST(0xE6100000010CEE7C3F355ECA474008AC1C5A643B5EC0 AS geography)",
        ],
    ),
    kind(
        "c_json",
        "json",
        TEXT_BYTES,
        &["N'{\"a\":[1,2.5,null,true],\"b\":\"é 👟\"}'", "N'[]'", "N'\"\"'", "N'{\"deep\":{\"er\":[[],{}]}}'"],
    ),
];

/// Values as long as they may be, and around the lengths where the way they are sent changes: 4,000 and 8,000 bytes, 65,535 bytes.
/// More than 65,536 bytes change data capture does not take by default
/// (<https://learn.microsoft.com/sql/database-engine/configure-windows/configure-the-max-text-repl-size-server-configuration-option>).
const LONG: &[Kind] = &[
    kind("c_char", "char(8000)", BYTES, &["REPLICATE('é', 8000)", "''"]),
    kind("c_varchar", "varchar(8000)", BYTES, &["REPLICATE('é', 8000)", "REPLICATE('e', 4001)"]),
    kind("c_nvarchar", "nvarchar(4000)", BYTES, &["REPLICATE(N'日', 4000)", "N''"]),
    kind("c_varbinary", "varbinary(8000)", BYTES, &["CAST(REPLICATE('x', 8000) AS varbinary(8000))", "0x"]),
    kind(
        "c_varchar_max",
        "varchar(max)",
        BYTES,
        &["REPLICATE(CAST('0123456789' AS varchar(max)), 900)", "REPLICATE(CAST('é€' AS varchar(max)), 32768)"],
    ),
    kind(
        "c_nvarchar_max",
        "nvarchar(max)",
        BYTES,
        &[
            "REPLICATE(CAST(N'ab👟' AS nvarchar(max)), 4000)",
            "REPLICATE(CAST(N'0123456789' AS nvarchar(max)), 3276) + N'0123456'",
            "REPLICATE(CAST(N'0123456789' AS nvarchar(max)), 3276) + N'01234567'",
        ],
    ),
    kind(
        "c_varbinary_max",
        "varbinary(max)",
        BYTES,
        &[
            "CAST(REPLICATE(CAST('0123456789' AS varchar(max)), 900) AS varbinary(max))",
            "CAST(REPLICATE(CAST('x' AS varchar(max)), 65535) AS varbinary(max))",
            "CAST(REPLICATE(CAST('x' AS varchar(max)), 65536) AS varbinary(max))",
        ],
    ),
    kind(
        "c_text",
        "text",
        "CAST(CAST({} AS varchar(max)) AS varbinary(max))",
        &["REPLICATE(CAST('é' AS varchar(max)), 65536)", "''"],
    ),
    kind("c_ntext", "ntext", TEXT_BYTES, &["N''", "REPLICATE(CAST(N'日' AS nvarchar(max)), 32768)"]),
    kind(
        "c_image",
        "image",
        "CAST({} AS varbinary(max))",
        &["CAST(REPLICATE(CAST('x' AS varchar(max)), 65536) AS varbinary(max))", "0x"],
    ),
    kind(
        "c_xml",
        "xml",
        TEXT_BYTES,
        &["N'<a>' + REPLICATE(CAST(N'<b>0123456789</b>' AS nvarchar(max)), 1900) + N'</a>'", "N''"],
    ),
];

const LARGE: &[Kind] = &[
    kind("c_text", "text", "CAST(CAST({} AS varchar(max)) AS varbinary(max))", &["''", "'äöü€'"]),
    kind("c_ntext", "ntext", TEXT_BYTES, &["N''", "N'žluť 👟'"]),
    kind("c_image", "image", "CAST({} AS varbinary(max))", &["0x", "0x00FF00"]),
    // https://learn.microsoft.com/sql/relational-databases/xml/define-the-serialization-of-xml-data
    kind(
        "c_xml",
        "xml",
        TEXT_BYTES,
        &[
            "N''",
            "N'<a b=\"1\">x &lt; y<!-- c --><?p i?></a>'",
            "N'<r xml:space=\"preserve\">  <c> </c>  </r>'",
            "N'just text'",
            "N'<a/><b/>'",
            "N'<ž>👟</ž>'",
        ],
    ),
];

/// Base type, facets, collation and value of a `sql_variant`
/// (<https://learn.microsoft.com/sql/t-sql/functions/sql-variant-property-transact-sql>).
macro_rules! variant {
    ($value:literal) => {
        concat!(
            "CONCAT(CAST(SQL_VARIANT_PROPERTY({}, 'BaseType') AS nvarchar(128)), N' ', ",
            "CAST(SQL_VARIANT_PROPERTY({}, 'Precision') AS int), N' ', CAST(SQL_VARIANT_PROPERTY({}, 'Scale') AS int), N' ', ",
            "CAST(SQL_VARIANT_PROPERTY({}, 'MaxLength') AS int), N' ', ",
            "CAST(SQL_VARIANT_PROPERTY({}, 'Collation') AS nvarchar(128)), N' ', DATALENGTH({}), N' ', ",
            $value,
            ")"
        )
    };
}

const VARIANTS: &[Kind] = &[
    kind(
        "v_mixed",
        "sql_variant",
        variant!("CAST({} AS nvarchar(100))"),
        &["CAST(1 AS int)", "CAST(1 AS bigint)", "CAST(1 AS tinyint)", "N'1'", "'1'", "CAST('2024-01-01' AS date)"],
    ),
    kind(
        "v_integers",
        "sql_variant",
        variant!("CAST({} AS bigint)"),
        &[
            "CAST(1 AS bit)",
            "CAST(255 AS tinyint)",
            "CAST(-32768 AS smallint)",
            "CAST(-2147483648 AS int)",
            "CAST(-9223372036854775808 AS bigint)",
            "CAST(9223372036854775807 AS bigint)",
        ],
    ),
    kind(
        "v_decimals",
        "sql_variant",
        variant!("CAST({} AS nvarchar(100))"),
        &[
            "CAST(46279.10 AS decimal(8,2))",
            "CAST(46279.10 AS numeric(8,2))",
            "CAST(46279.10 AS decimal(9,2))",
            "CAST(-99999999999999999999999999999999999999 AS decimal(38,0))",
            "CAST(0.99999999999999999999999999999999999999 AS numeric(38,38))",
        ],
    ),
    kind(
        "v_money",
        "sql_variant",
        variant!("CONVERT(nvarchar(64), CAST({} AS money), 2)"),
        &["CAST(-922337203685477.5808 AS money)", "CAST(214748.3647 AS smallmoney)", "CAST(0.0001 AS money)"],
    ),
    kind(
        "v_floats",
        "sql_variant",
        variant!("CONVERT(nvarchar(64), CAST({} AS float), 3)"),
        &[
            "CAST(-1.7976931348623157E+308 AS float)",
            "CAST(0.1 AS float)",
            "CAST(0.1 AS real)",
            "CAST(-3.40282347E+38 AS real)",
            "CAST(2.2250738585072014E-308 AS float)",
        ],
    ),
    kind(
        "v_texts",
        "sql_variant",
        variant!("CONVERT(nvarchar(max), CAST(CAST({} AS nvarchar(max)) AS varbinary(max)), 2)"),
        &[
            "CAST('a|b  ' AS varchar(10))",
            "CAST('a' AS char(10)) COLLATE Latin1_General_CS_AS",
            "CAST(N'žluť 👟' AS nvarchar(4000)) COLLATE Latin1_General_BIN2",
            "CAST(N'x' AS nchar(3))",
            "CAST('' AS varchar(1))",
            "CAST(REPLICATE('é', 8000) AS varchar(8000))",
        ],
    ),
    kind(
        "v_bytes",
        "sql_variant",
        variant!("CONVERT(nvarchar(max), CAST({} AS varbinary(8000)), 2)"),
        &["CAST(0x0102 AS binary(5))", "CAST(0x AS varbinary(10))", "CAST(0x00FF AS varbinary(8000))"],
    ),
    kind(
        "v_dates",
        "sql_variant",
        variant!("CONVERT(nvarchar(64), CAST({} AS datetime2(7)), 121)"),
        &[
            "CAST('0001-01-01' AS date)",
            "CAST('9999-12-31' AS date)",
            "CAST('1753-01-01T00:00:00.003' AS datetime)",
            "CAST('9999-12-31T23:59:59.997' AS datetime)",
            "CAST('2079-06-06T23:59:00' AS smalldatetime)",
            "CAST('9999-12-31T23:59:59.9999999' AS datetime2(7))",
            "CAST('0001-01-01T00:00:00' AS datetime2(0))",
            "CAST('2024-02-29T12:34:56.120' AS datetime2(3))",
        ],
    ),
    kind(
        "v_times",
        "sql_variant",
        variant!("CAST({} AS nvarchar(64))"),
        &[
            "CAST('23:59:59.9999999' AS time(7))",
            "CAST('00:00:00' AS time(0))",
            "CAST('12:34:56.100' AS time(3))",
            "CAST('0001-01-01T14:00:00 +14:00' AS datetimeoffset(0))",
            "CAST('2024-06-30T23:59:59.9999999 -00:01' AS datetimeoffset(7))",
            "CAST('00112233-4455-6677-8899-AABBCCDDEEFF' AS uniqueidentifier)",
        ],
    ),
];

/// The columns' values, rotated so that each meets the others' in other rows; the last row is all NULL.
fn rows(kinds: &[Kind]) -> Vec<Vec<&'static str>> {
    let longest = kinds.iter().map(|kind| kind.values.len()).max().unwrap_or(0);
    let row = |n: usize| kinds.iter().map(|kind| kind.values[n % kind.values.len()]).collect();
    (0..longest).map(row).chain([vec!["NULL"; kinds.len()]]).collect()
}

/// Rows that do not go as parameters of a statement.
const MANY: usize = 250;

async fn create(line: &Line, table: &str, kinds: &[Kind]) {
    let columns: Vec<String> = kinds.iter().map(|kind| format!("{} {} NULL", kind.name, kind.declared)).collect();
    line.source.run(&format!("CREATE TABLE {table} (id int NOT NULL PRIMARY KEY, {})", columns.join(", "))).await;
    for (n, values) in rows(kinds).iter().enumerate() {
        line.source.run(&format!("INSERT INTO {table} VALUES ({}, {})", n + 1, values.join(", "))).await;
    }
}

async fn assert_same(line: &Line, table: &str, kinds: &[Kind], rows: usize) {
    line.drain().await;
    let shown: Vec<String> =
        kinds.iter().map(|kind| format!("{} AS {}", kind.shown.replace("{}", kind.name), kind.name)).collect();
    let query = format!("SELECT id, {} FROM {table} ORDER BY id", shown.join(", "));
    assert_eq!(line.assert_equal(&query).await, rows as u64, "{table}");
}

/// A table of every value, replicated: by the snapshot, then by inserts, updates and deletes of few rows. Gives the number of rows.
async fn few(line: &mut Line, table: &str, kinds: &[Kind]) -> usize {
    line.make_fence().await;
    create(line, table, kinds).await;
    line.replicate(&[table, "dbo.fence"]).await;
    let first = rows(kinds).len();
    assert_same(line, table, kinds, first).await;

    let (all, set) = (names(kinds).join(", "), set(kinds));
    line.source.run(&format!("INSERT INTO {table} SELECT id + 100, {all} FROM {table}")).await;
    assert_same(line, table, kinds, 2 * first).await;

    let rotate = format!("UPDATE a SET {set} FROM {table} AS a JOIN {table} AS b ON b.id = a.id % {first} + 1");
    line.source.run(&format!("{rotate} WHERE a.id < 100")).await;
    assert_same(line, table, kinds, 2 * first).await;

    // Each column alone: to NULL, and from NULL to a value.
    for kind in kinds {
        let (name, value) = (kind.name, kind.values[kind.values.len() - 1]);
        line.source.run(&format!("UPDATE {table} SET {name} = NULL WHERE id = 101")).await;
        line.source.run(&format!("UPDATE {table} SET {name} = {value} WHERE id = {}", 100 + first)).await;
    }
    line.source.run(&format!("DELETE FROM {table} WHERE id IN (1, 102)")).await;
    assert_same(line, table, kinds, 2 * first - 2).await;
    2 * first - 2
}

/// The same, and then inserts, updates and deletes of so many rows that they go by way of a staging table.
async fn few_and_many(table: &str, kinds: &[Kind]) {
    few_and_many_by(Line::start().await, table, kinds).await;
}

async fn few_and_many_by(mut line: Line, table: &str, kinds: &[Kind]) {
    let mut expected = few(&mut line, table, kinds).await;
    let (all, set) = (names(kinds).join(", "), set(kinds));
    let copied = rows(kinds).len() - 1;
    let copies = MANY.div_ceil(copied);
    let numbers: Vec<String> = (1..=copies).map(|n| format!("({n})")).collect();
    let numbers = format!("(VALUES {}) AS n (n)", numbers.join(", "));
    let copy = format!("INSERT INTO {table} SELECT n * 1000 + id, {all} FROM {table} CROSS JOIN {numbers}");
    line.source.run(&format!("{copy} WHERE id < 100")).await;
    expected += copies * copied;
    assert_same(&line, table, kinds, expected).await;

    let rotate = format!("UPDATE a SET {set} FROM {table} AS a JOIN {table} AS b ON b.id = a.id % 1000 % {copied} + 2");
    line.source.run(&format!("{rotate} WHERE a.id >= 1000")).await;
    assert_same(&line, table, kinds, expected).await;

    line.source.run(&format!("DELETE FROM {table} WHERE id >= 2000")).await;
    expected -= (copies - 1) * copied;
    assert_same(&line, table, kinds, expected).await;
}

fn names(kinds: &[Kind]) -> Vec<&'static str> {
    kinds.iter().map(|kind| kind.name).collect()
}

fn set(kinds: &[Kind]) -> String {
    names(kinds).iter().map(|name| format!("{name} = b.{name}")).collect::<Vec<_>>().join(", ")
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_arrive_to_the_last_digit() {
    few_and_many("dbo.numbers", NUMBERS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_and_times_arrive_to_the_last_tick_with_their_offset() {
    few_and_many("dbo.times", TIMES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_and_bytes_arrive_byte_for_byte() {
    few_and_many("dbo.texts", TEXTS).await;
}

/// Characters of which code page 1252 has none (<https://learn.microsoft.com/sql/relational-databases/collations/collation-and-unicode-support>).
#[tokio::test(flavor = "multi_thread")]
async fn texts_of_another_code_page_arrive_byte_for_byte() {
    let kinds = [
        kind("c_char", "char(10)", BYTES, &["N'Жук'", "N'ёжик'", "N'№ 1'"]),
        kind("c_varchar", "varchar(50)", BYTES, &["N'Ђљ'", "N''", "N'«я»'"]),
        kind("c_varchar_max", "varchar(max)", BYTES, &["N'Съешь ещё этих мягких булок'", "N'a'"]),
        kind("c_nvarchar", "nvarchar(20)", BYTES, &["N'Жук'", "N'日本'"]),
        kind("c_text", "text", "CAST(CAST({} AS varchar(max)) AS varbinary(max))", &["N'Щука'", "N'€'"]),
    ];
    few_and_many_by(Line::start_with_collation("Cyrillic_General_CI_AS").await, "dbo.cyrillic", &kinds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_ntext_image_and_xml_arrive_whole() {
    few_and_many("dbo.large", LARGE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hierarchyid_spatial_types_and_json_arrive_as_they_are() {
    few_and_many("dbo.newer", NEWER).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn variants_arrive_with_their_base_type_facets_and_collation() {
    few_and_many("dbo.variants", VARIANTS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_values_arrive() {
    few(&mut Line::start().await, "dbo.long", LONG).await;
}

/// A rowversion is a `binary(8)` at the subscriber, an alias type its base type; computed columns are computed there; sparse and identity
/// columns are what they were.
#[tokio::test(flavor = "multi_thread")]
async fn columns_with_a_property_keep_it() {
    let mut line = Line::start().await;
    line.make_fence().await;
    line.source
        .run(
            "CREATE TYPE dbo.amount FROM decimal(9,2) NOT NULL;
             CREATE TYPE dbo.word FROM nvarchar(20) NULL;",
        )
        .await;
    line.source
        .run(
            "CREATE TABLE dbo.special (id int NOT NULL IDENTITY(100, -5) PRIMARY KEY, version rowversion, price dbo.amount,
                 name dbo.word, twice AS price * 2, stored AS price + 1 PERSISTED NOT NULL, rare int SPARSE NULL,
                 [we]]ird] int NULL, [upper] AS UPPER(name) + N'[name]');
             INSERT INTO dbo.special (price, name, rare) VALUES (1.5, N'one', NULL), (2, N'two', 7);",
        )
        .await;
    line.replicate(&["dbo.special", "dbo.fence"]).await;
    let all = "SELECT id, CAST(version AS binary(8)), price, name, twice, stored, rare, [we]]ird], [upper] FROM dbo.special ORDER BY id";
    line.drain().await;
    assert_eq!(line.assert_equal(all).await, 2);
    line.source
        .run(
            "INSERT INTO dbo.special (price, name, rare, [we]]ird]) VALUES (3, NULL, NULL, 1), (-4.25, N'four', 4, 2);
             UPDATE dbo.special SET price = 10, rare = 1 WHERE name = N'one';
             UPDATE dbo.special SET rare = NULL WHERE name = N'two';
             DELETE FROM dbo.special WHERE [we]]ird] = 1;",
        )
        .await;
    line.drain().await;
    assert_eq!(line.assert_equal(all).await, 3);
    let properties =
        "SELECT c.name, TYPE_NAME(c.system_type_id), c.max_length, c.precision, c.scale, c.is_computed, c.is_sparse,
            c.is_identity FROM sys.columns AS c WHERE c.object_id = OBJECT_ID(N'dbo.special') AND c.name <> N'version'
            ORDER BY c.name";
    line.assert_equal(properties).await;
    line.assert_equal("SELECT CAST(seed_value AS int), CAST(increment_value AS int) FROM sys.identity_columns WHERE object_id = OBJECT_ID(N'dbo.special')").await;
    line.assert_equal("SELECT name, definition, is_persisted FROM sys.computed_columns WHERE object_id = OBJECT_ID(N'dbo.special') ORDER BY name").await;
    let version = "SELECT COUNT(*) FROM sys.columns WHERE object_id = OBJECT_ID(N'dbo.special') AND name = N'version'
            AND TYPE_NAME(system_type_id) = N'binary' AND max_length = 8";
    assert_eq!(line.target.number(version).await, 1);
}

/// Every type that can be in a key finds its row again.
#[tokio::test(flavor = "multi_thread")]
async fn rows_are_found_by_keys_of_every_type() {
    let mut line = Line::start().await;
    line.make_fence().await;
    let keyed = |kinds: &[&Kind]| -> Vec<(&'static str, &'static str, &'static [&'static str])> {
        kinds.iter().map(|kind| (kind.name, kind.declared, kind.values)).collect()
    };
    let exact: Vec<&Kind> = NUMBERS.iter().chain(TIMES).collect();
    let texts: Vec<&Kind> =
        TEXTS.iter().filter(|kind| !kind.declared.contains("max")).chain(&VARIANTS[..1]).chain(&NEWER[..1]).collect();
    let groups: Vec<_> = exact.chunks(12).chain([&texts[..]]).map(keyed).collect();
    let mut tables: Vec<String> = Vec::new();
    for (n, columns) in groups.iter().enumerate() {
        let table = format!("dbo.keyed{n}");
        let declared: Vec<String> = columns.iter().map(|(name, ty, _)| format!("{name} {ty} NOT NULL")).collect();
        let names: Vec<&str> = columns.iter().map(|(name, ..)| *name).collect();
        let key = names.join(", ");
        line.source
            .run(&format!("CREATE TABLE {table} ({}, v int NULL, PRIMARY KEY ({key}))", declared.join(", ")))
            .await;
        let longest = columns.iter().map(|(_, _, values)| values.len()).max().unwrap();
        for row in 0..longest {
            let values: Vec<&str> = columns.iter().map(|(_, _, values)| values[row % values.len()]).collect();
            line.source.run(&format!("INSERT INTO {table} VALUES ({}, {row})", values.join(", "))).await;
        }
        tables.push(table);
    }
    let published: Vec<&str> = tables.iter().map(String::as_str).chain(["dbo.fence"]).collect();
    line.replicate(&published).await;
    for table in &tables {
        let query = format!("SELECT v, COUNT(*) FROM {table} GROUP BY v ORDER BY v");
        line.drain().await;
        let rows = line.assert_equal(&query).await;
        line.source.run(&format!("UPDATE {table} SET v = v + 100")).await;
        line.drain().await;
        assert_eq!(line.assert_equal(&query).await, rows);
        line.source.run(&format!("DELETE FROM {table} WHERE v > 100")).await;
        line.drain().await;
        assert_eq!(line.assert_equal(&query).await, 1);
    }
}
