//! Tables that are being read for a snapshot, or loaded from one, as `status` shows them.

use cli::output::Table;
use cli::progress::{Figures, time_left};
use cli::size;
use proto::TableProgress;

/// Reports come once a second; after this long without one, whoever sent them is no longer at work, for all that is known.
const SILENT_AFTER: i64 = 10_000_000;

/// What is under way.
pub(super) struct UnderWay<'a> {
    /// A publication or a subscription.
    pub(super) name: &'a str,
    /// Its tables.
    pub(super) tables: &'a [TableProgress],
    /// How long ago that was reported, microseconds.
    pub(super) age: i64,
}

/// A table of what is under way: of each of these, its tables that have begun and are not done, and all together.
pub(super) fn table<'a>(what: &str, entries: impl Iterator<Item = UnderWay<'a>>) -> Table {
    let mut shown =
        Table::new([what, "TABLE", "ROWS", "OF", "DONE", "ROWS/S", "BYTES", "BYTES/S", "TIME LEFT", "REPORTED"]);
    for UnderWay { name, tables, age } in entries {
        let reported = format!("{} ago", super::status::age(age));
        let row = |table: String, figures: &Figures| {
            [name.to_owned(), table].into_iter().chain(cells(figures, age < SILENT_AFTER)).chain([reported.clone()])
        };
        for table in tables.iter().filter(|table| !table.done && table.elapsed > 0) {
            shown.row(row(table.table.to_string(), &Figures::of(table)));
        }
        let done = tables.iter().filter(|table| table.done).count();
        let total = if tables.is_empty() { "-".to_owned() } else { format!("{done} of {} done", tables.len()) };
        shown.row(row(total, &Figures::total(tables)));
    }
    shown
}

/// Without how fast it goes on where it does not.
fn cells(figures: &Figures, goes_on: bool) -> [String; 7] {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let rate = |text: Option<String>| or_none(text.filter(|_| goes_on));
    [
        figures.rows.to_string(),
        if figures.rows_expected == 0 { "-".to_owned() } else { figures.rows_expected.to_string() },
        or_none(figures.percent.map(|percent| format!("{percent} %"))),
        rate(figures.rows_per_second.map(|rate| format!("{rate:.0}"))),
        size::format(figures.bytes),
        rate(figures.bytes_per_second.map(|rate| size::format(rate as u64))),
        rate(figures.seconds_left.map(time_left)),
    ]
}

#[cfg(test)]
mod tests {
    use super::{UnderWay, table};
    use proto::{TableName, TableProgress};

    fn progress(table: &str, rows: u64, rows_expected: u64, seconds: i64, done: bool) -> TableProgress {
        TableProgress {
            table: TableName { schema: "sales".to_owned(), table: table.to_owned() },
            rows,
            rows_expected,
            bytes: rows * 100,
            rows_before: 0,
            bytes_before: 0,
            elapsed: seconds * 1_000_000,
            done,
        }
    }

    #[test]
    fn tables_under_way_are_shown_each_and_all_together() {
        let tables = [
            progress("done", 1_000, 900, 10, true),
            progress("one", 100, 400, 10, false),
            progress("two", 300, 1_000, 10, false),
            progress("waits", 0, 600, 0, false),
        ];
        let shown =
            |age| table("SNAPSHOT OF", [UnderWay { name: "sports", tables: &tables, age }].into_iter()).to_string();
        let silent = shown(15_000_000);
        assert!(silent.contains("46 %") && silent.contains("15 s ago"), "{silent}");
        assert!(!silent.contains("40 s") && silent.lines().nth(1).is_some_and(|one| one.contains('-')), "{silent}");
        let shown = shown(500_000);
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines.len(), 4, "{shown}");
        assert!(lines[1].contains("sales.one") && lines[3].contains("1 of 4 done"), "{shown}");
        assert!(lines[3].contains("46 %") && lines[3].contains("40 s"), "{shown}");
    }
}
