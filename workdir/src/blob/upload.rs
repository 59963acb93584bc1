//! Writing a blob: its blocks are sent beside each other, and the list of them at the end makes it appear, whole
//! (<https://learn.microsoft.com/rest/api/storageservices/put-block-list>).

use super::Store;
use crate::error::WorkDirError;
use crate::storage::FileWriter;
use async_trait::async_trait;
use azure_core::Bytes;
use azure_core::http::RequestContent;
use azure_storage_blob::models::BlockLookupList;
use std::io;
use std::sync::Arc;
use tokio::task::JoinSet;
use uuid::Uuid;

/// Bytes of a block.
const BLOCK: usize = 8 << 20;
/// Blocks that a blob may have (<https://learn.microsoft.com/rest/api/storageservices/put-block#remarks>).
const MOST_BLOCKS: usize = 50_000;
/// Blocks of a file on their way at once.
const AT_ONCE: usize = 3;

/// A blob being written. What was sent of one that is dropped belongs to no blob: it goes with the next blob of the name, with the
/// folder, or after a week.
pub(super) struct BlobWriter {
    store: Arc<Store>,
    blob: String,
    /// The beginning of the names of its blocks: another writer of this blob has another.
    writer: Uuid,
    filling: Vec<u8>,
    blocks: Vec<Vec<u8>>,
    sending: JoinSet<Result<(), WorkDirError>>,
    failed: bool,
}

impl BlobWriter {
    pub(super) fn new(store: Arc<Store>, blob: String) -> Self {
        let writer = Uuid::new_v4();
        Self { store, blob, writer, filling: Vec::new(), blocks: Vec::new(), sending: JoinSet::new(), failed: false }
    }

    fn error(&self, why: &str) -> WorkDirError {
        WorkDirError::storage(format!("cannot write {}", self.store.shown(&self.blob)), io::Error::other(why))
    }

    async fn send(&mut self, block: Vec<u8>) -> Result<(), WorkDirError> {
        if self.blocks.len() == MOST_BLOCKS {
            return Err(self.error(&format!("a blob has at most {MOST_BLOCKS} blocks of {BLOCK} bytes")));
        }
        while self.sending.len() >= AT_ONCE {
            self.sent().await?;
        }
        // All names of a blob's blocks are equally long.
        let index = (self.blocks.len() as u32).to_be_bytes();
        let id = [self.writer.as_bytes().as_slice(), &index].concat();
        self.blocks.push(id.clone());
        let (store, blob) = (Arc::clone(&self.store), self.blob.clone());
        self.sending.spawn(async move {
            let block = Bytes::from(block);
            let client = store.client(&blob).block_blob_client();
            let length = block.len() as u64;
            let sent = store.retried(|| async {
                let content = RequestContent::from(block.to_vec());
                client.stage_block(&id, length, content, None).await.map(|_| ())
            });
            sent.await.map_err(|failure| store.problem("write", &blob, &failure))
        });
        Ok(())
    }

    /// Waits until one of the blocks on their way has arrived.
    async fn sent(&mut self) -> Result<(), WorkDirError> {
        match self.sending.join_next().await {
            Some(Ok(sent)) => sent,
            Some(Err(ended)) => Err(self.error(&ended.to_string())),
            None => Ok(()),
        }
    }

    async fn append(&mut self, block: Vec<u8>) -> Result<(), WorkDirError> {
        let mut rest = &block[..];
        while self.filling.len() + rest.len() >= BLOCK {
            let (now, later) = rest.split_at(BLOCK - self.filling.len());
            self.filling.extend_from_slice(now);
            rest = later;
            let full = std::mem::take(&mut self.filling);
            self.send(full).await?;
        }
        self.filling.extend_from_slice(rest);
        Ok(())
    }

    async fn commit(&mut self) -> Result<(), WorkDirError> {
        if !self.filling.is_empty() {
            let last = std::mem::take(&mut self.filling);
            self.send(last).await?;
        }
        while !self.sending.is_empty() {
            self.sent().await?;
        }
        // `latest`: should the answer get lost, the next attempt finds the blocks among the committed ones.
        let list = BlockLookupList { latest: Some(self.blocks.clone()), ..BlockLookupList::default() };
        let client = self.store.client(&self.blob).block_blob_client();
        let committed =
            self.store.retried(|| async { client.commit_block_list(list.clone().try_into()?, None).await.map(|_| ()) });
        match committed.await {
            Ok(()) => Ok(()),
            Err(failure) if failure.code() == "InvalidBlockList" => {
                Err(self.error("another writer has finished or removed this file meanwhile"))
            }
            Err(failure) => Err(self.store.problem("finish", &self.blob, &failure)),
        }
    }
}

#[async_trait]
impl FileWriter for BlobWriter {
    async fn write(&mut self, block: Vec<u8>) -> Result<(), WorkDirError> {
        if self.failed {
            return Err(self.error("an earlier write failed"));
        }
        let appended = self.append(block).await;
        self.failed = appended.is_err();
        appended
    }

    async fn finish(mut self: Box<Self>) -> Result<(), WorkDirError> {
        match self.failed {
            true => Err(self.error("an earlier write failed")),
            false => self.commit().await,
        }
    }
}
