//! `sys.types` and the facets that `sys.columns` shows for a type.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-types-transact-sql>,
//! <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-columns-transact-sql>.

use crate::tsql::ast::TypeIds;
use crate::types::{Length, SqlType};

/// What a catalog view says of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facets {
    /// `user_type_id` of the system type, which is its `system_type_id` but for the CLR types: see [`system_type_id`].
    pub type_id: u8,
    /// `max_length` in bytes, −1 for `(max)`.
    pub max_length: i16,
    /// `precision`.
    pub precision: u8,
    /// `scale`.
    pub scale: u8,
}

/// A row of `sys.types`: name, `system_type_id`, `user_type_id`, `max_length`, `precision`, `scale`, has a collation.
pub type TypeRow = (&'static str, u8, i32, i16, u8, u8, bool);

/// The system types of SQL Server 2022, and `json`, which came later.
pub const SYSTEM_TYPES: &[TypeRow] = &[
    ("image", 34, 34, 16, 0, 0, false),
    ("text", 35, 35, 16, 0, 0, true),
    ("uniqueidentifier", 36, 36, 16, 0, 0, false),
    ("date", 40, 40, 3, 10, 0, false),
    ("time", 41, 41, 5, 16, 7, false),
    ("datetime2", 42, 42, 8, 27, 7, false),
    ("datetimeoffset", 43, 43, 10, 34, 7, false),
    ("tinyint", 48, 48, 1, 3, 0, false),
    ("smallint", 52, 52, 2, 5, 0, false),
    ("int", 56, 56, 4, 10, 0, false),
    ("smalldatetime", 58, 58, 4, 16, 0, false),
    ("real", 59, 59, 4, 24, 0, false),
    ("money", 60, 60, 8, 19, 4, false),
    ("datetime", 61, 61, 8, 23, 3, false),
    ("float", 62, 62, 8, 53, 0, false),
    ("sql_variant", 98, 98, 8016, 0, 0, false),
    ("ntext", 99, 99, 16, 0, 0, true),
    ("bit", 104, 104, 1, 1, 0, false),
    ("decimal", 106, 106, 17, 38, 38, false),
    ("numeric", 108, 108, 17, 38, 38, false),
    ("smallmoney", 122, 122, 4, 10, 4, false),
    ("bigint", 127, 127, 8, 19, 0, false),
    ("hierarchyid", 240, 128, 892, 0, 0, false),
    ("geometry", 240, 129, -1, 0, 0, false),
    ("geography", 240, 130, -1, 0, 0, false),
    ("varbinary", 165, 165, 8000, 0, 0, false),
    ("varchar", 167, 167, 8000, 0, 0, true),
    ("binary", 173, 173, 8000, 0, 0, false),
    ("char", 175, 175, 8000, 0, 0, true),
    ("timestamp", 189, 189, 8, 0, 0, false),
    ("nvarchar", 231, 231, 8000, 0, 0, true),
    ("sysname", 231, 256, 256, 0, 0, true),
    ("nchar", 239, 239, 8000, 0, 0, true),
    ("xml", 241, 241, -1, 0, 0, false),
    ("json", 244, 244, -1, 0, 0, false),
];

/// The facets of a type.
pub fn facets(ty: &SqlType) -> Facets {
    let of = |type_id, max_length, precision, scale| Facets { type_id, max_length, precision, scale };
    let length = |length: &Length, unit: i16| match length {
        Length::Max => -1,
        Length::N(n) => (*n as i16).saturating_mul(unit),
    };
    match ty {
        SqlType::Bit => of(104, 1, 1, 0),
        SqlType::TinyInt => of(48, 1, 3, 0),
        SqlType::SmallInt => of(52, 2, 5, 0),
        SqlType::Int => of(56, 4, 10, 0),
        SqlType::BigInt => of(127, 8, 19, 0),
        SqlType::Decimal { precision, scale } => {
            let bytes = match precision {
                0..=9 => 5,
                10..=19 => 9,
                20..=28 => 13,
                _ => 17,
            };
            of(106, bytes, *precision, *scale)
        }
        SqlType::Money => of(60, 8, 19, 4),
        SqlType::SmallMoney => of(122, 4, 10, 4),
        SqlType::Real => of(59, 4, 24, 0),
        SqlType::Float => of(62, 8, 53, 0),
        SqlType::Char(n) => of(175, *n as i16, 0, 0),
        SqlType::VarChar(n) => of(167, length(n, 1), 0, 0),
        SqlType::NChar(n) => of(239, (*n as i16).saturating_mul(2), 0, 0),
        SqlType::NVarChar(n) => of(231, length(n, 2), 0, 0),
        SqlType::Binary(n) => of(173, *n as i16, 0, 0),
        SqlType::VarBinary(n) => of(165, length(n, 1), 0, 0),
        SqlType::Date => of(40, 3, 10, 0),
        SqlType::Time(n) => of(41, fraction_bytes(*n), if *n == 0 { 8 } else { 9 + n }, *n),
        SqlType::SmallDateTime => of(58, 4, 16, 0),
        SqlType::DateTime => of(61, 8, 23, 3),
        SqlType::DateTime2(n) => of(42, 3 + fraction_bytes(*n), if *n == 0 { 19 } else { 20 + n }, *n),
        SqlType::DateTimeOffset(n) => of(43, 5 + fraction_bytes(*n), if *n == 0 { 26 } else { 27 + n }, *n),
        SqlType::UniqueIdentifier => of(36, 16, 0, 0),
        SqlType::Text => of(35, 16, 0, 0),
        SqlType::NText => of(99, 16, 0, 0),
        SqlType::Image => of(34, 16, 0, 0),
        SqlType::Xml => of(241, -1, 0, 0),
        SqlType::RowVersion => of(189, 8, 0, 0),
        SqlType::SqlVariant => of(98, 8016, 0, 0),
        SqlType::HierarchyId => of(128, 892, 0, 0),
        SqlType::Geometry => of(129, -1, 0, 0),
        SqlType::Geography => of(130, -1, 0, 0),
        SqlType::Json => of(244, -1, 0, 0),
    }
}

/// `system_type_id` of a type: the CLR types share one.
pub fn system_type_id(ty: &SqlType) -> u8 {
    const CLR: u8 = 240;
    match ty {
        SqlType::HierarchyId | SqlType::Geometry | SqlType::Geography => CLR,
        _ => facets(ty).type_id,
    }
}

/// `system_type_id` of a column: `numeric` has one of its own beside `decimal`.
pub fn stored_type_id(ty: &SqlType, declared: Option<TypeIds>) -> u8 {
    declared.map_or(facets(ty).type_id, |ids| ids.system_type_id)
}

/// Bytes of a time of day with `n` fractional digits.
fn fraction_bytes(n: u8) -> i16 {
    match n {
        0..=2 => 3,
        3..=4 => 4,
        _ => 5,
    }
}

/// The type with these facets; `None` for one that no column can have.
pub fn from_facets(f: Facets) -> Option<SqlType> {
    let length = |unit: i16| if f.max_length < 0 { Length::Max } else { Length::N((f.max_length / unit) as u16) };
    Some(match f.type_id {
        104 => SqlType::Bit,
        48 => SqlType::TinyInt,
        52 => SqlType::SmallInt,
        56 => SqlType::Int,
        127 => SqlType::BigInt,
        106 | 108 => SqlType::Decimal { precision: f.precision, scale: f.scale },
        60 => SqlType::Money,
        122 => SqlType::SmallMoney,
        59 => SqlType::Real,
        62 => SqlType::Float,
        175 => SqlType::Char(f.max_length as u16),
        167 => SqlType::VarChar(length(1)),
        239 => SqlType::NChar((f.max_length / 2) as u16),
        231 => SqlType::NVarChar(length(2)),
        173 => SqlType::Binary(f.max_length as u16),
        165 => SqlType::VarBinary(length(1)),
        40 => SqlType::Date,
        41 => SqlType::Time(f.scale),
        58 => SqlType::SmallDateTime,
        61 => SqlType::DateTime,
        42 => SqlType::DateTime2(f.scale),
        43 => SqlType::DateTimeOffset(f.scale),
        36 => SqlType::UniqueIdentifier,
        35 => SqlType::Text,
        99 => SqlType::NText,
        34 => SqlType::Image,
        241 => SqlType::Xml,
        189 => SqlType::RowVersion,
        98 => SqlType::SqlVariant,
        128 => SqlType::HierarchyId,
        129 => SqlType::Geometry,
        130 => SqlType::Geography,
        244 => SqlType::Json,
        _ => return None,
    })
}

/// The type's name in `sys.types`.
pub fn type_name(ty: &SqlType) -> &'static str {
    let id = facets(ty).type_id;
    SYSTEM_TYPES.iter().find(|t| t.2 == i32::from(id)).map_or("", |t| t.0)
}

/// Whether the type holds characters and so has a collation.
pub fn is_character(ty: &SqlType) -> bool {
    matches!(
        ty,
        SqlType::Char(_)
            | SqlType::VarChar(_)
            | SqlType::NChar(_)
            | SqlType::NVarChar(_)
            | SqlType::Text
            | SqlType::NText
    )
}

/// Whether a character type holds Unicode.
pub fn is_wide_text(ty: &SqlType) -> bool {
    matches!(ty, SqlType::NChar(_) | SqlType::NVarChar(_) | SqlType::NText)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn facets_name_their_type_back() {
        let types = [
            SqlType::Bit,
            SqlType::Decimal { precision: 19, scale: 4 },
            SqlType::NVarChar(Length::Max),
            SqlType::NVarChar(Length::N(4000)),
            SqlType::VarBinary(Length::N(8000)),
            SqlType::Char(8000),
            SqlType::Time(3),
            SqlType::DateTime2(0),
            SqlType::DateTimeOffset(7),
            SqlType::UniqueIdentifier,
            SqlType::Text,
            SqlType::NText,
            SqlType::Image,
            SqlType::Xml,
            SqlType::RowVersion,
            SqlType::SqlVariant,
            SqlType::HierarchyId,
            SqlType::Geometry,
            SqlType::Geography,
            SqlType::Json,
        ];
        for ty in types {
            assert_eq!(from_facets(facets(&ty)), Some(ty));
        }
        assert_eq!(facets(&SqlType::DateTime2(7)), Facets { type_id: 42, max_length: 8, precision: 27, scale: 7 });
        assert_eq!(facets(&SqlType::Time(0)), Facets { type_id: 41, max_length: 3, precision: 8, scale: 0 });
    }
}
