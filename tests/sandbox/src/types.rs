//! SQL Server's types and values as the sandbox holds them, independent of the wire and of SQLite.

/// Declared length of a character or binary type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Length {
    /// In bytes for `char`/`binary`, in UTF-16 code units for `nchar`.
    N(u16),
    /// `(max)`.
    Max,
}

/// A SQL Server data type with its facets.
///
/// Source: <https://learn.microsoft.com/sql/t-sql/data-types/data-types-transact-sql>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum SqlType {
    Bit,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    /// Precision 1–38, scale 0–precision; `numeric` is the same type.
    Decimal {
        precision: u8,
        scale: u8,
    },
    Money,
    SmallMoney,
    Real,
    Float,
    Char(u16),
    VarChar(Length),
    NChar(u16),
    NVarChar(Length),
    Binary(u16),
    VarBinary(Length),
    Date,
    /// Scale 0–7.
    Time(u8),
    SmallDateTime,
    DateTime,
    /// Scale 0–7.
    DateTime2(u8),
    /// Scale 0–7.
    DateTimeOffset(u8),
    UniqueIdentifier,
    /// Deprecated; in the code page of its collation.
    Text,
    /// Deprecated.
    NText,
    /// Deprecated.
    Image,
    /// Untyped; not checked against a schema.
    Xml,
    /// Eight bytes of a database-wide counter; `timestamp` is its older name.
    RowVersion,
    /// A value of another type, which it keeps.
    SqlVariant,
    /// A node of a tree, as its bytes.
    HierarchyId,
    /// A shape in a plane, as its bytes.
    Geometry,
    /// A shape on the globe, as its bytes.
    Geography,
    /// A JSON document.
    Json,
}

/// A value. Its variant always fits its [`SqlType`]; `Null` fits every type.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Datum {
    Null,
    Bit(bool),
    TinyInt(u8),
    SmallInt(i16),
    Int(i32),
    BigInt(i64),
    /// `unscaled / 10^scale`.
    Decimal {
        unscaled: i128,
        scale: u8,
    },
    /// Ten-thousandths, for `money` and `smallmoney`.
    Money(i64),
    Real(f32),
    Float(f64),
    /// Every character type, `xml` and `json`. Fixed-length types hold their padding.
    String(String),
    /// Every binary type, `rowversion` and the CLR types. Fixed-length types hold their padding.
    Binary(Vec<u8>),
    /// Days since 0001-01-01.
    Date(i32),
    /// 100 ns units since midnight.
    Time(u64),
    /// Days since 1900-01-01 (may be negative) and 1/300 s since midnight.
    DateTime {
        days: i32,
        ticks: u32,
    },
    /// Days since 1900-01-01 and minutes since midnight.
    SmallDateTime {
        days: u16,
        minutes: u16,
    },
    /// Days since 0001-01-01 and 100 ns units since midnight.
    DateTime2 {
        days: i32,
        ticks: u64,
    },
    /// UTC days since 0001-01-01, UTC 100 ns units since midnight, offset in minutes (−840…840).
    DateTimeOffset {
        days: i32,
        ticks: u64,
        offset: i16,
    },
    /// In the order of its text form (`uuid::Uuid::as_bytes`).
    Guid([u8; 16]),
    /// The value of a `sql_variant`, never NULL inside.
    Variant(Box<Variant>),
}

/// The names of one type that only `sql_variant` and the catalog tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalName {
    /// `decimal`, `dec`.
    Decimal,
    /// `numeric`.
    Numeric,
}

impl DecimalName {
    /// The name that this word, in any case and perhaps in brackets, is.
    pub fn of(word: &str) -> Option<Self> {
        match word.trim_matches(['[', ']', '"']).to_ascii_lowercase().as_str() {
            "decimal" | "dec" => Some(Self::Decimal),
            "numeric" => Some(Self::Numeric),
            _ => None,
        }
    }

    /// As the catalog has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Decimal => "decimal",
            Self::Numeric => "numeric",
        }
    }
}

/// What a `sql_variant` holds: a value with its own type.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// The base type, with its precision, scale and length.
    pub ty: SqlType,
    /// Collation of a character value.
    pub collation: Option<String>,
    /// By which of its two names the type of a decimal was declared, where that is known.
    pub decimal: Option<DecimalName>,
    /// The value, of type `ty`.
    pub value: Datum,
}
