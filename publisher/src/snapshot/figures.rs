//! How far a snapshot has come: counted where rows are read, looked at by whoever shows or reports it.

use proto::{TableName, TableProgress};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
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
    /// Rows and bytes that are there from an earlier attempt.
    kept: (u64, u64),
    /// Rows and bytes read.
    rows: AtomicU64,
    bytes: AtomicU64,
    parts_left: AtomicUsize,
    any_read: AtomicBool,
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

    /// Rows and bytes of a table that are there from an earlier attempt.
    pub fn kept(&self, index: usize) -> (u64, u64) {
        self.tables[index].kept
    }

    /// Whether a part was read to its end.
    pub fn any_read(&self) -> bool {
        self.tables.iter().any(|table| table.any_read.load(Ordering::Relaxed))
    }

    /// Since when tables are read.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}

impl TableFigures {
    /// Of a table with about `rows_expected` rows of which `parts` parts are to be read; `kept` are the rows and bytes of the others.
    pub fn new(table: TableName, rows_expected: u64, kept: (u64, u64), parts: usize) -> Self {
        Self {
            table,
            rows_expected,
            kept,
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            parts_left: AtomicUsize::new(parts),
            any_read: AtomicBool::new(false),
            begun: OnceLock::new(),
            ended: if parts == 0 { Duration::ZERO.into() } else { OnceLock::new() },
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
        self.any_read.store(true, Ordering::Relaxed);
        if self.parts_left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.ended.get_or_init(|| self.begun.get().map_or(Duration::ZERO, Instant::elapsed));
        }
    }

    fn progress(&self) -> TableProgress {
        let ended = self.ended.get().copied();
        let elapsed = ended.unwrap_or_else(|| self.begun.get().map_or(Duration::ZERO, Instant::elapsed));
        let rows = self.kept.0 + self.rows.load(Ordering::Relaxed);
        TableProgress {
            table: self.table.clone(),
            rows,
            // What was expected is only near: once the table is done it is known, and before it can't be less than what is there.
            rows_expected: if ended.is_some() { rows } else { self.rows_expected.max(rows) },
            bytes: self.kept.1 + self.bytes.load(Ordering::Relaxed),
            elapsed: i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX),
            done: ended.is_some(),
        }
    }
}

/// Rows and bytes a second, and the time that it takes for `left` more rows, of what took `elapsed` microseconds so far. As in
/// `98k rows/s, 12.3 MiB/s, 40 s left`.
pub(super) fn pace(rows: u64, bytes: u64, left: u64, elapsed: i64) -> String {
    let seconds = (elapsed as f64 / 1e6).max(1e-3);
    let rate = rows as f64 / seconds;
    let left = match left {
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
        let figures = TableFigures::new(TableName { schema: "s".into(), table: "t".into() }, 100, (0, 0), 2);
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
    fn what_is_kept_counts_as_done() {
        let table = || TableName { schema: "s".into(), table: "t".into() };
        let figures =
            Figures::new([TableFigures::new(table(), 100, (40, 400), 1), TableFigures::new(table(), 50, (60, 600), 0)]);
        let [some, all] = &figures.tables()[..] else { panic!("two tables") };
        assert_eq!((some.rows, some.rows_expected, some.bytes, some.done), (40, 100, 400, false));
        assert_eq!((all.rows, all.rows_expected, all.done, all.elapsed), (60, 60, true, 0));
        assert!(!figures.any_read());
        figures.table(0).part_done();
        assert!(figures.any_read());
    }

    #[test]
    fn pace_is_told_in_few_digits() {
        assert_eq!(pace(98_000, 12 << 20, 3_920_000, 1_000_000), "98k rows/s, 12.0 MiB/s, 40 s left");
        assert_eq!(pace(50, 100, 0, 2_000_000), "25 rows/s, 50 B/s");
        assert_eq!(pace(0, 0, 50, 0), "0 rows/s, 0 B/s");
        assert_eq!(pace(1_000, 1_000, 9_999_000, 1_000_000), "1000 rows/s, 1000 B/s, 2 h 46 min left");
    }
}
