//! Numbers of bytes as people write them.

const UNITS: [(&str, u64); 7] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

/// Parses `64MiB`, `2GB`, `4096`. For clap's `value_parser`.
pub fn parse(text: &str) -> Result<u64, String> {
    let trimmed = text.trim();
    let found = UNITS.iter().find_map(|(name, unit)| Some((trimmed.strip_suffix(name)?, *unit)));
    let (number, unit) = found.unwrap_or((trimmed, 1));
    let number = number.trim_end();
    number
        .parse::<u64>()
        .ok()
        .filter(|_| number.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|n| n.checked_mul(unit))
        .ok_or_else(|| format!("`{text}` is not a number of bytes such as 64MiB or 4096"))
}

/// Writes a number of bytes with the largest binary unit that keeps it readable, e.g. `63.5 MiB`.
pub fn format(bytes: u64) -> String {
    let (name, unit) = match bytes {
        0..1024 => return format!("{bytes} B"),
        1024..1_048_576 => ("KiB", 1u64 << 10),
        1_048_576..1_073_741_824 => ("MiB", 1 << 20),
        1_073_741_824..1_099_511_627_776 => ("GiB", 1 << 30),
        _ => ("TiB", 1 << 40),
    };
    format!("{:.1} {name}", bytes as f64 / unit as f64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{format, parse};

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [("4096", 4096), ("64MiB", 64 << 20), ("2 GB", 2_000_000_000), ("0", 0)] {
            assert_eq!(parse(text).unwrap(), bytes, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_size_is_refused() {
        for text in ["", "MiB", "-1", "+1", "1.5GB", "18446744073709551615KiB", "1XB"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_shown_with_a_fitting_unit() {
        assert_eq!([format(12), format(1536), format(64 << 20)], ["12 B", "1.5 KiB", "64.0 MiB"]);
    }
}
