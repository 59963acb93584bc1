//! `DBCC CHECKIDENT`.

use super::Parser;
use crate::error::SqlResult;
use crate::tsql::ast::{CheckIdentity, ObjectName, StmtKind};
use crate::tsql::lexer::Kind;

impl Parser<'_> {
    pub(super) fn check_identity(&mut self) -> SqlResult<StmtKind> {
        self.at += 2;
        self.expect("(")?;
        let table = if self.kind() == Kind::String { self.named_in_text()? } else { self.object_name()? };
        let mut action = CheckIdentity::Correct;
        if self.eat(",") {
            if self.eat("NORESEED") {
                action = CheckIdentity::Report;
            } else {
                self.expect("RESEED")?;
                if self.eat(",") {
                    action = CheckIdentity::Set(self.signed_integer()?);
                }
            }
        }
        self.expect(")")?;
        let quiet = self.eat("WITH");
        if quiet {
            self.expect("NO_INFOMSGS")?;
        }
        Ok(StmtKind::CheckIdentity { table, action, quiet })
    }

    /// A name of one or two parts in quotes.
    fn named_in_text(&mut self) -> SqlResult<ObjectName> {
        let text = self.string()?;
        let mut parts = text.split('.').map(|part| part.trim_matches(['[', ']', '"', ' ']).to_owned());
        match (parts.next(), parts.next(), parts.next()) {
            (Some(name), None, None) => Ok(ObjectName { name, ..ObjectName::default() }),
            (Some(schema), Some(name), None) => Ok(ObjectName { schema: Some(schema), name, database: None }),
            _ => self.unsupported("DBCC CHECKIDENT of a table in another database"),
        }
    }
}
