//! The publication server's clock against the distributor's.
//!
//! Commit times come in the publication server's local time. The log reader measures that clock against its own, and tells both; the
//! distributor sees by when the message arrives how its own clock stands to the log reader's. That includes the message's way, which
//! can be long while the stream is busy, so of the last measurements the shortest way counts. What remains is too large by the time that
//! a message takes at best, so that latencies come out too small by it: milliseconds.

use std::collections::VecDeque;

/// Measurements that are remembered.
const KEPT: usize = 10;
/// With fewer than these, all may have been long on their way.
const FEW: usize = 3;
/// What a message takes on its way at most, microseconds, for a clock to be believed.
const LONGEST_WAY: i64 = 1_000_000;
/// Commit times are those of `datetime`, which counts in 1/300 s.
const RESOLUTION: i64 = 3_334;

/// A measurement, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measurement {
    /// The log reader's clock when it sent it.
    pub sent_at: i64,
    /// The distributor's when it arrived.
    pub received_at: i64,
    /// The server's local time less the log reader's clock.
    pub local_ahead: i64,
    /// The server's UTC less the log reader's clock.
    pub utc_ahead: i64,
    /// By how much these two may be wrong.
    pub uncertainty: i64,
}

/// A publication server's clock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerClock {
    /// The distributor's clock less the log reader's, each at most too large.
    readers: VecDeque<i64>,
    last: Option<Measurement>,
}

impl ServerClock {
    /// A log reader attached: what was measured with another one's clock does not count any more.
    pub fn attached(&mut self) {
        *self = Self::default();
    }

    /// Takes a measurement.
    pub fn measured(&mut self, measurement: Measurement) {
        if self.readers.len() == KEPT {
            self.readers.pop_front();
        }
        self.readers.push_back(measurement.received_at.saturating_sub(measurement.sent_at));
        self.last = Some(measurement);
    }

    /// How far the server's clock is ahead of the distributor's.
    pub fn ahead(&self) -> Option<i64> {
        Some(self.last?.utc_ahead.saturating_sub(self.reader()?))
    }

    /// What a commit time is by the distributor's clock, if what was committed was here `at` this time: never after it. `None` where
    /// the clocks contradict that, one having been set since it was measured.
    pub fn commit_time(&self, committed_at: i64, at: i64) -> Option<i64> {
        let last = self.last?;
        let time = committed_at.saturating_sub(last.local_ahead).saturating_add(self.reader()?);
        let slack = last.uncertainty + RESOLUTION + self.spread();
        (time <= at.saturating_add(slack)).then_some(time.min(at))
    }

    fn reader(&self) -> Option<i64> {
        self.readers.iter().min().copied()
    }

    /// How much longer the shortest way to here may have been than a way is at best, as far as the measurements tell.
    fn spread(&self) -> i64 {
        if self.readers.len() < FEW {
            return LONGEST_WAY;
        }
        let (least, most) = (self.readers.iter().min(), self.readers.iter().max());
        most.zip(least).map_or(0, |(most, least)| (most - least).min(LONGEST_WAY))
    }
}

#[cfg(test)]
mod tests {
    use super::{Measurement, ServerClock};

    const HOUR: i64 = 3_600_000_000;
    const MILLI: i64 = 1_000;

    /// The server is two hours east and 10 s ahead; the log reader 3 s ahead of the distributor; `way` is the message's.
    fn measurement(distributor: i64, way: i64) -> Measurement {
        Measurement {
            sent_at: distributor + 3_000 * MILLI,
            received_at: distributor + way,
            local_ahead: 2 * HOUR + 7_000 * MILLI,
            utc_ahead: 7_000 * MILLI,
            uncertainty: MILLI,
        }
    }

    #[test]
    fn commit_times_are_converted_whatever_the_clocks_and_time_zones_say() {
        let mut clock = ServerClock::default();
        clock.measured(measurement(5 * HOUR, 40_000 * MILLI));
        clock.measured(measurement(5 * HOUR + 1, MILLI));
        assert_eq!(clock.ahead(), Some(9_999 * MILLI), "the shortest way counts");
        let committed = 5 * HOUR;
        let shown = committed + 2 * HOUR + 10_000 * MILLI;
        assert_eq!(clock.commit_time(shown, committed + 500 * MILLI), Some(committed + MILLI));
    }

    #[test]
    fn a_first_measurement_that_was_long_on_its_way_contradicts_nothing() {
        let mut clock = ServerClock::default();
        clock.measured(measurement(5 * HOUR, 400 * MILLI));
        let shown = 5 * HOUR + 2 * HOUR + 10_000 * MILLI;
        assert_eq!(clock.commit_time(shown, 5 * HOUR + 20 * MILLI), Some(5 * HOUR + 20 * MILLI));
        // Once several have come quickly, that much is not to be explained by their way.
        for n in 1..=3 {
            clock.measured(measurement(5 * HOUR + n, MILLI));
        }
        clock.readers.pop_front();
        assert_eq!(clock.commit_time(shown + 400 * MILLI, 5 * HOUR + 20 * MILLI), None);
    }

    #[test]
    fn a_commit_is_never_after_its_arrival_and_a_clock_that_was_set_is_noticed() {
        let mut clock = ServerClock::default();
        assert_eq!(clock.commit_time(0, 0), None, "not measured");
        clock.measured(measurement(5 * HOUR, MILLI));
        let shown = 5 * HOUR + 2 * HOUR + 10_000 * MILLI;
        assert_eq!(clock.commit_time(shown, 5 * HOUR), Some(5 * HOUR), "a millisecond is within what is known");
        assert_eq!(clock.commit_time(shown + 60_000 * MILLI, 5 * HOUR), None, "a minute is not");
        clock.attached();
        assert_eq!(clock.ahead(), None);
    }
}
