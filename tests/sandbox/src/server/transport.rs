//! What the bytes of a connection pass through: TLS, whose handshake travels inside PRELOGIN packets (MS-TDS 3.3.5.3), and
//! the cutting into packets.

use crate::tds::packet::{DEFAULT_PACKET_SIZE, HEADER_BYTES, Header, PacketType, Packetizer};
use crate::tds::{WireError, WireResult};
use bytes::{Buf, Bytes, BytesMut};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// First byte of a TLS record of application data.
const TLS_APPLICATION_DATA: u8 = 0x17;

/// A stream that wraps what is written into PRELOGIN packets and unwraps what is read, until the handshake is over. That is when
/// [`HandshakeFraming::end_framing`] is called, or when bare application data arrives: a client may send its login right behind
/// the last packet of the handshake, and the TLS library reads on.
#[derive(Debug)]
pub struct HandshakeFraming<S> {
    stream: S,
    framed: bool,
    header: [u8; HEADER_BYTES],
    header_read: usize,
    payload_left: usize,
    /// Read as a header, but already application data.
    replay: BytesMut,
    unsent: Vec<u8>,
    framed_unsent: BytesMut,
}

impl<S> HandshakeFraming<S> {
    /// Starts with framing, or without, as TDS 8.0 does.
    pub fn new(stream: S, framed: bool) -> Self {
        Self {
            stream,
            framed,
            header: [0; HEADER_BYTES],
            header_read: 0,
            payload_left: 0,
            replay: BytesMut::new(),
            unsent: Vec::new(),
            framed_unsent: BytesMut::new(),
        }
    }

    /// From here on bytes pass unchanged.
    pub fn end_framing(&mut self) {
        self.framed = false;
    }

    /// The stream below.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: AsyncRead + Unpin> HandshakeFraming<S> {
    fn poll_read_bare(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.replay.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let bytes = self.replay.split_to(self.replay.len().min(buf.remaining()));
        buf.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HandshakeFraming<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.framed {
            return this.poll_read_bare(cx, buf);
        }
        while this.payload_left == 0 {
            let mut header = ReadBuf::new(&mut this.header[this.header_read..]);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut header))?;
            match header.filled().len() {
                0 => return Poll::Ready(Ok(())),
                read => this.header_read += read,
            }
            if this.header_read == HEADER_BYTES {
                if this.header[0] == TLS_APPLICATION_DATA {
                    this.framed = false;
                    this.replay.extend_from_slice(&this.header);
                    return this.poll_read_bare(cx, buf);
                }
                let header = Header::decode(this.header, DEFAULT_PACKET_SIZE).map_err(invalid_data)?;
                if header.kind != PacketType::PreLogin {
                    return Poll::Ready(Err(invalid_data("another packet than PRELOGIN in the TLS handshake")));
                }
                this.payload_left = header.payload;
                this.header_read = 0;
            }
        }
        let room = this.payload_left.min(buf.remaining());
        let mut limited = ReadBuf::new(buf.initialize_unfilled_to(room));
        ready!(Pin::new(&mut this.stream).poll_read(cx, &mut limited))?;
        let read = limited.filled().len();
        buf.advance(read);
        this.payload_left -= read;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HandshakeFraming<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !this.framed {
            return Pin::new(&mut this.stream).poll_write(cx, buf);
        }
        this.unsent.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.unsent.is_empty() {
            let framed = Packetizer::new(PacketType::PreLogin, DEFAULT_PACKET_SIZE).take(&mut this.unsent, true);
            this.framed_unsent.extend_from_slice(&framed);
        }
        while !this.framed_unsent.is_empty() {
            match ready!(Pin::new(&mut this.stream).poll_write(cx, &this.framed_unsent))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => this.framed_unsent.advance(written),
            }
        }
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// An error of kind `InvalidData`.
pub fn invalid_data(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Cuts received bytes into packets.
#[derive(Debug)]
pub struct PacketReader<R> {
    stream: R,
    buffer: BytesMut,
    packet_size: usize,
}

impl<R: AsyncRead + Unpin> PacketReader<R> {
    /// For packets of at most `packet_size` bytes.
    pub fn new(stream: R, packet_size: usize) -> Self {
        Self { stream, buffer: BytesMut::new(), packet_size }
    }

    /// The next packet, or `None` when the client closed the connection between packets.
    pub async fn next(&mut self) -> io::Result<Option<(Header, Bytes)>> {
        const READ_BYTES: usize = 64 * 1024;
        loop {
            if let Some(packet) = self.cut().map_err(invalid_data)? {
                return Ok(Some(packet));
            }
            self.buffer.reserve(READ_BYTES);
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    fn cut(&mut self) -> WireResult<Option<(Header, Bytes)>> {
        let Some(header) = self.buffer.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let header = Header::decode(*header, self.packet_size)?;
        if self.buffer.len() < HEADER_BYTES + header.payload {
            return Ok(None);
        }
        self.buffer.advance(HEADER_BYTES);
        Ok(Some((header, self.buffer.split_to(header.payload).freeze())))
    }

    /// A whole message of the given kind, of at most `limit` bytes.
    pub async fn message(&mut self, kind: PacketType, limit: usize) -> io::Result<Vec<u8>> {
        let mut message = Vec::new();
        loop {
            let (header, payload) = self.next().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if header.kind != kind || message.len() + payload.len() > limit {
                return Err(invalid_data(WireError::malformed(format!(
                    "{:?} where {kind:?} was expected",
                    header.kind
                ))));
            }
            message.extend_from_slice(&payload);
            if header.is_end() {
                return Ok(message);
            }
        }
    }

    /// The stream below, if nothing was read ahead.
    pub fn into_inner(self) -> io::Result<R> {
        if self.buffer.is_empty() { Ok(self.stream) } else { Err(invalid_data("bytes before their turn")) }
    }
}
