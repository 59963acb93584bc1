//! Locations: the working directory and the snapshots in it, as URLs.

use crate::blob::BlobWorkDir;
use crate::blob::address::NamedBy;
use crate::error::WorkDirError;
use crate::local::LocalWorkDir;
use crate::name;
use crate::smb::SmbWorkDir;
use crate::storage::WorkDir;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;
use zeroize::Zeroizing;

/// What a working directory asks for before it lets one in. A file system asks for nothing.
#[derive(Clone, Default)]
pub struct Credentials {
    /// Account of a share; for an Azure file share the storage account's name, which the URL tells as well.
    pub login: Option<String>,
    /// Password of a share, key of a storage account, or a shared access signature (`sv=…&sig=…`).
    pub secret: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("login", &self.login).finish_non_exhaustive()
    }
}

/// Opens a working directory by its URL, e.g. `file:///srv/repldata` or `https://shop.blob.core.windows.net/snapshots`.
pub fn open(url: &str, credentials: &Credentials) -> Result<Arc<dyn WorkDir>, WorkDirError> {
    open_as(url, NamedBy::Settings, credentials)
}

fn open_as(url: &str, named_by: NamedBy, credentials: &Credentials) -> Result<Arc<dyn WorkDir>, WorkDirError> {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("http" | "https") => Ok(Arc::new(BlobWorkDir::open(url, named_by, credentials)?)),
        Some("smb") => Ok(Arc::new(SmbWorkDir::open(url, named_by, credentials)?)),
        _ => Ok(Arc::new(LocalWorkDir::new(file_path(url)?))),
    }
}

/// Splits a snapshot's location, which the distributor tells, into its working directory and its id.
pub(crate) fn open_snapshot(
    location: &str,
    credentials: &Credentials,
) -> Result<(Arc<dyn WorkDir>, Uuid), WorkDirError> {
    match location.rsplit_once('/').map(|(root, folder)| (root, name::snapshot(folder))) {
        Some((root, Some(id))) => Ok((open_as(root, NamedBy::Distributor, credentials)?, id)),
        _ => Err(WorkDirError::location(format!(
            "{location} is not a snapshot's folder: its name is not a snapshot's id"
        ))),
    }
}

/// The absolute path of a `file://` URL (RFC 8089).
fn file_path(url: &str) -> Result<PathBuf, WorkDirError> {
    let invalid = |why: &str| WorkDirError::location(format!("`{url}` cannot be a working directory: {why}"));
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(invalid("it is not a URL; for a folder write file:///path/to/folder"));
    };
    if !scheme.eq_ignore_ascii_case("file") {
        return Err(invalid("only file://, smb:// and https:// (Azure Blob Storage) are known"));
    }
    let path = rest.strip_prefix("localhost").filter(|path| path.starts_with('/')).unwrap_or(rest);
    if !path.starts_with('/') {
        return Err(invalid("the path is not absolute; write three slashes, as in file:///srv/repldata"));
    }
    let path = percent_decoded(path).ok_or_else(|| invalid("a percent sign is not followed by two digits of UTF-8"))?;
    if path.contains('\0') || Path::new(&path).components().any(|part| part == std::path::Component::ParentDir) {
        return Err(invalid("it leads through `..`"));
    }
    Ok(PathBuf::from(path))
}

pub(crate) fn file_url(path: &Path) -> String {
    let parts: Vec<String> = path.to_string_lossy().split('/').map(percent_encoded).collect();
    format!("file://{}", parts.join("/"))
}

/// A name as a part of a URL's path.
pub(crate) fn percent_encoded(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Text in which `%` and two hexadecimal digits stand for a byte of UTF-8.
pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'%' {
            let digits = tail.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Credentials, file_path, file_url, open_snapshot};
    use proptest::prelude::*;
    use std::path::Path;

    proptest! {
        #[test]
        fn a_path_comes_back_from_its_url(parts in prop::collection::vec("[^/\0]{1,12}", 1..4)) {
            prop_assume!(parts.iter().all(|part| part != ".." && part != "."));
            let path = format!("/{}", parts.join("/"));
            prop_assert_eq!(file_path(&file_url(Path::new(&path))).unwrap(), Path::new(&path));
        }
    }

    #[test]
    fn what_is_no_folder_is_refused() {
        for url in [
            "/srv/x",
            "file://srv/x",
            "file:relative",
            "file:///a/../b",
            "file:///a%zz",
            "ftp://x/y",
            "file:///a%2e%2e/%2e%2e/b",
        ] {
            assert!(super::open(url, &Credentials::default()).is_err(), "{url}");
        }
    }

    #[test]
    fn a_snapshots_location_ends_with_its_id() {
        assert!(open_snapshot("file:///srv/4f3f6c6e-0000-4000-8000-000000000001", &Credentials::default()).is_ok());
        assert!(open_snapshot("file:///srv/latest", &Credentials::default()).is_err());
    }
}
