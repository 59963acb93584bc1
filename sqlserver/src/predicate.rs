//! Row filters: T-SQL predicates that users write and the server evaluates.
//!
//! A filter becomes part of our statements, inside parentheses. [`Predicate::parse`] makes sure that it stays there: outside of its
//! strings and quoted names there is no comment, no semicolon, no unbalanced parenthesis, and no word that reaches
//! beyond the row. Whether it is a predicate over the table's columns the server says itself ([`check`]).

use crate::catalog::Table;
use crate::client::Client;
use crate::error::Error;
use crate::quote;
use crate::script::words;
use proto::TableName;

/// A filter that cannot get out of its parentheses and depends on nothing but the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicate(String);

/// Words that read other rows, or other things than rows: the filter is evaluated when the log is read, not when the row was
/// written, so its answer must not change in between
/// (<https://learn.microsoft.com/sql/relational-databases/user-defined-functions/deterministic-and-nondeterministic-functions>).
const BEYOND_THE_ROW: [&str; 29] = [
    "SELECT",
    "EXEC",
    "EXECUTE",
    "INSERT",
    "UPDATE",
    "DELETE",
    "MERGE",
    "DROP",
    "OPENROWSET",
    "OPENQUERY",
    "OPENDATASOURCE",
    "GETDATE",
    "GETUTCDATE",
    "SYSDATETIME",
    "SYSUTCDATETIME",
    "SYSDATETIMEOFFSET",
    "CURRENT_TIMESTAMP",
    "CURRENT_USER",
    "SESSION_USER",
    "SYSTEM_USER",
    "USER",
    "SUSER_SNAME",
    "SUSER_NAME",
    "HOST_NAME",
    "APP_NAME",
    "NEWID",
    "RAND",
    "SESSION_CONTEXT",
    "CONTEXT_INFO",
];

impl Predicate {
    /// Checks a filter's text; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = contained(text, |word| {
            if BEYOND_THE_ROW.iter().any(|refused| word.eq_ignore_ascii_case(refused)) {
                return Err(format!("it uses {word}; a filter may depend on the row's own columns only"));
            }
            Ok(())
        })?;
        Ok(Self(text.to_owned()))
    }

    /// Whether it may use a column.
    pub fn mentions(&self, column: &str) -> bool {
        words(&self.0).iter().any(|word| word.names(column))
    }

    /// The text, as it was written.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Whether a filter calls a table by its name, as in `[orders].[price] > 5`.
pub fn qualifies_by(filter: &str, table: &TableName) -> bool {
    words(filter).iter().any(|word| word.names(&table.table) && word.followed_by == Some('.'))
}

/// Checks the text of a default, a computed column or a constraint, as the catalog of another server has it: put into its place in a
/// statement it must stay there. The error says what is wrong with it.
pub fn expression(text: &str) -> Result<&str, String> {
    contained(text, |_| Ok(()))
}

/// A text, trimmed, that stays where it is put: outside of its strings and quoted names there is no comment, semicolon, variable or
/// unbalanced parenthesis. `word` judges each word.
fn contained(text: &str, word: impl Fn(&str) -> Result<(), String>) -> Result<&str, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    let mut depth = 0usize;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let next = &rest[c.len_utf8()..];
        rest = match c {
            '\'' | '"' => after_quoted(next, c)?,
            '[' => after_quoted(next, ']')?,
            '-' if next.starts_with('-') => return Err("it has a comment".to_owned()),
            '/' if next.starts_with('*') => return Err("it has a comment".to_owned()),
            ';' => return Err("it has a semicolon".to_owned()),
            '@' => return Err("it has a variable".to_owned()),
            '\0' => return Err("it has a zero character".to_owned()),
            '(' => {
                depth += 1;
                next
            }
            ')' => {
                depth = depth.checked_sub(1).ok_or("it closes a parenthesis that it did not open")?;
                next
            }
            c if is_word(c) => {
                let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                word(&rest[..end])?;
                &rest[end..]
            }
            _ => next,
        };
    }
    if depth > 0 {
        return Err("it opens a parenthesis that it does not close".to_owned());
    }
    Ok(text)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '#' | '$')
}

/// What follows the closing quote; a doubled one does not close.
fn after_quoted(text: &str, close: char) -> Result<&str, String> {
    let mut rest = text;
    loop {
        let end = rest.find(close).ok_or_else(|| format!("a quote is not closed by {close}"))?;
        rest = &rest[end + close.len_utf8()..];
        match rest.strip_prefix(close) {
            Some(after) => rest = after,
            None => return Ok(rest),
        }
    }
}

/// Asks the server whether a filter is a predicate over the columns that its change table will hold: not computed ones, which are
/// always NULL there, nor `(max)` ones, which are NULL there in updates that do not touch them.
/// <https://learn.microsoft.com/sql/t-sql/queries/search-condition-transact-sql>
pub async fn check(client: &mut Client, table: &Table, predicate: &Predicate) -> Result<(), Error> {
    let columns: Vec<&str> = table
        .columns
        .iter()
        .filter(|c| c.computed.is_none() && !c.column_type.as_ref().is_ok_and(proto::ColumnType::is_max))
        .map(|c| c.name.as_str())
        .collect();
    let sql = format!(
        "SELECT TOP (0) 1 FROM (SELECT {} FROM {}) AS {} WHERE ({})",
        quote::list(columns),
        quote::table(&table.name),
        alias(&table.name),
        predicate.text()
    );
    client.batch(&format!("checking the filter of {}", table.name), &sql).await
}

/// Name under which every statement with a filter knows the table: its own, so that a filter may qualify its columns by it.
pub(crate) fn alias(table: &TableName) -> String {
    quote::identifier(&table.table)
}

#[cfg(test)]
mod tests {
    use super::{Predicate, expression};

    #[test]
    fn predicates_over_the_row_are_taken_as_they_are() {
        for text in [
            "region = 'EU'",
            "([status] <> N'it''s ) -- fine' AND (a > 1 OR b IN (1, 2)))",
            "[we]]ird) name] = 0xDEAD",
            "orders.total >= 10.5 and name LIKE '%;%'",
            "last_update IS NULL",
        ] {
            assert_eq!(Predicate::parse(text).as_ref().map(Predicate::text), Ok(text), "{text}");
        }
    }

    #[test]
    fn nothing_gets_out_of_the_parentheses() {
        for (text, why) in [
            ("", "empty"),
            ("1 = 1) OR (1 = 1", "did not open"),
            ("1 = 1); DROP TABLE t; --", "did not open"),
            ("(1 = 1", "does not close"),
            ("a = 1 -- )", "comment"),
            ("a = 1 /* ) */", "comment"),
            ("a = 1; DELETE t", "semicolon"),
            ("a = 'x", "not closed"),
            ("[a = 1", "not closed"),
            ("a = @x", "variable"),
        ] {
            let error = Predicate::parse(text).err().unwrap_or_default();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn expressions_of_definitions_stay_in_their_place() {
        for text in ["((0))", "(getdate())", "(N'--; DROP')", "CHECK ([a]>(0) AND [b] like '%]%')", "(newid())"] {
            assert_eq!(expression(text), Ok(text));
        }
        for text in ["(0); DROP TABLE t", "(0) -- ", "(0)) WITH (x", "((0)", "('x)", "(@@SPID)", " "] {
            assert!(expression(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_would_be_another_answer_later_is_refused() {
        for text in ["id IN (SELECT id FROM t)", "at > GetDate()", "owner = CURRENT_USER", "a = rand()"] {
            assert!(Predicate::parse(text).is_err_and(|e| e.contains("row's own columns")), "{text}");
        }
    }
}
