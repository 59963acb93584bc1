//! Values to bytes.

use super::{DATETIME_DAYS, Field, MAX_DAYS, MAX_OFFSET, MAX_VALUE, THREE_HUNDREDTHS_PER_DAY, TICKS_PER_DAY};
use super::{field, swap_guid};
use crate::error::WorkDirError;
use proto::{Column, ColumnType, Value};

/// Appends a row. On an error, which names the column, `out` is as it was.
pub fn encode_row(columns: &[Column], row: &[Value], out: &mut Vec<u8>) -> Result<(), WorkDirError> {
    if columns.len() != row.len() {
        return Err(WorkDirError::value(format!("a row has {} values for {} columns", row.len(), columns.len())));
    }
    let start = out.len();
    for (column, value) in columns.iter().zip(row) {
        if let Err(why) = encode_value(column, value, out) {
            out.truncate(start);
            return Err(WorkDirError::value(format!(
                "a value of column {} does not fit {}: {why}",
                column.name, column.column_type
            )));
        }
    }
    Ok(())
}

fn encode_value(column: &Column, value: &Value, out: &mut Vec<u8>) -> Result<(), &'static str> {
    let Field { prefix, fixed } = field(column);
    if *value == Value::Null {
        if !column.nullable {
            return Err("it is NULL");
        }
        out.extend_from_slice(&[0xFF; 8][..prefix]);
        return Ok(());
    }
    if !column.column_type.holds(value) {
        return Err("it is of another type");
    }
    match fixed {
        Some(size) => {
            if prefix == 1 {
                out.push(size as u8);
            }
            encode_fixed(column.column_type, value, out)
        }
        None => encode_varying(prefix, value, out),
    }
}

fn encode_varying(prefix: usize, value: &Value, out: &mut Vec<u8>) -> Result<(), &'static str> {
    let start = out.len();
    out.extend_from_slice(&[0; 8][..prefix]);
    match value {
        Value::Bytes(bytes) => out.extend_from_slice(bytes),
        Value::String(text) if text.is_ascii() => {
            out.reserve(2 * text.len());
            out.extend(text.bytes().flat_map(|byte| [byte, 0]));
        }
        Value::String(text) => out.extend(text.encode_utf16().flat_map(u16::to_le_bytes)),
        _ => return Err("it is of another type"),
    }
    let length = (out.len() - start - prefix) as u64;
    // A prefix of all ones is NULL.
    let longest = if prefix == 2 { u64::from(u16::MAX) - 1 } else { MAX_VALUE };
    if length > longest {
        return Err("it is too long");
    }
    out[start..start + prefix].copy_from_slice(&length.to_le_bytes()[..prefix]);
    Ok(())
}

fn encode_fixed(column_type: ColumnType, value: &Value, out: &mut Vec<u8>) -> Result<(), &'static str> {
    match *value {
        Value::Bit(v) => out.push(u8::from(v)),
        Value::U8(v) => out.push(v),
        Value::I16(v) => out.extend_from_slice(&v.to_le_bytes()),
        Value::I32(v) => out.extend_from_slice(&v.to_le_bytes()),
        Value::I64(v) => out.extend_from_slice(&v.to_le_bytes()),
        Value::F32(v) => out.extend_from_slice(&v.to_le_bytes()),
        Value::F64(v) => out.extend_from_slice(&v.to_le_bytes()),
        Value::Decimal { unscaled, scale } => encode_decimal(column_type, unscaled, scale, out)?,
        Value::Date(days) => push_days(days, out)?,
        Value::Time(ticks) => push_ticks(ticks, out)?,
        Value::DateTime2 { days, ticks } => {
            push_ticks(ticks, out)?;
            push_days(days, out)?;
        }
        Value::DateTimeOffset { days, ticks, offset } => {
            if !(-MAX_OFFSET..=MAX_OFFSET).contains(&offset) {
                return Err("its offset is out of range");
            }
            push_ticks(ticks, out)?;
            push_days(days, out)?;
            out.extend_from_slice(&offset.to_le_bytes());
        }
        Value::DateTime { days, ticks } => {
            if !DATETIME_DAYS.contains(&days) || ticks >= THREE_HUNDREDTHS_PER_DAY {
                return Err("it is out of range");
            }
            out.extend_from_slice(&days.to_le_bytes());
            out.extend_from_slice(&ticks.to_le_bytes());
        }
        Value::SmallDateTime { days, minutes } => {
            if minutes >= 1440 {
                return Err("it is out of range");
            }
            out.extend_from_slice(&days.to_le_bytes());
            out.extend_from_slice(&minutes.to_le_bytes());
        }
        Value::Guid(bytes) => out.extend_from_slice(&swap_guid(bytes)),
        Value::Null | Value::String(_) | Value::Bytes(_) => return Err("it is of another type"),
    }
    Ok(())
}

fn encode_decimal(column_type: ColumnType, unscaled: i128, scale: u8, out: &mut Vec<u8>) -> Result<(), &'static str> {
    const RANGE: &str = "it is out of range";
    match column_type {
        ColumnType::Money => {
            let value = i64::try_from(unscaled).map_err(|_| RANGE)?;
            out.extend_from_slice(&((value >> 32) as i32).to_le_bytes());
            out.extend_from_slice(&(value as u32).to_le_bytes());
        }
        ColumnType::SmallMoney => {
            out.extend_from_slice(&i32::try_from(unscaled).map_err(|_| RANGE)?.to_le_bytes());
        }
        ColumnType::Decimal { precision, .. } => {
            if unscaled.unsigned_abs() >= 10u128.checked_pow(u32::from(precision)).ok_or(RANGE)? {
                return Err(RANGE);
            }
            out.extend_from_slice(&[precision, scale, u8::from(unscaled >= 0)]);
            out.extend_from_slice(&unscaled.unsigned_abs().to_le_bytes());
        }
        _ => return Err("it is of another type"),
    }
    Ok(())
}

fn push_days(days: i32, out: &mut Vec<u8>) -> Result<(), &'static str> {
    if !(0..=MAX_DAYS).contains(&days) {
        return Err("its date is out of range");
    }
    out.extend_from_slice(&days.to_le_bytes()[..3]);
    Ok(())
}

fn push_ticks(ticks: u64, out: &mut Vec<u8>) -> Result<(), &'static str> {
    if ticks >= TICKS_PER_DAY {
        return Err("its time is out of range");
    }
    out.extend_from_slice(&ticks.to_le_bytes()[..5]);
    Ok(())
}
