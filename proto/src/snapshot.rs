//! Snapshots: parts of articles as of positions in the log, and how far those who make or load them have come.
//!
//! A snapshot that was taken without an interruption is of one position. One that went on after a crash is of several: what was
//! finished before keeps its boundary, the rest has a later one. So each *part*, a range of keys of an article, carries its own
//! boundary, and the stream applies to it only what came after.

use crate::article::{ArticleId, ColumnType, TableName};
use crate::lsn::Lsn;
use crate::value::Value;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;
use uuid::Uuid;

/// A range of values of an article's first key column: from `lower` on, before `upper`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct KeyRange {
    /// The first value in it; `None` for no bound.
    pub lower: Option<Value>,
    /// The first value after it; `None` for no bound.
    pub upper: Option<Value>,
}

impl KeyRange {
    /// Every key.
    pub const ALL: Self = Self { lower: None, upper: None };

    /// Whether a key is in it, by its first column. `None` where the values' order is not known here (see [`is_ordered`]).
    pub fn contains(&self, first: &Value) -> Option<bool> {
        let from = match &self.lower {
            Some(lower) => compare(lower, first)? != Ordering::Greater,
            None => true,
        };
        let before = match &self.upper {
            Some(upper) => compare(first, upper)? == Ordering::Less,
            None => true,
        };
        Some(from && before)
    }
}

impl fmt::Display for KeyRange {
    /// As in `from 100 to before 200`; values of keys are shown, so it is not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.lower, &self.upper) {
            (None, None) => f.write_str("all keys"),
            (Some(lower), None) => write!(f, "from {lower:?}"),
            (None, Some(upper)) => write!(f, "before {upper:?}"),
            (Some(lower), Some(upper)) => write!(f, "from {lower:?} to before {upper:?}"),
        }
    }
}

/// Whether values of a type are ordered here exactly as SQL Server orders them. Text is not (collations), nor are binary values,
/// which SQL Server compares as if the shorter one had zeros at its end, nor floating-point numbers.
pub fn is_ordered(column_type: ColumnType) -> bool {
    matches!(
        column_type,
        ColumnType::Bit
            | ColumnType::TinyInt
            | ColumnType::SmallInt
            | ColumnType::Int
            | ColumnType::BigInt
            | ColumnType::Decimal { .. }
            | ColumnType::Money
            | ColumnType::SmallMoney
            | ColumnType::Date
            | ColumnType::Time(_)
            | ColumnType::SmallDateTime
            | ColumnType::DateTime
            | ColumnType::DateTime2(_)
            | ColumnType::DateTimeOffset(_)
            | ColumnType::UniqueIdentifier
    )
}

/// How SQL Server orders two values of one type other than NULL; `None` for types that are not ordered here, and for two types.
pub fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    Some(match (a, b) {
        (Value::Bit(a), Value::Bit(b)) => a.cmp(b),
        (Value::U8(a), Value::U8(b)) => a.cmp(b),
        (Value::I16(a), Value::I16(b)) => a.cmp(b),
        (Value::I32(a), Value::I32(b)) => a.cmp(b),
        (Value::I64(a), Value::I64(b)) => a.cmp(b),
        (Value::Decimal { unscaled: a, scale }, Value::Decimal { unscaled: b, scale: same }) if scale == same => {
            a.cmp(b)
        }
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::Time(a), Value::Time(b)) => a.cmp(b),
        (Value::DateTime2 { days, ticks }, Value::DateTime2 { days: d, ticks: t }) => (days, ticks).cmp(&(d, t)),
        (Value::DateTime { days, ticks }, Value::DateTime { days: d, ticks: t }) => (days, ticks).cmp(&(d, t)),
        (Value::SmallDateTime { days, minutes }, Value::SmallDateTime { days: d, minutes: m }) => {
            (days, minutes).cmp(&(d, m))
        }
        // By the moment: the offset does not count
        // (https://learn.microsoft.com/sql/t-sql/data-types/datetimeoffset-transact-sql).
        (Value::DateTimeOffset { days, ticks, .. }, Value::DateTimeOffset { days: d, ticks: t, .. }) => {
            (days, ticks).cmp(&(d, t))
        }
        (Value::Guid(a), Value::Guid(b)) => guid_order(a).cmp(&guid_order(b)),
        _ => return None,
    })
}

/// Places of a GUID's bytes, in the order of its text, in the order in which SQL Server compares them: the last group first
/// (<https://learn.microsoft.com/dotnet/framework/data/adonet/sql/comparing-guid-and-uniqueidentifier-values>; the order is that of
/// `System.Data.SqlTypes.SqlGuid`).
const GUID_ORDER: [usize; 16] = [10, 11, 12, 13, 14, 15, 8, 9, 7, 6, 5, 4, 3, 2, 1, 0];

/// The bytes of a GUID, given in the order of its text, in the order in which SQL Server compares them.
pub fn guid_order(guid: &[u8; 16]) -> [u8; 16] {
    GUID_ORDER.map(|i| guid[i])
}

/// The GUID whose [`guid_order`] this is.
pub fn guid_at(ordered: [u8; 16]) -> [u8; 16] {
    let mut guid = [0; 16];
    for (i, byte) in GUID_ORDER.into_iter().zip(ordered) {
        guid[i] = byte;
    }
    guid
}

/// How far one table of a snapshot has come, while it is made or loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableProgress {
    /// The table, at the side that reports.
    pub table: TableName,
    /// Rows done.
    pub rows: u64,
    /// Rows that there are in all, as far as is known.
    pub rows_expected: u64,
    /// Bytes done, as they stand in the snapshot's files before compression.
    pub bytes: u64,
    /// Of the rows, those that an earlier attempt left. They say nothing of how fast it goes.
    pub rows_before: u64,
    /// Of the bytes, those that an earlier attempt left.
    pub bytes_before: u64,
    /// Microseconds since the table was begun, up to its end.
    pub elapsed: i64,
    /// Whether it is done.
    pub done: bool,
}

/// How far a snapshot that is being made has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotProgress {
    /// Snapshot.
    pub snapshot: Uuid,
    /// Publication.
    pub publication: String,
    /// Microseconds since 1970-01-01 UTC by the distributor's clock when it was (last) begun; the distributor fills it in.
    pub begun_at: i64,
    /// When this was reported, by the same clock; the distributor fills it in.
    pub reported_at: i64,
    /// Its tables.
    pub tables: Vec<TableProgress>,
    /// Why it stopped, if it did.
    pub error: Option<String>,
}

/// A snapshot and which of its articles are to be loaded from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotToLoad {
    /// The snapshot.
    pub snapshot: crate::catalog::Snapshot,
    /// The definitions to load, as the snapshot has them.
    pub articles: Vec<ArticleId>,
}

/// A snapshot as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedSnapshot {
    /// The snapshot.
    pub snapshot: crate::catalog::Snapshot,
    /// Whether a new subscription would be initialised from it.
    pub current: bool,
    /// Subscriptions that are being initialised from it, or still wait to be.
    pub needed_by: Vec<String>,
    /// Until when it is kept where nobody needs it: microseconds since 1970-01-01 UTC.
    pub kept_until: i64,
    /// Whether its files may be removed: nobody needs it, and the retention is over.
    pub removable: bool,
}

/// What a position must not be behind for a part to be of use: the earliest boundary.
pub fn first_boundary(boundaries: &[(ArticleId, Lsn)]) -> Option<Lsn> {
    boundaries.iter().map(|(_, lsn)| *lsn).min()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn guid(text: &str) -> Value {
        Value::Guid(*Uuid::parse_str(text).unwrap().as_bytes())
    }

    #[test]
    fn guids_are_ordered_as_the_documentation_shows() {
        // The three values of Microsoft's page named above, in the order that it gives for the server.
        let ascending = [
            "3AAAAAAA-BBBB-CCCC-DDDD-2EEEEEEEEEEE",
            "2AAAAAAA-BBBB-CCCC-DDDD-1EEEEEEEEEEE",
            "1AAAAAAA-BBBB-CCCC-DDDD-3EEEEEEEEEEE",
        ];
        let order = |a: &str, b: &str| compare(&guid(a), &guid(b)).unwrap();
        assert_eq!(order(ascending[1], ascending[0]), Ordering::Less);
        assert_eq!(order(ascending[0], ascending[2]), Ordering::Less);
    }

    #[test]
    fn a_range_holds_its_lower_bound_and_not_its_upper_one() {
        let range = KeyRange { lower: Some(Value::I32(10)), upper: Some(Value::I32(20)) };
        let within = |n| range.contains(&Value::I32(n)).unwrap();
        assert!(within(10) && within(19) && !within(9) && !within(20));
        assert_eq!(KeyRange::ALL.contains(&Value::I32(1)), Some(true));
        assert_eq!(range.contains(&Value::String("15".into())), None);
    }
}
