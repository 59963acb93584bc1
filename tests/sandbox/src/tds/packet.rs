//! Packets (2.2.3): the eight-byte header and the splitting of messages.

use super::{WireError, WireResult};

/// Bytes of a packet header.
pub const HEADER_BYTES: usize = 8;
/// Size of packets before login and when a client asks for none.
pub const DEFAULT_PACKET_SIZE: usize = 4096;
/// Smallest and largest size a client can negotiate.
pub const PACKET_SIZES: std::ops::RangeInclusive<usize> = 512..=32767;

/// Last packet of its message.
pub const STATUS_END: u8 = 0x01;
/// The client gave the message up; it is not to be executed.
pub const STATUS_IGNORE: u8 = 0x02;
/// Reset the session before executing the message (`sp_reset_connection`).
pub const STATUS_RESET: u8 = 0x08;
/// The same, but the transaction goes on.
pub const STATUS_RESET_KEEP_TRANSACTION: u8 = 0x10;

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum PacketType {
    Batch,
    Rpc,
    Response,
    Attention,
    BulkLoad,
    Transaction,
    Login,
    PreLogin,
}

impl PacketType {
    /// Its code on the wire.
    pub fn code(self) -> u8 {
        match self {
            Self::Batch => 1,
            Self::Rpc => 3,
            Self::Response => 4,
            Self::Attention => 6,
            Self::BulkLoad => 7,
            Self::Transaction => 14,
            Self::Login => 16,
            Self::PreLogin => 18,
        }
    }

    fn from_code(code: u8) -> WireResult<Self> {
        Ok(match code {
            1 => Self::Batch,
            3 => Self::Rpc,
            6 => Self::Attention,
            7 => Self::BulkLoad,
            14 => Self::Transaction,
            16 => Self::Login,
            18 => Self::PreLogin,
            _ => return Err(WireError::malformed(format!("packet type {code}"))),
        })
    }
}

/// Header of a packet from a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the message is.
    pub kind: PacketType,
    /// `STATUS_*` bits.
    pub status: u8,
    /// Bytes that follow the header.
    pub payload: usize,
}

impl Header {
    /// Reads a header; the packet must not be larger than `packet_size`.
    pub fn decode(bytes: [u8; HEADER_BYTES], packet_size: usize) -> WireResult<Self> {
        let kind = PacketType::from_code(bytes[0])?;
        let length = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
        if !(HEADER_BYTES..=packet_size).contains(&length) {
            return Err(WireError::malformed(format!("packet of {length} bytes where {packet_size} were agreed")));
        }
        Ok(Self { kind, status: bytes[1], payload: length - HEADER_BYTES })
    }

    /// True for the last packet of a message.
    pub fn is_end(&self) -> bool {
        self.status & STATUS_END != 0
    }
}

/// Splits a message to the client into packets.
#[derive(Debug)]
pub struct Packetizer {
    kind: PacketType,
    packet_size: usize,
    next_id: u8,
}

impl Packetizer {
    /// For messages of `kind` in packets of `packet_size` bytes.
    pub fn new(kind: PacketType, packet_size: usize) -> Self {
        Self { kind, packet_size, next_id: 1 }
    }

    /// Takes full packets' worth from the front of `payload` and returns them framed. With `end`, takes everything and closes the
    /// message; without, at least one byte stays for the last packet.
    pub fn take(&mut self, payload: &mut Vec<u8>, end: bool) -> Vec<u8> {
        let room = self.packet_size - HEADER_BYTES;
        let whole = payload.len().saturating_sub(1) / room;
        let count = if end { whole + 1 } else { whole };
        let mut framed = Vec::with_capacity(payload.len() + count * HEADER_BYTES);
        let mut at = 0;
        for index in 0..count {
            let last = end && index + 1 == count;
            let length = room.min(payload.len() - at);
            self.put_header(&mut framed, length, last);
            framed.extend_from_slice(&payload[at..at + length]);
            at += length;
        }
        payload.drain(..at);
        if end {
            self.next_id = 1;
        }
        framed
    }

    fn put_header(&mut self, out: &mut Vec<u8>, payload: usize, last: bool) {
        // At most `packet_size`, which is at most 32767.
        let length = ((payload + HEADER_BYTES) as u16).to_be_bytes();
        let status = if last { STATUS_END } else { 0 };
        out.extend_from_slice(&[self.kind.code(), status, length[0], length[1], 0, 0, self.next_id, 0]);
        self.next_id = self.next_id.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn lengths(framed: &[u8]) -> Vec<(u8, usize)> {
        let mut at = 0;
        let mut found = Vec::new();
        while at < framed.len() {
            let length = usize::from(u16::from_be_bytes([framed[at + 2], framed[at + 3]]));
            found.push((framed[at + 1], length));
            at += length;
        }
        found
    }

    #[test]
    fn a_message_ends_with_exactly_one_last_packet() {
        for length in [0, 1, 503, 504, 505, 1008, 1009] {
            let mut packetizer = Packetizer::new(PacketType::Response, 512);
            let mut payload = vec![7; length];
            let mut framed = packetizer.take(&mut payload, false);
            framed.extend(packetizer.take(&mut payload, true));
            let found = lengths(&framed);
            assert_eq!(found.iter().map(|(_, bytes)| bytes - HEADER_BYTES).sum::<usize>(), length);
            assert_eq!(found.last().unwrap().0, STATUS_END);
            assert!(found.iter().rev().skip(1).all(|&(status, bytes)| status == 0 && bytes == 512));
            assert!(payload.is_empty());
        }
    }

    #[test]
    fn headers_with_impossible_lengths_or_types_are_refused() {
        assert!(Header::decode([1, 1, 0, 7, 0, 0, 0, 0], 4096).is_err());
        assert!(Header::decode([1, 1, 0x10, 1, 0, 0, 0, 0], 4096).is_err());
        assert!(Header::decode(*b"GET / HT", 4096).is_err());
        assert_eq!(Header::decode([1, 1, 0x10, 0, 0, 0, 0, 0], 4096).unwrap().payload, 4088);
    }
}
