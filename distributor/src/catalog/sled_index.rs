//! The index in sled.
//!
//! sled panics on some damaged files; here a panic is an error like any other, and the index is made anew.

use super::index::{CatalogIndex, IndexChange, IndexError, Stored};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Memory for sled's cache; the whole catalog is smaller.
const CACHE: u64 = 8 << 20;
/// How often sled writes what changed. What a crash loses is in the log.
const FLUSH_MS: u64 = 1000;

/// A [`CatalogIndex`] in a sled database.
#[derive(Debug)]
pub struct SledIndex {
    database: sled::Db,
}

impl SledIndex {
    /// Opens what is there, or makes an empty one.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(CACHE)
            .flush_every_ms(Some(FLUSH_MS))
            .print_profile_on_drop(false);
        contained(|| config.open()).map(|database| Self { database })
    }

    /// Replaces whatever is there.
    pub(super) fn make(path: &Path, content: &Stored) -> Result<Self, IndexError> {
        if path.exists() {
            std::fs::remove_dir_all(path)
                .or_else(|_| std::fs::remove_file(path))
                .map_err(|e| IndexError::new(format!("cannot remove {}: {e}", path.display())))?;
        }
        let mut index = Self::open(path)?;
        let changes: Vec<IndexChange> = content.iter().map(|(k, v)| (k.clone(), Some(v.clone()))).collect();
        index.apply(&changes)?;
        Ok(index)
    }

    /// All of it.
    pub(super) fn contents(&self) -> Result<Stored, IndexError> {
        contained(|| self.database.iter().map(|pair| pair.map(|(k, v)| (k.to_vec(), v.to_vec()))).collect())
    }
}

impl CatalogIndex for SledIndex {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        contained(|| self.database.get(key)).map(|value| value.map(|v| v.to_vec()))
    }

    fn scan(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, IndexError> {
        contained(|| self.database.scan_prefix(prefix).values().map(|v| v.map(|v| v.to_vec())).collect())
    }

    fn apply(&mut self, changes: &[IndexChange]) -> Result<(), IndexError> {
        let mut batch = sled::Batch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(key.as_slice(), value.as_slice()),
                None => batch.remove(key.as_slice()),
            }
        }
        contained(|| self.database.apply_batch(batch))
    }
}

fn contained<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, IndexError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|error| IndexError::new(error.to_string())),
        Err(_) => Err(IndexError::new("sled panicked")),
    }
}
