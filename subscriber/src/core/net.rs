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
//! A key that changes in place ([`Change::UpdateKey`]) is the same row under another key: [`NetChanges::moved`]. Deletes go before moves,
//! moves before updates, which name the new key, and before inserts, so that every key is free when it is taken; all moves
//! of a table are one statement, since rows may exchange their keys.
//!
//! Unique values outside the key that pass from row to row (a swap, a chain) arrive as delete + insert of each row, so they become
//! [`NetChanges::replaced`], which is applied by one statement; the server checks unique keys at a statement's end.

use super::CoreError;
use proto::{Article, Change, Lsn, Row, Value};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// The net changes of one article over a run of transactions. No key is in two of the lists, but for those of moved rows: the old one
/// may be inserted again, the new one may be that of a row deleted or moved away, and under it `updated` has what else changed.
#[derive(Debug, Clone, PartialEq)]
pub struct NetChanges {
    /// Whose.
    pub article: Arc<Article>,
    /// Keys of rows that were there before and are not after.
    pub deleted: Vec<Row>,
    /// Rows there before and after under another key: the key before and the key after. Two may have exchanged their keys, so all of
    /// them are moved by one statement.
    pub moved: Vec<(Row, Row)>,
    /// Rows there before and after, and which of their columns changed.
    pub updated: Vec<NetUpdate>,
    /// Rows deleted and inserted again under the same key, with all columns as they are after.
    pub replaced: Vec<Row>,
    /// Rows that were not there before, with all columns.
    pub inserted: Vec<Row>,
}

impl NetChanges {
    /// None, of an article.
    fn none(article: Arc<Article>) -> Self {
        let (deleted, moved, updated, replaced, inserted) = Default::default();
        Self { article, deleted, moved, updated, replaced, inserted }
    }

    /// Number of changes of rows.
    pub fn rows(&self) -> usize {
        self.deleted.len() + self.moved.len() + self.updated.len() + self.replaced.len() + self.inserted.len()
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

/// What has become of a row.
#[derive(Debug, Clone)]
enum Net {
    /// It came and went.
    Nothing,
    Deleted(Row),
    Updated(NetUpdate),
    /// The key it had at first, with what else changed, and the key it has now.
    Moved(Box<(NetUpdate, Row)>),
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
    slots: Slots,
}

/// Keys by their bytes.
#[derive(Debug, Default)]
struct Slots {
    by_key: HashMap<Box<[u8]>, Slot>,
    buffer: Vec<u8>,
}

impl Slots {
    /// What is known of a key, and whether anything was.
    fn of<'a>(&mut self, key: impl IntoIterator<Item = &'a Value>) -> (&mut Slot, bool) {
        self.buffer.clear();
        key.into_iter().for_each(|value| key_bytes(value, &mut self.buffer));
        match self.by_key.entry(self.buffer.as_slice().into()) {
            Entry::Occupied(known) => (known.into_mut(), true),
            Entry::Vacant(vacant) => (vacant.insert(Slot::default()), false),
        }
    }
}

/// What is known of a key. One without a row is known to be free.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// The row that has it now, as an index into [`Table::rows`].
    row: Option<u32>,
    /// The row that had it before everything and was deleted.
    deleted: Option<u32>,
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
        let table = &mut self.tables[index];
        table.add(change).map_err(|detail| CoreError::Contradiction {
            table: table.article.destination.to_string(),
            key_columns: key_column_names(&table.article),
            lsn,
            detail: detail.to_owned(),
        })
    }

    /// The net changes, articles in the order in which they first appeared; those without any are left out.
    pub fn finish(self) -> Vec<NetChanges> {
        self.tables.into_iter().map(Table::finish).filter(|net| net.rows() > 0).collect()
    }
}

impl Table {
    fn new(article: Arc<Article>) -> Self {
        Self { key: article.key(), article, rows: Vec::new(), slots: Slots::default() }
    }

    fn add(&mut self, change: Change) -> Result<(), &'static str> {
        match change {
            Change::Insert(row) => self.insert(row),
            Change::Update { key, changed } => self.update(key, changed),
            Change::Delete(key) => self.delete(key),
            Change::UpdateKey { key, new_key, changed } => self.move_row(key, new_key, changed),
            Change::UpdateImages { .. } | Change::DeleteImage(_) => {
                Err("a change for a procedure among those that are not")
            }
        }
    }

    fn next(&self) -> u32 {
        // A batch's bytes are limited far below this.
        u32::try_from(self.rows.len()).unwrap_or(u32::MAX)
    }

    fn insert(&mut self, row: Row) -> Result<(), &'static str> {
        let next = self.next();
        let (slot, _) = self.slots.of(self.key.iter().map(|i| &row[*i]));
        if slot.row.is_some() {
            return Err("an insert of a row that is there");
        }
        let before = slot.deleted.take();
        slot.row = before.or(Some(next));
        match before {
            Some(deleted) => self.rows[deleted as usize] = Net::Replaced(row),
            None => self.rows.push(Net::Inserted(row)),
        }
        Ok(())
    }

    fn update(&mut self, key: Row, changed: Vec<(u16, Value)>) -> Result<(), &'static str> {
        let next = self.next();
        let (slot, known) = self.slots.of(&key);
        if !known {
            slot.row = Some(next);
            self.rows.push(Net::Updated(NetUpdate { key, changed }));
            return Ok(());
        }
        let index = slot.row.ok_or("an update of a row that was deleted")?;
        match &mut self.rows[index as usize] {
            Net::Inserted(row) | Net::Replaced(row) => overwrite(row, changed),
            Net::Updated(update) => update.later(changed),
            Net::Moved(moved) => moved.0.later(changed),
            Net::Deleted(_) | Net::Nothing => return Err("an update of a row that was deleted"),
        }
        Ok(())
    }

    fn delete(&mut self, key: Row) -> Result<(), &'static str> {
        let next = self.next();
        let (slot, known) = self.slots.of(&key);
        if !known {
            slot.deleted = Some(next);
            self.rows.push(Net::Deleted(key));
            return Ok(());
        }
        let index = slot.row.take().ok_or("a delete of a row that was deleted")?;
        let net = &mut self.rows[index as usize];
        match std::mem::replace(net, Net::Nothing) {
            Net::Inserted(_) => return Ok(()),
            // What is gone is the row of the first key.
            Net::Moved(moved) => {
                let first = moved.0.key;
                self.slots.of(&first).0.deleted = Some(index);
                self.rows[index as usize] = Net::Deleted(first);
            }
            Net::Updated(_) | Net::Replaced(_) | Net::Deleted(_) | Net::Nothing => {
                slot.deleted = Some(index);
                *net = Net::Deleted(key);
            }
        }
        Ok(())
    }

    fn move_row(&mut self, key: Row, new_key: Row, changed: Vec<(u16, Value)>) -> Result<(), &'static str> {
        if key == new_key {
            return self.update(key, changed);
        }
        let next = self.next();
        let (slot, known) = self.slots.of(&key);
        let left = slot.row.take();
        let index = match (known, left) {
            (false, _) => {
                let update = NetUpdate { key, changed };
                self.rows.push(Net::Moved(Box::new((update, new_key.clone()))));
                next
            }
            (true, None) => return Err("a new key for a row that was deleted"),
            (true, Some(index)) => match std::mem::replace(&mut self.rows[index as usize], Net::Nothing) {
                Net::Inserted(row) => return self.insert(self.under(row, &new_key, changed)),
                // The row that was there at first is gone, and the one that came in its place moves on.
                Net::Replaced(row) => {
                    slot.deleted = Some(index);
                    self.rows[index as usize] = Net::Deleted(key);
                    return self.insert(self.under(row, &new_key, changed));
                }
                Net::Updated(mut update) => {
                    update.later(changed);
                    self.rows[index as usize] = Net::Moved(Box::new((update, new_key.clone())));
                    index
                }
                Net::Moved(mut moved) => {
                    moved.0.later(changed);
                    let home = moved.0.key == new_key;
                    moved.1.clone_from(&new_key);
                    self.rows[index as usize] = if home { Net::Updated(moved.0) } else { Net::Moved(moved) };
                    index
                }
                Net::Deleted(_) | Net::Nothing => return Err("a new key for a row that was deleted"),
            },
        };
        let (slot, _) = self.slots.of(&new_key);
        match slot.row.replace(index) {
            None => Ok(()),
            Some(_) => Err("a row's new key is that of a row that is there"),
        }
    }

    fn under(&self, mut row: Row, key: &[Value], changed: Vec<(u16, Value)>) -> Row {
        for (column, value) in self.key.iter().zip(key) {
            row[*column] = value.clone();
        }
        overwrite(&mut row, changed);
        row
    }

    fn finish(self) -> NetChanges {
        let only_key = self.key.len() == self.article.columns.len();
        let mut changes = NetChanges::none(self.article);
        for net in self.rows {
            match net {
                Net::Nothing => {}
                Net::Deleted(key) => changes.deleted.push(key),
                Net::Updated(update) if update.changed.is_empty() => {}
                Net::Updated(update) => changes.updated.push(update),
                Net::Moved(moved) => {
                    let (NetUpdate { key, changed }, new_key) = *moved;
                    if !changed.is_empty() {
                        changes.updated.push(NetUpdate { key: new_key.clone(), changed });
                    }
                    changes.moved.push((key, new_key));
                }
                // Nothing but the key, and that is the same: the row is as it was.
                Net::Replaced(_) if only_key => {}
                Net::Replaced(row) => changes.replaced.push(row),
                Net::Inserted(row) => changes.inserted.push(row),
            }
        }
        changes
    }
}

impl NetUpdate {
    fn later(&mut self, changed: Vec<(u16, Value)>) {
        self.changed = merge(std::mem::take(&mut self.changed), changed);
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
