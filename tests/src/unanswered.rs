//! A way to the distributor on which an answer gets lost: whoever waits for it can be killed while the distributor has done what was asked.
//! Or on which a question is held up: whatever happens meanwhile happens before it is asked.

use crate::line::Line;
use crate::wait;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
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

/// A connection that is taken and held up.
#[derive(Debug)]
pub struct HeldUp {
    here: oneshot::Receiver<()>,
    go_on: oneshot::Sender<()>,
}

impl HeldUp {
    /// Waits until somebody has connected.
    ///
    /// # Panics
    /// When nobody has for too long.
    pub async fn is_here(&mut self) {
        let here = tokio::time::timeout(wait::LIMIT, &mut self.here).await;
        here.expect("somebody connects in time").expect("the way is open");
    }

    /// Passes it on to the distributor.
    pub fn goes_on(self) {
        // Who has connected may be gone.
        let _ = self.go_on.send(());
    }
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

    /// Passes connections on to the line's distributor, each at once except that with this number, from 1, which is held up.
    ///
    /// # Panics
    /// In its task, when a connection cannot be had.
    pub fn hold_up(self, line: &Line, number: usize) -> HeldUp {
        let (reached, here) = oneshot::channel();
        let (go_on, held) = oneshot::channel::<()>();
        let (address, mut gate) = (line.address.clone(), Some((reached, held)));
        tokio::spawn(async move {
            for n in 1.. {
                let (mut client, _) = self.listener.accept().await.expect("connections can be taken");
                if let Some((reached, held)) = gate.take_if(|_| n == number) {
                    // The test may have ended.
                    let _ = reached.send(());
                    let _ = held.await;
                }
                let mut server = TcpStream::connect(&address).await.expect("the distributor is there");
                tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
            }
        });
        HeldUp { here, go_on }
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
