//! What a kind of storage must be able to do to hold snapshots.

use crate::error::WorkDirError;
use async_trait::async_trait;
use uuid::Uuid;

/// A working directory. One set of tests (`tests/storage`) says what every kind of storage has in common: names of files are checked by
/// [`crate::name::check`], errors name the file or the folder, one that is not there is never a transient error.
#[async_trait]
pub trait WorkDir: Send + Sync + std::fmt::Debug {
    /// A snapshot's folder as a URL, to be given to [`crate::SnapshotReader::open`] elsewhere.
    fn location(&self, snapshot: Uuid) -> String;

    /// Makes a snapshot's folder; it must not exist.
    async fn create_folder(&self, snapshot: Uuid) -> Result<(), WorkDirError>;

    /// Begins a new file, which gets its name in [`FileWriter::finish`]; it takes the place of one that has that name. Of several
    /// writers of one name each finishes its own whole file or fails.
    async fn create(&self, snapshot: Uuid, name: &str) -> Result<Box<dyn FileWriter>, WorkDirError>;

    /// Opens a file.
    async fn open(&self, snapshot: Uuid, name: &str) -> Result<Box<dyn FileReader>, WorkDirError>;

    /// The files of a snapshot's folder that are finished, each with its size in bytes, in no order; none where there is no folder.
    /// What has a name that [`crate::name::check`] refuses is not one of ours and left out.
    async fn files(&self, snapshot: Uuid) -> Result<Vec<(String, u64)>, WorkDirError>;

    /// Removes a file; one that is not there is no error.
    async fn remove(&self, snapshot: Uuid, name: &str) -> Result<(), WorkDirError>;

    /// The snapshots' folders that there are, whole or not; anything else that lies in the working directory is left out.
    async fn folders(&self) -> Result<Vec<Uuid>, WorkDirError>;

    /// Removes a snapshot's folder with everything in it; none there is no error.
    async fn remove_folder(&self, snapshot: Uuid) -> Result<(), WorkDirError>;
}

/// A file being written. Dropped before it is finished, it never was.
#[async_trait]
pub trait FileWriter: Send {
    /// Appends a block.
    async fn write(&mut self, block: Vec<u8>) -> Result<(), WorkDirError>;

    /// Makes the file durable and gives it its name.
    async fn finish(self: Box<Self>) -> Result<(), WorkDirError>;
}

/// A file being read.
#[async_trait]
pub trait FileReader: Send {
    /// The next block, of a size that the storage likes; `None` at the end.
    async fn read(&mut self) -> Result<Option<Vec<u8>>, WorkDirError>;
}
