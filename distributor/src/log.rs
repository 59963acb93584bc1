//! The append-only log that holds everything that must not be lost: the transactions of each publication database and every
//! change of the catalog.
//!
//! A log is a sequence of [`Record`]s whose keys never fall. Records form *units* (a committed transaction, a change of the
//! catalog): the last record of a unit says so, and a unit whose last record is missing never happened. Writing and making durable
//! are two different calls, so that one sync covers what many wrote.
//!
//! [`LogStore`], [`LogView`] and [`LogReader`] are what an engine has to offer; [`SegmentLog`] is the one here. Offsets are bytes since
//! the log began and never come back, so that an engine that keeps sequence numbers instead of files fits as well.

mod error;
mod reader;
mod record;
mod recovery;
mod segment;
mod segment_log;

pub use error::LogError;
pub use record::{Record, RecordHead};
pub use segment_log::{DEFAULT_SEGMENT_SIZE, SegmentLog};

use std::ops::Range;
use std::sync::Arc;

/// A place between two records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// Bytes since the log began.
    pub offset: u64,
    /// Key of the record before it; `None` where nothing was ever written.
    pub key: Option<u128>,
    /// Units before it that count, see [`Record::counts`].
    pub units: u64,
}

/// A piece of a log that can be dropped as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Where it begins.
    pub start: Place,
    /// Where it ends.
    pub end: Place,
    /// When it was last written, microseconds since 1970-01-01 UTC.
    pub written_at: i64,
    /// Bytes it takes on disk.
    pub bytes: u64,
}

/// The one writer of a log. Calls block.
pub trait LogStore: Send {
    /// Appends. Not durable before [`LogStore::sync`]. After an error the log must be [rewound](LogStore::rewind) to where it was
    /// before, and nothing else may be asked of it until that has worked.
    fn write(&mut self, records: &[Record]) -> Result<(), LogError>;
    /// Makes durable what was written. After an error, which may have lost any of it, rewind to the end of the last successful
    /// sync and write again.
    fn sync(&mut self) -> Result<(), LogError>;
    /// Forgets, durably, everything after a place that [`LogStore::end`] or [`LogStore::unit_end`] returned.
    fn rewind(&mut self, to: Place) -> Result<(), LogError>;
    /// Drops extents that lie wholly before the offset, but never the last.
    fn drop_before(&mut self, offset: u64) -> Result<(), LogError>;
    /// Where the next record goes.
    fn end(&self) -> Place;
    /// Where the last complete unit ends.
    fn unit_end(&self) -> Place;
    /// For readers.
    fn view(&self) -> Arc<dyn LogView>;
}

/// A log as its readers see it, at any time and from any thread.
pub trait LogView: Send + Sync {
    /// A reader at the log's start.
    fn reader(&self) -> Box<dyn LogReader>;
    /// The log's pieces, oldest first; at least one.
    fn extents(&self) -> Vec<Extent>;
    /// Key of the oldest unit that is kept as a whole.
    fn first_key(&self) -> Option<u128>;
}

impl dyn LogView {
    /// The first place that is still kept: units with keys above its key can be read.
    pub fn start(&self) -> Place {
        self.extents().first().map(|e| e.start).unwrap_or_default()
    }
}

/// Reads a log without holding up its writer. Calls block.
pub trait LogReader: Send {
    /// Moves before the first record with a key above the given one, at or before `limit`. Fails with [`LogError::Gone`] where such
    /// records may have been dropped.
    fn seek_after(&mut self, key: Option<u128>, limit: u64) -> Result<Place, LogError>;
    /// The next record's head; `None` at `limit`, which must be a place that was told durable.
    fn next(&mut self, limit: u64) -> Result<Option<RecordHead>, LogError>;
    /// A part of the payload of the record that [`LogReader::next`] returned last. Its checksum is not checked here.
    fn payload(&mut self, range: Range<u32>) -> Result<Vec<u8>, LogError>;
    /// Where it is.
    fn offset(&self) -> u64;
}
