//! Procedures, triggers and views as the catalog keeps them: their text, which is parsed when it is first needed.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-sql-modules-transact-sql>.

use super::catalog::{Object, fold};
use super::plans::Batch;
use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::{Query, StmtKind};
use crate::tsql::modules::{ModuleBody, ModuleStatement, TriggerEvent};
use crate::tsql::parse_batch;
use rusqlite::Connection;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// A module.
#[derive(Debug)]
pub struct Module {
    /// `object_id`.
    pub object_id: i32,
    /// Name.
    pub name: String,
    /// `sys.objects.type`.
    pub kind: String,
    /// The table of a trigger, else 0.
    pub parent: i32,
    /// Its text.
    pub definition: String,
    /// Tables that may not change under it: it is schema-bound.
    pub bound_to: Vec<i32>,
    /// What a trigger fires on.
    pub trigger: Option<Trigger>,
    /// Names and types of a view's columns, as they were when it was made.
    pub columns: Vec<(String, i32, i32)>,
    parsed: OnceLock<SqlResult<Arc<Parsed>>>,
}

/// The facts of a trigger that its text does not tell.
#[derive(Debug, Clone, Default)]
pub struct Trigger {
    /// `is_disabled`.
    pub disabled: bool,
    /// Its events, with whether it is the first or the last one to fire.
    pub events: Vec<(u8, bool, bool)>,
}

impl Trigger {
    /// Order among the triggers of an event; `None` if it does not fire on it.
    pub fn place(&self, event: TriggerEvent) -> Option<u8> {
        let (_, first, last) = self.events.iter().find(|(number, _, _)| *number == event as u8)?;
        Some(match (first, last) {
            (true, _) => 0,
            (_, true) => 2,
            _ => 1,
        })
    }
}

/// A module's text, parsed.
#[derive(Debug)]
pub struct Parsed {
    /// Parameters and statements of a procedure or trigger.
    pub batch: Arc<Batch>,
    /// Column names and query of a view.
    pub view: Option<(Vec<String>, Query)>,
}

impl Module {
    /// The parsed text.
    pub fn parsed(&self) -> SqlResult<Arc<Parsed>> {
        self.parsed.get_or_init(|| parse(&self.definition)).clone()
    }
}

/// Parses a module's text.
pub fn parse(text: &str) -> SqlResult<Arc<Parsed>> {
    let damaged = || SqlError::new(8180, "sandbox: the text of a module cannot be read.");
    let statement = parse_batch(text)?.pop().ok_or_else(damaged)?;
    let StmtKind::Module(statement) = statement.kind else { return Err(damaged()) };
    let ModuleStatement::Define(definition) = *statement else { return Err(damaged()) };
    let (parameters, statements, view) = match definition.body {
        ModuleBody::Procedure { parameters, statements } => (parameters, statements, None),
        ModuleBody::Trigger { statements, .. } => (Vec::new(), statements, None),
        ModuleBody::View { columns, query, .. } => (Vec::new(), Vec::new(), Some((columns, *query))),
    };
    Ok(Arc::new(Parsed { batch: Arc::new(Batch::of_module(text, parameters, statements)?), view }))
}

/// Modules by their `object_id`.
pub type Modules = HashMap<i32, Arc<Module>>;

/// Reads the modules of a catalog: all, or those that are an object or belong to it.
pub fn load(
    connection: &Connection,
    only: Option<i32>,
    objects: &HashMap<i32, Object>,
    modules: &mut Modules,
) -> rusqlite::Result<()> {
    let condition = only.map_or_else(String::new, |id| {
        format!(
            r#"WHERE object_id IN (SELECT object_id FROM db."$objects" WHERE {id} IN (object_id, parent_object_id))"#
        )
    });
    let mut statement = connection
        .prepare(&format!(r#"SELECT object_id, definition, bound_to, is_disabled FROM db."$modules" {condition}"#))?;
    let mut rows = statement.query([])?;
    while let Some(r) = rows.next()? {
        let Some(object) = objects.get(&r.get(0)?) else { continue };
        let bound_to: Option<String> = r.get(2)?;
        let mut module = Module {
            object_id: object.object_id,
            name: object.name.clone(),
            kind: object.kind.clone(),
            parent: object.parent_object_id,
            definition: r.get(1)?,
            bound_to: bound_to.iter().flat_map(|ids| ids.split(',')).filter_map(|id| id.parse().ok()).collect(),
            trigger: None,
            columns: Vec::new(),
            parsed: OnceLock::new(),
        };
        if object.kind == "TR" {
            let events = load_events(connection, object.object_id)?;
            module.trigger = Some(Trigger { disabled: r.get(3)?, events });
        }
        if object.kind == "V" {
            module.columns = load_columns(connection, object.object_id)?;
        }
        modules.insert(object.object_id, Arc::new(module));
    }
    Ok(())
}

fn load_events(connection: &Connection, trigger: i32) -> rusqlite::Result<Vec<(u8, bool, bool)>> {
    let mut statement = connection.prepare_cached(
        r#"SELECT type, is_first, is_last FROM db."$trigger_events" WHERE object_id = ?1 ORDER BY type"#,
    )?;
    let rows = statement.query_map([trigger], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
    rows.collect()
}

fn load_columns(connection: &Connection, view: i32) -> rusqlite::Result<Vec<(String, i32, i32)>> {
    let mut statement = connection.prepare_cached(
        r#"SELECT name, type_id, max_length FROM db."$columns" WHERE object_id = ?1 ORDER BY column_id"#,
    )?;
    let rows = statement.query_map([view], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
    rows.collect()
}

/// Writes a module's text, anew or in the place of the one before.
pub fn store(
    connection: &Connection,
    object_id: i32,
    definition: &str,
    bound_to: Option<&str>,
) -> rusqlite::Result<()> {
    connection.execute(
        r#"INSERT INTO db."$modules"(object_id, definition, bound_to) VALUES (?1, ?2, ?3)
           ON CONFLICT (object_id) DO UPDATE SET definition = excluded.definition, bound_to = excluded.bound_to"#,
        (object_id, definition, bound_to),
    )?;
    Ok(())
}

/// Forgets what the catalog keeps of an object, and of those that belong to it, beyond its row in `sys.objects`.
pub fn delete(connection: &Connection, object_id: i32) -> rusqlite::Result<()> {
    for table in ["$modules", "$trigger_events", "$parameters", "$sequences"] {
        connection.execute(
            &format!(
                r#"DELETE FROM db."{table}" WHERE object_id IN
                   (SELECT object_id FROM db."$objects" WHERE ?1 IN (object_id, parent_object_id))"#
            ),
            [object_id],
        )?;
    }
    Ok(())
}

/// A module that runs.
#[derive(Debug, Clone)]
pub struct Running {
    /// `@@PROCID`.
    pub object_id: i32,
    /// Name for errors.
    pub name: String,
    /// What a trigger was fired by.
    pub fired: Option<Fired>,
}

/// What a trigger was fired by.
#[derive(Debug, Clone)]
pub struct Fired {
    /// Number of the firing, under which the changed rows lie.
    pub run: i64,
    /// `column_id`s and names of the columns that the statement wrote.
    pub updated: Vec<(i32, String)>,
    /// The largest `column_id` of the table.
    pub last_column: i32,
}

impl Fired {
    /// `UPDATE(column)`.
    pub fn writes(&self, column: &str) -> bool {
        let column = fold(column);
        self.updated.iter().any(|(_, name)| fold(name) == column)
    }

    /// `COLUMNS_UPDATED()`: a bit a column, the first one the least significant of the first byte.
    pub fn mask(&self) -> Vec<u8> {
        let mut mask = vec![0; (self.last_column.max(1) as usize).div_ceil(8)];
        for (column_id, _) in &self.updated {
            let bit = (*column_id - 1) as usize;
            mask[bit / 8] |= 1 << (bit % 8);
        }
        mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_has_its_first_column_in_the_lowest_bit_of_the_first_byte() {
        let updated = vec![(2, "B".to_owned()), (9, "i".to_owned())];
        let fired = Fired { run: 1, updated, last_column: 10 };
        assert_eq!(fired.mask(), [0b10, 0b1]);
        assert!(fired.writes("b") && !fired.writes("a"));
    }
}
