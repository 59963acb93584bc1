//! A publication database's log reader: from its connection into the queue.

use super::connection::{Client, Wire};
use super::requests::change;
use super::state::{Database, LogReader, State, lock, now};
use crate::catalog::{Contents, plan};
use crate::core::clock::Measurement;
use crate::queue::writer::{Attached, Committed, QueueError};
use proto::catalog::{DatabaseName, PublicationKind, Response};
use proto::message::{ClientMessage, Refusal, RefusalKind, ServerMessage};
use proto::transport::{Receiver, Sender, TransportError};
use proto::{Article, Lsn};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

/// For an earlier connection of the same process to be ended.
const TAKE_OVER: Duration = Duration::from_secs(10);

/// Longest reason of a log reader's end that is kept, in characters.
const MAX_ERROR: usize = 4000;

/// Why a log reader's stream ended.
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

impl From<QueueError> for Ended {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Refused(refusal) => Self::Refused(refusal),
            QueueError::Stopping => Self::Refused(Refusal::new(RefusalKind::Internal, error.to_string())),
        }
    }
}

pub(super) async fn serve(
    state: Arc<State>,
    client: Client,
    mut wire: Wire,
    name: DatabaseName,
    reader: Uuid,
) -> Result<(), TransportError> {
    let database = match claim(&state, &client, &name, reader).await {
        Ok(database) => database,
        Err(refusal) => {
            tracing::warn!(database = %name, peer = client.peer, %refusal, "a log reader was not attached");
            return wire.refuse(refusal).await;
        }
    };
    // From here on the claim is this connection's, also when its task is ended in the middle.
    let claimed = Claim(database.clone());
    let ended = attached(&state, &client, &database, &mut wire).await;
    drop(claimed);
    match ended {
        Ended::Connection(error) => {
            tracing::info!(database = %database.name, peer = client.peer, %error, "log reader detached");
            Ok(())
        }
        Ended::Refused(refusal) => {
            tracing::warn!(database = %database.name, peer = client.peer, %refusal, "log reader detached");
            wire.refuse(refusal).await
        }
    }
}

struct Claim(Arc<Database>);

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.log_reader.send_replace(None);
    }
}

/// Takes the one place that a database has for a log reader.
async fn claim(
    state: &Arc<State>,
    client: &Client,
    name: &DatabaseName,
    reader: Uuid,
) -> Result<Arc<Database>, Refusal> {
    let wanted = name.clone();
    let publications = state.read(move |contents| contents.publications_of(&wanted)).await?;
    let database = state.database(name).filter(|_| !publications.is_empty()).ok_or_else(|| {
        let message = format!("there is no publication of {name}; `publisher publication add` makes one");
        Refusal::new(RefusalKind::NotFound, message)
    })?;
    if publications.iter().all(|p| p.kind == PublicationKind::Snapshot) {
        let message = format!(
            "nothing is to be read from the log of {name}: its publications are all of the type snapshot, which `publisher snapshot` \
             brings to their subscribers"
        );
        return Err(Refusal::new(RefusalKind::Invalid, message));
    }
    let paused = database.queue.committed().borrow().paused.clone();
    if let Some(reason) = paused {
        return Err(Refusal::new(RefusalKind::Busy, format!("the queue of {name} cannot be written: {reason}")));
    }
    let mine = LogReader { reader, peer: client.peer.clone(), since: now(), in_use: None, superseded: false };
    let take = |slot: &mut Option<LogReader>| match slot {
        None => {
            *slot = Some(mine.clone());
            true
        }
        Some(other) if other.reader == reader && !other.superseded => {
            other.superseded = true;
            true
        }
        Some(_) => false,
    };
    let mut watched = database.log_reader.subscribe();
    let deadline = tokio::time::Instant::now() + TAKE_OVER;
    loop {
        let mut taken = false;
        database.log_reader.send_if_modified(|slot| {
            taken = slot.is_none();
            take(slot)
        });
        if taken {
            return Ok(database);
        }
        let other = watched.borrow_and_update().clone();
        let Some(other) = other else { continue };
        let gone = other.reader == reader
            && tokio::time::timeout_at(deadline, watched.wait_for(Option::is_none)).await.is_ok_and(|w| w.is_ok());
        if !gone {
            let message = format!(
                "log reader {} is attached to {name} since {} s; there can be one only",
                other.peer,
                now().saturating_sub(other.since) / 1_000_000
            );
            return Err(Refusal::new(RefusalKind::Busy, message));
        }
    }
}

async fn attached(state: &Arc<State>, client: &Client, database: &Arc<Database>, wire: &mut Wire) -> Ended {
    let attachment = async {
        let epoch = state.next_epoch(&database.name).await?;
        Ok::<_, Ended>(database.queue.attach(epoch).await?)
    };
    let attachment = match attachment.await {
        Ok(attachment) => attachment,
        Err(ended) => return ended,
    };
    let epoch = attachment.epoch;
    // Detaching has to be heard of also when this task is ended in the middle.
    let _detach = Detach { database: database.clone(), epoch };
    match stream(state, client, database, wire, attachment).await {
        Ok(never) => match never {},
        Err(ended) => ended,
    }
}

struct Detach {
    database: Arc<Database>,
    epoch: u64,
}

impl Drop for Detach {
    fn drop(&mut self) {
        let (queue, epoch) = (self.database.queue.clone(), self.epoch);
        // The queue's thread may have ended before.
        tokio::spawn(async move { queue.detach(epoch).await });
    }
}

enum Never {}

async fn stream(
    state: &Arc<State>,
    client: &Client,
    database: &Arc<Database>,
    wire: &mut Wire,
    attachment: Attached,
) -> Result<Never, Ended> {
    let Attached { epoch, position, position_time, refused } = attachment;
    database.with_clock(|clock| clock.attached());
    let name = database.name.clone();
    change(state, move |contents| plan::forget_undone(contents, &name, position)).await?;
    let mut versions = database.articles_version.subscribe();
    versions.mark_unchanged();
    let name = database.name.clone();
    let with_unread = move |contents: Contents<'_>| {
        let (version, articles) = contents.database_articles(&name)?;
        let unread = contents.unread(&articles, position)?;
        Ok((version, articles, unread))
    };
    let (version, articles, unread) = state.read(with_unread).await?;
    taken_up(state, database, version, position).await?;
    let count = articles.len();
    wire.tell(&ServerMessage::Attached { epoch, position, position_time, version, articles, unread }).await?;
    tracing::info!(database = %database.name, peer = client.peer, epoch, position = ?position, articles = count, "log reader attached");
    lock(&database.log_reader_error).take();

    let mut watched = database.log_reader.subscribe();
    let superseded = async {
        let seen = watched.wait_for(|slot| slot.as_ref().is_some_and(|reader| reader.superseded)).await;
        drop(seen);
    };
    let mut watched = database.replaced.subscribe();
    let replaced = async {
        let seen = watched.wait_for(|replaced| *replaced).await;
        drop(seen);
    };
    tokio::select! {
        ended = incoming(&mut wire.receiver, &wire.sender, state, database, epoch, position) => ended,
        ended = outgoing(state, &wire.sender, database, versions, version, position) => ended,
        refused = refused => match refused {
            Ok(refusal) => Err(refusal.into()),
            Err(_) => Err(QueueError::Stopping.into()),
        },
        () = replaced => {
            Err(Refusal::new(RefusalKind::Busy, "the queue of this database begins anew; attach again").into())
        }
        () = superseded => {
            Err(Refusal::new(RefusalKind::Fenced, "this log reader attached over another connection").into())
        }
    }
}

async fn incoming(
    receiver: &mut Receiver<ClientMessage>,
    sender: &Sender<ServerMessage>,
    state: &Arc<State>,
    database: &Arc<Database>,
    attached: u64,
    mut read: Option<Lsn>,
) -> Result<Never, Ended> {
    loop {
        match receiver.next().await? {
            ClientMessage::Append { epoch, chunks } => {
                read = read.max(chunks.last().map(|chunk| chunk.lsn));
                database.queue.append(epoch, chunks).await?;
            }
            ClientMessage::Progress { epoch, lsn, committed_at } => {
                read = read.max(Some(lsn));
                database.queue.progress(epoch, lsn, committed_at).await?
            }
            ClientMessage::AlterArticle { epoch, article } => {
                let altered = alter(state, database, epoch, *article).await;
                sender.send(&ServerMessage::ArticleAltered(altered)).await?;
                sender.flush().await?;
            }
            ClientMessage::ArticlesInUse { epoch, version } if epoch == attached => {
                taken_up(state, database, version, read).await?;
            }
            ClientMessage::Clock { epoch, sent_at, local_ahead, utc_ahead, uncertainty } if epoch == attached => {
                let measurement = Measurement { sent_at, received_at: now(), local_ahead, utc_ahead, uncertainty };
                database.with_clock(|clock| clock.measured(measurement));
            }
            ClientMessage::Stopped { epoch, error } if epoch == attached => {
                let error: String = error.chars().take(MAX_ERROR).collect();
                tracing::warn!(database = %database.name, "log reader stopped: {error}");
                *lock(&database.log_reader_error) = Some((error, now()));
            }
            ClientMessage::ArticlesInUse { .. } | ClientMessage::Clock { .. } | ClientMessage::Stopped { .. } => {}
            _ => return Err(Refusal::new(RefusalKind::Invalid, "a log reader does not say this").into()),
        }
    }
}

/// Gives an article a new definition, durably.
async fn alter(
    state: &Arc<State>,
    database: &Arc<Database>,
    epoch: u64,
    article: Article,
) -> Result<Box<Article>, Refusal> {
    let (name, source) = (database.name.clone(), article.source.clone());
    // Read before the plan is made: it only ever grows, and what this log reader sent before is not meant by the rule.
    let durable = database.queue.committed().borrow().lsn;
    let mut altered = article.clone();
    let plan = move |contents: Contents<'_>| plan::article_alter(contents, &name, epoch, durable, article.clone());
    match change(state, plan).await? {
        Response::ArticleAdded(id) => {
            let since = altered.since.unwrap_or_default();
            tracing::info!(database = %database.name, article = %id, %since, "{source} has a new definition");
            altered.id = id;
            Ok(Box::new(altered))
        }
        _ => Err(Refusal::new(RefusalKind::Internal, "the catalog gave an unexpected answer")),
    }
}

/// The log reader reads with this version of the articles what comes after `read`.
async fn taken_up(
    state: &Arc<State>,
    database: &Arc<Database>,
    version: u64,
    read: Option<Lsn>,
) -> Result<(), Refusal> {
    let name = database.name.clone();
    change(state, move |contents| plan::articles_taken_up(contents, &name, version, read)).await?;
    database.log_reader.send_modify(|slot| {
        if let Some(reader) = slot {
            reader.in_use = Some(version);
        }
    });
    Ok(())
}

async fn outgoing(
    state: &Arc<State>,
    sender: &Sender<ServerMessage>,
    database: &Arc<Database>,
    mut versions: watch::Receiver<u64>,
    mut version: u64,
    mut durable: Option<Lsn>,
) -> Result<Never, Ended> {
    let mut committed = database.queue.committed();
    let mut paused: Option<String> = None;
    loop {
        let now: Committed = committed.borrow_and_update().clone();
        if now.paused != paused {
            sender
                .send(&match &now.paused {
                    Some(reason) => ServerMessage::Paused { reason: reason.clone() },
                    None => ServerMessage::Resumed,
                })
                .await?;
            paused = now.paused;
        }
        if let Some(lsn) = now.lsn.filter(|lsn| durable < Some(*lsn)) {
            sender.send(&ServerMessage::Durable { lsn }).await?;
            durable = Some(lsn);
        }
        if *versions.borrow_and_update() > version {
            let name = database.name.clone();
            let (newer, articles) = state.read(move |contents| contents.database_articles(&name)).await?;
            sender.send(&ServerMessage::Articles { version: newer, articles }).await?;
            version = newer;
        }
        sender.flush().await?;
        let changed = tokio::select! {
            changed = committed.changed() => changed,
            changed = versions.changed() => changed,
        };
        changed.map_err(|_| QueueError::Stopping)?;
    }
}
