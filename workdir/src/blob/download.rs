//! Reading a blob: its ranges are fetched beside each other and ahead of their reader. Where a connection breaks, the range goes on
//! at the byte that it has got to. Every range is asked for by the ETag of the first look, so that all of them are of one blob.

use super::Store;
use super::request::{Attempts, Failure, attempt};
use crate::error::WorkDirError;
use crate::storage::FileReader;
use async_trait::async_trait;
use azure_core::http::{Etag, StatusCode};
use azure_storage_blob::models::{BlobClientDownloadOptions, BlobClientGetPropertiesResultHeaders};
use futures::TryStreamExt;
use std::collections::VecDeque;
use std::io;
use std::num::NonZero;
use std::ops::Range;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Bytes of a range.
const RANGE: u64 = 4 << 20;
/// Ranges that are fetched ahead of the reader.
const AHEAD: usize = 4;

/// A blob being read.
pub(super) struct BlobReader {
    store: Arc<Store>,
    blob: String,
    size: u64,
    etag: Option<Etag>,
    /// Where the next range begins that nobody fetches yet.
    next: u64,
    fetching: VecDeque<Fetch>,
}

/// A range on its way, given up when dropped.
struct Fetch(JoinHandle<Result<Vec<u8>, WorkDirError>>);

impl Drop for Fetch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl BlobReader {
    pub(super) async fn open(store: Arc<Store>, blob: String) -> Result<Self, WorkDirError> {
        let client = store.client(&blob);
        let looked = store.retried(|| async {
            let properties = client.get_properties(None).await?;
            Ok((properties.content_length()?, properties.etag()?))
        });
        match looked.await {
            Ok((Some(size), etag)) => Ok(Self { store, blob, size, etag, next: 0, fetching: VecDeque::new() }),
            Ok((None, _)) => Err(WorkDirError::storage(
                format!("cannot open {}", store.shown(&blob)),
                io::Error::other("Azure Blob Storage did not tell its size"),
            )),
            Err(failure) => Err(store.problem("open", &blob, &failure)),
        }
    }

    fn fetch_ahead(&mut self) {
        while self.fetching.len() < AHEAD && self.next < self.size {
            let range = self.next..(self.next + RANGE).min(self.size);
            self.next = range.end;
            let (store, blob, etag) = (Arc::clone(&self.store), self.blob.clone(), self.etag.clone());
            self.fetching.push_back(Fetch(tokio::spawn(async move {
                store.fetch(&blob, range, etag).await.map_err(|failure| match failure.status() {
                    Some(StatusCode::PreconditionFailed) => {
                        WorkDirError::damaged(format!("{} changed while it was read", store.shown(&blob)))
                    }
                    _ => store.problem("read", &blob, &failure),
                })
            })));
        }
    }
}

#[async_trait]
impl FileReader for BlobReader {
    async fn read(&mut self) -> Result<Option<Vec<u8>>, WorkDirError> {
        self.fetch_ahead();
        let Some(fetch) = self.fetching.front_mut() else { return Ok(None) };
        let fetched = (&mut fetch.0).await;
        self.fetching.pop_front();
        match fetched {
            Ok(fetched) => {
                self.fetch_ahead();
                fetched.map(Some)
            }
            Err(ended) => Err(WorkDirError::storage(
                format!("cannot read {}", self.store.shown(&self.blob)),
                io::Error::other(ended),
            )),
        }
    }
}

impl Store {
    async fn fetch(&self, blob: &str, range: Range<u64>, etag: Option<Etag>) -> Result<Vec<u8>, Failure> {
        let client = self.client(blob);
        let length = (range.end - range.start) as usize;
        let mut bytes = Vec::with_capacity(length);
        let mut attempts = Attempts::default();
        loop {
            let before = bytes.len();
            let missing = range.start + before as u64..range.end;
            let options = BlobClientDownloadOptions {
                if_match: etag.clone(),
                // One request for the whole of it.
                parallel: NonZero::new(1),
                partition_size: NonZero::new(length),
                range: Some(missing.into()),
                ..BlobClientDownloadOptions::default()
            };
            let fetched = attempt(async {
                let mut body = client.download(Some(options)).await?.body;
                while let Some(part) = body.try_next().await? {
                    bytes.extend_from_slice(&part);
                }
                Ok(())
            });
            let failure = match fetched.await {
                Ok(()) if bytes.len() == length => return Ok(bytes),
                // A length that does not fit its range is like a connection that broke; one beyond it is nothing to go on from.
                Ok(()) => {
                    bytes.truncate(if bytes.len() > length { before } else { bytes.len() });
                    Failure::Azure(azure_core::Error::with_message(
                        azure_core::error::ErrorKind::Io,
                        "the answer is not as long as the range that was asked for",
                    ))
                }
                Err(failure) => failure,
            };
            if bytes.len() > before {
                attempts.further();
            }
            attempts.failed(failure).await?;
        }
    }
}
