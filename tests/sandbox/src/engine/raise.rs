//! RAISERROR and THROW.

use super::frame::Frame;
use super::plans::Batch;
use super::session::SqlSession;
use super::stop::{Exec, Stop};
use crate::error::{SqlError, SqlResult};
use crate::session::Sink;
use crate::tsql::ast::Expr;
use crate::types::{Datum, SqlType};

/// Longest message, in characters.
const MAX_MESSAGE: usize = 2047;
/// Number of a message given as text.
const USER_MESSAGE: i32 = 50_000;

impl SqlSession {
    /// `RAISERROR`: <https://learn.microsoft.com/sql/t-sql/language-elements/raiserror-transact-sql>.
    pub(super) fn raise_error(
        &mut self,
        batch: &Batch,
        (message, severity, state): (&Expr, &Expr, &Expr),
        arguments: &[Expr],
        line: u32,
        frame: &mut Frame,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        let (message, ty) = self.scalar(batch, message, frame)?;
        let (Datum::String(template), true) = (message, super::system_types::is_character(&ty)) else {
            return Err(SqlError::unsupported("RAISERROR with a message number").into());
        };
        let severity = self.integer(batch, severity, frame)?.clamp(0, 25);
        let state = self.integer(batch, state, frame)?.clamp(0, 255);
        if severity > 18 {
            let text = "Error severity levels greater than 18 can only be specified by members of the sysadmin role, using the \
                        WITH LOG option.";
            return Err(SqlError::new(2754, text).into());
        }
        let mut values = Vec::new();
        for argument in arguments {
            values.push(self.scalar(batch, argument, frame)?.0);
        }
        let text: String = format_message(&template, &values)?.chars().take(MAX_MESSAGE).collect();
        let error = SqlError::new(USER_MESSAGE, text).severity(severity as u8).with_state(state as u8).at_line(line);
        let error = self.in_module(error);
        if severity <= 10 {
            self.finished(0);
            sink.message(&error)?;
            return Ok(());
        }
        let mut session = self.shared.state();
        session.error = error.number;
        session.row_count = 0;
        if self.try_levels.is_empty() {
            drop(session);
            sink.message(&error)?;
            self.worst_severity = self.worst_severity.max(error.severity);
            return Ok(());
        }
        if session.options.xact_abort && session.tran_count > 0 {
            session.doomed = true;
        }
        Err(Stop::Raised { error, uncaught_at: None })
    }

    fn integer(&mut self, batch: &Batch, expr: &Expr, frame: &mut Frame) -> Exec<i32> {
        match self.scalar_as(batch, expr, &SqlType::Int, frame)? {
            Datum::Int(value) => Ok(value),
            _ => Ok(0),
        }
    }

    /// `THROW`: <https://learn.microsoft.com/sql/t-sql/language-elements/throw-transact-sql>.
    pub(super) fn throw(
        &mut self,
        batch: &Batch,
        arguments: Option<&(Expr, Expr, Expr)>,
        frame: &mut Frame,
    ) -> Exec<()> {
        let Some((number, message, state)) = arguments else {
            let caught = self.shared.state().caught.last().cloned();
            return Err(match caught {
                Some(error) => Stop::Error(SqlError { procedure: error.procedure.clone(), ..error }),
                None => {
                    let text = "To rethrow an error, a THROW statement must be used inside a CATCH block. Insert the THROW statement \
                                inside a CATCH block, or add error parameters to the THROW statement.";
                    Stop::Error(SqlError::new(10704, text).severity(15))
                }
            });
        };
        let number = self.integer(batch, number, frame)?;
        if number < USER_MESSAGE {
            let text = format!(
                "Error number {number} in the THROW statement is outside the valid range. Specify an error number in the valid range \
                 of 50000 to 2147483647."
            );
            return Err(SqlError::new(35100, text).severity(16).into());
        }
        let text = self.text_of(batch, message, frame)?.unwrap_or_default();
        let state = self.integer(batch, state, frame)?.clamp(0, 255);
        let text: String = text.chars().take(MAX_MESSAGE).collect();
        Err(SqlError::new(number, text).with_state(state as u8).into())
    }
}

/// Fills in `%s`, `%d`, `%i`, `%u`, `%x`, `%X`, `%o` with flags, width and precision.
fn format_message(template: &str, arguments: &[Datum]) -> SqlResult<String> {
    let mut out = String::new();
    let mut values = arguments.iter();
    let mut chars = template.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        if chars.peek() == Some(&'%') {
            chars.next();
            out.push('%');
            continue;
        }
        let mut spec = String::new();
        let kind = loop {
            match chars.next() {
                Some(f @ ('-' | '+' | '0'..='9' | ' ' | '#' | '.')) => spec.push(f),
                Some('l' | 'h') => {}
                Some('I') => {
                    // `%I64d`
                    chars.next();
                    chars.next();
                }
                Some(kind @ ('s' | 'd' | 'i' | 'u' | 'x' | 'X' | 'o')) => break kind,
                _ => return Err(SqlError::new(2787, format!("Invalid format specification: '%{spec}'."))),
            }
        };
        let value = match values.next() {
            None | Some(Datum::Null) => "(null)".to_owned(),
            Some(value) => format_value(value, kind)?,
        };
        out.push_str(&padded(&value, &spec));
    }
    Ok(out)
}

fn format_value(value: &Datum, kind: char) -> SqlResult<String> {
    let integer = match value {
        Datum::String(text) if kind == 's' => return Ok(text.clone()),
        Datum::Bit(v) => i64::from(*v),
        Datum::TinyInt(v) => i64::from(*v),
        Datum::SmallInt(v) => i64::from(*v),
        Datum::Int(v) => i64::from(*v),
        Datum::BigInt(v) => *v,
        _ => i64::MIN,
    };
    if kind == 's' || (integer == i64::MIN && !matches!(value, Datum::BigInt(_))) {
        let text =
            "The data type of substitution parameter 1 does not match the expected type of the format specification.";
        return Err(SqlError::new(2786, text));
    }
    Ok(match kind {
        'x' => format!("{integer:x}"),
        'X' => format!("{integer:X}"),
        'o' => format!("{integer:o}"),
        'u' if matches!(value, Datum::Int(_)) => format!("{}", integer as i32 as u32),
        _ => integer.to_string(),
    })
}

fn padded(value: &str, spec: &str) -> String {
    let (flags, rest) =
        spec.split_at(spec.find(|c: char| c.is_ascii_digit() && c != '0' || c == '.').unwrap_or(spec.len()));
    let (width, precision) = rest.split_once('.').unwrap_or((rest, ""));
    let value: String = match precision.parse::<usize>() {
        Ok(limit) => value.chars().take(limit).collect(),
        Err(_) => value.to_owned(),
    };
    let width: usize = width.parse().unwrap_or(0);
    match (flags.contains('-'), flags.contains('0')) {
        (true, _) => format!("{value:<width$}"),
        (false, true) => format!("{value:0>width$}"),
        (false, false) => format!("{value:>width$}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn messages_are_formatted_like_printf() {
        let values = [Datum::String("abc".into()), Datum::Int(7), Datum::Null];
        assert_eq!(format_message("%s has %d%% of %s", &values).unwrap(), "abc has 7% of (null)");
        assert_eq!(
            format_message("[%5d|%-4d|%03d]", &[Datum::Int(1), Datum::Int(2), Datum::Int(3)]).unwrap(),
            "[    1|2   |003]"
        );
        assert_eq!(format_message("[%.2s]", &values).unwrap(), "[ab]");
        assert!(format_message("%s", &[Datum::Int(1)]).is_err());
    }
}
