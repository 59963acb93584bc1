//! The catalog as it lies in a database's SQLite file: tables whose names start with `$`, which no T-SQL name can reach because
//! the objects of T-SQL are stored as `schema.name`. Being ordinary tables, DDL is as transactional as the rows it describes.

use super::principals::{DB_OWNER, DBO, FIXED_ROLES, GUEST, PUBLIC};
use super::quoting::quote;
use super::system_types::Facets;
use crate::error::SqlResult;
use rusqlite::{Connection, params};

/// SQLite name under which a session attaches its current database.
pub const ATTACHED: &str = "db";

/// The catalog's tables.
const TABLES: &[&str] = &[
    r#""$settings"(name TEXT PRIMARY KEY, value) WITHOUT ROWID"#,
    r#""$schemas"(schema_id INTEGER PRIMARY KEY, name TEXT NOT NULL, principal_id INT NOT NULL)"#,
    r#""$principals"(principal_id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL, login TEXT, create_date INT NOT NULL,
        modify_date INT, sid BLOB, default_schema TEXT, owner INT)"#,
    r#""$role_members"(role_id INT NOT NULL, member_id INT NOT NULL, PRIMARY KEY(role_id, member_id)) WITHOUT ROWID"#,
    r#""$permissions"(class INT NOT NULL, major_id INT NOT NULL, grantee INT NOT NULL, grantor INT NOT NULL, type TEXT NOT NULL,
        permission_name TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY(class, major_id, grantee, type)) WITHOUT ROWID"#,
    r#""$objects"(object_id INTEGER PRIMARY KEY, name TEXT NOT NULL, schema_id INT NOT NULL, parent_object_id INT NOT NULL,
        type TEXT NOT NULL, create_date INT NOT NULL, modify_date INT NOT NULL, is_ms_shipped INT NOT NULL DEFAULT 0,
        storage TEXT, read_only INT NOT NULL DEFAULT 0, is_tracked_by_cdc INT NOT NULL DEFAULT 0)"#,
    r#""$columns"(object_id INT NOT NULL, column_id INT NOT NULL, name TEXT NOT NULL, type_id INT NOT NULL, max_length INT NOT NULL,
        precision INT NOT NULL, scale INT NOT NULL, collation TEXT, is_nullable INT NOT NULL, identity_seed INT,
        identity_increment INT, identity_last INT, identity_nfr INT NOT NULL DEFAULT 0, computed TEXT,
        is_persisted INT NOT NULL DEFAULT 0, filler TEXT, user_type_id INT, is_sparse INT NOT NULL DEFAULT 0, PRIMARY KEY(object_id, column_id)) WITHOUT ROWID"#,
    r#""$defaults"(object_id INTEGER PRIMARY KEY, parent_object_id INT NOT NULL, column_id INT NOT NULL, definition TEXT NOT NULL,
        is_system_named INT NOT NULL)"#,
    r#""$checks"(object_id INTEGER PRIMARY KEY, parent_object_id INT NOT NULL, column_id INT NOT NULL, definition TEXT NOT NULL,
        is_disabled INT NOT NULL, is_not_trusted INT NOT NULL, is_nfr INT NOT NULL, is_system_named INT NOT NULL)"#,
    r#""$indexes"(object_id INT NOT NULL, index_id INT NOT NULL, name TEXT NOT NULL, is_unique INT NOT NULL,
        constraint_id INT, is_primary_key INT NOT NULL, filter TEXT, is_system_named INT NOT NULL,
        PRIMARY KEY(object_id, index_id)) WITHOUT ROWID"#,
    r#""$index_columns"(object_id INT NOT NULL, index_id INT NOT NULL, index_column_id INT NOT NULL, column_id INT NOT NULL,
        key_ordinal INT NOT NULL, is_descending INT NOT NULL, is_included INT NOT NULL,
        PRIMARY KEY(object_id, index_id, index_column_id)) WITHOUT ROWID"#,
    r#""$foreign_keys"(object_id INTEGER PRIMARY KEY, parent_object_id INT NOT NULL, referenced_object_id INT NOT NULL,
        key_index_id INT NOT NULL, is_disabled INT NOT NULL, is_not_trusted INT NOT NULL, is_nfr INT NOT NULL,
        delete_action INT NOT NULL, update_action INT NOT NULL, is_system_named INT NOT NULL)"#,
    r#""$foreign_key_columns"(object_id INT NOT NULL, ordinal INT NOT NULL, parent_column_id INT NOT NULL,
        referenced_column_id INT NOT NULL, PRIMARY KEY(object_id, ordinal)) WITHOUT ROWID"#,
    r#""$modules"(object_id INTEGER PRIMARY KEY, definition TEXT NOT NULL, bound_to TEXT, is_disabled INT NOT NULL DEFAULT 0,
        is_nfr INT NOT NULL DEFAULT 0)"#,
    r#""$trigger_events"(object_id INT NOT NULL, type INT NOT NULL, is_first INT NOT NULL DEFAULT 0, is_last INT NOT NULL DEFAULT 0,
        PRIMARY KEY(object_id, type)) WITHOUT ROWID"#,
    r#""$parameters"(object_id INT NOT NULL, parameter_id INT NOT NULL, name TEXT NOT NULL, type_id INT NOT NULL,
        user_type_id INT NOT NULL, max_length INT NOT NULL, precision INT NOT NULL, scale INT NOT NULL, is_output INT NOT NULL,
        is_readonly INT NOT NULL, PRIMARY KEY(object_id, parameter_id)) WITHOUT ROWID"#,
    r#""$table_types"(user_type_id INTEGER PRIMARY KEY, schema_id INT NOT NULL, name TEXT NOT NULL, object_id INT NOT NULL,
        definition TEXT NOT NULL)"#,
    r#""$alias_types"(user_type_id INTEGER PRIMARY KEY, schema_id INT NOT NULL, name TEXT NOT NULL, type_id INT NOT NULL,
        max_length INT NOT NULL, precision INT NOT NULL, scale INT NOT NULL, is_nullable INT NOT NULL)"#,
    r#""$sequences"(object_id INTEGER PRIMARY KEY, type_id INT NOT NULL, precision INT NOT NULL, start_value INT NOT NULL,
        increment INT NOT NULL, min INT NOT NULL, max INT NOT NULL, is_cycling INT NOT NULL, cache_size INT, is_cached INT NOT NULL,
        last INT)"#,
];

/// Schemas every database has, with their ids.
const SCHEMAS: &[(i32, &str)] = &[(1, "dbo"), (2, "guest"), (3, "INFORMATION_SCHEMA"), (4, "sys")];

/// The first `object_id` given out, and the distance to the next.
const FIRST_OBJECT_ID: i64 = 581_577_110;
const OBJECT_ID_STEP: i64 = 16;

/// Makes an empty catalog in a new database file that is attached as [`ATTACHED`].
pub fn create(connection: &Connection, now: i64) -> rusqlite::Result<()> {
    for table in TABLES {
        connection.execute_batch(&format!("CREATE TABLE {ATTACHED}.{table}"))?;
    }
    for (id, name) in SCHEMAS {
        connection.execute(r#"INSERT INTO db."$schemas" VALUES (?1, ?2, ?1)"#, params![id, name])?;
    }
    for (id, name) in FIXED_ROLES {
        connection.execute(r#"INSERT INTO db."$schemas" VALUES (?1, ?2, ?1)"#, params![id, name])?;
    }
    let users = [
        (PUBLIC, "public", None, None),
        (DBO, "dbo", Some(vec![1_u8]), Some("dbo")),
        (GUEST, "guest", Some(vec![0_u8]), Some("guest")),
        (3, "INFORMATION_SCHEMA", None, None),
        (4, "sys", None, None),
    ];
    let roles = FIXED_ROLES.iter().map(|(id, name)| (*id, *name, None, None));
    for (id, name, sid, schema) in users.into_iter().chain(roles) {
        let role = id == PUBLIC || id >= DB_OWNER;
        connection.execute(
            r#"INSERT INTO db."$principals"(principal_id, name, type, create_date, sid, default_schema, owner)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"#,
            params![id, name, if role { "R" } else { "S" }, now, sid, schema, role.then_some(DBO)],
        )?;
    }
    connection.execute(r#"INSERT INTO db."$role_members" VALUES (?1, ?2)"#, [DB_OWNER, DBO])?;
    connection.execute(
        r#"INSERT INTO db."$permissions"(class, major_id, grantee, grantor, type, permission_name, state)
           VALUES (0, 0, ?1, ?1, 'CO', 'CONNECT', 'G')"#,
        [DBO],
    )?;
    set_setting(connection, "next_object_id", FIRST_OBJECT_ID)
}

/// Reads a setting of the database.
pub fn setting(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare_cached(r#"SELECT value FROM db."$settings" WHERE name = ?1"#)?;
    let mut rows = statement.query([name])?;
    rows.next()?.map(|row| row.get(0)).transpose()
}

/// A setting that is text.
pub fn text_setting(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    let mut statement = connection.prepare_cached(r#"SELECT value FROM db."$settings" WHERE name = ?1"#)?;
    let mut rows = statement.query([name])?;
    rows.next()?.map(|row| row.get(0)).transpose()
}

/// Writes a setting that is text.
pub fn set_text_setting(connection: &Connection, name: &str, value: &str) -> rusqlite::Result<()> {
    connection.execute(
        r#"INSERT INTO db."$settings" VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value"#,
        params![name, value],
    )?;
    Ok(())
}

/// Writes a setting of the database.
pub fn set_setting(connection: &Connection, name: &str, value: i64) -> rusqlite::Result<()> {
    connection.execute(
        r#"INSERT INTO db."$settings" VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value"#,
        params![name, value],
    )?;
    Ok(())
}

/// Takes the next `object_id`.
pub fn next_object_id(connection: &Connection) -> rusqlite::Result<i32> {
    let id = setting(connection, "next_object_id")?.unwrap_or(FIRST_OBJECT_ID);
    set_setting(connection, "next_object_id", id + OBJECT_ID_STEP)?;
    Ok(id as i32)
}

/// A row of `sys.objects` to be.
#[derive(Debug, Clone)]
pub struct NewObject<'a> {
    /// Name.
    pub name: &'a str,
    /// Schema.
    pub schema_id: i32,
    /// Table that a constraint belongs to, else 0.
    pub parent: i32,
    /// `U`, `PK`, `UQ`, `F`, `C`, `D`, …
    pub kind: &'a str,
    /// Creation time in the encoding of `datetime`.
    pub now: i64,
}

/// Adds an object and returns its id.
pub fn insert_object(connection: &Connection, object: &NewObject<'_>) -> rusqlite::Result<i32> {
    let id = next_object_id(connection)?;
    connection.execute(
        r#"INSERT INTO db."$objects"(object_id, name, schema_id, parent_object_id, type, create_date, modify_date)
           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)"#,
        params![id, object.name, object.schema_id, object.parent, object.kind, object.now],
    )?;
    Ok(id)
}

/// A row of `sys.columns` to be.
#[derive(Debug, Clone)]
pub struct NewColumn<'a> {
    /// Name.
    pub name: &'a str,
    /// `column_id`.
    pub column_id: i32,
    /// Type.
    pub facets: Facets,
    /// `user_type_id` where it is not that of the type.
    pub user_type_id: Option<i32>,
    /// `SPARSE`.
    pub sparse: bool,
    /// Collation of a character column.
    pub collation: Option<&'a str>,
    /// Can hold NULL.
    pub nullable: bool,
    /// Seed and increment.
    pub identity: Option<(i64, i64)>,
    /// `NOT FOR REPLICATION`.
    pub identity_nfr: bool,
    /// Definition and whether it is PERSISTED.
    pub computed: Option<(&'a str, bool)>,
    /// SQLite literal that rows written before the column was added hold.
    pub filler: Option<&'a str>,
}

/// Adds a column.
pub fn insert_column(connection: &Connection, table: i32, column: &NewColumn<'_>) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            r#"INSERT INTO db."$columns"(object_id, column_id, name, type_id, max_length, precision, scale, collation, is_nullable,
               identity_seed, identity_increment, identity_nfr, computed, is_persisted, filler, user_type_id, is_sparse)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"#,
        )?
        .execute(params![
            table,
            column.column_id,
            column.name,
            column.facets.type_id,
            column.facets.max_length,
            column.facets.precision,
            column.facets.scale,
            column.collation,
            column.nullable,
            column.identity.map(|i| i.0),
            column.identity.map(|i| i.1),
            column.identity_nfr,
            column.computed.map(|c| c.0),
            column.computed.is_some_and(|c| c.1),
            column.filler,
            column.user_type_id,
            column.sparse,
        ])?;
    Ok(())
}

/// Replaces the text of a table in SQLite's own schema by one that describes the same rows: constraints, NOT NULL and trailing
/// columns may differ, nothing else. This is SQLite's documented way for changes that do not touch what is on disk
/// (<https://www.sqlite.org/lang_altertable.html#otheralter>).
pub fn replace_table_text(connection: &Connection, sqlite_name: &str, text: &str) -> SqlResult<()> {
    let run = || -> rusqlite::Result<()> {
        let version: i64 = connection.query_row("PRAGMA db.schema_version", [], |r| r.get(0))?;
        connection.execute_batch("PRAGMA writable_schema = ON")?;
        let updated = connection.execute(
            "UPDATE db.sqlite_schema SET sql = ?1 WHERE type = 'table' AND name = ?2",
            params![text, sqlite_name],
        );
        let bumped = connection.execute_batch(&format!("PRAGMA db.schema_version = {}", version + 1));
        connection.execute_batch("PRAGMA writable_schema = RESET")?;
        updated?;
        bumped
    };
    run().map_err(super::storage_error)
}

/// Name of the SQLite index behind an index of T-SQL.
pub fn index_storage(table: i32, index_id: i32) -> String {
    format!("ix:{table}:{index_id}")
}

/// Name of the SQLite index that makes NULLs count as equal in a unique index over nullable columns.
pub fn null_index_storage(table: i32, index_id: i32) -> String {
    format!("ixn:{table}:{index_id}")
}

/// Name of the SQLite index that lets a parent row find its children.
pub fn foreign_key_storage(foreign_key: i32) -> String {
    format!("fk:{foreign_key}")
}

/// The last `column_id` that a table has given out: the ids of dropped columns are not used again.
pub fn last_column_id(connection: &Connection, table: i32) -> rusqlite::Result<i32> {
    connection.query_row(
        r#"SELECT max(ifnull((SELECT value FROM db."$settings" WHERE name = 'columns:' || ?1), 0),
                      ifnull((SELECT max(column_id) FROM db."$columns" WHERE object_id = ?1), 0))"#,
        [table],
        |row| row.get(0),
    )
}

/// Remembers it, before columns are dropped.
pub fn keep_last_column_id(connection: &Connection, table: i32) -> rusqlite::Result<()> {
    let last = last_column_id(connection, table)?;
    connection.execute(
        r#"INSERT OR REPLACE INTO db."$settings"(name, value) VALUES ('columns:' || ?1, ?2)"#,
        [table, last],
    )?;
    Ok(())
}

/// Deletes the rows of an object from every catalog table.
pub fn delete_object(connection: &Connection, object_id: i32) -> rusqlite::Result<()> {
    connection.execute(r#"DELETE FROM db."$settings" WHERE name = 'columns:' || ?1"#, [object_id])?;
    super::modules::delete(connection, object_id)?;
    for table in ["$columns", "$indexes", "$index_columns", "$objects"] {
        connection.execute(&format!("DELETE FROM db.{} WHERE object_id = ?1", quote(table)), [object_id])?;
    }
    for table in ["$defaults", "$checks", "$foreign_keys"] {
        connection.execute(
            &format!("DELETE FROM db.{} WHERE object_id = ?1 OR parent_object_id = ?1", quote(table)),
            [object_id],
        )?;
    }
    connection.execute(r#"DELETE FROM db."$permissions" WHERE class = 1 AND major_id = ?1"#, [object_id])?;
    connection.execute(r#"DELETE FROM db."$foreign_key_columns" WHERE object_id = ?1"#, [object_id])?;
    connection.execute(
        r#"DELETE FROM db."$foreign_key_columns" WHERE object_id IN
           (SELECT object_id FROM db."$objects" WHERE parent_object_id = ?1)"#,
        [object_id],
    )?;
    connection.execute(r#"DELETE FROM db."$objects" WHERE parent_object_id = ?1"#, [object_id])?;
    Ok(())
}
