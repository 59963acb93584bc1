//! Values in rows and parameters (2.2.5.5).

mod decode;
mod encode;
mod variant;

pub use decode::read_value;
pub use encode::{Misfit, null_bytes, put_value};

/// 100 ns units of a day.
const DAY_TICKS: u64 = 24 * 60 * 60 * 10_000_000;
/// 9999-12-31 in days since 0001-01-01.
const LAST_DAY: i32 = 3_652_058;
/// 1753-01-01 and 9999-12-31 in days since 1900-01-01, the range of `datetime`.
const DATETIME_DAYS: std::ops::RangeInclusive<i32> = -53_690..=2_958_463;
/// 1/300 s units of a day.
const DATETIME_DAY_TICKS: u32 = 24 * 60 * 60 * 300;
/// Minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;
/// Largest offset of `datetimeoffset`, in minutes.
const MAX_OFFSET: i16 = 14 * 60;
/// Largest value of a `(max)` type, in bytes.
const MAX_CHUNKED: u64 = i32::MAX as u64;
/// Total length of a chunked value that is NULL.
const CHUNKED_NULL: u64 = u64::MAX;
/// Total length of a chunked value whose length its sender did not know.
const CHUNKED_UNKNOWN: u64 = u64::MAX - 1;

/// Bytes of a time of day by scale (2.2.5.5.1.8).
fn time_bytes(scale: u8) -> usize {
    match scale {
        0..=2 => 3,
        3..=4 => 4,
        _ => 5,
    }
}

/// 100 ns units in one unit of a time of this scale.
fn time_unit(scale: u8) -> u64 {
    10u64.pow(7 - u32::from(scale.min(7)))
}

/// Converts between text order and wire order of a GUID, which stores its first three fields little-endian.
fn swap_guid(mut bytes: [u8; 16]) -> [u8; 16] {
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    bytes
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::tds::cursor::Cursor;
    use crate::tds::type_info::{TypeInfo, put_type_info};
    use crate::types::{Datum, Length, SqlType, Variant};

    /// One of each type, facets at their ends.
    pub(crate) fn every_type() -> Vec<SqlType> {
        use SqlType::*;
        let mut types = vec![
            Bit,
            TinyInt,
            SmallInt,
            Int,
            BigInt,
            Money,
            SmallMoney,
            Real,
            Float,
            Date,
            SmallDateTime,
            DateTime,
            UniqueIdentifier,
            Char(1),
            Char(8000),
            NChar(1),
            NChar(4000),
            Binary(1),
            Binary(8000),
            Xml,
            SqlVariant,
        ];
        for length in [Length::N(1), Length::N(4000), Length::Max] {
            types.extend([VarChar(length), NVarChar(length), VarBinary(length)]);
        }
        for scale in 0..=7 {
            types.extend([Time(scale), DateTime2(scale), DateTimeOffset(scale)]);
        }
        for (precision, scale) in [(1, 0), (9, 9), (10, 2), (19, 4), (20, 0), (28, 28), (29, 1), (38, 0), (38, 38)] {
            types.push(Decimal { precision, scale });
        }
        types
    }

    /// Ordinary and extreme values of a type.
    pub(crate) fn values_of(ty: SqlType) -> Vec<Datum> {
        use SqlType::*;
        let text = |length: Length| match length {
            Length::N(1) => vec![Datum::String(String::new()), Datum::String("é".into())],
            _ => vec![Datum::String("Grüße".into()), Datum::String("x".repeat(3000))],
        };
        let pad = |length: u16| vec![Datum::String(format!("{:<1$}", "a", usize::from(length)))];
        let ticks = |scale: u8| [0, DAY_TICKS / 2, DAY_TICKS - time_unit(scale)];
        match ty {
            Bit => vec![Datum::Bit(false), Datum::Bit(true)],
            TinyInt => vec![Datum::TinyInt(0), Datum::TinyInt(255)],
            SmallInt => vec![Datum::SmallInt(i16::MIN), Datum::SmallInt(i16::MAX)],
            Int => vec![Datum::Int(i32::MIN), Datum::Int(-1), Datum::Int(i32::MAX)],
            BigInt => vec![Datum::BigInt(i64::MIN), Datum::BigInt(i64::MAX)],
            Money => vec![Datum::Money(i64::MIN), Datum::Money(-12_345), Datum::Money(i64::MAX)],
            SmallMoney => vec![Datum::Money(i32::MIN.into()), Datum::Money(i32::MAX.into())],
            Real => vec![Datum::Real(-1.5), Datum::Real(f32::MAX)],
            Float => vec![Datum::Float(0.1), Datum::Float(f64::MIN_POSITIVE)],
            Decimal { precision, scale } => {
                let largest = 10i128.pow(precision.into()) - 1;
                [-largest, 0, 1, largest].map(|unscaled| Datum::Decimal { unscaled, scale }).to_vec()
            }
            Char(length) | NChar(length) => pad(length),
            VarChar(length) | NVarChar(length) => text(length),
            Binary(length) => vec![Datum::Binary(vec![0xAB; length.into()])],
            VarBinary(Length::N(1)) => vec![Datum::Binary(vec![]), Datum::Binary(vec![0])],
            VarBinary(Length::N(_)) => vec![Datum::Binary(vec![0xFF; 4000])],
            VarBinary(Length::Max) => {
                vec![Datum::Binary(vec![]), Datum::Binary((0..=255).cycle().take(100_000).collect())]
            }
            Date => [0, 693_595, LAST_DAY].map(Datum::Date).to_vec(),
            Time(scale) => ticks(scale).map(Datum::Time).to_vec(),
            SmallDateTime => {
                vec![Datum::SmallDateTime { days: 0, minutes: 0 }, Datum::SmallDateTime { days: 65_535, minutes: 1439 }]
            }
            DateTime => vec![
                Datum::DateTime { days: -53_690, ticks: 0 },
                Datum::DateTime { days: 2_958_463, ticks: DATETIME_DAY_TICKS - 1 },
            ],
            DateTime2(scale) => ticks(scale).map(|ticks| Datum::DateTime2 { days: LAST_DAY, ticks }).to_vec(),
            DateTimeOffset(scale) => {
                ticks(scale).map(|ticks| Datum::DateTimeOffset { days: 700_000, ticks, offset: -840 }).to_vec()
            }
            UniqueIdentifier => vec![Datum::Guid(*b"0123456789abcdef")],
            Xml => vec![Datum::String(String::new()), Datum::String("<a b=\"é\">x</a>".into())],
            SqlVariant => variants(),
            Text | NText => vec![Datum::String(String::new()), Datum::String("Grüße".into())],
            Image => vec![Datum::Binary(vec![]), Datum::Binary(vec![7; 300])],
            RowVersion => vec![Datum::Binary(vec![0, 0, 0, 0, 0, 0, 7, 0xD1])],
            HierarchyId => vec![Datum::Binary(vec![]), Datum::Binary(vec![0x58])],
            Geometry | Geography => vec![Datum::Binary([&[0xE6, 0x10, 0, 0, 1, 0x0C][..], &[0; 16]].concat())],
            Json => vec![Datum::String("{\"\u{e9}\":[1,2]}".into())],
        }
    }

    /// A variant of each type that one can hold.
    fn variants() -> Vec<Datum> {
        let bases = every_type().into_iter().filter(|ty| *ty != SqlType::SqlVariant && variant::holds(*ty));
        let of = |ty: SqlType| {
            let collation =
                matches!(ty, SqlType::Char(_) | SqlType::VarChar(_) | SqlType::NChar(_) | SqlType::NVarChar(_))
                    .then(|| crate::engine::collation::DEFAULT_COLLATION.to_owned());
            let decimal = matches!(ty, SqlType::Decimal { .. }).then_some(crate::types::DecimalName::Decimal);
            values_of(ty).into_iter().map(move |value| {
                Datum::Variant(Box::new(Variant { ty, collation: collation.clone(), decimal, value }))
            })
        };
        bases.flat_map(of).collect()
    }

    #[test]
    fn the_deprecated_large_types_survive_in_rows_of_a_bulk_load() {
        for ty in [SqlType::Text, SqlType::NText, SqlType::Image] {
            for value in values_of(ty).into_iter().chain([Datum::Null]) {
                let mut bytes = Vec::new();
                let layout = put_type_info(&mut bytes, ty, true);
                put_value(&mut bytes, ty, layout, &value).unwrap();
                let mut cursor = Cursor::new(&bytes);
                let info = TypeInfo { layout, ..TypeInfo::read(&mut cursor).unwrap() };
                assert_eq!(read_value(&mut cursor, &info).unwrap(), value, "{ty:?}");
                assert!(cursor.is_empty());
            }
        }
    }

    /// 2.2.5.5.2 and 2.2.5.2.3: type, longest length, names of database, schema, type and assembly; the value in one chunk.
    #[test]
    fn clr_values_go_out_as_what_they_are() {
        let mut bytes = Vec::new();
        let layout = put_type_info(&mut bytes, SqlType::HierarchyId, true);
        let mut cursor = Cursor::new(&bytes);
        assert_eq!((cursor.u8("type").unwrap(), cursor.u16("length").unwrap()), (0xF0, 892));
        let names: Vec<_> = (0..3).map(|_| cursor.b_varchar("name").unwrap()).collect();
        assert_eq!(names, ["master", "sys", "hierarchyid"]);
        let assembly = cursor.us_varchar("assembly").unwrap();
        assert!(assembly.starts_with("Microsoft.SqlServer.Types.SqlHierarchyId, "));
        assert!(cursor.is_empty());
        bytes.clear();
        put_value(&mut bytes, SqlType::HierarchyId, layout, &Datum::Binary(vec![0x58])).unwrap();
        assert_eq!(bytes, [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x58, 0, 0, 0, 0]);
    }

    /// <https://learn.microsoft.com/sql/t-sql/data-types/json-data-type#limitations>
    #[test]
    fn json_goes_out_as_utf8_text() {
        for value in values_of(SqlType::Json) {
            let mut bytes = Vec::new();
            let layout = put_type_info(&mut bytes, SqlType::Json, false);
            put_value(&mut bytes, SqlType::Json, layout, &value).unwrap();
            let mut cursor = Cursor::new(&bytes);
            let info = TypeInfo::read(&mut cursor).unwrap();
            assert_eq!(info.ty, SqlType::VarChar(Length::Max));
            assert_eq!(read_value(&mut cursor, &info).unwrap(), value);
        }
    }

    #[test]
    fn every_value_of_every_type_survives_the_wire() {
        for ty in every_type() {
            for (nullable, mut values) in [(false, values_of(ty)), (true, values_of(ty))] {
                if nullable {
                    values.push(Datum::Null);
                }
                for value in values {
                    let mut bytes = Vec::new();
                    let layout = put_type_info(&mut bytes, ty, nullable);
                    put_value(&mut bytes, ty, layout, &value).unwrap();
                    let mut cursor = Cursor::new(&bytes);
                    let info = TypeInfo::read(&mut cursor).unwrap();
                    assert_eq!(read_value(&mut cursor, &info).unwrap(), value, "{ty:?}");
                    assert!(cursor.is_empty());
                }
            }
        }
    }

    #[test]
    fn no_cut_or_corrupted_value_panics() {
        for ty in every_type() {
            for value in values_of(ty).into_iter().filter(|_| !matches!(ty, SqlType::VarBinary(Length::Max))) {
                let mut bytes = Vec::new();
                let layout = put_type_info(&mut bytes, ty, true);
                put_value(&mut bytes, ty, layout, &value).unwrap();
                let read = |bytes: &[u8]| {
                    let mut cursor = Cursor::new(bytes);
                    TypeInfo::read(&mut cursor).and_then(|info| read_value(&mut cursor, &info))
                };
                for length in 0..bytes.len().min(64) {
                    assert!(read(&bytes[..length]).is_err());
                }
                for at in 0..bytes.len().min(64) {
                    for bit in 0..8 {
                        bytes[at] ^= 1 << bit;
                        let _ = read(&bytes);
                        bytes[at] ^= 1 << bit;
                    }
                }
            }
        }
    }

    #[test]
    fn a_value_that_does_not_fit_its_column_is_never_written() {
        for (ty, layout, value) in [
            (SqlType::Int, crate::tds::type_info::Layout::Fixed, Datum::Null),
            (SqlType::Int, crate::tds::type_info::Layout::ByteLength, Datum::BigInt(1)),
            (SqlType::NVarChar(Length::N(2)), crate::tds::type_info::Layout::ShortLength, Datum::String("abc".into())),
            (SqlType::Binary(2), crate::tds::type_info::Layout::ShortLength, Datum::Binary(vec![1, 2, 3])),
            (
                SqlType::Decimal { precision: 3, scale: 0 },
                crate::tds::type_info::Layout::ByteLength,
                Datum::Decimal { unscaled: 1000, scale: 0 },
            ),
        ] {
            let mut out = vec![9];
            assert!(put_value(&mut out, ty, layout, &value).is_err(), "{ty:?}");
        }
    }
}
