//! Constraints that are made and dropped, and tables that are renamed, after their articles were defined.
//!
//! The log does not tell of them, so the catalog is asked: once the end of a slice is fixed, for all tables by one query. Where in the log
//! such a change was made stays unknown; what is done about it is right wherever that was.
//!
//! - A constraint that the definition has and the catalog has not was dropped at some D. It goes at the subscribers in front of the slice's
//!   first transaction. Earlier than D is harmless: what is in between fulfils it. Later would not be: a row from after D may break it
//!   and stop the subscriber. No such row comes before: the catalog was asked after the end of each slice was fixed, so what was
//!   read up to then was committed before D, or the catalog had shown that it is gone.
//! - A constraint that the catalog has and the definition has not was made at some D before it was seen. A marker is written after that,
//!   and at the marker's transaction M the subscribers get it, if the catalog has it still when M's slice is read. Later than D is
//!   harmless: from D on all rows fulfil it, so those of M do and those that follow. Earlier would not be: rows from before D may break
//!   it. No lock is needed, and whatever ends the reader in between, the next one sees it again.
//!
//! Constraints are told apart by `object_id`, so one that was dropped and made again is another one; a change of one is both.
//! One that is switched off counts as dropped.

use proto::{Article, Constraint, Lsn, Rule, SchemaOptions, TableChange, TableName};
use sqlserver::constraint::{self, Constrained};
use sqlserver::predicate;
use std::collections::{BTreeMap, BTreeSet};

/// What the catalog was found to hold after the end of a slice was fixed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// The tables by `object_id`.
    pub tables: BTreeMap<i32, Constrained>,
    /// Names of the columns of those tables whose checks are to be judged.
    pub columns: BTreeMap<i32, Vec<String>>,
    /// The slice's first transaction and when that was committed, if anything has to stand there.
    pub first: Option<(Lsn, i64)>,
    /// A marker in the slice.
    pub marker: Option<Seen>,
}

/// A marker that was written after constraints had been seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its transaction.
    pub lsn: Lsn,
    /// When that was committed.
    pub committed_at: i64,
    /// Their `object_id`s.
    pub constraints: BTreeSet<i32>,
}

/// What becomes of an article at one place in the log.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// Foreign keys that go, before everything else.
    pub early: Vec<TableChange>,
    pub changes: Vec<TableChange>,
    /// Foreign keys that come, after everything else.
    pub late: Vec<TableChange>,
    /// Statements, for people.
    pub texts: Vec<String>,
}

impl Observed {
    /// The constraints that are new to these articles.
    pub fn unknown(&self, articles: &[&Article]) -> BTreeSet<i32> {
        articles.iter().flat_map(|article| self.made(article)).map(|constraint| constraint.id).collect()
    }

    /// Whether any of the articles has a constraint that is gone, or the name that its table had before.
    pub fn outdated(&self, articles: &[&Article]) -> bool {
        articles.iter().any(|article| self.gone(article).next().is_some() || self.renamed(article).is_some())
    }

    /// Places in the log at which something may happen to articles.
    pub(super) fn places(&self) -> impl Iterator<Item = (Lsn, i64)> {
        self.first.into_iter().chain(self.marker.iter().map(|seen| (seen.lsn, seen.committed_at)))
    }

    fn made<'a>(&'a self, article: &'a Article) -> impl Iterator<Item = &'a Constraint> {
        let now = self.tables.get(&article.capture.source).map_or(&[][..], |table| &table.constraints);
        now.iter().filter(|now| belongs(article, now) && !article.constraints.iter().any(|known| same(known, now)))
    }

    /// Of a table that cannot be seen nothing is known.
    fn gone<'a>(&'a self, article: &'a Article) -> impl Iterator<Item = &'a Constraint> {
        let table = self.tables.get(&article.capture.source);
        let is_gone =
            move |known: &&Constraint| table.is_some_and(|table| !table.constraints.iter().any(|now| same(known, now)));
        article.constraints.iter().filter(is_gone)
    }

    fn renamed(&self, article: &Article) -> Option<&TableName> {
        self.tables.get(&article.capture.source).map(|table| &table.name).filter(|name| **name != article.source)
    }

    /// What was dropped or renamed, at the slice's first transaction; an error says why an article cannot follow.
    pub(super) fn at_first(&self, lsn: Lsn, altered: &mut Article, step: &mut Step) -> Result<(), String> {
        if self.first.is_none_or(|(first, _)| first != lsn) {
            return Ok(());
        }
        let gone: Vec<Constraint> = self.gone(altered).cloned().collect();
        for constraint in gone {
            altered.constraints.retain(|known| *known != constraint);
            let is_foreign_key = matches!(constraint.rule, Rule::ForeignKey { .. });
            step.texts.push(format!("ALTER TABLE {} DROP CONSTRAINT {}", altered.source, constraint.name));
            let change = TableChange::DropConstraint { name: constraint.name };
            if is_foreign_key { step.early.push(change) } else { step.changes.push(change) }
        }
        if let Some(name) = self.renamed(altered).cloned() {
            if altered.filter.as_deref().is_some_and(|filter| predicate::qualifies_by(filter, &altered.source)) {
                return Err(format!(
                    "the table is called {name} now, and the article's filter calls it by its old name; either give it back that name, \
                     or add the article anew with a filter that does not name the table"
                ));
            }
            step.texts.push(format!("EXEC sp_rename '{}', '{}'", altered.source, name.table));
            altered.source = name;
        }
        Ok(())
    }

    /// What was made before a marker was written, at the marker.
    pub(super) fn at_marker(&self, lsn: Lsn, articles: &[&Article], altered: &mut Article, step: &mut Step) {
        let Some(seen) = self.marker.as_ref().filter(|seen| seen.lsn == lsn) else { return };
        let new: Vec<Constraint> =
            self.made(altered).filter(|new| seen.constraints.contains(&new.id)).cloned().collect();
        for constraint in new {
            if let Some(definition) = self.definition(altered, articles, &constraint) {
                let name = constraint.name.clone();
                step.texts.push(format!("ALTER TABLE {} ADD CONSTRAINT {name} {definition}", altered.source));
                let change = TableChange::AddConstraint { name, definition, unchecked: constraint.untrusted };
                match constraint.rule {
                    Rule::ForeignKey { .. } => step.late.push(change),
                    _ => step.changes.push(change),
                }
            }
            altered.constraints.push(constraint);
        }
    }

    /// A constraint as the subscriber's table takes it; `None` where it refers to something that is not there, as the snapshot leaves it out.
    fn definition(&self, article: &Article, articles: &[&Article], constraint: &Constraint) -> Option<String> {
        let mut to = &article.destination;
        let expression = match &constraint.rule {
            Rule::Check { definition, .. } | Rule::Default { definition, .. } => definition.as_deref()?,
            Rule::Unique { .. } => "",
            Rule::ForeignKey { to: table, columns, .. } => {
                let of = |a: &&&Article| a.capture.source == *table && same_name(&a.publication, &article.publication);
                let parent = articles.iter().find(of).filter(|parent| parent.filter.is_none())?;
                let columns: Vec<&str> = columns.iter().map(|(_, to)| to.as_str()).collect();
                if !self.has_key(parent, &columns) {
                    return None;
                }
                to = &parent.destination;
                ""
            }
        };
        let columns = self.columns.get(&article.capture.source).map_or(&[][..], Vec::as_slice);
        if constraint::unpublished(expression, columns, |name| has_column(article, name)).is_some() {
            return None;
        }
        let definition = constraint::definition(&constraint.rule, to)?;
        predicate::expression(&definition).is_ok().then_some(definition)
    }

    /// Whether the subscriber's table has a key of these columns.
    fn has_key(&self, parent: &Article, columns: &[&str]) -> bool {
        let is = |key: Vec<&str>| key.len() == columns.len() && key.iter().all(|name| columns.contains(name));
        let unique =
            parent.constraints.iter().chain(self.made(parent)).filter(|c| matches!(c.rule, Rule::Unique { .. }));
        is(parent.key().into_iter().map(|i| parent.columns[i].name.as_str()).collect())
            || unique.into_iter().any(|constraint| is(constraint.columns()))
    }
}

/// Those of a table's constraints that an article keeps up with.
pub fn belonging(article: &Article, constraints: &[Constraint]) -> Vec<Constraint> {
    constraints.iter().filter(|constraint| belongs(article, constraint)).cloned().collect()
}

/// What of a table's constraints and name is not as an article has it, if anything.
pub fn differs(article: &Article, now: &Constrained) -> Option<String> {
    if now.name != article.source {
        return Some("the name".to_owned());
    }
    let known = &article.constraints;
    let made = now.constraints.iter().find(|now| belongs(article, now) && !known.iter().any(|known| same(known, now)));
    let other = made.or_else(|| known.iter().find(|known| !now.constraints.iter().any(|now| same(known, now))));
    other.map(|constraint| format!("constraint {}", constraint.name))
}

/// Whether an article keeps up with a constraint: its options ask for the kind, and its columns are published. What a check names is
/// looked at when it is made.
fn belongs(article: &Article, constraint: &Constraint) -> bool {
    let SchemaOptions { unique_keys, foreign_keys, checks, defaults, .. } = article.options.schema;
    let is_wanted = match constraint.rule {
        Rule::Check { .. } => checks,
        Rule::Default { .. } => defaults,
        Rule::Unique { .. } => unique_keys,
        Rule::ForeignKey { .. } => foreign_keys,
    };
    is_wanted && constraint.columns().into_iter().all(|name| has_column(article, name))
}

fn has_column(article: &Article, name: &str) -> bool {
    article.columns.iter().any(|c| same_name(&c.name, name))
        || article.computed.iter().any(|c| same_name(&c.name, name))
}

fn same_name(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

/// Whether it is the same constraint and says the same, as far as the login may see that.
fn same(known: &Constraint, now: &Constraint) -> bool {
    let says = match (&known.rule, &now.rule) {
        (
            Rule::Check { definition: a, not_for_replication: x },
            Rule::Check { definition: b, not_for_replication: y },
        ) => x == y && (a == b || a.is_none() || b.is_none()),
        (Rule::Default { column: x, definition: a }, Rule::Default { column: y, definition: b }) => {
            x == y && (a == b || a.is_none() || b.is_none())
        }
        (a, b) => a == b,
    };
    (known.id, &known.name, known.untrusted) == (now.id, &now.name, now.untrusted) && says
}

#[cfg(test)]
#[path = "constraints_tests.rs"]
mod tests;
