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
//!     0001.sales.orders.xml         XML format file of the data
//!     0001.sales.orders.001.bcp     the rows of a first range of keys, in bcp's Unicode native format
//!     0001.sales.orders.002.bcp     those of the next
//!     …
//!     manifest.json                 written last: the articles, their boundaries, every file's size and SHA-256
//! ```
//!
//! The data files are those of `bcp … -N` ([`native`]), so that Microsoft's own tools load them with the format file:
//! `bcp db.sales.orders in 0001.sales.orders.001.bcp -f 0001.sales.orders.xml -S … -E`. Where a snapshot is compressed they are called
//! `….bcp.zst`, and `zstd -d` gives the bcp file.
//!
//! Every file is written under another name, synced and renamed; the manifest comes last. So a folder with a manifest is a whole
//! snapshot, and one without is one that is being written, or was when its writer died ([`unfinished`]). Reading verifies size and SHA-256 of each file on the way and takes file names only in
//! the form that [`name`] makes them, so a damaged or forged snapshot gives an error that names the file and never leaves its folder.
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
