//! A SQLite expression with its T-SQL type, and the conversions between types.

use rusqlite::types::Value;

use crate::error::{SqlError, SqlResult};
use crate::types::{Datum, DecimalName, Length, SqlType};

use super::convert::{self, Allowed};
use super::encode::{MAX_INTEGER_PRECISION, TICKS_PER_DAY, encode};
use super::type_rules::{Family, as_decimal, family, is_text, is_unicode, modern, type_code, type_title};

/// How strongly an expression insists on its collation
/// (<https://learn.microsoft.com/sql/t-sql/statements/collation-precedence-transact-sql>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Collation {
    /// A variable, literal or non-character value: takes any other's, else the database's.
    Default,
    /// A column's.
    Implicit(String),
    /// By `COLLATE`.
    Explicit(String),
}

/// What is known of an expression beyond its type.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// The untyped literal `NULL`.
    Null,
    /// A literal.
    Constant(Datum),
    /// A stored column, which an index may cover: it is never wrapped if that can be helped.
    Column,
    /// What `CAST` made a `decimal` or `numeric`, which a `sql_variant` tells apart.
    Decimal(DecimalName),
    /// Anything else.
    Other,
}

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Typed {
    /// SQLite text, safe to stand as an operand.
    pub sql: String,
    /// T-SQL type, which fixes the encoding.
    pub ty: SqlType,
    /// Can be NULL.
    pub nullable: bool,
    /// Collation.
    pub collation: Collation,
    /// Shape.
    pub shape: Shape,
}

impl Typed {
    /// A computed expression.
    pub fn new(sql: impl Into<String>, ty: SqlType, nullable: bool) -> Self {
        Self { sql: sql.into(), ty, nullable, collation: Collation::Default, shape: Shape::Other }
    }

    /// A literal.
    pub fn constant(value: Datum, ty: SqlType) -> Self {
        Self {
            sql: literal(&encode(&value, &ty)),
            nullable: value == Datum::Null,
            ty,
            collation: Collation::Default,
            shape: if value == Datum::Null { Shape::Null } else { Shape::Constant(value) },
        }
    }

    /// The untyped `NULL`, an int until something else asks.
    pub fn null() -> Self {
        Self::constant(Datum::Null, SqlType::Int)
    }

    /// True for the untyped `NULL`.
    pub fn is_null(&self) -> bool {
        self.shape == Shape::Null
    }

    /// The same under a collation.
    pub fn with_collation(mut self, collation: Collation) -> Self {
        self.collation = collation;
        self
    }

    /// The collation's name, if the expression has one of its own.
    pub fn collation_name(&self) -> Option<&str> {
        match &self.collation {
            Collation::Default => None,
            Collation::Implicit(name) | Collation::Explicit(name) => Some(name),
        }
    }
}

/// A value as SQLite text.
pub fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(i64::MIN) => "(-9223372036854775807-1)".to_owned(),
        Value::Integer(v) if *v < 0 => format!("({v})"),
        Value::Integer(v) => v.to_string(),
        Value::Real(v) => {
            let text = format!("{v:?}");
            // SQLite reads up to 15 digits exactly; longer ones travel as bits.
            if text.bytes().filter(u8::is_ascii_digit).count() <= 15 {
                if *v < 0.0 { format!("({text})") } else { text }
            } else {
                format!("ts_float_bits({})", v.to_bits() as i64)
            }
        }
        Value::Text(text) if text.contains('\0') => format!("CAST({} AS TEXT)", blob(text.as_bytes())),
        Value::Text(text) => super::quoting::literal(text),
        Value::Blob(bytes) => blob(bytes),
    }
}

fn blob(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    format!("x'{digits}'")
}

/// Checks that `from` converts to `to` implicitly: error 257, or 206 where no conversion exists.
pub fn check_implicit(from: &SqlType, to: &SqlType) -> SqlResult<()> {
    match convert::allowed(from, to) {
        Allowed::Implicit => Ok(()),
        Allowed::Explicit => Err(SqlError::new(
            257,
            format!(
                "Implicit conversion from data type {} to {} is not allowed. Use the CONVERT function to run this query.",
                type_title(from),
                type_title(to)
            ),
        )
        .with_state(3)),
        Allowed::ExplicitHere | Allowed::NotHere => {
            let (from, to) = (type_title(from), type_title(to));
            Err(SqlError::unsupported(format!("implicit conversion from {from} to {to}")))
        }
        Allowed::Never => {
            let text = format!("Operand type clash: {} is incompatible with {}", type_title(from), type_title(to));
            Err(SqlError::new(206, text).with_state(2))
        }
    }
}

/// An implicit conversion.
pub fn coerce(e: Typed, to: &SqlType) -> SqlResult<Typed> {
    if !e.is_null() {
        check_implicit(&e.ty, to)?;
    }
    Ok(cast(e, to, None))
}

/// An explicit conversion: error 529 where none exists.
pub fn cast_checked(e: Typed, to: &SqlType, style: Option<&str>) -> SqlResult<Typed> {
    if !e.is_null() {
        let (f, t) = (type_title(&e.ty), type_title(to));
        match convert::allowed(&e.ty, to) {
            Allowed::Never => {
                let text = format!("Explicit conversion from data type {f} to {t} is not allowed.");
                return Err(SqlError::new(529, text).with_state(2));
            }
            Allowed::NotHere => return Err(SqlError::unsupported(format!("conversion from {f} to {t}"))),
            Allowed::Implicit | Allowed::Explicit | Allowed::ExplicitHere => {}
        }
    }
    // A NULL that was given a type is no longer the untyped one.
    Ok(if e.is_null() { Typed { shape: Shape::Other, ..cast(e, to, None) } } else { cast(e, to, style) })
}

/// Converts without asking whether that is allowed. `style` is a SQLite expression.
pub fn cast(e: Typed, to: &SqlType, style: Option<&str>) -> Typed {
    let holds_text = |ty: &SqlType| is_text(&modern(ty));
    let collation = if holds_text(&e.ty) && holds_text(to) { e.collation.clone() } else { Collation::Default };
    if e.is_null() {
        return Typed { ty: *to, collation, ..Typed::null() };
    }
    if style.is_none() {
        if e.ty == *to {
            return e;
        }
        if *to == SqlType::SqlVariant {
            return as_variant(e);
        }
        if let Shape::Constant(value) = &e.shape
            && let Ok(converted) = convert::convert(value, &e.ty, to, None)
        {
            return Typed::constant(converted, *to).with_collation(collation);
        }
        if let Some(sql) = native_cast(&e, to) {
            let shape = if sql == e.sql && e.shape == Shape::Column { Shape::Column } else { Shape::Other };
            return Typed { sql, ty: *to, nullable: e.nullable, collation, shape };
        }
    }
    let (from_code, to_code) = (type_code(&e.ty), type_code(to));
    let style = style.map_or_else(String::new, |style| format!(", {style}"));
    Typed {
        sql: format!("ts_convert({}, {from_code}, {to_code}{style})", e.sql),
        ty: *to,
        nullable: e.nullable,
        collation,
        shape: Shape::Other,
    }
}

/// Makes a `sql_variant`, which takes a character value's collation and a decimal's name of its type along.
fn as_variant(e: Typed) -> Typed {
    let name = match &e.shape {
        _ if is_text(&e.ty) => {
            super::quoting::literal(&e.collation_name().map_or_else(super::collation::default_name, str::to_owned))
        }
        Shape::Decimal(name) => super::quoting::literal(name.as_str()),
        _ => "NULL".to_owned(),
    };
    let sql = format!("ts_variant({}, {}, {name})", e.sql, type_code(&e.ty));
    Typed::new(sql, SqlType::SqlVariant, e.nullable)
}

/// `CAST` that SQLite can do by itself because it cannot fail and the encoding allows it.
fn native_cast(e: &Typed, to: &SqlType) -> Option<String> {
    let sql = &e.sql;
    if family(&e.ty) == Family::Lob || family(to) == Family::Lob {
        let (from, to) = (modern(&e.ty), modern(to));
        return if from == to { Some(sql.clone()) } else { native_cast(&Typed { ty: from, ..e.clone() }, &to) };
    }
    match (family(&e.ty), family(to)) {
        (Family::Bit | Family::Integer, Family::Integer) => {
            (as_decimal(&e.ty)?.0 <= as_decimal(to)?.0).then(|| sql.clone())
        }
        (Family::Bit | Family::Integer, Family::Float) => {
            Some(format!("CAST({sql} AS REAL)")).filter(|_| *to == SqlType::Float)
        }
        (Family::Bit | Family::Integer | Family::Decimal | Family::Money, Family::Decimal) => {
            let (p1, s1) = as_decimal(&e.ty)?;
            let (p2, s2) = as_decimal(to)?;
            let narrow = !is_wide(&e.ty) && p2 <= MAX_INTEGER_PRECISION;
            let holds = s2 >= s1 && p2 - s2 >= p1 - s1;
            if is_wide(&e.ty) && is_wide(to) && s1 == s2 && p2 >= p1 {
                return Some(sql.clone());
            }
            (narrow && holds).then(|| scaled(sql, s2 - s1))
        }
        (Family::Float, Family::Float) => (*to == SqlType::Float).then(|| sql.clone()),
        (Family::Text, Family::Text) => text_widens(&e.ty, to).then(|| sql.clone()),
        (Family::Binary, Family::Binary) => match (length_in(&e.ty)?, to) {
            (from, SqlType::VarBinary(Length::N(n))) => (from <= usize::from(*n)).then(|| sql.clone()),
            (_, SqlType::VarBinary(Length::Max)) => Some(sql.clone()),
            _ => None,
        },
        (Family::Temporal, Family::Temporal) => match (&e.ty, to) {
            (SqlType::Time(a), SqlType::Time(b))
            | (SqlType::DateTime2(a), SqlType::DateTime2(b))
            | (SqlType::DateTimeOffset(a), SqlType::DateTimeOffset(b)) => (a <= b).then(|| sql.clone()),
            (SqlType::Date, SqlType::DateTime2(_)) => Some(format!("({sql} * {TICKS_PER_DAY})")),
            _ => None,
        },
        _ => None,
    }
}

/// True if the type lies in a 16-byte BLOB.
pub fn is_wide(ty: &SqlType) -> bool {
    matches!(ty, SqlType::Decimal { precision, .. } if *precision > MAX_INTEGER_PRECISION)
}

/// An INTEGER expression times a power of ten.
pub fn scaled(sql: &str, digits: u8) -> String {
    if digits == 0 { sql.to_owned() } else { format!("({sql} * {})", 10_i64.pow(u32::from(digits))) }
}

fn length_in(ty: &SqlType) -> Option<usize> {
    Some(match super::type_rules::length_of(ty)? {
        Length::N(n) => usize::from(n),
        Length::Max => usize::MAX,
    })
}

/// Every value of the character type `from` is unchanged as the variable-length type `to`.
fn text_widens(from: &SqlType, to: &SqlType) -> bool {
    if is_unicode(from) && !is_unicode(to) || matches!(to, SqlType::Char(_) | SqlType::NChar(_)) {
        return false;
    }
    match (length_in(from), length_in(to)) {
        (Some(from), Some(to)) => from <= to,
        _ => false,
    }
}

/// Converts for storing into a column: implicit conversions only, and what would be cut off is an error of the row.
pub fn assign(e: Typed, to: &SqlType, table: &str, column: &str) -> SqlResult<Typed> {
    if e.is_null() {
        return Ok(cast(e, to, None));
    }
    check_implicit(&e.ty, to)?;
    if e.ty == *to {
        return Ok(e);
    }
    let may_cut = matches!(
        (family(&e.ty), family(to)),
        (Family::Text | Family::Binary | Family::Lob, Family::Text | Family::Binary)
    );
    if !may_cut {
        return Ok(cast(e, to, None));
    }
    if let Shape::Constant(value) = &e.shape {
        if let Ok(converted) = convert::assign(value, &e.ty, to, table, column) {
            return Ok(Typed::constant(converted, *to));
        }
    } else if let Some(sql) = native_cast(&e, to) {
        return Ok(Typed { sql, ty: *to, shape: Shape::Other, ..e });
    }
    let (from_code, to_code) = (type_code(&e.ty), type_code(to));
    let (table, column) = (super::quoting::literal(table), super::quoting::literal(column));
    Ok(Typed {
        sql: format!("ts_assign({}, {from_code}, {to_code}, {table}, {column})", e.sql),
        ty: *to,
        shape: Shape::Other,
        ..e
    })
}

/// The type that several expressions share (`CASE`, `COALESCE`, `UNION`); untyped NULLs do not count.
pub fn shared_type<'t>(expressions: impl IntoIterator<Item = &'t Typed>) -> Option<SqlType> {
    expressions.into_iter().filter(|e| !e.is_null()).map(|e| e.ty).reduce(|a, b| super::type_rules::common_type(&a, &b))
}

/// The collation of a result made of several character operands; two different columns' collations are error 468 when used
/// for comparison, so here they just cancel out.
pub fn shared_collation(left: &Typed, right: &Typed) -> Collation {
    match (&left.collation, &right.collation) {
        (Collation::Explicit(name), _) | (_, Collation::Explicit(name)) => Collation::Explicit(name.clone()),
        (Collation::Implicit(a), Collation::Implicit(b)) if !a.eq_ignore_ascii_case(b) => Collation::Default,
        (Collation::Implicit(name), _) | (_, Collation::Implicit(name)) => Collation::Implicit(name.clone()),
        _ => Collation::Default,
    }
}
