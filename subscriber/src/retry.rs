//! When and how often something that failed is tried again: the one place that decides.

use crate::error::Error;
use std::time::Duration;

/// Wait before the first repetition.
const FIRST: Duration = Duration::from_millis(250);
/// Longest wait.
const LONGEST: Duration = Duration::from_secs(10);

/// Waits that double from 250 ms to 10 s, and begin again after a success. It never gives up on what passes by itself.
#[derive(Debug, Default)]
pub struct Retry {
    failures: u32,
}

impl Retry {
    /// How long to wait before trying again after `error`; `None` if that cannot help.
    pub fn after(&mut self, error: &Error) -> Option<Duration> {
        if !error.is_transient() {
            return None;
        }
        let wait = FIRST.saturating_mul(2_u32.saturating_pow(self.failures)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        Some(wait)
    }

    /// It worked.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::Retry;
    use crate::error::{Error, ErrorKind};
    use std::time::Duration;

    #[test]
    fn what_passes_is_tried_again_at_growing_intervals_and_what_does_not_is_not() {
        let mut retry = Retry::default();
        let passes = Error::new(ErrorKind::Transient, "…");
        let waits: Vec<u128> = (0..8).filter_map(|_| retry.after(&passes)).map(|wait| wait.as_millis()).collect();
        assert_eq!(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
        retry.succeeded();
        assert_eq!(retry.after(&passes), Some(Duration::from_millis(250)));
        for kind in [ErrorKind::Row, ErrorKind::Stream, ErrorKind::Expired, ErrorKind::Invalid] {
            assert_eq!(retry.after(&Error::new(kind, "…")), None);
        }
    }
}
