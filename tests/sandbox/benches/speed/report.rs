//! The table that is printed.

use std::time::{Duration, Instant};

/// Lines as they are measured.
#[derive(Default)]
pub struct Report {
    lines: Vec<[String; 4]>,
}

impl Report {
    /// A heading.
    pub fn part(&mut self, title: &str) {
        self.lines.push([title.to_owned(), String::new(), String::new(), String::new()]);
    }

    /// A figure in rows (or other things) a second, with its ratio to another's and the ratio that is the goal.
    pub fn rate(&mut self, what: &str, count: usize, time: Duration, limit: Option<Duration>, goal: Option<f64>) {
        let rate = count as f64 / time.as_secs_f64();
        self.line(
            what,
            format!("{}/s", thousands(rate)),
            limit.map(|limit| limit.as_secs_f64() / time.as_secs_f64()),
            goal,
        );
    }

    /// A figure in microseconds each.
    pub fn each(&mut self, what: &str, count: usize, time: Duration, limit: Option<Duration>) {
        let micros = time.as_secs_f64() * 1e6 / count as f64;
        self.line(what, format!("{micros:.1} µs"), limit.map(|limit| limit.as_secs_f64() / time.as_secs_f64()), None);
    }

    fn line(&mut self, what: &str, figure: String, ratio: Option<f64>, goal: Option<f64>) {
        let verdict = match (ratio, goal) {
            (Some(ratio), Some(goal)) if ratio >= goal => format!("goal {goal} reached"),
            (_, Some(goal)) => format!("goal {goal} MISSED"),
            _ => String::new(),
        };
        let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        self.lines.push([format!("  {what}"), figure, ratio, verdict]);
    }

    /// A word beside no figure.
    pub fn note(&mut self, text: &str) {
        self.lines.push([format!("  {text}"), String::new(), String::new(), String::new()]);
    }

    /// Prints the table.
    pub fn print(&self) {
        println!("{:<62} {:>16} {:>8}  goal", "what", "figure", "ratio");
        for [what, figure, ratio, verdict] in &self.lines {
            println!("{what:<62} {figure:>16} {ratio:>8}  {verdict}");
        }
    }
}

fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// The time that something takes.
pub fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

/// The fastest of several rounds, each contestant having its turn in each.
pub fn rounds<const N: usize>(count: usize, mut contestants: [Box<dyn FnMut() -> Duration + '_>; N]) -> [Duration; N] {
    let mut fastest = [Duration::MAX; N];
    for _ in 0..count {
        for (best, contestant) in fastest.iter_mut().zip(&mut contestants) {
            *best = (*best).min(contestant());
        }
    }
    fastest
}
