//! The names that SQLite's constraint errors leave out, from the catalog.

use super::catalog::{TableEntry, same_name};
use super::catalog_store::null_index_storage;
use super::constraint_errors::{ConstraintNames, UniqueName};
use super::scope::TEMPORARY_DATABASE;
use super::session::SqlSession;
use crate::error::SqlError;
use std::sync::Arc;

/// Looks names up for a statement of a session.
pub struct CatalogNames<'a> {
    /// The session.
    pub session: &'a SqlSession,
}

impl CatalogNames<'_> {
    fn entry(&self, storage: &str) -> Option<Arc<TableEntry>> {
        let catalog = self.session.catalog();
        if let Some(entry) = catalog.tables().into_iter().find(|t| t.storage == storage) {
            return Some(Arc::clone(entry));
        }
        let state = self.session.shared.state();
        state.temporary.values().map(|t| &t.entry).find(|t| t.storage == storage).cloned()
    }

    fn all(&self) -> Vec<Arc<TableEntry>> {
        let catalog = self.session.catalog();
        let mut all: Vec<Arc<TableEntry>> = catalog.tables().into_iter().cloned().collect();
        let state = self.session.shared.state();
        all.extend(state.temporary.values().map(|t| Arc::clone(&t.entry)));
        all
    }

    fn index(&self, sqlite_index: &str) -> Option<UniqueName> {
        for entry in self.all() {
            let id = entry.table.object_id;
            if let Some(index) = entry.indexes.iter().find(|i| null_index_storage(id, i.index_id) == sqlite_index) {
                return Some(unique_name(&entry, index));
            }
        }
        None
    }
}

fn unique_name(entry: &TableEntry, index: &super::catalog::Index) -> UniqueName {
    let constraint = match (index.primary_key, index.constraint_id) {
        (true, _) => Some("PRIMARY KEY"),
        (false, Some(_)) => Some("UNIQUE KEY"),
        (false, None) => None,
    };
    UniqueName { name: index.name.clone(), constraint, object: entry.full_name() }
}

impl ConstraintNames for CatalogNames<'_> {
    fn unique(&self, sqlite_table: &str, columns: &[String]) -> Option<UniqueName> {
        // An index over expressions is reported by its own name.
        if let Some(name) = columns.first().and_then(|c| c.strip_prefix("index '")) {
            return self.index(name.trim_end_matches('\''));
        }
        let entry = self.entry(sqlite_table)?;
        let index = entry.indexes.iter().filter(|i| i.unique).find(|index| {
            index.key.len() == columns.len()
                && index.key.iter().zip(columns).all(|((p, _), name)| same_name(&entry.table.columns[*p].name, name))
        })?;
        Some(unique_name(&entry, index))
    }

    fn table(&self, sqlite_table: &str) -> Option<String> {
        let entry = self.entry(sqlite_table)?;
        let database = if entry.table.database == TEMPORARY_DATABASE {
            TEMPORARY_DATABASE.to_owned()
        } else {
            entry.table.database.clone()
        };
        Some(format!("{database}.{}", entry.full_name()))
    }

    fn check(&self, constraint: &str) -> Option<String> {
        self.all().iter().find_map(|entry| {
            let check = entry.checks.iter().find(|c| c.name == constraint)?;
            Some(check.place(entry))
        })
    }

    /// Found by [`broken_foreign_key`](SqlSession::broken_foreign_key) instead, which may have to run the statement again.
    fn foreign_key(&self) -> Option<SqlError> {
        None
    }
}
