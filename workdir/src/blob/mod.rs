//! Working directory in a container of Azure Blob Storage:
//! `https://<account>.blob.core.windows.net/<container>[/<folder>]`, or Azurite's `http://127.0.0.1:10000/<account>/<container>`.
//!
//! A file is a block blob, a snapshot's folder what the names of its blobs begin with: there is no folder without a file. A file
//! appears when the list of its blocks is committed ([`upload`]); it is read in ranges, several ahead ([`download`]). Every request has
//! a limit of time and is made anew after broken connections and where the server is busy ([`request`]). Requests are signed with the
//! account's key or carry a shared access signature ([`authorize`]), which no error and no log shows.

pub(crate) mod address;
mod authorize;
mod download;
mod listing;
mod request;
mod upload;

use crate::error::WorkDirError;
use crate::location::Credentials;
use crate::name;
use crate::storage::{FileReader, FileWriter, WorkDir};
use address::{Address, NamedBy};
use async_trait::async_trait;
use authorize::Authorization;
use azure_core::http::policies::Policy;
use azure_core::http::{ClientOptions, Pipeline, RetryOptions, Transport};
use azure_storage_blob::{BlobClient, BlobClientOptions};
use download::BlobReader;
use futures::future::try_join_all;
use listing::{Entry, Listing};
use request::{Attempts, Failure, attempt};
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use upload::BlobWriter;
use uuid::Uuid;

/// Longest that a connection may take to open.
const CONNECT_LIMIT: Duration = Duration::from_secs(20);
/// Longest that a connection may be silent while an answer is awaited.
const SILENCE_LIMIT: Duration = Duration::from_secs(60);
/// Blobs that are removed at once.
const REMOVED_AT_ONCE: usize = 8;
/// Looks at a folder that is being removed, should somebody write to it meanwhile or folders lie in it that must be empty first.
const REMOVAL_ROUNDS: usize = 4;

#[derive(Debug)]
pub(crate) struct BlobWorkDir {
    store: Arc<Store>,
}

/// Where requests go and how they are allowed.
#[derive(Debug)]
struct Place {
    address: Address,
    authorization: Arc<Authorization>,
}

/// What makes requests.
#[derive(Debug)]
struct Store {
    place: Place,
    options: ClientOptions,
    /// Version of the REST API.
    version: String,
    /// For requests that no client has.
    pipeline: Pipeline,
}

impl std::ops::Deref for Store {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}

impl Place {
    /// Host, and port if the URL names one.
    fn host(&self) -> String {
        let url = &self.address.container_url;
        let host = url.host_str().unwrap_or_default();
        url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    fn how_to_make_the_container(&self) -> String {
        let (account, container) = (self.address.account.as_deref().unwrap_or("<account>"), &self.address.container);
        format!(
            "the account has no container {container}; to make it: az storage container create --account-name {account} --name {container}"
        )
    }

    /// A blob as the user knows it.
    fn shown(&self, blob: &str) -> String {
        let below = blob.strip_prefix(&self.address.prefix(None)).unwrap_or(blob);
        format!("{}/{below}", self.address.shown).trim_end_matches('/').to_owned()
    }

    fn problem(&self, verb: &str, blob: &str, failure: &Failure) -> WorkDirError {
        request::problem(format!("cannot {verb} {}", self.shown(blob)), failure, self)
    }
}

impl Store {
    fn client(&self, blob: &str) -> BlobClient {
        let options = BlobClientOptions { client_options: self.options.clone(), version: self.version.clone() };
        BlobClient::new(self.address.blob_url(blob), None, Some(options))
            .expect("only a URL that cannot be a base is refused, and this one has segments")
    }

    /// Makes a request until it succeeds or there is no hope.
    async fn retried<T, F>(&self, mut request: impl FnMut() -> F) -> Result<T, Failure>
    where
        F: Future<Output = azure_core::Result<T>>,
    {
        let mut attempts = Attempts::default();
        loop {
            match attempt(request()).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => attempts.failed(failure).await?,
            }
        }
    }

    /// Removes a blob, or the blocks of one that was never finished (seen on the service, and Azurite does so:
    /// <https://github.com/Azure/azure-storage-node/issues/350>); none there is no error, nor is a folder that is not empty yet.
    async fn delete(&self, blob: &str) -> Result<(), Failure> {
        let client = self.client(blob);
        let deleted = self.retried(|| async { client.delete(None).await.map(|_| ()) }).await;
        match deleted {
            Err(failure) if is_missing_blob(&failure) || failure.code() == "DirectoryIsNotEmpty" => Ok(()),
            deleted => deleted,
        }
    }
}

/// One client for all requests, so that connections are kept. `azure_core` would make it as well, but panics where no certificates of
/// authorities are installed.
fn http_client(address: &Address) -> Result<reqwest::Client, WorkDirError> {
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT_LIMIT)
        .read_timeout(SILENCE_LIMIT)
        .redirect(reqwest::redirect::Policy::none());
    client.build().map_err(|error| {
        let why = error.source().map(ToString::to_string).unwrap_or_else(|| error.to_string());
        WorkDirError::location(format!(
            "the working directory {} cannot be used: TLS cannot be set up: {why}; the certificates of authorities come with Debian's \
             package ca-certificates, or name a file of them in SSL_CERT_FILE",
            address.shown
        ))
    })
}

fn is_missing_blob(failure: &Failure) -> bool {
    failure.status() == Some(azure_core::http::StatusCode::NotFound) && failure.code() != "ContainerNotFound"
}

impl BlobWorkDir {
    pub(crate) fn open(url: &str, named_by: NamedBy, credentials: &Credentials) -> Result<Self, WorkDirError> {
        let address = Address::parse(url, named_by)?;
        let authorization = Authorization::new(address.account.as_deref(), credentials, &address.shown)?;
        let authorization = Arc::new(authorization);
        let http = http_client(&address)?;
        let options = ClientOptions {
            per_try_policies: vec![Arc::clone(&authorization) as Arc<dyn Policy>],
            retry: RetryOptions::none(),
            transport: Some(Transport::new(Arc::new(http))),
            ..ClientOptions::default()
        };
        let version = BlobClientOptions::default().version;
        let pipeline = Pipeline::new(
            option_env!("CARGO_PKG_NAME"),
            option_env!("CARGO_PKG_VERSION"),
            options.clone(),
            Vec::new(),
            Vec::new(),
            None,
        );
        Ok(Self { store: Arc::new(Store { place: Place { address, authorization }, options, version, pipeline }) })
    }

    fn folder(&self, snapshot: Uuid) -> String {
        self.store.address.prefix(Some(&snapshot.to_string()))
    }

    fn blob(&self, snapshot: Uuid, name: &str) -> Result<String, WorkDirError> {
        Ok(self.folder(snapshot) + name::check(name)?)
    }
}

#[async_trait]
impl WorkDir for BlobWorkDir {
    fn location(&self, snapshot: Uuid) -> String {
        format!("{}/{snapshot}", self.store.address.shown)
    }

    async fn create_folder(&self, snapshot: Uuid) -> Result<(), WorkDirError> {
        let folder = self.folder(snapshot);
        match self.store.is_empty(&folder).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(WorkDirError::storage(
                format!("cannot make the folder {}", self.store.shown(&folder)),
                io::ErrorKind::AlreadyExists.into(),
            )),
            Err(failure) => Err(self.store.problem("make the folder", &folder, &failure)),
        }
    }

    async fn create(&self, snapshot: Uuid, name: &str) -> Result<Box<dyn FileWriter>, WorkDirError> {
        Ok(Box::new(BlobWriter::new(Arc::clone(&self.store), self.blob(snapshot, name)?)))
    }

    async fn open(&self, snapshot: Uuid, name: &str) -> Result<Box<dyn FileReader>, WorkDirError> {
        Ok(Box::new(BlobReader::open(Arc::clone(&self.store), self.blob(snapshot, name)?).await?))
    }

    async fn files(&self, snapshot: Uuid) -> Result<Vec<(String, u64)>, WorkDirError> {
        let folder = self.folder(snapshot);
        let listing = Listing { prefix: &folder, deep: false, uncommitted: false, page: Listing::PAGE };
        let entries = self.store.list(listing).await;
        let entries = entries.map_err(|failure| self.store.problem("list", &folder, &failure))?;
        let file = |entry| match entry {
            Entry::Blob(blob, size) => {
                let name = blob.strip_prefix(&folder)?;
                name::check(name).is_ok().then(|| (name.to_owned(), size))
            }
            Entry::Folder(_) => None,
        };
        Ok(entries.into_iter().filter_map(file).collect())
    }

    async fn remove(&self, snapshot: Uuid, name: &str) -> Result<(), WorkDirError> {
        let blob = self.blob(snapshot, name)?;
        self.store.delete(&blob).await.map_err(|failure| self.store.problem("remove", &blob, &failure))
    }

    async fn folders(&self) -> Result<Vec<Uuid>, WorkDirError> {
        let prefix = self.store.address.prefix(None);
        let listing = Listing { prefix: &prefix, deep: false, uncommitted: true, page: Listing::PAGE };
        let entries = self.store.list(listing).await;
        let entries = entries.map_err(|failure| self.store.problem("list", &prefix, &failure))?;
        let folder = |entry| match entry {
            Entry::Folder(folder) => name::snapshot(folder.strip_prefix(&prefix)?.strip_suffix('/')?),
            Entry::Blob(..) => None,
        };
        Ok(entries.into_iter().filter_map(folder).collect())
    }

    async fn remove_folder(&self, snapshot: Uuid) -> Result<(), WorkDirError> {
        let (store, folder) = (&self.store, self.folder(snapshot));
        let problem = |failure: Failure| store.problem("remove", &folder, &failure);
        for _ in 0..REMOVAL_ROUNDS {
            let listing = Listing { prefix: &folder, deep: true, uncommitted: true, page: Listing::PAGE };
            let mut blobs = store.list(listing).await.map_err(problem)?;
            if blobs.is_empty() {
                // An account with a hierarchical namespace keeps the folder itself.
                return store.delete(folder.trim_end_matches('/')).await.map_err(problem);
            }
            // The deepest come first.
            blobs.reverse();
            for some in blobs.chunks(REMOVED_AT_ONCE) {
                let names = some.iter().filter_map(|entry| match entry {
                    Entry::Blob(blob, _) => Some(blob),
                    Entry::Folder(_) => None,
                });
                try_join_all(names.map(|blob| store.delete(blob))).await.map_err(problem)?;
            }
        }
        Err(WorkDirError::storage(
            format!("cannot remove {}", store.shown(&folder)),
            io::Error::other("files come to it all the while"),
        ))
    }
}
