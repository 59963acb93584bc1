//! Bytes to values. Nothing in the bytes is believed: lengths are checked before they are used and values against their ranges.

use super::{DATETIME_DAYS, Field, MAX_DAYS, MAX_OFFSET, MAX_VALUE, THREE_HUNDREDTHS_PER_DAY, TICKS_PER_DAY};
use super::{field, swap_guid};
use crate::error::WorkDirError;
use proto::{Column, ColumnType, Row, Value};

/// What was found at the beginning of some bytes.
#[derive(Debug, PartialEq)]
pub enum Decoded {
    /// A row and the number of its bytes.
    Row(Row, usize),
    /// The beginning of a row that has at least this many bytes.
    Incomplete(usize),
}

/// Decodes one row from the beginning of `bytes`.
pub fn decode_row(columns: &[Column], bytes: &[u8]) -> Result<Decoded, WorkDirError> {
    let mut row = Vec::with_capacity(columns.len());
    let mut at = 0;
    for column in columns {
        match decode_value(column, bytes, &mut at) {
            Ok(value) => row.push(value),
            Err(Stop::Incomplete(needed)) => return Ok(Decoded::Incomplete(needed)),
            Err(Stop::Wrong(why)) => {
                return Err(WorkDirError::damaged(format!(
                    "what should be a value of column {} ({}) is none: {why}",
                    column.name, column.column_type
                )));
            }
        }
    }
    Ok(Decoded::Row(row, at))
}

enum Stop {
    Incomplete(usize),
    Wrong(&'static str),
}

fn take<'a>(bytes: &'a [u8], at: &mut usize, length: usize) -> Result<&'a [u8], Stop> {
    let end = *at + length;
    let taken = bytes.get(*at..end).ok_or(Stop::Incomplete(end))?;
    *at = end;
    Ok(taken)
}

fn decode_value(column: &Column, bytes: &[u8], at: &mut usize) -> Result<Value, Stop> {
    let Field { prefix, fixed } = field(column);
    let length = if prefix == 0 {
        fixed
    } else {
        let prefix_bytes = take(bytes, at, prefix)?;
        if prefix_bytes.iter().all(|byte| *byte == 0xFF) {
            None
        } else {
            let mut length = [0; 8];
            length[..prefix].copy_from_slice(prefix_bytes);
            let length = u64::from_le_bytes(length);
            if length > MAX_VALUE || fixed.is_some_and(|size| size as u64 != length) {
                return Err(Stop::Wrong("its length cannot be"));
            }
            Some(length as usize)
        }
    };
    let Some(length) = length else {
        return if column.nullable { Ok(Value::Null) } else { Err(Stop::Wrong("it is NULL")) };
    };
    let value = take(bytes, at, length)?;
    decode_content(column.column_type, value).map_err(Stop::Wrong)
}

fn decode_content(column_type: ColumnType, bytes: &[u8]) -> Result<Value, &'static str> {
    Ok(match column_type {
        ColumnType::Bit => match bytes {
            [0] => Value::Bit(false),
            [1] => Value::Bit(true),
            _ => return Err("it is neither 0 nor 1"),
        },
        ColumnType::TinyInt => Value::U8(u8::from_le_bytes(sized(bytes)?)),
        ColumnType::SmallInt => Value::I16(i16::from_le_bytes(sized(bytes)?)),
        ColumnType::Int => Value::I32(i32::from_le_bytes(sized(bytes)?)),
        ColumnType::BigInt => Value::I64(i64::from_le_bytes(sized(bytes)?)),
        ColumnType::Real => Value::F32(f32::from_le_bytes(sized(bytes)?)),
        ColumnType::Float => Value::F64(f64::from_le_bytes(sized(bytes)?)),
        ColumnType::Money => {
            let [high @ .., a, b, c, d]: [u8; 8] = sized(bytes)?;
            let (high, low) = (i32::from_le_bytes(high), u32::from_le_bytes([a, b, c, d]));
            Value::Decimal { unscaled: (i128::from(high) << 32) | i128::from(low), scale: 4 }
        }
        ColumnType::SmallMoney => Value::Decimal { unscaled: i128::from(i32::from_le_bytes(sized(bytes)?)), scale: 4 },
        ColumnType::Decimal { precision, scale } => decimal(precision, scale, bytes)?,
        ColumnType::UniqueIdentifier => Value::Guid(swap_guid(sized(bytes)?)),
        ColumnType::Date => Value::Date(days(bytes)?),
        ColumnType::Time(_) => Value::Time(ticks(bytes)?),
        ColumnType::DateTime2(_) => {
            let (time, date) = split(bytes, 5)?;
            Value::DateTime2 { days: days(date)?, ticks: ticks(time)? }
        }
        ColumnType::DateTimeOffset(_) => {
            let (time, rest) = split(bytes, 5)?;
            let (date, offset) = split(rest, 3)?;
            let offset = i16::from_le_bytes(sized(offset)?);
            if !(-MAX_OFFSET..=MAX_OFFSET).contains(&offset) {
                return Err("its offset is out of range");
            }
            Value::DateTimeOffset { days: days(date)?, ticks: ticks(time)?, offset }
        }
        ColumnType::DateTime => {
            let (date, time) = split(bytes, 4)?;
            let (days, ticks) = (i32::from_le_bytes(sized(date)?), u32::from_le_bytes(sized(time)?));
            if !DATETIME_DAYS.contains(&days) || ticks >= THREE_HUNDREDTHS_PER_DAY {
                return Err("it is out of range");
            }
            Value::DateTime { days, ticks }
        }
        ColumnType::SmallDateTime => {
            let (date, time) = split(bytes, 2)?;
            let minutes = u16::from_le_bytes(sized(time)?);
            if minutes >= 1440 {
                return Err("it is out of range");
            }
            Value::SmallDateTime { days: u16::from_le_bytes(sized(date)?), minutes }
        }
        ColumnType::Char(_) | ColumnType::VarChar(_) | ColumnType::NChar(_) | ColumnType::NVarChar(_) => text(bytes)?,
        ColumnType::Text | ColumnType::NText | ColumnType::Xml | ColumnType::Json | ColumnType::SqlVariant => {
            text(bytes)?
        }
        ColumnType::Binary(_) | ColumnType::VarBinary(_) | ColumnType::Image => Value::Bytes(bytes.to_vec()),
        ColumnType::HierarchyId | ColumnType::Geometry | ColumnType::Geography => Value::Bytes(bytes.to_vec()),
    })
}

fn sized<const N: usize>(bytes: &[u8]) -> Result<[u8; N], &'static str> {
    bytes.try_into().map_err(|_| "its length cannot be")
}

fn split(bytes: &[u8], at: usize) -> Result<(&[u8], &[u8]), &'static str> {
    bytes.split_at_checked(at).ok_or("its length cannot be")
}

fn days(bytes: &[u8]) -> Result<i32, &'static str> {
    let [a, b, c] = sized(bytes)?;
    let days = i32::from_le_bytes([a, b, c, 0]);
    if days <= MAX_DAYS { Ok(days) } else { Err("its date is out of range") }
}

fn ticks(bytes: &[u8]) -> Result<u64, &'static str> {
    let [a, b, c, d, e] = sized(bytes)?;
    let ticks = u64::from_le_bytes([a, b, c, d, e, 0, 0, 0]);
    if ticks < TICKS_PER_DAY { Ok(ticks) } else { Err("its time is out of range") }
}

fn decimal(precision: u8, scale: u8, bytes: &[u8]) -> Result<Value, &'static str> {
    let [held_precision, held_scale, sign, magnitude @ ..]: [u8; 19] = sized(bytes)?;
    if (held_precision, held_scale) != (precision, scale) || sign > 1 {
        return Err("its precision, scale or sign is another");
    }
    let magnitude = u128::from_le_bytes(magnitude);
    if 10u128.checked_pow(u32::from(precision)).is_none_or(|limit| magnitude >= limit) {
        return Err("it is out of range");
    }
    let unscaled = i128::try_from(magnitude).map_err(|_| "it is out of range")?;
    Ok(Value::Decimal { unscaled: if sign == 1 { unscaled } else { -unscaled }, scale })
}

fn text(bytes: &[u8]) -> Result<Value, &'static str> {
    let (units, []) = bytes.as_chunks::<2>() else {
        return Err("its UTF-16 has an odd number of bytes");
    };
    if units.iter().all(|[low, high]| *high == 0 && low.is_ascii()) {
        return Ok(Value::String(units.iter().map(|[low, _]| char::from(*low)).collect()));
    }
    let units = units.iter().map(|unit| u16::from_le_bytes(*unit));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.map(Value::String).map_err(|_| "its UTF-16 has half a surrogate pair")
}
