//! Calls: which function a name means, what its arguments are converted to and what it returns.

use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::{Expr, ObjectName, Over};
use crate::types::{Length, SqlType};

use super::binder::Binder;
use super::date_parts::DatePart;
use super::expr_arith::{join_texts, text_type};
use super::meta::fill_template;
use super::type_rules::{Family, display_length, family, is_text, is_unicode, length_of, scale_of, type_code, type_name};
use super::typed::{Collation, Typed, cast, coerce, shared_type};

const MAX_TEXT: SqlType = SqlType::NVarChar(Length::Max);

/// Wrong number of arguments.
fn arity(name: &str, expected: &str) -> SqlError {
    SqlError::new(174, format!("The {} function requires {expected} argument(s).", name.to_ascii_lowercase())).severity(15)
}

fn invalid_argument(ty: &SqlType, position: usize, name: &str) -> SqlError {
    let (ty, name) = (type_name(ty), name.to_ascii_lowercase());
    SqlError::new(8116, format!("Argument data type {ty} is invalid for argument {position} of {name} function."))
}

/// The variable-length character type for `length` characters in the alphabet of `ty`.
fn variable(ty: &SqlType, length: Length) -> SqlType {
    let limit = if is_unicode(ty) { 4000 } else { 8000 };
    let length = super::type_rules::cap(length, limit);
    if is_unicode(ty) { SqlType::NVarChar(length) } else { SqlType::VarChar(length) }
}

/// The same length, variable.
fn same_length(ty: &SqlType) -> SqlType {
    variable(ty, length_of(ty).unwrap_or(Length::Max))
}

/// The longest type that is not `max`, unless the argument is.
fn full_length(ty: &SqlType) -> SqlType {
    match length_of(ty) {
        Some(Length::Max) => variable(ty, Length::Max),
        _ => variable(ty, Length::N(8000)),
    }
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
        if name.schema.is_none() {
            if let Some(aggregate) = self.aggregate(&upper, arguments, distinct, star, over)? {
                return Ok(aggregate);
            }
        }
        if over.is_some() || distinct || star {
            return Err(SqlError::new(195, format!("'{}' is not a recognized built-in function name.", name.name)).severity(15));
        }
        if name.schema.is_none() {
            if let Some(special) = self.special_form(&upper, arguments)? {
                return Ok(special);
            }
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
                None => SqlError::new(195, format!("'{shown}' is not a recognized built-in function name.")).severity(15),
                Some(schema) => SqlError::new(
                    4121,
                    format!("Cannot find either column \"{schema}\" or the user-defined function or aggregate \"{schema}.{shown}\", or the name is ambiguous."),
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
    fn scalar(&self, name: &str, arguments: Vec<Typed>, returns: SqlType) -> Typed {
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
    fn as_text(&self, value: &Typed, position: usize, name: &str) -> SqlResult<Typed> {
        if is_text(&value.ty) {
            return Ok(value.clone());
        }
        if family(&value.ty) == Family::Binary {
            return Err(invalid_argument(&value.ty, position, name));
        }
        coerce(value.clone(), &text_type(&value.ty))
    }

    fn as_int(&self, value: &Typed) -> SqlResult<Typed> {
        coerce(value.clone(), &SqlType::Int)
    }

    fn text_function(&mut self, name: &str, values: &[Typed]) -> SqlResult<Option<Typed>> {
        let keep = |result: Typed, of: &Typed| result.with_collation(of.collation.clone());
        Ok(Some(match (name, values) {
            ("LEN", [value]) => {
                if family(&value.ty) == Family::Binary {
                    return Ok(Some(self.scalar("datalength", vec![value.clone()], SqlType::Int)));
                }
                let value = self.as_text(value, 1, name)?;
                let ty = if length_of(&value.ty) == Some(Length::Max) { SqlType::BigInt } else { SqlType::Int };
                self.scalar("len", vec![value], ty)
            }
            ("DATALENGTH", [value]) => {
                let ty = if length_of(&value.ty) == Some(Length::Max) { SqlType::BigInt } else { SqlType::Int };
                self.scalar("datalength", vec![value.clone()], ty)
            }
            ("UPPER" | "LOWER" | "LTRIM" | "RTRIM" | "TRIM" | "REVERSE", [value]) => {
                let value = self.as_text(value, 1, name)?;
                let ty = same_length(&value.ty);
                keep(self.scalar(&name.to_ascii_lowercase(), vec![value.clone()], ty), &value)
            }
            ("SUBSTRING", [value, start, length]) => {
                let (start, length) = (self.big(start)?, self.big(length)?);
                if family(&value.ty) == Family::Binary {
                    let ty = SqlType::VarBinary(length_of(&value.ty).unwrap_or(Length::Max));
                    return Ok(Some(self.scalar("substring", vec![value.clone(), start, length], ty)));
                }
                if !is_text(&value.ty) {
                    return Err(invalid_argument(&value.ty, 1, name));
                }
                let ty = match (super::select::constant_count(&values[2]), length_of(&value.ty)) {
                    (Some(n), Some(Length::N(own))) if n > 0 => {
                        variable(&value.ty, Length::N(own.min(u16::try_from(n).unwrap_or(own))))
                    }
                    _ => same_length(&value.ty),
                };
                keep(self.scalar("substring", vec![value.clone(), start, length], ty), value)
            }
            ("LEFT" | "RIGHT", [value, count]) => {
                let text = self.as_text(value, 1, name)?;
                let ty = match (super::select::constant_count(count), length_of(&text.ty)) {
                    (Some(n), Some(Length::N(own))) if n > 0 => {
                        variable(&text.ty, Length::N(own.min(u16::try_from(n).unwrap_or(own))))
                    }
                    _ => same_length(&text.ty),
                };
                let count = self.big(count)?;
                keep(self.scalar(&name.to_ascii_lowercase(), vec![text.clone(), count], ty), &text)
            }
            ("REPLACE", [value, from, to]) => {
                let (value, from, to) = (self.as_text(value, 1, name)?, self.as_text(from, 2, name)?, self.as_text(to, 3, name)?);
                let unicode = is_unicode(&value.ty) || is_unicode(&from.ty) || is_unicode(&to.ty);
                let alphabet = if unicode { MAX_TEXT } else { value.ty };
                let ty = match length_of(&value.ty) {
                    Some(Length::Max) => variable(&alphabet, Length::Max),
                    _ => variable(&alphabet, Length::N(8000)),
                };
                let collation = self.collation_argument(&value);
                keep(self.scalar("replace", vec![value.clone(), from, to, collation], ty), &value)
            }
            ("CHARINDEX", [needle, text] | [needle, text, _]) => {
                let (needle, text) = (self.as_text(needle, 1, name)?, self.as_text(text, 2, name)?);
                let start = match values.get(2) {
                    Some(start) => self.big(start)?,
                    None => Typed::new("1", SqlType::BigInt, false),
                };
                let collation = self.collation_argument(if text.collation == Collation::Default { &needle } else { &text });
                let ty = if length_of(&text.ty) == Some(Length::Max) { SqlType::BigInt } else { SqlType::Int };
                self.scalar("charindex", vec![needle, text, start, collation], ty)
            }
            ("PATINDEX", [pattern, text]) => {
                let (pattern, text) = (self.as_text(pattern, 1, name)?, self.as_text(text, 2, name)?);
                let collation = self.collation_argument(&text);
                let ty = if length_of(&text.ty) == Some(Length::Max) { SqlType::BigInt } else { SqlType::Int };
                self.scalar("patindex", vec![pattern, text, collation], ty)
            }
            ("CONCAT", _) => {
                if values.len() < 2 {
                    return Err(SqlError::new(189, "The concat function requires 2 to 254 arguments.").severity(15));
                }
                let mut parts = Vec::with_capacity(values.len());
                for value in values {
                    parts.push(self.concat_part(value)?);
                }
                let joined = join_texts(parts).ok_or_else(|| arity(name, "2"))?;
                Typed { nullable: false, ..joined }
            }
            ("CONCAT_WS", _) => {
                if values.len() < 3 {
                    return Err(SqlError::new(189, "The concat_ws function requires 3 to 254 arguments.").severity(15));
                }
                let mut unicode = false;
                let mut parts = Vec::with_capacity(values.len());
                for value in values {
                    let part = cast(value.clone(), &text_type(&value.ty), None);
                    unicode |= is_unicode(&part.ty);
                    parts.push(part);
                }
                let max = parts.iter().any(|part| length_of(&part.ty) == Some(Length::Max));
                let alphabet = if unicode { MAX_TEXT } else { SqlType::VarChar(Length::Max) };
                let ty = variable(&alphabet, if max { Length::Max } else { Length::N(8000) });
                Typed { nullable: false, ..self.scalar("concat_ws", parts, ty) }
            }
            ("REPLICATE", [value, count]) => {
                let text = self.as_text(value, 1, name)?;
                let count = self.big(count)?;
                let ty = full_length(&text.ty);
                Typed { nullable: true, ..keep(self.scalar("replicate", vec![text.clone(), count], ty), &text) }
            }
            ("SPACE", [count]) => {
                let count = self.as_int(count)?;
                Typed { nullable: true, ..self.scalar("space", vec![count], SqlType::VarChar(Length::N(8000))) }
            }
            ("STUFF", [value, start, length, insert]) => {
                let (text, insert) = (self.as_text(value, 1, name)?, cast(insert.clone(), &text_type(&insert.ty), None));
                let unicode = is_unicode(&text.ty) || is_unicode(&insert.ty);
                let alphabet = if unicode { MAX_TEXT } else { text.ty };
                let max = length_of(&text.ty) == Some(Length::Max) || length_of(&insert.ty) == Some(Length::Max);
                let ty = variable(&alphabet, if max { Length::Max } else { Length::N(8000) });
                let (start, length) = (self.big(start)?, self.big(length)?);
                Typed { nullable: true, ..keep(self.scalar("stuff", vec![text.clone(), start, length, insert], ty), &text) }
            }
            ("ASCII" | "UNICODE", [value]) => {
                let text = self.as_text(value, 1, name)?;
                Typed { nullable: true, ..self.scalar(&name.to_ascii_lowercase(), vec![text], SqlType::Int) }
            }
            ("CHAR", [value]) => {
                let code = self.as_int(value)?;
                Typed { nullable: true, ..self.scalar("char", vec![code], SqlType::Char(1)) }
            }
            ("NCHAR", [value]) => {
                let code = self.as_int(value)?;
                Typed { nullable: true, ..self.scalar("nchar", vec![code], SqlType::NChar(1)) }
            }
            ("QUOTENAME", [value] | [value, _]) => {
                let text = cast(value.clone(), &MAX_TEXT, None);
                let quote = match values.get(1) {
                    Some(quote) => cast(quote.clone(), &SqlType::NVarChar(Length::N(1)), None),
                    None => Typed::new("'['", SqlType::NVarChar(Length::N(1)), false),
                };
                Typed { nullable: true, ..self.scalar("quotename", vec![text, quote], SqlType::NVarChar(Length::N(258))) }
            }
            (
                "LEN" | "DATALENGTH" | "UPPER" | "LOWER" | "LTRIM" | "RTRIM" | "TRIM" | "REVERSE" | "ASCII" | "UNICODE"
                | "CHAR" | "NCHAR" | "SPACE",
                _,
            ) => return Err(arity(name, "1")),
            ("LEFT" | "RIGHT" | "REPLICATE" | "PATINDEX" | "CHARINDEX" | "QUOTENAME", _) => return Err(arity(name, "2")),
            ("SUBSTRING" | "REPLACE", _) => return Err(arity(name, "3")),
            ("STUFF", _) => return Err(arity(name, "4")),
            _ => return Ok(None),
        }))
    }

    /// An argument of `CONCAT`: text, with an empty string for NULL.
    fn concat_part(&self, value: &Typed) -> SqlResult<Typed> {
        if value.is_null() {
            return Ok(Typed::new("''", SqlType::VarChar(Length::N(1)), false));
        }
        let ty = match &value.ty {
            ty if is_text(ty) => *ty,
            ty => SqlType::VarChar(Length::N(display_length(ty))),
        };
        let text = coerce(value.clone(), &ty)?;
        let sql = if text.nullable { format!("ifnull({}, '')", text.sql) } else { text.sql.clone() };
        Ok(Typed { sql, nullable: false, ..text })
    }

    fn collation_argument(&self, value: &Typed) -> Typed {
        let name = super::quoting::literal(&self.collation_of(value));
        Typed::new(name, SqlType::VarChar(Length::N(128)), false)
    }

    fn big(&self, value: &Typed) -> SqlResult<Typed> {
        coerce(value.clone(), &SqlType::BigInt)
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
            ("ABS" | "SIGN" | "CEILING" | "FLOOR" | "SQRT" | "EXP" | "LOG10" | "SQUARE", _) => return Err(arity(name, "1")),
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
            ("DATETIME2FROMPARTS" | "TIMEFROMPARTS", _) => {
                let count = if name == "TIMEFROMPARTS" { 5 } else { 8 };
                let mut arguments = ints(count)?;
                let precision = arguments.pop();
                let precision = precision.as_ref().and_then(super::select::constant_count);
                let Some(precision) = precision.and_then(|n| u8::try_from(n).ok()).filter(|n| *n <= 7) else {
                    return Err(SqlError::new(10760, "Scale argument is not valid. Valid expressions for data type datetime2 scale argument are integer constants and integer constant expressions."));
                };
                if name == "TIMEFROMPARTS" {
                    self.scalar("timefromparts", arguments, SqlType::Time(precision))
                } else {
                    self.scalar("datetime2fromparts", arguments, SqlType::DateTime2(precision))
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
                Typed::new(sql, value.ty, value.nullable && replacement.nullable).with_collation(value.collation.clone())
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
                let collation =
                    values.iter().map(|v| v.collation.clone()).find(|c| *c != Collation::Default).unwrap_or(Collation::Default);
                let nullable = values.iter().all(|value| value.nullable);
                let collation = if is_text(&ty) { collation } else { Collation::Default };
                Typed::new(format!("coalesce({})", parts.join(", ")), ty, nullable).with_collation(collation)
            }
            ("NULLIF", [left, right]) => {
                if left.is_null() {
                    return Err(SqlError::new(4151, "The type of the first argument to NULLIF cannot be the NULL constant because the type of the first argument has to be known."));
                }
                let equal = self.compare(crate::tsql::ast::BinaryOp::Eq, left, right)?;
                let sql = format!("(CASE WHEN {equal} THEN NULL ELSE {} END)", left.sql);
                Typed::new(sql, left.ty, true).with_collation(left.collation.clone())
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
            ("ISNULL" | "NULLIF" | "HASHBYTES", _) => return Err(arity(name, "2")),
            (
                "FORMAT" | "CHECKSUM" | "BINARY_CHECKSUM" | "ISNUMERIC" | "ISDATE" | "RAND" | "SOUNDEX" | "DIFFERENCE" | "STR"
                | "TRANSLATE" | "STRING_ESCAPE" | "NEWSEQUENTIALID" | "PARSE" | "TRY_PARSE" | "JSON_VALUE" | "JSON_QUERY"
                | "ISJSON" | "COMPRESS" | "DECOMPRESS" | "DATETRUNC" | "DATE_BUCKET" | "GREATEST" | "LEAST" | "ATN2",
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
        SqlError::new(155, format!("'{written}' is not a recognized {} option.", name.to_ascii_lowercase())).severity(15)
    })
}
