//! TYPE_INFO (2.2.5.6): how a column or parameter describes its type.

use super::cursor::Cursor;
use super::text::{BINARY_UTF8, CodePage, collation, put_utf16};
use super::{WireError, WireResult};
use crate::error::SqlError;
use crate::types::{Length, SqlType};

/// Type codes (2.2.5.4).
pub(super) mod code {
    pub const NULL: u8 = 0x1F;
    pub const INT1: u8 = 0x30;
    pub const BIT: u8 = 0x32;
    pub const INT2: u8 = 0x34;
    pub const INT4: u8 = 0x38;
    pub const SMALL_DATETIME: u8 = 0x3A;
    pub const FLOAT4: u8 = 0x3B;
    pub const MONEY: u8 = 0x3C;
    pub const DATETIME: u8 = 0x3D;
    pub const FLOAT8: u8 = 0x3E;
    pub const SMALL_MONEY: u8 = 0x7A;
    pub const INT8: u8 = 0x7F;

    pub const GUID: u8 = 0x24;
    pub const INT_N: u8 = 0x26;
    pub const DATE_N: u8 = 0x28;
    pub const TIME_N: u8 = 0x29;
    pub const DATETIME2_N: u8 = 0x2A;
    pub const DATETIME_OFFSET_N: u8 = 0x2B;
    pub const BIT_N: u8 = 0x68;
    pub const DECIMAL_N: u8 = 0x6A;
    pub const NUMERIC_N: u8 = 0x6C;
    pub const FLOAT_N: u8 = 0x6D;
    pub const MONEY_N: u8 = 0x6E;
    pub const DATETIME_N: u8 = 0x6F;

    pub const IMAGE: u8 = 0x22;
    pub const TEXT: u8 = 0x23;
    pub const VARIANT: u8 = 0x62;
    pub const NTEXT: u8 = 0x63;
    pub const XML: u8 = 0xF1;
    pub const UDT: u8 = 0xF0;

    pub const VARBINARY: u8 = 0xA5;
    pub const VARCHAR: u8 = 0xA7;
    pub const BINARY: u8 = 0xAD;
    pub const CHAR: u8 = 0xAF;
    pub const NVARCHAR: u8 = 0xE7;
    pub const NCHAR: u8 = 0xEF;
}

/// Declared length that stands for `(max)`.
pub(super) const MAX_LENGTH: u16 = 0xFFFF;
/// Longest declared length in bytes otherwise.
const LONGEST: u16 = 8000;
/// Declared length of `text` and `image` columns, and of `ntext` in bytes.
const LARGE_LENGTH: u32 = i32::MAX as u32;
/// Declared length of `hierarchyid`.
const HIERARCHY_LENGTH: u16 = 892;
/// Declared length of `sql_variant`.
const VARIANT_LENGTH: u32 = 8009;

/// How a value of the type is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// No bytes at all: always NULL.
    Null,
    /// The value alone.
    Fixed,
    /// A length byte, 0 for NULL.
    ByteLength,
    /// Two length bytes, 0xFFFF for NULL.
    ShortLength,
    /// Partially length-prefixed: total length, then chunks (2.2.5.2.3).
    Chunked,
    /// Four length bytes, 0xFFFFFFFF for NULL: `text` and its kin as parameters.
    LongLength,
    /// The same in a row, after a text pointer and a timestamp; a pointer of no bytes for NULL.
    TextPointer,
    /// Four length bytes, 0 for NULL; the value describes itself (2.2.5.5.4).
    Variant,
}

/// A TYPE_INFO that a client sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeInfo {
    /// The type.
    pub ty: SqlType,
    /// Layout of its values.
    pub layout: Layout,
    /// Encoding of its text.
    pub code_page: CodePage,
}

impl TypeInfo {
    fn plain(ty: SqlType, layout: Layout) -> Self {
        Self { ty, layout, code_page: CodePage::WESTERN }
    }

    /// Reads a TYPE_INFO. [`WireError::Refused`] for types the sandbox leaves out.
    pub fn read(cursor: &mut Cursor<'_>) -> WireResult<Self> {
        let code = cursor.u8("type")?;
        let fixed = |ty| Ok(Self::plain(ty, Layout::Fixed));
        match code {
            // A bare NULL has no type; any declaration can take it.
            code::NULL => Ok(Self::plain(SqlType::NVarChar(Length::N(4000)), Layout::Null)),
            code::INT1 => fixed(SqlType::TinyInt),
            code::BIT => fixed(SqlType::Bit),
            code::INT2 => fixed(SqlType::SmallInt),
            code::INT4 => fixed(SqlType::Int),
            code::INT8 => fixed(SqlType::BigInt),
            code::FLOAT4 => fixed(SqlType::Real),
            code::FLOAT8 => fixed(SqlType::Float),
            code::MONEY => fixed(SqlType::Money),
            code::SMALL_MONEY => fixed(SqlType::SmallMoney),
            code::DATETIME => fixed(SqlType::DateTime),
            code::SMALL_DATETIME => fixed(SqlType::SmallDateTime),
            code::GUID | code::INT_N | code::BIT_N | code::FLOAT_N | code::MONEY_N | code::DATETIME_N => {
                let length = cursor.u8("type length")?;
                Ok(Self::plain(sized(code, length)?, Layout::ByteLength))
            }
            code::DECIMAL_N | code::NUMERIC_N => {
                let _length = cursor.u8("decimal length")?;
                let (precision, scale) = (cursor.u8("precision")?, cursor.u8("scale")?);
                if !(1..=38).contains(&precision) || scale > precision {
                    return Err(WireError::malformed(format!("decimal({precision},{scale})")));
                }
                Ok(Self::plain(SqlType::Decimal { precision, scale }, Layout::ByteLength))
            }
            code::DATE_N => Ok(Self::plain(SqlType::Date, Layout::ByteLength)),
            code::TIME_N => Ok(Self::plain(SqlType::Time(scale(cursor)?), Layout::ByteLength)),
            code::DATETIME2_N => Ok(Self::plain(SqlType::DateTime2(scale(cursor)?), Layout::ByteLength)),
            code::DATETIME_OFFSET_N => Ok(Self::plain(SqlType::DateTimeOffset(scale(cursor)?), Layout::ByteLength)),
            code::VARBINARY | code::BINARY | code::VARCHAR | code::CHAR | code::NVARCHAR | code::NCHAR => {
                Self::read_long(code, cursor)
            }
            code::TEXT | code::NTEXT | code::IMAGE => {
                let _length = cursor.u32("type length")?;
                let code_page = if code == code::IMAGE { CodePage::WESTERN } else { CodePage::read(cursor)? };
                let ty = match code {
                    code::TEXT => SqlType::Text,
                    code::NTEXT => SqlType::NText,
                    _ => SqlType::Image,
                };
                Ok(Self { ty, layout: Layout::LongLength, code_page })
            }
            code::XML => match cursor.u8("XML schema")? {
                0 => Ok(Self::plain(SqlType::Xml, Layout::Chunked)),
                _ => Err(SqlError::unsupported("typed xml").into()),
            },
            code::VARIANT => {
                let _length = cursor.u32("type length")?;
                Ok(Self::plain(SqlType::SqlVariant, Layout::Variant))
            }
            other => Err(SqlError::unsupported(format_args!("values of TDS type {other:#04x} from the client")).into()),
        }
    }

    fn read_long(code: u8, cursor: &mut Cursor<'_>) -> WireResult<Self> {
        let length = cursor.u16("type length")?;
        let national = matches!(code, code::NVARCHAR | code::NCHAR);
        let code_page = match code {
            code::VARBINARY | code::BINARY => CodePage::WESTERN,
            _ => CodePage::read(cursor)?,
        };
        let max_allowed = matches!(code, code::VARBINARY | code::VARCHAR | code::NVARCHAR);
        if length == MAX_LENGTH && max_allowed {
            let ty = match code {
                code::VARBINARY => SqlType::VarBinary(Length::Max),
                code::VARCHAR => SqlType::VarChar(Length::Max),
                _ => SqlType::NVarChar(Length::Max),
            };
            return Ok(Self { ty, layout: Layout::Chunked, code_page });
        }
        if length > LONGEST || (national && length % 2 != 0) {
            return Err(WireError::malformed(format!("declared length {length}")));
        }
        // A declared length of zero, as some clients send for an empty value, is the shortest type.
        let bytes = length.max(1);
        let units = (length / 2).max(1);
        let ty = match code {
            code::VARBINARY => SqlType::VarBinary(Length::N(bytes)),
            code::BINARY => SqlType::Binary(bytes),
            code::VARCHAR => SqlType::VarChar(Length::N(bytes)),
            code::CHAR => SqlType::Char(bytes),
            code::NVARCHAR => SqlType::NVarChar(Length::N(units)),
            _ => SqlType::NChar(units),
        };
        Ok(Self { ty, layout: Layout::ShortLength, code_page })
    }
}

fn sized(code: u8, length: u8) -> WireResult<SqlType> {
    Ok(match (code, length) {
        (code::GUID, 16) => SqlType::UniqueIdentifier,
        (code::INT_N, 1) => SqlType::TinyInt,
        (code::INT_N, 2) => SqlType::SmallInt,
        (code::INT_N, 4) => SqlType::Int,
        (code::INT_N, 8) => SqlType::BigInt,
        (code::BIT_N, 1) => SqlType::Bit,
        (code::FLOAT_N, 4) => SqlType::Real,
        (code::FLOAT_N, 8) => SqlType::Float,
        (code::MONEY_N, 4) => SqlType::SmallMoney,
        (code::MONEY_N, 8) => SqlType::Money,
        (code::DATETIME_N, 4) => SqlType::SmallDateTime,
        (code::DATETIME_N, 8) => SqlType::DateTime,
        _ => return Err(WireError::malformed(format!("type {code:#04x} of length {length}"))),
    })
}

fn scale(cursor: &mut Cursor<'_>) -> WireResult<u8> {
    match cursor.u8("scale")? {
        scale @ 0..=7 => Ok(scale),
        scale => Err(WireError::malformed(format!("scale {scale} of a time"))),
    }
}

/// The code of a type without a length prefix, which a column that cannot be NULL uses if its type has one.
pub(in crate::tds) fn fixed_code(ty: SqlType) -> Option<u8> {
    Some(match ty {
        SqlType::Bit => code::BIT,
        SqlType::TinyInt => code::INT1,
        SqlType::SmallInt => code::INT2,
        SqlType::Int => code::INT4,
        SqlType::BigInt => code::INT8,
        SqlType::Real => code::FLOAT4,
        SqlType::Float => code::FLOAT8,
        SqlType::Money => code::MONEY,
        SqlType::SmallMoney => code::SMALL_MONEY,
        SqlType::DateTime => code::DATETIME,
        SqlType::SmallDateTime => code::SMALL_DATETIME,
        _ => return None,
    })
}

/// Writes the TYPE_INFO of a column and returns the layout of its values.
pub fn put_type_info(out: &mut Vec<u8>, ty: SqlType, nullable: bool) -> Layout {
    if !nullable && let Some(code) = fixed_code(ty) {
        out.push(code);
        return Layout::Fixed;
    }
    match ty {
        SqlType::Bit => out.extend([code::BIT_N, 1]),
        SqlType::TinyInt => out.extend([code::INT_N, 1]),
        SqlType::SmallInt => out.extend([code::INT_N, 2]),
        SqlType::Int => out.extend([code::INT_N, 4]),
        SqlType::BigInt => out.extend([code::INT_N, 8]),
        SqlType::Real => out.extend([code::FLOAT_N, 4]),
        SqlType::Float => out.extend([code::FLOAT_N, 8]),
        SqlType::SmallMoney => out.extend([code::MONEY_N, 4]),
        SqlType::Money => out.extend([code::MONEY_N, 8]),
        SqlType::SmallDateTime => out.extend([code::DATETIME_N, 4]),
        SqlType::DateTime => out.extend([code::DATETIME_N, 8]),
        SqlType::UniqueIdentifier => out.extend([code::GUID, 16]),
        SqlType::Date => out.push(code::DATE_N),
        SqlType::Time(scale) => out.extend([code::TIME_N, scale]),
        SqlType::DateTime2(scale) => out.extend([code::DATETIME2_N, scale]),
        SqlType::DateTimeOffset(scale) => out.extend([code::DATETIME_OFFSET_N, scale]),
        SqlType::Decimal { precision, scale } => {
            out.extend([code::DECIMAL_N, decimal_bytes(precision), precision, scale]);
        }
        SqlType::Char(length) => return put_long(out, code::CHAR, Length::N(length), 1, true),
        SqlType::VarChar(length) => return put_long(out, code::VARCHAR, length, 1, true),
        SqlType::NChar(length) => return put_long(out, code::NCHAR, Length::N(length), 2, true),
        SqlType::NVarChar(length) => return put_long(out, code::NVARCHAR, length, 2, true),
        SqlType::Binary(length) => return put_long(out, code::BINARY, Length::N(length), 1, false),
        SqlType::VarBinary(length) => return put_long(out, code::VARBINARY, length, 1, false),
        // As the server describes it; the column's user type tells it from binary(8).
        SqlType::RowVersion => return put_long(out, code::BINARY, Length::N(8), 1, false),
        SqlType::Text | SqlType::NText | SqlType::Image => {
            let (code, length) = match ty {
                SqlType::Text => (code::TEXT, LARGE_LENGTH),
                SqlType::NText => (code::NTEXT, LARGE_LENGTH - 1),
                _ => (code::IMAGE, LARGE_LENGTH),
            };
            out.push(code);
            out.extend_from_slice(&length.to_le_bytes());
            if code != code::IMAGE {
                out.extend_from_slice(&collation());
            }
            return Layout::TextPointer;
        }
        SqlType::Xml => {
            out.extend([code::XML, 0]);
            return Layout::Chunked;
        }
        SqlType::HierarchyId => return put_clr(out, "hierarchyid", "SqlHierarchyId", HIERARCHY_LENGTH),
        SqlType::Geometry => return put_clr(out, "geometry", "SqlGeometry", MAX_LENGTH),
        SqlType::Geography => return put_clr(out, "geography", "SqlGeography", MAX_LENGTH),
        // <https://learn.microsoft.com/sql/t-sql/data-types/json-data-type#limitations>
        SqlType::Json => {
            out.push(code::VARCHAR);
            out.extend_from_slice(&MAX_LENGTH.to_le_bytes());
            out.extend_from_slice(&BINARY_UTF8);
            return Layout::Chunked;
        }
        SqlType::SqlVariant => {
            out.push(code::VARIANT);
            out.extend_from_slice(&VARIANT_LENGTH.to_le_bytes());
            return Layout::Variant;
        }
    }
    Layout::ByteLength
}

/// UDT_INFO_IN_COLMETADATA (2.2.5.5.2): the types that come with the server live in its assembly of that name.
fn put_clr(out: &mut Vec<u8>, name: &str, class: &str, longest: u16) -> Layout {
    let assembly = format!(
        "Microsoft.SqlServer.Types.{class}, Microsoft.SqlServer.Types, Version=11.0.0.0, Culture=neutral, PublicKeyToken=89845dcd8080cc91"
    );
    out.push(code::UDT);
    out.extend_from_slice(&longest.to_le_bytes());
    for part in ["master", "sys", name] {
        out.push(part.len() as u8);
        put_utf16(out, part);
    }
    out.extend_from_slice(&(assembly.len() as u16).to_le_bytes());
    put_utf16(out, &assembly);
    Layout::Chunked
}

fn put_long(out: &mut Vec<u8>, code: u8, length: Length, unit: u16, collated: bool) -> Layout {
    out.push(code);
    let (declared, layout) = match length {
        Length::N(length) => (length.max(1).saturating_mul(unit).min(LONGEST), Layout::ShortLength),
        Length::Max => (MAX_LENGTH, Layout::Chunked),
    };
    out.extend_from_slice(&declared.to_le_bytes());
    if collated {
        out.extend_from_slice(&collation());
    }
    layout
}

/// Bytes of a decimal value with its sign byte (2.2.5.5.1.6).
pub(super) fn decimal_bytes(precision: u8) -> u8 {
    match precision {
        0..=9 => 5,
        10..=19 => 9,
        20..=28 => 13,
        _ => 17,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_type_description_reads_back_as_the_same_type() {
        for ty in super::super::value::tests::every_type() {
            for nullable in [true, false] {
                let mut out = Vec::new();
                let layout = put_type_info(&mut out, ty, nullable);
                let mut cursor = Cursor::new(&out);
                let read = TypeInfo::read(&mut cursor).unwrap();
                assert_eq!((read.ty, read.layout, cursor.remaining()), (ty, layout, 0), "{ty:?}");
            }
        }
    }

    #[test]
    fn impossible_facets_are_refused() {
        for bad in [
            &[code::INT_N, 3][..],
            &[code::DECIMAL_N, 17, 39, 0],
            &[code::DECIMAL_N, 17, 5, 6],
            &[code::TIME_N, 8],
            &[code::NVARCHAR, 3, 0, 0, 0, 0, 0, 0],
            &[code::VARCHAR, 0x41, 0x1F, 0, 0, 0, 0, 0],
            &[code::NCHAR, 0xFF, 0xFF, 0, 0, 0, 0, 0],
            &[code::XML, 1],
            &[0xF0, 0],
        ] {
            assert!(TypeInfo::read(&mut Cursor::new(bad)).is_err(), "{bad:x?}");
        }
    }
}
