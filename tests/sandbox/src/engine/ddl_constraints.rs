//! Keys, CHECK and FOREIGN KEY constraints: their catalog rows and the SQLite indexes behind them.

use super::catalog::{Index, TableEntry};
use super::catalog_store::{foreign_key_storage, index_storage, null_index_storage};
use super::compile;
use super::frame::Frame;
use super::meta::Scope;
use super::quoting::quote;
use super::scope::{TEMPORARY_DATABASE, written};
use super::session::SqlSession;
use super::stop::Exec;
use super::table_design::{Design, DesignForeignKey, DesignKey, key_positions};
use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::{ConstraintKind, ReferentialAction};
use crate::tsql::parse_expr;
use rusqlite::params;
use std::sync::Arc;

impl SqlSession {
    /// Stores the design's keys as constraints and indexes of a table.
    pub(super) fn add_keys(&mut self, table: i32, design: &Design) -> Exec<()> {
        for key in &design.keys {
            self.add_key(table, key)?;
        }
        Ok(())
    }

    fn add_key(&mut self, table: i32, key: &DesignKey) -> Exec<()> {
        let entry = self.entry(table)?;
        let shown = key.name.clone().unwrap_or_default();
        let positions = key_positions(&entry.table, &key.columns, &shown)?;
        check_primary(&entry, key, &positions)?;
        let kind = if key.primary { ("PK", "PK") } else { ("UQ", "UQ") };
        let names = (entry.table.name.as_str(), None);
        let constraint = self.add_constraint_object(table, key.name.as_deref(), kind, names, entry.schema_id)?;
        let name: String =
            self.connection
                .query_row(r#"SELECT name FROM db."$objects" WHERE object_id = ?1"#, [constraint], |r| r.get(0))?;
        // A second clustered index is refused for indexes written so; a key that is clustered by default gives way.
        let clustered = key.clustered && !entry.indexes.iter().any(|i| i.index_id == 1);
        let index = Index {
            index_id: next_index_id(&entry, clustered),
            name,
            unique: true,
            primary_key: key.primary,
            constraint_id: Some(constraint),
            key: positions,
            filter: None,
        };
        self.store_index(&entry, &index, &[], key.name.is_none())?;
        self.table_changed(table)?;
        Ok(())
    }

    /// Stores an index in the catalog.
    pub(super) fn store_index(
        &self,
        entry: &TableEntry,
        index: &Index,
        include: &[usize],
        system_named: bool,
    ) -> Exec<()> {
        let table = entry.table.object_id;
        self.connection.execute(
            r#"INSERT INTO db."$indexes" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"#,
            params![
                table,
                index.index_id,
                index.name,
                index.unique,
                index.constraint_id,
                index.primary_key,
                index.filter,
                system_named
            ],
        )?;
        let keys = index.key.iter().map(|&(position, descending)| (position, descending, false));
        let included = include.iter().map(|&position| (position, false, true));
        for ((position, descending, included), ordinal) in keys.chain(included).zip(1..) {
            self.connection.execute(
                r#"INSERT INTO db."$index_columns" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"#,
                params![
                    table,
                    index.index_id,
                    ordinal,
                    entry.column_ids[position],
                    if included { 0 } else { ordinal },
                    descending,
                    included
                ],
            )?;
        }
        Ok(())
    }

    /// Makes the SQLite indexes of an index; error 1505 when rows are not unique.
    pub(super) fn create_index_storage(&self, entry: &TableEntry, index: &Index) -> Exec<()> {
        let temporary = entry.table.database == TEMPORARY_DATABASE;
        let database = if temporary { "temp" } else { "db" };
        let table = entry.table.object_id;
        let storage = quote(&entry.storage);
        let columns: Vec<String> = index
            .key
            .iter()
            .map(|&(p, descending)| {
                format!("{}{}", entry.table.columns[p].sqlite_name, if descending { " DESC" } else { "" })
            })
            .collect();
        let filter = match &index.filter {
            Some(text) => {
                let frame = Frame::default();
                let sql = compile::check_to_sqlite(&parse_expr(text)?, &entry.table, &self.empty_scope(&frame))?;
                format!(" WHERE {sql}")
            }
            None => String::new(),
        };
        let unique = if index.unique { "UNIQUE " } else { "" };
        let name = quote(&index_storage(table, index.index_id));
        let sql = format!("CREATE {unique}INDEX {database}.{name} ON {storage}({}){filter}", columns.join(", "));
        self.connection.execute_batch(&sql).map_err(|e| self.duplicate_key(&e, entry, index))?;
        let nullable: Vec<&str> = index
            .key
            .iter()
            .map(|&(p, _)| &entry.table.columns[p])
            .filter(|c| c.nullable)
            .map(|c| c.sqlite_name.as_str())
            .collect();
        if !index.unique || nullable.is_empty() {
            return Ok(());
        }
        // SQLite tells NULLs apart in a unique index, SQL Server does not.
        let mut parts = Vec::new();
        for &(position, _) in &index.key {
            let column = &entry.table.columns[position];
            let name = &column.sqlite_name;
            if column.nullable {
                parts.push(format!("({name} IS NULL)"));
                let collated = column.collation.as_ref().map_or(String::new(), |c| format!(" COLLATE {}", quote(c)));
                parts.push(format!("ifnull({name}, 0){collated}"));
            } else {
                parts.push(name.clone());
            }
        }
        let any_null = nullable.iter().map(|n| format!("{n} IS NULL")).collect::<Vec<_>>().join(" OR ");
        let condition = match filter.strip_prefix(" WHERE ") {
            Some(filter) => format!("({any_null}) AND ({filter})"),
            None => any_null,
        };
        let name = quote(&null_index_storage(table, index.index_id));
        let sql = format!("CREATE UNIQUE INDEX {database}.{name} ON {storage}({}) WHERE {condition}", parts.join(", "));
        self.connection.execute_batch(&sql).map_err(|e| self.duplicate_key(&e, entry, index))?;
        Ok(())
    }

    /// Error 1505 for rows that break a unique index that is being made.
    fn duplicate_key(&self, error: &rusqlite::Error, entry: &TableEntry, index: &Index) -> super::stop::Stop {
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) {
            let value = self.shared_key(entry, index).map(|value| format!(" The duplicate key value is {value}."));
            let value = value.unwrap_or_default();
            let text = format!(
                "The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the object name '{}' and the index name \
                 '{}'.{value}",
                entry.full_name(),
                index.name
            );
            return SqlError::new(1505, text).into();
        }
        super::stop::Stop::Error(super::storage_message(error))
    }

    /// Drops the SQLite indexes of an index.
    pub(super) fn drop_index_storage(&self, entry: &TableEntry, index: &Index) -> Exec<()> {
        let database = if entry.table.database == TEMPORARY_DATABASE { "temp" } else { "db" };
        for name in index.storage(entry.table.object_id) {
            self.connection.execute_batch(&format!("DROP INDEX IF EXISTS {database}.{}", quote(&name)))?;
        }
        Ok(())
    }

    /// A parent row that goes has to find its children: an index for each foreign key that no other index serves.
    pub(super) fn create_foreign_key_indexes(&self, entry: &TableEntry) -> Exec<()> {
        for key in &entry.foreign_keys {
            let columns: Vec<usize> = key.columns.iter().filter_map(|(child, _)| entry.position(*child)).collect();
            let served = entry.indexes.iter().any(|index| {
                index.filter.is_none()
                    && index.key.len() >= columns.len()
                    && index.key[..columns.len()].iter().all(|(p, _)| columns.contains(p))
            });
            if served {
                continue;
            }
            let names: Vec<&str> = columns.iter().map(|&p| entry.table.columns[p].sqlite_name.as_str()).collect();
            let name = quote(&foreign_key_storage(key.object_id));
            let sql =
                format!("CREATE INDEX IF NOT EXISTS db.{name} ON {}({})", quote(&entry.storage), names.join(", "));
            self.connection.execute_batch(&sql)?;
        }
        Ok(())
    }

    /// Stores CHECK constraints after compiling them.
    pub(super) fn add_checks(&mut self, table: i32, design: &Design, trusted: bool) -> Exec<()> {
        let entry = self.entry(table)?;
        for check in &design.checks {
            let frame = Frame::default();
            let scope = self.empty_scope(&frame);
            compile::check_to_sqlite(&check.expr, &entry.table, &scope as &dyn Scope)?;
            let column = check.column.as_deref().and_then(|name| entry.find(name));
            let names = (entry.table.name.as_str(), check.column.as_deref());
            let id = self.add_constraint_object(table, check.name.as_deref(), ("C", "CK"), names, entry.schema_id)?;
            self.connection.execute(
                r#"INSERT INTO db."$checks" VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7)"#,
                params![
                    id,
                    table,
                    column.map_or(0, |p| entry.column_ids[p]),
                    check.text,
                    !trusted,
                    check.nfr,
                    check.name.is_none()
                ],
            )?;
        }
        Ok(())
    }

    /// Stores FOREIGN KEY constraints after finding what they refer to.
    pub(super) fn add_foreign_keys(&mut self, table: i32, design: &Design, trusted: bool) -> Exec<()> {
        for key in &design.foreign_keys {
            self.add_foreign_key(table, key, trusted)?;
        }
        Ok(())
    }

    fn add_foreign_key(&mut self, table: i32, key: &DesignForeignKey, trusted: bool) -> Exec<()> {
        let ConstraintKind::ForeignKey {
            columns,
            table: parent_name,
            referenced,
            on_delete,
            on_update,
            not_for_replication,
        } = &key.kind
        else {
            return Ok(());
        };
        let entry = self.entry(table)?;
        let shown = key.name.clone().unwrap_or_else(|| format!("FK__{}", entry.table.name));
        let catalog = self.catalog();
        let schema = parent_name.schema.as_deref().unwrap_or("dbo");
        let parent = catalog.table(schema, &parent_name.name).cloned().ok_or_else(|| {
            SqlError::new(1767, format!("Foreign key '{shown}' references invalid table '{}'.", written(parent_name)))
        })?;
        self.require("REFERENCES", parent.table.object_id)?;
        let children = positions(&entry, columns, || {
            format!(
                "Foreign key '{shown}' references invalid column '{{}}' in referencing table '{}'.",
                entry.table.name
            )
        })?;
        let parents = if referenced.is_empty() {
            let key = parent.table.primary_key.clone();
            if key.is_empty() {
                let text = format!(
                    "There are no primary or candidate keys in the referenced table '{}' that match the referencing column list in the \
                     foreign key '{shown}'.",
                    written(parent_name)
                );
                return Err(SqlError::new(1773, text).into());
            }
            key
        } else {
            positions(&parent, referenced, || {
                format!(
                    "Foreign key '{shown}' references invalid column '{{}}' in referenced table '{}'.",
                    written(parent_name)
                )
            })
            .map_err(|error| SqlError { number: 1770, ..error })?
        };
        if children.len() != parents.len() {
            let text = format!(
                "Number of referencing columns in foreign key differs from number of referenced columns, table '{}'.",
                entry.table.name
            );
            return Err(SqlError::new(8139, text).into());
        }
        let Some(index) = parent.indexes.iter().find(|i| serves(i, &parents)) else {
            let text = format!(
                "There are no primary or candidate keys in the referenced table '{}' that match the referencing column list in the foreign \
                 key '{shown}'.",
                written(parent_name)
            );
            return Err(SqlError::new(1776, text).into());
        };
        self.check_foreign_key_types(&entry, &parent, (&children, &parents), &shown)?;
        let on_delete = action(*on_delete)?;
        let on_update = action(*on_update)?;
        for cascades in [on_delete, on_update] {
            if cascades > 0 && self.second_path(table, parent.table.object_id)? {
                let text = format!(
                    "Introducing FOREIGN KEY constraint '{shown}' on table '{}' may cause cycles or multiple cascade paths. Specify ON \
                     DELETE NO ACTION or ON UPDATE NO ACTION, or modify other FOREIGN KEY constraints.",
                    entry.table.name
                );
                return Err(SqlError::new(1785, text).with_state(0).into());
            }
        }
        let versioned = entry.table.columns.iter().any(|c| c.ty == crate::types::SqlType::RowVersion);
        if versioned && (on_delete > 1 || on_update > 0) {
            let what = "foreign keys that change rows of a table with a rowversion column";
            return Err(SqlError::unsupported(what).into());
        }
        let names = (entry.table.name.as_str(), columns.first().map(String::as_str));
        let id = self.add_constraint_object(table, key.name.as_deref(), ("F", "FK"), names, entry.schema_id)?;
        self.connection.execute(
            r#"INSERT INTO db."$foreign_keys" VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7, ?8, ?9)"#,
            params![
                id,
                table,
                parent.table.object_id,
                index.index_id,
                !trusted,
                not_for_replication,
                on_delete,
                on_update,
                key.name.is_none()
            ],
        )?;
        for ((child, parent_position), ordinal) in children.iter().zip(&parents).zip(1..) {
            self.connection.execute(
                r#"INSERT INTO db."$foreign_key_columns" VALUES (?1, ?2, ?3, ?4)"#,
                params![id, ordinal, entry.column_ids[*child], parent.column_ids[*parent_position]],
            )?;
        }
        Ok(())
    }

    /// Whether a change that cascades from `parent` to `child` could come back to `parent`, or could reach a table from another one
    /// in two ways.
    fn second_path(&self, child: i32, parent: i32) -> Exec<bool> {
        // The catalog in memory does not have the other keys of this statement yet.
        let mut statement = self.connection.prepare_cached(
            r#"SELECT referenced_object_id, parent_object_id FROM db."$foreign_keys" WHERE delete_action > 0 OR update_action > 0"#,
        )?;
        let edges = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?;
        let mut edges: Vec<(i32, i32)> = edges.collect::<rusqlite::Result<_>>()?;
        edges.push((parent, child));
        // Paths are counted from each table; a table that is reached twice, or reaches itself, is one too many.
        let tables: std::collections::BTreeSet<i32> = edges.iter().flat_map(|(from, to)| [*from, *to]).collect();
        Ok(tables.iter().any(|&start| {
            let mut reached = std::collections::BTreeSet::from([start]);
            let mut open = vec![start];
            while let Some(from) = open.pop() {
                for (_, to) in edges.iter().filter(|(edge, _)| *edge == from) {
                    if !reached.insert(*to) {
                        return true;
                    }
                    open.push(*to);
                }
            }
            false
        }))
    }

    fn check_foreign_key_types(
        &self,
        child: &Arc<TableEntry>,
        parent: &Arc<TableEntry>,
        (children, parents): (&[usize], &[usize]),
        name: &str,
    ) -> SqlResult<()> {
        use super::type_rules::family;
        for (&c, &p) in children.iter().zip(parents) {
            let (ours, theirs) = (&child.table.columns[c], &parent.table.columns[p]);
            let text_like = super::system_types::is_character(&ours.ty) && family(&ours.ty) == family(&theirs.ty);
            let same = std::mem::discriminant(&ours.ty) == std::mem::discriminant(&theirs.ty)
                && (text_like || ours.ty == theirs.ty || family(&ours.ty) == super::type_rules::Family::Binary);
            if !same {
                let text = format!(
                    "Column '{}.{}' is not the same data type as referencing column '{}.{}' in foreign key '{name}'.",
                    parent.full_name(),
                    theirs.name,
                    child.table.name,
                    ours.name
                );
                return Err(SqlError::new(1778, text));
            }
        }
        Ok(())
    }
}

/// What a primary key asks of its table: errors 1779 and 8111.
pub(super) fn check_primary(entry: &TableEntry, key: &DesignKey, positions: &[(usize, bool)]) -> SqlResult<()> {
    if !key.primary {
        return Ok(());
    }
    if entry.indexes.iter().any(|i| i.primary_key) {
        let text = format!("Table '{}' already has a primary key defined on it.", entry.table.name);
        return Err(SqlError::new(1779, text).with_state(0));
    }
    if positions.iter().any(|&(p, _)| entry.table.columns[p].nullable) {
        let text = format!("Cannot define PRIMARY KEY constraint on nullable column in table '{}'.", entry.table.name);
        return Err(SqlError::new(8111, text));
    }
    Ok(())
}

/// Whether an index is a key over exactly these columns.
fn serves(index: &Index, columns: &[usize]) -> bool {
    index.unique
        && index.filter.is_none()
        && index.key.len() == columns.len()
        && index.key.iter().all(|(position, _)| columns.contains(position))
}

fn positions(entry: &TableEntry, names: &[String], message: impl Fn() -> String) -> SqlResult<Vec<usize>> {
    names
        .iter()
        .map(|name| entry.find(name).ok_or_else(|| SqlError::new(1769, message().replace("{}", name))))
        .collect()
}

fn action(action: ReferentialAction) -> SqlResult<u8> {
    match action {
        ReferentialAction::NoAction => Ok(0),
        ReferentialAction::Cascade => Ok(1),
        ReferentialAction::SetNull => Ok(2),
        ReferentialAction::SetDefault => Err(SqlError::unsupported("ON DELETE or ON UPDATE SET DEFAULT")),
    }
}

/// The id for a new index: 1 for the clustered one, else the next from 2.
pub(super) fn next_index_id(entry: &TableEntry, clustered: bool) -> i32 {
    if clustered {
        return 1;
    }
    entry.indexes.iter().map(|i| i.index_id).max().unwrap_or(1).max(1) + 1
}
