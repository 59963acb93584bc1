//! AFTER triggers: the rows that a statement changes are kept, then the triggers run and read them as `inserted` and `deleted`.
//!
//! SQLite triggers of the session's own (`TEMP`) copy the old and new rows of a table into temporary tables, under a number that
//! only statements which fire T-SQL triggers give; other statements copy nothing. They are made when a table's first T-SQL
//! trigger fires in the session, and dropped when the catalog changes. Cascading foreign keys are SQLite's, so the rows that they
//! change are kept as well.
//!
//! Source: <https://learn.microsoft.com/sql/t-sql/statements/create-trigger-transact-sql>,
//! <https://learn.microsoft.com/sql/relational-databases/triggers/use-the-inserted-and-deleted-tables>,
//! <https://learn.microsoft.com/sql/relational-databases/tables/primary-and-foreign-key-constraints#triggers-and-cascading-referential-actions>.

use super::catalog::{Catalog, TableEntry, bare_entry};
use super::encode::sqlite_type;
use super::frame::Frame;
use super::meta::{Column, Table};
use super::modules::{Fired, Module, Running};
use super::quoting::quote;
use super::scope::TEMPORARY_DATABASE;
use super::session::SqlSession;
use super::session_state::SessionShared;
use super::stop::{Exec, Stop};
use crate::error::{SqlError, SqlResult};
use crate::session::Sink;
use crate::tsql::ast::ObjectName;
use crate::tsql::modules::TriggerEvent;
use crate::types::SqlType;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Column of the temporary tables that holds the number of the firing.
const RUN: &str = "$run";
/// Numbers of firings are apart by this much: the event is added.
const RUN_STEP: i64 = 4;
/// Start of the names of the SQLite triggers.
const CAPTURE: &str = "$capture:";
/// Setting of a database: a trigger fires itself again.
pub const RECURSIVE: &str = "recursive_triggers";

/// What a session keeps for its triggers.
#[derive(Debug, Default)]
pub struct Firings {
    images: HashMap<i32, Images>,
    /// The catalog that the SQLite triggers suit; 0 when that is not known.
    checked: u64,
    /// SQLite triggers were made.
    used: bool,
    next_run: i64,
    next_name: u32,
}

/// The temporary tables of a table.
#[derive(Debug, Clone)]
struct Images {
    entries: [Arc<TableEntry>; 2],
    tables: [Arc<Table>; 2],
}

/// The triggers that a statement fires.
#[derive(Debug)]
pub struct Firing {
    base: i64,
    /// Those of child tables first, as far as they come before their parents.
    targets: Vec<Target>,
}

#[derive(Debug)]
struct Target {
    table: Arc<TableEntry>,
    event: TriggerEvent,
    /// The statement's own table, whose triggers fire even when no row changed.
    direct: bool,
    updated: Vec<(i32, String)>,
    triggers: Vec<Arc<Module>>,
}

impl Firing {
    /// Error 334: the statement returns rows, and its table has triggers.
    pub(super) fn refuse_output(&self) -> SqlResult<()> {
        match self.targets.iter().find(|target| target.direct) {
            None => Ok(()),
            Some(target) => {
                let text = format!(
                    "The target table '{}' of the DML statement cannot have any enabled triggers if the statement contains an OUTPUT \
                     clause without INTO clause.",
                    target.table.table.name
                );
                Err(SqlError::new(334, text))
            }
        }
    }
}

/// Whether a name is `inserted` or `deleted`.
pub fn is_image(name: &ObjectName) -> bool {
    name.schema.is_none()
        && name.database.is_none()
        && (name.name.eq_ignore_ascii_case("inserted") || name.name.eq_ignore_ascii_case("deleted"))
}

/// `inserted` or `deleted` as the compiler sees it, read from a SQLite text.
pub fn image_of(table: &Table, name: &str, sqlite_name: String) -> Arc<Table> {
    let plain = |column: &Column| Column { identity: None, default: None, computed: None, ..column.clone() };
    Arc::new(Table {
        database: TEMPORARY_DATABASE.to_owned(),
        name: name.to_owned(),
        sqlite_name,
        writable: false,
        columns: table.columns.iter().map(plain).collect(),
        primary_key: Vec::new(),
        ..table.clone()
    })
}

/// The functions of the SQLite triggers and of what reads their rows.
pub fn register(connection: &Connection, session: &Arc<SessionShared>) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8;
    let owner = Arc::clone(session);
    connection.create_scalar_function("sandbox_capture", 2, flags, move |context| {
        let (table, event): (i32, i64) = (context.get(0)?, context.get(1)?);
        let state = owner.state();
        let event = if state.moving_rows { TriggerEvent::Update as i64 } else { event };
        Ok(state.captured.get(&table).map(|base| base + event))
    })?;
    let owner = Arc::clone(session);
    let flags = flags | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("sandbox_trigger_run", 0, flags, move |_| {
        let state = owner.state();
        Ok(state.modules.last().and_then(|module| module.fired.as_ref()).map(|fired| fired.run))
    })
}

impl SqlSession {
    /// Before a statement changes rows of a table: starts keeping them if it fires triggers. `updated` are the positions of the
    /// columns that an `UPDATE` assigns.
    pub(super) fn begin_firing(
        &mut self,
        table: &Arc<Table>,
        events: &[TriggerEvent],
        updated: &[usize],
    ) -> Exec<Option<Firing>> {
        let catalog = self.catalog();
        if self.firings.used && self.firings.checked != catalog.version {
            self.forget_captures()?;
            self.firings.checked = catalog.version;
        }
        if table.database == TEMPORARY_DATABASE || !catalog.modules.values().any(|module| module.trigger.is_some()) {
            return Ok(None);
        }
        let Some(entry) = catalog.table_by_id(table.object_id) else { return Ok(None) };
        let mut targets = Vec::new();
        for &event in events {
            let updated = match event {
                TriggerEvent::Insert => (0..entry.table.columns.len()).collect(),
                TriggerEvent::Update => updated.to_vec(),
                TriggerEvent::Delete => Vec::new(),
            };
            self.add_targets(&catalog, entry, event, &updated, &mut Vec::new(), &mut targets);
        }
        if targets.is_empty() {
            return Ok(None);
        }
        self.firings.next_run += RUN_STEP;
        let base = self.firings.next_run;
        for target in &targets {
            self.arm(&target.table)?;
        }
        let mut state = self.shared.state();
        for target in &targets {
            state.captured.insert(target.table.table.object_id, base);
        }
        drop(state);
        Ok(Some(Firing { base, targets }))
    }

    /// The statement has changed its rows.
    pub(super) fn end_capture(&self) {
        self.shared.state().captured.clear();
    }

    /// The triggers of a table for an event, after those of the tables that cascading foreign keys change.
    fn add_targets(
        &self,
        catalog: &Arc<Catalog>,
        entry: &Arc<TableEntry>,
        event: TriggerEvent,
        updated: &[usize],
        path: &mut Vec<(i32, TriggerEvent)>,
        targets: &mut Vec<Target>,
    ) {
        let id = entry.table.object_id;
        let place = (id, event);
        if path.contains(&place) {
            return;
        }
        path.push(place);
        if event != TriggerEvent::Insert {
            for (child, key) in catalog.references_to(id).filter(|(_, key)| !key.disabled) {
                let action = if event == TriggerEvent::Delete { key.on_delete } else { key.on_update };
                let child_event = match (action, event) {
                    (0, _) => continue,
                    (1, TriggerEvent::Delete) => TriggerEvent::Delete,
                    _ => TriggerEvent::Update,
                };
                let columns: Vec<usize> =
                    key.columns.iter().filter_map(|(column, _)| child.position(*column)).collect();
                self.add_targets(catalog, child, child_event, &columns, path, targets);
            }
        }
        path.pop();
        let triggers = self.triggers_of(catalog, id, event);
        let seen = targets.iter().any(|target| target.table.table.object_id == id && target.event == event);
        if !triggers.is_empty() && !seen {
            let named = |&at: &usize| (entry.column_ids[at], entry.table.columns[at].name.clone());
            targets.push(Target {
                table: Arc::clone(entry),
                event,
                direct: path.is_empty(),
                updated: updated.iter().map(named).collect(),
                triggers,
            });
        }
    }

    /// Enabled triggers in the order they fire in. A trigger does not fire itself unless the database says so.
    fn triggers_of(&self, catalog: &Catalog, table: i32, event: TriggerEvent) -> Vec<Arc<Module>> {
        let place = |module: &Arc<Module>| module.trigger.as_ref().filter(|t| !t.disabled).and_then(|t| t.place(event));
        let mut found: Vec<_> =
            catalog.modules.values().filter(|m| m.parent == table && place(m).is_some()).cloned().collect();
        found.sort_by_key(|module| (place(module), module.object_id));
        let running = {
            let state = self.shared.state();
            state.modules.iter().rev().find(|module| module.fired.is_some()).map(|module| module.object_id)
        };
        if let Some(running) = running
            && found.iter().any(|module| module.object_id == running)
            && !self.database().recursive_triggers.load(Ordering::Acquire)
        {
            found.retain(|module| module.object_id != running);
        }
        found
    }

    /// Error 331: rows of an OUTPUT clause cannot go where they would fire triggers.
    pub(super) fn refuse_output_into(&self, table: &Table) -> SqlResult<()> {
        let catalog = self.catalog();
        let enabled = |module: &&Arc<Module>| {
            module.parent == table.object_id && module.trigger.as_ref().is_some_and(|trigger| !trigger.disabled)
        };
        match catalog.modules.values().find(enabled) {
            None => Ok(()),
            Some(module) => {
                let text = format!(
                    "The target table '{}' of the OUTPUT INTO clause cannot have any enabled triggers. Found trigger '{}'.",
                    table.name, module.name
                );
                Err(SqlError::new(331, text))
            }
        }
    }

    /// Makes the temporary tables of a table and the SQLite triggers that fill them, unless they are there.
    fn arm(&mut self, entry: &Arc<TableEntry>) -> Exec<()> {
        let id = entry.table.object_id;
        if let Some(images) = self.firings.images.get(&id)
            && self.is_armed_for(images)?
        {
            return Ok(());
        }
        self.drop_captures(&format!("{CAPTURE}{id}:"))?;
        self.firings.next_name += 1;
        self.firings.used = true;
        let number = self.firings.next_name;
        let mut entries = Vec::with_capacity(2);
        for name in ["inserted", "deleted"] {
            let storage = format!("${name}:{id}:{number}");
            let columns: String = entry
                .table
                .columns
                .iter()
                .map(|c| format!(", {} {}", c.sqlite_name, sqlite_type(&c.ty, c.collation.as_deref())))
                .collect();
            self.connection.execute_batch(&format!(
                "CREATE TABLE temp.{}({} INT{columns})",
                quote(&storage),
                quote(RUN)
            ))?;
            entries.push(Arc::new(stored_image(&entry.table, name, storage)));
        }
        let [deleted, inserted] = [entries.pop(), entries.pop()];
        let (Some(inserted), Some(deleted)) = (inserted, deleted) else { return Ok(()) };
        let copy = |into: &TableEntry, side: &str, event: TriggerEvent| {
            let names: String = entry.table.columns.iter().map(|c| format!(", {}", c.sqlite_name)).collect();
            let values: String = entry.table.columns.iter().map(|c| format!(", {side}.{}", c.sqlite_name)).collect();
            format!(
                "INSERT INTO {}({}{names}) VALUES (sandbox_capture({id}, {}){values});",
                quote(&into.storage),
                quote(RUN),
                event as u8
            )
        };
        let (new, old) = (|event| copy(&inserted, "NEW", event), |event| copy(&deleted, "OLD", event));
        let triggers = [
            ("INSERT", new(TriggerEvent::Insert)),
            ("UPDATE", old(TriggerEvent::Update) + &new(TriggerEvent::Update)),
            ("DELETE", old(TriggerEvent::Delete)),
        ];
        for (event, body) in triggers {
            self.connection.execute_batch(&format!(
                "CREATE TEMP TRIGGER {} AFTER {event} ON {} WHEN sandbox_capture({id}, 0) IS NOT NULL BEGIN {body} END",
                quote(&format!("{CAPTURE}{id}:{number}:{event}")),
                entry.table.sqlite_name
            ))?;
        }
        let columns: Vec<&str> = entry.table.columns.iter().map(|c| c.sqlite_name.as_str()).collect();
        let read = |stored: &TableEntry, name: &str| {
            let text = format!(
                "(SELECT {} FROM {} WHERE {} = sandbox_trigger_run())",
                columns.join(", "),
                stored.table.sqlite_name,
                quote(RUN)
            );
            image_of(&entry.table, name, text)
        };
        let tables = [read(&inserted, "inserted"), read(&deleted, "deleted")];
        self.firings.images.insert(id, Images { entries: [inserted, deleted], tables });
        self.shared.state().temporary_version += 1;
        Ok(())
    }

    /// A rollback may have taken away what its transaction made.
    fn is_armed_for(&self, images: &Images) -> Exec<bool> {
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*) FROM temp.sqlite_schema WHERE name IN (?1, ?2) OR (type = 'trigger' AND substr(name, 1, length(?3)) = ?3)",
        )?;
        let [inserted, deleted] = &images.entries;
        let suffix = inserted.storage.trim_start_matches("$inserted");
        let name = format!("{}{}:", CAPTURE.trim_end_matches(':'), suffix);
        let found: i64 = statement.query_row((&inserted.storage, &deleted.storage, name), |r| r.get(0))?;
        Ok(found == 5)
    }

    /// Drops the SQLite triggers; the rows that were kept stay for the triggers that run.
    pub(super) fn forget_captures(&mut self) -> Exec<()> {
        if self.firings.used {
            self.drop_captures(CAPTURE)?;
            self.firings.images.clear();
        }
        Ok(())
    }

    fn drop_captures(&self, prefix: &str) -> Exec<()> {
        let mut statement = self.connection.prepare_cached(
            "SELECT name FROM temp.sqlite_schema WHERE type = 'trigger' AND substr(name, 1, length(?1)) = ?1",
        )?;
        let names = statement.query_map([prefix], |r| r.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
        drop(statement);
        for name in names {
            self.connection.execute_batch(&format!("DROP TRIGGER temp.{}", quote(&name)))?;
        }
        Ok(())
    }

    /// Forgets everything: the session leaves its database.
    pub(super) fn forget_firings(&mut self) -> SqlResult<()> {
        match self.forget_captures() {
            Err(Stop::Error(error)) => Err(error),
            _ => Ok(()),
        }
    }

    /// After a rollback nobody knows which of the SQLite triggers are there.
    pub(super) fn captures_unknown(&mut self) {
        self.firings.checked = 0;
    }

    /// Runs the triggers of a statement that changed `count` rows.
    pub(super) fn fire(&mut self, firing: Option<Firing>, count: u64, sink: &mut dyn Sink) -> Exec<()> {
        let Some(firing) = firing else { return Ok(()) };
        self.enclose();
        let mut result = Ok(());
        let kept: Vec<Images> = firing
            .targets
            .iter()
            .filter_map(|target| self.firings.images.get(&target.table.table.object_id).cloned())
            .collect();
        let before = self.table_variables.len();
        self.table_variables.extend(kept.iter().flat_map(|images| images.entries.iter().cloned()));
        for target in &firing.targets {
            let Some(images) = kept.iter().find(|i| i.tables[0].object_id == target.table.table.object_id) else {
                continue;
            };
            result = self.fire_target(&firing, target, images, count, sink);
            if result.is_err() {
                break;
            }
        }
        self.table_variables.truncate(before);
        for entry in kept.iter().flat_map(|images| &images.entries) {
            let (name, run) = (&entry.table.sqlite_name, quote(RUN));
            let sql = format!("DELETE FROM {name} WHERE {run} BETWEEN ?1 AND ?1 + 3");
            // After a rollback the table may be gone with the transaction that made it.
            if let Ok(mut statement) = self.connection.prepare_cached(&sql) {
                statement.execute([firing.base])?;
            }
        }
        result
    }

    /// Runs a part of an UPDATE that is done as deletes and inserts: triggers see updated rows.
    pub(super) fn moving_rows<T>(&self, run: impl FnOnce() -> T) -> T {
        self.shared.state().moving_rows = true;
        let result = run();
        self.shared.state().moving_rows = false;
        result
    }

    fn fire_target(
        &mut self,
        firing: &Firing,
        target: &Target,
        images: &Images,
        count: u64,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        let run = firing.base + target.event as i64;
        let rows = if target.direct { count } else { self.kept_rows(images, run)? };
        if rows == 0 && !target.direct {
            return Ok(());
        }
        let last_column = target.table.column_ids.iter().copied().max().unwrap_or(1);
        for trigger in &target.triggers {
            let fired = Fired { run, updated: target.updated.clone(), last_column };
            self.run_trigger(trigger, fired, images, rows, sink)?;
        }
        Ok(())
    }

    fn kept_rows(&self, images: &Images, run: i64) -> Exec<u64> {
        let mut most = 0;
        for entry in &images.entries {
            let sql = format!("SELECT count(*) FROM {} WHERE {} = ?1", entry.table.sqlite_name, quote(RUN));
            let rows: i64 = self.connection.prepare_cached(&sql)?.query_row([run], |r| r.get(0))?;
            most = most.max(rows as u64);
        }
        Ok(most)
    }

    fn run_trigger(
        &mut self,
        trigger: &Arc<Module>,
        fired: Fired,
        images: &Images,
        rows: u64,
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        let parsed = trigger.parsed()?;
        let mut frame = Frame::default();
        frame.set_images(Arc::clone(&images.tables[0]), Arc::clone(&images.tables[1]));
        let options = {
            let mut state = self.shared.state();
            state.row_count = rows as i64;
            state.error = 0;
            let options = state.options.clone();
            // In a trigger it is on until the trigger turns it off.
            state.options.xact_abort = true;
            options
        };
        let running = Running { object_id: trigger.object_id, name: trigger.name.clone(), fired: Some(fired) };
        let tries = std::mem::take(&mut self.worst_severity);
        let result = self.run_module(running, &parsed.batch, &mut frame, sink);
        self.worst_severity = tries;
        let (count, doomed) = {
            let mut state = self.shared.state();
            state.options = options;
            (state.tran_count, state.doomed)
        };
        match result {
            Ok(_) | Err(Stop::ScopeAborted(_)) => {}
            Err(stop) => return Err(stop),
        }
        if count == 0 {
            return Err(SqlError::new(3609, "The transaction ended in the trigger. The batch has been aborted.").into());
        }
        if doomed {
            let text = "An error was raised during trigger execution. The batch has been aborted and the user transaction, if any, has \
                        been rolled back.";
            return Err(SqlError::new(3616, text).into());
        }
        Ok(())
    }
}

/// The temporary table behind an image, whose rows a rollback leaves alone.
fn stored_image(table: &Table, name: &str, storage: String) -> TableEntry {
    let sqlite_name = format!("temp.{}", quote(&storage));
    let image = image_of(table, name, sqlite_name);
    let run = Column {
        name: RUN.to_owned(),
        ty: SqlType::BigInt,
        nullable: true,
        identity: None,
        collation: None,
        default: None,
        computed: None,
        sqlite_name: quote(RUN),
    };
    let mut image = Table::clone(&image);
    image.columns.insert(0, run);
    bare_entry(image, storage)
}
