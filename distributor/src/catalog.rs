//! The catalog: publications, articles, subscriptions with their positions, snapshots, logins, log readers' epochs.
//!
//! Every change is a record in a log of its own and durable there before it counts. A [`CatalogIndex`] beside it answers questions; it
//! is compared with the log when the catalog is opened, and made anew from the log whenever it is missing, behind, ahead or
//! damaged. From time to time a record holds the whole content, so that the log before it can go.

mod contents;
mod definitions;
mod entry;
mod filters;
mod index;
mod rules;
mod sled_index;
mod snapshots;

pub use contents::Contents;
pub use entry::{
    Change, DatabaseEntry, Entry, Key, LoginEntry, PendingSnapshot, ReadAfter, Sequences, SubscriptionEntry,
    TracerEntry,
};
pub use index::{CatalogIndex, IndexError, MemoryIndex};
pub use rules::{Planned, plan};
pub use sled_index::SledIndex;
pub use snapshots::{Asked, Loads};

use crate::log::{LogError, LogStore, Place, Record, SegmentLog};
use proto::codec::{self, CodecError};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Size of the catalog log's segments, and bytes after which a record with the whole content is written.
const SEGMENT_SIZE: u64 = 4 << 20;

/// Why the catalog cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The log.
    #[error("the catalog's log: {0}")]
    Log(#[from] LogError),
    /// The index, even after it was made anew.
    #[error("the catalog's index: {0}")]
    Index(#[from] IndexError),
    /// A record or entry is not of this version of the program.
    #[error("the catalog holds something that this version cannot read: {0}")]
    Codec(#[from] CodecError),
}

/// A record of the catalog's log.
#[derive(Debug, Serialize, Deserialize)]
enum LogEntry {
    Changes(Vec<Change>),
    /// Everything there is; what came before does not matter any more.
    Whole(Vec<Entry>),
}

/// The catalog. Calls block.
pub struct Catalog {
    log: Box<dyn LogStore>,
    index: Box<dyn CatalogIndex>,
    /// Where the index can be made anew; `None` for one in memory.
    index_path: Option<PathBuf>,
    /// Where the last record with the whole content is.
    whole_at: u64,
    /// Set after a failed write: the log must go back to here first.
    repair: Option<Place>,
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalog").field("index_path", &self.index_path).finish_non_exhaustive()
    }
}

impl Catalog {
    /// Opens the catalog in a directory, or begins one.
    pub fn open(directory: &Path) -> Result<Self, CatalogError> {
        let log = Box::new(SegmentLog::open(&directory.join("log"), SEGMENT_SIZE)?);
        let index_path = directory.join("index");
        let (whole_at, expected) = replay(&*log)?;
        let index = match SledIndex::open(&index_path) {
            Ok(index) if index.contents().is_ok_and(|held| held == expected) => index,
            opened => {
                if let Err(error) = &opened {
                    tracing::warn!(%error, "the catalog's index cannot be used and is made anew from the log");
                }
                drop(opened);
                SledIndex::make(&index_path, &expected)?
            }
        };
        Ok(Self { log, index: Box::new(index), index_path: Some(index_path), whole_at, repair: None })
    }

    /// Over any log, with its index in memory.
    pub fn over(log: Box<dyn LogStore>) -> Result<Self, CatalogError> {
        let (whole_at, expected) = replay(&*log)?;
        Ok(Self { log, index: Box::new(MemoryIndex::from(expected)), index_path: None, whole_at, repair: None })
    }

    /// Asks the index; one that fails is made anew and asked again.
    pub fn read<T>(&mut self, ask: impl Fn(Contents<'_>) -> Result<T, CatalogError>) -> Result<T, CatalogError> {
        match ask(Contents::of(&*self.index)) {
            Err(CatalogError::Index(error)) => {
                self.remake_index(&error)?;
                ask(Contents::of(&*self.index))
            }
            Err(CatalogError::Codec(error)) => {
                self.remake_index(&IndexError::new(error.to_string()))?;
                ask(Contents::of(&*self.index))
            }
            answer => answer,
        }
    }

    /// Makes changes, all or none; they are durable when this returns.
    pub fn change(&mut self, changes: Vec<Change>) -> Result<(), CatalogError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.append(&LogEntry::Changes(changes.clone()))?;
        if let Err(error) = entry::index_changes(&changes).and_then(|c| Ok(self.index.apply(&c)?)) {
            self.remake_index(&IndexError::new(error.to_string()))?;
        }
        if self.log.end().offset - self.whole_at >= SEGMENT_SIZE {
            self.write_whole()?;
        }
        Ok(())
    }

    fn append(&mut self, entry: &LogEntry) -> Result<(), CatalogError> {
        if let Some(place) = self.repair {
            self.log.rewind(place)?;
            self.repair = None;
        }
        let before = self.log.end();
        let record = Record {
            key: before.key.unwrap_or(0) + 1,
            ends_unit: true,
            counts: true,
            head: codec::encode(entry)?,
            payload: Vec::new(),
        };
        if let Err(error) = self.log.write(&[record]).and_then(|()| self.log.sync()) {
            self.repair = Some(before);
            return Err(error.into());
        }
        Ok(())
    }

    fn write_whole(&mut self) -> Result<(), CatalogError> {
        let at = self.log.end().offset;
        let entries = self.read(|contents| contents.entries())?;
        self.append(&LogEntry::Whole(entries))?;
        self.whole_at = at;
        Ok(self.log.drop_before(at)?)
    }

    fn remake_index(&mut self, error: &IndexError) -> Result<(), CatalogError> {
        tracing::warn!(%error, "the catalog's index failed and is made anew from the log");
        let (_, expected) = replay(&*self.log)?;
        // The old one must let go of its files first.
        self.index = Box::new(MemoryIndex::default());
        self.index = match &self.index_path {
            Some(path) => Box::new(SledIndex::make(path, &expected)?),
            None => Box::new(MemoryIndex::from(expected)),
        };
        Ok(())
    }
}

/// What the index must hold according to the log, and where the last record with the whole content is.
fn replay(log: &dyn LogStore) -> Result<(u64, index::Stored), CatalogError> {
    let end = log.unit_end().offset;
    let mut reader = log.view().reader();
    let mut whole_at = reader.offset();
    let mut held = MemoryIndex::default();
    loop {
        let offset = reader.offset();
        let Some(record) = reader.next(end)? else { break };
        let changes = match codec::decode(&record.head)? {
            LogEntry::Changes(changes) => changes,
            LogEntry::Whole(entries) => {
                whole_at = offset;
                held = MemoryIndex::default();
                entries.into_iter().map(Change::Put).collect()
            }
        };
        held.apply(&entry::index_changes(&changes)?)?;
    }
    Ok((whole_at, held.into()))
}

#[cfg(test)]
mod tests;
