//! What the distributor is asked and told while a snapshot is taken.

use super::SnapshotError;
use cli::progress::Tables;
use proto::catalog::{Publication, Request, Response, Snapshot};
use proto::message::RefusalKind;
use proto::snapshot::ListedSnapshot;
use proto::transport::{ConnectOptions, Connection, TransportError};
use proto::{Article, Lsn, SnapshotProgress, TableName};
use std::time::Duration;
use uuid::Uuid;

/// Between two reports of how far a snapshot has come.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// What a snapshot is of.
#[derive(Debug)]
pub(super) struct Begun {
    pub publication: Publication,
    pub articles: Vec<Article>,
    /// The queue has what comes after.
    pub kept_after: Option<Lsn>,
}

/// Requests about snapshots, each on a connection of its own: between them lie the hours that large tables take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conversation<'a>(pub &'a ConnectOptions);

impl Conversation<'_> {
    async fn request(&self, request: Request) -> Result<Response, SnapshotError> {
        Ok(Connection::connect(self.0).await?.request(request).await?)
    }

    /// Begins a snapshot, or goes on with one.
    pub async fn begin(
        &self,
        publication: &str,
        snapshot: Uuid,
        tables: Option<&[TableName]>,
    ) -> Result<Begun, SnapshotError> {
        let articles = tables.map(<[TableName]>::to_vec);
        let request = Request::SnapshotBegin { publication: publication.to_owned(), snapshot, articles };
        match self.request(request).await? {
            Response::SnapshotBegun { publication, articles, .. } if articles.is_empty() => {
                Err(SnapshotError::Invalid(format!(
                    "publication {} has no articles; add one with `publisher article add`",
                    publication.name
                )))
            }
            Response::SnapshotBegun { publication, articles, kept_after } => {
                Ok(Begun { publication, articles, kept_after })
            }
            _ => Err(unexpected()),
        }
    }

    /// The publication of this name, if there is one.
    pub async fn publication(&self, name: &str) -> Result<Option<Publication>, SnapshotError> {
        match self.request(Request::PublicationList).await? {
            Response::Publications(all) => Ok(all.into_iter().find(|p| p.name.to_lowercase() == name.to_lowercase())),
            _ => Err(unexpected()),
        }
    }

    /// The snapshots of a publication, or of one that was dropped.
    pub async fn snapshots(&self, publication: &str) -> Result<Vec<ListedSnapshot>, SnapshotError> {
        match self.request(Request::SnapshotList { publication: Some(publication.to_owned()) }).await? {
            Response::Snapshots(listed) => Ok(listed),
            _ => Err(unexpected()),
        }
    }

    /// Nobody is told of a snapshot from now on; false where somebody needs it.
    pub async fn forget(&self, snapshot: Uuid) -> Result<bool, SnapshotError> {
        match self.request(Request::SnapshotForget { snapshot }).await {
            Err(SnapshotError::Distributor(error))
                if error.refusal().is_some_and(|refusal| refusal.kind == RefusalKind::Busy) =>
            {
                Ok(false)
            }
            done => done.map(|_| true),
        }
    }

    /// All articles of a publication.
    pub async fn articles(&self, publication: &str) -> Result<Vec<Article>, SnapshotError> {
        match self.request(Request::ArticleList { publication: Some(publication.to_owned()) }).await? {
            Response::Articles(articles) => Ok(articles),
            _ => Err(unexpected()),
        }
    }

    /// Makes a finished snapshot known, where it is not yet.
    pub async fn register(&self, snapshot: &Snapshot) -> Result<Registered, SnapshotError> {
        match self.request(Request::SnapshotRegister(snapshot.clone())).await {
            Ok(_) => Ok(Registered::Yes),
            // The same one, under another name of its folder.
            Err(SnapshotError::Distributor(error))
                if error.refusal().is_some_and(|refusal| refusal.kind == RefusalKind::Exists) =>
            {
                Ok(Registered::Yes)
            }
            Err(SnapshotError::Distributor(error)) if is_final(&error) => {
                Ok(Registered::No(SnapshotError::Distributor(error)))
            }
            Err(error) => Err(error),
        }
    }

    /// Says that a snapshot is given up.
    pub async fn give_up(&self, snapshot: Uuid) -> Result<(), SnapshotError> {
        self.request(Request::SnapshotAbandon { snapshot }).await.map(|_| ())
    }

    /// The same. Where that cannot be said, the queue is kept for it until the maximum retention.
    pub async fn abandon(&self, snapshot: Uuid) {
        if let Err(error) = self.give_up(snapshot).await {
            tracing::warn!(%snapshot, %error, "the distributor was not told that the snapshot is given up");
        }
    }

    /// Reports how far a snapshot has come until `work` is done, and why it failed if it did.
    pub async fn report<T>(
        &self,
        snapshot: Uuid,
        publication: &str,
        tables: &Tables,
        work: impl Future<Output = Result<T, SnapshotError>>,
    ) -> Result<T, SnapshotError> {
        let progress = |error: Option<String>| {
            Request::SnapshotProgress(SnapshotProgress {
                snapshot,
                publication: publication.to_owned(),
                begun_at: 0,
                reported_at: 0,
                tables: tables.progress(),
                error,
            })
        };
        let mut work = std::pin::pin!(work);
        let mut connection = None;
        let done = loop {
            // The work goes on while it is reported.
            let report = async {
                match self.tell(&mut connection, progress(None)).await {
                    // It is not waited for any more: what comes of it would be refused.
                    Err(SnapshotError::Distributor(error)) if is_final(&error) => {
                        return Err(SnapshotError::Distributor(error));
                    }
                    Err(error) => {
                        tracing::debug!(%snapshot, %error, "the distributor was not told how far the snapshot is");
                    }
                    Ok(()) => {}
                }
                tokio::time::sleep(REPORT_EVERY).await;
                Ok(())
            };
            tokio::select! {
                done = &mut work => break done,
                told = report => told?,
            }
        };
        if let Err(error) = &done
            && let Err(error) = self.request(progress(Some(error.to_string()))).await
        {
            tracing::debug!(%snapshot, %error, "the distributor was not told that it failed");
        }
        done
    }

    async fn tell(&self, connection: &mut Option<Connection>, request: Request) -> Result<(), SnapshotError> {
        // One that fails in the middle of this is not used again.
        let mut used = match connection.take() {
            Some(connection) => connection,
            None => Connection::connect(self.0).await?,
        };
        used.request(request).await?;
        *connection = Some(used);
        Ok(())
    }
}

fn unexpected() -> SnapshotError {
    SnapshotError::Invalid("the distributor gave an unexpected answer".to_owned())
}

/// Whether a snapshot is refused for good.
fn is_final(error: &TransportError) -> bool {
    let kind = error.refusal().map(|refusal| refusal.kind);
    matches!(kind, Some(RefusalKind::Invalid | RefusalKind::Expired | RefusalKind::NotFound))
}

/// Whether the distributor took a snapshot.
#[derive(Debug)]
pub(super) enum Registered {
    Yes,
    /// Why not; it never will.
    No(SnapshotError),
}
