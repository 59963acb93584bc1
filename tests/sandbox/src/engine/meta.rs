//! What the query compiler needs to know of the things a statement names, and how values lie in SQLite.
//!
//! # Storage encoding
//!
//! | T-SQL type | SQLite value | order |
//! |---|---|---|
//! | bit, tinyint … bigint | INTEGER | native |
//! | decimal(p ≤ 18, s), money, smallmoney | INTEGER, unscaled at the type's scale (money: 4) | native within one scale |
//! | decimal(p > 18, s) | BLOB, 16 bytes big-endian of the unscaled i128 with its sign bit flipped | memcmp within one scale |
//! | real, float | REAL | native |
//! | character types | TEXT under a collation registered for the column's T-SQL collation | collation |
//! | binary types | BLOB | memcmp |
//! | date | INTEGER, days since 0001-01-01 | native |
//! | time(n) | INTEGER, 100 ns units since midnight | native |
//! | smalldatetime | INTEGER, minutes since 1900-01-01 | native |
//! | datetime | INTEGER, 1/300 s since 1900-01-01 (days × 25,920,000 + ticks) | native |
//! | datetime2(n) | INTEGER, 100 ns units since 0001-01-01 | native |
//! | datetimeoffset(n) | TEXT, 16 hex digits of the UTC 100 ns units since 0001-01-01, then `±` and the offset in minutes, under a collation that compares the first 16 only | UTC instant |
//! | uniqueidentifier | BLOB, 16 bytes permuted so that memcmp is SQL Server's order | memcmp |
//! | text, ntext | as varchar(max), nvarchar(max) | none in T-SQL |
//! | image | BLOB | none in T-SQL |
//! | xml | TEXT as SQL Server shows it | none in T-SQL |
//! | rowversion | BLOB, 8 bytes big-endian | memcmp |
//! | sql_variant | TEXT: base type, collation and value ([`variant`](super::variant)) under a collation of its own | by family of the base type |
//!
//! Every expression has a static T-SQL type, so the compiler always knows which encoding it holds and inserts
//! conversions where types differ.

use crate::error::SqlResult;
use crate::tsql::ast::ObjectName;
use crate::types::SqlType;
use std::sync::Arc;

/// A table, view, temporary table or table variable as the compiler sees it.
#[derive(Debug, Clone)]
pub struct Table {
    /// Database it lives in.
    pub database: String,
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// `object_id`.
    pub object_id: i32,
    /// What SQLite calls it, quoted and qualified, ready to paste, e.g. `"db"."dbo.Orders"`.
    pub sqlite_name: String,
    /// Whether it can be written: system views and `cdc` views cannot.
    pub writable: bool,
    /// Columns in `column_id` order.
    pub columns: Vec<Column>,
    /// Indices into `columns` of the primary key, in key order; empty without one.
    pub primary_key: Vec<usize>,
}

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Name; compare without regard to case.
    pub name: String,
    /// Type.
    pub ty: SqlType,
    /// Can hold NULL.
    pub nullable: bool,
    /// `IDENTITY(seed, increment)`.
    pub identity: Option<(i64, i64)>,
    /// T-SQL collation of a character column.
    pub collation: Option<String>,
    /// T-SQL source text of its DEFAULT.
    pub default: Option<String>,
    /// T-SQL source text of a computed column.
    pub computed: Option<String>,
    /// What SQLite calls the column, quoted.
    pub sqlite_name: String,
}

/// Where names are looked up while a statement is compiled. The session implements it.
pub trait Scope {
    /// A table, view, `#temp`, or `@table` variable. Error 208 if it does not exist.
    fn table(&self, name: &ObjectName) -> SqlResult<Arc<Table>>;
    /// The view of a name, if it is one that a user made.
    fn view(&self, name: &ObjectName) -> SqlResult<Option<Arc<super::modules::Module>>> {
        let _ = name;
        Ok(None)
    }
    /// A sequence by name, ready to be used; error 208 if it does not exist.
    fn sequence(&self, name: &ObjectName) -> SqlResult<super::sequences::Sequence> {
        Err(super::scope::invalid_object(name))
    }
    /// The type of a scalar variable (`@x`) or system variable (`@@x`); `None` if not declared (error 137).
    fn variable(&self, name: &str) -> Option<SqlType>;
    /// A table-valued function with constant-foldable or variable arguments, turned into a table the statement can read
    /// (the session may fill a temporary table first). Arguments come as SQLite expressions that the compiler made.
    /// [`Table::sqlite_name`] may then be a parenthesised SQLite query in which `{0}`, `{1}`, … stand for the compiled arguments,
    /// unconverted: the compiler puts them in, so that the plan stays valid for other values of the variables.
    fn table_function(&self, name: &ObjectName, arguments: &[crate::tsql::ast::Expr]) -> SqlResult<Arc<Table>>;
    /// A scalar function that needs the session (e.g. `sys.fn_cdc_get_max_lsn()`, `OBJECT_ID('…')`, `SCOPE_IDENTITY()`, `DB_NAME()`):
    /// the name of a SQLite function registered on the connection, with its return type; `None` if not one of the session's.
    fn session_function(&self, name: &ObjectName, argument_types: &[SqlType]) -> SqlResult<Option<SessionFunction>>;
    /// The current database's default collation name.
    fn default_collation(&self) -> String;
}

/// See [`Scope::session_function`].
#[derive(Debug, Clone)]
pub struct SessionFunction {
    /// SQLite function to call; it takes the arguments converted to `parameters` and returns `returns`, all storage-encoded.
    /// If it starts with `(` it is no name but a SQLite expression in which `{0}`, `{1}`, … stand for those arguments (each may
    /// stand several times); this is how a function reads tables of the current database in the statement's own view of them.
    pub sqlite_name: String,
    /// Parameter types.
    pub parameters: Vec<SqlType>,
    /// Return type.
    pub returns: SqlType,
}

/// Puts arguments into the `{0}`, `{1}`, … of a template (see [`SessionFunction::sqlite_name`] and [`Scope::table_function`]).
pub fn fill_template(template: &str, arguments: &[String]) -> String {
    let mut text = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        let (before, after) = rest.split_at(at);
        text.push_str(before);
        let index = after.find('}').and_then(|end| Some((end, after.get(1..end)?.parse::<usize>().ok()?)));
        match index.and_then(|(end, index)| Some((end, arguments.get(index)?))) {
            Some((end, argument)) => {
                text.push_str(argument);
                rest = &after[end + 1..];
            }
            None => {
                text.push('{');
                rest = &after[1..];
            }
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::fill_template;

    #[test]
    fn templates_take_each_argument_wherever_it_stands_and_leave_other_braces_alone() {
        let arguments = ["?1".to_owned(), "x'{0}'".to_owned()];
        assert_eq!(
            fill_template("(SELECT {0}, {1}, {0}, '{a}', {2})", &arguments),
            "(SELECT ?1, x'{0}', ?1, '{a}', {2})"
        );
    }
}
