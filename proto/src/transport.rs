//! TLS, handshake, login and keep-alive over tokio TCP.
//!
//! - [`Connection`]: a client's connection to the distributor, for requests or, split, for a stream.
//! - [`server`]: the distributor's side of the same.
//! - [`Sender`], [`Receiver`]: the two directions of either side, message by message.
//! - [`FramedReader`], [`FramedWriter`]: frames over any byte stream.
//! - [`tls`]: rustls configurations from PEM files.
//!
//! Both sides send a ping after [`PING_AFTER`](crate::message::PING_AFTER) of silence, from a task of its own so that a busy owner
//! does not look dead, and give the other up after [`SILENCE_LIMIT`](crate::message::SILENCE_LIMIT).

mod client;
mod error;
mod framed;
mod halves;
pub mod server;
pub mod tls;

pub use client::{CONNECT_TIMEOUT, Connection, REQUEST_TIMEOUT};
pub use error::TransportError;
pub use framed::{FrameError, FramedReader, FramedWriter};
pub use halves::{Keepalive, Receiver, Sender};
pub use tls::ClientTls;

use zeroize::Zeroizing;

/// Where the distributor is and who connects.
#[derive(Clone)]
pub struct ConnectOptions {
    /// `host:port`.
    pub address: String,
    /// Whether and against which certificate authority the distributor is verified.
    pub tls: ClientTls,
    /// Name the distributor's certificate must be for; by default the host part of `address`.
    pub server_name: Option<String>,
    /// Login.
    pub login: String,
    /// Its password.
    pub password: Zeroizing<String>,
    /// Who connects, for `status` and logs, e.g. `publisher@host`.
    pub client: String,
}

impl std::fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("address", &self.address)
            .field("tls", &self.tls)
            .field("server_name", &self.server_name)
            .field("login", &self.login)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
