//! Static rules of T-SQL types: precedence, result types, names, and the integer code by which SQLite functions are told a type.

use crate::types::{Length, SqlType};

/// Families of types that convert and compare alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `bit`.
    Bit,
    /// `tinyint` … `bigint`.
    Integer,
    /// `decimal`.
    Decimal,
    /// `money`, `smallmoney`.
    Money,
    /// `real`, `float`.
    Float,
    /// Character types.
    Text,
    /// Binary types.
    Binary,
    /// `date`, `time`, `datetime…`.
    Temporal,
    /// `uniqueidentifier`.
    Guid,
    /// `text`, `ntext`, `image`.
    Lob,
    /// `xml`.
    Xml,
    /// `sql_variant`.
    Variant,
    /// `hierarchyid`, `geometry`, `geography`.
    Clr,
    /// `json`.
    Json,
}

/// The family of a type.
pub fn family(ty: &SqlType) -> Family {
    match ty {
        SqlType::Bit => Family::Bit,
        SqlType::TinyInt | SqlType::SmallInt | SqlType::Int | SqlType::BigInt => Family::Integer,
        SqlType::Decimal { .. } => Family::Decimal,
        SqlType::Money | SqlType::SmallMoney => Family::Money,
        SqlType::Real | SqlType::Float => Family::Float,
        SqlType::Char(_) | SqlType::VarChar(_) | SqlType::NChar(_) | SqlType::NVarChar(_) => Family::Text,
        SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::RowVersion => Family::Binary,
        SqlType::Date
        | SqlType::Time(_)
        | SqlType::SmallDateTime
        | SqlType::DateTime
        | SqlType::DateTime2(_)
        | SqlType::DateTimeOffset(_) => Family::Temporal,
        SqlType::UniqueIdentifier => Family::Guid,
        SqlType::Text | SqlType::NText | SqlType::Image => Family::Lob,
        SqlType::Xml => Family::Xml,
        SqlType::SqlVariant => Family::Variant,
        SqlType::HierarchyId | SqlType::Geometry | SqlType::Geography => Family::Clr,
        SqlType::Json => Family::Json,
    }
}

/// True for a character type.
pub fn is_text(ty: &SqlType) -> bool {
    family(ty) == Family::Text
}

/// True for `nchar` and `nvarchar`.
pub fn is_unicode(ty: &SqlType) -> bool {
    matches!(ty, SqlType::NChar(_) | SqlType::NVarChar(_))
}

/// True for numbers that arithmetic takes, `bit` aside.
pub fn is_number(ty: &SqlType) -> bool {
    matches!(family(ty), Family::Integer | Family::Decimal | Family::Money | Family::Float)
}

/// Rank in <https://learn.microsoft.com/sql/t-sql/data-types/data-type-precedence-transact-sql>; the operand of the lower rank
/// is converted to the type of the higher.
pub fn precedence(ty: &SqlType) -> u8 {
    match ty {
        SqlType::HierarchyId | SqlType::Geometry | SqlType::Geography => 34,
        SqlType::Json => 33,
        SqlType::SqlVariant => 32,
        SqlType::Xml => 31,
        SqlType::DateTimeOffset(_) => 30,
        SqlType::DateTime2(_) => 29,
        SqlType::DateTime => 28,
        SqlType::SmallDateTime => 27,
        SqlType::Date => 26,
        SqlType::Time(_) => 25,
        SqlType::Float => 24,
        SqlType::Real => 23,
        SqlType::Decimal { .. } => 22,
        SqlType::Money => 21,
        SqlType::SmallMoney => 20,
        SqlType::BigInt => 19,
        SqlType::Int => 18,
        SqlType::SmallInt => 17,
        SqlType::TinyInt => 16,
        SqlType::Bit => 15,
        SqlType::NText => 14,
        SqlType::Text => 13,
        SqlType::Image => 12,
        SqlType::RowVersion => 11,
        SqlType::UniqueIdentifier => 10,
        SqlType::NVarChar(_) => 9,
        SqlType::NChar(_) => 8,
        SqlType::VarChar(_) => 7,
        SqlType::Char(_) => 6,
        SqlType::VarBinary(_) => 5,
        SqlType::Binary(_) => 4,
    }
}

/// A decimal type cut to 38 digits, keeping integral digits and at least `min(scale, 6)` of the fraction.
///
/// Source: <https://learn.microsoft.com/sql/t-sql/data-types/precision-scale-and-length-transact-sql>.
fn fit_product(precision: i32, scale: i32) -> SqlType {
    if precision <= 38 {
        return SqlType::Decimal { precision: precision.max(1) as u8, scale: scale as u8 };
    }
    let integral = precision - scale;
    let scale = if integral < 32 { scale.min(38 - integral) } else { scale.min(6) };
    SqlType::Decimal { precision: 38, scale: scale.max(0) as u8 }
}

/// Arithmetic whose decimal result type differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalOp {
    /// `+`, `-`.
    Add,
    /// `*`.
    Multiply,
    /// `/`.
    Divide,
    /// `%`.
    Modulo,
}

/// Result type of decimal arithmetic, by the table of
/// <https://learn.microsoft.com/sql/t-sql/data-types/precision-scale-and-length-transact-sql>.
pub fn decimal_result(op: DecimalOp, left: (u8, u8), right: (u8, u8)) -> SqlType {
    let (p1, s1) = (i32::from(left.0), i32::from(left.1));
    let (p2, s2) = (i32::from(right.0), i32::from(right.1));
    match op {
        DecimalOp::Add => {
            let scale = s1.max(s2);
            let integral = (p1 - s1).max(p2 - s2);
            let precision = scale + integral + 1;
            if precision <= 38 {
                return SqlType::Decimal { precision: precision as u8, scale: scale as u8 };
            }
            // Addition first uses the room that the fraction leaves, then cuts the fraction.
            SqlType::Decimal { precision: 38, scale: scale.min((38 - integral).max(0)) as u8 }
        }
        DecimalOp::Multiply => fit_product(p1 + p2 + 1, s1 + s2),
        DecimalOp::Divide => {
            let scale = 6.max(s1 + p2 + 1);
            fit_product(p1 - s1 + s2 + scale, scale)
        }
        DecimalOp::Modulo => {
            let scale = s1.max(s2);
            fit_product((p1 - s1).min(p2 - s2) + scale, scale)
        }
    }
}

/// The decimal type that holds every value of an exact numeric type.
pub fn as_decimal(ty: &SqlType) -> Option<(u8, u8)> {
    Some(match ty {
        SqlType::Bit => (1, 0),
        SqlType::TinyInt => (3, 0),
        SqlType::SmallInt => (5, 0),
        SqlType::Int => (10, 0),
        SqlType::BigInt => (19, 0),
        SqlType::Money => (19, 4),
        SqlType::SmallMoney => (10, 4),
        SqlType::Decimal { precision, scale } => (*precision, *scale),
        _ => return None,
    })
}

/// Declared length of a character or binary type in its own unit.
pub fn length_of(ty: &SqlType) -> Option<Length> {
    match ty {
        SqlType::Char(n) | SqlType::NChar(n) | SqlType::Binary(n) => Some(Length::N(*n)),
        SqlType::VarChar(length) | SqlType::NVarChar(length) | SqlType::VarBinary(length) => Some(*length),
        SqlType::RowVersion => Some(Length::N(8)),
        _ => None,
    }
}

/// Characters that a value of this type takes as text, as implicit conversion in concatenation sizes it.
pub fn display_length(ty: &SqlType) -> u16 {
    match ty {
        SqlType::Bit => 1,
        SqlType::TinyInt => 3,
        SqlType::SmallInt => 6,
        SqlType::Int => 12,
        SqlType::BigInt => 24,
        SqlType::Decimal { .. } => 41,
        SqlType::Money | SqlType::SmallMoney => 30,
        SqlType::Real | SqlType::Float => 23,
        SqlType::Date => 10,
        SqlType::Time(_) => 16,
        SqlType::SmallDateTime => 19,
        SqlType::DateTime => 23,
        SqlType::DateTime2(_) => 27,
        SqlType::DateTimeOffset(_) => 34,
        SqlType::UniqueIdentifier => 36,
        other => match length_of(other) {
            Some(Length::N(n)) => n,
            _ => 4000,
        },
    }
}

/// The larger of two lengths.
pub fn longer(left: Length, right: Length) -> Length {
    match (left, right) {
        (Length::N(a), Length::N(b)) => Length::N(a.max(b)),
        _ => Length::Max,
    }
}

/// The type that both operands of `CASE`, `COALESCE`, `UNION` or a comparison are converted to.
pub fn common_type(left: &SqlType, right: &SqlType) -> SqlType {
    if left == right {
        return *left;
    }
    let (high, low) = if precedence(left) >= precedence(right) { (left, right) } else { (right, left) };
    match (high, low) {
        (SqlType::Decimal { precision: p1, scale: s1 }, _) => match as_decimal(low) {
            Some((p2, s2)) => {
                let scale = (*s1).max(s2);
                let integral = (p1 - s1).max(p2 - s2);
                if integral + scale <= 38 {
                    SqlType::Decimal { precision: integral + scale, scale }
                } else {
                    SqlType::Decimal { precision: 38, scale: scale.min(38 - integral.min(38)) }
                }
            }
            None => *high,
        },
        (SqlType::NVarChar(length), low) if is_text(low) => {
            SqlType::NVarChar(cap(longer(*length, length_of(low).unwrap_or(Length::Max)), 4000))
        }
        (SqlType::NChar(n), SqlType::VarChar(length)) => SqlType::NVarChar(cap(longer(Length::N(*n), *length), 4000)),
        (SqlType::NChar(a), SqlType::NChar(b) | SqlType::Char(b)) => SqlType::NChar((*a).max(*b).min(4000)),
        (SqlType::VarChar(length), low) if is_text(low) => {
            SqlType::VarChar(longer(*length, length_of(low).unwrap_or(Length::Max)))
        }
        (SqlType::Char(a), SqlType::Char(b)) => SqlType::Char((*a).max(*b)),
        (SqlType::VarBinary(length), SqlType::VarBinary(_) | SqlType::Binary(_)) => {
            SqlType::VarBinary(longer(*length, length_of(low).unwrap_or(Length::Max)))
        }
        (SqlType::Binary(a), SqlType::Binary(b)) => SqlType::Binary((*a).max(*b)),
        (SqlType::Time(a), SqlType::Time(b)) => SqlType::Time((*a).max(*b)),
        (SqlType::DateTime2(a), low) => SqlType::DateTime2((*a).max(scale_of(low))),
        (SqlType::DateTimeOffset(a), low) => SqlType::DateTimeOffset((*a).max(scale_of(low))),
        _ => *high,
    }
}

/// The type whose values a deprecated large type holds: `text` is `varchar(max)` by another name, and so on.
pub fn modern(ty: &SqlType) -> SqlType {
    match ty {
        SqlType::Text => SqlType::VarChar(Length::Max),
        SqlType::NText => SqlType::NVarChar(Length::Max),
        SqlType::Image => SqlType::VarBinary(Length::Max),
        other => *other,
    }
}

/// Longer than `limit` becomes `limit` (the `(max)` type stays).
pub fn cap(length: Length, limit: u16) -> Length {
    match length {
        Length::N(n) => Length::N(n.min(limit)),
        Length::Max => Length::Max,
    }
}

/// Fractional second digits of a temporal type.
pub fn scale_of(ty: &SqlType) -> u8 {
    match ty {
        SqlType::Time(n) | SqlType::DateTime2(n) | SqlType::DateTimeOffset(n) => *n,
        SqlType::DateTime => 3,
        _ => 0,
    }
}

/// The type's name as SQL Server's messages write it.
pub fn type_name(ty: &SqlType) -> &'static str {
    match ty {
        SqlType::Bit => "bit",
        SqlType::TinyInt => "tinyint",
        SqlType::SmallInt => "smallint",
        SqlType::Int => "int",
        SqlType::BigInt => "bigint",
        SqlType::Decimal { .. } => "numeric",
        SqlType::Money => "money",
        SqlType::SmallMoney => "smallmoney",
        SqlType::Real => "real",
        SqlType::Float => "float",
        SqlType::Char(_) => "char",
        SqlType::VarChar(_) => "varchar",
        SqlType::NChar(_) => "nchar",
        SqlType::NVarChar(_) => "nvarchar",
        SqlType::Binary(_) => "binary",
        SqlType::VarBinary(_) => "varbinary",
        SqlType::Date => "date",
        SqlType::Time(_) => "time",
        SqlType::SmallDateTime => "smalldatetime",
        SqlType::DateTime => "datetime",
        SqlType::DateTime2(_) => "datetime2",
        SqlType::DateTimeOffset(_) => "datetimeoffset",
        SqlType::UniqueIdentifier => "uniqueidentifier",
        SqlType::Text => "text",
        SqlType::NText => "ntext",
        SqlType::Image => "image",
        SqlType::Xml => "xml",
        SqlType::RowVersion => "timestamp",
        SqlType::SqlVariant => "sql_variant",
        SqlType::HierarchyId => "hierarchyid",
        SqlType::Geometry => "geometry",
        SqlType::Geography => "geography",
        SqlType::Json => "json",
    }
}

/// The same with `(max)`, as messages about types that do not go together write it.
pub fn type_title(ty: &SqlType) -> String {
    let max = if length_of(ty) == Some(Length::Max) { "(max)" } else { "" };
    format!("{}{max}", type_name(ty))
}

const MAX_LENGTH_CODE: i64 = 0xFFFF;

/// Packs a type into an integer that a SQLite function takes: kind, then length, precision or scale, then scale.
pub fn type_code(ty: &SqlType) -> i64 {
    let pack = |kind: i64, a: i64, b: i64| kind | a << 8 | b << 24;
    let packed_length = |length: &Length| match length {
        Length::N(n) => i64::from(*n),
        Length::Max => MAX_LENGTH_CODE,
    };
    match ty {
        SqlType::Bit => 1,
        SqlType::TinyInt => 2,
        SqlType::SmallInt => 3,
        SqlType::Int => 4,
        SqlType::BigInt => 5,
        SqlType::Decimal { precision, scale } => pack(6, i64::from(*precision), i64::from(*scale)),
        SqlType::Money => 7,
        SqlType::SmallMoney => 8,
        SqlType::Real => 9,
        SqlType::Float => 10,
        SqlType::Char(n) => pack(11, i64::from(*n), 0),
        SqlType::VarChar(length) => pack(12, packed_length(length), 0),
        SqlType::NChar(n) => pack(13, i64::from(*n), 0),
        SqlType::NVarChar(length) => pack(14, packed_length(length), 0),
        SqlType::Binary(n) => pack(15, i64::from(*n), 0),
        SqlType::VarBinary(length) => pack(16, packed_length(length), 0),
        SqlType::Date => 17,
        SqlType::Time(n) => pack(18, i64::from(*n), 0),
        SqlType::SmallDateTime => 19,
        SqlType::DateTime => 20,
        SqlType::DateTime2(n) => pack(21, i64::from(*n), 0),
        SqlType::DateTimeOffset(n) => pack(22, i64::from(*n), 0),
        SqlType::UniqueIdentifier => 23,
        SqlType::Text => 24,
        SqlType::NText => 25,
        SqlType::Image => 26,
        SqlType::Xml => 27,
        SqlType::RowVersion => 28,
        SqlType::SqlVariant => 29,
        SqlType::HierarchyId => 30,
        SqlType::Geometry => 31,
        SqlType::Geography => 32,
        SqlType::Json => 33,
    }
}

/// The type that [`type_code`] packed; `None` for any other number.
pub fn type_from_code(code: i64) -> Option<SqlType> {
    let a = ((code >> 8) & 0xFFFF) as u16;
    let b = ((code >> 24) & 0xFF) as u8;
    let length = if i64::from(a) == MAX_LENGTH_CODE { Length::Max } else { Length::N(a) };
    Some(match code & 0xFF {
        1 => SqlType::Bit,
        2 => SqlType::TinyInt,
        3 => SqlType::SmallInt,
        4 => SqlType::Int,
        5 => SqlType::BigInt,
        6 => SqlType::Decimal { precision: a as u8, scale: b },
        7 => SqlType::Money,
        8 => SqlType::SmallMoney,
        9 => SqlType::Real,
        10 => SqlType::Float,
        11 => SqlType::Char(a),
        12 => SqlType::VarChar(length),
        13 => SqlType::NChar(a),
        14 => SqlType::NVarChar(length),
        15 => SqlType::Binary(a),
        16 => SqlType::VarBinary(length),
        17 => SqlType::Date,
        18 => SqlType::Time(a as u8),
        19 => SqlType::SmallDateTime,
        20 => SqlType::DateTime,
        21 => SqlType::DateTime2(a as u8),
        22 => SqlType::DateTimeOffset(a as u8),
        23 => SqlType::UniqueIdentifier,
        24 => SqlType::Text,
        25 => SqlType::NText,
        26 => SqlType::Image,
        27 => SqlType::Xml,
        28 => SqlType::RowVersion,
        29 => SqlType::SqlVariant,
        30 => SqlType::HierarchyId,
        31 => SqlType::Geometry,
        32 => SqlType::Geography,
        33 => SqlType::Json,
        _ => return None,
    })
}

/// Scale of a decimal type.
pub fn scale_in(ty: &SqlType) -> u8 {
    as_decimal(ty).map_or(0, |(_, scale)| scale)
}
