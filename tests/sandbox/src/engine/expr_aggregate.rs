//! Aggregates and window functions.

use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::{Expr, Over};
use crate::types::{Length, SqlType};

use super::binder::Binder;
use super::type_rules::{Family, family, is_text, is_unicode, length_of, type_code, type_name};
use super::typed::{Shape, Typed, coerce};

/// Names of the aggregates.
pub(super) fn is_aggregate(name: &str) -> bool {
    [
        "COUNT",
        "COUNT_BIG",
        "SUM",
        "AVG",
        "MIN",
        "MAX",
        "STRING_AGG",
        "CHECKSUM_AGG",
        "STDEV",
        "STDEVP",
        "VAR",
        "VARP",
        "GROUPING",
        "GROUPING_ID",
        "APPROX_COUNT_DISTINCT",
    ]
    .iter()
    .any(|known| known.eq_ignore_ascii_case(name))
}

/// Names of the functions that stand only before `OVER`.
fn is_window_only(name: &str) -> bool {
    [
        "ROW_NUMBER",
        "RANK",
        "DENSE_RANK",
        "NTILE",
        "LAG",
        "LEAD",
        "FIRST_VALUE",
        "LAST_VALUE",
        "PERCENT_RANK",
        "CUME_DIST",
    ]
    .iter()
    .any(|known| known.eq_ignore_ascii_case(name))
}

/// True if an aggregate of this query block stands in the expression.
pub(super) fn contains_aggregate(expr: &Expr) -> bool {
    super::expr_walk::any(expr, &|part| match part {
        Expr::Call { name, over: None, .. } => name.schema.is_none() && is_aggregate(&name.name),
        _ => false,
    })
}

/// A parsed aggregate before its `OVER` is written.
struct Call {
    /// SQLite call.
    sql: String,
    /// Wrapped around the call with its `OVER`: prefix and suffix.
    wrap: (String, String),
    ty: SqlType,
    nullable: bool,
}

impl Binder<'_> {
    /// An aggregate or window function; `None` if the name is neither.
    pub fn aggregate(
        &mut self,
        name: &str,
        arguments: &[Expr],
        distinct: bool,
        star: bool,
        over: Option<&Over>,
    ) -> SqlResult<Option<Typed>> {
        let upper = name.to_ascii_uppercase();
        let window_only = is_window_only(&upper);
        if !is_aggregate(&upper) && !window_only {
            return Ok(None);
        }
        if matches!(upper.as_str(), "GROUPING" | "GROUPING_ID") {
            return self.grouping_function(&upper, arguments).map(Some);
        }
        if over.is_some() && self.in_function {
            return Err(SqlError::new(
                4109,
                "Windowed functions cannot be used in the context of another windowed function or aggregate.",
            )
            .severity(15));
        }
        match over {
            None if window_only => {
                return Err(
                    SqlError::new(10753, format!("The function '{name}' must have an OVER clause.")).severity(15)
                );
            }
            None => {
                let holds_query = arguments.iter().any(|expr| super::expr_walk::any(expr, &super::expr_walk::is_query));
                let frame = self.frame();
                if holds_query || frame.grouping.as_ref().is_some_and(|g| g.in_aggregate) {
                    return Err(SqlError::new(
                        130,
                        "Cannot perform an aggregate function on an expression containing an aggregate or a subquery.",
                    ));
                }
                if !frame.aggregates_allowed {
                    return Err(SqlError::new(
                        147,
                        "An aggregate may not appear in the WHERE clause unless it is in a subquery contained in a HAVING clause or a select list, and the column being aggregated is an outer reference.",
                    )
                    .severity(15));
                }
            }
            Some(_) => {
                if !self.frame().windows_allowed {
                    return Err(SqlError::new(
                        4108,
                        "Windowed functions can only appear in the SELECT or ORDER BY clauses.",
                    )
                    .severity(15));
                }
                if distinct {
                    return Err(
                        SqlError::new(10759, "Use of DISTINCT is not allowed with the OVER clause.").severity(15)
                    );
                }
            }
        }
        let plain_aggregate = over.is_none();
        let saved = self.frame().grouping.clone();
        if plain_aggregate && let Some(grouping) = &mut self.frame().grouping {
            grouping.in_aggregate = true;
        }
        let inside = std::mem::replace(&mut self.in_function, true);
        let named = (self.own_columns.replace(false), self.outer_columns.replace(false));
        let call = self.aggregate_call(&upper, arguments, distinct, star);
        self.in_function = inside;
        self.frame().grouping = saved;
        let (own, outer) = (self.own_columns.get(), self.outer_columns.get());
        self.own_columns.set(own || named.0);
        self.outer_columns.set(outer || named.1);
        let call = call?;
        if plain_aggregate && outer {
            return Err(if own {
                SqlError::new(
                    8124,
                    "Multiple columns are specified in an aggregated expression containing an outer reference. If an expression being aggregated contains an outer reference, then that outer reference must be the only column referenced in the expression.",
                )
            } else {
                SqlError::unsupported("an aggregate over columns of an outer query")
            });
        }
        let over = match over {
            Some(over) => {
                let inside = std::mem::replace(&mut self.in_function, true);
                let over = self.over(&upper, over);
                self.in_function = inside;
                over?
            }
            None => String::new(),
        };
        let (prefix, suffix) = call.wrap;
        let ty = call.ty;
        let mut result = Typed::new(format!("{prefix}{}{over}{suffix}", call.sql), ty, call.nullable);
        if is_text(&ty) {
            // MIN, MAX, LAG … of a column keep its collation.
            if let Some(first) = arguments.first() {
                let was = self.frame().grouping.take();
                if let Ok(argument) = self.value(first) {
                    result.collation = argument.collation;
                }
                self.frame().grouping = was;
            }
        }
        Ok(Some(result))
    }

    /// `GROUPING` and `GROUPING_ID`: which expressions the row's grouping set leaves out, a bit each.
    fn grouping_function(&mut self, name: &str, arguments: &[Expr]) -> SqlResult<Typed> {
        if arguments.is_empty() || (name == "GROUPING" && arguments.len() > 1) {
            return Err(super::expr_call::arity(name, "1"));
        }
        let grouping = self.frame().grouping.take();
        let mut bits: i64 = 0;
        let mut known = grouping.is_some();
        for argument in arguments {
            let mark = self.next_alias_mark();
            let value = self.value(argument);
            self.restore_alias_mark(mark);
            let sql = value.map(|value| value.sql).unwrap_or_default();
            let absent = grouping.as_ref().is_some_and(|g| g.absent.iter().any(|(text, _)| *text == sql));
            known &= absent || grouping.as_ref().is_some_and(|g| g.keys.contains(&sql));
            bits = bits << 1 | i64::from(absent);
        }
        self.frame().grouping = grouping;
        if !known {
            return Err(SqlError::new(
                8161,
                format!(
                    "Argument 1 of the {name} function does not match any of the expressions in the GROUP BY clause."
                ),
            ));
        }
        let ty = if name == "GROUPING" { SqlType::TinyInt } else { SqlType::Int };
        Ok(Typed::new(bits.to_string(), ty, false))
    }

    fn aggregate_call(&mut self, name: &str, arguments: &[Expr], distinct: bool, star: bool) -> SqlResult<Call> {
        let simple =
            |sql: String, ty: SqlType, nullable: bool| Call { sql, wrap: (String::new(), String::new()), ty, nullable };
        if star {
            return match name {
                "COUNT" => Ok(simple("COUNT(*)".to_owned(), SqlType::Int, false)),
                "COUNT_BIG" => Ok(simple("COUNT(*)".to_owned(), SqlType::BigInt, false)),
                _ => Err(SqlError::new(102, "Incorrect syntax near '*'.").severity(15)),
            };
        }
        let count = arguments.len();
        let expect = |range: std::ops::RangeInclusive<usize>| {
            if range.contains(&count) {
                Ok(())
            } else {
                Err(SqlError::new(
                    174,
                    format!("The {} function requires {} argument(s).", name.to_ascii_lowercase(), range.start()),
                )
                .severity(15))
            }
        };
        match name {
            "ROW_NUMBER" | "RANK" | "DENSE_RANK" => {
                expect(0..=0)?;
                return Ok(simple(format!("{name}()"), SqlType::BigInt, true));
            }
            "PERCENT_RANK" | "CUME_DIST" => {
                expect(0..=0)?;
                return Ok(simple(format!("{name}()"), SqlType::Float, true));
            }
            "NTILE" => {
                expect(1..=1)?;
                let buckets = self.value(&arguments[0])?;
                let buckets = coerce(buckets, &SqlType::BigInt)?;
                return Ok(simple(format!("NTILE(ts_ntile({}))", buckets.sql), SqlType::BigInt, true));
            }
            "LAG" | "LEAD" => {
                expect(1..=3)?;
                let value = self.value(&arguments[0])?;
                let ty = value.ty;
                let mut sql = format!("{name}({}", value.sql);
                if let Some(offset) = arguments.get(1) {
                    let offset = self.value(offset)?;
                    sql.push_str(&format!(", ts_lag_offset({})", coerce(offset, &SqlType::BigInt)?.sql));
                }
                if let Some(default) = arguments.get(2) {
                    let default = self.value(default)?;
                    sql.push_str(&format!(", {}", coerce(default, &ty)?.sql));
                }
                sql.push(')');
                return Ok(simple(sql, ty, true));
            }
            "FIRST_VALUE" | "LAST_VALUE" => {
                expect(1..=1)?;
                let value = self.value(&arguments[0])?;
                return Ok(simple(format!("{name}({})", value.sql), value.ty, true));
            }
            "STRING_AGG" => {
                expect(2..=2)?;
                return self.string_agg(arguments, distinct);
            }
            _ => expect(1..=1)?,
        }
        let value = self.value(&arguments[0])?;
        if super::expr_compare::is_unsortable(&value.ty) {
            let (ty, name) = (type_name(&value.ty), name.to_ascii_lowercase());
            return Err(SqlError::new(8117, format!("Operand data type {ty} is invalid for {name} operator.")));
        }
        let argument = self.collated(&Typed { shape: value.shape.clone(), ..value.clone() })?;
        let argument = if distinct { format!("DISTINCT {argument}") } else { argument };
        let ty = value.ty;
        let invalid = || {
            let type_name = type_name(&ty);
            SqlError::new(
                8117,
                format!("Operand data type {type_name} is invalid for {} operator.", name.to_ascii_lowercase()),
            )
        };
        Ok(match name {
            "COUNT" => simple(format!("COUNT({argument})"), SqlType::Int, false),
            "COUNT_BIG" => simple(format!("COUNT({argument})"), SqlType::BigInt, false),
            "MIN" | "MAX" => match family(&ty) {
                Family::Bit => return Err(invalid()),
                _ => simple(format!("{name}({argument})"), ty, true),
            },
            "SUM" => match family(&ty) {
                Family::Integer if ty == SqlType::BigInt => simple(format!("SUM({argument})"), ty, true),
                Family::Integer => checked(format!("SUM({argument})"), SqlType::Int),
                Family::Money => simple(format!("SUM({argument})"), SqlType::Money, true),
                Family::Float => simple(format!("SUM({argument})"), SqlType::Float, true),
                Family::Decimal => {
                    let ty = SqlType::Decimal { precision: 38, scale: super::type_rules::scale_in(&ty) };
                    simple(format!("ts_sum_decimal({argument})"), ty, true)
                }
                _ => return Err(invalid()),
            },
            "AVG" => match family(&ty) {
                // SQLite takes DISTINCT only in aggregates of one argument.
                Family::Integer | Family::Money if distinct => {
                    let result = match ty {
                        SqlType::BigInt => SqlType::BigInt,
                        _ if family(&ty) == Family::Money => SqlType::Money,
                        _ => SqlType::Int,
                    };
                    simple(format!("ts_avg_integer_{}({argument})", type_code(&result)), result, true)
                }
                Family::Decimal if distinct => {
                    let own = super::type_rules::scale_in(&ty);
                    let scale = own.max(6);
                    let ty = SqlType::Decimal { precision: 38, scale };
                    simple(format!("ts_avg_decimal_{}({argument})", scale - own), ty, true)
                }
                Family::Integer => {
                    let result = if ty == SqlType::BigInt { SqlType::BigInt } else { SqlType::Int };
                    simple(format!("ts_avg_integer({argument}, {})", type_code(&result)), result, true)
                }
                Family::Money => {
                    simple(format!("ts_avg_integer({argument}, {})", type_code(&SqlType::Money)), SqlType::Money, true)
                }
                Family::Float => simple(format!("AVG({argument})"), SqlType::Float, true),
                Family::Decimal => {
                    let own = super::type_rules::scale_in(&ty);
                    let scale = own.max(6);
                    let ty = SqlType::Decimal { precision: 38, scale };
                    simple(format!("ts_avg_decimal({argument}, {})", scale - own), ty, true)
                }
                _ => return Err(invalid()),
            },
            "STDEV" | "STDEVP" | "VAR" | "VARP" => match family(&ty) {
                Family::Integer | Family::Money | Family::Float | Family::Decimal => {
                    let value = coerce(value, &SqlType::Float)?;
                    let distinct = if distinct { "DISTINCT " } else { "" };
                    let name = name.to_ascii_lowercase();
                    simple(format!("ts_{name}({distinct}{})", value.sql), SqlType::Float, true)
                }
                _ => return Err(invalid()),
            },
            other => return Err(SqlError::unsupported(format!("aggregate {other}"))),
        })
    }

    fn string_agg(&mut self, arguments: &[Expr], distinct: bool) -> SqlResult<Call> {
        if distinct {
            return Err(SqlError::new(102, "Incorrect syntax near 'DISTINCT'.").severity(15));
        }
        let value = self.value(&arguments[0])?;
        let separator = self.value(&arguments[1])?;
        let value = if is_text(&value.ty) { value } else { coerce(value, &SqlType::NVarChar(Length::N(4000)))? };
        let unicode = is_unicode(&value.ty);
        let separator = coerce(separator, &SqlType::NVarChar(Length::Max))?;
        let ty = match (length_of(&value.ty), unicode) {
            (Some(Length::Max), true) => SqlType::NVarChar(Length::Max),
            (Some(Length::Max), false) => SqlType::VarChar(Length::Max),
            (_, true) => SqlType::NVarChar(Length::N(4000)),
            (_, false) => SqlType::VarChar(Length::N(8000)),
        };
        let limited = length_of(&ty) != Some(Length::Max);
        let wrap = if limited {
            ("ts_string_agg_limit(".to_owned(), format!(", {})", type_code(&ty)))
        } else {
            (String::new(), String::new())
        };
        Ok(Call { sql: format!("group_concat({}, {})", value.sql, separator.sql), wrap, ty, nullable: true })
    }

    fn over(&mut self, name: &str, over: &Over) -> SqlResult<String> {
        let mut clauses = Vec::new();
        if !over.partition_by.is_empty() {
            let mut keys = Vec::new();
            for expr in &over.partition_by {
                let key = self.value(expr)?;
                keys.push(self.collated(&key)?);
            }
            clauses.push(format!("PARTITION BY {}", keys.join(", ")));
        }
        if over.order_by.is_empty() {
            if is_window_only(name) {
                return Err(SqlError::new(
                    4112,
                    format!("The function '{name}' must have an OVER clause with ORDER BY."),
                )
                .severity(15));
            }
        } else {
            let mut keys = Vec::new();
            for item in &over.order_by {
                let key = self.value(&item.expr)?;
                if matches!(item.expr, Expr::Literal(_)) {
                    return Err(SqlError::new(
                        5308,
                        "Windowed functions, aggregates and NEXT VALUE FOR functions do not support integer indices as ORDER BY clause expressions.",
                    ));
                }
                keys.push(format!("{}{}", self.collated(&key)?, if item.descending { " DESC" } else { "" }));
            }
            clauses.push(format!("ORDER BY {}", keys.join(", ")));
        }
        if let Some(frame) = &over.frame {
            check_frame(name, frame, over.order_by.is_empty())?;
            let known = frame.split_whitespace().all(|word| {
                matches!(
                    word,
                    "ROWS" | "RANGE" | "BETWEEN" | "UNBOUNDED" | "PRECEDING" | "FOLLOWING" | "CURRENT" | "ROW" | "AND"
                ) || word.bytes().all(|b| b.is_ascii_digit())
            });
            if !known {
                return Err(SqlError::unsupported(format!("window frame {frame}")));
            }
            clauses.push(frame.clone());
        }
        Ok(format!(" OVER ({})", clauses.join(" ")))
    }

    /// An expression for `GROUP BY`, `ORDER BY`, `DISTINCT` and the like, with its collation spelled out where SQLite would
    /// not find it.
    ///
    /// # Errors
    /// 305 and 306 for types without an order.
    pub fn collated(&self, e: &Typed) -> SqlResult<String> {
        if super::expr_compare::is_unsortable(&e.ty) {
            return Err(super::expr_compare::not_sortable(&e.ty));
        }
        if e.shape != Shape::Column
            && let Some(collation) = own_collation(&e.ty)
        {
            return Ok(format!("{} COLLATE {collation}", e.sql));
        }
        let explicit = matches!(e.collation, super::typed::Collation::Explicit(_));
        if !is_text(&e.ty) || e.shape == Shape::Column && !explicit {
            return Ok(e.sql.clone());
        }
        Ok(format!("{} COLLATE {}", e.sql, self.collation_of(e)))
    }
}

/// The SQLite collation of a type that is no character type but lies in text.
fn own_collation(ty: &SqlType) -> Option<&'static str> {
    match ty {
        SqlType::DateTimeOffset(_) => Some(super::collation::OFFSET_COLLATION),
        SqlType::SqlVariant => Some(super::variant::COLLATION),
        _ => None,
    }
}

/// Errors 10752, 10756 and 4194.
fn check_frame(name: &str, frame: &str, unordered: bool) -> SqlResult<()> {
    let ranking = ["ROW_NUMBER", "RANK", "DENSE_RANK", "NTILE", "LAG", "LEAD", "PERCENT_RANK", "CUME_DIST"];
    if ranking.contains(&name) {
        return Err(SqlError::new(10752, format!("The function '{name}' may not have a window frame.")).severity(15));
    }
    if unordered {
        return Err(SqlError::new(10756, "Window frame with ROWS or RANGE must have an ORDER BY clause.").severity(15));
    }
    if frame.starts_with("RANGE") && frame.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(SqlError::new(
            4194,
            "RANGE is only supported with UNBOUNDED and CURRENT ROW window frame delimiters.",
        ));
    }
    Ok(())
}

/// A sum whose result is checked against an integer type.
fn checked(sql: String, ty: SqlType) -> Call {
    let code = type_code(&ty);
    Call { sql, wrap: ("ts_integer(".to_owned(), format!(", {code})")), ty, nullable: true }
}
