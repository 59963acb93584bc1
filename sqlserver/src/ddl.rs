//! What an `ALTER TABLE` statement, as `cdc.ddl_history` keeps it, does to columns and constraints.
//!
//! Only names and the nullability of a changed column are taken from the text: types, defaults and definitions come from the catalog,
//! which is always right about them. The text was written by somebody else: whatever it holds, reading it ends, and what is not
//! understood is an error, never a guess.
//! <https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql>

/// One thing that a statement does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Adds a column, computed or not.
    AddColumn(String),
    /// Adds a constraint of the table, or of a column that is there.
    AddConstraint(Option<String>),
    /// Drops a column.
    DropColumn(String),
    /// Drops a constraint.
    DropConstraint(String),
    /// Gives a column another type, collation or nullability. `nullable` is what the statement says; without a word the column can
    /// hold NULL afterwards, unless the session asked otherwise (`ANSI_NULL_DFLT_OFF`).
    AlterColumn {
        /// The column.
        name: String,
        /// `NULL` or `NOT NULL`.
        nullable: Option<bool>,
    },
    /// Anything that changes neither columns nor constraints' definitions: properties of columns, triggers, `NOCHECK`, `REBUILD` …
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A word that is not quoted: keyword or name.
    Word(String),
    /// A quoted name.
    Name(String),
    /// A string, a number.
    Literal,
    /// Anything else, a character each.
    Sign(char),
}

/// What a statement does, in its order.
pub fn parse(text: &str) -> Result<Vec<Action>, String> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens };
    parser.statement()
}

/// Whether an expression has this name in it, outside of its strings; also where it is no name there, but a function or keyword.
pub fn mentions(expression: &str, name: &str) -> bool {
    let same = |other: &str| other.to_lowercase() == name.to_lowercase();
    tokens(expression).map_or(true, |tokens| {
        tokens.iter().any(|token| matches!(token, Token::Word(word) | Token::Name(word) if same(word)))
    })
}

/// Whether an expression is made of literals alone, so that it is the same for every row and at any time.
pub fn is_constant(expression: &str) -> bool {
    tokens(expression).is_ok_and(|tokens| {
        tokens.iter().all(|token| match token {
            Token::Literal => true,
            Token::Sign(sign) => matches!(sign, '(' | ')' | '+' | '-' | '.'),
            // Of N'…'.
            Token::Word(word) => word == "N",
            Token::Name(_) => false,
        })
    })
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let next = &rest[c.len_utf8()..];
        rest = match c {
            c if c.is_whitespace() => next,
            '-' if next.starts_with('-') => next.find('\n').map_or("", |end| &next[end..]),
            '/' if next.starts_with('*') => after_comment(&next[1..])?,
            '[' | '"' => {
                let (name, after) = quoted(next, if c == '[' { ']' } else { '"' })?;
                tokens.push(Token::Name(name));
                after
            }
            '\'' => {
                tokens.push(Token::Literal);
                quoted(next, '\'')?.1
            }
            c if c.is_ascii_digit() => {
                tokens.push(Token::Literal);
                rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '.')
            }
            c if is_word(c) => {
                let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..end].to_owned()));
                &rest[end..]
            }
            c => {
                tokens.push(Token::Sign(c));
                next
            }
        };
    }
    Ok(tokens)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '#' | '$' | '@')
}

/// Comments nest.
fn after_comment(text: &str) -> Result<&str, String> {
    let (mut rest, mut depth) = (text, 1usize);
    while depth > 0 {
        let at = rest.find(['*', '/']).ok_or("a comment is not closed")?;
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("*/") {
            (rest, depth) = (after, depth - 1);
        } else if let Some(after) = rest.strip_prefix("/*") {
            (rest, depth) = (after, depth + 1);
        } else {
            rest = &rest[1..];
        }
    }
    Ok(rest)
}

/// What stands before the closing quote, and what follows it; a doubled one does not close.
fn quoted(text: &str, close: char) -> Result<(String, &str), String> {
    let mut inside = String::new();
    let mut rest = text;
    loop {
        let end = rest.find(close).ok_or_else(|| format!("a quote is not closed by {close}"))?;
        inside.push_str(&rest[..end]);
        rest = &rest[end + close.len_utf8()..];
        match rest.strip_prefix(close) {
            Some(after) => {
                inside.push(close);
                rest = after;
            }
            None => return Ok((inside, rest)),
        }
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
}

impl Parser<'_> {
    fn next(&mut self) -> Option<&Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn is(&self, word: &str) -> bool {
        matches!(self.tokens.first(), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word))
    }

    /// Passes over a keyword if it comes next.
    fn skip(&mut self, word: &str) -> bool {
        let found = self.is(word);
        if found {
            self.tokens = &self.tokens[1..];
        }
        found
    }

    fn skip_sign(&mut self, sign: char) -> bool {
        let found = self.tokens.first() == Some(&Token::Sign(sign));
        if found {
            self.tokens = &self.tokens[1..];
        }
        found
    }

    fn expect(&mut self, word: &str) -> Result<(), String> {
        if self.skip(word) { Ok(()) } else { Err(format!("{word} was expected")) }
    }

    fn name(&mut self) -> Result<String, String> {
        match self.next() {
            Some(Token::Word(name) | Token::Name(name)) if !name.is_empty() => Ok(name.clone()),
            _ => Err("a name was expected".to_owned()),
        }
    }

    /// Passes over what stands in parentheses, if they come next.
    fn skip_parentheses(&mut self) -> Result<(), String> {
        let mut depth = 0usize;
        while let Some(token) = self.tokens.first() {
            match token {
                Token::Sign('(') => depth += 1,
                Token::Sign(')') if depth > 0 => depth -= 1,
                _ if depth == 0 => return Ok(()),
                _ => {}
            }
            self.tokens = &self.tokens[1..];
            if depth == 0 {
                return Ok(());
            }
        }
        if depth == 0 { Ok(()) } else { Err("a parenthesis is not closed".to_owned()) }
    }

    /// Passes over the rest of an item, to the comma or the end.
    fn skip_item(&mut self) -> Result<(), String> {
        while let Some(token) = self.tokens.first() {
            match token {
                Token::Sign(',' | ';') => return Ok(()),
                Token::Sign(')') => return Err("a parenthesis is closed that was not opened".to_owned()),
                Token::Sign('(') => self.skip_parentheses()?,
                _ => self.tokens = &self.tokens[1..],
            }
        }
        Ok(())
    }

    fn statement(&mut self) -> Result<Vec<Action>, String> {
        self.expect("ALTER")?;
        self.expect("TABLE")?;
        // The parts of the table's name may be left out, as in `db..t`.
        loop {
            if self.skip_sign('.') {
                continue;
            }
            self.name()?;
            if self.tokens.first() != Some(&Token::Sign('.')) {
                break;
            }
        }
        if self.is("WITH") {
            self.next();
            if !self.skip("CHECK") {
                self.expect("NOCHECK")?;
            }
        }
        if self.skip("ADD") {
            return self.add();
        }
        if self.skip("DROP") {
            return self.drop();
        }
        if self.skip("ALTER") {
            self.expect("COLUMN")?;
            return Ok(vec![self.alter_column()?]);
        }
        const OTHERS: [&str; 7] = ["CHECK", "NOCHECK", "ENABLE", "DISABLE", "SWITCH", "SET", "REBUILD"];
        if OTHERS.iter().any(|word| self.is(word)) {
            return Ok(vec![Action::Other]);
        }
        Err("it is no form of ALTER TABLE that is known".to_owned())
    }

    fn add(&mut self) -> Result<Vec<Action>, String> {
        const UNNAMED: [&str; 7] = ["CHECK", "DEFAULT", "FOREIGN", "PRIMARY", "UNIQUE", "INDEX", "PERIOD"];
        let mut actions = Vec::new();
        // The parentheses of `ADD (a int)` do not exist in T-SQL.
        loop {
            actions.push(if self.skip("CONSTRAINT") {
                Action::AddConstraint(Some(self.name()?))
            } else if UNNAMED.iter().any(|word| self.is(word)) {
                if self.is("INDEX") || self.is("PERIOD") { Action::Other } else { Action::AddConstraint(None) }
            } else {
                Action::AddColumn(self.name()?)
            });
            self.skip_item()?;
            if !self.skip_sign(',') {
                return Ok(actions);
            }
        }
    }

    fn drop(&mut self) -> Result<Vec<Action>, String> {
        let mut actions = Vec::new();
        // Without a word it is a constraint; the word holds for the names that follow.
        let mut columns = false;
        loop {
            if self.skip("COLUMN") {
                columns = true;
            } else if self.skip("CONSTRAINT") {
                columns = false;
            } else if self.is("PERIOD") {
                return Ok(vec![Action::Other]);
            }
            if self.is("IF") {
                self.next();
                self.expect("EXISTS")?;
            }
            let name = self.name()?;
            actions.push(if columns { Action::DropColumn(name) } else { Action::DropConstraint(name) });
            if self.skip("WITH") {
                self.skip_parentheses()?;
            }
            if !self.skip_sign(',') {
                return match self.tokens.first() {
                    None | Some(Token::Sign(';')) => Ok(actions),
                    Some(_) => Err("something follows a dropped name that is not understood".to_owned()),
                };
            }
        }
    }

    fn alter_column(&mut self) -> Result<Action, String> {
        let name = self.name()?;
        // ADD and DROP change properties: ROWGUIDCOL, PERSISTED, NOT FOR REPLICATION, SPARSE, HIDDEN, MASKED.
        if self.is("ADD") || self.is("DROP") {
            return Ok(Action::Other);
        }
        self.name()?;
        while self.skip_sign('.') {
            self.name()?;
        }
        self.skip_parentheses()?;
        let mut nullable = None;
        while let Some(token) = self.tokens.first().cloned() {
            match token {
                Token::Sign(';') => break,
                Token::Word(word) if word.eq_ignore_ascii_case("COLLATE") => {
                    self.next();
                    self.name()?;
                }
                Token::Word(word) if word.eq_ignore_ascii_case("NULL") => {
                    self.next();
                    nullable = Some(true);
                }
                Token::Word(word) if word.eq_ignore_ascii_case("NOT") => {
                    self.next();
                    self.expect("NULL")?;
                    nullable = Some(false);
                }
                Token::Word(word) if word.eq_ignore_ascii_case("SPARSE") => {
                    self.next();
                }
                Token::Word(word) if word.eq_ignore_ascii_case("WITH") => {
                    self.next();
                    self.skip_parentheses()?;
                }
                _ => return Err("something follows the column's type that is not understood".to_owned()),
            }
        }
        Ok(Action::AlterColumn { name, nullable })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Action, parse};
    use proptest::prelude::*;

    fn add(name: &str) -> Action {
        Action::AddColumn(name.to_owned())
    }

    fn drop(name: &str) -> Action {
        Action::DropColumn(name.to_owned())
    }

    fn unnamed() -> Action {
        Action::AddConstraint(None)
    }

    fn alter(name: &str, nullable: Option<bool>) -> Action {
        Action::AlterColumn { name: name.to_owned(), nullable }
    }

    /// Forms of <https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql>, its examples among them.
    #[test]
    fn the_documented_forms_are_understood() {
        let cases: Vec<(&str, Vec<Action>)> = vec![
            ("ALTER TABLE dbo.doc_exa ADD column_b VARCHAR(20) NULL;", vec![add("column_b")]),
            ("alter table t add a int, b decimal(5, 2) default (1), c as (a + b)", vec![add("a"), add("b"), add("c")]),
            (
                "ALTER TABLE dbo.doc_exc ADD column_b VARCHAR(20) NULL CONSTRAINT exb_unique UNIQUE, CONSTRAINT k CHECK (a > 1)",
                vec![add("column_b"), Action::AddConstraint(Some("k".into()))],
            ),
            (
                "ALTER TABLE t WITH NOCHECK ADD CONSTRAINT [c k] CHECK (a > 1)",
                vec![Action::AddConstraint(Some("c k".into()))],
            ),
            ("ALTER TABLE t ADD DEFAULT 50 FOR b", vec![unnamed()]),
            ("ALTER TABLE t ADD CHECK (a in (1, 2)), UNIQUE (a, b)", vec![unnamed(), unnamed()]),
            ("ALTER TABLE shop..t DROP COLUMN column_b", vec![drop("column_b")]),
            ("ALTER TABLE t DROP COLUMN IF EXISTS a, [b]]], \"c\"", vec![drop("a"), drop("b]"), drop("c")]),
            ("ALTER TABLE t DROP CONSTRAINT d, COLUMN a", vec![Action::DropConstraint("d".into()), drop("a")]),
            (
                "ALTER TABLE t DROP COLUMN a, CONSTRAINT d, e WITH (ONLINE = ON), COLUMN b;",
                vec![drop("a"), Action::DropConstraint("d".into()), Action::DropConstraint("e".into()), drop("b")],
            ),
            ("ALTER TABLE t DROP d", vec![Action::DropConstraint("d".into())]),
            ("ALTER TABLE dbo.t ALTER COLUMN column_a DECIMAL (5, 2)", vec![alter("column_a", None)]),
            (
                "ALTER TABLE t ALTER COLUMN C varchar(50) COLLATE Latin1_General_BIN NOT NULL WITH (ONLINE = ON)",
                vec![alter("C", Some(false))],
            ),
            ("ALTER TABLE t ALTER COLUMN c [dbo].[alias] NULL", vec![alter("c", Some(true))]),
            ("ALTER TABLE t ALTER COLUMN c ADD NOT FOR REPLICATION", vec![Action::Other]),
            ("ALTER TABLE t NOCHECK CONSTRAINT k", vec![Action::Other]),
            ("ALTER TABLE t ENABLE TRIGGER ALL", vec![Action::Other]),
            ("ALTER TABLE t REBUILD WITH (DATA_COMPRESSION = PAGE)", vec![Action::Other]),
            (
                "-- first\nALTER /* a /* nested */ comment */ TABLE [a.b].[t] -- DROP COLUMN x\n DROP COLUMN y",
                vec![drop("y")],
            ),
            ("ALTER TABLE t ADD note varchar(20) DEFAULT 'a, b) DROP COLUMN c', x int", vec![add("note"), add("x")]),
        ];
        for (text, actions) in cases {
            assert_eq!(parse(text), Ok(actions), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for text in [
            "",
            "ALTER",
            "ALTER TABLE",
            "ALTER TABLE t",
            "ALTER TABLE t DROP COLUMN",
            "ALTER TABLE t DROP COLUMN a b",
            "ALTER TABLE t DROP COLUMN 'a'",
            "ALTER TABLE t DROP COLUMN a,",
            "ALTER TABLE t ALTER COLUMN a",
            "ALTER TABLE t ALTER COLUMN a int NOT",
            "ALTER TABLE t ALTER COLUMN a int WHATEVER",
            "ALTER TABLE t ALTER COLUMN a decimal(5",
            "ALTER TABLE t ADD a int DEFAULT ((1)",
            "ALTER TABLE t ADD a int), b int",
            "ALTER TABLE [t DROP COLUMN a",
            "ALTER TABLE t /* DROP COLUMN a",
            "DROP TABLE t",
        ] {
            assert!(parse(text).is_err(), "{text}: {:?}", parse(text));
        }
    }

    #[test]
    fn a_name_is_found_in_an_expression_and_not_in_its_strings() {
        for (expression, found) in [
            ("[Price] > 5", true),
            ("price > 5", true),
            ("dbo.f(a, \"PRICE\") = 1", true),
            ("prices > 5 AND a = 'price'", false),
            ("'not closed", true),
        ] {
            assert_eq!(super::mentions(expression, "price"), found, "{expression}");
        }
    }

    #[test]
    fn only_literals_are_constant() {
        for (expression, constant) in [
            ("((5))", true),
            ("((-1.5))", true),
            ("(N'it''s')", true),
            ("(0x00)", true),
            ("(getdate())", false),
            ("(newid())", false),
            ("([other])", false),
            ("(CONVERT([bit],(0)))", false),
            ("('x", false),
        ] {
            assert_eq!(super::is_constant(expression), constant, "{expression}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_an_end(text in ".*") {
            let _ = parse(&text);
        }

        #[test]
        fn any_tokens_are_read_to_an_end(words in prop::collection::vec(
            prop::sample::select(vec!["ALTER", "TABLE", "t", ".", "ADD", "DROP", "COLUMN", "a", ",", "(", ")", "[b]", "'c'", ";", "WITH", "IF", "NOT", "NULL", "5"]), 0..30)
        ) {
            let _ = parse(&format!("ALTER TABLE t {}", words.join(" ")));
        }

        #[test]
        fn quoted_names_come_back(name in "[^\u{0}]{1,40}") {
            let text = format!("ALTER TABLE {0} DROP COLUMN {0}", crate::quote::identifier(&name));
            prop_assert_eq!(parse(&text), Ok(vec![drop(&name)]));
        }
    }
}
