//! What the distributor decides, without clock, socket or disk: inputs in, outputs out. The service around it only moves data, and a
//! simulation can drive the same cores from a seed.
//!
//! - [`clock`]: the publication server's clock against this one, for latencies.
//! - [`intake`]: what of a log reader's stream is taken into the queue, and when that is acknowledged.
//! - [`subscriptions`]: who streams which subscription, how far each is, what it still needs.
//! - [`retention`]: what of a queue can go, and whom that leaves behind.

pub mod clock;
pub mod intake;
pub mod retention;
pub mod subscriptions;
