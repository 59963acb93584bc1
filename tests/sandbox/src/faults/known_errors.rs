//! Errors that a fault raises: those that clients have to expect, with the severity and text that SQL Server gives them.
//!
//! <https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors>,
//! <https://learn.microsoft.com/azure/azure-sql/database/troubleshoot-common-errors-issues>.

use super::Passer;
use crate::error::SqlError;

/// The error that a test asked for; what it left open is filled in.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Number.
    pub number: i32,
    /// Severity.
    pub severity: Option<u8>,
    /// State.
    pub state: Option<u8>,
    /// Text.
    pub message: Option<String>,
}

/// Severity, state and text of a number; `{session}`, `{database}`, `{table}` stand for what the server would name.
fn known(number: i32) -> Option<(u8, u8, &'static str)> {
    Some(match number {
        601 => (12, 3, "Could not continue scan with NOLOCK due to data movement."),
        701 => (17, 123, "There is insufficient system memory in resource pool 'default' to run this query."),
        1105 => (
            17,
            2,
            "Could not allocate space for object '{table}' in database '{database}' because the 'PRIMARY' filegroup is full. \
             Create disk space by deleting unneeded files, dropping objects in the filegroup, adding additional files to the \
             filegroup, or setting autogrowth on for existing files in the filegroup.",
        ),
        1205 => (
            13,
            51,
            "Transaction (Process ID {session}) was deadlocked on lock resources with another process and has been chosen as the \
             deadlock victim. Rerun the transaction.",
        ),
        1222 => (16, 51, "Lock request time out period exceeded."),
        3960 => (
            16,
            2,
            "Snapshot isolation transaction aborted due to update conflict. You cannot use snapshot isolation to access table \
             '{table}' directly or indirectly in database '{database}' to update, delete, or insert the row that has been modified \
             or deleted by another transaction. Retry the transaction or change the isolation level for the update/delete \
             statement.",
        ),
        8645 => (
            17,
            1,
            "A timeout occurred while waiting for memory resources to execute the query in resource pool 'default' (2). Rerun the \
             query.",
        ),
        9002 => (17, 2, "The transaction log for database '{database}' is full due to 'LOG_BACKUP'."),
        10928 => (
            20,
            1,
            "Resource ID: 1. The request limit for the database is 100 and has been reached. See \
             'https://docs.microsoft.com/azure/azure-sql/database/resource-limits-logical-server' for assistance.",
        ),
        10929 => (
            20,
            1,
            "Resource ID: 1. The request minimum guarantee is 0, maximum limit is 100, and the current usage for the database is \
             100. However, the server is currently too busy to support requests greater than 0 for this database.",
        ),
        40197 => {
            (17, 1, "The service has encountered an error processing your request. Please try again. Error code 40540.")
        }
        40501 => (
            20,
            1,
            "The service is currently busy. Retry the request after 10 seconds. Incident ID: \
             {00000000-0000-0000-0000-000000000000}. Code: 0.",
        ),
        40613 => (
            17,
            1,
            "Database '{database}' on server 'SANDBOX' is not currently available. Please retry the connection later. If the problem \
             persists, contact customer support, and provide them the session tracing ID of \
             '{00000000-0000-0000-0000-000000000000}'.",
        ),
        49918 => (16, 1, "Cannot process request. Not enough resources to process request. Retry your request later."),
        _ => return None,
    })
}

impl Wanted {
    /// The error for whoever passes the point.
    pub fn made_for(&self, passer: &Passer<'_>) -> SqlError {
        let (severity, state, text) = known(self.number).unwrap_or((16, 1, "sandbox: a fault on request."));
        let session = passer.session.map_or(0, |session| session.id).to_string();
        let table = passer.tables.first().map(|table| format!("{}.{}", table.schema, table.name)).unwrap_or_default();
        let text =
            text.replace("{session}", &session).replace("{database}", passer.database).replace("{table}", &table);
        SqlError::new(self.number, self.message.clone().unwrap_or(text))
            .severity(self.severity.unwrap_or(severity))
            .with_state(self.state.unwrap_or(state))
    }
}
