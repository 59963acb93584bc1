//! String functions.
//!
//! Source: <https://learn.microsoft.com/sql/t-sql/functions/string-functions-transact-sql>.

use crate::error::{SqlError, SqlResult};
use crate::types::{Datum, SqlType};

use super::code_page;
use super::collation::{self, Rules};
use super::convert_text::utf16_length;
use super::scalar_functions::{Argument, Body, integer, integer_result, mismatch, text, text_result};
use super::type_rules::is_unicode;

/// Functions that return NULL for a NULL argument.
pub(super) const FUNCTIONS: &[(&str, Body)] = &[
    ("len", |a, returns| {
        let trimmed = text(a, 0)?.trim_end_matches(' ');
        integer_result(utf16_length(trimmed) as i64, returns)
    }),
    ("datalength", data_length),
    ("upper", |a, returns| text_result(map_chars(text(a, 0)?, upper), returns)),
    ("lower", |a, returns| text_result(map_chars(text(a, 0)?, collation::lower), returns)),
    ("ltrim", |a, returns| text_result(text(a, 0)?.trim_start_matches(' ').to_owned(), returns)),
    ("rtrim", |a, returns| text_result(text(a, 0)?.trim_end_matches(' ').to_owned(), returns)),
    ("trim", |a, returns| text_result(text(a, 0)?.trim_matches(' ').to_owned(), returns)),
    ("reverse", |a, returns| text_result(text(a, 0)?.chars().rev().collect(), returns)),
    ("substring", substring),
    ("left", |a, returns| {
        let count = count(a, 1, "LEFT")?;
        text_result(slice(text(a, 0)?, 0, count)?, returns)
    }),
    ("right", |a, returns| {
        let text = text(a, 0)?;
        let length = utf16_length(text);
        let count = count(a, 1, "RIGHT")?.min(length);
        text_result(slice(text, length - count, count)?, returns)
    }),
    ("replace", replace),
    ("charindex", char_index),
    ("patindex", |a, returns| {
        let rules = collation::rules(text(a, 2)?)?;
        integer_result(super::like::position(text(a, 1)?, text(a, 0)?, rules) as i64, returns)
    }),
    ("replicate", |a, returns| match integer(a, 1)? {
        count if count < 0 => Ok(Datum::Null),
        count => {
            let text = text(a, 0)?;
            let wanted = (text.len() as i64).saturating_mul(count);
            if wanted > MAX_RESULT_BYTES {
                return Err(SqlError::unsupported("REPLICATE of more than 64 MB"));
            }
            text_result(text.repeat(count as usize), returns)
        }
    }),
    ("space", |a, returns| match integer(a, 0)? {
        count if count < 0 => Ok(Datum::Null),
        count => text_result(" ".repeat(count.min(8000) as usize), returns),
    }),
    ("ascii", |a, _| {
        Ok(text(a, 0)?
            .chars()
            .next()
            .map_or(Datum::Null, |c| Datum::Int(i32::from(code_page::current().byte(c).unwrap_or(b'?')))))
    }),
    ("unicode", |a, _| {
        let mut units = [0; 2];
        Ok(text(a, 0)?.chars().next().map_or(Datum::Null, |c| Datum::Int(i32::from(c.encode_utf16(&mut units)[0]))))
    }),
    ("char", |a, _| {
        Ok(match u8::try_from(integer(a, 0)?) {
            Ok(byte) => Datum::String(code_page::current().text(&[byte])?),
            Err(_) => Datum::Null,
        })
    }),
    ("nchar", |a, _| match u32::try_from(integer(a, 0)?) {
        Ok(code) if code <= 0xFFFF => {
            let c = char::from_u32(code).ok_or_else(|| SqlError::unsupported("half of a surrogate pair"))?;
            Ok(Datum::String(c.to_string()))
        }
        _ => Ok(Datum::Null),
    }),
    ("quotename", quote_name),
    ("sql_variant_property", |a, _| match &a[0].0 {
        Datum::Variant(variant) => super::variant::property(variant, text(a, 1)?),
        _ => Err(mismatch()),
    }),
];

/// Functions that see NULL arguments.
pub(super) const NULLABLE_FUNCTIONS: &[(&str, Body)] = &[("stuff", stuff), ("concat_ws", concat_ws)];

const MAX_RESULT_BYTES: i64 = 64 * 1024 * 1024;

fn map_chars(text: &str, map: fn(char) -> char) -> String {
    text.chars().map(map).collect()
}

/// Upper case by simple mapping; letters without a single counterpart stay.
fn upper(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_uppercase();
    }
    let mut mapped = c.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(single), None) => single,
        _ => c,
    }
}

fn data_length(a: &[Argument], returns: &SqlType) -> SqlResult<Datum> {
    let (value, ty) = &a[0];
    integer_result(bytes_of(value, ty) as i64, returns)
}

/// Bytes that a value takes as `DATALENGTH` counts them.
pub(super) fn bytes_of(value: &Datum, ty: &SqlType) -> usize {
    match value {
        Datum::Variant(held) => bytes_of(&held.value, &held.ty),
        Datum::String(text) if is_unicode(ty) || *ty == SqlType::NText => 2 * utf16_length(text),
        Datum::String(text) => text.chars().count(),
        Datum::Binary(bytes) => bytes.len(),
        _ => match ty {
            SqlType::Bit | SqlType::TinyInt => 1,
            SqlType::SmallInt => 2,
            SqlType::Int | SqlType::SmallMoney | SqlType::Real | SqlType::SmallDateTime => 4,
            SqlType::Date => 3,
            SqlType::Decimal { precision, .. } => match precision {
                0..=9 => 5,
                10..=19 => 9,
                20..=28 => 13,
                _ => 17,
            },
            SqlType::Time(scale) => time_bytes(*scale),
            SqlType::DateTime2(scale) => time_bytes(*scale) + 3,
            SqlType::DateTimeOffset(scale) => time_bytes(*scale) + 5,
            SqlType::UniqueIdentifier => 16,
            _ => 8,
        },
    }
}

fn time_bytes(scale: u8) -> usize {
    match scale {
        0..=2 => 3,
        3 | 4 => 4,
        _ => 5,
    }
}

fn count(a: &[Argument], index: usize, function: &str) -> SqlResult<usize> {
    usize::try_from(integer(a, index)?).map_err(|_| invalid_length(function))
}

fn invalid_length(function: &str) -> SqlError {
    match function {
        "RIGHT" => SqlError::new(536, "Invalid length parameter passed to the RIGHT function.").with_state(2),
        _ => SqlError::new(537, "Invalid length parameter passed to the LEFT or SUBSTRING function.").with_state(3),
    }
}

/// UTF-16 code units `start..start + count` of a text. Cutting a surrogate pair is refused.
fn slice(text: &str, start: usize, count: usize) -> SqlResult<String> {
    if text.is_ascii() {
        let start = start.min(text.len());
        let end = start.saturating_add(count).min(text.len());
        return Ok(text[start..end].to_owned());
    }
    let units: Vec<u16> = text.encode_utf16().collect();
    let start = start.min(units.len());
    let end = start.saturating_add(count).min(units.len());
    String::from_utf16(&units[start..end]).map_err(|_| SqlError::unsupported("cutting a surrogate pair in two"))
}

fn substring(a: &[Argument], returns: &SqlType) -> SqlResult<Datum> {
    let (start, length) = (integer(a, 1)?, integer(a, 2)?);
    if length < 0 {
        return Err(invalid_length("substring"));
    }
    let end = (start - 1).saturating_add(length).max(0) as usize;
    let first = (start - 1).max(0) as usize;
    let length = end.saturating_sub(first);
    match &a[0].0 {
        Datum::String(text) => text_result(slice(text, first, length)?, returns),
        Datum::Binary(bytes) => {
            let first = first.min(bytes.len());
            let end = first.saturating_add(length).min(bytes.len());
            Ok(Datum::Binary(bytes[first..end].to_vec()))
        }
        _ => Err(mismatch()),
    }
}

fn same(a: char, b: char, rules: Rules) -> bool {
    if a == b {
        return true;
    }
    if rules.binary || a == ' ' || b == ' ' {
        return false;
    }
    let (mut left, mut right) = ([0; 4], [0; 4]);
    collation::compare(a.encode_utf8(&mut left), b.encode_utf8(&mut right), rules).is_eq()
}

/// Where `needle` stands in `text` from `from`, in characters.
fn find(text: &[char], needle: &[char], from: usize, rules: Rules) -> Option<usize> {
    if needle.is_empty() || needle.len() > text.len() {
        return None;
    }
    (from..=text.len() - needle.len()).find(|&at| needle.iter().zip(&text[at..]).all(|(a, b)| same(*a, *b, rules)))
}

fn replace(a: &[Argument], returns: &SqlType) -> SqlResult<Datum> {
    let chars: Vec<char> = text(a, 0)?.chars().collect();
    let needle: Vec<char> = text(a, 1)?.chars().collect();
    let replacement = text(a, 2)?;
    let rules = collation::rules(text(a, 3)?)?;
    let mut result = String::new();
    let mut from = 0;
    while let Some(at) = find(&chars, &needle, from, rules) {
        result.extend(&chars[from..at]);
        result.push_str(replacement);
        from = at + needle.len();
    }
    result.extend(&chars[from..]);
    text_result(result, returns)
}

fn char_index(a: &[Argument], returns: &SqlType) -> SqlResult<Datum> {
    let needle: Vec<char> = text(a, 0)?.chars().collect();
    let chars: Vec<char> = text(a, 1)?.chars().collect();
    let from = (integer(a, 2)? - 1).max(0) as usize;
    let rules = collation::rules(text(a, 3)?)?;
    // The start counts code units; characters beyond the basic plane take two.
    let mut units = 0;
    let mut start = chars.len();
    for (i, c) in chars.iter().enumerate() {
        if units >= from {
            start = i;
            break;
        }
        units += c.len_utf16();
    }
    let place = find(&chars, &needle, start, rules)
        .map_or(0, |at| chars[..at].iter().map(|c| c.len_utf16()).sum::<usize>() + 1);
    integer_result(place as i64, returns)
}

fn stuff(a: &[Argument], returns: &SqlType) -> SqlResult<Datum> {
    if a[..3].iter().any(|(value, _)| *value == Datum::Null) {
        return Ok(Datum::Null);
    }
    let text = text(a, 0)?;
    let (start, length) = (integer(a, 1)?, integer(a, 2)?);
    let total = utf16_length(text) as i64;
    if start <= 0 || start > total || length < 0 {
        return Ok(Datum::Null);
    }
    let insert = match &a[3].0 {
        Datum::String(insert) => insert.as_str(),
        _ => "",
    };
    let start = start as usize - 1;
    let head = slice(text, 0, start)?;
    let tail = slice(text, start.saturating_add(length as usize), usize::MAX)?;
    text_result(format!("{head}{insert}{tail}"), returns)
}

fn concat_ws(a: &[Argument], returns: &SqlType) -> SqlResult<Datum> {
    let separator = match &a[0].0 {
        Datum::String(separator) => separator.as_str(),
        _ => "",
    };
    let parts: Vec<&str> = a[1..]
        .iter()
        .filter_map(|(value, _)| match value {
            Datum::String(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    text_result(parts.join(separator), returns)
}

fn quote_name(a: &[Argument], returns: &SqlType) -> SqlResult<Datum> {
    let name = text(a, 0)?;
    if utf16_length(name) > 128 {
        return Ok(Datum::Null);
    }
    let (open, close) = match text(a, 1)? {
        "" | "[" | "]" => ('[', ']'),
        "'" => ('\'', '\''),
        "\"" => ('"', '"'),
        "`" => ('`', '`'),
        "(" | ")" => ('(', ')'),
        "<" | ">" => ('<', '>'),
        "{" | "}" => ('{', '}'),
        _ => return Ok(Datum::Null),
    };
    let doubled = name.replace(close, &format!("{close}{close}"));
    text_result(format!("{open}{doubled}{close}"), returns)
}
