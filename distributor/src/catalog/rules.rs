//! What may be changed: from a request to the changes that it makes, or to a refusal that says what to do.

use super::definitions::{all_read_after, forgotten, lineage};
use super::entry::{Change, DatabaseEntry, Entry, Key, LoginEntry, SubscriptionEntry, TracerEntry};
use super::snapshots::keep_for_new;
use super::{CatalogError, Contents};
use crate::core::subscriptions::{fold, overtaken, overtakes};
use proto::catalog::{LoginRole, Publication, PublicationKind, Response, Subscription, SubscriptionState, SyncType};
use proto::message::{Refusal, RefusalKind};
use proto::{Article, ArticleId, Lsn, TableName};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Longest name, in characters: that of a SQL Server identifier.
const MAX_NAME: usize = 128;
/// Most columns of a table in SQL Server.
const MAX_COLUMNS: usize = 1024;
/// Tracer tokens of a publication that are remembered.
pub const MAX_TRACERS: usize = 200;

/// Changes to make and what to answer once they are durable.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The changes.
    pub changes: Vec<Change>,
    /// The answer.
    pub response: Response,
}

/// Plans of changes, a function a request.
pub mod plan {
    use super::*;
    pub use crate::catalog::definitions::{article_alter, articles_taken_up, forget_undone, retire};
    pub use crate::catalog::filters::{filter_change_add, filter_change_drop, filter_changes_settled};
    pub use crate::catalog::snapshots::{
        loads, snapshot_abandon, snapshot_asked, snapshot_begin, snapshot_forget, snapshot_latest, snapshot_list,
        snapshot_register, something_to_load,
    };

    /// A new publication.
    pub fn publication_add(contents: Contents<'_>, publication: Publication) -> Result<Planned, Refusal> {
        name("publication", &publication.name)?;
        name("server", &publication.database.server)?;
        name("database", &publication.database.database)?;
        if let Some(other) = contents.publication(&publication.name)? {
            return Err(exists(format!("publication `{}` exists already, of {}", other.name, other.database)));
        }
        let mut changes = Vec::new();
        // A database's first publication begins a queue. So does the first one after all others were dropped: nobody needs what is
        // in the old queue, and where the database was restored, the positions of its log begin anew as well.
        if contents.publications_of(&publication.database)?.is_empty() {
            let mut sequences = contents.sequences()?;
            sequences.database += 1;
            changes.push(Change::Put(Entry::Sequences(sequences)));
            let known = contents.database(&publication.database)?;
            // Epoch and version never go back: log readers of the old queue stay fenced off.
            let entry = DatabaseEntry {
                database: publication.database.clone(),
                id: sequences.database,
                epoch: known.as_ref().map_or(0, |known| known.epoch),
                articles_version: known.map_or(0, |known| known.articles_version),
            };
            changes.push(Change::Put(Entry::Database(entry)));
        }
        changes.push(Change::Put(Entry::Publication(publication)));
        Ok(done(changes))
    }

    /// Whether schema changes of a publication's tables are carried out at the subscribers.
    pub fn publication_set(contents: Contents<'_>, name: &str, replicate_ddl: bool) -> Result<Planned, Refusal> {
        let publication = Publication { replicate_ddl, ..existing(contents, name)? };
        Ok(done(vec![Change::Put(Entry::Publication(publication))]))
    }

    /// The end of a publication. Its snapshots stay known until their files are removed.
    pub fn publication_drop(contents: Contents<'_>, name: &str) -> Result<Planned, Refusal> {
        let publication = existing(contents, name)?;
        no_subscriptions(contents, &publication, "dropped")?;
        let mut changes = vec![Change::Delete(Key::Publication(publication.name.clone()))];
        let articles = contents.definitions_of(name)?;
        if !articles.is_empty() {
            changes.push(new_version(contents, &publication)?);
        }
        changes.extend(articles.iter().flat_map(|a| forgotten(a.id)));
        changes.extend(
            contents.pending_snapshots_of(name)?.iter().map(|s| Change::Delete(Key::PendingSnapshot(s.snapshot))),
        );
        changes.extend(contents.tracers_of(name)?.iter().map(|t| Change::Delete(Key::Tracer(t.token))));
        changes.extend(
            contents.filter_changes_of(name)?.into_iter().map(|c| Change::Delete(Entry::FilterChange(c).key())),
        );
        Ok(done(changes))
    }

    /// A tracer token that is about to be written. The oldest ones are forgotten.
    pub fn tracer_post(contents: Contents<'_>, publication: &str, token: Uuid, now: i64) -> Result<Planned, Refusal> {
        let publication = existing(contents, publication)?;
        read_from_log(&publication, "tracer tokens travel with its changes")?;
        if contents.tracer(token)?.is_some() {
            return Err(exists(format!("tracer token {token} was posted already")));
        }
        let before = contents.tracers_of(&publication.name)?;
        let old = before.iter().skip(MAX_TRACERS - 1).map(|t| Change::Delete(Key::Tracer(t.token)));
        let mut changes: Vec<Change> = old.collect();
        changes.push(Change::Put(Entry::Tracer(TracerEntry {
            token,
            publication: publication.name,
            posted_at: now,
            lsn: None,
            publisher_commit: None,
            distributor_commit: None,
            arrivals: Vec::new(),
        })));
        Ok(done(changes))
    }

    /// A tracer token is durable in the queue. One that is not known (any more) changes nothing.
    pub fn tracer_seen(
        contents: Contents<'_>,
        token: Uuid,
        lsn: Lsn,
        publisher_commit: Option<i64>,
        durable_at: i64,
    ) -> Result<Planned, Refusal> {
        let Some(mut entry) = contents.tracer(token)? else { return Ok(done(Vec::new())) };
        entry.lsn = Some(lsn);
        entry.publisher_commit = publisher_commit;
        entry.distributor_commit = Some(durable_at);
        Ok(done(vec![Change::Put(Entry::Tracer(entry))]))
    }

    /// Tracer tokens were committed at a subscription. Those of other publications change nothing.
    pub fn tracers_arrived(
        contents: Contents<'_>,
        subscription: &str,
        arrived: &[(Uuid, i64)],
    ) -> Result<Planned, Refusal> {
        let Some(subscription) = contents.subscription(subscription)? else { return Ok(done(Vec::new())) };
        let subscription = subscription.subscription;
        let mut changes = Vec::new();
        for (token, at) in arrived {
            let Some(mut entry) = contents.tracer(*token)? else { continue };
            let known = entry.arrivals.iter().any(|(name, _)| fold(name) == fold(&subscription.name));
            if fold(&entry.publication) == fold(&subscription.publication) && !known {
                entry.arrivals.push((subscription.name.clone(), *at));
                changes.push(Change::Put(Entry::Tracer(entry)));
            }
        }
        Ok(done(changes))
    }

    /// A new article. Subscriptions that there are get it from a snapshot.
    pub fn article_add(contents: Contents<'_>, mut article: Article) -> Result<Planned, Refusal> {
        let publication = existing(contents, &article.publication)?;
        well_formed(&article)?;
        if publication.kind == PublicationKind::Transactional {
            captured(&article)?;
        }
        let articles = contents.articles_of(&publication.name)?;
        if articles.len() >= u16::MAX.into() {
            return Err(invalid(format!("publication `{}` has too many articles", publication.name)));
        }
        if articles.iter().any(|a| same_table(&a.source, &article.source)) {
            return Err(exists(format!(
                "publication `{}` has an article of {} already; drop that one first",
                publication.name, article.source
            )));
        }
        if let Some(other) = articles.iter().find(|a| same_table(&a.destination, &article.destination)) {
            return Err(invalid(format!(
                "the article of {} in publication `{}` has the destination {} already",
                other.source, publication.name, other.destination
            )));
        }
        let mut sequences = contents.sequences()?;
        sequences.article += 1;
        article.id = ArticleId(sequences.article);
        article.publication = publication.name.clone();
        let response = Response::ArticleAdded(article.id);
        let changes = vec![
            Change::Put(Entry::Sequences(sequences)),
            new_version(contents, &publication)?,
            Change::Put(Entry::Article(Box::new(article))),
        ];
        Ok(Planned { changes, response })
    }

    /// The end of an article.
    pub fn article_drop(contents: Contents<'_>, publication: &str, source: &TableName) -> Result<Planned, Refusal> {
        let publication = existing(contents, publication)?;
        no_subscriptions(contents, &publication, "left without one of its articles")?;
        let articles = contents.articles_of(&publication.name)?;
        let article = articles
            .iter()
            .find(|a| same_table(&a.source, source))
            .ok_or_else(|| not_found(format!("publication `{}` has no article of {source}", publication.name)))?;
        let definitions = contents.definitions_of(&publication.name)?;
        let mut changes = vec![new_version(contents, &publication)?];
        changes.extend(lineage(article, &definitions).iter().flat_map(|a| forgotten(a.id)));
        changes.push(Change::Delete(Key::FilterChange(publication.name, article.source.clone())));
        Ok(done(changes))
    }

    /// A new subscription, where the queue begins after `kept_after` and ends with `end`.
    pub fn subscription_add(
        contents: Contents<'_>,
        subscription: Subscription,
        kept_after: Option<Lsn>,
        end: Option<Lsn>,
    ) -> Result<Planned, Refusal> {
        name("subscription", &subscription.name)?;
        name("server", &subscription.database.server)?;
        name("database", &subscription.database.database)?;
        let publication = existing(contents, &subscription.publication)?;
        if let Some(other) = contents.subscription(&subscription.name)? {
            return Err(exists(format!(
                "subscription `{}` exists already, of {} to publication `{}`",
                other.subscription.name, other.subscription.database, other.subscription.publication
            )));
        }
        let database = Key::Database(subscription.database.clone()).index_key();
        let twice = contents
            .subscriptions_to(&publication.name)?
            .into_iter()
            .find(|s| Key::Database(s.subscription.database.clone()).index_key() == database);
        if let Some(other) = twice {
            return Err(exists(format!(
                "{} is subscribed to publication `{}` already, by subscription `{}`",
                subscription.database, publication.name, other.subscription.name
            )));
        }
        let articles = contents.articles_of(&publication.name)?;
        let position = begins_at(contents, &publication, &subscription, &articles, kept_after, end)?;
        let keep_after = match position {
            Some(position) => Some(position),
            None => keep_for_new(contents, &publication, kept_after, end)?,
        };
        let subscription = Subscription { publication: publication.name, ..subscription };
        let entry = SubscriptionEntry {
            subscription,
            state: if position.is_some() { SubscriptionState::Active } else { SubscriptionState::Uninitialized },
            position,
            keep_after,
            articles: position.map_or(Vec::new(), |_| articles.iter().map(|a| a.id).collect()),
        };
        let response = Response::SubscriptionAdded { position, articles };
        Ok(Planned { changes: vec![Change::Put(Entry::Subscription(entry))], response })
    }

    /// A subscription is streamed from a position, which may be before its last one, with these definitions. Those that are not of its
    /// publication are left out.
    pub fn subscription_streams(
        contents: Contents<'_>,
        name: &str,
        articles: &[ArticleId],
        position: Lsn,
    ) -> Result<Planned, Refusal> {
        let mut entry =
            contents.subscription(name)?.ok_or_else(|| not_found(format!("there is no subscription `{name}`")))?;
        let definitions = contents.definitions_of(&entry.subscription.publication)?;
        if let Some(article) = definitions.iter().find(|a| overtakes(a, |id| articles.contains(&id), position)) {
            return Err(overtaken(name, article, position));
        }
        let known: BTreeSet<ArticleId> = definitions.iter().map(|a| a.id).collect();
        entry.articles = articles.iter().copied().filter(|id| known.contains(id)).collect();
        entry.articles.sort_unstable();
        entry.articles.dedup();
        // Together: once the queue is not kept any more for the articles that it lacked, it is kept from where it goes on with them.
        (entry.position, entry.keep_after) = (Some(position), Some(position));
        // So do the snapshots stay whose scripts are yet to be run, until it says that all are.
        entry.state = SubscriptionState::Synchronizing;
        Ok(done(vec![Change::Put(Entry::Subscription(entry))]))
    }

    /// The end of a subscription.
    pub fn subscription_drop(contents: Contents<'_>, name: &str) -> Result<Planned, Refusal> {
        let entry =
            contents.subscription(name)?.ok_or_else(|| not_found(format!("there is no subscription `{name}`")))?;
        Ok(done(vec![Change::Delete(Key::Subscription(entry.subscription.name))]))
    }

    /// A new login with the hash of its password.
    pub fn login_add(contents: Contents<'_>, login: &str, hash: String, role: LoginRole) -> Result<Planned, Refusal> {
        name("login", login)?;
        if contents.login(login)?.is_some() {
            return Err(exists(format!("login `{login}` exists already")));
        }
        Ok(done(vec![Change::Put(Entry::Login(LoginEntry { name: login.to_owned(), hash, role }))]))
    }

    /// The end of a login.
    pub fn login_drop(contents: Contents<'_>, login: &str) -> Result<Planned, Refusal> {
        let entry = contents.login(login)?.ok_or_else(|| not_found(format!("there is no login `{login}`")))?;
        let admins = contents.logins()?.into_iter().filter(|l| l.role == LoginRole::Admin).count();
        if entry.role == LoginRole::Admin && admins == 1 {
            return Err(invalid(format!("`{login}` is the last login with the role admin; add another one first")));
        }
        Ok(done(vec![Change::Delete(Key::Login(entry.name))]))
    }
}

/// Where a new subscription begins that needs no snapshot; `None` for one that does.
fn begins_at(
    contents: Contents<'_>,
    publication: &Publication,
    subscription: &Subscription,
    articles: &[Article],
    kept_after: Option<Lsn>,
    end: Option<Lsn>,
) -> Result<Option<Lsn>, Refusal> {
    if subscription.sync == SyncType::Automatic {
        return Ok(None);
    }
    read_from_log(publication, "a subscription to it is always initialised from a snapshot")?;
    if articles.is_empty() {
        return Err(invalid(format!(
            "publication `{}` has no articles; `publisher article add` adds one",
            publication.name
        )));
    }
    let database = &publication.database;
    let end = end.ok_or_else(|| {
        let message = format!(
            "no position in the log of {database} is known, since no log reader has read it yet: start `publisher run` and try again"
        );
        Refusal::new(RefusalKind::Busy, message)
    })?;
    let read_after = all_read_after(contents, articles)?;
    let lsn = match subscription.sync {
        SyncType::InitializeFromLsn(lsn) => lsn,
        // Of what committed before, changes of an article that was just added may be missing.
        _ => return Ok(Some(end.max(read_after))),
    };
    if lsn < read_after {
        return Err(invalid(format!(
            "a subscription cannot be initialised from {lsn}: all articles of publication `{}` are read only from {read_after} on. Take \
             a later backup, or initialise it from a snapshot",
            publication.name
        )));
    }
    if Some(lsn) < kept_after {
        return Err(invalid(format!(
            "a subscription cannot be initialised from {lsn}: the queue of {database} begins after {}, and what comes between is gone. \
             Take a later backup, or initialise it from a snapshot",
            kept_after.unwrap_or_default()
        )));
    }
    if lsn > end {
        return Err(invalid(format!(
            "a subscription cannot be initialised from {lsn}: the log of {database} has been read up to {end} only"
        )));
    }
    Ok(Some(lsn))
}

/// Refuses what only a publication can have that is read from the log.
pub(super) fn read_from_log(publication: &Publication, why: &str) -> Result<(), Refusal> {
    match publication.kind {
        PublicationKind::Transactional => Ok(()),
        PublicationKind::Snapshot => Err(invalid(format!(
            "publication `{}` is of the type snapshot, nothing of it is read from the log; {why}",
            publication.name
        ))),
    }
}

pub(super) fn existing(contents: Contents<'_>, publication: &str) -> Result<Publication, Refusal> {
    contents.publication(publication)?.ok_or_else(|| {
        not_found(format!(
            "there is no publication `{publication}`; `publisher publication list` shows which there are"
        ))
    })
}

fn no_subscriptions(contents: Contents<'_>, publication: &Publication, what: &str) -> Result<(), Refusal> {
    let subscriptions = contents.subscriptions_to(&publication.name)?;
    if subscriptions.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = subscriptions.iter().map(|s| format!("`{}`", s.subscription.name)).collect();
    Err(invalid(format!(
        "publication `{}` cannot be {what} while it has subscriptions ({}); drop those first with `subscriber subscription drop`, \
         and add them again with a new snapshot afterwards",
        publication.name,
        names.join(", ")
    )))
}

pub(super) fn new_version(contents: Contents<'_>, publication: &Publication) -> Result<Change, Refusal> {
    let mut database = contents.database(&publication.database)?.ok_or_else(|| {
        Refusal::new(RefusalKind::Internal, format!("the catalog does not know {}", publication.database))
    })?;
    database.articles_version += 1;
    Ok(Change::Put(Entry::Database(database)))
}

pub(super) fn well_formed(article: &Article) -> Result<(), Refusal> {
    for part in [&article.source, &article.destination] {
        name("schema", &part.schema)?;
        name("table", &part.table)?;
    }
    if article.columns.is_empty() || article.columns.len() > MAX_COLUMNS {
        return Err(invalid(format!("an article has 1 to {MAX_COLUMNS} columns, not {}", article.columns.len())));
    }
    let mut names = BTreeSet::new();
    for column in &article.columns {
        name("column", &column.name)?;
        if !names.insert(&column.name) {
            return Err(invalid(format!("column `{}` of {} is given twice", column.name, article.source)));
        }
    }
    let key: Vec<_> = article.key().iter().map(|i| article.columns[*i].key_ordinal).collect();
    let expected: Vec<_> = (0..key.len() as u16).map(Some).collect();
    if key.is_empty() || key != expected {
        return Err(invalid(format!("the article of {} needs the table's key among its columns", article.source)));
    }
    Ok(())
}

/// Whether an article says from where its changes are read.
pub(super) fn captured(article: &Article) -> Result<(), Refusal> {
    name("capture instance", &article.capture.instance)
}

pub(super) fn same_table(a: &TableName, b: &TableName) -> bool {
    fold(&a.schema) == fold(&b.schema) && fold(&a.table) == fold(&b.table)
}

fn name(what: &str, name: &str) -> Result<(), Refusal> {
    if name.is_empty() || name.chars().count() > MAX_NAME {
        return Err(invalid(format!("a {what} name has 1 to {MAX_NAME} characters, not {}", name.chars().count())));
    }
    if name.chars().any(char::is_control) {
        return Err(invalid(format!("a {what} name must not contain control characters")));
    }
    Ok(())
}

pub(super) fn done(changes: Vec<Change>) -> Planned {
    Planned { changes, response: Response::Done }
}

pub(super) fn exists(message: String) -> Refusal {
    Refusal::new(RefusalKind::Exists, message)
}

pub(super) fn not_found(message: String) -> Refusal {
    Refusal::new(RefusalKind::NotFound, message)
}

pub(super) fn invalid(message: String) -> Refusal {
    Refusal::new(RefusalKind::Invalid, message)
}

impl From<CatalogError> for Refusal {
    fn from(error: CatalogError) -> Self {
        Self::new(RefusalKind::Internal, error.to_string())
    }
}
