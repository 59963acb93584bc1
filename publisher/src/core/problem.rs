//! What the log reader cannot get over by itself.

use proto::{Lsn, TableName};
use std::fmt;

/// Characters of a statement that are shown.
const SHOWN_OF_STATEMENT: usize = 200;

/// Why reading has to stop until somebody does something: nothing is skipped silently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Changes that are still needed are no longer in the change table.
    Gap {
        /// Article's table.
        table: TableName,
        /// Number of further articles of which the same is true.
        others: usize,
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
    /// The change table is another than that of the article.
    Replaced {
        /// Article's table.
        table: TableName,
        /// Its capture instance.
        capture_instance: String,
        /// Everything up to here is in the queue.
        position: Lsn,
    },
    /// The log ends before what was read of it.
    WentBack {
        /// Everything up to here is in the queue.
        position: Lsn,
        /// The log is captured up to here.
        captured: Option<Lsn>,
    },
    /// The log has not the transaction up to which it was read.
    OtherHistory {
        /// Everything up to here is in the queue.
        position: Lsn,
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
    /// A schema change cannot be carried out at the subscribers.
    Schema {
        /// Article's table.
        table: TableName,
        /// Its place in the log.
        lsn: Lsn,
        /// What was executed.
        statement: String,
        /// Why.
        why: String,
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

/// What helps when the queue holds what the database has not.
const ANEW: &str = "Subscribers may have changes that the database has not: drop the subscriptions and all publications of this \
    database and add them again, which begins a new queue, then take new snapshots";

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap { table, others, position, available } => {
                write!(f, "changes of {table}")?;
                match others {
                    0 => {}
                    1 => f.write_str(" and of one other table")?,
                    others => write!(f, " and of {others} other tables")?,
                }
                write!(
                    f,
                    " may be lost: the queue has everything up to {position}, but the change table begins at {available}: cleanup \
                     has removed what was before. Drop the articles and add them again, then take a new snapshot; a longer \
                     retention of change data (`publisher capture set --retention`) avoids this"
                )
            }
            Self::Gone { table, capture_instance } => write!(
                f,
                "the capture instance {capture_instance} of {table} is gone: change data capture was disabled, the table was \
                 dropped, or the database was restored to a time before. Drop and add the article, then take a new snapshot"
            ),
            Self::Replaced { table, capture_instance, position } => write!(
                f,
                "changes of {table} may be lost: the queue has everything up to {position}, but the change table of its capture \
                 instance {capture_instance} is not the one that was read before: change data capture was disabled and enabled \
                 again, or the table was dropped and made again. Drop and add the article, then take a new snapshot"
            ),
            Self::WentBack { position, captured } => {
                match captured {
                    Some(captured) => write!(f, "the captured log ends at {captured}")?,
                    None => f.write_str("the captured log is empty")?,
                }
                write!(
                    f,
                    ", but the queue has everything up to {position}: the database was restored to an earlier time, or another server \
                     took its place that has not got everything. {ANEW}"
                )
            }
            Self::OtherHistory { position } => write!(
                f,
                "the queue has everything up to transaction {position}, but the captured log has no such transaction: the database \
                 was restored to an earlier time and written to since, or another server took its place that went on by itself. {ANEW}"
            ),
            Self::NotCaptured { table, capture_instance, column } => write!(
                f,
                "column {column} of {table} is not in its capture instance {capture_instance}. Drop and add the article, then \
                 take a new snapshot"
            ),
            Self::Schema { table, lsn, statement, why } => {
                let statement: String = statement.trim().chars().take(SHOWN_OF_STATEMENT).collect();
                write!(
                    f,
                    "a change of the schema of {table} at {lsn} cannot be replicated: {why}. It was: {statement}. Everything before it \
                     is sent. Drop the subscriptions and the article, add it again as the table is now, and take a new snapshot"
                )
            }
            Self::Change { table, lsn, why } => {
                write!(f, "a change of {table} in transaction {lsn} cannot be replicated: {why}")
            }
        }
    }
}
