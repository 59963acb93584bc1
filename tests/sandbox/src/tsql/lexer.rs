//! Splits a batch into tokens. A token is a kind and a place in the text; nothing is copied here.

use crate::error::{SqlError, SqlResult};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Unquoted name or keyword.
    Word,
    /// `[name]` or `"name"`.
    Quoted,
    /// `@name` or `@@name`.
    Variable,
    /// Digits only.
    Integer,
    /// With a point.
    Decimal,
    /// With an exponent.
    Float,
    /// `$12.5`.
    Money,
    /// `'…'`.
    String,
    /// `N'…'`.
    UnicodeString,
    /// `0x…`.
    Binary,
    /// Operator or punctuation.
    Symbol,
    /// After the last token.
    End,
}

/// A token: its kind, its bytes in the text, its line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
    pub line: u32,
}

/// A syntax error of severity 15, as the parser of SQL Server raises them.
pub(crate) fn syntax_error(number: i32, message: String, line: u32) -> SqlError {
    SqlError::new(number, message).severity(15).at_line(line)
}

/// All tokens of `text`, the last one of kind [`Kind::End`].
pub(crate) fn tokenize(text: &str) -> SqlResult<Vec<Token>> {
    let mut lexer = Lexer { text, bytes: text.as_bytes(), at: 0, line: 1 };
    let mut tokens = Vec::with_capacity(text.len() / 4 + 4);
    loop {
        let token = lexer.next()?;
        tokens.push(token);
        if token.kind == Kind::End {
            return Ok(tokens);
        }
    }
}

/// Three- and two-byte operators come before their prefixes.
const SYMBOLS: &[&str] = &["<>", "!=", "<=", ">=", "!<", "!>", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "::"];

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    line: u32,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn next(&mut self) -> SqlResult<Token> {
        self.skip_blank()?;
        let (start, line) = (self.at, self.line);
        let kind = self.scan(line)?;
        Ok(Token { kind, start, end: self.at, line })
    }

    fn skip_blank(&mut self) -> SqlResult<()> {
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'\n' => {
                    self.line += 1;
                    self.at += 1;
                }
                b' ' | b'\t' | b'\r' | 0x0b | 0x0c => self.at += 1,
                b'-' if self.peek(1) == b'-' => {
                    while self.at < self.bytes.len() && self.bytes[self.at] != b'\n' {
                        self.at += 1;
                    }
                }
                b'/' if self.peek(1) == b'*' => self.skip_comment()?,
                128.. => match self.text[self.at..].chars().next() {
                    Some(blank) if blank.is_whitespace() || blank == '\u{feff}' => self.at += blank.len_utf8(),
                    _ => return Ok(()),
                },
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    /// Block comments nest in T-SQL.
    fn skip_comment(&mut self) -> SqlResult<()> {
        let mut depth = 0_usize;
        while self.at < self.bytes.len() {
            match (self.bytes[self.at], self.peek(1)) {
                (b'/', b'*') => {
                    depth += 1;
                    self.at += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                (b'\n', _) => {
                    self.line += 1;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
        Err(syntax_error(113, "Missing end comment mark '*/'.".to_owned(), self.line))
    }

    fn scan(&mut self, line: u32) -> SqlResult<Kind> {
        let Some(&first) = self.bytes.get(self.at) else { return Ok(Kind::End) };
        match first {
            b'\'' => self.quoted(b'\'', Kind::String, line),
            b'N' | b'n' if self.peek(1) == b'\'' => {
                self.at += 1;
                self.quoted(b'\'', Kind::UnicodeString, line)
            }
            b'[' => self.quoted(b']', Kind::Quoted, line),
            b'"' => self.quoted(b'"', Kind::Quoted, line),
            b'0' if matches!(self.peek(1), b'x' | b'X') => {
                self.at += 2;
                self.skip_while(|byte| byte.is_ascii_hexdigit());
                Ok(Kind::Binary)
            }
            b'0'..=b'9' => Ok(self.number()),
            b'.' if self.peek(1).is_ascii_digit() => Ok(self.number()),
            b'$' if !self.peek(1).is_ascii_alphabetic() => {
                self.at += 1;
                self.skip_while(|byte| byte.is_ascii_digit() || byte == b'.');
                Ok(Kind::Money)
            }
            b'@' => {
                self.name();
                Ok(Kind::Variable)
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'#' | b'$' => {
                self.name();
                Ok(Kind::Word)
            }
            128.. => self.non_ascii(line),
            _ => Ok(self.symbol()),
        }
    }

    fn non_ascii(&mut self, line: u32) -> SqlResult<Kind> {
        let first = self.text[self.at..].chars().next().unwrap_or(char::REPLACEMENT_CHARACTER);
        if first.is_alphabetic() {
            self.name();
            return Ok(Kind::Word);
        }
        Err(syntax_error(102, format!("Incorrect syntax near '{first}'."), line))
    }

    fn skip_while(&mut self, keep: impl Fn(u8) -> bool) {
        while self.bytes.get(self.at).is_some_and(|&byte| keep(byte)) {
            self.at += 1;
        }
    }

    /// Letters, digits, `_ @ # $`; beyond ASCII whatever Unicode calls alphanumeric.
    fn name(&mut self) {
        while let Some(&byte) = self.bytes.get(self.at) {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'@' | b'#' | b'$') {
                self.at += 1;
            } else if byte >= 128 {
                match self.text[self.at..].chars().next() {
                    Some(letter) if letter.is_alphanumeric() => self.at += letter.len_utf8(),
                    _ => return,
                }
            } else {
                return;
            }
        }
    }

    fn number(&mut self) -> Kind {
        self.skip_while(|byte| byte.is_ascii_digit());
        let mut kind = Kind::Integer;
        if self.peek(0) == b'.' {
            self.at += 1;
            kind = Kind::Decimal;
            self.skip_while(|byte| byte.is_ascii_digit());
        }
        if matches!(self.peek(0), b'e' | b'E') {
            let sign = usize::from(matches!(self.peek(1), b'+' | b'-'));
            // `1e` without digits is the float 1e0 in T-SQL, but `1end` is 1 followed by END.
            let after = self.peek(1 + sign);
            if after.is_ascii_digit() {
                self.at += 1 + sign;
                self.skip_while(|byte| byte.is_ascii_digit());
                return Kind::Float;
            }
        }
        kind
    }

    fn quoted(&mut self, close: u8, kind: Kind, line: u32) -> SqlResult<Kind> {
        let start = self.at + 1;
        self.at += 1;
        loop {
            match self.bytes.get(self.at) {
                None => {
                    let rest: String = self.text[start..].chars().take(128).collect();
                    return Err(syntax_error(
                        105,
                        format!("Unclosed quotation mark after the character string '{rest}'."),
                        line,
                    ));
                }
                Some(&byte) if byte == close => {
                    if self.peek(1) != close {
                        self.at += 1;
                        return Ok(kind);
                    }
                    self.at += 2;
                }
                Some(&byte) => {
                    self.line += u32::from(byte == b'\n');
                    self.at += 1;
                }
            }
        }
    }

    fn symbol(&mut self) -> Kind {
        let pair = &self.bytes[self.at..(self.at + 2).min(self.bytes.len())];
        let long = SYMBOLS.iter().any(|symbol| symbol.as_bytes() == pair);
        self.at += if long { 2 } else { 1 };
        Kind::Symbol
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn kinds(text: &str) -> Vec<(Kind, String)> {
        let tokens = tokenize(text).unwrap();
        tokens.iter().filter(|t| t.kind != Kind::End).map(|t| (t.kind, text[t.start..t.end].to_owned())).collect()
    }

    #[test]
    fn each_kind_of_token_is_told_apart() {
        let found =
            kinds("a [b c]]d] \"q\"\"r\" @v @@ROWCOUNT 12 1.5 .5 1e-3 $4.25 'x''y' N'é' 0xAb <> != += größe #t ##g");
        let expected = [
            (Kind::Word, "a"),
            (Kind::Quoted, "[b c]]d]"),
            (Kind::Quoted, "\"q\"\"r\""),
            (Kind::Variable, "@v"),
            (Kind::Variable, "@@ROWCOUNT"),
            (Kind::Integer, "12"),
            (Kind::Decimal, "1.5"),
            (Kind::Decimal, ".5"),
            (Kind::Float, "1e-3"),
            (Kind::Money, "$4.25"),
            (Kind::String, "'x''y'"),
            (Kind::UnicodeString, "N'é'"),
            (Kind::Binary, "0xAb"),
            (Kind::Symbol, "<>"),
            (Kind::Symbol, "!="),
            (Kind::Symbol, "+="),
            (Kind::Word, "größe"),
            (Kind::Word, "#t"),
            (Kind::Word, "##g"),
        ];
        assert_eq!(found.len(), expected.len());
        for ((kind, text), (expected_kind, expected_text)) in found.iter().zip(expected) {
            assert_eq!((*kind, text.as_str()), (expected_kind, expected_text));
        }
    }

    #[test]
    fn comments_nest_and_lines_are_counted_through_them_and_through_strings() {
        let text = "-- one\n/* two /* three\n*/ \n*/ a 'x\ny' b";
        let tokens = tokenize(text).unwrap();
        assert_eq!(tokens.iter().map(|t| t.line).collect::<Vec<_>>(), [4, 4, 5, 5]);
    }

    #[test]
    fn what_is_not_closed_is_named_with_its_line() {
        let error = tokenize("SELECT 1\nSELECT 'abc").unwrap_err();
        assert_eq!((error.number, error.line), (105, 2));
        assert_eq!(error.message, "Unclosed quotation mark after the character string 'abc'.");
        assert_eq!(tokenize("/* a").unwrap_err().number, 113);
        assert_eq!(tokenize("SELECT [a").unwrap_err().number, 105);
    }
}
