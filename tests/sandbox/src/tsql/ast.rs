//! The syntax tree of the T-SQL subset that the sandbox understands.
//!
//! The tree is syntax only: names are as written (without their quotes), nothing is resolved or typed. What the parser
//! cannot express here it refuses with error 102 or 156, as SQL Server does for a syntax error, or with
//! [`crate::error::SqlError::unsupported`] where the syntax is valid T-SQL that the sandbox leaves out.

// The fields of a variant are explained by the syntax that stands above it.
#![allow(missing_docs)]
// Trees are small and short-lived; boxes in every definition of a column would only make them harder to read.
#![allow(clippy::large_enum_variant)]

use crate::types::SqlType;

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

/// A query: common table expressions around a body, with ordering.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// `WITH name [(columns)] AS (query), …`.
    pub ctes: Vec<Cte>,
    /// The body.
    pub body: SetExpr,
    /// `ORDER BY`.
    pub order_by: Vec<OrderItem>,
    /// `OFFSET n ROWS`.
    pub offset: Option<Expr>,
    /// `FETCH NEXT n ROWS ONLY`.
    pub fetch: Option<Expr>,
    /// `OPTION (…)`, words as written.
    pub options: Vec<String>,
}

/// A common table expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Cte {
    /// Name.
    pub name: String,
    /// Column names, if given.
    pub columns: Vec<String>,
    /// Its query.
    pub query: Query,
}

/// Body of a query.
#[derive(Debug, Clone, PartialEq)]
pub enum SetExpr {
    /// A plain `SELECT`.
    Select(Box<Select>),
    /// A parenthesised query.
    Query(Box<Query>),
    /// `UNION [ALL]`, `EXCEPT`, `INTERSECT`.
    SetOp { op: SetOp, all: bool, left: Box<SetExpr>, right: Box<SetExpr> },
    /// `VALUES (…), (…)` as a table.
    Values(Vec<Vec<Expr>>),
}

impl SetExpr {
    /// The `SELECT` that is written first.
    pub fn first_select(&self) -> Option<&Select> {
        match self {
            SetExpr::Select(select) => Some(select),
            SetExpr::Query(query) => query.body.first_select(),
            SetExpr::SetOp { left, .. } => left.first_select(),
            SetExpr::Values(_) => None,
        }
    }
}

/// Set operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetOp {
    /// `UNION`
    Union,
    /// `EXCEPT`
    Except,
    /// `INTERSECT`
    Intersect,
}

/// One `SELECT` block.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Select {
    /// `DISTINCT`.
    pub distinct: bool,
    /// `TOP (n) [PERCENT] [WITH TIES]`.
    pub top: Option<Top>,
    /// Select list.
    pub items: Vec<SelectItem>,
    /// `INTO table`.
    pub into: Option<ObjectName>,
    /// `FROM`, comma separated.
    pub from: Vec<TableRef>,
    /// `WHERE`.
    pub selection: Option<Expr>,
    /// `GROUP BY`.
    pub group_by: Vec<Expr>,
    /// `ROLLUP`, `CUBE` and `GROUPING SETS`, taken apart into sets of places in `group_by`; empty for a plain `GROUP BY`.
    pub grouping_sets: Vec<Vec<usize>>,
    /// `HAVING`.
    pub having: Option<Expr>,
}

/// `TOP`.
#[derive(Debug, Clone, PartialEq)]
pub struct Top {
    /// Number of rows.
    pub count: Expr,
    /// `PERCENT`.
    pub percent: bool,
    /// `WITH TIES`.
    pub with_ties: bool,
}

/// An entry of a select list.
#[derive(Debug, Clone, PartialEq)]
pub enum SelectItem {
    /// `*`.
    Star,
    /// `t.*`.
    QualifiedStar(ObjectName),
    /// `expr [AS alias]`, also `alias = expr`.
    Expr { expr: Expr, alias: Option<String> },
}

/// An entry of `ORDER BY`.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderItem {
    /// Expression, alias or ordinal.
    pub expr: Expr,
    /// `DESC`.
    pub descending: bool,
}

/// A table source.
#[derive(Debug, Clone, PartialEq)]
pub enum TableRef {
    /// A table or view with alias and hints (upper-cased, e.g. `TABLOCK`).
    Table { name: ObjectName, alias: Option<String>, hints: Vec<String> },
    /// A table variable `@t`.
    Variable { name: String, alias: Option<String> },
    /// A table-valued function call.
    Function { name: ObjectName, arguments: Vec<Expr>, alias: Option<String> },
    /// `(query) AS alias [(columns)]`, including `(VALUES …) AS v(a, b)`.
    Derived { query: Box<Query>, alias: String, columns: Vec<String> },
    /// A join.
    Join { kind: JoinKind, left: Box<TableRef>, right: Box<TableRef>, on: Option<Expr> },
}

/// Joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    /// `INNER`
    Inner,
    /// `LEFT`
    Left,
    /// `RIGHT`
    Right,
    /// `FULL`
    Full,
    /// `CROSS`
    Cross,
    /// `CROSS APPLY`
    CrossApply,
    /// `OUTER APPLY`
    OuterApply,
}

/// `INSERT`.
#[derive(Debug, Clone, PartialEq)]
pub struct Insert {
    /// Common table expressions.
    pub ctes: Vec<Cte>,
    /// `TOP (n)`.
    pub top: Option<Top>,
    /// Target; a table variable's name starts with `@`.
    pub target: ObjectName,
    /// Hints on the target.
    pub hints: Vec<String>,
    /// Column list, empty when not written.
    pub columns: Vec<String>,
    /// `OUTPUT`.
    pub output: Option<Output>,
    /// Rows.
    pub source: InsertSource,
}

/// Where inserted rows come from.
#[derive(Debug, Clone, PartialEq)]
pub enum InsertSource {
    /// `VALUES`; a `None` is `DEFAULT`.
    Values(Vec<Vec<Option<Expr>>>),
    /// A query.
    Query(Box<Query>),
    /// `EXEC …`.
    Exec(Box<Exec>),
    /// `EXEC('…')`.
    ExecString(Expr),
    /// `DEFAULT VALUES`.
    DefaultValues,
}

/// `OUTPUT inserted.a, deleted.b [INTO target (columns)]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The list; columns are qualified by `inserted` or `deleted`.
    pub items: Vec<SelectItem>,
    /// `INTO`.
    pub into: Option<(ObjectName, Vec<String>)>,
    /// The list of a second `OUTPUT` after one with `INTO`; its rows go to the client.
    pub returned: Vec<SelectItem>,
}

/// What `UPDATE` sets a variable to.
#[derive(Debug, Clone, PartialEq)]
pub enum VariableValue {
    /// `@v = expr`.
    Expr(Expr),
    /// `@v = column = expr`: the new value of the assignment at this place.
    Assignment(usize),
}

/// `MERGE`.
#[derive(Debug, Clone, PartialEq)]
pub struct Merge {
    /// Common table expressions.
    pub ctes: Vec<Cte>,
    /// `TOP (n)`.
    pub top: Option<Top>,
    /// Target.
    pub target: ObjectName,
    /// Hints on the target.
    pub hints: Vec<String>,
    /// Alias of the target.
    pub alias: Option<String>,
    /// `USING`.
    pub source: TableRef,
    /// `ON`.
    pub on: Expr,
    /// `WHEN … THEN …`.
    pub clauses: Vec<MergeClause>,
    /// `OUTPUT`; `$action` stands as a one-part column.
    pub output: Option<Output>,
    /// `OPTION (…)`.
    pub options: Vec<String>,
}

/// A `WHEN` clause of `MERGE`.
#[derive(Debug, Clone, PartialEq)]
pub struct MergeClause {
    /// Which rows.
    pub when: MergeWhen,
    /// `AND condition`.
    pub condition: Option<Expr>,
    /// What is done to them.
    pub action: MergeAction,
}

/// Which rows a clause of `MERGE` is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeWhen {
    /// `WHEN MATCHED`
    Matched,
    /// `WHEN NOT MATCHED [BY TARGET]`
    NotMatchedByTarget,
    /// `WHEN NOT MATCHED BY SOURCE`
    NotMatchedBySource,
}

/// What a clause of `MERGE` does.
#[derive(Debug, Clone, PartialEq)]
pub enum MergeAction {
    /// `UPDATE SET column = expr, …`; `None` is `DEFAULT`.
    Update(Vec<(ObjectName, Option<Expr>)>),
    /// `DELETE`.
    Delete,
    /// `INSERT [(columns)] VALUES (…)`; no values are `DEFAULT VALUES`.
    Insert { columns: Vec<String>, values: Option<Vec<Option<Expr>>> },
}

/// `UPDATE`.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// Common table expressions.
    pub ctes: Vec<Cte>,
    /// `TOP (n)`.
    pub top: Option<Top>,
    /// Table, or alias of a table in `from`.
    pub target: ObjectName,
    /// Hints on the target.
    pub hints: Vec<String>,
    /// `column = expr` (compound assignments expanded); `None` is `DEFAULT`.
    pub assignments: Vec<(ObjectName, Option<Expr>)>,
    /// Variables that it sets (`@v = expr`, `@v = column = expr`).
    pub variables: Vec<(String, VariableValue)>,
    /// `OUTPUT`.
    pub output: Option<Output>,
    /// `FROM`.
    pub from: Vec<TableRef>,
    /// `WHERE`.
    pub selection: Option<Expr>,
}

/// `DELETE`.
#[derive(Debug, Clone, PartialEq)]
pub struct Delete {
    /// Common table expressions.
    pub ctes: Vec<Cte>,
    /// `TOP (n)`.
    pub top: Option<Top>,
    /// Table, or alias of a table in `from`.
    pub target: ObjectName,
    /// Hints on the target.
    pub hints: Vec<String>,
    /// `OUTPUT`.
    pub output: Option<Output>,
    /// Second `FROM`.
    pub from: Vec<TableRef>,
    /// `WHERE`.
    pub selection: Option<Expr>,
}

/// `CREATE TABLE`.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateTable {
    /// Name.
    pub name: ObjectName,
    /// Columns and constraints.
    pub elements: Vec<TableElement>,
}

/// Part of a table definition.
#[derive(Debug, Clone, PartialEq)]
pub enum TableElement {
    /// A column.
    Column(ColumnDef),
    /// A table constraint.
    Constraint(ConstraintDef),
}

/// A column definition.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnDef {
    /// Name.
    pub name: String,
    /// Type; `None` for a computed column.
    pub ty: Option<SqlType>,
    /// `user_type_id` where it is written by another name than that of its storage: `sysname`, `numeric`.
    pub declared_type_id: Option<i32>,
    /// `SPARSE`.
    pub sparse: bool,
    /// `AS expr [PERSISTED]`: expression, its source text, persisted.
    pub computed: Option<(Expr, String, bool)>,
    /// `COLLATE name`.
    pub collation: Option<String>,
    /// `NULL`/`NOT NULL` if written.
    pub nullable: Option<bool>,
    /// `IDENTITY(seed, increment)`.
    pub identity: Option<(i64, i64)>,
    /// `IDENTITY … NOT FOR REPLICATION`.
    pub not_for_replication: bool,
    /// `[CONSTRAINT name] DEFAULT expr`: constraint name, expression, source text.
    pub default: Option<(Option<String>, Expr, String)>,
    /// `WITH VALUES` after the DEFAULT.
    pub with_values: bool,
    /// Column-level constraints (their column list holds just this column).
    pub constraints: Vec<ConstraintDef>,
}

/// A constraint.
#[derive(Debug, Clone, PartialEq)]
pub struct ConstraintDef {
    /// Name, if given.
    pub name: Option<String>,
    /// What it asks.
    pub kind: ConstraintKind,
}

/// Constraints.
#[derive(Debug, Clone, PartialEq)]
pub enum ConstraintKind {
    /// `PRIMARY KEY`; `descending` beside each column; clustered if written or by default.
    PrimaryKey { columns: Vec<(String, bool)>, clustered: Option<bool> },
    /// `UNIQUE`.
    Unique { columns: Vec<(String, bool)>, clustered: Option<bool> },
    /// `FOREIGN KEY … REFERENCES`.
    ForeignKey {
        columns: Vec<String>,
        table: ObjectName,
        referenced: Vec<String>,
        on_delete: ReferentialAction,
        on_update: ReferentialAction,
        not_for_replication: bool,
    },
    /// `CHECK (expr)`: expression and its source text.
    Check { expr: Expr, text: String, not_for_replication: bool },
    /// `INDEX name (columns)` inside a table's definition; no constraint, but it stands where one may.
    Index(Box<CreateIndex>),
    /// `DEFAULT expr FOR column` (ALTER TABLE ADD CONSTRAINT).
    Default { expr: Expr, text: String, column: String },
}

/// What a foreign key does when its parent changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReferentialAction {
    /// `NO ACTION`
    #[default]
    NoAction,
    /// `CASCADE`
    Cascade,
    /// `SET NULL`
    SetNull,
    /// `SET DEFAULT`
    SetDefault,
}

/// `ALTER TABLE` actions.
#[derive(Debug, Clone, PartialEq)]
pub enum AlterTable {
    /// `ADD columns and constraints`; `with_nocheck` for `WITH NOCHECK ADD`.
    Add { elements: Vec<TableElement>, with_nocheck: bool },
    /// `DROP COLUMN [IF EXISTS] a, b`.
    DropColumns { names: Vec<String>, if_exists: bool },
    /// `DROP CONSTRAINT [IF EXISTS] a, b`.
    DropConstraints { names: Vec<String>, if_exists: bool },
    /// `ALTER COLUMN name type [NULL|NOT NULL]`.
    AlterColumn(ColumnDef),
    /// `[WITH CHECK|NOCHECK] CHECK|NOCHECK CONSTRAINT ALL|names`; `enable` for `CHECK`.
    CheckConstraint { names: Vec<String>, enable: bool, with_check: bool },
}

/// `CREATE INDEX`.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateIndex {
    /// Name.
    pub name: String,
    /// Table.
    pub table: ObjectName,
    /// `UNIQUE`.
    pub unique: bool,
    /// `CLUSTERED`.
    pub clustered: bool,
    /// Key columns with `DESC`.
    pub columns: Vec<(String, bool)>,
    /// `INCLUDE`.
    pub include: Vec<String>,
    /// `WHERE`.
    pub filter: Option<(Expr, String)>,
    /// `DROP_EXISTING = ON`.
    pub drop_existing: bool,
}

/// Expressions and predicates (T-SQL keeps them apart; the binder checks which is allowed where).
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// A literal.
    Literal(Literal),
    /// `@name` or `@@NAME`.
    Variable(String),
    /// A column, up to four parts; `parts` in written order.
    Column(Vec<String>),
    /// Unary `+`, `-`, `~`.
    Unary { op: UnaryOp, expr: Box<Expr> },
    /// Binary arithmetic, comparison and logic.
    Binary { op: BinaryOp, left: Box<Expr>, right: Box<Expr> },
    /// `NOT`.
    Not(Box<Expr>),
    /// `IS [NOT] NULL`.
    IsNull { expr: Box<Expr>, negated: bool },
    /// `[NOT] IN (list)`.
    InList { expr: Box<Expr>, list: Vec<Expr>, negated: bool },
    /// `[NOT] IN (query)`.
    InQuery { expr: Box<Expr>, query: Box<Query>, negated: bool },
    /// `[NOT] BETWEEN a AND b`.
    Between { expr: Box<Expr>, low: Box<Expr>, high: Box<Expr>, negated: bool },
    /// `[NOT] LIKE pattern [ESCAPE c]`.
    Like { expr: Box<Expr>, pattern: Box<Expr>, escape: Option<Box<Expr>>, negated: bool },
    /// `EXISTS (query)`.
    Exists(Box<Query>),
    /// `expr op ANY|ALL (query)`.
    Quantified { op: BinaryOp, left: Box<Expr>, query: Box<Query>, all: bool },
    /// A scalar subquery.
    Subquery(Box<Query>),
    /// `CASE [operand] WHEN … THEN … [ELSE …] END`.
    Case { operand: Option<Box<Expr>>, branches: Vec<(Expr, Expr)>, otherwise: Option<Box<Expr>> },
    /// `CAST(expr AS type)`; `try_` for `TRY_CAST`.
    Cast { expr: Box<Expr>, ty: SqlType, try_: bool },
    /// `CONVERT(type, expr [, style])`; `try_` for `TRY_CONVERT`.
    Convert { ty: SqlType, expr: Box<Expr>, style: Option<Box<Expr>>, try_: bool },
    /// A function call. `star` for `COUNT(*)`. Date parts (`DATEADD(day, …)`) stand as a one-part `Column`.
    /// `IIF`, `COALESCE`, `NULLIF`, `ISNULL`, `CHOOSE` are calls too. `over` makes it a window function.
    Call { name: ObjectName, arguments: Vec<Expr>, distinct: bool, star: bool, over: Option<Box<Over>> },
    /// `expr COLLATE name`.
    Collate { expr: Box<Expr>, collation: String },
    /// `expr AT TIME ZONE zone`.
    AtTimeZone { expr: Box<Expr>, zone: Box<Expr> },
}

/// `OVER (PARTITION BY … ORDER BY … frame)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Over {
    /// `PARTITION BY`.
    pub partition_by: Vec<Expr>,
    /// `ORDER BY`.
    pub order_by: Vec<OrderItem>,
    /// `ROWS|RANGE …`, text upper-cased.
    pub frame: Option<String>,
}

/// Literals.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `NULL`
    Null,
    /// An integer, as written; int if it fits, else decimal.
    Integer(String),
    /// A decimal with a point, as written.
    Decimal(String),
    /// A float with an exponent, as written.
    Float(String),
    /// A money literal such as `$12.50`, without the sign.
    Money(String),
    /// `'…'` unescaped; `unicode` for `N'…'`.
    String { value: String, unicode: bool },
    /// `0x…`
    Binary(Vec<u8>),
}

/// Unary operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Minus,
    /// `+`
    Plus,
    /// `~`
    BitNot,
}

/// Binary operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    BitAnd,
    BitOr,
    BitXor,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    And,
    Or,
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
