//! Cuts a table into ranges of its keys: several sessions read a large table at once, and no file grows out of hand.
//!
//! Where the first column of the key tells most rows apart and its type's values can be counted, the cuts lie evenly among the values
//! where there were any when the snapshot was planned: gaps, like the one before a number far above all others, are looked for by index
//! seeks and count for nothing. Elsewhere (orders of a few stores, keys of text) the server is asked for every n-th key, for which it reads an
//! index once. The cuts need not be right: the first range has no lower bound and the last no upper one, so every key that there is, or
//! comes meanwhile, lies in one range.

use proto::snapshot::is_ordered;
use proto::{Article, Column, ColumnType, KeyRange, TableName, Value};
use sqlserver::predicate::Predicate;
use sqlserver::{Client, Error, snapshot};

/// Bytes of rows that a part has at most, about.
const PART_BYTES: u64 = 96 << 20;
/// Parts of a table at most.
const MAX_PARTS: u64 = 1_000;
/// A table with more rows than this share of a part's is read by all sessions.
const LARGE: u64 = 5;

/// Ranges in which it is looked whether there are keys, at a time: two index seeks each.
const LOOKS: u64 = 16;
/// How often it is looked more closely at those where there are some, at most.
const CLOSER: usize = 8;
/// Values a part that the first of several key columns has room for where it tells most rows apart.
const MANY: u128 = 1_000;

/// Ranges of an article's keys for about so many parts; about `rows` rows are in its table.
pub(super) async fn of_article(
    client: &mut Client,
    article: &Article,
    predicate: Option<&Predicate>,
    rows: u64,
    parts: u64,
) -> Result<Vec<KeyRange>, Error> {
    let key: Vec<&Column> = article.key().into_iter().map(|i| &article.columns[i]).collect();
    let Some(first) = key.first().filter(|_| parts > 1) else { return Ok(vec![KeyRange::ALL]) };
    if is_ordered(first.column_type) {
        let occupied = occupied(client, &article.source, first).await?;
        if key.len() == 1 || width_of(first.column_type, &occupied) >= MANY * u128::from(parts) {
            return Ok(cut(first.column_type, &occupied, parts));
        }
    }
    let cuts = snapshot::key_cuts(client, article, predicate, rows.div_ceil(parts)).await?;
    let ordered = key.iter().take_while(|column| is_ordered(column.column_type)).count();
    Ok(between(shortened(cuts, ordered)))
}

/// Cuts by their first columns alone, whose order is known here, if most of them still are there then: what is known of a part that was read
/// does not depend on that of the others then.
fn shortened(mut cuts: Vec<Vec<Value>>, ordered: usize) -> Vec<Vec<Value>> {
    cuts.dedup();
    let mut short: Vec<Vec<Value>> = cuts.iter().map(|cut| cut.iter().take(ordered).cloned().collect()).collect();
    short.dedup();
    if ordered > 0 && short.len() > cuts.len() / 2 { short } else { cuts }
}

/// The ranges that meet at these bounds, which ascend.
fn between(bounds: Vec<Vec<Value>>) -> Vec<KeyRange> {
    let mut lower = Vec::new();
    let mut ranges = Vec::with_capacity(bounds.len() + 1);
    for bound in bounds {
        ranges.push(KeyRange { lower: std::mem::replace(&mut lower, bound.clone()), upper: bound });
    }
    ranges.push(KeyRange { lower, upper: Vec::new() });
    ranges
}

/// Where there are values of a key column: from a smallest to a largest one each, in ascending order and apart.
async fn occupied(client: &mut Client, source: &TableName, key: &Column) -> Result<Vec<(Value, Value)>, Error> {
    let column_type = key.column_type;
    let mut occupied: Vec<_> = snapshot::key_bounds(client, source, key, &KeyRange::ALL).await?.into_iter().collect();
    for _ in 0..CLOSER {
        let before = width_of(column_type, &occupied);
        let mut found = Vec::new();
        for (first, last) in occupied {
            let span = [(first, last)];
            // Where it is looked longest, most is to be found.
            let looks = width_of(column_type, &span).saturating_mul(LOOKS.into()) / before.max(1);
            let ranges = cut(column_type, &span, looks as u64);
            let [(first, last)] = span;
            if ranges.len() == 1 {
                found.push((first, last));
                continue;
            }
            for range in &ranges {
                let Some(ends) = snapshot::key_bounds(client, source, key, range).await? else { continue };
                // The outer ones have no bounds of their own.
                let from = if range.lower.is_empty() { first.clone() } else { ends.0 };
                let to = if range.upper.is_empty() { last.clone() } else { ends.1 };
                found.push((from, to));
            }
        }
        let after = width_of(column_type, &found);
        occupied = found;
        if after > before / 2 {
            break;
        }
    }
    Ok(occupied)
}

/// In how many parts a table of about `rows` rows is read by so many sessions; a part has about `rows_a_part` at most.
pub(super) fn count(rows: u64, columns: &[Column], sessions: usize, rows_a_part: u64) -> u64 {
    let rows_a_part = rows_a_part.min(PART_BYTES / width(columns)).max(1);
    if rows <= rows_a_part / LARGE {
        return 1;
    }
    rows.div_ceil(rows_a_part).max(sessions as u64).min(MAX_PARTS)
}

/// About how many bytes a row takes.
fn width(columns: &[Column]) -> u64 {
    use ColumnType as T;
    let of = |column: &Column| match column.column_type {
        T::Char(n) | T::Binary(n) => u64::from(n),
        T::NChar(n) => 2 * u64::from(n),
        // Seldom are they full.
        T::VarChar(Some(n)) | T::VarBinary(Some(n)) => u64::from(n).div_ceil(2).min(100),
        T::NVarChar(Some(n)) => u64::from(n).min(100),
        column_type if column_type.is_max() => 1_000,
        T::SqlVariant | T::HierarchyId => 50,
        _ => 9,
    };
    columns.iter().map(of).sum::<u64>().max(1)
}

/// Cuts the values of a column into up to so many ranges, evenly among those where there are any: from a smallest to a largest one each,
/// in ascending order and apart. Into one range where the type's order is only the server's.
fn cut(column_type: ColumnType, occupied: &[(Value, Value)], parts: u64) -> Vec<KeyRange> {
    let (values, n) = (width_of(column_type, occupied), u128::from(parts));
    let mut offsets: Vec<u128> = (1..n).map(|i| values / n * i + values % n * i / n).filter(|at| *at > 0).collect();
    offsets.dedup();
    let bounds = offsets.into_iter().filter_map(|offset| nth(column_type, occupied, offset));
    between(bounds.map(|bound| vec![bound]).collect())
}

/// How many values there are from one to another, both included.
fn width_between(column_type: ColumnType, first: &Value, last: &Value) -> Option<u128> {
    let (from, to) = (place(column_type, first)?, place(column_type, last)?);
    // As far apart as the type goes: more than the signed type holds.
    (from <= to).then(|| (to.wrapping_sub(from) as u128).saturating_add(1))
}

fn width_of(column_type: ColumnType, occupied: &[(Value, Value)]) -> u128 {
    let widths = occupied.iter().filter_map(|(first, last)| width_between(column_type, first, last));
    widths.fold(0, u128::saturating_add)
}

/// The value that so many come before.
fn nth(column_type: ColumnType, occupied: &[(Value, Value)], mut before: u128) -> Option<Value> {
    for (first, last) in occupied {
        let width = width_between(column_type, first, last)?;
        if before < width {
            return Some(value(column_type, place(column_type, first)?.wrapping_add(before as i128)));
        }
        before -= width;
    }
    None
}

/// 1/300 s a day, in which `datetime` counts.
const DATETIME_TICKS: i128 = 300 * 86_400;
/// Minutes a day, in which `smalldatetime` counts.
const MINUTES: i128 = 1_440;
/// 100 ns a day, in which the newer types count.
const TICKS: i128 = 864_000_000_000;

/// 100 ns units in the smallest step of a type with so many decimal places of a second.
fn step(scale: u8) -> i128 {
    10_i128.pow(7_u32.saturating_sub(u32::from(scale)))
}

/// Where a value stands among those of its type, which are then as far apart as they are; `None` for types that are not ordered here.
fn place(column_type: ColumnType, value: &Value) -> Option<i128> {
    use ColumnType as T;
    Some(match (column_type, value) {
        (T::Bit, Value::Bit(v)) => i128::from(*v),
        (T::TinyInt, Value::U8(v)) => i128::from(*v),
        (T::SmallInt, Value::I16(v)) => i128::from(*v),
        (T::Int, Value::I32(v)) => i128::from(*v),
        (T::BigInt, Value::I64(v)) => i128::from(*v),
        (T::Decimal { .. } | T::Money | T::SmallMoney, Value::Decimal { unscaled, .. }) if column_type.holds(value) => {
            *unscaled
        }
        (T::Date, Value::Date(days)) => i128::from(*days),
        (T::Time(scale), Value::Time(ticks)) => i128::from(*ticks) / step(scale),
        (T::SmallDateTime, Value::SmallDateTime { days, minutes }) => {
            i128::from(*days) * MINUTES + i128::from(*minutes)
        }
        (T::DateTime, Value::DateTime { days, ticks }) => i128::from(*days) * DATETIME_TICKS + i128::from(*ticks),
        (T::DateTime2(scale), Value::DateTime2 { days, ticks })
        | (T::DateTimeOffset(scale), Value::DateTimeOffset { days, ticks, .. }) => {
            (i128::from(*days) * TICKS + i128::from(*ticks)) / step(scale)
        }
        // Bits of an unsigned number in the order of a signed one.
        (T::UniqueIdentifier, Value::Guid(guid)) => {
            (u128::from_be_bytes(proto::snapshot::guid_order(guid)) ^ (1 << 127)) as i128
        }
        _ => return None,
    })
}

/// The value at a place between two that [`place`] gave.
fn value(column_type: ColumnType, place: i128) -> Value {
    use ColumnType as T;
    match column_type {
        T::Bit => Value::Bit(place != 0),
        T::TinyInt => Value::U8(place as u8),
        T::SmallInt => Value::I16(place as i16),
        T::Int => Value::I32(place as i32),
        T::BigInt => Value::I64(place as i64),
        T::Decimal { scale, .. } => Value::Decimal { unscaled: place, scale },
        T::Money | T::SmallMoney => Value::Decimal { unscaled: place, scale: 4 },
        T::Date => Value::Date(place as i32),
        T::Time(scale) => Value::Time((place * step(scale)) as u64),
        T::SmallDateTime => Value::SmallDateTime { days: (place / MINUTES) as u16, minutes: (place % MINUTES) as u16 },
        T::DateTime => Value::DateTime {
            // Days before 1900 are negative.
            days: place.div_euclid(DATETIME_TICKS) as i32,
            ticks: place.rem_euclid(DATETIME_TICKS) as u32,
        },
        T::DateTime2(scale) => {
            let ticks = place * step(scale);
            Value::DateTime2 { days: (ticks / TICKS) as i32, ticks: (ticks % TICKS) as u64 }
        }
        T::DateTimeOffset(scale) => {
            let ticks = place * step(scale);
            Value::DateTimeOffset { days: (ticks / TICKS) as i32, ticks: (ticks % TICKS) as u64, offset: 0 }
        }
        T::UniqueIdentifier => Value::Guid(proto::snapshot::guid_at(((place as u128) ^ (1 << 127)).to_be_bytes())),
        // No other type has places.
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use proto::snapshot::compare;
    use std::cmp::Ordering;

    const TYPES: [ColumnType; 24] = [
        ColumnType::Bit,
        ColumnType::TinyInt,
        ColumnType::SmallInt,
        ColumnType::Int,
        ColumnType::BigInt,
        ColumnType::Decimal { precision: 38, scale: 0 },
        ColumnType::Decimal { precision: 38, scale: 38 },
        ColumnType::Decimal { precision: 9, scale: 2 },
        ColumnType::Money,
        ColumnType::SmallMoney,
        ColumnType::Date,
        ColumnType::Time(0),
        ColumnType::Time(3),
        ColumnType::Time(7),
        ColumnType::SmallDateTime,
        ColumnType::DateTime,
        ColumnType::DateTime2(0),
        ColumnType::DateTime2(3),
        ColumnType::DateTime2(7),
        ColumnType::DateTimeOffset(0),
        ColumnType::DateTimeOffset(7),
        ColumnType::UniqueIdentifier,
        ColumnType::Float,
        ColumnType::VarChar(Some(10)),
    ];

    /// Some value of a type; `edge` leads to its extremes.
    fn some(column_type: ColumnType, seed: i128, edge: u8) -> Value {
        use ColumnType as T;
        let within = |low: i128, high: i128| match edge {
            0 => low,
            1 => high,
            _ => low + seed.rem_euclid(high - low + 1),
        };
        let scaled = |n: i128, scale: u8| n / step(scale) * step(scale);
        let last_day = 3_652_058;
        match column_type {
            T::Bit => Value::Bit(within(0, 1) == 1),
            T::TinyInt => Value::U8(within(0, 255) as u8),
            T::SmallInt => Value::I16(within(i16::MIN.into(), i16::MAX.into()) as i16),
            T::Int => Value::I32(within(i32::MIN.into(), i32::MAX.into()) as i32),
            T::BigInt => Value::I64(within(i64::MIN.into(), i64::MAX.into()) as i64),
            T::Decimal { precision, scale } => {
                let most = 10_i128.pow(precision.into()) - 1;
                let unscaled = match edge {
                    0 => -most,
                    1 => most,
                    _ => seed % (most + 1),
                };
                Value::Decimal { unscaled, scale }
            }
            T::Money => Value::Decimal { unscaled: within(i64::MIN.into(), i64::MAX.into()), scale: 4 },
            T::SmallMoney => Value::Decimal { unscaled: within(i32::MIN.into(), i32::MAX.into()), scale: 4 },
            T::Date => Value::Date(within(0, last_day) as i32),
            T::Time(scale) => Value::Time(scaled(within(0, TICKS - 1), scale) as u64),
            T::SmallDateTime => {
                Value::SmallDateTime { days: within(0, 65_535) as u16, minutes: within(0, MINUTES - 1) as u16 }
            }
            T::DateTime => {
                Value::DateTime { days: within(-53_690, 2_958_463) as i32, ticks: within(0, DATETIME_TICKS - 1) as u32 }
            }
            T::DateTime2(scale) => {
                Value::DateTime2 { days: within(0, last_day) as i32, ticks: scaled(within(0, TICKS - 1), scale) as u64 }
            }
            T::DateTimeOffset(scale) => Value::DateTimeOffset {
                days: within(0, last_day) as i32,
                ticks: scaled(within(0, TICKS - 1), scale) as u64,
                offset: within(-840, 840) as i16,
            },
            T::UniqueIdentifier => match edge {
                0 => Value::Guid([0; 16]),
                1 => Value::Guid([255; 16]),
                _ => Value::Guid(seed.to_be_bytes()),
            },
            T::Float => Value::F64(within(-1_000, 1_000) as f64),
            _ => Value::String(format!("{}", within(0, 1_000_000))),
        }
    }

    fn sorted(a: Value, b: Value) -> (Value, Value) {
        if compare(&a, &b) == Some(Ordering::Greater) { (b, a) } else { (a, b) }
    }

    proptest! {
        #[test]
        fn every_key_is_in_one_range(
            which in 0..TYPES.len(), seeds: [i128; 3], edges in [0..4u8, 0..4u8, 0..4u8], parts in 1..70u64,
        ) {
            let column_type = TYPES[which];
            let key = some(column_type, seeds[2], edges[2]);
            let (first, last) = sorted(some(column_type, seeds[0], edges[0]), some(column_type, seeds[1], edges[1]));
            let ranges = cut(column_type, &[(first.clone(), last.clone())], parts);
            prop_assert!(ranges.len() as u64 <= parts);
            prop_assert!(ranges[0].lower.is_empty() && ranges[ranges.len() - 1].upper.is_empty());
            if !is_ordered(column_type) {
                prop_assert_eq!(ranges, vec![KeyRange::ALL]);
                return Ok(());
            }
            // The bounds are values of the type to its own precision, in ascending order, and none of a range is missing at the next.
            for pair in ranges.windows(2) {
                let [bound] = pair[0].upper.as_slice() else { panic!("{pair:?}") };
                prop_assert_eq!(&pair[0].upper, &pair[1].lower);
                prop_assert!(column_type.holds(bound));
                prop_assert_eq!(&value(column_type, place(column_type, bound).unwrap()), bound);
                prop_assert_eq!(compare(&first, bound), Some(Ordering::Less));
                prop_assert!(compare(bound, &last) != Some(Ordering::Greater));
            }
            for key in [&key, &first, &last].into_iter().chain(ranges.iter().flat_map(|range| &range.lower)) {
                let key = std::slice::from_ref(key);
                prop_assert_eq!(ranges.iter().filter(|range| range.contains(key).unwrap()).count(), 1);
            }
        }

        #[test]
        fn cuts_are_even(first in -1_000_000..0_i64, span in 1_000..1_000_000_000_i64, parts in 2..70u64) {
            let ranges = cut(ColumnType::BigInt, &[(Value::I64(first), Value::I64(first + span))], parts);
            prop_assert_eq!(ranges.len() as u64, parts);
            let bound = |bound: &[Value], end| match bound { [Value::I64(v)] => *v, _ => end };
            for range in &ranges {
                let width = bound(&range.upper, first + span) - bound(&range.lower, first);
                prop_assert!((width - span / parts as i64).abs() <= 1, "{:?}", range);
            }
        }
    }

    #[test]
    fn gaps_count_for_nothing() {
        let between = |first, last| (Value::I32(first), Value::I32(last));
        let occupied = [between(1, 500), between(1_001, 1_499), between(i32::MAX, i32::MAX)];
        let bounds: Vec<_> = cut(ColumnType::Int, &occupied, 4).into_iter().flat_map(|range| range.upper).collect();
        assert_eq!(bounds, [Value::I32(251), Value::I32(1_001), Value::I32(1_251)]);
        assert_eq!(cut(ColumnType::Int, &[], 4), [KeyRange::ALL]);
    }

    #[test]
    fn cuts_have_no_more_columns_than_it_takes() {
        let cut = |store: i32, number: &str| vec![Value::I32(store), Value::String(number.into())];
        let stores = |cuts: &[Vec<Value>]| cuts.iter().map(|cut| cut.len()).collect::<Vec<_>>();
        // The stores alone tell most parts apart.
        let apart = [cut(1, "a"), cut(2, "a"), cut(2, "b"), cut(3, "a")];
        assert_eq!(shortened(apart.to_vec(), 1), [vec![Value::I32(1)], vec![Value::I32(2)], vec![Value::I32(3)]]);
        // One store has nearly all; keys that begin with text; a key that is known to the end.
        let together = [cut(1, "a"), cut(1, "b"), cut(1, "c"), cut(2, "a"), cut(2, "a")];
        assert_eq!(stores(&shortened(together.to_vec(), 1)), [2, 2, 2, 2]);
        assert_eq!(stores(&shortened(apart.to_vec(), 0)), [2, 2, 2, 2]);
        assert_eq!(stores(&shortened(apart.to_vec(), 2)), [2, 2, 2, 2]);
        assert_eq!(between(Vec::new()), [KeyRange::ALL]);
        let ranges = between(shortened(together.to_vec(), 1));
        assert_eq!(ranges.len(), 5);
        assert!(ranges.windows(2).all(|pair| pair[0].upper == pair[1].lower && !pair[0].upper.is_empty()));
    }

    #[test]
    fn a_single_value_and_two_neighbours() {
        assert_eq!(cut(ColumnType::Int, &[(Value::I32(7), Value::I32(7))], 8), [KeyRange::ALL]);
        let two = cut(ColumnType::Bit, &[(Value::Bit(false), Value::Bit(true))], 8);
        assert_eq!(two.len(), 2);
        assert_eq!(two[1].lower, [Value::Bit(true)]);
        // The whole of a type, further apart than its own width can tell.
        let all = cut(ColumnType::UniqueIdentifier, &[(Value::Guid([0; 16]), Value::Guid([255; 16]))], 4);
        assert_eq!(all.len(), 4);
        let extremes = (Value::I64(i64::MIN), Value::I64(i64::MAX));
        assert_eq!(cut(ColumnType::BigInt, &[extremes], 2)[1].lower, [Value::I64(0)]);
    }

    #[test]
    fn small_tables_are_one_part_and_large_ones_busy_every_session() {
        let narrow = [Column::new("id", ColumnType::BigInt), Column::new("note", ColumnType::VarChar(Some(50)))];
        assert_eq!(count(0, &narrow, 4, 500_000), 1);
        assert_eq!(count(100_000, &narrow, 4, 500_000), 1);
        assert_eq!(count(100_001, &narrow, 4, 500_000), 4);
        assert_eq!(count(5_000_000, &narrow, 4, 500_000), 10);
        assert_eq!(count(u64::MAX, &narrow, 4, 500_000), MAX_PARTS);
        // A part of wide rows has fewer of them.
        let wide = [Column::new("id", ColumnType::BigInt), Column::new("note", ColumnType::Char(5_000))];
        let parts = count(1_000_000, &wide, 4, 500_000);
        assert!((40..=60).contains(&parts), "{parts}");
    }
}
