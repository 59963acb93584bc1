//! Working directory on a share: Azure file shares, Windows file servers, Samba. SMB 3.1.1, signed and encrypted or not at all, spoken by this
//! process itself, so nothing has to be mounted.
//!
//! [`share`]: the URL. [`session`]: connecting, over [`transport`]. [`folder`], [`reading`], [`writing`]: what is done there. [`failure`]: what went wrong,
//! and what to do.

mod failure;
mod folder;
mod reading;
mod session;
mod share;
mod transport;
mod writing;

use crate::blob::address::NamedBy;
use crate::error::WorkDirError;
use crate::location::Credentials;
use crate::name;
use crate::storage::{FileReader, FileWriter, WorkDir};
use async_trait::async_trait;
use reading::SmbReader;
use session::Sessions;
use share::Share;
use std::sync::Arc;
use uuid::Uuid;
use writing::{PART, SmbWriter};

#[derive(Debug)]
pub(crate) struct SmbWorkDir {
    share: Share,
    sessions: Arc<Sessions>,
}

impl SmbWorkDir {
    /// The working directory that a URL names; nothing is sent before it is used.
    pub(crate) fn open(url: &str, named_by: NamedBy, credentials: &Credentials) -> Result<Self, WorkDirError> {
        let share = Share::parse(url, named_by)?;
        let login = share.login(credentials)?;
        Ok(Self { sessions: Arc::new(Sessions::new(share.clone(), login)), share })
    }

    fn folder(&self, snapshot: Uuid) -> String {
        self.share.path(&[&snapshot.to_string()])
    }

    /// Path and URL of a file.
    fn file(&self, snapshot: Uuid, name: &str) -> Result<(String, String), WorkDirError> {
        let below = [&*snapshot.to_string(), name::check(name)?];
        Ok((self.share.path(&below), self.share.url(&below)))
    }
}

#[async_trait]
impl WorkDir for SmbWorkDir {
    fn location(&self, snapshot: Uuid) -> String {
        self.share.url(&[&snapshot.to_string()])
    }

    async fn create_folder(&self, snapshot: Uuid) -> Result<(), WorkDirError> {
        let (root, folder) = (self.share.path(&[]), self.folder(snapshot));
        let made = async {
            self.sessions.request(|to| folder::make_all(to, &root)).await?;
            // Not to be made twice: the second time it would exist.
            let (connected, _) = self.sessions.current().await?;
            folder::make(connected, &folder).await
        };
        made.await.map_err(|failure: failure::Failure| {
            failure.during(format!("cannot make the folder {}", self.location(snapshot)))
        })
    }

    async fn create(&self, snapshot: Uuid, name: &str) -> Result<Box<dyn FileWriter>, WorkDirError> {
        let (path, url) = self.file(snapshot, name)?;
        let folder = self.folder(snapshot);
        Ok(Box::new(SmbWriter::create(Arc::clone(&self.sessions), folder, path, url).await?))
    }

    async fn open(&self, snapshot: Uuid, name: &str) -> Result<Box<dyn FileReader>, WorkDirError> {
        let (path, url) = self.file(snapshot, name)?;
        Ok(Box::new(SmbReader::open(Arc::clone(&self.sessions), path, url).await?))
    }

    async fn files(&self, snapshot: Uuid) -> Result<Vec<(String, u64)>, WorkDirError> {
        let folder = self.folder(snapshot);
        let entries = match self.sessions.request(|of| folder::list(of, &folder)).await {
            Err(failure) if failure.is_not_found() => Vec::new(),
            listed => listed.map_err(|failure| failure.during(format!("cannot list {}", self.location(snapshot))))?,
        };
        let is_ours = |name: &str| !name.ends_with(PART) && name::check(name).is_ok();
        let finished = entries.into_iter().filter(|entry| !entry.is_directory && is_ours(&entry.name));
        Ok(finished.map(|entry| (entry.name, entry.size)).collect())
    }

    async fn remove(&self, snapshot: Uuid, name: &str) -> Result<(), WorkDirError> {
        let (path, url) = self.file(snapshot, name)?;
        let removed = self.sessions.request(|from| folder::remove(from, &path)).await;
        removed.map_err(|failure| failure.during(format!("cannot remove {url}")))
    }

    async fn folders(&self) -> Result<Vec<Uuid>, WorkDirError> {
        let root = self.share.path(&[]);
        let listed = self.sessions.request(|of| folder::list(of, &root)).await;
        let entries = listed.map_err(|failure| failure.during(format!("cannot list {}", self.share.url(&[]))))?;
        let folders = entries.iter().filter(|entry| entry.is_directory);
        Ok(folders.filter_map(|entry| name::snapshot(&entry.name)).collect())
    }

    async fn remove_folder(&self, snapshot: Uuid) -> Result<(), WorkDirError> {
        let folder = self.folder(snapshot);
        let removed = self.sessions.request(|from| folder::remove_all(from, &folder)).await;
        removed.map_err(|failure| failure.during(format!("cannot remove {}", self.location(snapshot))))
    }
}
