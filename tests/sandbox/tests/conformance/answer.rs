//! What a batch answered, and whether it is what was expected.

use tiberius::error::Error;

/// Number and beginning of the sandbox's refusals.
const REFUSAL: &str = "error 50000 level 16 state 1: sandbox: not supported: ";

/// Everything a batch answered, a line each, as case files write it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Rows, `;` between result sets, at the end the error if there was one.
    pub lines: Vec<String>,
    /// Result sets so far.
    sets: usize,
    /// Rows of the current one.
    rows: usize,
}

impl Answer {
    /// A result set begins.
    pub fn result_set(&mut self) {
        self.end_set();
        if self.sets > 0 {
            self.lines.push(";".to_owned());
        }
        self.sets += 1;
        self.rows = 0;
    }

    /// A row of it.
    pub fn row(&mut self, text: String) {
        self.lines.push(text);
        self.rows += 1;
    }

    /// It ended.
    pub fn end(&mut self) {
        self.end_set();
    }

    fn end_set(&mut self) {
        if self.sets > 0 && self.rows == 0 {
            self.lines.push("(none)".to_owned());
            self.rows = 1;
        }
    }

    /// It ended with an error. A result set that has no rows yet is not shown then: whether its columns come before the error depends on
    /// the plan.
    pub fn error(&mut self, error: &Error) {
        if self.sets > 1 && self.rows == 0 {
            self.lines.pop();
        }
        let line = match error {
            Error::Server(e) => {
                let text = e.message().replace(['\n', '\r'], " ");
                format!("error {} level {} state {}: {text}", e.code(), e.class(), e.state())
            }
            other => format!("failure: {other}"),
        };
        self.lines.push(line);
    }

    /// The sandbox refused it.
    pub fn is_refusal(&self) -> bool {
        self.lines.last().is_some_and(|line| line.starts_with(REFUSAL))
    }

    /// Whether it ended with an error.
    pub fn is_error(&self) -> bool {
        self.lines.last().is_some_and(|line| line.starts_with("error ") || line.starts_with("failure: "))
    }

    /// Whether it is what was expected; `None` expects anything but an error.
    pub fn fits(&self, expected: Option<&[String]>) -> bool {
        match expected {
            None => !self.is_error(),
            Some(expected) => {
                expected.len() == self.lines.len()
                    && expected.iter().zip(&self.lines).all(|(expected, actual)| line_fits(expected, actual))
            }
        }
    }
}

fn line_fits(expected: &str, actual: &str) -> bool {
    if expected == actual {
        return true;
    }
    let (Some(expected), Some(actual)) = (expected.strip_prefix("error "), actual.strip_prefix("error ")) else {
        return false;
    };
    let (head, text) = expected.split_once(": ").map_or((expected, None), |(head, text)| (head, Some(text)));
    let Some((actual_head, actual_text)) = actual.split_once(": ") else { return false };
    let words: Vec<&str> = head.split_whitespace().collect();
    let actual_words: Vec<&str> = actual_head.split_whitespace().collect();
    let word_after = |name: &str, words: &[&str]| {
        words.iter().position(|w| *w == name).and_then(|at| words.get(at + 1)).map(|w| (*w).to_owned())
    };
    let facet_fits =
        |name: &str| word_after(name, &words).is_none_or(|wanted| word_after(name, &actual_words) == Some(wanted));
    words.first() == actual_words.first()
        && facet_fits("level")
        && facet_fits("state")
        && text.is_none_or(|pattern| matches(pattern, actual_text))
}

/// A pattern in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}
