//! What the counts of tables tell: how fast it goes, how long it will take, and the words for that.

use crate::size;
use proto::TableProgress;
use serde::Serialize;

/// How far a table is, or several together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Rows done.
    pub rows: u64,
    /// Rows that there are in all, as far as is known.
    pub rows_expected: u64,
    /// Bytes done, as they stand in the snapshot's files before compression.
    pub bytes: u64,
    /// Of the rows, as far as it is known how many there are.
    pub percent: Option<u8>,
    /// While it is under way.
    pub rows_per_second: Option<f64>,
    /// While it is under way.
    pub bytes_per_second: Option<f64>,
    /// While it is under way, at that pace.
    pub seconds_left: Option<u64>,
    /// Whether it is done.
    pub done: bool,
}

impl Figures {
    /// Those of a table.
    pub fn of(table: &TableProgress) -> Self {
        let (rows, bytes) = rates(table).filter(|_| !table.done).unzip();
        Self::new(table.rows, table.rows_expected, table.bytes, rows, bytes, table.done)
    }

    /// Those of all tables: the ones that are under way tell how fast it goes.
    pub fn total(tables: &[TableProgress]) -> Self {
        let sum = |of: fn(&TableProgress) -> u64| tables.iter().map(of).fold(0, u64::saturating_add);
        let each: Vec<Self> = tables.iter().map(Self::of).collect();
        let rate = |of: fn(&Self) -> Option<f64>| each.iter().filter_map(of).reduce(|a, b| a + b);
        // What was estimated too low or too high before does not count any more.
        let expected = sum(|t| if t.done { t.rows } else { t.rows_expected.max(t.rows) });
        let done = !tables.is_empty() && tables.iter().all(|t| t.done);
        Self::new(
            sum(|t| t.rows),
            expected,
            sum(|t| t.bytes),
            rate(|f| f.rows_per_second),
            rate(|f| f.bytes_per_second),
            done,
        )
    }

    fn new(
        rows: u64,
        rows_expected: u64,
        bytes: u64,
        rows_per_second: Option<f64>,
        bytes_per_second: Option<f64>,
        done: bool,
    ) -> Self {
        let percent = match (done, rows_expected) {
            (true, _) => Some(100),
            (false, 0) => None,
            // How many rows there are may be an estimate: it is done when it says so.
            (false, expected) => Some((u128::from(rows) * 100 / u128::from(expected)).min(99) as u8),
        };
        let left = rows_expected.saturating_sub(rows);
        let seconds_left =
            rows_per_second.filter(|rate| *rate > 0.0 && left > 0).map(|rate| (left as f64 / rate) as u64);
        Self { rows, rows_expected, bytes, percent, rows_per_second, bytes_per_second, seconds_left, done }
    }

    /// In columns of fixed width, to stand beside a bar.
    pub(super) fn columns(&self) -> String {
        format!(
            "{:>4}  {:>12}  {:>12}  {:>12}",
            self.percent.map(|percent| format!("{percent}%")).unwrap_or_default(),
            self.rows_per_second.map(rows_a_second).unwrap_or_default(),
            self.bytes_per_second.map(bytes_a_second).unwrap_or_default(),
            self.seconds_left.map(|seconds| format!("{} left", time_left(seconds))).unwrap_or_default(),
        )
    }
}

/// Rows and bytes a second, from when the table was begun; what was there before says nothing of how fast it goes.
fn rates(table: &TableProgress) -> Option<(f64, f64)> {
    let seconds = table.elapsed as f64 / 1e6;
    let rate = |all: u64, before: u64| all.saturating_sub(before) as f64 / seconds;
    (seconds > 0.0).then(|| (rate(table.rows, table.rows_before), rate(table.bytes, table.bytes_before)))
}

/// What is said of a table that is `done`: read, loaded.
pub(super) fn line(done: &str, table: &TableProgress) -> String {
    let now = match table.rows_before {
        0 => String::new(),
        before => format!(", {} of them", table.rows.saturating_sub(before)),
    };
    let mut line = format!(
        "{done} {}: {} rows, {}{now} in {:.1} s",
        table.table,
        table.rows,
        size::format(table.bytes),
        table.elapsed as f64 / 1e6
    );
    if let Some((rows, bytes)) = rates(table) {
        line.push_str(&format!(" ({}, {})", rows_a_second(rows), bytes_a_second(bytes)));
    }
    line
}

/// What is said of all tables together.
pub(super) fn line_of_all(done: &str, tables: &[TableProgress]) -> String {
    let total = Figures::total(tables);
    let parts = [
        Some(format!("{done} {} rows of {}", total.rows, total.rows_expected)),
        total.percent.map(|percent| format!("{percent} %")),
        Some(size::format(total.bytes)),
        Some(done_of(tables)),
        total.rows_per_second.map(rows_a_second),
        total.bytes_per_second.map(bytes_a_second),
        total.seconds_left.map(|seconds| format!("{} left", time_left(seconds))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// As in `1 of 2 tables`.
pub(super) fn done_of(tables: &[TableProgress]) -> String {
    format!("{} of {} tables", tables.iter().filter(|table| table.done).count(), tables.len())
}

fn rows_a_second(rate: f64) -> String {
    match rate {
        n if n >= 9_999_500.0 => format!("{:.0}M rows/s", n / 1e6),
        n if n >= 10e3 => format!("{:.0}k rows/s", n / 1e3),
        n => format!("{n:.0} rows/s"),
    }
}

fn bytes_a_second(rate: f64) -> String {
    format!("{}/s", size::format(rate as u64))
}

/// A time that is only near, as in `40 s`, `80 min`, `12.5 h`.
pub fn time_left(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..360_000 => format!("{:.1} h", seconds as f64 / 3_600.0),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::{Figures, bytes_a_second, line, line_of_all, rows_a_second, time_left};
    use crate::progress::tests::table;
    use proto::TableProgress;

    #[test]
    fn figures_tell_how_fast_it_goes_and_how_long_it_will_take() {
        let half = Figures::of(&table("a", 500, 2_000, 10, false));
        assert_eq!((half.percent, half.rows_per_second, half.seconds_left), (Some(25), Some(50.0), Some(30)));
        assert_eq!(half.bytes_per_second, Some(5_000.0));
        let more = Figures::of(&table("a", 5_000, 2_000, 10, false));
        assert_eq!((more.percent, more.seconds_left), (Some(99), None), "an estimate that was too low");
        let done = Figures::of(&table("a", 500, 2_000, 10, true));
        assert_eq!((done.percent, done.rows_per_second, done.seconds_left), (Some(100), None, None));
        let waiting = Figures::of(&table("a", 0, 0, 0, false));
        assert_eq!((waiting.percent, waiting.rows_per_second), (None, None));
    }

    #[test]
    fn what_was_there_before_is_no_pace() {
        let goes_on = TableProgress { rows_before: 400, bytes_before: 41_000, ..table("a", 500, 2_000, 10, false) };
        let figures = Figures::of(&goes_on);
        assert_eq!((figures.rows_per_second, figures.bytes_per_second), (Some(10.0), Some(900.0)));
        assert_eq!((figures.percent, figures.seconds_left), (Some(25), Some(150)));
        let done = TableProgress { done: true, ..goes_on };
        assert_eq!(
            line("loaded", &done),
            "loaded sales.a: 500 rows, 48.8 KiB, 100 of them in 10.0 s (10 rows/s, 900 B/s)"
        );
    }

    #[test]
    fn all_tables_together_go_as_fast_as_those_under_way() {
        let tables = [
            table("done", 1_000, 900, 10, true),
            table("one", 100, 400, 10, false),
            table("two", 300, 1_000, 10, false),
            table("waits", 0, 600, 0, false),
        ];
        let total = Figures::total(&tables);
        assert_eq!((total.rows, total.rows_expected, total.rows_per_second), (1_400, 3_000, Some(40.0)));
        assert_eq!((total.percent, total.seconds_left, total.done), (Some(46), Some(40), false));
        assert_eq!(
            line_of_all("read", &tables),
            "read 1400 rows of 3000, 46 %, 136.7 KiB, 1 of 4 tables, 40 rows/s, 3.9 KiB/s, 40 s left"
        );
        assert_eq!(line_of_all("read", &tables[3..]), "read 0 rows of 600, 0 %, 0 B, 0 of 1 tables");
    }

    #[test]
    fn pace_is_told_in_few_digits() {
        assert_eq!([98_000.0, 9_999.0, 12e6].map(rows_a_second), ["98k rows/s", "9999 rows/s", "12M rows/s"]);
        assert_eq!(bytes_a_second(12.0 * 1_048_576.0), "12.0 MiB/s");
        assert_eq!([119, 4_800, 45_000, 400_000].map(time_left), ["119 s", "80 min", "12.5 h", "4 d"]);
    }

    #[test]
    fn columns_are_equally_wide() {
        let fast = Figures {
            rows_per_second: Some(9_999_400.0),
            bytes_per_second: Some(1023.9 * 1_048_576.0),
            ..Figures::of(&table("a", 999, 1_000_000, 9_000, false))
        };
        let shown = [fast, Figures::of(&table("a", 0, 0, 0, false)), Figures::of(&table("a", 5, 5, 1, true))]
            .map(|figures| figures.columns());
        assert_eq!(shown.each_ref().map(|columns| columns.chars().count()), [46; 3], "{shown:?}");
    }
}
