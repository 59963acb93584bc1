//! Commands of the program with flags and output of their own.

pub mod capture;
pub mod check;
pub mod snapshot;
pub mod snapshots;
pub mod tracer;
