//! The distributor.
#![forbid(unsafe_code)]

pub mod catalog;
pub mod core;
pub mod error;
pub mod log;
pub mod queue;
pub mod service;
