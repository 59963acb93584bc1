//! Queries: common table expressions, SELECT, FROM.

use super::{Expr, ObjectName};

/// A query: common table expressions around a body, with ordering.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// `WITH name [(columns)] AS (query), …`.
    pub ctes: Vec<Cte>,
    /// The body.
    pub body: SetExpr,
    /// `ORDER BY`.
    pub order_by: Vec<OrderItem>,
    /// `OFFSET n ROWS`.
    pub offset: Option<Expr>,
    /// `FETCH NEXT n ROWS ONLY`.
    pub fetch: Option<Expr>,
    /// `OPTION (…)`, words as written.
    pub options: Vec<String>,
}

/// A common table expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Cte {
    /// Name.
    pub name: String,
    /// Column names, if given.
    pub columns: Vec<String>,
    /// Its query.
    pub query: Query,
}

/// Body of a query.
#[derive(Debug, Clone, PartialEq)]
pub enum SetExpr {
    /// A plain `SELECT`.
    Select(Box<Select>),
    /// A parenthesised query.
    Query(Box<Query>),
    /// `UNION [ALL]`, `EXCEPT`, `INTERSECT`.
    SetOp { op: SetOp, all: bool, left: Box<SetExpr>, right: Box<SetExpr> },
    /// `VALUES (…), (…)` as a table.
    Values(Vec<Vec<Expr>>),
}

impl SetExpr {
    /// The `SELECT` that is written first.
    pub fn first_select(&self) -> Option<&Select> {
        match self {
            SetExpr::Select(select) => Some(select),
            SetExpr::Query(query) => query.body.first_select(),
            SetExpr::SetOp { left, .. } => left.first_select(),
            SetExpr::Values(_) => None,
        }
    }
}

/// Set operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetOp {
    /// `UNION`
    Union,
    /// `EXCEPT`
    Except,
    /// `INTERSECT`
    Intersect,
}

/// One `SELECT` block.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Select {
    /// `DISTINCT`.
    pub distinct: bool,
    /// `TOP (n) [PERCENT] [WITH TIES]`.
    pub top: Option<Top>,
    /// Select list.
    pub items: Vec<SelectItem>,
    /// `INTO table`.
    pub into: Option<ObjectName>,
    /// `FROM`, comma separated.
    pub from: Vec<TableRef>,
    /// `WHERE`.
    pub selection: Option<Expr>,
    /// `GROUP BY`.
    pub group_by: Vec<Expr>,
    /// `ROLLUP`, `CUBE` and `GROUPING SETS`, taken apart into sets of places in `group_by`; empty for a plain `GROUP BY`.
    pub grouping_sets: Vec<Vec<usize>>,
    /// `HAVING`.
    pub having: Option<Expr>,
}

/// `TOP`.
#[derive(Debug, Clone, PartialEq)]
pub struct Top {
    /// Number of rows.
    pub count: Expr,
    /// `PERCENT`.
    pub percent: bool,
    /// `WITH TIES`.
    pub with_ties: bool,
}

/// An entry of a select list.
#[derive(Debug, Clone, PartialEq)]
pub enum SelectItem {
    /// `*`.
    Star,
    /// `t.*`.
    QualifiedStar(ObjectName),
    /// `expr [AS alias]`, also `alias = expr`.
    Expr { expr: Expr, alias: Option<String> },
}

/// An entry of `ORDER BY`.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderItem {
    /// Expression, alias or ordinal.
    pub expr: Expr,
    /// `DESC`.
    pub descending: bool,
}

/// A table source.
#[derive(Debug, Clone, PartialEq)]
pub enum TableRef {
    /// A table or view with alias and hints (upper-cased, e.g. `TABLOCK`).
    Table { name: ObjectName, alias: Option<String>, hints: Vec<String> },
    /// A table variable `@t`.
    Variable { name: String, alias: Option<String> },
    /// A table-valued function call.
    Function { name: ObjectName, arguments: Vec<Expr>, alias: Option<String> },
    /// `(query) AS alias [(columns)]`, including `(VALUES …) AS v(a, b)`.
    Derived { query: Box<Query>, alias: String, columns: Vec<String> },
    /// A join.
    Join { kind: JoinKind, left: Box<TableRef>, right: Box<TableRef>, on: Option<Expr> },
}

/// Joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    /// `INNER`
    Inner,
    /// `LEFT`
    Left,
    /// `RIGHT`
    Right,
    /// `FULL`
    Full,
    /// `CROSS`
    Cross,
    /// `CROSS APPLY`
    CrossApply,
    /// `OUTER APPLY`
    OuterApply,
}
