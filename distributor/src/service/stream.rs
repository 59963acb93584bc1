//! A subscription's stream: from the queue to its connection.

use super::connection::{Client, Wire};
use super::requests::change;
use super::state::{Database, State, now};
use super::tracers;
use crate::catalog::{Contents, plan};
use crate::core::subscriptions::{StreamId, expired, fold, overtaken};
use crate::log::LogError;
use crate::queue::Delivery;
use proto::catalog::PublicationKind;
use proto::message::{ClientMessage, Refusal, RefusalKind, ServerMessage};
use proto::transport::{Receiver, Sender, TransportError};
use proto::{Article, ArticleId, Lsn};
use std::sync::Arc;
use tokio::sync::watch;

/// Why a stream ended.
enum Ended {
    Connection(TransportError),
    Refused(Refusal),
}

impl From<TransportError> for Ended {
    fn from(error: TransportError) -> Self {
        Self::Connection(error)
    }
}

impl From<Refusal> for Ended {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Frees a subscription for the next connection, also when this one's task is ended in the middle.
struct Streaming {
    state: Arc<State>,
    id: StreamId,
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.state.close_stream(self.id);
    }
}

pub(super) async fn serve(
    state: Arc<State>,
    client: Client,
    mut wire: Wire,
    name: String,
    position: Lsn,
    articles: Vec<ArticleId>,
) -> Result<(), TransportError> {
    let ended = match stream(&state, &client, &mut wire, &name, position, articles).await {
        Ok(never) => match never {},
        Err(ended) => ended,
    };
    match ended {
        Ended::Connection(error) => {
            tracing::info!(subscription = name, peer = client.peer, %error, "subscriber disconnected");
            Ok(())
        }
        Ended::Refused(refusal) => {
            tracing::warn!(subscription = name, peer = client.peer, %refusal, "subscriber sent away");
            wire.refuse(refusal).await
        }
    }
}

enum Never {}

async fn stream(
    state: &Arc<State>,
    client: &Client,
    wire: &mut Wire,
    name: &str,
    position: Lsn,
    held: Vec<ArticleId>,
) -> Result<Never, Ended> {
    let (database, articles) = find(state, name).await?;
    let (id, ended) = state.open_stream();
    let streaming = Streaming { state: state.clone(), id };
    let kept_after = database.kept_after();
    state.with_subscriptions(|subscriptions| subscriptions.subscribe(name, id, &client.peer, position, kept_after))?;
    let mut registered = state.snapshots.registered();
    registered.mark_changed();
    // Before the definitions are looked at: the delivery looks at those that come behind this.
    let limit = database.queue.committed().borrow().offset;
    let (subscription, has) = (name.to_owned(), held.clone());
    let streams = move |contents: Contents<'_>| plan::subscription_streams(contents, &subscription, &has, position);
    change(state, streams).await?;

    // Never those of another publication.
    let ids: Vec<ArticleId> = articles.iter().map(|a| a.id).filter(|id| held.contains(id)).collect();
    let view = database.queue.view();
    let started = state.blocking(move |_| Ok(Delivery::start(&*view, ids, position, limit))).await?;
    let delivery = started.map_err(|error| unreadable(name, position, &database, &error))?;
    wire.tell(&ServerMessage::Subscribed { articles }).await?;
    tracing::info!(subscription = name, peer = client.peer, %position, "subscriber connected");

    let streamed = tokio::select! {
        ended = incoming(&mut wire.receiver, state, name, id) => ended,
        ended = deliver(state, &wire.sender, &database, (name, position), delivery, registered) => ended,
        refusal = ended => Err(refusal.unwrap_or_else(|_| stopping()).into()),
    };
    drop(streaming);
    streamed
}

async fn find(state: &Arc<State>, name: &str) -> Result<(Arc<Database>, Vec<Article>), Refusal> {
    let wanted = name.to_owned();
    let found = state
        .read(move |contents| {
            let Some(entry) = contents.subscription(&wanted)? else { return Ok(None) };
            contents.publication(&entry.subscription.publication)
        })
        .await?;
    let publication = found.ok_or_else(|| {
        let message = format!("there is no subscription `{name}`; `subscriber subscription add` makes one");
        Refusal::new(RefusalKind::NotFound, message)
    })?;
    if publication.kind == PublicationKind::Snapshot {
        let message = format!(
            "publication `{}` is of the type snapshot: it is loaded from its snapshots, nothing of it is streamed",
            publication.name
        );
        return Err(Refusal::new(RefusalKind::Invalid, message));
    }
    let database = state.database(&publication.database).ok_or_else(stopping)?;
    // What comes into force later arrives in its place in the stream.
    let durable = database.queue.committed().borrow().lsn;
    let articles = state.read(move |contents| contents.definitions_up_to(&publication.name, durable)).await?;
    Ok((database, articles))
}

async fn incoming(
    receiver: &mut Receiver<ClientMessage>,
    state: &Arc<State>,
    name: &str,
    id: StreamId,
) -> Result<Never, Ended> {
    loop {
        match receiver.next().await? {
            ClientMessage::Report(report) if fold(&report.subscription) == fold(name) => {
                tracers::arrived(state, &report, now()).await;
                state.with_subscriptions(|subscriptions| subscriptions.report(report, Some(id), None, now()))?;
            }
            _ => return Err(Refusal::new(RefusalKind::Invalid, "a subscriber does not say this in its stream").into()),
        }
    }
}

async fn deliver(
    state: &Arc<State>,
    sender: &Sender<ServerMessage>,
    database: &Arc<Database>,
    (name, position): (&str, Lsn),
    mut delivery: Delivery,
    mut registered: watch::Receiver<u64>,
) -> Result<Never, Ended> {
    let mut committed = database.queue.committed();
    let mut told = None;
    loop {
        if registered.has_changed().unwrap_or(false) {
            registered.mark_unchanged();
            let (subscription, kept_after) = (name.to_owned(), database.kept_after());
            let ask = move |contents: Contents<'_>| Ok(plan::something_to_load(contents, &subscription, kept_after));
            if state.read(ask).await?? {
                sender.send(&ServerMessage::SnapshotReady).await?;
            }
        }
        let limit = committed.borrow_and_update().offset;
        let (read, returned) = state.blocking(move |_| Ok((delivery.read(limit), delivery))).await?;
        delivery = returned;
        let batch = read.map_err(|error| unreadable(name, told.unwrap_or_default(), database, &error))?;
        if let Some(definition) = batch.overtaken {
            return Err(overtaken(name, &definition, position).into());
        }
        let passed_over = batch.chunks.is_empty();
        if !passed_over {
            sender.send(&ServerMessage::Deliver { chunks: batch.chunks }).await?;
        }
        if let Some(lsn) = batch.complete.filter(|lsn| (batch.drained || passed_over) && told != Some(*lsn)) {
            sender.send(&ServerMessage::CaughtUp { lsn }).await?;
            told = Some(lsn);
        }
        sender.flush().await?;
        if batch.drained {
            tokio::select! {
                changed = committed.changed() => changed.map_err(|_| stopping())?,
                changed = registered.changed() => {
                    changed.map_err(|_| stopping())?;
                    registered.mark_changed();
                }
            }
        }
    }
}

fn unreadable(name: &str, position: Lsn, database: &Database, error: &LogError) -> Refusal {
    match error {
        LogError::Gone => expired(name, position, database.kept_after().unwrap_or_default()),
        error => Refusal::new(RefusalKind::Internal, format!("the queue of {} cannot be read: {error}", database.name)),
    }
}

fn stopping() -> Refusal {
    Refusal::new(RefusalKind::Internal, "the distributor is stopping")
}
