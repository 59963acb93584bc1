//! Frames over a byte stream.

use crate::codec::{self, CodecError, HEADER, MAX_FRAME, MAX_HELLO};
use bytes::{Buf, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Room made for one read. The buffer grows as bytes arrive, never by what a header announces.
const READ_SIZE: usize = 64 << 10;
/// A buffer that grew beyond this for a large frame is given back.
const KEEP: usize = 2 << 20;
/// Bytes that may wait in a writer before it writes them without being told to.
const WRITE_AT: usize = 256 << 10;

/// Why a frame could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The stream failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The bytes are not a frame, or not of this type.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// Reads frames.
#[derive(Debug)]
pub struct FramedReader<R> {
    stream: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> FramedReader<R> {
    /// Over a stream.
    pub fn new(stream: R) -> Self {
        Self { stream, buffer: BytesMut::new() }
    }

    /// The next message; `None` when the stream ended between two frames. Safe to cancel: what was read is kept.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        self.read(MAX_FRAME, codec::decode_body).await
    }

    /// Like [`FramedReader::next`], for what a stranger says: small, and in small pieces.
    pub async fn next_hello<T: DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        self.read(MAX_HELLO, codec::decode_hello).await
    }

    async fn read<T>(
        &mut self,
        limit: usize,
        decode: fn([u8; HEADER], &[u8]) -> Result<T, CodecError>,
    ) -> Result<Option<T>, FrameError> {
        loop {
            if let Some(header) = self.buffer.first_chunk::<HEADER>().copied() {
                let length = codec::body_length(header, limit)?;
                if let Some(body) = self.buffer.get(HEADER..HEADER + length) {
                    let message = decode(header, body)?;
                    self.buffer.advance(HEADER + length);
                    if self.buffer.is_empty() && self.buffer.capacity() > KEEP {
                        self.buffer = BytesMut::new();
                    }
                    return Ok(Some(message));
                }
            }
            self.buffer.reserve(READ_SIZE);
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())
                };
            }
        }
    }
}

/// Writes frames, in groups.
#[derive(Debug)]
pub struct FramedWriter<W> {
    stream: W,
    buffer: Vec<u8>,
    written: usize,
}

impl<W: AsyncWrite + Unpin> FramedWriter<W> {
    /// Over a stream.
    pub fn new(stream: W) -> Self {
        Self { stream, buffer: Vec::new(), written: 0 }
    }

    /// Adds a message to what waits to be written, and writes when that has become much. Cancelled while it writes, it has
    /// taken the message: do not send it again.
    pub async fn send<T: Serialize>(&mut self, message: &T) -> Result<(), FrameError> {
        codec::encode_frame(message, &mut self.buffer)?;
        if self.buffer.len() - self.written >= WRITE_AT { Ok(self.write().await?) } else { Ok(()) }
    }

    /// Writes everything that waits. Safe to cancel: the next call goes on where this one was.
    pub async fn flush(&mut self) -> Result<(), FrameError> {
        self.write().await?;
        Ok(self.stream.flush().await?)
    }

    /// Ends this direction of the stream.
    pub async fn shutdown(&mut self) -> Result<(), FrameError> {
        self.write().await?;
        Ok(self.stream.shutdown().await?)
    }

    async fn write(&mut self) -> io::Result<()> {
        while self.written < self.buffer.len() {
            match self.stream.write(&self.buffer[self.written..]).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => self.written += n,
            }
        }
        self.written = 0;
        if self.buffer.capacity() > KEEP {
            self.buffer = Vec::new();
        } else {
            self.buffer.clear();
        }
        Ok(())
    }
}
