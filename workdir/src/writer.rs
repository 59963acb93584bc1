//! Writing a snapshot.

use crate::error::WorkDirError;
use crate::manifest::{DataEntry, FileEntry, Manifest, ManifestArticle};
use crate::name;
use crate::native;
use crate::storage::{FileWriter, WorkDir};
use proto::catalog::{Publication, Snapshot};
use proto::{Article, KeyRange, Lsn, Value};
use sha2::{Digest, Sha256};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Bytes of encoded rows that are handed over at once.
const BLOCK: usize = 1 << 20;
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

/// Writes a snapshot: articles in any order and beside each other, then [`SnapshotWriter::finish`]. Until then there is no
/// snapshot; what a crash leaves is a folder without a manifest.
#[derive(Debug)]
pub struct SnapshotWriter {
    work_dir: Arc<dyn WorkDir>,
    id: Uuid,
    publication: Publication,
    articles: AtomicUsize,
}

impl SnapshotWriter {
    /// Makes the folder of a new snapshot.
    pub async fn create(work_dir: Arc<dyn WorkDir>, id: Uuid, publication: Publication) -> Result<Self, WorkDirError> {
        work_dir.create_folder(id).await?;
        Ok(Self { work_dir, id, publication, articles: AtomicUsize::new(0) })
    }

    /// Begins an article with its scripts.
    pub async fn article(&self, article: Article, scripts: &ArticleScripts) -> Result<ArticleWriter, WorkDirError> {
        let stem = name::stem(self.articles.fetch_add(1, Ordering::Relaxed) + 1, &article.source);
        let pre_script = self.small_file(format!("{stem}.sch"), &scripts.before).await?;
        let post_script = self.small_file(format!("{stem}.post.sql"), &scripts.after).await?;
        let last_script = self.small_file(format!("{stem}.last.sql"), &scripts.last).await?;
        let format = native::format_file(&article.columns);
        let format_file = self.small_file(format!("{stem}.xml"), &format).await?;
        let data = HashedFile::create(&*self.work_dir, self.id, format!("{stem}.001.bcp")).await?;
        Ok(ArticleWriter {
            parts: FinishedArticle {
                article,
                pre_script,
                post_script,
                last_script,
                format_file,
                rows: 0,
                file: FileEntry { name: String::new(), size: 0, sha256: String::new() },
            },
            buffer: Vec::with_capacity(BLOCK + BLOCK / 8),
            data,
        })
    }

    /// Writes the manifest, which makes the folder a snapshot. Each article comes with its boundary: every change up to it is in its
    /// rows, none after it.
    pub async fn finish(self, articles: Vec<(FinishedArticle, Lsn)>) -> Result<Snapshot, WorkDirError> {
        let articles = articles.into_iter().map(|(article, boundary)| article.entry(boundary)).collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let manifest = Manifest::new(self.id, self.publication, now as i64, articles);
        let json = serde_json::to_vec_pretty(&manifest)
            .map_err(|error| WorkDirError::storage("the manifest cannot be written", io::Error::other(error)))?;
        let mut file = self.work_dir.create(self.id, name::MANIFEST).await?;
        file.write(json).await?;
        file.finish().await?;
        Ok(manifest.snapshot(self.work_dir.location(self.id)))
    }

    /// Removes what was written.
    pub async fn abandon(self) -> Result<(), WorkDirError> {
        self.work_dir.remove_folder(self.id).await
    }

    async fn small_file(&self, name: String, content: &str) -> Result<FileEntry, WorkDirError> {
        let mut file = HashedFile::create(&*self.work_dir, self.id, name).await?;
        file.write(content.as_bytes().to_vec()).await?;
        file.finish().await
    }
}

/// Writes an article's rows.
#[derive(Debug)]
pub struct ArticleWriter {
    parts: FinishedArticle,
    buffer: Vec<u8>,
    data: HashedFile,
}

impl ArticleWriter {
    /// Appends a row: a value for each of the article's columns. Waits when the storage is behind.
    pub async fn push(&mut self, row: &[Value]) -> Result<(), WorkDirError> {
        native::encode_row(&self.parts.article.columns, row, &mut self.buffer)?;
        self.parts.rows += 1;
        if self.buffer.len() >= BLOCK {
            let block = std::mem::replace(&mut self.buffer, Vec::with_capacity(BLOCK + BLOCK / 8));
            self.data.write(block).await?;
        }
        Ok(())
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.parts.rows
    }

    /// Makes the rows durable.
    pub async fn finish(mut self) -> Result<FinishedArticle, WorkDirError> {
        self.data.write(self.buffer).await?;
        self.parts.file = self.data.finish().await?;
        Ok(self.parts)
    }
}

/// An article whose rows are all there.
#[derive(Debug)]
pub struct FinishedArticle {
    article: Article,
    pre_script: FileEntry,
    post_script: FileEntry,
    last_script: FileEntry,
    format_file: FileEntry,
    rows: u64,
    file: FileEntry,
}

impl FinishedArticle {
    /// The article.
    pub fn article(&self) -> &Article {
        &self.article
    }

    /// Its rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of its data.
    pub fn bytes(&self) -> u64 {
        self.file.size
    }

    fn entry(self, boundary: Lsn) -> ManifestArticle {
        ManifestArticle {
            article: self.article,
            pre_script: self.pre_script,
            post_script: self.post_script,
            last_script: self.last_script,
            format_file: self.format_file,
            data: vec![DataEntry {
                bytes: self.file.size,
                file: self.file,
                rows: self.rows,
                range: KeyRange::ALL,
                boundary,
            }],
        }
    }
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
        let (blocks, receiver) = mpsc::channel(BLOCKS_AHEAD);
        Ok(Self { blocks, task: tokio::spawn(write_blocks(file, name, receiver)) })
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
    mut steps: mpsc::Receiver<Step>,
) -> Result<FileEntry, WorkDirError> {
    let mut hasher = Sha256::new();
    let mut size = 0;
    loop {
        match steps.recv().await {
            Some(Step::Block(block)) => {
                size += block.len() as u64;
                hasher.update(&block);
                file.write(block).await?;
            }
            Some(Step::Finish) => {
                file.finish().await?;
                return Ok(FileEntry { name, size, sha256: hexadecimal(&hasher.finalize()) });
            }
            None => {
                return Err(WorkDirError::storage(
                    format!("{name} was not written to its end"),
                    io::ErrorKind::Interrupted.into(),
                ));
            }
        }
    }
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
