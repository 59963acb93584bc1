//! Working directory in a file system: a disk or a mounted share. Every call of the file system runs on a blocking thread.

use crate::error::WorkDirError;
use crate::location;
use crate::name;
use crate::storage::{FileReader, FileWriter, WorkDir};
use async_trait::async_trait;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Bytes read at once.
const BLOCK: usize = 1 << 20;
/// End of the name of a file that is being written: `<name>.<random>.part`.
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

    fn file(&self, snapshot: Uuid, name: &str) -> Result<PathBuf, WorkDirError> {
        Ok(self.folder(snapshot).join(name::check(name)?))
    }
}

/// Whether a file of this name is what a writer of `name` had not finished.
fn is_part_of(part: &str, name: &str) -> bool {
    let random = part.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')?.strip_suffix(PART));
    random.is_some_and(|random| Uuid::try_parse(random).is_ok())
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
        let path = self.file(snapshot, name)?;
        let folder = self.folder(snapshot);
        let temporary = folder.join(format!("{name}.{}{PART}", Uuid::new_v4()));
        let (opened, name) = (temporary.clone(), name.to_owned());
        let file = blocking(format!("cannot write {}", path.display()), move || {
            // What a crash left, or a writer that was given up and may still run: without its file it cannot finish any more.
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                if entry.file_name().to_str().is_some_and(|part| is_part_of(part, &name)) {
                    missing_is_fine(fs::remove_file(entry.path()))?;
                }
            }
            OpenOptions::new().write(true).create_new(true).open(&opened)
        })
        .await?;
        Ok(Box::new(LocalWriter { file: Some(file), temporary, path, finished: false }))
    }

    async fn open(&self, snapshot: Uuid, name: &str) -> Result<Box<dyn FileReader>, WorkDirError> {
        let path = self.file(snapshot, name)?;
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
                let name = entry.file_name().into_string().ok();
                let Some(name) = name.filter(|name| !name.ends_with(PART) && name::check(name).is_ok()) else {
                    continue;
                };
                match entry.metadata() {
                    Ok(metadata) if metadata.is_file() => files.push((name, metadata.len())),
                    // Another program may have removed it meanwhile.
                    other => missing_is_fine(other.map(|_| ()))?,
                }
            }
            Ok(files)
        })
        .await
    }

    async fn remove(&self, snapshot: Uuid, name: &str) -> Result<(), WorkDirError> {
        let path = self.file(snapshot, name)?;
        blocking(format!("cannot remove {}", path.display()), move || missing_is_fine(fs::remove_file(&path))).await
    }

    async fn folders(&self) -> Result<Vec<Uuid>, WorkDirError> {
        let root = self.root.clone();
        blocking(format!("cannot list {}", root.display()), move || {
            let mut folders = Vec::new();
            for entry in fs::read_dir(&root)? {
                let entry = entry?;
                let id = entry.file_name().to_str().and_then(name::snapshot);
                folders.extend(id.filter(|_| entry.file_type().is_ok_and(|kind| kind.is_dir())));
            }
            Ok(folders)
        })
        .await
    }

    async fn remove_folder(&self, snapshot: Uuid) -> Result<(), WorkDirError> {
        let folder = self.folder(snapshot);
        blocking(format!("cannot remove {}", folder.display()), move || missing_is_fine(fs::remove_dir_all(&folder)))
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

fn missing_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
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
