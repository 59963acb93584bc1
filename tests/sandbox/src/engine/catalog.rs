//! A database's catalog in memory: what statements are compiled against. It is immutable; DDL makes a new one.

use super::alias_types::{self, AliasType};
use super::catalog_store::{ATTACHED, index_storage, null_index_storage};
use super::meta::{Column, Table};
use super::modules::Modules;
use super::principals::Principals;
use super::quoting::quote;
use super::system_types::{Facets, from_facets};
use super::table_types::TableType;
use crate::error::{SqlError, SqlResult};
use rusqlite::Connection;
use std::collections::HashMap;
use std::sync::Arc;

/// A schema.
#[derive(Debug, Clone)]
pub struct Schema {
    /// `schema_id`.
    pub schema_id: i32,
    /// Name.
    pub name: String,
    /// Its owner, who owns what is in it as well.
    pub owner: i32,
}

/// A row of `sys.objects`.
#[derive(Debug, Clone)]
pub struct Object {
    /// `object_id`.
    pub object_id: i32,
    /// Name.
    pub name: String,
    /// `schema_id`.
    pub schema_id: i32,
    /// Table that a constraint belongs to, else 0.
    pub parent_object_id: i32,
    /// `type` without padding.
    pub kind: String,
}

/// An index, primary key or unique constraint.
#[derive(Debug, Clone)]
pub struct Index {
    /// `index_id`.
    pub index_id: i32,
    /// Name.
    pub name: String,
    /// `is_unique`.
    pub unique: bool,
    /// Of the table's primary key.
    pub primary_key: bool,
    /// The key constraint's object, if it is one.
    pub constraint_id: Option<i32>,
    /// Positions in the table's columns of the key, in key order, with `DESC`.
    pub key: Vec<(usize, bool)>,
    /// T-SQL text of the filter.
    pub filter: Option<String>,
}

impl Index {
    /// SQLite's names of what stores it.
    pub fn storage(&self, table: i32) -> [String; 2] {
        [index_storage(table, self.index_id), null_index_storage(table, self.index_id)]
    }
}

/// A foreign key.
#[derive(Debug, Clone)]
pub struct ForeignKey {
    /// The constraint.
    pub object_id: i32,
    /// Its name.
    pub name: String,
    /// The table that has it.
    pub parent_object_id: i32,
    /// The table it refers to.
    pub referenced_object_id: i32,
    /// Index of the referenced table that it relies on.
    pub key_index_id: i32,
    /// `is_disabled`.
    pub disabled: bool,
    /// `column_id`s of the child and of the parent, in order.
    pub columns: Vec<(i32, i32)>,
    /// 0 no action, 1 cascade, 2 set null, 3 set default.
    pub on_delete: u8,
    /// Same.
    pub on_update: u8,
}

/// A CHECK constraint.
#[derive(Debug, Clone)]
pub struct Check {
    /// The constraint.
    pub object_id: i32,
    /// Its name.
    pub name: String,
    /// T-SQL text.
    pub definition: String,
    /// `is_disabled`.
    pub disabled: bool,
    /// Column it was written at.
    pub column: Option<String>,
}

impl Check {
    /// Where it stands, as error 547 writes it.
    pub fn place(&self, entry: &TableEntry) -> String {
        let column = self.column.as_ref().map(|c| format!(", column '{c}'")).unwrap_or_default();
        format!("database \"{}\", table \"{}\"{column}", entry.table.database, entry.full_name())
    }
}

/// A DEFAULT constraint.
#[derive(Debug, Clone)]
pub struct Default {
    /// The constraint.
    pub object_id: i32,
    /// Its name.
    pub name: String,
    /// Column.
    pub column_id: i32,
}

/// A table with what belongs to it.
#[derive(Debug, Clone)]
pub struct TableEntry {
    /// What the compiler sees.
    pub table: Arc<Table>,
    /// `schema_id`.
    pub schema_id: i32,
    /// Name within its SQLite file, unquoted.
    pub storage: String,
    /// `column_id` of each of the table's columns.
    pub column_ids: Vec<i32>,
    /// `column_id` of those that are `SPARSE`.
    pub sparse: Vec<i32>,
    /// Value of each column in rows older than it, as SQLite text.
    pub fillers: Vec<Option<String>>,
    /// Indexes in order of their ids.
    pub indexes: Vec<Index>,
    /// Foreign keys it has.
    pub foreign_keys: Vec<ForeignKey>,
    /// CHECK constraints.
    pub checks: Vec<Check>,
    /// DEFAULT constraints.
    pub defaults: Vec<Default>,
    /// Captured by CDC.
    pub tracked_by_cdc: bool,
}

impl TableEntry {
    /// Position of a column by its id.
    pub fn position(&self, column_id: i32) -> Option<usize> {
        self.column_ids.iter().position(|&id| id == column_id)
    }

    /// Position of a column by its name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.table.columns.iter().position(|c| same_name(&c.name, name))
    }

    /// `schema.name`, as messages write it.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.table.schema, self.table.name)
    }
}

/// Names compare without regard to case (the default collation).
pub fn same_name(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || (!(a.is_ascii() && b.is_ascii()) && a.to_lowercase() == b.to_lowercase())
}

/// The form under which names are looked up.
pub fn fold(name: &str) -> String {
    name.to_lowercase()
}

/// See the module.
#[derive(Debug, Default, Clone)]
pub struct Catalog {
    /// Unique among all catalogs of the process.
    pub version: u64,
    /// Database's name.
    pub database: String,
    /// Schemas.
    pub schemas: Vec<Schema>,
    /// Users, roles, permissions.
    pub principals: Arc<Principals>,
    /// Procedures, triggers and views.
    pub modules: Modules,
    /// Table types.
    pub table_types: Vec<TableType>,
    /// Alias types.
    pub alias_types: Vec<AliasType>,
    tables: HashMap<i32, Arc<TableEntry>>,
    objects: HashMap<i32, Object>,
    by_name: HashMap<(i32, String), i32>,
}

impl Catalog {
    /// A schema by name.
    pub fn schema(&self, name: &str) -> Option<&Schema> {
        self.schemas.iter().find(|s| same_name(&s.name, name))
    }

    /// A schema's name.
    pub fn schema_name(&self, id: i32) -> Option<&str> {
        self.schemas.iter().find(|s| s.schema_id == id).map(|s| s.name.as_str())
    }

    /// An object by schema and name.
    pub fn object(&self, schema: &str, name: &str) -> Option<&Object> {
        let schema = self.schema(schema)?;
        self.by_name.get(&(schema.schema_id, fold(name))).and_then(|id| self.objects.get(id))
    }

    /// An object by id.
    pub fn object_by_id(&self, id: i32) -> Option<&Object> {
        self.objects.get(&id)
    }

    /// Every object.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.values()
    }

    /// A table by schema and name.
    pub fn table(&self, schema: &str, name: &str) -> Option<&Arc<TableEntry>> {
        self.tables.get(&self.object(schema, name)?.object_id)
    }

    /// A table by id.
    pub fn table_by_id(&self, id: i32) -> Option<&Arc<TableEntry>> {
        self.tables.get(&id)
    }

    /// Every table, by id.
    pub fn tables(&self) -> Vec<&Arc<TableEntry>> {
        let mut tables: Vec<_> = self.tables.values().collect();
        tables.sort_by_key(|t| t.table.object_id);
        tables
    }

    /// Foreign keys that refer to a table.
    pub fn references_to(&self, table: i32) -> impl Iterator<Item = (&Arc<TableEntry>, &ForeignKey)> {
        self.tables
            .values()
            .flat_map(|t| t.foreign_keys.iter().map(move |f| (t, f)))
            .filter(move |(_, f)| f.referenced_object_id == table)
    }

    /// Reads the catalog of the database attached to a connection.
    pub fn load(connection: &Connection, database: &str, version: u64) -> SqlResult<Self> {
        let mut catalog = Self { version, database: database.to_owned(), ..Self::default() };
        catalog.read(connection, None)?;
        Ok(catalog)
    }

    /// The catalog after one table changed, came or went.
    pub fn reload(&self, connection: &Connection, table: i32, version: u64) -> SqlResult<Self> {
        let mut catalog = Self { version, ..self.clone() };
        catalog.objects.retain(|_, o| o.object_id != table && o.parent_object_id != table);
        let objects = &catalog.objects;
        catalog.by_name.retain(|_, id| objects.contains_key(id));
        catalog.tables.remove(&table);
        catalog.modules.retain(|id, _| objects.contains_key(id));
        catalog.read(connection, Some(table))?;
        Ok(catalog)
    }

    /// Reads everything, or what belongs to one table.
    fn read(&mut self, connection: &Connection, only: Option<i32>) -> SqlResult<()> {
        let mut building = HashMap::new();
        if only.is_none() {
            self.principals = Arc::new(Principals::load(connection).map_err(super::storage_error)?);
        }
        self.read_objects(connection, only, &mut building).map_err(super::storage_error)?;
        load_columns(connection, only, &mut building).map_err(super::storage_error)??;
        load_indexes(connection, only, &mut building).map_err(super::storage_error)?;
        load_constraints(connection, only, &self.objects, &mut building).map_err(super::storage_error)?;
        super::modules::load(connection, only, &self.objects, &mut self.modules).map_err(super::storage_error)?;
        self.table_types = super::table_types::load(connection).map_err(super::storage_error)?;
        self.alias_types = alias_types::load(connection).map_err(super::storage_error)?;
        self.tables.extend(building.into_iter().map(|(id, entry)| (id, Arc::new(entry))));
        Ok(())
    }

    fn read_objects(
        &mut self,
        connection: &Connection,
        only: Option<i32>,
        building: &mut HashMap<i32, TableEntry>,
    ) -> rusqlite::Result<()> {
        let mut statement = connection
            .prepare_cached(r#"SELECT schema_id, name, principal_id FROM db."$schemas" ORDER BY schema_id"#)?;
        let schemas =
            statement.query_map([], |r| Ok(Schema { schema_id: r.get(0)?, name: r.get(1)?, owner: r.get(2)? }))?;
        self.schemas = schemas.collect::<rusqlite::Result<_>>()?;
        let condition = only.map(|id| format!("WHERE {id} IN (object_id, parent_object_id)")).unwrap_or_default();
        let mut statement = connection.prepare_cached(&format!(
            r#"SELECT object_id, name, schema_id, parent_object_id, type, storage, read_only, is_tracked_by_cdc
               FROM db."$objects" {condition}"#
        ))?;
        let mut rows = statement.query([])?;
        while let Some(r) = rows.next()? {
            let object = Object {
                object_id: r.get(0)?,
                name: r.get(1)?,
                schema_id: r.get(2)?,
                parent_object_id: r.get(3)?,
                kind: r.get(4)?,
            };
            if object.kind == "U" {
                let schema = self.schema_name(object.schema_id).unwrap_or_default().to_owned();
                let storage: Option<String> = r.get(5)?;
                let entry = empty_entry(&self.database, schema, &object, storage, (r.get(6)?, r.get(7)?));
                building.insert(object.object_id, entry);
            }
            self.by_name.insert((object.schema_id, fold(&object.name)), object.object_id);
            self.objects.insert(object.object_id, object);
        }
        Ok(())
    }
}

/// A table of which only the row in `sys.objects` is known yet.
fn empty_entry(
    database: &str,
    schema: String,
    object: &Object,
    storage: Option<String>,
    (read_only, tracked_by_cdc): (bool, bool),
) -> TableEntry {
    let storage = storage.unwrap_or_else(|| format!("{schema}.{}", object.name));
    let table = Table {
        database: database.to_owned(),
        schema,
        name: object.name.clone(),
        object_id: object.object_id,
        sqlite_name: format!("{}.{}", quote(ATTACHED), quote(&storage)),
        writable: !read_only,
        columns: Vec::new(),
        primary_key: Vec::new(),
    };
    TableEntry {
        table: Arc::new(table),
        schema_id: object.schema_id,
        storage,
        column_ids: Vec::new(),
        sparse: Vec::new(),
        fillers: Vec::new(),
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        defaults: Vec::new(),
        tracked_by_cdc,
    }
}

/// The entry of a table of which the catalog knows nothing.
pub(super) fn bare_entry(table: Table, storage: String) -> TableEntry {
    let object = Object {
        object_id: table.object_id,
        name: table.name.clone(),
        schema_id: 1,
        parent_object_id: 0,
        kind: "U".to_owned(),
    };
    let mut entry = empty_entry(&table.database, table.schema.clone(), &object, Some(storage), (true, false));
    entry.table = Arc::new(table);
    entry
}

/// The condition that keeps a query to one table.
fn of_table(column: &str, only: Option<i32>) -> String {
    only.map(|id| format!("AND {column} = {id}")).unwrap_or_default()
}

fn load_columns(
    connection: &Connection,
    only: Option<i32>,
    tables: &mut HashMap<i32, TableEntry>,
) -> rusqlite::Result<SqlResult<()>> {
    let mut statement = connection.prepare(&format!(
        r#"SELECT c.object_id, c.column_id, c.name, c.type_id, c.max_length, c.precision, c.scale, c.collation, c.is_nullable,
                  c.identity_seed, c.identity_increment, c.computed, d.definition, c.filler, c.is_sparse
           FROM db."$columns" c LEFT JOIN db."$defaults" d ON d.parent_object_id = c.object_id AND d.column_id = c.column_id
           WHERE 1 {} ORDER BY c.object_id, c.column_id"#,
        of_table("c.object_id", only)
    ))?;
    let mut rows = statement.query([])?;
    while let Some(r) = rows.next()? {
        let Some(entry) = tables.get_mut(&r.get(0)?) else { continue };
        let facets = Facets { type_id: r.get(3)?, max_length: r.get(4)?, precision: r.get(5)?, scale: r.get(6)? };
        let name: String = r.get(2)?;
        let Some(ty) = from_facets(facets) else {
            return Ok(Err(SqlError::new(8180, format!("sandbox: column {name} has an unknown type in the catalog."))));
        };
        let identity = match (r.get::<_, Option<i64>>(9)?, r.get::<_, Option<i64>>(10)?) {
            (Some(seed), Some(increment)) => Some((seed, increment)),
            _ => None,
        };
        let column_id = r.get(1)?;
        entry.column_ids.push(column_id);
        if r.get(14)? {
            entry.sparse.push(column_id);
        }
        entry.fillers.push(r.get(13)?);
        table_mut(entry).columns.push(Column {
            sqlite_name: quote(&name),
            name,
            ty,
            nullable: r.get(8)?,
            identity,
            collation: r.get(7)?,
            default: r.get(12)?,
            computed: r.get(11)?,
        });
    }
    Ok(Ok(()))
}

/// The table of an entry that nobody else holds yet.
fn table_mut(entry: &mut TableEntry) -> &mut Table {
    Arc::make_mut(&mut entry.table)
}

fn load_indexes(
    connection: &Connection,
    only: Option<i32>,
    tables: &mut HashMap<i32, TableEntry>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!(
        r#"SELECT object_id, index_id, name, is_unique, is_primary_key, constraint_id, filter FROM db."$indexes"
           WHERE 1 {} ORDER BY object_id, index_id"#,
        of_table("object_id", only)
    ))?;
    let mut rows = statement.query([])?;
    while let Some(r) = rows.next()? {
        let Some(entry) = tables.get_mut(&r.get(0)?) else { continue };
        entry.indexes.push(Index {
            index_id: r.get(1)?,
            name: r.get(2)?,
            unique: r.get(3)?,
            primary_key: r.get(4)?,
            constraint_id: r.get(5)?,
            key: Vec::new(),
            filter: r.get(6)?,
        });
    }
    let mut statement = connection.prepare(&format!(
        r#"SELECT object_id, index_id, column_id, is_descending FROM db."$index_columns" WHERE is_included = 0 {}
           ORDER BY object_id, index_id, key_ordinal"#,
        of_table("object_id", only)
    ))?;
    let mut rows = statement.query([])?;
    while let Some(r) = rows.next()? {
        let Some(entry) = tables.get_mut(&r.get(0)?) else { continue };
        let (index_id, column_id, descending): (i32, i32, bool) = (r.get(1)?, r.get(2)?, r.get(3)?);
        let Some(position) = entry.position(column_id) else { continue };
        if let Some(index) = entry.indexes.iter_mut().find(|i| i.index_id == index_id) {
            index.key.push((position, descending));
        }
    }
    for entry in tables.values_mut() {
        let key = entry.indexes.iter().find(|i| i.primary_key).map(|i| i.key.iter().map(|k| k.0).collect());
        table_mut(entry).primary_key = key.unwrap_or_default();
    }
    Ok(())
}

fn load_constraints(
    connection: &Connection,
    only: Option<i32>,
    objects: &HashMap<i32, Object>,
    tables: &mut HashMap<i32, TableEntry>,
) -> rusqlite::Result<()> {
    let name = |id: i32| objects.get(&id).map(|o| o.name.clone()).unwrap_or_default();
    let mut columns: HashMap<i32, Vec<(i32, i32)>> = HashMap::new();
    let mut statement = connection.prepare_cached(
        r#"SELECT object_id, parent_column_id, referenced_column_id FROM db."$foreign_key_columns" ORDER BY object_id, ordinal"#,
    )?;
    let mut rows = statement.query([])?;
    while let Some(r) = rows.next()? {
        columns.entry(r.get(0)?).or_default().push((r.get(1)?, r.get(2)?));
    }
    let mut statement = connection.prepare(&format!(
        r#"SELECT object_id, parent_object_id, referenced_object_id, key_index_id, is_disabled, delete_action, update_action
           FROM db."$foreign_keys" WHERE 1 {} ORDER BY object_id"#,
        of_table("parent_object_id", only)
    ))?;
    let mut rows = statement.query([])?;
    while let Some(r) = rows.next()? {
        let Some(entry) = tables.get_mut(&r.get(1)?) else { continue };
        let object_id: i32 = r.get(0)?;
        entry.foreign_keys.push(ForeignKey {
            object_id,
            name: name(object_id),
            parent_object_id: r.get(1)?,
            referenced_object_id: r.get(2)?,
            key_index_id: r.get(3)?,
            disabled: r.get(4)?,
            columns: columns.remove(&object_id).unwrap_or_default(),
            on_delete: r.get(5)?,
            on_update: r.get(6)?,
        });
    }
    let mut statement = connection.prepare(&format!(
        r#"SELECT object_id, parent_object_id, definition, is_disabled, column_id FROM db."$checks" WHERE 1 {}
           ORDER BY object_id"#,
        of_table("parent_object_id", only)
    ))?;
    let mut rows = statement.query([])?;
    while let Some(r) = rows.next()? {
        let Some(entry) = tables.get_mut(&r.get(1)?) else { continue };
        let object_id: i32 = r.get(0)?;
        let column = entry.position(r.get(4)?).map(|p| entry.table.columns[p].name.clone());
        entry.checks.push(Check {
            object_id,
            name: name(object_id),
            definition: r.get(2)?,
            disabled: r.get(3)?,
            column,
        });
    }
    let mut statement = connection.prepare(&format!(
        r#"SELECT object_id, parent_object_id, column_id FROM db."$defaults" WHERE 1 {} ORDER BY object_id"#,
        of_table("parent_object_id", only)
    ))?;
    let mut rows = statement.query([])?;
    while let Some(r) = rows.next()? {
        let Some(entry) = tables.get_mut(&r.get(1)?) else { continue };
        let object_id: i32 = r.get(0)?;
        entry.defaults.push(Default { object_id, name: name(object_id), column_id: r.get(2)? });
    }
    Ok(())
}
