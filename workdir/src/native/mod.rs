//! bcp's Unicode native format (`bcp -N`): rows without separators, each value in the server's own binary form, with a
//! length before it where it may be NULL or its length varies.
//!
//! | type | length prefix, NOT NULL / NULL | value |
//! |---|---|---|
//! | bit, tinyint, smallint, int, bigint | 0 / 1 | 1, 1, 2, 4, 8 bytes, little-endian |
//! | real, float | 0 / 1 | IEEE 754, little-endian |
//! | money | 0 / 1 | 10,000ths as int 64, the upper 4 bytes first, each half little-endian |
//! | smallmoney | 0 / 1 | 10,000ths as int 32 |
//! | decimal | 1 / 1 | 19 bytes: precision, scale, sign (1 = not negative), 16 bytes of magnitude, little-endian |
//! | datetime | 0 / 1 | days since 1900-01-01 as int 32, 1/300 s as uint 32 |
//! | smalldatetime | 0 / 1 | days since 1900-01-01 as uint 16, minutes as uint 16 |
//! | date | 0 / 1 | days since 0001-01-01 in 3 bytes |
//! | time | 0 / 1 | 100 ns in 5 bytes, whatever the column's scale |
//! | datetime2 | 0 / 1 | as time, then as date |
//! | datetimeoffset | 0 / 1 | as datetime2 in UTC, then minutes of offset as int 16 |
//! | uniqueidentifier | 1 / 1 | 16 bytes, the first three groups of the text little-endian |
//! | (n)char(n), (n)varchar(n) | 2 / 2 | UTF-16, little-endian |
//! | binary(n), varbinary(n) | 2 / 2 | the bytes |
//! | (n)varchar(max), varbinary(max), xml, json | 8 / 8 | as above |
//! | text, ntext, image | 4 / 4 | as above |
//! | hierarchyid, geometry, geography | 8 / 8 | the bytes that the server keeps |
//! | sql_variant | 8 / 8 | UTF-16 text with base type, facets, collation and value, see `sqlserver::variant` |
//!
//! A NULL is a prefix of all ones and nothing after it. How bcp writes a `sql_variant` Microsoft does not say: `bcp` would load ours as the
//! text that they are in the file. Sources: Microsoft's pages on
//! [prefix lengths](https://learn.microsoft.com/sql/relational-databases/import-export/specify-prefix-length-in-data-files-by-using-bcp-sql-server),
//! [Unicode native format](https://learn.microsoft.com/sql/relational-databases/import-export/use-unicode-native-format-to-import-or-export-data-sql-server),
//! [the newer date and time types](https://learn.microsoft.com/sql/relational-databases/native-client-odbc-date-time/bulk-copy-changes-for-enhanced-date-and-time-types-ole-db-and-odbc)
//! ("represented as their TDS representations with a scale of 7"),
//! and [MS-BCP](https://learn.microsoft.com/openspecs/sql_data_portability/ms-bcp/). The Unicode form is taken because it holds every
//! character of every collation, where `-n` would convert to a code page.

mod decode;
mod encode;
mod format_file;

pub use decode::{Decoded, decode_row};
pub use encode::encode_row;
pub use format_file::format_file;

use proto::{Column, ColumnType};

/// Bytes of the longest value: more cannot be replicated anyway (see [`proto::codec::MAX_FRAME`]), as UTF-16.
pub const MAX_VALUE: u64 = 2 * proto::codec::MAX_FRAME as u64;

/// 100 ns units in a day.
pub(crate) const TICKS_PER_DAY: u64 = 864_000_000_000;
/// 1/300 s in a day.
pub(crate) const THREE_HUNDREDTHS_PER_DAY: u32 = 300 * 86_400;
/// Days from 0001-01-01 to 9999-12-31.
pub(crate) const MAX_DAYS: i32 = 3_652_058;
/// Days from 1900-01-01 to 1753-01-01 and 9999-12-31, the range of `datetime`.
pub(crate) const DATETIME_DAYS: std::ops::RangeInclusive<i32> = -53_690..=2_958_463;
/// Minutes that an offset may have either way.
pub(crate) const MAX_OFFSET: i16 = 840;

/// How a column's values stand in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    /// Bytes of length before the value: 0, 1, 2, 4 or 8.
    pub prefix: usize,
    /// Bytes of every value; `None` where they vary.
    pub fixed: Option<usize>,
}

pub(crate) fn field(column: &Column) -> Field {
    let fixed = |size| Field { prefix: usize::from(column.nullable), fixed: Some(size) };
    let varying = |max: bool| Field { prefix: if max { 8 } else { 2 }, fixed: None };
    match column.column_type {
        ColumnType::Bit | ColumnType::TinyInt => fixed(1),
        ColumnType::SmallInt => fixed(2),
        ColumnType::Int | ColumnType::Real | ColumnType::SmallMoney | ColumnType::SmallDateTime => fixed(4),
        ColumnType::BigInt | ColumnType::Float | ColumnType::Money | ColumnType::DateTime => fixed(8),
        ColumnType::Decimal { .. } => Field { prefix: 1, fixed: Some(19) },
        ColumnType::UniqueIdentifier => Field { prefix: 1, fixed: Some(16) },
        ColumnType::Date => fixed(3),
        ColumnType::Time(_) => fixed(5),
        ColumnType::DateTime2(_) => fixed(8),
        ColumnType::DateTimeOffset(_) => fixed(10),
        ColumnType::Char(_) | ColumnType::NChar(_) | ColumnType::Binary(_) => varying(false),
        ColumnType::VarChar(size) | ColumnType::NVarChar(size) | ColumnType::VarBinary(size) => varying(size.is_none()),
        ColumnType::Text | ColumnType::NText | ColumnType::Image => Field { prefix: 4, fixed: None },
        ColumnType::Xml | ColumnType::Json | ColumnType::SqlVariant => varying(true),
        ColumnType::HierarchyId | ColumnType::Geometry | ColumnType::Geography => varying(true),
    }
}

/// The text form of a GUID orders its bytes otherwise than the server does in its first three groups. Its own inverse.
pub(crate) fn swap_guid(bytes: [u8; 16]) -> [u8; 16] {
    let [a, b, c, d, e, f, g, h, rest @ ..] = bytes;
    let mut swapped = [d, c, b, a, f, e, h, g, 0, 0, 0, 0, 0, 0, 0, 0];
    swapped[8..].copy_from_slice(&rest);
    swapped
}

#[cfg(test)]
mod tests;
