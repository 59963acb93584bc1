//! From the wire.

use super::{
    CHUNKED_NULL, CHUNKED_UNKNOWN, DATETIME_DAY_TICKS, DATETIME_DAYS, DAY_MINUTES, DAY_TICKS, LAST_DAY, MAX_CHUNKED,
    MAX_OFFSET, swap_guid, time_bytes, time_unit,
};
use crate::error::SqlError;
use crate::tds::cursor::Cursor;
use crate::tds::type_info::{Layout, TypeInfo};
use crate::tds::{WireError, WireResult};
use crate::types::{Datum, Length, SqlType};
use std::borrow::Cow;

/// Reads a value of the type. [`WireError::Refused`] (8023) when its bytes are none of the type's values.
pub fn read_value(cursor: &mut Cursor<'_>, info: &TypeInfo) -> WireResult<Datum> {
    match info.layout {
        Layout::Null => Ok(Datum::Null),
        Layout::Fixed => scalar(info.ty, cursor),
        Layout::ByteLength => {
            let length = usize::from(cursor.u8("value length")?);
            if length == 0 {
                return Ok(Datum::Null);
            }
            let mut value = Cursor::new(cursor.take(length, "value")?);
            match scalar(info.ty, &mut value) {
                Ok(datum) if value.is_empty() => Ok(datum),
                Ok(_) | Err(WireError::Truncated(_)) => Err(invalid(info.ty)),
                Err(error) => Err(error),
            }
        }
        Layout::ShortLength => {
            let length = cursor.u16("value length")?;
            if length == u16::MAX {
                return Ok(Datum::Null);
            }
            bytes_value(info, Cow::Borrowed(cursor.take(length.into(), "value")?))
        }
        Layout::LongLength => match cursor.u32("value length")? {
            u32::MAX => Ok(Datum::Null),
            length if u64::from(length) > MAX_CHUNKED => Err(WireError::malformed(format!("value of {length} bytes"))),
            length => bytes_value(info, Cow::Borrowed(cursor.take(length as usize, "value")?)),
        },
        Layout::TextPointer => {
            const TIMESTAMP: usize = 8;
            let pointer = cursor.u8("text pointer")?;
            if pointer == 0 {
                return Ok(Datum::Null);
            }
            cursor.take(usize::from(pointer) + TIMESTAMP, "text pointer")?;
            read_value(cursor, &TypeInfo { layout: Layout::LongLength, ..*info })
        }
        Layout::Variant => match cursor.u32("value length")? {
            0 => Ok(Datum::Null),
            length => super::variant::read(cursor.take(length as usize, "value")?),
        },
        Layout::Chunked => match chunked(cursor)? {
            Some(bytes) => bytes_value(info, bytes),
            None => Ok(Datum::Null),
        },
    }
}

/// 8023: <https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-8000-to-8999>.
pub(super) fn invalid(ty: SqlType) -> WireError {
    SqlError::new(
        8023,
        format!("The incoming tabular data stream (TDS) protocol stream is incorrect. A supplied value is not a valid instance of data type {ty:?}."),
    )
    .into()
}

pub(super) fn scalar(ty: SqlType, cursor: &mut Cursor<'_>) -> WireResult<Datum> {
    let check = |valid: bool, value: Datum| if valid { Ok(value) } else { Err(invalid(ty)) };
    match ty {
        SqlType::Bit => {
            let value = cursor.u8("bit")?;
            check(value <= 1, Datum::Bit(value == 1))
        }
        SqlType::TinyInt => Ok(Datum::TinyInt(cursor.u8("tinyint")?)),
        SqlType::SmallInt => Ok(Datum::SmallInt(cursor.i16("smallint")?)),
        SqlType::Int => Ok(Datum::Int(cursor.i32("int")?)),
        SqlType::BigInt => Ok(Datum::BigInt(cursor.i64("bigint")?)),
        SqlType::Real => {
            let value = f32::from_bits(cursor.u32("real")?);
            check(value.is_finite(), Datum::Real(value))
        }
        SqlType::Float => {
            let value = f64::from_bits(cursor.u64("float")?);
            check(value.is_finite(), Datum::Float(value))
        }
        SqlType::Money => {
            let high = i64::from(cursor.i32("money")?);
            Ok(Datum::Money(high << 32 | i64::from(cursor.u32("money")?)))
        }
        SqlType::SmallMoney => Ok(Datum::Money(cursor.i32("smallmoney")?.into())),
        SqlType::DateTime => {
            let (days, ticks) = (cursor.i32("datetime")?, cursor.u32("datetime")?);
            check(DATETIME_DAYS.contains(&days) && ticks < DATETIME_DAY_TICKS, Datum::DateTime { days, ticks })
        }
        SqlType::SmallDateTime => {
            let (days, minutes) = (cursor.u16("smalldatetime")?, cursor.u16("smalldatetime")?);
            check(minutes < DAY_MINUTES, Datum::SmallDateTime { days, minutes })
        }
        SqlType::UniqueIdentifier => {
            let mut guid = [0; 16];
            guid.copy_from_slice(cursor.take(16, "uniqueidentifier")?);
            Ok(Datum::Guid(swap_guid(guid)))
        }
        SqlType::Decimal { precision, scale } => {
            let unscaled = decimal(cursor).ok_or_else(|| invalid(ty))?;
            check(unscaled.unsigned_abs() < 10u128.pow(precision.into()), Datum::Decimal { unscaled, scale })
        }
        SqlType::Date => {
            let days = date(cursor)?;
            check(days <= LAST_DAY, Datum::Date(days))
        }
        SqlType::Time(scale) => {
            let ticks = time(cursor, scale)?;
            check(ticks < DAY_TICKS, Datum::Time(ticks))
        }
        SqlType::DateTime2(scale) => {
            let (ticks, days) = (time(cursor, scale)?, date(cursor)?);
            check(ticks < DAY_TICKS && days <= LAST_DAY, Datum::DateTime2 { days, ticks })
        }
        SqlType::DateTimeOffset(scale) => {
            let (ticks, days) = (time(cursor, scale)?, date(cursor)?);
            let offset = cursor.i16("offset")?;
            let valid = ticks < DAY_TICKS && days <= LAST_DAY && (-MAX_OFFSET..=MAX_OFFSET).contains(&offset);
            check(valid, Datum::DateTimeOffset { days, ticks, offset })
        }
        SqlType::Char(_)
        | SqlType::VarChar(_)
        | SqlType::NChar(_)
        | SqlType::NVarChar(_)
        | SqlType::Binary(_)
        | SqlType::VarBinary(_)
        | SqlType::Text
        | SqlType::NText
        | SqlType::Image
        | SqlType::Xml
        | SqlType::RowVersion
        | SqlType::HierarchyId
        | SqlType::Geometry
        | SqlType::Geography
        | SqlType::Json
        | SqlType::SqlVariant => Err(WireError::malformed("layout of a long type")),
    }
}

/// Sign byte (1 is positive), then the magnitude in 4, 8, 12 or 16 bytes.
fn decimal(cursor: &mut Cursor<'_>) -> Option<i128> {
    let positive = match cursor.u8("decimal").ok()? {
        0 => false,
        1 => true,
        _ => return None,
    };
    let bytes = cursor.rest();
    if !matches!(bytes.len(), 4 | 8 | 12 | 16) {
        return None;
    }
    let magnitude = bytes.iter().rev().fold(0u128, |value, &byte| value << 8 | u128::from(byte));
    let value = i128::try_from(magnitude).ok()?;
    Some(if positive { value } else { -value })
}

fn date(cursor: &mut Cursor<'_>) -> WireResult<i32> {
    // Three bytes always fit.
    Ok(cursor.unsigned(3, "date")? as i32)
}

fn time(cursor: &mut Cursor<'_>, scale: u8) -> WireResult<u64> {
    // At most 2^40 units, so the product stays far below 2^64.
    Ok(cursor.unsigned(time_bytes(scale), "time")? * time_unit(scale))
}

pub(super) fn bytes_value(info: &TypeInfo, bytes: Cow<'_, [u8]>) -> WireResult<Datum> {
    let fits = |declared: u16, actual: usize| actual <= usize::from(declared);
    let within = match info.ty {
        SqlType::Char(length) | SqlType::VarChar(Length::N(length)) => fits(length, bytes.len()),
        SqlType::Binary(length) | SqlType::VarBinary(Length::N(length)) => fits(length, bytes.len()),
        SqlType::NChar(length) | SqlType::NVarChar(Length::N(length)) => fits(length, bytes.len() / 2),
        _ => true,
    };
    if !within {
        return Err(invalid(info.ty));
    }
    match info.ty {
        SqlType::Binary(length) => {
            // The server pads a short binary with zeros.
            let mut padded = bytes.into_owned();
            padded.resize(length.into(), 0);
            Ok(Datum::Binary(padded))
        }
        SqlType::VarBinary(_) | SqlType::Image => Ok(Datum::Binary(bytes.into_owned())),
        SqlType::Text => Ok(Datum::String(info.code_page.decode(&bytes)?)),
        SqlType::NText => Ok(Datum::String(crate::tds::text::decode_utf16(&bytes)?)),
        SqlType::Xml => xml(&bytes),
        SqlType::Char(length) => {
            let mut text = info.code_page.decode(&bytes)?;
            // Bytes are characters in a single-byte code page; in UTF-8 the length is in bytes too.
            text.extend(std::iter::repeat_n(' ', usize::from(length) - bytes.len()));
            Ok(Datum::String(text))
        }
        SqlType::NChar(length) => {
            let mut text = crate::tds::text::decode_utf16(&bytes)?;
            text.extend(std::iter::repeat_n(' ', usize::from(length) - bytes.len() / 2));
            Ok(Datum::String(text))
        }
        SqlType::VarChar(_) => Ok(Datum::String(info.code_page.decode(&bytes)?)),
        SqlType::NVarChar(_) => Ok(Datum::String(crate::tds::text::decode_utf16(&bytes)?)),
        _ => Err(WireError::malformed("layout of a short type")),
    }
}

/// A client's XML, in UTF-16 with or without its mark, or in UTF-8.
fn xml(bytes: &[u8]) -> WireResult<Datum> {
    let (text, unicode) = match bytes {
        [0xFF, 0xFE, units @ ..] => (crate::tds::text::decode_utf16(units)?, true),
        [_, 0, ..] => (crate::tds::text::decode_utf16(bytes)?, true),
        _ => (String::from_utf8(bytes.to_vec()).map_err(|_| invalid(SqlType::Xml))?, false),
    };
    let options = crate::engine::xml::Options { keep_space: false, unicode };
    Ok(Datum::String(crate::engine::xml::normalise(&text, options)?))
}

fn chunked<'a>(cursor: &mut Cursor<'a>) -> WireResult<Option<Cow<'a, [u8]>>> {
    let total = cursor.u64("total length")?;
    if total == CHUNKED_NULL {
        return Ok(None);
    }
    if total != CHUNKED_UNKNOWN && total > MAX_CHUNKED {
        return Err(WireError::malformed(format!("value of {total} bytes")));
    }
    let mut value: Cow<'a, [u8]> = Cow::Borrowed(&[]);
    loop {
        let length = cursor.u32("chunk length")? as usize;
        if length == 0 {
            break;
        }
        let chunk = cursor.take(length, "chunk")?;
        if value.is_empty() {
            value = Cow::Borrowed(chunk);
        } else if (value.len() + length) as u64 > MAX_CHUNKED {
            return Err(WireError::malformed("value longer than a (max) type holds"));
        } else {
            value.to_mut().extend_from_slice(chunk);
        }
    }
    if total != CHUNKED_UNKNOWN && total != value.len() as u64 {
        return Err(WireError::malformed("chunks do not add up to the value's length"));
    }
    Ok(Some(value))
}
