//! Proleptic Gregorian calendar arithmetic on days since 0001-01-01.

/// Days from 0001-01-01 to 1900-01-01.
pub const DAYS_TO_1900: i32 = 693_595;
/// Days from 0001-01-01 to 1753-01-01, `datetime`'s first day.
pub const DAYS_TO_1753: i32 = 639_905;
/// Day number of 9999-12-31.
pub const LAST_DAY: i32 = 3_652_058;

/// Day number of a date; `None` unless it is a date of the years 1 to 9999.
pub fn day_number(year: i32, month: u32, day: u32) -> Option<i32> {
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    let before = year - 1;
    let mut days = before * 365 + before / 4 - before / 100 + before / 400;
    for m in 1..month {
        days += days_in_month(year, m) as i32;
    }
    Some(days + day as i32 - 1)
}

/// Length of a month.
pub fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Year, month and day of a day number.
pub fn date_of(days: i32) -> (i32, u32, u32) {
    // Days since 0000-03-01, in eras of 400 years (the algorithm of "chrono-Compatible Low-Level Date Algorithms").
    let z = i64::from(days) + 306;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year as i32, month as u32, day as u32)
}

/// Day of the week with Sunday 0.
pub fn weekday(days: i32) -> i32 {
    (days + 1).rem_euclid(7)
}

/// Day of the year from 1.
pub fn day_of_year(days: i32) -> i32 {
    let (year, _, _) = date_of(days);
    days - day_number(year, 1, 1).unwrap_or(0) + 1
}

/// ISO 8601 week.
pub fn iso_week(days: i32) -> i32 {
    let monday_based = (weekday(days) + 6) % 7;
    let thursday = days - monday_based + 3;
    (day_of_year(thursday) - 1) / 7 + 1
}

/// English month names.
pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// English weekday names from Sunday.
pub const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn day_numbers_and_dates_are_inverse() {
        assert_eq!(day_number(1, 1, 1), Some(0));
        assert_eq!(day_number(1900, 1, 1), Some(DAYS_TO_1900));
        assert_eq!(day_number(1753, 1, 1), Some(DAYS_TO_1753));
        assert_eq!(day_number(9999, 12, 31), Some(LAST_DAY));
        assert_eq!(day_number(2023, 2, 29), None);
        for days in (0..=LAST_DAY).step_by(13) {
            let (y, m, d) = date_of(days);
            assert_eq!(day_number(y, m, d), Some(days));
        }
    }

    #[test]
    fn weekdays_and_weeks_are_right() {
        let day = day_number(2024, 2, 29).unwrap();
        assert_eq!(WEEKDAYS[weekday(day) as usize], "Thursday");
        assert_eq!(day_of_year(day), 60);
        assert_eq!(iso_week(day_number(2021, 1, 3).unwrap()), 53);
    }
}
