//! Remote procedure calls (2.2.6.6).

use super::cursor::Cursor;
use super::request::read_headers;
use super::type_info::TypeInfo;
use super::value::read_value;
use super::{WireError, WireResult};
use crate::error::SqlError;
use crate::session::Param;

/// In place of a name's length: a procedure number follows.
const BY_NUMBER: u16 = 0xFFFF;
/// Separates the calls of one message.
const NEXT_CALL: u8 = 0xFF;
/// The same, for calls that are not to be executed.
const NEXT_CALL_UNEXECUTED: u8 = 0xFE;

/// Parameter status: by reference.
const BY_REFERENCE: u8 = 0x01;
/// Parameter status: take the default; the value is NULL.
const DEFAULT_VALUE: u8 = 0x02;
/// Parameter status: encrypted.
const ENCRYPTED: u8 = 0x08;

/// Parameters of one call; SQL Server allows 2,100.
const MAX_PARAMS: usize = 2_100;

/// A call as the client sent it.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Procedure.
    pub procedure: String,
    /// Its parameters, without those left at their default.
    pub params: Vec<Param>,
}

/// Reads an RPC message: the transaction descriptor and the calls.
pub fn read_calls(message: &[u8]) -> WireResult<(u64, Vec<Call>)> {
    let mut cursor = Cursor::new(message);
    let descriptor = read_headers(&mut cursor)?;
    let mut calls = vec![read_call(&mut cursor)?];
    while !cursor.is_empty() {
        match cursor.u8("RPC separator")? {
            NEXT_CALL if cursor.is_empty() => break,
            NEXT_CALL => calls.push(read_call(&mut cursor)?),
            NEXT_CALL_UNEXECUTED => return Err(SqlError::unsupported("calls that are not to be executed").into()),
            other => return Err(WireError::malformed(format!("RPC separator {other:#04x}"))),
        }
    }
    Ok((descriptor, calls))
}

fn read_call(cursor: &mut Cursor<'_>) -> WireResult<Call> {
    let procedure = match cursor.u16("procedure name")? {
        BY_NUMBER => well_known(cursor.u16("procedure number")?)?.to_owned(),
        units => cursor.utf16(units.into(), "procedure name")?,
    };
    let _options = cursor.u16("RPC options")?;
    let mut params = Vec::new();
    let mut defaulted = false;
    while !matches!(cursor.peek(), None | Some(NEXT_CALL | NEXT_CALL_UNEXECUTED)) {
        if params.len() == MAX_PARAMS {
            // https://learn.microsoft.com/sql/sql-server/maximum-capacity-specifications-for-sql-server
            return Err(SqlError::new(8003, "The incoming request has too many parameters. The server supports a maximum of 2100 parameters. Reduce the number of parameters and resend the request.").into());
        }
        match read_param(cursor)? {
            Some(param) if defaulted && param.name.is_empty() => {
                return Err(SqlError::unsupported("a default parameter before a positional one").into());
            }
            Some(param) => params.push(param),
            None => defaulted = true,
        }
    }
    Ok(Call { procedure, params })
}

/// `None` for a parameter left at its default.
fn read_param(cursor: &mut Cursor<'_>) -> WireResult<Option<Param>> {
    let name = cursor.b_varchar("parameter name")?;
    let status = cursor.u8("parameter status")?;
    if status & ENCRYPTED != 0 {
        return Err(SqlError::unsupported("encrypted parameters").into());
    }
    let info = TypeInfo::read(cursor)?;
    let value = read_value(cursor, &info)?;
    if status & DEFAULT_VALUE != 0 {
        return Ok(None);
    }
    Ok(Some(Param { name, ty: info.ty, value, output: status & BY_REFERENCE != 0 }))
}

fn well_known(number: u16) -> WireResult<&'static str> {
    Ok(match number {
        10 => "sp_executesql",
        11 => "sp_prepare",
        12 => "sp_execute",
        13 => "sp_prepexec",
        15 => "sp_unprepare",
        1..=9 => return Err(SqlError::unsupported("server cursors (sp_cursor…)").into()),
        14 => "sp_prepexecrpc",
        _ => return Err(WireError::malformed(format!("procedure number {number}"))),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::tds::request::tests::headers;
    use crate::tds::text::put_utf16;
    use crate::tds::type_info::put_type_info;
    use crate::tds::value::put_value;
    use crate::types::{Datum, Length, SqlType};

    fn put_param(out: &mut Vec<u8>, name: &str, status: u8, ty: SqlType, value: &Datum) {
        out.push(name.len() as u8);
        put_utf16(out, name);
        out.push(status);
        let layout = put_type_info(out, ty, true);
        put_value(out, ty, layout, value).unwrap();
    }

    #[test]
    fn calls_by_number_and_by_name_are_read_in_one_message() {
        let mut message = headers(3);
        message.extend_from_slice(&[0xFF, 0xFF, 10, 0, 0, 0]);
        let text = SqlType::NVarChar(Length::Max);
        put_param(&mut message, "", 0, text, &Datum::String("SELECT 1".into()));
        put_param(&mut message, "@out", BY_REFERENCE, SqlType::Int, &Datum::Null);
        message.push(NEXT_CALL);
        message.extend_from_slice(&[2, 0, b'p', 0, b'q', 0, 0, 0]);
        put_param(&mut message, "@gone", DEFAULT_VALUE, SqlType::Int, &Datum::Null);
        put_param(&mut message, "@b", 0, SqlType::Bit, &Datum::Bit(true));

        let (descriptor, calls) = read_calls(&message).unwrap();
        assert_eq!(descriptor, 3);
        assert_eq!((calls[0].procedure.as_str(), calls[1].procedure.as_str()), ("sp_executesql", "pq"));
        let out = Param { name: "@out".into(), ty: SqlType::Int, value: Datum::Null, output: true };
        assert_eq!(calls[0].params[1], out);
        let flag = Param { name: "@b".into(), ty: SqlType::Bit, value: Datum::Bit(true), output: false };
        assert_eq!(calls[1].params, [flag]);

        for length in 0..message.len() {
            let _ = read_calls(&message[..length]);
        }
    }

    #[test]
    fn cursors_are_refused_without_ending_the_connection() {
        let mut message = headers(0);
        message.extend_from_slice(&[0xFF, 0xFF, 2, 0, 0, 0]);
        assert!(matches!(read_calls(&message), Err(WireError::Refused(_))));
    }
}
