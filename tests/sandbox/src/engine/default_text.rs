//! Texts of DEFAULT, CHECK and computed column definitions as the catalog views show them.

use crate::tsql::ast::{Expr, Literal, UnaryOp};

/// The text in one pair of parentheses.
pub fn parenthesised(text: &str) -> String {
    format!("({})", strip(text))
}

/// A DEFAULT's definition: numbers in two pairs of parentheses, everything else in one.
pub fn definition(expr: &Expr, text: &str) -> String {
    let inner = strip(text);
    if is_number(expr) { format!("(({inner}))") } else { format!("({inner})") }
}

fn is_number(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(Literal::Integer(_) | Literal::Decimal(_) | Literal::Float(_) | Literal::Money(_)) => true,
        Expr::Unary { op: UnaryOp::Minus | UnaryOp::Plus, expr } => is_number(expr),
        _ => false,
    }
}

/// The text without parentheses around the whole of it.
fn strip(text: &str) -> &str {
    let mut text = text.trim();
    while let Some(inner) = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')) {
        if !balanced(inner) {
            break;
        }
        text = inner.trim();
    }
    text
}

/// Whether every parenthesis outside of quotes is closed after it was opened.
fn balanced(text: &str) -> bool {
    let mut depth = 0_i32;
    let mut quote: Option<char> = None;
    for c in text.chars() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => quote = Some(']'),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return false;
        }
    }
    depth == 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::tsql::parse_expr;

    #[test]
    fn definitions_have_the_parentheses_that_sql_server_shows() {
        for (text, shown) in [
            ("0", "((0))"),
            ("(-1.5)", "((-1.5))"),
            ("'a'", "('a')"),
            ("getdate()", "(getdate())"),
            ("(1)+(2)", "((1)+(2))"),
        ] {
            assert_eq!(definition(&parse_expr(text).unwrap(), text), shown);
        }
    }
}
