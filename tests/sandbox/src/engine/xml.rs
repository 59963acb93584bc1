//! `xml`: checks that a text is well-formed and brings it to the form in which SQL Server shows it.
//!
//! Only untyped XML; fragments (several roots, text beside them) are allowed. SQL Server keeps the information of a text, not its
//! letters: the declaration and white space between tags go, `<a></a>` is `<a/>`, attribute values stand in double quotes.
//! <https://learn.microsoft.com/sql/relational-databases/xml/create-instances-of-xml-data>.

use crate::error::{SqlError, SqlResult};

/// Deepest nesting of elements that SQL Server accepts.
const MAX_DEPTH: usize = 128;

/// How a text is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// White space between tags stays (`CONVERT` style 1).
    pub keep_space: bool,
    /// The text was Unicode, so it cannot declare an 8-bit encoding.
    pub unicode: bool,
}

/// Reads a text and returns its normal form; errors 9400 and following say what is not well-formed.
pub fn normalise(text: &str, options: Options) -> SqlResult<String> {
    let mut reader = Reader {
        text,
        at: 0,
        out: String::with_capacity(text.len()),
        open: Vec::new(),
        prefixes: Vec::new(),
        opened_at: usize::MAX,
        options,
    };
    reader.document()?;
    Ok(reader.out)
}

/// What becomes of text that is white space alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Space {
    /// Dropped.
    Dropped,
    /// Kept by `xml:space`.
    Preserved,
    /// Kept by the style of `CONVERT`; SQL Server then shows a part of it as character references.
    KeptByStyle,
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    out: String,
    /// Names of the open elements, whether white space is kept in them, and how many prefixes were known outside.
    open: Vec<(&'t str, Space, usize)>,
    /// Declared namespace prefixes.
    prefixes: Vec<&'t str>,
    /// Length of what was written right after the last start tag.
    opened_at: usize,
    options: Options,
}

/// What stands between two tags.
#[derive(Default)]
struct Characters {
    text: String,
    /// Something other than white space, or white space that was written as a reference.
    significant: bool,
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn is_name_part(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '\u{b7}') || ('\u{300}'..='\u{36f}').contains(&c)
}

fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..) && !('\u{fffe}'..='\u{ffff}').contains(&c)
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, what: &str) -> bool {
        let found = self.rest().starts_with(what);
        if found {
            self.at += what.len();
        }
        found
    }

    fn skip_space(&mut self) -> bool {
        let rest = self.rest();
        let trimmed = rest.trim_start_matches(is_space);
        self.at += rest.len() - trimmed.len();
        trimmed.len() < rest.len()
    }

    /// An error at the reader's place: the character that it just looked at.
    fn fail<T>(&self, number: i32, what: &str) -> SqlResult<T> {
        let (number, what) = if self.at >= self.text.len() && number != 9402 {
            (9400, "unexpected end of input")
        } else {
            (number, what)
        };
        let seen = &self.text[..self.at.min(self.text.len())];
        let line = seen.matches('\n').count() + 1;
        let in_line = seen.rsplit('\n').next().unwrap_or_default();
        let character = super::convert_text::utf16_length(in_line) + usize::from(self.at < self.text.len());
        Err(SqlError::new(number, format!("XML parsing: line {line}, character {character}, {what}")))
    }

    fn document(&mut self) -> SqlResult<()> {
        self.eat("\u{feff}");
        if self.rest().starts_with("<?xml") && self.rest()[5..].starts_with(is_space) {
            self.declaration()?;
        }
        self.content()?;
        match self.open.is_empty() {
            true => Ok(()),
            false => self.fail(9400, "unexpected end of input"),
        }
    }

    fn declaration(&mut self) -> SqlResult<()> {
        let Some(length) = self.rest().find("?>") else {
            self.at = self.text.len();
            return self.fail(9400, "unexpected end of input");
        };
        let declaration = &self.rest()[5..length];
        self.at += length + 2;
        let attribute = |name: &str| {
            let from = declaration.find(name)? + name.len();
            let value = declaration[from..].trim_start().strip_prefix('=')?.trim_start();
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            value[1..].split(quote).next()
        };
        if attribute("version").is_none() {
            return self.fail(9441, "incorrect xml declaration syntax");
        }
        let Some(encoding) = attribute("encoding").map(str::to_ascii_lowercase) else { return Ok(()) };
        let wide = matches!(encoding.as_str(), "utf-16" | "ucs-2");
        if wide != self.options.unicode {
            self.at -= 2;
            return self.fail(9402, "unable to switch the encoding");
        }
        if !wide && encoding != format!("windows-{}", super::code_page::current().number()) && !self.text.is_ascii() {
            return Err(SqlError::unsupported(format!("xml in encoding {encoding} with characters outside of ASCII")));
        }
        Ok(())
    }

    /// Everything up to the end of the text.
    fn content(&mut self) -> SqlResult<()> {
        loop {
            self.characters()?;
            let rest = self.rest();
            if rest.is_empty() {
                return Ok(());
            }
            if rest.starts_with("</") {
                self.end_tag()?;
            } else if rest.starts_with("<!--") {
                self.comment()?;
            } else if rest.starts_with("<?") {
                self.instruction()?;
            } else if rest.starts_with("<!DOCTYPE") {
                return Err(SqlError::new(
                    6359,
                    "Parsing XML with internal subset DTDs not allowed. Use CONVERT with style option 2 to enable limited internal subset DTD support.",
                ));
            } else if rest.starts_with("<!") {
                self.at += 2;
                return self.fail(9422, "incorrect document syntax");
            } else {
                self.start_tag()?;
            }
        }
    }

    /// Text, references and CDATA sections up to the next markup.
    fn characters(&mut self) -> SqlResult<()> {
        let mut found = Characters::default();
        loop {
            if self.rest().starts_with("<![CDATA[") {
                self.at += 9;
                let Some(length) = self.rest().find("]]>") else {
                    self.at = self.text.len();
                    return self.fail(9400, "unexpected end of input");
                };
                found.text.push_str(&self.rest()[..length]);
                found.significant |= length > 0;
                self.at += length + 3;
                continue;
            }
            match self.peek() {
                None | Some('<') => break,
                Some('&') => {
                    let c = self.reference()?;
                    found.text.push(c);
                    if is_space(c) && c != '\r' {
                        // Whether it would come back as a reference depends on its neighbours.
                        return Err(SqlError::unsupported("white space that xml text gives by a character reference"));
                    }
                    found.significant = true;
                }
                Some(c) => {
                    if !is_xml_char(c) {
                        return self.fail(9420, "illegal xml character");
                    }
                    self.at += c.len_utf8();
                    if c == '\r' {
                        self.eat("\n");
                        found.text.push('\n');
                    } else {
                        found.text.push(c);
                        found.significant |= !is_space(c);
                    }
                }
            }
        }
        match self.space() {
            _ if found.text.is_empty() => {}
            _ if found.significant => escape_text(&mut self.out, &found.text),
            Space::Dropped => {}
            Space::Preserved => escape_text(&mut self.out, &found.text),
            Space::KeptByStyle => {
                return Err(SqlError::unsupported("white space alone in xml that CONVERT keeps by its style"));
            }
        }
        Ok(())
    }

    /// What becomes of white space where the reader stands.
    fn space(&self) -> Space {
        let by_style = if self.options.keep_space { Space::KeptByStyle } else { Space::Dropped };
        self.open.last().map_or(by_style, |open| open.1)
    }

    /// `&name;` or a character reference.
    fn reference(&mut self) -> SqlResult<char> {
        self.at += 1;
        if self.eat("#") {
            let radix = if self.eat("x") { 16 } else { 10 };
            let digits = self.rest().find(|c: char| !c.is_digit(radix)).unwrap_or(self.rest().len());
            if digits == 0 {
                return match radix {
                    16 => self.fail(9416, "hexadecimal digit expected"),
                    _ => self.fail(9417, "decimal digit expected"),
                };
            }
            let code = u32::from_str_radix(&self.rest()[..digits], radix).ok().and_then(char::from_u32);
            self.at += digits;
            if !self.eat(";") {
                return self.fail(9411, "semicolon expected");
            }
            return match code.filter(|c| is_xml_char(*c)) {
                Some(c) => Ok(c),
                None => self.fail(9420, "illegal xml character"),
            };
        }
        let name = self.name()?;
        if !self.eat(";") {
            return self.fail(9411, "semicolon expected");
        }
        Ok(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                self.at -= 1;
                return self.fail(9448, "well formed check: undeclared entity");
            }
        })
    }

    /// A name without a colon.
    fn name(&mut self) -> SqlResult<&'t str> {
        let rest = self.rest();
        if !rest.starts_with(is_name_start) {
            return self.fail(9421, "illegal name character");
        }
        let length = rest.find(|c| !is_name_part(c)).unwrap_or(rest.len());
        self.at += length;
        Ok(&rest[..length])
    }

    /// A name with an optional prefix.
    fn qualified_name(&mut self) -> SqlResult<(&'t str, Option<&'t str>)> {
        let start = self.at;
        if !self.rest().starts_with(is_name_start) {
            return self.fail(9455, "illegal qualified name character");
        }
        let first = self.name()?;
        if !self.eat(":") {
            return Ok((first, None));
        }
        if !self.rest().starts_with(is_name_start) {
            return self.fail(9455, "illegal qualified name character");
        }
        self.name()?;
        if self.rest().starts_with(':') {
            return self.fail(9456, "multiple colons in qualified name");
        }
        Ok((&self.text[start..self.at], Some(first)))
    }

    fn start_tag(&mut self) -> SqlResult<()> {
        self.at += 1;
        let (name, prefix) = self.qualified_name()?;
        let outside = self.prefixes.len();
        let mut used: Vec<&str> = prefix.into_iter().collect();
        let mut attributes: Vec<(&str, String)> = Vec::new();
        loop {
            let spaced = self.skip_space();
            match self.peek() {
                Some('>' | '/') => break,
                _ if !spaced => return self.fail(9410, "whitespace expected"),
                _ => {}
            }
            let (attribute, prefix) = self.qualified_name()?;
            self.skip_space();
            if !self.eat("=") {
                return self.fail(9414, "equal expected");
            }
            self.skip_space();
            let value = self.attribute_value()?;
            if attributes.iter().any(|(other, _)| *other == attribute) {
                return self.fail(9437, "duplicate attribute");
            }
            let declares = attribute == "xmlns" || prefix == Some("xmlns");
            if declares && attributes.iter().any(|(other, _)| *other != "xmlns" && !other.starts_with("xmlns:")) {
                return Err(SqlError::unsupported("xml with a namespace declaration after other attributes"));
            }
            match prefix {
                Some("xmlns") => self.prefixes.push(&attribute[6..]),
                Some(prefix) => used.push(prefix),
                None => {}
            }
            attributes.push((attribute, value));
        }
        if used.iter().any(|p| !matches!(*p, "xml" | "xmlns") && !self.prefixes.contains(p)) {
            return self.fail(9459, "undeclared prefix");
        }
        let empty = self.eat("/");
        if !self.eat(">") {
            return self.fail(9412, "'>' expected");
        }
        let space = match attributes.iter().find(|(name, _)| *name == "xml:space") {
            Some((_, value)) if value == "preserve" => Space::Preserved,
            Some(_) => Space::Dropped,
            None => self.space(),
        };
        self.out.push('<');
        self.out.push_str(name);
        for (attribute, value) in &attributes {
            self.out.push_str(&format!(" {attribute}=\""));
            escape_attribute(&mut self.out, value);
            self.out.push('"');
        }
        if empty {
            self.prefixes.truncate(outside);
            self.out.push_str("/>");
            return Ok(());
        }
        if self.open.len() == MAX_DEPTH {
            return Err(SqlError::new(
                6335,
                "XML datatype instance has too many levels of nested nodes. Maximum allowed depth is 128 levels.",
            ));
        }
        self.out.push('>');
        self.opened_at = self.out.len();
        self.open.push((name, space, outside));
        Ok(())
    }

    fn attribute_value(&mut self) -> SqlResult<String> {
        let Some(quote) = self.peek().filter(|c| matches!(c, '"' | '\'')) else {
            return self.fail(9413, "A string literal was expected");
        };
        self.at += 1;
        let mut value = String::new();
        loop {
            match self.peek() {
                None => return self.fail(9400, "unexpected end of input"),
                Some(c) if c == quote => {
                    self.at += 1;
                    return Ok(value);
                }
                Some('<') => return self.fail(9415, "well formed check: no '<' in attribute value"),
                Some('&') => value.push(self.reference()?),
                Some(c) if !is_xml_char(c) => return self.fail(9420, "illegal xml character"),
                Some(c) => {
                    self.at += c.len_utf8();
                    if c == '\r' {
                        self.eat("\n");
                    }
                    value.push(if is_space(c) { ' ' } else { c });
                }
            }
        }
    }

    fn end_tag(&mut self) -> SqlResult<()> {
        self.at += 2;
        let (name, _) = self.qualified_name()?;
        let Some((.., outside)) = self.open.pop().filter(|(open, ..)| *open == name) else {
            return self.fail(9436, "end tag does not match start tag");
        };
        self.prefixes.truncate(outside);
        self.skip_space();
        if !self.eat(">") {
            return self.fail(9412, "'>' expected");
        }
        if self.opened_at == self.out.len() {
            self.out.pop();
            self.out.push_str("/>");
        } else {
            self.out.push_str(&format!("</{name}>"));
        }
        Ok(())
    }

    fn comment(&mut self) -> SqlResult<()> {
        let body = &self.rest()[4..];
        let Some(length) = body.find("--") else {
            self.at = self.text.len();
            return self.fail(9400, "unexpected end of input");
        };
        let start = self.at;
        self.at += 4 + length + 2;
        if !self.eat(">") {
            return self.fail(9424, "incorrect comment syntax");
        }
        self.out.push_str(&self.text[start..self.at].replace("\r\n", "\n"));
        Ok(())
    }

    fn instruction(&mut self) -> SqlResult<()> {
        let start = self.at;
        self.at += 2;
        let target = self.name()?;
        if target.eq_ignore_ascii_case("xml") {
            self.at = start + 2;
            return self.fail(9438, "text/xmldecl not at the beginning of input");
        }
        let Some(length) = self.rest().find("?>") else {
            self.at = self.text.len();
            return self.fail(9400, "unexpected end of input");
        };
        self.at += length + 2;
        self.out.push_str(&self.text[start..self.at].replace("\r\n", "\n"));
        Ok(())
    }
}

fn escape_text(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#x0D;"),
            c => out.push(c),
        }
    }
}

fn escape_attribute(out: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#x09;"),
            '\n' => out.push_str("&#x0A;"),
            '\r' => out.push_str("&#x0D;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shown(text: &str) -> Result<String, i32> {
        normalise(text, Options::default()).map_err(|e| e.number)
    }

    #[test]
    fn what_comes_back_is_the_information_not_the_letters() {
        assert_eq!(
            shown("<?xml version='1.0'?>\r\n<a  b='1' ><c></c> <d>x</d></a>").unwrap(),
            "<a b=\"1\"><c/><d>x</d></a>"
        );
        assert_eq!(shown("<a><![CDATA[1<2]]></a><b/>tail").unwrap(), "<a>1&lt;2</a><b/>tail");
        assert_eq!(shown("<a xml:space='preserve'> </a>").unwrap(), "<a xml:space=\"preserve\"> </a>");
        assert_eq!(shown("<a t=\"x&quot;&#10;y\">a&amp;b</a>").unwrap(), "<a t=\"x&quot;&#x0A;y\">a&amp;b</a>");
        assert_eq!(shown("").unwrap(), "");
        assert_eq!(shown("<p:a xmlns:p='u'><p:b/></p:a>").unwrap(), "<p:a xmlns:p=\"u\"><p:b/></p:a>");
        assert_eq!(shown("<aa><a></a></aa>").unwrap(), "<aa><a/></aa>");
    }

    #[test]
    fn what_is_not_well_formed_has_its_own_number() {
        for (text, number) in [
            ("<a>", 9400),
            ("<a></b>", 9436),
            ("<a b=1/>", 9413),
            ("<a b='1' b='2'/>", 9437),
            ("<a>&nbsp;</a>", 9448),
            ("<a>&amp</a>", 9411),
            ("<p:a/>", 9459),
            ("<1/>", 9455),
            ("<a b/>", 9414),
            ("<a b='1'c='2'/>", 9410),
            (" <?xml version='1.0'?><a/>", 9438),
            ("<!DOCTYPE a><a/>", 6359),
        ] {
            assert_eq!(shown(text), Err(number), "{text}");
        }
        assert_eq!(
            normalise("<?xml version='1.0' encoding='utf-8'?><a/>", Options { unicode: true, keep_space: false })
                .unwrap_err()
                .number,
            9402
        );
    }
}
