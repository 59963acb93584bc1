//! Character encodings of the wire: UTF-16 for the national types, the code page of their collation for the others.

use super::cursor::Cursor;
use super::{WireError, WireResult};
use crate::engine::code_page::{self, Page};
use crate::engine::collation::{default_name, on_the_wire};
use crate::error::SqlError;

/// `SQL_Latin1_General_CP1_CI_AS` as it crosses the wire (2.2.5.1.2 Collation Rule Definition): LCID 0x0409, flags
/// ignore-case, ignore-kana and ignore-width, sort order 52.
pub const COLLATION: [u8; 5] = [0x09, 0x04, 0xD0, 0x00, 52];

/// `Latin1_General_100_BIN2_UTF8`: LCID 0x0409, the flags of BIN2 and UTF-8, version 2, no sort order.
pub const BINARY_UTF8: [u8; 5] = [0x09, 0x04, 0x00, 0x26, 0];

/// The `fUTF8` flag of a collation, bit 26.
const UTF8_FLAG: u32 = 1 << 26;

/// How a `char`, `varchar` or `text` value is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodePage {
    /// One of a byte a character.
    Windows(Page),
    /// UTF-8.
    Utf8,
    /// One that the sandbox does not know: only ASCII passes.
    Unknown,
}

impl CodePage {
    /// Windows-1252.
    pub const WESTERN: Self = Self::Windows(Page::Cp1252);

    /// Reads a collation.
    pub fn read(cursor: &mut Cursor<'_>) -> WireResult<Self> {
        let info = cursor.u32("collation")?;
        let sort_order = cursor.u8("collation")?;
        let locale = match info & 0xFFFF {
            // English (US) and the other western European ones.
            0 | 0x0409 | 0x0407 | 0x040A | 0x040C | 0x0410 | 0x0413 | 0x0416 | 0x0809 | 0x0C0A => Some(Page::Cp1252),
            0x0405 | 0x040E | 0x0415 | 0x0418 | 0x041A | 0x041B | 0x041C | 0x0424 => Some(Page::Cp1250),
            0x0419 | 0x0422 => Some(Page::Cp1251),
            0x0408 => Some(Page::Cp1253),
            0x041F => Some(Page::Cp1254),
            0x040D => Some(Page::Cp1255),
            0x0401 => Some(Page::Cp1256),
            0x0425..=0x0427 => Some(Page::Cp1257),
            0x042A => Some(Page::Cp1258),
            0x041E => Some(Page::Cp874),
            _ => None,
        };
        Ok(match (sort_order, locale) {
            _ if info & UTF8_FLAG != 0 => Self::Utf8,
            // The sort orders of code pages 1252 and 1251.
            (50..=54 | 71 | 72 | 183..=186, _) => Self::WESTERN,
            (104..=106, _) => Self::Windows(Page::Cp1251),
            (0, Some(page)) => Self::Windows(page),
            _ => Self::Unknown,
        })
    }

    /// Decodes a value.
    pub fn decode(self, bytes: &[u8]) -> WireResult<String> {
        if bytes.is_ascii() {
            // ASCII is UTF-8.
            return String::from_utf8(bytes.to_vec()).map_err(|_| WireError::malformed("text"));
        }
        match self {
            Self::Windows(page) => Ok(page.text(bytes)?),
            Self::Utf8 => String::from_utf8(bytes.to_vec()).map_err(|_| WireError::malformed("invalid UTF-8")),
            Self::Unknown => Err(SqlError::unsupported("text in a collation of this code page").into()),
        }
    }
}

/// The collation of the database that this thread works for, as columns of a result tell it.
pub fn collation() -> [u8; 5] {
    on_the_wire(&default_name())
}

/// Appends `text` in the code page of the database that this thread works for, `?` for what it cannot represent. Returns the number of
/// bytes.
pub fn put_narrow(out: &mut Vec<u8>, text: &str) -> usize {
    if text.is_ascii() {
        out.extend_from_slice(text.as_bytes());
        return text.len();
    }
    let start = out.len();
    let page = code_page::current();
    out.extend(text.chars().map(|character| page.byte(character).unwrap_or(b'?')));
    out.len() - start
}

/// Appends `text` as UTF-16 little-endian. Returns the number of bytes.
pub fn put_utf16(out: &mut Vec<u8>, text: &str) -> usize {
    let start = out.len();
    if text.is_ascii() {
        out.resize(start + 2 * text.len(), 0);
        for (unit, byte) in out[start..].chunks_exact_mut(2).zip(text.bytes()) {
            unit[0] = byte;
        }
    } else {
        out.reserve(2 * text.len());
        for unit in text.encode_utf16() {
            out.extend_from_slice(&unit.to_le_bytes());
        }
    }
    out.len() - start
}

/// Decodes UTF-16 little-endian. A lone surrogate, which SQL Server would keep, is refused rather than replaced.
pub fn decode_utf16(bytes: &[u8]) -> WireResult<String> {
    if !bytes.len().is_multiple_of(2) {
        return Err(WireError::malformed("UTF-16 text of an odd number of bytes"));
    }
    let units = || bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    if units().all(|unit| unit < 0x80) {
        let ascii = bytes.iter().step_by(2).copied().collect();
        return String::from_utf8(ascii).map_err(|_| WireError::malformed("text"));
    }
    char::decode_utf16(units())
        .collect::<Result<String, _>>()
        .map_err(|_| SqlError::unsupported("text with an unpaired UTF-16 surrogate").into())
}

/// At most `units` UTF-16 code units of `text`.
pub fn clip(text: &str, units: usize) -> &str {
    let mut left = units;
    for (at, character) in text.char_indices() {
        if character.len_utf16() > left {
            return &text[..at];
        }
        left -= character.len_utf16();
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_byte_of_code_page_1252_survives_decoding_and_encoding() {
        let all: Vec<u8> = (0..=255).collect();
        let text = CodePage::WESTERN.decode(&all).unwrap();
        let mut back = Vec::new();
        assert_eq!(put_narrow(&mut back, &text), 256);
        assert_eq!(back, all);
    }

    #[test]
    fn a_character_outside_the_code_page_becomes_a_question_mark() {
        let mut out = Vec::new();
        put_narrow(&mut out, "a€\u{4e2d}");
        assert_eq!(out, [b'a', 0x80, b'?']);
    }

    #[test]
    fn utf16_survives_and_lone_surrogates_are_refused() {
        for text in ["", "plain", "žluť 𝄞 中"] {
            let mut out = Vec::new();
            assert_eq!(put_utf16(&mut out, text), text.encode_utf16().count() * 2);
            assert_eq!(decode_utf16(&out).unwrap(), text);
        }
        assert!(matches!(decode_utf16(&[0, 0xd8]), Err(WireError::Refused(_))));
        assert!(matches!(decode_utf16(&[0]), Err(WireError::Malformed(_))));
    }

    #[test]
    fn clipping_never_splits_a_surrogate_pair() {
        assert_eq!(clip("ab𝄞", 3), "ab");
        assert_eq!(clip("ab𝄞", 4), "ab𝄞");
    }
}
