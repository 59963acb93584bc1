//! When a session makes new columns join their articles, and when it drops the capture instances that are left over.

use super::extension::{self, Changes, Plan, Prepared};
use super::{Aborting, Session};
use crate::article::PREFIX;
use crate::core::Input;
use crate::error::{Error, ErrorKind};
use proto::{Article, Lsn, TableName};
use sqlserver::cdc::CaptureInstance;
use sqlserver::{Client, ServerOptions, marker};
use tokio::sync::mpsc;
use uuid::Uuid;

/// Batches of new columns' values that wait to be merged.
const BATCHES_AHEAD: usize = 2;

/// What is going on beside the reading.
#[derive(Debug, Default)]
pub(super) struct Extending {
    /// Whether tables may have new columns.
    look: bool,
    /// Whether there are capture instances that nothing is read from.
    leftover: bool,
    /// The marker, and what is being done up to it.
    underway: Option<Underway>,
    tidying: Option<Aborting<Result<(), Error>>>,
    /// Sees a table as it was at the marker.
    view: Option<(Client, TableName)>,
    /// Values of new columns.
    values: Option<mpsc::Receiver<Result<Changes, Error>>>,
    reading: Option<Aborting<()>>,
    /// Everything up to here is durable at the distributor.
    durable: Option<Lsn>,
    /// A definition that counts from here on was registered.
    registered: Option<Lsn>,
}

#[derive(Debug)]
struct Underway {
    token: Uuid,
    task: Option<Aborting<Result<Prepared, Error>>>,
    prepared: Option<Prepared>,
}

impl Extending {
    /// At the beginning of an attachment.
    pub fn new(durable: Option<Lsn>) -> Self {
        Self { look: true, durable, ..Self::default() }
    }

    /// A table may have new columns.
    pub fn look(&mut self) {
        self.look = true;
    }

    /// A definition was registered.
    pub fn registered(&mut self, article: &Article) {
        self.registered = self.registered.max(article.since);
        (self.look, self.leftover) = (true, true);
    }

    pub fn durable(&mut self, lsn: Lsn) {
        self.durable = self.durable.max(Some(lsn));
    }

    /// The capture instances were looked at.
    pub fn inspected(&mut self, articles: &[&Article], instances: &[CaptureInstance]) {
        self.look = true;
        self.leftover = instances.iter().any(|instance| {
            let ours = instance.name.starts_with(PREFIX);
            let published = articles.iter().any(|a| a.capture.source == instance.source_object_id);
            ours && published && !articles.iter().any(|a| a.capture.instance == instance.name)
        });
    }

    /// The next values of new columns; `None` at their end.
    pub async fn next(&mut self) -> Option<Result<Changes, Error>> {
        self.values.as_mut()?.recv().await
    }

    /// Whether the definitions in use count for good, so that nothing needs those before them any more.
    fn is_settled(&self) -> bool {
        self.registered <= self.durable
    }
}

impl Session<'_> {
    /// Between two slices: goes on with what new columns take, as far as the log is captured.
    pub(super) async fn extend(&mut self, captured: Option<(Lsn, i64)>) -> Result<(), Error> {
        if self.extending.tidying.as_ref().is_some_and(Aborting::is_finished)
            && let Some(tidied) = self.extending.tidying.take()
            && let Err(error) = tidied.await
        {
            tracing::warn!(
                "a capture instance that is not read any more could not be dropped: {error}; tried again later"
            );
        }
        if self.extending.underway.is_some() {
            return self.follow(captured).await;
        }
        if self.extending.tidying.is_some() || !self.extending.is_settled() {
            return Ok(());
        }
        if std::mem::take(&mut self.extending.look) {
            self.begin().await?;
        }
        if self.extending.underway.is_none() && std::mem::take(&mut self.extending.leftover) {
            let articles = self.core.articles().cloned().collect();
            self.extending.tidying = Some(Aborting::spawn(extension::tidy(self.server(), articles)));
        }
        Ok(())
    }

    /// What is done beside the reading shows as that at the server.
    fn server(&self) -> ServerOptions {
        let server = &self.options.server;
        ServerOptions { application_name: format!("{} schema change", server.application_name), ..server.clone() }
    }

    /// Starts to make new columns of a table join its articles, if there are any.
    async fn begin(&mut self) -> Result<(), Error> {
        let mut grown = sqlserver::extension::grown_tables(self.log.client()).await.map_err(super::log::dropped)?;
        grown.retain(|source| self.articles.iter().any(|p| p.article.capture.source == *source));
        if grown.is_empty() {
            return Ok(());
        }
        let unreplicated = crate::publication::unreplicated(&self.options.distributor).await?;
        let wanted = extension::wanted(self.log.client(), &self.articles, &unreplicated, &grown).await?;
        let Some(source) = wanted.first().copied() else { return Ok(()) };
        let articles = self.core.articles().filter(|a| a.capture.source == source).cloned().collect();
        let token = Uuid::new_v4();
        let plan = Plan { server: self.server(), source, articles, unreplicated, token };
        let task = Some(Aborting::spawn(extension::prepare(plan)));
        self.extending.underway = Some(Underway { token, task, prepared: None });
        // There may be others.
        self.extending.look = true;
        Ok(())
    }

    /// Once the marker is captured, plans to go over to the new columns there.
    async fn follow(&mut self, captured: Option<(Lsn, i64)>) -> Result<(), Error> {
        let Some(underway) = &mut self.extending.underway else { return Ok(()) };
        if let Some(task) = underway.task.take_if(|task| task.is_finished()) {
            underway.prepared = Some(task.await?);
        }
        let found = marker::commit(self.log.client(), underway.token).await.map_err(super::log::dropped)?;
        // What is captured was asked before: a marker beyond it may be there by now, and waits.
        let Some((lsn, committed_at)) = found.filter(|(lsn, _)| captured.is_some_and(|(captured, _)| *lsn <= captured))
        else {
            return Ok(());
        };
        let Some(Underway { task, prepared, .. }) = self.extending.underway.take() else { return Ok(()) };
        let prepared = match (prepared, task) {
            (Some(prepared), _) => prepared,
            (None, Some(task)) => task.await?,
            (None, None) => return Err(Error::new(ErrorKind::Transient, "nobody prepared for a marker that is there")),
        };
        let Prepared { mut extension, view } = prepared;
        (extension.lsn, extension.committed_at) = (lsn, committed_at);
        self.extending.view = view.map(|view| (view, extension.table.clone()));
        self.feed(Input::Planned(Box::new(extension)));
        Ok(())
    }

    /// Begins to read what new columns hold, once.
    pub(super) fn read_values(&mut self) {
        let Some((mut view, table)) = self.extending.view.take() else { return };
        let articles: Vec<&Article> = self.core.articles().collect();
        let backfills = self.core.backfill().iter();
        let backfills: Vec<_> =
            backfills.filter_map(|b| Some(((*articles.get(b.article)?).clone(), b.clone()))).collect();
        let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
        self.extending.values = Some(receiver);
        self.extending.reading = Some(Aborting::spawn(async move {
            if let Err(error) = Box::pin(extension::read(&mut view, &table, &backfills, &sender, false)).await {
                // Nobody listens when it was given up.
                let _ = sender.send(Err(error)).await;
            }
        }));
    }
}
