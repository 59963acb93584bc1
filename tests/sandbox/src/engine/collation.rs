//! T-SQL collations as SQLite collations of the same name.
//!
//! The name's suffixes say what counts: `_CI`/`_CS` case, `_AI`/`_AS` accents, `_BIN`/`_BIN2` plain code points. Trailing
//! spaces never count (<https://learn.microsoft.com/sql/t-sql/language-elements/string-comparison-assignment>).

use std::cell::RefCell;
use std::cmp::Ordering;
use std::sync::Arc;

use rusqlite::Connection;

use super::code_page::{self, Page};
use crate::error::{SqlError, SqlResult};

/// SQL Server's default for US English installations.
pub const DEFAULT_COLLATION: &str = "SQL_Latin1_General_CP1_CI_AS";
/// Collation of `datetimeoffset`: the UTC instant alone.
pub const OFFSET_COLLATION: &str = "sandbox_instant";

/// The collation of the database, as COLLATE may name it.
const DATABASE_DEFAULT: &str = "DATABASE_DEFAULT";

thread_local! {
    static CURRENT: RefCell<Arc<str>> = RefCell::new(DEFAULT_COLLATION.into());
}

/// The collation of the database that this thread works for.
pub fn default_name() -> String {
    CURRENT.with_borrow(|name| name.to_string())
}

/// This thread works for a database with that collation from now on.
pub fn enter(name: &Arc<str>) {
    CURRENT.with_borrow_mut(|current| {
        if !Arc::ptr_eq(current, name) {
            *current = Arc::clone(name);
            code_page::set_current(page(name).unwrap_or(Page::Cp1252));
        }
    });
}

/// The collation that COLLATE names.
pub fn named(name: &str) -> String {
    if name.eq_ignore_ascii_case(DATABASE_DEFAULT) { default_name() } else { name.to_owned() }
}

/// A collation for columns of `char`, `varchar` and `text` in the current database: refused with another code page.
pub fn for_column(name: &str, unicode: bool) -> SqlResult<String> {
    let name = named(name);
    rules(&name)?;
    if !unicode && page(&name) != Some(code_page::current()) {
        let text = format!("collation {name} for a column that is not Unicode, in a database of another code page");
        return Err(SqlError::unsupported(text));
    }
    Ok(name)
}

/// Collations of other code pages than 1252: how their names begin, the code page, the locale that stands for them on the wire, and
/// whether more than their binary ones can be compared here.
/// <https://learn.microsoft.com/sql/t-sql/statements/windows-collation-name-transact-sql>,
/// <https://learn.microsoft.com/sql/t-sql/statements/sql-server-collation-name-transact-sql>
const FAMILIES: &[(&str, Page, u32, bool)] = &[
    ("CYRILLIC_GENERAL_", Page::Cp1251, 0x0419, true),
    ("SQL_LATIN1_GENERAL_CP1251_", Page::Cp1251, 0x0419, true),
    ("UKRAINIAN_", Page::Cp1251, 0x0422, false),
    ("ALBANIAN_", Page::Cp1250, 0x041C, false),
    ("CROATIAN_", Page::Cp1250, 0x041A, false),
    ("CZECH_", Page::Cp1250, 0x0405, false),
    ("HUNGARIAN_", Page::Cp1250, 0x040E, false),
    ("POLISH_", Page::Cp1250, 0x0415, false),
    ("ROMANIAN_", Page::Cp1250, 0x0418, false),
    ("SLOVAK_", Page::Cp1250, 0x041B, false),
    ("SLOVENIAN_", Page::Cp1250, 0x0424, false),
    ("GREEK_", Page::Cp1253, 0x0408, false),
    ("TURKISH_", Page::Cp1254, 0x041F, false),
    ("HEBREW_", Page::Cp1255, 0x040D, false),
    ("ARABIC_", Page::Cp1256, 0x0401, false),
    ("ESTONIAN_", Page::Cp1257, 0x0425, false),
    ("LATVIAN_", Page::Cp1257, 0x0426, false),
    ("LITHUANIAN_", Page::Cp1257, 0x0427, false),
    ("VIETNAMESE_", Page::Cp1258, 0x042A, false),
    ("THAI_", Page::Cp874, 0x041E, false),
];

fn family(upper: &str) -> Option<(Page, u32, bool)> {
    if upper.starts_with("SQL_LATIN1_GENERAL_CP1_") || upper.starts_with("LATIN1_GENERAL_") {
        return Some((Page::Cp1252, 0x0409, true));
    }
    FAMILIES.iter().find(|family| upper.starts_with(family.0)).map(|&(_, page, locale, all)| (page, locale, all))
}

/// The code page of a collation.
pub fn page(name: &str) -> Option<Page> {
    family(&name.to_ascii_uppercase()).map(|family| family.0)
}

/// A collation as it crosses the wire: locale and flags in four bytes, and the sort order that SQL collations have.
/// <https://learn.microsoft.com/openspecs/windows_protocols/ms-tds/3d29e8dc-218a-42c6-9ba4-947ebca9fd7e>
pub fn on_the_wire(name: &str) -> [u8; 5] {
    const IGNORE_CASE: u32 = 1 << 20;
    const IGNORE_ACCENT: u32 = 1 << 21;
    const IGNORE_KANA_AND_WIDTH: u32 = 1 << 22 | 1 << 23;
    const BINARY: u32 = 1 << 24;
    const BINARY_2: u32 = 1 << 25;
    const VERSION: u32 = 28;
    let upper = name.to_ascii_uppercase();
    let has = |word: &str| upper.split('_').any(|part| part == word);
    let (_, locale, _) = family(&upper).unwrap_or((Page::Cp1252, 0x0409, true));
    let mut flags = match () {
        () if has("BIN2") => BINARY_2,
        () if has("BIN") => BINARY,
        () => {
            IGNORE_KANA_AND_WIDTH | if has("CI") { IGNORE_CASE } else { 0 } | if has("AI") { IGNORE_ACCENT } else { 0 }
        }
    };
    flags |= u32::from(has("90")) << VERSION | u32::from(has("100")) << (VERSION + 1);
    let sort_order = match (upper.as_str(), has("CS")) {
        (sql, cs) if sql.starts_with("SQL_LATIN1_GENERAL_CP1_") => {
            if cs {
                51
            } else if has("AI") {
                54
            } else {
                52
            }
        }
        (sql, cs) if sql.starts_with("SQL_LATIN1_GENERAL_CP1251_") => {
            if cs {
                105
            } else {
                106
            }
        }
        _ => 0,
    };
    let [a, b, c, d] = (locale | flags).to_le_bytes();
    [a, b, c, d, sort_order]
}

/// What a collation tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Upper and lower case differ.
    pub case: bool,
    /// Accents differ.
    pub accent: bool,
    /// Code points alone decide.
    pub binary: bool,
}

/// What the names of SQL Server's other collations start with
/// (<https://learn.microsoft.com/sql/t-sql/statements/windows-collation-name-transact-sql>).
const DESIGNATORS: &[&str] = &[
    "ALBANIAN_",
    "ARABIC_",
    "ASSAMESE_",
    "AZERI_",
    "BASHKIR_",
    "BENGALI_",
    "BOSNIAN_",
    "BRETON_",
    "CHINESE_",
    "CORSICAN_",
    "CROATIAN_",
    "CYRILLIC_",
    "CZECH_",
    "DANISH_",
    "DARI_",
    "DIVEHI_",
    "ESTONIAN_",
    "FINNISH_",
    "FRENCH_",
    "FRISIAN_",
    "GEORGIAN_",
    "GERMAN_",
    "GREEK_",
    "HEBREW_",
    "HUNGARIAN_",
    "ICELANDIC_",
    "INDIC_",
    "JAPANESE_",
    "KAZAKH_",
    "KHMER_",
    "KOREAN_",
    "LAO_",
    "LATVIAN_",
    "LITHUANIAN_",
    "MACEDONIAN_",
    "MALTESE_",
    "MAORI_",
    "MAPUDUNGAN_",
    "MODERN_",
    "MOHAWK_",
    "NEPALI_",
    "NORWEGIAN_",
    "PASHTO_",
    "PERSIAN_",
    "POLISH_",
    "ROMANIAN_",
    "ROMANSH_",
    "SAMI_",
    "SERBIAN_",
    "SLOVAK_",
    "SLOVENIAN_",
    "SQL_",
    "SYRIAC_",
    "TAMAZIGHT_",
    "TATAR_",
    "THAI_",
    "TIBETAN_",
    "TRADITIONAL_",
    "TURKISH_",
    "TURKMEN_",
    "UIGHUR_",
    "UKRAINIAN_",
    "UPPER_",
    "URDU_",
    "UZBEK_",
    "VIETNAMESE_",
    "WELSH_",
    "YAKUT_",
];

/// The rules of a collation by its name; error 448 for an unknown one.
pub fn rules(name: &str) -> SqlResult<Rules> {
    let upper = name.to_ascii_uppercase();
    let Some((_, _, linguistic)) = family(&upper) else {
        let refused = DESIGNATORS.iter().any(|name| upper.starts_with(name))
            && ["_CI_A", "_CS_A", "_BIN", "_CI_"].iter().any(|suffix| upper.contains(suffix));
        return Err(if refused {
            SqlError::unsupported(format!("collation {name}"))
        } else {
            SqlError::new(448, format!("Invalid collation '{name}'."))
        });
    };
    if upper.contains("_UTF8") {
        return Err(SqlError::unsupported(format!("UTF-8 collation {name}")));
    }
    let words: Vec<&str> = upper.split('_').collect();
    let has = |word: &str| words.contains(&word);
    if let Some(option) = ["SC", "WS", "KS", "VSS"].into_iter().find(|option| has(option)) {
        return Err(SqlError::unsupported(format!("collation {name} (option _{option})")));
    }
    if has("BIN") || has("BIN2") {
        return Ok(Rules { case: true, accent: true, binary: true });
    }
    match (has("CI"), has("CS"), has("AI"), has("AS")) {
        (ci, cs, ai, as_) if ci != cs && ai != as_ && !linguistic => {
            Err(SqlError::unsupported(format!("collation {name} (of this family the binary ones are supported)")))
        }
        (ci, cs, ai, as_) if ci != cs && ai != as_ => Ok(Rules { case: cs, accent: as_, binary: false }),
        _ => Err(SqlError::new(448, format!("Invalid collation '{name}'."))),
    }
}

/// Registers the collations on a connection; T-SQL ones as SQLite first meets their names.
pub fn register(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_collation(OFFSET_COLLATION, |a: &str, b: &str| a.get(..16).cmp(&b.get(..16)))?;
    connection.create_collation(super::variant::COLLATION, super::variant::compare)?;
    connection.create_collation(DEFAULT_COLLATION, compare_default)?;
    connection.collation_needed(|connection, name| match rules(name) {
        Ok(rules) => connection.create_collation(name, move |a: &str, b: &str| compare(a, b, rules)),
        Err(_) => Ok(()),
    })
}

fn compare_default(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() {
        return compare_ascii(a.trim_end_matches(' ').as_bytes(), b.trim_end_matches(' ').as_bytes());
    }
    compare(a, b, Rules { case: false, accent: true, binary: false })
}

/// [`compare`] without case where both sides are ASCII, which has no accents.
fn compare_ascii(a: &[u8], b: &[u8]) -> Ordering {
    for (x, y) in a.iter().zip(b) {
        if x != y && !x.eq_ignore_ascii_case(y) {
            return primary_weight(char::from(*x)).cmp(&primary_weight(char::from(*y)));
        }
    }
    a.len().cmp(&b.len())
}

/// Compares under a collation.
pub fn compare(a: &str, b: &str, rules: Rules) -> Ordering {
    let a = a.trim_end_matches(' ');
    let b = b.trim_end_matches(' ');
    if a == b {
        return Ordering::Equal;
    }
    if rules.binary {
        // UTF-16 order differs from UTF-8 order only past the basic plane.
        return a.encode_utf16().cmp(b.encode_utf16());
    }
    let primary = compare_by(a, b, |c| primary_weight(plain_form(c)));
    if primary != Ordering::Equal {
        return primary;
    }
    if rules.accent {
        let secondary = compare_by(a, b, |c| u32::from(lower(plain_form(c))));
        if secondary != Ordering::Equal {
            return secondary;
        }
    }
    if rules.case { compare_by(a, b, |c| u32::from(c.is_uppercase())) } else { Ordering::Equal }
}

fn compare_by(a: &str, b: &str, weight: impl Fn(char) -> u32) -> Ordering {
    let mut left = a.chars();
    let mut right = b.chars();
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) if x == y => {}
            (Some(x), Some(y)) => match weight(x).cmp(&weight(y)) {
                Ordering::Equal => {}
                unequal => return unequal,
            },
        }
    }
}

/// The character that stands for those that differ from it by width or kana alone, which no collation here tells apart.
fn plain_form(c: char) -> char {
    const FULL_WIDTH: u32 = 0xFEE0;
    const KATAKANA: u32 = 0x60;
    let shifted = match c {
        '\u{ff01}'..='\u{ff5e}' => u32::from(c) - FULL_WIDTH,
        '\u{3000}' => u32::from(' '),
        '\u{30a1}'..='\u{30f6}' => u32::from(c) - KATAKANA,
        _ => return c,
    };
    char::from_u32(shifted).unwrap_or(c)
}

/// Lower case by simple folding.
pub fn lower(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let mut folded = c.to_lowercase();
    match (folded.next(), folded.next()) {
        (Some(single), None) => single,
        _ => c,
    }
}

const DIGITS: u32 = 0x20_0000;
const LETTERS: u32 = 0x40_0000;

/// Punctuation before digits before letters; letters without their case and accent.
fn primary_weight(c: char) -> u32 {
    let c = base(lower(c));
    match c {
        '0'..='9' => DIGITS + u32::from(c),
        'a'..='z' => LETTERS + u32::from(c),
        c if c.is_alphabetic() => LETTERS + u32::from(c),
        c if c.is_numeric() => DIGITS + u32::from(c),
        c => u32::from(c),
    }
}

/// The letter under a Latin-1 or Latin Extended-A accent.
pub fn base(c: char) -> char {
    match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => 'c',
        'ď' => 'd',
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => 'e',
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => 'g',
        'ĥ' => 'h',
        'ì' | 'í' | 'î' | 'ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' => 'i',
        'ĵ' => 'j',
        'ķ' => 'k',
        'ĺ' | 'ļ' | 'ľ' => 'l',
        'ñ' | 'ń' | 'ņ' | 'ň' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ō' | 'ŏ' | 'ő' => 'o',
        'ŕ' | 'ŗ' | 'ř' => 'r',
        'ś' | 'ŝ' | 'ş' | 'š' => 's',
        'ţ' | 'ť' => 't',
        'ù' | 'ú' | 'û' | 'ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => 'u',
        'ŵ' => 'w',
        'ý' | 'ÿ' | 'ŷ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        'ё' => 'е',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn default_collation_ignores_case_and_trailing_spaces_but_not_accents() {
        assert_eq!(compare_default("Abc  ", "aBC"), Ordering::Equal);
        assert_ne!(compare_default("cafe", "café"), Ordering::Equal);
        assert_eq!(compare_default("café", "cafz"), Ordering::Less);
        assert_eq!(compare_default("a1", "aa"), Ordering::Less);
        assert_eq!(compare_default("_", "0"), Ordering::Less);
        assert_eq!(compare_default("ab", "ABC"), Ordering::Less);
    }

    #[test]
    fn binary_collation_tells_case_apart() {
        let rules = rules("Latin1_General_100_BIN2").unwrap();
        assert_eq!(compare("a", "A", rules), Ordering::Greater);
        assert_eq!(compare("a ", "a", rules), Ordering::Equal);
    }

    /// The bytes that a server sends for its own default and for others, as clients tell them apart.
    #[test]
    fn collations_have_their_bytes_on_the_wire() {
        assert_eq!(on_the_wire(DEFAULT_COLLATION), [0x09, 0x04, 0xD0, 0x00, 52]);
        assert_eq!(on_the_wire("Cyrillic_General_CI_AS"), [0x19, 0x04, 0xD0, 0x00, 0]);
        assert_eq!(on_the_wire("Polish_100_BIN2"), [0x15, 0x04, 0x00, 0x22, 0]);
        assert_eq!(page("thai_bin"), Some(Page::Cp874));
        assert_eq!(page("Japanese_CI_AS"), None);
    }

    #[test]
    fn cyrillic_letters_follow_their_alphabet() {
        let rules = rules("Cyrillic_General_CI_AS").unwrap();
        assert_eq!(compare("ЖУК", "жук", rules), Ordering::Equal);
        assert_eq!(compare("ёж", "жук", rules), Ordering::Less);
        assert_ne!(compare("ёж", "еж", rules), Ordering::Equal);
        assert_eq!(super::rules("Polish_CI_AS").unwrap_err().number, 50_000);
        assert!(super::rules("Polish_BIN2").is_ok());
    }

    #[test]
    fn unknown_collation_is_refused() {
        assert_eq!(rules("Klingon").unwrap_err().number, 448);
        assert!(rules("Japanese_CI_AS").is_err());
        assert_eq!(rules("Latin1_General_100_CI_AS_SC").unwrap_err().number, 50000);
    }
}
