//! The subscriber: initialises the subscriptions of one database from their snapshots and applies what the distributor delivers
//! (the distribution agent, in SQL Server's words).
//!
//! What flows through it: [`session`] connects to both sides, takes the subscription's lock and reads its position from the
//! database; a new subscription is loaded first ([`initialise`]). Then chunks arrive, [`core::stream`] groups them into batches and
//! says when something may commit, and [`apply`] turns each batch into statements. The position moves in the transaction of the rows,
//! so a crash at any moment leads back to where the database stands.
//!
//! - [`core`]: the decisions, without clock, socket or database.
//! - [`apply`]: net changes into the database. [`initialise`]: snapshots into the database.
//! - [`session`]: one subscription's connections and loop; [`run`]: several subscriptions, again and again; [`retry`]: when.
//! - [`commands`]: `subscription add|list|drop`.
#![forbid(unsafe_code)]

pub mod apply;
pub mod commands;
pub mod core;
mod distributor;
pub mod error;
pub mod initialise;
pub mod retry;
pub mod run;
pub mod session;
pub mod settings;

pub use error::{Error, ErrorKind};
