//! Articles that joined the publication after the subscription was initialised: loaded beside the stream of the others.
//!
//! The distributor says which snapshots hold articles that the subscription does not have, when a stream begins and whenever such a snapshot
//! is registered. They are loaded over connections of their own, while the stream goes on. Then the session ends the stream at a commit
//! boundary and begins it again with all articles.
//!
//! A load that fails stops nothing else. What passes by itself is tried again like everything else; other errors are logged, shown in the
//! subscription's status while it goes on, and the load is tried again every [`MENDED_AFTER`], since it is usually the subscription
//! database where something must be mended (a table with rows of somebody else). A run that is to catch up fails with that error once the
//! other articles have caught up.

use super::{Settings, connect_beside};
use crate::core::stream::Stream;
use crate::distributor::Distributor;
use crate::error::{Error, ErrorKind};
use crate::initialise;
use crate::retry::Retry;
use cli::progress::Tables;
use proto::ArticleId;
use proto::snapshot::TableProgress;
use sqlserver::state::SubscriptionRow;
use std::time::Duration;
use tokio::task::{JoinError, JoinSet};

/// When a load that failed for a reason that does not pass by itself is tried again.
const MENDED_AFTER: Duration = Duration::from_secs(60);

/// What became of looking for articles to load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loaded {
    /// There are some, and they are loaded.
    Articles,
    /// There are none, or their snapshot is not there yet.
    Nothing,
    /// They could not be loaded: [`Late::error`] says why.
    Failed,
}

/// Looks for articles that the subscription lacks, and loads them.
pub(super) struct Late {
    settings: Settings,
    row: SubscriptionRow,
    /// Definitions that it has.
    has: Vec<ArticleId>,
    /// Those with which the task asks, which it had when that began.
    asked: Vec<ArticleId>,
    /// A failure is tried again here, instead of by whoever runs the session.
    tries_again: bool,
    /// Ends with this.
    task: JoinSet<Result<bool, Error>>,
    /// A snapshot was registered after the task had begun.
    again: bool,
    loading: Tables,
    retry: Retry,
    error: Option<Error>,
}

impl Late {
    /// Begins to look.
    pub(super) fn new(settings: &Settings, row: &SubscriptionRow, has: Vec<ArticleId>, tries_again: bool) -> Self {
        let mut late = Self {
            settings: settings.clone(),
            row: row.clone(),
            has,
            asked: Vec::new(),
            tries_again,
            task: JoinSet::new(),
            again: false,
            loading: Tables::default(),
            retry: Retry::default(),
            error: None,
        };
        late.begin(Duration::ZERO);
        late
    }

    /// Looks, at once or when what is under way has ended, for what the stream lacks.
    pub(super) fn look(&mut self, stream: &Stream) {
        if self.task.is_empty() {
            self.has = stream.has();
            self.begin(Duration::ZERO);
        } else {
            self.again = true;
        }
    }

    fn begin(&mut self, after: Duration) {
        self.asked.clone_from(&self.has);
        let (settings, row, has) = (self.settings.clone(), self.row.clone(), self.has.clone());
        let loading = self.loading.clone();
        self.task.spawn(async move {
            tokio::time::sleep(after).await;
            Box::pin(load(&settings, &row, has, &loading)).await
        });
    }

    /// What became of it, once that is known. Safe to cancel.
    pub(super) async fn loaded(&mut self, stream: &Stream) -> Loaded {
        let Some(ended) = self.task.join_next().await else { return std::future::pending().await };
        // Schema changes may have brought other definitions of the same articles meanwhile.
        self.has = stream.has();
        let again = std::mem::take(&mut self.again);
        match ended.unwrap_or_else(|panicked| Err(ended_abnormally(panicked))) {
            Ok(true) => Loaded::Articles,
            Ok(false) => {
                self.error = None;
                if again {
                    self.begin(Duration::ZERO);
                }
                Loaded::Nothing
            }
            // The question came so late that the distributor knows none of these any more.
            Err(error) if error.kind == ErrorKind::Expired && self.asked != self.has => {
                self.begin(Duration::ZERO);
                Loaded::Nothing
            }
            Err(error) => {
                self.failed(error);
                Loaded::Failed
            }
        }
    }

    fn failed(&mut self, error: Error) {
        let (subscription, publication) = (&self.row.subscription, &self.row.publication);
        let message = format!(
            "articles that joined publication {publication} cannot be loaded; the others are replicated: {error}"
        );
        if self.tries_again {
            let wait = self.retry.after(&error).unwrap_or(MENDED_AFTER);
            tracing::warn!(subscription, publication, retry_in = ?wait, "articles that joined the publication cannot be loaded; the others \
                are replicated: {}", error.without_values());
            self.begin(wait);
        }
        self.error = Some(Error::because(error.kind, message, error));
    }

    /// Whether articles are being loaded, or looked for.
    pub(super) fn is_loading(&self) -> bool {
        !self.task.is_empty()
    }

    /// How far the tables are.
    pub(super) fn progress(&self) -> Vec<TableProgress> {
        if self.is_loading() { self.loading.progress() } else { Vec::new() }
    }

    /// Why articles could not be loaded the last time.
    pub(super) fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// The same, at the end.
    pub(super) fn into_error(self) -> Option<Error> {
        self.error
    }
}

fn ended_abnormally(panicked: JoinError) -> Error {
    Error::because(ErrorKind::Invalid, "loading ended abnormally", panicked)
}

/// Loads what there is beyond the definitions that the subscription `has`. False if there is nothing.
async fn load(
    settings: &Settings,
    row: &SubscriptionRow,
    has: Vec<ArticleId>,
    loading: &Tables,
) -> Result<bool, Error> {
    let mut distributor = Distributor::connect(&settings.distributor).await?;
    let found = distributor.latest_snapshots(&row.publication, has.clone()).await?;
    let Some(mut snapshots) = found else {
        tracing::info!(
            subscription = row.subscription,
            publication = row.publication,
            "articles have joined the publication, and wait for a snapshot; `publisher snapshot` makes one"
        );
        return Ok(false);
    };
    // What the stream applies to is not loaded again, whatever the distributor says.
    snapshots.iter_mut().for_each(|found| found.articles.retain(|id| !has.contains(id)));
    snapshots.retain(|found| !found.articles.is_empty());
    if snapshots.is_empty() {
        return Ok(false);
    }
    let mut client = connect_beside(settings, &row.subscription).await?;
    initialise::load(&mut client, settings, row, &snapshots, loading).await?;
    Ok(true)
}
