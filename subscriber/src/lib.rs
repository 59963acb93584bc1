//! The subscriber.
#![forbid(unsafe_code)]

pub mod core;
