//! What locks a session takes for its statements.
//!
//! | a statement … | on a table | until |
//! |---|---|---|
//! | reads under READ COMMITTED | S | the moment its view is fixed |
//! | reads under READ COMMITTED with `READ_COMMITTED_SNAPSHOT ON`, SNAPSHOT, READ UNCOMMITTED or `NOLOCK` | Sch-S only | its end |
//! | reads with `TABLOCK` | S | its end |
//! | reads under REPEATABLE READ, SERIALIZABLE or `HOLDLOCK` | S | the end of the transaction |
//! | reads with `UPDLOCK`, `XLOCK` | U, X | the end of the transaction |
//! | writes | X | the end of the transaction |
//! | is DDL | Sch-M | the end of the transaction |
//!
//! Every reader holds Sch-S to the end of its statement. What a statement reads is the committed state at a moment after its
//! locks were granted, since SQLite fixes the view when the statement begins: a reader need not keep its locks to see one
//! state, and never sees what is not committed, not even under READ UNCOMMITTED.
//!
//! Who writes, or says by a hint that it is going to, holds the SQLite write transaction as well, to the end of its
//! transaction. Both are asked for in one request, so nobody keeps a table while waiting to write, or the other way round.
//! What remains coarser than SQL Server's rows: two transactions that write, whatever they write, come one after the other.
//!
//! The catalog views show what is committed and take no locks. A name that does not resolve is looked for again when DDL of
//! another transaction, which may be about to make it, is over.

use super::catalog::Catalog;
use super::compiled::{Compiled, CompiledDml, DmlKind, HintLevel, Hints};
use super::database::lock;
use super::locks::{Asker, Mode, NotGranted, Resource, Span, Want};
use super::meta::Table;
use super::scope::TEMPORARY_DATABASE;
use super::session::SqlSession;
use super::session_state::Isolation;
use super::stop::{Exec, Stop};
use crate::error::SqlError;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Schemas whose tables take no locks: `sys`, and `cdc`, which only the capture job writes.
const UNLOCKED_SCHEMAS: &[&str] = &["sys", "cdc", "INFORMATION_SCHEMA"];
/// In place of an object's id: the catalog, kept by who has changed it.
const CATALOG: i32 = 0;

/// The locks of a statement.
#[derive(Debug, Default)]
pub(super) struct Wants {
    /// Locks of tables.
    pub tables: Vec<Want>,
    /// It says that it is going to write.
    pub writer: bool,
}

impl Wants {
    fn add(&mut self, want: Want) {
        let covered = |seen: &Want| {
            seen.resource == want.resource && seen.span >= want.span && seen.mode.covers(want.mode) && !want.no_wait
        };
        if !self.tables.iter().any(covered) {
            self.tables.push(want);
        }
    }
}

/// Whether a table is one that is locked.
fn is_locked(table: &Table) -> bool {
    table.object_id > 0
        && table.database != TEMPORARY_DATABASE
        && !UNLOCKED_SCHEMAS.iter().any(|schema| table.schema.eq_ignore_ascii_case(schema))
}

impl SqlSession {
    /// How the session asks for locks now.
    pub(super) fn asker(&self) -> Asker {
        let (timeout, priority) = {
            let options = &self.shared.state().options;
            (u64::try_from(options.lock_timeout).ok().map(Duration::from_millis), options.deadlock_priority)
        };
        let changes = self.connection.total_changes();
        let cost = self.transaction.as_ref().map_or(0, |t| changes.saturating_sub(t.changes_before));
        Asker { owner: self.shared.id, timeout, priority, cost }
    }

    /// The client gave up the request that runs.
    pub(super) fn is_cancelled(&self) -> bool {
        lock(&self.cancel).as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    /// Takes locks, or waits for them; true after a wait.
    pub(super) fn lock(&self, wants: &[Want]) -> Exec<bool> {
        if wants.is_empty() {
            return Ok(false);
        }
        if wants.iter().any(|want| want.span == Span::Statement) || self.transaction.is_none() {
            self.has_statement_locks.set(true);
        }
        self.server().locks.acquire(&self.asker(), wants, &|| self.is_cancelled()).map_err(|failure| match failure {
            NotGranted::Cancelled => Stop::Cancelled,
            NotGranted::TimedOut => {
                SqlError::new(1222, "Lock request time out period exceeded.").with_state(51).into()
            }
            NotGranted::Deadlock => {
                let text = format!(
                    "Transaction (Process ID {}) was deadlocked on lock resources with another process and has been chosen as the \
                     deadlock victim. Rerun the transaction.",
                    self.shared.id
                );
                SqlError::new(1205, text).severity(13).with_state(51).into()
            }
        })
    }

    /// A statement is over: gives back the locks that were its own.
    pub(super) fn release_statement_locks(&self) {
        if !self.has_statement_locks.take() {
            return;
        }
        // Outside of a transaction, a statement's locks end with it.
        let spans: &[Span] =
            if self.transaction.is_some() { &[Span::Statement] } else { &[Span::Statement, Span::Transaction] };
        self.server().locks.release(self.shared.id, spans);
    }

    /// The locks for what a statement reads. A table it writes is left out: that one gets a stronger lock.
    pub(super) fn read_wants(&self, compiled: &Compiled, written: Option<i32>) -> Wants {
        let mut wants = Wants::default();
        if compiled.reads.is_empty() {
            return wants;
        }
        let (database, isolation) = {
            let state = self.shared.state();
            (state.database.clone(), state.options.isolation)
        };
        let versioned = database.read_committed_snapshot.load(Ordering::Acquire);
        let mut add = |table: &Table, hints: Hints| {
            if !is_locked(table) || written == Some(table.object_id) {
                return;
            }
            let resource = Resource::Object(database.id, table.object_id);
            wants.writer |= hints.update || hints.exclusive;
            if let Some((mode, span)) = read_lock(hints, isolation, versioned) {
                wants.add(Want { no_wait: hints.no_wait, ..Want::new(resource.clone(), mode, span) });
            }
            let stability = Want::new(resource, Mode::SchemaStability, Span::Statement);
            wants.add(Want { no_wait: hints.no_wait, ..stability });
        };
        for (table, hints) in &compiled.hints {
            add(table, *hints);
        }
        for table in &compiled.reads {
            if !compiled.hints.iter().any(|(mentioned, _)| mentioned.sqlite_name == table.sqlite_name) {
                add(table, Hints::default());
            }
        }
        wants
    }

    /// The locks for a data modification: of what it reads, of its target, and of what foreign keys change with that.
    pub(super) fn write_wants(&self, dml: &CompiledDml) -> Vec<Want> {
        let target = is_locked(&dml.target).then_some(dml.target.object_id);
        let mut wants = self.read_wants(&dml.statement, target);
        let database = self.database().id;
        let into = dml.output_into.as_ref().map(|output| &output.target).filter(|table| is_locked(table));
        let mut written: Vec<i32> = target.into_iter().chain(into.map(|table| table.object_id)).collect();
        if dml.kind != DmlKind::Insert {
            add_cascades(&self.catalog(), &mut written);
        }
        for table in written {
            wants.add(Want::new(Resource::Object(database, table), Mode::Exclusive, Span::Transaction));
        }
        wants.tables
    }

    /// The lock for writing rows of one table.
    pub(super) fn table_want(&self, table: &Table, mode: Mode) -> Vec<Want> {
        let resource = Resource::Object(self.database().id, table.object_id);
        if is_locked(table) { vec![Want::new(resource, mode, Span::Transaction)] } else { Vec::new() }
    }

    /// The lock for DDL on a table that may not exist.
    pub(super) fn ddl_want(&self, schema: Option<&str>, name: &str) -> Vec<Want> {
        let catalog = self.catalog();
        let entry = catalog.table(schema.unwrap_or("dbo"), name);
        entry.map(|entry| self.table_want(&entry.table, Mode::SchemaModification)).unwrap_or_default()
    }

    /// DDL ran in the current transaction: names that others look for wait for its end.
    pub(super) fn lock_catalog(&self) -> Exec<()> {
        let resource = Resource::Object(self.database().id, CATALOG);
        self.lock(&[Want::new(resource, Mode::Exclusive, Span::Transaction)]).map(|_| ())
    }

    /// Waits until no other transaction has changed the catalog; true after a wait.
    pub(super) fn wait_for_catalog(&self) -> Exec<bool> {
        let resource = Resource::Object(self.database().id, CATALOG);
        self.lock(&[Want::new(resource, Mode::Shared, Span::Moment)])
    }
}

/// The lock of a table that is read, beyond Sch-S.
fn read_lock(hints: Hints, isolation: Isolation, versioned: bool) -> Option<(Mode, Span)> {
    let holds = match hints.level {
        Some(level) => level == HintLevel::Hold,
        None => matches!(isolation, Isolation::RepeatableRead | Isolation::Serializable),
    };
    if hints.exclusive {
        return Some((Mode::Exclusive, Span::Transaction));
    }
    if hints.update {
        return Some((Mode::Update, Span::Transaction));
    }
    if holds {
        return Some((Mode::Shared, Span::Transaction));
    }
    if hints.table {
        return Some((Mode::Shared, Span::Statement));
    }
    let waits = match hints.level {
        Some(HintLevel::CommittedLock) => true,
        Some(HintLevel::Uncommitted) => false,
        Some(HintLevel::Committed) => !versioned,
        _ => isolation == Isolation::ReadCommitted && !versioned,
    };
    waits.then_some((Mode::Shared, Span::Moment))
}

/// Adds the tables whose rows change with those of the given ones.
fn add_cascades(catalog: &Catalog, written: &mut Vec<i32>) {
    let mut at = 0;
    while let Some(&parent) = written.get(at) {
        for (child, key) in catalog.references_to(parent) {
            let id = child.table.object_id;
            if (key.on_delete != 0 || key.on_update != 0) && !written.contains(&id) {
                written.push(id);
            }
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_of_a_read_follows_the_level_and_the_hints() {
        use Isolation::{ReadCommitted, ReadUncommitted, RepeatableRead, Serializable, Snapshot};
        let none = Hints::default();
        let shared = |span| Some((Mode::Shared, span));
        assert_eq!(read_lock(none, ReadCommitted, false), shared(Span::Moment));
        assert_eq!(read_lock(none, ReadCommitted, true), None);
        assert_eq!(read_lock(none, ReadUncommitted, false), None);
        assert_eq!(read_lock(none, Snapshot, false), None);
        assert_eq!(read_lock(none, RepeatableRead, true), shared(Span::Transaction));
        assert_eq!(read_lock(none, Serializable, true), shared(Span::Transaction));
        let level = |level| Hints { level: Some(level), ..Hints::default() };
        assert_eq!(read_lock(level(HintLevel::Uncommitted), Serializable, false), None);
        assert_eq!(read_lock(level(HintLevel::CommittedLock), ReadCommitted, true), shared(Span::Moment));
        assert_eq!(read_lock(level(HintLevel::Committed), Serializable, false), shared(Span::Moment));
        assert_eq!(read_lock(level(HintLevel::Hold), ReadCommitted, true), shared(Span::Transaction));
        let table = Hints { table: true, ..none };
        assert_eq!(read_lock(table, ReadCommitted, true), shared(Span::Statement));
        assert_eq!(
            read_lock(Hints { table: true, ..level(HintLevel::Hold) }, ReadCommitted, false),
            shared(Span::Transaction)
        );
        assert_eq!(
            read_lock(Hints { update: true, ..none }, ReadUncommitted, true),
            Some((Mode::Update, Span::Transaction))
        );
        assert_eq!(
            read_lock(Hints { exclusive: true, ..none }, Snapshot, true),
            Some((Mode::Exclusive, Span::Transaction))
        );
    }
}
