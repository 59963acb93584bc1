//! Changes of a published table's schema, in their place in the stream.

use crate::article::Article;
use serde::{Deserialize, Serialize};

/// A new definition of an article, and what the subscriber's table needs for it. It stands before the segments of its chunk; from its
/// transaction on, segments of the table carry the new definition's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaChange {
    /// The definition that is in force from here on; [`Article::supersedes`] says in whose place.
    pub article: Article,
    /// What to do with the destination table, in order; empty where schema changes are not replicated.
    pub changes: Vec<TableChange>,
    /// The statement at the publisher that this comes from, for people to read; never executed.
    pub ddl: String,
}

/// A change of a destination table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TableChange {
    /// A new column, described by the article's columns or computed columns.
    AddColumn {
        /// Its name.
        name: String,
        /// The default constraint that comes with it.
        default: Option<DefaultConstraint>,
        /// Add it so that it can hold NULL, whatever the article says: its values follow, then an `AlterColumn`.
        nullable_first: bool,
    },
    /// A column goes, with the default and check constraints on it alone.
    DropColumn {
        /// Its name.
        name: String,
    },
    /// A column takes the type and nullability that the article's columns give it.
    AlterColumn {
        /// Its name.
        name: String,
    },
    /// A new constraint of the table.
    AddConstraint {
        /// Its name.
        name: String,
        /// As `ALTER TABLE … ADD CONSTRAINT name` takes it, e.g. `CHECK ([price]>(0))`. Names of tables in it are those at the
        /// subscriber.
        definition: String,
        /// Rows that are there may contradict it (`WITH NOCHECK`), as they may at the publisher.
        unchecked: bool,
    },
    /// A constraint goes.
    DropConstraint {
        /// Its name.
        name: String,
    },
    /// The row filter became narrower: rows for which it is not true go.
    DeleteRowsOutside {
        /// The filter.
        filter: String,
    },
}

/// A default constraint of one column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultConstraint {
    /// Its name.
    pub name: String,
    /// T-SQL expression, as in `sys.default_constraints.definition`.
    pub definition: String,
}

/// A constraint of a published table that is in force, other than its primary key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraint {
    /// `object_id`: one that was dropped and made again has another.
    pub id: i32,
    /// Its name, the same on both sides.
    pub name: String,
    /// What it says.
    pub rule: Rule,
    /// Rows may contradict it (`sys.check_constraints.is_not_trusted`, `sys.foreign_keys.is_not_trusted`).
    pub untrusted: bool,
}

/// What a constraint says. Names of columns are the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rule {
    /// `CHECK`.
    Check {
        /// The predicate in parentheses, as in `sys.check_constraints.definition`; `None` where the login may not see it.
        definition: Option<String>,
        /// `NOT FOR REPLICATION`.
        not_for_replication: bool,
    },
    /// `DEFAULT`.
    Default {
        /// Column.
        column: String,
        /// The expression in parentheses, as in `sys.default_constraints.definition`; `None` where the login may not see it.
        definition: Option<String>,
    },
    /// `UNIQUE`.
    Unique {
        /// `CLUSTERED` or `NONCLUSTERED`, as `sys.indexes.type_desc` says.
        kind: String,
        /// Skips duplicates with a warning instead of refusing them (`IGNORE_DUP_KEY`).
        ignores_duplicates: bool,
        /// Columns in their order, and whether they descend.
        columns: Vec<(String, bool)>,
    },
    /// `FOREIGN KEY`.
    ForeignKey {
        /// `object_id` of the table that it refers to.
        to: i32,
        /// Pairs of referring and referred columns.
        columns: Vec<(String, String)>,
        /// `NOT FOR REPLICATION`.
        not_for_replication: bool,
    },
}

impl Constraint {
    /// The columns of the table that it names; those of a check stand in its definition.
    pub fn columns(&self) -> Vec<&str> {
        match &self.rule {
            Rule::Check { .. } => Vec::new(),
            Rule::Default { column, .. } => vec![column],
            Rule::Unique { columns, .. } => columns.iter().map(|(name, _)| name.as_str()).collect(),
            Rule::ForeignKey { columns, .. } => columns.iter().map(|(from, _)| from.as_str()).collect(),
        }
    }
}
