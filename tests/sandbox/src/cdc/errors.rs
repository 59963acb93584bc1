//! Errors of change data capture, with the texts of
//! <https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-22000-to-22999>.

use crate::error::SqlError;

/// The database is not enabled.
pub fn not_enabled(database: &str) -> SqlError {
    SqlError::new(
        22901,
        format!(
            "The database '{database}' is not enabled for Change Data Capture. Ensure that the correct database context is set \
             and retry the operation. To report on the databases enabled for Change Data Capture, query the is_cdc_enabled \
             column in the sys.databases catalog view."
        ),
    )
}

/// The database is enabled already: a message, not an error.
pub fn already_enabled(database: &str) -> SqlError {
    let text = format!(
        "Database '{database}' is already enabled for Change Data Capture. Ensure that the correct database context is set, and \
         retry the operation. To report on the databases enabled for Change Data Capture, query the is_cdc_enabled column in \
         the sys.databases catalog view."
    );
    SqlError::new(22905, text).severity(10)
}

/// A schema or user `cdc` is in the way.
pub fn name_taken(database: &str) -> SqlError {
    SqlError::new(
        22906,
        format!(
            "The database '{database}' cannot be enabled for Change Data Capture because a database user named 'cdc' or a schema \
             named 'cdc' already exists in the current database. These objects are required exclusively by Change Data \
             Capture. Drop or rename the user or schema and retry the operation."
        ),
    )
}

/// System databases cannot be enabled.
pub fn system_database(database: &str) -> SqlError {
    SqlError::new(
        22989,
        format!(
            "Could not enable Change Data Capture for database '{database}'. Change data capture is not supported on system \
             databases, or on a distribution database."
        ),
    )
}

/// `@role_name = N''`.
pub fn empty_role() -> SqlError {
    SqlError::new(
        22907,
        "Parameter @role_name cannot be empty. Specify a value for @role_name and retry the operation. Supply null as the value \
         if no role is to be used to gate access to captured change data.",
    )
}

/// A required parameter is null or empty.
pub fn empty_parameter(name: &str) -> SqlError {
    SqlError::new(
        22963,
        format!(
            "Parameter '{name}' cannot be null or empty. Specify a value for the named parameter and retry the operation."
        ),
    )
}

/// The name of the capture instance is taken.
pub fn instance_exists(instance: &str) -> SqlError {
    SqlError::new(
        22926,
        format!(
            "Could not create a capture instance because the capture instance name '{instance}' already exists in the current \
             database. Specify an explicit unique name for the parameter @capture_instance."
        ),
    )
}

/// The name of the capture instance is too long.
pub fn instance_too_long(instance: &str) -> SqlError {
    let text = format!(
        "Capture instance name '{instance}' exceeds the length limit of 100 characters. Specify a name that satisfies the length \
         constraint."
    );
    SqlError::new(22927, text)
}

/// `@index_name` names no index.
pub fn no_such_index(index: &str, table: &str) -> SqlError {
    let text =
        format!("Index name '{index}' is not an index for table '{table}'. Specify a valid index name for the table.");
    SqlError::new(22928, text)
}

/// `@index_name` names an index that is not unique.
pub fn index_not_unique(index: &str, table: &str) -> SqlError {
    SqlError::new(
        22929,
        format!(
            "Index '{index}' must be either a primary key or a unique index for table '{table}'. Specify an index that meets at \
             least one of these requirements."
        ),
    )
}

/// A captured column does not exist.
pub fn no_such_column(column: &str, table: &str) -> SqlError {
    let text =
        format!("Could not locate '{column}' as a column of source table '{table}'. Specify a valid column name.");
    SqlError::new(22930, text)
}

/// The source table does not exist.
pub fn no_such_table(table: &str) -> SqlError {
    SqlError::new(
        22931,
        format!(
            "Source table '{table}' does not exist in the current database. Ensure that the correct database context is set. \
             Specify a valid schema and table name for the database."
        ),
    )
}

/// Net changes without a unique index.
pub fn net_changes_without_key() -> SqlError {
    SqlError::new(
        22939,
        "The parameter @supports_net_changes is set to 1, but the source table does not have a primary key defined and no \
         alternate unique index has been specified.",
    )
}

/// Net changes without capturing the key.
pub fn key_not_captured() -> SqlError {
    SqlError::new(
        22943,
        "Columns used to uniquely identify a row for net change tracking must be included in the list of captured columns. Add \
         either the primary key columns of the source table, or the columns defined for the index specified in the parameter \
         @index_name to the list of captured columns and retry the operation.",
    )
}

/// A new low end point outside of what is captured.
pub fn outside_timeline(lsn: &str, instance: &str, low: &str, high: &str) -> SqlError {
    SqlError::new(
        22957,
        format!(
            "LSN {lsn}, specified as the new low end point for the change table associated with capture instance '{instance}', is \
             not within the Change Data Capture timeline [{low}, {high}]."
        ),
    )
}

/// A capture instance that does not exist.
pub fn no_such_instance(instance: &str, table: &str) -> SqlError {
    SqlError::new(
        22960,
        format!(
            "Change data capture instance '{instance}' has not been enabled for the source table '{table}'. Use \
             sys.sp_cdc_help_change_data_capture to verify the capture instance name and retry the operation."
        ),
    )
}

/// A capture instance that the database does not have.
pub fn unknown_instance(instance: &str, database: &str) -> SqlError {
    SqlError::new(22920, format!("The named capture instance {instance} does not exist for database {database}."))
}

/// Error 4928: a column that is captured keeps its name.
pub fn replicated_column(column: &str) -> SqlError {
    SqlError::new(4928, format!("Cannot alter column '{column}' because it is 'REPLICATED'."))
}

/// A third capture instance.
pub fn two_instances(table: &str) -> SqlError {
    SqlError::new(
        22962,
        format!(
            "Two capture instances already exist for source table '{table}'. A table can have at most two capture instances. If \
             the current tracking options are not appropriate, disable change tracking for the obsolete instance by using \
             sys.sp_cdc_disable_table and retry the operation."
        ),
    )
}

/// A new low end point that is no commit.
pub fn not_a_commit(lsn: &str) -> SqlError {
    SqlError::new(
        22964,
        format!(
            "LSN {lsn}, specified as the new low end point for change table cleanup must represent the start_lsn value of a \
             current entry in the cdc.lsn_time_mapping table. Choose an LSN value that satisfies this requirement."
        ),
    )
}

/// A bracket that is not closed in the list of columns.
pub fn unterminated_column() -> SqlError {
    SqlError::new(
        22965,
        "A quoted column in the column list is not properly terminated. Verify that columns are correctly delimited and retry the \
         operation. For more information, see 'Delimited Identifiers' in Books Online.",
    )
}

/// `@maxscans` is too small.
pub fn bad_max_scans() -> SqlError {
    let text = "The value for parameter @maxscans specified for the Change Data Capture job must be greater than 0.";
    SqlError::new(22970, text)
}

/// `@maxtrans` is too small.
pub fn bad_max_transactions() -> SqlError {
    SqlError::new(22991, "The value specified for the parameter @maxtrans must be greater than 0.")
}

/// `@pollinginterval` is out of range.
pub fn bad_polling_interval() -> SqlError {
    SqlError::new(
        22990,
        "The value specified for the parameter @pollinginterval must be greater than or equal to 0 and less than 24 hours(Max: \
         86399 seconds). Specify a polling interval (in seconds) that is less than 24 hours (86,400 seconds).",
    )
}

/// `@job_type` is neither `capture` nor `cleanup`.
pub fn bad_job_type(job_type: &str) -> SqlError {
    SqlError::new(
        22992,
        format!(
            "The specified @job_type, {job_type}, is not supported. The value specified for the parameter @job_type must be \
             N'capture' to indicate a capture job, or N'cleanup' to indicate a cleanup job."
        ),
    )
}

/// `@retention` is out of range.
pub fn bad_retention() -> SqlError {
    SqlError::new(
        22994,
        "The retention value specified for the Change Data Capture cleanup process must be greater than 0 and less than or equal \
         to 52594800. When creating or modifying the cleanup job, specify a retention value (in minutes) that is within that \
         range. If this error is encountered when executing the sys.sp_cdc_cleanup_change_table stored procedure, reset the \
         retention value associated with the job to a non-negative value less than 52594800 by using the sp_cdc_change_job \
         stored procedure.",
    )
}

/// A setting of the cleanup job was given for the capture job.
pub fn retention_of_capture() -> SqlError {
    SqlError::new(
        22995,
        "A value for the parameter @retention cannot be specified when the job type is 'capture'. Specify NULL for the parameter, \
         or omit the parameter from the statement.",
    )
}

/// A setting of the capture job was given for the cleanup job.
pub fn capture_setting_of_cleanup() -> SqlError {
    SqlError::new(
        22996,
        "When adding or modifying the CDC cleanup job, @pollinginterval, @maxtrans, @maxscans, and @continuous may not be \
         assigned non-null values.",
    )
}

/// There is no such job.
pub fn no_such_job(job_type: &str) -> SqlError {
    SqlError::new(
        22997,
        format!(
            "The Change Data Capture '{job_type}' job does not exist in the system table 'msdb.dbo.cdc_jobs'. Use the stored \
             procedure 'sys.sp_cdc_add_job' to add the Change Data Capture job."
        ),
    )
}

/// The table has no capture instance.
pub fn table_not_enabled(table: &str) -> SqlError {
    SqlError::new(
        22985,
        format!(
            "Change data capture has not been enabled for source table '{table}'. Specify the name of a table enabled for Change \
             Data Capture. To report on the tables enabled for Change Data Capture, query the is_tracked_by_cdc column in the \
             sys.tables catalog view."
        ),
    )
}

/// Only one of schema and name was given to `sp_cdc_help_change_data_capture`.
pub fn half_a_name() -> SqlError {
    SqlError::new(
        22972,
        "When calling stored procedure [sys].sp_cdc_help_change_data capture, if either @source_schema or @source_name is \
         non-null and non-empty, the other parameter must also be non-null and non-empty.",
    )
}

/// A filegroup that does not exist.
pub fn no_such_filegroup(filegroup: &str, database: &str) -> SqlError {
    SqlError::new(
        22973,
        format!(
            "The specified filegroup '{filegroup}' is not a valid filegroup for database '{database}'. Specify a valid existing \
             filegroup or create the named filegroup, and retry the operation."
        ),
    )
}

/// A table of CDC itself.
pub fn own_table() -> SqlError {
    SqlError::new(22974, "Tables contained in the cdc schema cannot be enabled for Change Data Capture.")
}

/// Column names that change tables need.
pub fn reserved_columns(table: &str) -> SqlError {
    SqlError::new(
        22975,
        format!(
            "Source table '{table}' contains one of the following reserved column names: __$start_lsn, __$end_lsn, __$seqval, \
             __$operation, and __$update_mask. To enable Change Data Capture for this table, specify a captured column list and \
             ensure that these columns are excluded from the list."
        ),
    )
}

/// The database is not enabled, when it is asked to clean up.
pub fn cleanup_not_enabled(database: &str) -> SqlError {
    let text = format!(
        "The cleanup request for database '{database}' failed.  The database is not enabled for Change Data Capture."
    );
    SqlError::new(22910, text)
}

/// `@threshold` is too small.
pub fn bad_threshold() -> SqlError {
    SqlError::new(
        22850,
        "The threshold value specified for the Change Data Capture cleanup process must be greater than 0. When creating or \
         modifying the cleanup job, specify a positive threshold value. If this error is encountered when executing the \
         sys.sp_cdc_cleanup_change_table stored procedure, reset the threshold value associated with the job to a non-negative \
         value by using the sp_cdc_change_job stored procedure.",
    )
}

/// `@continuous` is neither 0 nor 1.
pub fn bad_continuous() -> SqlError {
    SqlError::new(22998, "The value specified for the parameter @continuous must be 0 or 1.")
}

/// A pause between scans where there is only one round of them.
pub fn interval_of_one_scan() -> SqlError {
    SqlError::new(
        22999,
        "The value specified for the parameter @pollinginterval must be null or 0 when the stored procedure 'sys.sp_cdc_scan' is \
         not being run in continuous mode.",
    )
}

/// The caller is not a member of `sysadmin`.
pub fn not_sysadmin() -> SqlError {
    let text = "Caller is not authorized to initiate the requested action. Sysadmin privileges are required.";
    SqlError::new(22902, text)
}

/// The caller is not a member of `db_owner`.
pub fn not_owner() -> SqlError {
    let text = "Caller is not authorized to initiate the requested action. DBO privileges are required.";
    SqlError::new(22904, text)
}

/// The caller may change tables, but not captured ones.
pub fn not_ddl_admin() -> SqlError {
    let text = "Only members of the sysadmin or db_owner or db_ddladmin roles can perform this operation when Change Data Capture is \
                enabled for a database.";
    SqlError::new(22914, text)
}

/// The caller may not read the log.
pub fn not_log_reader() -> SqlError {
    let text = "Only members of the sysadmin fixed server role or db_owner fixed database role can perform this operation. Contact an \
                administrator with sufficient permissions to perform this operation.";
    SqlError::new(21050, text).severity(14)
}

/// No such instance, or none that the caller may see.
pub fn hidden() -> SqlError {
    SqlError::new(22981, "Object does not exist or access is denied.")
}

/// The index that identifies rows has a column that can be NULL.
pub fn nullable_index(index: &str, table: &str) -> SqlError {
    SqlError::new(
        22838,
        format!(
            "All columns of a CDC unique index must be defined as NOT NULL. Index '{index}' selected as the CDC unique index for \
             source table '{table}' does not meet this requirement. Define all columns of the selected index as NOT NULL or select \
             another unique index as the CDC index and resubmit the request."
        ),
    )
}

/// The index that identifies rows has too many columns for net changes.
pub fn wide_index(index: &str, schema: &str, table: &str) -> SqlError {
    SqlError::new(
        22865,
        format!(
            "The number of columns in the index '{index}', used as the unique row identifier to support net changes for table \
             '{schema}'.'{table}', exceeds the limit of 14 columns. Set the parameter @supports_net_changes to 0 or use the \
             @index_name parameter to identify a unique index with fewer than 15 columns as the unique row identifier and resubmit \
             the request."
        ),
    )
}

/// `@allow_partition_switch = 0` for a table without partitions: a message, not an error.
pub fn switch_ignored() -> SqlError {
    let text = "Warning: The @allow_partition_switch parameter must be 1 for tables that are not partitioned. The explicit setting \
                of the parameter to 0 was ignored. Refer to books online for more information about partition switching behavior \
                when using Change Data Capture.";
    SqlError::new(22857, text).severity(10)
}

/// A constraint whose index an instance identifies rows by.
pub fn constraint_in_use(index: &str, table: &str) -> SqlError {
    SqlError::new(
        22979,
        format!(
            "The unique index '{index}' on table '{table}' is used by Change Data Capture. The constraint using this index cannot \
             be dropped or disabled."
        ),
    )
}

/// An index that an instance identifies rows by.
pub fn index_in_use(index: &str, table: &str) -> SqlError {
    SqlError::new(
        22983,
        format!(
            "The unique index '{index}' on source table '{table}' is used by Change Data Capture. To alter or drop the index, you \
             must first disable Change Data Capture on the table."
        ),
    )
}

/// A scan while the capture job runs.
pub fn already_scanning(session: i32) -> SqlError {
    let text = format!(
        "Another connection with session ID {session} is already running 'sp_replcmds' for Change Data Capture in the current \
         database."
    );
    SqlError::new(22903, text)
}

/// Error 229 for a table of `msdb` that nobody but its owner, unless permitted, reads.
pub fn not_in_msdb(table: &str) -> SqlError {
    let text = format!("The SELECT permission was denied on the object '{table}', database 'msdb', schema 'dbo'.");
    SqlError::new(229, text).severity(14).with_state(5)
}
