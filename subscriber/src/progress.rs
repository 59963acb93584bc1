//! How far the loading of tables has come: figures for reports, bars on a terminal, lines elsewhere.

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use proto::TableName;
use proto::snapshot::TableProgress;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const LINE_EVERY: Duration = Duration::from_secs(5);

/// The tables that are being loaded. Clones show the same.
#[derive(Debug, Clone, Default)]
pub struct Loading(Arc<Mutex<Vec<Table>>>);

#[derive(Debug)]
struct Table {
    name: TableName,
    rows: u64,
    rows_expected: u64,
    bytes: u64,
    bytes_expected: u64,
    /// Parts that are not there yet.
    parts: usize,
    began: Option<Instant>,
    ended: Option<Instant>,
    bar: Option<ProgressBar>,
    said: Instant,
}

/// What one part of a table has, or is expected to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

impl Loading {
    /// Takes up tables with their parts, each with whether it is loaded already, in the place of what was there.
    pub(crate) fn begin(&self, tables: impl IntoIterator<Item = (TableName, Vec<(Size, bool)>)>) {
        let bars = std::io::stderr().is_terminal().then(MultiProgress::new);
        let table = |(name, parts): (TableName, Vec<(Size, bool)>)| {
            let sum = |of: fn(&Size) -> u64, loaded: Option<bool>| -> u64 {
                let counts = |part: &&(Size, bool)| loaded.is_none_or(|loaded| loaded == part.1);
                parts.iter().filter(counts).map(|(size, _)| of(size)).sum()
            };
            let (rows, bytes) = (|size: &Size| size.rows, |size: &Size| size.bytes);
            Table {
                rows: sum(rows, Some(true)),
                rows_expected: sum(rows, None),
                bytes: sum(bytes, Some(true)),
                bytes_expected: sum(bytes, None),
                parts: parts.iter().filter(|(_, loaded)| !loaded).count(),
                began: None,
                ended: None,
                bar: bars.as_ref().map(|bars| bars.add(bar(&name, sum(bytes, None)))),
                said: Instant::now(),
                name,
            }
        };
        *self.lock() = tables.into_iter().map(table).collect();
    }

    /// The figures of each table.
    pub fn tables(&self) -> Vec<TableProgress> {
        self.lock().iter().map(Table::figures).collect()
    }

    /// A part of a table is begun.
    pub(crate) fn part(&self, table: &TableName) -> PartProgress {
        self.change(table, |table| {
            table.began.get_or_insert_with(Instant::now);
        });
        PartProgress { loading: self.clone(), table: table.clone(), done: Size { rows: 0, bytes: 0 }, kept: false }
    }

    fn change(&self, name: &TableName, change: impl FnOnce(&mut Table)) {
        if let Some(table) = self.lock().iter_mut().find(|table| table.name == *name) {
            change(table);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Table>> {
        // Figures: half a change does no harm.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn elapsed(&self) -> Duration {
        self.began.map_or(Duration::ZERO, |began| self.ended.unwrap_or_else(Instant::now).duration_since(began))
    }

    fn figures(&self) -> TableProgress {
        TableProgress {
            table: self.name.clone(),
            rows: self.rows,
            rows_expected: self.rows_expected,
            bytes: self.bytes,
            elapsed: i64::try_from(self.elapsed().as_micros()).unwrap_or(i64::MAX),
            done: self.parts == 0,
        }
    }

    fn say(&mut self) {
        match &self.bar {
            Some(bar) if self.parts == 0 => bar.finish(),
            Some(bar) => {
                bar.set_position(self.bytes);
                let seconds = self.elapsed().as_secs_f64().max(0.001);
                bar.set_message(format!("{} rows, {:.0} rows/s", self.rows, self.rows as f64 / seconds));
            }
            None if self.parts == 0 => {
                let seconds = self.elapsed().as_secs_f64();
                tracing::info!(table = %self.name, rows = self.rows, bytes = self.bytes, seconds, "loaded");
            }
            None if self.said.elapsed() >= LINE_EVERY => {
                self.said = Instant::now();
                let seconds = self.elapsed().as_secs_f64().max(0.001);
                let rows_a_second = (self.rows as f64 / seconds) as u64;
                let left = self.bytes_expected.saturating_sub(self.bytes) as f64 * seconds / self.bytes.max(1) as f64;
                tracing::info!(
                    table = %self.name, rows = self.rows, of = self.rows_expected, bytes = self.bytes, rows_a_second,
                    seconds_left = left.ceil() as u64, "loading"
                );
            }
            None => {}
        }
    }
}

fn bar(name: &TableName, bytes: u64) -> ProgressBar {
    let per_second = |state: &ProgressState, text: &mut dyn std::fmt::Write| {
        let _ = write!(text, "{}/s", indicatif::HumanBytes(state.per_sec() as u64));
    };
    let style = ProgressStyle::with_template("{prefix:30} {wide_bar} {percent}% {msg}, {speed}, {eta} left")
        .map_or_else(|_| ProgressStyle::default_bar(), |style| style.with_key("speed", per_second));
    ProgressBar::new(bytes).with_style(style).with_prefix(name.to_string())
}

/// What a part adds to its table. Dropped before it is [kept](PartProgress::keep), it takes that away again: its rows were rolled back.
#[derive(Debug)]
pub(crate) struct PartProgress {
    loading: Loading,
    table: TableName,
    done: Size,
    kept: bool,
}

impl PartProgress {
    /// So many more rows are sent, and the part has come so far in the bytes of its file.
    pub(crate) fn add(&mut self, rows: u64, bytes: u64) {
        let more = bytes.saturating_sub(self.done.bytes);
        self.done = Size { rows: self.done.rows + rows, bytes: self.done.bytes + more };
        self.loading.change(&self.table, |table| {
            table.rows += rows;
            table.bytes += more;
            table.say();
        });
    }

    /// The part is committed.
    pub(crate) fn keep(mut self) {
        self.kept = true;
        self.loading.change(&self.table, |table| {
            table.parts = table.parts.saturating_sub(1);
            if table.parts == 0 {
                table.ended = Some(Instant::now());
            }
            table.say();
        });
    }
}

impl Drop for PartProgress {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        self.loading.change(&self.table, |table| {
            table.rows = table.rows.saturating_sub(self.done.rows);
            table.bytes = table.bytes.saturating_sub(self.done.bytes);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_part_adds_goes_with_it_unless_it_is_kept() {
        let name = TableName { schema: "dbo".to_owned(), table: "t".to_owned() };
        let size = |rows| Size { rows, bytes: rows * 10 };
        let loading = Loading::default();
        loading.begin([(name.clone(), vec![(size(5), true), (size(7), false), (size(8), false)])]);
        let figures = || {
            let table = loading.tables().remove(0);
            (table.rows, table.bytes, table.rows_expected, table.done)
        };
        assert_eq!(figures(), (5, 50, 20, false));
        let mut part = loading.part(&name);
        part.add(3, 30);
        part.add(1, 40);
        assert_eq!(figures(), (9, 90, 20, false));
        drop(part);
        assert_eq!(figures(), (5, 50, 20, false));
        for rows in [7, 8] {
            let mut part = loading.part(&name);
            part.add(rows, rows * 10);
            part.keep();
        }
        assert_eq!(figures(), (20, 200, 20, true));
    }
}
