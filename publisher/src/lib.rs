//! The publisher: what is published, the log reader and the snapshot agent of a publication database.
//!
//! It keeps nothing of its own. What is published stands at the distributor; how far the log has been read is what the distributor
//! has on disk; changes come from the database's change data capture.
//!
//! ```text
//!  change tables ─┐                                          ┌─▶ Append: chunks of whole transactions, in commit order
//!  markers ───────┼─▶ reader::log ─▶ core::LogReader ────────┤
//!  commit times ──┘   streams        merge, filter, pair     └─▶ Progress: nothing for us up to here
//! ```
//!
//! - [`core`]: the log reader without its connections: what to read, how rows become transactions, what to send.
//! - [`reader`]: `publisher run`, the loop around it. [`retry`]: when to try again.
//! - [`snapshot`]: `publisher snapshot`, tables as of one commit, beside the running workload.
//! - [`check`]: whether everything is there that publishing takes.
//! - [`tracer`]: tracer tokens, from here to the subscriptions and back as times.
//! - [`capture`]: the capture job, which fills the change tables; [`command`]: commands with flags of their own.
//! - [`publication`], [`article`], [`columns`]: what is published, checked with the server before anything is changed.
#![forbid(unsafe_code)]

pub mod article;
pub mod capture;
pub mod check;
pub mod columns;
pub mod command;
pub mod core;
pub mod error;
pub mod publication;
pub mod reader;
pub mod retry;
pub mod settings;
pub mod snapshot;
pub mod tracer;

pub use error::{Error, ErrorKind};
