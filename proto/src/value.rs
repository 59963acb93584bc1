//! Values of columns, exact for every type that an article may hold.

use serde::{Deserialize, Serialize};

/// A value of a column. Which variants a column can hold follows from its [`crate::ColumnType`]
/// (see [`crate::ColumnType::holds`]); `Null` fits every nullable column.
///
/// Days count from 0001-01-01 in the proleptic Gregorian calendar, as SQL Server's newer date types do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Value {
    /// NULL.
    Null,
    /// `bit`.
    Bit(bool),
    /// `tinyint`.
    U8(u8),
    /// `smallint`.
    I16(i16),
    /// `int`.
    I32(i32),
    /// `bigint`.
    I64(i64),
    /// `real`.
    F32(f32),
    /// `float`.
    F64(f64),
    /// `decimal`, `numeric`, `money`, `smallmoney` (the latter two at scale 4): `unscaled / 10^scale`, scale 0–38.
    Decimal { unscaled: i128, scale: u8 },
    /// Every character type, `xml`, `json`; `sql_variant` in a form of ours.
    String(String),
    /// `binary`, `varbinary`, `image`, `rowversion`, `hierarchyid`, `geometry`, `geography`.
    Bytes(Vec<u8>),
    /// `date`: days since 0001-01-01.
    Date(i32),
    /// `time`: 100 ns units since midnight, below 864,000,000,000.
    Time(u64),
    /// `datetime2`: days since 0001-01-01 and 100 ns units since midnight.
    DateTime2 { days: i32, ticks: u64 },
    /// `datetime`: days since 1900-01-01 (−53,690 … 2,958,463) and 1/300 s since midnight.
    DateTime { days: i32, ticks: u32 },
    /// `smalldatetime`: days since 1900-01-01 and minutes since midnight.
    SmallDateTime { days: u16, minutes: u16 },
    /// `datetimeoffset`: UTC days since 0001-01-01, UTC 100 ns units since midnight, offset in minutes (−840 … 840).
    DateTimeOffset { days: i32, ticks: u64, offset: i16 },
    /// `uniqueidentifier`, in the byte order of its text form.
    Guid([u8; 16]),
}

impl Value {
    /// Whether they are the same to the bit: unlike `==` it tells −0 from 0.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Value::F32(a), Value::F32(b)) => a.to_bits() == b.to_bits(),
            (Value::F64(a), Value::F64(b)) => a.to_bits() == b.to_bits(),
            (a, b) => a == b,
        }
    }

    /// Bytes the value takes in memory beyond the enum itself, for budgets.
    pub fn heap_size(&self) -> usize {
        match self {
            Value::String(s) => s.len(),
            Value::Bytes(b) => b.len(),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn a_zero_that_changes_its_sign_has_changed() {
        assert_eq!(Value::F64(0.0), Value::F64(-0.0));
        assert!(!Value::F64(0.0).is_same(&Value::F64(-0.0)) && !Value::F32(0.0).is_same(&Value::F32(-0.0)));
        assert!(Value::F64(-0.0).is_same(&Value::F64(-0.0)) && Value::Null.is_same(&Value::Null));
        assert!(!Value::F64(1.0).is_same(&Value::F32(1.0)));
    }
}
