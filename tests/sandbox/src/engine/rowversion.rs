//! `rowversion`: a counter of the database that every insert and update of a row with such a column takes a value from.
//!
//! Source: <https://learn.microsoft.com/sql/t-sql/data-types/rowversion-transact-sql>. Like SQL Server's, values are not given back
//! by a rollback.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rusqlite::Connection;

use super::catalog_store::{set_setting, setting};
use super::meta::Table;
use super::scope::TEMPORARY_DATABASE;

/// What a new database's counter stands at.
const FIRST: u64 = 2000;
/// Its setting in the catalog.
const SETTING: &str = "rowversion";

/// The SQLite expression that takes the next value for a row of the table.
pub fn next(table: &Table) -> String {
    format!("sandbox_next_rowversion({})", u8::from(table.database == TEMPORARY_DATABASE))
}

/// The counter of `tempdb`.
pub static TEMPORARY: Counter = Counter::new(FIRST);

/// A counter.
#[derive(Debug)]
pub struct Counter {
    /// Last value given out; 0 before it was read.
    last: AtomicU64,
    /// First value of the transaction that is open; 0 for none.
    active: AtomicU64,
    /// Not yet written to the catalog.
    dirty: AtomicBool,
}

impl Counter {
    /// A counter that stands at a value.
    pub const fn new(last: u64) -> Self {
        Self { last: AtomicU64::new(last), active: AtomicU64::new(0), dirty: AtomicBool::new(false) }
    }

    /// Reads the stored value unless that was done; `open` makes a connection to the database.
    pub fn load(&self, open: impl FnOnce() -> Option<Connection>) {
        if self.last.load(Ordering::Acquire) == 0 {
            let stored = open().and_then(|connection| setting(&connection, SETTING).ok().flatten());
            let stored = stored.and_then(|value| u64::try_from(value).ok()).unwrap_or(FIRST);
            let _ = self.last.compare_exchange(0, stored, Ordering::AcqRel, Ordering::Acquire);
        }
    }

    /// Takes the next value.
    pub fn take_next(&self) -> u64 {
        let value = self.last.fetch_add(1, Ordering::AcqRel) + 1;
        let _ = self.active.compare_exchange(0, value, Ordering::AcqRel, Ordering::Acquire);
        self.dirty.store(true, Ordering::Release);
        value
    }

    /// `@@DBTS`.
    pub fn last(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    /// `MIN_ACTIVE_ROWVERSION()`: the first value that is not committed, else the next one.
    pub fn lowest_active(&self) -> u64 {
        match self.active.load(Ordering::Acquire) {
            0 => self.last() + 1,
            active => active,
        }
    }

    /// The writing transaction ended.
    pub fn settle(&self) {
        self.active.store(0, Ordering::Release);
    }

    /// Writes the counter to the catalog if it moved.
    pub fn store(&self, connection: &Connection) -> rusqlite::Result<()> {
        if self.dirty.swap(false, Ordering::AcqRel) {
            set_setting(connection, SETTING, self.last() as i64)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_active_value_is_the_first_of_the_open_transaction() {
        let counter = Counter::new(FIRST);
        assert_eq!(counter.lowest_active(), 2001);
        counter.take_next();
        counter.take_next();
        assert_eq!((counter.last(), counter.lowest_active()), (2002, 2001));
        counter.settle();
        assert_eq!(counter.lowest_active(), 2003);
    }
}
