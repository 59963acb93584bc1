//! Procedures, triggers, views, sequences and table types.

use super::{Parser, syntax_error};
use crate::error::SqlResult;
use crate::tsql::ast::{BinaryOp, Expr, Literal, ObjectName, StmtKind};
use crate::tsql::lexer::Kind;
use crate::tsql::modules::{
    ModuleBody, ModuleDefinition, ModuleKind, ModuleStatement, NEXT_VALUE, SequenceOptions, TriggerEvent, UPDATED, Verb,
};
use crate::types::SqlType;

/// "Cannot find data type …".
const UNKNOWN_TYPE: i32 = 2715;

fn statement(statement: ModuleStatement) -> StmtKind {
    StmtKind::Module(Box::new(statement))
}

impl Parser<'_> {
    /// What follows CREATE or ALTER, if it is one of these.
    pub(super) fn module(&mut self, verb: Verb) -> SqlResult<Option<StmtKind>> {
        let first = self.at - 1;
        let (verb, text) = match verb {
            Verb::Create if self.is("OR") && self.is_at(1, "ALTER") => {
                let (or, alter) = (self.token(), self.ahead(1));
                self.at += 2;
                let text = [&self.text[..or.start], &self.text[or.end..alter.start], &self.text[alter.end..]].concat();
                (Verb::CreateOrAlter, text)
            }
            Verb::Alter => {
                let alter = self.tokens[first];
                (verb, [&self.text[..alter.start], "CREATE", &self.text[alter.end..]].concat())
            }
            _ => (verb, self.text.to_owned()),
        };
        let kind = match () {
            () if self.is_any(&["PROC", "PROCEDURE"]) => ModuleKind::Procedure,
            () if self.is("TRIGGER") => ModuleKind::Trigger,
            () if self.is("VIEW") => ModuleKind::View,
            () if verb == Verb::CreateOrAlter => return self.unsupported_object("CREATE OR ALTER"),
            () => return self.module_kin(verb),
        };
        if self.module {
            return Err(self.syntax_error());
        }
        if first > 0 {
            let word = match kind {
                ModuleKind::Procedure => "CREATE/ALTER PROCEDURE".to_owned(),
                _ => format!("{} {}", if verb == Verb::Alter { "ALTER" } else { "CREATE" }, kind.word()),
            };
            let message = format!("'{word}' must be the first statement in a query batch.");
            return Err(syntax_error(111, message, self.line()));
        }
        self.at += 1;
        let name = self.object_name()?;
        if name.database.is_some() {
            let message = format!(
                "'CREATE/ALTER {}' does not allow specifying the database name as a prefix to the object name.",
                kind.word()
            );
            return Err(syntax_error(166, message, self.line()));
        }
        let body = match kind {
            ModuleKind::Procedure => self.procedure(&name)?,
            ModuleKind::Trigger => self.trigger()?,
            ModuleKind::View => self.view()?,
        };
        self.expect_end()?;
        Ok(Some(statement(ModuleStatement::Define(Box::new(ModuleDefinition { verb, name, text, body })))))
    }

    fn procedure(&mut self, name: &ObjectName) -> SqlResult<ModuleBody> {
        if self.is(";") {
            return self.unsupported("numbered procedures");
        }
        if name.name.starts_with('#') {
            return self.unsupported("temporary procedures");
        }
        let mut parameters = Vec::new();
        if self.eat("(") {
            parameters = self.comma_separated(Self::parameter)?;
            self.expect(")")?;
        } else if self.kind() == Kind::Variable {
            parameters = self.comma_separated(Self::parameter)?;
        }
        if self.eat("WITH") {
            self.comma_separated(|parser| parser.module_option(&["RECOMPILE"]))?;
        }
        if self.is("FOR") {
            return self.unsupported("procedures FOR REPLICATION");
        }
        self.expect("AS")?;
        Ok(ModuleBody::Procedure { parameters, statements: self.module_statements()? })
    }

    fn module_statements(&mut self) -> SqlResult<Vec<crate::tsql::ast::Stmt>> {
        if self.is("EXTERNAL") {
            return self.unsupported("CLR modules");
        }
        self.module = true;
        let mut statements = Vec::new();
        self.statements_until(&mut statements, &[])?;
        Ok(statements)
    }

    /// An option after WITH: one of those given, or `EXECUTE AS`, of which the sandbox knows those that change no permission.
    fn module_option(&mut self, known: &[&str]) -> SqlResult<()> {
        if self.is_any(known) {
            self.at += 1;
            return Ok(());
        }
        if self.eat("ENCRYPTION") {
            return self.unsupported("modules WITH ENCRYPTION");
        }
        if self.is_any(&["EXEC", "EXECUTE"]) && self.is_at(1, "AS") {
            self.at += 2;
            if self.eat("CALLER") {
                return Ok(());
            }
            return self.unsupported("EXECUTE AS other than CALLER");
        }
        if self.is_any(&["NATIVE_COMPILATION", "SCHEMABINDING"]) {
            return self.unsupported("natively compiled modules");
        }
        Err(self.syntax_error())
    }

    fn trigger(&mut self) -> SqlResult<ModuleBody> {
        self.expect("ON")?;
        if self.is("DATABASE") || (self.is("ALL") && self.is_at(1, "SERVER")) {
            return self.unsupported("DDL and logon triggers");
        }
        let table = self.object_name()?;
        if self.eat("WITH") {
            self.comma_separated(|parser| parser.module_option(&[]))?;
        }
        if self.is("INSTEAD") {
            return self.unsupported("INSTEAD OF triggers");
        }
        if !self.eat("FOR") {
            self.expect("AFTER")?;
        }
        let mut events = self.comma_separated(|parser| {
            let event = match () {
                () if parser.is("INSERT") => TriggerEvent::Insert,
                () if parser.is("UPDATE") => TriggerEvent::Update,
                () if parser.is("DELETE") => TriggerEvent::Delete,
                () => return Err(parser.syntax_error()),
            };
            parser.at += 1;
            Ok(event)
        })?;
        let written = events.len();
        events.sort_unstable();
        events.dedup();
        if events.len() < written {
            let message = "Syntax error: Duplicate specification of an action in the trigger declaration.";
            return Err(syntax_error(1034, message.to_owned(), self.line()));
        }
        let not_for_replication = self.eat_words(&["NOT", "FOR", "REPLICATION"]);
        self.expect("AS")?;
        let statements = self.module_statements()?;
        let updated = std::mem::take(&mut self.updated);
        Ok(ModuleBody::Trigger { table, events, not_for_replication, statements, updated })
    }

    fn view(&mut self) -> SqlResult<ModuleBody> {
        let columns = if self.is("(") { self.names_in_parentheses()? } else { Vec::new() };
        let mut schema_bound = false;
        if self.eat("WITH") {
            self.comma_separated(|parser| {
                if parser.eat("SCHEMABINDING") {
                    schema_bound = true;
                    return Ok(());
                }
                parser.module_option(&["VIEW_METADATA"])
            })?;
        }
        self.expect("AS")?;
        self.module = true;
        let ctes = self.ctes()?;
        let query = Box::new(self.query(ctes)?);
        if self.is("WITH") {
            return self.unsupported("views WITH CHECK OPTION");
        }
        while self.eat(";") {}
        Ok(ModuleBody::View { columns, schema_bound, query })
    }

    /// Sequences and table types.
    fn module_kin(&mut self, verb: Verb) -> SqlResult<Option<StmtKind>> {
        if self.eat("SEQUENCE") {
            let name = self.object_name()?;
            let options = self.sequence_options(verb)?;
            return Ok(Some(statement(match verb {
                Verb::Alter => ModuleStatement::AlterSequence { name, options },
                _ => ModuleStatement::CreateSequence { name, options },
            })));
        }
        if verb == Verb::Create && self.is("TYPE") {
            let start = self.at;
            self.at += 1;
            let name = self.object_name()?;
            if self.eat_words(&["AS", "TABLE"]) {
                let elements = self.table_elements()?;
                if self.is("WITH") {
                    return self.unsupported("memory-optimized table types");
                }
                let text = format!("CREATE {}", self.text_since(self.tokens[start].start));
                return Ok(Some(statement(ModuleStatement::CreateTableType { name, elements, text })));
            }
            if self.eat("FROM") {
                let declared = self.declared_ids();
                let ty = self.data_type()?;
                let nullable = !self.eat_words(&["NOT", "NULL"]);
                if nullable {
                    self.eat("NULL");
                }
                return Ok(Some(statement(ModuleStatement::CreateAliasType { name, ty, declared, nullable })));
            }
            self.at = start;
        }
        Ok(None)
    }

    fn sequence_options(&mut self, verb: Verb) -> SqlResult<SequenceOptions> {
        let mut options = SequenceOptions::default();
        loop {
            if verb == Verb::Create && self.eat("AS") {
                options.ty = Some(self.data_type()?);
            } else if verb == Verb::Create && self.eat_words(&["START", "WITH"]) {
                options.start = Some(self.sequence_integer()?);
            } else if verb == Verb::Alter && self.eat("RESTART") {
                options.restart = true;
                if self.eat("WITH") {
                    options.start = Some(self.sequence_integer()?);
                }
            } else if self.eat_words(&["INCREMENT", "BY"]) {
                options.increment = Some(self.sequence_integer()?);
            } else if self.eat("MINVALUE") {
                options.min = Some(Some(self.sequence_integer()?));
            } else if self.eat("MAXVALUE") {
                options.max = Some(Some(self.sequence_integer()?));
            } else if self.eat("CYCLE") {
                options.cycle = Some(true);
            } else if self.eat("CACHE") {
                let size = if self.kind() == Kind::Integer { self.sequence_integer()? } else { 0 };
                options.cache = Some(Some(size));
            } else if self.is("NO") {
                self.at += 1;
                match () {
                    () if self.eat("MINVALUE") => options.min = Some(None),
                    () if self.eat("MAXVALUE") => options.max = Some(None),
                    () if self.eat("CYCLE") => options.cycle = Some(false),
                    () if self.eat("CACHE") => options.cache = Some(None),
                    () => return Err(self.syntax_error()),
                }
            } else {
                return Ok(options);
            }
        }
    }

    fn sequence_integer(&mut self) -> SqlResult<i64> {
        let sign = if self.eat("-") { "-" } else { "" };
        self.eat("+");
        if self.kind() != Kind::Integer {
            return Err(self.syntax_error());
        }
        let token = self.advance();
        let text = format!("{sign}{}", self.slice(token));
        match text.parse() {
            Ok(value) => Ok(value),
            Err(_) => self.unsupported("sequence values beyond bigint"),
        }
    }

    /// The name of a user's type where a data type may stand: one that READONLY follows, or that is no type of the system.
    pub(super) fn named_type(&mut self) -> SqlResult<Option<ObjectName>> {
        let start = self.at;
        let system = match self.data_type() {
            Err(error) if error.number == UNKNOWN_TYPE => false,
            _ => !self.is("READONLY"),
        };
        self.at = start;
        if system || !self.is_name_at(0) { Ok(None) } else { self.object_name().map(Some) }
    }

    pub(super) fn drop_module(&mut self) -> SqlResult<Option<StmtKind>> {
        let kind = match () {
            () if self.is_any(&["PROC", "PROCEDURE"]) => ModuleKind::Procedure,
            () if self.is("TRIGGER") => ModuleKind::Trigger,
            () if self.is("VIEW") => ModuleKind::View,
            () if self.eat("SEQUENCE") => {
                let if_exists = self.if_exists();
                let names = self.comma_separated(Self::object_name)?;
                return Ok(Some(statement(ModuleStatement::DropSequences { names, if_exists })));
            }
            () if self.eat("TYPE") => {
                let if_exists = self.if_exists();
                let name = self.object_name()?;
                return Ok(Some(statement(ModuleStatement::DropType { name, if_exists })));
            }
            () => return Ok(None),
        };
        self.at += 1;
        let if_exists = self.if_exists();
        let names = self.comma_separated(Self::object_name)?;
        if kind == ModuleKind::Trigger && self.is("ON") {
            return self.unsupported("DDL and logon triggers");
        }
        Ok(Some(statement(ModuleStatement::Drop { kind, names, if_exists })))
    }

    /// `NEXT VALUE FOR sequence`: the function [`NEXT_VALUE`] of its name.
    pub(super) fn next_value(&mut self) -> SqlResult<Expr> {
        self.at += 2;
        self.expect("FOR")?;
        let parts = self.dotted_name()?;
        if self.is("OVER") {
            return self.unsupported("NEXT VALUE FOR … OVER");
        }
        let name = ObjectName { name: NEXT_VALUE.to_owned(), ..ObjectName::default() };
        let arguments = vec![Expr::Column(parts)];
        Ok(Expr::Call { name, arguments, distinct: false, star: false, over: None })
    }

    /// `UPDATE(column)` in a trigger: the function [`UPDATED`](crate::tsql::modules::UPDATED) of the column's name is 1.
    pub(super) fn updated_column(&mut self) -> SqlResult<Expr> {
        if !self.module {
            return Err(self.syntax_error());
        }
        self.at += 1;
        self.expect("(")?;
        let column = self.name()?;
        self.expect(")")?;
        self.updated.push(column.clone());
        let name = ObjectName { name: UPDATED.to_owned(), ..ObjectName::default() };
        let arguments = vec![Expr::Literal(Literal::String { value: column, unicode: true })];
        let call = Expr::Call { name, arguments, distinct: false, star: false, over: None };
        let one = Expr::Literal(Literal::Integer("1".to_owned()));
        Ok(Expr::Binary { op: BinaryOp::Eq, left: Box::new(call), right: Box::new(one) })
    }

    /// `ENABLE|DISABLE TRIGGER names|ALL ON table`.
    pub(super) fn switch_triggers(&mut self) -> SqlResult<StmtKind> {
        let enable = self.is("ENABLE");
        self.at += 2;
        let names = if self.eat("ALL") { Vec::new() } else { self.comma_separated(Self::object_name)? };
        self.expect("ON")?;
        if self.is("DATABASE") || (self.is("ALL") && self.is_at(1, "SERVER")) {
            return self.unsupported("DDL and logon triggers");
        }
        let table = self.object_name()?;
        Ok(statement(ModuleStatement::SwitchTriggers { names, table, enable }))
    }

    /// The same after `ALTER TABLE table`.
    pub(super) fn switch_triggers_of(&mut self, table: ObjectName) -> SqlResult<StmtKind> {
        let enable = self.is("ENABLE");
        self.at += 2;
        let names = if self.eat("ALL") { Vec::new() } else { self.comma_separated(Self::object_name)? };
        Ok(statement(ModuleStatement::SwitchTriggers { names, table, enable }))
    }
}

/// What a parameter of a table type holds in the place of a scalar type.
pub(super) const NO_SCALAR: SqlType = SqlType::Int;
