//! Reads dates and times from text in the formats that SQL Server takes under `us_english` (`SET DATEFORMAT mdy`).
//!
//! Source: <https://learn.microsoft.com/sql/t-sql/data-types/datetime-transact-sql> and its siblings.

use crate::error::{SqlError, SqlResult};
use crate::types::SqlType;

use super::calendar::{self, DAYS_TO_1900};
use super::convert_temporal::Moment;
use super::type_rules::type_name;

fn failed() -> SqlError {
    SqlError::new(241, "Conversion failed when converting date and/or time from character string.")
}

/// Order of numeric date parts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    MonthDayYear,
    DayMonthYear,
    YearMonthDay,
}

/// Parses text for the type `to`; the style fixes the order of numeric dates.
pub fn parse(text: &str, from: &SqlType, to: &SqlType, style: Option<i32>) -> SqlResult<Moment> {
    let order = match style.unwrap_or(0) {
        3 | 4 | 5 | 103 | 104 | 105 => Order::DayMonthYear,
        2 | 11 | 102 | 111 => Order::YearMonthDay,
        0
        | 1
        | 6
        | 7
        | 8
        | 9
        | 10
        | 12
        | 13
        | 14
        | 20
        | 21
        | 23
        | 24
        | 25
        | 100
        | 101
        | 106..=110
        | 112..=114
        | 120
        | 121
        | 126
        | 127 => Order::MonthDayYear,
        other => return Err(super::convert::bad_style(other, from, to)),
    };
    let legacy = matches!(to, SqlType::DateTime | SqlType::SmallDateTime);
    let mut reader = Reader { rest: text.trim(), legacy };
    if reader.rest.is_empty() {
        return Ok(Moment { days: DAYS_TO_1900, ticks: 0, offset: None });
    }
    let days = if reader.starts_with_time() { None } else { Some(reader.date(order)?) };
    let out_of_range = || {
        if legacy {
            let (from, to) = (type_name(from), type_name(to));
            SqlError::new(
                242,
                format!("The conversion of a {from} data type to a {to} data type resulted in an out-of-range value."),
            )
            .with_state(3)
        } else {
            failed()
        }
    };
    let days = match days {
        None => DAYS_TO_1900,
        Some((year, month, day)) => calendar::day_number(year, month, day).ok_or_else(out_of_range)?,
    };
    reader.separator();
    let ticks = if reader.rest.is_empty() { 0 } else { reader.time().ok_or_else(failed)?.ok_or_else(out_of_range)? };
    let offset = reader.offset().ok_or_else(failed)?;
    if !reader.rest.is_empty() || offset.is_some() && legacy && !text.trim().ends_with('Z') {
        return Err(failed());
    }
    if legacy && !matches!(to, SqlType::SmallDateTime) && days < calendar::DAYS_TO_1753 {
        return Err(out_of_range());
    }
    Ok(Moment { days, ticks, offset })
}

struct Reader<'a> {
    rest: &'a str,
    legacy: bool,
}

impl<'a> Reader<'a> {
    /// A run of digits with at most `most` of them.
    fn digits(&mut self, most: usize) -> Option<&'a str> {
        let count = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        if count == 0 || count > most {
            return None;
        }
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        Some(digits)
    }

    fn eat(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn spaces(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }

    fn separator(&mut self) {
        if self.rest.starts_with(['T', 't']) && self.rest[1..].starts_with(|c: char| c.is_ascii_digit()) {
            self.rest = &self.rest[1..];
        }
        self.spaces();
    }

    fn starts_with_time(&self) -> bool {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let after = self.rest[digits..].trim_start().to_ascii_lowercase();
        (1..=2).contains(&digits) && (after.starts_with(':') || after.starts_with("am") || after.starts_with("pm"))
    }

    fn month_name(&mut self) -> Option<u32> {
        let letters = self.rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let word = self.rest[..letters].to_ascii_lowercase();
        let position = calendar::MONTHS.iter().position(|name| {
            let name = name.to_ascii_lowercase();
            word == name || word.len() == 3 && name.starts_with(&word)
        })?;
        self.rest = &self.rest[letters..];
        Some(position as u32 + 1)
    }

    fn date(&mut self, order: Order) -> SqlResult<(i32, u32, u32)> {
        if self.rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            // Mon dd[,] yyyy
            let month = self.month_name().ok_or_else(failed)?;
            self.spaces();
            let day = self.number(2)?;
            self.eat(',');
            self.spaces();
            let year = self.digits(4).ok_or_else(failed)?;
            return Ok((full_year(year)?, month, day));
        }
        let first = self.digits(8).ok_or_else(failed)?;
        match first.len() {
            8 => return Ok((number(&first[..4])? as i32, number(&first[4..6])?, number(&first[6..])?)),
            6 => return Ok((full_year(&first[..2])?, number(&first[2..4])?, number(&first[4..])?)),
            4 if self.rest.is_empty() => return Ok((number(first)? as i32, 1, 1)),
            1 | 2 | 4 => {}
            _ => return Err(failed()),
        }
        if self.rest.starts_with(' ') && first.len() <= 2 {
            // dd Mon yyyy
            self.spaces();
            let month = self.month_name().ok_or_else(failed)?;
            self.eat(',');
            self.spaces();
            let year = self.digits(4).ok_or_else(failed)?;
            return Ok((full_year(year)?, month, number(first)?));
        }
        let separator = self.rest.chars().next().filter(|c| matches!(c, '-' | '/' | '.')).ok_or_else(failed)?;
        self.eat(separator);
        if self.rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let month = self.month_name().ok_or_else(failed)?;
            if !self.eat(separator) {
                return Err(failed());
            }
            let last = self.digits(4).ok_or_else(failed)?;
            return if first.len() == 4 {
                Ok((full_year(first)?, month, number(last)?))
            } else {
                Ok((full_year(last)?, month, number(first)?))
            };
        }
        let second = self.number(2)?;
        if !self.eat(separator) {
            return Err(failed());
        }
        let third = self.digits(4).ok_or_else(failed)?;
        if first.len() == 4 {
            if third.len() == 4 {
                return Err(failed());
            }
            return Ok((full_year(first)?, second, number(third)?));
        }
        match order {
            Order::YearMonthDay => Ok((full_year(first)?, second, number(third)?)),
            Order::MonthDayYear => Ok((full_year(third)?, number(first)?, second)),
            Order::DayMonthYear => Ok((full_year(third)?, second, number(first)?)),
        }
    }

    fn number(&mut self, most: usize) -> SqlResult<u32> {
        number(self.digits(most).ok_or_else(failed)?)
    }

    /// `hh:mm[:ss[.fff]]` with an optional AM or PM. The outer `None` is a syntax error, the inner one a value out of range.
    fn time(&mut self) -> Option<Option<i64>> {
        let mut hour: i64 = self.digits(2)?.parse().ok()?;
        let mut minute: i64 = 0;
        let mut second: i64 = 0;
        let mut fraction: i64 = 0;
        let colon = self.eat(':');
        if colon {
            minute = self.digits(2)?.parse().ok()?;
            if self.eat(':') {
                second = self.digits(2)?.parse().ok()?;
                let thousandths = self.rest.starts_with(':');
                if self.eat('.') || self.eat(':') {
                    let digits = self.digits(if self.legacy { 3 } else { 7 })?;
                    fraction = if thousandths {
                        digits.parse::<i64>().ok()? * 10_000
                    } else {
                        format!("{digits:0<7}").parse().ok()?
                    };
                }
            }
        }
        self.spaces();
        let half = self.rest.get(..2).map(str::to_ascii_lowercase);
        let marked = matches!(half.as_deref(), Some("am" | "pm"));
        if marked {
            self.rest = &self.rest[2..];
            if !((1..=12).contains(&hour) || hour == 0 && half.as_deref() == Some("am")) {
                return Some(None);
            }
            hour = hour % 12 + if half.as_deref() == Some("pm") { 12 } else { 0 };
        } else if !colon {
            return None;
        }
        if hour > 23 || minute > 59 || second > 59 {
            return Some(None);
        }
        Some(Some(((hour * 60 + minute) * 60 + second) * 10_000_000 + fraction))
    }

    /// `Z` or `±hh:mm` at the end. `None` is a syntax error.
    fn offset(&mut self) -> Option<Option<i16>> {
        self.spaces();
        if self.eat('Z') || self.eat('z') {
            return Some(Some(0));
        }
        let sign: i16 = match self.rest.as_bytes().first() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Some(None),
        };
        self.rest = &self.rest[1..];
        let hours: i16 = self.digits(2)?.parse().ok()?;
        if !self.eat(':') {
            return None;
        }
        let minutes: i16 = self.digits(2)?.parse().ok()?;
        let offset = hours * 60 + minutes;
        (minutes < 60 && offset <= 840).then_some(Some(sign * offset))
    }
}

fn number(digits: &str) -> SqlResult<u32> {
    digits.parse().map_err(|_| failed())
}

/// Two-digit years up to 49 are of the 21st century (the server's default cutoff 2049).
fn full_year(digits: &str) -> SqlResult<i32> {
    let value = number(digits)? as i32;
    Ok(match digits.len() {
        4 => value,
        1 | 2 if value < 50 => 2000 + value,
        1 | 2 => 1900 + value,
        _ => return Err(failed()),
    })
}
