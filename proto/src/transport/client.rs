//! A client's connection to the distributor.

use super::error::TransportError;
use super::framed::{FramedReader, FramedWriter};
use super::halves::{ReadHalf, Receiver, Sender, WriteHalf};
use super::{ClientTls, ConnectOptions, tls};
use crate::catalog::{Request, Response};
use crate::message::{ClientMessage, Hello, MAGIC, PROTOCOL_VERSION, ServerMessage};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// For each of: the TCP connection, the TLS handshake, the answer to the login.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For the answer to a request. Longer than the distributor waits for others on our behalf.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// A logged-in connection.
#[derive(Debug)]
pub struct Connection {
    address: Arc<str>,
    sender: Sender<ClientMessage>,
    receiver: Receiver<ServerMessage>,
    software: String,
}

impl Connection {
    /// Connects and logs in.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, TransportError> {
        let address: Arc<str> = options.address.as_str().into();
        let (read, write) = open(options).await?;
        let (mut reader, mut writer) = (FramedReader::new(read), FramedWriter::new(write));
        let hello = ClientMessage::Hello(Hello {
            magic: MAGIC,
            protocol: PROTOCOL_VERSION,
            software: env!("CARGO_PKG_VERSION").to_owned(),
            client: options.client.clone(),
            login: options.login.clone(),
            password: options.password.to_string(),
        });
        let answer = async {
            writer.send(&hello).await?;
            writer.flush().await?;
            reader.next::<ServerMessage>().await
        };
        let answer = timeout(CONNECT_TIMEOUT, answer)
            .await
            .map_err(|_| TransportError::silent(&address, CONNECT_TIMEOUT, " after the login"))?
            .map_err(|e| TransportError::from_frame(&address, e))?;
        match answer {
            Some(ServerMessage::Welcome { protocol, software }) if protocol >= PROTOCOL_VERSION => Ok(Self {
                sender: Sender::new(address.clone(), writer),
                receiver: Receiver::new(address.clone(), reader),
                address,
                software,
            }),
            Some(ServerMessage::Welcome { protocol, software }) => Err(TransportError::protocol(
                &address,
                format!(
                    "the distributor ({software}) speaks protocol version {protocol}, this program \
                     ({}) speaks {PROTOCOL_VERSION}: upgrade the distributor first",
                    env!("CARGO_PKG_VERSION")
                ),
            )),
            Some(ServerMessage::Refused(refusal)) => Err(TransportError::refused(&address, refusal)),
            Some(_) => Err(TransportError::protocol(&address, "it did not answer the login")),
            None => Err(TransportError::closed(
                &address,
                " in answer to the login; if this goes on, check that both sides agree on TLS",
            )),
        }
    }

    /// Where it is connected to.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The distributor's software version.
    pub fn software(&self) -> &str {
        &self.software
    }

    /// One administrative request. A refusal comes as [`TransportError::Refused`]. After any other error, or when cancelled, the
    /// connection must not be used again.
    pub async fn request(&mut self, request: Request) -> Result<Response, TransportError> {
        let answer = async {
            self.sender.send(&ClientMessage::Request(Box::new(request))).await?;
            self.sender.flush().await?;
            self.receiver.next().await
        };
        let answer = timeout(REQUEST_TIMEOUT, answer)
            .await
            .map_err(|_| TransportError::silent(&self.address, REQUEST_TIMEOUT, " after a request"))??;
        match answer {
            ServerMessage::Response(Ok(response)) => Ok(response),
            ServerMessage::Response(Err(refusal)) | ServerMessage::Refused(refusal) => {
                Err(TransportError::refused(&self.address, refusal))
            }
            _ => Err(TransportError::protocol(&self.address, "it answered a request with something else")),
        }
    }

    /// Says something that is not answered.
    pub async fn tell(&mut self, message: &ClientMessage) -> Result<(), TransportError> {
        self.sender.send(message).await?;
        self.sender.flush().await
    }

    /// The two directions, for a stream.
    pub fn into_split(self) -> (Sender<ClientMessage>, Receiver<ServerMessage>) {
        (self.sender, self.receiver)
    }
}

async fn open(options: &ConnectOptions) -> Result<(ReadHalf, WriteHalf), TransportError> {
    let address = &options.address;
    let unreachable = |detail: String| TransportError::Unreachable { address: address.clone(), detail };
    // Before the network, so that a missing file is not hidden by a distributor that is down.
    let tls = match &options.tls {
        ClientTls::Off => None,
        ClientTls::Ca(ca) => {
            Some((tls::client(ca, address)?, tls::server_name(address, options.server_name.as_deref())?))
        }
    };
    let stream = timeout(CONNECT_TIMEOUT, TcpStream::connect(address.as_str()))
        .await
        .map_err(|_| unreachable(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs())))?
        .map_err(|e| unreachable(e.to_string()))?;
    stream.set_nodelay(true).map_err(|e| unreachable(e.to_string()))?;
    let Some((config, name)) = tls else {
        let (read, write) = stream.into_split();
        return Ok((Box::new(read), Box::new(write)));
    };
    let stream = timeout(CONNECT_TIMEOUT, TlsConnector::from(config).connect(name, stream))
        .await
        .map_err(|_| TransportError::silent(address, CONNECT_TIMEOUT, " in the TLS handshake"))?
        .map_err(|e| match TransportError::from_io(address, &e) {
            TransportError::Closed { address, detail } => TransportError::Closed {
                address,
                detail: format!("{detail} in the TLS handshake; if this goes on, check that it serves TLS"),
            },
            other => other,
        })?;
    let (read, write) = tokio::io::split(stream);
    Ok((Box::new(read), Box::new(write)))
}
