//! The cores of the three roles under a simulated network, disk and database, from a seed: whatever is cut, killed or delayed, and
//! whenever, each commit of a subscriber shows exactly what the publisher had after some commit, no change is lost and none is
//! applied twice.
//!
//! Subscriptions begin with snapshots that were perhaps interrupted, so that their parts are of several positions. Articles come to
//! publications in use; they are loaded beside the stream and join it. Subscriptions and articles are dropped and added again. While
//! that goes on, the queue and the snapshots that nobody needs go.
//!
//! In half of the seeds the stream lags behind what is loaded; in the others it keeps up, what is loaded late is mostly behind it, and
//! snapshots are interrupted, replaced and removed more often.
//!
//! `SIMULATION_SEED=17 cargo test -p tests --test simulation` runs one seed; `SIMULATION_SEEDS=5000` that many.

#![allow(clippy::unwrap_used)]

mod agent;
mod catalog_log;
mod database;
mod distributor;
mod gaps;
mod loader;
mod network;
mod publisher;
mod queue;
mod source;
mod subscriber;
mod world;

use self::world::{Seen, World};

/// Seeds tried when nothing else is said.
const SEEDS: u64 = 50;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

#[test]
fn every_commit_arrives_whole_in_order_and_once_whatever_fails() {
    let seeds = match number("SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let first = number("SIMULATION_FIRST").unwrap_or(0);
            first..first + number("SIMULATION_SEEDS").unwrap_or(SEEDS)
        }
    };
    let count = seeds.end - seeds.start;
    let mut seen = Seen::default();
    for seed in seeds {
        let done = std::panic::catch_unwind(|| World::run(seed));
        seen += done.unwrap_or_else(|_| panic!("failed with SIMULATION_SEED={seed}"));
    }
    println!("{count} seeds, each commit of subscribers compared with the publisher: {seen:?}");
    if count >= SEEDS {
        assert!(seen.happened(), "some of what is to be tested does not happen: {seen:?}");
    }
}
