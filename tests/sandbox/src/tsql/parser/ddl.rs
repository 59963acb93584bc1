//! CREATE.

use super::Parser;
use crate::error::SqlResult;
use crate::tsql::ast::{
    ColumnDef, ConstraintDef, ConstraintKind, CreateIndex, CreateTable, ReferentialAction, StmtKind, TableElement,
    TypeIds,
};
use crate::tsql::lexer::Kind;
use crate::tsql::modules::Verb;
use crate::types::SqlType;

const NUMERIC: TypeIds = TypeIds { system_type_id: 108, user_type_id: 108 };
const SYSNAME: TypeIds = TypeIds { system_type_id: 231, user_type_id: 256 };

impl Parser<'_> {
    pub(super) fn create(&mut self) -> SqlResult<StmtKind> {
        self.expect("CREATE")?;
        if self.eat("TABLE") {
            let name = self.object_name()?;
            if self.is("AS") {
                return self.unsupported("graph, file and CREATE TABLE AS tables");
            }
            let elements = self.table_elements()?;
            if self.is("AS") && (self.is_at(1, "NODE") || self.is_at(1, "EDGE")) {
                return self.unsupported("graph tables");
            }
            self.storage_options()?;
            return Ok(StmtKind::CreateTable(Box::new(CreateTable { name, elements })));
        }
        if self.is_any(&["UNIQUE", "CLUSTERED", "NONCLUSTERED", "INDEX"]) {
            return self.create_index();
        }
        if self.eat("SCHEMA") {
            return self.create_schema();
        }
        if self.eat("DATABASE") {
            return self.create_database();
        }
        if let Some(statement) = self.create_principal()? {
            return Ok(statement);
        }
        if let Some(statement) = self.module(Verb::Create)? {
            return Ok(statement);
        }
        self.unsupported_object("CREATE")
    }

    pub(super) fn unsupported_object<T>(&self, verb: &str) -> SqlResult<T> {
        if self.kind() != Kind::Word {
            return Err(self.syntax_error());
        }
        let object = self.slice(self.token()).to_ascii_uppercase();
        const KNOWN: &[&str] = &[
            "VIEW",
            "PROC",
            "PROCEDURE",
            "FUNCTION",
            "TRIGGER",
            "TYPE",
            "SEQUENCE",
            "SYNONYM",
            "ROLE",
            "LOGIN",
            "USER",
            "OR",
            "STATISTICS",
            "ASSEMBLY",
            "CERTIFICATE",
            "EVENT",
            "EXTERNAL",
            "FULLTEXT",
            "PARTITION",
            "QUEUE",
            "SERVICE",
            "XML",
            "COLUMNSTORE",
            "SPATIAL",
            "MASTER",
            "SYMMETRIC",
            "ASYMMETRIC",
            "SERVER",
            "AUTHORIZATION",
            "APPLICATION",
            "DEFAULT",
            "RULE",
            "SECURITY",
            "INDEX",
            "SCHEMA",
            "CREDENTIAL",
            "ENDPOINT",
            "AVAILABILITY",
            "RESOURCE",
        ];
        if KNOWN.contains(&object.as_str()) {
            return self.unsupported(&format!("{verb} {object}"));
        }
        Err(self.syntax_error())
    }

    fn create_schema(&mut self) -> SqlResult<StmtKind> {
        if self.is("AUTHORIZATION") {
            return self.unsupported("CREATE SCHEMA without a name");
        }
        let name = self.name()?;
        let owner = if self.eat("AUTHORIZATION") { Some(self.name()?) } else { None };
        if self.is("CREATE") || self.is_any(&["GRANT", "DENY", "REVOKE"]) {
            return self.unsupported("statements inside CREATE SCHEMA");
        }
        Ok(StmtKind::CreateSchema { name, owner })
    }

    fn create_database(&mut self) -> SqlResult<StmtKind> {
        let name = self.name()?;
        let collation = if self.eat("COLLATE") { Some(self.name()?) } else { None };
        if self.is_any(&["ON", "LOG", "CONTAINMENT", "WITH", "FOR", "AS"]) {
            return self.unsupported("file and other options of CREATE DATABASE");
        }
        Ok(StmtKind::CreateDatabase { name, collation })
    }

    fn create_index(&mut self) -> SqlResult<StmtKind> {
        let unique = self.eat("UNIQUE");
        let clustered = self.eat("CLUSTERED");
        if !clustered {
            self.eat("NONCLUSTERED");
        }
        if self.is("COLUMNSTORE") {
            return self.unsupported("columnstore indexes");
        }
        self.expect("INDEX")?;
        let name = self.name()?;
        self.expect("ON")?;
        let table = self.object_name()?;
        let columns = self.key_columns()?;
        let include = if self.eat("INCLUDE") { self.names_in_parentheses()? } else { Vec::new() };
        let filter = if self.eat("WHERE") { Some(self.expr_with_text()?) } else { None };
        let before = self.at;
        self.storage_options()?;
        let drop_existing = (before..self.at).any(|at| {
            let word = |n: usize| self.tokens.get(n).map(|t| self.slice(*t)).unwrap_or_default();
            word(at).eq_ignore_ascii_case("DROP_EXISTING") && word(at + 2).eq_ignore_ascii_case("ON")
        });
        let create = CreateIndex { name, table, unique, clustered, columns, include, filter, drop_existing };
        Ok(StmtKind::CreateIndex(Box::new(create)))
    }

    fn key_columns(&mut self) -> SqlResult<Vec<(String, bool)>> {
        self.in_parentheses(|parser| {
            let name = parser.name()?;
            let descending = parser.eat("DESC");
            if !descending {
                parser.eat("ASC");
            }
            Ok((name, descending))
        })
    }

    /// `WITH (…)`, `ON filegroup`, `TEXTIMAGE_ON filegroup`: where and how rows are stored, which shows in no result.
    /// An option that does show is refused.
    pub(super) fn storage_options(&mut self) -> SqlResult<()> {
        loop {
            if self.is("WITH") && self.is_at(1, "(") {
                self.at += 1;
                self.index_options()?;
            } else if self.is("WITH") && self.is_at(1, "FILLFACTOR") {
                self.at += 2;
                self.expect("=")?;
                self.advance();
            } else if self.is("ON") || self.is("TEXTIMAGE_ON") {
                self.at += 1;
                if !self.eat("PRIMARY") {
                    self.name()?;
                }
                if self.is("(") {
                    return self.unsupported("partition schemes");
                }
            } else if self.is("FILESTREAM_ON") {
                return self.unsupported("FILESTREAM");
            } else {
                return Ok(());
            }
        }
    }

    fn index_options(&mut self) -> SqlResult<()> {
        const HARMLESS: &[&str] = &[
            "PAD_INDEX",
            "FILLFACTOR",
            "SORT_IN_TEMPDB",
            "STATISTICS_NORECOMPUTE",
            "STATISTICS_INCREMENTAL",
            "ONLINE",
            "RESUMABLE",
            "MAX_DURATION",
            "ALLOW_ROW_LOCKS",
            "ALLOW_PAGE_LOCKS",
            "OPTIMIZE_FOR_SEQUENTIAL_KEY",
            "MAXDOP",
            "DROP_EXISTING",
            "DATA_COMPRESSION",
            "XML_COMPRESSION",
        ];
        self.in_parentheses(|parser| {
            let option = parser.slice(parser.token()).to_ascii_uppercase();
            let harmless = HARMLESS.contains(&option.as_str());
            let off = parser.is_at(1, "=") && parser.is_at(2, "OFF");
            if !(harmless || off && matches!(option.as_str(), "IGNORE_DUP_KEY" | "SYSTEM_VERSIONING")) {
                return parser.unsupported(&format!("option {option}"));
            }
            parser.at += 1;
            parser.expect("=")?;
            parser.advance();
            if parser.is("(") {
                parser.skip_parentheses()?;
            }
            Ok(())
        })?;
        Ok(())
    }

    /// `( columns and constraints )`; a comma may stand before the closing parenthesis.
    pub(super) fn table_elements(&mut self) -> SqlResult<Vec<TableElement>> {
        self.expect("(")?;
        let mut elements = vec![self.table_element()?];
        loop {
            // SQL Server lets the comma before a table constraint be left out.
            if self.eat(",") || self.begins_constraint() || self.is("INDEX") {
                if !self.is(")") {
                    elements.push(self.table_element()?);
                }
            } else {
                self.expect(")")?;
                return Ok(elements);
            }
        }
    }

    fn begins_constraint(&self) -> bool {
        self.is_any(&["CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK"])
    }

    pub(super) fn table_element(&mut self) -> SqlResult<TableElement> {
        if self.begins_constraint() {
            return self.table_constraint().map(TableElement::Constraint);
        }
        if self.is("PERIOD") && self.is_at(1, "FOR") {
            return self.unsupported("temporal tables");
        }
        if self.is("INDEX") {
            return self.inline_index(None).map(TableElement::Constraint);
        }
        self.column_def().map(TableElement::Column)
    }

    /// Whether `(` follows the name and kind of an index.
    fn has_column_list_at(&self, n: usize) -> bool {
        let words =
            (n..n + 3).take_while(|&at| ["UNIQUE", "CLUSTERED", "NONCLUSTERED"].iter().any(|w| self.is_at(at, w)));
        self.is_at(n + words.count(), "(")
    }

    /// `INDEX name [UNIQUE] [CLUSTERED] (columns) …` in a table's definition, or at a column, whose own it then is.
    fn inline_index(&mut self, own: Option<Vec<(String, bool)>>) -> SqlResult<ConstraintDef> {
        self.expect("INDEX")?;
        let name = self.name()?;
        let unique = self.eat("UNIQUE");
        let clustered = self.clustering().unwrap_or(false);
        if self.is("COLUMNSTORE") {
            return self.unsupported("columnstore indexes");
        }
        let columns = match own {
            Some(own) => own,
            None => self.key_columns()?,
        };
        let include = if self.eat("INCLUDE") { self.names_in_parentheses()? } else { Vec::new() };
        let filter = if self.eat("WHERE") { Some(self.expr_with_text()?) } else { None };
        self.storage_options()?;
        let table = crate::tsql::ast::ObjectName::default();
        let create = CreateIndex { name, table, unique, clustered, columns, include, filter, drop_existing: false };
        Ok(ConstraintDef { name: None, kind: ConstraintKind::Index(Box::new(create)) })
    }

    fn constraint_name(&mut self) -> SqlResult<Option<String>> {
        if self.eat("CONSTRAINT") { self.name().map(Some) } else { Ok(None) }
    }

    pub(super) fn table_constraint(&mut self) -> SqlResult<ConstraintDef> {
        let name = self.constraint_name()?;
        let kind = if self.eat("PRIMARY") {
            self.expect("KEY")?;
            let clustered = self.clustering();
            let columns = self.key_columns()?;
            self.storage_options()?;
            ConstraintKind::PrimaryKey { columns, clustered }
        } else if self.eat("UNIQUE") {
            let clustered = self.clustering();
            let columns = self.key_columns()?;
            self.storage_options()?;
            ConstraintKind::Unique { columns, clustered }
        } else if self.eat("FOREIGN") {
            self.expect("KEY")?;
            let columns = self.names_in_parentheses()?;
            self.references(columns)?
        } else if self.is("CHECK") {
            self.check()?
        } else if self.eat("DEFAULT") {
            let (expr, text) = self.expr_with_text()?;
            self.expect("FOR")?;
            let column = self.name()?;
            if self.is("WITH") && self.is_at(1, "VALUES") {
                self.at += 2;
            }
            ConstraintKind::Default { expr, text, column }
        } else {
            return Err(self.syntax_error());
        };
        Ok(ConstraintDef { name, kind })
    }

    fn clustering(&mut self) -> Option<bool> {
        if self.eat("CLUSTERED") {
            Some(true)
        } else if self.eat("NONCLUSTERED") {
            Some(false)
        } else {
            None
        }
    }

    fn references(&mut self, columns: Vec<String>) -> SqlResult<ConstraintKind> {
        self.expect("REFERENCES")?;
        let table = self.object_name()?;
        let referenced = if self.is("(") { self.names_in_parentheses()? } else { Vec::new() };
        let (mut on_delete, mut on_update) = (ReferentialAction::NoAction, ReferentialAction::NoAction);
        while self.eat("ON") {
            if self.eat("DELETE") {
                on_delete = self.referential_action()?;
            } else {
                self.expect("UPDATE")?;
                on_update = self.referential_action()?;
            }
        }
        let not_for_replication = self.not_for_replication();
        Ok(ConstraintKind::ForeignKey { columns, table, referenced, on_delete, on_update, not_for_replication })
    }

    fn referential_action(&mut self) -> SqlResult<ReferentialAction> {
        if self.eat_words(&["NO", "ACTION"]) {
            Ok(ReferentialAction::NoAction)
        } else if self.eat("CASCADE") {
            Ok(ReferentialAction::Cascade)
        } else if self.eat_words(&["SET", "NULL"]) {
            Ok(ReferentialAction::SetNull)
        } else if self.eat_words(&["SET", "DEFAULT"]) {
            Ok(ReferentialAction::SetDefault)
        } else {
            Err(self.syntax_error())
        }
    }

    fn not_for_replication(&mut self) -> bool {
        self.eat_words(&["NOT", "FOR", "REPLICATION"])
    }

    fn check(&mut self) -> SqlResult<ConstraintKind> {
        self.expect("CHECK")?;
        let not_for_replication = self.not_for_replication();
        if !self.is("(") {
            return Err(self.syntax_error());
        }
        let start = self.token().start;
        self.at += 1;
        let expr = self.expr()?;
        self.expect(")")?;
        Ok(ConstraintKind::Check { expr, text: self.text_since(start), not_for_replication })
    }

    /// The numbers of the type that stands here, if it has a name other than that of its storage.
    pub(super) fn declared_ids(&self) -> Option<TypeIds> {
        match () {
            () if self.is("NUMERIC") => Some(NUMERIC),
            () if self.is("SYSNAME") || self.is("SYS") && self.is_at(2, "SYSNAME") => Some(SYSNAME),
            () => None,
        }
    }

    pub(super) fn column_def(&mut self) -> SqlResult<ColumnDef> {
        let mut column = ColumnDef {
            name: self.name()?,
            ty: None,
            declared: None,
            named_type: None,
            sparse: false,
            computed: None,
            collation: None,
            nullable: None,
            identity: None,
            not_for_replication: false,
            default: None,
            with_values: false,
            constraints: Vec::new(),
        };
        if self.eat("AS") {
            let (expr, text) = self.expr_with_text()?;
            let persisted = self.eat("PERSISTED");
            column.computed = Some((expr, text, persisted));
        } else {
            // A timestamp column may go without a name of its own.
            let unnamed = column.name.eq_ignore_ascii_case("timestamp") && (self.is(",") || self.is(")"));
            column.declared = self.declared_ids();
            column.named_type = if unnamed { None } else { self.named_type()? };
            column.ty = match &column.named_type {
                _ if unnamed => Some(SqlType::RowVersion),
                Some(_) => None,
                None => Some(self.data_type()?),
            };
        }
        while self.column_attribute(&mut column)? {}
        Ok(column)
    }

    /// One attribute of a column; false when none follows.
    fn column_attribute(&mut self, column: &mut ColumnDef) -> SqlResult<bool> {
        if self.eat("COLLATE") {
            column.collation = Some(self.name()?);
        } else if self.eat("NULL") {
            column.nullable = Some(true);
        } else if self.eat_words(&["NOT", "NULL"]) {
            column.nullable = Some(false);
        } else if self.not_for_replication() {
            column.not_for_replication = true;
        } else if self.eat("SPARSE") {
            column.sparse = true;
        } else if self.eat("IDENTITY") {
            column.identity = Some(self.identity()?);
        } else if self.is_any(&["COLUMN_SET", "ROWGUIDCOL", "MASKED", "GENERATED", "FILESTREAM", "ENCRYPTED", "HIDDEN"])
        {
            let attribute = self.slice(self.token()).to_ascii_uppercase();
            return self.unsupported(&format!("column attribute {attribute}"));
        } else if self.is("INDEX") && !self.has_column_list_at(2) {
            let own = vec![(column.name.clone(), false)];
            column.constraints.push(self.inline_index(Some(own))?);
        } else if self.is("INDEX") {
            return Ok(false);
        } else {
            return self.column_constraint(column);
        }
        Ok(true)
    }

    fn identity(&mut self) -> SqlResult<(i64, i64)> {
        if !self.eat("(") {
            return Ok((1, 1));
        }
        let seed = self.signed_integer()?;
        self.expect(",")?;
        let increment = self.signed_integer()?;
        self.expect(")")?;
        Ok((seed, increment))
    }

    pub(super) fn signed_integer(&mut self) -> SqlResult<i64> {
        let sign = if self.eat("-") { "-" } else { "" };
        self.eat("+");
        if self.kind() != Kind::Integer {
            return Err(self.syntax_error());
        }
        let text = format!("{sign}{}", self.slice(self.token()));
        let value = text.parse().map_err(|_| self.syntax_error())?;
        self.at += 1;
        Ok(value)
    }

    fn column_constraint(&mut self, column: &mut ColumnDef) -> SqlResult<bool> {
        // `PRIMARY KEY (a, b)` after a column without a comma is a table constraint.
        let offset = if self.is("CONSTRAINT") { 2 } else { 0 };
        if self.is_table_constraint_at(offset) {
            return Ok(false);
        }
        let name = self.constraint_name()?;
        let own = vec![(column.name.clone(), false)];
        let kind = if self.eat("PRIMARY") {
            self.expect("KEY")?;
            let clustered = self.clustering();
            self.storage_options()?;
            ConstraintKind::PrimaryKey { columns: own, clustered }
        } else if self.eat("UNIQUE") {
            let clustered = self.clustering();
            self.storage_options()?;
            ConstraintKind::Unique { columns: own, clustered }
        } else if self.is("REFERENCES") || self.eat_words(&["FOREIGN", "KEY"]) {
            self.references(vec![column.name.clone()])?
        } else if self.is("CHECK") {
            self.check()?
        } else if self.eat("DEFAULT") {
            // NULL or NOT NULL after the value belongs to the column, so this is no predicate.
            let start = self.token().start;
            let expr = self.additive()?;
            column.default = Some((name, expr, self.text_since(start)));
            column.with_values = self.eat_words(&["WITH", "VALUES"]);
            return Ok(true);
        } else if name.is_some() {
            return Err(self.syntax_error());
        } else {
            return Ok(false);
        };
        column.constraints.push(ConstraintDef { name, kind });
        Ok(true)
    }

    fn is_table_constraint_at(&self, n: usize) -> bool {
        let mut at = n;
        if self.is_at(at, "FOREIGN") {
            return self.is_at(at + 2, "(");
        }
        if self.is_at(at, "PRIMARY") {
            at += 1;
        } else if !self.is_at(at, "UNIQUE") {
            return false;
        }
        at += 1;
        if self.is_at(at, "CLUSTERED") || self.is_at(at, "NONCLUSTERED") {
            at += 1;
        }
        self.is_at(at, "(")
    }
}
