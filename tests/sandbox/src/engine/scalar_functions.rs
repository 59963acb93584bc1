//! Scalar functions over typed values: `ts_fn_<name>(code of the result type, argument, its type's code, …)`.

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::Value;

use crate::error::{SqlError, SqlResult};
use crate::types::{Datum, Length, SqlType};

use super::convert::{self, overflow};
use super::encode::encode;
use super::functions::{datum_argument, pure, raise, type_argument};
use super::type_rules::{Family, family, scale_in};
use super::{decimal, scalar_dates, scalar_texts};

/// A value with its type.
pub(super) type Argument = (Datum, SqlType);

/// A function's body: typed arguments and the type to return.
pub(super) type Body = fn(&[Argument], &SqlType) -> SqlResult<Datum>;

/// Registers every function.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    for (name, body) in scalar_texts::FUNCTIONS.iter().chain(scalar_dates::FUNCTIONS).chain(FUNCTIONS) {
        register_one(connection, name, *body, true)?;
    }
    for (name, body) in scalar_texts::NULLABLE_FUNCTIONS {
        register_one(connection, name, *body, false)?;
    }
    connection.create_scalar_function("ts_now", 1, pure(), |context| {
        let ty = type_argument(context, 0)?;
        scalar_dates::now(&ty).map(|now| encode(&now, &ty)).map_err(raise)
    })?;
    connection.create_scalar_function("ts_newid", 0, FunctionFlags::SQLITE_UTF8, |_| {
        Ok(encode(&Datum::Guid(*uuid::Uuid::new_v4().as_bytes()), &SqlType::UniqueIdentifier))
    })
}

/// `strict` functions return NULL as soon as an argument is NULL.
fn register_one(connection: &Connection, name: &str, body: Body, strict: bool) -> rusqlite::Result<()> {
    connection.create_scalar_function(format!("ts_fn_{name}").as_str(), -1, pure(), move |context: &Context<'_>| {
        let returns = type_argument(context, 0)?;
        let mut arguments: Vec<Argument> = Vec::with_capacity((context.len() - 1) / 2);
        for index in (1..context.len()).step_by(2) {
            let ty = type_argument(context, index + 1)?;
            let value = datum_argument(context, index, &ty)?;
            if strict && value == Datum::Null {
                return Ok(Value::Null);
            }
            arguments.push((value, ty));
        }
        body(&arguments, &returns).map(|result| encode(&result, &returns)).map_err(raise)
    })
}

/// The text of a character argument.
pub(super) fn text(arguments: &[Argument], index: usize) -> SqlResult<&str> {
    match arguments.get(index) {
        Some((Datum::String(text), _)) => Ok(text),
        _ => Err(mismatch()),
    }
}

/// The value of an integer argument.
pub(super) fn integer(arguments: &[Argument], index: usize) -> SqlResult<i64> {
    match arguments.get(index).map(|(value, _)| value) {
        Some(Datum::BigInt(v)) => Ok(*v),
        Some(Datum::Int(v)) => Ok(i64::from(*v)),
        Some(Datum::SmallInt(v)) => Ok(i64::from(*v)),
        Some(Datum::TinyInt(v)) => Ok(i64::from(*v)),
        _ => Err(mismatch()),
    }
}

/// An integer as the function's integer type.
pub(super) fn integer_result(value: i64, returns: &SqlType) -> SqlResult<Datum> {
    convert::convert(&Datum::BigInt(value), &SqlType::BigInt, returns, None)
}

/// Arguments that the compiler does not produce.
pub(super) fn mismatch() -> SqlError {
    SqlError::new(8180, "sandbox: unexpected argument of a function.")
}

const FUNCTIONS: &[(&str, Body)] = &[
    ("abs", |a, returns| number(a, returns, i128::checked_abs, f64::abs)),
    ("sign", |a, returns| {
        let one = 10_i128.pow(u32::from(scale_of_number(returns)));
        match unscaled(&a[0].0) {
            Some(v) => from_unscaled(v.signum() * one, returns),
            None => float_result(float(&a[0].0)?.partial_cmp(&0.0).map_or(0.0, |o| f64::from(o as i8))),
        }
    }),
    ("ceiling", |a, returns| whole(a, returns, true)),
    ("floor", |a, returns| whole(a, returns, false)),
    ("round", round),
    ("power", power),
    ("sqrt", |a, _| domain(float(&a[0].0)?, |v| v >= 0.0, f64::sqrt)),
    ("square", |a, _| float_result(float(&a[0].0)? * float(&a[0].0)?)),
    ("exp", |a, _| float_result(float(&a[0].0)?.exp())),
    ("log", |a, _| domain(float(&a[0].0)?, |v| v > 0.0, f64::ln)),
    ("log10", |a, _| domain(float(&a[0].0)?, |v| v > 0.0, f64::log10)),
    ("sin", |a, _| float_result(float(&a[0].0)?.sin())),
    ("cos", |a, _| float_result(float(&a[0].0)?.cos())),
    ("tan", |a, _| float_result(float(&a[0].0)?.tan())),
    ("asin", |a, _| domain(float(&a[0].0)?, |v| v.abs() <= 1.0, f64::asin)),
    ("acos", |a, _| domain(float(&a[0].0)?, |v| v.abs() <= 1.0, f64::acos)),
    ("atan", |a, _| float_result(float(&a[0].0)?.atan())),
    ("hashbytes", hash_bytes),
];

/// The unscaled integer of an exact number.
fn unscaled(value: &Datum) -> Option<i128> {
    Some(match value {
        Datum::TinyInt(v) => i128::from(*v),
        Datum::SmallInt(v) => i128::from(*v),
        Datum::Int(v) => i128::from(*v),
        Datum::BigInt(v) | Datum::Money(v) => i128::from(*v),
        Datum::Decimal { unscaled, .. } => *unscaled,
        _ => return None,
    })
}

fn float(value: &Datum) -> SqlResult<f64> {
    match value {
        Datum::Float(v) => Ok(*v),
        Datum::Real(v) => Ok(f64::from(*v)),
        _ => Err(mismatch()),
    }
}

fn float_result(value: f64) -> SqlResult<Datum> {
    if value.is_finite() { Ok(Datum::Float(value)) } else { Err(overflow(&SqlType::Float)) }
}

fn domain(value: f64, valid: fn(f64) -> bool, function: fn(f64) -> f64) -> SqlResult<Datum> {
    if valid(value) {
        float_result(function(value))
    } else {
        Err(SqlError::new(3623, "An invalid floating point operation occurred."))
    }
}

fn scale_of_number(ty: &SqlType) -> u8 {
    if family(ty) == Family::Float { 0 } else { scale_in(ty) }
}

/// An exact result of the type `ty` from its unscaled integer.
fn from_unscaled(value: i128, ty: &SqlType) -> SqlResult<Datum> {
    match ty {
        SqlType::Decimal { precision, scale } if decimal::fits(value, *precision) => {
            Ok(Datum::Decimal { unscaled: value, scale: *scale })
        }
        SqlType::Money | SqlType::SmallMoney => i64::try_from(value).map(Datum::Money).map_err(|_| overflow(ty)),
        SqlType::Int => i32::try_from(value).map(Datum::Int).map_err(|_| overflow(ty)),
        SqlType::BigInt => i64::try_from(value).map(Datum::BigInt).map_err(|_| overflow(ty)),
        _ => Err(overflow(ty)),
    }
}

fn number(
    arguments: &[Argument],
    returns: &SqlType,
    exact: fn(i128) -> Option<i128>,
    approximate: fn(f64) -> f64,
) -> SqlResult<Datum> {
    match unscaled(&arguments[0].0) {
        Some(v) => from_unscaled(exact(v).ok_or_else(|| overflow(returns))?, returns),
        None => float_result(approximate(float(&arguments[0].0)?)),
    }
}

/// `CEILING` and `FLOOR`: a decimal loses its scale, money keeps it.
fn whole(arguments: &[Argument], returns: &SqlType, up: bool) -> SqlResult<Datum> {
    let (value, ty) = &arguments[0];
    let Some(v) = unscaled(value) else {
        let v = float(value)?;
        return float_result(if up { v.ceil() } else { v.floor() });
    };
    let by = decimal::pow10(u32::from(scale_in(ty)));
    let floor = v.div_euclid(by);
    let integral = if up && v.rem_euclid(by) != 0 { floor + 1 } else { floor };
    from_unscaled(integral * decimal::pow10(u32::from(scale_in(returns))), returns)
}

/// `ROUND(value, digits, truncate)`.
fn round(arguments: &[Argument], returns: &SqlType) -> SqlResult<Datum> {
    let digits = integer(arguments, 1)?;
    let truncate = integer(arguments, 2)? != 0;
    let (value, ty) = &arguments[0];
    let Some(v) = unscaled(value) else {
        let v = float(value)?;
        let by = 10_f64.powi(digits.clamp(-400, 400) as i32);
        let scaled = v * by;
        if !scaled.is_finite() || by == 0.0 {
            return float_result(if by == 0.0 { 0.0 } else { v });
        }
        return float_result(if truncate { scaled.trunc() } else { scaled.round() } / by);
    };
    let drop = i64::from(scale_in(ty)) - digits;
    if drop <= 0 {
        return from_unscaled(v, returns);
    }
    if drop > 38 {
        return from_unscaled(0, returns);
    }
    let by = decimal::pow10(drop as u32);
    let kept = if truncate { v / by } else { decimal::divide_rounding(v, by) };
    from_unscaled(kept.checked_mul(by).ok_or_else(|| overflow(returns))?, returns)
}

/// `POWER`: the result has the type of the base; integers are truncated, decimals rounded.
fn power(arguments: &[Argument], returns: &SqlType) -> SqlResult<Datum> {
    let (base, ty) = &arguments[0];
    let exponent = float(&arguments[1].0)?;
    let as_float = match unscaled(base) {
        Some(v) => decimal::to_f64(v, scale_in(ty)),
        None => float(base)?,
    };
    if let (Some(v), true) =
        (unscaled(base), scale_in(ty) == 0 && exponent.fract() == 0.0 && (0.0..=128.0).contains(&exponent))
    {
        let exact = v.checked_pow(exponent as u32).ok_or_else(|| overflow(returns))?;
        return from_unscaled(exact, returns);
    }
    let result = as_float.powf(exponent);
    if !result.is_finite() {
        return Err(if as_float == 0.0 {
            SqlError::new(8134, "Divide by zero error encountered.")
        } else {
            SqlError::new(3623, "An invalid floating point operation occurred.")
        });
    }
    convert::convert(&Datum::Float(result), &SqlType::Float, returns, None)
}

fn hash_bytes(arguments: &[Argument], _: &SqlType) -> SqlResult<Datum> {
    use sha2::Digest;
    let algorithm = text(arguments, 0)?;
    let bytes = match &arguments[1] {
        (Datum::Binary(bytes), _) => bytes.clone(),
        (Datum::String(text), ty) => super::convert_text::bytes_of_text(text, ty),
        _ => return Err(mismatch()),
    };
    match algorithm.to_ascii_uppercase().as_str() {
        "SHA2_256" => Ok(Datum::Binary(sha2::Sha256::digest(&bytes).to_vec())),
        "SHA2_512" => Ok(Datum::Binary(sha2::Sha512::digest(&bytes).to_vec())),
        "MD2" | "MD4" | "MD5" | "SHA" | "SHA1" => Err(SqlError::unsupported(format!("HASHBYTES with {algorithm}"))),
        _ => Ok(Datum::Null),
    }
}

/// Text that fits the returned type, or the error of a text that is too long for it.
pub(super) fn text_result(text: String, returns: &SqlType) -> SqlResult<Datum> {
    Ok(Datum::String(match super::type_rules::length_of(returns) {
        Some(Length::Max) | None => text,
        _ => super::convert_text::fit(text, returns)?,
    }))
}
