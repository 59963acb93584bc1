//! Snapshots that are not finished: what of them is there, so that a snapshot agent that died is followed by one that goes on.
//!
//! Beside what becomes the snapshot, the folder holds until its end:
//!
//! - `plan.json`, written before any rows: the articles with the ranges of keys that their rows are written in.
//! - `0001.sales.orders.003.json` once that range's data file is finished: its size and checksum, and the view that it was read in.
//! - `view.<token>.json` for each view, by the token of the marker that it began with: its boundary, once that is known.
//!
//! The manifest comes when all parts are there; then these files go, `plan.json` last, once the distributor knows the snapshot. So a folder
//! with a manifest and a plan is a snapshot that may not have been registered.

use crate::compression::Compression;
use crate::error::WorkDirError;
use crate::folder::folders;
use crate::name;
use crate::reader::small_file;
use crate::storage::WorkDir;
use crate::writer::{ArticleFiles, FinishedPart};
use proto::catalog::Publication;
use proto::{Lsn, TableName};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use uuid::Uuid;

/// Says that a JSON file is one of ours.
const FORMAT: &str = "transactional-replication-snapshot-plan";
/// Version that this build writes and reads.
const VERSION: u32 = 2;

/// What a snapshot is to become: its `plan.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    format: String,
    version: u32,
    /// The snapshot's id.
    pub id: Uuid,
    /// Publication it is of.
    pub publication: Publication,
    /// Tables at the publisher that it was asked for; `None` for those of all articles.
    pub tables: Option<Vec<TableName>>,
    /// When it was begun: microseconds since 1970-01-01 UTC by the publisher's clock.
    pub begun_at: i64,
    /// Its articles.
    pub articles: Vec<ArticleFiles>,
}

impl Plan {
    /// Of a snapshot that begins now.
    pub fn new(id: Uuid, publication: Publication, tables: Option<Vec<TableName>>, begun_at: i64) -> Self {
        Self { format: FORMAT.to_owned(), version: VERSION, id, publication, tables, begun_at, articles: Vec::new() }
    }

    pub(crate) fn parse(bytes: &[u8], id: Uuid) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Head {
            format: Option<String>,
            version: Option<u32>,
        }
        let head: Head = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if (head.format.as_deref(), head.version) != (Some(FORMAT), Some(VERSION)) {
            return Err(format!("it is not of the version {VERSION} that this software writes"));
        }
        let plan: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if plan.id != id {
            return Err(format!("it belongs to the snapshot {}", plan.id));
        }
        for article in &plan.articles {
            for file in article.files() {
                name::check(&file.name).map_err(|error| error.to_string())?;
            }
        }
        Ok(plan)
    }
}

/// The boundary of what was read in a view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct View {
    pub boundary: Lsn,
}

/// A snapshot whose folder still holds its plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Unfinished {
    /// What it was to become.
    pub plan: Plan,
    /// Whether its manifest is there: all but that it may not be registered.
    pub has_manifest: bool,
    files: BTreeMap<String, u64>,
}

/// What there is of a snapshot that is not finished.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Remains {
    /// Finished parts whose data files have their size, by the places of their article and of their range in the plan.
    pub parts: BTreeMap<(usize, usize), FinishedPart>,
    /// Boundaries of the views that they were read in, as far as they were known.
    pub views: BTreeMap<Uuid, Lsn>,
}

/// The unfinished snapshots of a publication in a working directory, the newest first. A plan that cannot be read is nobody's.
pub async fn unfinished(work_dir: &dyn WorkDir, publication: &Publication) -> Result<Vec<Unfinished>, WorkDirError> {
    let mut found = Vec::new();
    for id in folders(work_dir).await? {
        let files: BTreeMap<String, u64> = work_dir.files(id).await?.into_iter().collect();
        if !files.contains_key(name::PLAN) {
            continue;
        }
        let bytes = match small_file(work_dir, id, name::PLAN).await {
            // Another agent has finished meanwhile.
            Err(error) if error.is_not_found() => continue,
            bytes => bytes?,
        };
        match Plan::parse(&bytes, id) {
            Ok(plan) if plan.publication.is_same(publication) => {
                found.push(Unfinished { plan, has_manifest: files.contains_key(name::MANIFEST), files });
            }
            Ok(_) => {}
            Err(why) => {
                tracing::warn!(
                    folder = work_dir.location(id),
                    why,
                    "the plan of a snapshot cannot be read; its folder is left alone"
                );
            }
        }
    }
    found.sort_by_key(|unfinished| std::cmp::Reverse(unfinished.plan.begun_at));
    Ok(found)
}

impl Unfinished {
    /// Finds out what there is of it. What cannot be read is not there.
    pub async fn remains(&self, work_dir: &dyn WorkDir) -> Result<Remains, WorkDirError> {
        let mut remains = Remains::default();
        let mut views = BTreeSet::new();
        for (a, article) in self.plan.articles.iter().enumerate() {
            let stem = article.stem();
            for p in 0..article.parts.len() {
                let (data, sidecar) = (name::data(&stem, p + 1), name::finished(&stem, p + 1));
                let Some(part) = self.json::<FinishedPart>(work_dir, &sidecar).await? else { continue };
                // One that was written before may be compressed otherwise.
                let is_its = Compression::of_file(&part.file.name).file(data) == part.file.name;
                if is_its && self.files.get(&part.file.name) == Some(&part.file.size) {
                    views.insert(part.view);
                    remains.parts.insert((a, p), part);
                }
            }
        }
        for token in views {
            if let Some(view) = self.json::<View>(work_dir, &name::view(token)).await? {
                remains.views.insert(token, view.boundary);
            }
        }
        Ok(remains)
    }

    async fn json<T: for<'a> Deserialize<'a>>(
        &self,
        work_dir: &dyn WorkDir,
        name: &str,
    ) -> Result<Option<T>, WorkDirError> {
        if !self.files.contains_key(name) {
            return Ok(None);
        }
        let bytes = small_file(work_dir, self.plan.id, name).await?;
        let read = serde_json::from_slice(&bytes);
        if let Err(error) = &read {
            tracing::warn!(file = name, %error, "a file of an unfinished snapshot cannot be read; what it tells of is read anew");
        }
        Ok(read.ok())
    }
}

/// JSON of what is ours.
pub(crate) fn json(value: &impl Serialize) -> Result<Vec<u8>, WorkDirError> {
    serde_json::to_vec_pretty(value)
        .map_err(|error| WorkDirError::storage("a file of the snapshot cannot be made", io::Error::other(error)))
}
