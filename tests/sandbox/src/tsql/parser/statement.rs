//! Statements: dispatch, control flow, transactions.

use super::{Parser, syntax_error};
use crate::error::SqlResult;
use crate::tsql::ast::{Stmt, StmtKind};
use crate::tsql::lexer::Kind;
use crate::tsql::outside;

impl Parser<'_> {
    /// Everything up to the end of the text.
    pub(super) fn batch(&mut self) -> SqlResult<Vec<Stmt>> {
        let mut statements = Vec::new();
        if self.is_name_at(0) && !self.is_statement_word() {
            statements.push(self.bare_call()?);
        }
        self.statements_until(&mut statements, &[])?;
        self.expect_end()?;
        Ok(statements)
    }

    /// The first statement of a batch may be a procedure call without EXEC.
    fn bare_call(&mut self) -> SqlResult<Stmt> {
        self.refuse_outside()?;
        let line = self.line();
        if self.is_at(1, ":") {
            return self.unsupported("labels and GOTO");
        }
        let kind = StmtKind::Exec(Box::new(self.exec()?));
        Ok(Stmt { line, kind })
    }

    /// Words that begin a statement without being reserved.
    fn is_statement_word(&self) -> bool {
        self.is("THROW")
            || (self.is_any(&["ENABLE", "DISABLE"]) && self.is_at(1, "TRIGGER"))
            || (self.is_any(&["SEND", "RECEIVE", "GET", "MOVE"]) && self.is_at(1, "CONVERSATION"))
    }

    pub(super) fn statements_until(&mut self, statements: &mut Vec<Stmt>, closers: &[&str]) -> SqlResult<()> {
        loop {
            while self.eat(";") {}
            if self.kind() == Kind::End || self.is_any(closers) {
                return Ok(());
            }
            statements.push(self.statement()?);
        }
    }

    /// One statement with its semicolon, if it has one.
    fn statement(&mut self) -> SqlResult<Stmt> {
        let line = self.line();
        let kind = self.nested(Self::statement_kind)?;
        self.eat(";");
        Ok(Stmt { line, kind })
    }

    fn statement_kind(&mut self) -> SqlResult<StmtKind> {
        if self.is("(") && self.query_in_parentheses() {
            return self.select_statement(Vec::new());
        }
        if self.kind() != Kind::Word {
            return Err(self.syntax_error());
        }
        self.refuse_outside()?;
        let word = self.slice(self.token()).to_ascii_uppercase();
        match word.as_str() {
            "SELECT" => self.select_statement(Vec::new()),
            "WITH" => self.with(),
            "INSERT" => self.insert(Vec::new()),
            "UPDATE" if self.is_at(1, "STATISTICS") => self.update_statistics(),
            "UPDATE" => self.update(Vec::new()),
            "DELETE" => self.delete(Vec::new()),
            "TRUNCATE" => self.truncate(),
            "CREATE" => self.create(),
            "ALTER" => self.alter(),
            "DROP" => self.drop_statement(),
            "USE" if self.module => {
                let text = "a USE database statement is not allowed in a procedure, function or trigger.";
                Err(syntax_error(154, text.to_owned(), self.line()))
            }
            "USE" => {
                self.at += 1;
                self.name().map(StmtKind::Use)
            }
            "DECLARE" => self.declare(),
            "SET" => self.set(),
            "IF" => self.if_statement(),
            "WHILE" => self.while_statement(),
            "BREAK" => Ok(self.word_alone(StmtKind::Break)),
            "CONTINUE" => Ok(self.word_alone(StmtKind::Continue)),
            "CHECKPOINT" => Ok(self.word_alone(StmtKind::NoOp)),
            "BEGIN" => self.begin(),
            "COMMIT" => self.commit(),
            "ROLLBACK" => self.rollback(),
            "SAVE" => self.save(),
            "EXEC" | "EXECUTE" => {
                self.at += 1;
                self.exec_statement()
            }
            "PRINT" => self.print(),
            "RECONFIGURE" => {
                self.at += 1;
                self.eat_words(&["WITH", "OVERRIDE"]);
                Ok(StmtKind::Reconfigure)
            }
            "RAISERROR" => self.raiserror(),
            "THROW" => self.throw(),
            "RETURN" => self.return_statement(),
            "WAITFOR" => self.waitfor(),
            "ENABLE" | "DISABLE" if self.is_at(1, "TRIGGER") => self.switch_triggers(),
            "BACKUP" => self.backup(),
            "RESTORE" => self.restore(),
            "MERGE" => self.merge(Vec::new()),
            "DBCC" if self.is_at(1, "CHECKIDENT") => self.check_identity(),
            "GRANT" | "DENY" | "REVOKE" => self.permission_statement(),
            "REVERT" => self.revert(),
            "KILL" => self.kill(),
            "GOTO" | "DBCC" | "OPEN" | "CLOSE" | "FETCH" | "DEALLOCATE" | "BULK" | "SHUTDOWN" | "READTEXT"
            | "WRITETEXT" | "UPDATETEXT" | "SETUSER" => self.unsupported(&word),
            _ if self.is_name_at(0) && self.is_at(1, ":") => self.unsupported("labels and GOTO"),
            _ => Err(self.syntax_error()),
        }
    }

    /// Refuses a statement that T-SQL has and the sandbox leaves out.
    fn refuse_outside(&self) -> SqlResult<()> {
        let found = outside::statement(|n, word| self.ahead(n).kind == Kind::Word && self.is_at(n, word));
        found.map_or(Ok(()), |what| self.unsupported(what))
    }

    /// Refuses a function in the place of a table whose arguments are no expressions.
    pub(super) fn refuse_rowset_function(&self) -> SqlResult<()> {
        let functions = [
            "OPENROWSET",
            "OPENQUERY",
            "OPENXML",
            "OPENDATASOURCE",
            "CONTAINSTABLE",
            "FREETEXTTABLE",
            "CHANGETABLE",
            "PREDICT",
        ];
        if self.is_any(&functions) && self.is_at(1, "(") { self.unsupported("rowset functions") } else { Ok(()) }
    }

    fn word_alone(&mut self, kind: StmtKind) -> StmtKind {
        self.at += 1;
        kind
    }

    /// A CTE must not follow a statement that is not closed by a semicolon, since WITH could continue it.
    fn with(&mut self) -> SqlResult<StmtKind> {
        if self.at > 0 {
            let before = self.at - 1;
            let opens = ["BEGIN", "ELSE", "TRY", "CATCH"].iter();
            let separated = self.slice(self.tokens[before]) == ";"
                || opens.clone().any(|word| self.slice(self.tokens[before]).eq_ignore_ascii_case(word));
            if !separated && !self.follows_condition() {
                let message = "Incorrect syntax near the keyword 'with'. If this statement is a common table expression, an \
                    xmlnamespaces clause or a change tracking context clause, the previous statement must be terminated \
                    with a semicolon.";
                return Err(syntax_error(319, message.to_owned(), self.line()));
            }
        }
        let ctes = self.ctes()?;
        if self.is("SELECT") || self.is("(") {
            self.select_statement(ctes)
        } else if self.is("INSERT") {
            self.insert(ctes)
        } else if self.is("UPDATE") {
            self.update(ctes)
        } else if self.is("DELETE") {
            self.delete(ctes)
        } else if self.is("MERGE") {
            self.merge(ctes)
        } else {
            Err(self.syntax_error())
        }
    }

    fn follows_condition(&self) -> bool {
        self.condition_end == Some(self.at)
    }

    fn update_statistics(&mut self) -> SqlResult<StmtKind> {
        self.at += 2;
        self.object_name()?;
        if self.is("(") {
            self.skip_parentheses()?;
        } else if self.is_name_at(0) {
            self.name()?;
        }
        if self.is("WITH") {
            return self.unsupported("UPDATE STATISTICS … WITH");
        }
        Ok(StmtKind::NoOp)
    }

    fn if_statement(&mut self) -> SqlResult<StmtKind> {
        self.expect("IF")?;
        let condition = self.expr()?;
        self.condition_end = Some(self.at);
        let then = Box::new(self.statement()?);
        let otherwise = if self.eat("ELSE") { Some(Box::new(self.statement()?)) } else { None };
        Ok(StmtKind::If { condition, then, otherwise })
    }

    fn while_statement(&mut self) -> SqlResult<StmtKind> {
        self.expect("WHILE")?;
        let condition = self.expr()?;
        self.condition_end = Some(self.at);
        Ok(StmtKind::While { condition, body: Box::new(self.statement()?) })
    }

    fn begin(&mut self) -> SqlResult<StmtKind> {
        self.expect("BEGIN")?;
        if self.is_any(&["TRAN", "TRANSACTION"]) {
            self.at += 1;
            let name = self.transaction_name()?;
            if self.is("WITH") && self.is_at(1, "MARK") {
                return self.unsupported("BEGIN TRANSACTION … WITH MARK");
            }
            return Ok(StmtKind::Begin(name));
        }
        if self.is("DISTRIBUTED") {
            return self.unsupported("distributed transactions");
        }
        if self.is_any(&["DIALOG", "CONVERSATION", "ATOMIC"]) {
            return self.unsupported("BEGIN DIALOG, CONVERSATION and ATOMIC");
        }
        if self.eat("TRY") {
            return self.try_catch();
        }
        let mut statements = Vec::new();
        self.statements_until(&mut statements, &["END"])?;
        if statements.is_empty() {
            return Err(self.syntax_error());
        }
        self.expect("END")?;
        Ok(StmtKind::Block(statements))
    }

    fn try_catch(&mut self) -> SqlResult<StmtKind> {
        let (mut body, mut handler) = (Vec::new(), Vec::new());
        self.statements_until(&mut body, &["END"])?;
        self.expect("END")?;
        self.expect("TRY")?;
        self.eat(";");
        self.expect("BEGIN")?;
        self.expect("CATCH")?;
        self.statements_until(&mut handler, &["END"])?;
        self.expect("END")?;
        self.expect("CATCH")?;
        Ok(StmtKind::TryCatch { body, handler })
    }

    /// The name of a transaction or savepoint, if one stands here.
    fn transaction_name(&mut self) -> SqlResult<Option<String>> {
        if self.kind() == Kind::Variable {
            return self.unsupported("transaction names in variables");
        }
        if self.is_name_at(0) && !self.is_statement_word() { self.name().map(Some) } else { Ok(None) }
    }

    fn commit(&mut self) -> SqlResult<StmtKind> {
        self.expect("COMMIT")?;
        if self.is_any(&["TRAN", "TRANSACTION"]) {
            self.at += 1;
            self.transaction_name()?;
            if self.is("WITH") && self.is_at(1, "(") {
                // DELAYED_DURABILITY promises less, and may be granted more.
                self.at += 1;
                self.skip_parentheses()?;
            }
        } else {
            self.eat("WORK");
        }
        Ok(StmtKind::Commit)
    }

    fn rollback(&mut self) -> SqlResult<StmtKind> {
        self.expect("ROLLBACK")?;
        if self.is_any(&["TRAN", "TRANSACTION"]) {
            self.at += 1;
            return self.transaction_name().map(StmtKind::Rollback);
        }
        self.eat("WORK");
        Ok(StmtKind::Rollback(None))
    }

    fn save(&mut self) -> SqlResult<StmtKind> {
        self.expect("SAVE")?;
        if !self.eat("TRAN") {
            self.expect("TRANSACTION")?;
        }
        match self.transaction_name()? {
            Some(name) => Ok(StmtKind::Save(name)),
            None => Err(self.syntax_error()),
        }
    }

    fn return_statement(&mut self) -> SqlResult<StmtKind> {
        self.expect("RETURN")?;
        let bare = match self.kind() {
            Kind::End => true,
            Kind::Symbol => self.is(";"),
            Kind::Word => !self.is_name_at(0) && !self.is_any(&["CASE", "NULL", "COALESCE", "NULLIF", "CONVERT"]),
            _ => false,
        };
        if bare { Ok(StmtKind::Return(None)) } else { self.expr().map(|expr| StmtKind::Return(Some(expr))) }
    }
}
