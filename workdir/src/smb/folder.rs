//! Folders and what is in them.

use super::failure::Failure;
use super::session::Connected;
use smb2::client::tree::DirectoryEntry;
use std::io;

/// Makes a folder that is not there.
pub(super) async fn make(mut to: Connected, path: &str) -> Result<(), Failure> {
    Ok(to.tree.create_directory(&mut to.connection, path).await?)
}

/// Makes a folder and those it is in, where they are missing.
pub(super) async fn make_all(to: Connected, path: &str) -> Result<(), Failure> {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    for end in ends.filter(|end| *end > 0) {
        match make(to.clone(), &path[..end]).await {
            Err(failure) if failure.kind == io::ErrorKind::AlreadyExists => {}
            // One that is there may be in a folder where the login may not make any.
            Err(failure) if failure.kind == io::ErrorKind::PermissionDenied && end < path.len() => {}
            made => made?,
        }
    }
    Ok(())
}

/// What is in a folder.
pub(super) async fn list(mut of: Connected, path: &str) -> Result<Vec<DirectoryEntry>, Failure> {
    let mut entries = of.tree.list_directory(&mut of.connection, path).await?;
    entries.retain(|entry| entry.name != "." && entry.name != "..");
    Ok(entries)
}

/// Removes a file; one that is not there is no error.
pub(super) async fn remove(mut from: Connected, path: &str) -> Result<(), Failure> {
    done_or_gone(from.tree.delete_file(&mut from.connection, path).await.map_err(Failure::from))
}

/// Removes a folder with everything in it; none there is no error.
pub(super) async fn remove_all(mut from: Connected, path: &str) -> Result<(), Failure> {
    let mut waiting = vec![(path.to_owned(), false)];
    while let Some((path, is_empty)) = waiting.pop() {
        if is_empty {
            let removed = from.tree.delete_directory(&mut from.connection, &path).await;
            done_or_gone(removed.map_err(Failure::from))?;
            continue;
        }
        let entries = match list(from.clone(), &path).await {
            Err(failure) if failure.is_not_found() => continue,
            entries => entries?,
        };
        waiting.push((path.clone(), true));
        for entry in entries {
            let path = format!("{path}/{}", entry.name);
            if entry.is_link() {
                // What it leads to is not ours.
                let removed = from.tree.delete_link(&mut from.connection, &path).await;
                done_or_gone(removed.map_err(Failure::from))?;
            } else if entry.is_directory {
                waiting.push((path, false));
            } else {
                remove(from.clone(), &path).await?;
            }
        }
    }
    Ok(())
}

fn done_or_gone(removed: Result<(), Failure>) -> Result<(), Failure> {
    match removed {
        Err(failure) if failure.is_not_found() => Ok(()),
        removed => removed,
    }
}
