//! What the query compiler hands to the session: SQLite text with its parameters, columns and lock needs.
//!
//! # Conventions between the compiler and the session
//!
//! * **Parameters.** `?1`, `?2`, … are the T-SQL variables named in [`Compiled::variables`], in order. The session binds their
//!   current values, [encoded](crate::engine::encode::encode) for the type that stands beside the name. System variables
//!   (`@@ROWCOUNT`) are variables as well.
//! * **Tables** are ordinary SQLite *rowid* tables. Columns are declared with
//!   [`sqlite_type`](crate::engine::encode::sqlite_type), which gives the affinity and collation the compiler relies on. NULL
//!   columns are declared as they are, NOT NULL ones `NOT NULL`. SQLite's `DEFAULT` is not needed: the compiler writes every
//!   default into the `INSERT`.
//! * **Identity.** A generated value is `sandbox_next_identity(object_id)`; an explicit one (`IDENTITY_INSERT ON`) is passed
//!   through `sandbox_note_identity(object_id, value)`, which returns it. The session registers both.
//! * **Functions and collations** come from [`register`](crate::engine::functions::register), once per connection.
//! * **Errors** that SQLite reports go through [`to_sql_error`](crate::engine::constraint_errors::to_sql_error); triggers may
//!   raise any T-SQL error by `RAISE(ABORT, <encode_error(..)>)`.

use crate::session::ColumnMeta;
use crate::tsql::ast::ObjectName;
use crate::types::SqlType;
use std::sync::Arc;

use super::meta::Table;
use super::ownership::Named;

/// What the hints on one mention of a table ask of the locks, beyond the isolation level:
/// <https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hints {
    /// Another isolation level for this table.
    pub level: Option<HintLevel>,
    /// `TABLOCK`: a lock for the whole statement.
    pub table: bool,
    /// `UPDLOCK`: kept for an update that is to come.
    pub update: bool,
    /// `XLOCK` or `TABLOCKX`: nobody else may lock it.
    pub exclusive: bool,
    /// `NOWAIT`: error 1222 at once.
    pub no_wait: bool,
}

/// The isolation level that a hint names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HintLevel {
    /// `NOLOCK`, `READUNCOMMITTED`.
    Uncommitted,
    /// `READCOMMITTED`.
    Committed,
    /// `READCOMMITTEDLOCK`: committed, by locks also where versions are read otherwise.
    CommittedLock,
    /// `HOLDLOCK`, `SERIALIZABLE`, `REPEATABLEREAD`: what was read stays as it is to the end of the transaction.
    Hold,
}

/// A compiled query or expression.
#[derive(Debug, Clone, Default)]
pub struct Compiled {
    /// SQLite statement.
    pub sql: String,
    /// Result columns.
    pub columns: Vec<ColumnMeta>,
    /// T-SQL collation of each result column that is character data (for `SELECT INTO`), else `None`.
    pub collations: Vec<Option<String>>,
    /// Variables bound to `?1`, `?2`, … with the types to encode them for.
    pub variables: Vec<(String, SqlType)>,
    /// Tables read.
    pub reads: Vec<Arc<Table>>,
    /// Objects that are read, with the views that name them: who runs the statement needs permission on what no chain reaches.
    pub named: Vec<Named>,
    /// Mentions of tables with hints, and every other mention in FROM. A table of `reads` that is not here has none.
    pub hints: Vec<(Arc<Table>, Hints)>,
    /// `SELECT … INTO` target: the session creates it from `columns` and inserts the rows.
    pub into: Option<ObjectName>,
}

/// What a data-modification statement does to its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DmlKind {
    /// `INSERT`
    Insert,
    /// `UPDATE`
    Update,
    /// `DELETE`
    Delete,
    /// `MERGE`
    Merge,
}

impl DmlKind {
    /// The word that SQL Server's messages use.
    pub fn word(self) -> &'static str {
        match self {
            DmlKind::Insert => "INSERT",
            DmlKind::Update => "UPDATE",
            DmlKind::Delete => "DELETE",
            DmlKind::Merge => "MERGE",
        }
    }
}

/// A compiled `INSERT`, `UPDATE`, `DELETE` or `MERGE`.
#[derive(Debug, Clone)]
pub struct CompiledDml {
    /// What it does.
    pub kind: DmlKind,
    /// The table written.
    pub target: Arc<Table>,
    /// `object_id` of the view that it is written through.
    pub through: Option<i32>,
    /// The statement. Its `columns` are what `OUTPUT` returns to the client (it then returns a row per affected row); without
    /// and without `output_into` the affected rows are `sqlite3_changes()`.
    pub statement: Compiled,
    /// `OUTPUT … INTO`: the first columns of the statement's rows go here, the others to the client.
    pub output_into: Option<OutputInto>,
    /// The rows are computed before anything is changed, and `statement` reads what `OUTPUT` returns of them.
    pub staged: Option<Staged>,
    /// Another way to do an `UPDATE`, for when unique values move through each other.
    pub new_rows: Option<NewRows>,
}

/// A modification that first computes all its rows into [a temporary table](Self::TABLE), then deletes, updates and inserts, then
/// returns its output from there.
#[derive(Debug, Clone)]
pub struct Staged {
    /// Columns of the temporary table besides `seq`, `row_id` and `action`.
    pub columns: Vec<String>,
    /// Statements that fill it. Their parameters are the statement's.
    pub fills: Vec<String>,
    /// `TOP`: deletes from the temporary table what is too much.
    pub limit: Option<String>,
    /// It holds rows to delete.
    pub deletes: bool,
    /// It holds rows to update, with their new values.
    pub update: Option<NewRows>,
    /// Inserts from it.
    pub insert: Option<String>,
    /// Variables that `UPDATE` sets, and what reads their values of the last row.
    pub variables: Option<(Vec<String>, Compiled)>,
    /// A variable's new value depends on its old one: right for one row only.
    pub running: bool,
    /// The target's name for its row id.
    pub row_id: &'static str,
}

impl Staged {
    /// The temporary table.
    pub const TABLE: &str = "temp.\"$changes\"";
    /// `action` of rows to update.
    pub const UPDATE: u8 = 1;
    /// `action` of rows to delete.
    pub const DELETE: u8 = 2;
    /// `action` of rows to insert.
    pub const INSERT: u8 = 3;
}

/// What an `UPDATE` makes of its rows, to be computed into a temporary table before anything is changed.
#[derive(Debug, Clone)]
pub struct NewRows {
    /// What holds the rows: the temporary table, or a query over one.
    pub source: String,
    /// The target's name for its row id.
    pub row_id: &'static str,
    /// Columns of the temporary table: `row_id`, then [new](Self::new_value) and [old](Self::old_value) values.
    pub names: Vec<String>,
    /// Positions of the target's columns that have a new value there: all that are not computed.
    pub stored: Vec<usize>,
    /// Positions of the columns that the statement assigns; they have an old value there too.
    pub assigned: Vec<usize>,
    /// Fills the temporary table. Its parameters are the statement's.
    pub fill: String,
    /// Reads what `OUTPUT` returns from the changed rows. Its parameters are the statement's.
    pub output: Option<String>,
}

impl NewRows {
    /// The temporary table.
    pub const TABLE: &str = "temp.\"$new_rows\"";

    /// The temporary table's name for a column's new value.
    pub fn new_value(position: usize) -> String {
        format!("n{position}")
    }

    /// The temporary table's name for a column's old value.
    pub fn old_value(position: usize) -> String {
        format!("o{position}")
    }
}

/// Target of `OUTPUT … INTO`.
#[derive(Debug, Clone)]
pub struct OutputInto {
    /// The table.
    pub target: Arc<Table>,
    /// `INSERT` whose parameters are the output columns, in storage encoding, in order.
    pub sql: String,
    /// How many columns that are.
    pub width: usize,
}

pub use super::compile::{
    check_to_sqlite, compile_expr, compile_expr_as, compile_predicate, compile_query, compile_select_assign,
    computed_to_sqlite, default_expr_to_sqlite, default_to_sqlite,
};
pub use super::dml::{compile_insert, insert_rows};
pub use super::dml_change::{compile_delete, compile_update};
pub use super::dml_merge::compile_merge;
