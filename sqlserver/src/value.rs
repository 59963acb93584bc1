//! Values between the wire's types and [`Value`], exactly.
//!
//! Read from the wire's raw form rather than through any date or decimal type, so nothing is rounded. Encodings:
//! <https://learn.microsoft.com/openspecs/windows_protocols/ms-tds/> section 2.2.5.5.

use crate::{quote, variant};
use proto::{Column, ColumnType, Value};
use std::borrow::Cow;
use tiberius::numeric::Numeric;
use tiberius::time::{Date, DateTime, DateTime2, DateTimeOffset, SmallDateTime, Time};
use tiberius::{ColumnData, Uuid};

/// Days from 0001-01-01, where `date` counts from, to 1900-01-01, where `datetime` does.
const DAYS_TO_1900: i32 = 693_595;
/// Of 100 ns units, so seconds have this many decimal places.
const TICK_SCALE: u8 = 7;
/// 100 ns units a minute.
const TICKS_PER_MINUTE: u64 = 600_000_000;
/// `10^(7 - scale)`.
const TICKS_PER_INCREMENT: [u64; 8] = [10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];

/// A wire value of a type that is not handled; what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unhandled(pub &'static str);

/// A value as it came.
pub(crate) fn from_wire(data: ColumnData<'static>) -> Result<Value, Unhandled> {
    use ColumnData as C;
    Ok(match data {
        C::U8(Some(v)) => Value::U8(v),
        C::I16(Some(v)) => Value::I16(v),
        C::I32(Some(v)) => Value::I32(v),
        C::I64(Some(v)) => Value::I64(v),
        C::F32(Some(v)) => Value::F32(v),
        C::F64(Some(v)) => Value::F64(v),
        C::Bit(Some(v)) => Value::Bit(v),
        C::String(Some(v)) => Value::String(v.into_owned()),
        C::Guid(Some(v)) => Value::Guid(v.into_bytes()),
        C::Binary(Some(v)) => Value::Bytes(v.into_owned()),
        C::Numeric(Some(v)) => Value::Decimal { unscaled: v.value(), scale: v.scale() },
        C::DateTime(Some(v)) => Value::DateTime { days: v.days(), ticks: v.seconds_fragments() },
        C::SmallDateTime(Some(v)) => Value::SmallDateTime { days: v.days(), minutes: v.seconds_fragments() },
        C::Date(Some(v)) => Value::Date(days_of(v)),
        C::Time(Some(v)) => Value::Time(ticks_of(v)?),
        C::DateTime2(Some(v)) => Value::DateTime2 { days: days_of(v.date()), ticks: ticks_of(v.time())? },
        C::DateTimeOffset(Some(v)) => Value::DateTimeOffset {
            days: days_of(v.datetime2().date()),
            ticks: ticks_of(v.datetime2().time())?,
            offset: v.offset(),
        },
        C::Xml(Some(_)) => return Err(Unhandled("xml")),
        _ => Value::Null,
    })
}

fn days_of(date: Date) -> i32 {
    // Three bytes on the wire, so it fits.
    date.days() as i32
}

fn ticks_of(time: Time) -> Result<u64, Unhandled> {
    let unit = TICKS_PER_INCREMENT.get(usize::from(time.scale())).ok_or(Unhandled("a time of unknown scale"))?;
    time.increments().checked_mul(*unit).ok_or(Unhandled("a time beyond a day"))
}

/// A value as a parameter; its type is that of the value. NULL goes as `nvarchar`, which converts implicitly to every type but
/// the binary ones. So does a decimal of scale 38: the client (tiberius 0.13) gives the zero before its point a digit, and declares
/// a precision of 39, which no server takes.
pub(crate) fn to_parameter(value: &Value) -> ColumnData<'_> {
    use ColumnData as C;
    match value {
        Value::Null => C::String(None),
        Value::String(v) => C::String(Some(Cow::Borrowed(v))),
        Value::Bytes(v) => C::Binary(Some(Cow::Borrowed(v))),
        Value::Decimal { unscaled, scale: scale @ 38 } => C::String(Some(Cow::Owned(decimal_text(*unscaled, *scale)))),
        other => plain(other),
    }
}

/// A decimal as T-SQL writes it.
fn decimal_text(unscaled: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Type of the staging column through which values of `column_type` are bulk-loaded without loss: the client declares some types
/// in `INSERT BULK` without their scale, has no exact money, and encodes `varchar` by its own code pages. The server converts back
/// exactly when it goes from there into a column of the original type.
pub fn bulk_type(column_type: ColumnType) -> ColumnType {
    use ColumnType as T;
    match column_type {
        T::Money | T::SmallMoney => T::Decimal { precision: 19, scale: 4 },
        T::Char(n) | T::NChar(n) => T::NVarChar((n <= 4000).then_some(n)),
        T::VarChar(n) | T::NVarChar(n) => T::NVarChar(n.filter(|n| *n <= 4000)),
        T::Xml | T::Text | T::NText | T::Json => T::NVarChar(None),
        T::Binary(n) => T::VarBinary(Some(n)),
        T::HierarchyId => T::VarBinary(Some(LONGEST_HIERARCHYID)),
        T::Image | T::Geometry | T::Geography => T::VarBinary(None),
        T::Time(_) => T::Time(TICK_SCALE),
        T::SmallDateTime | T::DateTime2(_) => T::DateTime2(TICK_SCALE),
        T::DateTimeOffset(_) => T::DateTimeOffset(TICK_SCALE),
        other => other,
    }
}

/// Bytes of the longest `hierarchyid`
/// (<https://learn.microsoft.com/sql/t-sql/data-types/hierarchyid-data-type-method-reference>).
const LONGEST_HIERARCHYID: u16 = 892;

/// Whether the client can bulk-load a column of [`bulk_type`]`(column_type)`: it knows nothing of `sql_variant`.
pub(crate) fn has_bulk_type(column_type: ColumnType) -> bool {
    column_type != ColumnType::SqlVariant
}

/// Longest value, in the bytes that the server keeps, that the client (tiberius 0.13) bulk-loads: it takes the 0xFFFF by which the
/// protocol says `(max)` for a length.
const LONGEST_IN_BULK: usize = 0xFFFF;

/// Whether a bulk load can carry a value; a parameter always can.
pub(crate) fn can_be_bulk_loaded(value: &Value) -> bool {
    match value {
        // No character takes more bytes in UTF-16 than twice its bytes in UTF-8: mostly there is no need to count.
        Value::String(v) => v.len() <= LONGEST_IN_BULK / 2 || v.encode_utf16().count() <= LONGEST_IN_BULK / 2,
        Value::Bytes(v) => v.len() <= LONGEST_IN_BULK,
        _ => true,
    }
}

/// A value of `column_type` for a bulk load into a column of the type `loaded_as`, which is [`bulk_type`]`(column_type)` or one that
/// [`is_loaded_as_it_is`]; `None` if the value is not of `column_type`.
pub(crate) fn to_bulk(value: Value, column_type: ColumnType, loaded_as: ColumnType) -> Option<ColumnData<'static>> {
    use ColumnData as C;
    if !column_type.holds(&value) {
        return None;
    }
    Some(match value {
        Value::Null => null(column_type),
        Value::String(v) => C::String(Some(Cow::Owned(v))),
        Value::Bytes(v) => C::Binary(Some(Cow::Owned(v))),
        Value::SmallDateTime { days, minutes } => C::DateTime2(Some(DateTime2::new(
            Date::new((i32::from(days) + DAYS_TO_1900) as u32),
            Time::new(u64::from(minutes) * TICKS_PER_MINUTE, TICK_SCALE),
        ))),
        other => match (plain(&other), loaded_as) {
            // The client would do this by floating-point numbers.
            (C::DateTime2(Some(v)), ColumnType::DateTime2(scale)) => {
                let unit = TICKS_PER_INCREMENT.get(usize::from(scale)).copied().unwrap_or(1);
                let time = Time::new(v.time().increments() / unit, scale.min(TICK_SCALE));
                C::DateTime2(Some(DateTime2::new(v.date(), time)))
            }
            (plain, _) => plain,
        },
    })
}

/// Whether the client bulk-loads values exactly into a column of their own type. It declares `time` and `datetimeoffset` in `INSERT BULK`
/// without their scale and `nvarchar` and `nchar` with twice their length, which must be one that there is (tiberius 0.13). Of the code
/// pages it and the server surely agree on 1252; the declaration says no collation, so that the target's must be the database's.
pub(crate) fn is_loaded_as_it_is(column: &Column, target_collation: Option<&str>, database_collation: &str) -> bool {
    use ColumnType as T;
    match column.column_type {
        T::Bit | T::TinyInt | T::SmallInt | T::Int | T::BigInt | T::Decimal { .. } | T::Real | T::Float => true,
        T::Date | T::DateTime | T::DateTime2(_) | T::UniqueIdentifier | T::Binary(_) | T::VarBinary(_) => true,
        T::Time(scale) | T::DateTimeOffset(scale) => scale == TICK_SCALE,
        T::NVarChar(length) => length.is_none_or(|length| length <= LONGEST_DECLARED / 2),
        T::Char(_) | T::VarChar(_) => {
            let same = target_collation == Some(database_collation);
            same && has_code_page_1252(target_collation) && has_code_page_1252(column.collation.as_deref())
        }
        _ => false,
    }
}

/// Longest `nvarchar` that is not `(max)`.
const LONGEST_DECLARED: u16 = 4_000;

/// Values without anything on the heap, as their own type at full scale.
fn plain(value: &Value) -> ColumnData<'static> {
    use ColumnData as C;
    // Dates before year 1 or beyond three bytes cannot be in a SQL Server; they go as the farthest day, which the server refuses.
    let date = |days: i32| Date::new(u32::try_from(days).unwrap_or(u32::MAX).min(0x00ff_ffff));
    match *value {
        Value::Bit(v) => C::Bit(Some(v)),
        Value::U8(v) => C::U8(Some(v)),
        Value::I16(v) => C::I16(Some(v)),
        Value::I32(v) => C::I32(Some(v)),
        Value::I64(v) => C::I64(Some(v)),
        Value::F32(v) => C::F32(Some(v)),
        Value::F64(v) => C::F64(Some(v)),
        Value::Decimal { unscaled, scale } => C::Numeric(Some(Numeric::new_with_scale(unscaled, scale.min(38)))),
        Value::Date(days) => C::Date(Some(date(days))),
        Value::Time(ticks) => C::Time(Some(Time::new(ticks, TICK_SCALE))),
        Value::DateTime2 { days, ticks } => {
            C::DateTime2(Some(DateTime2::new(date(days), Time::new(ticks, TICK_SCALE))))
        }
        Value::DateTime { days, ticks } => C::DateTime(Some(DateTime::new(days, ticks))),
        Value::SmallDateTime { days, minutes } => C::SmallDateTime(Some(SmallDateTime::new(days, minutes))),
        Value::DateTimeOffset { days, ticks, offset } => C::DateTimeOffset(Some(DateTimeOffset::new(
            DateTime2::new(date(days), Time::new(ticks, TICK_SCALE)),
            offset,
        ))),
        Value::Guid(v) => C::Guid(Some(Uuid::from_bytes(v))),
        Value::Null | Value::String(_) | Value::Bytes(_) => C::String(None),
    }
}

/// NULL of a column's type.
pub(crate) fn null(column_type: ColumnType) -> ColumnData<'static> {
    use ColumnData as C;
    use ColumnType as T;
    match bulk_type(column_type) {
        T::Bit => C::Bit(None),
        T::TinyInt => C::U8(None),
        T::SmallInt => C::I16(None),
        T::Int => C::I32(None),
        T::BigInt => C::I64(None),
        T::Decimal { .. } => C::Numeric(None),
        T::Real => C::F32(None),
        T::Float => C::F64(None),
        T::VarBinary(_) => C::Binary(None),
        T::Date => C::Date(None),
        T::Time(_) => C::Time(None),
        T::DateTime => C::DateTime(None),
        T::DateTime2(_) => C::DateTime2(None),
        T::DateTimeOffset(_) => C::DateTimeOffset(None),
        T::UniqueIdentifier => C::Guid(None),
        // Text, and sql_variant, to which text converts. No other type is loaded as itself.
        _ => C::String(None),
    }
}

/// What to select for a column so that its value arrives exactly.
///
/// - `money` would come as a lossy float
///   (<https://learn.microsoft.com/sql/t-sql/data-types/money-and-smallmoney-transact-sql>).
/// - `char`, `varchar` and `text` come as Unicode from a server that knows the code pages of its collations better than the client;
///   where that is 1252, both know all 256 characters, and the bytes may come as they are.
/// - `text`, `ntext`, `image` and `json` come as their `(max)` types, `xml` as text, serialised so that parsing it gives the same again
///   (<https://learn.microsoft.com/sql/relational-databases/xml/define-the-serialization-of-xml-data>).
/// - `hierarchyid`, `geometry` and `geography` come as the bytes that the server keeps and takes back
///   (<https://learn.microsoft.com/openspecs/sql_server_protocols/ms-ssclrt/>).
/// - A `rowversion`, published as `binary(8)`, is one on the wire, and in its change table too.
pub(crate) fn select_expression(column: &Column) -> String {
    use ColumnType as T;
    let name = quote::identifier(&column.name);
    match column.column_type {
        T::Money | T::SmallMoney => format!("CAST({name} AS decimal(19,4))"),
        T::Char(n) | T::VarChar(Some(n)) if !has_code_page_1252(column.collation.as_deref()) && n <= 4000 => {
            format!("CAST({name} AS nvarchar({n}))")
        }
        T::Char(_) | T::VarChar(_) if !has_code_page_1252(column.collation.as_deref()) => {
            format!("CAST({name} AS nvarchar(max))")
        }
        T::Text | T::NText | T::Xml | T::Json => format!("CAST({name} AS nvarchar(max))"),
        T::Image | T::Geometry | T::Geography => format!("CAST({name} AS varbinary(max))"),
        T::HierarchyId => format!("CAST({name} AS varbinary({LONGEST_HIERARCHYID}))"),
        T::SqlVariant => variant::select_expression(&name),
        _ => name,
    }
}

/// Whether a collation is one of those that are known to have code page 1252.
pub(crate) fn has_code_page_1252(collation: Option<&str>) -> bool {
    let known = |name: &str| name.starts_with("Latin1_General_") || name.starts_with("SQL_Latin1_General_CP1_");
    collation.is_some_and(|name| known(name) && !name.ends_with("_UTF8"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn through_parameter(value: &Value) -> Value {
        let data = match to_parameter(value) {
            ColumnData::String(s) => ColumnData::String(s.map(|s| Cow::Owned(s.into_owned()))),
            ColumnData::Binary(b) => ColumnData::Binary(b.map(|b| Cow::Owned(b.into_owned()))),
            other => plain_copy(other),
        };
        from_wire(data).unwrap()
    }

    fn plain_copy(data: ColumnData<'_>) -> ColumnData<'static> {
        use ColumnData as C;
        match data {
            C::U8(v) => C::U8(v),
            C::I16(v) => C::I16(v),
            C::I32(v) => C::I32(v),
            C::I64(v) => C::I64(v),
            C::F32(v) => C::F32(v),
            C::F64(v) => C::F64(v),
            C::Bit(v) => C::Bit(v),
            C::Guid(v) => C::Guid(v),
            C::Numeric(v) => C::Numeric(v),
            C::DateTime(v) => C::DateTime(v),
            C::SmallDateTime(v) => C::SmallDateTime(v),
            C::Time(v) => C::Time(v),
            C::Date(v) => C::Date(v),
            C::DateTime2(v) => C::DateTime2(v),
            C::DateTimeOffset(v) => C::DateTimeOffset(v),
            C::String(_) | C::Binary(_) | C::Xml(_) => unreachable!("handled by the caller"),
        }
    }

    #[test]
    fn every_kind_of_value_comes_back_as_it_went() {
        for value in [
            Value::Null,
            Value::Bit(true),
            Value::U8(255),
            Value::I16(i16::MIN),
            Value::I32(-1),
            Value::I64(i64::MAX),
            Value::F32(1.5),
            Value::F64(-0.1),
            Value::Decimal { unscaled: -99_999_999_999_999_999_999_999_999_999_999_999_999, scale: 37 },
            Value::Decimal { unscaled: 9_223_372_036_854_775_807, scale: 4 },
            Value::String("größe 👟".into()),
            Value::Bytes(vec![0, 255, 7]),
            Value::Date(3_652_058),
            Value::Time(863_999_999_999),
            Value::DateTime2 { days: 0, ticks: 1 },
            Value::DateTime { days: -53_690, ticks: 25_919_999 },
            Value::SmallDateTime { days: 65_535, minutes: 1_439 },
            Value::DateTimeOffset { days: 738_000, ticks: 42, offset: -840 },
            Value::Guid([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
        ] {
            assert_eq!(through_parameter(&value), value);
        }
    }

    #[test]
    fn times_of_every_scale_are_read_as_ticks() {
        for (scale, unit) in TICKS_PER_INCREMENT.into_iter().enumerate() {
            let time = ColumnData::Time(Some(Time::new(3, scale as u8)));
            assert_eq!(from_wire(time), Ok(Value::Time(3 * unit)));
        }
        assert!(from_wire(ColumnData::Time(Some(Time::new(3, 8)))).is_err());
    }

    #[test]
    fn small_datetimes_are_staged_as_the_same_minute() {
        let ty = ColumnType::SmallDateTime;
        let staged = to_bulk(Value::SmallDateTime { days: 0, minutes: 61 }, ty, bulk_type(ty)).unwrap();
        let read = from_wire(staged).unwrap();
        assert_eq!(read, Value::DateTime2 { days: DAYS_TO_1900, ticks: 61 * TICKS_PER_MINUTE });
    }

    #[test]
    fn a_datetime2_is_loaded_at_the_scale_of_its_column() {
        // 30,000 ticks are 3 ms; by floating-point numbers they could become 2.
        for ticks in (0..100_000).map(|n| n * 10_000) {
            let ty = ColumnType::DateTime2(3);
            let value = Value::DateTime2 { days: 738_000, ticks };
            match to_bulk(value.clone(), ty, ty) {
                Some(ColumnData::DateTime2(Some(loaded))) => {
                    assert_eq!((loaded.time().increments(), loaded.time().scale()), (ticks / 10_000, 3));
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(from_wire(to_bulk(value.clone(), ty, bulk_type(ty)).unwrap()), Ok(value));
        }
    }

    #[test]
    fn text_is_loaded_as_it_is_only_under_a_code_page_that_all_know() {
        let latin = "Latin1_General_CI_AS";
        let column = |collation: &str| Column {
            collation: Some(collation.to_owned()),
            ..Column::new("c", ColumnType::VarChar(Some(20)))
        };
        let loaded = |source, target, database| is_loaded_as_it_is(&column(source), Some(target), database);
        assert!(loaded(latin, latin, latin));
        assert!(loaded("SQL_Latin1_General_CP1_CI_AS", latin, latin));
        assert!(!loaded("Cyrillic_General_CI_AS", latin, latin), "its text may not exist here");
        assert!(!loaded(latin, "Cyrillic_General_CI_AS", "Cyrillic_General_CI_AS"));
        assert!(!loaded(latin, latin, "Cyrillic_General_CI_AS"), "the server takes it for the database's");
        assert!(!loaded(latin, "Latin1_General_100_CI_AS_SC_UTF8", "Latin1_General_100_CI_AS_SC_UTF8"));
        for (ty, exact) in [
            (ColumnType::NVarChar(Some(2_000)), true),
            (ColumnType::NVarChar(Some(2_001)), false),
            (ColumnType::NVarChar(None), true),
            (ColumnType::Time(7), true),
            (ColumnType::Time(3), false),
            (ColumnType::DateTime2(3), true),
            (ColumnType::Money, false),
            (ColumnType::NChar(10), false),
            (ColumnType::SmallDateTime, false),
            (ColumnType::Xml, false),
        ] {
            assert_eq!(is_loaded_as_it_is(&Column::new("c", ty), Some(latin), latin), exact, "{ty}");
        }
    }

    #[test]
    fn a_decimal_that_is_all_fraction_goes_as_text() {
        let limit = 10i128.pow(38);
        for (unscaled, text) in [
            (limit - 1, "0.99999999999999999999999999999999999999"),
            (1 - limit, "-0.99999999999999999999999999999999999999"),
            (1, "0.00000000000000000000000000000000000001"),
            (0, "0.00000000000000000000000000000000000000"),
        ] {
            let value = Value::Decimal { unscaled, scale: 38 };
            assert_eq!(to_parameter(&value), ColumnData::String(Some(text.into())));
        }
        assert_eq!(decimal_text(-12_345, 2), "-123.45");
        assert_eq!(decimal_text(7, 0), "7");
    }

    #[test]
    fn a_value_of_another_type_is_not_loaded() {
        let staged = |value, ty| to_bulk(value, ty, bulk_type(ty));
        assert_eq!(staged(Value::F64(1.0), ColumnType::Money), None);
        assert_eq!(staged(Value::I32(1), ColumnType::BigInt), None);
    }

    #[test]
    fn what_the_client_cannot_read_exactly_is_cast_by_the_server() {
        use ColumnType as T;
        for (column_type, collation, expected) in [
            (T::Int, None, "[a]"),
            (T::Money, None, "CAST([a] AS decimal(19,4))"),
            (T::VarChar(Some(10)), Some("SQL_Latin1_General_CP1_CI_AS"), "[a]"),
            (T::VarChar(None), Some("Latin1_General_100_CI_AS_SC"), "[a]"),
            (T::VarChar(Some(10)), Some("Latin1_General_100_CI_AS_SC_UTF8"), "CAST([a] AS nvarchar(10))"),
            (T::VarChar(Some(10)), Some("SQL_Latin1_General_CP850_CI_AS"), "CAST([a] AS nvarchar(10))"),
            (T::Char(5000), Some("Cyrillic_General_CI_AS"), "CAST([a] AS nvarchar(max))"),
            (T::VarChar(None), Some("Japanese_CI_AS"), "CAST([a] AS nvarchar(max))"),
            (T::NVarChar(Some(10)), Some("Japanese_CI_AS"), "[a]"),
            (T::Text, Some("Latin1_General_CI_AS"), "CAST([a] AS nvarchar(max))"),
            (T::Image, None, "CAST([a] AS varbinary(max))"),
            (T::HierarchyId, None, "CAST([a] AS varbinary(892))"),
        ] {
            let column = Column { collation: collation.map(str::to_owned), ..Column::new("a", column_type) };
            assert_eq!(select_expression(&column), expected);
        }
    }

    proptest! {
        #[test]
        fn decimals_are_exact(unscaled in -(10i128.pow(37))..10i128.pow(37), scale in 0u8..=37) {
            let value = Value::Decimal { unscaled, scale };
            prop_assert_eq!(through_parameter(&value), value);
        }
    }
}
