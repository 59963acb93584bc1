//! Tokens of the server's response (2.2.7), each appended to a buffer.

use super::text::{COLLATION, clip, put_utf16};
use super::type_info::{Layout, put_type_info};
use super::value::{Misfit, null_bytes, put_value};
use crate::error::SqlError;
use crate::session::{ColumnMeta, Param, TransactionChange};
use crate::types::{Datum, SqlType};

const RETURN_STATUS: u8 = 0x79;
const COLUMN_METADATA: u8 = 0x81;
const ERROR: u8 = 0xAA;
const INFO: u8 = 0xAB;
const RETURN_VALUE: u8 = 0xAC;
const LOGIN_ACK: u8 = 0xAD;
const FEATURE_EXT_ACK: u8 = 0xAE;
const ROW: u8 = 0xD1;
const NULL_BITMAP_ROW: u8 = 0xD2;
const ENV_CHANGE: u8 = 0xE3;

/// User type of `timestamp` (2.2.7.4).
const TIMESTAMP_USER_TYPE: u32 = 0x50;

/// Column flags (2.2.7.4).
mod flag {
    pub const NULLABLE: u16 = 0x01;
    /// Whether it can be updated is not known, as the server says of a table's ordinary columns.
    pub const UPDATEABLE_UNKNOWN: u16 = 0x08;
    pub const IDENTITY: u16 = 0x10;
    pub const COMPUTED: u16 = 0x20;
}

/// Which of the three DONE tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoneKind {
    /// Of a batch's statement.
    Statement,
    /// Of a procedure.
    Procedure,
    /// Of a statement in a procedure.
    InProcedure,
}

/// A DONE token (2.2.7.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Done {
    /// Another DONE follows in this response.
    pub more: bool,
    /// The statement failed.
    pub error: bool,
    /// Acknowledges an attention.
    pub attention: bool,
    /// Rows, if counted.
    pub rows: Option<u64>,
    /// The statement was a SELECT.
    pub select: bool,
}

/// Appends a DONE, DONEPROC or DONEINPROC token.
pub fn put_done(out: &mut Vec<u8>, kind: DoneKind, done: Done) {
    const SELECT: u16 = 0xC1;
    out.push(match kind {
        DoneKind::Statement => 0xFD,
        DoneKind::Procedure => 0xFE,
        DoneKind::InProcedure => 0xFF,
    });
    let bit = |set: bool, mask: u16| if set { mask } else { 0 };
    let status =
        bit(done.more, 0x01) | bit(done.error, 0x02) | bit(done.rows.is_some(), 0x10) | bit(done.attention, 0x20);
    out.extend_from_slice(&status.to_le_bytes());
    out.extend_from_slice(&bit(done.select, SELECT).to_le_bytes());
    out.extend_from_slice(&done.rows.unwrap_or(0).to_le_bytes());
}

fn put_b_varchar(out: &mut Vec<u8>, text: &str) {
    let at = out.len();
    out.push(0);
    out[at] = (put_utf16(out, clip(text, 255)) / 2) as u8;
}

fn put_us_varchar(out: &mut Vec<u8>, text: &str, longest: usize) {
    let at = out.len();
    out.extend_from_slice(&[0; 2]);
    let units = (put_utf16(out, clip(text, longest)) / 2) as u16;
    out[at..at + 2].copy_from_slice(&units.to_le_bytes());
}

/// Appends a token whose body follows two length bytes.
fn put_sized(out: &mut Vec<u8>, token: u8, body: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&[token, 0, 0]);
    let at = out.len();
    body(out);
    // Bodies are a few texts of at most 255 units and a message that is clipped.
    let length = (out.len() - at) as u16;
    out[at - 2..at].copy_from_slice(&length.to_le_bytes());
}

/// Appends an ERROR token, or INFO for severities up to 10 (2.2.7.10, 2.2.7.13).
pub fn put_message(out: &mut Vec<u8>, server: &str, message: &SqlError) {
    /// Longer texts are cut, as the server cuts a RAISERROR at 2,044 characters.
    const LONGEST_TEXT: usize = 4000;
    put_sized(out, if message.severity > 10 { ERROR } else { INFO }, |out| {
        out.extend_from_slice(&message.number.to_le_bytes());
        out.extend_from_slice(&[message.state, message.severity]);
        put_us_varchar(out, &message.message, LONGEST_TEXT);
        put_b_varchar(out, server);
        put_b_varchar(out, &message.procedure);
        out.extend_from_slice(&message.line.to_le_bytes());
    });
}

/// Appends LOGINACK (2.2.7.14). `version` is the product's: major, minor, build (big-endian).
pub fn put_login_ack(out: &mut Vec<u8>, tds_version: u32, version: [u8; 4]) {
    put_sized(out, LOGIN_ACK, |out| {
        // Interface: T-SQL.
        out.push(1);
        out.extend_from_slice(&tds_version.to_be_bytes());
        put_b_varchar(out, "Microsoft SQL Server");
        out.extend_from_slice(&version);
    });
}

/// Appends FEATUREEXTACK (2.2.7.11) that takes up none of the features offered.
pub fn put_no_features(out: &mut Vec<u8>) {
    out.extend_from_slice(&[FEATURE_EXT_ACK, 0xFF]);
}

/// A change of the session that the client must know (2.2.7.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvChange<'a> {
    /// Database, old and new.
    Database(&'a str, &'a str),
    /// Language, set once at login.
    Language,
    /// Packet size, old and new.
    PacketSize(usize, usize),
    /// Collation, set once at login.
    Collation,
    /// Transaction began or ended.
    Transaction(TransactionChange),
    /// The session was reset as asked.
    Reset,
}

/// Appends ENVCHANGE.
pub fn put_env_change(out: &mut Vec<u8>, change: EnvChange<'_>) {
    put_sized(out, ENV_CHANGE, |out| match change {
        EnvChange::Database(old, new) => put_pair(out, 1, old, new),
        EnvChange::Language => put_pair(out, 2, "", "us_english"),
        EnvChange::PacketSize(old, new) => put_pair(out, 4, &old.to_string(), &new.to_string()),
        EnvChange::Collation => {
            out.extend_from_slice(&[7, 5]);
            out.extend_from_slice(&COLLATION);
            out.push(0);
        }
        EnvChange::Transaction(TransactionChange::Began(descriptor)) => {
            out.extend_from_slice(&[8, 8]);
            out.extend_from_slice(&descriptor.to_le_bytes());
            out.push(0);
        }
        EnvChange::Transaction(TransactionChange::Committed(descriptor)) => put_ended(out, 9, descriptor),
        EnvChange::Transaction(TransactionChange::RolledBack(descriptor)) => put_ended(out, 10, descriptor),
        EnvChange::Reset => out.extend_from_slice(&[18, 0, 0]),
    });
}

fn put_pair(out: &mut Vec<u8>, kind: u8, old: &str, new: &str) {
    out.push(kind);
    put_b_varchar(out, new);
    put_b_varchar(out, old);
}

fn put_ended(out: &mut Vec<u8>, kind: u8, descriptor: u64) {
    out.extend_from_slice(&[kind, 0, 8]);
    out.extend_from_slice(&descriptor.to_le_bytes());
}

/// Appends RETURNSTATUS (2.2.7.18).
pub fn put_return_status(out: &mut Vec<u8>, status: i32) {
    out.push(RETURN_STATUS);
    out.extend_from_slice(&status.to_le_bytes());
}

/// Appends RETURNVALUE (2.2.7.19) of the parameter at `ordinal`.
pub fn put_return_value(out: &mut Vec<u8>, ordinal: u16, param: &Param) -> Result<(), Misfit> {
    const OUTPUT_PARAMETER: u8 = 1;
    out.push(RETURN_VALUE);
    out.extend_from_slice(&ordinal.to_le_bytes());
    put_b_varchar(out, &param.name);
    out.push(OUTPUT_PARAMETER);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&flag::NULLABLE.to_le_bytes());
    let layout = put_type_info(out, param.ty, true);
    put_value(out, param.ty, layout, &param.value)
}

/// Writes a result set: COLMETADATA (2.2.7.4), then ROW (2.2.7.20) or NBCROW (2.2.7.15) tokens.
#[derive(Debug)]
pub struct RowWriter {
    columns: Vec<(SqlType, Layout)>,
    null_bitmaps: bool,
}

impl RowWriter {
    /// Appends the metadata. With `null_bitmaps`, rows use NBCROW where that is shorter.
    pub fn start(out: &mut Vec<u8>, columns: &[ColumnMeta], null_bitmaps: bool) -> Self {
        out.push(COLUMN_METADATA);
        // T-SQL allows 4,096 columns in a SELECT.
        out.extend_from_slice(&(columns.len() as u16).to_le_bytes());
        let columns = columns.iter().map(|column| {
            let user_type = if column.ty == SqlType::RowVersion { TIMESTAMP_USER_TYPE } else { 0 };
            out.extend_from_slice(&user_type.to_le_bytes());
            out.extend_from_slice(&column_flags(column).to_le_bytes());
            let layout = put_type_info(out, column.ty, column.nullable);
            if layout == Layout::TextPointer {
                // The table that the column is of: one part, without a name.
                out.extend_from_slice(&[1, 0, 0]);
            }
            put_b_varchar(out, &column.name);
            (column.ty, layout)
        });
        Self { columns: columns.collect(), null_bitmaps }
    }

    /// Appends a row. On error nothing of it stays.
    pub fn row(&self, out: &mut Vec<u8>, row: &[Datum]) -> Result<(), Misfit> {
        let start = out.len();
        let written = self.put_row(out, row);
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    fn put_row(&self, out: &mut Vec<u8>, row: &[Datum]) -> Result<(), Misfit> {
        if row.len() != self.columns.len() {
            return Err(Misfit(self.columns.first().map_or(SqlType::Int, |&(ty, _)| ty)));
        }
        if self.null_bitmaps && self.bitmap_pays(row) {
            return self.put_null_bitmap_row(out, row);
        }
        out.push(ROW);
        for (&(ty, layout), value) in self.columns.iter().zip(row) {
            put_value(out, ty, layout, value)?;
        }
        Ok(())
    }

    fn bitmap_pays(&self, row: &[Datum]) -> bool {
        let spared: usize = self
            .columns
            .iter()
            .zip(row)
            .filter(|(_, value)| matches!(value, Datum::Null))
            .map(|(&(_, layout), _)| null_bytes(layout))
            .sum();
        spared > row.len().div_ceil(8)
    }

    fn put_null_bitmap_row(&self, out: &mut Vec<u8>, row: &[Datum]) -> Result<(), Misfit> {
        out.push(NULL_BITMAP_ROW);
        let bitmap = out.len();
        out.resize(bitmap + row.len().div_ceil(8), 0);
        for (index, (&(ty, layout), value)) in self.columns.iter().zip(row).enumerate() {
            match value {
                Datum::Null if layout != Layout::Fixed => out[bitmap + index / 8] |= 1 << (index % 8),
                _ => put_value(out, ty, layout, value)?,
            }
        }
        Ok(())
    }
}

fn column_flags(column: &ColumnMeta) -> u16 {
    let nullable = if column.nullable { flag::NULLABLE } else { 0 };
    nullable
        | match (column.identity, column.computed) {
            (true, _) => flag::IDENTITY,
            (_, true) => flag::COMPUTED,
            _ => flag::UPDATEABLE_UNKNOWN,
        }
}
