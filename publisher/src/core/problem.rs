//! What the log reader cannot get over by itself.

use proto::{Lsn, TableName};
use std::fmt;

/// Why reading has to stop until somebody does something: nothing is skipped silently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Changes that are still needed are no longer in the change table.
    Gap {
        /// Article's table.
        table: TableName,
        /// Everything up to here is in the queue.
        position: Lsn,
        /// The change table begins here.
        available: Lsn,
    },
    /// The capture instance does not exist any more.
    Gone {
        /// Article's table.
        table: TableName,
        /// Its capture instance.
        capture_instance: String,
    },
    /// The capture instance has no such column.
    NotCaptured {
        /// Article's table.
        table: TableName,
        /// Its capture instance.
        capture_instance: String,
        /// The column.
        column: String,
    },
    /// A change cannot be passed on as it is in the change table.
    Change {
        /// Article's table.
        table: TableName,
        /// Its transaction.
        lsn: Lsn,
        /// Why.
        why: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap { table, position, available } => write!(
                f,
                "changes of {table} are lost: the queue has everything up to {position}, but its change table begins at \
                 {available} (cleanup ran, or capture was enabled anew). Drop and add the article, then take a new snapshot; \
                 a longer retention of change data (sys.sp_cdc_change_job) avoids this"
            ),
            Self::Gone { table, capture_instance } => write!(
                f,
                "the capture instance {capture_instance} of {table} is gone (change data capture was disabled, or the table \
                 dropped). Drop and add the article, then take a new snapshot"
            ),
            Self::NotCaptured { table, capture_instance, column } => write!(
                f,
                "column {column} of {table} is not in its capture instance {capture_instance}. Drop and add the article, then \
                 take a new snapshot"
            ),
            Self::Change { table, lsn, why } => {
                write!(f, "a change of {table} in transaction {lsn} cannot be replicated: {why}")
            }
        }
    }
}
