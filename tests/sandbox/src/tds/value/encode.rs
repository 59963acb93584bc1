//! To the wire.

use super::{CHUNKED_NULL, swap_guid, time_bytes, time_unit};
use crate::tds::text::{put_narrow, put_utf16};
use crate::tds::type_info::{Layout, decimal_bytes};
use crate::types::{Datum, Length, SqlType};

/// A value that its column cannot hold: a defect of whoever produced the row, reported instead of being sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a value of another type or length than its {0:?} column")]
pub struct Misfit(pub SqlType);

/// Bytes that NULL takes in a ROW token.
pub fn null_bytes(layout: Layout) -> usize {
    match layout {
        Layout::Null | Layout::Fixed => 0,
        Layout::ByteLength => 1,
        Layout::ShortLength => 2,
        Layout::Chunked => 8,
        Layout::LongLength | Layout::Variant => 4,
        Layout::TextPointer => 1,
    }
}

/// Appends a value of a column of type `ty` that was described with `layout`. On [`Misfit`], what was appended is undefined.
pub fn put_value(out: &mut Vec<u8>, ty: SqlType, layout: Layout, value: &Datum) -> Result<(), Misfit> {
    let sized = layout == Layout::ByteLength;
    let misfit = Err(Misfit(ty));
    macro_rules! scalar {
        ($bytes:expr) => {{
            let bytes = $bytes;
            if sized {
                out.push(bytes.len() as u8);
            }
            out.extend_from_slice(&bytes);
        }};
    }
    match (ty, value) {
        (_, Datum::Null) => match layout {
            Layout::Null => {}
            Layout::Fixed => return misfit,
            Layout::ByteLength => out.push(0),
            Layout::ShortLength => out.extend_from_slice(&u16::MAX.to_le_bytes()),
            Layout::Chunked => out.extend_from_slice(&CHUNKED_NULL.to_le_bytes()),
            Layout::LongLength => out.extend_from_slice(&u32::MAX.to_le_bytes()),
            Layout::TextPointer => out.push(0),
            Layout::Variant => out.extend_from_slice(&[0; 4]),
        },
        (SqlType::Bit, &Datum::Bit(value)) => scalar!([u8::from(value)]),
        (SqlType::TinyInt, &Datum::TinyInt(value)) => scalar!([value]),
        (SqlType::SmallInt, &Datum::SmallInt(value)) => scalar!(value.to_le_bytes()),
        (SqlType::Int, &Datum::Int(value)) => scalar!(value.to_le_bytes()),
        (SqlType::BigInt, &Datum::BigInt(value)) => scalar!(value.to_le_bytes()),
        (SqlType::Real, &Datum::Real(value)) if value.is_finite() => scalar!(value.to_le_bytes()),
        (SqlType::Float, &Datum::Float(value)) if value.is_finite() => scalar!(value.to_le_bytes()),
        (SqlType::Money, &Datum::Money(value)) => {
            // The high half comes first.
            scalar!((value as u64).rotate_left(32).to_le_bytes());
        }
        (SqlType::SmallMoney, &Datum::Money(value)) => match i32::try_from(value) {
            Ok(value) => scalar!(value.to_le_bytes()),
            Err(_) => return misfit,
        },
        (SqlType::DateTime, &Datum::DateTime { days, ticks }) => {
            scalar!((u64::from(ticks) << 32 | u64::from(days as u32)).to_le_bytes());
        }
        (SqlType::SmallDateTime, &Datum::SmallDateTime { days, minutes }) => {
            scalar!((u32::from(minutes) << 16 | u32::from(days)).to_le_bytes());
        }
        (SqlType::UniqueIdentifier, &Datum::Guid(guid)) => scalar!(swap_guid(guid)),
        (SqlType::Decimal { precision, scale }, &Datum::Decimal { unscaled, scale: actual }) => {
            let magnitude = unscaled.unsigned_abs();
            if actual != scale || magnitude >= 10u128.pow(precision.into()) {
                return misfit;
            }
            let length = decimal_bytes(precision);
            out.extend_from_slice(&[length, u8::from(unscaled >= 0)]);
            out.extend_from_slice(&magnitude.to_le_bytes()[..usize::from(length) - 1]);
        }
        (SqlType::Date, &Datum::Date(days)) => {
            out.push(3);
            put_date(out, days);
        }
        (SqlType::Time(scale), &Datum::Time(ticks)) => {
            out.push(time_bytes(scale) as u8);
            put_time(out, scale, ticks);
        }
        (SqlType::DateTime2(scale), &Datum::DateTime2 { days, ticks }) => {
            out.push(time_bytes(scale) as u8 + 3);
            put_time(out, scale, ticks);
            put_date(out, days);
        }
        (SqlType::DateTimeOffset(scale), &Datum::DateTimeOffset { days, ticks, offset }) => {
            out.push(time_bytes(scale) as u8 + 5);
            put_time(out, scale, ticks);
            put_date(out, days);
            out.extend_from_slice(&offset.to_le_bytes());
        }
        (SqlType::Char(length) | SqlType::VarChar(Length::N(length)), Datum::String(text)) => {
            return put_short(out, ty, length.max(1).into(), |out| put_narrow(out, text));
        }
        (SqlType::NChar(length) | SqlType::NVarChar(Length::N(length)), Datum::String(text)) => {
            return put_short(out, ty, 2 * usize::from(length.max(1)), |out| put_utf16(out, text));
        }
        (SqlType::Binary(length) | SqlType::VarBinary(Length::N(length)), Datum::Binary(bytes)) => {
            return put_short(out, ty, length.max(1).into(), |out| {
                out.extend_from_slice(bytes);
                bytes.len()
            });
        }
        (SqlType::VarChar(Length::Max), Datum::String(text)) => put_chunked(out, |out| put_narrow(out, text)),
        (SqlType::NVarChar(Length::Max), Datum::String(text)) => put_chunked(out, |out| put_utf16(out, text)),
        (
            SqlType::VarBinary(Length::Max) | SqlType::HierarchyId | SqlType::Geometry | SqlType::Geography,
            Datum::Binary(bytes),
        ) => put_chunked(out, |out| {
            out.extend_from_slice(bytes);
            bytes.len()
        }),
        (SqlType::Json, Datum::String(text)) => put_chunked(out, |out| {
            out.extend_from_slice(text.as_bytes());
            text.len()
        }),
        (SqlType::Xml, Datum::String(text)) => put_chunked(out, |out| put_utf16(out, text)),
        (SqlType::RowVersion, Datum::Binary(bytes)) if bytes.len() == 8 => {
            return put_short(out, ty, 8, |out| {
                out.extend_from_slice(bytes);
                bytes.len()
            });
        }
        (SqlType::Text, Datum::String(text)) => put_large(out, layout, |out| put_narrow(out, text)),
        (SqlType::NText, Datum::String(text)) => put_large(out, layout, |out| put_utf16(out, text)),
        (SqlType::Image, Datum::Binary(bytes)) => put_large(out, layout, |out| {
            out.extend_from_slice(bytes);
            bytes.len()
        }),
        (SqlType::SqlVariant, Datum::Variant(held)) => return super::variant::put(out, held),
        _ => return misfit,
    }
    Ok(())
}

/// A text pointer where the layout has one, four length bytes, then what `put` appends.
fn put_large(out: &mut Vec<u8>, layout: Layout, put: impl FnOnce(&mut Vec<u8>) -> usize) {
    if layout == Layout::TextPointer {
        // There is nothing to point to: pointer and timestamp are those that the server sends for a value in a result.
        out.push(16);
        out.extend_from_slice(b"dummy textptr\0\0\0dummyTS\0");
    }
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    let length = put(out) as u32;
    out[at..at + 4].copy_from_slice(&length.to_le_bytes());
}

fn put_date(out: &mut Vec<u8>, days: i32) {
    out.extend_from_slice(&days.to_le_bytes()[..3]);
}

fn put_time(out: &mut Vec<u8>, scale: u8, ticks: u64) {
    out.extend_from_slice(&(ticks / time_unit(scale)).to_le_bytes()[..time_bytes(scale)]);
}

/// Two length bytes, then what `put` appends.
fn put_short(
    out: &mut Vec<u8>,
    ty: SqlType,
    longest: usize,
    put: impl FnOnce(&mut Vec<u8>) -> usize,
) -> Result<(), Misfit> {
    let at = out.len();
    out.extend_from_slice(&[0; 2]);
    let length = put(out);
    if length > longest {
        return Err(Misfit(ty));
    }
    out[at..at + 2].copy_from_slice(&(length as u16).to_le_bytes());
    Ok(())
}

/// The total length, one chunk with what `put` appends (none if that is nothing), and the end mark.
fn put_chunked(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>) -> usize) {
    let at = out.len();
    out.extend_from_slice(&[0; 12]);
    let length = put(out);
    out[at..at + 8].copy_from_slice(&(length as u64).to_le_bytes());
    if length == 0 {
        // The chunk's length that is already there is the end mark.
        return;
    }
    out[at + 8..at + 12].copy_from_slice(&(length as u32).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
}
