//! Figures of tables that are being read for a snapshot, or loaded from one.

use cli::output::Table;
use cli::size;
use proto::snapshot::TableProgress;
use serde::Serialize;

/// How far a table is, or several together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Figures {
    rows: u64,
    rows_expected: u64,
    /// As they stand in the snapshot's files before compression.
    bytes: u64,
    /// Of the rows, as far as it is known how many there are.
    percent: Option<u8>,
    /// While it is under way.
    rows_per_second: Option<f64>,
    bytes_per_second: Option<f64>,
    seconds_left: Option<u64>,
    done: bool,
}

impl Figures {
    pub(super) fn of(table: &TableProgress) -> Self {
        let seconds = table.elapsed as f64 / 1e6;
        let rate = |n: u64| (!table.done && seconds > 0.0).then_some(n as f64 / seconds);
        Self::new(table.rows, table.rows_expected, table.bytes, rate(table.rows), rate(table.bytes), table.done)
    }

    /// Of all tables: those that are under way tell how fast it goes.
    pub(super) fn total(tables: &[TableProgress]) -> Self {
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
            // How many rows there are is an estimate: it is done when it says so.
            (false, expected) => Some((u128::from(rows) * 100 / u128::from(expected)).min(99) as u8),
        };
        let left = rows_expected.saturating_sub(rows);
        let seconds_left =
            rows_per_second.filter(|rate| *rate > 0.0 && left > 0).map(|rate| (left as f64 / rate) as u64);
        Self { rows, rows_expected, bytes, percent, rows_per_second, bytes_per_second, seconds_left, done }
    }

    fn cells(&self) -> [String; 7] {
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        [
            self.rows.to_string(),
            if self.rows_expected == 0 { "-".to_owned() } else { self.rows_expected.to_string() },
            or_none(self.percent.map(|percent| format!("{percent} %"))),
            or_none(self.rows_per_second.map(|rate| format!("{rate:.0}"))),
            size::format(self.bytes),
            or_none(self.bytes_per_second.map(|rate| size::format(rate as u64))),
            or_none(self.seconds_left.map(duration)),
        ]
    }
}

/// A table of what is under way: of each of these, its tables that have begun and are not done, and all together.
pub(super) fn table<'a>(what: &str, entries: impl Iterator<Item = (&'a str, &'a [TableProgress])>) -> Table {
    let mut shown = Table::new([what, "TABLE", "ROWS", "OF", "DONE", "ROWS/S", "BYTES", "BYTES/S", "TIME LEFT"]);
    for (name, tables) in entries {
        let row = |table: String, figures: &Figures| [name.to_owned(), table].into_iter().chain(figures.cells());
        for table in tables.iter().filter(|table| !table.done && table.elapsed > 0) {
            shown.row(row(table.table.to_string(), &Figures::of(table)));
        }
        let done = tables.iter().filter(|table| table.done).count();
        let total = if tables.is_empty() { "-".to_owned() } else { format!("{done} of {} done", tables.len()) };
        shown.row(row(total, &Figures::total(tables)));
    }
    shown
}

/// As in `1 h 20 min`.
fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::{Figures, duration, table};
    use proto::TableName;
    use proto::snapshot::TableProgress;

    fn progress(table: &str, rows: u64, rows_expected: u64, seconds: i64, done: bool) -> TableProgress {
        let table = TableName { schema: "sales".to_owned(), table: table.to_owned() };
        TableProgress { table, rows, rows_expected, bytes: rows * 100, elapsed: seconds * 1_000_000, done }
    }

    #[test]
    fn figures_tell_how_fast_it_goes_and_how_long_it_will_take() {
        let half = Figures::of(&progress("a", 500, 2_000, 10, false));
        assert_eq!((half.percent, half.rows_per_second, half.seconds_left), (Some(25), Some(50.0), Some(30)));
        assert_eq!(half.bytes_per_second, Some(5_000.0));
        let more = Figures::of(&progress("a", 5_000, 2_000, 10, false));
        assert_eq!((more.percent, more.seconds_left), (Some(99), None), "an estimate that was too low");
        let done = Figures::of(&progress("a", 500, 2_000, 10, true));
        assert_eq!((done.percent, done.rows_per_second, done.seconds_left), (Some(100), None, None));
        let waiting = Figures::of(&progress("a", 0, 0, 0, false));
        assert_eq!((waiting.percent, waiting.rows_per_second), (None, None));
    }

    #[test]
    fn all_tables_together_go_as_fast_as_those_under_way() {
        let tables = [
            progress("done", 1_000, 900, 10, true),
            progress("one", 100, 400, 10, false),
            progress("two", 300, 1_000, 10, false),
            progress("waits", 0, 600, 0, false),
        ];
        let total = Figures::total(&tables);
        assert_eq!((total.rows, total.rows_expected, total.rows_per_second), (1_400, 3_000, Some(40.0)));
        assert_eq!((total.percent, total.seconds_left, total.done), (Some(46), Some(40), false));
        let shown = table("SNAPSHOT OF", [("sports", &tables[..])].into_iter()).to_string();
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines.len(), 4, "{shown}");
        assert!(lines[1].contains("sales.one") && lines[3].contains("1 of 4 done"), "{shown}");
        assert!(lines[3].contains("40 s"), "{shown}");
    }

    #[test]
    fn durations_are_readable() {
        assert_eq!([59, 61, 4_800].map(duration), ["59 s", "1 min 1 s", "1 h 20 min"]);
    }
}
