//! The syntax tree of the T-SQL subset that the sandbox understands.
//!
//! The tree is syntax only: names are as written (without their quotes), nothing is resolved or typed. What the parser
//! cannot express here it refuses with error 102 or 156, as SQL Server does for a syntax error, or with
//! [`crate::error::SqlError::unsupported`] where the syntax is valid T-SQL that the sandbox leaves out.

// The fields of a variant are explained by the syntax that stands above it.
#![allow(missing_docs)]
// Trees are small and short-lived; boxes in every definition of a column would only make them harder to read.
#![allow(clippy::large_enum_variant)]

mod changes;
mod definitions;
mod expressions;
mod query;

use crate::types::SqlType;

pub use changes::{
    Delete, Insert, InsertSource, Merge, MergeAction, MergeClause, MergeWhen, Output, Update, VariableValue,
};
pub use definitions::{
    AlterTable, ColumnDef, ConstraintDef, ConstraintKind, CreateIndex, CreateTable, ReferentialAction, TableElement,
    TypeIds,
};
pub use expressions::{BinaryOp, Expr, Literal, Over, UnaryOp};
pub use query::{Cte, JoinKind, OrderItem, Query, Select, SelectItem, SetExpr, SetOp, TableRef, Top};

/// A name of up to four parts, as written: `server.database.schema.object`. Missing parts are `None`; `db..t` has an
/// absent schema. Parts hold no brackets or quotes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ObjectName {
    /// Database part, if written.
    pub database: Option<String>,
    /// Schema part, if written.
    pub schema: Option<String>,
    /// The object itself, `#name` for a temporary table.
    pub name: String,
}

/// One statement with the line it starts on (1-based, for error tokens).
#[derive(Debug, Clone, PartialEq)]
pub struct Stmt {
    /// Line in the batch, from 1.
    pub line: u32,
    /// The statement.
    pub kind: StmtKind,
}

/// Statements.
#[derive(Debug, Clone, PartialEq)]
pub enum StmtKind {
    /// `[WITH ctes] SELECT … [INTO …]`, or a set operation over several.
    Select(Box<Query>),
    /// `SELECT @a = expr, @b = expr [FROM … [ORDER BY …]]`; the last row wins. Compound assignments are expanded to
    /// `@a = @a + expr`. The items of `from` are empty.
    SelectAssign {
        assignments: Vec<(String, Expr)>,
        ctes: Vec<Cte>,
        from: Option<Box<Select>>,
        order_by: Vec<OrderItem>,
    },
    /// `INSERT`.
    Insert(Box<Insert>),
    /// `UPDATE`.
    Update(Box<Update>),
    /// `DELETE`.
    Delete(Box<Delete>),
    /// `MERGE`.
    Merge(Box<Merge>),
    /// `TRUNCATE TABLE`.
    Truncate(ObjectName),
    /// `CREATE TABLE`, also of temporary tables.
    CreateTable(Box<CreateTable>),
    /// `ALTER TABLE`.
    AlterTable { table: ObjectName, action: Box<AlterTable> },
    /// `DROP TABLE [IF EXISTS]`.
    DropTable { names: Vec<ObjectName>, if_exists: bool },
    /// `CREATE [UNIQUE] [CLUSTERED|NONCLUSTERED] INDEX`.
    CreateIndex(Box<CreateIndex>),
    /// `DROP INDEX [IF EXISTS] name ON table, …`.
    DropIndex { indexes: Vec<(String, ObjectName)>, if_exists: bool },
    /// `ALTER INDEX name|ALL ON table REBUILD|REORGANIZE`.
    RebuildIndex { name: Option<String>, table: ObjectName },
    /// `ALTER SCHEMA schema TRANSFER object`.
    TransferObject { schema: String, name: ObjectName },
    /// `CREATE SCHEMA name [AUTHORIZATION owner]`.
    CreateSchema { name: String, owner: Option<String> },
    /// `DROP SCHEMA [IF EXISTS]`.
    DropSchema { name: String, if_exists: bool },
    /// `CREATE DATABASE name [COLLATE …]`.
    CreateDatabase { name: String, collation: Option<String> },
    /// `DROP DATABASE [IF EXISTS]`.
    DropDatabase { names: Vec<String>, if_exists: bool },
    /// `ALTER DATABASE name|CURRENT SET option [value] [WITH …]`, option upper-cased, e.g. `ALLOW_SNAPSHOT_ISOLATION ON`.
    AlterDatabase { name: Option<String>, option: String, value: Option<String>, others: OtherUsers },
    /// `KILL` of a session.
    Kill(i64),
    /// `BACKUP DATABASE name TO DISK = 'file'`; `overwrite` with `INIT` or `FORMAT`.
    Backup { database: String, file: String, overwrite: bool },
    /// `RESTORE DATABASE name FROM DISK = 'file' [WITH REPLACE]`.
    Restore { database: String, file: String, replace: bool },
    /// Logins, users, roles, permissions.
    Security(Box<super::security::SecurityStatement>),
    /// `USE database`.
    Use(String),
    /// `DECLARE @a type [= expr], …`.
    Declare(Vec<Declaration>),
    /// `SET @a = expr` (also `+=` and kin, already expanded to `@a = @a + expr`).
    SetVariable { name: String, value: Expr },
    /// `SET option value`, e.g. `XACT_ABORT`, `ON`; several options share one statement (`SET ANSI_NULLS, QUOTED_IDENTIFIER ON`).
    /// Names upper-cased. Isolation level is `TRANSACTION ISOLATION LEVEL` with the level's words as its value.
    SetOption { names: Vec<String>, value: SetValue },
    /// `DBCC CHECKIDENT (table [, NORESEED | RESEED [, value]]) [WITH NO_INFOMSGS]`.
    CheckIdentity { table: ObjectName, action: CheckIdentity, quiet: bool },
    /// `SET IDENTITY_INSERT table ON|OFF`.
    SetIdentityInsert { table: ObjectName, on: bool },
    /// `IF cond stmt [ELSE stmt]`.
    If { condition: Expr, then: Box<Stmt>, otherwise: Option<Box<Stmt>> },
    /// `WHILE cond stmt`.
    While { condition: Expr, body: Box<Stmt> },
    /// `BREAK`.
    Break,
    /// `CONTINUE`.
    Continue,
    /// `BEGIN … END`.
    Block(Vec<Stmt>),
    /// `BEGIN TRY … END TRY BEGIN CATCH … END CATCH`.
    TryCatch { body: Vec<Stmt>, handler: Vec<Stmt> },
    /// `BEGIN TRAN[SACTION] [name]`.
    Begin(Option<String>),
    /// `COMMIT [TRAN[SACTION]|WORK] [name]`.
    Commit,
    /// `ROLLBACK [TRAN[SACTION]|WORK] [name]`; a name is a savepoint or the outermost transaction.
    Rollback(Option<String>),
    /// `SAVE TRAN[SACTION] name`.
    Save(String),
    /// `EXEC[UTE] [@rc =] procedure arguments`.
    Exec(Box<Exec>),
    /// `EXEC('…')` or `EXEC(@sql)`.
    ExecString(Expr),
    /// `PRINT expr`.
    Print(Expr),
    /// `RAISERROR(message, severity, state, args…) [WITH NOWAIT]`.
    RaisError { message: Expr, severity: Expr, state: Expr, arguments: Vec<Expr> },
    /// `THROW [number, message, state]`.
    Throw(Option<(Expr, Expr, Expr)>),
    /// `RETURN [expr]`.
    Return(Option<Expr>),
    /// `WAITFOR DELAY expr`.
    WaitForDelay(Expr),
    /// `INSERT BULK table (columns …) [WITH (…)]`: what a bulk-load client sends before its row data.
    InsertBulk { table: ObjectName, columns: Vec<BulkColumn>, options: Vec<String> },
    /// Statements about procedures, triggers, views, sequences and table types.
    Module(Box<super::modules::ModuleStatement>),
    /// `RECONFIGURE [WITH OVERRIDE]`.
    Reconfigure,
    /// `CHECKPOINT` and other statements that have no effect here.
    NoOp,
}

/// What `DBCC CHECKIDENT` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckIdentity {
    /// `NORESEED`: tells the counter.
    Report,
    /// `RESEED`: corrects a counter that is behind its column.
    Correct,
    /// `RESEED, value`.
    Set(i64),
}

/// Value of a `SET` option.
#[derive(Debug, Clone, PartialEq)]
pub enum SetValue {
    /// `ON`.
    On,
    /// `OFF`.
    Off,
    /// Words, e.g. `READ COMMITTED`.
    Words(String),
    /// A number or other expression, e.g. `SET LOCK_TIMEOUT 5000`.
    Expr(Expr),
}

/// A column named by `INSERT BULK`.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkColumn {
    /// Column name.
    pub name: String,
    /// Declared type on the wire.
    pub ty: SqlType,
}

/// One variable of a `DECLARE`.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    /// Name with its `@`.
    pub name: String,
    /// Scalar type or table definition.
    pub ty: DeclaredType,
    /// Initial value.
    pub value: Option<Expr>,
}

/// What a variable is.
#[derive(Debug, Clone, PartialEq)]
pub enum DeclaredType {
    /// A scalar.
    Scalar(SqlType),
    /// `TABLE (…)`.
    Table(Vec<TableElement>),
    /// A table type.
    OfType(ObjectName),
}

/// `EXEC`.
#[derive(Debug, Clone, PartialEq)]
pub struct Exec {
    /// `@rc = …`.
    pub return_into: Option<String>,
    /// The procedure; a name with an `@` stands for the variable that holds the procedure's name.
    pub procedure: ObjectName,
    /// Arguments in order.
    pub arguments: Vec<ExecArg>,
}

/// One argument of `EXEC`.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecArg {
    /// `@name =`, if named.
    pub name: Option<String>,
    /// Value; `DEFAULT` is `None`.
    pub value: Option<Expr>,
    /// `OUTPUT`.
    pub output: bool,
}

/// What `ALTER DATABASE` does about other users of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherUsers {
    /// Waits for them, where the option needs that.
    Wait,
    /// `WITH NO_WAIT`: fails.
    Fail,
    /// `WITH ROLLBACK IMMEDIATE`: ends their sessions.
    End,
}
