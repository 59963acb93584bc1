//! Options of an article, with the names and meanings of `sp_addarticle`
//! (<https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-addarticle-transact-sql>).

use crate::article::TableName;
use serde::{Deserialize, Serialize};

/// How an article's table is made at the subscriber and its changes are applied.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ArticleOptions {
    /// What a snapshot does with a table that is there already.
    pub pre_creation: PreCreation,
    /// What is made with the table.
    pub schema: SchemaOptions,
    /// How an insert is applied (`@ins_cmd`).
    pub insert: Command,
    /// How an update is applied (`@upd_cmd`).
    pub update: Command,
    /// How a delete is applied (`@del_cmd`).
    pub delete: Command,
}

/// What a snapshot does with a destination table that exists (`@pre_creation_cmd`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PreCreation {
    /// Leaves it as it is; it must not hold rows. Microsoft's default is `drop`.
    #[default]
    None,
    /// Deletes its rows; with a row filter, those that the filter is true for.
    Delete,
    /// Drops it and makes it anew.
    Drop,
    /// Truncates it.
    Truncate,
}

/// What is made with the table (`@schema_option`, by name instead of by bit). The table itself, its columns and its primary key always
/// are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaOptions {
    /// Unique constraints (0x4000).
    pub unique_keys: bool,
    /// Foreign keys between published tables (0x200).
    pub foreign_keys: bool,
    /// Check constraints (0x400).
    pub checks: bool,
    /// Defaults (0x800).
    pub defaults: bool,
    /// The clustered index, where the primary key is not (0x10).
    pub clustered_index: bool,
    /// Nonclustered indexes (0x40).
    pub nonclustered_indexes: bool,
    /// The identity property (0x04).
    pub identity: bool,
    /// User triggers (0x100).
    pub triggers: bool,
    /// Column collations (0x1000).
    pub collation: bool,
}

impl Default for SchemaOptions {
    /// Everything but triggers.
    fn default() -> Self {
        Self {
            unique_keys: true,
            foreign_keys: true,
            checks: true,
            defaults: true,
            clustered_index: true,
            nonclustered_indexes: true,
            identity: true,
            triggers: false,
            collation: true,
        }
    }
}

/// How a kind of change is applied (`@ins_cmd`, `@upd_cmd`, `@del_cmd`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Command {
    /// By statements of ours, many rows at a time.
    #[default]
    Sql,
    /// Not at all.
    None,
    /// By a stored procedure at the subscriber, row by row.
    Call {
        /// Its parameters.
        format: CallFormat,
        /// The procedure.
        procedure: TableName,
        /// It is made with the table; otherwise it is the user's.
        generated: bool,
    },
}

/// Which parameters a procedure gets
/// (<https://learn.microsoft.com/sql/relational-databases/replication/transactional/transactional-articles-specify-how-changes-are-propagated>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CallFormat {
    /// New values of all columns, then the original key; for deletes the key.
    Call,
    /// For updates: values of the changed columns only, then the original key, then a bitmask of the changed columns.
    Scall,
    /// For updates: values of all columns, then the original key, then a bitmask of the changed columns.
    Mcall,
    /// For updates the original values of all columns, then the new ones; for deletes the original values.
    Xcall,
}
