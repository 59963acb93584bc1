//! LOGIN7 (2.2.6.4): who logs in, to which database, and the packet size wanted.

use super::packet::{DEFAULT_PACKET_SIZE, PACKET_SIZES};
use super::text::decode_utf16;
use super::{WireError, WireResult};
use crate::error::SqlError;

/// TDS 7.3 revision A, the first with the date and time types, is the oldest version served.
const OLDEST_VERSION: u32 = 0x730A_0003;
/// TDS 7.3 revision B, the first with NBCROW.
const FIRST_WITH_NULL_BITMAP: u32 = 0x730B_0003;
/// TDS 7.4.
pub const TDS_7_4: u32 = 0x7400_0004;

/// Bytes up to the first variable field.
const FIXED_BYTES: usize = 94;
/// Largest login record: 128 KiB − 1 (2.2.6.4).
pub const MAX_BYTES: usize = 128 * 1024 - 1;
/// Longest of the record's text fields, in UTF-16 code units.
const MAX_FIELD: usize = 128;

/// Positions of the (offset, length) pairs in the fixed part.
mod field {
    pub const HOST_NAME: usize = 36;
    pub const USER_NAME: usize = 40;
    pub const PASSWORD: usize = 44;
    pub const APP_NAME: usize = 48;
    pub const EXTENSION: usize = 56;
    pub const DATABASE: usize = 68;
}

/// OptionFlags2: integrated security.
const FLAG2_INTEGRATED: u8 = 0x80;
/// OptionFlags3: the password is to be changed.
const FLAG3_CHANGE_PASSWORD: u8 = 0x01;
/// OptionFlags3: a feature extension is present.
const FLAG3_EXTENSION: u8 = 0x10;
/// Feature extension: federated authentication.
const FEATURE_FEDERATED: u8 = 0x02;
/// Feature extension: end.
const FEATURE_END: u8 = 0xFF;

/// What a LOGIN7 record asks for.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// SQL login.
    pub user: String,
    /// Password in the clear.
    pub password: String,
    /// Database, or empty.
    pub database: String,
    /// Client's host name.
    pub host_name: String,
    /// Client program.
    pub app_name: String,
    /// Packet size to use, already within bounds.
    pub packet_size: usize,
    /// TDS version to answer with.
    pub version: u32,
    /// The client understands NBCROW.
    pub null_bitmaps: bool,
    /// The client sent feature extensions and wants them acknowledged.
    pub extensions: bool,
}

/// Reads a LOGIN7 record. [`WireError::Refused`] for ways to log in that the sandbox leaves out.
pub fn decode(record: &[u8]) -> WireResult<Login> {
    if record.len() < FIXED_BYTES || record.len() > MAX_BYTES {
        return Err(WireError::malformed(format!("login record of {} bytes", record.len())));
    }
    let number = |at: usize| u32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]]);
    if number(0) as usize != record.len() {
        return Err(WireError::malformed("login record's length"));
    }
    let version = number(4);
    if !(OLDEST_VERSION..0x8000_0000).contains(&version) && version != 0x0800_0000 {
        return Err(SqlError::unsupported("TDS before version 7.3").into());
    }
    let (flags2, flags3) = (record[25], record[27]);
    if flags2 & FLAG2_INTEGRATED != 0 {
        return Err(SqlError::new(
            18452,
            "Login failed. The login is from an untrusted domain and cannot be used with Integrated authentication.",
        )
        .severity(14)
        .into());
    }
    if flags3 & FLAG3_CHANGE_PASSWORD != 0 {
        return Err(SqlError::unsupported("changing the password at login").into());
    }
    let extensions = flags3 & FLAG3_EXTENSION != 0;
    if extensions {
        check_features(record)?;
    }
    let packet_size = match number(8) as usize {
        0 => DEFAULT_PACKET_SIZE,
        size => size.clamp(*PACKET_SIZES.start(), *PACKET_SIZES.end()),
    };
    Ok(Login {
        user: text(record, field::USER_NAME)?,
        password: decode_utf16(&reveal(text_bytes(record, field::PASSWORD)?))?,
        database: text(record, field::DATABASE)?,
        host_name: text(record, field::HOST_NAME)?,
        app_name: text(record, field::APP_NAME)?,
        packet_size,
        version: version.min(TDS_7_4),
        null_bitmaps: version >= FIRST_WITH_NULL_BITMAP || version == 0x0800_0000,
        extensions,
    })
}

fn position(record: &[u8], at: usize) -> (usize, usize) {
    let word = |at: usize| usize::from(u16::from_le_bytes([record[at], record[at + 1]]));
    (word(at), word(at + 2))
}

fn text_bytes(record: &[u8], at: usize) -> WireResult<&[u8]> {
    let (offset, units) = position(record, at);
    if units > MAX_FIELD {
        return Err(WireError::malformed("login field too long"));
    }
    record.get(offset..offset + 2 * units).ok_or(WireError::Truncated("login field"))
}

fn text(record: &[u8], at: usize) -> WireResult<String> {
    decode_utf16(text_bytes(record, at)?)
}

/// Undoes the obfuscation of the password: each byte XOR 0xA5, then its halves swapped.
fn reveal(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| (byte ^ 0xA5).rotate_left(4)).collect()
}

/// Walks the feature extensions. All are optional offers but federated authentication, which replaces the password.
fn check_features(record: &[u8]) -> WireResult<()> {
    let (offset, _) = position(record, field::EXTENSION);
    let pointer = record.get(offset..offset + 4).ok_or(WireError::Truncated("feature extension"))?;
    let start = u32::from_le_bytes([pointer[0], pointer[1], pointer[2], pointer[3]]) as usize;
    let mut features =
        super::cursor::Cursor::new(record.get(start..).ok_or(WireError::Truncated("feature extension"))?);
    loop {
        match features.u8("feature")? {
            FEATURE_END => return Ok(()),
            FEATURE_FEDERATED => return Err(SqlError::unsupported("federated authentication").into()),
            _ => {
                let length = features.u32("feature length")? as usize;
                features.take(length, "feature data")?;
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A LOGIN7 record as a client writes it.
    pub(crate) fn record(user: &str, password: &str, database: &str) -> Vec<u8> {
        let mut record = vec![0; FIXED_BYTES];
        record[4..8].copy_from_slice(&TDS_7_4.to_le_bytes());
        record[8..12].copy_from_slice(&8000u32.to_le_bytes());
        for (at, text) in [(field::USER_NAME, user), (field::PASSWORD, password), (field::DATABASE, database)] {
            let mut units = Vec::new();
            super::super::text::put_utf16(&mut units, text);
            if at == field::PASSWORD {
                units.iter_mut().for_each(|byte| *byte = byte.rotate_left(4) ^ 0xA5);
            }
            let offset = record.len() as u16;
            record[at..at + 2].copy_from_slice(&offset.to_le_bytes());
            record[at + 2..at + 4].copy_from_slice(&(units.len() as u16 / 2).to_le_bytes());
            record.extend(units);
        }
        let length = record.len() as u32;
        record[0..4].copy_from_slice(&length.to_le_bytes());
        record
    }

    #[test]
    fn a_login_record_is_read_with_its_password_revealed() {
        let login = decode(&record("sa", "Pässw0rd!", "shop")).unwrap();
        assert_eq!(
            (login.user.as_str(), login.password.as_str(), login.database.as_str()),
            ("sa", "Pässw0rd!", "shop")
        );
        assert_eq!((login.packet_size, login.version, login.null_bitmaps), (8000, TDS_7_4, true));
    }

    #[test]
    fn no_prefix_or_bit_flip_of_a_record_panics() {
        let good = record("sa", "secret", "shop");
        for length in 0..good.len() {
            assert!(decode(&good[..length]).is_err());
        }
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                let _ = decode(&bad);
            }
        }
    }

    #[test]
    fn integrated_security_is_refused_with_18452() {
        let mut bad = record("sa", "secret", "shop");
        bad[25] |= FLAG2_INTEGRATED;
        assert!(matches!(decode(&bad), Err(WireError::Refused(error)) if error.number == 18452));
    }
}
