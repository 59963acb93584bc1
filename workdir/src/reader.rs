//! Reading a snapshot.

use crate::compression::Decompressor;
use crate::error::WorkDirError;
use crate::location::{self, Credentials};
use crate::manifest::{DataEntry, FileEntry, Manifest, ManifestArticle};
use crate::name;
use crate::native::{self, Decoded};
use crate::storage::{FileReader, WorkDir};
use crate::writer::hexadecimal;
use proto::{ArticleId, Column, Row};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::mpsc;
use uuid::Uuid;

/// Longest manifest and script.
const MAX_SMALL_FILE: u64 = 64 << 20;
/// Blocks read ahead of the decoding.
const BLOCKS_AHEAD: usize = 2;

/// The content of a file that is not larger than a manifest may be.
pub(crate) async fn small_file(work_dir: &dyn WorkDir, id: Uuid, name: &str) -> Result<Vec<u8>, WorkDirError> {
    let mut file = work_dir.open(id, name).await?;
    let mut bytes = Vec::new();
    while let Some(block) = file.read().await? {
        bytes.extend_from_slice(&block);
        if bytes.len() as u64 > MAX_SMALL_FILE {
            let location = work_dir.location(id);
            let message = format!("{location}/{name} is longer than the {MAX_SMALL_FILE} bytes allowed");
            return Err(WorkDirError::damaged(message));
        }
    }
    Ok(bytes)
}

/// A snapshot that was opened.
#[derive(Debug)]
pub struct SnapshotReader {
    work_dir: Arc<dyn WorkDir>,
    location: String,
    manifest: Manifest,
}

impl SnapshotReader {
    /// Opens a snapshot by its folder's URL ([`proto::catalog::Snapshot::location`]) and reads its manifest.
    pub async fn open(location: &str, credentials: &Credentials) -> Result<Self, WorkDirError> {
        let (work_dir, id) = location::open_snapshot(location, credentials)?;
        Self::open_in(work_dir, id).await
    }

    /// Opens a snapshot of a working directory and reads its manifest.
    pub async fn open_in(work_dir: Arc<dyn WorkDir>, id: Uuid) -> Result<Self, WorkDirError> {
        let location = work_dir.location(id);
        let shown = format!("{location}/{}", name::MANIFEST);
        let bytes = small_file(&*work_dir, id, name::MANIFEST).await?;
        let manifest = Manifest::parse(&bytes, id, &shown)?;
        Ok(Self { work_dir, location, manifest })
    }

    /// What the snapshot is made of.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// An article's part of the manifest.
    pub fn article(&self, id: ArticleId) -> Result<&ManifestArticle, WorkDirError> {
        self.manifest.articles.iter().find(|article| article.article.id == id).ok_or_else(|| {
            WorkDirError::damaged(format!("the snapshot {} does not hold the article {id}", self.location))
        })
    }

    /// The T-SQL that makes an article's table, before its rows are loaded.
    pub async fn pre_script(&self, id: ArticleId) -> Result<String, WorkDirError> {
        self.script(&self.article(id)?.pre_script).await
    }

    /// The T-SQL for after an article's rows are loaded.
    pub async fn post_script(&self, id: ArticleId) -> Result<String, WorkDirError> {
        self.script(&self.article(id)?.post_script).await
    }

    /// Reads an article's rows.
    pub fn rows(&self, id: ArticleId) -> Result<RowReader, WorkDirError> {
        let article = self.article(id)?;
        Ok(RowReader {
            work_dir: Arc::clone(&self.work_dir),
            id: self.manifest.id,
            columns: article.article.columns.clone(),
            waiting: article.data.iter().cloned().collect(),
            open: None,
            bytes: 0,
        })
    }

    /// Reads the rows of one of an article's data files, counted from 1.
    pub fn part(&self, id: ArticleId, number: u32) -> Result<RowReader, WorkDirError> {
        let entry = (number as usize).checked_sub(1).and_then(|index| self.article(id).ok()?.data.get(index));
        let entry = entry.cloned().ok_or_else(|| {
            WorkDirError::damaged(format!("the snapshot {} holds no part {number} of the article {id}", self.location))
        })?;
        Ok(RowReader { waiting: VecDeque::from([entry]), ..self.rows(id)? })
    }

    /// T-SQL for after the tables of all articles are there.
    pub async fn last_script(&self, id: ArticleId) -> Result<String, WorkDirError> {
        self.script(&self.article(id)?.last_script).await
    }

    async fn script(&self, entry: &FileEntry) -> Result<String, WorkDirError> {
        if entry.size > MAX_SMALL_FILE {
            return Err(WorkDirError::damaged(format!("{} is longer than a script may be", entry.name)));
        }
        let mut file = VerifiedFile::open(&*self.work_dir, self.manifest.id, entry).await?;
        let mut bytes = Vec::new();
        while let Some(block) = file.read().await? {
            bytes.extend_from_slice(&block);
        }
        String::from_utf8(bytes).map_err(|_| WorkDirError::damaged(format!("{} is not UTF-8", entry.name)))
    }
}

/// Reads an article's rows, one after the other, in bounded memory. A file's checksum is only known at its end: whoever loads the rows
/// must not commit before [`RowReader::next`] has returned `None`.
#[derive(Debug)]
pub struct RowReader {
    work_dir: Arc<dyn WorkDir>,
    id: Uuid,
    columns: Vec<Column>,
    waiting: VecDeque<DataEntry>,
    open: Option<OpenFile>,
    bytes: u64,
}

#[derive(Debug)]
struct OpenFile {
    entry: DataEntry,
    blocks: mpsc::Receiver<Result<Vec<u8>, WorkDirError>>,
    buffer: Vec<u8>,
    /// Where in the buffer the next row begins.
    at: usize,
    rows: u64,
}

impl RowReader {
    /// Bytes of the rows so far, as [`DataEntry::bytes`] counts them.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next row; `None` after the last one of the last file, everything verified. After an error it must not be called again.
    pub async fn next(&mut self) -> Result<Option<Row>, WorkDirError> {
        loop {
            if let Some(file) = &mut self.open {
                match file.next(&self.columns).await? {
                    Some((row, bytes)) => {
                        self.bytes += bytes as u64;
                        return Ok(Some(row));
                    }
                    None => self.open = None,
                }
            }
            match self.waiting.pop_front() {
                Some(entry) => self.open = Some(OpenFile::open(&*self.work_dir, self.id, entry).await?),
                None => return Ok(None),
            }
        }
    }
}

impl OpenFile {
    async fn open(work_dir: &dyn WorkDir, id: Uuid, entry: DataEntry) -> Result<Self, WorkDirError> {
        let file = VerifiedFile::open(work_dir, id, &entry.file).await?;
        let decompressor = Decompressor::new(&entry.file.name, entry.bytes)?;
        let (sender, blocks) = mpsc::channel(BLOCKS_AHEAD);
        tokio::spawn(async move {
            if let Err(error) = hand_over(file, decompressor, &sender).await {
                // Nobody waits for it any more where it cannot be sent.
                let _ = sender.send(Err(error)).await;
            }
        });
        Ok(Self { entry, blocks, buffer: Vec::new(), at: 0, rows: 0 })
    }

    /// The next row, and how many bytes it has.
    async fn next(&mut self, columns: &[Column]) -> Result<Option<(Row, usize)>, WorkDirError> {
        // A row without columns would never end.
        if columns.is_empty() {
            return Err(self.damaged("its article has no columns".to_owned()));
        }
        loop {
            let rest = &self.buffer[self.at..];
            let needed = match rest.is_empty() {
                true => 1,
                false => match native::decode_row(columns, rest) {
                    Ok(Decoded::Row(row, used)) => {
                        self.at += used;
                        self.rows += 1;
                        return Ok(Some((row, used)));
                    }
                    Ok(Decoded::Incomplete(needed)) => needed,
                    Err(error) => return Err(self.damaged(error.to_string())),
                },
            };
            if !self.fill(needed).await? {
                return match (self.buffer.len() == self.at, self.rows == self.entry.rows) {
                    (true, true) => Ok(None),
                    (true, false) => {
                        Err(self.damaged(format!("it holds {} rows instead of {}", self.rows, self.entry.rows)))
                    }
                    (false, _) => Err(self.damaged(format!("it ends within its row {}", self.rows + 1))),
                };
            }
        }
    }

    /// Reads on until `needed` bytes stand after `at`; false when the file has ended before.
    async fn fill(&mut self, needed: usize) -> Result<bool, WorkDirError> {
        self.buffer.drain(..self.at);
        self.at = 0;
        while self.buffer.len() < needed {
            match self.blocks.recv().await {
                Some(block) => self.buffer.extend_from_slice(&block?),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    fn damaged(&self, why: String) -> WorkDirError {
        WorkDirError::damaged(format!("the snapshot's file {} is damaged: {why}", self.entry.file.name))
    }
}

/// Reads a file to its end, for as long as somebody takes its blocks.
async fn hand_over(
    mut file: VerifiedFile,
    mut decompressor: Decompressor,
    blocks: &mpsc::Sender<Result<Vec<u8>, WorkDirError>>,
) -> Result<(), WorkDirError> {
    while let Some(mut stored) = file.read().await? {
        let mut at = 0;
        while let Some(block) = decompressor.next(&mut stored, &mut at)? {
            if blocks.send(Ok(block)).await.is_err() {
                return Ok(());
            }
        }
    }
    decompressor.finish()
}

/// A file whose size and SHA-256 are compared with the manifest's while it is read.
struct VerifiedFile {
    file: Box<dyn FileReader>,
    entry: FileEntry,
    hasher: Sha256,
    read: u64,
}

impl VerifiedFile {
    async fn open(work_dir: &dyn WorkDir, id: Uuid, entry: &FileEntry) -> Result<Self, WorkDirError> {
        let file = work_dir.open(id, name::check(&entry.name)?).await?;
        Ok(Self { file, entry: entry.clone(), hasher: Sha256::new(), read: 0 })
    }

    async fn read(&mut self) -> Result<Option<Vec<u8>>, WorkDirError> {
        let damaged = |why: String| {
            Err(WorkDirError::damaged(format!("the snapshot's file {} is damaged: {why}", self.entry.name)))
        };
        if let Some(block) = self.file.read().await? {
            self.read += block.len() as u64;
            if self.read > self.entry.size {
                return damaged(format!("it is longer than its {} bytes", self.entry.size));
            }
            self.hasher.update(&block);
            return Ok(Some(block));
        }
        if self.read != self.entry.size {
            return damaged(format!("it has {} bytes instead of {}", self.read, self.entry.size));
        }
        if hexadecimal(&self.hasher.finalize_reset()) != self.entry.sha256 {
            return damaged("its SHA-256 is not the one in the manifest".to_owned());
        }
        Ok(None)
    }
}
