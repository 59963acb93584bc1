//! The `CREATE TABLE` by which SQLite knows a table of the catalog.

use super::catalog::{Catalog, ForeignKey, TableEntry};
use super::compile;
use super::encode::sqlite_type;
use super::meta::Scope;
use super::quoting::quote;
use crate::error::{SqlError, SqlResult};
use crate::tsql::parse_expr;

/// `"schema.table"(columns, constraints)`: what follows `CREATE TABLE [db.]`.
pub fn create(entry: &TableEntry, catalog: &Catalog, scope: &dyn Scope) -> SqlResult<String> {
    let mut parts = Vec::new();
    for (column, filler) in entry.table.columns.iter().zip(&entry.fillers) {
        let mut text = format!("{} {}", column.sqlite_name, sqlite_type(&column.ty, column.collation.as_deref()));
        if let Some(definition) = &column.computed {
            let (sql, _, _) = compile::computed_to_sqlite(&parse_expr(definition)?, &entry.table, scope)?;
            text.push_str(&format!(" GENERATED ALWAYS AS ({sql}) VIRTUAL"));
        }
        if !column.nullable {
            text.push_str(" NOT NULL");
        }
        if let Some(filler) = filler {
            text.push_str(&format!(" DEFAULT {filler}"));
        }
        parts.push(text);
    }
    for check in entry.checks.iter().filter(|c| !c.disabled) {
        let sql = compile::check_to_sqlite(&parse_expr(&check.definition)?, &entry.table, scope)?;
        parts.push(format!("CONSTRAINT {} CHECK ({sql})", quote(&check.name)));
    }
    for key in entry.foreign_keys.iter().filter(|f| !f.disabled) {
        parts.push(foreign_key(entry, key, catalog)?);
    }
    Ok(format!("{}({})", quote(&entry.storage), parts.join(", ")))
}

fn foreign_key(entry: &TableEntry, key: &ForeignKey, catalog: &Catalog) -> SqlResult<String> {
    let parent = if key.referenced_object_id == entry.table.object_id {
        None
    } else {
        Some(catalog.table_by_id(key.referenced_object_id).ok_or_else(|| broken(&key.name))?)
    };
    let parent: &TableEntry = parent.map_or(entry, |p| p);
    let mut columns = Vec::new();
    let mut referenced = Vec::new();
    for (child_id, parent_id) in &key.columns {
        let child = entry.position(*child_id).ok_or_else(|| broken(&key.name))?;
        let target = parent.position(*parent_id).ok_or_else(|| broken(&key.name))?;
        columns.push(entry.table.columns[child].sqlite_name.as_str());
        referenced.push(parent.table.columns[target].sqlite_name.as_str());
    }
    let mut text = format!(
        "FOREIGN KEY ({}) REFERENCES {}({})",
        columns.join(", "),
        quote(&parent.storage),
        referenced.join(", ")
    );
    for (event, action) in [("DELETE", key.on_delete), ("UPDATE", key.on_update)] {
        match action {
            1 => text.push_str(&format!(" ON {event} CASCADE")),
            2 => text.push_str(&format!(" ON {event} SET NULL")),
            _ => {}
        }
    }
    Ok(text)
}

fn broken(name: &str) -> SqlError {
    SqlError::new(8180, format!("sandbox: the catalog's rows of constraint {name} do not fit together."))
}
