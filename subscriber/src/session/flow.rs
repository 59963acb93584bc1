//! The moving parts of a stream.
//!
//! The loop only moves data: messages from the distributor and answers of the worker go into [`core::stream`](crate::core::stream), its
//! outputs to the worker. The worker applies one output at a time while the loop receives what follows, within bounds. Beside them, articles
//! that joined the publication are loaded ([`super::late`]).

use super::late::{Late, Loaded};
use super::reports::{failure, report, utc_now};
use super::{Until, stopped};
use crate::apply::Applier;
use crate::core::stream::{Input, Output, Stream};
use crate::error::{Error, ErrorKind};
use futures::FutureExt;
use proto::Lsn;
use proto::message::{ClientMessage, Report, ServerMessage};
use proto::transport::{Receiver, Sender, TransportError};
use sqlserver::Client;
use sqlserver::state::{Stage, SubscriptionRow};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// How often the time is told to the stream.
const TICK: Duration = Duration::from_millis(100);
/// How often the progress of a load beside the stream is reported.
const REPORT_LOADING: Duration = Duration::from_secs(1);
/// For what is being applied when the process is asked to end.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// For the distributor to end a connection.
const PARTING: Duration = Duration::from_secs(5);

/// Why a stream is not followed any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paused {
    /// The process was asked to end.
    Stopped,
    /// Everything there was is applied.
    CaughtUp,
    /// The position is past all boundaries, and what the snapshots' scripts make is not there yet.
    Together,
    /// Articles that joined the publication are loaded, and wait for the stream to go on with them.
    Loaded,
}

pub(super) struct Flow {
    row: SubscriptionRow,
    pub(super) stream: Stream,
    sender: Sender<ClientMessage>,
    receiver: Receiver<ServerMessage>,
    work: mpsc::Sender<Output>,
    answers: mpsc::Receiver<Result<(), Error>>,
    worker: JoinHandle<Applier>,
    late: Late,
    began: Instant,
    reported: Instant,
    /// First LSN up to which everything was delivered.
    caught_up: Option<Lsn>,
}

impl Flow {
    /// `row` is the subscription's state where the stream begins.
    pub(super) fn new(
        row: SubscriptionRow,
        stream: Stream,
        applier: Applier,
        (sender, receiver): (Sender<ClientMessage>, Receiver<ServerMessage>),
        late: Late,
    ) -> Self {
        let (work, outputs) = mpsc::channel(1);
        let (answer, answers) = mpsc::channel(1);
        let worker = tokio::spawn(carry_out(applier, outputs, answer));
        let now = Instant::now();
        Self { row, stream, sender, receiver, work, answers, worker, late, began: now, reported: now, caught_up: None }
    }

    /// Applies what comes until the pause, at which nothing is being applied any more. `target` is where a run that is to catch up ends.
    pub(super) async fn run(
        &mut self,
        until: Until,
        target: Option<Lsn>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Paused, Error> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.report().await;
        loop {
            if let Some(paused) = self.pause(until, target) {
                self.end().await?;
                return Ok(paused);
            }
            let wants_more = self.stream.wants_more();
            tokio::select! {
                answer = self.answers.recv() => self.answered(answer).await?,
                message = self.receiver.next(), if wants_more => match message {
                    Ok(message) => self.receive(message).await?,
                    Err(error) => {
                        // What is being applied commits or fails by itself.
                        self.end().await?;
                        return Err(error.into());
                    }
                },
                loaded = self.late.loaded(&self.stream) => match loaded {
                    Loaded::Articles => {
                        self.end().await?;
                        return Ok(Paused::Loaded);
                    }
                    // What is wrong shows in each report from now on.
                    Loaded::Nothing | Loaded::Failed => self.report().await,
                },
                _ = tick.tick() => {
                    if self.late.is_loading() && self.reported.elapsed() >= REPORT_LOADING {
                        self.report().await;
                    }
                    self.take(Input::Tick).await?;
                }
                () = stopped(stop) => {
                    self.end().await?;
                    return Ok(Paused::Stopped);
                }
            }
        }
    }

    fn pause(&self, until: Until, target: Option<Lsn>) -> Option<Paused> {
        let position = self.stream.position();
        let reached = |lsn: Lsn| position >= lsn;
        if self.row.stage == Stage::Synchronizing && reached(self.stream.last_boundary()) {
            return Some(Paused::Together);
        }
        let caught_up = target.is_some_and(reached) || self.caught_up.is_some_and(reached);
        (until != Until::Stopped && caught_up && !self.late.is_loading()).then_some(Paused::CaughtUp)
    }

    /// A message, and all that have arrived behind it.
    async fn receive(&mut self, message: ServerMessage) -> Result<(), Error> {
        self.message(message).await?;
        while self.stream.wants_more() {
            if let Ok(answer) = self.answers.try_recv() {
                self.answered(Some(answer)).await?;
            }
            match self.receiver.next().now_or_never() {
                Some(message) => self.message(message?).await?,
                None => return self.take(Input::Drained).await,
            }
        }
        Ok(())
    }

    async fn message(&mut self, message: ServerMessage) -> Result<(), Error> {
        match message {
            ServerMessage::Deliver { chunks } => {
                for chunk in chunks {
                    self.take(Input::Chunk(chunk)).await?;
                }
                Ok(())
            }
            ServerMessage::CaughtUp { lsn } => {
                self.caught_up.get_or_insert(lsn);
                self.take(Input::CaughtUp(lsn)).await
            }
            ServerMessage::SnapshotReady => {
                self.late.look(&self.stream);
                Ok(())
            }
            ServerMessage::Refused(refusal) => {
                let address = "distributor".to_owned();
                Err(TransportError::Refused { address, refusal }.into())
            }
            ServerMessage::Ping => Ok(()),
            _ => Err(Error::new(
                ErrorKind::Stream,
                "the distributor sent what does not belong into a subscription's stream",
            )),
        }
    }

    async fn answered(&mut self, answer: Option<Result<(), Error>>) -> Result<(), Error> {
        match answer {
            Some(Ok(())) => self.take(Input::Done).await,
            Some(Err(error)) => Err(error),
            None => Err(Error::new(ErrorKind::Transient, "applying ended abnormally")),
        }
    }

    async fn take(&mut self, input: Input) -> Result<(), Error> {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        for output in self.stream.handle(now, input)? {
            if output.wants_answer() {
                // One output is outstanding at most, so there is room. A worker that is gone shows in its answers.
                let _ = self.work.send(output).await;
            } else {
                self.report().await;
            }
        }
        Ok(())
    }

    /// Tells the distributor how it stands.
    async fn report(&mut self) {
        let now = utc_now();
        let (transactions, changes) = self.stream.applied();
        let report = Report {
            position: Some(self.stream.position()),
            transactions,
            changes,
            error: self.late.error().map(ToString::to_string),
            loading: self.late.progress(),
            tracers: self.stream.arrived_tracers().into_iter().map(|token| (token, now)).collect(),
            sent_at: now,
            ..report(&self.row)
        };
        self.reported = Instant::now();
        // A connection that is gone shows where it is received from.
        if self.sender.send(&ClientMessage::Report(report)).await.is_ok() {
            let _ = self.sender.flush().await;
        }
    }

    /// Waits for what is being applied and undoes what cannot be finished.
    async fn end(&mut self) -> Result<(), Error> {
        self.take(Input::Lost).await?;
        while !self.stream.is_idle() {
            let answer = tokio::time::timeout(STOP_LIMIT, self.answers.recv()).await.map_err(|_| {
                Error::new(
                    ErrorKind::Transient,
                    format!("a batch took longer than {STOP_LIMIT:?} to end and was given up"),
                )
            })?;
            self.answered(answer).await?;
        }
        Ok(())
    }

    /// Ends the connection to the distributor after an error, which it is told unless the same can succeed when tried again.
    pub(super) async fn failed(self, error: &Error) {
        if !error.is_transient() {
            let (transactions, changes) = self.stream.applied();
            let report = Report { transactions, changes, ..failure(&self.row, Some(self.stream.position()), error) };
            // The connection may be what failed.
            let _ = self.sender.send(&ClientMessage::Report(report)).await;
        }
        let _ = self.sender.shutdown().await;
    }

    /// Ends the connection to the distributor after a pause. Gives the connection to the database and, where articles could not be
    /// loaded, why.
    pub(super) async fn close(mut self) -> Result<(Client, Option<Error>), Error> {
        let _ = self.sender.shutdown().await;
        // The distributor lets only one stream of a subscription be: the next one is to find this one ended.
        let rest = async { while self.receiver.next().await.is_ok() {} };
        let _ = tokio::time::timeout(PARTING, rest).await;
        drop(self.work);
        let applier = self
            .worker
            .await
            .map_err(|panicked| Error::because(ErrorKind::Transient, "applying ended abnormally", panicked))?;
        Ok((applier.into_client(), self.late.into_error()))
    }
}

/// The worker: carries out one output after the other, until one fails or no more come.
async fn carry_out(
    mut applier: Applier,
    mut outputs: mpsc::Receiver<Output>,
    answers: mpsc::Sender<Result<(), Error>>,
) -> Applier {
    while let Some(output) = outputs.recv().await {
        let done = match output {
            Output::Batch { chunks, position } => Box::pin(applier.batch(&chunks, position)).await,
            Output::Part { chunks, first } => Box::pin(applier.part(&chunks, first)).await,
            Output::Commit { position } => applier.commit(position).await,
            Output::Rollback => applier.rollback().await,
            Output::Move { position } => applier.move_to(position).await,
            Output::Report { .. } => Ok(()),
        };
        let failed = done.is_err();
        if answers.send(done).await.is_err() || failed {
            break;
        }
    }
    applier
}
