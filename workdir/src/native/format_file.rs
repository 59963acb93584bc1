//! The XML format file, which tells bcp, `BULK INSERT` and `OPENROWSET(BULK …)` how the data file is laid out
//! (<https://learn.microsoft.com/sql/relational-databases/import-export/xml-format-files-sql-server>), with the column types of MS-BCP 2.3.1.5.1.

use super::field;
use proto::{Column, ColumnType};
use std::fmt::Write;

/// The format file of a data file with these columns.
pub fn format_file(columns: &[Column]) -> String {
    let mut xml = String::from(
        "<?xml version=\"1.0\"?>\n<BCPFORMAT xmlns=\"http://schemas.microsoft.com/sqlserver/2004/bulkload/format\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n <RECORD>\n",
    );
    for (number, column) in (1..).zip(columns) {
        let _ = writeln!(xml, "  <FIELD ID=\"{number}\" {}/>", field_attributes(column));
    }
    xml.push_str(" </RECORD>\n <ROW>\n");
    for (number, column) in (1..).zip(columns) {
        let nullable = if column.nullable { "YES" } else { "NO" };
        let (name, column_type) = (escaped(&column.name), column_attributes(column.column_type));
        let _ = writeln!(
            xml,
            "  <COLUMN SOURCE=\"{number}\" NAME=\"{name}\" xsi:type={column_type} NULLABLE=\"{nullable}\"/>"
        );
    }
    xml.push_str(" </ROW>\n</BCPFORMAT>\n");
    xml
}

fn field_attributes(column: &Column) -> String {
    let layout = field(column);
    if layout.prefix == 0 {
        return format!("xsi:type=\"NativeFixed\" LENGTH=\"{}\"", layout.fixed.unwrap_or_default());
    }
    let prefix = layout.prefix;
    let sized = |kind: &str, bytes: Option<u32>| {
        let longest = bytes.map(|bytes| format!(" MAX_LENGTH=\"{bytes}\"")).unwrap_or_default();
        format!("xsi:type=\"{kind}\" PREFIX_LENGTH=\"{prefix}\"{longest}")
    };
    let text = |length: Option<u16>| {
        let mut attributes = sized("NCharPrefix", length.map(|length| 2 * u32::from(length)));
        if let Some(collation) = &column.collation {
            let _ = write!(attributes, " COLLATION=\"{}\"", escaped(collation));
        }
        attributes
    };
    match column.column_type {
        ColumnType::Char(length) | ColumnType::NChar(length) => text(Some(length)),
        ColumnType::VarChar(length) | ColumnType::NVarChar(length) => text(length),
        ColumnType::Binary(length) => sized("NativePrefix", Some(u32::from(length))),
        ColumnType::VarBinary(length) => sized("NativePrefix", length.map(u32::from)),
        ColumnType::Text | ColumnType::NText => text(None),
        ColumnType::Xml | ColumnType::Json | ColumnType::SqlVariant => text(None),
        _ => sized("NativePrefix", None),
    }
}

fn column_attributes(column_type: ColumnType) -> String {
    let name = match column_type {
        ColumnType::Bit => "SQLBIT",
        ColumnType::TinyInt => "SQLTINYINT",
        ColumnType::SmallInt => "SQLSMALLINT",
        ColumnType::Int => "SQLINT",
        ColumnType::BigInt => "SQLBIGINT",
        ColumnType::Decimal { precision, scale } => {
            return format!("\"SQLDECIMAL\" PRECISION=\"{precision}\" SCALE=\"{scale}\"");
        }
        ColumnType::Money => "SQLMONEY",
        ColumnType::SmallMoney => "SQLMONEY4",
        ColumnType::Real => "SQLFLT4",
        ColumnType::Float => "SQLFLT8",
        ColumnType::Char(_) | ColumnType::NChar(_) => "SQLNCHAR",
        ColumnType::VarChar(_) | ColumnType::NVarChar(_) => "SQLNVARCHAR",
        ColumnType::Binary(_) => "SQLBINARY",
        ColumnType::VarBinary(_) => "SQLVARYBIN",
        ColumnType::Date => "SQLDATE",
        ColumnType::Time(_) => "SQLTIME",
        ColumnType::SmallDateTime => "SQLDATETIM4",
        ColumnType::DateTime => "SQLDATETIME",
        ColumnType::DateTime2(_) => "SQLDATETIME2",
        ColumnType::DateTimeOffset(_) => "SQLDATETIMEOFFSET",
        ColumnType::UniqueIdentifier => "SQLUNIQUEID",
        ColumnType::Text => "SQLTEXT",
        ColumnType::NText => "SQLNTEXT",
        ColumnType::Image => "SQLIMAGE",
        ColumnType::Xml | ColumnType::Json | ColumnType::SqlVariant => "SQLNVARCHAR",
        ColumnType::HierarchyId | ColumnType::Geometry | ColumnType::Geography => "SQLUDT",
    };
    format!("\"{name}\"")
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped
}
