//! When to try again, and how long to wait before: the one place that decides.

use crate::error::{Error, ErrorKind};
use std::time::Duration;

/// Pause before the first new attempt.
const FIRST: Duration = Duration::from_millis(250);
/// Longest pause.
const LONGEST: Duration = Duration::from_secs(10);
/// Pause while another log reader is attached; each attempt is logged.
const BUSY: Duration = Duration::from_secs(2);
/// What has worked for this long starts counting attempts anew.
const STEADY: Duration = Duration::from_secs(2);

/// Whether trying again cannot help.
pub fn is_final(error: &Error) -> bool {
    match error.kind {
        ErrorKind::Transient | ErrorKind::Busy | ErrorKind::Fenced => false,
        ErrorKind::Problem | ErrorKind::Invalid | ErrorKind::Refused | ErrorKind::WorkingDirectory => true,
    }
}

/// Counts attempts.
#[derive(Debug, Default)]
pub struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// How long to wait after an error before trying again; `None` to give up. `worked` is for how long it went well before.
    pub fn after(&mut self, error: &Error, worked: Duration) -> Option<Duration> {
        if worked >= STEADY {
            self.attempts = 0;
        }
        if is_final(error) {
            return None;
        }
        if error.kind != ErrorKind::Transient {
            return Some(BUSY);
        }
        let pause = FIRST.saturating_mul(1 << self.attempts.min(10)).min(LONGEST);
        self.attempts += 1;
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, LONGEST, STEADY};
    use crate::error::{Error, ErrorKind};
    use std::time::Duration;

    #[test]
    fn pauses_grow_to_a_limit_and_start_anew_after_steady_work() {
        let error = Error::new(ErrorKind::Transient, "connection lost");
        let mut backoff = Backoff::default();
        let pauses: Vec<Duration> = (0..8).filter_map(|_| backoff.after(&error, Duration::ZERO)).collect();
        assert_eq!(pauses[0], Duration::from_millis(250));
        assert!(pauses.is_sorted());
        assert_eq!(pauses[7], LONGEST);
        assert_eq!(backoff.after(&error, STEADY), Some(Duration::from_millis(250)));
    }

    #[test]
    fn what_needs_somebody_is_not_tried_again() {
        for kind in [ErrorKind::Problem, ErrorKind::Refused, ErrorKind::Invalid] {
            assert_eq!(Backoff::default().after(&Error::new(kind, "x"), Duration::ZERO), None);
        }
    }
}
