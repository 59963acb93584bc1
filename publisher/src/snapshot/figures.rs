//! How far a snapshot has come: counted where rows are read, looked at by whoever shows or reports it.

use proto::{TableName, TableProgress};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The figures of all tables of a snapshot.
#[derive(Debug)]
pub(super) struct Figures {
    tables: Vec<TableFigures>,
    begun: Instant,
}

/// Those of one table.
#[derive(Debug)]
pub(super) struct TableFigures {
    table: TableName,
    rows_expected: u64,
    rows: AtomicU64,
    bytes: AtomicU64,
    parts_left: AtomicUsize,
    begun: OnceLock<Instant>,
    ended: OnceLock<Duration>,
}

impl Figures {
    pub fn new(tables: impl IntoIterator<Item = TableFigures>) -> Self {
        Self { tables: tables.into_iter().collect(), begun: Instant::now() }
    }

    /// Those of the table at this place of the snapshot.
    pub fn table(&self, index: usize) -> &TableFigures {
        &self.tables[index]
    }

    /// As they stand.
    pub fn tables(&self) -> Vec<TableProgress> {
        self.tables.iter().map(TableFigures::progress).collect()
    }

    /// Since when tables are read.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}

impl TableFigures {
    /// Of a table with about `rows_expected` rows that is read in `parts` parts.
    pub fn new(table: TableName, rows_expected: u64, parts: usize) -> Self {
        Self {
            table,
            rows_expected,
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            parts_left: AtomicUsize::new(parts),
            begun: OnceLock::new(),
            ended: OnceLock::new(),
        }
    }

    /// A part of it is about to be read.
    pub fn begin(&self) {
        self.begun.get_or_init(Instant::now);
    }

    /// So many more rows and bytes are read.
    pub fn add(&self, rows: u64, bytes: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A part is finished.
    pub fn part_done(&self) {
        if self.parts_left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.ended.get_or_init(|| self.begun.get().map_or(Duration::ZERO, Instant::elapsed));
        }
    }

    fn progress(&self) -> TableProgress {
        let ended = self.ended.get().copied();
        let elapsed = ended.unwrap_or_else(|| self.begun.get().map_or(Duration::ZERO, Instant::elapsed));
        let rows = self.rows.load(Ordering::Relaxed);
        TableProgress {
            table: self.table.clone(),
            rows,
            // What was expected is only near: once the table is done it is known, and before it can't be less than what is there.
            rows_expected: if ended.is_some() { rows } else { self.rows_expected.max(rows) },
            bytes: self.bytes.load(Ordering::Relaxed),
            elapsed: i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX),
            done: ended.is_some(),
        }
    }
}

/// Rows and bytes a second, and the time that is left, of what takes `elapsed` microseconds so far. As in `98k rows/s, 12.3 MiB/s, 40 s left`.
pub(super) fn pace(rows: u64, rows_expected: u64, bytes: u64, elapsed: i64) -> String {
    let seconds = (elapsed as f64 / 1e6).max(1e-3);
    let rate = rows as f64 / seconds;
    let left = match rows_expected.saturating_sub(rows) {
        left if left > 0 && rate >= 1.0 => format!(", {} left", duration((left as f64 / rate) as u64)),
        _ => String::new(),
    };
    format!("{} rows/s, {}/s{left}", number(rate), cli::size::format((bytes as f64 / seconds) as u64))
}

fn number(n: f64) -> String {
    match n {
        n if n >= 10e6 => format!("{:.0}M", n / 1e6),
        n if n >= 10e3 => format!("{:.0}k", n / 1e3),
        n => format!("{n:.0}"),
    }
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_done_with_its_last_part() {
        let figures = TableFigures::new(TableName { schema: "s".into(), table: "t".into() }, 100, 2);
        assert_eq!((figures.progress().elapsed, figures.progress().done), (0, false));
        figures.begin();
        figures.add(30, 300);
        figures.part_done();
        assert_eq!((figures.progress().rows_expected, figures.progress().done), (100, false));
        figures.add(90, 900);
        assert_eq!(figures.progress().rows_expected, 120, "not less than there are");
        figures.part_done();
        let done = figures.progress();
        assert_eq!((done.rows, done.rows_expected, done.bytes, done.done), (120, 120, 1_200, true));
        assert_eq!(figures.progress().elapsed, done.elapsed, "its time has stopped");
    }

    #[test]
    fn pace_is_told_in_few_digits() {
        assert_eq!(pace(98_000, 4_018_000, 12 << 20, 1_000_000), "98k rows/s, 12.0 MiB/s, 40 s left");
        assert_eq!(pace(50, 50, 100, 2_000_000), "25 rows/s, 50 B/s");
        assert_eq!(pace(0, 50, 0, 0), "0 rows/s, 0 B/s");
        assert_eq!(pace(1_000, 10_000_000, 1_000, 1_000_000), "1000 rows/s, 1000 B/s, 2 h 46 min left");
    }
}
