//! What a snapshot shows while it works: bars on a terminal, plain lines elsewhere.

use super::figures::{Figures, pace};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use proto::TableProgress;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::Duration;

/// Between two looks at the figures.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Looks between two plain lines: ten seconds.
const LOOKS_A_LINE: u32 = 50;

/// Where progress goes: standard error.
#[derive(Debug)]
pub struct Progress {
    bars: Option<MultiProgress>,
}

impl Progress {
    /// Bars if standard error is a terminal, lines otherwise.
    pub fn new() -> Self {
        Self { bars: std::io::stderr().is_terminal().then(MultiProgress::new) }
    }

    /// Says something that the user should know.
    pub fn say(&self, text: &str) {
        match &self.bars {
            // A terminal that is gone is no reason to stop.
            Some(bars) => drop(bars.println(text)),
            None => eprintln!("{text}"),
        }
    }

    /// Shows how far the work has come until it is done, and says what became of each table.
    pub(super) async fn follow<T>(&self, figures: &Figures, work: impl Future<Output = T>) -> T {
        // Of those that are done before the work begins nothing is to be said.
        let said = figures.tables().iter().map(|table| table.done).collect();
        let mut shown = Shown { progress: self, bars: BTreeMap::new(), said };
        let mut looks = tokio::time::interval(LOOK_EVERY);
        let mut work = std::pin::pin!(work);
        let mut count = 0_u32;
        loop {
            tokio::select! {
                done = &mut work => {
                    shown.tables(figures);
                    for bar in shown.bars.values() {
                        bar.finish_and_clear();
                    }
                    return done;
                }
                _ = looks.tick() => {
                    shown.tables(figures);
                    count += 1;
                    if self.bars.is_none() && count.is_multiple_of(LOOKS_A_LINE) {
                        self.say(&total(figures));
                    }
                }
            }
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

/// What is on the screen.
struct Shown<'a> {
    progress: &'a Progress,
    /// Of tables that are being read, by their place.
    bars: BTreeMap<usize, ProgressBar>,
    /// Tables whose end was told.
    said: Vec<bool>,
}

impl Shown<'_> {
    fn tables(&mut self, figures: &Figures) {
        for (index, table) in figures.tables().iter().enumerate() {
            let kept = figures.kept(index);
            if table.done && !self.said[index] {
                self.said[index] = true;
                if let Some(bar) = self.bars.remove(&index) {
                    bar.finish_and_clear();
                }
                self.progress.say(&done(table, kept));
            } else if !table.done && table.elapsed > 0 {
                self.bar(index, table, kept);
            }
        }
    }

    fn bar(&mut self, index: usize, table: &TableProgress, kept: (u64, u64)) {
        let Some(bars) = &self.progress.bars else { return };
        let bar = self.bars.entry(index).or_insert_with(|| {
            let style = ProgressStyle::with_template("{prefix:30} {bar:24} {human_pos}/{human_len} rows  {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            bars.add(ProgressBar::new(0).with_style(style).with_prefix(table.table.to_string()))
        });
        bar.set_length(table.rows_expected);
        bar.set_position(table.rows);
        bar.set_message(pace_of(table, kept));
    }
}

/// The pace of reading, without what is kept.
fn pace_of(table: &TableProgress, (rows, bytes): (u64, u64)) -> String {
    pace(table.rows - rows, table.bytes - bytes, table.rows_expected - table.rows, table.elapsed)
}

/// What is said of a table that is done.
fn done(table: &TableProgress, kept: (u64, u64)) -> String {
    format!(
        "{}: {} rows, {} in {:.1} s ({})",
        table.table,
        table.rows,
        cli::size::format(table.bytes),
        table.elapsed as f64 / 1e6,
        pace_of(table, kept)
    )
}

/// What is said of all tables together.
fn total(figures: &Figures) -> String {
    let tables = figures.tables();
    let sum = |of: fn(&TableProgress) -> u64| tables.iter().map(of).sum::<u64>();
    let (rows, expected, bytes) = (sum(|t| t.rows), sum(|t| t.rows_expected), sum(|t| t.bytes));
    let elapsed = i64::try_from(figures.elapsed().as_micros()).unwrap_or(i64::MAX);
    let (kept_rows, kept_bytes) =
        (0..tables.len()).map(|i| figures.kept(i)).fold((0, 0), |sum, kept| (sum.0 + kept.0, sum.1 + kept.1));
    format!(
        "{rows} of about {expected} rows, {}, {} of {} tables done; {}",
        cli::size::format(bytes),
        tables.iter().filter(|table| table.done).count(),
        tables.len(),
        pace(rows - kept_rows, bytes - kept_bytes, expected - rows, elapsed)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::figures::TableFigures;
    use proto::TableName;

    #[test]
    fn a_line_tells_of_all_tables() {
        let table = |name: &str| TableName { schema: "s".into(), table: name.into() };
        let figures = Figures::new([
            TableFigures::new(table("a"), 10, (0, 0), 1),
            TableFigures::new(table("b"), 30, (5, 512), 2),
        ]);
        figures.table(0).begin();
        figures.table(0).add(12, 2_048);
        figures.table(0).part_done();
        figures.table(1).add(3, 512);
        let line = total(&figures);
        assert!(line.starts_with("20 of about 42 rows, 3.0 KiB, 1 of 2 tables done; "), "{line}");
        assert!(done(&figures.tables()[0], (0, 0)).starts_with("s.a: 12 rows, 2.0 KiB in 0.0 s ("));
    }
}
