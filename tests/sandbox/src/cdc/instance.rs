//! Capture instances: what of a table is captured, made and dropped.
//!
//! <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql>

use super::errors;
use super::lsn::Lsn;
use super::permissions;
use super::queries::{ALL_CHANGES, NET_CHANGES};
use super::triggers::{Capture, CapturedColumn};
use super::visible::{self, LSN, SCHEMA, VisibleColumn};
use crate::engine::catalog::{Catalog, Index, TableEntry, same_name};
use crate::engine::catalog_store::delete_object;
use crate::engine::session::SqlSession;
use crate::engine::storage_error;
use crate::engine::system_types::type_name;
use crate::error::{SqlError, SqlResult};
use crate::types::{Length, SqlType};
use rusqlite::{Connection, params};
use std::sync::Arc;

/// Columns of a change table before the captured ones, the last of which is the mask.
const LEADING_COLUMNS: i32 = 5;
const MASK_COLUMN: i32 = 5;
/// `index_id` of a clustered index.
const CLUSTERED: i32 = 1;
/// Longest name of a capture instance.
const MAX_INSTANCE_NAME: usize = 100;
/// Capture instances of one table.
const MAX_INSTANCES: usize = 2;
/// Columns that a change table can capture: the mask has 128 bytes.
const MAX_COLUMNS: usize = 1024;
/// Columns of the index that net changes go by.
const MAX_KEY: usize = 14;
/// Names that a change table has for itself.
const RESERVED: &[&str] =
    &["__$start_lsn", "__$end_lsn", "__$seqval", "__$operation", "__$update_mask", "__$command_id"];

/// A row of `cdc.change_tables`, as far as it is needed.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Change table.
    pub object_id: i32,
    /// Source table.
    pub source_object_id: i32,
    /// Name.
    pub name: String,
    /// Gating role.
    pub role: Option<String>,
    /// Low end point.
    pub start: Lsn,
}

impl Instance {
    /// Whether a session may see its changes.
    pub fn is_visible_to(&self, session: &SqlSession) -> bool {
        permissions::check(&session.shared, self.role.as_deref(), self.source_object_id).is_ok()
    }
}

/// What `sys.sp_cdc_enable_table` was asked for.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `@source_schema`.
    pub schema: String,
    /// `@source_name`.
    pub table: String,
    /// `@capture_instance`.
    pub instance: Option<String>,
    /// `@supports_net_changes`.
    pub net_changes: Option<bool>,
    /// `@role_name`.
    pub role: Option<String>,
    /// `@index_name`.
    pub index: Option<String>,
    /// `@captured_column_list`.
    pub columns: Option<String>,
    /// `@filegroup_name`.
    pub filegroup: Option<String>,
}

/// Every capture instance of the database.
pub fn all(connection: &Connection) -> rusqlite::Result<Vec<Instance>> {
    let mut statement = connection.prepare_cached(
        r#"SELECT object_id, source_object_id, capture_instance, start_lsn, role_name FROM db."$cdc_change_tables" ORDER BY object_id"#,
    )?;
    let rows = statement.query_map([], |row| {
        let start: Vec<u8> = row.get(3)?;
        Ok(Instance {
            object_id: row.get(0)?,
            source_object_id: row.get(1)?,
            name: row.get(2)?,
            role: row.get(4)?,
            start: Lsn::from_bytes(&start).unwrap_or_default(),
        })
    })?;
    rows.collect()
}

/// Those of one table.
pub fn of_table(connection: &Connection, table: i32) -> SqlResult<Vec<Instance>> {
    let mut instances = all(connection).map_err(storage_error)?;
    instances.retain(|instance| instance.source_object_id == table);
    Ok(instances)
}

/// Makes a capture instance whose low end point is `start`.
pub fn enable(connection: &Connection, catalog: &Catalog, request: &Request, start: Lsn, now: i64) -> SqlResult<()> {
    if same_name(&request.schema, SCHEMA) {
        return Err(errors::own_table());
    }
    let full_name = format!("{}.{}", request.schema, request.table);
    let source = catalog.table(&request.schema, &request.table).ok_or_else(|| errors::no_such_table(&full_name))?;
    let name = instance_name(request, source)?;
    let existing = all(connection).map_err(storage_error)?;
    if existing.iter().any(|other| same_name(&other.name, &name)) {
        return Err(errors::instance_exists(&name));
    }
    if existing.iter().filter(|other| other.source_object_id == source.table.object_id).count() >= MAX_INSTANCES {
        return Err(errors::two_instances(&full_name));
    }
    if let Some(filegroup) = request.filegroup.as_deref().filter(|filegroup| !same_name(filegroup, "PRIMARY")) {
        return Err(errors::no_such_filegroup(filegroup, &catalog.database));
    }
    let index = unique_index(request, source, &full_name)?;
    let positions = captured_positions(request, source, &full_name)?;
    let net_changes = request.net_changes.unwrap_or(index.is_some());
    if net_changes {
        let Some(index) = index else { return Err(errors::net_changes_without_key()) };
        if !index.key.iter().all(|(position, _)| positions.contains(position)) {
            return Err(errors::key_not_captured());
        }
        if index.key.len() > MAX_KEY {
            return Err(errors::wide_index(&index.name, &source.table.schema, &source.table.name));
        }
    }
    if let Some(role) = &request.role
        && !visible::make_role(connection, role, now).map_err(storage_error)?
    {
        return Err(SqlError::unsupported("a gating role whose name something else has"));
    }
    let made = Made { source, name: &name, index, positions: &positions, net_changes, request };
    made.store(connection, start, now).map_err(storage_error)
}

/// Columns of the index that net changes go by; none if the instance does not support them.
pub fn net_key(connection: &Connection, change_table: i32) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached(
        r#"SELECT i.column_name FROM db."$cdc_index_columns" i JOIN db."$cdc_change_tables" t USING (object_id)
           WHERE object_id = ?1 AND t.supports_net_changes ORDER BY i.index_ordinal"#,
    )?;
    statement.query_map([change_table], |row| row.get(0))?.collect()
}

fn instance_name(request: &Request, source: &TableEntry) -> SqlResult<String> {
    let name = match &request.instance {
        Some(name) => name.trim_end().to_owned(),
        None => format!("{}_{}", source.table.schema, source.table.name),
    };
    if name.chars().count() > MAX_INSTANCE_NAME {
        return Err(errors::instance_too_long(&name));
    }
    Ok(name)
}

/// The index that identifies rows: the one named, else the primary key.
fn unique_index<'a>(request: &Request, source: &'a TableEntry, full_name: &str) -> SqlResult<Option<&'a Index>> {
    let Some(name) = request.index.as_deref() else {
        return Ok(source.indexes.iter().find(|index| index.primary_key));
    };
    let index = source.indexes.iter().find(|index| same_name(&index.name, name));
    let index = index.ok_or_else(|| errors::no_such_index(name, full_name))?;
    if !index.unique {
        return Err(errors::index_not_unique(name, full_name));
    }
    if index.key.iter().any(|(position, _)| source.table.columns[*position].nullable) {
        return Err(errors::nullable_index(name, full_name));
    }
    if index.filter.is_some() {
        return Err(SqlError::unsupported("rows of CDC identified by a filtered index"));
    }
    Ok(Some(index))
}

/// Positions of the captured columns, in the order of the source whatever the order of the list.
fn captured_positions(request: &Request, source: &TableEntry, full_name: &str) -> SqlResult<Vec<usize>> {
    let mut positions: Vec<usize> = match &request.columns {
        None => (0..source.table.columns.len()).collect(),
        Some(list) => split_names(list)?
            .iter()
            .map(|name| source.find(name).ok_or_else(|| errors::no_such_column(name, full_name)))
            .collect::<SqlResult<_>>()?,
    };
    positions.sort_unstable();
    positions.dedup();
    if positions.iter().any(|&at| RESERVED.iter().any(|name| same_name(name, &source.table.columns[at].name))) {
        return Err(errors::reserved_columns(full_name));
    }
    if positions.len() > MAX_COLUMNS {
        return Err(SqlError::unsupported(format!("more than {MAX_COLUMNS} captured columns")));
    }
    Ok(positions)
}

/// Splits `@captured_column_list`: names between commas, perhaps in brackets or double quotes.
fn split_names(list: &str) -> SqlResult<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = list.trim_start();
    loop {
        let close = match rest.chars().next() {
            Some('[') => Some(']'),
            Some('"') => Some('"'),
            _ => None,
        };
        let Some(close) = close else {
            let (name, after) = rest.split_once(',').map_or((rest, None), |(name, after)| (name, Some(after)));
            names.push(name.trim().to_owned());
            let Some(after) = after else { return Ok(names) };
            rest = after.trim_start();
            continue;
        };
        let mut name = String::new();
        let mut chars = rest[1..].char_indices();
        let end = loop {
            match chars.next() {
                None => return Err(errors::unterminated_column()),
                Some((at, c)) if c == close => {
                    if !rest[1 + at + 1..].starts_with(close) {
                        break 1 + at + 1;
                    }
                    name.push(c);
                    chars.next();
                }
                Some((_, c)) => name.push(c),
            }
        };
        names.push(name);
        let after = rest[end..].trim_start();
        if after.is_empty() {
            return Ok(names);
        }
        rest = after.strip_prefix(',').ok_or_else(errors::unterminated_column)?.trim_start();
    }
}

/// A capture instance about to be stored.
struct Made<'a> {
    source: &'a Arc<TableEntry>,
    name: &'a str,
    index: Option<&'a Index>,
    positions: &'a [usize],
    net_changes: bool,
    request: &'a Request,
}

impl Made<'_> {
    fn store(&self, connection: &Connection, start: Lsn, now: i64) -> rusqlite::Result<()> {
        let table = &self.source.table;
        let columns: Vec<CapturedColumn> = self
            .positions
            .iter()
            .map(|&at| {
                let column = &table.columns[at];
                CapturedColumn {
                    name: column.name.clone(),
                    ty: CapturedColumn::type_of(&column.ty),
                    collation: column.collation.clone(),
                    source: column.computed.is_none().then(|| column.name.clone()),
                }
            })
            .collect();
        let change_table = format!("{}_CT", self.name);
        let object_id = visible::add_table(connection, &change_table, None, &visible_columns(&columns), now)?;
        let capture = Capture {
            object_id,
            source: self.source.storage.clone(),
            view: format!("{SCHEMA}.{change_table}"),
            columns,
            moving_columns: moving_columns(self.source),
        };
        capture.create(connection)?;
        self.add_indexes(connection, object_id)?;
        visible::add_function(connection, &format!("{ALL_CHANGES}{}", self.name), now)?;
        if self.net_changes {
            visible::add_function(connection, &format!("{NET_CHANGES}{}", self.name), now)?;
        }
        connection.execute(
            r#"INSERT INTO db."$cdc_change_tables" VALUES (?1, 0, ?2, ?3, ?4, NULL, ?5, NULL, ?6, ?7, ?8, ?9, 1)"#,
            params![
                object_id,
                table.object_id,
                self.name,
                start.to_bytes(),
                self.net_changes,
                self.request.role,
                self.index.map(|index| &index.name),
                self.request.filegroup,
                now
            ],
        )?;
        for (ordinal, &at) in self.positions.iter().enumerate() {
            let column = &table.columns[at];
            connection.execute(
                r#"INSERT INTO db."$cdc_captured_columns" VALUES (?1, ?2, ?3, ?4, ?5, ?6)"#,
                params![
                    object_id,
                    column.name,
                    self.source.column_ids[at],
                    type_name(&column.ty),
                    ordinal as i64 + 1,
                    column.computed.is_some()
                ],
            )?;
        }
        for (ordinal, (at, _)) in self.index.iter().flat_map(|index| index.key.iter()).enumerate() {
            connection.execute(
                r#"INSERT INTO db."$cdc_index_columns" VALUES (?1, ?2, ?3, ?4)"#,
                params![object_id, table.columns[*at].name, ordinal as i64 + 1, self.source.column_ids[*at]],
            )?;
        }
        set_tracked(connection, table.object_id, true)
    }

    /// The indexes of the change table: its order, and for net changes the key.
    fn add_indexes(&self, connection: &Connection, change_table: i32) -> rusqlite::Result<()> {
        let captured = |ordinal: usize| LEADING_COLUMNS + ordinal as i32 + 1;
        // Columns 1, 3 and 4 are commit, sequence and operation; the command stands behind the captured ones.
        let order = [1, captured(self.positions.len()), 3, 4];
        visible::add_index(connection, change_table, (1, &format!("{}_CT_clustered_idx", self.name)), &order, &[])?;
        let Some(index) = self.index.filter(|_| self.net_changes) else { return Ok(()) };
        let key = index.key.iter().filter_map(|(at, _)| self.positions.iter().position(|position| position == at));
        let columns: Vec<i32> = key.map(captured).chain(order).collect();
        visible::add_index(connection, change_table, (2, &format!("{}_CT_idx", self.name)), &columns, &[MASK_COLUMN])
    }
}

/// The columns of a change table as clients see them.
fn visible_columns(captured: &[CapturedColumn]) -> Vec<VisibleColumn> {
    let mut columns = vec![
        VisibleColumn::new("__$start_lsn", LSN, false),
        VisibleColumn::new("__$end_lsn", LSN, true),
        VisibleColumn::new("__$seqval", LSN, false),
        VisibleColumn::new("__$operation", SqlType::Int, false),
        VisibleColumn::new("__$update_mask", SqlType::VarBinary(Length::N(128)), true),
    ];
    columns.extend(captured.iter().map(|column| VisibleColumn {
        name: column.name.clone(),
        ty: column.ty,
        collation: column.collation.clone(),
        nullable: true,
    }));
    columns.push(VisibleColumn::new("__$command_id", SqlType::Int, true));
    columns
}

/// Names of the columns of every unique index, and of the clustered one: a change of these moves the row.
pub fn moving_columns(source: &TableEntry) -> Vec<String> {
    let mut positions: Vec<usize> = source
        .indexes
        .iter()
        .filter(|index| index.unique || index.index_id == CLUSTERED)
        .flat_map(|index| index.key.iter().map(|key| key.0))
        .collect();
    positions.sort_unstable();
    positions.dedup();
    let columns = &source.table.columns;
    positions.iter().filter(|&&at| columns[at].computed.is_none()).map(|&at| columns[at].name.clone()).collect()
}

fn set_tracked(connection: &Connection, table: i32, tracked: bool) -> rusqlite::Result<()> {
    connection
        .execute(r#"UPDATE db."$objects" SET is_tracked_by_cdc = ?2 WHERE object_id = ?1"#, params![table, tracked])?;
    Ok(())
}

/// Drops a capture instance and everything it captured.
pub fn disable(connection: &Connection, instance: &Instance) -> SqlResult<()> {
    let run = || -> rusqlite::Result<()> {
        Capture::drop(instance.object_id, &format!("{SCHEMA}.{}_CT", instance.name), connection)?;
        delete_object(connection, instance.object_id)?;
        for prefix in [ALL_CHANGES, NET_CHANGES] {
            visible::remove_function(connection, &format!("{prefix}{}", instance.name))?;
        }
        for table in ["$cdc_change_tables", "$cdc_captured_columns", "$cdc_index_columns", "$cdc_ddl_history"] {
            connection.execute(&format!(r#"DELETE FROM db."{table}" WHERE object_id = ?1"#), [instance.object_id])?;
        }
        let left = all(connection)?.iter().any(|other| other.source_object_id == instance.source_object_id);
        set_tracked(connection, instance.source_object_id, left)
    };
    run().map_err(storage_error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn column_lists_are_split_at_commas_outside_of_quotes() {
        assert_eq!(split_names("a, b ,c").unwrap(), ["a", "b", "c"]);
        assert_eq!(split_names("[a,b], \"c\"\"d\" ,[e]]f]").unwrap(), ["a,b", "c\"d", "e]f"]);
        assert_eq!(split_names("[a, b").unwrap_err().number, 22965);
    }
}
