//! Writing a snapshot.

use crate::compression::{Compression, Compressor};
use crate::error::WorkDirError;
use crate::manifest::{DataEntry, FileEntry, Manifest, ManifestArticle};
use crate::name;
use crate::native;
use crate::plan::{self, Plan, View};
use crate::reader::SnapshotReader;
use crate::storage::{FileWriter, WorkDir};
use proto::catalog::{Publication, Snapshot};
use proto::{Article, Column, KeyRange, Lsn, Value};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Bytes of encoded rows that are handed over at once.
const BLOCK: usize = 512 << 10;
/// Blocks that may wait for the storage.
const BLOCKS_AHEAD: usize = 2;

/// The T-SQL of an article's snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArticleScripts {
    /// Makes its table, before its rows are loaded.
    pub before: String,
    /// For after they are loaded.
    pub after: String,
    /// For after the tables of all articles are there.
    pub last: String,
}

/// Writes a snapshot: articles, the plan, their parts in any order and beside each other, then [`SnapshotWriter::finish`]. Until then
/// there is no snapshot; what a crash leaves is told by [`crate::unfinished`].
#[derive(Debug)]
pub struct SnapshotWriter {
    work_dir: Arc<dyn WorkDir>,
    id: Uuid,
    compression: Compression,
}

impl SnapshotWriter {
    /// Makes the folder of a new snapshot.
    pub async fn create(work_dir: Arc<dyn WorkDir>, id: Uuid) -> Result<Self, WorkDirError> {
        work_dir.create_folder(id).await?;
        Ok(Self { work_dir, id, compression: Compression::None })
    }

    /// The same, with data files that are compressed so.
    pub fn with_compression(self, compression: Compression) -> Self {
        Self { compression, ..self }
    }

    /// Goes on with one whose folder is there.
    pub fn resume(work_dir: Arc<dyn WorkDir>, id: Uuid) -> Self {
        Self { work_dir, id, compression: Compression::None }
    }

    /// Removes everything but the plan and these parts of these articles, so that nothing that is written anew is taken for what there was.
    pub async fn retain(&self, kept: &[(&ArticleFiles, Vec<(usize, &FinishedPart)>)]) -> Result<(), WorkDirError> {
        let mut names = BTreeSet::from([name::PLAN.to_owned()]);
        for (article, parts) in kept {
            let stem = article.stem();
            names.extend(article.files().map(|file| file.name.clone()));
            for (index, part) in parts {
                names.extend([part.file.name.clone(), name::finished(&stem, index + 1), name::view(part.view)]);
            }
        }
        self.remove_all_but(&names).await
    }

    /// Writes an article's scripts and its format file. `number` is its own in the snapshot; `parts` are the ranges of keys that its rows
    /// are to be written in.
    pub async fn article(
        &self,
        number: usize,
        article: Article,
        scripts: &ArticleScripts,
        parts: Vec<KeyRange>,
    ) -> Result<ArticleFiles, WorkDirError> {
        let stem = name::stem(number, &article.source);
        let format = native::format_file(&article.columns);
        Ok(ArticleFiles {
            pre_script: self.small_file(format!("{stem}.sch"), &scripts.before).await?,
            post_script: self.small_file(format!("{stem}.post.sql"), &scripts.after).await?,
            last_script: self.small_file(format!("{stem}.last.sql"), &scripts.last).await?,
            format_file: self.small_file(format!("{stem}.xml"), &format).await?,
            number,
            article,
            parts,
        })
    }

    /// Writes down what the snapshot is to become, once all its articles are known; in the place of what was planned before.
    pub async fn plan(&self, plan: &Plan) -> Result<(), WorkDirError> {
        write(&*self.work_dir, self.id, name::PLAN, plan::json(plan)?).await
    }

    /// Begins a part of an article: the range at this index of [`ArticleFiles::parts`]. `view` tells, by the token of the marker that it
    /// began with, the view that it is read in.
    pub async fn part(&self, article: &ArticleFiles, index: usize, view: Uuid) -> Result<PartWriter, WorkDirError> {
        let stem = article.stem();
        let name = self.compression.file(name::data(&stem, index + 1));
        let data = HashedFile::create(&*self.work_dir, self.id, name).await?;
        Ok(PartWriter {
            columns: article.article.columns.clone(),
            buffer: new_block(),
            rows: 0,
            bytes: 0,
            data,
            work_dir: Arc::clone(&self.work_dir),
            id: self.id,
            sidecar: name::finished(&stem, index + 1),
            view,
        })
    }

    /// Writes down the boundary of what is read in a view.
    pub async fn view(&self, view: Uuid, boundary: Lsn) -> Result<(), WorkDirError> {
        write(&*self.work_dir, self.id, &name::view(view), plan::json(&View { boundary })?).await
    }

    /// Writes the manifest, which makes the folder a snapshot, and removes what only an unfinished one needs but for the plan, which
    /// stays until it is [registered](SnapshotWriter::registered). Each article comes with its parts in their order, each with its
    /// boundary: every change up to it is in its rows, none after it.
    pub async fn finish(
        &self,
        publication: Publication,
        articles: Vec<(ArticleFiles, Vec<(FinishedPart, Lsn)>)>,
    ) -> Result<Snapshot, WorkDirError> {
        let articles = articles.into_iter().map(|(article, parts)| article.entry(parts)).collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let manifest = Manifest::new(self.id, publication, now as i64, articles);
        write(&*self.work_dir, self.id, name::MANIFEST, plan::json(&manifest)?).await?;
        self.tidy(&manifest).await
    }

    /// Comes to where [`SnapshotWriter::finish`] comes to, with a snapshot whose manifest is there.
    pub async fn finished(&self) -> Result<Snapshot, WorkDirError> {
        let reader = SnapshotReader::open_in(Arc::clone(&self.work_dir), self.id).await?;
        self.tidy(reader.manifest()).await
    }

    async fn tidy(&self, manifest: &Manifest) -> Result<Snapshot, WorkDirError> {
        let mut names = BTreeSet::from([name::PLAN.to_owned(), name::MANIFEST.to_owned()]);
        for article in &manifest.articles {
            let scripts = [&article.pre_script, &article.post_script, &article.last_script, &article.format_file];
            names.extend(scripts.into_iter().chain(article.data.iter().map(|data| &data.file)).map(|f| f.name.clone()));
        }
        self.remove_all_but(&names).await?;
        Ok(manifest.snapshot(self.work_dir.location(self.id)))
    }

    /// The distributor knows the snapshot: the plan goes.
    pub async fn registered(&self) -> Result<(), WorkDirError> {
        self.work_dir.remove(self.id, name::PLAN).await
    }

    /// Removes what was written.
    pub async fn abandon(self) -> Result<(), WorkDirError> {
        crate::discard(&*self.work_dir, self.id).await
    }

    async fn remove_all_but(&self, names: &BTreeSet<String>) -> Result<(), WorkDirError> {
        for (name, _) in self.work_dir.files(self.id).await? {
            if !names.contains(&name) {
                self.work_dir.remove(self.id, &name).await?;
            }
        }
        Ok(())
    }

    async fn small_file(&self, name: String, content: &str) -> Result<FileEntry, WorkDirError> {
        let mut file = HashedFile::create(&*self.work_dir, self.id, name).await?;
        file.write(content.as_bytes().to_vec()).await?;
        file.finish().await
    }
}

async fn write(work_dir: &dyn WorkDir, id: Uuid, name: &str, content: Vec<u8>) -> Result<(), WorkDirError> {
    let mut file = work_dir.create(id, name).await?;
    file.write(content).await?;
    file.finish().await
}

/// An article in a snapshot that is being written: its files but for the rows, and the parts that these are written in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArticleFiles {
    /// Its number in the snapshot, with which the names of its files begin.
    pub number: usize,
    /// The definition that its rows are read with.
    pub article: Article,
    /// As in [`ManifestArticle`].
    pub pre_script: FileEntry,
    /// As in [`ManifestArticle`].
    pub post_script: FileEntry,
    /// As in [`ManifestArticle`].
    pub last_script: FileEntry,
    /// As in [`ManifestArticle`].
    pub format_file: FileEntry,
    /// Ranges of its keys, each for a data file of its own.
    pub parts: Vec<KeyRange>,
}

impl ArticleFiles {
    /// What the names of its files begin with.
    pub(crate) fn stem(&self) -> String {
        name::stem(self.number, &self.article.source)
    }

    /// Its files but for the rows.
    pub(crate) fn files(&self) -> impl Iterator<Item = &FileEntry> {
        [&self.pre_script, &self.post_script, &self.last_script, &self.format_file].into_iter()
    }

    fn entry(self, parts: Vec<(FinishedPart, Lsn)>) -> ManifestArticle {
        let known = self.parts.iter().all(|range| range.is_known_of(&self.article));
        let data = self.parts.into_iter().zip(parts).map(|(range, (part, boundary))| DataEntry {
            file: part.file,
            bytes: part.bytes,
            rows: part.rows,
            range: if known { range } else { KeyRange::ALL },
            boundary,
        });
        ManifestArticle {
            article: self.article,
            pre_script: self.pre_script,
            post_script: self.post_script,
            last_script: self.last_script,
            format_file: self.format_file,
            data: data.collect(),
        }
    }
}

/// Writes the rows of a part.
#[derive(Debug)]
pub struct PartWriter {
    columns: Vec<Column>,
    buffer: Vec<u8>,
    rows: u64,
    /// Bytes handed over.
    bytes: u64,
    data: HashedFile,
    work_dir: Arc<dyn WorkDir>,
    id: Uuid,
    sidecar: String,
    view: Uuid,
}

impl PartWriter {
    /// Appends a row: a value for each of the article's columns. Waits when the storage is behind.
    pub async fn push(&mut self, row: &[Value]) -> Result<(), WorkDirError> {
        native::encode_row(&self.columns, row, &mut self.buffer)?;
        self.rows += 1;
        if self.buffer.len() >= BLOCK {
            self.hand_over().await?;
        }
        Ok(())
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes + self.buffer.len() as u64
    }

    /// Makes the rows durable, and then writes down that they are.
    pub async fn finish(mut self) -> Result<FinishedPart, WorkDirError> {
        self.hand_over().await?;
        let file = self.data.finish().await?;
        let part = FinishedPart { file, bytes: self.bytes, rows: self.rows, view: self.view };
        write(&*self.work_dir, self.id, &self.sidecar, plan::json(&part)?).await?;
        Ok(part)
    }

    async fn hand_over(&mut self) -> Result<(), WorkDirError> {
        let block = std::mem::replace(&mut self.buffer, new_block());
        self.bytes += block.len() as u64;
        self.data.write(block).await
    }
}

/// A part whose rows are all there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishedPart {
    /// The file.
    pub file: FileEntry,
    /// Bytes of the rows.
    pub bytes: u64,
    /// Rows in it.
    pub rows: u64,
    /// The view that it was read in, by the token of the marker that it began with.
    pub view: Uuid,
}

fn new_block() -> Vec<u8> {
    Vec::with_capacity(BLOCK + BLOCK / 8)
}

/// A file that is hashed and written by a task of its own while the next block is made.
#[derive(Debug)]
struct HashedFile {
    blocks: mpsc::Sender<Step>,
    task: JoinHandle<Result<FileEntry, WorkDirError>>,
}

enum Step {
    Block(Vec<u8>),
    Finish,
}

impl HashedFile {
    async fn create(work_dir: &dyn WorkDir, id: Uuid, name: String) -> Result<Self, WorkDirError> {
        let file = work_dir.create(id, name::check(&name)?).await?;
        let compressor = Compressor::new(Compression::of_file(&name))
            .map_err(|error| WorkDirError::storage(format!("{name} cannot be compressed"), error))?;
        let (blocks, receiver) = mpsc::channel(BLOCKS_AHEAD);
        Ok(Self { blocks, task: tokio::spawn(write_blocks(file, name, compressor, receiver)) })
    }

    async fn write(&mut self, block: Vec<u8>) -> Result<(), WorkDirError> {
        match self.blocks.send(Step::Block(block)).await {
            Ok(()) => Ok(()),
            // The task has ended before it was told to: it knows why.
            Err(_) => self.end().await.map(|_| ()),
        }
    }

    async fn finish(mut self) -> Result<FileEntry, WorkDirError> {
        // Whether it was taken or not, the task's end says how it went.
        let _ = self.blocks.send(Step::Finish).await;
        self.end().await
    }

    async fn end(&mut self) -> Result<FileEntry, WorkDirError> {
        match (&mut self.task).await {
            Ok(ended) => ended,
            Err(ended) => Err(WorkDirError::storage("writing was interrupted", io::Error::other(ended))),
        }
    }
}

async fn write_blocks(
    mut file: Box<dyn FileWriter>,
    name: String,
    mut compressor: Compressor,
    mut steps: mpsc::Receiver<Step>,
) -> Result<FileEntry, WorkDirError> {
    let mut hasher = Sha256::new();
    let mut size = 0;
    let failed = |error| WorkDirError::storage(format!("{name} cannot be compressed"), error);
    loop {
        let (stored, last) = match steps.recv().await {
            Some(Step::Block(block)) => (compressor.push(block).map_err(failed)?, false),
            Some(Step::Finish) => {
                (std::mem::replace(&mut compressor, Compressor::None).finish().map_err(failed)?, true)
            }
            None => {
                return Err(WorkDirError::storage(
                    format!("{name} was not written to its end"),
                    io::ErrorKind::Interrupted.into(),
                ));
            }
        };
        size += stored.len() as u64;
        hasher.update(&stored);
        if !stored.is_empty() {
            file.write(stored).await?;
        }
        if last {
            file.finish().await?;
            return Ok(FileEntry { name, size, sha256: hexadecimal(&hasher.finalize()) });
        }
    }
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
