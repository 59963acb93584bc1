//! Texts of DEFAULT, CHECK and computed column definitions as the catalog views show them.

use crate::tsql::ast::{BinaryOp, Expr, Literal, UnaryOp};

/// The text in one pair of parentheses.
pub fn parenthesised(text: &str) -> String {
    format!("({})", strip(text))
}

/// The definition of a DEFAULT, CHECK or computed column as SQL Server writes it again; an expression that is not written again
/// here stays as it was written.
pub fn definition(expr: &Expr, text: &str) -> String {
    match shown(expr) {
        Some(shown) => format!("({shown})"),
        None if is_number(expr) => format!("(({}))", strip(text)),
        None => parenthesised(text),
    }
}

fn is_number(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(Literal::Integer(_) | Literal::Decimal(_) | Literal::Float(_) | Literal::Money(_)) => true,
        Expr::Unary { op: UnaryOp::Minus | UnaryOp::Plus, expr } => is_number(expr),
        _ => false,
    }
}

/// Names in brackets, numbers in parentheses, functions in lower case, no spaces around operators.
fn shown(expr: &Expr) -> Option<String> {
    Some(match expr {
        Expr::Literal(Literal::Integer(digits) | Literal::Decimal(digits)) => format!("({digits})"),
        Expr::Literal(Literal::String { value, unicode }) => {
            format!("{}'{}'", if *unicode { "N" } else { "" }, value.replace('\'', "''"))
        }
        Expr::Literal(Literal::Null) => "NULL".to_owned(),
        Expr::Column(parts) => match parts.as_slice() {
            [name] => format!("[{}]", name.replace(']', "]]")),
            _ => return None,
        },
        Expr::Unary { op: UnaryOp::Minus, expr } => match &**expr {
            Expr::Literal(Literal::Integer(digits) | Literal::Decimal(digits)) => format!("(-{digits})"),
            Expr::Column(_) => format!("-{}", shown(expr)?),
            _ => return None,
        },
        Expr::Binary { op, left, right } => {
            let (word, rank) = operator(*op);
            let operand = |side: &Expr, is_right: bool| {
                let text = shown(side)?;
                let looser = match side {
                    Expr::Binary { op, .. } => {
                        let (_, own) = operator(*op);
                        own < rank || own == rank && is_right
                    }
                    _ => false,
                };
                Some(if looser { format!("({text})") } else { text })
            };
            format!("{}{word}{}", operand(left, false)?, operand(right, true)?)
        }
        Expr::IsNull { expr, negated } => {
            format!("{} IS {}NULL", shown(expr)?, if *negated { "NOT " } else { "" })
        }
        Expr::Call { name, arguments, distinct: false, star: false, over: None } if name.schema.is_none() => {
            let name = name.name.to_ascii_lowercase();
            if matches!(name.as_str(), "coalesce" | "nullif" | "iif" | "choose" | "current_timestamp" | "dateadd")
                || name.starts_with("date")
            {
                return None;
            }
            let arguments: Option<Vec<String>> = arguments.iter().map(shown).collect();
            format!("{name}({})", arguments?.join(","))
        }
        _ => return None,
    })
}

/// How an operator is written and how tightly it binds.
fn operator(op: BinaryOp) -> (&'static str, u8) {
    match op {
        BinaryOp::Mul => ("*", 5),
        BinaryOp::Div => ("/", 5),
        BinaryOp::Mod => ("%", 5),
        BinaryOp::Add => ("+", 4),
        BinaryOp::Sub => ("-", 4),
        BinaryOp::BitAnd => ("&", 4),
        BinaryOp::BitOr => ("|", 4),
        BinaryOp::BitXor => ("^", 4),
        BinaryOp::Eq => ("=", 3),
        BinaryOp::Ne => ("<>", 3),
        BinaryOp::Lt => ("<", 3),
        BinaryOp::Le => ("<=", 3),
        BinaryOp::Gt => (">", 3),
        BinaryOp::Ge => (">=", 3),
        BinaryOp::And => (" AND ", 2),
        BinaryOp::Or => (" OR ", 1),
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
            ("Qty * (a + 1)", "([Qty]*([a]+(1)))"),
            ("ISNULL(a, 0) - b", "(isnull([a],(0))-[b])"),
            ("CASE WHEN 1 = 1 THEN 2 END", "(CASE WHEN 1 = 1 THEN 2 END)"),
        ] {
            assert_eq!(definition(&parse_expr(text).unwrap(), text), shown);
        }
    }
}
