//! Arithmetic, string concatenation and bit operators.

use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::BinaryOp;
use crate::types::{Datum, Length, SqlType};

use super::binder::Binder;
use super::encode::MAX_INTEGER_PRECISION;
use super::type_rules::{
    DecimalOp, Family, as_decimal, common_type, decimal_result, display_length, family, is_number, is_text, is_unicode,
    length_of, modern, type_code, type_name, type_title,
};
use super::typed::{Collation, Shape, Typed, cast, coerce, is_wide, scaled, shared_collation};

fn operator_word(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "add",
        BinaryOp::Sub => "subtract",
        BinaryOp::Mul => "multiply",
        BinaryOp::Div => "divide",
        BinaryOp::Mod => "modulo",
        BinaryOp::BitAnd => "'&'",
        BinaryOp::BitOr => "'|'",
        _ => "'^'",
    }
}

fn invalid(ty: &SqlType, op: BinaryOp) -> SqlError {
    let name = type_title(ty);
    SqlError::new(8117, format!("Operand data type {name} is invalid for {} operator.", operator_word(op)))
}

fn incompatible(left: &SqlType, right: &SqlType, op: BinaryOp) -> SqlError {
    let (left, right) = (type_title(left), type_title(right));
    SqlError::new(
        402,
        format!("The data types {left} and {right} are incompatible in the {} operator.", operator_word(op)),
    )
}

impl Binder<'_> {
    /// `left op right` for an arithmetic or bit operator.
    pub fn arithmetic(&mut self, op: BinaryOp, left: Typed, right: Typed) -> SqlResult<Typed> {
        let (left, right) = match (left.is_null(), right.is_null()) {
            (true, true) => return Ok(Typed::null()),
            (true, false) => (cast(left, &right.ty, None), right),
            (false, true) => {
                let ty = left.ty;
                (left, cast(right, &ty, None))
            }
            _ => (left, right),
        };
        match op {
            BinaryOp::BitAnd | BinaryOp::BitOr | BinaryOp::BitXor => return bits(op, left, right),
            BinaryOp::Add if is_text(&left.ty) && is_text(&right.ty) => return Ok(concatenate(left, right)),
            _ => {}
        }
        match (family(&left.ty), family(&right.ty)) {
            (Family::Binary, Family::Binary) if op == BinaryOp::Add => {
                let length = joined_length(&left.ty, &right.ty, 8000);
                let nullable = left.nullable || right.nullable;
                let sql = format!("ts_join_binary({}, {})", left.sql, right.sql);
                Ok(Typed::new(sql, SqlType::VarBinary(length), nullable))
            }
            (Family::Clr | Family::Json, _) | (_, Family::Clr | Family::Json) => {
                let types = format!("{} and {}", type_name(&left.ty), type_name(&right.ty));
                Err(SqlError::unsupported(format!("arithmetic of {types}")))
            }
            (Family::Lob | Family::Xml, _) | (_, Family::Lob | Family::Xml) if left.ty != right.ty => {
                Err(incompatible(&left.ty, &right.ty, op))
            }
            (Family::Variant, _) | (_, Family::Variant) => Err(invalid(&SqlType::SqlVariant, op)),
            (Family::Lob | Family::Xml, _) => Err(invalid(&left.ty, op)),
            (Family::Temporal, _) | (_, Family::Temporal) => temporal_sum(op, left, right),
            (Family::Text, Family::Text) => Err(invalid(&left.ty, op)),
            (Family::Text, _) if is_number(&right.ty) || right.ty == SqlType::Bit => {
                let ty = right.ty;
                self.arithmetic(op, coerce(left, &ty)?, right)
            }
            (_, Family::Text) if is_number(&left.ty) || left.ty == SqlType::Bit => {
                let ty = left.ty;
                self.arithmetic(op, left, coerce(right, &ty)?)
            }
            (Family::Bit, Family::Bit) => Err(invalid(&SqlType::Bit, op)),
            (Family::Guid, _) | (_, Family::Guid) | (Family::Text, _) | (_, Family::Text) => {
                Err(incompatible(&left.ty, &right.ty, op))
            }
            (Family::Float, _) | (_, Family::Float) => float(op, left, right),
            (Family::Decimal, _) | (_, Family::Decimal) => decimal(op, left, right),
            (Family::Money, _) | (_, Family::Money) => money(op, left, right),
            (Family::Binary, _) => {
                let ty = right.ty;
                self.arithmetic(op, coerce(left, &ty)?, right)
            }
            (_, Family::Binary) => {
                let ty = left.ty;
                self.arithmetic(op, left, coerce(right, &ty)?)
            }
            _ => Ok(integer(op, &left, &right)),
        }
    }
}

/// Sum of two lengths up to the type's limit.
fn joined_length(left: &SqlType, right: &SqlType, limit: u16) -> Length {
    match (length_of(left), length_of(right)) {
        (Some(Length::N(a)), Some(Length::N(b))) => Length::N(a.saturating_add(b).min(limit)),
        _ => Length::Max,
    }
}

/// `+` of two character values.
fn concatenate(left: Typed, right: Typed) -> Typed {
    let unicode = is_unicode(&left.ty) || is_unicode(&right.ty);
    let limit = if unicode { 4000 } else { 8000 };
    let length = joined_length(&left.ty, &right.ty, limit);
    let cut = match (length_of(&left.ty), length_of(&right.ty)) {
        (Some(Length::N(a)), Some(Length::N(b))) => u32::from(a) + u32::from(b) > u32::from(limit),
        _ => false,
    };
    let ty = if unicode { SqlType::NVarChar(length) } else { SqlType::VarChar(length) };
    let collation = shared_collation(&left, &right);
    let nullable = left.nullable || right.nullable;
    let joined = format!("({} || {})", left.sql, right.sql);
    let sql = if cut {
        let whole = if unicode { SqlType::NVarChar(Length::Max) } else { SqlType::VarChar(Length::Max) };
        format!("ts_convert({joined}, {}, {})", type_code(&whole), type_code(&ty))
    } else {
        joined
    };
    Typed::new(sql, ty, nullable).with_collation(collation)
}

/// `datetime ± days`; the newer types take no arithmetic.
fn temporal_sum(op: BinaryOp, left: Typed, right: Typed) -> SqlResult<Typed> {
    let legacy = |ty: &SqlType| matches!(ty, SqlType::DateTime | SqlType::SmallDateTime);
    if !matches!(op, BinaryOp::Add | BinaryOp::Sub) {
        let ty = if family(&left.ty) == Family::Temporal { left.ty } else { right.ty };
        return Err(invalid(&ty, op));
    }
    match (legacy(&left.ty), legacy(&right.ty)) {
        (true, false) if is_number(&right.ty) => {
            let ty = left.ty;
            let nullable = left.nullable || right.nullable;
            let days = coerce(right, &SqlType::Float)?;
            let sign = if op == BinaryOp::Add { "" } else { "-" };
            let sql = format!("ts_add_days({}, {sign}{}, {})", left.sql, days.sql, type_code(&ty));
            Ok(Typed::new(sql, ty, nullable))
        }
        (false, true) if is_number(&left.ty) && op == BinaryOp::Add => temporal_sum(op, right, left),
        (true, true) => {
            let ty = common_type(&left.ty, &right.ty);
            let nullable = left.nullable || right.nullable;
            let (l, r) = (coerce(left, &ty)?, coerce(right, &ty)?);
            let sign = if op == BinaryOp::Add { '+' } else { '-' };
            // Days and the time of day are counted from 1900-01-01, so that sums and differences are moments too.
            Ok(Typed::new(format!("ts_add_days({} {sign} {}, 0.0, {})", l.sql, r.sql, type_code(&ty)), ty, nullable))
        }
        _ if family(&left.ty) == Family::Temporal && family(&right.ty) == Family::Temporal => {
            Err(invalid(&left.ty, op))
        }
        _ => {
            let (l, r) = (type_name(&left.ty), type_name(&right.ty));
            Err(SqlError::new(206, format!("Operand type clash: {l} is incompatible with {r}")).with_state(2))
        }
    }
}

fn integer(op: BinaryOp, left: &Typed, right: &Typed) -> Typed {
    let ty = match common_type(&left.ty, &right.ty) {
        SqlType::Bit => SqlType::Int,
        other => other,
    };
    let nullable = left.nullable || right.nullable;
    let code = type_code(&ty);
    let (l, r) = (&left.sql, &right.sql);
    let sql = match op {
        BinaryOp::Div => format!("ts_divide({l}, {r}, {code})"),
        BinaryOp::Mod => format!("ts_modulo({l}, {r}, {code})"),
        // 64-bit operands that are 32-bit numbers cannot overflow, so the result alone is checked.
        _ if ty != SqlType::BigInt => {
            let sign = match op {
                BinaryOp::Add => "+",
                BinaryOp::Sub => "-",
                _ => "*",
            };
            format!("ts_integer({l} {sign} {r}, {code})")
        }
        BinaryOp::Add => format!("ts_add({l}, {r})"),
        BinaryOp::Sub => format!("ts_subtract({l}, {r})"),
        _ => format!("ts_multiply({l}, {r})"),
    };
    Typed::new(sql, ty, nullable)
}

fn float(op: BinaryOp, left: Typed, right: Typed) -> SqlResult<Typed> {
    let ty = common_type(&left.ty, &right.ty);
    if op == BinaryOp::Mod {
        return Err(incompatible(&left.ty, &right.ty, op));
    }
    let nullable = left.nullable || right.nullable;
    let (l, r) = (coerce(left, &ty)?.sql, coerce(right, &ty)?.sql);
    let code = type_code(&ty);
    let sql = match op {
        BinaryOp::Add => format!("ts_float({l} + {r}, {code})"),
        BinaryOp::Sub => format!("ts_float({l} - {r}, {code})"),
        BinaryOp::Mul => format!("ts_float({l} * {r}, {code})"),
        _ => format!("ts_float_divide({l}, {r}, {code})"),
    };
    Ok(Typed::new(sql, ty, nullable))
}

/// Precision and scale of a decimal operand; an integer literal has just its digits.
fn facets(e: &Typed) -> (u8, u8) {
    let digits = |v: i64| (v.unsigned_abs().to_string().len() as u8, 0);
    match &e.shape {
        Shape::Constant(Datum::Int(v)) => digits(i64::from(*v)),
        Shape::Constant(Datum::BigInt(v)) => digits(*v),
        _ => as_decimal(&e.ty).unwrap_or((38, 0)),
    }
}

fn decimal(op: BinaryOp, left: Typed, right: Typed) -> SqlResult<Typed> {
    let as_operand = |e: Typed| {
        let (precision, scale) = facets(&e);
        coerce(e, &SqlType::Decimal { precision, scale })
    };
    let (left, right) = (as_operand(left)?, as_operand(right)?);
    let (a, b) = (facets(&left), facets(&right));
    let kind = match op {
        BinaryOp::Add | BinaryOp::Sub => DecimalOp::Add,
        BinaryOp::Mul => DecimalOp::Multiply,
        BinaryOp::Div => DecimalOp::Divide,
        _ => DecimalOp::Modulo,
    };
    let ty = decimal_result(kind, a, b);
    let nullable = left.nullable || right.nullable;
    let SqlType::Decimal { precision, scale } = ty else { return Err(invalid(&ty, op)) };
    let narrow = precision <= MAX_INTEGER_PRECISION && !is_wide(&left.ty) && !is_wide(&right.ty);
    let sql = match op {
        BinaryOp::Add | BinaryOp::Sub if narrow => {
            let sign = if op == BinaryOp::Add { "+" } else { "-" };
            format!("({} {sign} {})", scaled(&left.sql, scale - a.1), scaled(&right.sql, scale - b.1))
        }
        BinaryOp::Mul if narrow && scale == a.1 + b.1 => format!("({} * {})", left.sql, right.sql),
        _ => {
            let sign = match op {
                BinaryOp::Add => 0,
                BinaryOp::Sub => 1,
                BinaryOp::Mul => 2,
                BinaryOp::Div => 3,
                _ => 4,
            };
            format!(
                "ts_decimal({sign}, {}, {}, {}, {}, {})",
                left.sql,
                type_code(&left.ty),
                right.sql,
                type_code(&right.ty),
                type_code(&ty)
            )
        }
    };
    Ok(Typed::new(sql, ty, nullable))
}

/// `money` arithmetic stays `money`: four digits, truncated.
fn money(op: BinaryOp, left: Typed, right: Typed) -> SqlResult<Typed> {
    let ty = common_type(&left.ty, &right.ty);
    let nullable = left.nullable || right.nullable;
    let (l, r) = (coerce(left, &ty)?.sql, coerce(right, &ty)?.sql);
    let code = type_code(&ty);
    let sign = match op {
        BinaryOp::Add => return Ok(Typed::new(format!("ts_integer(ts_add({l}, {r}), {code})"), ty, nullable)),
        BinaryOp::Sub => return Ok(Typed::new(format!("ts_integer(ts_subtract({l}, {r}), {code})"), ty, nullable)),
        BinaryOp::Mul => 2,
        BinaryOp::Div => 3,
        _ => 4,
    };
    Ok(Typed::new(format!("ts_money({sign}, {l}, {r}, {code})"), ty, nullable))
}

fn bits(op: BinaryOp, left: Typed, right: Typed) -> SqlResult<Typed> {
    let integral = |ty: &SqlType| matches!(family(ty), Family::Integer | Family::Bit);
    if !integral(&left.ty) || !integral(&right.ty) {
        let (to, other) = if integral(&left.ty) { (left.ty, right.ty) } else { (right.ty, left.ty) };
        if integral(&to) && family(&other) == Family::Binary {
            return bits(op, coerce(left, &to)?, coerce(right, &to)?);
        }
        return Err(incompatible(&left.ty, &right.ty, op));
    }
    let ty = common_type(&left.ty, &right.ty);
    let nullable = left.nullable || right.nullable;
    let (l, r) = (&left.sql, &right.sql);
    let sql = match op {
        BinaryOp::BitAnd => format!("({l} & {r})"),
        BinaryOp::BitOr => format!("({l} | {r})"),
        _ => format!("(({l} | {r}) - ({l} & {r}))"),
    };
    Ok(Typed::new(sql, ty, nullable))
}

/// The character type that a value of any type takes as text, as `CONCAT` converts it.
pub(super) fn text_type(ty: &SqlType) -> SqlType {
    let ty = &modern(ty);
    if is_text(ty) { *ty } else { SqlType::VarChar(Length::N(display_length(ty))) }
}

/// Joins already converted texts with `||`; for `CONCAT`.
pub(super) fn join_texts(parts: Vec<Typed>) -> Option<Typed> {
    let ty = |e: &Typed| Typed { collation: Collation::Default, ..e.clone() };
    parts.into_iter().reduce(
        |a, b| {
            if a.collation == b.collation { concatenate(a, b) } else { concatenate(ty(&a), ty(&b)) }
        },
    )
}
