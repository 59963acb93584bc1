//! The compiler's state: which names are visible, and what the statement has used so far.

use std::sync::Arc;

use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::ObjectName;
use crate::types::SqlType;

use super::compiled::{Compiled, HintLevel, Hints};
use super::meta::{Scope, Table};
use super::ownership::Named;
use super::type_rules::{Family, family};
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
    /// The same as it was written, for messages.
    pub shown: String,
    /// Schema, for a table without an alias.
    pub schema: Option<String>,
    /// SQLite alias.
    pub alias: String,
    pub columns: Vec<SourceColumn>,
    /// The table itself, unless derived.
    pub table: Option<Arc<Table>>,
    /// Holds few rows, as far as one can tell: a temporary table, a table variable or `VALUES`.
    pub small: bool,
    /// Its columns are found only with its name before them, as those of `inserted` and `deleted` in `OUTPUT`.
    pub qualified_only: bool,
    /// The stored rows that it shows one by one, where a statement changes them through it.
    pub rows: Option<RowOrigin>,
}

/// See [`Source::rows`].
#[derive(Debug, Clone)]
pub(super) struct RowOrigin {
    pub table: Arc<Table>,
    /// SQLite text of the row id: the place among the source's result columns while it has no alias yet.
    pub row_id: String,
    /// Position in the table of each of the source's columns, where it is just a column of the table.
    pub columns: Vec<Option<usize>>,
    /// `object_id` of the view that the source is.
    pub view: Option<i32>,
}

/// The clause of a grouped query that is being compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Clause {
    #[default]
    SelectList,
    Having,
    OrderBy,
}

/// `GROUP BY` of the query block being compiled.
#[derive(Debug, Clone, Default)]
pub(super) struct Grouping {
    /// SQLite text of each grouping expression.
    pub keys: Vec<String>,
    /// Expressions that only other grouping sets group by: SQLite text, and the NULL that stands for it.
    pub absent: Vec<(String, Typed)>,
    pub clause: Clause,
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
    /// See [`Source::rows`].
    pub rows: Option<RowOrigin>,
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
    /// See [`Compiled::named`].
    pub named: Vec<Named>,
    pub hints: Vec<(Arc<Table>, Hints)>,
    pub recursion: Option<Recursion>,
    /// Views that are being put in, the innermost last.
    pub views: Vec<i32>,
    /// Sequences whose next value the statement takes.
    pub sequences: Vec<i32>,
    /// Depth of subqueries around what is being compiled.
    pub nested: u32,
    /// The values that an `UPDATE` assigns are being compiled.
    pub assigning: bool,
    /// 0 is without limit.
    pub max_recursion: u32,
    /// Name of the common table expression or derived table through which rows are changed.
    pub changed_through: Option<String>,
    /// Columns of the innermost query block were named, and columns of those around it.
    pub own_columns: std::cell::Cell<bool>,
    pub outer_columns: std::cell::Cell<bool>,
    /// Inside the arguments of an aggregate or window function.
    pub in_function: bool,
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
            named: Vec::new(),
            hints: Vec::new(),
            recursion: None,
            views: Vec::new(),
            sequences: Vec::new(),
            nested: 0,
            assigning: false,
            max_recursion: DEFAULT_MAX_RECURSION,
            changed_through: None,
            own_columns: Default::default(),
            outer_columns: Default::default(),
            in_function: false,
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
        Compiled {
            sql,
            variables: self.variables,
            reads: self.reads,
            named: self.named,
            hints: self.hints,
            ..Compiled::default()
        }
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
        self.note_read_by(table, self.views.last().copied());
    }

    /// The same of a table that a view names.
    pub fn note_read_by(&mut self, table: &Arc<Table>, view: Option<i32>) {
        if !table.sqlite_name.starts_with('(') {
            self.named.push(Named { object: table.object_id, view });
        }
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
                let ty = self.scope.variable(name).ok_or_else(|| super::frame::undeclared(name))?;
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

    /// Notes which clause of a grouped query comes next.
    pub fn set_clause(&mut self, clause: Clause) {
        if let Some(grouping) = &mut self.frame().grouping {
            grouping.clause = clause;
        }
    }

    /// True for the name through which the statement changes rows.
    pub fn changes_through(&self, name: &str) -> bool {
        self.changed_through.as_ref().is_some_and(|through| through.eq_ignore_ascii_case(name))
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
        for (depth, frame) in self.frames.iter().rev().enumerate() {
            let mut found: Option<(&SourceColumn, &Source)> = None;
            for source in &frame.sources {
                if !source.answers_to(qualifier) {
                    continue;
                }
                qualifier_seen |= !qualifier.is_empty();
                for column in source.columns.iter().filter(|c| c.name.eq_ignore_ascii_case(name)) {
                    if found.is_some() {
                        return Err(SqlError::new(209, format!("Ambiguous column name '{name}'.")));
                    }
                    found = Some((column, source));
                }
            }
            if let Some((column, source)) = found {
                if depth == 0 { &self.own_columns } else { &self.outer_columns }.set(true);
                if let Some(grouping) = &frame.grouping
                    && !grouping.in_aggregate
                    && !grouping.keys.contains(&column.value.sql)
                {
                    if let Some((_, null)) = grouping.absent.iter().find(|(sql, _)| *sql == column.value.sql) {
                        return Ok(null.clone());
                    }
                    return Err(not_grouped(&format!("{}.{}", source.shown, column.name), grouping.clause));
                }
                return Ok(column.value.clone());
            }
            if qualifier_seen {
                break;
            }
        }
        let (owner, own) = qualifier.split_last().map_or((None, None), |(own, rest)| (rest.last(), Some(own)));
        if let Some(own) = own.filter(|own| self.has_methods(owner, own)) {
            return Err(SqlError::unsupported(format!("property {name} of column {own}")));
        }
        Err(if qualifier.is_empty() || qualifier_seen {
            SqlError::new(207, format!("Invalid column name '{name}'."))
        } else {
            SqlError::new(4104, format!("The multi-part identifier \"{}\" could not be bound.", parts.join(".")))
        })
    }
}

impl Binder<'_> {
    /// Whether a name, perhaps after its table's, is a column whose type has methods and properties.
    pub(super) fn has_methods(&self, table: Option<&String>, column: &str) -> bool {
        let qualifier: Vec<String> = table.into_iter().cloned().collect();
        self.frames.iter().flat_map(|frame| &frame.sources).filter(|source| source.answers_to(&qualifier)).any(
            |source| {
                source.columns.iter().any(|c| {
                    c.name.eq_ignore_ascii_case(column)
                        && matches!(family(&c.value.ty), Family::Clr | Family::Json | Family::Xml)
                })
            },
        )
    }
}

fn not_grouped(column: &str, clause: Clause) -> SqlError {
    let (number, quote, place) = match clause {
        Clause::SelectList => (8120, '\'', "select list"),
        Clause::Having => (8121, '\'', "HAVING clause"),
        Clause::OrderBy => (8127, '"', "ORDER BY clause"),
    };
    SqlError::new(
        number,
        format!(
            "Column {quote}{column}{quote} is invalid in the {place} because it is not contained in either an aggregate function or the GROUP BY clause."
        ),
    )
}

impl Source {
    /// True if a qualifier (`t`, `dbo.t`, `db.dbo.t`, or none) names this source.
    pub fn answers_to(&self, qualifier: &[String]) -> bool {
        match qualifier {
            [] => !self.qualified_only,
            [table] => self.exposed.eq_ignore_ascii_case(table),
            [.., schema, table] => {
                self.exposed.eq_ignore_ascii_case(table)
                    && self.schema.as_ref().is_some_and(|own| {
                        own.eq_ignore_ascii_case(schema) || schema.is_empty() && own.eq_ignore_ascii_case("dbo")
                    })
            }
        }
    }

    /// Rows that are no stored table's, such as a derived table's, under a name and a SQLite alias.
    pub fn of_rows(exposed: &str, alias: String, columns: Vec<SourceColumn>) -> Self {
        Self {
            exposed: exposed.to_owned(),
            shown: exposed.to_owned(),
            schema: None,
            alias,
            columns,
            table: None,
            small: false,
            qualified_only: false,
            rows: None,
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
            shown: exposed.unwrap_or(&table.name).to_owned(),
            schema: exposed.is_none().then(|| table.schema.clone()),
            alias: alias.to_owned(),
            columns,
            table: Some(table.clone()),
            small: table.name.starts_with(['#', '@']),
            qualified_only: false,
            rows: None,
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
