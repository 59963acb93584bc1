//! Records and their form on disk.
//!
//! ```text
//!  0  u32   CRC-32 of the header from byte 4 and of the head
//!  4  u32   length of the head
//!  8  u32   length of the payload
//! 12  u32   CRC-32 of the payload
//! 16  u128  key
//! 32  u8    flags: 1 ends a unit, 2 that counts
//! 33        zero, to 40
//! 40        head, then payload
//! ```
//! All little-endian. Head and payload have checksums of their own so that a reader can use a head without reading its payload.

use proto::codec::MAX_FRAME;

/// Bytes before a record's head.
pub(super) const HEADER: usize = 40;
const ENDS_UNIT: u8 = 1;
const COUNTS: u8 = 2;

/// What is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Equal within a unit, higher than that of the unit before.
    pub key: u128,
    /// Whether it is the last of its unit.
    pub ends_unit: bool,
    /// Whether the unit is counted in [`super::Place::units`]; looked at in its last record.
    pub counts: bool,
    /// What every reader reads.
    pub head: Vec<u8>,
    /// What only some readers read, in parts. Stored one after the other.
    pub payload: Vec<Vec<u8>>,
}

/// A record as read, without its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordHead {
    /// [`Record::key`].
    pub key: u128,
    /// [`Record::ends_unit`].
    pub ends_unit: bool,
    /// [`Record::counts`].
    pub counts: bool,
    /// [`Record::head`].
    pub head: Vec<u8>,
    /// Length of the payload.
    pub payload: u32,
}

impl Record {
    /// Bytes it takes in a log.
    pub fn stored_size(&self) -> u64 {
        (HEADER + self.head.len() + self.payload.iter().map(Vec::len).sum::<usize>()) as u64
    }

    /// Whether its lengths can be stored; a frame from the network always can.
    pub(super) fn fits(&self) -> bool {
        self.stored_size() <= 2 * MAX_FRAME as u64
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let mut payload_crc = crc32fast::Hasher::new();
        let mut payload = 0;
        for part in &self.payload {
            payload_crc.update(part);
            payload += part.len();
        }
        let flags = u8::from(self.ends_unit) * ENDS_UNIT + u8::from(self.counts) * COUNTS;
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&(self.head.len() as u32).to_le_bytes());
        out.extend_from_slice(&(payload as u32).to_le_bytes());
        out.extend_from_slice(&payload_crc.finalize().to_le_bytes());
        out.extend_from_slice(&self.key.to_le_bytes());
        out.extend_from_slice(&[flags, 0, 0, 0, 0, 0, 0, 0]);
        out.extend_from_slice(&self.head);
        let crc = crc32fast::hash(&out[start + 4..]);
        out[start..start + 4].copy_from_slice(&crc.to_le_bytes());
        for part in &self.payload {
            out.extend_from_slice(part);
        }
    }
}

/// A record's header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    crc: u32,
    pub(super) head: u32,
    pub(super) payload: u32,
    pub(super) payload_crc: u32,
    pub(super) key: u128,
    flags: u8,
    after_crc: [u8; HEADER - 4],
}

impl Header {
    pub(super) fn parse(bytes: [u8; HEADER]) -> Self {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let mut key = [0; 16];
        key.copy_from_slice(&bytes[16..32]);
        let mut after_crc = [0; HEADER - 4];
        after_crc.copy_from_slice(&bytes[4..]);
        Self {
            crc: word(0),
            head: word(4),
            payload: word(8),
            payload_crc: word(12),
            key: u128::from_le_bytes(key),
            flags: bytes[32],
            after_crc,
        }
    }

    /// Whether this is a header that was written, together with this head.
    pub(super) fn matches(&self, head: &[u8]) -> bool {
        let mut crc = crc32fast::Hasher::new();
        crc.update(&self.after_crc);
        crc.update(head);
        crc.finalize() == self.crc
    }

    pub(super) fn ends_unit(&self) -> bool {
        self.flags & ENDS_UNIT != 0
    }

    pub(super) fn counts(&self) -> bool {
        self.flags & COUNTS != 0
    }

    /// Length of the whole record.
    pub(super) fn size(&self) -> u64 {
        HEADER as u64 + u64::from(self.head) + u64::from(self.payload)
    }
}
