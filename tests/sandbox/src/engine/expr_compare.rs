//! Comparisons, arranged so that a stored column stays bare and SQLite can seek an index by it.

use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::{BinaryOp, Expr, Query};
use crate::types::{Datum, SqlType};

use super::binder::Binder;
use super::collation::OFFSET_COLLATION;
use super::type_rules::{
    Family, as_decimal, common_type, family, is_text, precedence, type_code, type_name, type_title,
};
use super::typed::{Collation, Shape, Typed, cast, check_implicit, coerce, is_wide, literal, scaled};

/// Two operands whose stored forms compare as their T-SQL values do.
pub(super) struct Operands {
    pub left: String,
    pub right: String,
    pub collation: Option<String>,
}

impl Binder<'_> {
    /// `left op right`.
    pub fn compare(&mut self, op: BinaryOp, left: &Typed, right: &Typed) -> SqlResult<String> {
        let word = match op {
            BinaryOp::Eq => "=",
            BinaryOp::Ne => "<>",
            BinaryOp::Lt => "<",
            BinaryOp::Le => "<=",
            BinaryOp::Gt => ">",
            _ => ">=",
        };
        let mut operands = self.operands(word, left, right)?;
        if op == BinaryOp::Eq {
            self.keep_small_side_outside(left, right, &mut operands);
        }
        let collate = operands.collation.map_or_else(String::new, |name| format!(" COLLATE {name}"));
        Ok(format!("({} {word} {}{collate})", operands.left, operands.right))
    }

    /// Where a join equates a column of a large table with one of a small table, keeps SQLite, which knows no sizes, from
    /// scanning the large table and searching the small one: a unary plus makes a column no use for a search.
    fn keep_small_side_outside(&self, left: &Typed, right: &Typed, operands: &mut Operands) {
        let Some(frame) = self.frames.last().filter(|frame| frame.inner_only) else { return };
        let small = |e: &Typed| {
            let (alias, _) = e.sql.split_once('.')?;
            frame.sources.iter().find(|source| source.alias == alias).map(|source| source.small)
        };
        match (small(left), small(right)) {
            (Some(true), Some(false)) if right.shape == Shape::Column => operands.left.insert(0, '+'),
            (Some(false), Some(true)) if left.shape == Shape::Column => operands.right.insert(0, '+'),
            _ => {}
        }
    }

    /// Brings two operands to comparable forms.
    pub fn operands(&mut self, word: &str, left: &Typed, right: &Typed) -> SqlResult<Operands> {
        let plain = |left: &Typed, right: &Typed| Operands {
            left: left.sql.clone(),
            right: right.sql.clone(),
            collation: None,
        };
        if left.is_null() || right.is_null() {
            return Ok(plain(left, right));
        }
        match (family(&left.ty), family(&right.ty)) {
            (Family::Text, Family::Text) => {
                let collation = self.comparison_collation(word, left, right)?;
                Ok(Operands { collation: Some(collation), ..plain(left, right) })
            }
            (
                Family::Bit | Family::Integer | Family::Decimal | Family::Money,
                Family::Bit | Family::Integer | Family::Decimal | Family::Money,
            ) => Ok(self.keyed(left, right)),
            (Family::Float, Family::Float) => Ok(plain(left, right)),
            (Family::Float, _) if as_decimal(&right.ty).is_some() => {
                Ok(plain(left, &exact_beside_float(right.clone())))
            }
            (_, Family::Float) if as_decimal(&left.ty).is_some() => Ok(plain(&exact_beside_float(left.clone()), right)),
            (Family::Temporal, Family::Temporal) => self.temporal_operands(left, right),
            (Family::Binary, Family::Binary) => Ok(binary_operands(left, right)),
            (Family::Guid, Family::Guid) => Ok(plain(left, right)),
            (Family::Xml, Family::Xml) => Err(not_sortable(&left.ty)),
            (Family::Clr, Family::Clr) if left.ty == right.ty => match left.ty {
                SqlType::HierarchyId => Ok(plain(left, right)),
                _ => Err(no_operator(&left.ty, word)),
            },
            (Family::Clr | Family::Json, _) | (_, Family::Clr | Family::Json) => {
                let types = format!("{} with {}", type_title(&left.ty), type_title(&right.ty));
                Err(SqlError::unsupported(format!("comparison of {types}")))
            }
            (Family::Lob | Family::Xml, _) | (_, Family::Lob | Family::Xml) => Err(clash(&left.ty, &right.ty, word)),
            (Family::Variant, _) | (_, Family::Variant) => {
                let (l, r) =
                    (coerce(left.clone(), &SqlType::SqlVariant)?, coerce(right.clone(), &SqlType::SqlVariant)?);
                Ok(Operands { collation: Some(super::variant::COLLATION.to_owned()), ..plain(&l, &r) })
            }
            _ => {
                // The operand of lower precedence is converted.
                let (l, r) = if precedence(&left.ty) >= precedence(&right.ty) {
                    (left.clone(), coerce_for_comparison(right.clone(), &left.ty)?)
                } else {
                    (coerce_for_comparison(left.clone(), &right.ty)?, right.clone())
                };
                if family(&l.ty) == family(&r.ty) {
                    self.operands(word, &l, &r)
                } else {
                    Err(clash(&left.ty, &right.ty, word))
                }
            }
        }
    }

    fn comparison_collation(&self, word: &str, left: &Typed, right: &Typed) -> SqlResult<String> {
        match (&left.collation, &right.collation) {
            (Collation::Explicit(a), Collation::Explicit(b)) | (Collation::Implicit(a), Collation::Implicit(b))
                if !a.eq_ignore_ascii_case(b) =>
            {
                let operation = match word {
                    "=" => "equal to",
                    "<>" => "not equal to",
                    "<" => "less than",
                    "<=" => "less than or equal to",
                    ">" => "greater than",
                    _ => "greater than or equal to",
                };
                Err(SqlError::new(
                    468,
                    format!("Cannot resolve the collation conflict between \"{b}\" and \"{a}\" in the {operation} operation."),
                )
                .with_state(9))
            }
            (Collation::Explicit(name), _) | (_, Collation::Explicit(name)) => Ok(name.clone()),
            (Collation::Implicit(name), _) | (_, Collation::Implicit(name)) => Ok(name.clone()),
            _ => Ok(self.default_collation()),
        }
    }

    /// Exact numbers: one side takes the other's encoding, exactly, so order and equality hold.
    fn keyed(&self, left: &Typed, right: &Typed) -> Operands {
        let scale = |ty: &SqlType| as_decimal(ty).map_or(0, |(_, scale)| scale);
        let same = scale(&left.ty) == scale(&right.ty) && is_wide(&left.ty) == is_wide(&right.ty);
        let (left_sql, right_sql) = if same {
            (left.sql.clone(), right.sql.clone())
        } else if right.shape == Shape::Column && left.shape != Shape::Column {
            (exact_key(left, &right.ty), right.sql.clone())
        } else {
            (left.sql.clone(), exact_key(right, &left.ty))
        };
        Operands { left: left_sql, right: right_sql, collation: None }
    }

    fn temporal_operands(&self, left: &Typed, right: &Typed) -> SqlResult<Operands> {
        let offset = |e: &Typed| matches!(e.ty, SqlType::DateTimeOffset(_));
        let time = |e: &Typed| matches!(e.ty, SqlType::Time(_));
        let kind = |e: &Typed| type_name(&e.ty);
        if offset(left) || offset(right) {
            let ty = common_type(&left.ty, &right.ty);
            let (l, r) = (coerce(left.clone(), &ty)?, coerce(right.clone(), &ty)?);
            return Ok(Operands { left: l.sql, right: r.sql, collation: Some(OFFSET_COLLATION.to_owned()) });
        }
        if kind(left) == kind(right) {
            return Ok(Operands { left: left.sql.clone(), right: right.sql.clone(), collation: None });
        }
        if time(left) || time(right) {
            let ty = common_type(&left.ty, &right.ty);
            if time(left) && matches!(right.ty, SqlType::Date) || time(right) && matches!(left.ty, SqlType::Date) {
                return Err(clash(&left.ty, &right.ty, "="));
            }
            let (l, r) = (coerce(left.clone(), &ty)?, coerce(right.clone(), &ty)?);
            return Ok(Operands { left: l.sql, right: r.sql, collation: None });
        }
        // datetime's precedence over date and smalldatetime, and datetime2's over all, lose nothing of either value.
        let key = |e: &Typed, to: &SqlType| format!("ts_key({}, {}, {})", e.sql, type_code(&e.ty), type_code(to));
        let (l, r) = if right.shape == Shape::Column && left.shape != Shape::Column {
            (key(left, &right.ty), right.sql.clone())
        } else {
            (left.sql.clone(), key(right, &left.ty))
        };
        Ok(Operands { left: l, right: r, collation: None })
    }

    /// `expr [NOT] IN (list)`.
    pub fn in_list(&mut self, expr: &Expr, list: &[Expr], negated: bool) -> SqlResult<String> {
        let value = self.value(expr)?;
        let mut pairs = Vec::with_capacity(list.len());
        for item in list {
            let item = self.value(item)?;
            pairs.push(self.operands("=", &value, &item)?);
        }
        let uniform = pairs.windows(2).all(|p| p[0].left == p[1].left && p[0].collation == p[1].collation);
        let not = if negated { "NOT " } else { "" };
        if uniform && !pairs.is_empty() {
            let left = &pairs[0].left;
            let collate = pairs[0].collation.as_ref().map_or_else(String::new, |name| format!(" COLLATE {name}"));
            let items: Vec<&str> = pairs.iter().map(|p| p.right.as_str()).collect();
            return Ok(format!("({left}{collate} {not}IN ({}))", items.join(", ")));
        }
        let alternatives: Vec<String> = pairs
            .iter()
            .map(|p| {
                let collate = p.collation.as_ref().map_or_else(String::new, |name| format!(" COLLATE {name}"));
                format!("{} = {}{collate}", p.left, p.right)
            })
            .collect();
        Ok(format!("({not}({}))", alternatives.join(" OR ")))
    }

    /// `expr [NOT] IN (query)`.
    pub fn in_query(&mut self, expr: &Expr, query: &Query, negated: bool) -> SqlResult<String> {
        let value = self.value(expr)?;
        let mut plan = self.subquery(query)?;
        if plan.outputs.len() != 1 {
            return Err(SqlError::new(
                116,
                "Only one expression can be specified in the select list when the subquery is not introduced with EXISTS.",
            ));
        }
        // The left side stays as it is where it is a column, so the right one must take its form.
        let item = Typed { shape: Shape::Other, ..plan.outputs[0].value.clone() };
        let operands = self.operands("=", &value, &item)?;
        plan.replace_output(0, operands.right);
        let collate = operands.collation.map_or_else(String::new, |name| format!(" COLLATE {name}"));
        let not = if negated { "NOT " } else { "" };
        Ok(format!("({}{collate} {not}IN ({}))", operands.left, plan.render()))
    }
}

/// A value in the encoding of the exact type `to`, such that it compares with `to`'s values as the numbers do: what lies
/// between two of them becomes something between their encodings.
fn exact_key(e: &Typed, to: &SqlType) -> String {
    let (from_precision, from_scale) = as_decimal(&e.ty).unwrap_or((38, 0));
    let to_scale = as_decimal(to).map_or(0, |(_, scale)| scale);
    if let Shape::Constant(value) = &e.shape {
        let key = super::compare_key::key(value, &e.ty, to);
        if let Ok(key) = key {
            return literal(&key);
        }
    }
    if !is_wide(&e.ty) && !is_wide(to) && to_scale >= from_scale && from_precision + (to_scale - from_scale) <= 18 {
        return scaled(&e.sql, to_scale - from_scale);
    }
    format!("ts_key({}, {}, {})", e.sql, type_code(&e.ty), type_code(to))
}

/// An exact number as a float; SQLite compares integers up to 32 bits with REAL as they are.
fn exact_beside_float(e: Typed) -> Typed {
    match e.ty {
        SqlType::Bit | SqlType::TinyInt | SqlType::SmallInt | SqlType::Int => e,
        _ => cast(e, &SqlType::Float, None),
    }
}

/// Binary values compare as if the shorter were padded with zero bytes.
fn binary_operands(left: &Typed, right: &Typed) -> Operands {
    let fixed = |e: &Typed| match e.ty {
        SqlType::Binary(n) => Some(usize::from(n)),
        _ => None,
    };
    let padded = |e: &Typed, n: usize| match &e.shape {
        Shape::Constant(Datum::Binary(bytes)) => {
            let mut bytes = trim_zeros(bytes).to_vec();
            bytes.resize(bytes.len().max(n), 0);
            literal(&rusqlite::types::Value::Blob(bytes))
        }
        _ => format!("ts_pad_binary({}, {n})", e.sql),
    };
    let (left, right) = match (fixed(left), fixed(right)) {
        (Some(a), Some(b)) if a == b => (left.sql.clone(), right.sql.clone()),
        (Some(n), _) if left.shape == Shape::Column => (left.sql.clone(), padded(right, n)),
        (_, Some(n)) if right.shape == Shape::Column => (padded(left, n), right.sql.clone()),
        _ => (padded(left, 0), padded(right, 0)),
    };
    Operands { left, right, collation: None }
}

fn trim_zeros(bytes: &[u8]) -> &[u8] {
    let kept = bytes.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
    &bytes[..kept]
}

/// A text constant beside a decimal takes the decimal's own type.
fn coerce_for_comparison(e: Typed, to: &SqlType) -> SqlResult<Typed> {
    check_implicit(&e.ty, to)?;
    let target = match (is_text(&e.ty), to) {
        // A string is not cut to the other side's length or precision.
        (true, SqlType::DateTime2(_)) => SqlType::DateTime2(7),
        (true, SqlType::Time(_)) => SqlType::Time(7),
        (true, SqlType::DateTimeOffset(_)) => SqlType::DateTimeOffset(7),
        (false, ty) if is_text(ty) => match ty {
            SqlType::NChar(_) | SqlType::NVarChar(_) => SqlType::NVarChar(crate::types::Length::Max),
            _ => SqlType::VarChar(crate::types::Length::Max),
        },
        _ => *to,
    };
    Ok(cast(e, &target, None))
}

/// Whether values of the type have no order.
pub(super) fn is_unsortable(ty: &SqlType) -> bool {
    matches!(family(ty), Family::Lob | Family::Xml | Family::Json)
        || matches!(ty, SqlType::Geometry | SqlType::Geography)
}

/// Errors 306 and 305: values that have no order.
pub(super) fn not_sortable(ty: &SqlType) -> SqlError {
    match ty {
        SqlType::Geometry | SqlType::Geography | SqlType::Json => {
            SqlError::unsupported(format!("sorting, grouping and DISTINCT of {}", type_name(ty)))
        }
        SqlType::Xml => SqlError::new(
            305,
            "The XML data type cannot be compared or sorted, except when using the IS NULL operator.",
        ),
        _ => SqlError::new(
            306,
            "The text, ntext, and image data types cannot be compared or sorted, except when using IS NULL or LIKE operator.",
        ),
    }
}

/// Error 403: shapes have no operators.
fn no_operator(ty: &SqlType, word: &str) -> SqlError {
    let operator = operator_name(word);
    SqlError::new(
        403,
        format!("Invalid operator for data type. Operator equals {operator}, type equals {}.", type_name(ty)),
    )
}

fn operator_name(word: &str) -> &str {
    match word {
        "=" => "equal to",
        "<>" => "not equal to",
        "<" => "less than",
        "<=" => "less than or equal to",
        ">" => "greater than",
        ">=" => "greater than or equal to",
        other => other,
    }
}

/// "The data types x and y are incompatible in the … operator."
pub(super) fn clash(left: &SqlType, right: &SqlType, word: &str) -> SqlError {
    let operator = operator_name(word);
    let (left, right) = (type_title(left), type_title(right));
    SqlError::new(402, format!("The data types {left} and {right} are incompatible in the {operator} operator."))
}
