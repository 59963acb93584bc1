//! `publisher run`: the loop around the log reader's [core](crate::core).
//!
//! It carries out what the core says and tells it what came of it: asks the server, keeps the streams of a slice going, and passes
//! messages to and from the distributor. When anything fails that can pass, both connections are made anew and reading goes on from
//! what the distributor has on disk.

mod constraints;
mod drive;
mod extending;
mod extension;
mod heartbeat;
mod log;
mod pool;
mod schema;

use self::constraints::Watch;
use self::extending::Extending;
use self::heartbeat::Heartbeat;
use self::log::{Batch, Log, Published, Slice};
use crate::core::{Input, LogReader, Output, Source};
use crate::error::{Error, ErrorKind};
use crate::publication::now;
use crate::retry::{Backoff, is_final};
use proto::catalog::DatabaseName;
use proto::message::{ClientMessage, ServerMessage};
use proto::transport::{ConnectOptions, Connection, Receiver, Sender, TransportError};
use sqlserver::{ServerOptions, marker};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use uuid::Uuid;

/// Pause between polls right after there was something.
const QUICK_POLL: Duration = Duration::from_millis(10);
/// Polls without anything new before the pauses grow.
const QUICK_POLLS: u32 = 50;
/// How often the capture instances are looked at while reading goes on.
const INSPECT_EVERY: Duration = Duration::from_secs(60);
/// For the distributor's answer to `Attach`.
const ATTACH_TIMEOUT: Duration = Duration::from_secs(60);
/// For telling the distributor goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// How the log reader runs.
#[derive(Debug, Clone)]
pub struct ReaderOptions {
    /// The publication database.
    pub server: ServerOptions,
    /// The distributor.
    pub distributor: ConnectOptions,
    /// Longest pause between two polls of an idle database.
    pub poll_interval: Duration,
    /// Read the log into the change tables, in place of a capture job.
    pub drive_capture: bool,
    /// Pause after the last transaction before a heartbeat is written; none are if it is zero.
    pub heartbeat_interval: Duration,
}

/// Runs until `shutdown` completes, or until something happens that trying again does not help.
pub async fn run(options: &ReaderOptions, shutdown: impl Future<Output = ()> + Send) -> Result<(), Error> {
    let mut shutdown = std::pin::pin!(shutdown);
    let reader = Uuid::new_v4();
    let mut backoff = Backoff::default();
    loop {
        let mut attached = None;
        let error = tokio::select! {
            ended = Box::pin(read(options, reader, &mut attached)) => match ended {
                Ok(never) => match never {},
                Err(error) => error,
            },
            () = &mut shutdown => {
                tracing::info!("log reader stopped");
                return Ok(());
            }
        };
        let worked = attached.map_or(Duration::ZERO, |since| since.elapsed());
        let Some(pause) = backoff.after(&error, worked) else { return Err(error) };
        tracing::warn!("log reader: {error}; next attempt in {:.1} s", pause.as_secs_f64());
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = &mut shutdown => return Ok(()),
        }
    }
}

/// Attaches, notes since when, and reads until something fails.
async fn read(
    options: &ReaderOptions,
    reader: Uuid,
    since: &mut Option<Instant>,
) -> Result<std::convert::Infallible, Error> {
    let mut log = Log::open(&options.server).await?;
    let database = log.facts().await?.name;
    let (sender, mut receiver) = Connection::connect(&options.distributor).await?.into_split();
    sender.send(&ClientMessage::Attach { database: database.clone(), reader }).await?;
    sender.flush().await?;
    let attached = tokio::time::timeout(ATTACH_TIMEOUT, receiver.next())
        .await
        .map_err(|_| Error::new(ErrorKind::Transient, "the distributor does not answer"))??;
    let (epoch, attached) = match attached {
        ServerMessage::Attached { epoch, position, position_time, version, articles, unread } => {
            let at = position.map_or_else(|| "the beginning".to_owned(), |lsn| lsn.to_string());
            tracing::info!(
                "log reader attached to {} for {database}: {} articles, from {at}, epoch {epoch}",
                options.distributor.address,
                articles.len()
            );
            (epoch, Input::Attached { epoch, position, position_time, version, articles, unread })
        }
        ServerMessage::Refused(refusal) => return Err(refused(&options.distributor, refusal)),
        _ => return Err(Error::new(ErrorKind::Refused, "the distributor did not answer that the reader is attached")),
    };
    let durable = if let Input::Attached { position, .. } = &attached { *position } else { None };
    *since = Some(Instant::now());
    log.warn_about_capture(options.drive_capture).await?;
    let (inbox, listening) = listen(receiver);
    let mut session = Session {
        options,
        database,
        core: LogReader::new(),
        outputs: VecDeque::new(),
        log,
        articles: Arc::default(),
        generation: 0,
        sender,
        inbox,
        slice: None,
        extending: Extending::new(durable),
        watch: Watch::default(),
        wanted: VecDeque::new(),
        poll_at: None,
        inspected: Instant::now(),
        behind: false,
        heartbeat: Heartbeat::new(options.heartbeat_interval),
        epoch,
        _listening: listening,
    };
    session.tell_clock().await?;
    session.feed(attached);
    let ended = if options.drive_capture {
        tokio::select! {
            ended = session.run() => ended,
            ended = Box::pin(drive::drive(&options.server, options.poll_interval)) => ended,
        }
    } else {
        session.run().await
    };
    if let Err(error) = &ended
        && is_final(error)
    {
        let stopped = ClientMessage::Stopped { epoch, error: error.to_string() };
        // For `status`. The connection may be what failed.
        let _ = tokio::time::timeout(GOODBYE, session.sender.send(&stopped)).await;
    }
    // The distributor notices a closed connection by itself; this only makes it sooner.
    let _ = tokio::time::timeout(GOODBYE, session.sender.shutdown()).await;
    ended
}

fn refused(distributor: &ConnectOptions, refusal: proto::message::Refusal) -> Error {
    TransportError::Refused { address: distributor.address.clone(), refusal }.into()
}

type Inbox = mpsc::UnboundedReceiver<Result<ServerMessage, TransportError>>;

/// A task that is aborted when dropped.
#[derive(Debug)]
struct Aborting<T>(tokio::task::JoinHandle<T>);

impl<T: Send + 'static> Aborting<T> {
    fn spawn(task: impl Future<Output = T> + Send + 'static) -> Self {
        Self(tokio::spawn(task))
    }

    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl<T> Drop for Aborting<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<T> Future for Aborting<Result<T, Error>> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|ended| {
            ended.unwrap_or_else(|error| {
                Err(Error::new(ErrorKind::Transient, format!("a task ended in the middle: {error}")))
            })
        })
    }
}

/// Receives beside everything else, so that both sides can always send. What the distributor says here is small and little: it answers
/// what was sent.
fn listen(mut receiver: Receiver<ServerMessage>) -> (Inbox, Aborting<()>) {
    let (sender, inbox) = mpsc::unbounded_channel();
    let task = tokio::spawn(async move {
        loop {
            let message = receiver.next().await;
            let failed = message.is_err();
            if sender.send(message).is_err() || failed {
                return;
            }
        }
    });
    (inbox, Aborting(task))
}

/// One attachment.
struct Session<'a> {
    options: &'a ReaderOptions,
    database: DatabaseName,
    core: LogReader,
    outputs: VecDeque<Output>,
    log: Log,
    /// The core's articles, in its order.
    articles: Arc<Vec<Published>>,
    /// Of these, see [`LogReader::generation`].
    generation: u64,
    sender: Sender<ClientMessage>,
    inbox: Inbox,
    slice: Option<Slice>,
    extending: Extending,
    watch: Watch,
    /// Sources of which the core wants more.
    wanted: VecDeque<Source>,
    poll_at: Option<tokio::time::Instant>,
    inspected: Instant,
    /// It was said that capture is behind what was read.
    behind: bool,
    heartbeat: Heartbeat,
    epoch: u64,
    _listening: Aborting<()>,
}

impl Session<'_> {
    async fn run(&mut self) -> Result<std::convert::Infallible, Error> {
        loop {
            while let Some(output) = self.outputs.pop_front() {
                self.carry_out(output).await?;
            }
            self.sender.flush().await?;
            tokio::select! {
                message = self.inbox.recv() => self.received(message)?,
                batch = next_batch(&mut self.slice, &mut self.extending, self.wanted.front().copied()), if !self.wanted.is_empty() => {
                    self.fetched(batch?);
                }
                () = pause_until(self.poll_at), if self.poll_at.is_some() => self.poll().await?,
                () = self.heartbeat.due(), if !self.articles.is_empty() => self.heartbeat.beat(&mut self.log, &self.options.server).await?,
            }
        }
    }

    fn feed(&mut self, input: Input) {
        self.outputs.extend(self.core.handle(input, now()));
    }

    async fn carry_out(&mut self, output: Output) -> Result<(), Error> {
        match output {
            Output::Inspect => {
                self.slice = None;
                self.wanted.clear();
                self.inspect().await?;
            }
            Output::Poll { idle } => {
                self.slice = None;
                // Without articles there is nothing to read; the distributor says when there are.
                let any = !self.articles.is_empty();
                self.poll_at = any.then(|| tokio::time::Instant::now() + pause(idle, self.options.poll_interval));
            }
            Output::Read { after, up_to } => {
                self.take_up()?;
                let (active, tables, slice) = self.log.read(&self.articles, after, up_to).await?;
                let observed = if active.is_empty() {
                    None
                } else {
                    self.watch.observe(&mut self.log, &self.options.server, &self.articles, after, up_to).await?
                };
                let history = schema::history(self, &active, after, up_to, observed).await?;
                if !history.statements.is_empty() {
                    self.extending.look();
                }
                self.wanted.clear();
                self.slice = Some(slice);
                self.feed(Input::ChangeTables(tables));
                self.feed(Input::Active(active, history));
            }
            Output::Fetch(source) => {
                if source == Source::Backfill {
                    self.read_values();
                }
                self.wanted.push_back(source);
            }
            Output::Verify => {
                let tables = self.log.change_tables().await?;
                self.feed(Input::ChangeTables(tables));
            }
            Output::Append { epoch, chunks } => {
                self.heartbeat.postpone();
                self.sender.send(&ClientMessage::Append { epoch, chunks }).await?;
            }
            Output::Progress { epoch, lsn, committed_at } => {
                self.sender.send(&ClientMessage::Progress { epoch, lsn, committed_at }).await?;
            }
            Output::AlterArticle { epoch, article } => {
                let since = article.since.unwrap_or_default();
                tracing::info!(
                    "{} has another definition at {since}: it is read with that from there on",
                    article.source
                );
                self.sender.send(&ClientMessage::AlterArticle { epoch, article }).await?;
            }
            Output::ArticlesInUse { epoch, version } => {
                tracing::info!("the articles changed: {} are read now", self.articles.len());
                self.sender.send(&ClientMessage::ArticlesInUse { epoch, version }).await?;
            }
            Output::Stop(problem) => {
                return Err(Error::new(ErrorKind::Problem, format!("{}: {problem}", self.database)));
            }
        }
        Ok(())
    }

    async fn inspect(&mut self) -> Result<(), Error> {
        self.inspected = Instant::now();
        let (history, instances) = self.log.inspect(self.core.known()).await?;
        if let Some(history) = history {
            self.feed(Input::History(history));
        }
        self.feed(Input::Instances(instances.clone()));
        let articles: Vec<_> = self.core.articles().collect();
        // A problem of the articles themselves is said first.
        let stops = self.outputs.iter().any(|output| matches!(output, Output::Stop(_)));
        let marked = instances.iter().any(|instance| instance.name == marker::CAPTURE_INSTANCE);
        if !articles.is_empty() && !stops && !marked {
            return Err(no_marker(&self.database));
        }
        self.extending.inspected(&articles, &instances);
        self.take_up()?;
        let sent = self.core.sent().unwrap_or_default();
        let late = !schema::unfollowed(&self.core, &mut self.log, sent).await?.is_empty();
        self.watch.look(&mut self.log, &self.options.server, &self.articles, late).await
    }

    /// Reads with the core's articles from now on.
    fn take_up(&mut self) -> Result<(), Error> {
        if self.generation != self.core.generation() {
            self.articles = Arc::new(self.core.articles().map(Published::new).collect::<Result<_, _>>()?);
            self.generation = self.core.generation();
        }
        Ok(())
    }

    async fn poll(&mut self) -> Result<(), Error> {
        self.poll_at = None;
        if self.inspected.elapsed() >= INSPECT_EVERY {
            self.inspect().await?;
            self.tell_clock().await?;
        }
        let captured = self.log.captured().await?;
        self.extend(captured).await?;
        let was_behind = self.behind;
        self.feed(Input::Captured(captured));
        self.behind = self.core.is_behind();
        if self.behind && !was_behind {
            tracing::warn!(
                "the log of {} is captured up to a point behind what was read of it: was it restored? Waiting for capture to come there",
                self.database
            );
        }
        Ok(())
    }

    async fn tell_clock(&mut self) -> Result<(), Error> {
        let clock = self.log.clock(self.epoch).await?;
        Ok(self.sender.send(&clock).await?)
    }

    fn fetched(&mut self, batch: Batch) {
        let Some(source) = self.wanted.pop_front() else { return };
        let input = match (batch, source) {
            (Batch::Changes(rows), Source::Article(article)) => Input::Changes { article, rows },
            (Batch::Markers(rows), _) => Input::Markers(rows),
            (Batch::Commits(rows), _) => Input::Commits(rows),
            (Batch::Backfill(changes), _) => Input::Backfill(changes),
            (Batch::End | Batch::Changes(_), source) => Input::End(source),
        };
        self.feed(input);
    }

    fn received(&mut self, message: Option<Result<ServerMessage, TransportError>>) -> Result<(), Error> {
        let closed = || Error::new(ErrorKind::Transient, "the connection to the distributor ended");
        match message.ok_or_else(closed)?? {
            ServerMessage::Durable { lsn } => {
                self.extending.durable(lsn);
                self.feed(Input::Durable(lsn));
            }
            ServerMessage::Articles { version, articles } => self.feed(Input::Articles { version, articles }),
            ServerMessage::ArticleAltered(Ok(article)) => {
                self.extending.registered(&article);
                self.feed(Input::Altered(article));
            }
            // The article was dropped meanwhile, or another log reader took over: attaching anew shows how things are.
            ServerMessage::ArticleAltered(Err(refusal)) => {
                return Err(Error::new(
                    ErrorKind::Transient,
                    format!("the distributor did not take a definition: {refusal}"),
                ));
            }
            ServerMessage::Paused { reason } => {
                tracing::warn!(
                    "the distributor cannot take more for now: {reason}; nothing is lost, reading goes on when it can"
                );
            }
            ServerMessage::Resumed => tracing::info!("the distributor goes on"),
            ServerMessage::Refused(refusal) => return Err(refused(&self.options.distributor, refusal)),
            other => tracing::debug!("not for a log reader: {}", name(&other)),
        }
        Ok(())
    }
}

/// Without its capture snapshots would wait for their boundaries in vain.
fn no_marker(database: &DatabaseName) -> Error {
    let message = format!(
        "{database}: change data capture of the table {table}, which marks the boundaries of snapshots, was disabled. Enable it again: \
         EXEC sys.sp_cdc_enable_table @source_schema = N'{schema}', @source_name = N'{name}', @role_name = NULL, \
         @capture_instance = N'{instance}', @supports_net_changes = 0; a snapshot that was being taken is to be taken again",
        table = marker::table_name(),
        schema = marker::table_name().schema,
        name = marker::table_name().table,
        instance = marker::CAPTURE_INSTANCE
    );
    Error::new(ErrorKind::Problem, message)
}

/// Of a message, for logs: its content may hold rows.
fn name(message: &ServerMessage) -> &'static str {
    match message {
        ServerMessage::Deliver { .. } => "Deliver",
        ServerMessage::CaughtUp { .. } => "CaughtUp",
        ServerMessage::Subscribed { .. } => "Subscribed",
        _ => "another message",
    }
}

async fn next_batch(
    slice: &mut Option<Slice>,
    extending: &mut Extending,
    source: Option<Source>,
) -> Result<Batch, Error> {
    match (slice, source) {
        (_, Some(Source::Backfill)) => extending.next().await.map_or(Ok(Batch::End), |next| next.map(Batch::Backfill)),
        (Some(slice), Some(source)) => slice.next(source).await,
        _ => Ok(Batch::End),
    }
}

async fn pause_until(at: Option<tokio::time::Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at).await;
    }
}

/// Pause before a poll: short after activity, then growing by a quarter each up to the interval.
fn pause(idle: u32, interval: Duration) -> Duration {
    match idle.checked_sub(QUICK_POLLS) {
        None if idle == 0 => Duration::ZERO,
        None => QUICK_POLL.min(interval),
        Some(slow) => QUICK_POLL.mul_f64(1.25f64.powi(slow.min(60) as i32)).min(interval),
    }
}

#[cfg(test)]
mod tests {
    use super::pause;
    use std::time::Duration;

    #[test]
    fn polls_are_quick_after_activity_and_rare_when_idle() {
        let interval = Duration::from_millis(500);
        assert_eq!(pause(0, interval), Duration::ZERO);
        assert_eq!(pause(1, interval), Duration::from_millis(10));
        assert!(pause(60, interval) > Duration::from_millis(10));
        assert_eq!(pause(1_000, interval), interval);
        assert_eq!(pause(1, Duration::from_millis(5)), Duration::from_millis(5));
    }
}
