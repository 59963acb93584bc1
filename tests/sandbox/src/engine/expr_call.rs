//! Calls: which function a name means, what its arguments are converted to and what it returns.

use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::{Expr, ObjectName, Over};
use crate::tsql::modules::NEXT_VALUE;
use crate::types::{Length, SqlType};

use super::binder::Binder;
use super::date_parts::DatePart;
use super::expr_arith::text_type;
use super::meta::fill_template;
use super::type_rules::{Family, family, is_text, scale_of, type_code, type_title};
use super::typed::{Collation, Typed, cast, coerce, shared_type};

/// Wrong number of arguments.
pub(super) fn arity(name: &str, expected: &str) -> SqlError {
    SqlError::new(174, format!("The {} function requires {expected} argument(s).", name.to_ascii_lowercase()))
        .severity(15)
}

pub(super) fn invalid_argument(ty: &SqlType, position: usize, name: &str) -> SqlError {
    let (ty, name) = (type_title(ty), name.to_ascii_lowercase());
    SqlError::new(8116, format!("Argument data type {ty} is invalid for argument {position} of {name} function."))
}

/// Error 195, or the refusal of a function that SQL Server has.
fn unknown_function(name: &str) -> SqlError {
    if crate::tsql::outside::is_function(name) {
        return SqlError::unsupported(format!("function {}", name.to_ascii_uppercase()));
    }
    SqlError::new(195, format!("'{name}' is not a recognized built-in function name.")).severity(15)
}

impl Binder<'_> {
    /// A function call.
    pub fn call(
        &mut self,
        name: &ObjectName,
        arguments: &[Expr],
        distinct: bool,
        star: bool,
        over: Option<&Over>,
    ) -> SqlResult<Typed> {
        let upper = name.name.to_ascii_uppercase();
        if upper == NEXT_VALUE {
            return self.next_value(arguments);
        }
        if matches!(upper.as_str(), "CHOOSE" | "COALESCE" | "IIF" | "ISNULL" | "NULLIF") {
            self.refuse_conditional_values(arguments)?;
        }
        if name.schema.is_none()
            && let Some(aggregate) = self.aggregate(&upper, arguments, distinct, star, over)?
        {
            return Ok(aggregate);
        }
        if over.is_some() || distinct || star {
            return Err(unknown_function(&name.name));
        }
        if name.schema.is_none()
            && let Some(special) = self.special_form(&upper, arguments)?
        {
            return Ok(special);
        }
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(self.value(argument)?);
        }
        if name.schema.is_none() {
            if let Some(result) = self.text_function(&upper, &values)? {
                return Ok(result);
            }
            if let Some(result) = self.math_function(&upper, &values)? {
                return Ok(result);
            }
            if let Some(result) = self.date_function(&upper, &values)? {
                return Ok(result);
            }
            if let Some(result) = self.other_function(&upper, &values)? {
                return Ok(result);
            }
        }
        self.session_function(name, values)
    }

    fn session_function(&mut self, name: &ObjectName, values: Vec<Typed>) -> SqlResult<Typed> {
        let types: Vec<SqlType> = values.iter().map(|value| value.ty).collect();
        let Some(function) = self.scope.session_function(name, &types)? else {
            let shown = &name.name;
            return Err(match &name.schema {
                None => unknown_function(shown),
                Some(schema) if self.has_methods(name.database.as_ref(), schema) => {
                    SqlError::unsupported(format!("method {shown} of column {schema}"))
                }
                Some(schema) => SqlError::new(
                    4121,
                    format!(
                        "Cannot find either column \"{schema}\" or the user-defined function or aggregate \"{schema}.{shown}\", or the name is ambiguous."
                    ),
                ),
            });
        };
        if values.len() > function.parameters.len() {
            return Err(arity(&name.name, &function.parameters.len().to_string()));
        }
        let mut converted = Vec::with_capacity(values.len());
        for (value, ty) in values.into_iter().zip(&function.parameters) {
            converted.push(coerce(value, ty)?.sql);
        }
        let sql = if function.sqlite_name.starts_with('(') {
            fill_template(&function.sqlite_name, &converted)
        } else {
            format!("{}({})", function.sqlite_name, converted.join(", "))
        };
        Ok(Typed::new(sql, function.returns, true))
    }

    /// Functions whose arguments are not all plain values: conditions, date parts, lazily evaluated alternatives.
    fn special_form(&mut self, name: &str, arguments: &[Expr]) -> SqlResult<Option<Typed>> {
        Ok(Some(match name {
            // Their first argument is no expression.
            "DATETRUNC" | "DATE_BUCKET" => return Err(unknown_function(name)),
            "IIF" => {
                let [condition, yes, no] = arguments else { return Err(arity(name, "3")) };
                let condition = self.predicate(condition)?;
                let results = vec![self.value(yes)?, self.value(no)?];
                let ty = shared_type(&results).ok_or_else(|| {
                    SqlError::new(8133, "At least one of the result expressions in a CASE specification must be an expression other than the NULL constant.")
                })?;
                self.choice(&[condition], results, &ty)?
            }
            "CHOOSE" => {
                let Some((index, choices)) = arguments.split_first().filter(|(_, rest)| !rest.is_empty()) else {
                    return Err(arity(name, "2"));
                };
                let index = self.value(index)?;
                let index = coerce(index, &SqlType::Int)?;
                let mut results = Vec::new();
                let mut conditions = Vec::new();
                for (i, choice) in choices.iter().enumerate() {
                    conditions.push(format!("{} = {}", index.sql, i + 1));
                    results.push(self.value(choice)?);
                }
                let ty = shared_type(&results).unwrap_or(SqlType::Int);
                results.push(Typed::null());
                self.choice(&conditions, results, &ty)?
            }
            "DATEADD" => {
                let [part, number, date] = arguments else { return Err(arity(name, "3")) };
                let part = date_part(part, name)?;
                let number = self.value(number)?;
                let number = cast(number, &SqlType::BigInt, None);
                let number = cast(number, &SqlType::Int, None);
                let date = self.value(date)?;
                let date = self.as_date(date, 3, name)?;
                part.check(&date.ty, "dateadd")?;
                let ty = date.ty;
                self.scalar("dateadd", vec![part.constant(), number, date], ty)
            }
            "DATEDIFF" | "DATEDIFF_BIG" => {
                let [part, start, end] = arguments else { return Err(arity(name, "3")) };
                let part = date_part(part, name)?;
                let start = self.value(start)?;
                let start = self.as_moment(start, 2, name)?;
                let end = self.value(end)?;
                let end = self.as_moment(end, 3, name)?;
                let ty = if name == "DATEDIFF" { SqlType::Int } else { SqlType::BigInt };
                self.scalar("datediff", vec![part.constant(), start, end], ty)
            }
            "DATEPART" | "DATENAME" => {
                let [part, date] = arguments else { return Err(arity(name, "2")) };
                let part = date_part(part, name)?;
                let date = self.value(date)?;
                let date = self.as_moment(date, 2, name)?;
                part.check(&date.ty, &name.to_ascii_lowercase())?;
                if name == "DATEPART" {
                    self.scalar("datepart", vec![part.constant(), date], SqlType::Int)
                } else {
                    self.scalar("datename", vec![part.constant(), date], SqlType::NVarChar(Length::N(30)))
                }
            }
            _ => return Ok(None),
        }))
    }

    /// Calls a function of `scalar_functions`: every argument is followed by its type's code.
    pub fn scalar(&self, name: &str, arguments: Vec<Typed>, returns: SqlType) -> Typed {
        let nullable = arguments.iter().any(|argument| argument.nullable);
        let mut text = format!("ts_fn_{name}({}", type_code(&returns));
        for argument in arguments {
            text.push_str(&format!(", {}, {}", argument.sql, type_code(&argument.ty)));
        }
        text.push(')');
        Typed::new(text, returns, nullable)
    }

    /// A date argument: text is read as `datetime`, numbers convert to it.
    fn as_date(&self, value: Typed, position: usize, name: &str) -> SqlResult<Typed> {
        match family(&value.ty) {
            Family::Temporal => Ok(value),
            Family::Text | Family::Integer | Family::Decimal | Family::Float | Family::Money | Family::Bit => {
                coerce(value, &SqlType::DateTime)
            }
            _ => Err(invalid_argument(&value.ty, position, name)),
        }
    }

    /// A date argument whose precision is kept: text is read as `datetime2(7)`.
    fn as_moment(&self, value: Typed, position: usize, name: &str) -> SqlResult<Typed> {
        if is_text(&value.ty) { coerce(value, &SqlType::DateTime2(7)) } else { self.as_date(value, position, name) }
    }

    /// A character argument; other types convert implicitly.
    pub fn as_text(&self, value: &Typed, position: usize, name: &str) -> SqlResult<Typed> {
        if is_text(&value.ty) {
            return Ok(value.clone());
        }
        if matches!(family(&value.ty), Family::Clr | Family::Json) {
            return Err(SqlError::unsupported(format!("{name} of {}", super::type_rules::type_name(&value.ty))));
        }
        if matches!(family(&value.ty), Family::Binary | Family::Lob | Family::Xml | Family::Variant) {
            return Err(invalid_argument(&value.ty, position, name));
        }
        coerce(value.clone(), &text_type(&value.ty))
    }

    pub fn as_int(&self, value: &Typed) -> SqlResult<Typed> {
        coerce(value.clone(), &SqlType::Int)
    }

    fn math_function(&mut self, name: &str, values: &[Typed]) -> SqlResult<Option<Typed>> {
        let as_number = |value: &Typed| -> SqlResult<Typed> {
            match family(&value.ty) {
                Family::Text => coerce(value.clone(), &SqlType::Float),
                Family::Bit => coerce(value.clone(), &SqlType::Float),
                Family::Integer | Family::Decimal | Family::Money | Family::Float => Ok(value.clone()),
                _ => Err(invalid_argument(&value.ty, 1, name)),
            }
        };
        let widened = |ty: SqlType| match ty {
            SqlType::TinyInt | SqlType::SmallInt => SqlType::Int,
            SqlType::Real => SqlType::Float,
            SqlType::SmallMoney => SqlType::Money,
            other => other,
        };
        Ok(Some(match (name, values) {
            ("ABS" | "SIGN", [value]) => {
                let value = as_number(value)?;
                let ty = widened(value.ty);
                self.scalar(&name.to_ascii_lowercase(), vec![cast(value, &ty, None)], ty)
            }
            ("CEILING" | "FLOOR", [value]) => {
                let value = as_number(value)?;
                let ty = widened(value.ty);
                let returns = match ty {
                    SqlType::Decimal { precision, .. } => SqlType::Decimal { precision, scale: 0 },
                    other => other,
                };
                self.scalar(&name.to_ascii_lowercase(), vec![cast(value, &ty, None)], returns)
            }
            ("ROUND", [value, digits] | [value, digits, _]) => {
                let value = as_number(value)?;
                let ty = widened(value.ty);
                let digits = self.as_int(digits)?;
                let truncate = match values.get(2) {
                    Some(function) => self.as_int(function)?,
                    None => Typed::new("0", SqlType::Int, false),
                };
                self.scalar("round", vec![cast(value, &ty, None), digits, truncate], ty)
            }
            ("POWER", [base, exponent]) => {
                let base = as_number(base)?;
                let ty = match widened(base.ty) {
                    SqlType::Decimal { scale, .. } => SqlType::Decimal { precision: 38, scale },
                    other => other,
                };
                let exponent = coerce(exponent.clone(), &SqlType::Float)?;
                self.scalar("power", vec![base, exponent], ty)
            }
            (
                "SQRT" | "EXP" | "LOG10" | "SIN" | "COS" | "TAN" | "ASIN" | "ACOS" | "ATAN" | "SQUARE" | "LOG",
                [value],
            ) => {
                let value = coerce(as_number(value)?, &SqlType::Float)?;
                self.scalar(&name.to_ascii_lowercase(), vec![value], SqlType::Float)
            }
            ("PI", []) => Typed::new("ts_float_bits(4614256656552045848)", SqlType::Float, false),
            ("ABS" | "SIGN" | "CEILING" | "FLOOR" | "SQRT" | "EXP" | "LOG10" | "SQUARE", _) => {
                return Err(arity(name, "1"));
            }
            ("ROUND" | "POWER", _) => return Err(arity(name, "2")),
            _ => return Ok(None),
        }))
    }

    fn date_function(&mut self, name: &str, values: &[Typed]) -> SqlResult<Option<Typed>> {
        let ints = |count: usize| -> SqlResult<Vec<Typed>> {
            if values.len() != count {
                return Err(arity(name, &count.to_string()));
            }
            values.iter().map(|value| coerce(value.clone(), &SqlType::Int)).collect()
        };
        Ok(Some(match (name, values) {
            ("GETDATE" | "CURRENT_TIMESTAMP" | "GETUTCDATE", []) => {
                Typed::new(format!("ts_now({})", type_code(&SqlType::DateTime)), SqlType::DateTime, false)
            }
            ("SYSDATETIME" | "SYSUTCDATETIME", []) => {
                let ty = SqlType::DateTime2(7);
                Typed::new(format!("ts_now({})", type_code(&ty)), ty, false)
            }
            ("SYSDATETIMEOFFSET", []) => {
                let ty = SqlType::DateTimeOffset(7);
                Typed::new(format!("ts_now({})", type_code(&ty)), ty, false)
            }
            ("YEAR" | "MONTH" | "DAY", [date]) => {
                let date = self.as_moment(date.clone(), 1, name)?;
                let part = match name {
                    "YEAR" => DatePart::Year,
                    "MONTH" => DatePart::Month,
                    _ => DatePart::Day,
                };
                part.check(&date.ty, &name.to_ascii_lowercase())?;
                self.scalar("datepart", vec![part.constant(), date], SqlType::Int)
            }
            ("EOMONTH", [date] | [date, _]) => {
                let date = self.as_moment(date.clone(), 1, name)?;
                let months = match values.get(1) {
                    Some(months) => self.as_int(months)?,
                    None => Typed::new("0", SqlType::Int, false),
                };
                self.scalar("eomonth", vec![date, months], SqlType::Date)
            }
            ("DATEFROMPARTS", _) => self.scalar("datefromparts", ints(3)?, SqlType::Date),
            ("DATETIMEFROMPARTS", _) => self.scalar("datetimefromparts", ints(7)?, SqlType::DateTime),
            ("SMALLDATETIMEFROMPARTS", _) => self.scalar("smalldatetimefromparts", ints(5)?, SqlType::SmallDateTime),
            ("DATETIME2FROMPARTS" | "TIMEFROMPARTS" | "DATETIMEOFFSETFROMPARTS", _) => {
                let count = match name {
                    "TIMEFROMPARTS" => 5,
                    "DATETIME2FROMPARTS" => 8,
                    _ => 10,
                };
                let mut arguments = ints(count)?;
                let precision = arguments.pop();
                let precision = precision.as_ref().and_then(super::top::constant_count);
                let Some(precision) = precision.and_then(|n| u8::try_from(n).ok()).filter(|n| *n <= 7) else {
                    return Err(SqlError::new(
                        10760,
                        "Scale argument is not valid. Valid expressions for data type datetime2 scale argument are integer constants and integer constant expressions.",
                    ));
                };
                match name {
                    "TIMEFROMPARTS" => self.scalar("timefromparts", arguments, SqlType::Time(precision)),
                    "DATETIME2FROMPARTS" => self.scalar("datetime2fromparts", arguments, SqlType::DateTime2(precision)),
                    _ => self.scalar("datetimeoffsetfromparts", arguments, SqlType::DateTimeOffset(precision)),
                }
            }
            ("SWITCHOFFSET" | "TODATETIMEOFFSET", [date, zone]) => {
                let ty = SqlType::DateTimeOffset(if is_text(&date.ty) { 7 } else { scale_of(&date.ty) });
                let date = if name == "SWITCHOFFSET" {
                    coerce(date.clone(), &ty)?
                } else {
                    self.as_moment(date.clone(), 1, name)?
                };
                self.scalar(&name.to_ascii_lowercase(), vec![date, zone.clone()], ty)
            }
            _ => return Ok(None),
        }))
    }

    fn other_function(&mut self, name: &str, values: &[Typed]) -> SqlResult<Option<Typed>> {
        Ok(Some(match (name, values) {
            ("ISNULL", [value, replacement]) => {
                if value.is_null() {
                    return Ok(Some(replacement.clone()));
                }
                let replacement = coerce(replacement.clone(), &value.ty)?;
                let sql = format!("ifnull({}, {})", value.sql, replacement.sql);
                Typed::new(sql, value.ty, value.nullable && replacement.nullable)
                    .with_collation(value.collation.clone())
            }
            ("COALESCE", [_, _, ..]) => {
                let Some(ty) = shared_type(values) else {
                    return Err(SqlError::new(
                        4127,
                        "At least one of the arguments to COALESCE must be an expression that is not the NULL constant.",
                    ));
                };
                let mut parts = Vec::with_capacity(values.len());
                for value in values {
                    parts.push(coerce(value.clone(), &ty)?.sql);
                }
                let collation = values
                    .iter()
                    .map(|v| v.collation.clone())
                    .find(|c| *c != Collation::Default)
                    .unwrap_or(Collation::Default);
                let nullable = values.iter().all(|value| value.nullable);
                let collation = if is_text(&ty) { collation } else { Collation::Default };
                Typed::new(format!("coalesce({})", parts.join(", ")), ty, nullable).with_collation(collation)
            }
            ("NULLIF", [left, right]) => {
                if left.is_null() {
                    return Err(SqlError::new(
                        4151,
                        "The type of the first argument to NULLIF cannot be the NULL constant because the type of the first argument has to be known.",
                    ));
                }
                let equal = self.compare(crate::tsql::ast::BinaryOp::Eq, left, right)?;
                let sql = format!("(CASE WHEN {equal} THEN NULL ELSE {} END)", left.sql);
                Typed::new(sql, left.ty, true).with_collation(left.collation.clone())
            }
            ("SQL_VARIANT_PROPERTY", [value, property]) => {
                let value = coerce(value.clone(), &SqlType::SqlVariant)?;
                let property = coerce(property.clone(), &SqlType::NVarChar(Length::N(128)))?;
                Typed {
                    nullable: true,
                    ..self.scalar("sql_variant_property", vec![value, property], SqlType::SqlVariant)
                }
            }
            ("MIN_ACTIVE_ROWVERSION", []) => Typed::new("sandbox_min_active_rowversion()", SqlType::Binary(8), true),
            ("TEXTPTR" | "TEXTVALID", _) => {
                return Err(SqlError::unsupported(format!("text pointers ({name})")));
            }
            ("NEWID", []) => Typed::new("ts_newid()", SqlType::UniqueIdentifier, false),
            ("HASHBYTES", [algorithm, value]) => {
                let value = match family(&value.ty) {
                    Family::Text | Family::Binary => value.clone(),
                    _ => return Err(invalid_argument(&value.ty, 2, name)),
                };
                let algorithm = self.as_text(algorithm, 1, name)?;
                self.scalar("hashbytes", vec![algorithm, value], SqlType::VarBinary(Length::N(8000)))
            }
            ("ISNULL" | "NULLIF" | "HASHBYTES" | "SQL_VARIANT_PROPERTY", _) => return Err(arity(name, "2")),
            (
                "FORMAT" | "CHECKSUM" | "BINARY_CHECKSUM" | "ISNUMERIC" | "ISDATE" | "RAND" | "SOUNDEX" | "DIFFERENCE"
                | "STR" | "TRANSLATE" | "STRING_ESCAPE" | "NEWSEQUENTIALID" | "PARSE" | "TRY_PARSE" | "JSON_VALUE"
                | "JSON_QUERY" | "ISJSON" | "COMPRESS" | "DECOMPRESS" | "DATETRUNC" | "DATE_BUCKET" | "GREATEST"
                | "LEAST" | "ATN2",
                _,
            ) => return Err(SqlError::unsupported(format!("function {name}"))),
            _ => return Ok(None),
        }))
    }
}

fn date_part(expr: &Expr, name: &str) -> SqlResult<DatePart> {
    let written = match expr {
        Expr::Column(parts) => match parts.as_slice() {
            [part] => part.as_str(),
            _ => "",
        },
        _ => "",
    };
    DatePart::from_name(written).ok_or_else(|| {
        SqlError::new(155, format!("'{written}' is not a recognized {} option.", name.to_ascii_lowercase()))
            .severity(15)
    })
}
