//! The publisher.
#![forbid(unsafe_code)]

pub mod articles;
pub mod core;
pub mod publications;
pub mod snapshot;
