//! A way to the distributor on which an answer gets lost: whoever waits for it can be killed while the distributor has done what was asked.

use crate::line::Line;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Takes connections in the distributor's place.
#[derive(Debug)]
pub struct Way {
    listener: TcpListener,
    /// Where it takes them.
    pub address: SocketAddr,
}

/// A connection whose end of it still waits.
#[derive(Debug)]
pub struct Unanswered {
    _to_client: OwnedWriteHalf,
    _from_server: OwnedReadHalf,
    _up: JoinHandle<()>,
}

impl Way {
    /// One that nobody uses yet.
    ///
    /// # Panics
    /// When there is no port for it.
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("it has an address");
        Self { listener, address }
    }

    /// Passes connections on to the line's distributor, one after the other. Whatever the distributor says once `done` is the case is not
    /// passed on.
    ///
    /// # Panics
    /// When a connection cannot be had.
    pub async fn pass_until(&self, line: &Line, done: impl AsyncFn() -> bool) -> Unanswered {
        let mut said = vec![0; 64 << 10];
        loop {
            let (client, _) = self.listener.accept().await.expect("connections can be taken");
            let server = TcpStream::connect(&line.address).await.expect("the distributor is there");
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            let up = tokio::spawn(async move {
                // Where it breaks, the other direction ends too.
                let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
                let _ = to_server.shutdown().await;
            });
            while let Ok(read @ 1..) = from_server.read(&mut said).await {
                if done().await {
                    return Unanswered { _to_client: to_client, _from_server: from_server, _up: up };
                }
                if to_client.write_all(&said[..read]).await.is_err() {
                    break;
                }
            }
            up.abort();
        }
    }
}
