//! The catalog views: SELECTs over the catalog's own tables, pasted into statements as subqueries.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/catalog-views-transact-sql>.

mod definitions;
mod information_schema;
mod server;

use super::catalog::{Catalog, same_name};
use super::collation::default_name;
use super::meta::{Column, Table};
use super::quoting::{literal, quote};
use super::system_types::is_character;
use crate::types::{Length, SqlType};
use std::sync::Arc;

/// A column of a view: name, type, and the SQLite expression for it.
type ViewColumn = (&'static str, &'static str, &'static str);

/// A view.
struct View {
    schema: &'static str,
    name: &'static str,
    columns: &'static [ViewColumn],
    /// What follows `FROM`; empty for a view without rows.
    from: &'static str,
    /// The same in every database.
    server_wide: bool,
}

/// The first `object_id` of the views, counting down.
const FIRST_ID: i32 = -100;

fn all() -> impl Iterator<Item = &'static View> {
    definitions::VIEWS.iter().chain(information_schema::VIEWS).chain(server::VIEWS)
}

fn position(schema: &str, name: &str) -> Option<(i32, &'static View)> {
    (0..).zip(all()).find(|(_, v)| same_name(v.schema, schema) && same_name(v.name, name))
}

/// A view as a table to read; `None` if there is none of that name.
pub fn find(schema: &str, name: &str, catalog: &Catalog) -> Option<Arc<Table>> {
    let (position, view) = position(schema, name)?;
    Some(Arc::new(Table {
        database: catalog.database.clone(),
        schema: "sys".to_owned(),
        name: view.name.to_owned(),
        object_id: FIRST_ID - position,
        sqlite_name: text(view, catalog),
        writable: false,
        columns: view.columns.iter().map(column).collect(),
        primary_key: Vec::new(),
    }))
}

/// Whether a view is over the server, not over a database.
pub fn is_server_view(schema: &str, name: &str) -> bool {
    position(schema, name).is_some_and(|(_, view)| view.server_wide)
}

/// A view's `object_id`.
pub fn object_id(schema: &str, name: &str) -> Option<i32> {
    position(schema, name).map(|(position, _)| FIRST_ID - position)
}

/// Schema and name of a view by its id.
pub fn name_of(id: i32) -> Option<(&'static str, &'static str)> {
    let position = usize::try_from(FIRST_ID.checked_sub(id)?).ok()?;
    all().nth(position).map(|v| (v.schema, v.name))
}

fn column((name, ty, _): &ViewColumn) -> Column {
    let ty = type_of(ty);
    Column {
        name: (*name).to_owned(),
        ty,
        nullable: true,
        identity: None,
        collation: is_character(&ty).then(default_name),
        default: None,
        computed: None,
        sqlite_name: quote(name),
    }
}

/// The types that the definitions use.
fn type_of(name: &str) -> SqlType {
    match name {
        "bit" => SqlType::Bit,
        "tinyint" => SqlType::TinyInt,
        "smallint" => SqlType::SmallInt,
        "bigint" => SqlType::BigInt,
        "datetime" => SqlType::DateTime,
        "sql_variant" => SqlType::SqlVariant,
        "sysname" => SqlType::NVarChar(Length::N(128)),
        "nvarchar(1)" => SqlType::NVarChar(Length::N(1)),
        "nvarchar(35)" => SqlType::NVarChar(Length::N(35)),
        "nvarchar(60)" => SqlType::NVarChar(Length::N(60)),
        "nvarchar(128)" => SqlType::NVarChar(Length::N(128)),
        "nvarchar(255)" => SqlType::NVarChar(Length::N(255)),
        "nvarchar(256)" => SqlType::NVarChar(Length::N(256)),
        "nvarchar(max)" => SqlType::NVarChar(Length::Max),
        "char(1)" => SqlType::Char(1),
        "char(2)" => SqlType::Char(2),
        "char(4)" => SqlType::Char(4),
        "varchar(20)" => SqlType::VarChar(Length::N(20)),
        "varbinary(85)" => SqlType::VarBinary(Length::N(85)),
        _ => SqlType::Int,
    }
}

fn text(view: &View, catalog: &Catalog) -> String {
    let select: Vec<String> = view
        .columns
        .iter()
        .map(|(name, ty, expr)| {
            let expr = expand(expr, catalog);
            if type_of(ty) == SqlType::SqlVariant {
                format!("{expr} COLLATE {} AS {}", super::variant::COLLATION, quote(name))
            } else if is_character(&type_of(ty)) {
                format!("CAST({expr} AS TEXT) COLLATE {} AS {}", default_name(), quote(name))
            } else {
                format!("{expr} AS {}", quote(name))
            }
        })
        .collect();
    let rest = if view.from.is_empty() { "WHERE 0".to_owned() } else { format!("FROM {}", expand(view.from, catalog)) };
    format!("(SELECT {} {rest})", select.join(", "))
}

/// Fills in what a definition cannot say by itself.
fn expand(text: &str, catalog: &Catalog) -> String {
    if !text.contains('{') {
        return text.to_owned();
    }
    let mut out = text.to_owned();
    if out.contains("{row_count}") {
        out = out.replace("{row_count}", &row_count(catalog));
    }
    if out.contains("{types}") {
        out = out.replace("{types}", &definitions::types());
    }
    if out.contains("{views}") {
        out = out.replace("{views}", &view_rows());
    }
    out.replace("{database}", &literal(&catalog.database)).replace("{collation}", &literal(&default_name()))
}

/// The number of rows of the table whose `object_id` stands in `i.object_id`; each is counted only when it is asked for.
fn row_count(catalog: &Catalog) -> String {
    let mut text = "CASE i.object_id".to_owned();
    for table in catalog.tables() {
        text.push_str(&format!(
            " WHEN {} THEN (SELECT count(*) FROM {})",
            table.table.object_id, table.table.sqlite_name
        ));
    }
    text.push_str(" WHEN 0 THEN 0 ELSE 0 END");
    text
}

/// The views themselves, for `sys.all_objects`.
fn view_rows() -> String {
    let rows: Vec<String> = (0..)
        .zip(all())
        .map(|(position, v)| {
            let schema = if v.schema == "sys" { 4 } else { 3 };
            format!("SELECT {} AS object_id, {} AS name, {schema} AS schema_id", FIRST_ID - position, literal(v.name))
        })
        .collect();
    format!("({})", rows.join(" UNION ALL "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_view_is_valid_sqlite_over_an_empty_catalog() {
        let directory = tempfile::tempdir().unwrap();
        let options = super::super::EngineOptions::new("Password 1");
        let database = super::super::database::Database::new(5, "d", &directory.path().join("d.db"), 0, &options);
        database.create_file().unwrap();
        let connection = database.open().unwrap();
        connection
            .create_scalar_function("sandbox_server_view", 1, rusqlite::functions::FunctionFlags::SQLITE_UTF8, |_| {
                Ok("[]".to_owned())
            })
            .unwrap();
        connection
            .create_scalar_function("sandbox_identity_last", 2, rusqlite::functions::FunctionFlags::SQLITE_UTF8, |_| {
                Ok(Option::<Vec<u8>>::None)
            })
            .unwrap();
        let catalog = Catalog::load(&connection, "d", 1).unwrap();
        for view in all() {
            let sql = format!("SELECT * FROM {}", text(view, &catalog));
            connection.prepare(&sql).unwrap_or_else(|e| panic!("{}.{}: {e}", view.schema, view.name));
        }
    }
}
