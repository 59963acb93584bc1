//! Data modification: INSERT, UPDATE, DELETE, MERGE and their OUTPUT.

use super::{Cte, Exec, Expr, ObjectName, Query, SelectItem, TableRef, Top};

/// `INSERT`.
#[derive(Debug, Clone, PartialEq)]
pub struct Insert {
    /// Common table expressions.
    pub ctes: Vec<Cte>,
    /// `TOP (n)`.
    pub top: Option<Top>,
    /// Target; a table variable's name starts with `@`.
    pub target: ObjectName,
    /// Hints on the target.
    pub hints: Vec<String>,
    /// Column list, empty when not written.
    pub columns: Vec<String>,
    /// `OUTPUT`.
    pub output: Option<Output>,
    /// Rows.
    pub source: InsertSource,
}

/// Where inserted rows come from.
#[derive(Debug, Clone, PartialEq)]
pub enum InsertSource {
    /// `VALUES`; a `None` is `DEFAULT`.
    Values(Vec<Vec<Option<Expr>>>),
    /// A query.
    Query(Box<Query>),
    /// `EXEC …`.
    Exec(Box<Exec>),
    /// `EXEC('…')`.
    ExecString(Expr),
    /// `DEFAULT VALUES`.
    DefaultValues,
}

/// `OUTPUT inserted.a, deleted.b [INTO target (columns)]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The list; columns are qualified by `inserted` or `deleted`.
    pub items: Vec<SelectItem>,
    /// `INTO`.
    pub into: Option<(ObjectName, Vec<String>)>,
    /// The list of a second `OUTPUT` after one with `INTO`; its rows go to the client.
    pub returned: Vec<SelectItem>,
}

/// What `UPDATE` sets a variable to.
#[derive(Debug, Clone, PartialEq)]
pub enum VariableValue {
    /// `@v = expr`.
    Expr(Expr),
    /// `@v = column = expr`: the new value of the assignment at this place.
    Assignment(usize),
}

/// `MERGE`.
#[derive(Debug, Clone, PartialEq)]
pub struct Merge {
    /// Common table expressions.
    pub ctes: Vec<Cte>,
    /// `TOP (n)`.
    pub top: Option<Top>,
    /// Target.
    pub target: ObjectName,
    /// Hints on the target.
    pub hints: Vec<String>,
    /// Alias of the target.
    pub alias: Option<String>,
    /// `USING`.
    pub source: TableRef,
    /// `ON`.
    pub on: Expr,
    /// `WHEN … THEN …`.
    pub clauses: Vec<MergeClause>,
    /// `OUTPUT`; `$action` stands as a one-part column.
    pub output: Option<Output>,
    /// `OPTION (…)`.
    pub options: Vec<String>,
}

/// A `WHEN` clause of `MERGE`.
#[derive(Debug, Clone, PartialEq)]
pub struct MergeClause {
    /// Which rows.
    pub when: MergeWhen,
    /// `AND condition`.
    pub condition: Option<Expr>,
    /// What is done to them.
    pub action: MergeAction,
}

/// Which rows a clause of `MERGE` is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeWhen {
    /// `WHEN MATCHED`
    Matched,
    /// `WHEN NOT MATCHED [BY TARGET]`
    NotMatchedByTarget,
    /// `WHEN NOT MATCHED BY SOURCE`
    NotMatchedBySource,
}

/// What a clause of `MERGE` does.
#[derive(Debug, Clone, PartialEq)]
pub enum MergeAction {
    /// `UPDATE SET column = expr, …`; `None` is `DEFAULT`.
    Update(Vec<(ObjectName, Option<Expr>)>),
    /// `DELETE`.
    Delete,
    /// `INSERT [(columns)] VALUES (…)`; no values are `DEFAULT VALUES`.
    Insert { columns: Vec<String>, values: Option<Vec<Option<Expr>>> },
}

/// `UPDATE`.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// Common table expressions.
    pub ctes: Vec<Cte>,
    /// `TOP (n)`.
    pub top: Option<Top>,
    /// Table, or alias of a table in `from`.
    pub target: ObjectName,
    /// Hints on the target.
    pub hints: Vec<String>,
    /// `column = expr` (compound assignments expanded); `None` is `DEFAULT`.
    pub assignments: Vec<(ObjectName, Option<Expr>)>,
    /// Variables that it sets (`@v = expr`, `@v = column = expr`).
    pub variables: Vec<(String, VariableValue)>,
    /// `OUTPUT`.
    pub output: Option<Output>,
    /// `FROM`.
    pub from: Vec<TableRef>,
    /// `WHERE`.
    pub selection: Option<Expr>,
}

/// `DELETE`.
#[derive(Debug, Clone, PartialEq)]
pub struct Delete {
    /// Common table expressions.
    pub ctes: Vec<Cte>,
    /// `TOP (n)`.
    pub top: Option<Top>,
    /// Table, or alias of a table in `from`.
    pub target: ObjectName,
    /// Hints on the target.
    pub hints: Vec<String>,
    /// `OUTPUT`.
    pub output: Option<Output>,
    /// Second `FROM`.
    pub from: Vec<TableRef>,
    /// `WHERE`.
    pub selection: Option<Expr>,
}
