//! What a change of a table's schema makes of its articles.
//!
//! The statement says which columns it is about; what they are, the catalog says. It may be ahead of the log: a statement that is read
//! now was perhaps followed by others. So of a changed column the type is taken that its change table has, which holds every value
//! from before and after, and what a later statement does is not taken from the catalog before its place in the log is reached.

use super::constraints::{Observed, Step};
use super::extension::Given;
use super::filter::FilterSwitch;
use super::problem::Problem;
use proto::{Article, ArticleId, ColumnType, Lsn, TableChange};
use sqlserver::catalog::TableColumn;
use sqlserver::ddl::{Action, mentions, parse};
use std::collections::BTreeMap;

/// A statement of `cdc.ddl_history`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// `object_id` of the table.
    pub source: i32,
    /// The transaction in whose place it takes effect in the stream: its own, or the next one that was captured.
    pub lsn: Lsn,
    /// When that was committed.
    pub committed_at: i64,
    /// Text.
    pub text: String,
}

/// What is known of schema changes in a slice of the log.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Statements on tables, in order.
    pub statements: Vec<Statement>,
    /// Columns, as they are now, of the tables that these are about and of the change tables of their articles, by `object_id`.
    pub columns: BTreeMap<i32, Vec<TableColumn>>,
    /// Publications whose schema changes are not to be carried out at the subscribers.
    pub unreplicated: Vec<String>,
    /// Constraints and names, where they are not what the articles have.
    pub observed: Option<Observed>,
    /// Row filters that change, in order.
    pub filters: Vec<FilterSwitch>,
    /// What came before the slice, if there are [unread articles](super::LogReader::unread) and statements on their tables.
    pub earlier: Option<Box<Earlier>>,
}

/// Statements from before a slice, for articles of which nothing was read so far: see [`late`](super::late).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// In order, from where the first of these articles can be read on, each with its own place in the log.
    pub statements: Vec<Statement>,
    /// The slice's first transaction and when that was committed.
    pub first: (Lsn, i64),
}

/// Where a statement is, seen from the slice that is being opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In it: what a column becomes has to continue what the subscribers have.
    InSlice,
    /// Before it, of a table that nobody has as it was then: it may become anything.
    Earlier,
}

/// A new definition of an article.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Alteration {
    pub article: Article,
    /// Foreign keys that go, before the changes of all articles.
    pub early: Vec<TableChange>,
    pub changes: Vec<TableChange>,
    /// Foreign keys that come, after the changes of all articles.
    pub late: Vec<TableChange>,
    /// Statements, for people.
    pub ddl: String,
    /// What follows once new columns have their values.
    pub after: Vec<TableChange>,
    /// New columns, by index, that get values.
    pub given: Vec<(u16, Given)>,
}

/// A place in the log from which on articles have other definitions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Upcoming {
    pub lsn: Lsn,
    pub committed_at: i64,
    /// What becomes of the articles, or why that is not known.
    pub outcome: Result<Vec<Alteration>, Problem>,
}

impl History {
    /// The first place at which any of these articles, of which some are `unread`, gets another definition.
    pub(super) fn first(&self, articles: &[&Article], unread: &[ArticleId]) -> Option<Upcoming> {
        let mut places: BTreeMap<Lsn, i64> = self.statements.iter().map(|s| (s.lsn, s.committed_at)).collect();
        places.extend(self.observed.iter().flat_map(Observed::places));
        places.extend(self.earlier.iter().map(|earlier| earlier.first));
        places.into_iter().find_map(|(lsn, committed_at)| {
            let altered = articles.iter().map(|article| self.altered(article, articles, lsn, unread));
            match altered.filter_map(Result::transpose).collect::<Result<Vec<_>, _>>() {
                Ok(altered) if altered.is_empty() => None,
                outcome => Some(Upcoming { lsn, committed_at, outcome }),
            }
        })
    }

    /// The definition of an article from a transaction on, if it is another one than before it.
    fn altered(
        &self,
        article: &Article,
        articles: &[&Article],
        lsn: Lsn,
        unread: &[ArticleId],
    ) -> Result<Option<Alteration>, Problem> {
        if article.since >= Some(lsn) {
            return Ok(None);
        }
        let mut altered = article.clone();
        let mut step = Step::default();
        let problem =
            |statement: String, why: String| Problem::Schema { table: article.source.clone(), lsn, statement, why };
        let by = |statement: &Statement| {
            let text = statement.text.clone();
            move |why| problem(text, why)
        };
        let earlier = self.earlier.as_ref().filter(|earlier| earlier.first.0 == lsn && unread.contains(&article.id));
        let earlier = earlier.iter().flat_map(|earlier| &earlier.statements);
        for statement in earlier.filter(|statement| statement.lsn > article.capture.start_lsn) {
            // Whoever has the table has it as it is after these: nothing of them is to be carried out.
            self.follow(statement, Place::Earlier, article, &mut altered, &mut Step::default())
                .map_err(by(statement))?;
        }
        if let Some(observed) = &self.observed {
            let followed = observed.at_first(lsn, &mut altered, &mut step);
            followed.map_err(|why| problem("sp_rename of the table".to_owned(), why))?;
        }
        for statement in self.statements.iter().filter(|statement| statement.lsn == lsn) {
            self.follow(statement, Place::InSlice, article, &mut altered, &mut step).map_err(by(statement))?;
        }
        if let Some(observed) = &self.observed {
            observed.at_marker(lsn, articles, &mut altered, &mut step);
        }
        if altered == *article {
            return Ok(None);
        }
        let ddl = step.texts.join(";\n");
        if self.unreplicated.iter().any(|name| name.to_lowercase() == article.publication.to_lowercase()) {
            step = Step::default();
        }
        let article = Article { id: ArticleId(0), supersedes: Some(article.id), since: Some(lsn), ..altered };
        let Step { early, changes, late, .. } = step;
        Ok(Some(Alteration { article, early, changes, late, ddl, after: Vec::new(), given: Vec::new() }))
    }

    /// Does to a definition, which was `article` before this place, what a statement on its table did to that.
    fn follow(
        &self,
        statement: &Statement,
        place: Place,
        article: &Article,
        altered: &mut Article,
        step: &mut Step,
    ) -> Result<(), String> {
        if statement.source != article.capture.source {
            return Ok(());
        }
        let before = step.changes.len();
        match parse(&statement.text) {
            Ok(actions) => {
                for action in &actions {
                    self.act(altered, action, place, &mut step.changes)?;
                }
            }
            // Of no consequence if the published columns are what they were.
            Err(why) if !self.is_unchanged(article) => {
                return Err(format!("the statement is not understood: {why}"));
            }
            Err(_) => {}
        }
        if step.changes.len() > before {
            step.texts.push(statement.text.trim().to_owned());
        }
        Ok(())
    }

    fn act(
        &self,
        article: &mut Article,
        action: &Action,
        place: Place,
        changes: &mut Vec<TableChange>,
    ) -> Result<(), String> {
        match action {
            Action::DropColumn(name) => {
                if let Some(at) = article.computed.iter().position(|c| same(&c.name, name)) {
                    let name = article.computed.remove(at).name;
                    changes.push(TableChange::DropColumn { name });
                }
                let Some(at) = position(article, name) else { return Ok(()) };
                if article.columns[at].key_ordinal.is_some() {
                    return Err(format!("column {name} is part of the key by which rows are found"));
                }
                if article.filter.as_deref().is_some_and(|filter| mentions(filter, name)) {
                    return Err(format!("the article's filter uses column {name}"));
                }
                let name = article.columns.remove(at).name;
                changes.push(TableChange::DropColumn { name });
            }
            Action::AlterColumn { name, nullable } => {
                let Some(at) = position(article, name) else { return Ok(()) };
                let is_filtered = article.filter.is_some();
                let column = &mut article.columns[at];
                let now = self.column(article.capture.change_table, name);
                let now = now.ok_or_else(|| format!("the change table has no column {name} any more"))?;
                let new_type =
                    now.column_type.clone().map_err(|unfit| format!("its type {unfit} cannot be replicated"))?;
                let (old, old_collation) = (column.column_type, column.collation.clone());
                let continues = place == Place::InSlice;
                if continues
                    && old != new_type
                    && (!widens(old, new_type) || (column.key_ordinal.is_some() && !lengthens(old, new_type)))
                {
                    let key = if column.key_ordinal.is_some() { "the key column " } else { "column " };
                    return Err(format!("{key}{name} became {new_type}, which does not simply continue {old}"));
                }
                if !continues {
                    column.collation.clone_from(&now.collation);
                } else if old_collation.is_some() && now.collation.is_some() && old_collation != now.collation {
                    return Err(format!("column {name} has another collation"));
                }
                if is_filtered && new_type.is_max() && !old.is_max() {
                    return Err(format!("column {name} became {new_type}, of which a filtered article can have none"));
                }
                let nullable = column.key_ordinal.is_none() && nullable.unwrap_or(true);
                if (old, column.nullable) != (new_type, nullable) {
                    (column.column_type, column.nullable) = (new_type, nullable);
                    changes.push(TableChange::AlterColumn { name: column.name.clone() });
                }
            }
            Action::AddColumn(_) | Action::AddConstraint(_) | Action::DropConstraint(_) | Action::Other => {}
        }
        Ok(())
    }

    /// Whether the table still has all of an article's columns, and their types are what they were.
    fn is_unchanged(&self, article: &Article) -> bool {
        article.columns.iter().all(|column| {
            let now = [article.capture.source, article.capture.change_table].map(|id| self.column(id, &column.name));
            let same = |now: &&TableColumn| now.column_type.as_ref() == Ok(&column.column_type);
            now.iter().all(|now| now.is_some_and(|now| same(&now)))
                && now[0].is_some_and(|now| now.nullable == column.nullable)
        })
    }

    fn column(&self, table: i32, name: &str) -> Option<&TableColumn> {
        self.columns.get(&table)?.iter().find(|c| same(&c.name, name))
    }
}

fn position(article: &Article, name: &str) -> Option<usize> {
    let exact = article.columns.iter().position(|c| c.name == name);
    exact.or_else(|| article.columns.iter().position(|c| same(&c.name, name)))
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

/// Whether it is the same type, only longer.
fn lengthens(old: ColumnType, new: ColumnType) -> bool {
    std::mem::discriminant(&old) == std::mem::discriminant(&new) && widens(old, new)
}

/// Whether every value of the old type is a value of the new one, the same on every server.
fn widens(old: ColumnType, new: ColumnType) -> bool {
    use ColumnType as T;
    let at_least = |old: Option<u16>, new: Option<u16>| match (old, new) {
        (_, None) => true,
        (Some(old), Some(new)) => new >= old,
        (None, Some(_)) => false,
    };
    let digits = |old| match old {
        T::TinyInt => Some(3),
        T::SmallInt => Some(5),
        T::Int => Some(10),
        T::BigInt => Some(19),
        _ => None,
    };
    match (old, new) {
        (T::TinyInt, T::SmallInt | T::Int | T::BigInt)
        | (T::SmallInt, T::Int | T::BigInt)
        | (T::Int, T::BigInt)
        | (T::SmallMoney, T::Money)
        | (T::Real, T::Float) => true,
        (T::Decimal { precision: p, scale: s }, T::Decimal { precision, scale }) => {
            scale >= s && precision - scale >= p - s
        }
        (old, T::Decimal { precision, scale }) => digits(old).is_some_and(|digits| precision - scale >= digits),
        (T::Char(old), T::Char(new) | T::NChar(new))
        | (T::NChar(old), T::NChar(new))
        | (T::Binary(old), T::Binary(new)) => new >= old,
        (T::VarChar(old), T::VarChar(new) | T::NVarChar(new))
        | (T::NVarChar(old), T::NVarChar(new))
        | (T::VarBinary(old), T::VarBinary(new)) => at_least(old, new),
        (T::Time(old), T::Time(new))
        | (T::DateTime2(old), T::DateTime2(new))
        | (T::DateTimeOffset(old), T::DateTimeOffset(new)) => new >= old,
        (old, new) => old == new,
    }
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
