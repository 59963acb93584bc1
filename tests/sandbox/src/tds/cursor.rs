//! A reading position in received bytes.

use super::{WireError, WireResult};

/// Reads little-endian fields from a byte slice; every read is checked against what is left.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    /// Starts at the beginning of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Bytes read so far.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Bytes left.
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.position
    }

    /// True at the end.
    pub fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// The next `length` bytes.
    pub fn take(&mut self, length: usize, what: &'static str) -> WireResult<&'a [u8]> {
        if length > self.remaining() {
            return Err(WireError::Truncated(what));
        }
        let taken = &self.bytes[self.position..self.position + length];
        self.position += length;
        Ok(taken)
    }

    /// Everything left.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.position..];
        self.position = self.bytes.len();
        rest
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> WireResult<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, what)?);
        Ok(array)
    }

    /// A byte.
    pub fn u8(&mut self, what: &'static str) -> WireResult<u8> {
        Ok(self.array::<1>(what)?[0])
    }

    /// A byte, without moving on.
    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    /// An unsigned 16-bit number.
    pub fn u16(&mut self, what: &'static str) -> WireResult<u16> {
        Ok(u16::from_le_bytes(self.array(what)?))
    }

    /// A big-endian unsigned 16-bit number.
    pub fn u16_be(&mut self, what: &'static str) -> WireResult<u16> {
        Ok(u16::from_be_bytes(self.array(what)?))
    }

    /// A signed 16-bit number.
    pub fn i16(&mut self, what: &'static str) -> WireResult<i16> {
        Ok(i16::from_le_bytes(self.array(what)?))
    }

    /// An unsigned 32-bit number.
    pub fn u32(&mut self, what: &'static str) -> WireResult<u32> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    /// A signed 32-bit number.
    pub fn i32(&mut self, what: &'static str) -> WireResult<i32> {
        Ok(i32::from_le_bytes(self.array(what)?))
    }

    /// An unsigned 64-bit number.
    pub fn u64(&mut self, what: &'static str) -> WireResult<u64> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    /// A signed 64-bit number.
    pub fn i64(&mut self, what: &'static str) -> WireResult<i64> {
        Ok(i64::from_le_bytes(self.array(what)?))
    }

    /// An unsigned number of 3 to 8 bytes.
    pub fn unsigned(&mut self, length: usize, what: &'static str) -> WireResult<u64> {
        let bytes = self.take(length, what)?;
        debug_assert!(length <= 8, "callers ask for at most eight bytes");
        Ok(bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    /// UTF-16 text of `units` code units.
    pub fn utf16(&mut self, units: usize, what: &'static str) -> WireResult<String> {
        super::text::decode_utf16(self.take(units * 2, what)?)
    }

    /// `B_VARCHAR` (2.2.5.1.2): a byte with the number of UTF-16 code units, then the text.
    pub fn b_varchar(&mut self, what: &'static str) -> WireResult<String> {
        let units = usize::from(self.u8(what)?);
        self.utf16(units, what)
    }

    /// `US_VARCHAR` (2.2.5.1.2): two bytes with the number of UTF-16 code units, then the text.
    pub fn us_varchar(&mut self, what: &'static str) -> WireResult<String> {
        let units = usize::from(self.u16(what)?);
        self.utf16(units, what)
    }
}
