//! Recursive-descent parser: tokens in, [`super::ast`] out.
//!
//! T-SQL needs no separator between statements: a statement ends where a token cannot continue it, which is why a
//! reserved word is never taken as an alias.

mod alter;
mod backup;
mod check_identity;
mod ddl;
mod dml;
mod expr;
mod grouping;
mod merge;
mod modules;
mod query;
mod security;
mod session;
mod statement;
mod types;

use super::ast::{Expr, ObjectName, Stmt};
use super::keywords::is_reserved;
use super::lexer::{Kind, Token, syntax_error, tokenize};
use crate::error::{SqlError, SqlResult};
use crate::types::SqlType;

/// How deep parentheses, subqueries, blocks and operator chains may nest. Each level costs stack in the parser, in the
/// compiler and in SQLite (whose own limit on expression depth is 1,000).
const MAX_DEPTH: u32 = 200;

/// How many set operations may follow one another; SQLite takes no more terms than 500.
const MAX_SET_OPERATIONS: u32 = 499;

/// One parameter declared to `sp_executesql`.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterDeclaration {
    /// Name with its `@`.
    pub name: String,
    /// Type.
    pub ty: SqlType,
    /// Default value.
    pub default: Option<Expr>,
    /// `OUTPUT`.
    pub output: bool,
    /// The table type of a `READONLY` parameter, or the name of an alias type; `ty` has no meaning then.
    pub table_type: Option<ObjectName>,
    /// `READONLY`.
    pub readonly: bool,
}

/// Parses a batch.
///
/// # Errors
/// 102, 105, 113, 156 and kin for syntax errors, [`SqlError::unsupported`] for T-SQL outside the subset, all with
/// the line of the offending token.
pub fn parse_batch(sql: &str) -> SqlResult<Vec<Stmt>> {
    let mut parser = Parser::new(sql)?;
    parser.batch()
}

/// Parses a single expression, such as the text of a DEFAULT or CHECK constraint.
///
/// # Errors
/// As [`parse_batch`].
pub fn parse_expr(sql: &str) -> SqlResult<Expr> {
    let mut parser = Parser::new(sql)?;
    let expr = parser.expr()?;
    parser.expect_end()?;
    Ok(expr)
}

/// Parses a data type, such as `nvarchar(50)`.
///
/// # Errors
/// As [`parse_batch`]; 2715 for an unknown type.
pub fn parse_type(sql: &str) -> SqlResult<SqlType> {
    let mut parser = Parser::new(sql)?;
    let ty = parser.data_type()?;
    parser.expect_end()?;
    Ok(ty)
}

/// Parses the parameter list of `sp_executesql`, such as `@a int, @b nvarchar(50) OUTPUT`.
///
/// # Errors
/// As [`parse_batch`].
pub fn parse_parameters(sql: &str) -> SqlResult<Vec<ParameterDeclaration>> {
    let mut parser = Parser::new(sql)?;
    let mut parameters = Vec::new();
    if parser.kind() == Kind::End {
        return Ok(parameters);
    }
    loop {
        parameters.push(parser.parameter()?);
        if !parser.eat(",") {
            parser.expect_end()?;
            return Ok(parameters);
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
    /// Inside a module's definition.
    module: bool,
    /// Columns that `UPDATE(column)` was met with.
    updated: Vec<String>,
    /// Token after the last condition of IF or WHILE: a CTE may begin there without a semicolon.
    condition_end: Option<usize>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> SqlResult<Self> {
        Ok(Self {
            text,
            tokens: tokenize(text)?,
            at: 0,
            depth: 0,
            module: false,
            updated: Vec::new(),
            condition_end: None,
        })
    }

    fn token(&self) -> Token {
        self.tokens[self.at]
    }

    fn ahead(&self, n: usize) -> Token {
        self.tokens[(self.at + n).min(self.tokens.len() - 1)]
    }

    fn kind(&self) -> Kind {
        self.token().kind
    }

    fn line(&self) -> u32 {
        self.token().line
    }

    fn slice(&self, token: Token) -> &'a str {
        &self.text[token.start..token.end]
    }

    fn advance(&mut self) -> Token {
        let token = self.token();
        if token.kind != Kind::End {
            self.at += 1;
        }
        token
    }

    /// Whether the token `n` ahead is this symbol, or this word in any case.
    fn is_at(&self, n: usize, what: &str) -> bool {
        let token = self.ahead(n);
        match token.kind {
            Kind::Word => self.slice(token).eq_ignore_ascii_case(what),
            Kind::Symbol => self.slice(token) == what,
            _ => false,
        }
    }

    fn is(&self, what: &str) -> bool {
        self.is_at(0, what)
    }

    fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    fn eat(&mut self, what: &str) -> bool {
        let found = self.is(what);
        self.at += usize::from(found);
        found
    }

    /// Several words in a row, all or none.
    fn eat_words(&mut self, words: &[&str]) -> bool {
        let found = words.iter().enumerate().all(|(n, word)| self.is_at(n, word));
        if found {
            self.at += words.len();
        }
        found
    }

    fn expect(&mut self, what: &str) -> SqlResult<()> {
        if self.eat(what) { Ok(()) } else { Err(self.syntax_error()) }
    }

    fn expect_end(&self) -> SqlResult<()> {
        if self.kind() == Kind::End { Ok(()) } else { Err(self.syntax_error()) }
    }

    /// Errors 102 and 156 at the current token; at the end of the text SQL Server names the last token.
    fn syntax_error(&self) -> SqlError {
        let token = match self.token() {
            end if end.kind == Kind::End && self.at > 0 => self.tokens[self.at - 1],
            token => token,
        };
        let text: String = match token.kind {
            Kind::Quoted | Kind::String | Kind::UnicodeString => self.unquoted(token),
            _ => self.slice(token).to_owned(),
        };
        if token.kind == Kind::Word && is_reserved(&text) {
            return syntax_error(156, format!("Incorrect syntax near the keyword '{text}'."), token.line);
        }
        let text: String = text.chars().take(128).collect();
        syntax_error(102, format!("Incorrect syntax near '{text}'."), token.line)
    }

    fn unsupported<T>(&self, what: &str) -> SqlResult<T> {
        Err(SqlError::unsupported(what).at_line(self.line()))
    }

    /// Runs `parse` one level deeper; error 191 when that is too deep.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> SqlResult<T>) -> SqlResult<T> {
        if self.depth >= MAX_DEPTH {
            return Err(too_deep(self.line()));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// The text of a quoted token with its doubled quotes made single.
    fn unquoted(&self, token: Token) -> String {
        let text = self.slice(token);
        let text = if token.kind == Kind::UnicodeString { &text[1..] } else { text };
        let (close, inner) = (&text[text.len() - 1..], &text[1..text.len() - 1]);
        if inner.contains(close) { inner.replace(&close.repeat(2), close) } else { inner.to_owned() }
    }

    /// Whether the token `n` ahead can be a name: quoted, or a word that is not reserved.
    fn is_name_at(&self, n: usize) -> bool {
        let token = self.ahead(n);
        match token.kind {
            Kind::Quoted => true,
            Kind::Word => !is_reserved(self.slice(token)),
            _ => false,
        }
    }

    fn name(&mut self) -> SqlResult<String> {
        if !self.is_name_at(0) {
            return Err(self.syntax_error());
        }
        let token = self.advance();
        let name = match token.kind {
            Kind::Quoted => self.unquoted(token),
            _ => self.slice(token).to_owned(),
        };
        let length = name.encode_utf16().count();
        if length > 128 {
            let start: String = name.chars().take(100).collect();
            let message = format!("The identifier that starts with '{start}' is too long. Maximum length is 128.");
            return Err(syntax_error(103, message, token.line));
        }
        if length == 0 {
            let message = "An object or column name is missing or empty. For SELECT INTO statements, verify each column has a \
                name. For other statements, look for empty alias names. Aliases defined as \"\" or [] are not \
                allowed. Change the alias to a valid name.";
            return Err(syntax_error(1038, message.to_owned(), token.line));
        }
        Ok(name)
    }

    fn variable(&mut self) -> SqlResult<String> {
        if self.kind() != Kind::Variable {
            return Err(self.syntax_error());
        }
        let token = self.advance();
        Ok(self.slice(token).to_owned())
    }

    /// The parts of a dotted name; an empty one for `db..t`.
    fn dotted_name(&mut self) -> SqlResult<Vec<String>> {
        let mut parts = vec![self.name()?];
        while self.is(".") {
            self.at += 1;
            parts.push(if self.is(".") { String::new() } else { self.name()? });
        }
        if parts.len() > 4 {
            let message = format!(
                "The object name '{}' contains more than the maximum number of prefixes. The maximum is 3.",
                parts.join(".")
            );
            return Err(syntax_error(117, message, self.line()));
        }
        Ok(parts)
    }

    fn object_name(&mut self) -> SqlResult<ObjectName> {
        let line = self.line();
        let parts = self.dotted_name()?;
        object_name_of(parts).map_err(|error| error.at_line(line))
    }

    /// A table that can be written: a name or a table variable.
    fn target(&mut self) -> SqlResult<ObjectName> {
        if self.kind() == Kind::Variable {
            return Ok(ObjectName { database: None, schema: None, name: self.variable()? });
        }
        self.object_name()
    }

    fn string(&mut self) -> SqlResult<String> {
        match self.kind() {
            Kind::String | Kind::UnicodeString => {
                let token = self.advance();
                Ok(self.unquoted(token))
            }
            _ => Err(self.syntax_error()),
        }
    }

    fn comma_separated<T>(&mut self, mut item: impl FnMut(&mut Self) -> SqlResult<T>) -> SqlResult<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.eat(",") {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// `( item, … )`.
    fn in_parentheses<T>(&mut self, item: impl FnMut(&mut Self) -> SqlResult<T>) -> SqlResult<Vec<T>> {
        self.expect("(")?;
        let items = self.comma_separated(item)?;
        self.expect(")")?;
        Ok(items)
    }

    fn names_in_parentheses(&mut self) -> SqlResult<Vec<String>> {
        self.in_parentheses(Self::name)
    }

    /// An expression together with its source text.
    fn expr_with_text(&mut self) -> SqlResult<(Expr, String)> {
        let start = self.token().start;
        let expr = self.expr()?;
        Ok((expr, self.text_since(start)))
    }

    fn text_since(&self, start: usize) -> String {
        let end = if self.at == 0 { start } else { self.tokens[self.at - 1].end };
        self.text[start..end.max(start)].to_owned()
    }

    /// Whatever stands in parentheses here, skipped; for options that change no result.
    fn skip_parentheses(&mut self) -> SqlResult<()> {
        self.expect("(")?;
        let mut depth = 1_u32;
        while depth > 0 {
            if self.kind() == Kind::End {
                return Err(self.syntax_error());
            }
            depth += u32::from(self.is("("));
            depth -= u32::from(self.is(")"));
            self.at += 1;
        }
        Ok(())
    }
}

/// A name of one to three parts.
fn object_name_of(mut parts: Vec<String>) -> SqlResult<ObjectName> {
    let part = |text: String| if text.is_empty() { None } else { Some(text) };
    let name = parts.pop().unwrap_or_default();
    let schema = parts.pop().and_then(part);
    let database = parts.pop().and_then(part);
    if parts.pop().and_then(part).is_some() {
        return Err(SqlError::unsupported("names with a server part"));
    }
    Ok(ObjectName { database, schema, name })
}

fn too_deep(line: u32) -> SqlError {
    let message =
        "Some part of your SQL statement is nested too deeply. Rewrite the query or break it up into smaller queries.";
    syntax_error(191, message.to_owned(), line)
}

#[cfg(test)]
mod tests;
