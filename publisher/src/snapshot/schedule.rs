//! When snapshots are taken.

use chrono::{DateTime, TimeZone};
use croner::Cron;
use croner::parser::{CronParser, Seconds};
use std::time::Duration;

/// A schedule.
#[derive(Debug, Clone)]
pub enum Schedule {
    /// At once, and then so long after the beginning of the one before; at once if that one took longer.
    Every(Duration),
    /// At the times of a cron pattern, by this machine's clock and time zone. Those that pass while one is being taken are left out.
    Cron(Box<Cron>),
}

/// Reads a cron pattern: minute, hour, day of the month, month, day of the week
/// (<https://pubs.opengroup.org/onlinepubs/9699919799/utilities/crontab.html>).
pub fn parse_cron(text: &str) -> Result<Box<Cron>, String> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).build();
    parser.parse(text).map(Box::new).map_err(|error| {
        format!("`{text}` is not five fields such as `0 2 * * *` (each day at 2:00) or `*/15 8-18 * * 1-5`: {error}")
    })
}

impl Schedule {
    /// How long to wait, where the last one was begun at `last`; an error where a cron pattern names no time any more, as the 30th of
    /// February.
    pub fn wait<Tz: TimeZone + 'static>(
        &self,
        now: DateTime<Tz>,
        last: Option<DateTime<Tz>>,
    ) -> Result<Duration, String> {
        match self {
            Self::Every(pause) => {
                let Some(last) = last else { return Ok(Duration::ZERO) };
                let passed = now.signed_duration_since(last).to_std().unwrap_or_default();
                Ok(pause.saturating_sub(passed))
            }
            Self::Cron(cron) => {
                let next = cron
                    .find_next_occurrence(&now, false)
                    .map_err(|error| format!("the cron pattern `{}` names no time to come: {error}", cron.as_str()))?;
                Ok(next.signed_duration_since(now).to_std().unwrap_or_default())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use chrono::Utc;

    fn at(hour: u32, minute: u32, second: u32) -> DateTime<Utc> {
        // A Thursday.
        Utc.with_ymd_and_hms(2026, 1, 1, hour, minute, second).unwrap()
    }

    #[test]
    fn an_interval_counts_from_the_beginning_of_the_last_one() {
        let hourly = Schedule::Every(Duration::from_secs(3600));
        assert_eq!(hourly.wait(at(5, 0, 0), None), Ok(Duration::ZERO));
        assert_eq!(hourly.wait(at(5, 20, 0), Some(at(5, 0, 0))), Ok(Duration::from_secs(2400)));
        // It took longer than that; and the clock went back.
        assert_eq!(hourly.wait(at(7, 0, 0), Some(at(5, 0, 0))), Ok(Duration::ZERO));
        assert_eq!(hourly.wait(at(4, 0, 0), Some(at(5, 0, 0))), Ok(Duration::from_secs(3600)));
    }

    #[test]
    fn a_pattern_names_the_next_time_after_now() {
        let schedule = |text: &str| Schedule::Cron(parse_cron(text).unwrap());
        let minutes = |n: u64| Ok(Duration::from_secs(60 * n));
        assert_eq!(schedule("0 2 * * *").wait(at(1, 30, 0), None), minutes(30));
        // Not the one that is now: it was begun.
        assert_eq!(schedule("0 2 * * *").wait(at(2, 0, 0), Some(at(2, 0, 0))), minutes(24 * 60));
        assert_eq!(schedule("*/15 8-18 * * 1-5").wait(at(18, 50, 0), None), minutes(13 * 60 + 10));
        // Saturday and Sunday are left out.
        assert_eq!(schedule("0 8 * * 1").wait(at(8, 0, 0), None), minutes(4 * 24 * 60));
        assert!(schedule("0 0 30 2 *").wait(at(0, 0, 0), None).unwrap_err().contains("30 2"));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", "hourly", "60 * * * *", "* * * *", "0 0 2 * * *"] {
            assert!(parse_cron(text).unwrap_err().contains("five fields"), "{text}");
        }
    }
}
