//! The queue against a bare file: the same bytes, the same number of syncs.

use crate::report::{Report, rate};
use distributor::log::{DEFAULT_SEGMENT_SIZE, LogStore, Record, SegmentLog};
use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

/// Payload of a transaction: 10 changes of 200 bytes.
const PAYLOAD: usize = 2_000;
/// Transactions between two syncs, and how many transactions in all.
const GROUPS: [(usize, usize); 3] = [(1, 1_000), (16, 16_000), (256, 100_000)];

/// Measures each group size.
pub fn measure(report: &mut Report) {
    for (group, transactions) in GROUPS {
        // Alternating, so that both meet the same disk; the better of each.
        let mut best = (Duration::MAX, Duration::MAX);
        for _ in 0..3 {
            best = (best.0.min(log(group, transactions)), best.1.min(bare(group, transactions)));
        }
        report.speed(
            &format!("queue, one sync per {group} transactions"),
            "tx",
            rate(transactions as u64, best.0),
            rate(transactions as u64, best.1),
            0.6,
        );
    }
}

fn record(key: u128) -> Record {
    Record { key, ends_unit: true, counts: true, head: vec![1; 40], payload: vec![vec![7; PAYLOAD]] }
}

fn log(group: usize, transactions: usize) -> Duration {
    let folder = tempfile::tempdir_in(".").expect("a folder can be made");
    let mut log = SegmentLog::open(folder.path(), DEFAULT_SEGMENT_SIZE).expect("a log can be made");
    let records: Vec<Record> = (0..transactions as u128).map(|key| record(key + 1)).collect();
    let started = Instant::now();
    for records in records.chunks(group) {
        log.write(records).expect("the disk has room");
        log.sync().expect("the disk can sync");
    }
    started.elapsed()
}

fn bare(group: usize, transactions: usize) -> Duration {
    let folder = tempfile::tempdir_in(".").expect("a folder can be made");
    let mut file = File::create(folder.path().join("bare")).expect("a file can be made");
    let bytes = vec![7; record(1).stored_size() as usize * group];
    let started = Instant::now();
    for _ in 0..transactions.div_ceil(group) {
        file.write_all(&bytes).expect("the disk has room");
        file.sync_data().expect("the disk can sync");
    }
    started.elapsed()
}
