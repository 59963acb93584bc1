//! Reading the columns of our own queries' rows.

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use proto::{Lsn, Value};
use uuid::Uuid;

/// A row of a query of ours, whose columns are known. `what` names the query in errors.
pub struct Fields<'a> {
    values: std::vec::IntoIter<Value>,
    index: usize,
    what: &'a str,
    place: &'a str,
}

impl<'a> Fields<'a> {
    /// Over a row.
    pub fn new(row: proto::Row, client: &'a Client, what: &'a str) -> Self {
        Self { values: row.into_iter(), index: 0, what, place: client.place() }
    }

    fn take<T>(&mut self, expected: &str, convert: impl FnOnce(Value) -> Option<T>) -> Result<T, Error> {
        self.index += 1;
        let index = self.index;
        self.values.next().and_then(convert).ok_or_else(|| {
            Error::new(
                ErrorKind::Type,
                self.what,
                self.place,
                format!("column {index} of the answer is not {expected}"),
            )
        })
    }

    /// A whole number of any width.
    pub fn integer(&mut self) -> Result<i64, Error> {
        self.take("a whole number", integer)
    }

    /// A whole number or NULL.
    pub fn optional_integer(&mut self) -> Result<Option<i64>, Error> {
        self.take(
            "a whole number or NULL",
            |value| if value == Value::Null { Some(None) } else { integer(value).map(Some) },
        )
    }

    /// A `decimal` without decimal places, or NULL.
    pub fn optional_decimal(&mut self) -> Result<Option<i128>, Error> {
        self.take("a decimal number or NULL", |value| match value {
            Value::Decimal { unscaled, scale: 0 } => Some(Some(unscaled)),
            Value::Null => Some(None),
            _ => None,
        })
    }

    /// A `bit`, or a whole number that is 0 or not; NULL is false.
    pub fn flag(&mut self) -> Result<bool, Error> {
        self.take("a flag", |value| match value {
            Value::Bit(flag) => Some(flag),
            Value::Null => Some(false),
            other => integer(other).map(|n| n != 0),
        })
    }

    /// Text.
    pub fn text(&mut self) -> Result<String, Error> {
        self.take("text", |value| if let Value::String(text) = value { Some(text) } else { None })
    }

    /// Text or NULL.
    pub fn optional_text(&mut self) -> Result<Option<String>, Error> {
        self.take("text or NULL", |value| match value {
            Value::String(text) => Some(Some(text)),
            Value::Null => Some(None),
            _ => None,
        })
    }

    /// An LSN as `binary(10)`.
    pub fn lsn(&mut self) -> Result<Lsn, Error> {
        self.take("an LSN", |value| if let Value::Bytes(bytes) = value { Lsn::try_from(&bytes[..]).ok() } else { None })
    }

    /// An LSN or NULL.
    pub fn optional_lsn(&mut self) -> Result<Option<Lsn>, Error> {
        self.take("an LSN or NULL", |value| match value {
            Value::Bytes(bytes) => Lsn::try_from(&bytes[..]).ok().map(Some),
            Value::Null => Some(None),
            _ => None,
        })
    }

    /// A `uniqueidentifier`.
    pub fn uuid(&mut self) -> Result<Uuid, Error> {
        self.take("a uniqueidentifier", |value| {
            if let Value::Guid(bytes) = value { Some(Uuid::from_bytes(bytes)) } else { None }
        })
    }
}

fn integer(value: Value) -> Option<i64> {
    match value {
        Value::U8(n) => Some(n.into()),
        Value::I16(n) => Some(n.into()),
        Value::I32(n) => Some(n.into()),
        Value::I64(n) => Some(n),
        Value::Bit(flag) => Some(flag.into()),
        _ => None,
    }
}
