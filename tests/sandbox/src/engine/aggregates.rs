//! Aggregates that SQLite lacks; all of them also work as window functions.

use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context, WindowAggregate};
use rusqlite::types::{Value, ValueRef};

use crate::error::SqlError;
use crate::types::SqlType;

use super::convert::overflow;
use super::decimal::MAX_UNSCALED;
use super::encode::wide_decimal;
use super::functions::{fit_integer, integer_argument, pure, raise};

/// What is kept for a sum.
#[derive(Default)]
struct Sum {
    total: i128,
    count: i64,
    /// Second argument: the type code for integers, extra digits for decimals.
    facet: i64,
}

/// How the result is made of the sum.
#[derive(Clone, Copy)]
enum Kind {
    SumDecimal,
    AverageDecimal,
    AverageInteger,
}

struct Summing {
    kind: Kind,
    /// The facet where it is no argument, as with `DISTINCT`.
    facet: Option<i64>,
}

impl Summing {
    fn new(kind: Kind) -> Self {
        Self { kind, facet: None }
    }

    fn argument(context: &Context<'_>) -> rusqlite::Result<Option<i128>> {
        match context.get_raw(0) {
            ValueRef::Null => Ok(None),
            ValueRef::Integer(v) => Ok(Some(i128::from(v))),
            ValueRef::Blob(bytes) => {
                let bytes: [u8; 16] =
                    bytes.try_into().map_err(|_| raise(SqlError::new(8180, "sandbox: decimal expected")))?;
                Ok(Some((u128::from_be_bytes(bytes) ^ (1 << 127)) as i128))
            }
            _ => Err(raise(SqlError::new(8180, "sandbox: number expected"))),
        }
    }

    fn change(context: &Context<'_>, sum: &mut Sum, sign: i128) -> rusqlite::Result<()> {
        if context.len() > 1 {
            sum.facet = integer_argument(context, 1)?.unwrap_or(0);
        }
        if let Some(value) = Self::argument(context)? {
            sum.total = sum.total.checked_add(sign * value).ok_or_else(|| raise(decimal_overflow()))?;
            sum.count += sign as i64;
        }
        Ok(())
    }

    fn result(&self, sum: Option<&Sum>) -> rusqlite::Result<Option<Value>> {
        let Some(sum) = sum.filter(|sum| sum.count > 0) else { return Ok(None) };
        let count = i128::from(sum.count);
        let wide = |total: i128| {
            if total.abs() > MAX_UNSCALED {
                Err(raise(decimal_overflow()))
            } else {
                Ok(Value::Blob(wide_decimal(total).to_vec()))
            }
        };
        let facet = self.facet.unwrap_or(sum.facet);
        Ok(Some(match self.kind {
            Kind::SumDecimal => wide(sum.total)?,
            Kind::AverageDecimal => {
                let scale = u8::try_from(facet).unwrap_or(0);
                let quotient = super::decimal::divide((sum.total, 0), (count, 0), scale);
                wide(quotient.ok_or_else(|| raise(decimal_overflow()))?)?
            }
            Kind::AverageInteger => {
                let ty = super::type_rules::type_from_code(facet).unwrap_or(SqlType::BigInt);
                fit_integer(sum.total, &ty)?;
                Value::Integer((sum.total / count) as i64)
            }
        }))
    }
}

fn decimal_overflow() -> SqlError {
    overflow(&SqlType::Decimal { precision: 38, scale: 0 })
}

impl Aggregate<Sum, Option<Value>> for Summing {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Sum> {
        Ok(Sum::default())
    }

    fn step(&self, context: &mut Context<'_>, sum: &mut Sum) -> rusqlite::Result<()> {
        Self::change(context, sum, 1)
    }

    fn finalize(&self, _: &mut Context<'_>, sum: Option<Sum>) -> rusqlite::Result<Option<Value>> {
        self.result(sum.as_ref())
    }
}

impl WindowAggregate<Sum, Option<Value>> for Summing {
    fn value(&self, sum: Option<&mut Sum>) -> rusqlite::Result<Option<Value>> {
        self.result(sum.as_deref())
    }

    fn inverse(&self, context: &mut Context<'_>, sum: &mut Sum) -> rusqlite::Result<()> {
        Self::change(context, sum, -1)
    }
}

/// Mean and sum of squared differences, kept up row by row.
#[derive(Default)]
struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

/// `VAR`, `VARP`, `STDEV`, `STDEVP`: <https://learn.microsoft.com/sql/t-sql/functions/stdev-transact-sql>.
#[derive(Clone, Copy)]
struct Variance {
    /// Of the whole population, not of a sample.
    population: bool,
    root: bool,
}

impl Variance {
    fn result(self, spread: Option<&Spread>) -> rusqlite::Result<Option<f64>> {
        let Some(spread) = spread else { return Ok(None) };
        let divisor = if self.population { spread.count } else { spread.count - 1.0 };
        if spread.count == 0.0 || divisor == 0.0 {
            return Ok(None);
        }
        let variance = (spread.squares / divisor).max(0.0);
        Ok(Some(if self.root { variance.sqrt() } else { variance }))
    }
}

impl Aggregate<Spread, Option<f64>> for Variance {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Spread> {
        Ok(Spread::default())
    }

    fn step(&self, context: &mut Context<'_>, spread: &mut Spread) -> rusqlite::Result<()> {
        if let Some(value) = context.get::<Option<f64>>(0)? {
            spread.count += 1.0;
            let difference = value - spread.mean;
            spread.mean += difference / spread.count;
            spread.squares += difference * (value - spread.mean);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, spread: Option<Spread>) -> rusqlite::Result<Option<f64>> {
        self.result(spread.as_ref())
    }
}

impl WindowAggregate<Spread, Option<f64>> for Variance {
    fn value(&self, spread: Option<&mut Spread>) -> rusqlite::Result<Option<f64>> {
        self.result(spread.as_deref())
    }

    fn inverse(&self, context: &mut Context<'_>, spread: &mut Spread) -> rusqlite::Result<()> {
        if let Some(value) = context.get::<Option<f64>>(0)? {
            if spread.count <= 1.0 {
                *spread = Spread::default();
                return Ok(());
            }
            let difference = value - spread.mean;
            spread.count -= 1.0;
            spread.mean -= difference / spread.count;
            spread.squares -= difference * (value - spread.mean);
        }
        Ok(())
    }
}

/// Registers the aggregates.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_window_function("ts_sum_decimal", 1, pure(), Summing::new(Kind::SumDecimal))?;
    connection.create_window_function("ts_avg_decimal", 2, pure(), Summing::new(Kind::AverageDecimal))?;
    connection.create_window_function("ts_avg_integer", 2, pure(), Summing::new(Kind::AverageInteger))?;
    for ty in [SqlType::Int, SqlType::BigInt, SqlType::Money] {
        let code = super::type_rules::type_code(&ty);
        let average = Summing { kind: Kind::AverageInteger, facet: Some(code) };
        connection.create_window_function(format!("ts_avg_integer_{code}").as_str(), 1, pure(), average)?;
    }
    for digits in 0..=6 {
        let average = Summing { kind: Kind::AverageDecimal, facet: Some(digits) };
        connection.create_window_function(format!("ts_avg_decimal_{digits}").as_str(), 1, pure(), average)?;
    }
    for (name, population, root) in
        [("ts_var", false, false), ("ts_varp", true, false), ("ts_stdev", false, true), ("ts_stdevp", true, true)]
    {
        connection.create_window_function(name, 1, pure(), Variance { population, root })?;
    }
    Ok(())
}
