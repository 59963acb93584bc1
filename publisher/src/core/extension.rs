//! New columns of a table join its articles.
//!
//! A capture instance never sees columns that came after it, so a second one is made, and the articles go over to it at a marker M: a
//! transaction of ours that was committed while writers of the table waited. What came before M was read from the first instance; what
//! comes after it is read from the second one, which was there before M; and what the new columns held at M is sent as updates, read
//! from a view that was opened while the writers waited. So the table is shown without the new columns up to M, and from M on with them
//! complete.

use super::schema::Alteration;
use proto::schema::DefaultConstraint;
use proto::{Article, ArticleId, Column, ComputedColumn, Constraint, Lsn, Rule, TableChange, TableName};
use sqlserver::cdc::CaptureInstance;
use sqlserver::ddl::mentions;
use std::collections::BTreeMap;

/// A table at a marker.
#[derive(Debug, Clone, PartialEq)]
pub struct Extension {
    /// The marker's transaction.
    pub lsn: Lsn,
    /// When that was committed.
    pub committed_at: i64,
    /// The table as it was called there.
    pub table: TableName,
    /// Its columns there that can be published.
    pub columns: Vec<Column>,
    /// Its computed columns there.
    pub computed: Vec<ComputedColumn>,
    /// Its default constraints there, by column.
    pub defaults: BTreeMap<String, DefaultConstraint>,
    /// Its constraints there.
    pub constraints: Vec<Constraint>,
    /// The capture instance that has all of these columns since before the marker.
    pub instance: CaptureInstance,
    /// Publications whose schema changes are not replicated: no column joins their articles.
    pub unreplicated: Vec<String>,
}

/// What rows hold of a new column once the subscriber has added it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// NULL.
    Null,
    /// What its default gave them, by this expression.
    Default(String),
}

/// The new columns of an article, whose values are to be sent where they are not what was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backfill {
    /// Index of the article.
    pub article: usize,
    /// Indices of the columns.
    pub columns: Vec<(u16, Given)>,
}

impl Extension {
    /// The definition of an article from the marker on.
    pub(super) fn altered(&self, article: &Article) -> Option<Alteration> {
        if article.capture.source != self.instance.source_object_id {
            return None;
        }
        let mut altered = Article {
            id: ArticleId(0),
            supersedes: Some(article.id),
            since: Some(self.lsn),
            capture: self.instance.as_capture(),
            ..article.clone()
        };
        // A filter may call the table by its name.
        if altered.filter.is_none() {
            altered.source = self.table.clone();
        }
        let (mut changes, mut after, mut given) = (Vec::new(), Vec::new(), Vec::new());
        if joins(article, &self.unreplicated) {
            altered.columns.clear();
            for column in &self.columns {
                let name = column.name.clone();
                match article.columns.iter().find(|c| c.name == name) {
                    Some(old) if (old.column_type, old.nullable) != (column.column_type, column.nullable) => {
                        changes.push(TableChange::AlterColumn { name });
                    }
                    Some(_) => {}
                    None => {
                        let default = self.defaults.get(&name).filter(|_| article.options.schema.defaults);
                        let nullable_first = !column.nullable && default.is_none();
                        // The least number that a table cannot have is beyond u16.
                        let index = altered.columns.len() as u16;
                        self.constraints_of(&name, default.is_some(), &mut altered.constraints);
                        given.push(match default {
                            Some(default) if !column.nullable => (index, Given::Default(default.definition.clone())),
                            _ => (index, Given::Null),
                        });
                        if nullable_first {
                            after.push(TableChange::AlterColumn { name: name.clone() });
                        }
                        changes.push(TableChange::AddColumn { name, default: default.cloned(), nullable_first });
                    }
                }
                altered.columns.push(column.clone());
            }
            altered.computed.clone_from(&self.computed);
            // Last, as they are computed from others.
            let new = self.computed.iter().filter(|column| !article.computed.iter().any(|c| c.name == column.name));
            changes.extend(new.map(|column| TableChange::AddColumn {
                name: column.name.clone(),
                default: None,
                nullable_first: false,
            }));
        }
        let added = changes.iter().filter_map(|change| match change {
            TableChange::AddColumn { name, .. } => Some(name.as_str()),
            _ => None,
        });
        let added: Vec<&str> = added.collect();
        for name in &added {
            // Computed ones too.
            forget_checks(name, &mut altered.constraints);
        }
        let ddl = if added.is_empty() {
            String::new()
        } else {
            format!("ALTER TABLE {} ADD {}", self.table, added.join(", "))
        };
        let (early, late) = (Vec::new(), Vec::new());
        Some(Alteration { article: altered, early, changes, late, ddl, after, given })
    }

    /// What is known of constraints once a column has joined: its default came with it.
    fn constraints_of(&self, column: &str, with_default: bool, known: &mut Vec<Constraint>) {
        let is_default = |c: &&Constraint| matches!(&c.rule, Rule::Default { column: of, .. } if of == column);
        known.extend(self.constraints.iter().filter(is_default).filter(|_| with_default).cloned());
    }

    /// What is to be sent of the new columns of these articles, as far as is known before the marker is reached.
    pub fn backfills(&self, articles: &[Article]) -> Vec<(Article, Backfill)> {
        let altered = articles.iter().enumerate().filter_map(|(i, article)| Some((i, self.altered(article)?)));
        let filled = altered.filter(|(_, alteration)| !alteration.given.is_empty());
        filled.map(|(article, a)| (a.article, Backfill { article, columns: a.given })).collect()
    }
}

/// A check on a new column could not be made so far: it is new once more.
fn forget_checks(column: &str, known: &mut Vec<Constraint>) {
    known.retain(|constraint| match &constraint.rule {
        Rule::Check { definition, .. } => !definition.as_deref().is_some_and(|text| mentions(text, column)),
        _ => true,
    });
}

/// Whether new columns of its table join an article.
pub fn joins(article: &Article, unreplicated: &[String]) -> bool {
    let publication = article.publication.to_lowercase();
    article.all_columns && !unreplicated.iter().any(|name| name.to_lowercase() == publication)
}

#[cfg(test)]
#[path = "extension_tests.rs"]
mod tests;
