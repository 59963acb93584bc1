//! The snapshots that are loaded, opened.

use super::refresh;
use crate::error::{Error, ErrorKind};
use crate::session::SnapshotAccess;
use proto::Article;
use proto::catalog::{PublicationKind, Snapshot};
use proto::snapshot::SnapshotToLoad;
use sqlserver::state::{Part, PartState, SubscriptionRow};
use std::sync::Arc;
use uuid::Uuid;
use workdir::SnapshotReader;

/// An article in a snapshot.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) article: Article,
    pub(super) reader: Arc<SnapshotReader>,
    /// The snapshot's folder as the distributor names it.
    pub(super) location: String,
}

impl Source {
    /// The snapshot.
    pub(super) fn snapshot(&self) -> Uuid {
        self.reader.manifest().id
    }

    /// Its parts, none of them loaded.
    pub(super) fn parts(&self) -> Vec<Part> {
        let data = self.reader.article(self.article.id).map(|article| article.data.as_slice()).unwrap_or_default();
        let part = (1..).zip(data).map(|(number, data)| Part {
            article: self.article.id,
            number,
            range: data.range.clone(),
            boundary: data.boundary,
            snapshot: Some(self.snapshot()),
            state: PartState::Waiting,
        });
        part.collect()
    }
}

/// Opens a snapshot where it lies for this process.
pub(super) async fn open_one(access: &SnapshotAccess, location: &str, id: Uuid) -> Result<SnapshotReader, Error> {
    let opened = match &access.working_directory {
        Some(url) => SnapshotReader::open_in(workdir::open(url, &access.credentials)?, id).await,
        None => SnapshotReader::open(location, &access.credentials).await,
    };
    opened.map_err(|error| match error.is_not_found() {
        true => {
            let message = format!(
                "{error}. Set `working-directory` to where this machine sees the snapshots; if they are gone, take a new one with \
                 `publisher snapshot`"
            );
            Error::because(ErrorKind::Invalid, message, error)
        }
        false => error.into(),
    })
}

/// Opens the snapshots and finds the articles in them.
pub(super) async fn open(
    access: &SnapshotAccess,
    subscription: &SubscriptionRow,
    snapshots: &[SnapshotToLoad],
) -> Result<Vec<Source>, Error> {
    let mut sources: Vec<Source> = Vec::new();
    for SnapshotToLoad { snapshot, articles } in snapshots {
        let reader = Arc::new(open_one(access, &snapshot.location, snapshot.id).await?);
        check(&reader, subscription, snapshot)?;
        for id in articles {
            // An article with several boundaries may be named with each.
            if sources.iter().any(|source| source.article.id == *id) {
                continue;
            }
            let found = reader.article(*id)?;
            if found.data.is_empty() {
                return Err(Error::invalid(format!(
                    "the snapshot at {} holds no data file of {}; make a new snapshot",
                    snapshot.location, found.article.source
                )));
            }
            let article = found.article.clone();
            let article = match reader.manifest().publication.kind {
                PublicationKind::Transactional => article,
                PublicationKind::Snapshot => refresh::waiting(article),
            };
            sources.push(Source { article, reader: Arc::clone(&reader), location: snapshot.location.clone() });
        }
    }
    Ok(sources)
}

fn check(reader: &SnapshotReader, subscription: &SubscriptionRow, snapshot: &Snapshot) -> Result<(), Error> {
    let of = &reader.manifest().publication.name;
    if of.to_lowercase() == subscription.publication.to_lowercase() && reader.manifest().id == snapshot.id {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the snapshot at {} is of publication {of}, not of {}",
        snapshot.location, subscription.publication
    )))
}
