//! Log sequence numbers.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// A log sequence number of a SQL Server database: virtual log file, block in it, slot in the block.
///
/// `binary(10)` on the server, big-endian, so that byte order and numeric order agree
/// (<https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-lsn-time-mapping-transact-sql>).
/// Its text form is that of SQL Server's tools, `0000002d:00000a68:0003`; it is also read as T-SQL shows the binary,
/// `0x0000002D00000A680003`. LSNs of different databases, or of a database
/// before and after a restore, must not be compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lsn {
    vlf: u32,
    block: u32,
    slot: u16,
}

impl Lsn {
    /// Before every real LSN.
    pub const ZERO: Lsn = Lsn { vlf: 0, block: 0, slot: 0 };
    /// After every real LSN.
    pub const MAX: Lsn = Lsn { vlf: u32::MAX, block: u32::MAX, slot: u16::MAX };

    /// From its three parts.
    pub const fn new(vlf: u32, block: u32, slot: u16) -> Self {
        Self { vlf, block, slot }
    }

    /// From the server's `binary(10)`.
    pub fn from_bytes(bytes: [u8; 10]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j] = bytes;
        Self {
            vlf: u32::from_be_bytes([a, b, c, d]),
            block: u32::from_be_bytes([e, f, g, h]),
            slot: u16::from_be_bytes([i, j]),
        }
    }

    /// To the server's `binary(10)`.
    pub fn to_bytes(self) -> [u8; 10] {
        let mut bytes = [0; 10];
        bytes[..4].copy_from_slice(&self.vlf.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.block.to_be_bytes());
        bytes[8..].copy_from_slice(&self.slot.to_be_bytes());
        bytes
    }

    /// The next LSN in the order of the `binary(10)`, as `sys.fn_cdc_increment_lsn` gives it; `None` after [`Lsn::MAX`].
    pub fn next(self) -> Option<Self> {
        let number = u128::from(self).checked_add(1)?;
        Self::try_from(number).ok()
    }

    /// The greatest LSN before it; `None` before the first.
    pub fn previous(self) -> Option<Self> {
        let number = u128::from(self).checked_sub(1)?;
        Self::try_from(number).ok()
    }
}

impl From<Lsn> for u128 {
    fn from(lsn: Lsn) -> u128 {
        (u128::from(lsn.vlf) << 48) | (u128::from(lsn.block) << 16) | u128::from(lsn.slot)
    }
}

/// A number or text that is not an LSN.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an LSN; expected the form 0000002d:00000a68:0003, or 0x0000002D00000A680003")]
pub struct InvalidLsn(String);

impl TryFrom<u128> for Lsn {
    type Error = InvalidLsn;
    fn try_from(number: u128) -> Result<Self, InvalidLsn> {
        let bytes = number.to_be_bytes();
        if bytes[..6].iter().any(|b| *b != 0) {
            return Err(InvalidLsn(number.to_string()));
        }
        let mut lsn = [0; 10];
        lsn.copy_from_slice(&bytes[6..]);
        Ok(Self::from_bytes(lsn))
    }
}

impl TryFrom<&[u8]> for Lsn {
    type Error = InvalidLsn;
    fn try_from(bytes: &[u8]) -> Result<Self, InvalidLsn> {
        <[u8; 10]>::try_from(bytes).map(Self::from_bytes).map_err(|_| InvalidLsn(format!("{} bytes", bytes.len())))
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}:{:08x}:{:04x}", self.vlf, self.block, self.slot)
    }
}

impl fmt::Debug for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// In formats for people, the text form; in others the three numbers.
impl Serialize for Lsn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            (self.vlf, self.block, self.slot).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Lsn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
        } else {
            let (vlf, block, slot) = Deserialize::deserialize(deserializer)?;
            Ok(Self { vlf, block, slot })
        }
    }
}

impl FromStr for Lsn {
    type Err = InvalidLsn;
    fn from_str(text: &str) -> Result<Self, InvalidLsn> {
        let invalid = || InvalidLsn(text.to_owned());
        if let Some(digits) = text.strip_prefix("0x") {
            let is_binary = digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_hexdigit());
            let number = u128::from_str_radix(digits, 16).ok().filter(|_| is_binary).ok_or_else(invalid)?;
            return Self::try_from(number);
        }
        let mut parts = text.split(':');
        let mut part = |digits: usize| {
            let part = parts.next()?;
            (part.len() == digits && part.bytes().all(|b| b.is_ascii_hexdigit())).then_some(part)
        };
        let (vlf, block, slot) =
            (part(8).ok_or_else(invalid)?, part(8).ok_or_else(invalid)?, part(4).ok_or_else(invalid)?);
        if parts.next().is_some() {
            return Err(invalid());
        }
        Ok(Self {
            vlf: u32::from_str_radix(vlf, 16).map_err(|_| invalid())?,
            block: u32::from_str_radix(block, 16).map_err(|_| invalid())?,
            slot: u16::from_str_radix(slot, 16).map_err(|_| invalid())?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Lsn;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn order_is_that_of_the_bytes(a: [u8; 10], b: [u8; 10]) {
            prop_assert_eq!(Lsn::from_bytes(a).cmp(&Lsn::from_bytes(b)), a.cmp(&b));
        }

        #[test]
        fn bytes_and_text_come_back(bytes: [u8; 10]) {
            let lsn = Lsn::from_bytes(bytes);
            prop_assert_eq!(lsn.to_bytes(), bytes);
            prop_assert_eq!(lsn.to_string().parse::<Lsn>().unwrap(), lsn);
            prop_assert_eq!(lsn.to_string().to_uppercase().parse::<Lsn>().unwrap(), lsn);
            prop_assert_eq!(format!("0x{:020X}", u128::from(lsn)).parse::<Lsn>().unwrap(), lsn);
        }

        #[test]
        fn nothing_lies_between_an_lsn_and_its_next(bytes: [u8; 10]) {
            let lsn = Lsn::from_bytes(bytes);
            if let Some(next) = lsn.next() {
                prop_assert!(next > lsn);
                prop_assert_eq!(u128::from(next), u128::from(lsn) + 1);
                prop_assert_eq!(next.previous(), Some(lsn));
            } else {
                prop_assert_eq!(lsn, Lsn::MAX);
            }
        }
    }

    #[test]
    fn the_wire_carries_ten_bytes() {
        let lsn = Lsn::new(1, 2, 3);
        let bytes = crate::codec::encode(&lsn).unwrap();
        assert_eq!(bytes, [1, 0, 0, 0, 2, 0, 0, 0, 3, 0]);
        assert_eq!(crate::codec::decode::<Lsn>(&bytes).unwrap(), lsn);
    }

    #[test]
    fn text_that_is_not_an_lsn_is_refused() {
        for text in [
            "",
            "1:2:3",
            "0000002d:00000a68:000",
            "0000002d:00000a68:0003:1",
            "0000002g:00000a68:0003",
            "+000002d:00000a68:0003",
            "0x",
            "0x0000002D00000A68000",
            "0x0000002D00000A6800031",
            "0x+000002D00000A680003",
            "0000002D00000A680003",
        ] {
            assert!(text.parse::<Lsn>().is_err(), "{text}");
        }
    }
}
