//! Debian's FreeTDS: `tsql`, which shows what it is answered, and `freebcp`, which copies tables out and in.
//!
//! Both take the password from the standard input; where the server is stands in a `freetds.conf`.

use super::program::{self, Ended};
use super::{PASSWORD, Protection, Sandbox};
use std::path::PathBuf;
use tokio::process::Command;

/// The server's name in `freetds.conf`.
const SERVER: &str = "sandbox";

/// A sandbox as FreeTDS sees it.
struct Site {
    sandbox: Sandbox,
    configuration: PathBuf,
}

impl Site {
    async fn start(protection: Protection, version: &str) -> Self {
        let sandbox = Sandbox::start(protection);
        let encryption = match protection {
            Protection::Plain => "encryption = off".to_owned(),
            _ => format!("encryption = require\nca file = {}", sandbox.authority().display()),
        };
        let configuration = sandbox.folder.path().join("freetds.conf");
        let text = format!(
            "[{SERVER}]\nhost = localhost\nport = {}\ntds version = {version}\nclient charset = UTF-8\n{encryption}\n",
            sandbox.port()
        );
        std::fs::write(&configuration, text).unwrap();
        let site = Self { sandbox, configuration };
        site.tsql("master", &["CREATE DATABASE shop"]).await;
        site
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("FREETDSCONF", &self.configuration).env("LC_ALL", "C.UTF-8");
        command.args(["-S", SERVER, "-U", "sa", "-D"]);
        command
    }

    /// Runs batches and returns what `tsql` wrote, without its prompts.
    async fn tsql(&self, database: &str, batches: &[&str]) -> Ended {
        let mut command = self.command("tsql");
        command.arg(database);
        let input: String = batches.iter().map(|batch| format!("{batch}\ngo\n")).collect();
        let mut ended = program::run(command, &format!("{PASSWORD}\n{input}exit\n")).await;
        let said = |line: &&str| !line.is_empty() && !line.starts_with("locale ") && !line.starts_with("using default");
        ended.output = ended.output.lines().map(without_prompts).filter(said).collect::<Vec<_>>().join("\n");
        ended
    }

    /// The one value that a batch answers.
    async fn value(&self, batch: &str) -> String {
        let ended = self.tsql("shop", &[batch]).await;
        let value = ended.output.lines().nth(1).map(str::to_owned);
        value.unwrap_or_else(|| panic!("{batch}: {}{}", ended.output, ended.errors))
    }

    /// Copies `table` to or from a file of the site's folder.
    async fn freebcp(&self, table: &str, direction: &str, mode: &str, more: &[&str]) -> Ended {
        // The only ways to give the password are an argument and, for the argument `-`, the standard input.
        let mut command = Command::new("freebcp");
        command.env("FREETDSCONF", &self.configuration).env("LC_ALL", "C.UTF-8");
        command.args([table, direction]).arg(self.sandbox.folder.path().join("copied"));
        command.args(["-S", SERVER, "-U", "sa", "-D", "shop", "-P", "-", mode]).args(more);
        program::run(command, &format!("{PASSWORD}\n")).await
    }
}

/// A line without the `1> 2> ` that `tsql` writes before it.
fn without_prompts(line: &str) -> &str {
    match line.split_once("> ") {
        Some((number, rest)) if number.parse::<u32>().is_ok() => without_prompts(rest),
        _ => line.trim_end_matches("> ").trim_end(),
    }
}

async fn runs_a_session(protection: Protection, version: &str) {
    let site = Site::start(protection, version).await;
    let ended = site
        .tsql(
            "shop",
            &[
                "CREATE TABLE goods (id int NOT NULL CONSTRAINT pk_goods PRIMARY KEY, name nvarchar(20) NULL, price money)",
                "INSERT goods VALUES (1, N'žluť 𝄞', 1.5), (2, NULL, -2.25)\nSELECT * FROM goods ORDER BY id",
                "SELECT 1 AS a SELECT 'x' AS b, 2 AS c WHERE 1 = 0 UPDATE goods SET price = 3",
                "PRINT N'said'",
                "BEGIN TRANSACTION\nDELETE goods\nROLLBACK\nSELECT COUNT(*) AS left_over FROM goods",
                "EXEC sp_executesql N'SELECT @a * 2 AS twice', N'@a int', @a = 21",
                "DECLARE @found int; EXEC @found = sp_executesql N'RETURN 5'; SELECT @found AS returned",
                "SELECT CAST(N'<a>ž</a>' AS xml) AS x, CAST(1.5 AS sql_variant) AS v, CAST('ü' AS text) AS t, CAST(0x0102 AS image) AS i",
                "SELECT CAST(REPLICATE(CAST('long' AS varchar(max)), 5000) AS varchar(max)) AS text_",
                "USE master SELECT DB_NAME() AS here",
            ],
        )
        .await;
    let long = "long".repeat(5000);
    let expected = format!(
        "id\tname\tprice\n1\tžluť 𝄞\t1.5000\n2\tNULL\t-2.2500\n(2 rows affected)\n\
         a\n1\n(1 row affected)\nb\tc\nleft_over\n2\n(1 row affected)\n\
         twice\n42\n(1 row affected)\n(return status = 0)\n\
         (return status = 5)\nreturned\n5\n(1 row affected)\n\
         x\tv\tt\ti\n<a>ž</a>\t1.5\tü\t0102\n(1 row affected)\n\
         text_\n{long}\n(1 row affected)\n\
         here\nmaster\n(1 row affected)"
    );
    assert_eq!(ended.output, expected, "{}", ended.errors);
    assert!(ended.errors.contains("said"), "{}", ended.errors);
    assert!(ended.success);
}

#[tokio::test]
async fn tsql_runs_a_session_with_tds_7_4() {
    runs_a_session(Protection::Plain, "7.4").await;
}

#[tokio::test]
async fn tsql_runs_a_session_with_tds_7_3() {
    runs_a_session(Protection::Plain, "7.3").await;
}

#[tokio::test]
async fn tsql_runs_a_session_over_tls() {
    runs_a_session(Protection::Encrypted, "7.4").await;
}

#[tokio::test]
async fn tsql_shows_errors_with_number_severity_state_and_line() {
    let site = Site::start(Protection::Plain, "7.4").await;
    for (batch, message) in [
        ("SELECT 1/0", "Msg 8134 (severity 16, state 1) from SANDBOX Line 1:\n\t\"Divide by zero error encountered.\""),
        (
            "\nSELECT * FROM missing",
            "Msg 208 (severity 16, state 1) from SANDBOX Line 2:\n\t\"Invalid object name 'missing'.\"",
        ),
        ("RAISERROR('own', 17, 3)", "Msg 50000 (severity 17, state 3) from SANDBOX Line 1:\n\t\"own\""),
        ("THROW 51000, 'thrown', 2", "Msg 51000 (severity 16, state 2) from SANDBOX Line 1:\n\t\"thrown\""),
        ("RAISERROR('note', 5, 4)", "Msg 50000 (severity 5, state 4) from SANDBOX Line 1:\n\t\"note\""),
    ] {
        let ended = site.tsql("shop", &[batch, "SELECT 'goes on' AS it"]).await;
        assert!(ended.errors.contains(message), "{batch}: {}", ended.errors);
        assert!(ended.output.ends_with("goes on\n(1 row affected)"), "{batch}: {}", ended.output);
    }
}

#[tokio::test]
async fn tsql_is_refused_with_a_wrong_password() {
    let site = Site::start(Protection::Plain, "7.4").await;
    let mut command = site.command("tsql");
    command.arg("shop");
    let ended = program::run(command, "guess\nSELECT 1\ngo\nexit\n").await;
    assert!(ended.errors.contains("Msg 18456 (severity 14, state 1) from SANDBOX"), "{}", ended.errors);
    assert!(!ended.success);
}

/// Name, declaration, a value, another one; in T-SQL.
type CopiedColumn = (&'static str, &'static str, &'static str, &'static str);

/// Columns that both modes copy.
const COPIED: &[CopiedColumn] = &[
    ("a_bit", "bit", "1", "0"),
    ("a_tinyint", "tinyint", "255", "0"),
    ("a_smallint", "smallint", "-32768", "32767"),
    ("a_int", "int", "-2147483648", "2147483647"),
    ("a_bigint", "bigint", "-9223372036854775808", "9223372036854775807"),
    ("a_decimal", "decimal(38,10)", "-1234567890123456789012345678.0123456789", "0.0000000001"),
    ("a_numeric", "numeric(9,2)", "1234567.89", "-0.01"),
    ("a_money", "money", "-922337203685477.5808", "922337203685477.5807"),
    ("a_smallmoney", "smallmoney", "-214748.3648", "214748.3647"),
    ("a_real", "real", "-1.5", "0"),
    ("a_float", "float", "0.1", "-1.7976931348623157E308"),
    ("a_datetime", "datetime", "'1753-01-01T00:00:00.003'", "'9999-12-31T23:59:59.997'"),
    ("a_smalldatetime", "smalldatetime", "'1900-01-01T00:01:00'", "'2079-06-06T23:59:00'"),
    ("a_varchar", "varchar(50)", "'plain'", "' ends with blanks  '"),
    ("a_char", "char(5)", "'ab'", "'abcde'"),
    ("a_varcharmax", "varchar(max)", "REPLICATE(CAST('x' AS varchar(max)), 20000)", "'y'"),
    ("a_binary", "binary(4)", "0x0102", "0xFFFFFFFF"),
    ("a_varbinary", "varbinary(50)", "0x00FF00", "0x0A"),
    ("a_varbinarymax", "varbinary(max)", "CAST(REPLICATE(CAST('z' AS varchar(max)), 20000) AS varbinary(max))", "0x01"),
    (
        "a_uniqueidentifier",
        "uniqueidentifier",
        "'6F9619FF-8B86-D011-B42D-00C04FC964FF'",
        "'00000000-0000-0000-0000-000000000001'",
    ),
];

/// Columns that only the character mode copies: in its native mode FreeTDS 1.3 does not read back what it writes for them.
const COPIED_AS_TEXT: &[CopiedColumn] = &[
    ("a_date", "date", "'1753-01-01'", "'9999-12-31'"),
    ("a_time", "time(3)", "'23:59:59.999'", "'00:00:00'"),
    ("a_datetime2", "datetime2(3)", "'1753-01-01T00:00:00.001'", "'9999-12-31T23:59:59.999'"),
    ("a_latin", "varchar(50)", "'Grüße €'", "'ÿ'"),
    ("a_nchar", "nchar(5)", "N'日本'", "N'abcde'"),
    ("a_nvarchar", "nvarchar(50)", "N'𝄞 clef'", "N'žluť'"),
    ("a_text", "text", "'Grüße'", "'x'"),
    ("a_ntext", "ntext", "N'𝄞 clef'", "N'x'"),
    ("a_image", "image", "0x00FF00", "0x0A"),
    ("a_nvarcharmax", "nvarchar(max)", "REPLICATE(CAST(N'ž' AS nvarchar(max)), 5000)", "N'𝄞'"),
];

/// Makes `original` with rows of the values (and one of NULLs, if asked for) and an empty `copy`, copies through a file, and
/// compares all rows.
async fn round_trip(version: &str, mode: &str, columns: &[&[CopiedColumn]], nulls: bool) {
    let site = Site::start(Protection::Plain, version).await;
    let columns: Vec<CopiedColumn> = columns.iter().copied().flatten().copied().collect();
    let of = |part: fn(&CopiedColumn) -> String| columns.iter().map(part).collect::<Vec<_>>().join(", ");
    let declared = of(|(name, ty, ..)| format!("{name} {ty} NULL"));
    let mut batches = vec![
        format!("CREATE TABLE original (id int NOT NULL PRIMARY KEY, {declared})"),
        format!("CREATE TABLE copy (id int NOT NULL PRIMARY KEY, {declared})"),
        format!("INSERT original VALUES (1, {})", of(|column| column.2.to_owned())),
        format!("INSERT original VALUES (2, {})", of(|column| column.3.to_owned())),
    ];
    if nulls {
        batches.push(format!("INSERT original VALUES (3, {})", of(|_| "NULL".to_owned())));
    }
    let batches: Vec<&str> = batches.iter().map(String::as_str).collect();
    let made = site.tsql("shop", &batches).await;
    assert!(!made.errors.contains("Msg"), "{}", made.errors);

    // Otherwise it asks for the first 4,096 bytes of a large value.
    let whole_values = ["-T", "2147483647"];
    let copied = format!("{} rows copied.", if nulls { 3 } else { 2 });
    for (table, direction) in [("dbo.original", "out"), ("dbo.copy", "in")] {
        let ended = site.freebcp(table, direction, mode, &whole_values).await;
        assert!(ended.success && ended.output.contains(&copied), "{direction}: {}{}", ended.output, ended.errors);
    }
    for (name, ty, ..) in &columns {
        let compared = |row: &str| match *ty {
            "text" => format!("CAST({row}.{name} AS varchar(max))"),
            "ntext" => format!("CAST({row}.{name} AS nvarchar(max))"),
            "image" => format!("CAST({row}.{name} AS varbinary(max))"),
            _ => format!("{row}.{name}"),
        };
        let same = format!("({} = {} OR o.{name} IS NULL AND c.{name} IS NULL)", compared("o"), compared("c"));
        let found = format!("SELECT COUNT(*) AS n FROM original o JOIN copy c ON c.id = o.id AND {same}");
        assert_eq!(site.value(&found).await, if nulls { "3" } else { "2" }, "{name}");
    }
}

#[tokio::test]
async fn freebcp_copies_in_character_mode() {
    round_trip("7.4", "-c", &[COPIED, COPIED_AS_TEXT], true).await;
}

#[tokio::test]
async fn freebcp_copies_in_character_mode_with_tds_7_3() {
    round_trip("7.3", "-c", &[COPIED, COPIED_AS_TEXT], true).await;
}

/// Without NULLs, which FreeTDS writes in a way that it does not read back (its issue 686).
#[tokio::test]
async fn freebcp_copies_in_native_mode() {
    round_trip("7.4", "-n", &[COPIED], false).await;
}

#[tokio::test]
async fn freebcp_reports_the_row_that_breaks_a_constraint() {
    let site = Site::start(Protection::Plain, "7.4").await;
    site.tsql(
        "shop",
        &["CREATE TABLE once (id int NOT NULL CONSTRAINT pk_once PRIMARY KEY)", "INSERT once VALUES (1)"],
    )
    .await;
    assert!(site.freebcp("dbo.once", "out", "-c", &[]).await.success);
    let again = site.freebcp("dbo.once", "in", "-c", &[]).await;
    assert!(again.errors.contains("Msg 2627, Level 14, State 1"), "{}", again.errors);
    assert_eq!(site.value("SELECT COUNT(*) AS n FROM once").await, "1");
}
