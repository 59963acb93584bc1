//! SQLite functions that the capture triggers call, and the state of the transaction that they read.

use super::lsn::Lsn;
use super::store::Logged;
use crate::engine::database::lock;
use crate::engine::functions::raise;
use crate::engine::meta::Column;
use crate::error::SqlResult;
use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Inserts of key changes stand behind every other row of their statement, so that whoever applies rows in order never
/// meets a key that is about to be deleted.
const KEY_CHANGE: u64 = 1 << 39;
/// Bits of the update mask that come in one argument of `sandbox_cdc_mask`.
pub const MASK_CHUNK: usize = 48;

/// What the triggers of a session need to know of its transaction. One thread at a time uses it; the atomics only make
/// it shareable with SQLite.
#[derive(Debug, Default)]
pub struct Recording {
    transaction: AtomicU64,
    rows: AtomicU64,
    command: AtomicI64,
    begun: AtomicI64,
    ended: AtomicI64,
    schema_changes: AtomicU64,
    used: AtomicBool,
    settings_changed: AtomicBool,
    /// Columns of the table that an `ALTER TABLE` is about to change.
    before: Mutex<Vec<Column>>,
}

impl Recording {
    /// The session's write transaction began and will have this number, should it capture anything.
    pub fn begin(&self, transaction: u64, now: i64) {
        self.transaction.store(transaction, Ordering::Relaxed);
        self.rows.store(0, Ordering::Relaxed);
        self.command.store(0, Ordering::Relaxed);
        self.begun.store(now, Ordering::Relaxed);
        self.schema_changes.store(0, Ordering::Relaxed);
        self.used.store(false, Ordering::Relaxed);
        self.settings_changed.store(false, Ordering::Relaxed);
    }

    /// A statement begins.
    pub fn next_command(&self) {
        self.command.fetch_add(1, Ordering::Relaxed);
    }

    /// The transaction belongs into the log even without rows.
    pub fn keep(&self) {
        self.used.store(true, Ordering::Relaxed);
    }

    /// A statement changed a captured table.
    pub fn schema_changed(&self) {
        self.keep();
        self.schema_changes.fetch_add(1, Ordering::Relaxed);
    }

    /// Remembers a table's columns as they are before an `ALTER TABLE`.
    pub fn remember(&self, columns: &[Column]) {
        columns.clone_into(&mut lock(&self.before));
    }

    /// What was remembered.
    pub fn remembered(&self) -> Vec<Column> {
        lock(&self.before).clone()
    }

    /// Nothing more of this transaction.
    pub fn end(&self) {
        self.used.store(false, Ordering::Relaxed);
        self.settings_changed.store(false, Ordering::Relaxed);
    }

    /// When the transaction is about to commit.
    pub fn set_ended(&self, now: i64) {
        self.ended.store(now, Ordering::Relaxed);
    }

    /// The transaction changes settings of CDC, which count once it commits.
    pub fn change_settings(&self) {
        self.settings_changed.store(true, Ordering::Relaxed);
    }

    /// Whether it did.
    pub fn take_settings_changed(&self) -> bool {
        self.settings_changed.swap(false, Ordering::Relaxed)
    }

    /// The transaction, if it belongs into the log.
    pub fn logged(&self) -> Option<Logged> {
        self.used.load(Ordering::Relaxed).then(|| Logged {
            transaction: self.transaction.load(Ordering::Relaxed),
            begun: self.begun.load(Ordering::Relaxed),
            ended: self.ended.load(Ordering::Relaxed),
            commands: self.rows.load(Ordering::Relaxed),
            schema_changes: self.schema_changes.load(Ordering::Relaxed),
        })
    }

    /// The LSN that this transaction's commit will have.
    pub fn commit_lsn(&self) -> Lsn {
        Lsn::commit(self.transaction.load(Ordering::Relaxed))
    }

    fn next_place(&self) -> u64 {
        self.used.store(true, Ordering::Relaxed);
        self.rows.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn place(&self, place: u64) -> Vec<u8> {
        Lsn::within(self.transaction.load(Ordering::Relaxed), place).to_bytes().to_vec()
    }
}

/// Registers the functions of the triggers on a connection.
pub fn register(connection: &Connection, recording: &Arc<Recording>) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8;
    let state = Arc::clone(recording);
    connection
        .create_scalar_function("sandbox_cdc_lsn", 0, flags, move |_| Ok(state.commit_lsn().to_bytes().to_vec()))?;
    let state = Arc::clone(recording);
    connection.create_scalar_function("sandbox_cdc_command", 0, flags, move |_| {
        Ok(state.command.load(Ordering::Relaxed).max(1))
    })?;
    // The next place; the same again, for the second image of a row; the insert of a key change.
    let state = Arc::clone(recording);
    connection.create_scalar_function("sandbox_cdc_next", 0, flags, move |_| {
        let place = state.next_place();
        Ok(state.place(place))
    })?;
    let state = Arc::clone(recording);
    connection.create_scalar_function("sandbox_cdc_same", 0, flags, move |_| {
        Ok(state.place(state.rows.load(Ordering::Relaxed)))
    })?;
    let state = Arc::clone(recording);
    connection.create_scalar_function("sandbox_cdc_moved", 0, flags, move |_| {
        let place = state.next_place();
        Ok(state.place(place | KEY_CHANGE))
    })?;
    connection.create_scalar_function("sandbox_cdc_mask", -1, flags | FunctionFlags::SQLITE_DETERMINISTIC, mask)
}

/// SQLite function that lets a large value through, or raises error 7139 when it is longer than the server's configuration allows: its
/// second argument is the bytes of a code unit of text, 0 for a binary value.
pub const LARGE: &str = "sandbox_cdc_large";

/// Registers [`LARGE`]; `check` judges a value's length in bytes.
pub fn register_large(
    connection: &Connection,
    check: impl Fn(usize) -> SqlResult<()> + Send + 'static,
) -> rusqlite::Result<()> {
    connection.create_scalar_function(LARGE, 2, FunctionFlags::SQLITE_UTF8, move |context| {
        let value = context.get_raw(0);
        let bytes = match (value, context.get::<i64>(1)?) {
            (ValueRef::Text(text), 2) => 2 * std::str::from_utf8(text).map_or(text.len(), |t| t.encode_utf16().count()),
            (ValueRef::Text(text), _) => std::str::from_utf8(text).map_or(text.len(), |t| t.chars().count()),
            (ValueRef::Blob(bytes), _) => bytes.len(),
            _ => 0,
        };
        check(bytes).map_err(raise)?;
        Value::try_from(value).map_err(|e| rusqlite::Error::UserFunctionError(Box::new(e)))
    })
}

/// `sandbox_cdc_mask(bytes, bits 0–47, bits 48–95, …)`: the bits as a blob whose last byte holds the first ones.
fn mask(context: &Context<'_>) -> rusqlite::Result<Vec<u8>> {
    let length: i64 = context.get(0)?;
    let mut bytes = vec![0; length.clamp(0, 128) as usize];
    let length = bytes.len();
    for chunk in 1..context.len() {
        let bits: i64 = context.get(chunk)?;
        for (n, byte) in bits.to_le_bytes().iter().take(MASK_CHUNK / 8).enumerate() {
            let position = (chunk - 1) * (MASK_CHUNK / 8) + n;
            if position < length {
                bytes[length - 1 - position] = *byte;
            }
        }
    }
    Ok(bytes)
}
