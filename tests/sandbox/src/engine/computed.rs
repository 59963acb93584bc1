//! What an expression must be for a computed column, and for a key over one.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/tables/specify-computed-columns-in-a-table>,
//! <https://learn.microsoft.com/sql/relational-databases/indexes/indexes-on-computed-columns>.

use super::catalog::same_name;
use super::expr_walk::any;
use super::meta::{Column, Table};
use super::type_rules::{Family, family};
use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::Expr;

/// Functions of the language whose result is not a function of their arguments alone.
const CHANGING: &[&str] = &[
    "GETDATE",
    "GETUTCDATE",
    "SYSDATETIME",
    "SYSUTCDATETIME",
    "SYSDATETIMEOFFSET",
    "CURRENT_TIMESTAMP",
    "NEWID",
    "NEWSEQUENTIALID",
    "RAND",
    "MIN_ACTIVE_ROWVERSION",
    "DATENAME",
];

/// Whether a call's result may change between two calls.
fn is_changing(expr: &Expr) -> bool {
    match expr {
        Expr::Call { name, .. } => {
            CHANGING.iter().any(|changing| name.name.eq_ignore_ascii_case(changing))
                || super::session_functions::is_known(&name.name)
        }
        _ => false,
    }
}

fn is_deterministic(expr: &Expr) -> bool {
    !any(expr, &is_changing)
}

/// Checks the definition of a computed column: errors 1759 and 4936.
pub fn check(expr: &Expr, table: &Table, column: &str, persisted: bool) -> SqlResult<()> {
    let computed = |part: &Expr| match part {
        Expr::Column(parts) => parts.last().is_some_and(|name| {
            table.columns.iter().any(|other| other.computed.is_some() && same_name(&other.name, name))
        }),
        _ => false,
    };
    if any(expr, &computed) {
        let text = format!(
            "Computed column '{}' in table '{}' is not allowed to be used in another computed-column definition.",
            used_name(expr, table).unwrap_or(column),
            table.name
        );
        return Err(SqlError::new(1759, text).with_state(0));
    }
    if persisted && !is_deterministic(expr) {
        let text = format!(
            "Computed column '{column}' in table '{}' cannot be persisted because the column is non-deterministic.",
            table.name
        );
        return Err(SqlError::new(4936, text));
    }
    Ok(())
}

/// The computed column that an expression uses.
fn used_name<'t>(expr: &Expr, table: &'t Table) -> Option<&'t str> {
    table
        .columns
        .iter()
        .filter(|other| other.computed.is_some())
        .find(|other| {
            any(expr, &|part| match part {
                Expr::Column(parts) => parts.last().is_some_and(|name| same_name(name, &other.name)),
                _ => false,
            })
        })
        .map(|other| other.name.as_str())
}

/// Whether SQL Server takes the result for nullable although its operands are not: an overflow may yield NULL.
pub fn may_fail(expr: &Expr) -> bool {
    match expr {
        Expr::Call { name, .. } => !matches!(name.name.to_ascii_uppercase().as_str(), "ISNULL" | "CONCAT"),
        Expr::Column(_) | Expr::Literal(_) => false,
        _ => true,
    }
}

/// A column as a key of an index: error 2729 for one that is not deterministic.
pub fn check_key(table: &Table, column: &Column) -> SqlResult<()> {
    let Some(definition) = &column.computed else { return Ok(()) };
    let expr = crate::tsql::parse_expr(definition)?;
    if !is_deterministic(&expr) {
        let text = format!(
            "Column '{}' in table '{}.{}' cannot be used in an index or statistics or as a partition key because it is non-deterministic.",
            column.name, table.schema, table.name
        );
        return Err(SqlError::new(2729, text));
    }
    if family(&column.ty) == Family::Float {
        return Err(SqlError::unsupported("an index over a computed column of float or real"));
    }
    Ok(())
}
