//! Frames and encodings: the only place that turns messages and changes into bytes and back.
//!
//! A frame is `length: u32 LE | crc32: u32 LE | body`, where `length` counts the body and the checksum covers it. The body is
//! bincode with the `legacy` configuration (fixed-width little-endian integers). bincode accepts many damaged buffers without
//! complaint, hence the checksum; every length is checked against what is there before anything is allocated.

use crate::change::Change;
use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longest body of a frame. A single row larger than this less its overhead cannot be replicated.
pub const MAX_FRAME: usize = 64 << 20;
/// Longest body before a client has logged in.
pub const MAX_HELLO: usize = 4 << 10;
/// Bytes before the body.
pub const HEADER: usize = 8;

/// Why bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Longer than allowed here.
    #[error("a frame of {length} bytes is longer than the {limit} allowed")]
    TooLong {
        /// Length it says it has.
        length: usize,
        /// What is allowed.
        limit: usize,
    },
    /// The checksum is another one.
    #[error("a frame's checksum does not match its content")]
    Checksum,
    /// The content makes no sense.
    #[error("a frame's content cannot be decoded: {0}")]
    Malformed(String),
}

const CONFIG: Configuration<LittleEndian, Fixint, Limit<MAX_FRAME>> =
    bincode::config::legacy().with_limit::<MAX_FRAME>();

/// Encodes a message into a frame at the end of `buffer`.
pub fn encode_frame<T: Serialize>(message: &T, buffer: &mut Vec<u8>) -> Result<(), CodecError> {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; HEADER]);
    bincode::serde::encode_into_std_write(message, buffer, CONFIG).map_err(malformed)?;
    let length = buffer.len() - start - HEADER;
    if length > MAX_FRAME {
        buffer.truncate(start);
        return Err(CodecError::TooLong { length, limit: MAX_FRAME });
    }
    let crc = crc32fast::hash(&buffer[start + HEADER..]);
    buffer[start..start + 4].copy_from_slice(&(length as u32).to_le_bytes());
    buffer[start + 4..start + HEADER].copy_from_slice(&crc.to_le_bytes());
    Ok(())
}

/// Length of the body that a frame's header announces, if allowed.
pub fn body_length(header: [u8; HEADER], limit: usize) -> Result<usize, CodecError> {
    let [a, b, c, d, ..] = header;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    if length > limit { Err(CodecError::TooLong { length, limit }) } else { Ok(length) }
}

/// Decodes the body of a frame, which must be used up to its end.
pub fn decode_body<T: DeserializeOwned>(header: [u8; HEADER], body: &[u8]) -> Result<T, CodecError> {
    let [.., a, b, c, d] = header;
    if crc32fast::hash(body) != u32::from_le_bytes([a, b, c, d]) {
        return Err(CodecError::Checksum);
    }
    let (message, used) = bincode::serde::decode_from_slice(body, CONFIG).map_err(malformed)?;
    if used == body.len() {
        Ok(message)
    } else {
        Err(CodecError::Malformed(format!("{} bytes too many", body.len() - used)))
    }
}

/// Like [`decode_body`], for a client that has not logged in: no length in it may announce more than [`MAX_HELLO`] bytes.
pub fn decode_hello<T: DeserializeOwned>(header: [u8; HEADER], body: &[u8]) -> Result<T, CodecError> {
    let [.., a, b, c, d] = header;
    if crc32fast::hash(body) != u32::from_le_bytes([a, b, c, d]) {
        return Err(CodecError::Checksum);
    }
    let config = bincode::config::legacy().with_limit::<MAX_HELLO>();
    let (message, used) = bincode::serde::decode_from_slice(body, config).map_err(malformed)?;
    if used == body.len() {
        Ok(message)
    } else {
        Err(CodecError::Malformed(format!("{} bytes too many", body.len() - used)))
    }
}

/// Encodes without a frame, for records that carry their own length and checksum.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
    bincode::serde::encode_to_vec(value, CONFIG).map_err(malformed)
}

/// Decodes what [`encode`] wrote; all of it must be used.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let (value, used) = bincode::serde::decode_from_slice(bytes, CONFIG).map_err(malformed)?;
    if used == bytes.len() {
        Ok(value)
    } else {
        Err(CodecError::Malformed(format!("{} bytes too many", bytes.len() - used)))
    }
}

/// Appends a change to a segment's payload.
pub fn encode_change(change: &Change, payload: &mut Vec<u8>) -> Result<(), CodecError> {
    bincode::serde::encode_into_std_write(change, payload, CONFIG).map(|_| ()).map_err(malformed)
}

/// The changes of a segment's payload, one by one.
pub fn decode_changes(payload: &[u8]) -> impl Iterator<Item = Result<Change, CodecError>> + '_ {
    let mut rest = payload;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        match bincode::serde::decode_from_slice::<Change, _>(rest, CONFIG) {
            Ok((change, used)) => {
                rest = &rest[used..];
                Some(Ok(change))
            }
            Err(error) => {
                rest = &[];
                Some(Err(malformed(error)))
            }
        }
    })
}

fn malformed(error: impl std::fmt::Display) -> CodecError {
    CodecError::Malformed(error.to_string())
}
