//! Exact images of a value in another type's encoding, for comparing without wrapping an indexed column.

use rusqlite::types::Value;

use crate::error::{SqlError, SqlResult};
use crate::types::{Datum, SqlType};

use super::convert_temporal::{datetime_to_units, moment_of};
use super::decimal;
use super::encode::{DATETIME_TICKS_PER_DAY, MINUTES_PER_DAY, TICKS_PER_DAY, wide_decimal};
use super::type_rules::as_decimal;
use super::typed::is_wide;

/// Beyond this, a double cannot hold a half.
const LARGEST_HALF: i128 = 1 << 51;

/// `value` of type `from` among the encodings of `to`: the encoding of the equal value if there is one, else something that
/// lies between the encodings of its neighbours. `from` and `to` are both exact numbers or both dates and times.
pub fn key(value: &Datum, from: &SqlType, to: &SqlType) -> SqlResult<Value> {
    if *value == Datum::Null {
        return Ok(Value::Null);
    }
    match (as_decimal(from), as_decimal(to)) {
        (Some((_, own)), Some((_, scale))) => {
            exact(unscaled(value).ok_or_else(|| refused(from, to))?, own, scale, is_wide(to))
        }
        _ => temporal(value, to).ok_or_else(|| refused(from, to)),
    }
}

fn refused(from: &SqlType, to: &SqlType) -> SqlError {
    let (from, to) = (super::type_rules::type_name(from), super::type_rules::type_name(to));
    SqlError::unsupported(format!("comparison of {from} with {to}"))
}

fn unscaled(value: &Datum) -> Option<i128> {
    Some(match value {
        Datum::Bit(v) => i128::from(*v),
        Datum::TinyInt(v) => i128::from(*v),
        Datum::SmallInt(v) => i128::from(*v),
        Datum::Int(v) => i128::from(*v),
        Datum::BigInt(v) | Datum::Money(v) => i128::from(*v),
        Datum::Decimal { unscaled, .. } => *unscaled,
        _ => return None,
    })
}

fn exact(unscaled: i128, own: u8, scale: u8, wide: bool) -> SqlResult<Value> {
    let (floor, between) = if scale >= own {
        let by = decimal::pow10(u32::from(scale - own));
        (unscaled.saturating_mul(by), false)
    } else {
        let by = decimal::pow10(u32::from(own - scale));
        (unscaled.div_euclid(by), unscaled.rem_euclid(by) != 0)
    };
    if wide {
        let mut bytes = wide_decimal(floor).to_vec();
        if between {
            bytes.push(0x80);
        }
        return Ok(Value::Blob(bytes));
    }
    between_integers(floor, between)
}

fn between_integers(floor: i128, between: bool) -> SqlResult<Value> {
    match i64::try_from(floor) {
        Err(_) => Ok(Value::Real(if floor < 0 { -1e19 } else { 1e19 })),
        Ok(integer) if !between => Ok(Value::Integer(integer)),
        Ok(integer) if floor.abs() < LARGEST_HALF => Ok(Value::Real(integer as f64 + 0.5)),
        Ok(_) => Err(SqlError::unsupported("comparison of decimals this large at different scales")),
    }
}

fn temporal(value: &Datum, to: &SqlType) -> Option<Value> {
    let moment = moment_of(value)?;
    let days_since_1900 = i64::from(moment.days - super::calendar::DAYS_TO_1900);
    let (floor, between) = match to {
        SqlType::Date => (i64::from(moment.days), moment.ticks != 0),
        SqlType::Time(_) => (moment.ticks, false),
        SqlType::SmallDateTime => {
            (days_since_1900 * MINUTES_PER_DAY + moment.ticks / 600_000_000, moment.ticks % 600_000_000 != 0)
        }
        SqlType::DateTime => {
            let mut ticks = moment.ticks * 3 / 100_000 + 1;
            while datetime_to_units(ticks as u32) > moment.ticks {
                ticks -= 1;
            }
            let exact = datetime_to_units(ticks as u32) == moment.ticks;
            (days_since_1900 * DATETIME_TICKS_PER_DAY + ticks, !exact)
        }
        SqlType::DateTime2(_) => (i64::from(moment.days) * TICKS_PER_DAY + moment.ticks, false),
        _ => return None,
    };
    between_integers(i128::from(floor), between).ok()
}
