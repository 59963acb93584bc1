//! `sql_variant` (2.2.5.5.4): base type, its properties, value.

use super::decode::{bytes_value, invalid, scalar};
use super::encode::{Misfit, put_value};
use crate::engine::collation::default_name;
use crate::tds::cursor::Cursor;
use crate::tds::text::{CodePage, collation};
use crate::tds::type_info::{Layout, TypeInfo, code, fixed_code};
use crate::tds::{WireError, WireResult};
use crate::types::{Datum, DecimalName, Length, SqlType, Variant};
use std::borrow::Cow;

/// Whether a variant can hold the type.
#[cfg(test)]
pub(super) fn holds(ty: SqlType) -> bool {
    base_code(ty).is_some()
}

fn base_code(ty: SqlType) -> Option<u8> {
    if let Some(fixed) = fixed_code(ty) {
        return Some(fixed);
    }
    Some(match ty {
        SqlType::UniqueIdentifier => code::GUID,
        SqlType::Date => code::DATE_N,
        SqlType::Time(_) => code::TIME_N,
        SqlType::DateTime2(_) => code::DATETIME2_N,
        SqlType::DateTimeOffset(_) => code::DATETIME_OFFSET_N,
        SqlType::Decimal { .. } => code::NUMERIC_N,
        SqlType::Char(_) => code::CHAR,
        SqlType::VarChar(Length::N(_)) => code::VARCHAR,
        SqlType::NChar(_) => code::NCHAR,
        SqlType::NVarChar(Length::N(_)) => code::NVARCHAR,
        SqlType::Binary(_) => code::BINARY,
        SqlType::VarBinary(Length::N(_)) => code::VARBINARY,
        _ => return None,
    })
}

/// Appends a variant with its length.
pub(super) fn put(out: &mut Vec<u8>, held: &Variant) -> Result<(), Misfit> {
    let misfit = Misfit(SqlType::SqlVariant);
    let ty = held.ty;
    let Some(code) = base_code(ty) else { return Err(misfit) };
    let code = if held.decimal == Some(DecimalName::Decimal) { code::DECIMAL_N } else { code };
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    out.push(code);
    let properties = |out: &mut Vec<u8>, bytes: &[u8]| {
        out.push(bytes.len() as u8);
        out.extend_from_slice(bytes);
    };
    // How long a prefix the value has elsewhere, which it lacks here.
    let (layout, prefix) = match ty {
        SqlType::Char(n) | SqlType::VarChar(Length::N(n)) => {
            out.push(7);
            out.extend_from_slice(&collation());
            out.extend_from_slice(&n.to_le_bytes());
            (Layout::ShortLength, 2)
        }
        SqlType::NChar(n) | SqlType::NVarChar(Length::N(n)) => {
            out.push(7);
            out.extend_from_slice(&collation());
            out.extend_from_slice(&n.saturating_mul(2).to_le_bytes());
            (Layout::ShortLength, 2)
        }
        SqlType::Binary(n) | SqlType::VarBinary(Length::N(n)) => {
            properties(out, &n.to_le_bytes());
            (Layout::ShortLength, 2)
        }
        SqlType::Decimal { precision, scale } => {
            properties(out, &[precision, scale]);
            (Layout::ByteLength, 1)
        }
        SqlType::Time(scale) | SqlType::DateTime2(scale) | SqlType::DateTimeOffset(scale) => {
            properties(out, &[scale]);
            (Layout::ByteLength, 1)
        }
        SqlType::Date => {
            properties(out, &[]);
            (Layout::ByteLength, 1)
        }
        _ => {
            properties(out, &[]);
            (Layout::Fixed, 0)
        }
    };
    let value = out.len();
    put_value(out, ty, layout, &held.value)?;
    out.drain(value..value + prefix);
    let length = (out.len() - at - 4) as u32;
    out[at..at + 4].copy_from_slice(&length.to_le_bytes());
    Ok(())
}

/// Reads a variant whose length was read.
pub(super) fn read(bytes: &[u8]) -> WireResult<Datum> {
    let mut cursor = Cursor::new(bytes);
    let code = cursor.u8("base type")?;
    let count = usize::from(cursor.u8("properties")?);
    let mut properties = Cursor::new(cursor.take(count, "properties")?);
    let mut described = vec![code];
    // The properties in the order of a TYPE_INFO.
    match code {
        code::CHAR | code::VARCHAR | code::NCHAR | code::NVARCHAR => {
            let collation = properties.take(5, "collation")?;
            described.extend_from_slice(properties.take(2, "length")?);
            described.extend_from_slice(collation);
        }
        code::DECIMAL_N | code::NUMERIC_N => {
            described.push(17);
            described.extend_from_slice(properties.rest());
        }
        code::GUID => described.push(16),
        _ => described.extend_from_slice(properties.rest()),
    }
    let info = TypeInfo::read(&mut Cursor::new(&described))?;
    if info.layout == Layout::Chunked || base_code(info.ty).is_none() {
        return Err(invalid(SqlType::SqlVariant));
    }
    let value = match info.layout {
        Layout::ShortLength => bytes_value(&info, Cow::Borrowed(cursor.rest()))?,
        _ => {
            let value = scalar(info.ty, &mut cursor)?;
            if !cursor.is_empty() {
                return Err(invalid(SqlType::SqlVariant));
            }
            value
        }
    };
    let character = matches!(code, code::CHAR | code::VARCHAR | code::NCHAR | code::NVARCHAR);
    if character && info.code_page != CodePage::WESTERN {
        return Err(WireError::Refused(crate::error::SqlError::unsupported("a sql_variant in this collation")));
    }
    let collation = character.then(default_name);
    let decimal = match code {
        code::DECIMAL_N => Some(DecimalName::Decimal),
        code::NUMERIC_N => Some(DecimalName::Numeric),
        _ => None,
    };
    Ok(Datum::Variant(Box::new(Variant { ty: info.ty, collation, decimal, value })))
}
