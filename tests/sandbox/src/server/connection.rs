//! A connection from its first byte: PRELOGIN, TLS, LOGIN7, then packets in and out while its session's thread works.

use super::attention::Attention;
use super::certificate::Certificate;
use super::response::{CHUNKS_IN_FLIGHT, PRODUCT_VERSION, Response};
use super::transport::{HandshakeFraming, PacketReader, invalid_data};
use super::until_stopped;
use super::worker::{self, Event, Inbox};
use crate::error::SqlError;
use crate::faults::{Line, Point};
use crate::session::Engine;
use crate::tds::login::{self, Login};
use crate::tds::packet::{DEFAULT_PACKET_SIZE, PacketType};
use crate::tds::prelogin::{self, Protection, TlsMode};
use crate::tds::{WireError, packet};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_rustls::TlsAcceptor;

/// Time that a client has until its login record is complete.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(30);
/// Packets from the client that wait for its session: enough that a bulk load's session is not woken for each few rows.
const PACKETS_IN_FLIGHT: usize = 64;
/// First byte of a TLS record: the client speaks TDS 8.0, which starts with TLS.
const TLS_HANDSHAKE: u8 = 0x16;

/// What all connections of a server share.
pub struct Shared {
    /// Opens the sessions.
    pub engine: Arc<dyn Engine>,
    /// Whether to encrypt.
    pub tls: TlsMode,
    /// How, unless `tls` is off.
    pub certificate: Option<Certificate>,
    /// Name in messages.
    pub server_name: Arc<str>,
}

type Reader = Box<dyn AsyncRead + Send + Unpin>;
type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// A connection after its login record was read.
struct Opened {
    reader: Reader,
    writer: Writer,
    login: Result<Login, SqlError>,
}

/// Serves a connection until the client leaves or `stop` turns true.
pub async fn serve(shared: Arc<Shared>, stream: TcpStream, stop: watch::Receiver<bool>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let peer = stream.peer_addr()?.to_string();
    let stopped = until_stopped(stop);
    tokio::pin!(stopped);
    let opened = tokio::select! {
        () = &mut stopped => return Ok(()),
        opened = tokio::time::timeout(HANDSHAKE_LIMIT, open(&shared, stream)) => opened??,
    };
    let Some(Opened { reader, writer, login }) = opened else { return Ok(()) };

    let attention = Arc::new(Attention::default());
    let (event_in, event_out) = mpsc::channel(PACKETS_IN_FLIGHT);
    let (chunk_in, chunk_out) = mpsc::channel(CHUNKS_IN_FLIGHT);
    let packet_size = login.as_ref().map_or(DEFAULT_PACKET_SIZE, |login| login.packet_size);
    let line = {
        let attention = attention.clone();
        Arc::new(Line::new(move || attention.client_gone()))
    };
    let session = (login.map(|login| (login, peer)), attention.clone(), line.clone());
    let ended = start_session(&shared, session, chunk_in, event_out)?;

    let served = tokio::select! {
        () = &mut stopped => Ok(()),
        () = line.until_cut() => Err(io::ErrorKind::ConnectionAborted.into()),
        written = write_chunks(writer, chunk_out, &line) => written,
        read = read_packets(PacketReader::new(reader, packet_size), event_in, &attention, &line) => read,
    };
    // Both channels are closed now: whatever the session does, it finds the client gone.
    line.over();
    // The sender is dropped with the thread.
    let _ = ended.await;
    served
}

/// Starts the session's thread. The receiver resolves when it has ended.
fn start_session(
    shared: &Arc<Shared>,
    (login, attention, line): (worker::Client, Arc<Attention>, Arc<Line>),
    output: mpsc::Sender<Vec<u8>>,
    events: mpsc::Receiver<Event>,
) -> io::Result<oneshot::Receiver<()>> {
    /// The compiler of T-SQL recurses over deeply nested expressions.
    const STACK_BYTES: usize = 8 * 1024 * 1024;
    let (running, ended) = oneshot::channel();
    let shared = shared.clone();
    std::thread::Builder::new().name("session".into()).stack_size(STACK_BYTES).spawn(move || {
        let response = Response::new(output, attention.clone(), shared.server_name.clone());
        worker::run(shared.engine.as_ref(), login, response, Inbox::new(events, attention), line);
        drop(running);
    })?;
    Ok(ended)
}

async fn write_chunks(mut writer: Writer, mut chunks: mpsc::Receiver<Vec<u8>>, line: &Line) -> io::Result<()> {
    while let Some(chunk) = chunks.recv().await {
        if line.is_cut() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if line.watches(Point::PacketSent) {
            write_packets(&mut writer, &chunk, line).await?;
            continue;
        }
        writer.write_all(&chunk).await?;
        if chunks.is_empty() {
            writer.flush().await?;
        }
    }
    writer.shutdown().await
}

/// Writes a chunk packet by packet, so that the connection can break between any two.
async fn write_packets(writer: &mut Writer, chunk: &[u8], line: &Line) -> io::Result<()> {
    let mut rest = chunk;
    while let Some(&[high, low]) = rest.get(2..4) {
        let (packet, after) = rest.split_at(usize::from(u16::from_be_bytes([high, low])).min(rest.len()));
        rest = after;
        line.pass_packet(Point::PacketSent).await.map_err(|_| io::ErrorKind::ConnectionAborted)?;
        writer.write_all(packet).await?;
        writer.flush().await?;
    }
    Ok(())
}

async fn read_packets(
    mut packets: PacketReader<Reader>,
    events: mpsc::Sender<Event>,
    attention: &Attention,
    line: &Line,
) -> io::Result<()> {
    loop {
        let received = packets.next().await;
        if matches!(received, Ok(Some(_))) && line.pass_packet(Point::PacketReceived).await.is_err() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let event = match received {
            Ok(Some((header, _))) if header.kind == PacketType::Attention => {
                attention.arrived();
                Event::Attention
            }
            Ok(Some((header, payload))) => Event::Packet(header, payload),
            Ok(None) => return Ok(()),
            Err(error) => return Err(error),
        };
        if events.send(event).await.is_err() {
            // The session ended first; what it still has to say is being written.
            std::future::pending::<()>().await;
        }
    }
}

/// Reads up to and including the login record; `None` if client and server do not agree about encryption.
async fn open(shared: &Shared, stream: TcpStream) -> io::Result<Option<Opened>> {
    let mut first = [0; 1];
    stream.peek(&mut first).await?;
    if first[0] == TLS_HANDSHAKE {
        return open_strict(shared, stream).await.map(Some);
    }
    let mut packets = PacketReader::new(stream, DEFAULT_PACKET_SIZE);
    let (protection, mut stream) = {
        let client = read_prelogin(&mut packets).await?;
        let (answer, protection) = prelogin::negotiate(client.encryption, shared.tls);
        let mut stream = packets.into_inner()?;
        send(&mut stream, &prelogin::encode(PRODUCT_VERSION, answer, client.federated)).await?;
        (protection, stream)
    };
    Ok(match protection {
        None => {
            stream.shutdown().await?;
            None
        }
        Some(Protection::Plain) => {
            let mut packets = PacketReader::new(stream, DEFAULT_PACKET_SIZE);
            let login = read_login(&mut packets).await?;
            let (reader, writer) = packets.into_inner()?.into_split();
            Some(Opened { reader: Box::new(reader), writer: Box::new(writer), login })
        }
        Some(protection) => {
            let certificate =
                shared.certificate.as_ref().ok_or_else(|| io::Error::other("TLS without a certificate"))?;
            let acceptor = TlsAcceptor::from(certificate.wrapped());
            let mut tls = acceptor.accept(HandshakeFraming::new(stream, true)).await?;
            tls.get_mut().0.end_framing();
            let mut packets = PacketReader::new(tls, DEFAULT_PACKET_SIZE);
            let login = read_login(&mut packets).await?;
            let tls = packets.into_inner()?;
            if protection == Protection::LoginOnly {
                let (reader, writer) = tls.into_inner().0.into_inner().into_split();
                Some(Opened { reader: Box::new(reader), writer: Box::new(writer), login })
            } else {
                let (reader, writer) = tokio::io::split(tls);
                Some(Opened { reader: Box::new(reader), writer: Box::new(writer), login })
            }
        }
    })
}

/// TDS 8.0: TLS first, PRELOGIN inside it.
async fn open_strict(shared: &Shared, stream: TcpStream) -> io::Result<Opened> {
    let certificate = shared.certificate.as_ref().ok_or_else(|| invalid_data("a TLS connection, but TLS is off"))?;
    let acceptor = TlsAcceptor::from(certificate.strict());
    let tls = acceptor.accept(HandshakeFraming::new(stream, false)).await?;
    let mut packets = PacketReader::new(tls, DEFAULT_PACKET_SIZE);
    let client = read_prelogin(&mut packets).await?;
    let mut tls = packets.into_inner()?;
    send(&mut tls, &prelogin::encode(PRODUCT_VERSION, prelogin::Encryption::Required, client.federated)).await?;
    let mut packets = PacketReader::new(tls, DEFAULT_PACKET_SIZE);
    let login = read_login(&mut packets).await?;
    let (reader, writer) = tokio::io::split(packets.into_inner()?);
    Ok(Opened { reader: Box::new(reader), writer: Box::new(writer), login })
}

async fn read_prelogin<R: AsyncRead + Unpin>(packets: &mut PacketReader<R>) -> io::Result<prelogin::PreLogin> {
    let message = packets.message(PacketType::PreLogin, DEFAULT_PACKET_SIZE).await?;
    prelogin::decode(&message).map_err(invalid_data)
}

/// The login record, or the error that refuses it.
async fn read_login<R: AsyncRead + Unpin>(packets: &mut PacketReader<R>) -> io::Result<Result<Login, SqlError>> {
    let record = packets.message(PacketType::Login, login::MAX_BYTES).await?;
    match login::decode(&record) {
        Ok(login) => Ok(Ok(login)),
        Err(WireError::Refused(error)) => Ok(Err(error)),
        Err(error) => Err(invalid_data(error)),
    }
}

/// Sends a message that is not a session's response.
async fn send<W: AsyncWrite + Unpin>(stream: &mut W, message: &[u8]) -> io::Result<()> {
    let framed = packet::Packetizer::new(PacketType::Response, DEFAULT_PACKET_SIZE).take(&mut message.to_vec(), true);
    stream.write_all(&framed).await?;
    stream.flush().await
}
