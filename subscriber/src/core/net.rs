//! Compaction: the net change per key and table.
//!
//! Keys are compared by their exact bytes, not as the target's server would (`'a'` and `'A'` are one key under a case-insensitive
//! collation). That is safe:
//!
//! - A row's key is logged in the bytes in which it is stored, at every change of the row, and a key that changes (even only in
//!   case) arrives as delete + insert. So the changes of one row form one history under one byte string.
//! - Two different byte strings `a`, `b` that the server takes for one key never exist at the same time at the publisher, when it
//!   compares as the subscriber does. If `a` exists both before and after a batch (net update or replacement), `b` exists at
//!   neither end, so its net change is none. If only `a` exists before and only `b` after, the net changes are delete `a`, insert
//!   `b`, and deletes go before inserts ([`super::plan`]). No other pair is possible, so no two net changes of the same kind,
//!   and no update beside another change, meet in one key of the target.
//! - Where the subscriber's collation is coarser than the publisher's, both may exist at once; then the target's own unique key
//!   refuses the second with error 2627, and replication stops with that row named.
//!
//! Unique values outside the key that pass from row to row (a swap, a chain) arrive as delete + insert of each row, so they become
//! [`NetChanges::replaced`], which is applied by one statement; the server checks unique keys at a statement's end.

use super::CoreError;
use proto::{Article, Change, Lsn, Row, Value};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// The net changes of one article over a run of transactions. The four lists have no key in common.
#[derive(Debug, Clone, PartialEq)]
pub struct NetChanges {
    /// Whose.
    pub article: Arc<Article>,
    /// Keys of rows that were there before and are not after.
    pub deleted: Vec<Row>,
    /// Rows there before and after, and which of their columns changed.
    pub updated: Vec<NetUpdate>,
    /// Rows deleted and inserted again under the same key, with all columns as they are after.
    pub replaced: Vec<Row>,
    /// Rows that were not there before, with all columns.
    pub inserted: Vec<Row>,
}

impl NetChanges {
    /// Number of rows touched.
    pub fn rows(&self) -> usize {
        self.deleted.len() + self.updated.len() + self.replaced.len() + self.inserted.len()
    }
}

/// Changed columns of a row that stays.
#[derive(Debug, Clone, PartialEq)]
pub struct NetUpdate {
    /// Key columns, in key order.
    pub key: Row,
    /// Indices into the article's columns, ascending, with their last values.
    pub changed: Vec<(u16, Value)>,
}

#[derive(Debug, Clone)]
enum Net {
    Nothing,
    Deleted(Row),
    Updated(NetUpdate),
    Replaced(Row),
    Inserted(Row),
}

/// Collects changes in their order and gives the net changes of each article.
#[derive(Debug, Default)]
pub struct Compactor {
    tables: Vec<Table>,
}

#[derive(Debug)]
struct Table {
    article: Arc<Article>,
    key: Vec<usize>,
    rows: Vec<Net>,
    by_key: HashMap<Box<[u8]>, usize>,
    buffer: Vec<u8>,
}

impl Compactor {
    /// Adds the next change. `lsn` is its transaction's, for errors.
    pub fn add(&mut self, article: &Arc<Article>, change: Change, lsn: Lsn) -> Result<(), CoreError> {
        // The article of the change before is almost always that of this one.
        let index = match self.tables.iter().rposition(|t| t.article.id == article.id) {
            Some(index) => index,
            None => {
                self.tables.push(Table::new(article.clone()));
                self.tables.len() - 1
            }
        };
        self.tables[index].add(change, lsn)
    }

    /// The net changes, articles in the order in which they first appeared; those without any are left out.
    pub fn finish(self) -> Vec<NetChanges> {
        self.tables.into_iter().map(Table::finish).filter(|net| net.rows() > 0).collect()
    }
}

impl Table {
    fn new(article: Arc<Article>) -> Self {
        Self { key: article.key(), article, rows: Vec::new(), by_key: HashMap::new(), buffer: Vec::new() }
    }

    fn add(&mut self, change: Change, lsn: Lsn) -> Result<(), CoreError> {
        self.buffer.clear();
        match &change {
            Change::Insert(row) => self.key.iter().for_each(|i| key_bytes(&row[*i], &mut self.buffer)),
            Change::Update { key, .. } | Change::Delete(key) => key.iter().for_each(|v| key_bytes(v, &mut self.buffer)),
        }
        match self.by_key.entry(self.buffer.as_slice().into()) {
            Entry::Vacant(vacant) => {
                vacant.insert(self.rows.len());
                self.rows.push(match change {
                    Change::Insert(row) => Net::Inserted(row),
                    Change::Update { key, changed } => Net::Updated(NetUpdate { key, changed }),
                    Change::Delete(key) => Net::Deleted(key),
                });
                Ok(())
            }
            Entry::Occupied(occupied) => {
                let net = &mut self.rows[*occupied.get()];
                let before = std::mem::replace(net, Net::Nothing);
                *net = follow(before, change).map_err(|detail| CoreError::Contradiction {
                    table: self.article.destination.to_string(),
                    key_columns: key_column_names(&self.article),
                    lsn,
                    detail: detail.to_owned(),
                })?;
                if matches!(net, Net::Nothing) {
                    // Inserted and deleted: as if it had never been there, so that the key may come again in another way.
                    occupied.remove();
                }
                Ok(())
            }
        }
    }

    fn finish(self) -> NetChanges {
        let only_key = self.key.len() == self.article.columns.len();
        let mut changes = NetChanges {
            article: self.article,
            deleted: Vec::new(),
            updated: Vec::new(),
            replaced: Vec::new(),
            inserted: Vec::new(),
        };
        for net in self.rows {
            match net {
                Net::Nothing => {}
                Net::Deleted(key) => changes.deleted.push(key),
                Net::Updated(update) if update.changed.is_empty() => {}
                Net::Updated(update) => changes.updated.push(update),
                // Nothing but the key, and that is the same: the row is as it was.
                Net::Replaced(_) if only_key => {}
                Net::Replaced(row) => changes.replaced.push(row),
                Net::Inserted(row) => changes.inserted.push(row),
            }
        }
        changes
    }
}

/// What `before` and then `change` come to.
fn follow(before: Net, change: Change) -> Result<Net, &'static str> {
    match (before, change) {
        (Net::Inserted(mut row), Change::Update { changed, .. }) => {
            overwrite(&mut row, changed);
            Ok(Net::Inserted(row))
        }
        (Net::Replaced(mut row), Change::Update { changed, .. }) => {
            overwrite(&mut row, changed);
            Ok(Net::Replaced(row))
        }
        (Net::Updated(mut update), Change::Update { changed, .. }) => {
            update.changed = merge(update.changed, changed);
            Ok(Net::Updated(update))
        }
        (Net::Inserted(_), Change::Delete(_)) => Ok(Net::Nothing),
        (Net::Updated(_) | Net::Replaced(_), Change::Delete(key)) => Ok(Net::Deleted(key)),
        (Net::Deleted(_), Change::Insert(row)) => Ok(Net::Replaced(row)),
        (Net::Inserted(_) | Net::Updated(_) | Net::Replaced(_), Change::Insert(_)) => {
            Err("an insert of a row that is there")
        }
        (Net::Deleted(_), Change::Update { .. }) => Err("an update of a row that was deleted"),
        (Net::Deleted(_), Change::Delete(_)) => Err("a delete of a row that was deleted"),
        (Net::Nothing, _) => Err("a change of a row without a history"),
    }
}

fn overwrite(row: &mut Row, changed: Vec<(u16, Value)>) {
    for (index, value) in changed {
        row[usize::from(index)] = value;
    }
}

/// Both ascending by column; the later value wins.
fn merge(earlier: Vec<(u16, Value)>, later: Vec<(u16, Value)>) -> Vec<(u16, Value)> {
    let mut merged = Vec::with_capacity(earlier.len().max(later.len()));
    let mut later = later.into_iter().peekable();
    for (index, value) in earlier {
        while let Some(next) = later.next_if(|(i, _)| *i < index) {
            merged.push(next);
        }
        merged.push(later.next_if(|(i, _)| *i == index).unwrap_or((index, value)));
    }
    merged.extend(later);
    merged
}

/// Appends bytes that two key values have in common only if they are the same value, and that no value's bytes are a beginning of.
fn key_bytes(value: &Value, bytes: &mut Vec<u8>) {
    fn sized(bytes: &mut Vec<u8>, content: &[u8]) {
        bytes.extend_from_slice(&(content.len() as u64).to_le_bytes());
        bytes.extend_from_slice(content);
    }
    match value {
        Value::Null => bytes.push(0),
        Value::Bit(v) => bytes.extend([1, u8::from(*v)]),
        Value::U8(v) => bytes.extend([2, *v]),
        Value::I16(v) => bytes.extend_from_slice(&v.to_le_bytes()),
        Value::I32(v) => bytes.extend_from_slice(&v.to_le_bytes()),
        Value::I64(v) => bytes.extend_from_slice(&v.to_le_bytes()),
        Value::F32(v) => bytes.extend_from_slice(&v.to_bits().to_le_bytes()),
        Value::F64(v) => bytes.extend_from_slice(&v.to_bits().to_le_bytes()),
        Value::Decimal { unscaled, .. } => bytes.extend_from_slice(&unscaled.to_le_bytes()),
        Value::String(v) => sized(bytes, v.as_bytes()),
        Value::Bytes(v) => sized(bytes, v),
        Value::Date(v) => bytes.extend_from_slice(&v.to_le_bytes()),
        Value::Time(v) => bytes.extend_from_slice(&v.to_le_bytes()),
        Value::DateTime2 { days, ticks } => {
            bytes.extend_from_slice(&days.to_le_bytes());
            bytes.extend_from_slice(&ticks.to_le_bytes());
        }
        Value::DateTime { days, ticks } => {
            bytes.extend_from_slice(&days.to_le_bytes());
            bytes.extend_from_slice(&ticks.to_le_bytes());
        }
        Value::SmallDateTime { days, minutes } => {
            bytes.extend_from_slice(&days.to_le_bytes());
            bytes.extend_from_slice(&minutes.to_le_bytes());
        }
        Value::DateTimeOffset { days, ticks, offset } => {
            bytes.extend_from_slice(&days.to_le_bytes());
            bytes.extend_from_slice(&ticks.to_le_bytes());
            bytes.extend_from_slice(&offset.to_le_bytes());
        }
        Value::Guid(v) => bytes.extend_from_slice(v),
    }
}

/// Names of the key columns, for errors.
pub fn key_column_names(article: &Article) -> String {
    article.key().iter().map(|i| article.columns[*i].name.as_str()).collect::<Vec<_>>().join(", ")
}
