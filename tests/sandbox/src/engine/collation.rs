//! T-SQL collations as SQLite collations of the same name.
//!
//! The name's suffixes say what counts: `_CI`/`_CS` case, `_AI`/`_AS` accents, `_BIN`/`_BIN2` plain code points. Trailing
//! spaces never count (<https://learn.microsoft.com/sql/t-sql/language-elements/string-comparison-assignment>).

use std::cmp::Ordering;

use rusqlite::Connection;

use crate::error::{SqlError, SqlResult};

/// SQL Server's default for US English installations.
pub const DEFAULT_COLLATION: &str = "SQL_Latin1_General_CP1_CI_AS";
/// Collation of `datetimeoffset`: the UTC instant alone.
pub const OFFSET_COLLATION: &str = "sandbox_instant";

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
    let known = upper.starts_with("SQL_LATIN1_GENERAL_CP1_") || upper.starts_with("LATIN1_GENERAL_");
    if !known {
        let refused = DESIGNATORS.iter().any(|name| upper.starts_with(name))
            && ["_CI_A", "_CS_A", "_BIN", "_CI_"].iter().any(|suffix| upper.contains(suffix));
        return Err(if refused {
            SqlError::unsupported(format!("collation {name} (the Latin1_General family is supported)"))
        } else {
            SqlError::new(448, format!("Invalid collation '{name}'."))
        });
    }
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

    #[test]
    fn unknown_collation_is_refused() {
        assert_eq!(rules("Klingon").unwrap_err().number, 448);
        assert!(rules("Japanese_CI_AS").is_err());
        assert_eq!(rules("Latin1_General_100_CI_AS_SC").unwrap_err().number, 50000);
    }
}
