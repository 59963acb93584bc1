//! The log in segment files: what was synced is there, whole units only, whatever ended the last process.
#![allow(clippy::unwrap_used, missing_docs)]

use distributor::log::{LogError, LogStore, LogView, Place, Record, SegmentLog};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::path::{Path, PathBuf};

const SEGMENT: u64 = 4 << 10;

/// A unit of `parts` records; what is in them follows from its key.
fn unit(key: u128, parts: u32) -> Vec<Record> {
    let record = |part: u32| Record {
        key,
        ends_unit: part + 1 == parts,
        counts: !key.is_multiple_of(3),
        head: format!("{key}.{part}").into_bytes(),
        payload: vec![vec![key as u8; (key % 97) as usize], vec![part as u8; 5]],
    };
    (0..parts).map(record).collect()
}

/// Everything after a key, as units' keys with their number of records; checks every byte on the way.
fn read(view: &dyn LogView, after: Option<u128>, limit: u64) -> Vec<(u128, u32)> {
    let mut reader = view.reader();
    reader.seek_after(after, limit).unwrap();
    let mut units: Vec<(u128, u32)> = Vec::new();
    while let Some(head) = reader.next(limit).unwrap() {
        let part = match units.last_mut() {
            Some((key, parts)) if *key == head.key => {
                *parts += 1;
                *parts - 1
            }
            _ => {
                units.push((head.key, 1));
                0
            }
        };
        let written = &unit(head.key, part + 1 + u32::from(!head.ends_unit))[part as usize];
        assert_eq!((&head.head, head.ends_unit, head.counts), (&written.head, written.ends_unit, written.counts));
        assert_eq!(reader.payload(0..head.payload).unwrap(), written.payload.concat());
    }
    units
}

fn all(log: &SegmentLog) -> Vec<(u128, u32)> {
    let view = log.view();
    let start = view.start().key;
    read(&*view, start, log.unit_end().offset)
}

fn append(log: &mut SegmentLog, key: u128, parts: u32) {
    log.write(&unit(key, parts)).unwrap();
    log.sync().unwrap();
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn newest(directory: &Path) -> PathBuf {
    let names = std::fs::read_dir(directory).unwrap().map(|e| e.unwrap().path());
    names.filter(|p| p.extension().is_some_and(|e| e == "log")).max().unwrap()
}

#[test]
fn what_is_written_is_read_from_any_position_and_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = SegmentLog::open(directory.path(), SEGMENT).unwrap();
    for key in 1..=300 {
        append(&mut log, key * 2, 1 + (key % 5) as u32);
    }
    let expected: Vec<_> = (1..=300).map(|key| (key * 2, 1 + (key % 5) as u32)).collect();
    for _ in 0..2 {
        assert!(log.view().extents().len() > 5);
        assert_eq!(all(&log), expected);
        for after in [0, 1, 2, 3, 250, 251, 599, 600, 601] {
            let rest: Vec<_> = expected.iter().copied().filter(|(key, _)| *key > after).collect();
            assert_eq!(read(&*log.view(), Some(after), log.unit_end().offset), rest, "after {after}");
        }
        let place = log.view().reader().seek_after(Some(301), log.unit_end().offset).unwrap();
        let counted = (1..=150u128).filter(|key| !(key * 2).is_multiple_of(3)).count() as u64;
        assert_eq!(place.units, counted);
        drop(log);
        log = SegmentLog::open(directory.path(), SEGMENT).unwrap();
    }
}

#[test]
fn every_prefix_of_the_newest_file_recovers_to_the_end_of_a_unit() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = SegmentLog::open(directory.path(), 1 << 20).unwrap();
    let mut ends: Vec<(u64, usize)> = vec![(0, 0)];
    for key in 1..=20 {
        append(&mut log, key, 1 + (key % 4) as u32);
        ends.push((log.end().offset, key as usize));
    }
    let end = log.end().offset;
    drop(log);
    let file = newest(directory.path());
    // Preallocated zeros behind the records are no different from none.
    for length in (0..=64 + end + 100).step_by(3) {
        let scratch = tempfile::tempdir().unwrap();
        copy(directory.path(), scratch.path());
        let copied =
            std::fs::OpenOptions::new().write(true).open(scratch.path().join(file.file_name().unwrap())).unwrap();
        copied.set_len(length).unwrap();
        let opened = SegmentLog::open(scratch.path(), 1 << 20);
        if length < 64 {
            assert!(matches!(opened, Err(LogError::Damaged { .. })), "a segment without its header is damage");
            continue;
        }
        let mut log = opened.unwrap();
        let (offset, units) = *ends.iter().rev().find(|(offset, _)| 64 + offset <= length).unwrap();
        assert_eq!((log.end().offset, all(&log).len()), (offset, units), "cut to {length}");
        append(&mut log, 1000, 2);
        assert_eq!(all(&log).last(), Some(&(1000, 2)));
    }
}

#[test]
fn a_flipped_bit_in_the_newest_file_ends_the_log_before_it_and_in_an_older_one_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = SegmentLog::open(directory.path(), 1 << 20).unwrap();
    for key in 1..=10 {
        append(&mut log, key, 2);
    }
    let end = log.end().offset as usize;
    drop(log);
    let path = newest(directory.path());
    let content = std::fs::read(&path).unwrap();
    for position in (64..64 + end).step_by(5) {
        let mut damaged = content.clone();
        damaged[position] ^= 0x10;
        std::fs::write(&path, &damaged).unwrap();
        let log = SegmentLog::open(directory.path(), 1 << 20).unwrap();
        let units = all(&log);
        assert!(units.len() < 10, "byte {position}");
        assert_eq!(units, (1..=units.len() as u128).map(|key| (key, 2)).collect::<Vec<_>>());
    }

    let directory = tempfile::tempdir().unwrap();
    let mut log = SegmentLog::open(directory.path(), SEGMENT).unwrap();
    for key in 1..=200 {
        append(&mut log, key, 2);
    }
    drop(log);
    let oldest = directory.path().join(format!("{:020}.log", 0));
    let mut damaged = std::fs::read(&oldest).unwrap();
    damaged[2000] ^= 1;
    std::fs::write(&oldest, damaged).unwrap();
    // With its index the damage shows when it is read, without when it is opened.
    let log = SegmentLog::open(directory.path(), SEGMENT).unwrap();
    let mut reader = log.view().reader();
    let error = loop {
        match reader.next(log.unit_end().offset) {
            Ok(Some(head)) => {
                let payload = reader.payload(0..head.payload).unwrap();
                if payload != unit(head.key, 2).iter().find(|r| r.head == head.head).unwrap().payload.concat() {
                    break None;
                }
            }
            Ok(None) => panic!("the damage was not seen"),
            Err(error) => break Some(error),
        }
    };
    assert!(error.is_none_or(|e| e.to_string().contains("damaged")));
    drop(log);
    std::fs::remove_file(oldest.with_extension("index")).unwrap();
    assert!(matches!(SegmentLog::open(directory.path(), SEGMENT), Err(LogError::Damaged { .. })));
}

#[test]
fn a_lost_or_damaged_index_of_a_segment_is_made_up_for_by_reading_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = SegmentLog::open(directory.path(), SEGMENT).unwrap();
    for key in 1..=200 {
        append(&mut log, key, 2);
    }
    let expected = all(&log);
    drop(log);
    for (number, entry) in std::fs::read_dir(directory.path()).unwrap().enumerate() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "index") {
            if number % 2 == 0 {
                std::fs::remove_file(path).unwrap();
            } else {
                std::fs::write(path, b"SQLRQIDX nonsense").unwrap();
            }
        }
    }
    assert_eq!(all(&SegmentLog::open(directory.path(), SEGMENT).unwrap()), expected);
}

#[test]
fn what_was_dropped_is_gone_and_said_to_be() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = SegmentLog::open(directory.path(), SEGMENT).unwrap();
    for key in 1..=200 {
        append(&mut log, key, 2);
    }
    let extents = log.view().extents();
    let kept = extents[3];
    log.drop_before(kept.start.offset).unwrap();
    for _ in 0..2 {
        let start = log.view().start();
        assert_eq!(start, kept.start);
        let before = start.key.map(|key| key - 1);
        assert!(matches!(log.view().reader().seek_after(before, log.end().offset), Err(LogError::Gone)));
        assert!(matches!(log.view().reader().seek_after(None, log.end().offset), Err(LogError::Gone)));
        let rest = read(&*log.view(), start.key, log.end().offset);
        assert_eq!(rest.last(), Some(&(200, 2)));
        drop(log);
        log = SegmentLog::open(directory.path(), SEGMENT).unwrap();
    }
    // Never the last, whose file knows the position.
    log.drop_before(u64::MAX).unwrap();
    assert_eq!(log.view().extents().len(), 1);
    assert_eq!(log.end().key, Some(200));
}

#[test]
fn what_was_rewound_never_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = SegmentLog::open(directory.path(), SEGMENT).unwrap();
    append(&mut log, 1, 1);
    // Records of the same sizes, so that old ones would stand exactly behind new ones.
    let same = |n: u8| Record { key: 2, ends_unit: false, counts: true, head: vec![n; 8], payload: vec![vec![n; 500]] };
    log.write(&(0..20).map(same).collect::<Vec<_>>()).unwrap();
    log.sync().unwrap();
    let unit_end = log.unit_end();
    log.rewind(unit_end).unwrap();
    log.write(&[Record { ends_unit: true, ..same(99) }]).unwrap();
    log.sync().unwrap();
    for _ in 0..2 {
        let mut reader = log.view().reader();
        reader.seek_after(Some(1), log.end().offset).unwrap();
        assert_eq!(reader.next(log.end().offset).unwrap().unwrap().head, vec![99; 8]);
        assert_eq!(reader.next(log.end().offset).unwrap(), None);
        drop(log);
        log = SegmentLog::open(directory.path(), SEGMENT).unwrap();
        assert_eq!(log.end(), log.unit_end());
    }
}

/// Random work against a list of what should be there; the process "ends" at random moments, with whatever had not been synced
/// cut off at a random place.
#[test]
fn random_work_with_power_cuts_keeps_what_was_synced() {
    for seed in 0..12 {
        let mut rng = StdRng::seed_from_u64(seed);
        let directory = tempfile::tempdir().unwrap();
        let mut log = SegmentLog::open(directory.path(), SEGMENT).unwrap();
        let mut durable: Vec<(u128, u32)> = Vec::new();
        let mut written = durable.clone();
        let mut synced: Place = log.end();
        let mut key = 0;
        for _ in 0..300 {
            match rng.random_range(0..100) {
                0..60 => {
                    key += rng.random_range(1..4);
                    let parts = rng.random_range(1..8);
                    log.write(&unit(key, parts)).unwrap();
                    written.push((key, parts));
                }
                60..85 => {
                    log.sync().unwrap();
                    durable.append(&mut written);
                    synced = log.end();
                }
                85..90 => {
                    // A unit that never ends, forgotten again.
                    log.write(&unit(key + 1, 5)[..rng.random_range(1..4)]).unwrap();
                    log.sync().unwrap();
                    let unit_end = log.unit_end();
                    log.rewind(unit_end).unwrap();
                    durable.append(&mut written);
                    synced = log.end();
                }
                90..95 => {
                    let extents = log.view().extents();
                    let kept = extents[rng.random_range(0..extents.len())].start;
                    // Only what is durable is ever given up.
                    if kept.offset <= synced.offset {
                        log.drop_before(kept.offset).unwrap();
                        let start = log.view().start().key;
                        durable.retain(|(key, _)| Some(*key) > start);
                    }
                }
                _ => {
                    // The newest segment's file keeps a random part of what was not synced. Older ones were synced when finished.
                    let newest_start = log.view().extents().last().unwrap().start.offset;
                    drop(log);
                    let path = newest(directory.path());
                    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
                    let kept = 64 + synced.offset.saturating_sub(newest_start);
                    let length = file.metadata().unwrap().len();
                    file.set_len(rng.random_range(kept..=length.max(kept))).unwrap();
                    log = SegmentLog::open(directory.path(), SEGMENT).unwrap();
                    let found = all(&log);
                    let start = log.view().start().key;
                    let hoped: Vec<_> = [durable.clone(), written.clone()].concat();
                    assert!(found.len() >= durable.len(), "seed {seed}: what was synced is gone");
                    assert_eq!(found, hoped[..found.len()], "seed {seed}, from {start:?}");
                    durable = found;
                    written.clear();
                    synced = log.end();
                    key = durable.last().map_or(key, |(last, _)| *last);
                }
            }
        }
    }
}
