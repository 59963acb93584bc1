//! Counting.

use proto::{TableName, TableProgress};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Rows and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// Rows.
    pub rows: u64,
    /// Bytes, as they stand in the snapshot's files before compression.
    pub bytes: u64,
}

/// The tables that are read or loaded. Clones tell of the same.
#[derive(Debug, Clone, Default)]
pub struct Tables(Arc<Mutex<Vec<Table>>>);

/// One of them. Clones count the same.
#[derive(Debug, Clone)]
pub struct Table(Arc<Mutex<Count>>);

#[derive(Debug)]
struct Count {
    table: TableName,
    rows_expected: u64,
    /// There from an earlier attempt.
    before: Amount,
    /// Done since.
    now: Amount,
    any_part_done: bool,
    parts_left: usize,
    since: Option<Instant>,
    took: Option<Duration>,
}

impl Tables {
    /// Takes up tables in the place of what was there.
    pub fn begin(&self, tables: Vec<Table>) {
        *lock(&self.0) = tables;
    }

    /// How far each is.
    pub fn progress(&self) -> Vec<TableProgress> {
        lock(&self.0).iter().map(|table| lock(&table.0).progress()).collect()
    }

    /// Whether any part is done, beside those that were there before.
    pub fn any_part_done(&self) -> bool {
        lock(&self.0).iter().any(|table| lock(&table.0).any_part_done)
    }
}

impl Table {
    /// Of about `rows_expected` rows, by the name that people know. What is there `before` is of an earlier attempt; `parts` are not there yet.
    pub fn new(table: TableName, rows_expected: u64, before: Amount, parts: usize) -> Self {
        Self(Arc::new(Mutex::new(Count {
            table,
            rows_expected,
            before,
            now: Amount::default(),
            any_part_done: false,
            parts_left: parts,
            since: None,
            took: (parts == 0).then_some(Duration::ZERO),
        })))
    }

    /// A part of it is begun.
    pub fn part(&self) -> Part {
        lock(&self.0).since.get_or_insert_with(Instant::now);
        Part { table: self.clone(), so_far: Amount::default(), done: false }
    }
}

impl Count {
    fn progress(&self) -> TableProgress {
        let Self { rows_expected, before, .. } = *self;
        let elapsed = self.took.or_else(|| self.since.map(since)).unwrap_or_default();
        let rows = before.rows + self.now.rows;
        let done = self.took.is_some();
        TableProgress {
            table: self.table.clone(),
            rows,
            // What was expected may be only near: once the table is done it is known, and before it can't be less than what is there.
            rows_expected: if done { rows } else { rows_expected.max(rows) },
            bytes: before.bytes + self.now.bytes,
            rows_before: before.rows,
            bytes_before: before.bytes,
            elapsed: i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX),
            done,
        }
    }
}

/// Time that has passed; never none, by which it shows that something has begun.
fn since(begun: Instant) -> Duration {
    begun.elapsed().max(Duration::from_micros(1))
}

/// What a part adds to its table. Dropped before it is [done](Part::done), it takes that away again.
#[derive(Debug)]
pub struct Part {
    table: Table,
    so_far: Amount,
    done: bool,
}

impl Part {
    /// So many more rows are done, and the part has come so far in the bytes of its file.
    pub fn add(&mut self, rows: u64, bytes: u64) {
        let more = bytes.saturating_sub(self.so_far.bytes);
        self.so_far = Amount { rows: self.so_far.rows + rows, bytes: self.so_far.bytes + more };
        let mut count = lock(&self.table.0);
        count.now = Amount { rows: count.now.rows + rows, bytes: count.now.bytes + more };
    }

    /// The part is there for good.
    pub fn done(mut self) {
        self.done = true;
        let mut count = lock(&self.table.0);
        count.any_part_done = true;
        count.parts_left = count.parts_left.saturating_sub(1);
        if count.parts_left == 0 {
            count.took = count.since.map(since);
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let mut count = lock(&self.table.0);
        let Amount { rows, bytes } = self.so_far;
        count.now = Amount { rows: count.now.rows.saturating_sub(rows), bytes: count.now.bytes.saturating_sub(bytes) };
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    // Figures: half a change does no harm.
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{Amount, Table, Tables};
    use proto::TableName;

    fn table(rows_expected: u64, before: Amount, parts: usize) -> Table {
        Table::new(TableName { schema: "s".into(), table: "t".into() }, rows_expected, before, parts)
    }

    fn begun(table: &Table) -> Tables {
        let tables = Tables::default();
        tables.begin(vec![table.clone()]);
        tables
    }

    #[test]
    fn a_table_is_done_with_its_last_part() {
        let table = table(100, Amount::default(), 2);
        let tables = begun(&table);
        let progress = || tables.progress().remove(0);
        assert_eq!((progress().elapsed, progress().done), (0, false));
        let mut part = table.part();
        part.add(20, 200);
        part.add(10, 300);
        assert!(!tables.any_part_done());
        part.done();
        assert!(tables.any_part_done());
        assert_eq!((progress().rows_expected, progress().done), (100, false));
        let mut part = table.part();
        part.add(90, 900);
        assert_eq!(progress().rows_expected, 120, "not less than there are");
        part.done();
        let done = progress();
        assert_eq!((done.rows, done.rows_expected, done.bytes, done.done), (120, 120, 1_200, true));
        assert!(done.elapsed > 0);
        assert_eq!(progress().elapsed, done.elapsed, "its time has stopped");
    }

    #[test]
    fn what_a_part_adds_goes_with_it_unless_it_is_done() {
        let table = table(20, Amount { rows: 5, bytes: 50 }, 2);
        let tables = begun(&table);
        let rows_and_bytes = || {
            let table = tables.progress().remove(0);
            (table.rows, table.bytes)
        };
        assert_eq!(rows_and_bytes(), (5, 50));
        let mut part = table.part();
        part.add(3, 30);
        part.add(1, 40);
        assert_eq!(rows_and_bytes(), (9, 90));
        drop(part);
        assert_eq!(rows_and_bytes(), (5, 50));
        for rows in [7, 8] {
            let mut part = table.part();
            part.add(rows, rows * 10);
            part.done();
        }
        assert_eq!(rows_and_bytes(), (20, 200));
    }

    #[test]
    fn what_was_there_before_counts_as_done() {
        let tables = Tables::default();
        tables
            .begin(vec![table(100, Amount { rows: 40, bytes: 400 }, 1), table(50, Amount { rows: 60, bytes: 600 }, 0)]);
        let [some, all] = &tables.progress()[..] else { panic!("two tables") };
        assert_eq!((some.rows, some.rows_expected, some.bytes, some.done), (40, 100, 400, false));
        assert_eq!((some.rows_before, some.bytes_before), (40, 400));
        assert_eq!((all.rows, all.rows_expected, all.done, all.elapsed), (60, 60, true, 0));
        assert!(!tables.any_part_done());
    }

    #[test]
    fn what_is_left_of_earlier_tables_changes_nothing() {
        let (old, new) = (table(10, Amount::default(), 1), table(10, Amount::default(), 1));
        let tables = begun(&old);
        let mut left = old.part();
        left.add(5, 50);
        tables.begin(vec![new.clone()]);
        let mut part = new.part();
        part.add(7, 70);
        drop(left);
        assert_eq!(tables.progress()[0].rows, 7);
    }
}
