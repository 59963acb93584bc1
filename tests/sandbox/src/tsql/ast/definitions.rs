//! Definitions of tables and indexes.

use super::{Expr, ObjectName};
use crate::types::SqlType;

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

/// The numbers of a type in `sys.types`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeIds {
    /// `system_type_id`.
    pub system_type_id: u8,
    /// `user_type_id`.
    pub user_type_id: i32,
}

/// A column definition.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnDef {
    /// Name.
    pub name: String,
    /// Type; `None` for a computed column.
    pub ty: Option<SqlType>,
    /// Numbers of the type where it is written by another name than that of its storage: `sysname`, `numeric`, an alias.
    pub declared: Option<TypeIds>,
    /// A name that is no type of the system, in the place of `ty`.
    pub named_type: Option<ObjectName>,
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
