//! The distributor's side of a connection.

use super::error::TransportError;
use super::framed::{FramedReader, FramedWriter};
use super::halves::{ReadHalf, Receiver, Sender, WriteHalf};
use crate::message::{ClientMessage, Hello, MAGIC, PROTOCOL_VERSION, Refusal, RefusalKind, ServerMessage};
use rustls::ServerConfig;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// For a stranger to complete TLS and say hello.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// Oldest protocol version that is served: messages of earlier ones are laid out otherwise.
pub const OLDEST_PROTOCOL: u16 = 5;

/// A client that has said hello and waits to be let in. Nothing it said has been verified but the version.
pub struct Greeting {
    peer: SocketAddr,
    hello: Hello,
    reader: FramedReader<ReadHalf>,
    writer: FramedWriter<WriteHalf>,
}

impl std::fmt::Debug for Greeting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Greeting").field("peer", &self.peer).field("hello", &self.hello).finish_non_exhaustive()
    }
}

/// Waits, not for long, for what an accepted connection says first. Whatever else it is, it costs a few kilobytes and its
/// connection is closed; the error is for the log.
pub async fn accept(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
) -> Result<Greeting, TransportError> {
    let address = peer.to_string();
    timeout(HELLO_TIMEOUT, greet(stream, peer, tls))
        .await
        .map_err(|_| TransportError::silent(&address, HELLO_TIMEOUT, " without a login"))?
}

async fn greet(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
) -> Result<Greeting, TransportError> {
    let address = peer.to_string();
    stream.set_nodelay(true).map_err(|e| TransportError::from_io(&address, &e))?;
    let (read, write): (ReadHalf, WriteHalf) = match tls {
        None => {
            let (read, write) = stream.into_split();
            (Box::new(read), Box::new(write))
        }
        Some(config) => {
            let stream =
                TlsAcceptor::from(config).accept(stream).await.map_err(|e| TransportError::from_io(&address, &e))?;
            let (read, write) = tokio::io::split(stream);
            (Box::new(read), Box::new(write))
        }
    };
    let (mut reader, writer) = (FramedReader::new(read), FramedWriter::new(write));
    let first = reader.next_hello().await.map_err(|e| TransportError::from_frame(&address, e))?;
    let hello = match first {
        Some(ClientMessage::Hello(hello)) if hello.magic == MAGIC => hello,
        Some(_) => return Err(TransportError::protocol(&address, "it did not begin with a login")),
        None => return Err(TransportError::closed(&address, " before a login")),
    };
    let greeting = Greeting { peer, hello, reader, writer };
    if (OLDEST_PROTOCOL..=PROTOCOL_VERSION).contains(&greeting.hello.protocol) {
        return Ok(greeting);
    }
    let refusal = Refusal::new(
        RefusalKind::Version,
        format!(
            "{} ({}) speaks protocol version {}, this distributor ({}) serves {OLDEST_PROTOCOL} to {PROTOCOL_VERSION}: upgrade \
             the older of the two, the distributor first",
            greeting.hello.client,
            greeting.hello.software,
            greeting.hello.protocol,
            env!("CARGO_PKG_VERSION"),
        ),
    );
    Err(greeting.refuse(refusal).await)
}

impl Greeting {
    /// Who says to be there, and with which login.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Where it comes from.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Lets the client in.
    pub async fn welcome(mut self) -> Result<(Sender<ServerMessage>, Receiver<ClientMessage>), TransportError> {
        let address: Arc<str> = format!("{} ({})", self.peer, self.hello.client).into();
        let welcome =
            ServerMessage::Welcome { protocol: PROTOCOL_VERSION, software: env!("CARGO_PKG_VERSION").to_owned() };
        let sent = async {
            self.writer.send(&welcome).await?;
            self.writer.flush().await
        };
        sent.await.map_err(|e| TransportError::from_frame(&address, e))?;
        Ok((Sender::new(address.clone(), self.writer), Receiver::new(address, self.reader)))
    }

    /// Sends the client away, as far as it listens, and returns the refusal as an error for the log.
    pub async fn refuse(mut self, refusal: Refusal) -> TransportError {
        let message = ServerMessage::Refused(refusal.clone());
        let sent = async {
            self.writer.send(&message).await?;
            self.writer.shutdown().await
        };
        // That it did not hear it changes nothing.
        let _ = timeout(HELLO_TIMEOUT, sent).await;
        TransportError::refused(&self.peer.to_string(), refusal)
    }
}
