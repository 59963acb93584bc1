//! Typing of string functions.

use crate::error::{SqlError, SqlResult};
use crate::types::{Length, SqlType};

use super::binder::Binder;
use super::expr_arith::{join_texts, text_type};
use super::expr_call::{arity, invalid_argument};
use super::type_rules::{Family, display_length, family, is_text, is_unicode, length_of, modern};
use super::typed::{Collation, Typed, cast, coerce};

const MAX_TEXT: SqlType = SqlType::NVarChar(Length::Max);

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

/// A value of a deprecated large type as one of the type that took its place.
fn large_as_modern(value: &Typed) -> Typed {
    Typed { ty: modern(&value.ty), ..value.clone() }
}

impl Binder<'_> {
    /// A string function; `None` if the name is none.
    pub fn text_function(&mut self, name: &str, values: &[Typed]) -> SqlResult<Option<Typed>> {
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
                if matches!(value.ty, SqlType::Xml | SqlType::Json) {
                    let ty = super::type_rules::type_name(&value.ty);
                    return Err(SqlError::unsupported(format!(
                        "DATALENGTH of {ty}, whose stored form is SQL Server's own"
                    )));
                }
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
                let value = &large_as_modern(value);
                if family(&value.ty) == Family::Binary {
                    let ty = SqlType::VarBinary(length_of(&value.ty).unwrap_or(Length::Max));
                    return Ok(Some(self.scalar("substring", vec![value.clone(), start, length], ty)));
                }
                if !is_text(&value.ty) {
                    return Err(invalid_argument(&value.ty, 1, name));
                }
                let ty = match (super::top::constant_count(&values[2]), length_of(&value.ty)) {
                    (Some(n), Some(Length::N(own))) if n > 0 => {
                        variable(&value.ty, Length::N(own.min(u16::try_from(n).unwrap_or(own))))
                    }
                    _ => same_length(&value.ty),
                };
                keep(self.scalar("substring", vec![value.clone(), start, length], ty), value)
            }
            ("LEFT" | "RIGHT", [value, count]) => {
                let text = self.as_text(value, 1, name)?;
                let ty = match (super::top::constant_count(count), length_of(&text.ty)) {
                    (Some(n), Some(Length::N(own))) if n > 0 => {
                        variable(&text.ty, Length::N(own.min(u16::try_from(n).unwrap_or(own))))
                    }
                    _ => same_length(&text.ty),
                };
                let count = self.big(count)?;
                keep(self.scalar(&name.to_ascii_lowercase(), vec![text.clone(), count], ty), &text)
            }
            ("REPLACE", [value, from, to]) => {
                let (value, from, to) =
                    (self.as_text(value, 1, name)?, self.as_text(from, 2, name)?, self.as_text(to, 3, name)?);
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
                let collation =
                    self.collation_argument(if text.collation == Collation::Default { &needle } else { &text });
                let ty = if length_of(&text.ty) == Some(Length::Max) { SqlType::BigInt } else { SqlType::Int };
                self.scalar("charindex", vec![needle, text, start, collation], ty)
            }
            ("PATINDEX", [pattern, text]) => {
                let text = if text.ty == SqlType::Image { text.clone() } else { large_as_modern(text) };
                let (pattern, text) = (self.as_text(pattern, 1, name)?, self.as_text(&text, 2, name)?);
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
                let (text, insert) =
                    (self.as_text(value, 1, name)?, cast(insert.clone(), &text_type(&insert.ty), None));
                let unicode = is_unicode(&text.ty) || is_unicode(&insert.ty);
                let alphabet = if unicode { MAX_TEXT } else { text.ty };
                let max = length_of(&text.ty) == Some(Length::Max) || length_of(&insert.ty) == Some(Length::Max);
                let ty = variable(&alphabet, if max { Length::Max } else { Length::N(8000) });
                let (start, length) = (self.big(start)?, self.big(length)?);
                Typed {
                    nullable: true,
                    ..keep(self.scalar("stuff", vec![text.clone(), start, length, insert], ty), &text)
                }
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
                Typed {
                    nullable: true,
                    ..self.scalar("quotename", vec![text, quote], SqlType::NVarChar(Length::N(258)))
                }
            }
            (
                "LEN" | "DATALENGTH" | "UPPER" | "LOWER" | "LTRIM" | "RTRIM" | "TRIM" | "REVERSE" | "ASCII" | "UNICODE"
                | "CHAR" | "NCHAR" | "SPACE",
                _,
            ) => return Err(arity(name, "1")),
            ("LEFT" | "RIGHT" | "REPLICATE" | "PATINDEX" | "CHARINDEX" | "QUOTENAME", _) => {
                return Err(arity(name, "2"));
            }
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
            ty if is_text(&modern(ty)) => modern(ty),
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
}
