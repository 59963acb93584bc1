//! Questions to the catalog.

use super::entry::{
    DatabaseEntry, Entry, Key, LoginEntry, PendingSnapshot, ReadAfter, Sequences, SubscriptionEntry, Table, TracerEntry,
};
use super::{CatalogError, CatalogIndex};
use proto::catalog::{DatabaseName, FilterChange, Publication, PublicationKind, Snapshot};
use proto::snapshot::first_boundary;
use proto::{Article, ArticleId, codec};
use uuid::Uuid;

/// The catalog as its index holds it.
#[derive(Clone, Copy)]
pub struct Contents<'a> {
    index: &'a dyn CatalogIndex,
}

macro_rules! typed {
    ($variant:ident) => {
        |entry| match entry {
            Entry::$variant(found) => Some(found),
            _ => None,
        }
    };
}

impl std::fmt::Debug for Contents<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contents")
    }
}

impl<'a> Contents<'a> {
    pub(super) fn of(index: &'a dyn CatalogIndex) -> Self {
        Self { index }
    }

    /// Everything.
    pub fn entries(&self) -> Result<Vec<Entry>, CatalogError> {
        self.index.scan(&[])?.iter().map(|bytes| Ok(codec::decode(bytes)?)).collect()
    }

    /// All publications, by name.
    pub fn publications(&self) -> Result<Vec<Publication>, CatalogError> {
        self.all(Table::Publication, typed!(Publication))
    }

    /// A publication.
    pub fn publication(&self, name: &str) -> Result<Option<Publication>, CatalogError> {
        self.one(&Key::Publication(name.to_owned()), typed!(Publication))
    }

    /// The publications of a database.
    pub fn publications_of(&self, database: &DatabaseName) -> Result<Vec<Publication>, CatalogError> {
        let key = Key::Database(database.clone()).index_key();
        let mut publications = self.publications()?;
        publications.retain(|p| Key::Database(p.database.clone()).index_key() == key);
        Ok(publications)
    }

    /// All definitions of articles, the superseded ones among them, in the order in which they were made.
    pub fn definitions(&self) -> Result<Vec<Article>, CatalogError> {
        self.all(Table::Article, |entry| match entry {
            Entry::Article(article) => Some(*article),
            _ => None,
        })
    }

    /// All definitions of a publication's articles.
    pub fn definitions_of(&self, publication: &str) -> Result<Vec<Article>, CatalogError> {
        let key = Key::Publication(publication.to_owned());
        let mut articles = self.definitions()?;
        articles.retain(|a| Key::Publication(a.publication.clone()).index_key() == key.index_key());
        Ok(articles)
    }

    /// The articles of a database that its log reader reads, which are those of all transactional publications, and their version.
    pub fn database_articles(&self, database: &DatabaseName) -> Result<(u64, Vec<Article>), CatalogError> {
        let mut articles = Vec::new();
        let publications = self.publications_of(database)?.into_iter();
        for publication in publications.filter(|p| p.kind == PublicationKind::Transactional) {
            articles.extend(self.articles_of(&publication.name)?);
        }
        Ok((self.database(database)?.map_or(0, |d| d.articles_version), articles))
    }

    /// All subscriptions, by name.
    pub fn subscriptions(&self) -> Result<Vec<SubscriptionEntry>, CatalogError> {
        self.all(Table::Subscription, typed!(Subscription))
    }

    /// A subscription.
    pub fn subscription(&self, name: &str) -> Result<Option<SubscriptionEntry>, CatalogError> {
        self.one(&Key::Subscription(name.to_owned()), typed!(Subscription))
    }

    /// The subscriptions to a publication.
    pub fn subscriptions_to(&self, publication: &str) -> Result<Vec<SubscriptionEntry>, CatalogError> {
        let key = Key::Publication(publication.to_owned()).index_key();
        let mut subscriptions = self.subscriptions()?;
        subscriptions.retain(|s| Key::Publication(s.subscription.publication.clone()).index_key() == key);
        Ok(subscriptions)
    }

    /// All snapshots, also of publications that were dropped, oldest first.
    pub fn snapshots(&self) -> Result<Vec<Snapshot>, CatalogError> {
        let mut snapshots: Vec<Snapshot> = self.all(Table::Snapshot, typed!(Snapshot))?;
        snapshots.sort_by_key(|s| (first_boundary(&s.boundaries), s.created_at));
        Ok(snapshots)
    }

    /// The snapshots of a publication, oldest first.
    pub fn snapshots_of(&self, publication: &str) -> Result<Vec<Snapshot>, CatalogError> {
        let key = Key::Publication(publication.to_owned()).index_key();
        let mut snapshots = self.snapshots()?;
        snapshots.retain(|s| Key::Publication(s.publication.clone()).index_key() == key);
        Ok(snapshots)
    }

    /// A snapshot.
    pub fn snapshot(&self, id: Uuid) -> Result<Option<Snapshot>, CatalogError> {
        self.one(&Key::Snapshot(id), typed!(Snapshot))
    }

    /// All snapshots that are being taken.
    pub fn pending_snapshots(&self) -> Result<Vec<PendingSnapshot>, CatalogError> {
        self.all(Table::PendingSnapshot, typed!(PendingSnapshot))
    }

    /// The snapshots of a publication that are being taken.
    pub fn pending_snapshots_of(&self, publication: &str) -> Result<Vec<PendingSnapshot>, CatalogError> {
        let key = Key::Publication(publication.to_owned()).index_key();
        let mut pending = self.pending_snapshots()?;
        pending.retain(|s| Key::Publication(s.publication.clone()).index_key() == key);
        Ok(pending)
    }

    /// A snapshot that is being taken.
    pub fn pending_snapshot(&self, id: Uuid) -> Result<Option<PendingSnapshot>, CatalogError> {
        self.one(&Key::PendingSnapshot(id), typed!(PendingSnapshot))
    }

    /// From where an article is read, by its first definition; `None` before the log reader took it up.
    pub fn read_after(&self, article: ArticleId) -> Result<Option<ReadAfter>, CatalogError> {
        self.one(&Key::ReadAfter(article), typed!(ReadAfter))
    }

    /// The tracer tokens of a publication, the newest first.
    pub fn tracers_of(&self, publication: &str) -> Result<Vec<TracerEntry>, CatalogError> {
        let key = Key::Publication(publication.to_owned()).index_key();
        let mut tracers = self.all(Table::Tracer, typed!(Tracer))?;
        tracers.retain(|t: &TracerEntry| Key::Publication(t.publication.clone()).index_key() == key);
        tracers.sort_by_key(|t| std::cmp::Reverse(t.posted_at));
        Ok(tracers)
    }

    /// A tracer token.
    pub fn tracer(&self, token: Uuid) -> Result<Option<TracerEntry>, CatalogError> {
        self.one(&Key::Tracer(token), typed!(Tracer))
    }

    /// The changes of row filters that are under way in a publication.
    pub fn filter_changes_of(&self, publication: &str) -> Result<Vec<FilterChange>, CatalogError> {
        let key = Key::Publication(publication.to_owned()).index_key();
        let mut changes = self.all(Table::FilterChange, typed!(FilterChange))?;
        changes.retain(|c: &FilterChange| Key::Publication(c.publication.clone()).index_key() == key);
        Ok(changes)
    }

    /// All changes of row filters that are under way.
    pub fn filter_changes(&self) -> Result<Vec<FilterChange>, CatalogError> {
        self.all(Table::FilterChange, typed!(FilterChange))
    }

    /// All logins, by name.
    pub fn logins(&self) -> Result<Vec<LoginEntry>, CatalogError> {
        self.all(Table::Login, typed!(Login))
    }

    /// A login.
    pub fn login(&self, name: &str) -> Result<Option<LoginEntry>, CatalogError> {
        self.one(&Key::Login(name.to_owned()), typed!(Login))
    }

    /// All publication databases that ever had a publication here.
    pub fn databases(&self) -> Result<Vec<DatabaseEntry>, CatalogError> {
        self.all(Table::Database, typed!(Database))
    }

    /// A publication database.
    pub fn database(&self, name: &DatabaseName) -> Result<Option<DatabaseEntry>, CatalogError> {
        self.one(&Key::Database(name.clone()), typed!(Database))
    }

    /// The last numbers given out.
    pub fn sequences(&self) -> Result<Sequences, CatalogError> {
        Ok(self.one(&Key::Sequences, typed!(Sequences))?.unwrap_or_default())
    }

    fn one<T>(&self, key: &Key, typed: fn(Entry) -> Option<T>) -> Result<Option<T>, CatalogError> {
        match self.index.get(&key.index_key())? {
            Some(bytes) => Ok(typed(codec::decode(&bytes)?)),
            None => Ok(None),
        }
    }

    fn all<T>(&self, table: Table, typed: fn(Entry) -> Option<T>) -> Result<Vec<T>, CatalogError> {
        let mut found = Vec::new();
        for bytes in self.index.scan(&[table as u8])? {
            found.extend(typed(codec::decode(&bytes)?));
        }
        Ok(found)
    }
}
