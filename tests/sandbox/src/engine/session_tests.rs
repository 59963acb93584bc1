//! What sessions promise, at the seam to the wire.
#![allow(clippy::unwrap_used)]

mod batches;
mod bulk_loads;
mod catalog_views;
mod constant_time;
mod constraints;
mod modules;
mod recorder;
mod transactions;
