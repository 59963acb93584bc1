//! The two directions of a connection.

use super::error::TransportError;
use super::framed::{FrameError, FramedReader, FramedWriter};
use crate::message::{ClientMessage, PING_AFTER, SILENCE_LIMIT, ServerMessage};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until, timeout_at};

pub(super) type ReadHalf = Box<dyn AsyncRead + Send + Unpin>;
pub(super) type WriteHalf = Box<dyn AsyncWrite + Send + Unpin>;

/// A message type with a ping in it.
pub trait Keepalive: Send + Sync + 'static {
    /// The ping.
    fn ping() -> Self;
    /// Whether this is one.
    fn is_ping(&self) -> bool;
}

impl Keepalive for ClientMessage {
    fn ping() -> Self {
        Self::Ping
    }
    fn is_ping(&self) -> bool {
        matches!(self, Self::Ping)
    }
}

impl Keepalive for ServerMessage {
    fn ping() -> Self {
        Self::Ping
    }
    fn is_ping(&self) -> bool {
        matches!(self, Self::Ping)
    }
}

struct Outgoing {
    writer: FramedWriter<WriteHalf>,
    last: Instant,
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The outgoing direction: buffers messages until [`Sender::flush`], pings when there have been none for a while. The direction
/// is closed when the last clone is dropped.
///
/// Sending waits for as long as the other side does not read. Whoever sends much keeps a [`Receiver::next`] going beside it: that one
/// notices when the other side is gone.
pub struct Sender<M = ClientMessage> {
    address: Arc<str>,
    outgoing: Arc<Mutex<Outgoing>>,
    _pings: Arc<AbortOnDrop>,
    messages: PhantomData<fn(M)>,
}

impl<M> Clone for Sender<M> {
    fn clone(&self) -> Self {
        Self {
            address: self.address.clone(),
            outgoing: self.outgoing.clone(),
            _pings: self._pings.clone(),
            messages: PhantomData,
        }
    }
}

impl<M> std::fmt::Debug for Sender<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").field("address", &self.address).finish_non_exhaustive()
    }
}

impl<M: Keepalive + Serialize> Sender<M> {
    pub(super) fn new(address: Arc<str>, writer: FramedWriter<WriteHalf>) -> Self {
        let outgoing = Arc::new(Mutex::new(Outgoing { writer, last: Instant::now() }));
        let pings = tokio::spawn(ping_when_silent::<M>(outgoing.clone()));
        Self { address, outgoing, _pings: Arc::new(AbortOnDrop(pings.abort_handle())), messages: PhantomData }
    }

    /// Adds a message to what waits to be sent. Cancelled, it may have been taken or not: end the connection then.
    pub async fn send(&self, message: &M) -> Result<(), TransportError> {
        let mut outgoing = self.outgoing.lock().await;
        outgoing.last = Instant::now();
        outgoing.writer.send(message).await.map_err(|e| self.error(e))
    }

    /// Sends what waits. Safe to cancel.
    pub async fn flush(&self) -> Result<(), TransportError> {
        let mut outgoing = self.outgoing.lock().await;
        outgoing.writer.flush().await.map_err(|e| self.error(e))
    }

    /// Sends what waits and closes this direction.
    pub async fn shutdown(&self) -> Result<(), TransportError> {
        let mut outgoing = self.outgoing.lock().await;
        outgoing.writer.shutdown().await.map_err(|e| self.error(e))
    }

    fn error(&self, error: FrameError) -> TransportError {
        match error {
            FrameError::Codec(error) => {
                TransportError::protocol(&self.address, format!("a message for it cannot be encoded: {error}"))
            }
            error => TransportError::from_frame(&self.address, error),
        }
    }
}

async fn ping_when_silent<M: Keepalive + Serialize>(outgoing: Arc<Mutex<Outgoing>>) {
    let ping = M::ping();
    let mut due = Instant::now() + PING_AFTER;
    loop {
        sleep_until(due).await;
        let mut outgoing = outgoing.lock().await;
        if outgoing.last + PING_AFTER <= Instant::now() {
            outgoing.last = Instant::now();
            // A failure shows on the owner's next use of either direction.
            if outgoing.writer.send(&ping).await.is_err() || outgoing.writer.flush().await.is_err() {
                return;
            }
        }
        due = outgoing.last + PING_AFTER;
    }
}

/// The incoming direction, without its pings.
pub struct Receiver<M = ServerMessage> {
    address: Arc<str>,
    reader: FramedReader<ReadHalf>,
    /// When the other side was last heard, moved on by the time in which nobody listened.
    heard: Instant,
    /// When somebody last listened.
    listened: Instant,
    messages: PhantomData<fn() -> M>,
}

impl<M> std::fmt::Debug for Receiver<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver").field("address", &self.address).finish_non_exhaustive()
    }
}

impl<M: Keepalive + DeserializeOwned> Receiver<M> {
    pub(super) fn new(address: Arc<str>, reader: FramedReader<ReadHalf>) -> Self {
        let now = Instant::now();
        Self { address, reader, heard: now, listened: now, messages: PhantomData }
    }

    /// The next message. Safe to cancel, so it can stand in a `select!`: nothing is lost, and the silence counts on. Time in which
    /// nobody called it does not count as the other side's silence.
    pub async fn next(&mut self) -> Result<M, TransportError> {
        let now = Instant::now();
        self.heard = (self.heard + now.saturating_duration_since(self.listened)).min(now);
        loop {
            let listening = Listening(&mut self.listened);
            let message = timeout_at(self.heard + SILENCE_LIMIT, self.reader.next::<M>()).await;
            drop(listening);
            match message {
                Err(_) => return Err(TransportError::silent(&self.address, SILENCE_LIMIT, "")),
                Ok(Err(error)) => return Err(TransportError::from_frame(&self.address, error)),
                Ok(Ok(None)) => return Err(TransportError::closed(&self.address, "")),
                Ok(Ok(Some(message))) => {
                    self.heard = Instant::now();
                    if !message.is_ping() {
                        return Ok(message);
                    }
                }
            }
        }
    }
}

/// Notes when listening ended, also when it was cancelled.
struct Listening<'a>(&'a mut Instant);

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        *self.0 = Instant::now();
    }
}
