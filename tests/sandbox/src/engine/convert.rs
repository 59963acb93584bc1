//! Conversion of values between types, with SQL Server's rounding, limits and error numbers.
//!
//! Source: <https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql>.

use crate::error::{SqlError, SqlResult};
use crate::types::{Datum, Length, SqlType};

use super::type_rules::{Family, family, type_name};
use super::{clr_types, convert_temporal, convert_text, decimal, variant, xml};

/// How two types convert into each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// Implicitly and explicitly.
    Implicit,
    /// By `CAST` or `CONVERT` only.
    Explicit,
    /// By `CAST` or `CONVERT`; whether a real server takes it implicitly is not documented in words, so that is refused.
    ExplicitHere,
    /// By a method that the sandbox lacks.
    NotHere,
    /// Not at all.
    Never,
}

/// The conversion chart of the CAST and CONVERT page, for the types here.
pub fn allowed(from: &SqlType, to: &SqlType) -> Allowed {
    use Family::{Binary, Bit, Clr, Decimal, Float, Guid, Integer, Json, Lob, Money, Temporal, Text, Variant, Xml};
    if from == to {
        return Allowed::Implicit;
    }
    match (family(from), family(to)) {
        (Text, Json) => return Allowed::Implicit,
        (Json, Text) => return Allowed::Explicit,
        (Json, _) | (_, Json) => return Allowed::Never,
        (Binary, Clr) | (Clr, Binary) if *from != SqlType::RowVersion && *to != SqlType::RowVersion => {
            return Allowed::ExplicitHere;
        }
        (Text, Clr) | (Clr, Text) => return Allowed::NotHere,
        (Clr, _) | (_, Clr) => return Allowed::Never,
        (_, Variant) => return if variant::holds(from) { Allowed::Implicit } else { Allowed::Never },
        // To the (max) types too, which it cannot hold itself.
        (Variant, Text | Binary) if *to != SqlType::RowVersion => return Allowed::Explicit,
        (Variant, _) => return if variant::holds(to) { Allowed::Explicit } else { Allowed::Never },
        (Text | Binary | Lob, Xml) if *from != SqlType::RowVersion => return Allowed::Implicit,
        (Xml, Text | Binary) if *to != SqlType::RowVersion => return Allowed::Explicit,
        (Xml, _) | (_, Xml) => return Allowed::Never,
        (Lob, _) | (_, Lob) => return allowed_large(from, to),
        _ => {}
    }
    if *from == SqlType::RowVersion || *to == SqlType::RowVersion {
        let unicode = |ty: &SqlType| super::type_rules::is_unicode(ty);
        if unicode(from) || unicode(to) || matches!(family(from), Float) || matches!(family(to), Guid) {
            return Allowed::Never;
        }
    }
    let legacy = |ty: &SqlType| matches!(ty, SqlType::DateTime | SqlType::SmallDateTime);
    match (family(from), family(to)) {
        (Text, Binary) => Allowed::Explicit,
        (Text, _) | (_, Text) if family(from) != Binary => Allowed::Implicit,
        (Binary, Text) => Allowed::Implicit,
        (Binary, Float) => Allowed::Never,
        (Binary, Temporal) if legacy(to) => Allowed::Implicit,
        (Binary, Temporal) => Allowed::Explicit,
        (Binary, _) => Allowed::Implicit,
        (Temporal, Temporal) => match (from, to) {
            (SqlType::Date, SqlType::Time(_)) | (SqlType::Time(_), SqlType::Date) => Allowed::Never,
            _ => Allowed::Implicit,
        },
        (Temporal, Binary) => Allowed::Explicit,
        (Temporal, Guid) | (Guid, Temporal) => Allowed::Never,
        (Temporal, _) if legacy(from) => Allowed::Explicit,
        (Temporal, _) => Allowed::Never,
        (_, Temporal) if legacy(to) => Allowed::Implicit,
        (_, Temporal) => Allowed::Never,
        (Guid, Guid) => Allowed::Implicit,
        (Guid, Binary) => Allowed::Implicit,
        (Guid, _) | (_, Guid) => Allowed::Never,
        (Bit | Integer | Decimal | Money | Float, Bit | Integer | Decimal | Money | Float | Binary) => {
            Allowed::Implicit
        }
        _ => Allowed::Never,
    }
}

/// The chart's part for `text`, `ntext` and `image`.
fn allowed_large(from: &SqlType, to: &SqlType) -> Allowed {
    let text = |ty: &SqlType| super::type_rules::is_text(ty) || matches!(ty, SqlType::Text | SqlType::NText);
    let binary = |ty: &SqlType| *ty == SqlType::Image || family(ty) == Family::Binary;
    let implicit = (text(from) && text(to))
        || (binary(from) && binary(to))
        || (*to == SqlType::Image && matches!(from, SqlType::Char(_) | SqlType::VarChar(_)));
    if implicit { Allowed::Implicit } else { Allowed::Never }
}

/// Converts a value, as `CAST` (no `style`) or `CONVERT` does.
pub fn convert(value: &Datum, from: &SqlType, to: &SqlType, style: Option<i32>) -> SqlResult<Datum> {
    if matches!(value, Datum::Null) {
        return Ok(Datum::Null);
    }
    if from == to && style.is_none() {
        return Ok(value.clone());
    }
    if let (Datum::Variant(held), false) = (value, *to == SqlType::SqlVariant) {
        if allowed(&held.ty, to) == Allowed::Never {
            let (from, to) = (type_name(&held.ty), type_name(to));
            let text = format!("Explicit conversion from data type {from} to {to} is not allowed.");
            return Err(SqlError::new(529, text).with_state(3));
        }
        return convert(&held.value, &held.ty, to, style);
    }
    let from = &super::type_rules::modern(from);
    match family(to) {
        Family::Lob => convert(value, from, &super::type_rules::modern(to), style),
        Family::Xml => to_xml(value, from, style),
        Family::Json => match value {
            Datum::String(text) => super::json::normalise(text).map(Datum::String),
            _ => Err(refused(from, to)),
        },
        Family::Clr => match value {
            Datum::Binary(bytes) => clr_types::check(bytes, to).map(|()| value.clone()),
            _ => Err(refused(from, to)),
        },
        Family::Variant => Ok(variant::wrap(value.clone(), from, None)),
        Family::Bit => to_bit(value, from),
        Family::Integer => to_integer(value, from, to),
        Family::Decimal => to_decimal(value, from, to),
        Family::Money => to_money(value, from, to),
        Family::Float => to_float(value, from, to),
        Family::Text => convert_text::to_text(value, from, to, style),
        Family::Binary => to_binary(value, from, to, style),
        Family::Temporal => convert_temporal::to_temporal(value, from, to, style),
        Family::Guid => to_guid(value, from),
    }
}

/// `CONVERT(xml, …)`: style 1 keeps white space; 2 and 3 allow an internal DTD.
fn to_xml(value: &Datum, from: &SqlType, style: Option<i32>) -> SqlResult<Datum> {
    let keep_space = match style.unwrap_or(0) {
        0 => false,
        1 => true,
        2 | 3 => return Err(SqlError::unsupported("xml with an internal DTD")),
        other => return Err(bad_style(other, from, &SqlType::Xml)),
    };
    let (text, unicode) = match value {
        Datum::String(text) => (text.clone(), super::type_rules::is_unicode(from) || *from == SqlType::Xml),
        Datum::Binary(bytes) => match bytes.strip_prefix(&[0xFF, 0xFE]) {
            Some(units) if units.len() % 2 == 0 => {
                let units: Vec<u16> =
                    units.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
                let text = String::from_utf16(&units)
                    .map_err(|_| SqlError::unsupported("text with an unpaired UTF-16 surrogate"))?;
                (text, true)
            }
            _ => match std::str::from_utf8(bytes) {
                Ok(text) if text.is_ascii() => (text.to_owned(), false),
                _ => return Err(SqlError::unsupported("xml from binary that is neither UTF-16 nor ASCII")),
            },
        },
        _ => return Err(refused(from, &SqlType::Xml)),
    };
    xml::normalise(&text, xml::Options { keep_space, unicode }).map(Datum::String)
}

/// "Arithmetic overflow error converting expression to data type …".
pub fn overflow(to: &SqlType) -> SqlError {
    SqlError::new(8115, format!("Arithmetic overflow error converting expression to data type {}.", type_name(to)))
        .with_state(2)
}

/// "Arithmetic overflow error converting x to data type y.".
pub fn overflow_from(from: &SqlType, to: &SqlType) -> SqlError {
    let (from, to) = (type_name(from), type_name(to));
    SqlError::new(8115, format!("Arithmetic overflow error converting {from} to data type {to}.")).with_state(8)
}

/// "Error converting data type x to y.".
pub fn cannot_convert(from: &SqlType, to: &SqlType) -> SqlError {
    SqlError::new(8114, format!("Error converting data type {} to {}.", type_name(from), type_name(to))).with_state(5)
}

fn refused(from: &SqlType, to: &SqlType) -> SqlError {
    SqlError::unsupported(format!("conversion of {} to {}", type_name(from), type_name(to)))
}

/// The value of an integer-like datum.
fn integer_of(value: &Datum) -> Option<i64> {
    Some(match value {
        Datum::Bit(v) => i64::from(*v),
        Datum::TinyInt(v) => i64::from(*v),
        Datum::SmallInt(v) => i64::from(*v),
        Datum::Int(v) => i64::from(*v),
        Datum::BigInt(v) => *v,
        _ => return None,
    })
}

fn to_bit(value: &Datum, from: &SqlType) -> SqlResult<Datum> {
    let bit = match value {
        Datum::Decimal { unscaled, .. } => *unscaled != 0,
        Datum::Money(v) => *v != 0,
        Datum::Real(v) => *v != 0.0,
        Datum::Float(v) => *v != 0.0,
        Datum::Binary(bytes) => bytes.iter().any(|b| *b != 0),
        Datum::String(text) => match text.trim_matches(' ').to_ascii_lowercase().as_str() {
            "true" => true,
            "false" | "" => false,
            digits if digits.bytes().enumerate().all(|(i, b)| b.is_ascii_digit() || i == 0 && b == b'-') => {
                digits.bytes().any(|b| (b'1'..=b'9').contains(&b))
            }
            _ => return Err(conversion_failed(text, from, &SqlType::Bit)),
        },
        other => integer_of(other).ok_or_else(|| refused(from, &SqlType::Bit))? != 0,
    };
    Ok(Datum::Bit(bit))
}

fn conversion_failed(text: &str, from: &SqlType, to: &SqlType) -> SqlError {
    let (from, to) = (type_name(from), type_name(to));
    SqlError::new(245, format!("Conversion failed when converting the {from} value '{text}' to data type {to}."))
}

/// An integer as a value of the integer type `to`, or the error of the conversion from `from`.
fn fit_integer(value: i128, from: &SqlType, to: &SqlType) -> SqlResult<Datum> {
    let fail = || match (family(from), to) {
        (Family::Integer, SqlType::TinyInt | SqlType::SmallInt) if *from != SqlType::BigInt => {
            SqlError::new(220, format!("Arithmetic overflow error for data type {}, value = {value}.", type_name(to)))
                .with_state(if *to == SqlType::TinyInt { 2 } else { 1 })
        }
        (Family::Decimal | Family::Money, _) => overflow_from(from, to),
        (Family::Float, _) => {
            SqlError::new(232, format!("Arithmetic overflow error for type {}, value = {value}.000000.", type_name(to)))
                .with_state(3)
        }
        _ => overflow(to),
    };
    Ok(match to {
        SqlType::TinyInt => Datum::TinyInt(value.try_into().map_err(|_| fail())?),
        SqlType::SmallInt => Datum::SmallInt(value.try_into().map_err(|_| fail())?),
        SqlType::Int => Datum::Int(value.try_into().map_err(|_| fail())?),
        _ => Datum::BigInt(value.try_into().map_err(|_| fail())?),
    })
}

fn to_integer(value: &Datum, from: &SqlType, to: &SqlType) -> SqlResult<Datum> {
    let integer = match value {
        Datum::Decimal { unscaled, scale } => decimal::truncate(*unscaled, *scale, 0),
        Datum::Money(v) => decimal::divide_rounding(i128::from(*v), 10_000),
        Datum::Real(v) => f64::from(*v).trunc() as i128,
        Datum::Float(v) => v.trunc() as i128,
        Datum::String(text) => return text_to_integer(text, from, to),
        Datum::Binary(bytes) => {
            let width = integer_width(to);
            let tail = &bytes[bytes.len().saturating_sub(width)..];
            let mut raw = [0; 8];
            raw[8 - tail.len()..].copy_from_slice(tail);
            let raw = u64::from_be_bytes(raw);
            match to {
                SqlType::TinyInt => i128::from(raw as u8),
                SqlType::SmallInt => i128::from(raw as u16 as i16),
                SqlType::Int => i128::from(raw as u32 as i32),
                _ => i128::from(raw as i64),
            }
        }
        Datum::DateTime { days, ticks } => i128::from(*days) + i128::from(*ticks >= 12_960_000),
        Datum::SmallDateTime { days, minutes } => i128::from(*days) + i128::from(*minutes >= 720),
        other => i128::from(integer_of(other).ok_or_else(|| refused(from, to))?),
    };
    fit_integer(integer, from, to)
}

fn integer_width(ty: &SqlType) -> usize {
    match ty {
        SqlType::Bit | SqlType::TinyInt => 1,
        SqlType::SmallInt => 2,
        SqlType::Int => 4,
        _ => 8,
    }
}

fn text_to_integer(text: &str, from: &SqlType, to: &SqlType) -> SqlResult<Datum> {
    let trimmed = text.trim_matches(|c: char| c.is_ascii_whitespace());
    let (negative, digits) = match trimmed.as_bytes().first() {
        Some(b'-') => (true, trimmed[1..].trim_start_matches(' ')),
        Some(b'+') => (false, trimmed[1..].trim_start_matches(' ')),
        _ => (false, trimmed),
    };
    let malformed = !digits.bytes().all(|b| b.is_ascii_digit()) || digits.is_empty() && !trimmed.is_empty();
    if malformed {
        return Err(if *to == SqlType::BigInt { cannot_convert(from, to) } else { conversion_failed(text, from, to) });
    }
    let overflowed = || {
        let from_name = type_name(from);
        match to {
            SqlType::TinyInt | SqlType::SmallInt => {
                let column = if *to == SqlType::TinyInt { "INT1" } else { "INT2" };
                SqlError::new(
                    244,
                    format!(
                        "The conversion of the {from_name} value '{text}' overflowed an {column} column. Use a larger integer column."
                    ),
                )
            }
            SqlType::Int => SqlError::new(
                248,
                format!("The conversion of the {from_name} value '{text}' overflowed an int column."),
            ),
            _ => overflow_from(from, to),
        }
    };
    let magnitude: i128 = if digits.is_empty() { 0 } else { digits.parse().map_err(|_| overflowed())? };
    fit_integer(if negative { -magnitude } else { magnitude }, from, to).map_err(|_| overflowed())
}

fn to_decimal(value: &Datum, from: &SqlType, to: &SqlType) -> SqlResult<Datum> {
    let SqlType::Decimal { precision, scale } = *to else { return Err(refused(from, to)) };
    let unscaled = match value {
        Datum::Decimal { unscaled, scale: own } => decimal::rescale(*unscaled, *own, scale),
        Datum::Money(v) => decimal::rescale(i128::from(*v), 4, scale),
        Datum::Real(v) => decimal::from_f64(f64::from(*v), scale),
        Datum::Float(v) => decimal::from_f64(*v, scale),
        Datum::String(text) => {
            let (unscaled, own) = decimal::parse(text).map_err(|error| match error {
                decimal::ParseError::Syntax => cannot_convert(from, to),
                decimal::ParseError::Overflow => overflow_from(from, to),
            })?;
            decimal::rescale(unscaled, own, scale)
        }
        other => decimal::rescale(i128::from(integer_of(other).ok_or_else(|| refused(from, to))?), 0, scale),
    };
    match unscaled {
        Some(unscaled) if decimal::fits(unscaled, precision) => Ok(Datum::Decimal { unscaled, scale }),
        _ if family(from) == Family::Integer || family(from) == Family::Bit => Err(overflow_from(from, to)),
        _ => Err(overflow_from(from, to)),
    }
}

fn to_money(value: &Datum, from: &SqlType, to: &SqlType) -> SqlResult<Datum> {
    let wide = match value {
        Datum::Money(v) => Some(i128::from(*v)),
        Datum::Decimal { unscaled, scale } => decimal::rescale(*unscaled, *scale, 4),
        Datum::Real(v) => decimal::from_f64(f64::from(*v), 4),
        Datum::Float(v) => decimal::from_f64(*v, 4),
        Datum::String(text) => {
            let cleaned: String = text.trim_matches(' ').chars().filter(|c| *c != ',').collect();
            let cleaned = match cleaned.strip_prefix("-$").or_else(|| cleaned.strip_prefix("$-")) {
                Some(rest) => format!("-{rest}"),
                None => cleaned.trim_start_matches('$').to_owned(),
            };
            if cleaned.is_empty() {
                Some(0)
            } else {
                let (unscaled, scale) = decimal::parse(&cleaned).map_err(|_| {
                    SqlError::new(235, "Cannot convert a char value to money. The char value has incorrect syntax.")
                })?;
                decimal::rescale(unscaled, scale, 4)
            }
        }
        Datum::Binary(bytes) if bytes.len() <= 8 => {
            let mut raw = [0; 8];
            raw[8 - bytes.len()..].copy_from_slice(bytes);
            Some(i128::from(i64::from_be_bytes(raw)))
        }
        other => Some(i128::from(integer_of(other).ok_or_else(|| refused(from, to))?) * 10_000),
    };
    let in_range = |v: &i128| match to {
        SqlType::SmallMoney => i32::try_from(*v).is_ok(),
        _ => i64::try_from(*v).is_ok(),
    };
    match wide.filter(in_range) {
        Some(v) => Ok(Datum::Money(v as i64)),
        None => Err(overflow_from(from, to)),
    }
}

fn to_float(value: &Datum, from: &SqlType, to: &SqlType) -> SqlResult<Datum> {
    let float = match value {
        Datum::Real(v) => f64::from(*v),
        Datum::Float(v) => *v,
        Datum::Decimal { unscaled, scale } => decimal::to_f64(*unscaled, *scale),
        Datum::Money(v) => decimal::to_f64(i128::from(*v), 4),
        Datum::String(text) => parse_float(text).ok_or_else(|| cannot_convert(from, to))?,
        Datum::DateTime { days, ticks } => f64::from(*days) + f64::from(*ticks) / 25_920_000.0,
        Datum::SmallDateTime { days, minutes } => f64::from(*days) + f64::from(*minutes) / 1_440.0,
        other => integer_of(other).ok_or_else(|| refused(from, to))? as f64,
    };
    if *to == SqlType::Real {
        let real = float as f32;
        return if real.is_finite() { Ok(Datum::Real(real)) } else { Err(overflow(to)) };
    }
    if float.is_finite() { Ok(Datum::Float(float)) } else { Err(overflow(to)) }
}

/// Reads a float literal in text: digits, point, exponent.
fn parse_float(text: &str) -> Option<f64> {
    let trimmed = text.trim_matches(' ');
    if trimmed.is_empty() {
        return Some(0.0);
    }
    let plausible = trimmed.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    if plausible { trimmed.parse().ok() } else { None }
}

fn to_binary(value: &Datum, from: &SqlType, to: &SqlType, style: Option<i32>) -> SqlResult<Datum> {
    let (length, fixed) = match to {
        SqlType::Binary(n) => (usize::from(*n), true),
        SqlType::VarBinary(Length::N(n)) => (usize::from(*n), false),
        SqlType::RowVersion => (8, true),
        _ => (usize::MAX, false),
    };
    // Numbers keep their low bytes and pad at the left; everything else keeps its first bytes and pads at the right.
    if let Some(number) = integer_of(value).or(match value {
        Datum::Money(v) => Some(*v),
        Datum::DateTime { days, ticks } => Some(i64::from(*days) << 32 | i64::from(*ticks)),
        Datum::SmallDateTime { days, minutes } => Some(i64::from(*days) << 16 | i64::from(*minutes)),
        _ => None,
    }) {
        let width = match from {
            SqlType::Money | SqlType::DateTime => 8,
            SqlType::SmallMoney | SqlType::SmallDateTime => 4,
            other => integer_width(other),
        };
        let bytes = number.to_be_bytes();
        let mut bytes = bytes[8 - width..].to_vec();
        if bytes.len() > length {
            bytes.drain(..bytes.len() - length);
        } else if fixed {
            let mut padded = vec![0; length - bytes.len()];
            padded.extend_from_slice(&bytes);
            bytes = padded;
        }
        return Ok(Datum::Binary(bytes));
    }
    let mut bytes = match value {
        Datum::Binary(bytes) => bytes.clone(),
        Datum::Guid(text_order) => super::encode::guid_storage_order(text_order).to_vec(),
        Datum::String(text) if *from == SqlType::Xml => {
            [vec![0xFF, 0xFE], convert_text::bytes_of_text(text, &SqlType::NVarChar(Length::Max))].concat()
        }
        Datum::String(text) => match style.unwrap_or(0) {
            0 => convert_text::bytes_of_text(text, from),
            style @ (1 | 2) => parse_hex(text, style).ok_or_else(|| cannot_convert(from, to))?,
            other => return Err(bad_style(other, from, to)),
        },
        _ => return Err(refused(from, to)),
    };
    bytes.truncate(length);
    if fixed {
        bytes.resize(length, 0);
    }
    Ok(Datum::Binary(bytes))
}

/// "… is not a valid style number when converting from x to y."
pub fn bad_style(style: i32, from: &SqlType, to: &SqlType) -> SqlError {
    let from = type_name(from);
    let to = if super::type_rules::is_text(to) { "a character string" } else { type_name(to) };
    SqlError::new(281, format!("{style} is not a valid style number when converting from {from} to {to}."))
}

fn parse_hex(text: &str, style: i32) -> Option<Vec<u8>> {
    let digits = if style == 1 { text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))? } else { text };
    if digits.len() % 2 != 0 || !digits.is_ascii() {
        return None;
    }
    (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(&digits[i..i + 2], 16).ok()).collect()
}

fn to_guid(value: &Datum, from: &SqlType) -> SqlResult<Datum> {
    let failed = || {
        SqlError::new(8169, "Conversion failed when converting from a character string to uniqueidentifier.")
            .with_state(2)
    };
    match value {
        Datum::Guid(_) => Ok(value.clone()),
        Datum::String(text) => {
            let text = text.strip_prefix('{').unwrap_or(text);
            let hyphenated = text.get(..36).ok_or_else(failed)?;
            let parsed = uuid::Uuid::try_parse(hyphenated).map_err(|_| failed())?;
            Ok(Datum::Guid(*parsed.as_bytes()))
        }
        Datum::Binary(bytes) => {
            let mut raw = [0; 16];
            let taken = bytes.len().min(16);
            raw[..taken].copy_from_slice(&bytes[..taken]);
            Ok(Datum::Guid(super::encode::guid_storage_order(&raw)))
        }
        _ => Err(refused(from, &SqlType::UniqueIdentifier)),
    }
}

/// Converts for storing into a column: as [`convert`], but what would be cut off is error 2628 unless it is trailing spaces
/// (or zero bytes of a binary value).
pub fn assign(value: &Datum, from: &SqlType, to: &SqlType, table: &str, column: &str) -> SqlResult<Datum> {
    let truncated = |shown: &str| {
        SqlError::new(
            2628,
            format!(
                "String or binary data would be truncated in table '{table}', column '{column}'. Truncated value: '{shown}'."
            ),
        )
    };
    if *to == SqlType::RowVersion {
        return convert(value, from, to, None);
    }
    match (value, to) {
        (Datum::String(text), SqlType::Char(n) | SqlType::VarChar(Length::N(n))) => {
            let limit = usize::from(*n);
            if text.len() > limit && text.trim_end_matches(' ').chars().count() > limit {
                return Err(truncated(&text.chars().take(limit).collect::<String>()));
            }
        }
        (Datum::String(text), SqlType::NChar(n) | SqlType::NVarChar(Length::N(n))) => {
            let limit = usize::from(*n);
            if text.len() > limit && convert_text::utf16_length(text.trim_end_matches(' ')) > limit {
                return Err(truncated(&convert_text::cut_utf16(text, limit)));
            }
        }
        (Datum::Binary(bytes), SqlType::Binary(n) | SqlType::VarBinary(Length::N(n))) => {
            let limit = usize::from(*n);
            if bytes.len() > limit && bytes[limit..].iter().any(|b| *b != 0) {
                return Err(truncated(""));
            }
        }
        _ => {}
    }
    convert(value, from, to, None)
}
