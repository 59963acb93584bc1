//! Working directory in a file system: a disk or a mounted share. Every call of the file system runs on a blocking thread.

use crate::error::WorkDirError;
use crate::location;
use crate::storage::{FileReader, FileWriter, WorkDir};
use async_trait::async_trait;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Bytes read at once.
const BLOCK: usize = 1 << 20;
/// End of the name of a file that is being written.
const PART: &str = ".part";

#[derive(Debug)]
pub(crate) struct LocalWorkDir {
    root: PathBuf,
}

impl LocalWorkDir {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn folder(&self, snapshot: Uuid) -> PathBuf {
        self.root.join(snapshot.to_string())
    }
}

#[async_trait]
impl WorkDir for LocalWorkDir {
    fn location(&self, snapshot: Uuid) -> String {
        location::file_url(&self.folder(snapshot))
    }

    async fn create_folder(&self, snapshot: Uuid) -> Result<(), WorkDirError> {
        let folder = self.folder(snapshot);
        let root = self.root.clone();
        blocking(format!("cannot make the folder {}", folder.display()), move || {
            fs::create_dir_all(&root)?;
            fs::create_dir(&folder)?;
            sync_directory(&root)
        })
        .await
    }

    async fn create(&self, snapshot: Uuid, name: &str) -> Result<Box<dyn FileWriter>, WorkDirError> {
        let path = self.folder(snapshot).join(name);
        let temporary = self.folder(snapshot).join(format!("{name}{PART}"));
        let opened = temporary.clone();
        let file = blocking(format!("cannot write {}", path.display()), move || {
            match OpenOptions::new().write(true).create_new(true).open(&opened) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    fs::remove_file(&opened)?;
                    OpenOptions::new().write(true).create_new(true).open(&opened)
                }
                opened => opened,
            }
        })
        .await?;
        Ok(Box::new(LocalWriter { file: Some(file), temporary, path, finished: false }))
    }

    async fn open(&self, snapshot: Uuid, name: &str) -> Result<Box<dyn FileReader>, WorkDirError> {
        let path = self.folder(snapshot).join(name);
        let opened = path.clone();
        let file = blocking(format!("cannot open {}", path.display()), move || File::open(opened)).await?;
        Ok(Box::new(LocalReader { file: Some(file), path }))
    }

    async fn files(&self, snapshot: Uuid) -> Result<Vec<(String, u64)>, WorkDirError> {
        let folder = self.folder(snapshot);
        blocking(format!("cannot list {}", folder.display()), move || {
            let entries = match fs::read_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                entries => entries?,
            };
            let mut files = Vec::new();
            for entry in entries {
                let entry = entry?;
                let metadata = entry.metadata()?;
                let name = entry.file_name().into_string().ok().filter(|name| !name.ends_with(PART));
                files.extend(name.filter(|_| metadata.is_file()).map(|name| (name, metadata.len())));
            }
            Ok(files)
        })
        .await
    }

    async fn remove(&self, snapshot: Uuid, name: &str) -> Result<(), WorkDirError> {
        let path = self.folder(snapshot).join(name);
        blocking(format!("cannot remove {}", path.display()), move || match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        })
        .await
    }

    async fn folders(&self) -> Result<Vec<Uuid>, WorkDirError> {
        let root = self.root.clone();
        blocking(format!("cannot list {}", root.display()), move || {
            let mut folders = Vec::new();
            for entry in fs::read_dir(&root)? {
                let name = entry?.file_name();
                folders.extend(name.to_str().and_then(|name| Uuid::try_parse(name).ok()));
            }
            Ok(folders)
        })
        .await
    }

    async fn remove_folder(&self, snapshot: Uuid) -> Result<(), WorkDirError> {
        let folder = self.folder(snapshot);
        blocking(format!("cannot remove {}", folder.display()), move || match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        })
        .await
    }
}

struct LocalWriter {
    /// `None` only after a failure.
    file: Option<File>,
    temporary: PathBuf,
    path: PathBuf,
    finished: bool,
}

#[async_trait]
impl FileWriter for LocalWriter {
    async fn write(&mut self, block: Vec<u8>) -> Result<(), WorkDirError> {
        let what = format!("cannot write {}", self.path.display());
        let Some(mut file) = self.file.take() else {
            return Err(WorkDirError::storage(what, io::Error::other("an earlier write failed")));
        };
        self.file = Some(blocking(what, move || file.write_all(&block).map(|()| file)).await?);
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<(), WorkDirError> {
        let what = format!("cannot finish {}", self.path.display());
        let Some(file) = self.file.take() else {
            return Err(WorkDirError::storage(what, io::Error::other("an earlier write failed")));
        };
        let (temporary, path) = (self.temporary.clone(), self.path.clone());
        blocking(what, move || {
            file.sync_all()?;
            fs::rename(&temporary, &path)?;
            path.parent().map_or(Ok(()), sync_directory)
        })
        .await?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for LocalWriter {
    fn drop(&mut self) {
        if !self.finished {
            // What remains otherwise is a file that nothing refers to.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

struct LocalReader {
    /// `None` only after a failure.
    file: Option<File>,
    path: PathBuf,
}

#[async_trait]
impl FileReader for LocalReader {
    async fn read(&mut self) -> Result<Option<Vec<u8>>, WorkDirError> {
        let what = format!("cannot read {}", self.path.display());
        let Some(mut file) = self.file.take() else {
            return Err(WorkDirError::storage(what, io::Error::other("an earlier read failed")));
        };
        let (file, block) = blocking(what, move || {
            let mut block = Vec::with_capacity(BLOCK);
            (&mut file).take(BLOCK as u64).read_to_end(&mut block)?;
            Ok((file, block))
        })
        .await?;
        self.file = Some(file);
        Ok(if block.is_empty() { None } else { Some(block) })
    }
}

/// A new name is only durable once its directory is
/// (<https://man7.org/linux/man-pages/man2/fsync.2.html>).
fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

async fn blocking<T: Send + 'static>(
    what: String,
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, WorkDirError> {
    match tokio::task::spawn_blocking(call).await {
        Ok(done) => done.map_err(|error| WorkDirError::storage(what, error)),
        Err(ended) => Err(WorkDirError::storage(what, io::Error::other(ended))),
    }
}
