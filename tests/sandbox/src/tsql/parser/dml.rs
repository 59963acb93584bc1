//! INSERT, UPDATE, DELETE, TRUNCATE and the head of a bulk load.

use super::Parser;
use crate::error::SqlResult;
use crate::tsql::ast::{
    BinaryOp, BulkColumn, Cte, Delete, Expr, Insert, InsertSource, ObjectName, Output, StmtKind, Update, VariableValue,
};
use crate::tsql::lexer::Kind;

/// A column of a `SET` list with its value; `None` is `DEFAULT`.
type ColumnAssignment = (ObjectName, Option<Expr>);

/// The columns and the variables of a `SET` list.
type SetList = (Vec<ColumnAssignment>, Vec<(String, VariableValue)>);

impl Parser<'_> {
    pub(super) fn insert(&mut self, ctes: Vec<Cte>) -> SqlResult<StmtKind> {
        self.expect("INSERT")?;
        if self.eat("BULK") {
            return self.insert_bulk();
        }
        let top = self.top()?;
        self.eat("INTO");
        self.refuse_rowset_function()?;
        let target = self.target()?;
        let hints = self.table_hints()?;
        let columns = if self.is("(") && !self.query_in_parentheses() { self.insert_columns()? } else { Vec::new() };
        let output = self.output()?;
        let source = self.insert_source()?;
        Ok(StmtKind::Insert(Box::new(Insert { ctes, top, target, hints, columns, output, source })))
    }

    pub(super) fn insert_columns(&mut self) -> SqlResult<Vec<String>> {
        self.in_parentheses(|parser| {
            let mut parts = parser.dotted_name()?;
            parts.pop().ok_or_else(|| parser.syntax_error())
        })
    }

    fn insert_source(&mut self) -> SqlResult<InsertSource> {
        if self.eat("VALUES") {
            let rows = self.comma_separated(|parser| parser.in_parentheses(Self::value_or_default))?;
            return Ok(InsertSource::Values(rows));
        }
        if self.eat("DEFAULT") {
            self.expect("VALUES")?;
            return Ok(InsertSource::DefaultValues);
        }
        if self.is_any(&["EXEC", "EXECUTE"]) {
            self.at += 1;
            if self.eat("(") {
                let text = self.expr()?;
                self.expect(")")?;
                return Ok(InsertSource::ExecString(text));
            }
            return Ok(InsertSource::Exec(Box::new(self.exec()?)));
        }
        if self.is("SELECT") || self.query_in_parentheses() {
            return Ok(InsertSource::Query(Box::new(self.query(Vec::new())?)));
        }
        Err(self.syntax_error())
    }

    pub(super) fn value_or_default(&mut self) -> SqlResult<Option<Expr>> {
        if self.eat("DEFAULT") { Ok(None) } else { self.expr().map(Some) }
    }

    /// `INSERT BULK` is what drivers send before the rows of a bulk load; clients do not write it themselves.
    fn insert_bulk(&mut self) -> SqlResult<StmtKind> {
        let table = self.object_name()?;
        let columns = if self.is("(") { self.in_parentheses(Self::bulk_column)? } else { Vec::new() };
        let mut options = Vec::new();
        if self.eat("WITH") {
            options = self.in_parentheses(|parser| {
                let start = parser.token().start;
                while !parser.is(",") && !parser.is(")") {
                    match parser.kind() {
                        Kind::End => return Err(parser.syntax_error()),
                        _ if parser.is("(") => parser.skip_parentheses()?,
                        _ => parser.at += 1,
                    }
                }
                Ok(parser.text_since(start).to_ascii_uppercase())
            })?;
        }
        Ok(StmtKind::InsertBulk { table, columns, options })
    }

    fn bulk_column(&mut self) -> SqlResult<BulkColumn> {
        let column = BulkColumn { name: self.name()?, ty: self.data_type()? };
        if self.eat("COLLATE") {
            self.name()?;
        }
        self.eat("NOT");
        self.eat("NULL");
        Ok(column)
    }

    pub(super) fn update(&mut self, ctes: Vec<Cte>) -> SqlResult<StmtKind> {
        self.expect("UPDATE")?;
        let top = self.top()?;
        let target = self.target()?;
        let hints = self.table_hints()?;
        self.expect("SET")?;
        let (assignments, variables) = self.assignments()?;
        let output = self.output()?;
        let from = if self.eat("FROM") { self.table_refs()? } else { Vec::new() };
        let selection = self.row_selection()?;
        self.query_options()?;
        let update = Update { ctes, top, target, hints, assignments, variables, output, from, selection };
        Ok(StmtKind::Update(Box::new(update)))
    }

    /// The `SET` list of an `UPDATE`: columns and variables.
    fn assignments(&mut self) -> SqlResult<SetList> {
        let (mut columns, mut variables) = (Vec::new(), Vec::new());
        loop {
            if self.kind() != Kind::Variable {
                columns.push(self.column_assignment()?);
            } else if self.is_at(1, "=") && self.assigns_column_at(2) {
                let variable = self.variable()?;
                self.expect("=")?;
                variables.push((variable, VariableValue::Assignment(columns.len())));
                columns.push(self.column_assignment()?);
            } else {
                let (variable, value) = self.variable_assignment()?;
                variables.push((variable, VariableValue::Expr(value)));
            }
            if !self.eat(",") {
                return Ok((columns, variables));
            }
        }
    }

    /// Whether a column name and an assignment operator stand here.
    fn assigns_column_at(&self, mut n: usize) -> bool {
        if !self.is_name_at(n) {
            return false;
        }
        while self.is_at(n + 1, ".") && self.is_name_at(n + 2) {
            n += 2;
        }
        ["=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^="].iter().any(|op| self.is_at(n + 1, op))
    }

    /// `column = expr`, `column += expr`.
    pub(super) fn column_assignment(&mut self) -> SqlResult<ColumnAssignment> {
        let column = self.object_name()?;
        if self.is("(") {
            return self.unsupported("column.WRITE(…)");
        }
        if self.eat("=") {
            return Ok((column, self.value_or_default()?));
        }
        let op = self.compound_operator()?;
        let parts = [&column.database, &column.schema].into_iter().flatten().cloned();
        let current = Expr::Column(parts.chain([column.name.clone()]).collect());
        let value = Expr::Binary { op, left: Box::new(current), right: Box::new(self.expr()?) };
        Ok((column, Some(value)))
    }

    /// `+=` and kin.
    pub(super) fn compound_operator(&mut self) -> SqlResult<BinaryOp> {
        let op = match self.slice(self.token()) {
            "+=" => BinaryOp::Add,
            "-=" => BinaryOp::Sub,
            "*=" => BinaryOp::Mul,
            "/=" => BinaryOp::Div,
            "%=" => BinaryOp::Mod,
            "&=" => BinaryOp::BitAnd,
            "|=" => BinaryOp::BitOr,
            "^=" => BinaryOp::BitXor,
            _ => return Err(self.syntax_error()),
        };
        self.at += 1;
        Ok(op)
    }

    fn row_selection(&mut self) -> SqlResult<Option<Expr>> {
        if !self.eat("WHERE") {
            return Ok(None);
        }
        if self.is("CURRENT") && self.is_at(1, "OF") {
            return self.unsupported("WHERE CURRENT OF");
        }
        self.expr().map(Some)
    }

    pub(super) fn delete(&mut self, ctes: Vec<Cte>) -> SqlResult<StmtKind> {
        self.expect("DELETE")?;
        let top = self.top()?;
        self.eat("FROM");
        let target = self.target()?;
        let hints = self.table_hints()?;
        let output = self.output()?;
        let from = if self.eat("FROM") { self.table_refs()? } else { Vec::new() };
        let selection = self.row_selection()?;
        self.query_options()?;
        Ok(StmtKind::Delete(Box::new(Delete { ctes, top, target, hints, output, from, selection })))
    }

    /// `OUTPUT … [INTO …]`, or nothing.
    pub(super) fn output(&mut self) -> SqlResult<Option<Output>> {
        if !self.eat("OUTPUT") {
            return Ok(None);
        }
        let items = self.output_items()?;
        let mut into = None;
        if self.eat("INTO") {
            let target = self.target()?;
            let columns =
                if self.is("(") && !self.query_in_parentheses() { self.insert_columns()? } else { Vec::new() };
            into = Some((target, columns));
        }
        let returned = if into.is_some() && self.eat("OUTPUT") { self.output_items()? } else { Vec::new() };
        Ok(Some(Output { items, into, returned }))
    }

    pub(super) fn truncate(&mut self) -> SqlResult<StmtKind> {
        self.expect("TRUNCATE")?;
        self.expect("TABLE")?;
        let table = self.object_name()?;
        if self.is("WITH") && self.is_at(1, "(") {
            return self.unsupported("TRUNCATE TABLE … WITH (PARTITIONS …)");
        }
        Ok(StmtKind::Truncate(table))
    }
}
