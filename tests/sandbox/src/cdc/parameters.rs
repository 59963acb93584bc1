//! Arguments of the procedures, matched to their parameters.

use crate::error::{SqlError, SqlResult};
use crate::types::Datum;

/// A parameter: its name with `@`, and whether it must be given.
pub type Parameter = (&'static str, Need);

/// Whether a parameter must be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Error 201 without it.
    Required,
    /// NULL without it.
    Optional,
}

/// The values that a call gave.
#[derive(Debug)]
pub struct Values {
    values: Vec<(&'static str, Datum)>,
}

impl Values {
    /// Matches arguments (name with `@` or empty, value) to a procedure's parameters: errors 201, 8144 and 8145.
    pub fn bind(procedure: &str, parameters: &[Parameter], arguments: &[(&str, Datum)]) -> SqlResult<Self> {
        let mut values: Vec<(&'static str, Datum)> = Vec::new();
        for (position, (name, value)) in arguments.iter().enumerate() {
            let parameter = if name.is_empty() {
                let too_many = || {
                    SqlError::new(8144, format!("Procedure or function {procedure} has too many arguments specified."))
                };
                parameters.get(position).ok_or_else(too_many)?
            } else {
                let unknown = || SqlError::new(8145, format!("{name} is not a parameter for procedure {procedure}."));
                parameters.iter().find(|parameter| parameter.0.eq_ignore_ascii_case(name)).ok_or_else(unknown)?
            };
            values.push((parameter.0, value.clone()));
        }
        let missing = parameters
            .iter()
            .find(|(name, need)| *need == Need::Required && !values.iter().any(|(given, _)| given == name));
        if let Some((name, _)) = missing {
            let text =
                format!("Procedure or function '{procedure}' expects parameter '{name}', which was not supplied.");
            return Err(SqlError::new(201, text).severity(16));
        }
        Ok(Self { values })
    }

    fn get(&self, name: &str) -> &Datum {
        self.values.iter().rev().find(|(given, _)| *given == name).map_or(&Datum::Null, |(_, value)| value)
    }

    /// Whether a value was given, if only NULL.
    pub fn is_given(&self, name: &str) -> bool {
        self.values.iter().any(|(given, _)| *given == name)
    }

    /// A name or other text; `None` for NULL.
    pub fn text(&self, name: &str) -> SqlResult<Option<String>> {
        match self.get(name) {
            Datum::Null => Ok(None),
            Datum::String(text) => Ok(Some(text.clone())),
            _ => Err(wrong_type(name, "nvarchar")),
        }
    }

    /// An integer of whatever width.
    pub fn integer(&self, name: &str) -> SqlResult<Option<i64>> {
        Ok(Some(match self.get(name) {
            Datum::Null => return Ok(None),
            Datum::Bit(value) => i64::from(*value),
            Datum::TinyInt(value) => i64::from(*value),
            Datum::SmallInt(value) => i64::from(*value),
            Datum::Int(value) => i64::from(*value),
            Datum::BigInt(value) => *value,
            Datum::String(text) => text.trim().parse().map_err(|_| wrong_type(name, "bigint"))?,
            _ => return Err(wrong_type(name, "bigint")),
        }))
    }

    /// A bit: any number but 0 is true.
    pub fn bit(&self, name: &str) -> SqlResult<Option<bool>> {
        Ok(self.integer(name)?.map(|value| value != 0))
    }

    /// Bytes.
    pub fn binary(&self, name: &str) -> SqlResult<Option<Vec<u8>>> {
        match self.get(name) {
            Datum::Null => Ok(None),
            Datum::Binary(bytes) => Ok(Some(bytes.clone())),
            _ => Err(wrong_type(name, "binary")),
        }
    }
}

fn wrong_type(name: &str, ty: &str) -> SqlError {
    SqlError::new(8114, format!("Error converting data type of {name} to {ty}."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const PARAMETERS: &[Parameter] = &[("@a", Need::Required), ("@b", Need::Optional)];

    #[test]
    fn arguments_are_matched_by_name_or_position() {
        let values = Values::bind("p", PARAMETERS, &[("", Datum::Int(1)), ("@B", Datum::String("x".into()))]).unwrap();
        assert_eq!(values.integer("@a").unwrap(), Some(1));
        assert_eq!(values.text("@b").unwrap().as_deref(), Some("x"));
        let values = Values::bind("p", PARAMETERS, &[("@a", Datum::Bit(true))]).unwrap();
        assert_eq!((values.bit("@a").unwrap(), values.text("@b").unwrap()), (Some(true), None));
    }

    #[test]
    fn what_does_not_match_has_its_error() {
        let number = |arguments: &[(&str, Datum)]| Values::bind("p", PARAMETERS, arguments).unwrap_err().number;
        assert_eq!(number(&[]), 201);
        assert_eq!(number(&[("@c", Datum::Null)]), 8145);
        assert_eq!(number(&[("", Datum::Null), ("", Datum::Null), ("", Datum::Null)]), 8144);
    }
}
