//! How far tables have come that are read for a snapshot, or loaded from one: bars on a terminal, lines of the log elsewhere.
//!
//! Whoever works counts into [`Tables`]; [`follow`] shows them while the work is being done. Bars and log share the terminal: what is logged
//! while there are bars comes to stand above them.

mod figures;
mod tables;

pub use figures::{Figures, time_left};
pub use tables::{Amount, Part, Table, Tables};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use proto::TableProgress;
use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Between two looks at the figures.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Between two lines about all tables.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// Most characters of a table's name before its bar: with these a line fits into 80 columns.
const NAME_WIDTH: usize = 24;

/// The terminal, where it is one on which bars may be drawn.
static TERMINAL: OnceLock<MultiProgress> = OnceLock::new();

/// From now on bars are drawn if standard error is a terminal.
pub(crate) fn allow_bars() {
    if io::stderr().is_terminal() {
        TERMINAL.get_or_init(MultiProgress::new);
    }
}

/// Standard error, for whole lines, which do not tear bars that are drawn there.
#[derive(Debug)]
pub(crate) struct Lines;

impl Write for Lines {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let write = || io::stderr().write_all(text);
        // A log that nobody reads any more is no reason to stop.
        let _ = match TERMINAL.get() {
            // Where it is gone, bars cannot be taken away and drawn anew.
            Some(terminal) if terminal.clear().is_ok() => terminal.suspend(write),
            _ => write(),
        };
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Does `work`, and shows meanwhile how far `tables` have come; logs each that is done, as what was `done` to it: `read`, `loaded`.
pub async fn follow<T>(tables: &Tables, done: &'static str, work: impl Future<Output = T>) -> T {
    let mut shown = Shown::new(TERMINAL.get(), done, &tables.progress());
    let mut looks = tokio::time::interval(LOOK_EVERY);
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            ended = &mut work => {
                shown.look(&tables.progress());
                return ended;
            }
            _ = looks.tick() => shown.look(&tables.progress()),
        }
    }
}

/// What is shown.
struct Shown {
    terminal: Option<MultiProgress>,
    done: &'static str,
    /// Of tables that are under way, by their place.
    bars: BTreeMap<usize, ProgressBar>,
    /// Of all together.
    total: Option<ProgressBar>,
    /// Tables whose end was told, or was known before.
    told: Vec<bool>,
    lined: Instant,
}

impl Shown {
    fn new(terminal: Option<&MultiProgress>, done: &'static str, tables: &[TableProgress]) -> Self {
        Self {
            terminal: terminal.cloned(),
            done,
            bars: BTreeMap::new(),
            total: None,
            told: tables.iter().map(|table| table.done).collect(),
            lined: Instant::now(),
        }
    }

    fn look(&mut self, tables: &[TableProgress]) {
        self.told.resize(tables.len(), false);
        for (place, table) in tables.iter().enumerate() {
            if table.done && !self.told[place] {
                self.told[place] = true;
                if let (Some(bar), Some(terminal)) = (self.bars.remove(&place), &self.terminal) {
                    bar.finish_and_clear();
                    terminal.remove(&bar);
                }
                tracing::info!("{}", figures::line(self.done, table));
            }
        }
        match self.terminal.clone() {
            Some(terminal) => self.draw(&terminal, tables),
            None if self.lined.elapsed() >= LINE_EVERY => {
                self.lined = Instant::now();
                tracing::info!("{}", figures::line_of_all(self.done, tables));
            }
            None => {}
        }
    }

    fn draw(&mut self, terminal: &MultiProgress, tables: &[TableProgress]) {
        let total = figures::done_of(tables);
        let names = tables.iter().map(|table| table.table.to_string().chars().count());
        let width = names.chain([total.chars().count()]).max().unwrap_or(0).min(NAME_WIDTH);
        for (place, table) in tables.iter().enumerate().filter(|(_, table)| !table.done && table.elapsed > 0) {
            let bar = self.bars.entry(place).or_insert_with(|| {
                let bar = bar(&shortened(&table.table.to_string(), width), width);
                match &self.total {
                    Some(total) => terminal.insert_before(total, bar),
                    None => terminal.add(bar),
                }
            });
            show(bar, &Figures::of(table));
        }
        if tables.len() > 1 {
            let bar = self.total.get_or_insert_with(|| terminal.add(bar("", width)));
            bar.set_prefix(total);
            show(bar, &Figures::total(tables));
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        for bar in self.bars.values().chain(&self.total) {
            bar.finish_and_clear();
        }
    }
}

fn bar(name: &str, width: usize) -> ProgressBar {
    let style = ProgressStyle::with_template(&format!("{{prefix:{width}}} {{wide_bar}} {{msg}}"))
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(1).with_style(style).with_prefix(name.to_owned())
}

fn show(bar: &ProgressBar, figures: &Figures) {
    bar.set_length(figures.rows_expected.max(1));
    bar.set_position(figures.rows);
    bar.set_message(figures.columns());
}

/// A name without its middle, where it is too long.
fn shortened(name: &str, width: usize) -> String {
    let count = name.chars().count();
    if count <= width {
        return name.to_owned();
    }
    let (head, tail) = (width.saturating_sub(1) / 2, width.saturating_sub(1).div_ceil(2));
    name.chars().take(head).chain(['…']).chain(name.chars().skip(count - tail)).collect()
}

#[cfg(test)]
#[path = "progress/tests.rs"]
mod tests;
