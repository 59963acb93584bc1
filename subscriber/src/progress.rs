//! How far a long task has come: bars on a terminal, lines elsewhere.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

const LINE_EVERY: Duration = Duration::from_secs(5);

/// Bars of the tables that are being loaded.
#[derive(Debug, Clone)]
pub struct Bars(Option<MultiProgress>);

impl Bars {
    /// On stderr.
    pub fn new() -> Self {
        Self(std::io::stderr().is_terminal().then(MultiProgress::new))
    }

    /// Of one table.
    pub fn table(&self, name: String, rows: u64) -> Progress {
        let bar = self.0.as_ref().map(|bars| {
            let style = ProgressStyle::with_template("{prefix:30} {wide_bar} {human_pos}/{human_len} rows, {per_sec}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            bars.add(ProgressBar::new(rows).with_style(style).with_prefix(name.clone()))
        });
        Progress { name, rows, done: 0, bar, said: Instant::now() }
    }
}

impl Default for Bars {
    fn default() -> Self {
        Self::new()
    }
}

/// One table's progress.
#[derive(Debug)]
pub struct Progress {
    name: String,
    rows: u64,
    done: u64,
    bar: Option<ProgressBar>,
    said: Instant,
}

impl Progress {
    /// So many more rows.
    pub fn add(&mut self, rows: u64) {
        self.done += rows;
        match &self.bar {
            Some(bar) => bar.set_position(self.done),
            None if self.said.elapsed() >= LINE_EVERY => {
                self.said = Instant::now();
                tracing::info!(table = self.name, rows = self.done, of = self.rows, "loading");
            }
            None => {}
        }
    }

    /// All there.
    pub fn finish(self) {
        match self.bar {
            Some(bar) => bar.finish(),
            None => tracing::info!(table = self.name, rows = self.done, "loaded"),
        }
    }
}
