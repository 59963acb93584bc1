//! Variables, SET options and procedure calls.

use super::{ParameterDeclaration, Parser, syntax_error};
use crate::error::SqlResult;
use crate::tsql::ast::{Declaration, DeclaredType, Exec, ExecArg, Expr, Literal, SetValue, StmtKind, UnaryOp};
use crate::tsql::lexer::Kind;

impl Parser<'_> {
    pub(super) fn declare(&mut self) -> SqlResult<StmtKind> {
        self.expect("DECLARE")?;
        if self.is_name_at(0) && (self.is_at(1, "CURSOR") || self.is_at(2, "CURSOR")) {
            return self.unsupported("cursors");
        }
        let declarations = self.comma_separated(|parser| {
            let name = parser.variable()?;
            parser.eat("AS");
            if parser.eat("TABLE") {
                let elements = parser.table_elements()?;
                return Ok(Declaration { name, ty: DeclaredType::Table(elements), value: None });
            }
            if parser.is("CURSOR") {
                return parser.unsupported("cursors");
            }
            let ty = match parser.named_type()? {
                Some(named) => DeclaredType::OfType(named),
                None => DeclaredType::Scalar(parser.data_type()?),
            };
            let value = if parser.eat("=") { Some(parser.expr()?) } else { None };
            Ok(Declaration { name, ty, value })
        })?;
        Ok(StmtKind::Declare(declarations))
    }

    /// One parameter of `sp_executesql`'s list.
    pub(super) fn parameter(&mut self) -> SqlResult<ParameterDeclaration> {
        let name = self.variable()?;
        self.eat("AS");
        let table_type = self.named_type()?;
        let ty = match &table_type {
            Some(_) => super::modules::NO_SCALAR,
            None => self.data_type()?,
        };
        if table_type.is_some() && self.eat("READONLY") {
            return Ok(ParameterDeclaration { name, ty, default: None, output: false, table_type, readonly: true });
        }
        if self.is("VARYING") {
            return self.unsupported("cursor parameters");
        }
        if !self.eat_words(&["NOT", "NULL"]) {
            self.eat("NULL");
        }
        let default = if self.eat("=") { Some(self.constant()?) } else { None };
        let output = self.eat("OUTPUT") || self.eat("OUT");
        Ok(ParameterDeclaration { name, ty, default, output, table_type, readonly: false })
    }

    /// `@a = expr` or `@a += expr`, the latter expanded.
    pub(super) fn variable_assignment(&mut self) -> SqlResult<(String, Expr)> {
        let name = self.variable()?;
        if self.is(".") {
            return self.unsupported("methods of a variable");
        }
        if self.eat("=") {
            if self.is("CURSOR") {
                return self.unsupported("cursors");
            }
            return Ok((name, self.expr()?));
        }
        let op = self.compound_operator()?;
        let left = Box::new(Expr::Variable(name.clone()));
        Ok((name, Expr::Binary { op, left, right: Box::new(self.expr()?) }))
    }

    pub(super) fn set(&mut self) -> SqlResult<StmtKind> {
        self.expect("SET")?;
        if self.kind() == Kind::Variable {
            let (name, value) = self.variable_assignment()?;
            return Ok(StmtKind::SetVariable { name, value });
        }
        if self.eat("IDENTITY_INSERT") {
            let table = self.object_name()?;
            return Ok(StmtKind::SetIdentityInsert { table, on: self.on_off()? });
        }
        if self.eat_words(&["TRANSACTION", "ISOLATION", "LEVEL"]) {
            return self.isolation_level();
        }
        if self.eat("STATISTICS") {
            let names = self.comma_separated(|parser| Ok(format!("STATISTICS {}", parser.option_word()?)))?;
            let value = if self.on_off()? { SetValue::On } else { SetValue::Off };
            return Ok(StmtKind::SetOption { names, value });
        }
        let names = self.comma_separated(Self::option_word)?;
        Ok(StmtKind::SetOption { names, value: self.set_value()? })
    }

    fn isolation_level(&mut self) -> SqlResult<StmtKind> {
        const LEVELS: &[&[&str]] = &[
            &["READ", "UNCOMMITTED"],
            &["READ", "COMMITTED"],
            &["REPEATABLE", "READ"],
            &["SERIALIZABLE"],
            &["SNAPSHOT"],
        ];
        for level in LEVELS {
            if self.eat_words(level) {
                let names = vec!["TRANSACTION ISOLATION LEVEL".to_owned()];
                return Ok(StmtKind::SetOption { names, value: SetValue::Words(level.join(" ")) });
            }
        }
        Err(self.syntax_error())
    }

    fn option_word(&mut self) -> SqlResult<String> {
        if self.kind() != Kind::Word {
            return Err(self.syntax_error());
        }
        let token = self.advance();
        Ok(self.slice(token).to_ascii_uppercase())
    }

    pub(super) fn on_off(&mut self) -> SqlResult<bool> {
        if self.eat("ON") {
            return Ok(true);
        }
        self.expect("OFF")?;
        Ok(false)
    }

    fn set_value(&mut self) -> SqlResult<SetValue> {
        if self.eat("ON") {
            return Ok(SetValue::On);
        }
        if self.eat("OFF") {
            return Ok(SetValue::Off);
        }
        if self.kind() == Kind::Word {
            return Ok(SetValue::Words(self.option_word()?));
        }
        self.constant().map(SetValue::Expr)
    }

    /// After `EXEC`: a procedure call or a string.
    pub(super) fn exec_statement(&mut self) -> SqlResult<StmtKind> {
        if self.eat("(") {
            let text = self.expr()?;
            self.expect(")")?;
            if self.is("AT") {
                return self.unsupported("EXEC … AT a linked server");
            }
            if self.is("AS") {
                return self.unsupported("EXECUTE AS");
            }
            return Ok(StmtKind::ExecString(text));
        }
        if self.is("AS") {
            return self.execute_as();
        }
        Ok(StmtKind::Exec(Box::new(self.exec()?)))
    }

    pub(super) fn exec(&mut self) -> SqlResult<Exec> {
        let mut return_into = None;
        if self.kind() == Kind::Variable && self.is_at(1, "=") {
            return_into = Some(self.variable()?);
            self.at += 1;
        }
        let procedure = self.target()?;
        if self.is(".") || self.is(";") && self.ahead(1).kind == Kind::Integer {
            return self.unsupported("numbered procedures");
        }
        let mut arguments = Vec::new();
        if self.begins_argument() {
            arguments = self.exec_arguments()?;
        }
        if self.eat("WITH") && !self.eat("RECOMPILE") {
            return self.unsupported("EXEC … WITH RESULT SETS");
        }
        Ok(Exec { return_into, procedure, arguments })
    }

    /// Arguments in order: once one is named, all that follow are (error 119).
    fn exec_arguments(&mut self) -> SqlResult<Vec<ExecArg>> {
        let line = self.line();
        let arguments = self.comma_separated(Self::exec_argument)?;
        let named = arguments.iter().position(|argument| argument.name.is_some()).unwrap_or(arguments.len());
        if let Some(position) = arguments.iter().skip(named).position(|argument| argument.name.is_none()) {
            let message = format!(
                "Must pass parameter number {} and subsequent parameters as '@name = value'. After the form '@name = value' has been \
                 used, all subsequent parameters must be passed in the form '@name = value'.",
                named + position + 1
            );
            return Err(syntax_error(119, message, line));
        }
        Ok(arguments)
    }

    fn begins_argument(&self) -> bool {
        match self.kind() {
            Kind::End => false,
            Kind::Symbol => self.is("-") || self.is("+"),
            Kind::Word => self.is_name_at(0) || self.is_any(&["DEFAULT", "NULL"]),
            _ => true,
        }
    }

    fn exec_argument(&mut self) -> SqlResult<ExecArg> {
        let mut name = None;
        if self.kind() == Kind::Variable && self.is_at(1, "=") {
            name = Some(self.variable()?);
            self.at += 1;
        }
        if self.eat("DEFAULT") {
            return Ok(ExecArg { name, value: None, output: false });
        }
        let value = Some(self.constant()?);
        let line = self.line();
        let output = self.eat("OUTPUT") || self.eat("OUT");
        if output && !matches!(value, Some(Expr::Variable(_))) {
            let message = "Cannot use the OUTPUT option when passing a constant to a stored procedure.";
            return Err(syntax_error(179, message.to_owned(), line));
        }
        Ok(ExecArg { name, value, output })
    }

    /// What may stand where T-SQL allows no expression: a literal with an optional sign, a variable, or a bare word,
    /// which means itself as a string.
    fn constant(&mut self) -> SqlResult<Expr> {
        if self.is("-") || self.is("+") {
            let op = if self.is("-") { UnaryOp::Minus } else { UnaryOp::Plus };
            self.at += 1;
            if !matches!(self.kind(), Kind::Integer | Kind::Decimal | Kind::Float | Kind::Money) {
                return Err(self.syntax_error());
            }
            return Ok(Expr::Unary { op, expr: Box::new(self.literal_or_variable()?) });
        }
        self.literal_or_variable()
    }

    fn literal_or_variable(&mut self) -> SqlResult<Expr> {
        match self.kind() {
            Kind::Word if self.is("NULL") => {
                self.at += 1;
                Ok(Expr::Literal(Literal::Null))
            }
            Kind::Word | Kind::Quoted => {
                let value = self.dotted_name()?.join(".");
                Ok(Expr::Literal(Literal::String { value, unicode: true }))
            }
            Kind::Symbol | Kind::End => Err(self.syntax_error()),
            _ => self.operand(),
        }
    }

    pub(super) fn print(&mut self) -> SqlResult<StmtKind> {
        self.expect("PRINT")?;
        self.expr().map(StmtKind::Print)
    }

    pub(super) fn raiserror(&mut self) -> SqlResult<StmtKind> {
        self.expect("RAISERROR")?;
        self.expect("(")?;
        let message = self.expr()?;
        self.expect(",")?;
        let severity = self.expr()?;
        self.expect(",")?;
        let state = self.expr()?;
        let arguments = if self.eat(",") { self.comma_separated(Self::expr)? } else { Vec::new() };
        self.expect(")")?;
        if self.eat("WITH") {
            let options = self.comma_separated(Self::option_word)?;
            if options.iter().any(|option| option == "SETERROR") {
                return self.unsupported("RAISERROR … WITH SETERROR");
            }
            if !options.iter().all(|option| matches!(option.as_str(), "NOWAIT" | "LOG")) {
                return Err(self.syntax_error());
            }
        }
        Ok(StmtKind::RaisError { message, severity, state, arguments })
    }

    pub(super) fn throw(&mut self) -> SqlResult<StmtKind> {
        self.expect("THROW")?;
        if !matches!(self.kind(), Kind::Integer | Kind::Variable) {
            return Ok(StmtKind::Throw(None));
        }
        let number = self.constant()?;
        self.expect(",")?;
        let message = self.constant()?;
        self.expect(",")?;
        Ok(StmtKind::Throw(Some((number, message, self.constant()?))))
    }

    pub(super) fn waitfor(&mut self) -> SqlResult<StmtKind> {
        self.expect("WAITFOR")?;
        if !self.eat("DELAY") {
            return self.unsupported("WAITFOR TIME and WAITFOR (…)");
        }
        self.constant().map(StmtKind::WaitForDelay)
    }

    /// `KILL session_id`.
    pub(super) fn kill(&mut self) -> SqlResult<StmtKind> {
        self.expect("KILL")?;
        let negative = self.eat("-");
        if self.kind() != Kind::Integer {
            return self.unsupported("KILL of anything but a session");
        }
        let token = self.advance();
        let id: i64 = self.slice(token).parse().map_err(|_| self.syntax_error())?;
        if self.is("WITH") {
            return self.unsupported("KILL … WITH STATUSONLY");
        }
        Ok(StmtKind::Kill(if negative { -id } else { id }))
    }
}
