//! Changes of rows, and how a run of them is encoded into a [`crate::Segment`]'s payload.

use crate::value::Value;
use serde::{Deserialize, Serialize};

/// Values in the order of the article's columns, or of its key columns where so said.
pub type Row = Vec<Value>;

/// A change of one row of an article.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// A row that was not there: all columns of the article.
    Insert(Row),
    /// A row whose key stays as it is.
    Update {
        /// Key columns, in key order.
        key: Row,
        /// The columns that changed, as indices into [`crate::Article::columns`], ascending, never a key column, with their new values.
        changed: Vec<(u16, Value)>,
    },
    /// A row that is gone: its key columns, in key order.
    Delete(Row),
    /// A row whose key changes while it stays the same row: what is not among `changed` keeps its value, also where the log does not
    /// have it (`(max)` columns that the update did not touch).
    UpdateKey {
        /// Key columns before, in key order.
        key: Row,
        /// Key columns after, in key order; at least one differs, if only in case.
        new_key: Row,
        /// The other columns that changed, as in `Update`; may be empty.
        changed: Vec<(u16, Value)>,
    },
    /// An update for a procedure that takes whole rows: of articles whose update command is `CALL`, `MCALL` or `XCALL`, and only of them.
    UpdateImages {
        /// For `XCALL` all columns before; otherwise the key columns before, in key order.
        before: Row,
        /// All columns after.
        after: Row,
        /// Indices of the columns that changed, ascending, key columns among them.
        changed: Vec<u16>,
    },
    /// A row that is gone, for a procedure that takes all its columns: of articles whose delete command is `XCALL`, and only of them.
    DeleteImage(Row),
}
