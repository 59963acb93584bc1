//! `INFORMATION_SCHEMA`.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/system-information-schema-views/system-information-schema-views-transact-sql>.

use super::View;

macro_rules! view {
    ($name:literal, $columns:expr, $from:expr) => {
        View { schema: "INFORMATION_SCHEMA", name: $name, columns: $columns, from: $from, server_wide: false }
    };
}

pub(super) const VIEWS: &[View] = &[
    view!(
        "SCHEMATA",
        &[
            ("CATALOG_NAME", "sysname", "{database}"),
            ("SCHEMA_NAME", "sysname", "s.name"),
            (
                "SCHEMA_OWNER",
                "sysname",
                r#"(SELECT p.name FROM db."$principals" p WHERE p.principal_id = s.principal_id)"#
            ),
        ],
        r#"db."$schemas" s"#
    ),
    view!(
        "TABLES",
        &[
            ("TABLE_CATALOG", "sysname", "{database}"),
            ("TABLE_SCHEMA", "sysname", "s.name"),
            ("TABLE_NAME", "sysname", "o.name"),
            ("TABLE_TYPE", "sysname", "'BASE TABLE'"),
        ],
        r#"db."$objects" o JOIN db."$schemas" s ON s.schema_id = o.schema_id WHERE o.type = 'U'"#
    ),
    view!(
        "COLUMNS",
        &[
            ("TABLE_CATALOG", "sysname", "{database}"),
            ("TABLE_SCHEMA", "sysname", "s.name"),
            ("TABLE_NAME", "sysname", "o.name"),
            ("COLUMN_NAME", "sysname", "c.name"),
            (
                "ORDINAL_POSITION",
                "int",
                r#"(SELECT count(*) FROM db."$columns" p WHERE p.object_id = c.object_id AND p.column_id <= c.column_id)"#
            ),
            (
                "COLUMN_DEFAULT",
                "nvarchar(max)",
                r#"(SELECT d.definition FROM db."$defaults" d WHERE d.parent_object_id = c.object_id AND d.column_id = c.column_id)"#
            ),
            ("IS_NULLABLE", "sysname", "CASE WHEN c.is_nullable THEN 'YES' ELSE 'NO' END"),
            ("DATA_TYPE", "sysname", "t.name"),
            (
                "CHARACTER_MAXIMUM_LENGTH",
                "int",
                "CASE WHEN c.type_id = 99 THEN 1073741823 WHEN c.type_id IN (34, 35) THEN 2147483647 WHEN c.type_id IN (98, 189) THEN 0 \
              WHEN c.type_id = 241 THEN -1 WHEN c.type_id BETWEEN 128 AND 130 THEN c.max_length WHEN c.type_id IN (231, 239) AND c.max_length > 0 THEN c.max_length / 2 \
              WHEN c.type_id IN (165, 167, 173, 175, 231, 239) THEN c.max_length END"
            ),
            (
                "CHARACTER_OCTET_LENGTH",
                "int",
                "CASE WHEN c.type_id IN (34, 35) THEN 2147483647 WHEN c.type_id = 99 THEN 2147483646 WHEN c.type_id = 98 THEN 0 \
              WHEN c.type_id = 241 THEN -1 WHEN c.type_id BETWEEN 128 AND 130 THEN c.max_length WHEN c.type_id IN (165, 167, 173, 175, 231, 239) THEN c.max_length END"
            ),
            (
                "NUMERIC_PRECISION",
                "tinyint",
                "CASE WHEN c.type_id IN (48, 52, 56, 59, 60, 62, 106, 108, 122, 127) THEN c.precision END"
            ),
            (
                "NUMERIC_PRECISION_RADIX",
                "smallint",
                "CASE WHEN c.type_id IN (59, 62) THEN 2 WHEN c.type_id IN (48, 52, 56, 60, 106, 108, 122, 127) THEN 10 END"
            ),
            ("NUMERIC_SCALE", "int", "CASE WHEN c.type_id IN (48, 52, 56, 60, 106, 108, 122, 127) THEN c.scale END"),
            (
                "DATETIME_PRECISION",
                "smallint",
                "CASE WHEN c.type_id IN (41, 42, 43, 61) THEN c.scale WHEN c.type_id IN (40, 58) THEN 0 END"
            ),
            ("COLLATION_NAME", "sysname", "c.collation"),
            ("DOMAIN_CATALOG", "sysname", "CASE WHEN a.name IS NOT NULL THEN {database} END"),
            ("DOMAIN_SCHEMA", "sysname", r#"(SELECT x.name FROM db."$schemas" x WHERE x.schema_id = a.schema_id)"#),
            ("DOMAIN_NAME", "sysname", "a.name"),
        ],
        r#"db."$columns" c JOIN db."$objects" o ON o.object_id = c.object_id JOIN db."$schemas" s ON s.schema_id = o.schema_id
           JOIN {types} t ON t.user_type_id = c.type_id
           LEFT JOIN db."$alias_types" a ON a.user_type_id = c.user_type_id"#
    ),
    view!(
        "TABLE_CONSTRAINTS",
        &[
            ("CONSTRAINT_CATALOG", "sysname", "{database}"),
            ("CONSTRAINT_SCHEMA", "sysname", "s.name"),
            ("CONSTRAINT_NAME", "sysname", "k.name"),
            ("TABLE_CATALOG", "sysname", "{database}"),
            ("TABLE_SCHEMA", "sysname", "s.name"),
            ("TABLE_NAME", "sysname", "o.name"),
            (
                "CONSTRAINT_TYPE",
                "sysname",
                "CASE k.type WHEN 'PK' THEN 'PRIMARY KEY' WHEN 'UQ' THEN 'UNIQUE' WHEN 'F' THEN 'FOREIGN KEY' ELSE 'CHECK' END"
            ),
            ("IS_DEFERRABLE", "sysname", "'NO'"),
            ("INITIALLY_DEFERRED", "sysname", "'NO'"),
        ],
        r#"db."$objects" k JOIN db."$objects" o ON o.object_id = k.parent_object_id JOIN db."$schemas" s ON s.schema_id = o.schema_id
           WHERE k.type IN ('PK', 'UQ', 'F', 'C')"#
    ),
    view!(
        "REFERENTIAL_CONSTRAINTS",
        &[
            ("CONSTRAINT_CATALOG", "sysname", "{database}"),
            ("CONSTRAINT_SCHEMA", "sysname", "s.name"),
            ("CONSTRAINT_NAME", "sysname", "k.name"),
            ("UNIQUE_CONSTRAINT_CATALOG", "sysname", "{database}"),
            ("UNIQUE_CONSTRAINT_SCHEMA", "sysname", "r.name"),
            ("UNIQUE_CONSTRAINT_NAME", "sysname", "i.name"),
            ("MATCH_OPTION", "sysname", "'SIMPLE'"),
            (
                "UPDATE_RULE",
                "sysname",
                "CASE f.update_action WHEN 1 THEN 'CASCADE' WHEN 2 THEN 'SET NULL' WHEN 3 THEN 'SET DEFAULT' ELSE 'NO ACTION' END"
            ),
            (
                "DELETE_RULE",
                "sysname",
                "CASE f.delete_action WHEN 1 THEN 'CASCADE' WHEN 2 THEN 'SET NULL' WHEN 3 THEN 'SET DEFAULT' ELSE 'NO ACTION' END"
            ),
        ],
        r#"db."$foreign_keys" f JOIN db."$objects" k ON k.object_id = f.object_id JOIN db."$schemas" s ON s.schema_id = k.schema_id
           JOIN db."$objects" o ON o.object_id = f.referenced_object_id JOIN db."$schemas" r ON r.schema_id = o.schema_id
           JOIN db."$indexes" i ON i.object_id = f.referenced_object_id AND i.index_id = f.key_index_id"#
    ),
    view!(
        "CHECK_CONSTRAINTS",
        &[
            ("CONSTRAINT_CATALOG", "sysname", "{database}"),
            ("CONSTRAINT_SCHEMA", "sysname", "s.name"),
            ("CONSTRAINT_NAME", "sysname", "k.name"),
            ("CHECK_CLAUSE", "nvarchar(max)", "c.definition"),
        ],
        r#"db."$checks" c JOIN db."$objects" k ON k.object_id = c.object_id JOIN db."$schemas" s ON s.schema_id = k.schema_id"#
    ),
    view!(
        "KEY_COLUMN_USAGE",
        &[
            ("CONSTRAINT_CATALOG", "sysname", "{database}"),
            ("CONSTRAINT_SCHEMA", "sysname", "u.schema_name"),
            ("CONSTRAINT_NAME", "sysname", "u.constraint_name"),
            ("TABLE_CATALOG", "sysname", "{database}"),
            ("TABLE_SCHEMA", "sysname", "u.schema_name"),
            ("TABLE_NAME", "sysname", "u.table_name"),
            ("COLUMN_NAME", "sysname", "u.column_name"),
            ("ORDINAL_POSITION", "int", "u.ordinal"),
        ],
        r#"(SELECT s.name AS schema_name, i.name AS constraint_name, o.name AS table_name, c.name AS column_name, k.key_ordinal AS ordinal
            FROM db."$indexes" i JOIN db."$index_columns" k ON k.object_id = i.object_id AND k.index_id = i.index_id
            JOIN db."$columns" c ON c.object_id = k.object_id AND c.column_id = k.column_id
            JOIN db."$objects" o ON o.object_id = i.object_id JOIN db."$schemas" s ON s.schema_id = o.schema_id
            WHERE i.constraint_id IS NOT NULL AND k.is_included = 0
            UNION ALL
            SELECT s.name, n.name, o.name, c.name, k.ordinal
            FROM db."$foreign_keys" f JOIN db."$foreign_key_columns" k ON k.object_id = f.object_id
            JOIN db."$objects" n ON n.object_id = f.object_id
            JOIN db."$columns" c ON c.object_id = f.parent_object_id AND c.column_id = k.parent_column_id
            JOIN db."$objects" o ON o.object_id = f.parent_object_id JOIN db."$schemas" s ON s.schema_id = o.schema_id) u"#
    ),
];
