//! The compiler's state: which names are visible, and what the statement has used so far.

use std::sync::Arc;

use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::ObjectName;
use crate::types::SqlType;

use super::compiled::{Compiled, HintLevel, Hints};
use super::meta::{Scope, Table};
use super::typed::{Collation, Shape, Typed};

/// A column that a table source offers.
#[derive(Debug, Clone)]
pub(super) struct SourceColumn {
    pub name: String,
    pub value: Typed,
    pub identity: bool,
    pub computed: bool,
}

/// A table source in a `FROM` clause.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// Alias, or the table's name.
    pub exposed: String,
    /// Schema, for a table without an alias.
    pub schema: Option<String>,
    /// SQLite alias.
    pub alias: String,
    pub columns: Vec<SourceColumn>,
    /// The table itself, unless derived.
    pub table: Option<Arc<Table>>,
    /// Holds few rows, as far as one can tell: a temporary table, a table variable or `VALUES`.
    pub small: bool,
}

/// `GROUP BY` of the query block being compiled.
#[derive(Debug, Clone, Default)]
pub(super) struct Grouping {
    /// SQLite text of each grouping expression.
    pub keys: Vec<String>,
    /// Inside an aggregate's argument, where any column may stand.
    pub in_aggregate: bool,
}

/// One query block's names.
#[derive(Debug, Default)]
pub(super) struct Frame {
    pub sources: Vec<Source>,
    pub grouping: Option<Grouping>,
    /// Aggregates may stand in the clause being compiled.
    pub aggregates_allowed: bool,
    /// All sources are joined by inner joins, so any of them may be the outer loop.
    pub inner_only: bool,
    /// Window functions may stand in the clause being compiled.
    pub windows_allowed: bool,
}

/// A common table expression in scope.
#[derive(Debug, Clone)]
pub(super) struct CteEntry {
    pub name: String,
    pub sqlite_name: String,
    pub columns: Vec<SourceColumn>,
}

/// A recursive CTE whose recursive part is being compiled.
#[derive(Debug, Clone)]
pub(super) struct Recursion {
    pub sqlite_name: String,
    /// Alias of the reference to itself, once met.
    pub alias: Option<String>,
}

/// Levels of recursion that a CTE may take (`MAXRECURSION`).
const DEFAULT_MAX_RECURSION: u32 = 100;

/// The compiler of one statement.
pub(super) struct Binder<'a> {
    pub scope: &'a dyn Scope,
    pub frames: Vec<Frame>,
    pub ctes: Vec<CteEntry>,
    /// SQLite text of the CTE definitions.
    pub cte_texts: Vec<String>,
    pub variables: Vec<(String, SqlType)>,
    pub reads: Vec<Arc<Table>>,
    pub hints: Vec<(Arc<Table>, Hints)>,
    pub recursion: Option<Recursion>,
    /// 0 is without limit.
    pub max_recursion: u32,
    next_alias: usize,
}

impl<'a> Binder<'a> {
    pub fn new(scope: &'a dyn Scope) -> Self {
        Self {
            scope,
            frames: Vec::new(),
            ctes: Vec::new(),
            cte_texts: Vec::new(),
            variables: Vec::new(),
            reads: Vec::new(),
            hints: Vec::new(),
            recursion: None,
            max_recursion: DEFAULT_MAX_RECURSION,
            next_alias: 0,
        }
    }

    pub fn fresh_alias(&mut self) -> String {
        self.next_alias += 1;
        format!("t{}", self.next_alias)
    }

    /// Where alias numbering stands, to compile an expression twice to the same text.
    pub fn next_alias_mark(&self) -> usize {
        self.next_alias
    }

    /// Back to a mark.
    pub fn restore_alias_mark(&mut self, mark: usize) {
        self.next_alias = mark;
    }

    /// The `WITH` prefix for the whole statement.
    pub fn with_prefix(&self) -> String {
        if self.cte_texts.is_empty() { String::new() } else { format!("WITH {} ", self.cte_texts.join(", ")) }
    }

    /// What the session needs besides the text.
    pub fn finish(self, sql: String) -> Compiled {
        Compiled { sql, variables: self.variables, reads: self.reads, hints: self.hints, ..Compiled::default() }
    }

    pub fn default_collation(&self) -> String {
        self.scope.default_collation()
    }

    /// The collation to compare an expression under.
    pub fn collation_of(&self, e: &Typed) -> String {
        e.collation_name().map_or_else(|| self.default_collation(), str::to_owned)
    }

    /// A table by name, noted as read.
    pub fn read_table(&mut self, name: &ObjectName) -> SqlResult<Arc<Table>> {
        let table = self.scope.table(name)?;
        self.note_read(&table);
        Ok(table)
    }

    pub fn note_read(&mut self, table: &Arc<Table>) {
        if !self.reads.iter().any(|seen| Arc::ptr_eq(seen, table) || seen.sqlite_name == table.sqlite_name) {
            self.reads.push(table.clone());
        }
    }

    /// `@name` as a bound parameter; error 137 if it is not declared.
    pub fn variable(&mut self, name: &str) -> SqlResult<Typed> {
        let known = self.variables.iter().position(|(seen, _)| seen.eq_ignore_ascii_case(name));
        let index = match known {
            Some(index) => index,
            None => {
                let ty = self.scope.variable(name).ok_or_else(|| {
                    SqlError::new(137, format!("Must declare the scalar variable \"{name}\"."))
                        .severity(15)
                        .with_state(2)
                })?;
                self.variables.push((name.to_owned(), ty));
                self.variables.len() - 1
            }
        };
        Ok(Typed::new(format!("?{}", index + 1), self.variables[index].1, true))
    }

    /// Takes note of how a mention of a table is to be locked.
    pub fn note_hints(&mut self, table: &Arc<Table>, hints: Hints) {
        if !self.hints.iter().any(|(seen, other)| *other == hints && Arc::ptr_eq(seen, table)) {
            self.hints.push((table.clone(), hints));
        }
    }

    /// The hints on the target of a data modification: error 1065 for those that say not to lock it.
    pub fn hints(&self, hints: &[String]) -> SqlResult<()> {
        if read_hints(hints)?.level == Some(HintLevel::Uncommitted) {
            let text = "The NOLOCK and READUNCOMMITTED lock hints are not allowed for target tables of INSERT, UPDATE, DELETE or MERGE \
                        statements.";
            return Err(SqlError::new(1065, text).severity(15));
        }
        Ok(())
    }

    /// The innermost frame.
    pub fn frame(&mut self) -> &mut Frame {
        if self.frames.is_empty() {
            self.frames.push(Frame::default());
        }
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    /// A column by its written parts, from the innermost query block outwards.
    pub fn column(&self, parts: &[String]) -> SqlResult<Typed> {
        let Some((name, qualifier)) = parts.split_last() else {
            return Err(SqlError::new(207, "Invalid column name ''."));
        };
        let mut qualifier_seen = false;
        for frame in self.frames.iter().rev() {
            let mut found: Option<&SourceColumn> = None;
            for source in &frame.sources {
                if !source.answers_to(qualifier) {
                    continue;
                }
                qualifier_seen |= !qualifier.is_empty();
                for column in source.columns.iter().filter(|c| c.name.eq_ignore_ascii_case(name)) {
                    if found.is_some() {
                        return Err(SqlError::new(209, format!("Ambiguous column name '{name}'.")));
                    }
                    found = Some(column);
                }
            }
            if let Some(column) = found {
                if let Some(grouping) = &frame.grouping
                    && !grouping.in_aggregate
                    && !grouping.keys.contains(&column.value.sql)
                {
                    return Err(not_grouped(parts));
                }
                return Ok(column.value.clone());
            }
            if qualifier_seen {
                break;
            }
        }
        Err(if qualifier.is_empty() || qualifier_seen {
            SqlError::new(207, format!("Invalid column name '{name}'."))
        } else {
            SqlError::new(4104, format!("The multi-part identifier \"{}\" could not be bound.", parts.join(".")))
        })
    }
}

fn not_grouped(parts: &[String]) -> SqlError {
    SqlError::new(
        8120,
        format!(
            "Column '{}' is invalid in the select list because it is not contained in either an aggregate function or the GROUP BY clause.",
            parts.join(".")
        ),
    )
}

impl Source {
    /// True if a qualifier (`t`, `dbo.t`, `db.dbo.t`, or none) names this source.
    pub fn answers_to(&self, qualifier: &[String]) -> bool {
        match qualifier {
            [] => true,
            [table] => self.exposed.eq_ignore_ascii_case(table),
            [.., schema, table] => {
                self.exposed.eq_ignore_ascii_case(table)
                    && self.schema.as_ref().is_some_and(|own| {
                        own.eq_ignore_ascii_case(schema) || schema.is_empty() && own.eq_ignore_ascii_case("dbo")
                    })
            }
        }
    }

    /// A stored table under a SQLite alias; an empty alias leaves its columns unqualified.
    pub fn of_table(table: &Arc<Table>, alias: &str, exposed: Option<&str>) -> Self {
        let columns = table
            .columns
            .iter()
            .map(|column| {
                let sql = if alias.is_empty() {
                    column.sqlite_name.clone()
                } else {
                    format!("{alias}.{}", column.sqlite_name)
                };
                let collation = column.collation.clone().map_or(Collation::Default, Collation::Implicit);
                SourceColumn {
                    name: column.name.clone(),
                    value: Typed { sql, ty: column.ty, nullable: column.nullable, collation, shape: Shape::Column },
                    identity: column.identity.is_some(),
                    computed: column.computed.is_some(),
                }
            })
            .collect();
        Self {
            exposed: exposed.unwrap_or(&table.name).to_owned(),
            schema: exposed.is_none().then(|| table.schema.clone()),
            alias: alias.to_owned(),
            columns,
            table: Some(table.clone()),
            small: table.name.starts_with(['#', '@']),
        }
    }
}

/// What table hints ask of the locks. Error 1047 for hints of one group that contradict each other.
pub(super) fn read_hints(words: &[String]) -> SqlResult<Hints> {
    let mut hints = Hints::default();
    let mut granularity: Option<String> = None;
    for hint in words {
        let word = hint.split(['(', ' ', '=']).next().unwrap_or_default().to_ascii_uppercase();
        let level = match word.as_str() {
            "NOLOCK" | "READUNCOMMITTED" => Some(HintLevel::Uncommitted),
            "READCOMMITTED" => Some(HintLevel::Committed),
            "READCOMMITTEDLOCK" => Some(HintLevel::CommittedLock),
            "HOLDLOCK" | "SERIALIZABLE" | "REPEATABLEREAD" => Some(HintLevel::Hold),
            _ => None,
        };
        let size =
            matches!(word.as_str(), "NOLOCK" | "PAGLOCK" | "ROWLOCK" | "TABLOCK" | "TABLOCKX").then(|| word.clone());
        let contradicts = level.is_some() && hints.level.is_some() && level != hints.level
            || size.is_some() && granularity.is_some() && size != granularity;
        if contradicts {
            return Err(conflicting());
        }
        hints.level = level.or(hints.level);
        granularity = size.or(granularity);
        match word.as_str() {
            "TABLOCK" => hints.table = true,
            "UPDLOCK" => hints.update = true,
            "XLOCK" | "TABLOCKX" => hints.exclusive = true,
            "NOWAIT" => hints.no_wait = true,
            "ROWLOCK" | "PAGLOCK" | "INDEX" | "FORCESEEK" | "FORCESCAN" | "KEEPIDENTITY" | "KEEPDEFAULTS"
            | "NOEXPAND" => {}
            _ if level.is_some() => {}
            "READPAST" | "SNAPSHOT" | "IGNORE_CONSTRAINTS" | "IGNORE_TRIGGERS" | "SPATIAL_WINDOW_MAX_CELLS" => {
                return Err(SqlError::unsupported(format!("table hint {word}")));
            }
            _ => {
                let text = format!(
                    "\"{hint}\" is not a recognized table hints option. If it is intended as a parameter to a table-valued function or to \
                     the CHANGETABLE function, ensure that your database compatibility mode is set to 90."
                );
                return Err(SqlError::new(321, text).severity(15));
            }
        }
    }
    if hints.level == Some(HintLevel::Uncommitted) && (hints.update || hints.exclusive) {
        return Err(conflicting());
    }
    Ok(hints)
}

fn conflicting() -> SqlError {
    SqlError::new(1047, "Conflicting locking hints are specified.").severity(15)
}
