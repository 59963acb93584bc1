//! Which names a T-SQL text mentions: by them the scripts leave out what could not work at the subscriber.

use std::ops::Range;

/// A word of T-SQL: a name, a keyword, or a name in quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// Without its quotes.
    pub text: String,
    /// Where it stands, quotes included.
    pub at: Range<usize>,
    /// Stands in brackets or double quotes.
    pub quoted: bool,
    /// What follows it, blanks aside.
    pub followed_by: Option<char>,
    /// Is joined to the word before it by a period.
    pub after_period: bool,
}

impl Word {
    /// Whether it is this keyword.
    pub fn is(&self, keyword: &str) -> bool {
        !self.quoted && self.text.eq_ignore_ascii_case(keyword)
    }

    /// Whether it is part of a name of several parts, as those of user objects in stored expressions are.
    pub fn is_dotted(&self) -> bool {
        self.after_period || self.followed_by == Some('.')
    }

    /// Whether it is this name; names compare without regard to case, as in most databases.
    pub fn names(&self, name: &str) -> bool {
        self.text.to_lowercase() == name.to_lowercase()
    }
}

/// The words of a text outside of its strings and comments; variables and numbers are none.
/// <https://learn.microsoft.com/sql/relational-databases/databases/database-identifiers>
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut at = 0;
    let mut period = false;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        if rest.starts_with("--") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        if rest.starts_with("/*") {
            at += comment(rest);
            continue;
        }
        let quoted = matches!(c, '[' | '"');
        if let (Some(last), false) = (words.last_mut(), period) {
            last.followed_by.get_or_insert(if quoted || is_word(c) { 'a' } else { c });
        }
        let end = match c {
            '\'' => at + 1 + closed(&rest[1..], '\''),
            '[' => at + 1 + closed(&rest[1..], ']'),
            '"' => at + 1 + closed(&rest[1..], '"'),
            c if is_word(c) => at + rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            c => at + c.len_utf8(),
        };
        let is_name = quoted || is_word(c) && !c.is_ascii_digit() && c != '@' && !text[end..].starts_with('\'');
        if is_name {
            let inner = if quoted { unquoted(&text[at..end]) } else { text[at..end].to_owned() };
            words.push(Word { text: inner, at: at..end, quoted, followed_by: None, after_period: period });
        }
        period = c == '.';
        at = end;
    }
    words
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '#' | '$' | '@')
}

/// Length up to behind the closing quote; a doubled one does not close.
fn closed(text: &str, close: char) -> usize {
    let mut at = 0;
    while let Some(found) = text[at..].find(close) {
        at += found + 1;
        if !text[at..].starts_with(close) {
            return at;
        }
        at += 1;
    }
    text.len()
}

/// Length of a comment; they nest.
fn comment(text: &str) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn unquoted(text: &str) -> String {
    let close = if text.starts_with('[') { ']' } else { '"' };
    let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
    inner.replace(&format!("{close}{close}"), &close.to_string())
}

#[cfg(test)]
mod tests {
    use super::words;

    fn texts(text: &str) -> Vec<String> {
        words(text).into_iter().map(|w| w.text).collect()
    }

    #[test]
    fn names_are_found_and_strings_comments_numbers_and_variables_are_not() {
        assert_eq!(
            texts("([a]>(0x1F) AND [we]]ird]<>N'[b] '' c' /* [d] /* e */ f */ AND len(\"g\")>@h) -- i\nOR j1=2e3"),
            ["a", "AND", "we]ird", "AND", "len", "g", "OR", "j1"]
        );
        assert_eq!(texts("[open"), ["ope"]);
    }

    #[test]
    fn what_a_word_is_joined_with_is_known() {
        let found = words("NEXT VALUE FOR [dbo] . [s] + len ( x )");
        let dotted: Vec<&str> = found.iter().filter(|w| w.is_dotted()).map(|w| w.text.as_str()).collect();
        assert_eq!(dotted, ["dbo", "s"]);
        let called: Vec<&str> = found.iter().filter(|w| w.followed_by == Some('(')).map(|w| w.text.as_str()).collect();
        assert_eq!(called, ["len"]);
    }
}
