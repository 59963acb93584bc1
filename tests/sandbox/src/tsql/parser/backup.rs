//! BACKUP DATABASE and RESTORE DATABASE, with one file.

use super::Parser;
use crate::error::SqlResult;
use crate::tsql::ast::StmtKind;
use crate::tsql::lexer::Kind;

impl Parser<'_> {
    pub(super) fn backup(&mut self) -> SqlResult<StmtKind> {
        self.expect("BACKUP")?;
        let database = self.backed_up_database("BACKUP")?;
        self.expect("TO")?;
        let file = self.disk("BACKUP")?;
        let mut overwrite = false;
        for option in self.backup_options("BACKUP")? {
            match option.as_str() {
                "INIT" | "FORMAT" => overwrite = true,
                "NOINIT" | "NOFORMAT" | "COPY_ONLY" | "COMPRESSION" | "NO_COMPRESSION" | "CHECKSUM" | "NO_CHECKSUM"
                | "STATS" | "NAME" | "DESCRIPTION" | "SKIP" | "NOSKIP" => {}
                _ => return self.unsupported(&format!("BACKUP … WITH {option}")),
            }
        }
        Ok(StmtKind::Backup { database, file, overwrite })
    }

    pub(super) fn restore(&mut self) -> SqlResult<StmtKind> {
        self.expect("RESTORE")?;
        let database = self.backed_up_database("RESTORE")?;
        self.expect("FROM")?;
        let file = self.disk("RESTORE")?;
        let mut replace = false;
        for option in self.backup_options("RESTORE")? {
            match option.as_str() {
                "REPLACE" => replace = true,
                // Change data capture stays enabled in any case: it is the same database on the same server.
                "RECOVERY" | "KEEP_CDC" | "CHECKSUM" | "NO_CHECKSUM" | "STATS" => {}
                _ => return self.unsupported(&format!("RESTORE … WITH {option}")),
            }
        }
        Ok(StmtKind::Restore { database, file, replace })
    }

    fn backed_up_database(&mut self, what: &str) -> SqlResult<String> {
        if !self.eat("DATABASE") {
            return self.unsupported(&format!("{what} other than {what} DATABASE"));
        }
        if self.kind() == Kind::Variable {
            return self.unsupported(&format!("{what} of a database named by a variable"));
        }
        self.name()
    }

    fn disk(&mut self, what: &str) -> SqlResult<String> {
        if !self.eat("DISK") {
            return self.unsupported(&format!("{what} with a device other than DISK"));
        }
        self.expect("=")?;
        if self.kind() == Kind::Variable {
            return self.unsupported(&format!("{what} with a file named by a variable"));
        }
        let file = self.string()?;
        if self.is(",") || self.is("MIRROR") {
            return self.unsupported(&format!("{what} with several files"));
        }
        Ok(file)
    }

    /// The words of the options; values that change nothing are passed over.
    fn backup_options(&mut self, what: &str) -> SqlResult<Vec<String>> {
        if !self.eat("WITH") {
            return Ok(Vec::new());
        }
        self.comma_separated(|parser| {
            if parser.kind() != Kind::Word {
                return Err(parser.syntax_error());
            }
            let token = parser.advance();
            let option = parser.slice(token).to_ascii_uppercase();
            if parser.eat("=") {
                let harmless = matches!(option.as_str(), "STATS" | "NAME" | "DESCRIPTION");
                if !harmless {
                    return parser.unsupported(&format!("{what} … WITH {option} = …"));
                }
                if !matches!(parser.kind(), Kind::Integer | Kind::String | Kind::UnicodeString) {
                    return Err(parser.syntax_error());
                }
                parser.advance();
            }
            Ok(option)
        })
    }
}
