//! What starts every request (ALL_HEADERS, 2.2.5.3), batches (2.2.6.7) and transaction-manager requests (2.2.6.9).

use super::cursor::Cursor;
use super::text::decode_utf16;
use super::{WireError, WireResult};
use crate::error::SqlError;
use crate::session::TransactionRequest;

/// Header type of the transaction descriptor.
const TRANSACTION_DESCRIPTOR: u16 = 2;

/// Reads ALL_HEADERS and returns the transaction descriptor in it, 0 outside a transaction.
pub fn read_headers(cursor: &mut Cursor<'_>) -> WireResult<u64> {
    let total = cursor.u32("headers' length")? as usize;
    let mut headers =
        Cursor::new(cursor.take(total.checked_sub(4).ok_or(WireError::Truncated("headers"))?, "headers")?);
    let mut descriptor = 0;
    while !headers.is_empty() {
        let length = headers.u32("header length")? as usize;
        let mut header =
            Cursor::new(headers.take(length.checked_sub(4).ok_or(WireError::Truncated("header"))?, "header")?);
        if header.u16("header type")? == TRANSACTION_DESCRIPTOR {
            descriptor = header.u64("transaction descriptor")?;
        }
    }
    Ok(descriptor)
}

/// Reads a SQL batch: the transaction descriptor and the text.
pub fn read_batch(message: &[u8]) -> WireResult<(u64, String)> {
    let mut cursor = Cursor::new(message);
    let descriptor = read_headers(&mut cursor)?;
    Ok((descriptor, decode_utf16(cursor.rest())?))
}

/// Reads a transaction-manager request and its transaction descriptor.
pub fn read_transaction(message: &[u8]) -> WireResult<(u64, TransactionRequest)> {
    let mut cursor = Cursor::new(message);
    let descriptor = read_headers(&mut cursor)?;
    let request = match cursor.u16("transaction request")? {
        5 => {
            let isolation = isolation(&mut cursor)?;
            TransactionRequest::Begin { isolation, name: name(&mut cursor, Tail::Nothing)? }
        }
        7 => {
            name(&mut cursor, Tail::Flags)?;
            TransactionRequest::Commit { begin_new: begin_new(&mut cursor)? }
        }
        8 => {
            let name = name(&mut cursor, Tail::Flags)?;
            TransactionRequest::Rollback { name, begin_new: begin_new(&mut cursor)? }
        }
        9 => TransactionRequest::Save { name: name(&mut cursor, Tail::Nothing)? },
        other => {
            return Err(SqlError::unsupported(format_args!(
                "transaction-manager request {other} (distributed transactions)"
            ))
            .into());
        }
    };
    Ok((descriptor, request))
}

fn isolation(cursor: &mut Cursor<'_>) -> WireResult<u8> {
    match cursor.u8("isolation level")? {
        level @ 0..=5 => Ok(level),
        level => Err(WireError::malformed(format!("isolation level {level}"))),
    }
}

/// What follows a name.
#[derive(Clone, Copy, PartialEq)]
enum Tail {
    Nothing,
    Flags,
}

/// Reads a transaction's or savepoint's name. Clients disagree about its length byte: some count UTF-16 code units, some bytes.
fn name(cursor: &mut Cursor<'_>, tail: Tail) -> WireResult<String> {
    let length = usize::from(cursor.u8("transaction name")?);
    let in_bytes = match tail {
        Tail::Nothing => cursor.remaining() == length,
        // The flags byte is 0 or starts another begin; a name of twice the length would not leave room for it.
        Tail::Flags => cursor.remaining() < 2 * length + 1,
    };
    let bytes = if in_bytes { length } else { 2 * length };
    decode_utf16(cursor.take(bytes, "transaction name")?)
}

/// Reads the flags of COMMIT and ROLLBACK: whether a new transaction begins right after, and at which isolation level.
fn begin_new(cursor: &mut Cursor<'_>) -> WireResult<Option<u8>> {
    let begin_new = cursor.u8("transaction flags")? & 1 != 0;
    if begin_new { isolation(cursor).map(Some) } else { Ok(None) }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::tds::text::put_utf16;

    /// ALL_HEADERS with a transaction descriptor.
    pub(crate) fn headers(descriptor: u64) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&22u32.to_le_bytes());
        out.extend_from_slice(&18u32.to_le_bytes());
        out.extend_from_slice(&TRANSACTION_DESCRIPTOR.to_le_bytes());
        out.extend_from_slice(&descriptor.to_le_bytes());
        out.extend_from_slice(&1u32.to_le_bytes());
        out
    }

    #[test]
    fn a_batch_is_read_with_its_descriptor() {
        let mut message = headers(42);
        put_utf16(&mut message, "SELECT 'ž'");
        assert_eq!(read_batch(&message).unwrap(), (42, "SELECT 'ž'".to_owned()));
    }

    #[test]
    fn headers_that_lie_about_their_length_are_refused() {
        for bad in [&[][..], &[3, 0, 0, 0], &[5, 0, 0, 0], &[8, 0, 0, 0, 0, 0, 0, 0], &[9, 0, 0, 0, 5, 0, 0, 0, 1]] {
            assert!(read_batch(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_counted_in_bytes_and_in_units_both_read() {
        for (length, tail) in [(2u8, &[][..]), (4, &[])] {
            let mut message = headers(0);
            message.extend_from_slice(&[5, 0, 2, length]);
            put_utf16(&mut message, "tx");
            message.extend_from_slice(tail);
            let begin = TransactionRequest::Begin { isolation: 2, name: "tx".into() };
            assert_eq!(read_transaction(&message).unwrap().1, begin);
        }
        for length in [2u8, 4] {
            let mut message = headers(7);
            message.extend_from_slice(&[8, 0, length]);
            put_utf16(&mut message, "sp");
            message.push(0);
            let rollback = TransactionRequest::Rollback { name: "sp".into(), begin_new: None };
            assert_eq!(read_transaction(&message).unwrap(), (7, rollback));
        }
    }
}
