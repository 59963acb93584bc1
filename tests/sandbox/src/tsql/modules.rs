//! The syntax tree of what is stored under a name and run later: procedures, triggers, views, and the statements about them.

// The fields of a variant are explained by the syntax that stands above it.
#![allow(missing_docs)]

use super::ParameterDeclaration;
use super::ast::{ObjectName, Query, Stmt, TableElement};

/// Name that the parser gives the function behind `UPDATE(column)`.
pub const UPDATED: &str = "sandbox_updated";

/// Name that the parser gives the function behind `NEXT VALUE FOR`.
pub const NEXT_VALUE: &str = "NEXT VALUE FOR";

/// Which verb a definition stands under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `CREATE`
    Create,
    /// `ALTER`
    Alter,
    /// `CREATE OR ALTER`
    CreateOrAlter,
}

/// Kinds of modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModuleKind {
    /// `PROCEDURE`
    Procedure,
    /// `TRIGGER`
    Trigger,
    /// `VIEW`
    View,
}

impl ModuleKind {
    /// The word of the statement.
    pub fn word(self) -> &'static str {
        match self {
            ModuleKind::Procedure => "PROCEDURE",
            ModuleKind::Trigger => "TRIGGER",
            ModuleKind::View => "VIEW",
        }
    }

    /// `sys.objects.type`.
    pub fn object_type(self) -> &'static str {
        match self {
            ModuleKind::Procedure => "P",
            ModuleKind::Trigger => "TR",
            ModuleKind::View => "V",
        }
    }
}

/// `CREATE`, `ALTER` or `CREATE OR ALTER` of a module: the only statement of its batch.
#[derive(Debug, Clone, PartialEq)]
pub struct ModuleDefinition {
    /// The verb.
    pub verb: Verb,
    /// Name.
    pub name: ObjectName,
    /// The batch as `sys.sql_modules` shows it: under the verb `CREATE`.
    pub text: String,
    /// What it does.
    pub body: ModuleBody,
}

/// What a module does.
#[derive(Debug, Clone, PartialEq)]
pub enum ModuleBody {
    /// `PROCEDURE name parameters AS statements`.
    Procedure { parameters: Vec<ParameterDeclaration>, statements: Vec<Stmt> },
    /// `TRIGGER name ON table AFTER events [NOT FOR REPLICATION] AS statements`; `updated` are the columns
    /// that it asks `UPDATE(column)` about.
    Trigger {
        table: ObjectName,
        events: Vec<TriggerEvent>,
        not_for_replication: bool,
        statements: Vec<Stmt>,
        updated: Vec<String>,
    },
    /// `VIEW name [(columns)] [WITH SCHEMABINDING] AS query`.
    View { columns: Vec<String>, schema_bound: bool, query: Box<Query> },
}

impl ModuleBody {
    /// Its kind.
    pub fn kind(&self) -> ModuleKind {
        match self {
            ModuleBody::Procedure { .. } => ModuleKind::Procedure,
            ModuleBody::Trigger { .. } => ModuleKind::Trigger,
            ModuleBody::View { .. } => ModuleKind::View,
        }
    }
}

/// What a trigger fires on; the numbers are those of `sys.trigger_events`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TriggerEvent {
    /// `INSERT`
    Insert = 1,
    /// `UPDATE`
    Update = 2,
    /// `DELETE`
    Delete = 3,
}

/// Statements about modules and their kin.
#[derive(Debug, Clone, PartialEq)]
pub enum ModuleStatement {
    /// A definition.
    Define(Box<ModuleDefinition>),
    /// `DROP PROCEDURE|TRIGGER|VIEW [IF EXISTS] names`.
    Drop { kind: ModuleKind, names: Vec<ObjectName>, if_exists: bool },
    /// `ENABLE|DISABLE TRIGGER names|ALL ON table`, also as `ALTER TABLE table ENABLE|DISABLE TRIGGER …`. No names for `ALL`.
    SwitchTriggers { names: Vec<ObjectName>, table: ObjectName, enable: bool },
    /// `CREATE SEQUENCE`.
    CreateSequence { name: ObjectName, options: SequenceOptions },
    /// `ALTER SEQUENCE`.
    AlterSequence { name: ObjectName, options: SequenceOptions },
    /// `DROP SEQUENCE [IF EXISTS] names`.
    DropSequences { names: Vec<ObjectName>, if_exists: bool },
    /// `CREATE TYPE name AS TABLE (…)`, with its text.
    CreateTableType { name: ObjectName, elements: Vec<TableElement>, text: String },
    /// `CREATE TYPE name FROM type [NULL | NOT NULL]`; `declared` as in [`ColumnDef`](super::ast::ColumnDef).
    CreateAliasType {
        name: ObjectName,
        ty: crate::types::SqlType,
        declared: Option<super::ast::TypeIds>,
        nullable: bool,
    },
    /// `DROP TYPE [IF EXISTS] name`.
    DropType { name: ObjectName, if_exists: bool },
}

/// The clauses of a sequence, each as written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SequenceOptions {
    /// `AS type`.
    pub ty: Option<crate::types::SqlType>,
    /// `START WITH n`, or `RESTART WITH n`.
    pub start: Option<i64>,
    /// `RESTART`, with or without a value.
    pub restart: bool,
    /// `INCREMENT BY n`.
    pub increment: Option<i64>,
    /// `MINVALUE n`; `Some(None)` for `NO MINVALUE`.
    pub min: Option<Option<i64>>,
    /// `MAXVALUE n`; `Some(None)` for `NO MAXVALUE`.
    pub max: Option<Option<i64>>,
    /// `CYCLE` or `NO CYCLE`.
    pub cycle: Option<bool>,
    /// `CACHE [n]`; `Some(None)` for `NO CACHE`.
    pub cache: Option<Option<i64>>,
}
