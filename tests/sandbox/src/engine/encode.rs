//! Values as they lie in SQLite, exactly as [`meta`](super::meta) tables them.

use rusqlite::types::{Value, ValueRef};

use crate::error::{SqlError, SqlResult};
use crate::types::{Datum, Length, SqlType};

/// 100 ns units in a day.
pub const TICKS_PER_DAY: i64 = 864_000_000_000;
/// 1/300 s units in a day.
pub const DATETIME_TICKS_PER_DAY: i64 = 25_920_000;
/// Minutes in a day.
pub const MINUTES_PER_DAY: i64 = 1_440;
/// Largest precision of a decimal that lies in an INTEGER.
pub const MAX_INTEGER_PRECISION: u8 = 18;

/// What a column of this type is declared as in SQLite: its affinity and, for text, its collation.
pub fn sqlite_type(ty: &SqlType, collation: Option<&str>) -> String {
    match ty {
        SqlType::Real | SqlType::Float => "REAL".to_owned(),
        SqlType::Decimal { precision, .. } if *precision > MAX_INTEGER_PRECISION => "BLOB".to_owned(),
        SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::UniqueIdentifier => "BLOB".to_owned(),
        SqlType::DateTimeOffset(_) => format!("TEXT COLLATE {}", super::collation::OFFSET_COLLATION),
        SqlType::RowVersion | SqlType::Image => "BLOB".to_owned(),
        SqlType::HierarchyId | SqlType::Geometry | SqlType::Geography => "BLOB".to_owned(),
        SqlType::Xml | SqlType::Json => "TEXT".to_owned(),
        SqlType::SqlVariant => format!("TEXT COLLATE {}", super::variant::COLLATION),
        SqlType::Char(_)
        | SqlType::VarChar(_)
        | SqlType::NChar(_)
        | SqlType::NVarChar(_)
        | SqlType::Text
        | SqlType::NText => match collation {
            Some(collation) => format!("TEXT COLLATE {collation}"),
            None => format!("TEXT COLLATE {}", super::collation::default_name()),
        },
        _ => "INT".to_owned(),
    }
}

/// A wide decimal as 16 bytes whose memcmp order is numeric order.
pub fn wide_decimal(unscaled: i128) -> [u8; 16] {
    ((unscaled as u128) ^ (1 << 127)).to_be_bytes()
}

fn unwrap_wide_decimal(bytes: &[u8]) -> Option<i128> {
    let bytes: [u8; 16] = bytes.try_into().ok()?;
    Some((u128::from_be_bytes(bytes) ^ (1 << 127)) as i128)
}

/// Swaps a GUID between the order of its text and SQL Server's bytes (`varbinary(16)`), whose first three groups are little-endian.
pub fn guid_storage_order(bytes: &[u8; 16]) -> [u8; 16] {
    let mut swapped = *bytes;
    swapped[0..4].reverse();
    swapped[4..6].reverse();
    swapped[6..8].reverse();
    swapped
}

/// Positions of the text-order bytes in SQL Server's comparison order.
const GUID_ORDER: [usize; 16] = [10, 11, 12, 13, 14, 15, 8, 9, 7, 6, 5, 4, 3, 2, 1, 0];

/// Encodes a value of type `ty` for SQLite.
pub fn encode(value: &Datum, ty: &SqlType) -> Value {
    match value {
        Datum::Null => Value::Null,
        Datum::Bit(v) => Value::Integer(i64::from(*v)),
        Datum::TinyInt(v) => Value::Integer(i64::from(*v)),
        Datum::SmallInt(v) => Value::Integer(i64::from(*v)),
        Datum::Int(v) => Value::Integer(i64::from(*v)),
        Datum::BigInt(v) | Datum::Money(v) => Value::Integer(*v),
        Datum::Decimal { unscaled, .. } => match ty {
            SqlType::Decimal { precision, .. } if *precision > MAX_INTEGER_PRECISION => {
                Value::Blob(wide_decimal(*unscaled).to_vec())
            }
            _ => Value::Integer(*unscaled as i64),
        },
        Datum::Real(v) => Value::Real(f64::from(*v)),
        Datum::Float(v) => Value::Real(*v),
        Datum::String(v) => Value::Text(v.clone()),
        Datum::Binary(v) => Value::Blob(v.clone()),
        Datum::Date(days) => Value::Integer(i64::from(*days)),
        Datum::Time(ticks) => Value::Integer(*ticks as i64),
        Datum::DateTime { days, ticks } => {
            Value::Integer(i64::from(*days) * DATETIME_TICKS_PER_DAY + i64::from(*ticks))
        }
        Datum::SmallDateTime { days, minutes } => {
            Value::Integer(i64::from(*days) * MINUTES_PER_DAY + i64::from(*minutes))
        }
        Datum::DateTime2 { days, ticks } => Value::Integer(i64::from(*days) * TICKS_PER_DAY + *ticks as i64),
        Datum::DateTimeOffset { days, ticks, offset } => {
            Value::Text(format!("{:016X}{:+}", i64::from(*days) * TICKS_PER_DAY + *ticks as i64, offset))
        }
        Datum::Guid(bytes) => Value::Blob(GUID_ORDER.iter().map(|&i| bytes[i]).collect()),
        Datum::Variant(variant) => Value::Text(super::variant::store(variant)),
    }
}

/// Decodes what SQLite returned for an expression of type `ty`. An error means the value is not of that type's encoding.
pub fn decode(value: ValueRef<'_>, ty: &SqlType) -> SqlResult<Datum> {
    match (value, ty) {
        (ValueRef::Null, _) => Ok(Datum::Null),
        (ValueRef::Integer(v), _) => decode_integer(v, ty),
        (ValueRef::Text(bytes), SqlType::DateTimeOffset(_)) => decode_offset(bytes).ok_or_else(|| mismatch(ty)),
        (ValueRef::Text(bytes), SqlType::SqlVariant) => std::str::from_utf8(bytes)
            .ok()
            .and_then(super::variant::read)
            .map(|variant| Datum::Variant(Box::new(variant)))
            .ok_or_else(|| mismatch(ty)),
        (ValueRef::Text(bytes), ty)
            if super::system_types::is_character(ty) || matches!(ty, SqlType::Xml | SqlType::Json) =>
        {
            Ok(Datum::String(std::str::from_utf8(bytes).map_err(|_| mismatch(ty))?.to_owned()))
        }
        (ValueRef::Real(v), SqlType::Float) => Ok(Datum::Float(v)),
        (ValueRef::Real(v), SqlType::Real) => Ok(Datum::Real(v as f32)),
        (
            ValueRef::Blob(bytes),
            SqlType::Binary(_)
            | SqlType::VarBinary(_)
            | SqlType::Image
            | SqlType::RowVersion
            | SqlType::HierarchyId
            | SqlType::Geometry
            | SqlType::Geography,
        ) => Ok(Datum::Binary(bytes.to_vec())),
        (ValueRef::Blob(bytes), SqlType::Decimal { scale, .. }) => unwrap_wide_decimal(bytes)
            .map(|unscaled| Datum::Decimal { unscaled, scale: *scale })
            .ok_or_else(|| mismatch(ty)),
        (ValueRef::Blob(bytes), SqlType::UniqueIdentifier) if bytes.len() == 16 => {
            let mut text_order = [0; 16];
            for (byte, &position) in bytes.iter().zip(&GUID_ORDER) {
                text_order[position] = *byte;
            }
            Ok(Datum::Guid(text_order))
        }
        _ => Err(mismatch(ty)),
    }
}

/// The same into a value that may have held another of the column: a text takes the place of the one before.
pub fn decode_into(value: ValueRef<'_>, ty: &SqlType, into: &mut Datum) -> SqlResult<()> {
    match (value, ty, &mut *into) {
        (
            ValueRef::Text(bytes),
            SqlType::Char(_) | SqlType::VarChar(_) | SqlType::NChar(_) | SqlType::NVarChar(_),
            Datum::String(text),
        ) => {
            text.clear();
            text.push_str(std::str::from_utf8(bytes).map_err(|_| mismatch(ty))?);
        }
        _ => *into = decode(value, ty)?,
    }
    Ok(())
}

fn decode_integer(v: i64, ty: &SqlType) -> SqlResult<Datum> {
    let narrow = |_| mismatch(ty);
    Ok(match ty {
        SqlType::Bit => Datum::Bit(v != 0),
        SqlType::TinyInt => Datum::TinyInt(v.try_into().map_err(narrow)?),
        SqlType::SmallInt => Datum::SmallInt(v.try_into().map_err(narrow)?),
        SqlType::Int => Datum::Int(v.try_into().map_err(narrow)?),
        SqlType::BigInt => Datum::BigInt(v),
        SqlType::Money | SqlType::SmallMoney => Datum::Money(v),
        SqlType::Decimal { scale, .. } => Datum::Decimal { unscaled: i128::from(v), scale: *scale },
        SqlType::Float => Datum::Float(v as f64),
        SqlType::Real => Datum::Real(v as f32),
        SqlType::Date => Datum::Date(v.try_into().map_err(narrow)?),
        SqlType::Time(_) => Datum::Time(v as u64),
        SqlType::DateTime => Datum::DateTime {
            days: v.div_euclid(DATETIME_TICKS_PER_DAY) as i32,
            ticks: v.rem_euclid(DATETIME_TICKS_PER_DAY) as u32,
        },
        SqlType::SmallDateTime => {
            Datum::SmallDateTime { days: (v / MINUTES_PER_DAY) as u16, minutes: (v % MINUTES_PER_DAY) as u16 }
        }
        SqlType::DateTime2(_) => {
            Datum::DateTime2 { days: v.div_euclid(TICKS_PER_DAY) as i32, ticks: v.rem_euclid(TICKS_PER_DAY) as u64 }
        }
        _ => return Err(mismatch(ty)),
    })
}

fn decode_offset(bytes: &[u8]) -> Option<Datum> {
    let text = std::str::from_utf8(bytes).ok()?;
    let units = i64::from_str_radix(text.get(..16)?, 16).ok()?;
    let offset = text.get(16..)?.parse().ok()?;
    Some(Datum::DateTimeOffset {
        days: units.div_euclid(TICKS_PER_DAY) as i32,
        ticks: units.rem_euclid(TICKS_PER_DAY) as u64,
        offset,
    })
}

fn mismatch(ty: &SqlType) -> SqlError {
    SqlError::new(8180, format!("sandbox: a stored value is not of type {}.", super::type_rules::type_name(ty)))
}

/// Whether every stored value of one type is, unchanged, the value of the other.
pub fn widens(from: &SqlType, to: &SqlType) -> bool {
    let whole = |ty: &SqlType| match ty {
        SqlType::TinyInt => Some(1),
        SqlType::SmallInt => Some(2),
        SqlType::Int => Some(4),
        SqlType::BigInt => Some(8),
        _ => None,
    };
    let wider = |a: &Length, b: &Length| match (a, b) {
        (_, Length::Max) => true,
        (Length::Max, Length::N(_)) => false,
        (Length::N(a), Length::N(b)) => a <= b,
    };
    if from == to {
        return true;
    }
    if let (Some(from), Some(to)) = (whole(from), whole(to)) {
        return from <= to;
    }
    match (from, to) {
        (SqlType::VarChar(a), SqlType::VarChar(b) | SqlType::NVarChar(b))
        | (SqlType::NVarChar(a), SqlType::NVarChar(b))
        | (SqlType::VarBinary(a), SqlType::VarBinary(b)) => wider(a, b),
        (SqlType::Decimal { precision: p, scale: s }, SqlType::Decimal { precision: q, scale: t }) => {
            let narrow = MAX_INTEGER_PRECISION;
            s == t && p <= q && (*p <= narrow) == (*q <= narrow)
        }
        (SqlType::Real, SqlType::Float) | (SqlType::SmallMoney, SqlType::Money) => true,
        (SqlType::DateTime2(a), SqlType::DateTime2(b))
        | (SqlType::Time(a), SqlType::Time(b))
        | (SqlType::DateTimeOffset(a), SqlType::DateTimeOffset(b)) => a <= b,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_widening_keeps_what_is_stored() {
        assert!(widens(&SqlType::Int, &SqlType::BigInt));
        assert!(!widens(&SqlType::BigInt, &SqlType::Int));
        assert!(widens(&SqlType::VarChar(Length::N(10)), &SqlType::NVarChar(Length::N(20))));
        assert!(!widens(&SqlType::NVarChar(Length::Max), &SqlType::NVarChar(Length::N(20))));
    }

    fn round_trip(value: Datum, ty: SqlType) {
        let stored = encode(&value, &ty);
        assert_eq!(decode(ValueRef::from(&stored), &ty).unwrap(), value);
    }

    #[test]
    fn every_type_reads_back_what_was_stored() {
        round_trip(Datum::Null, SqlType::Int);
        round_trip(Datum::Bit(true), SqlType::Bit);
        round_trip(Datum::TinyInt(255), SqlType::TinyInt);
        round_trip(Datum::BigInt(i64::MIN), SqlType::BigInt);
        round_trip(Datum::Decimal { unscaled: -12345, scale: 2 }, SqlType::Decimal { precision: 18, scale: 2 });
        round_trip(
            Datum::Decimal { unscaled: -99_999_999_999_999_999_999, scale: 5 },
            SqlType::Decimal { precision: 38, scale: 5 },
        );
        round_trip(Datum::Money(-1), SqlType::Money);
        round_trip(Datum::Real(1.1), SqlType::Real);
        round_trip(Datum::Float(-1e300), SqlType::Float);
        round_trip(Datum::String("a\0b ".into()), SqlType::NVarChar(Length::Max));
        round_trip(Datum::Binary(vec![0, 255]), SqlType::VarBinary(Length::N(2)));
        round_trip(Datum::Date(738_000), SqlType::Date);
        round_trip(Datum::Time(1), SqlType::Time(7));
        round_trip(Datum::DateTime { days: -53_690, ticks: 25_919_999 }, SqlType::DateTime);
        round_trip(Datum::SmallDateTime { days: 65_535, minutes: 1_439 }, SqlType::SmallDateTime);
        round_trip(Datum::DateTime2 { days: 3_652_058, ticks: 863_999_999_999 }, SqlType::DateTime2(7));
        round_trip(Datum::DateTimeOffset { days: 1, ticks: 5, offset: -840 }, SqlType::DateTimeOffset(7));
        round_trip(Datum::Guid(*b"0123456789abcdef"), SqlType::UniqueIdentifier);
    }

    #[test]
    fn wide_decimals_sort_as_numbers() {
        let mut values = [-1_i128, 0, 1, i128::from(i64::MAX) * 4, -(i128::from(i64::MAX) * 4)];
        values.sort_by_key(|v| wide_decimal(*v));
        assert!(values.is_sorted());
    }
}
