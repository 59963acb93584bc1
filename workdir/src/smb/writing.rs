//! Writing a file: under another name, several requests under way, synced and renamed. After a lost connection nothing is known of
//! what the server had kept, so the file fails and is to be written again.

use super::failure::Failure;
use super::folder;
use super::session::{Connected, Sessions};
use crate::error::WorkDirError;
use crate::storage::FileWriter;
use async_trait::async_trait;
use smb2::{RenameOptions, WriteBehind};
use std::io;
use std::sync::Arc;
use uuid::Uuid;

/// End of the name of a file that is being written: `<name>.<random>.part`. A server keeps it from all others while its writer has it open.
pub(super) const PART: &str = ".part";
/// Bytes of one request.
const BLOCK: u32 = 1 << 20;
/// Requests under way.
const BEHIND: usize = 4;

/// A file being written.
pub(super) struct SmbWriter {
    sessions: Arc<Sessions>,
    connected: Connected,
    /// `None` once it is finished or has failed.
    file: Option<smb2::FileWriter>,
    /// The path it has until it is finished, and then.
    temporary: String,
    path: String,
    /// The file's URL.
    url: String,
}

impl SmbWriter {
    /// Begins the file `path` in `folder`.
    pub(super) async fn create(
        sessions: Arc<Sessions>,
        folder: String,
        path: String,
        url: String,
    ) -> Result<Self, WorkDirError> {
        let temporary = format!("{path}.{}{PART}", Uuid::new_v4());
        let create = async |connected: Connected| {
            remove_abandoned(&connected, &folder, &path).await?;
            let file = connected.tree.create_file_writer(connected.connection.clone(), &temporary).await?;
            Ok((file, connected))
        };
        match sessions.request(create).await {
            Ok((file, connected)) => {
                let file = file.with_chunk_size(BLOCK).with_write_behind(WriteBehind::Fixed(BEHIND));
                Ok(Self { sessions, connected, file: Some(file), temporary, path, url })
            }
            Err(failure) => Err(failure.during(format!("cannot write {url}"))),
        }
    }

    /// The outcome of a step; after a failure the file never was.
    async fn step<T>(&mut self, done: Result<T, Failure>, what: &str) -> Result<T, WorkDirError> {
        match done {
            Ok(done) => Ok(done),
            Err(failure) => {
                match failure.lost {
                    true => {
                        self.file = None;
                        self.sessions.lost(&self.connected).await;
                    }
                    false => discard(self.connected.clone(), self.file.take(), self.temporary.clone()).await,
                }
                Err(failure.during(format!("cannot {what} {}", self.url)))
            }
        }
    }
}

#[async_trait]
impl FileWriter for SmbWriter {
    async fn write(&mut self, block: Vec<u8>) -> Result<(), WorkDirError> {
        let written = match &mut self.file {
            Some(file) => file.write_chunk(&block).await.map_err(Failure::from),
            None => Err(Failure::refused(io::ErrorKind::Other, "an earlier write failed")),
        };
        self.step(written, "write").await
    }

    async fn finish(mut self: Box<Self>) -> Result<(), WorkDirError> {
        let written = match self.file.take() {
            // Sends what is left, has the server sync it, and closes it.
            Some(file) => file.finish().await.map(|_| ()).map_err(Failure::from),
            None => Err(Failure::refused(io::ErrorKind::Other, "an earlier write failed")),
        };
        self.step(written, "finish").await?;
        let options = RenameOptions::new().replace_if_exists(true);
        let tree = Arc::clone(&self.connected.tree);
        let renamed = tree.rename_with(&mut self.connected.connection, &self.temporary, &self.path, options).await;
        self.step(renamed.map_err(Failure::from), "finish").await
    }
}

impl Drop for SmbWriter {
    fn drop(&mut self) {
        if let (Some(file), Ok(runtime)) = (self.file.take(), tokio::runtime::Handle::try_current()) {
            // What remains otherwise is a file that nothing refers to.
            runtime.spawn(discard(self.connected.clone(), Some(file), self.temporary.clone()));
        }
    }
}

/// Removes what writers of a file had not finished when their process or their connection ended. What one has open stays.
async fn remove_abandoned(connected: &Connected, folder: &str, path: &str) -> Result<(), Failure> {
    for entry in folder::list(connected.clone(), folder).await? {
        let below = format!("{folder}/{}", entry.name);
        if is_part_of(&below, path) {
            match folder::remove(connected.clone(), &below).await {
                Err(failure) if failure.kind == io::ErrorKind::ResourceBusy => {}
                removed => removed?,
            }
        }
    }
    Ok(())
}

/// Whether a file of this path is what a writer of `path` had not finished.
fn is_part_of(part: &str, path: &str) -> bool {
    let random = part.strip_prefix(path).and_then(|rest| rest.strip_prefix('.')?.strip_suffix(PART));
    random.is_some_and(|random| Uuid::try_parse(random).is_ok())
}

async fn discard(connected: Connected, file: Option<smb2::FileWriter>, temporary: String) {
    if let Some(file) = file {
        // Never fails.
        let _ = file.abort().await;
    }
    let _ = folder::remove(connected, &temporary).await;
}
