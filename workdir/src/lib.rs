//! The snapshot working directory, which publisher and subscriber share: what a snapshot is made of, how it gets there whole
//! and how it is read back without trusting it.
//!
//! A snapshot is a folder, named by its id, in the working directory:
//!
//! ```text
//! <working directory>/<snapshot id>/
//!     0001.sales.orders.sch         T-SQL that makes the table, before its rows are loaded
//!     0001.sales.orders.post.sql    T-SQL for what comes after them: indexes, constraints, procedures
//!     0001.sales.orders.last.sql    T-SQL for what comes after that of all articles: foreign keys, triggers
//!     0001.sales.orders.xml         XML format file of the data files
//!     0001.sales.orders.001.bcp     the rows of a first range of keys, in bcp's Unicode native format …
//!     0001.sales.orders.002.bcp.zst … or those of the next, where the snapshot is compressed: `zstd -d` gives the bcp file
//!     …
//!     manifest.json                 written last: the articles, their boundaries, every file's size and SHA-256
//! ```
//!
//! and, from the beginning until the snapshot is finished and registered ([`unfinished`]):
//!
//! ```text
//!     plan.json                     written first: the articles, the ranges of keys of their data files
//!     0001.sales.orders.001.json    that this data file is finished: its size and SHA-256, the view that it was read in
//!     view.<token>.json             the boundary of a view
//!     <name>.<random>.part          a file that is being written, on a file system or a share
//! ```
//!
//! The data files are those of `bcp … -N` ([`native`]), so that Microsoft's own tools load them with the format file:
//! `bcp db.sales.orders in 0001.sales.orders.001.bcp -f 0001.sales.orders.xml -E -k -S …`.
//!
//! Every file is written under another name, synced and renamed, or appears at once where the storage can do that (blobs); the manifest comes
//! last. So a folder with a manifest is a whole snapshot, and one without is one that is being written, or was when its writer died.
//! Reading verifies size and SHA-256 of each file on the way and takes file names only in the form that [`name`] makes them, so a damaged or
//! forged snapshot gives an error that names the file and never leaves its folder.
//!
//! - [`SnapshotWriter`], [`PartWriter`]: writing. [`SnapshotReader`], [`RowReader`]: reading.
//! - [`folder`]: whose a folder is. [`discard`]: its removal.
//! - [`WorkDir`]: what a kind of storage must do; [`open`] picks it by URL. Built: a file system (`file://`), a share (`smb://`), Azure Blob
//!   Storage (`https://`).
#![forbid(unsafe_code)]

mod blob;
mod compression;
mod error;
mod folder;
mod local;
pub mod location;
pub mod manifest;
pub mod name;
pub mod native;
mod plan;
mod reader;
mod smb;
mod storage;
mod writer;

pub use compression::Compression;
pub use error::{ErrorKind, WorkDirError};
pub use folder::{Folder, discard, folder, folders};
pub use location::{Credentials, open};
pub use manifest::Manifest;
pub use plan::{Plan, Remains, Unfinished, unfinished};
pub use reader::{RowReader, SnapshotReader};
pub use storage::{FileReader, FileWriter, WorkDir};
pub use writer::{ArticleFiles, ArticleScripts, FinishedPart, PartWriter, SnapshotWriter};
