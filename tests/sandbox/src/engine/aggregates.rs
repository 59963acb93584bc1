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

struct Summing(Kind);

impl Summing {
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
        Ok(Some(match self.0 {
            Kind::SumDecimal => wide(sum.total)?,
            Kind::AverageDecimal => {
                let scale = u8::try_from(sum.facet).unwrap_or(0);
                let quotient = super::decimal::divide((sum.total, 0), (count, 0), scale);
                wide(quotient.ok_or_else(|| raise(decimal_overflow()))?)?
            }
            Kind::AverageInteger => {
                let ty = super::type_rules::type_from_code(sum.facet).unwrap_or(SqlType::BigInt);
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

/// `CHECKSUM_AGG`: exclusive or, independent of order.
struct ChecksumAgg;

impl Aggregate<Option<i64>, Option<i64>> for ChecksumAgg {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Option<i64>> {
        Ok(None)
    }

    fn step(&self, context: &mut Context<'_>, total: &mut Option<i64>) -> rusqlite::Result<()> {
        if let Some(value) = integer_argument(context, 0)? {
            *total = Some(total.unwrap_or(0) ^ value);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, total: Option<Option<i64>>) -> rusqlite::Result<Option<i64>> {
        Ok(total.flatten())
    }
}

/// Registers the aggregates.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_window_function("ts_sum_decimal", 1, pure(), Summing(Kind::SumDecimal))?;
    connection.create_window_function("ts_avg_decimal", 2, pure(), Summing(Kind::AverageDecimal))?;
    connection.create_window_function("ts_avg_integer", 2, pure(), Summing(Kind::AverageInteger))?;
    connection.create_aggregate_function("ts_checksum_agg", 1, pure(), ChecksumAgg)
}
