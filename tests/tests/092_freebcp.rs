//! A program that nobody here wrote reads and writes the data files of snapshots: FreeTDS' `freebcp` in its native mode, for every type that
//! it knows, with and without NULLs, at the ends of the types' ranges.
//!
//! What stands in a field is written down here once more, from Microsoft's pages on prefix lengths, native and Unicode native format, and
//! for FreeTDS as its version 1.3 writes and reads it. Where the two differ, a file is carried over field by field:
//!
//! - FreeTDS has no Unicode native format. It writes texts in its client's character set, and reads them as they will be at the server: the
//!   UTF-16 of our files goes into columns of Unicode types.
//! - Its prefix of `max` types has 2 bytes, read with a sign, that of `xml` 4 (Microsoft: 8), that of a `uniqueidentifier` NOT NULL none (Microsoft: 1).
//! - Its `decimal` is the one of Sybase: sign 0 is positive, the magnitude follows with its highest byte first, as long as the precision needs.
//! - Its `date`, `time`, `datetime2` and `datetimeoffset` are structures of the library (`TDS_DATETIMEALL`), of 16 bytes.
//! - It cuts blanks off the ends of the texts that it loads, whatever their type.
//! - It writes NULL as a value of no bytes (its issue 686), also an empty binary one. Reading, it takes prefixes of 2 and 4 bytes as Microsoft has
//!   them, a prefix of one byte before values of fixed length never as a NULL, and that of a `decimal` as NULL where it is 0.

#![allow(clippy::unwrap_used)]

use proto::{Article, Capture, Column, Lsn, Row, TableName, Value};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tests::server::TestDatabase;
use workdir::native::{Decoded, decode_row, encode_row};

/// How a value stands in a data file by Microsoft's pages.
/// <https://learn.microsoft.com/sql/relational-databases/import-export/specify-prefix-length-in-data-files-by-using-bcp-sql-server>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Documented {
    /// So many bytes; one byte of length before them where the column can hold NULL.
    Fixed(usize),
    /// One byte of length and so many bytes.
    One(usize),
    /// Length in so many bytes.
    Prefix(usize),
}

/// What FreeTDS makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Freetds {
    /// The same.
    Same,
    /// The same, without a length where the column cannot hold NULL.
    Guid,
    Decimal,
    /// Length in so many bytes; text in the client's character set when it writes, in the server's when it reads.
    Text(usize),
    /// Length in two bytes.
    MaxBytes,
    /// `TDS_DATETIMEALL` with these of its parts.
    Moment {
        time: bool,
        date: bool,
        offset: bool,
    },
}

/// A type: its declaration, how it stands in files, the type of the column that a file of ours goes into, and values in T-SQL.
struct Case {
    declared: &'static str,
    documented: Documented,
    freetds: Freetds,
    into: &'static str,
    values: &'static [&'static str],
}

const fn case(
    declared: &'static str,
    documented: Documented,
    freetds: Freetds,
    into: &'static str,
    values: &'static [&'static str],
) -> Case {
    Case { declared, documented, freetds, into, values }
}

const fn moment(time: bool, date: bool, offset: bool) -> Freetds {
    Freetds::Moment { time, date, offset }
}

use Documented::{Fixed, One, Prefix};
use Freetds::{Decimal, Guid, MaxBytes, Same, Text};

/// The types that FreeTDS knows, and one that it only writes. Empty values of `varbinary` and `image` it writes as it writes NULL.
const CASES: &[Case] = &[
    case("bit", Fixed(1), Same, "bit", &["0", "1"]),
    case("tinyint", Fixed(1), Same, "tinyint", &["0", "255"]),
    case("smallint", Fixed(2), Same, "smallint", &["-32768", "-1", "32767"]),
    case("int", Fixed(4), Same, "int", &["-2147483648", "0", "2147483647"]),
    case("bigint", Fixed(8), Same, "bigint", &["-9223372036854775808", "-1", "9223372036854775807"]),
    case("real", Fixed(4), Same, "real", &["-3.4E+38", "0", "1.18E-38", "3.4E+38"]),
    case(
        "float",
        Fixed(8),
        Same,
        "float",
        &["-1.7976931348623157E+308", "0.1", "2.23E-308", "1.7976931348623157E+308"],
    ),
    case("money", Fixed(8), Same, "money", &["-922337203685477.5808", "-0.0001", "1.0001", "922337203685477.5807"]),
    case("smallmoney", Fixed(4), Same, "smallmoney", &["-214748.3648", "-0.0001", "214748.3647"]),
    case(
        "datetime",
        Fixed(8),
        Same,
        "datetime",
        &["'1753-01-01'", "'2024-02-29T12:34:56.997'", "'9999-12-31T23:59:59.997'"],
    ),
    case(
        "smalldatetime",
        Fixed(4),
        Same,
        "smalldatetime",
        &["'1900-01-01'", "'2024-02-29T12:34:00'", "'2079-06-06T23:59:00'"],
    ),
    case("decimal(9,2)", One(19), Decimal, "decimal(9,2)", &["-9999999.99", "-0.01", "0", "1.23", "9999999.99"]),
    case("numeric(19,0)", One(19), Decimal, "numeric(19,0)", &["-9999999999999999999", "9999999999999999999"]),
    case(
        "decimal(38,10)",
        One(19),
        Decimal,
        "decimal(38,10)",
        &["-9999999999999999999999999999.9999999999", "0.0000000001", "9999999999999999999999999999.9999999999"],
    ),
    case("decimal(38,38)", One(19), Decimal, "decimal(38,38)", &["-0.99999999999999999999999999999999999999", "0.5"]),
    case(
        "uniqueidentifier",
        One(16),
        Guid,
        "uniqueidentifier",
        &["'00000000-0000-0000-0000-000000000000'", "'6F9619FF-8B86-D011-B42D-00C04FC964FF'"],
    ),
    case("binary(4)", Prefix(2), Same, "binary(4)", &["0x", "0x0102", "0xFFFFFFFF"]),
    case("varbinary(50)", Prefix(2), Same, "varbinary(50)", &["0x00", "0x00FF00", "0xFFFF"]),
    case("varbinary(8000)", Prefix(2), Same, "varbinary(8000)", &["CAST(REPLICATE('z', 8000) AS varbinary(8000))"]),
    case(
        "varbinary(max)",
        Prefix(8),
        MaxBytes,
        "varbinary(max)",
        &["0x01", "CAST(REPLICATE(CAST('z' AS varchar(max)), 20000) AS varbinary(max))"],
    ),
    case("image", Prefix(4), Same, "image", &["0x00FF00", "0x0A"]),
    case("char(5)", Prefix(2), Text(2), "nchar(5)", &["'ab'", "'Grüße'"]),
    case("varchar(50)", Prefix(2), Text(2), "nvarchar(50)", &["''", "'ÿ€'", "' blanks at both ends  '"]),
    case("varchar(8000)", Prefix(2), Text(2), "nvarchar(max)", &["REPLICATE('v', 8000)"]),
    case("nchar(5)", Prefix(2), Text(2), "nchar(5)", &["N'日本'", "N'abcde'"]),
    case("nvarchar(50)", Prefix(2), Text(2), "nvarchar(50)", &["N''", "N'𝄞 clef'", "N'žluť'"]),
    case("nvarchar(4000)", Prefix(2), Text(2), "nvarchar(4000)", &["REPLICATE(N'ž', 4000)"]),
    case("varchar(max)", Prefix(8), Text(2), "nvarchar(max)", &["''", "REPLICATE(CAST('x' AS varchar(max)), 15000)"]),
    case(
        "nvarchar(max)",
        Prefix(8),
        Text(2),
        "nvarchar(max)",
        &["N''", "REPLICATE(CAST(N'ž' AS nvarchar(max)), 15000)", "N'𝄞'"],
    ),
    case("text", Prefix(4), Text(4), "ntext", &["'Grüße'", "'x'"]),
    case("ntext", Prefix(4), Text(4), "ntext", &["N'𝄞 clef'", "N'x'"]),
    // What it declares of an xml column when it loads is not what MS-TDS 2.2.5.5.3 says, and it is refused.
    case("xml", Prefix(8), Text(4), "nvarchar(max)", &["'<a>ž</a>'", "'<b c=\"1\"/>'"]),
    // Its library reads three bytes of a date into the structure: what it loads is another day. So nothing is loaded.
    case("date", Fixed(3), moment(false, true, false), "", &["'0001-01-01'", "'2024-02-29'", "'9999-12-31'"]),
    case(
        "time(7)",
        Fixed(5),
        moment(true, false, false),
        "time(7)",
        &["'00:00:00'", "'12:34:56.7891234'", "'23:59:59.9999999'"],
    ),
    case("time(0)", Fixed(5), moment(true, false, false), "time(0)", &["'00:00:00'", "'23:59:59'"]),
    case(
        "datetime2(7)",
        Fixed(8),
        moment(true, true, false),
        "datetime2(7)",
        &["'0001-01-01'", "'1899-12-31T23:59:59.9999999'", "'9999-12-31T23:59:59.9999999'"],
    ),
    case("datetime2(3)", Fixed(8), moment(true, true, false), "datetime2(3)", &["'2024-02-29T12:34:56.789'"]),
    case(
        "datetimeoffset(7)",
        Fixed(10),
        moment(true, true, true),
        "datetimeoffset(7)",
        &["'0001-01-01T00:00:00+00:00'", "'2024-02-29T01:00:00.0000001+13:30'", "'9999-12-31T09:59:59.9999999-14:00'"],
    ),
];

/// Types that FreeTDS 1.3 does not copy in its native mode, with a value; `json` and the spatial types it treats as the latter.
const UNKNOWN: &[(&str, &str)] = &[("sql_variant", "CAST(1 AS int)"), ("hierarchyid", "CAST(0x58 AS hierarchyid)")];

/// The byte after the value, so that a field of a wrong length shows.
const END: u8 = 238;

/// Values of fields by the row's id; `None` is NULL.
type Fields = Vec<(i32, Option<Vec<u8>>)>;

/// How lengths and NULL stand before the value of a file with a key before it and [`END`] after it.
#[derive(Debug, Clone, Copy)]
struct Layout {
    prefix: usize,
    /// Bytes of a value without a prefix.
    fixed: usize,
    /// The prefix of NULL, if it can be written.
    null: Option<u32>,
}

impl Layout {
    fn split(self, mut file: &[u8]) -> Fields {
        let mut fields = Vec::new();
        while !file.is_empty() {
            let id = i32::from_le_bytes(take(&mut file, 4).try_into().unwrap());
            let mut length = [0; 8];
            length[..self.prefix].copy_from_slice(take(&mut file, self.prefix));
            let length = u64::from_le_bytes(length);
            let ones = u64::MAX.checked_shr(64 - 8 * self.prefix as u32).unwrap_or(0);
            let null = self.prefix > 0
                && self
                    .null
                    .is_some_and(|null| length == u64::from(null).min(ones) || null == u32::MAX && length == ones);
            let value = match (null, self.prefix) {
                (true, _) => None,
                (false, 0) => Some(take(&mut file, self.fixed).to_vec()),
                (false, _) => Some(take(&mut file, length as usize).to_vec()),
            };
            fields.push((id, value));
            assert_eq!(take(&mut file, 1), [END], "row {id} ends where it must");
        }
        fields
    }

    fn join(self, fields: &Fields) -> Vec<u8> {
        let mut file = Vec::new();
        for (id, value) in fields {
            file.extend_from_slice(&id.to_le_bytes());
            match (value, self.null) {
                (Some(value), _) => {
                    file.extend_from_slice(&(value.len() as u64).to_le_bytes()[..self.prefix]);
                    file.extend_from_slice(value);
                }
                (None, Some(0)) => file.extend_from_slice(&[0; 8][..self.prefix]),
                (None, Some(_)) => file.extend_from_slice(&[0xFF; 8][..self.prefix]),
                (None, None) => panic!("row {id} cannot be written"),
            }
            file.push(END);
        }
        file
    }
}

fn take<'a>(file: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = file.split_at_checked(length).unwrap_or_else(|| panic!("{length} bytes are there"));
    *file = rest;
    taken
}

impl Case {
    fn documented(&self, nullable: bool) -> Layout {
        let (prefix, fixed) = match self.documented {
            Fixed(size) => (usize::from(nullable), size),
            One(size) => (1, size),
            Prefix(size) => (size, 0),
        };
        Layout { prefix, fixed, null: Some(u32::MAX) }
    }

    fn freetds(&self, nullable: bool, writes: bool) -> Layout {
        let same = self.documented(nullable);
        let (prefix, fixed) = match self.freetds {
            Same | Decimal => (same.prefix, same.fixed),
            Guid => (usize::from(nullable), same.fixed),
            // It reads what the column that it loads has.
            Text(_) if !writes => (if self.into == "ntext" { 4 } else { 2 }, 0),
            Text(size) => (size, 0),
            MaxBytes => (2, 0),
            Freetds::Moment { time: false, .. } => (usize::from(nullable), 16),
            Freetds::Moment { .. } => (2, 0),
        };
        let null = match (writes, self.freetds, prefix) {
            (true, ..) | (_, Decimal, _) => Some(0),
            (false, _, 2..) => Some(u32::MAX),
            (false, ..) => None,
        };
        Layout { prefix, fixed, null }
    }

    /// A value of our file as FreeTDS reads it.
    fn as_freetds_reads(&self, value: &[u8]) -> Vec<u8> {
        match self.freetds {
            Same | Guid | MaxBytes | Text(_) => value.to_vec(),
            Decimal => {
                let (precision, magnitude) = (value[0], &value[3..]);
                let mut turned = vec![precision, value[1], 1 - value[2]];
                turned.extend(magnitude[..magnitude_bytes(precision)].iter().rev());
                turned
            }
            Freetds::Moment { time, date, offset } => {
                let mut parts = value;
                let ticks = if time { number(take(&mut parts, 5)) } else { 0 };
                let days = if date { number(take(&mut parts, 3)) as i32 - DAYS_TO_1900 } else { 0 };
                let minutes = if offset { number(take(&mut parts, 2)) as i16 } else { 0 };
                let mut structure = ticks.to_le_bytes().to_vec();
                structure.extend_from_slice(&days.to_le_bytes());
                structure.extend_from_slice(&minutes.to_le_bytes());
                let flags = 7 | u16::from(time) << 13 | u16::from(date) << 14 | u16::from(offset) << 15;
                structure.extend_from_slice(&flags.to_le_bytes());
                structure
            }
        }
    }

    /// A value that FreeTDS wrote as our files have it.
    fn as_documented(&self, value: &[u8]) -> Vec<u8> {
        match self.freetds {
            Same | Guid | MaxBytes => value.to_vec(),
            // The empty text is one zero, as everywhere in DB-Library.
            Text(_) if value == [0] => Vec::new(),
            Text(_) => std::str::from_utf8(value).unwrap().encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Decimal => {
                assert_eq!(value.len(), 3 + magnitude_bytes(value[0]));
                let mut turned = vec![value[0], value[1], 1 - value[2]];
                turned.extend(value[3..].iter().rev());
                turned.resize(19, 0);
                turned
            }
            Freetds::Moment { time, date, offset } => {
                let days = (i32::from_le_bytes(value[8..12].try_into().unwrap()) + DAYS_TO_1900).to_le_bytes();
                let mut parts = Vec::new();
                parts.extend_from_slice(if time { &value[..5] } else { &[] });
                parts.extend_from_slice(if date { &days[..3] } else { &[] });
                parts.extend_from_slice(if offset { &value[12..14] } else { &[] });
                parts
            }
        }
    }
}

/// From 0001-01-01 to 1900-01-01.
const DAYS_TO_1900: i32 = 693_595;

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Bytes that hold the largest number of so many digits.
fn magnitude_bytes(precision: u8) -> usize {
    let largest = 10u128.pow(u32::from(precision)) - 1;
    16 - largest.leading_zeros() as usize / 8
}

/// A server, and what FreeTDS needs to reach it.
struct Site {
    database: TestDatabase,
    folder: tempfile::TempDir,
}

impl Site {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = TestDatabase::start_sandbox("BULK", folder.path()).await;
        let conf = format!(
            "[bulk]\nhost = 127.0.0.1\nport = {}\ntds version = 7.4\nclient charset = UTF-8\nencryption = off\n",
            database.server.port
        );
        std::fs::write(folder.path().join("freetds.conf"), conf).unwrap();
        Self { database, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("data.bcp")
    }

    /// Copies a table to or from [`Site::file`]; whether so many rows were copied, and what was said.
    fn freebcp(&self, table: &str, direction: &str, rows: usize) -> (bool, String) {
        let mut command = Command::new("freebcp");
        command.env("FREETDSCONF", self.folder.path().join("freetds.conf")).env("LC_ALL", "C.UTF-8");
        command.args([table, direction]).arg(self.file()).args(["-n", "-S", "bulk", "-U", "sa", "-D"]);
        // Otherwise it asks for the first 4,096 bytes of a large value.
        command.arg(&self.database.name).args(["-T", "2147483647", "-P", "-"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("freebcp is there: tests/run installs it");
        child.stdin.take().unwrap().write_all(format!("{}\n", self.database.server.password).as_bytes()).unwrap();
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
        let copied = ended.status.success() && said.contains(&format!("{rows} rows copied")) && !said.contains("Msg");
        (copied, said)
    }

    /// A table of a column with rows, numbered from 1, and how the product reads it.
    async fn table(&self, declared: &str, nullable: bool, values: &[&str]) -> (Vec<Column>, Vec<Row>) {
        let null = if nullable { "NULL" } else { "NOT NULL" };
        let rows: Vec<String> = (1..).zip(values).map(|(id, value)| format!("({id}, {value}, {END})")).collect();
        self.database
            .run(&format!(
                "DROP TABLE IF EXISTS dbo.original;
                 CREATE TABLE dbo.original (id int NOT NULL, v {declared} {null}, ending tinyint NOT NULL);
                 INSERT INTO dbo.original VALUES {};",
                rows.join(", ")
            ))
            .await;
        let name = TableName { schema: "dbo".to_owned(), table: "original".to_owned() };
        let mut client = self.database.client().await;
        let table = sqlserver::catalog::table(&mut client, &name).await.unwrap().unwrap();
        let columns: Vec<Column> = table.columns.iter().map(|column| column.published().unwrap()).collect();
        let capture =
            Capture { instance: String::new(), change_table: 0, source: table.object_id, start_lsn: Lsn::ZERO };
        let article = Article::new("p", name, columns.clone(), capture);
        let mut stream = sqlserver::snapshot::rows(&mut client, &article, None, &proto::KeyRange::ALL).await.unwrap();
        let mut rows = Vec::new();
        while let Some(row) = stream.next().await.unwrap() {
            rows.push(row);
        }
        assert_eq!(rows.len(), values.len());
        (columns, rows)
    }
}

fn our_file(columns: &[Column], rows: &[Row]) -> Vec<u8> {
    let mut file = Vec::new();
    rows.iter().for_each(|row| encode_row(columns, row, &mut file).unwrap());
    file
}

fn read(columns: &[Column], mut file: &[u8]) -> Vec<Row> {
    let mut rows = Vec::new();
    while !file.is_empty() {
        match decode_row(columns, file).unwrap() {
            Decoded::Row(row, length) => {
                rows.push(row);
                file = &file[length..];
            }
            Decoded::Incomplete(_) => panic!("the file ends within a row"),
        }
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn freebcp_loads_our_files() {
    let site = Site::start().await;
    for case in CASES.iter().filter(|case| !case.into.is_empty()) {
        for nullable in [false, true] {
            let what = format!("{} {}", case.declared, if nullable { "NULL" } else { "NOT NULL" });
            let theirs = case.freetds(nullable, false);
            let mut values = case.values.to_vec();
            if nullable && theirs.null.is_some() {
                values.push("NULL");
            }
            let (columns, rows) = site.table(case.declared, nullable, &values).await;
            let ours = our_file(&columns, &rows);
            let fields = case.documented(nullable).split(&ours);
            let turned: Fields =
                fields.into_iter().map(|(id, value)| (id, value.map(|value| case.as_freetds_reads(&value)))).collect();
            let file = theirs.join(&turned);
            if case.freetds == Same {
                assert_eq!(file, ours, "{what} is the same for both");
            }
            std::fs::write(site.file(), file).unwrap();
            let null = if nullable { "NULL" } else { "NOT NULL" };
            site.database
                .run(&format!(
                    "DROP TABLE IF EXISTS dbo.copied;
                     CREATE TABLE dbo.copied (id int NOT NULL, v {} {null}, ending tinyint NOT NULL);",
                    case.into
                ))
                .await;
            let (copied, said) = site.freebcp("dbo.copied", "in", rows.len());
            assert!(copied, "{what}: {said}");
            let same = match case.freetds {
                // Equal but for blanks at the end.
                Text(_) => {
                    let plain = |of: &str| format!("CAST({of}.v AS nvarchar(max)) COLLATE Latin1_General_BIN2");
                    format!("{} = {}", plain("o"), plain("c"))
                }
                _ if case.into == "image" => "CAST(o.v AS varbinary(max)) = CAST(c.v AS varbinary(max))".to_owned(),
                _ => "o.v = c.v AND DATALENGTH(o.v) = DATALENGTH(c.v)".to_owned(),
            };
            let equal = site
                .database
                .number(&format!(
                    "SELECT COUNT(*) FROM dbo.original AS o JOIN dbo.copied AS c ON c.id = o.id AND c.ending = {END}
                     WHERE {same} OR o.v IS NULL AND c.v IS NULL"
                ))
                .await;
            assert_eq!(equal, rows.len() as i64, "{what} arrives as it is");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_freebcp_are_ours_byte_for_byte_and_are_read() {
    let site = Site::start().await;
    for case in CASES {
        for nullable in [false, true] {
            let what = format!("{} {}", case.declared, if nullable { "NULL" } else { "NOT NULL" });
            let mut values = case.values.to_vec();
            if nullable {
                values.push("NULL");
            }
            let (columns, rows) = site.table(case.declared, nullable, &values).await;
            let (copied, said) = site.freebcp("dbo.original", "out", rows.len());
            assert!(copied, "{what}: {said}");
            let theirs = std::fs::read(site.file()).unwrap();
            let ours = our_file(&columns, &rows);
            if case.freetds == Same && !nullable {
                assert_eq!(theirs, ours, "{what} is the same for both");
            }
            let fields = case.freetds(nullable, true).split(&theirs);
            let turned: Fields =
                fields.into_iter().map(|(id, value)| (id, value.map(|value| case.as_documented(&value)))).collect();
            let file = case.documented(nullable).join(&turned);
            assert_eq!(file, ours, "{what}");
            assert_eq!(read(&columns, &file), rows, "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn types_that_freebcp_does_not_know_are_not_copied_by_it() {
    let site = Site::start().await;
    for (declared, value) in UNKNOWN {
        let (columns, rows) = site.table(declared, false, &[value]).await;
        let (copied, said) = site.freebcp("dbo.original", "out", 1);
        assert!(!copied || std::fs::read(site.file()).unwrap().is_empty(), "{declared} is copied now: {said}");
        assert_eq!(read(&columns, &our_file(&columns, &rows)), rows);
        assert!(!matches!(rows[0][1], Value::Null));
    }
}
