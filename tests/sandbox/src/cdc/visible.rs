//! The schema `cdc` and its tables as entries of the catalog, so that they are queried like any other table.
//!
//! Shapes: <https://learn.microsoft.com/sql/relational-databases/system-tables/change-data-capture-tables-transact-sql>.

use crate::engine::catalog_store::{NewColumn, NewObject, delete_object, insert_column, insert_object};
use crate::engine::meta::Column;
use crate::engine::principals::DB_OWNER;
use crate::engine::quoting::quote;
use crate::engine::system_types::facets;
use crate::types::{Length, SqlType};
use rusqlite::{Connection, OptionalExtension, params};

/// The schema of everything that CDC makes.
pub const SCHEMA: &str = "cdc";
/// An LSN's type.
pub const LSN: SqlType = SqlType::Binary(10);
/// `sysname`.
pub const NAME: SqlType = SqlType::NVarChar(Length::N(128));

/// A column of a table of CDC's own.
#[derive(Debug, Clone)]
pub struct VisibleColumn {
    /// Name.
    pub name: String,
    /// Type.
    pub ty: SqlType,
    /// Collation of a character column.
    pub collation: Option<String>,
    /// Can hold NULL.
    pub nullable: bool,
}

impl VisibleColumn {
    /// A column with the default collation.
    pub fn new(name: &str, ty: SqlType, nullable: bool) -> Self {
        Self { name: name.to_owned(), ty, collation: None, nullable }
    }

    /// As the column of a query that stands in a table's place.
    pub fn into_column(self) -> Column {
        Column {
            sqlite_name: quote(&self.name),
            name: self.name,
            ty: self.ty,
            nullable: self.nullable,
            identity: None,
            collation: self.collation,
            default: None,
            computed: None,
        }
    }
}

/// The tables that every enabled database has: name, SQLite name if it is another, columns.
fn database_tables() -> Vec<(&'static str, Option<&'static str>, Vec<VisibleColumn>)> {
    let column = VisibleColumn::new;
    vec![
        (
            "change_tables",
            Some("$cdc_change_tables"),
            vec![
                column("object_id", SqlType::Int, false),
                column("version", SqlType::Int, true),
                column("source_object_id", SqlType::Int, true),
                column("capture_instance", NAME, false),
                column("start_lsn", LSN, true),
                column("end_lsn", LSN, true),
                column("supports_net_changes", SqlType::Bit, true),
                column("has_drop_pending", SqlType::Bit, true),
                column("role_name", NAME, true),
                column("index_name", NAME, true),
                column("filegroup_name", NAME, true),
                column("create_date", SqlType::DateTime, true),
                column("partition_switch", SqlType::Bit, false),
            ],
        ),
        (
            "captured_columns",
            Some("$cdc_captured_columns"),
            vec![
                column("object_id", SqlType::Int, false),
                column("column_name", NAME, false),
                column("column_id", SqlType::Int, true),
                column("column_type", NAME, false),
                column("column_ordinal", SqlType::Int, false),
                column("is_computed", SqlType::Bit, true),
            ],
        ),
        (
            "index_columns",
            Some("$cdc_index_columns"),
            vec![
                column("object_id", SqlType::Int, false),
                column("column_name", NAME, false),
                column("index_ordinal", SqlType::TinyInt, false),
                column("column_id", SqlType::Int, false),
            ],
        ),
        (
            "ddl_history",
            None,
            vec![
                column("source_object_id", SqlType::Int, true),
                column("object_id", SqlType::Int, false),
                column("required_column_update", SqlType::Bit, true),
                column("ddl_command", SqlType::NVarChar(Length::Max), true),
                column("ddl_lsn", LSN, false),
                column("ddl_time", SqlType::DateTime, true),
            ],
        ),
        (
            "lsn_time_mapping",
            None,
            vec![
                column("start_lsn", LSN, false),
                column("tran_begin_time", SqlType::DateTime, true),
                column("tran_end_time", SqlType::DateTime, true),
                column("tran_id", SqlType::VarBinary(Length::N(10)), true),
                column("tran_begin_lsn", LSN, true),
            ],
        ),
    ]
}

/// Whether a schema or user `cdc` is there.
pub fn name_is_taken(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(
        r#"SELECT EXISTS (SELECT 1 FROM db."$schemas" WHERE lower(name) = 'cdc')
               OR EXISTS (SELECT 1 FROM db."$principals" WHERE lower(name) = 'cdc')"#,
        [],
        |row| row.get(0),
    )
}

/// The next free id of a table of ids.
fn next_id(connection: &Connection, table: &str, column: &str) -> rusqlite::Result<i32> {
    let sql = format!(r#"SELECT max(4, max({column})) + 1 FROM db."{table}" WHERE {column} < 16384"#);
    connection.query_row(&sql, [], |row| row.get(0))
}

fn add_principal(connection: &Connection, name: &str, kind: &str, now: i64) -> rusqlite::Result<i32> {
    let id = next_id(connection, "$principals", "principal_id")?;
    connection.execute(
        r#"INSERT INTO db."$principals"(principal_id, name, type, create_date, default_schema, owner)
           VALUES (?1, ?2, ?3, ?4, CASE WHEN ?3 = 'S' THEN ?2 END, CASE WHEN ?3 = 'R' THEN 1 END)"#,
        params![id, name, kind, now],
    )?;
    Ok(id)
}

/// Makes a role unless it is there; false if something else has its name.
pub fn make_role(connection: &Connection, name: &str, now: i64) -> rusqlite::Result<bool> {
    let kind: Option<String> = connection
        .query_row(r#"SELECT type FROM db."$principals" WHERE lower(name) = lower(?1)"#, [name], |row| row.get(0))
        .optional()?;
    match kind {
        None => add_principal(connection, name, "R", now).map(|_| true),
        Some(kind) => Ok(kind.trim_end() == "R"),
    }
}

/// Makes the schema, its user and the tables of the database.
pub fn create(connection: &Connection, now: i64) -> rusqlite::Result<()> {
    let principal = add_principal(connection, SCHEMA, "S", now)?;
    connection
        .execute(r#"INSERT INTO db."$role_members"(role_id, member_id) VALUES (?1, ?2)"#, [DB_OWNER, principal])?;
    let schema = next_id(connection, "$schemas", "schema_id")?;
    connection.execute(r#"INSERT INTO db."$schemas" VALUES (?1, ?2, ?3)"#, params![schema, SCHEMA, principal])?;
    for (name, storage, columns) in database_tables() {
        add_table(connection, name, storage, &columns, now)?;
    }
    Ok(())
}

/// Removes the schema, its user and all its tables from the catalog.
pub fn remove(connection: &Connection) -> rusqlite::Result<()> {
    let Some(schema) = schema_id(connection)? else { return Ok(()) };
    let mut statement = connection.prepare(r#"SELECT object_id FROM db."$objects" WHERE schema_id = ?1"#)?;
    let objects: Vec<i32> = statement.query_map([schema], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for object in objects {
        delete_object(connection, object)?;
    }
    connection.execute(r#"DELETE FROM db."$schemas" WHERE schema_id = ?1"#, [schema])?;
    connection.execute(
        r#"DELETE FROM db."$role_members" WHERE member_id = (SELECT principal_id FROM db."$principals" WHERE lower(name) = 'cdc')"#,
        [],
    )?;
    connection.execute(r#"DELETE FROM db."$principals" WHERE lower(name) = 'cdc'"#, [])?;
    Ok(())
}

fn schema_id(connection: &Connection) -> rusqlite::Result<Option<i32>> {
    connection
        .query_row(r#"SELECT schema_id FROM db."$schemas" WHERE lower(name) = 'cdc'"#, [], |row| row.get(0))
        .optional()
}

/// Adds a table of the schema to the catalog and returns its `object_id`.
pub fn add_table(
    connection: &Connection,
    name: &str,
    storage: Option<&str>,
    columns: &[VisibleColumn],
    now: i64,
) -> rusqlite::Result<i32> {
    let schema_id = schema_id(connection)?.unwrap_or_default();
    let object = insert_object(connection, &NewObject { name, schema_id, parent: 0, kind: "U", now })?;
    connection.execute(
        r#"UPDATE db."$objects" SET storage = ?2, read_only = 1, is_ms_shipped = 1 WHERE object_id = ?1"#,
        params![object, storage],
    )?;
    for (index, column) in columns.iter().enumerate() {
        let column = NewColumn {
            name: &column.name,
            column_id: index as i32 + 1,
            user_type_id: None,
            sparse: false,
            facets: facets(&column.ty),
            collation: column.collation.as_deref(),
            nullable: column.nullable,
            identity: None,
            identity_nfr: false,
            computed: None,
            filler: None,
        };
        insert_column(connection, object, &column)?;
    }
    Ok(object)
}

/// Adds an index of a table of the schema to the catalog: it says how the table lies in SQLite anyway.
pub fn add_index(
    connection: &Connection,
    table: i32,
    (index_id, name): (i32, &str),
    columns: &[i32],
    included: &[i32],
) -> rusqlite::Result<()> {
    connection.execute(
        r#"INSERT INTO db."$indexes"(object_id, index_id, name, is_unique, is_primary_key, is_system_named)
           VALUES (?1, ?2, ?3, 1, 0, 0)"#,
        params![table, index_id, name],
    )?;
    let keys = columns.iter().zip(1_i32..).map(|(column, ordinal)| (*column, ordinal));
    for ((column, key_ordinal), position) in keys.chain(included.iter().map(|column| (*column, 0))).zip(1_i32..) {
        connection.execute(
            r#"INSERT INTO db."$index_columns"(object_id, index_id, index_column_id, column_id, key_ordinal, is_descending, is_included)
               VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6)"#,
            params![table, index_id, position, column, key_ordinal, key_ordinal == 0],
        )?;
    }
    Ok(())
}

/// Adds a query function of the schema to the catalog.
pub fn add_function(connection: &Connection, name: &str, now: i64) -> rusqlite::Result<()> {
    let schema_id = schema_id(connection)?.unwrap_or_default();
    insert_object(connection, &NewObject { name, schema_id, parent: 0, kind: "IF", now })?;
    Ok(())
}

/// Removes a query function from the catalog, if it is there.
pub fn remove_function(connection: &Connection, name: &str) -> rusqlite::Result<()> {
    let schema_id = schema_id(connection)?.unwrap_or_default();
    let function: Option<i32> = connection
        .query_row(
            r#"SELECT object_id FROM db."$objects" WHERE schema_id = ?1 AND type = 'IF' AND lower(name) = lower(?2)"#,
            params![schema_id, name],
            |row| row.get(0),
        )
        .optional()?;
    function.map_or(Ok(()), |function| delete_object(connection, function))
}
