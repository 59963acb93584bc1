//! The views over the server: [`server_views`](super::super::server_views) makes their rows.

use super::View;

macro_rules! view {
    ($name:literal, $columns:expr, $from:literal) => {
        View {
            schema: "sys",
            name: $name,
            columns: $columns,
            from: concat!("json_each(sandbox_server_view('", $from, "')) r"),
            server_wide: true,
        }
    };
}

pub(super) const VIEWS: &[View] = &[
    view!(
        "databases",
        &[
            ("name", "sysname", "json_extract(r.value, '$[1]')"),
            ("database_id", "int", "json_extract(r.value, '$[0]')"),
            ("source_database_id", "int", "NULL"),
            ("owner_sid", "varbinary(85)", "unhex(json_extract(r.value, '$[10]'))"),
            ("create_date", "datetime", "json_extract(r.value, '$[2]')"),
            ("compatibility_level", "tinyint", "160"),
            ("collation_name", "sysname", "json_extract(r.value, '$[12]')"),
            ("user_access", "tinyint", "json_extract(r.value, '$[8]')"),
            (
                "user_access_desc",
                "nvarchar(60)",
                "CASE json_extract(r.value, '$[8]') WHEN 1 THEN 'SINGLE_USER' ELSE 'MULTI_USER' END"
            ),
            ("is_read_only", "bit", "0"),
            ("is_auto_close_on", "bit", "0"),
            ("is_auto_shrink_on", "bit", "0"),
            ("state", "tinyint", "0"),
            ("state_desc", "nvarchar(60)", "'ONLINE'"),
            ("is_in_standby", "bit", "0"),
            ("is_cleanly_shutdown", "bit", "0"),
            ("is_supplemental_logging_enabled", "bit", "0"),
            ("snapshot_isolation_state", "tinyint", "json_extract(r.value, '$[3]')"),
            (
                "snapshot_isolation_state_desc",
                "nvarchar(60)",
                "CASE json_extract(r.value, '$[3]') WHEN 1 THEN 'ON' WHEN 2 THEN 'IN_TRANSITION_TO_ON' WHEN 3 THEN 'IN_TRANSITION_TO_OFF' ELSE 'OFF' END"
            ),
            ("is_read_committed_snapshot_on", "bit", "json_extract(r.value, '$[4]')"),
            ("recovery_model", "tinyint", "json_extract(r.value, '$[5]')"),
            ("recovery_model_desc", "nvarchar(60)", "json_extract(r.value, '$[6]')"),
            ("is_ansi_null_default_on", "bit", "0"),
            ("is_ansi_nulls_on", "bit", "0"),
            ("is_recursive_triggers_on", "bit", "json_extract(r.value, '$[11]')"),
            ("is_trustworthy_on", "bit", "0"),
            ("is_published", "bit", "0"),
            ("is_subscribed", "bit", "0"),
            ("is_merge_published", "bit", "0"),
            ("is_distributor", "bit", "0"),
            ("is_broker_enabled", "bit", "0"),
            ("log_reuse_wait", "tinyint", "CASE json_extract(r.value, '$[9]') WHEN 1 THEN 6 ELSE 0 END"),
            (
                "log_reuse_wait_desc",
                "nvarchar(60)",
                "CASE json_extract(r.value, '$[9]') WHEN 1 THEN 'REPLICATION' ELSE 'NOTHING' END"
            ),
            ("is_cdc_enabled", "bit", "json_extract(r.value, '$[7]')"),
            ("is_encrypted", "bit", "0"),
            ("containment", "tinyint", "0"),
            ("containment_desc", "nvarchar(60)", "'NONE'"),
        ],
        "databases"
    ),
    view!(
        "dm_exec_sessions",
        &[
            ("session_id", "smallint", "json_extract(r.value, '$[0]')"),
            ("login_time", "datetime", "json_extract(r.value, '$[1]')"),
            ("host_name", "sysname", "json_extract(r.value, '$[2]')"),
            ("program_name", "sysname", "json_extract(r.value, '$[3]')"),
            ("login_name", "sysname", "json_extract(r.value, '$[4]')"),
            ("original_login_name", "sysname", "json_extract(r.value, '$[4]')"),
            ("status", "nvarchar(60)", "json_extract(r.value, '$[5]')"),
            ("database_id", "smallint", "json_extract(r.value, '$[6]')"),
            ("open_transaction_count", "int", "json_extract(r.value, '$[7]')"),
            ("transaction_isolation_level", "smallint", "json_extract(r.value, '$[8]')"),
            ("lock_timeout", "int", "json_extract(r.value, '$[9]')"),
            ("row_count", "bigint", "json_extract(r.value, '$[10]')"),
            ("security_id", "varbinary(85)", "unhex(json_extract(r.value, '$[12]'))"),
            ("is_user_process", "bit", "1"),
            ("language", "sysname", "'us_english'"),
        ],
        "sessions"
    ),
    view!(
        "dm_exec_connections",
        &[
            ("session_id", "int", "json_extract(r.value, '$[0]')"),
            ("most_recent_session_id", "int", "json_extract(r.value, '$[0]')"),
            ("connect_time", "datetime", "json_extract(r.value, '$[1]')"),
            ("net_transport", "sysname", "'TCP'"),
            ("protocol_type", "sysname", "'TSQL'"),
            ("auth_scheme", "sysname", "'SQL'"),
            ("client_net_address", "varchar(20)", "json_extract(r.value, '$[11]')"),
        ],
        "sessions"
    ),
    view!(
        "dm_tran_session_transactions",
        &[
            ("session_id", "int", "json_extract(r.value, '$[0]')"),
            ("transaction_id", "bigint", "json_extract(r.value, '$[13]')"),
            ("open_transaction_count", "int", "json_extract(r.value, '$[7]')"),
            ("is_user_transaction", "bit", "1"),
        ],
        "transactions"
    ),
    view!(
        "dm_exec_requests",
        &[
            ("session_id", "smallint", "json_extract(r.value, '$[0]')"),
            ("request_id", "int", "0"),
            ("start_time", "datetime", "json_extract(r.value, '$[1]')"),
            ("status", "nvarchar(60)", "json_extract(r.value, '$[2]')"),
            ("command", "nvarchar(60)", "json_extract(r.value, '$[3]')"),
            ("database_id", "smallint", "json_extract(r.value, '$[4]')"),
            ("blocking_session_id", "smallint", "json_extract(r.value, '$[5]')"),
            ("wait_type", "nvarchar(60)", "json_extract(r.value, '$[6]')"),
            ("wait_time", "int", "json_extract(r.value, '$[7]')"),
            ("wait_resource", "nvarchar(60)", "json_extract(r.value, '$[8]')"),
            ("open_transaction_count", "int", "json_extract(r.value, '$[9]')"),
            ("transaction_id", "bigint", "json_extract(r.value, '$[10]')"),
            ("transaction_isolation_level", "smallint", "json_extract(r.value, '$[11]')"),
            ("lock_timeout", "int", "json_extract(r.value, '$[12]')"),
            ("deadlock_priority", "int", "json_extract(r.value, '$[13]')"),
            ("row_count", "bigint", "json_extract(r.value, '$[14]')"),
            ("total_elapsed_time", "int", "json_extract(r.value, '$[15]')"),
        ],
        "requests"
    ),
    view!(
        "dm_tran_locks",
        &[
            ("resource_type", "nvarchar(60)", "json_extract(r.value, '$[0]')"),
            ("resource_subtype", "nvarchar(60)", "''"),
            ("resource_database_id", "int", "json_extract(r.value, '$[1]')"),
            ("resource_description", "nvarchar(60)", "json_extract(r.value, '$[2]')"),
            ("resource_associated_entity_id", "bigint", "json_extract(r.value, '$[3]')"),
            ("request_mode", "nvarchar(60)", "json_extract(r.value, '$[4]')"),
            ("request_type", "nvarchar(60)", "'LOCK'"),
            ("request_status", "nvarchar(60)", "json_extract(r.value, '$[5]')"),
            ("request_session_id", "int", "json_extract(r.value, '$[6]')"),
            ("request_owner_type", "nvarchar(60)", "json_extract(r.value, '$[7]')"),
            ("request_owner_id", "bigint", "json_extract(r.value, '$[8]')"),
        ],
        "locks"
    ),
    view!(
        "dm_os_waiting_tasks",
        &[
            ("session_id", "smallint", "json_extract(r.value, '$[0]')"),
            ("wait_duration_ms", "bigint", "json_extract(r.value, '$[1]')"),
            ("wait_type", "nvarchar(60)", "json_extract(r.value, '$[2]')"),
            ("blocking_session_id", "smallint", "json_extract(r.value, '$[3]')"),
            ("resource_description", "nvarchar(max)", "json_extract(r.value, '$[4]')"),
        ],
        "waits"
    ),
    view!(
        "dm_tran_active_transactions",
        &[
            ("transaction_id", "bigint", "json_extract(r.value, '$[13]')"),
            ("name", "nvarchar(60)", "'user_transaction'"),
            ("transaction_begin_time", "datetime", "json_extract(r.value, '$[14]')"),
            ("transaction_type", "int", "1"),
            ("transaction_state", "int", "CASE json_extract(r.value, '$[15]') WHEN 1 THEN 7 ELSE 2 END"),
        ],
        "transactions"
    ),
    view!(
        "configurations",
        &[
            ("configuration_id", "int", "json_extract(r.value, '$[0]')"),
            ("name", "nvarchar(35)", "json_extract(r.value, '$[1]')"),
            ("value", "sql_variant", "ts_variant(json_extract(r.value, '$[2]'), 4, NULL)"),
            ("minimum", "sql_variant", "ts_variant(json_extract(r.value, '$[4]'), 4, NULL)"),
            ("maximum", "sql_variant", "ts_variant(json_extract(r.value, '$[5]'), 4, NULL)"),
            ("value_in_use", "sql_variant", "ts_variant(json_extract(r.value, '$[3]'), 4, NULL)"),
            ("description", "nvarchar(255)", "json_extract(r.value, '$[6]')"),
            ("is_dynamic", "bit", "1"),
            ("is_advanced", "bit", "json_extract(r.value, '$[7]')"),
        ],
        "configurations"
    ),
    view!(
        "dm_server_services",
        &[
            ("servicename", "nvarchar(256)", "json_extract(r.value, '$[0]')"),
            ("startup_type", "int", "2"),
            ("startup_type_desc", "nvarchar(256)", "'Automatic'"),
            ("status", "int", "4"),
            ("status_desc", "nvarchar(256)", "'Running'"),
            ("process_id", "int", "json_extract(r.value, '$[1]')"),
            ("is_clustered", "nvarchar(1)", "'N'"),
            ("cluster_nodename", "nvarchar(256)", "NULL"),
        ],
        "services"
    ),
    view!(
        "server_permissions",
        &[
            ("class", "tinyint", "100"),
            ("class_desc", "nvarchar(60)", "'SERVER'"),
            ("major_id", "int", "0"),
            ("minor_id", "int", "0"),
            ("grantee_principal_id", "int", "json_extract(r.value, '$[0]')"),
            ("grantor_principal_id", "int", "1"),
            ("permission_name", "nvarchar(128)", "json_extract(r.value, '$[1]')"),
            ("state", "char(1)", "json_extract(r.value, '$[2]')"),
            ("state_desc", "nvarchar(60)", "CASE json_extract(r.value, '$[2]') WHEN 'D' THEN 'DENY' ELSE 'GRANT' END"),
        ],
        "server_permissions"
    ),
    view!(
        "server_principals",
        &[
            ("name", "sysname", "json_extract(r.value, '$[1]')"),
            ("principal_id", "int", "json_extract(r.value, '$[0]')"),
            ("sid", "varbinary(85)", "unhex(json_extract(r.value, '$[2]'))"),
            ("type", "char(2)", "json_extract(r.value, '$[4]')"),
            ("type_desc", "nvarchar(60)", "json_extract(r.value, '$[5]')"),
            ("is_disabled", "bit", "json_extract(r.value, '$[6]')"),
            ("create_date", "datetime", "json_extract(r.value, '$[3]')"),
            ("modify_date", "datetime", "json_extract(r.value, '$[3]')"),
            ("default_database_name", "sysname", "json_extract(r.value, '$[7]')"),
            ("default_language_name", "sysname", "CASE json_extract(r.value, '$[4]') WHEN 'S ' THEN 'us_english' END"),
            ("credential_id", "int", "NULL"),
            ("owning_principal_id", "int", "json_extract(r.value, '$[8]')"),
            ("is_fixed_role", "bit", "json_extract(r.value, '$[9]')"),
        ],
        "server_principals"
    ),
    view!(
        "server_role_members",
        &[
            ("role_principal_id", "int", "json_extract(r.value, '$[0]')"),
            ("member_principal_id", "int", "json_extract(r.value, '$[1]')"),
        ],
        "server_role_members"
    ),
    view!(
        "sql_logins",
        &[
            ("name", "sysname", "json_extract(r.value, '$[1]')"),
            ("principal_id", "int", "json_extract(r.value, '$[0]')"),
            ("sid", "varbinary(85)", "unhex(json_extract(r.value, '$[2]'))"),
            ("type", "char(2)", "'S '"),
            ("type_desc", "nvarchar(60)", "'SQL_LOGIN'"),
            ("is_disabled", "bit", "json_extract(r.value, '$[6]')"),
            ("create_date", "datetime", "json_extract(r.value, '$[3]')"),
            ("modify_date", "datetime", "json_extract(r.value, '$[3]')"),
            ("default_database_name", "sysname", "json_extract(r.value, '$[7]')"),
            ("default_language_name", "sysname", "'us_english'"),
        ],
        "logins"
    ),
];
