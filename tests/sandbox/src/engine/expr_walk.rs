//! Walking an expression tree.

use crate::tsql::ast::Expr;

/// The direct parts of an expression; queries inside it are not entered.
fn children(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Literal(_) | Expr::Variable(_) | Expr::Column(_) | Expr::Exists(_) | Expr::Subquery(_) => Vec::new(),
        Expr::Unary { expr, .. }
        | Expr::Not(expr)
        | Expr::IsNull { expr, .. }
        | Expr::Cast { expr, .. }
        | Expr::Collate { expr, .. }
        | Expr::InQuery { expr, .. }
        | Expr::Quantified { left: expr, .. } => vec![expr],
        Expr::AtTimeZone { expr, zone } => vec![expr, zone],
        Expr::Convert { expr, style, .. } => std::iter::once(&**expr).chain(style.as_deref()).collect(),
        Expr::Binary { left, right, .. } => vec![left, right],
        Expr::InList { expr, list, .. } => std::iter::once(&**expr).chain(list).collect(),
        Expr::Between { expr, low, high, .. } => vec![expr, low, high],
        Expr::Like { expr, pattern, escape, .. } => {
            [&**expr, &**pattern].into_iter().chain(escape.as_deref()).collect()
        }
        Expr::Case { operand, branches, otherwise } => operand
            .as_deref()
            .into_iter()
            .chain(branches.iter().flat_map(|(condition, result)| [condition, result]))
            .chain(otherwise.as_deref())
            .collect(),
        Expr::Call { arguments, over, .. } => {
            let window = over
                .iter()
                .flat_map(|over| over.partition_by.iter().chain(over.order_by.iter().map(|item| &item.expr)));
            arguments.iter().chain(window).collect()
        }
    }
}

/// True for an expression that holds a query.
pub(super) fn is_query(expr: &Expr) -> bool {
    matches!(expr, Expr::Subquery(_) | Expr::Exists(_) | Expr::InQuery { .. } | Expr::Quantified { .. })
}

/// True if the expression or a part of it fulfils the test.
pub(super) fn any(expr: &Expr, test: &dyn Fn(&Expr) -> bool) -> bool {
    test(expr) || children(expr).into_iter().any(|child| any(child, test))
}
