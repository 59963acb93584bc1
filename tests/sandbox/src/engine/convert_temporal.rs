//! Conversion to the date and time types.

use crate::error::{SqlError, SqlResult};
use crate::types::{Datum, SqlType};

use super::calendar::{self, DAYS_TO_1753, DAYS_TO_1900, LAST_DAY};
use super::encode::TICKS_PER_DAY;
use super::parse_temporal;
use super::type_rules::type_name;

/// A moment: local days since 0001-01-01, local 100 ns units since midnight, offset in minutes where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Days since 0001-01-01.
    pub days: i32,
    /// 100 ns units since midnight.
    pub ticks: i64,
    /// Minutes east of UTC.
    pub offset: Option<i16>,
}

/// The moment a temporal value stands for; `time` is on 1900-01-01.
pub fn moment_of(value: &Datum) -> Option<Moment> {
    let at = |days, ticks| Some(Moment { days, ticks, offset: None });
    match value {
        Datum::Date(days) => at(*days, 0),
        Datum::Time(ticks) => at(DAYS_TO_1900, *ticks as i64),
        Datum::DateTime { days, ticks } => at(days + DAYS_TO_1900, datetime_to_units(*ticks)),
        Datum::SmallDateTime { days, minutes } => {
            at(i32::from(*days) + DAYS_TO_1900, i64::from(*minutes) * 600_000_000)
        }
        Datum::DateTime2 { days, ticks } => at(*days, *ticks as i64),
        Datum::DateTimeOffset { days, ticks, offset } => {
            let local = i64::from(*days) * TICKS_PER_DAY + *ticks as i64 + i64::from(*offset) * 600_000_000;
            Some(Moment {
                days: local.div_euclid(TICKS_PER_DAY) as i32,
                ticks: local.rem_euclid(TICKS_PER_DAY),
                offset: Some(*offset),
            })
        }
        _ => None,
    }
}

/// 1/300 s as 100 ns units, rounded (`.0033333`, `.0066667`).
pub fn datetime_to_units(ticks: u32) -> i64 {
    (i64::from(ticks) * 200_000 + 3) / 6
}

/// 100 ns units as 1/300 s, rounded to the nearest.
fn units_to_datetime(units: i64) -> i64 {
    (units * 3 + 50_000) / 100_000
}

/// Rounds 100 ns units to `scale` digits; the result may be a whole day.
pub fn round_units(units: i64, scale: u8) -> i64 {
    let step = 10_i64.pow(u32::from(7 - scale.min(7)));
    (units + step / 2) / step * step
}

fn out_of_range(from: &SqlType, to: &SqlType) -> SqlError {
    let (from, to) = (type_name(from), type_name(to));
    SqlError::new(
        242,
        format!("The conversion of a {from} data type to a {to} data type resulted in an out-of-range value."),
    )
    .with_state(3)
}

/// Converts any value to a temporal type.
pub fn to_temporal(value: &Datum, from: &SqlType, to: &SqlType, style: Option<i32>) -> SqlResult<Datum> {
    let moment = match value {
        Datum::String(text) => parse_temporal::parse(text, from, to, style)?,
        Datum::Bit(_) | Datum::TinyInt(_) | Datum::SmallInt(_) | Datum::Int(_) | Datum::BigInt(_) => {
            let days = super::convert::convert(value, from, &SqlType::Int, None)?;
            let Datum::Int(days) = days else { return Err(out_of_range(from, to)) };
            Moment { days: days.saturating_add(DAYS_TO_1900), ticks: 0, offset: None }
        }
        Datum::Decimal { .. } | Datum::Money(_) | Datum::Real(_) | Datum::Float(_) => {
            let Datum::Float(days) = super::convert::convert(value, from, &SqlType::Float, None)? else {
                return Err(out_of_range(from, to));
            };
            if days.abs() > 3e6 {
                return Err(super::convert::overflow(to));
            }
            let ticks = (days * 25_920_000.0).round() as i64;
            Moment {
                days: ticks.div_euclid(25_920_000) as i32 + DAYS_TO_1900,
                ticks: datetime_to_units(ticks.rem_euclid(25_920_000) as u32),
                offset: None,
            }
        }
        Datum::Binary(bytes) if matches!(to, SqlType::DateTime | SqlType::SmallDateTime) => {
            return from_binary(bytes, to).ok_or_else(|| super::convert::overflow(to));
        }
        Datum::Binary(_) => {
            return Err(SqlError::unsupported(format!("conversion of {} to {}", type_name(from), type_name(to))));
        }
        temporal => moment_of(temporal).ok_or_else(|| out_of_range(from, to))?,
    };
    from_moment(moment, from, to)
}

/// `datetime` and `smalldatetime` as their bytes: days, then 1/300 s or minutes, big-endian.
fn from_binary(bytes: &[u8], to: &SqlType) -> Option<Datum> {
    let tail = &bytes[bytes.len().saturating_sub(8)..];
    let raw = tail.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    if *to == SqlType::SmallDateTime {
        let (days, minutes) = ((raw >> 16) as u16, raw as u16);
        return (minutes < 1_440).then_some(Datum::SmallDateTime { days, minutes });
    }
    let (days, ticks) = ((raw >> 32) as u32 as i32, raw as u32);
    let valid = (DAYS_TO_1753..=LAST_DAY).contains(&days.saturating_add(DAYS_TO_1900)) && ticks < 25_920_000;
    valid.then_some(Datum::DateTime { days, ticks })
}

/// Makes a value of the temporal type `to`, rounding to its precision.
pub fn from_moment(moment: Moment, from: &SqlType, to: &SqlType) -> SqlResult<Datum> {
    let Moment { mut days, ticks, offset } = moment;
    let fail = || out_of_range(from, to);
    match *to {
        SqlType::Date => {
            in_calendar(days, from, to)?;
            Ok(Datum::Date(days))
        }
        SqlType::Time(scale) => {
            let units = round_units(ticks, scale);
            Ok(Datum::Time((units % TICKS_PER_DAY) as u64))
        }
        SqlType::SmallDateTime => {
            // 29.998 seconds and below round down to the minute, 29.999 up.
            let mut minutes = (ticks + 300_010_000) / 600_000_000;
            if ticks % 600_000_000 < 299_990_000 {
                minutes = ticks / 600_000_000;
            }
            if minutes == 1_440 {
                minutes = 0;
                days += 1;
            }
            let days = u16::try_from(days - DAYS_TO_1900).map_err(|_| fail())?;
            if (i32::from(days), minutes) > (65_535, 1_439) {
                return Err(fail());
            }
            Ok(Datum::SmallDateTime { days, minutes: minutes as u16 })
        }
        SqlType::DateTime => {
            let mut units = units_to_datetime(ticks);
            if units >= 25_920_000 {
                units -= 25_920_000;
                days += 1;
            }
            if !(DAYS_TO_1753..=LAST_DAY).contains(&days) {
                return Err(fail());
            }
            Ok(Datum::DateTime { days: days - DAYS_TO_1900, ticks: units as u32 })
        }
        SqlType::DateTime2(scale) => {
            let (days, units) = carry(days, round_units(ticks, scale));
            in_calendar(days, from, to)?;
            Ok(Datum::DateTime2 { days, ticks: units as u64 })
        }
        SqlType::DateTimeOffset(scale) => {
            let offset = offset.unwrap_or(0);
            let (days, units) = carry(days, round_units(ticks, scale));
            let utc = i64::from(days) * TICKS_PER_DAY + units - i64::from(offset) * 600_000_000;
            let days = utc.div_euclid(TICKS_PER_DAY) as i32;
            in_calendar(days, from, to)?;
            Ok(Datum::DateTimeOffset { days, ticks: utc.rem_euclid(TICKS_PER_DAY) as u64, offset })
        }
        _ => Err(fail()),
    }
}

fn carry(days: i32, units: i64) -> (i32, i64) {
    if units >= TICKS_PER_DAY { (days + 1, units - TICKS_PER_DAY) } else { (days, units) }
}

fn in_calendar(days: i32, from: &SqlType, to: &SqlType) -> SqlResult<()> {
    if (0..=LAST_DAY).contains(&days) { Ok(()) } else { Err(out_of_range(from, to)) }
}

/// The moment a `datetime`-family value is shown as, for messages and `DATENAME`.
pub fn month_name(days: i32) -> &'static str {
    let (_, month, _) = calendar::date_of(days);
    calendar::MONTHS[month as usize - 1]
}
