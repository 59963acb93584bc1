//! The thread that owns a queue's log.
//!
//! It takes what has come meanwhile as a group, writes it, makes it durable with one sync, and only then acknowledges it and lets
//! readers see it. A group that cannot be written (no space, a failing disk) is kept in memory and tried again every second; meanwhile
//! the budget fills up and the log reader's connection is no longer read. Nothing is dropped.

use super::record;
use crate::core::intake::{Input, Intake, Output};
use crate::log::{LogError, LogStore, LogView, Place, Record};
use proto::catalog::DatabaseName;
use proto::message::Refusal;
use proto::{Chunk, Lsn, Marker, MarkerKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use uuid::Uuid;

/// Bytes of rows that may wait in memory for the log, over which the log reader is no longer read.
const BUDGET: usize = 32 << 20;
/// Bytes of rows after which a group is written.
const GROUP: usize = 8 << 20;
/// Unit of the budget.
const PERMIT: usize = 1 << 10;
/// Between two attempts to write what could not be written.
pub const RETRY: Duration = Duration::from_secs(1);
/// Messages that may wait.
const MESSAGES: usize = 1024;

/// What of a queue is durable, and what has come since the process started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Readers may read up to here.
    pub offset: u64,
    /// Everything committed up to here is durable.
    pub lsn: Option<Lsn>,
    /// Counted units up to here, see [`Place::units`].
    pub units: u64,
    /// Commit time at `lsn`, be it of a transaction or of progress.
    pub position_time: Option<i64>,
    /// [`Chunk::committed_at`] of the newest transaction.
    pub last_commit: Option<i64>,
    /// Transactions taken since the process started.
    pub transactions: u64,
    /// Changes taken since the process started.
    pub changes: u64,
    /// When what is at `lsn` became durable, microseconds since 1970-01-01 UTC; `None` before anything did since the process started.
    pub durable_at: Option<i64>,
    /// Why nothing can be written at the moment.
    pub paused: Option<String>,
}

/// A tracer token that is durable in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracerSeen {
    /// Its database.
    pub database: DatabaseName,
    /// Itself.
    pub token: Uuid,
    /// Its transaction.
    pub lsn: Lsn,
    /// [`Chunk::committed_at`].
    pub committed_at: i64,
    /// When it became durable, microseconds since 1970-01-01 UTC.
    pub durable_at: i64,
}

/// Who is told of tracer tokens.
pub type TracerSender = mpsc::UnboundedSender<TracerSeen>;

/// Why a queue does not take part any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// The log reader did something wrong, or was fenced off.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The process is ending.
    #[error("the distributor is stopping")]
    Stopping,
}

/// Where a log reader goes on, and when that was committed.
type Position = (Option<Lsn>, Option<i64>);

enum Command {
    Attach { epoch: u64, reply: oneshot::Sender<Position>, refused: oneshot::Sender<Refusal> },
    Intake { input: Input, _budget: Option<OwnedSemaphorePermit> },
    DropBefore(u64),
}

/// A handle to a publication database's queue. The thread ends, with everything durable that was taken, after the last one is dropped.
#[derive(Clone)]
pub struct Queue {
    commands: mpsc::Sender<Command>,
    committed: watch::Receiver<Committed>,
    view: Arc<dyn LogView>,
    budget: Arc<Semaphore>,
    stopping: Arc<AtomicBool>,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("committed", &*self.committed.borrow()).finish_non_exhaustive()
    }
}

/// A log reader's way into the queue.
#[derive(Debug)]
pub struct Attached {
    /// Its epoch.
    pub epoch: u64,
    /// Everything up to here is durable.
    pub position: Option<Lsn>,
    /// Commit time there.
    pub position_time: Option<i64>,
    /// Told when the queue ends its attachment.
    pub refused: oneshot::Receiver<Refusal>,
}

impl Queue {
    /// Starts the thread. `epoch` is the last one given out; `tracers` is told of tracer tokens once they are durable.
    pub fn start(
        database: &DatabaseName,
        log: Box<dyn LogStore>,
        epoch: u64,
        tracers: TracerSender,
    ) -> Result<Self, LogError> {
        let view = log.view();
        let end = log.unit_end();
        let lsn = end.key.map(record::lsn);
        let (last_commit, position_time) = last_times(&*view, end)?;
        let committed = Committed {
            offset: end.offset,
            lsn,
            units: end.units,
            position_time,
            last_commit,
            transactions: 0,
            changes: 0,
            durable_at: None,
            paused: None,
        };
        let (commands, received) = mpsc::channel(MESSAGES);
        let (publish, committed) = watch::channel(committed);
        let stopping = Arc::new(AtomicBool::new(false));
        let writer = Writer {
            database: database.clone(),
            log,
            intake: Intake::recovered(epoch, lsn),
            publish,
            attached: None,
            tracers,
            stopping: stopping.clone(),
        };
        std::thread::Builder::new()
            .name("queue".to_owned())
            .spawn(move || writer.run(received))
            .map_err(LogError::io("start a thread for", std::path::Path::new("the queue")))?;
        Ok(Self { commands, committed, view, budget: Arc::new(Semaphore::new(BUDGET / PERMIT)), stopping })
    }

    /// What is durable, with every later state.
    pub fn committed(&self) -> watch::Receiver<Committed> {
        self.committed.clone()
    }

    /// For reading. Calls block.
    pub fn view(&self) -> Arc<dyn LogView> {
        self.view.clone()
    }

    /// Attaches a log reader with a new epoch, which fences off every earlier one.
    pub async fn attach(&self, epoch: u64) -> Result<Attached, QueueError> {
        let (reply, replied) = oneshot::channel();
        let (refuse, mut refused) = oneshot::channel();
        self.send(Command::Attach { epoch, reply, refused: refuse }).await?;
        match replied.await {
            Ok((position, position_time)) => Ok(Attached { epoch, position, position_time, refused }),
            Err(_) => Err(refused.try_recv().map_or(QueueError::Stopping, QueueError::Refused)),
        }
    }

    /// Hands over chunks; waits while too much waits for the disk. Whether they were good shows in [`Attached::refused`].
    pub async fn append(&self, epoch: u64, chunks: Vec<Chunk>) -> Result<(), QueueError> {
        let bytes: usize = chunks.iter().map(|c| c.payload_bytes() + 64 * (c.segments.len() + 1)).sum();
        let permits = bytes.div_ceil(PERMIT).clamp(1, BUDGET / PERMIT) as u32;
        let budget = self.budget.clone().acquire_many_owned(permits).await.map_err(|_| QueueError::Stopping)?;
        self.send(Command::Intake { input: Input::Append { epoch, chunks }, _budget: Some(budget) }).await
    }

    /// Hands over progress.
    pub async fn progress(&self, epoch: u64, lsn: Lsn, committed_at: i64) -> Result<(), QueueError> {
        self.send(Command::Intake { input: Input::Progress { epoch, lsn, committed_at }, _budget: None }).await
    }

    /// Ends an attachment; its unfinished transaction is forgotten.
    pub async fn detach(&self, epoch: u64) -> Result<(), QueueError> {
        self.send(Command::Intake { input: Input::Detach { epoch }, _budget: None }).await
    }

    /// Drops what lies before an offset, as far as whole pieces do.
    pub async fn drop_before(&self, offset: u64) -> Result<(), QueueError> {
        self.send(Command::DropBefore(offset)).await
    }

    /// Ends the thread's attempts to write what cannot be written; the log reader will send it again to the next process.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Waits until the thread has ended. Every other handle must be dropped.
    pub async fn ended(self) {
        let Self { commands, mut committed, .. } = self;
        drop(commands);
        while committed.changed().await.is_ok() {}
    }

    async fn send(&self, command: Command) -> Result<(), QueueError> {
        self.commands.send(command).await.map_err(|_| QueueError::Stopping)
    }
}

/// Commit times of the newest transaction, if it is the queue's last record, and of whatever that is.
fn last_times(view: &dyn LogView, end: Place) -> Result<(Option<i64>, Option<i64>), LogError> {
    let mut reader = view.reader();
    let before_last = end.key.and_then(|key| key.checked_sub(1));
    if reader.seek_after(before_last, end.offset).is_err() {
        return Ok((None, None));
    }
    let (mut newest, mut position) = (None, None);
    while let Some(head) = reader.next(end.offset)? {
        match record::head(&head) {
            Ok(record::Head::Chunk { committed_at, .. }) => {
                newest = Some(committed_at);
                position = newest;
            }
            Ok(record::Head::Progress { committed_at }) => position = Some(committed_at),
            Err(_) => {}
        }
    }
    Ok((newest, position))
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}

struct Writer {
    database: DatabaseName,
    log: Box<dyn LogStore>,
    intake: Intake,
    publish: watch::Sender<Committed>,
    /// Epoch of the attached log reader, and how it hears of the end.
    attached: Option<(u64, oneshot::Sender<Refusal>)>,
    tracers: TracerSender,
    stopping: Arc<AtomicBool>,
}

/// What has been taken and is to be made durable with one sync.
#[derive(Default)]
struct Group {
    records: Vec<Record>,
    bytes: usize,
    transactions: u64,
    changes: u64,
    last_commit: Option<i64>,
    position_time: Option<i64>,
    /// Tracer tokens with their transactions' LSNs and commit times.
    tracers: Vec<(Uuid, Lsn, i64)>,
    replies: Vec<(oneshot::Sender<Position>, Option<Lsn>)>,
    budget: Vec<OwnedSemaphorePermit>,
}

impl Writer {
    fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        while let Some(first) = commands.blocking_recv() {
            let mut group = Group::default();
            let mut next = Some(first);
            while let Some(command) = next {
                if self.take(command, &mut group).is_err() {
                    return;
                }
                next = if group.bytes < GROUP { commands.try_recv().ok() } else { None };
            }
            if self.commit(&mut group).is_err() {
                return;
            }
        }
    }

    fn take(&mut self, command: Command, group: &mut Group) -> Result<(), QueueError> {
        match command {
            Command::DropBefore(offset) => {
                self.commit(group)?;
                if let Err(error) = self.log.drop_before(offset) {
                    tracing::warn!(database = %self.database, %error, "what is no longer needed could not be dropped; tried again later");
                }
            }
            Command::Attach { epoch, reply, refused } => {
                let outputs = self.intake.handle(Input::Attach { epoch });
                let mut refused = Some(refused);
                let mut reply = Some(reply);
                for output in outputs {
                    match output {
                        Output::Attached { epoch, position } => {
                            self.attached = refused.take().map(|refused| (epoch, refused));
                            group.replies.extend(reply.take().map(|reply| (reply, position)));
                        }
                        Output::Refuse { refusal, .. } => {
                            // Whoever asked is gone: nobody to tell.
                            let _ = refused.take().map(|refused| refused.send(refusal));
                        }
                        other => self.act(other, group)?,
                    }
                }
            }
            Command::Intake { input, _budget } => {
                group.budget.extend(_budget);
                if let Input::Detach { epoch } = &input {
                    self.attached.take_if(|(attached, _)| attached == epoch);
                }
                for output in self.intake.handle(input) {
                    self.act(output, group)?;
                }
            }
        }
        Ok(())
    }

    fn act(&mut self, output: Output, group: &mut Group) -> Result<(), QueueError> {
        match output {
            Output::Write(chunks) => {
                for chunk in chunks {
                    group.bytes += chunk.payload_bytes();
                    group.changes += chunk.changes();
                    if chunk.last {
                        group.transactions += 1;
                        group.last_commit = Some(chunk.committed_at);
                        group.position_time = group.last_commit;
                        if let Some(Marker { kind: MarkerKind::Tracer, token }) = chunk.marker {
                            group.tracers.push((token, chunk.lsn, chunk.committed_at));
                        }
                    }
                    group.records.extend(self.encoded(record::chunk(chunk)));
                }
            }
            Output::WriteProgress(lsn, committed_at) => {
                group.position_time = Some(committed_at);
                group.records.extend(self.encoded(record::progress(lsn, committed_at)));
            }
            Output::Rewind => {
                self.commit(group)?;
                let unit_end = self.log.unit_end();
                self.persist("forget an unfinished transaction", |log| log.rewind(unit_end))?;
            }
            Output::Refuse { epoch, refusal } => {
                tracing::warn!(database = %self.database, epoch, %refusal, "a log reader's message was refused");
                if let Some((_, refused)) = self.attached.take_if(|(attached, _)| *attached == epoch) {
                    let _ = refused.send(refusal);
                }
            }
            Output::Attached { .. } | Output::Durable { .. } => {}
        }
        Ok(())
    }

    /// What came from the network within a frame always fits a record.
    fn encoded(&self, record: Result<Record, proto::codec::CodecError>) -> Option<Record> {
        record
            .inspect_err(|error| tracing::error!(database = %self.database, %error, "a record cannot be encoded"))
            .ok()
    }

    /// Makes a group durable, acknowledges it and lets readers see it.
    fn commit(&mut self, group: &mut Group) -> Result<(), QueueError> {
        let group = std::mem::take(group);
        if !group.records.is_empty() {
            let start = self.log.end();
            let mut failed = false;
            self.persist("write the queue", |log| {
                if failed {
                    log.rewind(start)?;
                }
                failed = true;
                log.write(&group.records)?;
                log.sync()
            })?;
            let durable_at = now();
            let moved = self.intake.handle(Input::Synced);
            let end = self.log.unit_end();
            self.publish.send_modify(|committed| {
                committed.offset = end.offset;
                committed.units = end.units;
                for output in moved {
                    if let Output::Durable { lsn } = output {
                        committed.lsn = Some(lsn);
                        committed.durable_at = Some(durable_at);
                    }
                }
                committed.transactions += group.transactions;
                committed.changes += group.changes;
                committed.last_commit = group.last_commit.or(committed.last_commit);
                committed.position_time = group.position_time.or(committed.position_time);
            });
            for (token, lsn, committed_at) in group.tracers {
                let database = self.database.clone();
                // Nobody listens when the process ends.
                let _ = self.tracers.send(TracerSeen { database, token, lsn, committed_at, durable_at });
            }
        }
        for (reply, position) in group.replies {
            let _ = reply.send((position, self.publish.borrow().position_time));
        }
        Ok(())
    }

    /// Tries until it works, visibly.
    fn persist(
        &mut self,
        what: &str,
        mut attempt: impl FnMut(&mut dyn LogStore) -> Result<(), LogError>,
    ) -> Result<(), QueueError> {
        loop {
            match attempt(&mut *self.log) {
                Ok(()) => {
                    if self.publish.borrow().paused.is_some() {
                        tracing::info!(database = %self.database, "the queue goes on");
                        self.publish.send_modify(|committed| committed.paused = None);
                    }
                    return Ok(());
                }
                Err(error) => {
                    let reason = error.to_string();
                    tracing::warn!(database = %self.database, error = reason, "cannot {what}; nothing is lost, tried again every second");
                    self.publish.send_modify(|committed| committed.paused = Some(reason));
                    if self.stopping.load(Ordering::Relaxed) {
                        return Err(QueueError::Stopping);
                    }
                    std::thread::sleep(RETRY);
                }
            }
        }
    }
}
