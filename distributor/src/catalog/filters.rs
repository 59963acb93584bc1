//! Changes of row filters that are under way.
//!
//! One is registered before its marker is written, and stays until whoever began it has seen the end, or another one of the same article
//! takes its place: a log reader that comes to the marker, perhaps again after a crash, finds it here or leaves the filter as it is.

use super::entry::{Change, Entry};
use super::rules::{Planned, done, existing, invalid, not_found, read_from_log, same_table, well_formed};
use super::{CatalogError, Contents};
use proto::Article;
use proto::catalog::FilterChange;
use proto::message::{Refusal, RefusalKind};
use uuid::Uuid;

/// A change of an article's filter begins; an earlier one that is still under way comes to nothing.
pub fn filter_change_add(contents: Contents<'_>, mut change: FilterChange) -> Result<Planned, Refusal> {
    let publication = existing(contents, &change.publication)?;
    read_from_log(&publication, "to filter its rows otherwise, drop the article and add it again")?;
    let articles = contents.articles_of(&publication.name)?;
    let article = articles
        .iter()
        .find(|a| same_table(&a.source, &change.source))
        .ok_or_else(|| not_found(format!("publication `{}` has no article of {}", publication.name, change.source)))?;
    if article.filter != change.before {
        return Err(invalid(format!(
            "the filter of {} in publication `{}` was changed meanwhile; `publisher article list` shows it",
            article.source, publication.name
        )));
    }
    well_formed(&Article { filter: change.filter.clone(), ..article.clone() })?;
    (change.publication, change.source) = (publication.name, article.source.clone());
    Ok(done(vec![Change::Put(Entry::FilterChange(change))]))
}

/// A change of a filter is over, or taken back. One that is not known (any more) changes nothing.
pub fn filter_change_drop(contents: Contents<'_>, token: Uuid) -> Result<Planned, Refusal> {
    let mut changes = contents.filter_changes()?;
    changes.retain(|change| change.token == token);
    Ok(done(changes.into_iter().map(|change| Change::Delete(Entry::FilterChange(change).key())).collect()))
}

/// Whether a change from one definition's filter to the other's is under way.
pub(super) fn is_under_way(contents: Contents<'_>, from: &Article, to: &Article) -> Result<bool, CatalogError> {
    let changes = contents.filter_changes_of(&from.publication)?;
    let mut of = changes.iter().filter(|change| same_table(&change.source, &from.source));
    Ok(of.any(|change| change.before == from.filter && change.filter == to.filter))
}

/// Refuses while a filter of a publication may change at a marker that the log reader has not come to: a snapshot that is taken
/// meanwhile could be one with the filter from before, of a moment after.
pub fn filter_changes_settled(contents: Contents<'_>, publication: &str) -> Result<(), Refusal> {
    let articles = contents.articles_of(publication)?;
    for change in contents.filter_changes_of(publication)? {
        let article = articles.iter().find(|a| same_table(&a.source, &change.source));
        if article.is_some_and(|article| article.filter != change.filter) {
            return Err(Refusal::new(
                RefusalKind::Busy,
                format!(
                    "the filter of {} in publication `{publication}` is being changed; take the snapshot again once `publisher article \
                     set` has ended. If that was interrupted, run it again, with --filter as it was or as it is to be",
                    change.source
                ),
            ));
        }
    }
    Ok(())
}
