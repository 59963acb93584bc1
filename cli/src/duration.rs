//! Durations as people write them.

use std::time::Duration;

const UNITS: [(&str, u64); 6] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];

/// Parses `72h`, `1h30m`, `500ms`, `0h`; units ms, s, m, h, d, w. For clap's `value_parser`.
pub fn parse(text: &str) -> Result<Duration, String> {
    let invalid = || format!("`{text}` is not a duration such as 72h, 1h30m or 500ms");
    let mut rest = text.trim();
    let mut millis: u64 = 0;
    if rest.is_empty() {
        return Err(invalid());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(invalid)?;
        let number: u64 = rest[..digits].parse().map_err(|_| invalid())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = UNITS.iter().find(|(name, _)| *name == rest[..letters].trim()).ok_or_else(invalid)?.1;
        millis = number.checked_mul(unit).and_then(|n| millis.checked_add(n)).ok_or_else(invalid)?;
        rest = &rest[letters..];
    }
    Ok(Duration::from_millis(millis))
}

/// The same for a pause between two runs: none at all would be work without end.
pub fn parse_pause(text: &str) -> Result<Duration, String> {
    parse(text).and_then(|pause| match pause.is_zero() {
        true => Err("it must be longer than 0".to_owned()),
        false => Ok(pause),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{parse, parse_pause};
    use std::time::Duration;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in [("72h", 259_200), ("1h30m", 5_400), ("0h", 0), ("1d", 86_400), ("1h 5s", 3_605)] {
            assert_eq!(parse(text).unwrap(), Duration::from_secs(seconds), "{text}");
        }
        assert_eq!(parse("250ms").unwrap(), Duration::from_millis(250));
    }

    #[test]
    fn what_is_not_a_duration_is_refused() {
        for text in ["", "1", "h", "-1h", "1.5h", "1y", "99999999999999999w", "١h"] {
            assert!(parse(text).unwrap_err().contains("not a duration"), "{text}");
        }
    }

    #[test]
    fn a_pause_is_longer_than_nothing() {
        assert_eq!(parse_pause("1ms").unwrap(), Duration::from_millis(1));
        assert!(parse_pause("0s").unwrap_err().contains("longer than 0"));
    }
}
