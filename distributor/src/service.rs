//! The service: connections around the queue, the catalog and the core.
//!
//! - [`server`]: listening, logging in, ending. `connection`: what a client that was let in wants.
//! - `requests`: administration. `log_reader`: a publication database's stream into its queue. `stream`: a subscription's
//!   stream out of it.
//! - `snapshots`: what is told and asked of snapshots.
//! - `housekeeping`: positions on disk, retention. `status`: what is shown.
//! - [`data_directory`], [`logins`]: what stands on disk beside queue and catalog, passwords.

mod connection;
pub mod data_directory;
mod housekeeping;
mod log_reader;
pub mod logins;
mod requests;
pub mod server;
mod snapshots;
mod state;
mod status;
mod stream;
mod tracers;

pub use data_directory::DataDirectory;
pub use server::{Options, Server, Tls};
