//! Expressions and predicates.

use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::{BinaryOp, Expr, Literal, Query, UnaryOp};
use crate::types::{Datum, Length, SqlType};

use super::binder::Binder;
use super::convert_text;
use super::type_rules::{Family, family, is_text, type_code, type_name};
use super::typed::{self, Collation, Shape, Typed, cast, coerce, shared_collation, shared_type};

impl Binder<'_> {
    /// Compiles a scalar expression.
    pub fn value(&mut self, expr: &Expr) -> SqlResult<Typed> {
        if let Some(grouped) = self.as_grouping_key(expr) {
            return Ok(grouped);
        }
        match expr {
            Expr::Literal(literal) => compile_literal(literal),
            Expr::Variable(name) => self.variable(name),
            Expr::Column(parts) => self.column(parts),
            Expr::Unary { op, expr } => self.unary(*op, expr),
            Expr::Binary { op, left, right } => match op {
                BinaryOp::And | BinaryOp::Or => Err(near_predicate()),
                BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => {
                    Err(near_predicate())
                }
                arithmetic => {
                    let left = self.value(left)?;
                    let right = self.value(right)?;
                    self.arithmetic(*arithmetic, left, right)
                }
            },
            Expr::Case { operand, branches, otherwise } => {
                let parts = branches.iter().flat_map(|(when, then)| [when, then]);
                self.refuse_conditional_values(parts.chain(operand.as_deref()).chain(otherwise.as_deref()))?;
                self.case(operand.as_deref(), branches, otherwise.as_deref())
            }
            Expr::Cast { expr, ty, try_, decimal } => {
                let cast = self.conversion(expr, ty, None, *try_)?;
                Ok(match decimal {
                    Some(name) if !cast.is_null() => Typed { shape: Shape::Decimal(*name), ..cast },
                    _ => cast,
                })
            }
            Expr::Convert { ty, expr, style, try_ } => self.conversion(expr, ty, style.as_deref(), *try_),
            Expr::Call { name, arguments, distinct, star, over } => {
                self.call(name, arguments, *distinct, *star, over.as_deref())
            }
            Expr::Subquery(query) => self.scalar_subquery(query),
            Expr::Collate { expr, collation } => {
                let value = self.value(expr)?;
                let unicode = value.is_null() || super::type_rules::is_unicode(&value.ty) || !is_text(&value.ty);
                let collation = super::collation::for_column(collation, unicode)?;
                if !is_text(&value.ty) && !value.is_null() {
                    let name = type_name(&value.ty);
                    return Err(SqlError::new(447, format!("Expression type {name} is invalid for COLLATE clause.")));
                }
                Ok(value.with_collation(Collation::Explicit(collation)))
            }
            Expr::AtTimeZone { expr, zone } => self.at_time_zone(expr, zone),
            Expr::Not(_)
            | Expr::IsNull { .. }
            | Expr::InList { .. }
            | Expr::InQuery { .. }
            | Expr::Between { .. }
            | Expr::Like { .. }
            | Expr::Exists(_)
            | Expr::Quantified { .. } => Err(near_predicate()),
        }
    }

    /// In a grouped query, an expression that is written like a `GROUP BY` expression is that group's key.
    fn as_grouping_key(&mut self, expr: &Expr) -> Option<Typed> {
        if matches!(expr, Expr::Literal(_) | Expr::Variable(_) | Expr::Column(_)) {
            return None;
        }
        let frame = self.frames.last_mut()?;
        let grouping = frame.grouping.take()?;
        if grouping.in_aggregate || (grouping.keys.is_empty() && grouping.absent.is_empty()) {
            frame.grouping = Some(grouping);
            return None;
        }
        let aliases = self.next_alias_mark();
        let compiled = self.value(expr);
        self.restore_alias_mark(aliases);
        let matched = compiled.ok().and_then(|value| {
            let absent = grouping.absent.iter().find(|(sql, _)| *sql == value.sql).map(|(_, null)| null.clone());
            if grouping.keys.contains(&value.sql) { Some(value) } else { absent }
        });
        self.frame().grouping = Some(grouping);
        matched
    }

    fn unary(&mut self, op: UnaryOp, expr: &Expr) -> SqlResult<Typed> {
        // A sign before a literal belongs to it.
        if let (UnaryOp::Minus, Expr::Literal(literal)) = (op, expr) {
            let value = compile_literal(literal)?;
            if let Shape::Constant(constant) = &value.shape {
                let negated = match constant {
                    Datum::Int(v) => Some((Datum::Int(-v), SqlType::Int)),
                    Datum::Decimal { unscaled, scale: 0 } if *unscaled == 2_147_483_648 => {
                        Some((Datum::Int(i32::MIN), SqlType::Int))
                    }
                    Datum::Decimal { unscaled, scale } => {
                        Some((Datum::Decimal { unscaled: -unscaled, scale: *scale }, value.ty))
                    }
                    Datum::Float(v) => Some((Datum::Float(-v), SqlType::Float)),
                    Datum::Money(v) => Some((Datum::Money(-v), SqlType::Money)),
                    _ => None,
                };
                if let Some((negated, ty)) = negated {
                    return Ok(Typed::constant(negated, ty));
                }
            }
        }
        let value = self.value(expr)?;
        match op {
            UnaryOp::Plus => Ok(Typed { shape: Shape::Other, ..value }),
            UnaryOp::Minus => {
                if value.is_null() {
                    return Ok(value);
                }
                let zero = match family(&value.ty) {
                    Family::Integer | Family::Text => Typed::constant(Datum::Int(0), SqlType::Int),
                    Family::Decimal => {
                        // The type of a negated decimal is its own.
                        let code = type_code(&value.ty);
                        let sql = if typed::is_wide(&value.ty) {
                            format!("ts_negate({}, {code})", value.sql)
                        } else {
                            format!("(-{})", value.sql)
                        };
                        return Ok(Typed::new(sql, value.ty, value.nullable));
                    }
                    Family::Money => {
                        return Ok(Typed::new(
                            format!("ts_integer(-{}, {})", value.sql, type_code(&value.ty)),
                            value.ty,
                            value.nullable,
                        ));
                    }
                    Family::Float => return Ok(Typed::new(format!("(-{})", value.sql), value.ty, value.nullable)),
                    _ => {
                        let name = type_name(&value.ty);
                        return Err(SqlError::new(
                            8117,
                            format!("Operand data type {name} is invalid for minus operator."),
                        ));
                    }
                };
                let ty = value.ty;
                let result = self.arithmetic(BinaryOp::Sub, zero, value)?;
                Ok(if matches!(ty, SqlType::SmallInt | SqlType::Int) { cast(result, &ty, None) } else { result })
            }
            UnaryOp::BitNot => match &value.ty {
                SqlType::Bit => Ok(Typed::new(format!("(1 - {})", value.sql), SqlType::Bit, value.nullable)),
                SqlType::TinyInt => Ok(Typed::new(format!("(255 - {})", value.sql), SqlType::TinyInt, value.nullable)),
                ty if family(ty) == Family::Integer => Ok(Typed::new(format!("(~{})", value.sql), *ty, value.nullable)),
                ty => {
                    let name = type_name(ty);
                    Err(SqlError::new(8117, format!("Operand data type {name} is invalid for '~' operator.")))
                }
            },
        }
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        branches: &[(Expr, Expr)],
        otherwise: Option<&Expr>,
    ) -> SqlResult<Typed> {
        let mut conditions = Vec::with_capacity(branches.len());
        let mut results = Vec::with_capacity(branches.len() + 1);
        for (condition, result) in branches {
            conditions.push(match operand {
                None => self.predicate(condition)?,
                Some(operand) => {
                    let left = self.value(operand)?;
                    let right = self.value(condition)?;
                    self.compare(BinaryOp::Eq, &left, &right)?
                }
            });
            results.push(self.value(result)?);
        }
        results.push(match otherwise {
            Some(expr) => self.value(expr)?,
            None => Typed::null(),
        });
        let Some(ty) = shared_type(&results) else {
            return Err(SqlError::new(
                8133,
                "At least one of the result expressions in a CASE specification must be an expression other than the NULL constant.",
            ));
        };
        self.choice(&conditions, results, &ty)
    }

    /// `CASE` from compiled parts; there is one result more than there are conditions.
    pub fn choice(&mut self, conditions: &[String], results: Vec<Typed>, ty: &SqlType) -> SqlResult<Typed> {
        let nullable = results.iter().any(|r| r.nullable);
        let collation = results
            .iter()
            .filter(|r| is_text(&r.ty))
            .fold(None, |seen: Option<Collation>, r| {
                Some(match seen {
                    None => r.collation.clone(),
                    Some(seen) => shared_collation(&Typed::new("", r.ty, true).with_collation(seen), r),
                })
            })
            .unwrap_or(Collation::Default);
        let mut converted = Vec::with_capacity(results.len());
        for result in results {
            converted.push(coerce(result, ty)?.sql);
        }
        let mut sql = "(CASE".to_owned();
        for (condition, result) in conditions.iter().zip(&converted) {
            sql.push_str(&format!(" WHEN {condition} THEN {result}"));
        }
        if let Some(last) = converted.get(conditions.len()) {
            sql.push_str(&format!(" ELSE {last}"));
        }
        sql.push_str(" END)");
        Ok(Typed::new(sql, *ty, nullable).with_collation(if is_text(ty) { collation } else { Collation::Default }))
    }

    fn conversion(&mut self, expr: &Expr, ty: &SqlType, style: Option<&Expr>, try_: bool) -> SqlResult<Typed> {
        let value = self.value(expr)?;
        let style = match style {
            None => None,
            Some(style) => {
                let style = self.value(style)?;
                Some(coerce(style, &SqlType::Int)?.sql)
            }
        };
        if !try_ {
            return typed::cast_checked(value, ty, style.as_deref());
        }
        // Only checks that the conversion exists; the constant folding of `cast` would lose the error.
        typed::cast_checked(value.clone(), ty, None)?;
        let style = style.map_or_else(String::new, |style| format!(", {style}"));
        let (from, to) = (type_code(&value.ty), type_code(ty));
        Ok(Typed::new(format!("ts_try_convert({}, {from}, {to}{style})", value.sql), *ty, true))
    }

    fn at_time_zone(&mut self, expr: &Expr, zone: &Expr) -> SqlResult<Typed> {
        match zone {
            Expr::Literal(Literal::String { value, .. }) if value.eq_ignore_ascii_case("utc") => {
                let value = self.value(expr)?;
                let scale = super::type_rules::scale_of(&value.ty);
                match value.ty {
                    SqlType::DateTimeOffset(_) => {
                        Ok(Typed::new(format!("(substr({}, 1, 16) || '+0')", value.sql), value.ty, value.nullable))
                    }
                    SqlType::DateTime | SqlType::SmallDateTime | SqlType::DateTime2(_) => {
                        coerce(value, &SqlType::DateTimeOffset(scale))
                    }
                    _ => Err(SqlError::new(
                        8116,
                        "Argument data type is invalid for argument 1 of AT TIME ZONE function.",
                    )),
                }
            }
            _ => Err(SqlError::unsupported("AT TIME ZONE with a zone other than 'UTC'")),
        }
    }

    fn scalar_subquery(&mut self, query: &Query) -> SqlResult<Typed> {
        let plan = self.subquery(query)?;
        if plan.outputs.len() != 1 {
            return Err(too_many_expressions());
        }
        let output = plan.outputs[0].value.clone();
        let sql = if plan.at_most_one_row {
            format!("({})", plan.render())
        } else {
            // More than one row is error 512, which SQLite's own scalar subquery would hide.
            let alias = self.fresh_alias();
            format!(
                "(SELECT ts_single({alias}.c1, COUNT(*)) FROM (SELECT * FROM ({}) LIMIT 2) AS {alias})",
                plan.render()
            )
        };
        Ok(Typed { sql, nullable: true, shape: Shape::Other, ..output })
    }

    /// Compiles a predicate to a SQLite expression that is 1, 0 or NULL.
    pub fn predicate(&mut self, expr: &Expr) -> SqlResult<String> {
        match expr {
            Expr::Binary { op: op @ (BinaryOp::And | BinaryOp::Or), left, right } => {
                let word = if *op == BinaryOp::And { "AND" } else { "OR" };
                let left = self.predicate(left)?;
                let right = self.predicate(right)?;
                Ok(format!("({left} {word} {right})"))
            }
            Expr::Binary {
                op: op @ (BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge),
                left,
                right,
            } => {
                let left = self.value(left)?;
                let right = self.value(right)?;
                self.compare(*op, &left, &right)
            }
            Expr::Not(inner) => Ok(format!("(NOT {})", self.predicate(inner)?)),
            Expr::IsNull { expr, negated } => {
                let value = self.value(expr)?;
                Ok(format!("({} IS {}NULL)", value.sql, if *negated { "NOT " } else { "" }))
            }
            Expr::InList { expr, list, negated } => self.in_list(expr, list, *negated),
            Expr::InQuery { expr, query, negated } => self.in_query(expr, query, *negated),
            Expr::Between { expr, low, high, negated } => {
                let value = self.value(expr)?;
                let low = self.value(low)?;
                let high = self.value(high)?;
                let above = self.compare(BinaryOp::Ge, &value, &low)?;
                let below = self.compare(BinaryOp::Le, &value, &high)?;
                Ok(format!("({}({above} AND {below}))", if *negated { "NOT " } else { "" }))
            }
            Expr::Like { expr, pattern, escape, negated } => self.like(expr, pattern, escape.as_deref(), *negated),
            Expr::Exists(query) => {
                let plan = self.subquery(query)?;
                Ok(format!("EXISTS ({})", plan.render()))
            }
            Expr::Quantified { op, left, query, all } => match (op, all) {
                (BinaryOp::Eq, false) => self.in_query(left, query, false),
                (BinaryOp::Ne, true) => self.in_query(left, query, true),
                _ => self.quantified(*op, left, query, *all),
            },
            _ => Err(SqlError::new(
                4145,
                "An expression of non-boolean type specified in a context where a condition is expected.",
            )
            .severity(15)),
        }
    }

    /// A comparison with `ANY` or `ALL` of a subquery's values; unknown unless some value decides it.
    fn quantified(&mut self, op: BinaryOp, left: &Expr, query: &Query, all: bool) -> SqlResult<String> {
        let left = self.value(left)?;
        let plan = self.subquery(query)?;
        if plan.outputs.len() != 1 {
            return Err(too_many_expressions());
        }
        let alias = self.fresh_alias();
        let column = Typed { sql: format!("{alias}.c1"), shape: Shape::Other, ..plan.outputs[0].value.clone() };
        let holds = self.compare(op, &left, &column)?;
        let source = format!("({}) AS {alias}", plan.render());
        let (decides, decided, otherwise) = if all { ("NOT ", 0, 1) } else { ("", 1, 0) };
        Ok(format!(
            "(CASE WHEN EXISTS (SELECT 1 FROM {source} WHERE {decides}{holds}) THEN {decided} WHEN EXISTS (SELECT 1 FROM {source} \
             WHERE {holds} IS NULL) THEN NULL ELSE {otherwise} END)"
        ))
    }

    fn like(&mut self, expr: &Expr, pattern: &Expr, escape: Option<&Expr>, negated: bool) -> SqlResult<String> {
        let text = self.value(expr)?;
        let pattern = self.value(pattern)?;
        let collation = match shared_collation(&text, &pattern) {
            Collation::Default => self.default_collation(),
            Collation::Implicit(name) | Collation::Explicit(name) => name,
        };
        let as_text = |e: Typed| if is_text(&e.ty) { Ok(e) } else { coerce(e, &SqlType::NVarChar(Length::Max)) };
        for (position, operand) in [(1, &text), (2, &pattern)] {
            if matches!(family(&operand.ty), Family::Clr | Family::Json) {
                return Err(SqlError::unsupported(format!("LIKE of {}", type_name(&operand.ty))));
            }
            if matches!(family(&operand.ty), Family::Xml | Family::Variant) || operand.ty == SqlType::Image {
                return Err(super::expr_call::invalid_argument(&operand.ty, position, "like"));
            }
        }
        let unicode =
            [&text.ty, &pattern.ty].into_iter().any(|ty| super::type_rules::is_unicode(ty) || *ty == SqlType::NText);
        let text = as_text(text)?;
        let pattern = as_text(pattern)?;
        let escape = match escape {
            Some(escape) => format!(", {}", as_text(self.value(escape)?)?.sql),
            None => String::new(),
        };
        let collation = super::quoting::literal(&collation);
        let not = if negated { "NOT " } else { "" };
        Ok(format!("({not}ts_like({}, {}, {collation}, {}{escape}))", text.sql, pattern.sql, u8::from(unicode)))
    }
}

/// Error 116.
fn too_many_expressions() -> SqlError {
    SqlError::new(
        116,
        "Only one expression can be specified in the select list when the subquery is not introduced with EXISTS.",
    )
}

fn near_predicate() -> SqlError {
    SqlError::new(102, "Incorrect syntax: a condition stands where a value is expected.").severity(15)
}

/// A literal with the type T-SQL gives it (<https://learn.microsoft.com/sql/t-sql/data-types/constants-transact-sql>).
pub(super) fn compile_literal(literal: &Literal) -> SqlResult<Typed> {
    let number = |text: &str| -> SqlResult<(i128, u8)> {
        super::decimal::parse(text).map_err(|_| {
            SqlError::new(
                1007,
                format!("The number '{text}' is out of the range for numeric representation (maximum precision 38)."),
            )
            .severity(15)
        })
    };
    Ok(match literal {
        Literal::Null => Typed::null(),
        Literal::Integer(text) => match text.parse::<i32>() {
            Ok(v) => Typed::constant(Datum::Int(v), SqlType::Int),
            Err(_) => {
                let (unscaled, _) = number(text)?;
                decimal_constant(unscaled, 0)
            }
        },
        Literal::Decimal(text) => {
            let (unscaled, scale) = number(text)?;
            decimal_constant(unscaled, scale)
        }
        Literal::Float(text) => {
            // `1E` without digits is 1E0.
            let text = text.trim_end_matches(['+', '-']);
            let padded = if text.ends_with(['e', 'E']) { format!("{text}0") } else { text.to_owned() };
            let value: f64 = padded
                .parse()
                .map_err(|_| SqlError::new(102, format!("Incorrect syntax near '{text}'.")).severity(15))?;
            if !value.is_finite() {
                return Err(SqlError::new(
                    168,
                    format!(
                        "The floating point value '{text}' is out of the range of computer representation (8 bytes)."
                    ),
                )
                .severity(15));
            }
            Typed::constant(Datum::Float(value), SqlType::Float)
        }
        Literal::Money(text) => {
            let value = super::convert::convert(
                &Datum::String(text.clone()),
                &SqlType::VarChar(Length::Max),
                &SqlType::Money,
                None,
            )?;
            Typed::constant(value, SqlType::Money)
        }
        Literal::String { value, unicode: true } => {
            let units = convert_text::utf16_length(value);
            let length = if units > 4000 { Length::Max } else { Length::N(units.max(1) as u16) };
            Typed::constant(Datum::String(value.clone()), SqlType::NVarChar(length))
        }
        Literal::String { value, unicode: false } => {
            let fitted = convert_text::fit(value.clone(), &SqlType::VarChar(Length::Max))?;
            let count = fitted.chars().count();
            let length = if count > 8000 { Length::Max } else { Length::N(count.max(1) as u16) };
            Typed::constant(Datum::String(fitted), SqlType::VarChar(length))
        }
        Literal::Binary(bytes) => {
            let length = if bytes.len() > 8000 { Length::Max } else { Length::N(bytes.len().max(1) as u16) };
            Typed::constant(Datum::Binary(bytes.clone()), SqlType::VarBinary(length))
        }
    })
}

/// A decimal literal with just the precision it is written with.
fn decimal_constant(unscaled: i128, scale: u8) -> Typed {
    let digits = unscaled.unsigned_abs().to_string().len() as u8;
    let precision = digits.max(scale).max(1);
    Typed::constant(Datum::Decimal { unscaled, scale }, SqlType::Decimal { precision, scale })
}
