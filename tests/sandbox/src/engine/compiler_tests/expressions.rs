//! Expression, type and value of each, from the pages of the functions and types at learn.microsoft.com/sql/t-sql.

use super::{World, shown};
use crate::types::{Length, SqlType};

/// The type as T-SQL writes it.
fn type_text(ty: &SqlType) -> String {
    let name = match ty {
        SqlType::Decimal { .. } => "decimal",
        other => super::super::type_rules::type_name(other),
    };
    match ty {
        SqlType::Decimal { precision, scale } => format!("{name}({precision},{scale})"),
        SqlType::Char(n) | SqlType::NChar(n) | SqlType::Binary(n) => format!("{name}({n})"),
        SqlType::VarChar(length) | SqlType::NVarChar(length) | SqlType::VarBinary(length) => match length {
            Length::N(n) => format!("{name}({n})"),
            Length::Max => format!("{name}(max)"),
        },
        SqlType::Time(n) | SqlType::DateTime2(n) | SqlType::DateTimeOffset(n) => format!("{name}({n})"),
        _ => name.to_owned(),
    }
}

fn check(cases: &[(&str, &str, &str)]) {
    let world = World::new();
    let mut wrong = Vec::new();
    for (expr, ty, value) in cases {
        let compiled = match world.compile(&format!("SELECT {expr}")) {
            Ok(compiled) => compiled,
            Err(error) => {
                wrong.push(format!("{expr}: {error}"));
                continue;
            }
        };
        let rows = match world.rows_of(&compiled) {
            Ok(rows) => rows,
            Err(error) => {
                wrong.push(format!("{expr}: {error}"));
                continue;
            }
        };
        let (got_ty, got) = (type_text(&compiled.columns[0].ty), shown(&rows[0][0], &compiled.columns[0].ty));
        if got_ty != *ty || got != *value {
            wrong.push(format!("{expr}: {got_ty} {got}, not {ty} {value}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn literals_have_their_documented_types() {
    check(&[
        ("1", "int", "1"),
        ("-2147483648", "int", "-2147483648"),
        ("2147483648", "decimal(10,0)", "2147483648"),
        ("1.50", "decimal(3,2)", "1.50"),
        ("1e2", "float", "100"),
        ("$12.5", "money", "12.5000"),
        ("'abc'", "varchar(3)", "abc"),
        ("N'abc'", "nvarchar(3)", "abc"),
        ("'it''s'", "varchar(4)", "it's"),
        ("0xC0FFEE", "varbinary(3)", "0xC0FFEE"),
        ("NULL", "int", "NULL"),
    ]);
}

#[test]
fn arithmetic_has_the_documented_types_and_values() {
    check(&[
        ("7 / 2", "int", "3"),
        ("-7 / 2", "int", "-3"),
        ("-7 % 3", "int", "-1"),
        ("7 / 2.0", "decimal(8,6)", "3.500000"),
        ("1 / 3.0", "decimal(8,6)", "0.333333"),
        ("2.0 / 3.0", "decimal(8,6)", "0.666666"),
        ("1.5 + 1", "decimal(3,1)", "2.5"),
        ("1.25 * 1.5", "decimal(6,3)", "1.875"),
        ("5.5 % 2", "decimal(2,1)", "1.5"),
        ("CAST(1 AS bigint) + 1", "bigint", "2"),
        ("CAST(200 AS tinyint) + CAST(55 AS tinyint)", "tinyint", "255"),
        ("1e0 + 1", "float", "2"),
        ("$10 / 3", "money", "3.3333"),
        ("$1.5 * $2", "money", "3.0000"),
        ("5 & 3", "int", "1"),
        ("5 | 3", "int", "7"),
        ("5 ^ 3", "int", "6"),
        ("~5", "int", "-6"),
        ("'1' + 1", "int", "2"),
        ("NULL + 1", "int", "NULL"),
        ("CAST(12345678901234567890.5 AS decimal(30,2)) + 0.25", "decimal(31,2)", "12345678901234567890.75"),
        ("CAST(1 AS decimal(38,10)) / CAST(3 AS decimal(38,10))", "decimal(38,6)", "0.333333"),
        ("CAST(2 AS decimal(38,20)) * CAST(3 AS decimal(38,20))", "decimal(38,6)", "6.000000"),
        ("CAST('2024-01-31' AS datetime) + 1.5", "datetime", "2024-02-01 12:00:00.000"),
        ("CAST('2024-01-31' AS datetime) - 1", "datetime", "2024-01-30 00:00:00.000"),
    ]);
}

#[test]
fn text_joins_and_compares_as_documented() {
    check(&[
        ("'a' + 'bc'", "varchar(3)", "abc"),
        ("'a' + N'b'", "nvarchar(2)", "ab"),
        ("'a' + NULL", "varchar(2)", "NULL"),
        ("CASE WHEN 'abc  ' = 'ABC' THEN 1 ELSE 0 END", "int", "1"),
        ("CASE WHEN 'abc' LIKE '[a-c]_C' THEN 1 ELSE 0 END", "int", "1"),
        ("CASE WHEN 'abc' COLLATE Latin1_General_BIN2 = 'ABC' THEN 1 ELSE 0 END", "int", "0"),
        ("CASE WHEN 'b' > 'A' THEN 1 ELSE 0 END", "int", "1"),
        ("CASE WHEN 'resume' = N'résumé' THEN 1 ELSE 0 END", "int", "0"),
        ("CASE WHEN 0x01 = 0x0100 THEN 1 ELSE 0 END", "int", "1"),
        ("CASE WHEN '10' = 10 THEN 1 ELSE 0 END", "int", "1"),
    ]);
}

#[test]
fn conversions_round_cut_and_format_as_documented() {
    check(&[
        ("CAST(2.5 AS int)", "int", "2"),
        ("CAST(-2.9 AS int)", "int", "-2"),
        ("CAST(10.6496 AS numeric(10,2))", "decimal(10,2)", "10.65"),
        ("CAST(-10.6496 AS money)", "money", "-10.6496"),
        ("CAST($2.5 AS int)", "int", "3"),
        ("CAST(' 12 ' AS int)", "int", "12"),
        ("CAST('' AS int)", "int", "0"),
        ("CAST('abcdef' AS varchar(3))", "varchar(3)", "abc"),
        ("CAST('ab' AS char(4)) + '|'", "varchar(5)", "ab  |"),
        ("CAST(123 AS varchar(2))", "varchar(2)", "*"),
        ("CAST(1.5e0 AS varchar(10))", "varchar(10)", "1.5"),
        ("CAST(1234567.0e0 AS varchar(20))", "varchar(20)", "1.23457e+006"),
        ("CONVERT(varchar(30), $1234.5, 1)", "varchar(30)", "1,234.50"),
        ("CONVERT(varchar(10), 0x4F6B, 2)", "varchar(10)", "4F6B"),
        ("CONVERT(varbinary(4), '0x4F6B', 1)", "varbinary(4)", "0x4F6B"),
        ("CAST('Ok' AS varbinary(8))", "varbinary(8)", "0x4F6B"),
        ("CAST(N'Ok' AS varbinary(8))", "varbinary(8)", "0x4F006B00"),
        ("CAST(1 AS varbinary(8))", "varbinary(8)", "0x00000001"),
        ("CAST(1 AS binary(8))", "binary(8)", "0x0000000000000001"),
        ("CAST(0x00000101 AS int)", "int", "257"),
        ("CAST('true' AS bit)", "bit", "1"),
        ("CAST(5 AS bit)", "bit", "1"),
        ("TRY_CAST('x' AS int)", "int", "NULL"),
        ("TRY_CONVERT(date, '2024-02-30')", "date", "NULL"),
        (
            "CAST('6F9619FF-8B86-D011-B42D-00C04FC964FF' AS uniqueidentifier)",
            "uniqueidentifier",
            "6F9619FF-8B86-D011-B42D-00C04FC964FF",
        ),
        (
            "CAST(CAST('6F9619FF-8B86-D011-B42D-00C04FC964FF' AS uniqueidentifier) AS binary(16))",
            "binary(16)",
            "0xFF19966F868B11D0B42D00C04FC964FF",
        ),
    ]);
}

#[test]
fn dates_convert_as_documented() {
    check(&[
        ("CAST('2007-05-08 12:35:29.123' AS datetime)", "datetime", "2007-05-08 12:35:29.123"),
        ("CAST('2007-05-08 12:35:29.998' AS datetime)", "datetime", "2007-05-08 12:35:29.997"),
        ("CAST('2007-05-08 23:59:59.999' AS datetime)", "datetime", "2007-05-09 00:00:00.000"),
        ("CAST('2007-05-08 12:35:29.1234567' AS datetime2(3))", "datetime2(3)", "2007-05-08 12:35:29.123"),
        ("CAST('2007-05-08T12:35:29.1234567' AS datetime2)", "datetime2(7)", "2007-05-08 12:35:29.1234567"),
        ("CAST('2007-05-08 12:35:29.999' AS smalldatetime)", "smalldatetime", "2007-05-08 12:36:00.000"),
        ("CAST('2007-05-08 12:35:29.998' AS smalldatetime)", "smalldatetime", "2007-05-08 12:35:00.000"),
        ("CAST('12:35:29.1234567' AS time(4))", "time(4)", "12:35:29.1235"),
        ("CAST('20070508' AS date)", "date", "2007-05-08"),
        ("CAST('5/8/2007' AS date)", "date", "2007-05-08"),
        ("CONVERT(date, '08/05/2007', 103)", "date", "2007-05-08"),
        ("CAST('May 8, 2007 1:05PM' AS datetime)", "datetime", "2007-05-08 13:05:00.000"),
        (
            "CAST('2007-05-08 12:35:29.1234567 +12:15' AS datetimeoffset(7))",
            "datetimeoffset(7)",
            "2007-05-08 12:35:29.1234567 +12:15",
        ),
        (
            "CONVERT(varchar(30), CAST('2007-05-08 12:35:29.123' AS datetime), 126)",
            "varchar(30)",
            "2007-05-08T12:35:29.123",
        ),
        ("CONVERT(varchar(30), CAST('2007-05-08 12:35:29' AS datetime))", "varchar(30)", "May  8 2007 12:35PM"),
        ("CONVERT(varchar(30), CAST('2007-05-08 12:35:29' AS datetime), 120)", "varchar(30)", "2007-05-08 12:35:29"),
        ("CONVERT(char(8), CAST('2007-05-08 12:35:29' AS datetime2), 112)", "char(8)", "20070508"),
        ("CONVERT(varchar(30), CAST('2007-05-08' AS date), 101)", "varchar(30)", "05/08/2007"),
        (
            "CAST(CAST('2007-05-08 12:35:29.123' AS datetime) AS datetime2(7))",
            "datetime2(7)",
            "2007-05-08 12:35:29.1233333",
        ),
        ("CASE WHEN CAST('2024-01-01' AS date) = CAST('2024-01-01' AS datetime) THEN 1 ELSE 0 END", "int", "1"),
        ("CASE WHEN CAST('2024-01-01' AS date) < CAST('2024-01-01 00:01' AS datetime) THEN 1 ELSE 0 END", "int", "1"),
    ]);
}

#[test]
fn date_functions_work_as_documented() {
    check(&[
        ("DATEADD(month, 1, CAST('2006-08-31' AS date))", "date", "2006-09-30"),
        ("DATEADD(day, -1, '2024-03-01')", "datetime", "2024-02-29 00:00:00.000"),
        ("DATEADD(millisecond, 1, CAST('2007-01-01' AS datetime2(7)))", "datetime2(7)", "2007-01-01 00:00:00.0010000"),
        ("DATEDIFF(year, '2005-12-31 23:59:59.9999999', '2006-01-01 00:00:00.0000000')", "int", "1"),
        ("DATEDIFF(day, '2005-12-31 23:59:59.9999999', '2006-01-01 00:00:00.0000000')", "int", "1"),
        ("DATEDIFF(microsecond, '2005-12-31 23:59:59.9999999', '2006-01-01 00:00:00.0000000')", "int", "1"),
        ("DATEDIFF(week, '2024-01-06', '2024-01-07')", "int", "1"),
        ("DATEDIFF_BIG(second, '2000-01-01', '2100-01-01')", "bigint", "3155760000"),
        ("DATEPART(weekday, '2007-10-30')", "int", "3"),
        ("DATEPART(dayofyear, '2007-10-30')", "int", "303"),
        ("DATEPART(week, '2007-10-30')", "int", "44"),
        ("DATEPART(quarter, '2007-10-30')", "int", "4"),
        ("DATEPART(nanosecond, CAST('12:10:30.123' AS time))", "int", "123000000"),
        ("DATENAME(month, '2007-10-30')", "nvarchar(30)", "October"),
        ("DATENAME(weekday, '2007-10-30')", "nvarchar(30)", "Tuesday"),
        ("YEAR('2007-04-30T01:01:01.1234567')", "int", "2007"),
        ("EOMONTH('2011-02-01', 1)", "date", "2011-03-31"),
        ("DATEFROMPARTS(2010, 12, 31)", "date", "2010-12-31"),
        ("DATETIME2FROMPARTS(2011, 8, 15, 14, 23, 44, 50, 2)", "datetime2(2)", "2011-08-15 14:23:44.50"),
        ("DATETIMEFROMPARTS(2010, 12, 31, 23, 59, 59, 0)", "datetime", "2010-12-31 23:59:59.000"),
        (
            "SWITCHOFFSET(CAST('1998-09-20 7:45:50.71345 -5:00' AS datetimeoffset), '-08:00')",
            "datetimeoffset(7)",
            "1998-09-20 04:45:50.7134500 -08:00",
        ),
    ]);
}

#[test]
fn string_functions_work_as_documented() {
    check(&[
        ("LEN('abc  ')", "int", "3"),
        ("DATALENGTH(N'abc')", "int", "6"),
        ("UPPER('abc')", "varchar(3)", "ABC"),
        ("LTRIM('  a ') + '|'", "varchar(5)", "a |"),
        ("TRIM('  a ')", "varchar(4)", "a"),
        ("SUBSTRING('abcdef', 2, 3)", "varchar(3)", "bcd"),
        ("SUBSTRING('abcdef', 0, 3)", "varchar(3)", "ab"),
        ("LEFT('abcdefg', 2)", "varchar(2)", "ab"),
        ("RIGHT('abcdefg', 2)", "varchar(2)", "fg"),
        ("REPLACE('abcdefghicde', 'CDE', 'xxx')", "varchar(8000)", "abxxxfghixxx"),
        ("CHARINDEX('B', 'abcb')", "int", "2"),
        ("CHARINDEX('b', 'abcb', 3)", "int", "4"),
        ("PATINDEX('%ter%', 'interesting data')", "int", "3"),
        ("CONCAT('Happy ', NULL, 11, '/', 25)", "varchar(32)", "Happy 11/25"),
        ("CONCAT_WS(',', 'a', NULL, 'b')", "varchar(8000)", "a,b"),
        ("REPLICATE('ab', 3)", "varchar(8000)", "ababab"),
        ("STUFF('abcdef', 2, 3, 'ijklmn')", "varchar(8000)", "aijklmnef"),
        ("REVERSE('abc')", "varchar(3)", "cba"),
        ("QUOTENAME('abc[]def')", "nvarchar(258)", "[abc[]]def]"),
        ("QUOTENAME('it''s', '''')", "nvarchar(258)", "'it''s'"),
        ("ASCII('A')", "int", "65"),
        ("CHAR(65)", "char(1)", "A"),
        ("NCHAR(233)", "nchar(1)", "é"),
        ("UNICODE(N'é')", "int", "233"),
        (
            "CONVERT(varchar(64), HASHBYTES('SHA2_256', 'abc'), 2)",
            "varchar(64)",
            "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
        ),
    ]);
}

#[test]
fn mathematical_functions_keep_the_documented_types() {
    check(&[
        ("ABS(-5)", "int", "5"),
        ("ABS(-1.5)", "decimal(2,1)", "1.5"),
        ("CEILING(123.45)", "decimal(5,0)", "124"),
        ("FLOOR(-123.45)", "decimal(5,0)", "-124"),
        ("ROUND(123.9994, 3)", "decimal(7,4)", "123.9990"),
        ("ROUND(748.58, -2)", "decimal(5,2)", "700.00"),
        ("ROUND(150.75, 0, 1)", "decimal(5,2)", "150.00"),
        ("POWER(2, 10)", "int", "1024"),
        ("POWER(2.5, 2)", "decimal(38,1)", "6.3"),
        ("SQRT(16)", "float", "4"),
        ("SIGN(-3)", "int", "-1"),
        ("PI()", "float", "3.141592653589793"),
    ]);
}

#[test]
fn conditional_functions_take_the_documented_type() {
    check(&[
        ("ISNULL(NULL, 3)", "int", "3"),
        ("ISNULL(CAST(NULL AS varchar(2)), 'abc')", "varchar(2)", "ab"),
        ("COALESCE(NULL, 1, 2.5)", "decimal(11,1)", "1.0"),
        ("NULLIF(4, 4)", "int", "NULL"),
        ("IIF(1 > 2, 'a', N'bcd')", "nvarchar(3)", "bcd"),
        ("CHOOSE(2, 'a', 'b', 'c')", "varchar(1)", "b"),
        ("CASE 2 WHEN 1 THEN 'one' WHEN 2 THEN 'two' END", "varchar(3)", "two"),
        ("CASE WHEN NULL = NULL THEN 1 ELSE 2.0 END", "decimal(11,1)", "2.0"),
        ("CASE WHEN 1 = 1 THEN 0 ELSE 1 / 0 END", "int", "0"),
        ("CASE WHEN 2 NOT IN (1, NULL) THEN 1 ELSE 0 END", "int", "0"),
    ]);
}

#[test]
fn run_time_errors_have_their_numbers() {
    let world = World::new();
    let cases = [
        ("1 / 0", 8134),
        ("1.0 / 0", 8134),
        ("1e0 / 0", 8134),
        ("2147483647 + 1", 8115),
        ("CAST(255 AS tinyint) + CAST(1 AS tinyint)", 8115),
        ("CAST(9223372036854775807 AS bigint) + 1", 8115),
        ("CAST('abc' AS int)", 245),
        ("CAST('99999999999' AS int)", 248),
        ("CAST('abc' AS bigint)", 8114),
        ("CAST('abc' AS decimal(5,2))", 8114),
        ("CAST(1000 AS decimal(5,2))", 8115),
        ("CAST(300 AS tinyint)", 220),
        ("CAST('not a date' AS datetime)", 241),
        ("CAST('2024-02-30' AS datetime)", 242),
        ("CAST('2024-02-30' AS date)", 241),
        ("CAST('1500-01-01' AS datetime)", 242),
        ("CAST('xyz' AS uniqueidentifier)", 8169),
        ("LEFT('abc', -1)", 537),
        ("SQRT(-1)", 3623),
        ("DATEADD(year, 9000, CAST('2024-01-01' AS date))", 517),
        ("DATEDIFF(second, '1900-01-01', '2100-01-01')", 535),
        ("(SELECT x FROM (VALUES (1), (2)) AS v(x))", 512),
    ];
    for (expr, number) in cases {
        match world.run(&format!("SELECT {expr}")) {
            Err(error) => assert_eq!(error.number, number, "{expr}: {error}"),
            Ok(rows) => panic!("{expr} gave {rows:?}"),
        }
    }
}
