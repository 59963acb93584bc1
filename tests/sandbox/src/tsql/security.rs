//! The syntax tree of statements about principals and permissions.

use super::ast::ObjectName;

/// A statement about logins, users, roles or permissions.
#[derive(Debug, Clone, PartialEq)]
pub enum SecurityStatement {
    /// `CREATE LOGIN name WITH PASSWORD = '…' [, option = value …]`.
    CreateLogin {
        /// Name.
        name: String,
        /// Password.
        password: String,
        /// `DEFAULT_DATABASE`.
        default_database: Option<String>,
        /// `SID`.
        sid: Option<Vec<u8>>,
    },
    /// `ALTER LOGIN name …`.
    AlterLogin {
        /// Name.
        name: String,
        /// What changes.
        change: LoginChange,
    },
    /// `DROP LOGIN name`.
    DropLogin(String),
    /// `CREATE USER name [FOR LOGIN login | WITHOUT LOGIN] [WITH DEFAULT_SCHEMA = schema]`.
    CreateUser {
        /// Name.
        name: String,
        /// Its login.
        login: UserLogin,
        /// `DEFAULT_SCHEMA`.
        default_schema: Option<String>,
    },
    /// `ALTER USER name WITH …`.
    AlterUser {
        /// Name.
        name: String,
        /// `NAME`.
        new_name: Option<String>,
        /// `DEFAULT_SCHEMA`.
        default_schema: Option<String>,
        /// `LOGIN`.
        login: Option<String>,
    },
    /// `DROP USER [IF EXISTS] name`.
    DropUser {
        /// Name.
        name: String,
        /// `IF EXISTS`.
        if_exists: bool,
    },
    /// `CREATE ROLE name [AUTHORIZATION owner]`.
    CreateRole {
        /// Name.
        name: String,
        /// `AUTHORIZATION`.
        owner: Option<String>,
    },
    /// `ALTER ROLE name …`.
    AlterRole {
        /// Name.
        name: String,
        /// What changes.
        change: RoleChange,
    },
    /// `DROP ROLE [IF EXISTS] name`.
    DropRole {
        /// Name.
        name: String,
        /// `IF EXISTS`.
        if_exists: bool,
    },
    /// `ALTER SERVER ROLE name …`.
    AlterServerRole {
        /// Name.
        name: String,
        /// What changes.
        change: RoleChange,
    },
    /// `GRANT`, `DENY`, `REVOKE`.
    Permission(PermissionStatement),
    /// `EXECUTE AS LOGIN|USER = 'name'`.
    ExecuteAs {
        /// `LOGIN`, else `USER`.
        login: bool,
        /// Its name.
        name: String,
    },
    /// `REVERT`.
    Revert,
    /// `ALTER AUTHORIZATION ON class::name TO principal`.
    AlterAuthorization {
        /// What gets another owner.
        securable: Securable,
        /// The owner; `None` for `SCHEMA OWNER`.
        owner: Option<String>,
    },
}

impl SecurityStatement {
    /// Changes nothing but whom the session acts as.
    pub fn is_session_only(&self) -> bool {
        matches!(self, Self::ExecuteAs { .. } | Self::Revert)
    }
}

/// What `ALTER LOGIN` changes.
#[derive(Debug, Clone, PartialEq)]
pub enum LoginChange {
    /// `ENABLE`, `DISABLE`.
    Enabled(bool),
    /// `WITH PASSWORD = '…' [OLD_PASSWORD = '…']`, `DEFAULT_DATABASE = …`, `NAME = …`.
    Options {
        /// The new password.
        password: Option<String>,
        /// `OLD_PASSWORD`.
        old_password: Option<String>,
        /// `DEFAULT_DATABASE`.
        default_database: Option<String>,
        /// `NAME`.
        new_name: Option<String>,
    },
}

/// What `CREATE USER` says of the login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserLogin {
    /// Nothing: the login of the same name.
    SameName,
    /// `FOR LOGIN`.
    Login(String),
    /// `WITHOUT LOGIN`.
    Without,
}

/// What `ALTER ROLE` changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleChange {
    /// `ADD MEMBER`.
    Add(String),
    /// `DROP MEMBER`.
    Drop(String),
    /// `WITH NAME =`.
    Rename(String),
}

/// `GRANT`, `DENY` or `REVOKE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionStatement {
    /// Which of them.
    pub verb: PermissionVerb,
    /// Permissions, upper case; `ALL` stands for itself.
    pub permissions: Vec<String>,
    /// `ON`.
    pub securable: Option<Securable>,
    /// Who.
    pub principals: Vec<String>,
    /// `WITH GRANT OPTION`, or `GRANT OPTION FOR` of a REVOKE.
    pub grant_option: bool,
    /// `CASCADE`.
    pub cascade: bool,
}

/// See [`PermissionStatement`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PermissionVerb {
    /// `GRANT`
    Grant,
    /// `DENY`
    Deny,
    /// `REVOKE`
    Revoke,
}

/// What a permission is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Securable {
    /// `[OBJECT::]name`.
    Object(ObjectName),
    /// `SCHEMA::name`.
    Schema(String),
    /// `DATABASE::name`.
    Database(String),
    /// `USER::name`.
    User(String),
    /// `ROLE::name`.
    Role(String),
    /// `LOGIN::name`.
    Login(String),
}
