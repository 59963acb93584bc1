//! Queries: CTEs, set operations, SELECT blocks, table sources.

use super::{MAX_DEPTH, MAX_SET_OPERATIONS, Parser, too_deep};
use crate::error::SqlResult;
use crate::tsql::ast::{
    Cte, Expr, JoinKind, ObjectName, Query, Select, SelectItem, SetExpr, SetOp, StmtKind, TableRef, Top,
};
use crate::tsql::lexer::Kind;

impl Parser<'_> {
    /// Whether `( … (` here opens a query rather than an expression or a join.
    pub(super) fn query_in_parentheses(&self) -> bool {
        let mut n = 0;
        while self.is_at(n, "(") {
            n += 1;
        }
        n > 0 && (self.is_at(n, "SELECT") || self.is_at(n, "VALUES"))
    }

    /// `(query)`.
    pub(super) fn subquery(&mut self) -> SqlResult<Query> {
        self.nested(|parser| {
            parser.expect("(")?;
            let query = parser.query(Vec::new())?;
            parser.expect(")")?;
            Ok(query)
        })
    }

    /// `WITH …`, or nothing.
    pub(super) fn ctes(&mut self) -> SqlResult<Vec<Cte>> {
        if !self.eat("WITH") {
            return Ok(Vec::new());
        }
        if self.is_any(&["XMLNAMESPACES", "CHANGE_TRACKING_CONTEXT"]) {
            return self.unsupported("WITH XMLNAMESPACES and CHANGE_TRACKING_CONTEXT");
        }
        self.comma_separated(|parser| {
            let name = parser.name()?;
            let columns = if parser.is("(") { parser.names_in_parentheses()? } else { Vec::new() };
            parser.expect("AS")?;
            Ok(Cte { name, columns, query: parser.subquery()? })
        })
    }

    /// A query after its CTEs, with ORDER BY and what follows it.
    pub(super) fn query(&mut self, ctes: Vec<Cte>) -> SqlResult<Query> {
        let body = self.set_expr()?;
        let order_by = self.order_by()?;
        let (mut offset, mut fetch) = (None, None);
        if !order_by.is_empty() && self.eat("OFFSET") {
            offset = Some(self.expr()?);
            self.expect_either("ROWS", "ROW")?;
            if self.eat("FETCH") {
                self.expect_either("NEXT", "FIRST")?;
                fetch = Some(self.expr()?);
                self.expect_either("ROWS", "ROW")?;
                self.expect("ONLY")?;
            }
        }
        if self.is("FOR") {
            return self.unsupported("FOR XML, FOR JSON and FOR BROWSE");
        }
        Ok(Query { ctes, body, order_by, offset, fetch, options: self.query_options()? })
    }

    /// `OPTION (…)`, words as written, or nothing.
    pub(super) fn query_options(&mut self) -> SqlResult<Vec<String>> {
        if !self.is("OPTION") {
            return Ok(Vec::new());
        }
        self.at += 1;
        self.expect("(")?;
        let mut options = Vec::new();
        loop {
            let start = self.token().start;
            while !self.is(",") && !self.is(")") {
                match self.kind() {
                    Kind::End => return Err(self.syntax_error()),
                    _ if self.is("(") => self.skip_parentheses()?,
                    _ => self.at += 1,
                }
            }
            options.push(self.text_since(start));
            if !self.eat(",") {
                self.expect(")")?;
                return Ok(options);
            }
        }
    }

    fn expect_either(&mut self, one: &str, other: &str) -> SqlResult<()> {
        if self.eat(one) { Ok(()) } else { self.expect(other) }
    }

    /// `UNION` and `EXCEPT` group to the left, `INTERSECT` binds tighter.
    fn set_expr(&mut self) -> SqlResult<SetExpr> {
        let mut left = self.intersection()?;
        let mut length = 0;
        loop {
            let op = if self.eat("UNION") {
                SetOp::Union
            } else if self.eat("EXCEPT") {
                SetOp::Except
            } else {
                return Ok(left);
            };
            length += 1;
            if length > MAX_SET_OPERATIONS {
                return Err(too_deep(self.line()));
            }
            if op == SetOp::Except {
                self.refuse_all("EXCEPT")?;
            }
            let all = op == SetOp::Union && self.eat("ALL");
            let right = Box::new(self.intersection()?);
            left = SetExpr::SetOp { op, all, left: Box::new(left), right };
        }
    }

    fn intersection(&mut self) -> SqlResult<SetExpr> {
        let mut left = self.set_operand()?;
        let mut length = 0;
        while self.eat("INTERSECT") {
            length += 1;
            if length > MAX_SET_OPERATIONS {
                return Err(too_deep(self.line()));
            }
            self.refuse_all("INTERSECT")?;
            let right = Box::new(self.set_operand()?);
            left = SetExpr::SetOp { op: SetOp::Intersect, all: false, left: Box::new(left), right };
        }
        Ok(left)
    }

    /// Error 324.
    fn refuse_all(&self, operator: &str) -> SqlResult<()> {
        if self.is("ALL") {
            let message = format!("The 'ALL' version of the {operator} operator is not supported.");
            return Err(super::syntax_error(324, message, self.line()));
        }
        Ok(())
    }

    fn set_operand(&mut self) -> SqlResult<SetExpr> {
        if self.is("(") {
            return Ok(SetExpr::Query(Box::new(self.subquery()?)));
        }
        if self.eat("VALUES") {
            let rows = self.comma_separated(|parser| parser.in_parentheses(Self::expr))?;
            return Ok(SetExpr::Values(rows));
        }
        self.expect("SELECT")?;
        Ok(SetExpr::Select(Box::new(self.nested(Self::select_block)?)))
    }

    /// A SELECT after that word.
    fn select_block(&mut self) -> SqlResult<Select> {
        let mut select = self.select_head()?;
        select.items = self.comma_separated(Self::select_item)?;
        if self.eat("INTO") {
            select.into = Some(self.object_name()?);
        }
        self.select_tail(&mut select)?;
        Ok(select)
    }

    fn select_head(&mut self) -> SqlResult<Select> {
        let distinct = self.eat("DISTINCT");
        if !distinct {
            self.eat("ALL");
        }
        Ok(Select { distinct, top: self.top()?, ..Select::default() })
    }

    fn select_tail(&mut self, select: &mut Select) -> SqlResult<()> {
        if self.eat("FROM") {
            select.from = self.table_refs()?;
        }
        if self.eat("WHERE") {
            select.selection = Some(self.expr()?);
        }
        if self.eat("GROUP") {
            self.expect("BY")?;
            self.group_by(select)?;
        }
        if self.eat("HAVING") {
            select.having = Some(self.expr()?);
        }
        if self.is("WINDOW") && self.is_name_at(1) && self.is_at(2, "AS") {
            return self.unsupported("the WINDOW clause");
        }
        Ok(())
    }

    /// A statement that begins with SELECT: a query, or an assignment to variables.
    pub(super) fn select_statement(&mut self, ctes: Vec<Cte>) -> SqlResult<StmtKind> {
        let start = self.at;
        if self.eat("SELECT") {
            let mut select = self.select_head()?;
            if self.kind() == Kind::Variable && self.assigns() {
                return self.select_assign(select, ctes);
            }
            select.items.clear();
        }
        self.at = start;
        Ok(StmtKind::Select(Box::new(self.query(ctes)?)))
    }

    /// Whether the token after this variable is an assignment operator.
    fn assigns(&self) -> bool {
        ["=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^="].iter().any(|op| self.is_at(1, op))
    }

    fn select_assign(&mut self, mut select: Select, ctes: Vec<Cte>) -> SqlResult<StmtKind> {
        let assignments = self.comma_separated(|parser| {
            if parser.kind() != Kind::Variable || !parser.assigns() {
                let message = "A SELECT statement that assigns a value to a variable must not be combined with \
                    data-retrieval operations.";
                return Err(super::syntax_error(141, message.to_owned(), parser.line()));
            }
            parser.variable_assignment()
        })?;
        self.select_tail(&mut select)?;
        let order_by = self.order_by()?;
        self.query_options()?;
        let from = if select == Select::default() { None } else { Some(Box::new(select)) };
        Ok(StmtKind::SelectAssign { assignments, ctes, from, order_by })
    }

    /// `TOP …`, or nothing.
    pub(super) fn top(&mut self) -> SqlResult<Option<Top>> {
        if !self.eat("TOP") {
            return Ok(None);
        }
        let count = if self.eat("(") {
            let count = self.expr()?;
            self.expect(")")?;
            count
        } else if matches!(self.kind(), Kind::Integer | Kind::Decimal | Kind::Float | Kind::Variable) {
            self.number_or_variable()
        } else {
            return Err(self.syntax_error());
        };
        let percent = self.eat("PERCENT");
        let with_ties = self.eat_words(&["WITH", "TIES"]);
        Ok(Some(Top { count, percent, with_ties }))
    }

    fn select_item(&mut self) -> SqlResult<SelectItem> {
        if self.eat("*") {
            return Ok(SelectItem::Star);
        }
        if let Some(qualifier) = self.qualified_star()? {
            return Ok(SelectItem::QualifiedStar(qualifier));
        }
        if (self.is_name_at(0) || self.kind() == Kind::String) && self.is_at(1, "=") {
            let alias = Some(if self.kind() == Kind::String { self.string()? } else { self.name()? });
            self.at += 1;
            return Ok(SelectItem::Expr { expr: self.expr()?, alias });
        }
        let expr = self.expr()?;
        let alias = self.column_alias()?;
        Ok(SelectItem::Expr { expr, alias })
    }

    /// The items of an OUTPUT clause are those of a select list.
    pub(super) fn output_items(&mut self) -> SqlResult<Vec<SelectItem>> {
        self.comma_separated(Self::select_item)
    }

    /// `a.b.*`.
    fn qualified_star(&mut self) -> SqlResult<Option<ObjectName>> {
        let mut n = 0;
        while self.is_name_at(n) && self.is_at(n + 1, ".") {
            n += 2;
        }
        if n == 0 || !self.is_at(n, "*") {
            return Ok(None);
        }
        let mut parts = Vec::new();
        while !self.eat("*") {
            parts.push(self.name()?);
            self.expect(".")?;
        }
        super::object_name_of(parts).map(Some)
    }

    fn column_alias(&mut self) -> SqlResult<Option<String>> {
        let written = self.eat("AS");
        if matches!(self.kind(), Kind::String | Kind::UnicodeString) {
            return Ok(Some(self.string()?));
        }
        if written || self.is_name_at(0) { Ok(Some(self.name()?)) } else { Ok(None) }
    }

    /// A comma-separated FROM list.
    pub(super) fn table_refs(&mut self) -> SqlResult<Vec<TableRef>> {
        self.comma_separated(|parser| parser.nested(Self::joined_table))
    }

    /// One table source with its joins.
    pub(super) fn table_refs_one(&mut self) -> SqlResult<TableRef> {
        self.nested(Self::joined_table)
    }

    fn joined_table(&mut self) -> SqlResult<TableRef> {
        let mut left = self.table_source()?;
        let mut length = 0;
        while let Some(kind) = self.join_kind()? {
            length += 1;
            if length > MAX_DEPTH {
                return Err(too_deep(self.line()));
            }
            left = self.join(kind, left)?;
        }
        Ok(left)
    }

    fn join(&mut self, kind: JoinKind, left: TableRef) -> SqlResult<TableRef> {
        let mut right = self.table_source()?;
        let conditional = matches!(kind, JoinKind::Inner | JoinKind::Left | JoinKind::Right | JoinKind::Full);
        let mut on = None;
        if conditional {
            // `a JOIN b JOIN c ON … ON …` nests to the right.
            while !self.is("ON") {
                let Some(inner) = self.join_kind()? else { return Err(self.syntax_error()) };
                right = self.nested(|parser| parser.join(inner, right))?;
            }
            self.at += 1;
            on = Some(self.expr()?);
        }
        Ok(TableRef::Join { kind, left: Box::new(left), right: Box::new(right), on })
    }

    /// Takes the words of a join, its hints too: they change no result.
    fn join_kind(&mut self) -> SqlResult<Option<JoinKind>> {
        if self.eat("CROSS") {
            if self.eat("APPLY") {
                return Ok(Some(JoinKind::CrossApply));
            }
            self.expect("JOIN")?;
            return Ok(Some(JoinKind::Cross));
        }
        if self.eat("OUTER") {
            self.expect("APPLY")?;
            return Ok(Some(JoinKind::OuterApply));
        }
        if self.is_any(&["PIVOT", "UNPIVOT"]) {
            return self.unsupported("PIVOT and UNPIVOT");
        }
        let kind = if self.eat("JOIN") {
            return Ok(Some(JoinKind::Inner));
        } else if self.eat("INNER") {
            JoinKind::Inner
        } else if self.eat("LEFT") {
            JoinKind::Left
        } else if self.eat("RIGHT") {
            JoinKind::Right
        } else if self.eat("FULL") {
            JoinKind::Full
        } else {
            return Ok(None);
        };
        if kind != JoinKind::Inner {
            self.eat("OUTER");
        }
        if self.is_any(&["LOOP", "HASH", "MERGE", "REMOTE"]) {
            self.at += 1;
        }
        self.expect("JOIN")?;
        Ok(Some(kind))
    }

    fn table_source(&mut self) -> SqlResult<TableRef> {
        if self.kind() == Kind::Variable {
            let name = self.variable()?;
            if self.is(".") {
                return self.unsupported("methods of a variable");
            }
            return Ok(TableRef::Variable { name, alias: self.table_alias()? });
        }
        if self.query_in_parentheses() {
            return self.derived_table();
        }
        if self.is("(") && ["INSERT", "UPDATE", "DELETE", "MERGE"].iter().any(|word| self.is_at(1, word)) {
            return self.unsupported("data modification as a table source");
        }
        if self.eat("(") {
            let inner = self.nested(Self::joined_table)?;
            self.expect(")")?;
            return Ok(inner);
        }
        self.refuse_rowset_function()?;
        let name = self.object_name()?;
        if self.is("(") {
            if self.is_at(2, ")") && self.ahead(1).kind == Kind::Word && is_hint(self.slice(self.ahead(1))) {
                let hints = self.hint_list()?;
                let alias = self.table_alias()?;
                return Ok(TableRef::Table { name, alias, hints });
            }
            self.at += 1;
            let arguments = if self.is(")") { Vec::new() } else { self.comma_separated(Self::expr)? };
            self.expect(")")?;
            if self.is("WITH") && self.is_at(1, "(") {
                return self.unsupported("WITH after a table-valued function");
            }
            let alias = self.table_alias()?;
            if alias.is_some() && self.is("(") {
                return self.unsupported("column aliases of a table-valued function");
            }
            return Ok(TableRef::Function { name, arguments, alias });
        }
        if self.is("FOR") && self.is_at(1, "SYSTEM_TIME") {
            return self.unsupported("FOR SYSTEM_TIME");
        }
        let alias = self.table_alias()?;
        if self.is("TABLESAMPLE") {
            return self.unsupported("TABLESAMPLE");
        }
        let hints = self.table_hints()?;
        Ok(TableRef::Table { name, alias, hints })
    }

    fn derived_table(&mut self) -> SqlResult<TableRef> {
        // `((a JOIN b …))` never gets here; `((SELECT …) UNION …)` and `((SELECT …) AS x JOIN …)` both do.
        let start = self.at;
        match self.subquery() {
            Ok(query) => {
                self.eat("AS");
                let alias = self.name()?;
                let columns = if self.is("(") { self.names_in_parentheses()? } else { Vec::new() };
                Ok(TableRef::Derived { query: Box::new(query), alias, columns })
            }
            Err(error) => {
                self.at = start;
                if !self.is_at(1, "(") {
                    return Err(error);
                }
                self.at += 1;
                let inner = self.nested(Self::joined_table)?;
                self.expect(")")?;
                Ok(inner)
            }
        }
    }

    fn table_alias(&mut self) -> SqlResult<Option<String>> {
        if self.eat("AS") || self.is_name_at(0) { Ok(Some(self.name()?)) } else { Ok(None) }
    }

    /// `WITH (NOLOCK, …)`, or nothing.
    pub(super) fn table_hints(&mut self) -> SqlResult<Vec<String>> {
        if self.is("WITH") && self.is_at(1, "(") {
            self.at += 1;
            return self.hint_list();
        }
        if self.is("(") && self.ahead(1).kind == Kind::Word && is_hint(self.slice(self.ahead(1))) {
            return self.hint_list();
        }
        Ok(Vec::new())
    }

    fn hint_list(&mut self) -> SqlResult<Vec<String>> {
        self.expect("(")?;
        let mut hints = Vec::new();
        while !self.eat(")") {
            let token = self.token();
            if token.kind != Kind::Word {
                return Err(self.syntax_error());
            }
            hints.push(self.slice(token).to_ascii_uppercase());
            self.at += 1;
            if self.eat("=") {
                self.advance();
            } else if self.is("(") {
                self.skip_parentheses()?;
            }
            self.eat(",");
        }
        Ok(hints)
    }

    /// A number or variable as an expression.
    fn number_or_variable(&mut self) -> Expr {
        use crate::tsql::ast::Literal;
        let token = self.advance();
        let text = self.slice(token).to_owned();
        match token.kind {
            Kind::Variable => Expr::Variable(text),
            Kind::Decimal => Expr::Literal(Literal::Decimal(text)),
            Kind::Float => Expr::Literal(Literal::Float(text)),
            _ => Expr::Literal(Literal::Integer(text)),
        }
    }
}

/// <https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table>
fn is_hint(word: &str) -> bool {
    const HINTS: &[&str] = &[
        "NOLOCK",
        "READUNCOMMITTED",
        "READCOMMITTED",
        "READCOMMITTEDLOCK",
        "REPEATABLEREAD",
        "SERIALIZABLE",
        "SNAPSHOT",
        "HOLDLOCK",
        "UPDLOCK",
        "XLOCK",
        "ROWLOCK",
        "PAGLOCK",
        "TABLOCK",
        "TABLOCKX",
        "READPAST",
        "NOWAIT",
        "NOEXPAND",
        "FORCESEEK",
        "FORCESCAN",
        "INDEX",
        "KEEPIDENTITY",
        "KEEPDEFAULTS",
        "IGNORE_CONSTRAINTS",
        "IGNORE_TRIGGERS",
        "SPATIAL_WINDOW_MAX_CELLS",
    ];
    HINTS.iter().any(|hint| word.eq_ignore_ascii_case(hint))
}
