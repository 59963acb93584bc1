//! Values as case files write them.

use std::fmt::Write as _;
use tiberius::ColumnData;
use tiberius::numeric::Numeric;

/// A row: its columns parted by `|`.
pub fn row(row: &tiberius::Row) -> String {
    row.cells().map(|(_, data)| value(data)).collect::<Vec<_>>().join("|")
}

/// A value.
pub fn value(data: &ColumnData<'_>) -> String {
    match data {
        ColumnData::U8(v) => or_null(v.as_ref(), ToString::to_string),
        ColumnData::I16(v) => or_null(v.as_ref(), ToString::to_string),
        ColumnData::I32(v) => or_null(v.as_ref(), ToString::to_string),
        ColumnData::I64(v) => or_null(v.as_ref(), ToString::to_string),
        ColumnData::F32(v) => or_null(v.as_ref(), |v| format!("{v:?}")),
        ColumnData::F64(v) => or_null(v.as_ref(), |v| format!("{v:?}")),
        ColumnData::Bit(v) => or_null(v.as_ref(), |v| u8::from(*v).to_string()),
        ColumnData::String(v) => or_null(v.as_ref(), |v| text(v)),
        ColumnData::Guid(v) => or_null(v.as_ref(), |v| v.to_string().to_uppercase()),
        ColumnData::Binary(v) => or_null(v.as_ref(), |v| binary(v)),
        ColumnData::Numeric(v) => or_null(v.as_ref(), decimal),
        ColumnData::Xml(v) => or_null(v.as_ref(), |v| text(v.as_ref().as_ref())),
        ColumnData::DateTime(v) => or_null(v.as_ref(), |v| {
            // 1/300 s, shown as milliseconds the way SQL Server rounds them.
            let milliseconds = (u64::from(v.seconds_fragments()) * 10 + 1) / 3;
            format!("{} {}", date(i64::from(v.days()) + DAYS_1900), time(milliseconds, 3))
        }),
        ColumnData::SmallDateTime(v) => or_null(v.as_ref(), |v| {
            let minutes = u64::from(v.seconds_fragments());
            format!("{} {}", date(i64::from(v.days()) + DAYS_1900), time(minutes * 60, 0))
        }),
        ColumnData::Time(v) => or_null(v.as_ref(), |v| time(v.increments(), v.scale())),
        ColumnData::Date(v) => or_null(v.as_ref(), |v| date(i64::from(v.days()))),
        ColumnData::DateTime2(v) => or_null(v.as_ref(), |v| {
            format!("{} {}", date(i64::from(v.date().days())), time(v.time().increments(), v.time().scale()))
        }),
        ColumnData::DateTimeOffset(v) => or_null(v.as_ref(), |v| {
            // The wire holds UTC and the offset in minutes.
            let (utc, offset) = (v.datetime2(), i64::from(v.offset()));
            let scale = utc.time().scale();
            let unit = 10_i64.pow(u32::from(scale));
            let day = 86_400 * unit;
            let local = i64::from(utc.date().days()) * day + utc.time().increments() as i64 + offset * 60 * unit;
            let sign = if offset < 0 { '-' } else { '+' };
            let (days, rest) = (local.div_euclid(day), local.rem_euclid(day));
            let (hours, minutes) = (offset.abs() / 60, offset.abs() % 60);
            format!("{} {} {sign}{hours:02}:{minutes:02}", date(days), time(rest as u64, scale))
        }),
    }
}

/// Days from 0001-01-01 to 1900-01-01.
const DAYS_1900: i64 = 693_595;

fn or_null<T: ?Sized>(value: Option<&T>, show: impl FnOnce(&T) -> String) -> String {
    value.map_or_else(|| "NULL".to_owned(), show)
}

fn text(value: &str) -> String {
    if value.is_empty() {
        return "''".to_owned();
    }
    let mut shown = String::new();
    for c in value.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            '\\' => shown.push_str("\\\\"),
            '|' => shown.push_str("\\|"),
            c if c.is_control() => {
                let _ = write!(shown, "\\x{:02x}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    // Spaces at either end would be lost in a case file.
    if shown.starts_with(' ') || shown.ends_with(' ') { format!("'{shown}'") } else { shown }
}

fn binary(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |mut shown, byte| {
        let _ = write!(shown, "{byte:02X}");
        shown
    })
}

fn decimal(value: &Numeric) -> String {
    let (digits, scale) = (value.value().unsigned_abs().to_string(), usize::from(value.scale()));
    let sign = if value.value() < 0 { "-" } else { "" };
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

/// A time of day in units of `10^-scale` seconds.
fn time(units: u64, scale: u8) -> String {
    let unit = 10_u64.pow(u32::from(scale));
    let (seconds, fraction) = (units / unit, units % unit);
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if scale == 0 { clock } else { format!("{clock}.{fraction:0>width$}", width = usize::from(scale)) }
}

/// A date, given in days since 0001-01-01 (Howard Hinnant's `civil_from_days`).
fn date(days: i64) -> String {
    const DAYS_TO_ERA: i64 = 306; // 0000-03-01 to 0001-01-01
    let z = days + DAYS_TO_ERA;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}
