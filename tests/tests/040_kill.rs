//! Whichever role dies at whichever moment: nothing is lost, nothing is applied twice, and the subscriber never shows a state
//! that the publisher did not have at a commit.

#![allow(clippy::unwrap_used)]

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::time::Duration;
use tests::line::Line;
use tests::shop::{self, CONTENTS, TABLES, Watcher};
use tests::wait;

/// A line whose subscription is active.
async fn active() -> Line {
    let mut line = Line::start().await;
    shop::make(&line).await;
    let tables: Vec<&str> = TABLES.into_iter().chain(["dbo.fence"]).collect();
    line.replicate(&tables).await;
    line.drain().await;
    line
}

async fn kill_again_and_again(seed: u64, rounds: u32, mut kill: impl AsyncFnMut(&mut Line, &mut StdRng)) {
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let mut line = active().await;
    let watcher = Watcher::start(&line.target);
    let workload = shop::work(&line.source, seed, 2);
    for _ in 0..rounds {
        workload.makes(rng.random_range(5..60)).await;
        kill(&mut line, &mut rng).await;
    }
    workload.makes(20).await;
    let transactions = workload.stop().await;
    line.drain().await;
    let looks = watcher.stop().await;
    println!("{transactions} transactions, {rounds} kills, {looks} looks at the invariants");
    for table in CONTENTS {
        line.assert_equal(table).await;
    }
}

async fn a_moment(rng: &mut StdRng) {
    tokio::time::sleep(Duration::from_millis(rng.random_range(0..150))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_log_reader_goes_on_without_loss_or_repetition() {
    kill_again_and_again(41, 6, async |line, rng| {
        line.publisher.take().unwrap().kill();
        a_moment(rng).await;
        line.start_publisher();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_distributor_goes_on_without_loss_or_repetition() {
    kill_again_and_again(42, 6, async |line, rng| {
        line.distributor.take().unwrap().kill();
        a_moment(rng).await;
        line.start_distributor().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_subscriber_goes_on_without_loss_or_repetition() {
    kill_again_and_again(43, 6, async |line, rng| {
        line.subscriber.take().unwrap().kill();
        a_moment(rng).await;
        line.start_subscriber();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_roles_killed_in_any_order_go_on_without_loss_or_repetition() {
    kill_again_and_again(44, 8, async |line, rng| {
        let (first, second) = (rng.random_range(0..3), rng.random_range(0..3));
        for role in [first, second] {
            match role {
                0 => line.publisher.take().into_iter().for_each(tests::process::Process::kill),
                1 => line.distributor.take().into_iter().for_each(tests::process::Process::kill),
                _ => line.subscriber.take().into_iter().for_each(tests::process::Process::kill),
            }
            a_moment(rng).await;
        }
        if line.subscriber.is_none() {
            line.start_subscriber();
        }
        a_moment(rng).await;
        if line.distributor.is_none() {
            line.start_distributor().await;
        }
        if line.publisher.is_none() {
            line.start_publisher();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_killed_while_it_loads_its_snapshot_begins_again() {
    let mut line = Line::start().await;
    shop::make(&line).await;
    let tables: Vec<&str> = TABLES.into_iter().chain(["dbo.fence"]).collect();
    let workload = shop::work(&line.source, 45, 1);
    line.replicate(&tables).await;
    for pause in [5, 20, 60, 120, 200, 300] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        line.subscriber.take().unwrap().kill();
        line.start_subscriber();
    }
    wait::until("the subscription to become active", async || {
        let status = line.status().await;
        (status["subscriptions"][0]["state"] == "active").then_some(())
    })
    .await;
    workload.stop().await;
    line.drain().await;
    for table in CONTENTS {
        line.assert_equal(table).await;
    }
}
