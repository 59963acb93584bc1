//! Articles: what of a table is published, and as what it arrives.

use crate::lsn::Lsn;
use crate::options::ArticleOptions;
use crate::schema::Constraint;
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
///
/// A `rowversion` is published as the `binary(8)` that it is to everybody but its own table, an alias type as its base type.
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
    /// As the server serialises it; parsing that gives the same XML again.
    Xml,
    Text,
    NText,
    Image,
    /// Text that tells the base type, its facets, the collation and the value: `sqlserver::variant` writes and reads it.
    SqlVariant,
    /// The bytes that the server keeps (MS-SSCLRT), as those of the two spatial types.
    HierarchyId,
    Geometry,
    Geography,
    /// As the server serialises it.
    Json,
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
            | (Self::Xml | Self::Text | Self::NText | Self::SqlVariant | Self::Json, Value::String(_))
            | (Self::Binary(_) | Self::VarBinary(_) | Self::Image, Value::Bytes(_))
            | (Self::HierarchyId | Self::Geometry | Self::Geography, Value::Bytes(_))
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

    /// Whether it is one of the large types, kept outside of the row, which the log leaves out of an update that does not touch
    /// them (<https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql>).
    pub fn is_max(&self) -> bool {
        let max =
            matches!(self, Self::VarChar(None) | Self::NVarChar(None) | Self::VarBinary(None) | Self::Xml | Self::Json);
        max || matches!(self, Self::Text | Self::NText | Self::Image | Self::Geometry | Self::Geography)
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
            Self::Xml => f.write_str("xml"),
            Self::Text => f.write_str("text"),
            Self::NText => f.write_str("ntext"),
            Self::Image => f.write_str("image"),
            Self::SqlVariant => f.write_str("sql_variant"),
            Self::HierarchyId => f.write_str("hierarchyid"),
            Self::Geometry => f.write_str("geometry"),
            Self::Geography => f.write_str("geography"),
            Self::Json => f.write_str("json"),
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
    /// Is the table's identity column, counting like this.
    pub identity: Option<Identity>,
    /// Is stored only where it is not NULL (`SPARSE`).
    pub sparse: bool,
    /// Collation of a character column, as in `sys.columns.collation_name`.
    pub collation: Option<String>,
    /// Place in the key, from 0; `None` outside it.
    pub key_ordinal: Option<u16>,
}

impl Column {
    /// A column that can hold NULL and is nothing special.
    pub fn new(name: &str, column_type: ColumnType) -> Self {
        Self {
            name: name.to_owned(),
            column_type,
            nullable: true,
            identity: None,
            sparse: false,
            collation: None,
            key_ordinal: None,
        }
    }
}

/// How an identity column counts (`sys.identity_columns`): any value of a `decimal(38,0)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// First value.
    pub seed: i128,
    /// From one value to the next.
    pub increment: i128,
}

/// A computed column: made at the subscriber by its definition, never sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComputedColumn {
    /// Name, the same on both sides.
    pub name: String,
    /// T-SQL expression over published columns, as in `sys.computed_columns.definition`.
    pub definition: String,
    /// Is stored.
    pub persisted: bool,
    /// Can be NULL.
    pub nullable: bool,
}

/// The capture instance that an article is read from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Capture {
    /// Its name; the change table is `cdc.<name>_CT`.
    pub instance: String,
    /// `object_id` of the change table: an instance of the same name that was made anew has another.
    pub change_table: i32,
    /// `object_id` of the table that it captures, which stays when that is renamed.
    pub source: i32,
    /// `cdc.change_tables.start_lsn` when the article was defined: its changes are needed from here on, if from anywhere.
    pub start_lsn: Lsn,
}

/// A table as published: its columns, row filter and destination.
///
/// A schema change gives a table a new definition with an id of its own, which [supersedes](Article::supersedes) the one before.
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
    /// Computed columns that the subscriber's table is made with.
    pub computed: Vec<ComputedColumn>,
    /// The table's constraints that the article's options ask for and that are known so far, also those that cannot be made at the
    /// subscriber: new ones are told from these.
    pub constraints: Vec<Constraint>,
    /// Was added with all columns of its table: a new column of the table joins it.
    pub all_columns: bool,
    /// T-SQL predicate over the source table's columns; rows for which it is not true are not published.
    pub filter: Option<String>,
    /// What it is read from.
    pub capture: Capture,
    /// How its table is made and its changes are applied.
    pub options: ArticleOptions,
    /// The definition that this one takes the place of.
    pub supersedes: Option<ArticleId>,
    /// With [`Article::supersedes`]: in force from the transaction with this commit LSN on, that one included; before it, the
    /// superseded one is.
    pub since: Option<Lsn>,
}

impl Article {
    /// All of a table's columns, under the table's own name, with the default options and without an id.
    pub fn new(publication: &str, source: TableName, columns: Vec<Column>, capture: Capture) -> Self {
        Self {
            id: ArticleId(0),
            publication: publication.to_owned(),
            destination: source.clone(),
            source,
            columns,
            computed: Vec::new(),
            constraints: Vec::new(),
            all_columns: true,
            filter: None,
            capture,
            options: ArticleOptions::default(),
            supersedes: None,
            since: None,
        }
    }

    /// Indices into [`Article::columns`] of the key, in key order.
    pub fn key(&self) -> Vec<usize> {
        let mut key: Vec<usize> = (0..self.columns.len()).filter(|i| self.columns[*i].key_ordinal.is_some()).collect();
        key.sort_by_key(|i| self.columns[*i].key_ordinal);
        key
    }
}
