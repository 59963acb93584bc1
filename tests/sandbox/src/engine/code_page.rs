//! Code pages of `char` and `varchar`: that of the database's collation. A column of another one is refused, so a thread that works for
//! a session needs to know just the one of the session's database.
//!
//! Where Unicode text is converted and a character is lost, SQL Server takes Windows' best fit: a letter without an accent that the code
//! page lacks, the plain form of a wide one. What has none becomes `?`. For code page 1252 the table is
//! <https://www.unicode.org/Public/MAPPINGS/VENDORS/MICSFT/WindowsBestFit/bestfit1252.txt>, of which the letters and wide forms are
//! here; its other symbols are refused. For the other pages what is sure to have no fit becomes `?`, the rest is refused.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/collations/collation-and-unicode-support>.

use crate::error::{SqlError, SqlResult};
use encoding_rs::Encoding;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::OnceLock;

/// A code page of one byte a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Page {
    Cp874,
    Cp1250,
    Cp1251,
    Cp1252,
    Cp1253,
    Cp1254,
    Cp1255,
    Cp1256,
    Cp1257,
    Cp1258,
}

thread_local! {
    static CURRENT: Cell<Page> = const { Cell::new(Page::Cp1252) };
}

/// The code page of the database that this thread works for.
pub fn current() -> Page {
    CURRENT.get()
}

/// This thread works for a database of that code page from now on.
pub(super) fn set_current(page: Page) {
    CURRENT.set(page);
}

/// Code page 1252's characters for the bytes 0x80 to 0x9F; unassigned ones stand for themselves.
const CP1252_HIGH: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Characters of the upper 128 bytes, and their bytes.
#[derive(Debug)]
struct Table {
    chars: Vec<Option<char>>,
    bytes: HashMap<char, u8>,
}

impl Table {
    fn of(encoding: &'static Encoding) -> Self {
        let decode = |byte: u8| {
            let bytes = [byte];
            let text = encoding.decode_without_bom_handling_and_without_replacement(&bytes)?;
            text.chars().next()
        };
        let chars: Vec<Option<char>> = (0x80..=0xFF).map(decode).collect();
        let bytes = (0x80..=0xFF).zip(&chars).filter_map(|(byte, c)| c.map(|c| (c, byte))).collect();
        Self { chars, bytes }
    }
}

impl Page {
    /// Every one.
    const ALL: [Self; 10] = [
        Self::Cp874,
        Self::Cp1250,
        Self::Cp1251,
        Self::Cp1252,
        Self::Cp1253,
        Self::Cp1254,
        Self::Cp1255,
        Self::Cp1256,
        Self::Cp1257,
        Self::Cp1258,
    ];

    fn encoding(self) -> &'static Encoding {
        match self {
            Self::Cp874 => encoding_rs::WINDOWS_874,
            Self::Cp1250 => encoding_rs::WINDOWS_1250,
            Self::Cp1251 => encoding_rs::WINDOWS_1251,
            Self::Cp1252 => encoding_rs::WINDOWS_1252,
            Self::Cp1253 => encoding_rs::WINDOWS_1253,
            Self::Cp1254 => encoding_rs::WINDOWS_1254,
            Self::Cp1255 => encoding_rs::WINDOWS_1255,
            Self::Cp1256 => encoding_rs::WINDOWS_1256,
            Self::Cp1257 => encoding_rs::WINDOWS_1257,
            Self::Cp1258 => encoding_rs::WINDOWS_1258,
        }
    }

    /// Its number.
    pub fn number(self) -> u16 {
        match self {
            Self::Cp874 => 874,
            Self::Cp1250 => 1250,
            Self::Cp1251 => 1251,
            Self::Cp1252 => 1252,
            Self::Cp1253 => 1253,
            Self::Cp1254 => 1254,
            Self::Cp1255 => 1255,
            Self::Cp1256 => 1256,
            Self::Cp1257 => 1257,
            Self::Cp1258 => 1258,
        }
    }

    /// By its number.
    pub fn by_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|page| page.number() == number)
    }

    fn table(self) -> &'static Table {
        static TABLES: OnceLock<Vec<Table>> = OnceLock::new();
        let tables = TABLES.get_or_init(|| Self::ALL.map(|page| Table::of(page.encoding())).into());
        &tables[self as usize]
    }

    /// The byte of a character.
    pub fn byte(self, c: char) -> Option<u8> {
        match (self, u32::from(c)) {
            (_, code @ 0..=0x7F) => Some(code as u8),
            (Self::Cp1252, code @ 0xA0..=0xFF) => Some(code as u8),
            (Self::Cp1252, _) => CP1252_HIGH.iter().position(|high| *high == c).map(|i| 0x80 + i as u8),
            _ => self.table().bytes.get(&c).copied(),
        }
    }

    /// The character of a byte; `None` where the code page has none.
    pub fn char(self, byte: u8) -> Option<char> {
        match (self, byte) {
            (_, 0..=0x7F) => Some(char::from(byte)),
            (Self::Cp1252, 0x80..=0x9F) => Some(CP1252_HIGH[usize::from(byte - 0x80)]),
            (Self::Cp1252, _) => Some(char::from(byte)),
            _ => self.table().chars[usize::from(byte - 0x80)],
        }
    }

    /// Text of bytes.
    ///
    /// # Errors
    /// Refused for bytes that are no characters: Windows has private ones for them.
    pub fn text(self, bytes: &[u8]) -> SqlResult<String> {
        let whole: Option<String> = bytes.iter().map(|&byte| self.char(byte)).collect();
        whole.ok_or_else(|| SqlError::unsupported(format!("bytes that code page {} does not assign", self.number())))
    }
}

/// The text in characters of the current code page. A supplementary character is two code units, so two marks.
pub fn best_fit(text: &str) -> SqlResult<String> {
    let page = current();
    let mut fitted = String::with_capacity(text.len());
    for c in text.chars() {
        let western = page == Page::Cp1252;
        if page.byte(c).is_some() {
            fitted.push(c);
        } else if let Some(letter) = letter(c).filter(|_| western) {
            fitted.push(letter);
        } else if if western { has_symbols(c) } else { may_have_fit(c) } {
            let (code, number) = (u32::from(c), page.number());
            return Err(SqlError::unsupported(format!("the best fit of U+{code:04X} in code page {number}")));
        } else {
            fitted.extend(std::iter::repeat_n('?', c.len_utf16()));
        }
    }
    Ok(fitted)
}

/// What the best-fit tables of the other pages have entries for, or may: Latin and Greek letters, symbols, wide forms.
fn may_have_fit(c: char) -> bool {
    !matches!(c, '\u{400}'..='\u{45f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{10000}'..)
}

/// Latin Extended-A in order of code points from U+0100; a space stands for what the code page has or what has no fit.
const EXTENDED_A: &str = "AaAaAaCcCcCcCcDdÐdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIi  JjKk LlLlLl  LlNnNnNn   OoOoOo  RrRrRrSsSsSs  TtTtTtUuUuUuUuUuUuWwYy ZzZz   ";

fn letter(c: char) -> Option<char> {
    const WIDTH: u32 = 0xFEE0;
    match c {
        '\u{100}'..='\u{17e}' => {
            let at = (u32::from(c) - 0x100) as usize;
            EXTENDED_A.chars().nth(at).filter(|fit| *fit != ' ')
        }
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - WIDTH),
        _ => None,
    }
}

/// Blocks in which the best-fit table has entries beyond the letters.
fn has_symbols(c: char) -> bool {
    matches!(
        c,
        '\u{17f}'..='\u{36f}'
            | '\u{393}' | '\u{398}' | '\u{3a3}' | '\u{3a6}' | '\u{3a9}' | '\u{3b1}' | '\u{3b4}' | '\u{3b5}' | '\u{3c0}'
            | '\u{3c3}' | '\u{3c4}' | '\u{3c6}' | '\u{4bb}' | '\u{589}' | '\u{66a}'
            | '\u{2000}'..='\u{25ff}'
            | '\u{2758}'
            | '\u{3000}'..='\u{301f}'
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn letters_keep_their_base_and_what_has_none_is_a_question_mark() {
        assert_eq!(EXTENDED_A.chars().count(), 0x80);
        assert_eq!(best_fit("Łódź āĒ Šš žŽ ŒœŸ").unwrap(), "Lódz aE Šš žŽ ŒœŸ");
        assert_eq!(best_fit("Ａｂ１").unwrap(), "Ab1");
        assert_eq!(best_fit("中Ж😀").unwrap(), "????");
        assert!(best_fit("∞").is_err());
    }

    #[test]
    fn pages_are_those_of_windows() {
        for (number, byte, c) in [
            (1250, 0xB9, 'ą'),
            (1251, 0xE6, 'ж'),
            (1251, 0x88, '€'),
            (1252, 0x80, '€'),
            (1253, 0xE1, 'α'),
            (1254, 0xFD, 'ı'),
            (1255, 0xE0, 'א'),
            (1256, 0xC7, 'ا'),
            (1257, 0xE0, 'ą'),
            (1258, 0xF0, 'đ'),
            (874, 0xA1, 'ก'),
        ] {
            let page = Page::by_number(number).unwrap();
            assert_eq!((page.char(byte), page.byte(c), page.number()), (Some(c), Some(byte), number));
        }
        assert_eq!(Page::Cp1252.text(&[0x41, 0xE9]).unwrap(), "Aé");
        assert!(Page::Cp1253.text(&[0xAA]).is_err());
        assert_eq!(Page::by_number(932), None);
    }

    #[test]
    fn other_pages_lose_only_what_is_sure_to_be_lost() {
        set_current(Page::Cp1251);
        assert_eq!(best_fit("Жук €").unwrap(), "Жук €");
        assert_eq!(best_fit("中😀").unwrap(), "???");
        assert!(best_fit("é").is_err());
        set_current(Page::Cp1250);
        assert_eq!(best_fit("Łódź Ж").unwrap(), "Łódź ?");
        set_current(Page::Cp1252);
    }

    #[test]
    fn extended_a_lines_up_with_its_code_points() {
        for (c, fit) in [
            ('Ğ', 'G'),
            ('ı', 'i'),
            ('Ķ', 'K'),
            ('ł', 'l'),
            ('ň', 'n'),
            ('ő', 'o'),
            ('ř', 'r'),
            ('ť', 't'),
            ('ű', 'u'),
            ('ŵ', 'w'),
            ('ź', 'z'),
            ('ż', 'z'),
            ('đ', 'd'),
            ('Đ', 'Ð'),
        ] {
            assert_eq!(letter(c), Some(fit), "{c}");
        }
    }
}
