//! What the catalog asks of its index.

use std::collections::BTreeMap;

/// Keys and values, as stored.
pub(super) type Stored = BTreeMap<Vec<u8>, Vec<u8>>;
/// A key with its new value, or with none where it goes.
pub type IndexChange = (Vec<u8>, Option<Vec<u8>>);

/// The index failed; it is made anew.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct IndexError(String);

impl IndexError {
    /// With what happened.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// Ordered keys with small values. Need not be durable: the log is.
pub trait CatalogIndex: Send {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError>;
    /// The values of all keys that begin like this, in the order of the keys.
    fn scan(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, IndexError>;
    /// Makes changes, all or none.
    fn apply(&mut self, changes: &[IndexChange]) -> Result<(), IndexError>;
}

/// An index in memory.
#[derive(Debug, Default)]
pub struct MemoryIndex {
    held: Stored,
}

impl From<Stored> for MemoryIndex {
    fn from(held: Stored) -> Self {
        Self { held }
    }
}

impl From<MemoryIndex> for Stored {
    fn from(index: MemoryIndex) -> Self {
        index.held
    }
}

impl CatalogIndex for MemoryIndex {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        Ok(self.held.get(key).cloned())
    }

    fn scan(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, IndexError> {
        let from = self.held.range(prefix.to_vec()..);
        Ok(from.take_while(|(key, _)| key.starts_with(prefix)).map(|(_, value)| value.clone()).collect())
    }

    fn apply(&mut self, changes: &[IndexChange]) -> Result<(), IndexError> {
        for (key, value) in changes {
            match value {
                Some(value) => self.held.insert(key.clone(), value.clone()),
                None => self.held.remove(key),
            };
        }
        Ok(())
    }
}
