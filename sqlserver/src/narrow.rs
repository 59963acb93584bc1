//! Values from before a column's type was widened.
//!
//! A change table takes over a new type of a captured column for the rows that it has already, at a moment that is not ours to choose
//! (<https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-ddl-history-transact-sql>, `required_column_update`). Rows
//! from before are still to be read with the definition that was in force then, and each of their values is one of the old type.

use proto::{ColumnType, Value};

/// The value as it was in a column of type `to`, exactly; `None` if it never can have been one.
pub(crate) fn narrowed(value: Value, to: ColumnType) -> Option<Value> {
    use ColumnType as T;
    match (value, to) {
        // The server fills what became longer with spaces and zeros.
        (Value::String(text), T::Char(n) | T::NChar(n)) if text.len() > usize::from(n) => {
            Some(Value::String(trimmed(text, n)))
        }
        (Value::Bytes(mut bytes), T::Binary(n)) => {
            bytes.truncate(n.into());
            Some(Value::Bytes(bytes))
        }
        (value, to) if to.holds(&value) => Some(value),
        (Value::F64(number), T::Real) => {
            let single = number as f32;
            (f64::from(single) == number).then_some(Value::F32(single))
        }
        (Value::Decimal { unscaled, scale: from }, T::Decimal { scale, .. }) => {
            let surplus = 10i128.checked_pow(from.checked_sub(scale)?.into())?;
            (unscaled % surplus == 0).then_some(Value::Decimal { unscaled: unscaled / surplus, scale })
        }
        (value, T::TinyInt) => u8::try_from(whole(&value)?).ok().map(Value::U8),
        (value, T::SmallInt) => i16::try_from(whole(&value)?).ok().map(Value::I16),
        (value, T::Int) => i32::try_from(whole(&value)?).ok().map(Value::I32),
        (value, T::BigInt) => i64::try_from(whole(&value)?).ok().map(Value::I64),
        _ => None,
    }
}

fn trimmed(text: String, length: u16) -> String {
    if text.encode_utf16().count() > usize::from(length) { text.trim_end_matches(' ').to_owned() } else { text }
}

fn whole(value: &Value) -> Option<i128> {
    match *value {
        Value::U8(n) => Some(n.into()),
        Value::I16(n) => Some(n.into()),
        Value::I32(n) => Some(n.into()),
        Value::I64(n) => Some(n.into()),
        Value::Decimal { unscaled, scale } => {
            let one = 10i128.checked_pow(scale.into())?;
            (unscaled % one == 0).then_some(unscaled / one)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::narrowed;
    use proto::{ColumnType as T, Value as V};

    #[test]
    fn a_value_comes_back_as_it_was_before_its_column_was_widened() {
        let decimal = |unscaled, scale| V::Decimal { unscaled, scale };
        let text = |text: &str| V::String(text.to_owned());
        for (value, to, expected) in [
            (V::I64(-5), T::Int, V::I32(-5)),
            (V::I32(255), T::TinyInt, V::U8(255)),
            (decimal(7_00, 2), T::SmallInt, V::I16(7)),
            (decimal(1_2300, 4), T::Decimal { precision: 5, scale: 2 }, decimal(1_23, 2)),
            (V::F64(0.5), T::Real, V::F32(0.5)),
            (text("ab   "), T::Char(3), text("ab")),
            (text("abc  "), T::NChar(3), text("abc")),
            (text("ab "), T::Char(3), text("ab ")),
            (V::Bytes(vec![1, 0, 0, 0]), T::Binary(2), V::Bytes(vec![1, 0])),
            (V::Null, T::Int, V::Null),
            (V::I32(4), T::Int, V::I32(4)),
        ] {
            assert_eq!(narrowed(value.clone(), to), Some(expected), "{value:?} {to}");
        }
    }

    #[test]
    fn what_never_was_of_the_type_is_not_made_so() {
        for (value, to) in [
            (V::I64(3_000_000_000), T::Int),
            (V::I32(-1), T::TinyInt),
            (V::Decimal { unscaled: 15, scale: 1 }, T::Int),
            (V::Decimal { unscaled: 1_234, scale: 3 }, T::Decimal { precision: 5, scale: 2 }),
            (V::F64(0.1), T::Real),
            (V::String("5".to_owned()), T::Int),
            (V::I32(5), T::NVarChar(None)),
        ] {
            assert_eq!(narrowed(value.clone(), to), None, "{value:?} {to}");
        }
    }
}
