//! `sql_variant`: values that bring their own type.
//!
//! A value travels as text that says all of it: `base type|precision|scale|length in bytes|collation|value`, e.g.
//! `decimal|8|2|5||46279.10`. The server writes it ([`select_expression`]), since the client cannot read such columns, and takes it back
//! as a cast to the base type and from there to `sql_variant` ([`parse`], [`Held::cast`]), so that base type, facets and collation
//! are those that the value had (<https://learn.microsoft.com/sql/t-sql/functions/sql-variant-property-transact-sql>).
//!
//! The text of each base type is the one that loses nothing
//! (<https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql>): floats in style 3, money in style 2, `datetime` in
//! style 121, binary in style 2; the others have one text only, in which the newer time types show as many decimals as their scale.

use crate::apply::collation_name;
use std::borrow::Cow;
use tiberius::ColumnData;

/// Selects a column of type `sql_variant` as its text; `column` is quoted already.
pub(crate) fn select_expression(column: &str) -> String {
    let property = |name: &str, ty: &str| format!("CAST(SQL_VARIANT_PROPERTY({column}, '{name}') AS {ty})");
    let base = property("BaseType", "nvarchar(128)");
    format!(
        "CASE WHEN {column} IS NULL THEN NULL ELSE CONCAT({base}, N'|', {}, N'|', {}, N'|', {}, N'|', {}, N'|', \
         CASE {base} WHEN N'float' THEN CONVERT(nvarchar(64), CAST({column} AS float), 3) \
         WHEN N'real' THEN CONVERT(nvarchar(64), CAST({column} AS real), 3) \
         WHEN N'money' THEN CONVERT(nvarchar(64), CAST({column} AS money), 2) \
         WHEN N'smallmoney' THEN CONVERT(nvarchar(64), CAST({column} AS money), 2) \
         WHEN N'datetime' THEN CONVERT(nvarchar(64), CAST({column} AS datetime), 121) \
         WHEN N'smalldatetime' THEN CONVERT(nvarchar(64), CAST({column} AS datetime), 121) \
         WHEN N'binary' THEN CONVERT(nvarchar(max), CAST({column} AS varbinary(8000)), 2) \
         WHEN N'varbinary' THEN CONVERT(nvarchar(max), CAST({column} AS varbinary(8000)), 2) \
         ELSE CAST({column} AS nvarchar(max)) END) END",
        property("Precision", "int"),
        property("Scale", "int"),
        property("MaxLength", "int"),
        property("Collation", "nvarchar(128)"),
    )
}

/// A value of a `sql_variant` column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Held<'a> {
    /// The base type, as T-SQL writes it.
    declared: String,
    collation: Option<&'a str>,
    content: Content<'a>,
}

#[derive(Debug, Clone, PartialEq)]
enum Content<'a> {
    /// Converted by the server.
    Text(&'a str),
    /// A `datetime` or `smalldatetime`: the text's order of day and month depends on no setting only in this style.
    Moment(&'a str),
    Float(f64),
    Real(f32),
    Binary(Vec<u8>),
}

/// Reads a value's text; the error says what is wrong with it, without the value. What it makes of it is safe to stand in a
/// statement.
pub(crate) fn parse(text: &str) -> Result<Held<'_>, String> {
    let mut fields = text.splitn(6, '|');
    let mut next = || fields.next().ok_or("the text of a sql_variant is incomplete");
    let (base, precision, scale, length, collation, value) = (next()?, next()?, next()?, next()?, next()?, next()?);
    let number = |text: &str, most: u16| {
        let number = text.parse::<u16>().ok().filter(|n| *n <= most);
        number.ok_or("a sql_variant has a facet that is out of range")
    };
    let collation = Some(collation).filter(|name| !name.is_empty());
    if collation.is_some_and(|name| collation_name(name) != name) {
        return Err("a sql_variant has a collation that is no name".to_owned());
    }
    // A declared length is at least 1.
    let bytes = || number(length, 8000).map(|n| n.max(1));
    let characters = || number(length, 8000).map(|n| (n / 2).max(1));
    let plain = |declared: &str| Ok::<_, String>((declared.to_owned(), Content::Text(value)));
    let (declared, content) = match base {
        "bit" | "tinyint" | "smallint" | "int" | "bigint" | "money" | "smallmoney" | "date" | "uniqueidentifier" => {
            plain(base)?
        }
        "decimal" | "numeric" => plain(&format!("{base}({},{})", number(precision, 38)?, number(scale, 38)?))?,
        "time" | "datetime2" | "datetimeoffset" => plain(&format!("{base}({})", decimals(value)?))?,
        "char" | "varchar" => plain(&format!("{base}({})", bytes()?))?,
        "nchar" | "nvarchar" => plain(&format!("{base}({})", characters()?))?,
        "datetime" | "smalldatetime" => (base.to_owned(), Content::Moment(value)),
        "float" => (base.to_owned(), Content::Float(value.parse().map_err(|_| "a float in a sql_variant is none")?)),
        "real" => (base.to_owned(), Content::Real(value.parse().map_err(|_| "a real in a sql_variant is none")?)),
        "binary" | "varbinary" => {
            let content = from_hexadecimal(value).ok_or("a binary value in a sql_variant is none")?;
            (format!("{base}({})", bytes()?), Content::Binary(content))
        }
        other => {
            let shown: String = other.chars().filter(char::is_ascii_alphanumeric).take(30).collect();
            return Err(format!("a sql_variant holds a value of type {shown}, which is not handled"));
        }
    };
    let is_text = matches!(base, "char" | "varchar" | "nchar" | "nvarchar");
    if is_text != collation.is_some() {
        return Err("a sql_variant has a collation and is no text, or the other way round".to_owned());
    }
    Ok(Held { declared, collation, content })
}

impl<'a> Held<'a> {
    /// What is sent as a parameter.
    pub(crate) fn parameter(&self) -> ColumnData<'a> {
        match &self.content {
            Content::Text(text) | Content::Moment(text) => ColumnData::String(Some(Cow::Borrowed(text))),
            Content::Float(value) => ColumnData::F64(Some(*value)),
            Content::Real(value) => ColumnData::F32(Some(*value)),
            Content::Binary(bytes) => ColumnData::Binary(Some(Cow::Owned(bytes.clone()))),
        }
    }

    /// The `sql_variant` that becomes of the parameter.
    /// <https://learn.microsoft.com/sql/t-sql/data-types/sql-variant-transact-sql>
    pub(crate) fn cast(&self, parameter: &str) -> String {
        let declared = &self.declared;
        let typed = match (&self.content, self.collation) {
            (Content::Moment(_), _) => format!("CONVERT({declared}, {parameter}, 121)"),
            // The collation is the value's before the cast, so that its code page is the one that the text goes to.
            (_, Some(collation)) => format!("CAST({parameter} COLLATE {collation} AS {declared})"),
            _ => format!("CAST({parameter} AS {declared})"),
        };
        format!("CAST({typed} AS sql_variant)")
    }
}

/// Decimals of the seconds in the text of a time.
fn decimals(text: &str) -> Result<usize, String> {
    let decimals = text.split_once('.').map_or(0, |(_, rest)| rest.chars().take_while(char::is_ascii_digit).count());
    if decimals <= 7 { Ok(decimals) } else { Err("a time in a sql_variant has too many decimals".to_owned()) }
}

fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes().chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn cast(text: &str) -> String {
        parse(text).unwrap().cast("@P1")
    }

    #[test]
    fn base_type_facets_and_collation_are_kept() {
        for (text, expected) in [
            ("int|10|0|4||-5", "CAST(CAST(@P1 AS int) AS sql_variant)"),
            ("decimal|8|2|5||46279.10", "CAST(CAST(@P1 AS decimal(8,2)) AS sql_variant)"),
            ("numeric|38|38|17||0.1", "CAST(CAST(@P1 AS numeric(38,38)) AS sql_variant)"),
            (
                "varchar|0|0|10|Latin1_General_CS_AS|a|b",
                "CAST(CAST(@P1 COLLATE Latin1_General_CS_AS AS varchar(10)) AS sql_variant)",
            ),
            ("nchar|0|0|10|Greek_CI_AS|α", "CAST(CAST(@P1 COLLATE Greek_CI_AS AS nchar(5)) AS sql_variant)"),
            ("datetime|23|3|8||2024-01-02 03:04:05.003", "CAST(CONVERT(datetime, @P1, 121) AS sql_variant)"),
            ("time|0|0|4||12:34:56.123", "CAST(CAST(@P1 AS time(3)) AS sql_variant)"),
            ("datetime2|0|0|6||2024-01-02 03:04:05", "CAST(CAST(@P1 AS datetime2(0)) AS sql_variant)"),
            (
                "datetimeoffset|0|0|10||2024-01-02 03:04:05.1234567 -07:30",
                "CAST(CAST(@P1 AS datetimeoffset(7)) AS sql_variant)",
            ),
            ("varbinary|0|0|4||01FF", "CAST(CAST(@P1 AS varbinary(4)) AS sql_variant)"),
        ] {
            assert_eq!(cast(text), expected, "{text}");
        }
    }

    #[test]
    fn numbers_and_bytes_go_as_what_they_are() {
        let data = |text| parse(text).unwrap().parameter();
        assert_eq!(data("float|53|0|8||-1.7976931348623157e+308"), ColumnData::F64(Some(f64::MIN)));
        assert!(
            matches!(data("float|53|0|8||-0.0000000000000000e+000"), ColumnData::F64(Some(v)) if v.to_bits() == (-0f64).to_bits())
        );
        assert_eq!(data("real|24|0|4||1.1754944e-038"), ColumnData::F32(Some(f32::MIN_POSITIVE)));
        assert_eq!(data("binary|0|0|2||00ff"), ColumnData::Binary(Some(Cow::Owned(vec![0, 255]))));
        assert_eq!(data("varbinary|0|0|2||"), ColumnData::Binary(Some(Cow::Owned(vec![]))));
        assert_eq!(data("varchar|0|0|3|Latin1_General_BIN|a|b"), ColumnData::String(Some(Cow::Borrowed("a|b"))));
    }

    #[test]
    fn nothing_but_a_type_gets_into_the_statement() {
        for wrong in [
            "",
            "int|10|0|4|",
            "int) AS x; DROP TABLE t --|10|0|4||1",
            "decimal|8); --|2|5||1",
            "decimal|39|2|5||1",
            "varchar|0|0|8001|Latin1_General_BIN|a",
            "varchar|0|0|1|Latin1_General_BIN; DROP|a",
            "varchar|0|0|1||a",
            "int|10|0|4|Latin1_General_BIN|1",
            "float|53|0|8||one",
            "binary|0|0|2||0x01",
            "binary|0|0|2||é0",
            "time|0|0|4||12:34:56.12345678",
            "xml|0|0|4||<a/>",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
