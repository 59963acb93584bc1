//! The distributor.
#![forbid(unsafe_code)]

pub mod catalog;
pub mod core;
pub mod log;
pub mod queue;
