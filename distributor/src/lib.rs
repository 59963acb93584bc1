//! The distributor.
#![forbid(unsafe_code)]

pub mod core;
pub mod log;
