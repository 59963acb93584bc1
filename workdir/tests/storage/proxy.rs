//! A line to a server that can be cut.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// Where in a connection the line is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// After this many bytes for the server, in as many connections as `times` says.
    CutUpload { after: u64, times: u64 },
    /// After this many bytes from the server, in every connection.
    CutDownload { after: u64 },
    /// As many connections as `times` says get this for an answer, and end.
    Answer { text: &'static str, times: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Open(Option<Fault>),
    /// Connections end, new ones at once.
    Closed,
}

/// Forwards connections to a server while it is open.
pub struct Proxy {
    pub address: SocketAddr,
    mode: watch::Sender<Mode>,
    counts: Arc<Counts>,
    accepting: AbortHandle,
}

#[derive(Debug, Default)]
struct Counts {
    faults: AtomicU64,
    downloaded: AtomicU64,
    /// What the server has sent since the fault was set.
    seen: Mutex<Vec<u8>>,
}

impl Proxy {
    pub async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mode, watched) = watch::channel(Mode::Open(None));
        let counts = Arc::new(Counts::default());
        let accepting = tokio::spawn(accept(listener, server, watched, Arc::clone(&counts))).abort_handle();
        Self { address, mode, counts, accepting }
    }

    /// Breaks all connections and lets none in.
    pub fn close(&self) {
        self.mode.send_replace(Mode::Closed);
    }

    /// Lets connections in again.
    pub fn open(&self) {
        self.mode.send_replace(Mode::Open(None));
    }

    /// Breaks all connections, and lets those that come meet a fault.
    pub async fn fault(&self, fault: Fault) {
        self.close();
        self.counts.faults.store(0, Ordering::SeqCst);
        self.counts.downloaded.store(0, Ordering::SeqCst);
        self.counts.seen.lock().unwrap().clear();
        // Every connection of before has a watcher of its own; only the one that accepts stays.
        while self.mode.receiver_count() > 1 {
            tokio::task::yield_now().await;
        }
        self.mode.send_replace(Mode::Open(Some(fault)));
    }

    /// Connections that met the fault.
    pub fn faults(&self) -> u64 {
        self.counts.faults.load(Ordering::SeqCst)
    }

    /// Bytes from the server since the fault was set.
    pub fn downloaded(&self) -> u64 {
        self.counts.downloaded.load(Ordering::SeqCst)
    }

    /// Whether the server has sent these bytes since the fault was set.
    pub fn downloads_contain(&self, bytes: &[u8]) -> bool {
        self.counts.seen.lock().unwrap().windows(bytes.len()).any(|window| window == bytes)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, mode: watch::Receiver<Mode>, counts: Arc<Counts>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        let mut watched = mode.clone();
        let now = *watched.borrow_and_update();
        let Mode::Open(fault) = now else { continue };
        let counts = Arc::clone(&counts);
        tokio::spawn(async move {
            tokio::select! {
                _ = watched.changed() => {}
                _ = connection(client, server, fault, &counts) => {}
            }
        });
    }
}

async fn connection(
    mut client: TcpStream,
    server: SocketAddr,
    fault: Option<Fault>,
    counts: &Counts,
) -> std::io::Result<()> {
    let met = |times: u64| {
        counts.faults.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |met| (met < times).then_some(met + 1))
    };
    let (mut up, mut down) = (u64::MAX, u64::MAX);
    match fault {
        Some(Fault::Answer { text, times }) if met(times).is_ok() => {
            // Nothing but the head of the request is waited for.
            let mut head = Vec::new();
            while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                head.push(client.read_u8().await?);
            }
            client.write_all(text.as_bytes()).await?;
            return client.shutdown().await;
        }
        Some(Fault::CutUpload { after, times }) if counts.faults.load(Ordering::SeqCst) < times => up = after,
        Some(Fault::CutDownload { after }) => down = after,
        _ => {}
    }
    let mut server = TcpStream::connect(server).await?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    tokio::select! {
        cut = forward(&mut from_client, &mut to_server, up, None) => if cut? { counts.faults.fetch_add(1, Ordering::SeqCst); },
        cut = forward(&mut from_server, &mut to_client, down, Some(counts)) => if cut? { counts.faults.fetch_add(1, Ordering::SeqCst); },
    }
    Ok(())
}

/// Whether the line was cut after `limit` bytes; otherwise the sender had nothing more to say.
async fn forward(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    limit: u64,
    count: Option<&Counts>,
) -> std::io::Result<bool> {
    let (mut buffer, mut left) = (vec![0; 64 << 10], limit);
    while left > 0 {
        let room = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = from.read(&mut buffer[..room]).await?;
        if read == 0 {
            return Ok(false);
        }
        to.write_all(&buffer[..read]).await?;
        left -= read as u64;
        if let Some(count) = count {
            count.downloaded.fetch_add(read as u64, Ordering::SeqCst);
            count.seen.lock().unwrap().extend_from_slice(&buffer[..read]);
        }
    }
    Ok(true)
}
