//! The distributor: a durable queue between the log readers of publication databases and the subscribers.
//!
//! ```text
//! log reader ──Append──▶ core::intake ──▶ queue::writer ──write, sync──▶ log (segment files)
//!            ◀─Durable──────────────────────────┘                          │
//! subscriber ◀─Deliver, CaughtUp── service::stream ◀── queue::delivery ◀───┘
//!            ──Report────▶ core::subscriptions ──▶ catalog, core::retention ──▶ what nobody needs is dropped
//! ```
//!
//! A transaction is acknowledged once it is on disk, as a whole, and delivered only after that. A chunk's rows are never decoded here:
//! its head says which articles it holds, and a subscription gets those of its publication.
//!
//! - [`core`]: every decision, without clock, socket or disk.
//! - [`log`]: the append-only log in segment files, behind traits.
//! - [`queue`]: a publication database's transactions in such a log.
//! - [`catalog`]: everything else that must last, in another such log with an index beside it.
//! - [`service`]: connections, logins, data directory.
#![forbid(unsafe_code)]

pub mod catalog;
pub mod core;
pub mod error;
pub mod log;
pub mod queue;
pub mod service;
