//! The harness of the end-to-end tests: real processes of the roles, sandbox servers (or the real server named in
//! `TEST_SQLSERVER_URL`), and an independent client that judges the outcome.
//!
//! - [`programs`] finds or builds the programs, [`process`] runs them and ends them with the test.
//! - [`server`] gives a test its databases.
//! - [`line`] is a whole replication line: two servers, a distributor, publisher and subscriber.
//! - [`workload`] keeps connections committing; [`shop`] is a workload with invariants and a reader that checks them at the subscriber.
//! - [`history`] is a workload that knows what it committed, so that a replica can be held against any position.
//! - [`replica`] is a subscriber in memory that judges the stream itself.
//! - [`unanswered`] is a way to the distributor on which an answer gets lost.
//! - [`wait`] waits for events, never for time alone.
#![forbid(unsafe_code)]

pub mod history;
pub mod line;
pub mod process;
pub mod programs;
pub mod replica;
pub mod server;
pub mod shop;
pub mod unanswered;
pub mod wait;
pub mod workload;
