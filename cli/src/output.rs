//! Results, to stdout: tables for people, JSON for programs.

use crate::error::CliError;
use serde::Serialize;
use std::fmt::{self, Write as _};
use std::io::Write as _;

/// How results are shown.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct OutputArgs {
    /// Form of the result on stdout
    #[arg(long, default_value = "text", value_enum)]
    pub output: OutputFormat,
}

/// Form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl OutputArgs {
    /// Whether JSON was asked for.
    pub fn is_json(&self) -> bool {
        self.output == OutputFormat::Json
    }

    /// Prints `value` as JSON, or what `text` makes of it.
    pub fn print<T: Serialize>(&self, value: &T, text: impl FnOnce(&T) -> Table) -> Result<(), CliError> {
        if self.is_json() { print_json(value) } else { print(text(value)) }
    }
}

/// Prints a value as indented JSON and a line's end.
pub fn print_json<T: Serialize + ?Sized>(value: &T) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| CliError::because("the result cannot be written as JSON", error))?;
    print(format_args!("{text}\n"))
}

/// Prints to stdout and flushes it. A reader that has gone away (`| head`) is no error.
pub fn print(text: impl fmt::Display) -> Result<(), CliError> {
    let mut stdout = std::io::stdout().lock();
    match write!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => done.map_err(|error| CliError::because("the result cannot be written to stdout", error)),
    }
}

/// Rows under headings, in aligned columns.
#[derive(Debug, Clone)]
pub struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Without rows.
    pub fn new<S: Into<String>>(headings: impl IntoIterator<Item = S>) -> Self {
        Self { headings: headings.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row; cells beyond the headings are dropped, missing ones are empty.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let mut row: Vec<String> = cells.into_iter().map(|cell| printable(&cell.into())).collect();
        row.resize(self.headings.len(), String::new());
        self.rows.push(row);
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// `1 table`, `0 tables`, `12 tables`: how many there are of what takes an s in the plural.
pub fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Without control characters, which could move the cursor or break the table.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.chain([self.headings[column].chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.headings.len()).map(width).collect();
        for row in std::iter::once(&self.headings).chain(&self.rows) {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                write!(line, "{cell:<width$}  ")?;
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_are_aligned_and_control_characters_stay_out() {
        let mut table = Table::new(["NAME", "STATE"]);
        table.row(["größer", "active"]);
        table.row(["b\u{1b}[2J", "failed"]);
        assert_eq!(table.to_string(), "NAME    STATE\ngrößer  active\nb [2J   failed\n");
    }
}
