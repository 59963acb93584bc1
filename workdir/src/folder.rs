//! Whose the folders of a working directory are, and how one is removed.

use crate::error::WorkDirError;
use crate::manifest::Manifest;
use crate::name;
use crate::plan::Plan;
use crate::reader::small_file;
use crate::storage::WorkDir;
use proto::catalog::Publication;
use uuid::Uuid;

/// What a snapshot's folder says that it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Folder {
    /// A snapshot that was registered, of this publication.
    Snapshot(Publication),
    /// One that is not finished, or may not have been registered.
    Unfinished(Box<Plan>),
    /// It has neither manifest nor plan: it was just made, or all that was left of it is an unfinished removal.
    Nothing,
    /// Neither can be read, for this reason.
    Unreadable(String),
}

/// The folders of snapshots in a working directory; none where that is not there yet, since it is made with the first snapshot.
pub async fn folders(work_dir: &dyn WorkDir) -> Result<Vec<Uuid>, WorkDirError> {
    match work_dir.folders().await {
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        folders => folders,
    }
}

/// Finds out what a folder is.
pub async fn folder(work_dir: &dyn WorkDir, id: Uuid) -> Result<Folder, WorkDirError> {
    // The plan goes after the manifest has come, and with it, so that in this order neither is overlooked.
    if let Some(bytes) = read(work_dir, id, name::PLAN).await? {
        return Ok(match Plan::parse(&bytes, id) {
            Ok(plan) => Folder::Unfinished(Box::new(plan)),
            Err(why) => Folder::Unreadable(format!("{}/{}: {why}", work_dir.location(id), name::PLAN)),
        });
    }
    let Some(bytes) = read(work_dir, id, name::MANIFEST).await? else { return Ok(Folder::Nothing) };
    let shown = format!("{}/{}", work_dir.location(id), name::MANIFEST);
    Ok(match Manifest::parse(&bytes, id, &shown) {
        Ok(manifest) => Folder::Snapshot(manifest.publication),
        Err(why) => Folder::Unreadable(why.to_string()),
    })
}

async fn read(work_dir: &dyn WorkDir, id: Uuid, name: &str) -> Result<Option<Vec<u8>>, WorkDirError> {
    match small_file(work_dir, id, name).await {
        Err(error) if error.is_not_found() => Ok(None),
        read => read.map(Some),
    }
}

/// Removes a snapshot's folder with everything in it; none there is no error. What says whose it is goes last, so that one whose removal is
/// interrupted is found again; and the manifest goes first where there is a plan as well, so that it is not taken for finished.
pub async fn discard(work_dir: &dyn WorkDir, id: Uuid) -> Result<(), WorkDirError> {
    let mut names: Vec<String> = work_dir.files(id).await?.into_iter().map(|(name, _)| name).collect();
    let has_plan = names.iter().any(|name| name == name::PLAN);
    names.sort_by_key(|name| match name.as_str() {
        name::PLAN => 3,
        name::MANIFEST if !has_plan => 2,
        name::MANIFEST => 0,
        _ => 1,
    });
    for name in names {
        work_dir.remove(id, &name).await?;
    }
    work_dir.remove_folder(id).await
}
