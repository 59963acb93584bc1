//! What a snapshot shows while it works: bars on a terminal, plain lines elsewhere.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use proto::TableName;
use std::io::IsTerminal;
use std::time::Instant;

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

    /// A table begins, with about `rows` rows.
    pub(super) fn table(&self, table: &TableName, rows: u64) -> TableProgress {
        let bar = self.bars.as_ref().map(|bars| {
            let style = ProgressStyle::with_template("{msg:32} {bar:30} {pos:>12}/{len} rows  {per_sec}  {eta}")
                .expect("the template is well formed");
            bars.add(ProgressBar::new(rows).with_style(style).with_message(table.to_string()))
        });
        TableProgress { table: table.to_string(), bar, started: Instant::now() }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

/// A table's progress.
pub(super) struct TableProgress {
    table: String,
    bar: Option<ProgressBar>,
    started: Instant,
}

impl TableProgress {
    /// So many rows are done.
    pub fn at(&self, rows: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(rows);
        }
    }

    /// All rows are done.
    pub fn done(&self, rows: u64, bytes: u64) {
        let seconds = self.started.elapsed().as_secs_f64();
        match &self.bar {
            Some(bar) => {
                bar.set_length(rows);
                bar.set_position(rows);
                bar.finish();
            }
            None => eprintln!(
                "{}: {rows} rows, {:.1} MB in {seconds:.1} s ({:.0} rows/s)",
                self.table,
                bytes as f64 / 1e6,
                rows as f64 / seconds.max(1e-3)
            ),
        }
    }
}
