//! The definitions of articles: each schema change of a table gives its articles new ones, which supersede those before.
//!
//! What is in the queue was encoded with the definition that was in force at its place, so a superseded definition stays until the queue
//! has nothing from before its successor any more. A definition counts once the queue is durable up to the transaction from which on it
//! is in force: one that is registered and not there yet is forgotten when a log reader attaches, which comes to the schema change
//! again.

use super::entry::{Change, Entry, Key, ReadAfter};
use super::filters::is_under_way;
use super::rules::{Planned, captured, done, existing, invalid, new_version, not_found, well_formed};
use super::{CatalogError, Contents};
use proto::catalog::{DatabaseName, Response};
use proto::message::{Refusal, RefusalKind};
use proto::{Article, ArticleId, Lsn};
use std::collections::BTreeSet;

/// Those that no other one of them supersedes.
pub(super) fn in_force(mut definitions: Vec<Article>) -> Vec<Article> {
    let superseded: BTreeSet<ArticleId> = definitions.iter().filter_map(|a| a.supersedes).collect();
    definitions.retain(|a| !superseded.contains(&a.id));
    definitions
}

/// A definition with all that it came in the place of, newest first.
pub(super) fn lineage<'a>(article: &'a Article, definitions: &'a [Article]) -> Vec<&'a Article> {
    let mut line = vec![article];
    // An id is given once and only ever supersedes a lower one, so this ends.
    while let Some(earlier) = line.last().and_then(|a| a.supersedes)
        && let Some(earlier) = definitions.iter().find(|a| a.id == earlier && a.id < line[line.len() - 1].id)
    {
        line.push(earlier);
    }
    line
}

/// Whether somebody who has these definitions has an article: any of its lineage stands for it, also one that was superseded and retired
/// last.
pub(super) fn has(held: &[ArticleId], article: &Article, definitions: &[Article]) -> bool {
    lineage(article, definitions)
        .iter()
        .any(|a| held.contains(&a.id) || a.supersedes.is_some_and(|id| held.contains(&id)))
}

/// A new definition of an article, by the log reader of this epoch; everything up to `durable` is in the queue.
pub fn article_alter(
    contents: Contents<'_>,
    database: &DatabaseName,
    epoch: u64,
    durable: Option<Lsn>,
    mut article: Article,
) -> Result<Planned, Refusal> {
    let current = contents.database(database)?.map_or(0, |entry| entry.epoch);
    if epoch != current {
        let message =
            format!("epoch {epoch} of this log reader is over; {database} is at epoch {current}: attach again");
        return Err(Refusal::new(RefusalKind::Fenced, message));
    }
    let publication = existing(contents, &article.publication)?;
    if !contents.publications_of(database)?.iter().any(|p| p.name == publication.name) {
        return Err(invalid(format!("publication `{}` is not of {database}", publication.name)));
    }
    well_formed(&article)?;
    captured(&article)?;
    let present = contents.articles_of(&publication.name)?;
    let superseded = article.supersedes.and_then(|id| present.iter().find(|a| a.id == id)).ok_or_else(|| {
        not_found(format!("the article of {} was dropped, or has a newer definition", article.source))
    })?;
    let since = article.since.filter(|since| Some(*since) > durable.max(superseded.since)).ok_or_else(|| {
        invalid(format!("a new definition of {} must be in force from what is not in the queue yet", article.source))
    })?;
    if (&article.destination, article.capture.source) != (&superseded.destination, superseded.capture.source) {
        return Err(invalid(format!("a new definition of {} must be of the same tables", superseded.source)));
    }
    if article.filter != superseded.filter && !is_under_way(contents, superseded, &article)? {
        return Err(invalid(format!("the change of the filter of {} was replaced or taken back", superseded.source)));
    }
    let mut sequences = contents.sequences()?;
    sequences.article += 1;
    article.id = ArticleId(sequences.article);
    article.publication = publication.name.clone();
    article.since = Some(since);
    let response = Response::ArticleAdded(article.id);
    Ok(Planned {
        changes: vec![Change::Put(Entry::Sequences(sequences)), Change::Put(Entry::Article(Box::new(article)))],
        response,
    })
}

/// Forgets the definitions that are in force only after a position, up to which the queue of a database is durable.
pub fn forget_undone(
    contents: Contents<'_>,
    database: &DatabaseName,
    position: Option<Lsn>,
) -> Result<Planned, Refusal> {
    let mut changes = Vec::new();
    for publication in contents.publications_of(database)? {
        let definitions = contents.definitions_of(&publication.name)?;
        let undone = definitions.iter().filter(|a| a.since.is_some_and(|since| Some(since) > position));
        let undone: Vec<_> = undone.map(|a| Change::Delete(Key::Article(a.id))).collect();
        if changes.is_empty() && !undone.is_empty() {
            changes.push(new_version(contents, &publication)?);
        }
        changes.extend(undone);
    }
    Ok(done(changes))
}

/// The log reader of a database has taken up this version of its articles, when it had read up to `read`. Of those that it reads
/// already nothing changes.
pub fn articles_taken_up(
    contents: Contents<'_>,
    database: &DatabaseName,
    version: u64,
    read: Option<Lsn>,
) -> Result<Planned, Refusal> {
    let (present, articles) = contents.database_articles(database)?;
    let definitions = contents.definitions()?;
    let mut changes = Vec::new();
    // It takes up a newer version next; which articles this one was of is not known any more.
    for article in articles.iter().filter(|_| version == present) {
        let first = first_definition(article, &definitions);
        if first.supersedes.is_none() && contents.read_after(first.id)?.is_none() {
            changes.push(Change::Put(Entry::ReadAfter(ReadAfter { article: first.id, after: read })));
        }
    }
    Ok(done(changes))
}

/// From where on all changes of a publication's articles are in the queue, if that begins before.
pub(super) fn all_read_after(contents: Contents<'_>, articles: &[Article]) -> Result<Lsn, Refusal> {
    let definitions = contents.definitions()?;
    let mut after = Lsn::ZERO;
    for article in articles {
        let first = first_definition(article, &definitions);
        // What was before one that is retired is not in the queue any more.
        if first.supersedes.is_some() {
            continue;
        }
        let read = contents.read_after(first.id)?.ok_or_else(|| {
            let message = format!(
                "the log reader does not read {} yet; start `publisher run`, or look at its log, and try again",
                article.source
            );
            Refusal::new(RefusalKind::Busy, message)
        })?;
        after = after.max(read.after.unwrap_or_default()).max(first.capture.start_lsn);
    }
    Ok(after)
}

/// The earliest definition of an article that is known.
fn first_definition<'a>(article: &'a Article, definitions: &'a [Article]) -> &'a Article {
    lineage(article, definitions).last().copied().unwrap_or(article)
}

/// What goes with a definition.
pub(super) fn forgotten(id: ArticleId) -> [Change; 2] {
    [Change::Delete(Key::Article(id)), Change::Delete(Key::ReadAfter(id))]
}

/// Deletes the definitions that nothing in a queue which begins after `kept_after` was encoded with. A subscription that has one of them
/// has its successor by now.
pub fn retire(contents: Contents<'_>, database: &DatabaseName, kept_after: Option<Lsn>) -> Result<Planned, Refusal> {
    let mut changes = Vec::new();
    for publication in contents.publications_of(database)? {
        let definitions = contents.definitions_of(&publication.name)?;
        let passed = definitions.iter().filter(|a| a.since.is_some_and(|since| Some(since) <= kept_after));
        let retired: BTreeSet<ArticleId> = passed.filter_map(|a| a.supersedes).collect();
        let there: Vec<_> = definitions.iter().filter(|a| retired.contains(&a.id)).collect();
        changes.extend(there.iter().flat_map(|a| forgotten(a.id)));
        if there.is_empty() {
            continue;
        }
        for mut entry in contents.subscriptions_to(&publication.name)? {
            let articles: BTreeSet<ArticleId> =
                entry.articles.iter().map(|id| kept_successor(*id, &definitions, &retired)).collect();
            if !articles.iter().eq(&entry.articles) {
                entry.articles = articles.into_iter().collect();
                changes.push(Change::Put(Entry::Subscription(entry)));
            }
        }
    }
    Ok(done(changes))
}

/// A definition, or the first one in its place that is not retired.
fn kept_successor(mut id: ArticleId, definitions: &[Article], retired: &BTreeSet<ArticleId>) -> ArticleId {
    // Successors have higher ids, so this ends.
    while retired.contains(&id)
        && let Some(next) = definitions.iter().find(|a| a.supersedes == Some(id) && a.id > id)
    {
        id = next.id;
    }
    id
}

impl Contents<'_> {
    /// The articles of a publication as they are now, in the order in which they were defined.
    pub fn articles_of(&self, publication: &str) -> Result<Vec<Article>, CatalogError> {
        Ok(in_force(self.definitions_of(publication)?))
    }

    /// All articles as they are now.
    pub fn articles(&self) -> Result<Vec<Article>, CatalogError> {
        Ok(in_force(self.definitions()?))
    }

    /// Those of a database's articles of which nothing is in its queue, which is durable up to `position`: they were taken up there or later.
    pub fn unread(&self, articles: &[Article], position: Option<Lsn>) -> Result<Vec<ArticleId>, CatalogError> {
        let mut unread = Vec::new();
        for article in articles.iter().filter(|article| article.supersedes.is_none()) {
            if self.read_after(article.id)?.is_none_or(|read| read.after >= position) {
                unread.push(article.id);
            }
        }
        Ok(unread)
    }

    /// The definitions that count where a database's queue is durable up to `durable`, of one of its publications.
    pub fn definitions_up_to(&self, publication: &str, durable: Option<Lsn>) -> Result<Vec<Article>, CatalogError> {
        let mut definitions = self.definitions_of(publication)?;
        definitions.retain(|a| a.since.is_none_or(|since| Some(since) <= durable));
        Ok(definitions)
    }
}
