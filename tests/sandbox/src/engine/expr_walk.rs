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

/// The direct parts of an expression, to change.
fn children_mut(expr: &mut Expr) -> Vec<&mut Expr> {
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
        Expr::Convert { expr, style, .. } => std::iter::once(&mut **expr).chain(style.as_deref_mut()).collect(),
        Expr::Binary { left, right, .. } => vec![left, right],
        Expr::InList { expr, list, .. } => std::iter::once(&mut **expr).chain(list).collect(),
        Expr::Between { expr, low, high, .. } => vec![expr, low, high],
        Expr::Like { expr, pattern, escape, .. } => {
            [&mut **expr, &mut **pattern].into_iter().chain(escape.as_deref_mut()).collect()
        }
        Expr::Case { operand, branches, otherwise } => operand
            .as_deref_mut()
            .into_iter()
            .chain(branches.iter_mut().flat_map(|(condition, result)| [condition, result]))
            .chain(otherwise.as_deref_mut())
            .collect(),
        Expr::Call { arguments, .. } => arguments.iter_mut().collect(),
    }
}

/// Replaces every part for which there is a replacement; window definitions and queries are not entered.
pub(super) fn replace(expr: &mut Expr, replacement: &mut dyn FnMut(&Expr) -> Option<Expr>) {
    match replacement(expr) {
        Some(other) => *expr = other,
        None => children_mut(expr).into_iter().for_each(|child| replace(child, replacement)),
    }
}

/// The variables that an expression reads.
pub(super) fn variables(expr: &Expr) -> Vec<String> {
    match expr {
        Expr::Variable(name) => vec![name.clone()],
        _ => children(expr).into_iter().flat_map(variables).collect(),
    }
}
