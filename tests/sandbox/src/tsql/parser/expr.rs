//! Expressions and predicates, by precedence: OR, AND, NOT, comparison, `+ - & ^ |`, `* / %`, unary.
//!
//! <https://learn.microsoft.com/sql/t-sql/language-elements/operator-precedence-transact-sql>

use super::{Parser, object_name_of, too_deep};
use crate::error::SqlResult;
use crate::tsql::ast::{BinaryOp, Expr, Literal, ObjectName, OrderItem, Over, UnaryOp};
use crate::tsql::lexer::Kind;
use crate::types::DecimalName;

/// Functions whose names are reserved words.
const RESERVED_FUNCTIONS: &[&str] = &["COALESCE", "NULLIF", "LEFT", "RIGHT"];

/// Functions that are called without parentheses.
const BARE_FUNCTIONS: &[&str] = &["CURRENT_TIMESTAMP", "CURRENT_USER", "SESSION_USER", "SYSTEM_USER", "USER"];

/// Reserved words that begin expressions outside the subset.
const UNSUPPORTED_FUNCTIONS: &[&str] = &["CONTAINS", "FREETEXT", "IDENTITY", "IDENTITYCOL", "ROWGUIDCOL", "TSEQUAL"];

impl Parser<'_> {
    /// Any expression or predicate.
    pub(super) fn expr(&mut self) -> SqlResult<Expr> {
        self.nested(|parser| {
            let first = parser.and_expr()?;
            parser.logic_chain(first, "OR", BinaryOp::Or, Self::and_expr)
        })
    }

    fn and_expr(&mut self) -> SqlResult<Expr> {
        let first = self.not_expr()?;
        self.logic_chain(first, "AND", BinaryOp::And, Self::not_expr)
    }

    /// `a OR b OR c …`. AND and OR are associative even with NULL, so a long chain becomes a balanced tree: a filter
    /// over thousands of keys is not deep.
    fn logic_chain(
        &mut self,
        first: Expr,
        word: &str,
        op: BinaryOp,
        operand: impl Fn(&mut Self) -> SqlResult<Expr>,
    ) -> SqlResult<Expr> {
        if !self.is(word) {
            return Ok(first);
        }
        let mut operands = vec![first];
        while self.eat(word) {
            operands.push(operand(self)?);
        }
        Ok(balanced(&mut operands.into_iter(), op))
    }

    fn not_expr(&mut self) -> SqlResult<Expr> {
        if self.eat("NOT") {
            return self.nested(|parser| Ok(Expr::Not(Box::new(parser.not_expr()?))));
        }
        let left = self.additive()?;
        self.predicate(left)
    }

    /// What may follow an operand to make a predicate of it.
    fn predicate(&mut self, left: Expr) -> SqlResult<Expr> {
        if let Some(op) = self.comparison() {
            self.at += 1;
            for (word, all) in [("ALL", true), ("ANY", false), ("SOME", false)] {
                if self.eat(word) {
                    let query = Box::new(self.subquery()?);
                    return Ok(Expr::Quantified { op, left: Box::new(left), query, all });
                }
            }
            return Ok(binary(op, left, self.additive()?));
        }
        if self.eat("IS") {
            let negated = self.eat("NOT");
            if self.is("DISTINCT") {
                return self.unsupported("IS [NOT] DISTINCT FROM");
            }
            self.expect("NULL")?;
            return Ok(Expr::IsNull { expr: Box::new(left), negated });
        }
        let negated = self.is("NOT") && ["IN", "BETWEEN", "LIKE"].iter().any(|word| self.is_at(1, word));
        self.at += usize::from(negated);
        if self.eat("IN") {
            return self.in_predicate(left, negated);
        }
        let expr = Box::new(left);
        if self.eat("BETWEEN") {
            let low = Box::new(self.additive()?);
            self.expect("AND")?;
            let high = Box::new(self.additive()?);
            return Ok(Expr::Between { expr, low, high, negated });
        }
        if self.eat("LIKE") {
            let pattern = Box::new(self.additive()?);
            let escape = if self.eat("ESCAPE") { Some(Box::new(self.additive()?)) } else { None };
            return Ok(Expr::Like { expr, pattern, escape, negated });
        }
        Ok(*expr)
    }

    fn comparison(&self) -> Option<BinaryOp> {
        if self.kind() != Kind::Symbol {
            return None;
        }
        Some(match self.slice(self.token()) {
            "=" => BinaryOp::Eq,
            "<>" | "!=" => BinaryOp::Ne,
            "<" => BinaryOp::Lt,
            "<=" | "!>" => BinaryOp::Le,
            ">" => BinaryOp::Gt,
            ">=" | "!<" => BinaryOp::Ge,
            _ => return None,
        })
    }

    fn in_predicate(&mut self, left: Expr, negated: bool) -> SqlResult<Expr> {
        let expr = Box::new(left);
        if self.is_at(1, "SELECT") || self.is_at(1, "VALUES") {
            return Ok(Expr::InQuery { expr, query: Box::new(self.subquery()?), negated });
        }
        let list = self.in_parentheses(Self::expr)?;
        if let [Expr::Subquery(_)] = list.as_slice() {
            let Some(Expr::Subquery(query)) = list.into_iter().next() else { return Err(self.syntax_error()) };
            return Ok(Expr::InQuery { expr, query, negated });
        }
        Ok(Expr::InList { expr, list, negated })
    }

    pub(super) fn additive(&mut self) -> SqlResult<Expr> {
        let mut left = self.multiplicative()?;
        let mut length = 0;
        while self.kind() == Kind::Symbol {
            let op = match self.slice(self.token()) {
                "+" => BinaryOp::Add,
                "-" => BinaryOp::Sub,
                "&" => BinaryOp::BitAnd,
                "|" => BinaryOp::BitOr,
                "^" => BinaryOp::BitXor,
                _ => break,
            };
            self.chain_limit(&mut length)?;
            self.at += 1;
            left = binary(op, left, self.multiplicative()?);
        }
        Ok(left)
    }

    fn multiplicative(&mut self) -> SqlResult<Expr> {
        let mut left = self.unary()?;
        let mut length = 0;
        while self.kind() == Kind::Symbol {
            let op = match self.slice(self.token()) {
                "*" => BinaryOp::Mul,
                "/" => BinaryOp::Div,
                "%" => BinaryOp::Mod,
                _ => break,
            };
            self.chain_limit(&mut length)?;
            self.at += 1;
            left = binary(op, left, self.unary()?);
        }
        Ok(left)
    }

    /// A chain of operators that group to the left is as deep as it is long.
    fn chain_limit(&self, length: &mut u32) -> SqlResult<()> {
        *length += 1;
        if *length > super::MAX_DEPTH { Err(too_deep(self.line())) } else { Ok(()) }
    }

    fn unary(&mut self) -> SqlResult<Expr> {
        let op = match self.kind() {
            Kind::Symbol if self.is("-") => UnaryOp::Minus,
            Kind::Symbol if self.is("+") => UnaryOp::Plus,
            Kind::Symbol if self.is("~") => UnaryOp::BitNot,
            _ => return self.postfix(),
        };
        self.at += 1;
        self.nested(|parser| Ok(Expr::Unary { op, expr: Box::new(parser.unary()?) }))
    }

    fn postfix(&mut self) -> SqlResult<Expr> {
        let mut expr = self.operand()?;
        let mut length = 0;
        loop {
            if self.eat("COLLATE") {
                self.chain_limit(&mut length)?;
                expr = Expr::Collate { expr: Box::new(expr), collation: self.name()? };
            } else if self.eat_words(&["AT", "TIME", "ZONE"]) {
                self.chain_limit(&mut length)?;
                expr = Expr::AtTimeZone { expr: Box::new(expr), zone: Box::new(self.operand()?) };
            } else {
                return Ok(expr);
            }
        }
    }

    /// A literal, variable, name, call or something in parentheses.
    pub(super) fn operand(&mut self) -> SqlResult<Expr> {
        let token = self.token();
        let text = self.slice(token);
        let literal = match token.kind {
            Kind::Integer => Literal::Integer(text.to_owned()),
            Kind::Decimal => Literal::Decimal(text.to_owned()),
            Kind::Float => Literal::Float(text.to_owned()),
            Kind::Money => money(text).ok_or_else(|| self.syntax_error())?,
            Kind::String => Literal::String { value: self.unquoted(token), unicode: false },
            Kind::UnicodeString => Literal::String { value: self.unquoted(token), unicode: true },
            Kind::Binary => Literal::Binary(hex(&text[2..])),
            Kind::Variable => {
                self.at += 1;
                if self.is(".") {
                    return self.unsupported("methods of a variable");
                }
                return Ok(Expr::Variable(text.to_owned()));
            }
            Kind::Symbol if text == "(" => return self.parenthesised(),
            Kind::Symbol if text == "{" => return self.unsupported("ODBC escape sequences"),
            Kind::Word | Kind::Quoted => return self.word(),
            Kind::Symbol | Kind::End => return Err(self.syntax_error()),
        };
        self.at += 1;
        Ok(Expr::Literal(literal))
    }

    fn parenthesised(&mut self) -> SqlResult<Expr> {
        if self.is_at(1, "SELECT") {
            return Ok(Expr::Subquery(Box::new(self.subquery()?)));
        }
        let start = self.at;
        self.expect("(")?;
        let expr = self.expr()?;
        if matches!(expr, Expr::Subquery(_)) && self.is_any(&["UNION", "EXCEPT", "INTERSECT"]) {
            self.at = start;
            return Ok(Expr::Subquery(Box::new(self.subquery()?)));
        }
        self.expect(")")?;
        Ok(expr)
    }

    fn word(&mut self) -> SqlResult<Expr> {
        if self.kind() == Kind::Quoted {
            return self.column_or_call();
        }
        let text = self.slice(self.token());
        if text.eq_ignore_ascii_case("NULL") {
            self.at += 1;
            return Ok(Expr::Literal(Literal::Null));
        }
        if text.eq_ignore_ascii_case("CASE") {
            return self.nested(Self::case);
        }
        if text.eq_ignore_ascii_case("EXISTS") {
            self.at += 1;
            return Ok(Expr::Exists(Box::new(self.subquery()?)));
        }
        let call = self.is_at(1, "(");
        if call && (text.eq_ignore_ascii_case("CAST") || text.eq_ignore_ascii_case("TRY_CAST")) {
            return self.nested(Self::cast);
        }
        if call && (text.eq_ignore_ascii_case("CONVERT") || text.eq_ignore_ascii_case("TRY_CONVERT")) {
            return self.nested(Self::convert);
        }
        if call && (text.eq_ignore_ascii_case("PARSE") || text.eq_ignore_ascii_case("TRY_PARSE")) {
            return self.unsupported("PARSE");
        }
        if call && text.eq_ignore_ascii_case("UPDATE") {
            return self.updated_column();
        }
        if BARE_FUNCTIONS.iter().any(|name| text.eq_ignore_ascii_case(name)) {
            let name = ObjectName { name: text.to_owned(), ..ObjectName::default() };
            self.at += 1;
            return Ok(Expr::Call { name, arguments: Vec::new(), distinct: false, star: false, over: None });
        }
        if call && RESERVED_FUNCTIONS.iter().any(|name| text.eq_ignore_ascii_case(name)) {
            self.at += 1;
            return self.nested(|parser| parser.call(vec![text.to_owned()]));
        }
        if UNSUPPORTED_FUNCTIONS.iter().any(|name| text.eq_ignore_ascii_case(name)) {
            return self.unsupported(&text.to_ascii_uppercase());
        }
        if text.eq_ignore_ascii_case("$action") {
            self.at += 1;
            return Ok(Expr::Column(vec![text.to_owned()]));
        }
        if text.starts_with('$') {
            return self.unsupported(&format!("pseudo column {text}"));
        }
        if text.eq_ignore_ascii_case("NEXT") && self.is_at(1, "VALUE") {
            return self.next_value();
        }
        self.column_or_call()
    }

    fn column_or_call(&mut self) -> SqlResult<Expr> {
        let parts = self.dotted_name()?;
        if self.is("(") {
            return self.nested(|parser| parser.call(parts));
        }
        if self.is("::") {
            return self.unsupported("static methods of CLR types");
        }
        Ok(Expr::Column(parts))
    }

    /// From the opening parenthesis on.
    fn call(&mut self, parts: Vec<String>) -> SqlResult<Expr> {
        let name = object_name_of(parts)?;
        self.expect("(")?;
        let (mut distinct, mut star, mut arguments) = (false, false, Vec::new());
        if self.is("*") && self.is_at(1, ")") {
            self.at += 1;
            star = true;
        } else if !self.is(")") {
            distinct = self.eat("DISTINCT");
            if !distinct {
                self.eat("ALL");
            }
            arguments = self.comma_separated(Self::expr)?;
        }
        if self.is("FROM") {
            return self.unsupported("TRIM with FROM");
        }
        self.expect(")")?;
        if self.is("WITHIN") {
            return self.unsupported("WITHIN GROUP");
        }
        if (self.is("IGNORE") || self.is("RESPECT")) && self.is_at(1, "NULLS") {
            return self.unsupported("IGNORE NULLS and RESPECT NULLS");
        }
        let over = if self.eat("OVER") { Some(Box::new(self.over()?)) } else { None };
        Ok(Expr::Call { name, arguments, distinct, star, over })
    }

    fn over(&mut self) -> SqlResult<Over> {
        if !self.is("(") {
            return self.unsupported("named windows");
        }
        self.at += 1;
        let partition_by =
            if self.eat_words(&["PARTITION", "BY"]) { self.comma_separated(Self::expr)? } else { Vec::new() };
        let order_by = self.order_by()?;
        let frame = if self.is_any(&["ROWS", "RANGE"]) {
            let start = self.token().start;
            while !self.is(")") && self.kind() != Kind::End {
                self.at += 1;
            }
            Some(self.text_since(start).to_ascii_uppercase())
        } else {
            None
        };
        self.expect(")")?;
        Ok(Over { partition_by, order_by, frame })
    }

    /// `ORDER BY …`, or nothing.
    pub(super) fn order_by(&mut self) -> SqlResult<Vec<OrderItem>> {
        if !self.eat("ORDER") {
            return Ok(Vec::new());
        }
        self.expect("BY")?;
        self.comma_separated(|parser| {
            let expr = parser.expr()?;
            let descending = parser.eat("DESC");
            if !descending {
                parser.eat("ASC");
            }
            Ok(OrderItem { expr, descending })
        })
    }

    fn case(&mut self) -> SqlResult<Expr> {
        self.expect("CASE")?;
        let operand = if self.is("WHEN") { None } else { Some(Box::new(self.expr()?)) };
        let mut branches = Vec::new();
        while self.eat("WHEN") {
            let when = self.expr()?;
            self.expect("THEN")?;
            branches.push((when, self.expr()?));
        }
        if branches.is_empty() {
            return Err(self.syntax_error());
        }
        let otherwise = if self.eat("ELSE") { Some(Box::new(self.expr()?)) } else { None };
        self.expect("END")?;
        Ok(Expr::Case { operand, branches, otherwise })
    }

    fn cast(&mut self) -> SqlResult<Expr> {
        let try_ = self.is("TRY_CAST");
        self.at += 1;
        self.expect("(")?;
        let expr = Box::new(self.expr()?);
        self.expect("AS")?;
        let decimal = DecimalName::of(self.slice(self.token()));
        let ty = self.cast_type()?;
        self.expect(")")?;
        Ok(Expr::Cast { expr, ty, try_, decimal })
    }

    fn convert(&mut self) -> SqlResult<Expr> {
        let try_ = self.is("TRY_CONVERT");
        self.at += 1;
        self.expect("(")?;
        let ty = self.cast_type()?;
        self.expect(",")?;
        let expr = Box::new(self.expr()?);
        let style = if self.eat(",") { Some(Box::new(self.expr()?)) } else { None };
        self.expect(")")?;
        Ok(Expr::Convert { ty, expr, style, try_ })
    }
}

fn binary(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    Expr::Binary { op, left: Box::new(left), right: Box::new(right) }
}

/// A tree of `op` over all operands, as shallow as it can be, in their order.
fn balanced(operands: &mut dyn ExactSizeIterator<Item = Expr>, op: BinaryOp) -> Expr {
    fn build(operands: &mut dyn ExactSizeIterator<Item = Expr>, count: usize, op: BinaryOp) -> Expr {
        if count <= 1 {
            return operands.next().expect("count never exceeds the operands left");
        }
        let left = build(operands, count - count / 2, op);
        binary(op, left, build(operands, count / 2, op))
    }
    let count = operands.len();
    build(operands, count, op)
}

/// `$12.50` without its sign; `$` alone is zero.
fn money(text: &str) -> Option<Literal> {
    let amount = &text[1..];
    if amount.matches('.').count() > 1 {
        return None;
    }
    Some(Literal::Money(if amount.is_empty() { "0".to_owned() } else { amount.to_owned() }))
}

/// An odd number of digits has a zero in front.
fn hex(digits: &str) -> Vec<u8> {
    let value = |digit: u8| (digit as char).to_digit(16).unwrap_or(0) as u8;
    let digits = digits.as_bytes();
    let (head, rest) = digits.split_at(digits.len() % 2);
    head.iter()
        .map(|&digit| value(digit))
        .chain(rest.chunks(2).map(|pair| value(pair[0]) << 4 | value(pair[1])))
        .collect()
}
