//! Snapshots: which are being taken, which there are, who needs them, and what of the queue.
//!
//! While one is being taken, the queue is kept from where it ended when that began, since the boundaries of all its parts come after
//! that. A registered one pins nothing by itself: a subscription that lacks an article needs the queue from the boundaries of the
//! snapshots from which it may get it. An article of a snapshot can be used as long as the queue begins before its boundaries.

use super::Contents;
use super::definitions::{has, in_force, lineage};
use super::entry::{Change, Entry, Key, PendingSnapshot, SubscriptionEntry};
use super::filters::filter_changes_settled;
use super::rules::{Planned, done, existing, exists, invalid, not_found, same_table};
use crate::core::retention::{Holder, Need};
use crate::core::subscriptions::fold;
use proto::catalog::{DatabaseName, Publication, PublicationKind, Response, Snapshot, SubscriptionState};
use proto::message::{Refusal, RefusalKind};
use proto::snapshot::{ListedSnapshot, SnapshotToLoad};
use proto::{Article, ArticleId, Lsn, TableName};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What a snapshot that is about to be taken is of.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Its publication.
    pub publication: Publication,
    /// Its articles.
    pub articles: Vec<Article>,
    /// The version of the database's articles.
    pub version: u64,
}

/// Finds out what a snapshot is to be taken of, `None` being all articles, with the definitions that count where the queue ends with `end`:
/// a later one may be forgotten, and what was loaded with it would then be of no article.
pub fn snapshot_asked(
    contents: Contents<'_>,
    publication: &str,
    snapshot: Uuid,
    tables: Option<&[TableName]>,
    end: Option<Lsn>,
) -> Result<Asked, Refusal> {
    let publication = existing(contents, publication)?;
    if contents.snapshot(snapshot)?.is_some() {
        return Err(exists(format!("snapshot {snapshot} is finished and registered already")));
    }
    if let Some(other) = contents.pending_snapshot(snapshot)?
        && fold(&other.publication) != fold(&publication.name)
    {
        return Err(invalid(format!("snapshot {snapshot} was begun of publication `{}`", other.publication)));
    }
    filter_changes_settled(contents, &publication.name)?;
    let mut articles = in_force(contents.definitions_up_to(&publication.name, end)?);
    if articles.is_empty() {
        return Err(invalid(format!(
            "publication `{}` has no articles; `publisher article add` adds one",
            publication.name
        )));
    }
    if let Some(tables) = tables {
        if publication.kind == PublicationKind::Snapshot {
            return Err(invalid(format!(
                "publication `{}` is of type snapshot: each of its snapshots is of all its articles, as of one moment; take it without \
                 --article",
                publication.name
            )));
        }
        if let Some(unknown) = tables.iter().find(|table| !articles.iter().any(|a| same_table(&a.source, table))) {
            return Err(not_found(format!(
                "publication `{}` has no article of {unknown}; `publisher article list` shows which there are",
                publication.name
            )));
        }
        if tables.is_empty() {
            return Err(invalid("a snapshot is of at least one article".to_owned()));
        }
        articles.retain(|a| tables.iter().any(|table| same_table(&a.source, table)));
    }
    let version = contents.database(&publication.database)?.map_or(0, |d| d.articles_version);
    Ok(Asked { publication, articles, version })
}

/// A snapshot of these articles begins, or goes on, where the queue ends with `end`. Others that are being taken of some of the same
/// articles were given up: there is one snapshot agent a publication database at a time.
pub fn snapshot_begin(
    contents: Contents<'_>,
    asked: &Asked,
    snapshot: Uuid,
    tables: Option<&[TableName]>,
    end: Option<Lsn>,
    now: i64,
) -> Result<Planned, Refusal> {
    let present = snapshot_asked(contents, &asked.publication.name, snapshot, tables, end)?;
    let definitions = contents.definitions_of(&present.publication.name)?;
    let before: Vec<ArticleId> = asked.articles.iter().map(|a| a.id).collect();
    // One that was added a moment ago is not read from the log yet.
    let articles: Vec<Article> = present.articles.into_iter().filter(|a| has(&before, a, &definitions)).collect();
    let mut changes = Vec::new();
    let mut entry = PendingSnapshot {
        snapshot,
        publication: present.publication.name.clone(),
        tables: tables.map(<[TableName]>::to_vec),
        keep_after: end.filter(|_| present.publication.kind == PublicationKind::Transactional),
        begun_at: now,
    };
    for other in contents.pending_snapshots_of(&present.publication.name)? {
        if other.snapshot == snapshot {
            (entry.keep_after, entry.begun_at) = (other.keep_after, other.begun_at);
        } else if overlap(&other, &entry) {
            changes.push(Change::Delete(Key::PendingSnapshot(other.snapshot)));
        }
    }
    let response = Response::SnapshotBegun { publication: present.publication, articles, kept_after: entry.keep_after };
    changes.push(Change::Put(Entry::PendingSnapshot(entry)));
    Ok(Planned { changes, response })
}

fn overlap(a: &PendingSnapshot, b: &PendingSnapshot) -> bool {
    match (&a.tables, &b.tables) {
        (Some(a), Some(b)) => a.iter().any(|a| b.iter().any(|b| same_table(a, b))),
        _ => true,
    }
}

/// A snapshot that was taken, where the queue begins after `kept_after`. Once more, it changes nothing.
pub fn snapshot_register(
    contents: Contents<'_>,
    mut snapshot: Snapshot,
    kept_after: Option<Lsn>,
) -> Result<Planned, Refusal> {
    let id = snapshot.id;
    let publication = existing(contents, &snapshot.publication)?;
    snapshot.publication = publication.name.clone();
    if let Some(registered) = contents.snapshot(id)? {
        let same = registered == snapshot;
        return if same { Ok(done(Vec::new())) } else { Err(exists(format!("snapshot {id} is another one"))) };
    }
    let begun = contents.pending_snapshot(id)?.filter(|begun| fold(&begun.publication) == fold(&publication.name));
    let begun = begun.ok_or_else(|| {
        let message = format!(
            "snapshot {id} of publication `{}` is not one that is being taken: it took longer than the maximum retention, so that the \
             queue has not all that follows it, or another one was begun in its place; take it again",
            publication.name
        );
        Refusal::new(RefusalKind::Expired, message)
    })?;
    filter_changes_settled(contents, &publication.name)?;
    if snapshot.location.is_empty() {
        return Err(invalid("a snapshot needs a location".to_owned()));
    }
    let definitions = contents.definitions_of(&publication.name)?;
    let held: BTreeSet<ArticleId> = in_force(definitions.clone())
        .iter()
        .filter_map(|a| held(&snapshot, a, &definitions))
        .map(|(id, _)| id)
        .collect();
    if snapshot.boundaries.is_empty() {
        return Err(invalid(format!("snapshot {id} is of no article")));
    }
    if let Some((article, _)) = snapshot.boundaries.iter().find(|(article, _)| !held.contains(article)) {
        let table = definitions.iter().find(|a| a.id == *article);
        let table = table.map_or_else(|| "an article of it".to_owned(), |a| a.source.to_string());
        return Err(invalid(format!(
            "{table} in publication `{}` changed while the snapshot was taken; take it again",
            publication.name
        )));
    }
    if publication.kind == PublicationKind::Transactional
        && let Some((_, early)) = snapshot.boundaries.iter().find(|(_, b)| Some(*b) < begun.keep_after.max(kept_after))
    {
        return Err(invalid(format!(
            "snapshot {id} has a part as of {early}, but the queue is kept only after {}; take it again",
            begun.keep_after.max(kept_after).unwrap_or_default()
        )));
    }
    Ok(done(vec![Change::Delete(Key::PendingSnapshot(id)), Change::Put(Entry::Snapshot(snapshot))]))
}

/// A snapshot that is being taken is given up. One that is not known (any more) changes nothing.
pub fn snapshot_abandon(contents: Contents<'_>, snapshot: Uuid) -> Result<Planned, Refusal> {
    if contents.snapshot(snapshot)?.is_some() {
        return Err(exists(format!("snapshot {snapshot} is finished and registered")));
    }
    let pending = contents.pending_snapshot(snapshot)?;
    Ok(done(pending.into_iter().map(|s| Change::Delete(Key::PendingSnapshot(s.snapshot))).collect()))
}

/// The files of a snapshot are about to be removed.
pub fn snapshot_forget(
    contents: Contents<'_>,
    snapshot: Uuid,
    kept_after: impl Fn(&DatabaseName) -> Option<Lsn>,
) -> Result<Planned, Refusal> {
    let snapshot = contents.snapshot(snapshot)?.ok_or_else(|| {
        not_found(format!("snapshot {snapshot} is not known; `publisher snapshot list` shows which there are"))
    })?;
    if let Some(publication) = contents.publication(&snapshot.publication)? {
        let needed_by = Group::of(contents, &publication, kept_after(&publication.database))?.needed_by(snapshot.id);
        if !needed_by.is_empty() {
            let message = format!(
                "snapshot {} of publication `{}` is still needed by {}",
                snapshot.id,
                snapshot.publication,
                needed_by.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            );
            return Err(Refusal::new(RefusalKind::Busy, message));
        }
    }
    Ok(done(vec![Change::Delete(Key::Snapshot(snapshot.id))]))
}

/// The snapshots of a publication, or all, with who needs them. One that nobody needs is kept for so many microseconds.
pub fn snapshot_list(
    contents: Contents<'_>,
    publication: Option<&str>,
    kept_after: impl Fn(&DatabaseName) -> Option<Lsn>,
    retention: i64,
    now: i64,
) -> Result<Vec<ListedSnapshot>, Refusal> {
    let mut snapshots = contents.snapshots()?;
    if let Some(name) = publication {
        snapshots.retain(|s| fold(&s.publication) == fold(name));
        // Of a publication that was dropped there may be some.
        if snapshots.is_empty() {
            existing(contents, name)?;
        }
    }
    let mut groups: BTreeMap<String, Option<Group>> = BTreeMap::new();
    let mut listed = Vec::new();
    for snapshot in snapshots {
        let key = fold(&snapshot.publication);
        if !groups.contains_key(&key) {
            let publication = contents.publication(&snapshot.publication)?;
            let group = publication.map(|p| Group::of(contents, &p, kept_after(&p.database))).transpose()?;
            groups.insert(key.clone(), group);
        }
        let group = groups.get(&key).and_then(Option::as_ref);
        let current = group.is_some_and(|group| group.current().contains(&snapshot.id));
        let needed_by = group.map_or(Vec::new(), |group| group.needed_by(snapshot.id));
        // Nobody can come who needs one of a publication that is gone.
        let kept_until = snapshot.created_at.saturating_add(if group.is_some() { retention } else { 0 });
        let removable = (group.is_none() || kept_until <= now) && !current && needed_by.is_empty();
        listed.push(ListedSnapshot { snapshot, current, needed_by, kept_until, removable });
    }
    Ok(listed)
}

/// What to load of a publication for whoever has these definitions. Who has none gets all articles or, while one is in no snapshot
/// that can be used, nothing; who has some gets what there is of the others.
pub fn snapshot_latest(
    contents: Contents<'_>,
    publication: &str,
    held: &[ArticleId],
    kept_after: Option<Lsn>,
) -> Result<Option<Vec<SnapshotToLoad>>, Refusal> {
    let publication = existing(contents, publication)?;
    let group = Group::of(contents, &publication, kept_after)?;
    if group.articles.is_empty() {
        return Ok(None);
    }
    if publication.kind == PublicationKind::Snapshot {
        return Ok(Some(group.newest_whole()).filter(|found| !found.is_empty()));
    }
    let known = |id: &ArticleId| group.definitions.iter().any(|a| a.id == *id || a.supersedes == Some(*id));
    if let Some(unknown) = held.iter().find(|id| !known(id)) {
        let message = format!(
            "article {unknown} of publication `{}` has had later definitions since, from which on the queue begins: what comes between is \
             gone. Initialise the subscription again: drop and add it, with a new snapshot",
            publication.name
        );
        return Err(Refusal::new(RefusalKind::Expired, message));
    }
    let lacking = group.lacking(held);
    if lacking.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let found = group.fewest(&lacking);
    let complete = found.iter().map(|s| s.articles.len()).sum::<usize>() == lacking.len();
    Ok(Some(found).filter(|found| if held.is_empty() { complete } else { !found.is_empty() }))
}

/// Whether there is a snapshot with an article that a subscription lacks.
pub fn something_to_load(contents: Contents<'_>, name: &str, kept_after: Option<Lsn>) -> Result<bool, Refusal> {
    let Some(entry) = contents.subscription(name)? else { return Ok(false) };
    let publication = existing(contents, &entry.subscription.publication)?;
    let group = Group::of(contents, &publication, kept_after)?;
    Ok(!group.fewest(&group.lacking(&entry.articles)).is_empty())
}

/// What the snapshots of a database's publications need of its queue.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Loads {
    /// The subscriptions that are streamed from the queue.
    pub subscriptions: Vec<String>,
    /// The needs of snapshots that are being taken, and of what subscriptions are yet to load.
    pub needs: Vec<Need>,
}

/// What of a database's queue is needed beside what comes after the subscriptions' positions.
pub fn loads(contents: Contents<'_>, database: &DatabaseName, kept_after: Option<Lsn>) -> Result<Loads, Refusal> {
    let mut loads = Loads::default();
    let publications = contents.publications_of(database)?.into_iter();
    for publication in publications.filter(|p| p.kind == PublicationKind::Transactional) {
        for pending in contents.pending_snapshots_of(&publication.name)? {
            loads.needs.push(Need { holder: Holder::Snapshot(pending.snapshot), after: pending.keep_after });
        }
        let group = Group::of(contents, &publication, kept_after)?;
        for entry in &group.subscriptions {
            let name = &entry.subscription.name;
            loads.subscriptions.push(name.clone());
            let boundaries = group.to_load(entry).into_iter().map(|(_, boundary)| boundary);
            let need = boundaries.min().map(|after| Need { holder: Holder::Load(name.clone()), after: Some(after) });
            loads.needs.extend(need);
        }
    }
    Ok(loads)
}

/// From where the queue is kept for a new subscription: the snapshots that are there already are what it will begin with, and of the
/// articles that are in none there is one being taken, or there will be one after the queue's end.
pub(super) fn keep_for_new(
    contents: Contents<'_>,
    publication: &Publication,
    kept_after: Option<Lsn>,
    end: Option<Lsn>,
) -> Result<Option<Lsn>, Refusal> {
    let group = Group::of(contents, publication, kept_after)?;
    let lacking = group.lacking(&[]);
    let found = group.fewest(&lacking);
    let complete = found.iter().map(|s| s.articles.len()).sum::<usize>() == lacking.len();
    let boundaries = found.iter().filter_map(|load| {
        let of = load.snapshot.boundaries.iter().filter(|(id, _)| load.articles.contains(id));
        of.map(|(_, boundary)| *boundary).min()
    });
    let first = boundaries.min();
    if complete && first.is_some() {
        return Ok(first);
    }
    let pending = contents.pending_snapshots_of(&publication.name)?.into_iter().map(|p| p.keep_after);
    // None, which comes first of all, is the beginning of the queue.
    Ok(pending.chain(first.map(Some)).fold(end, Option::min))
}

/// The definition in which an article is in a snapshot, and its first boundary, if that definition was in force at all of them.
fn held(snapshot: &Snapshot, article: &Article, definitions: &[Article]) -> Option<(ArticleId, Lsn)> {
    let line = lineage(article, definitions);
    line.iter().enumerate().find_map(|(i, definition)| {
        let successor = i.checked_sub(1).and_then(|i| line[i].since);
        let mut boundaries = snapshot.boundaries.iter().filter(|(id, _)| *id == definition.id).map(|(_, b)| *b);
        let first = boundaries.clone().min()?;
        let in_force = |boundary| successor.is_none_or(|since| boundary < since) && definition.since <= Some(boundary);
        boundaries.all(in_force).then_some((definition.id, first))
    })
}

/// A publication with its articles, snapshots and subscriptions.
struct Group {
    kind: PublicationKind,
    /// Those in force.
    articles: Vec<Article>,
    definitions: Vec<Article>,
    /// Oldest first.
    snapshots: Vec<Snapshot>,
    subscriptions: Vec<SubscriptionEntry>,
    /// Where the queue begins.
    kept_after: Option<Lsn>,
}

impl Group {
    fn of(contents: Contents<'_>, publication: &Publication, kept_after: Option<Lsn>) -> Result<Self, Refusal> {
        let definitions = contents.definitions_of(&publication.name)?;
        Ok(Self {
            kind: publication.kind,
            articles: in_force(definitions.clone()),
            definitions,
            snapshots: contents.snapshots_of(&publication.name)?,
            subscriptions: contents.subscriptions_to(&publication.name)?,
            kept_after: kept_after.filter(|_| publication.kind == PublicationKind::Transactional),
        })
    }

    fn lacking(&self, held: &[ArticleId]) -> Vec<&Article> {
        self.articles.iter().filter(|a| !has(held, a, &self.definitions)).collect()
    }

    /// As [`held`], if the queue has all that follows.
    fn usable(&self, snapshot: &Snapshot, article: &Article) -> Option<(ArticleId, Lsn)> {
        held(snapshot, article, &self.definitions).filter(|(_, boundary)| Some(*boundary) >= self.kept_after)
    }

    /// Few snapshots, and of as many the newest, that together hold these articles, as far as any does: each time the one with the most
    /// of what is left.
    fn fewest(&self, articles: &[&Article]) -> Vec<SnapshotToLoad> {
        let mut left: Vec<&Article> = articles.to_vec();
        let mut found = Vec::new();
        while !left.is_empty() {
            let mut best: (Vec<ArticleId>, Option<&Snapshot>) = (Vec::new(), None);
            for snapshot in self.snapshots.iter().rev() {
                let ids: Vec<_> = left.iter().filter_map(|a| self.usable(snapshot, a)).map(|(id, _)| id).collect();
                if ids.len() > best.0.len() {
                    best = (ids, Some(snapshot));
                }
            }
            let (mut articles, Some(snapshot)) = best else { break };
            articles.sort_unstable();
            left.retain(|a| self.usable(snapshot, a).is_none());
            found.push(SnapshotToLoad { snapshot: snapshot.clone(), articles });
        }
        found
    }

    /// The newest snapshot with all articles.
    fn newest_whole(&self) -> Vec<SnapshotToLoad> {
        let whole = |s: &Snapshot| {
            let ids = self.articles.iter().map(|a| self.usable(s, a).map(|(id, _)| id));
            ids.collect::<Option<Vec<_>>>().map(|articles| SnapshotToLoad { snapshot: s.clone(), articles })
        };
        self.snapshots.iter().rev().find_map(whole).into_iter().collect()
    }

    /// From which a new subscription would be initialised.
    fn current(&self) -> Vec<Uuid> {
        let found = match self.kind {
            PublicationKind::Transactional => self.fewest(&self.lacking(&[])),
            PublicationKind::Snapshot => self.newest_whole(),
        };
        found.into_iter().map(|load| load.snapshot.id).collect()
    }

    /// The snapshots that a subscription is to load articles from, or may be loading from, with their first boundaries.
    fn to_load(&self, entry: &SubscriptionEntry) -> Vec<(Uuid, Lsn)> {
        if entry.state == SubscriptionState::Expired || self.kind == PublicationKind::Snapshot {
            return Vec::new();
        }
        let lacking = self.lacking(&entry.articles);
        // Which one it has begun to load is not known here, so all are kept that it can be.
        let chosen = (entry.state == SubscriptionState::Uninitialized)
            .then(|| self.fewest(&lacking).into_iter().map(|load| load.snapshot.id).collect::<BTreeSet<Uuid>>());
        let wanted = |s: &&Snapshot| chosen.as_ref().is_none_or(|chosen| chosen.contains(&s.id));
        let boundary = |s: &Snapshot| {
            let boundaries = lacking.iter().filter_map(|a| self.usable(s, a)).map(|(_, boundary)| boundary);
            boundaries.min().map(|boundary| (s.id, boundary))
        };
        self.snapshots.iter().filter(wanted).filter_map(boundary).collect()
    }

    /// The subscriptions that need the files of a snapshot.
    fn needed_by(&self, snapshot: Uuid) -> Vec<String> {
        use SubscriptionState::{Failed, Initializing, Synchronizing, Uninitialized};
        let needs = |entry: &&SubscriptionEntry| match (self.kind, entry.state) {
            // Rows are being loaded, or the scripts are yet to be run.
            (_, Initializing | Synchronizing) | (PublicationKind::Transactional, Failed) => true,
            (PublicationKind::Snapshot, state) => {
                matches!(state, Uninitialized | Failed) && self.current().contains(&snapshot)
            }
            (PublicationKind::Transactional, _) => self.to_load(entry).iter().any(|(id, _)| *id == snapshot),
        };
        self.subscriptions.iter().filter(needs).map(|entry| entry.subscription.name.clone()).collect()
    }
}
