//! The manifest: what a snapshot is made of.

use crate::error::WorkDirError;
use crate::name;
use proto::catalog::{Publication, Snapshot};
use proto::{Article, KeyRange, Lsn};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Says that a JSON file is one of ours.
const FORMAT: &str = "transactional-replication-snapshot";
/// Version that this build writes and reads.
const VERSION: u32 = 3;

/// A snapshot's `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    format: String,
    version: u32,
    /// The snapshot's id.
    pub id: Uuid,
    /// Publication it is of.
    pub publication: Publication,
    /// When it was finished: microseconds since 1970-01-01 UTC.
    pub created_at: i64,
    /// Its articles.
    pub articles: Vec<ManifestArticle>,
}

/// An article of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManifestArticle {
    /// The definition that its rows were read with.
    pub article: Article,
    /// T-SQL that makes the table, before its rows are loaded.
    pub pre_script: FileEntry,
    /// T-SQL for after they are loaded.
    pub post_script: FileEntry,
    /// T-SQL for after the tables of all articles are there.
    pub last_script: FileEntry,
    /// XML format file of the data files.
    pub format_file: FileEntry,
    /// The rows.
    pub data: Vec<DataEntry>,
}

/// A file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its name in the folder.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

/// A data file of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataEntry {
    /// The file.
    pub file: FileEntry,
    /// Bytes of the rows; the file has fewer where it is compressed, which its name ends with `.zst` for.
    pub bytes: u64,
    /// Rows in it.
    pub rows: u64,
    /// The keys that they are of: this file holds all rows of them. [`KeyRange::ALL`] in each of an article's files where the order of the
    /// key columns that it is cut by is the server's alone; they have one boundary then.
    pub range: KeyRange,
    /// Every change up to here is contained, none after it.
    pub boundary: Lsn,
}

/// What tells whether the rest can be read.
#[derive(Deserialize)]
struct Head {
    format: Option<String>,
    version: Option<u32>,
}

impl Manifest {
    pub(crate) fn new(id: Uuid, publication: Publication, created_at: i64, articles: Vec<ManifestArticle>) -> Self {
        Self { format: FORMAT.to_owned(), version: VERSION, id, publication, created_at, articles }
    }

    /// Reads what `shown` holds, and checks that it is of the snapshot `id` and names only files of its folder.
    pub(crate) fn parse(bytes: &[u8], id: Uuid, shown: &str) -> Result<Self, WorkDirError> {
        let damaged = |why: String| WorkDirError::damaged(format!("{shown} is not a snapshot's manifest: {why}"));
        let head: Head = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        if head.format.as_deref() != Some(FORMAT) {
            return Err(damaged("it does not say that it is one".to_owned()));
        }
        if head.version != Some(VERSION) {
            let version = head.version.map_or_else(|| "missing".to_owned(), |version| version.to_string());
            return Err(damaged(format!("its version is {version}, this software reads {VERSION}")));
        }
        // From the text itself: a JSON value in between would not hold the bounds of every decimal.
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        if manifest.id != id {
            return Err(damaged(format!("it belongs to the snapshot {}", manifest.id)));
        }
        for article in &manifest.articles {
            let scripts = [&article.pre_script, &article.post_script, &article.last_script, &article.format_file];
            for file in scripts.into_iter().chain(article.data.iter().map(|data| &data.file)) {
                name::check(&file.name)?;
            }
        }
        Ok(manifest)
    }

    /// What the distributor is told of it.
    pub fn snapshot(&self, location: String) -> Snapshot {
        let data = || self.articles.iter().flat_map(|article| &article.data);
        let boundaries = self.articles.iter().flat_map(|article| {
            let of_parts: BTreeSet<Lsn> = article.data.iter().map(|data| data.boundary).collect();
            of_parts.into_iter().map(|boundary| (article.article.id, boundary))
        });
        Snapshot {
            id: self.id,
            publication: self.publication.name.clone(),
            location,
            boundaries: boundaries.collect(),
            rows: data().map(|data| data.rows).sum(),
            bytes: data().map(|data| data.bytes).sum(),
            created_at: self.created_at,
        }
    }
}
