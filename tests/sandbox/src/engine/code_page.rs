//! Conversion of Unicode text to code page 1252 where characters are lost.
//!
//! SQL Server takes Windows' best fit: a letter without an accent that the code page lacks, the plain form of a wide one. What has
//! none becomes `?`. The table is <https://www.unicode.org/Public/MAPPINGS/VENDORS/MICSFT/WindowsBestFit/bestfit1252.txt>, of which
//! the letters and wide forms are here; its other symbols are refused.

use super::convert_text::cp1252_byte;
use crate::error::{SqlError, SqlResult};

/// The text in characters of the code page. A supplementary character is two code units, so two marks.
pub fn best_fit(text: &str) -> SqlResult<String> {
    let mut fitted = String::with_capacity(text.len());
    for c in text.chars() {
        if cp1252_byte(c).is_some() {
            fitted.push(c);
        } else if let Some(letter) = letter(c) {
            fitted.push(letter);
        } else if has_symbols(c) {
            return Err(SqlError::unsupported(format!("the best fit of U+{:04X} in code page 1252", u32::from(c))));
        } else {
            fitted.extend(std::iter::repeat_n('?', c.len_utf16()));
        }
    }
    Ok(fitted)
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
