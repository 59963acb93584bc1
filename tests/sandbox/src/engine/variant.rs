//! `sql_variant`: values that keep their base type, how they lie in SQLite and how they compare.
//!
//! Source: <https://learn.microsoft.com/sql/t-sql/data-types/sql-variant-transact-sql>.

use std::cmp::Ordering;

use rusqlite::types::{Value, ValueRef};

use crate::error::{SqlError, SqlResult};
use crate::types::{Datum, DecimalName, Length, SqlType, Variant};

use super::collation;
use super::convert_temporal::moment_of;
use super::encode::{TICKS_PER_DAY, decode, encode};
use super::system_types::{self, facets};
use super::type_rules::{Family, family, is_text, type_code, type_from_code};

/// SQLite collation of the type.
pub const COLLATION: &str = "sandbox_variant";

/// Parts the fields of a stored value; no collation's name holds it.
const SEPARATOR: char = '|';

/// A value as the text that SQLite stores: type code in hexadecimal, collation (or name of a decimal's type), encoding of the value.
pub fn store(variant: &Variant) -> String {
    let value = match encode(&variant.value, &variant.ty) {
        Value::Null => String::new(),
        Value::Integer(v) => format!("i{v}"),
        Value::Real(v) => format!("r{:x}", v.to_bits()),
        Value::Text(text) => format!("t{text}"),
        Value::Blob(bytes) => {
            let mut text = String::with_capacity(1 + 2 * bytes.len());
            text.push('b');
            bytes.iter().for_each(|byte| text.push_str(&format!("{byte:02x}")));
            text
        }
    };
    let name = variant.decimal.map(DecimalName::as_str).or(variant.collation.as_deref()).unwrap_or_default();
    format!("{:x}{SEPARATOR}{name}{SEPARATOR}{value}", type_code(&variant.ty))
}

/// Reads what [`store`] wrote; `None` for anything else.
pub fn read(text: &str) -> Option<Variant> {
    let (code, rest) = text.split_once(SEPARATOR)?;
    let (name, value) = rest.split_once(SEPARATOR)?;
    let ty = type_from_code(i64::from_str_radix(code, 16).ok()?)?;
    let (kind, rest) = (value.get(..1)?, value.get(1..)?);
    let value = match kind {
        "i" => decode(ValueRef::Integer(rest.parse().ok()?), &ty),
        "r" => decode(ValueRef::Real(f64::from_bits(u64::from_str_radix(rest, 16).ok()?)), &ty),
        "t" => decode(ValueRef::Text(rest.as_bytes()), &ty),
        "b" => {
            let byte = |at: usize| u8::from_str_radix(rest.get(at..at + 2)?, 16).ok();
            let bytes: Option<Vec<u8>> = (0..rest.len()).step_by(2).map(byte).collect();
            decode(ValueRef::Blob(&bytes?), &ty)
        }
        _ => return None,
    };
    let decimal = decimal_name(&ty, Some(name));
    let collation = (!name.is_empty() && decimal.is_none()).then(|| name.to_owned());
    Some(Variant { ty, collation, decimal, value: value.ok()? })
}

fn decimal_name(ty: &SqlType, name: Option<&str>) -> Option<DecimalName> {
    name.filter(|_| matches!(ty, SqlType::Decimal { .. })).and_then(DecimalName::of)
}

/// Makes a variant of a value; NULL stays NULL. `name` is the collation of a character value, the name of a decimal's type.
pub fn wrap(value: Datum, ty: &SqlType, name: Option<&str>) -> Datum {
    match value {
        Datum::Null | Datum::Variant(_) => value,
        value => {
            let collation = is_text(ty).then(|| name.map_or_else(collation::default_name, str::to_owned));
            Datum::Variant(Box::new(Variant { ty: *ty, collation, decimal: decimal_name(ty, name), value }))
        }
    }
}

/// Whether a variant can hold values of the type.
pub fn holds(ty: &SqlType) -> bool {
    let long = matches!(super::type_rules::length_of(ty), Some(Length::Max));
    !long && *ty != SqlType::RowVersion && !matches!(family(ty), Family::Lob | Family::Xml | Family::Clr | Family::Json)
}

/// Place of a type's family in the hierarchy by which values of different families compare.
fn rank(ty: &SqlType) -> u8 {
    match family(ty) {
        Family::Temporal => 6,
        Family::Float => 5,
        Family::Bit | Family::Integer | Family::Decimal | Family::Money => 4,
        Family::Text => 3,
        Family::Binary => 2,
        _ => 1,
    }
}

/// Order of two stored values.
pub fn compare(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    match (read(a), read(b)) {
        (Some(a), Some(b)) => compare_values(&a, &b),
        _ => a.cmp(b),
    }
}

fn compare_values(a: &Variant, b: &Variant) -> Ordering {
    let by_family = rank(&a.ty).cmp(&rank(&b.ty));
    if by_family != Ordering::Equal {
        return by_family;
    }
    match (&a.value, &b.value) {
        (Datum::String(x), Datum::String(y)) => compare_texts((x, a), (y, b)),
        (Datum::Binary(x), Datum::Binary(y)) => trimmed(x).cmp(trimmed(y)),
        (Datum::Guid(_), Datum::Guid(_)) => match (encode(&a.value, &a.ty), encode(&b.value, &b.ty)) {
            (Value::Blob(x), Value::Blob(y)) => x.cmp(&y),
            _ => Ordering::Equal,
        },
        (x, y) => match (exact(x), exact(y)) {
            (Some(x), Some(y)) => compare_exact(x, y),
            _ => match (approximate(x), approximate(y)) {
                (Some(x), Some(y)) => x.total_cmp(&y),
                _ => instant(x).cmp(&instant(y)),
            },
        },
    }
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    let kept = bytes.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
    &bytes[..kept]
}

/// Texts of different collations order by collation: version, comparison flags, sort order; the locale is one here.
fn compare_texts((x, a): (&str, &Variant), (y, b): (&str, &Variant)) -> Ordering {
    let name = |v: &Variant| v.collation.clone().unwrap_or_else(collation::default_name);
    let (left, right) = (name(a), name(b));
    if !left.eq_ignore_ascii_case(&right) {
        return collation_key(&left).cmp(&collation_key(&right));
    }
    match collation::rules(&left) {
        Ok(rules) => collation::compare(x, y, rules),
        Err(_) => x.cmp(y),
    }
}

fn collation_key(name: &str) -> (u32, u32, u32) {
    let upper = name.to_ascii_uppercase();
    let words: Vec<&str> = upper.split('_').collect();
    let has = |word: &str| words.contains(&word);
    let version = words.iter().find_map(|word| word.parse::<u32>().ok()).unwrap_or(0);
    let flags = if has("BIN") || has("BIN2") {
        u32::from(has("BIN2"))
    } else {
        0xC_0000 | if has("CI") { 0x1_0000 } else { 0 } | if has("AI") { 0x2_0000 } else { 0 }
    };
    let sort_order = match (has("SQL"), has("CI"), has("AI")) {
        (false, ..) => 0,
        (true, true, true) => 54,
        (true, true, false) => 52,
        (true, false, _) => 51,
    };
    (version, flags, sort_order)
}

fn exact(value: &Datum) -> Option<(i128, u8)> {
    Some(match value {
        Datum::Bit(v) => (i128::from(*v), 0),
        Datum::TinyInt(v) => (i128::from(*v), 0),
        Datum::SmallInt(v) => (i128::from(*v), 0),
        Datum::Int(v) => (i128::from(*v), 0),
        Datum::BigInt(v) => (i128::from(*v), 0),
        Datum::Money(v) => (i128::from(*v), 4),
        Datum::Decimal { unscaled, scale } => (*unscaled, *scale),
        _ => return None,
    })
}

fn compare_exact((a, a_scale): (i128, u8), (b, b_scale): (i128, u8)) -> Ordering {
    let part = |value: i128, scale: u8| {
        let unit = super::decimal::pow10(u32::from(scale));
        (value.div_euclid(unit), value.rem_euclid(unit) * super::decimal::pow10(u32::from(38 - scale)))
    };
    part(a, a_scale).cmp(&part(b, b_scale))
}

fn approximate(value: &Datum) -> Option<f64> {
    match value {
        Datum::Real(v) => Some(f64::from(*v)),
        Datum::Float(v) => Some(*v),
        _ => None,
    }
}

/// A date or time as 100 ns units of UTC.
fn instant(value: &Datum) -> i64 {
    moment_of(value)
        .map_or(0, |m| i64::from(m.days) * TICKS_PER_DAY + m.ticks - i64::from(m.offset.unwrap_or(0)) * 600_000_000)
}

/// `SQL_VARIANT_PROPERTY`: a variant, NULL for what is no property.
///
/// Source: <https://learn.microsoft.com/sql/t-sql/functions/sql-variant-property-transact-sql>.
pub fn property(variant: &Variant, property: &str) -> SqlResult<Datum> {
    const NAME: SqlType = SqlType::NVarChar(Length::N(128));
    let f = facets(&variant.ty);
    let name = |text: &str| wrap(Datum::String(text.to_owned()), &NAME, None);
    let number = |value: i32| wrap(Datum::Int(value), &SqlType::Int, None);
    Ok(match property.trim_end_matches(' ').to_ascii_lowercase().as_str() {
        // Known only of what CAST made: columns and what is computed do not tell.
        "basetype" if matches!(variant.ty, SqlType::Decimal { .. }) => match variant.decimal {
            Some(known) => name(known.as_str()),
            None => {
                return Err(SqlError::unsupported("whether the base type of a sql_variant is decimal or numeric"));
            }
        },
        "basetype" => name(system_types::type_name(&variant.ty)),
        "precision" => number(i32::from(f.precision)),
        "scale" => number(i32::from(f.scale)),
        "maxlength" => number(i32::from(f.max_length)),
        "collation" => variant.collation.as_deref().map_or(Datum::Null, name),
        "totalbytes" => number(total_bytes(variant)?),
        _ => Datum::Null,
    })
}

/// Bytes of the value and of what describes it.
fn total_bytes(variant: &Variant) -> SqlResult<i32> {
    let described = match &variant.ty {
        ty if is_text(ty) => 8,
        SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::Decimal { .. } => 4,
        SqlType::Time(_) | SqlType::DateTime2(_) | SqlType::DateTimeOffset(_) => 3,
        _ => 2,
    };
    let bytes = super::scalar_texts::bytes_of(&variant.value, &variant.ty);
    i32::try_from(bytes + described).map_err(|_| SqlError::unsupported("a sql_variant this long"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn stored(value: Datum, ty: SqlType) -> String {
        let Datum::Variant(variant) = wrap(value, &ty, None) else { panic!("no variant") };
        store(&variant)
    }

    #[test]
    fn a_variant_reads_back_with_its_type_and_collation() {
        let text = stored(Datum::String("a|b".into()), SqlType::VarChar(Length::N(5)));
        let variant = read(&text).unwrap();
        assert_eq!(variant.value, Datum::String("a|b".into()));
        assert_eq!(variant.collation.as_deref(), Some(collation::DEFAULT_COLLATION));
        let ty = SqlType::Decimal { precision: 30, scale: 2 };
        let value = Datum::Decimal { unscaled: -12345, scale: 2 };
        assert_eq!(read(&stored(value.clone(), ty)).unwrap(), Variant { ty, collation: None, decimal: None, value });
    }

    #[test]
    fn families_come_before_values_and_numbers_of_one_family_compare_as_numbers() {
        let int = stored(Datum::Int(1000), SqlType::Int);
        let float = stored(Datum::Float(1.0), SqlType::Float);
        let text = stored(Datum::String("9".into()), SqlType::VarChar(Length::N(1)));
        assert_eq!(compare(&int, &float), Ordering::Less);
        assert_eq!(compare(&int, &text), Ordering::Greater);
        let decimal =
            stored(Datum::Decimal { unscaled: 10_000_001, scale: 4 }, SqlType::Decimal { precision: 20, scale: 4 });
        assert_eq!(compare(&int, &decimal), Ordering::Less);
        assert_eq!(compare(&int, &stored(Datum::BigInt(1000), SqlType::BigInt)), Ordering::Equal);
    }
}
