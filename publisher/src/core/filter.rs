//! Another row filter of an article, from a marker on.
//!
//! Whoever changes the filter counts, in the marker's own transaction and while writers of the table wait, the rows that the new filter
//! has and the one before does not: there are none. So from the marker on every row is judged by the new filter, and the subscriber only
//! has to let go of the rows that it leaves out. That holds for the filter that was counted against and for no other: where another one
//! is in force at the marker, nothing happens.

use super::schema::{Alteration, Upcoming};
use proto::catalog::FilterChange;
use proto::{Article, ArticleId, Command, Lsn, TableChange};

/// A change of a filter, in its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterSwitch {
    /// The marker's transaction.
    pub lsn: Lsn,
    /// When that was committed.
    pub committed_at: i64,
    /// What changes.
    pub change: FilterChange,
}

impl FilterSwitch {
    /// The definition of an article from the marker on, if it is another one.
    fn altered(&self, article: &Article) -> Option<Alteration> {
        let change = &self.change;
        let ours = same(&article.publication, &change.publication) && article.source == change.source;
        if !ours || article.since >= Some(self.lsn) || article.filter != change.before {
            return None;
        }
        let article =
            Article { id: ArticleId(0), supersedes: Some(article.id), since: Some(self.lsn), ..article.clone() };
        let unaltered = Alteration {
            article,
            early: Vec::new(),
            changes: Vec::new(),
            late: Vec::new(),
            ddl: String::new(),
            after: Vec::new(),
            given: Vec::new(),
        };
        Some(self.put_on(unaltered))
    }

    /// A definition with the new filter.
    fn put_on(&self, mut alteration: Alteration) -> Alteration {
        let article = &mut alteration.article;
        article.filter.clone_from(&self.change.filter);
        let shown = match &article.filter {
            Some(filter) => format!("--filter \"{filter}\""),
            None => "--no-filter".to_owned(),
        };
        let said = format!("publisher article set --table {} {shown}", article.source);
        alteration.ddl =
            [alteration.ddl, said].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(";\n");
        // Not a change of the schema: it is carried out whether or not those are. But where deletes are left out, so are these.
        if let (Some(filter), true) = (&article.filter, article.options.delete != Command::None) {
            alteration.changes.push(TableChange::DeleteRowsOutside { filter: filter.clone() });
        }
        alteration
    }
}

/// The first place at which any of these articles gets another definition, by statements (`upcoming`) or by filters.
pub(super) fn with_filters(
    upcoming: Option<Upcoming>,
    filters: &[FilterSwitch],
    articles: &[&Article],
) -> Option<Upcoming> {
    let first = filters.iter().find_map(|switch| {
        let altered: Vec<Alteration> = articles.iter().filter_map(|article| switch.altered(article)).collect();
        (!altered.is_empty()).then_some((switch, altered))
    });
    let Some((switch, altered)) = first else { return upcoming };
    match upcoming {
        Some(upcoming) if upcoming.lsn < switch.lsn => Some(upcoming),
        // A statement takes effect in the place of the next transaction that was captured, which may be the marker's.
        Some(Upcoming { lsn, committed_at, outcome }) if lsn == switch.lsn => {
            let outcome = outcome.map(|mut alterations| {
                for new in altered {
                    match alterations.iter().position(|a| a.article.supersedes == new.article.supersedes) {
                        Some(i) => {
                            let by_statements = alterations.remove(i);
                            alterations.insert(i, switch.put_on(by_statements));
                        }
                        None => alterations.push(new),
                    }
                }
                alterations
            });
            Some(Upcoming { lsn, committed_at, outcome })
        }
        _ => Some(Upcoming { lsn: switch.lsn, committed_at: switch.committed_at, outcome: Ok(altered) }),
    }
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
