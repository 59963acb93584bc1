#![allow(clippy::unwrap_used)]
use super::{DATETIME_DAYS, Decoded, MAX_DAYS, THREE_HUNDREDTHS_PER_DAY, TICKS_PER_DAY};
use super::{decode_row, encode_row, format_file};
use proptest::prelude::*;
use proto::{Column, ColumnType, Value};

fn column(column_type: ColumnType, nullable: bool) -> Column {
    Column {
        name: "c".into(),
        column_type,
        nullable,
        identity: None,
        sparse: false,
        collation: None,
        key_ordinal: None,
    }
}

fn encoded(column_type: ColumnType, nullable: bool, value: Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_row(&[column(column_type, nullable)], &[value], &mut bytes).unwrap();
    bytes
}

/// The documented layouts (see the module's table), each as bytes written out by hand.
#[test]
fn values_have_the_bytes_that_bcp_gives_them() {
    use ColumnType as T;
    let text = |text: &str| Value::String(text.to_owned());
    let decimal = |unscaled, scale| Value::Decimal { unscaled, scale };
    let cases: Vec<(T, bool, Value, &[u8])> = vec![
        (T::Int, false, Value::I32(1), &[1, 0, 0, 0]),
        (T::Int, true, Value::I32(-2), &[4, 0xFE, 0xFF, 0xFF, 0xFF]),
        (T::Int, true, Value::Null, &[0xFF]),
        (T::Bit, false, Value::Bit(true), &[1]),
        (T::TinyInt, true, Value::U8(200), &[1, 200]),
        (T::SmallInt, false, Value::I16(-1), &[0xFF, 0xFF]),
        (T::BigInt, false, Value::I64(258), &[2, 1, 0, 0, 0, 0, 0, 0]),
        (T::Real, false, Value::F32(1.0), &[0, 0, 0x80, 0x3F]),
        (T::Float, true, Value::F64(1.0), &[8, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F]),
        // 65000.00 as money is 650,000,000 ten-thousandths.
        (T::Money, false, decimal(650_000_000, 4), &[0, 0, 0, 0, 0x80, 0x36, 0xBE, 0x26]),
        (T::Money, false, decimal(-1, 4), &[0xFF; 8]),
        (T::SmallMoney, true, decimal(10_000, 4), &[4, 0x10, 0x27, 0, 0]),
        (
            T::Decimal { precision: 10, scale: 2 },
            false,
            decimal(-12_345, 2),
            &[19, 10, 2, 0, 0x39, 0x30, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ),
        (T::Decimal { precision: 5, scale: 0 }, true, Value::Null, &[0xFF]),
        // 1900-01-02 00:00:01 is one day and 300 three-hundredths.
        (T::DateTime, false, Value::DateTime { days: 1, ticks: 300 }, &[1, 0, 0, 0, 0x2C, 1, 0, 0]),
        (T::SmallDateTime, true, Value::SmallDateTime { days: 2, minutes: 61 }, &[4, 2, 0, 61, 0]),
        // 2000-01-01 is day 730,119.
        (T::Date, false, Value::Date(730_119), &[0x07, 0x24, 0x0B]),
        (T::Date, true, Value::Date(0), &[3, 0, 0, 0]),
        // One second is 10,000,000 units of 100 ns, whatever the column's scale.
        (T::Time(0), false, Value::Time(10_000_000), &[0x80, 0x96, 0x98, 0, 0]),
        (
            T::DateTime2(3),
            true,
            Value::DateTime2 { days: 730_119, ticks: 10_000_000 },
            &[8, 0x80, 0x96, 0x98, 0, 0, 0x07, 0x24, 0x0B],
        ),
        (
            T::DateTimeOffset(7),
            false,
            Value::DateTimeOffset { days: 730_119, ticks: 1, offset: -60 },
            &[1, 0, 0, 0, 0, 0x07, 0x24, 0x0B, 0xC4, 0xFF],
        ),
        (
            T::UniqueIdentifier,
            false,
            // 00112233-4455-6677-8899-AABBCCDDEEFF
            Value::Guid([0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF]),
            &[16, 0x33, 0x22, 0x11, 0, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF],
        ),
        (T::VarChar(Some(10)), false, text("ab"), &[4, 0, b'a', 0, b'b', 0]),
        (T::NVarChar(Some(10)), true, text("€"), &[2, 0, 0xAC, 0x20]),
        (T::NVarChar(Some(10)), true, text(""), &[0, 0]),
        (T::NChar(2), true, Value::Null, &[0xFF, 0xFF]),
        (T::NVarChar(None), false, text("a"), &[2, 0, 0, 0, 0, 0, 0, 0, b'a', 0]),
        (T::NVarChar(None), true, Value::Null, &[0xFF; 8]),
        (T::Binary(2), false, Value::Bytes(vec![1, 2]), &[2, 0, 1, 2]),
        (T::VarBinary(None), false, Value::Bytes(vec![9]), &[1, 0, 0, 0, 0, 0, 0, 0, 9]),
        (T::Text, true, text("a"), &[2, 0, 0, 0, b'a', 0]),
        (T::NText, true, text(""), &[0, 0, 0, 0]),
        (T::Image, false, Value::Bytes(vec![9]), &[1, 0, 0, 0, 9]),
        (T::Image, true, Value::Null, &[0xFF; 4]),
        (T::Xml, true, text("<a/>"), &[8, 0, 0, 0, 0, 0, 0, 0, b'<', 0, b'a', 0, b'/', 0, b'>', 0]),
        (T::Json, true, Value::Null, &[0xFF; 8]),
        (T::SqlVariant, true, text("x"), &[2, 0, 0, 0, 0, 0, 0, 0, b'x', 0]),
        (T::HierarchyId, true, Value::Bytes(vec![0x58]), &[1, 0, 0, 0, 0, 0, 0, 0, 0x58]),
        (T::Geography, false, Value::Bytes(vec![]), &[0; 8]),
    ];
    for (column_type, nullable, value, bytes) in cases {
        assert_eq!(encoded(column_type, nullable, value.clone()), bytes, "{column_type} {value:?}");
        let decoded = decode_row(&[column(column_type, nullable)], bytes).unwrap();
        assert_eq!(decoded, Decoded::Row(vec![value], bytes.len()), "{column_type}");
    }
}

/// A column type with a value that it can hold.
fn typed() -> impl Strategy<Value = (ColumnType, Value)> {
    use ColumnType as T;
    let ticks = || 0..TICKS_PER_DAY;
    let days = || 0..=MAX_DAYS;
    let text = || any::<String>().prop_map(Value::String);
    let bytes = || any::<Vec<u8>>().prop_map(Value::Bytes);
    let only = |column_type: T| move |value: Value| (column_type, value);
    let decimal = (1u8..=38).prop_flat_map(|precision| {
        let limit = 10i128.pow(u32::from(precision));
        (Just(precision), 0..=precision, -limit + 1..limit)
    });
    prop_oneof![
        any::<bool>().prop_map(Value::Bit).prop_map(only(T::Bit)),
        any::<u8>().prop_map(Value::U8).prop_map(only(T::TinyInt)),
        any::<i16>().prop_map(Value::I16).prop_map(only(T::SmallInt)),
        any::<i32>().prop_map(Value::I32).prop_map(only(T::Int)),
        any::<i64>().prop_map(Value::I64).prop_map(only(T::BigInt)),
        any::<f32>().prop_map(Value::F32).prop_map(only(T::Real)),
        any::<f64>().prop_map(Value::F64).prop_map(only(T::Float)),
        decimal.prop_map(|(precision, scale, unscaled)| (
            T::Decimal { precision, scale },
            Value::Decimal { unscaled, scale }
        )),
        any::<i64>().prop_map(|v| (T::Money, Value::Decimal { unscaled: v.into(), scale: 4 })),
        any::<i32>().prop_map(|v| (T::SmallMoney, Value::Decimal { unscaled: v.into(), scale: 4 })),
        days().prop_map(|days| (T::Date, Value::Date(days))),
        ticks().prop_map(|ticks| (T::Time(7), Value::Time(ticks))),
        (days(), ticks()).prop_map(|(days, ticks)| (T::DateTime2(7), Value::DateTime2 { days, ticks })),
        (days(), ticks(), -840i16..=840)
            .prop_map(|(days, ticks, offset)| (T::DateTimeOffset(7), Value::DateTimeOffset { days, ticks, offset })),
        (DATETIME_DAYS, 0..THREE_HUNDREDTHS_PER_DAY)
            .prop_map(|(days, ticks)| (T::DateTime, Value::DateTime { days, ticks })),
        (any::<u16>(), 0u16..1440)
            .prop_map(|(days, minutes)| (T::SmallDateTime, Value::SmallDateTime { days, minutes })),
        any::<[u8; 16]>().prop_map(Value::Guid).prop_map(only(T::UniqueIdentifier)),
        text().prop_map(only(T::Char(4000))),
        text().prop_map(only(T::VarChar(Some(4000)))),
        text().prop_map(only(T::VarChar(None))),
        text().prop_map(only(T::NChar(4000))),
        text().prop_map(only(T::NVarChar(Some(4000)))),
        text().prop_map(only(T::NVarChar(None))),
        bytes().prop_map(only(T::Binary(8000))),
        bytes().prop_map(only(T::VarBinary(Some(8000)))),
        bytes().prop_map(only(T::VarBinary(None))),
        large(),
    ]
}

fn large() -> impl Strategy<Value = (ColumnType, Value)> {
    use ColumnType as T;
    let texts = prop::sample::select(vec![T::Text, T::NText, T::Xml, T::Json, T::SqlVariant]);
    let bytes = prop::sample::select(vec![T::Image, T::HierarchyId, T::Geometry, T::Geography]);
    prop_oneof![
        (texts, any::<String>()).prop_map(|(column_type, text)| (column_type, Value::String(text))),
        (bytes, any::<Vec<u8>>()).prop_map(|(column_type, bytes)| (column_type, Value::Bytes(bytes))),
    ]
}

fn table() -> impl Strategy<Value = (Vec<Column>, Vec<Value>)> {
    let cell = (typed(), any::<bool>(), any::<bool>()).prop_map(|((column_type, value), nullable, null)| {
        (column(column_type, nullable), if nullable && null { Value::Null } else { value })
    });
    prop::collection::vec(cell, 1..8).prop_map(|cells| cells.into_iter().unzip())
}

/// Bitwise, so that a NaN is equal to itself.
fn same(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| match (a, b) {
            (Value::F32(a), Value::F32(b)) => a.to_bits() == b.to_bits(),
            (Value::F64(a), Value::F64(b)) => a.to_bits() == b.to_bits(),
            (a, b) => a == b,
        })
}

proptest! {
    #[test]
    fn rows_come_back_as_they_went((columns, row) in table(), after: Vec<u8>) {
        let mut bytes = Vec::new();
        encode_row(&columns, &row, &mut bytes).unwrap();
        let length = bytes.len();
        bytes.extend_from_slice(&after);
        match decode_row(&columns, &bytes).unwrap() {
            Decoded::Row(decoded, used) => {
                prop_assert_eq!(used, length);
                prop_assert!(same(&decoded, &row), "{:?}", decoded);
            }
            incomplete => prop_assert!(false, "{:?}", incomplete),
        }
    }

    #[test]
    fn a_cut_row_is_never_taken_for_a_whole_one((columns, row) in table(), cut: prop::sample::Index) {
        let mut bytes = Vec::new();
        encode_row(&columns, &row, &mut bytes).unwrap();
        let cut = cut.index(bytes.len());
        match decode_row(&columns, &bytes[..cut]).unwrap() {
            Decoded::Incomplete(needed) => prop_assert!(needed > cut && needed <= bytes.len()),
            row => prop_assert!(false, "{:?}", row),
        }
    }

    #[test]
    fn whatever_the_bytes_nothing_panics((columns, _) in table(), bytes: Vec<u8>) {
        let _ = decode_row(&columns, &bytes);
    }
}

#[test]
fn what_does_not_fit_names_the_column_and_leaves_nothing() {
    let columns = [column(ColumnType::Int, false), column(ColumnType::Decimal { precision: 3, scale: 0 }, false)];
    for wrong in [
        [Value::Null, Value::Decimal { unscaled: 1, scale: 0 }],
        [Value::I64(1), Value::Decimal { unscaled: 1, scale: 0 }],
        [Value::I32(1), Value::Decimal { unscaled: 1000, scale: 0 }],
        [Value::I32(1), Value::Decimal { unscaled: 1, scale: 1 }],
    ] {
        let mut bytes = vec![7];
        let error = encode_row(&columns, &wrong, &mut bytes).unwrap_err().to_string();
        assert!(error.contains("column c"), "{error}");
        assert_eq!(bytes, [7]);
    }
}

#[test]
fn lengths_and_values_that_cannot_be_are_refused() {
    let cases: [(ColumnType, bool, &[u8]); 7] = [
        (ColumnType::Int, true, &[5, 0, 0, 0, 0, 0]),
        (ColumnType::Bit, false, &[2]),
        (ColumnType::NVarChar(None), true, &[0, 0, 0, 0, 0, 0, 0, 0x7F]),
        (ColumnType::NVarChar(Some(4)), false, &[0xFF, 0xFF]),
        (ColumnType::NVarChar(Some(4)), false, &[1, 0, 0]),
        (ColumnType::NVarChar(Some(4)), false, &[2, 0, 0, 0xD8]),
        (ColumnType::Date, false, &[0xFF, 0xFF, 0xFF]),
    ];
    for (column_type, nullable, bytes) in cases {
        assert!(decode_row(&[column(column_type, nullable)], bytes).is_err(), "{column_type} {bytes:?}");
    }
}

#[test]
fn the_format_file_says_how_each_field_stands_in_the_data() {
    let mut name = column(ColumnType::VarChar(Some(25)), false);
    name.name = "first & \"last\"".into();
    name.collation = Some("Latin1_General_CI_AS".into());
    let columns = [
        column(ColumnType::SmallInt, false),
        name,
        column(ColumnType::Decimal { precision: 9, scale: 2 }, true),
        column(ColumnType::VarBinary(None), true),
        column(ColumnType::NText, true),
        column(ColumnType::Geometry, true),
    ];
    let expected = r#"<?xml version="1.0"?>
<BCPFORMAT xmlns="http://schemas.microsoft.com/sqlserver/2004/bulkload/format" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
 <RECORD>
  <FIELD ID="1" xsi:type="NativeFixed" LENGTH="2"/>
  <FIELD ID="2" xsi:type="NCharPrefix" PREFIX_LENGTH="2" MAX_LENGTH="50" COLLATION="Latin1_General_CI_AS"/>
  <FIELD ID="3" xsi:type="NativePrefix" PREFIX_LENGTH="1"/>
  <FIELD ID="4" xsi:type="NativePrefix" PREFIX_LENGTH="8"/>
  <FIELD ID="5" xsi:type="NCharPrefix" PREFIX_LENGTH="4"/>
  <FIELD ID="6" xsi:type="NativePrefix" PREFIX_LENGTH="8"/>
 </RECORD>
 <ROW>
  <COLUMN SOURCE="1" NAME="c" xsi:type="SQLSMALLINT" NULLABLE="NO"/>
  <COLUMN SOURCE="2" NAME="first &amp; &quot;last&quot;" xsi:type="SQLNVARCHAR" NULLABLE="NO"/>
  <COLUMN SOURCE="3" NAME="c" xsi:type="SQLDECIMAL" PRECISION="9" SCALE="2" NULLABLE="YES"/>
  <COLUMN SOURCE="4" NAME="c" xsi:type="SQLVARYBIN" NULLABLE="YES"/>
  <COLUMN SOURCE="5" NAME="c" xsi:type="SQLNTEXT" NULLABLE="YES"/>
  <COLUMN SOURCE="6" NAME="c" xsi:type="SQLUDT" NULLABLE="YES"/>
 </ROW>
</BCPFORMAT>
"#;
    assert_eq!(format_file(&columns), expected);
}
