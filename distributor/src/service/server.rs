//! Listening, logging in, ending.

use super::connection;
use super::data_directory::DataDirectory;
use super::state::State;
use super::{housekeeping, logins, tracers};
use crate::error::{DistributorError, ErrorKind};
use crate::log::{DEFAULT_SEGMENT_SIZE, LogError, LogStore, SegmentLog};
use proto::catalog::LoginRole;
use proto::message::{Refusal, RefusalKind};
use proto::transport::{TransportError, server as transport, tls};
use rustls::ServerConfig;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Connections that may be open at a time, logged in or not.
const MAX_CONNECTIONS: usize = 4096;
/// Passwords that are checked at a time: each takes a core for some ten milliseconds and 19 MiB.
const MAX_LOGINS: usize = 4;
/// For what was taken to reach the disk when the process ends.
const ENDING: Duration = Duration::from_secs(10);

/// How to open a queue's log: its directory and segment size.
pub type OpenLog = Arc<dyn Fn(&Path, u64) -> Result<Box<dyn LogStore>, LogError> + Send + Sync>;

/// Encryption of the connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// With the data directory's own certificate.
    Own,
    /// With this certificate chain and private key.
    Files {
        /// PEM file.
        certificate: PathBuf,
        /// PEM file.
        key: PathBuf,
    },
    /// None: passwords and rows cross the network in the clear.
    Off,
}

/// How to serve.
#[derive(Clone)]
pub struct Options {
    /// Address to listen on, `host:port`.
    pub listen: String,
    /// Encryption.
    pub tls: Tls,
    /// Bytes after which a segment of a queue is finished.
    pub segment_size: u64,
    /// Keep transactions at least this long.
    pub min_retention: Duration,
    /// Keep transactions for a subscription that lags no longer than this.
    pub max_retention: Duration,
    /// Keep the files of a snapshot that nobody needs at least this long.
    pub snapshot_retention: Duration,
    /// Opens the queues' logs.
    pub open_log: OpenLog,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:4710".to_owned(),
            tls: Tls::Own,
            segment_size: DEFAULT_SEGMENT_SIZE,
            min_retention: Duration::ZERO,
            max_retention: Duration::from_secs(72 * 3600),
            snapshot_retention: Duration::from_secs(24 * 3600),
            open_log: Arc::new(|directory, size| Ok(Box::new(SegmentLog::open(directory, size)?))),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("listen", &self.listen).field("tls", &self.tls).finish_non_exhaustive()
    }
}

/// A distributor that is ready to serve.
pub struct Server {
    state: Arc<State>,
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("listener", &self.listener).finish_non_exhaustive()
    }
}

impl Server {
    /// Opens everything and listens. Connections wait until [`Server::run`].
    pub async fn open(directory: DataDirectory, options: Options) -> Result<Self, DistributorError> {
        let tls = match &options.tls {
            Tls::Off => None,
            Tls::Own => Some(tls::server(&directory.certificate(), &directory.key())),
            Tls::Files { certificate, key } => Some(tls::server(certificate, key)),
        };
        let tls = tls.transpose().map_err(|error| {
            DistributorError::because(ErrorKind::Configuration, "connections cannot be encrypted", error)
        })?;
        let listener = TcpListener::bind(&options.listen).await.map_err(|error| {
            DistributorError::because(ErrorKind::Network, format!("cannot listen on {}", options.listen), error)
        })?;
        let state = tokio::task::spawn_blocking(move || State::open(directory, options))
            .await
            .map_err(|error| DistributorError::because(ErrorKind::Storage, "the queue cannot be opened", error))??;
        Ok(Self { state: Arc::new(state), listener, tls })
    }

    /// Where it listens.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown` completes; everything that was acknowledged is on disk in any case.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), DistributorError> {
        let Self { state, listener, tls } = self;
        let mut connections = JoinSet::new();
        connections.spawn(housekeeping::run(state.clone()));
        if let Some(seen) = state.tracers_seen() {
            connections.spawn(tracers::run(state.clone(), seen));
        }
        let (free, logging_in) = (Arc::new(Semaphore::new(MAX_CONNECTIONS)), Arc::new(Semaphore::new(MAX_LOGINS)));
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        let Ok(place) = free.clone().try_acquire_owned() else {
                            tracing::warn!(%peer, "more than {MAX_CONNECTIONS} connections; this one is closed");
                            continue;
                        };
                        let (state, tls, logging_in) = (state.clone(), tls.clone(), logging_in.clone());
                        connections.spawn(async move {
                            if let Err(error) = serve(state, stream, peer, tls, &logging_in).await {
                                log_end(peer, &error);
                            }
                            drop(place);
                        });
                    }
                    Err(error) => {
                        // Out of file descriptors, for instance: others will be closed.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
                Some(ended) = connections.join_next() => {
                    if let Err(error) = ended && error.is_panic() {
                        tracing::error!(%error, "a connection's task failed");
                    }
                }
            }
        }
        connections.shutdown().await;
        end(state).await
    }
}

async fn end(state: Arc<State>) -> Result<(), DistributorError> {
    let persisted = state.clone();
    let persisted = tokio::task::spawn_blocking(move || persisted.persist_subscriptions()).await;
    if !matches!(persisted, Ok(Ok(()))) {
        tracing::warn!("the subscriptions' last positions could not be written down; the subscribers know them");
    }
    for database in state.take_databases() {
        database.queue.stop();
        let queue = database.queue.clone();
        drop(database);
        if tokio::time::timeout(ENDING, queue.ended()).await.is_err() {
            tracing::warn!(
                "a queue could not be written any more; its log reader will send again what was not acknowledged"
            );
        }
    }
    Ok(())
}

/// A connection, from its acceptance to its end.
async fn serve(
    state: Arc<State>,
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    logging_in: &Semaphore,
) -> Result<(), TransportError> {
    let greeting = transport::accept(stream, peer, tls).await?;
    let login = greeting.hello().login.clone();
    match log_in(&state, &login, greeting.hello().password.clone(), logging_in).await {
        Ok(role) => {
            let client = connection::Client {
                login,
                role,
                peer: format!("{} ({})", greeting.hello().client.replace(char::is_control, "?"), greeting.peer()),
            };
            tracing::debug!(peer = client.peer, login = client.login, "connected");
            let (sender, receiver) = greeting.welcome().await?;
            Box::pin(connection::serve(state, client, sender, receiver)).await
        }
        Err(refusal) => Err(greeting.refuse(refusal).await),
    }
}

async fn log_in(
    state: &Arc<State>,
    login: &str,
    password: String,
    logging_in: &Semaphore,
) -> Result<LoginRole, Refusal> {
    let denied = || Refusal::new(RefusalKind::Denied, format!("login failed for `{login}`"));
    let _turn = logging_in.acquire().await.map_err(|_| denied())?;
    let name = login.to_owned();
    let entry = state.read(move |contents| contents.login(&name)).await?;
    let hash = entry.as_ref().map(|entry| entry.hash.clone());
    let password = zeroize::Zeroizing::new(password);
    match (entry, logins::verified(password, hash).await) {
        (Some(entry), true) => Ok(entry.role),
        _ => Err(denied()),
    }
}

fn log_end(peer: SocketAddr, error: &TransportError) {
    match error {
        TransportError::Closed { .. } => tracing::debug!(%peer, %error, "connection ended"),
        _ => tracing::warn!(%peer, %error, "connection ended"),
    }
}
