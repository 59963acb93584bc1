//! Statements about principals and permissions.

use super::Parser;
use crate::error::SqlResult;
use crate::tsql::ast::StmtKind;
use crate::tsql::lexer::Kind;
use crate::tsql::security::{
    LoginChange, PermissionStatement, PermissionVerb, RoleChange, Securable, SecurityStatement, UserLogin,
};

fn statement(statement: SecurityStatement) -> SqlResult<StmtKind> {
    Ok(StmtKind::Security(Box::new(statement)))
}

impl Parser<'_> {
    /// `CREATE LOGIN`, `CREATE USER`, `CREATE ROLE`; `None` for anything else.
    pub(super) fn create_principal(&mut self) -> SqlResult<Option<StmtKind>> {
        if self.eat("LOGIN") {
            return self.create_login().map(Some);
        }
        if self.eat("USER") {
            return self.create_user().map(Some);
        }
        if self.eat("ROLE") {
            let name = self.name()?;
            let owner = if self.eat("AUTHORIZATION") { Some(self.name()?) } else { None };
            return statement(SecurityStatement::CreateRole { name, owner }).map(Some);
        }
        if self.is("SERVER") && self.is_at(1, "ROLE") {
            return self.unsupported("server roles of one's own");
        }
        Ok(None)
    }

    fn create_login(&mut self) -> SqlResult<StmtKind> {
        let name = self.name()?;
        if self.is("FROM") {
            return self.unsupported("logins from Windows, certificates or keys");
        }
        self.expect("WITH")?;
        self.expect("PASSWORD")?;
        self.expect("=")?;
        let password = self.password()?;
        let (mut default_database, mut sid) = (None, None);
        while self.eat(",") {
            if self.eat("DEFAULT_DATABASE") {
                self.expect("=")?;
                default_database = Some(self.name()?);
            } else if self.eat("SID") {
                self.expect("=")?;
                sid = Some(self.binary()?);
            } else {
                self.harmless_login_option()?;
            }
        }
        statement(SecurityStatement::CreateLogin { name, password, default_database, sid })
    }

    fn password(&mut self) -> SqlResult<String> {
        if self.kind() == Kind::Binary {
            return self.unsupported("hashed passwords");
        }
        let password = self.string()?;
        if self.is("HASHED") || self.is("MUST_CHANGE") {
            return self.unsupported("HASHED and MUST_CHANGE passwords");
        }
        Ok(password)
    }

    fn binary(&mut self) -> SqlResult<Vec<u8>> {
        if self.kind() != Kind::Binary {
            return Err(self.syntax_error());
        }
        let token = self.advance();
        let digits = self.slice(token).get(2..).unwrap_or_default();
        let padded = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits.to_owned() };
        (0..padded.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&padded[at..at + 2], 16).map_err(|_| self.syntax_error()))
            .collect()
    }

    /// Policy options have nothing to act on here; the only language is us_english. Others would change who can log in.
    fn harmless_login_option(&mut self) -> SqlResult<()> {
        if self.is_any(&["CHECK_POLICY", "CHECK_EXPIRATION"]) {
            self.at += 1;
            self.expect("=")?;
            self.on_off()?;
            return Ok(());
        }
        if self.eat("DEFAULT_LANGUAGE") {
            self.expect("=")?;
            if self.name()?.eq_ignore_ascii_case("us_english") {
                return Ok(());
            }
        }
        self.unsupported("options of a login")
    }

    fn create_user(&mut self) -> SqlResult<StmtKind> {
        let name = self.name()?;
        let login = if self.eat_words(&["FOR", "LOGIN"]) || self.eat_words(&["FROM", "LOGIN"]) {
            UserLogin::Login(self.name()?)
        } else if self.eat_words(&["WITHOUT", "LOGIN"]) {
            UserLogin::Without
        } else if self.is("FOR") || self.is("FROM") {
            return self.unsupported("users for certificates, keys and external providers");
        } else {
            UserLogin::SameName
        };
        let mut default_schema = None;
        if self.eat("WITH") {
            if !self.eat("DEFAULT_SCHEMA") {
                return self.unsupported("options of CREATE USER");
            }
            self.expect("=")?;
            default_schema = Some(self.name()?);
            if self.is(",") {
                return self.unsupported("options of CREATE USER");
            }
        }
        statement(SecurityStatement::CreateUser { name, login, default_schema })
    }

    /// `ALTER LOGIN`, `ALTER USER`, `ALTER ROLE`, `ALTER SERVER ROLE`, `ALTER AUTHORIZATION`; `None` for anything else.
    pub(super) fn alter_principal(&mut self) -> SqlResult<Option<StmtKind>> {
        if self.eat("LOGIN") {
            let name = self.name()?;
            let change = self.login_change()?;
            return statement(SecurityStatement::AlterLogin { name, change }).map(Some);
        }
        if self.eat("USER") {
            return self.alter_user().map(Some);
        }
        if self.eat("ROLE") {
            let name = self.principal_name()?;
            let change = self.role_change()?;
            return statement(SecurityStatement::AlterRole { name, change }).map(Some);
        }
        if self.eat_words(&["SERVER", "ROLE"]) {
            let name = self.principal_name()?;
            let change = self.role_change()?;
            return statement(SecurityStatement::AlterServerRole { name, change }).map(Some);
        }
        if self.eat("AUTHORIZATION") {
            self.expect("ON")?;
            let securable = self.securable()?;
            self.expect("TO")?;
            let owner = if self.eat_words(&["SCHEMA", "OWNER"]) { None } else { Some(self.name()?) };
            return statement(SecurityStatement::AlterAuthorization { securable, owner }).map(Some);
        }
        Ok(None)
    }

    fn login_change(&mut self) -> SqlResult<LoginChange> {
        if self.eat("ENABLE") {
            return Ok(LoginChange::Enabled(true));
        }
        if self.eat("DISABLE") {
            return Ok(LoginChange::Enabled(false));
        }
        self.expect("WITH")?;
        let (mut password, mut old_password, mut default_database, mut new_name) = (None, None, None, None);
        loop {
            if self.eat("PASSWORD") {
                self.expect("=")?;
                password = Some(self.password()?);
                if self.eat("OLD_PASSWORD") {
                    self.expect("=")?;
                    old_password = Some(self.string()?);
                }
                self.eat("UNLOCK");
            } else if self.eat("DEFAULT_DATABASE") {
                self.expect("=")?;
                default_database = Some(self.name()?);
            } else if self.eat("NAME") {
                self.expect("=")?;
                new_name = Some(self.name()?);
            } else {
                self.harmless_login_option()?;
            }
            if !self.eat(",") {
                return Ok(LoginChange::Options { password, old_password, default_database, new_name });
            }
        }
    }

    fn alter_user(&mut self) -> SqlResult<StmtKind> {
        let name = self.name()?;
        self.expect("WITH")?;
        let (mut new_name, mut default_schema, mut login) = (None, None, None);
        loop {
            let option = if self.eat("NAME") {
                &mut new_name
            } else if self.eat("DEFAULT_SCHEMA") {
                &mut default_schema
            } else if self.eat("LOGIN") {
                &mut login
            } else {
                return self.unsupported("options of ALTER USER");
            };
            self.expect("=")?;
            *option = Some(self.name()?);
            if !self.eat(",") {
                return statement(SecurityStatement::AlterUser { name, new_name, default_schema, login });
            }
        }
    }

    /// A principal's name; `public` is a reserved word, but needs no quotes.
    fn principal_name(&mut self) -> SqlResult<String> {
        if self.eat("PUBLIC") { Ok("public".to_owned()) } else { self.name() }
    }

    fn role_change(&mut self) -> SqlResult<RoleChange> {
        if self.eat_words(&["ADD", "MEMBER"]) {
            return self.name().map(RoleChange::Add);
        }
        if self.eat_words(&["DROP", "MEMBER"]) {
            return self.name().map(RoleChange::Drop);
        }
        self.expect("WITH")?;
        self.expect("NAME")?;
        self.expect("=")?;
        self.name().map(RoleChange::Rename)
    }

    /// `DROP LOGIN`, `DROP USER`, `DROP ROLE`; `None` for anything else.
    pub(super) fn drop_principal(&mut self) -> SqlResult<Option<StmtKind>> {
        if self.eat("LOGIN") {
            let name = self.name()?;
            return statement(SecurityStatement::DropLogin(name)).map(Some);
        }
        for word in ["USER", "ROLE"] {
            if self.eat(word) {
                let if_exists = self.eat_words(&["IF", "EXISTS"]);
                let name = self.principal_name()?;
                return statement(if word == "USER" {
                    SecurityStatement::DropUser { name, if_exists }
                } else {
                    SecurityStatement::DropRole { name, if_exists }
                })
                .map(Some);
            }
        }
        Ok(None)
    }

    /// `GRANT`, `DENY`, `REVOKE`.
    pub(super) fn permission_statement(&mut self) -> SqlResult<StmtKind> {
        let verb = if self.eat("GRANT") {
            PermissionVerb::Grant
        } else if self.eat("DENY") {
            PermissionVerb::Deny
        } else {
            self.expect("REVOKE")?;
            PermissionVerb::Revoke
        };
        let mut grant_option = verb == PermissionVerb::Revoke && self.eat_words(&["GRANT", "OPTION", "FOR"]);
        let permissions = self.comma_separated(Self::permission)?;
        let securable = if self.eat("ON") { Some(self.securable()?) } else { None };
        if self.is("(") {
            return self.unsupported("permissions on columns");
        }
        let from = verb == PermissionVerb::Revoke && self.eat("FROM");
        if !from && !self.eat("TO") {
            return Err(self.syntax_error());
        }
        let principals = self.comma_separated(Self::principal_name)?;
        if verb == PermissionVerb::Grant && self.eat_words(&["WITH", "GRANT", "OPTION"]) {
            grant_option = true;
        }
        let cascade = verb != PermissionVerb::Grant && self.eat("CASCADE");
        if self.is("AS") {
            return self.unsupported("GRANT … AS another principal");
        }
        statement(SecurityStatement::Permission(PermissionStatement {
            verb,
            permissions,
            securable,
            principals,
            grant_option,
            cascade,
        }))
    }

    /// The words of a permission, such as `VIEW DATABASE STATE`.
    fn permission(&mut self) -> SqlResult<String> {
        let mut words: Vec<String> = Vec::new();
        while self.kind() == Kind::Word && !self.is_any(&["ON", "TO", "FROM"]) {
            let token = self.advance();
            let word = self.slice(token).to_ascii_uppercase();
            words.push(if word == "EXEC" { "EXECUTE".to_owned() } else { word });
        }
        if self.is("(") {
            return self.unsupported("permissions on columns");
        }
        if words.is_empty() {
            return Err(self.syntax_error());
        }
        if words == ["ALL", "PRIVILEGES"] {
            words.pop();
        }
        Ok(words.join(" "))
    }

    fn securable(&mut self) -> SqlResult<Securable> {
        if !self.is_at(1, "::") {
            return self.object_name().map(Securable::Object);
        }
        let token = self.advance();
        let class = self.slice(token).to_ascii_uppercase();
        self.expect("::")?;
        Ok(match class.as_str() {
            "OBJECT" => Securable::Object(self.object_name()?),
            "SCHEMA" => Securable::Schema(self.name()?),
            "DATABASE" => Securable::Database(self.name()?),
            "USER" => Securable::User(self.name()?),
            "ROLE" => Securable::Role(self.principal_name()?),
            "LOGIN" => Securable::Login(self.name()?),
            _ => return self.unsupported(&format!("permissions on a {class}")),
        })
    }

    /// `EXECUTE AS LOGIN|USER = 'name'`, after its first word.
    pub(super) fn execute_as(&mut self) -> SqlResult<StmtKind> {
        self.expect("AS")?;
        let login = self.eat("LOGIN");
        if !login && !self.eat("USER") {
            return self.unsupported("EXECUTE AS CALLER");
        }
        self.expect("=")?;
        let name = self.string()?;
        if self.is("WITH") {
            return self.unsupported("EXECUTE AS … WITH NO REVERT and COOKIE");
        }
        statement(SecurityStatement::ExecuteAs { login, name })
    }

    /// `REVERT`.
    pub(super) fn revert(&mut self) -> SqlResult<StmtKind> {
        self.expect("REVERT")?;
        if self.is("WITH") {
            return self.unsupported("REVERT WITH COOKIE");
        }
        statement(SecurityStatement::Revert)
    }
}
