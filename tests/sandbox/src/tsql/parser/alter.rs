//! ALTER and DROP.

use super::Parser;
use crate::error::SqlResult;
use crate::tsql::ast::{AlterTable, ObjectName, OtherUsers, StmtKind, TableElement};
use crate::tsql::lexer::Kind;
use crate::tsql::modules::Verb;

impl Parser<'_> {
    pub(super) fn alter(&mut self) -> SqlResult<StmtKind> {
        self.expect("ALTER")?;
        if self.eat("TABLE") {
            let table = self.object_name()?;
            if self.is_any(&["ENABLE", "DISABLE"]) && self.is_at(1, "TRIGGER") {
                return self.switch_triggers_of(table);
            }
            let action = Box::new(self.alter_action()?);
            return Ok(StmtKind::AlterTable { table, action });
        }
        if self.eat("DATABASE") {
            return self.alter_database();
        }
        if self.eat("INDEX") {
            return self.alter_index();
        }
        if self.eat("SCHEMA") {
            return self.alter_schema();
        }
        if let Some(statement) = self.alter_principal()? {
            return Ok(statement);
        }
        if let Some(statement) = self.module(Verb::Alter)? {
            return Ok(statement);
        }
        self.unsupported_object("ALTER")
    }

    fn alter_action(&mut self) -> SqlResult<AlterTable> {
        let mut checked = None;
        if self.eat("WITH") {
            checked = Some(self.eat("CHECK"));
            if checked == Some(false) {
                self.expect("NOCHECK")?;
            }
        }
        if self.eat("ADD") {
            let elements = self.comma_separated(|parser| {
                if parser.is("DEFAULT") {
                    return parser.table_constraint().map(TableElement::Constraint);
                }
                parser.table_element()
            })?;
            return Ok(AlterTable::Add { elements, with_nocheck: checked == Some(false) });
        }
        if self.is("CHECK") || self.is("NOCHECK") {
            let enable = self.is("CHECK");
            self.at += 1;
            self.expect("CONSTRAINT")?;
            let names = if self.eat("ALL") { vec!["ALL".to_owned()] } else { self.comma_separated(Self::name)? };
            // Enabling trusts existing rows unless WITH CHECK is written.
            return Ok(AlterTable::CheckConstraint { names, enable, with_check: checked == Some(true) });
        }
        if self.is("DROP") && self.is_at(1, "PERIOD") {
            return self.unsupported("temporal tables");
        }
        if self.eat("DROP") {
            return self.alter_drop();
        }
        if self.eat("ALTER") {
            self.expect("COLUMN")?;
            let column = self.column_def()?;
            if column.computed.is_some() || !column.constraints.is_empty() || column.default.is_some() {
                return Err(self.syntax_error());
            }
            return Ok(AlterTable::AlterColumn(column));
        }
        if self.is_any(&["SWITCH", "SET", "REBUILD", "ENABLE", "DISABLE", "SPLIT", "MERGE"]) {
            let action = self.slice(self.token()).to_ascii_uppercase();
            return self.unsupported(&format!("ALTER TABLE … {action}"));
        }
        Err(self.syntax_error())
    }

    fn alter_drop(&mut self) -> SqlResult<AlterTable> {
        let columns = self.eat("COLUMN");
        if !columns {
            self.eat("CONSTRAINT");
        }
        let if_exists = self.if_exists();
        let names = self.comma_separated(|parser| {
            if parser.is_any(&["COLUMN", "CONSTRAINT"]) {
                return parser.unsupported("columns and constraints in one DROP");
            }
            parser.name()
        })?;
        if columns {
            return Ok(AlterTable::DropColumns { names, if_exists });
        }
        self.storage_options()?;
        Ok(AlterTable::DropConstraints { names, if_exists })
    }

    fn alter_database(&mut self) -> SqlResult<StmtKind> {
        let name = if self.eat("CURRENT") { None } else { Some(self.name()?) };
        if !self.eat("SET") {
            return self.unsupported("ALTER DATABASE other than SET");
        }
        if self.kind() != Kind::Word {
            return Err(self.syntax_error());
        }
        let token = self.advance();
        let option = self.slice(token).to_ascii_uppercase();
        if matches!(option.as_str(), "PARTNER" | "WITNESS" | "HADR") {
            return self.unsupported(&format!("ALTER DATABASE SET {option}"));
        }
        let mut value = None;
        self.eat("=");
        if matches!(self.kind(), Kind::Word | Kind::Integer) && !self.is("WITH") && !self.begins_statement() {
            let token = self.advance();
            value = Some(self.slice(token).to_ascii_uppercase());
        }
        if self.is("(") || self.is(",") {
            return self.unsupported(&format!("ALTER DATABASE SET {option} with further options"));
        }
        let mut others = OtherUsers::Wait;
        if self.eat("WITH") {
            others = if self.eat_words(&["ROLLBACK", "IMMEDIATE"]) {
                OtherUsers::End
            } else if self.eat("NO_WAIT") {
                OtherUsers::Fail
            } else {
                return self.unsupported("ALTER DATABASE … WITH ROLLBACK AFTER");
            };
        }
        Ok(StmtKind::AlterDatabase { name, option, value, others })
    }

    /// Whether a reserved word that is not an option's value stands here.
    fn begins_statement(&self) -> bool {
        !self.is_name_at(0) && !self.is_any(&["ON", "OFF", "FULL"]) && self.kind() == Kind::Word
    }

    pub(super) fn if_exists(&mut self) -> bool {
        self.eat_words(&["IF", "EXISTS"])
    }

    pub(super) fn drop_statement(&mut self) -> SqlResult<StmtKind> {
        self.expect("DROP")?;
        if self.eat("TABLE") {
            let if_exists = self.if_exists();
            return Ok(StmtKind::DropTable { names: self.comma_separated(Self::object_name)?, if_exists });
        }
        if self.eat("INDEX") {
            return self.drop_index();
        }
        if self.eat("SCHEMA") {
            let if_exists = self.if_exists();
            return Ok(StmtKind::DropSchema { name: self.name()?, if_exists });
        }
        if self.eat("DATABASE") {
            let if_exists = self.if_exists();
            return Ok(StmtKind::DropDatabase { names: self.comma_separated(Self::name)?, if_exists });
        }
        if let Some(statement) = self.drop_principal()? {
            return Ok(statement);
        }
        if let Some(statement) = self.drop_module()? {
            return Ok(statement);
        }
        self.unsupported_object("DROP")
    }

    /// `name ON table, …`, or of old `table.name, …`.
    fn drop_index(&mut self) -> SqlResult<StmtKind> {
        let if_exists = self.if_exists();
        let indexes = self.comma_separated(|parser| {
            let mut written = parser.object_name()?;
            if written.schema.is_none() {
                parser.expect("ON")?;
                let table = parser.object_name()?;
                parser.storage_options()?;
                return Ok((written.name, table));
            }
            let name = std::mem::take(&mut written.name);
            let table = written.schema.take().unwrap_or_default();
            Ok((name, ObjectName { database: None, schema: written.database, name: table }))
        })?;
        Ok(StmtKind::DropIndex { indexes, if_exists })
    }

    /// `ALTER INDEX name|ALL ON table …`.
    fn alter_index(&mut self) -> SqlResult<StmtKind> {
        let name = if self.eat("ALL") { None } else { Some(self.name()?) };
        self.expect("ON")?;
        let table = self.object_name()?;
        if !(self.eat("REBUILD") || self.eat("REORGANIZE")) {
            return self.unsupported("ALTER INDEX other than REBUILD and REORGANIZE");
        }
        if self.is("PARTITION") {
            return self.unsupported("partitions");
        }
        self.storage_options()?;
        Ok(StmtKind::RebuildIndex { name, table })
    }

    fn alter_schema(&mut self) -> SqlResult<StmtKind> {
        let schema = self.name()?;
        self.expect("TRANSFER")?;
        if self.is_at(1, "::") {
            if !self.is("OBJECT") {
                return self.unsupported("ALTER SCHEMA … TRANSFER of anything but an object");
            }
            self.at += 2;
        }
        Ok(StmtKind::TransferObject { schema, name: self.object_name()? })
    }
}
