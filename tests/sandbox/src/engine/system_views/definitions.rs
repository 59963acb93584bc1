//! The views over a database's objects.

use super::super::quoting::literal;
use super::super::system_types::SYSTEM_TYPES;
use super::View;

const TYPE_DESC: &str = "CASE o.type WHEN 'U' THEN 'USER_TABLE' WHEN 'PK' THEN 'PRIMARY_KEY_CONSTRAINT' WHEN 'UQ' THEN \
    'UNIQUE_CONSTRAINT' WHEN 'F' THEN 'FOREIGN_KEY_CONSTRAINT' WHEN 'C' THEN 'CHECK_CONSTRAINT' WHEN 'D' THEN \
    'DEFAULT_CONSTRAINT' WHEN 'P' THEN 'SQL_STORED_PROCEDURE' WHEN 'V' THEN 'VIEW' WHEN 'IF' THEN \
    'SQL_INLINE_TABLE_VALUED_FUNCTION' WHEN 'FN' THEN 'SQL_SCALAR_FUNCTION' WHEN 'TR' THEN 'SQL_TRIGGER' WHEN 'SO' THEN 'SEQUENCE_OBJECT' WHEN 'TT' THEN 'TYPE_TABLE' ELSE o.type END";

/// `o.type` padded to two characters, as the views show it.
const TYPE: &str = "substr(o.type || ' ', 1, 2)";

const ACTION: [&str; 2] = [
    "CASE f.delete_action WHEN 1 THEN 'CASCADE' WHEN 2 THEN 'SET_NULL' WHEN 3 THEN 'SET_DEFAULT' ELSE 'NO_ACTION' END",
    "CASE f.update_action WHEN 1 THEN 'CASCADE' WHEN 2 THEN 'SET_NULL' WHEN 3 THEN 'SET_DEFAULT' ELSE 'NO_ACTION' END",
];

/// A number of an identity column as a `sql_variant` of the column's type, by that type's code.
macro_rules! identity_value {
    ($value:literal) => {
        concat!(
            "ts_variant(",
            $value,
            ", CASE c.type_id WHEN 48 THEN 2 WHEN 52 THEN 3 WHEN 56 THEN 4 WHEN 127 THEN 5 ELSE 6 + c.precision * 256 END, NULL)"
        )
    };
}

const IDENTITY_VALUES: [&str; 3] = [
    identity_value!("c.identity_seed"),
    identity_value!("c.identity_increment"),
    identity_value!("sandbox_identity_last(c.object_id, c.identity_last)"),
];

/// The columns that `sys.objects` shares with the views over kinds of objects.
macro_rules! object_columns {
    ($($rest:tt)*) => {
        &[
            ("name", "sysname", "o.name"),
            ("object_id", "int", "o.object_id"),
            ("principal_id", "int", "NULL"),
            ("schema_id", "int", "o.schema_id"),
            ("parent_object_id", "int", "o.parent_object_id"),
            ("type", "char(2)", TYPE),
            ("type_desc", "nvarchar(60)", TYPE_DESC),
            ("create_date", "datetime", "o.create_date"),
            ("modify_date", "datetime", "o.modify_date"),
            ("is_ms_shipped", "bit", "o.is_ms_shipped"),
            ("is_published", "bit", "0"),
            ("is_schema_published", "bit", "0"),
            $($rest)*
        ]
    };
}

macro_rules! column_columns {
    ($($rest:tt)*) => {
        &[
            ("object_id", "int", "c.object_id"),
            ("name", "sysname", "c.name"),
            ("column_id", "int", "c.column_id"),
            ("system_type_id", "tinyint", "CASE WHEN c.type_id BETWEEN 128 AND 130 THEN 240 ELSE c.type_id END"),
            ("user_type_id", "int", "ifnull(c.user_type_id, c.type_id)"),
            ("max_length", "smallint", "c.max_length"),
            ("precision", "tinyint", "c.precision"),
            ("scale", "tinyint", "c.scale"),
            ("collation_name", "sysname", "c.collation"),
            ("is_nullable", "bit", "c.is_nullable"),
            ("is_ansi_padded", "bit", "(c.type_id IN (98, 165, 167, 173, 175, 231, 239))"),
            ("is_rowguidcol", "bit", "0"),
            ("is_identity", "bit", "(c.identity_seed IS NOT NULL)"),
            ("is_filestream", "bit", "0"),
            ("is_replicated", "bit", "0"),
            ("is_non_sql_subscribed", "bit", "0"),
            ("is_merge_published", "bit", "0"),
            ("is_dts_replicated", "bit", "0"),
            ("is_xml_document", "bit", "0"),
            ("xml_collection_id", "int", "0"),
            ("default_object_id", "int",
             r#"ifnull((SELECT d.object_id FROM db."$defaults" d WHERE d.parent_object_id = c.object_id AND d.column_id = c.column_id), 0)"#),
            ("rule_object_id", "int", "0"),
            ("is_sparse", "bit", "c.is_sparse"),
            ("is_column_set", "bit", "0"),
            ("generated_always_type", "tinyint", "0"),
            ("generated_always_type_desc", "nvarchar(60)", "'NOT_APPLICABLE'"),
            ("encryption_type", "int", "NULL"),
            ("encryption_type_desc", "nvarchar(60)", "NULL"),
            ("encryption_algorithm_name", "sysname", "NULL"),
            ("column_encryption_key_id", "int", "NULL"),
            ("is_hidden", "bit", "0"),
            ("is_masked", "bit", "0"),
            ("graph_type", "int", "NULL"),
            ("is_computed", "bit", "(c.computed IS NOT NULL)"),
            $($rest)*
        ]
    };
}

/// Views that are there and have no rows: the sandbox has no objects of these kinds.
macro_rules! empty {
    ($name:literal, $columns:expr) => {
        View { schema: "sys", name: $name, columns: $columns, from: "", server_wide: false }
    };
}

macro_rules! view {
    ($name:literal, $columns:expr, $from:expr) => {
        View { schema: "sys", name: $name, columns: $columns, from: $from, server_wide: false }
    };
}

const OBJECTS: &str = r#"db."$objects" o"#;
/// For kinds of objects that the sandbox does not have.
const NO_OBJECTS: &str = r#"db."$objects" o WHERE 0"#;
const COLUMNS: &str = r#"db."$columns" c"#;

pub(super) const VIEWS: &[View] = &[
    view!(
        "schemas",
        &[
            ("name", "sysname", "s.name"),
            ("schema_id", "int", "s.schema_id"),
            ("principal_id", "int", "s.principal_id")
        ],
        r#"db."$schemas" s"#
    ),
    view!("objects", object_columns!(), OBJECTS),
    view!(
        "all_objects",
        object_columns!(),
        r#"(SELECT name, object_id, schema_id, parent_object_id, type, create_date, modify_date, is_ms_shipped FROM db."$objects"
            UNION ALL SELECT name, object_id, schema_id, 0, 'V', 0, 0, 1 FROM {views}) o"#
    ),
    view!(
        "system_objects",
        object_columns!(),
        "(SELECT name, object_id, schema_id, 0 AS parent_object_id, 'V' AS type, 0 AS create_date, 0 AS modify_date, 1 AS is_ms_shipped \
          FROM {views}) o"
    ),
    view!(
        "tables",
        object_columns!(
            ("lob_data_space_id", "int", "0"),
            ("filestream_data_space_id", "int", "NULL"),
            (
                "max_column_id_used",
                "int",
                r#"(SELECT max(c.column_id, ifnull((SELECT s.value FROM db."$settings" s WHERE s.name = 'columns:' || o.object_id), 0))
                    FROM db."$columns" c WHERE c.object_id = o.object_id ORDER BY c.column_id DESC LIMIT 1)"#
            ),
            ("lock_on_bulk_load", "bit", "0"),
            ("uses_ansi_nulls", "bit", "1"),
            ("is_replicated", "bit", "0"),
            ("has_replication_filter", "bit", "0"),
            ("is_merge_published", "bit", "0"),
            ("is_sync_tran_subscribed", "bit", "0"),
            ("has_unchecked_assembly_data", "bit", "0"),
            ("text_in_row_limit", "int", "0"),
            ("large_value_types_out_of_row", "bit", "0"),
            ("is_tracked_by_cdc", "bit", "o.is_tracked_by_cdc"),
            ("lock_escalation", "tinyint", "0"),
            ("lock_escalation_desc", "nvarchar(60)", "'TABLE'"),
            ("is_filetable", "bit", "0"),
            ("is_memory_optimized", "bit", "0"),
            ("durability", "tinyint", "0"),
            ("durability_desc", "nvarchar(60)", "'SCHEMA_AND_DATA'"),
            ("temporal_type", "tinyint", "0"),
            ("temporal_type_desc", "nvarchar(60)", "'NON_TEMPORAL_TABLE'"),
            ("history_table_id", "int", "NULL"),
            ("is_remote_data_archive_enabled", "bit", "0"),
            ("is_external", "bit", "0"),
            ("is_node", "bit", "0"),
            ("is_edge", "bit", "0"),
        ),
        r#"db."$objects" o WHERE o.type = 'U'"#
    ),
    view!("columns", column_columns!(), COLUMNS),
    view!("all_columns", column_columns!(), COLUMNS),
    view!(
        "computed_columns",
        column_columns!(
            ("definition", "nvarchar(max)", "c.computed"),
            ("uses_database_collation", "bit", "1"),
            ("is_persisted", "bit", "c.is_persisted"),
        ),
        r#"db."$columns" c WHERE c.computed IS NOT NULL"#
    ),
    view!(
        "identity_columns",
        column_columns!(
            ("seed_value", "sql_variant", IDENTITY_VALUES[0]),
            ("increment_value", "sql_variant", IDENTITY_VALUES[1]),
            ("last_value", "sql_variant", IDENTITY_VALUES[2]),
            ("is_not_for_replication", "bit", "c.identity_nfr"),
        ),
        r#"db."$columns" c WHERE c.identity_seed IS NOT NULL"#
    ),
    view!(
        "types",
        &[
            ("name", "sysname", "t.name"),
            ("system_type_id", "tinyint", "t.system_type_id"),
            ("user_type_id", "int", "t.user_type_id"),
            ("schema_id", "int", "t.schema_id"),
            ("principal_id", "int", "NULL"),
            ("max_length", "smallint", "t.max_length"),
            ("precision", "tinyint", "t.precision"),
            ("scale", "tinyint", "t.scale"),
            ("collation_name", "sysname", "CASE WHEN t.collated THEN {collation} END"),
            ("is_nullable", "bit", "t.nullable"),
            ("is_user_defined", "bit", "(t.user_type_id > 256)"),
            ("is_assembly_type", "bit", "(t.system_type_id = 240)"),
            ("default_object_id", "int", "0"),
            ("rule_object_id", "int", "0"),
            ("is_table_type", "bit", "t.of_tables"),
        ],
        r#"(SELECT name, system_type_id, user_type_id, 4 AS schema_id, max_length, precision, scale, collated, 0 AS of_tables,
                   name NOT IN ('sysname', 'timestamp') AS nullable FROM {types}
            UNION ALL SELECT name, 243, user_type_id, schema_id, -1, 0, 0, 0, 1, 0 FROM db."$table_types"
            UNION ALL SELECT name, type_id, user_type_id, schema_id, max_length, precision, scale,
                   type_id IN (35, 99, 167, 175, 231, 239), 0, is_nullable FROM db."$alias_types") t"#
    ),
    view!(
        "indexes",
        &[
            ("object_id", "int", "i.object_id"),
            ("name", "sysname", "i.name"),
            ("index_id", "int", "i.index_id"),
            ("type", "tinyint", "CASE i.index_id WHEN 0 THEN 0 WHEN 1 THEN 1 ELSE 2 END"),
            (
                "type_desc",
                "nvarchar(60)",
                "CASE i.index_id WHEN 0 THEN 'HEAP' WHEN 1 THEN 'CLUSTERED' ELSE 'NONCLUSTERED' END"
            ),
            ("is_unique", "bit", "i.is_unique"),
            ("data_space_id", "int", "1"),
            ("ignore_dup_key", "bit", "0"),
            ("is_primary_key", "bit", "i.is_primary_key"),
            ("is_unique_constraint", "bit", "(i.constraint_id IS NOT NULL AND NOT i.is_primary_key)"),
            ("fill_factor", "tinyint", "0"),
            ("is_padded", "bit", "0"),
            ("is_disabled", "bit", "0"),
            ("is_hypothetical", "bit", "0"),
            ("is_ignored_in_optimization", "bit", "0"),
            ("allow_row_locks", "bit", "1"),
            ("allow_page_locks", "bit", "1"),
            ("has_filter", "bit", "(i.filter IS NOT NULL)"),
            ("filter_definition", "nvarchar(max)", "i.filter"),
            ("compression_delay", "int", "NULL"),
            ("suppress_dup_key_messages", "bit", "0"),
            ("auto_created", "bit", "0"),
            ("optimize_for_sequential_key", "bit", "0"),
        ],
        INDEXES
    ),
    view!(
        "index_columns",
        &[
            ("object_id", "int", "i.object_id"),
            ("index_id", "int", "i.index_id"),
            ("index_column_id", "int", "i.index_column_id"),
            ("column_id", "int", "i.column_id"),
            ("key_ordinal", "tinyint", "i.key_ordinal"),
            ("partition_ordinal", "tinyint", "0"),
            ("is_descending_key", "bit", "i.is_descending"),
            ("is_included_column", "bit", "i.is_included"),
            ("column_store_order_ordinal", "tinyint", "0"),
        ],
        r#"db."$index_columns" i"#
    ),
    view!(
        "key_constraints",
        object_columns!(
            ("unique_index_id", "int", "i.index_id"),
            ("is_system_named", "bit", "i.is_system_named"),
            ("is_enforced", "bit", "1"),
        ),
        r#"db."$objects" o JOIN db."$indexes" i ON i.constraint_id = o.object_id"#
    ),
    view!(
        "foreign_keys",
        object_columns!(
            ("referenced_object_id", "int", "f.referenced_object_id"),
            ("key_index_id", "int", "f.key_index_id"),
            ("is_disabled", "bit", "f.is_disabled"),
            ("is_not_for_replication", "bit", "f.is_nfr"),
            ("is_not_trusted", "bit", "f.is_not_trusted"),
            ("delete_referential_action", "tinyint", "f.delete_action"),
            ("delete_referential_action_desc", "nvarchar(60)", ACTION[0]),
            ("update_referential_action", "tinyint", "f.update_action"),
            ("update_referential_action_desc", "nvarchar(60)", ACTION[1]),
            ("is_system_named", "bit", "f.is_system_named"),
        ),
        r#"db."$objects" o JOIN db."$foreign_keys" f ON f.object_id = o.object_id"#
    ),
    view!(
        "foreign_key_columns",
        &[
            ("constraint_object_id", "int", "k.object_id"),
            ("constraint_column_id", "int", "k.ordinal"),
            ("parent_object_id", "int", "f.parent_object_id"),
            ("parent_column_id", "int", "k.parent_column_id"),
            ("referenced_object_id", "int", "f.referenced_object_id"),
            ("referenced_column_id", "int", "k.referenced_column_id"),
        ],
        r#"db."$foreign_key_columns" k JOIN db."$foreign_keys" f ON f.object_id = k.object_id"#
    ),
    view!(
        "default_constraints",
        object_columns!(
            ("parent_column_id", "int", "d.column_id"),
            ("definition", "nvarchar(max)", "d.definition"),
            ("is_system_named", "bit", "d.is_system_named"),
        ),
        r#"db."$objects" o JOIN db."$defaults" d ON d.object_id = o.object_id"#
    ),
    view!(
        "check_constraints",
        object_columns!(
            ("is_disabled", "bit", "k.is_disabled"),
            ("is_not_for_replication", "bit", "k.is_nfr"),
            ("is_not_trusted", "bit", "k.is_not_trusted"),
            ("parent_column_id", "int", "k.column_id"),
            ("definition", "nvarchar(max)", "k.definition"),
            ("uses_database_collation", "bit", "1"),
            ("is_system_named", "bit", "k.is_system_named"),
        ),
        r#"db."$objects" o JOIN db."$checks" k ON k.object_id = o.object_id"#
    ),
    view!(
        "partitions",
        &[
            ("partition_id", "bigint", "(i.object_id * 256 + i.index_id)"),
            ("object_id", "int", "i.object_id"),
            ("index_id", "int", "i.index_id"),
            ("partition_number", "int", "1"),
            ("hobt_id", "bigint", "(i.object_id * 256 + i.index_id)"),
            ("rows", "bigint", "{row_count}"),
            ("filestream_filegroup_id", "smallint", "0"),
            ("data_compression", "tinyint", "0"),
            ("data_compression_desc", "nvarchar(60)", "'NONE'"),
        ],
        INDEXES
    ),
    view!(
        "dm_db_partition_stats",
        &[
            ("partition_id", "bigint", "(i.object_id * 256 + i.index_id)"),
            ("object_id", "int", "i.object_id"),
            ("index_id", "int", "i.index_id"),
            ("partition_number", "int", "1"),
            ("row_count", "bigint", "{row_count}"),
        ],
        INDEXES
    ),
    view!(
        "database_principals",
        &[
            ("name", "sysname", "p.name"),
            ("principal_id", "int", "p.principal_id"),
            ("type", "char(2)", "substr(p.type || ' ', 1, 2)"),
            ("type_desc", "nvarchar(60)", "CASE p.type WHEN 'R' THEN 'DATABASE_ROLE' ELSE 'SQL_USER' END"),
            ("default_schema_name", "sysname", "p.default_schema"),
            ("create_date", "datetime", "p.create_date"),
            ("modify_date", "datetime", "ifnull(p.modify_date, p.create_date)"),
            ("owning_principal_id", "int", "p.owner"),
            ("sid", "varbinary(85)", "p.sid"),
            ("is_fixed_role", "bit", "(p.principal_id >= 16384)"),
            (
                "authentication_type",
                "int",
                "CASE WHEN p.type = 'S' AND p.sid IS NOT NULL AND length(p.sid) < 28 AND p.principal_id <> 2 THEN 1 ELSE 0 END"
            ),
            (
                "authentication_type_desc",
                "nvarchar(60)",
                "CASE WHEN p.type = 'S' AND p.sid IS NOT NULL AND length(p.sid) < 28 AND p.principal_id <> 2 THEN 'INSTANCE' \
                 ELSE 'NONE' END"
            ),
        ],
        r#"db."$principals" p"#
    ),
    view!(
        "database_permissions",
        &[
            ("class", "tinyint", "p.class"),
            (
                "class_desc",
                "nvarchar(60)",
                "CASE p.class WHEN 0 THEN 'DATABASE' WHEN 1 THEN 'OBJECT_OR_COLUMN' WHEN 3 THEN 'SCHEMA' ELSE 'DATABASE_PRINCIPAL' END"
            ),
            ("major_id", "int", "p.major_id"),
            ("minor_id", "int", "0"),
            ("grantee_principal_id", "int", "p.grantee"),
            ("grantor_principal_id", "int", "p.grantor"),
            ("type", "char(4)", "substr(p.type || '    ', 1, 4)"),
            ("permission_name", "sysname", "p.permission_name"),
            ("state", "char(1)", "p.state"),
            (
                "state_desc",
                "nvarchar(60)",
                "CASE p.state WHEN 'D' THEN 'DENY' WHEN 'G' THEN 'GRANT' ELSE 'GRANT_WITH_GRANT_OPTION' END"
            ),
        ],
        r#"db."$permissions" p"#
    ),
    view!(
        "data_spaces",
        &[
            ("name", "sysname", "'PRIMARY'"),
            ("data_space_id", "int", "1"),
            ("type", "char(2)", "'FG'"),
            ("type_desc", "nvarchar(60)", "'ROWS_FILEGROUP'"),
            ("is_default", "bit", "1"),
            ("is_system", "bit", "0"),
        ],
        "(SELECT 1) one"
    ),
    view!(
        "filegroups",
        &[
            ("name", "sysname", "'PRIMARY'"),
            ("data_space_id", "int", "1"),
            ("type", "char(2)", "'FG'"),
            ("type_desc", "nvarchar(60)", "'ROWS_FILEGROUP'"),
            ("is_default", "bit", "1"),
            ("is_system", "bit", "0"),
            ("is_read_only", "bit", "0"),
        ],
        "(SELECT 1) one"
    ),
    view!(
        "triggers",
        &[
            ("name", "sysname", "o.name"),
            ("object_id", "int", "o.object_id"),
            ("parent_class", "tinyint", "1"),
            ("parent_class_desc", "nvarchar(60)", "'OBJECT_OR_COLUMN'"),
            ("parent_id", "int", "o.parent_object_id"),
            ("type", "char(2)", TYPE),
            ("type_desc", "nvarchar(60)", TYPE_DESC),
            ("create_date", "datetime", "o.create_date"),
            ("modify_date", "datetime", "o.modify_date"),
            ("is_ms_shipped", "bit", "o.is_ms_shipped"),
            ("is_disabled", "bit", "m.is_disabled"),
            ("is_not_for_replication", "bit", "m.is_nfr"),
            ("is_instead_of_trigger", "bit", "0"),
        ],
        r#"db."$objects" o JOIN db."$modules" m ON m.object_id = o.object_id WHERE o.type = 'TR'"#
    ),
    view!(
        "trigger_events",
        &[
            ("object_id", "int", "e.object_id"),
            ("type", "int", "e.type"),
            ("type_desc", "nvarchar(60)", "CASE e.type WHEN 1 THEN 'INSERT' WHEN 2 THEN 'UPDATE' ELSE 'DELETE' END"),
            ("is_trigger_event", "bit", "1"),
            ("is_first", "bit", "e.is_first"),
            ("is_last", "bit", "e.is_last"),
            ("event_group_type", "int", "NULL"),
            ("event_group_type_desc", "nvarchar(60)", "NULL"),
        ],
        r#"db."$trigger_events" e"#
    ),
    view!(
        "sql_modules",
        &[
            ("object_id", "int", "m.object_id"),
            ("definition", "nvarchar(max)", "m.definition"),
            ("uses_ansi_nulls", "bit", "1"),
            ("uses_quoted_identifier", "bit", "1"),
            ("is_schema_bound", "bit", "(m.bound_to IS NOT NULL)"),
            ("uses_database_collation", "bit", "0"),
            ("is_recompiled", "bit", "0"),
            ("null_on_null_input", "bit", "0"),
            ("execute_as_principal_id", "int", "NULL"),
            ("uses_native_compilation", "bit", "0"),
        ],
        r#"db."$modules" m"#
    ),
    view!(
        "parameters",
        &[
            ("object_id", "int", "p.object_id"),
            ("name", "sysname", "p.name"),
            ("parameter_id", "int", "p.parameter_id"),
            ("system_type_id", "tinyint", "CASE WHEN p.type_id BETWEEN 128 AND 130 THEN 240 ELSE p.type_id END"),
            ("user_type_id", "int", "p.user_type_id"),
            ("max_length", "smallint", "p.max_length"),
            ("precision", "tinyint", "p.precision"),
            ("scale", "tinyint", "p.scale"),
            ("is_output", "bit", "p.is_output"),
            ("is_cursor_ref", "bit", "0"),
            // For T-SQL modules it is always 0: the text has the defaults.
            ("has_default_value", "bit", "0"),
            ("is_xml_document", "bit", "0"),
            ("xml_collection_id", "int", "0"),
            ("is_readonly", "bit", "p.is_readonly"),
            ("is_nullable", "bit", "1"),
        ],
        r#"db."$parameters" p"#
    ),
    view!(
        "views",
        object_columns!(
            ("is_replicated", "bit", "0"),
            ("has_replication_filter", "bit", "0"),
            ("has_opaque_metadata", "bit", "0"),
            ("has_unchecked_assembly_data", "bit", "0"),
            ("with_check_option", "bit", "0"),
            ("is_date_correlation_view", "bit", "0"),
        ),
        r#"db."$objects" o WHERE o.type = 'V'"#
    ),
    view!(
        "procedures",
        object_columns!(
            ("is_auto_executed", "bit", "0"),
            ("is_execution_replicated", "bit", "0"),
            ("is_repl_serializable_only", "bit", "0"),
            ("skips_repl_constraints", "bit", "0"),
        ),
        r#"db."$objects" o WHERE o.type = 'P'"#
    ),
    view!(
        "sequences",
        object_columns!(
            ("start_value", "bigint", "q.start_value"),
            ("increment", "bigint", "q.increment"),
            ("minimum_value", "bigint", "q.min"),
            ("maximum_value", "bigint", "q.max"),
            ("is_cycling", "bit", "q.is_cycling"),
            ("is_cached", "bit", "q.is_cached"),
            ("cache_size", "int", "q.cache_size"),
            ("system_type_id", "tinyint", "q.type_id"),
            ("user_type_id", "int", "q.type_id"),
            ("precision", "tinyint", "q.precision"),
            ("scale", "tinyint", "0"),
            ("current_value", "bigint", "ifnull(sandbox_identity_last(q.object_id, q.last), q.start_value)"),
            ("last_used_value", "bigint", "sandbox_identity_last(q.object_id, q.last)"),
        ),
        r#"db."$objects" o JOIN db."$sequences" q ON q.object_id = o.object_id"#
    ),
    view!(
        "table_types",
        &[
            ("name", "sysname", "y.name"),
            ("system_type_id", "tinyint", "243"),
            ("user_type_id", "int", "y.user_type_id"),
            ("schema_id", "int", "y.schema_id"),
            ("principal_id", "int", "NULL"),
            ("max_length", "smallint", "-1"),
            ("precision", "tinyint", "0"),
            ("scale", "tinyint", "0"),
            ("collation_name", "sysname", "NULL"),
            ("is_nullable", "bit", "0"),
            ("is_user_defined", "bit", "1"),
            ("is_assembly_type", "bit", "0"),
            ("default_object_id", "int", "0"),
            ("rule_object_id", "int", "0"),
            ("is_table_type", "bit", "1"),
            ("type_table_object_id", "int", "y.object_id"),
            ("is_memory_optimized", "bit", "0"),
        ],
        r#"db."$table_types" y"#
    ),
    view!("synonyms", object_columns!(("base_object_name", "nvarchar(max)", "''"),), NO_OBJECTS),
    empty!(
        "extended_properties",
        &[
            ("class", "tinyint", "0"),
            ("class_desc", "nvarchar(60)", "''"),
            ("major_id", "int", "0"),
            ("minor_id", "int", "0"),
            ("name", "sysname", "''"),
            ("value", "nvarchar(max)", "''"),
        ]
    ),
    empty!("change_tracking_tables", &[("object_id", "int", "0"), ("is_track_columns_updated_on", "bit", "0")]),
    empty!(
        "change_tracking_databases",
        &[("database_id", "int", "0"), ("is_auto_cleanup_on", "bit", "0"), ("retention_period", "int", "0")]
    ),
    view!(
        "database_role_members",
        &[("role_principal_id", "int", "m.role_id"), ("member_principal_id", "int", "m.member_id")],
        r#"db."$role_members" m"#
    ),
];

/// The indexes of every table, with row 0 for those without a clustered one.
const INDEXES: &str = r#"(SELECT object_id, name, index_id, is_unique, is_primary_key, constraint_id, filter FROM db."$indexes"
    UNION ALL SELECT t.object_id, NULL, 0, 0, 0, NULL, NULL FROM db."$objects" t WHERE t.type = 'U'
    AND NOT EXISTS (SELECT 1 FROM db."$indexes" x WHERE x.object_id = t.object_id AND x.index_id = 1)) i"#;

/// `sys.types` as rows.
pub(super) fn types() -> String {
    let rows: Vec<String> = SYSTEM_TYPES
        .iter()
        .map(|(name, system, user, length, precision, scale, collated)| {
            format!(
                "SELECT {} AS name, {system} AS system_type_id, {user} AS user_type_id, {length} AS max_length, {precision} AS precision, \
                 {scale} AS scale, {} AS collated",
                literal(name),
                i32::from(*collated)
            )
        })
        .collect();
    format!("({})", rows.join(" UNION ALL "))
}
