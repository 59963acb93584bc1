//! A SQL Server that goes away in the middle of anything and comes back finds the line going on where it was.

#![allow(clippy::unwrap_used)]

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::time::Duration;
use tests::line::Line;
use tests::shop::{self, CONTENTS, TABLES};

async fn active() -> Line {
    let mut line = Line::start_on_sandboxes().await;
    shop::make(&line).await;
    let tables: Vec<&str> = TABLES.into_iter().chain(["dbo.fence"]).collect();
    line.replicate(&tables).await;
    line.drain().await;
    line
}

async fn assert_equal(line: &mut Line) {
    line.drain().await;
    for table in CONTENTS {
        line.assert_equal(table).await;
    }
    for role in [&mut line.publisher, &mut line.subscriber] {
        assert!(role.as_ref().unwrap().is_running(), "no role has given up");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_subscribers_server_may_be_killed_under_load() {
    let mut line = active().await;
    let mut rng = StdRng::seed_from_u64(45);
    let workload = shop::work(&line.source, 45, 2);
    for _ in 0..4 {
        workload.makes(rng.random_range(10..60)).await;
        line.target.restart().await;
    }
    workload.makes(20).await;
    workload.stop().await;
    assert_equal(&mut line).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_publishers_server_may_be_killed_with_captured_changes_still_to_be_read() {
    let mut line = active().await;
    let mut rng = StdRng::seed_from_u64(46);
    for round in 0..4 {
        let workload = shop::work(&line.source, 46 + round, 2);
        workload.makes(rng.random_range(10..60)).await;
        workload.stop().await;
        // Part of what was committed is on its way at this moment.
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..30))).await;
        line.source.restart().await;
    }
    assert_equal(&mut line).await;
}
