//! The queue of a publication database: the log of its committed transactions.
//!
//! - [`record`]: chunks and progress as records of the log.
//! - [`writer`]: the thread that owns the log and the intake, and commits in groups.
//! - [`delivery`]: reading it for a subscription, cut down to that one's articles.

pub mod delivery;
pub mod record;
pub mod writer;

pub use delivery::{Batch, Delivery};
pub use writer::{Committed, Queue, QueueError, TracerSeen};
