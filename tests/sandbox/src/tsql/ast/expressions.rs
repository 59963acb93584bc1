//! Expressions, literals and operators.

use super::{ObjectName, OrderItem, Query};
use crate::types::{DecimalName, SqlType};

/// Expressions and predicates (T-SQL keeps them apart; the binder checks which is allowed where).
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// A literal.
    Literal(Literal),
    /// `@name` or `@@NAME`.
    Variable(String),
    /// A column, up to four parts; `parts` in written order.
    Column(Vec<String>),
    /// Unary `+`, `-`, `~`.
    Unary { op: UnaryOp, expr: Box<Expr> },
    /// Binary arithmetic, comparison and logic.
    Binary { op: BinaryOp, left: Box<Expr>, right: Box<Expr> },
    /// `NOT`.
    Not(Box<Expr>),
    /// `IS [NOT] NULL`.
    IsNull { expr: Box<Expr>, negated: bool },
    /// `[NOT] IN (list)`.
    InList { expr: Box<Expr>, list: Vec<Expr>, negated: bool },
    /// `[NOT] IN (query)`.
    InQuery { expr: Box<Expr>, query: Box<Query>, negated: bool },
    /// `[NOT] BETWEEN a AND b`.
    Between { expr: Box<Expr>, low: Box<Expr>, high: Box<Expr>, negated: bool },
    /// `[NOT] LIKE pattern [ESCAPE c]`.
    Like { expr: Box<Expr>, pattern: Box<Expr>, escape: Option<Box<Expr>>, negated: bool },
    /// `EXISTS (query)`.
    Exists(Box<Query>),
    /// `expr op ANY|ALL (query)`.
    Quantified { op: BinaryOp, left: Box<Expr>, query: Box<Query>, all: bool },
    /// A scalar subquery.
    Subquery(Box<Query>),
    /// `CASE [operand] WHEN … THEN … [ELSE …] END`.
    Case { operand: Option<Box<Expr>>, branches: Vec<(Expr, Expr)>, otherwise: Option<Box<Expr>> },
    /// `CAST(expr AS type)`; `try_` for `TRY_CAST`.
    Cast { expr: Box<Expr>, ty: SqlType, try_: bool, decimal: Option<DecimalName> },
    /// `CONVERT(type, expr [, style])`; `try_` for `TRY_CONVERT`.
    Convert { ty: SqlType, expr: Box<Expr>, style: Option<Box<Expr>>, try_: bool },
    /// A function call. `star` for `COUNT(*)`. Date parts (`DATEADD(day, …)`) stand as a one-part `Column`.
    /// `IIF`, `COALESCE`, `NULLIF`, `ISNULL`, `CHOOSE` are calls too. `over` makes it a window function.
    Call { name: ObjectName, arguments: Vec<Expr>, distinct: bool, star: bool, over: Option<Box<Over>> },
    /// `expr COLLATE name`.
    Collate { expr: Box<Expr>, collation: String },
    /// `expr AT TIME ZONE zone`.
    AtTimeZone { expr: Box<Expr>, zone: Box<Expr> },
}

/// `OVER (PARTITION BY … ORDER BY … frame)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Over {
    /// `PARTITION BY`.
    pub partition_by: Vec<Expr>,
    /// `ORDER BY`.
    pub order_by: Vec<OrderItem>,
    /// `ROWS|RANGE …`, text upper-cased.
    pub frame: Option<String>,
}

/// Literals.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `NULL`
    Null,
    /// An integer, as written; int if it fits, else decimal.
    Integer(String),
    /// A decimal with a point, as written.
    Decimal(String),
    /// A float with an exponent, as written.
    Float(String),
    /// A money literal such as `$12.50`, without the sign.
    Money(String),
    /// `'…'` unescaped; `unicode` for `N'…'`.
    String { value: String, unicode: bool },
    /// `0x…`
    Binary(Vec<u8>),
}

/// Unary operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Minus,
    /// `+`
    Plus,
    /// `~`
    BitNot,
}

/// Binary operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    BitAnd,
    BitOr,
    BitXor,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    And,
    Or,
}
