//! The server's clock in the encodings of the catalog.

use std::time::{SystemTime, UNIX_EPOCH};

/// Days from 1900-01-01 to 1970-01-01.
const DAYS_1900_TO_1970: i64 = 25_567;
/// `datetime` counts 1/300 s.
const TICKS_PER_SECOND: i64 = 300;
const SECONDS_PER_DAY: i64 = 86_400;

/// Now, as `datetime` is stored; the server's time zone is UTC.
pub fn now_datetime() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ticks = i64::from(since_1970.subsec_millis()) * 3 / 10;
    DAYS_1900_TO_1970 * SECONDS_PER_DAY * TICKS_PER_SECOND + since_1970.as_secs() as i64 * TICKS_PER_SECOND + ticks
}
