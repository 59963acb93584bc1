//! The SQLite functions that compiled statements call. All but a few are deterministic, so that SQLite evaluates them once
//! where their arguments are constant and takes them in `CHECK` constraints and generated columns.

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Error};

use crate::error::{SqlError, SqlResult};
use crate::types::{Datum, SqlType};

use super::constraint_errors::encode_error;
use super::convert::{self, overflow};
use super::encode::{decode, encode};
use super::type_rules::{scale_in, type_from_code};
use super::{aggregates, collation, compare_key, decimal, like, scalar_functions};

/// A T-SQL error on its way through SQLite.
#[derive(Debug, thiserror::Error)]
#[error("{}", encode_error(.0))]
struct Raised(SqlError);

/// Carries a T-SQL error out of a SQLite function.
pub fn raise(error: SqlError) -> Error {
    Error::UserFunctionError(Box::new(Raised(error)))
}

fn internal(what: &str) -> Error {
    raise(SqlError::new(8180, format!("sandbox: {what}")))
}

/// The type whose code is argument `index`.
pub(super) fn type_argument(context: &Context<'_>, index: usize) -> rusqlite::Result<SqlType> {
    match context.get_raw(index) {
        ValueRef::Integer(code) => type_from_code(code).ok_or_else(|| internal("unknown type code")),
        _ => Err(internal("type code expected")),
    }
}

/// The integer that is argument `index`; `None` for NULL.
pub(super) fn integer_argument(context: &Context<'_>, index: usize) -> rusqlite::Result<Option<i64>> {
    match context.get_raw(index) {
        ValueRef::Null => Ok(None),
        ValueRef::Integer(v) => Ok(Some(v)),
        _ => Err(internal("integer expected")),
    }
}

fn real_argument(context: &Context<'_>, index: usize) -> rusqlite::Result<Option<f64>> {
    match context.get_raw(index) {
        ValueRef::Null => Ok(None),
        ValueRef::Integer(v) => Ok(Some(v as f64)),
        ValueRef::Real(v) => Ok(Some(v)),
        _ => Err(internal("float expected")),
    }
}

fn text_argument<'c>(context: &'c Context<'_>, index: usize) -> rusqlite::Result<Option<&'c str>> {
    match context.get_raw(index) {
        ValueRef::Null => Ok(None),
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).map(Some).map_err(|_| internal("text expected")),
        _ => Err(internal("text expected")),
    }
}

/// Argument `index` as a value of type `ty`.
pub(super) fn datum_argument(context: &Context<'_>, index: usize, ty: &SqlType) -> rusqlite::Result<Datum> {
    decode(context.get_raw(index), ty).map_err(raise)
}

/// Registers collations and functions on a connection.
pub fn register(connection: &Connection) -> rusqlite::Result<()> {
    collation::register(connection)?;
    aggregates::register(connection)?;
    scalar_functions::register(connection)?;
    register_conversions(connection)?;
    register_arithmetic(connection)?;
    register_predicates(connection)
}

/// Flags of a function whose result depends on its arguments alone.
pub(super) fn pure() -> FunctionFlags {
    FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS
}

fn register_conversions(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_scalar_function("ts_convert", -1, pure(), |context| converted(context)?.map_err(raise))?;
    connection.create_scalar_function("ts_try_convert", -1, pure(), |context| {
        Ok(converted(context)?.unwrap_or(Value::Null))
    })?;
    connection.create_scalar_function("ts_assign", 5, pure(), |context| {
        let (from, to) = (type_argument(context, 1)?, type_argument(context, 2)?);
        let value = datum_argument(context, 0, &from)?;
        let (Some(table), Some(column)) = (text_argument(context, 3)?, text_argument(context, 4)?) else {
            return Err(internal("names expected"));
        };
        let value = convert::assign(&value, &from, &to, table, column).map_err(raise)?;
        Ok(encode(&value, &to))
    })?;
    connection.create_scalar_function("ts_variant", 3, pure(), |context| {
        let ty = type_argument(context, 1)?;
        let value = datum_argument(context, 0, &ty)?;
        let held = super::variant::wrap(value, &ty, text_argument(context, 2)?);
        Ok(encode(&held, &SqlType::SqlVariant))
    })?;
    connection.create_scalar_function("ts_key", 3, pure(), |context| {
        let (from, to) = (type_argument(context, 1)?, type_argument(context, 2)?);
        let value = datum_argument(context, 0, &from)?;
        compare_key::key(&value, &from, &to).map_err(raise)
    })?;
    connection.create_scalar_function("ts_float_bits", 1, pure(), |context| {
        Ok(integer_argument(context, 0)?.map(|bits| f64::from_bits(bits as u64)))
    })
}

fn converted(context: &Context<'_>) -> rusqlite::Result<SqlResult<Value>> {
    let (from, to) = (type_argument(context, 1)?, type_argument(context, 2)?);
    let value = datum_argument(context, 0, &from)?;
    let style = if context.len() > 3 {
        match integer_argument(context, 3)? {
            Some(style) => Some(style as i32),
            None => return Ok(Ok(Value::Null)),
        }
    } else {
        None
    };
    Ok(convert::convert(&value, &from, &to, style).map(|value| encode(&value, &to)))
}

fn divide_by_zero() -> Error {
    raise(SqlError::new(8134, "Divide by zero error encountered."))
}

/// Checks that an integer result fits its type.
pub(super) fn fit_integer(value: i128, ty: &SqlType) -> rusqlite::Result<i64> {
    let range = match ty {
        SqlType::TinyInt => 0..=255,
        SqlType::SmallInt => i128::from(i16::MIN)..=i128::from(i16::MAX),
        SqlType::Int | SqlType::SmallMoney => i128::from(i32::MIN)..=i128::from(i32::MAX),
        _ => i128::from(i64::MIN)..=i128::from(i64::MAX),
    };
    if range.contains(&value) { Ok(value as i64) } else { Err(raise(overflow(ty))) }
}

/// An operation on integers with the name of its SQLite function.
type Operation = (&'static str, fn(i128, i128) -> i128);

fn register_arithmetic(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_scalar_function("ts_integer", 2, pure(), |context| {
        let value = match context.get_raw(0) {
            ValueRef::Null => return Ok(None),
            ValueRef::Integer(v) => i128::from(v),
            // SQLite's 64-bit arithmetic overflowed into REAL.
            _ => i128::MAX,
        };
        let ty = type_argument(context, 1)?;
        fit_integer(value, &ty).map(Some)
    })?;
    let exact: [Operation; 3] =
        [("ts_add", |a, b| a + b), ("ts_subtract", |a, b| a - b), ("ts_multiply", |a, b| a * b)];
    for (name, operation) in exact {
        connection.create_scalar_function(name, 2, pure(), move |context| {
            match (integer_argument(context, 0)?, integer_argument(context, 1)?) {
                (Some(a), Some(b)) => fit_integer(operation(i128::from(a), i128::from(b)), &SqlType::BigInt).map(Some),
                _ => Ok(None),
            }
        })?;
    }
    let dividing: [Operation; 2] = [("ts_divide", |a, b| a / b), ("ts_modulo", |a, b| a % b)];
    for (name, operation) in dividing {
        connection.create_scalar_function(name, 3, pure(), move |context| {
            match (integer_argument(context, 0)?, integer_argument(context, 1)?) {
                (Some(_), Some(0)) => Err(divide_by_zero()),
                (Some(a), Some(b)) => {
                    fit_integer(operation(i128::from(a), i128::from(b)), &type_argument(context, 2)?).map(Some)
                }
                _ => Ok(None),
            }
        })?;
    }
    connection.create_scalar_function("ts_money", 4, pure(), |context| {
        let operation = integer_argument(context, 0)?;
        let (Some(a), Some(b)) = (integer_argument(context, 1)?, integer_argument(context, 2)?) else {
            return Ok(None);
        };
        let (a, b) = (i128::from(a), i128::from(b));
        let result = match operation {
            Some(2) => decimal::divide_rounding(a * b, 10_000),
            _ if b == 0 => return Err(divide_by_zero()),
            Some(3) => a * 10_000 / b,
            _ => a % b,
        };
        fit_integer(result, &type_argument(context, 3)?).map(Some)
    })?;
    connection.create_scalar_function("ts_decimal", 6, pure(), decimal_arithmetic)?;
    connection.create_scalar_function("ts_negate", 2, pure(), |context| {
        let ty = type_argument(context, 1)?;
        let negated = match datum_argument(context, 0, &ty)? {
            Datum::Decimal { unscaled, scale } => Datum::Decimal { unscaled: -unscaled, scale },
            other => other,
        };
        Ok(encode(&negated, &ty))
    })?;
    connection.create_scalar_function("ts_float", 2, pure(), |context| {
        let ty = type_argument(context, 1)?;
        real_argument(context, 0)?.map(|value| fit_float(value, &ty)).transpose()
    })?;
    connection.create_scalar_function("ts_float_divide", 3, pure(), |context| {
        match (real_argument(context, 0)?, real_argument(context, 1)?) {
            (Some(_), Some(0.0)) => Err(divide_by_zero()),
            (Some(a), Some(b)) => fit_float(a / b, &type_argument(context, 2)?).map(Some),
            _ => Ok(None),
        }
    })
}

/// Checks that a float result is finite; `real` is rounded to single precision.
fn fit_float(value: f64, ty: &SqlType) -> rusqlite::Result<f64> {
    let value = if *ty == SqlType::Real { f64::from(value as f32) } else { value };
    if value.is_finite() { Ok(value) } else { Err(raise(overflow(ty))) }
}

fn decimal_arithmetic(context: &Context<'_>) -> rusqlite::Result<Value> {
    let operation = integer_argument(context, 0)?.unwrap_or(0);
    let (left, right, result) = (type_argument(context, 2)?, type_argument(context, 4)?, type_argument(context, 5)?);
    let (Datum::Decimal { unscaled: a, scale: sa }, Datum::Decimal { unscaled: b, scale: sb }) =
        (datum_argument(context, 1, &left)?, datum_argument(context, 3, &right)?)
    else {
        return Ok(Value::Null);
    };
    let scale = scale_in(&result);
    if operation >= 3 && b == 0 {
        return Err(divide_by_zero());
    }
    let unscaled = match operation {
        0 | 1 => {
            let b = if operation == 1 { -b } else { b };
            let wide = sa.max(sb);
            match (decimal::rescale(a, sa, wide), decimal::rescale(b, sb, wide)) {
                (Some(a), Some(b)) => a.checked_add(b).and_then(|sum| decimal::rescale(sum, wide, scale)),
                _ => match (decimal::rescale(a, sa, scale), decimal::rescale(b, sb, scale)) {
                    (Some(a), Some(b)) => a.checked_add(b),
                    _ => None,
                },
            }
        }
        2 => decimal::multiply((a, sa), (b, sb), scale),
        3 => decimal::divide((a, sa), (b, sb), scale),
        _ => {
            let wide = sa.max(sb);
            match (decimal::rescale(a, sa, wide), decimal::rescale(b, sb, wide)) {
                (Some(a), Some(b)) => decimal::rescale(a % b, wide, scale),
                _ => None,
            }
        }
    };
    let SqlType::Decimal { precision, .. } = result else { return Err(internal("decimal expected")) };
    match unscaled.filter(|v| decimal::fits(*v, precision)) {
        Some(unscaled) => Ok(encode(&Datum::Decimal { unscaled, scale }, &result)),
        None => Err(raise(overflow(&result))),
    }
}

fn register_predicates(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_scalar_function("ts_like", -1, pure(), |context| {
        let (Some(text), Some(pattern), Some(name)) =
            (text_argument(context, 0)?, text_argument(context, 1)?, text_argument(context, 2)?)
        else {
            return Ok(None);
        };
        let unicode = integer_argument(context, 3)? == Some(1);
        let escape = if context.len() > 4 {
            match text_argument(context, 4)? {
                None => return Ok(None),
                Some(escape) => {
                    let mut chars = escape.chars();
                    match (chars.next(), chars.next()) {
                        (Some(single), None) => Some(single),
                        _ => {
                            return Err(raise(SqlError::new(
                                506,
                                format!("The invalid escape character \"{escape}\" was specified in a LIKE predicate."),
                            )));
                        }
                    }
                }
            }
        } else {
            None
        };
        let rules = collation::rules(name).map_err(raise)?;
        Ok(Some(like::matches(text, pattern, escape, rules, unicode)))
    })?;
    connection.create_scalar_function("ts_pad_binary", 2, pure(), |context| {
        let length = integer_argument(context, 1)?.unwrap_or(0) as usize;
        match context.get_raw(0) {
            ValueRef::Null => Ok(None),
            ValueRef::Blob(bytes) => {
                let kept = bytes.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
                let mut bytes = bytes[..kept].to_vec();
                bytes.resize(kept.max(length), 0);
                Ok(Some(bytes))
            }
            _ => Err(internal("binary expected")),
        }
    })?;
    connection.create_scalar_function("ts_join_binary", 2, pure(), |context| {
        match (context.get_raw(0), context.get_raw(1)) {
            (ValueRef::Blob(a), ValueRef::Blob(b)) => Ok(Some([a, b].concat())),
            _ => Ok(None),
        }
    })?;
    connection.create_scalar_function("ts_single", 2, pure(), |context| {
        if integer_argument(context, 1)?.unwrap_or(0) > 1 {
            return Err(raise(SqlError::new(
                512,
                "Subquery returned more than 1 value. This is not permitted when the subquery follows =, !=, <, <= , >, >= or when the subquery is used as an expression.",
            )));
        }
        Value::try_from(context.get_raw(0)).map_err(|_| internal("unreadable value"))
    })?;
    register_counts(connection)?;
    super::apply::register(connection)?;
    connection.create_scalar_function("ts_percent_rows", 2, pure(), |context| {
        let percent: Option<f64> = context.get(0)?;
        let total = integer_argument(context, 1)?.unwrap_or(0);
        match percent {
            // The next whole number of rows: https://learn.microsoft.com/sql/t-sql/queries/top-transact-sql
            Some(percent) if (0.0..=100.0).contains(&percent) => Ok((total as f64 * percent / 100.0).ceil() as i64),
            _ => Err(raise(SqlError::new(1031, "Percent values must be between 0 and 100.").severity(15))),
        }
    })?;
    connection.create_scalar_function("ts_depth", 2, pure(), |context| {
        let depth = integer_argument(context, 0)?.unwrap_or(0) + 1;
        match integer_argument(context, 1)? {
            Some(limit) if limit > 0 && depth > limit => Err(raise(SqlError::new(
                530,
                format!("The statement terminated. The maximum recursion {limit} has been exhausted before statement completion."),
            ))),
            _ => Ok(depth),
        }
    })?;
    connection.create_scalar_function("ts_string_agg_limit", 2, pure(), |context| {
        let Some(text) = text_argument(context, 0)? else { return Ok(None) };
        let ty = type_argument(context, 1)?;
        let bytes = if super::type_rules::is_unicode(&ty) {
            2 * super::convert_text::utf16_length(text)
        } else {
            text.chars().count()
        };
        if bytes > 8000 {
            return Err(raise(SqlError::new(
                9829,
                "STRING_AGG aggregation result exceeded the limit of 8000 bytes. Use LOB types to avoid result truncation.",
            )));
        }
        Ok(Some(text.to_owned()))
    })?;
    connection.create_scalar_function("ts_add_days", 3, pure(), |context| {
        let ty = type_argument(context, 2)?;
        let (Some(stored), Some(days)) = (integer_argument(context, 0)?, real_argument(context, 1)?) else {
            return Ok(None);
        };
        let per_day = if ty == SqlType::DateTime {
            super::encode::DATETIME_TICKS_PER_DAY
        } else {
            super::encode::MINUTES_PER_DAY
        };
        let result = stored as f64 + days * per_day as f64;
        let result = result.round();
        let limit = 3.0e6 * per_day as f64;
        if result.abs() > limit {
            return Err(raise(overflow(&ty)));
        }
        let result = result as i64;
        let days = result.div_euclid(per_day);
        let in_range = match ty {
            SqlType::DateTime => (-53_690..=2_958_463).contains(&days),
            _ => (0..=65_535).contains(&days),
        };
        if in_range { Ok(Some(result)) } else { Err(raise(overflow(&ty))) }
    })
}

/// Numbers of rows that are known only when the statement runs.
fn register_counts(connection: &Connection) -> rusqlite::Result<()> {
    let rules: [(&str, i64, i32, u8, &str); 5] = [
        ("ts_row_count", 0, 1014, 15, "A TOP or FETCH clause contains an invalid value."),
        ("ts_offset_count", 0, 10742, 15, "The offset specified in a OFFSET clause may not be negative."),
        ("ts_fetch_count", 1, 10744, 15, "The number of rows provided for a FETCH clause must be greater then zero."),
        ("ts_ntile", 1, 4116, 16, "The function 'ntile' takes only a positive int or bigint expression as its input."),
        ("ts_lag_offset", 0, 8730, 16, "Offset parameter for Lag and Lead functions cannot be a negative value."),
    ];
    for (name, least, number, severity, text) in rules {
        connection.create_scalar_function(name, 1, pure(), move |context| match integer_argument(context, 0)? {
            Some(count) if count >= least => Ok(count),
            _ => Err(raise(SqlError::new(number, text).severity(severity))),
        })?;
    }
    Ok(())
}
