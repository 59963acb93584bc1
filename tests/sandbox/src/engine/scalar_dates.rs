//! Date functions.
//!
//! Source: <https://learn.microsoft.com/sql/t-sql/functions/date-and-time-data-types-and-functions-transact-sql>.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{SqlError, SqlResult};
use crate::types::{Datum, SqlType};

use super::calendar::{self, LAST_DAY};
use super::convert_temporal::{Moment, from_moment, moment_of};
use super::date_parts::DatePart;
use super::encode::TICKS_PER_DAY;
use super::scalar_functions::{Argument, Body, integer, integer_result, mismatch};
use super::type_rules::type_name;

const UNITS_PER_SECOND: i64 = 10_000_000;
const UNITS_PER_MINUTE: i64 = 60 * UNITS_PER_SECOND;
const UNITS_PER_HOUR: i64 = 60 * UNITS_PER_MINUTE;
/// Days from 0001-01-01 to 1970-01-01.
const DAYS_TO_1970: i32 = 719_162;

/// Functions that return NULL for a NULL argument.
pub(super) const FUNCTIONS: &[(&str, Body)] = &[
    ("dateadd", date_add),
    ("datediff", date_diff),
    ("datepart", |a, returns| integer_result(part_of(part(a)?, &a[1])?, returns)),
    ("datename", date_name),
    ("eomonth", |a, returns| {
        let moment = moment(&a[0].0)?;
        let (year, month, _) = add_months(calendar::date_of(moment.days), integer(a, 1)?)
            .ok_or_else(|| SqlError::new(517, "Adding a value to a 'date' column caused an overflow."))?;
        let days = calendar::day_number(year, month, calendar::days_in_month(year, month));
        from_moment(Moment { days: days.ok_or_else(mismatch)?, ticks: 0, offset: None }, returns, returns)
    }),
    ("datefromparts", |a, returns| from_parts(a, 3, returns)),
    ("datetimefromparts", |a, returns| from_parts(a, 7, returns)),
    ("datetime2fromparts", |a, returns| from_parts(a, 7, returns)),
    ("smalldatetimefromparts", |a, returns| {
        let zero = (Datum::Int(0), SqlType::Int);
        let whole: Vec<Argument> = a.iter().cloned().chain([zero.clone(), zero]).collect();
        from_parts(&whole, 7, returns)
    }),
    ("datetimeoffsetfromparts", |a, returns| {
        let invalid = || invalid_parts(returns);
        let local =
            from_parts(&a[..7], 7, &SqlType::DateTime2(super::type_rules::scale_of(returns))).map_err(|_| invalid())?;
        let (hours, minutes) = (integer(a, 7)?, integer(a, 8)?);
        let signs_agree = hours == 0 || minutes == 0 || (hours < 0) == (minutes < 0);
        let offset = hours.saturating_mul(60).saturating_add(minutes);
        if !signs_agree || minutes.abs() > 59 || !(-840..=840).contains(&offset) {
            return Err(invalid());
        }
        from_moment(Moment { offset: Some(offset as i16), ..moment(&local)? }, returns, returns).map_err(|_| invalid())
    }),
    ("timefromparts", |a, returns| {
        let time = [integer(a, 0)?, integer(a, 1)?, integer(a, 2)?, integer(a, 3)?];
        let ticks = time_of_parts(time, fraction_unit(returns)).ok_or_else(|| invalid_parts(returns))?;
        from_moment(Moment { days: calendar::DAYS_TO_1900, ticks, offset: None }, returns, returns)
    }),
    ("switchoffset", |a, _| {
        let Datum::DateTimeOffset { days, ticks, .. } = a[0].0 else { return Err(mismatch()) };
        Ok(Datum::DateTimeOffset { days, ticks, offset: zone(&a[1])? })
    }),
    ("todatetimeoffset", |a, returns| {
        let moment = moment(&a[0].0)?;
        from_moment(Moment { offset: Some(zone(&a[1])?), ..moment }, returns, returns)
    }),
];

/// The clock, which is in UTC, as a value of a temporal type.
pub(super) fn now(ty: &SqlType) -> SqlResult<Datum> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let units = (since_epoch.as_nanos() / 100) as i64;
    let moment = Moment {
        days: DAYS_TO_1970 + units.div_euclid(TICKS_PER_DAY) as i32,
        ticks: units.rem_euclid(TICKS_PER_DAY),
        offset: Some(0),
    };
    from_moment(moment, ty, ty)
}

fn part(a: &[Argument]) -> SqlResult<DatePart> {
    DatePart::from_number(integer(a, 0)? as i32).ok_or_else(mismatch)
}

fn moment(value: &Datum) -> SqlResult<Moment> {
    moment_of(value).ok_or_else(mismatch)
}

/// The date some months later, on the last day where the month is shorter.
fn add_months((year, month, day): (i32, u32, u32), months: i64) -> Option<(i32, u32, u32)> {
    let total = i64::from(year) * 12 + i64::from(month) - 1 + months;
    let year = i32::try_from(total.div_euclid(12)).ok().filter(|year| (1..=9999).contains(year))?;
    let month = total.rem_euclid(12) as u32 + 1;
    Some((year, month, day.min(calendar::days_in_month(year, month))))
}

fn date_add(a: &[Argument], returns: &SqlType) -> SqlResult<Datum> {
    let part = part(a)?;
    let number = integer(a, 1)?;
    let start = moment(&a[2].0)?;
    let overflow =
        || SqlError::new(517, format!("Adding a value to a '{}' column caused an overflow.", type_name(returns)));
    let months = |months: i64| -> SqlResult<Moment> {
        let (year, month, day) = add_months(calendar::date_of(start.days), months).ok_or_else(overflow)?;
        Ok(Moment { days: calendar::day_number(year, month, day).ok_or_else(overflow)?, ..start })
    };
    let units = |unit: i64| -> SqlResult<Moment> {
        let total = i128::from(start.days) * i128::from(TICKS_PER_DAY)
            + i128::from(start.ticks)
            + i128::from(number) * i128::from(unit);
        let days = total.div_euclid(i128::from(TICKS_PER_DAY));
        let ticks = total.rem_euclid(i128::from(TICKS_PER_DAY)) as i64;
        // `time` wraps around midnight.
        let days = if matches!(returns, SqlType::Time(_)) { i128::from(start.days) } else { days };
        if !(0..=i128::from(LAST_DAY)).contains(&days) {
            return Err(overflow());
        }
        Ok(Moment { days: days as i32, ticks, ..start })
    };
    let end = match part {
        DatePart::Year => months(number * 12)?,
        DatePart::Quarter => months(number * 3)?,
        DatePart::Month => months(number)?,
        DatePart::DayOfYear | DatePart::Day | DatePart::Weekday => units(TICKS_PER_DAY)?,
        DatePart::Week => units(7 * TICKS_PER_DAY)?,
        DatePart::Hour => units(UNITS_PER_HOUR)?,
        DatePart::Minute => units(UNITS_PER_MINUTE)?,
        DatePart::Second => units(UNITS_PER_SECOND)?,
        DatePart::Millisecond => units(10_000)?,
        DatePart::Microsecond => units(10)?,
        DatePart::Nanosecond => {
            let number = (number + if number < 0 { -50 } else { 50 }) / 100;
            let total = i64::from(start.days) * TICKS_PER_DAY + start.ticks + number;
            Moment { days: total.div_euclid(TICKS_PER_DAY) as i32, ticks: total.rem_euclid(TICKS_PER_DAY), ..start }
        }
        DatePart::TzOffset | DatePart::IsoWeek => {
            let ty = type_name(returns);
            return Err(SqlError::new(
                9810,
                format!("The datepart {} is not supported by date function dateadd for data type {ty}.", part.name()),
            ));
        }
    };
    from_moment(end, returns, returns).map_err(|_| overflow())
}

fn date_diff(a: &[Argument], returns: &SqlType) -> SqlResult<Datum> {
    let part = part(a)?;
    // Boundaries are counted in UTC where there is an offset.
    let utc = |value: &Datum| -> SqlResult<(i64, i64)> {
        if let Datum::DateTimeOffset { days, ticks, .. } = value {
            return Ok((i64::from(*days), *ticks as i64));
        }
        let moment = moment(value)?;
        Ok((i64::from(moment.days), moment.ticks))
    };
    let ((d1, t1), (d2, t2)) = (utc(&a[1].0)?, utc(&a[2].0)?);
    let ((y1, m1, _), (y2, m2, _)) = (calendar::date_of(d1 as i32), calendar::date_of(d2 as i32));
    let units = |unit: i64| -> i128 {
        let at = |days: i64, ticks: i64| i128::from(days) * i128::from(TICKS_PER_DAY / unit) + i128::from(ticks / unit);
        at(d2, t2) - at(d1, t1)
    };
    let difference: i128 = match part {
        DatePart::Year => i128::from(y2 - y1),
        DatePart::Quarter => i128::from((y2 - y1) * 4 + (m2 as i32 - 1) / 3 - (m1 as i32 - 1) / 3),
        DatePart::Month => i128::from((y2 - y1) * 12 + m2 as i32 - m1 as i32),
        DatePart::DayOfYear | DatePart::Day | DatePart::Weekday => i128::from(d2 - d1),
        // Weeks begin on Sunday, whatever DATEFIRST says; 0001-01-01 was a Monday.
        DatePart::Week => i128::from((d2 + 1).div_euclid(7) - (d1 + 1).div_euclid(7)),
        DatePart::Hour => units(UNITS_PER_HOUR),
        DatePart::Minute => units(UNITS_PER_MINUTE),
        DatePart::Second => units(UNITS_PER_SECOND),
        DatePart::Millisecond => units(10_000),
        DatePart::Microsecond => units(10),
        DatePart::Nanosecond => units(1) * 100,
        DatePart::TzOffset | DatePart::IsoWeek => {
            return Err(SqlError::new(
                9806,
                format!("The datepart {} is not supported by date function datediff.", part.name()),
            ));
        }
    };
    let too_large = || {
        SqlError::new(
            535,
            "The datediff function resulted in an overflow. The number of dateparts separating two date/time instances is too large. Try to use datediff with a less precise datepart.",
        )
    };
    let difference = i64::try_from(difference).map_err(|_| too_large())?;
    integer_result(difference, returns).map_err(|_| too_large())
}

fn part_of(part: DatePart, (value, _): &Argument) -> SqlResult<i64> {
    let moment = moment(value)?;
    let (year, month, day) = calendar::date_of(moment.days);
    let first_weekday = calendar::weekday(moment.days - calendar::day_of_year(moment.days) + 1);
    let fraction = moment.ticks % UNITS_PER_SECOND;
    Ok(match part {
        DatePart::Year => i64::from(year),
        DatePart::Quarter => i64::from((month - 1) / 3 + 1),
        DatePart::Month => i64::from(month),
        DatePart::DayOfYear => i64::from(calendar::day_of_year(moment.days)),
        DatePart::Day => i64::from(day),
        DatePart::Week => i64::from((calendar::day_of_year(moment.days) + first_weekday - 1) / 7 + 1),
        DatePart::Weekday => i64::from(calendar::weekday(moment.days) + 1),
        DatePart::Hour => moment.ticks / UNITS_PER_HOUR,
        DatePart::Minute => moment.ticks / UNITS_PER_MINUTE % 60,
        DatePart::Second => moment.ticks / UNITS_PER_SECOND % 60,
        DatePart::Millisecond => match value {
            // Shown in milliseconds as .000, .003, .007.
            Datum::DateTime { ticks, .. } => (i64::from(*ticks) % 300 * 10 + 1) / 3,
            _ => fraction / 10_000,
        },
        DatePart::Microsecond => fraction / 10,
        DatePart::Nanosecond => fraction * 100,
        DatePart::TzOffset => i64::from(moment.offset.unwrap_or(0)),
        DatePart::IsoWeek => i64::from(calendar::iso_week(moment.days)),
    })
}

fn date_name(a: &[Argument], _: &SqlType) -> SqlResult<Datum> {
    let part = part(a)?;
    let days = moment(&a[1].0)?.days;
    Ok(Datum::String(match part {
        DatePart::Month => super::convert_temporal::month_name(days).to_owned(),
        DatePart::Weekday => calendar::WEEKDAYS[calendar::weekday(days) as usize].to_owned(),
        DatePart::TzOffset => {
            let offset = part_of(part, &a[1])?;
            let sign = if offset < 0 { '-' } else { '+' };
            format!("{sign}{:02}:{:02}", offset.abs() / 60, offset.abs() % 60)
        }
        _ => part_of(part, &a[1])?.to_string(),
    }))
}

fn invalid_parts(ty: &SqlType) -> SqlError {
    let name = type_name(ty);
    SqlError::new(
        289,
        format!("Cannot construct data type {name}, some of the arguments have values which are not valid."),
    )
}

/// 100 ns units that one step of the fraction argument is.
fn fraction_unit(ty: &SqlType) -> i64 {
    match ty {
        SqlType::DateTime => 10_000,
        other => 10_i64.pow(u32::from(7 - super::type_rules::scale_of(other).min(7))),
    }
}

fn time_of_parts([hour, minute, second, fraction]: [i64; 4], unit: i64) -> Option<i64> {
    let valid = (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second)
        && fraction >= 0
        && fraction * unit < UNITS_PER_SECOND;
    valid.then(|| ((hour * 60 + minute) * 60 + second) * UNITS_PER_SECOND + fraction * unit)
}

/// `DATEFROMPARTS`, `DATETIMEFROMPARTS` and `DATETIME2FROMPARTS`.
fn from_parts(a: &[Argument], count: usize, returns: &SqlType) -> SqlResult<Datum> {
    let invalid = || invalid_parts(returns);
    let small = |index| -> SqlResult<u32> { u32::try_from(integer(a, index)?).map_err(|_| invalid()) };
    let year = i32::try_from(integer(a, 0)?).map_err(|_| invalid())?;
    let days = calendar::day_number(year, small(1)?, small(2)?).ok_or_else(invalid)?;
    let ticks = if count == 3 {
        0
    } else {
        let time = [integer(a, 3)?, integer(a, 4)?, integer(a, 5)?, integer(a, 6)?];
        time_of_parts(time, fraction_unit(returns)).ok_or_else(invalid)?
    };
    from_moment(Moment { days, ticks, offset: None }, returns, returns).map_err(|_| invalid())
}

/// An offset: minutes, or text as `±hh:mm`.
fn zone((value, ty): &Argument) -> SqlResult<i16> {
    let invalid = || SqlError::new(9812, "The timezone provided to builtin function switchoffset is invalid.");
    let minutes = match value {
        Datum::String(text) => {
            let (sign, rest) = match text.trim().split_at_checked(1) {
                Some(("+", rest)) => (1, rest),
                Some(("-", rest)) => (-1, rest),
                _ => return Err(invalid()),
            };
            let (hours, minutes) = rest.split_once(':').ok_or_else(invalid)?;
            let hours: i16 = hours.parse().map_err(|_| invalid())?;
            let minutes: i16 = minutes.parse().map_err(|_| invalid())?;
            sign * (hours * 60 + minutes)
        }
        _ => {
            let Datum::Int(minutes) = super::convert::convert(value, ty, &SqlType::Int, None)? else {
                return Err(invalid());
            };
            i16::try_from(minutes).map_err(|_| invalid())?
        }
    };
    if (-840..=840).contains(&minutes) { Ok(minutes) } else { Err(invalid()) }
}
