//! What a kind of storage must offer to be tested.

use std::sync::Arc;
use uuid::Uuid;
use workdir::{Credentials, ErrorKind, WorkDir, WorkDirError};

/// A kind of storage under test. Paths are relative to the working directory, e.g. `<snapshot id>/manifest.json`; everything here
/// but [`Backend::open`] goes around the product.
pub trait Backend: Sized {
    /// Whether a file that was opened for reading can be read to its end though the storage has gone meanwhile.
    const OPEN_FILES_SURVIVE: bool;

    /// An empty working directory.
    async fn start() -> Self;

    /// Its URL.
    fn url(&self) -> String;

    /// What lets one in.
    fn credentials(&self) -> Credentials;

    /// Lays down a file, whatever its name, with the folders above it.
    async fn put(&self, path: &str, content: &[u8]);

    /// A file's content.
    async fn get(&self, path: &str) -> Option<Vec<u8>>;

    /// Takes a file away.
    async fn delete(&self, path: &str);

    /// Names of what lies in a folder, finished or not, sorted.
    async fn names(&self, folder: &str) -> Vec<String>;

    /// Makes the storage unreachable, also for what is open.
    async fn go(&mut self);

    /// Makes it reachable again, with what it held.
    async fn come_back(&mut self);

    /// The working directory as the product opens it.
    fn open(&self) -> Arc<dyn WorkDir> {
        workdir::open(&self.url(), &self.credentials()).unwrap()
    }

    /// The product's working directory with one empty snapshot's folder.
    async fn with_folder(&self) -> (Arc<dyn WorkDir>, Uuid) {
        let (work_dir, id) = (self.open(), Uuid::new_v4());
        work_dir.create_folder(id).await.unwrap();
        (work_dir, id)
    }
}

/// Bytes that differ from block to block, the same ones for the same seed.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    // xorshift64 (Marsaglia, 2003): no state but the seed, and nothing that compresses.
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Writes a file in blocks of at most a MiB.
pub async fn write(work_dir: &dyn WorkDir, id: Uuid, name: &str, content: &[u8]) -> Result<(), WorkDirError> {
    let mut file = work_dir.create(id, name).await?;
    for block in content.chunks(1 << 20) {
        file.write(block.to_vec()).await?;
    }
    file.finish().await
}

/// Reads a file.
pub async fn read(work_dir: &dyn WorkDir, id: Uuid, name: &str) -> Result<Vec<u8>, WorkDirError> {
    let mut file = work_dir.open(id, name).await?;
    let mut content = Vec::new();
    while let Some(block) = file.read().await? {
        assert!(!block.is_empty(), "a block is empty before the end");
        content.extend_from_slice(&block);
    }
    Ok(content)
}

/// The names that the product lists, sorted.
pub async fn listed(work_dir: &dyn WorkDir, id: Uuid) -> Vec<String> {
    let mut names: Vec<String> = work_dir.files(id).await.unwrap().into_iter().map(|(name, _)| name).collect();
    names.sort();
    names
}

/// The error of something that must fail, which must name `what`.
pub fn fails<T>(result: Result<T, WorkDirError>, kind: ErrorKind, what: &str) -> WorkDirError {
    let error = result.err().unwrap_or_else(|| panic!("this must fail and name {what}"));
    assert_eq!(error.kind, kind, "{error}");
    assert!(error.to_string().contains(what), "an error must name {what}: {error}");
    error
}
