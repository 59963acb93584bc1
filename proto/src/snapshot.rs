//! Snapshots: parts of articles as of positions in the log, and how far those who make or load them have come.
//!
//! A snapshot that was taken without an interruption is of one position. One that went on after a crash is of several: what was
//! finished before keeps its boundary, the rest has a later one. So each *part*, a range of keys of an article, carries its own
//! boundary, and the stream applies to it only what came after.

use crate::article::{Article, ArticleId, ColumnType, TableName};
use crate::lsn::Lsn;
use crate::value::Value;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;
use uuid::Uuid;

/// A range of an article's keys: from `lower` on, before `upper`, in the order of the key's columns, the first one first.
///
/// A bound has as many of the columns as it takes, so that `(3)` comes before `(3, 1)` and after all keys that begin with 2.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct KeyRange {
    /// Where it begins; empty for no bound.
    pub lower: Vec<Value>,
    /// What it ends before; empty for no bound.
    pub upper: Vec<Value>,
}

impl KeyRange {
    /// Every key.
    pub const ALL: Self = Self { lower: Vec::new(), upper: Vec::new() };

    /// Whether a key is in it. `None` where the values' order is not known here (see [`is_ordered`]).
    pub fn contains(&self, key: &[Value]) -> Option<bool> {
        let from = order_at(key, &self.lower)? != Ordering::Less;
        let before = self.upper.is_empty() || order_at(key, &self.upper)? == Ordering::Less;
        Some(from && before)
    }

    /// Whether it is known here which keys of an article are in it: whether the columns that its bounds have are ordered here.
    pub fn is_known_of(&self, article: &Article) -> bool {
        let columns = self.lower.len().max(self.upper.len());
        article.key().into_iter().take(columns).all(|column| is_ordered(article.columns[column].column_type))
    }
}

/// How a key lies to a bound, by the columns that the bound has.
fn order_at(key: &[Value], bound: &[Value]) -> Option<Ordering> {
    if key.len() < bound.len() {
        return None;
    }
    for (value, bound) in key.iter().zip(bound) {
        match compare(value, bound)? {
            Ordering::Equal => {}
            apart => return Some(apart),
        }
    }
    Some(Ordering::Equal)
}

impl fmt::Display for KeyRange {
    /// As in `from (100) to before (200, 7)`; values of keys are shown, so it is not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = |values: &[Value]| {
            let values: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
            format!("({})", values.join(", "))
        };
        match (self.lower.as_slice(), self.upper.as_slice()) {
            ([], []) => f.write_str("all keys"),
            (lower, []) => write!(f, "from {}", bound(lower)),
            ([], upper) => write!(f, "before {}", bound(upper)),
            (lower, upper) => write!(f, "from {} to before {}", bound(lower), bound(upper)),
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
    use crate::{Capture, Column};

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
        let range = KeyRange { lower: vec![Value::I32(10)], upper: vec![Value::I32(20)] };
        let within = |n| range.contains(&[Value::I32(n)]).unwrap();
        assert!(within(10) && within(19) && !within(9) && !within(20));
        assert_eq!(KeyRange::ALL.contains(&[Value::I32(1)]), Some(true));
        assert_eq!(range.contains(&[Value::String("15".into())]), None);
    }

    #[test]
    fn a_bound_may_have_some_of_the_keys_columns_or_all() {
        let key = |values: &[i32]| values.iter().copied().map(Value::I32).collect::<Vec<_>>();
        let range = KeyRange { lower: key(&[3, 5]), upper: key(&[7]) };
        let within = |values: &[i32]| range.contains(&key(values)).unwrap();
        assert!(within(&[3, 5, 0]) && within(&[3, 9, 0]) && within(&[4, 0, 0]) && within(&[6, 9, 9]));
        assert!(!within(&[3, 4, 9]) && !within(&[2, 9, 9]) && !within(&[7, 0, 0]));
        // Nothing is guessed of a key that has fewer columns than the bound, nor beyond a column without an order.
        assert_eq!(range.contains(&key(&[3])), None);
        let mixed = KeyRange { lower: vec![Value::I32(3), Value::String("m".into())], upper: Vec::new() };
        let of = |n, text: &str| mixed.contains(&[Value::I32(n), Value::String(text.into())]);
        assert_eq!((of(2, "z"), of(4, "a"), of(3, "z")), (Some(false), Some(true), None));
    }

    #[test]
    fn a_range_is_known_by_the_columns_that_its_bounds_have() {
        let column = |name: &str, column_type, ordinal| Column {
            nullable: false,
            key_ordinal: Some(ordinal),
            ..Column::new(name, column_type)
        };
        let columns = vec![column("number", ColumnType::VarChar(Some(9)), 1), column("store", ColumnType::Int, 0)];
        let name = TableName { schema: "dbo".into(), table: "orders".into() };
        let article = Article::new("p", name, columns, Capture::default());
        let from = |lower| KeyRange { lower, upper: Vec::new() };
        assert!(KeyRange::ALL.is_known_of(&article));
        assert!(from(vec![Value::I32(3)]).is_known_of(&article));
        assert!(!from(vec![Value::I32(3), Value::String("m".into())]).is_known_of(&article));
    }
}
