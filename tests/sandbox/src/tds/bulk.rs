//! The stream of a bulk load (2.2.6.1): COLMETADATA, ROW tokens, DONE, spread over packets.

use super::cursor::Cursor;
use super::type_info::{Layout, TypeInfo};
use super::value::read_value;
use super::{WireError, WireResult};
use crate::session::ColumnMeta;
use crate::types::Datum;

const COLUMN_METADATA: u8 = 0x81;
const ROW: u8 = 0xD1;
const DONE: u8 = 0xFD;

/// Bytes of one row; a client that sends more is cut off.
const MAX_ROW_BYTES: usize = 256 * 1024 * 1024;

/// What a push or pull of the decoder yields.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress<T> {
    /// Something complete.
    Ready(T),
    /// More bytes are needed.
    Starved,
}

/// Decodes a bulk load as its packets arrive.
#[derive(Debug, Default)]
pub struct BulkDecoder {
    buffer: Vec<u8>,
    /// Start of what is not decoded yet.
    position: usize,
    /// No try before this many undecoded bytes are there, so that a large row is not decoded from its start for every packet.
    threshold: usize,
    /// The last packet arrived.
    complete: bool,
    types: Vec<TypeInfo>,
}

impl BulkDecoder {
    /// Adds a packet's payload.
    pub fn push(&mut self, payload: &[u8], last: bool) -> WireResult<()> {
        if self.position > 0 {
            self.buffer.drain(..self.position);
            self.position = 0;
        }
        if self.buffer.len() + payload.len() > MAX_ROW_BYTES {
            return Err(WireError::malformed("bulk row too large"));
        }
        self.buffer.extend_from_slice(payload);
        self.complete = last;
        Ok(())
    }

    /// Decodes the metadata that starts the stream.
    pub fn columns(&mut self) -> WireResult<Progress<Vec<ColumnMeta>>> {
        let (types, columns) = match self.attempt(read_columns)? {
            Progress::Ready(read) => read,
            Progress::Starved => return Ok(Progress::Starved),
        };
        self.types = types;
        Ok(Progress::Ready(columns))
    }

    /// Decodes the next row, or `None` at the end of the stream: a DONE, or nothing more after a row, as FreeTDS ends it.
    pub fn row(&mut self) -> WireResult<Progress<Option<Vec<Datum>>>> {
        if self.complete && self.position == self.buffer.len() {
            return Ok(Progress::Ready(None));
        }
        let types = std::mem::take(&mut self.types);
        let row = self.attempt(|cursor| read_row(cursor, &types));
        self.types = types;
        row
    }

    fn attempt<T>(&mut self, read: impl FnOnce(&mut Cursor<'_>) -> WireResult<T>) -> WireResult<Progress<T>> {
        let pending = self.buffer.len() - self.position;
        if pending < self.threshold && !self.complete {
            return Ok(Progress::Starved);
        }
        let mut cursor = Cursor::new(&self.buffer[self.position..]);
        match read(&mut cursor) {
            Ok(value) => {
                self.position += cursor.position();
                self.threshold = 0;
                Ok(Progress::Ready(value))
            }
            Err(WireError::Truncated(_)) if !self.complete => {
                self.threshold = 2 * pending;
                Ok(Progress::Starved)
            }
            Err(error) => Err(error),
        }
    }
}

fn read_columns(cursor: &mut Cursor<'_>) -> WireResult<(Vec<TypeInfo>, Vec<ColumnMeta>)> {
    const NULLABLE: u16 = 0x01;
    const IDENTITY: u16 = 0x10;
    if cursor.u8("bulk metadata")? != COLUMN_METADATA {
        return Err(WireError::malformed("a bulk load that does not start with its columns"));
    }
    let count = cursor.u16("column count")?;
    let mut types = Vec::new();
    let mut columns = Vec::new();
    for _ in 0..count {
        let _user_type = cursor.u32("user type")?;
        let flags = cursor.u16("column flags")?;
        let mut info = TypeInfo::read(cursor)?;
        if info.layout == Layout::LongLength {
            info.layout = Layout::TextPointer;
            // One text, not the parts that the server's own COLMETADATA counts: so do all clients that we know.
            cursor.us_varchar("table name")?;
        }
        let name = cursor.b_varchar("column name")?;
        types.push(info);
        columns.push(ColumnMeta {
            name,
            ty: info.ty,
            nullable: flags & NULLABLE != 0,
            identity: flags & IDENTITY != 0,
            computed: false,
        });
    }
    Ok((types, columns))
}

fn read_row(cursor: &mut Cursor<'_>, types: &[TypeInfo]) -> WireResult<Option<Vec<Datum>>> {
    match cursor.u8("bulk row")? {
        ROW => types.iter().map(|info| read_value(cursor, info)).collect::<WireResult<_>>().map(Some),
        DONE => {
            // Status, command and row count; clients of Microsoft's write four bytes of the count's eight.
            cursor.take(8, "end of bulk load")?;
            Ok(None)
        }
        other => Err(WireError::malformed(format!("token {other:#04x} in a bulk load"))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::tds::token::{Done, DoneKind, RowWriter, put_done};
    use crate::types::{Length, SqlType};

    fn stream(rows: &[Vec<Datum>]) -> Vec<u8> {
        let column =
            |name: &str, ty| ColumnMeta { name: name.into(), ty, nullable: true, identity: false, computed: false };
        let columns = [column("id", SqlType::Int), column("body", SqlType::VarBinary(Length::Max))];
        let mut bytes = Vec::new();
        let writer = RowWriter::start(&mut bytes, &columns, false);
        for row in rows {
            writer.row(&mut bytes, row).unwrap();
        }
        put_done(&mut bytes, DoneKind::Statement, Done::default());
        bytes
    }

    fn decode(bytes: &[u8], packet: usize) -> WireResult<Vec<Vec<Datum>>> {
        let mut decoder = BulkDecoder::default();
        let mut packets = bytes.chunks(packet).peekable();
        let mut feed = |decoder: &mut BulkDecoder| {
            let payload = packets.next().ok_or(WireError::Truncated("stream"))?;
            let last = packets.peek().is_none();
            decoder.push(payload, last)
        };
        loop {
            match decoder.columns()? {
                Progress::Ready(columns) => break assert_eq!(columns.len(), 2),
                Progress::Starved => feed(&mut decoder)?,
            }
        }
        let mut rows = Vec::new();
        loop {
            match decoder.row()? {
                Progress::Ready(Some(row)) => rows.push(row),
                Progress::Ready(None) => return Ok(rows),
                Progress::Starved => feed(&mut decoder)?,
            }
        }
    }

    #[test]
    fn rows_are_the_same_however_the_stream_is_cut_into_packets() {
        let rows = vec![
            vec![Datum::Int(1), Datum::Binary(vec![1; 300])],
            vec![Datum::Null, Datum::Null],
            vec![Datum::Int(3), Datum::Binary(vec![])],
        ];
        let bytes = stream(&rows);
        for packet in [1, 2, 7, 100, 10_000] {
            assert_eq!(decode(&bytes, packet).unwrap(), rows);
        }
    }

    #[test]
    fn a_stream_may_end_after_a_row_but_not_inside_one() {
        let row = vec![Datum::Int(1), Datum::Binary(vec![7; 50])];
        let done = 13;
        let empty = stream(&[]).len() - done;
        let bytes = stream(std::slice::from_ref(&row));
        let whole = bytes.len() - done;
        for length in 1..bytes.len() {
            let expected = match length {
                _ if length == empty => Some(vec![]),
                // The row's count in DONE may have four bytes only.
                _ if length == whole || length > whole + 8 => Some(vec![row.clone()]),
                _ => None,
            };
            assert_eq!(decode(&bytes[..length], 16).ok(), expected, "{length}");
        }
    }
}
