//! `json`: documents that are checked and kept without the white space between their parts.
//!
//! A real server keeps them in a binary format of its own and writes them anew when they are read. What that may change is refused:
//! numbers with an exponent, escapes of characters that need none, objects that name a property twice.
//!
//! Source: <https://learn.microsoft.com/sql/t-sql/data-types/json-data-type>.

use crate::error::{SqlError, SqlResult};
use std::collections::HashSet;

/// Most items of an object or array: error 13647.
const MAX_ITEMS: usize = 65_535;
/// How deep objects and arrays may nest here.
const MAX_DEPTH: u32 = 128;

/// The document as it is kept.
///
/// # Errors
/// 13609 for what is no JSON, 13647 for too many items, and what the sandbox leaves out.
pub fn normalise(text: &str) -> SqlResult<String> {
    let mut reader = Reader { text, at: 0, out: String::with_capacity(text.len()) };
    reader.space();
    reader.value(0)?;
    reader.space();
    if reader.at < text.len() {
        return Err(reader.malformed());
    }
    Ok(reader.out)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    out: String,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Error 13609; positions are those of UTF-16 code units.
    fn malformed(&self) -> SqlError {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        let position = before.encode_utf16().count();
        let found = self.text.get(self.at..).and_then(|rest| rest.chars().next());
        let found = found.map_or_else(|| ".".to_owned(), |c| c.to_string());
        let text = format!(
            "JSON text is not properly formatted. Unexpected character '{found}' is found at position {position}."
        );
        SqlError::new(13_609, text).with_state(4)
    }

    /// Takes a byte over into what is kept.
    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        if there {
            self.at += 1;
            self.out.push(char::from(byte));
        }
        there
    }

    fn value(&mut self, depth: u32) -> SqlResult<()> {
        if depth > MAX_DEPTH {
            return Err(SqlError::unsupported("json that nests deeper than 128 levels"));
        }
        match self.peek() {
            Some(b'{') => self.items(b'{', b'}', depth),
            Some(b'[') => self.items(b'[', b']', depth),
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                let word = ["true", "false", "null"].into_iter().find(|word| self.text[self.at..].starts_with(word));
                let word = word.ok_or_else(|| self.malformed())?;
                self.at += word.len();
                self.out.push_str(word);
                Ok(())
            }
        }
    }

    fn items(&mut self, open: u8, close: u8, depth: u32) -> SqlResult<()> {
        self.take(open);
        self.space();
        if self.take(close) {
            return Ok(());
        }
        let mut names = HashSet::new();
        for count in 1_usize.. {
            if count > MAX_ITEMS {
                let text = format!("Number of items in one object/array exceeds limit {MAX_ITEMS} in JSON type.");
                return Err(SqlError::new(13_647, text));
            }
            self.space();
            if open == b'{' {
                if !names.insert(self.string()?) {
                    return Err(SqlError::unsupported("json with a property that occurs twice"));
                }
                self.space();
                if !self.take(b':') {
                    return Err(self.malformed());
                }
                self.space();
            }
            self.value(depth + 1)?;
            self.space();
            if self.take(close) {
                return Ok(());
            }
            if !self.take(b',') {
                return Err(self.malformed());
            }
        }
        Ok(())
    }

    /// A string with its quotes, which is kept as it is written; the string.
    fn string(&mut self) -> SqlResult<String> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.malformed());
        }
        self.at += 1;
        loop {
            match self.peek() {
                None | Some(0..=0x1F) => return Err(self.malformed()),
                Some(b'"') => break,
                Some(b'\\') => match self.text.as_bytes().get(self.at + 1) {
                    Some(b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
                    Some(b'/' | b'u') => {
                        return Err(SqlError::unsupported("json with escapes that may not come back as written"));
                    }
                    _ => return Err(self.malformed()),
                },
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        let text = self.text[start..self.at].to_owned();
        self.out.push_str(&text);
        Ok(text)
    }

    fn number(&mut self) -> SqlResult<()> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        let whole = self.digits();
        if whole == 0 || (whole > 1 && self.text.as_bytes()[self.at - whole] == b'0') {
            return Err(self.malformed());
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.malformed());
            }
        }
        let kept = &self.text[start..self.at];
        // Beyond this a number's digits depend on the type that the server keeps it as.
        if matches!(self.peek(), Some(b'e' | b'E')) || kept.len() > 15 && kept.contains('.') || kept.len() > 18 {
            return Err(SqlError::unsupported("json with numbers that may not come back as written"));
        }
        if kept.contains('.') && kept.ends_with('0') || kept == "-0" {
            return Err(SqlError::unsupported("json with numbers that may not come back as written"));
        }
        self.out.push_str(kept);
        Ok(())
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn white_space_goes_and_the_rest_stays() {
        let text = " { \"a\" : [ 1 , -2.5, true,null ] , \"b c\":{ } ,\"\u{e9}\\n\":\"x\\\" y\" }\n";
        let kept = "{\"a\":[1,-2.5,true,null],\"b c\":{},\"\u{e9}\\n\":\"x\\\" y\"}";
        assert_eq!(normalise(text).unwrap(), kept);
        assert_eq!(normalise(kept).unwrap(), kept);
    }

    #[test]
    fn what_is_no_json_says_where() {
        for (text, position) in [
            ("", 0),
            ("{", 1),
            ("[1,]", 3),
            ("{\"a\"}", 4),
            ("\u{e9}", 0),
            ("01", 2),
            ("tru", 0),
            ("1 2", 2),
            ("\"a", 2),
        ] {
            let error = normalise(text).unwrap_err();
            assert_eq!(error.number, 13_609, "{text}");
            assert!(error.message.ends_with(&format!("at position {position}.")), "{text}: {}", error.message);
        }
    }

    #[test]
    fn what_might_come_back_changed_is_refused() {
        for text in ["1e5", "1.0", "-0", "12345678901234567890", "\"\\u0041\"", "\"\\/\"", "{\"a\":1,\"a\":2}"] {
            assert_eq!(normalise(text).unwrap_err().number, 50_000, "{text}");
        }
        let many = format!("[{}1]", "1,".repeat(65_535));
        assert_eq!(normalise(&many).unwrap_err().number, 13_647);
        let deep = "[".repeat(200);
        assert_eq!(normalise(&deep).unwrap_err().number, 50_000);
    }
}
