//! The TDS server: accepts connections and runs each one's session of an [`Engine`] on a thread of its own.
//!
//! ```text
//!           packets                      events (bounded)
//! socket ──────────────▶ read_packets ─────────────────────▶ session's thread: Engine/Session
//!   ▲                        │ attention                        │ Sink
//!   └──── write_chunks ◀─────┼──────────────────────────────────┘
//!              chunks (bounded)
//! ```
//!
//! The thread blocks when its client does not read, so a result of any size passes in bounded memory. The reader
//! goes on meanwhile: it sees an attention, or that the client left, while the thread works.

mod attention;
mod certificate;
mod connection;
mod response;
mod transport;
mod worker;

pub use crate::tds::prelogin::TlsMode;
pub use certificate::Certificate;

use crate::session::Engine;
use connection::Shared;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// How a server listens.
#[derive(Clone)]
pub struct ServerOptions {
    /// Where; port 0 takes a free one.
    pub address: SocketAddr,
    /// Encryption.
    pub tls: TlsMode,
    /// Certificate; one is made if there is none and `tls` is not off.
    pub certificate: Option<Certificate>,
    /// Name in messages.
    pub server_name: String,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            tls: TlsMode::On,
            certificate: None,
            server_name: "SANDBOX".into(),
        }
    }
}

/// A running server. Dropping it lets it run on; see [`Server::shutdown`].
pub struct Server {
    local_addr: SocketAddr,
    authority_pem: Option<String>,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The authority to trust for its certificate (PEM), unless TLS is off.
    pub fn authority_pem(&self) -> Option<&str> {
        self.authority_pem.as_deref()
    }

    /// Stops listening, ends the connections, and waits until their sessions have ended.
    pub async fn shutdown(self) {
        // Without receivers there is nothing to stop.
        let _ = self.stop.send(true);
        // It only fails if it panicked or was cancelled with its runtime.
        let _ = self.accepting.await;
    }
}

/// Starts to listen; connections are served in tasks of the current runtime.
pub async fn serve(engine: Arc<dyn Engine>, options: ServerOptions) -> io::Result<Server> {
    let certificate = match (options.tls, options.certificate) {
        (TlsMode::Off, _) => None,
        (_, Some(certificate)) => Some(certificate),
        (_, None) => Some(Certificate::generate(&[])?),
    };
    let shared = Arc::new(Shared {
        engine,
        tls: options.tls,
        certificate: certificate.clone(),
        server_name: options.server_name.into(),
    });
    let listener = TcpListener::bind(options.address).await?;
    let local_addr = listener.local_addr()?;
    let (stop, stopped) = watch::channel(false);
    let accepting = tokio::spawn(accept(listener, shared, stopped));
    let authority_pem = certificate.map(|certificate| certificate.authority_pem().to_owned());
    Ok(Server { local_addr, authority_pem, stop, accepting })
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, stop: watch::Receiver<bool>) {
    /// Pause after a failure to accept, such as too many open files.
    const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
    let mut connections = JoinSet::new();
    let stopped = until_stopped(stop.clone());
    tokio::pin!(stopped);
    loop {
        tokio::select! {
            () = &mut stopped => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let serving = connection::serve(shared.clone(), stream, stop.clone());
                    connections.spawn(async move {
                        if let Err(error) = serving.await {
                            tracing::debug!(%peer, %error, "connection ended");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Resolves when the server is stopped; never, once its handle is gone.
async fn until_stopped(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// A server with a runtime of its own, for tests and the demo. Dropping it stops it and waits for its sessions.
pub struct InProcess {
    local_addr: SocketAddr,
    authority_pem: Option<String>,
    running: Option<(tokio::runtime::Runtime, Server)>,
}

impl InProcess {
    /// Address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The authority to trust for its certificate (PEM), unless TLS is off.
    pub fn authority_pem(&self) -> Option<&str> {
        self.authority_pem.as_deref()
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        let Some((runtime, server)) = self.running.take() else { return };
        // On a thread of its own, because the drop may happen inside another runtime.
        let stopping = std::thread::spawn(move || runtime.block_on(server.shutdown()));
        // A panic in it is already reported.
        let _ = stopping.join();
    }
}

/// Starts a server on a runtime of its own.
pub fn start_in_process(engine: Arc<dyn Engine>, options: ServerOptions) -> io::Result<InProcess> {
    let starting = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("sandbox")
            .enable_all()
            .build()?;
        let server = runtime.block_on(serve(engine, options))?;
        Ok::<_, io::Error>((runtime, server))
    });
    let (runtime, server) = starting.join().map_err(|_| io::Error::other("starting the server panicked"))??;
    Ok(InProcess {
        local_addr: server.local_addr(),
        authority_pem: server.authority_pem().map(str::to_owned),
        running: Some((runtime, server)),
    })
}
