//! The table that the benchmarks print: each measurement beside the physical limit measured in the same run.

use std::time::Duration;

/// One line of the table.
struct Line {
    what: String,
    measured: String,
    limit: String,
    ratio: Option<f64>,
    goal: Option<f64>,
}

/// Collects lines and prints them.
#[derive(Default)]
pub struct Report {
    lines: Vec<Line>,
}

impl Report {
    /// A speed against a limit, both in units a second; `goal` is the ratio to reach.
    pub fn speed(&mut self, what: &str, unit: &str, measured: f64, limit: f64, goal: f64) {
        self.against(what, unit, measured, limit, Some(goal));
    }

    /// The same where there may be no goal: the limit is one of another kind.
    pub fn against(&mut self, what: &str, unit: &str, measured: f64, limit: f64, goal: Option<f64>) {
        self.lines.push(Line {
            what: what.to_owned(),
            measured: format!("{} {unit}/s", thousands(measured)),
            limit: format!("{} {unit}/s", thousands(limit)),
            ratio: Some(measured / limit),
            goal,
        });
    }

    /// A plain figure.
    pub fn figure(&mut self, what: &str, measured: String, limit: &str) {
        self.lines.push(Line { what: what.to_owned(), measured, limit: limit.to_owned(), ratio: None, goal: None });
    }

    /// Prints the table.
    pub fn print(&self) {
        println!("\n{:<44} {:>20} {:>20} {:>8} {:>7}", "what", "measured", "limit", "ratio", "goal");
        println!("{}", "─".repeat(103));
        for line in &self.lines {
            let ratio = line.ratio.map_or_else(String::new, |r| format!("{r:.2}"));
            let goal = line.goal.map_or_else(String::new, |g| format!("{g:.2}"));
            println!("{:<44} {:>20} {:>20} {ratio:>8} {goal:>7}", line.what, line.measured, line.limit);
        }
    }
}

/// Units a second.
pub fn rate(units: u64, time: Duration) -> f64 {
    units as f64 / time.as_secs_f64()
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
