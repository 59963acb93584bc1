//! The parts of a date that `DATEADD`, `DATEDIFF` and `DATEPART` name.

use crate::error::{SqlError, SqlResult};
use crate::types::{Datum, SqlType};

use super::type_rules::type_name;
use super::typed::Typed;

/// A date part (<https://learn.microsoft.com/sql/t-sql/functions/datepart-transact-sql>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum DatePart {
    Year,
    Quarter,
    Month,
    DayOfYear,
    Day,
    Week,
    Weekday,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
    TzOffset,
    IsoWeek,
}

/// Every part with its name and abbreviations.
const NAMES: [(DatePart, &[&str]); 15] = [
    (DatePart::Year, &["year", "yy", "yyyy"]),
    (DatePart::Quarter, &["quarter", "qq", "q"]),
    (DatePart::Month, &["month", "mm", "m"]),
    (DatePart::DayOfYear, &["dayofyear", "dy", "y"]),
    (DatePart::Day, &["day", "dd", "d"]),
    (DatePart::Week, &["week", "wk", "ww"]),
    (DatePart::Weekday, &["weekday", "dw", "w"]),
    (DatePart::Hour, &["hour", "hh"]),
    (DatePart::Minute, &["minute", "mi", "n"]),
    (DatePart::Second, &["second", "ss", "s"]),
    (DatePart::Millisecond, &["millisecond", "ms"]),
    (DatePart::Microsecond, &["microsecond", "mcs"]),
    (DatePart::Nanosecond, &["nanosecond", "ns"]),
    (DatePart::TzOffset, &["tzoffset", "tz"]),
    (DatePart::IsoWeek, &["iso_week", "isowk", "isoww"]),
];

impl DatePart {
    /// The part that a name or abbreviation means.
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES
            .iter()
            .find(|(_, names)| names.iter().any(|known| known.eq_ignore_ascii_case(name)))
            .map(|(part, _)| *part)
    }

    /// The part by its number in [`DatePart::constant`].
    pub fn from_number(number: i32) -> Option<Self> {
        NAMES.get(usize::try_from(number).ok()?).map(|(part, _)| *part)
    }

    /// The full name.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(part, _)| *part == self).map_or("", |(_, names)| names[0])
    }

    /// The part as an argument of a SQLite function.
    pub(super) fn constant(self) -> Typed {
        let number = NAMES.iter().position(|(part, _)| *part == self).unwrap_or(0);
        Typed::constant(Datum::Int(number as i32), SqlType::Int)
    }

    fn is_time(self) -> bool {
        matches!(
            self,
            Self::Hour | Self::Minute | Self::Second | Self::Millisecond | Self::Microsecond | Self::Nanosecond
        )
    }

    /// Error 9810 where the type lacks the part.
    pub fn check(self, ty: &SqlType, function: &str) -> SqlResult<()> {
        let lacks = match ty {
            SqlType::Date => self.is_time() || self == Self::TzOffset,
            SqlType::Time(_) => !self.is_time(),
            _ => self == Self::TzOffset && function != "datepart" && function != "datename",
        };
        if lacks {
            let (part, ty) = (self.name(), type_name(ty));
            return Err(SqlError::new(
                9810,
                format!("The datepart {part} is not supported by date function {function} for data type {ty}."),
            ));
        }
        Ok(())
    }
}
