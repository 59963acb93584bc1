//! Conversion to character types, with the styles of `CONVERT`.

use crate::error::{SqlError, SqlResult};
use crate::types::{Datum, Length, SqlType};

use super::convert::{bad_style, overflow, overflow_from};
use super::encode::TICKS_PER_DAY;
use super::type_rules::{is_unicode, type_name};
use super::{calendar, code_page, decimal};

/// UTF-16 code units of a text.
pub fn utf16_length(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().map(char::len_utf16).sum() }
}

/// The first `units` UTF-16 code units; a surrogate pair across the cut is left out.
pub fn cut_utf16(text: &str, units: usize) -> String {
    let mut taken = 0;
    text.chars()
        .take_while(|c| {
            taken += c.len_utf16();
            taken <= units
        })
        .collect()
}

/// The bytes of a text as SQL Server stores it: the code page of the database or UTF-16LE.
pub fn bytes_of_text(text: &str, ty: &SqlType) -> Vec<u8> {
    if is_unicode(ty) {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    } else {
        let page = code_page::current();
        text.chars().map(|c| page.byte(c).unwrap_or(b'?')).collect()
    }
}

/// Whether a text has characters that the code page of the database lacks.
fn lacks(text: &str) -> bool {
    let page = code_page::current();
    text.chars().any(|c| page.byte(c).is_none())
}

/// Makes a text fit a character type: code page, length, padding.
///
/// # Errors
/// What SQL Server would do and the sandbox cannot: halves of surrogate pairs, best fits that it does not know.
pub fn fit(mut text: String, to: &SqlType) -> SqlResult<String> {
    if !is_unicode(to) && !text.is_ascii() && lacks(&text) {
        text = code_page::best_fit(&text)?;
    }
    match to {
        SqlType::Char(n) | SqlType::VarChar(Length::N(n)) => {
            let limit = usize::from(*n);
            if text.len() > limit
                && let Some((at, _)) = text.char_indices().nth(limit)
            {
                text.truncate(at);
            }
            if matches!(to, SqlType::Char(_)) {
                let missing = limit.saturating_sub(text.chars().count());
                text.extend(std::iter::repeat_n(' ', missing));
            }
        }
        SqlType::NChar(n) | SqlType::NVarChar(Length::N(n)) => {
            let limit = usize::from(*n);
            if text.len() > limit && utf16_length(&text) > limit {
                text = cut_units(&text, limit)?;
            }
            if matches!(to, SqlType::NChar(_)) {
                let missing = limit.saturating_sub(utf16_length(&text));
                text.extend(std::iter::repeat_n(' ', missing));
            }
        }
        _ => {}
    }
    Ok(text)
}

/// The first `units` UTF-16 code units, where the cut is between characters.
fn cut_units(text: &str, units: usize) -> SqlResult<String> {
    let cut = cut_utf16(text, units);
    if utf16_length(&cut) == units { Ok(cut) } else { Err(SqlError::unsupported("cutting a surrogate pair in two")) }
}

/// Room of a character type in its own unit.
fn room(to: &SqlType) -> usize {
    match to {
        SqlType::Char(n) | SqlType::NChar(n) | SqlType::VarChar(Length::N(n)) | SqlType::NVarChar(Length::N(n)) => {
            usize::from(*n)
        }
        _ => usize::MAX,
    }
}

/// Converts any value to a character type.
pub fn to_text(value: &Datum, from: &SqlType, to: &SqlType, style: Option<i32>) -> SqlResult<Datum> {
    let code = style.unwrap_or(0);
    let text = match value {
        Datum::String(text) if *from == SqlType::Xml => return xml_text(text, to),
        Datum::String(text) => text.clone(),
        Datum::Bit(v) => u8::from(*v).to_string(),
        Datum::TinyInt(v) => return number_or_star(v.to_string(), from, to),
        Datum::SmallInt(v) => return number_or_star(v.to_string(), from, to),
        Datum::Int(v) => return number_or_star(v.to_string(), from, to),
        Datum::BigInt(v) => v.to_string(),
        Datum::Decimal { unscaled, scale } => decimal::format(*unscaled, *scale),
        Datum::Money(v) => money_text(*v, code).ok_or_else(|| bad_style(code, from, to))?,
        Datum::Real(v) => float_text(f64::from(*v), code, true).ok_or_else(|| bad_style(code, from, to))?,
        Datum::Float(v) => float_text(*v, code, false).ok_or_else(|| bad_style(code, from, to))?,
        Datum::Binary(bytes) => binary_text(bytes, to, code)?.ok_or_else(|| bad_style(code, from, to))?,
        Datum::Guid(bytes) => {
            if room(to) < 36 {
                return Err(SqlError::new(
                    8170,
                    "Insufficient result space to convert uniqueidentifier value to char.",
                )
                .with_state(2));
            }
            uuid::Uuid::from_bytes(*bytes).hyphenated().to_string().to_ascii_uppercase()
        }
        temporal => temporal_text(temporal, from, to, style)?,
    };
    let cuts = matches!(
        value,
        Datum::String(_)
            | Datum::Binary(_)
            | Datum::Date(_)
            | Datum::Time(_)
            | Datum::DateTime { .. }
            | Datum::SmallDateTime { .. }
            | Datum::DateTime2 { .. }
            | Datum::DateTimeOffset { .. }
    );
    if !cuts && text.len() > room(to) {
        return Err(match from {
            SqlType::Decimal { .. } => overflow_from(from, to),
            SqlType::Money | SqlType::SmallMoney => SqlError::new(
                234,
                format!("There is insufficient result space to convert a money value to {}.", type_name(to)),
            )
            .with_state(2),
            _ => overflow(to),
        });
    }
    fit(text, to).map(Datum::String)
}

/// XML never loses a part of itself.
fn xml_text(text: &str, to: &SqlType) -> SqlResult<Datum> {
    let length = if is_unicode(to) { utf16_length(text) } else { text.chars().count() };
    if length > room(to) {
        return Err(SqlError::new(6354, "Target string size is too small to represent the XML instance").with_state(10));
    }
    if !is_unicode(to) && lacks(text) {
        return Err(SqlError::new(
            6355,
            "Conversion of one or more characters from XML to target collation impossible",
        ));
    }
    fit(text.to_owned(), to).map(Datum::String)
}

/// Small integers that do not fit `char`/`varchar` become `*`; for `nchar`/`nvarchar` that is an error.
fn number_or_star(text: String, _from: &SqlType, to: &SqlType) -> SqlResult<Datum> {
    if text.len() <= room(to) {
        return fit(text, to).map(Datum::String);
    }
    if is_unicode(to) { Err(overflow(to)) } else { fit("*".to_owned(), to).map(Datum::String) }
}

fn money_text(value: i64, style: i32) -> Option<String> {
    let rounded = || decimal::divide_rounding(i128::from(value), 100);
    Some(match style {
        0 => decimal::format(rounded(), 2),
        1 => {
            let plain = decimal::format(rounded(), 2);
            let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |rest| ("-", rest));
            let (integral, fraction) = digits.split_once('.')?;
            let mut grouped = String::new();
            for (i, digit) in integral.chars().enumerate() {
                if i > 0 && (integral.len() - i) % 3 == 0 {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            format!("{sign}{grouped}.{fraction}")
        }
        2 | 126 => decimal::format(i128::from(value), 4),
        _ => return None,
    })
}

/// `style` 0: up to six digits, as C's `%g`; 1: eight digits, scientific; 2: sixteen; 3: as many as identify the value.
fn float_text(value: f64, style: i32, real: bool) -> Option<String> {
    Some(match style {
        0 => general(value, 6),
        1 => scientific(value, 7),
        2 => scientific(value, 15),
        3 | 126 => scientific(value, if real { 8 } else { 16 }),
        _ => return None,
    })
}

/// C's `%.{digits}e` with a three-digit exponent.
fn scientific(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    format!("{mantissa}e{}{:03}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// C's `%.{digits}g` with a three-digit exponent.
fn general(value: f64, digits: usize) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let rounded = format!("{:.*e}", digits - 1, value);
    let exponent: i32 = rounded.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    if exponent < -4 || exponent >= digits as i32 {
        let text = scientific(value, digits - 1);
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "+000"));
        let mantissa =
            if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
        return format!("{mantissa}e{exponent}");
    }
    let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn binary_text(bytes: &[u8], to: &SqlType, style: i32) -> SqlResult<Option<String>> {
    let hex = |prefix: &str| {
        let digits: String = bytes.iter().map(|b| format!("{b:02X}")).collect();
        format!("{prefix}{digits}")
    };
    Ok(Some(match style {
        0 if is_unicode(to) => {
            let units: Vec<u16> =
                bytes.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])).collect();
            String::from_utf16_lossy(&units)
        }
        0 => return code_page::current().text(bytes).map(Some),
        1 => hex("0x"),
        2 => hex(""),
        _ => return Ok(None),
    }))
}

/// A moment taken apart.
struct Parts {
    year: i32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    /// 100 ns units.
    fraction: u32,
    /// Digits of the fraction the type has.
    scale: usize,
    offset: Option<i16>,
    has_date: bool,
    has_time: bool,
}

impl Parts {
    fn of(value: &Datum, from: &SqlType) -> Option<Self> {
        let (days, ticks, offset) = match value {
            Datum::Date(days) => (*days, 0, None),
            Datum::Time(ticks) => (calendar::DAYS_TO_1900, *ticks as i64, None),
            Datum::DateTime { days, ticks } => {
                // Shown in milliseconds: .000, .003, .007.
                let milliseconds = (i64::from(*ticks) * 10 + 1) / 3;
                (days + calendar::DAYS_TO_1900, milliseconds * 10_000, None)
            }
            Datum::SmallDateTime { days, minutes } => {
                (i32::from(*days) + calendar::DAYS_TO_1900, i64::from(*minutes) * 600_000_000, None)
            }
            Datum::DateTime2 { days, ticks } => (*days, *ticks as i64, None),
            Datum::DateTimeOffset { days, ticks, offset } => {
                let local = i64::from(*days) * TICKS_PER_DAY + *ticks as i64 + i64::from(*offset) * 600_000_000;
                (local.div_euclid(TICKS_PER_DAY) as i32, local.rem_euclid(TICKS_PER_DAY), Some(*offset))
            }
            _ => return None,
        };
        let (year, month, day) = calendar::date_of(days);
        let seconds = ticks / 10_000_000;
        Some(Self {
            year,
            month,
            day,
            hour: (seconds / 3_600) as u32,
            minute: (seconds / 60 % 60) as u32,
            second: (seconds % 60) as u32,
            fraction: (ticks % 10_000_000) as u32,
            scale: usize::from(super::type_rules::scale_of(from)),
            offset,
            has_date: !matches!(from, SqlType::Time(_)),
            has_time: !matches!(from, SqlType::Date),
        })
    }

    fn fraction_digits(&self) -> String {
        format!("{:07}", self.fraction)[..self.scale].to_owned()
    }

    fn with_fraction(&self, separator: char) -> String {
        if self.scale == 0 { String::new() } else { format!("{separator}{}", self.fraction_digits()) }
    }

    fn twelve_hour(&self) -> (u32, &'static str) {
        let hour = if self.hour.is_multiple_of(12) { 12 } else { self.hour % 12 };
        (hour, if self.hour < 12 { "AM" } else { "PM" })
    }

    fn offset_text(&self) -> String {
        self.offset.map_or_else(String::new, |offset| {
            let sign = if offset < 0 { '-' } else { '+' };
            format!("{sign}{:02}:{:02}", offset.unsigned_abs() / 60, offset.unsigned_abs() % 60)
        })
    }
}

/// Text of a temporal value. Without a style: 0 for `datetime` and `smalldatetime`, 121 for the newer types.
fn temporal_text(value: &Datum, from: &SqlType, to: &SqlType, style: Option<i32>) -> SqlResult<String> {
    let legacy = matches!(from, SqlType::DateTime | SqlType::SmallDateTime);
    let style = style.unwrap_or(if legacy { 0 } else { 121 });
    let in_utc = match value {
        Datum::DateTimeOffset { days, ticks, .. } if style == 127 => {
            Datum::DateTimeOffset { days: *days, ticks: *ticks, offset: 0 }
        }
        other => other.clone(),
    };
    let p = Parts::of(&in_utc, from)
        .ok_or_else(|| SqlError::unsupported(format!("conversion of {} to {}", type_name(from), type_name(to))))?;
    let (y, m, d) = (p.year, p.month, p.day);
    let yy = y % 100;
    let month = &calendar::MONTHS[m as usize - 1][..3];
    let hms = format!("{:02}:{:02}:{:02}", p.hour, p.minute, p.second);
    let date_only = match style {
        1 => Some(format!("{m:02}/{d:02}/{yy:02}")),
        101 => Some(format!("{m:02}/{d:02}/{y:04}")),
        2 => Some(format!("{yy:02}.{m:02}.{d:02}")),
        102 => Some(format!("{y:04}.{m:02}.{d:02}")),
        3 => Some(format!("{d:02}/{m:02}/{yy:02}")),
        103 => Some(format!("{d:02}/{m:02}/{y:04}")),
        4 => Some(format!("{d:02}.{m:02}.{yy:02}")),
        104 => Some(format!("{d:02}.{m:02}.{y:04}")),
        5 => Some(format!("{d:02}-{m:02}-{yy:02}")),
        105 => Some(format!("{d:02}-{m:02}-{y:04}")),
        6 => Some(format!("{d:02} {month} {yy:02}")),
        106 => Some(format!("{d:02} {month} {y:04}")),
        7 => Some(format!("{month} {d:02}, {yy:02}")),
        107 => Some(format!("{month} {d:02}, {y:04}")),
        10 => Some(format!("{m:02}-{d:02}-{yy:02}")),
        110 => Some(format!("{m:02}-{d:02}-{y:04}")),
        11 => Some(format!("{yy:02}/{m:02}/{d:02}")),
        111 => Some(format!("{y:04}/{m:02}/{d:02}")),
        12 => Some(format!("{yy:02}{m:02}{d:02}")),
        112 => Some(format!("{y:04}{m:02}{d:02}")),
        23 => Some(format!("{y:04}-{m:02}-{d:02}")),
        _ => None,
    };
    if let Some(text) = date_only {
        return if p.has_date { Ok(text) } else { Err(bad_style(style, from, to)) };
    }
    let (hour12, half) = p.twelve_hour();
    let (date, time) = match style {
        0 | 100 => (format!("{month} {d:>2} {y:04}"), format!("{hour12:>2}:{:02}{half}", p.minute)),
        9 | 109 => {
            let fraction = p.with_fraction(if legacy { ':' } else { '.' });
            (format!("{month} {d:>2} {y:04}"), format!("{hour12:>2}:{:02}:{:02}{fraction}{half}", p.minute, p.second))
        }
        13 | 113 => {
            (format!("{d:02} {month} {y:04}"), format!("{hms}{}", p.with_fraction(if legacy { ':' } else { '.' })))
        }
        20 | 120 => (format!("{y:04}-{m:02}-{d:02}"), hms),
        21 | 25 | 121 => {
            let fraction = if *from == SqlType::SmallDateTime { ".000".to_owned() } else { p.with_fraction('.') };
            (format!("{y:04}-{m:02}-{d:02}"), format!("{hms}{fraction}"))
        }
        8 | 24 | 108 => return if p.has_time { Ok(hms) } else { Err(bad_style(style, from, to)) },
        14 | 114 => {
            let fraction = p.with_fraction(if legacy { ':' } else { '.' });
            return if p.has_time { Ok(format!("{hms}{fraction}")) } else { Err(bad_style(style, from, to)) };
        }
        126 | 127 => return Ok(iso_text(&p, style, &hms, from)),
        other => return Err(bad_style(other, from, to)),
    };
    let joined = match (p.has_date, p.has_time) {
        (true, false) => date,
        (false, true) => time.trim_start().to_owned(),
        _ => format!("{date} {time}"),
    };
    let zone = p.offset_text();
    Ok(if zone.is_empty() { joined } else { format!("{joined} {zone}") })
}

/// ISO 8601 with `T`; a zero fraction of `datetime` is left out.
fn iso_text(p: &Parts, style: i32, hms: &str, from: &SqlType) -> String {
    let legacy = matches!(from, SqlType::DateTime | SqlType::SmallDateTime);
    let fraction = if legacy && p.fraction == 0 { String::new() } else { p.with_fraction('.') };
    let date = format!("{:04}-{:02}-{:02}", p.year, p.month, p.day);
    let zone = match (style, p.offset) {
        (127, Some(_)) => "Z".to_owned(),
        _ => p.offset_text(),
    };
    match (p.has_date, p.has_time) {
        (true, false) => date,
        (false, _) => format!("{hms}{fraction}"),
        _ => format!("{date}T{hms}{fraction}{zone}"),
    }
}
