//! What T-SQL has and the sandbox leaves out, by its words and names.
//!
//! A statement or name that exists on SQL Server must not look like a mistake of its author: error 102 (syntax), 195, 208 or 2812 (no
//! such function, object or procedure) are kept for what SQL Server does not know either. The lists follow
//! <https://learn.microsoft.com/sql/t-sql/statements/statements>,
//! <https://learn.microsoft.com/sql/t-sql/functions/functions>,
//! <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/system-stored-procedures-transact-sql> and
//! <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/catalog-views-transact-sql>. A name that the sandbox comes
//! to know is found before anybody looks here.

/// First words of statements.
#[rustfmt::skip]
const STATEMENTS: &[&str] = &[
    "ADD SENSITIVITY", "ADD SIGNATURE", "ALTER APPLICATION", "ALTER ASSEMBLY", "ALTER ASYMMETRIC",
    "ALTER AVAILABILITY", "ALTER CERTIFICATE", "ALTER COLUMN", "ALTER CREDENTIAL", "ALTER CRYPTOGRAPHIC",
    "ALTER DATABASE AUDIT", "ALTER DATABASE ENCRYPTION", "ALTER DATABASE SCOPED", "ALTER ENDPOINT", "ALTER EVENT",
    "ALTER EXTERNAL", "ALTER FULLTEXT", "ALTER MASTER", "ALTER MESSAGE", "ALTER PARTITION", "ALTER QUEUE",
    "ALTER REMOTE", "ALTER RESOURCE", "ALTER ROUTE", "ALTER SEARCH", "ALTER SECURITY", "ALTER SERVER AUDIT",
    "ALTER SERVER CONFIGURATION", "ALTER SERVICE", "ALTER SYMMETRIC", "ALTER WORKLOAD", "ALTER XML",
    "BACKUP CERTIFICATE", "BACKUP LOG", "BACKUP MASTER", "BACKUP SERVICE", "BACKUP SYMMETRIC", "BULK INSERT",
    "CLOSE ALL SYMMETRIC", "CLOSE MASTER", "CLOSE SYMMETRIC", "CREATE AGGREGATE", "CREATE APPLICATION",
    "CREATE ASSEMBLY", "CREATE ASYMMETRIC", "CREATE AVAILABILITY", "CREATE BROKER", "CREATE CERTIFICATE",
    "CREATE COLUMN", "CREATE COLUMNSTORE", "CREATE CONTRACT", "CREATE CREDENTIAL", "CREATE CRYPTOGRAPHIC",
    "CREATE DATABASE AUDIT", "CREATE DATABASE ENCRYPTION", "CREATE DATABASE SCOPED", "CREATE DEFAULT",
    "CREATE ENDPOINT", "CREATE EVENT", "CREATE EXTERNAL", "CREATE FULLTEXT", "CREATE MASTER", "CREATE MESSAGE",
    "CREATE PARTITION", "CREATE PRIMARY XML", "CREATE QUEUE", "CREATE REMOTE", "CREATE RESOURCE", "CREATE ROUTE",
    "CREATE RULE", "CREATE SEARCH", "CREATE SECURITY", "CREATE SELECTIVE", "CREATE SERVER AUDIT", "CREATE SERVICE",
    "CREATE SPATIAL", "CREATE SYMMETRIC", "CREATE SYNONYM", "CREATE WORKLOAD", "CREATE XML",
    "DISABLE TRIGGER ALL ON ALL", "DROP AGGREGATE", "DROP APPLICATION", "DROP ASSEMBLY", "DROP ASYMMETRIC",
    "DROP AVAILABILITY", "DROP BROKER", "DROP CERTIFICATE", "DROP COLUMN", "DROP CONTRACT", "DROP CREDENTIAL",
    "DROP CRYPTOGRAPHIC", "DROP DATABASE AUDIT", "DROP DATABASE ENCRYPTION", "DROP DATABASE SCOPED", "DROP DEFAULT",
    "DROP ENDPOINT", "DROP EVENT", "DROP EXTERNAL", "DROP FULLTEXT", "DROP MASTER", "DROP MESSAGE", "DROP PARTITION",
    "DROP QUEUE", "DROP REMOTE", "DROP RESOURCE", "DROP ROUTE", "DROP RULE", "DROP SEARCH", "DROP SECURITY",
    "DROP SENSITIVITY", "DROP SERVER AUDIT", "DROP SERVICE", "DROP SIGNATURE", "DROP SYMMETRIC", "DROP SYNONYM",
    "DROP WORKLOAD", "DROP XML", "ENABLE TRIGGER ALL ON ALL", "END CONVERSATION", "GET CONVERSATION",
    "MOVE CONVERSATION", "OPEN MASTER", "OPEN SYMMETRIC", "READTEXT", "RECEIVE", "RESTORE CERTIFICATE",
    "RESTORE FILELISTONLY", "RESTORE HEADERONLY", "RESTORE LABELONLY", "RESTORE LOG", "RESTORE MASTER",
    "RESTORE REWINDONLY", "RESTORE SERVICE", "RESTORE SYMMETRIC", "RESTORE VERIFYONLY", "SEND ON CONVERSATION",
    "SET OFFSETS", "SETUSER", "SHUTDOWN", "UPDATETEXT", "WRITETEXT",
];

/// Built-in functions, also those that stand in a FROM clause.
#[rustfmt::skip]
const FUNCTIONS: &[&str] = &[
    "ACOS", "APPLOCK_MODE", "APPLOCK_TEST", "APPROX_COUNT_DISTINCT", "APPROX_PERCENTILE_CONT",
    "APPROX_PERCENTILE_DISC", "APP_NAME", "ASIN", "ASSEMBLYPROPERTY", "ASYMKEYPROPERTY", "ASYMKEY_ID", "ATAN", "ATN2",
    "BASE64_DECODE", "BASE64_ENCODE", "BINARY_CHECKSUM", "BIT_COUNT", "CERTENCODED", "CERTPRIVATEKEY", "CERTPROPERTY",
    "CERT_ID", "CERT_NAME", "CHANGETABLE", "CHANGE_TRACKING_CLEANUP_VERSION", "CHANGE_TRACKING_CURRENT_VERSION",
    "CHANGE_TRACKING_IS_COLUMN_IN_MASK", "CHANGE_TRACKING_MIN_VALID_VERSION", "CHECKSUM", "CHECKSUM_AGG", "COALESCE",
    "COLLATIONPROPERTY", "COLUMNS_UPDATED", "COMPRESS", "CONNECTIONPROPERTY", "CONTAINS", "CONTAINSTABLE",
    "CONTEXT_INFO", "COS", "COT", "CRYPT_GEN_RANDOM", "CUME_DIST", "CURRENT_DATE", "CURRENT_REQUEST_ID",
    "CURRENT_TIMEZONE", "CURRENT_TIMEZONE_ID", "CURRENT_TRANSACTION_ID", "CURSOR_STATUS", "DATABASEPROPERTYEX",
    "DATABASE_PRINCIPAL_ID", "DATETRUNC", "DATE_BUCKET", "DAY", "DECOMPRESS", "DECRYPTBYASYMKEY", "DECRYPTBYCERT",
    "DECRYPTBYKEY", "DECRYPTBYKEYAUTOASYMKEY", "DECRYPTBYKEYAUTOCERT", "DECRYPTBYPASSPHRASE", "DEGREES", "DIFFERENCE",
    "EDGE_ID_FROM_PARTS", "ENCRYPTBYASYMKEY", "ENCRYPTBYCERT", "ENCRYPTBYKEY", "ENCRYPTBYPASSPHRASE", "EOMONTH",
    "EVENTDATA", "FILEGROUPPROPERTY", "FILEGROUP_ID", "FILEGROUP_NAME", "FILEPROPERTY", "FILEPROPERTYEX", "FILE_ID",
    "FILE_IDEX", "FILE_NAME", "FORMAT", "FORMATMESSAGE", "FREETEXT", "FREETEXTTABLE", "FULLTEXTCATALOGPROPERTY",
    "FULLTEXTSERVICEPROPERTY", "GENERATE_SERIES", "GETANSINULL", "GET_BIT", "GET_FILESTREAM_TRANSACTION_CONTEXT",
    "GRAPH_ID_FROM_EDGE_ID", "GRAPH_ID_FROM_NODE_ID", "GREATEST", "GROUPING", "GROUPING_ID", "HAS_DBACCESS",
    "HAS_PERMS_BY_NAME", "HOST_ID", "INDEXKEY_PROPERTY", "INDEXPROPERTY", "INDEX_COL", "ISDATE", "ISJSON", "ISNUMERIC",
    "IS_MEMBER", "IS_OBJECTSIGNED", "IS_ROLEMEMBER", "IS_SRVROLEMEMBER", "JSON_ARRAY", "JSON_ARRAYAGG",
    "JSON_CONTAINS", "JSON_MODIFY", "JSON_OBJECT", "JSON_OBJECTAGG", "JSON_PATH_EXISTS", "JSON_QUERY", "JSON_VALUE",
    "KEY_GUID", "KEY_ID", "KEY_NAME", "LEAST", "LEFT_SHIFT", "LOG", "LOGINPROPERTY", "MIN_ACTIVE_ROWVERSION", "MONTH",
    "NEWSEQUENTIALID", "NODE_ID_FROM_PARTS", "OBJECTPROPERTYEX", "OBJECT_DEFINITION", "OBJECT_ID_FROM_EDGE_ID",
    "OBJECT_ID_FROM_NODE_ID", "OPENDATASOURCE", "OPENJSON", "OPENQUERY", "OPENROWSET", "OPENXML", "ORIGINAL_DB_NAME",
    "PARSE", "PARSENAME", "PATINDEX", "PERCENTILE_CONT", "PERCENTILE_DISC", "PERCENT_RANK", "PERMISSIONS", "PREDICT",
    "PRODUCT", "PUBLISHINGSERVERNAME", "PWDCOMPARE", "PWDENCRYPT", "RADIANS", "RAND", "REGEXP_COUNT", "REGEXP_INSTR",
    "REGEXP_LIKE", "REGEXP_MATCHES", "REGEXP_REPLACE", "REGEXP_SPLIT_TO_TABLE", "REGEXP_SUBSTR", "RIGHT_SHIFT",
    "ROWCOUNT_BIG", "SESSION_CONTEXT", "SET_BIT", "SIGNBYASYMKEY", "SIGNBYCERT", "SIN", "SOUNDEX",
    "SQL_VARIANT_PROPERTY", "STATS_DATE", "STDEV", "STDEVP", "STR", "STRING_AGG", "STRING_ESCAPE", "STRING_SPLIT",
    "SUSER_ID", "SUSER_SID", "SWITCHOFFSET", "SYMKEYPROPERTY", "TAN", "TERTIARY_WEIGHTS", "TEXTPTR", "TEXTVALID",
    "TODATETIMEOFFSET", "TRANSLATE", "TRIGGER_NESTLEVEL", "TRY_PARSE", "TYPEPROPERTY", "UNISTR", "UPDATE", "VAR",
    "VARP", "VECTOR_DISTANCE", "VERIFYSIGNEDBYASYMKEY", "VERIFYSIGNEDBYCERT", "VERSION", "XACT_STATE", "YEAR",
];

/// System variables.
#[rustfmt::skip]
const VARIABLES: &[&str] = &[
    "@@CONNECTIONS", "@@CPU_BUSY", "@@CURSOR_ROWS", "@@FETCH_STATUS", "@@IDLE", "@@IO_BUSY", "@@PACKET_ERRORS", "@@PACK_RECEIVED",
    "@@PACK_SENT", "@@REMSERVER", "@@TIMETICKS", "@@TOTAL_ERRORS", "@@TOTAL_READ", "@@TOTAL_WRITE",
];

/// First parts of names of system procedures whose whole family exists: `sp_`-names that a user may choose himself are left to the
/// list below.
#[rustfmt::skip]
const PROCEDURE_FAMILIES: &[&str] = &[
    "sp_addarticle", "sp_adddist", "sp_addmerge", "sp_addpub", "sp_addpull", "sp_addpush", "sp_addsubscri",
    "sp_articl", "sp_audit_", "sp_autostats", "sp_cdc_", "sp_changearticle", "sp_changedist", "sp_changemerge",
    "sp_changepub", "sp_changesub", "sp_control_", "sp_cursor", "sp_dbmonitor", "sp_describe_", "sp_droparticle",
    "sp_dropdist", "sp_dropmerge", "sp_droppub", "sp_droppull", "sp_dropsubscri", "sp_estimate_", "sp_execute_",
    "sp_fulltext_", "sp_get_query", "sp_helparticle", "sp_helpdist", "sp_helpmerge", "sp_helppub", "sp_helppull",
    "sp_helpsubscri", "sp_invoke_", "sp_memory_", "sp_oa", "sp_posttracer", "sp_publication", "sp_query_store_",
    "sp_refresh", "sp_repl", "sp_server_diag", "sp_syspolicy_", "sp_table_type", "sp_trace_", "sp_xml_", "sp_xtp_",
    "xp_",
];

/// System procedures.
#[rustfmt::skip]
const PROCEDURES: &[&str] = &[
    "sp_add_agent_parameter", "sp_add_agent_profile", "sp_add_alert", "sp_add_category", "sp_add_job",
    "sp_add_jobschedule", "sp_add_jobserver", "sp_add_jobstep", "sp_add_notification", "sp_add_operator",
    "sp_add_schedule", "sp_addapprole", "sp_addextendedproc", "sp_addextendedproperty", "sp_addlinkedserver",
    "sp_addlinkedsrvlogin", "sp_addlogin", "sp_addmessage", "sp_addremotelogin", "sp_addrole", "sp_addrolemember",
    "sp_addserver", "sp_addsrvrolemember", "sp_addtype", "sp_addumpdevice", "sp_adduser", "sp_altermessage",
    "sp_approlepassword", "sp_attach_db", "sp_attach_schedule", "sp_attach_single_file_db", "sp_bindefault",
    "sp_bindrule", "sp_bindsession", "sp_certify_removable", "sp_changedbowner", "sp_changeobjectowner",
    "sp_changeuser", "sp_column_privileges", "sp_columns", "sp_configure", "sp_create_plan_guide",
    "sp_create_plan_guide_from_handle", "sp_create_removable", "sp_createstats", "sp_cycle_agent_errorlog",
    "sp_cycle_errorlog", "sp_databases", "sp_datatype_info", "sp_dbcmptlevel", "sp_dboption", "sp_dbremove",
    "sp_defaultdb", "sp_defaultlanguage", "sp_delete_alert", "sp_delete_backuphistory", "sp_delete_job",
    "sp_delete_jobschedule", "sp_delete_jobstep", "sp_delete_schedule", "sp_denylogin", "sp_depends", "sp_detach_db",
    "sp_detach_schedule", "sp_dropalias", "sp_dropapprole", "sp_dropdevice", "sp_dropextendedproc",
    "sp_dropextendedproperty", "sp_droplinkedsrvlogin", "sp_droplogin", "sp_dropmessage", "sp_dropremotelogin",
    "sp_droprole", "sp_droprolemember", "sp_dropserver", "sp_dropsrvrolemember", "sp_droptype", "sp_dropuser",
    "sp_enum_oledb_providers", "sp_fkeys", "sp_foreignkeys", "sp_getbindtoken", "sp_grantdbaccess", "sp_grantlogin",
    "sp_help", "sp_help_job", "sp_help_jobactivity", "sp_help_jobhistory", "sp_help_jobschedule", "sp_help_jobstep",
    "sp_helpconstraint", "sp_helpdb", "sp_helpdbfixedrole", "sp_helpdevice", "sp_helpextendedproc", "sp_helpfile",
    "sp_helpfilegroup", "sp_helpindex", "sp_helplanguage", "sp_helplinkedsrvlogin", "sp_helplogins", "sp_helpntgroup",
    "sp_helpremotelogin", "sp_helprole", "sp_helprolemember", "sp_helprotect", "sp_helpserver", "sp_helpsort",
    "sp_helpsrvrole", "sp_helpsrvrolemember", "sp_helpstats", "sp_helptext", "sp_helptrigger", "sp_helpuser",
    "sp_indexes", "sp_indexoption", "sp_invalidate_textptr", "sp_linkedservers", "sp_lock", "sp_manage_jobs_by_login",
    "sp_monitor", "sp_password", "sp_pkeys", "sp_primarykeys", "sp_procoption", "sp_purge_jobhistory", "sp_recompile",
    "sp_releaseapplock", "sp_remoteoption", "sp_rename", "sp_renamedb", "sp_resetstatus", "sp_revokedbaccess",
    "sp_revokelogin", "sp_send_dbmail", "sp_sequence_get_range", "sp_server_info", "sp_serveroption",
    "sp_set_session_context", "sp_setapprole", "sp_setnetname", "sp_settriggerorder", "sp_spaceused",
    "sp_special_columns", "sp_sproc_columns", "sp_srvrolepermission", "sp_start_job", "sp_statistics", "sp_stop_job",
    "sp_stored_procedures", "sp_table_privileges", "sp_table_validation", "sp_tableoption", "sp_tables",
    "sp_testlinkedserver", "sp_unbindefault", "sp_unbindrule", "sp_unsetapprole", "sp_update_alert", "sp_update_job",
    "sp_update_jobschedule", "sp_update_jobstep", "sp_update_schedule", "sp_updateextendedproperty", "sp_updatestats",
    "sp_validatelogins", "sp_validname", "sp_who", "sp_who2",
];

/// First parts of names in the schema `sys` whose whole family exists.
#[rustfmt::skip]
const VIEW_FAMILIES: &[&str] = &[
    "asymmetric_", "availability_", "certificate", "change_tracking_", "column_encryption_", "column_master_",
    "column_store_", "column_type_usages", "column_xml_", "conversation_", "crypt_", "cryptographic_",
    "database_audit", "database_automatic_", "database_credentials", "database_files", "database_mirroring",
    "database_query_store", "database_recovery_", "database_scoped_", "dm_audit_", "dm_broker_", "dm_clr_",
    "dm_column_", "dm_cryptographic_", "dm_database_", "dm_db_", "dm_exec_", "dm_external_", "dm_filestream_",
    "dm_fts_", "dm_hadr_", "dm_io_", "dm_logpool_", "dm_os_", "dm_qn_", "dm_repl_", "dm_resource_", "dm_server_",
    "dm_sql_", "dm_tcp_", "dm_tran_", "dm_xe_", "dm_xtp_", "endpoint", "event_notification", "external_", "filetable",
    "fn_", "fulltext_", "hash_indexes", "http_endpoints", "internal_partitions", "internal_tables", "key_encryptions",
    "linked_logins", "masked_columns", "master_files", "memory_optimized_", "message_type", "messages",
    "module_assembly_", "openkeys", "parameter_", "partition_", "plan_guides", "query_context_", "query_store_",
    "registered_search_", "remote_", "resource_governor_", "routes", "securable_classes", "security_p",
    "selective_xml_", "sensitivity_", "server_assembly_", "server_audit", "server_event_", "server_file_",
    "server_memory_", "server_trigger", "service_", "services", "soap_endpoints", "spatial_", "symmetric_key",
    "syslanguages", "sysprocesses", "tcp_endpoints", "time_zone_info", "trace_", "traces", "transmission_",
    "trusted_", "type_assembly_", "via_endpoints", "xml_",
];

/// Names in the schemas `sys` and `INFORMATION_SCHEMA`.
#[rustfmt::skip]
const VIEWS: &[&str] = &[
    "all_columns", "all_objects", "all_parameters", "all_sql_modules", "all_views", "assemblies", "assembly_files",
    "assembly_modules", "assembly_references", "assembly_types", "allocation_units", "backup_devices",
    "check_constraints", "column_domain_usage", "column_privileges", "columns", "computed_columns", "configurations",
    "constraint_column_usage", "constraint_table_usage", "credentials", "data_spaces", "database_permissions",
    "database_principals", "database_role_members", "default_constraints", "destination_data_spaces",
    "domain_constraints", "domains", "events", "extended_procedures", "extended_properties", "filegroups",
    "function_order_columns", "identity_columns", "index_columns", "index_resumable_operations", "key_column_usage",
    "key_constraints", "login_token", "numbered_procedure_parameters", "numbered_procedures", "parameters",
    "partitions", "periods", "procedures", "referential_constraints", "routine_columns", "routines", "schemata",
    "sequences", "server_permissions", "server_role_members", "servers", "sql_dependencies",
    "sql_expression_dependencies", "sql_modules", "stats", "stats_columns", "synonyms", "sysaltfiles", "syscolumns",
    "syscomments", "sysconfigures", "sysdatabases", "sysdepends", "sysfiles", "sysforeignkeys", "sysindexes",
    "sysindexkeys", "syslockinfo", "syslogins", "sysmembers", "sysmessages", "sysobjects", "syspermissions",
    "sysreferences", "sysservers", "systypes", "sysusers", "system_columns",
    "system_components_surface_area_configuration", "system_internals_allocation_units", "system_objects",
    "system_parameters", "system_sql_modules", "system_views", "table_constraints", "table_privileges", "table_types",
    "tables", "trigger_event_types", "trigger_events", "triggers", "types", "user_token", "view_column_usage",
    "view_table_usage", "views",
];

/// The entry of [`STATEMENTS`] that a statement begins with; `is_word_at` tells whether its `n`-th word is the one given.
pub fn statement(is_word_at: impl Fn(usize, &str) -> bool) -> Option<&'static str> {
    STATEMENTS.iter().copied().find(|entry| entry.split(' ').enumerate().all(|(n, word)| is_word_at(n, word)))
}

/// Whether SQL Server has a built-in function of this name.
pub fn is_function(name: &str) -> bool {
    FUNCTIONS.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether SQL Server has a system variable of this name, with its `@@`.
pub fn is_variable(name: &str) -> bool {
    VARIABLES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether SQL Server has a system procedure of this name.
pub fn is_procedure(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    PROCEDURES.contains(&name.as_str()) || PROCEDURE_FAMILIES.iter().any(|family| name.starts_with(family))
}

/// Whether SQL Server has a view or table-valued function of this name in `sys` or `INFORMATION_SCHEMA`.
pub fn is_system_object(schema: &str, name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let system = schema.eq_ignore_ascii_case("sys");
    (system || schema.eq_ignore_ascii_case("INFORMATION_SCHEMA")) && VIEWS.contains(&name.as_str())
        || system && VIEW_FAMILIES.iter().any(|family| name.starts_with(family))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(text: &str) -> Option<&'static str> {
        let words: Vec<&str> = text.split_whitespace().collect();
        statement(|n, word| words.get(n).is_some_and(|w| w.eq_ignore_ascii_case(word)))
    }

    #[test]
    fn a_statement_is_known_by_all_its_first_words() {
        assert_eq!(known("create primary xml index i"), Some("CREATE PRIMARY XML"));
        assert_eq!(known("CREATE TABLE t (id int)"), None);
        assert_eq!(known("create primary"), None);
        assert_eq!(known("RECEIVE"), Some("RECEIVE"));
    }

    #[test]
    fn names_are_known_whatever_their_case_and_made_up_ones_are_not() {
        assert!(is_function("json_value") && !is_function("JSON_VALUES"));
        assert!(is_procedure("SP_AddArticle") && is_procedure("xp_cmdshell") && !is_procedure("sp_mine"));
        assert!(is_system_object("SYS", "dm_os_wait_stats") && !is_system_object("dbo", "dm_os_wait_stats"));
        assert!(is_system_object("information_schema", "Domains") && !is_system_object("sys", "nothing"));
    }
}
