//! Articles: what of a table is published, and as what it arrives.

use crate::lsn::Lsn;
use crate::value::Value;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Identifies one definition of an article at one distributor. Never used again; a changed definition gets a new one, so
/// that a payload in the queue can always be decoded with the definition it was encoded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ArticleId(pub u32);

impl fmt::Display for ArticleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A table's two-part name, unquoted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TableName {
    /// Schema (owner, in replication's older words).
    pub schema: String,
    /// Table.
    pub table: String,
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// Type of a published column: the types whose values arrive exactly as they were written. Lengths of `char`, `varchar`,
/// `binary` and `varbinary` in bytes, of `nchar` and `nvarchar` in UTF-16 code units; `None` is `(max)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum ColumnType {
    Bit,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    /// Also `numeric`.
    Decimal {
        precision: u8,
        scale: u8,
    },
    Money,
    SmallMoney,
    Real,
    Float,
    Char(u16),
    VarChar(Option<u16>),
    NChar(u16),
    NVarChar(Option<u16>),
    Binary(u16),
    VarBinary(Option<u16>),
    Date,
    Time(u8),
    SmallDateTime,
    DateTime,
    DateTime2(u8),
    DateTimeOffset(u8),
    UniqueIdentifier,
}

impl ColumnType {
    /// Whether a value other than NULL is of this type.
    pub fn holds(&self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Null)
            | (Self::Bit, Value::Bit(_))
            | (Self::TinyInt, Value::U8(_))
            | (Self::SmallInt, Value::I16(_))
            | (Self::Int, Value::I32(_))
            | (Self::BigInt, Value::I64(_))
            | (Self::Real, Value::F32(_))
            | (Self::Float, Value::F64(_))
            | (Self::Char(_) | Self::VarChar(_) | Self::NChar(_) | Self::NVarChar(_), Value::String(_))
            | (Self::Binary(_) | Self::VarBinary(_), Value::Bytes(_))
            | (Self::Date, Value::Date(_))
            | (Self::Time(_), Value::Time(_))
            | (Self::SmallDateTime, Value::SmallDateTime { .. })
            | (Self::DateTime, Value::DateTime { .. })
            | (Self::DateTime2(_), Value::DateTime2 { .. })
            | (Self::DateTimeOffset(_), Value::DateTimeOffset { .. })
            | (Self::UniqueIdentifier, Value::Guid(_)) => true,
            (Self::Decimal { scale, .. }, Value::Decimal { scale: held, .. }) => scale == held,
            (Self::Money | Self::SmallMoney, Value::Decimal { scale, .. }) => *scale == 4,
            _ => false,
        }
    }

    /// Whether it is one of the `(max)` types, which the log leaves out of an update that does not touch them.
    pub fn is_max(&self) -> bool {
        matches!(self, Self::VarChar(None) | Self::NVarChar(None) | Self::VarBinary(None))
    }
}

impl fmt::Display for ColumnType {
    /// As T-SQL writes it, e.g. `decimal(19,4)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sized = |f: &mut fmt::Formatter<'_>, name: &str, n: &Option<u16>| match n {
            Some(n) => write!(f, "{name}({n})"),
            None => write!(f, "{name}(max)"),
        };
        match self {
            Self::Bit => f.write_str("bit"),
            Self::TinyInt => f.write_str("tinyint"),
            Self::SmallInt => f.write_str("smallint"),
            Self::Int => f.write_str("int"),
            Self::BigInt => f.write_str("bigint"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::Money => f.write_str("money"),
            Self::SmallMoney => f.write_str("smallmoney"),
            Self::Real => f.write_str("real"),
            Self::Float => f.write_str("float"),
            Self::Char(n) => write!(f, "char({n})"),
            Self::VarChar(n) => sized(f, "varchar", n),
            Self::NChar(n) => write!(f, "nchar({n})"),
            Self::NVarChar(n) => sized(f, "nvarchar", n),
            Self::Binary(n) => write!(f, "binary({n})"),
            Self::VarBinary(n) => sized(f, "varbinary", n),
            Self::Date => f.write_str("date"),
            Self::Time(n) => write!(f, "time({n})"),
            Self::SmallDateTime => f.write_str("smalldatetime"),
            Self::DateTime => f.write_str("datetime"),
            Self::DateTime2(n) => write!(f, "datetime2({n})"),
            Self::DateTimeOffset(n) => write!(f, "datetimeoffset({n})"),
            Self::UniqueIdentifier => f.write_str("uniqueidentifier"),
        }
    }
}

/// A published column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Name, the same on both sides.
    pub name: String,
    /// Type.
    pub column_type: ColumnType,
    /// Can hold NULL.
    pub nullable: bool,
    /// Is the table's identity column.
    pub identity: bool,
    /// Collation of a character column, as in `sys.columns.collation_name`.
    pub collation: Option<String>,
    /// Place in the key, from 0; `None` outside it.
    pub key_ordinal: Option<u16>,
}

/// A table as published: its columns, row filter and destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Article {
    /// Given by the distributor when the article is added; 0 before.
    pub id: ArticleId,
    /// Publication it belongs to.
    pub publication: String,
    /// Table at the publisher.
    pub source: TableName,
    /// Table at the subscriber.
    pub destination: TableName,
    /// Published columns, in the table's order; the key is among them.
    pub columns: Vec<Column>,
    /// T-SQL predicate over the source table's columns; rows for which it is not true are not published.
    pub filter: Option<String>,
    /// CDC capture instance it is read from.
    pub capture_instance: String,
    /// `cdc.change_tables.start_lsn` when the article was added: its changes are needed from here on, if from anywhere.
    pub start_lsn: Lsn,
}

impl Article {
    /// Indices into [`Article::columns`] of the key, in key order.
    pub fn key(&self) -> Vec<usize> {
        let mut key: Vec<usize> = (0..self.columns.len()).filter(|i| self.columns[*i].key_ordinal.is_some()).collect();
        key.sort_by_key(|i| self.columns[*i].key_ordinal);
        key
    }
}
