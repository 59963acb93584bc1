//! Waiting for events, with a limit.

use std::time::{Duration, Instant};

/// Limit of most waits: long for a slow machine that does something else besides; a test that is right never gets near it.
pub const LIMIT: Duration = Duration::from_secs(240);
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Looks until `condition` gives a value.
///
/// # Panics
/// When it has not after [`LIMIT`], naming what was waited for.
pub async fn until<T>(what: &str, condition: impl AsyncFnMut() -> Option<T>) -> T {
    until_within(LIMIT, what, condition).await
}

/// The same with another limit.
///
/// # Panics
/// When it has not after `limit`, naming what was waited for.
pub async fn until_within<T>(limit: Duration, what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(started.elapsed() < limit, "waited {limit:?} in vain for {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
