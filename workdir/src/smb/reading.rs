//! Reading a file: several requests are under way, and after a lost connection it goes on where it was.

use super::failure::Failure;
use super::session::{Connected, Sessions};
use crate::error::WorkDirError;
use crate::storage::FileReader;
use async_trait::async_trait;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Bytes of one request.
const BLOCK: u64 = 1 << 20;
/// Requests under way.
const AHEAD: usize = 4;
/// For how long a lost connection is made again before a read fails.
const PATIENCE: Duration = Duration::from_secs(15);
/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(250);

/// A file being read. A read that failed can be tried again: it goes on where it was.
pub(super) struct SmbReader {
    sessions: Arc<Sessions>,
    path: String,
    /// The file's URL.
    url: String,
    known: Option<Identity>,
    open: Option<Open>,
    /// Bytes that were handed on.
    at: u64,
    /// Bytes that were asked for.
    asked: u64,
    ahead: VecDeque<Request>,
}

/// What makes a file the one that was opened first: its size in bytes and when it was last written.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity {
    size: u64,
    modified: u64,
}

struct Open {
    connected: Connected,
    file: Arc<smb2::FileReader>,
}

/// A request for a block, which goes on whether or not the next block is waited for just then.
struct Request(JoinHandle<Result<Vec<u8>, smb2::Error>>);

impl Drop for Request {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl SmbReader {
    pub(super) async fn open(sessions: Arc<Sessions>, path: String, url: String) -> Result<Self, WorkDirError> {
        let mut reader = Self { sessions, path, url, known: None, open: None, at: 0, asked: 0, ahead: VecDeque::new() };
        match reader.reopen().await {
            Ok(()) => Ok(reader),
            Err(failure) => Err(failure.during(format!("cannot open {}", reader.url))),
        }
    }

    /// Opens the file, again after its connection was lost.
    async fn reopen(&mut self) -> Result<(), Failure> {
        if self.open.is_some() {
            return Ok(());
        }
        let path = &self.path;
        let open = async |connected: Connected| {
            let file = connected.tree.open_file_reader(connected.connection.clone(), path).await?;
            Ok(Open { connected, file: Arc::new(file) })
        };
        let opened = self.sessions.request(open).await?;
        let info = opened.file.info();
        if info.is_directory {
            return Err(Failure::refused(io::ErrorKind::IsADirectory, "it is a folder"));
        }
        let found = Identity { size: info.size, modified: info.modified.0 };
        if *self.known.get_or_insert(found) != found {
            let why = "it has changed while it was read; load from the snapshot anew";
            return Err(Failure::refused(io::ErrorKind::InvalidData, why));
        }
        self.open = Some(opened);
        Ok(())
    }

    /// The next block; none at the end.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let mut began = None;
        loop {
            match self.attempt().await {
                Err(failure) if failure.lost => {
                    self.ahead.clear();
                    self.asked = self.at;
                    if let Some(open) = self.open.take() {
                        self.sessions.lost(&open.connected).await;
                    }
                    if began.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                        return Err(failure);
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                done => return done,
            }
        }
    }

    async fn attempt(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        self.reopen().await?;
        let (Some(open), Some(known)) = (&self.open, &self.known) else { return Ok(None) };
        while self.ahead.len() < AHEAD && self.asked < known.size {
            let (file, at, length) = (Arc::clone(&open.file), self.asked, BLOCK.min(known.size - self.asked));
            self.ahead.push_back(Request(tokio::spawn(async move { file.read_at(at, length).await })));
            self.asked += length;
        }
        // Stays in its place until it is answered: whoever waits for it may give up.
        let Some(request) = self.ahead.front_mut() else { return Ok(None) };
        let read = (&mut request.0).await;
        self.ahead.pop_front();
        let block = read.map_err(|ended| Failure::refused(io::ErrorKind::Other, ended.to_string()))??;
        let expected = BLOCK.min(known.size - self.at);
        self.at += block.len() as u64;
        if (block.len() as u64) < expected {
            // It has become shorter; whoever verifies it says so.
            self.ahead.clear();
            self.asked = known.size;
        }
        Ok(if block.is_empty() { None } else { Some(block) })
    }
}

#[async_trait]
impl FileReader for SmbReader {
    async fn read(&mut self) -> Result<Option<Vec<u8>>, WorkDirError> {
        self.next().await.map_err(|failure| failure.during(format!("cannot read {}", self.url)))
    }
}
